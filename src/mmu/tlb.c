/* SPDX-License-Identifier: MIT */
#include "mmu/tlb.h"

static void clear(struct tlb *t, unsigned i)
{
    t->r[i] = t->w[i] = (struct tlb_entry){tlb_nowhere(i), NULL};
}

static void clear_all(struct tlb *t)
{
    for (unsigned i = 0; i < TLB_ENTRIES; i++)
        clear(t, i);
}

static void forget(struct tlb *t)
{
    t->logged = 0;
    t->super_low = UINT64_MAX;
    t->super_high = 0;
}

void tlb_init(struct tlb *t, const struct tlb_key *key)
{
    clear_all(t);
    forget(t);
    t->key = *key;
}

void tlb_fill(struct tlb *t, bool write, uint64_t va, uint8_t *host_page, uint64_t page_size)
{
    uint64_t page = va & PAGE_MASK;
    unsigned i = tlb_index(va);
    struct tlb_entry *e = write ? &t->w[i] : &t->r[i];
    e->page = page;
    e->host = host_page;
    if (t->logged < TLB_LOG)
        t->log[t->logged] = (uint16_t)i;
    if (t->logged <= TLB_LOG)
        t->logged++;
    if (page_size > PAGE_SIZE) {
        uint64_t first = va & -page_size, last = first + (page_size - 1);
        if (first < t->super_low)
            t->super_low = first;
        if (last > t->super_high)
            t->super_high = last;
    }
}

void tlb_flush(struct tlb *t)
{
    if (t->logged > TLB_LOG) {
        clear_all(t);
    } else {
        for (unsigned k = 0; k < t->logged; k++)
            clear(t, t->log[k]);
    }
    forget(t);
}

void tlb_flush_page(struct tlb *t, uint64_t va)
{
    if (va >= t->super_low && va <= t->super_high) {
        tlb_flush(t);
        return;
    }
    unsigned i = tlb_index(va);
    uint64_t page = va & PAGE_MASK;
    if (t->r[i].page == page || t->w[i].page == page)
        clear(t, i);
}

static void protect_entry(struct tlb *t, unsigned i, const uint8_t *host, bool reads)
{
    if (t->w[i].host == host)
        t->w[i] = (struct tlb_entry){tlb_nowhere(i), NULL};
    if (reads && t->r[i].host == host)
        t->r[i] = (struct tlb_entry){tlb_nowhere(i), NULL};
}

void tlb_protect(struct tlb *t, const uint8_t *host_page, bool reads)
{
    if (t->logged > TLB_LOG) {
        for (unsigned i = 0; i < TLB_ENTRIES; i++)
            protect_entry(t, i, host_page, reads);
    } else {
        for (unsigned k = 0; k < t->logged; k++)
            protect_entry(t, t->log[k], host_page, reads);
    }
}
