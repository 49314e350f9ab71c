/* SPDX-License-Identifier: MIT */
/*
 * gdb beside a prompt (vitrine debug -s): both look at the machine whenever it is stopped; it is run by gdb while gdb is there, by the prompt
 * while it is not. Who asks for it while it is the other's is told so.
 */
#ifndef VITRINE_GDB_BESIDE_H
#define VITRINE_GDB_BESIDE_H

#include "monitor/debug/gdb.h"
#include "monitor/debug/repl.h"

struct gdb_beside;

/* Opens the port (see gdb_open()) and makes gdb the prompt's partner. All must outlive it. NULL with e set. */
MUST_USE struct gdb_beside *gdb_beside_new(struct debugger *d, struct repl *r, struct out *out, const char *spec,
                                           struct err *e);
void gdb_beside_free(struct gdb_beside *b); /* NULL is fine */
struct gdb *gdb_beside_gdb(struct gdb_beside *b);

#endif
