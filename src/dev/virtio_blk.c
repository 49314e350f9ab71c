/* SPDX-License-Identifier: MIT */
#include "dev/virtio_blk.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Feature bits, 5.2.3 */
#define BLK_F_SEG_MAX      BIT(2)
#define BLK_F_RO           BIT(5)
#define BLK_F_BLK_SIZE     BIT(6)
#define BLK_F_FLUSH        BIT(9)
#define BLK_F_DISCARD      BIT(13)
#define BLK_F_WRITE_ZEROES BIT(14)

/* Request types and status, 5.2.6 */
enum { BLK_T_IN = 0, BLK_T_OUT = 1, BLK_T_FLUSH = 4, BLK_T_GET_ID = 8, BLK_T_DISCARD = 11, BLK_T_WRITE_ZEROES = 13 };
enum { BLK_S_OK = 0, BLK_S_IOERR = 1, BLK_S_UNSUPP = 2 };
enum { BLK_RANGE_UNMAP = 1 };

enum {
    BLK_QUEUE_SIZE = 256,
    BLK_ID_SIZE = 20,
    BLK_BOUNCE = 64 << 10,           /* bytes moved at a time between the disk and guest memory */
    BLK_MAX_RANGES = 1,              /* ranges in one DISCARD or WRITE_ZEROES */
    BLK_MAX_RANGE_SECTORS = 1 << 21, /* of one range: 1 GiB */
    BLK_FLUSH_COST = 1 << 20,        /* what waiting for the host's disk counts for, in bytes of work */
};

struct blk_header {
    uint32_t type;
    uint32_t reserved;
    uint64_t sector;
};

struct blk_range {
    uint64_t sector;
    uint32_t sectors;
    uint32_t flags;
};

/* 5.2.4 */
struct __attribute__((packed)) blk_config {
    uint64_t capacity; /* sectors */
    uint32_t size_max, seg_max;
    uint16_t cylinders;
    uint8_t heads, sectors;
    uint32_t blk_size;
    uint8_t physical_block_exp, alignment_offset;
    uint16_t min_io_size;
    uint32_t opt_io_size;
    uint8_t writeback, unused0;
    uint16_t num_queues;
    uint32_t max_discard_sectors, max_discard_seg, discard_sector_alignment;
    uint32_t max_write_zeroes_sectors, max_write_zeroes_seg;
    uint8_t write_zeroes_may_unmap, unused1[3];
};
_Static_assert(sizeof(struct blk_config) == 60, "struct virtio_blk_config of 1.1 and later, without secure erase");

struct virtio_blk {
    struct virtio v; /* first: the two are cast into each other */
    struct blockfile *disk;
    char serial[BLK_ID_SIZE]; /* padded with zeros, not terminated at full length */
    uint8_t bounce[BLK_BOUNCE];
};

static struct virtio_blk *blk_of(struct virtio *v)
{
    return (struct virtio_blk *)v;
}

static uint64_t blk_offer(struct virtio *v, uint64_t features)
{
    return features | (blockfile_readonly(blk_of(v)->disk) ? BLK_F_RO : BLK_F_DISCARD | BLK_F_WRITE_ZEROES);
}

static void blk_config(struct virtio *v, uint8_t *buf)
{
    struct blk_config c = {
        .capacity = blockfile_size(blk_of(v)->disk) / BLOCK_SECTOR,
        .seg_max = BLK_QUEUE_SIZE - 2, /* header and status take one descriptor each */
        .blk_size = BLOCK_SECTOR,
        .writeback = 1,
        .num_queues = 1,
    };
    if (!blockfile_readonly(blk_of(v)->disk)) {
        c.max_discard_sectors = c.max_write_zeroes_sectors = BLK_MAX_RANGE_SECTORS;
        c.max_discard_seg = c.max_write_zeroes_seg = BLK_MAX_RANGES;
        c.discard_sector_alignment = 1;
        c.write_zeroes_may_unmap = 1;
    }
    memcpy(buf, &c, sizeof c);
}

/* Is [sector, sector + len) on the disk? len in bytes, whole sectors. */
static bool on_disk(const struct virtio_blk *b, uint64_t sector, uint64_t len)
{
    uint64_t sectors = blockfile_size(b->disk) / BLOCK_SECTOR;
    return len % BLOCK_SECTOR == 0 && sector <= sectors && len / BLOCK_SECTOR <= sectors - sector;
}

/* The requests below return a BLK_S_ status. Where guest memory failed they broke the device, and the status matters no more. */

static int blk_in(struct virtio_blk *b, uint64_t sector, struct virtio_cursor *out, uint32_t len)
{
    if (!on_disk(b, sector, len))
        return BLK_S_IOERR;
    uint64_t off = sector * BLOCK_SECTOR;
    while (len) {
        uint32_t n = (uint32_t)min_u64(len, BLK_BOUNCE);
        if (blockfile_read(b->disk, off, b->bounce, n) || !virtio_put(&b->v, out, b->bounce, n))
            return BLK_S_IOERR;
        off += n;
        len -= n;
    }
    return BLK_S_OK;
}

static int blk_out(struct virtio_blk *b, uint64_t sector, struct virtio_cursor *in)
{
    if (!on_disk(b, sector, in->left) || blockfile_readonly(b->disk))
        return BLK_S_IOERR;
    uint64_t off = sector * BLOCK_SECTOR;
    while (in->left) {
        uint32_t n = (uint32_t)min_u64(in->left, BLK_BOUNCE);
        if (!virtio_get(&b->v, in, b->bounce, n) || blockfile_write(b->disk, off, b->bounce, n))
            return BLK_S_IOERR;
        off += n;
    }
    /* 5.2.6.2: a driver without FLUSH relies on completed writes being stable. */
    if (!virtio_has(&b->v, BLK_F_FLUSH) && blockfile_flush(b->disk))
        return BLK_S_IOERR;
    return BLK_S_OK;
}

static int blk_flush(struct virtio_blk *b)
{
    virtio_charge(&b->v, BLK_FLUSH_COST);
    return blockfile_flush(b->disk) ? BLK_S_IOERR : BLK_S_OK;
}

static int blk_ranges(struct virtio_blk *b, uint32_t type, struct virtio_cursor *in)
{
    struct blk_range r;
    bool zero = type == BLK_T_WRITE_ZEROES;
    if (!virtio_has(&b->v, zero ? BLK_F_WRITE_ZEROES : BLK_F_DISCARD))
        return BLK_S_UNSUPP;
    if (in->left == 0 || in->left % sizeof r || in->left / sizeof r > BLK_MAX_RANGES)
        return BLK_S_IOERR;
    while (in->left) {
        if (!virtio_get(&b->v, in, &r, sizeof r))
            return BLK_S_IOERR;
        if (r.flags & ~(uint32_t)(zero ? BLK_RANGE_UNMAP : 0))
            return BLK_S_UNSUPP;
        uint64_t len = (uint64_t)r.sectors * BLOCK_SECTOR;
        if (r.sectors > BLK_MAX_RANGE_SECTORS || !on_disk(b, r.sector, len))
            return BLK_S_IOERR;
        uint64_t off = r.sector * BLOCK_SECTOR;
        virtio_charge(&b->v, len);
        if (zero ? blockfile_zero(b->disk, off, len, r.flags & BLK_RANGE_UNMAP) : blockfile_discard(b->disk, off, len))
            return BLK_S_IOERR;
    }
    return BLK_S_OK;
}

static int blk_get_id(struct virtio_blk *b, struct virtio_cursor *out, uint32_t len)
{
    return virtio_put(&b->v, out, b->serial, (uint32_t)min_u64(len, BLK_ID_SIZE)) ? BLK_S_OK : BLK_S_IOERR;
}

/* A request: header | data, either to write or to read | status byte, the last writable one; framing is free (2.7.4). */
static bool blk_request(struct virtio *v, unsigned q, const struct virtio_chain *c, uint32_t *written)
{
    (void)q;
    struct virtio_blk *b = blk_of(v);
    struct blk_header h;
    struct virtio_cursor in = virtio_reader(c), out = virtio_writer(c);
    if (out.left == 0)
        return virtio_break(v, "a block request has no room for its status");
    if (!virtio_get(v, &in, &h, sizeof h))
        return false;
    struct virtio_cursor last = out;
    uint32_t data = out.left - 1;
    virtio_skip(&last, data);
    uint8_t status;
    switch (h.type) {
    case BLK_T_IN: status = (uint8_t)blk_in(b, h.sector, &out, data); break;
    case BLK_T_OUT: status = (uint8_t)blk_out(b, h.sector, &in); break;
    case BLK_T_FLUSH: status = (uint8_t)blk_flush(b); break;
    case BLK_T_GET_ID: status = (uint8_t)blk_get_id(b, &out, data); break;
    case BLK_T_DISCARD:
    case BLK_T_WRITE_ZEROES: status = (uint8_t)blk_ranges(b, h.type, &in); break;
    default: status = BLK_S_UNSUPP; break;
    }
    if (!virtio_put(v, &last, &status, 1))
        return false;
    /* 2.7.8.2: len promises bytes from the start of the buffer without a gap, and the status is behind all data. */
    uint32_t filled = data + 1 - out.left;
    *written = filled == data ? data + 1 : filled;
    return true;
}

static void blk_free(struct virtio *v)
{
    struct virtio_blk *b = blk_of(v);
    blockfile_close(b->disk);
    free(b);
}

static const struct virtio_class virtio_blk_class = {
    .name = "virtio-blk",
    .device_id = VIRTIO_ID_BLOCK,
    .features = BLK_F_SEG_MAX | BLK_F_BLK_SIZE | BLK_F_FLUSH,
    .nqueues = 1,
    .queue_size = BLK_QUEUE_SIZE,
    .config_size = sizeof(struct blk_config),
    .offer = blk_offer,
    .request = blk_request,
    .config = blk_config,
    .free = blk_free,
};

struct virtio *virtio_blk_create(const struct dev_env *env, const struct virtio_blk_config *cfg, struct err *e)
{
    struct virtio_blk *b = calloc(1, sizeof *b);
    if (!b) {
        err_set(e, -ENOMEM, "virtio-blk: out of memory");
        blockfile_close(cfg->disk);
        return NULL;
    }
    b->disk = cfg->disk;
    if (cfg->serial)
        memcpy(b->serial, cfg->serial, strnlen(cfg->serial, BLK_ID_SIZE));
    virtio_init(&b->v, &virtio_blk_class, env);
    return &b->v;
}
