/* SPDX-License-Identifier: MIT */
/* A function that reads `uk` on each of 2500 pages, twice: more pages of code to rewrite than a monitor has frames for the copies. */
        .section .text.start, "ax"
        .globl  _start
_start: la      t0, astray
        csrw    stvec, t0
        li      s4, 2
        li      s6, 0
again:  li      s2, 0x80400000
        li      s3, 2500
1:      li      t1, 0xcc002573          /* csrr a0, uk */
        sw      t1, 0(s2)
        li      t1, 0x00008067          /* ret */
        sw      t1, 4(s2)
        fence.i
        jalr    s2
        add     s6, s6, a0              /* 1: this is S */
        li      t4, 4096
        add     s2, s2, t4
        addi    s3, s3, -1
        bnez    s3, 1b
        addi    s4, s4, -1
        bnez    s4, again
        li      t0, 5000
        li      a0, 'k'
        beq     t0, s6, say
        li      a0, 'w'
        j       say
        .balign 4
astray: li      a0, '!'
say:    li      a7, 1                   /* legacy console_putchar */
        ecall
        li      a7, 8                   /* legacy shutdown */
        ecall
