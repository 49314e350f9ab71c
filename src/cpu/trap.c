/* SPDX-License-Identifier: MIT */
/*
 * Traps: routing, entry and return, interrupts, and the privileged instructions that are little but checks.
 *
 *   U, VU, VS, HS, M --trap--> M   unless medeleg/mideleg gives the cause to
 *   U, VU, VS, HS ---trap--> HS    unless V=1 and hedeleg/hideleg gives it to
 *   VU, VS ---------trap--> VS     A trap never goes to a lower mode than the one it comes from.
 */
#include "cpu/trap.h"

#include "cpu/csr.h"
#include "cpu/csr_bits.h"
#include "cpu/observe.h"

enum { VSSTATUS = 0x200, MSTATUS = 0x300, HSTATUS = 0x600 }; /* as CSRs */

static bool refuse(struct trap *t, uint64_t cause, uint32_t insn)
{
    *t = (struct trap){.cause = cause, .tval = insn};
    return false;
}

struct trap_target trap_route(const struct hart *h, uint64_t cause)
{
    const struct csrs *c = &h->csr;
    bool interrupt = cause & CAUSE_INTERRUPT;
    uint64_t bit = BIT(cause & 63);
    if (h->priv == PRIV_M || !((interrupt ? c->mideleg : c->medeleg) & bit)) {
        return (struct trap_target){PRIV_M, false};
    }
    return (struct trap_target){PRIV_S, h->virt && (interrupt ? c->hideleg : c->hedeleg) & bit};
}

/* BASE, and 4 * cause above it for interrupts in vectored mode. Priv. 3.1.7 */
static uint64_t vector(uint64_t tvec, uint64_t cause)
{
    uint64_t base = tvec & ~UINT64_C(3);
    return tvec & 1 && cause & CAUSE_INTERRUPT ? base + 4 * (cause & ~CAUSE_INTERRUPT) : base;
}

/* status after a trap into S or VS: SPIE takes SIE, which clears; SPP the mode before. Priv. 3.1.6.1 */
static uint64_t push_s(uint64_t status, enum priv from)
{
    uint64_t s = status & ~(MSTATUS_SIE | MSTATUS_SPIE | MSTATUS_SPP);
    return s | (status & MSTATUS_SIE ? MSTATUS_SPIE : 0) | (from == PRIV_S ? MSTATUS_SPP : 0);
}

static void take_m(struct hart *h, const struct trap *t, uint64_t epc)
{
    struct csrs *c = &h->csr;
    c->mepc = epc;
    c->mcause = t->cause;
    c->mtval = t->tval;
    uint64_t s = c->mstatus & ~(MSTATUS_MIE | MSTATUS_MPIE | MSTATUS_MPP | MSTATUS_MPV | MSTATUS_GVA);
    s |= (c->mstatus & MSTATUS_MIE ? MSTATUS_MPIE : 0) | (uint64_t)h->priv << MSTATUS_MPP_SHIFT;
    if (h->isa.h) {
        s |= (h->virt ? MSTATUS_MPV : 0) | (t->gva ? MSTATUS_GVA : 0);
        c->mtval2 = t->tval2;
        c->mtinst = t->tinst;
    }
    c->mstatus = s;
    h->priv = PRIV_M;
    h->virt = false;
    h->pc = vector(c->mtvec, t->cause);
}

/* Priv. 18.6.2: SPVP keeps its value in a trap from V=0. */
static void take_hs(struct hart *h, const struct trap *t, uint64_t epc)
{
    struct csrs *c = &h->csr;
    c->sepc = epc;
    c->scause = t->cause;
    c->stval = t->tval;
    c->mstatus = push_s(c->mstatus, h->priv);
    if (h->isa.h) {
        uint64_t s = c->hstatus & ~(HSTATUS_SPV | HSTATUS_GVA);
        if (h->virt) {
            s = (s & ~HSTATUS_SPVP) | HSTATUS_SPV | (h->priv == PRIV_S ? HSTATUS_SPVP : 0);
        }
        c->hstatus = s | (t->gva ? HSTATUS_GVA : 0);
        c->htval = t->tval2;
        c->htinst = t->tinst;
    }
    h->priv = PRIV_S;
    h->virt = false;
    h->pc = vector(c->stvec, t->cause);
}

/* The guest sees its own interrupts under S's numbers, one below VS's. Priv. 18.2.2 */
static void take_vs(struct hart *h, const struct trap *t, uint64_t epc)
{
    struct csrs *c = &h->csr;
    c->vsepc = epc;
    c->vscause = t->cause & CAUSE_INTERRUPT ? t->cause - 1 : t->cause;
    c->vstval = t->tval;
    c->vsstatus = push_s(c->vsstatus, h->priv);
    h->priv = PRIV_S;
    h->pc = vector(c->vstvec, c->vscause);
}

void trap_take(struct hart *h, const struct trap *t, uint64_t epc)
{
    struct trap_target to = trap_route(h, t->cause);
    if (to.priv == PRIV_M) {
        take_m(h, t, epc);
    } else if (to.virt) {
        take_vs(h, t, epc);
    } else {
        take_hs(h, t, epc);
    }
    hart_context_changed(h);
}

/* The one of highest priority. Priv. 3.1.9, 18.4.3 */
static enum irq_bit first_of(uint64_t pending)
{
    static const uint8_t order[] = {IRQ_MEI, IRQ_MSI,  IRQ_MTI,  IRQ_SEI,  IRQ_SSI,
                                    IRQ_STI, IRQ_SGEI, IRQ_VSEI, IRQ_VSSI, IRQ_VSTI};
    unsigned i = 0;
    while (i < ARRAY_LEN(order) - 1 && !(pending & BIT(order[i]))) {
        i++;
    }
    return (enum irq_bit)order[i];
}

/* A level's interrupts are on in every lower mode, and in its own as the level's xIE says; off in higher ones. */
bool trap_pending(const struct hart *h, struct trap *t)
{
    const struct csrs *c = &h->csr;
    uint64_t pending = csr_mip(h) & c->mie;
    if (LIKELY(!pending)) {
        return false;
    }
    uint64_t m = pending & ~c->mideleg;
    uint64_t hs = pending & c->mideleg & ~c->hideleg;
    uint64_t vs = pending & c->mideleg & c->hideleg;
    uint64_t chosen = 0;
    if (m && (h->priv != PRIV_M || c->mstatus & MSTATUS_MIE)) {
        chosen = m;
    } else if (hs && h->priv != PRIV_M && (h->virt || h->priv == PRIV_U || c->mstatus & MSTATUS_SIE)) {
        chosen = hs;
    } else if (vs && h->virt && (h->priv == PRIV_U || c->vsstatus & MSTATUS_SIE)) {
        chosen = vs;
    }
    if (!chosen) {
        return false;
    }
    *t = (struct trap){.cause = CAUSE_INTERRUPT | (uint64_t)first_of(chosen)};
    return true;
}

bool trap_wfi_wakes(const struct hart *h)
{
    return csr_mip(h) & h->csr.mie;
}

static void tell_return(struct hart *h, uint64_t pc, uint8_t from)
{
    if (event_wanted_any(h->events, BIT(EV_RET) | BIT(EV_MODE))) {
        observe_return(h, pc, from);
    }
}

/* Priv. 3.3.2, 18.6.3. In S and U, V=1 too, it is illegal. */
bool trap_mret(struct hart *h, uint32_t insn, struct trap *t)
{
    if (h->priv != PRIV_M) {
        return refuse(t, CAUSE_ILLEGAL, insn);
    }
    struct csrs *c = &h->csr;
    uint64_t s = c->mstatus;
    enum priv to = (enum priv)((s & MSTATUS_MPP) >> MSTATUS_MPP_SHIFT);
    uint64_t pc = h->pc;
    uint8_t from = event_mode_of(h);
    h->virt = to != PRIV_M && s & MSTATUS_MPV;
    h->priv = to;
    h->pc = c->mepc;
    struct observed_csr status = observe_csr_before(h, MSTATUS);
    uint64_t clear = MSTATUS_MIE | MSTATUS_MPP | MSTATUS_MPV | (to != PRIV_M ? MSTATUS_MPRV : 0);
    c->mstatus = (s & ~clear) | (s & MSTATUS_MPIE ? MSTATUS_MIE : 0) | MSTATUS_MPIE | (h->isa.u ? 0 : MSTATUS_MPP);
    csr_kick_irq(h);
    hart_context_changed(h);
    observe_side(h, pc, from, &status);
    tell_return(h, pc, from);
    if (h->tell_leaving_m && to != PRIV_M)
        h->kick |= KICK_EVENT;
    return true;
}

/* status after SRET: SIE takes SPIE, which sets; SPP clears. */
static uint64_t pop_s(uint64_t status)
{
    uint64_t s = status & ~(MSTATUS_SIE | MSTATUS_SPP);
    return s | (status & MSTATUS_SPIE ? MSTATUS_SIE : 0) | MSTATUS_SPIE;
}

static enum priv spp(uint64_t status)
{
    return status & MSTATUS_SPP ? PRIV_S : PRIV_U;
}

/* Priv. 3.1.6.5 (TSR), 3.3.2, 18.2.1 (VTSR), 18.6.3 */
bool trap_sret(struct hart *h, uint32_t insn, struct trap *t)
{
    struct csrs *c = &h->csr;
    uint64_t pc = h->pc;
    uint8_t from = event_mode_of(h);
    struct observed_csr status = observe_csr_before(h, h->virt ? VSSTATUS : MSTATUS), hstatus = {.wanted = false};
    if (h->virt) {
        if (h->priv == PRIV_U || c->hstatus & HSTATUS_VTSR) {
            return refuse(t, CAUSE_VIRTUAL_INSN, insn);
        }
        h->priv = spp(c->vsstatus);
        h->pc = c->vsepc;
        c->vsstatus = pop_s(c->vsstatus);
    } else {
        if (!h->isa.s || h->priv == PRIV_U || (h->priv == PRIV_S && c->mstatus & MSTATUS_TSR)) {
            return refuse(t, CAUSE_ILLEGAL, insn);
        }
        h->priv = spp(c->mstatus);
        h->virt = c->hstatus & HSTATUS_SPV;
        h->pc = c->sepc;
        c->mstatus = pop_s(c->mstatus);
        if (h->isa.h)
            hstatus = observe_csr_before(h, HSTATUS);
        c->hstatus &= ~HSTATUS_SPV;
    }
    c->mstatus &= ~MSTATUS_MPRV;
    csr_kick_irq(h);
    hart_context_changed(h);
    observe_side(h, pc, from, &status);
    observe_side(h, pc, from, &hstatus);
    tell_return(h, pc, from);
    return true;
}

/* Priv. 3.1.6.5 (TW: any mode but M), 3.3.3 (U), 18.2.1 (VTW), 18.6.1. No wait has a bound that would excuse it from trapping. */
bool trap_wfi(struct hart *h, uint32_t insn, struct trap *t)
{
    if (h->priv != PRIV_M) {
        bool user = h->priv == PRIV_U;
        if (h->csr.mstatus & MSTATUS_TW || (user && !h->virt && h->isa.s)) {
            return refuse(t, CAUSE_ILLEGAL, insn);
        }
        if (h->virt && (user || h->csr.hstatus & HSTATUS_VTW)) {
            return refuse(t, CAUSE_VIRTUAL_INSN, insn);
        }
    }
    if (!trap_wfi_wakes(h)) {
        h->kick |= KICK_WFI;
    }
    return true;
}

/* Their funct7; rs2 tells sfence.w.inval (0) from sfence.inval.ir (1). */
enum fence {
    SFENCE_VMA = 0x09,
    SINVAL_VMA = 0x0b,
    SFENCE_INVAL = 0x0c,
    HFENCE_VVMA = 0x11,
    HINVAL_VVMA = 0x13,
    HFENCE_GVMA = 0x31,
    HINVAL_GVMA = 0x33
};

/* Why the hart may not execute it, as a cause; CAUSE_FETCH_MISALIGNED (which it cannot be): it may.
 * Priv. 3.1.6.5 (TVM), 10.2.1, 18.2.1 (VTVM), 18.3.2, 18.6.1; Svinval 7 */
static enum cause fence_refused(const struct hart *h, enum fence f)
{
    const enum cause allowed = CAUSE_FETCH_MISALIGNED;
    bool tvm = h->priv == PRIV_S && !h->virt && h->csr.mstatus & MSTATUS_TVM;
    switch (f) {
    case SFENCE_INVAL: return h->priv != PRIV_U ? allowed : h->virt ? CAUSE_VIRTUAL_INSN : CAUSE_ILLEGAL;
    case SFENCE_VMA:
    case SINVAL_VMA:
        if (h->virt) {
            return h->priv == PRIV_U || h->csr.hstatus & HSTATUS_VTVM ? CAUSE_VIRTUAL_INSN : allowed;
        }
        return h->priv == PRIV_U || tvm ? CAUSE_ILLEGAL : allowed;
    case HFENCE_GVMA:
    case HINVAL_GVMA: return h->virt ? CAUSE_VIRTUAL_INSN : h->priv == PRIV_U || tvm ? CAUSE_ILLEGAL : allowed;
    case HFENCE_VVMA:
    case HINVAL_VVMA: return h->virt ? CAUSE_VIRTUAL_INSN : h->priv == PRIV_U ? CAUSE_ILLEGAL : allowed;
    }
    return CAUSE_ILLEGAL;
}

/* Svinval's are done at once: sfence.w.inval and sfence.inval.ir have nothing left to order. */
bool trap_fence_vma(struct hart *h, uint32_t insn, uint64_t rs1, uint64_t rs2, struct trap *t)
{
    enum fence f = (enum fence)(insn >> 25);
    enum cause refused = fence_refused(h, f);
    if (refused != CAUSE_FETCH_MISALIGNED) {
        return refuse(t, refused, insn);
    }
    bool have_rs1 = insn >> 15 & 31, have_rs2 = insn >> 20 & 31;
    int64_t asid = have_rs2 ? (int64_t)bits(rs2, 15, 0) : -1;
    int64_t vmid = have_rs2 ? (int64_t)bits(rs2, 13, 0) : -1;
    switch (f) {
    case SFENCE_INVAL: break;
    case SFENCE_VMA:
    case SINVAL_VMA: (h->virt ? hart_hfence_vvma : hart_sfence_vma)(h, have_rs1, rs1, asid); break;
    case HFENCE_VVMA:
    case HINVAL_VVMA: hart_hfence_vvma(h, have_rs1, rs1, asid); break;
    case HFENCE_GVMA:
    case HINVAL_GVMA: /* rs1: the guest physical address, shifted right by 2 (Priv. 18.3.2) */
        hart_hfence_gvma(h, have_rs1, rs1 << 2, vmid);
        break;
    }
    return true;
}

uint64_t trap_ecall_cause(const struct hart *h)
{
    switch (h->priv) {
    case PRIV_M: return CAUSE_ECALL_M;
    case PRIV_S: return h->virt ? CAUSE_ECALL_VS : CAUSE_ECALL_S;
    case PRIV_U: break;
    }
    return CAUSE_ECALL_U;
}

/* One field of the three envcfg registers, as it decides in the current mode. CBIE (two bits) is taken as "not 00". CMO 2.5.2, Priv. 18.6.1 */
static bool cbo_field_allows(const struct hart *h, uint64_t field, uint32_t insn, struct trap *t)
{
    const struct csrs *c = &h->csr;
    bool user = h->priv == PRIV_U && h->isa.s;
    if (h->priv == PRIV_M) {
        return true;
    }
    if (!(c->menvcfg & field) || (!h->virt && user && !(c->senvcfg & field))) {
        return refuse(t, CAUSE_ILLEGAL, insn);
    }
    if (h->virt && (!(c->henvcfg & field) || (user && !(c->senvcfg & field)))) {
        return refuse(t, CAUSE_VIRTUAL_INSN, insn);
    }
    return true;
}

static bool cbie_flushes(uint64_t envcfg)
{
    return (envcfg & ENVCFG_CBIE) >> ENVCFG_CBIE_SHIFT == CBIE_FLUSH;
}

bool trap_cbo_allowed(const struct hart *h, uint32_t insn, bool *inval_flushes, struct trap *t)
{
    enum { CBO_INVAL, CBO_CLEAN, CBO_FLUSH, CBO_ZERO = 4 };
    const struct csrs *c = &h->csr;
    *inval_flushes = false;
    switch (insn >> 20) {
    case CBO_INVAL:
        *inval_flushes = h->priv != PRIV_M && (cbie_flushes(c->menvcfg) || (h->virt && cbie_flushes(c->henvcfg)) ||
                                               (h->priv == PRIV_U && cbie_flushes(c->senvcfg)));
        return cbo_field_allows(h, ENVCFG_CBIE, insn, t);
    case CBO_CLEAN:
    case CBO_FLUSH: return cbo_field_allows(h, ENVCFG_CBCFE, insn, t);
    case CBO_ZERO: return cbo_field_allows(h, ENVCFG_CBZE, insn, t);
    default: return refuse(t, CAUSE_ILLEGAL, insn);
    }
}
