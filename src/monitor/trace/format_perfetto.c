/* SPDX-License-Identifier: MIT */
/*
 * Perfetto's protobuf, as ui.perfetto.dev opens it: a Trace is packets (field 1), each a TrackEvent or what describes a track. Names
 * are interned: sent once, then known by a number. Field numbers: perfetto's protos/perfetto/trace/.
 */
#include "monitor/trace/timeline.h"

#include <stdlib.h>
#include <string.h>

#include "monitor/names.h"
#include "monitor/trace/pb.h"
#include "monitor/trace/render.h"
#include "symbols.h"

enum { ROOM = 8192, NAME_MAX_SHOWN = 200, NAMES = 1 << 14, NAMES_USED = NAMES / 2 };

/* Trace, TracePacket */
enum {
    TRACE_PACKET = 1,
    PACKET_TIMESTAMP = 8,
    PACKET_SEQUENCE = 10,
    PACKET_TRACK_EVENT = 11,
    PACKET_INTERNED = 12,
    PACKET_FLAGS = 13,
    PACKET_TRACK = 60,
    SEQUENCE = 1, /* all is one sequence of packets */
    FLAG_CLEARED = 1,
    FLAG_NEEDS_STATE = 2
};
/* TrackDescriptor, ProcessDescriptor, ThreadDescriptor, CounterDescriptor */
enum {
    TRACK_UUID = 1,
    TRACK_NAME = 2,
    TRACK_PROCESS = 3,
    TRACK_THREAD = 4,
    TRACK_PARENT = 5,
    TRACK_COUNTER = 8,
    PROCESS_PID = 1,
    PROCESS_NAME = 6,
    THREAD_PID = 1,
    THREAD_TID = 2,
    THREAD_NAME = 5,
    COUNTER_UNIT = 3,
    COUNTER_UNIT_NAME = 6,
    UNIT_COUNT = 2
};
/* TrackEvent, DebugAnnotation */
enum {
    EVENT_CATEGORY_IIDS = 3,
    EVENT_ANNOTATION = 4,
    EVENT_TYPE = 9,
    EVENT_NAME_IID = 10,
    EVENT_TRACK = 11,
    EVENT_NAME = 23,
    EVENT_COUNTER_VALUE = 30,
    EVENT_FLOW = 47,
    EVENT_FLOW_END = 48,
    TYPE_BEGIN = 1,
    TYPE_END = 2,
    TYPE_INSTANT = 3,
    TYPE_COUNTER = 4,
    ANNOTATION_NAME_IID = 1,
    ANNOTATION_BOOL = 2,
    ANNOTATION_UINT = 3,
    ANNOTATION_INT = 4,
    ANNOTATION_STRING = 6,
    ANNOTATION_POINTER = 7,
};
/* InternedData and what lies in it */
enum { INTERNED_CATEGORIES = 1, INTERNED_NAMES = 2, INTERNED_ANNOTATIONS = 3, IID = 1, IID_NAME = 2 };
/* Numbers of annotations' names: ours for every event, then EVENT_ARGS for each kind. Of categories: the kind's, + 1. */
enum { NAME_PC = 1, NAME_AT, NAME_MODE, NAME_ARGS };

struct perfetto {
    struct timeline_pen pen; /* first */
    uint64_t told;           /* BIT(kind): its arguments' names and its category were sent */
    char *names[NAMES];      /* interned, by hash */
    uint64_t iids[NAMES];
    unsigned nnames;
};

static uint64_t uuid(uint32_t track)
{
    return track + UINT64_C(1); /* 0 is the trace's own */
}

static int32_t pid_of(uint32_t track)
{
    return (int32_t)timeline_vm(track) + 1;
}

static char *packet_open(struct perfetto *f, unsigned flags, char **message)
{
    char *p = trace_file_begin(f->pen.file, ROOM);
    *message = p = pb_open(p, TRACE_PACKET);
    p = pb_uint(p, PACKET_SEQUENCE, SEQUENCE);
    return pb_uint(p, PACKET_FLAGS, flags);
}

static void packet_close(struct perfetto *f, char *message, char *p)
{
    trace_file_end(f->pen.file, pb_close(message, p));
}

static size_t shown(const char *s)
{
    return strnlen(s, NAME_MAX_SHOWN);
}

static char *pb_name(char *p, unsigned field, const char *s)
{
    return pb_string(p, field, s, shown(s));
}

/* ---- Names sent once ---- */

static uint64_t hash(const char *s, size_t n)
{
    uint64_t h = UINT64_C(0xcbf29ce484222325);
    for (size_t i = 0; i < n; i++)
        h = (h ^ (unsigned char)s[i]) * UINT64_C(0x100000001b3);
    return h ^ h >> 29;
}

/* The number of a name, 0 when the table is full; new: it has to be sent. */
static uint64_t intern(struct perfetto *f, const char *name, bool *new)
{
    size_t n = shown(name), slot = hash(name, n) % NAMES;
    *new = false;
    while (f->names[slot]) {
        if (!strncmp(f->names[slot], name, n) && !f->names[slot][n])
            return f->iids[slot];
        slot = (slot + 1) % NAMES;
    }
    if (f->nnames == NAMES_USED || !(f->names[slot] = strndup(name, n)))
        return 0;
    *new = true;
    return f->iids[slot] = ++f->nnames;
}

static char *put_interned(char *p, unsigned field, uint64_t iid, const char *name)
{
    char *entry = p = pb_open(p, field);
    p = pb_uint(p, IID, iid);
    return pb_close(entry, pb_name(p, IID_NAME, name));
}

static uint64_t arg_iid(unsigned kind, unsigned i)
{
    return NAME_ARGS + kind * EVENT_ARGS + i;
}

/* What this packet must send of names: its own, and its kind's. */
static char *put_names(char *p, struct perfetto *f, const char *name, uint64_t iid, bool new, const struct event *e)
{
    bool args = e && !(f->told >> e->kind & 1);
    if (!new && !args)
        return p;
    char *interned = p = pb_open(p, PACKET_INTERNED);
    if (new)
        p = put_interned(p, INTERNED_NAMES, iid, name);
    if (args) {
        const struct event_row *row = &event_rows[e->kind];
        if (!f->told) {
            p = put_interned(p, INTERNED_ANNOTATIONS, NAME_PC, "pc");
            p = put_interned(p, INTERNED_ANNOTATIONS, NAME_AT, "at");
            p = put_interned(p, INTERNED_ANNOTATIONS, NAME_MODE, "mode");
        }
        p = put_interned(p, INTERNED_CATEGORIES, e->kind + 1u, row->group);
        for (unsigned i = 0; i < row->nargs; i++)
            p = put_interned(p, INTERNED_ANNOTATIONS, arg_iid(e->kind, i), row->arg[i].name);
        f->told |= BIT(e->kind);
    }
    return pb_close(interned, p);
}

/* ---- Events ---- */

static char *put_annotation_name(char *p, const char *name, uint64_t iid)
{
    char *a = p = pb_open(p, EVENT_ANNOTATION);
    p = pb_uint(p, ANNOTATION_NAME_IID, iid);
    return pb_close(a, pb_name(p, ANNOTATION_STRING, name));
}

static char *put_value(char *p, const struct event *e, unsigned i)
{
    uint64_t v = e->a[i];
    const char *word = trace_arg_word(e, i);
    switch (event_rows[e->kind].arg[i].type) {
    case ARG_DEC: return pb_uint(p, ANNOTATION_UINT, v);
    case ARG_SIGNED: return pb_uint(p, ANNOTATION_INT, v);
    case ARG_BOOL: return pb_uint(p, ANNOTATION_BOOL, v != 0);
    case ARG_NONE:
    case ARG_HEX:
    case ARG_VA:
    case ARG_PA:
    case ARG_INSN:
    case ARG_REG:
    case ARG_CSR:
    case ARG_CAUSE:
    case ARG_IRQ:
    case ARG_MODE:
    case ARG_ACCESS:
    case ARG_VERDICT:
    case ARG_FLUSH:
    case ARG_DEVICE:
    case ARG_SBI:
    case ARG_VMEXIT:
    case ARG_TEXT: break;
    }
    return word && *word != '?' ? pb_name(p, ANNOTATION_STRING, word) : pb_uint(p, ANNOTATION_POINTER, v);
}

static char *put_annotations(char *p, const struct perfetto *f, const struct event *e)
{
    char *a, at[NAME_MAX_SHOWN + 1];
    uint64_t offset;
    const char *symbol = trace_symbol(f->pen.source, e->vm, e->pc, &offset);
    a = p = pb_open(p, EVENT_ANNOTATION);
    p = pb_uint(p, ANNOTATION_NAME_IID, NAME_PC);
    p = pb_close(a, pb_uint(p, ANNOTATION_POINTER, e->pc));
    if (symbol) {
        size_t n = shown(symbol);
        memcpy(at, symbol, n);
        at[n] = 0;
        p = put_annotation_name(p, at, NAME_AT);
    }
    p = put_annotation_name(p, name_mode(e->mode), NAME_MODE);
    for (unsigned i = 0; i < event_rows[e->kind].nargs; i++) {
        if (!trace_arg_shown(e, i))
            continue;
        a = p = pb_open(p, EVENT_ANNOTATION);
        p = pb_uint(p, ANNOTATION_NAME_IID, arg_iid(e->kind, i));
        p = pb_close(a, put_value(p, e, i));
    }
    return p;
}

/* A slice's begin or an instant. */
static void put_event(struct perfetto *f, unsigned type, uint64_t ns, uint32_t track, const char *name,
                      const struct event *e, uint64_t flow, unsigned flow_field)
{
    char *packet, *p = packet_open(f, FLAG_NEEDS_STATE, &packet);
    bool new;
    uint64_t iid = intern(f, name, &new);
    p = pb_uint(p, PACKET_TIMESTAMP, ns);
    p = put_names(p, f, name, iid, new, e);
    char *event = p = pb_open(p, PACKET_TRACK_EVENT);
    p = pb_uint(p, EVENT_TYPE, type);
    p = pb_uint(p, EVENT_TRACK, uuid(track));
    p = iid ? pb_uint(p, EVENT_NAME_IID, iid) : pb_name(p, EVENT_NAME, name);
    if (flow)
        p = pb_fixed64(p, flow_field, flow);
    if (e) {
        p = pb_uint(p, EVENT_CATEGORY_IIDS, e->kind + 1u);
        p = put_annotations(p, f, e);
    }
    packet_close(f, packet, pb_close(event, p));
}

static void begin(struct timeline_pen *pen, uint64_t ns, uint32_t track, const char *name, const struct event *e,
                  uint64_t flow, enum timeline_flow end)
{
    put_event((struct perfetto *)pen, TYPE_BEGIN, ns, track, name, e, flow,
              end == FLOW_END ? EVENT_FLOW_END : EVENT_FLOW);
}

static void instant(struct timeline_pen *pen, uint64_t ns, uint32_t track, const char *name, const struct event *e)
{
    put_event((struct perfetto *)pen, TYPE_INSTANT, ns, track, name, e, 0, 0);
}

static void end_slice(struct timeline_pen *pen, uint64_t ns, uint32_t track)
{
    struct perfetto *f = (struct perfetto *)pen;
    char *packet, *p = packet_open(f, FLAG_NEEDS_STATE, &packet);
    p = pb_uint(p, PACKET_TIMESTAMP, ns);
    char *event = p = pb_open(p, PACKET_TRACK_EVENT);
    p = pb_uint(p, EVENT_TYPE, TYPE_END);
    p = pb_uint(p, EVENT_TRACK, uuid(track));
    packet_close(f, packet, pb_close(event, p));
}

static void count(struct timeline_pen *pen, uint64_t ns, uint32_t track, uint64_t value)
{
    struct perfetto *f = (struct perfetto *)pen;
    char *packet, *p = packet_open(f, FLAG_NEEDS_STATE, &packet);
    p = pb_uint(p, PACKET_TIMESTAMP, ns);
    char *event = p = pb_open(p, PACKET_TRACK_EVENT);
    p = pb_uint(p, EVENT_TYPE, TYPE_COUNTER);
    p = pb_uint(p, EVENT_TRACK, uuid(track));
    p = pb_uint(p, EVENT_COUNTER_VALUE, value);
    packet_close(f, packet, pb_close(event, p));
}

/* ---- Tracks ---- */

static char *put_process(char *p, uint32_t track, const char *name)
{
    char *process = p = pb_open(p, TRACK_PROCESS);
    p = pb_uint(p, PROCESS_PID, (uint64_t)pid_of(track));
    return pb_close(process, pb_name(p, PROCESS_NAME, name));
}

/* A hart. Its number as a thread must be of one process only, and not the process's own. */
static char *put_thread(char *p, uint32_t track, const char *name)
{
    enum { TIDS = 1000 };
    char *thread = p = pb_open(p, TRACK_THREAD);
    p = pb_uint(p, THREAD_PID, (uint64_t)pid_of(track));
    p = pb_uint(p, THREAD_TID, (uint64_t)pid_of(track) * TIDS + timeline_hart(track));
    return pb_close(thread, pb_name(p, THREAD_NAME, name));
}

static char *put_counter(char *p, enum timeline_slot slot)
{
    char *counter = p = pb_open(p, TRACK_COUNTER);
    p = slot == SLOT_COUNT_MIPS ? pb_name(p, COUNTER_UNIT_NAME, "instructions/us")
                                : pb_uint(p, COUNTER_UNIT, UNIT_COUNT);
    return pb_close(counter, p);
}

static void name_track(struct timeline_pen *pen, uint32_t track, const char *name)
{
    struct perfetto *f = (struct perfetto *)pen;
    enum timeline_slot slot = timeline_slot(track);
    char *packet, *p = packet_open(f, FLAG_NEEDS_STATE, &packet);
    char *descriptor = p = pb_open(p, PACKET_TRACK);
    p = pb_uint(p, TRACK_UUID, uuid(track));
    if (slot == SLOT_MACHINE) {
        p = put_process(p, track, name);
    } else if (slot == SLOT_HART) {
        p = pb_uint(p, TRACK_PARENT, uuid(TIMELINE_TRACK(timeline_vm(track), 0, SLOT_MACHINE)));
        p = put_thread(p, track, name);
    } else {
        p = pb_uint(p, TRACK_PARENT, uuid(TIMELINE_TRACK(timeline_vm(track), timeline_hart(track), SLOT_HART)));
        p = pb_name(p, TRACK_NAME, name);
        if (slot >= SLOT_COUNT_INSNS)
            p = put_counter(p, slot);
    }
    packet_close(f, packet, pb_close(descriptor, p));
}

static void finish(struct timeline_pen *pen)
{
    struct perfetto *f = (struct perfetto *)pen;
    for (unsigned i = 0; i < NAMES; i++)
        free(f->names[i]);
    free(f);
}

static struct trace_state *open(const struct trace_source *source, struct trace_file *file, uint64_t kinds)
{
    struct perfetto *f = calloc(1, sizeof *f);
    if (!f)
        return NULL;
    f->pen = (struct timeline_pen){source, file, name_track, begin, end_slice, instant, count, finish};
    char *packet, *p = packet_open(f, FLAG_CLEARED, &packet);
    packet_close(f, packet, p);
    return timeline_open(&f->pen, kinds);
}

const struct trace_format trace_format_perfetto = {
    .name = "perfetto",
    .other = "pftrace",
    .help = "Perfetto's protobuf: a timeline for ui.perfetto.dev",
    .suffixes = ".pftrace .perfetto-trace .perfetto",
    .also = timeline_also,
    .open = open,
    .event = timeline_event,
    .run = timeline_run,
    .close = timeline_close,
};
