/* SPDX-License-Identifier: MIT */
# Each way in which a guest ends, or fails to. One program for each macro.
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
