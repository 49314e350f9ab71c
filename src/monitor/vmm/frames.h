/* SPDX-License-Identifier: MIT */
/*
 * The frames of the real machine's RAM: who has which. The VMM hands them out scattered, so that a guest's physical address and the real
 * one never look alike, and in an order that depends on nothing but the size of the RAM: the same run twice uses the same frames.
 */
#ifndef VITRINE_FRAMES_H
#define VITRINE_FRAMES_H

#include "base/base.h"
#include "base/err.h"
#include "dev/bus.h"

enum frame_use {
    FRAME_FREE,
    FRAME_VMM,   /* the VMM's own, for no one VM */
    FRAME_GUEST, /* a page of a VM's RAM */
    FRAME_TABLE  /* a page table that the VMM keeps for a VM: no guest may reach it */
};

struct frame_owner {
    uint8_t use; /* enum frame_use */
    uint8_t vm;  /* its number, from 1; 0: none */
};

struct frames;

/* All frames of [base, base + size) of the bus's RAM: the first `reserved` bytes the VMM's, the next `kept` bytes for frames_take_aligned() alone,
 * since what is scattered leaves no room between, the rest free. NULL with e set. */
MUST_USE struct frames *frames_new(struct bus *b, uint64_t base, uint64_t size, uint64_t reserved, uint64_t kept,
                                   struct err *e);
void frames_free(struct frames *f);

/* Bytes lie in [from, to) already: its frames are zeroed before they are handed out. */
void frames_soiled(struct frames *f, uint64_t from, uint64_t to);

/* From now on a VM has at most so many of the scattered frames for its tables, however many are free: the others' shares are safe from it. */
void frames_share(struct frames *f, unsigned vm, uint64_t tables);

/* One zeroed frame. False: none is left, or the VM has its share. */
MUST_USE bool frames_take(struct frames *f, enum frame_use use, unsigned vm, uint64_t *hpa);
/* n zeroed frames one after the other, the first at a multiple of n frames (n: a power of two): for the root of a G-stage table. */
MUST_USE bool frames_take_aligned(struct frames *f, unsigned n, enum frame_use use, unsigned vm, uint64_t *hpa);
/* Gives the frame at hpa back. */
void frames_give(struct frames *f, uint64_t hpa);

/* Who owns the frame that holds hpa; FRAME_FREE for an address outside. */
struct frame_owner frames_owner(const struct frames *f, uint64_t hpa);
uint64_t frames_left(const struct frames *f);
/* How many frames a VM (0: the VMM) has for that use. */
uint64_t frames_count(const struct frames *f, enum frame_use use, unsigned vm);

#endif
