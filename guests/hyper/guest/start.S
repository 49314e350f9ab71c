/* SPDX-License-Identifier: MIT */
# Entry of the guest kernel: a0 = number of the VM, a1 = information page. It believes that it is in S mode.
        .equ    PC, 256
        .equ    STATUS, 264

        .section .text.start, "ax"
        .globl  _start
_start:
        la      t0, bss_start
        la      t1, bss_end
1:      sd      zero, 0(t0)
        addi    t0, t0, 8
        bltu    t0, t1, 1b
        la      sp, kernel_stack_top
        call    kernel_main

# void user_run(struct frame *): runs the process until it traps. sscratch holds its frame meanwhile, and 0 in the kernel.
        .text
        .globl  user_run
user_run:
        addi    sp, sp, -112
        sd      ra, 0(sp)
        sd      s0, 8(sp)
        sd      s1, 16(sp)
        sd      s2, 24(sp)
        sd      s3, 32(sp)
        sd      s4, 40(sp)
        sd      s5, 48(sp)
        sd      s6, 56(sp)
        sd      s7, 64(sp)
        sd      s8, 72(sp)
        sd      s9, 80(sp)
        sd      s10, 88(sp)
        sd      s11, 96(sp)
        la      t0, saved_sp
        sd      sp, 0(t0)
        csrw    sscratch, a0
        ld      t0, PC(a0)
        csrw    sepc, t0
        ld      t0, STATUS(a0)
        csrw    sstatus, t0
        .irp    r, 1,2,3,4,5,6,7,8,9,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31
        ld      x\r, (\r)*8(a0)
        .endr
        ld      x10, 80(a0)
        sret

        .align  2
        .globl  trap_entry
trap_entry:
        csrrw   a0, sscratch, a0
        beqz    a0, kernel_trap
        .irp    r, 1,2,3,4,5,6,7,8,9,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31
        sd      x\r, (\r)*8(a0)
        .endr
        csrrw   t0, sscratch, zero
        sd      t0, 80(a0)
        csrr    t0, sepc
        sd      t0, PC(a0)
        csrr    t0, sstatus
        sd      t0, STATUS(a0)
        la      t0, saved_sp
        ld      sp, 0(t0)
        ld      ra, 0(sp)
        ld      s0, 8(sp)
        ld      s1, 16(sp)
        ld      s2, 24(sp)
        ld      s3, 32(sp)
        ld      s4, 40(sp)
        ld      s5, 48(sp)
        ld      s6, 56(sp)
        ld      s7, 64(sp)
        ld      s8, 72(sp)
        ld      s9, 80(sp)
        ld      s10, 88(sp)
        ld      s11, 96(sp)
        addi    sp, sp, 112
        ret

# A trap in the kernel: interrupts, and the exceptions that it provokes to show them. Caller-saved registers on its own stack.
kernel_trap:
        csrrw   a0, sscratch, a0
        addi    sp, sp, -128
        sd      ra, 0(sp)
        .irp    r, 5,6,7
        sd      x\r, (\r-4)*8(sp)
        .endr
        .irp    r, 10,11,12,13,14,15,16,17
        sd      x\r, (\r-6)*8(sp)
        .endr
        .irp    r, 28,29,30,31
        sd      x\r, (\r-16)*8(sp)
        .endr
        call    kernel_trapped
        ld      ra, 0(sp)
        .irp    r, 5,6,7
        ld      x\r, (\r-4)*8(sp)
        .endr
        .irp    r, 10,11,12,13,14,15,16,17
        ld      x\r, (\r-6)*8(sp)
        .endr
        .irp    r, 28,29,30,31
        ld      x\r, (\r-16)*8(sp)
        .endr
        addi    sp, sp, 128
        sret

        .bss
        .balign 16
saved_sp:
        .skip   16
        .skip   8192
kernel_stack_top:
