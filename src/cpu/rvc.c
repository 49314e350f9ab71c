/* SPDX-License-Identifier: MIT */
/* Compressed instructions, each as the 32-bit instruction that it stands for. Unpriv. "C" extension, tables of RVC opcodes. */
#include "cpu/decode.h"

/* Field of bits hi..lo of the half word, placed at bit `at`. */
static uint32_t take(uint16_t h, unsigned hi, unsigned lo, unsigned at)
{
    return (uint32_t)bits(h, hi, lo) << at;
}

static uint32_t r_type(uint32_t base, uint32_t rd, uint32_t rs1, uint32_t rs2)
{
    return base | rd << 7 | rs1 << 15 | rs2 << 20;
}

static uint32_t i_type(uint32_t base, uint32_t rd, uint32_t rs1, uint32_t imm)
{
    return base | rd << 7 | rs1 << 15 | imm << 20;
}

static uint32_t s_type(uint32_t base, uint32_t rs1, uint32_t rs2, uint32_t imm)
{
    return base | (imm & 31) << 7 | rs1 << 15 | rs2 << 20 | ((imm >> 5) & 127) << 25;
}

static uint32_t b_type(uint32_t base, uint32_t rs1, uint32_t imm)
{
    return base | rs1 << 15 | ((imm >> 11) & 1) << 7 | ((imm >> 1) & 15) << 8 | ((imm >> 5) & 63) << 25 |
           ((imm >> 12) & 1) << 31;
}

static uint32_t j_type(uint32_t rd, uint32_t imm)
{
    return 0x6f | rd << 7 | (imm & 0xff000) | ((imm >> 11) & 1) << 20 | ((imm >> 1) & 0x3ff) << 21 |
           ((imm >> 20) & 1) << 31;
}

enum {
    LUI = 0x37,
    ADDI = 0x13,
    ADDIW = 0x1b,
    SLLI = 0x1013,
    SRLI = 0x5013,
    SRAI = 0x40005013,
    ANDI = 0x7013,
    JALR = 0x67,
    BEQ = 0x63,
    BNE = 0x1063,
    LW = 0x2003,
    LD = 0x3003,
    FLD = 0x3007,
    SW = 0x2023,
    SD = 0x3023,
    FSD = 0x3027,
    EBREAK = 0x00100073
};
#define ADD  0x33u
#define SUB  0x40000033u
#define XOR  0x4033u
#define OR   0x6033u
#define AND  0x7033u
#define ADDW 0x3bu
#define SUBW 0x4000003bu

static uint32_t quadrant0(const struct isa *isa, uint16_t h)
{
    uint32_t rd = 8 + (uint32_t)bits(h, 4, 2), rs1 = 8 + (uint32_t)bits(h, 9, 7);
    uint32_t imm_w = take(h, 12, 10, 3) | take(h, 6, 6, 2) | take(h, 5, 5, 6);
    uint32_t imm_d = take(h, 12, 10, 3) | take(h, 6, 5, 6);
    uint32_t imm_4spn = take(h, 12, 11, 4) | take(h, 10, 7, 6) | take(h, 6, 6, 2) | take(h, 5, 5, 3);
    switch (h >> 13) {
    case 0: /* c.addi4spn; the all-zero half word is illegal */ return imm_4spn ? i_type(ADDI, rd, 2, imm_4spn) : 0;
    case 1: /* c.fld */ return isa->d ? i_type(FLD, rd, rs1, imm_d) : 0;
    case 2: /* c.lw */ return i_type(LW, rd, rs1, imm_w);
    case 3: /* c.ld */ return i_type(LD, rd, rs1, imm_d);
    case 5: /* c.fsd */ return isa->d ? s_type(FSD, rs1, rd, imm_d) : 0;
    case 6: /* c.sw */ return s_type(SW, rs1, rd, imm_w);
    case 7: /* c.sd */ return s_type(SD, rs1, rd, imm_d);
    }
    return 0;
}

static uint32_t arithmetic(uint16_t h, uint32_t imm6)
{
    static const uint32_t op[8] = {SUB, XOR, OR, AND, SUBW, ADDW, 0, 0};
    uint32_t rd = 8 + (uint32_t)bits(h, 9, 7), rs2 = 8 + (uint32_t)bits(h, 4, 2);
    switch (bits(h, 11, 10)) {
    case 0: /* c.srli */ return i_type(SRLI, rd, rd, imm6 & 63);
    case 1: /* c.srai */ return i_type(SRAI, rd, rd, imm6 & 63);
    case 2: /* c.andi */ return i_type(ANDI, rd, rd, imm6);
    }
    uint32_t base = op[bits(h, 12, 12) << 2 | bits(h, 6, 5)];
    return base ? r_type(base, rd, rd, rs2) : 0;
}

static uint32_t quadrant1(uint16_t h)
{
    uint32_t rd = (uint32_t)bits(h, 11, 7);
    uint32_t imm6 = (uint32_t)sign_extend(bits(h, 12, 12) << 5 | bits(h, 6, 2), 6);
    uint32_t imm_j =
        (uint32_t)sign_extend(take(h, 12, 12, 11) | take(h, 11, 11, 4) | take(h, 10, 9, 8) | take(h, 8, 8, 10) |
                                  take(h, 7, 7, 6) | take(h, 6, 6, 7) | take(h, 5, 3, 1) | take(h, 2, 2, 5),
                              12);
    uint32_t imm_b = (uint32_t)sign_extend(
        take(h, 12, 12, 8) | take(h, 11, 10, 3) | take(h, 6, 5, 6) | take(h, 4, 3, 1) | take(h, 2, 2, 5), 9);
    uint32_t imm_16sp = (uint32_t)sign_extend(
        take(h, 12, 12, 9) | take(h, 6, 6, 4) | take(h, 5, 5, 6) | take(h, 4, 3, 7) | take(h, 2, 2, 5), 10);
    switch (h >> 13) {
    case 0: /* c.addi, c.nop */ return i_type(ADDI, rd, rd, imm6);
    case 1: /* c.addiw; rd = x0 is reserved */ return rd ? i_type(ADDIW, rd, rd, imm6) : 0;
    case 2: /* c.li */ return i_type(ADDI, rd, 0, imm6);
    case 3: /* c.addi16sp, c.lui; a zero immediate is reserved */
        if (rd == 2)
            return imm_16sp ? i_type(ADDI, 2, 2, imm_16sp) : 0;
        return imm6 ? (LUI | rd << 7 | imm6 << 12) : 0;
    case 4: return arithmetic(h, imm6);
    case 5: /* c.j */ return j_type(0, imm_j);
    case 6: /* c.beqz */ return b_type(BEQ, 8 + (uint32_t)bits(h, 9, 7), imm_b);
    case 7: /* c.bnez */ return b_type(BNE, 8 + (uint32_t)bits(h, 9, 7), imm_b);
    }
    return 0;
}

static uint32_t quadrant2(const struct isa *isa, uint16_t h)
{
    uint32_t rd = (uint32_t)bits(h, 11, 7), rs2 = (uint32_t)bits(h, 6, 2);
    uint32_t load_w = take(h, 12, 12, 5) | take(h, 6, 4, 2) | take(h, 3, 2, 6);
    uint32_t load_d = take(h, 12, 12, 5) | take(h, 6, 5, 3) | take(h, 4, 2, 6);
    uint32_t store_w = take(h, 12, 9, 2) | take(h, 8, 7, 6);
    uint32_t store_d = take(h, 12, 10, 3) | take(h, 9, 7, 6);
    bool high = bits(h, 12, 12);
    switch (h >> 13) {
    case 0: /* c.slli */ return i_type(SLLI, rd, rd, (uint32_t)high << 5 | rs2);
    case 1: /* c.fldsp */ return isa->d ? i_type(FLD, rd, 2, load_d) : 0;
    case 2: /* c.lwsp; rd = x0 is reserved */ return rd ? i_type(LW, rd, 2, load_w) : 0;
    case 3: /* c.ldsp; rd = x0 is reserved */ return rd ? i_type(LD, rd, 2, load_d) : 0;
    case 4:
        if (!rs2 && !rd)
            return high ? (uint32_t)EBREAK : 0; /* c.ebreak; c.jr x0 is reserved */
        if (!rs2)                               /* c.jalr, c.jr */
            return i_type(JALR, high, rd, 0);
        return r_type(ADD, rd, high ? rd : 0, rs2); /* c.add, c.mv */
    case 5: /* c.fsdsp */ return isa->d ? s_type(FSD, 2, rs2, store_d) : 0;
    case 6: /* c.swsp */ return s_type(SW, 2, rs2, store_w);
    case 7: /* c.sdsp */ return s_type(SD, 2, rs2, store_d);
    }
    return 0;
}

uint32_t rvc_expand(const struct isa *isa, uint16_t h)
{
    switch (h & 3) {
    case 0: return quadrant0(isa, h);
    case 1: return quadrant1(h);
    case 2: return quadrant2(isa, h);
    }
    return 0;
}
