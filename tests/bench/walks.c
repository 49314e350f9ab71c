/* SPDX-License-Identifier: MIT */
/* Page-table walks: every access goes to a page that was never touched, in random order over 2^24 pages. The tables are
 * aliased (one table of leaves, one of pointers to it), so that 64 GiB of addresses cost 2 MiB of memory. */
#include "bench.h"
#include "mmu.h"

enum { FRAMES = 512, PAGE_BITS = 24 };

static uint64_t frames[FRAMES][512] __attribute__((aligned(4096), section(".noinit")));

void bench(void)
{
    const uint64_t base = 64ull << 30;
    mmu_table root = mmu_new_root(), middle = mmu_new_table(), leaves = mmu_new_table();
    for (uint64_t i = 0; i < 512; i++) {
        frames[i][0] = i;
        leaves[i] = mmu_pte((uint64_t)frames[i], PTE_DATA);
        middle[i] = mmu_pte((uint64_t)leaves, PTE_V);
    }
    for (uint64_t i = 0; i < 64; i++)
        root[64 + i] = mmu_pte((uint64_t)middle, PTE_V);
    __asm__ volatile("csrw satp, %0; sfence.vma" ::"r"(mmu_satp(root, 1)) : "memory");

    _Static_assert(ITER <= 1 << PAGE_BITS, "a page would be touched twice");
    const uint64_t mask = (1u << PAGE_BITS) - 1;
    uint64_t page = 12345, sum = 0, expected = 0;
    for (uint64_t n = 0; n < ITER; n++) {
        page = (page * 1664525 + 1013904223) & mask; /* full period */
        volatile uint64_t *p = (volatile uint64_t *)(base + page * 4096);
        if (n & 1) {
            p[1 + (n & 255)] = n; /* beside what the loads read */
        } else {
            sum += p[0];
            expected += page & (FRAMES - 1);
        }
    }
    bench_done("walks", sum, expected, ITER);
}
