/* SPDX-License-Identifier: MIT */
/*
 * The software TLB: banks of direct-mapped entries that turn a virtual address of RAM into a host pointer.
 *
 * A hit is one subtraction and one compare: the entry for page number vpn stands at vpn mod TLB_ENTRIES and holds the page's virtual and
 * host addresses; va - page <= PAGE_SIZE - size holds exactly when the whole access lies on that page, and that difference is then the
 * offset into the host page. Misaligned accesses within a page hit too; those that cross into the next page miss. Reads and writes have entries of their own: what may not be
 * written through (no permission, D clear, a flagged page) has no write entry. What is not memory has no entry at all.
 *
 * A bank belongs to one translation regime: everything the mapping depends on is its key, so that a change of privilege, SUM,
 * MXR or satp chooses another bank and flushes nothing.
 */
#ifndef VITRINE_TLB_H
#define VITRINE_TLB_H

#include "base/base.h"
#include "dev/bus.h"

enum { TLB_BITS = 12, TLB_ENTRIES = 1 << TLB_BITS, TLB_LOG = 512 };

struct tlb_entry {
    uint64_t page; /* virtual address; a page of another index where the entry is empty */
    uint8_t *host;
};

/* What the mappings of a bank depend on. */
struct tlb_key {
    uint64_t satp;  /* satp, or vsatp when virt; 0 in M mode */
    uint64_t hgatp; /* 0 unless virt */
    uint32_t flags; /* privilege, V, SUM, MXR, ... as the hart packs them */
    bool virt;
};

struct tlb {
    struct tlb_entry r[TLB_ENTRIES];
    struct tlb_entry w[TLB_ENTRIES];
    uint16_t log[TLB_LOG];          /* indices filled since the last flush, so that a flush of few entries is cheap */
    unsigned logged;                /* > TLB_LOG: too many to list */
    uint64_t super_low, super_high; /* virtual addresses between which entries came from superpages */
    struct tlb_key key;
    uint64_t used; /* for replacement among banks */
};

static inline unsigned tlb_index(uint64_t va)
{
    return (va >> PAGE_SHIFT) & (TLB_ENTRIES - 1);
}

/* What the page field of an empty entry holds: no address with this index lies less than a page above it. */
static inline uint64_t tlb_nowhere(unsigned index)
{
    return (uint64_t)(index ^ 1) << PAGE_SHIFT;
}

void tlb_init(struct tlb *t, const struct tlb_key *key);
/* Maps the page of va to host memory. page_size: bytes of the guest's own (super)page around va. */
void tlb_fill(struct tlb *t, bool write, uint64_t va, uint8_t *host_page, uint64_t page_size);
void tlb_flush(struct tlb *t);
/* Drops what the leaf PTE for va may have brought in, fragments of a superpage included. */
void tlb_flush_page(struct tlb *t, uint64_t va);
/* Drops write entries to the host page, and read entries too: it carries a flag now. */
void tlb_protect(struct tlb *t, const uint8_t *host_page, bool reads);

#endif
