/* SPDX-License-Identifier: MIT */
# Entry in HS mode from SBI firmware (a0 = hart, a1 = device tree), and the way into a guest and out of it.
        .equ    VM_PC, 256
        .equ    VM_SSTATUS, 264
        .equ    VM_HSTATUS, 272
        .equ    VM_HOST_SP, 280

        .section .text.start, "ax"
        .globl  _start
_start:
        la      t0, bss_start
        la      t1, bss_end
1:      bgeu    t0, t1, 2f
        sd      zero, 0(t0)
        addi    t0, t0, 8
        j       1b
2:      la      sp, stack_top
        la      t0, host_trap
        csrw    stvec, t0
        csrw    sie, zero
        call    main
3:      wfi
        j       3b

# A trap of the hypervisor itself that it did not ask for.
        .text
        .align  2
        .globl  host_trap
host_trap:
        csrr    a0, scause
        csrr    a1, sepc
        csrr    a2, stval
        la      sp, stack_top
        call    host_panic

# void guest_enter(struct vm *): returns when the guest has trapped into HS; scause, stval, htval and htinst tell why.
        .globl  guest_enter
guest_enter:
        addi    sp, sp, -128
        .irp    r, 1,3,4,8,9
        sd      x\r, (\r)*8(sp)
        .endr
        sd      s2, 16(sp)
        sd      s3, 40(sp)
        sd      s4, 48(sp)
        sd      s5, 56(sp)
        sd      s6, 80(sp)
        sd      s7, 88(sp)
        sd      s8, 96(sp)
        sd      s9, 104(sp)
        sd      s10, 112(sp)
        sd      s11, 120(sp)
        sd      sp, VM_HOST_SP(a0)
        csrw    sscratch, a0
        la      t0, guest_exit
        csrw    stvec, t0
        ld      t0, VM_PC(a0)
        csrw    sepc, t0
        ld      t0, VM_SSTATUS(a0)
        csrw    sstatus, t0
        ld      t0, VM_HSTATUS(a0)      # SPV = 1: sret goes to V = 1
        csrw    0x600, t0
        .irp    r, 1,2,3,4,5,6,7,8,9,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31
        ld      x\r, (\r)*8(a0)
        .endr
        ld      x10, 80(a0)
        sret

        .align  2
guest_exit:
        csrrw   a0, sscratch, a0
        .irp    r, 1,2,3,4,5,6,7,8,9,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31
        sd      x\r, (\r)*8(a0)
        .endr
        csrr    t0, sscratch
        sd      t0, 80(a0)
        csrr    t0, sepc
        sd      t0, VM_PC(a0)
        csrr    t0, sstatus
        sd      t0, VM_SSTATUS(a0)
        csrr    t0, 0x600
        sd      t0, VM_HSTATUS(a0)
        la      t0, host_trap
        csrw    stvec, t0
        ld      sp, VM_HOST_SP(a0)
        .irp    r, 1,3,4,8,9
        ld      x\r, (\r)*8(sp)
        .endr
        ld      s2, 16(sp)
        ld      s3, 40(sp)
        ld      s4, 48(sp)
        ld      s5, 56(sp)
        ld      s6, 80(sp)
        ld      s7, 88(sp)
        ld      s8, 96(sp)
        ld      s9, 104(sp)
        ld      s10, 112(sp)
        ld      s11, 120(sp)
        addi    sp, sp, 128
        ret

        .section .rodata
        .balign 4096
        .globl  guest_image, guest_image_end
guest_image:
        .incbin "hyper_guest.bin"
guest_image_end:

        .bss
        .balign 16
        .skip   16384
stack_top:
