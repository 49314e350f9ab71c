/* SPDX-License-Identifier: MIT */
/*
 * Shadow page tables: what the real satp points at while a guest runs deprivileged, guest virtual -> real.
 *
 * A shadow table stands for one table of the guest's and has the same shape: entry i is what entry i there comes to, once the guest's mode
 * (its role: S or U, SUM, MXR) and the p2m are applied. All leaves are for U, the mode in which the guest really runs. So the shadows of
 * kernel and user are different tables, and two roots that share a guest table share its shadow. Where the guest has one entry for a large
 * page, or no translation at all, tables of 4 KiB entries stand below it that stand for no guest table ("direct").
 *
 * Entries are made when the real hart faults on them. The guest's tables are write-protected (PAGE_SHADOW), whoever writes: when an entry
 * there changes, what was made of it is dropped, so that no shadow is ever stale. A table that is written often and walked no more is let go.
 *
 *   guest table --(gfn, level, role)--> shadow table: entry -> shadow table (the guest's next), direct table, or leaf: frame | V U A D and of R W X
 *        what the guest's leaf gives to the role | no W where D is clear, where the page is a table, watched, or closed by PMP
 */
#ifndef VITRINE_SHADOW_H
#define VITRINE_SHADOW_H

#include "monitor/vmm/vmm.h"

struct shadow;

/* For techniques that rewrite code. */
struct shadow_hooks {
    /* The frame whose code stands in for that of the guest's page at gpa; UINT64_MAX: its own; 0: no room. */
    uint64_t (*code)(struct vm *vm, uint64_t gpa);
    /* No frame is left, and all shadow tables have been let go: gives back what code() has taken. */
    void (*clear)(struct vm *vm);
};

enum shadow_result {
    SHADOW_FILLED,    /* the guest can go on */
    SHADOW_FAULT,     /* the guest's own tables, or PMP, deny the access */
    SHADOW_MMIO,      /* no RAM there */
    SHADOW_PROTECTED, /* the virtual hart must do it: a page table, or a page that somebody watches */
    SHADOW_NO_ROOM
};

/* NULL with e set. hooks may be NULL, and must outlive it. */
MUST_USE struct shadow *shadow_new(struct vm *vm, const struct shadow_hooks *hooks, struct err *e);
void shadow_free(struct shadow *s);

/* What the real satp must be for the guest as its virtual hart stands. Tells the steps from the guest's root to it. 0: no frame is left. */
uint64_t shadow_satp(struct shadow *s, struct hart *vh);
/* The real hart's access to va (guest virtual) faulted: what will come of it? Changes nothing, and tells of nothing. SHADOW_FILLED: shadow_fill() has to
 * say. *gpa: where the guest's own tables lead, where they do. */
enum shadow_result shadow_foresee(const struct shadow *s, struct hart *vh, uint64_t va, enum mmu_access a,
                                  uint64_t *gpa);
/* Makes the entry that va lacks. */
enum shadow_result shadow_fill(struct shadow *s, struct hart *vh, uint64_t va, enum mmu_access a);
/* Forgets everything. */
void shadow_clear(struct shadow *s);
/* Hears again of writes to guest tables, after somebody else has owned PAGE_SHADOW (with nothing shadowed meanwhile). */
void shadow_listen(struct shadow *s);
/* Drops what was made of the guest's page at gpa: its leaves, and only their right to write if reads may stay. */
void shadow_unmap(struct shadow *s, uint64_t gpa, bool writes_only);

/* ---- To look at it ---- */

struct shadow_table {
    uint64_t hpa;    /* its frame */
    uint64_t gpa;    /* the guest table that it stands for; UINT64_MAX: none (direct) */
    unsigned level;  /* 0: of leaves */
    unsigned role;   /* enum shadow_role */
    unsigned filled; /* entries in use */
    uint64_t since;  /* the guest's instruction count when it was made */
};
enum shadow_role { SHADOW_S = 1, SHADOW_SUM = 2, SHADOW_MXR = 4 };
/* Each table in turn, from NULL on; NULL: no more. Valid until the guest runs on. */
const struct shadow_table *shadow_next(const struct shadow *s, const struct shadow_table *t);
/* The shadow entry of a level for va as the guest stands now; false: there is none, or its table is missing. at: its real address. */
bool shadow_entry(const struct shadow *s, const struct hart *vh, uint64_t va, unsigned level, uint64_t *at,
                  uint64_t *pte);
/* Is the guest's page at gpa held as a page table? */
bool shadow_protects(const struct shadow *s, uint64_t gpa);
/* Looks through all of it: every entry follows from the guest's tables as they are and the p2m, shows no frame but this VM's, and lets nobody
 * write a guest table. Entries seen, or -1 with e telling the first that is wrong. */
int64_t shadow_verify(const struct shadow *s, const struct hart *vh, struct err *e);

#endif
