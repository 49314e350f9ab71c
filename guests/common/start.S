/* SPDX-License-Identifier: MIT */
# The first instructions of mono and micro: S mode, paging off, running at the physical address.
        .equ    .LKERNEL_BASE, 0xffffffc000000000

        .section .text.start, "ax"
        .globl  _start
_start:                                 # a0: hart, a1: device tree
        la      t0, bss_start           # addresses are relative to pc, so physical ones now
        la      t1, kernel_end
1:      sd      zero, 0(t0)
        addi    t0, t0, 8
        bltu    t0, t1, 1b
        # boot_table: [0] and [256] the devices' GiB, [2] and [258] RAM's first GiB: where it is, and where the kernel is linked
        la      t0, boot_table
        li      t1, 0x0 << 10 | 0xc7    # D A W R V
        li      t2, 256 * 8             # too far for the offset of a store
        add     t2, t0, t2
        sd      t1, 0(t2)
        li      t1, 0x80000 << 10 | 0xcf # D A X W R V
        sd      t1, 2 * 8(t0)
        sd      t1, 2 * 8(t2)
        srli    t0, t0, 12
        li      t1, 8 << 60
        or      t0, t0, t1
        sfence.vma
        csrw    satp, t0
        sfence.vma
        li      t3, .LKERNEL_BASE         # from here on at the linked address
        la      t0, 2f
        add     t0, t0, t3
        jr      t0
2:      la      sp, kernel_stack_top
        csrw    sscratch, zero
        la      t0, trap_entry
        csrw    stvec, t0
        add     a1, a1, t3
        call    kernel_main

        .bss
        .balign 4096
        .globl  boot_table
boot_table:
        .zero   4096
        .zero   16384
        .globl  kernel_stack_top
kernel_stack_top:
