/* SPDX-License-Identifier: MIT */
/* A virtio block device (virtio 1.2, section 5.2). */
#ifndef VITRINE_VIRTIO_BLK_H
#define VITRINE_VIRTIO_BLK_H

#include "dev/blockfile.h"
#include "dev/virtio.h"

struct virtio_blk_config {
    struct blockfile *disk; /* owned by the device from here on, even if the creation fails */
    const char *serial;     /* at most 20 bytes go to the guest; NULL = none */
};

MUST_USE struct virtio *virtio_blk_create(const struct dev_env *env, const struct virtio_blk_config *cfg,
                                          struct err *e);

#endif
