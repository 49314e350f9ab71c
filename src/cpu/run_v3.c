/* SPDX-License-Identifier: MIT */
/* The same handlers for processors with AVX2, BMI2 and FMA (x86-64-v3); CMake gives this file the flags for it. */
#ifdef VITRINE_RUN_V3
#define FUSE_PAIRS
#define HANDLERS handlers_v3
#include "cpu/exec.inc"
#else
typedef int run_v3_is_empty;
#endif
