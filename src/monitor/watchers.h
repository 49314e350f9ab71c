/* SPDX-License-Identifier: MIT */
/*
 * All that watches a run because the command line asks for it: --trace, --stats, --profile, and the flight recorder. Each is a sink of the
 * machine's events; none has a hook of its own in the machine.
 */
#ifndef VITRINE_WATCHERS_H
#define VITRINE_WATCHERS_H

#include "base/err.h"
#include "machine.h"
#include "options.h"

struct watchers;

/* NULL with e set. */
struct watchers *watchers_open(struct machine *m, const struct options *o, struct err *e);
/* The symbols of virtual machine vm (from 1), for traces. Before the first run. */
void watchers_add_vm(struct watchers *w, unsigned vm, const struct symbols *symbols);
/* machine_run(), with a look at the machine every so often for those who want one. */
void watchers_run(struct watchers *w, uint64_t max_insns, struct machine_result *r);

/* How the run went. */
struct watchers_end {
    bool badly;       /* the guest panicked, hangs, or said that it failed: the flight recorder has something to tell */
    bool told;        /* the caller has printed the events before it: only a file that was named is left */
    bool unfinished;  /* it was stopped by --max-insns: it has, if a file was named for it */
    double cpu, wall; /* seconds on the host */
};
/* Prints and writes what is left to tell, and frees w (which may be NULL). 0, or -errno when something could not be written. */
MUST_USE int watchers_close(struct watchers *w, const struct watchers_end *end, struct err *e);

#endif
