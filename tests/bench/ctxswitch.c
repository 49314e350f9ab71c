/* SPDX-License-Identifier: MIT */
/* Two address spaces with an ASID each: switch satp, touch 32 pages, switch back. No fence is needed between them. */
#include "bench.h"
#include "mmu.h"

enum { PAGES = 32 };

static uint64_t frames[2][PAGES][512] __attribute__((aligned(4096), section(".noinit")));

static NOINLINE uint64_t work(uint64_t base)
{
    uint64_t sum = 0;
    for (uint64_t i = 0; i < PAGES; i++) {
        volatile uint64_t *p = (volatile uint64_t *)(base + i * 4096);
        p[1] = p[1] + 1;
        sum += p[0];
    }
    return sum;
}

void bench(void)
{
    const uint64_t base = 64ull << 30;
    uint64_t satp[2], sum = 0;
    for (uint64_t side = 0; side < 2; side++) {
        mmu_table root = mmu_new_root();
        for (uint64_t i = 0; i < PAGES; i++) {
            frames[side][i][0] = side * 1000 + i;
            frames[side][i][1] = 0;
            mmu_map(root, base + i * 4096, (uint64_t)frames[side][i], PTE_DATA);
        }
        satp[side] = mmu_satp(root, side + 1);
    }
    __asm__ volatile("sfence.vma" ::: "memory");
    for (uint64_t n = 0; n < ITER; n++) {
        uint64_t got;
        __asm__ volatile("csrw satp, %0" ::"r"(satp[0]) : "memory");
        got = work(base);
        __asm__ volatile("csrw satp, %0" ::"r"(satp[1]) : "memory");
        got += work(base);
        sum += got;
        if (got != 32000 + 2 * 496)
            bench_fail("ctxswitch: read the other address space", 10);
    }
    for (uint64_t side = 0; side < 2; side++)
        for (uint64_t i = 0; i < PAGES; i++)
            if (frames[side][i][1] != ITER)
                bench_fail("ctxswitch: wrote the other address space", 11);
    bench_done("ctxswitch", sum, (32000ull + 2 * 496) * ITER, 2ull * ITER);
}
