/* SPDX-License-Identifier: MIT */
#include "cpu/decode.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

const struct insn_row insn_rows[INSN_COUNT] = {
    [INSN_illegal] = {"illegal", FMT_NONE, 0, 0},
#define INSN(id, name, format, match, mask, extension) [INSN_##id] = {name, FMT_##format, match, mask},
#include "cpu/insn.def"
#undef INSN
};

/* Bucket of a word: 6:2, 31:27, 14:12. */
enum { BUCKETS = 1 << 13, MAX_ENTRIES = 32768 };

struct decode_table {
    struct isa isa;
    uint16_t first[BUCKETS + 1]; /* candidates of bucket i: entries[first[i] .. first[i + 1]) */
    uint8_t entries[MAX_ENTRIES];
};
_Static_assert(INSN_COUNT <= 256, "a row number fits a byte");

static unsigned bucket_of(uint32_t w)
{
    return ((w >> 2) & 31) << 8 | (w >> 27) << 3 | ((w >> 12) & 7);
}

/* The buckets whose words can match row r, one after the other: *b is the first at the start. False: that was the last. */
static bool next_bucket(const struct insn_row *r, unsigned *b)
{
    unsigned any = ~bucket_of(r->mask) & (BUCKETS - 1); /* bits of a bucket's number that the row leaves open */
    unsigned next = ((*b & any) - any) & any;
    *b = bucket_of(r->match) | next;
    return next != 0;
}

/* Which rows this isa has: the extension column names a field of struct isa, or one of the two below. */
static void rows_present(const struct isa *isa, bool present[INSN_COUNT])
{
    const struct {
#define ISA(field, name, on, dt) bool field;
#include "cpu/isa.def"
#undef ISA
        bool always, h_svinval;
    } has = {
#define ISA(field, name, on, dt) .field = isa->field,
#include "cpu/isa.def"
#undef ISA
        .always = true,
        .h_svinval = isa->h && isa->svinval,
    };
    present[INSN_illegal] = false;
#define INSN(id, name, format, match, mask, extension) present[INSN_##id] = has.extension;
#include "cpu/insn.def"
#undef INSN
}

struct decode_table *decode_table_new(const struct isa *isa)
{
    struct decode_table *t = calloc(1, sizeof *t);
    if (!t)
        return NULL;
    t->isa = *isa;
    bool present[INSN_COUNT];
    rows_present(isa, present);
    /* First how many candidates each bucket has, then, from each bucket's end down, which: ascending in the end. */
    for (unsigned id = 1; id < INSN_COUNT; id++) {
        unsigned b = bucket_of(insn_rows[id].match);
        do
            t->first[b] = (uint16_t)(t->first[b] + present[id]);
        while (next_bucket(&insn_rows[id], &b));
    }
    unsigned n = 0;
    for (unsigned b = 0; b < BUCKETS; b++)
        t->first[b] = (uint16_t)(n += t->first[b]);
    t->first[BUCKETS] = (uint16_t)n;
    assert(n <= MAX_ENTRIES);
    for (unsigned id = INSN_COUNT - 1; id; id--) {
        unsigned b = bucket_of(insn_rows[id].match);
        do
            if (present[id])
                t->entries[--t->first[b]] = (uint8_t)id;
        while (next_bucket(&insn_rows[id], &b));
    }
    return t;
}

void decode_table_free(struct decode_table *t)
{
    free(t);
}

/* Immediates of the base formats. Unpriv. 2.3:
 *   I 31:20 | S 31:25,11:7 | B 31,7,30:25,11:8,0 | U 31:12 | J 31,19:12,20,30:21,0 */
static int32_t imm_i(uint32_t w)
{
    return (int32_t)w >> 20;
}

static int32_t imm_s(uint32_t w)
{
    return ((int32_t)(w & 0xfe000000) >> 20) | (int32_t)((w >> 7) & 31);
}

static int32_t imm_b(uint32_t w)
{
    return ((int32_t)(w & 0x80000000) >> 19) | (int32_t)((w << 4) & 0x800) | (int32_t)((w >> 20) & 0x7e0) |
           (int32_t)((w >> 7) & 0x1e);
}

static int32_t imm_j(uint32_t w)
{
    return ((int32_t)(w & 0x80000000) >> 11) | (int32_t)(w & 0xff000) | (int32_t)((w >> 9) & 0x800) |
           (int32_t)((w >> 20) & 0x7fe);
}

static int32_t immediate(enum insn_format format, uint32_t w)
{
    switch (format) {
    case FMT_I:
    case FMT_L:
    case FMT_FL:
    case FMT_FENCE: return imm_i(w);
    case FMT_SH: return (int32_t)((w >> 20) & 63);
    case FMT_S:
    case FMT_FS: return imm_s(w);
    case FMT_B: return imm_b(w);
    case FMT_U: return (int32_t)(w & 0xfffff000);
    case FMT_J: return imm_j(w);
    case FMT_CSR:
    case FMT_CSRI: return (int32_t)(w >> 20);
    case FMT_R:
    case FMT_R1:
    case FMT_NONE:
    case FMT_AMO:
    case FMT_CBO:
    case FMT_FVMA:
    case FMT_HLV:
    case FMT_HSV:
    case FMT_FR:
    case FMT_FRM:
    case FMT_F4:
    case FMT_FX:
    case FMT_FTOX:
    case FMT_XTOF:
    case FMT_XF: return 0;
    }
    return 0;
}

struct insn decode(const struct decode_table *t, uint32_t raw)
{
    struct insn i = {.id = INSN_illegal, .len = 4, .raw = raw};
    uint32_t w = raw;
    if (insn_length(raw) == 2) {
        i.len = 2;
        i.raw = raw & 0xffff;
        w = t->isa.c ? rvc_expand(&t->isa, (uint16_t)raw) : 0;
        if (!w)
            return i;
    }
    unsigned b = bucket_of(w);
    for (unsigned k = t->first[b]; k < t->first[b + 1]; k++) {
        const struct insn_row *r = &insn_rows[t->entries[k]];
        if ((w & r->mask) == r->match) {
            i.id = (enum insn_id)t->entries[k];
            i.rd = (w >> 7) & 31;
            i.rs1 = (w >> 15) & 31;
            i.rs2 = (w >> 20) & 31;
            i.rs3 = (uint8_t)(w >> 27);
            i.rm = (w >> 12) & 7;
            i.imm = immediate(r->format, w);
            break;
        }
    }
    return i;
}
