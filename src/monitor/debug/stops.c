/* SPDX-License-Identifier: MIT */
/* Breakpoints, watchpoints, catchpoints: the list, what of it the machine is
 * told, and what counts as a hit. */
#include "monitor/debug/debugger_int.h"
#include "monitor/debug/expr.h"

#include "cpu/trap.h"
#include "dev/bus.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { WATCH_PIECES = 2 };

/* Where a watchpoint lies: its bytes within each of the pages that it touches,
 * as the machine was told. */
struct stop_watch {
    struct piece {
        uint64_t pa, len;
    } piece[WATCH_PIECES];
    unsigned npieces; /* 0: not mapped, or no memory */
    uint64_t satp;    /* of the address space it was found in; 0: it lies where it lies */
    bool armed;
    bool hit; /* in the instruction at work; what it saw: */
    struct debug_stop seen;
    uint8_t bytes[]; /* what was there when last looked at */
};

/* ---- The list ---- */

struct stop_spec stop_spec_default(enum stop_kind kind)
{
    return (struct stop_spec){.kind = kind,
                              .hart = STOP_ANY,
                              .cause = UINT64_MAX,
                              .from = STOP_ANY,
                              .csr = STOP_ANY,
                              .source = STOP_ANY,
                              .reason = STOP_ANY};
}

struct stop *debugger_stops(struct debugger *d)
{
    return d->stops;
}

struct stop *debugger_find(struct debugger *d, int number)
{
    struct stop *s = d->stops;
    while (s && s->number != number)
        s = s->next;
    return s;
}

static void disarm(struct debugger *d, struct stop *s);

static void stop_free(struct stop *s)
{
    if (!s)
        return;
    for (char **c = s->commands; c && *c; c++)
        free(*c);
    free(s->commands);
    free((char *)(uintptr_t)s->spec.text);
    free((char *)(uintptr_t)s->spec.condition);
    free((char *)(uintptr_t)s->spec.device);
    expr_free(s->expr);
    free(s->watch);
    free(s);
}

void debugger_remove(struct debugger *d, struct stop *s)
{
    struct stop **at = &d->stops;
    while (*at && *at != s)
        at = &(*at)->next;
    if (!*at)
        return;
    *at = s->next;
    disarm(d, s);
    stop_free(s);
    d->breaks_stale = true;
    stops_listen(d);
}

void debugger_remove_hidden(struct debugger *d)
{
    for (struct stop *s = d->stops, *next; s; s = next) {
        next = s->next;
        if (s->spec.hidden)
            debugger_remove(d, s);
    }
}

void stops_free_all(struct debugger *d)
{
    while (d->stops)
        debugger_remove(d, d->stops);
}

void debugger_enable(struct debugger *d, struct stop *s, bool on)
{
    s->enabled = on;
    d->breaks_stale = true;
    stops_refresh(d);
    stops_listen(d);
}

void stops_told(struct debugger *d, int number)
{
    struct stop *s = debugger_find(d, number);
    if (s && s->spec.temporary)
        debugger_remove(d, s);
}

/* A copy, or NULL of NULL. *ok: there was memory. */
static const char *copy(const char *s, bool *ok)
{
    char *c = s ? strdup(s) : NULL;
    *ok &= !s || c;
    return c;
}

int debugger_set_condition(struct debugger *d, struct stop *s, const char *text, struct err *e)
{
    struct expr *x = NULL;
    bool ok = true;
    (void)d;
    if (text && !(x = expr_parse(text, EXPR_PURE, NULL, e)))
        return -EINVAL;
    const char *own = copy(text, &ok);
    if (!ok) {
        expr_free(x);
        return err_set(e, -ENOMEM, "out of memory");
    }
    expr_free(s->expr);
    free((char *)(uintptr_t)s->spec.condition);
    s->expr = x;
    s->spec.condition = own;
    return 0;
}

static bool is_virtual(const struct stop_spec *s)
{
    return s->space == SPACE_GVA || s->space == SPACE_PAGED;
}

static int check_watch(struct debugger *d, struct stop *s, struct err *e)
{
    if (s->spec.len == 0 || s->spec.len > PAGE_SIZE)
        return err_set(e, -EINVAL, "a watchpoint of %" PRIu64 " bytes: give 1 to %" PRIu64, s->spec.len,
                       (uint64_t)PAGE_SIZE);
    s->watch = calloc(1, sizeof *s->watch + s->spec.len);
    if (!s->watch)
        return err_set(e, -ENOMEM, "out of memory");
    const uint64_t to_last = s->spec.len > 1 ? s->spec.len - 1 : 1;
    for (uint64_t i = 0; i < s->spec.len; i += to_last) {
        uint64_t pa;
        struct bus *bus = machine_bus(d->machine);
        if (!debugger_locate(debugger_hart(d), s->spec.space, s->spec.addr + i, &pa) || bus_memory_at(bus, pa))
            continue;
        const char *name = bus_name_at(bus, pa);
        if (name)
            return err_set(e, -EINVAL, "0x%" PRIx64 " is not in memory but belongs to %s: give catch mmio %s", pa, name,
                           name);
        if (!is_virtual(&s->spec))
            return err_set(e, -EINVAL, "0x%" PRIx64 ": nothing is there", pa);
        /* A virtual address that is nowhere may be mapped later. */
    }
    return 0;
}

struct stop *debugger_add(struct debugger *d, const struct stop_spec *spec, struct err *e)
{
    if (d->runner && !d->vm && spec->kind != STOP_CATCH) {
        err_set(e, -EINVAL,
                "the real hart runs what the virtual ones let it: give vm N first, to stop that virtual machine");
        return NULL;
    }
    struct stop *s = calloc(1, sizeof *s);
    bool ok = s != NULL;
    if (s) {
        s->spec = *spec;
        s->spec.condition = NULL;
        s->spec.text = copy(spec->text, &ok);
        s->spec.device = copy(spec->device, &ok);
        s->enabled = true;
    }
    if (!ok)
        err_set(e, -ENOMEM, "out of memory");
    if (!ok || (spec->condition && debugger_set_condition(d, s, spec->condition, e)) ||
        (spec->kind == STOP_WATCH && check_watch(d, s, e))) {
        stop_free(s);
        return NULL;
    }
    s->vm = d->vm;
    s->number = spec->hidden ? d->next_hidden-- : d->next_number++;
    struct stop **at = &d->stops;
    while (*at)
        at = &(*at)->next;
    *at = s;
    d->breaks_stale = true;
    stops_refresh(d);
    stops_listen(d);
    return s;
}

/* ---- What the machine is told ---- */

void stops_listen(struct debugger *d)
{
    uint64_t kinds = d->step_kinds;
    d->follows = 0;
    for (const struct stop *s = d->stops; s; s = s->next) {
        if (!s->enabled)
            continue;
        kinds |= s->spec.kind == STOP_CATCH ? s->spec.kinds : 0;
        if (s->spec.kind == STOP_WATCH && is_virtual(&s->spec) && (!s->watch->npieces || s->watch->satp))
            d->follows = BIT(EV_PTR) | BIT(EV_TLB_FLUSH) | BIT(EV_TLB_FILL) | BIT(EV_RET);
    }
    kinds |= d->follows;
    struct event_hub *hub = machine_events(d->real);
    d->sink.kinds = kinds;
    if (kinds && !d->listening)
        event_hub_add(hub, &d->sink);
    else if (!kinds && d->listening && !d->nested)
        event_hub_remove(hub, &d->sink);
    else
        event_hub_update(hub);
    d->listening = kinds || (d->listening && d->nested);
    if (d->runner)
        d->runner->listen(d->runner->ctx);
}

static bool goal_is_set(const struct debugger *d)
{
    return d->ngoal_breaks == d->goal.n && d->goal_breaks_vm == d->goal.vm &&
           !memcmp(d->goal_breaks, d->goal.va, d->goal.n * sizeof d->goal.va[0]);
}

/* Those of one machine. False: no memory. */
static bool arm_machine(struct debugger *d, unsigned vm)
{
    unsigned n = 0, all = d->goal.n;
    for (const struct stop *s = d->stops; s; s = s->next)
        all += 1 + s->spec.nalso;
    uint64_t *at = malloc((all + 1) * sizeof *at);
    if (!at)
        return false;
    for (const struct stop *s = d->stops; s; s = s->next)
        if (s->vm == vm && s->spec.kind == STOP_BREAK && s->enabled)
            at[n++] = s->spec.addr | (is_virtual(&s->spec) ? 0 : HART_BREAK_PHYSICAL);
    for (const struct stop *s = d->stops; s; s = s->next)
        for (unsigned i = 0; s->spec.kind == STOP_BREAK && s->enabled && i < s->spec.nalso; i++)
            at[n++] = s->spec.also[i];
    for (const struct stop *s = d->stops; s; s = s->next)
        if (s->vm == vm && s->spec.kind == STOP_WATCH && s->enabled && s->spec.frame.pc)
            at[n++] = s->spec.frame.pc;
    for (unsigned i = 0; i < d->goal.n && d->goal.vm == vm; i++)
        at[n++] = d->goal.va[i];
    bool ok = machine_set_breakpoints(debugger_machine_of(d, vm), at, n);
    free(at);
    return ok;
}

static void arm_breakpoints(struct debugger *d)
{
    if (!d->breaks_stale && goal_is_set(d))
        return;
    memcpy(d->goal_breaks, d->goal.va, sizeof d->goal_breaks);
    d->ngoal_breaks = d->goal.n;
    d->goal_breaks_vm = d->goal.vm;
    bool ok = true;
    /* With VMs none are on the real machine: what runs there is theirs. */
    for (unsigned i = d->runner ? 1 : 0; i <= (d->runner ? d->runner->nvms : 0); i++)
        ok &= arm_machine(d, i);
    d->breaks_stale = !ok; /* tried again at the next run */
}

void stops_arm(struct debugger *d)
{
    arm_breakpoints(d);
    stops_listen(d);
}

static void disarm(struct debugger *d, struct stop *s)
{
    struct stop_watch *w = s->watch;
    if (!w || !w->armed)
        return;
    w->armed = false;
    for (unsigned i = 0; i < w->npieces; i++) {
        bool ok = machine_watch(debugger_machine_of(d, s->vm), w->piece[i].pa, w->piece[i].len,
                                s->spec.access & DEBUG_READ ? MACHINE_READ | MACHINE_WRITE : MACHINE_WRITE, false);
        (void)ok; /* it was there */
    }
}

static void arm(struct debugger *d, struct stop *s)
{
    struct stop_watch *w = s->watch;
    unsigned access = s->spec.access & DEBUG_READ ? MACHINE_READ | MACHINE_WRITE : MACHINE_WRITE, i = 0;
    while (i < w->npieces &&
           machine_watch(debugger_machine_of(d, s->vm), w->piece[i].pa, w->piece[i].len, access, true))
        i++;
    w->armed = i == w->npieces;
    while (!w->armed && i-- > 0)
        if (!machine_watch(debugger_machine_of(d, s->vm), w->piece[i].pa, w->piece[i].len, access, false))
            break;
    if (!w->armed)
        w->npieces = 0; /* no memory: as if not mapped, tried again at the next change */
}

static void look(struct debugger *d, const struct stop *s, uint8_t *to)
{
    const struct stop_watch *w = s->watch;
    for (unsigned i = 0; i < w->npieces; to += w->piece[i++].len)
        if (!bus_dma_read(machine_bus(debugger_machine_of(d, s->vm)), w->piece[i].pa, to, w->piece[i].len))
            memset(to, 0, w->piece[i].len);
}

/* Where a watchpoint's bytes lie as this hart sees memory; how many pieces, 0: not all of them are in memory. */
static unsigned find_pieces(struct debugger *d, const struct stop *s, struct hart *h, struct piece piece[WATCH_PIECES])
{
    unsigned n = 0;
    for (uint64_t done = 0; done < s->spec.len; n++) {
        uint64_t pa, at = s->spec.addr + done, part = min_u64(s->spec.len - done, PAGE_SIZE - at % PAGE_SIZE);
        if (n == WATCH_PIECES || !debugger_locate(h, s->spec.space, at, &pa) ||
            !bus_memory_at(machine_bus(debugger_machine_of(d, s->vm)), pa))
            return 0;
        piece[n] = (struct piece){pa, part};
        done += part;
    }
    return n;
}

/* The page table that a hart's loads go through; 0: none. */
static uint64_t address_space(const struct hart *h)
{
    uint64_t satp = h->virt ? h->csr.vsatp : h->csr.satp;
    return h->priv == PRIV_M || satp >> 60 == 0 ? 0 : satp;
}

static void place_as(struct debugger *d, struct stop *s, struct hart *h)
{
    struct piece now[WATCH_PIECES];
    struct stop_watch *w = s->watch;
    unsigned n = find_pieces(d, s, h, now);
    if (!n || (w->armed && n == w->npieces && !memcmp(now, w->piece, n * sizeof *now)))
        return; /* mapped nowhere: as before if it has been */
    disarm(d, s);
    memcpy(w->piece, now, n * sizeof *now);
    w->npieces = n;
    w->satp = is_virtual(&s->spec) ? address_space(h) : 0;
    arm(d, s);
    look(d, s, w->bytes);
}

/* The selected hart's view of the address counts, else the first that has one. */
static void place(struct debugger *d, struct stop *s)
{
    struct machine *m = debugger_machine_of(d, s->vm);
    unsigned n = s->spec.hart != STOP_ANY ? (unsigned)s->spec.hart : s->vm == d->vm ? d->hart : 0;
    struct hart *h = machine_hart(m, n);
    place_as(d, s, h);
    for (unsigned i = 0; !s->watch->npieces && s->spec.hart == STOP_ANY && (h = machine_hart(m, i)); i++)
        place_as(d, s, h);
}

void stops_follow(struct debugger *d, struct hart *h)
{
    for (struct stop *s = d->stops; s; s = s->next) {
        if (s->spec.kind != STOP_WATCH || !s->enabled || !is_virtual(&s->spec) || s->vm != d->vm)
            continue;
        if (!s->watch->npieces || (s->watch->satp && s->watch->satp == address_space(h)))
            place_as(d, s, h);
    }
}

void stops_refresh(struct debugger *d)
{
    for (struct stop *s = d->stops; s; s = s->next) {
        if (s->spec.kind != STOP_WATCH)
            continue;
        if (!s->enabled)
            disarm(d, s);
        else if (!s->watch->npieces || !s->watch->armed)
            place(d, s);
        else
            look(d, s, s->watch->bytes);
    }
}

/* ---- Hits ---- */

/* A hit of s by this hart of this machine: does it count? */
static bool counts(struct debugger *d, struct stop *s, unsigned vm, unsigned hart)
{
    if (s->spec.hart != STOP_ANY && (unsigned)s->spec.hart != hart)
        return false;
    if (s->expr) {
        struct expr_env env;
        struct err e = {.text = ""};
        bool truth = true;
        unsigned before = d->hart, selected = debugger_look_at(d, vm);
        d->hart = hart;
        debugger_expr_env(d, &env);
        /* What cannot be told stops: silence would hide it. */
        if (!expr_test(s->expr, &env, &truth, &e)) {
            truth = true;
            snprintf(d->condition_error, sizeof d->condition_error, "%.250s", e.text);
        }
        d->hart = before;
        debugger_look_at(d, selected);
        if (!truth)
            return false;
    }
    s->hits++;
    if (s->spec.ignore) {
        s->spec.ignore--;
        return false;
    }
    return true;
}

/* Does the breakpoint lie where the hart stands? */
static bool stands_at(struct hart *h, const struct stop *s)
{
    uint64_t pa;
    for (unsigned i = 0; i < s->spec.nalso; i++)
        if (s->spec.also[i] == h->pc)
            return true;
    if (is_virtual(&s->spec))
        return s->spec.addr == h->pc;
    return debugger_pc_pa(h, &pa) && pa == s->spec.addr;
}

/* Has the function returned in whose frame the watchpoint lies? */
static bool left_frame(const struct stop *s, struct hart *h)
{
    const struct stop_frame *f = &s->spec.frame;
    return f->pc && f->pc == h->pc && f->hart == h->id && h->x[2] >= f->sp && f->satp == address_space(h) &&
           f->mode == EVENT_MODE(h->priv, h->virt);
}

bool stops_break_hit(struct debugger *d, struct hart *h, struct debug_stop *stop)
{
    struct stop *first = NULL;
    for (struct stop *s = d->stops; s; s = s->next)
        if (s->enabled && s->spec.kind == STOP_WATCH && s->vm == d->vm && left_frame(s, h)) {
            s->spec.temporary = true;
            *stop = (struct debug_stop){
                .reason = DEBUG_BREAK, .vm = d->vm, .hart = h->id, .number = s->number, .pc = h->pc, .left = true};
            return true;
        }
    for (struct stop *s = d->stops; s; s = s->next)
        if (s->enabled && s->spec.kind == STOP_BREAK && s->vm == d->vm && stands_at(h, s) &&
            counts(d, s, d->vm, h->id) && !first)
            first = s;
    if (!first)
        return false;
    *stop =
        (struct debug_stop){.reason = DEBUG_BREAK, .vm = d->vm, .hart = h->id, .number = first->number, .pc = h->pc};
    return true;
}

static bool fits(const struct stop_spec *c, const struct event *e)
{
    switch (BIT(e->kind) & c->kinds) {
    case 0: return false;
    case BIT(EV_TRAP):
        return (c->cause == UINT64_MAX || c->cause == e->a[0]) && (c->from == STOP_ANY || (unsigned)c->from == e->mode);
    case BIT(EV_CSR):
    case BIT(EV_PTR): return c->csr == STOP_ANY || (uint64_t)c->csr == e->a[0];
    case BIT(EV_MMIO): return !c->device || (e->text && !strncmp(e->text, c->device, strlen(c->device)));
    case BIT(EV_VM_EXIT): return c->reason == STOP_ANY || (uint64_t)c->reason == e->a[0];
    case BIT(EV_IRQ):
    case BIT(EV_WIRE): return c->source == STOP_ANY || (uint64_t)c->source == e->a[0];
    case BIT(EV_CLAIM): return c->source == STOP_ANY || (uint64_t)c->source == e->a[1];
    default: return true;
    }
}

void stops_see_event(struct debugger *d, const struct event *e)
{
    for (struct stop *s = d->stops; s; s = s->next) {
        if (!s->enabled || s->spec.kind != STOP_CATCH || !fits(&s->spec, e))
            continue;
        d->event = e;
        bool stops = counts(d, s, e->vm, e->hart);
        d->event = NULL;
        if (!stops)
            continue;
        struct debug_stop stop = {
            .reason = DEBUG_CATCH, .vm = e->vm, .hart = e->hart, .number = s->number, .pc = e->pc, .event = *e};
        debugger_stop_soon(d, &stop);
    }
}

static uint64_t first_bytes(const uint8_t *bytes, uint64_t len)
{
    uint64_t v = 0;
    memcpy(&v, bytes, min_u64(len, sizeof v));
    return v;
}

void stops_watch_hook(void *ctx, uint64_t pa, uint64_t len, bool write)
{
    const struct watch_ctx *c = ctx;
    struct debugger *d = c->d;
    uint8_t now[PAGE_SIZE];
    for (struct stop *s = d->stops; s; s = s->next) {
        struct stop_watch *w = s->watch;
        bool touches = false;
        for (unsigned i = 0; w && w->armed && s->vm == c->vm && i < w->npieces; i++)
            touches |= pa < w->piece[i].pa + w->piece[i].len && w->piece[i].pa < pa + len;
        if (!touches)
            continue;
        look(d, s, now);
        bool changed = memcmp(now, w->bytes, s->spec.len) != 0;
        uint64_t old = first_bytes(w->bytes, s->spec.len);
        memcpy(w->bytes, now, s->spec.len);
        bool wanted = write ? s->spec.access & DEBUG_WRITE || (s->spec.access & DEBUG_CHANGE && changed)
                            : s->spec.access & DEBUG_READ;
        if (!wanted || w->hit || d->writing)
            continue;
        struct event e = {0};
        struct event_hub *hub = machine_events(debugger_machine_of(d, c->vm));
        hub->stamp(hub->ctx, &e);
        w->hit = true;
        w->seen = (struct debug_stop){.reason = DEBUG_WATCH,
                                      .vm = c->vm,
                                      .hart = e.hart,
                                      .number = s->number,
                                      .pc = e.pc,
                                      .access = write ? DEBUG_WRITE : DEBUG_READ,
                                      .addr = s->spec.addr,
                                      .len = s->spec.len,
                                      .old = old,
                                      .new = first_bytes(now, s->spec.len)};
        debugger_stop_soon(d, &w->seen);
    }
}

bool stops_confirm(struct debugger *d, struct debug_stop *stop)
{
    bool confirmed = d->found.reason != DEBUG_WATCH;
    *stop = d->found;
    for (struct stop *s = d->stops; s; s = s->next) {
        if (s->spec.kind != STOP_WATCH || !s->watch->hit)
            continue;
        s->watch->hit = false;
        if (counts(d, s, s->vm, s->watch->seen.hart) && !confirmed) {
            *stop = s->watch->seen;
            confirmed = true;
        }
    }
    return confirmed;
}
