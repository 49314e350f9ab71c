/* SPDX-License-Identifier: MIT */
/* pagetable, info mem, info tlb, info mtree: the text that QEMU prints for one table, and for random ones every line against the walker. */
#include "monitor/debug/pagetable.h"

#include "run_rig.h"

Suite *pagetable_suite(void);

enum { ROUNDS = 60, SAMPLES = 200, PAGES = RAM_SIZE / PAGE_SIZE };

#define PTE(pa, flags) ((uint64_t)(pa) >> 2 | (flags))
#define SATP(mode, pa) ((uint64_t)(mode) << 60 | (uint64_t)(pa) >> 12)

struct rig {
    struct machine *m;
    struct out_text t;
    uint64_t seed;
    unsigned next; /* free page of RAM */
};

static struct rig *rig_new(void)
{
    struct rig *r = calloc(1, sizeof *r);
    ck_assert_ptr_nonnull(r);
    r->m = machine_make("rv64");
    r->seed = UINT64_C(0x70616765);
    out_text_init(&r->t);
    return r;
}

static void rig_free(struct rig *r)
{
    out_text_free(&r->t);
    machine_unmake(r->m);
    free(r);
}

static unsigned below(struct rig *r, unsigned n)
{
    r->seed = r->seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (unsigned)(r->seed >> 33) % n;
}

static uint64_t table(struct rig *r)
{
    static const uint8_t zeros[PAGE_SIZE];
    uint64_t pa = RAM + (uint64_t)r->next++ * PAGE_SIZE;
    ck_assert_uint_le(r->next, PAGES);
    ck_assert(bus_load(r->m->bus, pa, zeros, sizeof zeros));
    return pa;
}

static void entry(struct rig *r, uint64_t at, unsigned index, uint64_t pte)
{
    put(r->m, at + index * 8, pte, 8);
}

static const char *mem_text(struct rig *r)
{
    out_text_free(&r->t);
    info_mem(&r->t.out, r->m->h);
    return r->t.text;
}

static const char *tree_text(struct rig *r, const uint64_t *root, const char *words)
{
    struct err e;
    out_text_free(&r->t);
    ck_assert_int_eq(pagetable_command(&r->t.out, r->m->h, root, words, &e), 0);
    return r->t.text;
}

static void use(struct rig *r, unsigned mode, uint64_t root)
{
    r->m->h->csr.satp = SATP(mode, root);
    hart_context_changed(r->m->h);
}

/* ---- one table by hand ---- */

static void make_known(struct rig *r)
{
    uint64_t t0 = table(r), t1 = table(r), t2 = table(r), t3 = table(r), t4 = table(r);
    entry(r, t0, 2, PTE(0x80000000, 0xcf));
    entry(r, t0, 3, PTE(0xc0000000, 0xcf));
    entry(r, t0, 5, PTE(0x100000000, 0xcf));
    entry(r, t0, 6, PTE(t1, 1));
    entry(r, t0, 511, PTE(t2, 1));
    entry(r, t1, 0, PTE(0x140000000, 0x47));
    entry(r, t1, 1, PTE(t3, 1));
    entry(r, t3, 0, PTE(0x140200000, 0x47));
    entry(r, t3, 1, PTE(0x140201000, 0xdf));
    entry(r, t3, 2, PTE(0x140202000, 0xdf));
    entry(r, t3, 4, PTE(0x140204000, 0xef));
    entry(r, t3, 5, PTE(0x140205000, 0x6f));
    entry(r, t2, 511, PTE(t4, 1));
    entry(r, t4, 510, PTE(0x80000000, 0x4b));
    entry(r, t4, 511, PTE(0x80001000, 0x4b));
    use(r, 8, t0);
}

/* As QEMU 7.2 printed it for the same table. */
static const char from_qemu[] = "vaddr            paddr            size             attr\n"
                                "---------------- ---------------- ---------------- -------\n"
                                "0000000080000000 0000000080000000 0000000080000000 rwx--ad\n"
                                "0000000140000000 0000000100000000 0000000040000000 rwx--ad\n"
                                "0000000180000000 0000000140000000 0000000000200000 rw---a-\n"
                                "0000000180200000 0000000140200000 0000000000001000 rw---a-\n"
                                "0000000180201000 0000000140201000 0000000000002000 rwxu-ad\n"
                                "0000000180204000 0000000140204000 0000000000001000 rwx-gad\n"
                                "0000000180205000 0000000140205000 0000000000001000 rwx-ga-\n"
                                "ffffffffffffe000 0000000080000000 0000000000002000 r-x--a-\n";

static const char as_tree[] =
    "satp: Sv39, ASID 0, root table at 0x8000_0000\n"
    "  [002-003] 0000000080000000..00000000ffffffff R W X . . A D  2 pages of 1 GiB at 0x8000_0000\n"
    "  [005]     0000000140000000..000000017fffffff R W X . . A D  1 page of 1 GiB at 0x1_0000_0000\n"
    "  [006]     0000000180000000..00000001bfffffff  table at 0x8000_1000\n"
    "    [000]     0000000180000000..00000001801fffff R W . . . A .  1 page of 2 MiB at 0x1_4000_0000\n"
    "    [001]     0000000180200000..00000001803fffff  table at 0x8000_3000\n"
    "      [000]     0000000180200000..0000000180200fff R W . . . A .  1 page of 4 KiB at 0x1_4020_0000\n"
    "      [001-002] 0000000180201000..0000000180202fff R W X U . A D  2 pages of 4 KiB at 0x1_4020_1000\n"
    "      [004-005] 0000000180204000..0000000180205fff R W X . G A d  2 pages of 4 KiB at 0x1_4020_4000\n"
    "  [1ff]     ffffffffc0000000..ffffffffffffffff  table at 0x8000_2000\n"
    "    [1ff]     ffffffffffe00000..ffffffffffffffff  table at 0x8000_4000\n"
    "      [1fe-1ff] ffffffffffffe000..ffffffffffffffff R . X . . A .  2 pages of 4 KiB at 0x8000_0000\n";

START_TEST(known_table)
{
    struct rig *r = rig_new();
    ck_assert_str_eq(mem_text(r), "No translation or protection\n");
    make_known(r);
    ck_assert_str_eq(mem_text(r), from_qemu);
    ck_assert_str_eq(tree_text(r, NULL, ""), as_tree);
    /* The same tables from satp's number, wherever satp points. */
    uint64_t root = RAM;
    use(r, 0, 0);
    ck_assert_ptr_nonnull(strstr(tree_text(r, &root, "sv39"), strchr(as_tree, '\n')));
    rig_free(r);
}
END_TEST

START_TEST(odd_entries)
{
    struct rig *r = rig_new();
    uint64_t t0 = table(r), t1 = table(r), t2 = table(r);
    entry(r, t0, 0, PTE(t1, 1));
    entry(r, t1, 0, PTE(t2, 1));
    entry(r, t0, 1, PTE(t1, 1));            /* the same tables once more */
    entry(r, t0, 2, PTE(t0, 1));            /* and a table that leads to itself */
    entry(r, t0, 3, PTE(0x80200000, 0xcf)); /* a misaligned superpage */
    entry(r, t0, 4, PTE(0x80000000, 0x45)); /* W without R */
    entry(r, t2, 7, PTE(RAM, 0x01));        /* a pointer at the last level */
    for (unsigned i = 0; i < 16; i++)       /* NAPOT: 16 entries alike */
        entry(r, t2, 16 + i, PTE(0x80010000, 0xcf) | 8 << 10 | BIT(63));
    use(r, 8, t0);
    const char *s = tree_text(r, NULL, "");
    ck_assert_ptr_nonnull(
        strstr(s, "[001]     0000000040000000..000000007fffffff  table at 0x8000_1000, drawn above\n"));
    ck_assert_ptr_nonnull(strstr(s, "[003]     00000000c0000000..00000000ffffffff  misaligned superpage: "));
    ck_assert_ptr_nonnull(strstr(s, "[004]     0000000100000000..000000013fffffff  reserved: "));
    ck_assert_ptr_nonnull(strstr(s, "[007]     0000000000007000..0000000000007fff  no leaf: "));
    ck_assert_ptr_nonnull(
        strstr(s, "[010-01f] 0000000000010000..000000000001ffff R W X . . A D N  16 pages of 4 KiB at 0x8001_0000\n"));
    rig_free(r);
}
END_TEST

/* Full tables, scattered pages, and cuts. */
START_TEST(long_tables)
{
    struct rig *r = rig_new();
    uint64_t t0 = table(r), t1 = table(r), t2 = 0;
    entry(r, t0, 0, PTE(t1, 1));
    for (unsigned k = 0; k < 4; k++) {
        entry(r, t1, 3 + k, PTE(t2 = table(r), 1));
        for (unsigned i = 0; i < 512; i++)
            entry(r, t2, i, PTE(0x88000000 + (k * 512 + i) * 0x1000, 0x47));
    }
    uint64_t t3 = table(r), t4 = table(r);
    entry(r, t1, 9, PTE(t3, 1));
    for (unsigned i = 0; i < 100; i++) /* every other page, so that none continues another */
        entry(r, t3, i * 2, PTE(0x80000000 + i * 0x2000, 0x47));
    entry(r, t1, 10, PTE(t4, 1));
    for (unsigned i = 0; i < 6; i++) /* neighbours that lie apart */
        entry(r, t4, i, PTE(0x80000000 + i * 0x3000, i == 4 ? 0x07 : 0x47));
    use(r, 8, t0);
    const char *s = tree_text(r, NULL, "");
    ck_assert_ptr_nonnull(strstr(s, "[003-006] 0000000000600000..0000000000dfffff R W . . . A .  4 tables full of "
                                    "pages of 4 KiB, from 0x8800_0000 on\n"));
    ck_assert_ptr_nonnull(strstr(s, "... 60 more\n"));
    ck_assert_ptr_nonnull(strstr(s, "[0c6]     00000000012c6000..00000000012c6fff"));
    ck_assert_ptr_nonnull(
        strstr(s, "[000-005] 0000000001400000..0000000001405fff R W . . . a .  6 pages of 4 KiB, here and there\n"));
    ck_assert_ptr_nonnull(strstr(s, "cut: `pagetable ... all` shows all of it\n"));
    s = tree_text(r, NULL, "all");
    ck_assert(!strstr(s, "more\n") && !strstr(s, "cut"));
    ck_assert_ptr_nonnull(strstr(s, "[064]     0000000001264000"));
    rig_free(r);
}
END_TEST

/* ---- random tables against the walker ---- */

/* Leaves that anybody may read: what is mapped, can be. */
static void random_table(struct rig *r, uint64_t at, unsigned level, unsigned entries)
{
    uint64_t pa = (uint64_t)below(r, 1u << 20) << 12;
    for (unsigned i = below(r, entries / 2); i < entries; i += below(r, 4) ? 0 : 1 + below(r, entries / 4)) {
        if (level && below(r, 2) && r->next < PAGES - 8) {
            uint64_t next = table(r);
            entry(r, at, i++, PTE(next, 1));
            random_table(r, next, level - 1, 512);
            continue;
        }
        static const uint8_t flags[] = {0xdf, 0xdf, 0xd3, 0x57, 0xff};
        uint64_t size = (uint64_t)PAGE_SIZE << 9 * level;
        for (unsigned n = 1 + below(r, 6); n && i < entries; n--, pa += size)
            entry(r, at, i++, PTE(pa & ~(size - 1), flags[below(r, 5)]));
    }
}

/* Lines of a listing as numbers. */
struct range {
    uint64_t va, size, pa; /* pa UINT64_MAX: not said */
};
struct ranges {
    struct range r[1 << 15];
    unsigned n;
};

/* One line of text, into buf. */
static const char *next_line(const char *text, char *buf, size_t size)
{
    size_t n = strcspn(text, "\n");
    ck_assert_uint_lt(n, size);
    memcpy(buf, text, n);
    buf[n] = 0;
    return text + n + (text[n] == '\n');
}

static void read_list(const char *text, struct ranges *l)
{
    char line[256];
    l->n = 0;
    for (unsigned i = 0; *text; i++) {
        struct range *r = &l->r[l->n];
        text = next_line(text, line, sizeof line);
        if (i >= 2)
            l->n += sscanf(line, "%lx %lx %lx", &r->va, &r->pa, &r->size) == 3;
    }
}

static uint64_t hex_of(const char *s)
{
    uint64_t v = 0;
    for (; *s; s++)
        if (*s != '_')
            v = v * 16 + (uint64_t)(*s <= '9' ? *s - '0' : *s - 'a' + 10);
    return v;
}

/* The tree's lines that map something. */
static void read_tree(const char *text, struct ranges *l)
{
    char line[256];
    l->n = 0;
    while (*text) {
        text = next_line(text, line, sizeof line);
        struct range *r = &l->r[l->n];
        char *range = strchr(line, ']'), *at = strstr(line, " at 0x"), *from = strstr(line, " from 0x");
        if (!range || strstr(line, "  table at ") || sscanf(range + 1, "%lx..%lx", &r->va, &r->size) != 2)
            continue;
        r->size -= r->va - 1;
        r->pa = at ? hex_of(at + 6) : UINT64_MAX;
        if (from) {
            *strchr(from + 8, ' ') = 0;
            r->pa = hex_of(from + 8);
        }
        l->n++;
    }
}

static bool listed(const struct ranges *l, uint64_t va, uint64_t *pa)
{
    for (unsigned i = 0; i < l->n; i++)
        if (va - l->r[i].va < l->r[i].size) {
            *pa = l->r[i].pa == UINT64_MAX ? UINT64_MAX : l->r[i].pa + (va - l->r[i].va);
            return true;
        }
    return false;
}

static bool walked(struct rig *r, bool virt, uint64_t va, uint64_t *pa)
{
    struct mmu_ctx c = hart_mode_ctx(r->m->h, PRIV_U, virt);
    struct mmu_map map;
    struct mmu_fault f;
    c.adue = c.adue_g = true;
    bool ok = mmu_translate(&c, va, 1, MMU_R, true, &map, &f, NULL);
    *pa = map.pa;
    return ok;
}

/* Addresses in and next to what the list says, and others. */
static uint64_t sample(struct rig *r, const struct ranges *l, unsigned width)
{
    if (l->n && below(r, 4)) {
        const struct range *n = &l->r[below(r, l->n)];
        const uint64_t near[] = {n->va, n->va - 1, n->va + n->size - 1, n->va + n->size, n->va + n->size / 2};
        return (uint64_t)sign_extend(near[below(r, 5)], width);
    }
    return (uint64_t)sign_extend((uint64_t)below(r, 1u << 31) << 26 | (uint64_t)below(r, 1 << 14) << 12, width);
}

START_TEST(random_tables)
{
    unsigned mapped = 0, unmapped = 0;
    struct ranges *list = malloc(sizeof *list), *tree = malloc(sizeof *tree);
    struct rig *r = rig_new();
    for (unsigned round = 0; round < ROUNDS; round++) {
        unsigned mode = 8 + round % 3, width = 39 + 9 * (mode - 8);
        r->next = 0;
        uint64_t root = table(r);
        random_table(r, root, mode - 6, 512);
        use(r, mode, root);
        read_list(mem_text(r), list);
        read_tree(tree_text(r, NULL, "all"), tree);
        for (unsigned i = 0; i < SAMPLES; i++) {
            uint64_t va = sample(r, list, width), a = 0, b = 0, c = 0;
            bool is = walked(r, false, va, &a);
            ck_assert_msg(listed(list, va, &b) == is, "list: %lx", (unsigned long)va);
            ck_assert_msg(listed(tree, va, &c) == is, "tree: %lx", (unsigned long)va);
            ck_assert(!is || (a == b && (a == c || c == UINT64_MAX)));
            mapped += is;
            unmapped += !is;
        }
    }
    free(list);
    free(tree);
    ck_assert_uint_gt(mapped, 1000);
    ck_assert_uint_gt(unmapped, 1000);
    rig_free(r);
}
END_TEST

/* Stage one's tables behind stage two, which maps them all by one large page. */
START_TEST(nested_tables)
{
    struct rig *r = rig_new();
    const uint64_t gpa = UINT64_C(0x4000000000); /* of RAM, as the guest sees it */
    r->next = 0;
    uint64_t root2 = table(r), hpa;
    table(r), table(r), table(r);
    entry(r, root2, (unsigned)(gpa >> 30), PTE(RAM, 0xdf));
    uint64_t t0 = table(r), t1 = table(r);
    entry(r, t0, 1, PTE(gpa + (t1 - RAM), 1));
    entry(r, t1, 2, PTE(gpa, 0xdf) & ~MASK(18, 10));
    struct csrs *c = &r->m->h->csr;
    c->hgatp = SATP(8, root2);
    c->vsatp = SATP(8, gpa + (t0 - RAM));
    hart_context_changed(r->m->h);
    const char *s = tree_text(r, NULL, "vsatp");
    ck_assert_ptr_nonnull(strstr(s, "vsatp: Sv39, ASID 0, root table at 0x40_0000_4000 (guest physical)\n"));
    ck_assert_ptr_nonnull(strstr(s, "table at gpa 0x40_0000_5000\n"));
    ck_assert_ptr_nonnull(
        strstr(s, "0000000040400000..00000000405fffff R W X U . A D  1 page of 2 MiB at gpa 0x40_0000_0000\n"));
    ck_assert(walked(r, true, 0x40400123, &hpa) && hpa == RAM + 0x123);
    s = tree_text(r, NULL, "hgatp");
    ck_assert_ptr_nonnull(strstr(s, "hgatp: Sv39x4, VMID 0, root table at 0x8000_0000\n"));
    ck_assert_ptr_nonnull(
        strstr(s, "[100]     0000004000000000..000000403fffffff R W X U . A D  1 page of 1 GiB at 0x8000_0000\n"));
    r->m->h->priv = PRIV_S;
    r->m->h->virt = true;
    ck_assert_ptr_nonnull(strstr(mem_text(r), "\n0000000040400000 0000004000000000 0000000000200000 rwxu-ad\n"));
    rig_free(r);
}
END_TEST

START_TEST(refused)
{
    static const char *const bad[][2] = {
        {"sv49", "pagetable: sv49 is not known"}, {"as", "as: give a mode"}, {"as X", "as X: no such mode"},
        {"as M", "as M: addresses of M mode"},    {"", "satp is Bare"},      {"hgatp", "hgatp is Bare"},
    };
    struct rig *r = rig_new();
    struct err e;
    uint64_t root = 0x80000008;
    for (unsigned i = 0; i < ARRAY_LEN(bad); i++) {
        ck_assert_int_lt(pagetable_command(&r->t.out, r->m->h, NULL, bad[i][0], &e), 0);
        ck_assert_msg(!strncmp(e.text, bad[i][1], strlen(bad[i][1])), "%s", e.text);
    }
    ck_assert_int_lt(pagetable_command(&r->t.out, r->m->h, &root, "sv39", &e), 0);
    rig_free(r);
}
END_TEST

/* ---- the TLB and the bus ---- */

START_TEST(tlb_and_bus)
{
    struct rig *r = rig_new();
    info_tlb(&r->t.out, r->m->h);
    ck_assert_str_eq(r->t.text, "the TLB is empty\n");
    /* A load, a store and their own page. */
    emit_la(r->m, 5, RAM + 0x4000);
    emit(r->m, w_i(INSN_ld, 6, 5, 0));
    emit(r->m, w_s(INSN_sd, 6, 5, 8));
    emit(r->m, w_u(INSN_lui, 7, 0x1000));
    emit(r->m, w_r(INSN_add, 5, 5, 7));
    emit(r->m, w_i(INSN_ld, 6, 5, 0));
    run_n(r->m, 7);
    out_text_free(&r->t);
    info_tlb(&r->t.out, r->m->h);
    ck_assert_ptr_nonnull(strstr(
        r->t.text, "loads and stores in M mode: 2 pages\n  0000000080004000..0000000080004fff -> 0x8000_4000 rw-\n"
                   "  0000000080005000..0000000080005fff -> 0x8000_5000 r--\n"));
    ck_assert_ptr_nonnull(strstr(r->t.text, "fetches in M mode; FS off"));
    ck_assert_ptr_nonnull(strstr(r->t.text, ": 1 page\n  0000000080000000..0000000080000fff -> 0x8000_0000 --x\n"));
    out_text_free(&r->t);
    info_mtree(&r->t.out, r->m->bus);
    ck_assert_str_eq(r->t.text, "0000000080000000-000000008003ffff (ram): ram\n");
    rig_free(r);
}
END_TEST

Suite *pagetable_suite(void)
{
    Suite *s = suite_create("pagetable");
    TCase *t = tcase_create("pagetable");
    tcase_set_timeout(t, 60);
    tcase_add_test(t, known_table);
    tcase_add_test(t, odd_entries);
    tcase_add_test(t, long_tables);
    tcase_add_test(t, random_tables);
    tcase_add_test(t, nested_tables);
    tcase_add_test(t, refused);
    tcase_add_test(t, tlb_and_bus);
    suite_add_tcase(s, t);
    return s;
}
