/* SPDX-License-Identifier: MIT */
/* CSRs: the table made of the rows of csr.def, and access to it. Nothing here is mutable but the hart. */
#include "cpu/csr.h"

#include <string.h>

#include "cpu/csr_row.h"
#include "cpu/isa.h"
#include "cpu/observe.h"

enum csr_mode { MODE_U, MODE_S, MODE_H, MODE_M };
enum csr_check { CHECK_NONE, CHECK_FS, CHECK_COUNTER, CHECK_STCE, CHECK_TVM, CHECK_XDISK };
enum csr_verdict { CSR_OK, CSR_ILLEGAL, CSR_VIRTUAL };

struct csr_row {
    uint64_t (*get)(struct hart *h);         /* NULL: the word at off */
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
#define NEED_MODE_U     zicsr
#define NEED_MODE_S     s
#define NEED_MODE_H     h
#define NEED_MODE_M     zicsr
#define ISA_OFF_(field) offsetof(struct isa, field)
#define ISA_OFF(field)  ISA_OFF_(field)

#define CSR(num, name, mode, need, check, vs, get, put)                                                                \
    _Static_assert(((num) >> 8 & 3) == MODE_##mode, #name ": bits 9:8 of the number are the lowest mode");
#include "cpu/csr.def"
#undef CSR

#define G_FIELD(f) .off = offsetof(struct hart, csr.f)
#define G_PMP(f)   .off = offsetof(struct hart, pmp.f)
#define G_HART(f)  .off = offsetof(struct hart, f)
#define G_ZERO     .off = offsetof(struct hart, x)
#define G_BY(fn)   .get = csr_##fn
#define P_BITS(m)  .mask = (m)
#define P_BY(fn)   .put = csr_##fn
#define P_NONE     .mask = 0

static const struct csr_row csr_rows[ROW_COUNT] = {
#define CSR(number, nm, md, nd, chk, sub, g, p)                                                                        \
    [ROW_##nm] = {.name = #nm,                                                                                         \
                  .num = (number),                                                                                     \
                  .mode = MODE_##md,                                                                                   \
                  .need = ISA_OFF(nd),                                                                                 \
                  .need_mode = ISA_OFF(NEED_MODE_##md),                                                                \
                  .check = CHECK_##chk,                                                                                \
                  .vs = ROW_##sub,                                                                                     \
                  g,                                                                                                   \
                  p},
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
    case PRIV_M: return MODE_M;
    case PRIV_S: return h->virt ? MODE_S : MODE_H;
    case PRIV_U: break;
    }
    return MODE_U;
}

/* The row's own condition, for an access from the mode given. tvm: whether mstatus.TVM counts. Priv. 3.1.6.5, 3.1.11, 10.1.5, 18.2.6,
 * 18.6.1 (virtual-instruction exceptions); Sstc 2.1, 3.1. */
static enum csr_verdict csr_check(const struct hart *h, const struct csr_row *r, enum csr_mode mode, bool virt,
                                  bool tvm)
{
    const struct csrs *c = &h->csr;
    uint64_t counter = BIT(r->num & 31);
    switch ((enum csr_check)r->check) {
    case CHECK_NONE: return CSR_OK;
    case CHECK_FS: return !(c->mstatus & MSTATUS_FS) || (virt && !(c->vsstatus & MSTATUS_FS)) ? CSR_ILLEGAL : CSR_OK;
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
        if (!csr_stce(h) || !(c->mcounteren & COUNTER_TM)) {
            return CSR_ILLEGAL;
        }
        return virt && (!csr_vstce(h) || !(c->hcounteren & COUNTER_TM)) ? CSR_VIRTUAL : CSR_OK;
    case CHECK_TVM:
        if (mode == MODE_H && tvm && c->mstatus & MSTATUS_TVM) {
            return CSR_ILLEGAL;
        }
        return virt && c->hstatus & HSTATUS_VTVM ? CSR_VIRTUAL : CSR_OK;
    case CHECK_XDISK: return virt ? CSR_VIRTUAL : CSR_OK; /* the disk is the host's */
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

/* The CSR that one is a view of, where writing the view changes it; itself otherwise. */
static unsigned viewed(unsigned csr)
{
    enum { MSTATUS = 0x300, MIE = 0x304, MIP = 0x344 };
    switch (csr) {
    case 0x100: /* sstatus */ return MSTATUS;
    case 0x104: /* sie */
    case 0x204: /* vsie */
    case 0x604: /* hie */ return MIE;
    case 0x144: /* sip */
    case 0x244: /* vsip */
    case 0x644: /* hip */
    case 0x645: /* hvip */ return MIP;
    default: return csr;
    }
}

/* Writes a CSR and tells of it. */
static void put_observed(struct hart *h, const struct csr_row *r, uint64_t v)
{
    unsigned other = viewed(r->num);
    enum { MCYCLE = 0xb00, MINSTRET = 0xb02 };
    uint64_t before = row_get(h, r);
    struct observed_csr o = {.wanted = false};
    if (other != r->num)
        o = observe_csr_before(h, other);
    row_put(h, r, v);
    unsigned counts =
        r->num == MCYCLE || r->num == MINSTRET; /* ... from the next instruction on: what that one reads */
    h->turn_retired += counts;
    uint64_t after = row_get(h, r);
    h->turn_retired -= counts;
    observe_csr(h, r->num, before, after);
    observe_side(h, h->pc, event_mode_of(h), &o);
}

bool csr_execute(struct hart *h, unsigned num, enum csr_op op, uint64_t src, bool wants_read, bool wants_write,
                 uint32_t insn, uint64_t *old, struct trap *t)
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
    case CSR_RW: v = src; break;
    case CSR_RS: v |= src; break;
    case CSR_RC: v &= ~src; break;
    }
    if (LIKELY(!observe_wants_csr(h, r->num))) {
        row_put(h, r, v);
        return true;
    }
    put_observed(h, r, v);
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
uint64_t csr_reset_adue(const struct isa *isa)
{
    return isa->svadu && !isa->svade ? ENVCFG_ADUE : 0;
}

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
    h->csr.mideleg = csr_mideleg_forced(h);
    h->csr.vsstatus = h->isa.h ? MSTATUS_UXL_64 : 0;
    h->csr.hstatus = h->isa.h ? HSTATUS_VSXL_64 : 0;
    h->csr.cycle_offset = -hart_cycle(h);
    h->csr.instret_offset = -hart_instret(h);
    h->csr.menvcfg = csr_reset_adue(&h->isa);
    h->priv = PRIV_M;
    h->virt = false;
    hart_set_fflags(h, 0);
}
