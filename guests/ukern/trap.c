/* SPDX-License-Identifier: MIT */
/* Traps that arrive in S mode, from user programs and from the kernel itself; the timer; the way back to U mode. */
#include "kern.h"

enum { NOTHING, DEVICE, TIMER };
enum { CAUSE_ILLEGAL = 2, CAUSE_ECALL_U = 8, CAUSE_FETCH_PAGE = 12, CAUSE_LOAD_PAGE = 13, CAUSE_STORE_PAGE = 15 };

void user_trap(void);
void kernel_trap(void);

void trap_init_hart(void)
{
    CSR_WRITE(stvec, kernel_vec);
    CSR_WRITE(sie, IP_SSI | IP_STI | IP_SEI);
}

void timer_start(void)
{
    uint64_t next = CSR_READ(time) + boot.timebase / TICKS_PER_SECOND;
    if (boot.sstc)
        CSR_WRITE_N(stimecmp, next);
    else
        *(volatile uint64_t *)(CLINT_CMP + 8 * (uint64_t)mycpu()->hart) = next;
}

static int tick(void)
{
    timer_start();
    amo_add64((volatile uint64_t *)&stats.ticks, 1);
    if (mycpu()->hart == 0)
        wake_due(CSR_READ(time));
    return TIMER;
}

static int interrupt(uint64_t cause)
{
    unsigned hart = mycpu()->hart;
    switch (cause & 0xff) {
    case 9: plic_irq(); return DEVICE;
    case 5: return tick();
    case 1: /* M mode passed something on: the CLINT's timer, or another hart's call */
        CSR_CLEAR(sip, IP_SSI);
        if (amo_swap_acquire(&m_mail[hart], 0))
            return tick();
        amo_add64((volatile uint64_t *)&stats.ipis, 1);
        return DEVICE;
    default: return NOTHING;
    }
}

void kernel_trap(void)
{
    uint64_t epc = CSR_READ(sepc), status = CSR_READ(sstatus), cause = CSR_READ(scause);
    struct cpu *c = mycpu();
    int what;
    if (!(cause & INTERRUPT)) {
        if (!c->probe) {
            printk("\nukern: scause %lu sepc 0x%lx stval 0x%lx\n", cause, epc, CSR_READ(stval));
            panic("trap in the kernel", cause);
        }
        c->probe_cause = cause;
        CSR_WRITE(sepc, c->probe);
        return;
    }
    what = interrupt(cause);
    if (what == NOTHING)
        panic("unknown interrupt", cause);
    if (what == TIMER && c->proc)
        yield(); /* the kernel is preemptible where it holds no lock */
    CSR_WRITE(sepc, epc);
    /* FS is not part of what this trap saved: a switch may have cleaned it, and user_return() settles it. */
    CSR_CLEAR(sstatus, SSTATUS_SPP | SSTATUS_SPIE);
    CSR_SET(sstatus, status & (SSTATUS_SPP | SSTATUS_SPIE));
}

/* The first floating-point instruction of a process finds FS off: give it registers of zeros and run it again. */
static bool fp_first_use(struct proc *p)
{
    if (p->fp_on)
        return false;
    p->fp_on = true;
    p->fp_hart = -1;
    memset(p->fp, 0, sizeof p->fp);
    return true;
}

static void fp_ready(struct proc *p, struct cpu *c)
{
    uint64_t fs = CSR_READ(sstatus) & SSTATUS_FS;
    if (!p->fp_on) {
        CSR_CLEAR(sstatus, SSTATUS_FS);
    } else if (c->fp_proc != p || p->fp_hart != (int)c->hart) {
        CSR_SET(sstatus, SSTATUS_FS);
        fp_load(p->fp);
        c->fp_proc = p;
        p->fp_hart = (int)c->hart;
        CSR_CLEAR(sstatus, SSTATUS_FS);
        CSR_SET(sstatus, FS_CLEAN);
    } else if (fs == 0) {
        CSR_SET(sstatus, FS_CLEAN); /* a process without floating point ran in between: the registers are still ours */
    }
}

void user_trap(void)
{
    struct proc *p = mycpu()->proc;
    uint64_t cause = CSR_READ(scause), va = CSR_READ(stval);
    unsigned need = 0;
    CSR_WRITE(stvec, kernel_vec);
    p->tf->epc = CSR_READ(sepc);
    if (CSR_READ(sstatus) & SSTATUS_SPP)
        panic("user_trap from S mode", cause);

    if (cause & INTERRUPT) {
        int what = interrupt(cause);
        if (what == NOTHING)
            panic("unknown interrupt", cause);
        if (what == TIMER && !p->killed)
            yield();
        user_return();
    }
    intr_on();
    switch (cause) {
    case CAUSE_ECALL_U:
        p->tf->epc += 4;
        if (!p->killed)
            syscall(p);
        user_return();
    case CAUSE_ILLEGAL:
        if (fp_first_use(p))
            user_return();
        break;
    case CAUSE_FETCH_PAGE: need = PTE_X; break;
    case CAUSE_LOAD_PAGE: need = PTE_R; break;
    case CAUSE_STORE_PAGE: need = PTE_W; break;
    default: break;
    }
    if (!need || !vm_fault(p, va, need))
        proc_exit(KILLED | (int)cause);
    user_return();
}

void user_return(void)
{
    struct proc *p = myproc();
    struct cpu *c;
    uint64_t asid = vm_asid(p);
    void (*enter)(uint64_t satp, uint64_t flush) =
        (void (*)(uint64_t, uint64_t))(TRAMPOLINE + (uint64_t)(user_enter - trampoline));
    if (p->killed)
        proc_exit(KILLED_BY_KILL);
    intr_off();
    c = mycpu();
    CSR_WRITE(stvec, TRAMPOLINE + (uint64_t)(user_vec - trampoline));
    p->tf->kernel_satp = CSR_READ(satp);
    p->tf->kernel_sp = KSTACK(p->slot) + 2 * PAGE;
    p->tf->kernel_tp = (uint64_t)c;
    p->tf->handler = (uint64_t)user_trap;
    p->tf->flush = !boot.asid;
    if (p->hart != (int)c->hart) { /* what this hart knows of the process may be old */
        p->hart = (int)c->hart;
        if (boot.asid)
            sfence_asid(asid);
        __asm__ volatile("fence.i" ::: "memory");
    }
    fp_ready(p, c);
    CSR_CLEAR(sstatus, SSTATUS_SPP);
    CSR_SET(sstatus, SSTATUS_SPIE);
    CSR_WRITE(sepc, p->tf->epc);
    enter(SATP_SV39 | asid << 44 | (uint64_t)p->pt >> 12, p->tf->flush);
    __builtin_unreachable();
}

/* Makes an access in S mode that may trap, and tells its scause; 0: it did not trap. */
uint64_t selftest(uint64_t which)
{
    struct cpu *c;
    uint64_t cause;
    intr_push();
    c = mycpu();
    c->probe_cause = 0;
    switch (which) {
    case PROBE_OK: probe_load((uint64_t)&boot, &c->probe); break;
    case PROBE_PMP: probe_load((uint64_t)m_private, &c->probe); break;
    case PROBE_UNMAPPED: probe_load(UINT64_C(0x60000000), &c->probe); break;
    case PROBE_TEXT: probe_store((uint64_t)_entry, &c->probe); break;
    case PROBE_USER: probe_load(USER_PROBE, &c->probe); break;
    case PROBE_CANONICAL: probe_load(VA_TOP, &c->probe); break;
    case PROBE_USER_SUM:
        CSR_SET(sstatus, SSTATUS_SUM);
        probe_load(USER_PROBE, &c->probe);
        CSR_CLEAR(sstatus, SSTATUS_SUM);
        break;
    default: c->probe_cause = (uint64_t)-1; break;
    }
    cause = c->probe_cause;
    intr_pop();
    return cause;
}
