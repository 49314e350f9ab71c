/* SPDX-License-Identifier: MIT */
/* Packed traces of random code: what blocks tell, from which the reader computes the rest, is what one instruction after another tells; and files
 * that are damaged only end early. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cpu/decode.h"
#include "machine.h"
#include "monitor/trace/trace.h"
#include "monitor/trace/unpack.h"

Suite *told_suite(void);

enum { WORDS = 3000, INSNS = 20000, SP = 2 };

static uint64_t seed;
static uint32_t any(uint32_t below)
{
    seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407;
    return (uint32_t)(seed >> 33) % below;
}

/* A register that programs may change: none that they need for addresses and for their loops. */
static uint32_t destination(void)
{
    return any(16) ? 3 + any(29) : 0;
}

/* Any instruction of a block that computes, loads or stores, as often as another. */
static uint32_t any_insn(void)
{
    for (;;) {
        const enum insn_id id = (enum insn_id)(1 + any(INSN_COUNT - 1));
        const struct insn_row *r = &insn_rows[id];
        const uint32_t free = ~r->mask;
        switch (r->format) {
        case FMT_I:
            if (id == INSN_jalr)
                break;
            return r->match | (free & (any(32) << 15 | any(4096) << 20)) | destination() << 7;
        case FMT_R:
        case FMT_R1:
        case FMT_SH: return r->match | (free & (any(32) << 15 | any(64) << 20)) | destination() << 7;
        case FMT_U: return r->match | any(1 << 20) << 12 | destination() << 7;
        case FMT_L: return r->match | destination() << 7 | SP << 15 | any(4096) << 20;
        case FMT_FL: return r->match | any(32) << 7 | SP << 15 | any(4096) << 20;
        case FMT_S:
        case FMT_FS: return r->match | any(32) << 7 | SP << 15 | any(32) << 20 | any(128) << 25;
        case FMT_FR:
        case FMT_FRM:
        case FMT_XF: return r->match | (free & (any(32) << 7 | any(32) << 15 | any(32) << 20));
        case FMT_F4: return r->match | any(32) << 7 | any(32) << 15 | any(32) << 20 | any(32) << 27;
        case FMT_XTOF: return r->match | any(32) << 7 | any(32) << 15;
        case FMT_FX: return r->match | (free & (any(32) << 15 | any(32) << 20)) | destination() << 7;
        case FMT_FTOX: return r->match | destination() << 7 | any(32) << 15 | any(2) << 12;
        case FMT_B:
        case FMT_J:
        case FMT_NONE:
        case FMT_FENCE:
        case FMT_CSR:
        case FMT_CSRI:
        case FMT_AMO:
        case FMT_CBO:
        case FMT_FVMA:
        case FMT_HLV:
        case FMT_HSV: break;
        }
    }
}

static uint32_t branch_over_one(void)
{
    enum { BEQ = 0x63, TO_8 = 8 << 7 };
    static const uint8_t funct3[] = {0, 1, 4, 5, 6, 7};
    return BEQ | TO_8 | (uint32_t)funct3[any(6)] << 12 | any(32) << 15 | any(32) << 20;
}

/* Straight code, branches over one instruction, an AMO or a CSR now and then, short loops that get hot; for ever. */
static void write_program(uint32_t *p)
{
    uint32_t *const end = p + WORDS;
    *p++ = 0x000062b7; /* lui t0, 6: FS */
    *p++ = 0x3002a073; /* csrs mstatus, t0 */
    *p++ = 0x80101137; /* lui sp, 0x80101: sign-extended, and back */
    *p++ = 0x02011113; /* slli sp, sp, 32 */
    *p++ = 0x02015113; /* srli sp, sp, 32 */
    uint32_t *const round = p;
    while (p < end - 40) {
        switch (any(40)) {
        case 0: *p++ = branch_over_one(); break;
        case 1: *p++ = 0x0001302f | destination() << 7 | any(32) << 20; break; /* amoadd.d rd, rs2, (sp) */
        case 2: *p++ = 0xb0002073 | destination() << 7; break;                 /* csrr rd, mcycle */
        case 3: {
            const uint32_t rounds = 1 + any(60), body = 1 + any(8);
            *p++ = 0x00000093 | rounds << 20; /* li ra, rounds */
            for (uint32_t i = 0; i < body; i++)
                *p++ = any_insn();
            *p++ = 0xfff08093; /* addi ra, ra, -1 */
            const uint32_t back = 4 * (body + 1);
            *p++ =
                0x00009063 | 1u << 31 | (-back >> 5 & 63) << 25 | (-back >> 1 & 15) << 8 | 1 << 7; /* bnez ra, back */
            break;
        }
        default: *p++ = any_insn();
        }
    }
    const uint32_t back = 4 * (uint32_t)(p - round);
    *p++ = 0x0000006f | 1u << 31 | (-back >> 1 & 1023) << 21 | (-back >> 11 & 1) << 20 | (-back >> 12 & 255) << 12;
    while (p < end)
        *p++ = 0;
}

static void nobody(struct event_sink *s, const struct event *e)
{
    (void)s, (void)e;
}

/* Runs it, tracing to a packed file; alone: nobody else wants instructions, so that blocks may tell. */
static void trace_run(const char *kernel, const char *file, bool alone)
{
    struct machine_options o;
    struct machine_result r;
    struct event_sink other = {.emit = nobody, .kinds = BIT(EV_INSN)};
    struct err e;
    char what[128];
    machine_options_default(&o);
    o.bios = "none";
    o.kernel = kernel;
    o.quiet = true;
    o.ram_size = UINT64_C(4) << 20;
    struct machine *m = machine_new(&o, &e);
    ck_assert_msg(m != NULL, "%s", e.text);
    if (!alone)
        event_hub_add(machine_events(m), &other);
    snprintf(what, sizeof what, "insn,trap:%s", file);
    struct trace *t = trace_open(m, &(struct trace_options){.what = what, .format = "pack"}, &e);
    ck_assert_msg(t != NULL, "%s", e.text);
    for (unsigned i = 0; i < 4; i++)
        machine_run(m, INSNS / 4, &r);
    ck_assert_int_eq(trace_close(t, &e), 0);
    if (!alone)
        event_hub_remove(machine_events(m), &other);
    machine_free(m);
}

static void ck_same_event(const struct event *a, const struct event *b)
{
    ck_assert(a->kind == b->kind && a->pc == b->pc && a->clock == b->clock && a->insn == b->insn && a->mode == b->mode);
    for (unsigned i = 0; i < event_rows[a->kind].nargs; i++)
        ck_assert_msg(a->a[i] == b->a[i], "insn %#lx at %#lx: %s is %#lx by a block, %#lx alone",
                      (unsigned long)a->a[0], (unsigned long)a->pc, event_rows[a->kind].arg[i].name,
                      (unsigned long)a->a[i], (unsigned long)b->a[i]);
}

static void in(char *path, const char *dir, const char *name)
{
    snprintf(path, 64, "%s/%s", dir, name);
}

struct files {
    char dir[32], kernel[64], blocks[64], single[64];
};

static void make_files(struct files *f)
{
    static uint32_t program[WORDS];
    strcpy(f->dir, "/tmp/vitrine-told-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(f->dir));
    in(f->kernel, f->dir, "kernel");
    in(f->blocks, f->dir, "blocks");
    in(f->single, f->dir, "single");
    write_program(program);
    FILE *k = fopen(f->kernel, "wb");
    ck_assert_ptr_nonnull(k);
    ck_assert_uint_eq(fwrite(program, 4, WORDS, k), WORDS);
    fclose(k);
    trace_run(f->kernel, f->blocks, true);
}

static void remove_files(const struct files *f)
{
    unlink(f->kernel);
    unlink(f->blocks);
    unlink(f->single);
    rmdir(f->dir);
}

START_TEST(by_blocks_and_one_by_one)
{
    struct files f;
    struct event a, b;
    struct err why;
    unsigned n = 0, traps = 0;
    seed = 17 + (uint64_t)_i;
    make_files(&f);
    trace_run(f.kernel, f.single, false);
    struct unpack *blocks = unpack_open(f.blocks, &why), *single = unpack_open(f.single, &why);
    ck_assert(blocks && single);
    while (unpack_next(single, &b, &why) == 1) {
        ck_assert_int_eq(unpack_next(blocks, &a, &why), 1);
        ck_same_event(&a, &b);
        n++;
        traps += b.kind == EV_TRAP;
    }
    ck_assert_int_eq(unpack_next(blocks, &a, &why), 0);
    ck_assert_uint_eq(n, INSNS);
    ck_assert_uint_eq(traps, 0); /* it would go round in a trap handler that is not there */
    unpack_close(blocks);
    unpack_close(single);
    remove_files(&f);
}
END_TEST

START_TEST(damaged_runs_only_end_early)
{
    struct files f;
    struct event e;
    struct err why;
    seed = 4;
    make_files(&f);
    FILE *file = fopen(f.blocks, "rb");
    ck_assert_ptr_nonnull(file);
    enum { ROOM = 1 << 18, MOST = 128 /* instructions that a byte can stand for */ };
    uint8_t *data = malloc(ROOM), *copy = malloc(ROOM);
    const size_t size = fread(data, 1, ROOM, file);
    fclose(file);
    ck_assert_uint_gt(size, 10000);
    for (unsigned round = 0; round < 150; round++) {
        memcpy(copy, data, size);
        for (unsigned i = 0; i < 1 + round % 7; i++)
            copy[any((uint32_t)size)] = (uint8_t)any(256);
        FILE *cut = fopen(f.single, "wb");
        ck_assert_ptr_nonnull(cut);
        fwrite(copy, 1, round % 3 ? size : any((uint32_t)size), cut);
        fclose(cut);
        struct unpack *u = unpack_open(f.single, &why);
        size_t n = 0;
        while (u && n <= MOST * size && unpack_next(u, &e, &why) == 1)
            n++;
        ck_assert_uint_le(n, MOST * size);
        unpack_close(u);
    }
    free(copy);
    free(data);
    remove_files(&f);
}
END_TEST

Suite *told_suite(void)
{
    Suite *s = suite_create("told");
    TCase *t = tcase_create("packed");
    tcase_set_timeout(t, 60);
    tcase_add_loop_test(t, by_blocks_and_one_by_one, 0, 12);
    tcase_add_test(t, damaged_runs_only_end_early);
    suite_add_tcase(s, t);
    return s;
}
