/* SPDX-License-Identifier: MIT */
/* Processes and the scheduler: one lock over all states and the queue of those that are ready. It is held across every
 * switch and released by whoever runs next. */
#include "kern.h"

struct proc procs[NPROC];
static struct spinlock sched_lock = {.name = "sched"};
static struct proc *queue_first, *queue_last;
static int next_pid = 1;

void user_begin(void);

void proc_init(void)
{
    for (unsigned i = 0; i < NPROC; i++)
        procs[i].slot = i;
}

/* With sched_lock. A hart that waits for work is called. */
static void make_ready(struct proc *p)
{
    p->state = READY;
    p->next = NULL;
    p->wake_at = 0;
    if (queue_last)
        queue_last->next = p;
    else
        queue_first = p;
    queue_last = p;
    for (unsigned i = 0; i < boot.harts; i++) {
        if (cpus[i].waiting) {
            cpus[i].waiting = false;
            ipi_send(i);
            break;
        }
    }
}

void scheduler(void)
{
    struct cpu *c = mycpu();
    for (;;) {
        struct proc *p;
        lock(&sched_lock);
        c->waiting = false;
        p = queue_first;
        if (p) {
            queue_first = p->next;
            if (!queue_first)
                queue_last = NULL;
            p->state = RUNNING;
            c->proc = p;
            context_switch(&c->idle, &p->ctx);
            c->proc = NULL;
            unlock(&sched_lock);
        } else {
            c->waiting = true;
            unlock(&sched_lock);
            __asm__ volatile("wfi"); /* interrupts are off: it wakes, and the two lines below take the interrupt */
            intr_on();
            intr_off();
        }
    }
}

/* With sched_lock and no other: runs something else until the scheduler picks this process again. */
static void switch_out(struct proc *p)
{
    struct cpu *c = mycpu();
    bool was_on = c->was_on;
    if (c->off_depth != 1 || p->state == RUNNING)
        panic("switch", c->off_depth);
    if (p->fp_on && (CSR_READ(sstatus) & SSTATUS_FS) == FS_DIRTY) {
        fp_save(p->fp);
        CSR_CLEAR(sstatus, SSTATUS_FS);
        CSR_SET(sstatus, FS_CLEAN);
    }
    context_switch(&p->ctx, &c->idle);
    mycpu()->was_on = was_on; /* perhaps another hart */
}

void yield(void)
{
    struct proc *p;
    lock(&sched_lock);
    p = mycpu()->proc;
    make_ready(p);
    switch_out(p);
    unlock(&sched_lock);
}

/* Releases l, sleeps until wake(chan), takes l again. The caller checks its condition in a loop. */
void sleep_on(const void *chan, struct spinlock *l)
{
    struct proc *p = myproc();
    if (l != &sched_lock) {
        lock(&sched_lock);
        unlock(l);
    }
    p->chan = chan;
    p->state = SLEEPING;
    switch_out(p);
    p->chan = NULL;
    if (l != &sched_lock) {
        unlock(&sched_lock);
        lock(l);
    }
}

static void wake_locked(const void *chan)
{
    for (unsigned i = 0; i < NPROC; i++)
        if (procs[i].state == SLEEPING && procs[i].chan == chan)
            make_ready(&procs[i]);
}

void wake(const void *chan)
{
    lock(&sched_lock);
    wake_locked(chan);
    unlock(&sched_lock);
}

void wake_due(uint64_t now)
{
    lock(&sched_lock);
    for (unsigned i = 0; i < NPROC; i++)
        if (procs[i].state == SLEEPING && procs[i].wake_at && procs[i].wake_at <= now)
            make_ready(&procs[i]);
    unlock(&sched_lock);
}

/* A slot with a trapframe and an empty user table; NULL: no slot or no memory. */
static struct proc *proc_new(void)
{
    struct proc *p = NULL;
    lock(&sched_lock);
    for (unsigned i = 0; i < NPROC && !p; i++)
        if (procs[i].state == FREE)
            p = &procs[i];
    if (p) {
        unsigned slot = p->slot;
        memset(p, 0, sizeof *p);
        p->slot = slot;
        p->state = EMBRYO;
        p->pid = next_pid++;
        p->hart = p->fp_hart = -1;
    }
    unlock(&sched_lock);
    if (!p)
        return NULL;
    p->tf = page_alloc();
    p->pt = p->tf ? vm_user_new(p->tf) : NULL;
    if (!p->pt) {
        if (p->tf)
            page_put((uint64_t)p->tf);
        p->state = FREE;
        return NULL;
    }
    p->ctx.ra = (uint64_t)user_begin;
    p->ctx.sp = KSTACK(p->slot) + 2 * PAGE;
    return p;
}

static void proc_free(struct proc *p)
{
    vm_user_free(p->pt);
    page_put((uint64_t)p->tf);
    lock(&sched_lock);
    p->state = FREE;
    unlock(&sched_lock);
}

/* The first thing that a new process does, still in the kernel. */
void user_begin(void)
{
    unlock(&sched_lock);
    if (myproc() == &procs[0] && !procs[0].name[0]) {
        if (exec("init", "init", 1, 5) < 0)
            panic("no init", 0);
        myproc()->tf->x[A0] = 1;
    }
    user_return();
}

void proc_first(void)
{
    struct proc *p = proc_new();
    struct file *f = file_new(NULL, true);
    if (!p || !f)
        panic("no first process", 0);
    for (unsigned i = 0; i < 3; i++) {
        p->fd[i] = f;
        if (i)
            file_ref(f);
    }
    lock(&sched_lock);
    make_ready(p);
    unlock(&sched_lock);
}

int proc_fork(void)
{
    struct proc *p = myproc(), *child = proc_new();
    int pid;
    if (!child)
        return -1;
    if (!vm_user_copy(p->pt, child->pt)) {
        sfence_all();
        proc_free(child);
        return -1;
    }
    sfence_asid(vm_asid(p)); /* its own pages have become read-only */
    *child->tf = *p->tf;
    child->tf->x[A0] = 0;
    child->heap = p->heap;
    child->brk = p->brk;
    memcpy(child->name, p->name, sizeof p->name);
    intr_push();
    if (p->fp_on) {
        if ((CSR_READ(sstatus) & SSTATUS_FS) == FS_DIRTY) {
            fp_save(p->fp);
            CSR_CLEAR(sstatus, SSTATUS_FS);
            CSR_SET(sstatus, FS_CLEAN);
        }
        memcpy(child->fp, p->fp, sizeof p->fp);
        child->fp_on = true;
    }
    intr_pop();
    for (unsigned i = 0; i < NFD; i++)
        if ((child->fd[i] = p->fd[i]))
            file_ref(p->fd[i]);
    lock(&sched_lock);
    pid = child->pid;
    child->parent = p;
    make_ready(child);
    unlock(&sched_lock);
    return pid;
}

void proc_exit(int status)
{
    struct proc *p = myproc();
    if (p == &procs[0])
        panic("init ended", (uint64_t)status);
    for (unsigned i = 0; i < NFD; i++) {
        if (p->fd[i])
            file_close(p->fd[i]);
        p->fd[i] = NULL;
    }
    lock(&sched_lock);
    for (unsigned i = 0; i < NPROC; i++) {
        if (procs[i].state != FREE && procs[i].parent == p) {
            procs[i].parent = &procs[0];
            wake_locked(&procs[0]);
        }
    }
    p->status = status;
    p->state = ZOMBIE;
    wake_locked(p->parent);
    switch_out(p);
    panic("a zombie runs", (uint64_t)p->pid);
}

int proc_wait(uint64_t ustatus)
{
    struct proc *me = myproc();
    lock(&sched_lock);
    for (;;) {
        struct proc *done = NULL;
        bool any = false;
        for (unsigned i = 0; i < NPROC && !done; i++) {
            if (procs[i].state == FREE || procs[i].state == EMBRYO || procs[i].parent != me)
                continue;
            any = true;
            if (procs[i].state == ZOMBIE)
                done = &procs[i];
        }
        if (done) {
            int pid = done->pid, status = done->status;
            done->parent = NULL;
            unlock(&sched_lock);
            proc_free(done);
            if (ustatus && !copyout(me, ustatus, &status, sizeof status))
                return -1;
            return pid;
        }
        if (!any || me->killed) {
            unlock(&sched_lock);
            return -1;
        }
        sleep_on(me, &sched_lock);
    }
}

int proc_kill(int pid)
{
    int r = -1;
    lock(&sched_lock);
    for (unsigned i = 0; i < NPROC; i++) {
        struct proc *p = &procs[i];
        if (p->pid == pid && p->state != FREE && p->state != ZOMBIE && p->state != EMBRYO) {
            p->killed = true;
            if (p->state == SLEEPING)
                make_ready(p);
            r = 0;
        }
    }
    unlock(&sched_lock);
    return r;
}

int proc_nap(uint64_t ms)
{
    struct proc *p = myproc();
    uint64_t until = CSR_READ(time) + ms * (boot.timebase / 1000);
    lock(&sched_lock);
    while (CSR_READ(time) < until && !p->killed) {
        p->wake_at = until;
        sleep_on(&p->wake_at, &sched_lock);
    }
    unlock(&sched_lock);
    return p->killed ? -1 : 0;
}

int64_t proc_sbrk(int64_t by)
{
    struct proc *p = myproc();
    uint64_t old = p->brk, new = old + (uint64_t)by;
    if (by > 0 ? new < old || new > USER_HEAP_MAX : new > old || new < p->heap)
        return -1;
    if (by < 0) {
        vm_user_unmap(p->pt, (new + PAGE - 1) & ~(PAGE - 1), (old + PAGE - 1) & ~(PAGE - 1));
        sfence_asid(vm_asid(p));
    }
    p->brk = new;
    return (int64_t)old;
}
