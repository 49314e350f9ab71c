/* SPDX-License-Identifier: MIT */
/* The part of the disassembler that reads the CPU's own instruction table. */
#ifndef VITRINE_DISASM_TABLE_H
#define VITRINE_DISASM_TABLE_H

#include "cpu/decode.h"

enum { DISASM_TEXT = 48 }; /* holds every text without a target */

/* i, whose 32-bit form is w, as mnemonic and operands, "add", "a0, a1, a2". The target of a branch is left out: "beqz", "a0, ". A
 * compressed c.mv is told apart from an add by i->len. */
struct disasm_text {
    char mnemonic[16];
    char operands[DISASM_TEXT];
};
void disasm_table_text(const struct insn *i, uint32_t w, struct disasm_text *t);

/* Is this an encoding of which the table's text is to be preferred to Capstone's? The reasons are in disasm_table.c. */
bool disasm_table_knows_better(const struct insn *i, uint32_t w);

#endif
