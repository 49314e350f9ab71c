/* SPDX-License-Identifier: MIT */
# The way in and out of the kernel, and the switch between two kernel stacks.
        .include "frame.inc"

# sscratch: 0 in the kernel; in a program the top of its kernel stack.
        .text
        .balign 4
        .globl  trap_entry
trap_entry:
        csrrw   sp, sscratch, sp
        bnez    sp, 1f
        csrr    sp, sscratch            # from the kernel: stay on its stack
1:      addi    sp, sp, -.LFRAME
        save_frame
        mv      a0, sp
        call    trap
        .globl  trap_return
trap_return:                            # sp: a frame
        ld      t0, 33 * 8(sp)
        andi    t1, t0, 1 << 8          # SPP: back into the kernel?
        bnez    t1, 1f
        addi    t1, sp, .LFRAME
        csrw    sscratch, t1
1:      csrw    sstatus, t0
        ld      t0, 32 * 8(sp)
        csrw    sepc, t0
        load_registers
        sret

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
