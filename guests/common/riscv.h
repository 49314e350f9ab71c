/* SPDX-License-Identifier: MIT */
/* What the privileged specification names: CSRs, trap causes, page-table entries. S mode only. */
#ifndef GUEST_RISCV_H
#define GUEST_RISCV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define csr_read(name)                                                                                                 \
    __extension__({                                                                                                    \
        uint64_t csr_value_;                                                                                           \
        __asm__ volatile("csrr %0, " #name : "=r"(csr_value_)::"memory");                                              \
        csr_value_;                                                                                                    \
    })
#define csr_write(name, v) __asm__ volatile("csrw " #name ", %0" ::"rK"((uint64_t)(v)) : "memory")
#define csr_set(name, v)   __asm__ volatile("csrs " #name ", %0" ::"rK"((uint64_t)(v)) : "memory")
#define csr_clear(name, v) __asm__ volatile("csrc " #name ", %0" ::"rK"((uint64_t)(v)) : "memory")

#define SSTATUS_SIE  (UINT64_C(1) << 1)
#define SSTATUS_SPIE (UINT64_C(1) << 5)
#define SSTATUS_SPP  (UINT64_C(1) << 8)
#define SSTATUS_SUM  (UINT64_C(1) << 18)
#define SIE_SOFTWARE (UINT64_C(1) << 1)
#define SIE_TIMER    (UINT64_C(1) << 5)
#define SIE_EXTERNAL (UINT64_C(1) << 9)

#define CAUSE_INTERRUPT (UINT64_C(1) << 63)
enum { /* of exceptions */
       CAUSE_ILLEGAL = 2,
       CAUSE_ECALL_U = 8,
       CAUSE_FETCH_PAGE = 12,
       CAUSE_LOAD_PAGE = 13,
       CAUSE_STORE_PAGE = 15,
};
enum { IRQ_SOFTWARE = 1, IRQ_TIMER = 5, IRQ_EXTERNAL = 9 }; /* of interrupts */

#define PAGE UINT64_C(4096)

/* An entry:  53:10 PPN | 9:8 for software | 7 D  6 A  5 G  4 U  3 X  2 W  1 R  0 V */
typedef uint64_t pte_t;
#define PTE_V     UINT64_C(0x01)
#define PTE_R     UINT64_C(0x02)
#define PTE_W     UINT64_C(0x04)
#define PTE_X     UINT64_C(0x08)
#define PTE_U     UINT64_C(0x10)
#define PTE_G     UINT64_C(0x20)
#define PTE_A     UINT64_C(0x40)
#define PTE_D     UINT64_C(0x80)
#define PTE_RWX   (PTE_R | PTE_W | PTE_X)
#define PTE_FLAGS UINT64_C(0x3ff)

static inline pte_t pte_make(uint64_t pa, uint64_t flags)
{
    return pa >> 12 << 10 | flags;
}
static inline uint64_t pte_pa(pte_t e)
{
    return (e >> 10 & ((UINT64_C(1) << 44) - 1)) << 12;
}
/* The index of va in the table of a level: 2 is the root. */
static inline unsigned va_index(uint64_t va, int level)
{
    return (unsigned)(va >> (12 + 9 * level)) & 511;
}

#define SATP_SV39 (UINT64_C(8) << 60)

static inline void sfence_all(void)
{
    __asm__ volatile("sfence.vma zero, zero" ::: "memory");
}
static inline void sfence_page(uint64_t va)
{
    __asm__ volatile("sfence.vma %0, zero" ::"r"(va) : "memory");
}
static inline void fence_i(void)
{
    __asm__ volatile("fence.i" ::: "memory");
}
static inline void fence_device(void)
{
    __asm__ volatile("fence iorw, iorw" ::: "memory");
}

/* The board (QEMU's virt): physical addresses and interrupt sources. */
#define BOARD_RTC        UINT64_C(0x101000)
#define BOARD_PLIC       UINT64_C(0x0c000000)
#define BOARD_UART       UINT64_C(0x10000000)
#define BOARD_UART_IRQ   10
#define BOARD_VIRTIO(n)  (UINT64_C(0x10001000) + PAGE * (uint64_t)(n))
#define BOARD_VIRTIO_IRQ 1 /* of slot 0; the others follow */
#define BOARD_RAM        UINT64_C(0x80000000)

/* What a scause means, in words; "?" for a number that none of our guests meets. */
const char *cause_name(uint64_t cause);

#endif
