/* SPDX-License-Identifier: MIT */
/* Which short loops have a handler of their own, see loops.inc. */
#include <string.h>

#include "cpu/op.h"

/* The files of registers that an instruction writes and reads: 'x', 'f', or 0 for neither. */
struct shape {
    char result, from[3];
};

static struct shape shape_of(enum insn_id id)
{
    switch (insn_rows[id].format) {
    case FMT_R: return (struct shape){'x', {'x', 'x'}};
    case FMT_R1:
    case FMT_I:
    case FMT_SH:
    case FMT_L: return (struct shape){'x', {'x'}};
    case FMT_U: return (struct shape){'x', {0}};
    case FMT_S:
    case FMT_B: return (struct shape){0, {'x', 'x'}};
    case FMT_FL: return (struct shape){'f', {'x'}};
    case FMT_FS: return (struct shape){0, {'x', 'f'}};
    case FMT_FR:
    case FMT_FRM: return (struct shape){'f', {'f', 'f'}};
    case FMT_F4: return (struct shape){'f', {'f', 'f', 'f'}};
    case FMT_J:
    case FMT_FENCE:
    case FMT_FVMA:
    case FMT_NONE:
    case FMT_AMO:
    case FMT_HLV:
    case FMT_HSV:
    case FMT_CBO:
    case FMT_CSR:
    case FMT_CSRI:
    case FMT_FX:
    case FMT_FTOX:
    case FMT_XTOF:
    case FMT_XF: break;
    }
    return (struct shape){0, {0}};
}

static bool commutes(enum insn_id id)
{
    return id == INSN_beq || id == INSN_bne || id == INSN_add || id == INSN_addw || id == INSN_and || id == INSN_or ||
           id == INSN_xor || id == INSN_mul || id == INSN_mulw;
}

/* The letter of a register: that of the first operation that writes it. */
static uint8_t letter(const struct op *ops, const struct shape *shapes, unsigned n, char file, unsigned reg)
{
    if (!file)
        return LOOP_N;
    for (unsigned k = 0; k < n; k++)
        if (shapes[k].result == file && ops[k].rd == reg)
            return (uint8_t)(LOOP_A + k);
    return LOOP_M;
}

bool loop_fuse(const struct code_cache *c, struct op *ops, const uint8_t *ids, unsigned n)
{
    struct shape shapes[LOOP_MAX];
    struct loop_op key[LOOP_MAX] = {0};
    bool exchanged[LOOP_MAX] = {false};
    if (n > LOOP_MAX)
        return false;
    for (unsigned k = 0; k < n; k++)
        shapes[k] = shape_of(ids[k]);
    for (unsigned k = 0; k < n; k++) {
        const unsigned regs[] = {ops[k].rs1, ops[k].rs2, (unsigned)ops[k].imm & 31};
        key[k] = (struct loop_op){ids[k], letter(ops, shapes, n, shapes[k].result, ops[k].rd), {0}};
        for (unsigned i = 0; i < 3; i++)
            key[k].from[i] = letter(ops, shapes, n, shapes[k].from[i], regs[i]);
        if (commutes(ids[k]) && key[k].from[0] > key[k].from[1]) {
            uint8_t first = key[k].from[0];
            key[k].from[0] = key[k].from[1];
            key[k].from[1] = first;
            exchanged[k] = true;
        }
    }
    for (unsigned i = 0; i < c->nloops; i++) {
        const struct loop *l = &c->handlers->loops[i];
        if (memcmp(l->op, key, sizeof key) != 0)
            continue;
        for (unsigned k = 0; k < n; k++) {
            if (exchanged[k]) {
                uint8_t first = ops[k].rs1;
                ops[k].rs1 = ops[k].rs2;
                ops[k].rs2 = first;
            }
        }
        ops[0].fn = l->fn;
        return true;
    }
    return false;
}
