/* SPDX-License-Identifier: MIT */
/* What programs ask for. Every pointer that they pass is looked at before it is used (copy_in, copy_out). */
#include "abi.h"
#include "kern.h"
#include "sbi.h"

struct fs fs;
static bool fs_busy; /* somebody is in it, perhaps asleep until the disk answers */

void fs_lock(void)
{
    while (fs_busy)
        proc_sleep(&fs);
    fs_busy = true;
}

void fs_unlock(void)
{
    fs_busy = false;
    proc_wake(&fs);
}

static struct file *file_of(uint64_t fd)
{
    return fd < NFD && current->fd[fd].kind != FILE_CLOSED ? &current->fd[fd] : NULL;
}

static int64_t sys_open(uint64_t upath, uint64_t flags)
{
    char path[FS_NAME];
    int fd = 0, file;
    if (!copy_in_string(path, upath, sizeof path))
        return ERR_BAD;
    while (fd < NFD && current->fd[fd].kind != FILE_CLOSED)
        fd++;
    if (fd == NFD)
        return ERR_NO_SPACE;
    fs_lock();
    file = flags & OPEN_CREATE ? fs_create(&fs, path) : fs_find(&fs, path);
    fs_unlock();
    if (file < 0)
        return file;
    current->fd[fd] = (struct file){FILE_DISK, (unsigned)file, 0, (flags & OPEN_CREATE) != 0};
    return fd;
}

static int64_t sys_close(uint64_t fd)
{
    struct file *f = file_of(fd);
    if (!f)
        return ERR_BAD;
    f->kind = FILE_CLOSED;
    return 0;
}

static int64_t sys_read(uint64_t fd, uint64_t to, uint64_t n)
{
    static char part[1024]; /* guarded by fs_lock */
    struct file *f = file_of(fd);
    int64_t got;
    if (!f)
        return ERR_BAD;
    if (f->kind == FILE_CONSOLE)
        return device_console_read(to, n);
    fs_lock();
    got = fs_read(&fs, f->number, f->at, part, n < sizeof part ? n : sizeof part);
    if (got > 0 && !copy_out(to, part, (uint64_t)got))
        got = ERR_BAD;
    fs_unlock();
    if (got > 0)
        f->at += (uint64_t)got;
    return got;
}

static int64_t sys_write(uint64_t fd, uint64_t from, uint64_t n)
{
    char part[256];
    struct file *f = file_of(fd);
    uint64_t done = 0;
    if (!f || !f->write)
        return ERR_BAD;
    while (done < n) {
        uint64_t k = n - done < sizeof part ? n - done : sizeof part;
        int64_t put = (int64_t)k;
        if (!copy_in(part, from + done, k))
            return ERR_BAD;
        if (f->kind == FILE_CONSOLE) {
            for (uint64_t i = 0; i < k; i++)
                console_put(&console, part[i]);
        } else {
            fs_lock();
            put = fs_write(&fs, f->number, f->at, part, k);
            fs_unlock();
        }
        if (put < 0)
            return put;
        f->at += k;
        done += k;
    }
    return (int64_t)done;
}

static int64_t sys_readdir(uint64_t index, uint64_t to)
{
    for (unsigned i = 0; i < FS_MAX_FILES; i++) {
        struct dir_entry e;
        if (!fs.dir[i].name[0] || index--)
            continue;
        memset(&e, 0, sizeof e);
        str_copy(e.name, fs.dir[i].name, sizeof e.name);
        e.size = fs.dir[i].size;
        return copy_out(to, &e, sizeof e) ? 0 : ERR_BAD;
    }
    return ERR_NOT_FOUND;
}

static int64_t sys_unlink(uint64_t upath)
{
    char path[FS_NAME];
    int64_t r;
    if (!copy_in_string(path, upath, sizeof path))
        return ERR_BAD;
    fs_lock();
    r = fs_unlink(&fs, path);
    fs_unlock();
    return r;
}

static int64_t sys_spawn(const uint64_t *a, bool in_place)
{
    char path[FS_NAME], args[ARGS_MAX];
    if (!copy_in_string(path, a[0], sizeof path) || a[2] > sizeof args || !copy_in(args, a[1], a[2]))
        return ERR_BAD;
    if (in_place)
        return proc_exec(path, args, a[2]);
    return file_of(a[3]) ? proc_spawn(path, args, a[2], file_of(a[3])) : ERR_BAD;
}

/* The victim ends itself, on its way out of the kernel; it gets the chance before this call returns. */
static int64_t sys_kill(int pid)
{
    int error = proc_kill(pid);
    if (!error)
        proc_yield();
    return error;
}

static int64_t sys_wait(uint64_t to)
{
    int status = 0, pid = proc_wait(&status);
    if (pid > 0 && to && !copy_out(to, &status, sizeof status))
        return ERR_BAD;
    return pid;
}

static int64_t sys_control(uint64_t uname, int64_t op, int64_t arg, uint64_t to)
{
    char name[FS_NAME];
    int64_t result;
    if (!copy_in_string(name, uname, sizeof name))
        return ERR_BAD;
    result = device_control(name, op, arg);
    return copy_out(to, &result, sizeof result) ? 0 : ERR_BAD;
}

static int64_t sys_process(uint64_t index, uint64_t to)
{
    static const char *const state[] = {"free", "ready", "running", "sleeping", "zombie"};
    for (struct proc *p = procs; p < procs + NPROC; p++) {
        struct process_info i;
        if (p->state == PROC_FREE || index--)
            continue;
        memset(&i, 0, sizeof i);
        i.pid = p->pid;
        i.parent = p->parent;
        str_copy(i.name, p->name, sizeof i.name);
        str_copy(i.state, state[p->state], sizeof i.state);
        return copy_out(to, &i, sizeof i) ? 0 : ERR_BAD;
    }
    return ERR_NOT_FOUND;
}

int64_t syscall(struct frame *f)
{
    const uint64_t *a = &f->x[REG_A0];
    switch (f->x[REG_A7]) {
    case SYS_EXIT: proc_exit((int)a[0]);
    case SYS_SPAWN: return sys_spawn(a, false);
    case SYS_EXEC: return sys_spawn(a, true);
    case SYS_WAIT: return sys_wait(a[0]);
    case SYS_KILL: return sys_kill((int)a[0]);
    case SYS_GETPID: return current->pid;
    case SYS_SLEEP: return proc_nap(a[0]);
    case SYS_OPEN: return sys_open(a[0], a[1]);
    case SYS_CLOSE: return sys_close(a[0]);
    case SYS_READ: return sys_read(a[0], a[1], a[2]);
    case SYS_WRITE: return sys_write(a[0], a[1], a[2]);
    case SYS_READDIR: return sys_readdir(a[0], a[1]);
    case SYS_UNLINK: return sys_unlink(a[0]);
    case SYS_CONTROL: return sys_control(a[0], (int64_t)a[1], (int64_t)a[2], a[3]);
    case SYS_PROCESS: return sys_process(a[0], a[1]);
    case SYS_POWER_OFF: sbi_power_off(a[0] != 0);
    case SYS_COUNTS: counts.pages = pages_in_use(); return copy_out(a[0], &counts, sizeof counts) ? 0 : ERR_BAD;
    default: return ERR_BAD;
    }
}
