/* SPDX-License-Identifier: MIT */
/* The few things that our kernels read from the flattened device tree. */
#ifndef GUEST_DT_H
#define GUEST_DT_H

#include <stdint.h>

struct board {
    uint64_t ram_size; /* bytes from 0x8000_0000 */
    uint64_t timebase; /* ticks of `time` per second */
    int sstc;          /* the hart has stimecmp (Sstc) */
    char args[256];    /* -append */
};

/* tree: the blob, where it can be read. What it does not tell gets the board's usual value. */
void dt_read(const void *tree, struct board *b);
/* The value of KEY=VALUE among the arguments, copied to value; "" for a lone KEY. False: not there. */
int dt_arg(const struct board *b, const char *key, char *value, uint64_t size);

#endif
