/* SPDX-License-Identifier: MIT */
/* Traces for people: one line for each instruction retired and each trap taken. */
#ifndef VITRINE_TRACE_TEXT_H
#define VITRINE_TRACE_TEXT_H

#include "base/err.h"
#include "machine.h"

struct trace_text;

/* Watches every hart of m. kinds: "insn", "trap", "all", comma separated; file: where to write, NULL = standard error.
 * NULL with e set: an unknown kind, or a file that cannot be written. */
struct trace_text *trace_text_open(struct machine *m, const char *kinds, const char *file, struct err *e);
/* Stops watching, flushes and closes. 0, or -errno when not all could be written. NULL is fine. */
MUST_USE int trace_text_close(struct trace_text *t, struct err *e);

#endif
