/* SPDX-License-Identifier: MIT */
/*
 * Trace formats: each turns events into bytes of a file. One file per format, one row each in format.c.
 *
 * A format runs on the trace's own thread: what it looks at of the machine never changes while the machine lives.
 */
#ifndef VITRINE_TRACE_FORMAT_H
#define VITRINE_TRACE_FORMAT_H

#include "base/event.h"
#include "cpu/hart.h"
#include "monitor/trace/file.h"

struct symbols;
struct stream_reader;

enum { TRACE_VMS = 65 };

/* What a format may know of the machine. */
struct trace_source {
    const char *name; /* of the machine, for people */
    unsigned harts;
    uint64_t insns_per_tick; /* slots of the clock in 100 ns */
    struct isa isa;
    const struct symbols *symbols[TRACE_VMS]; /* of the real machine, and of each virtual one. NULL: none */
};
/* The name of what lies at an address of machine vm, or NULL; *offset: how far from its beginning. */
const char *trace_symbol(const struct trace_source *s, unsigned vm, uint64_t addr, uint64_t *offset);

/* What a trace in the making keeps; each format has more behind it. */
struct trace_state {
    const struct trace_source *source;
    struct trace_file *file;
    uint64_t kinds; /* of events that were asked for; event() hears of also() as well */
};

struct trace_format {
    const char *name;
    const char *other;    /* another name that it goes by, or NULL */
    const char *help;     /* one line */
    const char *suffixes; /* of files that are in this format, separated by blanks: ".jsonl .ndjson" */
    /* Kinds that it must hear of to tell these; NULL: no others. */
    uint64_t (*also)(uint64_t kinds);
    /* Writes the file's beginning. NULL: out of memory. */
    struct trace_state *(*open)(const struct trace_source *source, struct trace_file *file, uint64_t kinds);
    void (*event)(struct trace_state *t, const struct event *e);
    /* Takes the instructions of a run as they come from the machine's thread (stream.h). NULL: each as an event. */
    void (*run)(struct trace_state *t, struct stream_reader *r);
    /* Writes the file's end and frees t. */
    void (*close)(struct trace_state *t);
};

/* Row n, NULL past the end. The first is the default. */
const struct trace_format *trace_format(unsigned n);
const struct trace_format *trace_format_named(const char *name); /* NULL: none */
const struct trace_format *
trace_format_of_file(const char *file); /* by its suffix, .zst left out; the default if none fits */

extern const struct trace_format trace_format_text, trace_format_jsonl, trace_format_spike, trace_format_perfetto,
    trace_format_chrome, trace_format_ftrace, trace_format_pack;

/* Slots of the machine's clock as nanoseconds of its time. */
static inline uint64_t trace_ns(const struct trace_source *s, uint64_t slots)
{
    enum { TICK_NS = 100 };
    return s->insns_per_tick == TICK_NS ? slots : (uint64_t)((unsigned __int128)slots * TICK_NS / s->insns_per_tick);
}

#endif
