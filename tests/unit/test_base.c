/* SPDX-License-Identifier: MIT */
#include <check.h>
#include <errno.h>

#include "base/base.h"
#include "base/err.h"

Suite *base_suite(void);

START_TEST(bit_helpers)
{
    ck_assert_uint_eq(MASK(63, 0), UINT64_MAX);
    ck_assert_uint_eq(MASK(5, 4), 0x30);
    ck_assert_uint_eq(bits(0xabcd, 11, 4), 0xbc);
    ck_assert_int_eq(sign_extend(0xfff, 12), -1);
    ck_assert_int_eq(sign_extend(0x7ff, 12), 0x7ff);
    ck_assert_uint_eq(merge_bits(0xff00, 0x1234, 0x0ff0), 0xf230);
    ck_assert(is_pow2(1) && is_pow2(BIT(63)) && !is_pow2(0) && !is_pow2(6));
}
END_TEST

START_TEST(err_formats_and_returns)
{
    struct err e = {.text = "old"};
    ck_assert_int_eq(err_set(&e, -EINVAL, "%s: %d", "thing", 7), -EINVAL);
    ck_assert_str_eq(e.text, "thing: 7");
    ck_assert_int_eq(err_set(NULL, -EIO, "nobody listens"), -EIO);
}
END_TEST

Suite *base_suite(void)
{
    Suite *s = suite_create("base");
    TCase *t = tcase_create("base");
    tcase_add_test(t, bit_helpers);
    tcase_add_test(t, err_formats_and_returns);
    suite_add_tcase(s, t);
    return s;
}
