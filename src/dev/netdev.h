/* SPDX-License-Identifier: MIT */
/* A network on the host's side: what is behind a network card. Whole Ethernet frames, without checksum. */
#ifndef VITRINE_NETDEV_H
#define VITRINE_NETDEV_H

#include "base/base.h"
#include "base/err.h"
#include "dev/dev.h"

enum { NETDEV_FRAME_MAX = 1518 }; /* 1500 bytes of payload and a VLAN tag */

struct netdev;

struct netdev_ops {
    const char *name; /* "user" */
    /* A frame from the guest, len <= NETDEV_FRAME_MAX: sent or dropped, never held back. */
    void (*send)(struct netdev *n, const void *frame, size_t len);
    /* Length of the next frame for the guest; 0 = none waits. */
    size_t (*waiting)(struct netdev *n);
    /* Takes that frame: buf has room for NETDEV_FRAME_MAX bytes. */
    void (*receive)(struct netdev *n, void *buf);
    void (*free)(struct netdev *n);
    /* Does it wait for the host's network? Then idle time must not outrun real time. */
    bool (*live)(struct netdev *n);
};

/* First member of each backend. */
struct netdev {
    const struct netdev_ops *ops;
    char id[64]; /* as given with id=; "" = none */
    /* The card: frames wait. Called from io_poll() only. NULL: no card. */
    void (*ready)(void *ctx);
    void *ctx;
};

/*
 * Opens a backend from a `-netdev` argument in QEMU's spelling: `user,id=ID[,...]` with the options of netdev_slirp.c.
 * NULL with e set when it cannot, or when the kind is not supported.
 */
MUST_USE struct netdev *netdev_open(const char *spec, const struct dev_env *env, struct err *e);
static inline void netdev_free(struct netdev *n)
{
    if (n)
        n->ops->free(n);
}

#endif
