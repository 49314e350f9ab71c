/* SPDX-License-Identifier: MIT */
/* Numbers and strings into a buffer that has room, without printf: a trace writes millions of them. Each returns where the next goes. */
#ifndef VITRINE_TRACE_PUT_H
#define VITRINE_TRACE_PUT_H

#include "base/base.h"

#include <string.h>

enum {
    PUT_HEX = 18, /* at most so many bytes: 0x and 16 digits */
    PUT_DEC = 20,
};

static inline char *put_bytes(char *p, const char *s, size_t n)
{
    memcpy(p, s, n);
    return p + n;
}

static inline char *put_string(char *p, const char *s)
{
    return put_bytes(p, s, strlen(s));
}

#define PUT_LITERAL(p, s) put_bytes((p), (s), sizeof(s) - 1)

/* The eight digits of v as the bytes of a word, the highest digit in the lowest byte. */
static inline uint64_t put_digits(uint32_t v)
{
    uint64_t x = v;
    /* Spread the nibbles to bytes, the high one first. */
    x = (x & 0xffff0000) >> 16 | (x & 0xffff) << 32;
    x = (x & UINT64_C(0x0000ff000000ff00)) >> 8 | (x & UINT64_C(0x000000ff000000ff)) << 16;
    x = (x & UINT64_C(0x00f000f000f000f0)) >> 4 | (x & UINT64_C(0x000f000f000f000f)) << 8;
    /* 0..9 -> '0'..'9', 10..15 -> 'a'..'f' */
    uint64_t letters = ((x + UINT64_C(0x0606060606060606)) >> 4) & UINT64_C(0x0101010101010101);
    return x + UINT64_C(0x3030303030303030) + letters * ('a' - '9' - 1);
}

/* Exactly 8, or 16, digits. */
static inline char *put_hex32(char *p, uint32_t v)
{
    uint64_t d = put_digits(v);
    memcpy(p, &d, 8);
    return p + 8;
}

static inline char *put_hex64(char *p, uint64_t v)
{
    return put_hex32(put_hex32(p, (uint32_t)(v >> 32)), (uint32_t)v);
}

/* 0x and as many digits as it takes, at least one. Writes PUT_HEX bytes in any case. */
static inline char *put_hex(char *p, uint64_t v)
{
    unsigned digits = (67 - (unsigned)__builtin_clzll(v | 1)) / 4;
    *p++ = '0';
    *p++ = 'x';
    put_hex64(p, v << (64 - 4 * digits));
    return p + digits;
}

/* 0x and `digits` digits, 1 to 16. */
static inline char *put_hex_digits(char *p, uint64_t v, unsigned digits)
{
    *p++ = '0';
    *p++ = 'x';
    put_hex64(p, v << (64 - 4 * digits));
    return p + digits;
}

/* The eight digits of v, below 10^8, each as a number in a byte of a word, the highest digit in the lowest byte. */
static inline uint64_t put_decimals(uint32_t v)
{
    /* Two numbers of four digits, four of two, eight of one, by multiplication with rounded-up reciprocals of 100 and 10. */
    uint64_t x = v / 10000 | (uint64_t)(v % 10000) << 32, q;
    q = x * 5243 >> 19 & UINT64_C(0x0000007f0000007f);
    x = q | (x - 100 * q) << 16;
    q = x * 103 >> 10 & UINT64_C(0x000f000f000f000f);
    return q | (x - 10 * q) << 8;
}

/* Writes PUT_DEC bytes at most. */
static inline char *put_dec(char *p, uint64_t v)
{
    enum { CHUNK = 100000000 };
    const uint64_t zeroes = UINT64_C(0x3030303030303030);
    uint64_t d;
    if (v >= CHUNK) {
        p = put_dec(p, v / CHUNK);
        d = put_decimals((uint32_t)(v % CHUNK)) + zeroes;
        memcpy(p, &d, 8);
        return p + 8;
    }
    d = put_decimals((uint32_t)v);
    const unsigned leading = (unsigned)__builtin_ctzll(d | BIT(56)) / 8;
    d = (d + zeroes) >> 8 * leading;
    memcpy(p, &d, 8);
    return p + 8 - leading;
}

static inline char *put_signed(char *p, int64_t v)
{
    if (v < 0)
        *p++ = '-';
    return put_dec(p, v < 0 ? -(uint64_t)v : (uint64_t)v);
}

static inline unsigned put_dec_digits(uint64_t v)
{
    static const uint64_t power[] = {0,
                                     10,
                                     100,
                                     1000,
                                     10000,
                                     100000,
                                     1000000,
                                     10000000,
                                     100000000,
                                     1000000000,
                                     10000000000,
                                     100000000000,
                                     1000000000000,
                                     10000000000000,
                                     100000000000000,
                                     1000000000000000,
                                     10000000000000000,
                                     100000000000000000,
                                     1000000000000000000,
                                     UINT64_C(10000000000000000000)};
    unsigned n = (64 - (unsigned)__builtin_clzll(v | 1)) * 1233 >> 12; /* times the logarithm of 2 */
    return n + (v >= power[n]);
}

/* Decimal, right-aligned in `width` columns, 1 to PUT_DEC; wider where it must be. */
static inline char *put_dec_wide(char *p, uint64_t v, unsigned width)
{
    const unsigned n = put_dec_digits(v);
    memset(p, ' ', PUT_DEC);
    return put_dec(p + (n < width ? width - n : 0), v);
}

/* Blanks up to column `to` of what began at `from`, at least one. */
static inline char *put_pad(char *p, const char *from, size_t to)
{
    do
        *p++ = ' ';
    while ((size_t)(p - from) < to);
    return p;
}

#endif
