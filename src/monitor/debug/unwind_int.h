/* SPDX-License-Identifier: MIT */
/* What the parts of unwind.h share. */
#ifndef VITRINE_UNWIND_INT_H
#define VITRINE_UNWIND_INT_H

#include "monitor/debug/unwind.h"

enum { REG_RA = 1, REG_SP = 2, REG_FP = 8 };
/* What a function must leave as it found it: sp, gp, tp, s0..s11. */
#define CALLEE_SAVED (UINT32_C(0x0ffc0300) | BIT(2) | BIT(3) | BIT(4))

/* What is known of a caller. */
struct unwind_regs {
    uint64_t x[32];
    uint32_t known;
    uint64_t cfa;
    uint64_t epc; /* has_epc: the trap's pc as the entry saved it */
    bool has_epc;
};

/* Follows the instructions from low to f->pc (unwind_code.c) and tells what the registers were at low. False: nothing could be made of them. */
MUST_USE bool unwind_by_code(const struct unwind_env *env, const struct decode_table *decoder,
                             const struct unwind_frame *f, uint64_t low, struct unwind_regs *r);

enum ahead_answer {
    AHEAD_NONE,   /* no way out was found */
    AHEAD_CALLER, /* *r: what the caller gets back */
    AHEAD_TRAP    /* the same, and the way ends in sret or mret */
};
/* Follows the instructions from f->pc to the function's return (unwind_ahead.c). */
enum ahead_answer unwind_by_ahead(const struct unwind_env *env, const struct decode_table *decoder,
                                  const struct unwind_frame *f, struct unwind_regs *r);

enum cfi_answer {
    CFI_NONE,   /* there is no information for this pc, or it cannot be read */
    CFI_CALLER, /* *r: the caller; its ra in r->x[REG_RA] is where it goes on */
    CFI_SIGNAL, /* the same, and this frame is marked as a trap's */
    CFI_LAST    /* there is no caller */
};
/* What call frame information says of f (unwind_cfi.c). */
enum cfi_answer unwind_by_cfi(const struct unwind_env *env, const struct unwind_frame *f, struct unwind_regs *r);

/* Where a variable is (variables.c). */
struct unwind_place {
    /* Given */
    uint64_t bias; /* of the object */
    uint64_t base; /* of the function's frame, has_base: it is known */
    bool has_base;
    /* Found */
    enum { UNWIND_MEMORY, UNWIND_REGISTER, UNWIND_VALUE } where;
    uint64_t value; /* its address, number (DWARF's), or itself */
};
/* What an expression of DWARF says of a variable in frame f. False: it cannot be told. code: Dwarf_Op. */
bool unwind_evaluate(const struct unwind_env *env, const struct unwind_frame *f, const void *code, size_t n,
                     struct unwind_place *p);

#endif
