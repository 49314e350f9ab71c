/* SPDX-License-Identifier: MIT */
/* What mono needs of the VMM when it is ported to its hypercalls (docs/hypercalls.md). */
#ifndef PARA_H
#define PARA_H

#include "pages.h"
#include "para_abi.h"

/* A failed call's a0; its a1 in *value, unless that is NULL. */
static inline enum para_error para_call(enum para_function function, uint64_t arg0, uint64_t arg1, uint64_t arg2,
                                        uint64_t *value)
{
    register uint64_t a0 __asm__("a0") = arg0;
    register uint64_t a1 __asm__("a1") = arg1;
    register uint64_t a2 __asm__("a2") = arg2;
    register uint64_t a6 __asm__("a6") = function;
    register uint64_t a7 __asm__("a7") = PARA_EXTENSION;
    __asm__ volatile("ecall" : "+r"(a0), "+r"(a1) : "r"(a2), "r"(a6), "r"(a7) : "memory");
    if (value)
        *value = a1;
    return (enum para_error)a0;
}

/* trap.c: where upcalls tell what a trap would tell in CSRs. */
extern volatile struct para_shared para_shared;

/* Devices cannot be mapped: their registers are read and written by the VMM. The pointers of the drivers name them as ever. */
static inline uint64_t device_read(const volatile void *reg, uint64_t size)
{
    uint64_t value = 0;
    para_call(PARA_MMIO_READ, (uint64_t)reg - KERNEL_BASE, size, 0, &value);
    return value;
}
static inline void device_write(volatile void *reg, uint64_t size, uint64_t value)
{
    para_call(PARA_MMIO_WRITE, (uint64_t)reg - KERNEL_BASE, size, value, NULL);
}
#define REG(r)        ((__typeof__(r))device_read(&(r), sizeof(r)))
#define REG_SET(r, v) device_write(&(r), sizeof(r), (v))

/* console.c: characters go out many at a time. */
struct console;
void console_flush(struct console *c);

/* pages.c. Entries hold machine addresses, which are not where the kernel finds the page. */
pte_t pte_to(const void *page, uint64_t flags);
void *pte_page(pte_t e);
bool pte_is_ours(pte_t e);
/* A table in use is the VMM's to write: what else a store does, this does. */
void pte_set(pte_t *e, pte_t value);
/* Before table_free(): the table's pages belong to the kernel again. */
void table_retire(pte_t *table);

#endif
