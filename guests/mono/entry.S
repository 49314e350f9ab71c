/* SPDX-License-Identifier: MIT */
# The first instructions (S mode, paging off, running at the physical address), the way in and out of the kernel, and the switch
# between two kernel stacks.
        .equ    KERNEL_BASE, 0xffffffc000000000
        .equ    FRAME, 34 * 8           # struct frame

        .section .text.start, "ax"
        .globl  _start
_start:                                 # a0: hart, a1: device tree
        la      t0, bss_start           # addresses are relative to pc, so physical ones now
        la      t1, kernel_end
1:      sd      zero, 0(t0)
        addi    t0, t0, 8
        bltu    t0, t1, 1b
        # boot_table: [0] and [256] the devices' GiB, [2] and [258] RAM's first GiB: where it is, and where the kernel is linked
        la      t0, boot_table
        li      t1, 0x0 << 10 | 0xc7    # D A W R V
        li      t2, 256 * 8             # too far for the offset of a store
        add     t2, t0, t2
        sd      t1, 0(t2)
        li      t1, 0x80000 << 10 | 0xcf # D A X W R V
        sd      t1, 2 * 8(t0)
        sd      t1, 2 * 8(t2)
        srli    t0, t0, 12
        li      t1, 8 << 60
        or      t0, t0, t1
        sfence.vma
        csrw    satp, t0
        sfence.vma
        li      t3, KERNEL_BASE         # from here on at the linked address
        la      t0, 2f
        add     t0, t0, t3
        jr      t0
2:      la      sp, kernel_stack_top
        csrw    sscratch, zero
        la      t0, trap_entry
        csrw    stvec, t0
        add     a1, a1, t3
        call    kernel_main

# sscratch: 0 in the kernel; in a program the top of its kernel stack.
        .text
        .balign 4
        .globl  trap_entry
trap_entry:
        csrrw   sp, sscratch, sp
        bnez    sp, 1f
        csrr    sp, sscratch            # from the kernel: stay on its stack
1:      addi    sp, sp, -FRAME
        sd      x1, 1 * 8(sp)
        .irp    n, 3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31
        sd      x\n, \n * 8(sp)
        .endr
        csrr    t0, sscratch
        sd      t0, 2 * 8(sp)
        csrw    sscratch, zero
        csrr    t0, sepc
        sd      t0, 32 * 8(sp)
        csrr    t0, sstatus
        sd      t0, 33 * 8(sp)
        mv      a0, sp
        call    trap
        .globl  trap_return
trap_return:                            # sp: a frame
        ld      t0, 33 * 8(sp)
        andi    t1, t0, 1 << 8          # SPP: back into the kernel?
        bnez    t1, 1f
        addi    t1, sp, FRAME
        csrw    sscratch, t1
1:      csrw    sstatus, t0
        ld      t0, 32 * 8(sp)
        csrw    sepc, t0
        ld      x1, 1 * 8(sp)
        .irp    n, 3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31
        ld      x\n, \n * 8(sp)
        .endr
        ld      sp, 2 * 8(sp)
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

        .bss
        .balign 4096
        .globl  boot_table
boot_table:
        .zero   4096
        .zero   8192
        .globl  kernel_stack_top
kernel_stack_top:

# The disk image for a machine without a disk.
        .section .data.image, "aw"
        .balign 4096
        .globl  image_start, image_end
image_start:
        .incbin "mono.img"
image_end:
