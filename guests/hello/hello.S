/* SPDX-License-Identifier: MIT */
# The smallest guest: M mode, no stack. Prints one line on the serial port and ends the machine by the test device.
        .equ    UART, 0x10000000        # NS16550A: THR at 0, LSR at 5, whose bit 5 says that THR is empty
        .equ    TEST, 0x100000          # 0x5555: pass

        .globl  _start
_start:
        bnez    a0, park                # a0: the hart's number; one is enough
        la      s0, message
        li      s1, UART
next:   lbu     t0, 0(s0)
        beqz    t0, done
wait:   lbu     t1, 5(s1)
        andi    t1, t1, 1 << 5
        beqz    t1, wait
        sb      t0, 0(s1)
        addi    s0, s0, 1
        j       next
done:   li      t0, TEST
        li      t1, 0x5555
        sw      t1, 0(t0)
park:   wfi
        j       park

        .section .rodata
message:
        .asciz  "Hello from a RISC-V machine behind glass.\n"
