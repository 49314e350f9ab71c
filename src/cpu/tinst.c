/* SPDX-License-Identifier: MIT */
/* Transformed instructions, as htinst and mtinst show them. Priv. "Transformed Instruction or Pseudoinstruction for mtinst or htinst" */
#include "cpu/op.h"

/* 31:25 funct7/imm | 24:20 rs2 | 19:15 Addr. Offset in place of rs1 | 14:12 funct3 | 11:7 rd/imm | 6:0 opcode */
enum { RS1_SHIFT = 15 };
#define RS1_FIELD   (UINT32_C(31) << RS1_SHIFT)
#define LOAD_KEEPS  UINT32_C(0x00007fff) /* funct3, rd, opcode */
#define STORE_KEEPS UINT32_C(0x01f0707f) /* rs2, funct3, opcode */

uint32_t tinst_transform(const struct isa *isa, uint32_t raw, unsigned offset)
{
    bool compressed = insn_length(raw) == 2;
    uint32_t w = compressed ? rvc_expand(isa, (uint16_t)raw) : raw;
    uint32_t keeps;
    switch (w & 0x7f) {
    case 0x03: /* loads */
    case 0x07: keeps = LOAD_KEEPS; break;
    case 0x23: /* stores */
    case 0x27: keeps = STORE_KEEPS; break;
    case 0x0f: /* cbo.* */
    case 0x2f: /* atomics */
    case 0x73: /* HLV, HLVX, HSV */ keeps = ~RS1_FIELD; break;
    default: return 0;
    }
    w = (w & keeps) | (offset & 31) << RS1_SHIFT;
    return compressed ? w & ~UINT32_C(2) : w;
}
