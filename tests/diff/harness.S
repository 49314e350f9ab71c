/* SPDX-License-Identifier: MIT */
/*
 * The frame around the generated test bodies of one batch.  For each descriptor of the section .desc it brings the
 * hart into a known state, runs the body in the mode it asks for, logs every trap, and prints what is left.
 *
 * The handlers use no stack: mscratch points at the M frame, sscratch at the S frame while a body runs.
 * A trap at the body's last instruction (d_end) finishes it, in whatever mode it runs.  Every other exception is
 * logged and skipped: a fault of the fetch, or at an address outside RAM (of an exotic mapping), returns to x1,
 * others to the next instruction.  An interrupt is logged
 * and its enable bit is cleared.
 *
 * Registers are reached by number here (xN) because the frame is an array of them.
 */
        .equ UART, 0x10000000
        .equ CLINT, 0x02000000
        .equ FINISHER, 0x00100000
        .equ SCRATCH, 0x80800000        /* data area of a body, filled from d_seed */
        .equ SCRATCH_DWORDS, 1024
        .equ RAM, 0x80000000
        .equ RAM_BITS, 27               /* 128 MiB, the board's default */
        .equ MODE_CALL, 0x6d6f6465      /* ecall with this in a7 asks M for the mode in a6 */

        /* descriptor, all dwords */
        .equ d_id, 0
        .equ d_entry, 8
        .equ d_end, 16
        .equ d_mode, 24
        .equ d_medeleg, 32
        .equ d_mideleg, 40
        .equ d_setup, 48                /* M-mode subroutine run last before the body, may use all registers but s0 */
        .equ d_xinit, 56
        .equ d_finit, 64
        .equ d_pokes, 72                /* pairs (address, value) written before the body, printed after it */
        .equ d_npokes, 80
        .equ d_seed, 88
        .equ d_limit, 96                /* traps after which the body is stopped */
        .equ d_size, 104

        /* frame: x0..x31, f0..f31, then */
        .equ f_fcsr, 512
        .equ f_mstatus, 520

        /* shared by both handlers */
        .equ h_desc, 0
        .equ h_count, 8
        .equ h_stop, 16                 /* why the body stopped: 0 end, 1 trap limit */
        .equ h_log, 24
        .ifdef HYP                      /* for the kinds with the hypervisor extension: mode 2 is VS */
        .equ LOG_SIZE, 64               /* mode | vector << 8, cause, epc, tval, xstatus, xtval2, xtinst, hstatus */
        .equ LOG_SHOWN, 8
        .else
        .equ LOG_SIZE, 48               /* mode | vector << 8, cause, epc, tval, xstatus, 0 */
        .equ LOG_SHOWN, 5
        .endif

        .option norelax
        .option norvc
        .section .harness, "ax"
        .globl _start
_start:
        csrr    t0, mhartid
        bnez    t0, park
        la      t0, m_vectors
        csrw    mtvec, t0
        la      s0, desc_first
next_body:
        la      t0, desc_last
        bgeu    s0, t0, all_done
        j       reset
park:
        wfi
        j       park
all_done:
        li      a0, '#'
        call    putc
        li      a0, '\n'
        call    putc
        li      t0, FINISHER
        li      t1, 0x5555
        sw      t1, 0(t0)
1:      j       1b

/* ---- a known state; s0 = descriptor ---- */
reset:
        csrw    mie, zero
        csrw    satp, zero
        la      t0, m_vectors
        csrw    mtvec, t0
        la      t0, s_vectors
        csrw    stvec, t0
        li      t0, 1 << 61             /* ADUE: the oracle has no such bit and always updates A and D */
        csrw    menvcfg, t0
        csrw    senvcfg, zero
        csrw    mcounteren, zero
        csrw    scounteren, zero
        csrw    mcountinhibit, zero
        li      t0, CLINT
        sw      zero, 0(t0)
        li      t1, -1
        li      t2, 0x4000
        add     t0, t0, t2
        sd      t1, 0(t0)
        srli    t2, t1, 1               /* stimecmp: far, and not ones, which let QEMU 8.2's old timer run on */
        csrw    0x14d, t2
        csrw    mip, zero
        ld      t0, d_medeleg(s0)
        csrw    medeleg, t0
        ld      t0, d_mideleg(s0)
        csrw    mideleg, t0
        csrw    sepc, zero
        csrw    scause, zero
        csrw    stval, zero
        csrw    pmpcfg0, zero
        csrw    pmpcfg2, zero
        .irp n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14
        csrw    pmpaddr\n, zero
        .endr
        li      t0, 0x3fffffffffffff    /* entry 15 lets everybody do everything */
        csrw    pmpaddr15, t0
        li      t0, 0x1f << 56
        csrw    pmpcfg2, t0
        la      t0, m_frame
        csrw    mscratch, t0
        la      t0, s_frame
        csrw    sscratch, t0
        la      s1, shared
        sd      s0, h_desc(s1)
        sd      zero, h_count(s1)
        sd      zero, h_stop(s1)
        la      t0, spot
        sc.d    t1, t1, (t0)            /* no reservation left */

        .ifdef HYP
        li      t1, -1                  /* what menvcfg hides of henvcfg may stay: all of it is cleared below */
        csrw    menvcfg, t1
        .irp csr, 0x600, 0x602, 0x603, 0x605, 0x606, 0x643, 0x645, 0x64a, 0x680, 0x204, 0x241, 0x242, 0x243, 0x244, 0x280, 0x34a, 0x34b
        csrw    \csr, zero              /* hstatus .. vsatp, mtinst, mtval2 */
        .endr
        li      t0, 2 << 32             /* vsstatus.UXL */
        csrw    0x200, t0
        li      t0, 1 << 61
        csrw    0x60a, t0               /* henvcfg.ADUE */
        csrw    menvcfg, t0
        la      t0, s_vectors
        csrw    0x205, t0               /* vstvec */
        la      t0, vs_frame
        csrw    0x240, t0               /* vsscratch */
        li      t1, -1
        csrw    0x24d, t1               /* vstimecmp */
        .insn r 0x73, 0, 0x31, x0, x0, x0
        .insn r 0x73, 0, 0x11, x0, x0, x0
        .endif

        li      t0, SCRATCH
        li      t1, SCRATCH_DWORDS
        ld      t2, d_seed(s0)
        ld      t3, lcg_mul
        ld      t4, lcg_add
1:      mul     t2, t2, t3
        add     t2, t2, t4
        sd      t2, 0(t0)
        addi    t0, t0, 8
        addi    t1, t1, -1
        bnez    t1, 1b

        ld      t0, d_pokes(s0)
        ld      t1, d_npokes(s0)
2:      beqz    t1, 3f
        ld      t2, 0(t0)
        ld      t3, 8(t0)
        sd      t3, 0(t2)
        addi    t0, t0, 16
        addi    t1, t1, -1
        j       2b
3:      sfence.vma
        fence.i

        li      t0, 0x6000              /* FS = dirty, everything else 0 */
        csrw    mstatus, t0
        csrw    fcsr, zero
        ld      t0, d_finit(s0)
        .irp n, 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31
        fld     f\n, \n*8(t0)
        .endr
        ld      t0, d_mode(s0)
        slli    t0, t0, 11
        csrs    mstatus, t0
        ld      t1, d_setup(s0)
        beqz    t1, 4f
        jalr    t1
4:      la      t0, shared
        ld      s0, h_desc(t0)
        ld      t0, d_entry(s0)
        csrw    mepc, t0
        csrw    mcause, zero
        csrw    mtval, zero
        ld      x31, d_xinit(s0)
        .irp n, 1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31
        ld      x\n, \n*8(x31)
        .endr
        mret

/* ---- traps ---- */
        .macro STUB x, scratch, n
\x\()_stub_\n:
        csrrw   x31, \scratch, x31
        sd      x30, 240(x31)
        li      x30, \n
        j       \x\()_trap
        .endm

        .align 8
m_vectors:
        .irp n, 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15
        j       m_stub_\n
        .endr
        .align 8
s_vectors:
        .irp n, 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15
        j       s_stub_\n
        .endr
        .irp n, 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15
        STUB    m, mscratch, \n
        STUB    s, sscratch, \n
        .endr

        .macro SAVE_X
        .irp n, 1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29
        sd      x\n, \n*8(x31)
        .endr
        .endm
        .macro LOAD_X
        .irp n, 1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30
        ld      x\n, \n*8(x31)
        .endr
        ld      x31, 248(x31)
        .endm

        /*
         * Log the trap; tag in s2, status in s3, cause in s4, epc in s5, tval in s6 of mode \x; with HYP
         * tval2 in s8, tinst in s9, hstatus in s10.
         * Leaves s1 = shared, s7 = descriptor. Jumps to \x_stop with the reason in t0
         * when the body ends.
         */
        .macro LOG x
        la      s1, shared
        ld      s7, h_desc(s1)
        bltz    s4, 1f
        ld      t1, d_end(s7)
        li      t0, 0
        beq     t1, s5, \x\()_stop
1:      ld      t1, h_count(s1)
        addi    t2, t1, 1
        sd      t2, h_count(s1)
        li      t3, LOG_SIZE
        mul     t1, t1, t3
        add     t1, t1, s1
        sd      s2, h_log(t1)
        sd      s4, h_log+8(t1)
        sd      s5, h_log+16(t1)
        sd      s6, h_log+24(t1)
        sd      s3, h_log+32(t1)
        .ifdef HYP
        sd      s8, h_log+40(t1)
        sd      s9, h_log+48(t1)
        sd      s10, h_log+56(t1)
        .endif
        ld      t1, d_limit(s7)
        li      t0, 1
        bgeu    t2, t1, \x\()_stop
        .endm

        /* Where to go on after an exception: cause in s4, epc in s5 -> s5.  Reads the instruction at s5. */
        .macro SKIP x
        li      t0, 1 << 0 | 1 << 1 | 1 << 12 | 1 << 20
        srl     t0, t0, s4
        andi    t0, t0, 1
        bnez    t0, 2f
        srli    t1, s5, RAM_BITS
        li      t2, RAM >> RAM_BITS
        bne     t1, t2, 2f
        lhu     t1, 0(s5)
        addi    s5, s5, 2
        not     t1, t1
        andi    t1, t1, 3
        bnez    t1, 3f
        addi    s5, s5, 2
        j       3f
2:      ld      s5, 8(x31)
3:
        .endm

m_trap:
        SAVE_X
        csrr    x1, mscratch
        sd      x1, 248(x31)
        csrw    mscratch, x31
        slli    s2, x30, 8
        ori     s2, s2, 3
        csrr    s3, mstatus
        csrr    s4, mcause
        csrr    s5, mepc
        csrr    s6, mtval
        .ifdef HYP
        csrr    s8, 0x34b
        csrr    s9, 0x34a
        csrr    s10, 0x600
        li      t1, ~(1 << 38)          /* GVA: the oracle sets it at the wrong times */
        and     s3, s3, t1
        .endif
        sd      s3, f_mstatus(x31)
        la      t1, s_exit
        la      t2, s_exit_last
        bltu    s5, t1, 1f
        bltu    s5, t2, m_stop
1:      LOG     m
        bltz    s4, m_interrupt
        li      t0, MODE_CALL
        ld      t1, 17*8(x31)
        bne     t0, t1, 4f
        addi    t1, s4, -8
        sltiu   t1, t1, 4
        beqz    t1, 4f
        li      t0, 0x1800              /* ecall: MPP = a6 */
        csrc    mstatus, t0
        ld      t1, 16*8(x31)
        andi    t1, t1, 3
        slli    t1, t1, 11
        csrs    mstatus, t1
        .ifdef HYP
        li      t0, 1 << 39             /* MPV = bit 2 of a6 */
        csrc    mstatus, t0
        ld      t1, 16*8(x31)
        andi    t1, t1, 4
        slli    t1, t1, 37
        csrs    mstatus, t1
        .endif
4:      SKIP    m
        csrw    mepc, s5
        LOAD_X
        mret
m_interrupt:
        li      t0, 1
        sll     t0, t0, s4              /* the shift takes the low six bits of the cause */
        csrc    mie, t0
        LOAD_X
        mret

s_trap:
        SAVE_X
        csrr    x1, sscratch
        sd      x1, 248(x31)
        csrw    sscratch, x31
        slli    s2, x30, 8
        ori     s2, s2, 1
        csrr    s3, sstatus
        csrr    s4, scause
        csrr    s5, sepc
        csrr    s6, stval
        .ifdef HYP
        la      t0, vs_frame
        bne     x31, t0, 5f
        xori    s2, s2, 3               /* taken in VS: what HS has cannot be read */
        li      s8, 0
        li      s9, 0
        li      s10, 0
        j       6f
5:      csrr    s8, 0x643
        csrr    s9, 0x64a
        csrr    s10, 0x600
6:
        .endif
        la      t0, s_exit              /* the way up to M was itself delegated: try the next */
        bltu    s5, t0, 1f
        la      t0, s_exit_last
        bgeu    s5, t0, 1f
        addi    s5, s5, 4
        csrw    sepc, s5
        sret
1:      LOG     s
        bltz    s4, s_interrupt
        li      t0, 1 << 18 | 1 << 19   /* SUM and MXR: the instruction may lie in a page of U */
        csrrs   s8, sstatus, t0
        SKIP    s
        csrw    sstatus, s8
        csrw    sepc, s5
        LOAD_X
        sret
s_interrupt:
        li      t0, 1
        sll     t0, t0, s4
        csrc    sie, t0
        .ifdef HYP
        la      t1, vs_frame
        beq     x31, t1, 7f
        csrc    0x604, t0               /* hie */
7:
        .endif
        LOAD_X
        sret

        /* To M: one of these must not be delegated.  gen.py never delegates all three. */
s_stop:
        la      s1, shared
        sd      t0, h_stop(s1)
        la      t1, s_final             /* a delegated ecall below overwrites the frame */
        li      t2, 32
1:      ld      t3, 0(x31)
        sd      t3, 0(t1)
        addi    x31, x31, 8
        addi    t1, t1, 8
        addi    t2, t2, -1
        bnez    t2, 1b
s_exit: ecall
        .word   0
        ebreak
s_exit_last:
        j       s_exit

m_stop:
        la      s1, shared
        la      t1, s_exit
        la      t2, s_exit_last
        bltu    s5, t1, 1f
        bgeu    s5, t2, 1f
        la      x31, s_final            /* came through S: there are the body's registers, h_stop is set */
        j       dump
1:      sd      t0, h_stop(s1)
        j       dump

        .macro DUMP_CSRS c:vararg
        .irp    csr, \c
        csrr    a0, \csr
        call    puthex
        .endr
        .endm

/* ---- what is left, in lines of hexadecimal words; run.py knows the order of the CSRs ---- */
dump:
        li      t0, 0x6000
        csrs    mstatus, t0
        csrr    t0, fcsr
        sd      t0, f_fcsr(x31)
        .irp n, 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31
        fsd     f\n, 256+\n*8(x31)
        .endr
        mv      s11, x31
        la      s1, shared
        ld      s0, h_desc(s1)
        la      x31, m_frame
        ld      s10, f_mstatus(x31)

        li      a0, '@'
        call    putc
        ld      a0, d_id(s0)
        call    puthex
        ld      a0, h_stop(s1)
        call    puthex
        ld      a0, h_count(s1)
        call    puthex
        call    newline

        li      a0, 'X'
        call    putc
        addi    s2, s11, 8
        li      s3, 31
        call    putwords
        li      a0, 'F'
        call    putc
        addi    s2, s11, 256
        li      s3, 33                  /* f0..f31, fcsr */
        call    putwords
        li      a0, 'C'
        call    putc
        mv      a0, s10
        call    puthex
        DUMP_CSRS medeleg, mideleg, mie, mip, mscratch, mcounteren, mcountinhibit
        csrr    a0, menvcfg
        li      t1, ~(1 << 61)          /* ADUE, as in reset */
        and     a0, a0, t1
        call    puthex
        DUMP_CSRS sstatus, sie, sip, stvec, sscratch, sepc, scause, stval, scounteren, senvcfg, satp
        .ifndef HYP
        DUMP_CSRS pmpcfg0, pmpcfg2, pmpaddr0, pmpaddr1, pmpaddr2, pmpaddr3, pmpaddr4, pmpaddr5, pmpaddr6, pmpaddr7, mtvec
        .else
        DUMP_CSRS mtvec, 0x34a, 0x34b, 0x600, 0x602, 0x603, 0x604, 0x605, 0x606, 0x607, 0x643, 0x644, 0x645, 0x64a, 0x680
        DUMP_CSRS 0x200, 0x204, 0x205, 0x240, 0x241, 0x242, 0x243, 0x244, 0x280
        csrr    a0, 0x60a
        li      t1, ~(1 << 61)
        and     a0, a0, t1
        call    puthex
        .endif
        call    newline

        ld      s5, h_count(s1)
        addi    s4, s1, h_log
1:      beqz    s5, 2f
        li      a0, 'T'
        call    putc
        mv      s2, s4
        li      s3, LOG_SHOWN
        call    putwords
        addi    s4, s4, LOG_SIZE
        addi    s5, s5, -1
        j       1b
2:
        ld      s4, d_pokes(s0)
        ld      s5, d_npokes(s0)
        beqz    s5, 4f
        li      a0, 'P'
        call    putc
3:      ld      t0, 0(s4)
        ld      a0, 0(t0)
        sd      zero, 0(t0)
        call    puthex
        addi    s4, s4, 16
        addi    s5, s5, -1
        bnez    s5, 3b
        call    newline
4:
        /* lines of 8 dwords of the scratch area that are not as filled */
        li      s4, SCRATCH
        li      s5, SCRATCH_DWORDS / 8
        ld      s6, d_seed(s0)
        ld      s7, lcg_mul
        ld      s8, lcg_add
5:      li      t0, 8
        li      t1, 0
        mv      t2, s4
6:      mul     s6, s6, s7
        add     s6, s6, s8
        ld      t3, 0(t2)
        xor     t3, t3, s6
        or      t1, t1, t3
        addi    t2, t2, 8
        addi    t0, t0, -1
        bnez    t0, 6b
        beqz    t1, 7f
        li      a0, 'M'
        call    putc
        li      a0, SCRATCH
        sub     a0, s4, a0
        call    puthex
        mv      s2, s4
        li      s3, 8
        call    putwords
7:      addi    s4, s4, 64
        addi    s5, s5, -1
        bnez    s5, 5b

        addi    s0, s0, d_size
        j       next_body

putc:   li      t0, UART
1:      lbu     t1, 5(t0)
        andi    t1, t1, 0x20
        beqz    t1, 1b
        sb      a0, 0(t0)
        ret

newline:
        li      a0, '\n'
        j       putc

/* s3 words from s2, and the end of the line; uses a, t and s9 */
putwords:
        mv      s9, ra
1:      ld      a0, 0(s2)
        addi    s2, s2, 8
        call    puthex
        addi    s3, s3, -1
        bnez    s3, 1b
        mv      ra, s9
        j       newline

/* a blank and a0 without leading zeros; uses a and t */
puthex:
        mv      a1, ra
        mv      a2, a0
        li      a0, ' '
        call    putc
        li      a3, 60
1:      srl     a0, a2, a3
        bnez    a0, 2f
        addi    a3, a3, -4
        bgtz    a3, 1b
2:      srl     a0, a2, a3
        andi    a0, a0, 15
        li      t0, 10
        bltu    a0, t0, 3f
        addi    a0, a0, 'a' - '0' - 10
3:      addi    a0, a0, '0'
        call    putc
        addi    a3, a3, -4
        bgez    a3, 2b
        mv      ra, a1
        ret

        .section .hdata, "aw"
        .align 4
lcg_mul: .dword 6364136223846793005
lcg_add: .dword 1442695040888963407
spot:   .dword  0
        .align 6
m_frame:
        .zero   576
s_frame:
        .zero   576
vs_frame:
        .zero   576
s_final:
        .zero   576
shared: .zero   24 + LOG_SIZE * 256

        .section .desc, "a"
desc_first:
        /* the batch's descriptors follow, then desc_last */
