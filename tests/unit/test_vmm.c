/* SPDX-License-Identifier: MIT */
/* The VMM's parts: frames, second-stage tables, command line; and guests of a few instructions by each technique that needs no more. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cpu/csr_bits.h"
#include "mmu/pte.h"
#include "monitor/vmm/gstage.h"
#include "monitor/vmm/vmm.h"
#include "monitor/vmm/vmm_options.h"

Suite *vmm_suite(void);

#define MIB (UINT64_C(1) << 20)

/* ---- Frames ---- */

static const uint64_t RAM = MACHINE_RAM_BASE;

START_TEST(frames_are_scattered)
{
    struct bus *b = bus_new();
    ck_assert_ptr_nonnull(bus_add_memory(b, "RAM", RAM, 8 * MIB, false, NULL));
    struct frames *f = frames_new(b, RAM, 8 * MIB, MIB, MIB, NULL), *g = frames_new(b, RAM, 8 * MIB, MIB, MIB, NULL);
    uint64_t n = 6 * MIB >> PAGE_SHIFT, hpa, other, before = 0, adjacent = 0;
    uint8_t *seen = calloc(8 * MIB >> PAGE_SHIFT, 1);
    ck_assert_uint_eq(frames_left(f), n);
    ck_assert_uint_eq(frames_owner(f, RAM).use, FRAME_VMM);
    ck_assert_uint_eq(frames_owner(f, RAM + MIB).use, FRAME_FREE);
    for (uint64_t i = 0; i < n; i++) {
        ck_assert(frames_take(f, FRAME_GUEST, 1 + i % 3, &hpa));
        ck_assert(frames_take(g, FRAME_GUEST, 1, &other));
        ck_assert_uint_eq(hpa, other); /* the same frames each time */
        ck_assert(hpa >= RAM + 2 * MIB && hpa < RAM + 8 * MIB && !(hpa & ~PAGE_MASK));
        ck_assert(!seen[(hpa - RAM) >> PAGE_SHIFT]);
        seen[(hpa - RAM) >> PAGE_SHIFT] = 1;
        adjacent += hpa - before == PAGE_SIZE || before - hpa == PAGE_SIZE;
        before = hpa;
        ck_assert_uint_eq(frames_owner(f, hpa + 5).vm, 1 + i % 3);
    }
    ck_assert_uint_eq(adjacent, 0);
    ck_assert(!frames_take(f, FRAME_GUEST, 1, &hpa));
    ck_assert_uint_eq(frames_count(f, FRAME_GUEST, 2), n / 3);
    frames_give(f, before);
    ck_assert_uint_eq(frames_owner(f, before).use, FRAME_FREE);
    ck_assert(frames_take(f, FRAME_TABLE, 2, &hpa));
    ck_assert_uint_eq(hpa, before);
    free(seen);
    frames_free(f);
    frames_free(g);
    bus_free(b);
}
END_TEST

START_TEST(frames_come_zeroed)
{
    struct bus *b = bus_new();
    ck_assert_ptr_nonnull(bus_add_memory(b, "RAM", RAM, 4 * MIB, false, NULL));
    struct frames *f = frames_new(b, RAM, 4 * MIB, MIB, MIB, NULL);
    uint64_t hpa, again, v = 1, root;
    ck_assert(bus_write(b, RAM + 3 * MIB + 8, 8, 77));
    frames_soiled(f, RAM + 3 * MIB, RAM + 3 * MIB + 1);
    for (uint64_t left = frames_left(f); left; left--) {
        ck_assert(frames_take(f, FRAME_GUEST, 1, &hpa));
        ck_assert(bus_read(b, hpa + 8, 8, &v));
        ck_assert_uint_eq(v, 0);
        ck_assert(bus_write(b, hpa + 8, 8, hpa));
    }
    frames_give(f, hpa);
    ck_assert(frames_take(f, FRAME_GUEST, 2, &again));
    ck_assert_uint_eq(again, hpa);
    ck_assert(bus_read(b, hpa + 8, 8, &v));
    ck_assert_uint_eq(v, 0);
    /* Those that are kept for roots are left, four in a row, at multiples of 16 KiB. */
    for (unsigned i = 0; i < MIB / (4 * PAGE_SIZE); i++) {
        ck_assert(frames_take_aligned(f, 4, FRAME_TABLE, 1, &root));
        ck_assert_uint_eq(root % (4 * PAGE_SIZE), 0);
        ck_assert(root >= RAM + MIB && root < RAM + 2 * MIB);
        ck_assert_uint_eq(frames_owner(f, root + 3 * PAGE_SIZE).use, FRAME_TABLE);
    }
    ck_assert(!frames_take_aligned(f, 4, FRAME_TABLE, 1, &root));
    frames_free(f);
    bus_free(b);
}
END_TEST

/* ---- The command line ---- */

/* A VM's tables take no more frames than its share, and what it gives back it may take again. */
START_TEST(frames_are_shared)
{
    struct bus *b = bus_new();
    ck_assert_ptr_nonnull(bus_add_memory(b, "RAM", RAM, 8 * MIB, false, NULL));
    struct frames *f = frames_new(b, RAM, 8 * MIB, MIB, MIB, NULL);
    uint64_t hpa, last = 0;
    frames_share(f, 1, 3);
    for (unsigned i = 0; i < 3; i++)
        ck_assert(frames_take(f, FRAME_TABLE, 1, &last));
    ck_assert(!frames_take(f, FRAME_TABLE, 1, &hpa));
    ck_assert(frames_take(f, FRAME_GUEST, 1, &hpa));
    ck_assert(frames_take(f, FRAME_TABLE, 2, &hpa));
    frames_give(f, hpa);
    ck_assert(!frames_take(f, FRAME_TABLE, 1, &hpa));
    frames_give(f, last);
    ck_assert(frames_take(f, FRAME_TABLE, 1, &hpa));
    ck_assert(!frames_take(f, FRAME_TABLE, 1, &hpa));
    frames_free(f);
    bus_free(b);
}
END_TEST

START_TEST(splits_words)
{
    const char *w[8];
    char a[] = "  -m 64M -append 'console=ttyS0 quiet' -drive \"file=a b,if=none\" c\\ d ''";
    ck_assert_int_eq(vmm_split(a, w, 8), 8);
    ck_assert_str_eq(w[0], "-m");
    ck_assert_str_eq(w[3], "console=ttyS0 quiet");
    ck_assert_str_eq(w[5], "file=a b,if=none");
    ck_assert_str_eq(w[6], "c d");
    ck_assert_str_eq(w[7], "");
    char open[] = "a 'b c", many[] = "1 2 3 4 5 6 7 8 9", none[] = " \t", joined[] = "a'b'\"c\"d\\'";
    ck_assert_int_eq(vmm_split(open, w, 8), -1);
    ck_assert_int_eq(vmm_split(many, w, 8), -1);
    ck_assert_int_eq(vmm_split(none, w, 8), 0);
    ck_assert_int_eq(vmm_split(joined, w, 8), 1);
    ck_assert_str_eq(w[0], "abcd'");
}
END_TEST

/* ---- Guests of a few instructions, at 0x8020_0000 in S mode ---- */

/* Counts in t0, writes the count to 4 KiB pages from 0x8030_0000 on, one after the other, and reads a counter now and then: exits. */
static const uint32_t counter[] = {
    0x80300337, /* lui t1, 0x80300 */
    0x02031313, /* slli t1, t1, 32 */
    0x02035313, /* srli t1, t1, 32 */
    0x000013b7, /* lui t2, 1 */
    0x10000e13, /* li t3, 256 */
    0x00128293, /* loop: addi t0, t0, 1 */
    0x00533023, /* sd t0, 0(t1) */
    0x00730333, /* add t1, t1, t2 */
    0xc0002f73, /* rdcycle t5 */
    0xc0102ff3, /* rdtime t6 */
    0xffc2fee3, /* bgeu t0, t3, -4: never with less than 256 rounds */
    0xfe9ff06f, /* j loop */
};
/* The same endlessly on one page. */
static const uint32_t spinner[] = {
    0x00128293, /* loop: addi t0, t0, 1 */
    0xc0002f73, /* rdcycle t5 */
    0x00530333, /* add t1, t1, t0 */
    0xff5ff06f, /* j loop */
};

static char kernel_path[] = "/tmp/vitrine-test-vmm-XXXXXX";

static void write_kernel(const uint32_t *words, size_t n)
{
    strcpy(kernel_path + sizeof kernel_path - 7, "XXXXXX");
    int fd = mkstemp(kernel_path);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(write(fd, words, n), (ssize_t)n);
    close(fd);
}

/* A VMM with n guests of that program. */
static struct vmm *make(const char *technique, unsigned n, bool checked, const uint32_t *words, size_t size,
                        uint64_t slice)
{
    struct vm_config vms[8] = {{.name = NULL}};
    struct vmm_config c = {.technique = technique_find(technique),
                           .vms = vms,
                           .nvms = n,
                           .check = checked,
                           .check_shadow = true,
                           .slice = slice};
    struct err e = {.text = ""};
    write_kernel(words, size);
    machine_options_default(&c.real);
    c.real.ram_size = 0;
    c.real.quiet = true;
    for (unsigned i = 0; i < n; i++) {
        machine_options_default(&vms[i].machine);
        vms[i].machine.ram_size = 8 * MIB;
        vms[i].machine.isa.h = false;
        vms[i].machine.kernel = kernel_path;
        vms[i].machine.quiet = true;
    }
    struct vmm *v = vmm_new(&c, &e);
    ck_assert_msg(v != NULL, "%s", e.text);
    unlink(kernel_path);
    v->config.vms = NULL;
    return v;
}

static struct hart *virtual_hart(struct vmm *v, unsigned n)
{
    return machine_hart(v->vm[n]->machine, 0);
}

static void same_hart(struct hart *a, struct hart *b)
{
    ck_assert_mem_eq(a->x, b->x, 32 * sizeof a->x[0]);
    ck_assert_uint_eq(a->pc, b->pc);
    ck_assert_uint_eq(hart_instret(a), hart_instret(b));
    ck_assert_uint_eq(a->csr.mstatus, b->csr.mstatus);
    ck_assert_uint_eq(a->priv, b->priv);
    ck_assert_uint_eq(a->virt, b->virt);
}

static const char *const native_techniques[] = {"nested", "trap"};

/* However the run is cut up, the guest comes to the same state, which is the interpreted one. */
START_TEST(runs_in_pieces)
{
    struct vmm_result r;
    struct vmm *a = make("emulate", 1, false, counter, sizeof counter, 0);
    struct vmm *b = make(native_techniques[_i], 1, false, counter, sizeof counter, 0);
    struct vmm *c = make(native_techniques[_i], 1, false, counter, sizeof counter, 0);
    vmm_run(a, 1000, &r);
    ck_assert_int_eq(r.end, MACHINE_BUDGET);
    vmm_run(b, 1000, &r);
    ck_assert_int_eq(r.end, MACHINE_BUDGET);
    for (unsigned i = 0, n = 0; n < 1000; n += i) {
        i = i < 7 ? i + 1 : 1000 - n;
        vmm_run(c, i, &r);
        ck_assert_uint_eq(vmm_insns(c), n + i);
    }
    ck_assert_uint_gt(virtual_hart(a, 0)->x[5], 100);
    same_hart(virtual_hart(a, 0), virtual_hart(b, 0));
    same_hart(virtual_hart(a, 0), virtual_hart(c, 0));
    ck_assert_uint_gt(b->vm[0]->stats.native, 500);
    ck_assert_uint_gt(b->vm[0]->stats.exits[VM_EXIT_PAGE], 100);
    ck_assert(!b->failed_check && !c->failed_check);
    vmm_free(a);
    vmm_free(b);
    vmm_free(c);
}
END_TEST

/* What a guest writes is in its own frames, and nobody else's. */
START_TEST(guests_keep_apart)
{
    struct vmm_result r;
    struct vmm *v = make(native_techniques[_i], 3, false, counter, sizeof counter, 50);
    vmm_run(v, 2400, &r);
    ck_assert_int_eq(r.end, MACHINE_BUDGET);
    ck_assert(!v->failed_check);
    for (unsigned i = 0; i < 3; i++) {
        struct err e = {.text = ""};
        uint64_t hpa, value;
        ck_assert_msg(v->config.technique->verify(v->vm[i], &e) > 100, "%s", e.text);
        for (unsigned page = 0; page < 64; page++) {
            ck_assert(vm_frame(v->vm[i], 0x80300000 + page * PAGE_SIZE, &hpa));
            ck_assert_uint_eq(frames_owner(v->frames, hpa).vm, i + 1);
            ck_assert_uint_eq(frames_owner(v->frames, hpa).use, FRAME_GUEST);
            ck_assert(bus_read(machine_bus(v->machine), hpa, 8, &value));
            ck_assert_uint_eq(value, page + 1);
        }
        same_hart(virtual_hart(v, 0), virtual_hart(v, i));
    }
    vmm_free(v);
}
END_TEST

/* An entry that shows another guest's frame is found. */
START_TEST(verify_finds_a_foreign_frame)
{
    struct vmm_result r;
    struct vmm *v = make("nested", 2, false, counter, sizeof counter, 100);
    struct err e = {.text = ""};
    vmm_run(v, 400, &r);
    struct gstage *g = (struct gstage *)v->vm[0]->state; /* it stands first */
    uint64_t foreign, own;
    ck_assert(vm_frame(v->vm[1], 0x80300000, &foreign) && vm_frame(v->vm[0], 0x80300000, &own));
    ck_assert_uint_eq(pte_address(gstage_leaf(g, 0x80300000)), own);
    ck_assert_int_gt(gstage_verify(g, &e), 0);
    ck_assert(gstage_set(g, 0x80300000, foreign, PTE_R));
    ck_assert_int_eq(gstage_verify(g, &e), -1);
    ck_assert_ptr_nonnull(strstr(e.text, "80300000"));
    /* And --check-shadow ends the run before the guest goes on. */
    vmm_run(v, 400, &r);
    ck_assert_int_eq(r.end, MACHINE_ERROR);
    uint64_t compared;
    ck_assert_ptr_nonnull(strstr(vm_check_report(v->vm[0], &compared), "--check-shadow"));
    vmm_free(v);
}
END_TEST

/* The check is silent while all is well, and finds a register that changed behind the guest's back, at the next exit. */
START_TEST(check_finds_a_difference)
{
    struct vmm_result r;
    uint64_t compared;
    struct vmm *v = make(native_techniques[_i], 1, true, spinner, sizeof spinner, 0);
    vmm_run(v, 4001, &r);
    ck_assert_int_eq(r.end, MACHINE_BUDGET);
    ck_assert_ptr_null(vm_check_report(v->vm[0], &compared));
    ck_assert_uint_ge(compared, 1000);
    virtual_hart(v, 0)->x[9] = 5;
    vmm_run(v, 4000, &r);
    ck_assert_int_eq(r.end, MACHINE_ERROR);
    const char *report = vm_check_report(v->vm[0], &compared);
    ck_assert_ptr_nonnull(report);
    ck_assert_ptr_nonnull(strstr(report, "s1 "));
    ck_assert_ptr_nonnull(strstr(report, "0x5, expected 0x0"));
    ck_assert_ptr_null(strstr(report, "a0 "));
    ck_assert_uint_lt(vmm_insns(v), 4010);
    vmm_free(v);
}
END_TEST

/* Memory is compared in the end. */
START_TEST(check_compares_memory)
{
    struct vmm_result r;
    uint64_t compared;
    struct vmm *v = make("nested", 1, true, spinner, sizeof spinner, 0);
    vmm_run(v, 100, &r);
    ck_assert(!v->failed_check);
    ck_assert(bus_write(machine_bus(v->vm[0]->machine), 0x80400010, 8, 3));
    vmm_run(v, 100, &r);
    ck_assert_int_eq(r.end, MACHINE_ERROR);
    ck_assert_ptr_nonnull(strstr(vm_check_report(v->vm[0], &compared), "memory at 0x8040_0010: 0x3, expected 0x0"));
    vmm_free(v);
}
END_TEST

/* A page that somebody watches for writes is not written without the virtual hart; taking the watch away lets it be again. */
static unsigned heard;
static void watcher(void *ctx, uint64_t pa, uint64_t len, bool write)
{
    (void)ctx, (void)len;
    ck_assert_uint_eq(pa, 0x80310000);
    heard += write;
}

START_TEST(watched_pages)
{
    struct vmm_result r;
    struct vmm *v = make(native_techniques[_i], 1, false, counter, sizeof counter, 0);
    heard = 0;
    machine_set_watcher(v->vm[0]->machine, watcher, NULL);
    ck_assert(machine_watch(v->vm[0]->machine, 0x80310000, 8, MACHINE_WRITE, true));
    vmm_run(v, 1000, &r);
    ck_assert_uint_eq(heard, 1);
    ck_assert_uint_ge(v->vm[0]->stats.exits[VM_EXIT_PROTECTED], 1);
    vmm_free(v);
}
END_TEST

/* Breakpoints of the guest's stop it on the real hart, and it goes on from them. */
START_TEST(breakpoints)
{
    struct vmm_result r;
    const uint64_t at = 0x80200004;
    struct vmm *v = make(native_techniques[_i], 1, false, spinner, sizeof spinner, 0);
    ck_assert(machine_set_breakpoints(v->vm[0]->machine, &at, 1));
    for (unsigned i = 1; i < 5; i++) {
        vmm_run(v, 1000, &r);
        ck_assert_int_eq(r.end, MACHINE_BREAK);
        ck_assert_uint_eq(r.vm, 1);
        ck_assert_uint_eq(virtual_hart(v, 0)->pc, at);
        ck_assert_uint_eq(virtual_hart(v, 0)->x[5], i);
        ck_assert_uint_eq(vmm_insns(v), 4 * i - 3);
    }
    ck_assert(machine_set_breakpoints(v->vm[0]->machine, NULL, 0));
    vmm_run(v, 1000, &r);
    ck_assert_int_eq(r.end, MACHINE_BUDGET);
    vmm_free(v);
}
END_TEST

/* A pause that an event asks for stops the guest at that step. */
struct pauser {
    struct event_sink sink;
    struct vmm *v;
};
static void pause_now(struct event_sink *s, const struct event *e)
{
    struct pauser *p = (struct pauser *)s;
    if (e->kind == EV_VM_EXIT)
        machine_pause(p->v->vm[e->vm - 1]->machine);
}

START_TEST(pauses_at_a_step)
{
    struct vmm_result r;
    struct vmm *v = make(native_techniques[_i], 1, false, spinner, sizeof spinner, 0);
    vmm_run(v, 401, &r);
    struct pauser p = {{.emit = pause_now, .kinds = BIT(EV_VM_EXIT)}, v};
    event_hub_add(machine_events(v->machine), &p.sink);
    for (unsigned i = 0; i < 3; i++) {
        uint64_t before = vmm_insns(v);
        vmm_run(v, 1000, &r);
        ck_assert_int_eq(r.end, MACHINE_PAUSE);
        ck_assert_uint_le(vmm_insns(v) - before, 4);
    }
    event_hub_remove(machine_events(v->machine), &p.sink);
    vmm_run(v, 1000, &r);
    ck_assert_int_eq(r.end, MACHINE_BUDGET);
    vmm_free(v);
}
END_TEST

/* A wish to stop that comes when the guest's run is over already ends one run, and not the next one too. */
START_TEST(stops_once)
{
    struct vmm_result r;
    struct vmm *v = make(native_techniques[_i], 2, false, spinner, sizeof spinner, 100);
    v->running = v->vm[0];
    vmm_stop(v);
    v->running = NULL;
    vmm_run(v, 1000, &r);
    ck_assert_int_eq(r.end, MACHINE_STOP);
    for (unsigned i = 0; i < 2; i++) {
        vmm_run(v, 1000, &r);
        ck_assert_int_eq(r.end, MACHINE_BUDGET);
    }
    vmm_free(v);
}
END_TEST

Suite *vmm_suite(void)
{
    Suite *s = suite_create("vmm");
    TCase *t = tcase_create("vmm");
    tcase_set_timeout(t, 60);
    tcase_add_test(t, frames_are_scattered);
    tcase_add_test(t, frames_come_zeroed);
    tcase_add_test(t, frames_are_shared);
    tcase_add_test(t, splits_words);
    tcase_add_loop_test(t, runs_in_pieces, 0, ARRAY_LEN(native_techniques));
    tcase_add_loop_test(t, guests_keep_apart, 0, ARRAY_LEN(native_techniques));
    tcase_add_test(t, verify_finds_a_foreign_frame);
    tcase_add_loop_test(t, check_finds_a_difference, 0, ARRAY_LEN(native_techniques));
    tcase_add_test(t, check_compares_memory);
    tcase_add_loop_test(t, watched_pages, 0, ARRAY_LEN(native_techniques));
    tcase_add_loop_test(t, breakpoints, 0, ARRAY_LEN(native_techniques));
    tcase_add_loop_test(t, pauses_at_a_step, 0, ARRAY_LEN(native_techniques));
    tcase_add_loop_test(t, stops_once, 0, ARRAY_LEN(native_techniques));
    suite_add_tcase(s, t);
    return s;
}
