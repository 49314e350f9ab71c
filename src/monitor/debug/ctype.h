/* SPDX-License-Identifier: MIT */
/*
 * C types, as the debug information of the guests' ELF files has them (libdw). A type lives as long as the struct source that it is of, and what
 * it leads to is read when it is asked for. const, volatile and the like are left out; a typedef's name stays as the name of what it stands for.
 *
 * Files may be damaged: a size may be anything, and types may lead back to themselves. Who follows them counts how far.
 */
#ifndef VITRINE_CTYPE_H
#define VITRINE_CTYPE_H

#include "base/base.h"

struct source;

enum ctype_kind {
    CTYPE_VOID,
    CTYPE_INT,
    CTYPE_CHAR, /* an integer of one byte that shows as a character */
    CTYPE_BOOL,
    CTYPE_FLOAT,
    CTYPE_ENUM,
    CTYPE_POINTER,
    CTYPE_ARRAY,
    CTYPE_STRUCT,
    CTYPE_UNION,
    CTYPE_FUNCTION
};

struct ctype {
    enum ctype_kind kind;
    const char *name; /* "u64", "point", of a typedef or what it stands for; NULL: none */
    bool tagged;      /* the name is that of a struct, union or enum */
    bool is_signed;   /* INT, CHAR, ENUM */
    uint64_t size;    /* bytes; 0: unknown */
    uint64_t count;   /* ARRAY: elements; 0: not said */
};

/* What a pointer leads to, an array is made of, a function returns; NULL: void. */
const struct ctype *ctype_target(const struct ctype *t);

/* Bytes; also of arrays. 0: unknown. NULL is void. */
uint64_t ctype_size(const struct ctype *t);

struct ctype_member {
    const char *name; /* NULL: a struct or union without a name, whose members count as its owner's */
    const struct ctype *type;
    uint64_t offset;    /* bytes; of a bit-field: of its first byte */
    unsigned bit, bits; /* a bit-field: from this bit on, so many; bits 0: none */
};
/* The i-th member of a struct or union. False: there are no more. */
MUST_USE bool ctype_member(const struct ctype *t, unsigned i, struct ctype_member *m);
/* The one of that name, members of nameless ones included, with its offset in t. */
MUST_USE bool ctype_find_member(const struct ctype *t, const char *name, struct ctype_member *m);
/* The i-th constant of an enum. False: there are no more. */
MUST_USE bool ctype_constant(const struct ctype *t, unsigned i, const char **name, int64_t *value);

/* An enum's constant by its name. */
MUST_USE bool ctype_constant_named(struct source *s, const char *name, uint64_t *value);

/* "struct point *[4]": as C writes it, near enough. NULL is void. */
const char *ctype_write(const struct ctype *t, char *buf, size_t size);

/* "struct point", "union u", "enum e", "u64". NULL: there is no such type. */
const struct ctype *ctype_named(struct source *s, const char *name);

#endif
