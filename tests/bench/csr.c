/* SPDX-License-Identifier: MIT */
/* The CSR accesses of a supervisor's fast paths, in S mode: scratch swaps, trap registers, sie, sstatus.SPIE, satp. */
#include "bench.h"

#define CSR_SWAP(csr, v)                                                                                               \
    __extension__({                                                                                                    \
        uint64_t old_;                                                                                                 \
        __asm__ volatile("csrrw %0, " #csr ", %1" : "=r"(old_) : "r"(v));                                              \
        old_;                                                                                                          \
    })
#define CSR_READ(csr)                                                                                                  \
    __extension__({                                                                                                    \
        uint64_t old_;                                                                                                 \
        __asm__ volatile("csrr %0, " #csr : "=r"(old_));                                                               \
        old_;                                                                                                          \
    })
#define CSR_SET(csr, v)   __asm__ volatile("csrs " #csr ", %0" ::"r"(v) : "memory")
#define CSR_CLEAR(csr, v) __asm__ volatile("csrc " #csr ", %0" ::"r"(v) : "memory")

enum { SPIE = 1 << 5, STIE = 1 << 5 };

void bench(void)
{
    uint64_t sum = 0, x = 1;
    CSR_CLEAR(sstatus, (uint64_t)SPIE);
    CSR_SWAP(sscratch, x);
    for (uint64_t i = 0; i < ITER; i++) {
        uint64_t got = CSR_SWAP(sscratch, x + 3); /* kernel entry: swap a pointer */
        if (got != x)
            bench_fail("csr: sscratch lost", 10);
        x += 3;
        CSR_SET(sstatus, (uint64_t)SPIE);
        sum += CSR_READ(sstatus) & SPIE;
        CSR_CLEAR(sstatus, (uint64_t)SPIE);
        sum += CSR_READ(sstatus) & SPIE;
        CSR_SWAP(sepc, i << 2);
        sum += CSR_READ(sepc) >> 2;
        CSR_SET(sie, (uint64_t)STIE);
        sum += CSR_READ(sie) & STIE;
        CSR_CLEAR(sie, (uint64_t)STIE);
        CSR_SWAP(scause, 8ul);
        sum += CSR_READ(scause);
        CSR_SWAP(stval, i);
        sum += CSR_READ(stval) & 1;
        sum += CSR_READ(satp) >> 60;
    }
    uint64_t n = ITER;
    bench_done("csr", sum, n * (SPIE + STIE + 8 + 8) + n * (n - 1) / 2 + n / 2, n * 16);
}
