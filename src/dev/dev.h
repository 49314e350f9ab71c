/* SPDX-License-Identifier: MIT */
/*
 * What a device is to the board: a class (one constant struct per device file) and an opaque instance.
 * The board makes each instance from its row, puts it on the bus, wires its interrupt lines and asks it for its device-tree node.
 */
#ifndef VITRINE_DEV_H
#define VITRINE_DEV_H

#include "base/base.h"
#include "base/err.h"
#include "base/event.h"
#include "base/visit.h"
#include "dev/bus.h"
#include "dev/irq.h"

struct io_loop; /* dev/io.h: host file descriptors, serial lines, disks and networks behind devices */

/* The machine's time as devices see it. */
struct dev_clock {
    uint64_t (*now)(void *ctx);             /* mtime: 10 MHz ticks since power-on */
    void (*set)(void *ctx, uint64_t ticks); /* a guest's write to mtime */
    void (*changed)(void *ctx);             /* a device's next deadline moved: the machine asks again */
    void *ctx;
};
enum { DEV_CLOCK_HZ = 10000000 };
#define DEV_NO_DEADLINE UINT64_MAX

/* All that a device may reach. Valid while the machine lives. */
struct dev_env {
    struct bus *bus;
    const struct dev_clock *clock;
    struct io_loop *io;
    struct event_hub *events; /* NULL: nobody listens */
};

/* Where the board put an instance. */
struct dev_place {
    uint64_t base, size;        /* MMIO window */
    const struct irq_line *irq; /* nirq lines out of the device, in the device's documented order */
    unsigned nirq;
    unsigned irq_number; /* PLIC source of line 0, for the device tree; 0 = none */
    uint32_t plic_phandle;
};

struct dev_class {
    const char *name; /* as `info devices`, traces and messages name it */
    struct mmio_ops ops;
    void (*reset)(void *dev); /* to power-on state; also called once after creation */
    void (*free)(void *dev);
    void (*visit)(void *dev, struct visitor *v);
    /* Adds the device's node to the device tree under the node soc_offset of libfdt's sequential or read-write tree. NULL: no node. */
    int (*fdt)(void *dev, const struct dev_place *place, void *fdt, int soc_offset);
    /* The next tick at which run() wants to be called, or DEV_NO_DEADLINE. NULL: never. */
    uint64_t (*deadline)(void *dev);
    /* Time reached the deadline, or host input may be there: bring registers and lines up to date. NULL: nothing to do. */
    void (*run)(void *dev);
};

#endif
