/* SPDX-License-Identifier: MIT */
/* The flight recorder: the machine's hub keeps its latest slow events; here they are told when a run ends badly. */
#ifndef VITRINE_RECORDER_H
#define VITRINE_RECORDER_H

#include "base/err.h"
#include "machine.h"

enum { RECORDER_LAST = 40 };

/* Prints the last `last` events that were recorded to standard error, as text, with a line before them. whose: of several machines, "" or "vm 2
 * (NAME), ". */
void recorder_print(struct machine *m, const char *whose, unsigned last);
/* Writes all of them to a file, in the format that its suffix says. 0, or -errno with e set. */
MUST_USE int recorder_write(struct machine *m, const char *file, struct err *e);

/* Is the n-th recorded event (from 0), which is still kept, the same as the one before it, but for its time? So it is where a hart traps for ever. */
bool recorder_repeats(const struct event_hub *hub, uint64_t n);

#endif
