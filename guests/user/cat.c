/* SPDX-License-Identifier: MIT */
/* Files to standard output; without a file, standard input until control-D. */
#include "lib.h"

static int copy(int from, const char *name)
{
    char part[256];
    int64_t n;
    while ((n = read(from, part, sizeof part)) > 0)
        write(1, part, (uint64_t)n);
    if (n < 0)
        printf("%s: %s\n", name, error_text(n));
    return n < 0;
}

int main(int argc, char **argv)
{
    int bad = argc > 1 ? 0 : copy(0, "input");
    for (int i = 1; i < argc; i++) {
        int fd = open(argv[i], OPEN_READ);
        if (fd < 0) {
            printf("%s: %s\n", argv[i], error_text(fd));
            bad = 1;
            continue;
        }
        bad |= copy(fd, argv[i]);
        close(fd);
    }
    return bad;
}
