/* SPDX-License-Identifier: MIT */
/* Parallel NOR flash with the Intel command set (CFI 01): two 16-bit chips side by side on a 32-bit bus. */
#ifndef VITRINE_PFLASH_H
#define VITRINE_PFLASH_H

#include "dev/dev.h"

enum { PFLASH_SIZE = 32 << 20, PFLASH_BLOCK = 256 << 10 };

struct pflash_config {
    const char *name; /* for messages, e.g. "pflash0" */
    uint64_t base;    /* where the board maps it; the device adds its own memory region of PFLASH_SIZE there */
    const char *file; /* initial content and where changes go; NULL = erased, in memory only */
    bool readonly;    /* the chip is write-protected, and the file is opened for reading only */
    bool snapshot;    /* the guest may write, the file stays as it was */
};

extern const struct dev_class pflash_class;

/* The board puts pflash_class.ops at cfg->base as well; it answers while the chip is not in read-array mode, and hears all
 * stores. NULL with e set when the file cannot be used. */
MUST_USE void *pflash_create(const struct dev_env *env, const struct pflash_config *cfg, struct err *e);

#endif
