/* SPDX-License-Identifier: MIT */
/*
 * Every operation has the same three steps: unpack the operands to struct num, compute a num that is exact or exact but
 * for a sticky last bit, and pack() it, which is the only place that rounds to a format. The functions in the middle
 * know no format; the others take a struct fmt that is a compile-time constant once they are inlined.
 */
#include "cpu/softfp.h"

#include <stdbool.h>

__extension__ typedef unsigned __int128 u128;

#define GENERIC static inline __attribute__((always_inline))

/* sign | ebits of biased exponent | mbits of fraction */
struct fmt {
    int ebits, mbits;
};

static const struct fmt binary32 = {8, 23}, binary64 = {11, 52};

GENERIC int fmt_bias(struct fmt f)
{
    return (1 << (f.ebits - 1)) - 1;
}

GENERIC uint64_t fmt_inf(struct fmt f)
{
    return ((UINT64_C(1) << f.ebits) - 1) << f.mbits;
}

GENERIC uint64_t fmt_nan(struct fmt f)
{
    return fmt_inf(f) | UINT64_C(1) << (f.mbits - 1);
}

GENERIC uint64_t fmt_sign(struct fmt f, bool neg)
{
    return neg ? UINT64_C(1) << (f.ebits + f.mbits) : 0;
}

GENERIC uint64_t magnitude(struct fmt f, uint64_t a)
{
    return a & ~fmt_sign(f, true);
}

GENERIC bool is_neg(struct fmt f, uint64_t a)
{
    return a & fmt_sign(f, true);
}

GENERIC bool is_nan(struct fmt f, uint64_t a)
{
    return magnitude(f, a) > fmt_inf(f);
}

GENERIC bool is_snan(struct fmt f, uint64_t a)
{
    return is_nan(f, a) && !(a >> (f.mbits - 1) & 1);
}

enum kind { KIND_ZERO, KIND_FINITE, KIND_INF, KIND_NAN };

/*
 * FINITE: (-1)^neg * sig / 2^126 * 2^exp, with 1 <= sig / 2^126 < 2: bit 127 is room for a carry. At most 106 bits are
 * significant (a product of two doubles), so a one in bit 0 can stand for any non-zero remainder below ("sticky"):
 * rounding looks at least 70 bits higher up.
 */
#define TOP 126

struct num {
    enum kind kind;
    bool neg;
    int exp;
    u128 sig;
};

/* x >> n; bit 0 of the result is also set when a one was shifted out. n >= 0. */
static u128 shift_sticky(u128 x, int n)
{
    if (n == 0)
        return x;
    if (n > 127)
        return x != 0;
    return x >> n | ((x << (128 - n)) != 0);
}

/* The num for sig / 2^126 * 2^exp with its leading one wherever it is. */
static struct num num_make(bool neg, int exp, u128 sig)
{
    if (sig == 0)
        return (struct num){.kind = KIND_ZERO, .neg = neg};
    uint64_t hi = (uint64_t)(sig >> 64);
    int lead = hi ? __builtin_clzll(hi) : 64 + __builtin_clzll((uint64_t)sig);
    if (lead == 0)
        return (struct num){KIND_FINITE, neg, exp + 1, shift_sticky(sig, 1)};
    return (struct num){KIND_FINITE, neg, exp - (lead - 1), sig << (lead - 1)};
}

static struct num num_nan(void)
{
    return (struct num){.kind = KIND_NAN};
}

static struct num num_invalid(unsigned *fl)
{
    *fl |= SF_NV;
    return num_nan();
}

/* Raises NV for a signaling NaN. */
GENERIC struct num unpack(struct fmt f, uint64_t a, unsigned *fl)
{
    uint64_t mag = magnitude(f, a), hidden = UINT64_C(1) << f.mbits;
    bool neg = is_neg(f, a);
    if (mag >= fmt_inf(f)) {
        if (mag == fmt_inf(f))
            return (struct num){.kind = KIND_INF, .neg = neg};
        return is_snan(f, a) ? num_invalid(fl) : num_nan();
    }
    int biased = (int)(mag >> f.mbits);
    u128 frac = mag & (hidden - 1);
    if (biased == 0)
        return num_make(neg, 1 - fmt_bias(f), frac << (TOP - f.mbits));
    return (struct num){KIND_FINITE, neg, biased - fmt_bias(f), (frac | hidden) << (TOP - f.mbits)};
}

/* Whether rounding takes a magnitude up, whose part below the last place is rest, where half a last place is half. */
static bool rounds_up(unsigned rm, bool neg, bool odd, u128 rest, u128 half)
{
    switch ((enum sf_rm)rm) {
    case SF_RNE: return rest > half || (rest == half && odd);
    case SF_RTZ: return false;
    case SF_RDN: return neg && rest;
    case SF_RUP: return !neg && rest;
    case SF_RMM: return rest >= half;
    }
    __builtin_unreachable();
}

/* sig / 2^drop as an integer, rounded. 1 <= drop <= 127. *inexact says whether anything was lost. */
static u128 round_bits(u128 sig, int drop, bool neg, unsigned rm, bool *inexact)
{
    u128 kept = sig >> drop, half = (u128)1 << (drop - 1), rest = sig & (half * 2 - 1);
    *inexact = rest != 0;
    return kept + rounds_up(rm, neg, kept & 1, rest, half);
}

/* Rounds a FINITE num to f. */
GENERIC uint64_t round_pack(struct fmt f, struct num n, unsigned rm, unsigned *fl)
{
    int emax = fmt_bias(f), emin = 1 - emax, drop = TOP - f.mbits;
    uint64_t sign = fmt_sign(f, n.neg), hidden = UINT64_C(1) << f.mbits, bits = fmt_inf(f);
    bool inexact, tiny = false;

    if (n.exp < emin) {
        /* Tiny, unless rounding as if the exponent had no lower bound reaches the least normal number. */
        tiny = n.exp < emin - 1 || round_bits(n.sig, drop, n.neg, rm, &inexact) < 2 * hidden;
        bits = (uint64_t)round_bits(shift_sticky(n.sig, emin - n.exp), drop, n.neg, rm, &inexact);
    } else if (n.exp <= emax) {
        /* A carry out of the significand, and the hidden bit itself, add one to the exponent field. */
        bits = ((uint64_t)(n.exp - emin) << f.mbits) + (uint64_t)round_bits(n.sig, drop, n.neg, rm, &inexact);
    }
    if (bits >= fmt_inf(f)) {
        *fl |= SF_OF | SF_NX;
        bool to_inf = rm == SF_RNE || rm == SF_RMM || rm == (n.neg ? SF_RDN : SF_RUP);
        return sign | (fmt_inf(f) - !to_inf);
    }
    if (inexact)
        *fl |= tiny ? SF_UF | SF_NX : SF_NX;
    return sign | bits;
}

GENERIC uint64_t pack(struct fmt f, struct num n, unsigned rm, unsigned *fl)
{
    switch (n.kind) {
    case KIND_ZERO: return fmt_sign(f, n.neg);
    case KIND_FINITE: return round_pack(f, n, rm, fl);
    case KIND_INF: return fmt_sign(f, n.neg) | fmt_inf(f);
    case KIND_NAN: return fmt_nan(f);
    }
    __builtin_unreachable();
}

/* ---- arithmetic on nums ---- */

static struct num num_add(struct num a, struct num b, unsigned rm, unsigned *fl)
{
    if (a.kind == KIND_NAN || b.kind == KIND_NAN)
        return num_nan();
    if (a.kind == KIND_INF && b.kind == KIND_INF && a.neg != b.neg)
        return num_invalid(fl);
    if (a.kind == KIND_INF || b.kind == KIND_INF)
        return a.kind == KIND_INF ? a : b;
    if (a.kind == KIND_ZERO && b.kind == KIND_ZERO) {
        if (a.neg != b.neg)
            a.neg = rm == SF_RDN;
        return a;
    }
    if (a.kind == KIND_ZERO || b.kind == KIND_ZERO)
        return a.kind == KIND_ZERO ? b : a;

    if (a.exp < b.exp || (a.exp == b.exp && a.sig < b.sig)) {
        struct num t = a;
        a = b;
        b = t;
    }
    /* A shift that makes b inexact is of more than 20 places, so that the difference keeps bit 125 or 126. */
    u128 small = shift_sticky(b.sig, a.exp - b.exp);
    if (a.neg == b.neg)
        return num_make(a.neg, a.exp, a.sig + small);
    if (a.sig == small)
        return (struct num){.kind = KIND_ZERO, .neg = rm == SF_RDN};
    return num_make(a.neg, a.exp, a.sig - small);
}

static struct num num_mul(struct num a, struct num b, unsigned *fl)
{
    if (a.kind == KIND_NAN || b.kind == KIND_NAN)
        return num_nan();
    bool neg = a.neg != b.neg;
    if (a.kind == KIND_INF || b.kind == KIND_INF) {
        if (a.kind == KIND_ZERO || b.kind == KIND_ZERO)
            return num_invalid(fl);
        return (struct num){.kind = KIND_INF, .neg = neg};
    }
    if (a.kind == KIND_ZERO || b.kind == KIND_ZERO)
        return (struct num){.kind = KIND_ZERO, .neg = neg};
    return num_make(neg, a.exp + b.exp, (a.sig >> 63) * (b.sig >> 63));
}

static struct num num_div(struct num a, struct num b, unsigned *fl)
{
    if (a.kind == KIND_NAN || b.kind == KIND_NAN)
        return num_nan();
    bool neg = a.neg != b.neg;
    if (a.kind == b.kind && a.kind != KIND_FINITE)
        return num_invalid(fl); /* 0 / 0, inf / inf */
    if (a.kind == KIND_INF || b.kind == KIND_ZERO) {
        if (a.kind == KIND_FINITE)
            *fl |= SF_DZ;
        return (struct num){.kind = KIND_INF, .neg = neg};
    }
    if (a.kind == KIND_ZERO || b.kind == KIND_INF)
        return (struct num){.kind = KIND_ZERO, .neg = neg};
    u128 divisor = b.sig >> 63, quotient = a.sig / divisor; /* at least 63 bits */
    return num_make(neg, a.exp - b.exp, quotient << 63 | (quotient * divisor != a.sig));
}

/* Computes that many binary digits of the root: at least half as many as the operand has, and at most 60. */
static struct num num_sqrt(struct num a, int digits, unsigned *fl)
{
    if (a.kind == KIND_NAN || a.kind == KIND_ZERO)
        return a;
    if (a.neg)
        return num_invalid(fl);
    if (a.kind == KIND_INF)
        return a;
    bool odd = a.exp & 1;
    u128 radicand = a.sig << odd; /* in [1, 4) times 2^126, and the exponent is even now */
    uint64_t root = 0, rest = 0;
    for (int i = 0; i < digits; i++, radicand <<= 2) {
        /* On paper: bring down two digits; the next digit of the root is 1 if 4 * root + 1 can be taken off. */
        rest = rest << 2 | (uint64_t)(radicand >> TOP);
        uint64_t trial = root << 2 | 1, digit = rest >= trial;
        rest -= trial & -digit; /* without a branch: nothing could predict it */
        root = root << 1 | digit;
    }
    return num_make(false, (a.exp - odd) / 2, (u128)root << (TOP + 1 - digits) | (rest != 0));
}

/* ---- operations on bits ---- */

GENERIC uint64_t add(struct fmt f, uint64_t a, uint64_t b, unsigned rm, unsigned *fl)
{
    struct num x = unpack(f, a, fl), y = unpack(f, b, fl);
    return pack(f, num_add(x, y, rm, fl), rm, fl);
}

/* A NaN's sign does not matter, so a difference is a sum. */
GENERIC uint64_t sub(struct fmt f, uint64_t a, uint64_t b, unsigned rm, unsigned *fl)
{
    return add(f, a, b ^ fmt_sign(f, true), rm, fl);
}

GENERIC uint64_t mul(struct fmt f, uint64_t a, uint64_t b, unsigned rm, unsigned *fl)
{
    struct num x = unpack(f, a, fl), y = unpack(f, b, fl);
    return pack(f, num_mul(x, y, fl), rm, fl);
}

GENERIC uint64_t divide(struct fmt f, uint64_t a, uint64_t b, unsigned rm, unsigned *fl)
{
    struct num x = unpack(f, a, fl), y = unpack(f, b, fl);
    return pack(f, num_div(x, y, fl), rm, fl);
}

GENERIC uint64_t square_root(struct fmt f, uint64_t a, unsigned rm, unsigned *fl)
{
    return pack(f, num_sqrt(unpack(f, a, fl), f.mbits + 2, fl), rm, fl);
}

GENERIC uint64_t fused(struct fmt f, uint64_t a, uint64_t b, uint64_t c, unsigned rm, unsigned *fl)
{
    struct num x = unpack(f, a, fl), y = unpack(f, b, fl), z = unpack(f, c, fl);
    return pack(f, num_add(num_mul(x, y, fl), z, rm, fl), rm, fl);
}

/* Numbers in their order, both zeros 0. */
GENERIC int64_t order(struct fmt f, uint64_t a)
{
    int64_t mag = (int64_t)magnitude(f, a);
    return is_neg(f, a) ? -mag : mag;
}

GENERIC bool any_nan(struct fmt f, uint64_t a, uint64_t b, bool quiet, unsigned *fl)
{
    bool nan = is_nan(f, a) || is_nan(f, b);
    if (nan && (!quiet || is_snan(f, a) || is_snan(f, b)))
        *fl |= SF_NV;
    return nan;
}

GENERIC uint64_t min_max(struct fmt f, uint64_t a, uint64_t b, bool max, unsigned *fl)
{
    if (any_nan(f, a, b, true, fl)) {
        if (!is_nan(f, a))
            return a;
        return is_nan(f, b) ? fmt_nan(f) : b;
    }
    int64_t x = order(f, a), y = order(f, b);
    if (x == y)
        return max ? a & b : a | b; /* differ in the sign of a zero, if at all */
    return (x < y) != max ? a : b;
}

GENERIC unsigned classify(struct fmt f, uint64_t a)
{
    uint64_t mag = magnitude(f, a);
    if (is_nan(f, a))
        return is_snan(f, a) ? 1u << 8 : 1u << 9;
    unsigned distance = mag == 0 ? 0 : mag >> f.mbits == 0 ? 1 : mag < fmt_inf(f) ? 2 : 3; /* from zero */
    return is_neg(f, a) ? 1u << (3 - distance) : 1u << (4 + distance);
}

/* To an integer of `width` bits, two's complement where it is negative. */
GENERIC uint64_t to_int(struct fmt f, uint64_t a, int width, bool is_signed, unsigned rm, unsigned *fl)
{
    uint64_t max = UINT64_MAX >> (64 - width + is_signed), limit;
    unsigned nan_flag = 0;
    struct num n = unpack(f, a, &nan_flag);
    bool inexact = false;
    u128 mag = 0;

    if (n.kind == KIND_NAN)
        n.neg = false;
    limit = n.neg ? is_signed ? max + 1 : 0 : max;
    if (n.kind == KIND_NAN || n.kind == KIND_INF || (n.kind == KIND_FINITE && n.exp > 63))
        mag = (u128)1 << 64;
    else if (n.kind == KIND_FINITE && n.exp >= -1)
        mag = round_bits(n.sig, TOP - n.exp, n.neg, rm, &inexact);
    else if (n.kind == KIND_FINITE)
        mag = round_bits(1, TOP, n.neg, rm, &inexact); /* less than a half: only that it is not zero matters */
    if (mag > limit) {
        mag = limit;
        inexact = false;
        *fl |= SF_NV;
    }
    if (inexact)
        *fl |= SF_NX;
    return n.neg ? -(uint64_t)mag : (uint64_t)mag;
}

GENERIC uint64_t from_int(struct fmt f, uint64_t mag, bool neg, unsigned rm, unsigned *fl)
{
    return pack(f, num_make(neg, 63, (u128)mag << (TOP - 63)), rm, fl);
}

GENERIC uint64_t from_signed(struct fmt f, int64_t v, unsigned rm, unsigned *fl)
{
    return from_int(f, v < 0 ? -(uint64_t)v : (uint64_t)v, v < 0, rm, fl);
}

/* Sign-extends from bit 31. */
static int64_t word(uint64_t v)
{
    return (int32_t)(uint32_t)v;
}

/* ---- the public functions: each operation once for either format ---- */

#define FORMAT(sf, bits_t, f)                                                                                          \
    bits_t sf##_add(bits_t a, bits_t b, unsigned rm, unsigned *fl)                                                     \
    {                                                                                                                  \
        return (bits_t)add(f, a, b, rm, fl);                                                                           \
    }                                                                                                                  \
    bits_t sf##_sub(bits_t a, bits_t b, unsigned rm, unsigned *fl)                                                     \
    {                                                                                                                  \
        return (bits_t)sub(f, a, b, rm, fl);                                                                           \
    }                                                                                                                  \
    bits_t sf##_mul(bits_t a, bits_t b, unsigned rm, unsigned *fl)                                                     \
    {                                                                                                                  \
        return (bits_t)mul(f, a, b, rm, fl);                                                                           \
    }                                                                                                                  \
    bits_t sf##_div(bits_t a, bits_t b, unsigned rm, unsigned *fl)                                                     \
    {                                                                                                                  \
        return (bits_t)divide(f, a, b, rm, fl);                                                                        \
    }                                                                                                                  \
    bits_t sf##_sqrt(bits_t a, unsigned rm, unsigned *fl)                                                              \
    {                                                                                                                  \
        return (bits_t)square_root(f, a, rm, fl);                                                                      \
    }                                                                                                                  \
    bits_t sf##_fma(bits_t a, bits_t b, bits_t c, unsigned rm, unsigned *fl)                                           \
    {                                                                                                                  \
        return (bits_t)fused(f, a, b, c, rm, fl);                                                                      \
    }                                                                                                                  \
    bits_t sf##_min(bits_t a, bits_t b, unsigned *fl)                                                                  \
    {                                                                                                                  \
        return (bits_t)min_max(f, a, b, false, fl);                                                                    \
    }                                                                                                                  \
    bits_t sf##_max(bits_t a, bits_t b, unsigned *fl)                                                                  \
    {                                                                                                                  \
        return (bits_t)min_max(f, a, b, true, fl);                                                                     \
    }                                                                                                                  \
    int sf##_eq(bits_t a, bits_t b, unsigned *fl)                                                                      \
    {                                                                                                                  \
        return !any_nan(f, a, b, true, fl) && order(f, a) == order(f, b);                                              \
    }                                                                                                                  \
    int sf##_lt(bits_t a, bits_t b, unsigned *fl)                                                                      \
    {                                                                                                                  \
        return !any_nan(f, a, b, false, fl) && order(f, a) < order(f, b);                                              \
    }                                                                                                                  \
    int sf##_le(bits_t a, bits_t b, unsigned *fl)                                                                      \
    {                                                                                                                  \
        return !any_nan(f, a, b, false, fl) && order(f, a) <= order(f, b);                                             \
    }                                                                                                                  \
    unsigned sf##_classify(bits_t a)                                                                                   \
    {                                                                                                                  \
        return classify(f, a);                                                                                         \
    }                                                                                                                  \
    int64_t sf##_to_i32(bits_t a, unsigned rm, unsigned *fl)                                                           \
    {                                                                                                                  \
        return word(to_int(f, a, 32, true, rm, fl));                                                                   \
    }                                                                                                                  \
    uint64_t sf##_to_u32(bits_t a, unsigned rm, unsigned *fl)                                                          \
    {                                                                                                                  \
        return (uint64_t)word(to_int(f, a, 32, false, rm, fl));                                                        \
    }                                                                                                                  \
    int64_t sf##_to_i64(bits_t a, unsigned rm, unsigned *fl)                                                           \
    {                                                                                                                  \
        return (int64_t)to_int(f, a, 64, true, rm, fl);                                                                \
    }                                                                                                                  \
    uint64_t sf##_to_u64(bits_t a, unsigned rm, unsigned *fl)                                                          \
    {                                                                                                                  \
        return to_int(f, a, 64, false, rm, fl);                                                                        \
    }                                                                                                                  \
    bits_t sf##_from_i32(int32_t v, unsigned rm, unsigned *fl)                                                         \
    {                                                                                                                  \
        return (bits_t)from_signed(f, v, rm, fl);                                                                      \
    }                                                                                                                  \
    bits_t sf##_from_u32(uint32_t v, unsigned rm, unsigned *fl)                                                        \
    {                                                                                                                  \
        return (bits_t)from_int(f, v, false, rm, fl);                                                                  \
    }                                                                                                                  \
    bits_t sf##_from_i64(int64_t v, unsigned rm, unsigned *fl)                                                         \
    {                                                                                                                  \
        return (bits_t)from_signed(f, v, rm, fl);                                                                      \
    }                                                                                                                  \
    bits_t sf##_from_u64(uint64_t v, unsigned rm, unsigned *fl)                                                        \
    {                                                                                                                  \
        return (bits_t)from_int(f, v, false, rm, fl);                                                                  \
    }

FORMAT(sf32, uint32_t, binary32)
FORMAT(sf64, uint64_t, binary64)

uint64_t sf32_to_sf64(uint32_t a, unsigned rm, unsigned *fl)
{
    return pack(binary64, unpack(binary32, a, fl), rm, fl);
}

uint32_t sf64_to_sf32(uint64_t a, unsigned rm, unsigned *fl)
{
    return (uint32_t)pack(binary32, unpack(binary64, a, fl), rm, fl);
}
