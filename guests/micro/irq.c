/* SPDX-License-Identifier: MIT */
/* Interrupts as messages: the kernel claims one at the PLIC and tells the thread that is bound to it; the source stays quiet until that
 * thread acknowledges. What the device wants, the kernel does not know. */
#include "kern.h"

static uint64_t bound[NIRQ]; /* thread ids; TID_NONE: nobody's */
static bool claimed[NIRQ];   /* at the PLIC, and not completed */

static volatile uint32_t *plic(uint64_t offset)
{
    return pa_va(BOARD_PLIC + offset);
}
/* Context 1: hart 0 in S mode. */
#define PLIC_PRIORITY(irq) (4 * (irq))
#define PLIC_ENABLE(irq)   (0x2080 + 4 * ((irq) / 32))
#define PLIC_THRESHOLD     0x201000
#define PLIC_CLAIM         0x201004

void irq_init(void)
{
    for (unsigned i = 0; i < NIRQ / 32; i++)
        *plic(PLIC_ENABLE(i * 32)) = 0;
    *plic(PLIC_THRESHOLD) = 0;
}

static void complete(uint64_t irq)
{
    claimed[irq] = false;
    *plic(PLIC_CLAIM) = (uint32_t)irq;
}

bool irq_bind(uint64_t irq, struct thread *t)
{
    if (!t || irq == 0 || irq >= NIRQ)
        return false;
    if (claimed[irq])
        complete(irq); /* its last owner did not come to that */
    bound[irq] = t->id;
    *plic(PLIC_PRIORITY(irq)) = 1;
    *plic(PLIC_ENABLE(irq)) |= UINT32_C(1) << irq % 32;
    return true;
}

void irq_done(uint64_t irq, const struct thread *t)
{
    if (bound[irq] == t->id && claimed[irq])
        complete(irq);
}

void irq_forget(const struct thread *t)
{
    for (uint64_t irq = 1; irq < NIRQ; irq++) {
        if (bound[irq] != t->id)
            continue;
        if (claimed[irq])
            complete(irq);
        *plic(PLIC_ENABLE(irq)) &= ~(UINT32_C(1) << irq % 32);
        bound[irq] = TID_NONE;
    }
}

void irq_take(void)
{
    uint32_t irq = *plic(PLIC_CLAIM);
    struct thread *t;
    if (!irq || irq >= NIRQ)
        return;
    counters.interrupts++;
    claimed[irq] = true;
    t = thread_find(bound[irq]);
    if (!t) {
        complete(irq);
        return;
    }
    t->irq_pending[irq / 32] |= UINT32_C(1) << irq % 32;
    if (t->state == THREAD_RECEIVING && !t->faulted)
        ipc_deliver_irq(t);
}
