/* SPDX-License-Identifier: MIT */
/* What the kernel and the disk driver have counted so far. */
#include "disk.h"
#include "lib.h"

int main(int argc, char **argv)
{
    struct counts c;
    int64_t requests = 0;
    int error = counts(&c);
    (void)argc, (void)argv;
    if (!error)
        error = control("disk", DISK_REQUESTS, 0, &requests);
    if (error) {
        printf("stat: %s\n", error_text(error));
        return 1;
    }
    printf("system calls %lu, messages %lu, switches %lu\n", c.calls, c.messages, c.switches);
    printf("page faults %lu, device interrupts %lu, ticks %lu, pages in use %lu\n", c.page_faults, c.interrupts,
           c.ticks, c.pages);
    printf("disk requests %ld\n", requests);
    return 0;
}
