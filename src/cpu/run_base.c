/* SPDX-License-Identifier: MIT */
/* The handlers, for any processor of this host's architecture. On x86-64 hardly any host needs them (run_v3.c), so they stay small. */
#ifndef VITRINE_RUN_V3
#define FUSE_PAIRS
#endif
#define HANDLERS handlers_base
#include "cpu/exec.inc"
