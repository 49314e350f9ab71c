/* SPDX-License-Identifier: MIT */
/* A virtio network card (virtio 1.2, section 5.1): one pair of queues, no offloads. */
#ifndef VITRINE_VIRTIO_NET_H
#define VITRINE_VIRTIO_NET_H

#include "dev/netdev.h"
#include "dev/virtio.h"

struct virtio_net_config {
    struct netdev *net; /* must outlive the device; NULL = the cable is out */
    uint8_t mac[6];
};

MUST_USE struct virtio *virtio_net_create(const struct dev_env *env, const struct virtio_net_config *cfg,
                                          struct err *e);

#endif
