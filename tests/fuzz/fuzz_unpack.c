/* SPDX-License-Identifier: MIT */
/*
 * Hostile traces, as `vitrine trace FILE` gets them. The first byte of the input: 2:0 the format to turn it into | 3 with a condition | 4 the
 * whole file is the rest, else records behind a header of ours | 5 the rest is compressed with Zstandard.
 *
 * Events that were read and packed again must come back as they were.
 */
#include "fuzz.h"

#include "cpu/isa.h"
#include "monitor/trace/filter.h"
#include "monitor/trace/pack.h"
#include "monitor/trace/unpack.h"
#include "symbols.h"

enum { EVENTS = 1024, WITH_CONDITION = 8, WHOLE_FILE = 16, COMPRESSED = 32 };

struct read_back {
    struct event e;
    char text[PACK_TEXT_MAX + 1];
};

/* A header as the machine's own traces have it. */
static char *header(size_t *size)
{
    static char *data;
    static size_t length;
    if (!data) {
        struct trace_source s = {.name = "fuzz", .harts = 2, .insns_per_tick = 100, .symbols = {symbols_new()}};
        if (!s.symbols[0] || !symbols_add((struct symbols *)s.symbols[0], "start", 0x80000000, 64, SYMBOL_FUNCTION))
            abort();
        symbols_sort((struct symbols *)s.symbols[0]);
        isa_default(&s.isa);
        struct trace_file *f = trace_file_memory(&data, &length);
        struct trace_state *t = f ? trace_format_pack.open(&s, f, 0) : NULL;
        if (!t)
            abort();
        trace_format_pack.close(t);
        symbols_free((struct symbols *)s.symbols[0]);
        if (trace_file_close(f, NULL))
            abort();
    }
    *size = length;
    return data;
}

static struct unpack *open_bytes(const void *data, size_t size, const char *name, struct err *e)
{
    FILE *f = fmemopen((void *)(uintptr_t)data, size, "rb");
    if (!f)
        abort();
    return unpack_open_stream(f, name, e);
}

/* The events of a trace into `to`, at most EVENTS; returns how many. */
static size_t read_all(struct unpack *u, struct read_back *to)
{
    struct err e = {.text = ""};
    size_t n = 0;
    int rc = 0;
    while (n < EVENTS && (rc = unpack_next(u, &to[n].e, &e)) > 0) {
        const char *text = to[n].e.text;
        FUZZ_CHECK(to[n].e.kind < EV_KINDS, "kind %u", to[n].e.kind);
        FUZZ_CHECK(!text || strlen(text) <= PACK_TEXT_MAX, "a text of %zu bytes", strlen(text));
        strcpy(to[n].text, text ? text : "");
        n++;
    }
    FUZZ_CHECK(rc >= 0 || e.text[0], "damaged, and no word why");
    return n;
}

/* What a format makes of them; the texts are where they were. */
static char *convert(const struct trace_format *format, const struct trace_source *s, struct filter *filter,
                     struct read_back *from, size_t n, size_t *size)
{
    char *data = NULL;
    uint64_t kinds = filter_kinds(filter);
    struct trace_file *f = trace_file_memory(&data, size);
    struct trace_state *t = f ? format->open(s, f, kinds) : NULL;
    if (!t)
        abort();
    for (size_t i = 0; i < n; i++) {
        if (from[i].e.text)
            from[i].e.text = from[i].text;
        if (filter_passes(filter, &from[i].e))
            format->event(t, &from[i].e);
    }
    format->close(t);
    if (trace_file_close(f, NULL))
        abort();
    return data;
}

#define PAIR(field) (unsigned long long)a->field, (unsigned long long)b->field
/* data, which packs n events: are they the same? */
static void compare(const char *data, size_t size, const struct read_back *want, size_t n)
{
    struct err e = {.text = ""};
    struct read_back *got = calloc(EVENTS, sizeof *got);
    struct unpack *u = open_bytes(data, size, "again", &e);
    FUZZ_CHECK(u && got, "what was packed again cannot be read: %s", e.text);
    size_t m = read_all(u, got);
    FUZZ_CHECK(m == n, "%zu events of %zu came back", m, n);
    for (size_t i = 0; i < n; i++) {
        const struct event *a = &want[i].e, *b = &got[i].e;
        FUZZ_CHECK(a->kind == b->kind && a->clock == b->clock && a->insn == b->insn && a->pc == b->pc &&
                       a->hart == b->hart && a->vm == b->vm && a->mode == b->mode && !a->text == !b->text &&
                       !strcmp(want[i].text, got[i].text) && !memcmp(a->a, b->a, sizeof a->a),
                   "event %zu, of kind %u: clock %llx %llx, pc %llx %llx, %llx %llx %llx %llx %llx %llx %llx %llx, "
                   "%llx %llx %llx %llx "
                   "%llx %llx %llx %llx",
                   i, a->kind, PAIR(clock), PAIR(pc), PAIR(a[0]), PAIR(a[1]), PAIR(a[2]), PAIR(a[3]), PAIR(a[4]),
                   PAIR(a[5]), PAIR(a[6]), PAIR(a[7]));
    }
    unpack_close(u);
    free(got);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct err e = {.text = ""};
    struct input in = {data, data + size};
    unsigned what = (unsigned)take(&in, 1);
    size_t before = 0, n;
    const char *own = what & WHOLE_FILE ? NULL : header(&before), *rest;
    char *file = malloc(before + left(&in) + 1);
    struct read_back *events = calloc(EVENTS, sizeof *events);
    if (!file || !events)
        abort();
    if (own)
        memcpy(file, own, before);
    memcpy(file + before, in.p, left(&in));
    size_t length = before + left(&in);
    struct unpack *u =
        open_bytes(file, length ? length : 1, what & WHOLE_FILE && what & COMPRESSED ? "f.zst" : "f", &e);
    FUZZ_CHECK(u || e.text[0], "refused, and no word why");
    FUZZ_CHECK(u || !own, "our own header is refused: %s", e.text);
    if (u) {
        struct filter *filter = filter_new(
            NULL, "fuzz", what & WITH_CONDITION ? "all,if=pc != 1 && (reg_new > 7 || cause != 2)" : "all", &rest, &e);
        const struct trace_format *format = trace_format(what & 7);
        FUZZ_CHECK(filter, "the condition is refused: %s", e.text);
        format = format ? format : &trace_format_pack;
        n = read_all(u, events);
        size_t made = 0;
        char *out = convert(format, unpack_source(u), filter, events, n, &made);
        if (format == &trace_format_pack && !(what & WITH_CONDITION))
            compare(out, made, events, n);
        free(out);
        filter_free(filter);
    }
    unpack_close(u);
    free(events);
    free(file);
    return 0;
}
