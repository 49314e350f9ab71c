/* SPDX-License-Identifier: MIT */
#include "cpu/stream.h"

#include <stdlib.h>

void stream_put_state(struct event_stream *s, uint32_t hart, uint32_t vm, uint64_t clock, uint64_t insn,
                      const uint64_t x[32], const uint64_t f[32])
{
    struct stream_state *r = (struct stream_state *)(void *)s->at;
    r->what = STREAM_STATE | hart << 8 | vm << 16;
    r->clock = clock;
    r->insn = insn;
    memcpy(r->reg, x, 32 * sizeof *x);
    memcpy(r->reg + EVENT_REG_F, f, 32 * sizeof *f);
    s->at = (char *)(r + 1);
    stream_check(s);
}

void stream_put_code(struct event_stream *s, struct stream_code *c)
{
    enum { IDS = 1 << 20 }; /* so many the reader keeps */
    if (s->ids == IDS) {    /* from here on, all are told anew */
        s->ids = 0;
        s->serial = ++*s->serials;
    }
    c->serial = s->serial;
    c->id = s->ids++;
    stream_put_word(s, STREAM_CODE | c->n << 8 | (uint64_t)c->id << 32);
    memcpy(s->at, c->insn, (c->n + 1) * sizeof *c->insn);
    s->at += (c->n + 1) * sizeof *c->insn;
}

void stream_put(struct event_stream *s, const struct event *e)
{
    struct stream_run *open = s->open;
    const uint64_t page = open ? open->page : 0, retired = open ? *s->retired : 0;
    const unsigned mode = open ? open->what >> 24 & 255 : 0;
    if (open)
        stream_close(s, retired);
    struct stream_whole *w = (struct stream_whole *)(void *)s->at;
    w->what = STREAM_WHOLE;
    w->e = *e;
    s->at = (char *)(w + 1);
    stream_check(s);
    if (open)
        stream_open(s, s->code, s->first + (unsigned)(retired - s->from), mode, page, retired);
}

/* ---- The reading end ---- */

void stream_reader_init(struct stream_reader *r)
{
    *r = (struct stream_reader){0};
}

void stream_reader_free(struct stream_reader *r)
{
    for (uint32_t i = 0; i < r->room; i++)
        free(r->codes[i]);
    free(r->codes);
    r->codes = NULL;
    r->room = 0;
}

static bool keep_code(struct stream_reader *r, uint64_t what, const char *insns)
{
    const uint32_t id = (uint32_t)(what >> 32), n = what >> 8 & 0xffff;
    const size_t bytes = (n + 1) * sizeof(struct stream_insn);
    if (id >= r->room) {
        uint32_t room = id + 1 > 2 * r->room ? id + 1024 : 2 * r->room;
        struct stream_code **more = realloc(r->codes, room * sizeof(*more));
        if (!more)
            return false;
        memset(more + r->room, 0, (room - r->room) * sizeof(*more));
        r->codes = more;
        r->room = room;
    }
    struct stream_code *c = realloc(r->codes[id], sizeof *c + bytes);
    if (!c)
        return false;
    r->codes[id] = c;
    *c = (struct stream_code){.id = id, .n = n};
    memcpy(c->insn, insns, bytes);
    return true;
}

/* An instruction that was told as a whole changes what later runs build upon. */
static void follow(struct stream_reader *r)
{
    enum { REG = 1, REG_NEW = 3 };
    const struct event *e = &r->last;
    if (e->kind != EV_INSN || e->hart != r->hart || e->vm != r->vm)
        return;
    if (e->a[REG] < EVENT_REG_NONE)
        r->reg[e->a[REG]] = e->a[REG_NEW];
    r->clock = e->clock + 1;
    r->insn = e->insn + 1;
}

enum stream_found stream_next(struct stream_reader *r, const char **p, const char *end)
{
    while (*p < end) {
        const char *from = *p;
        uint64_t what;
        memcpy(&what, from, sizeof what);
        switch ((enum stream_kind)(what & 255)) {
        case STREAM_STATE: {
            const struct stream_state *s = (const struct stream_state *)(const void *)from;
            r->hart = what >> 8 & 255;
            r->vm = what >> 16 & 255;
            r->clock = s->clock;
            r->insn = s->insn;
            memcpy(r->reg, s->reg, sizeof s->reg);
            r->fresh = true;
            *p = (const char *)(s + 1);
            break;
        }
        case STREAM_CODE:
            *p = from + sizeof what + ((what >> 8 & 0xffff) + 1) * sizeof(struct stream_insn);
            if (!keep_code(r, what, from + sizeof what))
                return STREAM_NO_MEMORY;
            break;
        case STREAM_RUN: {
            const struct stream_run *s = (const struct stream_run *)(const void *)from;
            r->code = r->codes[what >> 32];
            r->i = what >> 8 & 255;
            r->end = r->i + (what >> 16 & 255);
            r->mode = what >> 24 & 255;
            r->page = s->page;
            r->word = (const char *)(s + 1);
            *p = r->word + 8 * (r->code->insn[r->end].words - r->code->insn[r->i].words);
            if (r->i != r->end)
                return STREAM_INSNS;
            break;
        }
        case STREAM_WHOLE:
            r->last = ((const struct stream_whole *)(const void *)from)->e;
            *p = from + sizeof(struct stream_whole);
            follow(r);
            return STREAM_EVENT;
        }
    }
    return STREAM_END;
}

const struct event *stream_event(struct stream_reader *r)
{
    struct stream_step s;
    struct event *e = &r->last;
    if (r->i == r->end)
        return NULL;
    stream_step(r, &s);
    e->clock = r->clock;
    e->insn = r->insn;
    e->pc = s.pc;
    e->text = NULL;
    e->kind = EV_INSN;
    e->hart = r->hart;
    e->vm = r->vm;
    e->mode = r->mode;
    e->a[0] = s.t->raw;
    e->a[1] = s.t->reg;
    e->a[2] = s.reg_old;
    e->a[3] = s.reg_new;
    e->a[4] = s.mem;
    e->a[5] = s.t->size;
    e->a[6] = s.mem_old;
    e->a[7] = s.mem_new;
    stream_stepped(r);
    return e;
}
