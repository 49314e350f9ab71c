/* SPDX-License-Identifier: MIT */
/* What programs are written against, under either kernel: sys_mono.c turns these into system calls, sys_micro.c into messages to the
 * servers that do the work. The kernels share the constants and structs. */
#ifndef USER_API_H
#define USER_API_H

#include <stdint.h>

#define NAME_MAX 20 /* of a file, with its end */

enum { OPEN_READ = 0, OPEN_CREATE = 1 }; /* CREATE: written, and empty at first */
enum {
    ERR_NOT_FOUND = -2,
    ERR_IO = -5,
    ERR_KILLED = -4,
    ERR_BAD = -22,
    ERR_NO_SPACE = -28,
    ERR_DIED = -32, /* the server that was asked ended before it answered */
};
/* A process's status: what it gave exit(), or */
enum { STATUS_KILLED = 256, STATUS_FAULT = 512 /* + the cause of the trap that ended it */ };

struct dir_entry {
    char name[NAME_MAX];
    uint32_t size;
};

struct process_info {
    int pid, parent;
    char name[NAME_MAX], state[12];
};

struct server_info { /* only micro has any */
    char name[NAME_MAX];
    uint64_t thread, restarts;
};

struct counts {
    uint64_t calls;       /* system calls, of whatever kind the kernel has */
    uint64_t messages;    /* of those, messages sent from one thread to another (micro) */
    uint64_t switches;    /* of the processor from one process or thread to another */
    uint64_t page_faults; /* repaired */
    uint64_t interrupts;  /* of devices */
    uint64_t ticks;       /* of the timer */
    uint64_t pages;       /* in use */
};

#endif
