/* SPDX-License-Identifier: MIT */
/* What the two files of corners share. */
#include "corners.h"

extern char vectors[], landing[];
extern volatile uint64_t vectored; /* by which vector the last trap came */

/* f(a, b) in S, in U; what trap came of it, cause 0x7fff: none. The handler returns to the caller. */
void try_s(uint64_t f, uint64_t a, uint64_t b);
void try_u(uint64_t f, uint64_t a, uint64_t b);

/* The same, and a line of what came of it. */
void see_s(const char *what, uint64_t f, uint64_t a, uint64_t b);
void see_u(const char *what, uint64_t f, uint64_t a, uint64_t b);
void show(const char *what);

/* The tables in use: 1 GiB at WIN, one of its 2 MiB by l0; d: the page of data at its beginning. */
extern uint64_t root, l1, l0, d;
void on(unsigned mode, uint64_t r, uint64_t asid);
/* New tables: of them r maps RAM at its own address for S, at 3 GiB for U, and the window by *m and *l. */
void space(uint64_t *r, uint64_t *m, uint64_t *l);
#define USER(f) ((uint64_t)(f) + 0x40000000)

/* All that is about memory; leaves its tables in use. tables.c */
void tables(void);
