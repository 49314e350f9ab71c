/* SPDX-License-Identifier: MIT */
/*
 * The gdb stub: a hostile client before a machine of up to four harts. The input, behind a byte of flags, is what the client does: records that
 * begin with a byte and end with 0xff.
 *   0..223    with the bytes that follow it is a packet's payload, framed as it should be
 *   224..239  bytes as they come
 *   240..247  Ctrl-C
 *   248..254  the client goes, and another one comes
 * Each packet must have its acknowledgement and, unless it lets the machine run, an answer; each answer must be framed well and fit in PacketSize.
 */
#include "fuzz.h"

#include "machine.h"
#include "monitor/debug/gdb.h"
#include "monitor/debug/gdb_wire.h"

enum { RAM = 0x80000000u, INSNS = 4000, SLICE = 500, RUNS = 24 };

/* What the stub sent. */
struct wire {
    unsigned acks, packets;
    enum { OUTSIDE, PAYLOAD, SUM_1, SUM_2 } state;
    uint8_t sum, given, first;
    size_t len;
    bool escaped;
};

static unsigned digit(uint8_t c)
{
    int d = gdb_hex_digit((char)c);
    FUZZ_CHECK(d >= 0, "a sum with %02x", c);
    return (unsigned)d;
}

static void hear(struct wire *w, uint8_t c)
{
    switch (w->state) {
    case OUTSIDE:
        FUZZ_CHECK(c == '+' || c == '-' || c == '$', "%02x between packets", c);
        w->acks += c != '$';
        w->state = c == '$' ? PAYLOAD : OUTSIDE;
        w->sum = 0;
        w->len = 0;
        w->escaped = false;
        break;
    case PAYLOAD:
        if (c == '#') {
            FUZZ_CHECK(!w->escaped && w->len <= GDB_PACKET_MAX, "%zu bytes", w->len);
            w->state = SUM_1;
            break;
        }
        FUZZ_CHECK(c != '$' && c != '*', "%02x in a payload", c);
        w->sum = (uint8_t)(w->sum + c);
        if (!w->escaped && c == '}') {
            w->escaped = true;
            break;
        }
        w->escaped = false;
        if (!w->len++)
            w->first = c;
        break;
    case SUM_1:
        w->given = (uint8_t)(digit(c) << 4);
        w->state = SUM_2;
        break;
    case SUM_2:
        FUZZ_CHECK((w->given | digit(c)) == w->sum, "sum %02x", w->sum);
        w->packets += w->first != 'O' || w->len < 3; /* words on the way to an answer */
        w->state = OUTSIDE;
        break;
    }
}

static void send_bytes(void *ctx, const void *buf, size_t len)
{
    for (size_t i = 0; i < len; i++)
        hear(ctx, ((const uint8_t *)buf)[i]);
}

static bool monitor(void *ctx, const char *line, struct out *o)
{
    (void)ctx;
    size_t n = strlen(line);
    for (size_t i = 0; i < n && i < 64; i++)
        out_printf(o, "%s %zu\n", line, i);
    return n > 4 && !strncmp(line, "quit", 4);
}

/* Ends runs that nothing else ends: the machine's harts run by this. */
struct watchdog {
    struct debugger *d;
    uint64_t insns;
};

static struct exit run_hart(void *ctx, struct hart *h, uint64_t n)
{
    struct watchdog *w = ctx;
    n = min_u64(n, SLICE);
    w->insns += n;
    if (w->insns > INSNS)
        debugger_interrupt(w->d);
    return hart_run(h, n);
}

/* Each hart counts, stores, calls the firmware and waits. */
static void load_guest(struct machine *m)
{
    static const uint32_t code[] = {
        0x00150513, /* addi a0, a0, 1 */
        0x00000597, /* auipc a1, 0 */
        0x10a5b023, /* sd a0, 256(a1) */
        0x1005b603, /* ld a2, 256(a1) */
        0x00a5f863, /* bgeu a1, a0, +16 */
        0x00000073, /* ecall */
        0x10500073, /* wfi */
        0x0000006f, /* j . */
        0xfe1ff06f, /* j -32 */
    };
    bool ok = bus_load(machine_bus(m), RAM + 0x200000, code, sizeof code);
    FUZZ_CHECK(ok, "no RAM");
    struct hart *h;
    for (unsigned n = 0; (h = machine_hart(m, n)); n++)
        h->pc = RAM + 0x200000;
}

static void run(struct gdb *g, struct machine *m, struct watchdog *w, unsigned *runs)
{
    struct debug_stop s;
    for (unsigned n = 0; gdb_state(g) == GDB_RUNS && n < 3 && *runs; n++, --*runs) {
        uint64_t before = machine_stats(m)->insns;
        w->insns = 0;
        gdb_run(g, INSNS, &s);
        FUZZ_CHECK(gdb_state(g) != GDB_RUNS, "a run of %llu instructions whose end nobody was told",
                   (unsigned long long)(machine_stats(m)->insns - before));
    }
}

/* One record. */
static void act(struct gdb *g, struct machine *m, struct watchdog *dog, struct wire *w, const uint8_t *p, size_t n,
                unsigned *runs)
{
    static uint8_t frame[2 * 4096 + 8];
    if (p[0] >= 248) {
        gdb_connect(g, false);
        gdb_connect(g, true);
        *w = (struct wire){0};
        return;
    }
    if (p[0] >= 224) {
        if (p[0] >= 240)
            gdb_feed(g, "\003", 1);
        else
            gdb_feed(g, p + 1, n - 1);
        run(g, m, dog, runs);
        return;
    }
    size_t at = 0;
    uint8_t sum = 0;
    frame[at++] = '$';
    for (size_t i = 0; i < n && at + 6 < sizeof frame; i++) {
        uint8_t c = p[i];
        if (c == '$' || c == '#' || c == '}') {
            frame[at++] = '}';
            sum = (uint8_t)(sum + '}');
            c ^= 0x20;
        }
        frame[at++] = c;
        sum = (uint8_t)(sum + c);
    }
    at += (size_t)sprintf((char *)frame + at, "#%02x", sum);
    gdb_feed(g, "#00", 3); /* what may be left of bytes as they came */
    run(g, m, dog, runs);
    if (gdb_state(g) == GDB_RUNS || gdb_state(g) == GDB_KILLED)
        return;
    *w = (struct wire){0};
    gdb_feed(g, frame, at);
    FUZZ_CHECK(w->state == OUTSIDE, "an answer that breaks off");
    FUZZ_CHECK(w->acks <= 1, "%u acknowledgements", w->acks);
    bool silent = (p[0] == 'k' && n == 1) || p[0] == 'R' || gdb_state(g) == GDB_RUNS;
    FUZZ_CHECK(w->packets == !silent, "%u answers to %.*s", w->packets, (int)n, (const char *)p);
    run(g, m, dog, runs);
}

/* Making a machine takes longer than most inputs: there is one for each kind, at power-on again for each input. */
static struct machine *power_on(unsigned flags)
{
    static struct machine *machines[8];
    struct machine **m = &machines[flags & 7];
    struct machine_options o;
    struct machine_result r;
    struct err e = {.text = ""};
    if (*m) {
        machine_set_runner(*m, NULL, NULL);
        machine_run(*m, 1, &r); /* a request to stop that came too late */
        int rc = machine_restart(*m, &e);
        FUZZ_CHECK(!rc, "%s", e.text);
    } else {
        machine_options_default(&o);
        o.ram_size = 4 << 20;
        o.harts = 1 + (flags & 3);
        o.bios = flags & 4 ? "none" : "default";
        o.quantum = 100;
        o.serial = "null";
        o.bare = o.quiet = true;
        *m = machine_new(&o, &e);
        FUZZ_CHECK(*m, "%s", e.text);
    }
    load_guest(*m);
    return *m;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct wire w = {0};
    if (size < 2)
        return 0;
    struct machine *m = power_on(data[0]);
    struct debugger *d = debugger_new(m);
    struct gdb *g = d ? gdb_new(d, send_bytes, &w) : NULL;
    FUZZ_CHECK(g, "no memory");
    struct watchdog dog = {.d = d};
    machine_set_runner(m, run_hart, &dog);
    gdb_set_monitor(g, monitor, NULL);
    gdb_connect(g, true);
    unsigned runs = RUNS;
    for (const uint8_t *p = data + 1, *end = data + size; p < end && gdb_state(g) != GDB_KILLED;) {
        const uint8_t *stop = memchr(p, 0xff, (size_t)(end - p));
        stop = stop ? stop : end;
        if (stop > p)
            act(g, m, &dog, &w, p, (size_t)(stop - p), &runs);
        if (gdb_state(g) == GDB_RUNS) /* no more runs for this input */
            break;
        p = stop + 1;
    }
    FUZZ_CHECK(machine_hart(m, 0)->x[0] == 0, "x0 is %llu", (unsigned long long)machine_hart(m, 0)->x[0]);
    gdb_close(g);
    debugger_free(d);
    return 0;
}
