/* SPDX-License-Identifier: MIT */
/* What stats.c counts and stats_print.c prints. */
#ifndef VITRINE_STATS_INT_H
#define VITRINE_STATS_INT_H

#include "monitor/stats.h"
#include "monitor/trace/render.h"

enum { STATS_CAUSES = 128, STATS_MODES = 8, STATS_NAMES = 64 };

enum stats_regime { REGIME_S, REGIME_VS, REGIME_G, REGIMES };

struct stats {
    struct event_sink sink; /* first: what emit() gets */
    struct machine *machine;
    struct stats_options options;
    struct trace_source source;
    struct trace_code *code; /* full: for instructions' classes */

    uint64_t traps[STATS_CAUSES][STATS_MODES]
                  [STATS_MODES]; /* by cause (64 + n: interrupt n), mode before, mode after */
    uint64_t returns, modes;
    struct {
        uint64_t walks, reads, faults, updates;
    } walk[REGIMES];
    uint64_t fills[3]; /* by enum mmu_access */
    uint64_t flushes[FLUSH_ALL + 1];
    struct {
        const char *name;
        uint64_t reads, writes;
    } device[STATS_NAMES];
    unsigned ndevices;
    struct {
        uint64_t extension, function, calls;
    } sbi[STATS_NAMES];
    unsigned nsbi;
    uint64_t other_sbi; /* beyond as many different ones */
    uint64_t interrupts, claims, ptrs, marks, resets;
    /* full */
    uint64_t classes[TRACE_CLASSES], insns[STATS_MODES], compressed, data_accesses;
};

static inline uint64_t stats_insns(const struct stats *s)
{
    uint64_t n = 0;
    for (unsigned i = 0; i < STATS_MODES; i++)
        n += s->insns[i];
    return n;
}

#endif
