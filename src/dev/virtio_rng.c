/* SPDX-License-Identifier: MIT */
#include "dev/virtio_rng.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

enum {
    RNG_QUEUE_SIZE = 8,
    RNG_CHUNK = 256,            /* getrandom() gives this much in one piece */
    RNG_REQUEST_MAX = 64 << 10, /* the device may give less than it was asked for (5.4.6) */
};

struct virtio_rng {
    struct virtio v; /* first: the two are cast into each other */
    bool host;
    uint64_t seed;
    uint64_t state[4];
};

static struct virtio_rng *rng_of(struct virtio *v)
{
    return (struct virtio_rng *)v;
}

static uint64_t rotl(uint64_t x, unsigned n)
{
    return x << n | x >> (64 - n);
}

/* xoshiro256** 1.0 (Blackman, Vigna) */
static uint64_t rng_next(uint64_t s[4])
{
    uint64_t result = rotl(s[1] * 5, 7) * 9, t = s[1] << 17;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = rotl(s[3], 45);
    return result;
}

/* The state must not be all zeros: SplitMix64 spreads the seed over it, as the generator's authors advise. */
static void rng_seed(struct virtio_rng *r)
{
    uint64_t x = r->seed;
    for (unsigned i = 0; i < 4; i++) {
        uint64_t z = x += 0x9e3779b97f4a7c15;
        z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
        z = (z ^ z >> 27) * 0x94d049bb133111eb;
        r->state[i] = z ^ z >> 31;
    }
}

static uint32_t rng_fill(struct virtio_rng *r, uint8_t *buf, uint32_t len)
{
    if (r->host) {
        ssize_t n = getrandom(buf, len, GRND_NONBLOCK);
        return n < 0 ? 0 : (uint32_t)n;
    }
    for (uint32_t i = 0; i < len; i += 8) {
        uint64_t word = rng_next(r->state);
        memcpy(buf + i, &word, min_u64(8, len - i));
    }
    return len;
}

static bool rng_request(struct virtio *v, unsigned q, const struct virtio_chain *c, uint32_t *written)
{
    (void)q;
    struct virtio_cursor out = virtio_writer(c);
    uint8_t buf[RNG_CHUNK];
    while (out.left && *written < RNG_REQUEST_MAX) {
        uint32_t n = rng_fill(rng_of(v), buf, (uint32_t)min_u64(out.left, sizeof buf));
        if (n == 0)
            break;
        if (!virtio_put(v, &out, buf, n))
            return false;
        *written += n;
    }
    return true;
}

static void rng_visit(struct virtio *v, struct visitor *vis)
{
    struct virtio_rng *r = rng_of(v);
    VISIT_ARRAY(vis, r, state);
}

static void rng_free(struct virtio *v)
{
    free(rng_of(v));
}

/* The generator runs on across resets: a driver that comes back must not get the same bytes again. */
static const struct virtio_class virtio_rng_class = {
    .name = "virtio-rng",
    .device_id = VIRTIO_ID_RNG,
    .nqueues = 1,
    .queue_size = RNG_QUEUE_SIZE,
    .request = rng_request,
    .visit = rng_visit,
    .free = rng_free,
};

struct virtio *virtio_rng_create(const struct dev_env *env, const struct virtio_rng_config *cfg, struct err *e)
{
    struct virtio_rng *r = calloc(1, sizeof *r);
    if (!r) {
        err_set(e, -ENOMEM, "virtio-rng: out of memory");
        return NULL;
    }
    r->host = cfg->host;
    r->seed = cfg->seed;
    rng_seed(r);
    virtio_init(&r->v, &virtio_rng_class, env);
    return &r->v;
}
