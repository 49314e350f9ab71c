/* SPDX-License-Identifier: MIT */
/* What the fuzz targets share: taking an input apart, and programs that are likelier than bytes to be instructions. */
#ifndef VITRINE_TESTS_FUZZ_H
#define VITRINE_TESTS_FUZZ_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/base.h"
#include "cpu/decode.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The rest of an input. Past its end every byte is 0. */
struct input {
    const uint8_t *p, *end;
};

/* The next n <= 8 bytes, little-endian. */
static inline uint64_t take(struct input *in, unsigned n)
{
    uint64_t v = 0;
    for (unsigned i = 0; i < n && in->p < in->end; i++)
        v |= (uint64_t)*in->p++ << (8 * i);
    return v;
}

static inline size_t left(const struct input *in)
{
    return (size_t)(in->end - in->p);
}

/* A bug of ours that no sanitizer sees. */
#define FUZZ_CHECK(c, ...)                                                                                             \
    do {                                                                                                               \
        if (!(c)) {                                                                                                    \
            fprintf(stderr, "%s:%d: %s: ", __FILE__, __LINE__, #c);                                                    \
            fprintf(stderr, __VA_ARGS__);                                                                              \
            fputc('\n', stderr);                                                                                       \
            abort();                                                                                                   \
        }                                                                                                              \
    } while (0)

/*
 * Writes at most max bytes of code made from the input until it or the room ends; returns how many. The first byte of each piece:
 *   0..239  with the next one chooses a row of insn.def; the four bytes behind them are its operand bits
 *   240..    two bytes as they come (compressed, or halves of anything)
 */
static inline size_t make_code(struct input *in, uint8_t *out, size_t max)
{
    size_t n = 0;
    while (left(in) && n + 4 <= max) {
        unsigned what = (unsigned)take(in, 1);
        if (what >= 240) {
            uint16_t half = (uint16_t)take(in, 2);
            memcpy(out + n, &half, 2);
            n += 2;
            continue;
        }
        const struct insn_row *row = &insn_rows[1 + (what + take(in, 1) * 240) % (INSN_COUNT - 1)];
        uint32_t word = row->match | ((uint32_t)take(in, 4) & ~row->mask);
        memcpy(out + n, &word, 4);
        n += 4;
    }
    return n;
}

#endif
