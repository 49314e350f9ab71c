/* SPDX-License-Identifier: MIT */
/* Running and stopping. What stops a run beside its own goal is in stops.c. */
#include "monitor/debug/debugger_int.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- Life ---- */

static void emit(struct event_sink *s, const struct event *e);

struct debugger *debugger_new(struct machine *m)
{
    struct debugger *d = calloc(1, sizeof *d);
    if (!d)
        return NULL;
    d->real = d->machine = m;
    d->next_number = 1;
    d->next_hidden = -1;
    d->sink.emit = emit;
    d->last.pc = machine_hart(m, 0)->pc;
    d->watch_ctx = calloc(1, sizeof *d->watch_ctx);
    if (!d->watch_ctx) {
        free(d);
        return NULL;
    }
    d->watch_ctx->d = d;
    machine_set_watcher(m, stops_watch_hook, d->watch_ctx);
    return d;
}

bool debugger_set_runner(struct debugger *d, const struct debug_runner *r)
{
    struct watch_ctx *ctx = calloc(r->nvms + 1, sizeof *ctx);
    if (!ctx)
        return false;
    free(d->watch_ctx);
    d->watch_ctx = ctx;
    d->runner = r;
    for (unsigned i = 0; i <= r->nvms; i++) {
        ctx[i] = (struct watch_ctx){d, i};
        machine_set_watcher(r->machine(r->ctx, i), stops_watch_hook, &ctx[i]);
    }
    debugger_select_vm(d, 1);
    d->last.vm = d->vm;
    d->last.pc = debugger_hart(d)->pc;
    return true;
}

void debugger_free(struct debugger *d)
{
    if (!d)
        return;
    stops_free_all(d);
    d->goal.n = 0;
    d->step_kinds = 0;
    d->breaks_stale = true;
    stops_arm(d);
    for (unsigned i = 0; i <= (d->runner ? d->runner->nvms : 0); i++)
        machine_set_watcher(debugger_machine_of(d, i), NULL, NULL);
    free(d->watch_ctx);
    expr_vars_free(&d->vars);
    free(d);
}

struct machine *debugger_machine(struct debugger *d)
{
    return d->machine;
}

struct machine *debugger_machine_of(struct debugger *d, unsigned vm)
{
    return d->runner ? d->runner->machine(d->runner->ctx, vm) : d->real;
}

unsigned debugger_look_at(struct debugger *d, unsigned vm)
{
    unsigned before = d->vm;
    if (d->runner) {
        d->vm = vm;
        d->machine = debugger_machine_of(d, vm);
    }
    return before;
}

unsigned debugger_vm(const struct debugger *d)
{
    return d->vm;
}

bool debugger_select_vm(struct debugger *d, unsigned vm)
{
    if (vm > (d->runner ? d->runner->nvms : 0))
        return false;
    if (debugger_look_at(d, vm) == vm)
        return true;
    d->hart = 0;
    d->epoch++;
    d->frame.shown = false;
    return true;
}

uint64_t debugger_insns(struct debugger *d)
{
    return d->runner ? d->runner->insns(d->runner->ctx) : machine_stats(d->machine)->insns;
}

struct hart *debugger_hart(struct debugger *d)
{
    return machine_hart(d->machine, d->hart);
}

bool debugger_select(struct debugger *d, unsigned hart)
{
    if (!machine_hart(d->machine, hart))
        return false;
    d->hart = hart;
    d->frame.shown = false;
    return true;
}

void debugger_show_frame(struct debugger *d, const uint64_t *x, uint32_t known, uint64_t pc)
{
    d->frame.shown = x != NULL;
    if (!x)
        return;
    memcpy(d->frame.x, x, sizeof d->frame.x);
    d->frame.known = known;
    d->frame.pc = pc;
}

bool debugger_shows_frame(const struct debugger *d)
{
    return d->frame.shown;
}

void debugger_set_program(struct debugger *d, const struct debug_program *p, void *ctx)
{
    if (p && !d->program) {
        d->program = p;
        d->program_ctx = ctx;
    } else if (!p && d->program_ctx == ctx) {
        d->program = NULL;
        d->program_ctx = NULL;
    }
}

struct expr_vars *debugger_vars(struct debugger *d)
{
    return &d->vars;
}

const char *debugger_condition_error(const struct debugger *d)
{
    return d->condition_error;
}

const struct debug_stop *debugger_last(const struct debugger *d)
{
    return &d->last;
}

uint64_t debugger_epoch(const struct debugger *d)
{
    return d->epoch;
}

void debugger_changed(struct debugger *d)
{
    d->epoch++;
    d->frame.shown = false;
    stops_refresh(d);
}

bool debugger_ended(const struct debugger *d)
{
    return d->ended;
}

bool debugger_is_nested(const struct debugger *d)
{
    return d->nested;
}

void debugger_set_nested(struct debugger *d, bool (*fn)(void *ctx, struct debug_stop *s, uint64_t *kinds), void *ctx)
{
    d->nested_fn = fn;
    d->nested_ctx = ctx;
}

int debugger_reset(struct debugger *d, struct err *e)
{
    if (d->runner)
        return err_set(e, -ENOTSUP, "virtual machines cannot be started again here: quit, and start the debugger anew");
    int rc = machine_restart(d->machine, e);
    d->ended = rc != 0;
    d->hart = 0;
    d->pending = false;
    d->last = (struct debug_stop){.reason = DEBUG_STEPPED, .pc = debugger_hart(d)->pc};
    debugger_changed(d);
    return rc;
}

/* ---- Interruption ---- */

static void stop_running(struct debugger *d)
{
    if (d->runner)
        d->runner->stop(d->runner->ctx);
    else
        machine_stop(d->machine);
}

void debugger_interrupt_for(struct debugger *d, enum debug_reason why)
{
    __atomic_store_n(&d->why, (int)why + 1, __ATOMIC_RELAXED);
    stop_running(d);
}

void debugger_interrupt(struct debugger *d)
{
    debugger_interrupt_for(d, DEBUG_INTERRUPT);
}

/* ---- Events ---- */

static void pause_running(struct debugger *d, unsigned vm)
{
    if (d->runner)
        d->runner->pause(d->runner->ctx, vm);
    else
        machine_pause(d->machine);
}

void debugger_stop_soon(struct debugger *d, const struct debug_stop *s)
{
    if (!d->pending)
        d->found = *s;
    d->pending = true;
    pause_running(d, s->vm);
}

static void emit(struct event_sink *sink, const struct event *e)
{
    struct debugger *d = (struct debugger *)((char *)sink - offsetof(struct debugger, sink));
    unsigned selected = debugger_look_at(d, e->vm);
    if (d->runner && d->step_kinds >> e->kind & 1)
        d->runner->sync(d->runner->ctx, e->vm);
    if (d->follows >> e->kind & 1)
        stops_follow(d, machine_hart(d->machine, e->hart));
    if (d->step_kinds >> e->kind & 1) {
        struct debug_stop s = {.reason = DEBUG_EVENT, .vm = e->vm, .hart = e->hart, .pc = e->pc, .event = *e};
        if (!d->nested_fn) {
            d->step_kinds = 0;
            debugger_stop_soon(d, &s);
        } else {
            uint64_t kinds = d->step_kinds;
            unsigned before = d->hart;
            d->nested = true;
            d->epoch++;
            d->last = s;
            d->hart = e->hart;
            bool on = d->nested_fn(d->nested_ctx, &s, &kinds);
            debugger_look_at(d, e->vm);
            d->nested = false;
            d->hart = before;
            d->step_kinds = kinds;
            if (!on) {
                s.told = true;
                debugger_stop_soon(d, &s);
            } else if (d->breaks_stale) {
                pause_running(d, s.vm); /* the next run has the breakpoints that were set meanwhile */
            }
            stops_listen(d);
        }
    }
    stops_see_event(d, e);
    debugger_look_at(d, selected);
}

/* ---- The engine ---- */

/* Does the hart stand where the run was to lead it? */
static bool at_goal(const struct debugger *d, const struct hart *h)
{
    const struct goal *g = &d->goal;
    bool there = false;
    if (g->vm != d->vm)
        return false;
    for (unsigned i = 0; i < g->n; i++)
        there |= g->va[i] == h->pc;
    if (!there || (g->hart != STOP_ANY && (unsigned)g->hart != h->id))
        return false;
    bool same = debugger_mode(h) == g->mode;
    if (g->same_mode && !same)
        return false;
    if (g->same_space && (h->virt ? h->csr.vsatp : h->csr.satp) != g->satp)
        return false;
    return !same || !g->sp_min || h->x[2] >= g->sp_min;
}

static void at_hart(struct debugger *d, struct debug_stop *s, enum debug_reason reason, unsigned hart)
{
    *s = (struct debug_stop){.reason = reason, .vm = d->vm, .hart = hart, .pc = machine_hart(d->machine, hart)->pc};
}

/* The machine's own run, or all virtual machines'; then the one that ended it is looked at. */
static void run_machines(struct debugger *d, int hart, uint64_t n, struct machine_result *r)
{
    const struct debug_runner *run = d->runner;
    unsigned vm = d->vm;
    if (run && hart == STOP_ANY)
        run->run(run->ctx, n, r, &vm);
    else if (run)
        run->step(run->ctx, vm, n, r);
    else if (hart == STOP_ANY)
        machine_run(d->machine, n, r);
    else
        machine_step(d->machine, (unsigned)hart, n, r);
    if (run && (r->end == MACHINE_BREAK || r->end == MACHINE_MONITOR))
        debugger_select_vm(d, vm);
}

/* One run of the machine: of one hart for n instructions, or (hart = STOP_ANY)
 * of all for n. True: *s says why it is over. False: nothing that anybody
 * waited for, or the n instructions are done (*done). */
static bool run_once(struct debugger *d, int hart, uint64_t n, struct debug_stop *s, bool *done)
{
    struct machine_result r;
    *done = false;
    stops_arm(d);
    run_machines(d, hart, n, &r);
    d->epoch++;
    /* Whatever else ended the run: what its last instruction did comes first. */
    if (d->pending) {
        d->pending = false;
        if (stops_confirm(d, s)) {
            if (r.end == MACHINE_STOP)
                stop_running(d); /* the next run tells of that */
            return true;
        }
    }
    switch (r.end) {
    case MACHINE_BUDGET: *done = true; return false;
    case MACHINE_PAUSE: return false;
    case MACHINE_BREAK: {
        struct hart *h = machine_hart(d->machine, r.hart);
        if (stops_break_hit(d, h, s))
            return true;
        if (!at_goal(d, h))
            return false;
        at_hart(d, s, DEBUG_STEPPED, h->id);
        return true;
    }
    case MACHINE_STOP: {
        int why = __atomic_exchange_n(&d->why, 0, __ATOMIC_RELAXED);
        at_hart(d, s, why ? (enum debug_reason)(why - 1) : DEBUG_QUIT, d->hart);
        return true;
    }
    case MACHINE_MONITOR: at_hart(d, s, DEBUG_MONITOR, d->hart); return true;
    case MACHINE_GUEST:
    case MACHINE_STUCK:
    case MACHINE_RESET:
    case MACHINE_TRAP:
    case MACHINE_ERROR: break;
    }
    at_hart(d, s, DEBUG_ENDED, d->hart);
    s->result = r;
    d->ended = !d->runner || d->runner->ended(d->runner->ctx, 0);
    return true;
}

/* The run is over: selects the hart, drops the goal, and lets temporary stops
 * go. */
static void conclude(struct debugger *d, struct debug_stop *s)
{
    d->goal.n = 0;
    d->step_kinds = 0;
    debugger_select_vm(d, s->vm);
    d->hart = s->hart;
    d->last = *s;
    stops_refresh(d);
}

static bool begin(struct debugger *d, struct debug_stop *s)
{
    d->condition_error[0] = 0;
    d->frame.shown = false;
    if (d->last.number)
        stops_told(d, d->last.number);
    if (!d->ended)
        return true;
    *s = d->last;
    return false;
}

/* A hart stands where a step led it: at a breakpoint, which is hit by that and
 * not once more when it goes on? */
static bool hit_here(struct debugger *d, struct hart *h, struct debug_stop *s)
{
    hart_pass_breakpoint(h);
    return stops_break_hit(d, h, s);
}

static void stepped_onto(struct debugger *d, struct hart *h, struct debug_stop *s)
{
    if (!hit_here(d, h, s))
        at_hart(d, s, DEBUG_STEPPED, h->id);
}

void debugger_continue(struct debugger *d, uint64_t limit, struct debug_stop *s)
{
    uint64_t end = debugger_insns(d) + limit;
    bool done = false;
    if (!begin(d, s))
        return;
    for (;;) {
        uint64_t now = debugger_insns(d);
        uint64_t left = limit == UINT64_MAX ? limit : end - now;
        if (limit != UINT64_MAX && end <= now)
            done = true;
        else if (run_once(d, STOP_ANY, left, s, &done))
            break;
        if (done) {
            at_hart(d, s, DEBUG_STEPPED, d->hart);
            break;
        }
    }
    conclude(d, s);
}

/* ---- Steps ---- */

/* One step of the hart: an instruction, a trap, a call of the built-in
 * firmware. True: *s says what else ended it. *trapped: it was a trap. */
static bool step(struct debugger *d, struct hart *h, struct debug_stop *s, bool *trapped)
{
    uint64_t traps = h->traps;
    bool done = false;
    while (!done)
        if (run_once(d, (int)h->id, 1, s, &done))
            return true;
    *trapped = h->traps != traps;
    return false;
}

/* The trap that the hart has just taken was an interrupt. */
static bool was_interrupt(const struct hart *h)
{
    uint64_t cause = h->priv == PRIV_M ? h->csr.mcause : h->virt ? h->csr.vscause : h->csr.scause;
    return cause & CAUSE_INTERRUPT;
}

/* Runs until the goal; true: *s says what else ended it. */
static bool run_to(struct debugger *d, const struct goal *g, struct debug_stop *s)
{
    bool done;
    d->goal = *g;
    d->goal.vm = d->vm;
    while (!run_once(d, STOP_ANY, UINT64_MAX, s, &done))
        ;
    d->goal.n = 0;
    return s->reason != DEBUG_STEPPED;
}

void debugger_stepi(struct debugger *d, unsigned hart, uint64_t n, struct debug_stop *s)
{
    struct hart *h = machine_hart(d->machine, hart);
    bool trapped = false, over = false;
    if (!begin(d, s))
        return;
    while (n && !over) {
        over = step(d, h, s, &trapped);
        n--;
        if (!over && n && hit_here(d, h, s))
            over = true;
    }
    if (!over) {
        stepped_onto(d, h, s);
        s->trapped = trapped;
    }
    conclude(d, s);
}

/* Does the instruction leave a return address, so that what it leads to comes
 * back behind it? jal and jalr with rd = ra or t0, c.jalr. */
static bool is_call(uint32_t raw, unsigned len)
{
    unsigned rd = raw >> 7 & 31;
    if (len == 2)
        return (raw & 0xf07f) == 0x9002 && rd != 0; /* c.jalr; with rd = 0 c.ebreak */
    bool jump = (raw & 0x7f) == 0x6f || (raw & 0x707f) == 0x67;
    return jump && (rd == 1 || rd == 5);
}

/* One step of h through what calls and traps lead to. interrupts_only:
 * exceptions and calls are stepped into. True: *s says what else ended it. */
static bool step_over(struct debugger *d, struct hart **hart, bool interrupts_only, struct debug_stop *s)
{
    struct hart *h = *hart;
    for (;;) {
        uint32_t raw = 0;
        uint64_t pc = h->pc;
        unsigned len = debugger_insn_at_pc(h, &raw);
        struct goal g = {.va = {pc + len},
                         .n = 1,
                         .hart = h->priv == PRIV_U ? STOP_ANY : (int)h->id,
                         .mode = debugger_mode(h),
                         .same_mode = true,
                         .same_space = h->priv == PRIV_U,
                         .satp = h->virt ? h->csr.vsatp : h->csr.satp,
                         .sp_min = h->x[2]};
        bool trapped;
        if (step(d, h, s, &trapped))
            return true;
        if (!trapped) {
            bool called = !interrupts_only && len && is_call(raw, len) && h->pc != pc + len;
            if (!called)
                return false;
        } else if (interrupts_only && !was_interrupt(h)) {
            return false;
        } else if (len && raw == 0x73) { /* ecall: back behind it, or at it once more */
            g.va[g.n++] = pc;
        } else {
            g.va[0] = pc;
            if (len)
                g.va[g.n++] = pc + len; /* a handler that stood in for the instruction */
        }
        if (run_to(d, &g, s))
            return true;
        *hart = h = machine_hart(d->machine, s->hart);
        d->hart = h->id;
        if (!trapped || h->pc != pc)
            return false; /* back at pc, the instruction is still to be done */
    }
}

void debugger_nexti(struct debugger *d, unsigned hart, uint64_t n, struct debug_stop *s)
{
    struct hart *h = machine_hart(d->machine, hart);
    bool over = false;
    if (!begin(d, s))
        return;
    while (n && !over) {
        over = step_over(d, &h, false, s);
        n--;
        if (!over && n && hit_here(d, h, s))
            over = true;
    }
    if (!over)
        stepped_onto(d, h, s);
    conclude(d, s);
}

void debugger_step_range(struct debugger *d, unsigned hart, uint64_t lo, uint64_t hi, bool over, struct debug_stop *s)
{
    struct hart *h = machine_hart(d->machine, hart);
    bool stopped = false;
    if (!begin(d, s))
        return;
    do {
        stopped = step_over(d, &h, !over, s);
        if (!stopped && h->pc - lo < hi - lo && hit_here(d, h, s))
            stopped = true;
    } while (!stopped && h->pc - lo < hi - lo);
    if (!stopped)
        stepped_onto(d, h, s);
    conclude(d, s);
}

void debugger_until(struct debugger *d, int hart, const uint64_t *va, unsigned n, uint64_t sp_min, struct debug_stop *s)
{
    struct hart *h = hart == STOP_ANY ? debugger_hart(d) : machine_hart(d->machine, (unsigned)hart);
    struct goal g = {.hart = hart, .mode = debugger_mode(h), .sp_min = sp_min};
    if (!begin(d, s))
        return;
    for (; g.n < n && g.n < GOAL_PLACES; g.n++)
        g.va[g.n] = va[g.n];
    run_to(d, &g, s);
    conclude(d, s);
}

void debugger_step_event(struct debugger *d, uint64_t kinds, struct debug_stop *s)
{
    bool done;
    if (!begin(d, s))
        return;
    d->step_kinds = kinds;
    while (!run_once(d, STOP_ANY, UINT64_MAX, s, &done))
        ;
    conclude(d, s);
}
