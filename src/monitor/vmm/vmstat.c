/* SPDX-License-Identifier: MIT */
#include "monitor/vmm/vmstat.h"

#include "base/text.h"
#include "monitor/debug/disasm.h"
#include "symbols.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { BUCKETS = 65, FIRST_SIZE = 256 };

/* Exits at one instruction for one reason. */
struct site {
    uint64_t pc, count;
    uint32_t insn; /* 0: not known */
    uint8_t reason;
};

/* What is kept of one VM. */
struct counts {
    struct event_sink sink; /* first: what emit() gets */
    struct vm *vm;
    uint64_t reason[VM_EXIT_REASONS], between[BUCKETS], exits, entries;
    uint64_t since, last; /* instructions retired when counting began, and at the last exit */
    struct site *site;    /* a hash table; count 0: free */
    size_t size, used;
    uint64_t lost; /* sites that there was no memory for */
};

struct vmstat {
    unsigned n;
    struct counts of[];
};

/* ---- Counting ---- */

static struct site *slot_of(struct site *table, size_t size, uint64_t pc, unsigned reason)
{
    size_t i = (size_t)((pc >> 1) * UINT64_C(0x9e3779b97f4a7c15) >> 40) + reason;
    while (table[i & (size - 1)].count && (table[i & (size - 1)].pc != pc || table[i & (size - 1)].reason != reason))
        i++;
    return &table[i & (size - 1)];
}

static bool grow(struct counts *c)
{
    size_t size = c->size ? 2 * c->size : FIRST_SIZE;
    struct site *table = calloc(size, sizeof *table);
    if (!table)
        return false;
    for (size_t i = 0; i < c->size; i++)
        if (c->site[i].count)
            *slot_of(table, size, c->site[i].pc, c->site[i].reason) = c->site[i];
    free(c->site);
    c->site = table;
    c->size = size;
    return true;
}

static void count_site(struct counts *c, uint64_t pc, unsigned reason, uint32_t insn)
{
    if (c->used + 1 > c->size / 2 && !grow(c)) {
        c->lost++;
        return;
    }
    struct site *s = slot_of(c->site, c->size, pc, reason);
    c->used += !s->count;
    *s = (struct site){pc, s->count + 1, insn ? insn : s->insn, (uint8_t)reason};
}

/* 0: none; 1 + n: 2^n and up. */
static unsigned bucket_of(uint64_t v)
{
    unsigned n = 0;
    for (; v; v >>= 1)
        n++;
    return n;
}

static void emit(struct event_sink *sink, const struct event *e)
{
    enum { REASON = 0, INSN = 3 };
    struct counts *c = (struct counts *)sink;
    if (e->kind == EV_VM_ENTRY) {
        c->entries++;
        return;
    }
    unsigned reason = (unsigned)e->a[REASON];
    if (reason >= VM_EXIT_REASONS)
        return;
    c->between[bucket_of(e->insn - c->last)]++;
    c->reason[reason]++;
    c->exits++;
    c->last = e->insn;
    count_site(c, e->pc, reason, (uint32_t)e->a[INSN]);
}

static void begin(struct counts *c, struct vm *vm)
{
    free(c->site);
    *c = (struct counts){.sink = {.emit = emit, .kinds = BIT(EV_VM_EXIT) | BIT(EV_VM_ENTRY)}, .vm = vm};
    c->since = c->last = hart_instret(machine_hart(vm->machine, 0));
}

struct vmstat *vmstat_open(struct vmm *v)
{
    struct vmstat *s = calloc(1, sizeof *s + v->nvms * sizeof s->of[0]);
    if (!s)
        return NULL;
    s->n = v->nvms;
    for (unsigned i = 0; i < s->n; i++) {
        begin(&s->of[i], v->vm[i]);
        event_hub_add(machine_events(v->vm[i]->machine), &s->of[i].sink);
    }
    return s;
}

void vmstat_clear(struct vmstat *s)
{
    for (unsigned i = 0; i < s->n; i++) {
        struct event_sink *next = s->of[i].sink.next;
        begin(&s->of[i], s->of[i].vm);
        s->of[i].sink.next = next;
    }
}

void vmstat_close(struct vmstat *s)
{
    for (unsigned i = 0; s && i < s->n; i++) {
        event_hub_remove(machine_events(s->of[i].vm->machine), &s->of[i].sink);
        free(s->of[i].site);
    }
    free(s);
}

/* ---- Printing ---- */

/* A function's exits. */
struct row {
    const char *name;
    uint64_t count, by[VM_EXIT_REASONS];
};

static int more_sites(const void *a, const void *b)
{
    const struct site *x = a, *y = b;
    return x->count != y->count ? (x->count < y->count) - (x->count > y->count)
           : x->pc != y->pc     ? (x->pc > y->pc) - (x->pc < y->pc)
                                : x->reason - y->reason;
}

static int more_rows(const void *a, const void *b)
{
    const struct row *x = a, *y = b;
    return x->count != y->count ? (x->count < y->count) - (x->count > y->count) : strcmp(x->name, y->name);
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct row *)a)->name, ((const struct row *)b)->name);
}

/* The sites in use, the most frequent first. */
static struct site *sites_of(const struct counts *c, size_t *n)
{
    struct site *list = malloc((c->used + 1) * sizeof *list);
    *n = 0;
    for (size_t i = 0; list && i < c->size; i++)
        if (c->site[i].count && c->site[i].reason < VM_EXIT_REASONS)
            list[(*n)++] = c->site[i];
    if (list)
        qsort(list, *n, sizeof *list, more_sites);
    return list;
}

static double percent(uint64_t part, uint64_t whole)
{
    return whole ? 100.0 * (double)part / (double)whole : 0;
}

static void print_reasons(const struct counts *c, struct out *o)
{
    out_styled(o, OUT_HEAD, "  by reason\n");
    for (unsigned i = 0; i < VM_EXIT_REASONS; i++)
        if (c->reason[i])
            out_printf(o, "    %12" PRIu64 " %5.1f%%  %s\n", c->reason[i], percent(c->reason[i], c->exits),
                       vm_exit_name((enum vm_exit_reason)i));
}

/* The sites' functions, each once, the most frequent first. Returns how many. */
static size_t rows_of(const struct counts *c, const struct site *site, size_t n, struct row *row)
{
    const struct symbols *symbols = machine_symbols(c->vm->machine);
    size_t rows = 0;
    for (size_t i = 0; i < n; i++) {
        uint64_t offset;
        const char *name = symbols_at(symbols, site[i].pc, &offset);
        row[i] = (struct row){.name = name ? name : "(no symbol)", .count = site[i].count};
        row[i].by[site[i].reason] = site[i].count;
    }
    qsort(row, n, sizeof *row, by_name);
    for (size_t i = 0; i < n; i++) {
        if (!rows || strcmp(row[rows - 1].name, row[i].name)) {
            row[rows++] = row[i];
            continue;
        }
        row[rows - 1].count += row[i].count;
        for (unsigned k = 0; k < VM_EXIT_REASONS; k++)
            row[rows - 1].by[k] += row[i].by[k];
    }
    qsort(row, rows, sizeof *row, more_rows);
    return rows;
}

static void print_functions(const struct counts *c, const struct site *site, size_t n, struct out *o, unsigned top)
{
    struct row *row = calloc(n + 1, sizeof *row);
    size_t rows = row ? rows_of(c, site, n, row) : 0;
    out_styled(o, OUT_HEAD, "  by function\n");
    for (size_t i = 0; i < rows && i < top; i++) {
        out_printf(o, "    %12" PRIu64 " %5.1f%%  ", row[i].count, percent(row[i].count, c->exits));
        out_styled(o, OUT_NAME, "%-24s", row[i].name);
        for (unsigned k = 0; k < VM_EXIT_REASONS; k++)
            if (row[i].by[k])
                out_printf(o, " %s %" PRIu64, vm_exit_name((enum vm_exit_reason)k), row[i].by[k]);
        out_puts(o, "\n");
    }
    if (rows > top)
        out_printf(o, "    and %zu more\n", rows - top);
    free(row);
}

static void print_sites(const struct counts *c, const struct site *site, size_t n, struct out *o, unsigned top)
{
    struct disasm *d = disasm_new(DISASM_BEST);
    out_styled(o, OUT_HEAD, "  by instruction\n");
    for (size_t i = 0; i < n && i < top; i++) {
        char text[128] = "", place[128] = "";
        uint64_t offset;
        const char *name = symbols_at(machine_symbols(c->vm->machine), site[i].pc, &offset);
        if (d && site[i].insn)
            disasm(d, site[i].pc, site[i].insn, text, sizeof text);
        if (name)
            snprintf(place, sizeof place, "<%s+0x%" PRIx64 ">", name, offset);
        out_printf(o, "    %12" PRIu64 " %5.1f%%  %-11s ", site[i].count, percent(site[i].count, c->exits),
                   vm_exit_name((enum vm_exit_reason)site[i].reason));
        out_styled(o, OUT_ADDR, "%s", text_hex(site[i].pc).s);
        out_styled(o, OUT_NAME, " %-24s", place);
        out_printf(o, " %s\n", text);
    }
    if (n > top)
        out_printf(o, "    and %zu more\n", n - top);
    disasm_free(d);
}

static void print_between(const struct counts *c, struct out *o)
{
    enum { WIDTH = 40 };
    static const char bar[] = "########################################";
    uint64_t most = 1;
    unsigned last = 0;
    for (unsigned i = 0; i < BUCKETS; i++) {
        most = c->between[i] > most ? c->between[i] : most;
        last = c->between[i] ? i : last;
    }
    out_styled(o, OUT_HEAD, "  instructions between two exits\n");
    for (unsigned i = 0; i <= last; i++) {
        char range[48];
        uint64_t from = i ? UINT64_C(1) << (i - 1) : 0, to = i ? from * 2 - 1 : 0;
        if (from == to)
            snprintf(range, sizeof range, "%" PRIu64, from);
        else
            snprintf(range, sizeof range, "%" PRIu64 "..%" PRIu64, from, to);
        int n = (int)((double)c->between[i] * WIDTH / (double)most + 0.5);
        out_printf(o, "    %12" PRIu64 "  %-22s %.*s\n", c->between[i], range, n, bar);
    }
}

static void print_one(const struct counts *c, struct out *o, unsigned top)
{
    uint64_t insns = hart_instret(machine_hart(c->vm->machine, 0)) - c->since;
    out_styled(o, OUT_HEAD, "vm %u (%s), by %s", c->vm->number, c->vm->name, c->vm->technique->name);
    out_printf(o, ": %" PRIu64 " exits in %" PRIu64 " instructions", c->exits, insns);
    if (c->exits)
        out_printf(o, ", one in %.1f", (double)insns / (double)c->exits);
    out_printf(o, "; %" PRIu64 " entries", c->entries);
    if (c->since)
        out_printf(o, "; counted from instruction %" PRIu64 " on", c->since);
    out_puts(o, "\n");
    if (!c->exits)
        return;
    size_t n;
    struct site *site = sites_of(c, &n);
    print_reasons(c, o);
    if (site) {
        print_functions(c, site, n, o, top);
        print_sites(c, site, n, o, top);
    }
    print_between(c, o);
    if (c->lost)
        out_printf(o, "  %" PRIu64 " exits had no room in memory and are counted by reason only\n", c->lost);
    free(site);
}

void vmstat_print(const struct vmstat *s, struct out *o, unsigned vm, unsigned top)
{
    for (unsigned i = 0; i < s->n; i++)
        if (!vm || s->of[i].vm->number == vm)
            print_one(&s->of[i], o, top);
}
