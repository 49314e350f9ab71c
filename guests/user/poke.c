/* SPDX-License-Identifier: MIT */
/* Finds the bug of a driver: an index that it believes. What happens then is the difference between the two kernels. */
#include "clock.h"
#include "disk.h"
#include "lib.h"

int main(int argc, char **argv)
{
    uint64_t index = UINT64_C(0x123456789a);
    int64_t answer;
    int error;
    bool disk = argc > 1 && strcmp(argv[1], "disk") == 0;
    if (argc < 2 || (!disk && strcmp(argv[1], "clock") != 0) || (argc > 2 && !str_number(argv[2], &index))) {
        printf("usage: poke clock|disk [INDEX]\n");
        return 2;
    }
    printf("poke: asking the driver of the %s for entry 0x%lx of its table\n", argv[1], index);
    error = control(argv[1], disk ? DISK_HEAT : CLOCK_ZONE, (int64_t)index, &answer);
    if (error)
        printf("poke: %s\n", error_text(error));
    else
        printf("poke: it answered %ld\n", answer);
    return error != 0;
}
