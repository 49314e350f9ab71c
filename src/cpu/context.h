/* SPDX-License-Identifier: MIT */
/* TLB banks of a hart, made and freed with it. */
#ifndef VITRINE_CONTEXT_H
#define VITRINE_CONTEXT_H

#include "cpu/hart.h"

/* Needs bus, code, and CSRs at their reset values. 0, or -1 without memory. */
int hart_banks_init(struct hart *h);
void hart_banks_free(struct hart *h);

#endif
