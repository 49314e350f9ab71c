/* SPDX-License-Identifier: MIT */
/*
 * C expressions over registers, CSRs and their fields, symbols, memory, event arguments and convenience variables: for the REPL's print, display,
 * x and set, for `break ... if`, for trace filters. Parsed once into a small tree; evaluation allocates nothing (but for a new $variable).
 *
 *   42 0x2a 052 0b101010 'a' 1_000_000 7u     numbers; without a suffix they are long (64 bits), with u unsigned long: 1 << 40 is what it seems
 *   $a0 $x10 $pc $fa0 $satp $mstatus.MPP      registers, CSRs, fields of CSRs (the field's case does not matter): unsigned long
 *   $ $$ $$3 $7                               the last value of the history, the one before it, the third before it, number 7
 *   $name                                     convenience variables: made by an assignment; $_ is where x looked last, $__ what was there
 *   name                                      what the environment knows by the name (an event's argument), a variable of the debug information, else
 *                                             a symbol's address
 *                                             (*name of a global integer is that integer: as where only its symbol is known)
 *   . ->                                      members of structs and unions; either works on a struct and on a pointer to one
 *   * & [] ( type ) sizeof + - ! ~ ++ --      the rest is C's, with its precedence: no comma, no calls. Types: integers of 1 to 8 bytes by C's and
 *   * / % + - << >> < <= > >= == != & ^ |     stdint.h's names, those of the debug information, and pointers; char is unsigned, as in RISC-V's ABI.
 *   && || ?: = += -= ...                      What is no pointer is dereferenced and indexed as (unsigned long *).
 *   E @ N                                     as the whole expression: N values in memory, of which E is the first
 *   gva:E gpa:E hpa:E                         E is an address of that space (no blank before the colon): a virtual one through page tables even from M
 *                                             mode, a guest's physical one, the machine's physical one (devices too)
 *
 * Where C leaves it open: signed overflow wraps, shifts by more than the width shift everything out, >> of a signed value keeps its sign.
 */
#ifndef VITRINE_EXPR_H
#define VITRINE_EXPR_H

#include "base/base.h"
#include "base/err.h"

/* Which memory an address means. */
enum expr_space {
    EXPR_HERE, /* as the hart's loads would find it now */
    EXPR_GVA,  /* through the page tables of S mode, or of the guest, also from M mode */
    EXPR_GPA,  /* stage two only: a guest's physical address; without a guest the machine's */
    EXPR_HPA   /* the machine's physical address */
};

struct ctype;

struct expr_type {
    /* The debug information's type, of what pointers lead to in the end; NULL: one of the integers below. A struct, union or array has depth 0 and its
     * address as its value. */
    const struct ctype *c;
    /* Bytes of the integer, or of the one that pointers lead to in the end: 1, 2, 4, 8; 0: void, behind pointers only. */
    uint8_t size;
    uint8_t depth;  /* how many pointers lead there; 0: an integer */
    bool is_signed; /* the integer */
    bool is_bool;
    bool is_char; /* shows as a character too */
    bool hex;     /* an address, a register, bits: shows in hexadecimal unless asked otherwise */
};

/* The type with all that is below filled in. NULL: void. */
struct expr_type expr_type_of(const struct ctype *c);
/* Bytes of a value of that type; 0: void, or unknown. */
uint64_t expr_type_size(const struct expr_type *t);
/* A struct, union or array (a function too): its value is its address. */
bool expr_type_is_aggregate(const struct expr_type *t);

struct expr_value {
    uint64_t v; /* extended to 64 bits by its type */
    struct expr_type type;
    uint8_t space;  /* enum expr_space, for addresses */
    uint64_t count; /* not 0: E @ N: so many values of that type, from the address v on */
};

/* What names and registers are unless told otherwise. */
#define EXPR_TYPE_WORD ((struct expr_type){.size = 8, .hex = true})
#define EXPR_TYPE_LONG ((struct expr_type){.size = 8, .is_signed = true})

/* One place in an expression that names something: zero at first, then whatever the environment wants to find there the next time, so that it
 * need not search again. It must make sense to every environment that the expression is evaluated in. */
struct expr_ref {
    uint64_t a, b;
};

enum expr_found {
    EXPR_FOUND,
    EXPR_UNKNOWN, /* no such thing */
    EXPR_FAILED   /* there is, but not now: the error says why */
};

enum expr_name_kind { EXPR_NAME, EXPR_REGISTER, EXPR_FIELD };

struct expr_var {
    char name[32];
    struct expr_value value;
};

/* Convenience variables and the history of values. Zero it before use. */
struct expr_vars {
    struct expr_var *var;
    struct expr_value *past;
    size_t nvars, npast;
};
void expr_vars_free(struct expr_vars *s);
/* The debug information goes away: values stay, without their types of it. */
void expr_vars_forget_types(struct expr_vars *s);
/* False: no such variable (name without the $). */
MUST_USE bool expr_vars_get(const struct expr_vars *s, const char *name, struct expr_value *v);
/* False: no memory, too many, or too long a name. */
MUST_USE bool expr_vars_set(struct expr_vars *s, const char *name, const struct expr_value *v);
/* Appends to the history: the number that $N finds it by (from 1), or 0 without memory. */
size_t expr_vars_keep(struct expr_vars *s, const struct expr_value *v);

/* A variable of the program. */
struct expr_variable {
    enum { EXPR_IN_MEMORY, EXPR_IN_REGISTER, EXPR_AS_VALUE } where;
    uint64_t at;     /* its address, or itself */
    const char *reg; /* the register's name */
    struct expr_type type;
    bool global;
};

/* What an expression is about. Any function may be NULL: there is no such thing then. field: NULL, or behind the dot. */
struct expr_env {
    enum expr_found (*name)(void *ctx, const char *name, struct expr_ref *ref, struct expr_value *v, struct err *e);
    enum expr_found (*reg)(void *ctx, const char *name, const char *field, struct expr_ref *ref, uint64_t *v,
                           struct err *e);
    enum expr_found (*set_reg)(void *ctx, const char *name, const char *field, struct expr_ref *ref, uint64_t v,
                               struct err *e);
    /* size: 1, 2, 4 or 8 bytes, at any alignment. False: e says why. */
    bool (*read)(void *ctx, enum expr_space space, uint64_t addr, unsigned size, uint64_t *v, struct err *e);
    bool (*write)(void *ctx, enum expr_space space, uint64_t addr, unsigned size, uint64_t v, struct err *e);
    /* A name of this kind that the user may have meant (EXPR_FIELD: a field of reg); NULL: none comes near. */
    const char *(*nearest)(void *ctx, enum expr_name_kind kind, const char *name, const char *reg);
    /* What lies at an address; NULL: nothing known. */
    const char *(*symbol_at)(void *ctx, uint64_t addr, uint64_t *offset);
    void *ctx;
    struct expr_vars *vars; /* NULL: none */
    /* Asked before name. variable_ctx is theirs. */
    enum expr_found (*variable)(void *ctx, const char *name, struct expr_variable *v, struct err *e);
    /* "struct point", "u64"; NULL: no such type. */
    const struct ctype *(*type)(void *ctx, const char *name);
    void *variable_ctx;
};

struct expr;

enum expr_flags {
    EXPR_PURE = 1 /* a condition: assignments, ++ and -- are errors */
};
enum { EXPR_MAX_TEXT = 4096, EXPR_MAX_DEPTH = 128 };

/* Parses the expression that text begins with. end: NULL when nothing may follow it; else where it ends, blanks skipped. NULL with e (which may be
 * NULL) set: what was expected and in which column, from 1. */
MUST_USE struct expr *expr_parse(const char *text, unsigned flags, const char **end, struct err *e);
void expr_free(struct expr *x); /* NULL is fine */
/* Is it a name and nothing else? Then that name, else NULL. */
const char *expr_sole_name(const struct expr *x);
/* A variable of a function that it names, where that variable is; false: it names none. */
MUST_USE bool expr_names_local(const struct expr *x, const struct expr_env *env, struct expr_variable *v);
/* As it was written, without what follows it. */
const char *expr_text(const struct expr *x);

/* False with e (which may be NULL) set. x changes only in its struct expr_ref's. */
MUST_USE bool expr_eval(struct expr *x, const struct expr_env *env, struct expr_value *v, struct err *e);
/* A condition: *truth is whether it is not zero. */
MUST_USE bool expr_test(struct expr *x, const struct expr_env *env, bool *truth, struct err *e);
/* For what is used once. end as in expr_parse(). */
MUST_USE bool expr_once(const char *text, const struct expr_env *env, const char **end, struct expr_value *v,
                        struct err *e);

/*
 * Writes a value as gdb's print formats: x hexadecimal, d signed, u unsigned, o octal, t binary, z hexadecimal with leading zeroes, c character,
 * a address with its symbol, s the string there, f floating point (of 4 or 8 bytes), 0 as its type suggests. env: for a and s; may be NULL.
 * Returns the length as snprintf() does; -1 with e set when there is no such format, or no readable string.
 */
int expr_format(char *buf, size_t size, const struct expr_value *v, char fmt, const struct expr_env *env,
                struct err *e);
/* "uint32_t *", "long": the type's name in C. */
const char *expr_type_name(const struct expr_type *t, char *buf, size_t size);

/* To find what the user may have meant: start with zero and the name, offer candidates (which must stay), take best (NULL: none comes near). */
struct expr_nearest {
    const char *name, *best;
    unsigned distance;
};
void expr_nearest_offer(struct expr_nearest *n, const char *candidate);

#endif
