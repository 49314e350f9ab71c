/* SPDX-License-Identifier: MIT */
/* Traps: where they go, what they leave behind, and the way back. */
#ifndef VITRINE_TRAP_H
#define VITRINE_TRAP_H

#include "cpu/hart.h"

struct trap_target {
    enum priv priv;
    bool virt;
};

/* Where a trap taken now, from the hart's current mode, goes: medeleg/mideleg, hedeleg/hideleg. Priv. 3.1.8, 18.2.2 */
struct trap_target trap_route(const struct hart *h, uint64_t cause);
/* Takes it to its target: epc, cause, tval (and htval/mtval2, htinst/mtinst, GVA, SPV/SPVP, MPV), status stacks, pc from tvec
 * (vectored for interrupts), priv, virt; calls hart_context_changed(). epc: pc of the instruction. */
void trap_take(struct hart *h, const struct trap *t, uint64_t epc);
/* The enabled pending interrupt of highest priority for the hart's current mode, if any. Priv. 3.1.9, 18.x */
bool trap_pending(const struct hart *h, struct trap *t);
/* WFI wakes when any locally enabled interrupt is pending, whatever the global enables (Priv. 3.3.3). */
bool trap_wfi_wakes(const struct hart *h);

/* mret, sret, wfi, sfence.vma, sinval/sfence.w.inval/sfence.inval.ir, hfence.*, hinval.*: checks (TW, TSR, TVM, VTW, VTSR, VTVM, mode) and effect.
 * False: *t is the trap. xRET set h->pc. rs1/rs2 are the register VALUES, has_* whether the field is not x0. */
MUST_USE bool trap_mret(struct hart *h, uint32_t insn, struct trap *t);
MUST_USE bool trap_sret(struct hart *h, uint32_t insn, struct trap *t);
MUST_USE bool trap_wfi(struct hart *h, uint32_t insn, struct trap *t); /* sets KICK_WFI when it must wait */
MUST_USE bool trap_fence_vma(struct hart *h, uint32_t insn, uint64_t rs1, uint64_t rs2, struct trap *t);
/* ecall's cause for the current mode. */
uint64_t trap_ecall_cause(const struct hart *h);
/* cbo.inval/clean/flush/zero: may the current mode execute it (menvcfg, henvcfg, senvcfg: CBIE, CBCFE, CBZE)? *inval_flushes: CBIE = 01. */
MUST_USE bool trap_cbo_allowed(const struct hart *h, uint32_t insn, bool *inval_flushes, struct trap *t);
/* The context for an explicit or implicit access; hart_mode_ctx(): as if the hart were in that mode, without MPRV. */
struct mmu_ctx hart_mode_ctx(const struct hart *h, enum priv priv, bool virt);
struct mmu_ctx hart_fetch_ctx(const struct hart *h);
struct mmu_ctx hart_data_ctx(const struct hart *h); /* MPRV, MPV applied */
/* HLV/HLVX/HSV: illegal or virtual instruction where they may not run. Priv. 18.3.1 */
MUST_USE bool hart_hyp_ctx(const struct hart *h, uint32_t insn, bool hlvx, struct mmu_ctx *c, struct trap *t);

#endif
