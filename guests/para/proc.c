/* SPDX-License-Identifier: MIT */
/* Processes: each a program in an address space of its own with a kernel stack. The scheduler goes round the table. */
#include "kern.h"
#include "para.h"
#include "sbi.h"

struct proc procs[NPROC];
struct proc *current;
static char stacks[NPROC][KSTACK_SIZE] __attribute__((aligned(16)));
static struct context scheduler;
static int next_pid = 1;

void proc_init(void)
{
    for (int i = 0; i < NPROC; i++)
        procs[i].state = PROC_FREE;
}

/* Leaves the processor; comes back when the scheduler picks this process again. */
static void leave(void)
{
    counts.switches++;
    switch_context(&current->context, &scheduler);
}

void proc_yield(void)
{
    current->state = PROC_READY;
    leave();
}

void proc_sleep(const void *channel)
{
    current->channel = channel;
    current->state = PROC_SLEEPING;
    leave();
    current->channel = NULL;
    current->wake_at = 0;
}

void proc_wake(const void *channel)
{
    for (int i = 0; i < NPROC; i++)
        if (procs[i].state == PROC_SLEEPING && procs[i].channel == channel)
            procs[i].state = PROC_READY;
}

void proc_tick(void)
{
    uint64_t now = csr_read(time);
    for (int i = 0; i < NPROC; i++)
        if (procs[i].state == PROC_SLEEPING && procs[i].wake_at && procs[i].wake_at <= now)
            procs[i].state = PROC_READY;
}

int proc_nap(uint64_t milliseconds)
{
    uint64_t until = csr_read(time) + milliseconds * (board.timebase / 1000);
    while (csr_read(time) < until && !current->killed) {
        current->wake_at = until;
        proc_sleep(&current->wake_at);
    }
    return current->killed ? ERR_KILLED : 0;
}

/* Nothing to run: wait with interrupts on, which the call switches at once, so that none is missed. */
static void idle(void)
{
    console_flush(&console);
    para_call(PARA_YIELD, 1, 0, 0, NULL);
    para_shared.enabled = 0;
}

void proc_schedule(void)
{
    for (int next = 0;; next = (next + 1) % NPROC) {
        struct proc *p = NULL;
        for (int i = 0; i < NPROC && !p; i++, next = p ? next : (next + 1) % NPROC)
            if (procs[next].state == PROC_READY)
                p = &procs[next];
        if (!p) {
            idle();
            continue;
        }
        current = p;
        p->state = PROC_RUNNING;
        table_load(p->table);
        switch_context(&scheduler, &p->context);
        table_load(NULL);
        current = NULL;
    }
}

/* The first time on its kernel stack, a process finds the frame of a trap that never was, and returns from it. */
static void prepare(struct proc *p, const struct frame *f)
{
    int slot = (int)(p - procs);
    p->frame = (struct frame *)(stacks[slot] + KSTACK_SIZE) - 1;
    *p->frame = *f;
    p->context.ra = (uint64_t)trap_return;
    p->context.sp = (uint64_t)p->frame;
}

int proc_spawn(const char *path, const char *args, uint64_t length, const struct file *out)
{
    struct proc *p = NULL;
    struct frame f;
    pte_t *table;
    int error = exec_load(path, args, length, &table, &f);
    if (error)
        return error;
    for (int i = 0; i < NPROC && !p; i++)
        if (procs[i].state == PROC_FREE)
            p = &procs[i];
    if (!p) {
        table_free(table);
        return ERR_NO_SPACE;
    }
    memset(p, 0, sizeof *p);
    p->pid = next_pid++;
    p->parent = current ? current->pid : 0;
    p->table = table;
    for (int i = 0; i < 3; i++)
        p->fd[i] = (struct file){.kind = FILE_CONSOLE, .write = i > 0};
    p->fd[1] = *out;
    str_copy(p->name, path, sizeof p->name);
    prepare(p, &f);
    p->state = PROC_READY;
    return p->pid;
}

/* The same process, another program: what it was goes when the new one is ready to run. */
int proc_exec(const char *path, const char *args, uint64_t length)
{
    struct frame f;
    pte_t *table, *old = current->table;
    int error = exec_load(path, args, length, &table, &f);
    if (error)
        return error;
    *current->frame = f;
    current->table = table;
    str_copy(current->name, path, sizeof current->name);
    table_load(table);
    table_free(old);
    return (int)f.x[REG_A0];
}

void proc_exit(int status)
{
    if (current->parent == 0) {
        print("mono: the first process ended with status %d\n", status);
        sbi_power_off(status != 0);
    }
    for (int i = 0; i < NPROC; i++) /* orphans belong to the first process */
        if (procs[i].state != PROC_FREE && procs[i].parent == current->pid)
            procs[i].parent = 1;
    current->status = status;
    current->state = PROC_ZOMBIE;
    proc_wake(procs);
    leave();
    panic("a process ran after its end", NULL);
}

int proc_wait(int *status)
{
    for (;;) {
        bool any = false;
        for (struct proc *p = procs; p < procs + NPROC; p++) {
            if (p->state == PROC_FREE || p->parent != current->pid)
                continue;
            any = true;
            if (p->state == PROC_ZOMBIE) {
                *status = p->status;
                table_free(p->table);
                p->state = PROC_FREE;
                return p->pid;
            }
        }
        if (!any)
            return ERR_NOT_FOUND;
        if (current->killed)
            return ERR_KILLED;
        proc_sleep(procs); /* one channel for all: whoever waits looks again */
    }
}

int proc_kill(int pid)
{
    for (struct proc *p = procs; p < procs + NPROC; p++) {
        if (p->state == PROC_FREE || p->state == PROC_ZOMBIE || p->pid != pid)
            continue;
        p->killed = true;
        if (p->state == PROC_SLEEPING && p->channel != &fs)
            p->state = PROC_READY;
        return 0;
    }
    return ERR_NOT_FOUND;
}
