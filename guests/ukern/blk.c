/* SPDX-License-Identifier: MIT */
/* virtio-blk on virtio-mmio version 2 (VIRTIO 1.2: 4.2 transport, 2.7 split queue, 5.2 block device).
 * Request i owns descriptors 3i (header, the device reads), 3i + 1 (data) and 3i + 2 (status, the device writes). */
#include "kern.h"

enum {
    MAGIC = 0x00,
    VERSION = 0x04,
    DEVICE_ID = 0x08,
    DEV_FEATURES = 0x10,
    DEV_FEATURES_SEL = 0x14,
    DRV_FEATURES = 0x20,
    DRV_FEATURES_SEL = 0x24,
    QUEUE_SEL = 0x30,
    QUEUE_NUM_MAX = 0x34,
    QUEUE_NUM = 0x38,
    QUEUE_READY = 0x44,
    QUEUE_NOTIFY = 0x50,
    INT_STATUS = 0x60,
    INT_ACK = 0x64,
    STATUS = 0x70,
    QUEUE_DESC = 0x80,
    QUEUE_DRIVER = 0x90,
    QUEUE_DEVICE = 0xa0,
    CONFIG = 0x100,
};
enum { ACKNOWLEDGE = 1, DRIVER = 2, DRIVER_OK = 4, FEATURES_OK = 8 };
#define QUEUE    32u
#define REQUESTS (QUEUE / 3)
#define F_NEXT   1u
#define F_WRITE  2u

struct desc {
    uint64_t addr;
    uint32_t len;
    uint16_t flags, next;
};
struct avail {
    uint16_t flags, idx, ring[QUEUE];
};
struct used {
    uint16_t flags, idx;
    struct {
        uint32_t id, len;
    } ring[QUEUE];
};
struct request {
    uint32_t type, reserved;
    uint64_t sector;
    volatile uint8_t status;
    volatile bool taken, done;
};

unsigned blk_irq_number;
static struct spinlock blk_lock = {.name = "blk"};
static uint64_t dev;
static struct desc *desc;
static volatile struct avail *avail;
static volatile struct used *used;
static struct request requests[REQUESTS];
static uint16_t used_seen;

static void set64(unsigned reg, const volatile void *p)
{
    mmio_w32(dev + reg, (uint32_t)(uint64_t)p);
    mmio_w32(dev + reg + 4, (uint32_t)((uint64_t)p >> 32));
}

void blk_init(void)
{
    for (unsigned i = 0; i < 8 && !dev; i++) {
        if (mmio_r32(VIRTIO(i) + MAGIC) == 0x74726976 && mmio_r32(VIRTIO(i) + VERSION) == 2 &&
            mmio_r32(VIRTIO(i) + DEVICE_ID) == 2) {
            dev = VIRTIO(i);
            blk_irq_number = i + 1;
        }
    }
    if (!dev) {
        printk("ukern: no disk\n");
        return;
    }
    mmio_w32(dev + STATUS, 0);
    while (mmio_r32(dev + STATUS) != 0)
        ;
    mmio_w32(dev + STATUS, ACKNOWLEDGE);
    mmio_w32(dev + STATUS, ACKNOWLEDGE | DRIVER);
    mmio_w32(dev + DEV_FEATURES_SEL, 1);
    if (!(mmio_r32(dev + DEV_FEATURES) & 1))
        panic("virtio-blk: VERSION_1 is not offered", dev);
    mmio_w32(dev + DRV_FEATURES_SEL, 0);
    mmio_w32(dev + DRV_FEATURES, 0);
    mmio_w32(dev + DRV_FEATURES_SEL, 1);
    mmio_w32(dev + DRV_FEATURES, 1); /* VERSION_1 and nothing else */
    mmio_w32(dev + STATUS, ACKNOWLEDGE | DRIVER | FEATURES_OK);
    if (!(mmio_r32(dev + STATUS) & FEATURES_OK))
        panic("virtio-blk: features refused", dev);
    mmio_w32(dev + QUEUE_SEL, 0);
    if (mmio_r32(dev + QUEUE_READY) || mmio_r32(dev + QUEUE_NUM_MAX) < QUEUE)
        panic("virtio-blk: no queue of the size", mmio_r32(dev + QUEUE_NUM_MAX));
    desc = page_alloc();
    avail = page_alloc();
    used = page_alloc();
    for (uint16_t i = 0; i < REQUESTS; i++) {
        struct desc *d = &desc[3 * i];
        d[0] = (struct desc){(uint64_t)&requests[i], 16, F_NEXT, (uint16_t)(3 * i + 1)};
        d[1] = (struct desc){0, 0, F_NEXT, (uint16_t)(3 * i + 2)};
        d[2] = (struct desc){(uint64_t)&requests[i].status, 1, F_WRITE, 0};
    }
    mmio_w32(dev + QUEUE_NUM, QUEUE);
    set64(QUEUE_DESC, desc);
    set64(QUEUE_DRIVER, avail);
    set64(QUEUE_DEVICE, used);
    mmio_w32(dev + QUEUE_READY, 1);
    mmio_w32(dev + STATUS, ACKNOWLEDGE | DRIVER | FEATURES_OK | DRIVER_OK);
    stats.disk_sectors = mmio_r32(dev + CONFIG) | (uint64_t)mmio_r32(dev + CONFIG + 4) << 32;
    printk("ukern: disk of %lu sectors in slot %u\n", stats.disk_sectors, blk_irq_number - 1);
}

static struct request *take(void)
{
    for (;;) {
        for (unsigned i = 0; i < REQUESTS; i++) {
            if (!requests[i].taken) {
                requests[i].taken = true;
                return &requests[i];
            }
        }
        sleep_on(requests, &blk_lock);
    }
}

/* Moves count sectors (at most a page) between the disk and page, and waits. True: the device says that it did. */
bool blk_io(void *page, uint64_t sector, unsigned count, bool write)
{
    struct request *r;
    unsigned i;
    bool ok;
    if (!dev)
        return false;
    lock(&blk_lock);
    r = take();
    i = (unsigned)(r - requests);
    r->type = write ? 1 : 0;
    r->sector = sector;
    r->status = 0xff;
    r->done = false;
    desc[3 * i + 1].addr = (uint64_t)page;
    desc[3 * i + 1].len = 512 * count;
    desc[3 * i + 1].flags = (uint16_t)(F_NEXT | (write ? 0 : F_WRITE));
    avail->ring[avail->idx % QUEUE] = (uint16_t)(3 * i);
    __asm__ volatile("fence rw, rw" ::: "memory");
    avail->idx++;
    fence_io();
    mmio_w32(dev + QUEUE_NOTIFY, 0);
    while (!r->done)
        sleep_on(r, &blk_lock);
    ok = r->status == 0;
    r->taken = false;
    wake(requests);
    unlock(&blk_lock);
    return ok;
}

void blk_irq(void)
{
    amo_add64((volatile uint64_t *)&stats.disk_irqs, 1);
    lock(&blk_lock);
    mmio_w32(dev + INT_ACK, mmio_r32(dev + INT_STATUS) & 3);
    fence_io();
    while (used_seen != used->idx) {
        uint32_t id;
        __asm__ volatile("fence r, r" ::: "memory");
        id = used->ring[used_seen % QUEUE].id;
        if (id % 3 || id / 3 >= REQUESTS || !requests[id / 3].taken)
            panic("virtio-blk: completes what was not asked", id);
        requests[id / 3].done = true;
        wake(&requests[id / 3]);
        used_seen++;
    }
    unlock(&blk_lock);
}
