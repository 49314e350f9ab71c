/* SPDX-License-Identifier: MIT */
/* System calls: U mode calls S, then U mode calls M, in a loop; the handler saves the caller's registers as a kernel does. */
#include "bench.h"

/* traps_asm.S: runs `count` system calls in U mode that are taken in S (delegated) or in M; returns what U computed. */
uint64_t traps_in_s(uint64_t count);
uint64_t traps_in_m(uint64_t count);

static uint64_t model(uint64_t count)
{
    uint64_t x = 0;
    for (uint64_t n = count; n; n--)
        x = x * 5 + n;
    return x;
}

void bench(void)
{
    uint64_t expected = model(ITER);
    uint64_t s = traps_in_s(ITER);
    uint64_t m = traps_in_m(ITER);
    if (s != expected)
        bench_fail("traps: wrong result of system calls to S", 10);
    bench_done("traps", m, expected, 2ull * ITER);
}
