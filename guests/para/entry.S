/* SPDX-License-Identifier: MIT */
# The way in and out of the kernel, and the switch between two kernel stacks.
        .include "frame.inc"

# struct para_shared, as para_abi.h has it (trap.c checks that)
        .equ    .LEPC, 16
        .equ    .LSP, 24
        .equ    .LKERNEL, 32
        .equ    .LWAS_ENABLED, 40
        .equ    .LKERNEL_SP, 64
        .equ    .LA6, 72
        .equ    .LA7, 80
        .equ    .LRETURN, 7
        .equ    .LEXTENSION, 0x09566954

# An upcall. sp is the kernel's already: from the kernel itself what it was, from a program what trap_return left in kernel_sp.
        .text
        .balign 4
        .globl  trap_entry
trap_entry:
        addi    sp, sp, -.LFRAME
        sd      x1, 1 * 8(sp)
        .irp    n, 3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31
        sd      x\n, \n * 8(sp)
        .endr
        la      t0, para_shared
        ld      t1, .LSP(t0)
        sd      t1, 2 * 8(sp)
        ld      t1, .LEPC(t0)
        sd      t1, 32 * 8(sp)
        ld      t1, .LKERNEL(t0)        # as sstatus has it: SPP, SPIE
        ld      t2, .LWAS_ENABLED(t0)
        slli    t1, t1, 8
        slli    t2, t2, 5
        or      t1, t1, t2
        sd      t1, 33 * 8(sp)
        mv      a0, sp
        call    trap
        .globl  trap_return
trap_return:                            # sp: a frame
        la      t2, para_shared
        ld      t0, 33 * 8(sp)
        srli    t1, t0, 5
        andi    t1, t1, 1
        sd      t1, .LWAS_ENABLED(t2)
        srli    t1, t0, 8
        andi    t1, t1, 1
        sd      t1, .LKERNEL(t2)
        bnez    t1, 1f                  # back into the kernel?
        addi    t1, sp, .LFRAME
        sd      t1, .LKERNEL_SP(t2)
1:      ld      t0, 32 * 8(sp)
        sd      t0, .LEPC(t2)
        ld      t0, 2 * 8(sp)
        sd      t0, .LSP(t2)
        ld      t0, 16 * 8(sp)
        sd      t0, .LA6(t2)
        ld      t0, 17 * 8(sp)
        sd      t0, .LA7(t2)
        ld      x1, 1 * 8(sp)
        .irp    n, 3,4,5,6,7,8,9,10,11,12,13,14,15,18,19,20,21,22,23,24,25,26,27,28,29,30,31
        ld      x\n, \n * 8(sp)
        .endr
        li      a6, .LRETURN
        li      a7, .LEXTENSION
        ecall                           # sp, a6 and a7 come from the shared page

# switch_context(from, to): ra, sp, s0..s11
        .globl  switch_context
switch_context:
        sd      ra, 0(a0)
        sd      sp, 8(a0)
        .irp    n, 0,1,2,3,4,5,6,7,8,9,10,11
        sd      s\n, 16 + 8 * \n(a0)
        .endr
        ld      ra, 0(a1)
        ld      sp, 8(a1)
        .irp    n, 0,1,2,3,4,5,6,7,8,9,10,11
        ld      s\n, 16 + 8 * \n(a1)
        .endr
        ret

# The disk image for a machine without a disk.
        .section .data.image, "aw"
        .balign 4096
        .globl  image_start, image_end
image_start:
        .incbin "mono.img"
image_end:
