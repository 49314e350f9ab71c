/* SPDX-License-Identifier: MIT */
/*
 * Loops that a hart does not leave by itself: a jump to itself, or a few instructions that read memory until somebody else has changed it, as
 * those of a spin lock. Found by looking at the code around pc: nothing is run.
 */
#include <inttypes.h>

#include "base/text.h"
#include "cpu/trap.h"
#include "dev/bus.h"
#include "monitor/debug/why_int.h"

enum { LOOP_INSNS = 24, LOOP_READS = 4 };

struct loop {
    uint64_t first, last; /* addresses */
    unsigned n;           /* instructions */
    bool reads_more;      /* than the places below */
    unsigned nplaces;
    struct place {
        uint64_t va;
        unsigned size;
        bool tries; /* an atomic instruction: it would change it too */
    } place[LOOP_READS];
};

/* What is known of the registers in one round. */
struct round {
    uint64_t x[32];
    uint32_t written; /* somewhere in the loop */
    uint32_t now;     /* already in this round */
    uint32_t known;   /* x[] has it */
};

static bool fetch(const struct why *w, const struct hart *h, uint64_t va, struct insn *i)
{
    struct mmu_ctx c = hart_mode_ctx(h, h->priv, h->virt);
    uint32_t raw = 0;
    for (unsigned n = 0; n < (n ? insn_length(raw) / 2 : 1u); n++) {
        struct mmu_map m;
        struct mmu_fault f;
        uint32_t half = 0;
        if (!mmu_translate(&c, va + 2 * n, 2, MMU_X, true, &m, &f, NULL) || !bus_dma_read(h->bus, m.pa, &half, 2))
            return false;
        raw |= half << 16 * n;
    }
    *i = decode(w->decoder, raw);
    return i->id != INSN_illegal;
}

static bool is_branch(const struct insn *i)
{
    return insn_rows[i->id].format == FMT_B || (i->id == INSN_jal && !i->rd);
}

/* The loop's end: the first branch from pc on that leads back to pc or before it. */
static bool find_loop(const struct why *w, const struct hart *h, struct loop *l)
{
    struct insn i;
    uint64_t va = h->pc;
    for (unsigned n = 0; n < LOOP_INSNS && fetch(w, h, va, &i); n++, va += i.len) {
        uint64_t target = va + (uint64_t)(int64_t)i.imm;
        if (is_branch(&i) && target <= h->pc && h->pc - target <= 4 * LOOP_INSNS) {
            l->first = target;
            l->last = va;
            return true;
        }
        if (i.id == INSN_jal || i.id == INSN_jalr)
            return false;
    }
    return false;
}

/* The registers that one instruction reads and writes. False: it does more than a waiting loop does. */
static bool takes_part(const struct insn *i, uint32_t *reads, uint32_t *writes)
{
    *reads = BIT(i->rs1);
    *writes = BIT(i->rd);
    switch (insn_rows[i->id].format) {
    case FMT_R:
    case FMT_AMO: *reads |= BIT(i->rs2); return true;
    case FMT_R1:
    case FMT_SH:
    case FMT_L: return true;
    case FMT_I: return i->id != INSN_jalr;
    case FMT_U: *reads = 0; return true;
    case FMT_B:
        *reads |= BIT(i->rs2);
        *writes = 0;
        return true;
    case FMT_J: *reads = 0; return !i->rd;
    case FMT_FENCE: *reads = *writes = 0; return true;
    case FMT_S:
    case FMT_NONE:
    case FMT_CSR:
    case FMT_CSRI:
    case FMT_FVMA:
    case FMT_FR:
    case FMT_FRM:
    case FMT_F4:
    case FMT_FX:
    case FMT_FTOX:
    case FMT_XTOF:
    case FMT_XF:
    case FMT_FL:
    case FMT_FS:
    case FMT_CBO:
    case FMT_HLV:
    case FMT_HSV: return false;
    }
    return false;
}

/* What the instruction leaves in its register, where that is told without running it. */
static void follow(struct round *r, const struct insn *i, uint64_t va)
{
    bool known = true;
    uint64_t v = 0;
    if (i->id == INSN_lui)
        v = (uint64_t)(int64_t)i->imm;
    else if (i->id == INSN_auipc)
        v = va + (uint64_t)(int64_t)i->imm;
    else if (i->id == INSN_addi && r->known >> i->rs1 & 1)
        v = r->x[i->rs1] + (uint64_t)(int64_t)i->imm;
    else if (i->id == INSN_add && r->known >> i->rs1 & r->known >> i->rs2 & 1)
        v = r->x[i->rs1] + r->x[i->rs2];
    else
        known = false;
    if (!i->rd)
        return;
    r->x[i->rd] = v;
    r->known = known ? r->known | (uint32_t)BIT(i->rd) : r->known & ~(uint32_t)BIT(i->rd);
}

static void add_place(struct loop *l, const struct round *r, const struct insn *i)
{
    bool atomic = insn_rows[i->id].format == FMT_AMO;
    if (i->id == INSN_sc_w || i->id == INSN_sc_d)
        return; /* its lr is there too */
    if (!(r->known >> i->rs1 & 1) || l->nplaces == LOOP_READS) {
        l->reads_more = true;
        return;
    }
    l->place[l->nplaces++] = (struct place){.va = r->x[i->rs1] + (atomic ? 0 : (uint64_t)(int64_t)i->imm),
                                            .size = 1u << (insn_rows[i->id].match >> 12 & 3),
                                            .tries = atomic && i->id != INSN_lr_w && i->id != INSN_lr_d};
}

/* Does one round leave everything as it was? No register carries over from one round to the next. */
static bool look_through(const struct why *w, const struct hart *h, struct loop *l)
{
    struct round r = {.written = 0};
    struct insn i;
    uint32_t reads, writes;
    uint64_t va;
    bool met_pc = false;
    for (va = l->first; va <= l->last; va += i.len) {
        if (++l->n > LOOP_INSNS || !fetch(w, h, va, &i) || !takes_part(&i, &reads, &writes))
            return false;
        met_pc |= va == h->pc;
        r.written |= writes & ~1u;
    }
    if (!met_pc || va - i.len != l->last)
        return false;
    r.known = ~r.written;
    for (unsigned n = 0; n < 32; n++)
        r.x[n] = n ? h->x[n] : 0;
    for (va = l->first; va <= l->last; va += i.len) {
        enum insn_format format;
        if (!fetch(w, h, va, &i) || !takes_part(&i, &reads, &writes) || (reads & r.written & ~r.now))
            return false;
        format = insn_rows[i.id].format;
        if (format == FMT_L || format == FMT_AMO)
            add_place(l, &r, &i);
        follow(&r, &i, va);
        r.now |= writes;
    }
    return true;
}

static void say_reads(struct why *w, const struct hart *h, const struct loop *l)
{
    struct mmu_ctx c = hart_data_ctx(h);
    for (unsigned n = 0; n < l->nplaces; n++) {
        const struct place *p = &l->place[n];
        struct mmu_map m;
        struct mmu_fault f;
        uint64_t v = 0;
        why_say(w, "%s %u byte%s at ", n ? "," : " it reads", p->size, p->size == 1 ? "" : "s");
        why_say_place(w, p->va);
        if (!mmu_translate(&c, p->va, p->size, MMU_R, true, &m, &f, NULL))
            why_say(w, " (not mapped now)");
        else if (bus_dma_read(h->bus, m.pa, &v, p->size))
            why_say(w, " (now %s%s)", text_hex(v).s, p->tries ? ", which it tries to change" : "");
        else
            why_say(w, " (a device's register)");
    }
    if (l->reads_more)
        why_say(w, "%s", l->nplaces ? ", and more" : " it reads memory");
}

bool why_loop(struct why *w, const struct hart *h)
{
    struct loop l = {.n = 0};
    if (!w->decoder || !find_loop(w, h, &l) || !look_through(w, h, &l))
        return false;
    if (h == w->h)
        why_say(w, "Now the hart");
    else
        why_say(w, "Hart %u", h->id);
    if (l.n == 1) {
        why_say(w, " runs an endless loop: the instruction at ");
        why_say_place(w, l.first);
        why_say_source(w, l.first);
        why_say(w, " jumps to itself. Only an interrupt could end it.");
        return true;
    }
    why_say(w, " goes round a loop of %u instructions, from ", l.n);
    why_say_place(w, l.first);
    why_say_source(w, l.first);
    why_say(w, " to ");
    why_say_place(w, l.last);
    if (!l.nplaces && !l.reads_more) {
        why_say(w, ", which changes nothing. Only an interrupt could end it.");
    } else {
        why_say(w, ", which changes nothing by itself:");
        say_reads(w, h, &l);
        why_say(w,
                ", and goes on until somebody else has changed that: another hart, an interrupt's handler, a device.");
    }
    return true;
}
