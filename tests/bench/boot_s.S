/* SPDX-License-Identifier: MIT */
/* Variant: identity page tables of 4 KiB pages (Sv39), then S mode. */
    .text
    .globl boot
boot:
    addi    sp, sp, -16
    sd      ra, 0(sp)
    call    mmu_build               /* a0 = satp */
    csrw    satp, a0
    sfence.vma
    li      t0, 0x222               /* the supervisor's own interrupts are visible in sie and sip */
    csrw    mideleg, t0
    ld      ra, 0(sp)
    addi    sp, sp, 16
    csrw    mepc, ra
    li      t0, 3 << 11             /* mstatus.MPP = S */
    csrc    mstatus, t0
    li      t0, 1 << 11
    csrs    mstatus, t0
    mret

    .section .rodata
    .globl bench_variant
bench_variant:
    .string VARIANT
