/* SPDX-License-Identifier: MIT */
/* sfence.vma by address, by ASID and for all, each after a change of the page table that the next access must see. */
#include "bench.h"
#include "mmu.h"

enum { PAGES = 32, ASID = 5 };

static uint64_t frames[2][PAGES][512] __attribute__((aligned(4096), section(".noinit")));

static inline uint64_t touch(uint64_t va)
{
    return *(volatile uint64_t *)va;
}

void bench(void)
{
    const uint64_t base = 128ull << 30; /* nothing of the identity map is there */
    mmu_table root = mmu_new_root();
    uint64_t *leaf[PAGES];
    uint64_t pte[2][PAGES];
    for (uint64_t i = 0; i < PAGES; i++) {
        for (uint64_t side = 0; side < 2; side++) {
            frames[side][i][0] = i * 2 + side;
            pte[side][i] = mmu_pte((uint64_t)frames[side][i], PTE_DATA);
        }
        leaf[i] = mmu_map(root, base + i * 4096, (uint64_t)frames[0][i], PTE_DATA);
    }
    __asm__ volatile("csrw satp, %0; sfence.vma" ::"r"(mmu_satp(root, ASID)) : "memory");
    uint64_t satp;
    __asm__ volatile("csrr %0, satp" : "=r"(satp));
    if (satp != mmu_satp(root, ASID))
        bench_fail("sfence: satp does not keep mode and ASID", 10);

    uint64_t fences = 0, sum = 0;
    for (uint64_t n = 0; n < ITER; n++) {
        uint64_t side = ~n & 1;
        /* Remap page by page, with a fence for each, as munmap and copy-on-write do. */
        for (uint64_t i = 0; i < PAGES / 2; i++) {
            uint64_t va = base + i * 4096;
            *leaf[i] = pte[side][i];
            if (i & 1)
                __asm__ volatile("sfence.vma %0, zero" ::"r"(va) : "memory");
            else
                __asm__ volatile("sfence.vma %0, %1" ::"r"(va), "r"((uint64_t)ASID) : "memory");
            uint64_t got = touch(va);
            if (got != i * 2 + side)
                bench_fail("sfence: stale after a fence by address", 11);
            sum += got;
            fences++;
        }
        /* Remap the other half at once, one fence. */
        for (uint64_t i = PAGES / 2; i < PAGES; i++)
            *leaf[i] = pte[side][i];
        if (n & 1)
            __asm__ volatile("sfence.vma" ::: "memory");
        else
            __asm__ volatile("sfence.vma zero, %0" ::"r"((uint64_t)ASID) : "memory");
        fences++;
        for (uint64_t i = 0; i < PAGES; i++) {
            uint64_t got = touch(base + i * 4096);
            if (got != i * 2 + side)
                bench_fail("sfence: stale after a fence for all", 12);
            sum += got;
        }
    }
    /* Each round reads pages 0..15 twice and 16..31 once: 2 * sum(2i) + sum(2i) + 48 * side, side is 1 in the even rounds. */
    uint64_t n = ITER;
    uint64_t expected = n * (2 * 240 + 752) + 48 * ((n + 1) / 2);
    bench_done("sfence", sum, expected, fences);
}
