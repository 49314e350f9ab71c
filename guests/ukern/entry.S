# SPDX-License-Identifier: MIT
# Every hart starts here in M mode with a1 = the device tree.
.section .text.entry
.globl _entry
_entry:
    csrr a0, mhartid
    li t0, 8
    bgeu a0, t0, park
    la sp, boot_stacks
    addi t0, a0, 1
    slli t0, t0, 13
    add sp, sp, t0
    call m_start
park:
    wfi
    j park

.text
# Interrupts that M mode keeps: another hart's call (MSI) and the CLINT's timer (MTI). Both become SSI for S mode.
# mscratch -> 0, 8: room for t1, t2 | 16: this hart's msip | 24: its mtimecmp | 32: its word of m_mail
.balign 4
.globl m_vec
m_vec:
    csrrw t0, mscratch, t0
    sd t1, 0(t0)
    sd t2, 8(t0)
    csrr t1, mcause
    bgez t1, m_unexpected
    andi t1, t1, 0xff
    li t2, 7
    beq t1, t2, 1f
    li t2, 3
    bne t1, t2, m_unexpected
    ld t1, 16(t0)
    sw zero, 0(t1)
    j 2f
1:  ld t1, 24(t0)
    li t2, -1
    sd t2, 0(t1)
    ld t1, 32(t0)
    li t2, 1
    sw t2, 0(t1)
    fence rw, rw
2:  li t1, 2
    csrs mip, t1
    ld t2, 8(t0)
    ld t1, 0(t0)
    csrrw t0, mscratch, t0
    mret

# Nothing else may arrive: end the run with status 238.
m_unexpected:
    li t0, 0x100000
    li t1, 0xee3333
    sw t1, 0(t0)
    j park

# While M mode probes for a CSR: step over the instruction that trapped, and say so in t0.
.balign 4
.globl m_probe_vec
m_probe_vec:
    csrr t0, mepc
    addi t0, t0, 4
    csrw mepc, t0
    li t0, 1
    mret

# void context_switch(struct context *from, struct context *to)
.globl context_switch
context_switch:
    addi sp, sp, -16
    sc.w t0, zero, (sp)  # whoever runs next must not find the reservation of whoever ran before
    addi sp, sp, 16
    sd ra, 0(a0)
    sd sp, 8(a0)
    sd s0, 16(a0)
    sd s1, 24(a0)
    sd s2, 32(a0)
    sd s3, 40(a0)
    sd s4, 48(a0)
    sd s5, 56(a0)
    sd s6, 64(a0)
    sd s7, 72(a0)
    sd s8, 80(a0)
    sd s9, 88(a0)
    sd s10, 96(a0)
    sd s11, 104(a0)
    ld ra, 0(a1)
    ld sp, 8(a1)
    ld s0, 16(a1)
    ld s1, 24(a1)
    ld s2, 32(a1)
    ld s3, 40(a1)
    ld s4, 48(a1)
    ld s5, 56(a1)
    ld s6, 64(a1)
    ld s7, 72(a1)
    ld s8, 80(a1)
    ld s9, 88(a1)
    ld s10, 96(a1)
    ld s11, 104(a1)
    ret

# Traps from S mode. kernel_trap() may switch to other threads in between; sepc and sstatus are its business.
.balign 4
.globl kernel_vec
kernel_vec:
    addi sp, sp, -144
    sd ra, 0(sp)
    sd t0, 8(sp)
    sd t1, 16(sp)
    sd t2, 24(sp)
    sd a0, 32(sp)
    sd a1, 40(sp)
    sd a2, 48(sp)
    sd a3, 56(sp)
    sd a4, 64(sp)
    sd a5, 72(sp)
    sd a6, 80(sp)
    sd a7, 88(sp)
    sd t3, 96(sp)
    sd t4, 104(sp)
    sd t5, 112(sp)
    sd t6, 120(sp)
    call kernel_trap
    ld ra, 0(sp)
    ld t0, 8(sp)
    ld t1, 16(sp)
    ld t2, 24(sp)
    ld a0, 32(sp)
    ld a1, 40(sp)
    ld a2, 48(sp)
    ld a3, 56(sp)
    ld a4, 64(sp)
    ld a5, 72(sp)
    ld a6, 80(sp)
    ld a7, 88(sp)
    ld t3, 96(sp)
    ld t4, 104(sp)
    ld t5, 112(sp)
    ld t6, 120(sp)
    addi sp, sp, 144
    sret

# One access that may fault: kernel_trap() resumes at *resume, which is set first.
.globl probe_load
probe_load:
    la t0, 1f
    sd t0, 0(a1)
    ld a0, 0(a0)
1:  sd zero, 0(a1)
    ret
.globl probe_store
probe_store:
    la t0, 1f
    sd t0, 0(a1)
    sd zero, 0(a0)
1:  sd zero, 0(a1)
    ret

.macro each_f insn
    .irp n, 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31
    \insn f\n, 8 * \n (a0)
    .endr
.endm
.globl fp_save
fp_save:
    each_f fsd
    frcsr t0
    sd t0, 256(a0)
    ret
.globl fp_load
fp_load:
    each_f fld
    ld t0, 256(a0)
    fscsr t0
    ret

# M mode's own page: PMP refuses it to S and U.
.section .mprivate, "aw"
.balign 4096
.globl m_save
m_save:
    .zero 8 * 40
