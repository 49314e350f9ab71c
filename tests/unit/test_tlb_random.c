/* SPDX-License-Identifier: MIT */
/*
 * The TLB under random changes of both stages' tables and random fences. For each address in each address space the test keeps every
 * translation that held since a fence last had to end it; a load must see one of them. Priv. "Supervisor Memory-Management Fence
 * Instruction", "Hypervisor Memory-Management Fence Instructions".
 */
#include "run_rig.h"

Suite *tlb_random_suite(void);

/*
 * RAM by pages: 0 code | 1 trap handler | 2 + 4 a.. stage one of ASID a: root, level 1, level 0 of two regions | 16.. and 24.. stage two of
 * VMID 0 and 1: root (4 pages), level 1, level 0 | 32.. data: page n holds n.
 * A region of stage one is 2 MiB: a table of level 0 or one large page. Stage two: the tables' 2 MiB as they are, and those at GUEST by
 * a table or by one large page that leads to RAM's start.
 */
#define VA_BASE UINT64_C(0x40000000)
#define GUEST   UINT64_C(0x80200000)
enum {
    MEGA = 1 << 21,
    DATA = 32,
    NDATA = 24,
    REGIONS = 2,
    PER_REGION = 6,
    NVA = REGIONS * PER_REGION,
    ASIDS = 2,
    VMIDS = 2
};
enum { LEAF = P_V | P_RWX | P_AD, HISTORY = 400 };
enum { C_HGATP = 0x680, C_VSATP = 0x280 };
#define FAULT UINT64_MAX

/* One way in which an address was translated. */
struct past {
    uint64_t pa;       /* FAULT: not at all */
    uint64_t one, two; /* sizes of the pages at each stage; 0 where none was reached */
    uint64_t gpa;
};

struct key {
    struct past past[HISTORY]; /* the last is how it is now */
    unsigned n;
};

struct world {
    struct machine *m;
    struct key key[VMIDS][ASIDS][NVA];
    uint64_t random;
    unsigned asid, vmid;
};

static uint64_t next(struct world *w, uint64_t below)
{
    w->random ^= w->random << 13;
    w->random ^= w->random >> 7;
    w->random ^= w->random << 17;
    return (w->random >> 11) % below;
}

static uint64_t page(unsigned n)
{
    return RAM + (uint64_t)n * PAGE_SIZE;
}

static uint64_t va_of(unsigned i)
{
    return VA_BASE + i / PER_REGION * (uint64_t)MEGA + (DATA + i % PER_REGION) * (uint64_t)PAGE_SIZE;
}

static unsigned one(unsigned asid)
{
    return 2 + 4 * asid;
}

static unsigned two(unsigned vmid)
{
    return 16 + 8 * vmid;
}

static uint64_t entry(const struct machine *m, unsigned table, unsigned n)
{
    return get(m, page(table) + 8 * (uint64_t)n, 8);
}

static void set_entry(struct machine *m, unsigned table, unsigned n, uint64_t e)
{
    put(m, page(table) + 8 * (uint64_t)n, e, 8);
}

/* Reads the tables as the specification has them walked, no farther than this test builds them. */
static struct past look(const struct machine *m, unsigned vmid, unsigned asid, uint64_t va)
{
    struct past p = {.pa = FAULT};
    uint64_t e = entry(m, one(asid) + 1, (unsigned)(va >> 21 & 511));
    p.one = MEGA;
    if ((e & P_V) && !(e & P_RWX)) {
        e = entry(m, (unsigned)(((e >> 10 << 12) - RAM) / PAGE_SIZE), (unsigned)(va >> 12 & 511));
        p.one = PAGE_SIZE;
    }
    if (!(e & P_V) || !(e & P_R))
        return p;
    p.gpa = (e >> 10 << 12 & ~(p.one - 1)) | (va & (p.one - 1));
    e = entry(m, two(vmid) + 4, (unsigned)(p.gpa >> 21 & 511));
    p.two = MEGA;
    if ((e & P_V) && !(e & P_RWX)) {
        e = entry(m, two(vmid) + 5, (unsigned)(p.gpa >> 12 & 511));
        p.two = PAGE_SIZE;
    }
    if ((e & P_V) && (e & P_R))
        p.pa = (e >> 10 << 12 & ~(p.two - 1)) | (p.gpa & (p.two - 1));
    return p;
}

/* A table has changed: what is true now joins what may still be seen. */
static void note(struct world *w)
{
    for (unsigned v = 0; v < VMIDS; v++)
        for (unsigned a = 0; a < ASIDS; a++)
            for (unsigned i = 0; i < NVA; i++) {
                struct key *k = &w->key[v][a][i];
                struct past now = look(w->m, v, a, va_of(i));
                const struct past *last = k->n ? &k->past[k->n - 1] : NULL;
                if (last && last->pa == now.pa && last->one == now.one && last->two == now.two && last->gpa == now.gpa)
                    continue;
                ck_assert_uint_lt(k->n, HISTORY);
                k->past[k->n++] = now;
            }
}

/* What a fence names; stage 1 or 2. */
struct named {
    unsigned stage;
    bool by_address, by_id;
    uint64_t address;
    unsigned id, vmid; /* id: of the ASID or VMID; vmid: of hgatp */
};

static bool ends(const struct named *f, const struct past *p, unsigned vmid, unsigned asid, uint64_t va)
{
    uint64_t at = f->stage == 1 ? va : p->gpa, size = f->stage == 1 ? p->one : p->two;
    if (f->stage == 1 ? vmid != f->vmid || (f->by_id && asid != f->id) : f->by_id && vmid != f->id)
        return false;
    return !f->by_address || !size || ((at ^ f->address) & ~(size - 1)) == 0;
}

/* The fence ends what it names, but for what is true now. */
static void forget(struct world *w, const struct named *f)
{
    for (unsigned v = 0; v < VMIDS; v++)
        for (unsigned a = 0; a < ASIDS; a++)
            for (unsigned i = 0; i < NVA; i++) {
                struct key *k = &w->key[v][a][i];
                unsigned kept = 0;
                for (unsigned j = 0; j < k->n; j++)
                    if (j == k->n - 1 || !ends(f, &k->past[j], v, a, va_of(i)))
                        k->past[kept++] = k->past[j];
                k->n = kept;
            }
}

static void load(struct world *w, unsigned i)
{
    struct machine *m = w->m;
    struct hart *h = m->h;
    const struct key *k = &w->key[w->vmid][w->asid][i];
    uint64_t status = csr(m, C_MSTATUS);
    h->pc = RAM;
    h->x[5] = va_of(i);
    run_n(m, 1);
    uint64_t seen = h->pc == RAM + 4 ? h->x[6] : FAULT;
    set_csr(m, C_MSTATUS, status);
    bool known = false;
    for (unsigned j = 0; j < k->n && !known; j++)
        known = k->past[j].pa == FAULT ? seen == FAULT : seen == (k->past[j].pa - RAM) / PAGE_SIZE;
    ck_assert_msg(known, "VMID %u, ASID %u, %#lx: saw %#lx, %u translations could be seen, now %#lx", w->vmid, w->asid,
                  (unsigned long)va_of(i), (unsigned long)seen, k->n, (unsigned long)k->past[k->n - 1].pa);
}

static void switch_space(struct world *w)
{
    w->asid = (unsigned)next(w, ASIDS);
    w->vmid = (unsigned)next(w, VMIDS);
    set_csr(w->m, C_VSATP, UINT64_C(8) << 60 | (uint64_t)w->asid << 44 | page(one(w->asid)) >> PAGE_SHIFT);
    set_csr(w->m, C_HGATP, UINT64_C(8) << 60 | (uint64_t)w->vmid << 44 | page(two(w->vmid)) >> PAGE_SHIFT);
}

static void change(struct world *w)
{
    struct machine *m = w->m;
    unsigned a = (unsigned)next(w, ASIDS), v = (unsigned)next(w, VMIDS), r = (unsigned)next(w, REGIONS);
    uint64_t flags = next(w, 5) ? LEAF : 0;
    switch (next(w, 6)) {
    case 0: /* a region: a table, a large page, nothing */
        set_entry(m, one(a) + 1, r, next(w, 2) ? page(one(a) + 2 + r) >> 2 | P_V : next(w, 4) ? GUEST >> 2 | LEAF : 0);
        break;
    case 1:
    case 2:
        set_entry(m, one(a) + 2 + r, DATA + (unsigned)next(w, PER_REGION),
                  (GUEST + (DATA + next(w, NDATA)) * PAGE_SIZE) >> 2 | flags);
        break;
    case 3: set_entry(m, two(v) + 4, 1, next(w, 2) ? page(two(v) + 5) >> 2 | P_V : RAM >> 2 | LEAF | P_U); break;
    default:
        set_entry(m, two(v) + 5, DATA + (unsigned)next(w, NDATA),
                  page(DATA + (unsigned)next(w, NDATA)) >> 2 | (flags ? flags | P_U : 0));
    }
    note(w);
}

static void fence(struct world *w)
{
    struct named f = {
        .stage = 1 + (unsigned)next(w, 2), .by_address = next(w, 4), .by_id = next(w, 2), .vmid = w->vmid};
    uint64_t va = va_of((unsigned)next(w, NVA)), gpa = GUEST + (DATA + next(w, NDATA)) * PAGE_SIZE;
    if (!next(w, 8))
        va += next(w, MEGA - 64 * PAGE_SIZE); /* anywhere in the region, or behind it */
    f.address = f.stage == 1 ? va : gpa;
    f.id = (unsigned)next(w, 2);
    if (next(w, 10)) {
        if (f.stage == 1)
            hart_hfence_vvma(w->m->h, f.by_address, va, f.by_id ? (int64_t)f.id : -1);
        else
            hart_hfence_gvma(w->m->h, f.by_address, gpa, f.by_id ? (int64_t)f.id : -1);
        forget(w, &f);
    } else {
        hart_sfence_vma(w->m->h, f.by_address, va, -1); /* HS's own: nothing need go */
    }
}

START_TEST(changes_and_fences)
{
    struct world *w = calloc(1, sizeof *w);
    ck_assert_ptr_nonnull(w);
    struct machine *m = w->m = machine_make("rv64");
    w->random = UINT64_C(0x9e3779b97f4a7c15) * (uint64_t)(_i + 1);
    for (unsigned n = DATA; n < DATA + NDATA; n++)
        put(m, page(n), n, 8);
    put(m, RAM, w_i(INSN_ld, 6, 5, 0), 4);
    put(m, page(1), W_NOP, 4);
    set_csr(m, C_MTVEC, page(1));
    for (unsigned a = 0; a < ASIDS; a++)
        set_entry(m, one(a), 1, page(one(a) + 1) >> 2 | P_V);
    for (unsigned v = 0; v < VMIDS; v++) {
        set_entry(m, two(v), 2, page(two(v) + 4) >> 2 | P_V);
        set_entry(m, two(v) + 4, 0, RAM >> 2 | LEAF | P_U);
    }
    set_csr(m, C_MSTATUS, MSTATUS_MPRV | MSTATUS_MPV | UINT64_C(1) << MSTATUS_MPP_SHIFT);
    switch_space(w);
    note(w);
    for (unsigned i = 0; i < 30000; i++) {
        uint64_t what = next(w, 20);
        if (what < 2)
            change(w);
        else if (what < 5)
            fence(w);
        else if (what < 6)
            switch_space(w);
        else
            load(w, (unsigned)next(w, NVA));
        if (i % 500 == 0) { /* else what no fence happens to name would pile up */
            struct named f = {.stage = 2};
            hart_hfence_gvma(m->h, false, 0, -1);
            forget(w, &f);
        }
    }
    machine_unmake(m);
    free(w);
}
END_TEST

Suite *tlb_random_suite(void)
{
    Suite *s = suite_create("tlb_random");
    TCase *t = tcase_create("random");
    tcase_set_timeout(t, 60);
    tcase_add_loop_test(t, changes_and_fences, 0, 8);
    suite_add_tcase(s, t);
    return s;
}
