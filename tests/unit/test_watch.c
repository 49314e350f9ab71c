/* SPDX-License-Identifier: MIT */
/* What those who watch a machine ask of it: breakpoints, steps, pauses, watched memory, events. */
#include <check.h>
#include <string.h>

#include "machine.h"

/* M mode, at 0x80000000. x5 counts to 100 and each round's number goes to 0x80001000; then an ecall, whose handler (at +0x40) returns behind it. */
static const uint32_t program[] = {
    0x00000297, /* 00 auipc x5, 0 */
    0x04028293, /* 04 addi x5, x5, 64 */
    0x30529073, /* 08 csrw mtvec, x5 */
    0x00001337, /* 0c lui x6, 1 */
    0x00000013, /* 10 nop */
    0x00000013, /* 14 nop */
    0x00000e97, /* 18 auipc x29, 0 */
    0x006e8e33, /* 1c add x28, x29, x6: 0x80001018 */
    0x00000393, /* 20 li x7, 0 */
    0x06400f13, /* 24 li x30, 100 */
    0x007e2023, /* 28 sw x7, 0(x28): the loop */
    0x00138393, /* 2c addi x7, x7, 1 */
    0xffe39ce3, /* 30 bne x7, x30, 28 */
    0x00000073, /* 34 ecall */
    0x000e2f83, /* 38 lw x31, 0(x28) */
    0x0000006f, /* 3c j . */
    0x341022f3, /* 40 csrr x5, mepc */
    0x00428293, /* 44 addi x5, x5, 4 */
    0x34129073, /* 48 csrw mepc, x5 */
    0x30200073, /* 4c mret */
};
enum { LOOP = 0x80000028, ECALL = 0x80000034, BACK = 0x80000038, HANDLER = 0x80000040, WORD = 0x80001018 };

static struct machine *m;
static struct hart *h;
static struct machine_result r;

static void power_on(unsigned harts)
{
    struct machine_options o;
    struct err e;
    machine_options_default(&o);
    o.bios = "none";
    o.bare = o.quiet = true;
    o.harts = harts;
    m = machine_new(&o, &e);
    ck_assert_msg(m != NULL, "%s", e.text);
    ck_assert(bus_dma_write(machine_bus(m), MACHINE_RAM_BASE, program, sizeof program));
    for (unsigned i = 0; i < harts; i++)
        machine_hart(m, i)->pc = MACHINE_RAM_BASE;
    h = machine_hart(m, 0);
}

static void power_off(void)
{
    machine_free(m);
}

static void set_breakpoint(uint64_t va)
{
    ck_assert(machine_set_breakpoints(m, &va, 1));
}

START_TEST(test_breakpoint)
{
    power_on(1);
    set_breakpoint(LOOP);
    for (unsigned i = 0; i < 100; i++) {
        machine_run(m, UINT64_MAX, &r);
        ck_assert_int_eq(r.end, MACHINE_BREAK);
        ck_assert_uint_eq(h->pc, LOOP);
        ck_assert_uint_eq(h->x[7], i);
        ck_assert_uint_eq(hart_instret(h), 10 + 3 * i);
    }
    ck_assert(machine_set_breakpoints(m, NULL, 0));
    machine_run(m, 1000, &r);
    ck_assert_int_eq(r.end, MACHINE_BUDGET);
    ck_assert_uint_eq(h->x[31], 99);
    power_off();
}
END_TEST

/* In the middle of a budget that ends soon, where instructions run one by one; and with the same bytes seen at another address. */
START_TEST(test_breakpoint_pieces)
{
    uint64_t hits = 0, elsewhere = LOOP + 0x1000;
    power_on(1);
    set_breakpoint(LOOP);
    for (unsigned i = 0; i < 2000 && h->pc != BACK + 4; i++) {
        machine_run(m, 1 + i % 5, &r);
        hits += r.end == MACHINE_BREAK;
    }
    ck_assert_uint_eq(hits, 100);
    power_off();
    power_on(1);
    ck_assert(machine_set_breakpoints(m, &elsewhere, 1));
    machine_run(m, 1000, &r);
    ck_assert_int_eq(r.end, MACHINE_BUDGET);
    power_off();
}
END_TEST

/* It must not change what the guest does, or when. */
START_TEST(test_breakpoint_is_invisible)
{
    uint64_t x[2][32], insns[2];
    for (unsigned way = 0; way < 2; way++) {
        power_on(3);
        if (way)
            set_breakpoint(LOOP);
        for (uint64_t left = 5000; left;) {
            uint64_t before = machine_stats(m)->insns;
            machine_run(m, left, &r);
            left -= machine_stats(m)->insns - before;
        }
        memcpy(x[way], machine_hart(m, 2)->x, sizeof x[way]);
        insns[way] = hart_instret(machine_hart(m, 1));
        power_off();
    }
    ck_assert_mem_eq(x[0], x[1], sizeof x[0]);
    ck_assert_uint_eq(insns[0], insns[1]);
}
END_TEST

START_TEST(test_step)
{
    power_on(1);
    set_breakpoint(ECALL);
    machine_run(m, UINT64_MAX, &r);
    ck_assert_int_eq(r.end, MACHINE_BREAK);
    uint64_t retired = hart_instret(h);
    machine_step(m, 0, 1, &r);
    ck_assert_int_eq(r.end, MACHINE_BUDGET);
    ck_assert_uint_eq(h->pc, HANDLER);
    ck_assert_uint_eq(hart_instret(h), retired);
    machine_step(m, 0, 4, &r);
    ck_assert_uint_eq(h->pc, BACK);
    ck_assert_uint_eq(hart_instret(h), retired + 4);
    power_off();
}
END_TEST

/* One of several harts, whoever has the turn. */
START_TEST(test_step_of_another)
{
    power_on(3);
    for (unsigned i = 1; i <= 20; i++) {
        machine_step(m, 2, 1, &r);
        ck_assert_int_eq(r.end, MACHINE_BUDGET);
        ck_assert_uint_eq(hart_instret(machine_hart(m, 2)), i);
    }
    power_off();
}
END_TEST

struct heard {
    struct event_sink sink;
    unsigned n[EV_KINDS];
    enum event_kind pause_at;
    uint64_t pc;
};

static void hear(struct event_sink *s, const struct event *e)
{
    struct heard *heard = (struct heard *)s;
    heard->n[e->kind]++;
    heard->pc = e->pc;
    if (e->kind == heard->pause_at)
        machine_pause(m);
}

START_TEST(test_pause)
{
    struct heard heard = {.sink = {hear, BIT(EV_TRAP) | BIT(EV_CSR) | BIT(EV_RET), NULL}, .pause_at = EV_TRAP};
    power_on(1);
    event_hub_add(machine_events(m), &heard.sink);
    machine_run(m, 1000, &r);
    ck_assert_int_eq(r.end, MACHINE_PAUSE);
    ck_assert_uint_eq(h->pc, HANDLER);
    ck_assert_uint_eq(heard.pc, ECALL);
    ck_assert_uint_eq(heard.n[EV_CSR], 1);
    heard.pause_at = EV_RET;
    machine_run(m, 1000, &r);
    ck_assert_int_eq(r.end, MACHINE_PAUSE);
    ck_assert_uint_eq(h->pc, BACK);
    ck_assert_uint_eq(heard.n[EV_CSR], 2);
    event_hub_remove(machine_events(m), &heard.sink);
    machine_run(m, 1000, &r);
    ck_assert_int_eq(r.end, MACHINE_BUDGET);
    ck_assert_uint_eq(heard.n[EV_TRAP], 1);
    power_off();
}
END_TEST

struct accesses {
    unsigned reads, writes;
    uint64_t last;
};

static void accessed(void *ctx, uint64_t pa, uint64_t len, bool write)
{
    struct accesses *a = ctx;
    ck_assert_uint_eq(len, 4);
    a->reads += !write;
    a->writes += write;
    a->last = pa;
    machine_pause(m);
}

START_TEST(test_watch)
{
    struct accesses a = {0};
    power_on(1);
    machine_set_watcher(m, accessed, &a);
    ck_assert(machine_watch(m, WORD, 4, MACHINE_WRITE, true));
    for (unsigned i = 0; i < 100; i++) {
        machine_run(m, 1000, &r);
        ck_assert_int_eq(r.end, MACHINE_PAUSE);
        ck_assert_uint_eq(h->pc, LOOP + 4);
        ck_assert_uint_eq(a.last, WORD);
    }
    ck_assert(machine_watch(m, WORD, 4, MACHINE_WRITE, false));
    ck_assert(machine_watch(m, WORD + 4, 4, MACHINE_READ | MACHINE_WRITE, true)); /* beside it */
    machine_run(m, 1, &r);
    ck_assert(machine_watch(m, WORD, 4, MACHINE_READ, true));
    machine_run(m, 1000, &r);
    ck_assert_int_eq(r.end, MACHINE_PAUSE);
    ck_assert_uint_eq(h->pc, BACK + 4);
    ck_assert_uint_eq(a.reads, 1);
    ck_assert_uint_eq(a.writes, 100);
    ck_assert(!machine_watch(m, WORD, 8, MACHINE_READ, false));
    ck_assert(!machine_watch(m, 0x10, 8, MACHINE_WRITE, true));
    power_off();
}
END_TEST

/* A device's write, through the page's slow path; and a page that was written fast before. */
START_TEST(test_watch_dma)
{
    struct accesses a = {0};
    uint32_t word = 7;
    power_on(1);
    machine_run(m, 100, &r);
    machine_set_watcher(m, accessed, &a);
    ck_assert(machine_watch(m, WORD, 4, MACHINE_WRITE, true));
    ck_assert(bus_dma_write(machine_bus(m), WORD, &word, 4));
    ck_assert_uint_eq(a.writes, 1);
    machine_run(m, 1000, &r);
    ck_assert_int_eq(r.end, MACHINE_PAUSE);
    power_off();
}
END_TEST

/* The ring holds the latest of the recorded kinds, and sinks choose for themselves. */
START_TEST(test_recorder)
{
    power_on(1);
    struct event_hub *hub = machine_events(m);
    hub->recorded = BIT(EV_TRAP) | BIT(EV_CSR);
    event_hub_update(hub);
    uint64_t before = hub->count;
    machine_run(m, 1000, &r);
    ck_assert_uint_eq(hub->count - before, 3);
    ck_assert_int_eq(hub->ring[before % EVENT_RING].kind, EV_CSR);
    ck_assert_int_eq(hub->ring[(before + 1) % EVENT_RING].kind, EV_TRAP);
    ck_assert_uint_eq(hub->ring[(before + 1) % EVENT_RING].pc, ECALL);
    power_off();
}
END_TEST

START_TEST(test_kinds)
{
    uint64_t kinds;
    char bad[32];
    ck_assert(event_parse_kinds("trap,insn", &kinds, bad, sizeof bad));
    ck_assert_uint_eq(kinds, BIT(EV_TRAP) | BIT(EV_INSN));
    ck_assert(event_parse_kinds("all,-insn", &kinds, bad, sizeof bad));
    ck_assert_uint_eq(kinds, MASK(EV_KINDS - 1, 0) & ~BIT(EV_INSN));
    ck_assert(event_parse_kinds("tlb_*", &kinds, bad, sizeof bad));
    ck_assert_uint_eq(kinds, BIT(EV_TLB_FILL) | BIT(EV_TLB_FLUSH));
    ck_assert(event_parse_kinds("mmu", &kinds, bad, sizeof bad));
    ck_assert(kinds & BIT(EV_PTE));
    ck_assert(!event_parse_kinds("trap,nonsense", &kinds, bad, sizeof bad));
    ck_assert_str_eq(bad, "nonsense");
}
END_TEST

Suite *watch_suite(void);

Suite *watch_suite(void)
{
    Suite *s = suite_create("watch");
    TCase *t = tcase_create("machine");
    tcase_add_test(t, test_breakpoint);
    tcase_add_test(t, test_breakpoint_pieces);
    tcase_add_test(t, test_breakpoint_is_invisible);
    tcase_add_test(t, test_step);
    tcase_add_test(t, test_step_of_another);
    tcase_add_test(t, test_pause);
    tcase_add_test(t, test_watch);
    tcase_add_test(t, test_watch_dma);
    tcase_add_test(t, test_recorder);
    tcase_add_test(t, test_kinds);
    suite_add_tcase(s, t);
    return s;
}
