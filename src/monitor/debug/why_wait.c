/* SPDX-License-Identifier: MIT */
/* Interrupts: the one that was taken, and those that a waiting hart waits for. */
#include <inttypes.h>
#include <string.h>

#include "base/text.h"
#include "cpu/csr.h"
#include "cpu/csr_bits.h"
#include "dev/dev.h"
#include "machine_look.h"
#include "monitor/debug/why_int.h"
#include "monitor/names.h"

enum { IRQ_BITS = 13 };

/* ---- An interrupt that was taken ---- */

/* The latest event of kind k before the trap (clock) that ok() likes. */
static const struct event *find_before(const struct why *w, enum event_kind k, uint64_t arg, bool level)
{
    const struct event_hub *hub = machine_events(w->m);
    uint64_t first = hub->count > EVENT_RING ? hub->count - EVENT_RING : 0;
    for (uint64_t n = hub->count; n > first; n--) {
        const struct event *e = &hub->ring[(n - 1) % EVENT_RING];
        if (e->kind != k || e->clock > w->clock || why_foreign(w, e) ||
            (k == EV_WIRE && (e->hart != w->h->id || e->a[0] != arg)))
            continue;
        return e->a[1] == level ? e : NULL;
    }
    return NULL;
}

/* What made the interrupt pending, as far as registers and recorded events tell. */
static void say_source(struct why *w, unsigned bit)
{
    const struct csrs *c = &w->h->csr;
    const struct event *e = find_before(w, EV_WIRE, bit, true);
    if (bit == IRQ_STI && c->menvcfg & ENVCFG_STCE)
        why_say(w, " It is pending while time has reached stimecmp (now %s, time %s).", text_hex(c->stimecmp).s,
                text_hex(machine_time(w->m)).s);
    else if (bit == IRQ_VSTI && c->menvcfg & c->henvcfg & ENVCFG_STCE)
        why_say(w, " It is pending while time + htimedelta has reached vstimecmp (now %s).", text_hex(c->vstimecmp).s);
    else if (bit == IRQ_STI)
        why_say(w, " The firmware's timer made it pending.");
    else if (bit == IRQ_MTI)
        why_say(w, " It is pending while mtime has reached this hart's mtimecmp.");
    else if (bit == IRQ_SSI || bit == IRQ_MSI || bit == IRQ_VSSI)
        why_say(w, " Software made it pending, this hart's or another's.");
    else if (bit == IRQ_SEI || bit == IRQ_MEI) {
        const struct event *line = find_before(w, EV_IRQ, 0, true);
        why_say(w, " A device made it pending through the PLIC");
        if (line)
            why_say(w, ": source %" PRIu64 " raised its line %" PRIu64 " instruction slots before", line->a[0],
                    w->clock - line->clock);
        why_say(w, ".");
    }
    if (e)
        why_say(w, " The wire rose %" PRIu64 " instruction slots before the trap.", w->clock - e->clock);
}

void why_interrupt(struct why *w)
{
    unsigned bit = (unsigned)(w->cause & 63);
    const char *name = name_irq_short(bit), *level = w->to_priv == PRIV_M ? "M" : w->to_virt ? "VS" : "S";
    why_say(w, "In %s mode, before the instruction at ", name_priv(w->priv, w->virt));
    why_say_place(w, w->pc);
    why_say_source(w, w->pc);
    why_say(w,
            ", the hart took the %s interrupt (%s, bit %u of mip). The instruction has nothing to do with it and is "
            "executed when the "
            "handler returns.",
            name_irq(bit), name, bit);
    say_source(w, bit);
    bool own = w->priv == w->to_priv && w->virt == w->to_virt;
    why_say(w, " It is let through by mie.%sE = 1, and ", name);
    if (own)
        why_say(w, "in %s mode by %sstatus.%cIE = 1 (which the trap cleared, and kept in %cPIE).", level,
                w->to_priv == PRIV_M ? "m"
                : w->to_virt         ? "vs"
                                     : "s",
                w->to_priv == PRIV_M ? 'M' : 'S', w->to_priv == PRIV_M ? 'M' : 'S');
    else
        why_say(w, "because interrupts for %s mode are always on in lower modes.", level);
}

/* ---- Waiting ---- */

/* A time that is to come, in ticks and in words. */
static void say_when(struct why *w, uint64_t tick, uint64_t now)
{
    if (tick == UINT64_MAX)
        why_say(w, "which is not set: never");
    else if (tick <= now)
        why_say(w, "at time %s, which has come", text_hex(tick).s);
    else
        why_say(w, "at time %s, in %" PRIu64 ".%03u ms", text_hex(tick).s, (tick - now) / (DEV_CLOCK_HZ / 1000),
                (unsigned)((tick - now) % (DEV_CLOCK_HZ / 1000) * 1000 / (DEV_CLOCK_HZ / 1000)));
}

static void say_device_timer(struct why *w, uint64_t now)
{
    const char *name;
    uint64_t tick = machine_look_device(w->m, &name);
    if (tick == UINT64_MAX)
        why_say(w, "mtimecmp, which is not set: never");
    else {
        why_say(w, "the next device that is due is %s, ", name);
        say_when(w, tick, now);
    }
}

/* Who could make this interrupt pending. */
static void say_waker(struct why *w, const struct hart *h, unsigned bit)
{
    uint64_t now = machine_time(w->m);
    const struct csrs *c = &h->csr;
    switch (bit) {
    case IRQ_STI:
        if (c->menvcfg & ENVCFG_STCE) {
            why_say(w, "stimecmp, ");
            say_when(w, c->stimecmp, now);
        } else {
            why_say(w, "the firmware's timer, ");
            say_when(w, machine_look_sbi_timer(w->m, h->id), now);
        }
        return;
    case IRQ_VSTI:
        why_say(w, "vstimecmp, ");
        say_when(w, c->menvcfg & c->henvcfg & ENVCFG_STCE ? c->vstimecmp : UINT64_MAX, now + c->htimedelta);
        return;
    case IRQ_MTI: say_device_timer(w, now); return;
    case IRQ_SSI:
    case IRQ_MSI:
        why_say(w, machine_hart(w->m, 1) ? "another hart that sends it" : "nobody: there is no other hart to send it");
        return;
    case IRQ_SEI:
    case IRQ_MEI:
        why_say(w, "a device, through the PLIC%s",
                machine_look_input(w->m) ? ", such as one that waits for input" : " (no input can come any more)");
        return;
    default: why_say(w, "the hypervisor"); return;
    }
}

static void say_wait_place(struct why *w, const struct hart *h)
{
    why_say(w, "Hart %u waits (wfi) in %s mode, to go on at ", h->id, name_priv(h->priv, h->virt));
    why_say_place(w, h->pc);
    why_say_source(w, h->pc);
    why_say(w, ". ");
}

static void say_waits_for(struct why *w, const struct hart *h)
{
    uint64_t pending = csr_mip(h), enabled = h->csr.mie;
    bool any = false;
    say_wait_place(w, h);
    if (!enabled) {
        why_say(w, "mie is 0: no interrupt is enabled, and it waits for ever.");
    } else {
        why_say(w, "What mie enables can wake it:");
        for (unsigned bit = 0; bit < IRQ_BITS; bit++)
            if (enabled >> bit & 1) {
                why_say(w, "%s %s, by ", any ? ";" : "", name_irq_short(bit));
                say_waker(w, h, bit);
                any = true;
            }
        why_say(w, ".");
    }
    for (unsigned bit = 0; bit < IRQ_BITS; bit++)
        if (pending & ~enabled & BIT(bit))
            why_say(w, " %s is pending, but mie.%sE is 0.", name_irq_short(bit), name_irq_short(bit));
    if (pending & enabled)
        why_say(w, " One of them is pending already: it goes on with its next turn.");
}

void why_waits(struct why *w, unsigned n)
{
    const struct hart *h = machine_hart(w->m, n);
    switch (machine_look_state(w->m, n, NULL)) {
    case LOOK_WAITS: say_waits_for(w, h); break;
    case LOOK_STOPPED: why_say(w, "Hart %u is stopped: another hart has to start it (SBI HSM hart_start).", n); break;
    case LOOK_STUCK:
        why_say(w, "Hart %u traps for ever at ", n);
        why_say_place(w, h->pc);
        why_say(w, ": `why` there tells more.");
        break;
    case LOOK_RUNS:
        if (why_loop(w, h))
            break;
        why_say(w, "Hart %u runs in %s mode at ", n, name_priv(h->priv, h->virt));
        why_say_place(w, h->pc);
        why_say(w, ".");
        break;
    }
}
