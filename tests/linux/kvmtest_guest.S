/* SPDX-License-Identifier: MIT */
/*
 * What runs inside the virtual machine that kvmtest.c makes: loaded at guest physical 0x8000_0000, entered in VS mode, translation off,
 * a0 = its hart. It tells what it sees by `ecall` with the extension 0x0900_0000 (SBI's range for a vendor's own, which KVM hands to the
 * program): a6 = the number of the report, a0 and a1 = its values.
 *
 *   0x8000_0000 this code    0x8001_0000 tables    0x8002_0000 a page for VU    0x1000_0000 no memory: MMIO
 *   0x9000_0000 no memory until kvmtest.c adds a slot, on the first access
 */
#define MMIO 0x10000000
#define LATE 0x90000000
#define TABLE 0x80010000
#define USER_PAGE 0x80020000
#define VENDOR 0x09000000
#define SSTATUS_SPP 0x100
#define SSTATUS_SIE 0x2

    .macro tell number
    li a7, VENDOR
    li a6, \number
    ecall
    .endm

    .section .rodata
    .balign 8
    .globl kvm_guest, kvm_guest_end
kvm_guest:
    .option push
    .option norvc
    /* 1: arithmetic, and where it runs: sstatus is vsstatus. */
    li t0, 6
    li t1, 7
    mul a0, t0, t1
    csrr a1, sstatus
    andi a1, a1, SSTATUS_SIE
    tell 1

    /* 2..6: MMIO of every size, sign, and of a compressed instruction; the program answers with bytes f1 f2 f3 ... */
    li s0, MMIO
    lb a0, 1(s0)
    lbu a1, 1(s0)
    tell 2
    lh a0, 2(s0)
    lhu a1, 2(s0)
    tell 3
    lw a0, 4(s0)
    lwu a1, 4(s0)
    tell 4
    ld a0, 8(s0)
    li a1, 0
    tell 5
    .option rvc
    c.lw a0, 16(s0)
    c.ld a1, 24(s0)
    .option norvc
    tell 6
    li t0, 0x1122334455667788
    sb t0, 32(s0)
    sh t0, 34(s0)
    sw t0, 36(s0)
    sd t0, 40(s0)
    .option rvc
    li a0, 0x99
    c.sw a0, 48(s0)
    .option norvc

    /* 7: no memory here: the first load is MMIO, and the program adds memory meanwhile; the second faults at stage two only. */
    li s0, LATE
    ld a0, 0(s0)
    ld a1, 0(s0)
    tell 7
    /* 8: memory now: an atomic, and a page of it that stage two has not seen */
    li t0, 5
    amoadd.d a0, t0, (s0)
    li t1, 0x1000
    add t1, s0, t1
    li t0, 0x5151
    sd t0, 8(t1)
    ld a1, 8(t1)
    tell 8

    /* 9: paging of its own (Sv39): 1 GiB leaves that map 0x8000_0000 on itself and at 0x40_0000_0000 - 1 GiB (the top of the lower
     * half); a load where nothing is mapped traps to VS, not to the hypervisor. */
    la t0, 9f
    csrw stvec, t0
    li s1, TABLE
    li t0, (0x80000000 >> 2) | 0xcf  /* D A . . X W R V */
    sd t0, 16(s1)                    /* [2]: 0x8000_0000 */
    sd t0, 255*8(s1)                 /* [255]: 0x3f_c000_0000 */
    li t0, (8 << 60) | (TABLE >> 12)
    csrw satp, t0
    sfence.vma
    li t2, 0x3fc0000000
    la t3, kvm_guest
    lw a0, 0(t3)
    slli t3, t3, 34 /* its offset in its GiB */
    srli t3, t3, 34
    add t2, t2, t3
    lw a1, 0(t2)
    sub a1, a1, a0
    li t2, 0x123456000
    ld zero, 8(t2)
    j wrong
    .balign 4
9:  csrr a0, scause
    csrr t0, stval
    add a1, a1, t0
    tell 9

    /* 10: VU: its ecall comes to VS (cause 8), which KVM delegates. A 4 KiB user page at 0x1000. */
    li t0, USER_PAGE
    li t1, 0x00000073 /* ecall */
    sw t1, 0(t0)
    li t1, ((TABLE + 0x1000) >> 2) | 1
    sd t1, 0(s1)
    li t1, ((TABLE + 0x2000) >> 2) | 1
    li t2, TABLE + 0x1000
    sd t1, 0(t2)
    li t1, (USER_PAGE >> 2) | 0xdb /* D A . U X . R V */
    li t2, TABLE + 0x2000
    sd t1, 8(t2)
    sfence.vma
    fence.i
    la t0, 10f
    csrw stvec, t0
    li t0, SSTATUS_SPP
    csrc sstatus, t0
    li t0, 0x1000
    csrw sepc, t0
    sret
    .balign 4
10: csrr a0, scause
    csrr a1, sepc
    tell 10

    /* 11: a timer by SBI (TIME), waited for in wfi, which KVM intercepts (hstatus.VTW). */
    la t0, 11f
    csrw stvec, t0
    rdtime a0
    mv s2, a0
    li t0, 20000
    add s3, a0, t0
    mv a0, s3
    li a7, 0x54494d45
    li a6, 0
    ecall
    li t0, 0x20
    csrw sie, t0
    csrsi sstatus, SSTATUS_SIE
1:  wfi
    j 1b
    .balign 4
11: csrr a0, scause
    rdtime a1
    sltu a1, a1, s3 /* 0: not before its time */
    csrw sie, zero
    tell 11

    /* 12: what VS may not: a hypervisor's CSR. It is illegal for the guest, by way of a virtual-instruction exception and KVM. */
    la t0, 12f
    csrw stvec, t0
    csrr zero, hstatus
    j wrong
    .balign 4
12: csrr a0, scause
    csrr a1, stval
    tell 12

    /* The console: legacy putchar, which KVM hands to the program. */
    la s0, text
    li a7, 1
1:  lbu a0, 0(s0)
    beqz a0, 2f
    ecall
    addi s0, s0, 1
    j 1b
2:  /* Off: SRST, shutdown. */
    li a7, 0x53525354
    li a6, 0
    li a0, 0
    li a1, 0
    ecall
wrong:
    tell 99
    j wrong
text:
    .asciz "hello from VS\n"
    .balign 8
kvm_guest_end:
    .option pop

    .text
    .globl _start
_start:
    mv a0, sp
    andi sp, sp, -16
    call kvmtest
    li a7, 94 /* exit_group */
    ecall

    /* long sys(number, a, b, c, d, e, f): a Linux system call; what comes back is negative for an error. */
    .globl sys
sys:
    mv a7, a0
    mv a0, a1
    mv a1, a2
    mv a2, a3
    mv a3, a4
    mv a4, a5
    mv a5, a6
    ecall
    ret
