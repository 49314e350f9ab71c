/* SPDX-License-Identifier: MIT */
/*
 * Events as a timeline: a process for each machine, tracks for each hart, slices for its traps and modes, arrows from a trap to its
 * handler and back, instants for the rest, counters. What it is drawn with, a pen, knows a file format and nothing of machines.
 *
 *   hart 0             traps: a slice from the trap to its return, nested ones within it; instants
 *   hart 0 U, S, ...   a slice for each stretch of time in that mode
 *   hart 0 function    with EV_INSN: a slice for each stretch of instructions of one function
 *   counters           instructions, MIPS, TLB fills of each hart
 */
#ifndef VITRINE_TRACE_TIMELINE_H
#define VITRINE_TRACE_TIMELINE_H

#include "monitor/trace/format.h"

/* A track as one number: 23:16 machine (0 the real one) | 15:8 hart | 7:0 enum timeline_slot */
#define TIMELINE_TRACK(vm, hart, slot) ((uint32_t)(vm) << 16 | (uint32_t)(hart) << 8 | (uint32_t)(slot))
enum timeline_slot {
    SLOT_MACHINE, /* the process itself; its hart is 0 */
    SLOT_HART,
    SLOT_MODE, /* + EVENT_MODE(), 8 of them */
    SLOT_FUNCTION = SLOT_MODE + 8,
    SLOT_COUNT_INSNS, /* the counters */
    SLOT_COUNT_MIPS,
    SLOT_COUNT_FILLS,
    SLOTS
};
static inline unsigned timeline_vm(uint32_t track)
{
    return track >> 16;
}
static inline unsigned timeline_hart(uint32_t track)
{
    return track >> 8 & 255;
}
static inline enum timeline_slot timeline_slot(uint32_t track)
{
    return (enum timeline_slot)(track & 255);
}

enum timeline_flow { FLOW_START, FLOW_STEP, FLOW_END };

struct timeline_pen {
    const struct trace_source *source;
    struct trace_file *file;
    /* Names a track before its first use. Counters' units: SLOT_COUNT_*. */
    void (*track)(struct timeline_pen *pen, uint32_t track, const char *name);
    /* e, the event that shows as arguments, may be NULL. flow 0: no arrow. */
    void (*begin)(struct timeline_pen *pen, uint64_t ns, uint32_t track, const char *name, const struct event *e,
                  uint64_t flow, enum timeline_flow end);
    void (*end)(struct timeline_pen *pen, uint64_t ns, uint32_t track);
    void (*instant)(struct timeline_pen *pen, uint64_t ns, uint32_t track, const char *name, const struct event *e);
    void (*count)(struct timeline_pen *pen, uint64_t ns, uint32_t track, uint64_t value);
    void (*finish)(struct timeline_pen *pen); /* writes the file's end and frees the pen */
};

/* Kinds that a timeline needs to draw these. */
uint64_t timeline_also(uint64_t kinds);
/* pen: heap memory, owned from now on; NULL is passed on. NULL: out of memory. */
struct trace_state *timeline_open(struct timeline_pen *pen, uint64_t kinds);
void timeline_event(struct trace_state *state, const struct event *e);
void timeline_run(struct trace_state *state, struct stream_reader *r);
void timeline_close(struct trace_state *state);

#endif
