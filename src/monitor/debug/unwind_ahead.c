/* SPDX-License-Identifier: MIT */
/*
 * Frames by the code ahead. A function gives back to its caller what it saved, so the way from where it stands to its `ret` (or a trap's entry
 * to its `sret`) tells what the caller had: where the loads of ra and of the saved registers find them, and where the stack pointer ends up.
 * Nothing need be known of where the function begins, so this serves programs without symbols too.
 *
 * The way is looked for by following instructions with those values that are known; calls are passed over, of a branch the fall-through is
 * tried first and the target when that leads nowhere: into a circle, into the beginning of another function (behind a call that does
 * not return), to what is no instruction. The memory that is read is what lies there now, which for a frame is what the loads will find.
 */
#include "cpu/decode.h"
#include "monitor/debug/unwind_int.h"

#include <stdlib.h>
#include <string.h>

enum { STORES = 40, WAYS = 32, SEEN_BITS = 12, SEEN = 1 << SEEN_BITS, STEPS = SEEN / 2, LARGEST = 1 << 20 };

/* One way through the code, up to some point of it. */
struct way {
    uint64_t pc, x[32];
    uint32_t known;
    bool fresh; /* ra is what to return to: not clobbered by a call since, or loaded again */
    uint64_t epc;
    bool has_epc;
    unsigned nstores;
    struct {
        uint64_t addr, value;
        bool known;
    } store[STORES]; /* in the order of time */
};

struct search {
    const struct unwind_env *env;
    const struct decode_table *decoder;
    unsigned nways, steps;
    struct way way[WAYS];
    uint64_t seen[SEEN]; /* pcs that were followed, + 1; 0: free */
};

enum outcome { GOES_ON, LOST, RETURNS, TRAP_RETURNS };

static bool is_known(const struct way *w, unsigned r)
{
    return w->known >> r & 1;
}

static void set(struct way *w, unsigned rd, bool known, uint64_t v)
{
    if (!rd)
        return;
    w->x[rd] = v;
    w->known = known ? w->known | UINT32_C(1) << rd : w->known & ~(UINT32_C(1) << rd);
}

/* Marks pc as followed. False: it was before. */
static bool visit(struct search *s, uint64_t pc)
{
    size_t k = (size_t)(pc * UINT64_C(0x9e3779b97f4a7c15) >> (64 - SEEN_BITS));
    for (; s->seen[k]; k = (k + 1) % SEEN)
        if (s->seen[k] == pc + 1)
            return false;
    s->seen[k] = pc + 1;
    return true;
}

static bool load(const struct search *s, const struct way *w, uint64_t addr, unsigned size, uint64_t *v)
{
    for (unsigned k = w->nstores; k-- > 0;) {
        if (addr - w->store[k].addr >= 8 && w->store[k].addr - addr >= size)
            continue;
        *v = w->store[k].value;
        return w->store[k].known && w->store[k].addr == addr && size == 8;
    }
    return s->env->read(s->env->ctx, addr, size, v);
}

static void follow_load(const struct search *s, struct way *w, const struct insn *i, unsigned size)
{
    uint64_t v = 0;
    bool ok = is_known(w, i->rs1) && load(s, w, w->x[i->rs1] + (uint64_t)(int64_t)i->imm, size, &v);
    set(w, i->rd, ok, size == 4 ? (uint64_t)(int32_t)(uint32_t)v : v);
    if (i->rd == REG_RA)
        w->fresh = ok;
}

static void follow_store(struct way *w, const struct insn *i, unsigned size)
{
    if (!is_known(w, i->rs1) || w->nstores == STORES)
        return;
    w->store[w->nstores].addr = w->x[i->rs1] + (uint64_t)(int64_t)i->imm;
    w->store[w->nstores].value = w->x[i->rs2];
    w->store[w->nstores++].known = is_known(w, i->rs2) && size == 8;
}

static void after_call(struct way *w)
{
    w->known &= (uint32_t)CALLEE_SAVED | 1;
    w->fresh = false;
}

static enum outcome follow_jump(struct way *w, const struct insn *i, uint64_t here)
{
    uint64_t next = here + i->len, target = here + (uint64_t)(int64_t)i->imm;
    if (i->rd == REG_RA) {
        after_call(w);
        w->pc = next;
        return GOES_ON;
    }
    if (i->id == INSN_jalr) {
        if (!i->rd && i->rs1 == REG_RA && !i->imm)
            return is_known(w, REG_RA) && w->fresh && is_known(w, REG_SP) ? RETURNS : LOST;
        if (!is_known(w, i->rs1))
            return LOST;
        target = (w->x[i->rs1] + (uint64_t)(int64_t)i->imm) & ~UINT64_C(1);
    }
    set(w, i->rd, true, next); /* t0: a prologue that is shared, which returns by it */
    w->pc = target;
    return GOES_ON;
}

/* Registers set by numbers, moves and stack pointer arithmetic; all else becomes unknown. */
static enum outcome follow_arithmetic(struct way *w, const struct insn *i, uint64_t here)
{
    uint64_t a = w->x[i->rs1], b = w->x[i->rs2], imm = (uint64_t)(int64_t)i->imm;
    bool ka = is_known(w, i->rs1), kb = is_known(w, i->rs2);
    if (i->rd == REG_SP && i->id == INSN_addi && i->rs1 == REG_SP && i->imm < 0 && !w->fresh)
        return LOST; /* another function begins here */
    switch ((int)i->id) {
    case INSN_addi: set(w, i->rd, ka, a + imm); break;
    case INSN_addiw: set(w, i->rd, ka, (uint64_t)(int32_t)(uint32_t)(a + imm)); break;
    case INSN_andi: set(w, i->rd, ka, a & imm); break;
    case INSN_slli: set(w, i->rd, ka, a << (i->imm & 63)); break;
    case INSN_lui: set(w, i->rd, true, imm); break;
    case INSN_auipc: set(w, i->rd, true, here + imm); break;
    case INSN_add: set(w, i->rd, ka && kb, a + b); break;
    case INSN_sub: set(w, i->rd, ka && kb, a - b); break;
    default: set(w, i->rd, false, 0); break;
    }
    if (i->rd == REG_RA)
        w->fresh = is_known(w, REG_RA);
    return GOES_ON;
}

static enum outcome follow_csr(struct way *w, const struct insn *i)
{
    if (i->imm == 0x141 || i->imm == 0x341) {
        bool plain = i->id == INSN_csrrw && !i->rd;
        if (plain)
            w->epc = w->x[i->rs1];
        w->has_epc = plain ? is_known(w, i->rs1) : w->has_epc && i->id == INSN_csrrs && !i->rs1;
    }
    set(w, i->rd, false, 0);
    return GOES_ON;
}

static enum outcome follow(struct search *s, struct way *w)
{
    uint64_t low, high = 0, here = w->pc;
    if (++s->steps > STEPS || (here & 1) || !visit(s, here) || !s->env->read(s->env->ctx, here, 2, &low) ||
        (insn_length((uint32_t)low) == 4 && !s->env->read(s->env->ctx, here + 2, 2, &high)))
        return LOST;
    struct insn i = decode(s->decoder, (uint32_t)((low & 0xffff) | high << 16));
    w->pc = here + i.len;
    switch ((int)i.id) {
    case INSN_illegal: return LOST;
    case INSN_jal:
    case INSN_jalr: return follow_jump(w, &i, here);
    case INSN_mret:
    case INSN_sret: return is_known(w, REG_SP) ? TRAP_RETURNS : LOST;
    case INSN_ld: follow_load(s, w, &i, 8); return GOES_ON;
    case INSN_lw: follow_load(s, w, &i, 4); return GOES_ON;
    case INSN_sd: follow_store(w, &i, 8); return GOES_ON;
    case INSN_sw: follow_store(w, &i, 4); return GOES_ON;
    default: break;
    }
    switch (insn_rows[i.id].format) {
    case FMT_B:
        if (s->nways + 1 < WAYS) { /* the target, for later: below the way that is followed, which is the last */
            s->way[s->nways] = *w;
            s->way[s->nways - 1].pc = here + (uint64_t)(int64_t)i.imm;
            s->nways++;
        }
        return GOES_ON;
    case FMT_CSR:
    case FMT_CSRI: return follow_csr(w, &i);
    case FMT_R:
    case FMT_R1:
    case FMT_I:
    case FMT_L:
    case FMT_SH:
    case FMT_U:
    case FMT_J:
    case FMT_AMO:
    case FMT_HLV:
    case FMT_FX:
    case FMT_FTOX: return follow_arithmetic(w, &i, here);
    case FMT_S:
    case FMT_NONE:
    case FMT_FENCE:
    case FMT_CBO:
    case FMT_FVMA:
    case FMT_HSV:
    case FMT_FL:
    case FMT_FS:
    case FMT_FR:
    case FMT_FRM:
    case FMT_F4:
    case FMT_XTOF:
    case FMT_XF: break;
    }
    return GOES_ON;
}

enum ahead_answer unwind_by_ahead(const struct unwind_env *env, const struct decode_table *decoder,
                                  const struct unwind_frame *f, struct unwind_regs *r)
{
    struct search *s = calloc(1, sizeof *s);
    enum outcome o = LOST;
    *r = (struct unwind_regs){.known = 0};
    if (!s)
        return AHEAD_NONE;
    s->env = env;
    s->decoder = decoder;
    s->nways = 1;
    s->way[0].pc = f->pc;
    memcpy(s->way[0].x, f->x, sizeof f->x);
    s->way[0].known = f->known | 1;
    s->way[0].fresh = f->known >> REG_RA & 1;
    while (s->nways && (o == GOES_ON || o == LOST)) {
        o = follow(s, &s->way[s->nways - 1]);
        s->nways -= o == LOST;
    }
    if (o == RETURNS || o == TRAP_RETURNS) {
        const struct way *w = &s->way[s->nways - 1];
        uint64_t sp = f->x[REG_SP];
        memcpy(r->x, w->x, sizeof r->x);
        r->known = w->known;
        r->cfa = w->x[REG_SP];
        r->epc = w->epc;
        r->has_epc = w->has_epc;
        /* A function leaves the stack no lower than it is inside; a trap's entry may have come from another stack. */
        if (o == RETURNS && (r->cfa % 8 || r->cfa - sp > LARGEST || !(f->known >> REG_SP & 1)))
            o = LOST;
    }
    free(s);
    return o == RETURNS ? AHEAD_CALLER : o == TRAP_RETURNS ? AHEAD_TRAP : AHEAD_NONE;
}
