/* SPDX-License-Identifier: MIT */
/* The run loop's outside: enters decoded code, and between stretches of it delivers interrupts and traps. */
#include "cpu/csr.h"
#include "cpu/hostfp.h"
#include "cpu/observe.h"
#include "cpu/op.h"
#include "cpu/stream.h"
#include "cpu/trap.h"

#include <string.h>

enum { STUCK_TRAPS = 1000 }; /* in a row without an instruction retired between them */

/* The host's flags are the hart's while it runs. Between runs they are those of whatever else this program computes. */
unsigned hart_fflags(struct hart *h)
{
#if HOSTFP_AVAILABLE
    if (h->code->running == h)
        h->fflags |= hostfp_take_flags();
#endif
    return h->fflags;
}

void hart_set_fflags(struct hart *h, unsigned fl)
{
#if HOSTFP_AVAILABLE
    if (h->code->running == h)
        hostfp_clear_flags();
#endif
    h->fflags = fl & 31;
}

void hart_set_irq(struct hart *h, enum irq_bit bit, bool level)
{
    uint64_t before = h->csr.mip_line;
    h->csr.mip_line = level ? before | BIT(bit) : before & ~BIT(bit);
    if (h->csr.mip_line == before)
        return;
    h->kick |= KICK_IRQ;
    if (event_wanted(h->events, EV_WIRE))
        observe_wire(h, bit, level);
}

void hart_take_trap(struct hart *h, const struct trap *t)
{
    uint64_t pc = h->pc;
    uint8_t from = event_mode_of(h);
    trap_take(h, t, pc);
    if (h->drops_reservation)
        h->reservation = UINT64_MAX;
    h->drops_reservation = false;
    h->traps++;
    if (h->stop_at_trap)
        h->kick |= KICK_EVENT;
    if (event_wanted_any(h->events, BIT(EV_TRAP) | BIT(EV_MODE)))
        observe_trap(h, t, pc, from);
}

bool hart_deliver(struct hart *h)
{
    struct trap_target to = trap_route(h, h->last_trap.cause);
    uint64_t retired = hart_instret(h);
    if (h->last_trap.cause == CAUSE_ECALL_S && to.priv == PRIV_M && event_wanted(h->events, EV_SBI))
        observe_sbi(h);
    if (!to.virt && (h->native >> to.priv & 1)) {
        h->left = (struct exit){.reason = EXIT_TRAP, .trap = h->last_trap, .to = to.priv, .to_virt = to.virt};
        h->trapped = true;
        return false;
    }
    h->traps_in_a_row = retired == h->last_trap_retired ? h->traps_in_a_row + 1 : 0;
    h->last_trap_retired = retired;
    if (h->traps_in_a_row > STUCK_TRAPS) {
        h->left = (struct exit){.reason = EXIT_STUCK, .trap = h->last_trap, .to = to.priv, .to_virt = to.virt};
        h->trapped = true;
        h->traps_in_a_row = 0;
        return false;
    }
    hart_take_trap(h, &h->last_trap);
    return true;
}

/* Is there a breakpoint at the physical address that pc means? */
static bool at_physical_breakpoint(const struct hart *h)
{
    struct mmu_ctx c = hart_fetch_ctx(h);
    struct mmu_map m;
    struct mmu_fault f;
    if (!code_has_physical_breakpoints(h->code) || !mmu_translate(&c, h->pc, 2, MMU_X, true, &m, &f, NULL))
        return false;
    return code_has_breakpoint(h->code, HART_BREAK_PHYSICAL | m.pa);
}

bool hart_break(struct hart *h)
{
    if (h->passed_pc == h->pc && h->passed_insn == hart_instret(h))
        return false;
    if (!code_has_breakpoint(h->code, h->pc) && !at_physical_breakpoint(h))
        return false;
    hart_pass_breakpoint(h);
    h->left = (struct exit){.reason = EXIT_BREAK};
    h->trapped = true;
    return true;
}

/* Runs decoded code from op until it is left; h->pc, turn_retired say how far it came. budget: see exec.inc. */
static void execute(struct hart *h, const struct op *op, int64_t budget)
{
    h->run_base = (int64_t)h->turn_retired + budget;
    h->budget = budget;
#ifdef VITRINE_TRAMPOLINE
    while (op)
        op = op->fn(h, op, h->budget, h->tlb);
#else
    op->fn(h, op, budget, h->tlb);
#endif
    h->turn_retired = (uint64_t)(h->run_base - h->budget);
}

/* What blocks look like: of one instruction, or such as tell what they do. */
static void set_context(struct hart *h, bool step, enum hart_tells tells)
{
    if (h->step == step && h->tells == tells)
        return;
    h->step = step;
    h->tells = (uint8_t)tells;
    hart_context_changed(h);
}

/* Deals with h->kick. True: *e is why hart_run() must return. */
static bool attend(struct hart *h, struct exit *e)
{
    uint32_t kick = h->kick;
    h->kick = 0;
    if (kick & KICK_EVENT) {
        h->kick = kick & ~(uint32_t)(KICK_EVENT | KICK_CODE);
        *e = (struct exit){.reason = EXIT_EVENT};
        return true;
    }
    if (kick & KICK_WFI && !trap_wfi_wakes(h)) {
        *e = (struct exit){.reason = EXIT_WFI};
        return true;
    }
    if (kick & (KICK_IRQ | KICK_WFI) && trap_pending(h, &h->last_trap) && !hart_deliver(h)) {
        h->trapped = false;
        *e = h->left;
        return true;
    }
    return false;
}

/* Of an access's bytes the first 8 at most. */
static inline uint64_t value_at(const uint8_t *host, unsigned size)
{
    uint64_t v = 0;
    switch (size) {
    case 1: return *host;
    case 2: memcpy(&v, host, 2); return v;
    case 4: memcpy(&v, host, 4); return v;
    default: memcpy(&v, host, 8); return v;
    }
}

/* Executes one operation that computes in floating point, telling what flags it raised, those that were up already too. */
static void execute_raising(struct hart *h, const struct op *op)
{
    enum { FFLAGS = 1 };
    const uint64_t retired = h->turn_retired, pc = h->pc;
    const uint8_t mode = event_mode_of(h);
    struct observed_csr o = observe_csr_before(h, FFLAGS);
    const unsigned before = hart_fflags(h);
    hart_set_fflags(h, 0);
    execute(h, op, 0);
    const unsigned raised = hart_fflags(h);
    hart_set_fflags(h, before | raised);
    if (!raised || h->turn_retired == retired)
        return;
    h->turn_retired = retired; /* the event comes before its instruction's */
    observe_side(h, pc, mode, &o);
    h->turn_retired = retired + 1;
}

/* Executes the one instruction of op and tells of it, unless it trapped. What is told stays in host registers until it goes to its place: to
 * put it together in memory first takes longer than everything else here. */
static void execute_observed(struct hart *h, const struct op *op, size_t at)
{
    const struct code_cache *c = h->code;
    struct observed_op room;
    const struct observed_op *o = c->observed ? &c->observed[at] : &room;
    if (UNLIKELY(!c->observed || o->resets != (uint32_t)c->resets + 1))
        o = observe_find_out(h, op, &room);
    const uint64_t *reg = (const uint64_t *)((const char *)h + o->slot);
    const uint64_t pc = h->pc, retired = h->turn_retired, reg_old = *reg;
    const uint32_t raw = o->raw;
    const unsigned size = o->size, which = o->reg, access = o->access;
    const uint8_t mode = event_mode_of(h), *host = NULL;
    uint64_t mem = 0, mem_old = 0, mem_new = 0;
    if (size) {
        mem = h->x[o->rs1] + (uint64_t)(int64_t)o->imm;
        const struct tlb_entry *t = &h->tlb->r[tlb_index(mem)];
        if (LIKELY(access != OBSERVE_OTHER && mem - t->page <= (uint64_t)PAGE_SIZE - size))
            host = t->host + (mem - t->page);
        else
            host = observe_search(h, o, &mem);
        mem_old = host ? value_at(host, size) : 0;
    }
    if (UNLIKELY(event_wanted(h->events, EV_CSR_SIDE)) && observe_raises(raw))
        execute_raising(h, op);
    else
        execute(h, op, 0);
    if (UNLIKELY(h->turn_retired == retired))
        return;
    if (size)
        mem_new = host ? value_at(host, size) : observe_moved(h, raw, size, which == EVENT_REG_NONE ? h->x[32] : *reg);
    if (access == OBSERVE_LOAD)
        mem_old = mem_new; /* of a device's register nobody knows what it was */
    struct event *e = event_slot(h->events, EV_INSN);
    e->clock = h->clock + retired;
    e->insn = h->retired + retired;
    e->pc = pc;
    e->hart = (uint8_t)h->id;
    e->mode = mode;
    e->a[0] = raw;
    e->a[1] = which;
    e->a[2] = reg_old;
    e->a[3] = *reg;
    e->a[4] = mem;
    e->a[5] = size;
    e->a[6] = mem_old;
    e->a[7] = mem_new;
    event_end(h->events, e);
}

/* The observed loop: instruction by instruction, until something asks for attention or the n-th has retired. */
static void run_observed(struct hart *h, uint64_t end)
{
    set_context(h, true, TELLS_NOTHING);
    do {
        uint64_t page = h->pc & PAGE_MASK;
        const struct fetch_entry *e = &h->fetch->entry[(h->pc >> PAGE_SHIFT) % FETCH_ENTRIES];
        unsigned off = (unsigned)(h->pc & ~PAGE_MASK);
        uint32_t at = e->tag == page && off != PAGE_SIZE - 2 ? e->page->entry[off / 2] : 0;
        h->page_va = page;
        const struct op *op = LIKELY(at) ? &h->code->ops[at] : fetch_lookup(h);
        if (UNLIKELY(!op)) {
            hart_deliver(h);
            return;
        }
        execute_observed(h, op, LIKELY(at) ? at : (size_t)(op - h->code->ops));
    } while (h->turn_retired < end && !h->kick && !h->trapped && h->step);
}

/* Instructions for a stream, block by block; those that no block can have, one alone. left: more than BLOCK_MAX. */
static void run_told(struct hart *h, uint64_t left)
{
    set_context(h, false, event_wanted(h->events, EV_CSR_SIDE) ? TELLS_BUT_FP : TELLS_ALL);
    const struct op *op = fetch_lookup(h);
    if (!op) {
        hart_deliver(h);
    } else if (op->fn == h->code->handlers->tell_alone) {
        h->kick &= ~(uint32_t)KICK_CODE;
        run_observed(h, h->turn_retired + 1);
    } else if (op->fn != h->code->handlers->tell_block) {
        execute_observed(h, op, (size_t)(op - h->code->ops)); /* one that is never kept */
    } else {
        execute(h, op, (int64_t)min_u64(left - BLOCK_MAX, INT64_MAX / 2));
        observe_leave(h);
    }
}

/* The stream to run for: where nobody else wants to hear of instructions, and there is memory. */
static bool find_stream(struct hart *h)
{
    if (LIKELY(h->events->stream == h->stream))
        return h->stream;
    h->stream = code_cache_can_tell(h->code) ? h->events->stream : NULL;
    if (h->stream)
        observe_begin(h);
    return h->stream;
}

static struct exit run(struct hart *h, uint64_t n)
{
    const bool observed = event_wanted(h->events, EV_INSN);
    uint64_t end = h->turn_retired + n;
    struct exit e;
    while (h->turn_retired < end || h->kick & ~(uint32_t)KICK_CODE) {
        if (h->kick && attend(h, &e))
            return e;
        if (h->turn_retired >= end)
            break;
        if (h->kick & KICK_EVENT) /* an interrupt was taken, and stop_at_trap wants to hear of it */
            continue;
        uint64_t left = end - h->turn_retired;
        if (observed && left > BLOCK_MAX && find_stream(h)) {
            run_told(h, left);
        } else if (observed) {
            run_observed(h, end);
        } else {
            set_context(h, left <= BLOCK_MAX, TELLS_NOTHING);
            const struct op *op = fetch_lookup(h);
            if (op)
                execute(h, op, h->step ? 0 : (int64_t)min_u64(left - BLOCK_MAX, INT64_MAX / 2));
            else
                hart_deliver(h);
        }
        if (h->trapped) {
            h->trapped = false;
            return h->left;
        }
    }
    return (struct exit){.reason = EXIT_BUDGET};
}

struct exit hart_run(struct hart *h, uint64_t n)
{
#if HOSTFP_AVAILABLE
    uint32_t saved = hostfp_enter();
#endif
    h->drops_reservation = false;
    h->code->running = h;
    h->stream = NULL; /* what happened to the hart's registers in between it has to be told anew */
    struct exit e = run(h, n);
    hart_fflags(h);
    h->code->running = NULL;
#if HOSTFP_AVAILABLE
    hostfp_leave(saved);
#endif
    return e;
}
