/* SPDX-License-Identifier: MIT */
/* A kernel that looks at itself. What it sees on a machine of its own is known; if it sees something else, somebody stands between. */
#include "riscv.h"
#include "sbi.h"
#include "text.h"

uint64_t kernel_uk(void);
uint64_t user_uk(void);
uint64_t kernel_drop(void);
extern volatile uint64_t trap_cause, trap_spp;

static void put(void *ctx, char c)
{
    (void)ctx;
    if (c == '\n')
        sbi_putchar('\r');
    sbi_putchar(c);
}

static void __attribute__((format(printf, 1, 2))) print(const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    format(put, NULL, fmt, ap);
    va_end(ap);
}

static unsigned leaks;

static void observe(const char *what, uint64_t seen, uint64_t expected, const char *otherwise)
{
    print("%-44s %lu%s\n", what, seen, seen == expected ? "" : otherwise);
    leaks += seen != expected;
}

_Noreturn void leaky_main(void);
void leaky_main(void)
{
    uint64_t uk = kernel_uk();
    print("leaky: I am a kernel, and I look at my own U/K bit.\n");
    if (trap_cause == CAUSE_ILLEGAL) {
        print(
            "The CSRs uk (0xcc0) and ukset (0x8c0) are not there: an illegal instruction. This machine does not leak;\n"
            "Vitrine's does with -cpu rv64,xuk=true.\n");
        sbi_power_off(1);
    }
    observe("uk in the kernel (1: kernel mode)", uk, 1, "   <- I run in user mode!");
    uk = user_uk();
    observe("uk in my user program (0: user mode)", uk & 0xff, 0, "   <- it runs in kernel mode!");
    observe("uk there, after ukset = 1 and ukset = 0", uk >> 8, 0, "   <- it could change it!");
    observe("the program's trap came from user mode", trap_cause == CAUSE_ECALL_U && !trap_spp, 1, "   <- it did not!");
    uk = kernel_drop();
    observe("ukset = 0 takes the kernel to user mode", !uk && trap_cause == CAUSE_ILLEGAL && !trap_spp, 1,
            "   <- nothing happened!");
    if (leaks)
        print("%u of 5 observations are not those of a machine: I am a guest, and my kernel runs in user mode.\n",
              leaks);
    else
        print("All as on a machine of my own.\n");
    sbi_power_off(0);
}
