/* SPDX-License-Identifier: MIT */
/* What every benchmark guest gets: a console, a way out, and a report line. Freestanding RV64, hart 0. */
#ifndef BENCH_H
#define BENCH_H

#include <stddef.h>
#include <stdint.h>

/* How often a guest repeats its work: the build sets it per guest so that one run takes a second or two on an interpreter. */
#ifndef ITER
#define ITER 1
#endif

/* The compiler may not look inside: a call in a loop stays a call in a loop. */
#define NOINLINE     __attribute__((noipa))
#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))

/* Each guest defines this one. */
void bench(void);

/* End of a guest: print "NAME ok checksum=.. insns=.. ops=..\n" and pass if the sum is as expected, else fail with status 2.
 * insns: retired from reset to here. ops: what the guest counts as one unit of work (a trap, a hop, a block). */
void bench_done(const char *name, uint64_t checksum, uint64_t expected, uint64_t ops) __attribute__((noreturn));

/* The guest found a wrong result: print where and leave with status `code` (1..65535). */
void bench_fail(const char *what, uint32_t code) __attribute__((noreturn));

void bench_exit(uint32_t code) __attribute__((noreturn));

void *memcpy(void *dst, const void *src, size_t n);
void *memset(void *dst, int c, size_t n);
int strcmp(const char *a, const char *b);
char *strcpy(char *dst, const char *src);

/* xorshift64: good enough to shuffle with, and the same on every machine. The state must not be zero. */
static inline uint64_t bench_rand(uint64_t *state)
{
    uint64_t x = *state;
    x ^= x << 13;
    x ^= x >> 7;
    x ^= x << 17;
    return *state = x;
}

/* Folds a value into a sum so that order matters. */
static inline uint64_t bench_mix(uint64_t sum, uint64_t v)
{
    sum ^= v + 0x9e3779b97f4a7c15ull + (sum << 6) + (sum >> 2);
    return sum;
}

#endif
