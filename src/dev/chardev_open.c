/* SPDX-License-Identifier: MIT */
#include "dev/chardev_int.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <termios.h>
#include <unistd.h>

/* A -serial or -chardev argument taken apart: kind[:target][,option]... */
struct spec {
    const char *text; /* whole, for messages */
    char kind[16];
    char target[512];
    bool server, wait, append, signal; /* options, with their defaults */
};

enum { OPT_SERVER = 1, OPT_WAIT = 2, OPT_APPEND = 4, OPT_SIGNAL = 8 };

static const struct backend {
    const char *kind;
    bool target; /* needs something after the colon */
    unsigned options;
    int (*open)(const struct spec *s, struct chardev *c, struct err *e);
} backends[];

static int fail(const struct spec *s, struct err *e, int error, const char *what)
{
    return err_set(e, -error, "character device %s: %s: %s", s->text, what, strerror(error));
}

/* --- files and terminals --- */

/* How to write to a descriptor that others share: they must not find it O_NONBLOCK, so it is opened once more if it can be. */
static int share_output(struct chardev *c, int fd)
{
    struct stat st;
    char path[32];
    if (fstat(fd, &st))
        return -errno;
    if (S_ISREG(st.st_mode)) {
        c->out = OUT_PLAIN;
        return fd;
    }
    if (S_ISSOCK(st.st_mode)) {
        c->out = OUT_SOCKET;
        return fd;
    }
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    int own = open(path, O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    c->out = own >= 0 ? OUT_PLAIN : OUT_POLLED;
    return own >= 0 ? own : fd;
}

static int open_stdio(const struct spec *s, struct chardev *c, struct err *e)
{
    int out = share_output(c, STDOUT_FILENO);
    if (out < 0)
        return fail(s, e, -out, "standard output");
    c->in_fd = fcntl(STDIN_FILENO, F_GETFD) < 0 ? -1 : STDIN_FILENO;
    c->out_fd = out;
    c->is_stdio = true;
    c->patient = true;
    c->is_tty = c->in_fd >= 0 && isatty(c->in_fd);
    c->signals = s->signal;
    c->raw = c->is_tty && chardev_term_enter(c->in_fd, c->signals);
    return 0;
}

static int open_null(const struct spec *s, struct chardev *c, struct err *e)
{
    (void)s, (void)c, (void)e;
    return 0;
}

static int open_file(const struct spec *s, struct chardev *c, struct err *e)
{
    struct stat st;
    int fd = open(s->target, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOCTTY | (s->append ? O_APPEND : O_TRUNC), 0666);
    if (fd < 0)
        return fail(s, e, errno, s->target);
    if (!fstat(fd, &st) && !S_ISREG(st.st_mode))
        fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
    chardev_set_fds(c, -1, fd, OUT_PLAIN, true);
    c->patient = true;
    return 0;
}

/* Opened for both directions, neither end waits for the other and none ever sees an end of file. */
static int open_pipe(const struct spec *s, struct chardev *c, struct err *e)
{
    char path[sizeof s->target + 8];
    snprintf(path, sizeof path, "%s.in", s->target);
    int in = open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC);
    if (in < 0)
        return err_set(e, -errno, "character device %s: %s: %s; make the two pipes with: mkfifo %s.in %s.out", s->text,
                       path, strerror(errno), s->target, s->target);
    snprintf(path, sizeof path, "%s.out", s->target);
    int out = open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC);
    if (out < 0) {
        int error = errno;
        close(in);
        return err_set(e, -error, "character device %s: %s: %s; make the two pipes with: mkfifo %s.in %s.out", s->text,
                       path, strerror(error), s->target, s->target);
    }
    chardev_set_fds(c, in, out, OUT_PLAIN, true);
    c->endless = true;
    return 0;
}

static int open_pty(const struct spec *s, struct chardev *c, struct err *e)
{
    char path[96];
    struct termios t;
    int fd = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (fd < 0)
        return fail(s, e, errno, "/dev/ptmx");
    chardev_set_fds(c, fd, fd, OUT_NONE, true);
    if (grantpt(fd) || unlockpt(fd) || ptsname_r(fd, path, sizeof path))
        return fail(s, e, errno, "pty");
    /* Raw from the start; and once opened and closed, its master can tell whether anybody is there. */
    int slave = open(path, O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (slave < 0)
        return fail(s, e, errno, path);
    if (!tcgetattr(slave, &t)) {
        cfmakeraw(&t);
        tcsetattr(slave, TCSANOW, &t);
    }
    close(slave);
    fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
    c->is_pty = c->hung_up = c->endless = true;
    snprintf(c->name, sizeof c->name, "pty %s", path);
    fprintf(stderr, "vitrine: serial line redirected to %s\n", path);
    return 0;
}

/* --- sockets --- */

bool chardev_accept(struct chardev *c)
{
    int fd = accept4(c->listen_fd, NULL, NULL, SOCK_CLOEXEC);
    if (fd < 0)
        return false;
    chardev_set_fds(c, fd, fd, OUT_SOCKET, true);
    return true;
}

/* A socket that is bound and listens, or connected. */
static int make_socket(const struct spec *s, struct chardev *c, const struct sockaddr *addr, socklen_t len,
                       struct err *e)
{
    int fd = socket(addr->sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return fail(s, e, errno, "socket");
    if (!s->server) {
        if (connect(fd, addr, len)) {
            int error = errno;
            close(fd);
            return err_set(e, -error, "character device %s: connect: %s; add server=on to wait for a client instead",
                           s->text, strerror(error));
        }
        chardev_set_fds(c, fd, fd, OUT_SOCKET, true);
        return 0;
    }
    int on = 1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    c->listen_fd = fd; /* chardev_free() closes it from here on */
    if (bind(fd, addr, len))
        return fail(s, e, errno, "bind");
    if (listen(fd, 1))
        return fail(s, e, errno, "listen");
    c->endless = true;
    if (s->wait) {
        fprintf(stderr, "vitrine: waiting for a client at %s\n", s->text);
        while (!chardev_accept(c))
            if (errno != EINTR && errno != ECONNABORTED)
                return fail(s, e, errno, "accept");
    }
    fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
    return 0;
}

static int open_unix(const struct spec *s, struct chardev *c, struct err *e)
{
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    if (strlen(s->target) >= sizeof a.sun_path)
        return err_set(e, -ENAMETOOLONG, "character device %s: the path of a unix socket has at most %zu bytes",
                       s->text, sizeof a.sun_path - 1);
    memcpy(a.sun_path, s->target, strlen(s->target)); /* the rest is zero */
    struct stat st;
    if (s->server && !lstat(s->target, &st) && S_ISSOCK(st.st_mode))
        unlink(s->target); /* left behind by an earlier run */
    int rc = make_socket(s, c, (const struct sockaddr *)&a, sizeof a, e);
    if (!rc && s->server)
        snprintf(c->unlink_path, sizeof c->unlink_path, "%s", a.sun_path);
    return rc;
}

static int open_tcp(const struct spec *s, struct chardev *c, struct err *e)
{
    char host[sizeof s->target];
    memcpy(host, s->target, sizeof host);
    char *port = strrchr(host, ':');
    if (!port || !port[1])
        return err_set(e, -EINVAL, "character device %s: want tcp:HOST:PORT", s->text);
    *port++ = 0;
    char *name = host;
    size_t n = strlen(host);
    if (n >= 2 && host[0] == '[' && host[n - 1] == ']') { /* an IPv6 address */
        host[n - 1] = 0;
        name = host + 1;
    }
    struct addrinfo hints = {
        .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM, .ai_flags = s->server ? AI_PASSIVE : 0};
    struct addrinfo *list;
    int rc = getaddrinfo(*name ? name : NULL, port, &hints, &list);
    if (rc)
        return err_set(e, -EINVAL, "character device %s: %s port %s: %s", s->text, *name ? name : "any address", port,
                       gai_strerror(rc));
    rc = make_socket(s, c, list->ai_addr, list->ai_addrlen, e);
    for (struct addrinfo *ai = list->ai_next; rc && ai && c->listen_fd < 0; ai = ai->ai_next)
        rc = make_socket(s, c, ai->ai_addr, ai->ai_addrlen, e);
    freeaddrinfo(list);
    return rc;
}

/* --- taking the argument apart --- */

static const struct backend backends[] = {
    {"stdio", false, OPT_SIGNAL, open_stdio},
    {"null", false, 0, open_null},
    {"none", false, 0, open_null},
    {"pty", false, 0, open_pty},
    {"file", true, OPT_APPEND, open_file},
    {"pipe", true, 0, open_pipe},
    {"unix", true, OPT_SERVER | OPT_WAIT, open_unix},
    {"tcp", true, OPT_SERVER | OPT_WAIT, open_tcp},
};

static const struct {
    const char *name;
    unsigned option;
} options[] = {{"server", OPT_SERVER}, {"wait", OPT_WAIT}, {"append", OPT_APPEND}, {"signal", OPT_SIGNAL}};

static void set_option(struct spec *s, unsigned option, bool on)
{
    switch (option) {
    case OPT_SERVER: s->server = on; break;
    case OPT_WAIT: s->wait = on; break;
    case OPT_APPEND: s->append = on; break;
    case OPT_SIGNAL: s->signal = on; break;
    }
}

/* name, name=on, name=off, noname. o is cut at the equals sign. */
static int parse_option(struct spec *s, const struct backend *b, char *o, struct err *e)
{
    char *value = strchr(o, '=');
    if (value)
        *value++ = 0;
    bool on = !value || !strcmp(value, "on") || !strcmp(value, "yes") || !strcmp(value, "true");
    bool off = value && (!strcmp(value, "off") || !strcmp(value, "no") || !strcmp(value, "false"));
    for (size_t i = 0; i < ARRAY_LEN(options); i++) {
        bool negated = !value && !strncmp(o, "no", 2) && !strcmp(o + 2, options[i].name);
        if (!(b->options & options[i].option) || (strcmp(o, options[i].name) != 0 && !negated))
            continue;
        if (!on && !off)
            return err_set(e, -EINVAL, "character device %s: %s=%s: want on or off", s->text, o, value);
        set_option(s, options[i].option, on && !negated);
        return 0;
    }
    return err_set(e, -EINVAL, "character device %s: %s does not know the option '%s'%s%s%s%s", s->text, b->kind, o,
                   b->options ? "; it takes" : " (it takes none)",
                   b->options & OPT_SERVER ? " server=on|off wait=on|off" : "",
                   b->options & OPT_APPEND ? " append=on|off" : "", b->options & OPT_SIGNAL ? " signal=on|off" : "");
}

/* Copies up to the next single comma; two commas stand for one. Returns where it stopped, NULL when to is too small. */
static const char *copy_part(char *to, size_t size, const char *from)
{
    size_t n = 0;
    for (; *from; from++) {
        if (*from == ',') {
            if (from[1] != ',')
                break;
            from++;
        }
        if (n + 1 >= size)
            return NULL;
        to[n++] = *from;
    }
    to[n] = 0;
    return from;
}

static int parse(struct spec *s, const struct backend **found, struct err *e)
{
    const char *p = s->text;
    if (!strncmp(p, "mon:", 4))
        p += 4;
    size_t n = strcspn(p, ":,");
    snprintf(s->kind, sizeof s->kind, "%.*s", (int)(n < sizeof s->kind ? n : sizeof s->kind - 1), p);
    const struct backend *b = NULL;
    for (size_t i = 0; i < ARRAY_LEN(backends); i++)
        if (!strcmp(s->kind, backends[i].kind))
            b = &backends[i];
    if (!b)
        return err_set(
            e, -EINVAL,
            "character device %s: no such backend; there are stdio, mon:stdio, null, none, pty, file:PATH, pipe:PATH, "
            "unix:PATH[,server=on,wait=off] and tcp:HOST:PORT[,server=on,wait=off]",
            s->text);
    p += n;
    if (*p == ':')
        p = copy_part(s->target, sizeof s->target, p + 1);
    if (!p)
        return err_set(e, -ENAMETOOLONG, "character device %.80s...: more than %zu bytes after '%s:'", s->text,
                       sizeof s->target - 1, b->kind);
    if (b->target != (s->target[0] != 0))
        return err_set(e, -EINVAL,
                       b->target ? "character device %s: want something after '%s:'"
                                 : "character device %s: %s takes nothing after a colon",
                       s->text, b->kind);
    while (*p == ',') {
        char o[64];
        p = copy_part(o, sizeof o, p + 1);
        if (!p)
            return err_set(e, -EINVAL, "character device %s: an option is too long", s->text);
        int rc = parse_option(s, b, o, e);
        if (rc)
            return rc;
    }
    *found = b;
    return 0;
}

struct chardev *chardev_open(const char *text, struct io_loop *loop, struct err *e)
{
    /* Ctrl-C is the guest's on a console with Ctrl-A for the emulator, and ends the run on one that is said to be plain. */
    struct spec s = {.text = text, .wait = true, .signal = strncmp(text, "mon:", 4) != 0};
    const struct backend *b = NULL;
    if (parse(&s, &b, e))
        return NULL;
    struct chardev *c = chardev_alloc(loop, text);
    if (!c) {
        err_set(e, -ENOMEM, "character device %s: out of memory", text);
        return NULL;
    }
    if (b->open(&s, c, e)) {
        chardev_free(c);
        return NULL;
    }
    chardev_start(c);
    return c;
}
