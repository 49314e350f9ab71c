/* SPDX-License-Identifier: MIT */
/* The gdb stub's session: the table of packets, answers, clients that come and go. */
#include "monitor/debug/gdb_int.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- Answers ---- */

void gdb_put_bytes(struct gdb *g, const void *bytes, size_t n)
{
    n = min_u64(n, GDB_PACKET_MAX - g->len);
    memcpy(g->out + g->len, bytes, n);
    g->len += n;
}

void gdb_put(struct gdb *g, const char *text)
{
    gdb_put_bytes(g, text, strlen(text));
}

void gdb_printf(struct gdb *g, const char *fmt, ...)
{
    char text[512];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    gdb_put(g, text);
}

void gdb_put_hex(struct gdb *g, const void *bytes, size_t n)
{
    static const char digits[] = "0123456789abcdef";
    const uint8_t *p = bytes;
    for (size_t i = 0; i < n; i++) {
        char two[] = {digits[p[i] >> 4], digits[p[i] & 15]};
        gdb_put_bytes(g, two, sizeof two);
    }
}

void gdb_error(struct gdb *g, enum gdb_error code, const char *words)
{
    g->len = 0;
    if (g->words)
        gdb_printf(g, "E.%s", words);
    else
        gdb_printf(g, "E%02x", (unsigned)code);
}

void gdb_flush(struct gdb *g)
{
    gdb_wire_packet(&g->wire, g->out, g->len);
    g->len = 0;
    gdb_port_flush(g, true);
}

/* ---- Pieces of packets ---- */

struct hart *gdb_hart(struct gdb *g, unsigned n)
{
    return machine_hart(g->m, n);
}

bool gdb_eat(const char **p, char c)
{
    if (**p != c)
        return false;
    ++*p;
    return true;
}

bool gdb_thread(struct gdb *g, const char **p, int *hart)
{
    uint64_t id;
    if (!strncmp(*p, "-1", 2)) {
        *p += 2;
        *hart = GDB_ALL;
        return true;
    }
    if (!gdb_hex_u64(p, &id) || id > MACHINE_MAX_HARTS)
        return false;
    *hart = id ? (int)id - 1 : GDB_ANY;
    return !id || gdb_hart(g, (unsigned)*hart);
}

/* ---- The packets ---- */

/* A prefix stands behind those that it begins. bare: nothing may follow it. */
static const struct packet_row {
    const char *prefix;
    gdb_packet *fn;
    bool bare;
} packets[] = {
    {"?", gdb_reason, true},
    {"!", gdb_go_extended, true},
    {"g", gdb_read_all, false},
    {"G", gdb_write_all, false},
    {"p", gdb_read_one, false},
    {"P", gdb_write_one, false},
    {"m", gdb_read_hex, false},
    {"M", gdb_write_hex, false},
    {"x", gdb_read_binary, false},
    {"X", gdb_write_binary, false},
    {"Z", gdb_insert, false},
    {"z", gdb_remove, false},
    {"H", gdb_set_thread, false},
    {"T", gdb_thread_alive, false},
    {"c", gdb_continue, false},
    {"C", gdb_continue_signal, false},
    {"s", gdb_step, false},
    {"S", gdb_step_signal, false},
    {"bc", gdb_reverse, true},
    {"bs", gdb_reverse, true},
    {"vCont?", gdb_vcont_kinds, true},
    {"vCont", gdb_vcont, false},
    {"vKill;", gdb_vkill, false},
    {"vRun;", gdb_run_program, false},
    {"vAttach;", gdb_attach, false},
    {"k", gdb_kill, true},
    {"D", gdb_detach, false},
    {"R", gdb_restart, false},
    {"qSupported", gdb_supported, false},
    {"qXfer:", gdb_transfer, false},
    {"qC", gdb_current, true},
    {"qfThreadInfo", gdb_first_threads, true},
    {"qsThreadInfo", gdb_next_threads, true},
    {"qThreadExtraInfo,", gdb_thread_text, false},
    {"qAttached", gdb_attached, false},
    {"qSymbol:", gdb_symbol, false},
    {"qRcmd,", gdb_monitor_line, false},
    {"qqemu.Supported", gdb_qemu_supported, true},
    {"qqemu.PhyMemMode", gdb_get_space, true},
    {"qqemu.sstepbits", gdb_get_sstep_bits, true},
    {"qqemu.sstep", gdb_get_sstep, true},
    {"Qqemu.PhyMemMode:", gdb_set_space, false},
    {"Qqemu.sstep=", gdb_set_sstep, false},
    {"Qqemu.sstep:", gdb_set_sstep, false},
    {"QStartNoAckMode", gdb_no_ack, true},
};

/* What no row knows gets an empty answer, by which a client sees that it is not known. */
static void act_on_packet(struct gdb *g)
{
    const char *in = g->wire.in, *end = in + g->wire.len;
    g->len = 0;
    g->silent = false;
    for (size_t i = 0; i < ARRAY_LEN(packets); i++) {
        const struct packet_row *r = &packets[i];
        size_t n = strlen(r->prefix);
        if (g->wire.len < n || memcmp(in, r->prefix, n) != 0 || (r->bare && g->wire.len != n))
            continue;
        r->fn(g, in + n, end);
        break;
    }
    if (!g->silent)
        gdb_flush(g);
}

/* ---- Hearing the client ---- */

void gdb_interrupt(struct gdb *g)
{
    if (!g->in_run || g->interrupted)
        return;
    g->interrupted = true;
    debugger_interrupt_for(g->d, DEBUG_INTERRUPT);
}

size_t gdb_take(struct gdb *g, const uint8_t *bytes, size_t n)
{
    size_t i = 0;
    while (i < n && g->pending == WIRE_NONE)
        g->pending = gdb_wire_feed(&g->wire, bytes[i++]);
    if (g->pending != WIRE_NONE)
        gdb_interrupt(g);
    return i;
}

static void act(struct gdb *g)
{
    enum gdb_wire_event what = g->pending;
    g->pending = WIRE_NONE;
    switch (what) {
    case WIRE_NONE:
    case WIRE_BREAK: break; /* stopped already */
    case WIRE_PACKET: act_on_packet(g); break;
    case WIRE_TOO_LONG:
        g->len = 0;
        gdb_error(g, GDB_E_ARGUMENT, "longer than PacketSize");
        gdb_flush(g);
        break;
    }
}

void gdb_connect(struct gdb *g, bool on)
{
    gdb_forget_stops(g);
    gdb_wire_reset(&g->wire);
    g->pending = WIRE_NONE;
    g->connected = on;
    g->swbreak = g->hwbreak = g->words = g->extended = g->killed = g->physical = false;
    g->hart = debugger_last(g->d)->hart;
    g->run_hart = GDB_ALL;
    g->sstep = SSTEP_DEFAULT;
    g->watched = 0;
    g->stop = *debugger_last(g->d);
    if (g->stop.reason == DEBUG_INTERRUPT) /* by its own coming */
        g->stop.reason = DEBUG_STEPPED;
    if (g->state != GDB_KILLED)
        g->state = on ? GDB_HOLDS : GDB_AWAY;
}

void gdb_handle(struct gdb *g)
{
    while (g->state != GDB_KILLED) {
        if (g->left) {
            g->left = false;
            bool over = g->killed || (gdb_port_finished(g) && g->state != GDB_AWAY);
            gdb_connect(g, false);
            if (over) { /* killed for good; or nobody can come again, and nobody said that it is to run on */
                g->state = GDB_KILLED;
                break;
            }
        }
        if (g->arrived) {
            g->arrived = false;
            gdb_connect(g, true);
        }
        if (g->state == GDB_RUNS)
            break;
        if (g->pending == WIRE_NONE)
            gdb_port_pump(g);
        if (g->pending != WIRE_NONE)
            act(g);
        else if (!g->left)
            break;
    }
    gdb_port_flush(g, false);
}

size_t gdb_feed(struct gdb *g, const void *buf, size_t len)
{
    size_t done = 0;
    while (done < len && g->state != GDB_RUNS && g->state != GDB_KILLED) {
        done += gdb_take(g, (const uint8_t *)buf + done, len - done);
        gdb_handle(g);
    }
    return done;
}

/* After a run: is it over? *r tells. */
static bool is_served(struct gdb *g, const struct debug_stop *s, uint64_t limit, struct machine_result *r)
{
    switch (s->reason) {
    case DEBUG_ENDED: *r = s->result; return gdb_state(g) != GDB_HOLDS;
    case DEBUG_QUIT: *r = (struct machine_result){.end = MACHINE_STOP}; return true;
    case DEBUG_STEPPED:
    case DEBUG_BREAK:
    case DEBUG_WATCH:
    case DEBUG_CATCH:
    case DEBUG_EVENT:
    case DEBUG_INTERRUPT:
    case DEBUG_MONITOR: break;
    }
    *r = (struct machine_result){.end = MACHINE_BUDGET};
    return machine_stats(g->m)->insns >= limit;
}

void gdb_serve(struct gdb *g, uint64_t limit, struct machine_result *r)
{
    struct debug_stop s;
    for (;;) {
        gdb_handle(g);
        bool stopped = gdb_state(g) == GDB_KILLED;
        if (gdb_state(g) == GDB_HOLDS) {
            stopped = !gdb_wait(g, -1);
        } else if (!stopped) {
            gdb_run(g, limit == UINT64_MAX ? limit : limit - machine_stats(g->m)->insns, &s);
            if (is_served(g, &s, limit, r))
                return;
        }
        if (stopped) {
            *r = (struct machine_result){.end = MACHINE_STOP};
            return;
        }
    }
}

/* ---- Its life ---- */

enum gdb_state gdb_state(const struct gdb *g)
{
    return g->held && g->state == GDB_AWAY ? GDB_HOLDS : g->state;
}

const char *gdb_where(const struct gdb *g)
{
    return gdb_port_where(g);
}

void gdb_set_monitor(struct gdb *g, bool (*fn)(void *ctx, const char *line, struct out *o), void *ctx)
{
    g->monitor = fn;
    g->monitor_ctx = ctx;
}

struct gdb *gdb_new(struct debugger *d, void (*send)(void *ctx, const void *buf, size_t len), void *ctx)
{
    struct gdb *g = calloc(1, sizeof *g);
    if (!g)
        return NULL;
    g->d = d;
    g->m = debugger_machine(d);
    g->wire.send = send;
    g->wire.ctx = ctx;
    g->run_hart = GDB_ALL;
    g->sstep = SSTEP_DEFAULT;
    return g;
}

struct gdb *gdb_open(struct debugger *d, const char *spec, bool hold, struct err *e)
{
    struct gdb *g = gdb_new(d, NULL, NULL);
    if (!g) {
        err_set(e, -ENOMEM, "-gdb %s: out of memory", spec);
        return NULL;
    }
    g->held = hold;
    if (gdb_port_open(g, spec, e)) {
        gdb_close(g);
        return NULL;
    }
    return g;
}

void gdb_close(struct gdb *g)
{
    if (!g)
        return;
    if (g->state == GDB_RUNS) { /* it waits, and the machine is going away */
        g->len = 0;
        gdb_printf(g, "X%02x", GDB_SIGTERM);
        gdb_flush(g);
    }
    gdb_forget_stops(g);
    gdb_port_close(g);
    free(g);
}
