/* SPDX-License-Identifier: MIT */
# Entry of each hart (a0 = its number, a1 = the device tree, or what hart_start passed) and the trap entry, all in S mode.
        .equ    STACK, 0x4000
        .equ    FRAME, 34 * 8           # x0..x31, sepc, sstatus: struct frame in shell.h

        .section .text.start, "ax"
        .globl  _start
_start:
        la      t0, first
        li      t1, 1
        amoswap.w t1, t1, (t0)          # the first hart clears .bss and becomes the shell
        bnez    t1, secondary
        la      t0, bss_start
        la      t1, stacks
1:      bgeu    t0, t1, 2f
        sd      zero, 0(t0)
        addi    t0, t0, 8
        j       1b
2:      call    set_stack
        call    kernel_main
secondary:
        call    set_stack
        call    secondary_main

# sp = end of this hart's stack; sscratch = 0: traps come from the kernel itself
set_stack:
        la      sp, stacks
        addi    t0, a0, 1
        li      t1, STACK
        mul     t0, t0, t1
        add     sp, sp, t0
        mv      tp, a0
        la      t0, trap_entry
        csrw    stvec, t0
        csrw    sscratch, zero
        ret

        .align  4
        .globl  trap_entry
trap_entry:
        addi    sp, sp, -FRAME
        sd      x1, 1*8(sp)
        sd      x3, 3*8(sp)
        sd      x4, 4*8(sp)
        sd      x5, 5*8(sp)
        addi    x5, sp, FRAME
        sd      x5, 2*8(sp)             # sp as it was
        .irp    n, 6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31
        sd      x\n, \n*8(sp)
        .endr
        csrr    t0, sepc
        csrr    t1, sstatus
        sd      t0, 32*8(sp)
        sd      t1, 33*8(sp)
        mv      a0, sp
        call    trap
        ld      t0, 32*8(sp)
        ld      t1, 33*8(sp)
        csrw    sepc, t0
        csrw    sstatus, t1
        .irp    n, 1,3,4,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31
        ld      x\n, \n*8(sp)
        .endr
        ld      x5, 5*8(sp)
        addi    sp, sp, FRAME
        sret

        .data
        .align  2
first:  .word   0
