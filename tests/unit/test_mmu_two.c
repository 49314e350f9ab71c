/* SPDX-License-Identifier: MIT */
/*
 * The walker, two stages: a test per rule of Priv. "Two-Stage Address Translation" and its sections, then the permissions of both
 * leaves exhaustively.
 */
#include "mmu_fixture.h"

#define VA         UINT64_C(0x12345678)
#define GUEST_PAGE UINT64_C(0x40000000)
#define GUEST      (GUEST_PAGE | (VA & 0xfff))
#define PA         UINT64_C(0x80100000)
#define PA_OF_VA   (PA | (VA & 0xfff))
#define G_FULL     (FX_FULL | PTE_U)

enum { TINST_READ = 0x3000, TINST_WRITE = 0x3020 };

/* VA -> GUEST with the flags of stage one, GUEST -> PA with those of stage two; both Sv39. */
static struct fx *mapped(uint64_t flags1, uint64_t flags2)
{
    struct fx *x = fx_new(ATP_SV39, ATP_SV39);
    *fx_pte(x, 1, VA, 0) = pte_make(GUEST_PAGE, flags1);
    *fx_pte(x, 2, GUEST, 0) = pte_make(PA, flags2);
    return x;
}

/* The gpa of stage one's PTE of the given level for VA. */
static uint64_t pte_gpa(struct fx *x, unsigned level)
{
    unsigned top = atp_levels(atp_mode(x->c.satp)) - 1;
    uint64_t table = level == top ? atp_root(x->c.satp) : pte_address(*fx_pte(x, 1, VA, level + 1));
    return table + (VA >> (12 + 9 * level) & 511) * 8;
}

/* "Guest Physical Address Translation": the address and the size of each pair of modes and levels; the smaller leaf counts. */
START_TEST(modes_and_levels)
{
    unsigned mode1 = fx_modes[_i / 3], mode2 = fx_modes[_i % 3];
    for (unsigned level1 = 0; level1 < atp_levels(mode1); level1++)
        for (unsigned level2 = 0; level2 < atp_levels(mode2); level2++) {
            struct fx *x = fx_new(mode1, (int)mode2);
            uint64_t span1 = BIT(12 + 9 * level1), span2 = BIT(12 + 9 * level2);
            /* The guest page lies in the top quarter of what stage two can translate: its root has 2048 PTEs. */
            uint64_t top = UINT64_C(3) << (12 + 9 * atp_levels(mode2));
            uint64_t gpa = mode2 == ATP_SV57 ? BIT(55) : top; /* a PTE's PPN reaches no further */
            uint64_t va = UINT64_C(0x123456789a) & ~(uint64_t)7;
            uint64_t at = (gpa & ~(span1 - 1)) | (va & (span1 - 1));
            uint64_t pa = BIT(55) & ~(span2 - 1);
            if (gpa & (span1 - 1)) { /* a page of stage one larger than that */
                fx_free(x);
                continue;
            }
            *fx_pte(x, 1, va, level1) = pte_make(gpa, FX_FULL);
            *fx_pte(x, 2, at, level2) = pte_make(pa, G_FULL);
            for (int a = MMU_R; a <= MMU_X; a++) {
                FX_MAPS(x, va, a, pa | (at & (span2 - 1)));
                ck_assert_uint_eq(x->m.page_size, min_u64(span1, span2));
            }
            fx_free(x);
        }
}
END_TEST

/* NAPOT at either stage makes the combination 64 KiB, at most. */
START_TEST(napot_combination)
{
    struct fx *x = fx_new(ATP_SV39, ATP_SV39);
    x->c.svnapot = true;
    *fx_pte(x, 1, VA, 0) = pte_make(GUEST_PAGE | 0x8000, FX_FULL | PTE_N);
    *fx_pte(x, 2, GUEST_PAGE, 1) = pte_make(BIT(32), G_FULL);
    FX_MAPS(x, VA, MMU_R, BIT(32) | (VA & 0xffff));
    ck_assert_uint_eq(x->m.page_size, 0x10000);
    *fx_pte(x, 2, GUEST_PAGE, 1) = 0;
    *fx_pte(x, 2, GUEST_PAGE | (VA & 0xf000), 0) = pte_make(BIT(32) | 0x8000, G_FULL | PTE_N);
    FX_MAPS(x, VA, MMU_R, BIT(32) | (VA & 0xffff));
    ck_assert_uint_eq(x->m.page_size, 0x10000);
    *fx_pte(x, 2, GUEST_PAGE | (VA & 0xf000), 0) = pte_make(BIT(32), G_FULL);
    FX_MAPS(x, VA, MMU_R, BIT(32) | (VA & 0xfff));
    ck_assert_uint_eq(x->m.page_size, 0x1000);
    fx_free(x);
}
END_TEST

/* "hgatp", "vsatp": either stage alone, or none. */
START_TEST(bare_stages)
{
    struct fx *x = fx_new(ATP_BARE, ATP_BARE);
    FX_MAPS(x, VA, MMU_X, VA);
    ck_assert_uint_ge(x->m.page_size, BIT(56));
    FX_FAULTS(x, BIT(60), MMU_X, 1);
    ck_assert_uint_eq(x->f.tval2, 0);
    fx_free(x);

    x = fx_new(ATP_BARE, ATP_SV39);
    *fx_pte(x, 2, GUEST, 1) = pte_make(BIT(32), G_FULL);
    FX_MAPS(x, GUEST, MMU_W, BIT(32) | (GUEST & 0x1fffff));
    ck_assert_uint_eq(x->m.page_size, BIT(21));
    ck_assert(!x->m.user && !x->m.global);
    FX_GUEST_FAULTS(x, VA, MMU_W, 23, VA, 0);
    fx_free(x);

    x = fx_new(ATP_SV39, ATP_BARE);
    *fx_pte(x, 1, VA, 0) = pte_make(PA, FX_FULL | PTE_U | PTE_G);
    x->c.priv = PRIV_U;
    FX_MAPS(x, VA, MMU_R, PA_OF_VA);
    ck_assert(x->m.user && x->m.global && x->m.page_size == 4096);
    FX_FAULTS(x, VA + 4096, MMU_R, 13);
    fx_free(x);
}
END_TEST

/* "Guest Physical Address Translation": bits 63:41 (50, 59) of a gpa must be zero, or a guest-page fault occurs. */
START_TEST(gpa_width)
{
    unsigned mode = fx_modes[_i], width = 12 + 9 * atp_levels(mode) + 2;
    struct fx *x = fx_new(ATP_BARE, (int)mode);
    *fx_pte(x, 2, 0, 0) = pte_make(PA, G_FULL);
    *fx_pte(x, 2, BIT(width) - 8, 0) = pte_make(PA, G_FULL);
    FX_MAPS(x, 8, MMU_R, PA | 8);
    FX_MAPS(x, BIT(width) - 8, MMU_R, PA | 0xff8);
    for (unsigned b = width; b < 64; b++)
        for (int a = MMU_R; a <= MMU_X; a++)
            FX_GUEST_FAULTS(x, BIT(b) | 8, a, fx_guest_fault[a], BIT(b) | 8, 0);
    fx_free(x);
}
END_TEST

/* The same for gpas that stage one makes: of a page, and of a table (an implicit access). */
START_TEST(gpa_width_from_stage_one)
{
    for (unsigned b = 41; b < 56; b++) {
        struct fx *x = mapped(FX_FULL, G_FULL);
        *fx_pte(x, 1, VA, 0) = pte_make(BIT(b), FX_FULL);
        FX_GUEST_FAULTS(x, VA, MMU_R, 21, BIT(b) | (VA & 0xfff), 0);
        for (unsigned level = 1; level < 3; level++) {
            *fx_pte(x, 1, VA, level) = pte_make(BIT(b), PTE_V);
            for (int a = MMU_R; a <= MMU_X; a++)
                FX_GUEST_FAULTS(x, VA, a, fx_guest_fault[a], BIT(b) | (VA >> 9 * level & 0xff8), TINST_READ);
        }
        fx_free(x);
    }
}
END_TEST

/*
 * "For a memory access made to support VS-stage address translation ... permissions and the need to set A and/or D bits at the
 * G-stage level are checked as though for an implicit load or store, not for the original access type. However, any exception
 * is always reported for the original access type"; mtval2 and mtinst: "Transformed Instruction or Pseudoinstruction".
 *
 * All R, W, X, U, A, D of stage two's leaf for a table of stage one, at each level, with A of the leaf of stage one clear or set.
 * MXR of neither kind, nor HLVX, makes an X-only table readable: they speak of explicit loads.
 */
START_TEST(implicit_accesses)
{
    unsigned level = (unsigned)_i % 3;
    int special = _i / 3; /* 0 none, 1 MXR, 2 HLVX */
    struct fx *x = mapped(FX_FULL, G_FULL);
    uint64_t *leaf1 = fx_pte(x, 1, VA, 0);
    uint64_t *leaf2 = fx_pte(x, 2, pte_gpa(x, level), 0);
    uint64_t table = pte_address(*leaf2);
    unsigned maps = 0, reads = 0, writes = 0;

    x->c.mxr = x->c.vmxr = special == 1;
    x->c.hlvx = special == 2;
    for (uint64_t flags = 0; flags < 256; flags += 2)
        for (int clear = 0; clear < 2; clear++)
            for (int adue = 0; adue < 2; adue++)
                for (int adue_g = 0; adue_g < 2; adue_g++)
                    for (int a = MMU_R; a <= MMU_X; a++) {
                        if (flags & PTE_G)
                            continue;
                        *leaf1 = pte_make(GUEST_PAGE, clear ? FX_FULL & ~FX_AD : FX_FULL);
                        *leaf2 = pte_make(table, PTE_V | flags);
                        x->c.adue = adue;
                        x->c.adue_g = adue_g;
                        bool writes_pte = level == 0 && clear;
                        bool read_ok = (flags & PTE_R) && (flags & PTE_U) && ((flags & PTE_A) || adue_g);
                        bool write_ok = (flags & PTE_W) && ((flags & PTE_D) || adue_g);
                        if (!read_ok) {
                            FX_GUEST_FAULTS(x, VA, a, fx_guest_fault[a], pte_gpa(x, level), TINST_READ);
                            ck_assert_uint_eq(*leaf2, pte_make(table, PTE_V | flags));
                            reads++;
                        } else if (clear && !adue) {
                            FX_FAULTS(x, VA, a, fx_page_fault[a]);
                            ck_assert_uint_eq(x->f.tval2 | x->f.tinst, 0);
                        } else if (writes_pte && !write_ok) {
                            FX_GUEST_FAULTS(x, VA, a, fx_guest_fault[a], pte_gpa(x, level), TINST_WRITE);
                            ck_assert_uint_eq(*leaf1, pte_make(GUEST_PAGE, FX_FULL & ~FX_AD));
                            writes++;
                        } else {
                            FX_MAPS(x, VA, a, PA_OF_VA);
                            uint64_t set = PTE_A | (writes_pte ? PTE_D : 0);
                            ck_assert_uint_eq(*leaf2, pte_make(table, PTE_V | flags | set));
                            ck_assert_uint_eq(*leaf1 & PTE_A, PTE_A);
                            ck_assert_int_eq(!!(*leaf1 & PTE_D), !clear || a == MMU_W);
                            maps++;
                        }
                    }
    ck_assert_uint_gt(maps, 0);
    ck_assert_uint_gt(reads, 0);
    ck_assert_int_eq(writes > 0, level == 0);
    fx_free(x);
}
END_TEST

/* Step 2 at stage two: access faults of the original type, without a guest physical address. */
START_TEST(unreachable_tables)
{
    const uint64_t bad[] = {FX_DEV, FX_RAM + FX_RAM_SIZE, 0};
    for (unsigned i = 0; i < ARRAY_LEN(bad); i++)
        for (int a = MMU_R; a <= MMU_X; a++) {
            struct fx *x = mapped(FX_FULL, G_FULL);
            uint64_t *own = fx_pte(x, 2, GUEST, 1), *tables = fx_pte(x, 2, pte_gpa(x, 1), 0), good = *own;
            *own = pte_make(bad[i], PTE_V); /* a table of stage two */
            FX_FAULTS(x, VA, a, fx_access_fault[a]);
            ck_assert_uint_eq(x->f.tval2 | x->f.tinst, 0);
            *own = good;
            FX_MAPS(x, VA, a, PA_OF_VA);
            *tables = pte_make(bad[i], G_FULL); /* a table of stage one, which stage two puts there */
            FX_FAULTS(x, VA, a, fx_access_fault[a]);
            ck_assert_uint_eq(x->f.tval2 | x->f.tinst, 0);
            fx_free(x);
        }
}
END_TEST

/* Reserved bits, pointers and alignment at stage two are those of stage one, with guest-page faults. */
START_TEST(stage_two_reserved)
{
    for (int a = MMU_R; a <= MMU_X; a++) {
        struct fx *x = mapped(FX_FULL, G_FULL);
        uint64_t *leaf = fx_pte(x, 2, GUEST, 0), *mid = fx_pte(x, 2, GUEST, 1), good = *mid;
        for (unsigned b = 54; b < 64; b++) {
            *leaf = pte_make(PA, G_FULL | BIT(b));
            FX_GUEST_FAULTS(x, VA, a, fx_guest_fault[a], GUEST, 0);
        }
        *leaf = pte_make(PA, G_FULL & ~(PTE_R | PTE_X));
        FX_GUEST_FAULTS(x, VA, a, fx_guest_fault[a], GUEST, 0);
        *leaf = pte_make(PA, PTE_V);
        FX_GUEST_FAULTS(x, VA, a, fx_guest_fault[a], GUEST, 0);
        *leaf = pte_make(PA, G_FULL);
        const uint64_t wrong[] = {PTE_D, PTE_A, PTE_U, PTE_N, BIT(61), BIT(62)};
        x->c.svnapot = x->c.pbmte_g = true;
        for (unsigned i = 0; i < ARRAY_LEN(wrong); i++) {
            *mid = good | wrong[i];
            FX_GUEST_FAULTS(x, VA, a, fx_guest_fault[a], GUEST, 0);
        }
        *mid = pte_make(PA, G_FULL) | BIT(10); /* a superpage, misaligned */
        FX_GUEST_FAULTS(x, VA, a, fx_guest_fault[a], GUEST, 0);
        *mid = pte_make(BIT(32), G_FULL);
        FX_MAPS(x, VA, a, BIT(32) | (GUEST & 0x1fffff));
        fx_free(x);
    }
}
END_TEST

/* "henvcfg": PBMTE and ADUE there are for stage one, those of menvcfg for stage two: no mixing. */
START_TEST(environment_per_stage)
{
    for (int one = 0; one < 2; one++)
        for (int two = 0; two < 2; two++) {
            struct fx *x = mapped(FX_FULL | BIT(61), G_FULL);
            x->c.pbmte = one;
            x->c.pbmte_g = two;
            if (one)
                FX_MAPS(x, VA, MMU_R, PA_OF_VA);
            else
                FX_FAULTS(x, VA, MMU_R, 13);
            *fx_pte(x, 1, VA, 0) = pte_make(GUEST_PAGE, FX_FULL);
            *fx_pte(x, 2, GUEST, 0) = pte_make(PA, G_FULL | BIT(62));
            if (two)
                FX_MAPS(x, VA, MMU_R, PA_OF_VA);
            else
                FX_GUEST_FAULTS(x, VA, MMU_R, 21, GUEST, 0);
            fx_free(x);
        }
}
END_TEST

/* "The G bit in all G-stage PTEs is ... ignored by hardware", and user is the U bit of stage one. */
START_TEST(global_and_user)
{
    struct fx *x = mapped(FX_FULL, G_FULL | PTE_G);
    FX_MAPS(x, VA, MMU_R, PA_OF_VA);
    ck_assert(!x->m.global && !x->m.user);
    *fx_pte(x, 2, GUEST, 1) |= PTE_G;
    FX_MAPS(x, VA, MMU_R, PA_OF_VA);
    ck_assert(!x->m.global);
    *fx_pte(x, 1, VA, 1) |= PTE_G;
    FX_MAPS(x, VA, MMU_R, PA_OF_VA);
    ck_assert(x->m.global);
    fx_free(x);
}
END_TEST

/* Exception priority (table "Synchronous exception priority"): what the walk meets first. */
START_TEST(first_fault_wins)
{
    struct fx *x = mapped(PTE_V, 0); /* stage one's leaf and stage two's are both bad */
    FX_FAULTS(x, VA, MMU_R, 13);
    *fx_pte(x, 1, VA, 0) = pte_make(GUEST_PAGE, FX_FULL);
    FX_GUEST_FAULTS(x, VA, MMU_R, 21, GUEST, 0);
    *fx_pte(x, 2, pte_gpa(x, 0), 0) = 0; /* now the table cannot be read either */
    FX_GUEST_FAULTS(x, VA, MMU_R, 21, pte_gpa(x, 0), TINST_READ);
    x->pmp.count = PMP_ENTRIES; /* and PMP denies everything: stage two's own root */
    pmp_update(&x->pmp);
    FX_FAULTS(x, VA, MMU_R, 5);
    ck_assert_uint_eq(x->f.tval2 | x->f.tinst, 0);
    FX_FAULTS(x, VA | BIT(50), MMU_R, 13); /* but no PTE is read for an address out of range */
    fx_free(x);
}
END_TEST

/*
 * HLVX: X in place of R at both stages, reported as a load; "the supervisor physical memory attributes must grant both execute
 * and read permissions". Priv. "Hypervisor Virtual-Machine Load and Store Instructions".
 */
START_TEST(hlvx_and_pmp)
{
    for (uint8_t rwx = 0; rwx < 8; rwx++) {
        struct fx *x = mapped(PTE_V | PTE_X | FX_AD, PTE_V | PTE_X | PTE_U | FX_AD);
        x->pmp.count = PMP_ENTRIES;
        x->pmp.addr[0] = (PA | 0x7ff) >> 2;
        x->pmp.cfg[0] = 0x18 | rwx;
        x->pmp.addr[1] = MASK(53, 0);
        x->pmp.cfg[1] = 0x1f;
        pmp_update(&x->pmp);
        x->c.hlvx = true;
        if ((rwx & 5) == 5)
            FX_MAPS(x, VA, MMU_R, PA_OF_VA);
        else
            FX_FAULTS(x, VA, MMU_R, 5);
        x->c.hlvx = false;
        FX_FAULTS(x, VA, MMU_R, 13);
        fx_free(x);
    }
}
END_TEST

struct listener {
    struct mmu_observer o;
    struct mmu_step step[32];
    unsigned n;
};

static void listen(struct mmu_observer *o, const struct mmu_step *s)
{
    struct listener *l = (struct listener *)o;
    ck_assert_uint_lt(l->n, 32);
    l->step[l->n++] = *s;
}

/* Order: for each PTE of stage one, first the three of stage two that lead to it; at last the three for the page. */
START_TEST(observed)
{
    struct fx *x = mapped(FX_FULL, G_FULL);
    struct listener l = {.o = {listen}};
    ck_assert(mmu_translate(&x->c, VA, 8, MMU_W, false, &x->m, &x->f, &l.o));
    ck_assert_uint_eq(l.n, 15);
    for (unsigned i = 0; i < l.n; i++) {
        const struct mmu_step *s = &l.step[i];
        unsigned level1 = 2 - i / 4;
        if (i < 12 && i % 4 == 3) {
            ck_assert_uint_eq(s->stage, 1);
            ck_assert_int_eq(s->level, (int)level1);
            ck_assert_uint_eq(s->va, VA);
            ck_assert_uint_eq(s->pte_gpa, pte_gpa(x, level1));
            ck_assert_uint_eq(s->pte_hpa, pte_gpa(x, level1) - FX_GPA_OFFSET);
            ck_assert_int_eq(s->verdict, level1 ? PTE_POINTER : PTE_LEAF);
        } else {
            int level2 = 2 - (int)(i % 4);
            ck_assert_uint_eq(s->stage, 2);
            ck_assert_int_eq(s->level, level2);
            ck_assert_uint_eq(s->va, i < 12 ? pte_gpa(x, level1) : GUEST);
            ck_assert_uint_eq(s->pte_gpa, s->pte_hpa);
            ck_assert_int_eq(s->verdict, level2 ? PTE_POINTER : PTE_LEAF);
        }
        ck_assert_uint_eq(s->pte, *fx_at(x, s->pte_hpa));
    }
    fx_free(x);
}
END_TEST

/* What one leaf says to an explicit access, in the words of the specification; ad: what must be set. */
static bool leaf_allows(uint64_t pte, bool user_mode, bool sum, enum mmu_access a, bool mxr, bool hlvx, bool adue,
                        uint64_t *ad)
{
    *ad = PTE_A | (a == MMU_W ? PTE_D : 0);
    if (!(pte & (PTE_R | PTE_X)) || ((pte & PTE_W) && !(pte & PTE_R)))
        return false; /* a pointer without a table below, or a reserved encoding */
    if (user_mode && !(pte & PTE_U))
        return false;
    if (!user_mode && (pte & PTE_U) && (a == MMU_X || !sum))
        return false;
    switch (a) {
    case MMU_R:
        if (hlvx ? !(pte & PTE_X) : !((pte & PTE_R) || (mxr && (pte & PTE_X))))
            return false;
        break;
    case MMU_W:
        if (!(pte & PTE_W))
            return false;
        break;
    case MMU_X:
        if (!(pte & PTE_X))
            return false;
        break;
    }
    return adue || (pte & *ad) == *ad;
}

/* One pair of leaves: bits 5:0 of i choose R, W, X, U, A, D of stage one's, bits 11:6 of stage two's. */
static void two_leaves(struct fx *x, uint64_t *leaf1, uint64_t *leaf2, unsigned i, unsigned count[3])
{
    static const uint64_t bit[] = {PTE_R, PTE_W, PTE_X, PTE_U, PTE_A, PTE_D};
    uint64_t pte1 = pte_make(GUEST_PAGE, PTE_V), pte2 = pte_make(PA, PTE_V);
    for (unsigned b = 0; b < 6; b++) {
        pte1 |= i >> b & 1 ? bit[b] : 0;
        pte2 |= i >> (6 + b) & 1 ? bit[b] : 0;
    }
    for (int a = MMU_R; a <= MMU_X; a++) {
        uint64_t ad;
        bool ok1 =
            leaf_allows(pte1, x->c.priv == PRIV_U, x->c.sum, a, x->c.mxr || x->c.vmxr, x->c.hlvx, x->c.adue, &ad);
        bool ok2 = leaf_allows(pte2, true, false, a, x->c.mxr, x->c.hlvx, x->c.adue_g, &ad);
        *leaf1 = pte1;
        *leaf2 = pte2;
        bool ok = fx_try(x, VA, a);
        unsigned outcome = !ok1 ? 1 : !ok2 ? 2 : 0;
        count[outcome]++;
        if (ok != !outcome || (ok && x->m.pa != PA_OF_VA))
            ck_abort_msg("leaves %llx %llx access %d: %s", (unsigned long long)pte1, (unsigned long long)pte2, a,
                         ok ? "mapped" : "fault");
        if (!ok) {
            FX_CHECK(x->f.cause == (outcome == 1 ? fx_page_fault[a] : fx_guest_fault[a]));
            FX_CHECK(x->f.tval2 == (outcome == 1 ? 0 : GUEST >> 2));
            FX_CHECK(x->f.tinst == 0);
        }
        FX_CHECK(*leaf1 == (ok1 ? pte1 | ad : pte1));
        FX_CHECK(*leaf2 == (ok ? pte2 | ad : pte2));
    }
}

/*
 * R, W, X, U, A, D of both leaves, by access, privilege, SUM, both MXR, HLVX, and who updates A and D: which stage faults, with
 * which cause, and which bits are set. "Two-Stage Address Translation", "Guest Physical Address Translation", 3.1.6.3.
 */
START_TEST(all_permissions)
{
    struct fx *x = mapped(FX_FULL, G_FULL);
    uint64_t *leaf1 = fx_pte(x, 1, VA, 0), *leaf2 = fx_pte(x, 2, GUEST, 0);
    unsigned count[3] = {0}; /* mapped, page faults, guest page faults */

    x->c.priv = _i & 1 ? PRIV_S : PRIV_U;
    x->c.sum = _i & 2;
    x->c.mxr = _i & 4;
    x->c.vmxr = _i & 8;
    for (unsigned n = 0; n < 8; n++) {
        x->c.hlvx = n & 1;
        x->c.adue = n & 2;
        x->c.adue_g = n & 4;
        for (unsigned i = 0; i < 64 * 64; i++)
            two_leaves(x, leaf1, leaf2, i, count);
    }
    ck_assert(count[0] && count[1] && count[2]);
    fx_free(x);
}
END_TEST

Suite *mmu_two_suite(void);
Suite *mmu_two_suite(void)
{
    Suite *s = suite_create("mmu_two");
    TCase *t = tcase_create("two stages");
    tcase_set_timeout(t, 60);
    tcase_add_loop_test(t, modes_and_levels, 0, 9);
    tcase_add_test(t, napot_combination);
    tcase_add_test(t, bare_stages);
    tcase_add_loop_test(t, gpa_width, 0, 3);
    tcase_add_test(t, gpa_width_from_stage_one);
    tcase_add_loop_test(t, implicit_accesses, 0, 9);
    tcase_add_test(t, unreachable_tables);
    tcase_add_test(t, stage_two_reserved);
    tcase_add_test(t, environment_per_stage);
    tcase_add_test(t, global_and_user);
    tcase_add_test(t, first_fault_wins);
    tcase_add_test(t, hlvx_and_pmp);
    tcase_add_test(t, observed);
    tcase_add_loop_test(t, all_permissions, 0, 16);
    suite_add_tcase(s, t);
    return s;
}
