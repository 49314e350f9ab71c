/* SPDX-License-Identifier: MIT */
/* One description of state: a device or a hart names its fields once, to whoever visits (snapshot, restore, compare, print). */
#ifndef VITRINE_VISIT_H
#define VITRINE_VISIT_H

#include "base/base.h"

struct visitor {
    /* count elements of size bytes (1, 2, 4 or 8) each, host order; the visitor may read or replace them. */
    void (*field)(struct visitor *v, const char *name, void *p, size_t size, size_t count);
    /* A named group of fields, e.g. one queue of a device. */
    void (*open)(struct visitor *v, const char *name, unsigned index);
    void (*close)(struct visitor *v);
    bool looks; /* it replaces nothing: whoever is visited need not believe that all has changed */
};

#define VISIT(v, s, f)       ((v)->field((v), #f, &(s)->f, sizeof((s)->f), 1))
#define VISIT_ARRAY(v, s, f) ((v)->field((v), #f, (s)->f, sizeof((s)->f[0]), ARRAY_LEN((s)->f)))

#endif
