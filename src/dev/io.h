/* SPDX-License-Identifier: MIT */
/*
 * The host side of devices: one loop over file descriptors, timers and whatever else can bring bytes to the machine.
 *
 * The machine calls io_poll() now and then while harts run (timeout 0), and with a timeout when every hart waits. A source
 * says before each poll which descriptors it waits for, and hears of the outcome after it. Nothing here has a thread.
 */
#ifndef VITRINE_IO_H
#define VITRINE_IO_H

#include "base/base.h"

#include <poll.h>

struct io_loop;

/* What one poll waits for. A source adds to it in prepare() and asks it in dispatch(); it is only valid during these calls. */
struct io_pollset {
    struct pollfd *fds;
    size_t count, cap;
    int timeout_ms; /* longest wait, -1 = for ever; a source may lower it, see io_pollset_timeout() */
    bool error;     /* in dispatch(): poll() itself failed or was interrupted, no revents are valid (they read 0) */
};

/* Waits for POLLIN / POLLOUT / POLLPRI on fd. Returns the index to ask for after the poll, or -1 when out of memory. */
int io_pollset_add(struct io_pollset *p, int fd, short events);
/* What poll() saw for that index; 0 for -1. */
short io_pollset_revents(const struct io_pollset *p, int index);
/* This poll is to return within ms milliseconds (negative = no wish). */
void io_pollset_timeout(struct io_pollset *p, int ms);

/* Embedded in whoever has something to wait for; zero the struct, fill the first four fields, then io_add_source(). */
struct io_source {
    /* Before each poll: add descriptors, lower the timeout, push out what is buffered. NULL: nothing to wait for. */
    void (*prepare)(struct io_source *s, struct io_pollset *p);
    /* After each poll, whatever came of it. NULL: nothing to do. */
    void (*dispatch)(struct io_source *s, const struct io_pollset *p);
    /* Can this source ever again bring something to the guest, be it a byte, a connection or room for output that waits?
     * False once its input has ended. NULL = never. */
    bool (*alive)(struct io_source *s);
    void *ctx;
    struct io_source *next; /* the loop's */
};

struct io_loop *io_loop_new(void); /* NULL: the host is out of descriptors or memory */
void io_loop_free(struct io_loop *l);

void io_add_source(struct io_loop *l, struct io_source *s);
/* May be called from any callback, also for the source that is being called. */
void io_remove_source(struct io_loop *l, struct io_source *s);

/* Waits up to timeout_ms (0 = just look, -1 = for ever) and lets each source dispatch. Returns the number of descriptors
 * that were ready; 0 also after a wake, a timeout or a signal. */
int io_poll(struct io_loop *l, int timeout_ms);

/* Makes the running or next io_poll() return at once and io_woken() true. May be called from a signal handler. */
void io_wake(struct io_loop *l);
/* Was there an io_wake() since the last io_clear_woken()? One atomic load. */
bool io_woken(const struct io_loop *l);
void io_clear_woken(struct io_loop *l);
/* A descriptor that polls as readable while io_woken(), for whoever must wait on its own. */
int io_wake_fd(const struct io_loop *l);

/* Is any source alive? If not, and no timer is set, a machine whose harts all wait can never move again. */
bool io_can_progress(struct io_loop *l);

#endif
