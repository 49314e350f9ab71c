/* SPDX-License-Identifier: MIT */
/* The order of events. Lines that begin with "# " differ from machine to machine; all others are the same everywhere. */
#include "hyper.h"

void main(void);

static struct vm vms[NVMS];

/* Is there an H extension at all? Without it the CSR is an illegal instruction. Its read tells nothing that we need. */
static bool have_csr_hgatp(void)
{
    __asm__ volatile(
        "csrw scause, zero\n la t0, 1f\n csrrw t0, stvec, t0\n csrr t1, 0x680\n .balign 4\n1: csrw stvec, t0" ::
            : "t0", "t1", "memory");
    return CSR_READ(scause) == 0;
}

/* vstimecmp can be reached from here (menvcfg.STCE) and may be given to a guest (henvcfg.STCE). */
static bool have_vstimecmp(void)
{
    __asm__ volatile(
        "csrw scause, zero\n la t0, 1f\n csrrw t0, stvec, t0\n csrr t1, 0x24d\n .balign 4\n1: csrw stvec, t0" ::
            : "t0", "t1", "memory");
    if (CSR_READ(scause) != 0) {
        return false;
    }
    CSR_WRITE(HENVCFG, HENVCFG_STCE);
    bool stays = CSR_READ(HENVCFG) & HENVCFG_STCE;
    CSR_WRITE(HENVCFG, 0);
    return stays;
}

/*
 * Our guest sets its timer anew in each timer interrupt, and at no other time but for the first. So if it got every interrupt that was
 * injected and none besides, then as many were injected as timers were set; one less if the last had not yet rung when it ended.
 * That is so on a machine of any speed. That there were several is the guest's to say: it has waited for each.
 */
static bool timer_went_right(const struct vm *vm)
{
    const struct counters *n = &vm->n;
    if (vm->sstc) {
        return !n->timers_set && !n->timer_irqs;
    }
    return n->timer_irqs && (n->timer_irqs == n->timers_set || n->timer_irqs + 1 == n->timers_set);
}

static void print_counters(const struct vm *vm)
{
    const struct counters *n = &vm->n;
    print(
        "# vm%u: timer by %s; %u exits, %u SBI calls, %u MMIO (%u told by htinst), %u pages mapped, %u wfi, %u slices, "
        "%u timers set by SBI, %u timer interrupts injected\n",
        (uint64_t)vm->id, vm->sstc ? "vstimecmp" : "hvip", n->exits, n->sbi, n->mmio, n->by_htinst, n->mapped, n->wfi,
        n->slices, n->timers_set, n->timer_irqs);
}

void main(void)
{
    print("hyper: one hart, %u virtual machines\n", (uint64_t)NVMS);
    if (!have_csr_hgatp()) {
        print("hyper: no hypervisor extension: start the machine with -cpu rv64,h=true\n");
        shutdown(true);
    }
    bool sstc = have_vstimecmp();
    memory_init();
    bool fine = shows();

    print("== two guests, in turns\n");
    uint64_t *roots[NVMS];
    for (unsigned i = 0; i < NVMS; i++) {
        vm_init(&vms[i], i, sstc && i == 1); /* VM 0 always by hvip, VM 1 by vstimecmp where there is one */
        roots[i] = vms[i].root;
    }
    vm_run_all(vms, NVMS);
    for (unsigned i = 0; i < NVMS; i++) {
        print("-- vm%u\n%s", (uint64_t)i, vms[i].console);
        print("-- vm%u %s\n", (uint64_t)i, vms[i].failed ? "FAILED" : "over");
        fine = fine && !vms[i].failed;
    }
    print("== afterwards\n");
    bool isolated = stage2_isolated(roots, NVMS);
    print("every frame that a VM can reach is its own: %s\n", isolated ? "yes" : "NO");
    bool turns = vms[0].n.slices > 1 && vms[1].n.slices > 1;
    print("both had the hart more than once: %s\n", turns ? "yes" : "NO");
    bool injected = timer_went_right(&vms[0]) && timer_went_right(&vms[1]);
    print("timer interrupts came the right way: %s\n", injected ? "yes" : "NO");
    for (unsigned i = 0; i < NVMS; i++) {
        print_counters(&vms[i]);
    }
    fine = fine && isolated && turns && injected;
    print("hyper: %s\n", fine ? "ok" : "FAILED");
    shutdown(!fine);
}
