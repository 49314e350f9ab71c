/* SPDX-License-Identifier: MIT */
/* The core-local interruptor in SiFive's CLINT layout: software interrupts, the machine timer and mtime. */
#ifndef VITRINE_ACLINT_H
#define VITRINE_ACLINT_H

#include "dev/dev.h"

enum { ACLINT_MAX_HARTS = 16, ACLINT_SIZE = 0x10000 };

struct aclint_config {
    unsigned nharts;            /* 1..ACLINT_MAX_HARTS */
    const struct irq_line *irq; /* 2 * nharts, copied: msip and mtip of hart 0, of hart 1, ... */
    const uint32_t
        *intc_phandle; /* nharts, copied: each hart's interrupt controller in the device tree; NULL = no node */
};

extern const struct dev_class aclint_class;

/* NULL with e set when nharts is out of range. */
MUST_USE void *aclint_create(const struct dev_env *env, const struct aclint_config *cfg, struct err *e);

#endif
