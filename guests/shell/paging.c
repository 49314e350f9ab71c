/* SPDX-License-Identifier: MIT */
#include "shell.h"

/* 53:10 PPN | 7 D 6 A 5 G 4 U 3 X 2 W 1 R 0 V */
enum { V = 1, R = 2, W = 4, X = 8, U = 16, G = 32, A = 64, D = 128 };
enum { ENTRIES = 512 };

static uint64_t root[ENTRIES] __attribute__((aligned(4096)));
static uint64_t middle[ENTRIES] __attribute__((aligned(4096)));
static uint64_t leaf[ENTRIES] __attribute__((aligned(4096)));
static char demo_page[4096] __attribute__((aligned(4096))) = "This page has a second address.";

static uint64_t pte(const void *to, uint64_t flags)
{
    return (uint64_t)(uintptr_t)to >> 12 << 10 | flags;
}

void paging_on(void)
{
    WRITE_CSR("satp", UINT64_C(8) << 60 | (uint64_t)(uintptr_t)root >> 12);
    __asm__ volatile("sfence.vma" ::: "memory");
}

void paging_start(void)
{
    for (uint64_t gib = 0; gib < 128; gib++) /* devices, RAM */
        root[gib] = pte((void *)(uintptr_t)(gib << 30), V | R | W | X | A | D | G);
    root[DEMO_VA >> 30 & 511] = pte(middle, V);
    middle[DEMO_VA >> 21 & 511] = pte(leaf, V);
    leaf[DEMO_VA >> 12 & 511] = pte(demo_page, V | R | A);
    paging_on();
}

static void print_flags(uint64_t e)
{
    static const char names[] = "VRWXUGAD";
    for (int i = 7; i >= 0; i--)
        putc(e >> i & 1 ? names[i] : '-');
}

void paging_walk(uint64_t va)
{
    const uint64_t *table = root;
    if ((uint64_t)((int64_t)(va << 25) >> 25) != va) {
        print("%lx is not canonical: bits 63:39 differ from bit 38\n", va);
        return;
    }
    for (int level = 2; level >= 0; level--) {
        uint64_t index = va >> (12 + 9 * level) & 511, e = table[index], pa = e >> 10 << 12;
        print("level %d: entry %3lu at %010lx = %016lx ", level, index, (uint64_t)(uintptr_t)&table[index], e);
        print_flags(e);
        print("\n");
        if (!(e & V)) {
            print("invalid: an access there is a page fault\n");
            return;
        }
        if (e & (R | X)) {
            uint64_t mask = (UINT64_C(1) << (12 + 9 * level)) - 1;
            print("%lx -> physical %lx, in a page of %lu KiB\n", va, (pa & ~mask) | (va & mask), (mask + 1) / 1024);
            return;
        }
        table = (const uint64_t *)(uintptr_t)pa;
    }
    print("no leaf\n");
}
