/* SPDX-License-Identifier: MIT */
/*
 * CSRs: the functions that the rows of csr.def name, the table made of those rows, and access to it. Each put function legalizes
 * (WARL by construction: storage never holds what a read may not show) and does the side effect. Nothing here is mutable but the hart.
 */
#include "cpu/csr.h"

#include <string.h>

#include "cpu/csr_bits.h"
#include "cpu/isa.h"

/* sstatus, vsstatus: what a read shows and a write changes (Priv. 10.1.1; SD is computed, UXL fixed). */
#define SSTATUS_WRITABLE \
    (MSTATUS_SIE | MSTATUS_SPIE | MSTATUS_SPP | MSTATUS_FS | MSTATUS_SUM | MSTATUS_MXR)
#define SSTATUS_VISIBLE (SSTATUS_WRITABLE | MSTATUS_UXL_64)

/* Exceptions that can be delegated: all but ecall from M (Priv. 3.1.8). From HS to VS, neither ecalls of S, VS, M nor guest page
 * faults and virtual instructions (Priv. 18.2.2). */
#define MEDELEG_BASE                                                                                                                \
    (MASK(CAUSE_ECALL_S, CAUSE_FETCH_MISALIGNED) | BIT(CAUSE_FETCH_PAGE) | BIT(CAUSE_LOAD_PAGE) | BIT(CAUSE_STORE_PAGE))
#define MEDELEG_H (BIT(CAUSE_ECALL_VS) | MASK(CAUSE_STORE_GUEST_PAGE, CAUSE_FETCH_GUEST_PAGE))
#define HEDELEG_WRITABLE (MEDELEG_BASE & ~BIT(CAUSE_ECALL_S))

/* After what may unmask an interrupt. A hart for which nothing is pending and enabled goes on undisturbed. */
static void kick_irq(struct hart *h)
{
    if ((h->csr.mip | h->csr.mip_line) & h->csr.mie) {
        h->kick |= KICK_IRQ;
    }
}

static void timer_changed(struct hart *h)
{
    h->env->timer_changed(h->env->ctx, h);
    kick_irq(h);
}

/* ---- floating point (F 20.2) ---- */

static uint64_t get_fflags(struct hart *h)
{
    return hart_fflags(h);
}

static uint64_t get_fcsr(struct hart *h)
{
    return h->csr.frm << 5 | hart_fflags(h);
}

/* FP state was written: FS becomes Dirty, in V=1 at both levels (Priv. 3.1.6.6, 18.2.11). */
static void fp_dirty(struct hart *h)
{
    uint64_t m = h->csr.mstatus, vs = h->csr.vsstatus;
    h->csr.mstatus |= MSTATUS_FS;
    if (h->virt) {
        h->csr.vsstatus |= MSTATUS_FS;
    }
    if (m != h->csr.mstatus || vs != h->csr.vsstatus) {
        hart_context_changed(h);
    }
}

static void set_frm(struct hart *h, uint64_t frm)
{
    if (h->csr.frm != frm) {
        h->csr.frm = frm;
        hart_context_changed(h);
    }
}

static void put_fflags(struct hart *h, uint64_t v)
{
    hart_set_fflags(h, (unsigned)bits(v, 4, 0));
    fp_dirty(h);
}

static void put_frm(struct hart *h, uint64_t v)
{
    set_frm(h, bits(v, 2, 0));
    fp_dirty(h);
}

static void put_fcsr(struct hart *h, uint64_t v)
{
    hart_set_fflags(h, (unsigned)bits(v, 4, 0));
    set_frm(h, bits(v, 7, 5));
    fp_dirty(h);
}

/* ---- counters and time (Priv. 3.1.10-3.1.13, 18.2.7) ---- */

static uint64_t get_mcycle(struct hart *h)
{
    return h->csr.mcountinhibit & COUNTER_CY ? h->csr.cycle_stopped : hart_cycle(h) + h->csr.cycle_offset;
}

static uint64_t get_minstret(struct hart *h)
{
    return h->csr.mcountinhibit & COUNTER_IR ? h->csr.instret_stopped : hart_instret(h) + h->csr.instret_offset;
}

static uint64_t get_time(struct hart *h)
{
    return h->env->time(h->env->ctx) + (h->virt ? h->csr.htimedelta : 0);
}

/* The instruction that writes a counter is itself counted before the write: the next one reads the value written (Priv. 3.1.11).
 * So "now", for what is written, is one more than what the running instruction reads. */
static void put_mcycle(struct hart *h, uint64_t v)
{
    h->csr.cycle_stopped = v;
    h->csr.cycle_offset = v - (hart_cycle(h) + 1);
}

static void put_minstret(struct hart *h, uint64_t v)
{
    h->csr.instret_stopped = v;
    h->csr.instret_offset = v - (hart_instret(h) + 1);
}

/* A counter stops after the instruction that inhibits it and goes on after the one that releases it. Bit 1 (TM) is zero. */
static void put_mcountinhibit(struct hart *h, uint64_t v)
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

static void put_htimedelta(struct hart *h, uint64_t v)
{
    h->csr.htimedelta = v;
    timer_changed(h);
}

static void put_stimecmp(struct hart *h, uint64_t v)
{
    h->csr.stimecmp = v;
    timer_changed(h);
}

static void put_vstimecmp(struct hart *h, uint64_t v)
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
    w |= h->isa.s ? MSTATUS_SIE | MSTATUS_SPIE | MSTATUS_SPP | MSTATUS_SUM | MSTATUS_MXR | MSTATUS_TVM | MSTATUS_TSR : 0;
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
        kick_irq(h);
    }
}

/* MPP holds modes that the hart has; a write of another leaves it. */
static bool mpp_legal(const struct hart *h, uint64_t mpp)
{
    return mpp == PRIV_M || (mpp == PRIV_S && h->isa.s) || (mpp == PRIV_U && h->isa.u);
}

static uint64_t get_mstatus(struct hart *h)
{
    return with_sd(h->csr.mstatus);
}

static void put_mstatus(struct hart *h, uint64_t v)
{
    uint64_t w = mstatus_writable(h);
    if (!mpp_legal(h, (v & MSTATUS_MPP) >> MSTATUS_MPP_SHIFT)) {
        w &= ~MSTATUS_MPP;
    }
    set_status(h, &h->csr.mstatus, merge_bits(h->csr.mstatus, v, w));
}

static uint64_t get_sstatus(struct hart *h)
{
    return with_sd(h->csr.mstatus & SSTATUS_VISIBLE);
}

static void put_sstatus(struct hart *h, uint64_t v)
{
    set_status(h, &h->csr.mstatus, merge_bits(h->csr.mstatus, v, sstatus_writable(h)));
}

static uint64_t get_vsstatus(struct hart *h)
{
    return with_sd(h->csr.vsstatus);
}

static void put_vsstatus(struct hart *h, uint64_t v)
{
    set_status(h, &h->csr.vsstatus, merge_bits(h->csr.vsstatus, v, sstatus_writable(h)));
}

/* VGEIN is zero (no guest external interrupts), VSBE zero, VSXL 64 bits. */
static void put_hstatus(struct hart *h, uint64_t v)
{
    h->csr.hstatus = merge_bits(h->csr.hstatus, v,
                                HSTATUS_GVA | HSTATUS_SPV | HSTATUS_SPVP | HSTATUS_HU | HSTATUS_VTVM | HSTATUS_VTW | HSTATUS_VTSR);
    hart_context_changed(h);
}

/* ---- delegation and interrupts (Priv. 3.1.8, 3.1.9, 10.1.3, 18.2.2-18.2.4, 18.2.12) ---- */

static void put_medeleg(struct hart *h, uint64_t v)
{
    h->csr.medeleg = v & (MEDELEG_BASE | (h->isa.h ? MEDELEG_H : 0));
}

/* With H the VS-level bits are read-only one: nobody but HS has a use for them (Priv. 18.4.2). */
static uint64_t mideleg_forced(const struct hart *h)
{
    return h->isa.h ? INT_VS | INT_SGEI : 0;
}

static void put_mideleg(struct hart *h, uint64_t v)
{
    h->csr.mideleg = (v & INT_S) | mideleg_forced(h);
    kick_irq(h);
}

static void put_hideleg(struct hart *h, uint64_t v)
{
    h->csr.hideleg = v & INT_VS;
    kick_irq(h);
}

/* The interrupts that the hart has. */
static uint64_t interrupts(const struct hart *h)
{
    return INT_M | (h->isa.s ? INT_S : 0) | (h->isa.h ? INT_VS | INT_SGEI : 0);
}

/* Sstc's STCE as it counts: menvcfg's for stimecmp, and both for vstimecmp. */
static bool stce(const struct hart *h)
{
    return h->csr.menvcfg & ENVCFG_STCE;
}

static bool vstce(const struct hart *h)
{
    return h->csr.menvcfg & h->csr.henvcfg & ENVCFG_STCE;
}

/* While STCE is set the compare alone makes STIP; VSTIP is hvip's bit or the compare (Sstc 2.2, 3.2). SGEIP is hgeip & hgeie. */
uint64_t csr_mip(const struct hart *h)
{
    uint64_t soft = h->csr.mip, line = h->csr.mip_line;
    if (stce(h)) {
        soft &= ~BIT(IRQ_STI);
    } else {
        line &= ~BIT(IRQ_STI);
    }
    if (!vstce(h)) {
        line &= ~BIT(IRQ_VSTI);
    }
    return ((soft | line) & interrupts(h)) | (h->csr.hgeip & h->csr.hgeie ? INT_SGEI : 0);
}

/* Changes the software bits w of mip. */
static void set_soft(struct hart *h, uint64_t v, uint64_t w)
{
    h->csr.mip = merge_bits(h->csr.mip, v, w);
    kick_irq(h);
}

static void set_enables(struct hart *h, uint64_t v, uint64_t w)
{
    h->csr.mie = merge_bits(h->csr.mie, v, w);
    kick_irq(h);
}

static uint64_t get_mip(struct hart *h)
{
    return csr_mip(h);
}

/* VSSIP is an alias of hvip's; VSTIP and VSEIP are hip's, which are read-only (Priv. 18.4.3). */
static void put_mip(struct hart *h, uint64_t v)
{
    uint64_t w = BIT(IRQ_SSI) | BIT(IRQ_SEI) | (stce(h) ? 0 : BIT(IRQ_STI)) | (h->isa.h ? BIT(IRQ_VSSI) : 0);
    set_soft(h, v, h->isa.s ? w : 0);
}

static void put_mie(struct hart *h, uint64_t v)
{
    set_enables(h, v, interrupts(h));
}

static uint64_t get_sip(struct hart *h)
{
    return csr_mip(h) & h->csr.mideleg & INT_S;
}

static void put_sip(struct hart *h, uint64_t v)
{
    set_soft(h, v, BIT(IRQ_SSI) & h->csr.mideleg);
}

static uint64_t get_sie(struct hart *h)
{
    return h->csr.mie & h->csr.mideleg & INT_S;
}

static void put_sie(struct hart *h, uint64_t v)
{
    set_enables(h, v, h->csr.mideleg & INT_S);
}

static uint64_t get_hip(struct hart *h)
{
    return csr_mip(h) & (INT_VS | INT_SGEI);
}

static void put_hip(struct hart *h, uint64_t v)
{
    set_soft(h, v, BIT(IRQ_VSSI));
}

static uint64_t get_hie(struct hart *h)
{
    return h->csr.mie & (INT_VS | INT_SGEI);
}

static void put_hie(struct hart *h, uint64_t v)
{
    set_enables(h, v, INT_VS | INT_SGEI);
}

static uint64_t get_hvip(struct hart *h)
{
    return h->csr.mip & INT_VS;
}

static void put_hvip(struct hart *h, uint64_t v)
{
    set_soft(h, v, INT_VS);
}

/* vsip and vsie show the VS bits that hideleg gives away, one place lower: where a guest looks for S's. */
static uint64_t get_vsip(struct hart *h)
{
    return (csr_mip(h) & h->csr.hideleg) >> 1;
}

static void put_vsip(struct hart *h, uint64_t v)
{
    set_soft(h, v << 1, BIT(IRQ_VSSI) & h->csr.hideleg);
}

static uint64_t get_vsie(struct hart *h)
{
    return (h->csr.mie & h->csr.hideleg) >> 1;
}

static void put_vsie(struct hart *h, uint64_t v)
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

static void put_mtvec(struct hart *h, uint64_t v)
{
    set_tvec(&h->csr.mtvec, v);
}

static void put_stvec(struct hart *h, uint64_t v)
{
    set_tvec(&h->csr.stvec, v);
}

static void put_vstvec(struct hart *h, uint64_t v)
{
    set_tvec(&h->csr.vstvec, v);
}

/* An address that an instruction can have: IALIGN is 16 with C, else 32. */
static uint64_t legal_epc(const struct hart *h, uint64_t v)
{
    return v & ~(h->isa.c ? UINT64_C(1) : UINT64_C(3));
}

static void put_mepc(struct hart *h, uint64_t v)
{
    h->csr.mepc = legal_epc(h, v);
}

static void put_sepc(struct hart *h, uint64_t v)
{
    h->csr.sepc = legal_epc(h, v);
}

static void put_vsepc(struct hart *h, uint64_t v)
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

static void put_senvcfg(struct hart *h, uint64_t v)
{
    h->csr.senvcfg = legal_envcfg(h->csr.senvcfg, v, senvcfg_writable(h));
}

static void put_menvcfg(struct hart *h, uint64_t v)
{
    uint64_t old = h->csr.menvcfg;
    h->csr.menvcfg = legal_envcfg(old, v, menvcfg_writable(h));
    envcfg_changed(h, old ^ h->csr.menvcfg);
}

/* ADUE, PBMTE and STCE are read-only zero while menvcfg's are zero (Priv. 18.2.5). */
static uint64_t get_henvcfg(struct hart *h)
{
    return h->csr.henvcfg & (h->csr.menvcfg | ~(ENVCFG_ADUE | ENVCFG_PBMTE | ENVCFG_STCE));
}

static void put_henvcfg(struct hart *h, uint64_t v)
{
    uint64_t old = h->csr.henvcfg;
    uint64_t w = senvcfg_writable(h) | (h->csr.menvcfg & (ENVCFG_ADUE | ENVCFG_PBMTE | ENVCFG_STCE));
    h->csr.henvcfg = legal_envcfg(get_henvcfg(h), v, w);
    envcfg_changed(h, old ^ h->csr.henvcfg);
}

/* ---- translation (Priv. 10.1.11, 18.2.10, 18.2.19) ---- */

static bool atp_mode_legal(const struct hart *h, uint64_t atp)
{
    switch (atp >> ATP_MODE_SHIFT) {
    case ATP_BARE:
        return true;
    case ATP_SV39:
        return h->isa.mmu && h->isa.sv39;
    case ATP_SV48:
        return h->isa.mmu && h->isa.sv48;
    case ATP_SV57:
        return h->isa.mmu && h->isa.sv57;
    default:
        return false;
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

static void put_satp(struct hart *h, uint64_t v)
{
    set_atp(h, &h->csr.satp, v);
}

static void put_vsatp(struct hart *h, uint64_t v)
{
    set_atp(h, &h->csr.vsatp, v);
}

/* Other than satp, an unsupported MODE does not stop the write: MODE keeps its value, the other fields change. */
static void put_hgatp(struct hart *h, uint64_t v)
{
    uint64_t w = HGATP_VMID | HGATP_PPN | (atp_mode_legal(h, v) ? ATP_MODE : 0);
    h->csr.hgatp = h->isa.mmu ? merge_bits(h->csr.hgatp, v, w) : 0;
    hart_context_changed(h);
}

/* ---- physical memory protection (Priv. 3.7.1) ---- */

static uint64_t get_pmpcfg(const struct hart *h, unsigned first)
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
static void put_pmpcfg(struct hart *h, unsigned first, uint64_t v)
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
static void put_pmpaddr(struct hart *h, unsigned i, uint64_t v)
{
    bool next_tor = i + 1 < PMP_ENTRIES && (h->pmp.cfg[i + 1] & (PMPCFG_L | PMPCFG_A)) == (PMPCFG_L | PMPCFG_TOR);
    if (h->pmp.cfg[i] & PMPCFG_L || next_tor) {
        return;
    }
    h->pmp.addr[i] = v & MASK(53, 0);
    pmp_changed(h);
}

static uint64_t get_pmpcfg0(struct hart *h)
{
    return get_pmpcfg(h, 0);
}

static uint64_t get_pmpcfg2(struct hart *h)
{
    return get_pmpcfg(h, 8);
}

static void put_pmpcfg0(struct hart *h, uint64_t v)
{
    put_pmpcfg(h, 0, v);
}

static void put_pmpcfg2(struct hart *h, uint64_t v)
{
    put_pmpcfg(h, 8, v);
}

#define PUT_PMPADDR(n)                                            \
    static void put_pmpaddr##n(struct hart *h, uint64_t v)        \
    {                                                             \
        put_pmpaddr(h, n, v);                                     \
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

static uint64_t get_mhartid(struct hart *h)
{
    return h->id;
}

/* ---- the table ---- */

enum csr_mode { MODE_U, MODE_S, MODE_H, MODE_M };
enum csr_check { CHECK_NONE, CHECK_FS, CHECK_COUNTER, CHECK_STCE, CHECK_TVM };
enum csr_verdict { CSR_OK, CSR_ILLEGAL, CSR_VIRTUAL };

struct csr_row {
    uint64_t (*get)(struct hart *h); /* NULL: the word at off */
    void (*put)(struct hart *h, uint64_t v); /* NULL: the bits of mask, into the word at off */
    uint64_t mask;
    uint16_t off; /* in struct hart; of x[0], which is zero, for CSRs that read zero */
    uint16_t num;
    uint8_t need; /* offset in struct isa */
    uint8_t need_mode;
    uint8_t mode;
    uint8_t check;
    uint8_t vs; /* row that this one stands for in VS mode */
    const char *name;
};

enum csr_row_index {
    ROW_NONE,
#define CSR(num, name, mode, need, check, vs, get, put) ROW_##name,
#include "cpu/csr.def"
#undef CSR
    ROW_COUNT
};
_Static_assert(ROW_COUNT <= 256, "row indices are bytes");
_Static_assert(sizeof(struct isa) <= 256, "offsets in struct isa are bytes");

/* What the letter of the mode implies of the hart. M and U rows: the Zicsr that every row needs. */
#define NEED_MODE_U zicsr
#define NEED_MODE_S s
#define NEED_MODE_H h
#define NEED_MODE_M zicsr
#define ISA_OFF_(field) offsetof(struct isa, field)
#define ISA_OFF(field) ISA_OFF_(field)

#define CSR(num, name, mode, need, check, vs, get, put) \
    _Static_assert(((num) >> 8 & 3) == MODE_##mode, #name ": bits 9:8 of the number are the lowest mode");
#include "cpu/csr.def"
#undef CSR

#define G_FIELD(f) .off = offsetof(struct hart, csr.f)
#define G_PMP(f) .off = offsetof(struct hart, pmp.f)
#define G_HART(f) .off = offsetof(struct hart, f)
#define G_ZERO .off = offsetof(struct hart, x)
#define G_BY(fn) .get = (fn)
#define P_BITS(m) .mask = (m)
#define P_BY(fn) .put = (fn)
#define P_NONE .mask = 0

static const struct csr_row csr_rows[ROW_COUNT] = {
#define CSR(number, nm, md, nd, chk, sub, g, p)                                                                    \
    [ROW_##nm] = {.name = #nm, .num = (number), .mode = MODE_##md, .need = ISA_OFF(nd),                            \
                  .need_mode = ISA_OFF(NEED_MODE_##md), .check = CHECK_##chk, .vs = ROW_##sub, g, p},
#include "cpu/csr.def"
#undef CSR
};

/* By number. Two rows of one number are an initializer overridden, which the build refuses. */
static const uint8_t csr_row_of[4096] = {
#define CSR(num, name, mode, need, check, vs, get, put) [(num)] = ROW_##name,
#include "cpu/csr.def"
#undef CSR
};

static bool row_present(const struct hart *h, const struct csr_row *r)
{
    const bool *isa = (const bool *)&h->isa;
    return r->name && isa[r->need] && isa[r->need_mode];
}

static const struct csr_row *find_row(const struct hart *h, unsigned num)
{
    const struct csr_row *r = &csr_rows[csr_row_of[num & 0xfff]];
    return row_present(h, r) ? r : NULL;
}

static uint64_t row_get(struct hart *h, const struct csr_row *r)
{
    return r->get ? r->get(h) : *(const uint64_t *)((const char *)h + r->off);
}

static void row_put(struct hart *h, const struct csr_row *r, uint64_t v)
{
    if (r->put) {
        r->put(h, v);
    } else if (r->mask) {
        uint64_t *p = (uint64_t *)((char *)h + r->off);
        *p = merge_bits(*p, v, r->mask);
    }
}

/* ---- access ---- */

/* Modes in the order that CSR numbers give them: VS counts as S, HS (and S without H) as H. */
static enum csr_mode access_mode(const struct hart *h)
{
    switch (h->priv) {
    case PRIV_M:
        return MODE_M;
    case PRIV_S:
        return h->virt ? MODE_S : MODE_H;
    case PRIV_U:
        break;
    }
    return MODE_U;
}

/* The row's own condition, for an access from the mode given. tvm: whether mstatus.TVM counts. Priv. 3.1.6.5, 3.1.11, 10.1.5, 18.2.6,
 * 18.6.1 (virtual-instruction exceptions); Sstc 2.1, 3.1. */
static enum csr_verdict csr_check(const struct hart *h, const struct csr_row *r, enum csr_mode mode, bool virt, bool tvm)
{
    const struct csrs *c = &h->csr;
    uint64_t counter = BIT(r->num & 31);
    switch ((enum csr_check)r->check) {
    case CHECK_NONE:
        return CSR_OK;
    case CHECK_FS:
        return !(c->mstatus & MSTATUS_FS) || (virt && !(c->vsstatus & MSTATUS_FS)) ? CSR_ILLEGAL : CSR_OK;
    case CHECK_COUNTER:
        if (mode == MODE_M) {
            return CSR_OK;
        }
        if (!(c->mcounteren & counter)) {
            return CSR_ILLEGAL;
        }
        if (virt && !(c->hcounteren & counter)) {
            return CSR_VIRTUAL;
        }
        if (mode == MODE_U && h->isa.s && !(c->scounteren & counter)) {
            return virt ? CSR_VIRTUAL : CSR_ILLEGAL;
        }
        return CSR_OK;
    case CHECK_STCE:
        if (mode == MODE_M) {
            return CSR_OK;
        }
        if (!stce(h) || !(c->mcounteren & COUNTER_TM)) {
            return CSR_ILLEGAL;
        }
        return virt && (!vstce(h) || !(c->hcounteren & COUNTER_TM)) ? CSR_VIRTUAL : CSR_OK;
    case CHECK_TVM:
        if (mode == MODE_H && tvm && c->mstatus & MSTATUS_TVM) {
            return CSR_ILLEGAL;
        }
        return virt && c->hstatus & HSTATUS_VTVM ? CSR_VIRTUAL : CSR_OK;
    }
    return CSR_ILLEGAL;
}

/* May the hart's current mode make this access? r may be NULL. */
static enum csr_verdict csr_allowed(const struct hart *h, const struct csr_row *r, bool wants_write)
{
    if (UNLIKELY(!r || (wants_write && r->num >> 10 == 3))) {
        return CSR_ILLEGAL;
    }
    enum csr_mode mode = access_mode(h);
    if (LIKELY(mode >= r->mode)) {
        return r->check == CHECK_NONE ? CSR_OK : csr_check(h, r, mode, h->virt, true);
    }
    /* From V=1 it is a virtual instruction if HS could have done it, TVM aside (Priv. 18.6.1). */
    if (h->virt && r->mode != MODE_M && csr_check(h, r, MODE_H, false, false) == CSR_OK) {
        return CSR_VIRTUAL;
    }
    return CSR_ILLEGAL;
}

bool csr_execute(struct hart *h, unsigned num, enum csr_op op, uint64_t src, bool wants_read, bool wants_write, uint32_t insn,
                 uint64_t *old, struct trap *t)
{
    const struct csr_row *r = find_row(h, num);
    enum csr_verdict verdict = csr_allowed(h, r, wants_write);
    if (UNLIKELY(verdict != CSR_OK)) {
        *t = (struct trap){.cause = verdict == CSR_VIRTUAL ? CAUSE_VIRTUAL_INSN : CAUSE_ILLEGAL, .tval = insn};
        return false;
    }
    if (h->virt) {
        r = &csr_rows[r->vs];
    }
    uint64_t v = 0;
    if (wants_read || op != CSR_RW) {
        v = row_get(h, r);
    }
    *old = v;
    if (!wants_write) {
        return true;
    }
    /* Read-modify-write of mip works on what software wrote, not on what wires or-ed in (Priv. 3.1.9). */
    if (r == &csr_rows[ROW_mip]) {
        v = h->csr.mip;
    }
    switch (op) {
    case CSR_RW:
        v = src;
        break;
    case CSR_RS:
        v |= src;
        break;
    case CSR_RC:
        v &= ~src;
        break;
    }
    row_put(h, r, v);
    return true;
}

bool csr_peek(struct hart *h, unsigned num, uint64_t *val)
{
    const struct csr_row *r = num < 4096 ? find_row(h, num) : NULL;
    if (!r) {
        return false;
    }
    bool virt = h->virt;
    h->virt = false; /* M mode's view: `time` without htimedelta */
    *val = row_get(h, r);
    h->virt = virt;
    return true;
}

bool csr_poke(struct hart *h, unsigned num, uint64_t val)
{
    const struct csr_row *r = num < 4096 ? find_row(h, num) : NULL;
    if (!r || r->num >> 10 == 3) {
        return false;
    }
    h->turn_retired--; /* a poke lies between instructions: no instruction of its own to count, see put_mcycle() */
    row_put(h, r, val);
    h->turn_retired++;
    return true;
}

const char *csr_name(unsigned num)
{
    return num < 4096 ? csr_rows[csr_row_of[num]].name : NULL;
}

int csr_number(const char *name)
{
    for (unsigned i = 1; i < ROW_COUNT; i++) {
        if (!strcmp(csr_rows[i].name, name)) {
            return csr_rows[i].num;
        }
    }
    return -1;
}

/* What the specification leaves open is zero. Wires keep their level: they are not the hart's. The caller, who may not have the run
 * loop's caches yet, does hart_context_changed() and flushes. */
void csr_reset(struct hart *h)
{
    uint64_t line = h->csr.mip_line;
    memset(&h->csr, 0, sizeof(h->csr));
    memset(&h->pmp, 0, sizeof(h->pmp));
    h->csr.mip_line = line;
    h->misa = isa_misa(&h->isa);
    h->pmp.count = h->isa.pmp ? PMP_ENTRIES : 0;
    pmp_update(&h->pmp);
    h->csr.mstatus |= h->isa.u ? MSTATUS_UXL_64 : MSTATUS_MPP;
    h->csr.mstatus |= h->isa.s ? MSTATUS_SXL_64 : 0;
    h->csr.mideleg = mideleg_forced(h);
    h->csr.vsstatus = h->isa.h ? MSTATUS_UXL_64 : 0;
    h->csr.hstatus = h->isa.h ? HSTATUS_VSXL_64 : 0;
    h->csr.cycle_offset = -hart_cycle(h);
    h->csr.instret_offset = -hart_instret(h);
    /* Without Svade, A and D are the hardware's to set. */
    h->csr.menvcfg = h->isa.svadu && !h->isa.svade ? ENVCFG_ADUE : 0;
    h->priv = PRIV_M;
    h->virt = false;
    hart_set_fflags(h, 0);
    kick_irq(h);
}
