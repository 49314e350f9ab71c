/* SPDX-License-Identifier: MIT */
#include "console.h"
#include "para.h"
#include "text.h"

enum { DATA = 0, IER = 1, LSR = 5 };
enum { IER_RECEIVED = 1, LSR_RECEIVED = 1 };
enum { CTRL_D = 4, BACKSPACE = 8, DELETE = 127 };

void console_start(struct console *c)
{
    REG_SET(c->reg[IER], IER_RECEIVED); /* the FIFO stays as it is: to switch it would drop what was typed before now */
}

static char out[256];
static uint64_t waiting; /* characters in it */

void console_flush(struct console *c)
{
    (void)c;
    if (waiting)
        para_call(PARA_CONSOLE_WRITE, va_pa(out), waiting, 0, NULL);
    waiting = 0;
}

/* A call for each character would be no better than a register: lines go out whole, and what is left when the kernel is left. */
static void put_raw(struct console *c, char ch)
{
    out[waiting++] = ch;
    if (ch == '\n' || waiting == sizeof out)
        console_flush(c);
}

void console_put(struct console *c, char ch)
{
    if (ch == '\n')
        put_raw(c, '\r');
    put_raw(c, ch);
}

void console_interrupt(struct console *c)
{
    while (c->head - c->tail < CONSOLE_RING && (REG(c->reg[LSR]) & LSR_RECEIVED))
        c->ring[c->head++ % CONSOLE_RING] = (char)REG(c->reg[DATA]);
    /* A full ring leaves the rest in the port, and whoever types waits. */
    REG_SET(c->reg[IER], c->head - c->tail < CONSOLE_RING ? IER_RECEIVED : 0);
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
