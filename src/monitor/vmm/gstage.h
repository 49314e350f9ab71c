/* SPDX-License-Identifier: MIT */
/*
 * A VM's second-stage table (G-stage), which the real MMU walks: guest physical -> real. It lies in frames of the real RAM, is filled page by
 * page on demand, and maps nothing but frames of its VM. Priv. 18.5
 *
 *   hgatp: 63:60 MODE (8 Sv39x4, 9 Sv48x4, 10 Sv57x4) | 57:44 VMID | 43:0 root >> 12; the root is 16 KiB
 */
#ifndef VITRINE_GSTAGE_H
#define VITRINE_GSTAGE_H

#include "monitor/vmm/vmm.h"

struct gstage {
    struct vm *vm;
    unsigned levels;
    uint64_t root;    /* real address */
    uint64_t hgatp;   /* to load */
    uint64_t *tables; /* the frames of the other tables */
    size_t ntables, tables_cap;
};

/* 0, or -errno with e set. */
MUST_USE int gstage_init(struct gstage *g, struct vm *vm, struct err *e);
void gstage_free(struct gstage *g);

/* The leaf for gpa's page becomes frame hpa with the permissions of perm (PTE_R, PTE_W, PTE_X); perm 0: none. Drops what the real hart caches of
 * it if it had more rights. False: no frame is left for a table. */
MUST_USE bool gstage_set(struct gstage *g, uint64_t gpa, uint64_t hpa, uint64_t perm);
/* The leaf PTE for gpa's page, 0: none. */
uint64_t gstage_leaf(const struct gstage *g, uint64_t gpa);
/* Forgets every leaf. */
void gstage_clear(struct gstage *g);

/* The one that a VM's technique keeps; NULL: it keeps none. */
const struct gstage *vm_gstage(const struct vm *vm);
/* While the guest is on the real hart: its virtual hart shows the state that the guest has there. */
void nested_show(struct vm *vm);

/* Looks through the whole table: every leaf shows a frame of this VM's RAM, the one that its p2m names, and every table is the VMM's for this
 * VM. Returns the leaves, or -1 with e telling what is wrong. */
int64_t gstage_verify(const struct gstage *g, struct err *e);

#endif
