/* SPDX-License-Identifier: MIT */
/*
 * Where a guest's exits come from: by reason, by the guest's function and instruction, and how many instructions lie between two of them. A sink of
 * the VMs' events: it costs nothing unless it is asked for.
 */
#ifndef VITRINE_VMSTAT_H
#define VITRINE_VMSTAT_H

#include "monitor/debug/out.h"
#include "monitor/vmm/vmm.h"

enum { VMSTAT_TOP = 10 }; /* rows of functions and of instructions, unless told otherwise */

struct vmstat;

/* Starts to count, for all of v's VMs. NULL: out of memory. To be closed before v goes. */
MUST_USE struct vmstat *vmstat_open(struct vmm *v);
void vmstat_close(struct vmstat *s); /* NULL is fine */
/* From the beginning again. */
void vmstat_clear(struct vmstat *s);
/* vm: the number of one; 0: all. top: rows of functions and of instructions. */
void vmstat_print(const struct vmstat *s, struct out *o, unsigned vm, unsigned top);

#endif
