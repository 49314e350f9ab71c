/* SPDX-License-Identifier: MIT */
/* What those who watch a machine ask of it: events, breakpoints, watched memory, steps. */
#include "machine_int.h"

#include "cpu/op.h"

#include <errno.h>
#include <stdlib.h>

/* By the hart that runs, or whose turn it is. */
static void stamp(void *ctx, struct event *e)
{
    const struct machine *m = ctx;
    const struct hart *h = m->running ? m->running : m->hart[m->turn];
    e->clock = machine_slots_now(m);
    e->insn = e->pc = e->hart = e->mode = 0;
    if (!h) /* the board is being made */
        return;
    e->insn = hart_instret(h);
    e->pc = h->pc;
    e->hart = (uint8_t)h->id;
    e->mode = EVENT_MODE(h->priv, h->virt);
}

static void accessed(struct machine *m, uint64_t pa, uint64_t len, enum machine_access access)
{
    for (unsigned i = 0; m->watcher && i < m->nwatches; i++) {
        const struct watch *w = &m->watches[i];
        if ((w->access & access) && pa < w->pa + w->len && w->pa < pa + len) {
            m->watcher(m->watcher_ctx, pa, len, access == MACHINE_WRITE);
            return;
        }
    }
}

static void was_read(void *ctx, uint64_t pa, uint64_t len)
{
    accessed(ctx, pa, len, MACHINE_READ);
}

static void was_written(void *ctx, uint64_t pa, uint64_t len)
{
    accessed(ctx, pa, len, MACHINE_WRITE);
}

/* What the ring keeps unless somebody chooses otherwise: what tells how a guest came to its end, and comes seldom enough to cost nothing
 * that one could measure. */
static const uint64_t recorded = BIT(EV_TRAP) | BIT(EV_RET) | BIT(EV_PTR) | BIT(EV_MMIO) | BIT(EV_IRQ) | BIT(EV_CLAIM) |
                                 BIT(EV_RESET) | BIT(EV_SBI) | BIT(EV_SBI_RET) | BIT(EV_MARK) | BIT(EV_VM_EXIT) |
                                 BIT(EV_VM_ENTRY);

int machine_watch_init(struct machine *m, struct err *e)
{
    if (!event_hub_init(&m->events, stamp, m))
        return err_set(e, -ENOMEM, "no memory for events");
    m->events.recorded = recorded;
    event_hub_update(&m->events);
    bus_set_events(m->bus, &m->events);
    bus_set_flag_owner(m->bus, PAGE_WATCH, was_written, m);
    bus_set_flag_owner(m->bus, PAGE_WATCH_READ, was_read, m);
    return 0;
}

void machine_watch_free(struct machine *m)
{
    event_hub_free(&m->events);
    free(m->watches);
}

struct event_hub *machine_events(struct machine *m)
{
    return &m->events;
}

void machine_pause(struct machine *m)
{
    m->paused = true;
    if (m->running)
        m->running->kick |= KICK_EVENT;
}

bool machine_set_breakpoints(struct machine *m, const uint64_t *va, unsigned n)
{
    return code_set_breakpoints(m->code, va, n);
}

void machine_step(struct machine *m, unsigned n, uint64_t steps, struct machine_result *r)
{
    struct hart *h = m->hart[n];
    m->stepped = h;
    m->steps_left = steps;
    m->stepped_traps = h->traps;
    m->stepped_firmware = false;
    h->stop_at_trap = true;
    machine_run(m, steps ? UINT64_MAX : 0, r);
    h->stop_at_trap = false;
    m->stepped = NULL;
}

void machine_hold(struct machine *m, uint32_t harts)
{
    m->held = harts;
}

/* ---- watched memory ---- */

/* Brings the flags of the pages of [pa, pa + len) in line with the list. */
static void flag_pages(struct machine *m, uint64_t pa, uint64_t len)
{
    for (uint64_t page = pa & PAGE_MASK; page < pa + len; page += PAGE_SIZE) {
        unsigned access = 0;
        for (unsigned i = 0; i < m->nwatches; i++) {
            const struct watch *w = &m->watches[i];
            if (page < w->pa + w->len && w->pa < page + PAGE_SIZE)
                access |= w->access;
        }
        bus_flag_page(m->bus, page, PAGE_WATCH, access != 0);
        bus_flag_page(m->bus, page, PAGE_WATCH_READ, access & MACHINE_READ);
    }
}

static bool in_memory(const struct machine *m, uint64_t pa, uint64_t len)
{
    if (!len || pa + len < pa || len > MACHINE_RAM_MAX)
        return false;
    for (uint64_t page = pa & PAGE_MASK; page < pa + len; page += PAGE_SIZE)
        if (!bus_memory_at(m->bus, page))
            return false;
    return true;
}

static bool unwatch(struct machine *m, uint64_t pa, uint64_t len, unsigned access)
{
    for (unsigned i = 0; i < m->nwatches; i++) {
        const struct watch *w = &m->watches[i];
        if (w->pa != pa || w->len != len || w->access != access)
            continue;
        m->watches[i] = m->watches[--m->nwatches];
        flag_pages(m, pa, len);
        return true;
    }
    return false;
}

bool machine_watch(struct machine *m, uint64_t pa, uint64_t len, unsigned access, bool on)
{
    if (!on)
        return unwatch(m, pa, len, access);
    if (!in_memory(m, pa, len))
        return false;
    struct watch *more = realloc(m->watches, (m->nwatches + 1) * sizeof *more);
    if (!more)
        return false;
    m->watches = more;
    m->watches[m->nwatches++] = (struct watch){pa, len, access};
    flag_pages(m, pa, len);
    return true;
}

void machine_set_watcher(struct machine *m, void (*fn)(void *ctx, uint64_t pa, uint64_t len, bool write), void *ctx)
{
    m->watcher = fn;
    m->watcher_ctx = ctx;
}

void machine_lend(struct machine *m, struct hart *h)
{
    m->lent_from = h->turn_retired;
    m->slots -= h->turn_retired; /* machine_slots_now() adds it */
    m->running = h;
}

void machine_take_back(struct machine *m, struct hart *h)
{
    m->running = NULL;
    m->slots += m->lent_from;
    machine_ran(m, h->turn_retired - m->lent_from);
}

void machine_skip(struct machine *m, uint64_t slots)
{
    m->slots += slots;
    m->stats.idle_slots += slots;
}

struct chardev *machine_serial(struct machine *m)
{
    return m->chardev[0];
}

void machine_ran(struct machine *m, uint64_t n)
{
    m->slots += n;
    m->stats.insns += n;
    m->stats.runs++;
}

void machine_set_yielding(struct machine *m, bool on)
{
    m->yields = on;
}

bool machine_waits(const struct machine *m)
{
    return m->waits;
}

void machine_set_runner(struct machine *m, struct exit (*fn)(void *ctx, struct hart *h, uint64_t n), void *ctx)
{
    m->runner = fn;
    m->runner_ctx = ctx;
}
