/* SPDX-License-Identifier: MIT */
/* What the VMM's own files share, and techniques do not need. */
#ifndef VITRINE_VMM_INT_H
#define VITRINE_VMM_INT_H

#include "monitor/vmm/vmm.h"

/* The VM tells what the real machine's stream wants now. */
void vm_follow_events(struct vm *vm);
/* The exit status of a VM that has ended. */
int vm_status(const struct vm *vm);

/* A run has told of a vmm_stop(), which leaves the wish in several places: it is not told again. */
void vmm_stop_taken(struct vmm *v);

/* A check has failed: the run ends. */
void vm_failed(struct vm *vm);

/* check.c: the oracle of a VM under --check. Its options are first made fit for that. */
MUST_USE int vm_check_options(struct machine_options *o, struct err *e);
/* The VM has ended, or the run has: the rest of the comparison. */
void vm_check_end(struct vm *vm);
MUST_USE int vm_check_new(struct vm *vm, struct err *e);
void vm_check_free(struct vm *vm);
/* technique.run() in pieces of vmm_config.check_every, with a comparison after each. */
struct exit vm_check_run(struct vm *vm, struct hart *vh, uint64_t n);

#endif
