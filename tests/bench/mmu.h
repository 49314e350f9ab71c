/* SPDX-License-Identifier: MIT */
/* Sv39 page tables for the guests that run in S mode. */
#ifndef BENCH_MMU_H
#define BENCH_MMU_H

#include <stdint.h>

/* 53:10 PPN | 7 D 6 A 5 G 4 U 3 X 2 W 1 R 0 V */
enum { PTE_V = 1, PTE_R = 2, PTE_W = 4, PTE_X = 8, PTE_U = 16, PTE_G = 32, PTE_A = 64, PTE_D = 128 };
#define PTE_DATA (PTE_V | PTE_R | PTE_W | PTE_A | PTE_D)

#define MMU_SV39 (8ull << 60) /* satp.MODE */

typedef uint64_t *mmu_table;

/* Builds the identity map (64 MiB of RAM and the devices, 4 KiB pages) and returns the satp that selects it, ASID 0. */
uint64_t mmu_build(void);

/* The same for stage two (Sv39x4, VMID 1): the hgatp that selects it. */
uint64_t mmu_build_stage2(void);

/* A root that shares the identity map's tables. */
mmu_table mmu_new_root(void);

/* An empty table from the pool. */
mmu_table mmu_new_table(void);

/* Maps one 4 KiB page; makes the tables in between. Returns the leaf's place. No fence. */
uint64_t *mmu_map(mmu_table root, uint64_t va, uint64_t pa, uint64_t flags);

static inline uint64_t mmu_pte(uint64_t pa, uint64_t flags)
{
    return pa >> 12 << 10 | flags;
}

static inline uint64_t mmu_satp(mmu_table root, uint64_t asid)
{
    return MMU_SV39 | asid << 44 | (uint64_t)root >> 12;
}

#endif
