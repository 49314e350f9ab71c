/* SPDX-License-Identifier: MIT */
/*
 * Events on the way from the machine's thread to the one that writes them. An instruction that follows the one before it takes 32 bytes, or
 * 56 with memory, instead of a whole struct event: with millions of them a second, what moves between two processors' caches is the cost.
 */
#ifndef VITRINE_TRACE_STREAM_H
#define VITRINE_TRACE_STREAM_H

#include "base/event.h"

#include <string.h>

/* What both ends know of the last instruction. */
struct stream_end {
    struct event last; /* the reader's: what stream_get() returns */
};

/* A short record: EV_INSN of the hart, machine and mode of the event before it (which was one too), one slot and one instruction later. */
struct stream_insn {
    uint64_t pc;
    uint32_t raw;
    uint8_t kind; /* STREAM_SHORT; of a struct event it is something else at this place */
    uint8_t reg, size, mode;
    uint64_t reg_old, reg_new;
};
struct stream_memory {
    uint64_t mem, mem_old, mem_new;
};
enum { STREAM_SHORT = 1, STREAM_WHOLE = 2, STREAM_MAX = 8 + sizeof(struct event) + 16 };
struct stream_whole {
    uint64_t zero;
    uint32_t zero2;
    uint8_t kind; /* STREAM_WHOLE */
    uint8_t pad[3];
    struct event e;
};
_Static_assert(sizeof(struct stream_whole) <= STREAM_MAX, "STREAM_MAX is the longest record");
_Static_assert(offsetof(struct stream_whole, kind) == offsetof(struct stream_insn, kind),
               "both tell their kind at one place");

/* Writes e to p, which has room for STREAM_MAX bytes; returns where the next one goes. */
static inline char *stream_put(struct stream_end *s, char *p, const struct event *e)
{
    struct event *l = &s->last;
    if (LIKELY(e->kind == EV_INSN && l->kind == EV_INSN && e->clock == l->clock + 1 && e->insn == l->insn + 1 &&
               e->hart == l->hart && e->vm == l->vm)) {
        struct stream_insn *r = (struct stream_insn *)(void *)p;
        l->clock++;
        l->insn++;
        r->pc = e->pc;
        r->raw = (uint32_t)e->a[0];
        r->kind = STREAM_SHORT;
        r->reg = (uint8_t)e->a[1];
        r->size = (uint8_t)e->a[5];
        r->mode = e->mode;
        r->reg_old = e->a[2];
        r->reg_new = e->a[3];
        p += sizeof *r;
        if (r->size) {
            struct stream_memory *m = (struct stream_memory *)(void *)p;
            m->mem = e->a[4];
            m->mem_old = e->a[6];
            m->mem_new = e->a[7];
            p += sizeof *m;
        }
        return p;
    }
    struct stream_whole *w = (struct stream_whole *)(void *)p;
    w->kind = STREAM_WHOLE;
    w->e = *e;
    *l = *e;
    return p + sizeof *w;
}

/* The event at *p, which moves on behind it. It stays until the next call. */
static inline const struct event *stream_get(struct stream_end *s, const char **p)
{
    struct event *l = &s->last;
    const struct stream_insn *r = (const struct stream_insn *)(const void *)*p;
    if (UNLIKELY(r->kind == STREAM_WHOLE)) {
        *l = ((const struct stream_whole *)(const void *)*p)->e;
        *p += sizeof(struct stream_whole);
        return l;
    }
    *p += sizeof *r;
    l->clock++;
    l->insn++;
    l->pc = r->pc;
    l->mode = r->mode;
    l->a[0] = r->raw;
    l->a[1] = r->reg;
    l->a[2] = r->reg_old;
    l->a[3] = r->reg_new;
    l->a[5] = r->size;
    l->a[4] = l->a[6] = l->a[7] = 0;
    if (r->size) {
        const struct stream_memory *m = (const struct stream_memory *)(const void *)*p;
        l->a[4] = m->mem;
        l->a[6] = m->mem_old;
        l->a[7] = m->mem_new;
        *p += sizeof *m;
    }
    return l;
}

#endif
