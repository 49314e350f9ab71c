# SPDX-License-Identifier: MIT
# The one page that is at the same address in the kernel's table and in every process's: satp changes under its feet.
.section .trampoline, "ax"
.balign 4096
.set TRAPFRAME, 0x3fffffe000

# From U mode, still on the process's table. sscratch keeps a0 while a0 points to the trapframe.
.globl user_vec
user_vec:
    csrw sscratch, a0
    li a0, TRAPFRAME
    .irp n, 1,2,3,4,5,6,7,8,9
    sd x\n, 40 + 8 * \n (a0)
    .endr
    .irp n, 11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31
    sd x\n, 40 + 8 * \n (a0)
    .endr
    csrr t0, sscratch
    sd t0, 40 + 8 * 10 (a0)
    ld t1, 0(a0)
    ld sp, 8(a0)
    ld tp, 16(a0)
    ld t2, 32(a0)
    ld t0, 296(a0)
    beqz t2, 1f
    sfence.vma zero, zero
    csrw satp, t1
    sfence.vma zero, zero
    jr t0
1:  csrw satp, t1
    jr t0

# user_enter(a0 = the process's satp, a1 = flush)
.globl user_enter
user_enter:
    beqz a1, 1f
    sfence.vma zero, zero
    csrw satp, a0
    sfence.vma zero, zero
    j 2f
1:  csrw satp, a0
2:  li a0, TRAPFRAME
    .irp n, 1,2,3,4,5,6,7,8,9
    ld x\n, 40 + 8 * \n (a0)
    .endr
    .irp n, 11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31
    ld x\n, 40 + 8 * \n (a0)
    .endr
    ld a0, 40 + 8 * 10 (a0)
    sret
.balign 4096
