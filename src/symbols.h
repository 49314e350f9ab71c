/* SPDX-License-Identifier: MIT */
/* The symbols of a guest's ELF file: names to addresses and back. */
#ifndef VITRINE_SYMBOLS_H
#define VITRINE_SYMBOLS_H

#include "base/base.h"

struct symbols;

struct symbols *symbols_new(void); /* NULL: out of memory */
void symbols_free(struct symbols *s);
/* Copies name. size: bytes, 0 = unknown. False: out of memory. */
MUST_USE bool symbols_add(struct symbols *s, const char *name, uint64_t value, uint64_t size, bool function);
/* To be called once all are added. */
void symbols_sort(struct symbols *s);

/* The address of name; false: there is none. s may be NULL. */
MUST_USE bool symbols_value(const struct symbols *s, const char *name, uint64_t *value);
/* The name of what holds addr, and addr's distance from its start; NULL: nothing near. s may be NULL. */
const char *symbols_at(const struct symbols *s, uint64_t addr, uint64_t *offset);
size_t symbols_count(const struct symbols *s);
/* The i-th in order of addresses: its name, NULL past the end. value, size and function may be NULL. */
const char *symbols_row(const struct symbols *s, size_t i, uint64_t *value, uint64_t *size, bool *function);

#endif
