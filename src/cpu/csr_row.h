/* SPDX-License-Identifier: MIT */
/* Between the table of CSRs (csr.c) and the functions that its rows name (csr_legal.c): each is declared because a row names it, so one
 * that no row names does not build. */
#ifndef VITRINE_CSR_ROW_H
#define VITRINE_CSR_ROW_H

#include "cpu/csr_bits.h"
#include "cpu/hart.h"

#define DECLARE_G_BY(fn) uint64_t csr_##fn(struct hart *h);
#define DECLARE_G_FIELD(f)
#define DECLARE_G_PMP(f)
#define DECLARE_G_HART(f)
#define DECLARE_G_ZERO
#define DECLARE_P_BY(fn) void csr_##fn(struct hart *h, uint64_t v);
#define DECLARE_P_BITS(m)
#define DECLARE_P_NONE
#define CSR(num, name, mode, need, check, vs, get, put) DECLARE_##get DECLARE_##put
#include "cpu/csr.def"
#undef CSR

/* Sstc's STCE as it counts: menvcfg's for stimecmp, and both for vstimecmp. */
static inline bool csr_stce(const struct hart *h)
{
    return h->csr.menvcfg & ENVCFG_STCE;
}

static inline bool csr_vstce(const struct hart *h)
{
    return h->csr.menvcfg & h->csr.henvcfg & ENVCFG_STCE;
}

/* With H the VS-level bits are read-only one: nobody but HS has a use for them (Priv. 18.4.2). */
static inline uint64_t csr_mideleg_forced(const struct hart *h)
{
    return h->isa.h ? INT_VS | INT_SGEI : 0;
}

#endif
