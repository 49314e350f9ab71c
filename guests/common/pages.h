/* SPDX-License-Identifier: MIT */
/* Frames and Sv39 tables of mono and micro. Both kernels are linked into the upper half of the address space, which is the same, global,
 * in every table:
 *   0xffff_ffc0_0000_0000  the first GiB of physical addresses: devices (one page of 1 GiB)
 *   0xffff_ffc0_8000_0000  RAM (pages of 2 MiB: the kernel's text read and execute, everything else read and write) */
#ifndef GUEST_PAGES_H
#define GUEST_PAGES_H

#include "riscv.h"

#define KERNEL_BASE UINT64_C(0xffffffc000000000)

static inline void *pa_va(uint64_t pa)
{
    return (void *)(pa + KERNEL_BASE);
}
static inline uint64_t va_pa(const void *va)
{
    return (uint64_t)va - KERNEL_BASE;
}

/* Maps `ram` bytes of RAM; the frames from the kernel's end to the physical address pool_end are for page_new(). */
void pages_init(uint64_t ram, uint64_t pool_end);
void *page_new(void); /* zeroed; NULL: none left */
void page_free(void *page);
uint64_t pages_in_use(void);
/* A table with the kernel's half. */
pte_t *table_new(void);
/* Into satp; NULL: the kernel's alone. */
void table_load(const pte_t *table);
/* The entry for va at level 0. make: tables on the way are added. NULL: there is none, or a larger page is in the way. */
pte_t *table_walk(pte_t *table, uint64_t va, bool make);

#endif
