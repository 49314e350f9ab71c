/* SPDX-License-Identifier: MIT */
#include "symbols.h"

#include <stdlib.h>
#include <string.h>

struct symbol {
    uint64_t value, size;
    char *name;
    bool function;
};

struct symbols {
    struct symbol *v;
    size_t n, cap;
};

/* How far beyond a symbol of unknown size an address may lie and still be told as name+offset. */
enum { NEAR = 1 << 20 };

struct symbols *symbols_new(void)
{
    return calloc(1, sizeof(struct symbols));
}

void symbols_free(struct symbols *s)
{
    if (!s)
        return;
    for (size_t i = 0; i < s->n; i++)
        free(s->v[i].name);
    free(s->v);
    free(s);
}

bool symbols_add(struct symbols *s, const char *name, uint64_t value, uint64_t size, bool function)
{
    if (s->n == s->cap) {
        size_t cap = s->cap ? 2 * s->cap : 256;
        struct symbol *v = realloc(s->v, cap * sizeof *v);
        if (!v)
            return false;
        s->v = v;
        s->cap = cap;
    }
    char *copy = strdup(name);
    if (!copy)
        return false;
    s->v[s->n++] = (struct symbol){value, size, copy, function};
    return true;
}

/* By address; at one address functions come last, since the last is the one that names it. */
static int by_value(const void *a, const void *b)
{
    const struct symbol *x = a, *y = b;
    if (x->value != y->value)
        return x->value < y->value ? -1 : 1;
    if (x->function != y->function)
        return x->function ? 1 : -1;
    return strcmp(y->name, x->name);
}

void symbols_sort(struct symbols *s)
{
    if (s->n)
        qsort(s->v, s->n, sizeof *s->v, by_value);
}

bool symbols_value(const struct symbols *s, const char *name, uint64_t *value)
{
    for (size_t i = 0; s && i < s->n; i++) {
        if (strcmp(s->v[i].name, name))
            continue;
        *value = s->v[i].value;
        return true;
    }
    return false;
}

const char *symbols_at(const struct symbols *s, uint64_t addr, uint64_t *offset)
{
    if (!s || !s->n)
        return NULL;
    size_t lo = 0, hi = s->n; /* the first symbol above addr lies in [lo, hi] */
    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        if (s->v[mid].value <= addr)
            lo = mid + 1;
        else
            hi = mid;
    }
    if (!lo)
        return NULL;
    const struct symbol *sym = &s->v[lo - 1];
    *offset = addr - sym->value;
    return *offset < (sym->size ? sym->size : NEAR) ? sym->name : NULL;
}

size_t symbols_count(const struct symbols *s)
{
    return s ? s->n : 0;
}

const char *symbols_row(const struct symbols *s, size_t i, uint64_t *value, uint64_t *size, bool *function)
{
    if (!s || i >= s->n)
        return NULL;
    if (value)
        *value = s->v[i].value;
    if (size)
        *size = s->v[i].size;
    if (function)
        *function = s->v[i].function;
    return s->v[i].name;
}
