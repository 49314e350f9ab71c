/* SPDX-License-Identifier: MIT */
/* Copy, scale, add, triad over three arrays of 4 MB of 64-bit integers. Their distance is no multiple of a power of two, so
 * that the same index in each does not meet in one set of a cache or of an emulator's TLB. */
#include "bench.h"

enum { LEN = 500 * 1000 };

static uint64_t a[LEN] __attribute__((section(".noinit")));
static uint64_t b[LEN] __attribute__((section(".noinit")));
static uint64_t c[LEN] __attribute__((section(".noinit")));

static NOINLINE void copy(uint64_t *d, const uint64_t *s)
{
    for (size_t i = 0; i < LEN; i++)
        d[i] = s[i];
}

static NOINLINE void scale(uint64_t *d, const uint64_t *s, uint64_t q)
{
    for (size_t i = 0; i < LEN; i++)
        d[i] = q * s[i];
}

static NOINLINE void add(uint64_t *d, const uint64_t *s, const uint64_t *t)
{
    for (size_t i = 0; i < LEN; i++)
        d[i] = s[i] + t[i];
}

static NOINLINE void triad(uint64_t *d, const uint64_t *s, const uint64_t *t, uint64_t q)
{
    for (size_t i = 0; i < LEN; i++)
        d[i] = s[i] + q * t[i];
}

void bench(void)
{
    const uint64_t q = 3;
    for (size_t i = 0; i < LEN; i++)
        a[i] = i;
    uint64_t factor = 1; /* a[i] == factor * i after each round: 3a, then 4a, then 3a + 3 * 4a */
    for (unsigned n = 0; n < ITER; n++) {
        copy(c, a);
        scale(b, c, q);
        add(c, a, b);
        triad(a, b, c, q);
        factor *= 15;
    }
    uint64_t sum = 0;
    for (size_t i = 0; i < LEN; i++) {
        if (a[i] != factor * i)
            bench_fail("stream: wrong element", 10);
        sum += a[i];
    }
    bench_done("stream", sum, factor * ((uint64_t)LEN * (LEN - 1) / 2), (uint64_t)LEN * 4 * ITER);
}
