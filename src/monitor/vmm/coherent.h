/* SPDX-License-Identifier: MIT */
/*
 * For --check: a hart whose TLB is never stale.
 *
 * A guest that changes a page table and uses the translation before sfence.vma may get the old one or the new one (Priv. "Supervisor Memory-Management
 * Fence Instruction"), and which one it gets depends on what its TLB happens to hold. Two harts that do the same otherwise could so come to differ, and
 * neither be wrong. Shadow tables follow the guest's at once; under --check the TLBs do so too: each page through which a walk went is flagged,
 * and whoever writes it flushes them.
 */
#ifndef VITRINE_COHERENT_H
#define VITRINE_COHERENT_H

#include "monitor/vmm/vmm.h"

struct coherent {
    struct event_sink sink;
    struct event_hub *hub; /* where the walks are told; NULL: not begun */
    struct bus *bus;       /* on which the tables lie that are walked */
    struct hart *hart[2];  /* whose TLBs follow; NULL: none */
    const struct vm *vm;   /* heeds walks of the real hart for this VM alone; NULL: the hub tells of no other */
};

/* The walks of the hart h on its own machine's bus. */
void coherent_begin(struct coherent *c, struct machine *m, struct hart *h);
/* The walks that the real hart makes through the tables of a VM, and those of its virtual hart (PAGE_SHADOW on its bus must be nobody's). */
void coherent_begin_nested(struct coherent *c, struct vm *vm);
void coherent_end(struct coherent *c);

#endif
