/* SPDX-License-Identifier: MIT */
/* Virtual harts: what one is made of, how two take turns on one hart, and whose timer rings when. */
#include "hyper.h"

enum { SLICE = 20000 /* 2 ms at 10 MHz */ };

/*
 * For vstimecmp: later than any time that comes. Priv. "Virtual Supervisor Timer (vstimecmp) Register" makes no exception of all ones;
 * QEMU 8.2 does: a timer that runs already then goes on, and rings in the VM that has the hart next, whatever its henvcfg.STCE; and
 * while it does, sets and clears of hvip.VSTIP alone are lost.
 */
#define NEVER (UINT64_MAX - 1)

void vm_init(struct vm *vm, unsigned id, bool sstc)
{
    memset(vm, 0, sizeof(*vm));
    vm->id = id;
    vm->root = stage2_new(id + 1);
    vm->hgatp = hgatp_of(vm->root, id + 1);
    vm->pc = GUEST_RAM;
    vm->sstatus = (CSR_READ(sstatus) & ~SSTATUS_SIE) | SSTATUS_SPP | SSTATUS_SPIE;
    /* wfi in VS is an exit, so that the hart can be given to the other VM; the guest may change its satp and fence by itself. */
    vm->hstatus = UINT64_C(2) << 32 /* VSXL: 64 bits */ | HSTATUS_SPV | HSTATUS_SPVP | HSTATUS_VTW;
    vm->vsstatus = UINT64_C(2) << 32; /* UXL */
    vm->sstc = sstc;
    vm->vstimecmp = NEVER;
    if (sstc) {
        CSR_WRITE(VSTIMECMP, NEVER); /* after reset it is anything, mostly 0: due at once, on QEMU in VM 0 too */
    }
    vm->deadline = UINT64_MAX;
    vm->htimedelta = -time_now(); /* the guest's time begins at 0 */
    vm->x[10] = id;
    vm->x[11] = GUEST_INFO;

    uint64_t info = frame_new(id + 1);
    uint64_t *words = (uint64_t *)info;
    words[0] = id;
    words[1] = GUEST_RAM_SIZE;
    words[2] = sstc;
    stage2_map(vm->root, id + 1, GUEST_INFO, info, PTE_V | PTE_R | PTE_U | PTE_A);
}

static void load(struct vm *vm)
{
    CSR_WRITE(HGATP, vm->hgatp);
    CSR_WRITE(HTIMEDELTA, vm->htimedelta);
    CSR_WRITE(VSSTATUS, vm->vsstatus);
    CSR_WRITE(VSIE, vm->vsie);
    CSR_WRITE(VSTVEC, vm->vstvec);
    CSR_WRITE(VSSCRATCH, vm->vsscratch);
    CSR_WRITE(VSEPC, vm->vsepc);
    CSR_WRITE(VSCAUSE, vm->vscause);
    CSR_WRITE(VSTVAL, vm->vstval);
    CSR_WRITE(VSATP, vm->vsatp);
    CSR_WRITE(HVIP, vm->hvip);
    CSR_WRITE(HENVCFG, vm->sstc ? HENVCFG_STCE : 0);
    if (vm->sstc) {
        CSR_WRITE(VSTIMECMP, vm->vstimecmp);
    }
}

/* Translations stay: VMIDs keep the two VMs' apart. */
static void store(struct vm *vm)
{
    vm->vsstatus = CSR_READ(VSSTATUS);
    vm->vsie = CSR_READ(VSIE);
    vm->vstvec = CSR_READ(VSTVEC);
    vm->vsscratch = CSR_READ(VSSCRATCH);
    vm->vsepc = CSR_READ(VSEPC);
    vm->vscause = CSR_READ(VSCAUSE);
    vm->vstval = CSR_READ(VSTVAL);
    vm->vsatp = CSR_READ(VSATP);
    vm->hvip = CSR_READ(HVIP);
    if (vm->sstc) {
        vm->vstimecmp = CSR_READ(VSTIMECMP);
        CSR_WRITE(VSTIMECMP, NEVER);
    }
}

/* When its timer rings, in the hypervisor's time. With Sstc vstimecmp tells, which is in the guest's. */
static uint64_t rings_at(const struct vm *vm)
{
    if (!vm->sstc) {
        return vm->deadline;
    }
    return vm->vstimecmp >= NEVER ? UINT64_MAX : vm->vstimecmp - vm->htimedelta;
}

static void set_host_timer(uint64_t at)
{
    sbi_call(SBI_TIME, 0, at, 0, 0);
}

/* Without Sstc, the guest's timer is an interrupt that the hypervisor injects. */
static void timer_inject(struct vm *vm)
{
    if (!vm->sstc && time_now() >= vm->deadline) {
        vm->deadline = UINT64_MAX;
        vm->n.timer_irqs++;
        CSR_SET(HVIP, BIT(IRQ_VSTI));
    }
}

/* The VM has the hart until its slice is over, it waits, or it ends. */
static void slice(struct vm *vm)
{
    uint64_t end = time_now() + SLICE;
    bool yield = false;
    load(vm);
    vm->n.slices++;
    while (!yield && !vm->over) {
        timer_inject(vm);
        set_host_timer(!vm->sstc && vm->deadline < end ? vm->deadline : end);
        guest_enter(vm);
        vm->n.exits++;
        uint64_t cause = CSR_READ(scause);
        if (cause == (INTERRUPT | IRQ_STI)) {
            yield = time_now() >= end;
        } else {
            vm_exit(vm, cause, &yield);
        }
    }
    store(vm);
}

/* Waiting: until its timer rings (nothing else interrupts these guests from outside). */
static bool ready(struct vm *vm)
{
    if (vm->waits && time_now() >= rings_at(vm)) {
        vm->waits = false;
    }
    return !vm->over && !vm->waits;
}

static void idle(const struct vm *vms, unsigned n)
{
    uint64_t first = UINT64_MAX;
    for (unsigned i = 0; i < n; i++) {
        uint64_t at = rings_at(&vms[i]);
        if (!vms[i].over && at < first) {
            first = at;
        }
    }
    set_host_timer(first);
    __asm__ volatile("wfi"); /* sie.STIE is set, sstatus.SIE is not: it wakes and goes on here */
}

void vm_run_all(struct vm *vms, unsigned n)
{
    CSR_WRITE(HEDELEG, BIT(0) | BIT(CAUSE_ILLEGAL) | BIT(CAUSE_BREAKPOINT) | BIT(CAUSE_ECALL_U) |
                           BIT(CAUSE_FETCH_PAGE) | BIT(CAUSE_LOAD_PAGE) | BIT(CAUSE_STORE_PAGE));
    CSR_WRITE(HIDELEG, BIT(IRQ_VSSI) | BIT(IRQ_VSTI) | BIT(IRQ_VSEI));
    CSR_WRITE(HCOUNTEREN, 2 /* TM: the guest reads time */);
    CSR_WRITE(scounteren, 7);
    CSR_WRITE(sie, BIT(IRQ_STI));
    hfence_gvma_all();
    hfence_vvma_all();
    for (unsigned over = 0; over < n;) {
        bool any = false;
        over = 0;
        for (unsigned i = 0; i < n; i++) {
            if (ready(&vms[i])) {
                any = true;
                slice(&vms[i]);
            }
            over += vms[i].over;
        }
        if (!any && over < n) {
            idle(vms, n);
        }
    }
    CSR_WRITE(sie, 0);
    CSR_WRITE(HVIP, 0);
}
