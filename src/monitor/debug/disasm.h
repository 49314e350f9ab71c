/* SPDX-License-Identifier: MIT */
/*
 * Instructions as text: "addi   sp, sp, -0x20". A compressed instruction reads as the one that it stands for, as in objdump and gdb.
 *
 * Capstone is asked first where it was built in and reads the encoding well; for the rest, and for all without it, the instruction
 * table of the CPU gives the text (disasm_table.c). Both give the same text, and a test holds them to it.
 */
#ifndef VITRINE_DISASM_H
#define VITRINE_DISASM_H

#include "base/base.h"

struct disasm;

enum disasm_engine {
    DISASM_BEST, /* Capstone where it is there, then the table */
    DISASM_TABLE /* the table alone */
};

/* NULL: out of memory. Belongs to one thread. */
struct disasm *disasm_new(enum disasm_engine engine);
void disasm_free(struct disasm *d);

/* The name of what holds addr, and addr's distance from its start; NULL: none. The name is used before the next call. */
typedef const char *disasm_symbol_fn(void *ctx, uint64_t addr, uint64_t *offset);
/* How the targets of branches are named from now on; fn NULL: by their address alone. */
void disasm_set_symbols(struct disasm *d, disasm_symbol_fn *fn, void *ctx);

/* The instruction whose bytes are in raw, low half first, as text without a newline: "jal    0x80001000 <main+0x10>". What is no
 * instruction becomes ".4byte 0x..." or ".2byte 0x...". pc: its address, for branches. size: of buf, 96 is always enough but for long
 * symbols, which are cut. Returns the instruction's length in bytes, 2 or 4. */
unsigned disasm(struct disasm *d, uint64_t pc, uint32_t raw, char *buf, size_t size);

/* Whether raw's target is known from its bits alone: a branch, jal or j. *target is then where it goes from pc. */
MUST_USE bool disasm_target(struct disasm *d, uint64_t pc, uint32_t raw, uint64_t *target);
/* Does raw call a function (jal or jalr that links ra or t0)? Does it return from one (jalr through ra or t0 that links nothing)? */
MUST_USE bool disasm_is_call(struct disasm *d, uint32_t raw);
MUST_USE bool disasm_is_return(struct disasm *d, uint32_t raw);

/* Whether Capstone with RISC-V is in this build: its version, "5.0", or NULL. */
const char *disasm_capstone_version(void);

#endif
