/* SPDX-License-Identifier: MIT */
/* The start, the trap handler, which records and returns to who tried, and how a function is tried in S or U. */
#include "saved.inc"

        .section .text.start, "ax"
        .globl _start
_start: la sp, stack_top
        la t0, vectors
        csrw stvec, t0
        csrw sie, zero
        csrw satp, zero
        li t0, 0x2000
        csrs sstatus, t0
        call corners
        .text
        .balign 256
        .globl vectors
vectors:
        .option push
        .option norvc
        .irp n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
        j vector_\n
        .endr
        .irp n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
vector_\n:
        li t2, \n
        j handler
        .endr
        .option pop
handler:
        la t0, vectored
        sd t2, 0(t0)
        la t0, seen
        csrr t1, scause
        sd t1, 0(t0)
        csrr t1, stval
        sd t1, 8(t0)
        csrr t1, sepc
        sd t1, 16(t0)
        csrr t1, sstatus
        sd t1, 24(t0)
        sd a0, 32(t0)
back:   restore
        la t0, seen
        ld t1, 0(t0)
        li t2, 8
        bne t1, t2, 2f
        ld t1, 16(t0)
        # ecall of the stub of U: it came back well
        la t2, ucall
        li t0, 0xfffff
        and t1, t1, t0
        and t2, t2, t0
        bne t1, t2, 2f
        la t0, seen
        li t1, 0x7fff
        sd t1, 0(t0)
2:      ret
        .macro begin
        save
        mv t0, a0
        mv a0, a1
        mv a1, a2
        .endm
        .globl try_s, try_u, landing
try_s:  begin
        jalr t0
landing:
        la t0, seen
        li t1, 0x7fff
        sd t1, 0(t0)
        sd a0, 32(t0)
        j back
try_u:  begin
        csrw sepc, t0
        li t1, 0x100
        csrc sstatus, t1
        la ra, ucall
        # ra for U: the same half of the address space as the function
        srli t2, t0, 30
        li t1, 3
        bne t2, t1, 1f
        li t1, 0x40000000
        add ra, ra, t1
1:      sret
        .balign 4096
ucall:  ecall
        .balign 4096
        .data
        .balign 16
        .globl seen, vectored
seen:   .zero 64
saved:  .zero 128
vectored: .dword 0
        .bss
        .balign 16
        .zero 16384
stack_top:
