/* SPDX-License-Identifier: MIT */
/* User networking through libslirp; netdev_open() is the way in. */
#ifndef VITRINE_NETDEV_SLIRP_H
#define VITRINE_NETDEV_SLIRP_H

#include "dev/netdev.h"

/* opts: what follows "user", e.g. "id=n0,hostfwd=tcp::2222-:22". */
MUST_USE struct netdev *netdev_slirp_create(const char *opts, const struct dev_env *env, struct err *e);

#endif
