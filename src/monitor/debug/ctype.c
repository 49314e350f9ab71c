/* SPDX-License-Identifier: MIT */
#include "monitor/debug/ctype.h"

#include "monitor/debug/source_int.h"

#include <dwarf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LONGEST_CHAIN = 64, DEPTH = 16 };

struct ctype_node {
    struct ctype t; /* first: it is found by it */
    struct source *s;
    struct ctype_node *next;
    uint32_t asked_object; /* the entry that it was asked for by: a typedef's, perhaps */
    Dwarf_Off asked;
    uint32_t object; /* the entry that describes it */
    Dwarf_Off die;
    unsigned dim;  /* ARRAY: which of its dimensions this is */
    unsigned dims; /* how many there are */
    bool followed; /* target is known */
    const struct ctype *target;
};

void ctype_free_all(struct source *s)
{
    struct ctype_node *n = s->types, *next;
    for (; n; n = next) {
        next = n->next;
        free(n);
    }
    s->types = NULL;
}

/* ---- From entries to types ---- */

static bool entry_of(const struct ctype_node *n, Dwarf_Die *die)
{
    return dwarf_offdie(n->s->objects[n->object].dwarf, n->die, die) != NULL;
}

static uint64_t word(Dwarf_Die *die, unsigned attribute, uint64_t otherwise)
{
    Dwarf_Attribute a;
    Dwarf_Word v;
    return dwarf_attr_integrate(die, attribute, &a) && !dwarf_formudata(&a, &v) ? v : otherwise;
}

static const char *name_of(Dwarf_Die *die)
{
    const char *name = dwarf_diename(die);
    return name && source_is_name(name) ? name : NULL;
}

static bool type_attribute(Dwarf_Die *die, Dwarf_Die *type)
{
    Dwarf_Attribute a;
    return dwarf_attr_integrate(die, DW_AT_type, &a) && dwarf_formref_die(&a, type);
}

/* The elements of an array's dimension, from its subrange entry; 0: not said. */
static uint64_t elements(Dwarf_Die *array, unsigned dim, unsigned *dims)
{
    Dwarf_Die d;
    uint64_t count = 0;
    *dims = 0;
    if (dwarf_child(array, &d))
        return 0;
    do {
        if (dwarf_tag(&d) != DW_TAG_subrange_type || *dims >= DEPTH)
            continue;
        if ((*dims)++ == dim) {
            count = word(&d, DW_AT_count, 0);
            uint64_t last = word(&d, DW_AT_upper_bound, UINT64_MAX);
            count = count ? count : last + 1;
        }
    } while (!dwarf_siblingof(&d, &d));
    return count;
}

static void encode(struct ctype *t, uint64_t encoding)
{
    bool is_char = encoding == DW_ATE_signed_char || encoding == DW_ATE_unsigned_char || encoding == DW_ATE_UTF;
    t->is_signed = encoding == DW_ATE_signed_char || encoding == DW_ATE_signed;
    t->kind = encoding == DW_ATE_boolean ? CTYPE_BOOL
              : encoding == DW_ATE_float ? CTYPE_FLOAT
              : is_char && t->size == 1  ? CTYPE_CHAR
                                         : CTYPE_INT;
}

/* What the entry itself says, as far as it is no mere qualifier. False: nothing that is known here. */
static bool describe(Dwarf_Die *die, struct ctype_node *n)
{
    struct ctype *t = &n->t;
    switch (dwarf_tag(die)) {
    case DW_TAG_base_type:
        t->size = word(die, DW_AT_byte_size, 0);
        encode(t, word(die, DW_AT_encoding, 0));
        break;
    case DW_TAG_enumeration_type: {
        Dwarf_Die base;
        t->kind = CTYPE_ENUM;
        t->size = word(die, DW_AT_byte_size, 4);
        t->is_signed = type_attribute(die, &base) && word(&base, DW_AT_encoding, 0) == DW_ATE_signed;
        t->tagged = true;
        break;
    }
    case DW_TAG_pointer_type:
    case DW_TAG_reference_type:
        t->kind = CTYPE_POINTER;
        t->size = 8;
        return true;
    case DW_TAG_array_type:
        t->kind = CTYPE_ARRAY;
        t->count = elements(die, n->dim, &n->dims);
        return true;
    case DW_TAG_structure_type:
    case DW_TAG_class_type:
        t->kind = CTYPE_STRUCT;
        t->size = word(die, DW_AT_byte_size, 0);
        t->tagged = true;
        break;
    case DW_TAG_union_type:
        t->kind = CTYPE_UNION;
        t->size = word(die, DW_AT_byte_size, 0);
        t->tagged = true;
        break;
    case DW_TAG_subroutine_type:
    case DW_TAG_subprogram: t->kind = CTYPE_FUNCTION; return true;
    default: return false;
    }
    t->name = name_of(die);
    return true;
}

/* The type at an entry. dim: of an array, how many of its dimensions are done with. */
static const struct ctype *type_at(struct source *s, uint32_t object, Dwarf_Die die, unsigned dim)
{
    const char *alias = NULL;
    struct ctype_node *n;
    Dwarf_Off asked = dwarf_dieoffset(&die);
    for (n = s->types; n; n = n->next)
        if (n->asked_object == object && n->asked == asked && n->dim == dim)
            return &n->t;
    if (!(n = calloc(1, sizeof *n)))
        return NULL;
    *n = (struct ctype_node){
        .s = s, .next = s->types, .asked_object = object, .asked = asked, .object = object, .dim = dim};
    s->types = n;
    for (unsigned i = 0; i < LONGEST_CHAIN && !describe(&die, n); i++) {
        if (!alias && dwarf_tag(&die) == DW_TAG_typedef)
            alias = name_of(&die);
        if (!type_attribute(&die, &die))
            break; /* const void and the like: void */
    }
    /* A mere declaration stands for the definition in another unit. */
    struct source_name hit;
    bool declared = (n->t.kind == CTYPE_STRUCT || n->t.kind == CTYPE_UNION) && !n->t.size && n->t.name;
    if (declared && source_find_name(s, n->t.kind == CTYPE_STRUCT ? NAME_STRUCT : NAME_UNION, n->t.name, 0, &hit) &&
        dwarf_offdie(s->objects[hit.object].dwarf, hit.die, &die)) {
        n->object = hit.object;
        (void)describe(&die, n);
    }
    n->die = dwarf_dieoffset(&die);
    if (alias) {
        n->t.name = alias;
        n->t.tagged = false;
    }
    return &n->t;
}

const struct ctype *ctype_of(struct source *s, uint32_t object, void *entry)
{
    Dwarf_Die type;
    return type_attribute(entry, &type) ? type_at(s, object, type, 0) : NULL;
}

const struct ctype *ctype_target(const struct ctype *t)
{
    struct ctype_node *n = (struct ctype_node *)t;
    Dwarf_Die die;
    if (n->followed || !entry_of(n, &die))
        return n->target;
    n->followed = true;
    if (t->kind == CTYPE_ARRAY && n->dim + 1 < n->dims)
        n->target = type_at(n->s, n->object, die, n->dim + 1);
    else
        n->target = ctype_of(n->s, n->object, &die);
    return n->target;
}

uint64_t ctype_size(const struct ctype *t)
{
    uint64_t count = 1;
    for (unsigned i = 0; t && t->kind == CTYPE_ARRAY && i < DEPTH; i++, t = ctype_target(t))
        if (__builtin_mul_overflow(count, t->count, &count))
            return 0;
    return t ? count * t->size : 0;
}

/* ---- Members ---- */

/* A constant, or an expression of one operation that adds one. */
static uint64_t offset_of(Dwarf_Die *die)
{
    Dwarf_Attribute a;
    Dwarf_Op *ops;
    size_t n;
    uint64_t v = word(die, DW_AT_data_member_location, UINT64_MAX);
    if (v != UINT64_MAX || !dwarf_attr_integrate(die, DW_AT_data_member_location, &a) ||
        dwarf_getlocation(&a, &ops, &n))
        return v == UINT64_MAX ? 0 : v;
    return n == 1 && ops->atom == DW_OP_plus_uconst ? ops->number : 0;
}

static void member_at(const struct ctype_node *n, Dwarf_Die *die, struct ctype_member *m)
{
    *m = (struct ctype_member){.name = name_of(die), .type = ctype_of(n->s, n->object, die), .offset = offset_of(die)};
    uint64_t bits = word(die, DW_AT_bit_size, 0), at = word(die, DW_AT_data_bit_offset, UINT64_MAX);
    if (!bits || bits > 64)
        return;
    if (at == UINT64_MAX) { /* DWARF 3: from the upper end of what holds it */
        uint64_t size = word(die, DW_AT_byte_size, m->type ? m->type->size : 4);
        at = 8 * (m->offset + size) - word(die, DW_AT_bit_offset, 0) - bits;
    }
    m->offset = at / 8;
    m->bit = at % 8;
    m->bits = (unsigned)bits;
}

bool ctype_member(const struct ctype *t, unsigned i, struct ctype_member *m)
{
    const struct ctype_node *n = (const struct ctype_node *)t;
    Dwarf_Die die;
    if ((t->kind != CTYPE_STRUCT && t->kind != CTYPE_UNION) || !entry_of(n, &die) || dwarf_child(&die, &die))
        return false;
    do
        if (dwarf_tag(&die) == DW_TAG_member && !i--) {
            member_at(n, &die, m);
            return true;
        }
    while (!dwarf_siblingof(&die, &die));
    return false;
}

static bool find_member(const struct ctype *t, const char *name, struct ctype_member *m, unsigned depth)
{
    for (unsigned i = 0; ctype_member(t, i, m); i++) {
        uint64_t offset = m->offset;
        if (m->name && !strcmp(m->name, name))
            return true;
        if (!m->name && m->type && depth && find_member(m->type, name, m, depth - 1)) {
            m->offset += offset;
            return true;
        }
    }
    return false;
}

bool ctype_find_member(const struct ctype *t, const char *name, struct ctype_member *m)
{
    return find_member(t, name, m, DEPTH);
}

bool ctype_constant(const struct ctype *t, unsigned i, const char **name, int64_t *value)
{
    Dwarf_Die die;
    if (t->kind != CTYPE_ENUM || !entry_of((const struct ctype_node *)t, &die) || dwarf_child(&die, &die))
        return false;
    do {
        Dwarf_Attribute a;
        Dwarf_Sword v;
        if (dwarf_tag(&die) != DW_TAG_enumerator || i--)
            continue;
        *name = name_of(&die);
        if (!*name || !dwarf_attr(&die, DW_AT_const_value, &a) || dwarf_formsdata(&a, &v))
            return false;
        *value = v;
        return true;
    } while (!dwarf_siblingof(&die, &die));
    return false;
}

bool ctype_constant_named(struct source *s, const char *name, uint64_t *value)
{
    struct source_name hit;
    Dwarf_Die die;
    Dwarf_Attribute a;
    Dwarf_Sword v;
    if (!source_find_name(s, NAME_CONSTANT, name, 0, &hit) ||
        !dwarf_offdie(s->objects[hit.object].dwarf, hit.die, &die) || !dwarf_attr(&die, DW_AT_const_value, &a) ||
        dwarf_formsdata(&a, &v))
        return false;
    *value = (uint64_t)v;
    return true;
}

/* ---- Names ---- */

static const char *tag_of(const struct ctype *t)
{
    if (!t->tagged)
        return "";
    return t->kind == CTYPE_STRUCT  ? "struct "
           : t->kind == CTYPE_UNION ? "union "
           : t->kind == CTYPE_ENUM  ? "enum "
                                    : "";
}

const char *ctype_write(const struct ctype *t, char *buf, size_t size)
{
    char inside[128] = "";
    /* Declarators are written from the inside out. */
    for (unsigned i = 0; t && i < DEPTH; i++, t = ctype_target(t)) {
        char more[sizeof inside];
        if (t->kind == CTYPE_POINTER && !t->name) {
            const struct ctype *to = ctype_target(t);
            bool group = to && (to->kind == CTYPE_ARRAY || to->kind == CTYPE_FUNCTION) && !to->name;
            snprintf(more, sizeof more, group ? "(*%.100s)" : "*%.100s", inside);
        } else if (t->kind == CTYPE_ARRAY && !t->name) {
            snprintf(more, sizeof more, t->count ? "%.90s[%llu]" : "%.90s[]", inside, (unsigned long long)t->count);
        } else if (t->kind == CTYPE_FUNCTION && !t->name) {
            snprintf(more, sizeof more, "%.100s()", inside);
        } else {
            break;
        }
        memcpy(inside, more, sizeof inside);
    }
    snprintf(buf, size, "%s%s%s%s", t ? tag_of(t) : "",
             !t || t->kind == CTYPE_VOID ? "void"
             : t->name                   ? t->name
                                         : "{...}",
             *inside ? " " : "", inside);
    return buf;
}

const struct ctype *ctype_named(struct source *s, const char *name)
{
    static const struct {
        const char *word;
        enum source_name_kind kind;
    } tags[] = {{"struct ", NAME_STRUCT}, {"union ", NAME_UNION}, {"enum ", NAME_ENUM}, {"", NAME_TYPE}};
    struct source_name hit;
    Dwarf_Die die;
    for (unsigned i = 0; s && i < ARRAY_LEN(tags); i++) {
        size_t n = strlen(tags[i].word);
        if (strncmp(name, tags[i].word, n))
            continue;
        if (!source_find_name(s, tags[i].kind, name + n, 0, &hit) ||
            !dwarf_offdie(s->objects[hit.object].dwarf, hit.die, &die))
            return NULL;
        return type_at(s, hit.object, die, 0);
    }
    return NULL;
}
