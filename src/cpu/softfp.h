/* SPDX-License-Identifier: MIT */
#ifndef VITRINE_CPU_SOFTFP_H
#define VITRINE_CPU_SOFTFP_H

/*
 * IEEE 754 binary32 and binary64 with the choices that the RISC-V F and D extensions make (Unpriv. "F", "D"),
 * in integer arithmetic only: pure functions of raw bits, the same on every host. This is the reference, and the path
 * for whatever the host's FPU (hostfp.h) does not do with the right bits and flags.
 *
 * a, b, c   raw bits; an sf32 operand is already taken out of its NaN box
 * rm        a resolved rounding mode, SF_RNE..SF_RMM; DYN and the reserved values are the caller's to deal with
 * fl        exception flags in the layout of fflags, OR-ed in, never cleared
 * result    raw bits; every NaN that is computed is the canonical one; tininess is detected after rounding
 *
 * Functions whose result is always exact take rm too where their siblings do, so that tables and macros fit all.
 */
#include <stdint.h>

enum sf_rm {
    SF_RNE = 0, /* to nearest, ties to even */
    SF_RTZ = 1, /* towards zero */
    SF_RDN = 2, /* towards minus infinity */
    SF_RUP = 3, /* towards plus infinity */
    SF_RMM = 4, /* to nearest, ties away from zero */
};

/* fflags: 4 NV | 3 DZ | 2 OF | 1 UF | 0 NX */
#define SF_NX 1u
#define SF_UF 2u
#define SF_OF 4u
#define SF_DZ 8u
#define SF_NV 16u

#define SF32_NAN UINT32_C(0x7fc00000)
#define SF64_NAN UINT64_C(0x7ff8000000000000)

uint32_t sf32_add(uint32_t a, uint32_t b, unsigned rm, unsigned *fl);
uint32_t sf32_sub(uint32_t a, uint32_t b, unsigned rm, unsigned *fl);
uint32_t sf32_mul(uint32_t a, uint32_t b, unsigned rm, unsigned *fl);
uint32_t sf32_div(uint32_t a, uint32_t b, unsigned rm, unsigned *fl);
uint32_t sf32_sqrt(uint32_t a, unsigned rm, unsigned *fl);
/* a * b + c rounded once. Infinity times zero is invalid even when c is a quiet NaN. fmsub and the others: flip the
 * sign bits of a and c. */
uint32_t sf32_fma(uint32_t a, uint32_t b, uint32_t c, unsigned rm, unsigned *fl);
/* minimumNumber, maximumNumber: -0 < +0, one NaN loses to a number, any signaling NaN raises NV. */
uint32_t sf32_min(uint32_t a, uint32_t b, unsigned *fl);
uint32_t sf32_max(uint32_t a, uint32_t b, unsigned *fl);
/* 0 or 1. A NaN compares false; eq raises NV for a signaling NaN only, lt and le for any NaN. */
int sf32_eq(uint32_t a, uint32_t b, unsigned *fl);
int sf32_lt(uint32_t a, uint32_t b, unsigned *fl);
int sf32_le(uint32_t a, uint32_t b, unsigned *fl);
/* 9 qNaN | 8 sNaN | 7 +inf | 6 +normal | 5 +subnormal | 4 +0 | 3 -0 | 2 -subnormal | 1 -normal | 0 -inf */
unsigned sf32_classify(uint32_t a);

uint64_t sf64_add(uint64_t a, uint64_t b, unsigned rm, unsigned *fl);
uint64_t sf64_sub(uint64_t a, uint64_t b, unsigned rm, unsigned *fl);
uint64_t sf64_mul(uint64_t a, uint64_t b, unsigned rm, unsigned *fl);
uint64_t sf64_div(uint64_t a, uint64_t b, unsigned rm, unsigned *fl);
uint64_t sf64_sqrt(uint64_t a, unsigned rm, unsigned *fl);
uint64_t sf64_fma(uint64_t a, uint64_t b, uint64_t c, unsigned rm, unsigned *fl);
uint64_t sf64_min(uint64_t a, uint64_t b, unsigned *fl);
uint64_t sf64_max(uint64_t a, uint64_t b, unsigned *fl);
int sf64_eq(uint64_t a, uint64_t b, unsigned *fl);
int sf64_lt(uint64_t a, uint64_t b, unsigned *fl);
int sf64_le(uint64_t a, uint64_t b, unsigned *fl);
unsigned sf64_classify(uint64_t a);

/*
 * To integers. Out of range after rounding: the nearest representable integer, NV and not NX; a NaN counts as plus
 * infinity. Results are what RV64 leaves in rd: the 32-bit ones, unsigned too, are sign-extended from bit 31.
 */
int64_t sf32_to_i32(uint32_t a, unsigned rm, unsigned *fl);
uint64_t sf32_to_u32(uint32_t a, unsigned rm, unsigned *fl);
int64_t sf32_to_i64(uint32_t a, unsigned rm, unsigned *fl);
uint64_t sf32_to_u64(uint32_t a, unsigned rm, unsigned *fl);
int64_t sf64_to_i32(uint64_t a, unsigned rm, unsigned *fl);
uint64_t sf64_to_u32(uint64_t a, unsigned rm, unsigned *fl);
int64_t sf64_to_i64(uint64_t a, unsigned rm, unsigned *fl);
uint64_t sf64_to_u64(uint64_t a, unsigned rm, unsigned *fl);

uint32_t sf32_from_i32(int32_t v, unsigned rm, unsigned *fl);
uint32_t sf32_from_u32(uint32_t v, unsigned rm, unsigned *fl);
uint32_t sf32_from_i64(int64_t v, unsigned rm, unsigned *fl);
uint32_t sf32_from_u64(uint64_t v, unsigned rm, unsigned *fl);
uint64_t sf64_from_i32(int32_t v, unsigned rm, unsigned *fl);
uint64_t sf64_from_u32(uint32_t v, unsigned rm, unsigned *fl);
uint64_t sf64_from_i64(int64_t v, unsigned rm, unsigned *fl);
uint64_t sf64_from_u64(uint64_t v, unsigned rm, unsigned *fl);

uint64_t sf32_to_sf64(uint32_t a, unsigned rm, unsigned *fl);
uint32_t sf64_to_sf32(uint64_t a, unsigned rm, unsigned *fl);

#endif
