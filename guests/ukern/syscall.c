/* SPDX-License-Identifier: MIT */
/* System calls: what user programs hand over is checked here or by copyin and copyout, and never trusted. */
#include "kern.h"

#define ARGS_MAX 1024
#define ARGC_MAX 16

static struct file *fd_of(struct proc *p, uint64_t fd)
{
    return fd < NFD ? p->fd[fd] : NULL;
}

static int fd_new(struct proc *p, struct file *f)
{
    for (int i = 0; i < NFD; i++) {
        if (!p->fd[i]) {
            p->fd[i] = f;
            return i;
        }
    }
    return -1;
}

static int64_t sys_exec(struct proc *p, uint64_t uname, uint64_t uargv)
{
    char name[16], *args;
    int argc = 0, n;
    uint64_t len = 0, arg;
    int64_t r = -1;
    if (copyinstr(p, name, uname, sizeof name) < 0 || !(args = page_alloc()))
        return -1;
    for (;; argc++) {
        if (argc > ARGC_MAX || !copyin(p, &arg, uargv + 8 * (uint64_t)argc, 8))
            goto out;
        if (!arg)
            break;
        if ((n = copyinstr(p, args + len, arg, (int)(ARGS_MAX - len))) < 0)
            goto out;
        len += (uint64_t)n + 1;
    }
    r = exec(name, args, argc, len);
out:
    page_put((uint64_t)args);
    return r;
}

static int64_t sys_pipe(struct proc *p, uint64_t ufd)
{
    struct file *end[2];
    int fd[2] = {-1, -1};
    if (file_pipe(end) < 0)
        return -1;
    fd[0] = fd_new(p, end[0]);
    fd[1] = fd_new(p, end[1]);
    if (fd[0] >= 0 && fd[1] >= 0 && copyout(p, ufd, fd, sizeof fd))
        return 0;
    for (int i = 0; i < 2; i++) {
        if (fd[i] >= 0)
            p->fd[fd[i]] = NULL;
        file_close(end[i]);
    }
    return -1;
}

static int64_t sys_close(struct proc *p, uint64_t fd)
{
    struct file *f = fd_of(p, fd);
    if (!f)
        return -1;
    p->fd[fd] = NULL;
    file_close(f);
    return 0;
}

static int64_t sys_dup(struct proc *p, uint64_t fd)
{
    struct file *f = fd_of(p, fd);
    int n = f ? fd_new(p, f) : -1;
    if (n >= 0)
        file_ref(f);
    return n;
}

static int64_t sys_disk(struct proc *p, uint64_t sector, uint64_t ubuf, uint64_t count, bool write)
{
    int64_t r = -1;
    void *page;
    if (count < 1 || count > 8 || !(page = page_alloc()))
        return -1;
    if ((!write || copyin(p, page, ubuf, 512 * count)) && blk_io(page, sector, (unsigned)count, write) &&
        (write || copyout(p, ubuf, page, 512 * count)))
        r = (int64_t)count;
    page_put((uint64_t)page);
    return r;
}

static int64_t sys_info(struct proc *p, uint64_t uinfo)
{
    struct info i = stats;
    i.harts = boot.harts;
    i.free_pages = page_free_count();
    i.timebase = boot.timebase;
    i.sstc = boot.sstc;
    return copyout(p, uinfo, &i, sizeof i) ? 0 : -1;
}

static int64_t sys_bootargs(struct proc *p, uint64_t ubuf, uint64_t n)
{
    uint64_t len = strlen(boot.args) + 1;
    return n >= len && copyout(p, ubuf, boot.args, len) ? (int64_t)len : -1;
}

static int64_t sys_hart(void)
{
    int64_t h;
    intr_push();
    h = mycpu()->hart;
    intr_pop();
    return h;
}

static int64_t sys_poweroff(uint64_t status)
{
    console_drain();
    poweroff((unsigned)status);
}

static int64_t call(struct proc *p, uint64_t n, uint64_t a0, uint64_t a1, uint64_t a2)
{
    struct file *f;
    switch (n) {
    case SYS_fork: return proc_fork();
    case SYS_exit: proc_exit((int)(a0 & 0xff));
    case SYS_wait: return proc_wait(a0);
    case SYS_exec: return sys_exec(p, a0, a1);
    case SYS_kill: return proc_kill((int)a0);
    case SYS_getpid: return p->pid;
    case SYS_yield: yield(); return 0;
    case SYS_sleep: return proc_nap(a0);
    case SYS_sbrk: return proc_sbrk((int64_t)a0);
    case SYS_pipe: return sys_pipe(p, a0);
    case SYS_read: return (f = fd_of(p, a0)) ? file_read(f, a1, a2) : -1;
    case SYS_write: return (f = fd_of(p, a0)) ? file_write(f, a1, a2) : -1;
    case SYS_close: return sys_close(p, a0);
    case SYS_dup: return sys_dup(p, a0);
    case SYS_disk_read: return sys_disk(p, a0, a1, a2, false);
    case SYS_disk_write: return sys_disk(p, a0, a1, a2, true);
    case SYS_share: return vm_share(p, a0) ? 0 : -1;
    case SYS_info: return sys_info(p, a0);
    case SYS_bootargs: return sys_bootargs(p, a0, a1);
    case SYS_poweroff: return sys_poweroff(a0);
    case SYS_selftest: return (int64_t)selftest(a0);
    case SYS_hart: return sys_hart();
    default: return -1;
    }
}

void syscall(struct proc *p)
{
    uint64_t *x = p->tf->x;
    int64_t r = call(p, x[A7], x[A0], x[A1], x[A2]);
    x[A0] = (uint64_t)r;
}
