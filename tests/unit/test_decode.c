/* SPDX-License-Identifier: MIT */
/* insn.def as a whole, the decoder that is made of it, and the expansion of compressed instructions. */
#include <check.h>
#include <string.h>

#include "cpu/decode.h"
#include "cpu/isa.h"

Suite *decode_suite(void);

static const char *const extension_of[INSN_COUNT] = {
#define INSN(id, name, format, match, mask, extension) [INSN_##id] = #extension,
#include "cpu/insn.def"
#undef INSN
};

/* The fields of struct isa, by name. */
static const struct {
    const char *name;
    size_t at;
} fields[] = {
#define ISA(field, name, on, dt) {#field, offsetof(struct isa, field)},
#include "cpu/isa.def"
#undef ISA
};

static bool *field(struct isa *isa, unsigned n)
{
    return (bool *)((char *)isa + fields[n].at);
}

static struct isa everything(void)
{
    struct isa isa;
    for (unsigned n = 0; n < ARRAY_LEN(fields); n++)
        *field(&isa, n) = true;
    return isa;
}

static uint64_t seed = UINT64_C(0x243f6a8885a308d3);
static uint32_t rnd(void)
{
    seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)(seed >> 32);
}

START_TEST(rows_are_well_formed)
{
    for (unsigned i = 1; i < INSN_COUNT; i++) {
        const struct insn_row *r = &insn_rows[i];
        ck_assert_msg(!(r->match & ~r->mask), "%s: match beyond its mask", r->name);
        ck_assert_msg((r->mask & 0x7f) == 0x7f && (r->match & 3) == 3, "%s: opcode", r->name);
        for (unsigned k = i + 1; k < INSN_COUNT; k++)
            ck_assert_msg((r->match ^ insn_rows[k].match) & r->mask & insn_rows[k].mask, "a word is both %s and %s",
                          r->name, insn_rows[k].name);
    }
}
END_TEST

START_TEST(each_row_decodes_to_itself)
{
    struct isa isa = everything();
    struct decode_table *t = decode_table_new(&isa);
    ck_assert_ptr_nonnull(t);
    for (unsigned i = 1; i < INSN_COUNT; i++)
        for (unsigned k = 0; k < 200; k++) {
            uint32_t w = (rnd() & ~insn_rows[i].mask) | insn_rows[i].match;
            struct insn d = decode(t, w);
            ck_assert_msg(d.id == i, "%s (%08x) decodes as %s", insn_rows[i].name, w, insn_rows[d.id].name);
            ck_assert_uint_eq(d.len, 4);
            ck_assert_uint_eq(d.raw, w);
            ck_assert_uint_eq(d.rd, w >> 7 & 31);
            ck_assert_uint_eq(d.rs1, w >> 15 & 31);
            ck_assert_uint_eq(d.rs2, w >> 20 & 31);
            ck_assert_uint_eq(d.rs3, w >> 27);
            ck_assert_uint_eq(d.rm, w >> 12 & 7);
        }
    decode_table_free(t);
}
END_TEST

/* The table of candidates says what a search of all rows says. */
START_TEST(table_agrees_with_a_linear_search)
{
    struct isa isa = everything();
    struct decode_table *t = decode_table_new(&isa);
    for (unsigned n = 0; n < 300000; n++) {
        uint32_t w = rnd() | 3;
        if (n & 1) { /* near a row: one bit of its pattern may be off */
            const struct insn_row *r = &insn_rows[1 + rnd() % (INSN_COUNT - 1)];
            w = ((w & ~r->mask) | r->match) ^ (uint32_t)BIT(2 + rnd() % 30);
        }
        unsigned want = INSN_illegal;
        for (unsigned i = 1; i < INSN_COUNT; i++)
            if ((w & insn_rows[i].mask) == insn_rows[i].match)
                want = i;
        ck_assert_msg(decode(t, w).id == want, "%08x: %s, not %s", w, insn_rows[decode(t, w).id].name,
                      insn_rows[want].name);
    }
    decode_table_free(t);
}
END_TEST

START_TEST(absent_extension_is_illegal)
{
    for (unsigned n = 0; n < ARRAY_LEN(fields); n++) {
        struct isa isa = everything();
        *field(&isa, n) = false;
        struct decode_table *t = decode_table_new(&isa);
        for (unsigned i = 1; i < INSN_COUNT; i++) {
            const char *of = extension_of[i], *name = fields[n].name;
            bool needs =
                !strcmp(of, name) || (!strcmp(of, "h_svinval") && (!strcmp(name, "h") || !strcmp(name, "svinval")));
            uint32_t w = (rnd() & ~insn_rows[i].mask) | insn_rows[i].match;
            ck_assert_msg(decode(t, w).id == (needs ? (unsigned)INSN_illegal : i), "%s without %s", insn_rows[i].name,
                          name);
        }
        decode_table_free(t);
    }
}
END_TEST

/* Immediates at their bounds, put together here bit by bit from Unpriv. 2.3's figures. */
static uint32_t scatter(uint32_t imm, const uint8_t *place, unsigned n)
{
    uint32_t w = 0;
    for (unsigned i = 0; i < n; i++)
        w |= (imm >> i & 1) << place[i];
    return w;
}

START_TEST(immediates)
{
    static const uint8_t i_at[] = {20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31};
    static const uint8_t s_at[] = {7, 8, 9, 10, 11, 25, 26, 27, 28, 29, 30, 31};
    static const uint8_t b_at[] = {8, 9, 10, 11, 25, 26, 27, 28, 29, 30, 7, 31};
    static const uint8_t j_at[] = {21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 20, 12, 13, 14, 15, 16, 17, 18, 19, 31};
    struct isa isa = everything();
    struct decode_table *t = decode_table_new(&isa);
    for (int32_t v = -2048; v < 2048; v++) {
        ck_assert_int_eq(decode(t, insn_rows[INSN_addi].match | scatter((uint32_t)v, i_at, 12)).imm, v);
        ck_assert_int_eq(decode(t, insn_rows[INSN_fld].match | scatter((uint32_t)v, i_at, 12)).imm, v);
        ck_assert_int_eq(decode(t, insn_rows[INSN_sd].match | scatter((uint32_t)v, s_at, 12)).imm, v);
        ck_assert_int_eq(decode(t, insn_rows[INSN_fsw].match | scatter((uint32_t)v, s_at, 12)).imm, v);
        ck_assert_int_eq(decode(t, insn_rows[INSN_bgeu].match | scatter((uint32_t)v, b_at, 12)).imm, 2 * v);
        ck_assert_int_eq(decode(t, insn_rows[INSN_csrrw].match | (uint32_t)(v + 2048) << 20).imm, v + 2048);
    }
    for (int32_t v = -(1 << 19); v < 1 << 19; v += 7) {
        ck_assert_int_eq(decode(t, insn_rows[INSN_jal].match | scatter((uint32_t)v, j_at, 20)).imm, 2 * v);
        ck_assert_int_eq(decode(t, insn_rows[INSN_lui].match | (uint32_t)v << 12).imm, (int32_t)((uint32_t)v << 12));
    }
    for (uint32_t v = 0; v < 64; v++)
        ck_assert_int_eq(decode(t, insn_rows[INSN_srai].match | v << 20).imm, (int32_t)v);
    decode_table_free(t);
}
END_TEST

/* Each half word is either illegal or stands for one instruction that decodes. */
START_TEST(compressed)
{
    struct isa isa = everything(), no_c = isa, no_d = isa;
    no_c.c = no_d.d = false;
    struct decode_table *t = decode_table_new(&isa), *without = decode_table_new(&no_c),
                        *integer = decode_table_new(&no_d);
    unsigned legal = 0;
    for (uint32_t half = 0; half < 0x10000; half++) {
        if ((half & 3) == 3) {
            ck_assert_uint_eq(insn_length(half), 4);
            continue;
        }
        uint32_t w = rvc_expand(&isa, (uint16_t)half);
        struct insn i = decode(t, half | rnd() << 16);
        ck_assert_uint_eq(i.len, 2);
        ck_assert_uint_eq(i.raw, half);
        ck_assert_msg((i.id == INSN_illegal) == !w, "%04x stands for %08x", half, w);
        struct insn whole = w ? decode(t, w) : i;
        ck_assert(i.id == whole.id && i.rd == whole.rd && i.rs1 == whole.rs1 && i.imm == whole.imm);
        ck_assert_int_eq(decode(without, half).id, INSN_illegal);
        unsigned funct3 = half >> 13;
        bool is_fp = (half & 1) == 0 && (funct3 == 1 || funct3 == 5); /* c.fld, c.fsd, c.fldsp, c.fsdsp */
        ck_assert_msg(decode(integer, half).id == (is_fp ? INSN_illegal : i.id), "%04x without D", half);
        legal += w != 0;
    }
    ck_assert_int_eq(rvc_expand(&isa, 0), 0);
    /* 49152 half words less the reserved: in quadrant 0, funct3 4 (2048) and c.addi4spn with no immediate (8); in quadrant 1, c.addiw to x0
     * (64), c.lui and c.addi16sp of 0 (32), arithmetic 6 and 7 (2 * 64); in quadrant 2, c.lwsp and c.ldsp to x0 (128), c.jr x0 (1). */
    ck_assert_uint_eq(legal, 49152 - 2048 - 8 - 64 - 32 - 128 - 128 - 1);
    decode_table_free(t);
    decode_table_free(without);
    decode_table_free(integer);
}
END_TEST

Suite *decode_suite(void)
{
    Suite *s = suite_create("decode");
    TCase *tc = tcase_create("decode");
    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, rows_are_well_formed);
    tcase_add_test(tc, each_row_decodes_to_itself);
    tcase_add_test(tc, table_agrees_with_a_linear_search);
    tcase_add_test(tc, absent_extension_is_illegal);
    tcase_add_test(tc, immediates);
    tcase_add_test(tc, compressed);
    suite_add_tcase(s, tc);
    return s;
}
