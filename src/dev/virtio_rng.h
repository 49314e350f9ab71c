/* SPDX-License-Identifier: MIT */
/* A virtio entropy source (virtio 1.2, section 5.4). */
#ifndef VITRINE_VIRTIO_RNG_H
#define VITRINE_VIRTIO_RNG_H

#include "dev/virtio.h"

struct virtio_rng_config {
    bool host;     /* the host's getrandom(); otherwise a generator, so that the same run gives the same bytes */
    uint64_t seed; /* of the generator; which is no secret and good for no keys that matter */
};

MUST_USE struct virtio *virtio_rng_create(const struct dev_env *env, const struct virtio_rng_config *cfg,
                                          struct err *e);

#endif
