/* SPDX-License-Identifier: MIT */
/*
 * Events as bytes in memory, on the way from the machine's thread to one that writes them. An instruction that follows the one before it
 * takes 32 bytes, or 56 with memory, instead of a whole struct event: with tens of millions of them a second, what moves between two
 * processors' caches is the cost. The observed loop puts such records here itself.
 */
#ifndef VITRINE_STREAM_H
#define VITRINE_STREAM_H

#include "base/event.h"

#include <string.h>

/* A short record: an EV_INSN of the hart and machine of the event before it (which was one too), one slot and one instruction later. */
struct stream_insn {
    uint64_t pc;
    uint64_t what; /* 31:0 bytes of the instruction | 39:32 STREAM_SHORT | 47:40 register | 55:48 size | 63:56 mode */
    uint64_t reg_old, reg_new;
};
struct stream_memory { /* behind it, where size is not 0 */
    uint64_t mem, mem_old, mem_new;
};
enum { STREAM_SHORT = 1, STREAM_WHOLE = 2 };
struct stream_whole {
    uint64_t zero;
    uint64_t what; /* 39:32 STREAM_WHOLE */
    struct event e;
};
enum { STREAM_MAX = sizeof(struct stream_whole) };
_Static_assert(offsetof(struct stream_whole, what) == offsetof(struct stream_insn, what),
               "both tell their kind at one place");
_Static_assert(sizeof(struct stream_insn) + sizeof(struct stream_memory) <= STREAM_MAX,
               "STREAM_MAX is the longest record");

/* The writing end. */
struct event_stream {
    char *at;
    char *limit; /* beyond it there may be no room for another record: full() makes some, or puts `at` elsewhere */
    uint64_t clock, insn; /* of the instruction that a short record would tell */
    uint32_t who;         /* its hart | machine << 8; STREAM_NOBODY: none would */
    void (*full)(struct event_stream *s);
};
#define STREAM_NOBODY UINT32_MAX

/* The reading end: what the last record told. */
struct stream_reader {
    struct event last;
};

/* May an instruction be told by a short record? Then by the next two. */
static inline bool stream_follows(const struct event_stream *s, uint64_t clock, uint64_t insn, uint32_t hart,
                                  uint32_t vm)
{
    return s->clock == clock && s->insn == insn && s->who == (hart | vm << 8);
}

static inline uint64_t stream_what(uint32_t raw, unsigned reg, unsigned size, unsigned mode)
{
    return raw | (uint64_t)(STREAM_SHORT | reg << 8 | size << 16 | mode << 24) << 32;
}

static inline void stream_put_insn(struct event_stream *s, uint64_t pc, uint64_t what, uint64_t reg_old,
                                   uint64_t reg_new)
{
    struct stream_insn *r = (struct stream_insn *)(void *)s->at;
    r->pc = pc;
    r->what = what;
    r->reg_old = reg_old;
    r->reg_new = reg_new;
    s->clock++;
    s->insn++;
    s->at = (char *)(r + 1);
}

/* Directly behind it, if its size is not 0. */
static inline void stream_put_memory(struct event_stream *s, uint64_t mem, uint64_t mem_old, uint64_t mem_new)
{
    struct stream_memory *m = (struct stream_memory *)(void *)s->at;
    m->mem = mem;
    m->mem_old = mem_old;
    m->mem_new = mem_new;
    s->at = (char *)(m + 1);
}

/* To be called after each record. */
static inline void stream_check(struct event_stream *s)
{
    if (UNLIKELY(s->at > s->limit))
        s->full(s);
}

/* Puts any event. */
static inline void stream_put(struct event_stream *s, const struct event *e)
{
    struct stream_whole *w = (struct stream_whole *)(void *)s->at;
    w->what = (uint64_t)STREAM_WHOLE << 32;
    w->e = *e;
    s->clock = e->clock + 1;
    s->insn = e->insn + 1;
    s->who = e->kind == EV_INSN ? e->hart | (uint32_t)e->vm << 8 : STREAM_NOBODY;
    s->at = (char *)(w + 1);
    stream_check(s);
}

static inline bool stream_is_short(const char *p)
{
    return (((const struct stream_insn *)(const void *)p)->what >> 32 & 255) == STREAM_SHORT;
}

/* The event at *p, which moves on behind it. It stays until the next call. */
static inline const struct event *stream_get(struct stream_reader *s, const char **p)
{
    struct event *l = &s->last;
    const struct stream_insn *r = (const struct stream_insn *)(const void *)*p;
    if (UNLIKELY((r->what >> 32 & 255) == STREAM_WHOLE)) {
        *l = ((const struct stream_whole *)(const void *)*p)->e;
        *p += sizeof(struct stream_whole);
        return l;
    }
    *p += sizeof *r;
    l->clock++;
    l->insn++;
    l->pc = r->pc;
    l->mode = (uint8_t)(r->what >> 56);
    l->a[0] = (uint32_t)r->what;
    l->a[1] = r->what >> 40 & 255;
    l->a[2] = r->reg_old;
    l->a[3] = r->reg_new;
    l->a[5] = r->what >> 48 & 255;
    l->a[4] = l->a[6] = l->a[7] = 0;
    if (l->a[5]) {
        const struct stream_memory *m = (const struct stream_memory *)(const void *)*p;
        l->a[4] = m->mem;
        l->a[6] = m->mem_old;
        l->a[7] = m->mem_new;
        *p += sizeof *m;
    }
    return l;
}

#endif
