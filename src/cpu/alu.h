/* SPDX-License-Identifier: MIT */
/* alu.def as functions: alu_add(a, b), branch_beq(a, b). Unpriv. "RV64I", "M", "Zba/Zbb/Zbc/Zbs", "Zicond". */
#ifndef VITRINE_ALU_H
#define VITRINE_ALU_H

#include "base/base.h"

__extension__ typedef __int128 int128;
__extension__ typedef unsigned __int128 uint128;

#define ALWAYS_INLINE static inline __attribute__((always_inline, unused))

ALWAYS_INLINE uint64_t mul_high_ss(uint64_t a, uint64_t b)
{
    return (uint64_t)(((int128)(int64_t)a * (int64_t)b) >> 64);
}

ALWAYS_INLINE uint64_t mul_high_uu(uint64_t a, uint64_t b)
{
    return (uint64_t)(((uint128)a * b) >> 64);
}

ALWAYS_INLINE uint64_t mul_high_su(uint64_t a, uint64_t b)
{
    return mul_high_uu(a, b) - ((int64_t)a < 0 ? b : 0);
}

/* Division by zero gives all ones (remainder: the dividend); overflow wraps. Unpriv. "Division operations" */
ALWAYS_INLINE uint64_t div_signed(uint64_t a, uint64_t b)
{
    if (UNLIKELY(b + 1 <= 1))
        return b ? -a : UINT64_MAX;
    return (uint64_t)((int64_t)a / (int64_t)b);
}

ALWAYS_INLINE uint64_t rem_signed(uint64_t a, uint64_t b)
{
    if (UNLIKELY(b + 1 <= 1))
        return b ? 0 : a;
    return (uint64_t)((int64_t)a % (int64_t)b);
}

ALWAYS_INLINE uint64_t div_signed_w(uint32_t a, uint32_t b)
{
    if (UNLIKELY(b + 1 <= 1))
        return b ? (uint64_t)(int32_t)-a : UINT64_MAX;
    return (uint64_t)((int32_t)a / (int32_t)b);
}

ALWAYS_INLINE uint64_t rem_signed_w(uint32_t a, uint32_t b)
{
    if (UNLIKELY(b + 1 <= 1))
        return b ? 0 : (uint64_t)(int32_t)a;
    return (uint64_t)((int32_t)a % (int32_t)b);
}

ALWAYS_INLINE uint64_t or_combine_bytes(uint64_t a)
{
    const uint64_t low = UINT64_C(0x0101010101010101);
    a |= a >> 1;
    a |= a >> 2;
    a |= a >> 4;
    return (a & low) * 0xff;
}

static inline uint64_t carryless_low(uint64_t a, uint64_t b)
{
    uint64_t r = 0;
    for (; b; b &= b - 1)
        r ^= a << __builtin_ctzll(b);
    return r;
}

/* Bits 126..63 of the carry-less product. */
static inline uint64_t carryless_reversed(uint64_t a, uint64_t b)
{
    uint64_t r = 0;
    for (; b; b &= b - 1)
        r ^= a >> (63 - __builtin_ctzll(b));
    return r;
}

#define ALU(id, format, expression)                                                                                    \
    ALWAYS_INLINE uint64_t alu_##id(uint64_t a, uint64_t b)                                                            \
    {                                                                                                                  \
        (void)b;                                                                                                       \
        return (uint64_t)(expression);                                                                                 \
    }
#define BRANCH(id, condition)                                                                                          \
    ALWAYS_INLINE bool branch_##id(uint64_t a, uint64_t b)                                                             \
    {                                                                                                                  \
        return condition;                                                                                              \
    }
#include "cpu/alu.def"

#endif
