/* SPDX-License-Identifier: MIT */
#include "disk.h"
#include "para.h"
#include "text.h"

enum { /* registers, in words */
       MAGIC = 0x00 / 4,
       VERSION = 0x04 / 4,
       DEVICE_ID = 0x08 / 4,
       DEVICE_FEATURES = 0x10 / 4,
       DEVICE_FEATURES_SEL = 0x14 / 4,
       DRIVER_FEATURES = 0x20 / 4,
       DRIVER_FEATURES_SEL = 0x24 / 4,
       QUEUE_SEL = 0x30 / 4,
       QUEUE_NUM_MAX = 0x34 / 4,
       QUEUE_NUM = 0x38 / 4,
       QUEUE_READY = 0x44 / 4,
       QUEUE_NOTIFY = 0x50 / 4,
       INTERRUPT_STATUS = 0x60 / 4,
       INTERRUPT_ACK = 0x64 / 4,
       STATUS = 0x70 / 4,
       QUEUE_DESC = 0x80 / 4,
       QUEUE_DRIVER = 0x90 / 4,
       QUEUE_DEVICE = 0xa0 / 4,
       CAPACITY = 0x100 / 4,
};
enum { ACKNOWLEDGE = 1, DRIVER = 2, DRIVER_OK = 4, FEATURES_OK = 8 }; /* STATUS */
enum { DESC_NEXT = 1, DESC_DEVICE_WRITES = 2 };
enum { REQUEST_READ = 0, REQUEST_WRITE = 1 };
#define QUEUE 4u

struct disk_rings { /* one page; the offsets keep the alignments that the specification wants */
    struct {
        uint64_t address;
        uint32_t length;
        uint16_t flags, next;
    } desc[QUEUE];
    struct {
        uint16_t flags, index, ring[QUEUE];
    } avail __attribute__((aligned(64)));
    struct {
        uint16_t flags, index;
        struct {
            uint32_t id, length;
        } ring[QUEUE];
    } used __attribute__((aligned(64)));
    struct {
        uint32_t type, reserved;
        uint64_t sector;
    } request __attribute__((aligned(64)));
    uint8_t status;
    uint8_t data[DISK_CHUNK] __attribute__((aligned(64)));
};
_Static_assert(sizeof(struct disk_rings) <= 4096, "the rings fill one page");

bool disk_probe(volatile uint32_t *reg)
{
    return REG(reg[MAGIC]) == 0x74726976 && REG(reg[VERSION]) == 2 && REG(reg[DEVICE_ID]) == 2;
}

static void set_address(struct disk *d, unsigned reg, const volatile void *at)
{
    uint64_t pa = d->rings_pa + (uint64_t)((const volatile char *)at - (char *)d->rings);
    REG_SET(d->reg[reg], (uint32_t)pa);
    REG_SET(d->reg[reg + 1], (uint32_t)(pa >> 32));
}

bool disk_start(struct disk *d)
{
    d->seen = 0;
    if (!d->reg)
        return d->ram != NULL;
    REG_SET(d->reg[STATUS], 0);
    while (REG(d->reg[STATUS]))
        ;
    REG_SET(d->reg[STATUS], ACKNOWLEDGE | DRIVER);
    REG_SET(d->reg[DRIVER_FEATURES_SEL], 0);
    REG_SET(d->reg[DRIVER_FEATURES], 0);
    REG_SET(d->reg[DRIVER_FEATURES_SEL], 1);
    REG_SET(d->reg[DRIVER_FEATURES], 1); /* VERSION_1 and nothing else */
    REG_SET(d->reg[STATUS], ACKNOWLEDGE | DRIVER | FEATURES_OK);
    if (!(REG(d->reg[STATUS]) & FEATURES_OK))
        return false;
    REG_SET(d->reg[QUEUE_SEL], 0);
    if (REG(d->reg[QUEUE_NUM_MAX]) < QUEUE)
        return false;
    REG_SET(d->reg[QUEUE_NUM], QUEUE);
    set_address(d, QUEUE_DESC, d->rings->desc);
    set_address(d, QUEUE_DRIVER, &d->rings->avail);
    set_address(d, QUEUE_DEVICE, &d->rings->used);
    REG_SET(d->reg[QUEUE_READY], 1);
    REG_SET(d->reg[STATUS], ACKNOWLEDGE | DRIVER | FEATURES_OK | DRIVER_OK);
    d->sectors = REG(d->reg[CAPACITY]) | (uint64_t)REG(d->reg[CAPACITY + 1]) << 32;
    return true;
}

static void describe(struct disk *d, unsigned i, const volatile void *at, uint32_t length, uint16_t flags)
{
    d->rings->desc[i].address = d->rings_pa + (uint64_t)((const volatile char *)at - (char *)d->rings);
    d->rings->desc[i].length = length;
    d->rings->desc[i].flags = flags;
    d->rings->desc[i].next = (uint16_t)(i + 1);
}

static bool virtio_request(struct disk *d, uint64_t sector, uint32_t bytes, bool write)
{
    struct disk_rings *r = d->rings;
    volatile uint16_t *used_index = &r->used.index;
    r->request.type = write ? REQUEST_WRITE : REQUEST_READ;
    r->request.sector = sector;
    r->status = 0xff;
    describe(d, 0, &r->request, 16, DESC_NEXT);
    describe(d, 1, r->data, bytes, (uint16_t)(DESC_NEXT | (write ? 0 : DESC_DEVICE_WRITES)));
    describe(d, 2, &r->status, 1, DESC_DEVICE_WRITES);
    r->avail.ring[r->avail.index % QUEUE] = 0;
    fence_device();
    r->avail.index++;
    fence_device();
    REG_SET(d->reg[QUEUE_NOTIFY], 0);
    while (*used_index == d->seen)
        d->wait(d);
    fence_device();
    d->seen++;
    return *(volatile uint8_t *)&r->status == 0;
}

bool disk_io(struct disk *d, uint64_t sector, void *data, uint32_t bytes, bool write)
{
    if (bytes > DISK_CHUNK || bytes % 512 || sector >= d->sectors || bytes / 512 > d->sectors - sector)
        return false;
    d->requests++;
    d->heat[sector * 16 / d->sectors]++;
    if (!d->reg) {
        if (write)
            memcpy(d->ram + sector * 512, data, bytes);
        else
            memcpy(data, d->ram + sector * 512, bytes);
        return true;
    }
    if (write)
        memcpy(d->rings->data, data, bytes);
    if (!virtio_request(d, sector, bytes, write))
        return false;
    if (!write)
        memcpy(data, d->rings->data, bytes);
    return true;
}

void disk_interrupt(struct disk *d)
{
    if (d->reg)
        REG_SET(d->reg[INTERRUPT_ACK], REG(d->reg[INTERRUPT_STATUS]) & 3);
}

/* The bug of this driver is here, and it is the usual one: DISK_HEAT believes the caller's index. A small wrong one
 * reads what lies beside the table, a large one follows a wild pointer. */
int64_t disk_control(struct disk *d, int64_t op, int64_t arg)
{
    switch (op) {
    case DISK_SECTORS: return (int64_t)d->sectors;
    case DISK_REQUESTS: return (int64_t)d->requests;
    case DISK_HEAT: return (int64_t)d->heat[arg];
    default: return -22;
    }
}
