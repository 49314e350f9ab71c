/* SPDX-License-Identifier: MIT */
/* What the kernel and its user programs agree on. */
#ifndef UKERN_ABI_H
#define UKERN_ABI_H

/* System calls: the number in a7, arguments in a0..a3, the result (or -1) in a0. */
#define SYS_fork       1
#define SYS_exit       2
#define SYS_wait       3 /* (int *status) -> pid */
#define SYS_exec       4 /* (name, argv) */
#define SYS_kill       5 /* (pid) */
#define SYS_getpid     6
#define SYS_yield      7
#define SYS_sleep      8  /* (milliseconds) */
#define SYS_sbrk       9  /* (bytes) -> the old end of the heap */
#define SYS_pipe       10 /* (int fd[2]) */
#define SYS_read       11 /* (fd, buf, n) */
#define SYS_write      12 /* (fd, buf, n) */
#define SYS_close      13 /* (fd) */
#define SYS_dup        14 /* (fd) -> the lowest free descriptor */
#define SYS_disk_read  15 /* (first sector, buf, sectors 1..8) */
#define SYS_disk_write 16
#define SYS_share      17 /* (address): fork shares this page instead of copying it */
#define SYS_info       18 /* (struct info *) */
#define SYS_bootargs   19 /* (buf, n) */
#define SYS_poweroff   20 /* (status) */
#define SYS_selftest   21 /* (which) -> scause of a probe that the kernel makes in S mode */
#define SYS_hart       22 /* -> the hart that this call runs on */

/* A process that the kernel killed reports this plus the cause; plain kill has no cause. */
#define KILLED         0x100
#define KILLED_BY_KILL 0x1ff

/* Probes of SYS_selftest. */
#define PROBE_OK        0 /* a load from ordinary kernel data: no trap */
#define PROBE_PMP       1 /* a load from the page that PMP keeps for M mode */
#define PROBE_UNMAPPED  2 /* a load from an unmapped address */
#define PROBE_TEXT      3 /* a store to kernel text */
#define PROBE_USER      4 /* a load from a user page with SUM clear */
#define PROBE_CANONICAL 5 /* a load from an address whose bits 63:39 are not copies of bit 38 */
#define PROBE_USER_SUM  6 /* the same load with SUM set: no trap */

struct info {
    unsigned long harts;
    unsigned long free_pages;
    unsigned long disk_sectors;
    unsigned long timebase; /* Hz of the time CSR */
    unsigned long sstc;     /* 1: the timer is stimecmp; 0: it is the CLINT's */
    unsigned long faults;   /* page faults that the kernel resolved: lazy, copy-on-write, A and D bits */
    unsigned long uart_irqs;
    unsigned long disk_irqs;
    unsigned long ipis;
    unsigned long ticks;
};

#endif
