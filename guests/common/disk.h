/* SPDX-License-Identifier: MIT */
/* The disk driver, the same source in both kernels: virtio-blk behind virtio-mmio (VIRTIO 1.2: 4.2.2, 5.2), or a disk image in
 * memory where the machine has no disk. One request at a time. */
#ifndef GUEST_DISK_H
#define GUEST_DISK_H

#include <stdbool.h>
#include <stdint.h>

#define DISK_CHUNK 2048u /* bytes in one request at most */

struct disk {
    volatile uint32_t *reg;          /* virtio-mmio registers; NULL: a disk in memory */
    uint8_t *ram;                    /* that disk */
    struct disk_rings *rings;        /* a page for the virtqueue and the data, and */
    uint64_t rings_pa;               /* where the device sees it */
    void (*wait)(struct disk *disk); /* returns when the device may have answered */
    uint64_t sectors;
    uint16_t seen;     /* used entries so far */
    uint64_t heat[16]; /* requests by sixteenth of the disk */
    uint64_t requests;
};

/* Is there a virtio block device at reg? */
bool disk_probe(volatile uint32_t *reg);
/* reg (or ram and sectors), rings, rings_pa, wait set; *rings zeroed. */
bool disk_start(struct disk *d);
bool disk_io(struct disk *d, uint64_t sector, void *data, uint32_t bytes, bool write);
/* To be called on the device's interrupt. */
void disk_interrupt(struct disk *d);

/* What user programs ask of the driver by name. */
enum { DISK_SECTORS, DISK_REQUESTS, DISK_HEAT };
int64_t disk_control(struct disk *d, int64_t op, int64_t arg);

#endif
