/* SPDX-License-Identifier: MIT */
/* Pointer chase: one random cycle through 16 MiB of 64-byte nodes. Each load's address is the load before it. */
#include "bench.h"

#define EXPECT 0x9812f8acf37e884bull /* found once, the same on an x86-64 host */

enum { NODES = 16 * 1024 * 1024 / 64 };

struct node {
    struct node *next;
    uint64_t id;
    uint64_t rest[6];
};

static struct node nodes[NODES] __attribute__((aligned(4096), section(".noinit")));

/* Sattolo's shuffle of next pointers: the permutation is a single cycle. */
static NOINLINE void build(void)
{
    uint64_t rng = 0x243f6a8885a308d3ull;
    for (uint64_t i = 0; i < NODES; i++) {
        nodes[i].next = &nodes[i];
        nodes[i].id = i;
    }
    for (uint64_t i = NODES - 1; i > 0; i--) {
        uint64_t j = bench_rand(&rng) % i;
        struct node *t = nodes[i].next;
        nodes[i].next = nodes[j].next;
        nodes[j].next = t;
    }
}

static NOINLINE struct node *hop(struct node *n, uint64_t hops)
{
    while (hops--)
        n = n->next;
    return n;
}

void bench(void)
{
    build();
    uint64_t sum = 0, ids = 0;
    struct node *n = nodes;
    for (uint64_t i = 0; i < NODES; i++, n = n->next) {
        sum = bench_mix(sum, n->id);
        ids += n->id;
    }
    if (n != nodes || ids != (uint64_t)NODES * (NODES - 1) / 2)
        bench_fail("chase: not one cycle", 10);
    for (uint64_t lap = 1; lap <= ITER; lap++) {
        n = hop(n, NODES);
        if (n != nodes)
            bench_fail("chase: a lap ends elsewhere", 11);
    }
    bench_done("chase", sum, EXPECT, (uint64_t)NODES * ITER);
}
