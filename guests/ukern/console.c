/* SPDX-License-Identifier: MIT */
/* The NS16550A: what processes write goes through a ring that the transmitter's interrupt empties; what arrives is
 * edited into lines by the receiver's. The kernel itself writes by polling, so that it can speak at any time. */
#include "kern.h"

#include <stdarg.h>

enum { RBR = 0, THR = 0, DLL = 0, DLM = 1, IER = 1, FCR = 2, LCR = 3, MCR = 4, LSR = 5 };
#define IER_RX   1u
#define IER_TX   2u
#define LSR_DR   0x01u
#define LSR_THRE 0x20u
#define RING     512u
#define LINE     128u

static struct spinlock tx_lock = {.name = "console tx"}, rx_lock = {.name = "console rx"};
static struct spinlock say_lock = {.name = "printk"};
static char tx[RING], rx[RING];
static unsigned tx_head, tx_tail;          /* free running; tx_head == tx_tail: empty */
static unsigned rx_head, rx_line, rx_tail; /* [tail, line): whole lines; [line, head): being edited */
static bool panicking;

static uint8_t uart_r(unsigned reg)
{
    return mmio_r8(UART + reg);
}

static void uart_w(unsigned reg, unsigned v)
{
    mmio_w8(UART + reg, (uint8_t)v);
}

void console_init(void)
{
    uart_w(IER, 0);
    uart_w(LCR, 0x80);
    uart_w(DLL, 3); /* 38.4k, on a UART that had a clock */
    uart_w(DLM, 0);
    uart_w(LCR, 3); /* 8 bits, no parity */
    uart_w(FCR, 7); /* FIFOs on and empty */
    uart_w(MCR, 8);
    uart_w(IER, IER_RX);
}

static void put_polled(char c)
{
    while (!(uart_r(LSR) & LSR_THRE))
        ;
    uart_w(THR, (uint8_t)c);
}

/* With tx_lock: as much of the ring as the FIFO takes; the interrupt is on while something is left. */
static void tx_push(void)
{
    while (tx_head != tx_tail && (uart_r(LSR) & LSR_THRE))
        uart_w(THR, (uint8_t)tx[tx_tail++ % RING]);
    uart_w(IER, tx_head != tx_tail ? IER_RX | IER_TX : IER_RX);
}

void console_drain(void)
{
    lock(&tx_lock);
    while (tx_head != tx_tail)
        put_polled(tx[tx_tail++ % RING]);
    unlock(&tx_lock);
}

int64_t console_write(uint64_t ubuf, uint64_t n)
{
    struct proc *p = myproc();
    char part[64];
    uint64_t done = 0;
    while (done < n) {
        uint64_t k = n - done < sizeof part ? n - done : sizeof part;
        if (!copyin(p, part, ubuf + done, k))
            return done ? (int64_t)done : -1;
        lock(&tx_lock);
        for (uint64_t i = 0; i < k; i++) {
            while (tx_head - tx_tail == RING) {
                if (p->killed) {
                    unlock(&tx_lock);
                    return -1;
                }
                sleep_on(&tx_tail, &tx_lock);
            }
            tx[tx_head++ % RING] = part[i];
            if (tx_head - tx_tail == 1 || tx_head - tx_tail == RING)
                uart_w(IER, IER_RX | IER_TX);
        }
        unlock(&tx_lock);
        done += k;
    }
    return (int64_t)done;
}

/* One line, or what is left of it, up to n bytes. Control-D on an empty line is the end: 0. */
int64_t console_read(uint64_t ubuf, uint64_t n)
{
    struct proc *p = myproc();
    int64_t got = 0;
    lock(&rx_lock);
    while (rx_tail == rx_line) {
        if (p->killed) {
            unlock(&rx_lock);
            return -1;
        }
        sleep_on(&rx_line, &rx_lock);
    }
    while ((uint64_t)got < n && rx_tail != rx_line) {
        char c = rx[rx_tail % RING];
        if (c == 4) {
            if (got == 0)
                rx_tail++;
            break;
        }
        rx_tail++;
        if (!copyout(p, ubuf + (uint64_t)got, &c, 1)) {
            got = -1;
            break;
        }
        got++;
        if (c == '\n')
            break;
    }
    unlock(&rx_lock);
    return got;
}

static void echo(const char *s)
{
    lock(&tx_lock);
    for (; *s && tx_head - tx_tail < RING; s++)
        tx[tx_head++ % RING] = *s;
    tx_push();
    unlock(&tx_lock);
}

static void rx_byte(char c)
{
    char one[2] = {c, 0};
    if (c == '\r')
        c = one[0] = '\n';
    if (c == 8 || c == 127) {
        if (rx_head != rx_line) {
            rx_head--;
            echo("\b \b");
        }
        return;
    }
    if (rx_head - rx_tail >= RING - 1 && c != '\n')
        return;
    if (rx_head - rx_tail >= RING)
        return;
    rx[rx_head++ % RING] = c;
    if (c != 4)
        echo(one);
    if (c == '\n' || c == 4 || rx_head - rx_line == LINE) {
        rx_line = rx_head;
        wake(&rx_line);
    }
}

void console_irq(void)
{
    amo_add64((volatile uint64_t *)&stats.uart_irqs, 1);
    lock(&rx_lock);
    while (uart_r(LSR) & LSR_DR)
        rx_byte((char)uart_r(RBR));
    unlock(&rx_lock);
    lock(&tx_lock);
    tx_push();
    wake(&tx_tail);
    unlock(&tx_lock);
}

static void say_number(uint64_t v, unsigned base, bool negative)
{
    char digits[24];
    int n = 0;
    do
        digits[n++] = "0123456789abcdef"[v % base];
    while (v /= base);
    if (negative)
        put_polled('-');
    while (n)
        put_polled(digits[--n]);
}

void printk(const char *fmt, ...)
{
    va_list ap;
    if (!panicking) {
        lock(&say_lock);
        console_drain();
    }
    va_start(ap, fmt);
    for (; *fmt; fmt++) {
        bool wide = false;
        int64_t d;
        if (*fmt != '%') {
            put_polled(*fmt);
            continue;
        }
        if (*++fmt == 'l')
            wide = true, fmt++;
        switch (*fmt) {
        case 's':
            for (const char *s = va_arg(ap, const char *); *s; s++)
                put_polled(*s);
            break;
        case 'd':
            d = wide ? va_arg(ap, int64_t) : va_arg(ap, int);
            say_number(d < 0 ? -(uint64_t)d : (uint64_t)d, 10, d < 0);
            break;
        case 'u': say_number(wide ? va_arg(ap, uint64_t) : va_arg(ap, unsigned), 10, false); break;
        case 'x': say_number(wide ? va_arg(ap, uint64_t) : va_arg(ap, unsigned), 16, false); break;
        default: put_polled(*fmt); break;
        }
    }
    va_end(ap);
    if (!panicking)
        unlock(&say_lock);
}

/* Status 0 passes; anything else fails the run with it. */
void poweroff(unsigned status)
{
    fence_io();
    mmio_w32(FINISHER, status ? (status & 0xffff) << 16 | 0x3333 : 0x5555);
    for (;;)
        ;
}

void panic(const char *what, uint64_t value)
{
    intr_off();
    panicking = true;
    printk("\nukern: panic on hart %u: %s (0x%lx)\n", mycpu()->hart, what, value);
    poweroff(239);
}
