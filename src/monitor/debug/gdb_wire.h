/* SPDX-License-Identifier: MIT */
/*
 * gdb's remote serial protocol, the bytes of it: packets in and out of a stream. Knows no machine.
 *
 *     $ payload # two hex digits: the sum of the payload's bytes, modulo 256      }x in a payload stands for the byte x ^ 0x20
 *     + -       acknowledge the last packet, or ask for it again; not used after QStartNoAckMode
 *     0x03      between packets: stop the machine
 *
 * A client need not acknowledge: an answer is sent whether or not the one before it was.
 */
#ifndef VITRINE_GDB_WIRE_H
#define VITRINE_GDB_WIRE_H

#include "base/base.h"

/* Bytes of a payload, either way, as PacketSize tells the client. */
enum { GDB_PACKET_MAX = 16384 };

enum gdb_wire_event {
    WIRE_NONE,
    WIRE_PACKET,   /* in[0..len) is a packet's payload, and in[len] is 0 */
    WIRE_TOO_LONG, /* a packet that does not fit came to its end */
    WIRE_BREAK     /* 0x03 */
};

struct gdb_wire {
    /* Takes all bytes, now or later. */
    void (*send)(void *ctx, const void *buf, size_t len);
    void *ctx;
    bool no_ack;
    enum { WIRE_BETWEEN, WIRE_PAYLOAD, WIRE_SUM_HIGH, WIRE_SUM_LOW } state;
    bool escaped, too_long, bad_sum;
    uint8_t sum, given;
    size_t len;
    char in[GDB_PACKET_MAX + 1];
    size_t last_len;                      /* of the last packet out, which the client may ask for again */
    uint8_t last[2 * GDB_PACKET_MAX + 4]; /* $, each byte escaped, #, two digits */
};

/* A new client. send and ctx stay. */
void gdb_wire_reset(struct gdb_wire *w);
/* One byte from the client. */
enum gdb_wire_event gdb_wire_feed(struct gdb_wire *w, uint8_t byte);
/* Sends a packet. len <= GDB_PACKET_MAX. */
void gdb_wire_packet(struct gdb_wire *w, const void *payload, size_t len);

/* ---- Numbers and bytes in payloads: hexadecimal, without 0x ---- */

/* 0..15, or -1. */
int gdb_hex_digit(char c);
/* Reads 1 to 16 digits (more only if they are leading zeroes) and moves *p behind them. False: there is none, or too many. */
MUST_USE bool gdb_hex_u64(const char **p, uint64_t *v);
/* Reads n bytes of two digits each. False: one of them is none; to may then hold some bytes. */
MUST_USE bool gdb_hex_bytes(const char *from, size_t n, uint8_t *to);

#endif
