/* SPDX-License-Identifier: MIT */
/* Functions and inlined calls of source.h: a walk over the debugging entries (DIEs) of each compilation unit. */
#include "monitor/debug/source_int.h"

#include <dwarf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* How deep entries may nest and still be looked at: namespaces and types around functions, blocks and inlined calls inside them. */
enum { DEPTH = 64 };

/* A walk's state. Entries may overlap in a damaged file; the budget ends what would go on for ever. */
struct walk {
    struct source *s;
    struct object *o;
    uint32_t object;
    size_t budget;
    Dwarf_Files *files;
    size_t nfiles;
    bool assembler;
};

/* ---- Reading them ---- */

static uint32_t number_of(Dwarf_Die *die, unsigned attribute)
{
    Dwarf_Attribute a;
    Dwarf_Word v = 0;
    if (!dwarf_attr_integrate(die, attribute, &a) || dwarf_formudata(&a, &v) || v > INT32_MAX)
        return 0;
    return (uint32_t)v;
}

/* The file of a declaration: its number is one of the unit that holds the declaration, which dwarf_decl_file() looks up. */
static uint32_t file_of(struct source *s, Dwarf_Die *die)
{
    const char *name = dwarf_decl_file(die);
    return name && source_is_name(name) ? source_intern(s, name) : NO_FILE;
}

static int add_function(struct walk *w, Dwarf_Die *die)
{
    struct source *s = w->s;
    const char *name = dwarf_diename(die);
    Dwarf_Addr base, low, high;
    ptrdiff_t at = 0;
    bool first = true;
    if (!name || !source_is_name(name) || s->nfuncs >= UINT32_MAX)
        return 0;
    while ((at = dwarf_ranges(die, at, &base, &low, &high)) > 0 && w->budget) {
        w->budget--;
        if (low >= high || !source_is_code(w->o, low) || !source_is_code(w->o, high - 1))
            continue;
        if (first) {
            if (!source_grow(&s->funcs, &s->cap_funcs, s->nfuncs, sizeof *s->funcs))
                return -ENOMEM;
            s->funcs[s->nfuncs++] = (struct func){
                .name = name,
                .low = low + w->o->bias,
                .high = high + w->o->bias,
                .object = w->object,
                .file = file_of(s, die),
                .line = number_of(die, DW_AT_decl_line),
                .assembler = w->assembler,
                .die = dwarf_dieoffset(die),
            };
            first = false;
        }
        if (!source_grow(&s->ranges, &s->cap_ranges, s->nranges, sizeof *s->ranges))
            return -ENOMEM;
        s->ranges[s->nranges++] = (struct func_range){low + w->o->bias, high + w->o->bias, (uint32_t)(s->nfuncs - 1)};
    }
    return 0;
}

/* Functions in a unit, a namespace or a type. */
static int walk_functions(struct walk *w, Dwarf_Die *parent, unsigned depth)
{
    Dwarf_Die die;
    int rc = dwarf_child(parent, &die) == 0 && depth ? 0 : 1;
    while (!rc && w->budget) {
        w->budget--;
        switch (dwarf_tag(&die)) {
        case DW_TAG_subprogram: rc = add_function(w, &die); break;
        case DW_TAG_namespace:
        case DW_TAG_module:
        case DW_TAG_structure_type:
        case DW_TAG_class_type:
        case DW_TAG_union_type:
        case DW_TAG_enumeration_type: rc = walk_functions(w, &die, depth - 1); break;
        default: break;
        }
        if (rc < 0)
            return rc;
        rc = dwarf_siblingof(&die, &die) == 0 ? 0 : 1;
    }
    return rc < 0 ? rc : 0;
}

int source_read_functions(struct source *s, uint32_t object, size_t budget)
{
    struct walk w = {.s = s, .o = &s->objects[object], .object = object, .budget = budget};
    Dwarf_CU *cu = NULL;
    Dwarf_Die die;
    while (!dwarf_get_units(w.o->dwarf, cu, &cu, NULL, NULL, &die, NULL)) {
        w.assembler = dwarf_srclang(&die) == DW_LANG_Mips_Assembler;
        int rc = dwarf_tag(&die) ? walk_functions(&w, &die, DEPTH) : 0;
        if (rc < 0)
            return rc;
    }
    return 0;
}

static int by_low(const void *a, const void *b)
{
    const struct func_range *x = a, *y = b;
    if (x->low != y->low)
        return x->low < y->low ? -1 : 1;
    return x->func < y->func ? -1 : x->func > y->func;
}

void source_sort_functions(struct source *s)
{
    if (s->nranges)
        qsort(s->ranges, s->nranges, sizeof *s->ranges, by_low);
}

/* ---- Asking ---- */

static const struct func *func_at(const struct source *s, uint64_t addr, const struct func_range **range)
{
    size_t lo = 0, hi = s->nranges;
    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        if (s->ranges[mid].low <= addr)
            lo = mid + 1;
        else
            hi = mid;
    }
    if (!lo || addr >= s->ranges[lo - 1].high)
        return NULL;
    *range = &s->ranges[lo - 1];
    return &s->funcs[s->ranges[lo - 1].func];
}

/* Behind the prologue: the first statement of the function's line table beyond its first line's code, as gdb takes it; where the first line's
 * code is empty, as compilers write it when there is no prologue, the function's beginning. */
static uint64_t body_of(const struct source *s, const struct func *f)
{
    const struct line_row *r = source_row_at(s, f->low);
    if (f->assembler || !r || r->addr != f->low)
        return f->low;
    const struct line_row *first = &s->rows[r->order];
    while (first > s->rows && first[-1].addr == r->addr && !first[-1].end)
        first--;
    if (first->line != r->line || first->file != r->file)
        return f->low;
    for (const struct line_row *n = r; n < s->at + s->nat && n->addr < f->high && !n->end; n++)
        if (n->prologue_end)
            return n->addr;
    for (const struct line_row *n = r + 1; n < s->at + s->nat && n->addr < f->high && !n->end; n++)
        if (n->stmt && n->line >= r->line)
            return n->addr;
    return f->low;
}

static void describe(const struct source *s, const struct func *f, uint64_t low, uint64_t high,
                     struct source_function *out)
{
    *out = (struct source_function){
        .name = f->name,
        .file = f->file == NO_FILE ? NULL : s->files[f->file],
        .line = f->line,
        .low = low,
        .high = high,
        .body = body_of(s, f),
    };
}

bool source_function_at(struct source *s, uint64_t addr, struct source_function *f)
{
    const struct func_range *range;
    const struct func *found = s ? func_at(s, addr, &range) : NULL;
    if (found)
        describe(s, found, range->low, range->high, f);
    return found;
}

bool source_function_entry(const struct source *s, uint64_t addr, uint32_t *object, Dwarf_Off *die)
{
    const struct func_range *range;
    const struct func *found = func_at(s, addr, &range);
    if (found) {
        *object = found->object;
        *die = found->die;
    }
    return found;
}

bool source_function_named(struct source *s, const char *name, unsigned n, struct source_function *f)
{
    for (size_t i = 0; s && i < s->nfuncs; i++) {
        if (strcmp(s->funcs[i].name, name) || n--)
            continue;
        describe(s, &s->funcs[i], s->funcs[i].low, s->funcs[i].high, f);
        return true;
    }
    return false;
}

/* The entries of inlined calls that hold addr (bias not added), outermost first. */
static unsigned inlined_at(const struct source *s, const struct func *f, uint64_t addr, Dwarf_Die v[DEPTH])
{
    const struct object *o = &s->objects[f->object];
    size_t budget = o->data.size;
    unsigned n = 0;
    Dwarf_Die parent, die;
    if (!dwarf_offdie(o->dwarf, f->die, &parent))
        return 0;
    for (unsigned depth = 0; depth < DEPTH; depth++) {
        bool deeper = false;
        if (dwarf_child(&parent, &die))
            return n;
        do {
            int tag = dwarf_tag(&die);
            if (!budget--)
                return n;
            if ((tag == DW_TAG_inlined_subroutine || tag == DW_TAG_lexical_block) && dwarf_haspc(&die, addr) == 1) {
                if (tag == DW_TAG_inlined_subroutine)
                    v[n++] = die;
                parent = die;
                deeper = true;
            }
        } while (!deeper && !dwarf_siblingof(&die, &die));
        if (!deeper)
            return n;
    }
    return n;
}

/* The name of the file with that number in the line table of die's unit. */
static const char *call_file_of(struct source *s, Dwarf_Die *die)
{
    Dwarf_Die cu;
    Dwarf_Files *files;
    size_t n, number = number_of(die, DW_AT_call_file);
    if (!dwarf_diecu(die, &cu, NULL, NULL) || dwarf_getsrcfiles(&cu, &files, &n) || number >= n)
        return NULL;
    const char *name = dwarf_filesrc(files, number, NULL, NULL);
    uint32_t f = name && source_is_name(name) ? source_intern(s, name) : NO_FILE;
    return f == NO_FILE ? NULL : s->files[f];
}

unsigned source_inlines_at(struct source *s, uint64_t addr, struct source_inline v[SOURCE_INLINES])
{
    Dwarf_Die die[DEPTH];
    const struct func_range *range;
    const struct func *f = s ? func_at(s, addr, &range) : NULL;
    unsigned n = f ? inlined_at(s, f, addr - s->objects[f->object].bias, die) : 0, told = 0;
    while (told < n && told < SOURCE_INLINES) {
        Dwarf_Die *d = &die[n - 1 - told];
        const char *name = dwarf_diename(d);
        v[told++] = (struct source_inline){name && source_is_name(name) ? name : "?", call_file_of(s, d),
                                           number_of(d, DW_AT_call_line),
                                           dwarf_haspc(d, addr - s->objects[f->object].bias - 1) != 1};
    }
    return told;
}

/* The places where one function was inlined. */
struct copies {
    Dwarf_Off origin;
    uint64_t bias, *va;
    unsigned n, max;
    size_t budget;
};

static void find_copies(struct copies *c, Dwarf_Die *parent, unsigned depth)
{
    Dwarf_Die die, origin;
    Dwarf_Attribute a;
    Dwarf_Addr entry, high, base;
    if (!depth || dwarf_child(parent, &die))
        return;
    do {
        int tag = dwarf_tag(&die);
        if (tag != DW_TAG_inlined_subroutine && tag != DW_TAG_lexical_block)
            continue;
        if (tag == DW_TAG_inlined_subroutine && dwarf_attr(&die, DW_AT_abstract_origin, &a) &&
            dwarf_formref_die(&a, &origin) && dwarf_dieoffset(&origin) == c->origin && c->n < c->max &&
            (!dwarf_entrypc(&die, &entry) || dwarf_ranges(&die, 0, &base, &entry, &high) > 0))
            c->va[c->n++] = entry + c->bias;
        find_copies(c, &die, depth - 1);
    } while (c->budget && c->budget-- && !dwarf_siblingof(&die, &die));
}

unsigned source_inlined_copies(struct source *s, const char *name, uint64_t *va, unsigned max)
{
    struct source_name hit;
    struct copies c = {.va = va, .max = max};
    for (size_t i = 0; s && source_find_name(s, NAME_INLINE, name, i, &hit); i++) {
        const struct object *o = &s->objects[hit.object];
        c.origin = hit.die;
        c.bias = o->bias;
        c.budget = o->data.size;
        for (size_t k = 0; k < s->nfuncs; k++) {
            Dwarf_Die die;
            if (s->funcs[k].object == hit.object && dwarf_offdie(o->dwarf, s->funcs[k].die, &die))
                find_copies(&c, &die, DEPTH);
        }
    }
    return c.n;
}

uint64_t source_block_at(struct source *s, uint64_t addr)
{
    Dwarf_Die die[DEPTH];
    const struct func_range *range;
    const struct func *f = func_at(s, addr, &range);
    unsigned n = f ? inlined_at(s, f, addr - s->objects[f->object].bias, die) : 0;
    uint64_t object = f ? (uint64_t)f->object << 48 : 0;
    return n ? object + dwarf_dieoffset(&die[n - 1]) : f ? object + f->die : 0;
}
