/* SPDX-License-Identifier: MIT */
/*
 * A second opinion on PMP and address translation for the unit tests: the specification's steps taken literally, one after
 * another, over a plain array of bytes, with no thought of speed and nothing shared with src/mmu but the context's struct.
 */
#ifndef VITRINE_TEST_MMU_REF_H
#define VITRINE_TEST_MMU_REF_H

#include "mmu/mmu.h"

#include <string.h>

/* Priv. "Sv39": the fields of a PTE, lowest first. */
union ref_pte {
    uint64_t raw;
    struct {
        uint64_t v : 1, r : 1, w : 1, x : 1, u : 1, g : 1, a : 1, d : 1, rsw : 2, ppn : 44, reserved : 7, pbmt : 2,
            n : 1;
    } f;
};

/* Does entry n match the byte at pa? Priv. 3.7.1, tables "Encoding of A field" and "NAPOT range encoding". */
static inline bool ref_pmp_matches(const struct pmp *p, unsigned n, uint64_t pa)
{
    uint64_t word = pa >> 2;

    if (pa >> 56)
        return (p->cfg[n] >> 3 & 3) == 3 && p->addr[n] == (BIT(54) - 1) && !(pa >> 57);
    switch (p->cfg[n] >> 3 & 3) {
    case 1: return word >= (n ? p->addr[n - 1] : 0) && word < p->addr[n];
    case 2: return word == p->addr[n];
    case 3: {
        unsigned ones = 0;
        while (ones < 54 && (p->addr[n] >> ones & 1))
            ones++;
        return ones + 1 >= 54 ? true : word >> (ones + 1) == p->addr[n] >> (ones + 1);
    }
    default: return false;
    }
}

/* Priv. 3.7.1.3, "Priority and Matching Logic", byte by byte. */
static inline bool ref_pmp(const struct pmp *p, uint64_t pa, unsigned size, enum mmu_access a, enum priv priv)
{
    if (!p->count)
        return true;
    for (unsigned n = 0; n < p->count; n++) {
        unsigned matched = 0;
        for (unsigned i = 0; i < size; i++)
            matched += ref_pmp_matches(p, n, pa + i);
        if (!matched)
            continue;
        if (matched != size)
            return false;
        if (priv == PRIV_M && !(p->cfg[n] & 0x80))
            return true;
        return p->cfg[n] & (a == MMU_R ? 1 : a == MMU_W ? 2 : 4);
    }
    return priv == PRIV_M;
}

enum ref_end { REF_OK, REF_ACCESS_FAULT, REF_PAGE_FAULT, REF_GUEST_PAGE_FAULT };

struct ref {
    const struct mmu_ctx *c;
    uint8_t *image; /* what is in memory from base to base + size */
    uint64_t base, size;
    bool dry;
    uint64_t fault_gpa, fault_tinst; /* of a guest page fault */
    uint64_t span[3];                /* bytes that the leaf of stage 1 and 2 maps */
    union ref_pte leaf[3];
    bool global;
};

static inline bool ref_pte_load(const struct ref *r, uint64_t pa, uint64_t *raw)
{
    if (pa < r->base || pa + 8 > r->base + r->size || !ref_pmp(r->c->pmp, pa, 8, MMU_R, PRIV_S))
        return false;
    memcpy(raw, r->image + (pa - r->base), 8);
    return true;
}

/* explicit: the access of an instruction, otherwise that of a walk to a PTE of stage one. */
static enum ref_end ref_stage(struct ref *r, int stage, uint64_t va, enum mmu_access access, bool explicit,
                              uint64_t *pa)
{
    const struct mmu_ctx *c = r->c;
    uint64_t atp = stage == 1 ? c->satp : c->hgatp;
    const enum ref_end page_fault = stage == 1 ? REF_PAGE_FAULT : REF_GUEST_PAGE_FAULT;
    int levels;

    if (stage == 2) {
        r->fault_gpa = va;
        r->fault_tinst = explicit ? 0 : access == MMU_W ? 0x3020 : 0x3000;
    }
    switch (atp >> 60) {
    case 8: levels = 3; break;
    case 9: levels = 4; break;
    case 10: levels = 5; break;
    default: /* Bare */
        *pa = va;
        r->span[stage] = BIT(63);
        return REF_OK;
    }
    if (stage == 1 && c->priv == PRIV_M) {
        *pa = va;
        r->span[1] = BIT(63);
        return REF_OK;
    }
    int width = 12 + 9 * levels;
    if (stage == 1) {
        for (int b = width; b < 64; b++) /* bits 63..width all equal to bit width-1 */
            if ((va >> b & 1) != (va >> (width - 1) & 1))
                return page_fault;
    } else {
        for (int b = width + 2; b < 64; b++)
            if (va >> b & 1)
                return page_fault;
    }
    uint64_t vpn[5];
    for (int i = 0; i < levels; i++)
        vpn[i] = (va >> (12 + 9 * i)) % 512;
    if (stage == 2)
        vpn[levels - 1] = (va >> (12 + 9 * (levels - 1))) % 2048;

    /* 1. Let a be satp.ppn x PAGESIZE, and let i = LEVELS - 1. */
    uint64_t a = (atp % BIT(44)) * 4096;
    int i = levels - 1;
    bool global = false;
    for (;;) {
        /* 2. Let pte be the value of the PTE at address a + va.vpn[i] x PTESIZE. */
        union ref_pte pte;
        uint64_t pte_gpa = a + vpn[i] * 8, pte_pa = pte_gpa;
        if (stage == 1 && c->virt) {
            enum ref_end e = ref_stage(r, 2, pte_gpa, MMU_R, false, &pte_pa);
            if (e != REF_OK)
                return e;
        }
        if (!ref_pte_load(r, pte_pa, &pte.raw))
            return REF_ACCESS_FAULT;
        /* 3. If pte.v = 0, or if pte.r = 0 and pte.w = 1, or if any reserved bits or encodings are set */
        if (!pte.f.v || (!pte.f.r && pte.f.w) || pte.f.reserved)
            return page_fault;
        if (pte.f.pbmt && !(stage == 1 ? c->pbmte : c->pbmte_g))
            return page_fault;
        if (pte.f.pbmt == 3 || (pte.f.n && !c->svnapot))
            return page_fault;
        global |= pte.f.g;
        /* 4. Otherwise, the PTE is valid. If pte.r = 1 or pte.x = 1, go to step 5. Otherwise, a pointer. */
        if (!pte.f.r && !pte.f.x) {
            if (pte.f.d || pte.f.a || pte.f.u || pte.f.pbmt || pte.f.n)
                return page_fault;
            i--;
            if (i < 0)
                return page_fault;
            a = (uint64_t)pte.f.ppn * 4096;
            continue;
        }
        if (pte.f.n && (i != 0 || pte.f.ppn % 16 != 8))
            return page_fault;
        /* 5. If i > 0 and pte.ppn[i-1:0] /= 0, this is a misaligned superpage. */
        for (int j = 0; j < i; j++)
            if ((pte.f.ppn >> (9 * j)) % 512)
                return page_fault;
        /* 6. Is the access allowed by the pte.u bit, given the current privilege mode and SUM? */
        if (stage == 2 || c->priv == PRIV_U) {
            if (!pte.f.u)
                return page_fault;
        } else if (pte.f.u && (access == MMU_X || !c->sum)) {
            return page_fault;
        }
        /* 8. Is it allowed by the pte.r, pte.w, and pte.x bits, given MXR (explicit loads only), and HLVX? */
        bool mxr = explicit && (c->mxr || (stage == 1 && c->virt && c->vmxr));
        bool ok = false;
        switch (access) {
        case MMU_R:
            if (explicit && c->hlvx)
                ok = pte.f.x;
            else
                ok = pte.f.r || (mxr && pte.f.x);
            break;
        case MMU_W: ok = pte.f.w; break;
        case MMU_X: ok = pte.f.x; break;
        }
        if (!ok)
            return page_fault;
        /* 9. If pte.a = 0, or if the original memory access is a store and pte.d = 0: */
        if (!pte.f.a || (access == MMU_W && !pte.f.d)) {
            if (!(stage == 1 ? c->adue : c->adue_g))
                return page_fault;
            if (stage == 1 && c->virt) {
                enum ref_end e = ref_stage(r, 2, pte_gpa, MMU_W, false, &pte_pa);
                if (e != REF_OK)
                    return e;
            }
            if (!ref_pmp(c->pmp, pte_pa, 8, MMU_W, PRIV_S))
                return REF_ACCESS_FAULT;
            uint64_t now;
            if (!ref_pte_load(r, pte_pa, &now))
                return REF_ACCESS_FAULT;
            if (now != pte.raw) /* the comparison fails: return to step 2 */
                continue;
            if (!r->dry) {
                pte.f.a = 1;
                if (access == MMU_W)
                    pte.f.d = 1;
                memcpy(r->image + (pte_pa - r->base), &pte.raw, 8);
            }
        }
        /* 10. The translation is successful. */
        uint64_t ppn = pte.f.ppn;
        for (int j = 0; j < i; j++)
            ppn |= vpn[j] << (9 * j);
        if (pte.f.n)
            ppn = ppn / 16 * 16 + vpn[0] % 16;
        *pa = ppn * 4096 + va % 4096;
        r->span[stage] = pte.f.n ? 65536 : (uint64_t)4096 << (9 * i);
        r->leaf[stage] = pte;
        if (stage == 1)
            r->global = global;
        return REF_OK;
    }
}

/* The whole of mmu_translate(), whose arguments it takes. whole_page is left alone. */
static inline bool ref_translate(struct ref *r, uint64_t va, unsigned size, enum mmu_access access, struct mmu_map *m,
                                 struct mmu_fault *f)
{
    const struct mmu_ctx *c = r->c;
    uint64_t pa = va;

    r->global = false;
    r->leaf[1].raw = 0;
    r->span[2] = BIT(63);
    enum ref_end e = ref_stage(r, 1, va, access, true, &pa);
    if (e == REF_OK && c->virt)
        e = ref_stage(r, 2, pa, access, true, &pa);
    if (e == REF_OK && pa >> 56) /* "Sv39": physical addresses are 56 bits wide */
        e = REF_ACCESS_FAULT;
    if (e == REF_OK && !ref_pmp(c->pmp, pa, size, access, c->priv))
        e = REF_ACCESS_FAULT;
    if (e == REF_OK && c->hlvx && access == MMU_R && !ref_pmp(c->pmp, pa, size, MMU_X, c->priv))
        e = REF_ACCESS_FAULT;
    if (e == REF_OK) {
        m->pa = pa;
        m->page_size = r->span[1] < r->span[2] ? r->span[1] : r->span[2];
        m->user = r->leaf[1].f.u;
        m->global = r->global;
        return true;
    }
    memset(f, 0, sizeof *f);
    f->tval = va;
    f->gva = c->virt;
    if (e == REF_ACCESS_FAULT)
        f->cause = access == MMU_X ? 1 : access == MMU_R ? 5 : 7;
    else
        f->cause = access == MMU_X ? 12 : access == MMU_R ? 13 : 15;
    if (e == REF_GUEST_PAGE_FAULT) {
        f->cause += 8;
        f->tval2 = r->fault_gpa >> 2;
        f->tinst = r->fault_tinst;
    }
    return false;
}

/* Numbers that look random and are the same in each run (xorshift64*). */
static inline uint64_t ref_random(uint64_t *state)
{
    uint64_t x = *state;
    x ^= x >> 12;
    x ^= x << 25;
    x ^= x >> 27;
    *state = x;
    return x * UINT64_C(0x2545f4914f6cdd1d);
}

#endif
