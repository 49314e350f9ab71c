/* SPDX-License-Identifier: MIT */
/* Quicksort and heap sort of the same random integers, and the sieve of Eratosthenes. */
#include "bench.h"

#define EXPECT 0x97808c66bb4ec47cull /* found once, the same on an x86-64 host */

enum { LEN = 64 * 1024, LIMIT = 1000000, PRIMES_BELOW_LIMIT = 78498 };

static int32_t quick[LEN], heap[LEN];
static uint8_t composite[LIMIT];

static void quicksort(int32_t *v, long lo, long hi)
{
    while (hi - lo > 12) {
        int32_t pivot = v[lo + (hi - lo) / 2];
        long i = lo, j = hi;
        while (i <= j) {
            while (v[i] < pivot)
                i++;
            while (v[j] > pivot)
                j--;
            if (i <= j) {
                int32_t t = v[i];
                v[i++] = v[j];
                v[j--] = t;
            }
        }
        if (j - lo < hi - i) { /* recurse into the smaller part: the stack stays logarithmic */
            quicksort(v, lo, j);
            lo = i;
        } else {
            quicksort(v, i, hi);
            hi = j;
        }
    }
    for (long i = lo + 1; i <= hi; i++) {
        int32_t x = v[i];
        long j = i;
        for (; j > lo && v[j - 1] > x; j--)
            v[j] = v[j - 1];
        v[j] = x;
    }
}

static void sift_down(int32_t *v, size_t root, size_t len)
{
    int32_t x = v[root];
    for (size_t child; (child = 2 * root + 1) < len; root = child) {
        if (child + 1 < len && v[child + 1] > v[child])
            child++;
        if (v[child] <= x)
            break;
        v[root] = v[child];
    }
    v[root] = x;
}

static NOINLINE void heapsort(int32_t *v, size_t len)
{
    for (size_t i = len / 2; i-- > 0;)
        sift_down(v, i, len);
    for (size_t end = len - 1; end > 0; end--) {
        int32_t t = v[0];
        v[0] = v[end];
        v[end] = t;
        sift_down(v, 0, end);
    }
}

static NOINLINE unsigned sieve(void)
{
    unsigned primes = 0;
    for (unsigned i = 0; i < LIMIT; i++)
        composite[i] = 0;
    for (unsigned i = 2; i < LIMIT; i++) {
        if (composite[i])
            continue;
        primes++;
        for (unsigned long m = (unsigned long)i * i; m < LIMIT; m += i)
            composite[m] = 1;
    }
    return primes;
}

void bench(void)
{
    uint64_t sum = 0;
    for (unsigned n = 0; n < ITER; n++) {
        uint64_t rng = 0x13198a2e03707344ull + n % 16;
        uint64_t before = 0;
        for (size_t i = 0; i < LEN; i++) {
            quick[i] = heap[i] = (int32_t)bench_rand(&rng);
            before += (uint64_t)quick[i];
        }
        quicksort(quick, 0, LEN - 1);
        heapsort(heap, LEN);
        for (size_t i = 0; i < LEN; i++) {
            if (quick[i] != heap[i] || (i && quick[i - 1] > quick[i]))
                bench_fail("sortsieve: not sorted", 10);
            before -= (uint64_t)quick[i];
            if (n == 0)
                sum = bench_mix(sum, (uint64_t)quick[i]);
        }
        if (before)
            bench_fail("sortsieve: not the numbers we had", 11);
        if (sieve() != PRIMES_BELOW_LIMIT)
            bench_fail("sortsieve: wrong number of primes", 12);
    }
    bench_done("sortsieve", sum, EXPECT, ITER);
}
