/* SPDX-License-Identifier: MIT */
/* The names of the general and the floating-point registers: the one table of them. */
#ifndef VITRINE_REGS_H
#define VITRINE_REGS_H

#include "base/base.h"

/* 0..31: x0..x31 as the ABI names them (zero, ra, sp, ...); 32..63: f0..f31 (ft0, ...). EVENT_REG_X and EVENT_REG_F fit. "?" past that. */
const char *name_reg(unsigned n);
/* 0..63 as in name_reg(): of x5, t0, f5, ft5, fp. -1: no such register. */
int reg_by_name(const char *name);

#endif
