/* SPDX-License-Identifier: MIT */
/* Does what a program must not, and ends alone. */
#include "lib.h"

static void overflow(volatile char *above, unsigned depth)
{
    volatile char here[1024];
    here[0] = *above;
    if (depth)
        overflow(here, depth - 1);
    here[1] = 0; /* keeps it from becoming a loop */
}

int main(int argc, char **argv)
{
    const char *how = argc > 1 ? argv[1] : "read";
    printf("crash: about to %s\n", how);
    if (strcmp(how, "read") == 0)
        (void)*(volatile int *)0;
    else if (strcmp(how, "write") == 0)
        *(volatile int *)0x10000 = 1; /* its own text */
    else if (strcmp(how, "jump") == 0)
        ((void (*)(void))0x30000000)();
    else if (strcmp(how, "illegal") == 0)
        __asm__ volatile("csrr t0, sstatus" ::: "t0");
    else if (strcmp(how, "kernel") == 0)
        (void)*(volatile int *)0xffffffc080200000;
    else if (strcmp(how, "stack") == 0)
        overflow((char[]){0}, 1000000);
    else
        printf("crash: I know read, write, jump, illegal, kernel, stack\n");
    return 0;
}
