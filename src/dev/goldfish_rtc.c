/* SPDX-License-Identifier: MIT */
#include "dev/goldfish_rtc.h"

#include "dev/dev_fdt.h"

#include <errno.h>
#include <libfdt.h>
#include <stdlib.h>

enum { NS_PER_TICK = 1000000000 / DEV_CLOCK_HZ };

/* 32-bit registers. TIME_LOW latches the upper half for TIME_HIGH; ALARM_LOW arms the alarm, so ALARM_HIGH is written first. */
enum {
    TIME_LOW = 0x00,
    TIME_HIGH = 0x04,
    ALARM_LOW = 0x08,
    ALARM_HIGH = 0x0c,
    IRQ_ENABLED = 0x10,
    CLEAR_ALARM = 0x14,
    ALARM_STATUS = 0x18,
    CLEAR_INTERRUPT = 0x1c,
};

struct goldfish_rtc {
    const struct dev_clock *clock;
    struct irq_line irq;
    uint64_t epoch_ns;

    uint64_t offset_ns; /* what the guest has set the clock forward by, modulo 2^64 */
    uint64_t alarm_ns;
    uint32_t time_high; /* latched */
    uint8_t armed;
    uint8_t irq_pending;
    uint8_t irq_enabled;
};

static uint64_t time_ns(const struct goldfish_rtc *r)
{
    return r->epoch_ns + r->offset_ns + r->clock->now(r->clock->ctx) * NS_PER_TICK;
}

static void update_irq(struct goldfish_rtc *r)
{
    irq_set(&r->irq, r->irq_pending && r->irq_enabled);
}

static void rtc_run(void *dev)
{
    struct goldfish_rtc *r = dev;
    if (r->armed && r->alarm_ns <= time_ns(r)) {
        r->armed = 0;
        r->irq_pending = 1;
        update_irq(r);
    }
}

static uint64_t rtc_deadline(void *dev)
{
    const struct goldfish_rtc *r = dev;
    if (!r->armed)
        return DEV_NO_DEADLINE;
    uint64_t tick = r->clock->now(r->clock->ctx), ns = time_ns(r);
    if (r->alarm_ns <= ns)
        return tick;
    uint64_t left = r->alarm_ns - ns;
    uint64_t ticks = left / NS_PER_TICK + (left % NS_PER_TICK != 0);
    return ticks < DEV_NO_DEADLINE - tick ? tick + ticks : DEV_NO_DEADLINE;
}

static uint64_t rtc_read(void *dev, uint64_t off, unsigned size)
{
    (void)size;
    struct goldfish_rtc *r = dev;
    uint64_t now;
    switch (off) {
    case TIME_LOW:
        now = time_ns(r);
        r->time_high = (uint32_t)(now >> 32);
        return (uint32_t)now;
    case TIME_HIGH: return r->time_high;
    case ALARM_LOW: return (uint32_t)r->alarm_ns;
    case ALARM_HIGH: return r->alarm_ns >> 32;
    case IRQ_ENABLED: return r->irq_enabled;
    case ALARM_STATUS: return r->armed;
    }
    return 0;
}

static void rtc_write(void *dev, uint64_t off, uint64_t val, unsigned size)
{
    (void)size;
    struct goldfish_rtc *r = dev;
    uint64_t now = time_ns(r);
    switch (off) {
    case TIME_LOW: r->offset_ns += merge_bits(now, val, UINT32_MAX) - now; break;
    case TIME_HIGH: r->offset_ns += merge_bits(now, val << 32, MASK(63, 32)) - now; break;
    case ALARM_LOW:
        r->alarm_ns = merge_bits(r->alarm_ns, val, UINT32_MAX);
        r->armed = 1;
        break;
    case ALARM_HIGH: r->alarm_ns = merge_bits(r->alarm_ns, val << 32, MASK(63, 32)); break;
    case IRQ_ENABLED: r->irq_enabled = val & 1; break;
    case CLEAR_ALARM: r->armed = 0; break;
    case CLEAR_INTERRUPT: r->irq_pending = 0; break;
    default: return;
    }
    rtc_run(r);
    update_irq(r);
    r->clock->changed(r->clock->ctx);
}

static void rtc_reset(void *dev)
{
    struct goldfish_rtc *r = dev;
    r->alarm_ns = r->time_high = 0; /* offset_ns stays: the clock has its own battery */
    r->armed = r->irq_pending = r->irq_enabled = 0;
    update_irq(r);
}

void *goldfish_rtc_create(const struct dev_env *env, const struct goldfish_rtc_config *cfg, struct err *e)
{
    struct goldfish_rtc *r = calloc(1, sizeof *r);
    if (!r) {
        err_set(e, -ENOMEM, "rtc: out of memory");
        return NULL;
    }
    r->clock = env->clock;
    r->irq = cfg->irq;
    r->epoch_ns = cfg->epoch_ns;
    rtc_reset(r);
    return r;
}

static void rtc_visit(void *dev, struct visitor *v)
{
    struct goldfish_rtc *r = dev;
    VISIT(v, r, epoch_ns);
    VISIT(v, r, offset_ns);
    VISIT(v, r, alarm_ns);
    VISIT(v, r, time_high);
    VISIT(v, r, armed);
    VISIT(v, r, irq_pending);
    VISIT(v, r, irq_enabled);
}

static int rtc_fdt(void *dev, const struct dev_place *place, void *fdt, int soc)
{
    static const char compatible[] = "google,goldfish-rtc";
    (void)dev;
    int n, rc;
    if ((rc = dev_fdt_node(fdt, soc, "rtc", place, &n)) ||
        (rc = fdt_setprop(fdt, n, "compatible", compatible, sizeof compatible)))
        return rc;
    return dev_fdt_interrupt(fdt, n, place);
}

const struct dev_class goldfish_rtc_class = {
    .name = "rtc",
    .ops = {.read = rtc_read, .write = rtc_write, .min = 4, .max = 4},
    .reset = rtc_reset,
    .free = free,
    .visit = rtc_visit,
    .fdt = rtc_fdt,
    .deadline = rtc_deadline,
    .run = rtc_run,
};
