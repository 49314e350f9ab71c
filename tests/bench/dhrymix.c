/* SPDX-License-Identifier: MIT */
/* What systems programs did in the days of Dhrystone: records through pointers, short strings, enums, many small calls. */
#include "bench.h"

#define EXPECT 0x6f9c07dd00df5b4bull /* found once, the same on an x86-64 host */

enum shade { RED, ORANGE, YELLOW, GREEN, BLUE };

struct record {
    struct record *link;
    enum shade kind, other;
    int amount;
    char label[32];
};

static struct record pool[2];
static struct record *current, *spare;
static int counter, table[50], grid[50][50];
static char first_char, second_char, flag;

static NOINLINE enum shade next_shade(enum shade s)
{
    switch (s) {
    case RED: return counter > 100 ? ORANGE : GREEN;
    case ORANGE: return BLUE;
    case YELLOW: return flag ? RED : YELLOW;
    case GREEN: return YELLOW;
    case BLUE: break;
    }
    return RED;
}

static NOINLINE int add_bias(int a, int b)
{
    return a + b + 2;
}

static NOINLINE enum shade same_char(char a, char b)
{
    if (a != b)
        return RED;
    first_char = a;
    return ORANGE;
}

static NOINLINE int labels_ordered(const char *a, const char *b)
{
    char mark = 'A';
    for (int i = 2; i <= 2; i++)
        if (same_char(a[i], b[i + 1]) == RED)
            mark = (char)(mark + i);
    if (mark >= 'W' && mark < 'Z')
        return 7;
    if (strcmp(a, b) > 0) {
        counter += 7;
        return 1;
    }
    return 0;
}

static NOINLINE void fill_tables(int *t, int (*g)[50], int at, int value)
{
    int i = at + 5;
    t[i] = value;
    t[i + 1] = t[i];
    t[i + 30] = i;
    for (int j = i; j <= i + 1; j++)
        g[i][j] = i;
    g[i][i - 1] += 1;
    g[i + 20][i] = t[i];
    counter = 5;
}

static NOINLINE void step_amount(int *amount)
{
    int v = *amount + 10;
    for (;;) {
        if (first_char == 'A') {
            v--;
            *amount = v - counter;
            return;
        }
        first_char = 'A';
    }
}

static NOINLINE void update_record(struct record *r)
{
    struct record *next = r->link;
    *next = *r;
    r->amount = 5;
    next->amount = r->amount;
    next->link = r->link;
    next->kind = next_shade(r->kind);
    if (next->other == RED) {
        next->amount = add_bias(6, next->amount);
        next->other = next_shade(r->other);
        next->link = current->link;
    } else {
        *r = *next;
    }
}

static NOINLINE void mark_chars(void)
{
    flag = (char)(flag | (first_char == 'A'));
    second_char = 'B';
}

static NOINLINE uint64_t round_trip(int n)
{
    static const char some[] = "a record's label, the 1st line";
    static const char other[] = "a record's label, the 2nd line";
    char here[32], there[32];
    uint64_t sum = 0;

    current = &pool[0];
    spare = &pool[1];
    current->link = spare;
    current->kind = RED;
    current->other = YELLOW;
    current->amount = 40;
    strcpy(current->label, some);
    strcpy(here, some);
    first_char = 'A';
    flag = 0;
    mark_chars();

    int a = 2, b = 3, c = 0;
    strcpy(there, other);
    if (!labels_ordered(here, there))
        c = add_bias(a, b);
    while (a < b) {
        c = 5 * a - b + c % 3;
        a++;
    }
    fill_tables(table, grid, a, c);
    current->other = n & 1 ? RED : YELLOW;
    update_record(current);
    for (char ch = 'A'; ch <= second_char; ch++) {
        if (current->kind == (enum shade)same_char(ch, 'C')) {
            strcpy(there, here);
            b = n;
        }
    }
    b = b * a;
    a = b / (c + 1);
    b = 7 * (b - c) - a;
    step_amount(&a);

    sum = bench_mix(sum, (uint64_t)a);
    sum = bench_mix(sum, (uint64_t)b);
    sum = bench_mix(sum, (uint64_t)c);
    sum = bench_mix(sum, (uint64_t)spare->amount << 8 | (uint64_t)spare->kind << 4 | (uint64_t)spare->other);
    sum = bench_mix(sum, (uint64_t)strcmp(there, here) + (uint64_t)there[20]);
    return sum;
}

void bench(void)
{
    uint64_t sum = 0;
    for (unsigned n = 0; n < ITER; n++) {
        uint64_t now = 0;
        for (int i = 0; i < 1000; i++)
            now = bench_mix(now, round_trip(i));
        if (n && now != sum)
            bench_fail("dhrymix: two rounds differ", 10);
        sum = now;
    }
    bench_done("dhrymix", sum, EXPECT, 1000ull * ITER);
}
