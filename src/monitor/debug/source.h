/* SPDX-License-Identifier: MIT */
/*
 * Source lines: what the DWARF information of the guests' ELF files says of their code (libdw). Addresses are virtual ones, with the bias of
 * the file added. All questions may be asked of files without debug information: the answer is then "unknown", and symbols.h has names.
 *
 * Files may be damaged or hostile: what cannot be right is left out; nothing here takes more than a few times the file's size of time or memory.
 */
#ifndef VITRINE_SOURCE_H
#define VITRINE_SOURCE_H

#include "base/err.h"

struct source;

struct source *source_new(void); /* NULL: out of memory */
void source_free(struct source *s);
/* Adds what an ELF file (for 64-bit RISC-V) tells; bias is added to its addresses. 0, or -errno: not to be read, not such a file. A
 * file without debug information is none of these. */
MUST_USE int source_add(struct source *s, const char *path, uint64_t bias, struct err *e);
/* The ELF file that addr belongs to, as given to source_add(); NULL: none. s may be NULL here and below. */
const char *source_object(const struct source *s, uint64_t addr);
/* Was this file added, with this bias (NULL: with any)? *debug (may be NULL): it has debug information. */
bool source_has_object(const struct source *s, const char *path, const uint64_t *bias, bool *debug);
/* Is there a line table at all? */
bool source_has_lines(const struct source *s);

/* ---- Lines ---- */

struct source_place {
    const char *file;      /* its path as the compiler was given it, joined with its directory */
    unsigned line, column; /* column 0: unknown */
    bool stmt;             /* the row begins a statement */
    uint64_t low, high;    /* the row's code: [low, high) */
};

/* The row of the line table at addr. False: none. */
MUST_USE bool source_at(struct source *s, uint64_t addr, struct source_place *p);
/* The code to be run through to reach another line than addr's: rows without a break of the same line, or of no statement. False: no line. */
MUST_USE bool source_step_range(struct source *s, uint64_t addr, uint64_t *low, uint64_t *high);
/* Where a breakpoint at that line belongs: an address for each function and inlined copy, behind the prologue if the line is where the function
 * begins; a line without code means the next one with code: *actual (may be NULL). file: a path or the end of one ("trap.c", "kern/trap.c").
 * Returns how many there are, of which at most max are in va. 0: no such file, or no code from that line on. */
unsigned source_find_line(struct source *s, const char *file, unsigned line, uint64_t *va, unsigned max,
                          unsigned *actual);
/* The first and last line of the file with code. False: no such file, or no line of it is known. */
MUST_USE bool source_line_limits(struct source *s, const char *file, unsigned *first, unsigned *last);

/* ---- Functions ---- */

struct source_function {
    const char *name;
    const char *file; /* where it is declared; NULL: unknown */
    unsigned line;    /* there; 0: unknown */
    uint64_t low, high;
    uint64_t body; /* behind the prologue: where a breakpoint at the function belongs. At most high - 1. */
};

/* The function (not an inlined one) whose code holds addr. False: unknown. */
MUST_USE bool source_function_at(struct source *s, uint64_t addr, struct source_function *f);
/* The n-th function of that name, from 0. False: no more. */
MUST_USE bool source_function_named(struct source *s, const char *name, unsigned n, struct source_function *f);

/* Where inlined copies of a function of that name begin: at most max of them in va. Returns how many. */
unsigned source_inlined_copies(struct source *s, const char *name, uint64_t *va, unsigned max);

struct source_inline {
    const char *name;      /* of the function that was inlined */
    const char *call_file; /* where it was called; NULL: unknown */
    unsigned call_line;
    bool begins; /* its code begins at that address, or goes on there after other code */
};
enum { SOURCE_INLINES = 16 };
/* The inlined calls around addr, innermost first: at most SOURCE_INLINES. Returns how many. */
unsigned source_inlines_at(struct source *s, uint64_t addr, struct source_inline v[SOURCE_INLINES]);

/* ---- Files ---- */

/* The i-th source file that has code, sorted; NULL past the end. */
const char *source_file(struct source *s, size_t i);
/* The full name of the file meant by a path or the end of one; NULL: none. */
const char *source_find_file(struct source *s, const char *file);
/* A path that begins with `from` is looked for under `to` instead. The last one added is tried first. False: no memory. */
MUST_USE bool source_substitute(struct source *s, const char *from, const char *to);
/* A line of a source file, from 1, without its end: *length characters, not terminated. NULL: past the end, or e says that the file cannot be
 * read. file: as it is in a struct source_place. */
const char *source_text(struct source *s, const char *file, unsigned line, size_t *length, struct err *e);

/* ---- For unwind.c: libdw's call frame information at addr ---- */
struct Dwarf_CFI_s;
/* The n-th table that may speak of addr: .debug_frame, .eh_frame of each file. *bias: of the file. NULL: no more. */
struct Dwarf_CFI_s *source_cfi(struct source *s, uint64_t addr, unsigned n, uint64_t *bias);

#endif
