/* SPDX-License-Identifier: MIT */
/* Variables: their entries in the blocks around an address, and what their location expressions say. DWARF 5, 3.3, 2.6 and 4.1. */
#include "monitor/debug/variables.h"

#include "monitor/debug/source_int.h"
#include "monitor/debug/unwind_int.h"

#include <dwarf.h>
#include <string.h>

/* How deep blocks may nest. */
enum { BLOCKS = 64, LONGEST = 4096 };

/* The blocks around an address: the function's first. */
struct blocks {
    const struct object *o;
    uint32_t object;
    Dwarf_Die v[BLOCKS];
    unsigned n;
    uint64_t pc; /* bias not added */
};

static bool is_block(Dwarf_Die *die)
{
    int tag = dwarf_tag(die);
    return tag == DW_TAG_lexical_block || tag == DW_TAG_inlined_subroutine;
}

static bool blocks_at(struct source *s, uint64_t addr, struct blocks *b)
{
    Dwarf_Die die;
    uint32_t object;
    Dwarf_Off function;
    *b = (struct blocks){.n = 0};
    if (!source_function_entry(s, addr, &object, &function))
        return false;
    b->object = object;
    b->o = &s->objects[object];
    b->pc = addr - b->o->bias;
    if (!dwarf_offdie(b->o->dwarf, function, &b->v[0]))
        return false;
    size_t budget = b->o->data.size;
    bool deeper = true;
    for (b->n = 1; b->n < BLOCKS && deeper; b->n += deeper) {
        deeper = false;
        if (dwarf_child(&b->v[b->n - 1], &die))
            break;
        do {
            deeper = is_block(&die) && dwarf_haspc(&die, b->pc) == 1;
            if (deeper)
                b->v[b->n] = die;
        } while (!deeper && budget-- && !dwarf_siblingof(&die, &die));
    }
    return true;
}

/* ---- Where they are ---- */

static bool frame_base(const struct unwind_env *env, const struct unwind_frame *f, const struct blocks *b,
                       struct unwind_place *p)
{
    Dwarf_Attribute a;
    Dwarf_Op *ops;
    size_t n;
    Dwarf_Die function = b->v[0];
    struct unwind_place base = {.bias = p->bias};
    if (!b->n || !dwarf_attr_integrate(&function, DW_AT_frame_base, &a) ||
        dwarf_getlocation_addr(&a, b->pc, &ops, &n, 1) != 1 || !unwind_evaluate(env, f, ops, n, &base))
        return false;
    if (base.where == UNWIND_REGISTER) {
        if (base.value >= 32 || !(f->known >> base.value & 1))
            return false;
        base.value = f->x[base.value];
    }
    p->base = base.value;
    p->has_base = true;
    return true;
}

static void locate(const struct unwind_env *env, const struct unwind_frame *f, const struct blocks *b,
                   const struct object *o, Dwarf_Die *die, struct variable *v)
{
    Dwarf_Attribute a;
    Dwarf_Op *ops;
    size_t n;
    Dwarf_Word constant;
    struct unwind_place p = {.bias = o->bias};
    v->where = VARIABLE_GONE;
    if (dwarf_attr_integrate(die, DW_AT_const_value, &a) && !dwarf_formudata(&a, &constant)) {
        v->where = VARIABLE_VALUE;
        v->at = constant;
        return;
    }
    if (!dwarf_attr_integrate(die, DW_AT_location, &a) || dwarf_getlocation_addr(&a, b->pc, &ops, &n, 1) != 1 ||
        n > LONGEST)
        return;
    for (size_t i = 0; i < n; i++)
        if (ops[i].atom == DW_OP_fbreg && !p.has_base && !frame_base(env, f, b, &p))
            return;
    if (!unwind_evaluate(env, f, ops, n, &p))
        return;
    if (p.where == UNWIND_REGISTER && (p.value >= 64 || (p.value && p.value < 32 && !(f->known >> p.value & 1))))
        return;
    v->where = p.where == UNWIND_MEMORY     ? VARIABLE_MEMORY
               : p.where == UNWIND_REGISTER ? VARIABLE_REGISTER
                                            : VARIABLE_VALUE;
    v->at = p.value;
}

static void fill(const struct unwind_env *env, const struct unwind_frame *f, const struct blocks *b, uint32_t object,
                 Dwarf_Die *die, struct variable *v)
{
    v->name = dwarf_diename(die);
    v->type = ctype_of(env->source, object, die);
    locate(env, f, b, &env->source->objects[object], die, v);
}

/* ---- Finding them ---- */

/* A declaration of what lies elsewhere: `extern int x;` in a block. */
static bool is_declaration(Dwarf_Die *die)
{
    Dwarf_Attribute a;
    return dwarf_attr(die, DW_AT_declaration, &a);
}

static bool find_in(Dwarf_Die *block, const char *name, Dwarf_Die *die)
{
    if (dwarf_child(block, die))
        return false;
    do {
        int tag = dwarf_tag(die);
        if (tag != DW_TAG_variable && tag != DW_TAG_formal_parameter)
            continue;
        const char *own = dwarf_diename(die);
        if (own && !strcmp(own, name) && !is_declaration(die))
            return true;
    } while (!dwarf_siblingof(die, die));
    return false;
}

static bool find_global(const struct unwind_env *env, const struct unwind_frame *f, const struct blocks *b,
                        const char *name, struct variable *v)
{
    struct source_name hit, best;
    Dwarf_Die die, here, unit;
    bool any = false, in_unit = b->n && dwarf_diecu((Dwarf_Die *)&b->v[0], &here, NULL, NULL);
    for (size_t i = 0; source_find_name(env->source, NAME_VARIABLE, name, i, &hit); i++) {
        bool same = in_unit && hit.object == b->object && dwarf_offdie(b->o->dwarf, hit.die, &die) &&
                    dwarf_diecu(&die, &unit, NULL, NULL) && dwarf_dieoffset(&unit) == dwarf_dieoffset(&here);
        if (!any || same)
            best = hit;
        any = true;
        if (same)
            break;
    }
    if (!any || !dwarf_offdie(env->source->objects[best.object].dwarf, best.die, &die))
        return false;
    *v = (struct variable){.global = true};
    fill(env, f, b, best.object, &die, v);
    return true;
}

bool variable_find(const struct unwind_env *env, const struct unwind_frame *f, const char *name, struct variable *v)
{
    struct blocks b;
    Dwarf_Die die;
    if (!env->source || !source_has_lines(env->source))
        return false;
    (void)blocks_at(env->source, f->lookup, &b);
    for (unsigned i = b.n; i > 0; i--)
        if (find_in(&b.v[i - 1], name, &die)) {
            *v = (struct variable){.global = false};
            fill(env, f, &b, b.object, &die, v);
            return true;
        }
    return find_global(env, f, &b, name, v);
}

unsigned variable_each(const struct unwind_env *env, const struct unwind_frame *f, bool arguments,
                       bool (*fn)(void *ctx, const struct variable *v), void *ctx)
{
    struct blocks b;
    unsigned told = 0;
    if (!env->source || !blocks_at(env->source, f->lookup, &b))
        return 0;
    for (unsigned i = b.n; i > 0; i--) {
        Dwarf_Die die;
        if (dwarf_child(&b.v[i - 1], &die))
            continue;
        /* What an inlined function was given is local to where it was inlined. */
        bool inlined = i > 1;
        size_t budget = b.o->data.size;
        do {
            int tag = dwarf_tag(&die);
            bool argument = tag == DW_TAG_formal_parameter && !inlined;
            if ((tag != DW_TAG_variable && tag != DW_TAG_formal_parameter) || argument != arguments ||
                is_declaration(&die))
                continue;
            struct variable v = {.global = false};
            fill(env, f, &b, b.object, &die, &v);
            if (!v.name || !source_is_name(v.name))
                continue;
            told++;
            if (!fn(ctx, &v))
                return told;
        } while (budget-- && !dwarf_siblingof(&die, &die));
    }
    return told;
}

bool function_returns(struct source *s, uint64_t addr, const struct ctype **type)
{
    uint32_t object;
    Dwarf_Off function;
    Dwarf_Die die;
    if (!s || !source_function_entry(s, addr, &object, &function) ||
        !dwarf_offdie(s->objects[object].dwarf, function, &die))
        return false;
    *type = ctype_of(s, object, &die);
    return true;
}
