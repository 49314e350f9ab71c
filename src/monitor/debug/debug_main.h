/* SPDX-License-Identifier: MIT */
/* `vitrine debug`, and Ctrl-A c in `vitrine run`. */
#ifndef VITRINE_DEBUG_MAIN_H
#define VITRINE_DEBUG_MAIN_H

#include "machine.h"
#include "options.h"

struct out;
struct repl;
struct debugger;
struct vmm;
struct vmstat;

/* Tells the program whose business a signal is from now on: repl_interrupt() and repl_stop(). NULL: nobody's. */
typedef void debug_signals_fn(struct repl *r);

/* For gdb's `monitor`: a REPL without a terminal beside d. NULL with e set; repl_free() in the end. */
MUST_USE struct repl *debug_monitor_new(struct debugger *d, const struct options *o, struct err *e);
/* What gdb_set_monitor() wants, with that repl. */
bool debug_monitor(void *repl, const char *line, struct out *out);

/* The command, behind its name. Returns the process's exit status. */
int debug_command(int argc, char **argv, debug_signals_fn *signals);
/* A prompt beside a machine that has stopped (MACHINE_MONITOR), until its user ends it or the guest does: then *r tells how. */
void debug_prompt(struct machine *m, const struct options *o, debug_signals_fn *signals, struct machine_result *r);
/* The same beside virtual machines: VM number vm is looked at first. vmstat: who counts already; NULL: nobody. */
void debug_prompt_vmm(struct vmm *v, unsigned vm, struct vmstat *vmstat, const struct options *o,
                      debug_signals_fn *signals, struct machine_result *r);

#endif
