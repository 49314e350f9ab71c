/* SPDX-License-Identifier: MIT */
#include "monitor/trace/pack.h"

#include <stdlib.h>

#include "cpu/decode.h"

bool pack_model_init(struct pack_model *m)
{
    *m = (struct pack_model){0};
    m->code = calloc(PACK_CODES, sizeof *m->code);
    m->hart = calloc(PACK_HARTS, sizeof *m->hart);
    m->state = calloc(PACK_HARTS, sizeof *m->state);
    m->behind = &m->none;
    if (!m->code || !m->hart || !m->state) {
        pack_model_free(m);
        return false;
    }
    for (unsigned i = 0; i < PACK_CODES; i++)
        m->code[i].pc = 1; /* nobody's */
    for (unsigned i = 0; i < PACK_HARTS; i++)
        m->hart[i].last = m->code;
    return true;
}

void pack_model_free(struct pack_model *m)
{
    for (uint32_t i = 0; i < m->blocks; i++)
        free(m->block[i]);
    free(m->block);
    free(m->code);
    free(m->hart);
    free(m->state);
    *m = (struct pack_model){0};
}

struct pack_block *pack_block_new(struct pack_model *m, uint32_t id)
{
    if (id >= m->blocks) {
        uint32_t room = id + 1 > 2 * m->blocks ? id + 1024 : 2 * m->blocks;
        struct pack_block **more = realloc(m->block, room * sizeof(*more));
        if (!more)
            return NULL;
        memset(more + m->blocks, 0, (room - m->blocks) * sizeof(*more));
        m->block = more;
        m->blocks = room;
    }
    struct pack_block *b = m->block[id];
    m->block[id] = b = b ? b : malloc(sizeof *b);
    if (b)
        memset(b, 0, sizeof *b);
    return b;
}

static uint8_t f_register(unsigned n)
{
    return (uint8_t)(EVENT_REG_F + n);
}

/* Loads and stores by the fields of their 32-bit form: Unpriv. 2.6, "F". What is none of them foretells nothing of memory. */
static void take_apart(struct pack_code *c, uint32_t w)
{
    enum { LOAD = 0x03, LOAD_FP = 0x07, STORE = 0x23, STORE_FP = 0x27 };
    unsigned opcode = w & 0x7f, unsigned_load = w >> 14 & 1;
    c->rs1 = w >> 15 & 31;
    c->rs2 = w >> 20 & 31;
    if (opcode == LOAD || opcode == LOAD_FP)
        c->imm = (int32_t)w >> 20;
    else
        c->imm = ((int32_t)w >> 25) * 32 + (int32_t)(w >> 7 & 31);
    if (opcode == LOAD)
        c->access = unsigned_load ? PACK_LOAD_UNSIGNED : PACK_LOAD;
    else if (opcode == LOAD_FP)
        c->access = PACK_LOAD_BOXED;
    else if (opcode == STORE || opcode == STORE_FP)
        c->access = PACK_STORE;
    else
        c->access = PACK_OTHER;
    if (opcode == STORE_FP)
        c->rs2 = f_register(c->rs2);
    if (c->size > 8)
        c->access = PACK_OTHER;
}

void pack_code_set(struct pack_code *c, uint64_t pc, uint32_t raw, uint8_t reg, uint8_t size)
{
    static const struct isa all = {.m = true, .a = true, .f = true, .d = true, .c = true};
    *c = (struct pack_code){.pc = pc,
                            .next = pc + insn_length(raw),
                            .what = PACK_WHAT(raw, reg, size),
                            .raw = raw,
                            .reg = reg,
                            .size = size};
    if (size)
        take_apart(c, insn_length(raw) == 2 ? rvc_expand(&all, (uint16_t)raw) : raw);
}
