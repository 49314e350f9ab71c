/* SPDX-License-Identifier: MIT */
#include "monitor/profile.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "cpu/decode.h"
#include "cpu/trap.h"
#include "dev/bus.h"
#include "machine_int.h"
#include "monitor/debug/unwind.h"
#include "monitor/names.h"
#include "symbols.h"

enum { DEPTH = 48, NAME = 128 };

/* A tree of calls: each node is a function as called by the one above it. The root's children are modes. */
struct node {
    struct node *sibling, *child;
    const char *name; /* a symbol's, or one of `texts` */
    uint64_t self;    /* samples that ended here */
};

struct text { /* names of what has no symbol */
    struct text *next;
    char name[];
};

struct profile {
    struct machine *machine; /* NULL: samples come from profile_add() alone */
    const struct symbols *symbols;
    struct decode_table *decoder; /* of the backtraces; made with the first sample */
    struct node root;
    uint64_t samples;
    struct text *texts;
};

struct profile *profile_of_symbols(const struct symbols *s)
{
    struct profile *p = calloc(1, sizeof *p);
    if (p)
        p->symbols = s;
    return p;
}

struct profile *profile_open(struct machine *m)
{
    struct profile *p = profile_of_symbols(machine_symbols(m));
    if (p)
        p->machine = m;
    return p;
}

static void free_nodes(struct node *n)
{
    while (n) {
        struct node *next = n->sibling;
        free_nodes(n->child);
        free(n);
        n = next;
    }
}

void profile_close(struct profile *p)
{
    if (!p)
        return;
    free_nodes(p->root.child);
    while (p->texts) {
        struct text *t = p->texts;
        p->texts = t->next;
        free(t);
    }
    decode_table_free(p->decoder);
    free(p);
}

/* ---- Adding ---- */

/* What to call the code at an address: its function, or the page that it lies on. NULL: out of memory. */
static const char *name_of(struct profile *p, uint64_t pc)
{
    uint64_t offset;
    const char *symbol = symbols_at(p->symbols, pc, &offset);
    if (symbol)
        return symbol;
    char page[32];
    snprintf(page, sizeof page, "[%#" PRIx64 "]", pc & PAGE_MASK);
    for (struct text *t = p->texts; t; t = t->next)
        if (!strcmp(t->name, page))
            return t->name;
    struct text *t = malloc(sizeof *t + strlen(page) + 1);
    if (!t)
        return NULL;
    strcpy(t->name, page);
    t->next = p->texts;
    p->texts = t;
    return t->name;
}

static struct node *child(struct node *parent, const char *name)
{
    if (!name)
        return NULL;
    for (struct node *n = parent->child; n; n = n->sibling)
        if (n->name == name || !strcmp(n->name, name))
            return n;
    struct node *n = calloc(1, sizeof *n);
    if (!n)
        return NULL;
    n->name = name;
    n->sibling = parent->child;
    parent->child = n;
    return n;
}

bool profile_add(struct profile *p, const char *mode, const uint64_t *pc, unsigned n)
{
    struct node *at = child(&p->root, mode);
    while (at && n--)
        at = child(at, name_of(p, pc[n]));
    if (!at)
        return false;
    at->self++;
    p->samples++;
    return true;
}

/* ---- Looking at a hart ---- */

static bool read_memory(void *ctx, uint64_t va, unsigned size, uint64_t *value)
{
    struct hart *h = ctx;
    struct mmu_ctx c = hart_data_ctx(h);
    struct mmu_map m;
    struct mmu_fault f;
    *value = 0;
    if (va % size || !mmu_translate(&c, va, size, MMU_R, true, &m, &f, NULL))
        return false;
    return bus_dma_read(h->bus, m.pa, value, size);
}

void profile_sample(struct profile *p)
{
    struct hart *h = machine_hart(p->machine, p->machine->turn);
    struct unwind_frame frames[DEPTH];
    struct unwind_env env = {0};
    char why[128];
    uint64_t pc[DEPTH];
    if (!p->decoder)
        p->decoder = unwind_decoder();
    unwind_env_hart(&env, h);
    env.decoder = p->decoder;
    env.ctx = h;
    env.read = read_memory;
    env.symbols = p->symbols;
    unsigned n = unwind(&env, frames, DEPTH, why, sizeof why);
    for (unsigned i = 0; i < n; i++)
        pc[i] = frames[i].lookup;
    (void)!profile_add(p, name_priv(h->priv, h->virt), pc, n);
}

/* ---- Printing ---- */

/* Samples of a function, wherever it stands in the tree. */
struct total {
    const char *name;
    uint64_t self, all;
};
struct totals {
    struct total *v;
    size_t n, size;
    const char *path[DEPTH + 2];
};

static struct total *total_of(struct totals *t, const char *name)
{
    for (size_t i = 0; i < t->n; i++)
        if (!strcmp(t->v[i].name, name))
            return &t->v[i];
    if (t->n == t->size) {
        size_t size = t->size ? t->size * 2 : 64;
        struct total *v = realloc(t->v, size * sizeof *v);
        if (!v)
            return NULL;
        t->v = v;
        t->size = size;
    }
    t->v[t->n] = (struct total){.name = name};
    return &t->v[t->n++];
}

static bool on_path(const struct totals *t, const char *name, unsigned depth)
{
    for (unsigned i = 0; i < depth; i++)
        if (!strcmp(t->path[i], name))
            return true;
    return false;
}

/* Adds what lies below n, at depth functions from the mode; returns its samples. */
static uint64_t add_totals(struct totals *t, const struct node *n, unsigned depth)
{
    uint64_t all = n->self;
    bool again = depth && on_path(t, n->name, depth - 1); /* recursion counts once */
    if (depth)
        t->path[depth - 1] = n->name;
    for (const struct node *c = n->child; c; c = c->sibling)
        all += add_totals(t, c, depth + 1);
    struct total *mine = depth ? total_of(t, n->name) : NULL;
    if (mine) {
        mine->self += n->self;
        mine->all += again ? 0 : all;
    }
    return all;
}

static int by_self(const void *a, const void *b)
{
    const struct total *x = a, *y = b;
    if (x->self != y->self)
        return x->self < y->self ? 1 : -1;
    if (x->all != y->all)
        return x->all < y->all ? 1 : -1;
    return strcmp(x->name, y->name);
}

void profile_print(const struct profile *p, FILE *f, unsigned rows)
{
    struct totals t = {0};
    for (const struct node *mode = p->root.child; mode; mode = mode->sibling)
        (void)add_totals(&t, mode, 0);
    if (t.n)
        qsort(t.v, t.n, sizeof *t.v, by_self);
    fprintf(f, "profile           %" PRIu64 " samples, one every %d instructions\n", p->samples, PROFILE_STEP);
    fprintf(f, "   own  with callees  function\n");
    for (size_t i = 0; i < t.n && i < rows; i++)
        fprintf(f, "%5.1f%%        %5.1f%%  %s\n", 100.0 * (double)t.v[i].self / (double)p->samples,
                100.0 * (double)t.v[i].all / (double)p->samples, t.v[i].name);
    if (t.n > rows)
        fprintf(f, "                      %zu more\n", t.n - rows);
    free(t.v);
}

static int by_name(const void *a, const void *b)
{
    const struct node *const *x = a, *const *y = b;
    return strcmp((*x)->name, (*y)->name);
}

/* The lines of n and what lies below it, in the order of their names. path: text of what stands above. */
static void write_node(const struct node *n, FILE *f, char *path, size_t used, size_t size)
{
    size_t count = 0;
    used += (size_t)snprintf(path + used, size - used, "%s%s", used ? ";" : "", n->name);
    if (used >= size)
        used = size - 1;
    if (n->self)
        fprintf(f, "%s %" PRIu64 "\n", path, n->self * PROFILE_STEP);
    for (const struct node *c = n->child; c; c = c->sibling)
        count++;
    const struct node **sorted = count ? malloc(count * sizeof *sorted) : NULL;
    if (!sorted)
        return;
    count = 0;
    for (const struct node *c = n->child; c; c = c->sibling)
        sorted[count++] = c;
    qsort(sorted, count, sizeof *sorted, by_name);
    for (size_t i = 0; i < count; i++) {
        write_node(sorted[i], f, path, used, size);
        path[used] = 0;
    }
    free(sorted);
}

void profile_write_folded(const struct profile *p, FILE *f)
{
    static const char *const modes[] = {"M", "S", "U", "VS", "VU"};
    char path[(DEPTH + 2) * NAME];
    for (size_t i = 0; i < ARRAY_LEN(modes); i++)
        for (const struct node *n = p->root.child; n; n = n->sibling)
            if (!strcmp(n->name, modes[i])) {
                *path = 0;
                write_node(n, f, path, 0, sizeof path);
            }
}
