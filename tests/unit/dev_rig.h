/* SPDX-License-Identifier: MIT */
/* What a device needs around it in a unit test: a clock to turn by hand, interrupt lines to look at, and visitors. */
#ifndef VITRINE_TEST_DEV_RIG_H
#define VITRINE_TEST_DEV_RIG_H

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dev/dev.h"

struct rig {
    uint64_t ticks;
    unsigned changed; /* how often a device said that its deadline moved */
    bool level[64];
    unsigned edges[64];
    struct irq_line irq[64];
    struct dev_clock clock;
    struct dev_env env;
};

static uint64_t rig_now(void *ctx)
{
    return ((struct rig *)ctx)->ticks;
}

static void rig_set(void *ctx, uint64_t ticks)
{
    ((struct rig *)ctx)->ticks = ticks;
}

static void rig_changed(void *ctx)
{
    ((struct rig *)ctx)->changed++;
}

static void rig_irq(void *ctx, unsigned n, bool level)
{
    struct rig *r = ctx;
    r->edges[n] += r->level[n] != level;
    r->level[n] = level;
}

static inline void rig_init(struct rig *r)
{
    memset(r, 0, sizeof *r);
    for (unsigned i = 0; i < 64; i++)
        r->irq[i] = (struct irq_line){.set = rig_irq, .ctx = r, .n = i};
    r->clock = (struct dev_clock){.now = rig_now, .set = rig_set, .changed = rig_changed, .ctx = r};
    r->env.clock = &r->clock;
}

/* A visitor that writes the state to a buffer or, with load set, takes it from there. */
struct rig_tape {
    struct visitor v;
    bool load;
    uint8_t bytes[65536];
    size_t pos;
    unsigned fields, depth;
};

static inline void tape_field(struct visitor *v, const char *name, void *p, size_t size, size_t count)
{
    struct rig_tape *t = (struct rig_tape *)v;
    ck_assert(name && *name);
    ck_assert(size == 1 || size == 2 || size == 4 || size == 8);
    ck_assert_uint_le(t->pos + size * count, sizeof t->bytes);
    if (t->load)
        memcpy(p, t->bytes + t->pos, size * count);
    else
        memcpy(t->bytes + t->pos, p, size * count);
    t->pos += size * count;
    t->fields++;
}

static inline void tape_open(struct visitor *v, const char *name, unsigned index)
{
    (void)index;
    ck_assert(name && *name);
    ((struct rig_tape *)v)->depth++;
}

static inline void tape_close(struct visitor *v)
{
    ck_assert_uint_gt(((struct rig_tape *)v)->depth, 0);
    ((struct rig_tape *)v)->depth--;
}

static inline void tape_run(struct rig_tape *t, const struct dev_class *class, void *dev, bool load)
{
    t->v = (struct visitor){.field = tape_field, .open = tape_open, .close = tape_close};
    t->load = load;
    t->pos = t->fields = t->depth = 0;
    class->visit(dev, &t->v);
    ck_assert_uint_eq(t->depth, 0);
}

/* Takes a's state over into b, a device of the same make, and checks that b then tells the same. */
static inline void rig_check_visit(const struct dev_class *class, void *a, void *b)
{
    struct rig_tape *from = calloc(1, sizeof *from), *to = calloc(1, sizeof *to);
    ck_assert(from && to);
    tape_run(from, class, a, false);
    memcpy(to->bytes, from->bytes, sizeof to->bytes);
    tape_run(to, class, b, true);
    tape_run(to, class, b, false);
    ck_assert_uint_eq(from->pos, to->pos);
    ck_assert_mem_eq(from->bytes, to->bytes, from->pos);
    free(from);
    free(to);
}

/* A cheap reproducible generator (xorshift64). */
static inline uint64_t rig_random(uint64_t *seed)
{
    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    *seed ^= *seed << 17;
    return *seed;
}

/* Accesses of every size that the class takes, anywhere in its window, with values that are often small or all ones. */
static inline void rig_hammer(const struct dev_class *class, void *dev, uint64_t window, unsigned rounds, uint64_t seed)
{
    for (unsigned i = 0; i < rounds; i++) {
        uint64_t r = rig_random(&seed);
        unsigned size = class->ops.min;
        while (size < class->ops.max && (rig_random(&seed) & 1))
            size *= 2;
        uint64_t span = r & 1 ? window : min_u64(window, 0x100);
        uint64_t off = rig_random(&seed) % span & ~(uint64_t)(size - 1);
        uint64_t val = rig_random(&seed);
        switch (r >> 1 & 3) {
        case 0: val &= 0xff; break;
        case 1: val = UINT64_MAX; break;
        case 2: val = 1u << (val & 31); break;
        }
        val &= UINT64_MAX >> (64 - 8 * size);
        if (r >> 3 & 1)
            class->ops.write(dev, off, val, size);
        else
            class->ops.read(dev, off, size);
        if (class->run && (r >> 4 & 15) == 0)
            class->run(dev);
        if (class->deadline)
            class->deadline(dev);
    }
}

#endif
