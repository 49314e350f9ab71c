/* SPDX-License-Identifier: MIT */
/*
 * Address translation: one walker for one and two stages, and PMP. It knows no hart: a context goes in, a mapping or a fault
 * comes out by value. Priv. spec, chapters "Supervisor" (Sv39/48/57, Svnapot, Svpbmt, Svade, Svadu), "Hypervisor", "PMP".
 */
#ifndef VITRINE_MMU_H
#define VITRINE_MMU_H

#include "base/base.h"
#include "dev/bus.h"

enum priv { PRIV_U = 0, PRIV_S = 1, PRIV_M = 3 };
enum mmu_access { MMU_R, MMU_W, MMU_X };

enum { PMP_ENTRIES = 16 };

struct pmp {
    uint64_t addr[PMP_ENTRIES]; /* pmpaddrN: bits 55:2 of the address */
    uint8_t cfg[PMP_ENTRIES];   /* L 7 | A 4:3 | X 2 | W 1 | R 0 */
    unsigned count;             /* entries present: 0 or 16 */

    /* What pmp_update() makes of the above; only pmp.c looks inside. */
    struct pmp_span {
        uint64_t first; /* bytes; both ends included */
        uint64_t last;
        uint8_t su;      /* bit per enum mmu_access: what S and U may do */
        uint8_t m;       /* the same for M (everything unless locked) */
        uint8_t entry;   /* its number */
    } span[PMP_ENTRIES]; /* the active entries, lowest number first */
    unsigned active;
    uint64_t open_first; /* where every access of every mode is allowed (the largest such range, whole pages): bytes; */
    uint64_t open_size;  /* everything is open without entries, nearly all RAM behind an SBI firmware's */
};

/* What a translation depends on, for one effective mode of access. */
struct mmu_ctx {
    struct bus *bus;
    const struct pmp *pmp;
    enum priv priv; /* effective privilege of the access (after MPRV, SPVP) */
    bool virt;      /* effective V */
    uint64_t satp;  /* stage one: satp, or vsatp when virt */
    uint64_t hgatp; /* stage two; used only when virt */
    bool sum;       /* mstatus.SUM, or vsstatus.SUM when virt */
    bool mxr;       /* mstatus.MXR: applies to both stages when virt */
    bool vmxr;      /* vsstatus.MXR: stage one only, when virt */
    bool hlvx;      /* HLVX: execute permission stands in for read at both stages */
    bool adue;      /* hardware A/D update at stage one (menvcfg.ADUE, or henvcfg.ADUE when virt); else Svade faults */
    bool adue_g;    /* the same at stage two (menvcfg.ADUE) */
    bool pbmte;     /* Svpbmt enabled at stage one (menvcfg.PBMTE, or henvcfg.PBMTE when virt) */
    bool pbmte_g;   /* at stage two (menvcfg.PBMTE) */
    bool svnapot;
};

struct mmu_map {
    uint64_t pa;         /* host physical address of va */
    uint64_t page_size;  /* bytes: the largest aligned span around va over which pa - va is constant (>= 4096) */
    uint64_t fence_size; /* bytes: stage one's own page, of which this may be a part: a fence in it means va */
    bool whole_page;     /* the 4 KiB page around pa has one answer from PMP: the TLB may keep it */
    bool user;           /* U bit of the stage-one leaf (false when bare) */
    bool global;         /* G bit on the stage-one path */
};

struct mmu_fault {
    uint64_t cause; /* 1/5/7 access, 12/13/15 page, 20/21/23 guest page */
    uint64_t tval;  /* the gva of the access */
    uint64_t tval2; /* guest page fault: faulting gpa >> 2, else 0 */
    uint64_t tinst; /* pseudo instruction when an implicit VS-stage access faulted at stage two (0x3000 read, 0x3020
                     * write), else 0 */
    bool gva;       /* tval is a guest virtual address of V=1 */
};

/* What is told about each PTE read or written during a walk. */
enum pte_verdict {
    PTE_POINTER,
    PTE_LEAF,
    PTE_INVALID,
    PTE_RESERVED,
    PTE_NO_PERMISSION_R,
    PTE_NO_PERMISSION_W,
    PTE_NO_PERMISSION_X,
    PTE_NOT_USER,
    PTE_USER_PAGE,
    PTE_MISALIGNED_SUPERPAGE,
    PTE_NO_LEAF,
    PTE_A_CLEAR,
    PTE_D_CLEAR,
    PTE_PMP_DENIED,
    PTE_NO_MEMORY,
    PTE_NOT_CANONICAL,
    PTE_UPDATED_AD
};
struct mmu_step {
    unsigned stage;   /* 1 or 2 */
    int level;        /* 0 = 4 KiB leaf level; -1: no PTE (an address out of range, or PMP denies the access itself) */
    uint64_t va;      /* the address this stage translates (gva at stage one, gpa at stage two) */
    uint64_t pte_gpa; /* address of the PTE as the table's owner sees it */
    uint64_t pte_hpa;
    uint64_t pte;
    enum pte_verdict verdict;
    /* Where the verdict denies, the bits of pte that decide, be they set (reserved, U, a superpage's PPN) or clear (V, R, A). */
    uint64_t bits;
};
struct mmu_observer {
    void (*step)(struct mmu_observer *o, const struct mmu_step *s);
};

/* Translates the access of [va, va + size) (size bytes within one 4 KiB page) and checks PMP for it. True: *m is filled. False: *f is.
 * Sets A and D as adue says, unless dry, which has no side effects at all. o may be NULL. Never fills a TLB.
 * satp, hgatp hold the MODE already legalized. M mode without translation: priv == PRIV_M, virt == false. */
MUST_USE bool mmu_translate(const struct mmu_ctx *c, uint64_t va, unsigned size, enum mmu_access a, bool dry,
                            struct mmu_map *m, struct mmu_fault *f, struct mmu_observer *o);

/* PMP alone. Priv. 3.7. whole (may be NULL): true if the 4 KiB page around pa answers alike for each byte. */
bool pmp_allows(const struct pmp *p, uint64_t pa, unsigned size, enum mmu_access a, enum priv priv, bool *whole);
/* The entry that decides of these bytes: the lowest that matches any of them, and whether it matches all (if not, it denies). -1: none does. */
int pmp_entry(const struct pmp *p, uint64_t pa, unsigned size, bool *all);
/* The bytes that entry n matches, ends included. False: none. n < PMP_ENTRIES. */
bool pmp_range(const struct pmp *p, unsigned n, uint64_t *first, uint64_t *last);
/* True if the whole 4 KiB page around pa is known to be open to everybody; false says nothing. */
static inline bool pmp_is_open(const struct pmp *p, uint64_t pa)
{
    return pa - p->open_first < p->open_size;
}
/* To be called after each change of addr, cfg or count (and once after reset): until then the checks use the old entries. */
void pmp_update(struct pmp *p);
#endif
