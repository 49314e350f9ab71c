/* SPDX-License-Identifier: MIT */
/* The whole kernel's declarations. What is not here - drivers, files, programs, who gets which memory - is not the kernel's.
 *
 * One hart, one kernel stack: a call never waits inside the kernel. A thread that has to wait has its state written in its struct thread, and
 * the kernel leaves to another thread. Interrupts stay off in the kernel. */
#ifndef MICRO_KERN_H
#define MICRO_KERN_H

#include "abi.h"
#include "dt.h"
#include "pages.h"
#include "text.h"

#define NTHREAD  128
#define NIRQ     96
#define HZ       100
#define USER_END UINT64_C(0x4000000000) /* Sv39's lower half */

struct frame { /* frame.inc */
    uint64_t x[32];
    uint64_t sepc, sstatus;
};
enum {
    REG_SP = 2,
    REG_T0 = 5,
    REG_T1,
    REG_T2,
    REG_A0 = 10,
    REG_A1,
    REG_A2,
    REG_A3,
    REG_A7 = 17,
    REG_T3 = 28,
    REG_T4,
    REG_T5,
    REG_T6
};

struct space {
    pte_t *table;
    unsigned threads;
    bool privileged;
};

struct message {
    uint64_t label, word[4];
    uint64_t string, length; /* to send */
    uint64_t pages;          /* to map */
};

enum thread_state { THREAD_FREE, THREAD_READY, THREAD_SENDING, THREAD_RECEIVING };

struct thread {
    struct frame frame; /* first: entry.S */
    uint64_t id;
    enum thread_state state;
    struct thread *next; /* in the ready queue or in a receiver's queue of senders */
    struct space *space;
    uint64_t pager, creator;
    uint64_t to, from; /* SENDING to; then, or RECEIVING, from (TID_NONE: no receive phase) */
    struct message out;
    uint64_t buffer, room; /* where a string may come */
    uint64_t window;       /* where pages may come */
    uint64_t timeout, wake_at;
    bool faulted;            /* the kernel speaks for it: the answer does not go into its registers */
    struct thread *senders;  /* those who wait to send to it */
    uint32_t irq_pending[3]; /* bits of interrupt sources whose message it has not received */
};

struct counters {
    uint64_t calls, messages, switches, faults, interrupts, ticks;
};

extern struct board board;
extern struct counters counters;
extern struct thread threads[NTHREAD];
extern struct thread *current;

/* main.c */
void print(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
_Noreturn void panic(const char *why, const struct frame *f);

/* thread.c */
struct thread *thread_find(uint64_t id);
struct thread *thread_new(struct space *s, uint64_t pager, uint64_t pc, uint64_t sp);
void thread_end(struct thread *t);
void thread_ready(struct thread *t, bool first);
void thread_block(struct thread *t, enum thread_state state);
struct frame *thread_schedule(void);
void thread_tick(void);

/* ipc.c */
void ipc_start(struct thread *t);
void ipc_fault(struct thread *t, uint64_t label, uint64_t w0, uint64_t w1, uint64_t w2);
void ipc_error(struct thread *t, uint64_t error);
bool ipc_deliver_irq(struct thread *t);
bool ipc_forget(struct thread *receiver, const struct thread *sender);

/* space.c: address spaces and who mapped what to whom */
struct space *space_new(bool privileged);
void space_free(struct space *s);
void space_enter(const struct space *s);
bool space_map(struct space *from, uint64_t pages, struct space *to, uint64_t window);
void space_unmap(struct space *s, uint64_t pages);
bool space_give(struct space *s, uint64_t va, uint64_t pa, uint64_t flags);
char *space_byte(const struct space *s, uint64_t va, uint64_t need);

/* irq.c */
void irq_init(void);
bool irq_bind(uint64_t irq, struct thread *t);
void irq_done(uint64_t irq, const struct thread *t);
void irq_forget(const struct thread *t);
void irq_take(void);

/* entry.S */
void trap_entry(void);
extern char root_start[], root_end[], kernel_end[];

#endif
