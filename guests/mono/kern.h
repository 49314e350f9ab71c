/* SPDX-License-Identifier: MIT */
/* The whole kernel's declarations.
 *
 * A program's addresses:
 *   0x0001_0000  what is in its ELF file
 *   0x3fff_8000  its stack: eight pages, given when they are touched; at the start the arguments are at its top
 *   0x4000_0000  end of user space
 * The kernel's are in pages.h.
 * The kernel is in the upper half of every table: a trap does not change satp. One hart. Interrupts are off in the kernel but where it
 * waits, so nothing needs a lock but what is held while asleep.
 */
#ifndef MONO_KERN_H
#define MONO_KERN_H

#include "api.h"
#include "clock.h"
#include "console.h"
#include "disk.h"
#include "dt.h"
#include "fs.h"
#include "pages.h"
#include "text.h"

#define NPROC       32
#define NFD         8
#define KSTACK_SIZE 8192
#define ARGS_MAX    512 /* bytes of packed arguments */

#define USER_START UINT64_C(0x10000)
#define USER_TOP   UINT64_C(0x40000000)
#define USER_STACK (USER_TOP - 8 * PAGE)
#define HZ         100

/* What entry.S saves of the interrupted program, on the kernel stack. */
struct frame {
    uint64_t x[32]; /* x[0] unused */
    uint64_t sepc, sstatus;
};
enum { REG_RA = 1, REG_SP = 2, REG_A0 = 10, REG_A7 = 17 };

/* What switch_context keeps: the callee-saved registers. */
struct context {
    uint64_t ra, sp, s[12];
};

enum proc_state { PROC_FREE, PROC_READY, PROC_RUNNING, PROC_SLEEPING, PROC_ZOMBIE };

struct file {
    enum { FILE_CLOSED, FILE_CONSOLE, FILE_DISK } kind;
    unsigned number; /* in the file system */
    uint64_t at;     /* next byte */
    bool write;
};

struct proc {
    enum proc_state state;
    int pid, parent; /* parent 0: the kernel */
    pte_t *table;
    struct frame *frame;
    struct context context;
    const void *channel; /* PROC_SLEEPING on this */
    uint64_t wake_at;    /* or until this time; 0: no time */
    bool killed;
    int status;
    struct file fd[NFD];
    char name[FS_NAME];
};

extern struct board board;
extern struct console console;
extern struct fs fs;
extern struct counts counts;
extern struct proc procs[NPROC];
extern struct proc *current; /* NULL: the kernel's own thread */

/* main.c */
void print(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
_Noreturn void panic(const char *why, const struct frame *f); /* f: the registers, or NULL */
void uptime_set_timer(void);

/* memory.c */
void memory_init(void);
void table_free(pte_t *table);
bool user_page(pte_t *table, uint64_t va, uint64_t flags, void **page);
bool user_fault(struct proc *p, uint64_t va, uint64_t need);
bool copy_in(void *to, uint64_t from, uint64_t n);
bool copy_out(uint64_t to, const void *from, uint64_t n);
bool copy_in_string(char *to, uint64_t from, uint64_t size);

/* proc.c */
void proc_init(void);
int proc_spawn(const char *path, const char *args, uint64_t length, const struct file *out);
int proc_exec(const char *path, const char *args, uint64_t length);
_Noreturn void proc_exit(int status);
int proc_wait(int *status);
int proc_kill(int pid);
void proc_sleep(const void *channel); /* until proc_wake(channel) or the process is killed */
int proc_nap(uint64_t milliseconds);
void proc_wake(const void *channel);
void proc_tick(void);
void proc_yield(void);
_Noreturn void proc_schedule(void);

/* exec.c */
int exec_load(const char *path, const char *args, uint64_t length, pte_t **table, struct frame *f);

/* device.c */
void device_init(void);
void device_interrupt(void);
int64_t device_control(const char *name, int64_t op, int64_t arg);
bool device_disk_io(uint64_t sector, void *data, bool write);
int64_t device_console_read(uint64_t to, uint64_t n);

/* syscall.c */
int64_t syscall(struct frame *f);
void fs_lock(void);
void fs_unlock(void);

/* trap.c */
void trap_init(void);

/* entry.S */
void switch_context(struct context *from, struct context *to);
void trap_entry(void);
void trap_return(void);
extern char image_start[], image_end[];

#endif
