/* SPDX-License-Identifier: MIT */
/* The firmware that is built in: SBI 2.0 in C, for a kernel in S mode. One row per function in sbi.c. */
#ifndef VITRINE_SBI_H
#define VITRINE_SBI_H

#include "cpu/hart.h"

struct machine;

enum { SBI_HARTS = 16 };

/* HSM states, SBI 2.0 chapter 9. */
enum sbi_state { SBI_STARTED = 0, SBI_STOPPED = 1, SBI_SUSPENDED = 4 };

struct sbi {
    enum sbi_state state[SBI_HARTS];
    /* Where a hart suspended non-retentively resumes; resume[i].set = false: it goes on behind its ecall. */
    struct {
        bool set;
        uint64_t pc, opaque;
    } resume[SBI_HARTS];
    uint64_t timer[SBI_HARTS]; /* without Sstc: the tick at which STIP becomes pending; UINT64_MAX = none */
};

/* Sets every hart as firmware leaves it, hart 0 at entry in S mode with a1 = fdt, the others stopped. */
void sbi_boot(struct machine *m, uint64_t entry, uint64_t fdt);
/* A trap of hart n that goes to M mode: serves a call, or hands the trap on to S mode as firmware does. */
void sbi_trap(struct machine *m, unsigned n, const struct trap *t);
/* A suspended hart that an interrupt woke goes on. */
void sbi_woken(struct machine *m, unsigned n);

#endif
