/* SPDX-License-Identifier: MIT */
/* Evaluation: a walk over the tree, whose height the parser bounds. Values are 64 bits, kept extended by their type at all times. */
#include "monitor/debug/expr.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "monitor/debug/ctype.h"
#include "monitor/debug/expr_int.h"

/* Something that can be read and, mostly, assigned to. */
struct place {
    struct expr_node *reg; /* NULL: memory, or a variable's place */
    const char *var_reg;   /* the register that a variable is in */
    bool is_value;         /* a variable that is nowhere: addr is its value */
    uint64_t addr;
    enum expr_space space;
    struct expr_type type; /* of what is there */
    unsigned bit, bits;    /* of a bit-field, from addr on; bits 0: none */
    bool global;           /* a global variable */
};

static bool eval(struct expr_run *r, unsigned n, struct expr_value *v);
static bool value(struct expr_run *r, unsigned n, struct expr_value *v);

/* ---- leaves ---- */

/* "; did you mean $sp?" */
static bool unknown(struct expr_run *r, const struct expr_node *n, enum expr_name_kind kind, const char *what,
                    const char *sigil)
{
    const struct expr_env *env = r->env;
    const char *reg = r->x->names + n->name;
    const char *name = kind == EXPR_FIELD ? r->x->names + n->field : reg, *near;
    if (!r->e)
        return false;
    near = env->nearest ? env->nearest(env->ctx, kind, name, reg) : NULL;
    if (near)
        return expr_fail(r, n, "%s %s%s: did you mean %s%s?", what, sigil, name, sigil, near);
    return expr_fail(r, n, "%s %s%s", what, sigil, name);
}

static bool unknown_reg(struct expr_run *r, const struct expr_node *n)
{
    char what[128];
    if (n->field == NO_TEXT)
        return unknown(r, n, EXPR_REGISTER, "no register or variable", "$");
    snprintf(what, sizeof what, "$%.32s has no field", r->x->names + n->name);
    return unknown(r, n, EXPR_FIELD, what, "");
}

static bool load(struct expr_run *r, const struct expr_node *n, const struct place *p, struct expr_value *v);

/* The place of a variable of the program. EXPR_UNKNOWN: there is none of that name. */
static enum expr_found find_variable(struct expr_run *r, const struct expr_node *n, struct place *p)
{
    const struct expr_env *env = r->env;
    struct expr_variable x;
    if (!env->variable)
        return EXPR_UNKNOWN;
    enum expr_found found = env->variable(env->variable_ctx, r->x->names + n->name, &x, r->e);
    if (found != EXPR_FOUND)
        return found;
    *p = (struct place){.addr = x.at, .type = x.type, .is_value = x.where == EXPR_AS_VALUE, .global = x.global};
    if (x.where == EXPR_IN_REGISTER)
        p->var_reg = x.reg;
    return EXPR_FOUND;
}

static bool read_name(struct expr_run *r, struct expr_node *n, struct expr_value *v)
{
    const struct expr_env *env = r->env;
    struct place p;
    enum expr_found found = find_variable(r, n, &p);
    if (found != EXPR_UNKNOWN)
        return found == EXPR_FOUND && load(r, n, &p, v);
    *v = (struct expr_value){.type = EXPR_TYPE_WORD};
    if (env->name)
        found = env->name(env->ctx, r->x->names + n->name, &n->ref, v, r->e);
    if (found == EXPR_UNKNOWN)
        return unknown(r, n, EXPR_NAME, "no symbol or value", "");
    return found == EXPR_FOUND;
}

static const char *field_of(const struct expr_run *r, const struct expr_node *n)
{
    return n->field == NO_TEXT ? NULL : r->x->names + n->field;
}

static bool read_reg(struct expr_run *r, struct expr_node *n, struct expr_value *v)
{
    const struct expr_env *env = r->env;
    const char *name = r->x->names + n->name;
    *v = (struct expr_value){.type = EXPR_TYPE_WORD};
    enum expr_found found = env->reg ? env->reg(env->ctx, name, field_of(r, n), &n->ref, &v->v, r->e) : EXPR_UNKNOWN;
    if (found == EXPR_UNKNOWN && n->field == NO_TEXT && env->vars && expr_vars_get(env->vars, name, v))
        return true;
    return found == EXPR_UNKNOWN ? unknown_reg(r, n) : found == EXPR_FOUND;
}

static bool write_reg(struct expr_run *r, struct expr_node *n, const struct expr_value *v)
{
    const struct expr_env *env = r->env;
    const char *name = r->x->names + n->name;
    enum expr_found found = EXPR_UNKNOWN;
    if (env->set_reg) {
        found = env->set_reg(env->ctx, name, field_of(r, n), &n->ref, v->v, r->e);
    } else if (env->reg) {
        uint64_t old;
        if (env->reg(env->ctx, name, field_of(r, n), &n->ref, &old, r->e) != EXPR_UNKNOWN)
            return expr_fail(r, n, "registers cannot be changed here");
    }
    if (found != EXPR_UNKNOWN)
        return found == EXPR_FOUND;
    if (n->field != NO_TEXT)
        return unknown_reg(r, n);
    if (env->vars && !expr_vars_set(env->vars, name, v))
        return expr_fail(r, n, "no room for a variable $%s: names have at most 31 characters", name);
    return env->vars ? true : unknown_reg(r, n);
}

static bool read_history(struct expr_run *r, const struct expr_node *n, struct expr_value *v)
{
    const struct expr_vars *s = r->env->vars;
    int64_t i = (int64_t)n->value, last = s ? (int64_t)s->npast : 0;
    if (i <= 0)
        i += last;
    if (!last)
        return expr_fail(r, n, "the history of values is empty");
    if (i < 1 || i > last)
        return expr_fail(r, n, "no such value in the history: it goes from $1 to $%" PRId64, last);
    *v = s->past[i - 1];
    return true;
}

/* ---- places ---- */

/* A bit-field's bytes: those that it touches, up to 9. */
static bool field_bytes(struct expr_run *r, const struct place *p, bool write, uint8_t bytes[9])
{
    const struct expr_env *env = r->env;
    unsigned n = (p->bit + p->bits + 7) / 8;
    for (unsigned i = 0; i < n && i < 9; i++) {
        uint64_t v = bytes[i];
        if (write ? !env->write(env->ctx, p->space, p->addr + i, 1, v, r->e)
                  : !env->read(env->ctx, p->space, p->addr + i, 1, &v, r->e))
            return false;
        bytes[i] = (uint8_t)v;
    }
    return true;
}

static bool load_bits(struct expr_run *r, const struct place *p, struct expr_value *v)
{
    uint8_t bytes[9] = {0};
    if (!field_bytes(r, p, false, bytes))
        return false;
    v->v = 0;
    for (unsigned i = 0; i < p->bits; i++)
        v->v |= (uint64_t)(bytes[(p->bit + i) / 8] >> (p->bit + i) % 8 & 1) << i;
    if (p->type.is_signed)
        v->v = (uint64_t)sign_extend(v->v, p->bits);
    return true;
}

static bool store_bits(struct expr_run *r, const struct place *p, uint64_t v)
{
    uint8_t bytes[9] = {0};
    if (!field_bytes(r, p, false, bytes))
        return false;
    for (unsigned i = 0; i < p->bits; i++) {
        unsigned at = p->bit + i;
        bytes[at / 8] = (uint8_t)((bytes[at / 8] & ~(1u << at % 8)) | (unsigned)(v >> i & 1) << at % 8);
    }
    return field_bytes(r, p, true, bytes);
}

static bool load(struct expr_run *r, const struct expr_node *n, const struct place *p, struct expr_value *v)
{
    const struct expr_env *env = r->env;
    struct expr_ref ref = {0};
    *v = (struct expr_value){.type = p->type};
    if (expr_type_is_aggregate(&p->type) && !p->is_value && !p->var_reg) {
        v->v = p->addr; /* stands for what is there */
        v->space = (uint8_t)p->space;
        return true;
    }
    if (!p->type.depth && !p->type.size)
        return expr_fail(r, n,
                         p->type.c ? "this has no value that could be shown here"
                                   : "void has no value: cast the address to a pointer as (uint32_t *)");
    if (p->is_value) {
        v->v = p->addr;
    } else if (p->var_reg) {
        if (!env->reg || env->reg(env->ctx, p->var_reg, NULL, &ref, &v->v, r->e) != EXPR_FOUND)
            return false;
    } else if (!env->read) {
        return expr_fail(r, n, "there is no memory to read here");
    } else if (p->bits) {
        return load_bits(r, p, v);
    } else if (!env->read(env->ctx, p->space, p->addr, p->type.depth ? 8 : p->type.size, &v->v, r->e)) {
        return false;
    }
    v->v = expr_extend(v->v, p->type);
    return true;
}

/* The member of a struct, or of what a pointer leads to. */
static bool member_place(struct expr_run *r, const struct expr_node *n, struct place *p)
{
    struct expr_value a;
    struct ctype_member m;
    char type[128];
    const char *name = r->x->names + n->name;
    if (!eval(r, n->a, &a))
        return false;
    bool holds = a.type.c && (a.type.c->kind == CTYPE_STRUCT || a.type.c->kind == CTYPE_UNION);
    if (!holds || a.type.depth > 1)
        return expr_fail(r, n, "%s is asked of what is no struct: cast its address as (struct NAME *)", name);
    if (!ctype_find_member(a.type.c, name, &m))
        return expr_fail(r, n, "%s has no member %s", ctype_write(a.type.c, type, sizeof type), name);
    *p = (struct place){.addr = a.v + m.offset,
                        .space = (enum expr_space)a.space,
                        .type = expr_type_of(m.type),
                        .bit = m.bit,
                        .bits = m.bits};
    return true;
}

/* What is dereferenced. A global integer's name means its address there, as that of a symbol without debug information does. */
static bool pointer_value(struct expr_run *r, unsigned at, struct expr_value *v)
{
    struct place p;
    const struct expr_node *n = &r->x->node[at];
    if (n->op != OP_NAME || find_variable(r, n, &p) != EXPR_FOUND || !p.global || p.is_value || p.var_reg ||
        p.type.depth || !p.type.size)
        return value(r, at, v);
    p.type.depth++;
    *v = (struct expr_value){.v = p.addr, .type = p.type};
    return true;
}

static bool place_of(struct expr_run *r, unsigned at, struct place *p)
{
    struct expr_node *n = &r->x->node[at];
    struct expr_value a, i;
    *p = (struct place){.reg = n};
    if (n->op == OP_REG)
        return true;
    if (n->op == OP_MEMBER)
        return member_place(r, n, p);
    if (n->op == OP_NAME) {
        enum expr_found found = find_variable(r, n, p);
        return found == EXPR_FOUND ||
               (found == EXPR_UNKNOWN &&
                expr_fail(r, n, "%s: no variable of that name is known: assign to memory, as in *(int *)ADDR",
                          r->x->names + n->name));
    }
    if (!pointer_value(r, n->a, &a))
        return false;
    if (n->op == OP_INDEX) {
        if (!value(r, n->b, &i))
            return false;
        if (!a.type.depth && i.type.depth) { /* 2[p] is p[2] */
            struct expr_value swap = a;
            a = i;
            i = swap;
        }
        a.v += i.v * expr_stride(a.type);
    }
    *p = (struct place){.addr = a.v, .space = (enum expr_space)a.space, .type = expr_pointee(a.type)};
    return true;
}

static bool fetch(struct expr_run *r, const struct expr_node *n, const struct place *p, struct expr_value *v)
{
    return p->reg ? read_reg(r, p->reg, v) : load(r, n, p, v);
}

static bool store(struct expr_run *r, const struct expr_node *n, const struct place *p, struct expr_value *v)
{
    const struct expr_env *env = r->env;
    struct expr_ref ref = {0};
    if (p->reg)
        return write_reg(r, p->reg, v);
    if (p->is_value || (!p->type.depth && p->type.c && (!p->type.size || p->type.c->kind == CTYPE_FLOAT)))
        return expr_fail(r, n,
                         p->is_value ? "this variable is a constant here"
                                     : "only integers and pointers can be assigned: name a member or an element");
    if (!p->type.depth && !p->type.size)
        return expr_fail(r, n, "void has no size: cast the address to a pointer as (uint32_t *)");
    *v = expr_convert(*v, p->type);
    if (p->var_reg)
        return env->set_reg ? env->set_reg(env->ctx, p->var_reg, NULL, &ref, v->v, r->e) == EXPR_FOUND
                            : expr_fail(r, n, "registers cannot be changed here");
    if (!env->write)
        return expr_fail(r, n, "memory cannot be changed here");
    if (p->bits)
        return store_bits(r, p, v->v);
    return env->write(env->ctx, p->space, p->addr, p->type.depth ? 8 : p->type.size, v->v, r->e);
}

static bool assign(struct expr_run *r, const struct expr_node *n, struct expr_value *v)
{
    struct place p;
    struct expr_value old;
    if (!place_of(r, n->a, &p) || !value(r, n->b, v))
        return false;
    if (n->value != OP_ASSIGN && (!fetch(r, n, &p, &old) || !expr_binary(r, n, (enum expr_op)n->value, &old, v, v)))
        return false;
    return store(r, n, &p, v);
}

static bool step(struct expr_run *r, const struct expr_node *n, struct expr_value *v)
{
    struct place p;
    struct expr_value old, one = {.v = 1, .type = EXPR_TYPE_INT}, now;
    bool up = n->op == OP_PRE_INC || n->op == OP_POST_INC;
    if (!place_of(r, n->a, &p) || !fetch(r, n, &p, &old) || !expr_binary(r, n, up ? OP_ADD : OP_SUB, &old, &one, &now))
        return false;
    now = expr_convert(now, old.type);
    if (!store(r, n, &p, &now))
        return false;
    *v = n->op == OP_PRE_INC || n->op == OP_PRE_DEC ? now : old;
    return true;
}

/* a @ b */
static bool repeat(struct expr_run *r, const struct expr_node *n, struct expr_value *v)
{
    struct place p;
    struct expr_value count;
    if (!place_of(r, n->a, &p) || !value(r, n->b, &count))
        return false;
    if (p.reg || p.var_reg || p.is_value || p.bits)
        return expr_fail(r, n, "what stands left of @ is not in memory: nothing lies behind it");
    if (count.type.depth || !count.v || count.v > UINT32_MAX)
        return expr_fail(r, n, "expected a count from 1 to %u behind @", UINT32_MAX);
    if (!expr_type_size(&p.type))
        return expr_fail(r, n, "the size of what stands left of @ is not known");
    *v = (struct expr_value){.v = p.addr, .type = p.type, .space = (uint8_t)p.space, .count = count.v};
    return true;
}

/* ---- the tree ---- */

/* What an array or a function is in an expression: a pointer to its first element, its address. */
static struct expr_type decayed(struct expr_type t)
{
    if (t.depth || !t.c || (t.c->kind != CTYPE_ARRAY && t.c->kind != CTYPE_FUNCTION))
        return t;
    if (t.c->kind == CTYPE_FUNCTION)
        return EXPR_TYPE_WORD;
    t = expr_type_of(ctype_target(t.c));
    t.depth++;
    return t;
}

/* A value to reckon with: no struct. */
static bool value(struct expr_run *r, unsigned at, struct expr_value *v)
{
    char name[128];
    if (!eval(r, at, v))
        return false;
    v->type = decayed(v->type);
    v->type.depth = (uint8_t)(v->type.depth + (v->count != 0)); /* of the history: its first is pointed to */
    v->count = 0;
    if (v->type.depth || !v->type.c)
        return true;
    if (!v->type.size)
        return expr_fail(r, &r->x->node[at], "a %s is no number: name a member with . or ->",
                         ctype_write(v->type.c, name, sizeof name));
    if (v->type.c->kind == CTYPE_FLOAT)
        return expr_fail(r, &r->x->node[at], "a floating-point value: it can be printed, but not be reckoned with");
    return true;
}

static bool named_type(struct expr_run *r, const struct expr_node *n, struct expr_type *t)
{
    const struct expr_env *env = r->env;
    const char *name = r->x->names + n->name;
    const struct ctype *c = env->type ? env->type(env->variable_ctx, name) : NULL;
    if (!c)
        return expr_fail(
            r, n, "no type %s is known: give a cast to an integer type as (uint32_t), or to a pointer as (uint32_t *)",
            name);
    *t = expr_type_of(c);
    if (t->depth + n->value > 100)
        return expr_fail(r, n, "too many pointers to one another");
    t->depth = (uint8_t)(t->depth + n->value);
    return true;
}

static struct expr_type joint_type(struct expr_type a, struct expr_type b)
{
    if (a.depth || b.depth)
        return a.depth ? a : b;
    return expr_common(a, b);
}

static bool type_of(struct expr_run *r, unsigned at, struct expr_type *t);

static bool type_of_element(struct expr_run *r, const struct expr_node *n, struct expr_type *t)
{
    struct expr_type b;
    if (!type_of(r, n->a, t))
        return false;
    *t = decayed(*t);
    if (n->op == OP_INDEX && !t->depth) {
        if (!type_of(r, n->b, &b))
            return false;
        *t = decayed(b); /* 2[p] is p[2]; and two numbers are alike to expr_pointee() */
    }
    *t = expr_pointee(*t);
    return true;
}

static bool type_of_binary(struct expr_run *r, const struct expr_node *n, struct expr_type *t)
{
    struct expr_type b;
    if (!type_of(r, n->a, t) || !type_of(r, n->b, &b))
        return false;
    *t = decayed(*t);
    b = decayed(b);
    bool sum = n->op == OP_ADD || n->op == OP_SUB;
    *t = sum && t->depth && b.depth     ? EXPR_TYPE_LONG
         : sum && (t->depth || b.depth) ? joint_type(*t, b)
                                        : expr_common(*t, b);
    return true;
}

/* The type of what is not evaluated: the other branch of ?:, the operand of sizeof. Reads no memory. */
static bool type_of(struct expr_run *r, unsigned at, struct expr_type *t)
{
    struct expr_node *n = &r->x->node[at];
    struct expr_value v;
    struct expr_type b;
    switch ((enum expr_op)n->op) {
    case OP_NUMBER:
    case OP_CAST: *t = n->type; return true;
    case OP_SIZEOF: *t = (struct expr_type){.size = 8}; return true;
    case OP_CAST_NAMED: return named_type(r, n, t);
    case OP_MEMBER: {
        struct place p;
        if (!member_place(r, n, &p))
            return false;
        *t = p.type;
        return true;
    }
    case OP_NAME:
    case OP_REG:
    case OP_HISTORY:
        if (!eval(r, at, &v))
            return false;
        *t = v.type;
        return true;
    case OP_SPACE:
    case OP_PRE_INC:
    case OP_PRE_DEC:
    case OP_POST_INC:
    case OP_POST_DEC:
    case OP_REPEAT:
    case OP_ASSIGN: return type_of(r, n->a, t);
    case OP_PLUS:
    case OP_NEGATE:
    case OP_INVERT:
    case OP_SHL:
    case OP_SHR:
        if (!type_of(r, n->a, t))
            return false;
        *t = expr_promote(*t);
        return true;
    case OP_NOT:
    case OP_LT:
    case OP_LE:
    case OP_GT:
    case OP_GE:
    case OP_EQ:
    case OP_NE:
    case OP_ALL:
    case OP_ANY: *t = EXPR_TYPE_INT; return true;
    case OP_DEREF:
    case OP_INDEX: return type_of_element(r, n, t);
    case OP_ADDRESS:
        if (!type_of(r, n->a, t))
            return false;
        t->depth += r->x->node[n->a].op != OP_NAME || t->c;
        return true;
    case OP_ADD:
    case OP_SUB:
    case OP_MUL:
    case OP_DIV:
    case OP_MOD:
    case OP_AND:
    case OP_XOR:
    case OP_OR: return type_of_binary(r, n, t);
    case OP_IF:
        if (!type_of(r, n->b, t) || !type_of(r, n->c, &b))
            return false;
        *t = joint_type(decayed(*t), decayed(b));
        return true;
    }
    return false;
}

static bool conditional(struct expr_run *r, const struct expr_node *n, struct expr_value *v)
{
    struct expr_value c;
    struct expr_type other;
    if (!value(r, n->a, &c) || !value(r, c.v ? n->b : n->c, v) || !type_of(r, c.v ? n->c : n->b, &other))
        return false;
    *v = expr_convert(*v, joint_type(v->type, decayed(other)));
    return true;
}

static bool address_of(struct expr_run *r, const struct expr_node *n, struct expr_value *v)
{
    struct place p;
    struct expr_node *of = &r->x->node[n->a];
    if (of->op == OP_NAME) {
        enum expr_found found = find_variable(r, of, &p);
        if (found == EXPR_UNKNOWN)
            return eval(r, n->a, v);
        if (found == EXPR_FAILED)
            return false;
    } else if (!place_of(r, n->a, &p)) {
        return false;
    }
    if (p.var_reg || p.is_value)
        return expr_fail(
            r, n, p.var_reg ? "it is in register $%s, which has no address" : "this variable is nowhere in memory",
            p.var_reg);
    if (p.bits)
        return expr_fail(r, n, "a bit-field has no address");
    p.type.depth++;
    *v = (struct expr_value){.v = p.addr, .type = p.type, .space = (uint8_t)p.space};
    return true;
}

static bool unary(struct expr_run *r, const struct expr_node *n, struct expr_value *v)
{
    struct expr_type t;
    if (!value(r, n->a, v))
        return false;
    switch ((int)n->op) {
    case OP_CAST: *v = expr_convert(*v, n->type); return true;
    case OP_CAST_NAMED:
        if (!named_type(r, n, &t))
            return false;
        if (!t.depth && !t.size)
            return expr_fail(r, n, "no value can be cast to a struct: cast an address to a pointer to it");
        *v = expr_convert(*v, t);
        return true;
    case OP_SPACE: v->space = (uint8_t)n->value; return true;
    case OP_NOT: *v = (struct expr_value){.v = !v->v, .type = EXPR_TYPE_INT}; return true;
    default: break;
    }
    t = expr_promote(v->type);
    if (n->op == OP_NEGATE) {
        v->v = -v->v;
        t.hex = false;
    } else if (n->op == OP_INVERT) {
        v->v = ~v->v;
    }
    *v = expr_convert(*v, t);
    return true;
}

static bool eval(struct expr_run *r, unsigned at, struct expr_value *v)
{
    struct expr_node *n = &r->x->node[at];
    struct expr_value a, b;
    struct place p;
    switch ((enum expr_op)n->op) {
    case OP_NUMBER: *v = (struct expr_value){.v = n->value, .type = n->type}; return true;
    case OP_NAME: return read_name(r, n, v);
    case OP_REG: return read_reg(r, n, v);
    case OP_HISTORY: return read_history(r, n, v);
    case OP_DEREF:
    case OP_INDEX:
    case OP_MEMBER: return place_of(r, at, &p) && load(r, n, &p, v);
    case OP_ADDRESS: return address_of(r, n, v);
    case OP_PLUS:
    case OP_NEGATE:
    case OP_NOT:
    case OP_INVERT:
    case OP_CAST:
    case OP_CAST_NAMED:
    case OP_SPACE: return unary(r, n, v);
    case OP_SIZEOF:
        *v = (struct expr_value){.type = {.size = 8}};
        if (!type_of(r, n->a, &v->type))
            return false;
        v->v = expr_type_size(&v->type);
        v->type = (struct expr_type){.size = 8};
        return true;
    case OP_PRE_INC:
    case OP_PRE_DEC:
    case OP_POST_INC:
    case OP_POST_DEC: return step(r, n, v);
    case OP_ALL:
    case OP_ANY:
        if (!value(r, n->a, &a))
            return false;
        b.v = a.v;
        if ((a.v != 0) == (n->op == OP_ALL) && !value(r, n->b, &b))
            return false;
        *v = (struct expr_value){.v = b.v != 0, .type = EXPR_TYPE_INT};
        return true;
    case OP_MUL:
    case OP_DIV:
    case OP_MOD:
    case OP_ADD:
    case OP_SUB:
    case OP_SHL:
    case OP_SHR:
    case OP_LT:
    case OP_LE:
    case OP_GT:
    case OP_GE:
    case OP_EQ:
    case OP_NE:
    case OP_AND:
    case OP_XOR:
    case OP_OR: return value(r, n->a, &a) && value(r, n->b, &b) && expr_binary(r, n, (enum expr_op)n->op, &a, &b, v);
    case OP_ASSIGN: return assign(r, n, v);
    case OP_REPEAT: return repeat(r, n, v);
    case OP_IF: return conditional(r, n, v);
    }
    return false;
}

bool expr_names_local(const struct expr *x, const struct expr_env *env, struct expr_variable *v)
{
    for (unsigned i = 0; env->variable && i < x->nodes; i++)
        if (x->node[i].op == OP_NAME &&
            env->variable(env->variable_ctx, x->names + x->node[i].name, v, NULL) == EXPR_FOUND && !v->global)
            return true;
    return false;
}

bool expr_eval(struct expr *x, const struct expr_env *env, struct expr_value *v, struct err *e)
{
    struct expr_run r = {x, env, e};
    return eval(&r, x->root, v);
}

bool expr_test(struct expr *x, const struct expr_env *env, bool *truth, struct err *e)
{
    struct expr_value v;
    if (!expr_eval(x, env, &v, e))
        return false;
    *truth = v.v != 0;
    return true;
}

bool expr_once(const char *text, const struct expr_env *env, const char **end, struct expr_value *v, struct err *e)
{
    struct expr *x = expr_parse(text, 0, end, e);
    bool ok = x && expr_eval(x, env, v, e);
    expr_free(x);
    return ok;
}
