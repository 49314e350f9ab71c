/* SPDX-License-Identifier: MIT */
/* What a hart's state means for translation: the walker's context of each kind of access. And the hart's state, named once. */
#include "cpu/csr_bits.h"
#include "cpu/trap.h"
#include "dev/bus_frames.h"

/* Translation as the mode priv (virt) sees it. Priv. 3.1.6.3, 3.1.18, 18.2.5, 18.5 */
struct mmu_ctx hart_mode_ctx(const struct hart *h, enum priv priv, bool virt)
{
    const struct csrs *c = &h->csr;
    uint64_t one = virt ? c->menvcfg & c->henvcfg : c->menvcfg;
    if (UNLIKELY(bus_table_frames(h->bus)) && priv == PRIV_S)
        priv = PRIV_U;
    return (struct mmu_ctx){
        .bus = h->bus,
        .pmp = &h->pmp,
        .priv = priv,
        .virt = virt,
        .satp = virt ? c->vsatp : c->satp,
        .hgatp = c->hgatp,
        .sum = (virt ? c->vsstatus : c->mstatus) & MSTATUS_SUM,
        .mxr = c->mstatus & MSTATUS_MXR,
        .vmxr = virt && c->vsstatus & MSTATUS_MXR,
        .adue = one & ENVCFG_ADUE,
        .adue_g = c->menvcfg & ENVCFG_ADUE,
        .pbmte = one & ENVCFG_PBMTE,
        .pbmte_g = c->menvcfg & ENVCFG_PBMTE,
        .svnapot = h->isa.svnapot,
    };
}

struct mmu_ctx hart_fetch_ctx(const struct hart *h)
{
    return hart_mode_ctx(h, h->priv, h->virt);
}

/* MPRV: loads and stores of M as if in MPP, MPV. Priv. 3.1.6.3, 18.4.1 */
struct mmu_ctx hart_data_ctx(const struct hart *h)
{
    uint64_t s = h->csr.mstatus;
    if (LIKELY(!(s & MSTATUS_MPRV)) || h->priv != PRIV_M) {
        return hart_mode_ctx(h, h->priv, h->virt);
    }
    enum priv mpp = (enum priv)((s & MSTATUS_MPP) >> MSTATUS_MPP_SHIFT);
    return hart_mode_ctx(h, mpp, mpp != PRIV_M && s & MSTATUS_MPV);
}

/* As if V=1, in VS or VU as hstatus.SPVP says, whatever MPRV. From U only with hstatus.HU. Priv. 18.3.1, 18.6.1 */
bool hart_hyp_ctx(const struct hart *h, uint32_t insn, bool hlvx, struct mmu_ctx *c, struct trap *t)
{
    if (h->virt || (h->priv == PRIV_U && !(h->csr.hstatus & HSTATUS_HU))) {
        *t = (struct trap){.cause = h->virt ? CAUSE_VIRTUAL_INSN : CAUSE_ILLEGAL, .tval = insn};
        return false;
    }
    *c = hart_mode_ctx(h, h->csr.hstatus & HSTATUS_SPVP ? PRIV_S : PRIV_U, true);
    c->hlvx = hlvx;
    return true;
}

/* enum and bool members go by way of integers of a fixed size. */
static void visit_mode(struct hart *h, struct visitor *v)
{
    uint8_t priv = (uint8_t)h->priv, virt = h->virt;
    v->field(v, "priv", &priv, sizeof(priv), 1);
    v->field(v, "virt", &virt, sizeof(virt), 1);
    if (priv == PRIV_U || priv == PRIV_S || priv == PRIV_M) {
        h->priv = (enum priv)priv;
    }
    h->virt = virt && h->isa.h && h->priv != PRIV_M;
}

static void visit_csrs(struct csrs *c, struct visitor *v)
{
    VISIT(v, c, mstatus);
    VISIT(v, c, medeleg);
    VISIT(v, c, mideleg);
    VISIT(v, c, mie);
    VISIT(v, c, mip);
    VISIT(v, c, mip_line);
    VISIT(v, c, mtvec);
    VISIT(v, c, mcounteren);
    VISIT(v, c, mcountinhibit);
    VISIT(v, c, mscratch);
    VISIT(v, c, mepc);
    VISIT(v, c, mcause);
    VISIT(v, c, mtval);
    VISIT(v, c, mtval2);
    VISIT(v, c, mtinst);
    VISIT(v, c, menvcfg);
    VISIT_ARRAY(v, c, mhpmevent);
    VISIT(v, c, cycle_offset);
    VISIT(v, c, instret_offset);
    VISIT(v, c, cycle_stopped);
    VISIT(v, c, instret_stopped);
    VISIT(v, c, stvec);
    VISIT(v, c, scounteren);
    VISIT(v, c, senvcfg);
    VISIT(v, c, sscratch);
    VISIT(v, c, sepc);
    VISIT(v, c, scause);
    VISIT(v, c, stval);
    VISIT(v, c, satp);
    VISIT(v, c, stimecmp);
    VISIT(v, c, hstatus);
    VISIT(v, c, hedeleg);
    VISIT(v, c, hideleg);
    VISIT(v, c, hgeie);
    VISIT(v, c, hgeip);
    VISIT(v, c, henvcfg);
    VISIT(v, c, hcounteren);
    VISIT(v, c, htimedelta);
    VISIT(v, c, htval);
    VISIT(v, c, htinst);
    VISIT(v, c, hgatp);
    VISIT(v, c, vsstatus);
    VISIT(v, c, vstvec);
    VISIT(v, c, vsscratch);
    VISIT(v, c, vsepc);
    VISIT(v, c, vscause);
    VISIT(v, c, vstval);
    VISIT(v, c, vsatp);
    VISIT(v, c, vstimecmp);
    VISIT(v, c, frm);
}

void hart_visit(struct hart *h, struct visitor *v)
{
    uint64_t fflags = hart_fflags(h);
    VISIT_ARRAY(v, h, x);
    h->x[0] = 0;
    VISIT_ARRAY(v, h, f);
    VISIT(v, h, pc);
    v->field(v, "fflags", &fflags, sizeof(fflags), 1);
    hart_set_fflags(h, (unsigned)fflags & 31);
    visit_mode(h, v);
    VISIT(v, h, reservation);
    VISIT(v, h, reservation_size);
    VISIT(v, h, clock);
    VISIT(v, h, retired);
    VISIT(v, h, turn_retired);
    v->open(v, "csr", 0);
    visit_csrs(&h->csr, v);
    v->close(v);
    v->open(v, "pmp", 0);
    VISIT_ARRAY(v, &h->pmp, addr);
    VISIT_ARRAY(v, &h->pmp, cfg);
    v->close(v);
    if (v->looks) {
        return;
    }
    /* What was read may have replaced all of it. */
    pmp_update(&h->pmp);
    h->kick |= KICK_IRQ;
    hart_flush_all(h);
    hart_context_changed(h);
}
