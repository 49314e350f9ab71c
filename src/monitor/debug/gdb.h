/* SPDX-License-Identifier: MIT */
/*
 * A gdb stub: gdb's remote serial protocol over a socket or standard input and output, in all-stop mode. Threads are harts, thread id = hart
 * number + 1. One client at a time, which may leave and come back; what it does can end its own session and nothing else.
 *
 * A stub has a port in its machine's I/O loop, so that it hears its client while the machine runs. It acts on what it heard between runs:
 *
 * gdb_handle(), then gdb_wait() while a client holds the machine, else gdb_run(); gdb_serve() is that loop for whoever has nothing else to do.
 */
#ifndef VITRINE_GDB_H
#define VITRINE_GDB_H

#include "monitor/debug/debugger.h"
#include "monitor/debug/out.h"

struct gdb;

enum gdb_state {
    GDB_AWAY,  /* no client: the machine is its owner's */
    GDB_HOLDS, /* a client has the machine stopped */
    GDB_RUNS,  /* a client wants it to run: gdb_run() */
    GDB_KILLED /* a client asked for the machine's end */
};

/* Opens a port, in QEMU's spellings: tcp:[HOST]:PORT (host: 127.0.0.1 when not given; port 0: any free one), unix:PATH, stdio; what else those
 * take, as server and wait=off, is accepted. d must outlive the stub. hold: the machine waits for a client to let it run (-S).
 * NULL with e set. */
MUST_USE struct gdb *gdb_open(struct debugger *d, const char *spec, bool hold, struct err *e);
/* Ends the session, if any; takes its breakpoints out. NULL is fine. */
void gdb_close(struct gdb *g);

/* Where it listens, for people: "127.0.0.1:1234". */
const char *gdb_where(const struct gdb *g);
/* Who does what a client gives to `monitor`; true: the machine is to end. NULL: nobody. */
void gdb_set_monitor(struct gdb *g, bool (*fn)(void *ctx, const char *line, struct out *o), void *ctx);

enum gdb_state gdb_state(const struct gdb *g);
/* Acts on what has arrived. Between runs. */
void gdb_handle(struct gdb *g);
/* Waits for input on the machine's I/O loop, at most timeout_ms (-1: for ever). False: machine_stop() was called. */
MUST_USE bool gdb_wait(struct gdb *g, int timeout_ms);
/* Runs the machine as the client wants, or freely when there is none, until it stops; at most limit instructions. *s tells why; a client that
 * waits for it has been told. */
void gdb_run(struct gdb *g, uint64_t limit, struct debug_stop *s);
/* Runs the machine for its clients, and freely while there is none, until it ends, is stopped by machine_stop(), or `limit` instructions have
 * retired since power-on. */
void gdb_serve(struct gdb *g, uint64_t limit, struct machine_result *r);
/* The machine stopped or ended by another's doing: tells a client that waits for it. */
void gdb_tell(struct gdb *g, const struct debug_stop *s);

/* ---- A session without a port, for tests: bytes in, bytes out ---- */

MUST_USE struct gdb *gdb_new(struct debugger *d, void (*send)(void *ctx, const void *buf, size_t len), void *ctx);
/* A client has come or gone. */
void gdb_connect(struct gdb *g, bool on);
/* Bytes from the client; acts on them at once. Returns how many were taken: no more behind a packet that makes the machine run. */
size_t gdb_feed(struct gdb *g, const void *buf, size_t len);

#endif
