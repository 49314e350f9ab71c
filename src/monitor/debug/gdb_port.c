/* SPDX-License-Identifier: MIT */
/* The gdb stub's way to its client: a socket that listens, or standard input and output. Both directions have a buffer of fixed size; while the
 * one to the client is full, nothing that it sends is acted on. */
#include "monitor/debug/gdb_int.h"

#include "base/text.h"
#include "dev/io.h"
#include "machine_int.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum {
    RX_SIZE = 4096,
    TX_LOW = 65536,                                              /* more than that waits: the client reads no more */
    TX_SIZE = TX_LOW + 2 * sizeof(((struct gdb_wire *)0)->last), /* one answer more, and one asked for again */
    PATIENCE_MS = 5000
};

struct gdb_port {
    struct gdb *g;
    struct io_loop *loop;
    struct io_source source;
    int listen_fd; /* -1: standard input and output */
    int in_fd, out_fd;
    int listen_index, in_index, out_index;
    bool eof; /* the client sends no more */
    char where[160];
    char unlink_path[sizeof(((struct sockaddr_un *)0)->sun_path) + 1];
    size_t rx_start, rx_len, tx_start, tx_len;
    uint8_t rx[RX_SIZE], tx[TX_SIZE];
};

/* ---- To the client ---- */

/* How many bytes the host took, 0: none now, -1: never again. */
static ssize_t host_write(struct gdb_port *p, const uint8_t *buf, size_t n)
{
    ssize_t r = send(p->out_fd, buf, n, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (r < 0 && errno == ENOTSOCK) {
        struct pollfd pfd = {.fd = p->out_fd, .events = POLLOUT};
        if (poll(&pfd, 1, 0) != 1)
            return 0;
        r = write(p->out_fd, buf, min_u64(n, 512)); /* a pipe with room takes that whole */
    }
    if (r < 0)
        return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR ? 0 : -1;
    return r;
}

static void flush(struct gdb_port *p)
{
    while (p->tx_len && p->out_fd >= 0) {
        ssize_t r = host_write(p, p->tx + p->tx_start, p->tx_len);
        if (r < 0) {
            p->tx_len = 0;
            p->rx_len = 0;
            p->eof = true; /* gdb_port_pump() hangs up */
        }
        if (r <= 0)
            return;
        p->tx_start += (size_t)r;
        p->tx_len -= (size_t)r;
    }
    p->tx_start = 0;
}

void gdb_port_flush(struct gdb *g, bool wait)
{
    struct gdb_port *p = g->port;
    if (!p)
        return;
    flush(p);
    while (wait && p->tx_len > TX_LOW) {
        struct pollfd pfd[2] = {{.fd = p->out_fd, .events = POLLOUT}, {.fd = io_wake_fd(p->loop), .events = POLLIN}};
        size_t before = p->tx_len;
        int n = poll(pfd, 2, PATIENCE_MS);
        flush(p);
        if (p->tx_len == before && (n <= 0 || pfd[1].revents)) {
            gdb_port_hang_up(g);
            return;
        }
    }
}

static void port_send(void *ctx, const void *buf, size_t len)
{
    struct gdb_port *p = ctx;
    if (p->out_fd < 0 || p->eof)
        return;
    if (p->tx_start && p->tx_start + p->tx_len + len > sizeof p->tx) {
        memmove(p->tx, p->tx + p->tx_start, p->tx_len);
        p->tx_start = 0;
    }
    if (p->tx_start + p->tx_len + len > sizeof p->tx) { /* not while gdb_port_pump() watches over it */
        gdb_port_hang_up(p->g);
        return;
    }
    memcpy(p->tx + p->tx_start + p->tx_len, buf, len);
    p->tx_len += len;
}

/* ---- From the client ---- */

void gdb_port_hang_up(struct gdb *g)
{
    struct gdb_port *p = g->port;
    if (p->in_fd < 0)
        return;
    flush(p);
    if (p->listen_fd >= 0)
        close(p->in_fd);
    p->in_fd = p->out_fd = -1;
    p->rx_len = p->tx_len = p->tx_start = 0;
    g->left = true;
    gdb_interrupt(g);
}

void gdb_port_pump(struct gdb *g)
{
    struct gdb_port *p = g->port;
    if (!p)
        return;
    while (p->rx_len && g->pending == WIRE_NONE && p->tx_len <= TX_LOW) {
        p->rx_len--;
        (void)gdb_take(g, &p->rx[p->rx_start++], 1);
    }
    if (!p->rx_len && p->eof && g->pending == WIRE_NONE)
        gdb_port_hang_up(g);
}

static void receive(struct gdb_port *p)
{
    ssize_t n = read(p->in_fd, p->rx, sizeof p->rx);
    p->rx_start = 0;
    p->rx_len = n > 0 ? (size_t)n : 0;
    if (!n || (n < 0 && errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR))
        p->eof = true;
}

/* Has the client hung up, though what it sent before is perhaps still to be read? */
static bool is_leaving(const struct gdb_port *p)
{
    struct pollfd pfd = {.fd = p->in_fd, .events = POLLRDHUP};
    return p->g->left || (p->in_fd >= 0 && (p->eof || poll(&pfd, 1, 0) == 1));
}

/* One client at a time: another one is sent away at once rather than left waiting, unless its turn is about to come. */
static void take_client(struct gdb_port *p)
{
    if (is_leaving(p))
        return;
    int fd = accept4(p->listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK), on = 1;
    if (fd < 0)
        return;
    if (p->in_fd >= 0) {
        close(fd);
        return;
    }
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on); /* fails on a unix socket, which has no need of it */
    p->in_fd = p->out_fd = fd;
    p->eof = false;
    p->g->arrived = true;
    gdb_interrupt(p->g);
}

static void prepare(struct io_source *s, struct io_pollset *set)
{
    struct gdb_port *p = s->ctx;
    flush(p);
    p->in_index = p->out_index = p->listen_index = -1;
    if (p->listen_fd >= 0)
        p->listen_index = io_pollset_add(set, p->listen_fd, POLLIN);
    if (p->in_fd >= 0 && !p->rx_len && !p->eof && !p->g->arrived)
        p->in_index = io_pollset_add(set, p->in_fd, POLLIN);
    if (p->out_fd >= 0 && p->tx_len)
        p->out_index = io_pollset_add(set, p->out_fd, POLLOUT);
}

static void dispatch(struct io_source *s, const struct io_pollset *set)
{
    struct gdb_port *p = s->ctx;
    if (io_pollset_revents(set, p->listen_index))
        take_client(p);
    if (io_pollset_revents(set, p->out_index))
        flush(p);
    if (io_pollset_revents(set, p->in_index))
        receive(p);
    if (!p->g->arrived) /* its session is not set up yet */
        gdb_port_pump(p->g);
}

/* A guest that can never move again may still be looked at. */
static bool alive(struct io_source *s)
{
    const struct gdb_port *p = s->ctx;
    return p->listen_fd >= 0 || (p->in_fd >= 0 && !p->eof);
}

bool gdb_port_finished(const struct gdb *g)
{
    return g->port && g->port->listen_fd < 0 && g->port->in_fd < 0;
}

/* ---- Opening ---- */

static int fail(const char *spec, const char *what, int error, struct err *e)
{
    return err_set(e, -error, "-gdb %s: %s: %s", spec, what, strerror(error));
}

static int listen_at(struct gdb_port *p, const char *spec, const struct sockaddr *addr, socklen_t len, struct err *e)
{
    int on = 1;
    if (p->listen_fd >= 0)
        close(p->listen_fd);
    p->listen_fd = socket(addr->sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (p->listen_fd < 0)
        return fail(spec, "socket", errno, e);
    setsockopt(p->listen_fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(p->listen_fd, addr, len))
        return fail(spec, "bind", errno, e);
    return listen(p->listen_fd, 4) ? fail(spec, "listen", errno, e) : 0;
}

/* HOST:PORT, the host perhaps empty or an IPv6 address in brackets. */
static int open_tcp(struct gdb_port *p, const char *spec, char *target, struct err *e)
{
    char *port = strrchr(target, ':');
    struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM}, *list;
    uint64_t number;
    if (!port || !text_parse_u64(port + 1, &number) || number > 65535)
        return err_set(e, -EINVAL, "-gdb %s: give a port from 0 to 65535, as tcp::1234 or tcp:HOST:1234", spec);
    *port++ = 0;
    size_t n = strlen(target);
    if (n >= 2 && target[0] == '[' && target[n - 1] == ']') {
        target[n - 1] = 0;
        target++;
    }
    const char *host = *target ? target : "127.0.0.1";
    int rc = getaddrinfo(host, port, &hints, &list);
    if (rc)
        return err_set(e, -EINVAL, "-gdb %s: %s port %s: %s", spec, host, port, gai_strerror(rc));
    rc = -EINVAL;
    for (struct addrinfo *ai = list; rc && ai; ai = ai->ai_next)
        rc = listen_at(p, spec, ai->ai_addr, ai->ai_addrlen, e);
    freeaddrinfo(list);
    if (rc)
        return rc;
    struct sockaddr_storage bound = {0};
    socklen_t len = sizeof bound;
    char text[16] = "?";
    if (!getsockname(p->listen_fd, (struct sockaddr *)&bound, &len))
        getnameinfo((struct sockaddr *)&bound, len, NULL, 0, text, sizeof text, NI_NUMERICSERV);
    snprintf(p->where, sizeof p->where, "%.120s:%s", host, text);
    return 0;
}

static int open_unix(struct gdb_port *p, const char *spec, const char *path, struct err *e)
{
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    struct stat st;
    if (!*path || strlen(path) >= sizeof a.sun_path)
        return err_set(e, -EINVAL, "-gdb %s: the path of a unix socket has 1 to %zu bytes", spec,
                       sizeof a.sun_path - 1);
    memcpy(a.sun_path, path, strlen(path)); /* the rest is zero */
    if (!lstat(path, &st) && S_ISSOCK(st.st_mode))
        unlink(path); /* left behind by an earlier run */
    int rc = listen_at(p, spec, (const struct sockaddr *)&a, sizeof a, e);
    if (rc)
        return rc;
    snprintf(p->unlink_path, sizeof p->unlink_path, "%s", a.sun_path);
    snprintf(p->where, sizeof p->where, "%s", a.sun_path);
    return 0;
}

static int open_stdio(struct gdb_port *p)
{
    p->in_fd = STDIN_FILENO;
    p->out_fd = STDOUT_FILENO;
    p->g->arrived = true;
    snprintf(p->where, sizeof p->where, "standard input and output");
    return 0;
}

/* Cuts ",server=on,wait=off" off, which say what is so in any case. */
static int cut_options(char *target, const char *spec, struct err *e)
{
    static const char *const known[] = {"server", "server=on", "wait=off", "nowait"};
    char *comma = strchr(target, ','), *save = NULL;
    if (!comma)
        return 0;
    *comma = 0;
    for (char *o = strtok_r(comma + 1, ",", &save); o; o = strtok_r(NULL, ",", &save)) {
        bool fits = false;
        for (size_t i = 0; i < ARRAY_LEN(known); i++)
            fits |= !strcmp(o, known[i]);
        if (!fits)
            return err_set(e, -EINVAL, "-gdb %s: option '%s': it is always server=on,wait=off: leave it out (-S waits)",
                           spec, o);
    }
    return 0;
}

static int open_spec(struct gdb_port *p, const char *spec, struct err *e)
{
    char target[512];
    if (strlen(spec) >= sizeof target)
        return err_set(e, -EINVAL, "-gdb %.40s...: too long", spec);
    strcpy(target, spec);
    if (cut_options(target, spec, e))
        return -EINVAL;
    if (!strcmp(target, "stdio"))
        return open_stdio(p);
    if (!strncmp(target, "tcp:", 4))
        return open_tcp(p, spec, target + 4, e);
    if (!strncmp(target, "unix:", 5))
        return open_unix(p, spec, target + 5, e);
    return err_set(e, -EINVAL, "-gdb %s: give tcp::PORT, tcp:HOST:PORT, unix:PATH or stdio", spec);
}

int gdb_port_open(struct gdb *g, const char *spec, struct err *e)
{
    struct gdb_port *p = calloc(1, sizeof *p);
    if (!p)
        return err_set(e, -ENOMEM, "-gdb %s: out of memory", spec);
    p->g = g;
    p->loop = g->m->io;
    p->listen_fd = p->in_fd = p->out_fd = -1;
    p->source = (struct io_source){.prepare = prepare, .dispatch = dispatch, .alive = alive, .ctx = p};
    g->port = p;
    g->wire.send = port_send;
    g->wire.ctx = p;
    io_add_source(p->loop, &p->source);
    return open_spec(p, spec, e);
}

void gdb_port_close(struct gdb *g)
{
    struct gdb_port *p = g->port;
    if (!p)
        return;
    for (int tries = 0; p->tx_len && tries < 20; tries++) {
        struct pollfd pfd = {.fd = p->out_fd, .events = POLLOUT};
        flush(p);
        if (p->tx_len)
            poll(&pfd, 1, 100);
    }
    io_remove_source(p->loop, &p->source);
    if (p->in_fd >= 0 && p->listen_fd >= 0)
        close(p->in_fd);
    if (p->listen_fd >= 0)
        close(p->listen_fd);
    if (p->unlink_path[0])
        unlink(p->unlink_path);
    free(p);
    g->port = NULL;
}

const char *gdb_port_where(const struct gdb *g)
{
    return g->port ? g->port->where : "";
}

bool gdb_wait(struct gdb *g, int timeout_ms)
{
    /* What is there already, or waits for a client that reads slowly, is no reason to wait. */
    bool ready =
        g->pending != WIRE_NONE || g->arrived || g->left || (g->port && g->port->rx_len && g->port->tx_len <= TX_LOW);
    io_poll(g->m->io, ready ? 0 : timeout_ms);
    if (!__atomic_load_n(&g->m->stop, __ATOMIC_RELAXED))
        return true;
    /* This run is over before it begins; it says who asked for it: one of ours that came too late, or another. */
    struct debug_stop s;
    debugger_continue(g->d, UINT64_MAX, &s);
    g->interrupted = false;
    return s.reason == DEBUG_INTERRUPT;
}
