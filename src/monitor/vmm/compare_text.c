/* SPDX-License-Identifier: MIT */
/* The comparison as tables of text. */
#include "monitor/vmm/compare_int.h"

#include <inttypes.h>
#include <string.h>

enum { NAME_WIDTH = 30, COLUMN_WIDTH = 15 };

const char *compare_run_name(const struct compare_run *r)
{
    return r->technique ? r->technique->name : "native";
}

uint64_t compare_exits(const struct compare_run *r)
{
    uint64_t n = 0;
    for (unsigned i = 0; i < VM_EXIT_REASONS; i++)
        n += r->exits[i];
    return n;
}

uint64_t compare_steps(const struct compare_run *r)
{
    uint64_t n = 0;
    for (unsigned k = 0; k < EV_KINDS; k++)
        n += r->steps[k];
    return n;
}

void compare_describe(const struct compare_run *r, char *buf, size_t size)
{
    unsigned long long n = r->insns;
    switch (r->end) {
    case COMPARE_NOT_RUN: snprintf(buf, size, "not run"); break;
    case COMPARE_ENDED: snprintf(buf, size, "ended with status %d after %llu instructions", r->status, n); break;
    case COMPARE_RESET: snprintf(buf, size, "asked for a reset after %llu instructions", n); break;
    case COMPARE_STUCK: snprintf(buf, size, "can never move again, after %llu instructions", n); break;
    case COMPARE_WAITS: snprintf(buf, size, "waits for input, after %llu instructions", n); break;
    case COMPARE_LIMIT: snprintf(buf, size, "stopped after %llu instructions (--max-insns)", n); break;
    case COMPARE_CHECK: snprintf(buf, size, "stopped by a check after %llu instructions", n); break;
    case COMPARE_FAILED: snprintf(buf, size, "failed after %llu instructions", n); break;
    }
}

/* 12_345_678: groups of three. */
static const char *grouped(uint64_t v, char buf[32])
{
    char digits[24];
    int n = snprintf(digits, sizeof digits, "%" PRIu64, v);
    char *to = buf;
    for (int i = 0; i < n; i++) {
        *to++ = digits[i];
        if ((n - 1 - i) % 3 == 0 && i + 1 < n)
            *to++ = '_';
    }
    *to = 0;
    return buf;
}

/* ---- Rows ---- */

typedef uint64_t value(const struct compare_run *r, unsigned arg);

/* A row; nothing where it is 0 everywhere, unless `always`. */
static void row(const struct compare *c, const struct compare_guest *g, FILE *f, const char *name, value *of,
                unsigned arg, bool always)
{
    char buf[32];
    bool any = always;
    for (unsigned i = 0; i < c->nruns; i++)
        any |= g->run[i].end != COMPARE_NOT_RUN && of(&g->run[i], arg);
    if (!any)
        return;
    fprintf(f, "  %-*s", NAME_WIDTH, name);
    for (unsigned i = 0; i < c->nruns; i++)
        fprintf(f, " %*s", COLUMN_WIDTH, g->run[i].end == COMPARE_NOT_RUN ? "-" : grouped(of(&g->run[i], arg), buf));
    fprintf(f, "\n");
}

#define FIELD(fn, expr)                                                                                                \
    static uint64_t fn(const struct compare_run *r, unsigned arg)                                                      \
    {                                                                                                                  \
        (void)arg;                                                                                                     \
        return expr;                                                                                                   \
    }
FIELD(of_insns, r->insns)
FIELD(of_real, r->real_insns)
FIELD(of_interpreted, r->interpreted)
FIELD(of_emulated, r->emulated)
FIELD(of_entries, r->entries)
FIELD(of_fills, r->fills)
FIELD(of_exits, compare_exits(r))
FIELD(of_exit, r->exits[arg])
FIELD(of_steps, compare_steps(r))
FIELD(of_step, r->steps[arg])
FIELD(of_walks, r->walks[arg])
FIELD(of_reads, r->reads)
FIELD(of_software_reads, r->software_reads)
FIELD(of_tlb_fills, r->tlb_fills)
FIELD(of_tlb_flushes, r->tlb_flushes)
FIELD(of_traps, r->traps)
FIELD(of_mmio, r->mmio)
FIELD(of_firmware, r->firmware)
FIELD(of_part, (uint64_t)(r->part[arg] + 0.5))
FIELD(of_cycles, (uint64_t)(r->cycles + 0.5))
#undef FIELD

static void counts(const struct compare *c, const struct compare_guest *g, FILE *f)
{
    char name[64];
    row(c, g, f, "guest instructions", of_insns, 0, true);
    row(c, g, f, "  on the real hart", of_real, 0, false);
    row(c, g, f, "  interpreted", of_interpreted, 0, false);
    row(c, g, f, "  emulated one by one", of_emulated, 0, false);
    row(c, g, f, "entries into the guest", of_entries, 0, false);
    row(c, g, f, "exits", of_exits, 0, true);
    for (unsigned i = 0; i < VM_EXIT_REASONS; i++) {
        snprintf(name, sizeof name, "  %s", vm_exit_name((enum vm_exit_reason)i));
        row(c, g, f, name, of_exit, i, false);
    }
    row(c, g, f, "VMM steps", of_steps, 0, true);
    for (unsigned k = 0; k < EV_KINDS; k++) {
        snprintf(name, sizeof name, "  %s", event_rows[k].name);
        row(c, g, f, name, of_step, k, false);
    }
    row(c, g, f, "table entries filled", of_fills, 0, true);
    row(c, g, f, "page walks", of_walks, 0, true);
    row(c, g, f, "  of the second stage", of_walks, 1, false);
    row(c, g, f, "PTEs read by hardware", of_reads, 0, true);
    row(c, g, f, "PTEs read by software", of_software_reads, 0, false);
    row(c, g, f, "TLB fills", of_tlb_fills, 0, true);
    row(c, g, f, "TLB flushes", of_tlb_flushes, 0, false);
    row(c, g, f, "traps the guest takes itself", of_traps, 0, false);
    row(c, g, f, "accesses to devices", of_mmio, 0, false);
    row(c, g, f, "calls of the firmware", of_firmware, 0, false);
}

static void times(const struct compare *c, const struct compare_guest *g, FILE *f)
{
    char name[64], ratio[32];
    const struct compare_run *native = &g->run[0];
    row(c, g, f, "cycles, by the model", of_cycles, 0, true);
    for (unsigned p = 0; p < COST_PARTS; p++) {
        snprintf(name, sizeof name, "  %s", cost_part_name((enum cost_part)p));
        row(c, g, f, name, of_part, p, false);
    }
    fprintf(f, "  %-*s", NAME_WIDTH, "ratio to native");
    for (unsigned i = 0; i < c->nruns; i++) {
        const struct compare_run *r = &g->run[i];
        double v = 0;
        bool known = compare_ratio(native, r, &v);
        snprintf(ratio, sizeof ratio, "%.2f", v);
        fprintf(f, " %*s", COLUMN_WIDTH, known ? ratio : "-");
    }
    fprintf(f, "\n");
}

/* ---- Notes ---- */

static void indented(FILE *f, const char *text)
{
    for (const char *p = text; *p;) {
        int n = (int)strcspn(p, "\n");
        fprintf(f, "    %.*s\n", n, p);
        p += n + (p[n] == '\n');
    }
}

static void notes(const struct compare *c, const struct compare_guest *g, FILE *f)
{
    char how[256];
    for (unsigned i = 0; i < c->nruns; i++) {
        const struct compare_run *r = &g->run[i];
        bool same = compare_same(&g->run[0], r);
        compare_describe(r, how, sizeof how);
        if (r->end == COMPARE_NOT_RUN || r->end == COMPARE_FAILED || r->end == COMPARE_CHECK || (i == 0 && r->why))
            fprintf(f, "  %s: %s\n", compare_run_name(r), how);
        if (r->why &&
            (i == 0 || r->end == COMPARE_NOT_RUN || r->end == COMPARE_FAILED || r->end == COMPARE_CHECK || !same))
            indented(f, r->why);
        if (!same)
            fprintf(f, "  %s: not the same as natively: it %s, and wrote %" PRIu64 " bytes%s\n", compare_run_name(r),
                    how, r->written,
                    r->written == g->run[0].written && r->digest != g->run[0].digest ? " (others)" : "");
        if (r->end != COMPARE_NOT_RUN && !strcmp(compare_run_name(r), "para") && !r->steps[EV_VM_HYPERCALL])
            fprintf(f, "  para: the guest makes no hypercalls: it ran as under trap (guests/para is one that does)\n");
        if (r->compared && r->end != COMPARE_CHECK)
            fprintf(f, "  %s: --check: no difference in %" PRIu64 " comparisons\n", compare_run_name(r), r->compared);
        if (r->verified && r->end != COMPARE_CHECK)
            fprintf(f, "  %s: --check-shadow: nothing wrong in the tables, %" PRIu64 " times\n", compare_run_name(r),
                    r->verified);
    }
}

void compare_text(const struct compare *c, FILE *f)
{
    char how[256];
    bool any = false;
    for (unsigned i = 0; i < c->nguests; i++) {
        const struct compare_guest *g = &c->guest[i];
        if (g->run[0].end == COMPARE_NOT_RUN) /* which was told */
            continue;
        compare_describe(&g->run[0], how, sizeof how);
        fprintf(f, "%s%s: %s; it wrote %" PRIu64 " bytes\n\n  %-*s", any ? "\n" : "", g->name, how, g->run[0].written,
                NAME_WIDTH, "");
        for (unsigned k = 0; k < c->nruns; k++)
            fprintf(f, " %*s", COLUMN_WIDTH, compare_run_name(&g->run[k]));
        any = true;
        fprintf(f, "\n");
        counts(c, g, f);
        fprintf(f, "\n");
        times(c, g, f);
        fprintf(f, "\n");
        notes(c, g, f);
    }
    if (any)
        fprintf(f, "  Cycles are a model's (%s), not measured.\n",
                c->costs ? c->costs : "the built-in one: docs/costs.yaml");
}
