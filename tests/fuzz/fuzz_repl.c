/* SPDX-License-Identifier: MIT */
/*
 * The debugger's commands, before a machine of up to four harts. The input, behind a byte of flags, is lines of text. With flag 8 they are done one
 * by one as gdb's `monitor` does them (nothing runs then), and what only looks must change nothing; without it they are a script, whose runs a watchdog
 * ends, and stepx prompts in the midst of instructions.
 * Files of the host are out of reach: the configuration says so.
 */
#include "fuzz.h"

#include "dev/io.h"
#include "machine_int.h"
#include "monitor/debug/repl.h"

enum { RAM = 0x80000000u, POLLS = 2, LINES = 40, LINE = 512 };

static void swallow(struct out *o, const char *s, size_t n)
{
    (void)o;
    for (size_t i = 0; i < n; i++)
        FUZZ_CHECK(s[i], "a zero byte in the output");
}

/* Ends runs that nothing else ends. */
struct watchdog {
    struct io_source source;
    struct debugger *d;
    unsigned polls;
};

static void bark(struct io_source *s, const struct io_pollset *p)
{
    struct watchdog *w = s->ctx;
    (void)p;
    if (++w->polls % POLLS == 0)
        debugger_interrupt(w->d);
}

static bool alive(struct io_source *s)
{
    (void)s;
    return true; /* no machine is stuck: it waits for its watchdog */
}

/* A page table that maps the first GiB of RAM at 0 and at its own place, and code that turns it on, counts, stores, calls and waits. */
static void load_guest(struct machine *m)
{
    static const uint32_t code[] = {
        0x00150513, /* addi a0, a0, 1 */
        0x00000597, /* auipc a1, 0 */
        0x10a5b023, /* sd a0, 256(a1) */
        0x1005b603, /* ld a2, 256(a1) */
        0x008000ef, /* jal +8 */
        0x0000006f, /* j . */
        0x00008067, /* ret */
        0x18029073, /* csrw satp, t0 */
        0x00000073, /* ecall */
        0x10500073, /* wfi */
        0xfd9ff06f, /* j -40 */
    };
    const uint64_t leaf = RAM >> 12 << 10 | 0xcf;
    bool ok = bus_load(machine_bus(m), RAM + 0x200000, code, sizeof code) &&
              bus_load(machine_bus(m), RAM + 0x300000, &leaf, 8) && bus_load(machine_bus(m), RAM + 0x300010, &leaf, 8);
    FUZZ_CHECK(ok, "no RAM");
    struct hart *h;
    for (unsigned n = 0; (h = machine_hart(m, n)); n++) {
        h->pc = RAM + 0x200000;
        h->x[2] = RAM + 0x400000;
        h->x[5] = UINT64_C(8) << 60 | (RAM + 0x300000) >> 12;
    }
}

/* Does the line only look, whatever follows? */
static bool only_looks(const char *line)
{
    static const char *const words[] = {"info ", "why", "bt", "help", "show", "up", "down", "frame", "csr "};
    for (size_t i = 0; i < ARRAY_LEN(words); i++)
        if (!strncmp(line, words[i], strlen(words[i])))
            return !strchr(line, '=') && !strstr(line, "++") && !strstr(line, "--");
    return false;
}

static void monitor_line(struct repl *r, struct machine *m, struct out *o, const char *line)
{
    struct hart *h = machine_hart(m, 0);
    struct csrs csr = h->csr;
    uint64_t x[32], pc = h->pc;
    memcpy(x, h->x, sizeof x);
    bool ok = repl_execute(r, line, o);
    (void)ok;
    if (only_looks(line))
        FUZZ_CHECK(!memcmp(x, h->x, sizeof x) && pc == h->pc && !memcmp(&csr, &h->csr, sizeof csr),
                   "'%s' changed the hart", line);
}

static void each_line(struct repl *r, struct machine *m, struct out *o, const uint8_t *p, size_t size, bool script)
{
    char line[LINE];
    struct err e = {.text = ""};
    unsigned lines = 0;
    for (const uint8_t *end = p + size; p < end && lines < LINES; lines++) {
        const uint8_t *stop = memchr(p, '\n', (size_t)(end - p));
        size_t n = (size_t)((stop ? stop : end) - p), len = 0;
        for (size_t i = 0; i < n && len + 1 < sizeof line; i++)
            if (p[i])
                line[len++] = (char)p[i];
        line[len] = 0;
        p += n + 1;
        if (script)
            FUZZ_CHECK(!repl_push_command(r, line, &e), "%s", e.text);
        else
            monitor_line(r, m, o, line);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct machine_options o;
    struct err e = {.text = ""};
    struct out out = {.write = swallow};
    if (size < 2)
        return 0;
    bool script = !(data[0] & 8);
    machine_options_default(&o);
    o.ram_size = 16 << 20;
    o.harts = 1 + (data[0] & 3);
    o.bios = data[0] & 4 ? "none" : "default";
    o.quantum = 100;
    o.serial = "null";
    o.bare = o.quiet = true;
    struct machine *m = machine_new(&o, &e);
    FUZZ_CHECK(m, "%s", e.text);
    load_guest(m);
    struct debugger *d = debugger_new(m);
    const struct repl_config config = {.no_files = true};
    struct repl *r = d ? repl_new(d, &out, &config, &e) : NULL;
    FUZZ_CHECK(r, "no memory");
    struct watchdog dog = {.source = {.dispatch = bark, .alive = alive, .ctx = &dog}, .d = d};
    io_add_source(m->io, &dog.source);
    each_line(r, m, &out, data + 1, size - 1, script);
    if (script)
        repl_loop(r);
    FUZZ_CHECK(machine_hart(m, 0)->x[0] == 0, "x0 is %llu", (unsigned long long)machine_hart(m, 0)->x[0]);
    io_remove_source(m->io, &dog.source);
    repl_free(r);
    debugger_free(d);
    machine_free(m);
    return 0;
}
