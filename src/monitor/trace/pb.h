/* SPDX-License-Identifier: MIT */
/* Protocol buffers, written by hand: varints, tags, and messages within messages. The buffer has room. */
#ifndef VITRINE_TRACE_PB_H
#define VITRINE_TRACE_PB_H

#include "base/base.h"

#include <string.h>

enum { PB_VARINT = 0, PB_FIXED64 = 1, PB_BYTES = 2 };

static inline char *pb_varint(char *p, uint64_t v)
{
    while (v >= 0x80) {
        *p++ = (char)(v | 0x80);
        v >>= 7;
    }
    *p++ = (char)v;
    return p;
}

static inline char *pb_tag(char *p, unsigned field, unsigned wire)
{
    return pb_varint(p, field << 3 | wire);
}

static inline char *pb_uint(char *p, unsigned field, uint64_t v)
{
    return pb_varint(pb_tag(p, field, PB_VARINT), v);
}

static inline char *pb_fixed64(char *p, unsigned field, uint64_t v)
{
    p = pb_tag(p, field, PB_FIXED64);
    memcpy(p, &v, 8);
    return p + 8;
}

static inline char *pb_string(char *p, unsigned field, const char *s, size_t n)
{
    p = pb_varint(pb_tag(p, field, PB_BYTES), n);
    memcpy(p, s, n);
    return p + n;
}

/* A message: its contents are written behind what pb_open() returns, and pb_close() gets that and their end. */
static inline char *pb_open(char *p, unsigned field)
{
    return pb_tag(p, field, PB_BYTES) + 1; /* for a length below 128; pb_close() makes more room */
}

static inline char *pb_close(char *from, char *end)
{
    size_t n = (size_t)(end - from), more = 0;
    for (size_t v = n; v >= 0x80; v >>= 7)
        more++;
    if (more)
        memmove(from + more, from, n);
    pb_varint(from - 1, n);
    return end + more;
}

#endif
