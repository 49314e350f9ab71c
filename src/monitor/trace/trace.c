/* SPDX-License-Identifier: MIT */
#include "monitor/trace/trace.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cpu/stream.h"
#include "machine_int.h"
#include "monitor/trace/filter.h"
#include "monitor/trace/format.h"

/* Events go to the writing thread in batches of bytes (stream.h): large enough to seldom wake anybody, small enough to stay in the host's
 * caches on the way. */
enum { BATCH = 1 << 19, BATCHES = 4 };

struct batch {
    uint64_t n; /* bytes; as wide as records want to be aligned */
    char data[BATCH];
};

struct trace {
    struct event_sink sink; /* first: what emit() gets */
    struct machine *machine;
    struct filter *filter;
    struct trace_source source;
    const struct trace_format *format;
    struct trace_state *state;
    struct trace_file *file;

    /* Batches in a ring: `begun` is being filled, those from `done` up to it wait for the writer. Both count on for ever. */
    struct batch *batches; /* NULL: events are written at once */
    struct batch *filling;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t more, less; /* for the writer: a batch is full, or it shall end; for the machine: one was written */
    uint64_t begun, done;
    bool end;
    bool late;   /* the writer evaluates the condition */
    bool failed; /* the writer ran out of memory: what comes is lost */

    /* The machine's thread writes here all the time: no line of cache of it may be the writer's too. */
    char apart[128];
    struct event_stream in;
    char apart_too[128];
};

void trace_source_init(struct trace_source *s, struct machine *m)
{
    *s = (struct trace_source){.name = "vitrine",
                               .harts = m->nharts,
                               .insns_per_tick = m->opt.insns_per_tick,
                               .isa = m->opt.isa,
                               .symbols = {machine_symbols(m)}};
}

void trace_add_vm(struct trace *t, unsigned vm, const struct symbols *symbols)
{
    if (vm < ARRAY_LEN(t->source.symbols))
        t->source.symbols[vm] = symbols;
}

/* ---- The writer ---- */

static void write_event(struct trace *t, const struct event *e)
{
    if (!t->late || !(filter_kinds(t->filter) >> e->kind & 1) || filter_passes(t->filter, e))
        t->format->event(t->state, e);
}

static void write_found(struct trace *t, struct stream_reader *out, enum stream_found found)
{
    if (found == STREAM_EVENT)
        write_event(t, &out->last);
    else if (found == STREAM_NO_MEMORY)
        t->failed = true;
    else if (t->format->run && !t->late)
        t->format->run(t->state, out);
    else
        for (const struct event *e; (e = stream_event(out));)
            write_event(t, e);
}

static void *write_batches(void *arg)
{
    struct trace *t = arg;
    struct stream_reader out;
    enum stream_found found;
    stream_reader_init(&out);
    pthread_mutex_lock(&t->lock);
    for (;;) {
        while (t->done == t->begun && !t->end)
            pthread_cond_wait(&t->more, &t->lock);
        if (t->done == t->begun)
            break;
        const struct batch *b = &t->batches[t->done % BATCHES];
        pthread_mutex_unlock(&t->lock);
        const char *p = b->data;
        while (!t->failed && (found = stream_next(&out, &p, b->data + b->n)) != STREAM_END)
            write_found(t, &out, found);
        pthread_mutex_lock(&t->lock);
        t->done++;
        if (t->begun - t->done <= BATCHES / 2) /* not for each one: to wake the machine takes long */
            pthread_cond_signal(&t->less);
    }
    pthread_mutex_unlock(&t->lock);
    stream_reader_free(&out);
    return NULL;
}

static void fill(struct trace *t, struct batch *b)
{
    t->filling = b;
    t->in.at = b->data;
    t->in.limit = b->data + sizeof b->data - STREAM_MAX;
}

/* Hands the batch over and takes the next one, when that is free. */
static void hand_over(struct trace *t)
{
    t->filling->n = (uint64_t)(t->in.at - t->filling->data);
    pthread_mutex_lock(&t->lock);
    t->begun++;
    pthread_cond_signal(&t->more);
    while (t->begun - t->done == BATCHES)
        pthread_cond_wait(&t->less, &t->lock);
    pthread_mutex_unlock(&t->lock);
    fill(t, &t->batches[t->begun % BATCHES]);
}

static void is_full(struct event_stream *s)
{
    hand_over((struct trace *)((char *)s - offsetof(struct trace, in)));
}

static void emit(struct event_sink *s, const struct event *e)
{
    stream_put(&((struct trace *)s)->in, e);
}

static void emit_filtered(struct event_sink *s, const struct event *e)
{
    struct trace *t = (struct trace *)s;
    /* What the format must hear of beyond what was asked for, it gets unconditionally. */
    if (!(filter_kinds(t->filter) >> e->kind & 1) || filter_passes(t->filter, e))
        emit(s, e);
}

static void emit_live(struct event_sink *s, const struct event *e)
{
    struct trace *t = (struct trace *)s;
    if (filter_kinds(t->filter) >> e->kind & 1 && !filter_passes(t->filter, e))
        return;
    t->format->event(t->state, e);
    trace_file_flush(t->file);
}

static void start_writer(struct trace *t)
{
    t->batches = trace_file_live(t->file) ? NULL : malloc(BATCHES * sizeof *t->batches);
    t->sink.emit = emit_live;
    if (!t->batches)
        return;
    pthread_mutex_init(&t->lock, NULL);
    pthread_cond_init(&t->more, NULL);
    pthread_cond_init(&t->less, NULL);
    if (pthread_create(&t->thread, NULL, write_batches, t)) {
        free(t->batches); /* without a thread: slower, with the same bytes */
        t->batches = NULL;
        return;
    }
    fill(t, t->batches);
    t->in.serials = &machine_events(t->machine)->serials;
    t->in.serial = ++*t->in.serials;
    t->in.full = is_full;
    /* A condition on registers must be looked at while the hart has them. */
    const bool now = filter_has_condition(t->filter) && filter_has_registers(t->filter);
    t->late = filter_has_condition(t->filter) && !now;
    t->sink.emit = now ? emit_filtered : emit;
    t->sink.stream = now ? NULL : &t->in;
}

static void stop_writer(struct trace *t)
{
    if (!t->batches)
        return;
    if (t->in.at != t->filling->data)
        hand_over(t);
    pthread_mutex_lock(&t->lock);
    t->end = true;
    pthread_cond_signal(&t->more);
    pthread_mutex_unlock(&t->lock);
    pthread_join(t->thread, NULL);
    pthread_mutex_destroy(&t->lock);
    pthread_cond_destroy(&t->more);
    pthread_cond_destroy(&t->less);
    free(t->batches);
    t->batches = NULL;
}

/* ---- Opening and closing ---- */

static void release(struct trace *t)
{
    filter_free(t->filter);
    free(t);
}

/* Chooses the format by its name, or by the file's. */
static bool choose_format(struct trace *t, const char *name, const char *file, struct err *e)
{
    t->format = name ? trace_format_named(name) : trace_format_of_file(file);
    if (t->format)
        return true;
    char known[256] = "";
    for (unsigned i = 0; trace_format(i); i++) {
        size_t n = strlen(known);
        snprintf(known + n, sizeof known - n, "%s%s", i ? ", " : "", trace_format(i)->name);
    }
    err_set(e, -EINVAL, "--trace-format %s: no such format: there are %s", name, known);
    return false;
}

struct trace *trace_open(struct machine *m, const struct trace_options *o, struct err *e)
{
    struct trace *t = calloc(1, sizeof *t);
    const char *rest, *file = o->file;
    if (!t) {
        err_set(e, -ENOMEM, "--trace: out of memory");
        return NULL;
    }
    t->machine = m;
    trace_source_init(&t->source, m);
    t->filter = filter_new(m, "--trace", o->what, &rest, e);
    if (t->filter && *rest == ':')
        file = rest + 1;
    if (!t->filter || !choose_format(t, o->format, file, e) || !(t->file = trace_file_open(file, "--trace", e))) {
        release(t);
        return NULL;
    }
    uint64_t kinds = filter_kinds(t->filter);
    t->state = t->format->open(&t->source, t->file, kinds);
    if (!t->state) {
        err_set(e, -ENOMEM, "--trace: out of memory");
        (void)!trace_file_close(t->file, NULL);
        release(t);
        return NULL;
    }
    t->sink.kinds = kinds | (t->format->also ? t->format->also(kinds) : 0);
    start_writer(t);
    event_hub_add(machine_events(m), &t->sink);
    return t;
}

int trace_close(struct trace *t, struct err *e)
{
    if (!t)
        return 0;
    event_hub_remove(machine_events(t->machine), &t->sink);
    stop_writer(t);
    t->format->close(t->state);
    if (t->failed)
        err_set(e, -ENOMEM, "--trace: out of memory: the file is not complete");
    struct err why = {.text = ""};
    int rc = trace_file_close(t->file, &why);
    if (rc)
        err_set(e, rc, "--trace: %s: is the disk full?", why.text);
    rc = rc ? rc : t->failed ? -ENOMEM : 0;
    release(t);
    return rc;
}
