/* SPDX-License-Identifier: MIT */
#include "dev/netdev.h"

#include "dev/netdev_slirp.h"

#include <errno.h>
#include <string.h>

struct netdev *netdev_open(const char *spec, const struct dev_env *env, struct err *e)
{
    size_t kind = strcspn(spec, ",");
    const char *opts = spec[kind] ? spec + kind + 1 : "";
    if (strncmp(spec, "type=", 5) == 0) {
        spec += 5;
        kind -= 5;
    }
    if (kind != 4 || strncmp(spec, "user", 4) != 0) {
        err_set(e, -EINVAL, "-netdev %.*s: this kind of network is not supported: give -netdev user,id=...", (int)kind,
                spec);
        return NULL;
    }
#ifdef VITRINE_SLIRP
    return netdev_slirp_create(opts, env, e);
#else
    (void)opts;
    (void)env;
    err_set(e, -ENOSYS, "-netdev user: this build has no user networking: install libslirp-dev and build again");
    return NULL;
#endif
}
