/* SPDX-License-Identifier: MIT */
/* A supervisor that reads and writes user memory: sstatus.SUM set, a few words copied, SUM cleared. */
#include "bench.h"
#include "mmu.h"

enum { PAGES = 16, WORDS = 8 };

#define SUM (1ull << 18)

static uint64_t frames[PAGES][512] __attribute__((aligned(4096), section(".noinit")));

void bench(void)
{
    const uint64_t base = 64ull << 30;
    mmu_table root = mmu_new_root();
    for (uint64_t i = 0; i < PAGES; i++) {
        for (uint64_t w = 0; w < WORDS; w++)
            frames[i][w] = i * 100 + w;
        mmu_map(root, base + i * 4096, (uint64_t)frames[i], PTE_DATA | PTE_U);
    }
    __asm__ volatile("csrw satp, %0; sfence.vma" ::"r"(mmu_satp(root, 1)) : "memory");

    uint64_t sum = 0, kernel[WORDS] = {0};
    for (uint64_t n = 0; n < ITER; n++) {
        volatile uint64_t *user = (volatile uint64_t *)(base + n % PAGES * 4096);
        __asm__ volatile("csrs sstatus, %0" ::"r"(SUM) : "memory");
        for (int w = 0; w < WORDS; w++)
            kernel[w] = user[w];
        __asm__ volatile("csrc sstatus, %0" ::"r"(SUM) : "memory");
        for (int w = 0; w < WORDS; w++)
            kernel[w] += 3;
        __asm__ volatile("csrs sstatus, %0" ::"r"(SUM) : "memory");
        for (int w = 0; w < WORDS; w++)
            user[w] = kernel[w];
        __asm__ volatile("csrc sstatus, %0" ::"r"(SUM) : "memory");
    }
    uint64_t expected = 0, rounds = ITER;
    for (uint64_t i = 0; i < PAGES; i++) {
        uint64_t visits = (rounds + PAGES - 1 - i) / PAGES;
        for (uint64_t w = 0; w < WORDS; w++) {
            sum = bench_mix(sum, frames[i][w]);
            expected = bench_mix(expected, i * 100 + w + 3 * visits);
        }
    }
    bench_done("usercopy", sum, expected, 2ull * ITER);
}
