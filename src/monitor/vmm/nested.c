/* SPDX-License-Identifier: MIT */
/*
 * Hardware support: the guest runs on the real hart in VS and VU, the real MMU walks the guest's tables and the second-stage table behind
 * them, and the guest's own traps and interrupts go to it without the VMM. What comes back to the VMM:
 *
 *   guest page fault     no second-stage entry yet: filled from the p2m; no RAM there: MMIO
 *   virtual instruction  what hstatus, hcounteren and henvcfg keep from the guest: wfi, counters (not time), its timer, and registers that only
 *                        HS has (which a guest without H does not have: illegal)
 *   ecall                to the guest's M mode or firmware, and every exception that the guest's medeleg does not give to S
 *
 * The virtual hart's S state lies in the real hart's vs* registers meanwhile, one for one:
 *   sstatus vsstatus | stvec vstvec | sscratch vsscratch | sepc vsepc | scause vscause | stval vstval | satp vsatp | sip, sie: hvip, hie
 *   medeleg hedeleg | mideleg hideleg << 1 | menvcfg henvcfg | mstatus.TSR, TVM: hstatus.VTSR, VTVM
 */
#include "cpu/csr.h"
#include "cpu/csr_bits.h"
#include "cpu/op.h"
#include "mmu/pte.h"
#include "monitor/vmm/gstage.h"
#include "monitor/vmm/native.h"
#include "monitor/vmm/technique.h"
#include "monitor/vmm/world.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* What sstatus shows and the guest may change. */
#define SSTATUS_FIELDS (MSTATUS_SIE | MSTATUS_SPIE | MSTATUS_SPP | MSTATUS_FS | MSTATUS_SUM | MSTATUS_MXR)
/* Pages that the virtual hart itself has to write, or to read, since somebody hears of it in the course of the instruction. */
#define TELLS_OF_WRITES (BIT(PAGE_WATCH) | BIT(PAGE_HTIF))
#define TELLS_OF_READS  BIT(PAGE_WATCH_READ)

struct nested {
    struct gstage g;
    struct pmp pmp; /* the virtual hart's, as the table was filled by it */
    bool time_runs; /* the guest may read time by itself: its clock goes as fast as the real machine's */
    uint64_t insns_per_tick;
    /* Both harts' counts of flushes when their translations last agreed. */
    uint64_t real_flushes, virtual_flushes;
};

/* ---- The second stage ---- */

/* What the guest may do with a page of its RAM by itself. */
static uint64_t rights(struct vm *vm, const struct hart *vh, uint64_t gpa)
{
    static const uint64_t bit[] = {[MMU_R] = PTE_R, [MMU_W] = PTE_W, [MMU_X] = PTE_X};
    const struct mem_region *r = bus_memory_at(machine_bus(vm->machine), gpa);
    unsigned flags = r->flags[(gpa - r->base) >> PAGE_SHIFT];
    uint64_t perm = 0;
    bool whole = true;
    for (unsigned a = MMU_R; a <= MMU_X; a++)
        if (pmp_allows(&vh->pmp, gpa & PAGE_MASK, 1, (enum mmu_access)a, PRIV_S, &whole))
            perm |= bit[a];
    if (!whole || flags & TELLS_OF_READS)
        return 0;
    return flags & TELLS_OF_WRITES ? perm & ~PTE_W : perm;
}

/* Fills the entry for gpa. False: the guest may not do this there by itself. */
static bool fill(struct vm *vm, struct nested *s, const struct hart *vh, uint64_t gpa, uint64_t cause)
{
    uint64_t hpa, need = cause == CAUSE_FETCH_GUEST_PAGE ? PTE_X : cause == CAUSE_STORE_GUEST_PAGE ? PTE_W : PTE_R;
    if (!vm_lookup(vm, gpa, &hpa))
        return false;
    uint64_t perm = rights(vm, vh, gpa);
    return perm & need && gstage_set(&s->g, gpa, hpa, perm);
}

void nested_flagged(struct vm *vm, uint64_t gpa, unsigned flags)
{
    struct nested *s = vm->state;
    uint64_t hpa;
    if (flags & (TELLS_OF_WRITES | TELLS_OF_READS) && vm_frame(vm, gpa, &hpa))
        (void)!gstage_set(&s->g, gpa, hpa, 0); /* to take an entry away needs no frame */
}

/* ---- Attaching ---- */

static const char *other_extension(const struct isa *a, const struct isa *b)
{
#define ISA(field, name, on, dt)                                                                                       \
    if (a->field != b->field && strcmp(#field, "h"))                                                                   \
        return name;
#include "cpu/isa.def"
#undef ISA
    return NULL;
}

int nested_attach(struct vm *vm, struct err *e)
{
    const struct hart *real = vm->vmm->hart, *vh = machine_hart(vm->machine, 0);
    const char *differs = other_extension(&real->isa, &vh->isa);
    if (!real->isa.h)
        return err_set(e, -EINVAL, "--vmm nested: the real machine has no H extension: leave h=false out of -cpu");
    if (vh->isa.h)
        return err_set(e, -EINVAL,
                       "--vmm nested: vm %u (%s) has the H extension itself, which VS mode cannot show it: give it "
                       "-cpu rv64,h=false, or --vmm trap",
                       vm->number, vm->name);
    if (differs)
        return err_set(e, -EINVAL,
                       "--vmm nested: vm %u (%s) and the real machine differ in %s, which VS mode cannot hide: give "
                       "both the same -cpu",
                       vm->number, vm->name, differs);
    struct nested *s = calloc(1, sizeof *s);
    if (!s)
        return err_set(e, -ENOMEM, "vm %u: out of memory", vm->number);
    vm->state = s;
    s->insns_per_tick = vm->opt.insns_per_tick;
    s->time_runs =
        vm->vmm->config.real.insns_per_tick == s->insns_per_tick && !vm->opt.realtime && !vm->vmm->config.real.realtime;
    s->real_flushes = s->virtual_flushes = UINT64_MAX;
    return gstage_init(&s->g, vm, e);
}

void nested_detach(struct vm *vm)
{
    struct nested *s = vm->state;
    if (s)
        gstage_free(&s->g);
    free(s);
    vm->state = NULL;
}

int64_t nested_verify(struct vm *vm, struct err *e)
{
    struct nested *s = vm->state;
    return gstage_verify(&s->g, e);
}

/* ---- The world switch ---- */

/* Translations that one hart has dropped must go on the other too. */
static void agree_on_flushes(struct vm *vm, struct nested *s, struct hart *vh)
{
    struct hart *real = vm->vmm->hart;
    if (vh->flushes != s->virtual_flushes) {
        if (memcmp(s->pmp.cfg, vh->pmp.cfg, sizeof s->pmp.cfg) ||
            memcmp(s->pmp.addr, vh->pmp.addr, sizeof s->pmp.addr)) {
            gstage_clear(&s->g);
            s->pmp = vh->pmp;
        } else {
            hart_hfence_gvma(real, false, 0, vm->number);
        }
    }
    if (real->flushes != s->real_flushes)
        hart_flush_all(vh);
    s->virtual_flushes = vh->flushes;
    s->real_flushes = real->flushes;
}

static void tell_one(struct vm *vm, enum event_kind k, uint64_t a0, uint64_t a1)
{
    struct event *e = vm_event(vm, k);
    if (!e)
        return;
    e->a[0] = a0;
    e->a[1] = a1;
    vm_tell(vm, e);
}

static void load_csrs(struct vm *vm, struct nested *s, struct hart *real, const struct hart *vh)
{
    const struct csrs *v = &vh->csr;
    struct csrs *c = &real->csr;
    uint64_t pending = csr_mip(vh) & v->mideleg & INT_S;
    c->vsstatus = (v->mstatus & SSTATUS_FIELDS) | MSTATUS_UXL_64;
    c->mstatus = merge_bits(c->mstatus, v->mstatus, MSTATUS_MPRV); /* no use below M, but sret clears it */
    c->mstatus |= real->isa.f ? MSTATUS_FS : 0;
    c->vstvec = v->stvec;
    c->vsscratch = v->sscratch;
    c->vsepc = v->sepc;
    c->vscause = v->scause;
    c->vstval = v->stval;
    c->vsatp = v->satp;
    c->senvcfg = v->senvcfg;
    c->scounteren = v->scounteren;
    c->hstatus = HSTATUS_VSXL_64 | HSTATUS_VTW | (v->mstatus & MSTATUS_TSR ? HSTATUS_VTSR : 0) |
                 (v->mstatus & MSTATUS_TVM ? HSTATUS_VTVM : 0);
    c->hedeleg = v->medeleg & HEDELEG_WRITABLE;
    c->hideleg = (v->mideleg & INT_S) << 1;
    c->henvcfg = v->menvcfg & ~ENVCFG_STCE; /* its timer is the VMM's business */
    c->hcounteren = s->time_runs ? v->mcounteren & COUNTER_TM : 0;
    c->mie = (v->mie & v->mideleg & INT_S) << 1;
    if (pending << 1 != (c->mip & INT_VS))
        tell_one(vm, EV_VM_INJECT, pending, 0);
    c->mip = merge_bits(c->mip, pending << 1, INT_VS);
    uint64_t old = c->hgatp;
    c->hgatp = s->g.hgatp;
    if (old != c->hgatp)
        tell_one(vm, EV_VM_HGATP, old, c->hgatp);
}

/*
 * The guest reads its own time by itself: the real one and htimedelta. Both clocks count slots, and time is so many slots to a tick, so they
 * must stand at the same part of a tick: the real one idles until they do.
 */
static void align_time(struct vm *vm, struct hart *real, const struct nested *s)
{
    struct machine *m = vm->vmm->machine;
    if (!s->time_runs)
        return;
    machine_skip(
        m, (machine_clock(vm->machine) % s->insns_per_tick + s->insns_per_tick - machine_clock(m) % s->insns_per_tick) %
               s->insns_per_tick);
    real->csr.htimedelta = machine_time(vm->machine) - machine_time(m);
}

static void enter(struct vm *vm, struct nested *s, struct hart *vh)
{
    struct hart *real = vm->vmm->hart;
    align_time(vm, real, s);
    agree_on_flushes(vm, s, vh);
    world_load(real, vh);
    load_csrs(vm, s, real, vh);
    real->priv = vh->priv;
    real->virt = true;
    real->kick |= vh->kick & KICK_IRQ;
    vh->kick &= ~(uint32_t)KICK_IRQ;
    hart_context_changed(real);
}

static void save(struct hart *vh, struct hart *real)
{
    const struct csrs *c = &real->csr;
    struct csrs *v = &vh->csr;
    world_save(vh, real);
    v->mstatus = merge_bits(v->mstatus, c->vsstatus, SSTATUS_FIELDS);
    v->mstatus = merge_bits(v->mstatus, c->mstatus, MSTATUS_MPRV);
    v->stvec = c->vstvec;
    v->sscratch = c->vsscratch;
    v->sepc = c->vsepc;
    v->scause = c->vscause;
    v->stval = c->vstval;
    v->satp = c->vsatp;
    v->senvcfg = c->senvcfg;
    v->scounteren = c->scounteren;
    v->mie = merge_bits(v->mie, c->mie >> 1, v->mideleg & INT_S);
    v->mip = merge_bits(v->mip, c->mip >> 1, BIT(IRQ_SSI) & v->mideleg);
    vh->priv = real->priv;
}

void nested_show(struct vm *vm)
{
    save(machine_hart(vm->machine, 0), vm->vmm->hart);
}

const struct gstage *vm_gstage(const struct vm *vm)
{
    const struct nested *s = vm->technique->verify == nested_verify ? vm->state : NULL;
    return s ? &s->g : NULL;
}

static void leave(struct vm *vm, struct nested *s, struct hart *vh)
{
    struct hart *real = vm->vmm->hart;
    save(vh, real);
    vh->kick |= real->kick & (KICK_IRQ | KICK_EVENT);
    real->kick = 0;
    real->virt = false;
    real->priv = PRIV_S;
    agree_on_flushes(vm, s, vh);
    hart_context_changed(vh);
}

/* ---- Exits ---- */

static bool is_guest_page(uint64_t cause)
{
    return cause == CAUSE_FETCH_GUEST_PAGE || cause == CAUSE_LOAD_GUEST_PAGE || cause == CAUSE_STORE_GUEST_PAGE;
}

/* Why the real hart came back with a trap, other than to have an entry filled. */
static enum vm_exit_reason reason_of(struct vm *vm, const struct trap *t)
{
    uint64_t hpa;
    if (is_guest_page(t->cause))
        return vm_frame(vm, t->tval2 << 2, &hpa) ? VM_EXIT_PROTECTED : VM_EXIT_MMIO;
    if (t->cause & CAUSE_INTERRUPT)
        return VM_EXIT_INTERRUPT;
    switch (t->cause) {
    case CAUSE_VIRTUAL_INSN: return native_reason_of_insn((uint32_t)t->tval);
    case CAUSE_ECALL_U:
    case CAUSE_ECALL_VS: return VM_EXIT_ECALL;
    default: return VM_EXIT_EXCEPTION;
    }
}

/* The page of a guest page fault gets its entry, and the guest, still on the real hart, can go on. */
static bool fill_and_resume(struct vm *vm, struct nested *s, struct hart *vh, const struct trap *t)
{
    struct hart *real = vm->vmm->hart;
    uint64_t gpa = t->tval2 << 2, hpa;
    if (!is_guest_page(t->cause) || !vm_frame(vm, gpa, &hpa) || !rights(vm, vh, gpa))
        return false;
    uint64_t need = t->cause == CAUSE_FETCH_GUEST_PAGE ? PTE_X : t->cause == CAUSE_STORE_GUEST_PAGE ? PTE_W : PTE_R;
    if (gstage_leaf(&s->g, gpa) & need) /* it has the entry and faults all the same: let the virtual hart find out */
        return false;
    if (!(rights(vm, vh, gpa) & need))
        return false;
    native_show_place(vh, real);
    vh->priv = real->priv;
    vm_intercept(vm, VM_EXIT_PAGE, t, 0, gpa);
    if (!fill(vm, s, vh, gpa, t->cause))
        return false;
    vm_resume(vm, real);
    return true;
}

/* ---- Running ---- */

/* Runs the guest on the real hart up to turn_retired == end. True: the caller goes on; false: *x is what nested_run() returns. */
static bool run_native(struct vm *vm, struct nested *s, struct hart *vh, uint64_t end, struct exit *x)
{
    struct hart *real = vm->vmm->hart;
    uint64_t before = vh->turn_retired;
    enter(vm, s, vh);
    vm_resume(vm, real);
    machine_lend(vm->vmm->machine, real);
    do
        *x = hart_run(real, end - real->turn_retired);
    while (x->reason == EXIT_TRAP && fill_and_resume(vm, s, vh, &x->trap) && !(vh->kick & KICK_EVENT));
    if (x->reason == EXIT_TRAP && vh->kick & KICK_EVENT) /* between two steps of the VMM somebody wished to stop */
        x->reason = EXIT_EVENT;
    machine_take_back(vm->vmm->machine, real);
    uint32_t insn = x->reason != EXIT_TRAP                    ? 0
                    : x->trap.cause == CAUSE_VIRTUAL_INSN     ? (uint32_t)x->trap.tval
                    : x->trap.cause == CAUSE_FETCH_GUEST_PAGE ? 0
                                                              : fetch_raw(real);
    leave(vm, s, vh);
    vm->stats.native += vh->turn_retired - before;
    switch (x->reason) {
    case EXIT_BUDGET: vm_intercept_wish(vm, vh, VM_EXIT_BUDGET); return true;
    case EXIT_TRAP:
        vm_intercept(vm, reason_of(vm, &x->trap), &x->trap, insn, x->trap.tval2 << 2);
        vm_check_now(vm, vh);
        return vm_emulate(vm, vh, insn, x);
    case EXIT_BREAK: vm_intercept_wish(vm, vh, VM_EXIT_BREAK); return false;
    case EXIT_EVENT: vh->kick &= ~(uint32_t)KICK_EVENT; return false;
    case EXIT_WFI: return false;
    case EXIT_STUCK:
        x->to_virt = false; /* VS is the guest's S */
        return false;
    }
    return false;
}

struct exit nested_run(struct vm *vm, struct hart *vh, uint64_t n)
{
    struct nested *s = vm->state;
    uint64_t end = vh->turn_retired + n;
    struct exit x = {.reason = EXIT_BUDGET};
    if (!native_breakpoints(vm, vh))
        return hart_run(vh, n);
    while (vh->turn_retired < end)
        if (vm_must_interpret(vh) ? !vm_interpret(vm, vh, end - vh->turn_retired, &x) : !run_native(vm, s, vh, end, &x))
            return x;
    return (struct exit){.reason = EXIT_BUDGET};
}
