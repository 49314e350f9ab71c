/* SPDX-License-Identifier: MIT */
/* CSRs, page-table entries and atomic operations. */
#ifndef UKERN_RISCV_H
#define UKERN_RISCV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CSR_READ(name)                                                                                                 \
    __extension__({                                                                                                    \
        uint64_t v_;                                                                                                   \
        __asm__ volatile("csrr %0, " #name : "=r"(v_)::"memory");                                                      \
        v_;                                                                                                            \
    })
#define CSR_WRITE(name, v) __asm__ volatile("csrw " #name ", %0" ::"r"((uint64_t)(v)) : "memory")
#define CSR_SET(name, v)   __asm__ volatile("csrs " #name ", %0" ::"r"((uint64_t)(v)) : "memory")
#define CSR_CLEAR(name, v) __asm__ volatile("csrc " #name ", %0" ::"r"((uint64_t)(v)) : "memory")
/* By number: assemblers of several ages do not know these names. */
#define menvcfg            0x30a
#define stimecmp           0x14d
#define CSR_READ_N(n)      CSR_READ_N_(n)
#define CSR_WRITE_N(n, v)  CSR_WRITE_N_(n, v)
#define CSR_READ_N_(n)     CSR_READ(n)
#define CSR_WRITE_N_(n, v) CSR_WRITE(n, v)

#define MSTATUS_MPP_S (UINT64_C(1) << 11)
#define MSTATUS_MPP   (UINT64_C(3) << 11)
#define SSTATUS_SIE   (UINT64_C(1) << 1)
#define SSTATUS_SPIE  (UINT64_C(1) << 5)
#define SSTATUS_SPP   (UINT64_C(1) << 8)
#define SSTATUS_FS    (UINT64_C(3) << 13)
#define FS_INITIAL    (UINT64_C(1) << 13)
#define FS_CLEAN      (UINT64_C(2) << 13)
#define FS_DIRTY      (UINT64_C(3) << 13)
#define SSTATUS_SUM   (UINT64_C(1) << 18)
#define IP_SSI        (UINT64_C(1) << 1)
#define IP_MSI        (UINT64_C(1) << 3)
#define IP_STI        (UINT64_C(1) << 5)
#define IP_MTI        (UINT64_C(1) << 7)
#define IP_SEI        (UINT64_C(1) << 9)
#define MENVCFG_STCE  (UINT64_C(1) << 63)
#define MENVCFG_ADUE  (UINT64_C(1) << 61)
#define INTERRUPT     (UINT64_C(1) << 63)

/* 53:10 PPN | 9:8 for software | 7 D 6 A 5 G 4 U 3 X 2 W 1 R 0 V */
typedef uint64_t pte_t;
#define PTE_V       0x001u
#define PTE_R       0x002u
#define PTE_W       0x004u
#define PTE_X       0x008u
#define PTE_U       0x010u
#define PTE_G       0x020u
#define PTE_A       0x040u
#define PTE_D       0x080u
#define PTE_COW     0x100u /* software: read-only until the first write copies it */
#define PTE_SHARED  0x200u /* software: fork maps the same frame in the child */
#define PTE_FLAGS   0x3ffu
#define PTE_PA(pte) (((pte) >> 10 & UINT64_C(0xfffffffffff)) << 12)
#define PA_PTE(pa)  ((uint64_t)(pa) >> 12 << 10)
#define SATP_SV39   (UINT64_C(8) << 60)

#define PAGE UINT64_C(4096)

static inline void sfence_all(void)
{
    __asm__ volatile("sfence.vma zero, zero" ::: "memory");
}

static inline void sfence_page(uint64_t va, uint64_t asid)
{
    __asm__ volatile("sfence.vma %0, %1" ::"r"(va), "r"(asid) : "memory");
}

static inline void sfence_asid(uint64_t asid)
{
    __asm__ volatile("sfence.vma zero, %0" ::"r"(asid) : "memory");
}

static inline uint32_t amo_swap_acquire(volatile uint32_t *p, uint32_t v)
{
    uint32_t old;
    __asm__ volatile("amoswap.w.aq %0, %2, %1" : "=r"(old), "+A"(*p) : "r"(v) : "memory");
    return old;
}

static inline void amo_clear_release(volatile uint32_t *p)
{
    __asm__ volatile("amoswap.w.rl zero, zero, %0" : "+A"(*p)::"memory");
}

/* Adds with a reservation instead of an AMO; returns the new value. */
static inline uint32_t lrsc_add(volatile uint32_t *p, uint32_t v)
{
    uint32_t x, failed;
    __asm__ volatile("1: lr.w.aqrl %0, %2\n"
                     "   addw %0, %0, %3\n"
                     "   sc.w.rl %1, %0, %2\n"
                     "   bnez %1, 1b"
                     : "=&r"(x), "=&r"(failed), "+A"(*p)
                     : "r"(v)
                     : "memory");
    return x;
}

static inline uint64_t amo_add64(volatile uint64_t *p, uint64_t v)
{
    uint64_t old;
    __asm__ volatile("amoadd.d.aqrl %0, %2, %1" : "=r"(old), "+A"(*p) : "r"(v) : "memory");
    return old;
}

static inline void mmio_w32(uint64_t a, uint32_t v)
{
    *(volatile uint32_t *)a = v;
}

static inline uint32_t mmio_r32(uint64_t a)
{
    return *(volatile uint32_t *)a;
}

static inline void mmio_w8(uint64_t a, uint8_t v)
{
    *(volatile uint8_t *)a = v;
}

static inline uint8_t mmio_r8(uint64_t a)
{
    return *(volatile uint8_t *)a;
}

static inline void fence_io(void)
{
    __asm__ volatile("fence iorw, iorw" ::: "memory");
}

#endif
