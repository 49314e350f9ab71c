/* SPDX-License-Identifier: MIT */
/* The symbols of the guest's ELF files: names to addresses and back. */
#ifndef VITRINE_SYMBOLS_H
#define VITRINE_SYMBOLS_H

#include "base/base.h"

struct symbols;

enum symbol_kind { SYMBOL_LABEL, SYMBOL_FUNCTION, SYMBOL_DATA };

struct symbols *symbols_new(void); /* NULL: out of memory */
void symbols_free(struct symbols *s);
/* A copy to which more can be added while others still read s, which it takes over: symbols_free() of it frees both. NULL: out of memory. */
struct symbols *symbols_extend(struct symbols *s);
/* What is added from now on comes from this ELF file, of which the addresses have bias added; its name is copied. False: out of memory. */
MUST_USE bool symbols_object(struct symbols *s, const char *path, uint64_t bias);
/* The i-th of these files; NULL past the end. */
const char *symbols_object_row(const struct symbols *s, size_t i, uint64_t *bias);
/* Copies name. size: bytes, 0 = unknown. False: out of memory. */
MUST_USE bool symbols_add(struct symbols *s, const char *name, uint64_t value, uint64_t size, enum symbol_kind kind);
/* To be called once all are added, and again after more. */
void symbols_sort(struct symbols *s);

/* The address of name; false: there is none. s may be NULL. */
MUST_USE bool symbols_value(const struct symbols *s, const char *name, uint64_t *value);
/* The name of what holds addr, and addr's distance from its start; NULL: nothing near. s may be NULL. */
const char *symbols_at(const struct symbols *s, uint64_t addr, uint64_t *offset);
size_t symbols_count(const struct symbols *s);
/* The i-th in order of addresses: its name, NULL past the end. value, size and function may be NULL. */
const char *symbols_row(const struct symbols *s, size_t i, uint64_t *value, uint64_t *size, bool *function);

struct symbol_info {
    const char *name;
    const char *object; /* the file that it comes from; NULL: unknown */
    uint64_t value, size;
    enum symbol_kind kind;
};
/* All about what holds addr, as symbols_at(). False: nothing near. */
MUST_USE bool symbols_find(const struct symbols *s, uint64_t addr, struct symbol_info *info);
/* The n-th symbol, from 0, of that very name. False: there are no more. */
MUST_USE bool symbols_named(const struct symbols *s, const char *name, size_t n, struct symbol_info *info);
/* The n-th symbol, from 0, whose name begins with prefix, in the order of names. False: there are no more. */
MUST_USE bool symbols_prefixed(const struct symbols *s, const char *prefix, size_t n, struct symbol_info *info);

#endif
