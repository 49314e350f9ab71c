/* SPDX-License-Identifier: MIT */
/* Matrix product in doubles, in two loop orders. Both add the terms of an element in the same order, so they agree to the bit. */
#include "bench.h"

#define EXPECT 0x823c69260489565eull /* found once, the same on an x86-64 host */

enum { N = 160 };

static double a[N][N], b[N][N], c[N][N], d[N][N];

static NOINLINE void multiply_ikj(void)
{
    for (int i = 0; i < N; i++) {
        for (int j = 0; j < N; j++)
            c[i][j] = 0;
        for (int k = 0; k < N; k++) {
            double x = a[i][k];
            for (int j = 0; j < N; j++)
                c[i][j] = __builtin_fma(x, b[k][j], c[i][j]);
        }
    }
}

static NOINLINE void multiply_ijk(void)
{
    for (int i = 0; i < N; i++) {
        for (int j = 0; j < N; j++) {
            double sum = 0;
            for (int k = 0; k < N; k++)
                sum = __builtin_fma(a[i][k], b[k][j], sum);
            d[i][j] = sum;
        }
    }
}

static uint64_t bits_of(double v)
{
    union {
        double d;
        uint64_t u;
    } pun = {.d = v};
    return pun.u;
}

void bench(void)
{
    /* Values that are no short binary fractions: the products are inexact, as in ordinary programs. */
    for (int i = 0; i < N; i++) {
        for (int j = 0; j < N; j++) {
            a[i][j] = (double)(i * 7 + j * 3 - 600) / 97.0;
            b[i][j] = (double)((i * 5 + j * 11) % 331 - 150) / 89.0;
        }
    }
    uint64_t sum = 0;
    for (unsigned n = 0; n < ITER; n++) {
        multiply_ikj();
        multiply_ijk();
        a[n % N][n / N % N] += 0.125;
        if (n == 0)
            for (int i = 0; i < N; i++)
                for (int j = 0; j < N; j++)
                    sum = bench_mix(sum, bits_of(c[i][j]));
        for (int i = 0; i < N; i++)
            for (int j = 0; j < N; j++)
                if (bits_of(c[i][j]) != bits_of(d[i][j]))
                    bench_fail("matmul: the two orders differ", 10);
    }
    bench_done("matmul", sum, EXPECT, 2ull * N * N * N * ITER);
}
