/* SPDX-License-Identifier: MIT */
#include "monitor/debug/gdb_beside.h"

#include "dev/io.h"
#include "machine_int.h"
#include "monitor/debug/gdb_int.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

struct gdb_beside {
    struct debugger *d;
    struct repl *r;
    struct out *out;
    struct gdb *g;
    bool connected; /* as the prompt's user was told last */
    /* The prompt's input, while it is waited for. */
    struct io_source input;
    int fd, index;
    bool readable;
};

/* ---- The prompt's input ---- */

static void prepare(struct io_source *s, struct io_pollset *p)
{
    struct gdb_beside *b = s->ctx;
    b->index = io_pollset_add(p, b->fd, POLLIN);
}

static void dispatch(struct io_source *s, const struct io_pollset *p)
{
    struct gdb_beside *b = s->ctx;
    b->readable |= io_pollset_revents(p, b->index) != 0;
}

/* ---- What the prompt's user is told ---- */

static bool tell_client(struct gdb_beside *b)
{
    if (b->connected == b->g->connected)
        return false;
    b->connected = b->g->connected;
    out_puts(b->out, b->connected ? "\ngdb has come: the machine is run from there.\n"
                                  : "\ngdb has gone: the machine is run from here again.\n");
    return true;
}

/* gdb's own stops are its user's business. */
static bool tell_stop(struct gdb_beside *b, const struct debug_stop *s)
{
    switch (s->reason) {
    case DEBUG_STEPPED:
    case DEBUG_QUIT: return false;
    case DEBUG_BREAK:
    case DEBUG_WATCH:
    case DEBUG_CATCH:
    case DEBUG_EVENT:
        if (s->number <= 0)
            return false;
        out_printf(b->out, "\nStopped by %d while gdb ran the machine; gdb was told.\n", s->number);
        break;
    case DEBUG_INTERRUPT:
    case DEBUG_MONITOR: out_puts(b->out, "\nStopped while gdb ran the machine; gdb was told.\n"); break;
    case DEBUG_ENDED: out_puts(b->out, "\nThe guest has ended; gdb was told.\n"); break;
    }
    repl_greet(b->r);
    return true;
}

/* ---- The partner ---- */

static bool run(struct gdb_beside *b)
{
    struct debug_stop s;
    repl_partner_begins(b->r);
    gdb_run(b->g, UINT64_MAX, &s);
    repl_partner_ends(b->r);
    if (s.reason == DEBUG_QUIT)
        repl_stop(b->r);
    return tell_stop(b, &s);
}

/* gdb's `kill` ends no more than the guest: the machine stands at power-on again. */
static bool revive(struct gdb_beside *b)
{
    struct err e = {.text = ""};
    bool bad = debugger_reset(b->d, &e);
    b->g->state = b->g->connected && b->g->extended ? GDB_HOLDS : GDB_AWAY;
    out_printf(b->out, "\ngdb has killed the guest; run starts it again.%s%s\n", bad ? " " : "", bad ? e.text : "");
    return true;
}

static bool wait_for_input(void *ctx, int fd)
{
    struct gdb_beside *b = ctx;
    bool printed = false;
    if (debugger_is_nested(b->d)) /* the machine stands in the midst of an instruction: gdb must wait */
        return false;
    b->fd = fd;
    b->readable = false;
    io_add_source(b->g->m->io, &b->input);
    while (!b->readable && !repl_is_stopped(b->r)) {
        gdb_handle(b->g);
        printed |= tell_client(b);
        switch (gdb_state(b->g)) {
        case GDB_RUNS: printed |= run(b); break;
        case GDB_KILLED: printed |= revive(b); break;
        case GDB_AWAY:
        case GDB_HOLDS:
            if (!gdb_wait(b->g, -1))
                repl_stop(b->r);
            break;
        }
        fflush(stdout);
    }
    io_remove_source(b->g->m->io, &b->input);
    return printed;
}

static const char *refuses(void *ctx)
{
    const struct gdb_beside *b = ctx;
    return b->g->connected && b->g->state != GDB_AWAY ? "gdb has the machine: run it from there, or detach there first"
                                                      : NULL;
}

/* A client that comes, or goes, or says something stops the prompt's run: it is heard then. */
static void running(void *ctx, bool on)
{
    struct gdb_beside *b = ctx;
    b->g->in_run = on;
    b->g->interrupted = false;
}

/* ---- */

struct gdb_beside *gdb_beside_new(struct debugger *d, struct repl *r, struct out *out, const char *spec, struct err *e)
{
    struct gdb_beside *b = calloc(1, sizeof *b);
    if (!b) {
        err_set(e, -ENOMEM, "-gdb %s: out of memory", spec);
        return NULL;
    }
    b->d = d;
    b->r = r;
    b->out = out;
    b->input = (struct io_source){.prepare = prepare, .dispatch = dispatch, .ctx = b};
    b->g = gdb_open(d, spec, false, e);
    if (!b->g) {
        free(b);
        return NULL;
    }
    const struct repl_partner partner = {.ctx = b, .wait = wait_for_input, .refuses = refuses, .running = running};
    repl_set_partner(r, &partner);
    return b;
}

void gdb_beside_free(struct gdb_beside *b)
{
    if (!b)
        return;
    repl_set_partner(b->r, NULL);
    gdb_close(b->g);
    free(b);
}

struct gdb *gdb_beside_gdb(struct gdb_beside *b)
{
    return b->g;
}
