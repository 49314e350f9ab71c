/* SPDX-License-Identifier: MIT */
/*
 * Xdisk: a disk behind special instructions. Five registers, which harts reach as CSRs; a write to `command` moves one sector of 512 bytes
 * between the disk and memory, and is done when the instruction is. docs/extensions.md
 */
#ifndef VITRINE_XDISK_H
#define VITRINE_XDISK_H

#include "base/xdisk.h"
#include "dev/blockfile.h"
#include "dev/dev.h"

struct xdisk_config {
    struct blockfile *disk; /* NULL: no medium. The device closes it. */
};

extern const struct dev_class xdisk_class;

/* NULL with e set; cfg->disk is closed then, too. */
MUST_USE void *xdisk_create(const struct dev_env *env, const struct xdisk_config *cfg, struct err *e);
uint64_t xdisk_read(void *dev, unsigned reg);
void xdisk_write(void *dev, unsigned reg, uint64_t v);

#endif
