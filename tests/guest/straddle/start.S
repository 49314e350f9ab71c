/* SPDX-License-Identifier: MIT */
/*
 * An instruction that lies across the end of a page, whose second half is the first half of what would be `csrr a0, uk`. Who rewrites that (translate)
 * must not rewrite this: lui a0, 0x25730, as its three halfwords 0537 | 2573 cc00, the last of which is executed as c.sw s0, 24(s0).
 * Executed before the page behind it is looked at, and again when it has been.
 */
        .section .text.start, "ax"
        .globl  _start
_start: la      t0, astray
        csrw    stvec, t0
        la      s0, scratch
        li      s1, 0x25730000
        la      ra, 1f
        j       across
1:      bne     a0, s1, wrong
        csrr    a0, 0xcc0               /* uk: 1, since this is S */
        addi    a0, a0, -1
        bnez    a0, wrong
        la      ra, 2f
        j       across
2:      bne     a0, s1, wrong
        la      s1, right
        j       say
        .balign 4
astray: la      s1, trapped
        j       say
wrong:  la      s1, different
say:    li      a7, 1                   /* legacy console_putchar */
        lbu     a0, 0(s1)
        beqz    a0, off
        ecall
        addi    s1, s1, 1
        j       say
off:    li      a7, 8                   /* legacy shutdown */
        ecall

        .section .text.across, "ax"
        .zero   4094
across: .half   0x0537
        .half   0x2573
        .half   0xcc00
        ret

        .data
right:  .asciz  "straddle: ok\n"
trapped: .asciz "straddle: a trap\n"
different: .asciz "straddle: another value\n"
        .balign 8
scratch: .zero  64
