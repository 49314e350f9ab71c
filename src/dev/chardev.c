/* SPDX-License-Identifier: MIT */
#include "dev/chardev_int.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { CTRL_A = 1 };
enum { HANGUP_CHECK_MS = 200 }; /* how often to look whether somebody has opened a pty again */
enum { DRAIN_PATIENCE_MS = 2000 };

const char chardev_escape_help[] = "\r\n"
                                   "Ctrl-A h         this help\r\n"
                                   "Ctrl-A x         quit\r\n"
                                   "Ctrl-A c         the debugger's prompt\r\n"
                                   "Ctrl-A b         send a break\r\n"
                                   "Ctrl-A Ctrl-A    send Ctrl-A\r\n";
static const char digit_help[] = "Ctrl-A 1 ... 9   keys go to the guest of that number\r\n"
                                 "Ctrl-A n         keys go to the next guest\r\n";

/* --- output --- */

static void lose_output(struct chardev *c, int error)
{
    if (error != EPIPE && error != ECONNRESET)
        fprintf(stderr, "vitrine: serial output to %s: %s; further output to it is lost\n", c->name, strerror(error));
    c->out = OUT_NONE;
    c->tx_len = 0;
}

static ssize_t capture(struct chardev *c, const uint8_t *p, size_t n)
{
    n = n < c->allowance ? n : c->allowance;
    if (c->captured_len + n + 1 > c->captured_cap) {
        size_t cap = 2 * (c->captured_len + n) + 256;
        char *grown = realloc(c->captured, cap);
        if (!grown)
            return 0;
        c->captured = grown;
        c->captured_cap = cap;
    }
    memcpy(c->captured + c->captured_len, p, n);
    c->captured_len += n;
    c->captured[c->captured_len] = 0;
    if (c->allowance != SIZE_MAX)
        c->allowance -= n;
    return (ssize_t)n;
}

/* Offers n bytes to the host. Returns how many it took, 0 = none now, -errno = never again. */
static ssize_t host_write(struct chardev *c, const uint8_t *p, size_t n)
{
    ssize_t r = 0;
    switch (c->out) {
    case OUT_NONE: return (ssize_t)n;
    case OUT_MEMORY: return capture(c, p, n);
    case OUT_CALL: c->call(c->call_ctx, p, n); return (ssize_t)n;
    case OUT_SOCKET: r = send(c->out_fd, p, n, MSG_DONTWAIT | MSG_NOSIGNAL); break;
    case OUT_POLLED: {
        struct pollfd pfd = {.fd = c->out_fd, .events = POLLOUT};
        if (poll(&pfd, 1, 0) != 1 || !(pfd.revents & (POLLOUT | POLLERR | POLLHUP)))
            return 0;
        r = write(c->out_fd, p, n < 512 ? n : 512); /* POSIX's least PIPE_BUF: a pipe with room takes it whole */
        break;
    }
    case OUT_PLAIN: r = write(c->out_fd, p, n); break;
    }
    if (r >= 0)
        return r;
    if (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR)
        return 0;
    if (c->is_pty && errno == EIO)
        return (ssize_t)n; /* nobody has the other side open */
    return -errno;
}

void chardev_flush(struct chardev *c)
{
    while (c->tx_len) {
        ssize_t r = host_write(c, c->tx + c->tx_start, c->tx_len);
        if (r < 0)
            lose_output(c, (int)-r);
        if (r <= 0)
            return;
        c->mid_line = c->tx[c->tx_start + (size_t)r - 1] != '\n';
        c->tx_start += (size_t)r;
        c->tx_len -= (size_t)r;
    }
    c->tx_start = 0;
}

size_t chardev_write(struct chardev *c, const void *buf, size_t len)
{
    const uint8_t *p = buf;
    size_t done = 0;
    if (c->out == OUT_NONE)
        return len;
    while (done < len) {
        size_t room = sizeof c->tx - (c->tx_start + c->tx_len);
        if (!room) {
            if (c->waiting)
                chardev_drain(c);
            else
                chardev_flush(c);
            if (c->tx_start) {
                memmove(c->tx, c->tx + c->tx_start, c->tx_len);
                c->tx_start = 0;
            }
            room = sizeof c->tx - c->tx_len;
            if (!room)
                break;
        }
        size_t n = len - done < room ? len - done : room;
        memcpy(c->tx + c->tx_start + c->tx_len, p + done, n);
        c->tx_len += n;
        done += n;
    }
    if (memchr(p, '\n', done))
        chardev_flush(c);
    if (done < len)
        c->refused = true;
    return done;
}

static uint64_t now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

void chardev_drain(struct chardev *c)
{
    uint64_t progress = now_ms();
    chardev_flush(c);
    while (c->tx_len && c->out != OUT_NONE && c->out != OUT_MEMORY && !(c->loop && io_woken(c->loop))) {
        size_t before = c->tx_len;
        struct pollfd pfd[2] = {
            {.fd = c->out_fd, .events = POLLOUT},
            {.fd = c->loop ? io_wake_fd(c->loop) : -1, .events = POLLIN},
        };
        if (!c->patient && now_ms() - progress >= DRAIN_PATIENCE_MS)
            return;
        poll(pfd, 2, c->patient ? -1 : 100);
        chardev_flush(c);
        if (c->tx_len < before)
            progress = now_ms();
    }
}

/* --- input --- */

static void tell(struct chardev *c, enum chardev_event ev)
{
    if (c->handler)
        c->handler(c->handler_ctx, ev);
}

static void push_byte(struct chardev *c, uint8_t b)
{
    if (c->rx_len < sizeof c->rx) /* only a terminal is read when there is no room, for the sake of Ctrl-A x */
        c->rx[(c->rx_start + c->rx_len++) % sizeof c->rx] = b;
}

/* What follows Ctrl-A. */
static void escape_key(struct chardev *c, uint8_t b)
{
    switch (b) {
    case CTRL_A: push_byte(c, b); break;
    case 'x':
    case 'X': c->escape(c->escape_ctx, CHARDEV_ESC_QUIT); break;
    case 'c':
    case 'C': c->escape(c->escape_ctx, CHARDEV_ESC_MONITOR); break;
    case 'b':
    case 'B': tell(c, CHARDEV_BREAK); break;
    case '0':
    case '1':
    case '2':
    case '3':
    case '4':
    case '5':
    case '6':
    case '7':
    case '8':
    case '9':
        if (c->digit)
            c->digit(c->digit_ctx, b - (unsigned)'0');
        break;
    case 'n':
    case 'N':
        if (c->digit)
            c->digit(c->digit_ctx, CHARDEV_NEXT);
        break;
    case 'h':
    case 'H':
    case '?': {
        /* A terminal so slow that there is no room misses the help. */
        (void)!chardev_write(c, chardev_escape_help, strlen(chardev_escape_help));
        if (c->digit)
            (void)!chardev_write(c, digit_help, strlen(digit_help));
        chardev_flush(c);
        break;
    }
    }
}

/* Tells of the input that has come since the ring held `had` bytes. */
static void tell_tap(struct chardev *c, size_t had)
{
    uint8_t buf[256];
    while (c->tap && had < c->rx_len) {
        size_t n = 0;
        for (; n < sizeof buf && had < c->rx_len; n++, had++)
            buf[n] = c->rx[(c->rx_start + had) % sizeof c->rx];
        c->tap(c->tap_ctx, buf, n);
    }
}

static void receive(struct chardev *c, const uint8_t *p, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (c->after_ctrl_a) {
            c->after_ctrl_a = false;
            escape_key(c, p[i]);
        } else if (c->escape && p[i] == CTRL_A) {
            c->after_ctrl_a = true;
        } else {
            push_byte(c, p[i]);
        }
    }
}

size_t chardev_read(struct chardev *c, void *buf, size_t len)
{
    uint8_t *p = buf;
    size_t n = len < c->rx_len ? len : c->rx_len;
    for (size_t i = 0; i < n; i++) {
        p[i] = c->rx[c->rx_start];
        c->rx_start = (c->rx_start + 1) % sizeof c->rx;
    }
    c->rx_len -= n;
    return n;
}

size_t chardev_readable(const struct chardev *c)
{
    return c->rx_len;
}

/* A client has gone; the next one may come. */
static void drop_client(struct chardev *c)
{
    chardev_flush(c);
    close(c->in_fd);
    c->in_fd = c->out_fd = -1;
    c->out = OUT_NONE;
    c->tx_len = 0;
}

static void read_input(struct chardev *c)
{
    uint8_t buf[4096];
    size_t room = sizeof c->rx - c->rx_len;
    size_t want = c->is_tty || room > sizeof buf ? sizeof buf : room;
    if (!want)
        return;
    ssize_t n = read(c->in_fd, buf, want);
    if (n > 0) {
        receive(c, buf, (size_t)n);
        return;
    }
    if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR))
        return;
    if (c->is_pty)
        c->hung_up = true;
    else if (c->listen_fd >= 0)
        drop_client(c);
    else
        c->eof = true;
}

/* --- the source --- */

static bool wants_input(const struct chardev *c)
{
    return c->in_fd >= 0 && !c->eof && !c->lent && (c->is_tty || c->rx_len < sizeof c->rx);
}

static void prepare(struct io_source *s, struct io_pollset *p)
{
    struct chardev *c = s->ctx;
    chardev_flush(c);
    c->in_index = c->out_index = c->listen_index = -1;
    if (c->refused && c->tx_len < sizeof c->tx)
        io_pollset_timeout(p, 0);
    if (c->hung_up) {
        io_pollset_timeout(p, HANGUP_CHECK_MS);
        return;
    }
    if (c->tx_len && c->out_fd >= 0)
        c->out_index = io_pollset_add(p, c->out_fd, POLLOUT);
    if (wants_input(c))
        c->in_index = io_pollset_add(p, c->in_fd, POLLIN);
    if (c->listen_fd >= 0 && c->in_fd < 0)
        c->listen_index = io_pollset_add(p, c->listen_fd, POLLIN);
}

static void look_for_pty_peer(struct chardev *c)
{
    struct pollfd pfd = {.fd = c->in_fd, .events = POLLIN};
    /* Who wrote and left at once is heard to the end. */
    c->hung_up = poll(&pfd, 1, 0) == 1 && (pfd.revents & POLLHUP) && !(pfd.revents & POLLIN);
    c->out = c->hung_up ? OUT_NONE : OUT_PLAIN;
    if (c->hung_up)
        c->tx_len = 0;
}

static void dispatch(struct io_source *s, const struct io_pollset *p)
{
    struct chardev *c = s->ctx;
    size_t had = c->rx_len;
    if (c->is_pty)
        look_for_pty_peer(c);
    if (io_pollset_revents(p, c->listen_index))
        chardev_accept(c);
    if (io_pollset_revents(p, c->in_index))
        read_input(c);
    if (io_pollset_revents(p, c->out_index))
        chardev_flush(c);
    bool room = c->refused && (c->tx_len < sizeof c->tx || c->out == OUT_NONE);
    if (room)
        c->refused = false;
    tell_tap(c, had);
    if (room || c->rx_len > had)
        tell(c, CHARDEV_READY);
}

static bool alive(struct io_source *s)
{
    const struct chardev *c = s->ctx;
    return c->endless || wants_input(c) || (c->tx_len && c->out != OUT_NONE && c->out != OUT_MEMORY);
}

/* --- making and ending --- */

struct chardev *chardev_alloc(struct io_loop *loop, const char *name)
{
    struct chardev *c = calloc(1, sizeof *c);
    if (!c)
        return NULL;
    snprintf(c->name, sizeof c->name, "%s", name);
    c->loop = loop;
    c->in_fd = c->out_fd = c->listen_fd = -1;
    c->in_index = c->out_index = c->listen_index = -1;
    return c;
}

void chardev_set_fds(struct chardev *c, int in_fd, int out_fd, enum chardev_out out, bool owned)
{
    c->in_fd = in_fd;
    c->out_fd = out_fd;
    c->out = out;
    c->owns_fds = owned;
}

void chardev_start(struct chardev *c)
{
    if (!c->loop)
        return;
    c->source = (struct io_source){.prepare = prepare, .dispatch = dispatch, .alive = alive, .ctx = c};
    c->has_source = true;
    io_add_source(c->loop, &c->source);
}

void chardev_free(struct chardev *c)
{
    if (!c)
        return;
    chardev_drain(c);
    if (c->raw)
        chardev_term_leave();
    if (c->has_source)
        io_remove_source(c->loop, &c->source);
    if (c->owns_fds) {
        if (c->out_fd >= 0 && c->out_fd != c->in_fd)
            close(c->out_fd);
        if (c->in_fd >= 0)
            close(c->in_fd);
    } else if (c->is_stdio && c->out_fd > STDERR_FILENO) {
        close(c->out_fd); /* our own opening of the standard output */
    }
    if (c->listen_fd >= 0)
        close(c->listen_fd);
    if (c->unlink_path[0])
        unlink(c->unlink_path);
    free(c->captured);
    free(c);
}

const char *chardev_name(const struct chardev *c)
{
    return c->name;
}

void chardev_set_handler(struct chardev *c, void (*fn)(void *ctx, enum chardev_event ev), void *ctx)
{
    c->handler = fn;
    c->handler_ctx = ctx;
}

void chardev_set_escape(struct chardev *c, void (*fn)(void *ctx, enum chardev_escape what), void *ctx)
{
    if (c->is_stdio) {
        c->escape = fn;
        c->escape_ctx = ctx;
        c->after_ctrl_a = false;
    }
}

void chardev_set_waiting(struct chardev *c)
{
    c->waiting = c->patient = true;
}

void chardev_set_tap(struct chardev *c, void (*fn)(void *ctx, const void *buf, size_t len), void *ctx)
{
    c->tap = fn;
    c->tap_ctx = ctx;
}

void chardev_set_digit(struct chardev *c, void (*fn)(void *ctx, unsigned digit), void *ctx)
{
    c->digit = fn;
    c->digit_ctx = ctx;
}

bool chardev_hold(struct chardev *c)
{
    chardev_drain(c);
    c->lent = c->is_stdio;
    if (c->is_stdio && c->raw)
        chardev_term_leave();
    return !c->is_stdio || !c->mid_line;
}

void chardev_release(struct chardev *c)
{
    c->mid_line = c->lent = false;
    if (c->is_stdio && c->raw)
        c->raw = chardev_term_enter(c->in_fd, c->signals);
}

/* --- the backend in memory, and a function's --- */

struct chardev *chardev_call_new(struct io_loop *loop, const char *name,
                                 void (*fn)(void *ctx, const void *buf, size_t len), void *ctx)
{
    struct chardev *c = chardev_alloc(loop, name);
    if (!c)
        return NULL;
    c->out = OUT_CALL;
    c->call = fn;
    c->call_ctx = ctx;
    c->endless = true;
    chardev_start(c);
    return c;
}

struct chardev *chardev_memory_new(struct io_loop *loop)
{
    struct chardev *c = chardev_alloc(loop, "memory");
    if (!c)
        return NULL;
    c->out = OUT_MEMORY;
    c->allowance = SIZE_MAX;
    c->endless = true;
    chardev_start(c);
    return c;
}

size_t chardev_memory_feed(struct chardev *c, const void *buf, size_t len)
{
    const uint8_t *p = buf;
    size_t had = c->rx_len, room = sizeof c->rx - had;
    size_t n = len < room ? len : room;
    for (size_t i = 0; i < n; i++)
        push_byte(c, p[i]);
    tell_tap(c, had);
    if (n)
        tell(c, CHARDEV_READY);
    return n;
}

const char *chardev_memory_output(struct chardev *c, size_t *len)
{
    chardev_flush(c);
    if (len)
        *len = c->captured_len;
    return c->captured ? c->captured : "";
}

void chardev_memory_allow(struct chardev *c, size_t n)
{
    c->allowance = n;
    chardev_flush(c);
    if (c->refused && c->tx_len < sizeof c->tx) {
        c->refused = false;
        tell(c, CHARDEV_READY);
    }
}

void chardev_memory_break(struct chardev *c)
{
    tell(c, CHARDEV_BREAK);
}

void chardev_memory_end(struct chardev *c)
{
    c->endless = false;
}
