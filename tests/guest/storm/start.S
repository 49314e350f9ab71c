/* SPDX-License-Identifier: MIT */
        .option arch, +d
        .section .text.start, "ax"
_start: la      sp, stack_top
        la      t0, vectors
        csrw    stvec, t0
        csrw    sie, zero
        csrw    satp, zero
        mv      a0, a1
        call    storm

/* Traps come only out of a probe; they end it, and trust no register. */
        .text
        .balign 64
        .globl  vectors, _start
vectors:
        .rept 16
        j       trap_entry
        .endr

trap_entry:
        csrw    sscratch, a0
        la      sp, trap_stack_top
        la      t0, probe_result
        csrr    a0, sscratch
        sd      a0, 8(t0)
        csrr    t1, scause
        sd      t1, 0(t0)
        csrr    t1, stval
        sd      t1, 16(t0)
        csrr    t1, sepc
        sd      t1, 24(t0)
        csrr    t1, sstatus
        sd      t1, 32(t0)
        la      t0, in_probe
        ld      t1, 0(t0)
        bnez    t1, probe_end
        la      a0, probe_result
        call    astray

/* void probe(f, a, b): in S */
        .macro  begin
        la      t0, registers
        sd      ra, 0(t0)
        sd      sp, 8(t0)
        .irp    n, 0,1,2,3,4,5,6,7,8,9,10,11
        sd      s\n, 16 + 8 * \n(t0)
        .endr
        la      t0, in_probe
        li      t1, 1
        sd      t1, 0(t0)
        mv      t0, a0
        mv      a0, a1
        mv      a1, a2
        .endm

        .globl  probe
probe:
        begin
        la      t2, probe_open
        ld      t2, 0(t2)
        csrs    sstatus, t2
        jalr    t0
        csrci   sstatus, 2
        la      t0, probe_result
        li      t1, 0x7fff
        sd      t1, 0(t0)
        sd      a0, 8(t0)
        sd      zero, 16(t0)
        sd      zero, 24(t0)
        csrr    t1, sstatus
        sd      t1, 32(t0)
probe_end:
        la      t0, in_probe
        sd      zero, 0(t0)
        la      t0, registers
        ld      ra, 0(t0)
        ld      sp, 8(t0)
        .irp    n, 0,1,2,3,4,5,6,7,8,9,10,11
        ld      s\n, 16 + 8 * \n(t0)
        .endr
        ret

/* The same in U; it comes back by a trap. */
        .globl  probe_user
probe_user:
        begin
        csrw    sepc, t0
        li      t0, 0x100               /* SPP */
        csrc    sstatus, t0
        sret

/* Each access twice: for S, which returns, and for U, which makes an ecall. */
        .macro  accesses end
        .irp    op, lb, lbu, lh, lhu, lw, lwu, ld
        \op     a0, 0(a0)
        \end
        .balign 16
        .endr
        .irp    op, sb, sh, sw, sd
        \op     a1, 0(a0)
        \end
        .balign 16
        .endr
        .irp    op, amoswap.d, amoor.d, amoand.d, amoxor.d, amoswap.w, amoor.w.aqrl
        \op     a0, a1, (a0)
        \end
        .balign 16
        .endr
        lr.d    t0, (a0)
        sc.d    a0, t0, (a0)
        \end
        .balign 16
        lr.w    a0, (a0)
        \end
        .balign 16
        sc.w    a0, zero, (a0)
        \end
        .balign 16
        .word   0x0045200f              /* cbo.zero (a0) */
        \end
        .balign 16
        .word   0x0015200f              /* cbo.clean (a0) */
        \end
        .balign 16
        .word   0x0005200f              /* cbo.inval (a0) */
        \end
        .balign 16
        fld     f1, 0(a0)
        fmv.x.d a0, f1
        \end
        .balign 16
        fsd     f0, 0(a0)
        \end
        .balign 16
        .endm
        .macro  others end
        rdcycle a0
        \end
        .balign 16
        rdinstret a0
        \end
        .balign 16
        rdtime  a0
        \end
        .balign 16
        csrr    a0, sstatus
        \end
        .balign 16
        wfi
        \end
        .balign 16
        sret
        \end
        .balign 16
        ebreak
        \end
        .balign 16
        .half   0
        \end
        .balign 16
        fadd.d  f0, f0, f1
        \end
        .balign 16
        fcvt.d.l f2, a0
        fdiv.d  f1, f2, f0
        \end
        .balign 16
        csrr    a0, fcsr
        \end
        .balign 16
        fence.i
        \end
        .balign 16
        sfence.vma
        \end
        .balign 16
        csrw    time, a0
        \end
        .balign 16
        csrr    a0, mstatus
        \end
        .balign 16
        mret
        \end
        .balign 16
        csrr    a0, 0xcc0               /* uk, where there is Xuk */
        \end
        .balign 16
        csrw    0x8c0, zero             /* ukset: to U, where the next fetch of kernel code faults */
        \end
        .balign 16
        .endm

        .balign 4096
        .globl  kernel_code, user_code, user_end, spin
kernel_code:
        accesses ret
        others  ret
        .balign 4096
user_code:
        accesses ecall
        others  ecall
user_end:
        .balign 4096
/* Waits for an interrupt. */
spin:   addi    a0, a0, -1
        bnez    a0, spin
        ret

        .bss
        .balign 16
        .globl  probe_result, probe_open
registers: .zero 14 * 8
in_probe: .dword 0
probe_open: .dword 0                    /* set in sstatus when a probe in S begins: SIE */
probe_result: .zero 40
        .balign 16
        .zero   16384
stack_top:
        .zero   4096
trap_stack_top:
