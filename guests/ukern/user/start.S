# SPDX-License-Identifier: MIT
.section .text.start
.globl _start
_start:
    call main
    li a7, 2
    ecall

# A function in a page that may be written: the self-modifying test patches its first instruction.
.section .jit, "awx"
.balign 4096
.globl jit
jit:
    li a0, 1
    ret
