/* SPDX-License-Identifier: MIT */
/* Why a mode must not execute an instruction: the conditions of the specification, in words, with the bit that decides. */
#include <string.h>

#include "cpu/csr_bits.h"
#include "monitor/debug/why_int.h"
#include "monitor/names.h"

/* What csr.def says of a CSR, for people. */
enum csr_condition { COND_NONE, COND_FS, COND_COUNTER, COND_STCE, COND_TVM, COND_XDISK };
static const struct csr_facts {
    unsigned num;
    const char *name, *need;
    char mode;    /* U, S, H, M: the lowest */
    size_t field; /* of need in struct isa */
    enum csr_condition condition;
} csrs[] = {
#define CSR(num, name, mode, need, check, vs, get, put)                                                                \
    {num, #name, #need, #mode[0], offsetof(struct isa, need), COND_##check},
#include "cpu/csr.def"
#undef CSR
};

/* The extension that an instruction belongs to, as insn.def says. */
static const char *const extensions[INSN_COUNT] = {
#define INSN(id, name, format, match, mask, extension) [INSN_##id] = #extension,
#include "cpu/insn.def"
#undef INSN
};

static const struct csr_facts *csr_facts(unsigned num)
{
    for (size_t i = 0; i < ARRAY_LEN(csrs); i++)
        if (csrs[i].num == num)
            return &csrs[i];
    return NULL;
}

static bool has(const struct hart *h, size_t field)
{
    return *(const bool *)((const char *)&h->isa + field);
}

static void say_fs(struct why *w)
{
    bool own = !(w->h->csr.mstatus & MSTATUS_FS);
    why_say(w, "%s.FS is Off (0), so there is no floating point until software turns it on",
            own ? w->virt ? "the hypervisor's sstatus" : "sstatus" : "vsstatus");
}

/* A counter's enable bits, from the mode above downwards. */
static void say_counter(struct why *w, const struct csr_facts *f)
{
    const struct csrs *c = &w->h->csr;
    uint64_t bit = BIT(f->num & 31);
    const char *reg = !(c->mcounteren & bit)              ? "mcounteren"
                      : w->virt && !(c->hcounteren & bit) ? "hcounteren"
                                                          : "scounteren";
    why_say(w, "bit %u of %s is 0: %s may not read %s", f->num & 31, reg, name_priv(w->priv, w->virt), f->name);
}

static void say_stce(struct why *w, const struct csr_facts *f)
{
    const struct csrs *c = &w->h->csr;
    if (!(c->menvcfg & ENVCFG_STCE))
        why_say(w, "menvcfg.STCE is 0: only M mode may touch %s", f->name);
    else if (!(c->mcounteren & COUNTER_TM))
        why_say(w, "mcounteren.TM is 0: only M mode may touch %s", f->name);
    else
        why_say(w, "%s is 0: the guest may not touch %s", c->henvcfg & ENVCFG_STCE ? "hcounteren.TM" : "henvcfg.STCE",
                f->name);
}

/* The row's own condition. False: it holds, the reason is another. */
static bool say_condition(struct why *w, const struct csr_facts *f)
{
    switch (f->condition) {
    case COND_FS: say_fs(w); return true;
    case COND_COUNTER: say_counter(w, f); return true;
    case COND_STCE: say_stce(w, f); return true;
    case COND_TVM:
        why_say(w, "%s is 1: %s may not touch %s", w->virt ? "hstatus.VTVM" : "mstatus.TVM",
                name_priv(w->priv, w->virt), f->name);
        return true;
    case COND_XDISK: why_say(w, "the disk of special instructions is the host's, not the guest's"); return true;
    case COND_NONE: break;
    }
    return false;
}

/* Rank of a mode in the order U, S (and VS), HS, M. */
static unsigned rank(const struct why *w)
{
    return w->priv == PRIV_M ? 3 : w->priv == PRIV_U ? 0 : w->virt ? 1 : 2;
}

static void say_csr(struct why *w)
{
    unsigned num = (unsigned)w->insn.imm & 0xfff;
    const struct csr_facts *f = csr_facts(num);
    bool set = w->insn.id != INSN_csrrw && w->insn.id != INSN_csrrwi, writes = !set || w->insn.rs1;
    if (!f) {
        why_say(w, "there is no CSR %#x", num);
        return;
    }
    if (!has(w->h, f->field) || (f->mode == 'H' && !w->h->isa.h) || (f->mode == 'S' && !w->h->isa.s)) {
        why_say(w, "this hart (see -cpu) has no CSR %s, which comes with %s", f->name,
                !has(w->h, f->field) ? f->need
                : f->mode == 'H'     ? "the hypervisor extension"
                                     : "S mode");
        return;
    }
    if (writes && num >> 10 == 3) {
        why_say(w, "CSR %s is read-only, and the instruction writes it", f->name);
        return;
    }
    unsigned need = f->mode == 'U' ? 0 : f->mode == 'S' ? 1 : f->mode == 'H' ? 2 : 3;
    if (rank(w) < need) {
        why_say(w, "CSR %s is for %s, and this is %s mode", f->name,
                f->mode == 'M'   ? "M mode alone"
                : f->mode == 'H' ? "HS mode and above"
                                 : "S mode and above",
                name_priv(w->priv, w->virt));
        return;
    }
    if (!say_condition(w, f))
        why_say(w, "its access to CSR %s is refused no more: the state has changed since", f->name);
}

/* mret, sret, wfi. */
static bool say_system(struct why *w)
{
    const char *mode = name_priv(w->priv, w->virt);
    enum insn_id id = w->insn.id;
    if (id == INSN_mret)
        why_say(w, "only M mode may execute mret, and this is %s mode", mode);
    else if (id == INSN_sret && w->priv == PRIV_U)
        why_say(w, "sret is for S mode and above, and this is %s mode", mode);
    else if (id == INSN_sret)
        why_say(w, "%s is 1, so that sret in %s traps", w->virt ? "hstatus.VTSR" : "mstatus.TSR", mode);
    else if (id == INSN_wfi && w->h->csr.mstatus & MSTATUS_TW)
        why_say(w, "mstatus.TW is 1, so that wfi below M mode traps");
    else if (id == INSN_wfi && w->virt && w->priv != PRIV_U)
        why_say(w, "hstatus.VTW is 1, so that wfi in VS traps");
    else if (id == INSN_wfi)
        why_say(w, "wfi is for S mode and above, and this is %s mode", mode);
    else
        return false;
    return true;
}

static void say_fence(struct why *w)
{
    const char *mode = name_priv(w->priv, w->virt), *name = insn_rows[w->insn.id].name;
    bool hypervisor = name[0] == 'h';
    if (w->priv == PRIV_U || (hypervisor && w->virt))
        why_say(w, "%s is for %s mode and above, and this is %s mode", name, hypervisor ? "HS" : "S", mode);
    else
        why_say(w, "%s is 1, so that %s in %s traps", w->virt ? "hstatus.VTVM" : "mstatus.TVM", name, mode);
}

static void say_hyp_access(struct why *w)
{
    if (w->virt)
        why_say(w, "%s accesses a guest's memory, which only a host may, and this is %s mode",
                insn_rows[w->insn.id].name, name_priv(w->priv, w->virt));
    else
        why_say(w, "hstatus.HU is 0: U mode may not execute %s", insn_rows[w->insn.id].name);
}

static void say_cbo(struct why *w)
{
    const struct csrs *c = &w->h->csr;
    uint64_t field = w->insn.id == INSN_cbo_zero    ? ENVCFG_CBZE
                     : w->insn.id == INSN_cbo_inval ? ENVCFG_CBIE
                                                    : ENVCFG_CBCFE;
    const char *name = field == ENVCFG_CBZE ? "CBZE" : field == ENVCFG_CBIE ? "CBIE" : "CBCFE";
    const char *reg = !(c->menvcfg & field) ? "menvcfg" : w->virt && !(c->henvcfg & field) ? "henvcfg" : "senvcfg";
    why_say(w, "%s.%s is 0", reg, name);
}

static bool is_float(enum insn_format f)
{
    return f == FMT_FL || f == FMT_FS || f == FMT_FR || f == FMT_FRM || f == FMT_F4 || f == FMT_FX || f == FMT_FTOX ||
           f == FMT_XTOF || f == FMT_XF;
}

static void say_float(struct why *w)
{
    const struct csrs *c = &w->h->csr;
    if (!(c->mstatus & MSTATUS_FS) || (w->virt && !(c->vsstatus & MSTATUS_FS)))
        say_fs(w);
    else if (w->insn.rm == 7 && c->frm > 4)
        why_say(w, "it rounds as frm says, and frm is %u, which is no rounding mode", (unsigned)c->frm);
    else if (w->insn.rm == 5 || w->insn.rm == 6)
        why_say(w, "its rounding mode, %u, is none", w->insn.rm);
    else
        why_say(w, "sstatus.FS was Off (0) then");
}

/* OP-V, and LOAD-FP and STORE-FP with the widths that are V's: compilers make them of plain C when they are told that V is there. */
static bool is_vector(uint32_t raw)
{
    uint32_t opcode = raw & 0x7f, width = raw >> 12 & 7;
    return opcode == 0x57 || ((opcode == 0x07 || opcode == 0x27) && (width == 0 || width > 4));
}

/* No row of this hart's: perhaps one of a hart with every extension. */
static void say_unknown(struct why *w)
{
    struct isa all;
    memset(&all, 1, sizeof all);
    struct decode_table *t = decode_table_new(&all);
    struct insn i = t ? decode(t, w->insn.raw) : (struct insn){0};
    decode_table_free(t);
    if (!w->insn.raw)
        why_say(
            w,
            "all its bits are 0, which no instruction has: data, or memory that was never filled, is being executed");
    else if (w->insn.len == 2 ? w->insn.raw == 0xffff : w->insn.raw == 0xffffffff)
        why_say(w, "all its bits are 1, which no instruction has: data is being executed");
    else if (i.id == INSN_illegal && is_vector(w->insn.raw))
        why_say(w, "it is one of the vector extension (V), which this hart does not have");
    else if (i.id == INSN_illegal)
        why_say(w, "no instruction is encoded so");
    else if (w->insn.len == 2 && !w->h->isa.c)
        why_say(w, "it is the compressed form of %s, and this hart (see -cpu) has no C extension",
                insn_rows[i.id].name);
    else
        why_say(w, "%s belongs to the extension %s, which this hart (see -cpu) does not have", insn_rows[i.id].name,
                strcmp(extensions[i.id], "h_svinval") ? extensions[i.id] : "h with svinval");
}

void why_illegal(struct why *w)
{
    enum insn_format f = w->insn.len ? insn_rows[w->insn.id].format : FMT_NONE;
    if (!w->insn.len)
        why_say(w, "its bits are not known any more");
    else if (w->insn.id == INSN_illegal)
        say_unknown(w);
    else if (f == FMT_CSR || f == FMT_CSRI)
        say_csr(w);
    else if (f == FMT_FVMA)
        say_fence(w);
    else if (f == FMT_HLV || f == FMT_HSV)
        say_hyp_access(w);
    else if (f == FMT_CBO)
        say_cbo(w);
    else if (is_float(f))
        say_float(w);
    else if (!say_system(w))
        why_say(w, "%s mode may not execute it", name_priv(w->priv, w->virt));
}
