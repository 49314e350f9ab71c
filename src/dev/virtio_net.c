/* SPDX-License-Identifier: MIT */
#include "dev/virtio_net.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Feature bits, 5.1.3 */
#define NET_F_MAC    BIT(5)
#define NET_F_STATUS BIT(16)

enum { NET_RX = 0, NET_TX = 1, NET_QUEUES };
enum { NET_S_LINK_UP = 1 };
enum { NET_QUEUE_SIZE = 256 };

/* 5.1.6: before each packet, both ways. Without offloads only num_buffers is not zero, and it is always 1. */
struct net_header {
    uint8_t flags, gso_type;
    uint16_t hdr_len, gso_size, csum_start, csum_offset;
    uint16_t num_buffers; /* absent without VERSION_1 */
};
_Static_assert(sizeof(struct net_header) == 12, "packed");

/* 5.1.4, as far as the features go */
struct net_config {
    uint8_t mac[6];
    uint16_t status;
};

struct virtio_net {
    struct virtio v; /* first: the two are cast into each other */
    struct netdev *net;
    uint8_t mac[6];
    uint8_t frame[NETDEV_FRAME_MAX]; /* scratch */
};

static struct virtio_net *net_of(struct virtio *v)
{
    return (struct virtio_net *)v;
}

static uint32_t header_size(const struct virtio *v)
{
    return virtio_has(v, VIRTIO_F_VERSION_1) ? sizeof(struct net_header) : offsetof(struct net_header, num_buffers);
}

static void net_config(struct virtio *v, uint8_t *buf)
{
    struct net_config c = {.status = net_of(v)->net ? NET_S_LINK_UP : 0};
    memcpy(c.mac, net_of(v)->mac, sizeof c.mac);
    memcpy(buf, &c, sizeof c);
}

static bool net_transmit(struct virtio *v, unsigned q, const struct virtio_chain *c, uint32_t *written)
{
    (void)q;
    struct virtio_net *n = net_of(v);
    struct virtio_cursor in = virtio_reader(c);
    *written = 0;
    if (in.left < header_size(v))
        return virtio_break(v, "a packet to send has no header");
    virtio_skip(&in, header_size(v));
    uint32_t len = in.left;
    if (len == 0 || len > NETDEV_FRAME_MAX || !n->net)
        return true; /* lost, as on any network */
    if (!virtio_get(v, &in, n->frame, len))
        return false;
    n->net->ops->send(n->net, n->frame, len);
    /* An answer that came at once enters the guest at this instruction, not at some later look at the host. */
    if (n->net->ops->waiting(n->net))
        virtio_later(v, NET_RX);
    return true;
}

static void net_receive(struct virtio *v, unsigned q)
{
    struct virtio_net *n = net_of(v);
    uint32_t hdr = header_size(v);
    struct net_header h = {.num_buffers = 1};
    size_t len;
    while (n->net && (len = n->net->ops->waiting(n->net)) > 0) {
        const struct virtio_chain *c = virtio_pop(v, q);
        if (!c)
            break; /* the frames wait for buffers */
        struct virtio_cursor out = virtio_writer(c);
        uint16_t head = c->head;
        n->net->ops->receive(n->net, n->frame);
        if (out.left < hdr + len) { /* 5.1.6.4: a packet that does not fit is dropped */
            virtio_unpop(v, q);
            continue;
        }
        if (!virtio_put(v, &out, &h, hdr) || !virtio_put(v, &out, n->frame, (uint32_t)len))
            return;
        virtio_push(v, q, head, hdr + (uint32_t)len);
    }
    virtio_signal(v, q);
}

static void net_ready(void *ctx)
{
    struct virtio_net *n = ctx;
    virtio_notify(&n->v, NET_RX);
}

static void net_free(struct virtio *v)
{
    struct virtio_net *n = net_of(v);
    if (n->net)
        n->net->ready = NULL;
    free(n);
}

static const struct virtio_class virtio_net_class = {
    .name = "virtio-net",
    .device_id = VIRTIO_ID_NET,
    .features = NET_F_MAC | NET_F_STATUS,
    .nqueues = NET_QUEUES,
    .queue_size = NET_QUEUE_SIZE,
    .fill_queues = (uint32_t)BIT(NET_RX),
    .config_size = sizeof(struct net_config),
    .request = net_transmit,
    .refill = net_receive,
    .config = net_config,
    .free = net_free,
};

struct virtio *virtio_net_create(const struct dev_env *env, const struct virtio_net_config *cfg, struct err *e)
{
    struct virtio_net *n = calloc(1, sizeof *n);
    if (!n) {
        err_set(e, -ENOMEM, "virtio-net: out of memory");
        return NULL;
    }
    n->net = cfg->net;
    memcpy(n->mac, cfg->mac, sizeof n->mac);
    virtio_init(&n->v, &virtio_net_class, env);
    if (n->net) {
        n->net->ready = net_ready;
        n->net->ctx = n;
    }
    return &n->v;
}
