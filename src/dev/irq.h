/* SPDX-License-Identifier: MIT */
/* An interrupt line: one function that hears the level of wire n. */
#ifndef VITRINE_IRQ_H
#define VITRINE_IRQ_H

#include "base/base.h"

struct irq_line {
    void (*set)(void *ctx, unsigned n, bool level); /* NULL = not connected */
    void *ctx;
    unsigned n;
};

static inline void irq_set(const struct irq_line *l, bool level)
{
    if (l->set)
        l->set(l->ctx, l->n, level);
}

#endif
