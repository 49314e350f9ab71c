/* SPDX-License-Identifier: MIT */
/* The whole kernel's declarations.
 *
 *   0x0010_0000  sifive_test    0x0200_0000  CLINT    0x0c00_0000  PLIC
 *   0x1000_0000  NS16550A       0x1000_1000  eight virtio-mmio slots, one page each
 *   0x8000_0000  RAM, mapped at its own address
 *
 * High in the kernel's table, from the top of Sv39's lower half (0x40_0000_0000) down:
 *   the trampoline page (also in every process's table, the same place), one page unused, then per process slot a
 *   kernel stack of two pages and an unmapped guard page.
 *
 * A process:  0x1000 program, heap (demand zero) up to USER_HEAP_MAX | guard | stack of four pages (demand zero) up to
 *   USER_TOP | ... | trapframe page | trampoline page
 */
#ifndef UKERN_KERN_H
#define UKERN_KERN_H

#include "abi.h"
#include "riscv.h"

#define NHART 8
#define NPROC 64
#define NFD   8
#define NFILE 128

#define FINISHER  UINT64_C(0x100000)
#define CLINT     UINT64_C(0x2000000)
#define CLINT_CMP (CLINT + 0x4000)
#define PLIC      UINT64_C(0xc000000)
#define UART      UINT64_C(0x10000000)
#define UART_IRQ  10
#define VIRTIO(n) (UINT64_C(0x10001000) + 0x1000 * (uint64_t)(n)) /* irq n + 1 */
#define RAM       UINT64_C(0x80000000)

#define VA_TOP        UINT64_C(0x4000000000)
#define TRAMPOLINE    (VA_TOP - PAGE)
#define TRAPFRAME     (VA_TOP - 2 * PAGE)
#define KSTACK(slot)  (VA_TOP - 2 * PAGE - 3 * PAGE * ((uint64_t)(slot) + 1) + PAGE) /* lowest byte of two pages */
#define USER_TOP      UINT64_C(0x40000000)
#define USER_STACK    (USER_TOP - 4 * PAGE)
#define USER_HEAP_MAX UINT64_C(0x3f000000)

#define USER_PROBE UINT64_C(0x50000000) /* in the kernel's table only: one page with U set, for the self-test */

#define TICKS_PER_SECOND 500 /* timer interrupts per hart */

/* Callee-saved registers: what a switch between kernel threads keeps. */
struct context {
    uint64_t ra, sp, s[12];
};

/* In the process's own page, mapped at TRAPFRAME; the trampoline knows the offsets. */
struct trapframe {
    uint64_t kernel_satp; /* 0 */
    uint64_t kernel_sp;   /* 8 */
    uint64_t kernel_tp;   /* 16 */
    uint64_t epc;         /* 24 */
    uint64_t flush;       /* 32: how to enter user space: 1 sfence.vma all, 0 nothing to flush */
    uint64_t x[32];       /* 40 + 8 * number; x[0] unused */
    uint64_t handler;     /* 296: user_trap */
};
enum { RA = 1, SP = 2, A0 = 10, A1 = 11, A2 = 12, A3 = 13, A7 = 17 };

struct spinlock {
    volatile uint32_t held;
    const char *name;
    struct cpu *cpu;
};

enum state { FREE, EMBRYO, SLEEPING, READY, RUNNING, ZOMBIE };

struct proc {
    enum state state;
    unsigned slot;
    int pid;
    struct proc *parent, *next; /* next: in the run queue */
    const void *chan;           /* SLEEPING on this */
    uint64_t wake_at;           /* or until this time; 0: no time */
    bool killed;
    int status;
    pte_t *pt;
    struct trapframe *tf;
    uint64_t heap, brk; /* [heap, brk) is demand zero */
    struct context ctx;
    struct file *fd[NFD];
    char name[16];
    int hart;        /* it last ran here; -1: nowhere yet */
    bool fp_on;      /* it has used floating point */
    int fp_hart;     /* this hart's registers hold its values, if cpu->fp_proc agrees */
    uint64_t fp[33]; /* f0..f31, fcsr */
};

struct cpu {
    unsigned hart;
    struct proc *proc;
    struct context idle;
    unsigned off_depth; /* nested intr_push */
    bool was_on;        /* interrupts before the outermost */
    volatile bool waiting;
    struct proc *fp_proc;
    volatile uint64_t probe; /* while not 0: a fault in S mode resumes here */
    volatile uint64_t probe_cause;
};

struct boot {
    unsigned harts;
    uint64_t ram_size;
    uint64_t timebase;
    bool sstc;
    bool asid;
    char args[256];
};

struct file {
    uint32_t refs; /* 0: free */
    bool write;
    struct pipe *pipe; /* NULL: the console */
};

extern struct boot boot;
extern struct cpu cpus[NHART];
extern struct info stats;
extern volatile uint32_t m_mail[NHART]; /* the M-mode vector's notes: 1 = the CLINT timer went off */

/* lock.c */
void intr_on(void);
void intr_off(void);
bool intr_get(void);
void intr_push(void);
void intr_pop(void);
void lock(struct spinlock *l);
void unlock(struct spinlock *l);
bool lock_mine(const struct spinlock *l);
static inline struct cpu *mycpu(void) /* interrupts off, or the answer may be stale */
{
    struct cpu *c;
    __asm__ volatile("mv %0, tp" : "=r"(c));
    return c;
}
struct proc *myproc(void);

/* console.c */
void console_init(void);
void console_irq(void);
int64_t console_write(uint64_t ubuf, uint64_t n);
int64_t console_read(uint64_t ubuf, uint64_t n);
void printk(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
_Noreturn void panic(const char *what, uint64_t value);
_Noreturn void poweroff(unsigned status);
void console_drain(void);

/* text.c */
void *memcpy(void *d, const void *s, size_t n);
void *memset(void *d, int c, size_t n);
int memcmp(const void *a, const void *b, size_t n);
size_t strlen(const char *s);
int strcmp(const char *a, const char *b);
bool boot_word(const char *word);

/* dt.c */
void dt_read(const void *dtb);

/* page.c */
void page_init(void);
void *page_alloc(void); /* zeroed, one reference; NULL: none left */
void page_ref(uint64_t pa);
void page_put(uint64_t pa);
uint32_t page_refs(uint64_t pa);
uint64_t page_free_count(void);

/* vm.c */
extern pte_t *kernel_pt;
void vm_init(void);
void vm_enter(void);
pte_t *vm_walk(pte_t *pt, uint64_t va, bool make);
bool vm_map(pte_t *pt, uint64_t va, uint64_t pa, uint64_t size, uint64_t flags);
pte_t *vm_user_new(struct trapframe *tf);
bool vm_user_copy(pte_t *from, pte_t *to);
void vm_user_free(pte_t *pt);
void vm_user_unmap(pte_t *pt, uint64_t from, uint64_t to);
bool vm_fault(struct proc *p, uint64_t va, unsigned need);
bool vm_share(struct proc *p, uint64_t va);
uint64_t vm_asid(const struct proc *p);
bool copyout(struct proc *p, uint64_t uva, const void *from, uint64_t n);
bool copyin(struct proc *p, void *to, uint64_t uva, uint64_t n);
int copyinstr(struct proc *p, char *to, uint64_t uva, int max); /* its length, or -1 */

/* proc.c */
extern struct proc procs[NPROC];
void proc_init(void);
void proc_first(void);
_Noreturn void scheduler(void);
void sleep_on(const void *chan, struct spinlock *l);
void wake(const void *chan);
void wake_due(uint64_t now);
void yield(void);
int proc_fork(void);
_Noreturn void proc_exit(int status);
int proc_wait(uint64_t ustatus);
int proc_kill(int pid);
int proc_nap(uint64_t ms);
int64_t proc_sbrk(int64_t by);

/* exec.c */
int exec(const char *name, const char *args, int argc, uint64_t len);

/* trap.c */
void trap_init_hart(void);
void timer_start(void);
_Noreturn void user_return(void);
uint64_t selftest(uint64_t which);

/* syscall.c */
void syscall(struct proc *p);

/* file.c */
struct file *file_new(struct pipe *pipe, bool write);
void file_ref(struct file *f);
void file_close(struct file *f);
int64_t file_read(struct file *f, uint64_t ubuf, uint64_t n);
int64_t file_write(struct file *f, uint64_t ubuf, uint64_t n);
int file_pipe(struct file *end[2]);

/* plic.c */
void plic_init(void);
void plic_init_hart(void);
void plic_irq(void);
void ipi_send(unsigned hart);

/* blk.c */
void blk_init(void);
void blk_irq(void);
extern unsigned blk_irq_number; /* 0: no disk */
bool blk_io(void *page, uint64_t sector, unsigned count, bool write);

/* asm */
void context_switch(struct context *from, struct context *to);
void fp_save(uint64_t *fp);
void fp_load(const uint64_t *fp);
uint64_t probe_load(uint64_t va, volatile uint64_t *resume);
uint64_t probe_store(uint64_t va, volatile uint64_t *resume);
void kernel_vec(void);
void m_vec(void);
void m_probe_vec(void);
extern char trampoline[], user_vec[], user_enter[], text_end[], rodata_end[], m_private[], kernel_end[];
extern char _entry[];

#endif
