/* SPDX-License-Identifier: MIT */
/* What small embedded programs do, in one mix: linked lists, little integer matrices, a scanner of numbers, a CRC. */
#include "bench.h"

#define EXPECT 0x1208bd67b6bbbd6dull /* found once, the same on an x86-64 host */

enum { ITEMS = 96, DIM = 11, TEXT = 640 };

struct item {
    struct item *next;
    int16_t key;
    uint16_t place;
};

enum token {
    TOK_START,
    TOK_SIGN,
    TOK_INT,
    TOK_POINT,
    TOK_FRACTION,
    TOK_EXP,
    TOK_EXP_SIGN,
    TOK_EXP_INT,
    TOK_BAD,
    TOK_COUNT
};

static struct item items[ITEMS];
static int16_t mat_a[DIM][DIM], mat_b[DIM][DIM];
static int32_t mat_c[DIM][DIM];
static char text[TEXT];
static size_t text_len;

/* CRC-16 with the reversed polynomial 0xA001, one bit at a time. */
static uint16_t crc16(uint16_t crc, uint32_t v, int bytes)
{
    while (bytes--) {
        uint8_t octet = (uint8_t)v;
        v >>= 8;
        for (int i = 0; i < 8; i++) {
            unsigned bit = (crc ^ octet) & 1;
            crc >>= 1;
            octet >>= 1;
            if (bit)
                crc ^= 0xa001;
        }
    }
    return crc;
}

static struct item *list_build(uint64_t seed)
{
    for (unsigned i = 0; i < ITEMS; i++) {
        items[i].key = (int16_t)(bench_rand(&seed) % 1000);
        items[i].place = (uint16_t)i;
        items[i].next = i + 1 < ITEMS ? &items[i + 1] : NULL;
    }
    return items;
}

static NOINLINE const struct item *list_find(const struct item *p, int key)
{
    while (p && p->key != key)
        p = p->next;
    return p;
}

static NOINLINE struct item *list_reverse(struct item *p)
{
    struct item *out = NULL;
    while (p) {
        struct item *next = p->next;
        p->next = out;
        out = p;
        p = next;
    }
    return out;
}

static int by_key(const struct item *a, const struct item *b)
{
    return a->key != b->key ? a->key - b->key : a->place - b->place;
}

static int by_place(const struct item *a, const struct item *b)
{
    return a->place - b->place;
}

/* Merge sort, top down; the order comes through a pointer, as in qsort. */
static NOINLINE struct item *list_sort(struct item *p, unsigned len,
                                       int (*order)(const struct item *, const struct item *))
{
    if (len == 1) {
        p->next = NULL;
        return p;
    }
    struct item *q = p;
    for (unsigned i = 0; i < len / 2; i++)
        q = q->next;
    q = list_sort(q, len - len / 2, order);
    p = list_sort(p, len / 2, order);
    struct item *head = NULL, **tail = &head;
    while (p && q) {
        struct item **least = order(p, q) <= 0 ? &p : &q;
        *tail = *least;
        tail = &(*least)->next;
        *least = *tail;
    }
    *tail = p ? p : q;
    return head;
}

/* Find and reverse many times; sort only where asked: a merge sort is mostly branches that nobody can predict. */
static NOINLINE uint16_t list_work(uint16_t crc, uint64_t seed, int sorted)
{
    struct item *head = list_build(seed);
    for (int key = 0; key < 1000; key += 61) {
        const struct item *found = list_find(head, key);
        crc = crc16(crc, found ? found->place : 0xffff, 2);
        head = list_reverse(head);
    }
    if (!sorted)
        return crc;
    head = list_sort(head, ITEMS, by_key);
    for (const struct item *p = head; p; p = p->next) {
        if (p->next && p->key > p->next->key)
            bench_fail("coremix: list not sorted", 10);
        crc = crc16(crc, (uint16_t)p->key, 1);
    }
    head = list_sort(head, ITEMS, by_place);
    if (head != items || head->next != items + 1)
        bench_fail("coremix: list not put back", 11);
    return crc;
}

/* c = a * b; with `bits`, the terms are products of bit fields of the products. */
static NOINLINE void matrix_multiply(int bits)
{
    for (int i = 0; i < DIM; i++) {
        for (int j = 0; j < DIM; j++) {
            int32_t sum = 0;
            for (int k = 0; k < DIM; k++) {
                int32_t v = mat_a[i][k] * mat_b[k][j];
                sum += bits ? (v >> 2 & 15) * (v >> 5 & 127) : v;
            }
            mat_c[i][j] = sum;
        }
    }
}

static NOINLINE int32_t matrix_score(void)
{
    int32_t last = 0, score = 0;
    for (int i = 0; i < DIM; i++) {
        for (int j = 0; j < DIM; j++) {
            int32_t v = mat_c[i][j];
            score += v > last ? 10 : v & 7;
            last = v;
        }
    }
    return score;
}

static NOINLINE uint16_t matrix_work(uint16_t crc, int seed)
{
    for (int i = 0; i < DIM; i++) {
        for (int j = 0; j < DIM; j++) {
            mat_a[i][j] = (int16_t)(((i * 13 + j * 7 + seed) & 63) - 20);
            mat_b[i][j] = (int16_t)((i * 5 - j * 11 + seed) & 31);
        }
    }
    for (int i = 0; i < DIM; i++)
        for (int j = 0; j < DIM; j++)
            mat_a[i][j] = (int16_t)(mat_a[i][j] + seed % 5);
    matrix_multiply(0);
    int32_t score = matrix_score();
    matrix_multiply(1);
    score += matrix_score();
    for (int i = 0; i < DIM; i++) {
        int32_t sum = 0;
        for (int j = 0; j < DIM; j++)
            sum += mat_c[i][j] * mat_b[j][0];
        crc = crc16(crc, (uint32_t)sum, 2);
    }
    return crc16(crc, (uint32_t)score, 4);
}

/* One step of the scanner: a number is [sign] digits [. digits] [e [sign] digits]. */
static enum token scan_step(enum token state, char c)
{
    int digit = c >= '0' && c <= '9';
    switch (state) {
    case TOK_START:
        if (c == '+' || c == '-')
            return TOK_SIGN;
        return digit ? TOK_INT : c == '.' ? TOK_POINT : TOK_BAD;
    case TOK_SIGN: return digit ? TOK_INT : c == '.' ? TOK_POINT : TOK_BAD;
    case TOK_INT:
        if (c == '.')
            return TOK_FRACTION;
        return digit ? TOK_INT : (c | 32) == 'e' ? TOK_EXP : TOK_BAD;
    case TOK_POINT: return digit ? TOK_FRACTION : TOK_BAD;
    case TOK_FRACTION: return digit ? TOK_FRACTION : (c | 32) == 'e' ? TOK_EXP : TOK_BAD;
    case TOK_EXP:
        if (c == '+' || c == '-')
            return TOK_EXP_SIGN;
        return digit ? TOK_EXP_INT : TOK_BAD;
    case TOK_EXP_SIGN:
    case TOK_EXP_INT: return digit ? TOK_EXP_INT : TOK_BAD;
    case TOK_BAD:
    case TOK_COUNT: break;
    }
    return TOK_BAD;
}

static void text_build(void)
{
    static const char *const samples[] = {"5012",     "-874",    "+122",    "35.54",    ".1234500", "-110.70",
                                          "5.5e+3",   "-.12e-2", "+61.e12", "T0.3e-1F", "-T.T++Tq", "8e",
                                          "1T3.4e4z", "3.5e+",   "--7",     "1e5"};
    size_t at = 0;
    uint64_t rng = 99;
    for (;;) {
        const char *s = samples[bench_rand(&rng) % ARRAY_LEN(samples)];
        size_t len = 0;
        while (s[len])
            len++;
        if (at + len + 2 > TEXT)
            break;
        memcpy(text + at, s, len);
        text[at + len] = ',';
        at += len + 1;
    }
    text[at] = 0;
    text_len = at;
}

static NOINLINE uint16_t scan_work(uint16_t crc, unsigned seed)
{
    uint32_t ends[TOK_COUNT] = {0}, steps[TOK_COUNT] = {0};
    for (int pass = 0; pass < 2; pass++) { /* damage some characters, scan, repair, scan */
        for (size_t i = seed % 7; i < text_len; i += 7 + seed % 5)
            if (text[i] != ',')
                text[i] ^= 0x10; /* none of our characters becomes a comma or the end */
        enum token state = TOK_START;
        for (const char *p = text; *p; p++) {
            if (*p == ',') {
                ends[state]++;
                state = TOK_START;
            } else {
                state = scan_step(state, *p);
                steps[state]++;
            }
        }
    }
    for (int i = 0; i < TOK_COUNT; i++) {
        crc = crc16(crc, ends[i], 2);
        crc = crc16(crc, steps[i], 2);
    }
    return crc;
}

void bench(void)
{
    uint64_t sum = 0;
    text_build();
    for (unsigned n = 0; n < ITER; n++) {
        uint64_t now = 0;
        for (unsigned i = 0; i < 8; i++) {
            uint16_t crc = list_work(0, 0x1234 + i, i % 4 == 3);
            crc = matrix_work(crc, (int)i * 3 + 1);
            crc = scan_work(crc, i);
            now = bench_mix(now, crc);
        }
        if (n && now != sum)
            bench_fail("coremix: two rounds differ", 12);
        sum = now;
    }
    bench_done("coremix", sum, EXPECT, 8ull * ITER);
}
