/* SPDX-License-Identifier: MIT */
#include "lib.h"

int main(int argc, char **argv)
{
    uint64_t pid;
    int error;
    if (argc != 2 || !str_number(argv[1], &pid)) {
        printf("usage: kill PID\n");
        return 2;
    }
    error = kill((int)pid);
    if (error)
        printf("%s: %s\n", argv[1], error_text(error));
    return error != 0;
}
