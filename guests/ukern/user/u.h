/* SPDX-License-Identifier: MIT */
/* The user programs' library: system calls, text, atomics. */
#ifndef UKERN_U_H
#define UKERN_U_H

#include "../abi.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

static inline long sys3(long n, long a, long b, long c)
{
    register long a0 __asm__("a0") = a;
    register long a1 __asm__("a1") = b;
    register long a2 __asm__("a2") = c;
    register long a7 __asm__("a7") = n;
    __asm__ volatile("ecall" : "+r"(a0) : "r"(a1), "r"(a2), "r"(a7) : "memory");
    return a0;
}

#define P(p) ((long)(uintptr_t)(p))
static inline int fork(void)
{
    return (int)sys3(SYS_fork, 0, 0, 0);
}
static inline _Noreturn void exit(int status)
{
    sys3(SYS_exit, status, 0, 0);
    __builtin_unreachable();
}
static inline int wait(int *status)
{
    return (int)sys3(SYS_wait, P(status), 0, 0);
}
static inline int exec(const char *name, const char *const *argv)
{
    return (int)sys3(SYS_exec, P(name), P(argv), 0);
}
static inline int kill(int pid)
{
    return (int)sys3(SYS_kill, pid, 0, 0);
}
static inline int getpid(void)
{
    return (int)sys3(SYS_getpid, 0, 0, 0);
}
static inline void yield(void)
{
    sys3(SYS_yield, 0, 0, 0);
}
static inline int sleep(long ms)
{
    return (int)sys3(SYS_sleep, ms, 0, 0);
}
static inline void *sbrk(long by)
{
    return (void *)sys3(SYS_sbrk, by, 0, 0);
}
static inline int pipe(int fd[2])
{
    return (int)sys3(SYS_pipe, P(fd), 0, 0);
}
static inline long read(int fd, void *buf, size_t n)
{
    return sys3(SYS_read, fd, P(buf), (long)n);
}
static inline long write(int fd, const void *buf, size_t n)
{
    return sys3(SYS_write, fd, P(buf), (long)n);
}
static inline int close(int fd)
{
    return (int)sys3(SYS_close, fd, 0, 0);
}
static inline int dup(int fd)
{
    return (int)sys3(SYS_dup, fd, 0, 0);
}
static inline long disk_read(uint64_t s, void *buf, size_t n)
{
    return sys3(SYS_disk_read, (long)s, P(buf), (long)n);
}
static inline long disk_write(uint64_t s, const void *buf, size_t n)
{
    return sys3(SYS_disk_write, (long)s, P(buf), (long)n);
}
static inline int share(void *page)
{
    return (int)sys3(SYS_share, P(page), 0, 0);
}
static inline int info(struct info *i)
{
    return (int)sys3(SYS_info, P(i), 0, 0);
}
static inline long selftest(long which)
{
    return sys3(SYS_selftest, which, 0, 0);
}
static inline int hart(void)
{
    return (int)sys3(SYS_hart, 0, 0, 0);
}

static inline uint64_t rdtime(void)
{
    uint64_t t;
    __asm__ volatile("rdtime %0" : "=r"(t));
    return t;
}

void *memcpy(void *d, const void *s, size_t n);
void *memset(void *d, int c, size_t n);
int memcmp(const void *a, const void *b, size_t n);
size_t strlen(const char *s);
int strcmp(const char *a, const char *b);
long number(const char *s); /* decimal digits at s */
/* %s %d %u %x, l before the last three; one write call per line of output, so lines do not mix */
void printf(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
const char *bootarg(const char *key); /* "key=value" -> value; "key" -> ""; NULL: not there */

#endif
