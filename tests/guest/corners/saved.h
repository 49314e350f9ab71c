/* SPDX-License-Identifier: MIT */
/* For start.S of corners and mcorners: what a function keeps for its caller goes to `saved`, and comes back. */
        .macro each what
        \what ra, 0(t0)
        \what sp, 8(t0)
        \what gp, 16(t0)
        \what tp, 24(t0)
        \what s0, 32(t0)
        \what s1, 40(t0)
        \what s2, 48(t0)
        \what s3, 56(t0)
        \what s4, 64(t0)
        \what s5, 72(t0)
        \what s6, 80(t0)
        \what s7, 88(t0)
        \what s8, 96(t0)
        \what s9, 104(t0)
        \what s10, 112(t0)
        \what s11, 120(t0)
        .endm
        .macro save
        la t0, saved
        each sd
        .endm
        .macro restore
        la t0, saved
        each ld
        .endm
