/* SPDX-License-Identifier: MIT */
# a0: how many arguments, a1: where they are, sp: there too, a2: what standard output is (micro)
        .section .text.start, "ax"
        .globl  _start
_start: call    start
