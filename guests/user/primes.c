/* SPDX-License-Identifier: MIT */
/* Counts primes below N (10000): work that needs no kernel, so it should take as long under one as under the other. */
#include "lib.h"

int main(int argc, char **argv)
{
    uint64_t limit = 10000, count = 0;
    if (argc > 1 && !str_number(argv[1], &limit)) {
        printf("usage: primes [N]\n");
        return 2;
    }
    for (uint64_t n = 2; n < limit; n++) {
        uint64_t d = 2;
        while (d * d <= n && n % d)
            d++;
        count += d * d > n;
    }
    printf("%lu primes below %lu\n", count, limit);
    return 0;
}
