/* SPDX-License-Identifier: MIT */
/*
 * Any code on a hart in any state: modes, paging with one and two stages, PMP, traps, self-modifying code, MMIO, and a code cache that
 * is about to be full. It must come back from hart_run() after exactly the instructions asked for, leave everything outside its memory
 * alone, and end in the same state whether it runs in blocks or instruction by instruction.
 */
#include "fuzz.h"

#include "cpu/csr.h"
#include "cpu/csr_bits.h"
#include "cpu/isa.h"
#include "cpu/op.h"
#include "cpu/trap.h"

enum {
    RAM = 0x80000000u,
    PAGES = 64,
    ROM = 0x1000,
    MMIO = 0x10000000,
    CODE_PAGES = 4, /* pages 0..3: the input's code, repeated */
    HANDLER = 8,    /* page 8: handlers of M at 0, of S (HS) at 0x400, of VS at 0x800 */
    TABLES = 16,    /* pages 16..31: page tables */
    INSNS = 600
};

static struct {
    struct bus *bus;
    struct isa isa;
    struct code_cache *code;
    struct hart_env env;
    struct hart *h;
    uint64_t mmio;        /* sum of what was written */
} all[2][2], *m = all[0]; /* m: a pair of machines alike, one for blocks, one for steps */

static uint64_t mmio_read(void *dev, uint64_t off, unsigned size)
{
    (void)dev;
    return (off * 0x9e3779b97f4a7c15u) >> (64 - 8 * size);
}

/* Writes at 0..0x7ff are just counted; above they drive the wires of mip. */
static void mmio_write(void *dev, uint64_t off, uint64_t val, unsigned size)
{
    unsigned n = *(unsigned *)dev;
    m[n].mmio = m[n].mmio * 31 + off + val + size;
    if (off >= 0x800)
        hart_set_irq(m[n].h, (enum irq_bit[]){IRQ_MSI, IRQ_MTI, IRQ_SEI, IRQ_MEI, IRQ_STI, IRQ_VSTI}[off / 8 % 6],
                     val & 1);
}

static uint64_t machine_now(void *ctx)
{
    return hart_cycle(m[*(unsigned *)ctx].h) / 10;
}

static void timer_changed(void *ctx, struct hart *h)
{
    (void)ctx;
    (void)h;
}

static void make(unsigned n)
{
    static const struct mmio_ops ops = {mmio_read, mmio_write, 1, 8};
    static unsigned number[2] = {0, 1};
    struct err e;
    if (isa_parse(&m[n].isa, m == all[1] ? "rv64,c=false,d=false,h=false" : "rv64", &e))
        abort();
    m[n].bus = bus_new();
    if (!m[n].bus || !bus_add_memory(m[n].bus, "ram", RAM, PAGES * PAGE_SIZE, false, &e) ||
        !bus_add_memory(m[n].bus, "rom", ROM, PAGE_SIZE, true, &e) ||
        bus_add_mmio(m[n].bus, "mmio", MMIO, PAGE_SIZE, &ops, &number[n], &e))
        abort();
    m[n].code = code_cache_new(m[n].bus, &m[n].isa);
    m[n].env = (struct hart_env){machine_now, timer_changed, &number[n]};
    m[n].h = m[n].code ? hart_new(0, &m[n].isa, m[n].bus, m[n].code, &m[n].env) : NULL;
    if (!m[n].h)
        abort();
}

static uint64_t page(unsigned n)
{
    return RAM + (uint64_t)n * PAGE_SIZE;
}

static void put(unsigned n, uint64_t at, const void *p, size_t len)
{
    if (!bus_load(m[n].bus, at, p, len))
        abort();
}

static void put_pte(unsigned n, unsigned table, unsigned index, uint64_t pte)
{
    put(n, page(table) + index * 8, &pte, 8);
}

/*
 * A tree that maps RAM's pages one to one (at va = pa, and again at va = 0), with the flags of single leaves from the input, and a
 * superpage for MMIO. levels: 3 to 5. From table first on; its root is table first. wide: a G-stage root of four pages.
 */
static void make_tables(unsigned n, struct input *in, unsigned first, unsigned levels, bool user, bool wide)
{
    unsigned t = first, next = first + (wide ? 4 : 1);
    uint64_t flags = 0xcf | (user ? 0x10 : 0);
    for (unsigned l = levels - 1; l > 2; l--, t = next++) {
        put_pte(n, t, 0, page(next) >> 2 | 1);
    }
    put_pte(n, t, 0, ((uint64_t)MMIO >> 30 << 28) | flags); /* 1 GiB at 0: MMIO and the ROM */
    put_pte(n, t, 2, page(next) >> 2 | 1);
    put_pte(n, t, 3, page(next) >> 2 | 1);
    put_pte(n, next, 0, page(next + 1) >> 2 | 1);
    put_pte(n, next, 1, (uint64_t)RAM >> 2 | flags); /* 2 MiB at once */
    for (unsigned i = 0; i < PAGES; i++)
        put_pte(n, next + 1, i, page(i) >> 2 | flags);
    for (unsigned k = (unsigned)take(in, 1) % 8; k; k--) {
        unsigned i = (unsigned)take(in, 1) % 128;
        put_pte(n, next + 1, i, page(i % PAGES) >> 2 | take(in, 1) | take(in, 1) << 56);
    }
}

/* Steps over the instruction that trapped (4 bytes: the way on may lead into the middle of one, which is fine) and goes back. */
static const uint32_t handlers[3][6] = {
    {0x34011073 /* csrw mscratch, sp */, 0x34102173 /* csrr sp, mepc */, 0x00410113 /* addi sp, sp, 4 */,
     0x34111073 /* csrw mepc, sp */, 0x34002173 /* csrr sp, mscratch */, 0x30200073 /* mret */},
    {0x14011073, 0x14102173, 0x00410113, 0x14111073, 0x14002173, 0x10200073 /* sret */},
    {0x14011073, 0x14102173, 0x00410113, 0x14111073, 0x14002173, 0x10200073},
};

/* Values that addresses, counts and bit patterns go wrong at. */
static uint64_t value(struct input *in)
{
    unsigned v = (unsigned)take(in, 1);
    switch (v >> 5) {
    case 0: return page(v & 31);
    case 1: return page(32 + (v & 31)) - 1 - (v & 7);
    case 2: return page(v & 31) | take(in, 2);
    case 3: return MMIO + (v & 31) * 0x80u;
    case 4: return (uint64_t)1 << (2 * (v & 31) + 1);
    case 5: return ~UINT64_C(0) << (2 * (v & 31));
    case 6: return v & 31;
    default: return take(in, 8);
    }
}

static const uint16_t pokes[] = {0x300, 0x302, 0x303, 0x304, 0x305, 0x306, 0x30a, 0x320, 0x341, 0x342, 0x344, 0x3a0,
                                 0x3a2, 0x3b0, 0x3b1, 0x3b2, 0x3b3, 0x3b4, 0x3b5, 0x100, 0x104, 0x105, 0x106, 0x10a,
                                 0x141, 0x14d, 0x180, 0x600, 0x602, 0x603, 0x604, 0x605, 0x606, 0x607, 0x60a, 0x645,
                                 0x680, 0x200, 0x204, 0x205, 0x241, 0x24d, 0x280, 0x003, 0x747, 0x757};

/*
 * The input's header:
 *   0   7 HS tables | 6 VS tables | 5 G tables | 4 PMP of the input's | 3 all traps delegated | 2 V | 1:0 privilege
 *   1   7 nearly full code cache | 6 FS = Off | 5 frm | 4 no handlers | 3:2 levels | 1 user pages | 0 ADUE
 *   2   15 a hart without C, D and H | 14:6 where it starts, in instructions | 5:0 room in the code cache
 */
static void prepare(unsigned n, struct input in)
{
    struct hart *h = m[n].h;
    static const uint8_t zeros[PAGE_SIZE];
    unsigned a = (unsigned)take(&in, 1), b = (unsigned)take(&in, 1), levels = 3 + (b >> 2 & 3) % 3;
    unsigned start = (unsigned)take(&in, 2);
    h->retired = h->turn_retired = h->clock = 0; /* before the reset, which sets the counters by them */
    hart_reset(h);
    h->traps_in_a_row = 0;
    h->last_trap_retired = 0;
    h->csr.mip_line = 0;
    h->reservation = UINT64_MAX;
    m[n].mmio = 0;
    for (unsigned i = 0; i < PAGES; i++)
        put(n, page(i), zeros, PAGE_SIZE);
    code_cache_reset(m[n].code);
    hart_flush_all(h);
    if (b & 0x80)
        m[n].code->used = ARENA_OPS - 4 * BLOCK_MAX - (start & 63);
    m[n].code->max_pages = b & 0x80 ? 4 + (start & 7) : CODE_PAGES_MAX;
    for (unsigned i = 0; i < 3; i++)
        put(n, page(HANDLER) + i * 0x400, handlers[i], sizeof handlers[i]);
    make_tables(n, &in, TABLES, levels, b & 2, false);
    make_tables(n, &in, TABLES + 8, 3, true, true);
    if (!(a & 0x10)) {
        csr_poke(h, 0x3b0, UINT64_MAX);
        csr_poke(h, 0x3a0, 0x1f);
    }
    csr_poke(h, 0x300, (uint64_t)(b & 0x40 ? 0 : 3) << 13 | (uint64_t)(b & 2) << 17 /* SUM */);
    csr_poke(h, 0x200, (uint64_t)(b & 0x40 ? 0 : 3) << 13);
    csr_poke(h, 0x002, b & 0x20 ? 1 : 0);
    csr_poke(h, 0x30a, UINT64_MAX ^ (b & 1 ? 0 : BIT(61)));
    csr_poke(h, 0x60a, UINT64_MAX ^ (b & 1 ? 0 : BIT(61)));
    csr_poke(h, 0x10a, UINT64_MAX);
    if (!(b & 0x10)) {
        csr_poke(h, 0x305, page(HANDLER));
        csr_poke(h, 0x105, page(HANDLER) + 0x400);
        csr_poke(h, 0x205, page(HANDLER) + 0x800);
    }
    if (a & 8) {
        csr_poke(h, 0x302, UINT64_MAX);
        csr_poke(h, 0x303, UINT64_MAX);
        csr_poke(h, 0x602, UINT64_MAX);
        csr_poke(h, 0x603, UINT64_MAX);
    }
    csr_poke(h, 0x306, UINT64_MAX);
    csr_poke(h, 0x106, UINT64_MAX);
    csr_poke(h, 0x606, UINT64_MAX);
    uint64_t root = page(TABLES) >> 12;
    if (a & 0x80)
        csr_poke(h, 0x180, (uint64_t)(5 + levels) << 60 | root);
    if (a & 0x40)
        csr_poke(h, 0x280, (uint64_t)(5 + levels) << 60 | root);
    if (a & 0x20)
        csr_poke(h, 0x680, UINT64_C(8) << 60 | page(TABLES + 8) >> 12);
    for (unsigned k = (unsigned)take(&in, 1) % 16; k; k--) {
        unsigned num = pokes[take(&in, 1) % ARRAY_LEN(pokes)];
        csr_poke(h, num, value(&in));
    }
    for (unsigned i = 1; i < 32; i++)
        h->x[i] = i < 16 ? value(&in) : page(i) + 8 * i;
    for (unsigned i = 0; i < 32; i++)
        h->f[i] = i < 4 ? take(&in, 8) : h->x[i] * 0x9e3779b97f4a7c15u;
    static uint8_t code[CODE_PAGES * PAGE_SIZE];
    memset(code, 0, sizeof code);
    size_t len = make_code(&in, code, sizeof code);
    for (size_t at = len ? (len + 63) / 64 * 64 : sizeof code; at < sizeof code; at++)
        code[at] = code[at % ((len + 63) / 64 * 64)];
    put(n, page(0), code, sizeof code);
    h->priv = (a & 3) == 2 ? PRIV_S : (enum priv)(a & 3);
    h->virt = (a & 4) && h->priv != PRIV_M && h->isa.h;
    h->pc = RAM + (start >> 6 & 0x1ff) * (m[n].isa.c ? 2 : 4);
    h->kick |= KICK_IRQ;
    hart_context_changed(h);
}

/* Runs n instructions in pieces of at most piece; wfi goes on as if something had come. Returns how many retired. */
static uint64_t run(unsigned n, uint64_t insns, uint64_t piece, struct exit *last)
{
    struct hart *h = m[n].h;
    uint64_t done = 0;
    for (unsigned idle = 0; done < insns && idle < 64;) {
        uint64_t ask = min_u64(piece, insns - done);
        h->retired += h->turn_retired;
        h->clock = h->retired;
        h->turn_retired = 0;
        *last = hart_run(h, ask);
        FUZZ_CHECK(h->turn_retired <= ask, "%llu of %llu", (unsigned long long)h->turn_retired,
                   (unsigned long long)ask);
        FUZZ_CHECK(last->reason != EXIT_BUDGET || h->turn_retired == ask, "%llu of %llu",
                   (unsigned long long)h->turn_retired, (unsigned long long)ask);
        FUZZ_CHECK(last->reason != EXIT_TRAP, "a trap for nobody");
        done += h->turn_retired;
        idle = h->turn_retired ? 0 : idle + 1;
        if (last->reason == EXIT_STUCK)
            break;
    }
    h->retired += h->turn_retired;
    h->clock = h->retired;
    h->turn_retired = 0;
    return done;
}

static void sane(const struct hart *h)
{
    FUZZ_CHECK(h->x[0] == 0, "%#llx", (unsigned long long)h->x[0]);
    FUZZ_CHECK(h->priv <= PRIV_M && h->priv != 2 && !(h->virt && h->priv == PRIV_M), "privilege %d, V %d", h->priv,
               h->virt);
    FUZZ_CHECK(!(h->pc & (h->isa.c ? 1 : 3)), "pc %#llx", (unsigned long long)h->pc);
}

/* What the translations depend on. Code that changes it and makes no fence may see old ones, for as long as each way to run keeps them. */
struct tables {
    uint64_t satp, vsatp, hgatp;
    uint8_t bytes[16 * PAGE_SIZE];
};

static void note_tables(unsigned n, struct tables *t)
{
    const struct csrs *c = &m[n].h->csr;
    t->satp = c->satp;
    t->vsatp = c->vsatp;
    t->hgatp = c->hgatp;
    memcpy(t->bytes, bus_memory(m[n].bus, 0)->host + TABLES * PAGE_SIZE, sizeof t->bytes);
}

static void same(const struct hart *a, const struct hart *b)
{
    FUZZ_CHECK(a->pc == b->pc && a->priv == b->priv && a->virt == b->virt,
               "pc %#llx (privilege %d) in blocks, %#llx (%d) in steps", (unsigned long long)a->pc, a->priv,
               (unsigned long long)b->pc, b->priv);
    for (unsigned i = 1; i < 32; i++)
        FUZZ_CHECK(a->x[i] == b->x[i], "x%u %#llx in blocks, %#llx in steps", i, (unsigned long long)a->x[i],
                   (unsigned long long)b->x[i]);
    for (unsigned i = 0; i < 32; i++)
        FUZZ_CHECK(a->f[i] == b->f[i], "f%u %#llx in blocks, %#llx in steps", i, (unsigned long long)a->f[i],
                   (unsigned long long)b->f[i]);
    static uint16_t numbers[2][4096], count[2];
    uint16_t *csr = numbers[m == all[1]], *ncsr = &count[m == all[1]];
    for (unsigned num = *ncsr ? 4096 : 0; num < 4096; num++) {
        uint64_t v;
        if (csr_peek(m[0].h, num, &v))
            csr[(*ncsr)++] = (uint16_t)num;
    }
    for (unsigned i = 0; i < *ncsr; i++) {
        uint64_t va = 0, vb = 0;
        unsigned num = csr[i];
        bool ga = csr_peek(m[0].h, num, &va), gb = csr_peek(m[1].h, num, &vb);
        FUZZ_CHECK(ga == gb && va == vb, "CSR %#x (%s) %#llx in blocks, %#llx in steps", num,
                   csr_name(num) ? csr_name(num) : "?", (unsigned long long)va, (unsigned long long)vb);
    }
    FUZZ_CHECK(m[0].mmio == m[1].mmio, "MMIO writes differ");
    FUZZ_CHECK(!memcmp(bus_memory(m[0].bus, 0)->host, bus_memory(m[1].bus, 0)->host, PAGES * PAGE_SIZE),
               "memory differs");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input in = {data, data + size};
    struct exit last[2];
    uint64_t done[2], piece[2] = {INSNS, 1};
    static struct tables before, after[2];
    m = all[size > 3 && data[3] & 0x80];
    for (unsigned n = 0; n < 2; n++) {
        if (!m[n].h)
            make(n);
        prepare(n, in);
        note_tables(n, &before);
        done[n] = run(n, INSNS, piece[n], &last[n]);
        sane(m[n].h);
        note_tables(n, &after[n]);
    }
    if (last[0].reason == EXIT_BUDGET && last[1].reason == EXIT_BUDGET && done[0] == done[1] &&
        !memcmp(&before, &after[0], sizeof before) && !memcmp(&before, &after[1], sizeof before))
        same(m[0].h, m[1].h);
    return 0;
}
