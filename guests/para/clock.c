/* SPDX-License-Identifier: MIT */
#include "clock.h"
#include "para.h"

static struct zone {
    int64_t offset;  /* seconds east of Greenwich */
    uint64_t chosen; /* so often */
} zones[CLOCK_ZONES] = {{0, 0}, {3600, 0}, {7200, 0}, {-18000, 0}};

static int64_t now(const struct clock *c)
{
    uint64_t low = REG(c->reg[0]); /* nanoseconds; reading the low half latches the high one */
    return (int64_t)((low | (uint64_t)REG(c->reg[1]) << 32) / 1000000000) + c->offset;
}

/* The bug: nobody asks whether there is a zone of that number. A small wrong one counts up somebody else's variable, a large
 * one is a wild pointer. */
static int64_t choose_zone(struct clock *c, int64_t number)
{
    struct zone *z = &zones[number];
    z->chosen++;
    c->offset = z->offset;
    return c->offset;
}

int64_t clock_control(struct clock *c, int64_t op, int64_t arg)
{
    switch (op) {
    case CLOCK_NOW: return now(c);
    case CLOCK_ZONE: return choose_zone(c, arg);
    default: return -22;
    }
}
