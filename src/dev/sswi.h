/* SPDX-License-Identifier: MIT */
/* The ACLINT's S-mode software interrupts (RISC-V ACLINT 1.0-rc4, chapter 4), beside the CLINT that holds the rest of it. */
#ifndef VITRINE_SSWI_H
#define VITRINE_SSWI_H

#include "dev/dev.h"

enum { SSWI_MAX_HARTS = 16, SSWI_SIZE = 0x4000 };

struct sswi_config {
    unsigned nharts;              /* 1..SSWI_MAX_HARTS */
    const struct irq_line *irq;   /* nharts, copied: a pulse makes SSIP pending, which the hart itself clears */
    const uint32_t *intc_phandle; /* nharts, copied: each hart's interrupt controller in the device tree */
};

extern const struct dev_class sswi_class;

/* NULL with e set when nharts is out of range. */
MUST_USE void *sswi_create(const struct dev_env *env, const struct sswi_config *cfg, struct err *e);

#endif
