/* SPDX-License-Identifier: MIT */
/* The JSON trace event format, which chrome://tracing, Perfetto, Speedscope and others read. Times in microseconds. */
#include "monitor/trace/timeline.h"

#include <stdlib.h>

#include "monitor/names.h"
#include "monitor/trace/json.h"
#include "monitor/trace/put.h"

enum { ROOM = JSON_ARGS_ROOM + 2048 };

struct chrome {
    struct timeline_pen pen; /* first */
    bool any;
};

static char *put_place(char *p, uint32_t track)
{
    p = PUT_LITERAL(p, ",\"pid\":");
    p = put_dec(p, timeline_vm(track) + 1);
    p = PUT_LITERAL(p, ",\"tid\":");
    return put_dec(p, timeline_hart(track) * SLOTS + timeline_slot(track));
}

static char *put_time(char *p, uint64_t ns)
{
    p = PUT_LITERAL(p, ",\"ts\":");
    p = put_dec(p, ns / 1000);
    *p++ = '.';
    *p++ = (char)('0' + ns / 100 % 10);
    *p++ = (char)('0' + ns / 10 % 10);
    *p++ = (char)('0' + ns % 10);
    return p;
}

/* {"ph":"B","name":"..","pid":..,"tid":..: an object that is still open. */
static char *open_object(struct chrome *c, char phase, const char *name, uint32_t track)
{
    char *p = trace_file_begin(c->pen.file, ROOM);
    if (c->any)
        *p++ = ',';
    c->any = true;
    p = PUT_LITERAL(p, "\n{\"ph\":\"");
    *p++ = phase;
    *p++ = '"';
    if (name) {
        p = PUT_LITERAL(p, ",\"name\":\"");
        p = put_json_name(p, name);
        *p++ = '"';
    }
    return put_place(p, track);
}

static void close_object(struct chrome *c, char *p)
{
    *p++ = '}';
    trace_file_end(c->pen.file, p);
}

static char *put_args(char *p, const struct chrome *c, const struct event *e)
{
    p = PUT_LITERAL(p, ",\"cat\":\"");
    p = put_string(p, event_rows[e->kind].group);
    p = PUT_LITERAL(p, "\",\"args\":{\"pc\":");
    p = put_json_hex(p, e->pc);
    p = PUT_LITERAL(p, ",\"mode\":\"");
    p = put_string(p, name_mode(e->mode));
    *p++ = '"';
    p = put_json_args(p, c->pen.source, e, 0);
    *p++ = '}';
    return p;
}

static void name_track(struct timeline_pen *pen, uint32_t track, const char *name)
{
    struct chrome *c = (struct chrome *)pen;
    if (timeline_slot(track) >= SLOT_COUNT_INSNS)
        return; /* a counter is known by its name alone */
    char *p = open_object(c, 'M', timeline_slot(track) == SLOT_MACHINE ? "process_name" : "thread_name", track);
    p = PUT_LITERAL(p, ",\"args\":{\"name\":\"");
    p = put_json_name(p, name);
    p = PUT_LITERAL(p, "\"}");
    close_object(c, p);
    if (timeline_slot(track) == SLOT_MACHINE)
        return;
    p = open_object(c, 'M', "thread_sort_index", track);
    p = PUT_LITERAL(p, ",\"args\":{\"sort_index\":");
    p = put_dec(p, timeline_hart(track) * SLOTS + timeline_slot(track));
    *p++ = '}';
    close_object(c, p);
}

static void begin(struct timeline_pen *pen, uint64_t ns, uint32_t track, const char *name, const struct event *e,
                  uint64_t flow, enum timeline_flow end)
{
    struct chrome *c = (struct chrome *)pen;
    char *p = put_time(open_object(c, 'B', name, track), ns);
    if (e)
        p = put_args(p, c, e);
    close_object(c, p);
    if (!flow)
        return;
    p = put_time(open_object(c, end == FLOW_START ? 's' : end == FLOW_STEP ? 't' : 'f', "trap", track), ns);
    p = PUT_LITERAL(p, ",\"cat\":\"cpu\",\"bp\":\"e\",\"id\":");
    p = put_dec(p, flow);
    close_object(c, p);
}

static void end_slice(struct timeline_pen *pen, uint64_t ns, uint32_t track)
{
    struct chrome *c = (struct chrome *)pen;
    close_object(c, put_time(open_object(c, 'E', NULL, track), ns));
}

static void instant(struct timeline_pen *pen, uint64_t ns, uint32_t track, const char *name, const struct event *e)
{
    struct chrome *c = (struct chrome *)pen;
    char *p = put_time(open_object(c, 'i', name, track), ns);
    p = PUT_LITERAL(p, ",\"s\":\"t\"");
    close_object(c, put_args(p, c, e));
}

static void count(struct timeline_pen *pen, uint64_t ns, uint32_t track, uint64_t value)
{
    static const char *const names[] = {"instructions", "instructions per microsecond", "TLB fills"};
    struct chrome *c = (struct chrome *)pen;
    char name[64], *n = PUT_LITERAL(name, "hart ");
    n = put_dec(n, timeline_hart(track));
    *n++ = ' ';
    n = put_string(n, names[timeline_slot(track) - SLOT_COUNT_INSNS]);
    *n = 0;
    char *p = put_time(open_object(c, 'C', name, track), ns);
    p = PUT_LITERAL(p, ",\"args\":{\"value\":");
    p = put_dec(p, value);
    *p++ = '}';
    close_object(c, p);
}

static void finish(struct timeline_pen *pen)
{
    char *p = trace_file_begin(pen->file, ROOM);
    trace_file_end(pen->file, PUT_LITERAL(p, "\n]}\n"));
    free(pen);
}

static struct trace_state *open(const struct trace_source *source, struct trace_file *file, uint64_t kinds)
{
    struct chrome *c = calloc(1, sizeof *c);
    if (!c)
        return NULL;
    c->pen = (struct timeline_pen){source, file, name_track, begin, end_slice, instant, count, finish};
    char *p = trace_file_begin(file, ROOM);
    trace_file_end(file, PUT_LITERAL(p, "{\"displayTimeUnit\":\"ns\",\"traceEvents\":["));
    return timeline_open(&c->pen, kinds);
}

const struct trace_format trace_format_chrome = {
    .name = "chrome",
    .other = "ctf",
    .help = "the JSON trace event format: a timeline for chrome://tracing, Perfetto and Speedscope",
    .suffixes = ".json",
    .also = timeline_also,
    .open = open,
    .event = timeline_event,
    .run = timeline_run,
    .close = timeline_close,
};
