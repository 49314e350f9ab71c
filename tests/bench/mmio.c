/* SPDX-License-Identifier: MIT */
/* Device accesses: the CLINT's mtime (never backwards), mtimecmp written and read back, the UART's line status. */
#include "bench.h"

void bench(void)
{
    volatile uint64_t *mtime = (volatile uint64_t *)0x200bff8;
    volatile uint64_t *mtimecmp = (volatile uint64_t *)0x2004000;
    volatile uint8_t *lsr = (volatile uint8_t *)0x10000005;
    uint64_t sum = 0, last = 0;
    for (uint64_t n = 0; n < ITER; n++) {
        for (int i = 0; i < 5; i++) {
            uint64_t now = *mtime;
            if (now < last)
                bench_fail("mmio: mtime went back", 10);
            last = now;
        }
        *mtimecmp = ~0ull - n;
        sum += ~0ull - *mtimecmp;
        sum += *lsr >> 5 & 1;
    }
    uint64_t n = ITER;
    bench_done("mmio", sum, n * (n - 1) / 2 + n, 8 * n);
}
