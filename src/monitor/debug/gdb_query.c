/* SPDX-License-Identifier: MIT */
/* Queries and settings: what the stub can do, threads, documents, `monitor`, and QEMU's own ones. */
#include "monitor/debug/gdb_int.h"

#include <string.h>

/* ---- What each side can do ---- */

static bool has_feature(const char *list, const char *end, const char *feature)
{
    size_t n = strlen(feature);
    for (const char *p = list; p < end;) {
        const char *stop = memchr(p, ';', (size_t)(end - p));
        stop = stop ? stop : end;
        if ((size_t)(stop - p) == n && !memcmp(p, feature, n))
            return true;
        p = stop + 1;
    }
    return false;
}

/* qSupported[:feature;feature...] */
void gdb_supported(struct gdb *g, const char *args, const char *end)
{
    const char *list = *args == ':' ? args + 1 : args;
    g->swbreak = has_feature(list, end, "swbreak+");
    g->hwbreak = has_feature(list, end, "hwbreak+");
    g->words = has_feature(list, end, "error-message+");
    gdb_printf(g,
               "PacketSize=%x;QStartNoAckMode+;vContSupported+;swbreak+;hwbreak+;binary-upload+;"
               "qXfer:features:read+;qXfer:memory-map:read+;qXfer:threads:read+",
               GDB_PACKET_MAX);
}

void gdb_no_ack(struct gdb *g, const char *args, const char *end)
{
    (void)args, (void)end;
    g->wire.no_ack = true;
    gdb_put(g, "OK");
}

void gdb_go_extended(struct gdb *g, const char *args, const char *end)
{
    (void)args, (void)end;
    g->extended = true;
    gdb_put(g, "OK");
}

/* The machine was there before the client: to leave is to detach. */
void gdb_attached(struct gdb *g, const char *args, const char *end)
{
    (void)args, (void)end;
    gdb_put(g, "1");
}

/* The client could look symbols up: none are needed. */
void gdb_symbol(struct gdb *g, const char *args, const char *end)
{
    (void)args, (void)end;
    gdb_put(g, "OK");
}

/* ---- Threads ---- */

/* Hc, Hg. */
void gdb_set_thread(struct gdb *g, const char *args, const char *end)
{
    int hart;
    char what = *args;
    const char *p = args + 1;
    if ((what != 'c' && what != 'g') || !gdb_thread(g, &p, &hart) || p != end) {
        gdb_error(g, GDB_E_ARGUMENT, "no such thread");
        return;
    }
    if (what == 'c')
        g->run_hart = hart == GDB_ANY ? GDB_ALL : hart;
    else if (hart >= 0)
        g->hart = (unsigned)hart;
    gdb_put(g, "OK");
}

void gdb_thread_alive(struct gdb *g, const char *args, const char *end)
{
    int hart;
    if (gdb_thread(g, &args, &hart) && args == end && hart >= 0)
        gdb_put(g, "OK");
    else
        gdb_error(g, GDB_E_ARGUMENT, "no such thread");
}

void gdb_current(struct gdb *g, const char *args, const char *end)
{
    (void)args, (void)end;
    gdb_printf(g, "QC%x", g->hart + 1);
}

void gdb_first_threads(struct gdb *g, const char *args, const char *end)
{
    (void)args, (void)end;
    for (unsigned n = 0; gdb_hart(g, n); n++)
        gdb_printf(g, "%s%x", n ? "," : "m", n + 1);
}

void gdb_next_threads(struct gdb *g, const char *args, const char *end)
{
    (void)args, (void)end;
    gdb_put(g, "l");
}

void gdb_thread_text(struct gdb *g, const char *args, const char *end)
{
    int hart;
    char text[64];
    if (!gdb_thread(g, &args, &hart) || args != end || hart < 0) {
        gdb_error(g, GDB_E_ARGUMENT, "no such thread");
        return;
    }
    gdb_describe_hart(g, (unsigned)hart, text, sizeof text);
    gdb_put_hex(g, text, strlen(text));
}

/* ---- Documents ---- */

static const struct document {
    const char *name; /* object:read:annex: */
    void (*write)(struct gdb *g, struct gdb_window *w);
} documents[] = {
    {"features:read:target.xml:", gdb_xml_target},
    {"memory-map:read::", gdb_xml_memory_map},
    {"threads:read::", gdb_xml_threads},
};

/* qXfer:object:read:annex:offset,length */
void gdb_transfer(struct gdb *g, const char *args, const char *end)
{
    for (size_t i = 0; i < ARRAY_LEN(documents); i++) {
        const struct document *doc = &documents[i];
        uint64_t offset, length;
        if (strncmp(args, doc->name, strlen(doc->name)) != 0)
            continue;
        args += strlen(doc->name);
        if (!gdb_hex_u64(&args, &offset) || !gdb_eat(&args, ',') || !gdb_hex_u64(&args, &length) || args != end)
            break;
        /* XML needs no escapes to speak of; half of a packet holds it even so. */
        struct gdb_window w = {.from = offset, .room = min_u64(length, GDB_PACKET_MAX / 2), .to = (char *)g->bytes};
        doc->write(g, &w);
        if (offset > w.at)
            break;
        gdb_put(g, w.more ? "m" : "l");
        gdb_put_bytes(g, w.to, w.len);
        return;
    }
    gdb_error(g, GDB_E_ARGUMENT, "no such document, or not a place in it");
}

/* ---- monitor ---- */

/* What a command prints goes out in packets of its own while it runs. */
struct monitor_out {
    struct out out;
    struct gdb *g;
};

static void flush_text(struct gdb *g)
{
    if (g->text_len) {
        gdb_put(g, "O");
        gdb_put_hex(g, g->text, g->text_len);
        gdb_flush(g);
    }
    g->text_len = 0;
}

static void monitor_write(struct out *o, const char *s, size_t n)
{
    struct gdb *g = ((struct monitor_out *)o)->g;
    const size_t room = GDB_PACKET_MAX / 2 - 1; /* O and two digits for each */
    while (n) {
        size_t part = min_u64(n, room - g->text_len);
        memcpy(g->text + g->text_len, s, part);
        g->text_len += part;
        s += part;
        n -= part;
        if (g->text_len == room)
            flush_text(g);
    }
}

void gdb_monitor_line(struct gdb *g, const char *args, const char *end)
{
    struct monitor_out o = {.out = {.write = monitor_write}, .g = g};
    char *line = (char *)g->bytes;
    size_t n = (size_t)(end - args) / 2;
    if ((end - args) % 2 || n >= sizeof g->bytes || !gdb_hex_bytes(args, n, g->bytes)) {
        gdb_error(g, GDB_E_ARGUMENT, "not a line in hexadecimal digits");
        return;
    }
    line[n] = 0;
    g->text_len = 0;
    g->in_run = true; /* a command may run the machine: Ctrl-C ends that */
    if (!g->monitor)
        out_puts(&o.out, "Nobody takes monitor commands here.\n");
    else if (g->monitor(g->monitor_ctx, line, &o.out))
        g->state = GDB_KILLED;
    g->in_run = false;
    flush_text(g);
    g->stop.hart = debugger_last(g->d)->hart;
    gdb_put(g, "OK");
}

/* ---- QEMU's ---- */

void gdb_qemu_supported(struct gdb *g, const char *args, const char *end)
{
    (void)args, (void)end;
    gdb_put(g, "sstepbits;sstep;PhyMemMode");
}

/* Whether a step of one instruction may end at an interrupt's handler. With either of NOIRQ and NOTIMER it does not, as QEMU has it. */
void gdb_get_sstep_bits(struct gdb *g, const char *args, const char *end)
{
    (void)args, (void)end;
    gdb_printf(g, "ENABLE=%x,NOIRQ=%x,NOTIMER=%x", SSTEP_ENABLE, SSTEP_NOIRQ, SSTEP_NOTIMER);
}

void gdb_get_sstep(struct gdb *g, const char *args, const char *end)
{
    (void)args, (void)end;
    gdb_printf(g, "0x%x", g->sstep);
}

void gdb_set_sstep(struct gdb *g, const char *args, const char *end)
{
    uint64_t bits;
    if (!strncmp(args, "0x", 2))
        args += 2;
    if (!gdb_hex_u64(&args, &bits) || args != end || bits > SSTEP_DEFAULT) {
        gdb_error(g, GDB_E_ARGUMENT, "bits 0 to 2");
        return;
    }
    g->sstep = (unsigned)bits;
    gdb_put(g, "OK");
}
