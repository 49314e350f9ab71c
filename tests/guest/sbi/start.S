/* SPDX-License-Identifier: MIT */
        .section .text.start, "ax"
        .globl  _start, started, resumed
_start: call    stack
        call    main
# Where hart_start() and a non-retentive hart_suspend() send a hart: a0 = its number, a1 = opaque.
started:
        csrr    s0, satp
        csrr    s1, sstatus
        mv      s2, a0
        mv      s3, a1
        call    stack
        mv      a0, s2
        mv      a1, s3
        mv      a2, s0
        mv      a3, s1
        call    secondary
resumed:
        csrr    s0, satp
        csrr    s1, sstatus
        mv      s2, a0
        mv      s3, a1
        call    stack
        mv      a0, s2
        mv      a1, s3
        mv      a2, s0
        mv      a3, s1
        call    resumed_main

stack:  la      sp, stacks
        addi    t0, a0, 1
        slli    t0, t0, 13
        add     sp, sp, t0
        mv      tp, a0
        la      t0, trap_entry
        csrw    stvec, t0
        ret

        .align  4
trap_entry:                             # keeps what a C function may change
        addi    sp, sp, -32*8
        .irp    n, 1,5,6,7,10,11,12,13,14,15,16,17,28,29,30,31
        sd      x\n, \n*8(sp)
        .endr
        mv      a0, sp
        call    trap
        .irp    n, 1,5,6,7,10,11,12,13,14,15,16,17,28,29,30,31
        ld      x\n, \n*8(sp)
        .endr
        addi    sp, sp, 32*8
        sret
