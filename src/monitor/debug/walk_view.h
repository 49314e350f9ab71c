/* SPDX-License-Identifier: MIT */
/*
 * `walk`: what an access would do, step by step, without doing it.
 *
 * The steps are those that the walker itself tells of (mmu_translate() with an observer, dry); behind them stands what the bus says of the
 * physical address. So what is drawn is what the hart would do, and nothing here knows how to walk.
 */
#ifndef VITRINE_WALK_VIEW_H
#define VITRINE_WALK_VIEW_H

#include "base/err.h"
#include "cpu/hart.h"
#include "monitor/debug/out.h"

/* Five levels of stage one, each entry found by five of stage two, the address itself, and entries written for A and D. */
enum { WALK_STEPS = 64 };
enum { WALK_OWN_MODE = -1 };

/* What happens at the physical address, once translation and PMP have let the access through. */
enum walk_place {
    PLACE_ANSWERS,   /* memory, or a device that takes this access */
    PLACE_EMPTY,     /* nothing answers there */
    PLACE_READONLY,  /* ROM */
    PLACE_NO_MEMORY, /* a device, where only memory will do: code, HLVX, atomics */
    PLACE_MISALIGNED /* a device, whose registers take aligned accesses only */
};

/* The bytes of an access that lie on one page (of a fetch: one of its two halves). */
struct walk_part {
    uint64_t va;
    unsigned size;
    bool translated; /* map is filled; else the view's fault is this part's */
    struct mmu_map map;
    enum walk_place place;
    unsigned nsteps;
    struct mmu_step step[WALK_STEPS];
};

struct walk_view {
    struct mmu_ctx c;
    enum mmu_access access;
    uint64_t va;
    unsigned size;
    bool atomic;
    bool ok;                /* the access would be done */
    struct mmu_fault fault; /* otherwise: the trap it would raise */
    bool misaligned;        /* it would not even be translated: an atomic that is not aligned */
    unsigned nparts;
    struct walk_part part[2];
};

/* What stands behind the address: [r|w|x] [as MODE] [size N] */
struct walk_args {
    enum mmu_access access; /* r where nothing is said */
    int mode;               /* EVENT_MODE(), or WALK_OWN_MODE */
    unsigned size;          /* bytes: 1, 2, 4, 8; of x: 2 or 4 */
};

/* size: 1 to 8 bytes at any address; of a fetch 2 or 4. atomic: LR, SC or AMO. */
void walk_view_make(struct walk_view *w, const struct mmu_ctx *c, uint64_t va, unsigned size, enum mmu_access a,
                    bool atomic);
/* All of it. The last line begins with "=> " and tells the outcome: the physical address, or cause, tval and tval2. */
void walk_view_print(struct out *o, const struct walk_view *w);
/* A step in a few words on one line, without a newline: where, what was read, the verdict. */
void walk_view_print_step(struct out *o, const struct mmu_ctx *c, const struct mmu_step *s);
/* Why a step denies, as a sentence's end, with the section of the specification. "" where it does not. */
void walk_view_print_denial(struct out *o, const struct mmu_ctx *c, enum mmu_access a, unsigned size,
                            const struct mmu_step *s);
/* What PMP says of [pa, pa + size): the entry that decides, and its range. */
void walk_view_print_pmp(struct out *o, const struct pmp *p, uint64_t pa, unsigned size, enum mmu_access a,
                         enum priv priv);

/* -EINVAL with e set: words that are none of these. */
MUST_USE int walk_args_parse(const char *words, struct walk_args *a, struct err *e);
/* -EINVAL with e set: a mode that this hart does not have. */
MUST_USE int walk_args_ctx(const struct hart *h, const struct walk_args *a, struct mmu_ctx *c, struct err *e);
/* The command: `walk ADDR words`. */
MUST_USE int walk_command(struct out *o, const struct hart *h, uint64_t va, const char *words, struct err *e);

/* What satp, vsatp or hgatp say: "Sv39, ASID 3, root table at 0x8040_0000". stage: 1 or 2. */
void walk_view_print_atp(struct out *o, uint64_t atp, unsigned stage);
/* "V R W . . . A D", and PBMT, N, RSW where they are not 0; those of the mask `bad` in OUT_BAD. */
void walk_view_print_bits(struct out *o, uint64_t pte, uint64_t bad);

#endif
