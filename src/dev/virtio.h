/* SPDX-License-Identifier: MIT */
/*
 * The virtio core (Virtual I/O Device 1.2): status machine, feature negotiation, split virtqueues.
 *
 * A device is one constant struct virtio_class and an instance that begins with a struct virtio. The transport
 * (virtio_mmio.c) turns register accesses into the calls of the second part; a device uses those of the third.
 *
 * The guest is hostile: every descriptor, index and length comes from it. Whatever breaks the rules of the rings sets
 * DEVICE_NEEDS_RESET and stops the device until the driver resets it; nothing here depends on the guest's good will.
 */
#ifndef VITRINE_VIRTIO_H
#define VITRINE_VIRTIO_H

#include "dev/dev.h"

enum {
    VIRTIO_QUEUES_MAX = 4,
    VIRTIO_QUEUE_SIZE_MAX = 1024,
    VIRTIO_CHAIN_MAX = 1024, /* segments of one chain, indirect ones included */
    /* What one notification may do before the device yields to the harts; the rest follows in the next virtio_run(). */
    VIRTIO_BUDGET_CHAINS = 256,
    VIRTIO_BUDGET_BYTES = 16 << 20,
    VIRTIO_LONG_BYTES = 1 << 20, /* after so much work the machine looks after the rest of the world as well */
};

/* Device status, 2.1 */
enum {
    VIRTIO_STATUS_ACKNOWLEDGE = 1,
    VIRTIO_STATUS_DRIVER = 2,
    VIRTIO_STATUS_DRIVER_OK = 4,
    VIRTIO_STATUS_FEATURES_OK = 8,
    VIRTIO_STATUS_NEEDS_RESET = 64,
    VIRTIO_STATUS_FAILED = 128,
};

/* Interrupt causes, 4.2.2 InterruptStatus */
enum { VIRTIO_ISR_QUEUE = 1, VIRTIO_ISR_CONFIG = 2 };

/* Feature bits that every device offers, section 6 */
#define VIRTIO_F_INDIRECT_DESC BIT(28)
#define VIRTIO_F_EVENT_IDX     BIT(29)
#define VIRTIO_F_VERSION_1     BIT(32)

/* Device types, section 5 */
enum { VIRTIO_ID_NET = 1, VIRTIO_ID_BLOCK = 2, VIRTIO_ID_CONSOLE = 3, VIRTIO_ID_RNG = 4 };

struct virtio;

struct virtio_seg {
    uint64_t pa;
    uint32_t len;
};

/* One chain of descriptors: seg[0..nread) is for the device to read, the nwrite that follow for it to write. The totals
 * fit 32 bits, as the length in the used ring must. */
struct virtio_chain {
    uint16_t head;
    unsigned nread, nwrite;
    uint32_t readable, writable; /* bytes */
    struct virtio_seg seg[VIRTIO_CHAIN_MAX];
};

/* A position in the readable or the writable half of a chain. */
struct virtio_cursor {
    const struct virtio_seg *seg;
    uint32_t off;  /* bytes into *seg */
    uint32_t left; /* bytes to the end of the half */
};

struct virtio_class {
    const char *name;
    uint32_t device_id;
    uint64_t features; /* of the device type; those of the core are added */
    unsigned nqueues;
    uint16_t queue_size;  /* QueueNumMax of each queue: a power of two, at most VIRTIO_QUEUE_SIZE_MAX */
    uint32_t fill_queues; /* bit per queue whose buffers wait for the device's own input */
    unsigned config_size; /* bytes of device configuration */

    /* More or fewer features than the class's, by instance. NULL: as given. */
    uint64_t (*offer)(struct virtio *v, uint64_t features);
    /* Back to the state before negotiation. NULL: no state of its own. */
    void (*reset)(struct virtio *v);
    /* The driver is ready (DRIVER_OK). NULL: not interested. */
    void (*start)(struct virtio *v);
    /* Serves one chain of a queue that is not a fill queue. *written: bytes the device wrote. False: not now; the chain
     * stays with the driver, and the device calls virtio_later() once it can go on. */
    bool (*request)(struct virtio *v, unsigned q, const struct virtio_chain *c, uint32_t *written);
    /* The driver added buffers to a fill queue. */
    void (*refill)(struct virtio *v, unsigned q);
    /* The whole configuration as the driver sees it now, config_size bytes. */
    void (*config)(struct virtio *v, uint8_t *buf);
    /* The driver wrote size (1, 2 or 4) bytes at off, inside the configuration. NULL: read only. */
    void (*write_config)(struct virtio *v, unsigned off, uint32_t val, unsigned size);
    /* As in struct dev_class. NULL: nothing of the kind. */
    uint64_t (*deadline)(struct virtio *v);
    void (*run)(struct virtio *v);
    void (*visit)(struct virtio *v, struct visitor *vis);
    void (*free)(struct virtio *v);
};

struct virtqueue {
    uint64_t desc, avail, used; /* guest physical addresses of the three areas, 2.7 */
    uint16_t size;
    bool ready;
    uint16_t last_avail; /* next entry of the available ring to take */
    uint16_t used_idx;   /* entries written to the used ring */
    uint16_t signalled;  /* used_idx at the last interrupt decision */
    bool signalled_valid;
};

/* The state common to all devices. Private to virtio*.c. */
struct virtio {
    const struct virtio_class *cls;
    const struct dev_env *env;
    void (*isr_changed)(void *transport); /* drives the interrupt line */
    void *transport;
    const char *fault; /* why NEEDS_RESET, for people; NULL = it is not */

    uint64_t withheld; /* features that this instance does not offer, as its owner wishes */
    uint64_t driver_features;
    uint8_t status;
    uint8_t isr;
    uint32_t config_generation;
    uint32_t pending; /* bit per queue that virtio_run() must look at */
    struct virtqueue queue[VIRTIO_QUEUES_MAX];

    uint64_t spent;            /* bytes of work in this turn, against VIRTIO_BUDGET_BYTES */
    uint64_t unlooked;         /* bytes of work since the machine last looked, against VIRTIO_LONG_BYTES */
    struct virtio_chain chain; /* the one in work; holds nothing between calls */
};

/* --- made and ended by the device's own constructor and by the transport --- */
void virtio_init(struct virtio *v, const struct virtio_class *cls, const struct dev_env *env);
void virtio_free(struct virtio *v);

/* --- for the transport --- */
void virtio_reset(struct virtio *v);
uint64_t virtio_offered(struct virtio *v);
void virtio_write_status(struct virtio *v, uint8_t val);
/* Half 0 is bits 31:0, half 1 is 63:32. Without effect once FEATURES_OK stands. */
void virtio_write_features(struct virtio *v, unsigned half, uint32_t val);
void virtio_enable_queue(struct virtio *v, unsigned q, bool on);
void virtio_notify(struct virtio *v, uint32_t q);
/* off and size as the driver gave them; what lies outside the configuration reads 0 and swallows writes. */
uint32_t virtio_read_config(struct virtio *v, unsigned off, unsigned size);
void virtio_write_config(struct virtio *v, unsigned off, uint32_t val, unsigned size);
void virtio_ack_isr(struct virtio *v, uint32_t bits_to_clear);
uint64_t virtio_deadline(struct virtio *v);
void virtio_run(struct virtio *v);
void virtio_visit(struct virtio *v, struct visitor *vis);

/* --- for devices --- */
static inline bool virtio_has(const struct virtio *v, uint64_t feature)
{
    return (v->driver_features & feature) != 0;
}
/* DRIVER_OK, and neither FAILED nor NEEDS_RESET. */
bool virtio_running(const struct virtio *v);
/* The next available chain of q, valid until the next call, or NULL: none, or the ring is broken. */
const struct virtio_chain *virtio_pop(struct virtio *v, unsigned q);
/* Gives back the chain popped last, as if it had not been taken. */
void virtio_unpop(struct virtio *v, unsigned q);
/* Returns chain head to the driver; the driver is told by virtio_signal() once a batch is done. */
void virtio_push(struct virtio *v, unsigned q, uint16_t head, uint32_t written);
void virtio_signal(struct virtio *v, unsigned q);
/* Queue q has more to do: virtio_run() serves it as soon as the machine gets there. */
void virtio_later(struct virtio *v, unsigned q);
/* A request costs bytes of work beyond those of its chain: counts them against the turn. */
void virtio_charge(struct virtio *v, uint64_t bytes);
void virtio_config_changed(struct virtio *v);
/* The guest broke a rule: NEEDS_RESET. why is a constant sentence. Always false. */
bool virtio_break(struct virtio *v, const char *why);

struct virtio_cursor virtio_reader(const struct virtio_chain *c);
struct virtio_cursor virtio_writer(const struct virtio_chain *c);
/* Copies len bytes between guest memory and buf and moves on. False: past the end, or not in memory; the device is broken. */
MUST_USE bool virtio_get(struct virtio *v, struct virtio_cursor *cur, void *buf, uint32_t len);
MUST_USE bool virtio_put(struct virtio *v, struct virtio_cursor *cur, const void *buf, uint32_t len);
/* Moves on by len <= cur->left bytes without a transfer. */
void virtio_skip(struct virtio_cursor *cur, uint32_t len);

/* --- the transport as the board sees it --- */
struct virtio_mmio_config {
    struct virtio *device; /* owned by the slot from here on, even if the creation fails; NULL = an empty slot */
    struct irq_line irq;
};
enum { VIRTIO_MMIO_SIZE = 0x1000 };
extern const struct dev_class virtio_mmio_class;
MUST_USE void *virtio_mmio_create(const struct dev_env *env, const struct virtio_mmio_config *cfg, struct err *e);

#endif
