/* SPDX-License-Identifier: MIT */
/*
 * Frames by what the code did. From a function's first instruction up to where it stands, each register is followed as "what register b
 * held at the entry, plus a number"; stores of such values are remembered with the place. From what the registers are now, the entry's values
 * come back. That is how frames without call frame information are found: assembly, and the entries of traps, which save all registers,
 * often by way of sscratch.
 *
 * The code is read in a line, as if no branch were taken. Behind an instruction that leaves for good (ret, j) what holds is what held when
 * the frame was last set up.
 */
#include "cpu/decode.h"
#include "monitor/debug/unwind_int.h"

/* What a value is relative to: 0..31 a register at the entry, or one of these. */
enum { FROM_SCRATCH = 32, FROM_EPC, FROM_ZERO /* a constant */, BASES, FROM_NOTHING = -1 };
enum { SLOTS = 80, LONGEST = 1024 /* instructions that are followed */ };

struct value {
    int8_t base;
    uint64_t off;
};

struct held {
    struct value x[32], scratch;
};

struct follow {
    struct held now, set_up;
    struct slot {
        struct value at, what;
    } slot[SLOTS];
    unsigned nslots;
};

static struct value constant(uint64_t v)
{
    return (struct value){FROM_ZERO, v};
}

static const struct value nothing = {FROM_NOTHING, 0};

static bool same_place(struct value a, struct value b)
{
    return a.base == b.base && a.off == b.off;
}

static void write_reg(struct follow *s, unsigned rd, struct value v)
{
    if (rd)
        s->now.x[rd] = v;
}

static void store(struct follow *s, struct value at, struct value what)
{
    unsigned k = 0;
    if (at.base < 0)
        return;
    while (k < s->nslots && !same_place(s->slot[k].at, at))
        k++;
    bool saves = what.base >= 0 && what.base != FROM_ZERO;
    if (k == s->nslots && (!saves || k == SLOTS))
        return;
    if (!saves) {
        s->slot[k] = s->slot[--s->nslots];
        return;
    }
    s->slot[k] = (struct slot){at, what};
    s->nslots += k == s->nslots;
    s->set_up = s->now;
}

static struct value load(const struct follow *s, struct value at)
{
    for (unsigned k = 0; at.base >= 0 && k < s->nslots; k++)
        if (same_place(s->slot[k].at, at))
            return s->slot[k].what;
    return nothing;
}

static struct value add(struct value a, struct value b)
{
    if (a.base == FROM_ZERO && b.base >= 0)
        return (struct value){b.base, a.off + b.off};
    if (b.base == FROM_ZERO && a.base >= 0)
        return (struct value){a.base, a.off + b.off};
    return nothing;
}

static bool is_scratch(int32_t csr)
{
    return csr == 0x140 || csr == 0x240 || csr == 0x340;
}

static bool is_epc(int32_t csr)
{
    return csr == 0x141 || csr == 0x241 || csr == 0x341;
}

static bool writes_x(enum insn_format f)
{
    return f == FMT_R || f == FMT_R1 || f == FMT_I || f == FMT_L || f == FMT_SH || f == FMT_U || f == FMT_J ||
           f == FMT_CSR || f == FMT_CSRI || f == FMT_AMO || f == FMT_HLV || f == FMT_FX || f == FMT_FTOX;
}

static void follow_csr(struct follow *s, const struct insn *i)
{
    struct value old = is_scratch(i->imm) ? s->now.scratch : is_epc(i->imm) ? (struct value){FROM_EPC, 0} : nothing;
    struct value from = s->now.x[i->rs1];
    if (is_scratch(i->imm)) {
        if (i->id == INSN_csrrw)
            s->now.scratch = from;
        else if (insn_rows[i->id].format == FMT_CSRI || i->rs1)
            s->now.scratch = nothing;
    }
    write_reg(s, i->rd, old);
}

static void after_call(struct follow *s)
{
    for (unsigned r = 1; r < 32; r++)
        if (!(CALLEE_SAVED >> r & 1))
            s->now.x[r] = nothing;
}

static void follow_one(struct follow *s, const struct insn *i, uint64_t pc)
{
    struct value a = s->now.x[i->rs1], b = s->now.x[i->rs2], imm = constant((uint64_t)(int64_t)i->imm);
    switch ((int)i->id) {
    case INSN_addi:
        write_reg(s, i->rd, add(a, imm));
        if (i->rd == REG_SP && i->rs1 == REG_SP && i->imm < 0)
            s->set_up = s->now;
        return;
    case INSN_addiw:
        write_reg(s, i->rd, a.base == FROM_ZERO ? constant((uint64_t)(int32_t)(uint32_t)(a.off + imm.off)) : nothing);
        return;
    case INSN_lui: write_reg(s, i->rd, imm); return;
    case INSN_auipc: write_reg(s, i->rd, constant(pc + imm.off)); return;
    case INSN_slli: write_reg(s, i->rd, a.base == FROM_ZERO ? constant(a.off << i->imm) : nothing); return;
    case INSN_add: write_reg(s, i->rd, add(a, b)); return;
    case INSN_sub: write_reg(s, i->rd, b.base == FROM_ZERO ? add(a, constant(-b.off)) : nothing); return;
    case INSN_sd: store(s, add(a, imm), b); return;
    case INSN_ld: write_reg(s, i->rd, load(s, add(a, imm))); return;
    case INSN_jal:
    case INSN_jalr:
        if (i->rd)
            after_call(s);
        else
            s->now = s->set_up;
        return;
    case INSN_mret:
    case INSN_sret: s->now = s->set_up; return;
    default: break;
    }
    enum insn_format f = insn_rows[i->id].format;
    if (f == FMT_CSR || f == FMT_CSRI)
        follow_csr(s, i);
    else if (i->id != INSN_illegal && writes_x(f))
        write_reg(s, i->rd, nothing);
}

/* The instruction at pc. False: it cannot be read. */
static bool fetch(const struct unwind_env *env, const struct decode_table *decoder, uint64_t pc, struct insn *i)
{
    uint64_t low, high = 0;
    if (!env->read(env->ctx, pc, 2, &low) ||
        (insn_length((uint32_t)low) == 4 && !env->read(env->ctx, pc + 2, 2, &high)))
        return false;
    *i = decode(decoder, (uint32_t)((low & 0xffff) | high << 16));
    return true;
}

static bool follow_to(struct follow *s, const struct unwind_env *env, const struct decode_table *decoder, uint64_t low,
                      uint64_t pc)
{
    *s = (struct follow){.nslots = 0};
    s->now.x[0] = constant(0);
    for (int r = 1; r < 32; r++)
        s->now.x[r] = (struct value){(int8_t)r, 0};
    s->now.scratch = (struct value){FROM_SCRATCH, 0};
    s->set_up = s->now;
    uint64_t at = low;
    for (unsigned n = 0; at < pc; n++) {
        struct insn i;
        if (n == LONGEST || !fetch(env, decoder, at, &i))
            return false;
        follow_one(s, &i, at);
        at += i.len;
    }
    return at == pc;
}

bool unwind_by_code(const struct unwind_env *env, const struct decode_table *decoder, const struct unwind_frame *f,
                    uint64_t low, struct unwind_regs *r)
{
    struct follow s;
    uint64_t value[BASES] = {0}, v;
    bool known[BASES] = {[FROM_ZERO] = true};
    *r = (struct unwind_regs){.known = 0};
    if (!follow_to(&s, env, decoder, low, f->pc))
        return false;
    for (unsigned x = 1; x < 32; x++) {
        int b = s.now.x[x].base;
        if (b < 0 || known[b] || !(f->known >> x & 1))
            continue;
        value[b] = f->x[x] - s.now.x[x].off;
        known[b] = true;
    }
    if (f->how == UNWIND_PC && env->trap[0].epc_name && s.now.scratch.base >= 0 && !known[s.now.scratch.base]) {
        value[s.now.scratch.base] = env->trap[0].scratch - s.now.scratch.off;
        known[s.now.scratch.base] = true;
    }
    /* A value that comes from memory may tell where others are. */
    for (bool more = true; more;) {
        more = false;
        for (unsigned k = 0; k < s.nslots; k++) {
            struct value at = s.slot[k].at, what = s.slot[k].what;
            if (known[what.base] || !known[at.base] || !env->read(env->ctx, value[at.base] + at.off, 8, &v))
                continue;
            value[what.base] = v - what.off;
            known[what.base] = more = true;
        }
    }
    for (unsigned x = 1; x < 32; x++) {
        if (known[x]) {
            r->x[x] = value[x];
            r->known |= UINT32_C(1) << x;
        }
    }
    r->cfa = known[REG_SP] ? value[REG_SP] : 0;
    r->epc = value[FROM_EPC];
    r->has_epc = known[FROM_EPC];
    return true;
}
