/* SPDX-License-Identifier: MIT */
/*
 * The packed format: every event in full, in a few bytes, to be turned into any other format later (vitrine trace FILE). It is for long
 * traces of instructions: what can be foretold from those before (the next address, the bytes there, registers' old values, where a load
 * goes) is not written.
 *
 *   file     "VTRACE1\n", header, records
 *   header   numbers are varints, texts a length and bytes: the clock's slots in 100 ns, harts, name;
 *            kinds: count, then each one's name and number of arguments; isa.def's rows: count, then name and 0 or 1;
 *            symbols: one text for each, "VM VALUE SIZE KIND NAME", KIND as in enum symbol_kind, and an empty one
 *   record   a tag's byte, and what it says follows:
 *            00 mmm rrr  instruction, not quite as foretold: a byte of enum pack_told, then those
 *            01 mmm rrr  instruction, as foretold in all but: rrr bytes (7: eight) of what the register's value differs by from the old
 *                        one, mmm bytes of what stood in memory before a store differs by from what it wrote
 *            11 111 111  a register that something else than an instruction has changed: bytes of hart and register, 8 of its value
 *            1k kkk kkk  event of another kind (or an instruction that the above cannot tell), see put_event() in format_pack.c
 *   differences are zigzag: 0, -1, 1, -2, ... as 0, 1, 2, 3, ...
 *
 * Both ends keep the same struct pack_model and foretell by it.
 */
#ifndef VITRINE_TRACE_PACK_H
#define VITRINE_TRACE_PACK_H

#include "monitor/trace/format.h"

#include <string.h>

#define PACK_MAGIC "VTRACE1\n"

enum {
    PACK_TAG_FORETOLD = 0x40,
    PACK_TAG_EVENT = 0x80,
    PACK_TAG_REGISTER = 0xff, /* no kind of event has this number */
    PACK_CODES = 1 << 14,     /* addresses whose instructions are remembered */
    PACK_HARTS = 256,
    PACK_TEXTS = 256, /* different texts of events, devices' names above all */
    PACK_TEXT_MAX = 255,
    PACK_RECORD_MAX = 512
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
/* Where a stream's record (stream_insn.what) has these. */
#define PACK_WHAT_MASK UINT64_C(0x00ffff00ffffffff)

struct pack_hart {
    uint64_t reg[EVENT_REG_NONE + 1]; /* as ARG_REG; of NONE 0 */
    uint64_t insn;
    struct pack_code *last;
    uint8_t mode;
};

struct pack_model {
    struct pack_code *code;                     /* PACK_CODES */
    struct pack_hart *hart;                     /* PACK_HARTS */
    uint64_t clock;                             /* of the last instruction */
    uint8_t current;                            /* hart of the last instruction */
    uint64_t event_clock, event_insn, event_pc; /* of the last other event */
    unsigned ntexts;
};

MUST_USE bool pack_model_init(struct pack_model *m);
void pack_model_free(struct pack_model *m);
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
