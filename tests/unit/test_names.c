/* SPDX-License-Identifier: MIT */
#include <check.h>
#include <stdio.h>
#include <string.h>

#include "cpu/hart.h"
#include "monitor/names.h"

Suite *names_suite(void);

START_TEST(registers_go_there_and_back)
{
    char name[8];
    for (int i = 0; i < 64; i++) {
        ck_assert_int_eq(reg_by_name(name_reg((unsigned)i)), i);
        snprintf(name, sizeof name, "%c%d", i < 32 ? 'x' : 'f', i % 32);
        ck_assert_int_eq(reg_by_name(name), i);
    }
    ck_assert_int_eq(reg_by_name("fp"), 8);
    static const char *const none[] = {"",   "x",  "x32", "x00", "x01", "x1a", "f32", "x-1",
                                       "X1", "pc", "sp ", "s12", "t7",  "f",   "ft12"};
    for (unsigned i = 0; i < ARRAY_LEN(none); i++)
        ck_assert_msg(reg_by_name(none[i]) == -1, "%s", none[i]);
    ck_assert_str_eq(name_reg(64), "?");
}
END_TEST

START_TEST(causes_go_there_and_back)
{
    unsigned known = 0;
    for (uint64_t n = 0; n < 70; n++)
        for (unsigned irq = 0; irq < 2; irq++) {
            uint64_t cause = n | (irq ? CAUSE_INTERRUPT : 0), found;
            const char *name = name_cause(cause);
            if (!strcmp(name, "reserved cause"))
                continue;
            known++;
            ck_assert_msg(name_cause_find(name, &found) && found == cause, "%s", name);
            char typed[64];
            strcpy(typed, name);
            for (char *p = typed; *p; p++)
                *p = *p == ' ' ? "-_"[(p - typed) & 1] : *p;
            ck_assert_msg(name_cause_find(typed, &found) && found == cause, "%s", typed);
            if (irq)
                ck_assert_msg(name_cause_find(name_irq_short((unsigned)n), &found) && found == cause, "%s", name);
        }
    ck_assert_uint_eq(known, 19 + 10);
    uint64_t found;
    ck_assert(!name_cause_find("", &found) && !name_cause_find("load", &found) &&
              !name_cause_find("load page faults", &found));
    ck_assert_str_eq(name_cause(UINT64_MAX), "reserved cause");
    ck_assert_str_eq(name_irq(64), "?");
}
END_TEST

START_TEST(modes_go_there_and_back)
{
    static const char *const names[] = {"U", "S", "M", "VU", "VS"};
    for (unsigned i = 0; i < ARRAY_LEN(names); i++) {
        uint8_t mode;
        ck_assert(name_mode_find(names[i], &mode));
        ck_assert_str_eq(name_mode(mode), names[i]);
        ck_assert_str_eq(name_priv((enum priv)(mode & 3), mode >> 2), names[i]);
    }
    uint8_t mode;
    ck_assert(name_mode_find("hs", &mode) && mode == EVENT_MODE(PRIV_S, false));
    ck_assert(!name_mode_find("VM", &mode));
    ck_assert_str_eq(name_mode(2), "?");
    ck_assert_str_eq(name_mode(255), "?");
}
END_TEST

START_TEST(everything_has_a_name)
{
    for (unsigned v = PTE_POINTER; v <= PTE_UPDATED_AD; v++) {
        ck_assert_str_ne(name_verdict((enum pte_verdict)v), "?");
        ck_assert_str_ne(name_verdict_why((enum pte_verdict)v), "?");
    }
    ck_assert_str_eq(name_verdict((enum pte_verdict)(PTE_UPDATED_AD + 1)), "?");
    for (unsigned f = FLUSH_SFENCE; f <= FLUSH_ALL; f++)
        ck_assert_str_ne(name_flush(f), "?");
    ck_assert_str_eq(name_access(MMU_W), "write");
    ck_assert_str_eq(name_access(9), "?");
    ck_assert_str_eq(name_sbi_ext(0x54494d45), "TIME");
    ck_assert_str_eq(name_sbi_function(0x48534d, 0), "hart_start");
    ck_assert_str_eq(name_sbi_function(1, 77), "console_putchar");
    ck_assert_str_eq(name_sbi_function(0x48534d, 9), "?");
    ck_assert_str_eq(name_sbi_error(-3), "invalid parameter");
    ck_assert_str_eq(name_sbi_error(INT64_MIN), "?");
    ck_assert_str_eq(name_sbi_error(1), "?");
}
END_TEST

Suite *names_suite(void)
{
    Suite *s = suite_create("names");
    TCase *t = tcase_create("names");
    tcase_add_test(t, registers_go_there_and_back);
    tcase_add_test(t, causes_go_there_and_back);
    tcase_add_test(t, modes_go_there_and_back);
    tcase_add_test(t, everything_has_a_name);
    suite_add_tcase(s, t);
    return s;
}
