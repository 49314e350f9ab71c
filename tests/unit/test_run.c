/* SPDX-License-Identifier: MIT */
/* One program, many ways to run it: in one go (linked, unrolled and fused blocks), in small pieces, instruction by instruction under an
 * observer, and by the handlers for any processor without fused pairs. All must agree on the whole state. */
#include "run_rig.h"

Suite *run_suite(void);

enum { MAIN = 0x1000, MAIN_END = 0x7000, FUNCTIONS = 0x8000, HANDLER = 0x12000, SCRATCH = 0x14000, ROOT = 0x20000 };
enum { SEEDS = 64, INSTRUCTIONS = 20000, MAX_FUNCTIONS = 6, MAX_SLOTS = 8, LOOP_DEPTH = 3 };

enum way { WHOLE, OBSERVED, PIECES, PLAIN_HANDLERS, WAYS };

struct gen {
    struct machine *m;
    uint64_t seed;
    uint64_t outer[MAX_FUNCTIONS], leaf[MAX_FUNCTIONS]; /* return by x1, by x2 */
    unsigned nouter, nleaf;
    uint64_t slot[MAX_SLOTS]; /* addi instructions that the program rewrites */
    unsigned nslots;
    uint64_t end;
};

static uint32_t rnd(struct gen *g)
{
    g->seed = g->seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)(g->seed >> 32);
}

static unsigned below(struct gen *g, unsigned n)
{
    return rnd(g) % n;
}

static unsigned data_reg(struct gen *g)
{
    static const uint8_t regs[] = {5, 6, 7, 10, 11, 12, 13, 14, 15, 20, 21, 22, 23, 24, 25};
    return regs[below(g, ARRAY_LEN(regs))];
}

/* x8 and x9 point into the scratch area, x9 close to a page's end. */
static unsigned base_reg(struct gen *g)
{
    return 8 + below(g, 2);
}

/* Any row that check() likes, with random operands; rd is a data register. */
static uint32_t any_of(struct gen *g, bool (*check)(unsigned id), bool rd_is_x)
{
    unsigned id;
    do
        id = 1 + below(g, INSN_COUNT - 1);
    while (!check(id));
    uint32_t w = (rnd(g) & ~insn_rows[id].mask) | insn_rows[id].match;
    return rd_is_x ? (w & ~UINT32_C(0xf80)) | data_reg(g) << 7 : w;
}

static bool is_alu(unsigned id)
{
    enum insn_format f = insn_rows[id].format;
    return id != INSN_jalr &&
           (f == FMT_R || f == FMT_R1 || f == FMT_I || f == FMT_SH || id == INSN_lui || id == INSN_auipc);
}

/* The instructions that compilers use most: what fused pairs are made of. */
static bool is_common(unsigned id)
{
    return id == INSN_addi || id == INSN_add || id == INSN_slli || id == INSN_srli || id == INSN_addiw ||
           id == INSN_andi || id == INSN_addw || id == INSN_and || id == INSN_or || id == INSN_xor || id == INSN_sub ||
           id == INSN_lui || id == INSN_auipc || id == INSN_mul || id == INSN_sltiu || id == INSN_sltu;
}

static bool is_fp_to_f(unsigned id)
{
    enum insn_format f = insn_rows[id].format;
    return f == FMT_FR || f == FMT_FRM || f == FMT_F4 || f == FMT_XTOF || f == FMT_XF;
}

static bool is_fp_to_x(unsigned id)
{
    return insn_rows[id].format == FMT_FX || insn_rows[id].format == FMT_FTOX;
}

static bool is_amo(unsigned id)
{
    return insn_rows[id].format == FMT_AMO;
}

static void gen_compressed(struct gen *g)
{
    struct machine *m = g->m;
    uint32_t rd = data_reg(g), rs = data_reg(g), r = 2 + below(g, 6), s = 2 + below(g, 6), imm = 1 + below(g, 31);
    static const uint16_t arith[] = {0x8c01, 0x8c21, 0x8c41, 0x8c61, 0x9c01, 0x9c21};
    uint32_t b = below(g, 2), off = (rnd(g) & 7) << 10 | (rnd(g) & 3) << 5;
    switch (below(g, 12)) {
    case 0: emit_half(m, 0x0001 | rd << 7 | imm << 2 | below(g, 2) << 12); break; /* c.addi */
    case 1: emit_half(m, 0x4001 | rd << 7 | imm << 2); break;                     /* c.li */
    case 2: emit_half(m, 0x8002 | rd << 7 | rs << 2); break;                      /* c.mv */
    case 3: emit_half(m, 0x9002 | rd << 7 | rs << 2); break;                      /* c.add */
    case 4: emit_half(m, arith[below(g, 6)] | r << 7 | s << 2); break;
    case 5: emit_half(m, 0x0002 | rd << 7 | imm << 2); break;     /* c.slli */
    case 6: emit_half(m, 0x8801 | r << 7 | imm << 2); break;      /* c.andi */
    case 7: emit_half(m, 0x4000 | off | b << 7 | s << 2); break;  /* c.lw */
    case 8: emit_half(m, 0x6000 | off | b << 7 | s << 2); break;  /* c.ld */
    case 9: emit_half(m, 0xc000 | off | b << 7 | s << 2); break;  /* c.sw */
    case 10: emit_half(m, 0xe000 | off | b << 7 | s << 2); break; /* c.sd */
    default: emit_half(m, 0x2001 | rd << 7 | imm << 2); break;    /* c.addiw */
    }
}

static void gen_memory(struct gen *g)
{
    static const uint8_t loads[] = {INSN_lb, INSN_lh, INSN_lw, INSN_ld, INSN_lbu, INSN_lhu, INSN_lwu};
    static const uint8_t stores[] = {INSN_sb, INSN_sh, INSN_sw, INSN_sd};
    int32_t imm = (int32_t)below(g, 4080) - 2048;
    unsigned base = base_reg(g);
    if (below(g, 3))
        imm &= ~7;
    if (!below(g, 3)) { /* indexed */
        emit(g->m, W_ADDI(26, base, imm & -8));
        emit(g->m, w_i(INSN_andi, 27, data_reg(g), 0x7f));
        emit(g->m, w_r(INSN_add, 26, 26, 27));
        base = 26;
        imm = (int32_t)below(g, 64);
    }
    switch (below(g, 6)) {
    case 0:
    case 1: emit(g->m, w_s((enum insn_id)stores[below(g, 4)], data_reg(g), base, imm)); break;
    case 2: emit(g->m, w_i(below(g, 2) ? INSN_flw : INSN_fld, below(g, 32), base, imm)); break;
    case 3: emit(g->m, w_s(below(g, 2) ? INSN_fsw : INSN_fsd, below(g, 32), base, imm)); break;
    default: emit(g->m, w_i((enum insn_id)loads[below(g, 7)], data_reg(g), base, imm)); break;
    }
}

static void gen_fp(struct gen *g)
{
    bool to_x = !below(g, 4);
    uint32_t w = any_of(g, to_x ? is_fp_to_x : is_fp_to_f, to_x);
    bool has_rm = (w & 0x7f) != 0x53 || (w >> 28 != 2 && w >> 28 != 10 && w >> 28 < 14);
    if (has_rm && below(g, 8))
        w = (w & ~UINT32_C(0x7000)) | (below(g, 2) ? 0x7000 : below(g, 3) ? 0 : 0x1000);
    emit(g->m, w);
}

static void gen_atomic(struct gen *g)
{
    emit(g->m, W_ADDI(26, base_reg(g), (int32_t)(below(g, 64) * 8)));
    emit(g->m, w_i(INSN_andi, 26, 26, -8));
    if (below(g, 3)) {
        emit(g->m, (any_of(g, is_amo, true) & ~(UINT32_C(31) << 15)) | UINT32_C(26) << 15);
    } else {
        emit(g->m, w_r(INSN_lr_d, data_reg(g), 26, 0));
        if (!below(g, 3))
            emit(g->m, w_s(INSN_sd, data_reg(g), 26, 0));
        emit(g->m, w_r(below(g, 4) ? INSN_sc_d : INSN_sc_w, data_reg(g), 26, data_reg(g)));
    }
}

static void gen_system(struct gen *g)
{
    static const uint16_t read[] = {C_INSTRET, C_CYCLE, C_FFLAGS, C_FCSR, C_MSTATUS, C_MEPC, C_SSTATUS, 0xc01, 0x123};
    struct machine *m = g->m;
    switch (below(g, 12)) {
    case 0: emit(m, w_csr(INSN_csrrwi, data_reg(g), C_FRM, below(g, 8))); break;
    case 1: emit(m, w_csr(INSN_csrrwi, 0, C_FRM, 0)); break;
    case 2: /* FS: some of its bits off */
        emit(m, w_u(INSN_lui, 26, below(g, 2) ? 0x2000 : 0x4000));
        emit(m, w_csr(below(g, 3) ? INSN_csrrs : INSN_csrrc, 0, C_SSTATUS, 26));
        break;
    case 3: /* FS = Dirty */
        emit(m, w_u(INSN_lui, 26, 0x6000));
        emit(m, w_csr(INSN_csrrs, data_reg(g), C_SSTATUS, 26));
        break;
    case 4: emit(m, W_ECALL); break;
    case 5: emit(m, below(g, 2) ? 0xffffffff : 0x0000100b); break;
    case 6: emit_half(m, 0); break;
    case 7: emit(m, w_csr(INSN_csrrsi, data_reg(g), C_MIP, 2)); break; /* an interrupt, at once */
    case 8: emit(m, w_csr(INSN_csrrw, data_reg(g), C_MSCRATCH, data_reg(g))); break;
    case 9: emit(m, insn_rows[below(g, 2) ? INSN_fence_i : INSN_sfence_vma].match); break;
    case 10: emit(m, below(g, 4) ? w_csr(INSN_csrrw, 0, C_FFLAGS, data_reg(g)) : insn_rows[INSN_wfi].match); break;
    default: emit(m, w_csr(INSN_csrrs, data_reg(g), read[below(g, ARRAY_LEN(read))], 0)); break;
    }
}

/* An instruction that the program changes now and then: addi's immediate, or the register that it adds to. */
static void gen_slot(struct gen *g)
{
    unsigned r = data_reg(g);
    if (g->nslots < MAX_SLOTS)
        g->slot[g->nslots++] = g->m->at;
    emit(g->m, W_ADDI(r, r, 1));
}

static void gen_patch(struct gen *g)
{
    struct machine *m = g->m;
    bool next = below(g, 2) || !g->nslots;
    uint64_t slot = next ? m->at + 24 + 4 * below(g, 3) : g->slot[below(g, g->nslots)];
    emit_la(m, 26, slot);
    emit(m, w_i(INSN_lhu, 27, 26, 2));
    emit(m, w_i(INSN_xori, 27, 27, 0x20)); /* bit 1 of the immediate */
    emit(m, w_s(INSN_sh, 27, 26, 2));
    while (next && m->at <= slot)
        gen_slot(g);
}

static void gen_call(struct gen *g, unsigned link)
{
    struct machine *m = g->m;
    unsigned n = link == 1 ? g->nouter : g->nleaf;
    if (!n)
        return;
    uint64_t to = (link == 1 ? g->outer : g->leaf)[below(g, n)];
    switch (below(g, 3)) {
    case 0: emit(m, w_j(link, (int32_t)(to - m->at))); break;
    case 1: {
        int32_t off = (int32_t)(to - m->at);
        uint32_t high = ((uint32_t)off + 0x800) & 0xfffff000;
        unsigned t = below(g, 2) ? link : 29;
        emit(m, w_u(INSN_auipc, t, high));
        emit(m, w_i(INSN_jalr, link, t, off - (int32_t)high));
        break;
    }
    default:
        emit_la(m, 29, to);
        if (link == 1 && below(g, 2))
            emit_half(m, 0x9002 | 29 << 7); /* c.jalr */
        else
            emit(m, w_i(INSN_jalr, link, 29, 0));
        break;
    }
    emit(m, W_ADDI(20, 20, 1)); /* a function may return behind this */
}

static void gen_items(struct gen *g, unsigned depth, unsigned count, unsigned may_call);

static void gen_forward(struct gen *g, unsigned depth, unsigned may_call)
{
    static const uint8_t branches[] = {INSN_beq, INSN_bne, INSN_blt, INSN_bge, INSN_bltu, INSN_bgeu};
    struct machine *m = g->m;
    uint64_t from = m->at;
    unsigned kind = below(g, 4);
    m->at += kind == 0 ? 2 : 4;
    gen_items(g, depth, 1 + below(g, 4), may_call);
    uint64_t to = m->at;
    uint32_t off = (uint32_t)(to - from);
    m->at = from;
    if (kind == 0 && off < 256) { /* c.beqz, c.bnez */
        emit_half(m, (below(g, 2) ? 0xc001 : 0xe001) | (2 + below(g, 6)) << 7 | (off >> 8 & 1) << 12 |
                         (off >> 3 & 3) << 10 | (off >> 6 & 3) << 5 | (off >> 1 & 3) << 3 | (off >> 5 & 1) << 2);
    } else if (kind == 0) {
        emit_half(m, 1);
    } else if (kind == 1) {
        emit(m, w_j(0, (int32_t)off));
    } else if (off < 4096) {
        emit(m, w_b((enum insn_id)branches[below(g, 6)], data_reg(g), data_reg(g), (int32_t)off));
    } else {
        emit(m, W_NOP);
    }
    m->at = to;
}

static void gen_loop(struct gen *g, unsigned depth, unsigned may_call)
{
    struct machine *m = g->m;
    unsigned counter = 16 + depth;
    emit(m, W_ADDI(counter, 0, 1 + (int32_t)below(g, depth ? 8 : 50)));
    uint64_t head = m->at;
    gen_items(g, depth + 1, 1 + below(g, 8), may_call);
    emit(m, W_ADDI(counter, counter, -1));
    if (m->at - head < 4000)
        emit(m, w_b(below(g, 2) ? INSN_bne : INSN_bltu, 0, counter, (int32_t)(head - m->at)));
}

/* may_call: 2 outer functions and leaves, 1 leaves, 0 nothing. */
static void gen_items(struct gen *g, unsigned depth, unsigned count, unsigned may_call)
{
    while (count-- && g->m->at < g->end) {
        switch (below(g, 24)) {
        case 0:
        case 1:
        case 2: gen_compressed(g); break;
        case 3: emit(g->m, any_of(g, is_alu, true)); break;
        case 4:
        case 5:
        case 6:
        case 7:
        case 8: gen_memory(g); break;
        case 9:
        case 10: gen_fp(g); break;
        case 11: gen_atomic(g); break;
        case 12: below(g, 2) ? gen_system(g) : gen_slot(g); break;
        case 13: below(g, 3) ? gen_slot(g) : gen_patch(g); break;
        case 14:
        case 15: gen_forward(g, depth, may_call); break;
        case 16:
        case 17:
            if (depth < LOOP_DEPTH)
                gen_loop(g, depth, may_call);
            break;
        case 18:
            if (may_call == 2)
                gen_call(g, 1);
            break;
        case 19:
            if (may_call)
                gen_call(g, 2);
            break;
        default: emit(g->m, any_of(g, is_common, true)); break;
        }
    }
}

static uint64_t gen_function(struct gen *g, unsigned link)
{
    struct machine *m = g->m;
    uint64_t entry = m->at;
    g->end = entry + 0x300;
    gen_items(g, 2, 1 + below(g, 10), link == 1 ? 1 : 0);
    if (!below(g, 4))
        emit(m, W_ADDI(link, link, 4)); /* returns behind the instruction that follows the call */
    if (below(g, 2))
        emit_half(m, 0x8002 | link << 7); /* c.jr */
    else
        emit(m, w_i(INSN_jalr, 0, link, 0));
    m->at += 2 * below(g, 4);
    if (!below(g, 3))
        m->at = (m->at & PAGE_MASK) + PAGE_SIZE - 2 * below(g, 20);
    return entry;
}

/* Mixes what it sees into x30 and x31, then goes on: behind the instruction, or where the interrupt came. Uses x3 and x4. */
static void gen_handler(struct machine *m)
{
    m->at = RAM + HANDLER;
    emit(m, w_csr(INSN_csrrs, 3, C_MCAUSE, 0));
    emit(m, w_i(INSN_slli, 4, 31, 1));
    emit(m, w_r(INSN_add, 31, 31, 4));
    emit(m, w_r(INSN_add, 31, 31, 3));
    emit(m, w_csr(INSN_csrrs, 4, C_MTVAL, 0));
    emit(m, w_r(INSN_xor, 31, 31, 4));
    emit(m, w_csr(INSN_csrrs, 4, C_INSTRET, 0));
    emit(m, w_r(INSN_add, 30, 30, 4));
    emit(m, w_csr(INSN_csrrs, 4, C_MEPC, 0));
    emit(m, w_r(INSN_add, 30, 30, 4));
    emit(m, w_b(INSN_bge, 3, 0, 12));
    emit(m, w_csr(INSN_csrrci, 0, C_MIP, 2));
    emit(m, insn_rows[INSN_mret].match);
    emit(m, w_i(INSN_lbu, 3, 4, 0));
    emit(m, w_i(INSN_andi, 3, 3, 3));
    emit(m, W_ADDI(3, 3, -3));
    emit(m, w_i(INSN_sltiu, 3, 3, 1));
    emit(m, w_i(INSN_slli, 3, 3, 1));
    emit(m, W_ADDI(3, 3, 2));
    emit(m, w_r(INSN_add, 4, 4, 3));
    emit(m, w_csr(INSN_csrrw, 0, C_MEPC, 4));
    emit(m, insn_rows[INSN_mret].match);
}

static struct machine *program(uint64_t seed)
{
    struct machine *m = machine_make("rv64");
    struct gen g = {.m = m, .seed = seed * UINT64_C(0x9e3779b97f4a7c15) + 1};
    struct hart *h = m->h;
    gen_handler(m);
    m->at = RAM + FUNCTIONS + 2 * below(&g, 40);
    for (unsigned i = 0; i < 3; i++)
        g.leaf[g.nleaf++] = gen_function(&g, 2);
    for (unsigned i = 0; i < 3; i++)
        g.outer[g.nouter++] = gen_function(&g, 1);
    ck_assert_uint_lt(m->at, RAM + HANDLER);
    m->at = RAM + MAIN + 2 * below(&g, PAGE_SIZE / 2);
    uint64_t start = m->at;
    g.end = RAM + MAIN_END;
    gen_items(&g, 0, 20 + below(&g, 120), 2);
    emit(m, w_j(0, (int32_t)(start - m->at)));
    for (unsigned i = 0; i < 0x4000; i += 4)
        put(m, RAM + SCRATCH + i, rnd(&g), 4);
    for (unsigned i = 1; i < 32; i++) {
        h->x[i] = below(&g, 2) ? rnd(&g) : (uint64_t)rnd(&g) << 32 | rnd(&g);
        h->f[i] = below(&g, 2) ? UINT64_C(0xffffffff00000000) | rnd(&g) : (uint64_t)rnd(&g) << 32 | rnd(&g);
    }
    h->x[8] = RAM + SCRATCH + 0x1000;
    h->x[9] = RAM + SCRATCH + 0x1ff0;
    h->pc = start;
    set_csr(m, C_MTVEC, RAM + HANDLER);
    set_csr(m, C_MIE, 2);
    set_csr(m, C_MCOUNTEREN, 7);
    set_csr(m, C_MSTATUS, MSTATUS_FS | MSTATUS_MIE);
    if (seed & 1) { /* S mode, all memory mapped where it is by one 1 GiB page */
        put(m, RAM + ROOT + 2 * 8, (RAM >> 12) << 10 | P_V | P_RWX | P_AD, 8);
        set_csr(m, C_SATP, (uint64_t)ATP_SV39 << 60 | (RAM + ROOT) >> 12);
        set_priv(m, PRIV_S);
    }
    return m;
}

/* Follows a hart by what it tells: each register's old value must be what the events before left there. */
struct follower {
    struct event_sink sink;
    const struct hart *h;
    uint64_t retired, reg[64];
};

static void follow(struct event_sink *s, const struct event *e)
{
    struct follower *f = (struct follower *)s;
    if (e->kind != EV_INSN)
        return;
    f->retired++;
    /* Millions of these: Check notes each assertion that it passes, so that it is asked only where one fails. */
    bool writes = e->a[1] != EVENT_REG_NONE;
    if (e->insn + 1 != hart_instret(f->h) || e->hart != f->h->id ||
        (writes && (e->a[1] >= 64 || e->a[2] != f->reg[e->a[1]])))
        ck_abort_msg("instruction %lu at %#lx: register %lu was %#lx", (unsigned long)e->insn, (unsigned long)e->pc,
                     (unsigned long)e->a[1], (unsigned long)e->a[2]);
    if (writes)
        f->reg[e->a[1]] = e->a[3];
}

static void stamp_nothing(void *ctx, struct event *e)
{
    (void)ctx, (void)e;
}

static void ck_followed(const struct follower *f)
{
    for (unsigned i = 0; i < 32; i++) {
        ck_assert_uint_eq(f->reg[i], f->h->x[i]);
        ck_assert_uint_eq(f->reg[EVENT_REG_F + i], f->h->f[i]);
    }
}

static void run_to(struct machine *m, uint64_t end, enum way way, uint64_t seed)
{
    struct hart *h = m->h;
    struct gen g = {.seed = seed + 99};
    struct event_hub hub, *before = h->events;
    struct follower f = {.sink = {follow, MASK(EV_KINDS - 1, 0), NULL}, .h = h};
    ck_assert(event_hub_init(&hub, stamp_nothing, NULL));
    event_hub_add(&hub, &f.sink);
    memcpy(f.reg, h->x, 32 * sizeof f.reg[0]);
    memcpy(f.reg + EVENT_REG_F, h->f, 32 * sizeof f.reg[0]);
    if (way == OBSERVED)
        h->events = &hub;
    uint64_t begin = hart_instret(h);
    for (uint64_t at; (at = hart_instret(h)) < end;) {
        uint64_t n = end - at;
        if (way == PIECES && n > 200)
            n = 1 + below(&g, 200);
        struct exit e = hart_run(h, n);
        ck_assert_msg(e.reason == EXIT_BUDGET || e.reason == EXIT_WFI, "seed %lu: exit %d", (unsigned long)seed,
                      e.reason);
        ck_assert(e.reason == EXIT_WFI || hart_instret(h) == at + n);
        h->retired += h->turn_retired;
        h->clock += h->turn_retired;
        h->turn_retired = 0;
    }
    if (way == OBSERVED) {
        ck_assert_uint_eq(f.retired, end - begin);
        ck_followed(&f);
    }
    h->events = before;
    event_hub_free(&hub);
}

static void ck_same(struct machine *a, struct machine *b, uint64_t seed, unsigned way, uint64_t at)
{
    for (unsigned i = 0; i < 32; i++) {
        ck_assert_msg(a->h->x[i] == b->h->x[i], "x%u %lx %lx: seed %lu, way %u, by instruction %lu", i,
                      (unsigned long)a->h->x[i], (unsigned long)b->h->x[i], (unsigned long)seed, way,
                      (unsigned long)at);
        ck_assert_msg(a->h->f[i] == b->h->f[i], "f%u: seed %lu, way %u, by instruction %lu", i, (unsigned long)seed,
                      way, (unsigned long)at);
    }
    ck_assert_msg(a->h->pc == b->h->pc, "pc: seed %lu, way %u", (unsigned long)seed, way);
    ck_assert_int_eq(a->h->priv, b->h->priv);
    ck_assert_uint_eq(a->h->reservation, b->h->reservation);
    for (unsigned n = 0; n < 4096; n++) {
        uint64_t va = 0, vb = 0;
        ck_assert_int_eq(csr_peek(a->h, n, &va), csr_peek(b->h, n, &vb));
        ck_assert_msg(va == vb, "CSR %#x: seed %lu, way %u", n, (unsigned long)seed, way);
    }
    ck_assert_msg(!memcmp(a->ram->host, b->ram->host, RAM_SIZE), "memory: seed %lu, way %u", (unsigned long)seed, way);
}

static struct machine *program_for(uint64_t seed, unsigned way)
{
    struct machine *m = program(seed);
    if (way == PLAIN_HANDLERS) {
        m->code->handlers = &handlers_base;
        memset(m->code->fused, 0, sizeof *m->code->fused * INSN_COUNT * INSN_COUNT);
        memset(m->code->run_lengths, 0, INSN_COUNT * INSN_COUNT);
        m->code->nloops = 0;
    }
    return m;
}

/* What else this process computes between two runs raises no flag of the hart's. */
START_TEST(the_hosts_flags_are_not_the_harts)
{
    struct machine *m = machine_make("rv64");
    volatile double third = 1.0, three = 3.0;
    m->h->csr.mstatus |= MSTATUS_FS;
    ck_assert_uint_eq(hart_fflags(m->h), 0);
    third /= three;
    ck_assert_uint_eq(hart_fflags(m->h), 0);
    hart_set_fflags(m->h, 16);
    third /= three;
    ck_assert(third < 0.2);
    ck_assert_uint_eq(hart_fflags(m->h), 16);
    machine_unmake(m);
}
END_TEST

START_TEST(all_ways_agree)
{
    enum { PART = 8 };
    for (uint64_t seed = (uint64_t)_i * SEEDS / PART; seed < (uint64_t)(_i + 1) * SEEDS / PART; seed++) {
        struct machine *m[WAYS];
        for (unsigned w = 0; w < WAYS; w++)
            m[w] = program_for(seed, w);
        static const uint64_t stops[] = {100, 1500, 7001, INSTRUCTIONS};
        for (unsigned s = 0; s < ARRAY_LEN(stops); s++) {
            for (unsigned w = 0; w < WAYS; w++) {
                run_to(m[w], stops[s], (enum way)w, seed);
                if (w)
                    ck_same(m[0], m[w], seed, w, stops[s]);
            }
        }
        for (unsigned w = 0; w < WAYS; w++)
            machine_unmake(m[w]);
    }
}
END_TEST

Suite *run_suite(void)
{
    Suite *s = suite_create("run");
    TCase *tc = tcase_create("run");
    tcase_set_timeout(tc, 240);
    tcase_add_test(tc, the_hosts_flags_are_not_the_harts);
    tcase_add_loop_test(tc, all_ways_agree, 0, 8);
    suite_add_tcase(s, tc);
    return s;
}
