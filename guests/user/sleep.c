/* SPDX-License-Identifier: MIT */
#include "lib.h"

int main(int argc, char **argv)
{
    uint64_t ms;
    if (argc != 2 || !str_number(argv[1], &ms)) {
        printf("usage: sleep MILLISECONDS\n");
        return 2;
    }
    return sleep(ms) != 0;
}
