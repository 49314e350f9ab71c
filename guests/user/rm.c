/* SPDX-License-Identifier: MIT */
#include "lib.h"

int main(int argc, char **argv)
{
    int bad = 0;
    for (int i = 1; i < argc; i++) {
        int error = unlink(argv[i]);
        if (error)
            printf("%s: %s\n", argv[i], error_text(error));
        bad |= error != 0;
    }
    return bad;
}
