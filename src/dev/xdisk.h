/* SPDX-License-Identifier: MIT */
/*
 * Xdisk: a disk behind special instructions. Five registers, which harts reach as CSRs; a write to `command` moves one sector of 512 bytes
 * between the disk and memory, and is done when the instruction is. docs/extensions.md
 */
#ifndef VITRINE_XDISK_H
#define VITRINE_XDISK_H

#include "dev/blockfile.h"
#include "dev/dev.h"

enum xdisk_register {
    XDISK_SECTOR,  /* number of the sector, from 0 */
    XDISK_ADDRESS, /* physical address of 512 bytes of memory, in bytes; any alignment */
    XDISK_COMMAND, /* write-only: enum xdisk_command */
    XDISK_STATUS,  /* read-only: enum xdisk_status of the last command */
    XDISK_SECTORS  /* read-only: how many there are; 0 without a disk */
};
enum xdisk_command { XDISK_READ = 1, XDISK_WRITE = 2, XDISK_FLUSH = 3 };
enum xdisk_status {
    XDISK_OK,
    XDISK_NO_DISK,
    XDISK_BAD_SECTOR,  /* past the end */
    XDISK_BAD_ADDRESS, /* not all of the 512 bytes are memory that may be used so */
    XDISK_READONLY,
    XDISK_IO_ERROR, /* the host's file failed */
    XDISK_BAD_COMMAND
};

struct xdisk_config {
    struct blockfile *disk; /* NULL: no medium. The device closes it. */
};

extern const struct dev_class xdisk_class;

/* NULL with e set; cfg->disk is closed then, too. */
MUST_USE void *xdisk_create(const struct dev_env *env, const struct xdisk_config *cfg, struct err *e);
uint64_t xdisk_read(void *dev, unsigned reg);
void xdisk_write(void *dev, unsigned reg, uint64_t v);

#endif
