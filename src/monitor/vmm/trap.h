/* SPDX-License-Identifier: MIT */
/* What `trap`, `translate` and `para` share: a guest that runs in U on the real hart. */
#ifndef VITRINE_VMM_TRAP_H
#define VITRINE_VMM_TRAP_H

#include "monitor/vmm/rewrite.h"
#include "monitor/vmm/shadow.h"

/* At vm->state; others put more behind it. */
struct deprivileged {
    struct shadow *shadow;
    struct rewriter *rewriter; /* NULL unless under translate */
};

/* The shadow tables that a VM's technique keeps; NULL: it keeps none (any more, in direct paging). */
const struct shadow *vm_shadow(const struct vm *vm);

/* The world switch: the guest's state goes to the real hart, in U behind satp; and back. */
void trap_enter(struct vm *vm, struct hart *vh, uint64_t satp);
void trap_leave(struct vm *vm, struct hart *vh);

#endif
