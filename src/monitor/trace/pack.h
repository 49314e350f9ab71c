/* SPDX-License-Identifier: MIT */
/*
 * The packed format: every event in full, in a few bytes, to be turned into any other format later (vitrine trace FILE). It is for long
 * traces of instructions: what can be worked out from what came before is not written.
 *
 *   file     "VTRACE2\n", header, records
 *   header   numbers are varints, texts a length and bytes: the clock's slots in 100 ns, harts, name;
 *            kinds: count, then each one's name and number of arguments; isa.def's rows: count, then name and 0 or 1;
 *            symbols: one text for each, "VM VALUE SIZE KIND NAME", KIND as in enum symbol_kind, and an empty one
 *   record   a tag's byte, and what it says follows. Runs, blocks and states are those of cpu/stream.h; a reader follows the registers as it does.
 *            1100 0nnn  a run: the same block, as far and in the same mode, as the nnn-th of those that were found behind the run before it
 *                       (pack_block.next); then its words
 *            1100 0100  a run: varints of block, first instruction, instructions, mode, page's difference to the last run's; then its words
 *            1100 0101  a block: varints of its number and instructions; of each: its 2 or 4 bytes, a varint: how its offset in the page differs from
 *                       the end of the one before. observe_describe() makes the rest of it
 *            1100 0110  a state: hart, VM; varints: what clock and instructions differ by from the last; 8 bytes: bit n: register n differs from what
 *                       it was in this hart's last state; varints of the differences
 *            10kk kkkk  event of another kind (or an instruction that nothing below can tell), see put_event() in format_pack.c
 *            00 mmm rrr  instruction, not quite as foretold: a byte of enum pack_told, then those
 *            01 mmm rrr  instruction, as foretold in all but: rrr bytes (7: eight) of what the register's value differs by from the old
 *                        one, mmm bytes of what stood in memory before a store differs by from what it wrote
 *   words    two by two, the last perhaps alone: a byte, 3:0 bytes of the first, 7:4 of the second; then those: what they differ by from what the
 *            same instruction of that block had the last time
 *   differences are zigzag: 0, -1, 1, -2, ... as 0, 1, 2, 3, ...
 *
 * Runs come where the machine ran blocks, single instructions where it was observed one by one (or a condition chose some): both ends keep a struct
 * pack_model for either, and foretell by it.
 */
#ifndef VITRINE_TRACE_PACK_H
#define VITRINE_TRACE_PACK_H

#include "cpu/stream.h"
#include "monitor/trace/format.h"

#include <string.h>

#define PACK_MAGIC "VTRACE2\n"

enum {
    PACK_TAG_FORETOLD = 0x40,
    PACK_TAG_EVENT = 0x80,
    PACK_TAG_RUN = 0xc0, /* the first of PACK_NEXT */
    PACK_NEXT = 4,
    PACK_TAG_RUN_TOLD = PACK_TAG_RUN + PACK_NEXT,
    PACK_TAG_BLOCK,
    PACK_TAG_STATE,
    PACK_CODES = 1 << 14, /* addresses whose instructions are remembered */
    PACK_HARTS = 256,
    PACK_TEXTS = 256, /* different texts of events, devices' names above all */
    PACK_TEXT_MAX = 255,
    PACK_BLOCKS = 1 << 20,  /* their numbers are below */
    PACK_BLOCK_INSNS = 128, /* at most */
    PACK_RECORD_MAX = 2048
};

/* What the byte behind a tag 00 mmm rrr says to follow, in this order. */
enum pack_told {
    PACK_PC = 1,      /* 8 bytes */
    PACK_CODE = 2,    /* 4 bytes of instruction, register, size */
    PACK_REG_OLD = 4, /* 8 bytes */
    PACK_MEMORY = 8,  /* 8 bytes each of address, old and new value; mmm is not used */
    PACK_MODE = 16,   /* a byte */
    PACK_COUNTS = 32, /* clock and insn, 8 bytes each */
    PACK_HART = 64    /* a byte; the first of all */
};

enum pack_access { PACK_NO_MEMORY, PACK_LOAD, PACK_LOAD_UNSIGNED, PACK_LOAD_BOXED, PACK_STORE, PACK_OTHER };

/* An instruction at an address. */
struct pack_code {
    uint64_t pc;
    uint64_t next; /* where the hart went from here the last time */
    uint64_t what; /* PACK_WHAT() of the next three: compared at once */
    uint32_t raw;
    int32_t imm;
    uint8_t reg, size;
    uint8_t rs1, rs2; /* of loads and stores: as ARG_REG */
    uint8_t access;   /* enum pack_access */
};

#define PACK_WHAT(raw, reg, size)                                                                                      \
    ((uint64_t)(uint32_t)(raw) | (uint64_t)(uint8_t)(reg) << 40 | (uint64_t)(uint8_t)(size) << 48)

struct pack_hart {
    uint64_t reg[EVENT_REG_NONE + 1]; /* as ARG_REG; of NONE 0 */
    uint64_t insn;
    struct pack_code *last;
    uint8_t mode;
};

/* ---- Runs ---- */

/* A run but for its words: as in struct stream_run. */
struct pack_run {
    uint64_t what, page;
};
#define PACK_RUN(id, first, n, mode)                                                                                   \
    (STREAM_RUN | (uint64_t)(first) << 8 | (uint64_t)(n) << 16 | (uint64_t)(mode) << 24 | (uint64_t)(id) << 32)
struct pack_block {
    struct pack_run next[PACK_NEXT]; /* runs that came behind one of this block, the likeliest first */
    uint64_t word[PACK_BLOCK_INSNS]; /* the last ones of its instructions */
};
/* The last state that was told of a hart. */
struct pack_state {
    uint64_t reg[64]; /* as ARG_REG */
};

struct pack_model {
    struct pack_code *code;    /* PACK_CODES */
    struct pack_hart *hart;    /* PACK_HARTS */
    struct pack_state *state;  /* PACK_HARTS */
    struct pack_block **block; /* by their numbers; NULL: not told of yet */
    uint32_t blocks;           /* room for so many */
    struct pack_block *behind; /* the block of the last run, or `none` */
    struct pack_block none;
    uint64_t page;                              /* of the last run */
    uint64_t state_clock, state_insn;           /* of the last state */
    uint64_t clock;                             /* of the last instruction */
    uint8_t current;                            /* hart of the last instruction */
    uint64_t event_clock, event_insn, event_pc; /* of the last other event */
    unsigned ntexts;
};

MUST_USE bool pack_model_init(struct pack_model *m);
void pack_model_free(struct pack_model *m);
/* Block number id, which is being told of, anew perhaps: it is as if never seen. NULL: no memory. */
struct pack_block *pack_block_new(struct pack_model *m, uint32_t id);
/* Enters the instruction at an address, taken apart. */
void pack_code_set(struct pack_code *c, uint64_t pc, uint32_t raw, uint8_t reg, uint8_t size);

static inline struct pack_code *pack_code_at(const struct pack_model *m, uint64_t pc)
{
    return &m->code[pc >> 1 & (PACK_CODES - 1)];
}

static inline uint64_t pack_zigzag(uint64_t from, uint64_t to)
{
    uint64_t d = to - from;
    return d << 1 ^ -(d >> 63);
}

static inline uint64_t pack_unzigzag(uint64_t from, uint64_t z)
{
    return from + (z >> 1 ^ -(z & 1));
}

/* How many bytes a difference takes, as a code: 0 to 6, 7 for eight. */
static inline unsigned pack_length(uint64_t z)
{
    unsigned n = z ? (71 - (unsigned)__builtin_clzll(z)) / 8 : 0;
    return n < 7 ? n : 7;
}

static inline unsigned pack_bytes(unsigned code)
{
    return code + (code == 7);
}

/* Bytes that a word's difference takes, 0 to 8. */
static inline unsigned pack_word_bytes(uint64_t z)
{
    return z ? (71 - (unsigned)__builtin_clzll(z)) / 8 : 0;
}

/* A run came behind those of *at: it is found sooner the next time. i: where it was found; PACK_NEXT: nowhere. */
static inline void pack_came_behind(struct pack_block *at, unsigned i, struct pack_run run)
{
    if (i) {
        unsigned to = i < PACK_NEXT ? i - 1 : PACK_NEXT - 1;
        if (i < PACK_NEXT)
            at->next[i] = at->next[to];
        at->next[to] = run;
    }
}

static inline uint64_t pack_mask(unsigned size)
{
    return size >= 8 ? UINT64_MAX : (UINT64_C(1) << 8 * size) - 1;
}

/* What a load of these bytes leaves in its register. */
static inline uint64_t pack_extend(const struct pack_code *c, uint64_t v)
{
    if (c->access == PACK_LOAD)
        return (uint64_t)((int64_t)(v << (64 - 8 * c->size)) >> (64 - 8 * c->size));
    return c->access == PACK_LOAD_BOXED ? v | ~pack_mask(c->size) : v;
}

#endif
