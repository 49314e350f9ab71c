/* SPDX-License-Identifier: MIT */
/* PMP: a test per rule of Priv. 3.7, then random entries against the reference. */
#include "mmu_fixture.h"
#include "mmu_ref.h"

enum { R = 1, W = 2, X = 4, OFF = 0, TOR = 8, NA4 = 16, NAPOT = 24, L = 0x80 };

/* pmpaddr of a naturally aligned range of size bytes (a power of two, 8 or more) at base. */
static uint64_t napot(uint64_t base, uint64_t size)
{
    return (base | (size / 2 - 1)) >> 2;
}

static struct pmp none(void)
{
    struct pmp p = {.count = PMP_ENTRIES};
    pmp_update(&p);
    return p;
}

static void set(struct pmp *p, unsigned n, unsigned cfg, uint64_t addr)
{
    p->cfg[n] = (uint8_t)cfg;
    p->addr[n] = addr;
    pmp_update(p);
}

static bool may(const struct pmp *p, uint64_t pa, unsigned size, enum mmu_access a, enum priv priv)
{
    return pmp_allows(p, pa, size, a, priv, NULL);
}

/* 3.7.1.3: "If no PMP entry matches an M-mode access, the access succeeds", S and U fail if any entry is implemented. */
START_TEST(no_entry_matches)
{
    struct pmp p = none();
    for (int a = MMU_R; a <= MMU_X; a++) {
        ck_assert(may(&p, 0x80000000, 8, a, PRIV_M));
        ck_assert(!may(&p, 0x80000000, 8, a, PRIV_S));
        ck_assert(!may(&p, 0x80000000, 8, a, PRIV_U));
    }
    ck_assert_uint_eq(p.open_size, 0);
}
END_TEST

/* 3.7.1.3: "... if at least one PMP entry is implemented": without any, S and U may as well. */
START_TEST(no_entries)
{
    struct pmp p = {.count = 0};
    pmp_update(&p);
    ck_assert(pmp_is_open(&p, 0x80000000));
    for (int a = MMU_R; a <= MMU_X; a++) {
        ck_assert(may(&p, 0x80000000, 8, a, PRIV_M));
        ck_assert(may(&p, 0x80000000, 8, a, PRIV_U));
    }
}
END_TEST

/* 3.7.1: R, W and X each grant one kind of access to S and U; M is bound by locked entries only (3.7.1.2). */
START_TEST(permissions)
{
    for (unsigned cfg = 0; cfg < 8; cfg++)
        for (unsigned lock = 0; lock <= L; lock += L) {
            struct pmp p = none();
            set(&p, 3, cfg | NAPOT | lock, napot(0x80000000, 0x1000));
            for (int a = MMU_R; a <= MMU_X; a++) {
                bool granted = cfg >> a & 1;
                ck_assert_int_eq(may(&p, 0x80000ff8, 8, a, PRIV_U), granted);
                ck_assert_int_eq(may(&p, 0x80000ff8, 8, a, PRIV_S), granted);
                ck_assert_int_eq(may(&p, 0x80000ff8, 8, a, PRIV_M), granted || !lock);
            }
        }
}
END_TEST

/* 3.7.1.1, "NAPOT range encoding": from 8 bytes to everything. */
START_TEST(napot_sizes)
{
    for (unsigned log2 = 3; log2 <= 40; log2++) {
        uint64_t size = BIT(log2), base = BIT(41) + size;
        struct pmp p = none();
        set(&p, 0, R | NAPOT, napot(base, size));
        ck_assert(may(&p, base, 1, MMU_R, PRIV_S));
        ck_assert(may(&p, base + size - 1, 1, MMU_R, PRIV_S));
        ck_assert(!may(&p, base - 1, 1, MMU_R, PRIV_S));
        ck_assert(!may(&p, base + size, 1, MMU_R, PRIV_S));
    }
    struct pmp p = none();
    set(&p, 0, R | W | X | NAPOT, MASK(53, 0));
    ck_assert(pmp_is_open(&p, 0) && pmp_is_open(&p, BIT(56) - 1));
    ck_assert(may(&p, 0, 1, MMU_X, PRIV_U));
    ck_assert(may(&p, BIT(56) - 8, 8, MMU_W, PRIV_U));
}
END_TEST

START_TEST(na4)
{
    struct pmp p = none();
    set(&p, 0, R | NA4, 0x80000010 >> 2);
    ck_assert(may(&p, 0x80000010, 4, MMU_R, PRIV_S));
    ck_assert(!may(&p, 0x8000000c, 4, MMU_R, PRIV_S));
    ck_assert(!may(&p, 0x80000014, 4, MMU_R, PRIV_S));
}
END_TEST

/* 3.7.1.1: TOR matches pmpaddr[i-1] <= y < pmpaddr[i], whatever entry i-1's mode; entry 0 starts at zero. */
START_TEST(top_of_range)
{
    struct pmp p = none();
    set(&p, 0, R | TOR, 0x1000 >> 2);
    ck_assert(may(&p, 0, 4, MMU_R, PRIV_S));
    ck_assert(may(&p, 0xffc, 4, MMU_R, PRIV_S));
    ck_assert(!may(&p, 0x1000, 4, MMU_R, PRIV_S));

    p = none();
    set(&p, 4, OFF, 0x80001000 >> 2);
    set(&p, 5, W | R | TOR, 0x80003000 >> 2);
    ck_assert(!may(&p, 0x80000ffc, 4, MMU_W, PRIV_S));
    ck_assert(may(&p, 0x80001000, 4, MMU_W, PRIV_S));
    ck_assert(may(&p, 0x80002ffc, 4, MMU_W, PRIV_S));
    ck_assert(!may(&p, 0x80003000, 4, MMU_W, PRIV_S));

    /* An empty or upside-down range matches nothing. */
    set(&p, 5, R | TOR, 0x80001000 >> 2);
    ck_assert(!may(&p, 0x80001000, 1, MMU_R, PRIV_S));
    set(&p, 6, R | W | X | NAPOT, MASK(53, 0));
    p.addr[4] = 0x80001004 >> 2;
    set(&p, 5, R | TOR, 0x80001004 >> 2);
    ck_assert(may(&p, 0x80001000, 8, MMU_W, PRIV_S)); /* not even in part */
    set(&p, 6, OFF, 0);
    set(&p, 5, R | TOR, 0x80000000 >> 2);
    ck_assert(!may(&p, 0x80000800, 1, MMU_R, PRIV_S));
}
END_TEST

/* 3.7.1.3: "the lowest-numbered PMP entry that matches any byte of an access determines whether that access succeeds". */
START_TEST(lowest_entry_wins)
{
    struct pmp p = none();
    set(&p, 1, NAPOT, napot(0x80001000, 0x1000));
    set(&p, 2, R | W | X | NAPOT, MASK(53, 0));
    ck_assert(!pmp_is_open(&p, 0x80001000) && pmp_is_open(&p, 0x80002000));
    ck_assert(!may(&p, 0x80001000, 8, MMU_R, PRIV_S));
    ck_assert(may(&p, 0x80002000, 8, MMU_R, PRIV_S));
    set(&p, 0, R | NAPOT, napot(0x80001000, 0x1000));
    ck_assert(may(&p, 0x80001000, 8, MMU_R, PRIV_S));
    ck_assert(!may(&p, 0x80001000, 8, MMU_W, PRIV_S));
}
END_TEST

/* 3.7.1.3: the entry "must match all bytes of an access, or the access fails, irrespective of the L, R, W, and X bits". */
START_TEST(partial_match_fails)
{
    struct pmp p = none();
    set(&p, 0, R | W | X | NA4, 0x80001000 >> 2);
    set(&p, 1, R | W | X | NAPOT, MASK(53, 0));
    for (int priv = PRIV_U; priv <= PRIV_M; priv++) {
        ck_assert(may(&p, 0x80001000, 4, MMU_R, priv));
        ck_assert(!may(&p, 0x80001000, 8, MMU_R, priv));
        ck_assert(!may(&p, 0x80000ffe, 4, MMU_R, priv));
        ck_assert(may(&p, 0x80001004, 4, MMU_R, priv));
    }
}
END_TEST

/* The answer may be kept for a page only if no entry begins or ends inside it before the page is wholly decided. */
START_TEST(whole_page)
{
    bool whole;
    struct pmp p = none();
    ck_assert(!pmp_allows(&p, 0x80001008, 8, MMU_R, PRIV_S, &whole) && whole);

    set(&p, 2, R | NAPOT, napot(0x80000000, 0x10000));
    ck_assert(pmp_allows(&p, 0x80001008, 8, MMU_R, PRIV_S, &whole) && whole);

    set(&p, 1, W | NA4, 0x80001ffc >> 2); /* above the access, before the entry that decides */
    ck_assert(pmp_allows(&p, 0x80001008, 8, MMU_R, PRIV_S, &whole) && !whole);
    ck_assert(pmp_allows(&p, 0x80002008, 8, MMU_R, PRIV_S, &whole) && whole);

    set(&p, 0, R | NAPOT, napot(0x80001000, 0x1000)); /* now the page is decided before entry 1 */
    ck_assert(pmp_allows(&p, 0x80001008, 8, MMU_R, PRIV_S, &whole) && whole);
}
END_TEST

/* The range that needs no checks, for entries as a firmware makes them: its own memory and devices closed, the rest open. */
START_TEST(open_range)
{
    struct pmp p = none();
    set(&p, 0, NAPOT, napot(0x2000000, 0x10000));
    set(&p, 1, NAPOT, napot(0x80000000, 0x40000));
    set(&p, 2, R | W | X | NAPOT, MASK(53, 0));
    ck_assert_uint_eq(p.open_first, 0x80040000);
    ck_assert(pmp_is_open(&p, 0x80040000) && pmp_is_open(&p, BIT(56) - 1));
    ck_assert(!pmp_is_open(&p, 0x8003ffff) && !pmp_is_open(&p, 0x2000000));
    set(&p, 3, R | W | X | NAPOT, MASK(53, 0)); /* behind entry 2, which decides: nothing changes */
    ck_assert_uint_eq(p.open_first, 0x80040000);
    set(&p, 2, R | W | NAPOT, MASK(53, 0));
    ck_assert_uint_eq(p.open_size, 0);
    set(&p, 2, R | W | X | TOR, 0x90000800 >> 2); /* from entry 1's address, so this is what stands behind entry 1 */
    ck_assert_uint_eq(p.open_first, 0x90001000);  /* of entry 3, in whole pages: more than entry 2's part */
    set(&p, 3, OFF, 0);
    ck_assert_uint_eq(p.open_first, 0x80040000);
    ck_assert_uint_eq(p.open_size, 0x90000000 - 0x80040000);
}
END_TEST

/* Entries that lie around a few pages, so that they overlap often; each access also with every byte of its page. */
START_TEST(against_reference)
{
    uint64_t seed = 20240411;
    unsigned allowed = 0, wholes = 0, parts = 0, open = 0;

    for (int round = 0; round < 3000; round++) {
        struct pmp p = {.count = PMP_ENTRIES};
        unsigned used = 1 + ref_random(&seed) % PMP_ENTRIES;
        for (unsigned n = 0; n < used; n++) {
            p.cfg[n] = ref_random(&seed) & 0x9f;
            if (n > used / 2)
                p.cfg[n] |= R | W | X;
            p.addr[n] = (0x80000000 + ref_random(&seed) % 0x4000) >> 2;
            if (ref_random(&seed) % 2)
                p.addr[n] |= MASK(ref_random(&seed) % 14, 0);
            else if (ref_random(&seed) % 2)
                p.addr[n] &= ~(uint64_t)0x3ff;
        }
        pmp_update(&p);
        for (int i = 0; i < 20; i++) {
            unsigned size = 1u << ref_random(&seed) % 4;
            uint64_t pa = 0x80000000 + ref_random(&seed) % 0x4000 / size * size;
            enum mmu_access a = ref_random(&seed) % 3;
            enum priv priv = (enum priv[]){PRIV_U, PRIV_S, PRIV_M}[ref_random(&seed) % 3];
            bool whole;
            bool got = pmp_allows(&p, pa, size, a, priv, &whole);
            FX_CHECK(got == ref_pmp(&p, pa, size, a, priv));
            if (pmp_is_open(&p, pa)) {
                FX_CHECK(got && whole);
                open++;
            }
            allowed += got;
            wholes += whole;
            parts += !whole;
            if (whole && i == 0)
                for (uint64_t b = pa & PAGE_MASK; b <= (pa | ~PAGE_MASK); b++)
                    FX_CHECK(ref_pmp(&p, b, 1, a, priv) == got);
        }
    }
    ck_assert_uint_gt(allowed, 5000);
    ck_assert_uint_gt(wholes, 5000);
    ck_assert_uint_gt(parts, 5000);
    ck_assert_uint_gt(open, 1000);
}
END_TEST

Suite *pmp_suite(void);
Suite *pmp_suite(void)
{
    Suite *s = suite_create("pmp");
    TCase *t = tcase_create("pmp");
    tcase_set_timeout(t, 60);
    tcase_add_test(t, no_entry_matches);
    tcase_add_test(t, no_entries);
    tcase_add_test(t, permissions);
    tcase_add_test(t, napot_sizes);
    tcase_add_test(t, na4);
    tcase_add_test(t, top_of_range);
    tcase_add_test(t, lowest_entry_wins);
    tcase_add_test(t, partial_match_fails);
    tcase_add_test(t, whole_page);
    tcase_add_test(t, open_range);
    tcase_add_test(t, against_reference);
    suite_add_tcase(s, t);
    return s;
}
