/* SPDX-License-Identifier: MIT */
#include <check.h>
#include <errno.h>
#include <string.h>

#include "cpu/isa.h"

Suite *isa_suite(void);

static struct isa parsed(const char *cpu)
{
    struct isa isa;
    struct err e = {.text = ""};
    ck_assert_msg(isa_parse(&isa, cpu, &e) == 0, "%s: %s", cpu, e.text);
    return isa;
}

/* The message that cpu is refused with. */
static const char *refusal(const char *cpu)
{
    static struct err e;
    struct isa isa;
    e.text[0] = 0;
    ck_assert_int_eq(isa_parse(&isa, cpu, &e), -EINVAL);
    return e.text;
}

START_TEST(spellings)
{
    struct isa isa = parsed("rv64,zba=false,sv48=off,-zbc,+zbb,x-h=true,Zicsr=true,v=false,g=true,cbom_blocksize=64");
    ck_assert(!isa.zba && isa.zbb && !isa.zbc && isa.h && isa.sv39 && !isa.sv48 && !isa.sv57);
    ck_assert_str_eq(isa_mmu_type(&isa), "riscv,sv39");
    ck_assert(parsed("max").svadu);
}
END_TEST

START_TEST(models)
{
    char text[512];
    struct isa isa = parsed("sifive-u54");
    ck_assert(isa_string(&isa, text, sizeof text));
    ck_assert_str_eq(text, "rv64imafdc_zicntr_zicsr_zifencei_zihpm");
    ck_assert_str_eq(isa_mmu_type(&isa), "riscv,sv39");
    ck_assert(isa.s && isa.u && isa.pmp && !isa.h && !isa.sstc && !isa.sv48);
    isa = parsed("sifive-e51");
    ck_assert(isa.u && !isa.s && !isa.f && !isa.mmu);
    ck_assert(parsed("sifive-u54,zba=true").zba);
    ck_assert_ptr_nonnull(strstr(refusal("thead-c906"), "no model 'thead-c906'"));
}
END_TEST

START_TEST(dependents_follow_unless_asked_for)
{
    struct isa isa = parsed("rv64,f=false");
    ck_assert(!isa.f && !isa.d);
    isa = parsed("rv64,s=false");
    ck_assert(!isa.s && isa.u && !isa.mmu && !isa.sv39 && !isa.sv57 && !isa.h && !isa.sstc && !isa.svadu);
    ck_assert_str_eq(isa_mmu_type(&isa), "riscv,none");
    isa = parsed("rv64,sv39=false");
    ck_assert(!isa.mmu && !isa.sv39 && !isa.sv48 && !isa.h);
    ck_assert_ptr_nonnull(strstr(refusal("rv64,f=off,d=on"), "d=true needs f"));
    ck_assert_ptr_nonnull(strstr(refusal("rv64,mmu=off,h=on"), "h=true needs mmu"));
}
END_TEST

START_TEST(refusals_name_the_property)
{
    ck_assert_ptr_nonnull(strstr(refusal("rv32"), "'rv32'"));
    ck_assert_ptr_nonnull(strstr(refusal("rv64,zbz=true"), "'zbz'"));
    ck_assert_ptr_nonnull(strstr(refusal("rv64,v=true"), "v=true"));
    ck_assert_ptr_nonnull(strstr(refusal("rv64,zba=maybe"), "zba=maybe"));
    ck_assert_ptr_nonnull(strstr(refusal("rv64,i=false"), "i=false"));
    ck_assert_ptr_nonnull(strstr(refusal("rv64,cbom_blocksize=32"), "cbom_blocksize=32"));
}
END_TEST

START_TEST(misa_and_strings)
{
    struct isa isa = parsed("rv64,zba=false");
    char text[256], names[256];
    ck_assert_uint_eq(isa_misa(&isa), UINT64_C(0x80000000001411ad)); /* as rv64imafdcsuh has it */
    ck_assert(isa_string(&isa, text, sizeof text));
    ck_assert_ptr_eq(strstr(text, "rv64imafdch_zicbom_zicbop_zicboz_zicntr"), text);
    ck_assert_ptr_null(strstr(text, "zba"));
    ck_assert_ptr_null(strstr(text, "sv39"));
    size_t n = isa_extensions(&isa, names, sizeof names);
    ck_assert_uint_gt(n, 20);
    ck_assert_int_eq(memcmp(names, "i\0m\0a\0f\0d\0c\0h\0zicbom", 20), 0);
    ck_assert(!isa_string(&isa, text, 16));
    ck_assert_uint_eq(isa_extensions(&isa, names, 16), 0);
    isa = parsed("rv64,s=false,f=false");
    ck_assert_uint_eq(isa_misa(&isa), UINT64_C(0x8000000000101105));
}
END_TEST

Suite *isa_suite(void)
{
    Suite *s = suite_create("isa");
    TCase *t = tcase_create("isa");
    tcase_add_test(t, spellings);
    tcase_add_test(t, models);
    tcase_add_test(t, dependents_follow_unless_asked_for);
    tcase_add_test(t, refusals_name_the_property);
    tcase_add_test(t, misa_and_strings);
    suite_add_tcase(s, t);
    return s;
}
