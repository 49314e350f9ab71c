/* SPDX-License-Identifier: MIT */
/*
 * The functions that the rows of csr.def name: views of registers that have no storage of their own, and writes. Each put function
 * legalizes (WARL by construction: storage never holds what a read may not show) and does the side effect.
 */
#include <string.h>

#include "cpu/csr.h"
#include "cpu/csr_row.h"
#include "cpu/op.h"

/* sstatus, vsstatus: what a read shows and a write changes (Priv. 10.1.1; SD is computed, UXL fixed). */
#define SSTATUS_WRITABLE (MSTATUS_SIE | MSTATUS_SPIE | MSTATUS_SPP | MSTATUS_FS | MSTATUS_SUM | MSTATUS_MXR)
#define SSTATUS_VISIBLE  (SSTATUS_WRITABLE | MSTATUS_UXL_64)

static void timer_changed(struct hart *h)
{
    h->env->timer_changed(h->env->ctx, h);
    csr_kick_irq(h);
}

/* ---- floating point (F 20.2) ---- */

uint64_t csr_get_fflags(struct hart *h)
{
    return hart_fflags(h);
}

uint64_t csr_get_fcsr(struct hart *h)
{
    return h->csr.frm << 5 | hart_fflags(h);
}

/* FP state was written: FS becomes Dirty, in V=1 at both levels (Priv. 3.1.6.6, 18.2.11). */
static void fp_dirty(struct hart *h)
{
    if (~h->csr.mstatus & MSTATUS_FS || (h->virt && ~h->csr.vsstatus & MSTATUS_FS)) {
        fp_make_dirty(h);
    }
}

static void set_frm(struct hart *h, uint64_t frm)
{
    if (h->csr.frm != frm) {
        h->csr.frm = frm;
        hart_context_changed(h);
    }
}

void csr_put_fflags(struct hart *h, uint64_t v)
{
    hart_set_fflags(h, (unsigned)bits(v, 4, 0));
    fp_dirty(h);
}

void csr_put_frm(struct hart *h, uint64_t v)
{
    set_frm(h, bits(v, 2, 0));
    fp_dirty(h);
}

void csr_put_fcsr(struct hart *h, uint64_t v)
{
    hart_set_fflags(h, (unsigned)bits(v, 4, 0));
    set_frm(h, bits(v, 7, 5));
    fp_dirty(h);
}

/* ---- counters and time (Priv. 3.1.10-3.1.13, 18.2.7) ---- */

uint64_t csr_get_mcycle(struct hart *h)
{
    return h->csr.mcountinhibit & COUNTER_CY ? h->csr.cycle_stopped : hart_cycle(h) + h->csr.cycle_offset;
}

uint64_t csr_get_minstret(struct hart *h)
{
    return h->csr.mcountinhibit & COUNTER_IR ? h->csr.instret_stopped : hart_instret(h) + h->csr.instret_offset;
}

uint64_t csr_get_time(struct hart *h)
{
    return h->env->time(h->env->ctx) + (h->virt ? h->csr.htimedelta : 0);
}

/* The instruction that writes a counter is itself counted before the write: the next one reads the value written (Priv. 3.1.11).
 * So "now", for what is written, is one more than what the running instruction reads. */
void csr_put_mcycle(struct hart *h, uint64_t v)
{
    h->csr.cycle_stopped = v;
    h->csr.cycle_offset = v - (hart_cycle(h) + 1);
}

void csr_put_minstret(struct hart *h, uint64_t v)
{
    h->csr.instret_stopped = v;
    h->csr.instret_offset = v - (hart_instret(h) + 1);
}

/* A counter stops after the instruction that inhibits it and goes on after the one that releases it. Bit 1 (TM) is zero. */
void csr_put_mcountinhibit(struct hart *h, uint64_t v)
{
    uint64_t changed = h->csr.mcountinhibit ^ v;
    if (changed & COUNTER_CY) {
        if (v & COUNTER_CY) {
            h->csr.cycle_stopped = hart_cycle(h) + 1 + h->csr.cycle_offset;
        } else {
            h->csr.cycle_offset = h->csr.cycle_stopped - (hart_cycle(h) + 1);
        }
    }
    if (changed & COUNTER_IR) {
        if (v & COUNTER_IR) {
            h->csr.instret_stopped = hart_instret(h) + 1 + h->csr.instret_offset;
        } else {
            h->csr.instret_offset = h->csr.instret_stopped - (hart_instret(h) + 1);
        }
    }
    h->csr.mcountinhibit = v & MASK(31, 0) & ~COUNTER_TM;
}

void csr_put_htimedelta(struct hart *h, uint64_t v)
{
    h->csr.htimedelta = v;
    timer_changed(h);
}

void csr_put_stimecmp(struct hart *h, uint64_t v)
{
    h->csr.stimecmp = v;
    timer_changed(h);
}

void csr_put_vstimecmp(struct hart *h, uint64_t v)
{
    h->csr.vstimecmp = v;
    timer_changed(h);
}

/* ---- status (Priv. 3.1.6, 10.1.1, 18.2.1, 18.2.11, 18.4.1) ---- */

static uint64_t with_sd(uint64_t status)
{
    return (status & MSTATUS_FS) == MSTATUS_FS ? status | MSTATUS_SD : status;
}

/* Which bits of mstatus this hart has writable. FS without F is read-only zero, as the specification lets it be. */
static uint64_t mstatus_writable(const struct hart *h)
{
    uint64_t w = MSTATUS_MIE | MSTATUS_MPIE | MSTATUS_MPP;
    w |= h->isa.f ? MSTATUS_FS : 0;
    w |= h->isa.u ? MSTATUS_MPRV | MSTATUS_TW : 0;
    w |=
        h->isa.s ? MSTATUS_SIE | MSTATUS_SPIE | MSTATUS_SPP | MSTATUS_SUM | MSTATUS_MXR | MSTATUS_TVM | MSTATUS_TSR : 0;
    w |= h->isa.h ? MSTATUS_MPV | MSTATUS_GVA : 0;
    return w;
}

static uint64_t sstatus_writable(const struct hart *h)
{
    return h->isa.f ? SSTATUS_WRITABLE : SSTATUS_WRITABLE & ~MSTATUS_FS;
}

/* A new value of *status, mstatus or vsstatus. */
static void set_status(struct hart *h, uint64_t *status, uint64_t v)
{
    uint64_t changed = *status ^ v;
    *status = v;
    if (changed & (MSTATUS_MPRV | MSTATUS_MPP | MSTATUS_MPV | MSTATUS_SUM | MSTATUS_MXR | MSTATUS_FS)) {
        hart_context_changed(h);
    }
    if (changed & v & (MSTATUS_SIE | MSTATUS_MIE)) {
        csr_kick_irq(h);
    }
}

/* MPP holds modes that the hart has; a write of another leaves it. */
static bool mpp_legal(const struct hart *h, uint64_t mpp)
{
    return mpp == PRIV_M || (mpp == PRIV_S && h->isa.s) || (mpp == PRIV_U && h->isa.u);
}

uint64_t csr_get_mstatus(struct hart *h)
{
    return with_sd(h->csr.mstatus);
}

void csr_put_mstatus(struct hart *h, uint64_t v)
{
    uint64_t w = mstatus_writable(h);
    if (!mpp_legal(h, (v & MSTATUS_MPP) >> MSTATUS_MPP_SHIFT)) {
        w &= ~MSTATUS_MPP;
    }
    set_status(h, &h->csr.mstatus, merge_bits(h->csr.mstatus, v, w));
}

uint64_t csr_get_sstatus(struct hart *h)
{
    return with_sd(h->csr.mstatus & SSTATUS_VISIBLE);
}

void csr_put_sstatus(struct hart *h, uint64_t v)
{
    set_status(h, &h->csr.mstatus, merge_bits(h->csr.mstatus, v, sstatus_writable(h)));
}

uint64_t csr_get_vsstatus(struct hart *h)
{
    return with_sd(h->csr.vsstatus);
}

void csr_put_vsstatus(struct hart *h, uint64_t v)
{
    set_status(h, &h->csr.vsstatus, merge_bits(h->csr.vsstatus, v, sstatus_writable(h)));
}

/* VGEIN is zero (no guest external interrupts), VSBE zero, VSXL 64 bits. */
void csr_put_hstatus(struct hart *h, uint64_t v)
{
    h->csr.hstatus =
        merge_bits(h->csr.hstatus, v,
                   HSTATUS_GVA | HSTATUS_SPV | HSTATUS_SPVP | HSTATUS_HU | HSTATUS_VTVM | HSTATUS_VTW | HSTATUS_VTSR);
    hart_context_changed(h);
}

/* ---- delegation and interrupts (Priv. 3.1.8, 3.1.9, 10.1.3, 18.2.2-18.2.4, 18.2.12) ---- */

void csr_put_medeleg(struct hart *h, uint64_t v)
{
    h->csr.medeleg = v & (MEDELEG_BASE | (h->isa.h ? MEDELEG_H : 0));
}

void csr_put_mideleg(struct hart *h, uint64_t v)
{
    h->csr.mideleg = (v & INT_S) | csr_mideleg_forced(h);
    csr_kick_irq(h);
}

void csr_put_hideleg(struct hart *h, uint64_t v)
{
    h->csr.hideleg = v & INT_VS;
    csr_kick_irq(h);
}

/* The interrupts that the hart has. */
static uint64_t interrupts(const struct hart *h)
{
    return INT_M | (h->isa.s ? INT_S : 0) | (h->isa.h ? INT_VS | INT_SGEI : 0);
}

/* While STCE is set the compare alone makes STIP; VSTIP is hvip's bit or the compare (Sstc 2.2, 3.2). SGEIP is hgeip & hgeie. */
uint64_t csr_mip(const struct hart *h)
{
    uint64_t soft = h->csr.mip, line = h->csr.mip_line;
    if (csr_stce(h)) {
        soft &= ~BIT(IRQ_STI);
    } else {
        line &= ~BIT(IRQ_STI);
    }
    if (!csr_vstce(h)) {
        line &= ~BIT(IRQ_VSTI);
    }
    return ((soft | line) & interrupts(h)) | (h->csr.hgeip & h->csr.hgeie ? INT_SGEI : 0);
}

/* Changes the software bits w of mip. */
static void set_soft(struct hart *h, uint64_t v, uint64_t w)
{
    h->csr.mip = merge_bits(h->csr.mip, v, w);
    csr_kick_irq(h);
}

static void set_enables(struct hart *h, uint64_t v, uint64_t w)
{
    h->csr.mie = merge_bits(h->csr.mie, v, w);
    csr_kick_irq(h);
}

uint64_t csr_get_mip(struct hart *h)
{
    return csr_mip(h);
}

/* VSSIP is an alias of hvip's; VSTIP and VSEIP are hip's, which are read-only (Priv. 18.4.3). */
void csr_put_mip(struct hart *h, uint64_t v)
{
    uint64_t w = BIT(IRQ_SSI) | BIT(IRQ_SEI) | (csr_stce(h) ? 0 : BIT(IRQ_STI)) | (h->isa.h ? BIT(IRQ_VSSI) : 0);
    set_soft(h, v, h->isa.s ? w : 0);
}

void csr_put_mie(struct hart *h, uint64_t v)
{
    set_enables(h, v, interrupts(h));
}

uint64_t csr_get_sip(struct hart *h)
{
    return csr_mip(h) & h->csr.mideleg & INT_S;
}

void csr_put_sip(struct hart *h, uint64_t v)
{
    set_soft(h, v, BIT(IRQ_SSI) & h->csr.mideleg);
}

uint64_t csr_get_sie(struct hart *h)
{
    return h->csr.mie & h->csr.mideleg & INT_S;
}

void csr_put_sie(struct hart *h, uint64_t v)
{
    set_enables(h, v, h->csr.mideleg & INT_S);
}

uint64_t csr_get_hip(struct hart *h)
{
    return csr_mip(h) & (INT_VS | INT_SGEI);
}

void csr_put_hip(struct hart *h, uint64_t v)
{
    set_soft(h, v, BIT(IRQ_VSSI));
}

uint64_t csr_get_hie(struct hart *h)
{
    return h->csr.mie & (INT_VS | INT_SGEI);
}

void csr_put_hie(struct hart *h, uint64_t v)
{
    set_enables(h, v, INT_VS | INT_SGEI);
}

uint64_t csr_get_hvip(struct hart *h)
{
    return h->csr.mip & INT_VS;
}

void csr_put_hvip(struct hart *h, uint64_t v)
{
    set_soft(h, v, INT_VS);
}

/* vsip and vsie show the VS bits that hideleg gives away, one place lower: where a guest looks for S's. */
uint64_t csr_get_vsip(struct hart *h)
{
    return (csr_mip(h) & h->csr.hideleg) >> 1;
}

void csr_put_vsip(struct hart *h, uint64_t v)
{
    set_soft(h, v << 1, BIT(IRQ_VSSI) & h->csr.hideleg);
}

uint64_t csr_get_vsie(struct hart *h)
{
    return (h->csr.mie & h->csr.hideleg) >> 1;
}

void csr_put_vsie(struct hart *h, uint64_t v)
{
    set_enables(h, v << 1, h->csr.hideleg);
}

/* ---- trap handling (Priv. 3.1.7, 3.1.14) ---- */

/* MODE 0 direct, 1 vectored; a write of a reserved MODE leaves the register. */
static void set_tvec(uint64_t *tvec, uint64_t v)
{
    if (!(v & 2)) {
        *tvec = v;
    }
}

void csr_put_mtvec(struct hart *h, uint64_t v)
{
    set_tvec(&h->csr.mtvec, v);
}

void csr_put_stvec(struct hart *h, uint64_t v)
{
    set_tvec(&h->csr.stvec, v);
}

void csr_put_vstvec(struct hart *h, uint64_t v)
{
    set_tvec(&h->csr.vstvec, v);
}

/* An address that an instruction can have: IALIGN is 16 with C, else 32. */
static uint64_t legal_epc(const struct hart *h, uint64_t v)
{
    return v & ~(h->isa.c ? UINT64_C(1) : UINT64_C(3));
}

void csr_put_mepc(struct hart *h, uint64_t v)
{
    h->csr.mepc = legal_epc(h, v);
}

void csr_put_sepc(struct hart *h, uint64_t v)
{
    h->csr.sepc = legal_epc(h, v);
}

void csr_put_vsepc(struct hart *h, uint64_t v)
{
    h->csr.vsepc = legal_epc(h, v);
}

/* ---- environment configuration (Priv. 3.1.18, 10.1.10, 18.2.5; Zicbom, Zicboz) ---- */

static uint64_t senvcfg_writable(const struct hart *h)
{
    return ENVCFG_FIOM | (h->isa.zicbom ? ENVCFG_CBIE | ENVCFG_CBCFE : 0) | (h->isa.zicboz ? ENVCFG_CBZE : 0);
}

static uint64_t menvcfg_writable(const struct hart *h)
{
    return senvcfg_writable(h) | (h->isa.svadu ? ENVCFG_ADUE : 0) | (h->isa.svpbmt ? ENVCFG_PBMTE : 0) |
           (h->isa.sstc ? ENVCFG_STCE : 0);
}

/* old with the bits w of v; a reserved CBIE is not taken. */
static uint64_t legal_envcfg(uint64_t old, uint64_t v, uint64_t w)
{
    if ((v & ENVCFG_CBIE) >> ENVCFG_CBIE_SHIFT == CBIE_RESERVED) {
        w &= ~ENVCFG_CBIE;
    }
    return merge_bits(old, v, w);
}

static void envcfg_changed(struct hart *h, uint64_t changed)
{
    if (changed & (ENVCFG_ADUE | ENVCFG_PBMTE)) {
        hart_context_changed(h);
    }
    if (changed & ENVCFG_STCE) {
        timer_changed(h);
    }
}

void csr_put_senvcfg(struct hart *h, uint64_t v)
{
    h->csr.senvcfg = legal_envcfg(h->csr.senvcfg, v, senvcfg_writable(h));
}

void csr_put_menvcfg(struct hart *h, uint64_t v)
{
    uint64_t old = h->csr.menvcfg;
    h->csr.menvcfg = legal_envcfg(old, v, menvcfg_writable(h));
    envcfg_changed(h, old ^ h->csr.menvcfg);
}

/* ADUE, PBMTE and STCE are read-only zero while menvcfg's are zero (Priv. 18.2.5). */
uint64_t csr_get_henvcfg(struct hart *h)
{
    return h->csr.henvcfg & (h->csr.menvcfg | ~(ENVCFG_ADUE | ENVCFG_PBMTE | ENVCFG_STCE));
}

void csr_put_henvcfg(struct hart *h, uint64_t v)
{
    uint64_t old = h->csr.henvcfg;
    uint64_t w = senvcfg_writable(h) | (h->csr.menvcfg & (ENVCFG_ADUE | ENVCFG_PBMTE | ENVCFG_STCE));
    h->csr.henvcfg = legal_envcfg(csr_get_henvcfg(h), v, w);
    envcfg_changed(h, old ^ h->csr.henvcfg);
}

/* ---- translation (Priv. 10.1.11, 18.2.10, 18.2.19) ---- */

static bool atp_mode_legal(const struct hart *h, uint64_t atp)
{
    switch (atp >> ATP_MODE_SHIFT) {
    case ATP_BARE: return true;
    case ATP_SV39: return h->isa.mmu && h->isa.sv39;
    case ATP_SV48: return h->isa.mmu && h->isa.sv48;
    case ATP_SV57: return h->isa.mmu && h->isa.sv57;
    default: return false;
    }
}

/* A write with an unsupported MODE changes nothing at all. Without an MMU the register is zero. */
static void set_atp(struct hart *h, uint64_t *atp, uint64_t v)
{
    if (h->isa.mmu && atp_mode_legal(h, v)) {
        *atp = v;
        hart_context_changed(h);
    }
}

void csr_put_satp(struct hart *h, uint64_t v)
{
    set_atp(h, &h->csr.satp, v);
}

void csr_put_vsatp(struct hart *h, uint64_t v)
{
    set_atp(h, &h->csr.vsatp, v);
}

/* Other than satp, an unsupported MODE does not stop the write: MODE keeps its value, the other fields change. */
void csr_put_hgatp(struct hart *h, uint64_t v)
{
    uint64_t w = HGATP_VMID | HGATP_PPN | (atp_mode_legal(h, v) ? ATP_MODE : 0);
    h->csr.hgatp = h->isa.mmu ? merge_bits(h->csr.hgatp, v, w) : 0;
    hart_context_changed(h);
}

/* ---- physical memory protection (Priv. 3.7.1) ---- */

static uint64_t read_pmpcfg(const struct hart *h, unsigned first)
{
    uint64_t v;
    memcpy(&v, &h->pmp.cfg[first], sizeof(v));
    return v;
}

static void pmp_changed(struct hart *h)
{
    pmp_update(&h->pmp);
    hart_flush_all(h);
    hart_context_changed(h);
}

/* Eight entries at once. A locked one stays until reset. W without R is reserved: such a write loses W. Bits 6:5 are zero. */
static void write_pmpcfg(struct hart *h, unsigned first, uint64_t v)
{
    for (unsigned i = first; i < first + 8; i++, v >>= 8) {
        uint8_t *cfg = &h->pmp.cfg[i];
        if (!(*cfg & PMPCFG_L)) {
            unsigned drop = v & PMPCFG_R ? 0 : PMPCFG_W;
            *cfg = (uint8_t)(v & (PMPCFG_L | PMPCFG_A | PMPCFG_X | PMPCFG_W | PMPCFG_R) & ~drop);
        }
    }
    pmp_changed(h);
}

/* Locked by its own entry, or by the next one when that is a locked TOR, whose lower bound this is. */
static void write_pmpaddr(struct hart *h, unsigned i, uint64_t v)
{
    bool next_tor = i + 1 < PMP_ENTRIES && (h->pmp.cfg[i + 1] & (PMPCFG_L | PMPCFG_A)) == (PMPCFG_L | PMPCFG_TOR);
    if (h->pmp.cfg[i] & PMPCFG_L || next_tor) {
        return;
    }
    h->pmp.addr[i] = v & MASK(53, 0);
    pmp_changed(h);
}

uint64_t csr_get_pmpcfg0(struct hart *h)
{
    return read_pmpcfg(h, 0);
}

uint64_t csr_get_pmpcfg2(struct hart *h)
{
    return read_pmpcfg(h, 8);
}

void csr_put_pmpcfg0(struct hart *h, uint64_t v)
{
    write_pmpcfg(h, 0, v);
}

void csr_put_pmpcfg2(struct hart *h, uint64_t v)
{
    write_pmpcfg(h, 8, v);
}

#define PUT_PMPADDR(n)                                                                                                 \
    void csr_put_pmpaddr##n(struct hart *h, uint64_t v)                                                                \
    {                                                                                                                  \
        write_pmpaddr(h, n, v);                                                                                        \
    }
PUT_PMPADDR(0)
PUT_PMPADDR(1)
PUT_PMPADDR(2)
PUT_PMPADDR(3)
PUT_PMPADDR(4)
PUT_PMPADDR(5)
PUT_PMPADDR(6)
PUT_PMPADDR(7)
PUT_PMPADDR(8)
PUT_PMPADDR(9)
PUT_PMPADDR(10)
PUT_PMPADDR(11)
PUT_PMPADDR(12)
PUT_PMPADDR(13)
PUT_PMPADDR(14)
PUT_PMPADDR(15)

uint64_t csr_get_mhartid(struct hart *h)
{
    return h->id;
}
