/* SPDX-License-Identifier: MIT */
/*
 * The lines of Linux's ftrace, for tools and eyes that know them: the VMM's intercepts and resumptions under the names and with the fields that KVM
 * for RISC-V gives them, everything else under its own.
 *
 *      vitrine-1     [000] .....     0.000121: kvm_exit: SEPC:0x80200054, SCAUSE:0x2, STVAL:0x18029073, HTVAL:0x0, HTINST:0x0
 *   the number behind the name: the VM, 0 for the real machine | [hart] | flags: always dots | seconds of the machine's time
 *
 * HTVAL is the guest physical address shifted right by 2, as the register has it; HTINST is 0, as the specification allows. The end of a turn, which
 * no trap of the guest's led to, stands there as the host's timer interrupt.
 */
#include "monitor/trace/format.h"
#include "monitor/vmm/vmm.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum { LINE = 512 };

static struct trace_state *open_ftrace(const struct trace_source *source, struct trace_file *file, uint64_t kinds)
{
    struct trace_state *t = malloc(sizeof *t);
    if (!t)
        return NULL;
    *t = (struct trace_state){source, file, kinds};
    static const char head[] = "# tracer: nop\n";
    trace_file_write(file, head, sizeof head - 1);
    return t;
}

static int put_arguments(char *buf, size_t size, const struct event *e)
{
    const struct event_row *row = &event_rows[e->kind];
    int n = 0;
    for (unsigned i = 0; i < row->nargs && n >= 0 && (size_t)n < size; i++) {
        bool text = e->text &&
                    (row->arg[i].type == ARG_TEXT || row->arg[i].type == ARG_DEVICE || row->arg[i].type == ARG_VMEXIT);
        if (text)
            n += snprintf(buf + n, size - (size_t)n, " %s=%s", row->arg[i].name, e->text);
        else
            n += snprintf(buf + n, size - (size_t)n, " %s=0x%" PRIx64, row->arg[i].name, e->a[i]);
    }
    return n;
}

static void tell_ftrace(struct trace_state *t, const struct event *e)
{
    char line[LINE];
    uint64_t us = trace_ns(t->source, e->clock) / 1000;
    size_t n = (size_t)snprintf(line, sizeof line, "         vitrine-%-5u [%03u] ..... %5" PRIu64 ".%06" PRIu64 ": ",
                                e->vm, e->hart, us / 1000000, us % 1000000);
    if (e->kind == EV_VM_EXIT) {
        n += (size_t)snprintf(
            line + n, sizeof line - n,
            "kvm_exit: SEPC:0x%" PRIx64 ", SCAUSE:0x%" PRIx64 ", STVAL:0x%" PRIx64 ", HTVAL:0x%" PRIx64 ", HTINST:0x0",
            e->pc, e->a[0] == VM_EXIT_BUDGET ? CAUSE_INTERRUPT | IRQ_STI : e->a[1], e->a[2], e->a[4] >> 2);
    } else if (e->kind == EV_VM_ENTRY) {
        n += (size_t)snprintf(line + n, sizeof line - n, "kvm_entry: PC: 0x%016" PRIx64, e->a[1]);
    } else {
        n += (size_t)snprintf(line + n, sizeof line - n, "%s:", event_rows[e->kind].name);
        n += (size_t)put_arguments(line + n, sizeof line - n, e);
    }
    if (n > sizeof line - 1)
        n = sizeof line - 1;
    line[n++] = '\n';
    trace_file_write(t->file, line, n);
}

static void close_ftrace(struct trace_state *t)
{
    free(t);
}

const struct trace_format trace_format_ftrace = {
    .name = "ftrace",
    .other = "kvm",
    .help = "the lines of Linux's ftrace; intercepts are kvm_exit, resumptions kvm_entry",
    .suffixes = ".ftrace",
    .open = open_ftrace,
    .event = tell_ftrace,
    .close = close_ftrace,
};
