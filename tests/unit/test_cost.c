/* SPDX-License-Identifier: MIT */
/* The model of time: its sums, and its settings file. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "monitor/vmm/cost.h"

Suite *cost_suite(void);

static char file[] = "/tmp/vitrine-test-cost-XXXXXX";

static void write_file(const char *text)
{
    strcpy(file + sizeof file - 7, "XXXXXX");
    int fd = mkstemp(file);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    close(fd);
}

/* Loads text over the defaults. */
static int load(struct cost_model *m, const char *text, struct err *e)
{
    write_file(text);
    cost_default(m);
    int rc = cost_load(m, file, e);
    unlink(file);
    return rc;
}

static void same_model(const struct cost_model *a, const struct cost_model *b)
{
    for (unsigned i = 0; i < COSTS; i++)
        ck_assert_double_eq(a->unit[i], b->unit[i]);
    for (unsigned i = 0; i < VM_EXIT_REASONS; i++)
        ck_assert_double_eq(a->exit[i], b->exit[i]);
    for (unsigned i = 0; i < EV_KINDS; i++)
        ck_assert_double_eq(a->step[i], b->step[i]);
}

START_TEST(defaults_are_sane)
{
    struct cost_model m;
    const char *section, *key, *help;
    cost_default(&m);
    for (unsigned i = 0; i < COSTS; i++) {
        ck_assert(cost_row((enum cost_id)i, &section, &key, &help));
        ck_assert_msg(m.unit[i] > 0, "%s: %s", section, key);
    }
    ck_assert(!cost_row(COSTS, &section, &key, &help));
    for (unsigned k = 0; k < EV_KINDS; k++)
        if (!cost_is_step((enum event_kind)k))
            ck_assert_double_eq(m.step[k], 0);
    ck_assert(cost_is_step(EV_VM_SHADOW) && !cost_is_step(EV_VM_EXIT) && !cost_is_step(EV_VM_ENTRY) &&
              !cost_is_step(EV_TRAP));
    ck_assert_double_gt(m.step[EV_VM_EMULATE], m.step[EV_VM_P2M]);
    for (unsigned p = 0; p < COST_PARTS; p++)
        ck_assert_int_gt((int)strlen(cost_part_name((enum cost_part)p)), 3);
}
END_TEST

START_TEST(adds_up)
{
    struct cost_model m;
    struct cost_counts n = {
        .unit = {[COST_INSTRUCTION] = 1000, [COST_TRAP_HS] = 10, [COST_WORLD_SWITCH] = 10, [COST_INTERPRETED] = 3},
        .exit = {[VM_EXIT_PAGE] = 4, [VM_EXIT_MMIO] = 6},
        .step = {[EV_VM_P2M] = 5, [EV_VM_EXIT] = 99}};
    double part[COST_PARTS];
    cost_default(&m);
    m.unit[COST_INSTRUCTION] = 0.5;
    m.unit[COST_TRAP_HS] = 100;
    m.unit[COST_WORLD_SWITCH] = 7;
    m.unit[COST_INTERPRETED] = 20;
    m.exit[VM_EXIT_PAGE] = 30;
    m.exit[VM_EXIT_MMIO] = 1;
    m.step[EV_VM_P2M] = 2;
    m.step[EV_VM_EXIT] = 1000; /* no step: it has its own row */
    ck_assert_double_eq(cost_of(&m, &n, part), 500 + 1070 + 126 + 10 + 60);
    ck_assert_double_eq(part[PART_GUEST], 500);
    ck_assert_double_eq(part[PART_SWITCHES], 1070);
    ck_assert_double_eq(part[PART_EXITS], 126);
    ck_assert_double_eq(part[PART_STEPS], 10);
    ck_assert_double_eq(part[PART_EMULATION], 60);
    ck_assert_double_eq(part[PART_WALKS] + part[PART_TRAPS] + part[PART_DEVICES], 0);
}
END_TEST

START_TEST(reads_what_it_writes)
{
    struct cost_model a, b;
    struct err e = {.text = ""};
    char *text = NULL;
    size_t size;
    FILE *f = open_memstream(&text, &size);
    cost_default(&a);
    for (unsigned i = 0; i < COSTS; i++)
        a.unit[i] = i + 0.25;
    for (unsigned i = 0; i < VM_EXIT_REASONS; i++)
        a.exit[i] = 100 + i;
    for (unsigned k = 0; k < EV_KINDS; k++)
        a.step[k] = cost_is_step((enum event_kind)k) ? 200 + k : 0;
    cost_write(&a, f);
    fclose(f);
    ck_assert_msg(load(&b, text, &e) == 0, "%s", e.text);
    same_model(&a, &b);
    free(text);
}
END_TEST

START_TEST(keeps_what_is_missing)
{
    static const char *const texts[] = {"", "# nothing\n", "exits:\n  page: 1.5\n", "exits: {page: 1.5}\n",
                                        "exits:\n  \"page\": '1.5'\n"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct cost_model m, expected;
        struct err e = {.text = ""};
        cost_default(&expected);
        if (i >= 2)
            expected.exit[VM_EXIT_PAGE] = 1.5;
        ck_assert_msg(load(&m, texts[i], &e) == 0, "%s: %s", texts[i], e.text);
        same_model(&m, &expected);
    }
}
END_TEST

/* Each says the file, the line, what is wrong, and what would be right. */
static const struct {
    const char *text, *says[3];
} bad[] = {
    {"hardware:\n  instruction: 1\nsofware:\n  trap: 1\n", {"line 3", "'sofware'", "software, exits"}},
    {"hardware:\n  instruction: 1\n  pte_raed: 4\n", {"line 3", "hardware has no key 'pte_raed'", "pte_read"}},
    {"exits:\n  page: 1\n  coffee: 2\n", {"line 3", "exits has no key 'coffee'", "mmio"}},
    {"steps:\n  vm_exit: 2\n", {"line 2", "steps has no key 'vm_exit'", "vm_shadow"}},
    {"hardware:\n  trap: many\n", {"line 2", "trap: ", "number of cycles"}},
    {"hardware:\n  trap: -1\n", {"line 2", "hardware: trap: -1", "from 0 up"}},
    {"hardware:\n  trap: 1\nexits:\n  page: nan\n", {"line 4", "exits: page", "from 0 up"}},
    {"hardware:\n  trap: .inf\n", {"line 2", "trap", "number of cycles"}},
    {"hardware:\n  trap: 1e999\n", {"line 2", "hardware: trap: inf", "from 0 up"}},
    {"hardware:\n  trap: [1, 2]\n", {"line 2", "trap", "number of cycles"}},
    {"hardware:\n  trap:\n", {"line 2", "trap", "number of cycles"}},
    {"hardware:\n  trap: 1\n  trap: 2\n", {"line 3", "trap", "leave one out"}},
    {"hardware:\n  trap: 1\nexits:\n  page: 1\nhardware:\n  mmio: 1\n",
     {"line 5", "hardware stands there twice", "leave one out"}},
    {"exits: {page: 1, coffee: 2}\n", {"line 1", "exits has no key 'coffee'", "mmio"}},
    {"hardware: 5\n", {"line 1", "hardware", "MAPPING"}},
    {"- 1\n", {"line 1", "MAPPING", "sections"}},
    {"hardware:\n\ttrap: 1\n", {"line ", "no YAML", "key: cycles"}},
    {"hardware:\n  trap: 1\n }{\n", {"line ", "no YAML", "key: cycles"}},
};

START_TEST(refuses)
{
    struct cost_model m;
    struct err e = {.text = ""};
    ck_assert_int_ne(load(&m, bad[_i].text, &e), 0);
    ck_assert_msg(!strncmp(e.text, file, strlen(file)), "%s", e.text);
    for (unsigned i = 0; i < 3; i++)
        ck_assert_msg(strstr(e.text, bad[_i].says[i]), "%s: no \"%s\" in: %s", bad[_i].text, bad[_i].says[i], e.text);
}
END_TEST

START_TEST(refuses_what_is_no_file)
{
    struct cost_model m;
    struct err e = {.text = ""};
    cost_default(&m);
    ck_assert_int_ne(cost_load(&m, "/nowhere/costs.yaml", &e), 0);
    ck_assert_ptr_nonnull(strstr(e.text, "/nowhere/costs.yaml: No such file"));
    ck_assert_int_ne(cost_load(&m, "/", &e), 0);
    char *large = malloc((1 << 20) + 2);
    memset(large, '#', (1 << 20) + 1);
    large[(1 << 20) + 1] = 0;
    ck_assert_int_ne(load(&m, large, &e), 0);
    ck_assert_ptr_nonnull(strstr(e.text, "too large"));
    free(large);
}
END_TEST

Suite *cost_suite(void)
{
    Suite *s = suite_create("cost");
    TCase *t = tcase_create("cost");
    tcase_add_test(t, defaults_are_sane);
    tcase_add_test(t, adds_up);
    tcase_add_test(t, reads_what_it_writes);
    tcase_add_test(t, keeps_what_is_missing);
    tcase_add_loop_test(t, refuses, 0, (int)(sizeof bad / sizeof bad[0]));
    tcase_add_test(t, refuses_what_is_no_file);
    suite_add_tcase(s, t);
    return s;
}
