/* SPDX-License-Identifier: MIT */
/* What a hart tells of itself, as events: each function emits one, for a kind that event_wanted() says somebody wants. */
#ifndef VITRINE_OBSERVE_H
#define VITRINE_OBSERVE_H

#include "cpu/decode.h"
#include "cpu/hart.h"
#include "cpu/stream.h"

struct op;

static inline uint8_t event_mode_of(const struct hart *h)
{
    return EVENT_MODE(h->priv, h->virt);
}

/* What a hart's blocks tell a stream: hart.tells. */
enum hart_tells { TELLS_NOTHING, TELLS_ALL, TELLS_BUT_FP /* fflags are asked for: floating point is observed alone */ };

/* What observing an instruction takes, found out once for each operation of the step context. */
enum observed_access { OBSERVE_NO_MEMORY, OBSERVE_LOAD, OBSERVE_STORE, OBSERVE_OTHER };
struct observed_op {
    uint32_t resets; /* code_cache.resets + 1 when it was made; else it is stale */
    uint32_t raw;    /* the instruction's bytes */
    int16_t imm;     /* OBSERVE_LOAD and _STORE: the access goes to x[rs1] + imm */
    uint16_t slot;   /* offset of the register that it writes in struct hart; of x[0] where it writes none */
    uint8_t reg;     /* the same, as ARG_REG */
    uint8_t size;    /* bytes of memory that it accesses */
    uint8_t rs1;
    uint8_t access; /* enum observed_access */
};
_Static_assert(sizeof(struct observed_op) == 16, "one of them never lies in two lines of the host's cache");

/* For run.c's observed loop. What op's instruction changes; kept for the next time where there is memory for that, else in *room. */
const struct observed_op *observe_find_out(struct hart *h, const struct op *op, struct observed_op *room);
/* Where the bytes of an access lie that the TLB does not know, or that is none of the plain ones: memory within one page, or NULL. *va: its
 * address. */
const uint8_t *observe_search(struct hart *h, const struct observed_op *o, uint64_t *va);
/* What stands in memory where `size` bytes are about to be stored; 0 where there is none. */
uint64_t observe_stored_over(struct hart *h, uint64_t va, unsigned size);
/* What an access that went to no memory moved: what the register that went there or came from there holds. */
uint64_t observe_moved(const struct hart *h, uint32_t raw, unsigned size, uint64_t reg_new);

/* ---- blocks that tell a stream: FETCH_TELL ---- */
/* May this instruction be one of a block? Not if it accesses memory in another way than a plain load or store does, nor, with fp_alone, if it
 * may raise floating-point flags. */
bool observe_in_blocks(const struct insn *i, bool fp_alone);
/* May it raise floating-point flags? (No compressed one does.) */
bool observe_raises(uint32_t raw);
/* What a stream is told of it (but for `words`). off: of its address, in its page. */
void observe_describe(const struct insn *i, unsigned off, struct stream_insn *t);
/* Where its word is found when it has retired: offset in struct hart. */
size_t observe_word(const struct stream_insn *t);
/* The hart begins to run for h->stream. */
void observe_begin(struct hart *h);
/* For tell_block: the same as it does, where there is more to do. False: the stream is not listening any more. */
bool observe_enter(struct hart *h, struct stream_code *c);
/* The run loop's blocks were left. */
void observe_leave(struct hart *h);

/* The hart has taken t; pc, from: where it came from. */
void observe_trap(struct hart *h, const struct trap *t, uint64_t pc, uint8_t from);
/* mret or sret at pc in mode `from` has gone back. */
void observe_return(struct hart *h, uint64_t pc, uint8_t from);
/* The mode was `from` and may have changed, by an instruction at pc. */
void observe_mode(struct hart *h, uint64_t pc, uint8_t from);
/* An ecall from S mode to the firmware is being raised. */
void observe_sbi(struct hart *h);
void observe_mark(struct hart *h, int32_t number);
/* Does anybody want to hear of a write to this CSR, or of what comes with it? */
static inline bool observe_wants_csr(const struct hart *h, unsigned csr)
{
    enum { SATP = 0x180, VSATP = 0x280, HGATP = 0x680 };
    return event_wanted_any(h->events, BIT(EV_CSR) | BIT(EV_CSR_SIDE)) ||
           ((csr == SATP || csr == VSATP || csr == HGATP) && event_wanted(h->events, EV_PTR));
}
/* An instruction wrote a CSR: emits EV_CSR, and EV_PTR where it holds the root of a page table. */
void observe_csr(struct hart *h, unsigned csr, uint64_t old, uint64_t new);
/* A CSR that the running instruction may change without naming it: as it is before, and then, where somebody wants to hear of such, told. */
struct observed_csr {
    bool wanted;
    uint16_t csr;
    uint64_t old;
};
bool observe_look(struct hart *h, unsigned csr, uint64_t *old);
void observe_tell_side(struct hart *h, uint64_t pc, uint8_t mode, const struct observed_csr *o);
static inline struct observed_csr observe_csr_before(struct hart *h, unsigned csr)
{
    struct observed_csr o = {.wanted = false};
    if (UNLIKELY(event_wanted(h->events, EV_CSR_SIDE))) {
        o.csr = (uint16_t)csr;
        o.wanted = observe_look(h, csr, &o.old);
    }
    return o;
}

static inline void observe_side(struct hart *h, uint64_t pc, uint8_t mode, const struct observed_csr *o)
{
    if (UNLIKELY(o->wanted))
        observe_tell_side(h, pc, mode, o);
}

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
