/* SPDX-License-Identifier: MIT */
/* The Goldfish real-time clock: nanoseconds since 1970 and one alarm. */
#ifndef VITRINE_GOLDFISH_RTC_H
#define VITRINE_GOLDFISH_RTC_H

#include "dev/dev.h"

struct goldfish_rtc_config {
    uint64_t epoch_ns; /* nanoseconds since 1970 at mtime 0, from the host's clock or fixed by the user */
    struct irq_line irq;
};

extern const struct dev_class goldfish_rtc_class;

MUST_USE void *goldfish_rtc_create(const struct dev_env *env, const struct goldfish_rtc_config *cfg, struct err *e);

#endif
