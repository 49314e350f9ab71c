/* SPDX-License-Identifier: MIT */
#include "dev/virtio.h"

#include <assert.h>
#include <string.h>

/* Descriptor flags, 2.7.5 */
enum { DESC_NEXT = 1, DESC_WRITE = 2, DESC_INDIRECT = 4 };
enum { AVAIL_NO_INTERRUPT = 1 };

/* 2.7.5, 2.7.6, 2.7.8; all little-endian, as is the host. */
struct desc {
    uint64_t addr;
    uint32_t len;
    uint16_t flags, next;
};
struct used_elem {
    uint32_t id, len;
};
_Static_assert(sizeof(struct desc) == 16 && sizeof(struct used_elem) == 8, "ring entries are packed");

/* avail: flags u16 | idx u16 | ring[size] u16 | used_event u16
 * used:  flags u16 | idx u16 | ring[size] {id u32, len u32} | avail_event u16 */
enum { RING_FLAGS = 0, RING_IDX = 2, RING_ENTRIES = 4 };

static uint64_t used_event_at(const struct virtqueue *vq)
{
    return vq->avail + RING_ENTRIES + 2u * vq->size;
}

static uint64_t avail_event_at(const struct virtqueue *vq)
{
    return vq->used + RING_ENTRIES + 8u * vq->size;
}

void virtio_init(struct virtio *v, const struct virtio_class *cls, const struct dev_env *env)
{
    assert(cls->nqueues <= VIRTIO_QUEUES_MAX);
    assert(is_pow2(cls->queue_size) && cls->queue_size <= VIRTIO_QUEUE_SIZE_MAX);
    assert(cls->request || cls->fill_queues == BIT(cls->nqueues) - 1);
    v->cls = cls;
    v->env = env;
    virtio_reset(v);
}

void virtio_free(struct virtio *v)
{
    if (v)
        v->cls->free(v);
}

static void set_isr(struct virtio *v, uint8_t isr)
{
    v->isr = isr;
    if (v->isr_changed)
        v->isr_changed(v->transport);
}

void virtio_reset(struct virtio *v)
{
    v->fault = NULL;
    v->driver_features = 0;
    v->status = 0;
    v->config_generation = 0;
    v->pending = 0;
    memset(v->queue, 0, sizeof v->queue);
    for (unsigned i = 0; i < v->cls->nqueues; i++)
        v->queue[i].size = v->cls->queue_size;
    if (v->cls->reset)
        v->cls->reset(v);
    set_isr(v, 0);
}

uint64_t virtio_offered(struct virtio *v)
{
    uint64_t f = v->cls->features | VIRTIO_F_INDIRECT_DESC | VIRTIO_F_EVENT_IDX | VIRTIO_F_VERSION_1;
    return (v->cls->offer ? v->cls->offer(v, f) : f) & ~v->withheld;
}

void virtio_write_features(struct virtio *v, unsigned half, uint32_t val)
{
    if (half > 1 || (v->status & VIRTIO_STATUS_FEATURES_OK))
        return;
    unsigned shift = half * 32;
    v->driver_features = merge_bits(v->driver_features, (uint64_t)val << shift, (uint64_t)UINT32_MAX << shift);
}

bool virtio_running(const struct virtio *v)
{
    unsigned mask = VIRTIO_STATUS_DRIVER_OK | VIRTIO_STATUS_NEEDS_RESET | VIRTIO_STATUS_FAILED;
    return (v->status & mask) == VIRTIO_STATUS_DRIVER_OK;
}

bool virtio_break(struct virtio *v, const char *why)
{
    if (v->status & VIRTIO_STATUS_NEEDS_RESET)
        return false;
    v->fault = why;
    v->pending = 0;
    v->status |= VIRTIO_STATUS_NEEDS_RESET;
    if (v->status & VIRTIO_STATUS_DRIVER_OK) /* 2.1.2: then the driver is told by a configuration change */
        virtio_config_changed(v);
    return false;
}

void virtio_config_changed(struct virtio *v)
{
    v->config_generation++;
    if (v->status & VIRTIO_STATUS_DRIVER_OK)
        set_isr(v, v->isr | VIRTIO_ISR_CONFIG);
}

void virtio_ack_isr(struct virtio *v, uint32_t bits_to_clear)
{
    set_isr(v, (uint8_t)(v->isr & ~bits_to_clear));
}

/* --- rings --- */

void virtio_enable_queue(struct virtio *v, unsigned q, bool on)
{
    if (q >= v->cls->nqueues)
        return;
    struct virtqueue *vq = &v->queue[q];
    if (!on) {
        vq->ready = false;
        v->pending &= ~(uint32_t)BIT(q);
        return;
    }
    if (vq->ready)
        return;
    if (!is_pow2(vq->size) || vq->size > v->cls->queue_size) {
        virtio_break(v, "the queue size is not a power of two within QueueNumMax");
        return;
    }
    if ((vq->desc & 15) || (vq->avail & 1) || (vq->used & 3)) { /* 2.7: alignment of the areas */
        virtio_break(v, "an area of the queue is not aligned");
        return;
    }
    /* The largest area is 16 KiB; whether it is memory shows at each access. This only keeps the sums below from wrapping. */
    const uint64_t top = UINT64_MAX - 16u * VIRTIO_QUEUE_SIZE_MAX;
    if (vq->desc > top || vq->avail > top || vq->used > top) {
        virtio_break(v, "an area of the queue ends past the address space");
        return;
    }
    vq->last_avail = vq->used_idx = vq->signalled = 0;
    vq->signalled_valid = false;
    vq->ready = true;
}

static bool take_segment(struct virtio *v, struct virtio_chain *c, const struct desc *d)
{
    if (c->nread + c->nwrite == VIRTIO_CHAIN_MAX)
        return virtio_break(v, "a descriptor chain is too long");
    uint32_t *total = &c->readable;
    if (d->flags & DESC_WRITE) {
        c->nwrite++;
        total = &c->writable;
    } else {
        if (c->nwrite)
            return virtio_break(v, "a readable descriptor follows a writable one");
        c->nread++;
    }
    if (d->len > UINT32_MAX - *total)
        return virtio_break(v, "a descriptor chain is 4 GiB or more");
    *total += d->len;
    c->seg[c->nread + c->nwrite - 1] = (struct virtio_seg){d->addr, d->len};
    return true;
}

/* 2.7.5.3: a table of descriptors in memory, reached from the last descriptor of a chain. */
static bool take_indirect(struct virtio *v, struct virtio_chain *c, const struct desc *table)
{
    if (!virtio_has(v, VIRTIO_F_INDIRECT_DESC) || (table->flags & DESC_NEXT))
        return virtio_break(v, "an indirect descriptor that was not negotiated, or that has a successor");
    if (table->len == 0 || table->len % sizeof(struct desc))
        return virtio_break(v, "an indirect table is empty or has a part of a descriptor");
    uint32_t n = table->len / sizeof(struct desc);
    if (table->addr > UINT64_MAX - table->len)
        return virtio_break(v, "an indirect table ends past the address space");
    uint32_t i = 0;
    for (unsigned steps = 0; steps < VIRTIO_CHAIN_MAX; steps++) {
        struct desc d;
        if (!bus_dma_read(v->env->bus, table->addr + (uint64_t)i * sizeof d, &d, sizeof d))
            return virtio_break(v, "an indirect table is not in memory");
        if (d.flags & DESC_INDIRECT)
            return virtio_break(v, "an indirect table leads to another");
        if (!take_segment(v, c, &d))
            return false;
        if (!(d.flags & DESC_NEXT))
            return true;
        if (d.next >= n)
            return virtio_break(v, "a descriptor's successor lies outside the table");
        i = d.next;
    }
    return virtio_break(v, "a descriptor chain is too long or a loop");
}

static bool take_chain(struct virtio *v, const struct virtqueue *vq, struct virtio_chain *c)
{
    uint16_t i = c->head;
    c->nread = c->nwrite = 0;
    c->readable = c->writable = 0;
    for (unsigned steps = 0; steps < vq->size; steps++) {
        if (i >= vq->size)
            return virtio_break(v, "a descriptor index is not below the queue size");
        struct desc d;
        if (!bus_dma_read(v->env->bus, vq->desc + (uint64_t)i * sizeof d, &d, sizeof d))
            return virtio_break(v, "the descriptor table is not in memory");
        if (d.flags & DESC_INDIRECT)
            return take_indirect(v, c, &d);
        if (!take_segment(v, c, &d))
            return false;
        if (!(d.flags & DESC_NEXT))
            return true;
        i = d.next;
    }
    return virtio_break(v, "a descriptor chain is a loop");
}

const struct virtio_chain *virtio_pop(struct virtio *v, unsigned q)
{
    struct virtqueue *vq = &v->queue[q];
    struct bus *bus = v->env->bus;
    if (!vq->ready || !virtio_running(v))
        return NULL;
    uint16_t idx;
    if (!bus_dma_read(bus, vq->avail + RING_IDX, &idx, sizeof idx)) {
        virtio_break(v, "the available ring is not in memory");
        return NULL;
    }
    uint16_t waiting = (uint16_t)(idx - vq->last_avail);
    if (waiting > vq->size) {
        virtio_break(v, "the available index jumped by more than the queue size");
        return NULL;
    }
    if (waiting == 0) {
        /* 2.7.10: ask for a notification of the next entry. Nobody adds one meanwhile: the harts stand still. */
        if (virtio_has(v, VIRTIO_F_EVENT_IDX) &&
            !bus_dma_write(bus, avail_event_at(vq), &vq->last_avail, sizeof vq->last_avail))
            virtio_break(v, "the used ring is not in writable memory");
        return NULL;
    }
    uint64_t entry = vq->avail + RING_ENTRIES + 2u * (vq->last_avail & (vq->size - 1u));
    if (!bus_dma_read(bus, entry, &v->chain.head, sizeof v->chain.head)) {
        virtio_break(v, "the available ring is not in memory");
        return NULL;
    }
    if (!take_chain(v, vq, &v->chain))
        return NULL;
    vq->last_avail++;
    return &v->chain;
}

void virtio_unpop(struct virtio *v, unsigned q)
{
    v->queue[q].last_avail--;
}

void virtio_push(struct virtio *v, unsigned q, uint16_t head, uint32_t written)
{
    struct virtqueue *vq = &v->queue[q];
    struct used_elem e = {head, written};
    uint64_t entry = vq->used + RING_ENTRIES + 8u * (vq->used_idx & (vq->size - 1u));
    uint16_t idx = (uint16_t)(vq->used_idx + 1);
    if (v->status & VIRTIO_STATUS_NEEDS_RESET)
        return;
    if (!bus_dma_write(v->env->bus, entry, &e, sizeof e) ||
        !bus_dma_write(v->env->bus, vq->used + RING_IDX, &idx, sizeof idx)) {
        virtio_break(v, "the used ring is not in writable memory");
        return;
    }
    vq->used_idx = idx;
}

/* 2.7.7 and 2.7.10 */
void virtio_signal(struct virtio *v, unsigned q)
{
    struct virtqueue *vq = &v->queue[q];
    bool valid = vq->signalled_valid;
    uint16_t old = vq->signalled, now = vq->used_idx, word;
    if (!virtio_running(v) || (valid ? now == old : now == 0))
        return;
    bool by_event = virtio_has(v, VIRTIO_F_EVENT_IDX);
    if (!bus_dma_read(v->env->bus, by_event ? used_event_at(vq) : vq->avail + RING_FLAGS, &word, sizeof word)) {
        virtio_break(v, "the available ring is not in memory");
        return;
    }
    vq->signalled = now;
    vq->signalled_valid = true;
    bool wanted =
        by_event ? !valid || (uint16_t)(now - word - 1) < (uint16_t)(now - old) : !(word & AVAIL_NO_INTERRUPT);
    if (wanted)
        set_isr(v, v->isr | VIRTIO_ISR_QUEUE);
}

/* Ends the running hart's turn, so that the machine looks at deadlines, at host input and at a wish to stop. */
static void yield(struct virtio *v)
{
    const struct dev_clock *clock = v->env->clock;
    if (clock && clock->changed)
        clock->changed(clock->ctx);
}

void virtio_later(struct virtio *v, unsigned q)
{
    v->pending |= (uint32_t)BIT(q);
    yield(v);
}

void virtio_charge(struct virtio *v, uint64_t bytes)
{
    v->spent += bytes;
}

static void serve(struct virtio *v, unsigned q)
{
    v->pending &= ~(uint32_t)BIT(q);
    if (!v->queue[q].ready || !virtio_running(v))
        return;
    if (v->cls->fill_queues & BIT(q)) {
        v->cls->refill(v, q);
        return;
    }
    v->spent = 0;
    for (unsigned chains = 0;; chains++) {
        if (chains == VIRTIO_BUDGET_CHAINS || v->spent >= VIRTIO_BUDGET_BYTES) {
            virtio_later(v, q);
            break;
        }
        const struct virtio_chain *c = virtio_pop(v, q);
        uint32_t written = 0;
        if (!c)
            break;
        if (!v->cls->request(v, q, c, &written)) {
            virtio_unpop(v, q);
            break;
        }
        virtio_push(v, q, c->head, written);
        virtio_charge(v, (uint64_t)c->readable + c->writable);
    }
    v->unlooked += v->spent;
    if (v->unlooked >= VIRTIO_LONG_BYTES) {
        v->unlooked = 0;
        yield(v);
    }
    virtio_signal(v, q);
}

void virtio_notify(struct virtio *v, uint32_t q)
{
    if (q >= v->cls->nqueues)
        return;
    if (virtio_running(v))
        serve(v, q);
}

void virtio_write_status(struct virtio *v, uint8_t val)
{
    if (val == 0) {
        virtio_reset(v);
        return;
    }
    /* 2.1.1: the driver only adds bits; NEEDS_RESET is the device's. */
    unsigned add = val & ~(unsigned)v->status & ~(unsigned)VIRTIO_STATUS_NEEDS_RESET;
    /* A driver that leaves VERSION_1 alone is let through: small ones never select the upper half, and on this transport's
     * version 2 the layout of everything but the net header is the same. */
    if ((add & VIRTIO_STATUS_FEATURES_OK) && (v->driver_features & ~virtio_offered(v)))
        add &= ~(unsigned)VIRTIO_STATUS_FEATURES_OK;
    v->status |= (uint8_t)add;
    if (!(add & VIRTIO_STATUS_DRIVER_OK) || !virtio_running(v))
        return;
    /* Without FEATURES_OK no feature was agreed on. */
    if (!(v->status & VIRTIO_STATUS_FEATURES_OK))
        v->driver_features = 0;
    if (v->cls->start)
        v->cls->start(v);
    for (unsigned q = 0; q < v->cls->nqueues; q++)
        serve(v, q);
}

uint32_t virtio_read_config(struct virtio *v, unsigned off, unsigned size)
{
    uint8_t buf[256] = {0};
    uint32_t val = 0;
    assert(v->cls->config_size <= sizeof buf && size <= sizeof val);
    if (off >= v->cls->config_size || size > v->cls->config_size - off)
        return 0;
    v->cls->config(v, buf);
    memcpy(&val, buf + off, size);
    return val;
}

void virtio_write_config(struct virtio *v, unsigned off, uint32_t val, unsigned size)
{
    if (off >= v->cls->config_size || size > v->cls->config_size - off || !v->cls->write_config)
        return;
    v->cls->write_config(v, off, val, size);
}

uint64_t virtio_deadline(struct virtio *v)
{
    if (v->pending)
        return 0;
    return v->cls->deadline ? v->cls->deadline(v) : DEV_NO_DEADLINE;
}

void virtio_run(struct virtio *v)
{
    for (unsigned q = 0; q < v->cls->nqueues; q++)
        if (v->pending & BIT(q))
            serve(v, q);
    if (v->cls->run)
        v->cls->run(v);
}

void virtio_visit(struct virtio *v, struct visitor *vis)
{
    VISIT(vis, v, driver_features);
    VISIT(vis, v, status);
    VISIT(vis, v, isr);
    VISIT(vis, v, config_generation);
    VISIT(vis, v, pending);
    for (unsigned i = 0; i < v->cls->nqueues; i++) {
        struct virtqueue *vq = &v->queue[i];
        vis->open(vis, "queue", i);
        VISIT(vis, vq, desc);
        VISIT(vis, vq, avail);
        VISIT(vis, vq, used);
        VISIT(vis, vq, size);
        VISIT(vis, vq, ready);
        VISIT(vis, vq, last_avail);
        VISIT(vis, vq, used_idx);
        VISIT(vis, vq, signalled);
        VISIT(vis, vq, signalled_valid);
        vis->close(vis);
    }
    if (v->cls->visit)
        v->cls->visit(v, vis);
}

/* --- scatter and gather --- */

struct virtio_cursor virtio_reader(const struct virtio_chain *c)
{
    return (struct virtio_cursor){c->seg, 0, c->readable};
}

struct virtio_cursor virtio_writer(const struct virtio_chain *c)
{
    return (struct virtio_cursor){c->seg + c->nread, 0, c->writable};
}

/* The next run of at most len <= cur->left bytes that lies in one segment. */
static uint32_t cursor_step(struct virtio_cursor *cur, uint32_t len, uint64_t *pa)
{
    while (cur->off == cur->seg->len) { /* also past empty segments; bytes are left, so a segment follows */
        cur->seg++;
        cur->off = 0;
    }
    uint32_t n = (uint32_t)min_u64(len, cur->seg->len - cur->off);
    *pa = cur->seg->pa + cur->off;
    cur->off += n;
    cur->left -= n;
    return n;
}

static bool in_space(uint64_t pa, uint32_t n)
{
    return pa <= UINT64_MAX - n;
}

bool virtio_get(struct virtio *v, struct virtio_cursor *cur, void *buf, uint32_t len)
{
    uint8_t *p = buf;
    if (len > cur->left)
        return virtio_break(v, "a request is shorter than its type demands");
    while (len) {
        uint64_t pa;
        uint32_t n = cursor_step(cur, len, &pa);
        if (!in_space(pa, n) || !bus_dma_read(v->env->bus, pa, p, n))
            return virtio_break(v, "a buffer to read is not in memory");
        p += n;
        len -= n;
    }
    return true;
}

bool virtio_put(struct virtio *v, struct virtio_cursor *cur, const void *buf, uint32_t len)
{
    const uint8_t *p = buf;
    if (len > cur->left)
        return virtio_break(v, "a buffer is shorter than what goes into it");
    while (len) {
        uint64_t pa;
        uint32_t n = cursor_step(cur, len, &pa);
        if (!in_space(pa, n) || !bus_dma_write(v->env->bus, pa, p, n))
            return virtio_break(v, "a buffer to write is not in writable memory");
        p += n;
        len -= n;
    }
    return true;
}

void virtio_skip(struct virtio_cursor *cur, uint32_t len)
{
    assert(len <= cur->left);
    while (len) {
        uint64_t pa;
        len -= cursor_step(cur, len, &pa);
    }
}
