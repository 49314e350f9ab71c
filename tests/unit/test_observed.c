/* SPDX-License-Identifier: MIT */
/* The plain loop and the observed ones (one instruction at a time, and blocks that tell), on every example guest: after the same number of
 * instructions harts and memory must be the same. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
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

/* Floating point, with FS made Clean again and again: what raises flags makes it Dirty, with and without an f register. For ever. */
static const uint16_t fp[] = {
    /* clang-format off */
    0x6411,              /* c.lui s0,0x4 */
    0x6499,              /* c.lui s1,0x6 */
    0x2073, 0x3004,      /* csrrs zero,mstatus,s0 */
    0x458d,              /* c.li a1,3 */
    0x8253, 0xd205,      /* fcvt.d.w ft4,a1 */
    0x72d3, 0x1a02,      /* fdiv.d ft5,ft4,ft0 */
    0xb073, 0x3004,      /* csrrc zero,mstatus,s1 */
    0x2073, 0x3004,      /* csrrs zero,mstatus,s0 */
    0x7353, 0x1a02,      /* fdiv.d ft6,ft4,ft0 */
    0xb073, 0x3004,      /* csrrc zero,mstatus,s1 */
    0x2073, 0x3004,      /* csrrs zero,mstatus,s0 */
    0x7653, 0xc002,      /* fcvt.w.s a2,ft4 */
    0x1073, 0x0030,      /* csrrw zero,fcsr,zero */
    0xb073, 0x3004,      /* csrrc zero,mstatus,s1 */
    0x2073, 0x3004,      /* csrrs zero,mstatus,s0 */
    0x26d3, 0xa242,      /* feq.d a3,ft4,ft4 */
    0x7653, 0xc002,      /* fcvt.w.s a2,ft4 */
    0x2773, 0x0010,      /* csrrs a4,fflags,zero */
    0x27f3, 0x3000,      /* csrrs a5,mstatus,zero */
    0xd073, 0x0020,      /* csrrwi zero,frm,1 */
    0x73d3, 0x1a43,      /* fdiv.d ft7,ft6,ft4 */
    0x7453, 0x0042,      /* fadd.s fs0,ft4,ft4 */
    0x5073, 0x0020,      /* csrrwi zero,frm,0 */
    0x0905,              /* c.addi s2,1 */
    0x14e3, 0xfa99,      /* bne s2,s1,80000000 */
    /* clang-format on */
};

/* Its first round, from mstatus.FS = Clean on: flags are told by who raised them, those that were up already too. */
static const char fp_commits[] =
    "core   0: 3 0x0000000080000004 (0x30042073) c768_mstatus 0x0000000a00004000\n"
    "core   0: 3 0x0000000080000008 (0x458d) x11 0x0000000000000003\n"
    "core   0: 3 0x000000008000000a (0xd2058253) f4  0x4008000000000000 c768_mstatus 0x8000000a00006000\n"
    "core   0: 3 0x000000008000000e (0x1a0272d3) c1_fflags 0x0000000000000008 f5  0x7ff0000000000000\n"
    "core   0: 3 0x0000000080000012 (0x3004b073) c768_mstatus 0x0000000a00000000\n"
    "core   0: 3 0x0000000080000016 (0x30042073) c768_mstatus 0x0000000a00004000\n"
    "core   0: 3 0x000000008000001a (0x1a027353) c1_fflags 0x0000000000000008 f6  0x7ff0000000000000 c768_mstatus "
    "0x8000000a00006000\n"
    "core   0: 3 0x000000008000001e (0x3004b073) c768_mstatus 0x0000000a00000000\n"
    "core   0: 3 0x0000000080000022 (0x30042073) c768_mstatus 0x0000000a00004000\n"
    "core   0: 3 0x0000000080000026 (0xc0027653) c1_fflags 0x0000000000000018 x12 0x000000007fffffff c768_mstatus "
    "0x8000000a00006000\n"
    "core   0: 3 0x000000008000002a (0x00301073) c1_fflags 0x0000000000000000 c2_frm 0x0000000000000000\n";

static void ck_commits(const char *file)
{
    static char buf[1 << 16];
    FILE *f = fopen(file, "r");
    ck_assert_ptr_nonnull(f);
    buf[fread(buf, 1, sizeof buf - 1, f)] = 0;
    fclose(f);
    ck_assert_msg(strstr(buf, fp_commits) != NULL, "not in the log: %s", buf);
}

START_TEST(with_floating_point)
{
    static const char *const watchers[][2] = {
        {NULL, NULL}, {"insn", "pack"}, {"insn", "spike"}, {"insn,csr_side", "text"}};
    enum { ROUNDS = 3000 };
    char bin[] = "/tmp/vitrine-fp-XXXXXX", log[64];
    struct machine *m[ARRAY_LEN(watchers)];
    struct trace *t[ARRAY_LEN(watchers)] = {NULL};
    struct machine_options o;
    struct machine_result r;
    struct err e;
    int fd = mkstemp(bin);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(write(fd, fp, sizeof fp), sizeof fp);
    close(fd);
    snprintf(log, sizeof log, "%s.log", bin);
    machine_options_default(&o);
    o.bios = "none";
    o.kernel = bin;
    o.quiet = true;
    for (unsigned i = 0; i < ARRAY_LEN(m); i++) {
        char what[128];
        m[i] = machine_new(&o, &e);
        ck_assert_msg(m[i] != NULL, "%s", e.text);
        if (watchers[i][0]) {
            snprintf(what, sizeof what, "%s:%s", watchers[i][0], strcmp(watchers[i][1], "spike") ? "/dev/null" : log);
            t[i] = trace_open(m[i], &(struct trace_options){.what = what, .format = watchers[i][1]}, &e);
            ck_assert_msg(t[i] != NULL, "%s", e.text);
        }
        machine_run(m[i], ROUNDS, &r);
        if (i)
            ck_same_harts(m[0], m[i], watchers[i][1]);
    }
    for (unsigned i = 0; i < ARRAY_LEN(m); i++) {
        ck_assert_int_eq(trace_close(t[i], &e), 0);
        machine_free(m[i]);
    }
    ck_commits(log);
    unlink(bin);
    unlink(log);
}
END_TEST

Suite *observed_suite(void)
{
    Suite *s = suite_create("observed");
    TCase *t = tcase_create("guests");
    tcase_set_timeout(t, 60);
    tcase_add_loop_test(t, on_every_guest, 0, sizeof guests / sizeof guests[0]);
    tcase_add_test(t, with_floating_point);
    suite_add_tcase(s, t);
    return s;
}
