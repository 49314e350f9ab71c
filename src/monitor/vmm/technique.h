/* SPDX-License-Identifier: MIT */
/* The functions that the rows of technique.def name: each is declared because a row names it, so one that no row names does not build. */
#ifndef VITRINE_TECHNIQUE_H
#define VITRINE_TECHNIQUE_H

#include "monitor/vmm/vmm.h"

#define TECHNIQUE(name, help, attach, detach, run, flagged, verify)                                                    \
    struct exit run(struct vm *vm, struct hart *vh, uint64_t n);
#include "monitor/vmm/technique.def"
#undef TECHNIQUE

int nested_attach(struct vm *vm, struct err *e);
void nested_detach(struct vm *vm);
void nested_flagged(struct vm *vm, uint64_t gpa, unsigned flags);
/* Every entry of the VM's second-stage table is its own; see gstage_verify(). */
int64_t nested_verify(struct vm *vm, struct err *e);

int trap_attach(struct vm *vm, struct err *e);
int translate_attach(struct vm *vm, struct err *e);
void trap_detach(struct vm *vm);
void trap_flagged(struct vm *vm, uint64_t gpa, unsigned flags);
/* As shadow_verify(). */
int64_t trap_verify(struct vm *vm, struct err *e);

int para_attach(struct vm *vm, struct err *e);
void para_detach(struct vm *vm);
void para_flagged(struct vm *vm, uint64_t gpa, unsigned flags);
/* As para_tables_verify() in direct paging; before it as trap_verify(). */
int64_t para_verify(struct vm *vm, struct err *e);

#endif
