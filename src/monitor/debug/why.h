/* SPDX-License-Identifier: MIT */
/*
 * `why`: what happened to a hart, in words: the last trap, what a hart waits for, what it is stuck in.
 *
 * The facts come from the machine's recorded events (the last EV_TRAP of the hart) and from the walker, asked again without side effects.
 * Where the answer is not the same any more, because the guest changed its tables meanwhile, it says so.
 */
#ifndef VITRINE_WHY_H
#define VITRINE_WHY_H

#include "machine.h"
#include "monitor/debug/out.h"

/* What others know better. Each may be NULL; each writes text of at most size bytes and returns false where it knows nothing. */
struct why_ctx {
    void *ctx;
    bool (*symbol)(void *ctx, uint64_t va, char *buf, size_t size);             /* "main+0x12" */
    bool (*source)(void *ctx, uint64_t pc, char *buf, size_t size);             /* "main.c:12" */
    bool (*insn)(void *ctx, uint64_t pc, uint32_t raw, char *buf, size_t size); /* "ld a0, 0(a1)" */
};

/* One explanation for hart h of m. helpers: NULL for the machine's own symbols and nothing else. */
void why_print(struct out *o, struct machine *m, struct hart *h, const struct why_ctx *helpers);

#endif
