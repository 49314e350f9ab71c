/* SPDX-License-Identifier: MIT */
#include "lib.h"

int main(int argc, char **argv)
{
    struct process_info p;
    (void)argc, (void)argv;
    printf("PID PARENT STATE     PROGRAM\n");
    for (unsigned i = 0; process(i, &p) == 0; i++)
        printf("%3d %6d %-9s %s\n", p.pid, p.parent, p.state, p.name);
    return 0;
}
