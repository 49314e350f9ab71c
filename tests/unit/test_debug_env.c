/* SPDX-License-Identifier: MIT */
/* Expressions on a machine: its registers, CSRs and their fields, memory in each space; and conditions of traces. */
#include <check.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "cpu/csr.h"
#include "machine.h"
#include "mmu/pte.h"
#include "monitor/debug/debugger.h"
#include "monitor/debug/expr.h"
#include "monitor/trace/filter.h"

Suite *debug_env_suite(void);

enum { C_MSTATUS = 0x300, C_SATP = 0x180, C_HGATP = 0x680, C_MIP = 0x344 };

static struct machine *m;
static struct hart *h;
static struct debugger *d;
static struct expr_env env;

static void set_up(void)
{
    struct machine_options o;
    struct err e;
    machine_options_default(&o);
    o.bios = "none";
    o.bare = o.quiet = true;
    o.harts = 2;
    m = machine_new(&o, &e);
    ck_assert_msg(m != NULL, "%s", e.text);
    h = machine_hart(m, 0);
    d = debugger_new(m);
    ck_assert_ptr_nonnull(d);
    debugger_expr_env(d, &env);
}

static void tear_down(void)
{
    debugger_free(d);
    machine_free(m);
}

static uint64_t eval(const char *text)
{
    struct expr_value v;
    struct err e;
    ck_assert_msg(expr_once(text, &env, NULL, &v, &e), "%s: %s", text, e.text);
    return v.v;
}

static const char *refused(const char *text)
{
    static struct err e;
    struct expr_value v;
    e.text[0] = 0;
    ck_assert_msg(!expr_once(text, &env, NULL, &v, &e), "%s: 0x%" PRIx64, text, v.v);
    ck_assert(e.text[0]);
    return e.text;
}

START_TEST(registers_and_fields)
{
    h->x[10] = 7;
    h->pc = 0x80001000;
    ck_assert_uint_eq(eval("$a0 + $x10"), 14);
    ck_assert_uint_eq(eval("$pc"), 0x80001000);
    ck_assert_uint_eq(eval("$a0 = 9"), 9);
    ck_assert_uint_eq(h->x[10], 9);
    eval("$x0 = 5");
    ck_assert_uint_eq(h->x[0], 0);
    ck_assert(csr_poke(h, C_MSTATUS, UINT64_C(3) << 11));
    ck_assert_uint_eq(eval("$mstatus.MPP"), 3);
    ck_assert_uint_eq(eval("$mstatus.mpp = 1"), 1);
    ck_assert_uint_eq(eval("$mstatus.MPP"), 1);
    ck_assert_uint_eq(eval("$mstatus.SUM |= 1"), 1);
    ck_assert_uint_eq(eval("$mstatus >> 11 & 3"), 1);
    ck_assert_uint_eq(eval("$satp = (8ul << 60) | (5ul << 44) | 0x80234"), UINT64_C(0x8000500000080234));
    ck_assert_uint_eq(eval("$satp.ppn"), 0x80234);
    ck_assert_uint_eq(eval("$satp.ASID"), 5);
    ck_assert_str_eq(refused("$mstatus.MPP = 4"), "$mstatus.MPP: 4 does not fit: the field has 2 bits");
    ck_assert_str_eq(refused("$mstatus.MMP"), "column 1: $mstatus has no field MMP: did you mean MPP?");
    ck_assert_str_eq(refused("$a0.x"), "column 1: $a0 has no field x");
    ck_assert_str_eq(refused("$mstatsu"), "column 1: no register or variable $mstatsu: did you mean $mstatus?");
    refused("$mhartid = 1");
    ck_assert(debugger_select(d, 1));
    ck_assert_uint_eq(eval("$mhartid"), 1);
    ck_assert_uint_eq(eval("$a0"), machine_hart(m, 1)->x[10]);
}
END_TEST

START_TEST(wires_stay_wires)
{
    hart_set_irq(h, IRQ_SEI, true);
    eval("$mip.SSIP = 1");
    hart_set_irq(h, IRQ_SEI, false);
    ck_assert_uint_eq(eval("$mip"), BIT(IRQ_SSI));
}
END_TEST

/* 0x8020_0000 is mapped at 0x4020_0000 (a page of 1 GiB) by Sv39 tables at 0x8010_0000, U=0, not readable, A=0: a debugger reads it all the same. */
START_TEST(memory)
{
    uint64_t pte = pte_make(0x80000000, PTE_V | PTE_X), word = 0x1122334455667788;
    ck_assert(bus_dma_write(machine_bus(m), 0x80100000 + 8, &pte, 8));
    ck_assert(bus_dma_write(machine_bus(m), 0x80200000, &word, 8));
    ck_assert_uint_eq(eval("*(uint32_t *)0x80200000"), 0x55667788);
    ck_assert_uint_eq(eval("*0x80200003") & 0xff, 0x55);
    ck_assert(csr_poke(h, C_SATP, UINT64_C(8) << 60 | 0x80100));
    /* M mode: bare, unless asked for the page tables */
    ck_assert_uint_eq(eval("*0x80200000"), word);
    ck_assert_uint_eq(eval("*gva:0x40200000"), word);
    refused("*0x40200000");
    h->priv = PRIV_U;
    hart_context_changed(h);
    ck_assert_uint_eq(eval("*0x40200000"), word);
    ck_assert_uint_eq(eval("*(uint16_t *)(0x40200000 + 2)"), 0x5566);
    ck_assert_uint_eq(eval("*gpa:0x80200000"), word);
    ck_assert_uint_eq(eval("*hpa:0x80200000"), word);
    ck_assert_ptr_nonnull(strstr(refused("*0x80200000"), "not mapped"));
    ck_assert_uint_eq(eval("*(uint8_t *)0x40200001 = 0xee"), 0xee);
    ck_assert_uint_eq(eval("*hpa:0x80200000"), 0x112233445566ee88);
    ck_assert_uint_eq(pte, pte_make(0x80000000, PTE_V | PTE_X));
    ck_assert(bus_dma_read(machine_bus(m), 0x80100000 + 8, &pte, 8));
    ck_assert_uint_eq(pte, pte_make(0x80000000, PTE_V | PTE_X)); /* A and D untouched */
    ck_assert_ptr_nonnull(strstr(refused("*hpa:0x10000000"), "device"));
    refused("*hpa:0x0");
}
END_TEST

static bool passes(const char *text, const struct event *ev)
{
    struct err e;
    const char *rest;
    struct filter *f = filter_new(m, "--trace", text, &rest, &e);
    ck_assert_msg(f != NULL, "%s", e.text);
    bool pass = filter_passes(f, ev);
    ck_assert_int_eq(filter_passes(f, ev), pass); /* the second time by what the first one found */
    filter_free(f);
    return pass;
}

START_TEST(conditions_of_traces)
{
    struct event ev = {
        .kind = EV_TRAP, .hart = 1, .mode = EVENT_MODE(PRIV_S, true), .pc = 0x80001000, .a = {13, 0x1000}};
    ck_assert(csr_poke(machine_hart(m, 1), C_MSTATUS, 1 << 11));
    machine_hart(m, 1)->x[2] = 77;
    ck_assert(passes("trap,if=cause == load_page_fault", &ev));
    ck_assert(passes("trap,if=cause == 13 && tval < 0x2000 && mode == VS && hart == 1", &ev));
    ck_assert(!passes("trap,if=cause == 12", &ev));
    ck_assert(passes("trap,if=$mstatus.mpp == S && $sp == 77 && $mhartid == 1", &ev));
    ck_assert(!passes("trap,if=$mstatus.MPP == M", &ev));
    struct err e;
    const char *rest;
    ck_assert_ptr_null(filter_new(m, "--trace", "trap,if=$mstatus.mmp == 1", &rest, &e));
    ck_assert_ptr_nonnull(strstr(e.text, "$mstatus has no field mmp"));
    ck_assert_ptr_null(filter_new(m, "--trace", "trap,if=$a0 = 1", &rest, &e));
    ck_assert_ptr_nonnull(strstr(e.text, "changes nothing"));
}
END_TEST

Suite *debug_env_suite(void)
{
    Suite *s = suite_create("debug_env");
    TCase *t = tcase_create("debug_env");
    tcase_add_checked_fixture(t, set_up, tear_down);
    tcase_add_test(t, registers_and_fields);
    tcase_add_test(t, wires_stay_wires);
    tcase_add_test(t, memory);
    tcase_add_test(t, conditions_of_traces);
    suite_add_tcase(s, t);
    return s;
}
