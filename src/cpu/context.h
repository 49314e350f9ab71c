/* SPDX-License-Identifier: MIT */
/* TLB banks of a hart, made and freed with it. */
#ifndef VITRINE_CONTEXT_H
#define VITRINE_CONTEXT_H

#include "cpu/hart.h"

/* Needs bus, code, and CSRs at their reset values. 0, or -1 without memory. */
int hart_banks_init(struct hart *h);
void hart_banks_free(struct hart *h);

/* For people: the n-th bank of loads and stores, and of fetches (struct fetch_tlb: op.h). NULL past the end. */
const struct tlb *hart_data_bank(const struct hart *h, unsigned n);
const struct fetch_tlb *hart_fetch_bank(const struct hart *h, unsigned n);

/* The bank for accesses as c translates them, HLV's and HSV's, which are not those of the current mode. NULL: no memory. */
struct tlb *hart_bank_of(struct hart *h, const struct mmu_ctx *c);

/* tlb_key.flags: 10 HLVX | 9 PBMTE at stage two | 8 at stage one | 7 ADUE at stage two | 6 at stage one | 5 vsstatus.MXR | 4 MXR | 3 SUM | 2 V
 * | 1:0 privilege */
enum tlb_key_flag {
    TLB_KEY_PRIV = 3,
    TLB_KEY_VIRT = 4,
    TLB_KEY_SUM = 8,
    TLB_KEY_MXR = 16,
    TLB_KEY_VMXR = 32,
    TLB_KEY_HLVX = 1024
};

#endif
