/* SPDX-License-Identifier: MIT */
/* Code that runs once: a body of about 1 MiB (coldgen.py) is copied to fresh memory and called there, again and again.
 * The places are reused after RING copies, so that old decoded code has to go, too. */
#include "bench.h"

enum { RING = 8, BODY_MAX = 2 * 1024 * 1024 };

extern const uint8_t cold_begin[], cold_end[];
extern const uint64_t cold_expected, cold_calls;

typedef uint64_t function(uint64_t *);

static uint8_t ring[RING][BODY_MAX] __attribute__((aligned(4096), section(".noinit")));
static uint64_t words[256];

void bench(void)
{
    uint64_t size = (uint64_t)(cold_end - cold_begin);
    if (size > BODY_MAX)
        bench_fail("coldcode: the body is too large", 10);
    uint64_t sum = 0;
    for (uint64_t n = 0; n < ITER; n++) {
        uint8_t *place = ring[n % RING];
        memcpy(place, cold_begin, size);
        __asm__ volatile("fence.i" ::: "memory");
        memset(words, 0, sizeof words);
        sum = ((function *)(uintptr_t)place)(words);
        if (sum != cold_expected)
            break;
    }
    bench_done("coldcode", sum, cold_expected, cold_calls * ITER);
}
