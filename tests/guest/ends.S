/* SPDX-License-Identifier: MIT */
# Each way in which a guest ends, or fails to. One program for each macro.
#ifdef AD_UPDATES                       /* no symbol of that name, not even a local one */
#define tohost nowhere
#endif
        .globl  _start
_start: csrr    t0, mhartid
        bnez    t0, park

        .macro  print32 c               # the 64-bit word in two stores, low half first
        li      t0, \c
        sw      t0, 0(s0)
        li      t0, 0x01010000
        sw      t0, 4(s0)
        .endm
        .macro  print64 c
        li      t0, 0x0101000000000000 | \c
        sd      t0, 0(s0)
        .endm

        la      s0, tohost
        li      s1, 0x100000
#if defined TOHOST_PASS
        li      t0, 1
1:      sd      t0, 0(s0)
        j       1b
#elif defined TOHOST_FAIL
        li      t0, 7 << 1 | 1
1:      sd      t0, 0(s0)
        j       1b
#elif defined TOHOST_PRINT
        print64 'o'
        ld      t1, 0(s0)               # the word must be zero again at once
        bnez    t1, bad
        print64 'k'
        print64 '\n'
        li      t0, 1
        sd      t0, 0(s0)
1:      j       1b
#elif defined TOHOST_HALF
        li      t0, 9 << 1 | 1
1:      sw      t0, 0(s0)
        sw      zero, 4(s0)
        j       1b
#elif defined TOHOST_HALF_ONCE
        li      t0, 9 << 1 | 1
        sw      t0, 0(s0)
1:      j       1b
#elif defined TOHOST_HALF_WFI           /* nobody is left to write the other half */
        li      t0, 9 << 1 | 1
        sw      t0, 0(s0)
1:      wfi
        j       1b
#elif defined TOHOST_HALVES_PRINT
        print32 'A'                     # odd: the low half alone would read as an exit
        ld      t1, 0(s0)
        bnez    t1, bad
        print32 '\n'
        li      t0, 1
        sw      t0, 0(s0)
        sw      zero, 4(s0)
1:      j       1b
#elif defined TOHOST_WRITE
        la      t0, call
        sd      t0, 0(s0)
        la      t1, fromhost
2:      ld      t2, 0(t1)
        beqz    t2, 2b
        sd      zero, 0(t1)
        ld      t0, call
        li      t1, 6
        bne     t0, t1, bad
        li      t0, 1
        sd      t0, 0(s0)
1:      j       1b
#elif defined TEST_PASS
        li      t0, 0x5555
        sw      t0, 0(s1)
1:      j       1b
#elif defined TEST_FAIL
        li      t0, 42 << 16 | 0x3333
        sw      t0, 0(s1)
1:      j       1b
#elif defined TEST_RESET
        /* The first time: reset. RAM above the program survives that, and tells the second time. */
        li      t2, 0x80100000
        ld      t1, 0(t2)
        li      t0, 0x5555
        bnez    t1, 2f
        sd      t0, 0(t2)
        li      t0, 0x7777
2:      sw      t0, 0(s1)
1:      j       1b
#elif defined WFI
        j       park
#elif defined STUCK
        li      t0, 0x1000000           # nothing is there: each fetch of the handler traps again
        csrw    mtvec, t0
        .4byte  0
#elif defined LOOP
1:      j       1b
#elif defined FLASH                      /* the chip's array, its status at the same place, and the array again */
        li      t0, 0x20000000
        lw      a0, 0(t0)
        li      t1, 0x00700070          /* read status, to both halves of the bank */
        sw      t1, 0(t0)
        lw      a1, 0(t0)
        li      t1, 0x00ff00ff          /* read array */
        sw      t1, 0(t0)
        lw      a2, 0(t0)
        li      t2, 0x11223344          /* what the test put there */
        bne     a0, t2, bad
        li      t2, 0x00800080          /* ready */
        bne     a1, t2, bad
        bne     a2, a0, bad
        li      t0, 1
        sd      t0, 0(s0)
1:      j       1b
#elif defined AD_UPDATES || defined TOHOST_AD_FAULTS
        /* A page of 1 GiB without A and D, used as S by MPRV. Without a tohost word hardware sets both; with one a fault comes. */
        la      t0, fault
        csrw    mtvec, t0
        li      t0, -1                  /* PMP: S may do anything */
        csrw    pmpaddr0, t0
        li      t0, 0x1f
        csrw    pmpcfg0, t0
        la      s2, table
        li      t0, 0x80000000 >> 2 | 0xf /* X W R V */
        sd      t0, 16(s2)
        srli    t0, s2, 12
        li      t1, 8 << 60
        or      t0, t0, t1
        csrw    satp, t0
        sfence.vma
        li      t0, 1 << 17 | 1 << 11   /* MPRV, MPP = S */
        li      a3, 13
        csrs    mstatus, t0
        ld      a0, 24(s2)
        csrc    mstatus, t0
        li      a3, 15
        csrs    mstatus, t0
        sd      a0, 24(s2)
        csrc    mstatus, t0
        ld      a0, 16(s2)
        andi    a0, a0, 0xc0            /* D A */
        li      a1, 0xc0
        bne     a0, a1, failed
        li      a2, 0
        j       finish
failed: li      a2, 42
        j       finish
        .align  2
fault:  csrr    a0, mcause
        bne     a0, a3, failed
        li      a2, 13
finish: li      t0, 0x5555
        beqz    a2, 1f
        slli    a2, a2, 16
        li      t0, 0x3333
        or      t0, t0, a2
1:      sw      t0, 0(s1)
        j       1b
        .align  12
table:  .zero   4096
#elif defined TRIGGERS                  /* what software that looks for triggers does: write, read back, take the type for an answer */
        .option arch, +zicsr
        csrw    0x7a0, zero             /* tselect */
        csrr    a0, 0x7a0
        bnez    a0, bad
        csrr    a0, 0x7a1               /* tdata1 */
        srli    a0, a0, 60
        bnez    a0, bad
        li      a1, 2 << 60 | 1 << 6 | 1 << 2 /* mcontrol: M, execute */
        la      a2, 1f
        csrw    0x7a2, a2
        csrw    0x7a1, a1
1:      csrr    a0, 0x7a1
        beq     a0, a1, bad
        li      a0, 1
        csrw    0x7a0, a0
        csrr    a1, 0x7a0
        beq     a0, a1, bad
        li      t0, 1
        sd      t0, 0(s0)
1:      j       1b
#elif defined SIGNATURE
        la      t0, begin_signature
        li      t1, 0x1122334455667788
        sd      t1, 8(t0)
        li      t0, 1
        sd      t0, 0(s0)
1:      j       1b
#endif
bad:    li      t0, 99 << 1 | 1
        sd      t0, 0(s0)
        j       bad
park:   wfi
        j       park

        .section .tohost, "aw"
        .align  6
#if !defined TEST_PASS && !defined TEST_FAIL && !defined TEST_RESET && !defined WFI && !defined STUCK && !defined LOOP
        .globl  tohost, fromhost
#endif
tohost: .dword  0
        .align  6
fromhost:
        .dword  0
        .data
        .align  4
call:   .dword  64, 1, text, 6, 0, 0, 0, 0
text:   .ascii  "hello\n"
        .align  4
#ifdef SIGNATURE
        .globl  begin_signature, end_signature
begin_signature:
        .word   0xdeadbeef, 1, 0, 0
end_signature:
#endif
