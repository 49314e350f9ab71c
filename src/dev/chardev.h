/* SPDX-License-Identifier: MIT */
/*
 * A stream of bytes to and from the host: what is behind a serial line or a console.
 *
 * Output goes through a buffer of CHARDEV_TX_SIZE bytes, which is written to the host at each newline, when it is full, and
 * at each io_poll(). When the host takes no more, chardev_write() accepts fewer bytes than offered; nothing accepted is
 * ever lost. Input is read into a ring during io_poll() and waits there until the device takes it.
 * The end of the input ends nothing else.
 */
#ifndef VITRINE_CHARDEV_H
#define VITRINE_CHARDEV_H

#include "base/base.h"
#include "base/err.h"

struct chardev;
struct io_loop;

enum { CHARDEV_TX_SIZE = 4096, CHARDEV_RX_SIZE = 65536, CHARDEV_NEXT = 10 };

enum chardev_event {
    CHARDEV_READY, /* there is input to read, or room for output where there was none */
    CHARDEV_BREAK, /* the user asked for a serial break (Ctrl-A b) */
};

/* What the user typed after Ctrl-A. */
enum chardev_escape {
    CHARDEV_ESC_QUIT,    /* Ctrl-A x */
    CHARDEV_ESC_MONITOR, /* Ctrl-A c: the debugger's hook */
};

/* What Ctrl-A h prints, with CR LF line ends. */
extern const char chardev_escape_help[];

/*
 * Opens a backend from a `-serial` argument in QEMU's spelling:
 *   stdio[,signal=on|off] mon:stdio null none pty file:PATH[,append=on] pipe:PATH
 *   unix:PATH[,server=on|off][,wait=on|off]  tcp:HOST:PORT[,server=on|off][,wait=on|off]  (also the older server, nowait)
 * `mon:` is accepted before any backend; with it stdio's signal is off unless said (Ctrl-C goes to the guest), without it on. wait=on waits for the first client before it returns.
 * NULL with e set when it cannot.
 */
MUST_USE struct chardev *chardev_open(const char *spec, struct io_loop *loop, struct err *e);
/* Pushes out what is buffered (waiting for the host to take it unless io_wake() interrupts), restores a terminal, closes. */
void chardev_free(struct chardev *c);

/* "stdio", "pty /dev/pts/3", ...: for messages and `info`. */
const char *chardev_name(const struct chardev *c);

/* Takes up to len bytes and returns how many it took; 0 = the host is slow, CHARDEV_READY follows when it has room. */
MUST_USE size_t chardev_write(struct chardev *c, const void *buf, size_t len);
/* From now on chardev_write() waits for a slow host, until io_wake(): for who must not be shown how fast the host is. */
void chardev_set_waiting(struct chardev *c);
/* Gives up to len bytes of input; 0 = none now. */
size_t chardev_read(struct chardev *c, void *buf, size_t len);
/* Bytes of input that wait. */
size_t chardev_readable(const struct chardev *c);
/* Writes the buffer to the host as far as that does not block. */
void chardev_flush(struct chardev *c);
/* Like chardev_flush(), but waits until all is written, its reader is gone, or io_wake() was called. */
void chardev_drain(struct chardev *c);

/* Whoever is in front of the stream; one at a time. fn is only called from io_poll(). */
void chardev_set_handler(struct chardev *c, void (*fn)(void *ctx, enum chardev_event ev), void *ctx);
/* Who hears of Ctrl-A x and Ctrl-A c; stdio only. Without one, Ctrl-A goes to the guest like any other byte. */
void chardev_set_escape(struct chardev *c, void (*fn)(void *ctx, enum chardev_escape what), void *ctx);

/* Hears of input as it comes in, before the device does. */
void chardev_set_tap(struct chardev *c, void (*fn)(void *ctx, const void *buf, size_t len), void *ctx);
/* Who hears of Ctrl-A and a digit, or n (CHARDEV_NEXT); stdio only. */
void chardev_set_digit(struct chardev *c, void (*fn)(void *ctx, unsigned digit), void *ctx);
/* A backend whose output goes to a function, which takes all of it, and whose input is fed by chardev_memory_feed(). */
MUST_USE struct chardev *chardev_call_new(struct io_loop *loop, const char *name,
                                          void (*fn)(void *ctx, const void *buf, size_t len), void *ctx);

/* Standard input and output, shared with somebody who talks to the user (a debugger at its prompt). Holding pushes out what is buffered and gives
 * the terminal back as it was found; nothing may poll until it is released. Holding returns whether the last line on it was a whole one. Other
 * backends only push out. */
bool chardev_hold(struct chardev *c);
void chardev_release(struct chardev *c);

/* A backend in memory, for tests and for output that the program itself reads. loop may be NULL. */
MUST_USE struct chardev *chardev_memory_new(struct io_loop *loop);
/* Appends input for the guest, as much as fits; returns how much. The device hears of it. */
size_t chardev_memory_feed(struct chardev *c, const void *buf, size_t len);
/* All output so far, NUL-terminated, owned by c and valid until the next write. len may be NULL. */
const char *chardev_memory_output(struct chardev *c, size_t *len);
/* From now on takes at most n more bytes of output (SIZE_MAX = any): a slow host. The device hears when n grows. */
void chardev_memory_allow(struct chardev *c, size_t n);
/* As if the user had typed a break. */
void chardev_memory_break(struct chardev *c);
/* From now on there is no more input than what was fed. */
void chardev_memory_end(struct chardev *c);

#endif
