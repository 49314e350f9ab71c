/* SPDX-License-Identifier: MIT */
#include "mmu.h"

#include "bench.h"

enum { POOL_TABLES = 128 };

static uint64_t pool[POOL_TABLES][512] __attribute__((aligned(4096), section(".noinit")));
static unsigned pool_used;
static mmu_table identity;
static uint64_t stage2_root[2048] __attribute__((aligned(16384))); /* Sv39x4: two bits of address more */

mmu_table mmu_new_table(void)
{
    if (pool_used == POOL_TABLES)
        bench_fail("out of page tables", 90);
    mmu_table t = pool[pool_used++];
    for (int i = 0; i < 512; i++)
        t[i] = 0;
    return t;
}

mmu_table mmu_new_root(void)
{
    mmu_table root = mmu_new_table();
    for (int i = 0; i < 512; i++)
        root[i] = identity[i];
    return root;
}

uint64_t *mmu_map(mmu_table root, uint64_t va, uint64_t pa, uint64_t flags)
{
    mmu_table t = root;
    for (int shift = 30; shift > 12; shift -= 9) {
        uint64_t *pte = &t[(va >> shift) & 511];
        if (!(*pte & PTE_V))
            *pte = mmu_pte((uint64_t)mmu_new_table(), PTE_V);
        t = (mmu_table)(*pte >> 10 << 12);
    }
    uint64_t *leaf = &t[(va >> 12) & 511];
    *leaf = mmu_pte(pa, flags);
    return leaf;
}

/* 64 MiB of RAM and the devices, where they are. */
static void map_identity(mmu_table root, uint64_t flags)
{
    static const uint64_t devices[] = {0x100000, 0x2000000, 0x200b000, 0x10000000}; /* test, CLINT (2), UART */
    for (size_t i = 0; i < ARRAY_LEN(devices); i++)
        mmu_map(root, devices[i], devices[i], PTE_DATA | flags);
    for (uint64_t pa = 0x80000000; pa < 0x84000000; pa += 4096)
        mmu_map(root, pa, pa, PTE_DATA | PTE_X | flags);
}

uint64_t mmu_build(void)
{
    identity = mmu_new_table();
    map_identity(identity, PTE_G);
    return mmu_satp(identity, 0);
}

/* Below 2^39 the root of Sv39x4 is used like one of Sv39. Stage two sees every access as one from U. */
uint64_t mmu_build_stage2(void)
{
    map_identity(stage2_root, PTE_U);
    return mmu_satp(stage2_root, 1 /* VMID */);
}
