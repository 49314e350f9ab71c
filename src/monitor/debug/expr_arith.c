/* SPDX-License-Identifier: MIT */
/* Reckoning with values: C's conversions and operators. */
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include "monitor/debug/ctype.h"
#include "monitor/debug/expr_int.h"

bool expr_fail(struct expr_run *r, const struct expr_node *n, const char *fmt, ...)
{
    char text[512];
    va_list ap;
    if (!r->e)
        return false;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    err_set(r->e, -EINVAL, "column %u: %s", n->column, text);
    return false;
}

/* ---- types ---- */

uint64_t expr_extend(uint64_t v, struct expr_type t)
{
    if (t.depth || t.size == 8)
        return v;
    if (t.is_bool)
        return v != 0;
    unsigned n = 8u * t.size;
    return t.is_signed ? (uint64_t)sign_extend(v, n) : v & MASK(n - 1, 0);
}

/* The conversion of a cast or an assignment. */
struct expr_value expr_convert(struct expr_value v, struct expr_type t)
{
    if (t.depth || !t.c || t.size) /* not of a struct's address */
        v.v = expr_extend(v.v, t);
    v.type = t;
    return v;
}

/* What arithmetic sees of types: a few registers, where struct expr_type would go through memory byte by byte. */
struct arith {
    unsigned bits;
    bool is_signed, hex;
};

/* C's integer promotion. Of a pointer: its bits. */
static inline struct arith promoted(const struct expr_type *t)
{
    if (t->depth)
        return (struct arith){64, false, true};
    return (struct arith){t->size < 4 ? 32 : 8u * t->size, t->size < 4 || t->is_signed, t->hex};
}

/* C's usual arithmetic conversions. */
static inline struct arith joined(struct arith a, struct arith b)
{
    bool is_signed = a.bits == b.bits ? a.is_signed && b.is_signed : a.bits > b.bits ? a.is_signed : b.is_signed;
    return (struct arith){a.bits > b.bits ? a.bits : b.bits, is_signed, a.hex || b.hex};
}

static inline struct expr_type type_of_arith(struct arith t)
{
    return (struct expr_type){.size = (uint8_t)(t.bits / 8), .is_signed = t.is_signed, .hex = t.hex};
}

static inline uint64_t extend_arith(uint64_t v, struct arith t)
{
    if (t.bits == 64)
        return v;
    return t.is_signed ? (uint64_t)(int64_t)(int32_t)v : (uint32_t)v;
}

struct expr_type expr_promote(struct expr_type t)
{
    return type_of_arith(promoted(&t));
}

struct expr_type expr_common(struct expr_type a, struct expr_type b)
{
    return type_of_arith(joined(promoted(&a), promoted(&b)));
}

/* What a dereference of this gives: a number stands for the address of a word. size 0: void. */
struct expr_type expr_pointee(struct expr_type t)
{
    if (!t.depth)
        return EXPR_TYPE_WORD;
    t.depth--;
    return t;
}

/* Bytes from one element to the next. */
uint64_t expr_stride(struct expr_type t)
{
    t = expr_pointee(t);
    uint64_t size = expr_type_size(&t);
    return size ? size : 1;
}

static uint8_t joint_space(const struct expr_value *a, const struct expr_value *b)
{
    return a->space ? a->space : b->space;
}

/* ---- binary operators on values ---- */

static uint64_t shift(enum expr_op op, uint64_t v, struct arith t, uint64_t count)
{
    bool sign = t.is_signed && (int64_t)v < 0;
    if (count >= t.bits)
        return op == OP_SHR && sign ? UINT64_MAX : 0;
    if (op == OP_SHL)
        return v << count;
    return t.is_signed ? (uint64_t)((int64_t)v >> count) : v >> count;
}

/* b is not 0. */
static uint64_t divide(enum expr_op op, uint64_t a, uint64_t b, bool is_signed)
{
    if (!is_signed)
        return op == OP_DIV ? a / b : a % b;
    if (b == UINT64_MAX) /* -1: the one that overflows wraps */
        return op == OP_DIV ? -a : 0;
    return (uint64_t)(op == OP_DIV ? (int64_t)a / (int64_t)b : (int64_t)a % (int64_t)b);
}

static bool compare(enum expr_op op, uint64_t a, uint64_t b, bool is_signed)
{
    if (is_signed) /* to unsigned, in the same order */
        a ^= BIT(63), b ^= BIT(63);
    switch ((int)op) {
    case OP_LT: return a < b;
    case OP_LE: return a <= b;
    case OP_GT: return a > b;
    case OP_GE: return a >= b;
    case OP_EQ: return a == b;
    default: return a != b;
    }
}

/* Pointer and number, and the difference of pointers. */
static bool pointer_sum(struct expr_run *r, const struct expr_node *n, enum expr_op op, const struct expr_value *a,
                        const struct expr_value *b, struct expr_value *v)
{
    if (a->type.depth && b->type.depth) {
        if (op == OP_ADD)
            return expr_fail(r, n, "two pointers cannot be added: cast one to an integer as (long)");
        if (expr_stride(a->type) != expr_stride(b->type))
            return expr_fail(r, n, "pointers to types of different sizes have no distance: cast both to (char *)");
        int64_t step = (int64_t)expr_stride(a->type);
        *v = (struct expr_value){.v = (uint64_t)((int64_t)(a->v - b->v) / step), .type = EXPR_TYPE_LONG};
        return true;
    }
    if (!a->type.depth && op == OP_SUB)
        return expr_fail(r, n, "a pointer cannot be taken from a number: cast it to an integer as (long)");
    const struct expr_value *p = a->type.depth ? a : b, *i = a->type.depth ? b : a;
    uint64_t by = i->v * expr_stride(p->type);
    *v = (struct expr_value){op == OP_ADD ? p->v + by : p->v - by, p->type, joint_space(a, b)};
    return true;
}

/* op: OP_MUL..OP_OR. v may be one of the operands. */
bool expr_binary(struct expr_run *r, const struct expr_node *n, enum expr_op op, const struct expr_value *a,
                 const struct expr_value *b, struct expr_value *v)
{
    if ((op == OP_ADD || op == OP_SUB) && (a->type.depth || b->type.depth))
        return pointer_sum(r, n, op, a, b, v);
    struct arith ta = promoted(&a->type), tb = promoted(&b->type), t = joined(ta, tb);
    uint64_t x = extend_arith(a->v, t), y = extend_arith(b->v, t), z = 0;
    switch ((int)op) {
    case OP_ADD: z = x + y; break;
    case OP_SUB:
        z = x - y;
        t.hex = ta.hex && !tb.hex; /* a distance is a number */
        break;
    case OP_MUL:
        z = x * y;
        t.hex = false;
        break;
    case OP_DIV:
    case OP_MOD:
        if (!y)
            return expr_fail(r, n, "division by zero");
        z = divide(op, x, y, t.is_signed);
        t.hex = false;
        break;
    case OP_SHL:
    case OP_SHR:
        t = ta;
        z = shift(op, extend_arith(a->v, t), t, b->v);
        break;
    case OP_AND: z = x & y; break;
    case OP_XOR: z = x ^ y; break;
    case OP_OR: z = x | y; break;
    default: *v = (struct expr_value){.v = compare(op, x, y, t.is_signed), .type = EXPR_TYPE_INT}; return true;
    }
    *v = (struct expr_value){extend_arith(z, t), type_of_arith(t), joint_space(a, b)};
    return true;
}
