/* SPDX-License-Identifier: MIT */
/* What a hart tells of itself, as events: each function emits one, for a kind that event_wanted() says somebody wants. */
#ifndef VITRINE_OBSERVE_H
#define VITRINE_OBSERVE_H

#include "cpu/decode.h"
#include "cpu/hart.h"

static inline uint8_t event_mode_of(const struct hart *h)
{
    return EVENT_MODE(h->priv, h->virt);
}

/* An instruction about to execute, and what of the state it may change. */
struct observed {
    uint64_t pc;
    struct insn insn;
    uint8_t mode;
    uint8_t reg;  /* as ARG_REG */
    uint8_t size; /* bytes of memory; 0: none */
    uint64_t reg_old, mem, mem_old;
    const uint8_t *host; /* where the bytes lie; NULL: not in memory, or nowhere */
};

/* The observed loop: before an instruction executes, and after it retired. */
void observe_before(struct hart *h, struct observed *o);
void observe_retired(struct hart *h, const struct observed *o);

/* The hart has taken t; pc, from: where it came from. */
void observe_trap(struct hart *h, const struct trap *t, uint64_t pc, uint8_t from);
/* mret or sret at pc in mode `from` has gone back. */
void observe_return(struct hart *h, uint64_t pc, uint8_t from);
/* The mode was `from` and may have changed, by an instruction at pc. */
void observe_mode(struct hart *h, uint64_t pc, uint8_t from);
/* An ecall from S mode to the firmware is being raised. */
void observe_sbi(struct hart *h);
void observe_mark(struct hart *h, int32_t number);
/* An instruction wrote a CSR: emits EV_CSR, and EV_PTR where it holds the root of a page table. */
void observe_csr(struct hart *h, unsigned csr, uint64_t old, uint64_t new);
void observe_wire(struct hart *h, enum irq_bit bit, bool level);
void observe_fill(struct hart *h, uint64_t va, const struct mmu_map *m, enum mmu_access a);
/* vmid, asid: -1 = all; have_va false: all addresses. */
void observe_flush(struct hart *h, enum event_flush what, bool have_va, uint64_t va, int64_t asid, int64_t vmid);

/* An observer for a walk of the hart's that emits EV_PTE and EV_AD; NULL when nobody wants them. w is the caller's. */
struct observed_walk {
    struct mmu_observer observer;
    struct hart *hart;
};
struct mmu_observer *observe_walk(struct hart *h, struct observed_walk *w);

#endif
