/* SPDX-License-Identifier: MIT */
/* A machine of 1 MiB with one virtio-mmio slot, and a driver for it that does as told, right or wrong. */
#ifndef VITRINE_VIRTIO_RIG_H
#define VITRINE_VIRTIO_RIG_H

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "dev/virtio.h"

enum {
    RIG_RAM = 0x80000000,
    RIG_RAM_SIZE = 1 << 20,
    RIG_SLOT = 0x10008000,
    RIG_BUF = RIG_RAM + 0x80000, /* the upper half is for buffers */
    RIG_QSIZE = 8,
};
enum { D_NEXT = 1, D_WRITE = 2, D_INDIRECT = 4 };

struct rig {
    struct bus *bus;
    struct dev_clock clock;
    uint64_t now;
    struct dev_env env;
    void *slot;
    bool irq;
    unsigned irqs; /* rising edges */
    uint16_t qsize;
    uint16_t avail[VIRTIO_QUEUES_MAX], used[VIRTIO_QUEUES_MAX];
};

struct rig_desc {
    uint64_t addr;
    uint32_t len;
    uint16_t flags, next;
};

static inline uint64_t rig_now(void *ctx)
{
    return ((struct rig *)ctx)->now;
}

static inline void rig_irq(void *ctx, unsigned n, bool level)
{
    struct rig *r = ctx;
    ck_assert_uint_eq(n, 3);
    r->irqs += level && !r->irq;
    r->irq = level;
}

static inline struct rig *rig_new(struct io_loop *io)
{
    struct rig *r = calloc(1, sizeof *r);
    struct err e = {""};
    ck_assert_ptr_nonnull(r);
    r->bus = bus_new();
    r->clock = (struct dev_clock){.now = rig_now, .ctx = r};
    r->env = (struct dev_env){r->bus, &r->clock, io};
    r->qsize = RIG_QSIZE;
    ck_assert_msg(bus_add_memory(r->bus, "ram", RIG_RAM, RIG_RAM_SIZE, false, &e) != NULL, "%s", e.text);
    return r;
}

static inline void rig_plug(struct rig *r, struct virtio *v)
{
    struct err e = {""};
    struct virtio_mmio_config cfg = {v, {rig_irq, r, 3}};
    r->slot = virtio_mmio_create(&r->env, &cfg, &e);
    ck_assert_msg(r->slot != NULL, "%s", e.text);
    virtio_mmio_class.reset(r->slot);
    ck_assert_int_eq(bus_add_mmio(r->bus, "slot", RIG_SLOT, VIRTIO_MMIO_SIZE, &virtio_mmio_class.ops, r->slot, &e), 0);
}

static inline void rig_free(struct rig *r)
{
    virtio_mmio_class.free(r->slot);
    bus_free(r->bus);
    free(r);
}

static inline uint32_t rig_read(struct rig *r, uint64_t off, unsigned size)
{
    uint64_t val = 0;
    ck_assert(bus_read(r->bus, RIG_SLOT + off, size, &val));
    return (uint32_t)val;
}

static inline void rig_write(struct rig *r, uint64_t off, uint32_t val, unsigned size)
{
    ck_assert(bus_write(r->bus, RIG_SLOT + off, size, val));
}

static inline uint32_t get32(struct rig *r, uint64_t off)
{
    return rig_read(r, off, 4);
}

static inline void set32(struct rig *r, uint64_t off, uint32_t val)
{
    rig_write(r, off, val, 4);
}

static inline void rig_store(struct rig *r, uint64_t pa, const void *p, size_t n)
{
    ck_assert(bus_dma_write(r->bus, pa, p, n));
}

static inline void rig_load(struct rig *r, uint64_t pa, void *p, size_t n)
{
    ck_assert(bus_dma_read(r->bus, pa, p, n));
}

static inline uint64_t rig_desc_at(unsigned q)
{
    return RIG_RAM + q * 0x8000u;
}
static inline uint64_t rig_avail_at(unsigned q)
{
    return rig_desc_at(q) + 0x4000;
}
static inline uint64_t rig_used_at(unsigned q)
{
    return rig_desc_at(q) + 0x5000;
}

static inline uint64_t rig_features(struct rig *r)
{
    set32(r, 0x14, 1);
    uint64_t f = (uint64_t)get32(r, 0x10) << 32;
    set32(r, 0x14, 0);
    return f | get32(r, 0x10);
}

/* Addresses of the three areas of queue q, its size, and ready. */
static inline void rig_queue(struct rig *r, unsigned q, uint64_t desc, uint64_t avail, uint64_t used, uint32_t size)
{
    set32(r, 0x30, q);
    set32(r, 0x38, size);
    set32(r, 0x80, (uint32_t)desc);
    set32(r, 0x84, (uint32_t)(desc >> 32));
    set32(r, 0x90, (uint32_t)avail);
    set32(r, 0x94, (uint32_t)(avail >> 32));
    set32(r, 0xa0, (uint32_t)used);
    set32(r, 0xa4, (uint32_t)(used >> 32));
    set32(r, 0x44, 1);
}

/* Reset and negotiation up to FEATURES_OK; features beyond the offer are the test's intention. */
static inline void rig_negotiate(struct rig *r, uint64_t features)
{
    set32(r, 0x70, 0);
    memset(r->avail, 0, sizeof r->avail);
    memset(r->used, 0, sizeof r->used);
    set32(r, 0x70, 1);
    set32(r, 0x70, 3);
    set32(r, 0x24, 0);
    set32(r, 0x20, (uint32_t)features);
    set32(r, 0x24, 1);
    set32(r, 0x20, (uint32_t)(features >> 32));
    set32(r, 0x70, 0xb);
}

/* All of it, with queues of r->qsize. */
static inline void rig_start(struct rig *r, uint64_t features, unsigned nqueues)
{
    static const uint8_t zero[0x8000];
    rig_negotiate(r, features);
    ck_assert_uint_eq(get32(r, 0x70), 0xb);
    for (unsigned q = 0; q < nqueues; q++) {
        rig_store(r, rig_desc_at(q), zero, sizeof zero);
        rig_queue(r, q, rig_desc_at(q), rig_avail_at(q), rig_used_at(q), r->qsize);
    }
    set32(r, 0x70, 0xf);
    ck_assert_uint_eq(get32(r, 0x70), 0xf);
}

static inline void rig_desc(struct rig *r, unsigned q, unsigned i, uint64_t addr, uint32_t len, unsigned flags,
                            unsigned next)
{
    struct rig_desc d = {addr, len, (uint16_t)flags, (uint16_t)next};
    rig_store(r, rig_desc_at(q) + i * sizeof d, &d, sizeof d);
}

static inline void rig_offer(struct rig *r, unsigned q, uint16_t head)
{
    rig_store(r, rig_avail_at(q) + 4 + 2u * (r->avail[q] % r->qsize), &head, 2);
    r->avail[q]++;
    rig_store(r, rig_avail_at(q) + 2, &r->avail[q], 2);
}

static inline void rig_kick(struct rig *r, unsigned q)
{
    set32(r, 0x50, q);
}

/* The next used entry; false: none. */
static inline bool rig_used(struct rig *r, unsigned q, uint32_t *id, uint32_t *len)
{
    uint16_t idx;
    uint32_t e[2];
    rig_load(r, rig_used_at(q) + 2, &idx, 2);
    if (idx == r->used[q])
        return false;
    rig_load(r, rig_used_at(q) + 4 + 8u * (r->used[q]++ % r->qsize), e, sizeof e);
    *id = e[0];
    *len = e[1];
    return true;
}

static inline bool rig_needs_reset(struct rig *r)
{
    return (get32(r, 0x70) & VIRTIO_STATUS_NEEDS_RESET) != 0;
}

#endif
