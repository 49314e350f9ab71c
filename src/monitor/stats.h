/* SPDX-License-Identifier: MIT */
/*
 * Counts of what a run did, for --stats: a sink of the machine's events that counts, and nothing in any hot loop. `full` counts
 * instructions by class too: every instruction is then an event, which slows the run down.
 */
#ifndef VITRINE_STATS_H
#define VITRINE_STATS_H

#include "base/err.h"
#include "machine.h"

#include <stdio.h>

struct stats;

struct stats_options {
    bool full, json;
    const char *file; /* NULL: standard error */
};
/* text: [full,][json][:FILE] as --stats= has it. */
MUST_USE int stats_parse(struct stats_options *o, const char *text, struct err *e);

/* Starts to count. NULL: out of memory. */
struct stats *stats_open(struct machine *m, const struct stats_options *o);
/* Prints; cpu, wall: seconds that the run took on the host. */
void stats_print(const struct stats *s, FILE *f, double cpu, double wall);
void stats_close(struct stats *s); /* NULL is fine */

/* For tests. */
void stats_event(struct stats *s, const struct event *e);

#endif
