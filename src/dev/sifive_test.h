/* SPDX-License-Identifier: MIT */
/* SiFive's test finisher: one register with which a guest ends the machine with a status, or resets it. */
#ifndef VITRINE_SIFIVE_TEST_H
#define VITRINE_SIFIVE_TEST_H

#include "dev/dev.h"

enum sifive_test_action { SIFIVE_TEST_PASS, SIFIVE_TEST_FAIL, SIFIVE_TEST_RESET };

struct sifive_test_config {
    /* code: the guest's 16-bit status for SIFIVE_TEST_FAIL, else 0. Called within the guest's store. */
    void (*finish)(void *ctx, enum sifive_test_action what, unsigned code);
    void *ctx;
    uint32_t phandle; /* of the device's own node, to which poweroff and reboot refer; 0 = no such nodes */
};

extern const struct dev_class sifive_test_class;

MUST_USE void *sifive_test_create(const struct dev_env *env, const struct sifive_test_config *cfg, struct err *e);

#endif
