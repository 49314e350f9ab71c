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

static void print_counters(const struct vm *vm)
{
    const struct counters *n = &vm->n;
    print(
        "# vm%u: timer by %s; %u exits, %u SBI calls, %u MMIO (%u told by htinst), %u pages mapped, %u wfi, %u slices, "
        "%u timer interrupts injected\n",
        (uint64_t)vm->id, vm->sstc ? "vstimecmp" : "hvip", n->exits, n->sbi, n->mmio, n->by_htinst, n->mapped, n->wfi,
        n->slices, n->timer_irqs);
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
    bool injected = vms[0].n.timer_irqs >= 5 && (vms[1].sstc ? vms[1].n.timer_irqs == 0 : vms[1].n.timer_irqs >= 5);
    print("timer interrupts came the right way: %s\n", injected ? "yes" : "NO");
    for (unsigned i = 0; i < NVMS; i++) {
        print_counters(&vms[i]);
    }
    fine = fine && isolated && turns && injected;
    print("hyper: %s\n", fine ? "ok" : "FAILED");
    shutdown(!fine);
}
