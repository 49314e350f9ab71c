/* SPDX-License-Identifier: MIT */
/* The guest and the hypervisor of exits.c. The hypervisor runs in HS without translation of its own. */

    .text
    .balign 4
handler_hs:
    csrrw   sp, sscratch, sp
    addi    sp, sp, -128
    sd      ra, 0(sp)
    sd      t0, 8(sp)
    sd      t1, 16(sp)
    sd      t2, 24(sp)
    sd      t3, 32(sp)
    sd      t4, 40(sp)
    sd      t5, 48(sp)
    sd      t6, 56(sp)
    sd      a2, 64(sp)
    sd      a3, 72(sp)
    sd      a4, 80(sp)
    sd      a5, 88(sp)
    sd      a6, 96(sp)
    sd      a7, 104(sp)
    csrr    t0, scause
    csrr    t1, sepc
    li      t2, 10                  /* environment call from VS */
    bne     t0, t2, 2f
    bnez    a7, 9f
    slli    t2, a0, 2               /* the service: a0 = 5 * a0 + a1 */
    add     a0, a0, t2
    add     a0, a0, a1
    addi    t1, t1, 4
1:  csrw    sepc, t1
    ld      ra, 0(sp)
    ld      t0, 8(sp)
    ld      t1, 16(sp)
    ld      t2, 24(sp)
    ld      t3, 32(sp)
    ld      t4, 40(sp)
    ld      t5, 48(sp)
    ld      t6, 56(sp)
    ld      a2, 64(sp)
    ld      a3, 72(sp)
    ld      a4, 80(sp)
    ld      a5, 88(sp)
    ld      a6, 96(sp)
    ld      a7, 104(sp)
    addi    sp, sp, 128
    csrrw   sp, sscratch, sp
    sret

2:  li      t2, 21                  /* load guest page fault */
    bne     t0, t2, 8f
    .insn r 0x73, 4, 0x32, x28, x6, x3      /* hlvx.hu t3, (t1) */
    addi    t1, t1, 2
    .insn r 0x73, 4, 0x32, x29, x6, x3      /* hlvx.hu t4, (t1) */
    addi    t1, t1, 2
    slli    t4, t4, 16
    or      t3, t3, t4
    li      t4, 0x0006b503          /* ld a0, 0(a3): the only device access that it knows */
    bne     t3, t4, 8f
    csrr    a0, 0x643               /* the device: reads as the address, htval << 2 | stval[1:0] */
    csrr    t2, stval
    andi    t2, t2, 3
    slli    a0, a0, 2
    or      a0, a0, t2
    j       1b
8:  li      a0, 0                   /* neither: end with a result that cannot be right */
9:  ecall                           /* from HS to M: the end of this half */

    .balign 4
handler_m:
    csrr    t0, mcause
    li      t1, 9                   /* environment call from HS */
    beq     t0, t1, leave
    li      a0, 0
    j       leave

/* a1 counts down; a7 = 1 in the last call says that we are done. */
guest_calls:
1:  li      a7, 0
    ecall
    addi    a1, a1, -1
    bnez    a1, 1b
    li      a7, 1
    ecall

guest_mmio:
    li      a2, 0
    li      a4, 0x20000000          /* HOLE */
    .option push
    .option norvc
1:  andi    a3, a1, 63
    slli    a3, a3, 3
    add     a3, a3, a4
    ld      a0, 0(a3)
    .option pop
    slli    a5, a2, 2
    add     a2, a2, a5
    add     a2, a2, a0
    addi    a1, a1, -1
    bnez    a1, 1b
    mv      a0, a2
    li      a7, 1
    ecall

    .globl exits_calls
exits_calls:
    la      t2, guest_calls
    j       enter

    .globl exits_mmio
exits_mmio:
    la      t2, guest_mmio

/* a0 = count, a1 = vsatp, a2 = hgatp, t2 = where the guest begins. By way of HS: hstatus.SPV and sret. */
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
    la      t0, handler_hs
    csrw    stvec, t0
    la      t0, hs_stack
    csrw    sscratch, t0
    li      t0, 1 << 10 | 1 << 21   /* calls from VS, load guest page faults */
    csrs    medeleg, t0
    csrw    0x602, zero             /* hedeleg */
    csrw    0x280, a1               /* vsatp */
    csrw    0x680, a2               /* hgatp */
    .insn r 0x73, 0, 0x31, x0, x0, x0       /* hfence.gvma */
    .insn r 0x73, 0, 0x11, x0, x0, x0       /* hfence.vvma */
    la      t0, 3f
    csrw    mepc, t0
    li      t0, 3 << 11             /* mstatus.MPP = S */
    csrc    mstatus, t0
    li      t0, 1 << 11
    csrs    mstatus, t0
    mret
3:  csrw    sepc, t2
    li      t0, 1 << 7 | 1 << 8     /* hstatus.SPV, SPVP */
    csrs    0x600, t0
    li      t0, 1 << 8              /* sstatus.SPP = S */
    csrs    sstatus, t0
    mv      a1, a0
    li      a0, 0
    sret

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
hs_stack:
    .skip 16
