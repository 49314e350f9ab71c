/* SPDX-License-Identifier: MIT */
/* A virtio console with one port (virtio 1.2, section 5.3). */
#ifndef VITRINE_VIRTIO_CONSOLE_H
#define VITRINE_VIRTIO_CONSOLE_H

#include "dev/virtio.h"

struct chardev;

struct virtio_console_config {
    struct chardev *chr; /* must outlive the device, which becomes its handler; NULL = nothing is connected */
    uint16_t cols, rows; /* told to the guest unless both are 0 */
};

MUST_USE struct virtio *virtio_console_create(const struct dev_env *env, const struct virtio_console_config *cfg,
                                              struct err *e);

#endif
