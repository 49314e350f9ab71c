/* SPDX-License-Identifier: MIT */
#ifndef SHELL_H
#define SHELL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What trap_entry saves. */
struct frame {
    uint64_t x[32];
    uint64_t sepc, sstatus;
};

#define READ_CSR(name)                                                                                                 \
    ({                                                                                                                 \
        uint64_t csr_value;                                                                                            \
        __asm__ volatile("csrr %0, " name : "=r"(csr_value));                                                          \
        csr_value;                                                                                                     \
    })
#define WRITE_CSR(name, value) __asm__ volatile("csrw " name ", %0" ::"r"((uint64_t)(value)) : "memory")
#define SET_CSR(name, value)   __asm__ volatile("csrs " name ", %0" ::"r"((uint64_t)(value)) : "memory")

/* sbi.c */
struct sbi_ret {
    int64_t error;
    uint64_t value;
};
struct sbi_ret sbi_call(uint64_t extension, uint64_t function, uint64_t a0, uint64_t a1, uint64_t a2);
enum { SBI_BASE = 0x10, SBI_TIME = 0x54494d45, SBI_HSM = 0x48534d, SBI_SRST = 0x53525354, SBI_DBCN = 0x4442434e };
void putc(char c);
int getc(void);                                                         /* waits */
void print(const char *fmt, ...) __attribute__((format(printf, 1, 2))); /* %s %c %d %x %lx %lu, widths with 0 */

/* paging.c: Sv39, everything mapped where it is, in 1 GiB pages; and one 4 KiB page whose walk is worth a look. */
#define DEMO_VA 0x2000001000ull
void paging_start(void);
void paging_on(void); /* on another hart */
void paging_walk(uint64_t va);

#endif
