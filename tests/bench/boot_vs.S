/* SPDX-License-Identifier: MIT */
/* Variant: the page tables of boot_s as a guest's own (vsatp), 4 KiB pages in stage two (Sv39x4) below them, then VS mode. */
    .text
    .globl boot
boot:
    addi    sp, sp, -16
    sd      ra, 0(sp)
    call    mmu_build               /* a0 = satp */
    csrw    0x280, a0               /* vsatp */
    call    mmu_build_stage2        /* a0 = hgatp */
    csrw    0x680, a0               /* hgatp */
    .insn r 0x73, 0, 0x31, x0, x0, x0       /* hfence.gvma */
    .insn r 0x73, 0, 0x11, x0, x0, x0       /* hfence.vvma */
    li      t0, 7
    csrw    0x606, t0               /* hcounteren */
    li      t0, 0x6000              /* vsstatus.FS: dirty */
    csrs    0x200, t0
    ld      ra, 0(sp)
    addi    sp, sp, 16
    la      t0, in_hs
    csrw    mepc, t0
    li      t0, 3 << 11             /* mstatus.MPP = S */
    csrc    mstatus, t0
    li      t0, 1 << 11
    csrs    mstatus, t0
    mret
in_hs:
    csrw    sepc, ra
    li      t0, 1 << 7 | 1 << 8     /* hstatus.SPV, SPVP */
    csrs    0x600, t0
    li      t0, 1 << 8              /* sstatus.SPP = S: sret goes to VS */
    csrs    sstatus, t0
    sret

    .section .rodata
    .globl bench_variant
bench_variant:
    .string "-vs"
