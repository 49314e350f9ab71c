/* SPDX-License-Identifier: MIT */
/* Text to tree: recursive descent over C's precedences, one token ahead, which knows its limits: see enter(), new_node(). */
#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "monitor/debug/expr_int.h"
#include "monitor/debug/expr_scan.h"

struct parser {
    struct scanner s;
    struct token t; /* the next one */
    unsigned flags;
    struct expr *x;
    unsigned nodes, cap, names_used;
    unsigned depth;
    bool failed;
    struct err *e;
};

enum { NO_NODE = UINT16_MAX };

PRINTF_LIKE(3, 4) static unsigned fail(struct parser *p, unsigned at, const char *fmt, ...)
{
    char text[512];
    va_list ap;
    if (p->failed)
        return NO_NODE;
    p->failed = true;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    err_set(p->e, -EINVAL, "column %u: %s", at + 1, text);
    return NO_NODE;
}

/* ---- tokens ---- */

static void next(struct parser *p)
{
    expr_scan(&p->s, &p->t);
}

static bool is_sign(const struct parser *p, uint64_t sign)
{
    return p->t.kind == T_SIGN && p->t.value == sign;
}

static bool is_word(const struct parser *p, const char *word)
{
    return p->t.kind == T_NAME && p->t.len == strlen(word) && !strncmp(p->s.text + p->t.at, word, p->t.len);
}

static unsigned expected(struct parser *p, const char *what)
{
    const struct token *t = &p->t;
    if (t->kind == T_END)
        return fail(p, t->at, "expected %s, but the expression ends", what);
    if (t->kind == T_BAD && t->why)
        return fail(p, t->wrong, "%s", t->why);
    unsigned char c = (unsigned char)p->s.text[t->at];
    if (!isprint(c))
        return fail(p, t->at, "expected %s, found the byte 0x%02x", what, c);
    return fail(p, t->at, "expected %s, found %.*s", what, t->len > 40 ? 40 : (int)t->len, p->s.text + t->at);
}

/* ---- nodes ---- */

static unsigned height(const struct parser *p, unsigned n)
{
    return n == NO_NODE ? 0 : p->x->node[n].height;
}

/* Operands that there are not: NO_NODE. Fails where the tree gets too high, so that to evaluate it takes a bounded stack. */
static unsigned new_node(struct parser *p, enum expr_op op, unsigned at, unsigned a, unsigned b, unsigned c)
{
    if (p->failed)
        return NO_NODE;
    unsigned h = height(p, a), hb = height(p, b), hc = height(p, c);
    h = h > hb ? h : hb;
    h = h > hc ? h : hc;
    if (h >= EXPR_MAX_DEPTH || p->nodes >= p->cap)
        return fail(p, at, "nested more than %d deep: take it apart with a $variable", EXPR_MAX_DEPTH);
    p->x->node[p->nodes] = (struct expr_node){.op = (uint8_t)op,
                                              .height = (uint8_t)(h + 1),
                                              .column = (uint16_t)(at + 1),
                                              .a = (uint16_t)a,
                                              .b = (uint16_t)b,
                                              .c = (uint16_t)c,
                                              .name = NO_TEXT,
                                              .field = NO_TEXT};
    return p->nodes++;
}

static unsigned number_node(struct parser *p, unsigned at, uint64_t v, struct expr_type t)
{
    unsigned n = new_node(p, OP_NUMBER, at, NO_NODE, NO_NODE, NO_NODE);
    if (n != NO_NODE) {
        p->x->node[n].value = v;
        p->x->node[n].type = t;
    }
    return n;
}

/* There is room: names do not touch, and each takes one byte more than its text. */
static uint16_t keep_name(struct parser *p, unsigned at, unsigned len)
{
    unsigned where = p->names_used;
    memcpy(p->x->names + where, p->s.text + at, len);
    p->x->names[where + len] = 0;
    p->names_used += len + 1;
    return (uint16_t)where;
}

static bool enter(struct parser *p)
{
    /* Each level of parentheses goes through three of the functions that call this. */
    if (++p->depth > 3 * EXPR_MAX_DEPTH)
        fail(p, p->t.at, "nested more than %d deep: take it apart with a $variable", EXPR_MAX_DEPTH);
    return !p->failed;
}

/* ---- types ---- */

static const struct {
    const char *name;
    struct expr_type type;
} type_names[] = {
    {"int8_t", {.size = 1, .is_signed = true}},
    {"uint8_t", {.size = 1}},
    {"int16_t", {.size = 2, .is_signed = true}},
    {"uint16_t", {.size = 2}},
    {"int32_t", {.size = 4, .is_signed = true}},
    {"uint32_t", {.size = 4}},
    {"int64_t", {.size = 8, .is_signed = true}},
    {"uint64_t", {.size = 8}},
    {"ssize_t", {.size = 8, .is_signed = true}},
    {"size_t", {.size = 8}},
    {"intptr_t", {.size = 8, .is_signed = true}},
    {"uintptr_t", {.size = 8}},
    {"bool", {.size = 1, .is_bool = true}},
    {"_Bool", {.size = 1, .is_bool = true}},
    {"void", {.size = 0}},
};
enum type_word { W_UNSIGNED = 1, W_SIGNED = 2, W_CHAR = 4, W_SHORT = 8, W_INT = 16, W_LONG = 32, W_NAMED = 64 };

/* The word that the token is in a type; 0: none. W_NAMED sets *t. */
static unsigned type_word(const struct parser *p, struct expr_type *t)
{
    static const char *const words[] = {"unsigned", "signed", "char", "short", "int", "long"};
    for (unsigned i = 0; i < ARRAY_LEN(words); i++)
        if (is_word(p, words[i]))
            return 1u << i;
    for (unsigned i = 0; i < ARRAY_LEN(type_names); i++)
        if (is_word(p, type_names[i].name)) {
            *t = type_names[i].type;
            return W_NAMED;
        }
    return 0;
}

static bool is_type(const struct parser *p)
{
    struct expr_type t;
    return type_word(p, &t) || is_word(p, "const") || is_word(p, "volatile");
}

/* Of the words seen: plain char is unsigned, as RISC-V's ABI has it. False: they do not go together. */
static bool compose_type(unsigned words, unsigned longs, struct expr_type *t)
{
    if (words & W_NAMED)
        return words == W_NAMED;
    unsigned kind = words & (W_CHAR | W_SHORT | W_LONG);
    if ((kind & (kind - 1)) || (words & W_CHAR && words & W_INT) || (words & W_SIGNED && words & W_UNSIGNED) ||
        !words || longs > 2)
        return false;
    *t = (struct expr_type){.size = kind == W_CHAR    ? 1
                                    : kind == W_SHORT ? 2
                                    : kind == W_LONG  ? 8
                                                      : 4,
                            .is_char = kind == W_CHAR};
    t->is_signed = words & W_SIGNED || (!(words & W_UNSIGNED) && kind != W_CHAR);
    return true;
}

/* A type's name, from its first word to before the parenthesis that closes it. */
static bool parse_type(struct parser *p, struct expr_type *t)
{
    unsigned at = p->t.at, words = 0, longs = 0, w;
    *t = (struct expr_type){0};
    while (is_type(p)) {
        struct expr_type named;
        w = type_word(p, &named);
        longs += w == W_LONG;
        if (w & words && w != W_LONG)
            words |= ~0u; /* twice */
        words |= w;
        if (w == W_NAMED)
            *t = named;
        next(p);
    }
    if (!compose_type(words, longs, t))
        return fail(p, at,
                    "no such type: give a cast to an integer type as (uint32_t), or to a pointer as (uint32_t *)"),
               false;
    while (is_sign(p, '*') || is_word(p, "const") || is_word(p, "volatile")) {
        if (is_sign(p, '*') && ++t->depth > 8)
            return fail(p, p->t.at, "more than 8 pointers to one another"), false;
        next(p);
    }
    if (!is_sign(p, ')'))
        return expected(p, "* or ) in the type of a cast"), false;
    next(p);
    if (!t->depth && !t->size)
        return fail(p, at, "void has no value: cast to an integer type, or to a pointer as (void *)"), false;
    return true;
}

/* struct, union, enum NAME; or NAME alone: that of a typedef. *name is kept; *stars: pointers. False, with p as it was: it is none. */
static bool parse_named_type(struct parser *p, uint16_t *name, unsigned *stars)
{
    struct parser before = *p;
    bool tagged = is_word(p, "struct") || is_word(p, "union") || is_word(p, "enum");
    unsigned at = p->t.at, len = p->t.len;
    *stars = 0;
    if (p->t.kind == T_NAME && !is_word(p, "sizeof"))
        next(p);
    if (tagged && p->t.kind == T_NAME) {
        len = p->t.at + p->t.len - at;
        next(p);
    }
    for (; is_sign(p, '*') && *stars < 8; (*stars)++)
        next(p);
    bool closed = is_sign(p, ')') && before.t.kind == T_NAME;
    if (closed)
        next(p);
    /* (NAME) is a value in parentheses unless a value follows. */
    bool value = p->t.kind == T_NAME || p->t.kind == T_NUMBER || p->t.kind == T_REG || p->t.kind == T_HISTORY ||
                 p->t.kind == T_SPACE || is_sign(p, '(') || is_sign(p, '~') || is_sign(p, '!');
    if (!closed || !(tagged || *stars || value)) {
        *p = before;
        return false;
    }
    *name = keep_name(p, at, len);
    /* One blank, as whoever looks for it writes it. */
    char *s = p->x->names + *name, *to = s;
    for (; *s; s++)
        if (!isspace((unsigned char)*s) || !isspace((unsigned char)s[1]))
            *to++ = isspace((unsigned char)*s) ? ' ' : *s;
    *to = 0;
    return true;
}

static unsigned named_node(struct parser *p, unsigned at, unsigned of, uint16_t name, unsigned stars)
{
    unsigned n = new_node(p, OP_CAST_NAMED, at, of, NO_NODE, NO_NODE);
    if (n != NO_NODE) {
        p->x->node[n].name = name;
        p->x->node[n].value = stars;
    }
    return n;
}

/* ---- expressions ---- */

static unsigned parse_assign(struct parser *p);
static unsigned parse_unary(struct parser *p);

static bool in_place(const struct parser *p, unsigned n)
{
    unsigned op = n == NO_NODE ? OP_NUMBER : p->x->node[n].op;
    return op == OP_DEREF || op == OP_INDEX || op == OP_REG || op == OP_NAME || op == OP_MEMBER;
}

/* What is assigned to must be a place, and assigning must be allowed. */
static bool check_place(struct parser *p, unsigned n, unsigned at, const char *what)
{
    if (p->failed)
        return false;
    if (p->flags & EXPR_PURE)
        return fail(p, at, "a condition changes nothing, found %s: to compare, write ==", what), false;
    if (!in_place(p, n))
        return fail(p, at, "expected a register, a $variable or memory as in *(int *)ADDR on the left of %s", what),
               false;
    return true;
}

static unsigned parse_register(struct parser *p)
{
    unsigned n = new_node(p, OP_REG, p->t.at, NO_NODE, NO_NODE, NO_NODE);
    if (n == NO_NODE)
        return n;
    p->x->node[n].name = keep_name(p, p->t.at + 1, p->t.len - 1);
    if (p->s.text[p->s.pos] == '.') {
        unsigned at = ++p->s.pos;
        while (expr_name_char(p->s.text[p->s.pos]))
            p->s.pos++;
        if (p->s.pos == at)
            return fail(p, at, "expected the name of a field behind the dot, as in $mstatus.MPP");
        p->x->node[n].field = keep_name(p, at, p->s.pos - at);
    }
    next(p);
    return n;
}

static unsigned parse_sizeof(struct parser *p, unsigned at)
{
    struct expr_type t;
    next(p);
    struct parser before = *p;
    if (is_sign(p, '(')) {
        next(p);
        if (is_type(p)) {
            if (!parse_type(p, &t))
                return NO_NODE;
            return number_node(p, at, t.depth ? 8 : t.size, (struct expr_type){.size = 8});
        }
        uint16_t name;
        unsigned stars;
        bool tagged = is_word(p, "struct") || is_word(p, "union") || is_word(p, "enum");
        if (tagged && parse_named_type(p, &name, &stars))
            return new_node(p, OP_SIZEOF, at, named_node(p, at, NO_NODE, name, stars), NO_NODE, NO_NODE);
        *p = before;
    }
    return new_node(p, OP_SIZEOF, at, parse_unary(p), NO_NODE, NO_NODE);
}

static unsigned parse_primary(struct parser *p)
{
    struct token t = p->t;
    unsigned n;
    switch (t.kind) {
    case T_NUMBER: next(p); return number_node(p, t.at, t.value, t.type);
    case T_REG: return parse_register(p);
    case T_HISTORY:
        if ((n = new_node(p, OP_HISTORY, t.at, NO_NODE, NO_NODE, NO_NODE)) != NO_NODE)
            p->x->node[n].value = t.value;
        next(p);
        return n;
    case T_NAME:
        if (is_word(p, "sizeof"))
            return parse_sizeof(p, t.at);
        if ((n = new_node(p, OP_NAME, t.at, NO_NODE, NO_NODE, NO_NODE)) != NO_NODE)
            p->x->node[n].name = keep_name(p, t.at, t.len);
        next(p);
        return n;
    case T_SIGN:
        if (t.value == '(') {
            next(p);
            n = parse_assign(p);
            if (!p->failed && !is_sign(p, ')'))
                return fail(p, p->t.at, "expected the ) that belongs to the ( in column %u", t.at + 1);
            next(p);
            return n;
        }
        break;
    case T_END:
    case T_SPACE:
    case T_BAD: break;
    }
    return expected(p, "a value");
}

static unsigned parse_postfix(struct parser *p)
{
    unsigned n = parse_primary(p);
    while (!p->failed) {
        unsigned at = p->t.at;
        if (is_sign(p, '('))
            return fail(p, at, "no function of the guest can be called from here");
        if (is_sign(p, '[')) {
            next(p);
            unsigned index = parse_assign(p);
            if (!p->failed && !is_sign(p, ']'))
                return fail(p, p->t.at, "expected the ] that belongs to the [ in column %u", at + 1);
            next(p);
            n = new_node(p, OP_INDEX, at, n, index, NO_NODE);
        } else if (is_sign(p, '.') || is_sign(p, SIGN2('-', '>'))) {
            next(p);
            if (p->t.kind != T_NAME)
                return expected(p, "the name of a member");
            n = new_node(p, OP_MEMBER, p->t.at, n, NO_NODE, NO_NODE);
            if (n != NO_NODE)
                p->x->node[n].name = keep_name(p, p->t.at, p->t.len);
            next(p);
        } else if (is_sign(p, SIGN2('+', '+')) || is_sign(p, SIGN2('-', '-'))) {
            enum expr_op op = is_sign(p, SIGN2('+', '+')) ? OP_POST_INC : OP_POST_DEC;
            if (!check_place(p, n, at, op == OP_POST_INC ? "++" : "--"))
                return NO_NODE;
            next(p);
            n = new_node(p, op, at, n, NO_NODE, NO_NODE);
        } else {
            return n;
        }
    }
    return NO_NODE;
}

static unsigned parse_cast(struct parser *p, unsigned at)
{
    struct expr_type t;
    if (!parse_type(p, &t))
        return NO_NODE;
    unsigned n = new_node(p, OP_CAST, at, parse_unary(p), NO_NODE, NO_NODE);
    if (n != NO_NODE)
        p->x->node[n].type = t;
    return n;
}

/* A sign before its operand; OP_NUMBER: it is none. */
static enum expr_op prefix_op(const struct parser *p)
{
    static const struct {
        uint64_t sign;
        enum expr_op op;
    } ops[] = {{'*', OP_DEREF},
               {'&', OP_ADDRESS},
               {'+', OP_PLUS},
               {'-', OP_NEGATE},
               {'!', OP_NOT},
               {'~', OP_INVERT},
               {SIGN2('+', '+'), OP_PRE_INC},
               {SIGN2('-', '-'), OP_PRE_DEC}};
    for (unsigned i = 0; i < ARRAY_LEN(ops); i++)
        if (is_sign(p, ops[i].sign))
            return ops[i].op;
    return OP_NUMBER;
}

static unsigned parse_prefix(struct parser *p)
{
    struct token t = p->t;
    unsigned n;
    if (t.kind == T_SPACE) {
        next(p);
        n = new_node(p, OP_SPACE, t.at, parse_unary(p), NO_NODE, NO_NODE);
        if (n != NO_NODE)
            p->x->node[n].value = t.value;
        return n;
    }
    if (is_sign(p, '(')) {
        struct parser before = *p;
        next(p);
        uint16_t name;
        unsigned stars;
        if (is_type(p))
            return parse_cast(p, t.at);
        if (parse_named_type(p, &name, &stars))
            return named_node(p, t.at, parse_unary(p), name, stars);
        *p = before;
    }
    enum expr_op op = prefix_op(p);
    if (op == OP_NUMBER)
        return parse_postfix(p);
    next(p);
    n = parse_unary(p);
    if ((op == OP_PRE_INC || op == OP_PRE_DEC) && !check_place(p, n, t.at, op == OP_PRE_INC ? "++" : "--"))
        return NO_NODE;
    if (op == OP_ADDRESS && !p->failed && p->x->node[n].op != OP_NAME &&
        (!in_place(p, n) || p->x->node[n].op == OP_REG))
        return fail(p, t.at, "& takes the address of a symbol or of memory, and this has none");
    return new_node(p, op, t.at, n, NO_NODE, NO_NODE);
}

static unsigned parse_unary(struct parser *p)
{
    unsigned n = enter(p) ? parse_prefix(p) : NO_NODE;
    p->depth--;
    return n;
}

static const struct binary {
    uint64_t sign;
    enum expr_op op;
    unsigned precedence;
} binaries[] = {
    {SIGN2('|', '|'), OP_ANY, 1},
    {SIGN2('&', '&'), OP_ALL, 2},
    {'|', OP_OR, 3},
    {'^', OP_XOR, 4},
    {'&', OP_AND, 5},
    {SIGN2('=', '='), OP_EQ, 6},
    {SIGN2('!', '='), OP_NE, 6},
    {'<', OP_LT, 7},
    {SIGN2('<', '='), OP_LE, 7},
    {'>', OP_GT, 7},
    {SIGN2('>', '='), OP_GE, 7},
    {SIGN2('<', '<'), OP_SHL, 8},
    {SIGN2('>', '>'), OP_SHR, 8},
    {'+', OP_ADD, 9},
    {'-', OP_SUB, 9},
    {'*', OP_MUL, 10},
    {'/', OP_DIV, 10},
    {'%', OP_MOD, 10},
};

/* The binary operator whose sign, with `=` behind it where assigns, the token is. */
static const struct binary *find_binary(const struct parser *p, bool assigns)
{
    if (p->t.kind != T_SIGN)
        return NULL;
    for (unsigned i = 0; i < ARRAY_LEN(binaries); i++) {
        uint64_t s = binaries[i].sign;
        if (assigns) {
            if (binaries[i].precedence < 3 || binaries[i].precedence == 6 || binaries[i].precedence == 7)
                continue;
            s |= SIGN1('=') << (s > 0xff ? 16 : 8);
        }
        if (s == p->t.value)
            return &binaries[i];
    }
    return NULL;
}

/* Operators that bind at least as tightly as `least`, from the left. */
static unsigned parse_binary(struct parser *p, unsigned least)
{
    unsigned n = parse_unary(p);
    const struct binary *b;
    while (!p->failed && (b = find_binary(p, false)) && b->precedence >= least) {
        unsigned at = p->t.at;
        next(p);
        n = new_node(p, b->op, at, n, parse_binary(p, b->precedence + 1), NO_NODE);
    }
    return n;
}

static unsigned parse_conditional(struct parser *p)
{
    unsigned n = NO_NODE, at, then;
    if (enter(p)) {
        n = parse_binary(p, 1);
        at = p->t.at;
        if (!p->failed && is_sign(p, '?')) {
            next(p);
            then = parse_assign(p);
            if (!p->failed && !is_sign(p, ':'))
                fail(p, p->t.at, "expected the : that belongs to the ? in column %u", at + 1);
            next(p);
            if (!p->failed)
                n = new_node(p, OP_IF, at, n, then, parse_conditional(p));
        }
    }
    p->depth--;
    return p->failed ? (unsigned)NO_NODE : n;
}

static unsigned parse_assign(struct parser *p)
{
    unsigned n = NO_NODE;
    if (enter(p)) {
        n = parse_conditional(p);
        const struct binary *b = find_binary(p, true);
        if (!p->failed && (b || is_sign(p, '='))) {
            unsigned at = p->t.at;
            if (check_place(p, n, at, "an assignment")) {
                next(p);
                n = new_node(p, OP_ASSIGN, at, n, parse_assign(p), NO_NODE);
            }
            if (!p->failed)
                p->x->node[n].value = b ? b->op : OP_ASSIGN;
        }
    }
    p->depth--;
    return p->failed ? (unsigned)NO_NODE : n;
}

/* E @ N, which is no operator among others: nothing can be done with so many values but to show them. */
static unsigned parse_repeat(struct parser *p)
{
    unsigned n = parse_assign(p), at = p->t.at;
    if (p->failed || !is_sign(p, '@'))
        return n;
    if (!in_place(p, n) || p->x->node[n].op == OP_REG)
        return fail(p, at, "expected a variable or memory as in *(int *)ADDR on the left of @");
    next(p);
    unsigned count = parse_assign(p);
    return p->failed ? (unsigned)NO_NODE : new_node(p, OP_REPEAT, at, n, count, NO_NODE);
}

/* ---- the whole ---- */

static struct expr *new_expr(size_t len)
{
    struct expr *x = calloc(1, sizeof *x);
    if (!x)
        return NULL;
    x->node = calloc(len + 1, sizeof *x->node); /* a token makes at most one node */
    x->names = malloc(len + 2);
    if (!x->node || !x->names) {
        expr_free(x);
        return NULL;
    }
    return x;
}

struct expr *expr_parse(const char *text, unsigned flags, const char **end, struct err *e)
{
    size_t len = strlen(text);
    if (len > EXPR_MAX_TEXT) {
        err_set(e, -EINVAL, "an expression of %zu characters: at most %d are read", len, EXPR_MAX_TEXT);
        return NULL;
    }
    struct parser p = {.s = {.text = text}, .flags = flags, .cap = (unsigned)len + 1, .e = e};
    if (!(p.x = new_expr(len))) {
        err_set(e, -ENOMEM, "out of memory");
        return NULL;
    }
    next(&p);
    unsigned root = parse_repeat(&p);
    if (!p.failed && !end && p.t.kind != T_END)
        expected(&p, "an operator, or the end");
    if (!p.failed) {
        unsigned n = p.t.at;
        if (end)
            *end = text + n;
        while (n && isspace((unsigned char)text[n - 1]))
            n--;
        p.x->root = (uint16_t)root;
        p.x->nodes = p.nodes;
        p.x->text = strndup(text, n);
        struct expr_node *fit = realloc(p.x->node, p.nodes * sizeof *fit);
        p.x->node = fit ? fit : p.x->node;
        if (p.x->text)
            return p.x;
        err_set(e, -ENOMEM, "out of memory");
    }
    expr_free(p.x);
    return NULL;
}

void expr_free(struct expr *x)
{
    if (!x)
        return;
    free(x->node);
    free(x->names);
    free(x->text);
    free(x);
}

const char *expr_sole_name(const struct expr *x)
{
    const struct expr_node *n = &x->node[x->root];
    return n->op == OP_NAME ? x->names + n->name : NULL;
}

const char *expr_text(const struct expr *x)
{
    return x->text;
}
