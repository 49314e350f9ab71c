/* SPDX-License-Identifier: MIT */
/* The world switch: what a technique moves between a virtual hart and the real one, whatever mode the guest runs in there. */
#ifndef VITRINE_WORLD_H
#define VITRINE_WORLD_H

#include "monitor/vmm/vmm.h"

/*
 * Registers x and f, fflags and frm, pc, LR's reservation (as a real address), the breakpoint to go on from, and the counts of
 * instructions, slots and traps: what the real hart tells while the guest is on it is told in the guest's time. Not mode, CSRs, translation.
 */
void world_load(struct hart *real, const struct hart *vh);
/* The way back: *vh is then as if it had executed what the real hart has. fs: the state of the F registers is vh's csr's business. */
void world_save(struct hart *vh, struct hart *real);

/* Puts the real hart into the state in which the VMM runs it for guests: M-mode setup that firmware would have made (everything delegated,
 * PMP open, all of menvcfg), traps to HS come back from hart_run(). Once, at power-on. */
void world_init(struct hart *real);

#endif
