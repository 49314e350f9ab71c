/* SPDX-License-Identifier: MIT */
/* A disk image of known content, and requests to the block device behind the rig's slot. */
#ifndef VITRINE_VIRTIO_DISK_H
#define VITRINE_VIRTIO_DISK_H

#include <stdio.h>
#include <unistd.h>

#include "dev/virtio_blk.h"
#include "virtio_rig.h"

enum { SECTORS = 64 };
#define VERSION_1 BIT(32)
#define EVENT_IDX BIT(29)
#define INDIRECT  BIT(28)
#define F_FLUSH   BIT(9)
#define F_RO      BIT(5)
#define F_DISCARD BIT(13)
#define F_ZEROES  BIT(14)

/* Byte i of the test disk. */
static inline uint8_t disk_byte(uint64_t i)
{
    return (uint8_t)(i / 512 * 7 + i);
}

static char image[64];

static inline void make_image(void)
{
    uint8_t data[SECTORS * 512];
    for (unsigned i = 0; i < sizeof data; i++)
        data[i] = disk_byte(i);
    snprintf(image, sizeof image, "/tmp/vitrine-disk-XXXXXX");
    int fd = mkstemp(image);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(write(fd, data, sizeof data), sizeof data);
    close(fd);
}

static inline void remove_image(void)
{
    unlink(image);
}

static inline struct rig *disk_rig(bool readonly, bool snapshot)
{
    struct rig *r = rig_new(NULL);
    struct err e = {""};
    struct blockfile_config file = {.path = image, .readonly = readonly, .snapshot = snapshot};
    struct virtio_blk_config cfg = {blockfile_open(&file, &e), "a-serial-number"};
    ck_assert_msg(cfg.disk != NULL, "%s", e.text);
    struct virtio *v = virtio_blk_create(&r->env, &cfg, &e);
    ck_assert_msg(v != NULL, "%s", e.text);
    rig_plug(r, v);
    return r;
}

/* Queues one request: header at RIG_BUF, status at RIG_BUF + 0x10, data at RIG_BUF + 0x1000. */
static inline void blk_queue(struct rig *r, uint32_t type, uint64_t sector, uint32_t len, bool from_device)
{
    struct {
        uint32_t type, reserved;
        uint64_t sector;
    } h = {type, 0, sector};
    uint8_t poison = 0xee;
    rig_store(r, RIG_BUF, &h, sizeof h);
    rig_store(r, RIG_BUF + 0x10, &poison, 1);
    rig_desc(r, 0, 0, RIG_BUF, sizeof h, D_NEXT, len ? 1 : 2);
    rig_desc(r, 0, 1, RIG_BUF + 0x1000, len, D_NEXT | (from_device ? D_WRITE : 0), 2);
    rig_desc(r, 0, 2, RIG_BUF + 0x10, 1, D_WRITE, 0);
    rig_offer(r, 0, 0);
}

/* Runs one and returns its status byte; *len = the length in the used ring. */
static inline int blk_do(struct rig *r, uint32_t type, uint64_t sector, uint32_t n, bool from_device, uint32_t *len)
{
    uint32_t id, used;
    uint8_t status;
    blk_queue(r, type, sector, n, from_device);
    rig_kick(r, 0);
    ck_assert_msg(rig_used(r, 0, &id, &used), "request type %u was not used", type);
    ck_assert_uint_eq(id, 0);
    rig_load(r, RIG_BUF + 0x10, &status, 1);
    if (len)
        *len = used;
    return status;
}

#endif
