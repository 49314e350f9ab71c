/* SPDX-License-Identifier: MIT */
/* The driver of the Goldfish real-time clock, the same source in both kernels. It tells the time of day in one of a few zones. */
#ifndef GUEST_CLOCK_H
#define GUEST_CLOCK_H

#include <stdint.h>

struct clock {
    volatile uint32_t *reg;
    int64_t offset; /* seconds to add for the zone that was chosen last */
};

/* CLOCK_NOW: seconds since 1970 in the chosen zone. CLOCK_ZONE: chooses zone arg, returns its offset in seconds. */
enum { CLOCK_NOW, CLOCK_ZONE };
#define CLOCK_ZONES 4

int64_t clock_control(struct clock *c, int64_t op, int64_t arg);

#endif
