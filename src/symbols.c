/* SPDX-License-Identifier: MIT */
#include "symbols.h"

#include <stdlib.h>
#include <string.h>

struct symbol {
    uint64_t value, size;
    char *name;
    uint32_t object; /* objects[object - 1]; 0: unknown */
    enum symbol_kind kind;
};

struct object {
    char *path;
    uint64_t bias;
};

struct symbols {
    struct symbol *v; /* by address, once sorted */
    size_t n, cap;
    uint32_t *by_name; /* the same by name; NULL: not sorted */
    struct object *objects;
    size_t nobjects;
    struct symbols *before; /* what this began as; others may read it still */
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
    for (size_t i = 0; i < s->nobjects; i++)
        free(s->objects[i].path);
    free(s->objects);
    free(s->by_name);
    free(s->v);
    symbols_free(s->before);
    free(s);
}

struct symbols *symbols_extend(struct symbols *s)
{
    struct symbols *new = symbols_new();
    bool ok = new;
    for (size_t i = 0; ok && i < s->nobjects; i++)
        ok = symbols_object(new, s->objects[i].path, s->objects[i].bias);
    for (size_t i = 0; ok && i < s->n; i++) {
        ok = symbols_add(new, s->v[i].name, s->v[i].value, s->v[i].size, s->v[i].kind);
        if (ok)
            new->v[i].object = s->v[i].object;
    }
    if (!ok) {
        symbols_free(new);
        return NULL;
    }
    new->before = s;
    return new;
}

bool symbols_object(struct symbols *s, const char *path, uint64_t bias)
{
    struct object *grown = s->nobjects < UINT32_MAX ? realloc(s->objects, (s->nobjects + 1) * sizeof *grown) : NULL;
    if (!grown)
        return false;
    s->objects = grown;
    char *copy = strdup(path);
    if (!copy)
        return false;
    s->objects[s->nobjects++] = (struct object){copy, bias};
    return true;
}

const char *symbols_object_row(const struct symbols *s, size_t i, uint64_t *bias)
{
    if (!s || i >= s->nobjects)
        return NULL;
    *bias = s->objects[i].bias;
    return s->objects[i].path;
}

bool symbols_add(struct symbols *s, const char *name, uint64_t value, uint64_t size, enum symbol_kind kind)
{
    if (s->n >= UINT32_MAX)
        return false;
    free(s->by_name);
    s->by_name = NULL;
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
    s->v[s->n++] = (struct symbol){value, size, copy, (uint32_t)s->nobjects, kind};
    return true;
}

/* By address; at one address functions come last, since the last is the one that names it, and labels first. */
static int compare_values(const void *a, const void *b)
{
    static const int rank[] = {[SYMBOL_LABEL] = 0, [SYMBOL_DATA] = 1, [SYMBOL_FUNCTION] = 2};
    const struct symbol *x = a, *y = b;
    if (x->value != y->value)
        return x->value < y->value ? -1 : 1;
    if (x->kind != y->kind)
        return rank[x->kind] - rank[y->kind];
    return strcmp(y->name, x->name);
}

static int compare_names(const void *a, const void *b, void *symbols)
{
    const struct symbol *v = symbols;
    uint32_t i = *(const uint32_t *)a, j = *(const uint32_t *)b;
    int c = strcmp(v[i].name, v[j].name);
    return c ? c : i < j ? -1 : i > j;
}

void symbols_sort(struct symbols *s)
{
    if (!s->n)
        return;
    qsort(s->v, s->n, sizeof *s->v, compare_values);
    free(s->by_name);
    s->by_name = malloc(s->n * sizeof *s->by_name);
    if (!s->by_name)
        return; /* names are looked for one by one then */
    for (size_t i = 0; i < s->n; i++)
        s->by_name[i] = (uint32_t)i;
    qsort_r(s->by_name, s->n, sizeof *s->by_name, compare_names, s->v);
}

static void describe(const struct symbols *s, const struct symbol *sym, struct symbol_info *info)
{
    *info = (struct symbol_info){
        .name = sym->name,
        .object = sym->object ? s->objects[sym->object - 1].path : NULL,
        .value = sym->value,
        .size = sym->size,
        .kind = sym->kind,
    };
}

/* The n-th symbol whose name begins with prefix, of length bytes; `length` one more than its own: that is prefix. NULL: there are no more. */
static const struct symbol *nth(const struct symbols *s, const char *prefix, size_t length, size_t n)
{
    if (!s)
        return NULL;
    if (!s->by_name) {
        for (size_t i = 0; i < s->n; i++)
            if (!strncmp(s->v[i].name, prefix, length) && !n--)
                return &s->v[i];
        return NULL;
    }
    size_t lo = 0, hi = s->n; /* the first that is not before prefix lies in [lo, hi] */
    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        if (strncmp(s->v[s->by_name[mid]].name, prefix, length) < 0)
            lo = mid + 1;
        else
            hi = mid;
    }
    if (n >= s->n - lo)
        return NULL;
    const struct symbol *sym = &s->v[s->by_name[lo + n]];
    return strncmp(sym->name, prefix, length) ? NULL : sym;
}

bool symbols_named(const struct symbols *s, const char *name, size_t n, struct symbol_info *info)
{
    const struct symbol *sym = nth(s, name, strlen(name) + 1, n);
    if (sym)
        describe(s, sym, info);
    return sym;
}

bool symbols_prefixed(const struct symbols *s, const char *prefix, size_t n, struct symbol_info *info)
{
    const struct symbol *sym = nth(s, prefix, strlen(prefix), n);
    if (sym)
        describe(s, sym, info);
    return sym;
}

bool symbols_value(const struct symbols *s, const char *name, uint64_t *value)
{
    const struct symbol *sym = nth(s, name, strlen(name) + 1, 0);
    if (sym)
        *value = sym->value;
    return sym;
}

/* The symbol that addr lies in or near. */
static const struct symbol *symbol_at(const struct symbols *s, uint64_t addr)
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
    return addr - sym->value < (sym->size ? sym->size : NEAR) ? sym : NULL;
}

const char *symbols_at(const struct symbols *s, uint64_t addr, uint64_t *offset)
{
    const struct symbol *sym = symbol_at(s, addr);
    if (!sym)
        return NULL;
    *offset = addr - sym->value;
    return sym->name;
}

bool symbols_find(const struct symbols *s, uint64_t addr, struct symbol_info *info)
{
    const struct symbol *sym = symbol_at(s, addr);
    if (sym)
        describe(s, sym, info);
    return sym;
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
        *function = s->v[i].kind == SYMBOL_FUNCTION;
    return s->v[i].name;
}
