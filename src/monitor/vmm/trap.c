/* SPDX-License-Identifier: MIT */
/*
 * The lecture's second attempt, trap and emulate: the guest runs on the real hart deprivileged, always in U, behind shadow page tables. What is
 * privileged traps, and the virtual hart does it:
 *
 *   page fault            no shadow entry yet: filled from the guest's tables; else the guest's own fault, MMIO, or a write to a page table
 *   illegal instruction   anything of S mode, CSRs and counters included; or the guest's own
 *   ecall, breakpoint     the virtual hart takes its trap, or the firmware's call goes to the machine
 *
 * What traps in S but not in U, or does something else there without trapping, would show the guest where it runs: Xuk is made of such
 * instructions (docs/extensions.md).
 */
#include "cpu/trap.h"
#include "cpu/csr.h"
#include "cpu/csr_bits.h"
#include "cpu/op.h"
#include "monitor/vmm/native.h"
#include "monitor/vmm/para.h"
#include "monitor/vmm/technique.h"
#include "monitor/vmm/trap.h"
#include "monitor/vmm/world.h"

#include <errno.h>
#include <stdlib.h>

static struct shadow *shadow_of(const struct vm *vm)
{
    return ((const struct deprivileged *)vm->state)->shadow;
}

const struct shadow *vm_shadow(const struct vm *vm)
{
    bool para = vm->technique->verify == para_verify;
    if (!vm->state || (!para && vm->technique->verify != trap_verify) || (para && para_of(vm)->direct))
        return NULL;
    return shadow_of(vm);
}

/* The hook of the shadow tables: see rewriter_code(). */
static uint64_t rewrite_page(struct vm *vm, uint64_t gpa)
{
    struct deprivileged *d = vm->state;
    return rewriter_code(d->rewriter, gpa);
}

static void give_copies_back(struct vm *vm)
{
    struct deprivileged *d = vm->state;
    rewriter_clear(d->rewriter);
}

static int attach(struct vm *vm, bool rewrites, struct err *e)
{
    static const struct shadow_hooks rewriting = {rewrite_page, give_copies_back};
    const char *more = native_unhidden(&vm->vmm->hart->isa, &machine_hart(vm->machine, 0)->isa);
    if (more)
        return err_set(e, -EINVAL,
                       "--vmm %s: the real machine has %s, which vm %u (%s) is to be without, and whose instructions "
                       "trap in no mode: "
                       "give the real machine -cpu rv64,%s=false too (guests that have it go on as before, but slower)",
                       vm->technique->name, more, vm->number, vm->name, more);
    struct deprivileged *d = calloc(1, sizeof *d);
    if (!d)
        return err_set(e, -ENOMEM, "vm %u: out of memory", vm->number);
    vm->state = d;
    d->shadow = shadow_new(vm, rewrites ? &rewriting : NULL, e);
    if (d->shadow && rewrites)
        d->rewriter = rewriter_new(vm, d->shadow, e);
    return d->shadow && (d->rewriter || !rewrites) ? 0 : -ENOMEM;
}

int trap_attach(struct vm *vm, struct err *e)
{
    return attach(vm, false, e);
}

int translate_attach(struct vm *vm, struct err *e)
{
    return attach(vm, true, e);
}

void trap_detach(struct vm *vm)
{
    struct deprivileged *d = vm->state;
    if (!d)
        return;
    shadow_free(d->shadow);
    rewriter_free(d->rewriter);
    free(d);
    vm->state = NULL;
}

void trap_flagged(struct vm *vm, uint64_t gpa, unsigned flags)
{
    if (flags & BIT(PAGE_WATCH_READ))
        shadow_unmap(shadow_of(vm), gpa, false);
    else if (flags & (BIT(PAGE_SHADOW) | BIT(PAGE_WATCH) | BIT(PAGE_HTIF)))
        shadow_unmap(shadow_of(vm), gpa, true);
}

int64_t trap_verify(struct vm *vm, struct err *e)
{
    return shadow_verify(shadow_of(vm), machine_hart(vm->machine, 0), e);
}

/* ---- The world switch ---- */

static void tell_satp(struct vm *vm, uint64_t old, uint64_t new)
{
    struct event *e = old != new ? vm_event(vm, EV_VM_SATP) : NULL;
    if (!e)
        return;
    e->a[0] = old;
    e->a[1] = new;
    vm_tell(vm, e);
}

void trap_enter(struct vm *vm, struct hart *vh, uint64_t satp)
{
    struct hart *real = vm->vmm->hart;
    struct csrs *c = &real->csr;
    world_load(real, vh);
    uint64_t old = c->satp;
    c->satp = satp;
    tell_satp(vm, old, satp);
    c->mstatus = merge_bits(c->mstatus, vh->csr.mstatus, MSTATUS_FS) & ~(MSTATUS_SUM | MSTATUS_MXR | MSTATUS_MPRV);
    c->scounteren = c->senvcfg = 0; /* counters and cbo.* are the virtual hart's */
    c->mie = 0;
    real->priv = PRIV_U;
    real->virt = false;
    hart_context_changed(real);
}

void trap_leave(struct vm *vm, struct hart *vh)
{
    struct hart *real = vm->vmm->hart;
    world_save(vh, real);
    vh->csr.mstatus = merge_bits(vh->csr.mstatus, real->csr.mstatus, MSTATUS_FS);
    vh->kick |= real->kick & KICK_EVENT;
    real->kick = 0;
    real->priv = PRIV_S;
    hart_context_changed(vh);
}

/* ---- Exits ---- */

static bool is_page_fault(uint64_t cause, enum mmu_access *a)
{
    *a = cause == CAUSE_FETCH_PAGE ? MMU_X : cause == CAUSE_STORE_PAGE ? MMU_W : MMU_R;
    return cause == CAUSE_FETCH_PAGE || cause == CAUSE_LOAD_PAGE || cause == CAUSE_STORE_PAGE;
}

static enum vm_exit_reason reason_of_cause(const struct vm *vm, const struct trap *t)
{
    const struct deprivileged *d = vm->state;
    switch (t->cause) {
    case CAUSE_BREAKPOINT: return d->rewriter ? VM_EXIT_REWRITTEN : VM_EXIT_EXCEPTION;
    case CAUSE_ILLEGAL: return native_reason_of_insn((uint32_t)t->tval);
    case CAUSE_ECALL_U: return VM_EXIT_ECALL;
    default: return VM_EXIT_EXCEPTION;
    }
}

static enum vm_exit_reason reason_of_fill(enum shadow_result r)
{
    switch (r) {
    case SHADOW_MMIO: return VM_EXIT_MMIO;
    case SHADOW_FAULT: return VM_EXIT_EXCEPTION;
    case SHADOW_FILLED: return VM_EXIT_PAGE;
    case SHADOW_NO_ROOM: return VM_EXIT_OTHER;
    case SHADOW_PROTECTED: break;
    }
    return VM_EXIT_PROTECTED;
}

/* How it goes on after a trap of the real hart's. */
enum next {
    NEXT_RESUME,  /* the guest is still on the real hart */
    NEXT_ENTER,   /* what it lacked is there, under another root */
    NEXT_EMULATE, /* the virtual hart has to do it */
};

/* The real hart's trap, if it is a fault that a shadow entry cures, becomes that entry; else *why and *gpa say what it is. The exit for an entry is told here,
 * before its steps; any other when the virtual hart is up to date. */
static enum next cure(struct vm *vm, struct hart *vh, const struct trap *t, enum vm_exit_reason *why, uint64_t *gpa)
{
    struct hart *real = vm->vmm->hart;
    enum mmu_access a;
    *why = reason_of_cause(vm, t);
    *gpa = 0;
    if (!is_page_fault(t->cause, &a))
        return NEXT_EMULATE;
    native_show_place(vh, real);
    *why = reason_of_fill(shadow_foresee(shadow_of(vm), vh, t->tval, a, gpa));
    if (*why != VM_EXIT_PAGE)
        return NEXT_EMULATE;
    vm_intercept(vm, VM_EXIT_PAGE, t, 0, 0);
    if (shadow_fill(shadow_of(vm), vh, t->tval, a) != SHADOW_FILLED)
        return NEXT_EMULATE;
    if (shadow_satp(shadow_of(vm), vh) != real->csr.satp)
        return NEXT_ENTER;
    vm_resume(vm, real);
    return NEXT_RESUME;
}

/* ---- Running ---- */

/* Is it one of the guest's own, and none that translate put there? */
static bool is_breakpoint(uint32_t insn)
{
    enum { EBREAK = 0x00100073, C_EBREAK = 0x9002 };
    return insn == EBREAK || (insn & 0xffff) == C_EBREAK;
}

/* Runs the guest on the real hart up to turn_retired == end. True: the caller goes on; false: *x is what trap_run() returns. */
static bool run_native(struct vm *vm, struct hart *vh, uint64_t end, struct exit *x)
{
    struct hart *real = vm->vmm->hart;
    uint64_t before = vh->turn_retired, gpa = 0, satp = shadow_satp(shadow_of(vm), vh);
    enum vm_exit_reason why = VM_EXIT_OTHER;
    enum next next = NEXT_RESUME;
    if (!satp)
        return vm_emulate(vm, vh, 0, x);
    trap_enter(vm, vh, satp);
    vm_resume(vm, real);
    while (next == NEXT_RESUME) {
        *x = hart_run(real, end - real->turn_retired);
        next = x->reason == EXIT_TRAP ? cure(vm, vh, &x->trap, &why, &gpa) : NEXT_EMULATE;
    }
    uint32_t insn = x->reason != EXIT_TRAP || x->trap.cause == CAUSE_FETCH_PAGE ? 0
                    : x->trap.cause == CAUSE_ILLEGAL                            ? (uint32_t)x->trap.tval
                                                                                : fetch_raw(real);
    trap_leave(vm, vh);
    if (why == VM_EXIT_REWRITTEN && x->reason == EXIT_TRAP) {
        insn = fetch_raw(vh); /* the guest's own */
        if (is_breakpoint(insn))
            why = VM_EXIT_EXCEPTION;
    }
    vm->stats.native += vh->turn_retired - before;
    machine_ran(vm->vmm->machine, vh->turn_retired - before);
    switch (x->reason) {
    case EXIT_BUDGET:
        vm_intercept_wish(vm, vh, VM_EXIT_BUDGET);
        vm_check_now(vm, vh);
        return true;
    case EXIT_TRAP:
        vm_check_now(vm, vh);
        if (next == NEXT_ENTER)
            return true;
        if (why != VM_EXIT_PAGE)
            vm_intercept(vm, why, &x->trap, insn, gpa);
        return vm_emulate(vm, vh, insn, x);
    case EXIT_BREAK: vm_intercept_wish(vm, vh, VM_EXIT_BREAK); return false;
    case EXIT_EVENT: vh->kick &= ~(uint32_t)KICK_EVENT; return false;
    case EXIT_WFI:
    case EXIT_STUCK: return false;
    }
    return false;
}

struct exit trap_run(struct vm *vm, struct hart *vh, uint64_t n)
{
    uint64_t end = vh->turn_retired + n;
    struct exit x = {.reason = EXIT_BUDGET};
    struct trap t;
    if (!native_breakpoints(vm, vh))
        return hart_run(vh, n);
    while (vh->turn_retired < end) {
        bool go;
        if (vm_must_interpret(vh)) {
            go = vm_interpret(vm, vh, end - vh->turn_retired, &x);
        } else if (trap_pending(vh, &t)) {
            vm_intercept(vm, VM_EXIT_INTERRUPT, &t, 0, 0);
            vh->kick |= KICK_IRQ;
            go = vm_emulate(vm, vh, 0, &x);
        } else {
            vh->kick &= ~(uint32_t)(KICK_IRQ | KICK_CODE);
            go = run_native(vm, vh, end, &x);
        }
        if (!go)
            return x;
    }
    return (struct exit){.reason = EXIT_BUDGET};
}
