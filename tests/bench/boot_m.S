/* SPDX-License-Identifier: MIT */
/* Variant: stay in M mode, addresses are physical. */
    .text
    .globl boot
boot:
    ret

    .section .rodata
    .globl bench_variant
bench_variant:
    .string ""
