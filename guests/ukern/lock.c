/* SPDX-License-Identifier: MIT */
/* Spin locks, and interrupts off while one is held: an interrupt handler on this hart may want the same lock. */
#include "kern.h"

void intr_on(void)
{
    CSR_SET(sstatus, SSTATUS_SIE);
}

void intr_off(void)
{
    CSR_CLEAR(sstatus, SSTATUS_SIE);
}

bool intr_get(void)
{
    return (CSR_READ(sstatus) & SSTATUS_SIE) != 0;
}

void intr_push(void)
{
    bool on = intr_get();
    struct cpu *c;
    intr_off();
    c = mycpu();
    if (c->off_depth++ == 0)
        c->was_on = on;
}

void intr_pop(void)
{
    struct cpu *c = mycpu();
    if (intr_get() || c->off_depth == 0)
        panic("intr_pop", c->off_depth);
    if (--c->off_depth == 0 && c->was_on)
        intr_on();
}

bool lock_mine(const struct spinlock *l)
{
    return l->held && l->cpu == mycpu();
}

void lock(struct spinlock *l)
{
    intr_push();
    if (lock_mine(l))
        panic(l->name, 1);
    while (amo_swap_acquire(&l->held, 1)) {
        while (l->held)
            __asm__ volatile(".insn i 0x0f, 0, x0, x0, 0x010"); /* pause */
    }
    l->cpu = mycpu();
}

void unlock(struct spinlock *l)
{
    if (!lock_mine(l))
        panic(l->name, 2);
    l->cpu = NULL;
    amo_clear_release(&l->held);
    intr_pop();
}

struct proc *myproc(void)
{
    struct proc *p;
    intr_push();
    p = mycpu()->proc;
    intr_pop();
    return p;
}
