/* SPDX-License-Identifier: MIT */
#include "monitor/vmm/consoles.h"

#include "dev/io.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct port {
    struct vm_consoles *all;
    unsigned number;
    struct chardev *chr; /* the VM's end; NULL: none */
    bool ended;
};

struct vm_consoles {
    struct io_loop *io;
    struct chardev *terminal;
    void (*escape)(void *ctx, enum chardev_escape what);
    void *escape_ctx;
    struct port port[VMM_MAX_VMS + 1]; /* by number */
    unsigned keys_to;                  /* who gets what is typed */
    unsigned line_of;                  /* whose unfinished line stands on the terminal; 0: none */
    bool input_ended;
};

static void print(struct vm_consoles *c, const void *buf, size_t len)
{
    const char *p = buf;
    while (len && !io_woken(c->io)) {
        size_t n = chardev_write(c->terminal, p, len);
        p += n;
        len -= n;
        if (len && !n)
            chardev_drain(c->terminal);
    }
}

/* Whoever's line is unfinished, it ends here. */
static void end_line(struct vm_consoles *c)
{
    if (c->line_of)
        print(c, "\r\n", 2);
    c->line_of = 0;
}

static void output(void *ctx, const void *buf, size_t len)
{
    struct port *p = ctx;
    struct vm_consoles *c = p->all;
    const char *from = buf, *end = from + len;
    while (from < end) {
        if (c->line_of != p->number) {
            char prefix[16];
            if (*from == '\r' && from + 1 < end) { /* of a "\r\n" whose line another guest has cut off */
                from++;
                continue;
            }
            end_line(c);
            print(c, prefix, (size_t)snprintf(prefix, sizeof prefix, "[%u] ", p->number));
            c->line_of = p->number;
        }
        const char *newline = memchr(from, '\n', (size_t)(end - from));
        const char *stop = newline ? newline + 1 : end;
        print(c, from, (size_t)(stop - from));
        if (newline)
            c->line_of = 0;
        from = stop;
    }
}

/* What was typed goes on to its guest, as far as that has room. */
static void pass_keys(struct vm_consoles *c)
{
    struct chardev *to = c->port[c->keys_to].chr;
    uint8_t buf[256];
    while (to && chardev_readable(c->terminal) && chardev_readable(to) + sizeof buf <= CHARDEV_RX_SIZE) {
        size_t n = chardev_read(c->terminal, buf, sizeof buf);
        (void)!chardev_memory_feed(to, buf, n); /* there is room */
    }
}

/* The next one that can be typed to, in the order of numbers; 0: no other. */
static unsigned next_port(const struct vm_consoles *c)
{
    for (unsigned k = 1; k <= VMM_MAX_VMS; k++) {
        unsigned n = (c->keys_to + k) % (VMM_MAX_VMS + 1);
        if (c->port[n].chr && !c->port[n].ended && n != c->keys_to)
            return n;
    }
    return 0;
}

static void choose(void *ctx, unsigned digit)
{
    struct vm_consoles *c = ctx;
    char text[96];
    pass_keys(c);
    unsigned n = digit == CHARDEV_NEXT ? next_port(c) : digit;
    bool there = n && n <= VMM_MAX_VMS && c->port[n].chr, ended = there && c->port[n].ended;
    end_line(c);
    if (there && !ended)
        c->keys_to = n;
    int len = there && !ended ? snprintf(text, sizeof text, "(keys go to vm %u)\r\n", n)
              : ended         ? snprintf(text, sizeof text, "(vm %u has ended; keys go to vm %u)\r\n", n, c->keys_to)
              : n ? snprintf(text, sizeof text, "(there is no vm %u here; keys go to vm %u)\r\n", n, c->keys_to)
                  : snprintf(text, sizeof text, "(there is no other; keys go to vm %u)\r\n", c->keys_to);
    print(c, text, (size_t)len);
}

static void escape(void *ctx, enum chardev_escape what)
{
    struct vm_consoles *c = ctx;
    c->escape(c->escape_ctx, what);
}

/* Only a break comes by itself: keys are fetched. */
static void on_terminal(void *ctx, enum chardev_event what)
{
    struct vm_consoles *c = ctx;
    struct chardev *to = c->port[c->keys_to].chr;
    if (what == CHARDEV_BREAK && to)
        chardev_memory_break(to);
}

struct vm_consoles *consoles_new(const char *spec, void (*escaped)(void *ctx, enum chardev_escape what), void *ctx,
                                 struct err *e)
{
    struct vm_consoles *c = calloc(1, sizeof *c);
    if (!c || !(c->io = io_loop_new())) {
        free(c);
        err_set(e, -ENOMEM, "out of memory or file descriptors");
        return NULL;
    }
    c->escape = escaped;
    c->escape_ctx = ctx;
    c->keys_to = 1;
    for (unsigned n = 0; n <= VMM_MAX_VMS; n++)
        c->port[n] = (struct port){.all = c, .number = n};
    c->terminal = chardev_open(spec, c->io, e);
    if (!c->terminal) {
        io_loop_free(c->io);
        free(c);
        return NULL;
    }
    chardev_set_escape(c->terminal, escape, c);
    chardev_set_digit(c->terminal, choose, c);
    chardev_set_handler(c->terminal, on_terminal, c);
    return c;
}

void consoles_free(struct vm_consoles *c)
{
    if (!c)
        return;
    end_line(c);
    chardev_free(c->terminal);
    io_loop_free(c->io);
    free(c);
}

bool consoles_hold(struct vm_consoles *c)
{
    c->line_of = 0; /* who holds it begins a new line */
    return chardev_hold(c->terminal);
}

void consoles_release(struct vm_consoles *c)
{
    chardev_release(c->terminal);
}

void *consoles_port_of(struct vm_consoles *c, unsigned n)
{
    return &c->port[n];
}

struct chardev *consoles_open(void *port, struct io_loop *loop, struct err *e)
{
    struct port *p = port;
    char name[32];
    snprintf(name, sizeof name, "console %u", p->number);
    p->chr = chardev_call_new(loop, name, output, p);
    if (!p->chr)
        err_set(e, -ENOMEM, "no memory for the console of vm %u", p->number);
    if (!p->all->port[p->all->keys_to].chr)
        p->all->keys_to = p->number;
    return p->chr;
}

void consoles_close(struct vm_consoles *c, unsigned n)
{
    c->port[n].chr = NULL;
}

unsigned consoles_keys_to(const struct vm_consoles *c)
{
    return c->keys_to;
}

void consoles_end_line(struct vm_consoles *c)
{
    end_line(c);
    chardev_flush(c->terminal);
}

void consoles_ended(struct vm_consoles *c, unsigned n)
{
    c->port[n].ended = true;
    /* Who is no person has written the input for one guest: it is not for the others. */
    if (n == c->keys_to && isatty(STDIN_FILENO) && next_port(c))
        choose(c, CHARDEV_NEXT);
}

bool consoles_poll(struct vm_consoles *c, int timeout_ms)
{
    io_poll(c->io, timeout_ms);
    bool some = chardev_readable(c->terminal) != 0;
    pass_keys(c);
    if (!c->input_ended && !io_can_progress(c->io) && !chardev_readable(c->terminal)) {
        c->input_ended = true; /* a guest that waits for nothing but keys waits for ever */
        for (unsigned n = 0; n <= VMM_MAX_VMS; n++)
            if (c->port[n].chr)
                chardev_memory_end(c->port[n].chr);
    }
    return some;
}

void consoles_flush(struct vm_consoles *c)
{
    chardev_flush(c->terminal);
}
