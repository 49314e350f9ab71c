/* SPDX-License-Identifier: MIT */
# The root task has its stack and everything that it starts within itself.
        .section .text.start, "ax"
        .globl  _start
_start: la      sp, stack_top           # a0, a1: memory
        call    root_main

        .section .rodata
        .macro  program name
        .balign 4096
        .globl  \name\()_elf
\name\()_elf:
        .incbin "micro/servers/\name\().stripped"
        .endm
        program console
        program disk
        program clock
        program files
        program pager

        .data
        .balign 4096
        .globl  disk_image, disk_image_end
disk_image:
        .incbin "micro.img"
disk_image_end:

        .bss
        .balign 16
        .zero   16384
stack_top:
