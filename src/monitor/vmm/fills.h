/* SPDX-License-Identifier: MIT */
/*
 * Who filled the entries of the tables that the VMM keeps for a guest, and when: a sink of the VMs' events, as vmstat.h's, for a debugger that shows
 * tables. What was filled before it was opened it does not know.
 */
#ifndef VITRINE_FILLS_H
#define VITRINE_FILLS_H

#include "monitor/vmm/vmm.h"

/* The last change of an entry. */
struct fill {
    uint64_t key;     /* of the entry; 0: a free slot */
    uint64_t insn;    /* instructions that the guest had retired */
    uint64_t pc;      /* the guest's instruction for which it was done */
    uint64_t cause;   /* of the intercept that led to it: CAUSE_* */
    const char *drop; /* why it was dropped; NULL: it was filled */
};

struct fills;

/* For all of v's VMs; NULL: out of memory. To be closed before v goes. */
MUST_USE struct fills *fills_open(struct vmm *v);
void fills_close(struct fills *f); /* NULL is fine */
/* The shadow entry at hpa; the second stage's leaf for the page at gpa. NULL: not known (f may be NULL). */
const struct fill *fills_of_shadow(const struct fills *f, unsigned vm, uint64_t hpa);
const struct fill *fills_of_gstage(const struct fills *f, unsigned vm, uint64_t gpa);

#endif
