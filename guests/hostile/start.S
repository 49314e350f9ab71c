/* SPDX-License-Identifier: MIT */
        .section .text.start, "ax"
        .globl  _start
_start: la      sp, stack_top
        la      t0, trap_entry
        csrw    stvec, t0
        csrw    sie, zero
        csrw    satp, zero
        call    hostile_main            # a0: hart, a1: device tree

# Traps trust no register but sscratch, which nothing here changes: who attacks may have spoilt them all.
        .text
        .balign 4
        .globl  trap_entry
trap_entry:
        la      sp, trap_stack_top
        la      t0, try_depth
        ld      t1, 0(t0)
        beqz    t1, 1f
        sd      zero, 0(t0)
        csrr    a0, scause
        csrr    t1, stval
        la      t0, try_tval
        sd      t1, 0(t0)
        j       try_end
1:      csrr    a0, scause
        csrr    a1, stval
        csrr    a2, sepc
        call    unexpected_trap

# uint64_t try(f, arg)
        .globl  try
try:    la      t0, try_registers
        sd      ra, 0(t0)
        sd      sp, 8(t0)
        .irp    n, 0,1,2,3,4,5,6,7,8,9,10,11
        sd      s\n, 16 + 8 * \n(t0)
        .endr
        la      t0, try_depth
        li      t1, 1
        sd      t1, 0(t0)
        mv      t0, a0
        mv      a0, a1
        jalr    t0
        la      t0, try_value
        sd      a0, 0(t0)
        la      t0, try_depth
        sd      zero, 0(t0)
        li      a0, 0x7fffffffffffffff
try_end:
        la      t0, try_registers
        ld      ra, 0(t0)
        ld      sp, 8(t0)
        .irp    n, 0,1,2,3,4,5,6,7,8,9,10,11
        ld      s\n, 16 + 8 * \n(t0)
        .endr
        ret

        .globl  load_at, store_at, run_at
load_at:
        ld      a0, 0(a0)
        ret
store_at:
        sd      zero, 0(a0)
        ret
run_at: jr      a0

        .bss
        .balign 16
        .globl  try_tval, try_value
try_registers: .zero 14 * 8
try_depth: .dword 0
try_tval:  .dword 0
try_value: .dword 0
        .balign 16
        .zero   8192
stack_top:
        .zero   8192
trap_stack_top:
