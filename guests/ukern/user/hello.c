/* SPDX-License-Identifier: MIT */
/* Says its arguments; "hello -q ..." only counts them into its exit status. */
#include "u.h"

int main(int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], "-q") == 0)
        return argc;
    for (int i = 0; i < argc; i++)
        printf("%s%s", i ? " " : "", argv[i]);
    printf("\n");
    return 0;
}
