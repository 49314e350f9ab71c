/* SPDX-License-Identifier: MIT */
/* The few lines that device-tree nodes of devices have in common. All return 0 or libfdt's negative error. */
#ifndef VITRINE_DEV_FDT_H
#define VITRINE_DEV_FDT_H

#include "dev/dev.h"

/* Adds "name@base" under parent with its reg property (two address and two size cells); *node = its offset. */
MUST_USE int dev_fdt_node(void *fdt, int parent, const char *name, const struct dev_place *place, int *node);
/* interrupts and interrupt-parent for place's line 0 at the PLIC; nothing when it has none. */
MUST_USE int dev_fdt_interrupt(void *fdt, int node, const struct dev_place *place);
/* interrupts-extended: for each of n harts its controller with numbers first and second. */
MUST_USE int dev_fdt_hart_interrupts(void *fdt, int node, const uint32_t *intc, unsigned n, unsigned first,
                                     unsigned second);

#endif
