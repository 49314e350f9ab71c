/* SPDX-License-Identifier: MIT */
/* The platform-level interrupt controller (RISC-V PLIC 1.0.0): an M and an S context for each hart. */
#ifndef VITRINE_PLIC_H
#define VITRINE_PLIC_H

#include "dev/dev.h"

enum {
    PLIC_MAX_HARTS = 16,
    PLIC_SOURCES = 95, /* sources 1..95; source 0 does not exist */
    PLIC_SIZE = 0x600000,
};

struct plic_config {
    unsigned nharts;              /* 1..PLIC_MAX_HARTS */
    const struct irq_line *irq;   /* 2 * nharts, copied: meip and seip of hart 0, of hart 1, ... */
    const uint32_t *intc_phandle; /* nharts, copied, as in struct aclint_config; NULL = no node */
};

extern const struct dev_class plic_class;

MUST_USE void *plic_create(const struct dev_env *env, const struct plic_config *cfg, struct err *e);
/* The line that a device pulls for a source (1..PLIC_SOURCES). */
struct irq_line plic_source(void *plic, unsigned source);

#endif
