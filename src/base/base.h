/* SPDX-License-Identifier: MIT */
/* Bits, address types and the few attributes that every module uses. Knows only libc. */
#ifndef VITRINE_BASE_H
#define VITRINE_BASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "Vitrine keeps guest memory in host order and needs a little-endian host"
#endif

#define MUST_USE               __attribute__((warn_unused_result))
#define PRINTF_LIKE(fmt, args) __attribute__((format(printf, fmt, args)))
#define LIKELY(c)              __builtin_expect(!!(c), 1)
#define UNLIKELY(c)            __builtin_expect(!!(c), 0)
#define ARRAY_LEN(a)           (sizeof(a) / sizeof((a)[0]))
#define BIT(n)                 (UINT64_C(1) << (n))
/* Ones in bits hi..lo, both included; 63 >= hi >= lo. */
#define MASK(hi, lo) ((UINT64_MAX >> (63 - (hi))) & (UINT64_MAX << (lo)))

/* Addresses that must not mix: a guest's virtual, a guest's physical, the (emulated) host's physical. */
typedef struct {
    uint64_t v;
} gva_t;
typedef struct {
    uint64_t v;
} gpa_t;
typedef struct {
    uint64_t v;
} hpa_t;

#define GVA(x) ((gva_t){(x)})
#define GPA(x) ((gpa_t){(x)})
#define HPA(x) ((hpa_t){(x)})

/* Bits hi..lo of v, moved down to bit 0. */
static inline uint64_t bits(uint64_t v, unsigned hi, unsigned lo)
{
    return (v & MASK(hi, lo)) >> lo;
}

/* The low n bits of v (1 <= n <= 64) as a two's complement number. */
static inline int64_t sign_extend(uint64_t v, unsigned n)
{
    return (int64_t)(v << (64 - n)) >> (64 - n);
}

/* v with the bits of mask replaced by those of from. */
static inline uint64_t merge_bits(uint64_t v, uint64_t from, uint64_t mask)
{
    return (v & ~mask) | (from & mask);
}

static inline uint64_t min_u64(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static inline bool is_pow2(uint64_t v)
{
    return v && !(v & (v - 1));
}

#endif
