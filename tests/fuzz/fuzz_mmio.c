/* SPDX-License-Identifier: MIT */
/*
 * The MMIO windows of every device of the board, accessed at any offset in any size, while host input comes, host output is slow, time
 * passes and interrupt lines move. The input is a list of steps of ten bytes: what, offset, value.
 */
#include "fuzz.h"

#include "dev/aclint.h"
#include "dev/chardev.h"
#include "dev/goldfish_rtc.h"
#include "dev/io.h"
#include "dev/ns16550a.h"
#include "dev/pflash.h"
#include "dev/plic.h"
#include "dev/sifive_test.h"
#include "dev/virtio_rng.h"

enum { HARTS = 4, DEVICES = 8, RAM = 0x80000000u };

static uint64_t ticks;

static uint64_t now(void *ctx)
{
    (void)ctx;
    return ticks;
}

static void set(void *ctx, uint64_t t)
{
    (void)ctx;
    ticks = t;
}

static void changed(void *ctx)
{
    (void)ctx;
}

static void line(void *ctx, unsigned n, bool level)
{
    (void)ctx;
    (void)level;
    FUZZ_CHECK(n < 2 * HARTS, "interrupt line %u", n);
}

static void finish(void *ctx, enum sifive_test_action what, unsigned code)
{
    (void)ctx;
    FUZZ_CHECK(what <= SIFIVE_TEST_RESET && code <= 0xffff, "%d, %u", what, code);
}

struct board {
    struct dev_env env;
    struct chardev *chr;
    const struct dev_class *cls[DEVICES];
    void *dev[DEVICES];
    uint64_t base[DEVICES], size[DEVICES];
    unsigned n;
    void *plic;
};

static void put(struct board *b, const struct dev_class *cls, void *dev, uint64_t base, uint64_t size)
{
    if (!dev || bus_add_mmio(b->env.bus, cls->name, base, size, &cls->ops, dev, NULL))
        abort();
    cls->reset(dev);
    b->cls[b->n] = cls;
    b->dev[b->n] = dev;
    b->base[b->n] = base;
    b->size[b->n++] = size;
}

static void make(struct board *b, const struct dev_clock *clock)
{
    struct irq_line l[2 * HARTS];
    struct err e;
    for (unsigned i = 0; i < ARRAY_LEN(l); i++)
        l[i] = (struct irq_line){line, NULL, i};
    *b = (struct board){.env = {bus_new(), clock, io_loop_new()}};
    if (!b->env.bus || !b->env.io || !bus_add_memory(b->env.bus, "ram", RAM, 0x10000, false, &e))
        abort();
    b->chr = chardev_memory_new(b->env.io);
    put(b, &aclint_class, aclint_create(&b->env, &(struct aclint_config){HARTS, l, NULL}, &e), 0x2000000, ACLINT_SIZE);
    b->plic = plic_create(&b->env, &(struct plic_config){HARTS, l, NULL}, &e);
    put(b, &plic_class, b->plic, 0xc000000, PLIC_SIZE);
    put(b, &ns16550a_class, ns16550a_create(&b->env, &(struct ns16550a_config){b->chr, plic_source(b->plic, 10)}, &e),
        0x10000000, 0x100);
    put(b, &goldfish_rtc_class,
        goldfish_rtc_create(&b->env, &(struct goldfish_rtc_config){0, plic_source(b->plic, 11)}, &e), 0x101000, 0x1000);
    put(b, &sifive_test_class, sifive_test_create(&b->env, &(struct sifive_test_config){finish, NULL, 0}, &e), 0x100000,
        0x1000);
    put(b, &pflash_class, pflash_create(&b->env, &(struct pflash_config){.name = "f", .base = 0x20000000}, &e),
        0x20000000, PFLASH_SIZE);
    struct virtio *rng = virtio_rng_create(&b->env, &(struct virtio_rng_config){false, 1}, &e);
    put(b, &virtio_mmio_class,
        virtio_mmio_create(&b->env, &(struct virtio_mmio_config){rng, plic_source(b->plic, 1)}, &e), 0x10001000,
        0x1000);
    put(b, &virtio_mmio_class,
        virtio_mmio_create(&b->env, &(struct virtio_mmio_config){NULL, plic_source(b->plic, 2)}, &e), 0x10002000,
        0x1000);
}

/* Whatever is due; a device that is due again at once, for ever, would hold the machine. */
static void run(struct board *b)
{
    for (unsigned i = 0; i < b->n; i++)
        for (unsigned k = 0; b->cls[i]->deadline && b->cls[i]->run && b->cls[i]->deadline(b->dev[i]) <= ticks && k < 4;
             k++)
            b->cls[i]->run(b->dev[i]);
}

/* what: 7:6 log2 of the size | 5 write | 4 unaligned | 3:0 device, or one of the last rows */
static void step(struct board *b, struct input *in)
{
    unsigned what = (unsigned)take(in, 1), size = 1u << (what >> 6);
    uint64_t off = take(in, 4), v = take(in, 5);
    v |= v << 40;
    unsigned k = what & 15;
    if (k < b->n) {
        uint64_t at = b->base[k] + off % b->size[k];
        if (!(what & 16))
            at &= ~(uint64_t)(size - 1);
        if (what & 32)
            (void)!bus_write(b->env.bus, at, size, v);
        else if (bus_read(b->env.bus, at, size, &v))
            FUZZ_CHECK(size == 8 || v >> (8 * size) == 0, "%s reads %#llx in %u bytes", b->cls[k]->name,
                       (unsigned long long)v, size);
        return;
    }
    switch (k) {
    case 8: {
        uint8_t fed[64];
        memset(fed, (int)off, sizeof fed);
        chardev_memory_feed(b->chr, fed, v % sizeof fed);
        break;
    }
    case 9: chardev_memory_allow(b->chr, v & 1 ? SIZE_MAX : (size_t)(v & 0xffff)); break;
    case 10: {
        struct irq_line s = plic_source(b->plic, 1 + (unsigned)(off % PLIC_SOURCES));
        irq_set(&s, v & 1);
        break;
    }
    case 11: (void)io_poll(b->env.io, 0); break;
    case 12:
        if (v % 16 == 0)
            for (unsigned i = 0; i < b->n; i++)
                b->cls[i]->reset(b->dev[i]);
        break;
    case 13: /* bytes into the flash as DMA would, and the ring of the random numbers */
        (void)!bus_dma_write(b->env.bus, v & 1 ? RAM + off % 0x10000 : 0x20000000 + off % PFLASH_SIZE, &v, size);
        break;
    default: ticks += v >> (off & 63); break;
    }
    run(b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct dev_clock clock = {now, set, changed, NULL};
    struct input in = {data, data + size};
    struct board b;
    ticks = 0;
    make(&b, &clock);
    while (left(&in))
        step(&b, &in);
    for (unsigned i = b.n; i-- > 0;)
        b.cls[i]->free(b.dev[i]);
    chardev_free(b.chr);
    io_loop_free(b.env.io);
    bus_free(b.env.bus);
    return 0;
}
