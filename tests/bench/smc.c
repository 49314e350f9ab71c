/* SPDX-License-Identifier: MIT */
/* Self-modifying code: patch one instruction of a small function, fence.i, call it. */
#include "bench.h"

/* addi a0, a0, imm; ret - and some padding so that the function has neighbours in its page */
static uint32_t code[1024] __attribute__((aligned(4096)));

typedef uint64_t function(uint64_t);

static uint32_t addi_a0(uint32_t imm)
{
    return imm << 20 | 10 << 15 | 10 << 7 | 0x13;
}

void bench(void)
{
    uint64_t sum = 0, expected = 0;
    for (size_t i = 0; i < ARRAY_LEN(code); i++)
        code[i] = 0x00008067; /* ret */
    function *fn = (function *)(uintptr_t)&code[16];
    for (uint64_t n = 0; n < ITER; n++) {
        uint32_t imm = (uint32_t)(n * 7) & 1023;
        *(volatile uint32_t *)&code[16] = addi_a0(imm);
        __asm__ volatile("fence.i" ::: "memory");
        sum = fn(sum);
        expected += imm;
        if (sum != expected)
            bench_fail("smc: ran the old instruction", 10);
    }
    bench_done("smc", sum, expected, ITER);
}
