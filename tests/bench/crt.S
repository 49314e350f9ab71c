/* SPDX-License-Identifier: MIT */
/* Reset of every benchmark guest: M mode, hart 0 goes on, the others sleep. */
    .section .text.start, "ax"
    .globl _start
_start:
    csrr    t0, mhartid
    bnez    t0, park
    csrr    s0, minstret
    .option push
    .option norelax
    la      gp, __global_pointer$
    .option pop
    la      sp, stack_top
    la      t0, unexpected_trap
    csrw    mtvec, t0
    li      t0, 0x6000              /* mstatus.FS = dirty */
    csrs    mstatus, t0
    csrw    fcsr, zero
    li      t0, 7                   /* cycle, time, instret for S and U */
    csrw    mcounteren, t0
    csrw    scounteren, t0
    li      t0, -1                  /* one NAPOT region over everything, RWX, for S and U */
    csrw    pmpaddr0, t0
    li      t0, 0x1f
    csrw    pmpcfg0, t0
    la      t0, bss_start
    la      t1, bss_end
1:  bgeu    t0, t1, 2f
    sd      zero, 0(t0)
    addi    t0, t0, 8
    j       1b
2:  la      t0, bench_insns_at_reset
    sd      s0, 0(t0)
    call    boot                    /* returns in the mode that the variant wants */
    call    bench
    li      a0, 3                   /* a guest ends by bench_done, never by returning */
    j       bench_exit

park:
    wfi
    j       park

/* void bench_exit(uint32_t code): by sifive_test. A board without it (Spike's) faults on the store and ends by tohost. */
    .globl bench_exit
bench_exit:
    li      t0, 0x5555
    beqz    a0, 1f
    slli    t0, a0, 16
    li      t1, 0x3333
    or      t0, t0, t1
1:  li      t1, 0x100000
    sw      t0, 0(t1)
2:  j       2b

    .balign 4
unexpected_trap:
    csrr    t2, mtval
    li      t1, 0x100000
    bne     t1, t2, 3f
    slli    t0, a0, 1               /* tohost: 1 = pass, code << 1 | 1 = fail */
    ori     t0, t0, 1
    la      t1, tohost
    sd      t0, 0(t1)
2:  j       2b
3:  csrr    a0, mcause
    csrr    a1, mepc
    mv      a2, t2
    li      t0, 3 << 11             /* whatever was broken, report in M with a fresh stack */
    csrs    mstatus, t0
    la      sp, stack_top
    j       bench_bad_trap

    .section .tohost, "aw", @progbits
    .balign 64
    .globl tohost, fromhost
tohost:
    .dword 0
    .balign 64
fromhost:
    .dword 0

    .section .bss
    .balign 8
    .globl bench_insns_at_reset
bench_insns_at_reset:
    .skip 8
    .balign 16
    .skip 65536
stack_top:
