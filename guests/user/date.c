/* SPDX-License-Identifier: MIT */
/* The time of day, from the clock's driver; `date N` in zone N (0 to 3). */
#include "clock.h"
#include "lib.h"

int main(int argc, char **argv)
{
    int64_t now = 0, offset;
    uint64_t zone;
    int error = 0;
    if (argc > 1 && str_number(argv[1], &zone))
        error = control("clock", CLOCK_ZONE, (int64_t)zone, &offset);
    if (!error)
        error = control("clock", CLOCK_NOW, 0, &now);
    if (error) {
        printf("clock: %s\n", error_text(error));
        return 1;
    }
    printf("day %ld since 1970, %02ld:%02ld:%02ld\n", now / 86400, now / 3600 % 24, now / 60 % 60, now % 60);
    return 0;
}
