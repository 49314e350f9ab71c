# SPDX-License-Identifier: MIT
# The user programs, as ELF files, and the table that exec searches.
.macro program name
    .section .rodata
    .balign 16
start_\name:
    .incbin "\name\().elf"
end_\name:
name_\name:
    .asciz "\name"
    .section .rodata.programs, "a"
    .dword name_\name, start_\name, end_\name
.endm
.section .rodata.programs, "a"
.balign 8
.globl programs
programs:
program init
program utests
program hello
program sh
program bench
.section .rodata.programs, "a"
    .dword 0, 0, 0
