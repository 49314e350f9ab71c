/* SPDX-License-Identifier: MIT */
/* A National Semiconductor 16550A serial port, its registers one byte apart. */
#ifndef VITRINE_NS16550A_H
#define VITRINE_NS16550A_H

#include "dev/dev.h"

struct chardev;

struct ns16550a_config {
    struct chardev *chr; /* must outlive the device; the device becomes its handler */
    struct irq_line irq;
};

extern const struct dev_class ns16550a_class;

MUST_USE void *ns16550a_create(const struct dev_env *env, const struct ns16550a_config *cfg, struct err *e);

/* What firmware that polls the port does, without its register accesses (for the built-in SBI's console). */
bool ns16550a_getc(void *dev, uint8_t *c);                         /* false: no byte has come */
size_t ns16550a_write_out(void *dev, const void *buf, size_t len); /* how many bytes the line took */

#endif
