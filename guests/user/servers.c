/* SPDX-License-Identifier: MIT */
/* Who does the work that a monolithic kernel does itself, and how often each had to be started again. */
#include "lib.h"

int main(int argc, char **argv)
{
    struct server_info s;
    unsigned i = 0;
    (void)argc, (void)argv;
    for (; server(i, &s) == 0; i++)
        printf("%-8s thread 0x%-8lx started again %lu times\n", s.name, s.thread, s.restarts);
    if (!i)
        printf("No servers: this kernel does everything itself.\n");
    return 0;
}
