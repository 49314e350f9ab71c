/* SPDX-License-Identifier: MIT */
#include "monitor/debug/disasm_table.h"

#include "cpu/csr.h"
#include "monitor/names.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* ---- Operands ---- */

static void put(struct disasm_text *t, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* Appends to the operands, which are long enough for all that this file writes. */
static void put(struct disasm_text *t, const char *fmt, ...)
{
    size_t n = strlen(t->operands);
    va_list args;
    va_start(args, fmt);
    vsnprintf(t->operands + n, sizeof t->operands - n, fmt, args);
    va_end(args);
}

static const char *x(unsigned r)
{
    return name_reg(r);
}

static const char *f(unsigned r)
{
    return name_reg(32 + r);
}

/* Small numbers in decimal, others in hexadecimal. */
static void put_imm(struct disasm_text *t, int64_t v)
{
    uint64_t magnitude = v < 0 ? -(uint64_t)v : (uint64_t)v;
    put(t, magnitude < 10 ? "%s%" PRIu64 : "%s0x%" PRIx64, v < 0 ? "-" : "", magnitude);
}

/* Registers of the specifications that no machine of ours has, so that other machines' code reads well; RV32's upper halves are left out. */
static const char *foreign_csr(unsigned num, unsigned *index)
{
    static const struct {
        uint16_t first, last;
        uint8_t index; /* of the first in a numbered run */
        const char *name;
    } runs[] = {
        {0x10c, 0x10f, 0, "sstateen"},   {0x30c, 0x30f, 0, "mstateen"}, {0x323, 0x33f, 3, "mhpmevent"},
        {0x3a0, 0x3af, 0, "pmpcfg"},     {0x3b0, 0x3ef, 0, "pmpaddr"},  {0x60c, 0x60f, 0, "hstateen"},
        {0x646, 0x647, 1, "hviprio"},    {0x7b2, 0x7b3, 0, "dscratch"}, {0xb03, 0xb1f, 3, "mhpmcounter"},
        {0xc03, 0xc1f, 3, "hpmcounter"},
    };
    static const struct {
        uint16_t num;
        const char *name;
    } names[] = {
        {0x008, "vstart"},    {0x009, "vxsat"},    {0x00a, "vxrm"},     {0x00f, "vcsr"},      {0x015, "seed"},
        {0x150, "siselect"},  {0x151, "sireg"},    {0x15c, "stopei"},   {0x250, "vsiselect"}, {0x251, "vsireg"},
        {0x25c, "vstopei"},   {0x308, "mvien"},    {0x309, "mvip"},     {0x350, "miselect"},  {0x351, "mireg"},
        {0x35c, "mtopei"},    {0x5a8, "scontext"}, {0x608, "hvien"},    {0x609, "hvictl"},    {0x6a8, "hcontext"},
        {0x747, "mseccfg"},   {0x7a4, "tinfo"},    {0x7a5, "tcontrol"}, {0x7a8, "mcontext"},  {0x7aa, "mscontext"},
        {0x7b0, "dcsr"},      {0x7b1, "dpc"},      {0xc20, "vl"},       {0xc21, "vtype"},     {0xc22, "vlenb"},
        {0xda0, "scountovf"}, {0xdb0, "stopi"},    {0xeb0, "vstopi"},   {0xfb0, "mtopi"},
    };
    for (size_t k = 0; k < ARRAY_LEN(runs); k++) {
        if (num >= runs[k].first && num <= runs[k].last) {
            *index = num - runs[k].first + runs[k].index;
            return runs[k].name;
        }
    }
    *index = UINT32_MAX;
    for (size_t k = 0; k < ARRAY_LEN(names); k++)
        if (names[k].num == num)
            return names[k].name;
    return NULL;
}

static void put_csr(struct disasm_text *t, unsigned num)
{
    unsigned index = UINT32_MAX;
    const char *name = csr_name(num);
    if (!name)
        name = foreign_csr(num, &index);
    if (!name)
        put(t, "0x%x", num);
    else if (index == UINT32_MAX)
        put(t, "%s", name);
    else
        put(t, "%s%u", name, index);
}

/* The rounding mode; what the frm register says (7) is not told. Unpriv. 20.2 */
static void put_rounding(struct disasm_text *t, unsigned rm)
{
    static const char *const names[8] = {"rne", "rtz", "rdn", "rup", "rmm", "rm5", "rm6", NULL};
    if (names[rm])
        put(t, ", %s", names[rm]);
}

/* Sets of a fence: 3 I, 2 O, 1 R, 0 W. */
static void put_fence_set(struct disasm_text *t, unsigned set)
{
    put(t, "%s%s%s%s%s", set & 8 ? "i" : "", set & 4 ? "o" : "", set & 2 ? "r" : "", set & 1 ? "w" : "",
        set ? "" : "0");
}

/* Where jalr goes: "ra", "0x10(ra)". */
static void put_jump_base(const struct insn *i, struct disasm_text *t)
{
    if (!i->imm) {
        put(t, "%s", x(i->rs1));
        return;
    }
    put_imm(t, i->imm);
    put(t, "(%s)", x(i->rs1));
}

/* ---- Pseudo-instructions: the names that assemblers give to special cases. Unpriv., "RISC-V Assembly Programmer's Handbook". ---- */

static void say(struct disasm_text *t, const char *mnemonic)
{
    snprintf(t->mnemonic, sizeof t->mnemonic, "%s", mnemonic);
}

/* mnemonic rd, rs */
static bool say2(struct disasm_text *t, const char *mnemonic, const char *a, const char *b)
{
    say(t, mnemonic);
    put(t, "%s, %s", a, b);
    return true;
}

static bool pseudo_arithmetic(const struct insn *i, struct disasm_text *t)
{
    switch ((int)i->id) {
    case INSN_addi:
        if (!i->rd && !i->rs1 && !i->imm) {
            say(t, "nop");
            return true;
        }
        if (!i->rs1) {
            say(t, "li");
            put(t, "%s, ", x(i->rd));
            put_imm(t, i->imm);
            return true;
        }
        return !i->imm && say2(t, "mv", x(i->rd), x(i->rs1));
    case INSN_add: return !i->rs1 && i->rs2 && say2(t, "mv", x(i->rd), x(i->rs2));
    case INSN_xori: return i->imm == -1 && say2(t, "not", x(i->rd), x(i->rs1));
    case INSN_sub: return !i->rs1 && say2(t, "neg", x(i->rd), x(i->rs2));
    case INSN_subw: return !i->rs1 && say2(t, "negw", x(i->rd), x(i->rs2));
    case INSN_addiw: return !i->imm && say2(t, "sext.w", x(i->rd), x(i->rs1));
    case INSN_sltiu: return i->imm == 1 && say2(t, "seqz", x(i->rd), x(i->rs1));
    case INSN_sltu: return !i->rs1 && say2(t, "snez", x(i->rd), x(i->rs2));
    case INSN_slt:
        if (!i->rs2)
            return say2(t, "sltz", x(i->rd), x(i->rs1));
        return !i->rs1 && say2(t, "sgtz", x(i->rd), x(i->rs2));
    case INSN_andi: return i->imm == 255 && say2(t, "zext.b", x(i->rd), x(i->rs1));
    case INSN_add_uw: return !i->rs2 && say2(t, "zext.w", x(i->rd), x(i->rs1));
    case INSN_ori: { /* with rd = x0: a hint, Zicbop */
        static const char *const hints[4] = {"prefetch.i", "prefetch.r", NULL, "prefetch.w"};
        if (i->rd || i->rs2 > 3 || !hints[i->rs2])
            return false;
        say(t, hints[i->rs2]);
        put_imm(t, i->imm & ~31);
        put(t, "(%s)", x(i->rs1));
        return true;
    }
    default: return false;
    }
}

static bool pseudo_branch(const struct insn *i, struct disasm_text *t)
{
    const char *zero1 = NULL, *zero2 = NULL; /* by which register is x0 */
    switch ((int)i->id) {
    case INSN_beq: zero2 = "beqz"; break;
    case INSN_bne: zero2 = "bnez"; break;
    case INSN_blt: zero2 = "bltz", zero1 = "bgtz"; break;
    case INSN_bge: zero2 = "bgez", zero1 = "blez"; break;
    case INSN_jal:
        if (i->rd > 1)
            return false;
        say(t, i->rd ? "jal" : "j");
        return true;
    case INSN_jalr:
        if (i->rd > 1)
            return false;
        if (!i->rd && i->rs1 == 1 && !i->imm) {
            say(t, "ret");
            return true;
        }
        say(t, i->rd ? "jalr" : "jr");
        put_jump_base(i, t);
        return true;
    default: return false;
    }
    /* Where both are x0, the name is the assembler's choice: blez, bltz. */
    if (!i->rs1 && zero1 && (i->rs2 || i->id == INSN_bge))
        zero2 = NULL;
    else if (!i->rs2 && zero2)
        zero1 = NULL;
    else
        return false;
    say(t, zero1 ? zero1 : zero2);
    put(t, "%s, ", x(zero1 ? i->rs2 : i->rs1));
    return true;
}

/* csrr, csrw, rdtime, ... */
static bool pseudo_csr(const struct insn *i, struct disasm_text *t)
{
    static const struct {
        uint16_t csr;
        const char *get, *put;
    } names[] = {
        {0x001, "frflags", "fsflags"}, {0x002, "frrm", "fsrm"}, {0x003, "frcsr", "fscsr"},
        {0xc00, "rdcycle", NULL},      {0xc01, "rdtime", NULL}, {0xc02, "rdinstret", NULL},
    };
    const char *get = NULL, *swap = NULL;
    unsigned csr = (unsigned)i->imm;
    for (size_t k = 0; k < ARRAY_LEN(names); k++) {
        if (names[k].csr == csr) {
            get = names[k].get;
            swap = names[k].put;
        }
    }
    bool immediate = insn_rows[i->id].format == FMT_CSRI;
    switch ((int)i->id) {
    case INSN_csrrs:
        if (!i->rs1) { /* reads */
            say(t, get ? get : "csrr");
            put(t, get ? "%s" : "%s, ", x(i->rd));
            if (!get)
                put_csr(t, csr);
            return true;
        }
        say(t, "csrs");
        break;
    case INSN_csrrw:
        if (swap) {
            say(t, swap);
            put(t, "%s%s%s", i->rd ? x(i->rd) : "", i->rd ? ", " : "", x(i->rs1));
            return true;
        }
        if (csr == 0xc00 && !i->rd && !i->rs1) { /* the shortest write to a read-only register */
            say(t, "unimp");
            return true;
        }
        say(t, "csrw");
        break;
    case INSN_csrrc: say(t, "csrc"); break;
    case INSN_csrrwi:
        if (swap && csr != 0x003) {
            say(t, csr == 0x001 ? "fsflagsi" : "fsrmi");
            put(t, "%s%s", i->rd ? x(i->rd) : "", i->rd ? ", " : "");
            put_imm(t, i->rs1);
            return true;
        }
        say(t, "csrwi");
        break;
    case INSN_csrrsi: say(t, "csrsi"); break;
    case INSN_csrrci: say(t, "csrci"); break;
    default: return false;
    }
    if (i->rd)
        return false;
    put_csr(t, csr);
    put(t, ", ");
    if (immediate)
        put_imm(t, i->rs1);
    else
        put(t, "%s", x(i->rs1));
    return true;
}

/* Sign injection from one register and itself: move, negation, absolute value. */
static bool pseudo_float(const struct insn *i, struct disasm_text *t)
{
    const char *name = NULL;
    switch ((int)i->id) {
    case INSN_fsgnj_s: name = "fmv.s"; break;
    case INSN_fsgnjn_s: name = "fneg.s"; break;
    case INSN_fsgnjx_s: name = "fabs.s"; break;
    case INSN_fsgnj_d: name = "fmv.d"; break;
    case INSN_fsgnjn_d: name = "fneg.d"; break;
    case INSN_fsgnjx_d: name = "fabs.d"; break;
    default: return false;
    }
    return i->rs1 == i->rs2 && say2(t, name, f(i->rd), f(i->rs1));
}

/* fm 31:28 | predecessors 27:24 | successors 23:20 | rs1 19:15 | rd 11:7. Unpriv. 2.7 */
static bool pseudo_fence(const struct insn *i, struct disasm_text *t)
{
    unsigned fm = (unsigned)i->imm >> 8 & 15, pred = (unsigned)i->imm >> 4 & 15, succ = (unsigned)i->imm & 15;
    if (i->id != INSN_fence)
        return false;
    if (!i->rd && !i->rs1 && !fm && pred == 1 && !succ) {
        say(t, "pause");
        return true;
    }
    if (!i->rd && !i->rs1 && fm == 8 && pred == 3 && succ == 3) {
        say(t, "fence.tso");
        return true;
    }
    say(t, "fence");
    if (pred == 15 && succ == 15)
        return true;
    put_fence_set(t, pred);
    put(t, ", ");
    put_fence_set(t, succ);
    return true;
}

static bool pseudo(const struct insn *i, struct disasm_text *t)
{
    switch (insn_rows[i->id].format) {
    case FMT_R:
    case FMT_SH:
    case FMT_R1: return pseudo_arithmetic(i, t);
    case FMT_I: return i->id == INSN_jalr ? pseudo_branch(i, t) : pseudo_arithmetic(i, t);
    case FMT_B:
    case FMT_J: return pseudo_branch(i, t);
    case FMT_CSR:
    case FMT_CSRI: return pseudo_csr(i, t);
    case FMT_FR: return pseudo_float(i, t);
    case FMT_FENCE: return pseudo_fence(i, t);
    case FMT_L:
    case FMT_S:
    case FMT_U:
    case FMT_NONE:
    case FMT_AMO:
    case FMT_CBO:
    case FMT_FVMA:
    case FMT_HLV:
    case FMT_HSV:
    case FMT_FL:
    case FMT_FS:
    case FMT_FRM:
    case FMT_F4:
    case FMT_FX:
    case FMT_FTOX:
    case FMT_XTOF:
    case FMT_XF: return false;
    }
    return false;
}

/* ---- The plain form ---- */

/* Are two f registers combined (not one converted)? fsqrt and the conversions keep a function in rs2's place. */
static bool has_rs2(const struct insn_row *r)
{
    return !(r->mask & 0x01f00000);
}

/* The smallest conversion is exact: its rounding mode says nothing. */
static bool is_exact(enum insn_id id)
{
    return id == INSN_fcvt_d_s || id == INSN_fcvt_d_w || id == INSN_fcvt_d_wu;
}

static void put_amo(const struct insn *i, uint32_t w, struct disasm_text *t)
{
    static const char *const order[4] = {"", ".rl", ".aq", ".aqrl"};
    snprintf(t->mnemonic, sizeof t->mnemonic, "%s%s", insn_rows[i->id].name, order[w >> 25 & 3]);
    if (i->id == INSN_lr_w || i->id == INSN_lr_d)
        put(t, "%s, (%s)", x(i->rd), x(i->rs1));
    else
        put(t, "%s, %s, (%s)", x(i->rd), x(i->rs2), x(i->rs1));
}

static void put_float(const struct insn *i, const struct insn_row *r, struct disasm_text *t)
{
    bool to_x = r->format == FMT_FX || r->format == FMT_FTOX, from_x = r->format == FMT_XF || r->format == FMT_XTOF;
    put(t, "%s, %s", to_x ? x(i->rd) : f(i->rd), from_x ? x(i->rs1) : f(i->rs1));
    if (has_rs2(r))
        put(t, ", %s", f(i->rs2));
    if (r->format == FMT_F4)
        put(t, ", %s", f(i->rs3));
    bool rounds = r->format == FMT_FRM || r->format == FMT_F4 || r->format == FMT_FTOX || r->format == FMT_XTOF;
    if (rounds && !(is_exact(i->id) && i->rm == 0))
        put_rounding(t, i->rm);
}

static void put_memory(const char *reg, const struct insn *i, struct disasm_text *t)
{
    put(t, "%s, ", reg);
    put_imm(t, i->imm);
    put(t, "(%s)", x(i->rs1));
}

/* Address and ASID or VMID; x0 for all of them. */
static void put_fence_vma(const struct insn *i, struct disasm_text *t)
{
    if (i->id == INSN_sfence_w_inval || i->id == INSN_sfence_inval_ir)
        return;
    bool fence = i->id == INSN_sfence_vma || i->id == INSN_hfence_vvma || i->id == INSN_hfence_gvma;
    if (i->rs2 || !fence)
        put(t, "%s, %s", x(i->rs1), x(i->rs2));
    else if (i->rs1)
        put(t, "%s", x(i->rs1));
}

static void plain(const struct insn *i, uint32_t w, struct disasm_text *t)
{
    const struct insn_row *r = &insn_rows[i->id];
    say(t, r->name);
    switch (r->format) {
    case FMT_R: put(t, "%s, %s, %s", x(i->rd), x(i->rs1), x(i->rs2)); break;
    case FMT_R1: put(t, "%s, %s", x(i->rd), x(i->rs1)); break;
    case FMT_I:
        if (i->id == INSN_jalr) {
            put(t, "%s, ", x(i->rd));
            put_jump_base(i, t);
            break;
        }
        put(t, "%s, %s, ", x(i->rd), x(i->rs1));
        put_imm(t, i->imm);
        break;
    case FMT_SH:
        put(t, "%s, %s, ", x(i->rd), x(i->rs1));
        put_imm(t, i->imm);
        break;
    case FMT_L: put_memory(x(i->rd), i, t); break;
    case FMT_S: put_memory(x(i->rs2), i, t); break;
    case FMT_FL: put_memory(f(i->rd), i, t); break;
    case FMT_FS: put_memory(f(i->rs2), i, t); break;
    case FMT_B: put(t, "%s, %s, ", x(i->rs1), x(i->rs2)); break;
    case FMT_U:
        put(t, "%s, ", x(i->rd));
        put_imm(t, (uint32_t)i->imm >> 12);
        break;
    case FMT_J: put(t, "%s, ", x(i->rd)); break;
    case FMT_NONE:
    case FMT_FENCE: break;
    case FMT_CSR:
    case FMT_CSRI:
        put(t, "%s, ", x(i->rd));
        put_csr(t, (unsigned)i->imm);
        put(t, ", ");
        if (r->format == FMT_CSR)
            put(t, "%s", x(i->rs1));
        else
            put_imm(t, i->rs1);
        break;
    case FMT_AMO: put_amo(i, w, t); break;
    case FMT_CBO: put(t, "(%s)", x(i->rs1)); break;
    case FMT_FVMA: put_fence_vma(i, t); break;
    case FMT_HLV: put(t, "%s, (%s)", x(i->rd), x(i->rs1)); break;
    case FMT_HSV: put(t, "%s, (%s)", x(i->rs2), x(i->rs1)); break;
    case FMT_FR:
    case FMT_FRM:
    case FMT_F4:
    case FMT_FX:
    case FMT_FTOX:
    case FMT_XTOF:
    case FMT_XF: put_float(i, r, t); break;
    }
}

void disasm_table_text(const struct insn *i, uint32_t w, struct disasm_text *t)
{
    *t = (struct disasm_text){"", ""};
    if (i->id == INSN_illegal) {
        if (i->len == 2 && !i->raw) { /* defined to be illegal for ever */
            say(t, "unimp");
            return;
        }
        say(t, i->len == 2 ? ".2byte" : ".4byte");
        put(t, i->len == 2 ? "0x%04" PRIx32 : "0x%08" PRIx32, i->raw);
        return;
    }
    if (!pseudo(i, t))
        plain(i, w, t);
}

bool disasm_table_knows_better(const struct insn *i, uint32_t w)
{
    (void)w;
    switch (insn_rows[i->id].format) {
    case FMT_CSR:
    case FMT_CSRI: return true;  /* Capstone 5 knows none of H's registers, nor ours, and names some that are no more */
    case FMT_FENCE: return true; /* "unknown" where a set is empty; no pause; fence.i alike for all operands */
    case FMT_I:
        return i->id == INSN_jalr || (i->id == INSN_addi && !i->rs1) || (i->id == INSN_ori && !i->rd) ||
               (i->id == INSN_andi && i->imm == 255); /* no li, no prefetch; jalr's offset as in no assembler */
    case FMT_R:
    case FMT_R1:
    case FMT_L:
    case FMT_SH:
    case FMT_S:
    case FMT_B:
    case FMT_U:
    case FMT_J:
    case FMT_NONE:
    case FMT_AMO:
    case FMT_CBO:
    case FMT_FVMA:
    case FMT_HLV:
    case FMT_HSV:
    case FMT_FL:
    case FMT_FS:
    case FMT_FR:
    case FMT_FRM:
    case FMT_F4:
    case FMT_FX:
    case FMT_FTOX:
    case FMT_XTOF:
    case FMT_XF: return i->id == INSN_add && !i->rs1; /* c.mv */
    }
    return false;
}
