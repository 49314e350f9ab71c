/* SPDX-License-Identifier: MIT */
/*
 * Direct paging: the guest's own tables, which the real MMU walks. What keeps the guest inside is that each page of its RAM has at any time one use
 * only, as in Xen, and is counted in it:
 *
 *   free       nobody writes it and nobody walks it
 *   writable   so many entries let the guest write it
 *   table L    a table of level L, 0 of leaves to 2 a root: so many entries (of tables of level L + 1) and roots in use point at it
 *
 * A page becomes a table when the first pointer to it is asked for: then, once, each of its entries is looked at (and counted, down to the leaves), and
 * from then on changes only by para_tables_update(). It may be mapped to be read; the flag PAGE_SHADOW tells of whoever else writes it, a device say.
 * So no entry that the real MMU can meet names a frame that is not this VM's, or lets the guest write a table.
 *
 *   entry      64 ... 54 zero | 53:10 frame (machine address) | RSW | D A 0 U X W R V       a leaf, at level 0 only, U set, no W without R
 *              64 ... 54 zero | 53:10 frame of a table        | RSW | 0 0 0 0 0 0 0 V       a pointer, above level 0 only
 */
#ifndef VITRINE_PARA_TABLE_H
#define VITRINE_PARA_TABLE_H

#include "monitor/vmm/para_abi.h"
#include "monitor/vmm/vmm.h"

enum page_use { PAGE_FREE, PAGE_WRITABLE, PAGE_TABLE0, PAGE_TABLE1, PAGE_TABLE2 };
enum { PARA_LEVELS = 3, PARA_ENTRIES = 512 };

struct para_page {
    uint32_t count; /* of uses; 0: free */
    uint8_t use;    /* enum page_use */
    bool pinned;    /* one of them is the guest's pin */
    uint64_t *copy; /* of a table: what the VMM has let in */
};

struct para_tables {
    struct vm *vm;
    struct para_page *page; /* by page of the guest's RAM */
    uint64_t npages, ntables;
    unsigned allowance; /* tables that the present call may still make */
    bool changing;      /* the present write to a table is ours */
    bool flush;         /* an entry in use has gone or changed: so must what the real hart caches of it */
    bool broken;        /* somebody else has written a table: written_gpa; or a refused batch could not be undone */
    uint64_t written_gpa;
};

/* False: no memory. */
MUST_USE bool para_tables_init(struct para_tables *t, struct vm *vm);
void para_tables_free(struct para_tables *t);
/* From now on hears of writes to tables (the flag's owner is another's before). */
void para_tables_listen(struct para_tables *t);
/* All pages are free again. */
void para_tables_drop(struct para_tables *t);

/* One use more of the page at gpa, which must be in RAM: as a page to write, or as a table, which is validated if it is none yet. Other than PARA_OK:
 * nothing has changed. */
MUST_USE enum para_error para_use(struct para_tables *t, uint64_t gpa, enum page_use use);
/* One less. */
void para_unuse(struct para_tables *t, uint64_t gpa);
/* The guest's own use of a table, that stays until it is unpinned. */
MUST_USE enum para_error para_pin(struct para_tables *t, uint64_t gpa, unsigned level);
MUST_USE enum para_error para_unpin(struct para_tables *t, uint64_t gpa);
/* All n changes, in their order; or none, and *wrong is the first that cannot be. */
MUST_USE enum para_error para_tables_update(struct para_tables *t, const struct para_update *u, unsigned n,
                                            unsigned *wrong);
/* Is the page at gpa, in RAM, a table? */
bool para_is_table(const struct para_tables *t, uint64_t gpa);

/* Counts everything anew from the tables as they lie in memory; roots: those in use, and other pages that are counted as written. Entries seen; -1 with
 * e set. */
int64_t para_tables_verify(const struct para_tables *t, const uint64_t *roots, unsigned nroots, const uint64_t *written,
                           unsigned nwritten, struct err *e);

#endif
