/* SPDX-License-Identifier: MIT */
/* S mode, paging off; a trap ends it as a failure. */
        .section .text.start, "ax"
        .globl  _start
_start: la      sp, stack_top
        la      t0, trapped
        csrw    stvec, t0
        call    xdisk_main              /* returns the status */
end:    mv      a1, a0                  /* SBI: system reset, type 0 (shutdown), reason 0 or 1 (system failure) */
        li      a0, 0
        li      a6, 0
        li      a7, 0x53525354
        ecall
1:      j       1b

        .balign 4
trapped:
        csrr    a0, scause
        csrr    a1, stval
        call    xdisk_trapped
        li      a0, 1
        j       end

        .bss
        .balign 16
        .skip   4096
stack_top:
