/* SPDX-License-Identifier: MIT */
/*
 * The walker against the reference of mmu_ref.h: pages full of random PTEs, each translated first without side effects and then
 * for real, with and without an observer. Outcome, fault, and every byte of memory must agree.
 *
 * RAM is TABLES pages for stage two (and V=0), which point at each other and map all of RAM, then TABLES pages of PTEs for
 * stage one under V=1, which point at random guest physical addresses.
 */
#include "mmu_fixture.h"
#include "mmu_ref.h"

#define RAM_BASE UINT64_C(0x80000000)
enum { TABLES = 16, RAM_PAGES = 2 * TABLES, RAM_SIZE = RAM_PAGES * PAGE_SIZE };

struct world {
    struct bus *bus;
    struct mem_region *ram;
    struct pmp pmp;
    struct mmu_ctx c;
    uint64_t seed;
    unsigned chaos; /* one in how many: a thing that is usually right is wrong */
    uint8_t before[RAM_SIZE], image[RAM_SIZE];
};

static uint64_t below(struct world *w, uint64_t n)
{
    return ref_random(&w->seed) % n;
}

static bool rarely(struct world *w)
{
    return !below(w, w->chaos);
}

/*
 * A page of PTEs is meant for one level, or most walks would end too soon:
 *
 *   stage two and V=0: page p < TABLES is of level 3 - p / 4, level 3 standing for the two upper ones of Sv57
 *   stage one, V=1:    page p >= TABLES is of level p % 4; its PTEs name guest pages g, of level g % 4, which stage two's
 *                      leaves (below, by index) mostly put on pages of that level
 */
static unsigned page_level(unsigned p)
{
    return p < TABLES ? 3 - p / 4 : p % 4;
}

static uint64_t random_page(struct world *w, bool guest, unsigned level)
{
    if (rarely(w))
        return ref_random(&w->seed) & MASK(43, 0);
    if (guest)
        return (ref_random(&w->seed) & MASK(28, 2)) | level; /* any gpa of Sv39x4 */
    return RAM_BASE / PAGE_SIZE + 4 * (3 - level) + below(w, 4);
}

static uint64_t random_pte(struct world *w, unsigned page, unsigned index)
{
    bool guest = page >= TABLES;
    unsigned level = page_level(page);

    if (rarely(w) && rarely(w))
        return ref_random(&w->seed);
    uint64_t pte = rarely(w) ? 0 : PTE_V;
    if (level ? below(w, guest ? 8 : 64) : rarely(w)) {
        unsigned next = level == 3 ? 2 + (below(w, 3) == 0) : level ? level - 1 : 0;
        pte |= random_page(w, guest, next) << PTE_PPN_SHIFT;
        if (rarely(w))
            pte |= BIT(4 + below(w, 60)) & ~PTE_PPN;
        return pte;
    }
    uint64_t to = RAM_BASE / PAGE_SIZE + TABLES + 4 * below(w, 4) + index % 4;
    if (guest || rarely(w))
        to = random_page(w, guest, index % 4);
    pte |= to << PTE_PPN_SHIFT;
    static const uint64_t usual[] = {PTE_R | PTE_W | PTE_X, PTE_R | PTE_W, PTE_R | PTE_X, PTE_R, PTE_X};
    pte |= usual[below(w, below(w, 2) ? 1 : ARRAY_LEN(usual))] | PTE_U | PTE_A | PTE_D;
    if (guest ? below(w, 2) : rarely(w))
        pte ^= PTE_U;
    if (!below(w, guest ? 3 : 8))
        pte ^= PTE_D;
    if (!below(w, guest ? 3 : 32))
        pte ^= PTE_A;
    if (rarely(w))
        pte ^= BIT(1 + below(w, 3));
    if (!below(w, 8))
        pte |= PTE_G;
    if (!below(w, 32))
        pte |= PTE_PBMT & ref_random(&w->seed);
    if (!below(w, 16) && !level)
        pte = merge_bits(pte | PTE_N, (uint64_t)PTE_NAPOT_PPN << PTE_PPN_SHIFT, rarely(w) ? 0 : MASK(13, 10));
    if (level && !rarely(w)) /* a superpage, which has to be aligned */
        pte &= ~(MASK(VPN_BITS * level - 1, 0) << PTE_PPN_SHIFT);
    return pte;
}

static void random_pmp(struct world *w)
{
    memset(&w->pmp, 0, sizeof w->pmp);
    if (below(w, 2)) {
        w->pmp.count = PMP_ENTRIES;
        unsigned n = 0;
        for (; !below(w, 2) && n < 6; n++) {
            w->pmp.addr[n] = (RAM_BASE >> 2) + below(w, RAM_SIZE / 4);
            w->pmp.addr[n] |= MASK(7 + (unsigned)below(w, 3), 0);
            w->pmp.cfg[n] = (uint8_t)(0x18 | (ref_random(&w->seed) & 0x87));
        }
        w->pmp.addr[n] = MASK(53, 0);
        w->pmp.cfg[n] = 0x1f;
    }
    pmp_update(&w->pmp);
}

/* An atp whose root is a table of the right level. */
static uint64_t random_atp(struct world *w, bool guest)
{
    static const uint64_t modes[] = {ATP_SV39, ATP_SV39, ATP_SV39, ATP_SV39, ATP_SV48, ATP_SV48, ATP_SV57, ATP_BARE};
    uint64_t mode = modes[below(w, ARRAY_LEN(modes))];
    uint64_t page = random_page(w, guest, mode == ATP_SV39 ? 2 : 3);
    return mode << 60 | (page & ATP_PPN);
}

static void random_context(struct world *w)
{
    uint64_t r = ref_random(&w->seed);
    w->c = (struct mmu_ctx){
        .bus = w->bus,
        .pmp = &w->pmp,
        .priv = r & 1 ? PRIV_U : PRIV_S,
        .virt = r & 2,
        .sum = r & 4,
        .mxr = r & 8,
        .vmxr = r & 16,
        .hlvx = (r & 0x60) == 0x60,
        .adue = r & 0x80,
        .adue_g = r & 0x100,
        .pbmte = r & 0x200,
        .pbmte_g = r & 0x400,
        .svnapot = r & 0x1800,
    };
    if (!w->c.virt && !below(w, 16))
        w->c.priv = PRIV_M;
    w->c.satp = random_atp(w, w->c.virt);
    w->c.hgatp = random_atp(w, false) & ~(uint64_t)3;
}

static uint64_t random_address(struct world *w)
{
    static const unsigned width[] = {39, 48, 57};
    unsigned mode = (unsigned)(w->c.satp >> 60);
    uint64_t va = ref_random(&w->seed) & ~(uint64_t)7;
    if (rarely(w))
        return va;
    if (!mode)
        return w->c.virt ? va & MASK(40, 0) : RAM_BASE + va % RAM_SIZE;
    return (uint64_t)sign_extend(va, width[mode - ATP_SV39]);
}

struct spy {
    struct mmu_observer o;
    struct mmu_step last;
    unsigned steps, updates;
};

static void spy_step(struct mmu_observer *o, const struct mmu_step *s)
{
    struct spy *spy = (struct spy *)o;
    spy->last = *s;
    spy->steps++;
    spy->updates += s->verdict == PTE_UPDATED_AD;
}

struct tally {
    unsigned ok, ok_virt, cause[24], read_pte, write_pte, updated, user, global, napot;
};

static void compare(const struct mmu_map *m, const struct mmu_map *rm, const struct mmu_fault *f,
                    const struct mmu_fault *rf, bool ok, bool ref_ok)
{
    FX_CHECK(ok == ref_ok);
    if (ok) {
        FX_CHECK(m->pa == rm->pa);
        FX_CHECK(m->page_size == (rm->page_size));
        FX_CHECK(m->user == rm->user);
        FX_CHECK(m->global == rm->global);
    } else {
        FX_CHECK(f->cause == rf->cause);
        FX_CHECK(f->tval == rf->tval);
        FX_CHECK(f->tval2 == rf->tval2);
        FX_CHECK(f->tinst == rf->tinst);
        FX_CHECK(f->gva == rf->gva);
    }
}

/* The last step an observer hears of must be the reason of the outcome. */
static void check_last_step(const struct spy *spy, bool ok, const struct mmu_fault *f)
{
    enum pte_verdict v = spy->last.verdict;
    if (ok) {
        FX_CHECK(!spy->steps || v == PTE_LEAF || v == PTE_UPDATED_AD);
        return;
    }
    FX_CHECK(spy->steps > 0);
    FX_CHECK(v != PTE_LEAF && v != PTE_POINTER && v != PTE_UPDATED_AD);
    bool access_fault = f->cause <= 7;
    FX_CHECK(access_fault == (v == PTE_PMP_DENIED || v == PTE_NO_MEMORY));
    if (!access_fault)
        FX_CHECK(spy->last.stage == (f->cause >= 20 ? 2 : 1));
}

static void one_access(struct world *w, struct tally *t)
{
    struct mmu_map m, rm;
    struct mmu_fault f = {0}, rf = {0};
    struct spy spy = {.o = {spy_step}};
    struct ref r = {.c = &w->c, .image = w->image, .base = RAM_BASE, .size = RAM_SIZE};
    enum mmu_access a = below(w, 3);
    uint64_t va = random_address(w);
    bool observed = below(w, 2);

    memcpy(w->before, w->ram->host, RAM_SIZE);
    memcpy(w->image, w->ram->host, RAM_SIZE);

    r.dry = true;
    bool ref_ok = ref_translate(&r, va, 8, a, &rm, &rf);
    bool ok = mmu_translate(&w->c, va, 8, a, true, &m, &f, observed ? &spy.o : NULL);
    compare(&m, &rm, &f, &rf, ok, ref_ok);
    FX_CHECK(!memcmp(w->before, w->ram->host, RAM_SIZE)); /* a dry translation has written to memory */
    FX_CHECK(spy.updates == 0);
    if (observed)
        check_last_step(&spy, ok, &f);

    r.dry = false;
    ref_ok = ref_translate(&r, va, 8, a, &rm, &rf);
    ok = mmu_translate(&w->c, va, 8, a, false, &m, &f, observed ? &spy.o : NULL);
    compare(&m, &rm, &f, &rf, ok, ref_ok);
    FX_CHECK(!memcmp(w->image, w->ram->host, RAM_SIZE)); /* memory differs from the reference's */
    bool changed = memcmp(w->before, w->ram->host, RAM_SIZE);
    if (observed) {
        check_last_step(&spy, ok, &f);
        FX_CHECK((spy.updates > 0) == changed);
    }

    t->ok += ok;
    t->ok_virt += ok && w->c.virt && w->c.satp >> 60 && w->c.hgatp >> 60;
    t->updated += changed;
    if (ok) {
        t->user += m.user;
        t->global += m.global;
        t->napot += m.page_size == 65536;
    } else {
        FX_CHECK(f.cause < 24);
        t->cause[f.cause]++;
        t->read_pte += f.tinst == 0x3000;
        t->write_pte += f.tinst == 0x3020;
    }
}

START_TEST(against_reference)
{
    struct world *w = calloc(1, sizeof *w);
    struct tally t = {0};
    struct err e;

    w->seed = UINT64_C(0x56697472696e65) + (unsigned)_i;
    w->bus = bus_new();
    w->ram = bus_add_memory(w->bus, "ram", RAM_BASE, RAM_SIZE, false, &e);
    ck_assert_ptr_nonnull(w->ram);
    for (int round = 0; round < 60; round++) {
        w->chaos = 16u << below(w, 6);
        for (unsigned i = 0; i < RAM_SIZE / PTE_SIZE; i++) {
            uint64_t pte = random_pte(w, i / 512, i % 512);
            memcpy(w->ram->host + PTE_SIZE * i, &pte, PTE_SIZE);
        }
        random_pmp(w);
        /* Some pages carry a flag: their A and D updates take the way that tells the owner. */
        for (unsigned p = 0; p < RAM_PAGES; p++)
            bus_flag_page(w->bus, RAM_BASE + p * PAGE_SIZE, PAGE_CLEAN, below(w, 2));
        for (int i = 0; i < 200; i++) {
            random_context(w);
            one_access(w, &t);
        }
    }
    /* Each kind of outcome has really been seen. */
    static const unsigned causes[] = {1, 5, 7, 12, 13, 15, 20, 21, 23};
    for (unsigned i = 0; i < ARRAY_LEN(causes); i++)
        ck_assert_msg(t.cause[causes[i]] > 40, "cause %u seen %u times", causes[i], t.cause[causes[i]]);
    ck_assert_uint_gt(t.ok, 1000);
    ck_assert_uint_gt(t.ok_virt, 100);
    ck_assert_uint_gt(t.read_pte, 1000);
    ck_assert_uint_gt(t.write_pte, 10);
    ck_assert_uint_gt(t.updated, 100);
    ck_assert_uint_gt(t.user, 1000);
    ck_assert_uint_gt(t.global, 100);
    ck_assert_uint_gt(t.napot, 30);
    bus_free(w->bus);
    free(w);
}
END_TEST

Suite *mmu_random_suite(void);
Suite *mmu_random_suite(void)
{
    Suite *s = suite_create("mmu_random");
    TCase *t = tcase_create("mmu_random");
    tcase_set_timeout(t, 120);
    tcase_add_loop_test(t, against_reference, 0, 4);
    suite_add_tcase(s, t);
    return s;
}
