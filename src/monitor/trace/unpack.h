/* SPDX-License-Identifier: MIT */
/* Reads the packed format (pack.h) back, from files that may be compressed, cut short or made by anybody. */
#ifndef VITRINE_TRACE_UNPACK_H
#define VITRINE_TRACE_UNPACK_H

#include <stdio.h>

#include "monitor/trace/format.h"

struct unpack;

/* NULL with e set: no such file, or not a packed trace. */
struct unpack *unpack_open(const char *file, struct err *e);
/* The same from a stream, which it closes; name stays, for messages, and says by its suffix whether it is compressed. */
struct unpack *unpack_open_stream(FILE *f, const char *name, struct err *e);
void unpack_close(struct unpack *u); /* NULL is fine */
/* Whose trace it is. */
const struct trace_source *unpack_source(const struct unpack *u);
/* 1: *e is the next event; what it points at lives as long as u. 0: that was all. -errno with why set: the file is damaged here. */
MUST_USE int unpack_next(struct unpack *u, struct event *e, struct err *why);

/* Turns a packed trace into another format: what: KINDS[,if=EXPR], "all" for everything; to: file, NULL = standard output; format: NULL =
 * by the file's suffix. 0, or -errno with e set. */
struct unpack_options {
    const char *from, *what, *to, *format;
    bool progress; /* standard error is a terminal, free to say how far it is */
};
MUST_USE int unpack_convert(const struct unpack_options *o, struct err *e);

#endif
