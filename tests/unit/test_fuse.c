/* SPDX-License-Identifier: MIT */
/* Every fused run of operations and every loop, with operands for which they are chosen, against the same instructions one by one. */
#include "run_rig.h"

Suite *fuse_suite(void);

enum {
    CODE = 0x1000,
    DATA = 0x4000,
    DATA_SIZE = 0x3000,
    SEARCHES = 200000,
    TRIALS = 24,
    LOOP_TRIALS = 200,
    STEPS = 100,
    NREGS = 6
};

static uint64_t seed;

static uint32_t below(uint32_t n)
{
    seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)(seed >> 33) % n;
}

static struct machine *rig(bool fused)
{
    struct machine *m = machine_make("rv64");
    m->h->csr.mstatus |= MSTATUS_FS;
    m->h->native = 1 << PRIV_M; /* a trap ends the run */
    hart_context_changed(m->h);
    if (!fused) {
        memset(m->code->fused, 0, sizeof *m->code->fused * INSN_COUNT * INSN_COUNT);
        memset(m->code->run_lengths, 0, INSN_COUNT * INSN_COUNT);
        m->code->nloops = 0;
    }
    return m;
}

static unsigned part(uint64_t key, unsigned k)
{
    return key >> 16 * k & 0xffff;
}

static unsigned length(uint64_t key)
{
    return key >> 48 ? 4 : key >> 32 ? 3 : 2;
}

/* A register for a source as the key says it, or any. */
static unsigned source(unsigned from, unsigned rd, const unsigned *results)
{
    static const uint8_t regs[NREGS] = {5, 6, 7, 10, 11, 12};
    return from == RUN_FROM_P ? rd : from >= RUN_FROM_A ? results[from - RUN_FROM_A] : regs[below(NREGS)];
}

/* The instruction with a small immediate; a branch goes forward, out of what is tested. */
static uint32_t encoded(unsigned id, unsigned rd, unsigned rs1, unsigned rs2, unsigned rs3)
{
    int32_t imm = (int32_t)below(9) * 8 - 32;
    switch (insn_rows[id].format) {
    case FMT_U: return w_u(id, rd, below(8) << 12);
    case FMT_B: return w_b(id, rs1, rs2, 64);
    case FMT_S:
    case FMT_FS: return w_s(id, rs2, rs1, imm);
    case FMT_SH: return w_i(id, rd, rs1, (int32_t)below(32));
    case FMT_I:
    case FMT_L:
    case FMT_FL: return w_i(id, rd, rs1, imm);
    case FMT_R1: return w_i(id, rd, rs1, 0);
    case FMT_F4: return w_r(id, rd, rs1, rs2) | (uint32_t)rs3 << 27;
    case FMT_R:
    case FMT_FRM: return w_r(id, rd, rs1, rs2);
    case FMT_J:
    case FMT_FENCE:
    case FMT_FVMA:
    case FMT_NONE:
    case FMT_AMO:
    case FMT_HLV:
    case FMT_HSV:
    case FMT_CBO:
    case FMT_CSR:
    case FMT_CSRI:
    case FMT_FR:
    case FMT_FX:
    case FMT_FTOX:
    case FMT_XTOF:
    case FMT_XF: break;
    }
    ck_abort_msg("%s is fused", insn_rows[id].name);
}

/* Instructions of the run with operands that may fit. */
static void propose(uint64_t key, uint32_t *word)
{
    unsigned results[RUN_MAX] = {0};
    for (unsigned k = 0; k < length(key); k++) {
        unsigned p = part(key, k), id = p & 0xff;
        unsigned rd = k && below(2) ? results[k - 1] : source(RUN_FROM_M, 0, NULL);
        unsigned rs1 = source(p >> 8 & 7, rd, results), rs2 = source(p >> 11 & 7, rd, results);
        results[k] = rd;
        word[k] = encoded(id, rd, rs1, rs2, rd);
    }
}

/* The program: the run, and a jump to itself. */
static void place(struct machine *m, const uint32_t *word, unsigned n)
{
    m->at = m->h->pc = RAM + CODE;
    for (unsigned k = 0; k < n; k++)
        emit(m, word[k]);
    emit(m, w_j(0, 0));
}

/* Registers and memory full of addresses: in the data, at its pages' ends, and some that lead nowhere. */
static uint64_t some_value(void)
{
    switch (below(8)) {
    case 0: return below(64);
    case 1: return RAM + DATA + PAGE_SIZE - 4 + below(8);
    case 2: return RAM + RAM_SIZE - 16 + below(32);
    case 3: return (uint64_t)below(UINT32_MAX) << below(33);
    default: return RAM + DATA + 64 + 8 * (uint64_t)below(1500);
    }
}

static void fill(struct machine *a, struct machine *b)
{
    for (unsigned i = 1; i < 32; i++) {
        a->h->x[i] = b->h->x[i] = some_value();
        a->h->f[i] = b->h->f[i] = UINT64_C(0x4000000000000000) + below(1000);
    }
}

static void ck_agree(struct machine *a, struct machine *b, const struct exit *ea, const struct exit *eb, uint64_t key)
{
    for (unsigned i = 0; i < 32; i++) {
        ck_assert_msg(a->h->x[i] == b->h->x[i], "x%u: %#lx, not %#lx: run %#lx", i, (unsigned long)a->h->x[i],
                      (unsigned long)b->h->x[i], (unsigned long)key);
        ck_assert_msg(a->h->f[i] == b->h->f[i], "f%u: run %#lx", i, (unsigned long)key);
    }
    ck_assert_msg(a->h->pc == b->h->pc, "pc %#lx, not %#lx: run %#lx", (unsigned long)a->h->pc, (unsigned long)b->h->pc,
                  (unsigned long)key);
    ck_assert_msg(ea->reason == eb->reason && ea->trap.cause == eb->trap.cause && ea->trap.tval == eb->trap.tval,
                  "its end: run %#lx", (unsigned long)key);
    ck_assert_msg(hart_instret(a->h) == hart_instret(b->h), "instret: run %#lx", (unsigned long)key);
    ck_assert_msg(!memcmp(a->ram->host + DATA, b->ram->host + DATA, DATA_SIZE), "memory: run %#lx", (unsigned long)key);
}

static void fill_memory(struct machine *a, struct machine *b)
{
    for (unsigned i = 0; i < DATA_SIZE; i += 8) {
        uint64_t v = some_value();
        put(a, RAM + DATA + i, v, 8);
        put(b, RAM + DATA + i, v, 8);
    }
}

/* Only the handlers for any x86-64, beside which there are better ones, fuse nothing. */
static bool may_lack(const struct handler_table *t)
{
#ifdef VITRINE_RUN_V3
    return t == &handlers_base;
#else
    (void)t;
    return false;
#endif
}

START_TEST(runs_do_what_their_instructions_do)
{
    struct machine *a = rig(true), *b = rig(false);
    const struct handler_table *t = a->code->handlers;
    ck_assert(t->nruns || may_lack(t));
    fill_memory(a, b);
    for (unsigned r = 0; r < t->nruns; r++) {
        const struct run *run = &t->runs[r];
        unsigned n = length(run->key), found = 0;
        uint32_t word[RUN_MAX];
        for (unsigned tries = 0; found < TRIALS && tries < SEARCHES; tries++) {
            propose(run->key, word);
            place(a, word, n);
            a->h->step = false; /* as the last run left it */
            hart_context_changed(a->h);
            const struct op *op = fetch_lookup(a->h);
            if (!op || op->fn != run->fn)
                continue;
            found++;
            place(b, word, n);
            fill(a, b);
            struct exit ea = hart_run(a->h, STEPS), eb = hart_run(b->h, STEPS);
            ck_agree(a, b, &ea, &eb, run->key);
        }
        ck_assert_msg(found == TRIALS, "row %u, key %#lx: no operands fit it", r, (unsigned long)run->key);
    }
    machine_unmake(a);
    machine_unmake(b);
}
END_TEST

/* A register for a letter of a loop: each operation's own, or one that none writes. */
static unsigned lettered(unsigned letter)
{
    return letter == LOOP_N ? 0 : letter == LOOP_M ? (below(4) ? 25 + below(6) : 0) : 1 + letter - LOOP_A;
}

/* Instructions of the loop; returns how many. */
static unsigned propose_loop(const struct loop *l, uint32_t *word)
{
    unsigned n = 0;
    while (n < LOOP_MAX && l->op[n].id != INSN_illegal)
        n++;
    for (unsigned k = 0; k < n; k++) {
        const struct loop_op *o = &l->op[k];
        unsigned rs1 = lettered(o->from[0]), rs2 = lettered(o->from[1]);
        word[k] = encoded(o->id, lettered(o->result), rs1, rs2, lettered(o->from[2]));
        if (k == n - 1)
            word[k] = w_b(o->id, rs1, rs2, -4 * (int32_t)k);
    }
    return n;
}

/* As after many rounds: false when another handler was chosen. */
static bool heat(struct machine *m, handler *fn)
{
    m->h->step = false;
    hart_context_changed(m->h);
    const struct op *op = fetch_lookup(m->h);
    const struct fetch_entry *e = &m->h->fetch->entry[(RAM + CODE) >> PAGE_SHIFT & (FETCH_ENTRIES - 1)];
    if (!op || e->tag != RAM + CODE)
        return false;
    return m->code->ops[block_form_hot(m->code, e->page, 0)].fn == fn;
}

START_TEST(loops_do_what_their_instructions_do)
{
    struct machine *a = rig(true), *b = rig(false);
    const struct handler_table *t = a->code->handlers;
    uint64_t rounds = 0;
    ck_assert(t->nloops || may_lack(t));
    fill_memory(a, b);
    for (unsigned r = 0; r < t->nloops; r++) {
        const struct loop *l = &t->loops[r];
        for (unsigned trial = 0; trial < LOOP_TRIALS; trial++) {
            uint32_t word[LOOP_MAX];
            unsigned n = propose_loop(l, word);
            place(a, word, n);
            place(b, word, n);
            ck_assert_msg(heat(a, l->fn), "row %u of loops.def is not chosen", r);
            fill(a, b);
            unsigned steps = 1 + below(200);
            uint64_t before = hart_instret(a->h);
            struct exit ea = hart_run(a->h, steps), eb = hart_run(b->h, steps);
            ck_agree(a, b, &ea, &eb, r);
            rounds += (hart_instret(a->h) - before) / n;
        }
    }
    ck_assert_uint_ge(rounds, (uint64_t)t->nloops * LOOP_TRIALS); /* most went round and not just through */
    machine_unmake(a);
    machine_unmake(b);
}
END_TEST

Suite *fuse_suite(void)
{
    Suite *s = suite_create("fuse");
    TCase *tc = tcase_create("fuse");
    tcase_set_timeout(tc, 240);
    tcase_add_test(tc, runs_do_what_their_instructions_do);
    tcase_add_test(tc, loops_do_what_their_instructions_do);
    suite_add_tcase(s, tc);
    return s;
}
