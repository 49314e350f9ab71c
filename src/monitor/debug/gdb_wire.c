/* SPDX-License-Identifier: MIT */
#include "monitor/debug/gdb_wire.h"

#include <string.h>

enum { ESCAPE = '}', ESCAPE_BIT = 0x20, BREAK = 3 };

void gdb_wire_reset(struct gdb_wire *w)
{
    w->no_ack = false;
    w->state = WIRE_BETWEEN;
    w->len = w->last_len = 0;
}

/* ---- In ---- */

static void start_packet(struct gdb_wire *w)
{
    w->state = WIRE_PAYLOAD;
    w->len = 0;
    w->sum = 0;
    w->escaped = w->too_long = w->bad_sum = false;
}

static void take_byte(struct gdb_wire *w, uint8_t byte)
{
    w->sum = (uint8_t)(w->sum + byte);
    if (!w->escaped && byte == ESCAPE) {
        w->escaped = true;
        return;
    }
    if (w->escaped)
        byte ^= ESCAPE_BIT;
    w->escaped = false;
    if (w->len < GDB_PACKET_MAX)
        w->in[w->len++] = (char)byte;
    else
        w->too_long = true;
}

/* The payload and its sum are there. A bad sum counts only while packets are acknowledged: then the client sends it again. */
static enum gdb_wire_event end_packet(struct gdb_wire *w)
{
    w->state = WIRE_BETWEEN;
    w->in[w->len] = 0;
    if (!w->no_ack) {
        bool good = !w->bad_sum && w->given == w->sum;
        w->send(w->ctx, good ? "+" : "-", 1);
        if (!good)
            return WIRE_NONE;
    }
    return w->too_long ? WIRE_TOO_LONG : WIRE_PACKET;
}

static enum gdb_wire_event between_packets(struct gdb_wire *w, uint8_t byte)
{
    switch (byte) {
    case '$': start_packet(w); break;
    case BREAK: return WIRE_BREAK;
    case '-':
        if (!w->no_ack && w->last_len)
            w->send(w->ctx, w->last, w->last_len);
        break;
    }
    return WIRE_NONE; /* + and noise */
}

enum gdb_wire_event gdb_wire_feed(struct gdb_wire *w, uint8_t byte)
{
    int digit;
    switch (w->state) {
    case WIRE_BETWEEN: return between_packets(w, byte);
    case WIRE_PAYLOAD:
        if (byte == '$') /* never part of a payload: the end of the packet before it was lost */
            start_packet(w);
        else if (byte == '#')
            w->state = WIRE_SUM_HIGH;
        else
            take_byte(w, byte);
        return WIRE_NONE;
    case WIRE_SUM_HIGH:
        digit = gdb_hex_digit((char)byte);
        w->bad_sum |= digit < 0;
        w->given = (uint8_t)((digit & 15) << 4);
        w->state = WIRE_SUM_LOW;
        return WIRE_NONE;
    case WIRE_SUM_LOW:
        digit = gdb_hex_digit((char)byte);
        w->bad_sum |= digit < 0;
        w->given |= (uint8_t)(digit & 15);
        return end_packet(w);
    }
    return WIRE_NONE;
}

/* ---- Out ---- */

void gdb_wire_packet(struct gdb_wire *w, const void *payload, size_t len)
{
    static const char digits[] = "0123456789abcdef";
    const uint8_t *p = payload;
    size_t n = 0;
    uint8_t sum = 0;
    w->last[n++] = '$';
    for (size_t i = 0; i < len; i++) {
        uint8_t c = p[i];
        if (c == '$' || c == '#' || c == ESCAPE || c == '*') { /* * would say that the byte before it repeats */
            w->last[n++] = ESCAPE;
            sum = (uint8_t)(sum + ESCAPE);
            c ^= ESCAPE_BIT;
        }
        w->last[n++] = c;
        sum = (uint8_t)(sum + c);
    }
    w->last[n++] = '#';
    w->last[n++] = (uint8_t)digits[sum >> 4];
    w->last[n++] = (uint8_t)digits[sum & 15];
    w->last_len = n;
    w->send(w->ctx, w->last, n);
}

/* ---- Hexadecimal ---- */

int gdb_hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

bool gdb_hex_u64(const char **p, uint64_t *v)
{
    const char *s = *p;
    *v = 0;
    for (int d; (d = gdb_hex_digit(*s)) >= 0; s++) {
        if (*v >> 60)
            return false;
        *v = *v << 4 | (uint64_t)d;
    }
    if (s == *p)
        return false;
    *p = s;
    return true;
}

bool gdb_hex_bytes(const char *from, size_t n, uint8_t *to)
{
    for (size_t i = 0; i < n; i++) {
        int high = gdb_hex_digit(from[2 * i]), low = high < 0 ? -1 : gdb_hex_digit(from[2 * i + 1]);
        if (low < 0)
            return false;
        to[i] = (uint8_t)(high << 4 | low);
    }
    return true;
}
