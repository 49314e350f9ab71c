/* SPDX-License-Identifier: MIT */
/*
 * A hostile driver of each virtio device. The input is a program: its first byte picks the device, then come operations of one
 * byte and their operands: register writes and reads, stores to the rings and buffers, notifications, turns of the device.
 */
#include <unistd.h>

#include "fuzz.h"

#include "dev/chardev.h"
#include "dev/virtio_blk.h"
#include "dev/virtio_console.h"
#include "dev/virtio_net.h"
#include "dev/virtio_rng.h"

enum { RAM = 0x80000000, RAM_SIZE = 64 << 10, SLOT = 0x10008000 };

/* A network whose far end sends everything back. */
struct loop {
    struct netdev net;
    size_t len;
    uint8_t frame[NETDEV_FRAME_MAX];
};
static void loop_send(struct netdev *n, const void *frame, size_t len)
{
    struct loop *l = (struct loop *)n;
    memcpy(l->frame, frame, len);
    l->len = len;
}
static size_t loop_waiting(struct netdev *n)
{
    return ((struct loop *)n)->len;
}
static void loop_receive(struct netdev *n, void *buf)
{
    struct loop *l = (struct loop *)n;
    memcpy(buf, l->frame, l->len);
    l->len = 0;
}
static const struct netdev_ops loop_ops = {
    .name = "loop", .send = loop_send, .waiting = loop_waiting, .receive = loop_receive};

static uint64_t now(void *ctx)
{
    (void)ctx;
    return 0;
}

/* The disk's image: a file that is gone with the process. */
static const char *image(void)
{
    static char path[64];
    if (!path[0]) {
        snprintf(path, sizeof path, "/tmp/vitrine-fuzz-XXXXXX");
        int fd = mkstemp(path);
        if (fd < 0 || ftruncate(fd, 32 << 10) < 0)
            abort();
        unlink(path);
        snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    }
    return path;
}

static struct virtio *make(const struct dev_env *env, unsigned kind, struct chardev *chr, struct loop *net)
{
    switch (kind % 5) {
    case 0:
    case 1:
        return virtio_blk_create(env,
                                 &(struct virtio_blk_config){
                                     blockfile_open(
                                         &(struct blockfile_config){
                                             .path = image(), .readonly = kind & 8, .snapshot = true, .unlocked = true},
                                         NULL),
                                     NULL},
                                 NULL);
    case 2: return virtio_console_create(env, &(struct virtio_console_config){chr, 80, 25}, NULL);
    case 3: return virtio_net_create(env, &(struct virtio_net_config){&net->net, {2, 0, 0, 0, 0, 1}}, NULL);
    default: return virtio_rng_create(env, &(struct virtio_rng_config){false, 1}, NULL);
    }
}

static void setup_queue(struct bus *b, unsigned q, unsigned log_size)
{
    uint64_t base = RAM + q * 0x4000u;
    const uint32_t regs[][2] = {{0x30, q},
                                {0x38, 1u << log_size},
                                {0x80, (uint32_t)base},
                                {0x90, (uint32_t)base + 0x1000},
                                {0xa0, (uint32_t)base + 0x2000},
                                {0x44, 1}};
    for (unsigned i = 0; i < ARRAY_LEN(regs); i++)
        (void)!bus_write(b, SLOT + regs[i][0], 4, regs[i][1]);
}

static void step(struct bus *b, void *slot, struct chardev *chr, struct input *in)
{
    uint8_t buf[64];
    uint64_t v, off;
    unsigned q, n;
    switch (take(in, 1) % 11) {
    case 0: /* any register, any size */
        off = take(in, 2) % 0x200;
        n = 1u << take(in, 1) % 4;
        (void)!bus_write(b, SLOT + (off & ~(uint64_t)(n - 1)), n, take(in, 8));
        break;
    case 1:
        off = take(in, 2) % 0x200;
        n = 1u << take(in, 1) % 4;
        (void)!bus_read(b, SLOT + (off & ~(uint64_t)(n - 1)), n, &v);
        break;
    case 2: /* start, with queues where the next operations write */
        (void)!bus_write(b, SLOT + 0x70, 4, 0);
        (void)!bus_write(b, SLOT + 0x20, 4, take(in, 4));
        (void)!bus_write(b, SLOT + 0x24, 4, 1);
        (void)!bus_write(b, SLOT + 0x20, 4, take(in, 1) & 1);
        (void)!bus_write(b, SLOT + 0x70, 4, 0xb);
        for (q = 0; q < 2; q++)
            setup_queue(b, q, take(in, 1) % 5);
        (void)!bus_write(b, SLOT + 0x70, 4, 0xf);
        break;
    case 3: /* a descriptor near the truth */
        q = take(in, 1) & 1;
        n = take(in, 1) % 16;
        *(uint64_t *)(void *)buf = RAM + 0x8000 + take(in, 2) % 0x8100;
        *(uint32_t *)(void *)(buf + 8) = (uint32_t)take(in, 2);
        *(uint32_t *)(void *)(buf + 12) = (uint32_t)(take(in, 1) % 8 | take(in, 1) % 17 << 16);
        (void)!bus_dma_write(b, RAM + q * 0x4000u + n * 16, buf, 16);
        break;
    case 4: /* any descriptor */
        q = take(in, 1) & 1;
        n = take(in, 1) % 16;
        for (unsigned i = 0; i < 16; i++)
            buf[i] = (uint8_t)take(in, 1);
        (void)!bus_dma_write(b, RAM + q * 0x4000u + n * 16, buf, 16);
        break;
    case 5: /* available ring: one entry, and the index */
        q = take(in, 1) & 1;
        v = take(in, 1) % 17;
        (void)!bus_dma_read(b, RAM + q * 0x4000u + 0x1002, &off, 2);
        (void)!bus_dma_write(b, RAM + q * 0x4000u + 0x1004 + 2 * (off & 15), &v, 2);
        off++;
        (void)!bus_dma_write(b, RAM + q * 0x4000u + 0x1002, &off, 2);
        break;
    case 6: /* any bytes of a buffer or a ring */
        off = take(in, 2);
        n = take(in, 1) % sizeof buf;
        for (unsigned i = 0; i < n; i++)
            buf[i] = (uint8_t)take(in, 1);
        (void)!bus_dma_write(b, RAM + off, buf, n);
        break;
    case 7: (void)!bus_write(b, SLOT + 0x50, 4, take(in, 1) & 3); break;
    case 8:
        if (virtio_mmio_class.deadline(slot) == 0)
            virtio_mmio_class.run(slot);
        break;
    case 9: { /* a whole request: header, data, status, direct or in a table, and offered */
        static const uint8_t types[] = {0, 1, 4, 8, 11, 13, 0, 1};
        bool table = take(in, 1) & 1, write;
        uint64_t head[2] = {types[take(in, 1) % 8], take(in, 1)};
        uint64_t at = table ? RAM + 0x7000 : RAM;
        uint32_t len = (uint32_t)take(in, 2);
        write = head[0] == 0 || head[0] == 8;
        struct {
            uint64_t addr;
            uint32_t len;
            uint16_t flags, next;
        } d[3] = {{RAM + 0x6f00, 16, 1, 1}, {RAM + 0x8000, len, write ? 3 : 1, 2}, {RAM + 0x6f10, 1, 2, 0}},
          outer = {at, 48, 4, 0};
        (void)!bus_dma_write(b, RAM + 0x6f00, head, 16);
        (void)!bus_dma_write(b, at, d, sizeof d);
        if (table)
            (void)!bus_dma_write(b, RAM, &outer, sizeof outer);
        off = v = 0;
        (void)!bus_dma_read(b, RAM + 0x1002, &off, 2);
        (void)!bus_dma_write(b, RAM + 0x1004 + 2 * (off & 15), &v, 2);
        off++;
        (void)!bus_dma_write(b, RAM + 0x1002, &off, 2);
        if (take(in, 1) & 1)
            (void)!bus_write(b, SLOT + 0x50, 4, 0);
        break;
    }
    default:
        chardev_memory_allow(chr, (size_t)take(in, 2));
        chardev_memory_feed(chr, "some input", 10);
        break;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input in = {data, data + size};
    struct dev_clock clock = {.now = now};
    struct bus *b = bus_new();
    struct dev_env env = {b, &clock, NULL};
    struct chardev *chr = chardev_memory_new(NULL);
    struct loop net = {.net = {.ops = &loop_ops}};
    struct err e;
    if (!bus_add_memory(b, "ram", RAM, RAM_SIZE, false, &e))
        abort();
    struct virtio *v = make(&env, (unsigned)take(&in, 1), chr, &net);
    void *slot = v ? virtio_mmio_create(&env, &(struct virtio_mmio_config){v, {0}}, &e) : NULL;
    if (!slot || bus_add_mmio(b, "slot", SLOT, VIRTIO_MMIO_SIZE, &virtio_mmio_class.ops, slot, &e))
        abort();
    virtio_mmio_class.reset(slot);
    while (in.p < in.end)
        step(b, slot, chr, &in);
    virtio_mmio_class.free(slot);
    chardev_free(chr);
    bus_free(b);
    return 0;
}
