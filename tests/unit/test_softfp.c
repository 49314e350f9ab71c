/* SPDX-License-Identifier: MIT */
/*
 * softfp.c against MPFR, values and flags, in every rounding mode; hostfp.h against softfp.c on the same operands.
 * Operands are edge values crossed with each other, and random ones (fixed seed) steered to where rounding is hard.
 * Comparisons are plain ifs and not ck_assert, which is far too slow for the millions that there are.
 */
#include <check.h>
#include <inttypes.h>
#include <math.h>
#include <mpfr.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "cpu/hostfp.h"
#include "cpu/softfp.h"

Suite *softfp_suite(void);

#define COUNT(array)  (sizeof(array) / sizeof(array)[0])
#define RANDOM_ROUNDS 50000

/* emin, emax: the exponents of the least subnormal and the largest number as MPFR counts: significands in [1/2, 1). */
struct format {
    int width, prec;
    mpfr_exp_t emin, emax;
    uint64_t sign, inf, nan;
};

static const struct format f32 = {32, 24, -148, 128, UINT64_C(1) << 31, 0x7f800000, SF32_NAN};
static const struct format f64 = {64, 53, -1073, 1024, UINT64_C(1) << 63, UINT64_C(0x7ff) << 52, SF64_NAN};
static const struct format *const formats[] = {&f32, &f64};

enum op { ADD, SUB, MUL, DIV, SQRT, FMA, CVT };
static const char *const op_names[] = {"add", "sub", "mul", "div", "sqrt", "fma", "cvt"};

/* ---- bits ---- */

static bool is_nan(const struct format *f, uint64_t a)
{
    return (a & ~f->sign) > f->inf;
}

static bool is_snan(const struct format *f, uint64_t a)
{
    return is_nan(f, a) && !(a & f->nan & ~f->inf);
}

static bool is_inf(const struct format *f, uint64_t a)
{
    return (a & ~f->sign) == f->inf;
}

static bool is_zero(const struct format *f, uint64_t a)
{
    return (a & ~f->sign) == 0;
}

static uint64_t random_state;

static uint64_t random_bits(void)
{
    uint64_t z = random_state += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

static int random_below(int n)
{
    return (int)(random_bits() % (unsigned)n);
}

static uint64_t encode(const struct format *f, bool neg, int biased, uint64_t fraction)
{
    int max = (int)(f->inf >> (f->prec - 1));
    biased = biased < 0 ? 0 : biased > max ? max : biased;
    return (neg ? f->sign : 0) | (uint64_t)biased << (f->prec - 1) | (fraction & ((UINT64_C(1) << (f->prec - 1)) - 1));
}

/* Random fractions that end in zeros, or in ones, as often as not: sums and products of those make ties. */
static uint64_t random_fraction(const struct format *f)
{
    uint64_t fraction = random_bits(), low = (UINT64_C(1) << random_below(f->prec)) - 1;
    switch (random_below(4)) {
    case 0: return fraction & ~low;
    case 1: return fraction | low;
    case 2: return UINT64_C(1) << random_below(f->prec - 1);
    default: return fraction;
    }
}

static uint64_t random_near(const struct format *f, int biased)
{
    return encode(f, random_bits() & 1, biased, random_fraction(f));
}

/* A number of exactly that many significant bits, 1..prec: with the right count, an operand makes a tie. */
static uint64_t random_short(const struct format *f, int biased, int bits)
{
    bits = bits < 1 ? 1 : bits > f->prec ? f->prec : bits;
    uint64_t last = UINT64_C(1) << (f->prec - bits);
    return encode(f, random_bits() & 1, biased, (random_bits() & ~(last - 1)) | last);
}

static uint64_t random_value(const struct format *f)
{
    return random_near(f, random_below((int)(f->inf >> (f->prec - 1)) + 1));
}

/* All values that the format can make of the exponents and fractions below; returns how many. */
static size_t edge_values(const struct format *f, uint64_t *out, size_t room, bool few)
{
    int m = f->prec - 1, max = (int)(f->inf >> m), bias = max / 2;
    uint64_t half = UINT64_C(1) << (m - 1), all = 2 * half - 1;
    const int exponents[] = {0,        1,        bias - 1, bias,         max - 1,      max,     2,           bias + 1,
                             bias + m, bias - m, m + 1,    bias + m + 1, bias - m - 1, max / 4, max * 3 / 4, bias + 31};
    const uint64_t fractions[] = {0, 1, all, half, half + 1, half - 1, all - 1, UINT64_C(0x5555555555555) & all};
    size_t n = 0, ne = few ? 6 : COUNT(exponents), nf = few ? 3 : COUNT(fractions);
    for (size_t i = 0; i < ne * nf * 2; i++) {
        ck_assert_uint_lt(n, room);
        out[n++] = encode(f, i & 1, exponents[i / 2 / nf], fractions[i / 2 % nf]);
    }
    return n;
}

/* ---- the oracle ---- */

struct oracle {
    mpfr_t x, y, z;          /* operands, exact */
    mpfr_t result, hi, part; /* scratch */
    mpfr_exp_t wide_min, wide_max;
};

static struct oracle oracle;
static unsigned flags_seen[COUNT(op_names)];
static unsigned long ties_seen;

static void setup(void)
{
    oracle.wide_min = mpfr_get_emin();
    oracle.wide_max = mpfr_get_emax();
    mpfr_inits2(64, oracle.x, oracle.y, oracle.z, oracle.result, oracle.hi, oracle.part, (mpfr_ptr)0);
    random_state = 20240229;
    memset(flags_seen, 0, sizeof flags_seen);
    ties_seen = 0;
}

static void teardown(void)
{
    mpfr_clears(oracle.x, oracle.y, oracle.z, oracle.result, oracle.hi, oracle.part, (mpfr_ptr)0);
    mpfr_free_cache();
}

static void load(const struct format *f, mpfr_ptr x, uint64_t a)
{
    uint64_t mag = a & ~f->sign, fraction = mag & ((UINT64_C(1) << (f->prec - 1)) - 1);
    int biased = (int)(mag >> (f->prec - 1));
    if (is_nan(f, a))
        mpfr_set_nan(x);
    else if (is_inf(f, a))
        mpfr_set_inf(x, 1);
    else if (biased == 0)
        mpfr_set_ui_2exp(x, fraction, f->emin - 1, MPFR_RNDN);
    else
        mpfr_set_ui_2exp(x, fraction | UINT64_C(1) << (f->prec - 1), f->emin - 1 + biased - 1, MPFR_RNDN);
    if (a & f->sign)
        mpfr_neg(x, x, MPFR_RNDN);
}

static uint64_t store(const struct format *f, mpfr_srcptr x)
{
    if (mpfr_nan_p(x))
        return f->nan;
    if (f->width == 32) {
        float v = mpfr_get_flt(x, MPFR_RNDN);
        uint32_t bits;
        memcpy(&bits, &v, sizeof bits);
        return bits;
    }
    double v = mpfr_get_d(x, MPFR_RNDN);
    uint64_t bits;
    memcpy(&bits, &v, sizeof bits);
    return bits;
}

static int apply(enum op op, mpfr_ptr r, mpfr_rnd_t rnd)
{
    switch (op) {
    case ADD: return mpfr_add(r, oracle.x, oracle.y, rnd);
    case SUB: return mpfr_sub(r, oracle.x, oracle.y, rnd);
    case MUL: return mpfr_mul(r, oracle.x, oracle.y, rnd);
    case DIV: return mpfr_div(r, oracle.x, oracle.y, rnd);
    case SQRT: return mpfr_sqrt(r, oracle.x, rnd);
    case FMA: return mpfr_fma(r, oracle.x, oracle.y, oracle.z, rnd);
    case CVT: return mpfr_set(r, oracle.x, rnd);
    }
    return 0;
}

/* part = hi rounded to `prec` bits, nearest, ties away from zero, where hi is some exact value truncated to prec + 1
 * bits: its last bit alone decides. Whether that lost something. */
static bool round_away(enum op op, int prec)
{
    mpfr_set_prec(oracle.hi, prec + 1);
    int lost = apply(op, oracle.hi, MPFR_RNDZ);
    mpfr_set_prec(oracle.part, prec);
    int lost_more = mpfr_set(oracle.part, oracle.hi, MPFR_RNDA);
    ties_seen += !lost && lost_more;
    return lost || lost_more;
}

/* MPFR has no such mode: result = the operation with ties away from zero, as if f had neither overflow nor underflow
 * first, to see whether it is tiny; then at the precision that f has there. */
static void apply_rmm(const struct format *f, enum op op, unsigned *fl)
{
    bool inexact = round_away(op, f->prec);
    mpfr_set(oracle.result, oracle.part, MPFR_RNDN);
    if (!mpfr_regular_p(oracle.hi))
        return;
    mpfr_exp_t least_normal = f->emin + f->prec - 1, exp = mpfr_get_exp(oracle.hi);
    bool tiny = mpfr_get_exp(oracle.part) < least_normal;
    if (exp < least_normal) {
        int prec = (int)(exp - f->emin + 1);
        if (prec > 0) {
            inexact = round_away(op, prec);
            mpfr_set(oracle.result, oracle.part, MPFR_RNDN);
        } else {
            /* Less than the least subnormal number; prec 0: at least half of it. */
            inexact = true;
            mpfr_set_ui_2exp(oracle.result, prec == 0, f->emin - 1, MPFR_RNDN);
            mpfr_setsign(oracle.result, oracle.result, mpfr_signbit(oracle.hi), MPFR_RNDN);
        }
    } else if (mpfr_get_exp(oracle.part) > f->emax) {
        mpfr_set_inf(oracle.result, mpfr_sgn(oracle.part));
        inexact = true;
        *fl |= SF_OF;
    }
    if (inexact)
        *fl |= tiny ? SF_UF | SF_NX : SF_NX;
}

static void apply_mpfr(const struct format *f, enum op op, unsigned rm, unsigned *fl)
{
    static const mpfr_rnd_t modes[] = {MPFR_RNDN, MPFR_RNDZ, MPFR_RNDD, MPFR_RNDU};
    int lost = apply(op, oracle.result, modes[rm]);
    bool tiny = mpfr_regular_p(oracle.result) && mpfr_get_exp(oracle.result) < f->emin + f->prec - 1;
    mpfr_set_emin(f->emin);
    mpfr_set_emax(f->emax);
    mpfr_clear_overflow();
    lost = mpfr_check_range(oracle.result, lost, modes[rm]);
    lost = mpfr_subnormalize(oracle.result, lost, modes[rm]);
    if (mpfr_overflow_p())
        *fl |= SF_OF;
    if (lost)
        *fl |= tiny ? SF_UF | SF_NX : SF_NX;
    mpfr_set_emin(oracle.wide_min);
    mpfr_set_emax(oracle.wide_max);
}

/* What op gives for the loaded operands; without NV for signaling operands and for inf * 0 + NaN. */
static uint64_t expected(const struct format *f, enum op op, unsigned rm, unsigned *fl)
{
    mpfr_set_prec(oracle.result, f->prec);
    mpfr_clear_flags();
    if (rm == SF_RMM)
        apply_rmm(f, op, fl);
    else
        apply_mpfr(f, op, rm, fl);
    if (mpfr_divby0_p())
        *fl |= SF_DZ;
    bool nan_in = mpfr_nan_p(oracle.x) || (op != SQRT && op != CVT && mpfr_nan_p(oracle.y)) ||
                  (op == FMA && mpfr_nan_p(oracle.z));
    if (mpfr_nan_p(oracle.result) && !nan_in)
        *fl |= SF_NV;
    return store(f, oracle.result);
}

/* ---- what is tested, by format ---- */

static uint64_t soft(const struct format *f, enum op op, uint64_t a, uint64_t b, uint64_t c, unsigned rm, unsigned *fl)
{
    uint32_t x = (uint32_t)a, y = (uint32_t)b, z = (uint32_t)c;
    bool s = f->width == 32;
    switch (op) {
    case ADD: return s ? sf32_add(x, y, rm, fl) : sf64_add(a, b, rm, fl);
    case SUB: return s ? sf32_sub(x, y, rm, fl) : sf64_sub(a, b, rm, fl);
    case MUL: return s ? sf32_mul(x, y, rm, fl) : sf64_mul(a, b, rm, fl);
    case DIV: return s ? sf32_div(x, y, rm, fl) : sf64_div(a, b, rm, fl);
    case SQRT: return s ? sf32_sqrt(x, rm, fl) : sf64_sqrt(a, rm, fl);
    case FMA: return s ? sf32_fma(x, y, z, rm, fl) : sf64_fma(a, b, c, rm, fl);
    case CVT: /* to f, from the other format */ return s ? sf64_to_sf32(a, rm, fl) : sf32_to_sf64(x, rm, fl);
    }
    return 0;
}

static void differ(const struct format *f, const char *what, unsigned rm, uint64_t a, uint64_t b, uint64_t c,
                   uint64_t got, unsigned got_fl, uint64_t want, unsigned want_fl)
{
    ck_abort_msg("f%d %s rm %u of %#" PRIx64 " %#" PRIx64 " %#" PRIx64 ": got %#" PRIx64 " flags %#x, want %#" PRIx64
                 " flags %#x",
                 f->width, what, rm, a, b, c, got, got_fl, want, want_fl);
}

#if HOSTFP_AVAILABLE

static uint64_t host(const struct format *f, enum op op, uint64_t a, uint64_t b, uint64_t c)
{
    uint32_t x = (uint32_t)a, y = (uint32_t)b, z = (uint32_t)c;
    bool s = f->width == 32;
    switch (op) {
    case ADD: return s ? hf32_add(x, y) : hf64_add(a, b);
    case SUB: return s ? hf32_sub(x, y) : hf64_sub(a, b);
    case MUL: return s ? hf32_mul(x, y) : hf64_mul(a, b);
    case DIV: return s ? hf32_div(x, y) : hf64_div(a, b);
    case SQRT: return s ? hf32_sqrt(x) : hf64_sqrt(a);
    case FMA: return s ? hf32_fma(x, y, z) : hf64_fma(a, b, c);
    case CVT: return s ? hf64_to_hf32(a) : hf32_to_hf64(x);
    }
    return 0;
}

/* The host gives the wanted result and flags, and taking the flags clears them. */
#define CHECK_HOST(f, name, call, want, want_fl, a, b, c)                                                              \
    do {                                                                                                               \
        hostfp_clear_flags();                                                                                          \
        uint64_t got_ = (call);                                                                                        \
        unsigned got_fl_ = hostfp_take_flags();                                                                        \
        if (got_ != (want) || got_fl_ != (want_fl) || hostfp_take_flags() != 0)                                        \
            differ(f, "host " name, SF_RNE, a, b, c, got_, got_fl_, want, want_fl);                                    \
    } while (0)

static void check_host_fma(const struct format *f, uint64_t a, uint64_t b, uint64_t c)
{
    uint32_t x = (uint32_t)a, y = (uint32_t)b, z = (uint32_t)c;
    bool s = f->width == 32;
    unsigned fl = 0;
    uint64_t want = soft(f, FMA, a, b, c ^ f->sign, SF_RNE, &fl);
    CHECK_HOST(f, "fms", s ? hf32_fms(x, y, z) : hf64_fms(a, b, c), want, fl, a, b, c);
    fl = 0;
    want = soft(f, FMA, a ^ f->sign, b, c, SF_RNE, &fl);
    CHECK_HOST(f, "fnms", s ? hf32_fnms(x, y, z) : hf64_fnms(a, b, c), want, fl, a, b, c);
    fl = 0;
    want = soft(f, FMA, a ^ f->sign, b, c ^ f->sign, SF_RNE, &fl);
    CHECK_HOST(f, "fnma", s ? hf32_fnma(x, y, z) : hf64_fnma(a, b, c), want, fl, a, b, c);
}

#else
#define CHECK_HOST(f, name, call, want, want_fl, a, b, c) ((void)0)
#endif

static void check_arith(const struct format *f, enum op op, uint64_t a, uint64_t b, uint64_t c)
{
    const struct format *from = op != CVT ? f : f == &f32 ? &f64 : &f32;
    load(from, oracle.x, a);
    load(f, oracle.y, b);
    load(f, oracle.z, c);
    bool invalid = is_snan(from, a);
    if (op != SQRT && op != CVT)
        invalid |= is_snan(f, b);
    if (op == FMA)
        invalid |= is_snan(f, c) || (is_inf(f, a) && is_zero(f, b)) || (is_zero(f, a) && is_inf(f, b));
    for (unsigned rm = SF_RNE; rm <= SF_RMM; rm++) {
        unsigned want_fl = invalid ? SF_NV : 0, fl = 0;
        uint64_t want = expected(f, op, rm, &want_fl), got = soft(f, op, a, b, c, rm, &fl);
        flags_seen[op] |= want_fl;
        if (got != want || fl != want_fl)
            differ(f, op_names[op], rm, a, b, c, got, fl, want, want_fl);
        if (rm == SF_RNE)
            CHECK_HOST(f, "arithmetic", host(f, op, a, b, c), want, want_fl, a, b, c);
    }
#if HOSTFP_AVAILABLE
    if (op == FMA)
        check_host_fma(f, a, b, c);
#endif
}

/* ---- arithmetic ---- */

START_TEST(arith_edges)
{
    static uint64_t v[512];
    const struct format *f = formats[_i];
    size_t n = edge_values(f, v, COUNT(v), false);
    for (size_t i = 0; i < n; i++) {
        check_arith(f, SQRT, v[i], 0, 0);
        check_arith(f == &f32 ? &f64 : &f32, CVT, v[i], 0, 0);
        for (size_t j = 0; j < n; j++)
            for (enum op op = ADD; op <= DIV; op++)
                check_arith(f, op, v[i], v[j], 0);
    }
    ck_assert_uint_eq(flags_seen[ADD], SF_NV | SF_OF | SF_NX); /* a tiny sum is always exact */
    ck_assert_uint_eq(flags_seen[MUL], SF_NV | SF_OF | SF_UF | SF_NX);
    ck_assert_uint_eq(flags_seen[DIV], SF_NV | SF_DZ | SF_OF | SF_UF | SF_NX);
    ck_assert_uint_eq(flags_seen[SQRT], SF_NV | SF_NX);
    ck_assert_uint_eq(flags_seen[CVT], f == &f32 ? SF_NV : SF_NV | SF_OF | SF_UF | SF_NX);
    ck_assert_uint_gt(ties_seen, 1000);
}
END_TEST

START_TEST(fma_edges)
{
    static uint64_t v[64];
    const struct format *f = formats[_i];
    size_t n = edge_values(f, v, COUNT(v), true);
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < n; j++)
            for (size_t k = 0; k < n; k++)
                check_arith(f, FMA, v[i], v[j], v[k]);
    /* (1 + 2^-26) (1 - 2^-26 + 2^-52) = 1 + 2^-78, whose last bit makes the difference after a sum that carries. */
    check_arith(&f64, FMA, 0x3ff0000004000000, 0x3feffffff8000002, 0x432fffffffffffff);
    check_arith(&f64, FMA, 0xbff0000004000000, 0x3feffffff8000002, 0xc32fffffffffffff);
    ck_assert_uint_eq(flags_seen[FMA], SF_NV | SF_OF | SF_UF | SF_NX);
    ck_assert_uint_gt(ties_seen, 1000);
}
END_TEST

START_TEST(arith_random)
{
    const struct format *f = formats[_i];
    int max = (int)(f->inf >> (f->prec - 1)), bias = max / 2;
    for (int i = 0; i < RANDOM_ROUNDS; i++) {
        uint64_t a = random_value(f);
        int ea = (int)((a & ~f->sign) >> (f->prec - 1));
        /* The exponent that a product should have: subnormal or just above, overflowing or just below, or any. */
        int target = i % 3 == 0   ? 3 - random_below(f->prec + 4)
                     : i % 3 == 1 ? max - random_below(4)
                                  : random_below(max);
        uint64_t addend = random_near(f, ea + random_below(2 * f->prec + 6) - f->prec - 3);
        uint64_t factor = random_near(f, target - ea + bias), divisor = random_near(f, ea - target + bias);
        check_arith(f, ADD, a, addend, 0);
        check_arith(f, SUB, a, addend, 0);
        check_arith(f, MUL, a, factor, 0);
        check_arith(f, DIV, a, divisor, 0);
        check_arith(f, SQRT, a & ~f->sign, 0, 0);
        check_arith(f, FMA, a, factor, random_near(f, target + random_below(3 * f->prec + 8) - 2 * f->prec - 4));
        check_arith(f, FMA, a, random_value(f), random_value(f));
        check_arith(f, CVT, f == &f32 ? random_near(&f64, 1023 - 152 + random_below(284)) : random_value(&f32), 0, 0);

        /* Ties: a sum that ends in half of a's last place, a product of prec + 1 bits, a sum with such a product. */
        int gap = random_below(f->prec + 1), bits = 1 + random_below(f->prec);
        uint64_t half = random_short(f, ea - gap, f->prec - gap + 1);
        uint64_t left = random_short(f, ea, bits), right = random_short(f, target - ea + bias, f->prec + 1 - bits);
        check_arith(f, ADD, a, half, 0);
        check_arith(f, SUB, half, a, 0);
        check_arith(f, MUL, left, right, 0);
        check_arith(f, FMA, left, right, random_short(f, target - f->prec + random_below(4), 1));
        check_arith(f, FMA, left, right, random_short(f, target + gap, gap));
        if (f == &f32)
            check_arith(f, CVT, random_short(&f64, 1023 - 152 + random_below(284), 1 + random_below(26)), 0, 0);
    }
    ck_assert_uint_gt(ties_seen, RANDOM_ROUNDS);
}
END_TEST

/* ---- comparisons, min, max, classes ---- */

static void check_compare(const struct format *f, uint64_t a, uint64_t b)
{
    uint32_t x = (uint32_t)a, y = (uint32_t)b;
    bool s = f->width == 32, an = is_nan(f, a), bn = is_nan(f, b);
    unsigned quiet = is_snan(f, a) || is_snan(f, b) ? SF_NV : 0, loud = an || bn ? SF_NV : 0;
    load(f, oracle.x, a);
    load(f, oracle.y, b);

#define COMPARE(name, want, want_fl)                                                                                   \
    do {                                                                                                               \
        unsigned fl_ = 0;                                                                                              \
        uint64_t want_ = (uint64_t)(want);                                                                             \
        uint64_t soft_ = s ? (uint64_t)sf32_##name(x, y, &fl_) : (uint64_t)sf64_##name(a, b, &fl_);                    \
        if (soft_ != want_ || fl_ != (want_fl))                                                                        \
            differ(f, #name, 0, a, b, 0, soft_, fl_, want_, want_fl);                                                  \
        CHECK_HOST(f, #name, s ? (uint64_t)hf32_##name(x, y) : (uint64_t)hf64_##name(a, b), want_, want_fl, a, b, 0);  \
    } while (0)

    COMPARE(eq, mpfr_equal_p(oracle.x, oracle.y) != 0, quiet);
    COMPARE(lt, mpfr_less_p(oracle.x, oracle.y) != 0, loud);
    COMPARE(le, mpfr_lessequal_p(oracle.x, oracle.y) != 0, loud);

    uint64_t low = f->nan, high = f->nan;
    if (an != bn) {
        low = high = an ? b : a;
    } else if (!an) {
        bool less = mpfr_less_p(oracle.x, oracle.y) || (mpfr_equal_p(oracle.x, oracle.y) && (a & f->sign));
        low = less ? a : b;
        high = less ? b : a;
    }
    COMPARE(min, low, quiet);
    COMPARE(max, high, quiet);
#undef COMPARE
}

static void check_class(const struct format *f, uint64_t a)
{
    float s;
    double d;
    uint32_t a32 = (uint32_t)a;
    memcpy(&s, &a32, sizeof s);
    memcpy(&d, &a, sizeof d);
    bool neg = a & f->sign;
    unsigned want = 0, got = f->width == 32 ? sf32_classify(a32) : sf64_classify(a);
    switch (f->width == 32 ? fpclassify(s) : fpclassify(d)) {
    case FP_NAN: want = is_snan(f, a) ? 1 << 8 : 1 << 9; break;
    case FP_INFINITE: want = neg ? 1 << 0 : 1 << 7; break;
    case FP_NORMAL: want = neg ? 1 << 1 : 1 << 6; break;
    case FP_SUBNORMAL: want = neg ? 1 << 2 : 1 << 5; break;
    case FP_ZERO: want = neg ? 1 << 3 : 1 << 4; break;
    }
    if (got != want)
        differ(f, "classify", 0, a, 0, 0, got, 0, want, 0);
}

START_TEST(compare)
{
    static uint64_t v[512];
    const struct format *f = formats[_i];
    size_t n = edge_values(f, v, COUNT(v), false);
    for (size_t i = 0; i < n; i++) {
        check_class(f, v[i]);
        for (size_t j = 0; j < n; j++)
            check_compare(f, v[i], v[j]);
    }
    for (int i = 0; i < RANDOM_ROUNDS; i++) {
        uint64_t a = random_value(f);
        check_class(f, a);
        check_compare(f, a, random_value(f));
        check_compare(f, a, a ^ (random_bits() & 1 ? f->sign : 0));
    }
}
END_TEST

/* ---- integers ---- */

/* The loaded x as an integer of that width, the way RV64 leaves it in rd. */
static uint64_t expected_int(int width, bool is_signed, unsigned rm, unsigned *fl)
{
    mpfr_ptr r = oracle.part, limit = oracle.hi;
    uint64_t bits;
    bool neg = !mpfr_nan_p(oracle.x) && mpfr_signbit(oracle.x);
    bool fits = mpfr_number_p(oracle.x);
    mpfr_set_prec(r, 64);
    mpfr_set_prec(limit, 64);
    if (fits) {
        int (*const round[])(mpfr_ptr, mpfr_srcptr) = {mpfr_roundeven, mpfr_trunc, mpfr_floor, mpfr_ceil, mpfr_round};
        round[rm](r, oracle.x); /* exact: no operand has more than 64 significant bits */
        mpfr_set_ui_2exp(limit, 1, width - is_signed, MPFR_RNDN);
        fits = mpfr_cmp(r, limit) < 0;
        if (is_signed)
            mpfr_neg(limit, limit, MPFR_RNDN);
        else
            mpfr_set_zero(limit, 1);
        fits = fits && mpfr_cmp(r, limit) >= 0;
    }
    if (fits) {
        bits = is_signed ? (uint64_t)mpfr_get_sj(r, MPFR_RNDN) : mpfr_get_uj(r, MPFR_RNDN);
        if (!mpfr_equal_p(r, oracle.x))
            *fl |= SF_NX;
    } else {
        uint64_t top = UINT64_C(1) << (width - 1);
        bits = is_signed ? neg ? top : top - 1 : neg ? 0 : UINT64_MAX;
        *fl |= SF_NV;
    }
    return width == 32 ? (uint64_t)(int32_t)(uint32_t)bits : bits;
}

static void check_to_int(const struct format *f, uint64_t a)
{
    uint32_t x = (uint32_t)a;
    bool s = f->width == 32;
    load(f, oracle.x, a);
    for (unsigned rm = SF_RNE; rm <= SF_RMM; rm++) {
        unsigned fl, want_fl;
        uint64_t got, want;
#define TO_INT(name, width, is_signed)                                                                                 \
    fl = want_fl = 0;                                                                                                  \
    got = s ? (uint64_t)sf32_##name(x, rm, &fl) : (uint64_t)sf64_##name(a, rm, &fl);                                   \
    want = expected_int(width, is_signed, rm, &want_fl);                                                               \
    if (got != want || fl != want_fl)                                                                                  \
        differ(f, #name, rm, a, 0, 0, got, fl, want, want_fl);                                                         \
    if (rm == SF_RTZ)                                                                                                  \
        CHECK_HOST(f, #name " rtz", s ? (uint64_t)hf32_##name##_rtz(x) : (uint64_t)hf64_##name##_rtz(a), want,         \
                   want_fl, a, 0, 0);
#define TO_SIGNED(name, width)                                                                                         \
    TO_INT(name, width, true)                                                                                          \
    if (rm == SF_RNE)                                                                                                  \
        CHECK_HOST(f, #name " rne", s ? (uint64_t)hf32_##name##_rne(x) : (uint64_t)hf64_##name##_rne(a), want,         \
                   want_fl, a, 0, 0);
        TO_SIGNED(to_i32, 32)
        TO_SIGNED(to_i64, 64)
        TO_INT(to_u32, 32, false)
        TO_INT(to_u64, 64, false)
#undef TO_INT
#undef TO_SIGNED
    }
}

START_TEST(to_int)
{
    static const int powers[] = {-3, -2, -1, 0, 1, 2, 22, 23, 24, 30, 31, 32, 33, 51, 52, 53, 61, 62, 63, 64, 65};
    static uint64_t v[512];
    const struct format *f = formats[_i];
    int bias = (int)(f->inf >> f->prec);
    size_t n = edge_values(f, v, COUNT(v), false);
    for (size_t i = 0; i < n; i++)
        check_to_int(f, v[i]);
    for (size_t p = 0; p < COUNT(powers); p++) {
        /* Numbers next to a power of two, and next to it plus one half, one and two. */
        uint64_t at = encode(f, false, bias + powers[p], 0);
        for (int k = -2; k <= 2; k++) {
            uint64_t steps[] = {0, 0, 0, 0};
            for (int back = -1; back <= 1; back++)
                if (powers[p] >= back && powers[p] - back < f->prec)
                    steps[back + 2] = UINT64_C(1) << (f->prec - 1) >> (powers[p] - back);
            for (size_t i = 0; i < COUNT(steps); i++) {
                check_to_int(f, at + steps[i] + (uint64_t)(int64_t)k);
                check_to_int(f, (at + steps[i] + (uint64_t)(int64_t)k) | f->sign);
                check_to_int(f, at - steps[i] / 2 + (uint64_t)(int64_t)k);
                check_to_int(f, (at - steps[i] / 2 + (uint64_t)(int64_t)k) | f->sign);
            }
        }
    }
    for (int i = 0; i < RANDOM_ROUNDS; i++)
        check_to_int(f, random_near(f, bias - 3 + random_below(70)));
}
END_TEST

static void check_from_int(const struct format *f, uint64_t v)
{
    bool s = f->width == 32;
    for (unsigned rm = SF_RNE; rm <= SF_RMM; rm++) {
        unsigned fl, want_fl;
        uint64_t got, want;
#define FROM_INT(name, type, set, wide_t)                                                                              \
    fl = want_fl = 0;                                                                                                  \
    set(oracle.x, (wide_t)(type)v, MPFR_RNDN);                                                                         \
    want = expected(f, CVT, rm, &want_fl);                                                                             \
    got = s ? sf32_##name((type)v, rm, &fl) : sf64_##name((type)v, rm, &fl);                                           \
    if (got != want || fl != want_fl)                                                                                  \
        differ(f, #name, rm, v, 0, 0, got, fl, want, want_fl);                                                         \
    if (rm == SF_RNE)                                                                                                  \
        CHECK_HOST(f, #name, s ? hf32_##name((type)v) : hf64_##name((type)v), want, want_fl, v, 0, 0);
        FROM_INT(from_i32, int32_t, mpfr_set_sj, intmax_t)
        FROM_INT(from_u32, uint32_t, mpfr_set_uj, uintmax_t)
        FROM_INT(from_i64, int64_t, mpfr_set_sj, intmax_t)
        FROM_INT(from_u64, uint64_t, mpfr_set_uj, uintmax_t)
#undef FROM_INT
    }
}

START_TEST(from_int)
{
    const struct format *f = formats[_i];
    for (int p = 0; p < 64; p++)
        for (int q = 0; q < 64; q++)
            for (int k = -1; k <= 1; k++) {
                uint64_t v = (UINT64_C(1) << p) + (UINT64_C(1) << q) + (uint64_t)(int64_t)k;
                check_from_int(f, v);
                check_from_int(f, -v);
            }
    for (int i = 0; i < RANDOM_ROUNDS; i++)
        check_from_int(f, (random_bits() | 1) >> random_below(64) << random_below(64));
    ck_assert_uint_gt(ties_seen, 500);
}
END_TEST

/* ---- the host's flags ---- */

#if HOSTFP_AVAILABLE
START_TEST(host_flags)
{
    hostfp_set_mxcsr(MXCSR_DEFAULT | 0x6000); /* somebody else's rounding mode */
    uint32_t saved = hostfp_enter();
    ck_assert_uint_eq(saved, MXCSR_DEFAULT | 0x6000);
    ck_assert_uint_eq(hostfp_mxcsr(), MXCSR_DEFAULT);
    for (unsigned fl = 0; fl < 32; fl++) {
        hostfp_raise(fl);
        ck_assert_uint_eq(hostfp_take_flags(), fl);
        ck_assert_uint_eq(hostfp_take_flags(), 0);
        hostfp_raise(fl);
        hostfp_clear_flags();
        ck_assert_uint_eq(hostfp_take_flags(), 0);
    }
    /* Flags gather over operations, and constant operands are not folded. */
    uint64_t one = UINT64_C(1023) << 52, three = UINT64_C(0x4008000000000000), max = f64.inf - 1;
    hf64_div(one, 0);
    hf64_div(one, three);
    hf64_add(max, max);
    hf64_mul(1, one | 1);
    ck_assert_uint_eq(hostfp_take_flags(), SF_DZ | SF_NX | SF_OF | SF_UF);
    hf64_lt(one, f64.nan);
    ck_assert_uint_eq(hostfp_take_flags(), SF_NV);
    hf64_add(1, 1); /* x86's denormal-operand exception is nothing here, and does not stay */
    ck_assert_uint_eq(hostfp_take_flags(), 0);
    ck_assert_uint_eq(hostfp_mxcsr(), MXCSR_DEFAULT);
    hostfp_leave(saved);
    ck_assert_uint_eq(hostfp_mxcsr(), saved);
    hostfp_set_mxcsr(MXCSR_DEFAULT);
}
END_TEST
#endif

Suite *softfp_suite(void)
{
    Suite *suite = suite_create("softfp");
    TCase *tc = tcase_create("softfp");
    int n = (int)COUNT(formats);
    tcase_set_timeout(tc, 60);
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_loop_test(tc, arith_edges, 0, n);
    tcase_add_loop_test(tc, fma_edges, 0, n);
    tcase_add_loop_test(tc, arith_random, 0, n);
    tcase_add_loop_test(tc, compare, 0, n);
    tcase_add_loop_test(tc, to_int, 0, n);
    tcase_add_loop_test(tc, from_int, 0, n);
#if HOSTFP_AVAILABLE
    tcase_add_test(tc, host_flags);
#endif
    suite_add_tcase(suite, tc);
    return suite;
}
