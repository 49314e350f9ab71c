/* SPDX-License-Identifier: MIT */
/* Page tables as trees and as lists, what a hart's TLB holds, and what answers where on a bus. Nothing here changes what it looks at. */
#ifndef VITRINE_PAGETABLE_H
#define VITRINE_PAGETABLE_H

#include "base/err.h"
#include "cpu/hart.h"
#include "monitor/debug/out.h"

/*
 * `pagetable [ROOT] [sv39|sv48|sv57|sv39x4|sv48x4|sv57x4] [satp|vsatp|hgatp] [as MODE] [all]`: the tree, with neighbours of equal
 * permissions in one line. root: NULL, or where the root table lies (bytes; under V=1 and for vsatp a guest physical address). What is not
 * said is as the hart has it now. -EINVAL with e set: words that are none of these, a mode without translation.
 */
MUST_USE int pagetable_command(struct out *o, const struct hart *h, const uint64_t *root, const char *words,
                               struct err *e);

/* `info mem`: the address space of satp (vsatp when V=1) in the layout of QEMU's monitor. */
void info_mem(struct out *o, const struct hart *h);
/* `info tlb`: what the hart's banks of translations hold. */
void info_tlb(struct out *o, const struct hart *h);
/* `info mtree`: the regions of a bus, each with its name and kind. */
void info_mtree(struct out *o, const struct bus *b);

/* For this module's files: the entries of one address space, read as the walker reads them. */
struct pt_reader {
    struct bus *bus;
    struct mmu_ctx c; /* with the tables' satp (vsatp) or, stage two, Bare there and hgatp */
    unsigned stage, levels;
    bool behind; /* the tables lie at guest physical addresses */
};
/* The reader of the tables that `atp` (satp, vsatp or hgatp, as stage and virt say) names. */
struct pt_reader pt_reader_make(const struct hart *h, unsigned stage, bool virt, uint64_t atp);
enum { PT_ENTRIES_MAX = 2048 };
/* Reads the table at address `at` (as its owner sees it); returns how many entries it has, those that no memory backs as 0. */
unsigned pt_read(const struct pt_reader *r, uint64_t at, unsigned level, uint64_t pte[PT_ENTRIES_MAX]);
/* Bits of an address of this space. */
unsigned pt_width(const struct pt_reader *r);
/* va as an instruction has it: sign-extended at stage one. */
uint64_t pt_canonical(const struct pt_reader *r, uint64_t va);

#endif
