/* SPDX-License-Identifier: MIT */
#ifndef VITRINE_CPU_HOSTFP_H
#define VITRINE_CPU_HOSTFP_H

/*
 * RISC-V F and D arithmetic on the host's FPU, rounding to nearest even (or, where the name says rtz, to zero), as
 * inline functions of raw bits for the interpreter's hot handlers. Exceptions gather in the host's own sticky flags,
 * MXCSR, until somebody asks. Where HOSTFP_AVAILABLE is 0 nothing else is here: use softfp.h.
 *
 * What is exact on x86-64 (SSE2 and FMA3), and why. `hw` is the instruction alone, `fix` what is done to its result.
 *   add sub mul div sqrt   hw: IEEE 754, tininess detected after rounding, as on RISC-V. fix: a NaN result becomes the
 *                          canonical one (x86 propagates payloads); the flags are right already.
 *   fma fms fnms fnma      hw: as above, one rounding. fix: a NaN result is computed again by softfp, since x86 raises
 *                          nothing for inf * 0 + qNaN and RISC-V wants NV. A host without FMA3 uses softfp throughout.
 *   eq lt le               hw: ucomisd is the quiet comparison (NV for an sNaN only), comisd the signaling one.
 *   min max                not minsd (its answers to NaNs and zeros differ): an integer comparison; NaNs go to softfp.
 *   to_i32 to_i64          hw: one conversion; what does not fit gives the most negative integer and the invalid flag
 *                          alone. fix: that result is computed again by softfp, which saturates RISC-V's way.
 *   to_u32 to_u64          x86 has only signed conversions, and a wider one would raise inexact where RISC-V wants NV
 *                          alone: so the range is checked first, on the bits, and what is outside goes to softfp. So
 *                          do fractions in (-1, 0) and u64 results from 2^63 up.
 *   from_i32 .. from_i64   hw: exact or rounded by MXCSR. u32 by way of i64; u64 from 2^63 up is halved with a sticky
 *                          last bit, converted, and doubled, which is exact.
 *   f32 <-> f64            hw. fix: canonical NaN.
 * x86's denormal-operand flag (DE) has no counterpart in RISC-V and is dropped.
 *
 * State. All of this needs MXCSR at its default but for the flags: nearest even, exceptions masked, FTZ and DAZ off.
 * hostfp_enter sets that, hostfp_leave gives back what was there. Between them the flags belong to one hart: take them
 * before another hart runs, before the guest can look at fcsr, and before code that may use floating point for itself.
 *
 * Compiler flags. None are needed: neither compiler implements FENV_ACCESS well enough to keep C arithmetic from being
 * folded or moved across an access to MXCSR, so each operation is one volatile asm, and volatile asms are neither
 * deleted nor reordered among themselves. No arithmetic is left to the compiler, so -ffp-contract, -frounding-math and
 * -ftrapping-math do not matter. -ffast-math does: it would drop the NaN tests (and link in code that sets FTZ).
 */

#if defined(__x86_64__) && defined(__GNUC__)
#define HOSTFP_AVAILABLE 1
#else
#define HOSTFP_AVAILABLE 0
#endif

#if HOSTFP_AVAILABLE

#include <stdint.h>
#include <string.h>

#include "cpu/softfp.h"

#if defined(__FAST_MATH__) || __FINITE_MATH_ONLY__
#error "hostfp.h tests for NaNs: compile without -ffast-math"
#endif

#define HOSTFP_UNLIKELY(x) __builtin_expect(!!(x), 0)

/* ---- MXCSR: 15 FTZ | 14:13 rounding | 12:7 masks | 6 DAZ | 5 PE | 4 UE | 3 OE | 2 ZE | 1 DE | 0 IE ---- */

#define MXCSR_DEFAULT 0x1f80u
#define MXCSR_FLAGS   0x3fu

static inline uint32_t hostfp_mxcsr(void)
{
    uint32_t csr;
    __asm__ volatile("stmxcsr %0" : "=m"(csr));
    return csr;
}

static inline void hostfp_set_mxcsr(uint32_t csr)
{
    __asm__ volatile("ldmxcsr %0" : : "m"(csr));
}

/* Returns what to give to hostfp_leave. Clears the flags. */
static inline uint32_t hostfp_enter(void)
{
    uint32_t saved = hostfp_mxcsr();
    hostfp_set_mxcsr(MXCSR_DEFAULT);
    return saved;
}

static inline void hostfp_leave(uint32_t saved)
{
    hostfp_set_mxcsr(saved);
}

static inline void hostfp_clear_flags(void)
{
    hostfp_set_mxcsr(hostfp_mxcsr() & ~MXCSR_FLAGS);
}

/* The exceptions since the flags were last cleared, as fflags (4 NV | 3 DZ | 2 OF | 1 UF | 0 NX); clears them. */
static inline unsigned hostfp_take_flags(void)
{
    uint32_t csr = hostfp_mxcsr();
    if ((csr & MXCSR_FLAGS) == 0)
        return 0;
    hostfp_set_mxcsr(csr & ~MXCSR_FLAGS);
    return (csr & 1) << 4 | (csr & 4) << 1 | (csr & 8) >> 1 | (csr & 16) >> 3 | (csr & 32) >> 5;
}

/* Adds fflags to the host's flags: how a softfp result joins the others. */
static inline void hostfp_raise(unsigned fl)
{
    if (fl)
        hostfp_set_mxcsr(hostfp_mxcsr() | (fl & 16) >> 4 | (fl & 8) >> 1 | (fl & 4) << 1 | (fl & 2) << 3 |
                         (fl & 1) << 5);
}

/* A softfp function as a fallback: kept out of line, away from the hot code, with its flags raised on the host. */
#define HOSTFP_FALLBACK(result_t, name, params, sf_call)                                                               \
    static __attribute__((noinline, cold, unused)) result_t name params                                                \
    {                                                                                                                  \
        unsigned fl = 0;                                                                                               \
        result_t r = sf_call;                                                                                          \
        hostfp_raise(fl);                                                                                              \
        return r;                                                                                                      \
    }

/* ---- bits and doubles ---- */

static inline double hf64_value(uint64_t bits)
{
    double v;
    memcpy(&v, &bits, sizeof v);
    return v;
}

static inline float hf32_value(uint32_t bits)
{
    float v;
    memcpy(&v, &bits, sizeof v);
    return v;
}

static inline uint64_t hf64_bits(double v)
{
    uint64_t bits;
    memcpy(&bits, &v, sizeof bits);
    return bits;
}

static inline uint32_t hf32_bits(float v)
{
    uint32_t bits;
    memcpy(&bits, &v, sizeof bits);
    return bits;
}

/* The bits of an arithmetic result (so never an sNaN, and the test raises nothing), NaNs made canonical. The empty asm
 * keeps this a branch that is never taken: a conditional move would put the comparison into every dependency chain. */
static inline uint64_t hf64_result(double v)
{
    if (HOSTFP_UNLIKELY(v != v)) {
        v = hf64_value(SF64_NAN);
        __asm__ volatile("" : "+x"(v));
    }
    return hf64_bits(v);
}

static inline uint32_t hf32_result(float v)
{
    if (HOSTFP_UNLIKELY(v != v)) {
        v = hf32_value(SF32_NAN);
        __asm__ volatile("" : "+x"(v));
    }
    return hf32_bits(v);
}

/*
 * How asms take their sources: SRC one that is only read; FIRST and LOAD, which belong together, the one that %[r]
 * starts from. clang loads well by itself, and always spills to memory what may be there. gcc chooses well between
 * register and memory, but brings what is tied to a result by way of an integer register, a detour in every dependency
 * chain: so there the asm has a move of its own.
 */
#ifdef __clang__
#define HOSTFP_SRC           "x"
#define HOSTFP_FIRST_hf32(a) [first] "[r]"(hf32_value(a))
#define HOSTFP_FIRST_hf64(a) [first] "[r]"(hf64_value(a))
#define HOSTFP_LOAD_hf32     ""
#define HOSTFP_LOAD_hf64     ""
#else
#define HOSTFP_SRC           "xm"
#define HOSTFP_FIRST_hf32(a) [first] "rm"(hf32_value(a))
#define HOSTFP_FIRST_hf64(a) [first] "xm"(hf64_value(a))
#define HOSTFP_LOAD_hf32     "movd %[first], %[r]\n\t"
#define HOSTFP_LOAD_hf64     "movq %[first], %[r]\n\t"
#endif

/* ---- arithmetic ---- */

#define HOSTFP_BINARY(hf, bits_t, value_t, name, insn)                                                                 \
    static inline bits_t hf##_##name(bits_t a, bits_t b)                                                               \
    {                                                                                                                  \
        value_t r;                                                                                                     \
        __asm__ volatile(HOSTFP_LOAD_##hf insn " %[b], %[r]"                                                           \
                         : [r] "=&x"(r)                                                                                \
                         : HOSTFP_FIRST_##hf(a), [b] HOSTFP_SRC(hf##_value(b)));                                       \
        return hf##_result(r);                                                                                         \
    }

HOSTFP_BINARY(hf32, uint32_t, float, add, "addss")
HOSTFP_BINARY(hf32, uint32_t, float, sub, "subss")
HOSTFP_BINARY(hf32, uint32_t, float, mul, "mulss")
HOSTFP_BINARY(hf32, uint32_t, float, div, "divss")
HOSTFP_BINARY(hf64, uint64_t, double, add, "addsd")
HOSTFP_BINARY(hf64, uint64_t, double, sub, "subsd")
HOSTFP_BINARY(hf64, uint64_t, double, mul, "mulsd")
HOSTFP_BINARY(hf64, uint64_t, double, div, "divsd")

static inline uint32_t hf32_sqrt(uint32_t a)
{
    float r;
    __asm__ volatile(HOSTFP_LOAD_hf32 "sqrtss %[r], %[r]" : [r] "=x"(r) : HOSTFP_FIRST_hf32(a));
    return hf32_result(r);
}

static inline uint64_t hf64_sqrt(uint64_t a)
{
    double r;
    __asm__ volatile(HOSTFP_LOAD_hf64 "sqrtsd %[r], %[r]" : [r] "=x"(r) : HOSTFP_FIRST_hf64(a));
    return hf64_result(r);
}

/* FMA3 needs no -mfma in asm; without that flag each use tests a word that the C runtime filled at start. */
#ifdef __FMA__
#define HOSTFP_HAS_FMA 1
#else
#define HOSTFP_HAS_FMA __builtin_cpu_supports("fma")
#endif

/*
 *        RISC-V              x86
 * fma    fmadd   ab + c      vfmadd
 * fms    fmsub   ab - c      vfmsub
 * fnms   fnmsub  -ab + c     vfnmadd
 * fnma   fnmadd  -ab - c     vfnmsub
 * flip_a, flip_c: the sign bits to change that make it ab + c. The fallback, for NaN results and hosts without FMA3,
 * passes values so that the hot path needs no integer registers.
 */
#define HOSTFP_FMA(hf, sf, bits_t, value_t, name, insn, flip_a, flip_c)                                                \
    HOSTFP_FALLBACK(value_t, hf##_##name##_soft, (value_t a, value_t b, value_t c),                                    \
                    hf##_value(sf##_fma(hf##_bits(a) ^ (flip_a), hf##_bits(b), hf##_bits(c) ^ (flip_c), SF_RNE, &fl))) \
    static inline bits_t hf##_##name(bits_t a, bits_t b, bits_t c)                                                     \
    {                                                                                                                  \
        value_t r;                                                                                                     \
        if (!HOSTFP_UNLIKELY(!HOSTFP_HAS_FMA)) {                                                                       \
            __asm__ volatile(HOSTFP_LOAD_##hf insn " %[c], %[b], %[r]"                                                 \
                             : [r] "=&x"(r)                                                                            \
                             : HOSTFP_FIRST_##hf(a), [b] "x"(hf##_value(b)), [c] HOSTFP_SRC(hf##_value(c)));           \
            if (!HOSTFP_UNLIKELY(r != r))                                                                              \
                goto done;                                                                                             \
        }                                                                                                              \
        r = hf##_##name##_soft(hf##_value(a), hf##_value(b), hf##_value(c));                                           \
    done:                                                                                                              \
        return hf##_bits(r);                                                                                           \
    }

#define HF32_SIGN (UINT32_C(1) << 31)
#define HF64_SIGN (UINT64_C(1) << 63)

HOSTFP_FMA(hf32, sf32, uint32_t, float, fma, "vfmadd213ss", 0, 0)
HOSTFP_FMA(hf32, sf32, uint32_t, float, fms, "vfmsub213ss", 0, HF32_SIGN)
HOSTFP_FMA(hf32, sf32, uint32_t, float, fnms, "vfnmadd213ss", HF32_SIGN, 0)
HOSTFP_FMA(hf32, sf32, uint32_t, float, fnma, "vfnmsub213ss", HF32_SIGN, HF32_SIGN)
HOSTFP_FMA(hf64, sf64, uint64_t, double, fma, "vfmadd213sd", 0, 0)
HOSTFP_FMA(hf64, sf64, uint64_t, double, fms, "vfmsub213sd", 0, HF64_SIGN)
HOSTFP_FMA(hf64, sf64, uint64_t, double, fnms, "vfnmadd213sd", HF64_SIGN, 0)
HOSTFP_FMA(hf64, sf64, uint64_t, double, fnma, "vfnmsub213sd", HF64_SIGN, HF64_SIGN)

/* ---- comparisons: a (u)comis? of x with y sets CF for x < y, ZF for x == y, and CF, ZF and PF for unordered ---- */

#define HOSTFP_COMPARE(hf, bits_t, value_t, ucomi, comi)                                                               \
    static inline unsigned hf##_eq(bits_t a, bits_t b)                                                                 \
    {                                                                                                                  \
        value_t r;                                                                                                     \
        unsigned equal, ordered;                                                                                       \
        __asm__ volatile(HOSTFP_LOAD_##hf ucomi " %[b], %[r]"                                                          \
                         : [r] "=&x"(r), "=@cce"(equal), "=@ccnp"(ordered)                                             \
                         : HOSTFP_FIRST_##hf(a), [b] HOSTFP_SRC(hf##_value(b)));                                       \
        return equal & ordered;                                                                                        \
    }                                                                                                                  \
    static inline unsigned hf##_lt(bits_t a, bits_t b)                                                                 \
    {                                                                                                                  \
        value_t r;                                                                                                     \
        unsigned above;                                                                                                \
        __asm__ volatile(HOSTFP_LOAD_##hf comi " %[a], %[r]"                                                           \
                         : [r] "=&x"(r), "=@cca"(above)                                                                \
                         : HOSTFP_FIRST_##hf(b), [a] HOSTFP_SRC(hf##_value(a)));                                       \
        return above;                                                                                                  \
    }                                                                                                                  \
    static inline unsigned hf##_le(bits_t a, bits_t b)                                                                 \
    {                                                                                                                  \
        value_t r;                                                                                                     \
        unsigned not_below;                                                                                            \
        __asm__ volatile(HOSTFP_LOAD_##hf comi " %[a], %[r]"                                                           \
                         : [r] "=&x"(r), "=@ccae"(not_below)                                                           \
                         : HOSTFP_FIRST_##hf(b), [a] HOSTFP_SRC(hf##_value(a)));                                       \
        return not_below;                                                                                              \
    }

HOSTFP_COMPARE(hf32, uint32_t, float, "ucomiss", "comiss")
HOSTFP_COMPARE(hf64, uint64_t, double, "ucomisd", "comisd")

/* As signed integers, positive numbers are in their order; with the other bits of a negative one inverted, all are, and
 * -0 comes before +0. */
#define HOSTFP_MIN_MAX(hf, sf, bits_t, signed_t, inf)                                                                  \
    static inline signed_t hf##_order(bits_t a)                                                                        \
    {                                                                                                                  \
        return (signed_t)(a ^ ((bits_t)((signed_t)a >> (sizeof a * 8 - 1)) >> 1));                                     \
    }                                                                                                                  \
    static inline int hf##_is_nan(bits_t a)                                                                            \
    {                                                                                                                  \
        return (bits_t)(a << 1) > (bits_t)((inf) << 1);                                                                \
    }                                                                                                                  \
    HOSTFP_FALLBACK(bits_t, hf##_min_soft, (bits_t a, bits_t b), sf##_min(a, b, &fl))                                  \
    HOSTFP_FALLBACK(bits_t, hf##_max_soft, (bits_t a, bits_t b), sf##_max(a, b, &fl))                                  \
    static inline bits_t hf##_min(bits_t a, bits_t b)                                                                  \
    {                                                                                                                  \
        if (HOSTFP_UNLIKELY(hf##_is_nan(a) | hf##_is_nan(b)))                                                          \
            return hf##_min_soft(a, b);                                                                                \
        return hf##_order(a) < hf##_order(b) ? a : b;                                                                  \
    }                                                                                                                  \
    static inline bits_t hf##_max(bits_t a, bits_t b)                                                                  \
    {                                                                                                                  \
        if (HOSTFP_UNLIKELY(hf##_is_nan(a) | hf##_is_nan(b)))                                                          \
            return hf##_max_soft(a, b);                                                                                \
        return hf##_order(a) < hf##_order(b) ? b : a;                                                                  \
    }

HOSTFP_MIN_MAX(hf32, sf32, uint32_t, int32_t, UINT32_C(0x7f800000))
HOSTFP_MIN_MAX(hf64, sf64, uint64_t, int64_t, UINT64_C(0x7ff0000000000000))

/* ---- conversions; results as RV64 leaves them in rd ---- */

#define HOSTFP_TO_INT(hf, sf, bits_t, suffix, mode, insn)                                                              \
    HOSTFP_FALLBACK(int64_t, hf##_to_i32_##suffix##_soft, (bits_t a), sf##_to_i32(a, mode, &fl))                       \
    HOSTFP_FALLBACK(int64_t, hf##_to_i64_##suffix##_soft, (bits_t a), sf##_to_i64(a, mode, &fl))                       \
    static inline int64_t hf##_to_i32_##suffix(bits_t a)                                                               \
    {                                                                                                                  \
        int32_t r;                                                                                                     \
        __asm__ volatile(insn " %1, %k0" : "=r"(r) : HOSTFP_SRC(hf##_value(a)));                                       \
        return HOSTFP_UNLIKELY(r == INT32_MIN) ? hf##_to_i32_##suffix##_soft(a) : r;                                   \
    }                                                                                                                  \
    static inline int64_t hf##_to_i64_##suffix(bits_t a)                                                               \
    {                                                                                                                  \
        int64_t r;                                                                                                     \
        __asm__ volatile(insn " %1, %q0" : "=r"(r) : HOSTFP_SRC(hf##_value(a)));                                       \
        return HOSTFP_UNLIKELY(r == INT64_MIN) ? hf##_to_i64_##suffix##_soft(a) : r;                                   \
    }

HOSTFP_TO_INT(hf32, sf32, uint32_t, rtz, SF_RTZ, "cvttss2si")
HOSTFP_TO_INT(hf32, sf32, uint32_t, rne, SF_RNE, "cvtss2si")
HOSTFP_TO_INT(hf64, sf64, uint64_t, rtz, SF_RTZ, "cvttsd2si")
HOSTFP_TO_INT(hf64, sf64, uint64_t, rne, SF_RNE, "cvtsd2si")

#define HOSTFP_TO_UINT(hf, sf, bits_t, insn, bound32, bound63)                                                         \
    HOSTFP_FALLBACK(uint64_t, hf##_to_u32_rtz_soft, (bits_t a), sf##_to_u32(a, SF_RTZ, &fl))                           \
    HOSTFP_FALLBACK(uint64_t, hf##_to_u64_rtz_soft, (bits_t a), sf##_to_u64(a, SF_RTZ, &fl))                           \
    static inline uint64_t hf##_to_u32_rtz(bits_t a)                                                                   \
    {                                                                                                                  \
        int64_t r;                                                                                                     \
        if (HOSTFP_UNLIKELY(a >= (bound32)))                                                                           \
            return hf##_to_u32_rtz_soft(a);                                                                            \
        __asm__ volatile(insn " %1, %q0" : "=r"(r) : HOSTFP_SRC(hf##_value(a)));                                       \
        return (uint64_t)(int32_t)(uint32_t)r;                                                                         \
    }                                                                                                                  \
    static inline uint64_t hf##_to_u64_rtz(bits_t a)                                                                   \
    {                                                                                                                  \
        int64_t r;                                                                                                     \
        if (HOSTFP_UNLIKELY(a >= (bound63)))                                                                           \
            return hf##_to_u64_rtz_soft(a);                                                                            \
        __asm__ volatile(insn " %1, %q0" : "=r"(r) : HOSTFP_SRC(hf##_value(a)));                                       \
        return (uint64_t)r;                                                                                            \
    }

/* The bits of 2^32 and 2^63: biased exponents 127 + 32 and 127 + 63, 1023 + 32 and 1023 + 63. Read as unsigned,
 * whatever is negative or a NaN is above them. */
HOSTFP_TO_UINT(hf32, sf32, uint32_t, "cvttss2si", UINT32_C(159) << 23, UINT32_C(190) << 23)
HOSTFP_TO_UINT(hf64, sf64, uint64_t, "cvttsd2si", UINT64_C(1055) << 52, UINT64_C(1086) << 52)

/* The conversions write half of a register: clearing it first frees them from waiting for its last user. */
#define HOSTFP_FROM_INT(hf, bits_t, value_t, insn)                                                                     \
    static inline bits_t hf##_from_i64(int64_t v)                                                                      \
    {                                                                                                                  \
        value_t r;                                                                                                     \
        __asm__ volatile("xorps %0, %0\n\t" insn " %1, %0" : "=&x"(r) : "r"(v));                                       \
        return hf##_bits(r);                                                                                           \
    }                                                                                                                  \
    static inline bits_t hf##_from_i32(int32_t v)                                                                      \
    {                                                                                                                  \
        return hf##_from_i64(v);                                                                                       \
    }                                                                                                                  \
    static inline bits_t hf##_from_u32(uint32_t v)                                                                     \
    {                                                                                                                  \
        return hf##_from_i64(v);                                                                                       \
    }                                                                                                                  \
    static inline bits_t hf##_from_u64(uint64_t v)                                                                     \
    {                                                                                                                  \
        if (HOSTFP_UNLIKELY(v >> 63)) {                                                                                \
            bits_t half = hf##_from_i64((int64_t)(v >> 1 | (v & 1)));                                                  \
            return hf##_add(half, half);                                                                               \
        }                                                                                                              \
        return hf##_from_i64((int64_t)v);                                                                              \
    }

HOSTFP_FROM_INT(hf32, uint32_t, float, "cvtsi2ssq")
HOSTFP_FROM_INT(hf64, uint64_t, double, "cvtsi2sdq")

static inline uint64_t hf32_to_hf64(uint32_t a)
{
    double r;
    __asm__ volatile("xorps %0, %0\n\tcvtss2sd %1, %0" : "=&x"(r) : HOSTFP_SRC(hf32_value(a)));
    return hf64_result(r);
}

static inline uint32_t hf64_to_hf32(uint64_t a)
{
    float r;
    __asm__ volatile("xorps %0, %0\n\tcvtsd2ss %1, %0" : "=&x"(r) : HOSTFP_SRC(hf64_value(a)));
    return hf32_result(r);
}

#endif /* HOSTFP_AVAILABLE */
#endif
