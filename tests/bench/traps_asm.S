/* SPDX-License-Identifier: MIT */
/* The two trap paths of traps.c. They differ in the mode's letter only, so a macro writes them. */

    .macro handler m
    .balign 4
handler_\m:
    csrrw   sp, \m\()scratch, sp
    addi    sp, sp, -128
    sd      ra, 0(sp)
    sd      t0, 8(sp)
    sd      t1, 16(sp)
    sd      t2, 24(sp)
    sd      t3, 32(sp)
    sd      t4, 40(sp)
    sd      t5, 48(sp)
    sd      t6, 56(sp)
    sd      a1, 64(sp)
    sd      a2, 72(sp)
    sd      a3, 80(sp)
    sd      a4, 88(sp)
    sd      a5, 96(sp)
    sd      a6, 104(sp)
    csrr    t0, \m\()cause
    li      t1, 8                   /* environment call from U */
    bne     t0, t1, 8f
    bnez    a7, 9f
    csrr    t0, \m\()epc
    addi    t0, t0, 4
    csrw    \m\()epc, t0
    slli    t1, a0, 2               /* the service: a0 = 5 * a0 + a1 */
    add     a0, a0, t1
    add     a0, a0, a1
    ld      ra, 0(sp)
    ld      t0, 8(sp)
    ld      t1, 16(sp)
    ld      t2, 24(sp)
    ld      t3, 32(sp)
    ld      t4, 40(sp)
    ld      t5, 48(sp)
    ld      t6, 56(sp)
    ld      a1, 64(sp)
    ld      a2, 72(sp)
    ld      a3, 80(sp)
    ld      a4, 88(sp)
    ld      a5, 96(sp)
    ld      a6, 104(sp)
    addi    sp, sp, 128
    csrrw   sp, \m\()scratch, sp
    \m\()ret
    .endm

    .text
    handler s
8:  li      a0, 0                   /* not a system call: end with a result that cannot be right */
9:  ecall                           /* from S to M: the end of this half */

    handler m
8:  li      t1, 9                   /* environment call from S */
    beq     t0, t1, 9f
    li      a0, 0
9:  j       leave

/* a1 counts down; a7 = 1 in the last call says that we are done. */
user:
1:  li      a7, 0
    ecall
    addi    a1, a1, -1
    bnez    a1, 1b
    li      a7, 1
    ecall

    .globl traps_in_s
traps_in_s:
    li      t0, 1 << 8
    csrs    medeleg, t0
    j       enter

    .globl traps_in_m
traps_in_m:
    li      t0, 1 << 8
    csrc    medeleg, t0

enter:
    addi    sp, sp, -128
    sd      ra, 0(sp)
    sd      s0, 8(sp)
    sd      gp, 16(sp)
    csrr    t0, mtvec
    sd      t0, 24(sp)
    la      t0, saved_sp
    sd      sp, 0(t0)
    la      t0, handler_m
    csrw    mtvec, t0
    la      t0, handler_s
    csrw    stvec, t0
    la      t0, s_stack
    csrw    sscratch, t0
    la      t0, m_stack
    csrw    mscratch, t0
    la      t0, user
    csrw    mepc, t0
    li      t0, 3 << 11             /* mstatus.MPP = U */
    csrc    mstatus, t0
    mv      a1, a0
    li      a0, 0
    mret

/* Back in M with the result in a0. */
leave:
    la      t0, saved_sp
    ld      sp, 0(t0)
    ld      t0, 24(sp)
    csrw    mtvec, t0
    ld      ra, 0(sp)
    ld      s0, 8(sp)
    ld      gp, 16(sp)
    addi    sp, sp, 128
    ret

    .bss
    .balign 16
saved_sp:
    .skip 16
    .skip 1024
s_stack:
    .skip 1024
m_stack:
    .skip 16
