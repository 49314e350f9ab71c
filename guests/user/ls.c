/* SPDX-License-Identifier: MIT */
/* The directory, with each file's size. */
#include "lib.h"

int main(int argc, char **argv)
{
    struct dir_entry e;
    (void)argc, (void)argv;
    for (unsigned i = 0; readdir(i, &e) == 0; i++)
        printf("%-12s %u\n", e.name, e.size);
    return 0;
}
