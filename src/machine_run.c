/* SPDX-License-Identifier: MIT */
/* Turns and time: which hart runs next and for how long, and what happens when none can. */
#include "machine_int.h"

#include "base/text.h"
#include "cpu/csr.h"
#include "cpu/csr_bits.h"
#include "cpu/trap.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

enum {
    POLL_SLOTS = 1000000, /* between two looks at host input while harts run */
    POLL_RUNS = 256, /* the same in returns of hart_run(), each of which may stand for megabytes of a device's work */
    REALTIME_SLOTS = 200000, /* between two looks at the host's clock when mtime follows it */
    OVERDUE_SLOTS = 1000,    /* a device that is due again at once waits that long */
};

/* ---- Deadlines ---- */

/* The slot at which mtime reaches tick; UINT64_MAX when that is beyond counting. */
static uint64_t slot_of(const struct machine *m, uint64_t tick)
{
    uint64_t slot;
    uint64_t since = tick - m->time_offset; /* modulo 2^64, as mtime is */
    if (tick == DEV_NO_DEADLINE || since > INT64_MAX || __builtin_mul_overflow(since, m->opt.insns_per_tick, &slot))
        return UINT64_MAX;
    return slot;
}

/* Sets a hart's timer wires by the compare registers of Sstc and notes when they change next. */
static void update_timer(struct machine *m, unsigned n)
{
    struct hart *h = m->hart[n];
    uint64_t now = machine_time(m), next = DEV_NO_DEADLINE;
    if (!h->isa.sstc)
        return;
    bool on = h->csr.menvcfg & ENVCFG_STCE;
    hart_set_irq(h, IRQ_STI, on && now >= h->csr.stimecmp);
    if (on && now < h->csr.stimecmp)
        next = h->csr.stimecmp;
    if (h->isa.h) {
        bool von = on && (h->csr.henvcfg & ENVCFG_STCE);
        uint64_t vnow = now + h->csr.htimedelta;
        hart_set_irq(h, IRQ_VSTI, von && vnow >= h->csr.vstimecmp);
        if (von && vnow < h->csr.vstimecmp) {
            /* Beyond the wrap of time itself it never comes. */
            uint64_t left = h->csr.vstimecmp - vnow, at;
            if (!__builtin_add_overflow(now, left, &at))
                next = min_u64(next, at);
        }
    }
    m->timer[n] = next;
}

void machine_timer_changed(struct machine *m, struct hart *h)
{
    update_timer(m, h->id);
    m->deadlines_stale = true;
    if (m->running && slot_of(m, m->timer[h->id]) < m->run_end)
        m->running->kick |= KICK_EVENT;
}

void machine_wake_all(struct machine *m)
{
    for (unsigned i = 0; i < m->nharts; i++)
        update_timer(m, i);
    m->deadlines_stale = true;
    if (m->running)
        m->running->kick |= KICK_EVENT;
}

void machine_hart_woken(struct machine *m, unsigned n)
{
    if (m->running && m->running != m->hart[n] && m->state[n] != HART_RUNS)
        m->running->kick |= KICK_EVENT;
}

/* The earliest tick at which something is due. */
static uint64_t next_deadline(struct machine *m)
{
    if (!m->deadlines_stale)
        return m->next_tick;
    uint64_t next = DEV_NO_DEADLINE;
    for (unsigned i = 0; i < m->ndev; i++)
        if (m->dev[i].cls->deadline)
            next = min_u64(next, m->dev[i].cls->deadline(m->dev[i].dev));
    for (unsigned i = 0; i < m->nharts; i++)
        next = min_u64(next, min_u64(m->timer[i], m->sbi.timer[i]));
    m->next_tick = next;
    m->deadlines_stale = false;
    return next;
}

/* Brings up to date what is due now. */
static void run_due(struct machine *m)
{
    uint64_t now = machine_time(m);
    if (next_deadline(m) > now)
        return;
    for (unsigned i = 0; i < m->ndev; i++) {
        const struct dev_class *c = m->dev[i].cls;
        if (c->deadline && c->run && c->deadline(m->dev[i].dev) <= now)
            c->run(m->dev[i].dev);
    }
    for (unsigned i = 0; i < m->nharts; i++) {
        if (m->timer[i] <= now)
            update_timer(m, i);
        if (m->sbi.timer[i] <= now) {
            m->hart[i]->csr.mip |= BIT(IRQ_STI);
            m->hart[i]->kick |= KICK_IRQ;
            m->sbi.timer[i] = DEV_NO_DEADLINE;
        }
    }
    m->deadlines_stale = true;
}

/* ---- Host input ---- */

static void poll_input(struct machine *m, int timeout_ms)
{
    m->stats.io_polls++;
    m->next_poll = m->slots + POLL_SLOTS;
    m->polled_runs = m->stats.runs;
    if (io_poll(m->io, timeout_ms) > 0)
        for (unsigned i = 0; i < m->ndev; i++)
            if (m->dev[i].cls->run)
                m->dev[i].cls->run(m->dev[i].dev);
    m->deadlines_stale = true;
}

/* ---- Turns ---- */

/* May hart n run now? One that waits goes on as soon as an interrupt is pending. */
static bool runnable(struct machine *m, unsigned n)
{
    if (UNLIKELY(m->held >> n & 1))
        return false;
    switch (m->state[n]) {
    case HART_RUNS: return true;
    case HART_WAITS:
        if (!trap_wfi_wakes(m->hart[n]))
            return false;
        m->state[n] = HART_RUNS;
        sbi_woken(m, n);
        return true;
    case HART_STUCK: {
        struct trap t;
        if (!trap_pending(m->hart[n], &t))
            return false;
        m->state[n] = HART_RUNS;
        return true;
    }
    case HART_STOPPED: return false;
    }
    return false;
}

/* Whose turn it is: the hart that has it as long as it can use it, else the next in the round. alone: no other can run now. */
static struct hart *whose_turn(struct machine *m, bool *alone)
{
    unsigned found = m->nharts, others = 0;
    for (unsigned k = 0; k < m->nharts; k++) {
        /* From the holder of the turn on; once its turn is used up, from the one behind it. */
        unsigned n = (m->turn + k + (m->turn_left == 0)) % m->nharts;
        if (!runnable(m, n))
            continue;
        if (found == m->nharts)
            found = n;
        else
            others++;
    }
    *alone = !others;
    if (found == m->nharts)
        return NULL;
    if (found != m->turn) {
        m->hart[m->turn]->reservation = UINT64_MAX; /* another hart's turn comes */
        m->turn = found;
        m->turn_left = m->opt.quantum;
    } else if (m->turn_left == 0) {
        m->turn_left = m->opt.quantum;
    }
    return m->hart[found];
}

/* How many instructions the hart may run before something else is due. At least 1. */
static uint64_t budget(struct machine *m, bool alone, uint64_t left)
{
    uint64_t n = min_u64(left, alone ? UINT64_MAX : m->turn_left);
    uint64_t tick = next_deadline(m);
    n = min_u64(n, m->next_poll - m->slots);
    if (m->tohost_half)
        n = min_u64(n, m->tohost_slot - m->slots);
    if (m->opt.realtime)
        return tick == DEV_NO_DEADLINE ? n : min_u64(n, REALTIME_SLOTS);
    uint64_t due = slot_of(m, tick);
    return min_u64(n, due > m->slots ? due - m->slots : OVERDUE_SLOTS);
}

static void use_turn(struct machine *m, uint64_t done)
{
    if (done < m->turn_left) {
        m->turn_left -= done;
        return;
    }
    /* A hart that runs alone goes on beyond its turn as if the turn came back to it each time. */
    uint64_t over = (done - m->turn_left) % m->opt.quantum;
    m->turn_left = over ? m->opt.quantum - over : 0;
}

static void run_hart(struct machine *m, struct hart *h, uint64_t n)
{
    h->retired += h->turn_retired;
    h->turn_retired = 0;
    h->clock = m->slots;
    m->running = h;
    m->run_end = m->slots + n;
    struct exit x = m->runner ? m->runner(m->runner_ctx, h, n) : hart_run(h, n);
    m->running = NULL;
    uint64_t done = h->turn_retired;
    m->slots += done;
    h->retired += done;
    h->turn_retired = 0;
    h->clock = m->slots;
    use_turn(m, done);
    m->stats.runs++;
    m->stats.insns += done;
    m->stats.exits[x.reason]++;
    switch (x.reason) {
    case EXIT_BUDGET:
    case EXIT_EVENT: break;
    case EXIT_WFI: m->state[h->id] = HART_WAITS; break;
    case EXIT_STUCK:
        m->state[h->id] = HART_STUCK;
        m->stuck[h->id] = x.trap;
        break;
    case EXIT_TRAP:
        if (m->boot == BOOT_SBI && x.to == PRIV_M && !x.to_virt) {
            sbi_trap(m, h->id, &x.trap);
            m->stepped_firmware = true;
        } else {
            m->trapped = true;
            m->result.hart = h->id;
            m->result.exit = x;
        }
        break;
    case EXIT_BREAK:
        m->broke = true;
        m->result.hart = h->id;
        break;
    }
}

/* ---- When no hart can run ---- */

static void describe_interrupts(char *buf, size_t size, uint64_t set)
{
    static const char *const names[] = {
        [IRQ_SSI] = "SSI", [IRQ_VSSI] = "VSSI", [IRQ_MSI] = "MSI",   [IRQ_STI] = "STI", [IRQ_VSTI] = "VSTI",
        [IRQ_MTI] = "MTI", [IRQ_SEI] = "SEI",   [IRQ_VSEI] = "VSEI", [IRQ_MEI] = "MEI", [IRQ_SGEI] = "SGEI"};
    size_t n = 0;
    *buf = 0;
    for (unsigned i = 0; i < ARRAY_LEN(names); i++)
        if (names[i] && (set & BIT(i)) && n < size)
            n += (size_t)snprintf(buf + n, size - n, "%s%s", n ? " " : "", names[i]);
    if (!set)
        snprintf(buf, size, "none");
}

static void describe_hart(struct machine *m, unsigned n, char *buf, size_t size)
{
    const struct hart *h = m->hart[n];
    const char *mode = h->priv == PRIV_M ? "M" : h->priv == PRIV_S ? h->virt ? "VS" : "S" : h->virt ? "VU" : "U";
    uint64_t off;
    const char *name = symbols_at(m->symbols, h->pc, &off);
    char where[160], enabled[64];
    if (name)
        snprintf(where, sizeof where, "%s (%.100s+%llu)", text_hex(h->pc).s, name, (unsigned long long)off);
    else
        snprintf(where, sizeof where, "%s", text_hex(h->pc).s);
    switch (m->state[n]) {
    case HART_STOPPED: snprintf(buf, size, "Hart %u is stopped.", n); break;
    case HART_STUCK:
        snprintf(buf, size,
                 "Hart %u traps for ever in %s mode at %s: the trap handler's own instruction raises cause %llu, tval "
                 "%s, which leads back to it.",
                 n, mode, where, (unsigned long long)m->stuck[n].cause, text_hex(m->stuck[n].tval).s);
        break;
    case HART_RUNS:
    case HART_WAITS:
        describe_interrupts(enabled, sizeof enabled, h->csr.mie);
        snprintf(buf, size, "Hart %u waits (wfi) in %s mode before %s; interrupts enabled: %s; no timer is set.", n,
                 mode, where, enabled);
        break;
    }
}

static void end_stuck(struct machine *m)
{
    size_t n = 0;
    char *why = m->result.why;
    m->result.end = MACHINE_STUCK;
    m->ended = true;
    n += (size_t)snprintf(why, sizeof m->result.why, "the guest can never move again: ");
    for (unsigned i = 0; i < m->nharts && n < sizeof m->result.why; i++) {
        char text[512];
        describe_hart(m, i, text, sizeof text);
        n += (size_t)snprintf(why + n, sizeof m->result.why - n, "%s%s", i ? " " : "", text);
    }
}

/* Skips to the next deadline, or waits for the host. */
static void idle(struct machine *m)
{
    bool all_stuck = true;
    if (m->tohost_half) { /* nobody is left to write the other half */
        htif_timeout(m);
        return;
    }
    for (unsigned i = 0; i < m->nharts; i++)
        all_stuck &= m->state[i] == HART_STUCK || m->state[i] == HART_STOPPED;
    uint64_t tick = next_deadline(m), now = machine_time(m);
    uint64_t slot = m->opt.realtime ? tick : slot_of(m, tick);
    bool due_ever = m->opt.realtime ? tick != DEV_NO_DEADLINE && tick - now < INT64_MAX : slot != UINT64_MAX;
    if (!due_ever) {
        if (!all_stuck && io_can_progress(m->io)) {
            poll_input(m, m->yields ? 0 : -1);
            m->waits = m->yields;
            for (unsigned i = 0; i < m->nharts; i++)
                m->waits &= !runnable(m, i);
        } else {
            end_stuck(m);
        }
        return;
    }
    const uint64_t ticks_per_ms = DEV_CLOCK_HZ / 1000;
    uint64_t gap = tick > now ? tick - now : 0;
    bool paced = m->opt.realtime;
    for (unsigned i = 0; i < m->opt.nnetdevs && !paced; i++)
        paced = m->netdev[i] && m->netdev[i]->ops->live && m->netdev[i]->ops->live(m->netdev[i]);
    if (paced) {
        int ms = (int)min_u64((gap + ticks_per_ms - 1) / ticks_per_ms, 1000);
        struct timespec a, b;
        clock_gettime(CLOCK_MONOTONIC, &a);
        poll_input(m, ms);
        clock_gettime(CLOCK_MONOTONIC, &b);
        uint64_t ticks =
            (uint64_t)((b.tv_sec - a.tv_sec) * 1000000000 + (b.tv_nsec - a.tv_nsec)) / (1000000000 / DEV_CLOCK_HZ);
        if (m->opt.realtime) { /* mtime went on by itself; cycle counts what was slept as well */
            m->stats.idle_slots += ticks * m->opt.insns_per_tick;
            m->slots += ticks * m->opt.insns_per_tick;
            return;
        }
        /* As much of the gap as really went by; all of it once the wait ran its length. */
        slot = min_u64(slot, m->slots + ticks * m->opt.insns_per_tick);
    } else {
        poll_input(m, 0);
    }
    /* What came in may have woken a hart, or have brought a deadline nearer. */
    for (unsigned i = 0; i < m->nharts; i++)
        if (runnable(m, i) && !paced)
            return;
    slot = min_u64(slot, slot_of(m, next_deadline(m)));
    if (slot > m->slots) {
        m->stats.idle_slots += slot - m->slots;
        m->slots = slot;
        m->next_poll = m->slots + POLL_SLOTS;
    }
}

/* ---- The loop ---- */

int machine_restart(struct machine *m, struct err *e)
{
    m->ended = m->reset_wanted = m->trapped = m->broke = m->paused = m->monitor_wanted = false;
    m->result = (struct machine_result){.end = MACHINE_BUDGET};
    int rc = machine_load(m, e);
    if (!rc)
        return 0;
    m->ended = true;
    m->result.end = MACHINE_ERROR;
    snprintf(m->result.why, sizeof m->result.why, "reset: %s", e->text);
    return rc;
}

/* Has the hart that is being stepped done a step in the run that ended? slots: instructions it retired. */
static bool has_moved(struct machine *m, struct hart *h, uint64_t slots)
{
    bool moved = slots || h->traps != m->stepped_traps || m->stepped_firmware;
    m->stepped_traps = h->traps;
    m->stepped_firmware = false;
    return moved;
}

static void reset(struct machine *m)
{
    struct err e;
    m->reset_wanted = false;
    if (event_wanted(&m->events, EV_RESET)) {
        struct event *ev = event_begin(&m->events, EV_RESET);
        ev->a[0] = m->turn;
        event_end(&m->events, ev);
    }
    if (m->opt.no_reboot) {
        machine_end(m, MACHINE_RESET, 0);
        return;
    }
    if (machine_load(m, &e) == 0)
        return;
    m->ended = true;
    m->result.end = MACHINE_ERROR;
    snprintf(m->result.why, sizeof m->result.why, "reset: %s", e.text);
}

void machine_settle(struct machine *m)
{
    bool alone;
    m->waits = false;
    while (!m->ended && !m->waits) {
        run_due(m);
        if (whose_turn(m, &alone))
            return;
        idle(m);
    }
}

void machine_run(struct machine *m, uint64_t max_insns, struct machine_result *r)
{
    uint64_t left = max_insns;
    if (!m->ended)
        m->result = (struct machine_result){.end = MACHINE_BUDGET};
    m->waits = false;
    bool ran = false;
    while (!m->ended && !m->trapped && !m->paused && !m->broke && !m->waits && left) {
        if (__atomic_load_n(&m->stop, __ATOMIC_RELAXED)) {
            machine_stop_taken(m);
            m->result.end = MACHINE_STOP;
            break;
        }
        if (m->monitor_wanted) {
            m->monitor_wanted = false;
            m->result.end = MACHINE_MONITOR;
            break;
        }
        if (m->slots >= m->next_poll || m->stats.runs - m->polled_runs >= POLL_RUNS)
            poll_input(m, 0);
        run_due(m);
        bool alone;
        struct hart *h = whose_turn(m, &alone);
        if (!h) {
            if (m->yields && ran)
                break; /* the next call idles */
            idle(m);
            continue;
        }
        ran = true;
        uint64_t before = m->slots;
        bool steps = h == m->stepped;
        run_hart(m, h, steps ? 1 : budget(m, alone, left));
        if (steps && has_moved(m, h, m->slots - before) && --m->steps_left == 0)
            break;
        left -= left == UINT64_MAX ? 0 : m->slots - before;
        if (m->tohost_half && m->slots >= m->tohost_slot)
            htif_timeout(m);
        if (m->reset_wanted && !m->ended)
            reset(m);
    }
    if (m->trapped)
        m->result.end = MACHINE_TRAP;
    else if (m->broke && !m->ended)
        m->result.end = MACHINE_BREAK;
    else if (m->paused && !m->ended)
        m->result.end = MACHINE_PAUSE;
    m->trapped = m->broke = m->paused = false;
    for (unsigned i = 0; i < m->nchardevs; i++)
        if (m->chardev[i])
            chardev_flush(m->chardev[i]);
    *r = m->result;
}
