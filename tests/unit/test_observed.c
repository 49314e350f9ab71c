/* SPDX-License-Identifier: MIT */
/* The plain loop and the observed ones (one instruction at a time, and blocks that tell), on every example guest: after the same number of
 * instructions harts and memory must be the same. */
#include <check.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "machine.h"
#include "monitor/trace/trace.h"

Suite *observed_suite(void);

enum { PIECE = 700001, PIECES = 4, STATE_MAX = 1 << 16 };

/* A visitor that writes down all that it sees. */
struct noter {
    struct visitor visitor;
    uint8_t bytes[STATE_MAX];
    size_t n;
};

static void note(struct visitor *v, const char *name, void *p, size_t size, size_t count)
{
    struct noter *s = (struct noter *)v;
    (void)name;
    ck_assert_uint_le(s->n + size * count, sizeof s->bytes);
    memcpy(s->bytes + s->n, p, size * count);
    s->n += size * count;
}

static void enter(struct visitor *v, const char *name, unsigned index)
{
    (void)v, (void)name, (void)index;
}

static void leave(struct visitor *v)
{
    (void)v;
}

static void ck_same_harts(struct machine *a, struct machine *b, const char *what)
{
    static struct noter x, y;
    struct hart *h;
    for (unsigned i = 0; (h = machine_hart(a, i)); i++) {
        x = (struct noter){.visitor = {.field = note, .open = enter, .close = leave}};
        y = x;
        hart_visit(h, &x.visitor);
        hart_visit(machine_hart(b, i), &y.visitor);
        ck_assert_uint_eq(x.n, y.n);
        ck_assert_msg(!memcmp(x.bytes, y.bytes, x.n), "%s: hart %u differs", what, i);
        ck_assert_msg(h->pc == machine_hart(b, i)->pc, "%s: hart %u, pc", what, i);
    }
}

static void ck_same_memory(struct machine *a, struct machine *b, const char *what)
{
    const struct mem_region *x = bus_memory_at(machine_bus(a), MACHINE_RAM_BASE),
                            *y = bus_memory_at(machine_bus(b), MACHINE_RAM_BASE);
    for (uint64_t off = 0; off < x->size; off += PAGE_SIZE)
        ck_assert_msg(!memcmp(mem_host(x, off), mem_host(y, off), PAGE_SIZE), "%s: memory at %#lx", what,
                      (unsigned long)(MACHINE_RAM_BASE + off));
}

struct counter {
    struct event_sink sink;
    uint64_t n;
};

static void count(struct event_sink *s, const struct event *e)
{
    ((struct counter *)s)->n += e->kind == EV_INSN;
}

static const char *const guests[] = {"hello", "shell", "stumble", "leaky", "mono", "micro", "hostile"};

START_TEST(on_every_guest)
{
    char path[512];
    struct machine_options o;
    enum { PLAIN, OBSERVED, TELLS, MACHINES };
    struct machine *m[MACHINES];
    struct machine_result r[MACHINES];
    struct counter c = {.sink = {.emit = count, .kinds = MASK(EV_KINDS - 1, 0)}};
    struct err e;
    snprintf(path, sizeof path, "%s/%s.elf", VITRINE_GUESTS, guests[_i]);
    if (access(path, R_OK)) /* built without a cross compiler */
        return;
    machine_options_default(&o);
    o.kernel = path;
    o.quiet = true;
    o.ram_size = UINT64_C(64) << 20;
    for (unsigned i = 0; i < MACHINES; i++) {
        m[i] = machine_new(&o, &e);
        ck_assert_msg(m[i] != NULL, "%s", e.text);
    }
    event_hub_add(machine_events(m[OBSERVED]), &c.sink);
    struct trace *t = trace_open(m[TELLS], &(struct trace_options){.what = "all:/dev/null", .format = "pack"}, &e);
    ck_assert_msg(t != NULL, "%s", e.text);
    for (unsigned k = 0; k < PIECES; k++) {
        for (unsigned i = 0; i < MACHINES; i++)
            machine_run(m[i], PIECE, &r[i]);
        for (unsigned i = OBSERVED; i < MACHINES; i++) {
            ck_assert_int_eq(r[PLAIN].end, r[i].end);
            ck_assert_int_eq(r[PLAIN].status, r[i].status);
            ck_assert_uint_eq(machine_stats(m[PLAIN])->insns, machine_stats(m[i])->insns);
            ck_assert_uint_eq(machine_clock(m[PLAIN]), machine_clock(m[i]));
            ck_same_harts(m[PLAIN], m[i], guests[_i]);
            ck_same_memory(m[PLAIN], m[i], guests[_i]);
        }
    }
    ck_assert_uint_eq(c.n, machine_stats(m[OBSERVED])->insns);
    ck_assert_uint_gt(c.n, 100);
    event_hub_remove(machine_events(m[OBSERVED]), &c.sink);
    ck_assert_int_eq(trace_close(t, &e), 0);
    for (unsigned i = 0; i < MACHINES; i++)
        machine_free(m[i]);
}
END_TEST

Suite *observed_suite(void)
{
    Suite *s = suite_create("observed");
    TCase *t = tcase_create("guests");
    tcase_set_timeout(t, 60);
    tcase_add_loop_test(t, on_every_guest, 0, sizeof guests / sizeof guests[0]);
    suite_add_tcase(s, t);
    return s;
}
