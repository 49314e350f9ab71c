/* SPDX-License-Identifier: MIT */
/* The debugger over virtual machines: what debugger.h wants of a VMM. */
#ifndef VITRINE_DEBUG_VMM_H
#define VITRINE_DEBUG_VMM_H

#include "monitor/debug/debugger.h"
#include "monitor/vmm/vmm.h"

/* A runner over v, which must outlive it: debugger_set_runner(). */
void debug_vmm_runner(struct debug_runner *r, struct vmm *v);
/* The VM of a number, NULL: the real machine, or none. */
struct vm *debug_vmm_find(struct vmm *v, unsigned number);

/* All consoles: see machine_hold_console(). */
bool debug_vmm_hold_consoles(struct vmm *v);
void debug_vmm_release_consoles(struct vmm *v);

#endif
