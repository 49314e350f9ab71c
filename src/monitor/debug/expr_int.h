/* SPDX-License-Identifier: MIT */
/* The tree of an expression: between its parser and its evaluator. */
#ifndef VITRINE_EXPR_INT_H
#define VITRINE_EXPR_INT_H

#include "monitor/debug/expr.h"

enum expr_op {
    /* leaves */
    OP_NUMBER,
    OP_NAME,
    OP_REG,     /* $name or $name.field */
    OP_HISTORY, /* value: n > 0 the n-th, else the -n-th before the last */
    /* unary: a */
    OP_DEREF,
    OP_ADDRESS,
    OP_PLUS,
    OP_NEGATE,
    OP_NOT,
    OP_INVERT,
    OP_CAST,       /* to type */
    OP_CAST_NAMED, /* to the type called `name`, behind value pointers; a NO_NODE: its size is wanted, no cast */
    OP_MEMBER,     /* a.name */
    OP_SIZEOF,     /* of an expression */
    OP_SPACE,      /* value: enum expr_space */
    OP_PRE_INC,
    OP_PRE_DEC,
    OP_POST_INC,
    OP_POST_DEC,
    /* binary: a, b */
    OP_INDEX,
    OP_MUL,
    OP_DIV,
    OP_MOD,
    OP_ADD,
    OP_SUB,
    OP_SHL,
    OP_SHR,
    OP_LT,
    OP_LE,
    OP_GT,
    OP_GE,
    OP_EQ,
    OP_NE,
    OP_AND,
    OP_XOR,
    OP_OR,
    OP_ALL,    /* && */
    OP_ANY,    /* || */
    OP_ASSIGN, /* op= when value is not OP_ASSIGN itself: the operator */
    OP_REPEAT, /* a @ b; the root only */
    /* a ? b : c */
    OP_IF
};

enum { NO_TEXT = UINT16_MAX };

struct expr_node {
    uint8_t op;     /* enum expr_op */
    uint8_t height; /* of the tree below, 1 for a leaf: at most EXPR_MAX_DEPTH */
    uint16_t column;
    uint16_t a, b, c;      /* operands */
    uint16_t name, field;  /* in expr.names, or NO_TEXT */
    struct expr_type type; /* OP_NUMBER, OP_CAST */
    uint64_t value;
    struct expr_ref ref;
};

struct expr {
    struct expr_node *node;
    char *names; /* NUL-terminated, one after the other */
    char *text;
    uint16_t root;
    unsigned nodes;
};

/* An evaluation. */
struct expr_run {
    struct expr *x;
    const struct expr_env *env;
    struct err *e;
};

/* ---- expr_arith.c ---- */

/* Sets the error, with n's column. False. */
PRINTF_LIKE(3, 4) bool expr_fail(struct expr_run *r, const struct expr_node *n, const char *fmt, ...);

#define EXPR_TYPE_INT ((struct expr_type){.size = 4, .is_signed = true})

uint64_t expr_extend(uint64_t v, struct expr_type t); /* to 64 bits */
/* The conversion of a cast or an assignment. */
struct expr_value expr_convert(struct expr_value v, struct expr_type t);
struct expr_type expr_promote(struct expr_type t);
struct expr_type expr_common(struct expr_type a, struct expr_type b);
/* What a dereference gives: a number stands for the address of a word. size 0: void. */
struct expr_type expr_pointee(struct expr_type t);
/* Bytes from one element to the next. */
uint64_t expr_stride(struct expr_type t);
/* op: OP_MUL..OP_OR. v may be one of the operands. */
MUST_USE bool expr_binary(struct expr_run *r, const struct expr_node *n, enum expr_op op, const struct expr_value *a,
                          const struct expr_value *b, struct expr_value *v);

#endif
