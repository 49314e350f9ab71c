/* SPDX-License-Identifier: MIT */
/* What a descriptor stands for: the console, or one end of a pipe. */
#include "kern.h"

#define PIPE_SIZE 512u

struct pipe {
    struct spinlock lk;
    char data[PIPE_SIZE];
    unsigned head, tail; /* free running */
    bool open[2];        /* reader, writer */
};

static struct spinlock file_lock = {.name = "file"};
static struct file files[NFILE];

struct file *file_new(struct pipe *pipe, bool write)
{
    struct file *f = NULL;
    lock(&file_lock);
    for (unsigned i = 0; i < NFILE && !f; i++)
        if (files[i].refs == 0)
            f = &files[i];
    if (f)
        *f = (struct file){1, write, pipe};
    unlock(&file_lock);
    return f;
}

void file_ref(struct file *f)
{
    lock(&file_lock);
    f->refs++;
    unlock(&file_lock);
}

static void pipe_close(struct pipe *p, bool write)
{
    bool last;
    lock(&p->lk);
    p->open[write] = false;
    last = !p->open[0] && !p->open[1];
    wake(&p->head);
    wake(&p->tail);
    unlock(&p->lk);
    if (last)
        page_put((uint64_t)p);
}

void file_close(struct file *f)
{
    struct pipe *pipe = NULL;
    bool write;
    lock(&file_lock);
    write = f->write;
    if (f->refs == 1)
        pipe = f->pipe;
    f->refs--;
    unlock(&file_lock);
    if (pipe)
        pipe_close(pipe, write);
}

int file_pipe(struct file *end[2])
{
    struct pipe *p = page_alloc();
    if (!p)
        return -1;
    p->lk.name = "pipe";
    p->open[0] = p->open[1] = true;
    end[0] = file_new(p, false);
    end[1] = file_new(p, true);
    if (!end[0] || !end[1]) {
        lock(&file_lock);
        if (end[0])
            end[0]->refs = 0;
        unlock(&file_lock);
        page_put((uint64_t)p);
        return -1;
    }
    return 0;
}

static int64_t pipe_read(struct pipe *p, uint64_t ubuf, uint64_t n)
{
    struct proc *me = myproc();
    uint64_t got = 0;
    lock(&p->lk);
    while (p->head == p->tail && p->open[1]) {
        if (me->killed) {
            unlock(&p->lk);
            return -1;
        }
        sleep_on(&p->head, &p->lk);
    }
    while (got < n && p->tail != p->head) {
        uint64_t k = p->head - p->tail, edge = PIPE_SIZE - p->tail % PIPE_SIZE;
        k = k < edge ? k : edge;
        k = k < n - got ? k : n - got;
        if (!copyout(me, ubuf + got, &p->data[p->tail % PIPE_SIZE], k)) {
            unlock(&p->lk);
            return got ? (int64_t)got : -1;
        }
        p->tail += (unsigned)k;
        got += k;
    }
    wake(&p->tail);
    unlock(&p->lk);
    return (int64_t)got;
}

static int64_t pipe_write(struct pipe *p, uint64_t ubuf, uint64_t n)
{
    struct proc *me = myproc();
    uint64_t put = 0;
    lock(&p->lk);
    while (put < n) {
        uint64_t k = PIPE_SIZE - (p->head - p->tail), edge = PIPE_SIZE - p->head % PIPE_SIZE;
        if (!p->open[0] || me->killed)
            break;
        if (k == 0) {
            wake(&p->head);
            sleep_on(&p->tail, &p->lk);
            continue;
        }
        k = k < edge ? k : edge;
        k = k < n - put ? k : n - put;
        if (!copyin(me, &p->data[p->head % PIPE_SIZE], ubuf + put, k))
            break;
        p->head += (unsigned)k;
        put += k;
    }
    wake(&p->head);
    unlock(&p->lk);
    return put || n == 0 ? (int64_t)put : -1;
}

int64_t file_read(struct file *f, uint64_t ubuf, uint64_t n)
{
    if (!f->pipe)
        return console_read(ubuf, n);
    return f->write ? -1 : pipe_read(f->pipe, ubuf, n);
}

int64_t file_write(struct file *f, uint64_t ubuf, uint64_t n)
{
    if (!f->pipe)
        return console_write(ubuf, n);
    return f->write ? pipe_write(f->pipe, ubuf, n) : -1;
}
