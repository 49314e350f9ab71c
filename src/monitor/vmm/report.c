/* SPDX-License-Identifier: MIT */
#include "monitor/vmm/report.h"

#include "base/text.h"
#include "cpu/trap.h"
#include "machine_int.h"
#include "monitor/debug/disasm.h"
#include "monitor/names.h"
#include "monitor/trace/render.h"
#include "symbols.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    EVENTS_SHOWN = 12,
    WRITES = 4096 /* that the log keeps */
};

void report_add(char *buf, size_t size, const char *fmt, ...)
{
    size_t n = strlen(buf);
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(buf + n, size - n, fmt, ap);
    va_end(ap);
}

/* ---- Instructions and events ---- */

uint32_t report_fetch(const struct vm *vm, uint64_t pc)
{
    struct mmu_ctx ctx = hart_fetch_ctx(machine_hart(vm->machine, 0));
    struct bus *bus = machine_bus(vm->machine);
    struct mmu_map m;
    struct mmu_fault f;
    uint16_t low, high = 0;
    if (!mmu_translate(&ctx, pc, 2, MMU_X, true, &m, &f, NULL) || !bus_dma_read(bus, m.pa, &low, 2))
        return 0;
    if ((low & 3) == 3 &&
        (!mmu_translate(&ctx, pc + 2, 2, MMU_X, true, &m, &f, NULL) || !bus_dma_read(bus, m.pa, &high, 2)))
        return 0;
    return low | (uint32_t)high << 16;
}

void report_insn(const struct vm *vm, char *buf, size_t size, uint64_t pc, uint32_t raw)
{
    char text[128] = "?";
    uint64_t offset = 0;
    const char *name = symbols_at(machine_symbols(vm->machine), pc, &offset);
    struct disasm *d = disasm_new(DISASM_BEST);
    if (d && raw)
        disasm(d, pc, raw, text, sizeof text);
    disasm_free(d);
    for (char *p = strchr(text, ' '); p && p[1] == ' ';) /* columns are of no use here */
        memmove(p, p + 1, strlen(p));
    report_add(buf, size, "%s", text_hex(pc).s);
    if (name)
        report_add(buf, size, " <%s+0x%" PRIx64 ">", name, offset);
    report_add(buf, size, ": %s (0x%0*x)", text, (raw & 3) == 3 ? 8 : 4, raw);
}

/* Is this an exit, or the entry after it, that only stepping makes? */
static bool by_stepping(const struct event *e)
{
    return e->kind == EV_VM_ENTRY || (e->kind == EV_VM_EXIT && e->a[0] == VM_EXIT_BUDGET);
}

static void event(char *buf, size_t size, const struct event *e)
{
    const struct event_row *row = &event_rows[e->kind];
    report_add(buf, size, "    %12" PRIu64 "  %-2s %s  %s", e->insn, name_mode(e->mode), text_hex(e->pc).s, row->name);
    for (unsigned i = 0; i < row->nargs; i++) {
        const char *word = trace_arg_word(e, i);
        if (word && trace_arg_shown(e, i))
            report_add(buf, size, " %s=%s", row->arg[i].name, word);
        else if (trace_arg_shown(e, i))
            report_add(buf, size, " %s=0x%" PRIx64, row->arg[i].name, e->a[i]);
    }
    report_add(buf, size, "\n");
}

void report_events(const struct vm *vm, char *buf, size_t size, bool stepped)
{
    const struct event_hub *hub = machine_events(vm->machine);
    uint64_t first = hub->count, oldest = hub->count - min_u64(hub->count, EVENT_RING);
    unsigned n = 0;
    while (n < EVENTS_SHOWN && first > oldest) {
        first--;
        n += !stepped || !by_stepping(&hub->ring[first % EVENT_RING]);
    }
    report_add(buf, size, n ? "  the events before it:\n" : "  no events before it\n");
    for (uint64_t i = first; i < hub->count; i++)
        if (!stepped || !by_stepping(&hub->ring[i % EVENT_RING]))
            event(buf, size, &hub->ring[i % EVENT_RING]);
}

/* ---- Who wrote ---- */

struct write_log {
    uint64_t count;
    struct write {
        uint64_t gpa, len, insn, pc;
        uint32_t raw;       /* the instruction; 0: none */
        const char *device; /* whose register it had just written; NULL: none */
        bool by_walk;
    } last[WRITES];
};

struct write_log *write_log_new(void)
{
    return calloc(1, sizeof(struct write_log));
}

void write_log_free(struct write_log *l)
{
    free(l);
}

/* The device that the instruction has just told something, and that writes to memory on its own now. */
static const char *device_told(const struct vm *vm, const struct hart *vh)
{
    const struct event_hub *hub = machine_events(vm->machine);
    const struct event *e = hub->count ? &hub->ring[(hub->count - 1) % EVENT_RING] : NULL;
    return e && e->kind == EV_MMIO && e->insn == hart_instret(vh) ? e->text : NULL;
}

void write_log_note(struct vm *vm, uint64_t gpa, uint64_t len, bool by_walk)
{
    struct write_log *l = vm->writes;
    const struct hart *vh = machine_hart(vm->machine, 0);
    if (!l)
        return;
    bool runs = vm->machine->running != NULL;
    l->last[l->count++ % WRITES] = (struct write){.gpa = gpa,
                                                  .len = len,
                                                  .insn = hart_instret(vh),
                                                  .pc = vh->pc,
                                                  .raw = runs ? report_fetch(vm, vh->pc) : 0,
                                                  .device = device_told(vm, vh),
                                                  .by_walk = by_walk};
}

void report_writer(const struct vm *vm, char *buf, size_t size, uint64_t gpa, uint64_t since)
{
    const struct write_log *l = vm->writes;
    if (!l)
        return;
    uint64_t n = min_u64(l->count, WRITES);
    for (uint64_t i = 0; i < n; i++) {
        const struct write *w = &l->last[(l->count - 1 - i) % WRITES];
        if (gpa + 8 <= w->gpa || w->gpa + w->len <= gpa)
            continue;
        report_add(buf, size, "; it was last written after %" PRIu64 " instructions, by ", w->insn);
        if (w->by_walk)
            report_add(buf, size, "a walk that set A or D, for ");
        else if (w->device || !w->raw)
            report_add(buf, size, "a device (%s) by itself%s", w->device ? w->device : "DMA",
                       w->raw ? ", told so by " : "");
        if (w->raw)
            report_insn(vm, buf, size, w->pc, w->raw);
        return;
    }
    report_add(buf, size,
               "; it was not written since it was found to be in a page table, after %" PRIu64 " instructions%s", since,
               l->count > WRITES ? ", or too long ago" : "");
}
