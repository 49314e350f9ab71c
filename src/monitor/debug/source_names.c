/* SPDX-License-Identifier: MIT */
/* Global variables and types by name: read from the debugging entries when first asked for. */
#include "monitor/debug/source_int.h"

#include <dwarf.h>
#include <stdlib.h>
#include <string.h>

static bool kind_of(Dwarf_Die *die, uint32_t *kind)
{
    switch (dwarf_tag(die)) {
    case DW_TAG_variable: *kind = NAME_VARIABLE; return true;
    case DW_TAG_structure_type: *kind = NAME_STRUCT; return true;
    case DW_TAG_union_type: *kind = NAME_UNION; return true;
    case DW_TAG_enumeration_type: *kind = NAME_ENUM; return true;
    case DW_TAG_typedef:
    case DW_TAG_base_type: *kind = NAME_TYPE; return true;
    case DW_TAG_enumerator: *kind = NAME_CONSTANT; return true;
    case DW_TAG_subprogram: *kind = NAME_INLINE; return true;
    default: return false;
    }
}

/* A definition, no mere declaration. */
static bool is_defined(Dwarf_Die *die, uint32_t kind)
{
    Dwarf_Attribute a;
    if (kind == NAME_VARIABLE)
        return dwarf_attr(die, DW_AT_location, &a) || dwarf_attr(die, DW_AT_const_value, &a);
    if (kind == NAME_INLINE)
        return dwarf_attr(die, DW_AT_inline, &a);
    return !dwarf_attr(die, DW_AT_declaration, &a);
}

/* What a unit, or an enum, holds. */
static bool read_entries(struct source *s, uint32_t object, Dwarf_Die *parent, size_t *budget)
{
    Dwarf_Die die;
    if (dwarf_child(parent, &die))
        return true;
    do {
        uint32_t kind;
        if (!kind_of(&die, &kind) || !is_defined(&die, kind))
            continue;
        if (kind == NAME_ENUM && !read_entries(s, object, &die, budget))
            return false;
        const char *name = dwarf_diename(&die);
        if (!name || !source_is_name(name))
            continue;
        if (!source_grow(&s->names, &s->cap_names, s->nnames, sizeof *s->names))
            return false;
        s->names[s->nnames++] = (struct source_name){name, dwarf_dieoffset(&die), object, kind};
    } while (*budget && (*budget)-- && !dwarf_siblingof(&die, &die));
    return true;
}

static int compare(const void *a, const void *b)
{
    const struct source_name *x = a, *y = b;
    int c = x->kind != y->kind ? (x->kind < y->kind ? -1 : 1) : strcmp(x->name, y->name);
    if (!c)
        c = x->object != y->object ? (x->object < y->object ? -1 : 1) : x->die < y->die ? -1 : x->die > y->die;
    return c;
}

static void read_all(struct source *s)
{
    if (s->named_objects == s->nobjects)
        return;
    for (; s->named_objects < s->nobjects; s->named_objects++) {
        const struct object *o = &s->objects[s->named_objects];
        size_t budget = o->data.size;
        Dwarf_CU *cu = NULL;
        Dwarf_Die die;
        while (o->dwarf && !dwarf_get_units(o->dwarf, cu, &cu, NULL, NULL, &die, NULL))
            if (dwarf_tag(&die) && !read_entries(s, (uint32_t)s->named_objects, &die, &budget))
                break;
    }
    if (s->nnames)
        qsort(s->names, s->nnames, sizeof *s->names, compare);
}

bool source_find_name(struct source *s, enum source_name_kind kind, const char *name, size_t n, struct source_name *hit)
{
    read_all(s);
    size_t lo = 0, hi = s->nnames;
    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        const struct source_name *x = &s->names[mid];
        if (x->kind < (uint32_t)kind || (x->kind == (uint32_t)kind && strcmp(x->name, name) < 0))
            lo = mid + 1;
        else
            hi = mid;
    }
    if (n >= s->nnames - lo)
        return false;
    *hit = s->names[lo + n];
    return hit->kind == (uint32_t)kind && !strcmp(hit->name, name);
}
