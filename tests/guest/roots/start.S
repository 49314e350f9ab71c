/* SPDX-License-Identifier: MIT */
/*
 * Many address spaces: more than a monitor can keep shadows of. Each root, at 0x8040_0000 and behind, maps RAM at its own address by one large page.
 * The word at 0x8030_0000 (put there by -device loader,addr=0x80300000,data=N,data-len=8) is how many are visited, once, after which it spins; 0: 1500 of
 * them three times, after which it ends.
 */
        .section .text.start, "ax"
        .globl  _start
_start: la      t0, astray
        csrw    stvec, t0
        li      t0, 0x80300000
        ld      s1, 0(t0)
        mv      s6, s1
        li      s4, 1
        bnez    s1, again
        li      s1, 1500
        li      s4, 3
again:  li      s2, 0x80400000
        mv      s3, s1
1:      li      t0, 0x200000cf          /* 0x8000_0000, V R W X A D */
        sd      t0, 16(s2)
        srli    t1, s2, 12
        li      t2, 8 << 60             /* Sv39 */
        or      t1, t1, t2
        csrw    satp, t1
        sfence.vma
        ld      t3, 16(s2)
        bne     t3, t0, astray
        li      t4, 4096
        add     s2, s2, t4
        addi    s3, s3, -1
        bnez    s3, 1b
        addi    s4, s4, -1
        bnez    s4, again
2:      bnez    s6, 2b
        li      a0, 'k'
        j       say
        .balign 4
astray: li      a0, '!'
say:    li      a7, 1                   /* legacy console_putchar */
        ecall
        li      a7, 8                   /* legacy shutdown */
        ecall
