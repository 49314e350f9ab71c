/* SPDX-License-Identifier: MIT */
/* What the VMM's reports say: who wrote a page table, what instruction it was; and where exits come from. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "mmu/pte.h"
#include "monitor/vmm/report.h"
#include "monitor/vmm/vmstat.h"

Suite *report_suite(void);

#define MIB   (UINT64_C(1) << 20)
#define TABLE UINT64_C(0x80210000)
#define ENTRY (TABLE + 16)

/* Makes a page table at TABLE of one entry, a gigabyte page of RAM onto itself, turns it on, and for ever writes to 0x8030_0000, rewrites the
 * entry and counts. */
static const uint32_t rewriter[] = {
    0x802102b7, /* lui t0, 0x80210 */
    0x02029293, /* slli t0, t0, 32 */
    0x0202d293, /* srli t0, t0, 32 */
    0x20000337, /* lui t1, 0x20000 */
    0x0cf3031b, /* addiw t1, t1, 0xcf: V R W X A D */
    0x0062b823, /* sd t1, 16(t0) */
    0x00800393, /* li t2, 8: Sv39 */
    0x03c39393, /* slli t2, t2, 60 */
    0x00080e37, /* lui t3, 0x80 */
    0x210e0e1b, /* addiw t3, t3, 0x210 */
    0x01c3e3b3, /* or t2, t2, t3 */
    0x18039073, /* csrw satp, t2 */
    0x12000073, /* sfence.vma */
    0x80300eb7, /* lui t4, 0x80300 */
    0x020e9e93, /* slli t4, t4, 32 */
    0x020ede93, /* srli t4, t4, 32 */
    0x000eb023, /* loop: sd zero, 0(t4) */
    0x0102bf03, /* ld t5, 16(t0) */
    0x01e2b823, /* sd t5, 16(t0) */
    0x001f8f93, /* addi t6, t6, 1 */
    0xff1ff06f, /* j loop */
};
enum { ROUND = 5, BEFORE = 16 }; /* instructions */

static char kernel_path[] = "/tmp/vitrine-test-report-XXXXXX";

static struct vmm *make(const char *technique, bool check_shadow)
{
    struct vm_config vm = {.name = NULL};
    struct vmm_config c = {.technique = technique_find(technique), .vms = &vm, .nvms = 1, .check_shadow = check_shadow};
    struct err e = {.text = ""};
    strcpy(kernel_path + sizeof kernel_path - 7, "XXXXXX");
    int fd = mkstemp(kernel_path);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(write(fd, rewriter, sizeof rewriter), (ssize_t)sizeof rewriter);
    close(fd);
    machine_options_default(&c.real);
    machine_options_default(&vm.machine);
    c.real.ram_size = 0;
    c.real.quiet = vm.machine.quiet = true;
    vm.machine.ram_size = 8 * MIB;
    vm.machine.isa.h = false;
    vm.machine.kernel = kernel_path;
    struct vmm *v = vmm_new(&c, &e);
    ck_assert_msg(v != NULL, "%s", e.text);
    unlink(kernel_path);
    v->config.vms = NULL;
    return v;
}

/* Changes 8 bytes of a guest's memory behind everybody's back. */
static void scribble(struct vm *vm, uint64_t gpa, uint64_t v)
{
    struct mem_region *r = bus_memory_at(machine_bus(vm->machine), gpa);
    memcpy(mem_host(r, gpa - r->base), &v, sizeof v);
}

/* A shadow entry that no longer follows from the guest's is found before the guest goes on, with who wrote the guest's last. */
START_TEST(tells_who_wrote)
{
    struct vmm_result r;
    struct vmm *v = make("trap", true);
    struct vm *vm = v->vm[0];
    uint64_t n;
    vmm_run(v, BEFORE + 10 * ROUND, &r);
    ck_assert_int_eq(r.end, MACHINE_BUDGET);
    ck_assert_ptr_null(vm_check_report(vm, &n));
    ck_assert_uint_gt(vm->verified, 20);
    vmm_run(v, 2, &r); /* the page is mapped again: sd zero, ld t5 */
    ck_assert_ptr_null(vm_check_report(vm, &n));
    scribble(vm, ENTRY, 0x200000cb); /* no W */
    vmm_run(v, 20, &r);
    const char *report = vm_check_report(vm, &n);
    ck_assert_ptr_nonnull(report);
    ck_assert_int_eq(r.end, MACHINE_ERROR);
    ck_assert_msg(strstr(report, "gives more than the guest's"), "%s", report);
    char expected[160];
    snprintf(expected, sizeof expected,
             "it was last written after %d instructions, by 0x8020_0048: sd t5, 0x10(t0) (0x01e2b823)",
             BEFORE + 9 * ROUND + 2);
    ck_assert_msg(strstr(report, expected), "%s: no %s", report, expected);
    ck_assert_ptr_nonnull(strstr(report, "the events before it:\n"));
    ck_assert_ptr_nonnull(strstr(report, "vm_exit reason=protected"));
    vmm_free(v);
}
END_TEST

/* Before the page was known to be a table nobody looked. */
START_TEST(tells_that_nobody_wrote)
{
    struct vmm_result r;
    struct vmm *v = make("trap", true);
    struct vm *vm = v->vm[0];
    char text[1024] = "";
    vmm_run(v, BEFORE + 2, &r);
    report_writer(vm, text, sizeof text, ENTRY, 12);
    ck_assert_str_eq(text, "; it was not written since it was found to be in a page table, after 12 instructions");
    text[0] = 0;
    vmm_run(v, ROUND, &r);
    report_writer(vm, text, sizeof text, ENTRY + 8, 12); /* the next one */
    ck_assert_ptr_nonnull(strstr(text, "was not written"));
    text[0] = 0;
    report_writer(vm, text, sizeof text, ENTRY, 12);
    ck_assert_ptr_nonnull(strstr(text, "by 0x8020_0048"));
    vmm_free(v);
    /* Without the check there is no log, and nothing is said. */
    v = make("trap", false);
    vmm_run(v, BEFORE + 2 * ROUND, &r);
    text[0] = 0;
    report_writer(v->vm[0], text, sizeof text, ENTRY, 12);
    ck_assert_str_eq(text, "");
    ck_assert_uint_eq(v->vm[0]->verified, 0);
    vmm_free(v);
}
END_TEST

START_TEST(tells_of_instructions)
{
    struct vmm_result r;
    struct vmm *v = make("trap", false);
    char text[256] = "x ", small[24] = "";
    vmm_run(v, BEFORE, &r);
    ck_assert_uint_eq(report_fetch(v->vm[0], 0x80200048), 0x01e2b823);
    ck_assert_uint_eq(report_fetch(v->vm[0], 0x10), 0); /* not mapped */
    report_insn(v->vm[0], text, sizeof text, 0x80200048, 0x01e2b823);
    ck_assert_str_eq(text, "x 0x8020_0048: sd t5, 0x10(t0) (0x01e2b823)");
    report_insn(v->vm[0], small, sizeof small, 0x80200048, 0x01e2b823);
    ck_assert_str_eq(small, "0x8020_0048: sd t5, 0x1");
    vmm_free(v);
}
END_TEST

/* ---- vmstat ---- */

START_TEST(counts_exits)
{
    struct vmm_result r;
    struct out_text o;
    struct vmm *v = make("trap", false);
    struct vmstat *s = vmstat_open(v);
    char line[80];
    ck_assert_ptr_nonnull(s);
    vmm_run(v, BEFORE + 100 * ROUND, &r);
    const struct vm_stats *stats = &v->vm[0]->stats;
    uint64_t exits = 0;
    out_text_init(&o);
    vmstat_print(s, &o.out, 0, 3);
    for (unsigned i = 0; i < VM_EXIT_REASONS; i++) {
        exits += stats->exits[i];
        if (!stats->exits[i])
            continue;
        snprintf(line, sizeof line, " %llu", (unsigned long long)stats->exits[i]);
        ck_assert_msg(strstr(o.text, line) && strstr(o.text, vm_exit_name((enum vm_exit_reason)i)), "%s: %s", line,
                      o.text);
    }
    snprintf(line, sizeof line, ": %llu exits in %d instructions", (unsigned long long)exits, BEFORE + 100 * ROUND);
    ck_assert_msg(strstr(o.text, line), "%s: %s", line, o.text);
    ck_assert_uint_ge(stats->exits[VM_EXIT_PROTECTED], 30); /* a table that is written so often is let go in the end */
    ck_assert_msg(strstr(o.text, "protected   0x8020_0048"), "%s", o.text);
    ck_assert_ptr_nonnull(strstr(o.text, "sd     t5, 0x10(t0)"));
    out_text_free(&o);
    vmstat_clear(s);
    out_text_init(&o);
    vmstat_print(s, &o.out, 1, 3);
    ck_assert_msg(strstr(o.text, ": 0 exits in 0 instructions"), "%s", o.text);
    out_text_free(&o);
    vmm_run(v, ROUND, &r); /* still counting */
    out_text_init(&o);
    vmstat_print(s, &o.out, 2, 3); /* there is no such VM */
    ck_assert_ptr_null(o.text);
    vmstat_print(s, &o.out, 1, 3);
    ck_assert_msg(strstr(o.text, "exits in 5 instructions"), "%s", o.text);
    out_text_free(&o);
    vmstat_close(s);
    vmm_run(v, ROUND, &r); /* and no more */
    vmm_free(v);
}
END_TEST

Suite *report_suite(void)
{
    Suite *s = suite_create("report");
    TCase *t = tcase_create("report");
    tcase_add_test(t, tells_who_wrote);
    tcase_add_test(t, tells_that_nobody_wrote);
    tcase_add_test(t, tells_of_instructions);
    tcase_add_test(t, counts_exits);
    suite_add_tcase(s, t);
    return s;
}
