/* SPDX-License-Identifier: MIT */
/* Writes the packed format: see pack.h. */
#include "monitor/trace/pack.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/stream.h"
#include "monitor/trace/pb.h"
#include "symbols.h"

enum { REG = 1, REG_OLD, REG_NEW, MEM, MEM_SIZE, MEM_OLD, MEM_NEW };

struct pack {
    struct trace_state state; /* first */
    struct pack_model m;
    bool begun; /* the header is written: not before the first event, for symbols may come until then */
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
struct insn {
    uint64_t clock, insn, pc, reg_old, reg_new, mem, mem_old, mem_new;
    uint64_t what; /* PACK_WHAT() */
    uint8_t hart, mode;
};
#define INLINED static inline __attribute__((always_inline))

INLINED unsigned reg_of(const struct insn *i)
{
    return i->what >> 40 & 255;
}

INLINED unsigned size_of(const struct insn *i)
{
    return (unsigned)(i->what >> 48);
}

/* Is what the event says of memory what the registers foretell? All but what a store overwrote. */
INLINED bool memory_foretold(const struct pack_code *c, const struct pack_hart *h, const struct insn *i)
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
                         const struct insn *i)
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

INLINED char *put_told(char *p, unsigned told, const struct insn *i)
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

INLINED char *put_insn(struct pack_model *m, char *p, const struct insn *i)
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
    const struct insn i = {.clock = e->clock,
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

/* ---- The format ---- */

static void event(struct trace_state *state, const struct event *e)
{
    struct pack *t = (struct pack *)state;
    if (UNLIKELY(!t->begun)) {
        t->begun = true;
        write_header(state->file, state->source);
    }
    char *p = trace_file_begin(state->file, PACK_RECORD_MAX);
    p = LIKELY(e->kind == EV_INSN && is_plain(e)) ? put_insn_event(&t->m, p, e) : put_event(t, p, e);
    trace_file_end(state->file, p);
}

enum { LONGEST = 96 }; /* bytes: a record of an instruction, or of a register, and what put_word() writes behind it */

/* What became of registers while no instruction was told. */
static char *put_registers(char *p, struct pack_hart *h, const struct stream_reader *r)
{
    for (unsigned i = 0; i < STREAM_REGS; i++) {
        if (LIKELY(h->reg[i] == r->reg[i]))
            continue;
        *p++ = (char)PACK_TAG_REGISTER;
        *p++ = (char)r->hart;
        *p++ = (char)i;
        p = put_word(p, r->reg[i], 8);
        h->reg[i] = r->reg[i];
    }
    return p;
}

/* The next instruction of a run, whatever it is. */
static char *put_step(struct pack_model *m, char *p, struct stream_reader *r)
{
    struct stream_step s;
    stream_step(r, &s);
    const struct insn i = {.clock = r->clock,
                           .insn = r->insn,
                           .pc = s.pc,
                           .reg_old = s.reg_old,
                           .reg_new = s.reg_new,
                           .mem = s.mem,
                           .mem_old = s.mem_old,
                           .mem_new = s.mem_new,
                           .what = PACK_WHAT(s.t->raw, s.t->reg, s.t->size),
                           .hart = r->hart,
                           .mode = r->mode};
    stream_stepped(r);
    return put_insn(m, p, &i);
}

/* The instructions of a run as long as they are as foretold: both ends know the same registers, and a run's addresses in memory follow from
 * them, so of put_insn()'s questions only those of the way and of the code are left. */
static char *put_foretold(struct pack_model *m, char *p, struct stream_reader *r)
{
    struct pack_hart *h = &m->hart[r->hart];
    struct pack_code *last = h->last;
    const struct stream_insn *t = &r->code->insn[r->i], *end = &r->code->insn[r->end], *from = t;
    const char *word = r->word;
    for (; t != end; t++) {
        const uint64_t pc = r->page + t->off, old = r->reg[t->reg];
        struct pack_code *c = pack_code_at(m, pc);
        if (UNLIKELY(c->pc != pc || (uint32_t)c->what != t->raw || last->next != pc))
            break;
        if (UNLIKELY(t->how == STREAM_LOAD && t->reg == EVENT_REG_NONE))
            break;
        uint64_t w, v;
        memcpy(&w, word, 8); /* if it has none, something else is there */
        word += 8 * stream_has_word(t);
        v = t->how == STREAM_CONSTANT ? (uint64_t)(int64_t)t->imm : w;
        v = t->how == STREAM_NEAR ? pc + (uint64_t)(int64_t)t->imm : v;
        v = t->reg == EVENT_REG_NONE ? 0 : v;
        r->reg[t->reg] = h->reg[t->reg] = v;
        const uint64_t z = pack_zigzag(old, v);
        const unsigned n = pack_length(z);
        char *tag = p;
        *tag = (char)(PACK_TAG_FORETOLD | n);
        p = put_word(p + 1, z, pack_bytes(n));
        if (t->how == STREAM_STORE) {
            const uint64_t z2 = pack_zigzag(r->reg[t->rs2] & pack_mask(t->size), w);
            const unsigned n2 = pack_length(z2);
            *tag = (char)(PACK_TAG_FORETOLD | n2 << 3);
            p = put_word(p, z2, pack_bytes(n2));
        }
        last = c;
    }
    const unsigned n = (unsigned)(t - from);
    h->last = last;
    r->word = word;
    r->i += n;
    r->clock += n;
    r->insn += n;
    m->clock = r->clock - 1;
    h->insn = r->insn - 1;
    return p;
}

static void run(struct trace_state *state, struct stream_reader *r)
{
    struct pack *t = (struct pack *)state;
    struct pack_model *m = &t->m;
    if (UNLIKELY(!t->begun || r->vm)) {
        for (const struct event *e; (e = stream_event(r));)
            event(state, e);
        return;
    }
    const struct pack_hart *h = &m->hart[r->hart];
    char *p = trace_file_begin(state->file, LONGEST * (STREAM_REGS + r->end - r->i));
    if (r->fresh)
        p = put_registers(p, &m->hart[r->hart], r);
    r->fresh = false;
    if (r->hart != m->current || r->mode != h->mode || r->clock != m->clock + 1 || r->insn != h->insn + 1)
        p = put_step(m, p, r);
    while (r->i != r->end) {
        p = put_foretold(m, p, r);
        if (r->i != r->end)
            p = put_step(m, p, r);
    }
    trace_file_end(state->file, p);
}

static void close(struct trace_state *state)
{
    struct pack *t = (struct pack *)state;
    if (!t->begun)
        write_header(state->file, state->source);
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
