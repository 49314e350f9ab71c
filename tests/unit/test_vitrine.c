/* SPDX-License-Identifier: MIT */
/* The library as its users see it, and with it the machine's turns and time. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "vitrine.h"

Suite *vitrine_suite(void);

/* Every hart counts in its own word behind 0x8010_0000, for ever. */
static const uint32_t counting[] = {
    0xf1402573, /* csrr a0, mhartid */
    0x00351513, /* slli a0, a0, 3 */
    0x801005b7, /* lui a1, 0x80100 */
    0x02059593, /* slli a1, a1, 32 */
    0x0205d593, /* srli a1, a1, 32 */
    0x00a585b3, /* add a1, a1, a0 */
    0x0005b603, /* ld a2, 0(a1) */
    0x00160613, /* addi a2, a2, 1 */
    0x00c5b023, /* sd a2, 0(a1) */
    0xff5ff06f, /* j -12 */
};

static const uint32_t ending[] = {
    0x001002b7, /* lui t0, 0x100: the test device */
    0x00005337, /* lui t1, 5 */
    0x55530313, /* addi t1, t1, 0x555 */
    0x0062a023, /* sw t1, 0(t0) */
    0x0000006f, /* j . */
};

static char file[64];

static void write_guest(const uint32_t *words, size_t size)
{
    strcpy(file, "/tmp/vitrine-test-XXXXXX");
    int fd = mkstemp(file);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(write(fd, words, size), (ssize_t)size);
    close(fd);
}

static struct vitrine *make(const char *harts, const char *quantum)
{
    const char *argv[] = {"-bios", "none", "-kernel", file, "-serial", "null", "-smp", harts, "--quantum", quantum};
    char why[1024] = "";
    struct vitrine *v = vitrine_new(sizeof argv / sizeof argv[0], argv, why, sizeof why);
    ck_assert_msg(v != NULL, "%s", why);
    return v;
}

START_TEST(runs_exactly_and_goes_on)
{
    write_guest(counting, sizeof counting);
    struct vitrine *v = make("1", "100");
    struct vitrine_result r;
    uint64_t pc;
    vitrine_run(v, 1, &r);
    ck_assert_int_eq(r.end, VITRINE_BUDGET);
    ck_assert(vitrine_read_register(v, 0, "pc", &pc));
    ck_assert_uint_eq(pc, 0x1004); /* the second instruction of the boot ROM */
    vitrine_run(v, 12345, &r);
    ck_assert_uint_eq(vitrine_insns(v), 12346);
    ck_assert_uint_eq(vitrine_time(v), 123); /* 100 instructions to the tick */
    ck_assert(vitrine_read_register(v, 0, "minstret", &pc));
    ck_assert_uint_eq(pc, 12346);
    vitrine_free(v);
    unlink(file);
}
END_TEST

START_TEST(ends_with_the_guests_status)
{
    write_guest(ending, sizeof ending);
    struct vitrine *v = make("1", "100");
    struct vitrine_result r;
    vitrine_run(v, UINT64_MAX, &r);
    ck_assert_int_eq(r.end, VITRINE_GUEST);
    ck_assert_int_eq(r.status, 0);
    ck_assert_uint_eq(vitrine_insns(v), 10); /* 6 in the ROM */
    vitrine_free(v);
    unlink(file);
}
END_TEST

/* However a run is cut into pieces, harts take the same turns: step by step is the same machine. */
START_TEST(turns_do_not_depend_on_how_a_run_is_cut)
{
    static const uint64_t pieces[] = {1, 7, 250, 1000, 100000};
    uint64_t want[3] = {0, 0, 0};
    write_guest(counting, sizeof counting);
    for (size_t i = 0; i < sizeof pieces / sizeof pieces[0]; i++) {
        struct vitrine *v = make("3", "250");
        struct vitrine_result r;
        uint64_t got[3];
        for (uint64_t done = 0; done < 20000; done += pieces[i])
            vitrine_run(v, pieces[i] < 20000 - done ? pieces[i] : 20000 - done, &r);
        ck_assert_uint_eq(vitrine_insns(v), 20000);
        ck_assert(vitrine_read_memory(v, 0x80100000, got, sizeof got));
        if (i == 0)
            memcpy(want, got, sizeof got);
        ck_assert_uint_gt(got[0], 1000);
        ck_assert_int_eq(memcmp(got, want, sizeof got), 0);
        vitrine_free(v);
    }
    unlink(file);
}
END_TEST

START_TEST(machines_live_side_by_side)
{
    write_guest(counting, sizeof counting);
    struct vitrine *a = make("2", "50"), *b = make("1", "50");
    struct vitrine_result r;
    uint64_t ca, cb;
    for (int i = 0; i < 10; i++) {
        vitrine_run(a, 1000, &r);
        vitrine_run(b, 500, &r);
    }
    ck_assert(vitrine_read_memory(a, 0x80100000, &ca, 8) && vitrine_read_memory(b, 0x80100000, &cb, 8));
    ck_assert_uint_eq(ca, cb); /* as many instructions each */
    ck_assert_uint_eq(vitrine_insns(a), 10000);
    ck_assert_uint_eq(vitrine_insns(b), 5000);
    vitrine_free(a);
    vitrine_free(b);
    unlink(file);
}
END_TEST

START_TEST(registers_and_memory)
{
    write_guest(counting, sizeof counting);
    struct vitrine *v = make("2", "100");
    uint64_t value, word = 0x0123456789abcdef;
    ck_assert(vitrine_write_register(v, 1, "s3", 77) && vitrine_read_register(v, 1, "x19", &value));
    ck_assert_uint_eq(value, 77);
    ck_assert(vitrine_write_register(v, 0, "zero", 1) && vitrine_read_register(v, 0, "x0", &value));
    ck_assert_uint_eq(value, 0);
    ck_assert(vitrine_read_register(v, 1, "mhartid", &value));
    ck_assert_uint_eq(value, 1);
    ck_assert(vitrine_write_register(v, 0, "mscratch", word) && vitrine_read_register(v, 0, "mscratch", &value));
    ck_assert_uint_eq(value, word);
    ck_assert(!vitrine_read_register(v, 2, "pc", &value) && !vitrine_read_register(v, 0, "x32", &value));
    ck_assert(!vitrine_write_register(v, 0, "mhartid", 0) && !vitrine_read_register(v, 0, "nonsense", &value));
    ck_assert(vitrine_write_memory(v, 0x80200001, &word, 8) && vitrine_read_memory(v, 0x80200001, &value, 8));
    ck_assert_uint_eq(value, word);
    ck_assert(!vitrine_read_memory(v, 0x7ffffff9, &value, 8) && !vitrine_write_memory(v, 0x1000, &word, 8));
    vitrine_free(v);
    unlink(file);
}
END_TEST

static struct vitrine *make_from(const char *const *argv, int argc)
{
    char why[1024] = "";
    struct vitrine *v = vitrine_new(argc, argv, why, sizeof why);
    ck_assert_msg(v != NULL, "%s", why);
    return v;
}

/* -device loader: bytes, a file, and where a hart begins. */
START_TEST(loaders)
{
    char spec[200];
    write_guest(counting, sizeof counting);
    snprintf(spec, sizeof spec, "loader,file=%s,addr=0x80001000", file);
    const char *argv[] = {
        "-bios",   "none", "-serial", "null",
        "-device", spec,   "-device", "loader,addr=0x80000000,data=0x106f,data-len=4"}; /* j +0x1000 */
    struct vitrine *v = make_from(argv, 8);
    struct vitrine_result r;
    uint64_t value = 0;
    vitrine_run(v, 1000, &r);
    ck_assert_int_eq(r.end, VITRINE_BUDGET);
    ck_assert(vitrine_read_memory(v, 0x80100000, &value, 8));
    ck_assert_uint_ge(value, 200);
    vitrine_free(v);

    snprintf(spec, sizeof spec, "loader,file=%s,addr=0x80001000,cpu-num=1", file);
    const char *two[] = {"-bios", "none", "-serial", "null", "-smp", "2", "-device", spec};
    v = make_from(two, 8);
    ck_assert(vitrine_read_register(v, 1, "pc", &value) && value == 0x80001000);
    ck_assert(vitrine_read_register(v, 0, "pc", &value) && value == 0x1000);
    vitrine_free(v);

    const char *bytes[] = {"-bios",   "none",    "-serial",
                           "null",    "-device", "loader,addr=0x80000000,data=0x0102030405,data-len=5,data-be=on",
                           "-device", spec};
    char why[1024];
    ck_assert_ptr_null(vitrine_new(8, bytes, why, sizeof why)); /* one hart only */
    ck_assert_ptr_nonnull(strstr(why, "cpu-num=1: no such hart"));
    v = make_from(bytes, 6);
    ck_assert(vitrine_read_memory(v, 0x80000000, &value, 8));
    ck_assert_uint_eq(value, 0x0504030201);
    vitrine_free(v);
    bytes[5] = "loader,addr=0x7ffffffc,data=1,data-len=8";
    ck_assert_ptr_null(vitrine_new(6, bytes, why, sizeof why));
    ck_assert_ptr_nonnull(strstr(why, "outside memory"));
    unlink(file);
}
END_TEST

START_TEST(s_mode_software_interrupts)
{
    static const uint32_t raising[] = {
        0x02f002b7, /* lui t0, 0x2f00: setssip of hart 0 */
        0x00100313, /* li t1, 1 */
        0x0062a023, /* sw t1, 0(t0) */
        0x0000006f, /* j . */
    };
    write_guest(raising, sizeof raising);
    for (int on = 0; on < 2; on++) {
        const char *argv[] = {"-bios",   "none", "-serial",  "null",
                              "-smp",    "2",    "-machine", on ? "virt,aclint=on" : "virt,aclint=off",
                              "-kernel", file};
        struct vitrine *v = make_from(argv, 10);
        struct vitrine_result r;
        uint64_t mip0, mip1;
        vitrine_run(v, 20, &r);
        ck_assert(vitrine_read_register(v, 0, "mip", &mip0) && vitrine_read_register(v, 1, "mip", &mip1));
        ck_assert_uint_eq(mip0, on ? 2 : 0);
        ck_assert_uint_eq(mip1, 0);
        vitrine_free(v);
    }
    unlink(file);
}
END_TEST

START_TEST(refusals)
{
    const char *argv[] = {"-m", "1Q"};
    char why[64] = "";
    ck_assert_ptr_null(vitrine_new(2, argv, why, sizeof why));
    ck_assert_ptr_nonnull(strstr(why, "not a size"));
    argv[0] = "--help";
    ck_assert_ptr_null(vitrine_new(1, argv, why, sizeof why));
    ck_assert_str_eq(vitrine_version(), VITRINE_VERSION);
}
END_TEST

Suite *vitrine_suite(void)
{
    Suite *s = suite_create("vitrine");
    TCase *t = tcase_create("library");
    tcase_add_test(t, runs_exactly_and_goes_on);
    tcase_add_test(t, ends_with_the_guests_status);
    tcase_add_test(t, turns_do_not_depend_on_how_a_run_is_cut);
    tcase_add_test(t, machines_live_side_by_side);
    tcase_add_test(t, registers_and_memory);
    tcase_add_test(t, loaders);
    tcase_add_test(t, s_mode_software_interrupts);
    tcase_add_test(t, refusals);
    suite_add_tcase(s, t);
    return s;
}
