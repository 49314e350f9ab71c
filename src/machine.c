/* SPDX-License-Identifier: MIT */
/* The board: one row per device, made and wired from the options. */
#include "machine_int.h"

#include "base/text.h"
#include "cpu/isa.h"
#include "cpu/op.h"
#include "dev/aclint.h"
#include "dev/blockfile.h"
#include "dev/goldfish_rtc.h"
#include "dev/ns16550a.h"
#include "dev/pflash.h"
#include "dev/plic.h"
#include "dev/sifive_test.h"
#include "dev/sswi.h"
#include "dev/virtio.h"
#include "dev/xdisk.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

void machine_options_default(struct machine_options *o)
{
    memset(o, 0, sizeof *o);
    o->ram_size = UINT64_C(128) << 20;
    o->harts = 1;
    isa_default(&o->isa);
    o->bios = "default";
    o->quantum = MACHINE_QUANTUM;
    o->insns_per_tick = MACHINE_INSNS_PER_TICK;
    o->epoch_ns = UINT64_C(1767225600) * 1000000000; /* 2026-01-01: the same in every run */
}

void machine_note(const struct machine *m, const char *fmt, ...)
{
    va_list ap;
    if (m->opt.quiet)
        return;
    va_start(ap, fmt);
    fputs("vitrine: ", stderr);
    vfprintf(stderr, fmt, ap);
    fputc('\n', stderr);
    va_end(ap);
}

void machine_end(struct machine *m, enum machine_end end, int status)
{
    if (m->ended)
        return;
    m->ended = true;
    m->result.end = end;
    m->result.status = status;
    if (m->running)
        m->running->kick |= KICK_EVENT;
}

/* ---- What devices and harts ask of the machine ---- */

static uint64_t clock_now(void *ctx)
{
    return machine_time(ctx);
}

static void clock_set(void *ctx, uint64_t ticks)
{
    struct machine *m = ctx;
    m->time_offset += ticks - machine_time(m);
    machine_wake_all(m);
}

static void clock_changed(void *ctx)
{
    struct machine *m = ctx;
    m->deadlines_stale = true;
    if (m->running)
        m->running->kick |= KICK_EVENT;
}

static void hart_timer_changed(void *ctx, struct hart *h)
{
    machine_timer_changed(ctx, h);
}

/* Lines of the CLINT and the PLIC: n = hart << 8 | enum irq_bit. */
static void hart_line(void *ctx, unsigned n, bool level)
{
    struct machine *m = ctx;
    if (!m->hart[n >> 8])
        return; /* devices are made first; all lines are low then */
    hart_set_irq(m->hart[n >> 8], (enum irq_bit)(n & 0xff), level);
    if (level)
        machine_hart_woken(m, n >> 8);
}

/* A pulse of the ACLINT's S-mode software interrupts: SSIP is software's to clear. */
static void soft_pulse(void *ctx, unsigned n, bool level)
{
    struct machine *m = ctx;
    if (!level || !m->hart[n])
        return;
    m->hart[n]->csr.mip |= BIT(IRQ_SSI);
    m->hart[n]->kick |= KICK_IRQ;
    machine_hart_woken(m, n);
}

static struct irq_line line_to(struct machine *m, unsigned hart, enum irq_bit bit)
{
    return (struct irq_line){hart_line, m, hart << 8 | (unsigned)bit};
}

/* A guest's status as the process can return it: never 0 for a failure. */
static int failure(unsigned code)
{
    return code == 0 ? 1 : code > 255 ? 255 : (int)code;
}

static void test_finished(void *ctx, enum sifive_test_action what, unsigned code)
{
    struct machine *m = ctx;
    switch (what) {
    case SIFIVE_TEST_PASS: machine_end(m, MACHINE_GUEST, 0); break;
    case SIFIVE_TEST_FAIL: machine_end(m, MACHINE_GUEST, failure(code)); break;
    case SIFIVE_TEST_RESET:
        m->reset_wanted = true;
        if (m->running)
            m->running->kick |= KICK_EVENT;
        break;
    }
}

static void escape(void *ctx, enum chardev_escape what)
{
    struct machine *m = ctx;
    switch (what) {
    case CHARDEV_ESC_QUIT: machine_stop(m); break;
    case CHARDEV_ESC_MONITOR:
        m->monitor_wanted = true;
        if (m->running)
            m->running->kick |= KICK_EVENT;
        break;
    }
}

void machine_console_write(struct machine *m, const void *buf, size_t len)
{
    const uint8_t *p = buf;
    while (len && !io_woken(m->io)) {
        size_t n = ns16550a_write_out(m->uart, p, len);
        p += n;
        len -= n;
        if (len && !n)
            chardev_drain(m->chardev[0]);
    }
}

/* ---- The board ---- */

int machine_attach(struct machine *m, const struct dev_class *cls, void *dev, uint64_t base, uint64_t size,
                   unsigned irq, struct err *e)
{
    if (!dev)
        return -EINVAL;
    struct board_device *d = &m->dev[m->ndev++];
    d->cls = cls;
    d->dev = dev;
    d->line = irq ? plic_source(m->plic, irq) : (struct irq_line){0};
    d->place = (struct dev_place){base, size, irq ? &d->line : NULL, irq ? 1 : 0, irq, PHANDLE_PLIC};
    return size ? bus_add_mmio(m->bus, cls->name, base, size, &cls->ops, dev, e) : 0;
}

static struct irq_line source(struct machine *m, unsigned irq)
{
    return plic_source(m->plic, irq);
}

static int make_interrupts(struct machine *m, struct err *e)
{
    struct irq_line timer[2 * MACHINE_MAX_HARTS], external[2 * MACHINE_MAX_HARTS], soft[MACHINE_MAX_HARTS];
    uint32_t intc[MACHINE_MAX_HARTS];
    for (unsigned i = 0; i < m->nharts; i++) {
        timer[2 * i] = line_to(m, i, IRQ_MSI);
        timer[2 * i + 1] = line_to(m, i, IRQ_MTI);
        external[2 * i] = line_to(m, i, IRQ_MEI);
        external[2 * i + 1] = line_to(m, i, IRQ_SEI);
        soft[i] = (struct irq_line){soft_pulse, m, i};
        intc[i] = 2 * i + 2;
    }
    struct aclint_config ac = {m->nharts, timer, intc};
    struct plic_config pc = {m->nharts, external, intc};
    int rc = machine_attach(m, &aclint_class, aclint_create(&m->env, &ac, e), BOARD_CLINT, ACLINT_SIZE, 0, e);
    if (rc)
        return rc;
    struct sswi_config sc = {m->nharts, soft, intc};
    if (m->opt.aclint &&
        (rc = machine_attach(m, &sswi_class, sswi_create(&m->env, &sc, e), BOARD_SSWI, SSWI_SIZE, 0, e)))
        return rc;
    m->plic = plic_create(&m->env, &pc, e);
    return machine_attach(m, &plic_class, m->plic, BOARD_PLIC, PLIC_SIZE, 0, e);
}

int machine_open_chardev(struct machine *m, const char *spec, struct chardev **c, struct err *e)
{
    *c = chardev_open(spec, m->io, e);
    if (!*c)
        return -EINVAL;
    chardev_set_escape(*c, escape, m);
    return 0;
}

const char *machine_find_chardev(const struct machine *m, const char *id)
{
    for (unsigned i = 0; i < m->opt.nchardevs; i++)
        if (!strcmp(m->opt.chardevs[i].id, id))
            return m->opt.chardevs[i].spec;
    return NULL;
}

static int make_basics(struct machine *m, struct err *e)
{
    struct sifive_test_config test = {test_finished, m, PHANDLE_TEST};
    int rc = machine_attach(m, &sifive_test_class, sifive_test_create(&m->env, &test, e), BOARD_TEST, BOARD_PAGE, 0, e);
    if (rc)
        return rc;
    struct goldfish_rtc_config rtc = {m->opt.epoch_ns, source(m, BOARD_IRQ_RTC)};
    rc = machine_attach(m, &goldfish_rtc_class, goldfish_rtc_create(&m->env, &rtc, e), BOARD_RTC, BOARD_PAGE,
                        BOARD_IRQ_RTC, e);
    if (rc)
        return rc;
    const char *serial = strcmp(m->opt.serial, "none") ? m->opt.serial : "null";
    if (!strncmp(serial, "chardev:", 8)) {
        const char *id = serial + 8;
        serial = machine_find_chardev(m, id);
        if (!serial)
            return err_set(e, -EINVAL, "-serial chardev:%s: no -chardev has that id", id);
    }
    m->nchardevs = 1;
    if (m->opt.make_serial) {
        m->chardev[0] = m->opt.make_serial(m->opt.make_serial_ctx, m->io, e);
        rc = m->chardev[0] ? 0 : -EINVAL;
    } else {
        rc = machine_open_chardev(m, serial, &m->chardev[0], e);
    }
    if (rc)
        return rc;
    struct ns16550a_config uart = {m->chardev[0], source(m, BOARD_IRQ_UART)};
    m->uart = ns16550a_create(&m->env, &uart, e);
    return machine_attach(m, &ns16550a_class, m->uart, BOARD_UART, BOARD_UART_SIZE, BOARD_IRQ_UART, e);
}

static int make_flash(struct machine *m, struct err *e)
{
    const struct drive_options *chip[2] = {NULL, NULL};
    unsigned next = 0;
    for (unsigned i = 0; i < m->opt.ndrives; i++) {
        const struct drive_options *d = &m->opt.drives[i];
        if (d->interface != DRIVE_PFLASH)
            continue;
        unsigned unit = d->unit >= 0 ? (unsigned)d->unit : next;
        if (unit > 1 || chip[unit])
            return err_set(e, -EINVAL, "-drive if=pflash,unit=%u,file=%s: %s: the board has flash chips 0 and 1", unit,
                           d->file, unit > 1 ? "no such chip" : "taken twice");
        chip[unit] = d;
        next = unit + 1;
    }
    for (unsigned i = 0; i < 2; i++) {
        struct pflash_config cfg = {.name = i ? "pflash1" : "pflash0", .base = BOARD_FLASH + (uint64_t)i * PFLASH_SIZE};
        if (chip[i]) {
            cfg.file = chip[i]->file;
            cfg.readonly = chip[i]->readonly;
            cfg.snapshot = chip[i]->snapshot || m->opt.snapshot;
            m->flash_given |= i == 0;
        }
        int rc = machine_attach(m, &pflash_class, pflash_create(&m->env, &cfg, e), cfg.base, PFLASH_SIZE, 0, e);
        if (rc)
            return rc;
    }
    return 0;
}

/* The disk behind CSRs: in no place of the bus. */
static int make_xdisk(struct machine *m, struct err *e)
{
    struct xdisk_config cfg = {NULL};
    for (unsigned i = 0; i < m->opt.ndrives; i++) {
        const struct drive_options *d = &m->opt.drives[i];
        if (d->interface != DRIVE_XDISK)
            continue;
        if (cfg.disk || !m->opt.isa.xdisk) {
            err_set(e, -EINVAL, "-drive if=xdisk,file=%s: %s", d->file,
                    cfg.disk ? "there is one such disk, and it is taken"
                             : "the harts lack Xdisk: give -cpu rv64,xdisk=true");
            blockfile_close(cfg.disk);
            return -EINVAL;
        }
        struct blockfile_config file = {
            .path = d->file, .format = "raw", .readonly = d->readonly, .snapshot = d->snapshot || m->opt.snapshot};
        cfg.disk = blockfile_open(&file, e);
        if (!cfg.disk)
            return err_about(e, -EINVAL, "-drive file=");
    }
    if (!m->opt.isa.xdisk)
        return 0;
    m->xdisk = xdisk_create(&m->env, &cfg, e);
    return machine_attach(m, &xdisk_class, m->xdisk, 0, 0, 0, e);
}

/* ---- A machine's life ---- */

static uint64_t host_ns(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

static int make_memory(struct machine *m, struct err *e)
{
    m->rom = bus_add_memory(m->bus, "boot ROM", BOARD_ROM, BOARD_ROM_SIZE, true, e);
    if (!m->rom)
        return -ENOMEM;
    const struct machine_window *w = m->opt.window;
    m->ram = w ? bus_add_window(m->bus, "RAM", MACHINE_RAM_BASE, m->opt.ram_size, w->bus, w->hpa, e)
               : bus_add_memory(m->bus, "RAM", MACHINE_RAM_BASE, m->opt.ram_size, false, e);
    return m->ram ? 0 : -ENOMEM;
}

/* A flash chip came out of, or went into, the mode in which it reads as memory. */
static void memory_remapped(void *code)
{
    code_cache_remapped(code);
}

static int make_harts(struct machine *m, struct err *e)
{
    m->code = code_cache_new(m->bus, &m->opt.isa);
    if (!m->code)
        return err_set(e, -ENOMEM, "no memory for decoded code");
    bus_set_remap_hook(m->bus, memory_remapped, m->code);
    m->hart_env = (struct hart_env){clock_now, hart_timer_changed, m, &m->events, xdisk_read, xdisk_write, m->xdisk};
    for (unsigned i = 0; i < m->nharts; i++) {
        m->hart[i] = hart_new(i, &m->opt.isa, m->bus, m->code, &m->hart_env);
        if (!m->hart[i])
            return err_set(e, -ENOMEM, "no memory for hart %u", i);
    }
    return 0;
}

struct machine *machine_new(const struct machine_options *o, struct err *e)
{
    struct machine *m = calloc(1, sizeof *m);
    if (!m || o->harts < 1 || o->harts > MACHINE_MAX_HARTS) {
        err_set(e, -EINVAL, m ? "%u harts: give 1 to %d" : "out of memory", o->harts, MACHINE_MAX_HARTS);
        free(m);
        return NULL;
    }
    m->opt = *o;
    if (!m->opt.serial)
        m->opt.serial = "null";
    m->nharts = o->harts;
    m->clock = (struct dev_clock){clock_now, clock_set, clock_changed, m};
    m->bus = bus_new();
    m->io = io_loop_new();
    m->symbols = symbols_new();
    m->fdt = malloc(FDT_SIZE_MAX);
    m->env = (struct dev_env){m->bus, &m->clock, m->io, &m->events};
    m->host_start = host_ns();
    m->deadlines_stale = true;
    if (!m->bus || !m->io || !m->symbols || !m->fdt)
        err_set(e, -ENOMEM, "out of memory or file descriptors");
    else if (!machine_watch_init(m, e) && !make_memory(m, e) && !make_interrupts(m, e) && !make_basics(m, e) &&
             !make_flash(m, e) && !make_xdisk(m, e) && !machine_make_virtio(m, e) && !make_harts(m, e) &&
             !machine_load(m, e))
        return m;
    machine_free(m);
    return NULL;
}

void machine_free(struct machine *m)
{
    if (!m)
        return;
    for (unsigned i = m->ndev; i-- > 0;)
        m->dev[i].cls->free(m->dev[i].dev);
    for (unsigned i = 0; i < MACHINE_MAX_DEVICES; i++)
        netdev_free(m->netdev[i]);
    for (unsigned i = 0; i < m->nchardevs; i++)
        if (m->chardev[i])
            chardev_free(m->chardev[i]);
    for (unsigned i = 0; i < m->nharts; i++)
        hart_free(m->hart[i]);
    if (m->code)
        code_cache_free(m->code);
    symbols_free(m->symbols);
    if (m->io)
        io_loop_free(m->io);
    if (m->bus)
        bus_free(m->bus);
    machine_watch_free(m);
    free(m->fdt);
    free(m);
}

const struct symbols *machine_symbols(const struct machine *m)
{
    return m->symbols;
}

int machine_add_symbols(struct machine *m, const char *path, uint64_t bias, struct err *e)
{
    struct symbols *s = symbols_extend(m->symbols);
    if (!s)
        return err_set(e, -ENOMEM, "%s: no memory for its symbols", path);
    m->symbols = s; /* what was there before stays for those who read it */
    int rc = load_symbols_file(path, bias, s, e);
    symbols_sort(s);
    return rc;
}

void machine_stop(struct machine *m)
{
    __atomic_store_n(&m->stop, 1, __ATOMIC_RELAXED);
    io_wake(m->io);
    /* Should this kick be lost to one of the hart's own, machine_run() sees the wish when the run's budget ends. */
    struct hart *h = __atomic_load_n(&m->running, __ATOMIC_RELAXED);
    if (h)
        __atomic_fetch_or(&h->kick, KICK_EVENT, __ATOMIC_RELAXED);
}

void machine_stop_taken(struct machine *m)
{
    if (__atomic_exchange_n(&m->stop, 0, __ATOMIC_RELAXED))
        io_clear_woken(m->io);
}

bool machine_hold_console(struct machine *m)
{
    bool whole = true;
    for (unsigned i = 0; i < m->nchardevs; i++)
        if (m->chardev[i])
            whole &= chardev_hold(m->chardev[i]);
    return whole;
}

void machine_release_console(struct machine *m)
{
    for (unsigned i = 0; i < m->nchardevs; i++)
        if (m->chardev[i])
            chardev_release(m->chardev[i]);
}

uint64_t machine_slots_now(const struct machine *m)
{
    return m->slots + (m->running ? m->running->turn_retired : 0);
}

uint64_t machine_time(struct machine *m)
{
    uint64_t ticks = m->opt.realtime ? (host_ns() - m->host_start) / (1000000000 / DEV_CLOCK_HZ)
                                     : machine_slots_now(m) / m->opt.insns_per_tick;
    return ticks + m->time_offset;
}

struct hart *machine_hart(struct machine *m, unsigned n)
{
    return n < m->nharts ? m->hart[n] : NULL;
}

struct bus *machine_bus(struct machine *m)
{
    return m->bus;
}

uint64_t machine_clock(struct machine *m)
{
    return machine_slots_now(m);
}

const struct machine_stats *machine_stats(struct machine *m)
{
    return &m->stats;
}

const void *machine_fdt(struct machine *m, size_t *size)
{
    *size = m->fdt_size;
    return m->fdt;
}
