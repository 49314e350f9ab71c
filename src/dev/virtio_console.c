/* SPDX-License-Identifier: MIT */
#include "dev/virtio_console.h"

#include "dev/chardev.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Feature bits, 5.3.3 */
#define CONSOLE_F_SIZE        BIT(0)
#define CONSOLE_F_EMERG_WRITE BIT(2)

enum { CONSOLE_RX = 0, CONSOLE_TX = 1, CONSOLE_QUEUES };
enum {
    CONSOLE_QUEUE_SIZE = 64,
    CONSOLE_CHUNK = 1024,
    CONSOLE_TURN = 64 << 10, /* bytes of one buffer that are written before the harts get a turn */
};

/* 5.3.4 */
struct console_config {
    uint16_t cols, rows;
    uint32_t max_nr_ports, emerg_wr;
};

struct virtio_console {
    struct virtio v; /* first: the two are cast into each other */
    struct chardev *chr;
    uint16_t cols, rows;
    uint32_t tx_done; /* bytes of the next transmit buffer that the host has taken already */
};

static struct virtio_console *console_of(struct virtio *v)
{
    return (struct virtio_console *)v;
}

static uint64_t console_offer(struct virtio *v, uint64_t features)
{
    struct virtio_console *c = console_of(v);
    return c->cols || c->rows ? features | CONSOLE_F_SIZE : features;
}

static void console_config(struct virtio *v, uint8_t *buf)
{
    struct console_config cfg = {.cols = console_of(v)->cols, .rows = console_of(v)->rows, .max_nr_ports = 1};
    memcpy(buf, &cfg, sizeof cfg);
}

/* emerg_wr prints one character even before the device is set up; one that the host does not take is lost. */
static void console_write_config(struct virtio *v, unsigned off, uint32_t val, unsigned size)
{
    struct virtio_console *c = console_of(v);
    uint8_t byte = (uint8_t)val;
    if (off != offsetof(struct console_config, emerg_wr) || size != 4 || !c->chr)
        return;
    if (chardev_write(c->chr, &byte, 1) == 1)
        chardev_flush(c->chr);
}

static void console_reset(struct virtio *v)
{
    console_of(v)->tx_done = 0;
}

static bool console_transmit(struct virtio *v, unsigned q, const struct virtio_chain *chain, uint32_t *written)
{
    struct virtio_console *c = console_of(v);
    struct virtio_cursor in = virtio_reader(chain);
    uint32_t turn = 0;
    uint8_t buf[CONSOLE_CHUNK];
    *written = 0;
    /* The chain is the driver's while it waits: it may have become shorter. */
    virtio_skip(&in, (uint32_t)min_u64(c->tx_done, in.left));
    while (c->chr && in.left) {
        uint32_t n = (uint32_t)min_u64(in.left, sizeof buf);
        if (turn >= CONSOLE_TURN) {
            virtio_later(v, q);
            return false;
        }
        if (!virtio_get(v, &in, buf, n))
            return false;
        uint32_t took = (uint32_t)chardev_write(c->chr, buf, n);
        c->tx_done += took;
        turn += took;
        if (took < n)
            return false; /* the host is slow: console_event() goes on */
    }
    c->tx_done = 0;
    return true;
}

static void console_receive(struct virtio *v, unsigned q)
{
    struct virtio_console *c = console_of(v);
    uint8_t buf[CONSOLE_CHUNK];
    while (c->chr && chardev_readable(c->chr)) {
        const struct virtio_chain *chain = virtio_pop(v, q);
        if (!chain)
            break;
        struct virtio_cursor out = virtio_writer(chain);
        uint16_t head = chain->head;
        size_t n = chardev_read(c->chr, buf, min_u64(out.left, sizeof buf));
        if (!virtio_put(v, &out, buf, (uint32_t)n))
            return;
        virtio_push(v, q, head, (uint32_t)n);
    }
    virtio_signal(v, q);
}

static void console_event(void *ctx, enum chardev_event ev)
{
    struct virtio_console *c = ctx;
    if (ev != CHARDEV_READY || !virtio_running(&c->v))
        return;
    virtio_notify(&c->v, CONSOLE_RX);
    virtio_notify(&c->v, CONSOLE_TX);
}

static void console_visit(struct virtio *v, struct visitor *vis)
{
    VISIT(vis, console_of(v), tx_done);
}

static void console_free(struct virtio *v)
{
    struct virtio_console *c = console_of(v);
    if (c->chr)
        chardev_set_handler(c->chr, NULL, NULL);
    free(c);
}

static const struct virtio_class virtio_console_class = {
    .name = "virtio-console",
    .device_id = VIRTIO_ID_CONSOLE,
    .features = CONSOLE_F_EMERG_WRITE,
    .nqueues = CONSOLE_QUEUES,
    .queue_size = CONSOLE_QUEUE_SIZE,
    .fill_queues = (uint32_t)BIT(CONSOLE_RX),
    .config_size = sizeof(struct console_config),
    .offer = console_offer,
    .reset = console_reset,
    .request = console_transmit,
    .refill = console_receive,
    .config = console_config,
    .write_config = console_write_config,
    .visit = console_visit,
    .free = console_free,
};

struct virtio *virtio_console_create(const struct dev_env *env, const struct virtio_console_config *cfg, struct err *e)
{
    struct virtio_console *c = calloc(1, sizeof *c);
    if (!c) {
        err_set(e, -ENOMEM, "virtio-console: out of memory");
        return NULL;
    }
    c->chr = cfg->chr;
    c->cols = cfg->cols;
    c->rows = cfg->rows;
    virtio_init(&c->v, &virtio_console_class, env);
    if (c->chr)
        chardev_set_handler(c->chr, console_event, c);
    return &c->v;
}
