/* SPDX-License-Identifier: MIT */
/*
 * What `walk` says, and what the hart then does: for page tables made at random, of one stage and two, an access is explained, an
 * instruction that makes this access is executed, and the two must agree: the physical address, or cause, tval and tval2. The text too.
 *
 * Physical memory: RAM whose lower pages hold page tables and whose upper ones are mapped by them, a ROM and a device.
 */
#include "monitor/debug/walk_view.h"

#include "run_rig.h"

Suite *walk_view_suite(void);

#define ROM UINT64_C(0x20000000)
#define DEV UINT64_C(0x10000000)
enum {
    BOARD_RAM = 0x100000,
    TABLE_PAGES = 192,
    DATA_PAGES = BOARD_RAM / PAGE_SIZE - TABLE_PAGES,
    ROM_SIZE = 0x4000,
    DEV_SIZE = 0x1000
};
enum { CASES = 6000, ACCESSES = 3, LOOPS = 4 };

/* Fields of a PTE that the rig has no name for. */
#define P_PPN(pa) ((uint64_t)(pa) >> 12 << 10)
#define P_PBMT(n) ((uint64_t)(n) << 61)
#define P_N       BIT(63)

/* Assertions for inner loops: Check's own leave a mark in a file each time they hold. */
#define CHECK_MSG(c, ...)                                                                                              \
    do {                                                                                                               \
        if (!(c))                                                                                                      \
            ck_abort_msg(__VA_ARGS__);                                                                                 \
    } while (0)
#define CHECK(c) CHECK_MSG(c, "%s", #c)
#define SAME(a, b)                                                                                                     \
    CHECK_MSG((uint64_t)(a) == (uint64_t)(b), "%s = %lx, %s = %lx", #a, (unsigned long)(a), #b, (unsigned long)(b))

struct world {
    struct machine *m;
    uint64_t seed;
    unsigned next;         /* free page of the tables */
    unsigned mode1, mode2; /* MODE of satp or vsatp, and of hgatp; 0 = Bare */
    enum priv priv;
    bool virt;
    uint64_t root1, root2;
    struct {
        uint64_t gpa, hpa;
    } table[TABLE_PAGES]; /* stage one's, as the guest and as the host see them */
    unsigned ntables;
    uint64_t pte[512]; /* where the entries in use lie */
    unsigned nptes;
    uint64_t dev_value, dev_at;
};

static uint64_t rnd(struct world *w)
{
    uint64_t x = w->seed;
    x ^= x >> 12;
    x ^= x << 25;
    x ^= x >> 27;
    w->seed = x;
    return x * UINT64_C(0x2545f4914f6cdd1d);
}

static unsigned below(struct world *w, unsigned n)
{
    return (unsigned)((rnd(w) >> 33) % n);
}

/* ---- the board ---- */

static uint64_t dev_read(void *dev, uint64_t off, unsigned size)
{
    (void)dev;
    (void)size;
    return UINT64_C(0x0101010101010101) * (off & 0x7f);
}

static void dev_write(void *dev, uint64_t off, uint64_t val, unsigned size)
{
    struct world *w = dev;
    (void)size;
    w->dev_value = val;
    w->dev_at = off;
}

static struct world *world_new(uint64_t seed)
{
    static const struct mmio_ops ops = {dev_read, dev_write, 1, 8};
    struct world *w = calloc(1, sizeof *w);
    struct machine *m = calloc(1, sizeof *m);
    struct err e;
    ck_assert(w && m);
    *w = (struct world){.m = m, .seed = seed};
    ck_assert_int_eq(isa_parse(&m->isa, "rv64", &e), 0);
    m->bus = bus_new();
    m->ram = bus_add_memory(m->bus, "ram", RAM, BOARD_RAM, false, &e);
    ck_assert(m->ram && bus_add_memory(m->bus, "rom", ROM, ROM_SIZE, true, &e));
    ck_assert_int_eq(bus_add_mmio(m->bus, "dev", DEV, DEV_SIZE, &ops, w, &e), 0);
    m->code = code_cache_new(m->bus, &m->isa);
    m->env = (struct hart_env){.time = machine_time, .timer_changed = machine_timer_changed};
    m->h = hart_new(0, &m->isa, m->bus, m->code, &m->env);
    ck_assert_ptr_nonnull(m->h);
    m->h->native = 1u << PRIV_M; /* every trap comes back as an exit */
    return w;
}

static void world_free(struct world *w)
{
    machine_unmake(w->m);
    free(w);
}

static void store(struct world *w, uint64_t pa, const void *bytes, size_t n)
{
    CHECK(bus_load(w->m->bus, pa, bytes, n));
}

/* ---- page tables ---- */

static unsigned levels_of(unsigned mode)
{
    return mode ? mode - 5 : 0;
}

static uint64_t new_page(struct world *w, unsigned n)
{
    w->next = (w->next + n - 1) / n * n;
    uint64_t pa = RAM + (uint64_t)w->next * PAGE_SIZE;
    w->next += n;
    CHECK(w->next <= TABLE_PAGES);
    return pa;
}

/* Flags of a leaf for an access by `user`: mostly good, often lacking something. */
static uint64_t leaf_flags(struct world *w, bool user)
{
    uint64_t f = P_V | P_RWX | P_AD | (user ? P_U : 0);
    switch (below(w, 24)) {
    case 0: return f & ~(uint64_t)P_W;
    case 1: return f & ~(uint64_t)(P_R | P_W);
    case 2: return f & ~(uint64_t)P_X;
    case 3: return f ^ P_U;
    case 4: return f & ~(uint64_t)P_D;
    case 5: return f & ~(uint64_t)P_AD;
    case 6: return f | P_PBMT(1 + below(w, 2));
    case 7: return f | P_G;
    default: return f;
    }
}

static void map(struct world *w, unsigned stage, uint64_t va, uint64_t to, uint64_t flags, unsigned leaf);

static uint64_t random_gpa(struct world *w)
{
    static const unsigned width[] = {41, 50, 59};
    return rnd(w) & MASK(min_u64(width[w->mode2 - 8], 56) - 1, 12);
}

/* A zero table: its address as its owner sees it. */
static uint64_t new_table(struct world *w, unsigned stage)
{
    static const uint8_t zeros[PAGE_SIZE];
    uint64_t hpa = new_page(w, 1), gpa = hpa;
    store(w, hpa, zeros, PAGE_SIZE);
    if (stage == 2)
        return hpa;
    if (w->virt && w->mode2) {
        gpa = random_gpa(w);
        static const uint64_t lacking[] = {0, 0, 0, 0, P_W, P_D, P_A};
        map(w, 2, gpa, hpa, leaf_flags(w, true) & ~lacking[below(w, ARRAY_LEN(lacking))], 0);
    }
    w->table[w->ntables].gpa = gpa;
    w->table[w->ntables++].hpa = hpa;
    return gpa;
}

static uint64_t table_hpa(const struct world *w, unsigned stage, uint64_t at)
{
    for (unsigned i = 0; stage == 1 && i < w->ntables; i++)
        if (w->table[i].gpa == at)
            return w->table[i].hpa;
    return at;
}

/* Bytes that a leaf of this level maps. */
static uint64_t span_of(unsigned level)
{
    return (uint64_t)PAGE_SIZE << 9 * level;
}

/* Maps the page of va to `to`; a leaf already on the way stays. */
static void map(struct world *w, unsigned stage, uint64_t va, uint64_t to, uint64_t flags, unsigned leaf)
{
    unsigned top = levels_of(stage == 1 ? w->mode1 : w->mode2) - 1;
    uint64_t table = stage == 1 ? w->root1 : w->root2;
    for (unsigned level = top;; level--) {
        uint64_t index = va >> (12 + 9 * level) & (stage == 2 && level == top ? 2047 : 511);
        uint64_t at = table_hpa(w, stage, table) + index * 8, pte = get(w->m, at, 8);
        if (level == leaf && !pte) {
            pte = P_PPN(to & ~(span_of(level) - 1)) | flags;
            if (flags & P_N)
                pte = (pte & ~MASK(13, 10)) | 8 << 10;
        } else if (!pte) {
            /* The new table's own mapping may use this entry. */
            uint64_t next = new_table(w, stage);
            pte = get(w->m, at, 8);
            pte = pte ? pte : P_PPN(next) | P_V;
        }
        store(w, at, &pte, 8);
        if (w->nptes < ARRAY_LEN(w->pte))
            w->pte[w->nptes++] = at;
        if (level == leaf || pte & P_RWX)
            return;
        table = (pte >> 10 & MASK(43, 0)) << 12;
    }
}

static uint64_t random_target(struct world *w)
{
    uint64_t page = below(w, DATA_PAGES);
    switch (below(w, 16)) {
    case 0: return DEV;
    case 1: return ROM + page % 4 * PAGE_SIZE;
    case 2: return below(w, 3) ? UINT64_C(0x90000000) : rnd(w) & MASK(55, 12);
    default: return RAM + (TABLE_PAGES + page) * PAGE_SIZE;
    }
}

/* An address whose lower bits fit a leaf of this level that maps `to`. */
static uint64_t random_va(struct world *w, unsigned stage, unsigned level, bool napot, uint64_t to)
{
    unsigned width = 12 + 9 * levels_of(stage == 1 ? w->mode1 : w->mode2) + (stage == 2 ? 2 : 0);
    uint64_t span = napot ? 65536 : span_of(level);
    uint64_t va = merge_bits(rnd(w), to, span - 1);
    if (stage == 2)
        return va & MASK(width - 1 < 55 ? width - 1 : 55, 12);
    return (uint64_t)sign_extend(va & MASK(width - 1, 12), width);
}

/* A level for a leaf: mostly the last. */
static unsigned random_level(struct world *w, unsigned mode)
{
    return below(w, 4) ? 0 : below(w, levels_of(mode) < 4 ? 3 : 4);
}

/* The page of guest physical memory that stands for a page of the host's. */
static uint64_t map_gpa(struct world *w, uint64_t hpa)
{
    if (!w->virt || !w->mode2)
        return hpa;
    unsigned level = random_level(w, w->mode2);
    bool napot = !level && !below(w, 4);
    uint64_t gpa = random_va(w, 2, level, napot, hpa);
    map(w, 2, gpa, hpa, leaf_flags(w, true) | (napot ? P_N : 0), level);
    return gpa;
}

static uint64_t map_va(struct world *w, uint64_t hpa)
{
    uint64_t gpa = map_gpa(w, hpa);
    if (!w->mode1)
        return gpa;
    unsigned level = random_level(w, w->mode1);
    bool napot = !level && !below(w, 4);
    uint64_t va = random_va(w, 1, level, napot, gpa);
    map(w, 1, va, gpa, leaf_flags(w, w->priv == PRIV_U) | (napot ? P_N : 0), level);
    return va;
}

/* ---- the hart's state ---- */

static void random_pmp(struct world *w)
{
    struct pmp *p = &w->m->h->pmp;
    memset(p->addr, 0, sizeof p->addr);
    memset(p->cfg, 0, sizeof p->cfg);
    unsigned n = 0;
    while (n < 5 && !below(w, 3)) {
        p->addr[n] = (RAM >> 2) + below(w, BOARD_RAM / 4);
        switch (below(w, 3)) {
        case 0: p->cfg[n] = 0x10; break; /* NA4 */
        case 1: p->cfg[n] = 0x08; break; /* TOR, down to the entry before */
        default: p->addr[n] |= MASK(7 + below(w, 4), 0); p->cfg[n] = 0x18;
        }
        p->cfg[n++] |= (uint8_t)(rnd(w) & 0x87);
    }
    p->addr[n] = MASK(53, 0);
    p->cfg[n] = below(w, 32) ? 0x1f : 0; /* the rest is open, or belongs to M alone */
    pmp_update(p);
}

static void random_context(struct world *w)
{
    static const unsigned modes[] = {0, 8, 8, 9, 10};
    struct hart *h = w->m->h;
    struct csrs *c = &h->csr;
    w->virt = below(w, 3);
    w->priv = below(w, 2) ? PRIV_U : PRIV_S;
    if (!w->virt && !below(w, 16))
        w->priv = PRIV_M;
    w->mode1 = modes[below(w, 5)];
    w->mode2 = modes[below(w, 5)];
    w->next = w->ntables = w->nptes = 0;
    w->root2 = 0;
    if (w->virt && w->mode2) {
        static const uint8_t zeros[4 * PAGE_SIZE];
        w->root2 = new_page(w, 4);
        store(w, w->root2, zeros, sizeof zeros);
    }
    w->root1 = w->mode1 ? new_table(w, 1) : 0;
    uint64_t satp = w->mode1 ? (uint64_t)w->mode1 << 60 | w->root1 >> 12 : 0;
    *(w->virt ? &c->vsatp : &c->satp) = satp;
    c->hgatp = w->mode2 ? (uint64_t)w->mode2 << 60 | w->root2 >> 12 : 0;
    c->mstatus = (c->mstatus & ~(MSTATUS_MPRV | MSTATUS_MPP | MSTATUS_MPV | MSTATUS_SUM | MSTATUS_MXR)) |
                 (rnd(w) & (MSTATUS_SUM | MSTATUS_MXR));
    c->vsstatus = (c->vsstatus & ~(MSTATUS_SUM | MSTATUS_MXR)) | (rnd(w) & (MSTATUS_SUM | MSTATUS_MXR));
    c->menvcfg = (below(w, 3) ? ENVCFG_ADUE : 0) | (below(w, 8) ? ENVCFG_PBMTE : 0);
    c->henvcfg = (below(w, 3) ? ENVCFG_ADUE : 0) | (below(w, 8) ? ENVCFG_PBMTE : 0);
    h->isa.svnapot = below(w, 16);
    random_pmp(w);
}

/* Breaks an entry in use. */
static void break_something(struct world *w)
{
    if (!w->nptes)
        return;
    uint64_t at = w->pte[below(w, w->nptes)], pte = get(w->m, at, 8);
    if (below(w, 6))
        pte ^= BIT(below(w, 2) ? below(w, 8) : below(w, 64));
    else
        pte &= ~(uint64_t)(P_RWX | P_AD | P_U); /* a pointer now, even at the last level */
    store(w, at, &pte, 8);
}

/* ---- one access ---- */

enum how { HOW_OWN, HOW_MPRV, HOW_HYP, HOW_FETCH };

struct access {
    enum how how;
    enum mmu_access kind;
    bool atomic, hlvx;
    unsigned size;
    uint64_t va, value;
    uint32_t insn;
};

struct tally {
    unsigned ok[4], virt_ok, both_ok[3][3], cause[24], pte_read, pte_write, pmp, place[PLACE_MISALIGNED + 1], crossing,
        atomic, hlvx, step[PTE_UPDATED_AD + 1];
};

static uint32_t instruction(const struct access *a)
{
    static const uint16_t load[] = {INSN_lbu, INSN_lhu, INSN_lwu, INSN_ld}, st[] = {INSN_sb, INSN_sh, INSN_sw, INSN_sd};
    static const uint16_t hlv[] = {INSN_hlv_bu, INSN_hlv_hu, INSN_hlv_wu, INSN_hlv_d},
                          hsv[] = {INSN_hsv_b, INSN_hsv_h, INSN_hsv_w, INSN_hsv_d};
    unsigned n = (unsigned)__builtin_ctz(a->size);
    bool store = a->kind == MMU_W;
    if (a->kind == MMU_X)
        return W_ADDI(10, 0, (int32_t)(a->value & 0x7ff));
    if (a->atomic && store)
        return w_r(a->size == 4 ? INSN_amoswap_w : INSN_amoswap_d, 10, 11, 12);
    if (a->atomic)
        return w_r(a->size == 4 ? INSN_lr_w : INSN_lr_d, 10, 11, 0);
    if (a->how == HOW_HYP && store)
        return w_r((enum insn_id)hsv[n], 0, 11, 12);
    if (a->hlvx)
        return w_r(a->size == 2 ? INSN_hlvx_hu : INSN_hlvx_wu, 10, 11, 0);
    if (a->how == HOW_HYP)
        return w_r((enum insn_id)hlv[n], 10, 11, 0);
    return store ? w_s((enum insn_id)st[n], 12, 11, 0) : w_i((enum insn_id)load[n], 10, 11, 0);
}

static struct access random_access(struct world *w, uint64_t va)
{
    struct access a = {
        .how = below(w, 4), .kind = below(w, 2) ? MMU_R : MMU_W, .size = 1u << below(w, 4), .value = rnd(w)};
    if (w->priv == PRIV_M && a.how != HOW_FETCH)
        a.how = HOW_OWN;
    if (a.how == HOW_HYP && !w->virt)
        a.how = HOW_MPRV;
    if (a.how == HOW_FETCH)
        a.kind = MMU_X, a.size = 4;
    if (a.how == HOW_HYP)
        a.hlvx = a.kind == MMU_R && (a.size == 2 || a.size == 4) && below(w, 2);
    else if (a.how != HOW_FETCH && a.size >= 4)
        a.atomic = !below(w, 6);
    uint64_t off = below(w, 8) ? rnd(w) % PAGE_SIZE & ~(uint64_t)7 : PAGE_SIZE - 1 - below(w, 8);
    if (!below(w, 6))
        off += below(w, 8);
    a.va = va + off % PAGE_SIZE;
    if (a.kind == MMU_X)
        a.va &= ~UINT64_C(1);
    if (!below(w, 40))
        a.va ^= BIT(12 + below(w, 52));
    a.insn = instruction(&a);
    return a;
}

/* Lets the first entry of PMP begin or end within or next to the access. */
static void aim_pmp(struct world *w, const struct access *a, const struct walk_view *v)
{
    struct pmp *p = &w->m->h->pmp;
    if (!v->nparts || !v->part[0].translated)
        return;
    p->addr[0] = (v->part[0].map.pa + below(w, a->size + 2)) >> 2;
    p->cfg[0] = (uint8_t)(0x10 | (rnd(w) & 7));
    pmp_update(p);
    hart_flush_all(w->m->h);
    hart_context_changed(w->m->h);
}

/* Where the instruction stands that makes the access, and the hart before it. For M and HLV: a page of RAM, untranslated. */
static void prepare(struct world *w, const struct access *a, uint64_t code_va)
{
    struct hart *h = w->m->h;
    bool own = a->how == HOW_OWN || a->how == HOW_FETCH;
    h->priv = own ? w->priv : PRIV_M;
    h->virt = own && w->virt;
    h->csr.mstatus &= ~(MSTATUS_MPRV | MSTATUS_MPP | MSTATUS_MPV);
    if (a->how == HOW_MPRV)
        h->csr.mstatus |= MSTATUS_MPRV | (uint64_t)w->priv << MSTATUS_MPP_SHIFT | (w->virt ? MSTATUS_MPV : 0);
    h->csr.hstatus = (h->csr.hstatus & ~HSTATUS_SPVP) | (w->priv == PRIV_S ? HSTATUS_SPVP : 0);
    h->pc = a->how == HOW_FETCH        ? a->va
            : own && w->priv != PRIV_M ? code_va
                                       : RAM + BOARD_RAM - PAGE_SIZE + (code_va & 0xff8);
    memset(h->x, 0, sizeof h->x);
    h->x[11] = a->va;
    h->x[12] = a->value;
    hart_flush_all(h);
    hart_context_changed(h);
}

static void explain_fetch(struct world *w, struct walk_view *v)
{
    struct mmu_ctx c = hart_fetch_ctx(w->m->h);
    walk_view_make(v, &c, w->m->h->pc, 4, MMU_X, false);
}

/* Puts the instruction where it will be fetched from (its first half alone if the second cannot be), and says in v what the fetch will
 * do. False: its own bytes change that. */
static bool place_code(struct world *w, uint32_t insn, struct walk_view *v)
{
    for (unsigned i = 0; i < 4; i++) {
        explain_fetch(w, v);
        bool one = v->nparts == 1, done = true;
        unsigned parts = v->ok ? v->nparts : v->nparts - 1;
        for (unsigned k = 0; k < parts; k++) {
            uint32_t now = 0, half = k ? insn >> 16 : insn;
            unsigned n = one ? 4 : 2;
            CHECK(bus_dma_read(w->m->bus, v->part[k].map.pa, &now, n));
            if (!memcmp(&now, &half, n))
                continue;
            store(w, v->part[k].map.pa, &half, n);
            done = false;
        }
        if (done)
            return true;
    }
    return false;
}

/* The fetch sets A before the access is translated. */
static void touch_code(const struct walk_view *v)
{
    for (unsigned i = 0; i < v->nparts; i++) {
        struct mmu_map m;
        struct mmu_fault f;
        CHECK(mmu_translate(&v->c, v->part[i].va, 2, MMU_X, false, &m, &f, NULL));
    }
}

static void explain_data(struct world *w, const struct access *a, struct walk_view *v)
{
    struct hart *h = w->m->h;
    struct mmu_ctx c = hart_data_ctx(h);
    struct trap t;
    if (a->how == HOW_HYP)
        CHECK(hart_hyp_ctx(h, a->insn, a->hlvx, &c, &t));
    walk_view_make(v, &c, a->va, a->size, a->kind, a->atomic);
}

/* The number behind `name` in a line, written with 0x and underscores or in decimal. */
static uint64_t number_behind(const char *line, const char *name)
{
    const char *at = strstr(line, name);
    uint64_t v = 0;
    CHECK_MSG(at, "no %s in: %s", name, line);
    at += strlen(name);
    bool hex = !strncmp(at, "0x", 2);
    for (at += hex ? 2 : 0; *at == '_' || (*at >= '0' && *at <= '9') || (hex && *at >= 'a' && *at <= 'f'); at++)
        if (*at != '_')
            v = v * (hex ? 16 : 10) + (uint64_t)(*at <= '9' ? *at - '0' : *at - 'a' + 10);
    return v;
}

static void check_text(const struct walk_view *v)
{
    struct out_text t;
    out_text_init(&t);
    walk_view_print(&t.out, v);
    const char *line = strstr(t.text, "=> ");
    CHECK_MSG(line && line[-1] == '\n' && strchr(line, '\n') == t.text + t.size - 1, "%s", t.text);
    if (v->ok) {
        SAME(number_behind(line, "physical address "), v->part[0].map.pa);
        if (v->nparts > 1)
            SAME(number_behind(line, "then physical address "), v->part[1].map.pa);
    } else {
        SAME(number_behind(line, "cause "), v->fault.cause);
        SAME(number_behind(line, "tval "), v->fault.tval);
        SAME(number_behind(line, "tval2 "), v->fault.tval2);
        CHECK(v->misaligned || strstr(t.text, "DENIED: "));
    }
    CHECK(v->ok ? !strstr(t.text, "DENIED") : true);
    out_text_free(&t);
}

/* The bytes at the physical addresses of the explanation, as the device or the memory there has them. */
static uint64_t bytes_at(struct world *w, const struct walk_view *v)
{
    uint64_t val = 0;
    unsigned n = 0;
    for (unsigned i = 0; i < v->nparts; i++)
        for (unsigned k = 0; k < v->part[i].size; k++, n++) {
            uint64_t pa = v->part[i].map.pa + k, byte = 0;
            if (!bus_dma_read(w->m->bus, pa, &byte, 1))
                byte = dev_read(w, v->nparts > 1 ? pa - DEV : v->part[i].map.pa - DEV, 1) & 0xff;
            val |= byte << 8 * n;
        }
    return val;
}

static void check_done(struct world *w, const struct access *a, const struct walk_view *v)
{
    uint64_t x10 = w->m->h->x[10], mask = UINT64_MAX >> (64 - 8 * a->size), pa = v->part[0].map.pa;
    bool device = !bus_memory_at(w->m->bus, pa);
    if (a->kind == MMU_X) {
        SAME(x10, a->value & 0x7ff);
    } else if (a->kind == MMU_R) {
        if (a->atomic)
            x10 &= mask;
        SAME(x10, bytes_at(w, v));
        CHECK(!a->atomic || w->m->h->reservation == pa);
    } else if (!device) {
        SAME(bytes_at(w, v) & (v->nparts > 1 ? MASK(8 * v->part[0].size - 1, 0) : mask),
             a->value & (v->nparts > 1 ? MASK(8 * v->part[0].size - 1, 0) : mask));
    } else if (v->nparts == 1) {
        SAME(w->dev_at, pa - DEV);
        SAME(w->dev_value, a->value & mask);
    }
}

static void count(struct world *w, struct tally *t, const struct access *a, const struct walk_view *v)
{
    t->crossing += v->nparts > 1;
    t->atomic += a->atomic;
    t->hlvx += v->ok && a->hlvx;
    if (v->ok) {
        t->ok[a->how]++;
        t->virt_ok += w->virt;
        if (w->virt && w->mode1 && w->mode2)
            t->both_ok[w->mode1 - 8][w->mode2 - 8]++;
        return;
    }
    t->cause[v->fault.cause]++;
    t->pte_read += v->fault.tinst == 0x3000;
    t->pte_write += v->fault.tinst == 0x3020;
    if (v->misaligned)
        return;
    const struct walk_part *p = &v->part[v->nparts - 1];
    if (p->translated)
        t->place[p->place]++;
    else
        t->step[p->step[p->nsteps - 1].verdict]++;
}

static void one_access(struct world *w, struct tally *t, uint64_t va, uint64_t code_va)
{
    static struct walk_view v; /* large */
    struct access a = random_access(w, va);
    struct hart *h = w->m->h;
    prepare(w, &a, code_va);
    if (!below(w, 12)) {
        if (a.kind == MMU_X)
            explain_fetch(w, &v);
        else
            explain_data(w, &a, &v);
        aim_pmp(w, &a, &v);
    }
    if (!place_code(w, a.insn, &v))
        return;
    bool fetched = v.ok;
    if (fetched && a.kind != MMU_X) {
        touch_code(&v);
        explain_data(w, &a, &v);
    }
    check_text(&v);
    count(w, t, &a, &v);
    uint64_t pc = h->pc;
    struct exit e = hart_run(h, 1);
    if (v.ok) {
        CHECK_MSG(e.reason == EXIT_BUDGET, "walk says ok, the hart takes cause %lu, tval %lx",
                  (unsigned long)e.trap.cause, (unsigned long)e.trap.tval);
        SAME(h->pc, pc + 4);
        check_done(w, &a, &v);
        return;
    }
    CHECK_MSG(e.reason == EXIT_TRAP, "walk says cause %lu, the hart takes none", (unsigned long)v.fault.cause);
    SAME(e.trap.cause, v.fault.cause);
    SAME(e.trap.tval, v.fault.tval);
    SAME(e.trap.tval2, v.fault.tval2);
    SAME(e.trap.gva, v.fault.gva);
    if (v.fault.tinst || e.trap.tinst == 0x3000 || e.trap.tinst == 0x3020)
        SAME(e.trap.tinst, v.fault.tinst);
}

static void one_case(struct world *w, struct tally *t)
{
    random_context(w);
    uint64_t data = random_target(w), code = RAM + (TABLE_PAGES + below(w, DATA_PAGES)) * PAGE_SIZE;
    uint64_t va = map_va(w, data), code_va = map_va(w, code) + below(w, 500) * 8;
    if (w->mode1 && w->next < TABLE_PAGES - 12) /* the next page too, for what crosses into it */
        map(w, 1, va + PAGE_SIZE, map_gpa(w, random_target(w)), leaf_flags(w, w->priv == PRIV_U), 0);
    if (!below(w, 3))
        break_something(w);
    for (unsigned i = 0; i < ACCESSES; i++)
        one_access(w, t, va, code_va);
}

/* Each kind of outcome must have been seen. */
static void check_tally(const struct tally *t)
{
    static const unsigned causes[] = {1, 4, 5, 6, 7, 12, 13, 15, 20, 21, 23};
    for (unsigned i = 0; i < ARRAY_LEN(causes); i++)
        ck_assert_msg(t->cause[causes[i]] > 10, "cause %u seen %u times", causes[i], t->cause[causes[i]]);
    for (unsigned i = 0; i < ARRAY_LEN(t->ok); i++)
        ck_assert_msg(t->ok[i] > 400, "way %u went well %u times", i, t->ok[i]);
    for (unsigned i = 0; i < 9; i++)
        ck_assert_msg(t->both_ok[i / 3][i % 3] > 20, "modes %u: %u times", i, t->both_ok[i / 3][i % 3]);
    for (unsigned i = PLACE_EMPTY; i < ARRAY_LEN(t->place); i++)
        ck_assert_msg(t->place[i] > 3, "place %u: %u times", i, t->place[i]);
    for (unsigned i = PTE_INVALID; i < PTE_UPDATED_AD; i++)
        ck_assert_msg(t->step[i] > 3, "verdict %u: %u times", i, t->step[i]);
    ck_assert_uint_gt(t->pte_read, 200);
    ck_assert_uint_gt(t->pte_write, 3);
    ck_assert_uint_gt(t->crossing, 100);
    ck_assert_uint_gt(t->atomic, 200);
    ck_assert_uint_gt(t->hlvx, 10);
}

START_TEST(walk_and_hart_agree)
{
    struct world *w = world_new(UINT64_C(0x77616c6b) + (unsigned)_i * 977);
    struct tally t = {0};
    for (unsigned i = 0; i < CASES; i++)
        one_case(w, &t);
    check_tally(&t);
    world_free(w);
}
END_TEST

Suite *walk_view_suite(void)
{
    Suite *s = suite_create("walk_view");
    TCase *t = tcase_create("walk_view");
    tcase_set_timeout(t, 120);
    tcase_add_loop_test(t, walk_and_hart_agree, 0, LOOPS);
    suite_add_tcase(s, t);
    return s;
}
