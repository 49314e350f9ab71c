/* SPDX-License-Identifier: MIT */
/* The library's way to mono: each function is one system call. */
#include "../mono/abi.h"
#include "lib.h"

static inline int64_t call(uint64_t number, uint64_t arg0, uint64_t arg1, uint64_t arg2, uint64_t arg3)
{
    register uint64_t a0 __asm__("a0") = arg0;
    register uint64_t a1 __asm__("a1") = arg1;
    register uint64_t a2 __asm__("a2") = arg2;
    register uint64_t a3 __asm__("a3") = arg3;
    register uint64_t a7 __asm__("a7") = number;
    __asm__ volatile("ecall" : "+r"(a0) : "r"(a1), "r"(a2), "r"(a3), "r"(a7) : "memory");
    return (int64_t)a0;
}

/* The call between its two marks. */
#define MARKED(name, ...)                                                                                              \
    __extension__({                                                                                                    \
        int64_t result_;                                                                                               \
        MARK(MARK_BEGIN + CALL_##name);                                                                                \
        result_ = call(SYS_##name, __VA_ARGS__);                                                                       \
        MARK(MARK_END + CALL_##name);                                                                                  \
        result_;                                                                                                       \
    })
#define P(p) ((uint64_t)(p))

void exit(int status)
{
    call(SYS_EXIT, (uint64_t)status, 0, 0, 0);
    __builtin_unreachable();
}

int spawn(const char *path, const char *const *argv, int out)
{
    char args[512];
    uint64_t n = pack_args(args, sizeof args, argv);
    return (int)MARKED(SPAWN, P(path), P(args), n, (uint64_t)out);
}

int exec(const char *path, const char *const *argv)
{
    char args[512];
    uint64_t n = pack_args(args, sizeof args, argv);
    return (int)MARKED(EXEC, P(path), P(args), n, 0);
}

int wait(int *status)
{
    return (int)MARKED(WAIT, P(status), 0, 0, 0);
}

int kill(int pid)
{
    return (int)MARKED(KILL, (uint64_t)pid, 0, 0, 0);
}

int getpid(void)
{
    return (int)MARKED(GETPID, 0, 0, 0, 0);
}

int sleep(uint64_t milliseconds)
{
    return (int)MARKED(SLEEP, milliseconds, 0, 0, 0);
}

int open(const char *path, int flags)
{
    return (int)MARKED(OPEN, P(path), (uint64_t)flags, 0, 0);
}

int close(int fd)
{
    return (int)MARKED(CLOSE, (uint64_t)fd, 0, 0, 0);
}

int64_t read(int fd, void *to, uint64_t n)
{
    return MARKED(READ, (uint64_t)fd, P(to), n, 0);
}

int64_t write(int fd, const void *from, uint64_t n)
{
    return MARKED(WRITE, (uint64_t)fd, P(from), n, 0);
}

int readdir(unsigned index, struct dir_entry *e)
{
    return (int)MARKED(READDIR, index, P(e), 0, 0);
}

int unlink(const char *path)
{
    return (int)MARKED(UNLINK, P(path), 0, 0, 0);
}

int control(const char *device, int64_t op, int64_t arg, int64_t *result)
{
    return (int)MARKED(CONTROL, P(device), (uint64_t)op, (uint64_t)arg, P(result));
}

int process(unsigned index, struct process_info *p)
{
    return (int)MARKED(PROCESS, index, P(p), 0, 0);
}

int counts(struct counts *c)
{
    return (int)MARKED(COUNTS, P(c), 0, 0, 0);
}

int server(unsigned index, struct server_info *s)
{
    (void)index, (void)s;
    return ERR_NOT_FOUND;
}

void lib_start(uint64_t out)
{
    (void)out; /* descriptors are the kernel's */
}

void power_off(int status)
{
    call(SYS_POWER_OFF, (uint64_t)status, 0, 0, 0);
    __builtin_unreachable();
}

const char *kernel_name(void)
{
    return "mono";
}
