/* SPDX-License-Identifier: MIT */
/* The start, the trap handlers of M and S, and how a function is tried in a mode. */
#include "../corners/saved.inc"

        .section .text.start, "ax"
        .globl _start
_start: la sp, stack_top
        la t0, mvec
        csrw mtvec, t0
        csrw mie, zero
        call corners
        .text
        .balign 16
        .globl mvec, svec, enter
svec:   csrw sscratch, t0
        la t0, sseen
        sd t1, 40(t0)
        csrr t1, scause
        addi t1, t1, 1
        sd t1, 0(t0)
        csrr t1, stval
        sd t1, 8(t0)
        csrr t1, sepc
        sd t1, 16(t0)
        csrr t1, sstatus
        sd t1, 24(t0)
        sd a0, 32(t0)
        li t0, 0x02000000
        li t1, 1
        sw t1, 0(t0)
1:      j 1b
        .balign 16
mvec:   csrw mscratch, t0
        la t0, seen
        sd t1, 40(t0)
        csrr t1, mcause
        sd t1, 0(t0)
        csrr t1, mtval
        sd t1, 8(t0)
        csrr t1, mepc
        sd t1, 16(t0)
        csrr t1, mstatus
        sd t1, 24(t0)
        sd a0, 32(t0)
        li t1, 0x20000
        csrc mstatus, t1
back:   restore
        ret
enter:  save
        csrw mepc, a0
        mv a0, a1
        mv a1, a2
        li t0, 0x1800
        csrc mstatus, t0
        slli t0, a3, 11
        csrs mstatus, t0
        la ra, over
        mret
over:   ecall
1:      j 1b
        .data
        .balign 16
        .globl seen, sseen
seen:   .zero 64
sseen:  .zero 64
saved:  .zero 128
        .bss
        .balign 16
        .zero 16384
stack_top:
