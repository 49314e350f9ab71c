/* SPDX-License-Identifier: MIT */
/*
 * The line is infinitely fast: a byte leaves the transmitter when it is written, unless the host takes no more; then it waits
 * in the FIFO and the guest sees a busy transmitter. Received bytes wait on the host while the FIFO is full, so the line itself
 * never overruns; loopback can. The character time-out is reported at once when the FIFO holds fewer bytes than its trigger
 * level: four character times are over before a guest could look.
 */
#include "dev/ns16550a.h"

#include "dev/chardev.h"
#include "dev/dev_fdt.h"

#include <errno.h>
#include <libfdt.h>
#include <stdlib.h>
#include <string.h>

enum { FIFO = 16, CLOCK_HZ = 3686400 };

/* Registers; those in brackets while LCR.DLAB is set. */
enum { RBR_THR_DLL, IER_DLM, IIR_FCR, LCR, MCR, LSR, MSR, SCR, REGS };

enum { IER_RX = 1, IER_THRE = 2, IER_LINE = 4, IER_MODEM = 8, IER_ALL = 15 };
/* 7:6 FIFOs on | 3:1 cause | 0 none */
enum { IIR_NONE = 1, IIR_MODEM = 0, IIR_THRE = 2, IIR_RX = 4, IIR_LINE = 6, IIR_TIMEOUT = 12, IIR_FIFO_ON = 0xc0 };
/* 7:6 receive trigger | 3 DMA mode | 2 clear tx | 1 clear rx | 0 on */
enum { FCR_ON = 1, FCR_CLEAR_RX = 2, FCR_CLEAR_TX = 4, FCR_KEPT = 0xc9 };
enum { LCR_DLAB = 0x80 };
enum { MCR_DTR = 1, MCR_RTS = 2, MCR_OUT1 = 4, MCR_OUT2 = 8, MCR_LOOP = 16, MCR_ALL = 31 };
/* 7 error in FIFO | 6 all sent | 5 THR empty | 4 break | 3 framing | 2 parity | 1 overrun | 0 data ready */
enum { LSR_DR = 1, LSR_OE = 2, LSR_PE = 4, LSR_FE = 8, LSR_BI = 16, LSR_THRE = 32, LSR_TEMT = 64, LSR_FIFO_ERR = 128 };
enum { LSR_ERRORS = LSR_OE | LSR_PE | LSR_FE | LSR_BI };
/* 7 DCD | 6 RI | 5 DSR | 4 CTS | 3 DCD changed | 2 RI ended | 1 DSR changed | 0 CTS changed */
enum { MSR_CTS = 16, MSR_DSR = 32, MSR_RI = 64, MSR_DCD = 128, MSR_LINES = 0xf0, MSR_DELTAS = 0x0f };

struct fifo {
    uint8_t data[FIFO];
    uint8_t start, count; /* start < FIFO, count <= FIFO */
};

struct ns16550a {
    struct chardev *chr;
    struct irq_line irq;

    struct fifo rx, tx;
    uint8_t rx_break[FIFO]; /* by slot of rx: this zero byte is a break */
    uint8_t rbr;            /* what reading an empty receiver gives: the last byte */
    uint8_t ier, fcr, lcr, mcr, msr, scr, dll, dlm;
    uint8_t line_errors;  /* LSR_OE and LSR_BI not read yet */
    uint8_t thre_pending; /* the transmitter ran empty and nobody has been told */
    uint8_t irq_level;
};

static unsigned capacity(const struct ns16550a *u)
{
    return u->fcr & FCR_ON ? FIFO : 1;
}

static void fifo_put(struct fifo *f, uint8_t c)
{
    f->data[(f->start + f->count) % FIFO] = c;
    f->count++;
}

static uint8_t fifo_get(struct fifo *f)
{
    uint8_t c = f->data[f->start];
    f->start = (uint8_t)((f->start + 1) % FIFO);
    f->count--;
    return c;
}

/* A break is reported when its byte is the next to be read. */
static void show_break(struct ns16550a *u)
{
    if (u->rx.count && u->rx_break[u->rx.start]) {
        u->rx_break[u->rx.start] = 0;
        u->line_errors |= LSR_BI;
    }
}

static void receive(struct ns16550a *u, uint8_t c, bool is_break)
{
    if (u->rx.count >= capacity(u)) {
        /* The new byte is lost and the FIFO stays; without one it takes the old byte's place. */
        u->line_errors |= LSR_OE;
        if (u->fcr & FCR_ON)
            return;
        fifo_get(&u->rx);
    }
    u->rx_break[(u->rx.start + u->rx.count) % FIFO] = is_break;
    fifo_put(&u->rx, c);
    show_break(u);
}

static uint8_t line_status(const struct ns16550a *u)
{
    uint8_t v = u->line_errors;
    if (u->rx.count)
        v |= LSR_DR;
    if (!u->tx.count)
        v |= LSR_THRE | LSR_TEMT;
    if (u->fcr & FCR_ON)
        for (unsigned i = 0; i < u->rx.count; i++)
            if (u->rx_break[(u->rx.start + i) % FIFO])
                v |= LSR_FIFO_ERR;
    return v;
}

/* The pending cause of highest priority. */
static unsigned cause(const struct ns16550a *u)
{
    static const uint8_t trigger[4] = {1, 4, 8, 14};
    if ((u->ier & IER_LINE) && u->line_errors)
        return IIR_LINE;
    if ((u->ier & IER_RX) && u->rx.count)
        return !(u->fcr & FCR_ON) || u->rx.count >= trigger[u->fcr >> 6] ? IIR_RX : IIR_TIMEOUT;
    if ((u->ier & IER_THRE) && u->thre_pending)
        return IIR_THRE;
    if ((u->ier & IER_MODEM) && (u->msr & MSR_DELTAS))
        return IIR_MODEM;
    return IIR_NONE;
}

static void update_irq(struct ns16550a *u)
{
    uint8_t level = cause(u) != IIR_NONE;
    if (level != u->irq_level) {
        u->irq_level = level;
        irq_set(&u->irq, level);
    }
}

/* Gives the host what waits in the transmitter. */
static void transmit(struct ns16550a *u)
{
    if (!u->tx.count)
        return;
    while (u->tx.count && chardev_write(u->chr, &u->tx.data[u->tx.start], 1) == 1)
        fifo_get(&u->tx);
    if (!u->tx.count)
        u->thre_pending = 1;
}

/* Takes what the host has, as far as it fits. */
static void pull(struct ns16550a *u)
{
    uint8_t c;
    while (!(u->mcr & MCR_LOOP) && u->rx.count < capacity(u) && chardev_read(u->chr, &c, 1) == 1)
        receive(u, c, false);
}

static void uart_run(void *dev)
{
    struct ns16550a *u = dev;
    transmit(u);
    pull(u);
    update_irq(u);
}

static void on_chardev(void *ctx, enum chardev_event ev)
{
    struct ns16550a *u = ctx;
    if (ev == CHARDEV_BREAK && !(u->mcr & MCR_LOOP))
        receive(u, 0, true);
    uart_run(u);
}

static void write_thr(struct ns16550a *u, uint8_t c)
{
    u->thre_pending = 0;
    if (u->mcr & MCR_LOOP) {
        receive(u, c, false);
        u->thre_pending = 1;
        return;
    }
    if (u->tx.count >= capacity(u)) {
        /* The guest does not look whether there is room. Hardware would lose the byte; we would rather wait for the host. */
        chardev_drain(u->chr);
        transmit(u);
        u->thre_pending = 0;
    }
    if (u->tx.count < capacity(u))
        fifo_put(&u->tx, c);
    transmit(u);
}

/* The modem lines as MSR shows them: a ready modem, or in loopback our own outputs. */
static void update_modem(struct ns16550a *u)
{
    uint8_t now = MSR_CTS | MSR_DSR | MSR_DCD;
    if (u->mcr & MCR_LOOP)
        now = (uint8_t)((u->mcr & MCR_RTS ? MSR_CTS : 0) | (u->mcr & MCR_DTR ? MSR_DSR : 0) |
                        (u->mcr & MCR_OUT1 ? MSR_RI : 0) | (u->mcr & MCR_OUT2 ? MSR_DCD : 0));
    unsigned changed = (u->msr ^ now) & MSR_LINES;
    if (now & MSR_RI)
        changed &= ~(unsigned)MSR_RI; /* only the trailing edge of RI counts */
    u->msr = (uint8_t)(now | (u->msr & MSR_DELTAS) | changed >> 4);
}

static void clear_rx(struct ns16550a *u)
{
    u->rx.start = u->rx.count = 0;
    memset(u->rx_break, 0, sizeof u->rx_break);
}

static void clear_tx(struct ns16550a *u)
{
    u->tx.start = u->tx.count = 0;
    u->thre_pending = 1;
}

static void write_fcr(struct ns16550a *u, uint8_t val)
{
    if ((val ^ u->fcr) & FCR_ON)
        val |= FCR_CLEAR_RX | FCR_CLEAR_TX;
    if (val & FCR_CLEAR_RX)
        clear_rx(u);
    if (val & FCR_CLEAR_TX)
        clear_tx(u);
    u->fcr = val & FCR_ON ? val & FCR_KEPT : 0;
}

static uint8_t read_reg(struct ns16550a *u, uint64_t reg)
{
    uint8_t v;
    switch (reg) {
    case RBR_THR_DLL:
        if (u->lcr & LCR_DLAB)
            return u->dll;
        if (u->rx.count) {
            u->rbr = fifo_get(&u->rx);
            show_break(u);
        }
        v = u->rbr;
        pull(u);
        return v;
    case IER_DLM: return u->lcr & LCR_DLAB ? u->dlm : u->ier;
    case IIR_FCR:
        v = (uint8_t)cause(u);
        if (v == IIR_THRE)
            u->thre_pending = 0;
        return u->fcr & FCR_ON ? v | IIR_FIFO_ON : v;
    case LCR: return u->lcr;
    case MCR: return u->mcr;
    case LSR:
        transmit(u); /* the host may have room again */
        v = line_status(u);
        u->line_errors = 0;
        return v;
    case MSR:
        v = u->msr;
        u->msr &= MSR_LINES;
        return v;
    case SCR: return u->scr;
    }
    return 0; /* past the chip's eight registers */
}

static void write_reg(struct ns16550a *u, uint64_t reg, uint8_t val)
{
    switch (reg) {
    case RBR_THR_DLL:
        if (u->lcr & LCR_DLAB)
            u->dll = val;
        else
            write_thr(u, val);
        break;
    case IER_DLM:
        if (u->lcr & LCR_DLAB) {
            u->dlm = val;
            break;
        }
        if ((val & ~u->ier & IER_THRE) && !u->tx.count)
            u->thre_pending = 1;
        u->ier = val & IER_ALL;
        break;
    case IIR_FCR:
        write_fcr(u, val);
        pull(u);
        break;
    case LCR: u->lcr = val; break;
    case MCR:
        u->mcr = val & MCR_ALL;
        update_modem(u);
        pull(u);
        break;
    case SCR: u->scr = val; break;
    }
}

static uint64_t uart_read(void *dev, uint64_t off, unsigned size)
{
    (void)size;
    uint8_t v = read_reg(dev, off);
    update_irq(dev);
    return v;
}

static void uart_write(void *dev, uint64_t off, uint64_t val, unsigned size)
{
    (void)size;
    write_reg(dev, off, (uint8_t)val);
    update_irq(dev);
}

static void uart_reset(void *dev)
{
    struct ns16550a *u = dev;
    if (u->tx.count) { /* what the guest had sent is not lost with its reset */
        chardev_drain(u->chr);
        transmit(u);
    }
    clear_rx(u);
    clear_tx(u);
    u->thre_pending = 0;
    u->ier = u->fcr = u->lcr = u->mcr = u->scr = u->rbr = u->line_errors = 0;
    u->dll = 12; /* 9600 baud; of no consequence */
    u->dlm = 0;
    u->msr = MSR_CTS | MSR_DSR | MSR_DCD;
    u->irq_level = 0;
    irq_set(&u->irq, false);
}

void *ns16550a_create(const struct dev_env *env, const struct ns16550a_config *cfg, struct err *e)
{
    (void)env;
    struct ns16550a *u = calloc(1, sizeof *u);
    if (!u) {
        err_set(e, -ENOMEM, "uart: out of memory");
        return NULL;
    }
    u->chr = cfg->chr;
    u->irq = cfg->irq;
    uart_reset(u);
    chardev_set_handler(u->chr, on_chardev, u);
    return u;
}

static void uart_free(void *dev)
{
    struct ns16550a *u = dev;
    if (!u)
        return;
    if (u->tx.count) {
        chardev_drain(u->chr);
        transmit(u);
    }
    chardev_set_handler(u->chr, NULL, NULL);
    free(u);
}

bool ns16550a_getc(void *dev, uint8_t *c)
{
    struct ns16550a *u = dev;
    pull(u);
    if (!u->rx.count)
        return false;
    *c = u->rbr = fifo_get(&u->rx);
    show_break(u);
    pull(u);
    update_irq(u);
    return true;
}

size_t ns16550a_write_out(void *dev, const void *buf, size_t len)
{
    struct ns16550a *u = dev;
    transmit(u);
    size_t n = u->tx.count ? 0 : chardev_write(u->chr, buf, len);
    update_irq(u);
    return n;
}

static void visit_fifo(struct visitor *v, const char *name, struct fifo *f)
{
    v->open(v, name, 0);
    VISIT_ARRAY(v, f, data);
    VISIT(v, f, start);
    VISIT(v, f, count);
    v->close(v);
    f->start %= FIFO; /* a restored state may come from a damaged file */
    if (f->count > FIFO)
        f->count = FIFO;
}

static void uart_visit(void *dev, struct visitor *v)
{
    struct ns16550a *u = dev;
    visit_fifo(v, "rx", &u->rx);
    visit_fifo(v, "tx", &u->tx);
    VISIT_ARRAY(v, u, rx_break);
    VISIT(v, u, rbr);
    VISIT(v, u, ier);
    VISIT(v, u, fcr);
    VISIT(v, u, lcr);
    VISIT(v, u, mcr);
    VISIT(v, u, msr);
    VISIT(v, u, scr);
    VISIT(v, u, dll);
    VISIT(v, u, dlm);
    VISIT(v, u, line_errors);
    VISIT(v, u, thre_pending);
    VISIT(v, u, irq_level);
}

static int uart_fdt(void *dev, const struct dev_place *place, void *fdt, int soc)
{
    (void)dev;
    int n, rc;
    if ((rc = dev_fdt_node(fdt, soc, "serial", place, &n)) ||
        (rc = fdt_setprop(fdt, n, "compatible", "ns16550a", sizeof "ns16550a")) ||
        (rc = fdt_setprop_u32(fdt, n, "clock-frequency", CLOCK_HZ)))
        return rc;
    return dev_fdt_interrupt(fdt, n, place);
}

const struct dev_class ns16550a_class = {
    .name = "uart",
    .ops = {.read = uart_read, .write = uart_write, .min = 1, .max = 1},
    .reset = uart_reset,
    .free = uart_free,
    .visit = uart_visit,
    .fdt = uart_fdt,
    .run = uart_run,
};
