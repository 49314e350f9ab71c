/* SPDX-License-Identifier: MIT */
/* What `info` tells of harts, devices, symbols and events. */
#include "monitor/debug/repl_int.h"

#include "cpu/csr.h"
#include "cpu/trap.h"
#include "machine_int.h"
#include "monitor/debug/csr_view.h"
#include "monitor/debug/pagetable.h"
#include "monitor/names.h"
#include "monitor/recorder.h"
#include "symbols.h"

#include <errno.h>
#include <fnmatch.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* ---- Registers ---- */

static void show_x(struct repl *r, unsigned n)
{
    uint64_t v = 0;
    if (!debugger_reg_read(r->d, debugger_hart(r->d), n, &v))
        return;
    out_styled(r->out, OUT_NAME, "%-15s", debugger_reg_name(n));
    out_printf(r->out, "0x%-18" PRIx64, v);
    if (n == DEBUG_REG_PC || n == 1 || n == 2 || n == 3 || n == 4 || n == 8) {
        out_printf(r->out, "0x%" PRIx64, v);
        show_symbol(r, v);
    } else {
        out_printf(r->out, "%" PRId64, (int64_t)v);
        show_symbol(r, v);
    }
    out_puts(r->out, "\n");
}

static void show_f(struct repl *r, unsigned n)
{
    uint64_t v = 0;
    if (!debugger_reg_read(r->d, debugger_hart(r->d), n, &v))
        return;
    double as_double;
    float as_float;
    uint32_t low = (uint32_t)v;
    memcpy(&as_double, &v, 8);
    memcpy(&as_float, &low, 4);
    out_styled(r->out, OUT_NAME, "%-15s", debugger_reg_name(n));
    if (v >> 32 == UINT32_MAX) /* NaN-boxed */
        out_printf(r->out, "0x%-18" PRIx64 "%.9g (float)\n", v, (double)as_float);
    else
        out_printf(r->out, "0x%-18" PRIx64 "%.17g\n", v, as_double);
}

static int show_csr(struct repl *r, unsigned csr)
{
    uint64_t v;
    char text[160];
    if (!csr_peek(debugger_hart(r->d), csr, &v))
        return 1;
    out_styled(r->out, OUT_NAME, "%-15s", csr_name(csr));
    out_printf(r->out, "0x%-18" PRIx64 "%s\n", v,
               csr_view_short(text, sizeof text, csr, v, machine_symbols(debugger_machine(r->d))));
    return 0;
}

static int show_register(struct repl *r, const char *name, struct err *e)
{
    int n = debugger_reg_number(name[0] == '$' ? name + 1 : name);
    if (n < 0)
        return err_set(e, -EINVAL, "no register '%s'", name);
    if (n == DEBUG_REG_PRIV)
        return cmd_info_mode(r, "", e);
    if (n >= DEBUG_REG_CSR)
        return show_csr(r, (unsigned)n - DEBUG_REG_CSR) ? err_set(e, -EINVAL, "%s: this hart does not have it", name)
                                                        : 0;
    if (n >= DEBUG_REG_F)
        show_f(r, (unsigned)n);
    else
        show_x(r, (unsigned)n);
    return 0;
}

int cmd_info_registers(struct repl *r, const char *args, struct err *e)
{
    char word[32];
    if (*args) {
        int rc = 0;
        while (!rc && take_word(&args, word, sizeof word))
            rc = show_register(r, word, e);
        return rc;
    }
    for (unsigned n = 0; n <= DEBUG_REG_PC; n++)
        show_x(r, n);
    return 0;
}

int cmd_info_all_registers(struct repl *r, const char *args, struct err *e)
{
    if (*args)
        return cmd_info_registers(r, args, e);
    for (unsigned n = 0; n < DEBUG_REG_CSR; n++)
        n < DEBUG_REG_F ? show_x(r, n) : show_f(r, n);
    return cmd_info_csr(r, "", e);
}

/* [PATTERN]: every CSR that this hart has, or those that the glob names. */
int cmd_info_csr(struct repl *r, const char *args, struct err *e)
{
    bool any = false;
    char word[64] = "*";
    take_word(&args, word, sizeof word);
    for (unsigned n = 0; n < 4096; n++)
        if (csr_name(n) && !fnmatch(word[0] == '$' ? word + 1 : word, csr_name(n), 0))
            any |= !show_csr(r, n);
    return any ? 0 : err_set(e, -EINVAL, "info csr %s: this hart has none of that name", word);
}

/* ---- Harts ---- */

static const char *state_name(const struct machine *m, unsigned n)
{
    switch (m->state[n]) {
    case HART_RUNS: return "runs";
    case HART_WAITS: return "waits (wfi)";
    case HART_STUCK: return "stuck";
    case HART_STOPPED: return "stopped";
    }
    return "?";
}

int cmd_info_harts(struct repl *r, const char *args, struct err *e)
{
    struct machine *m = debugger_machine(r->d);
    struct hart *h;
    if (no_arguments(args, e))
        return -EINVAL;
    for (unsigned n = 0; (h = machine_hart(m, n)); n++) {
        out_printf(r->out, "%c %u  %-11s  %-2s  ", h == debugger_hart(r->d) ? '*' : ' ', n, state_name(m, n),
                   name_mode(EVENT_MODE(h->priv, h->virt)));
        show_address(r, h->pc);
        show_source_place(r, h->pc);
        out_printf(r->out, "  %" PRIu64 " instructions\n", hart_instret(h));
    }
    return 0;
}

int cmd_hart(struct repl *r, const char *args, struct err *e)
{
    uint64_t n;
    if (*args) {
        if (eval_u64(r, args, &n, e))
            return -EINVAL;
        if (n >= MACHINE_MAX_HARTS || !debugger_select(r->d, (unsigned)n))
            return err_set(e, -EINVAL, "no hart %" PRIu64 ": info harts lists them", n);
    }
    show_place(r);
    return 0;
}

int cmd_info_mode(struct repl *r, const char *args, struct err *e)
{
    static const unsigned numbers[] = {0x300, 0x180, 0x600, 0x200, 0x280, 0x680};
    struct hart *h = debugger_hart(r->d);
    if (no_arguments(args, e))
        return -EINVAL;
    out_printf(r->out, "hart %u is in %s mode%s\n", h->id, name_mode(EVENT_MODE(h->priv, h->virt)),
               h->priv == PRIV_S && !h->virt   ? " (the kernel's)"
               : h->priv == PRIV_U && !h->virt ? " (the user's)"
               : h->virt                       ? " (in a guest: V=1)"
                                               : " (the firmware's)");
    for (unsigned i = 0; i < ARRAY_LEN(numbers); i++)
        if (i == 0 || (i == 1 && !h->virt) || (i > 1 && h->isa.h))
            show_csr(r, numbers[i]);
    return 0;
}

/* ---- The board ---- */

int cmd_info_devices(struct repl *r, const char *args, struct err *e)
{
    const struct machine *m = debugger_machine(r->d);
    if (no_arguments(args, e))
        return -EINVAL;
    for (unsigned i = 0; i < m->ndev; i++) {
        const struct board_device *dev = &m->dev[i];
        out_styled(r->out, OUT_NAME, "%-14s", dev->cls->name);
        out_printf(r->out, "0x%08" PRIx64 "-0x%08" PRIx64, dev->place.base, dev->place.base + dev->place.size - 1);
        if (dev->place.irq_number)
            out_printf(r->out, "  irq %u", dev->place.irq_number);
        out_puts(r->out, "\n");
    }
    for (unsigned i = 0; i < m->nchardevs; i++)
        if (m->chardev[i])
            out_printf(r->out, "%s: %s\n", i ? "console" : "serial port", chardev_name(m->chardev[i]));
    return 0;
}

static void show_irqs(struct repl *r, const char *what, uint64_t set)
{
    out_printf(r->out, "  %-22s", what);
    for (unsigned i = 0; i < 16; i++)
        if (set & BIT(i))
            out_printf(r->out, " %s", name_irq_short(i));
    out_puts(r->out, set ? "\n" : " none\n");
}

int cmd_info_irq(struct repl *r, const char *args, struct err *e)
{
    struct machine *m = debugger_machine(r->d);
    struct hart *h;
    if (no_arguments(args, e))
        return -EINVAL;
    for (unsigned n = 0; (h = machine_hart(m, n)); n++) {
        struct trap t;
        uint64_t sip = csr_mip(h);
        out_printf(r->out, "hart %u in %s mode (mstatus.MIE %u, SIE %u)\n", n, name_mode(EVENT_MODE(h->priv, h->virt)),
                   (unsigned)bits(h->csr.mstatus, 3, 3), (unsigned)bits(h->csr.mstatus, 1, 1));
        show_irqs(r, "pending (mip)", sip);
        show_irqs(r, "enabled (mie)", h->csr.mie);
        show_irqs(r, "to S (mideleg)", h->csr.mideleg);
        if (h->isa.h)
            show_irqs(r, "to VS (hideleg)", h->csr.hideleg);
        if (trap_pending(h, &t))
            out_printf(r->out, "  taken next: %s\n", name_cause(t.cause));
    }
    out_printf(r->out, "time %" PRIu64 " (%.6f s)\n", machine_time(m), (double)machine_time(m) / DEV_CLOCK_HZ);
    return 0;
}

int cmd_info_mtree(struct repl *r, const char *args, struct err *e)
{
    if (no_arguments(args, e))
        return -EINVAL;
    info_mtree(r->out, machine_bus(debugger_machine(r->d)));
    return 0;
}

/* ---- Symbols ---- */

int cmd_info_symbols(struct repl *r, const char *args, struct err *e)
{
    char pattern[128] = "*";
    const char *name;
    uint64_t value, size;
    bool function, any = false;
    const struct symbols *symbols = machine_symbols(debugger_machine(r->d));
    if (take_word(&args, pattern, sizeof pattern) && !strpbrk(pattern, "*?[")) {
        size_t n = strlen(pattern);
        if (n + 3 < sizeof pattern) {
            memmove(pattern + 1, pattern, n);
            pattern[0] = '*';
            memcpy(pattern + n + 1, "*", 2);
        }
    }
    for (size_t i = 0; (name = symbols_row(symbols, i, &value, &size, &function)) && !out_cancelled(r->out); i++) {
        if (fnmatch(pattern, name, 0))
            continue;
        any = true;
        out_styled(r->out, OUT_ADDR, "0x%016" PRIx64, value);
        out_printf(r->out, " %8" PRIu64 " %c %s\n", size, function ? 'f' : ' ', name);
    }
    return any ? 0 : err_set(e, -EINVAL, "no symbol matches %s", pattern);
}

int cmd_info_symbol(struct repl *r, const char *args, struct err *e)
{
    uint64_t v, off;
    if (eval_address(r, *args ? args : "$pc", &v, e))
        return -EINVAL;
    const char *name = symbols_at(machine_symbols(debugger_machine(r->d)), v, &off);
    if (!name)
        return err_set(e, -EINVAL, "no symbol is at 0x%" PRIx64 " or near it", v);
    out_printf(r->out, off ? "%s + %" PRIu64 "\n" : "%s\n", name, off);
    return 0;
}

/* ---- Events ---- */

static void tell_repeated(struct repl *r, uint64_t *n)
{
    if (*n)
        out_printf(r->out, "%12s and %" PRIu64 " time%s more\n", "", *n, *n == 1 ? "" : "s");
    *n = 0;
}

/* [N] [KINDS]: the latest ones of the flight recorder. */
int cmd_info_events(struct repl *r, const char *args, struct err *e)
{
    struct event_hub *hub = machine_events(debugger_machine(r->d));
    uint64_t n = 20, kinds = UINT64_MAX, shown = 0, repeated = 0;
    char word[128], bad[64];
    while (take_word(&args, word, sizeof word)) {
        if (word[0] >= '0' && word[0] <= '9') {
            if (eval_count(r, word, &n, e))
                return -EINVAL;
        } else if (!event_parse_kinds(word, &kinds, bad, sizeof bad)) {
            return err_set(e, -EINVAL, "info events %s: no kind of event is called that: help events lists them", bad);
        }
    }
    uint64_t first = hub->count > EVENT_RING ? hub->count - EVENT_RING : 0, at = hub->count;
    while (at > first && shown < n) {
        at--;
        shown += kinds >> hub->ring[at % EVENT_RING].kind & 1 && !recorder_repeats(hub, at);
    }
    for (; at < hub->count; at++) {
        const struct event *ev = &hub->ring[at % EVENT_RING];
        if (!(kinds >> ev->kind & 1))
            continue;
        if (recorder_repeats(hub, at)) {
            repeated++;
            continue;
        }
        tell_repeated(r, &repeated);
        out_printf(r->out, "%12" PRIu64 " hart %u %-2s 0x%" PRIx64 " ", ev->clock, ev->hart, name_mode(ev->mode),
                   ev->pc);
        show_event(r, ev);
    }
    tell_repeated(r, &repeated);
    if (!shown)
        out_puts(r->out, hub->recorded & kinds ? "No such event was recorded yet.\n"
                                               : "The flight recorder keeps no events of these kinds.\n");
    return 0;
}
