/* SPDX-License-Identifier: MIT */
/* Calls from S mode to the firmware below (SBI specification 2.0). */
#ifndef GUEST_SBI_H
#define GUEST_SBI_H

#include <stdint.h>

enum { SBI_TIME = 0x54494d45, SBI_IPI = 0x735049, SBI_HSM = 0x48534d, SBI_RESET = 0x53525354 };
enum { SBI_LEGACY_PUTCHAR = 1, SBI_LEGACY_GETCHAR = 2, SBI_LEGACY_SHUTDOWN = 8 };

struct sbi_ret {
    int64_t error;
    uint64_t value;
};

static inline struct sbi_ret sbi_call(uint64_t extension, uint64_t function, uint64_t arg0, uint64_t arg1)
{
    register uint64_t a0 __asm__("a0") = arg0;
    register uint64_t a1 __asm__("a1") = arg1;
    register uint64_t a6 __asm__("a6") = function;
    register uint64_t a7 __asm__("a7") = extension;
    __asm__ volatile("ecall" : "+r"(a0), "+r"(a1) : "r"(a6), "r"(a7) : "memory");
    return (struct sbi_ret){(int64_t)a0, a1};
}

/* The timer interrupt comes when `time` reaches this, and the one that is pending goes away. */
static inline void sbi_set_timer(uint64_t at)
{
    sbi_call(SBI_TIME, 0, at, 0);
}

static inline void sbi_putchar(char c)
{
    sbi_call(SBI_LEGACY_PUTCHAR, 0, (uint8_t)c, 0);
}

/* Ends the machine: status 0, or 1 for a failure. */
static inline _Noreturn void sbi_power_off(int failure)
{
    sbi_call(SBI_RESET, 0, 0, failure ? 1 : 0);
    for (;;)
        __asm__ volatile("wfi");
}

#endif
