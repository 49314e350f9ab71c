/* SPDX-License-Identifier: MIT */
/*
 * The debugger's commands: a line in, text out. commands.c has the table; each row has a body in a cmd_*.c.
 *
 * Lines come from a stack of inputs: commands given on the command line, files, the commands of a breakpoint, and below all of them a terminal or
 * standard input. A prompt in the midst of an instruction (stepx) reads from the same stack.
 */
#ifndef VITRINE_REPL_H
#define VITRINE_REPL_H

#include "monitor/debug/debugger.h"
#include "monitor/debug/out.h"

#include <stdio.h>

struct repl;
struct vmm;
struct vmstat;
struct fills;

struct repl_config {
    bool terminal;             /* commands are read from a terminal: line editing, prompts */
    FILE *input;               /* where they are read from otherwise; NULL: only those that repl_push_*() gave */
    const char *history;       /* file of the terminal's history; NULL: none */
    uint64_t max_insns;        /* `continue` stops when so many have retired; 0 = never */
    bool leave_at_end;         /* the loop ends with the guest */
    bool no_files;             /* commands must not read or write files of the host */
    const char *program;       /* the guest's ELF file, for source lines; NULL: none */
    const char *more_programs; /* another (the firmware's); NULL: none */
    struct vmm *vmm;           /* whose virtual machines d has by debug_vmm_runner(); NULL: there are none */
    struct vmstat *vmstat;     /* of vmm; NULL: nobody counts */
    struct fills *fills;       /* of vmm; NULL: nobody knows who filled tables */
};

/* d and out must outlive it. out: NULL if there is never anything but repl_execute(). NULL with e set. */
MUST_USE struct repl *repl_new(struct debugger *d, struct out *out, const struct repl_config *c, struct err *e);
void repl_free(struct repl *r);

/* Commands to be done before others are read: in the order of the calls. */
MUST_USE int repl_push_command(struct repl *r, const char *line, struct err *e);
MUST_USE int repl_push_file(struct repl *r, const char *path, struct err *e);

/* Does one line and prints to out; what stops to be told (a run) is told there too. False: the command failed, and its message was printed.
 * No terminal is touched: this is gdb's `monitor` and a test's way in. */
bool repl_execute(struct repl *r, const char *line, struct out *out);

/* Somebody else who has the machine in turns with the prompt: gdb. */
struct repl_partner {
    void *ctx;
    /* Input of fd is waited for: returns when there is some. True: it has printed something. */
    bool (*wait)(void *ctx, int fd);
    /* Why the machine cannot be run from the prompt now; NULL: it can. */
    const char *(*refuses)(void *ctx);
    /* A run from the prompt begins, or has ended. */
    void (*running)(void *ctx, bool on);
};
/* NULL: nobody (any more). */
void repl_set_partner(struct repl *r, const struct repl_partner *p);
/* From wait(): the partner runs the machine, whose guest has the terminal until the other call. */
void repl_partner_begins(struct repl *r);
void repl_partner_ends(struct repl *r);
bool repl_is_stopped(const struct repl *r); /* repl_stop() was called */

/* Tells where the machine stands. */
void repl_greet(struct repl *r);
/* Reads and does commands until `quit` or the end of all inputs. */
void repl_loop(struct repl *r);
/* Did the last command fail? */
bool repl_failed(const struct repl *r);
/* Ends a repl_loop(), and the run in it. Async-signal-safe. */
void repl_stop(struct repl *r);
/* Ctrl-C: ends a run. Async-signal-safe. */
void repl_interrupt(struct repl *r);
/* The last `continue` came to max_insns. */
bool repl_limited(const struct repl *r);
/* `quit` was given, or the input is over. */
bool repl_quits(const struct repl *r);
int repl_quit_status(const struct repl *r); /* of `quit STATUS`; -1: none was given */

#endif
