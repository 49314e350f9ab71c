/* SPDX-License-Identifier: MIT */
/* Running a paravirtualized guest: entries, exits, upcalls. What the guest asks for: para_calls.c. */
#include "monitor/vmm/para.h"

#include "base/text.h"
#include "cpu/csr.h"
#include "cpu/csr_bits.h"
#include "cpu/observe.h"
#include "cpu/op.h"
#include "cpu/trap.h"
#include "dev/bus_frames.h"
#include "machine_int.h"
#include "mmu/pte.h"
#include "monitor/vmm/native.h"
#include "monitor/vmm/technique.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

enum { SP = 2, A0 = 10, A6 = 16, A7 = 17 };

/* ---- Attaching ---- */

int para_attach(struct vm *vm, struct err *e)
{
    struct para *p = calloc(1, sizeof *p);
    int rc = trap_attach(vm, e);
    struct deprivileged *d = vm->state;
    if (p && d)
        p->trap = *d;
    if (!rc && (!p || !para_tables_init(&p->tables, vm)))
        rc = err_set(e, -ENOMEM, "vm %u: out of memory", vm->number);
    if (rc) { /* trap_detach() frees what it made */
        free(p);
        return rc;
    }
    free(d);
    vm->state = p;
    return 0;
}

void para_detach(struct vm *vm)
{
    struct para *p = vm->state;
    if (p)
        para_tables_free(&p->tables);
    trap_detach(vm); /* the structure too */
}

void para_flagged(struct vm *vm, uint64_t gpa, unsigned flags)
{
    trap_flagged(vm, gpa,
                 flags); /* in direct paging there are no shadows, and what a page's flags tell of is told by the bus */
}

int64_t para_verify(struct vm *vm, struct err *e)
{
    const struct para *p = para_of(vm);
    if (!p->direct)
        return trap_verify(vm, e);
    const uint64_t roots[2] = {p->root[1], p->root[0]};
    return para_tables_verify(&p->tables, roots, p->root[0] ? 2 : 1, &p->shared, 1, e);
}

/* Firmware has begun the guest anew (a reset, or SBI's suspend): it runs as under trap again. */
static void leave_direct(struct vm *vm)
{
    struct para *p = para_of(vm);
    para_tables_drop(&p->tables);
    p->tables.broken = p->tables.flush = false;
    p->direct = false;
    p->shared = p->root[0] = p->root[1] = 0;
    bus_set_table_frames(machine_bus(vm->machine), NULL);
    hart_sfence_vma(vm->vmm->hart, false, 0, -1);
    hart_context_changed(machine_hart(vm->machine, 0));
    shadow_listen(p->trap.shadow);
}

/* ---- The shared page ---- */

uint64_t para_shared_get(struct vm *vm, uint64_t offset)
{
    uint64_t v = 0;
    (void)!bus_dma_read(machine_bus(vm->machine), para_of(vm)->shared + offset, &v, sizeof v);
    return v;
}

void para_shared_set(struct vm *vm, uint64_t offset, uint64_t v)
{
    (void)!bus_dma_write(machine_bus(vm->machine), para_of(vm)->shared + offset, &v, sizeof v);
}

/* ---- Upcalls ---- */

void para_enter_mode(struct vm *vm, struct hart *vh, bool kernel)
{
    struct para *p = para_of(vm);
    vh->priv = kernel ? PRIV_S : PRIV_U;
    vh->csr.satp = p->believed = p->satp[kernel];
}

static void tell_upcall(struct vm *vm, const struct hart *vh, const struct trap *t)
{
    struct event *e = vm_event(vm, EV_VM_UPCALL);
    if (!e)
        return;
    e->a[0] = t->cause;
    e->a[1] = t->tval;
    e->a[2] = event_mode_of(vh);
    e->a[3] = para_of(vm)->vector;
    vm_tell(vm, e);
}

/* What the guest's own hardware would do by a trap. False: *x is what para_run() returns, among others where the first instruction of the handler
 * raises one each time, for ever. */
static bool upcall(struct vm *vm, struct hart *vh, const struct trap *t, struct exit *x)
{
    struct para *p = para_of(vm);
    bool kernel = vh->priv == PRIV_S;
    if (kernel && vh->pc == p->vector && p->upcall_at == hart_instret(vh) && !(t->cause & CAUSE_INTERRUPT)) {
        *x = (struct exit){.reason = EXIT_STUCK, .trap = *t, .to = PRIV_S};
        return false;
    }
    p->upcall_at = hart_instret(vh);
    tell_upcall(vm, vh, t);
    PARA_SET(vm, cause, t->cause);
    PARA_SET(vm, tval, t->tval);
    PARA_SET(vm, epc, vh->pc);
    PARA_SET(vm, sp, vh->x[SP]);
    PARA_SET(vm, kernel, kernel);
    PARA_SET(vm, was_enabled, kernel ? PARA_GET(vm, enabled) & 1 : 1);
    PARA_SET(vm, enabled, 0);
    if (!kernel)
        vh->x[SP] = PARA_GET(vm, kernel_sp);
    vh->csr.scause = t->cause; /* for those who look at the virtual hart; the guest cannot */
    vh->csr.stval = t->tval;
    vh->csr.sepc = vh->pc;
    vh->pc = p->vector;
    vh->reservation = UINT64_MAX;
    vh->traps++;
    para_enter_mode(vm, vh, true);
    *x = (struct exit){.reason = EXIT_EVENT};
    return !vh->stop_at_trap; /* who steps sees the handler's first instruction */
}

/* ---- Exits ---- */

static bool is_hypercall(const struct vm *vm, const struct hart *vh)
{
    return vh->x[A7] == PARA_EXTENSION && !vm->check; /* the oracle has none: under --check nobody has */
}

static void tell_sbi(struct vm *vm, const struct hart *vh)
{
    struct event *e = vm_event(vm, EV_SBI);
    if (!e)
        return;
    e->a[0] = vh->x[A7];
    e->a[1] = vh->x[A6];
    for (unsigned i = 0; i < 3; i++)
        e->a[2 + i] = vh->x[A0 + i];
    vm_tell(vm, e);
}

/* The hypercall is done; it counts as an instruction retired, so that no chain of calls goes on for ever. */
static bool call(struct vm *vm, struct hart *vh, struct exit *x)
{
    enum para_next next = para_hypercall(vm, vh);
    vh->turn_retired++;
    vm->stats.emulated++;
    if (next == PARA_GO_ON || trap_wfi_wakes(vh))
        return true;
    *x = (struct exit){.reason = EXIT_WFI};
    return false;
}

/* An ecall of the guest's kernel in direct paging. False: *x is what para_run() returns. */
static bool ecall(struct vm *vm, struct hart *vh, struct exit *x)
{
    enum { LEGACY_FIRST = 4, LEGACY_LAST = 7 };
    if (is_hypercall(vm, vh))
        return call(vm, vh, x);
    tell_sbi(vm, vh);
    vh->turn_retired++;                                          /* as a hypercall does */
    if (vh->x[A7] >= LEGACY_FIRST && vh->x[A7] <= LEGACY_LAST) { /* firmware would read a mask by the guest's tables */
        vh->x[A0] = (uint64_t)(int64_t)PARA_NOT_SUPPORTED;
        vh->pc += 4;
        return true;
    }
    *x = (struct exit){.reason = EXIT_TRAP, .trap = {.cause = CAUSE_ECALL_S}, .to = PRIV_M};
    return false;
}

/* csrr of a counter, as far as scounteren allows it. False: it is illegal. */
static bool read_counter(struct vm *vm, struct hart *vh, uint32_t insn)
{
    uint64_t value;
    struct trap t;
    unsigned rd = insn >> 7 & 31, rs1 = insn >> 15 & 31;
    bool reads = (insn >> 12 & 3) >= 2 && rs1 == 0;
    if (!reads || !csr_execute(vh, insn >> 20, CSR_RS, 0, true, false, insn, &value, &t))
        return false;
    struct event *e = vm_event(vm, EV_VM_EMULATE);
    if (e) {
        e->a[0] = insn;
        e->a[1] = vh->pc;
        vm_tell(vm, e);
    }
    if (rd)
        vh->x[rd] = value;
    vh->pc += 4;
    vh->turn_retired++;
    vm->stats.emulated++;
    return true;
}

static bool intercepted(struct vm *vm, struct hart *vh, uint32_t insn, struct exit *x)
{
    struct trap t = x->trap;
    enum vm_exit_reason why = t.cause == CAUSE_ILLEGAL ? native_reason_of_insn((uint32_t)t.tval) : VM_EXIT_EXCEPTION;
    if (t.cause == CAUSE_ECALL_U && vh->priv == PRIV_S)
        why = VM_EXIT_ECALL;
    vm_intercept(vm, why, &t, insn, 0);
    if (why == VM_EXIT_ECALL)
        return ecall(vm, vh, x);
    if (why == VM_EXIT_TIME && read_counter(vm, vh, insn))
        return true;
    return upcall(vm, vh, &t, x);
}

/* ---- Running ---- */

/* Runs the guest on the real hart up to turn_retired == end. */
static bool run_native(struct vm *vm, struct hart *vh, uint64_t end, struct exit *x)
{
    struct hart *real = vm->vmm->hart;
    struct para *p = para_of(vm);
    uint64_t before = vh->turn_retired;
    trap_enter(vm, vh, p->satp[vh->priv == PRIV_S]);
    vm_resume(vm, real);
    *x = hart_run(real, end - before);
    uint32_t insn = x->reason != EXIT_TRAP || x->trap.cause == CAUSE_FETCH_PAGE ? 0
                    : x->trap.cause == CAUSE_ILLEGAL                            ? (uint32_t)x->trap.tval
                                                                                : fetch_raw(real);
    trap_leave(vm, vh);
    vm->stats.native += vh->turn_retired - before;
    machine_ran(vm->vmm->machine, vh->turn_retired - before);
    switch (x->reason) {
    case EXIT_BUDGET: vm_intercept_wish(vm, vh, VM_EXIT_BUDGET); return true;
    case EXIT_TRAP: return intercepted(vm, vh, insn, x);
    case EXIT_BREAK: vm_intercept_wish(vm, vh, VM_EXIT_BREAK); return false;
    case EXIT_EVENT: vh->kick &= ~(uint32_t)KICK_EVENT; return false;
    case EXIT_WFI:
    case EXIT_STUCK: return false;
    }
    return false;
}

/* While somebody watches memory the guest goes by single instructions, so that it stops behind the very one that touched it. */
static uint64_t stretch(const struct vm *vm, const struct hart *vh, uint64_t end)
{
    return vm->machine->nwatches ? vh->turn_retired + 1 : end;
}

static bool run_direct(struct vm *vm, struct hart *vh, uint64_t end, struct exit *x)
{
    struct trap t;
    if (vh->kick & KICK_EVENT) {
        vh->kick &= ~(uint32_t)KICK_EVENT;
        *x = (struct exit){.reason = EXIT_EVENT};
        return false;
    }
    vh->kick &= ~(uint32_t)(KICK_IRQ | KICK_CODE | KICK_WFI);
    uint64_t enabled = PARA_GET(vm, enabled) & 1;
    vh->csr.mstatus = enabled ? vh->csr.mstatus | MSTATUS_SIE : vh->csr.mstatus & ~MSTATUS_SIE;
    if (trap_pending(vh, &t)) {
        vm_intercept(vm, VM_EXIT_INTERRUPT, &t, 0, 0);
        return upcall(vm, vh, &t, x);
    }
    PARA_SET(vm, pending, csr_mip(vh) & vh->csr.mie & INT_S);
    return run_native(vm, vh, stretch(vm, vh, end), x);
}

/* A write to a table that no hypercall made: a device's, say. Nobody can tell any more what the real MMU would do with it. */
static void end_broken(struct vm *vm)
{
    struct para *p = para_of(vm);
    struct machine *m = vm->machine;
    snprintf(m->result.why, sizeof m->result.why, "its page table at %s was written otherwise than by a hypercall",
             text_hex(p->tables.written_gpa).s);
    machine_end(m, MACHINE_ERROR, 0);
    machine_hart(m, 0)->kick |= KICK_EVENT;
}

static bool run_as_under_trap(struct vm *vm, struct hart *vh, uint64_t n, struct exit *x)
{
    *x = trap_run(vm, vh, n);
    if (x->reason != EXIT_TRAP || x->trap.cause != CAUSE_ECALL_S || x->to != PRIV_M || !is_hypercall(vm, vh))
        return x->reason == EXIT_BUDGET;
    return call(vm, vh, x);
}

struct exit para_run(struct vm *vm, struct hart *vh, uint64_t n)
{
    struct para *p = para_of(vm);
    uint64_t end = vh->turn_retired + n;
    struct exit x = {.reason = EXIT_BUDGET};
    if (!native_breakpoints(vm, vh))
        return (struct exit){.reason = EXIT_EVENT};
    while (vh->turn_retired < end) {
        if (p->direct && (vh->csr.satp != p->believed || vh->priv == PRIV_M))
            leave_direct(vm);
        if (p->direct && p->tables.broken)
            end_broken(vm);
        if (p->direct ? !run_direct(vm, vh, end, &x) : !run_as_under_trap(vm, vh, end - vh->turn_retired, &x))
            return x;
    }
    return (struct exit){.reason = EXIT_BUDGET};
}
