/* SPDX-License-Identifier: MIT */
/*
 * Backtraces: from the registers of a hart to the functions that it is in, across traps too. Four ways, tried in this order for each frame:
 * the call frame information of the ELF file (DWARF, .debug_frame and .eh_frame); the function's own instructions, those from here to
 * its return and those from its beginning to here; the chain of frame pointers; and for the innermost frame the return address register.
 *
 * Nothing is believed: memory may hold anything and ELF files may be damaged. The chain ends after UNWIND_FRAMES at the latest, with a reason.
 */
#ifndef VITRINE_UNWIND_H
#define VITRINE_UNWIND_H

#include "monitor/debug/source.h"
#include "symbols.h"

enum { UNWIND_FRAMES = 256 };

struct decode_table;
struct hart;

/* How a frame was found: from the frame before it, by ... */
enum unwind_how {
    UNWIND_PC,   /* the innermost: where the hart stands */
    UNWIND_CFI,  /* call frame information */
    UNWIND_CODE, /* the instructions of the function */
    UNWIND_FP,   /* the frame pointer: the return address at -8(s0), the caller's at -16(s0) */
    UNWIND_RA,   /* the return address register */
    UNWIND_TRAP  /* the frame before is a trap's entry: this is where the trap was taken */
};
const char *unwind_how_name(enum unwind_how how); /* "", "cfi", "code", "fp", "ra", "trap" */

/* A mode's trap registers; vs* in the place of s* for a guest under H. */
struct unwind_trap {
    uint64_t tvec, epc, scratch;
    const char *epc_name; /* "sepc"; NULL: the mode is not there */
};

/* What is looked at. */
struct unwind_env {
    void *ctx;
    /* Reads size bytes (2, 4 or 8) at a virtual address, without side effects. False: not there. */
    bool (*read)(void *ctx, uint64_t addr, unsigned size, uint64_t *value);
    uint64_t pc, x[32];
    /* Of the modes that may have trapped, the present one's first. */
    struct unwind_trap trap[2];
    struct source *source;         /* may be NULL */
    const struct symbols *symbols; /* may be NULL */
    /* What unwind_decoder() made, for those who ask often; NULL: each call makes its own, which takes 0.2 ms. */
    const struct decode_table *decoder;
};
/* Knows every instruction. NULL: no memory. decode_table_free() ends it. */
struct decode_table *unwind_decoder(void);

struct unwind_frame {
    uint64_t pc;
    uint64_t lookup; /* where names and lines are looked up: pc, or in the call instruction before it */
    uint64_t cfa;    /* the stack pointer at the function's entry; 0: unknown */
    enum unwind_how how;
    bool trap_entry;      /* this is where a trap came in */
    const char *function; /* NULL: unknown */
    uint64_t offset;      /* of pc in it */
    const char *file;     /* NULL: unknown */
    unsigned line;
    uint64_t x[32];
    uint32_t known; /* bit n: x[n] is what the frame's function had in xn */
};

/* Fills pc, x and trap by where a hart stands. */
void unwind_env_hart(struct unwind_env *env, struct hart *h);

/* What registers and pc of env tell: at most max frames, innermost first; at least 1. why: size bytes for the reason why the chain ends. */
unsigned unwind(const struct unwind_env *env, struct unwind_frame *v, unsigned max, char *why, size_t size);

/* The frame as a line: "#2  0x80001234 in trap+0x10 at kern/trap.c:12, by cfi". */
void unwind_line(const struct unwind_frame *f, unsigned n, char *buf, size_t size);

#endif
