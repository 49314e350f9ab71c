/* SPDX-License-Identifier: MIT */
/* The handlers, for any processor of this host's architecture. */
#define HANDLERS handlers_base
#include "cpu/exec.inc"
