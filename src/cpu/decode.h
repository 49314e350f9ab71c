/* SPDX-License-Identifier: MIT */
/* From instruction words to rows of insn.def. */
#ifndef VITRINE_DECODE_H
#define VITRINE_DECODE_H

#include "cpu/hart.h"

enum insn_format {
    FMT_R,
    FMT_R1,
    FMT_I,
    FMT_L,
    FMT_SH,
    FMT_S,
    FMT_B,
    FMT_U,
    FMT_J,
    FMT_NONE,
    FMT_FENCE,
    FMT_CSR,
    FMT_CSRI,
    FMT_AMO,
    FMT_CBO,
    FMT_FVMA,
    FMT_HLV,
    FMT_HSV,
    FMT_FL,
    FMT_FS,   /* load and store of an f register */
    FMT_FR,   /* f <- f, f */
    FMT_FRM,  /* the same with a rounding mode */
    FMT_F4,   /* f <- f, f, f with a rounding mode */
    FMT_FX,   /* x <- f, f */
    FMT_FTOX, /* x <- f with a rounding mode */
    FMT_XTOF, /* f <- x with a rounding mode */
    FMT_XF    /* f <- x */
};

enum insn_id {
    INSN_illegal,
#define INSN(id, name, format, match, mask, extension) INSN_##id,
#include "cpu/insn.def"
#undef INSN
    INSN_COUNT
};

struct insn_row {
    const char *name;
    enum insn_format format;
    uint32_t match, mask;
};
extern const struct insn_row insn_rows[INSN_COUNT];

/* One instruction, taken apart. */
struct insn {
    enum insn_id id;
    uint8_t len;               /* bytes: 2 or 4 */
    uint8_t rd, rs1, rs2, rs3; /* register numbers as in the encoding */
    uint8_t rm;                /* rounding mode field */
    int32_t imm;               /* immediate, shift amount, or CSR number */
    uint32_t raw;              /* the 2 or 4 bytes as fetched */
};

/* Candidates by opcode[6:2], funct3 and bits 31:27; made once for an isa. */
struct decode_table;
struct decode_table *decode_table_new(const struct isa *isa);
void decode_table_free(struct decode_table *t);

/* Decodes the bytes at a pc: raw holds at least the instruction's length (low half first). id is INSN_illegal when this isa has none. */
struct insn decode(const struct decode_table *t, uint32_t raw);

/* Bytes of the instruction that starts with this half word. Unpriv. 1.5 */
static inline unsigned insn_length(uint32_t half)
{
    return (half & 3) == 3 ? 4 : 2;
}

/* The 32-bit instruction that a compressed one stands for, or 0 where it is illegal or reserved. Unpriv. "C", RV64C with F, D as isa has. */
uint32_t rvc_expand(const struct isa *isa, uint16_t half);

#endif
