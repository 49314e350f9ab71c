/* SPDX-License-Identifier: MIT */
# uint64_t ipc_registers(struct ipc *): between memory and the registers of SYS_IPC
        .text
        .globl  ipc_registers
ipc_registers:
        addi    sp, sp, -16
        sd      s0, 0(sp)
        mv      s0, a0
        ld      a0, 0(s0)
        ld      a1, 8(s0)
        ld      a2, 16(s0)
        ld      a3, 24(s0)
        ld      a4, 32(s0)
        ld      a5, 40(s0)
        ld      a6, 48(s0)
        ld      t0, 56(s0)
        ld      t1, 64(s0)
        ld      t2, 72(s0)
        ld      t3, 80(s0)
        ld      t4, 88(s0)
        ld      t5, 96(s0)
        ld      t6, 104(s0)
        li      a7, 0                   # SYS_IPC
        ecall
        sd      a0, 8(s0)
        sd      a2, 16(s0)
        sd      a3, 24(s0)
        sd      a4, 32(s0)
        sd      a5, 40(s0)
        sd      a6, 48(s0)
        sd      t1, 112(s0)
        mv      a0, a1
        ld      s0, 0(sp)
        addi    sp, sp, 16
        ret

# uint64_t kernel_call(number, a0..a6)
        .globl  kernel_call
kernel_call:
        mv      t0, a0
        mv      a0, a1
        mv      a1, a2
        mv      a2, a3
        mv      a3, a4
        mv      a4, a5
        mv      a5, a6
        mv      a6, a7
        mv      a7, t0
        ecall
        ret

# void kernel_call_out(number, out[7])
        .globl  kernel_call_out
kernel_call_out:
        mv      a7, a0
        mv      t0, a1
        ecall
        sd      a0, 0(t0)
        sd      a1, 8(t0)
        sd      a2, 16(t0)
        sd      a3, 24(t0)
        sd      a4, 32(t0)
        sd      a5, 40(t0)
        sd      a6, 48(t0)
        ret

# uint64_t thread_new(space, pager, pc, sp, args): a4..a6 are the new thread's a0..a2
        .globl  thread_new
thread_new:
        mv      t0, a4
        ld      a4, 0(t0)
        ld      a5, 8(t0)
        ld      a6, 16(t0)
        li      a7, 2                   # SYS_THREAD_NEW
        ecall
        ret
