/* SPDX-License-Identifier: MIT */
/* Control and status registers: one row each in csr.def. Access checks apart from reads and writes (Priv. 2.1, 18.2). */
#ifndef VITRINE_CSR_H
#define VITRINE_CSR_H

#include "cpu/hart.h"

enum csr_op { CSR_RW, CSR_RS, CSR_RC };

/* Executes one CSR instruction: op with src, reading when wants_read (rd != x0 for CSRRW) and writing when wants_write (rs1 != x0 / uimm != 0 for
 * RS/RC). False: *t is the trap (illegal or virtual instruction; tval = insn), nothing changed. */
MUST_USE bool csr_execute(struct hart *h, unsigned num, enum csr_op op, uint64_t src, bool wants_read, bool wants_write,
                          uint32_t insn, uint64_t *old, struct trap *t);

/* For debugger, tests, snapshots: the value as M mode reads it, side-effect free. False: no such CSR on this hart. */
bool csr_peek(struct hart *h, unsigned num, uint64_t *val);
/* Writes as M mode would, legalized. False: no such CSR, or read-only. */
bool csr_poke(struct hart *h, unsigned num, uint64_t val);
const char *csr_name(unsigned num); /* NULL: unknown */
int csr_number(const char *name);   /* -1: unknown */

/* Power-on values of every CSR (Priv. 3.4), misa from h->isa. */
void csr_reset(struct hart *h);
/* menvcfg's ADUE then, as a mask. The specification leaves it open. Kernels that know nothing of Svadu lean on hardware that sets A and D. */
uint64_t csr_reset_adue(const struct isa *isa);
/* To be called after what may unmask an interrupt. A hart for which nothing is pending and enabled goes on undisturbed. */
static inline void csr_kick_irq(struct hart *h)
{
    if ((h->csr.mip | h->csr.mip_line) & h->csr.mie) {
        h->kick |= KICK_IRQ;
    }
}
/* mip as the specification shows it: wires, software bits and hypervisor views. */
uint64_t csr_mip(const struct hart *h);

#endif
