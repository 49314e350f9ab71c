/* SPDX-License-Identifier: MIT */
/*
 * Traces: a machine's events to a file, in a format, those that a filter lets through. Any number of them watch a machine at once.
 *
 * A trace formats and writes on a thread of its own; what it writes depends on the events alone. A trace to standard error or output is
 * written at once instead, so that it keeps its place among what else is printed there.
 */
#ifndef VITRINE_TRACE_H
#define VITRINE_TRACE_H

#include "base/err.h"
#include "machine.h"

struct symbols;
struct trace;
struct trace_source;

struct trace_options {
    const char *what;   /* KINDS[,if=EXPR][:FILE] as --trace has it; without FILE: `file` */
    const char *file;   /* NULL: standard error */
    const char *format; /* NULL: by the file's suffix */
};

/* Starts to watch. NULL with e set. */
struct trace *trace_open(struct machine *m, const struct trace_options *o, struct err *e);
/* The symbols of virtual machine vm (from 1). Before its first event. */
void trace_add_vm(struct trace *t, unsigned vm, const struct symbols *symbols);
/* Stops watching, writes the rest. 0, or -errno when not all could be written. NULL is fine. */
MUST_USE int trace_close(struct trace *t, struct err *e);

/* What formats may know of a machine. */
void trace_source_init(struct trace_source *s, struct machine *m);

#endif
