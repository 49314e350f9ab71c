/* SPDX-License-Identifier: MIT */
        .globl  _start
_start:
        la      sp, stack_end
        call    kmain
1:      wfi
        j       1b

        .bss
        .align  4
        .space  4096
stack_end:
