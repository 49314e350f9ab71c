/* SPDX-License-Identifier: MIT */
/*
 * Physical memory protection. Priv. 3.7.
 *
 * pmp_update() turns the registers into a short list of byte ranges, so that a check is a few compares:
 *
 *   pmpcfg:  7 L | 6:5 zero | 4:3 A (0 OFF, 1 TOR, 2 NA4, 3 NAPOT) | 2 X | 1 W | 0 R
 *   NAPOT:   pmpaddr = yyyy...y01..1 with n ones: 2^(n+3) bytes from yyyy...y00..0 << 2
 */
#include "mmu/mmu.h"

enum { PMP_OFF, PMP_TOR, PMP_NA4, PMP_NAPOT };
#define PMP_L         BIT(7)
#define PMP_ADDR_BITS MASK(53, 0)
enum { PMP_ALL = 1u << MMU_R | 1u << MMU_W | 1u << MMU_X };

bool pmp_range(const struct pmp *p, unsigned n, uint64_t *first, uint64_t *last)
{
    uint64_t addr = p->addr[n] & PMP_ADDR_BITS;

    switch (p->cfg[n] >> 3 & 3) {
    case PMP_TOR: {
        /* From the previous entry's address, whatever that entry's own mode is, up to but without this one's. */
        uint64_t from = n ? p->addr[n - 1] & PMP_ADDR_BITS : 0;
        if (from >= addr)
            return false;
        *first = from << 2;
        *last = (addr << 2) - 1;
        return true;
    }
    case PMP_NA4:
        *first = addr << 2;
        *last = *first + 3;
        return true;
    case PMP_NAPOT: {
        uint64_t low = addr ^ (addr + 1); /* the trailing ones and the zero above them */
        *first = (addr & ~low) << 2;
        *last = *first + (low << 2 | 3);
        return true;
    }
    case PMP_OFF:
    default: return false;
    }
}

/* The end of the part of entry e that starts at from and that no lower entry touches; from - 1 if there is none. */
static uint64_t free_until(const struct pmp *p, unsigned e, uint64_t from)
{
    uint64_t last = p->span[e].last;
    for (unsigned i = 0; i < e; i++) {
        const struct pmp_span *s = &p->span[i];
        if (s->first <= from && s->last >= from)
            return from - 1;
        if (s->first > from && s->first <= last)
            last = s->first - 1;
    }
    return last;
}

/* Finds open_first and open_size: such a range starts where an entry that grants everything starts, or behind a lower one. */
static void find_open(struct pmp *p)
{
    p->open_first = 0;
    p->open_size = p->count ? 0 : UINT64_MAX;
    for (unsigned e = 0; e < p->active; e++) {
        const struct pmp_span *s = &p->span[e];
        if (s->su != PMP_ALL)
            continue;
        for (unsigned i = 0; i <= e; i++) {
            uint64_t from = i == e ? s->first : p->span[i].last + 1;
            if (from < s->first || from > s->last)
                continue;
            uint64_t end = (free_until(p, e, from) + 1) & PAGE_MASK;
            from = (from + PAGE_SIZE - 1) & PAGE_MASK;
            if (end > from && end - from > p->open_size) {
                p->open_first = from;
                p->open_size = end - from;
            }
        }
    }
}

void pmp_update(struct pmp *p)
{
    p->active = 0;
    for (unsigned n = 0; n < p->count && n < PMP_ENTRIES; n++) {
        struct pmp_span *s = &p->span[p->active];
        if (!pmp_range(p, n, &s->first, &s->last))
            continue;
        /* R, W, X of pmpcfg stand in the order of enum mmu_access. Unlocked entries do not bind M. Priv. 3.7.1.2 */
        s->su = p->cfg[n] & PMP_ALL;
        s->m = p->cfg[n] & PMP_L ? s->su : PMP_ALL;
        s->entry = (uint8_t)n;
        p->active++;
    }
    find_open(p);
}

/* The lowest active entry that matches any byte of [pa, end] decides, and it must match all of them (Priv. 3.7.1.3). NULL: none does.
 * *alike: no entry up to it tells bytes of the page around them apart. */
static const struct pmp_span *decider(const struct pmp *p, uint64_t pa, uint64_t end, bool *alike)
{
    uint64_t page = pa & PAGE_MASK, page_end = end | ~PAGE_MASK;

    *alike = true;
    for (unsigned i = 0; i < p->active; i++) {
        const struct pmp_span *s = &p->span[i];
        if (s->last < page || s->first > page_end)
            continue;
        /* An entry that covers a part of the page makes the answer depend on the byte. */
        *alike &= s->first <= page && s->last >= page_end;
        if (s->last >= pa && s->first <= end)
            return s;
    }
    return NULL;
}

bool pmp_allows(const struct pmp *p, uint64_t pa, unsigned size, enum mmu_access a, enum priv priv, bool *whole)
{
    uint64_t end = pa + size - 1;
    bool alike;
    const struct pmp_span *s = decider(p, pa, end, &alike);

    if (whole)
        *whole = alike;
    /* Priv. 3.7.1.3: when no entry matches, M may and S and U may not, unless there are no entries at all. */
    if (!s)
        return priv == PRIV_M || !p->count;
    return s->first <= pa && s->last >= end && ((priv == PRIV_M ? s->m : s->su) >> a & 1);
}

int pmp_entry(const struct pmp *p, uint64_t pa, unsigned size, bool *all)
{
    uint64_t end = pa + size - 1;
    bool alike;
    const struct pmp_span *s = decider(p, pa, end, &alike);

    if (!s)
        return -1;
    *all = s->first <= pa && s->last >= end;
    return s->entry;
}
