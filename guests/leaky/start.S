/* SPDX-License-Identifier: MIT */
# S mode, paging off. Each experiment is a few instructions; a trap within one leads to trap_entry, which notes it and goes on behind it.
        .section .text.start, "ax"
        .globl  _start
_start: la      sp, stack_top
        la      t0, trap_entry
        csrw    stvec, t0
        csrw    sie, zero
        call    leaky_main

# A trap: what it was goes to trap_cause and trap_spp, and the kernel goes on at trap_resume, in K again.
        .text
        .balign 4
trap_entry:
        csrr    t0, scause
        la      t1, trap_cause
        sd      t0, 0(t1)
        csrr    t0, sstatus
        srli    t0, t0, 8               # SPP: the mode that the trap came from
        andi    t0, t0, 1
        la      t1, trap_spp
        sd      t0, 0(t1)
        la      t1, trap_resume
        ld      t0, 0(t1)
        csrw    sepc, t0
        li      t0, 1 << 8
        csrs    sstatus, t0
        sret

        .macro  resume_at label
        la      t0, \label
        la      t1, trap_resume
        sd      t0, 0(t1)
        la      t1, trap_cause          # none so far
        li      t0, -1
        sd      t0, 0(t1)
        .endm

# uint64_t kernel_uk(void): uk, read in K
        .globl  kernel_uk
kernel_uk:
        resume_at 1f
        li      a0, -1
        csrr    a0, 0xcc0
1:      ret

# uint64_t user_uk(void): to U, read uk, try to change it both ways, read it again, and come back by ecall. 63:8 the second one | 7:0 the first
        .globl  user_uk
user_uk:
        resume_at 2f
        li      t0, 1 << 8              # SPP = 0: sret goes to U
        csrc    sstatus, t0
        la      t0, 1f
        csrw    sepc, t0
        li      a0, -1
        sret
1:      csrr    a0, 0xcc0
        csrwi   0x8c0, 1                # the leak's other half: in U these do nothing,
        csrwi   0x8c0, 0                # and nobody is told
        csrr    t0, 0xcc0
        slli    t0, t0, 8
        or      a0, a0, t0
        ecall
2:      ret

# uint64_t kernel_drop(void): ukset = 0 in K drops to U; then an instruction that U must not execute. 1: it was executed
        .globl  kernel_drop
kernel_drop:
        resume_at 1f
        li      a0, 0
        csrwi   0x8c0, 0
        csrr    t0, sstatus
        li      a0, 1
1:      ret

        .bss
        .balign 16
        .globl  trap_cause, trap_spp
trap_cause:  .dword 0
trap_spp:    .dword 0
trap_resume: .dword 0
        .balign 16
        .zero   4096
stack_top:
