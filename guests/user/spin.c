/* SPDX-License-Identifier: MIT */
/* Computes for ever: only the timer takes the processor away from it. */
#include "lib.h"

int main(int argc, char **argv)
{
    (void)argc, (void)argv;
    for (volatile uint64_t n = 0;; n++)
        ;
}
