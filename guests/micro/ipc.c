/* SPDX-License-Identifier: MIT */
/* Synchronous messages. A message moves when one thread sends and the other receives, from registers to registers; a string is copied from
 * one space to the other, pages are mapped. */
#include "kern.h"

static void receive(struct thread *t);

/* Ends t's call with an error. */
void ipc_error(struct thread *t, uint64_t error)
{
    if (t->faulted) { /* its pager is gone: nobody can say what its fault means */
        print("micro: thread 0x%lx ends: it has no pager any more\n", t->id);
        thread_end(t);
        return;
    }
    if (t->state == THREAD_SENDING) {
        struct thread *to = thread_find(t->to);
        if (to)
            ipc_forget(to, t);
    }
    t->frame.x[REG_A0] = TID_NONE;
    t->frame.x[REG_A1] = error;
    if (t->state != THREAD_READY)
        thread_ready(t, true);
}

/* Takes sender from the receiver's queue; false: it is not in it. */
bool ipc_forget(struct thread *receiver, const struct thread *sender)
{
    for (struct thread **link = &receiver->senders; *link; link = &(*link)->next) {
        if (*link == sender) {
            *link = sender->next;
            return true;
        }
    }
    return false;
}

/* The bytes of s's message into r's buffer, page by page: the two pieces are found in the tables and copied where they really are. */
static bool copy_string(const struct thread *s, const struct thread *r, uint64_t *copied)
{
    uint64_t n = s->out.length < r->room ? s->out.length : r->room;
    *copied = 0;
    while (*copied < n) {
        uint64_t from = s->out.string + *copied, to = r->buffer + *copied, part = n - *copied;
        char *a = space_byte(s->space, from, PTE_R), *b = space_byte(r->space, to, PTE_W);
        if (!a || !b)
            return false;
        part = part < PAGE - from % PAGE ? part : PAGE - from % PAGE;
        part = part < PAGE - to % PAGE ? part : PAGE - to % PAGE;
        memcpy(b, a, part);
        *copied += part;
    }
    return true;
}

/* From s, who sends, to r, who waits for it. Both go on from there. */
static bool transfer(struct thread *s, struct thread *r)
{
    uint64_t length = 0;
    if (!r->faulted && !copy_string(s, r, &length))
        return false;
    counters.messages++;
    if ((s->out.pages & MAP_PRESENT) && (r->window & MAP_PRESENT))
        space_map(s->space, s->out.pages, r->space, r->window);
    if (r->faulted) {
        r->faulted = false;
    } else {
        uint64_t *x = r->frame.x;
        x[REG_A0] = s->id;
        x[REG_A1] = IPC_OK;
        x[REG_A2] = s->out.label;
        memcpy(&x[REG_A3], s->out.word, sizeof s->out.word);
        x[REG_T1] = length;
    }
    return true;
}

/* The message is gone: now t waits for one, if it wanted to. */
static void sent(struct thread *t)
{
    if (t->from != TID_NONE) {
        receive(t);
        return;
    }
    t->frame.x[REG_A0] = TID_NONE;
    t->frame.x[REG_A1] = IPC_OK;
    if (t->state != THREAD_READY)
        thread_ready(t, false);
}

static bool accepts(const struct thread *r, uint64_t id)
{
    return r->from == TID_ANY || r->from == id;
}

static void receive(struct thread *t)
{
    if (ipc_deliver_irq(t))
        return;
    for (struct thread *s = t->senders; s; s = s->next) {
        if (!accepts(t, s->id))
            continue;
        ipc_forget(t, s);
        if (!transfer(s, t)) {
            s->to = TID_NONE;
            ipc_error(s, IPC_STRING);
            receive(t);
            return;
        }
        if (t->state != THREAD_READY)
            thread_ready(t, true);
        sent(s);
        return;
    }
    thread_block(t, THREAD_RECEIVING);
    t->wake_at = t->timeout ? csr_read(time) + t->timeout : 0;
}

static void send(struct thread *t)
{
    struct thread *r = thread_find(t->to);
    if (!r) {
        ipc_error(t, IPC_DEAD);
    } else if (r->state == THREAD_RECEIVING && accepts(r, t->id)) {
        if (!transfer(t, r)) {
            ipc_error(t, IPC_STRING);
            return;
        }
        thread_ready(r, true);
        sent(t);
    } else if (t->out.label & IPC_NOWAIT) {
        ipc_error(t, IPC_BUSY);
    } else {
        struct thread **link = &r->senders;
        thread_block(t, THREAD_SENDING);
        while (*link)
            link = &(*link)->next;
        *link = t;
        t->next = NULL;
    }
}

void ipc_start(struct thread *t)
{
    const uint64_t *x = t->frame.x;
    t->to = x[REG_A0];
    t->from = x[REG_A1];
    t->out.label = x[REG_A2];
    memcpy(t->out.word, &x[REG_A3], sizeof t->out.word);
    t->out.string = x[REG_T0];
    t->out.length = x[REG_T1];
    t->buffer = x[REG_T2];
    t->room = x[REG_T3];
    t->out.pages = x[REG_T4];
    t->window = x[REG_T5];
    t->timeout = x[REG_T6];
    if (t->to && t->to < NIRQ) { /* the interrupt may come again */
        irq_done(t->to, t);
        t->to = TID_NONE;
    }
    if (t->to != TID_NONE)
        send(t);
    else
        sent(t);
}

/* In t's name, to its pager; the answer lets t go on. */
void ipc_fault(struct thread *t, uint64_t label, uint64_t w0, uint64_t w1, uint64_t w2)
{
    t->faulted = true;
    t->to = t->from = t->pager;
    t->out = (struct message){.label = label, .word = {w0, w1, w2, 0}};
    t->window = label == LABEL_PAGE_FAULT ? (w0 & ~(PAGE - 1)) | MAP_PRESENT | MAP_R | MAP_W | MAP_X : 0;
    t->timeout = 0;
    send(t);
}

/* A pending interrupt that t wants, as a message. */
bool ipc_deliver_irq(struct thread *t)
{
    if (!(t->irq_pending[0] | t->irq_pending[1] | t->irq_pending[2]))
        return false;
    for (unsigned irq = 1; irq < NIRQ; irq++) {
        uint32_t bit = UINT32_C(1) << irq % 32;
        if (!(t->irq_pending[irq / 32] & bit) || !accepts(t, TID_IRQ(irq)))
            continue;
        t->irq_pending[irq / 32] &= ~bit;
        t->frame.x[REG_A0] = TID_IRQ(irq);
        t->frame.x[REG_A1] = IPC_OK;
        t->frame.x[REG_A2] = LABEL_INTERRUPT;
        counters.messages++;
        if (t->state != THREAD_READY)
            thread_ready(t, true);
        return true;
    }
    return false;
}
