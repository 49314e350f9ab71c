/* SPDX-License-Identifier: MIT */
/* Threads: who is there, who runs next. */
#include "kern.h"
#include "sbi.h"

struct thread threads[NTHREAD];
struct thread *current;
static struct thread *ready_first, *ready_last;
static uint64_t next_version = 1;

struct thread *thread_find(uint64_t id)
{
    uint64_t slot = id & 0xffff;
    return id >> 16 && slot < NTHREAD && threads[slot].state != THREAD_FREE && threads[slot].id == id ? &threads[slot]
                                                                                                      : NULL;
}

struct thread *thread_new(struct space *s, uint64_t pager, uint64_t pc, uint64_t sp)
{
    for (uint64_t slot = 0; slot < NTHREAD; slot++) {
        struct thread *t = &threads[slot];
        if (t->state != THREAD_FREE)
            continue;
        memset(t, 0, sizeof *t);
        t->id = next_version++ << 16 | slot;
        t->space = s;
        s->threads++;
        t->pager = pager;
        t->frame.sepc = pc;
        t->frame.x[REG_SP] = sp;
        t->frame.sstatus = SSTATUS_SPIE;
        return t;
    }
    return NULL;
}

/* first: it runs next, in the rest of the present time slice, as who waits for an answer wants it. */
void thread_ready(struct thread *t, bool first)
{
    t->state = THREAD_READY;
    t->wake_at = 0;
    t->next = first ? ready_first : NULL;
    if (first || !ready_first)
        ready_first = t;
    else
        ready_last->next = t;
    if (!t->next)
        ready_last = t;
}

static void ready_remove(const struct thread *t)
{
    struct thread *before = NULL;
    for (struct thread *r = ready_first; r; before = r, r = r->next) {
        if (r != t)
            continue;
        *(before ? &before->next : &ready_first) = r->next;
        if (ready_last == r)
            ready_last = before;
        return;
    }
}

void thread_block(struct thread *t, enum thread_state state)
{
    if (t->state == THREAD_READY)
        ready_remove(t);
    t->state = state;
}

/* The threads that it made end too. Everybody who waits for it learns that it is dead. Its number is never used again, so nobody mistakes
 * another for it later. */
void thread_end(struct thread *t)
{
    irq_forget(t);
    if (t->state == THREAD_READY)
        ready_remove(t);
    for (struct thread *o = threads; t->state == THREAD_SENDING && o < threads + NTHREAD; o++)
        if (o->state != THREAD_FREE && ipc_forget(o, t))
            break;
    t->state = THREAD_FREE;
    for (struct thread *o = threads; o < threads + NTHREAD; o++)
        if (o->state == THREAD_SENDING && o->to == t->id)
            ipc_error(o, IPC_DEAD);
        else if (o->state == THREAD_RECEIVING && o->from == t->id)
            ipc_error(o, IPC_LOST);
    for (struct thread *o = threads; o < threads + NTHREAD; o++)
        if (o->state != THREAD_FREE && o->creator == t->id)
            thread_end(o);
    if (--t->space->threads == 0)
        space_free(t->space);
    if (current == t)
        current = NULL;
}

void thread_tick(void)
{
    uint64_t now = csr_read(time);
    counters.ticks++;
    sbi_set_timer(now + board.timebase / HZ);
    if (current && current->state == THREAD_READY) { /* its time slice is over */
        ready_remove(current);
        thread_ready(current, false);
    }
    for (struct thread *t = threads; t < threads + NTHREAD; t++)
        if (t->state == THREAD_RECEIVING && t->wake_at && t->wake_at <= now)
            ipc_error(t, IPC_TIMEOUT);
}

/* Nobody is ready: interrupts stay off, WFI wakes for them all the same. */
static void idle(void)
{
    uint64_t pending;
    __asm__ volatile("wfi");
    pending = csr_read(sip);
    if (pending & SIE_TIMER)
        thread_tick();
    if (pending & SIE_EXTERNAL)
        irq_take();
}

/* The running thread stays at the head of the queue until it waits or its time is over. */
struct frame *thread_schedule(void)
{
    struct thread *last = current;
    while (!ready_first) {
        current = NULL;
        idle();
    }
    current = ready_first;
    counters.switches += current != last;
    space_enter(current->space);
    return &current->frame;
}
