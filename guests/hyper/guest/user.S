/* SPDX-License-Identifier: MIT */
# The processes, at virtual 0x10000 in U mode: a0 = number of the process. System calls: a7 = 0 exit(a0), 1 ticks.
# Position-independent: the kernel's image holds this code elsewhere.
        .section .user, "ax"
        .globl  user_work, user_bad
user_work:
        addi    sp, sp, -16             # the first touch of the stack page: a page fault that the guest's kernel serves
        sd      a0, 0(sp)
        li      s0, 0
        li      s1, 0
        addi    s2, a0, 3
1:      li      t0, 20000
2:      mul     s0, s0, s2
        add     s0, s0, t0
        addi    t0, t0, -1
        bnez    t0, 2b
        addi    s1, s1, 1
        li      t1, 10
        blt     s1, t1, 1b
        mv      s3, s0                  # the result is complete after ten rounds: it does not depend on the time
3:      li      a7, 1
        ecall
        li      t1, 5                   # go on until five ticks have passed, so that everybody is interrupted
        blt     a0, t1, 3b
        ld      t0, 0(sp)
        add     a0, s3, t0
        li      a7, 0
        ecall

user_bad:
        unimp                           # the guest's kernel ends the process, without an exit
        li      a7, 0
        ecall
