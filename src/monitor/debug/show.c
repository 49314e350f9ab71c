/* SPDX-License-Identifier: MIT */
/* How places, stops and events look. */
#include "monitor/debug/repl_int.h"

#include "base/text.h"
#include "monitor/names.h"
#include "monitor/trace/render.h"
#include "monitor/vmm/vmm.h"
#include "symbols.h"

#include <inttypes.h>
#include <string.h>

void show_symbol(struct repl *r, uint64_t addr)
{
    uint64_t off;
    const char *name = symbols_at(machine_symbols(debugger_machine(r->d)), addr, &off);
    if (!name)
        return;
    out_puts(r->out, " <");
    out_styled(r->out, OUT_NAME, "%s", name);
    if (off)
        out_printf(r->out, "+%" PRIu64, off);
    out_puts(r->out, ">");
}

void show_address(struct repl *r, uint64_t addr)
{
    out_styled(r->out, OUT_ADDR, "0x%" PRIx64, addr);
    show_symbol(r, addr);
}

unsigned show_instruction(struct repl *r, enum debug_space space, uint64_t addr)
{
    uint16_t half[2] = {0, 0};
    struct hart *h = debugger_hart(r->d);
    char text[160];
    out_puts(r->out, space == SPACE_GVA && addr == h->pc ? "=> " : "   ");
    show_address(r, addr);
    out_puts(r->out, ":\t");
    if (debugger_read(r->d, h, space, addr, &half[0], 2) != 2 ||
        ((half[0] & 3) == 3 && debugger_read(r->d, h, space, addr + 2, &half[1], 2) != 2)) {
        out_styled(r->out, OUT_BAD, "cannot be read");
        out_puts(r->out, "\n");
        return 0;
    }
    unsigned len = disasm(r->disasm, addr, half[0] | (uint32_t)half[1] << 16, text, sizeof text);
    out_printf(r->out, "%s\n", text);
    return len;
}

static const char *mode_of(const struct hart *h)
{
    return name_mode(EVENT_MODE(h->priv, h->virt));
}

/* hart 0 in S mode: 0x80200000 <main+4> */
void show_place(struct repl *r)
{
    struct hart *h = debugger_hart(r->d);
    if (r->config.vmm && debugger_vm(r->d))
        out_printf(r->out, "vm %u, ", debugger_vm(r->d));
    else if (r->config.vmm)
        out_puts(r->out, "the real machine, ");
    out_printf(r->out, "hart %u in %s mode: ", h->id, mode_of(h));
    show_address(r, h->pc);
    show_source_place(r, h->pc);
    out_puts(r->out, "\n");
    r->shown_hart = h->id;
    /* The line says enough where it begins. */
    bool line = show_source_line(r, h->pc);
    if (r->by_insn || !line || !source_begins_line(r, h->pc))
        show_instruction(r, SPACE_GVA, h->pc);
}

/* ---- Events ---- */

static void show_argument(struct repl *r, const struct event *e, unsigned i)
{
    const struct event_row *row = &event_rows[e->kind];
    const char *word = trace_arg_word(e, i);
    uint64_t v = e->a[i];
    char text[160];
    out_puts(r->out, "  ");
    out_styled(r->out, OUT_DIM, "%s ", row->arg[i].name);
    if (word) {
        out_printf(r->out, "%s", word);
        return;
    }
    switch (row->arg[i].type) {
    case ARG_DEC: out_printf(r->out, "%" PRIu64, v); break;
    case ARG_SIGNED: out_printf(r->out, "%" PRId64, (int64_t)v); break;
    case ARG_VA: show_address(r, v); break;
    case ARG_INSN:
        disasm(r->disasm, e->pc, (uint32_t)v, text, sizeof text);
        out_printf(r->out, "%s", text);
        break;
    case ARG_NONE:
    case ARG_HEX:
    case ARG_BOOL:
    case ARG_PA:
    case ARG_REG:
    case ARG_CSR:
    case ARG_CAUSE:
    case ARG_IRQ:
    case ARG_MODE:
    case ARG_ACCESS:
    case ARG_VERDICT:
    case ARG_FLUSH:
    case ARG_DEVICE:
    case ARG_SBI:
    case ARG_VMEXIT:
    case ARG_TEXT: out_printf(r->out, "0x%" PRIx64, v); break;
    }
}

void show_event(struct repl *r, const struct event *e)
{
    const struct event_row *row = &event_rows[e->kind];
    out_styled(r->out, OUT_HEAD, "%-9s", row->name);
    for (unsigned i = 0; i < row->nargs; i++)
        if (trace_arg_shown(e, i))
            show_argument(r, e, i);
    out_puts(r->out, "\n");
}

/* ---- Stops ---- */

static void show_watch(struct repl *r, const struct debug_stop *s)
{
    const struct stop *w = debugger_find(r->d, s->number);
    const char *what = s->access == DEBUG_READ ? "Read watchpoint" : "Watchpoint";
    if (w && w->spec.access == (DEBUG_READ | DEBUG_WRITE))
        what = "Access watchpoint";
    out_styled(r->out, OUT_HEAD, "%s %d", what, s->number);
    out_printf(r->out, ": %s", w && w->spec.text ? w->spec.text : text_hex(s->addr).s);
    out_puts(r->out, s->by_device ? ", by a device\n\n" : "\n\n");
    if (s->access == DEBUG_READ)
        out_printf(r->out, "Value = 0x%" PRIx64 " (%" PRId64 ")\n", s->new, (int64_t)s->new);
    else
        out_printf(r->out, "Old value = 0x%" PRIx64 " (%" PRId64 ")\nNew value = 0x%" PRIx64 " (%" PRId64 ")\n", s->old,
                   (int64_t)s->old, s->new, (int64_t)s->new);
    if (!s->by_device) {
        out_puts(r->out, "by ");
        show_instruction(r, SPACE_GVA, s->pc);
    }
}

static void show_end(struct repl *r, const struct machine_result *m)
{
    switch (m->end) {
    case MACHINE_GUEST:
        out_styled(r->out, m->status ? OUT_BAD : OUT_GOOD, "%s with status %d%s",
                   r->config.vmm && r->config.vmm->nvms > 1 ? "All virtual machines have ended," : "The guest ended",
                   m->status, m->status ? "" : " (pass)");
        break;
    case MACHINE_STUCK: out_styled(r->out, OUT_BAD, "%c%s", m->why[0] == 't' ? 'T' : m->why[0], m->why + 1); break;
    case MACHINE_RESET: out_printf(r->out, "The guest asked for a reset (-no-reboot)."); break;
    case MACHINE_TRAP:
    case MACHINE_ERROR: out_styled(r->out, OUT_BAD, "The machine failed: %s", m->why); break;
    case MACHINE_BUDGET:
    case MACHINE_STOP:
    case MACHINE_PAUSE:
    case MACHINE_BREAK:
    case MACHINE_MONITOR: break;
    }
    if (r->config.vmm) {
        out_puts(r->out, m->end == MACHINE_GUEST && !r->config.leave_at_end ? ". It can be looked at.\n" : ".\n");
        return;
    }
    out_puts(r->out, m->end == MACHINE_GUEST ? ". It can be looked at; run or reset start it again.\n" : "\n");
}

static void show_catch(struct repl *r, const struct debug_stop *s)
{
    const struct stop *c = debugger_find(r->d, s->number);
    out_styled(r->out, OUT_HEAD, "Catchpoint %d", s->number);
    out_printf(r->out, " (%s): ", c && c->spec.text ? c->spec.text : "event");
    show_event(r, &s->event);
    out_puts(r->out, "at ");
    show_address(r, s->event.pc);
    out_printf(r->out, " in %s mode; now ", name_mode(s->event.mode));
}

static bool is_temporary(struct repl *r, int number)
{
    const struct stop *s = debugger_find(r->d, number);
    return s && s->spec.temporary;
}

void show_stop(struct repl *r, const struct debug_stop *s)
{
    const char *why = debugger_condition_error(r->d);
    if (s->reason != DEBUG_ENDED && debugger_hart(r->d)->id != r->shown_hart)
        out_printf(r->out, "[Switching to hart %u]\n", debugger_hart(r->d)->id);
    if (*why)
        out_printf(r->out, "The condition cannot be evaluated: %s\n", why);
    switch (s->reason) {
    case DEBUG_STEPPED: break;
    case DEBUG_BREAK:
        if (s->left) {
            const struct stop *w = debugger_find(r->d, s->number);
            out_styled(r->out, OUT_HEAD, "Watchpoint %d", s->number);
            out_printf(r->out, " (%s) is gone: the function has returned in whose frame it was.\n",
                       w && w->spec.text ? w->spec.text : "");
            break;
        }
        out_styled(r->out, OUT_HEAD, "%s %d", is_temporary(r, s->number) ? "Temporary breakpoint" : "Breakpoint",
                   s->number);
        out_puts(r->out, ", ");
        break;
    case DEBUG_WATCH: show_watch(r, s); break;
    case DEBUG_CATCH: show_catch(r, s); break;
    case DEBUG_EVENT:
        if (s->told)
            break;
        show_event(r, &s->event);
        if (debugger_is_nested(r->d))
            out_puts(r->out, "in ");
        break;
    case DEBUG_INTERRUPT: out_puts(r->out, "Interrupted, "); break;
    case DEBUG_MONITOR: break;
    case DEBUG_QUIT: break;
    case DEBUG_ENDED: show_end(r, &s->result); return;
    }
    show_place(r);
}
