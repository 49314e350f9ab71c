/* SPDX-License-Identifier: MIT */
/* The tokens of an expression. */
#ifndef VITRINE_EXPR_SCAN_H
#define VITRINE_EXPR_SCAN_H

#include "monitor/debug/expr.h"

enum token_kind {
    T_END,
    T_NUMBER,
    T_NAME,
    T_REG,     /* the name behind the $ */
    T_HISTORY, /* value as in OP_HISTORY */
    T_SPACE,   /* value: enum expr_space */
    T_SIGN,    /* value: its characters, see SIGN1() */
    T_BAD      /* why says what is wrong with it */
};

/* An operator or bracket of up to three characters as one number. */
#define SIGN1(a)       (uint64_t)(a)
#define SIGN2(a, b)    (SIGN1(a) | SIGN1(b) << 8)
#define SIGN3(a, b, c) (SIGN2(a, b) | SIGN1(c) << 16)

struct token {
    enum token_kind kind;
    unsigned at, len; /* in the text */
    unsigned wrong;   /* T_BAD: where */
    uint64_t value;
    struct expr_type type; /* T_NUMBER */
    const char *why;
};

struct scanner {
    const char *text;
    unsigned pos; /* behind the last token */
};

/* The next token, and past the end T_END for ever. */
void expr_scan(struct scanner *s, struct token *t);
bool expr_name_char(char c);

#endif
