/* SPDX-License-Identifier: MIT */
/* Writes the packed format: see pack.h. */
#include "monitor/trace/pack.h"

#include <stdio.h>
#include <stdlib.h>

#include "cpu/decode.h"
#include "cpu/stream.h"
#include "monitor/trace/pb.h"
#include "symbols.h"

enum { REG = 1, REG_OLD, REG_NEW, MEM, MEM_SIZE, MEM_OLD, MEM_NEW };

struct pack {
    struct trace_state state; /* first */
    struct pack_model m;
    bool begun;  /* the header is written: not before the first event, for symbols may come until then */
    bool failed; /* out of memory: what comes is lost */
    const char *text[PACK_TEXTS];
};

static char *put_word(char *p, uint64_t v, unsigned bytes)
{
    memcpy(p, &v, 8);
    return p + bytes;
}

static char *put_text(char *p, const char *s)
{
    size_t n = strnlen(s, PACK_TEXT_MAX);
    p = pb_varint(p, n);
    memcpy(p, s, n);
    return p + n;
}

/* ---- Instructions ---- */

/* An EV_INSN in what its record has. Only ever a local variable of functions that are inlined: it never lies in memory. */
struct retired {
    uint64_t clock, insn, pc, reg_old, reg_new, mem, mem_old, mem_new;
    uint64_t what; /* PACK_WHAT() */
    uint8_t hart, mode;
};
#define INLINED static inline __attribute__((always_inline))

INLINED unsigned reg_of(const struct retired *i)
{
    return i->what >> 40 & 255;
}

INLINED unsigned size_of(const struct retired *i)
{
    return (unsigned)(i->what >> 48);
}

/* Is what the event says of memory what the registers foretell? All but what a store overwrote. */
INLINED bool memory_foretold(const struct pack_code *c, const struct pack_hart *h, const struct retired *i)
{
    if (c->access == PACK_OTHER || i->mem != h->reg[c->rs1] + (uint64_t)(int64_t)c->imm)
        return false;
    uint64_t v = i->mem_new;
    if (c->access == PACK_STORE)
        return v == (h->reg[c->rs2] & pack_mask(c->size)) && reg_of(i) == EVENT_REG_NONE;
    return i->mem_old == v && v == (i->reg_new & pack_mask(c->size)) && i->reg_new == pack_extend(c, v);
}

/* What must be told of an instruction beside the differences. */
INLINED unsigned to_tell(const struct pack_model *m, struct pack_code *c, const struct pack_hart *h,
                         const struct retired *i)
{
    unsigned told = 0;
    if (UNLIKELY(i->pc != h->last->next))
        told |= PACK_PC;
    if (UNLIKELY(c->pc != i->pc || c->what != i->what)) {
        told |= PACK_CODE;
        pack_code_set(c, i->pc, (uint32_t)i->what, (uint8_t)reg_of(i), (uint8_t)size_of(i));
    }
    if (UNLIKELY(i->reg_old != h->reg[reg_of(i)]))
        told |= PACK_REG_OLD;
    if (size_of(i) && UNLIKELY(!memory_foretold(c, h, i)))
        told |= PACK_MEMORY;
    if (UNLIKELY(i->mode != h->mode))
        told |= PACK_MODE;
    if (UNLIKELY(i->clock != m->clock + 1 || i->insn != h->insn + 1))
        told |= PACK_COUNTS;
    if (UNLIKELY(i->hart != m->current))
        told |= PACK_HART;
    return told;
}

INLINED char *put_told(char *p, unsigned told, const struct retired *i)
{
    *p++ = (char)told;
    if (told & PACK_HART)
        *p++ = (char)i->hart;
    if (told & PACK_PC)
        p = put_word(p, i->pc, 8);
    if (told & PACK_CODE) {
        p = put_word(p, i->what, 4);
        *p++ = (char)reg_of(i);
        *p++ = (char)size_of(i);
    }
    if (told & PACK_REG_OLD)
        p = put_word(p, i->reg_old, 8);
    if (told & PACK_MEMORY) {
        p = put_word(p, i->mem, 8);
        p = put_word(p, i->mem_old, 8);
        p = put_word(p, i->mem_new, 8);
    }
    if (told & PACK_MODE)
        *p++ = (char)i->mode;
    if (told & PACK_COUNTS) {
        p = put_word(p, i->clock, 8);
        p = put_word(p, i->insn, 8);
    }
    return p;
}

INLINED char *put_insn(struct pack_model *m, char *p, const struct retired *i)
{
    struct pack_hart *h = &m->hart[i->hart];
    struct pack_code *c = pack_code_at(m, i->pc);
    unsigned told = to_tell(m, c, h, i);
    uint64_t z = pack_zigzag(i->reg_old, i->reg_new), z2 = 0;
    if (c->access == PACK_STORE && !(told & PACK_MEMORY))
        z2 = pack_zigzag(i->mem_new, i->mem_old);
    unsigned n = pack_length(z), n2 = pack_length(z2);
    *p++ = (char)((told ? 0 : PACK_TAG_FORETOLD) | n2 << 3 | n);
    if (UNLIKELY(told))
        p = put_told(p, told, i);
    p = put_word(p, z, pack_bytes(n));
    p = put_word(p, z2, pack_bytes(n2));
    m->clock = i->clock;
    m->current = i->hart;
    h->insn = i->insn;
    h->mode = i->mode;
    h->last->next = i->pc;
    h->last = c;
    if (reg_of(i) != EVENT_REG_NONE)
        h->reg[reg_of(i)] = i->reg_new;
    return p;
}

static char *put_insn_event(struct pack_model *m, char *p, const struct event *e)
{
    const struct retired i = {.clock = e->clock,
                              .insn = e->insn,
                              .pc = e->pc,
                              .reg_old = e->a[REG_OLD],
                              .reg_new = e->a[REG_NEW],
                              .mem = e->a[MEM],
                              .mem_old = e->a[MEM_OLD],
                              .mem_new = e->a[MEM_NEW],
                              .what = PACK_WHAT(e->a[0], e->a[REG], e->a[MEM_SIZE]),
                              .hart = e->hart,
                              .mode = e->mode};
    return put_insn(m, p, &i);
}

/* Can put_insn() tell it? What nobody emits but a test: a machine's own instruction has no more than this. */
static bool is_plain(const struct event *e)
{
    if (e->vm || e->text || e->a[0] > UINT32_MAX || e->a[REG] > EVENT_REG_NONE || e->a[MEM_SIZE] > 255)
        return false;
    if (e->a[REG] == EVENT_REG_NONE && (e->a[REG_OLD] || e->a[REG_NEW]))
        return false;
    return e->a[MEM_SIZE] || !(e->a[MEM] | e->a[MEM_OLD] | e->a[MEM_NEW]);
}

/* ---- Other events ---- */

/* The number of a text, from 1: a new one follows; so does one numbered PACK_TEXTS + 1, each time. 0: none. */
static char *put_text_of(struct pack *t, char *p, const char *text)
{
    unsigned i = 0;
    if (!text) {
        *p++ = 0;
        return p;
    }
    while (i < t->m.ntexts && t->text[i] != text)
        i++;
    p = pb_varint(p, i + 1);
    if (i < t->m.ntexts)
        return p;
    if (i < PACK_TEXTS)
        t->text[t->m.ntexts++] = text;
    return put_text(p, text);
}

static char *put_event(struct pack *t, char *p, const struct event *e)
{
    struct pack_model *m = &t->m;
    *p++ = (char)(PACK_TAG_EVENT | e->kind);
    *p++ = (char)e->hart;
    *p++ = (char)e->vm;
    *p++ = (char)e->mode;
    p = pb_varint(p, pack_zigzag(m->event_clock, e->clock));
    p = pb_varint(p, pack_zigzag(m->event_insn, e->insn));
    p = pb_varint(p, pack_zigzag(m->event_pc, e->pc));
    m->event_clock = e->clock;
    m->event_insn = e->insn;
    m->event_pc = e->pc;
    p = put_text_of(t, p, e->text);
    for (unsigned i = 0; i < event_rows[e->kind].nargs; i++)
        p = pb_varint(p, e->a[i]);
    return p;
}

/* ---- The header ---- */

static void write_varint(struct trace_file *f, uint64_t v)
{
    char *p = trace_file_begin(f, 16);
    trace_file_end(f, pb_varint(p, v));
}

static void write_text(struct trace_file *f, const char *s)
{
    char *p = trace_file_begin(f, PACK_RECORD_MAX);
    trace_file_end(f, put_text(p, s));
}

static void write_symbols(struct trace_file *f, const struct trace_source *s)
{
    char line[PACK_TEXT_MAX + 1];
    struct symbol_info info;
    for (unsigned vm = 0; vm < TRACE_VMS; vm++)
        for (size_t i = 0; s->symbols[vm] && symbols_prefixed(s->symbols[vm], "", i, &info); i++) {
            snprintf(line, sizeof line, "%u %llx %llx %d %s", vm, (unsigned long long)info.value,
                     (unsigned long long)info.size, (int)info.kind, info.name);
            write_text(f, line);
        }
    write_text(f, "");
}

static void write_header(struct trace_file *f, const struct trace_source *s)
{
    static const struct {
        const char *name;
        size_t at;
    } isa[] = {
#define ISA(field, name, on, dt) {name, offsetof(struct isa, field)},
#include "cpu/isa.def"
#undef ISA
    };
    trace_file_write(f, PACK_MAGIC, sizeof PACK_MAGIC - 1);
    write_varint(f, s->insns_per_tick);
    write_varint(f, s->harts);
    write_text(f, s->name);
    write_varint(f, EV_KINDS);
    for (unsigned k = 0; k < EV_KINDS; k++) {
        write_text(f, event_rows[k].name);
        write_varint(f, event_rows[k].nargs);
    }
    write_varint(f, ARRAY_LEN(isa));
    for (unsigned i = 0; i < ARRAY_LEN(isa); i++) {
        write_text(f, isa[i].name);
        write_varint(f, *(const bool *)((const char *)&s->isa + isa[i].at));
    }
    write_symbols(f, s);
}

static inline void begin(struct pack *t)
{
    if (LIKELY(t->begun))
        return;
    t->begun = true;
    write_header(t->state.file, t->state.source);
}

/* ---- The format ---- */

static void event(struct trace_state *state, const struct event *e)
{
    struct pack *t = (struct pack *)state;
    begin(t);
    char *p = trace_file_begin(state->file, PACK_RECORD_MAX);
    p = LIKELY(e->kind == EV_INSN && is_plain(e)) ? put_insn_event(&t->m, p, e) : put_event(t, p, e);
    trace_file_end(state->file, p);
}

/* ---- Runs ---- */

/* What a hart is at: the registers that something else than an instruction has changed meanwhile are among the differences. */
static char *put_state(struct pack_model *m, char *p, const struct stream_reader *r)
{
    struct pack_state *last = &m->state[r->hart];
    uint64_t differ = 0;
    *p++ = (char)PACK_TAG_STATE;
    *p++ = (char)r->hart;
    *p++ = (char)r->vm;
    p = pb_varint(p, pack_zigzag(m->state_clock, r->clock));
    p = pb_varint(p, pack_zigzag(m->state_insn, r->insn));
    m->state_clock = r->clock;
    m->state_insn = r->insn;
    for (unsigned i = 0; i < STREAM_REGS; i++)
        differ |= (uint64_t)(last->reg[i] != r->reg[i]) << i;
    p = put_word(p, differ, 8);
    for (; differ; differ &= differ - 1) {
        unsigned i = (unsigned)__builtin_ctzll(differ);
        p = pb_varint(p, pack_zigzag(last->reg[i], r->reg[i]));
        last->reg[i] = r->reg[i];
    }
    return p;
}

static char *put_block(char *p, const struct stream_code *c)
{
    unsigned at = 0;
    *p++ = (char)PACK_TAG_BLOCK;
    p = pb_varint(p, c->id);
    p = pb_varint(p, c->n);
    for (unsigned i = 0; i < c->n; i++) {
        const struct stream_insn *t = &c->insn[i];
        const unsigned length = insn_length(t->raw);
        p = put_word(p, t->raw, length);
        p = pb_varint(p, pack_zigzag(at, t->off));
        at = t->off + length;
    }
    return p;
}

static char *put_way(struct pack_model *m, char *p, struct pack_run run)
{
    struct pack_block *b = m->behind;
    unsigned i = 0;
    while (i < PACK_NEXT && (b->next[i].what != run.what || b->next[i].page != run.page))
        i++;
    *p++ = (char)(PACK_TAG_RUN + i);
    if (UNLIKELY(i == PACK_NEXT)) {
        p = pb_varint(p, run.what >> 32);
        *p++ = (char)(run.what >> 8);
        *p++ = (char)(run.what >> 16);
        *p++ = (char)(run.what >> 24);
        p = pb_varint(p, pack_zigzag(m->page, run.page));
    }
    pack_came_behind(b, i, run);
    m->page = run.page;
    return p;
}

static inline uint64_t take_word(uint64_t *last, const char *from)
{
    uint64_t old = *last, new;
    memcpy(&new, from, 8);
    *last = new;
    return pack_zigzag(old, new);
}

static char *put_words(char *p, uint64_t *last, const char *word, unsigned n)
{
    for (; n >= 2; n -= 2, word += 16, last += 2) {
        const uint64_t z = take_word(last, word), z2 = take_word(last + 1, word + 8);
        const unsigned bytes = pack_word_bytes(z), bytes2 = pack_word_bytes(z2);
        *p = (char)(bytes | bytes2 << 4);
        put_word(p + 1, z, 0);
        put_word(p + 1 + bytes, z2, 0);
        p += 1 + bytes + bytes2;
    }
    if (n) {
        const uint64_t z = take_word(last, word);
        *p = (char)pack_word_bytes(z);
        p = put_word(p + 1, z, pack_word_bytes(z));
    }
    return p;
}

static void run(struct trace_state *state, struct stream_reader *r)
{
    struct pack *t = (struct pack *)state;
    struct pack_model *m = &t->m;
    struct stream_code *c = r->code;
    begin(t);
    char *p = trace_file_begin(state->file, 3 * PACK_RECORD_MAX);
    if (UNLIKELY(r->fresh))
        p = put_state(m, p, r);
    r->fresh = false;
    if (UNLIKELY(!c->serial)) { /* it was told of anew */
        t->failed |= !pack_block_new(m, c->id);
        c->serial = 1;
        p = put_block(p, c);
    }
    if (UNLIKELY(t->failed))
        return;
    const unsigned first = r->i, words = c->insn[first].words;
    p = put_way(m, p, (struct pack_run){PACK_RUN(c->id, first, r->end - first, r->mode), r->page});
    m->behind = m->block[c->id];
    p = put_words(p, &m->behind->word[words], r->word, c->insn[r->end].words - words);
    stream_skip(r, r->end);
    trace_file_end(state->file, p);
}

static void close(struct trace_state *state)
{
    struct pack *t = (struct pack *)state;
    begin(t);
    pack_model_free(&t->m);
    free(t);
}

static struct trace_state *open(const struct trace_source *source, struct trace_file *file, uint64_t kinds)
{
    struct pack *t = calloc(1, sizeof *t);
    if (!t)
        return NULL;
    t->state = (struct trace_state){source, file, kinds};
    if (!pack_model_init(&t->m)) {
        free(t);
        return NULL;
    }
    return &t->state;
}

const struct trace_format trace_format_pack = {
    .name = "pack",
    .help = "every event in a few bytes, for `vitrine trace` to turn into the others: the fastest by far",
    .suffixes = ".vtrace",
    .open = open,
    .event = event,
    .run = run,
    .close = close,
};
