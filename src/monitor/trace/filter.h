/* SPDX-License-Identifier: MIT */
/*
 * Which events a trace wants: kinds, and a condition over an event and its hart.
 *
 * In a condition stand the event's arguments and clock, insn, pc, hart, vm, mode and kind by name; modes (M, S, U, VS, VU), causes
 * (load_page_fault) and kinds (TLB_FILL) as constants; $registers of the event's hart as they are then; symbols. Where an event has no such
 * argument, the condition does not hold.
 */
#ifndef VITRINE_TRACE_FILTER_H
#define VITRINE_TRACE_FILTER_H

#include "base/err.h"
#include "machine.h"

struct filter;

/* text: KINDS[,if=EXPR]; *rest: where it ends, at the end of text or at a colon behind it. m may be NULL: no registers and symbols then. NULL
 * with e set (what: whose text it is). */
struct filter *filter_new(struct machine *m, const char *what, const char *text, const char **rest, struct err *e);
void filter_free(struct filter *f);
uint64_t filter_kinds(const struct filter *f);
bool filter_has_condition(const struct filter *f);
/* ... that looks at the hart's registers? */
bool filter_has_registers(const struct filter *f);
/* Does the condition hold? On the machine's thread, from a sink's emit(). */
bool filter_passes(struct filter *f, const struct event *e);

#endif
