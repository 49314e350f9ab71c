/* SPDX-License-Identifier: MIT */
#include "console.h"
#include "text.h"

enum { DATA = 0, IER = 1, LSR = 5 };
enum { IER_RECEIVED = 1, LSR_RECEIVED = 1, LSR_EMPTY = 0x20 };
enum { CTRL_D = 4, BACKSPACE = 8, DELETE = 127 };

void console_start(struct console *c)
{
    c->reg[IER] = IER_RECEIVED; /* the FIFO stays as it is: to switch it would drop what was typed before now */
}

static void put_raw(struct console *c, char ch)
{
    while (!(c->reg[LSR] & LSR_EMPTY))
        ;
    c->reg[DATA] = (uint8_t)ch;
}

void console_put(struct console *c, char ch)
{
    if (ch == '\n')
        put_raw(c, '\r');
    put_raw(c, ch);
}

void console_interrupt(struct console *c)
{
    while (c->head - c->tail < CONSOLE_RING && (c->reg[LSR] & LSR_RECEIVED))
        c->ring[c->head++ % CONSOLE_RING] = (char)c->reg[DATA];
    /* A full ring leaves the rest in the port, and whoever types waits. */
    c->reg[IER] = c->head - c->tail < CONSOLE_RING ? IER_RECEIVED : 0;
}

static void edit(struct console *c, char ch)
{
    if (ch == '\r')
        ch = '\n';
    if (ch == BACKSPACE || ch == DELETE) {
        if (c->length) {
            c->length--;
            put_raw(c, '\b');
            put_raw(c, ' ');
            put_raw(c, '\b');
        }
        return;
    }
    if (ch == CTRL_D && c->length) /* not the end: the line is not empty */
        return;
    if (c->length == CONSOLE_LINE - 1 && ch != '\n')
        return;
    c->line[c->length++] = ch;
    c->complete = ch == '\n' || ch == CTRL_D;
    if (ch != CTRL_D)
        console_put(c, ch);
}

int64_t console_take(struct console *c, char *to, uint64_t n)
{
    int64_t k;
    while (!c->complete) {
        if (c->head == c->tail)
            return -1;
        edit(c, c->ring[c->tail++ % CONSOLE_RING]);
        if (c->head - c->tail == CONSOLE_RING - 1)
            console_interrupt(c);
    }
    k = c->length - c->taken < n ? c->length - c->taken : (int64_t)n;
    if (c->line[c->taken] == CTRL_D)
        k = 0, c->taken = c->length;
    memcpy(to, c->line + c->taken, (uint64_t)k);
    c->taken += (unsigned)k;
    if (c->taken == c->length)
        c->length = c->taken = 0, c->complete = false;
    return k;
}
