/* SPDX-License-Identifier: MIT */
/* What the techniques share that run guests on the real hart. */
#ifndef VITRINE_NATIVE_H
#define VITRINE_NATIVE_H

#include "monitor/vmm/vmm.h"

/* The virtual hart's breakpoints stop the real one too. False: no memory. */
MUST_USE bool native_breakpoints(struct vm *vm, const struct hart *vh);
/* So much of the virtual hart's state as events are stamped with, while the guest is on the real hart; the mode is the technique's business. */
void native_show_place(struct hart *vh, const struct hart *real);
/* Why a privileged instruction, or one that reads a counter, was intercepted. */
enum vm_exit_reason native_reason_of_insn(uint32_t insn);

/* An extension of the real hart's that the guest's lacks, and whose instructions trap in no mode, so that the guest would have them all the same. NULL: none. */
const char *native_unhidden(const struct isa *real, const struct isa *guest);

#endif
