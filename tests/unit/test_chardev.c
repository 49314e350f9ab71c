/* SPDX-License-Identifier: MIT */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "dev/chardev.h"
#include "dev/io.h"

Suite *chardev_suite(void);

static struct io_loop *loop;
static struct err e;
static char dir[64];
static unsigned ready, breaks, quits, monitors;

static void setup(void)
{
    loop = io_loop_new();
    ck_assert_ptr_nonnull(loop);
    strcpy(dir, "/tmp/vitrine-test-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(dir));
    e.text[0] = 0;
    ready = breaks = quits = monitors = 0;
}

static void teardown(void)
{
    char cmd[128];
    snprintf(cmd, sizeof cmd, "rm -rf %s", dir);
    ck_assert_int_eq(system(cmd), 0);
    io_loop_free(loop);
}

static void on_event(void *ctx, enum chardev_event ev)
{
    (void)ctx;
    if (ev == CHARDEV_READY)
        ready++;
    else
        breaks++;
}

static void on_escape(void *ctx, enum chardev_escape what)
{
    (void)ctx;
    if (what == CHARDEV_ESC_QUIT)
        quits++;
    else
        monitors++;
}

static struct chardev *must_open(const char *spec)
{
    struct chardev *c = chardev_open(spec, loop, &e);
    ck_assert_msg(c != NULL, "%s", e.text);
    chardev_set_handler(c, on_event, NULL);
    return c;
}

/* A spec with the test's directory for %s. */
static struct chardev *must_open_in_dir(const char *fmt, const char *rest)
{
    char spec[256];
    snprintf(spec, sizeof spec, "%s%s%s", fmt, dir, rest);
    return must_open(spec);
}

static size_t must_write(struct chardev *c, const char *s)
{
    size_t n = chardev_write(c, s, strlen(s));
    ck_assert_uint_eq(n, strlen(s));
    return n;
}

/* Polls until n bytes of input are there, for two seconds at most. */
static void await_input(struct chardev *c, size_t n)
{
    for (int i = 0; i < 200 && chardev_readable(c) < n; i++)
        io_poll(loop, 10);
    ck_assert_uint_ge(chardev_readable(c), n);
}

/* --- the loop --- */

struct counter {
    struct io_source s;
    int fd, index;
    unsigned prepared, dispatched;
    short seen;
    int lower_to;
    bool remove, is_alive;
};

static void counter_prepare(struct io_source *s, struct io_pollset *p)
{
    struct counter *c = s->ctx;
    c->prepared++;
    c->index = c->fd >= 0 ? io_pollset_add(p, c->fd, POLLIN) : -1;
    io_pollset_timeout(p, c->lower_to);
}

static void counter_dispatch(struct io_source *s, const struct io_pollset *p)
{
    struct counter *c = s->ctx;
    c->dispatched++;
    c->seen = io_pollset_revents(p, c->index);
    if (c->remove)
        io_remove_source(loop, s);
}

static bool counter_alive(struct io_source *s)
{
    return ((struct counter *)s->ctx)->is_alive;
}

static void add_counter(struct counter *c)
{
    c->s =
        (struct io_source){.prepare = counter_prepare, .dispatch = counter_dispatch, .alive = counter_alive, .ctx = c};
    io_add_source(loop, &c->s);
}

START_TEST(loop_sources)
{
    struct counter a = {.fd = -1, .lower_to = 1, .remove = true}, b = {.lower_to = -1};
    int p[2];
    ck_assert_int_eq(pipe(p), 0);
    b.fd = p[0];
    add_counter(&a);
    add_counter(&b);
    ck_assert(!io_can_progress(loop));
    b.is_alive = true;
    ck_assert(io_can_progress(loop));
    ck_assert_int_eq(io_poll(loop, -1), 0); /* a lowers the endless wait */
    ck_assert(a.dispatched == 1 && b.dispatched == 1 && b.seen == 0);
    ck_assert_int_eq(write(p[1], "x", 1), 1);
    ck_assert_int_eq(io_poll(loop, -1), 1);
    ck_assert(b.seen & POLLIN);
    ck_assert_uint_eq(a.dispatched, 1); /* it removed itself */
    ck_assert_uint_eq(b.dispatched, 2);
    io_remove_source(loop, &b.s);
    close(p[0]), close(p[1]);
}
END_TEST

static void wake_handler(int sig)
{
    (void)sig;
    io_wake(loop);
}

START_TEST(loop_wake)
{
    ck_assert(!io_woken(loop));
    io_wake(loop);
    io_wake(loop);
    ck_assert(io_woken(loop));
    ck_assert_int_eq(io_poll(loop, -1), 0);
    io_clear_woken(loop);
    ck_assert(!io_woken(loop));
    ck_assert_int_eq(io_poll(loop, 0), 0);
    signal(SIGALRM, wake_handler);
    alarm(1);
    ck_assert_int_eq(io_poll(loop, -1), 0);
    ck_assert(io_woken(loop));
}
END_TEST

/* --- backends --- */

START_TEST(null_swallows)
{
    struct chardev *c = must_open("null");
    ck_assert_uint_eq(must_write(c, "lost\n"), 5);
    char buf[4];
    ck_assert_uint_eq(chardev_read(c, buf, 4), 0);
    ck_assert(!io_can_progress(loop));
    chardev_free(c);
    chardev_free(must_open("none"));
}
END_TEST

static void expect_file(const char *name, const char *want)
{
    char path[128], got[256] = "";
    snprintf(path, sizeof path, "%s/%s", dir, name);
    FILE *f = fopen(path, "r");
    ck_assert_ptr_nonnull(f);
    got[fread(got, 1, sizeof got - 1, f)] = 0;
    fclose(f);
    ck_assert_str_eq(got, want);
}

START_TEST(file_written_at_newline_poll_and_end)
{
    struct chardev *c = must_open_in_dir("file:", "/out");
    must_write(c, "one\n");
    expect_file("out", "one\n");
    must_write(c, "two");
    expect_file("out", "one\n");
    io_poll(loop, 0);
    expect_file("out", "one\ntwo");
    must_write(c, "three");
    chardev_free(c);
    expect_file("out", "one\ntwothree");
    c = must_open_in_dir("file:", "/out,append=on");
    must_write(c, "+");
    chardev_free(c);
    expect_file("out", "one\ntwothree+");
    c = must_open_in_dir("mon:file:", "/a,,b"); /* two commas are one */
    must_write(c, "x");
    chardev_free(c);
    expect_file("a,b", "x");
}
END_TEST

START_TEST(fifo_back_pressure)
{
    char in[128], out[128], spec[128];
    snprintf(in, sizeof in, "%s/p.in", dir);
    snprintf(out, sizeof out, "%s/p.out", dir);
    snprintf(spec, sizeof spec, "pipe:%s/p", dir);
    ck_assert_ptr_null(chardev_open(spec, loop, &e));
    ck_assert_ptr_nonnull(strstr(e.text, "mkfifo"));
    ck_assert_int_eq(mkfifo(in, 0600), 0);
    ck_assert_int_eq(mkfifo(out, 0600), 0);
    struct chardev *c = must_open(spec);
    ck_assert(io_can_progress(loop));

    /* Nobody reads: at some point no more is taken, and nothing blocks. */
    size_t sent = 0, got = 0, n;
    char buf[1000];
    do {
        for (size_t i = 0; i < sizeof buf; i++)
            buf[i] = (char)((sent + i) % 251);
        n = chardev_write(c, buf, sizeof buf);
        sent += n;
        ck_assert_uint_lt(sent, 10000000);
    } while (n == sizeof buf);
    io_poll(loop, 0);
    ck_assert_uint_eq(ready, 0);

    /* A reader comes: all of it arrives in order, and the writer hears that there is room. */
    int fd = open(out, O_RDONLY | O_NONBLOCK);
    for (int idle = 0; got < sent && idle < 100;) {
        ssize_t r = read(fd, buf, sizeof buf);
        for (ssize_t i = 0; i < r; i++)
            ck_assert_int_eq((unsigned char)buf[i], (int)((got + (size_t)i) % 251));
        idle = r > 0 ? 0 : idle + 1;
        got += r > 0 ? (size_t)r : 0;
        io_poll(loop, 0);
    }
    ck_assert_uint_eq(got, sent);
    ck_assert_uint_eq(ready, 1);

    int w = open(in, O_WRONLY | O_NONBLOCK);
    ck_assert_int_eq(write(w, "in\1x", 4), 4);
    close(w); /* the writer's end is not the guest's */
    await_input(c, 4);
    ck_assert_uint_eq(chardev_read(c, buf, sizeof buf), 4);
    ck_assert_mem_eq(buf, "in\1x", 4); /* no escapes but on stdio */
    ck_assert(io_can_progress(loop));
    chardev_free(c);
    close(fd);
}
END_TEST

static int connect_to(const char *path)
{
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    strcpy(a.sun_path, path);
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    ck_assert_int_eq(connect(fd, (struct sockaddr *)&a, sizeof a), 0);
    return fd;
}

START_TEST(unix_server_and_client)
{
    char path[128], spec[160], buf[64];
    snprintf(path, sizeof path, "%s/sock", dir);
    snprintf(spec, sizeof spec, "unix:%s,server=on,wait=off", path);
    struct chardev *s = must_open(spec);
    must_write(s, "nobody hears this\n");
    for (int round = 0; round < 2; round++) { /* clients come and go */
        int fd = connect_to(path);
        ck_assert_int_eq(write(fd, "hi", 2), 2);
        await_input(s, 2);
        ck_assert_uint_eq(chardev_read(s, buf, 64), 2);
        must_write(s, "hello\n");
        ck_assert_int_eq(read(fd, buf, 64), 6);
        close(fd);
        for (int i = 0; i < 3; i++)
            io_poll(loop, 10);
        ck_assert(io_can_progress(loop));
    }
    snprintf(spec, sizeof spec, "unix:%s", path);
    struct chardev *c = must_open(spec);
    must_write(c, "from client\n");
    await_input(s, 12);
    must_write(s, "back\n");
    await_input(c, 5);
    chardev_free(s);
    io_poll(loop, 10);
    ck_assert(!io_can_progress(loop)); /* the server has gone for good */
    must_write(c, "into the void\n");
    chardev_free(c);
    ck_assert_int_eq(access(path, F_OK), -1);
    ck_assert_ptr_null(chardev_open(spec, loop, &e));
    ck_assert_ptr_nonnull(strstr(e.text, "server=on"));
}
END_TEST

START_TEST(tcp_server)
{
    char spec[64];
    struct chardev *s = NULL;
    int port = 20000 + getpid() % 20000;
    for (int i = 0; i < 20 && !s; i++) {
        snprintf(spec, sizeof spec, "tcp:127.0.0.1:%d,server,nowait", ++port);
        s = chardev_open(spec, loop, &e);
    }
    ck_assert_msg(s != NULL, "%s", e.text);
    snprintf(spec, sizeof spec, "tcp:127.0.0.1:%d", port);
    struct chardev *c = must_open(spec);
    must_write(c, "abc\n");
    await_input(s, 4);
    must_write(s, "def\n");
    await_input(c, 4);
    chardev_free(c);
    chardev_free(s);
}
END_TEST

START_TEST(pty)
{
    struct chardev *c = must_open("pty");
    char buf[64];
    must_write(c, "nobody is there\n");
    io_poll(loop, 0);
    int fd = open(strchr(chardev_name(c), '/'), O_RDWR | O_NOCTTY);
    ck_assert_int_ge(fd, 0);
    for (int i = 0; i < 3; i++)
        io_poll(loop, 10);
    ck_assert_int_eq(write(fd, "a\r\1x", 4), 4);
    await_input(c, 4);
    ck_assert_uint_eq(chardev_read(c, buf, 64), 4);
    ck_assert_mem_eq(buf, "a\r\1x", 4);
    must_write(c, "to you\n");
    ck_assert_int_eq(read(fd, buf, 64), 7);
    ck_assert_mem_eq(buf, "to you\n", 7);
    close(fd);
    for (int i = 0; i < 3; i++)
        io_poll(loop, 10);
    must_write(c, "gone\n");
    ck_assert(io_can_progress(loop));
    /* Who comes, writes and leaves between two looks is heard. */
    fd = open(strchr(chardev_name(c), '/'), O_RDWR | O_NOCTTY);
    ck_assert_int_eq(write(fd, "bye\r", 4), 4);
    close(fd);
    await_input(c, 4);
    ck_assert_uint_eq(chardev_read(c, buf, 64), 4);
    ck_assert_mem_eq(buf, "bye\r", 4);
    chardev_free(c);
}
END_TEST

START_TEST(bad_specs)
{
    static const struct {
        const char *spec, *says;
    } bad[] = {
        {"", "no such backend"},
        {"vc", "mon:stdio"},
        {"stdio:x", "nothing after a colon"},
        {"file", "after 'file:'"},
        {"file:", "after 'file:'"},
        {"file:/nonexistent/x", "/nonexistent/x: No such file"},
        {"null,server=on", "takes none"},
        {"unix:/tmp/x,port=5", "wait=on|off"},
        {"unix:/tmp/x,server=maybe", "want on or off"},
        {"unix:/nonexistent/x,server=on,wait=off", "bind"},
        {"tcp:1234", "tcp:HOST:PORT"},
        {"tcp:localhost:", "tcp:HOST:PORT"},
        {"tcp:127.0.0.1:1", "connect"},
        {"verylongnameofabackend:x", "no such backend"},
    };
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        e.text[0] = 0;
        ck_assert_ptr_null(chardev_open(bad[i].spec, loop, &e));
        ck_assert_msg(strstr(e.text, bad[i].says), "%s gave: %s", bad[i].spec, e.text);
        ck_assert_ptr_nonnull(strstr(e.text, "character device"));
    }
    char longer[1000] = "unix:";
    memset(longer + 5, 'x', sizeof longer - 6);
    ck_assert_ptr_null(chardev_open(longer, loop, &e));
    longer[200] = 0;
    ck_assert_ptr_null(chardev_open(longer, loop, &e));
    ck_assert_ptr_nonnull(strstr(e.text, "107"));
}
END_TEST

START_TEST(memory)
{
    struct chardev *c = chardev_memory_new(loop);
    chardev_set_handler(c, on_event, NULL);
    ck_assert_str_eq(chardev_memory_output(c, NULL), "");
    static char big[CHARDEV_RX_SIZE + 10];
    ck_assert_uint_eq(chardev_memory_feed(c, big, sizeof big), CHARDEV_RX_SIZE);
    ck_assert_uint_eq(ready, 1);
    ck_assert_uint_eq(chardev_memory_feed(c, big, 1), 0);
    ck_assert_uint_eq(chardev_read(c, big, 100), 100);
    ck_assert_uint_eq(chardev_memory_feed(c, "wrap", 4), 4);
    ck_assert_uint_eq(chardev_read(c, big, CHARDEV_RX_SIZE - 100), CHARDEV_RX_SIZE - 100);
    ck_assert_uint_eq(chardev_read(c, big, sizeof big), 4);
    ck_assert_mem_eq(big, "wrap", 4);
    ck_assert(io_can_progress(loop));
    chardev_memory_end(c);
    ck_assert(!io_can_progress(loop));
    chardev_free(c);
}
END_TEST

/* --- stdio, in a child whose standard streams are pipes or a terminal --- */

static int exit_status(pid_t pid)
{
    int st;
    ck_assert_int_eq(waitpid(pid, &st, 0), pid);
    return st;
}

/* A child of a test: without the handlers that Check has installed. */
static pid_t fork_plain(void)
{
    fflush(NULL);
    pid_t pid = fork();
    ck_assert_int_ge(pid, 0);
    if (pid == 0)
        for (int sig = 1; sig < 32; sig++)
            if (sig != SIGSEGV && sig != SIGBUS && sig != SIGFPE) /* a sanitizer's */
                signal(sig, SIG_DFL);
    return pid;
}

/* Echoes input in capitals until no more can come, then tells what else it saw. */
static int echo_body(void)
{
    struct chardev *c = chardev_open("mon:stdio", loop, &e);
    char buf[64], told[64];
    size_t n;
    if (!c)
        return 1;
    chardev_set_handler(c, on_event, NULL);
    chardev_set_escape(c, on_escape, NULL);
    while (io_can_progress(loop) && !quits) {
        io_poll(loop, 1000);
        while ((n = chardev_read(c, buf, sizeof buf))) {
            for (size_t k = 0; k < n; k++)
                buf[k] = (char)(buf[k] >= 'a' && buf[k] <= 'z' ? buf[k] - 32 : buf[k]);
            if (chardev_write(c, buf, n) != n)
                return 2;
        }
    }
    snprintf(told, sizeof told, "|%u breaks %u quits %u monitors", breaks, quits, monitors);
    if (chardev_write(c, told, strlen(told)) != strlen(told))
        return 3;
    chardev_free(c);
    return 0;
}

/* Writes far more than a pipe holds, as fast as it is taken. */
static int flood_body(void)
{
    struct chardev *c = chardev_open("stdio", loop, &e);
    char line[101];
    if (!c)
        return 1;
    for (int i = 0; i < 5000; i++) {
        snprintf(line, sizeof line, "%099d\n", i);
        for (size_t n = 0; n < 100;) {
            size_t r = chardev_write(c, line + n, 100 - n);
            n += r;
            if (!r)
                io_poll(loop, 1000);
        }
    }
    chardev_free(c);
    return 0;
}

/* A child with pipes for its input and output; in[1] and out[0] are ours. */
static pid_t pipe_child(int in[2], int out[2], int (*body)(void))
{
    ck_assert(!pipe(in) && !pipe(out));
    pid_t pid = fork_plain();
    if (pid == 0) {
        dup2(in[0], 0);
        dup2(out[1], 1);
        close(in[0]), close(in[1]), close(out[0]), close(out[1]);
        _exit(body());
    }
    close(in[0]);
    close(out[1]);
    return pid;
}

START_TEST(stdio_through_pipes)
{
    int in[2], out[2];
    char buf[1024] = "";
    pid_t pid = pipe_child(in, out, echo_body);
    ck_assert_int_eq(write(in[1], "abc\1\1d\1be\1cf\1gh\1", 16), 16);
    close(in[1]);
    for (size_t n = 0; n < sizeof buf - 1;) {
        ssize_t r = read(out[0], buf + n, sizeof buf - 1 - n);
        if (r <= 0)
            break;
        n += (size_t)r;
    }
    ck_assert_str_eq(buf, "ABC\1DEFH|1 breaks 0 quits 1 monitors");
    ck_assert_int_eq(exit_status(pid), 0);
    close(out[0]);
}
END_TEST

START_TEST(stdio_slow_reader)
{
    int in[2], out[2], lines = 0;
    char buf[128];
    pid_t pid = pipe_child(in, out, flood_body);
    usleep(50000); /* the pipe is full by now */
    ck_assert_int_eq(waitpid(pid, NULL, WNOHANG), 0);
    FILE *f = fdopen(out[0], "r");
    for (; fgets(buf, sizeof buf, f); lines++)
        ck_assert_int_eq(atoi(buf), lines);
    ck_assert_int_eq(lines, 5000);
    ck_assert_int_eq(exit_status(pid), 0);
    fclose(f);
    close(in[1]);
}
END_TEST

START_TEST(stdio_blocked_can_be_ended)
{
    int in[2], out[2];
    pid_t pid = pipe_child(in, out, flood_body);
    usleep(50000);
    kill(pid, SIGTERM);
    int st = exit_status(pid);
    ck_assert(WIFSIGNALED(st) && WTERMSIG(st) == SIGTERM);
    close(in[1]), close(out[0]);
    pid = pipe_child(in, out, flood_body);
    usleep(50000);
    close(out[0]); /* `| head` has seen enough */
    st = exit_status(pid);
    ck_assert(WIFSIGNALED(st) && WTERMSIG(st) == SIGPIPE);
    close(in[1]);
}
END_TEST

/* A new terminal: its master, and one slave kept open so that its settings can be seen. */
static int master, slave;

static void terminal_setup(void)
{
    setup();
    master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
    ck_assert(master >= 0 && !grantpt(master) && !unlockpt(master));
    slave = open(ptsname(master), O_RDWR | O_NOCTTY | O_CLOEXEC);
    ck_assert_int_ge(slave, 0);
}

static void terminal_teardown(void)
{
    close(slave);
    close(master);
    teardown();
}

/* Makes the terminal the caller's own, in a session of its own, and its standard input and output. */
static void take_terminal(void)
{
    setsid();
    int fd = open(ptsname(master), O_RDWR);
    dup2(fd, 0);
    dup2(fd, 1);
    if (fd > 2)
        close(fd);
}

static bool is_raw(void)
{
    struct termios t;
    return !tcgetattr(slave, &t) && !(t.c_lflag & (ICANON | ECHO | ISIG)) && !(t.c_iflag & ICRNL) &&
           (t.c_oflag & OPOST);
}

static bool is_cooked(void)
{
    struct termios t;
    return !tcgetattr(slave, &t) && (t.c_lflag & ICANON) && (t.c_lflag & ECHO) && (t.c_lflag & ISIG) &&
           (t.c_iflag & ICRNL);
}

static bool become_raw(void)
{
    for (int i = 0; i < 500 && !is_raw(); i++)
        usleep(10000);
    return is_raw();
}

static pid_t terminal_child(int (*body)(void))
{
    pid_t pid = fork_plain();
    if (pid == 0) {
        take_terminal();
        _exit(body());
    }
    return pid;
}

START_TEST(terminal_escapes)
{
    ck_assert(is_cooked());
    pid_t pid = terminal_child(echo_body);
    ck_assert(become_raw());
    char buf[2048] = "";
    /* Ctrl-C, Ctrl-Z, Ctrl-D and CR go to the guest as they are. */
    ck_assert_int_eq(write(master, "a\3\32\4\r\1hz\1x", 10), 10);
    int st = exit_status(pid);
    ck_assert_int_eq(st, 0);
    ck_assert(is_cooked());
    ck_assert_int_gt(read(master, buf, sizeof buf - 1), 0);
    ck_assert_ptr_nonnull(strstr(buf, "Ctrl-A x"));
    ck_assert_ptr_nonnull(strstr(buf, "A\3\32\4\rZ|0 breaks 1 quits"));
}
END_TEST

static int wait_body(void)
{
    struct chardev *c = chardev_open("mon:stdio", loop, &e);
    while (c)
        io_poll(loop, 1000);
    return 1;
}

static const int sigs[] = {SIGTERM, SIGHUP, SIGINT, SIGQUIT, SIGPIPE, SIGABRT, SIGUSR1, SIGALRM, SIGXFSZ, SIGSYS};

START_TEST(terminal_restored_by_signals)
{
    pid_t pid = terminal_child(wait_body);
    ck_assert(become_raw());
    kill(pid, sigs[_i]);
    int st = exit_status(pid);
    ck_assert(WIFSIGNALED(st) && WTERMSIG(st) == sigs[_i]);
    ck_assert(is_cooked());
}
END_TEST

static int plain_body(void)
{
    struct chardev *c = chardev_open("stdio", loop, &e);
    struct termios t;
    if (!c || tcgetattr(slave, &t) || (t.c_lflag & (ICANON | ECHO)) || !(t.c_lflag & ISIG))
        return 1;
    for (;;)
        io_poll(loop, 1000);
}

/* On a plain console, without mon:, Ctrl-C is a signal. */
START_TEST(terminal_plain)
{
    pid_t pid = terminal_child(plain_body);
    for (int i = 0; i < 500 && is_cooked(); i++)
        usleep(10000);
    ck_assert_int_eq(write(master, "\3", 1), 1);
    int st = exit_status(pid);
    ck_assert(WIFSIGNALED(st) && WTERMSIG(st) == SIGINT);
    ck_assert(is_cooked());
}
END_TEST

static int exit_body(void)
{
    struct chardev *c = chardev_open("mon:stdio", loop, &e);
    if (!c || !is_raw())
        return 1;
    exit(42); /* without chardev_free() */
}

START_TEST(terminal_restored_by_exit)
{
    int st = exit_status(terminal_child(exit_body));
    ck_assert(WIFEXITED(st) && WEXITSTATUS(st) == 42);
    ck_assert(is_cooked());
}
END_TEST

/* The part of a shell: a session leader with one job in the foreground. Returns the number of the step that failed. */
static int job_control_body(void)
{
    int st;
    signal(SIGTTOU, SIG_IGN);
    pid_t job = fork();
    if (job == 0) {
        setpgid(0, 0);
        tcsetpgrp(0, getpid());
        signal(SIGTTOU, SIG_DFL);
        _exit(wait_body());
    }
    if (!become_raw())
        return 1;
    kill(job, SIGTSTP);
    if (waitpid(job, &st, WUNTRACED) != job || !WIFSTOPPED(st))
        return 2;
    if (!is_cooked())
        return 3;
    kill(job, SIGCONT);
    if (!become_raw())
        return 4;
    kill(job, SIGTSTP); /* it works more than once */
    if (waitpid(job, &st, WUNTRACED) != job || !WIFSTOPPED(st) || !is_cooked())
        return 5;
    tcsetpgrp(0, getpid());
    kill(job, SIGCONT); /* continued in the background: not its terminal */
    usleep(100000);
    if (!is_cooked())
        return 6;
    kill(job, SIGTERM);
    if (waitpid(job, &st, 0) != job || !WIFSIGNALED(st))
        return 7;
    return is_cooked() ? 0 : 8;
}

START_TEST(terminal_and_job_control)
{
    int st = exit_status(terminal_child(job_control_body));
    ck_assert_msg(st == 0, "step %d", WEXITSTATUS(st));
}
END_TEST

Suite *chardev_suite(void)
{
    Suite *s = suite_create("chardev");
    TCase *t = tcase_create("loop and backends");
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_set_timeout(t, 20);
    tcase_add_test(t, loop_sources);
    tcase_add_test(t, loop_wake);
    tcase_add_test(t, null_swallows);
    tcase_add_test(t, file_written_at_newline_poll_and_end);
    tcase_add_test(t, fifo_back_pressure);
    tcase_add_test(t, unix_server_and_client);
    tcase_add_test(t, tcp_server);
    tcase_add_test(t, pty);
    tcase_add_test(t, bad_specs);
    tcase_add_test(t, memory);
    tcase_add_test(t, stdio_through_pipes);
    tcase_add_test(t, stdio_slow_reader);
    tcase_add_test(t, stdio_blocked_can_be_ended);
    suite_add_tcase(s, t);
    t = tcase_create("terminal");
    tcase_add_checked_fixture(t, terminal_setup, terminal_teardown);
    tcase_set_timeout(t, 20);
    tcase_add_test(t, terminal_escapes);
    tcase_add_loop_test(t, terminal_restored_by_signals, 0, sizeof sigs / sizeof sigs[0]);
    tcase_add_test(t, terminal_plain);
    tcase_add_test(t, terminal_restored_by_exit);
    tcase_add_test(t, terminal_and_job_control);
    suite_add_tcase(s, t);
    return s;
}
