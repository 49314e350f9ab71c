/* SPDX-License-Identifier: MIT */
/* A program's variables in a frame, by the debug information: what they are called, their types, where they are. */
#ifndef VITRINE_VARIABLES_H
#define VITRINE_VARIABLES_H

#include "monitor/debug/ctype.h"
#include "monitor/debug/unwind.h"

enum variable_where {
    VARIABLE_MEMORY,   /* at: its virtual address */
    VARIABLE_REGISTER, /* at: x0..x31 are 0..31, f0..f31 are 32..63 */
    VARIABLE_VALUE,    /* at: itself; it is nowhere */
    VARIABLE_GONE      /* the compiler did not keep it here, or what it says is not understood */
};

struct variable {
    const char *name;
    const struct ctype *type; /* NULL: void, which no variable is: damaged */
    enum variable_where where;
    uint64_t at;
    bool global;
};

/* The variable that a name means in frame f: the innermost block's, the function's, its file's, any file's. env->source, ctx and read are used; f
 * needs lookup, x and known, and cfa where it is known. False: there is none. */
MUST_USE bool variable_find(const struct unwind_env *env, const struct unwind_frame *f, const char *name,
                            struct variable *v);
/* The frame's arguments, or its other local variables, the innermost block's first. fn returns false to end it. Returns how many. */
unsigned variable_each(const struct unwind_env *env, const struct unwind_frame *f, bool arguments,
                       bool (*fn)(void *ctx, const struct variable *v), void *ctx);

/* What the function that holds addr returns; *type NULL: void. False: the debug information does not tell. */
MUST_USE bool function_returns(struct source *s, uint64_t addr, const struct ctype **type);

#endif
