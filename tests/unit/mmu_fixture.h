/* SPDX-License-Identifier: MIT */
/* A small machine for tests of the walker: RAM, ROM, a device, and page tables made on demand. */
#ifndef VITRINE_TEST_MMU_FIXTURE_H
#define VITRINE_TEST_MMU_FIXTURE_H

#include "mmu/mmu.h"
#include "mmu/pte.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#define FX_RAM      UINT64_C(0x80000000)
#define FX_RAM_SIZE UINT64_C(0x200000)
#define FX_ROM      UINT64_C(0x20000000)
#define FX_DEV      UINT64_C(0x10000000)
/* Under V=1 the tables of stage one lie at their host address plus this, as their owner sees it: it takes Sv39x4's bit 40. */
#define FX_GPA_OFFSET (UINT64_C(1) << 40)

#define FX_RWX  (PTE_R | PTE_W | PTE_X)
#define FX_AD   (PTE_A | PTE_D)
#define FX_FULL (PTE_V | FX_RWX | FX_AD)

struct fx {
    struct bus *bus;
    struct mem_region *ram, *rom;
    struct pmp pmp;
    struct mmu_ctx c;
    struct mmu_map m;
    struct mmu_fault f;
    uint64_t next; /* first free page */
};

static inline uint64_t fx_dev_read(void *dev, uint64_t off, unsigned size)
{
    (void)dev, (void)off, (void)size;
    return UINT64_MAX;
}

static inline void fx_dev_write(void *dev, uint64_t off, uint64_t val, unsigned size)
{
    (void)dev, (void)off, (void)size, (void)val;
}

static inline uint64_t *fx_at(struct fx *x, uint64_t pa)
{
    struct mem_region *r = bus_memory_at(x->bus, pa);
    ck_assert_ptr_nonnull(r);
    return (uint64_t *)(void *)(r->host + (pa - r->base));
}

/* n zero pages, aligned to n pages. */
static inline uint64_t fx_pages(struct fx *x, unsigned n)
{
    uint64_t size = (uint64_t)n * PAGE_SIZE;
    uint64_t pa = (x->next + size - 1) / size * size;
    x->next = pa + size;
    ck_assert_uint_le(x->next, FX_RAM + FX_RAM_SIZE);
    return pa;
}

static inline uint64_t fx_table_hpa(const struct fx *x, unsigned stage, uint64_t address)
{
    return stage == 1 && x->c.virt && x->c.hgatp ? address - FX_GPA_OFFSET : address;
}

static inline uint64_t *fx_pte(struct fx *x, unsigned stage, uint64_t va, unsigned level);

/* A new table, at the address that goes into the PTE above. Under V=1 stage two maps it by a full 4 KiB leaf. */
static inline uint64_t fx_table(struct fx *x, unsigned stage)
{
    uint64_t pa = fx_pages(x, 1);
    if (fx_table_hpa(x, stage, pa) == pa)
        return pa;
    *fx_pte(x, 2, pa + FX_GPA_OFFSET, 0) = pte_make(pa, FX_FULL | PTE_U);
    return pa + FX_GPA_OFFSET;
}

/* The PTE of the given level for va, with the tables above it. */
static inline uint64_t *fx_pte(struct fx *x, unsigned stage, uint64_t va, unsigned level)
{
    uint64_t atp = stage == 1 ? x->c.satp : x->c.hgatp;
    unsigned top = atp_levels(atp_mode(atp)) - 1;
    uint64_t table = atp_root(atp);

    for (unsigned l = top;; l--) {
        uint64_t index = va >> (12 + 9 * l) & (stage == 2 && l == top ? 2047 : 511);
        uint64_t *pte = fx_at(x, fx_table_hpa(x, stage, table)) + index;
        if (l == level)
            return pte;
        if (!(*pte & PTE_V))
            *pte = pte_make(fx_table(x, stage), PTE_V);
        table = pte_address(*pte);
    }
}

/* V=0 if mode2 is negative. All allowed: S mode, SUM, Svadu, Svpbmt and Svnapot are off; PMP absent. */
static inline struct fx *fx_new(unsigned mode1, int mode2)
{
    static const struct mmio_ops ops = {fx_dev_read, fx_dev_write, 1, 8};
    struct err e;
    struct fx *x = calloc(1, sizeof *x);

    x->bus = bus_new();
    x->ram = bus_add_memory(x->bus, "ram", FX_RAM, FX_RAM_SIZE, false, &e);
    x->rom = bus_add_memory(x->bus, "rom", FX_ROM, 0x4000, true, &e);
    ck_assert(x->ram && x->rom && !bus_add_mmio(x->bus, "dev", FX_DEV, 0x1000, &ops, x, &e));
    x->next = FX_RAM;
    pmp_update(&x->pmp);
    x->c = (struct mmu_ctx){.bus = x->bus, .pmp = &x->pmp, .priv = PRIV_S, .virt = mode2 >= 0};
    if (mode2 > 0)
        x->c.hgatp = (uint64_t)mode2 << 60 | fx_pages(x, 4) / PAGE_SIZE;
    if (mode1)
        x->c.satp = (uint64_t)mode1 << 60 | fx_table(x, 1) / PAGE_SIZE;
    return x;
}

static inline void fx_free(struct fx *x)
{
    bus_free(x->bus);
    free(x);
}

/* An assertion for inner loops: Check's own leave a mark in a file each time they hold. */
#define FX_CHECK(c)                                                                                                    \
    do {                                                                                                               \
        if (!(c))                                                                                                      \
            ck_abort_msg("%s", #c);                                                                                    \
    } while (0)

static inline bool fx_try(struct fx *x, uint64_t va, enum mmu_access a)
{
    memset(&x->m, 0xa5, sizeof x->m);
    memset(&x->f, 0xa5, sizeof x->f);
    return mmu_translate(&x->c, va, 8, a, false, &x->m, &x->f, NULL);
}

/* Macros, so that a failure names the line of the test. */
#define FX_MAPS(x, va, a, address)                                                                                     \
    do {                                                                                                               \
        ck_assert_msg(fx_try(x, va, a), "fault %d", (int)(x)->f.cause);                                                \
        ck_assert_uint_eq((x)->m.pa, address);                                                                         \
    } while (0)

#define FX_FAULTS(x, va, a, number)                                                                                    \
    do {                                                                                                               \
        ck_assert(!fx_try(x, va, a));                                                                                  \
        ck_assert_uint_eq((x)->f.cause, number);                                                                       \
        ck_assert_uint_eq((x)->f.tval, va);                                                                            \
        ck_assert_int_eq((x)->f.gva, (x)->c.virt);                                                                     \
    } while (0)

/* A guest page fault of the access itself, or with an implicit access's address and pseudoinstruction. */
#define FX_GUEST_FAULTS(x, va, a, number, gpa, pseudo)                                                                 \
    do {                                                                                                               \
        FX_FAULTS(x, va, a, number);                                                                                   \
        ck_assert_uint_eq((x)->f.tval2, (gpa) >> 2);                                                                   \
        ck_assert_uint_eq((x)->f.tinst, pseudo);                                                                       \
    } while (0)

static const unsigned fx_modes[] = {ATP_SV39, ATP_SV48, ATP_SV57};

/* Causes by enum mmu_access. Priv. table "mcause values after trap". */
static const uint64_t fx_access_fault[] = {5, 7, 1}, fx_page_fault[] = {13, 15, 12}, fx_guest_fault[] = {21, 23, 20};

#endif
