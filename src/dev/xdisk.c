/* SPDX-License-Identifier: MIT */
#include "dev/xdisk.h"

#include <errno.h>
#include <stdlib.h>

struct xdisk {
    struct bus *bus;
    struct blockfile *disk;
    uint64_t sector, address;
    uint32_t status;
};

static uint64_t sectors(const struct xdisk *d)
{
    return d->disk ? blockfile_size(d->disk) / BLOCK_SECTOR : 0;
}

static enum xdisk_status transfer(struct xdisk *d, enum xdisk_command c)
{
    uint8_t buf[BLOCK_SECTOR];
    if (d->sector >= sectors(d))
        return XDISK_BAD_SECTOR;
    uint64_t off = d->sector * BLOCK_SECTOR;
    if (c == XDISK_READ) {
        if (blockfile_read(d->disk, off, buf, sizeof buf))
            return XDISK_IO_ERROR;
        return bus_dma_write(d->bus, d->address, buf, sizeof buf) ? XDISK_OK : XDISK_BAD_ADDRESS;
    }
    if (blockfile_readonly(d->disk))
        return XDISK_READONLY;
    if (!bus_dma_read(d->bus, d->address, buf, sizeof buf))
        return XDISK_BAD_ADDRESS;
    return blockfile_write(d->disk, off, buf, sizeof buf) ? XDISK_IO_ERROR : XDISK_OK;
}

static enum xdisk_status execute(struct xdisk *d, uint64_t command)
{
    if (!d->disk)
        return XDISK_NO_DISK;
    switch (command) {
    case XDISK_READ:
    case XDISK_WRITE: return transfer(d, (enum xdisk_command)command);
    case XDISK_FLUSH: return blockfile_flush(d->disk) ? XDISK_IO_ERROR : XDISK_OK;
    default: return XDISK_BAD_COMMAND;
    }
}

uint64_t xdisk_read(void *dev, unsigned reg)
{
    const struct xdisk *d = dev;
    switch ((enum xdisk_register)reg) {
    case XDISK_SECTOR: return d->sector;
    case XDISK_ADDRESS: return d->address;
    case XDISK_COMMAND: break;
    case XDISK_STATUS: return d->status;
    case XDISK_SECTORS: return sectors(d);
    }
    return 0;
}

void xdisk_write(void *dev, unsigned reg, uint64_t v)
{
    struct xdisk *d = dev;
    switch ((enum xdisk_register)reg) {
    case XDISK_SECTOR: d->sector = v; break;
    case XDISK_ADDRESS: d->address = v; break;
    case XDISK_COMMAND: d->status = execute(d, v); break;
    case XDISK_STATUS:
    case XDISK_SECTORS: break;
    }
}

static void reset(void *dev)
{
    struct xdisk *d = dev;
    d->sector = d->address = 0;
    d->status = XDISK_OK;
}

static void visit(void *dev, struct visitor *v)
{
    struct xdisk *d = dev;
    VISIT(v, d, sector);
    VISIT(v, d, address);
    VISIT(v, d, status);
}

static void xdisk_free(void *dev)
{
    struct xdisk *d = dev;
    blockfile_close(d->disk);
    free(d);
}

void *xdisk_create(const struct dev_env *env, const struct xdisk_config *cfg, struct err *e)
{
    struct xdisk *d = calloc(1, sizeof *d);
    if (!d) {
        err_set(e, -ENOMEM, "xdisk: out of memory");
        blockfile_close(cfg->disk);
        return NULL;
    }
    d->bus = env->bus;
    d->disk = cfg->disk;
    return d;
}

const struct dev_class xdisk_class = {.name = "xdisk", .reset = reset, .free = xdisk_free, .visit = visit};
