/* SPDX-License-Identifier: MIT */
/* CSRs, their bits, and instructions that assemblers of several ages do not know by name. Shared with the guest kernel. */
#ifndef HYPER_CSR_H
#define HYPER_CSR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CSR_STR_(n) #n
#define CSR_STR(n)  CSR_STR_(n)
#define CSR_READ(n)                                                                                                    \
    __extension__({                                                                                                    \
        uint64_t v_;                                                                                                   \
        __asm__ volatile("csrr %0, " CSR_STR(n) : "=r"(v_)::"memory");                                                 \
        v_;                                                                                                            \
    })
#define CSR_WRITE(n, v) __asm__ volatile("csrw " CSR_STR(n) ", %0" ::"r"((uint64_t)(v)) : "memory")
#define CSR_SET(n, v)   __asm__ volatile("csrs " CSR_STR(n) ", %0" ::"r"((uint64_t)(v)) : "memory")
#define CSR_CLEAR(n, v) __asm__ volatile("csrc " CSR_STR(n) ", %0" ::"r"((uint64_t)(v)) : "memory")

#define STIMECMP   0x14d
#define VSSTATUS   0x200
#define VSIE       0x204
#define VSTVEC     0x205
#define VSSCRATCH  0x240
#define VSEPC      0x241
#define VSCAUSE    0x242
#define VSTVAL     0x243
#define VSIP       0x244
#define VSTIMECMP  0x24d
#define VSATP      0x280
#define HSTATUS    0x600
#define HEDELEG    0x602
#define HIDELEG    0x603
#define HTIMEDELTA 0x605
#define HCOUNTEREN 0x606
#define HENVCFG    0x60a
#define HTVAL      0x643
#define HVIP       0x645
#define HTINST     0x64a
#define HGATP      0x680

#define BIT(n) (UINT64_C(1) << (n))

#define SSTATUS_SIE  BIT(1)
#define SSTATUS_SPIE BIT(5)
#define SSTATUS_SPP  BIT(8)

/* hstatus: 22 VTSR | 21 VTW | 20 VTVM | 9 HU | 8 SPVP | 7 SPV | 6 GVA */
#define HSTATUS_GVA  BIT(6)
#define HSTATUS_SPV  BIT(7)
#define HSTATUS_SPVP BIT(8)
#define HSTATUS_VTVM BIT(20)
#define HSTATUS_VTW  BIT(21)
#define HSTATUS_VTSR BIT(22)
#define HENVCFG_STCE BIT(63)

/* Interrupts, as bit numbers: the guest sees its own under S's numbers, one lower. */
enum { IRQ_SSI = 1, IRQ_VSSI = 2, IRQ_STI = 5, IRQ_VSTI = 6, IRQ_VSEI = 10 };
#define INTERRUPT BIT(63)

enum {
    CAUSE_FETCH_ACCESS = 1,
    CAUSE_ILLEGAL = 2,
    CAUSE_BREAKPOINT = 3,
    CAUSE_LOAD_ACCESS = 5,
    CAUSE_STORE_ACCESS = 7,
    CAUSE_ECALL_U = 8,
    CAUSE_ECALL_VS = 10,
    CAUSE_FETCH_PAGE = 12,
    CAUSE_LOAD_PAGE = 13,
    CAUSE_STORE_PAGE = 15,
    CAUSE_FETCH_GUEST_PAGE = 20,
    CAUSE_LOAD_GUEST_PAGE = 21,
    CAUSE_VIRTUAL_INSN = 22,
    CAUSE_STORE_GUEST_PAGE = 23,
};

/* 53:10 PPN | 7 D 6 A 5 G 4 U 3 X 2 W 1 R 0 V */
enum { PTE_V = 1, PTE_R = 2, PTE_W = 4, PTE_X = 8, PTE_U = 16, PTE_G = 32, PTE_A = 64, PTE_D = 128 };
#define PTE_PA(pte) (((pte) >> 10 & UINT64_C(0xfffffffffff)) << 12)
#define PA_PTE(pa)  ((uint64_t)(pa) >> 12 << 10)
#define MODE_SV39   (UINT64_C(8) << 60) /* of satp, vsatp and, as Sv39x4, of hgatp */
#define PAGE        UINT64_C(4096)

/* SBI */
enum {
    SBI_PUTCHAR = 1,
    SBI_BASE = 0x10,
    SBI_DBCN = 0x4442434e,
    SBI_SRST = 0x53525354,
    SBI_TIME = 0x54494d45,
    SBI_HYPER = 0x0a000056, /* ours, for the guest kernel: see the README */
};
enum { HYPER_LOOK, HYPER_PATCH, HYPER_IRQ };

struct sbi_result {
    int64_t error;
    uint64_t value;
};

static inline struct sbi_result sbi_call(uint64_t ext, uint64_t fn, uint64_t arg0, uint64_t arg1, uint64_t arg2)
{
    register uint64_t a0 __asm__("a0") = arg0;
    register uint64_t a1 __asm__("a1") = arg1;
    register uint64_t a2 __asm__("a2") = arg2;
    register uint64_t a6 __asm__("a6") = fn;
    register uint64_t a7 __asm__("a7") = ext;
    __asm__ volatile("ecall" : "+r"(a0), "+r"(a1) : "r"(a2), "r"(a6), "r"(a7) : "memory");
    return (struct sbi_result){(int64_t)a0, a1};
}

#endif
