/* SPDX-License-Identifier: MIT */
/*
 * User networking: libslirp is a small router with DHCP, DNS and TFTP that turns the guest's packets into the host's sockets.
 *
 * It is driven from two sides: the guest's packets at the instruction that sends them, and the host's sockets in io_poll().
 * Its clock is the machine's. Frames for the guest wait in a ring until the card takes them.
 */
#ifdef VITRINE_SLIRP
#include "dev/netdev_slirp.h"

#include "dev/io.h"

#include <arpa/inet.h>
#include <errno.h>
#include <slirp/libslirp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { RX_FRAMES = 256, MAX_FORWARDS = 64, MAX_SEARCH = 16, NS_PER_TICK = 1000000000 / DEV_CLOCK_HZ };

struct frame {
    uint16_t len;
    uint8_t data[NETDEV_FRAME_MAX];
};

struct slirp_timer {
    SlirpTimerCb cb;
    void *opaque;
    int64_t expires; /* ms of the machine's clock; -1: not running */
    struct slirp_timer *next;
};

struct netdev_slirp {
    struct netdev net; /* first: the two are cast into each other */
    const struct dev_env *env;
    struct io_source source;
    Slirp *slirp;
    struct slirp_timer *timers;
    unsigned forwards;
    bool busy; /* it waits for a socket, or the guest sent something since it was last asked */
    unsigned rx_head, rx_count;
    struct frame rx[RX_FRAMES];
};

struct forward {
    bool udp;
    struct in_addr host, guest; /* guest 0: the first address that DHCP gives */
    int host_port, guest_port;
    const char *text;
};

/* The options as read; the strings point into text. */
struct slirp_opts {
    char *text;
    char id[64];
    bool restricted, ipv6, ipv4;
    struct in_addr net, mask, host, dhcp, dns;
    bool has_host, has_dhcp, has_dns;
    const char *tftp, *bootfile, *tftp_server, *hostname, *domain;
    const char *search[MAX_SEARCH + 1];
    unsigned nsearch;
    struct forward forward[MAX_FORWARDS];
    unsigned nforward;
};

static struct netdev_slirp *slirp_of(struct netdev *n)
{
    return (struct netdev_slirp *)n;
}

/* --- what libslirp calls --- */

static ssize_t cb_send_packet(const void *buf, size_t len, void *opaque)
{
    struct netdev_slirp *s = opaque;
    /* A ring that is full loses frames, as a busy network does; TCP sends again. */
    if (len == 0 || len > NETDEV_FRAME_MAX || s->rx_count == RX_FRAMES)
        return (ssize_t)len;
    struct frame *f = &s->rx[(s->rx_head + s->rx_count++) % RX_FRAMES];
    f->len = (uint16_t)len;
    memcpy(f->data, buf, len);
    return (ssize_t)len;
}

static void cb_guest_error(const char *msg, void *opaque)
{
    (void)msg; /* the guest's own fault, and nothing to tell the user about */
    (void)opaque;
}

static int64_t cb_clock_get_ns(void *opaque)
{
    const struct dev_clock *clock = ((struct netdev_slirp *)opaque)->env->clock;
    return (int64_t)(clock->now(clock->ctx) * NS_PER_TICK);
}

static void *cb_timer_new(SlirpTimerCb cb, void *cb_opaque, void *opaque)
{
    struct netdev_slirp *s = opaque;
    struct slirp_timer *t = calloc(1, sizeof *t);
    if (!t)
        return NULL;
    *t = (struct slirp_timer){cb, cb_opaque, -1, s->timers};
    s->timers = t;
    return t;
}

static void cb_timer_free(void *timer, void *opaque)
{
    struct netdev_slirp *s = opaque;
    for (struct slirp_timer **p = &s->timers; *p; p = &(*p)->next) {
        if (*p == timer) {
            *p = (*p)->next;
            free(timer);
            return;
        }
    }
}

static void cb_timer_mod(void *timer, int64_t expires, void *opaque)
{
    (void)opaque;
    if (timer)
        ((struct slirp_timer *)timer)->expires = expires;
}

static void cb_poll_fd(int fd, void *opaque)
{
    (void)fd; /* slirp_prepare() asks for the descriptors anew before each poll */
    (void)opaque;
}

static void cb_notify(void *opaque)
{
    (void)opaque; /* there is no other thread that sleeps */
}

static const SlirpCb callbacks = {
    .send_packet = cb_send_packet,
    .guest_error = cb_guest_error,
    .clock_get_ns = cb_clock_get_ns,
    .timer_new = cb_timer_new,
    .timer_free = cb_timer_free,
    .timer_mod = cb_timer_mod,
    .register_poll_fd = cb_poll_fd,
    .unregister_poll_fd = cb_poll_fd,
    .notify = cb_notify,
};

/* --- the card's side --- */

static void slirp_send(struct netdev *n, const void *frame, size_t len)
{
    slirp_of(n)->busy = true;
    slirp_input(slirp_of(n)->slirp, frame, (int)len);
}

static size_t slirp_waiting(struct netdev *n)
{
    const struct netdev_slirp *s = slirp_of(n);
    return s->rx_count ? s->rx[s->rx_head].len : 0;
}

static void slirp_receive(struct netdev *n, void *buf)
{
    struct netdev_slirp *s = slirp_of(n);
    if (!s->rx_count)
        return;
    memcpy(buf, s->rx[s->rx_head].data, s->rx[s->rx_head].len);
    s->rx_head = (s->rx_head + 1) % RX_FRAMES;
    s->rx_count--;
}

/* --- the host's side --- */

struct fill {
    struct io_pollset *set;
    bool any;
};

static int fill_add(int fd, int events, void *opaque)
{
    struct fill *f = opaque;
    short ev = 0;
    if (events & SLIRP_POLL_IN)
        ev |= POLLIN;
    if (events & SLIRP_POLL_OUT)
        ev |= POLLOUT;
    if (events & SLIRP_POLL_PRI)
        ev |= POLLPRI;
    f->any = true;
    return io_pollset_add(f->set, fd, ev);
}

static int fill_revents(int index, void *opaque)
{
    const struct io_pollset *set = opaque;
    short ev = io_pollset_revents(set, index);
    return (ev & POLLIN ? SLIRP_POLL_IN : 0) | (ev & POLLOUT ? SLIRP_POLL_OUT : 0) |
           (ev & POLLPRI ? SLIRP_POLL_PRI : 0) | (ev & POLLERR ? SLIRP_POLL_ERR : 0) |
           (ev & POLLHUP ? SLIRP_POLL_HUP : 0);
}

/* 4.9 has a second pair of these for Windows' sockets and warns of the first, which works everywhere else. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"

static void slirp_prepare(struct io_source *src, struct io_pollset *set)
{
    struct netdev_slirp *s = src->ctx;
    struct fill f = {.set = set};
    uint32_t timeout = UINT32_MAX;
    slirp_pollfds_fill(s->slirp, &timeout, fill_add, &f);
    s->busy = f.any;
    if (timeout <= INT32_MAX)
        io_pollset_timeout(set, (int)timeout);
}

static void slirp_dispatch(struct io_source *src, const struct io_pollset *set)
{
    struct netdev_slirp *s = src->ctx;
    slirp_pollfds_poll(s->slirp, set->error, fill_revents, (void *)set);
    int64_t now = cb_clock_get_ns(s) / 1000000;
    for (struct slirp_timer *t = s->timers, *next; t; t = next) {
        next = t->next;
        if (t->expires >= 0 && t->expires <= now) {
            t->expires = -1;
            t->cb(t->opaque);
        }
    }
    if (s->rx_count && s->net.ready)
        s->net.ready(s->net.ctx);
}
#pragma GCC diagnostic pop

static bool slirp_alive(struct io_source *src)
{
    const struct netdev_slirp *s = src->ctx;
    return s->forwards || s->busy || s->rx_count;
}

static bool slirp_live(struct netdev *n)
{
    return slirp_of(n)->busy;
}

static void slirp_free(struct netdev *n)
{
    struct netdev_slirp *s = slirp_of(n);
    if (s->slirp) {
        io_remove_source(s->env->io, &s->source);
        slirp_cleanup(s->slirp);
    }
    while (s->timers)
        cb_timer_free(s->timers, s);
    free(s);
}

static const struct netdev_ops slirp_ops = {
    .name = "user",
    .send = slirp_send,
    .waiting = slirp_waiting,
    .receive = slirp_receive,
    .free = slirp_free,
    .live = slirp_live,
};

/* --- options --- */

static bool parse_ip(const char *text, struct in_addr *out)
{
    return inet_pton(AF_INET, text, out) == 1;
}

/* 1..65535, or from 0 where the host may choose. */
static bool parse_port(const char *text, bool zero, int *port)
{
    char *end;
    errno = 0;
    unsigned long v = strtoul(text, &end, 10);
    if (text[0] < '0' || text[0] > '9' || *end || errno || v > 65535 || (v == 0 && !zero))
        return false;
    *port = (int)v;
    return true;
}

/* [tcp|udp]:[host address]:port-[guest address]:port */
static int parse_forward(char *val, struct forward *f, struct err *e)
{
    char copy[128];
    f->text = val;
    f->host.s_addr = htonl(INADDR_ANY);
    if ((size_t)snprintf(copy, sizeof copy, "%s", val) >= sizeof copy)
        goto bad;
    char *haddr = strchr(copy, ':'), *hport = haddr ? strchr(haddr + 1, ':') : NULL;
    char *gaddr = hport ? strchr(hport, '-') : NULL, *gport = gaddr ? strchr(gaddr, ':') : NULL;
    if (!gport)
        goto bad;
    *haddr++ = *hport++ = *gaddr++ = *gport++ = 0;
    f->udp = strcmp(copy, "udp") == 0;
    if (!f->udp && *copy && strcmp(copy, "tcp") != 0)
        goto bad;
    if ((*haddr && !parse_ip(haddr, &f->host)) || (*gaddr && !parse_ip(gaddr, &f->guest)))
        goto bad;
    if (parse_port(hport, true, &f->host_port) && parse_port(gport, false, &f->guest_port))
        return 0;
bad:
    return err_set(e, -EINVAL,
                   "-netdev user: hostfwd=%s: expected [tcp|udp]:[HOSTADDR]:PORT-[GUESTADDR]:PORT, e.g. tcp::2222-:22",
                   val);
}

static int parse_net(char *val, struct slirp_opts *o, struct err *e)
{
    char copy[64];
    int bits_set = 24;
    if ((size_t)snprintf(copy, sizeof copy, "%s", val) >= sizeof copy)
        goto bad;
    char *slash = strchr(copy, '/');
    if (slash)
        *slash++ = 0;
    if (!parse_ip(copy, &o->net))
        goto bad;
    if (slash && strchr(slash, '.')) {
        if (!parse_ip(slash, &o->mask))
            goto bad;
        uint32_t inverse = ~ntohl(o->mask.s_addr);
        if (inverse & (inverse + 1)) /* ones, then zeros */
            goto bad;
    } else {
        if (slash && (!parse_port(slash, false, &bits_set) || bits_set > 32))
            goto bad;
        o->mask.s_addr = htonl((uint32_t)(UINT64_C(0xffffffff) << (32 - bits_set)));
    }
    if (~ntohl(o->mask.s_addr) >= 31) /* room for the addresses .2, .3 and .15 */
        return 0;
    return err_set(e, -EINVAL, "-netdev user: net=%s: too small: give at most 27 bits of network", val);
bad:
    return err_set(e, -EINVAL, "-netdev user: net=%s: expected ADDRESS[/BITS], e.g. 10.0.2.0/24", val);
}

static int parse_bool(const char *key, const char *val, bool *out, struct err *e)
{
    static const char *const words[] = {"off", "on", "no", "yes", "false", "true", "n", "y"};
    for (unsigned i = 0; i < ARRAY_LEN(words); i++) {
        if (strcmp(val, words[i]) == 0) {
            *out = i & 1;
            return 0;
        }
    }
    return err_set(e, -EINVAL, "-netdev user: %s=%s: expected on or off", key, val);
}

static int parse_addr(const char *key, const char *val, struct in_addr *out, bool *has, struct err *e)
{
    *has = true;
    if (parse_ip(val, out))
        return 0;
    return err_set(e, -EINVAL, "-netdev user: %s=%s: expected an IPv4 address", key, val);
}

static int parse_option(struct slirp_opts *o, const char *key, char *val, struct err *e)
{
    const struct {
        const char *key;
        const char **out;
    } texts[] = {
        {"tftp", &o->tftp},         {"bootfile", &o->bootfile}, {"tftp-server-name", &o->tftp_server},
        {"hostname", &o->hostname}, {"domainname", &o->domain},
    };
    for (unsigned i = 0; i < ARRAY_LEN(texts); i++) {
        if (strcmp(key, texts[i].key) == 0) {
            *texts[i].out = val;
            return 0;
        }
    }
    if (strcmp(key, "id") == 0) {
        if ((size_t)snprintf(o->id, sizeof o->id, "%s", val) < sizeof o->id)
            return 0;
        return err_set(e, -EINVAL, "-netdev user: id=%s: longer than %zu characters", val, sizeof o->id - 1);
    }
    if (strcmp(key, "restrict") == 0)
        return parse_bool(key, val, &o->restricted, e);
    if (strcmp(key, "ipv4") == 0)
        return parse_bool(key, val, &o->ipv4, e);
    if (strcmp(key, "ipv6") == 0)
        return parse_bool(key, val, &o->ipv6, e);
    if (strcmp(key, "net") == 0)
        return parse_net(val, o, e);
    if (strcmp(key, "host") == 0)
        return parse_addr(key, val, &o->host, &o->has_host, e);
    if (strcmp(key, "dhcpstart") == 0)
        return parse_addr(key, val, &o->dhcp, &o->has_dhcp, e);
    if (strcmp(key, "dns") == 0)
        return parse_addr(key, val, &o->dns, &o->has_dns, e);
    if (strcmp(key, "dnssearch") == 0) {
        if (o->nsearch == MAX_SEARCH)
            return err_set(e, -EINVAL, "-netdev user: more than %d dnssearch=", MAX_SEARCH);
        o->search[o->nsearch++] = val;
        return 0;
    }
    if (strcmp(key, "hostfwd") == 0) {
        if (o->nforward == MAX_FORWARDS)
            return err_set(e, -EINVAL, "-netdev user: more than %d hostfwd=", MAX_FORWARDS);
        return parse_forward(val, &o->forward[o->nforward++], e);
    }
    return err_set(
        e, -EINVAL,
        "-netdev user: option %s is not supported: use id, net, host, dhcpstart, dns, dnssearch, domainname, hostname, "
        "restrict, hostfwd, tftp, bootfile, tftp-server-name, ipv4 or ipv6",
        key);
}

/* Cuts off the first option of *rest; two commas stand for one in a value, as in QEMU. */
static char *next_option(char **rest)
{
    char *start = *rest, *in = start, *out = start;
    while (*in && (in[0] != ',' || in[1] == ',')) {
        if (*in == ',')
            in++;
        *out++ = *in++;
    }
    *rest = *in ? in + 1 : in;
    *out = 0;
    return start;
}

static int parse_options(struct slirp_opts *o, const char *text, struct err *e)
{
    o->ipv4 = true;
    o->net.s_addr = htonl(0x0a000200);
    o->mask.s_addr = htonl(0xffffff00);
    o->text = strdup(text);
    if (!o->text)
        return err_set(e, -ENOMEM, "-netdev user: out of memory");
    for (char *rest = o->text; *rest;) {
        char *key = next_option(&rest), *val = strchr(key, '=');
        if (!*key)
            continue;
        if (!val)
            return err_set(e, -EINVAL, "-netdev user: %s: expected OPTION=VALUE", key);
        *val++ = 0;
        int r = parse_option(o, key, val, e);
        if (r)
            return r;
    }
    /* The router's, the DNS server's and the first guest's address, unless given: .2, .3 and .15 of the network. */
    uint32_t net = ntohl(o->net.s_addr & o->mask.s_addr), mask = ntohl(o->mask.s_addr);
    o->net.s_addr = htonl(net);
    struct {
        const char *key;
        bool has;
        struct in_addr *a;
        uint32_t low;
    } hosts[] = {
        {"host", o->has_host, &o->host, 2}, {"dns", o->has_dns, &o->dns, 3}, {"dhcpstart", o->has_dhcp, &o->dhcp, 15}};
    for (unsigned i = 0; i < ARRAY_LEN(hosts); i++) {
        char ip[INET_ADDRSTRLEN];
        if (!hosts[i].has)
            hosts[i].a->s_addr = htonl(net | hosts[i].low);
        uint32_t a = ntohl(hosts[i].a->s_addr);
        if ((a & mask) != net || (a & ~mask) == 0 || (a & ~mask) == ~mask) {
            inet_ntop(AF_INET, hosts[i].a, ip, sizeof ip);
            return err_set(e, -EINVAL, "-netdev user: %s=%s: not a host of the network that net= gives", hosts[i].key,
                           ip);
        }
    }
    if (o->host.s_addr == o->dns.s_addr)
        return err_set(e, -EINVAL, "-netdev user: host= and dns= are the same address");
    if (!o->ipv4 && !o->ipv6)
        return err_set(e, -EINVAL, "-netdev user: ipv4=off and ipv6=off leave nothing");
    if (!o->ipv4 && o->nforward)
        return err_set(e, -EINVAL, "-netdev user: hostfwd= needs ipv4=on");
    return 0;
}

/* --- creation --- */

static int start_slirp(struct netdev_slirp *s, const struct slirp_opts *o, struct err *e)
{
    SlirpConfig cfg = {
        .version = 1, /* the oldest: all that is needed, and every 4.x library takes it */
        .restricted = o->restricted,
        .in_enabled = o->ipv4,
        .vnetwork = o->net,
        .vnetmask = o->mask,
        .vhost = o->host,
        .in6_enabled = o->ipv6,
        .vprefix_len = 64,
        .vhostname = o->hostname,
        .tftp_server_name = o->tftp_server,
        .tftp_path = o->tftp,
        .bootfile = o->bootfile,
        .vdhcp_start = o->dhcp,
        .vnameserver = o->dns,
        .vdnssearch = o->nsearch ? (const char **)(uintptr_t)o->search : NULL,
        .vdomainname = o->domain,
    };
    inet_pton(AF_INET6, "fec0::", &cfg.vprefix_addr6);
    inet_pton(AF_INET6, "fec0::2", &cfg.vhost6);
    inet_pton(AF_INET6, "fec0::3", &cfg.vnameserver6);
    s->slirp = slirp_new(&cfg, &callbacks, s);
    if (!s->slirp)
        return err_set(e, -EINVAL, "-netdev user: libslirp %s does not accept these options", slirp_version_string());
    s->source =
        (struct io_source){.prepare = slirp_prepare, .dispatch = slirp_dispatch, .alive = slirp_alive, .ctx = s};
    io_add_source(s->env->io, &s->source);
    for (unsigned i = 0; i < o->nforward; i++) {
        const struct forward *f = &o->forward[i];
        if (slirp_add_hostfwd(s->slirp, f->udp, f->host, f->host_port, f->guest, f->guest_port) < 0)
            return err_set(e, -EADDRINUSE, "-netdev user: hostfwd=%s: cannot listen on port %d of this host: %s",
                           f->text, f->host_port, strerror(errno));
        s->forwards++;
    }
    return 0;
}

struct netdev *netdev_slirp_create(const char *opts, const struct dev_env *env, struct err *e)
{
    struct slirp_opts *o = calloc(1, sizeof *o);
    struct netdev_slirp *s = calloc(1, sizeof *s);
    int r = -ENOMEM;
    if (o && s) {
        s->net.ops = &slirp_ops;
        s->env = env;
        r = parse_options(o, opts, e);
        if (!r)
            r = start_slirp(s, o, e);
        memcpy(s->net.id, o->id, sizeof s->net.id);
    } else {
        err_set(e, r, "-netdev user: out of memory");
    }
    if (r && s) {
        slirp_free(&s->net);
        s = NULL;
    }
    if (o)
        free(o->text); /* libslirp keeps copies */
    free(o);
    return s ? &s->net : NULL;
}
#endif
