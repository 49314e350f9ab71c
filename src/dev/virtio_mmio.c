/* SPDX-License-Identifier: MIT */
/* virtio over MMIO, version 2 (virtio 1.2, section 4.2): one slot of the board, with or without a device in it. */
#include "dev/dev_fdt.h"
#include "dev/virtio.h"

#include <errno.h>
#include <libfdt.h>
#include <stdlib.h>

/* 4.2.2. R and W as the driver may use them. */
enum mmio_reg {
    REG_MAGIC = 0x000,               /* R  "virt" */
    REG_VERSION = 0x004,             /* R  2 */
    REG_DEVICE_ID = 0x008,           /* R  0 = empty slot */
    REG_VENDOR_ID = 0x00c,           /* R */
    REG_DEVICE_FEATURES = 0x010,     /* R  the half that the next selects */
    REG_DEVICE_FEATURES_SEL = 0x014, /*  W */
    REG_DRIVER_FEATURES = 0x020,     /*  W the half that the next selects */
    REG_DRIVER_FEATURES_SEL = 0x024, /*  W */
    REG_QUEUE_SEL = 0x030,           /*  W */
    REG_QUEUE_NUM_MAX = 0x034,       /* R  of the selected queue, as are the next and the addresses */
    REG_QUEUE_NUM = 0x038,           /*  W */
    REG_QUEUE_READY = 0x044,         /* RW */
    REG_QUEUE_NOTIFY = 0x050,        /*  W queue index */
    REG_INTERRUPT_STATUS = 0x060,    /* R */
    REG_INTERRUPT_ACK = 0x064,       /*  W */
    REG_STATUS = 0x070,              /* RW */
    REG_DESC_LOW = 0x080,            /*  W */
    REG_DESC_HIGH = 0x084,
    REG_DRIVER_LOW = 0x090,
    REG_DRIVER_HIGH = 0x094,
    REG_DEVICE_LOW = 0x0a0,
    REG_DEVICE_HIGH = 0x0a4,
    REG_SHM_SEL = 0x0ac,     /*  W */
    REG_SHM_LEN_LOW = 0x0b0, /* R  all ones: no such region */
    REG_SHM_LEN_HIGH = 0x0b4,
    REG_SHM_BASE_LOW = 0x0b8,
    REG_SHM_BASE_HIGH = 0x0bc,
    REG_QUEUE_RESET = 0x0c0,       /* RW 0: VIRTIO_F_RING_RESET is not offered */
    REG_CONFIG_GENERATION = 0x0fc, /* R */
    REG_CONFIG = 0x100,
};

enum {
    MMIO_MAGIC = 0x74726976,
    MMIO_VERSION = 2,
    MMIO_VENDOR = 0x554d4551, /* "QEMU": drivers for this board compare it */
};

struct virtio_mmio {
    struct virtio *v; /* NULL: empty */
    struct irq_line irq;
    uint32_t device_features_sel, driver_features_sel, queue_sel;
};

static void mmio_isr_changed(void *dev)
{
    struct virtio_mmio *m = dev;
    irq_set(&m->irq, m->v->isr != 0);
}

void *virtio_mmio_create(const struct dev_env *env, const struct virtio_mmio_config *cfg, struct err *e)
{
    (void)env;
    struct virtio_mmio *m = calloc(1, sizeof *m);
    if (!m) {
        virtio_free(cfg->device);
        err_set(e, -ENOMEM, "virtio-mmio: out of memory");
        return NULL;
    }
    m->v = cfg->device;
    m->irq = cfg->irq;
    if (m->v) {
        m->v->isr_changed = mmio_isr_changed;
        m->v->transport = m;
    }
    return m;
}

static struct virtqueue *selected(struct virtio_mmio *m)
{
    return m->queue_sel < m->v->cls->nqueues ? &m->v->queue[m->queue_sel] : NULL;
}

static uint32_t read_reg(struct virtio_mmio *m, uint64_t off)
{
    struct virtio *v = m->v;
    const struct virtqueue *vq = selected(m);
    switch (off) {
    case REG_DEVICE_FEATURES:
        return m->device_features_sel < 2 ? (uint32_t)(virtio_offered(v) >> (32 * m->device_features_sel)) : 0;
    case REG_QUEUE_NUM_MAX: return vq ? v->cls->queue_size : 0;
    case REG_QUEUE_READY: return vq ? vq->ready : 0;
    case REG_INTERRUPT_STATUS: return v->isr;
    case REG_STATUS: return v->status;
    case REG_SHM_LEN_LOW:
    case REG_SHM_LEN_HIGH:
    case REG_SHM_BASE_LOW:
    case REG_SHM_BASE_HIGH: return UINT32_MAX;
    case REG_CONFIG_GENERATION: return v->config_generation;
    default: /* write-only or reserved */ return 0;
    }
}

static uint64_t mmio_read(void *dev, uint64_t off, unsigned size)
{
    struct virtio_mmio *m = dev;
    if (off >= REG_CONFIG)
        return m->v ? virtio_read_config(m->v, (unsigned)(off - REG_CONFIG), size) : 0;
    if (size != 4) /* 4.2.2.2: registers are accessed as aligned 32-bit words */
        return 0;
    switch (off) {
    case REG_MAGIC: return MMIO_MAGIC;
    case REG_VERSION: return MMIO_VERSION;
    case REG_DEVICE_ID: return m->v ? m->v->cls->device_id : 0;
    case REG_VENDOR_ID: return MMIO_VENDOR;
    default: return m->v ? read_reg(m, off) : 0;
    }
}

static void set_half(uint64_t *addr, bool high, uint32_t val)
{
    *addr = high ? (*addr & UINT32_MAX) | (uint64_t)val << 32 : (*addr & ~(uint64_t)UINT32_MAX) | val;
}

/* Size and addresses are the driver's only while the queue is not in use (4.2.2.2). */
static void write_queue(struct virtio_mmio *m, uint64_t off, uint32_t val)
{
    struct virtqueue *vq = selected(m);
    if (!vq || vq->ready)
        return;
    switch (off) {
    case REG_QUEUE_NUM: /* what does not fit 16 bits must stay wrong; virtio_enable_queue() rejects 0 */
        vq->size = val <= VIRTIO_QUEUE_SIZE_MAX ? (uint16_t)val : 0;
        break;
    case REG_DESC_LOW:
    case REG_DESC_HIGH: set_half(&vq->desc, off == REG_DESC_HIGH, val); break;
    case REG_DRIVER_LOW:
    case REG_DRIVER_HIGH: set_half(&vq->avail, off == REG_DRIVER_HIGH, val); break;
    case REG_DEVICE_LOW:
    case REG_DEVICE_HIGH: set_half(&vq->used, off == REG_DEVICE_HIGH, val); break;
    default: /* read-only or reserved */ break;
    }
}

static void reset_selectors(struct virtio_mmio *m)
{
    m->device_features_sel = m->driver_features_sel = m->queue_sel = 0;
}

static void mmio_write(void *dev, uint64_t off, uint64_t val64, unsigned size)
{
    struct virtio_mmio *m = dev;
    struct virtio *v = m->v;
    uint32_t val = (uint32_t)val64;
    if (!v)
        return;
    if (off >= REG_CONFIG) {
        virtio_write_config(v, (unsigned)(off - REG_CONFIG), val, size);
        return;
    }
    if (size != 4)
        return;
    switch (off) {
    case REG_DEVICE_FEATURES_SEL: m->device_features_sel = val; break;
    case REG_DRIVER_FEATURES: virtio_write_features(v, m->driver_features_sel, val); break;
    case REG_DRIVER_FEATURES_SEL: m->driver_features_sel = val; break;
    case REG_QUEUE_SEL: m->queue_sel = val; break;
    case REG_QUEUE_READY: virtio_enable_queue(v, m->queue_sel, val & 1); break;
    case REG_QUEUE_NOTIFY: virtio_notify(v, val); break;
    case REG_INTERRUPT_ACK: virtio_ack_isr(v, val); break;
    case REG_STATUS:
        virtio_write_status(v, (uint8_t)val);
        if ((uint8_t)val == 0)
            reset_selectors(m);
        break;
    default: write_queue(m, off, val); break;
    }
}

static void mmio_reset(void *dev)
{
    struct virtio_mmio *m = dev;
    reset_selectors(m);
    if (m->v)
        virtio_reset(m->v);
}

static void mmio_free(void *dev)
{
    struct virtio_mmio *m = dev;
    if (m)
        virtio_free(m->v);
    free(m);
}

static void mmio_visit(void *dev, struct visitor *vis)
{
    struct virtio_mmio *m = dev;
    VISIT(vis, m, device_features_sel);
    VISIT(vis, m, driver_features_sel);
    VISIT(vis, m, queue_sel);
    if (m->v) {
        vis->open(vis, m->v->cls->name, 0);
        virtio_visit(m->v, vis);
        vis->close(vis);
    }
}

static uint64_t mmio_deadline(void *dev)
{
    struct virtio_mmio *m = dev;
    return m->v ? virtio_deadline(m->v) : DEV_NO_DEADLINE;
}

static void mmio_run(void *dev)
{
    struct virtio_mmio *m = dev;
    if (m->v)
        virtio_run(m->v);
}

static int mmio_fdt(void *dev, const struct dev_place *place, void *fdt, int soc)
{
    (void)dev;
    int node;
    int r = dev_fdt_node(fdt, soc, "virtio_mmio", place, &node);
    if (!r)
        r = fdt_setprop_string(fdt, node, "compatible", "virtio,mmio");
    return r ? r : dev_fdt_interrupt(fdt, node, place);
}

const struct dev_class virtio_mmio_class = {
    .name = "virtio-mmio",
    .ops = {.read = mmio_read, .write = mmio_write, .min = 1, .max = 4},
    .reset = mmio_reset,
    .free = mmio_free,
    .visit = mmio_visit,
    .fdt = mmio_fdt,
    .deadline = mmio_deadline,
    .run = mmio_run,
};
