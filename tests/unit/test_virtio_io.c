/* SPDX-License-Identifier: MIT */
/* The virtio devices that reach outside: console, entropy, network card; and user networking behind the last. */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "dev/chardev.h"
#include "dev/io.h"
#include "dev/virtio_console.h"
#include "dev/virtio_net.h"
#include "dev/virtio_rng.h"
#include "virtio_rig.h"

Suite *virtio_io_suite(void);

#define VERSION_1 BIT(32)
enum { RX = 0, TX = 1 };

/* One buffer for the device to read (text), as descriptor d. */
static void give_text(struct rig *r, unsigned q, unsigned d, const void *text, uint32_t len)
{
    uint64_t at = RIG_BUF + 0x10000 + d * 0x2000u;
    rig_store(r, at, text, len);
    rig_desc(r, q, d, at, len, 0, 0);
    rig_offer(r, q, (uint16_t)d);
}

/* One buffer for the device to fill, as descriptor d. */
static void give_room(struct rig *r, unsigned q, unsigned d, uint32_t len)
{
    rig_desc(r, q, d, RIG_BUF + d * 0x800u, len, D_WRITE, 0);
    rig_offer(r, q, (uint16_t)d);
}

/* --- console --- */

static struct rig *console_rig(struct chardev **chr, uint16_t cols)
{
    struct rig *r = rig_new(NULL);
    struct err e = {""};
    *chr = chardev_memory_new(NULL);
    ck_assert_ptr_nonnull(*chr);
    struct virtio_console_config cfg = {*chr, cols, cols ? 25 : 0};
    struct virtio *v = virtio_console_create(&r->env, &cfg, &e);
    ck_assert_msg(v != NULL, "%s", e.text);
    rig_plug(r, v);
    return r;
}

START_TEST(console_output)
{
    struct chardev *chr;
    struct rig *r = console_rig(&chr, 80);
    uint32_t id, len;
    ck_assert_uint_eq(get32(r, 8), 3);
    ck_assert(rig_features(r) & 1);
    ck_assert_uint_eq(get32(r, 0x100), 80 | 25 << 16);
    ck_assert_uint_eq(get32(r, 0x104), 1);
    set32(r, 0x108, '!'); /* emerg_wr, before any negotiation */
    rig_start(r, VERSION_1, 2);
    give_text(r, TX, 0, "hello ", 6);
    give_text(r, TX, 1, "world\n", 6);
    rig_kick(r, TX);
    ck_assert_str_eq(chardev_memory_output(chr, NULL), "!hello world\n");
    ck_assert(rig_used(r, TX, &id, &len) && id == 0 && len == 0);
    ck_assert(rig_used(r, TX, &id, &len) && id == 1);
    ck_assert(r->irq);
    rig_free(r);
    chardev_free(chr);
}
END_TEST

START_TEST(console_slow_host)
{
    struct chardev *chr;
    struct rig *r = console_rig(&chr, 0);
    uint32_t id, len;
    char text[7000];
    ck_assert(!(rig_features(r) & 1));
    for (unsigned i = 0; i < sizeof text; i++)
        text[i] = (char)('a' + i % 26);
    rig_start(r, VERSION_1, 2);
    chardev_memory_allow(chr, 500);
    give_text(r, TX, 0, text, sizeof text);
    give_text(r, TX, 1, "end", 3);
    rig_kick(r, TX);
    ck_assert(!rig_used(r, TX, &id, &len));
    ck_assert(!r->irq);
    rig_kick(r, TX); /* a second notification must not write anything twice */
    chardev_memory_allow(chr, 1000);
    ck_assert(!rig_used(r, TX, &id, &len));
    chardev_memory_allow(chr, SIZE_MAX);
    ck_assert(rig_used(r, TX, &id, &len) && id == 0);
    ck_assert(rig_used(r, TX, &id, &len) && id == 1);
    ck_assert(r->irq);
    size_t n;
    const char *out = chardev_memory_output(chr, &n);
    ck_assert_uint_eq(n, sizeof text + 3);
    ck_assert_mem_eq(out, text, sizeof text);
    ck_assert_mem_eq(out + sizeof text, "end", 3);
    rig_free(r);
    chardev_free(chr);
}
END_TEST

/* The driver may take back and change what the device has not used: less than what was written already must do no harm. */
START_TEST(console_shrinking_buffer)
{
    struct chardev *chr;
    struct rig *r = console_rig(&chr, 0);
    uint32_t id, len;
    char text[7000];
    memset(text, 'x', sizeof text);
    rig_start(r, VERSION_1, 2);
    chardev_memory_allow(chr, 100);
    give_text(r, TX, 0, text, sizeof text);
    rig_kick(r, TX);
    ck_assert(!rig_used(r, TX, &id, &len));
    rig_desc(r, TX, 0, RIG_BUF, 10, 0, 0);
    chardev_memory_allow(chr, SIZE_MAX);
    ck_assert(rig_used(r, TX, &id, &len) && id == 0);
    ck_assert(!rig_needs_reset(r));
    rig_free(r);
    chardev_free(chr);
}
END_TEST

START_TEST(console_input)
{
    struct chardev *chr;
    struct rig *r = console_rig(&chr, 0);
    uint32_t id, len;
    char buf[32];
    ck_assert_uint_eq(chardev_memory_feed(chr, "early", 5), 5);
    rig_start(r, VERSION_1, 2);
    give_room(r, RX, 0, 3);
    rig_kick(r, RX);
    ck_assert(rig_used(r, RX, &id, &len) && id == 0 && len == 3);
    ck_assert(r->irq);
    set32(r, 0x64, 1);
    give_room(r, RX, 1, 16);
    give_room(r, RX, 2, 16);
    rig_kick(r, RX);
    ck_assert(rig_used(r, RX, &id, &len) && id == 1 && len == 2);
    ck_assert(!rig_used(r, RX, &id, &len));
    set32(r, 0x64, 1);
    chardev_memory_feed(chr, "late", 4);
    ck_assert(rig_used(r, RX, &id, &len) && id == 2 && len == 4);
    ck_assert(r->irq);
    rig_load(r, RIG_BUF, buf, 3);
    rig_load(r, RIG_BUF + 0x800, buf + 3, 2);
    rig_load(r, RIG_BUF + 0x1000, buf + 5, 4);
    ck_assert_mem_eq(buf, "earlylate", 9);
    rig_free(r);
    chardev_free(chr);
}
END_TEST

/* --- entropy --- */

static void rng_bytes(struct rig *r, uint8_t out[64])
{
    uint32_t id, len;
    give_room(r, 0, 0, 64);
    rig_kick(r, 0);
    ck_assert(rig_used(r, 0, &id, &len));
    ck_assert_uint_eq(len, 64);
    rig_load(r, RIG_BUF, out, 64);
}

static struct rig *rng_rig(bool host, uint64_t seed)
{
    struct rig *r = rig_new(NULL);
    struct err e = {""};
    rig_plug(r, virtio_rng_create(&r->env, &(struct virtio_rng_config){host, seed}, &e));
    rig_start(r, VERSION_1, 1);
    return r;
}

START_TEST(rng)
{
    uint8_t a[64], b[64], c[64], d[64];
    struct rig *r = rng_rig(false, 1);
    ck_assert_uint_eq(get32(r, 8), 4);
    rng_bytes(r, a);
    rng_bytes(r, b);
    ck_assert_mem_ne(a, b, 64);
    rig_start(r, VERSION_1, 1);
    rng_bytes(r, b);
    ck_assert_mem_ne(a, b, 64); /* nor the same after a reset by the driver */
    rig_free(r);
    r = rng_rig(false, 1);
    rng_bytes(r, b);
    ck_assert_mem_eq(a, b, 64); /* the same seed, the same bytes */
    rig_free(r);
    r = rng_rig(false, 2);
    rng_bytes(r, c);
    ck_assert_mem_ne(a, c, 64);
    rig_free(r);
    r = rng_rig(true, 1);
    rng_bytes(r, c);
    rng_bytes(r, d);
    ck_assert_mem_ne(a, c, 64);
    ck_assert_mem_ne(c, d, 64);
    rig_free(r);
}
END_TEST

/* Four chains of almost 4 GiB each over the same memory: short answers, and at once. */
START_TEST(rng_greedy_driver)
{
    struct rig *r = rng_rig(false, 1);
    uint32_t id, len;
    rig_desc(r, 0, 0, RIG_BUF, 0x70000, D_WRITE, 0);
    rig_offer(r, 0, 0);
    rig_kick(r, 0);
    ck_assert(rig_used(r, 0, &id, &len));
    ck_assert_uint_eq(len, 65536);
    rig_desc(r, 0, 0, RIG_BUF, 0xffffffff, D_WRITE, 0); /* ends outside memory, but the answer does not */
    rig_offer(r, 0, 0);
    rig_kick(r, 0);
    ck_assert(rig_used(r, 0, &id, &len));
    ck_assert_uint_eq(len, 65536);
    rig_free(r);
}
END_TEST

/* --- network card, with a cable whose far end sends everything back --- */

struct loopback {
    struct netdev net;
    unsigned count;
    struct {
        size_t len;
        uint8_t data[NETDEV_FRAME_MAX];
    } frame[16];
};

static void loop_send(struct netdev *n, const void *frame, size_t len)
{
    struct loopback *l = (struct loopback *)n;
    ck_assert_uint_le(len, NETDEV_FRAME_MAX);
    ck_assert_uint_lt(l->count, 16);
    l->frame[l->count].len = len;
    memcpy(l->frame[l->count++].data, frame, len);
}
static size_t loop_waiting(struct netdev *n)
{
    struct loopback *l = (struct loopback *)n;
    return l->count ? l->frame[0].len : 0;
}
static void loop_receive(struct netdev *n, void *buf)
{
    struct loopback *l = (struct loopback *)n;
    memcpy(buf, l->frame[0].data, l->frame[0].len);
    memmove(l->frame, l->frame + 1, --l->count * sizeof l->frame[0]);
}
static const struct netdev_ops loop_ops = {
    .name = "loop", .send = loop_send, .waiting = loop_waiting, .receive = loop_receive};

static const uint8_t mac[6] = {0x52, 0x54, 0, 0x12, 0x34, 0x56};

static struct rig *net_rig(struct netdev *n, struct io_loop *io)
{
    struct rig *r = rig_new(io);
    struct err e = {""};
    struct virtio_net_config cfg = {.net = n};
    memcpy(cfg.mac, mac, 6);
    rig_plug(r, virtio_net_create(&r->env, &cfg, &e));
    return r;
}

/* A frame of len bytes, as descriptor d, behind a header of hdr bytes. */
static void net_send(struct rig *r, unsigned d, const void *frame, uint32_t len, uint32_t hdr)
{
    uint8_t buf[2048] = {0};
    memcpy(buf + hdr, frame, len);
    give_text(r, TX, d, buf, hdr + len);
    rig_kick(r, TX);
}

START_TEST(net_loopback)
{
    struct loopback l = {.net = {.ops = &loop_ops}};
    struct rig *r = net_rig(&l.net, NULL);
    uint32_t hdr = _i ? 10 : 12, id, len; /* without VERSION_1 num_buffers is absent */
    uint8_t frame[NETDEV_FRAME_MAX + 1], back[2048];
    ck_assert_uint_eq(get32(r, 8), 1);
    for (unsigned i = 0; i < 6; i++)
        ck_assert_uint_eq(rig_read(r, 0x100 + i, 1), mac[i]);
    ck_assert_uint_eq(rig_read(r, 0x106, 2), 1); /* link up */
    ck_assert_uint_eq(rig_features(r) & 0xffffffffff, VERSION_1 | BIT(28) | BIT(29) | BIT(5) | BIT(16));
    rig_start(r, (_i ? 0 : VERSION_1) | BIT(5), 2);
    for (unsigned i = 0; i < sizeof frame; i++)
        frame[i] = (uint8_t)(i * 11);
    give_room(r, RX, 0, 1600);
    rig_kick(r, RX);
    ck_assert(!rig_used(r, RX, &id, &len));
    net_send(r, 0, frame, 1000, hdr);
    ck_assert(rig_used(r, TX, &id, &len) && len == 0);
    ck_assert(virtio_mmio_class.deadline(r->slot) == 0); /* the answer comes with the next turn */
    virtio_mmio_class.run(r->slot);
    ck_assert(rig_used(r, RX, &id, &len));
    ck_assert_uint_eq(len, hdr + 1000);
    rig_load(r, RIG_BUF, back, len);
    ck_assert_mem_eq(back + hdr, frame, 1000);
    ck_assert_uint_eq(back[0] | back[1], 0);
    if (!_i)
        ck_assert_uint_eq(back[10] | back[11] << 8, 1);

    /* no room: the frame waits; too little room: it is lost and the buffer stays */
    net_send(r, 0, frame, 60, hdr);
    virtio_mmio_class.run(r->slot);
    ck_assert(!rig_used(r, RX, &id, &len));
    ck_assert_uint_eq(l.count, 1);
    give_room(r, RX, 1, hdr + 59);
    rig_kick(r, RX);
    ck_assert(!rig_used(r, RX, &id, &len));
    ck_assert_uint_eq(l.count, 0);
    net_send(r, 0, frame, 59, hdr);
    virtio_mmio_class.run(r->slot);
    ck_assert(rig_used(r, RX, &id, &len) && id == 1 && len == hdr + 59);

    /* longest, too long, empty */
    net_send(r, 0, frame, NETDEV_FRAME_MAX, hdr);
    ck_assert_uint_eq(l.count, 1);
    net_send(r, 0, frame, NETDEV_FRAME_MAX + 1, hdr);
    net_send(r, 0, frame, 0, hdr);
    ck_assert_uint_eq(l.count, 1);
    ck_assert(!rig_needs_reset(r));
    give_text(r, TX, 0, frame, hdr - 1); /* not even a header */
    rig_kick(r, TX);
    ck_assert(rig_needs_reset(r));
    rig_free(r);
}
END_TEST

START_TEST(net_without_cable)
{
    struct rig *r = net_rig(NULL, NULL);
    uint32_t id, len;
    ck_assert_uint_eq(rig_read(r, 0x106, 2), 0);
    rig_start(r, VERSION_1, 2);
    net_send(r, 0, "frame", 5, 12);
    ck_assert(rig_used(r, TX, &id, &len));
    rig_free(r);
}
END_TEST

#ifdef VITRINE_SLIRP
/* --- user networking --- */

struct wire {
    uint8_t b[1600];
    unsigned n;
};
static void put(struct wire *w, const void *p, unsigned n)
{
    memcpy(w->b + w->n, p, n);
    w->n += n;
}
static void put8(struct wire *w, unsigned v)
{
    w->b[w->n++] = (uint8_t)v;
}
static void put16(struct wire *w, unsigned v)
{
    put8(w, v >> 8);
    put8(w, v & 0xff);
}
static void put_ip(struct wire *w, const char *ip)
{
    uint32_t a;
    ck_assert_int_eq(inet_pton(AF_INET, ip, &a), 1);
    put(w, &a, 4);
}
static void put_ethernet(struct wire *w, unsigned type)
{
    static const uint8_t all[6] = {255, 255, 255, 255, 255, 255};
    put(w, all, 6);
    put(w, mac, 6);
    put16(w, type);
}

static uint16_t checksum(const uint8_t *p, unsigned n)
{
    uint32_t sum = 0;
    for (unsigned i = 0; i < n; i += 2)
        sum += (uint32_t)p[i] << 8 | p[i + 1];
    while (sum >> 16)
        sum = (sum & 0xffff) + (sum >> 16);
    return (uint16_t)~sum;
}

/* An IPv4 UDP packet around payload. */
static void put_udp(struct wire *w, const char *from, const char *to, unsigned sport, unsigned dport,
                    const struct wire *payload)
{
    put_ethernet(w, 0x0800);
    unsigned ip = w->n;
    put16(w, 0x4500);
    put16(w, 28 + payload->n);
    put16(w, 1);
    put16(w, 0);
    put16(w, 64 << 8 | 17);
    put16(w, 0);
    put_ip(w, from);
    put_ip(w, to);
    uint16_t sum = checksum(w->b + ip, 20);
    w->b[ip + 10] = (uint8_t)(sum >> 8);
    w->b[ip + 11] = (uint8_t)sum;
    put16(w, sport);
    put16(w, dport);
    put16(w, 8 + payload->n);
    put16(w, 0); /* no checksum */
    put(w, payload->b, payload->n);
}

/* Sends a frame and returns the answer that comes at once. */
static void exchange(struct rig *r, const struct wire *out, struct wire *in)
{
    uint32_t id, len;
    give_room(r, RX, 0, 1600);
    net_send(r, 0, out->b, out->n, 12);
    virtio_mmio_class.run(r->slot);
    ck_assert_msg(rig_used(r, RX, &id, &len), "no answer");
    ck_assert_uint_gt(len, 12);
    in->n = len - 12;
    rig_load(r, RIG_BUF + 12, in->b, in->n);
}

static struct rig *slirp_rig(struct io_loop **io, const char *spec, struct netdev **net)
{
    struct err e = {""};
    *io = io_loop_new();
    ck_assert_ptr_nonnull(*io);
    struct rig *r = rig_new(*io);
    *net = netdev_open(spec, &r->env, &e);
    ck_assert_msg(*net != NULL, "%s", e.text);
    struct virtio_net_config cfg = {.net = *net};
    memcpy(cfg.mac, mac, 6);
    rig_plug(r, virtio_net_create(&r->env, &cfg, &e));
    rig_start(r, VERSION_1, 2);
    return r;
}

static void slirp_done(struct rig *r, struct io_loop *io, struct netdev *net)
{
    virtio_mmio_class.free(r->slot);
    r->slot = NULL;
    netdev_free(net);
    rig_free(r);
    io_loop_free(io);
}

START_TEST(slirp_arp)
{
    struct io_loop *io;
    struct netdev *net;
    struct rig *r = slirp_rig(&io, "user,id=n0,net=192.168.7.0/24", &net);
    struct wire q = {.n = 0}, a;
    ck_assert_str_eq(net->id, "n0");
    put_ethernet(&q, 0x0806);
    put16(&q, 1);
    put16(&q, 0x0800);
    put16(&q, 0x0604);
    put16(&q, 1);
    put(&q, mac, 6);
    put_ip(&q, "192.168.7.15");
    put(&q, "\0\0\0\0\0\0", 6);
    put_ip(&q, "192.168.7.2");
    exchange(r, &q, &a);
    ck_assert_mem_eq(a.b, mac, 6);
    ck_assert_mem_eq(a.b + 12, "\x08\x06", 2);
    ck_assert_mem_eq(a.b + 20, "\0\x02", 2); /* a reply */
    ck_assert_mem_eq(a.b + 28, "\xc0\xa8\x07\x02", 4);
    slirp_done(r, io, net);
}
END_TEST

static void put_dhcp(struct wire *w, unsigned type)
{
    struct wire d = {.n = 0};
    put(&d, "\x01\x01\x06\x00\x12\x34\x56\x78", 8); /* request, Ethernet, xid */
    d.n = 28;
    put(&d, mac, 6);
    d.n = 236;
    put(&d, "\x63\x82\x53\x63\x35\x01", 6);
    put8(&d, type);
    if (type == 3) {
        put16(&d, 50 << 8 | 4);
        put_ip(&d, "10.0.2.15");
    }
    put8(&d, 255);
    d.n = 300;
    put_udp(w, "0.0.0.0", "255.255.255.255", 68, 67, &d);
}

START_TEST(slirp_dhcp)
{
    struct io_loop *io;
    struct netdev *net;
    struct rig *r = slirp_rig(&io, "user,id=n0,tftp=/nonexistent,bootfile=/boot,,x", &net);
    for (unsigned type = 1; type <= 3; type += 2) { /* discover -> offer, request -> ack */
        struct wire q = {.n = 0}, a;
        put_dhcp(&q, type);
        exchange(r, &q, &a);
        const uint8_t *bootp = a.b + 42;
        ck_assert_mem_eq(bootp + 4, "\x12\x34\x56\x78", 4);
        ck_assert_mem_eq(bootp + 16, "\x0a\x00\x02\x0f", 4); /* 10.0.2.15 */
        ck_assert_str_eq((const char *)bootp + 108, "/boot,x");
        ck_assert_uint_eq(bootp[242], type == 1 ? 2 : 5);
    }
    slirp_done(r, io, net);
}
END_TEST

/* A datagram from the host comes in through hostfwd, and the guest's answer goes back. */
START_TEST(slirp_hostfwd)
{
    struct io_loop *io;
    struct netdev *net;
    int sock = socket(AF_INET, SOCK_DGRAM, 0);
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t sl = sizeof to;
    char spec[100], buf[16];
    uint32_t id, len;
    /* a port that was free a moment ago */
    ck_assert_int_eq(bind(sock, (struct sockaddr *)&to, sizeof to), 0);
    ck_assert_int_eq(getsockname(sock, (struct sockaddr *)&to, &sl), 0);
    close(sock);
    snprintf(spec, sizeof spec, "user,id=n0,hostfwd=udp:127.0.0.1:%u-:7", ntohs(to.sin_port));
    struct rig *r = slirp_rig(&io, spec, &net);
    ck_assert(io_can_progress(io));
    struct wire q = {.n = 0}, a = {.n = 0}, w;
    put_dhcp(&q, 1);
    exchange(r, &q, &a);
    q.n = 0;
    put_dhcp(&q, 3);
    exchange(r, &q, &a);

    sock = socket(AF_INET, SOCK_DGRAM, 0);
    ck_assert_int_eq(sendto(sock, "ping", 4, 0, (struct sockaddr *)&to, sizeof to), 4);
    give_room(r, RX, 0, 1600);
    rig_kick(r, RX);
    for (unsigned i = 0; i < 100 && !rig_used(r, RX, &id, &len); i++)
        io_poll(io, 100);
    rig_load(r, RIG_BUF + 12, w.b, 300);
    if (w.b[12] == 8 && w.b[13] == 6) { /* the router asks who has 10.0.2.15 */
        struct wire arp = {.n = 0};
        put_ethernet(&arp, 0x0806);
        put(&arp, "\0\x01\x08\0\x06\x04\0\x02", 8);
        put(&arp, mac, 6);
        put(&arp, w.b + 38, 4);
        put(&arp, w.b + 22, 10);
        exchange(r, &arp, &w);
    }
    ck_assert_mem_eq(w.b + 12, "\x08\x00", 2);
    ck_assert_uint_eq(w.b[23], 17);
    ck_assert_mem_eq(w.b + 36, "\0\x07", 2);
    ck_assert_mem_eq(w.b + 42, "ping", 4);

    struct wire pong = {.n = 0}, payload = {.n = 0};
    char peer[INET_ADDRSTRLEN];
    inet_ntop(AF_INET, w.b + 26, peer, sizeof peer);
    put(&payload, "pong", 4);
    put_udp(&pong, "10.0.2.15", peer, 7, (unsigned)w.b[34] << 8 | w.b[35], &payload);
    net_send(r, 0, pong.b, pong.n, 12);
    for (unsigned i = 0; i < 100 && recv(sock, buf, sizeof buf, MSG_DONTWAIT) != 4; i++)
        io_poll(io, 20);
    ck_assert_mem_eq(buf, "pong", 4);
    close(sock);
    slirp_done(r, io, net);
}
END_TEST

START_TEST(slirp_bad_options)
{
    static const struct {
        const char *spec, *word;
    } cases[] = {
        {"tap,id=n0", "-netdev tap"},
        {"user,id=n0,nonsense=1", "option nonsense"},
        {"user,id", "OPTION=VALUE"},
        {"user,hostfwd=tcp::22", "hostfwd=tcp::22:"},
        {"user,hostfwd=sctp::1-:2", "expected [tcp|udp]"},
        {"user,hostfwd=tcp::99999-:2", "expected [tcp|udp]"},
        {"user,hostfwd=tcp::1-:0", "expected [tcp|udp]"},
        {"user,hostfwd=tcp:1.2.3:1-:2", "expected [tcp|udp]"},
        {"user,hostfwd=tcp::-1-:2", "expected [tcp|udp]"},
        {"user,hostfwd=tcp:192.0.2.1:2222-:22", "cannot listen"}, /* not an address of this host */
        {"user,net=10.0.2.0/33", "ADDRESS[/BITS]"},
        {"user,net=10.0.2.0/28", "too small"},
        {"user,net=10.0.2.0/255.0.255.0", "ADDRESS[/BITS]"},
        {"user,net=ten", "ADDRESS[/BITS]"},
        {"user,host=10.1.2.2", "not a host of the network"},
        {"user,dns=10.0.2.255", "not a host of the network"},
        {"user,dhcpstart=x", "IPv4"},
        {"user,restrict=maybe", "on or off"},
        {"user,host=10.0.2.3", "same address"},
        {"user,ipv4=off", "leave nothing"},
    };
    struct io_loop *io = io_loop_new();
    struct rig *r = rig_new(io);
    for (unsigned i = 0; i < ARRAY_LEN(cases); i++) {
        struct err e = {""};
        struct netdev *n = netdev_open(cases[i].spec, &r->env, &e);
        ck_assert_msg(n == NULL, "%s was accepted", cases[i].spec);
        ck_assert_msg(strstr(e.text, cases[i].word) != NULL, "%s: \"%s\"", cases[i].spec, e.text);
    }
    rig_plug(r, NULL);
    rig_free(r);
    io_loop_free(io);
}
END_TEST
#endif

Suite *virtio_io_suite(void)
{
    Suite *s = suite_create("virtio_io");
    TCase *t = tcase_create("console, rng, net");
    tcase_set_timeout(t, 30);
    tcase_add_test(t, console_output);
    tcase_add_test(t, console_slow_host);
    tcase_add_test(t, console_shrinking_buffer);
    tcase_add_test(t, console_input);
    tcase_add_test(t, rng);
    tcase_add_test(t, rng_greedy_driver);
    tcase_add_loop_test(t, net_loopback, 0, 2);
    tcase_add_test(t, net_without_cable);
#ifdef VITRINE_SLIRP
    tcase_add_test(t, slirp_arp);
    tcase_add_test(t, slirp_dhcp);
    tcase_add_test(t, slirp_hostfwd);
    tcase_add_test(t, slirp_bad_options);
#endif
    suite_add_tcase(s, t);
    return s;
}
