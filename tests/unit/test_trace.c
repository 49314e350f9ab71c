/* SPDX-License-Identifier: MIT */
/* Trace formats, filters, statistics and profiles, on events made by hand. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cpu/isa.h"
#include "cpu/stream.h"
#include "monitor/profile.h"
#include "monitor/stats.h"
#include "monitor/trace/filter.h"
#include "monitor/trace/format.h"
#include "monitor/trace/pack.h"
#include "monitor/trace/put.h"
#include "monitor/trace/unpack.h"
#include "symbols.h"

Suite *trace_suite(void);

enum { U = EVENT_MODE(0, 0), S = EVENT_MODE(1, 0), M = EVENT_MODE(3, 0) };

static struct trace_source source;
static struct symbols *symbols;

static void setup(void)
{
    symbols = symbols_new();
    ck_assert(symbols_add(symbols, "start", 0x80000000, 0x40, SYMBOL_FUNCTION));
    ck_assert(symbols_add(symbols, "trap\"entry", 0x80000100, 0x40, SYMBOL_FUNCTION));
    symbols_sort(symbols);
    source = (struct trace_source){.name = "test", .harts = 2, .insns_per_tick = 100, .symbols = {symbols}};
    isa_default(&source.isa);
}

static void teardown(void)
{
    symbols_free(symbols);
}

/* What a format makes of events; the caller frees it. */
static char *render(const struct trace_format *format, const struct event *e, size_t n, size_t *size)
{
    char *data = NULL;
    size_t length = 0;
    uint64_t kinds = 0;
    struct trace_file *f = trace_file_memory(&data, &length);
    ck_assert_ptr_nonnull(f);
    for (size_t i = 0; i < n; i++)
        kinds |= BIT(e[i].kind);
    struct trace_state *t = format->open(&source, f, kinds);
    ck_assert_ptr_nonnull(t);
    for (size_t i = 0; i < n; i++)
        format->event(t, &e[i]);
    format->close(t);
    ck_assert_int_eq(trace_file_close(f, NULL), 0);
    data = realloc(data, length + 1);
    data[length] = 0;
    if (size)
        *size = length;
    return data;
}

static void renders(const struct trace_format *format, const struct event *e, size_t n, const char *want)
{
    char *got = render(format, e, n, NULL);
    ck_assert_str_eq(got, want);
    free(got);
}

static struct event insn(uint64_t clock, uint64_t pc, uint32_t raw, unsigned reg, uint64_t old, uint64_t new)
{
    return (struct event){
        .kind = EV_INSN, .mode = M, .clock = clock, .insn = clock, .pc = pc, .a = {raw, reg, old, new}};
}

static struct event with_memory(struct event e, uint64_t at, unsigned size, uint64_t old, uint64_t new)
{
    e.a[4] = at;
    e.a[5] = size;
    e.a[6] = old;
    e.a[7] = new;
    return e;
}

static struct event trap(uint64_t clock, uint8_t from, uint8_t to, uint64_t cause)
{
    return (struct event){.kind = EV_TRAP,
                          .mode = from,
                          .clock = clock,
                          .insn = clock,
                          .pc = 0x80000010,
                          .a = {cause, 0, 0, 0, to, 0x80000100}};
}

static struct event back(uint64_t clock, uint8_t from, uint8_t to)
{
    return (struct event){
        .kind = EV_RET, .mode = from, .clock = clock, .insn = clock, .pc = 0x80000120, .a = {from, to, 0x80000014}};
}

/* ---- Numbers ---- */

START_TEST(numbers_as_printf_has_them)
{
    uint64_t v = UINT64_C(0xfedcba9876543210);
    char buf[64], want[64];
    for (unsigned i = 0; i < 200; i++) {
        v = v * UINT64_C(6364136223846793005) + 1442695040888963407;
        uint64_t x = i == 0 ? 0 : v >> i % 64;
        *put_hex(buf, x) = 0;
        snprintf(want, sizeof want, x ? "%#llx" : "0x0", (unsigned long long)x);
        ck_assert_str_eq(buf, want);
        *put_hex64(buf, x) = 0;
        snprintf(want, sizeof want, "%016llx", (unsigned long long)x);
        ck_assert_str_eq(buf, want);
        *put_dec_wide(buf, x, 10) = 0;
        snprintf(want, sizeof want, "%10llu", (unsigned long long)x);
        ck_assert_str_eq(buf, want);
        *put_signed(buf, (int64_t)x) = 0;
        snprintf(want, sizeof want, "%lld", (long long)x);
        ck_assert_str_eq(buf, want);
    }
    *put_hex_digits(buf, 0x1141, 4) = 0;
    ck_assert_str_eq(buf, "0x1141");
}
END_TEST

/* ---- Text ---- */

START_TEST(text_tells_what_changed)
{
    const struct event e[] = {
        insn(1, 0x80000010, 0x00150513, 10, 1, 2), /* addi a0, a0, 1 */
        with_memory(insn(2, 0x80000014, 0x00a5b023, EVENT_REG_NONE, 0, 0), 0x80001000, 8, 7, 2),
        with_memory(insn(3, 0x70000000, 0x4188, 10, 5, 5), 0x80001000, 4, 5, 5),
    };
    renders(&trace_format_text, e, 3,
            "         1 h0 M  0000000080000010 <start+0x10>               00150513 addi   a0, a0, 1                  "
            "a0 0x1 -> 0x2\n"
            "         2 h0 M  0000000080000014 <start+0x14>               00a5b023 sd     a0, 0(a1)                  "
            "[0x80001000 8] 0x7 -> 0x2\n"
            "         3 h0 M  0000000070000000                            4188     lw     a0, 0(a1)                  "
            "a0 0x5 [0x80001000 4] 0x5\n");
}
END_TEST

START_TEST(text_of_every_kind_is_one_line)
{
    for (unsigned k = 0; k < EV_KINDS; k++) {
        struct event e = {.kind = (uint8_t)k,
                          .hart = 1,
                          .vm = 3,
                          .mode = S,
                          .clock = UINT64_MAX,
                          .pc = UINT64_MAX,
                          .text = "some device"};
        for (unsigned i = 0; i < EVENT_ARGS; i++)
            e.a[i] = i % 2 ? UINT64_MAX : i;
        e.a[0] = k == EV_INSN ? 0x13 : e.a[0];
        char *text = render(&trace_format_text, &e, 1, NULL), *end = strchr(text, '\n');
        ck_assert_msg(end && !end[1], "%s", text);
        ck_assert_msg(k == EV_INSN || strstr(text, event_rows[k].name), "%s", text);
        ck_assert_ptr_nonnull(strstr(text, "vm3 h1 S "));
        free(text);
    }
}
END_TEST

START_TEST(text_of_a_trap_and_a_csr)
{
    struct event e[2] = {trap(9, U, S, 13),
                         {.kind = EV_CSR, .mode = M, .clock = 10, .pc = 4, .a = {0x305, 0, 0x80000100}}};
    e[0].a[1] = 0x1234;
    renders(&trace_format_text, e, 2,
            "         9 h0 U  0000000080000010 <start+0x10>               trap      cause load page fault (13), tval "
            "0x1234, gpa 0x0, tinst 0x0, "
            "to S, handler 0x80000100 <trap\"entry+0x0>\n"
            "        10 h0 M  0000000000000004                            csr       csr mtvec, 0x0 -> 0x80000100\n");
}
END_TEST

/* ---- JSON Lines ---- */

START_TEST(jsonl_escapes_and_leaves_out)
{
    struct event e[] = {
        insn(1, 0x80000104, 0x13, EVENT_REG_NONE, 0, 0),
        trap(2, S, M, BIT(63) | 5),
        {.kind = EV_TLB_FLUSH, .mode = S, .clock = 3, .pc = 8, .a = {FLUSH_SFENCE, UINT64_MAX, UINT64_MAX, 4}},
        {.kind = EV_MMIO, .mode = S, .clock = 4, .pc = 8, .text = "a \"b\"\n\xff", .a = {0, 1, 0x10000000, 1, 65}},
    };
    renders(&trace_format_jsonl, e, 4,
            "{\"clock\":1,\"insn\":1,\"hart\":0,\"vm\":0,\"mode\":\"M\",\"pc\":\"0x80000104\",\"pc_symbol\":"
            "\"trap\\\"entry+0x4\","
            "\"kind\":\"insn\",\"raw\":\"0x00000013\",\"disasm\":\"nop\"}\n"
            "{\"clock\":2,\"insn\":2,\"hart\":0,\"vm\":0,\"mode\":\"S\",\"pc\":\"0x80000010\",\"pc_symbol\":\"start+"
            "0x10\",\"kind\":\"trap\","
            "\"cause\":\"0x8000000000000005\",\"cause_name\":\"S "
            "timer\",\"tval\":\"0x0\",\"gpa\":\"0x0\",\"tinst\":\"0x0\",\"to\":\"M\","
            "\"handler\":\"0x80000100\",\"handler_symbol\":\"trap\\\"entry+0x0\"}\n"
            "{\"clock\":3,\"insn\":0,\"hart\":0,\"vm\":0,\"mode\":\"S\",\"pc\":\"0x8\",\"kind\":\"tlb_flush\",\"what\":"
            "\"sfence.vma\",\"vmid\":4}\n"
            "{\"clock\":4,\"insn\":0,\"hart\":0,\"vm\":0,\"mode\":\"S\",\"pc\":\"0x8\",\"kind\":\"mmio\",\"device\":"
            "\"a \\\"b\\\"\\u000a\\u00ff\","
            "\"write\":true,\"at\":\"0x10000000\",\"size\":1,\"value\":\"0x41\"}\n");
}
END_TEST

/* ---- Spike ---- */

START_TEST(spike_logs_commits_as_spike_does)
{
    const struct event csr = {.kind = EV_CSR, .mode = M, .clock = 2, .pc = 0x80000004, .a = {0x305, 0, 0x80000040}};
    struct event e[] = {
        insn(1, 0x80000000, 0x00000297, 5, 0, 0x80000000),
        csr,
        insn(2, 0x80000004, 0x30529073, EVENT_REG_NONE, 0, 0),
        insn(3, 0x80000008, 0x1141, 2, 16, 0),
        with_memory(insn(4, 0x8000000a, 0x0005b503, 10, 0, 0x11), 0x80001000, 8, 0x11, 0x11),
        with_memory(insn(5, 0x8000000e, 0x00a58023, EVENT_REG_NONE, 0, 0), 0x80001001, 1, 0, 7),
        with_memory(insn(6, 0x80000012, 0x00b5252f, 10, 0, 3), 0x80001000, 4, 3, 5),              /* amoadd.w */
        with_memory(insn(7, 0x80000016, 0x0005b287, EVENT_REG_F + 5, 0, 9), 0x80001000, 8, 9, 9), /* fld */
        with_memory(insn(8, 0x8000001a, 0x18b5252f, 10, 0, 1), 0x80001000, 4, 3, 3),              /* sc.w that failed */
        with_memory(insn(9, 0x8000001e, 0x18b5252f, 10, 1, 0), 0x80001000, 4, 3, 4), /* and one that did not */
        trap(10, M, M, 2),
    };
    e[3].mode = U;
    renders(&trace_format_spike, e, ARRAY_LEN(e),
            "core   0: 3 0x0000000080000000 (0x00000297) x5  0x0000000080000000\n"
            "core   0: 3 0x0000000080000004 (0x30529073) c773_mtvec 0x0000000080000040\n"
            "core   0: 0 0x0000000080000008 (0x1141) x2  0x0000000000000000\n"
            "core   0: 3 0x000000008000000a (0x0005b503) x10 0x0000000000000011 mem 0x0000000080001000\n"
            "core   0: 3 0x000000008000000e (0x00a58023) mem 0x0000000080001001 0x07\n"
            "core   0: 3 0x0000000080000012 (0x00b5252f) x10 0x0000000000000003 mem 0x0000000080001000 mem "
            "0x0000000080001000 0x00000005\n"
            "core   0: 3 0x0000000080000016 (0x0005b287) f5  0x0000000000000009 mem 0x0000000080001000\n"
            "core   0: 3 0x000000008000001a (0x18b5252f) x10 0x0000000000000001\n"
            "core   0: 3 0x000000008000001e (0x18b5252f) x10 0x0000000000000000 mem 0x0000000080001000 0x00000004\n");
    ck_assert_uint_eq(trace_format_spike.also(BIT(EV_INSN)), BIT(EV_CSR) | BIT(EV_CSR_SIDE));
}
END_TEST

/* ---- Timelines ---- */

/* The slices of the track with this tid in the Chrome format: a letter of `ph` each. */
static void phases(const char *json, unsigned tid, char *out)
{
    char at[32];
    snprintf(at, sizeof at, "\"tid\":%u,", tid);
    for (const char *line = strchr(json, '\n'); line && line[1]; line = strchr(line + 1, '\n')) {
        const char *end = strchr(line + 1, '\n'), *found = strstr(line, at), *ph = strstr(line, "\"ph\":\"");
        if (found && ph && (!end || (found < end && ph < end)) && strchr("BEi", ph[6]))
            *out++ = ph[6];
    }
    *out = 0;
}

START_TEST(traps_nest_and_all_slices_end)
{
    /* A trap within a trap, both returned from; then one that is never returned from, and the end. */
    const struct event e[] = {trap(10, U, S, 8), trap(20, S, S, 13), back(30, S, S), back(40, S, U), trap(50, U, S, 8)};
    char *json = render(&trace_format_chrome, e, ARRAY_LEN(e), NULL), slices[64];
    phases(json, 1, slices); /* hart 0: with the returns' instants */
    ck_assert_str_eq(slices, "BBEiEiBE");
    phases(json, 2 + S, slices);
    ck_assert_str_eq(slices, "BEBEBEBE"); /* its S mode: entered, entered again, come back to, entered */
    phases(json, 2 + U, slices);
    ck_assert_str_eq(slices, "BEBE");
    ck_assert_ptr_nonnull(strstr(json, "\"ph\":\"f\",\"name\":\"trap\""));
    free(json);
}
END_TEST

START_TEST(a_trap_out_of_another_mode_ends_what_was_left)
{
    const struct event e[] = {trap(10, U, S, 8), trap(20, U, S, 8), trap(30, S, M, 9), back(40, M, S), back(50, S, U)};
    char *json = render(&trace_format_chrome, e, ARRAY_LEN(e), NULL), slices[64];
    phases(json, 1, slices);
    ck_assert_str_eq(slices, "BEBBEiEi");
    free(json);
}
END_TEST

START_TEST(more_traps_than_nest)
{
    static struct event e[400];
    char slices[2000];
    for (unsigned i = 0; i < ARRAY_LEN(e); i++)
        e[i] = trap(i, S, S, 13);
    char *json = render(&trace_format_chrome, e, ARRAY_LEN(e), NULL);
    phases(json, 1, slices);
    int depth = 0;
    for (const char *p = slices; *p; p++) {
        depth += *p == 'B' ? 1 : -1;
        ck_assert_int_ge(depth, 0);
        ck_assert_int_le(depth, 64);
    }
    ck_assert_int_eq(depth, 0);
    free(json);
}
END_TEST

/* ---- The packed format ---- */

static uint64_t seed;
static uint64_t any(void)
{
    seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407;
    return seed >> 33 ^ seed << 7;
}

/* An event that looks like a machine's now and like nothing on earth then. */
static struct event any_event(struct event *last)
{
    static const char *const texts[] = {"uart", "plic", "a much longer name of a device"};
    struct event e = {.kind = (uint8_t)(any() % 3 ? EV_INSN : any() % EV_KINDS)};
    bool wild = any() % 8 == 0;
    e.clock = wild ? any() * any() : last->clock + 1;
    e.insn = wild ? any() : last->insn + 1;
    e.hart = any() % 16 ? last->hart : (uint8_t)any();
    e.vm = any() % 32 ? 0 : 3;
    e.mode = any() % 8 ? last->mode : (uint8_t)(any() % 8);
    e.pc = any() % 4 ? last->pc + 4 : 0x80000000 + any() % 64 * 2;
    e.text = any() % 2 && e.kind != EV_INSN ? texts[any() % 3] : NULL;
    for (unsigned i = 0; i < event_rows[e.kind].nargs; i++)
        e.a[i] = any() % 3 ? any() % 300 : any() * any();
    if (e.kind == EV_INSN) {
        static const uint32_t raws[] = {0x00150513, 0x00a5b023, 0x4188, 0x0005b287, 0x18b5252f, 0x0005c503};
        e.a[0] = raws[any() % ARRAY_LEN(raws)];
        e.a[1] = any() % 4 ? any() % 64 : EVENT_REG_NONE;
        e.a[5] = any() % 2 ? 0 : UINT64_C(1) << any() % 4;
        if (e.a[1] == EVENT_REG_NONE && any() % 16)
            e.a[2] = e.a[3] = 0;
        if (!e.a[5] && any() % 16)
            e.a[4] = e.a[6] = e.a[7] = 0;
    }
    *last = e;
    return e;
}

static void write_file(const char *name, const char *data, size_t n)
{
    FILE *f = fopen(name, "wb");
    ck_assert_ptr_nonnull(f);
    ck_assert_uint_eq(fwrite(data, 1, n, f), n);
    ck_assert_int_eq(fclose(f), 0);
}

static void same(const struct event *a, const struct event *b)
{
    ck_assert_uint_eq(a->kind, b->kind);
    ck_assert(a->clock == b->clock && a->insn == b->insn && a->pc == b->pc);
    ck_assert(a->hart == b->hart && a->vm == b->vm && a->mode == b->mode);
    for (unsigned i = 0; i < event_rows[a->kind].nargs; i++)
        ck_assert_msg(a->a[i] == b->a[i], "%s %s", event_rows[a->kind].name, event_rows[a->kind].arg[i].name);
    ck_assert(!a->text == !b->text && (!a->text || !strcmp(a->text, b->text)));
}

enum { MANY = 20000 };

START_TEST(packed_events_come_back_whole)
{
    char name[] = "/tmp/vitrine-test-XXXXXX";
    struct event *e = calloc(MANY, sizeof *e), last = {.pc = 0x80000000, .mode = M}, got;
    struct err why = {.text = ""};
    size_t size;
    seed = (uint64_t)_i;
    for (unsigned i = 0; i < MANY; i++)
        e[i] = any_event(&last);
    char *data = render(&trace_format_pack, e, MANY, &size);
    ck_assert_int_ge(mkstemp(name), 0);
    write_file(name, data, size);
    struct unpack *u = unpack_open(name, &why);
    ck_assert_msg(u != NULL, "%s", why.text);
    ck_assert_str_eq(unpack_source(u)->name, "test");
    for (unsigned i = 0; i < MANY; i++) {
        ck_assert_int_eq(unpack_next(u, &got, &why), 1);
        same(&e[i], &got);
    }
    ck_assert_int_eq(unpack_next(u, &got, &why), 0);
    unpack_close(u);
    unlink(name);
    free(data);
    free(e);
}
END_TEST

START_TEST(damaged_packed_files_only_end_early)
{
    char name[] = "/tmp/vitrine-test-XXXXXX";
    struct event e[300], last = {.pc = 0x80000000, .mode = M}, got;
    struct err why = {.text = ""};
    size_t size;
    seed = 99;
    for (unsigned i = 0; i < ARRAY_LEN(e); i++)
        e[i] = any_event(&last);
    char *data = render(&trace_format_pack, e, ARRAY_LEN(e), &size), *copy = malloc(size);
    ck_assert_int_ge(mkstemp(name), 0);
    for (unsigned round = 0; round < 100; round++) {
        memcpy(copy, data, size);
        size_t n = round % 2 ? any() % size : size;
        for (unsigned i = 0; i < round % 5; i++)
            copy[any() % size] = (char)any();
        write_file(name, copy, n);
        struct unpack *u = unpack_open(name, &why);
        unsigned events = 0;
        while (u && unpack_next(u, &got, &why) == 1)
            ck_assert_uint_le(++events, 100000);
        unpack_close(u);
    }
    unlink(name);
    free(copy);
    free(data);
}
END_TEST

START_TEST(foretold_instructions_take_few_bytes)
{
    /* A loop that counts and stores: two bytes an instruction or less, once it is known. */
    static struct event e[4000];
    size_t size;
    uint64_t a0 = 0;
    for (unsigned i = 0; i < ARRAY_LEN(e); i += 2) {
        e[i] = insn(i, 0x80000000, 0x00150513, 10, a0, a0 + 1);
        a0++;
        e[i + 1] = with_memory(insn(i + 1, 0x80000004, 0x00a5b023, EVENT_REG_NONE, 0, 0), 0, 8, a0 - 1, a0);
    }
    char *data = render(&trace_format_pack, e, ARRAY_LEN(e), &size);
    ck_assert_uint_lt(size, 2 * ARRAY_LEN(e) + 4000);
    free(data);
}
END_TEST

/* ---- The stream between two threads ---- */

static void never_full(struct event_stream *s)
{
    ck_abort_msg("%p", (void *)s);
}

/* A block: addi a0, a0, 1; sd a1, 0(a0); ld a1, 8(a0); lui a2, 1; jal ra, 0; lw x0, 0(a0); nop */
static const struct stream_insn block[] = {
    {.raw = 0x00150513, .off = 0x10, .reg = 10, .how = STREAM_WORD},
    {.raw = 0x00b53023,
     .off = 0x14,
     .reg = EVENT_REG_NONE,
     .size = 8,
     .how = STREAM_STORE,
     .words = 1,
     .rs1 = 10,
     .rs2 = 11},
    {.raw = 0x00853583, .imm = 8, .off = 0x18, .reg = 11, .size = 8, .how = STREAM_LOAD, .words = 2, .rs1 = 10},
    {.raw = 0x00001637, .imm = 0x1000, .off = 0x1c, .reg = 12, .how = STREAM_CONSTANT, .words = 3},
    {.raw = 0x0000006f, .imm = 4, .off = 0x20, .reg = 1, .how = STREAM_NEAR, .words = 3},
    {.raw = 0x00052003, .off = 0x20, .reg = EVENT_REG_NONE, .size = 4, .how = STREAM_LOAD, .words = 3, .rs1 = 10},
    {.raw = 0x00000013, .off = 0x24, .reg = EVENT_REG_NONE, .how = STREAM_NOTHING, .words = 4},
    {.words = 4}};

static struct event streamed(uint64_t clock, unsigned i, uint64_t old, uint64_t new)
{
    struct event e = insn(clock, 0x80000000 + block[i].off, block[i].raw, block[i].reg, old, new);
    e.hart = 1;
    return e;
}

START_TEST(streamed_events_come_back_whole)
{
    static _Alignas(64) char buf[8 * STREAM_MAX];
    static uint64_t x[32], f[32];
    uint32_t serials = 1;
    uint64_t retired = 100;
    struct stream_code *code = calloc(1, sizeof *code + sizeof block);
    struct event_stream in = {.at = buf,
                              .limit = buf + sizeof buf,
                              .full = never_full,
                              .retired = &retired,
                              .serial = 1,
                              .serials = &serials};
    struct stream_reader out;
    struct event t = trap(205, S, M, 7), alone = insn(208, 0x80000028, 0x00150513, 10, 0x2001, 0x2002);
    alone.hart = 1;
    code->n = ARRAY_LEN(block) - 1;
    memcpy(code->insn, block, sizeof block);
    x[10] = 0x2000;
    x[11] = 0xbb;
    stream_put_state(&in, 1, 0, 200, 200, x, f);
    stream_put_code(&in, code);
    stream_open(&in, code, 0, M, 0x80000000, retired);
    stream_put_word(&in, 0x2001);
    stream_put_word(&in, 0x55);
    stream_put_word(&in, 0x123456789);
    retired += 5;
    ck_assert(stream_complete(&in, retired));
    stream_put(&in, &t); /* in the midst of it */
    ck_assert(stream_complete(&in, retired));
    stream_put_word(&in, 0xfedcba9876543210);
    retired += 2;
    ck_assert(stream_complete(&in, retired));
    stream_close(&in, retired);
    stream_open(&in, code, 0, M, 0x80000000, retired); /* nothing of it retires */
    stream_close(&in, retired);
    alone.clock = alone.insn = 207;
    stream_put(&in, &alone); /* by no block: what follows knows of it */
    stream_open(&in, code, 0, M, 0x80000000, ++retired);
    stream_put_word(&in, 0x2003);
    stream_close(&in, ++retired);
    const struct event want[] = {streamed(200, 0, 0x2000, 0x2001),
                                 with_memory(streamed(201, 1, 0, 0), 0x2001, 8, 0x55, 0xbb),
                                 with_memory(streamed(202, 2, 0xbb, 0x123456789), 0x2009, 8, 0x123456789, 0x123456789),
                                 streamed(203, 3, 0, 0x1000),
                                 streamed(204, 4, 0, 0x80000024),
                                 t,
                                 with_memory(streamed(205, 5, 0, 0), 0x2001, 4, 0x76543210, 0x76543210),
                                 streamed(206, 6, 0, 0),
                                 alone,
                                 streamed(208, 0, 0x2002, 0x2003)};
    const char *p = buf;
    unsigned n = 0;
    enum stream_found found;
    stream_reader_init(&out);
    while ((found = stream_next(&out, &p, in.at)) != STREAM_END) {
        ck_assert_int_ne(found, STREAM_NO_MEMORY);
        if (found == STREAM_EVENT)
            same(&want[n++], &out.last);
        else
            for (const struct event *e; (e = stream_event(&out));)
                same(&want[n++], e);
        ck_assert_uint_le(n, ARRAY_LEN(want));
    }
    ck_assert_uint_eq(n, ARRAY_LEN(want));
    ck_assert(p == in.at);
    stream_reader_free(&out);
    free(code);
}
END_TEST

START_TEST(a_stream_gives_its_numbers_anew_when_all_are_given)
{
    static _Alignas(64) char buf[3 * STREAM_MAX];
    uint32_t serials = 1;
    struct event_stream in = {
        .at = buf, .limit = buf + sizeof buf, .full = never_full, .serial = 1, .serials = &serials};
    struct stream_code *code = calloc(1, sizeof *code + sizeof(struct stream_insn));
    in.ids = 1 << 20;
    stream_put_code(&in, code);
    ck_assert_uint_eq(code->id, 0);
    ck_assert_uint_eq(in.serial, 2); /* so that every block is told again */
    ck_assert_uint_eq(code->serial, 2);
    free(code);
}
END_TEST

/* ---- Filters ---- */

static struct filter *filter(const char *text)
{
    const char *rest;
    struct err e = {.text = ""};
    struct filter *f = filter_new(NULL, "--trace", text, &rest, &e);
    ck_assert_msg(f != NULL, "%s", e.text);
    return f;
}

static void passes(const char *text, const struct event *e, bool want)
{
    struct filter *f = filter(text);
    ck_assert_msg(filter_passes(f, e) == want, "%s", text);
    filter_free(f);
}

START_TEST(filters_choose_kinds_and_events)
{
    const struct event t = trap(100, U, S, 13), i = insn(5, 0x80000010, 0x13, EVENT_REG_NONE, 0, 0);
    struct filter *f = filter("trap,tlb_*,-tlb_flush");
    ck_assert_uint_eq(filter_kinds(f), BIT(EV_TRAP) | BIT(EV_TLB_FILL));
    ck_assert(!filter_has_condition(f));
    filter_free(f);
    passes("trap,if=cause == 13", &t, true);
    passes("trap,if=cause == load_page_fault && mode == U && to == S", &t, true);
    passes("trap,if=cause == 12", &t, false);
    passes("all,if=pc >= 0x80000000 && pc < 0x80000020", &i, true);
    passes("all,if=clock > 50", &i, false);
    passes("all,if=kind == INSN && hart == 0 && vm == 0 && insn == 5", &i, true);
    passes("all,if=cause == 13", &i, false); /* it has none */
    passes("if=mode == M", &i, true);
    passes("insn,trap,if=kind == INSN && raw == 0x13 || kind == TRAP && cause == 2", &i, true); /* each of its own */
    passes("insn,trap,if=kind == INSN ? raw != 0x13 : cause == 13", &t, true);
    passes("trap,if=100 / cause > 3", &t, true);
}
END_TEST

START_TEST(filters_find_the_file_behind)
{
    const char *rest;
    struct filter *f = filter_new(NULL, "--trace", "trap,if=cause == 2 || cause == 5:a:b.txt", &rest, NULL);
    ck_assert_ptr_nonnull(f);
    ck_assert_str_eq(rest, ":a:b.txt");
    filter_free(f);
    f = filter_new(NULL, "--trace", "trap:/tmp/if=1", &rest, NULL);
    ck_assert_ptr_nonnull(f);
    ck_assert_str_eq(rest, ":/tmp/if=1");
    filter_free(f);
}
END_TEST

static void refused(const char *text, const char *because)
{
    const char *rest;
    struct err e = {.text = ""};
    struct filter *f = filter_new(NULL, "--trace", text, &rest, &e);
    ck_assert_msg(!f && strstr(e.text, because), "%s: %s", text, e.text);
}

START_TEST(filters_name_what_is_wrong)
{
    refused("everything", "no kind 'everything'");
    refused("trap,if=nonsense == 1", "nonsense");
    refused("trap,if=cause ==", "");
    refused("trap,if=vm = 3", "");
    refused("insn,if=cause == 3", "no cause");
    refused("insn,if=raw == 1 && cause == 3", "no cause");
    refused("trap,if=1 / 0", "");
}
END_TEST

START_TEST(formats_by_name_and_suffix)
{
    ck_assert_ptr_eq(trace_format_named("ctf"), &trace_format_chrome);
    ck_assert_ptr_null(trace_format_named("nonsense"));
    ck_assert_ptr_eq(trace_format_of_file("x.jsonl"), &trace_format_jsonl);
    ck_assert_ptr_eq(trace_format_of_file("x.jsonl.zst"), &trace_format_jsonl);
    ck_assert_ptr_eq(trace_format_of_file("x.pftrace"), &trace_format_perfetto);
    ck_assert_ptr_eq(trace_format_of_file("x.json"), &trace_format_chrome);
    ck_assert_ptr_eq(trace_format_of_file("x.vtrace"), &trace_format_pack);
    ck_assert_ptr_eq(trace_format_of_file("x"), &trace_format_text);
    ck_assert_ptr_eq(trace_format_of_file(NULL), &trace_format_text);
}
END_TEST

/* ---- Statistics' words, and profiles ---- */

START_TEST(words_of_stats)
{
    struct stats_options o;
    struct err e;
    ck_assert_int_eq(stats_parse(&o, "", &e), 0);
    ck_assert(!o.full && !o.json && !o.file);
    ck_assert_int_eq(stats_parse(&o, "full,json:a,b", &e), 0);
    ck_assert(o.full && o.json);
    ck_assert_str_eq(o.file, "a,b");
    ck_assert_int_lt(stats_parse(&o, "jsonl", &e), 0);
    ck_assert_ptr_nonnull(strstr(e.text, "jsonl"));
}
END_TEST

START_TEST(profiles_fold_stacks)
{
    struct symbols *s = symbols_new();
    ck_assert(symbols_add(s, "main", 0x1000, 0x100, SYMBOL_FUNCTION));
    ck_assert(symbols_add(s, "work", 0x2000, 0x100, SYMBOL_FUNCTION));
    symbols_sort(s);
    struct profile *p = profile_of_symbols(s);
    const uint64_t in_work[] = {0x2010, 0x1004}, again[] = {0x2014, 0x2020, 0x1004}, nowhere[] = {0x9000};
    ck_assert(profile_add(p, "S", in_work, 2) && profile_add(p, "S", in_work, 2) && profile_add(p, "S", again, 3));
    ck_assert(profile_add(p, "U", nowhere, 1));
    char *text = NULL;
    size_t n;
    FILE *f = open_memstream(&text, &n);
    profile_write_folded(p, f);
    fclose(f);
    ck_assert_str_eq(text, "S;main;work 100042\nS;main;work;work 50021\nU;[0x9000] 50021\n");
    free(text);
    f = open_memstream(&text, &n);
    profile_print(p, f, 1);
    fclose(f);
    ck_assert_ptr_nonnull(strstr(text, " 75.0%         75.0%  work\n")); /* recursion counts once */
    ck_assert_ptr_nonnull(strstr(text, "2 more\n"));
    free(text);
    profile_close(p);
    symbols_free(s);
}
END_TEST

Suite *trace_suite(void)
{
    Suite *s = suite_create("trace");
    TCase *t = tcase_create("trace");
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_set_timeout(t, 60);
    tcase_add_test(t, numbers_as_printf_has_them);
    tcase_add_test(t, text_tells_what_changed);
    tcase_add_test(t, text_of_every_kind_is_one_line);
    tcase_add_test(t, text_of_a_trap_and_a_csr);
    tcase_add_test(t, jsonl_escapes_and_leaves_out);
    tcase_add_test(t, spike_logs_commits_as_spike_does);
    tcase_add_test(t, traps_nest_and_all_slices_end);
    tcase_add_test(t, a_trap_out_of_another_mode_ends_what_was_left);
    tcase_add_test(t, more_traps_than_nest);
    tcase_add_loop_test(t, packed_events_come_back_whole, 0, 10);
    tcase_add_test(t, damaged_packed_files_only_end_early);
    tcase_add_test(t, foretold_instructions_take_few_bytes);
    tcase_add_test(t, streamed_events_come_back_whole);
    tcase_add_test(t, a_stream_gives_its_numbers_anew_when_all_are_given);
    tcase_add_test(t, filters_choose_kinds_and_events);
    tcase_add_test(t, filters_find_the_file_behind);
    tcase_add_test(t, filters_name_what_is_wrong);
    tcase_add_test(t, formats_by_name_and_suffix);
    tcase_add_test(t, words_of_stats);
    tcase_add_test(t, profiles_fold_stacks);
    suite_add_tcase(s, t);
    return s;
}
