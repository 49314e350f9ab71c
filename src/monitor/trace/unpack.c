/* SPDX-License-Identifier: MIT */
#include "monitor/trace/unpack.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <zstd.h>

#include "cpu/isa.h"
#include "cpu/observe.h"
#include "monitor/trace/filter.h"
#include "monitor/trace/pack.h"
#include "symbols.h"

enum { BUFFER = 1 << 18, REG = 1, REG_OLD, REG_NEW, MEM, MEM_SIZE, MEM_OLD, MEM_NEW };

struct unpack {
    FILE *file;
    const char *name;
    ZSTD_DCtx *zstd; /* NULL: it is not compressed */
    char *packed;    /* read, not yet unpacked by zstd */
    ZSTD_inBuffer in;
    unsigned char *buf; /* BUFFER bytes, and as many zeroes behind them as a record may have */
    size_t at, n;
    bool eof;

    struct trace_source source;
    char source_name[PACK_TEXT_MAX + 1];
    struct symbols *symbols[TRACE_VMS];
    unsigned kinds; /* of the file; each one's own and its number of arguments: */
    struct {
        uint8_t kind; /* EV_KINDS: it has none here */
        uint8_t nargs;
    } kind[64];
    struct pack_model m;
    struct decode_table *decoder;
    struct stream_reader reader;
    union { /* the record at hand, as the reader takes it */
        char bytes[STREAM_MAX];
        uint64_t words[STREAM_MAX / 8];
        struct stream_state state;
        struct stream_run run;
        struct stream_whole whole;
    } record;
    char (*text)[PACK_TEXT_MAX + 1];
};

/* ---- Bytes ---- */

static size_t read_plain(struct unpack *u, unsigned char *to, size_t n)
{
    return fread(to, 1, n, u->file);
}

static size_t read_zstd(struct unpack *u, unsigned char *to, size_t n)
{
    ZSTD_outBuffer out = {.dst = to, .size = n};
    while (out.pos < n) {
        if (u->in.pos == u->in.size) {
            u->in = (ZSTD_inBuffer){.src = u->packed, .size = fread(u->packed, 1, BUFFER, u->file)};
            if (!u->in.size)
                break;
        }
        if (ZSTD_isError(ZSTD_decompressStream(u->zstd, &out, &u->in)))
            break;
    }
    return out.pos;
}

/* Makes a whole record available, or all that is left and zeroes behind it. */
static void refill(struct unpack *u)
{
    if (u->n - u->at >= PACK_RECORD_MAX || u->eof)
        return;
    memmove(u->buf, u->buf + u->at, u->n - u->at);
    u->n -= u->at;
    u->at = 0;
    size_t room = BUFFER - u->n, got = u->zstd ? read_zstd(u, u->buf + u->n, room) : read_plain(u, u->buf + u->n, room);
    u->n += got;
    u->eof = got < room;
    memset(u->buf + u->n, 0, PACK_RECORD_MAX);
}

static unsigned get_byte(struct unpack *u)
{
    return u->at < u->n + PACK_RECORD_MAX ? u->buf[u->at++] : 0;
}

static uint64_t get_bytes(struct unpack *u, unsigned n)
{
    uint64_t v = 0;
    for (unsigned i = 0; i < n; i++)
        v |= (uint64_t)get_byte(u) << 8 * i;
    return v;
}

static uint64_t get_varint(struct unpack *u)
{
    uint64_t v = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
        unsigned b = get_byte(u);
        v |= (uint64_t)(b & 127) << shift;
        if (b < 128)
            break;
    }
    return v;
}

/* buf: PACK_TEXT_MAX + 1 bytes. False: longer than any. */
static bool get_text(struct unpack *u, char *buf)
{
    uint64_t n = get_varint(u);
    if (n > PACK_TEXT_MAX)
        return false;
    for (unsigned i = 0; i < n; i++)
        buf[i] = (char)get_byte(u);
    buf[n] = 0;
    return true;
}

/* ---- The header ---- */

static bool get_kinds(struct unpack *u)
{
    char name[PACK_TEXT_MAX + 1];
    uint64_t n = get_varint(u);
    if (n > ARRAY_LEN(u->kind))
        return false;
    u->kinds = (unsigned)n;
    for (unsigned i = 0; i < n; i++) {
        refill(u);
        if (!get_text(u, name))
            return false;
        uint64_t nargs = get_varint(u);
        if (nargs > EVENT_ARGS)
            return false;
        u->kind[i].nargs = (uint8_t)nargs;
        u->kind[i].kind = EV_KINDS;
        for (unsigned k = 0; k < EV_KINDS; k++)
            if (!strcmp(event_rows[k].name, name) && event_rows[k].nargs == nargs)
                u->kind[i].kind = (uint8_t)k;
    }
    return true;
}

static bool get_isa(struct unpack *u)
{
    static const struct {
        const char *name;
        size_t at;
    } rows[] = {
#define ISA(field, name, on, dt) {name, offsetof(struct isa, field)},
#include "cpu/isa.def"
#undef ISA
    };
    char name[PACK_TEXT_MAX + 1];
    isa_default(&u->source.isa);
    for (uint64_t n = get_varint(u); n; n--) {
        refill(u);
        if (u->at >= u->n || !get_text(u, name))
            return false;
        bool on = get_varint(u) != 0;
        for (unsigned i = 0; i < ARRAY_LEN(rows); i++)
            if (!strcmp(rows[i].name, name))
                *(bool *)((char *)&u->source.isa + rows[i].at) = on;
    }
    return true;
}

static bool get_symbols(struct unpack *u)
{
    char line[PACK_TEXT_MAX + 1], name[PACK_TEXT_MAX + 1];
    for (;;) {
        unsigned vm, kind;
        unsigned long long value, size;
        refill(u);
        if (u->at >= u->n || !get_text(u, line))
            return false;
        if (!*line)
            break;
        if (sscanf(line, "%u %llx %llx %u %255s", &vm, &value, &size, &kind, name) != 5 || vm >= TRACE_VMS ||
            kind > SYMBOL_DATA)
            return false;
        if (!u->symbols[vm])
            u->symbols[vm] = symbols_new();
        if (!u->symbols[vm] || !symbols_add(u->symbols[vm], name, value, size, (enum symbol_kind)kind))
            return false;
    }
    for (unsigned vm = 0; vm < TRACE_VMS; vm++) {
        if (u->symbols[vm])
            symbols_sort(u->symbols[vm]);
        u->source.symbols[vm] = u->symbols[vm];
    }
    return true;
}

static bool get_header(struct unpack *u)
{
    refill(u);
    if (u->n < sizeof PACK_MAGIC - 1 || memcmp(u->buf, PACK_MAGIC, sizeof PACK_MAGIC - 1))
        return false;
    u->at = sizeof PACK_MAGIC - 1;
    u->source.insns_per_tick = get_varint(u);
    u->source.harts = (unsigned)get_varint(u);
    if (!get_text(u, u->source_name) || !u->source.insns_per_tick)
        return false;
    u->source.name = u->source_name;
    return get_kinds(u) && get_isa(u) && get_symbols(u);
}

struct unpack *unpack_open_stream(FILE *f, const char *name, struct err *e)
{
    struct unpack *u = calloc(1, sizeof *u);
    size_t length = strlen(name);
    bool zstd = length > 4 && !strcmp(name + length - 4, ".zst");
    if (u) {
        u->file = f;
        u->name = name;
        u->buf = calloc(1, BUFFER + 2 * PACK_RECORD_MAX);
        u->text = calloc(PACK_TEXTS + 1, sizeof *u->text);
        u->zstd = zstd ? ZSTD_createDCtx() : NULL;
        u->packed = zstd ? malloc(BUFFER) : NULL;
        stream_reader_init(&u->reader);
    } else {
        fclose(f);
    }
    if (!u || !u->buf || !u->text || !pack_model_init(&u->m) || (zstd && (!u->zstd || !u->packed)))
        err_set(e, -ENOMEM, "%s: out of memory", name);
    else if (!get_header(u))
        err_set(e, -EINVAL, "%s: not a packed trace of this version: make one by --trace KINDS:FILE.vtrace", name);
    else if (!(u->decoder = decode_table_new(&u->source.isa)))
        err_set(e, -ENOMEM, "%s: out of memory", name);
    else
        return u;
    unpack_close(u);
    return NULL;
}

struct unpack *unpack_open(const char *file, struct err *e)
{
    FILE *f = fopen(file, "rb");
    if (f)
        return unpack_open_stream(f, file, e);
    err_set(e, -errno, "%s: %s", file, strerror(errno));
    return NULL;
}

void unpack_close(struct unpack *u)
{
    if (!u)
        return;
    if (u->file)
        fclose(u->file);
    for (unsigned vm = 0; vm < TRACE_VMS; vm++)
        symbols_free(u->symbols[vm]);
    ZSTD_freeDCtx(u->zstd);
    pack_model_free(&u->m);
    stream_reader_free(&u->reader);
    decode_table_free(u->decoder);
    free(u->packed);
    free(u->text);
    free(u->buf);
    free(u);
}

const struct trace_source *unpack_source(const struct unpack *u)
{
    return &u->source;
}

/* ---- Records: each function mirrors its other half in format_pack.c ---- */

static void get_insn(struct unpack *u, unsigned tag, struct event *e)
{
    struct pack_model *m = &u->m;
    unsigned told = tag & PACK_TAG_FORETOLD ? 0 : get_byte(u);
    *e = (struct event){.kind = EV_INSN};
    e->hart = told & PACK_HART ? (uint8_t)get_byte(u) : m->current;
    struct pack_hart *h = &m->hart[e->hart];
    e->pc = told & PACK_PC ? get_bytes(u, 8) : h->last->next;
    struct pack_code *c = pack_code_at(m, e->pc);
    if (told & PACK_CODE) {
        uint32_t raw = (uint32_t)get_bytes(u, 4);
        uint8_t reg = (uint8_t)get_byte(u);
        pack_code_set(c, e->pc, raw, reg, (uint8_t)get_byte(u));
    }
    e->a[0] = c->raw;
    e->a[REG] = c->reg;
    e->a[MEM_SIZE] = c->size;
    e->a[REG_OLD] = told & PACK_REG_OLD ? get_bytes(u, 8) : h->reg[c->reg];
    if (told & PACK_MEMORY) {
        e->a[MEM] = get_bytes(u, 8);
        e->a[MEM_OLD] = get_bytes(u, 8);
        e->a[MEM_NEW] = get_bytes(u, 8);
    }
    e->mode = told & PACK_MODE ? (uint8_t)get_byte(u) : h->mode;
    e->clock = told & PACK_COUNTS ? get_bytes(u, 8) : m->clock + 1;
    e->insn = told & PACK_COUNTS ? get_bytes(u, 8) : h->insn + 1;
    e->a[REG_NEW] = pack_unzigzag(e->a[REG_OLD], get_bytes(u, pack_bytes(tag & 7)));
    uint64_t over = get_bytes(u, pack_bytes(tag >> 3 & 7));
    if (c->access != PACK_NO_MEMORY && !(told & PACK_MEMORY)) {
        e->a[MEM] = h->reg[c->rs1] + (uint64_t)(int64_t)c->imm;
        e->a[MEM_NEW] = (c->access == PACK_STORE ? h->reg[c->rs2] : e->a[REG_NEW]) & pack_mask(c->size);
        e->a[MEM_OLD] = pack_unzigzag(e->a[MEM_NEW], over);
    }
    m->clock = e->clock;
    m->current = e->hart;
    h->insn = e->insn;
    h->mode = e->mode;
    h->last->next = e->pc;
    h->last = c;
    h->reg[c->reg] = e->a[REG_NEW];
    h->reg[EVENT_REG_NONE] = 0;
}

static void get_state(struct unpack *u)
{
    struct pack_model *m = &u->m;
    struct stream_state *to = &u->record.state;
    unsigned hart = get_byte(u);
    struct pack_state *last = &m->state[hart];
    to->what = STREAM_STATE | hart << 8 | get_byte(u) << 16;
    m->state_clock = to->clock = pack_unzigzag(m->state_clock, get_varint(u));
    m->state_insn = to->insn = pack_unzigzag(m->state_insn, get_varint(u));
    for (uint64_t differ = get_bytes(u, 8); differ; differ &= differ - 1) {
        unsigned i = (unsigned)__builtin_ctzll(differ);
        last->reg[i] = pack_unzigzag(last->reg[i], get_varint(u));
    }
    last->reg[0] = 0;
    memcpy(to->reg, last->reg, sizeof to->reg);
}

static bool get_block(struct unpack *u)
{
    const uint64_t id = get_varint(u), n = get_varint(u);
    unsigned at = 0, words = 0;
    if (id >= PACK_BLOCKS || !n || n > PACK_BLOCK_INSNS || !pack_block_new(&u->m, (uint32_t)id))
        return false;
    u->record.words[0] = STREAM_CODE | n << 8 | id << 32;
    struct stream_insn *t = (struct stream_insn *)(void *)&u->record.words[1];
    for (unsigned i = 0; i < n; i++, t++) {
        uint32_t raw = (uint32_t)get_bytes(u, 2);
        if (insn_length(raw) == 4)
            raw |= (uint32_t)get_bytes(u, 2) << 16;
        const uint64_t off = pack_unzigzag(at, get_varint(u));
        struct insn insn = decode(u->decoder, raw);
        if (off >= PAGE_SIZE || !observe_in_blocks(&insn, false))
            return false;
        observe_describe(&insn, (unsigned)off, t);
        t->words = (uint8_t)words;
        words += stream_has_word(t);
        at = (unsigned)off + insn.len;
    }
    *t = (struct stream_insn){.words = (uint8_t)words};
    return true;
}

/* A run's words. */
static bool get_words(struct unpack *u, uint64_t *last, uint64_t *to, unsigned n)
{
    for (unsigned i = 0, bytes = 0; i < n; i++) {
        bytes = i % 2 ? bytes >> 4 : get_byte(u);
        if ((bytes & 15) > 8)
            return false;
        to[i] = last[i] = pack_unzigzag(last[i], get_bytes(u, bytes & 15));
    }
    return true;
}

static bool get_run(struct unpack *u, unsigned tag)
{
    struct pack_model *m = &u->m;
    const unsigned way = tag - PACK_TAG_RUN;
    struct pack_run run;
    if (way < PACK_NEXT) {
        run = m->behind->next[way];
    } else {
        const uint64_t id = get_varint(u);
        const unsigned first = get_byte(u), n = get_byte(u), mode = get_byte(u);
        run.what = PACK_RUN(id, first, n, mode);
        run.page = pack_unzigzag(m->page, get_varint(u));
    }
    const uint64_t id = run.what >> 32;
    const unsigned first = run.what >> 8 & 255, end = first + (run.what >> 16 & 255);
    if ((run.what & 255) != STREAM_RUN || id >= m->blocks || !m->block[id] || end > u->reader.codes[id]->n)
        return false;
    const struct stream_insn *t = u->reader.codes[id]->insn;
    pack_came_behind(m->behind, way, run);
    m->page = run.page;
    m->behind = m->block[id];
    u->record.run = (struct stream_run){run.what, run.page};
    return get_words(u, &m->behind->word[t[first].words], &u->record.words[2], t[end].words - t[first].words);
}

static bool get_event(struct unpack *u, unsigned tag, struct event *e)
{
    struct pack_model *m = &u->m;
    unsigned kind = tag & 127;
    if (kind >= u->kinds)
        return false;
    *e = (struct event){.kind = u->kind[kind].kind};
    e->hart = (uint8_t)get_byte(u);
    e->vm = (uint8_t)get_byte(u);
    e->mode = (uint8_t)get_byte(u);
    m->event_clock = e->clock = pack_unzigzag(m->event_clock, get_varint(u));
    m->event_insn = e->insn = pack_unzigzag(m->event_insn, get_varint(u));
    m->event_pc = e->pc = pack_unzigzag(m->event_pc, get_varint(u));
    uint64_t text = get_varint(u);
    if (text > m->ntexts + 1)
        return false;
    if (text == m->ntexts + 1) {
        if (!get_text(u, u->text[text - 1]))
            return false;
        m->ntexts += m->ntexts < PACK_TEXTS;
    }
    e->text = text ? u->text[text - 1] : NULL;
    for (unsigned i = 0; i < u->kind[kind].nargs; i++)
        e->a[i] = get_varint(u);
    return true;
}

/* Takes a record apart for the reader. */
static bool get_record(struct unpack *u)
{
    struct event *e = &u->record.whole.e;
    const unsigned tag = get_byte(u);
    u->record.whole.what = STREAM_WHOLE;
    e->kind = EV_KINDS;
    if (tag >= PACK_TAG_RUN && tag <= PACK_TAG_RUN_TOLD)
        return get_run(u, tag);
    if (tag == PACK_TAG_BLOCK)
        return get_block(u);
    if (tag & PACK_TAG_EVENT && tag != PACK_TAG_STATE)
        return get_event(u, tag, e);
    if (tag == PACK_TAG_STATE)
        get_state(u);
    else
        get_insn(u, tag, e);
    return true;
}

int unpack_next(struct unpack *u, struct event *e, struct err *why)
{
    for (;;) {
        const struct event *next = stream_event(&u->reader);
        if (!next) {
            const char *p = u->record.bytes;
            refill(u);
            if (u->at >= u->n)
                return 0;
            if (!get_record(u) || u->at > u->n)
                return err_set(why, -EINVAL, "%s: damaged, or cut short: the events until here are whole", u->name);
            enum stream_found found = stream_next(&u->reader, &p, p + 1); /* of one record */
            if (found == STREAM_NO_MEMORY)
                return err_set(why, -ENOMEM, "%s: out of memory", u->name);
            next = found == STREAM_EVENT ? &u->reader.last : NULL;
        }
        if (next && next->kind < EV_KINDS) { /* one that this version knows */
            *e = *next;
            return 1;
        }
    }
}

/* ---- Conversion ---- */

/* For whoever waits at a terminal: a line that says how far it is, now and then. */
struct progress {
    const struct unpack *u;
    off_t size; /* of the file; 0: nobody wants to know */
    uint64_t events;
    double told; /* seconds; 0: never */
};

static void tell_progress(struct progress *p)
{
    enum { OFTEN = 1 << 16 }; /* events */
    const double pause = 0.2;
    struct timespec t;
    if (++p->events % OFTEN || !p->size)
        return;
    clock_gettime(CLOCK_MONOTONIC, &t);
    const double now = (double)t.tv_sec + (double)t.tv_nsec / 1e9;
    if (now < p->told + pause)
        return;
    if (p->told > 0) /* what is done at once needs no line */
        fprintf(stderr, "\r\033[K%s: %.0f%%, %.1f million events", p->u->name,
                100.0 * (double)ftello(p->u->file) / (double)p->size, (double)p->events / 1e6);
    p->told = now;
}

static struct progress begin_progress(const struct unpack *u, bool wanted)
{
    struct stat st;
    const bool known = wanted && !fstat(fileno(u->file), &st) && S_ISREG(st.st_mode);
    return (struct progress){.u = u, .size = known ? st.st_size : 0};
}

static void end_progress(const struct progress *p)
{
    if (p->told > 0)
        fprintf(stderr, "\r\033[K");
}

int unpack_convert(const struct unpack_options *o, struct err *e)
{
    const char *rest, *to = o->to ? o->to : "-";
    const struct trace_format *format = o->format ? trace_format_named(o->format) : trace_format_of_file(to);
    if (!format)
        return err_set(e, -EINVAL, "--trace-format %s: no such format", o->format);
    struct filter *filter = filter_new(NULL, "vitrine trace", o->what, &rest, e);
    struct unpack *u = filter ? unpack_open(o->from, e) : NULL;
    struct trace_file *f = u ? trace_file_open(to, "vitrine trace", e) : NULL;
    uint64_t kinds = filter ? filter_kinds(filter) : 0, also = format->also ? format->also(kinds) : 0;
    struct trace_state *t = f ? format->open(unpack_source(u), f, kinds) : NULL;
    int rc = t ? 0 : f ? err_set(e, -ENOMEM, "out of memory") : -EINVAL;
    struct event ev;
    struct progress progress = {.u = u};
    if (t)
        progress = begin_progress(u, o->progress);
    while (t && (rc = unpack_next(u, &ev, e)) > 0) {
        tell_progress(&progress);
        if (kinds >> ev.kind & 1 ? filter_passes(filter, &ev) : also >> ev.kind & 1)
            format->event(t, &ev);
    }
    end_progress(&progress);
    if (t)
        format->close(t);
    struct err why = {.text = ""};
    int bad = f ? trace_file_close(f, &why) : 0;
    if (bad && !rc)
        rc = err_set(e, bad, "%s", why.text);
    unpack_close(u);
    filter_free(filter);
    return rc;
}
