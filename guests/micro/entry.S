/* SPDX-License-Identifier: MIT */
# The way in and out: registers go straight into the thread's struct, and the one kernel stack starts anew each time.
        .include "frame.inc"

        .text
        .balign 4
        .globl  trap_entry
trap_entry:                             # sscratch: the running thread's frame; 0 in the kernel, where no trap should come
        csrrw   sp, sscratch, sp
        beqz    sp, 1f
        save_frame
        mv      a0, sp
        la      sp, kernel_stack_top
        call    trap
        .globl  resume
resume:                                 # a0: the frame to go on with
        mv      sp, a0
        csrw    sscratch, sp
        ld      t0, 33 * 8(sp)
        csrw    sstatus, t0
        ld      t0, 32 * 8(sp)
        csrw    sepc, t0
        load_registers
        sret
1:      la      sp, kernel_stack_top    # a bug: keep the registers for the message
        addi    sp, sp, -.LFRAME
        save_frame
        mv      a0, sp
        call    kernel_trap

# The root task, as an ELF file.
        .section .rodata
        .balign 4096
        .globl  root_start, root_end
root_start:
        .incbin "micro/servers/root.stripped"
root_end:
