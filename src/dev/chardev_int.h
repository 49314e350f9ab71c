/* SPDX-License-Identifier: MIT */
/* What the files of the character backends share; nobody else includes this. */
#ifndef VITRINE_CHARDEV_INT_H
#define VITRINE_CHARDEV_INT_H

#include "dev/chardev.h"
#include "dev/io.h"

/* How bytes reach out_fd without ever blocking inside write(). */
enum chardev_out {
    OUT_NONE,   /* nowhere: null, or nobody is connected */
    OUT_PLAIN,  /* a regular file, or a descriptor that is O_NONBLOCK */
    OUT_POLLED, /* a shared blocking descriptor: poll first, then no more than a pipe takes whole */
    OUT_SOCKET, /* send() with MSG_DONTWAIT */
    OUT_MEMORY,
    OUT_CALL /* call() */
};

struct chardev {
    char name[160];
    struct io_loop *loop;
    struct io_source source;
    bool has_source;

    int in_fd, out_fd; /* -1 = none; may be the same */
    int listen_fd;     /* server sockets: where clients arrive; -1 = none */
    int in_index, out_index, listen_index;
    enum chardev_out out;
    bool owns_fds;              /* close in_fd and out_fd in the end */
    bool is_stdio, is_tty, raw; /* raw: chardev_term holds the terminal */
    bool signals;               /* Ctrl-C and Ctrl-Z stay with the host */
    bool mid_line;              /* what was written last ended in no newline */
    bool lent;                  /* chardev_hold(): its input is somebody else's */
    bool is_pty, hung_up;       /* pty: no process has the other side open */
    bool endless;               /* its end of input is not final: another writer or client may come */
    bool patient;               /* chardev_drain() waits for ever, not 2 s: a person or a file is at the other end */
    bool eof;
    char unlink_path[128]; /* a socket of ours in the file system */

    uint8_t tx[CHARDEV_TX_SIZE];
    size_t tx_start, tx_len;
    bool refused; /* chardev_write() took less than it was offered */
    bool waiting; /* it is to wait instead: see chardev_set_waiting() */

    uint8_t rx[CHARDEV_RX_SIZE];
    size_t rx_start, rx_len;

    void (*handler)(void *ctx, enum chardev_event ev);
    void *handler_ctx;
    void (*escape)(void *ctx, enum chardev_escape what);
    void *escape_ctx;
    bool after_ctrl_a;
    void (*digit)(void *ctx, unsigned digit);
    void *digit_ctx;
    void (*tap)(void *ctx, const void *buf, size_t len);
    void *tap_ctx;
    void (*call)(void *ctx, const void *buf, size_t len);
    void *call_ctx;

    char *captured; /* OUT_MEMORY */
    size_t captured_len, captured_cap, allowance;
};

/* A chardev with no backend yet, in no loop. NULL: out of memory. */
struct chardev *chardev_alloc(struct io_loop *loop, const char *name);
/* Puts the finished chardev into its loop. */
void chardev_start(struct chardev *c);
void chardev_set_fds(struct chardev *c, int in_fd, int out_fd, enum chardev_out out, bool owned);
/* chardev_socket.c: takes a waiting client. False: none was there. */
bool chardev_accept(struct chardev *c);

/*
 * chardev_term.c: the terminal in raw mode.
 * Raw mode is left on every way out of the process: chardev_term_leave(), exit(), a fatal signal, and for the time of a stop.
 * A signal that the program has a handler for is left to it. signals: Ctrl-C and Ctrl-Z stay with the host.
 * One terminal per process; false: it is no terminal, or one is held already.
 */
bool chardev_term_enter(int fd, bool signals);
void chardev_term_leave(void);

#endif
