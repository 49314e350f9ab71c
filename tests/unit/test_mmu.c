/* SPDX-License-Identifier: MIT */
/*
 * The walker, one stage: a test per rule of Priv. "Sv39", "Sv48", "Sv57", "Svnapot", "Svpbmt", "Svade", "Svadu". "Step n" is step n
 * of "Virtual Address Translation Process".
 */
#include "mmu_fixture.h"

#define VA       UINT64_C(0x12345678)
#define VA_PAGE  (VA & PAGE_MASK)
#define PA       UINT64_C(0x80100000)
#define PA_OF_VA (PA | (VA & 0xfff))

/* A world of Sv39 in which VA is mapped to PA by a leaf with the given flags. */
static struct fx *mapped(uint64_t flags)
{
    struct fx *x = fx_new(ATP_SV39, -1);
    *fx_pte(x, 1, VA, 0) = pte_make(PA, flags);
    return x;
}

/* "satp": Bare translates nothing; M never does. Priv. "Supervisor Address Translation and Protection Register". */
START_TEST(bare_and_machine)
{
    struct fx *x = fx_new(ATP_BARE, -1);
    for (int a = MMU_R; a <= MMU_X; a++) {
        x->c.priv = PRIV_U;
        FX_MAPS(x, VA, a, VA);
        x->c.priv = PRIV_S;
        FX_MAPS(x, VA, a, VA);
        ck_assert(!x->m.user && !x->m.global && x->m.whole_page);
        ck_assert_uint_ge(x->m.page_size, BIT(56));
        FX_MAPS(x, BIT(56) - 8, a, BIT(56) - 8);
        FX_FAULTS(x, BIT(56), a, fx_access_fault[a]); /* physical addresses have 56 bits */
    }
    fx_free(x);
    x = mapped(0);
    x->c.priv = PRIV_M;
    FX_MAPS(x, VA, MMU_X, VA);
    fx_free(x);
}
END_TEST

/* Step 10, for each mode and each level of leaf, in both halves of the address space. */
START_TEST(modes_and_levels)
{
    unsigned mode = fx_modes[_i], levels = atp_levels(mode);
    struct fx *x = fx_new(mode, -1);
    for (unsigned level = 0; level < levels; level++) {
        uint64_t span = BIT(12 + 9 * level), pa = BIT(55) | BIT(12 + 9 * level);
        for (unsigned upper = 0; upper < 2; upper++) {
            /* A VPN of its own at the root for each case. */
            uint64_t va =
                (uint64_t)(level + 1 + 128 * upper) << (12 + 9 * (levels - 1)) | UINT64_C(0x5a5a5a5a5a5a5a5a) % span;
            if (upper)
                va |= UINT64_MAX << (12 + 9 * levels - 1);
            *fx_pte(x, 1, va, level) = pte_make(pa, FX_FULL);
            for (int a = MMU_R; a <= MMU_X; a++)
                FX_MAPS(x, va, a, pa | (va % span));
            ck_assert_uint_eq(x->m.page_size, span);
            ck_assert(!x->m.user && !x->m.global);
        }
    }
    fx_free(x);
}
END_TEST

/* "Sv39": "bits 63-39 all equal to bit 38, or else a page-fault exception will occur"; Sv48, Sv57 likewise. */
START_TEST(canonical)
{
    unsigned mode = fx_modes[_i], width = 12 + 9 * atp_levels(mode);
    struct fx *x = fx_new(mode, -1);
    uint64_t low = 8, high = UINT64_MAX << (width - 1);
    *fx_pte(x, 1, low, 0) = pte_make(PA, FX_FULL);
    *fx_pte(x, 1, high, 0) = pte_make(PA, FX_FULL);
    FX_MAPS(x, low, MMU_R, PA | 8);
    FX_MAPS(x, high, MMU_R, PA);
    for (unsigned b = width; b < 64; b++)
        for (int a = MMU_R; a <= MMU_X; a++) {
            FX_FAULTS(x, low ^ BIT(b), a, fx_page_fault[a]);
            FX_FAULTS(x, high ^ BIT(b), a, fx_page_fault[a]);
        }
    fx_free(x);
}
END_TEST

/* Step 3: V clear, W without R, and each reserved bit (60:54 always; 62:61 and 63 without Svpbmt and Svnapot), at each level. */
START_TEST(invalid_and_reserved)
{
    struct fx *x = fx_new(ATP_SV39, -1);
    for (unsigned level = 0; level < 3; level++) {
        uint64_t va = BIT(30) * (level + 1);
        uint64_t *pte = fx_pte(x, 1, va, level);
        for (int a = MMU_R; a <= MMU_X; a++) {
            *pte = pte_make(BIT(30), FX_FULL);
            FX_MAPS(x, va, a, BIT(30));
            *pte = pte_make(BIT(30), FX_FULL & ~PTE_V);
            FX_FAULTS(x, va, a, fx_page_fault[a]);
            *pte = pte_make(BIT(30), FX_FULL & ~PTE_R);
            FX_FAULTS(x, va, a, fx_page_fault[a]);
            *pte = pte_make(BIT(30), FX_FULL & ~(PTE_R | PTE_X));
            FX_FAULTS(x, va, a, fx_page_fault[a]);
            for (unsigned b = 54; b < 64; b++) {
                *pte = pte_make(BIT(30), FX_FULL | BIT(b));
                FX_FAULTS(x, va, a, fx_page_fault[a]);
            }
            *pte = pte_make(BIT(30), FX_FULL | PTE_RSW); /* "shall be ignored by the implementation" */
            FX_MAPS(x, va, a, BIT(30));
        }
    }
    fx_free(x);
}
END_TEST

/* "Sv39": "For non-leaf PTEs, the D, A, and U bits are reserved"; Svnapot and Svpbmt: so are N and PBMT, even when enabled. */
START_TEST(pointers)
{
    struct fx *x = mapped(FX_FULL);
    x->c.pbmte = x->c.svnapot = true;
    for (unsigned level = 1; level < 3; level++) {
        uint64_t *pte = fx_pte(x, 1, VA, level), good = *pte;
        for (unsigned b = 4; b < 64; b++) {
            if (BIT(b) & PTE_PPN)
                continue;
            *pte = good | BIT(b);
            if (BIT(b) & (PTE_G | PTE_RSW))
                FX_MAPS(x, VA, MMU_R, PA_OF_VA);
            else
                FX_FAULTS(x, VA, MMU_R, 13);
        }
        /* "Sv39": G in a non-leaf PTE makes all below it global. */
        *pte = good | PTE_G;
        FX_MAPS(x, VA, MMU_R, PA_OF_VA);
        ck_assert(x->m.global);
        *pte = good;
    }
    *fx_pte(x, 1, VA, 0) |= PTE_G;
    FX_MAPS(x, VA, MMU_R, PA_OF_VA);
    ck_assert(x->m.global);
    fx_free(x);
}
END_TEST

/* Step 4: a pointer where no level is left. */
START_TEST(no_leaf)
{
    struct fx *x = mapped(PTE_V);
    for (int a = MMU_R; a <= MMU_X; a++)
        FX_FAULTS(x, VA, a, fx_page_fault[a]);
    fx_free(x);
}
END_TEST

/* Step 5: any bit of ppn[i-1:0]. */
START_TEST(misaligned_superpages)
{
    struct fx *x = fx_new(ATP_SV57, -1);
    for (unsigned level = 1; level < 5; level++) {
        uint64_t va = (uint64_t)level << 48;
        uint64_t *pte = fx_pte(x, 1, va, level);
        for (unsigned b = 0; b < 44; b++) {
            *pte = pte_make(BIT(12 + b), FX_FULL);
            if (b < 9 * level)
                FX_FAULTS(x, va, MMU_R, 13);
            else
                FX_MAPS(x, va, MMU_R, BIT(12 + b));
        }
    }
    fx_free(x);
}
END_TEST

/* Step 8: R, W, X by access, with mstatus.MXR (3.1.6.3): loads from pages readable or executable. */
START_TEST(read_write_execute)
{
    for (uint64_t rwx = 1; rwx < 8; rwx++)
        for (int mxr = 0; mxr < 2; mxr++)
            for (int vmxr = 0; vmxr < 2; vmxr++) {
                uint64_t flags = rwx << 1;
                bool reserved = (flags & (PTE_R | PTE_W)) == PTE_W;
                bool may[] = {[MMU_R] = (flags & PTE_R) || (mxr && (flags & PTE_X)),
                              [MMU_W] = flags & PTE_W,
                              [MMU_X] = flags & PTE_X};
                struct fx *x = mapped(PTE_V | FX_AD | flags);
                x->c.mxr = mxr;
                x->c.vmxr = vmxr; /* vsstatus.MXR means nothing at V=0 */
                for (int a = MMU_R; a <= MMU_X; a++)
                    if (may[a] && !reserved)
                        FX_MAPS(x, VA, a, PA_OF_VA);
                    else
                        FX_FAULTS(x, VA, a, fx_page_fault[a]);
                fx_free(x);
            }
}
END_TEST

/* Step 6 and "Sv39": U pages for U only; S there only with SUM, and never to execute. */
START_TEST(user_bit)
{
    for (int user = 0; user < 2; user++)
        for (int sum = 0; sum < 2; sum++)
            for (int a = MMU_R; a <= MMU_X; a++) {
                struct fx *x = mapped(FX_FULL | (user ? PTE_U : 0));
                x->c.sum = sum;
                bool may_s = !user || (sum && a != MMU_X);
                for (int priv = PRIV_U; priv <= PRIV_S; priv++) {
                    x->c.priv = priv;
                    if (priv == PRIV_U ? user : may_s) {
                        FX_MAPS(x, VA, a, PA_OF_VA);
                        ck_assert_int_eq(x->m.user, user);
                    } else {
                        FX_FAULTS(x, VA, a, fx_page_fault[a]);
                    }
                }
                fx_free(x);
            }
}
END_TEST

/* Step 9 with Svade: "a page-fault exception is raised" when A is clear, or D at a store. */
START_TEST(svade)
{
    for (uint64_t ad = 0; ad <= FX_AD; ad += PTE_A) {
        struct fx *x = mapped((FX_FULL & ~FX_AD) | ad);
        uint64_t *pte = fx_pte(x, 1, VA, 0), before = *pte;
        for (int a = MMU_R; a <= MMU_X; a++) {
            if ((ad & PTE_A) && (a != MMU_W || (ad & PTE_D)))
                FX_MAPS(x, VA, a, PA_OF_VA);
            else
                FX_FAULTS(x, VA, a, fx_page_fault[a]);
            ck_assert_uint_eq(*pte, before);
        }
        fx_free(x);
    }
}
END_TEST

/* Step 9 with Svadu: A, and D at a store, and nothing else; not at a dry run. */
START_TEST(svadu)
{
    for (uint64_t ad = 0; ad <= FX_AD; ad += PTE_A)
        for (int a = MMU_R; a <= MMU_X; a++) {
            struct fx *x = mapped((FX_FULL & ~FX_AD) | ad | PTE_RSW);
            x->c.adue = true;
            uint64_t *pte = fx_pte(x, 1, VA, 0), before = *pte;
            ck_assert(mmu_translate(&x->c, VA, 8, a, true, &x->m, &x->f, NULL));
            ck_assert_uint_eq(*pte, before);
            FX_MAPS(x, VA, a, PA_OF_VA);
            ck_assert_uint_eq(*pte, before | PTE_A | (a == MMU_W ? PTE_D : 0));
            fx_free(x);
        }
}
END_TEST

/* Steps 3 to 8 come before step 9: an access that faults leaves A and D alone. */
START_TEST(no_update_without_permission)
{
    struct fx *x = mapped(PTE_V | PTE_R);
    x->c.adue = true;
    uint64_t *pte = fx_pte(x, 1, VA, 0), before = *pte;
    FX_FAULTS(x, VA, MMU_W, 15);
    FX_FAULTS(x, VA, MMU_X, 12);
    x->c.priv = PRIV_U;
    FX_FAULTS(x, VA, MMU_R, 13);
    ck_assert_uint_eq(*pte, before);
    fx_free(x);
}
END_TEST

static void remember(void *ctx, uint64_t pa, uint64_t len)
{
    *(uint64_t *)ctx = pa | len;
}

/* The owner of a flag hears of the walker's writes as of any other. */
START_TEST(update_on_flagged_page)
{
    struct fx *x = mapped(FX_FULL & ~FX_AD);
    uint64_t told = 0, table = pte_address(*fx_pte(x, 1, VA, 1)), pte_pa = table + (VA >> 12 & 511) * 8;
    bus_set_flag_owner(x->bus, PAGE_SHADOW, remember, &told);
    bus_flag_page(x->bus, table, PAGE_SHADOW, true);
    x->c.adue = true;
    FX_MAPS(x, VA, MMU_W, PA_OF_VA);
    ck_assert_uint_eq(told, pte_pa | 8);
    ck_assert_uint_eq(*fx_pte(x, 1, VA, 0), pte_make(PA, FX_FULL));
    fx_free(x);
}
END_TEST

/* Step 2: "If accessing pte violates a PMA or PMP check, raise an access-fault exception corresponding to the original access". */
START_TEST(unreachable_tables)
{
    const uint64_t bad[] = {FX_DEV, FX_RAM + FX_RAM_SIZE, 0, MASK(55, 12)};
    for (unsigned i = 0; i < ARRAY_LEN(bad); i++)
        for (unsigned level = 1; level < 3; level++) {
            struct fx *x = mapped(FX_FULL);
            *fx_pte(x, 1, VA, level) = pte_make(bad[i], PTE_V);
            for (int a = MMU_R; a <= MMU_X; a++) {
                FX_FAULTS(x, VA, a, fx_access_fault[a]);
                ck_assert_uint_eq(x->f.tval2 | x->f.tinst, 0);
            }
            fx_free(x);
        }
}
END_TEST

/* One 4 KiB entry with the given R, W, X over page, everything else allowed. */
static void restrict_page(struct fx *x, uint64_t page, uint8_t rwx)
{
    x->pmp.count = PMP_ENTRIES;
    x->pmp.addr[0] = (page | 0x7ff) >> 2;
    x->pmp.cfg[0] = 0x18 | rwx;
    x->pmp.addr[1] = MASK(53, 0);
    x->pmp.cfg[1] = 0x1f;
    pmp_update(&x->pmp);
}

/* 3.7.2: PMP applies to implicit accesses to PTEs, as made by S: R to read one (step 2), W to set A and D (step 9). */
START_TEST(pmp_on_tables)
{
    for (unsigned level = 0; level < 3; level++)
        for (uint8_t rwx = 0; rwx < 8; rwx++) {
            struct fx *x = mapped(FX_FULL & ~FX_AD);
            uint64_t table = level == 2 ? atp_root(x->c.satp) : pte_address(*fx_pte(x, 1, VA, level + 1));
            restrict_page(x, table, rwx);
            x->c.adue = true;
            for (int a = MMU_R; a <= MMU_X; a++) {
                *fx_pte(x, 1, VA, 0) = pte_make(PA, FX_FULL & ~FX_AD);
                if ((rwx & 1) && (level || (rwx & 2)))
                    FX_MAPS(x, VA, a, PA_OF_VA);
                else
                    FX_FAULTS(x, VA, a, fx_access_fault[a]);
            }
            /* Bits that are set already take no write. */
            *fx_pte(x, 1, VA, 0) = pte_make(PA, FX_FULL);
            ck_assert_int_eq(fx_try(x, VA, MMU_W), rwx & 1);
            /* A page fault found in step 3 to 8 comes first: there is no write then. */
            if (rwx & 1) {
                *fx_pte(x, 1, VA, 0) = pte_make(PA, PTE_V | PTE_X);
                FX_FAULTS(x, VA, MMU_R, 13);
            }
            fx_free(x);
        }
}
END_TEST

/* Step 9, PMA: a table in ROM can be walked, but its A and D bits cannot be set. */
START_TEST(table_in_rom)
{
    struct fx *x = mapped(FX_FULL);
    uint64_t leaf[512] = {0};
    leaf[VA >> 12 & 511] = pte_make(PA, FX_FULL & ~PTE_D);
    ck_assert(bus_load(x->bus, FX_ROM, leaf, sizeof leaf));
    *fx_pte(x, 1, VA, 1) = pte_make(FX_ROM, PTE_V);
    x->c.adue = true;
    FX_MAPS(x, VA, MMU_R, PA_OF_VA);
    FX_FAULTS(x, VA, MMU_W, 7);
    ck_assert(!mmu_translate(&x->c, VA, 8, MMU_W, true, &x->m, &x->f, NULL));
    x->c.adue = false;
    FX_FAULTS(x, VA, MMU_W, 15);
    fx_free(x);
}
END_TEST

/* 3.7: PMP on the access itself, after translation; whole_page is its answer for the 4 KiB page. */
START_TEST(pmp_on_access)
{
    for (uint8_t rwx = 0; rwx < 8; rwx++) {
        struct fx *x = mapped(FX_FULL);
        restrict_page(x, PA, rwx);
        for (int a = MMU_R; a <= MMU_X; a++) {
            if (rwx >> a & 1) {
                FX_MAPS(x, VA, a, PA_OF_VA);
                ck_assert(x->m.whole_page);
            } else {
                FX_FAULTS(x, VA, a, fx_access_fault[a]);
            }
        }
        fx_free(x);
    }
    struct fx *x = mapped(FX_FULL);
    restrict_page(x, PA, 0);
    x->pmp.addr[0] = PA >> 2; /* only 8 bytes of the page */
    pmp_update(&x->pmp);
    FX_MAPS(x, VA, MMU_R, PA_OF_VA);
    ck_assert(!x->m.whole_page);
    FX_FAULTS(x, VA_PAGE, MMU_R, 5);
    fx_free(x);
}
END_TEST

/* "Svnapot", table "Page table entry encodings when pte.N=1": level 0 and ppn[3:0] = 1000 only. */
START_TEST(svnapot)
{
    for (int on = 0; on < 2; on++)
        for (uint64_t low = 0; low < 16; low++) {
            struct fx *x = mapped((FX_FULL | PTE_N) + low * BIT(10));
            x->c.svnapot = on;
            for (int a = MMU_R; a <= MMU_X; a++)
                if (on && low == 8) {
                    FX_MAPS(x, VA, a, PA | (VA & 0xffff));
                    ck_assert_uint_eq(x->m.page_size, 0x10000);
                } else {
                    FX_FAULTS(x, VA, a, fx_page_fault[a]);
                }
            fx_free(x);
        }
    struct fx *x = fx_new(ATP_SV39, -1);
    x->c.svnapot = true;
    for (unsigned level = 1; level < 3; level++) {
        *fx_pte(x, 1, VA + level * BIT(32), level) = pte_make(BIT(33), FX_FULL | PTE_N);
        FX_FAULTS(x, VA + level * BIT(32), MMU_R, 13);
    }
    fx_free(x);
}
END_TEST

/* "Svpbmt": 3 is reserved; with PBMTE=0 so is everything but 0. Leaves of any level. */
START_TEST(svpbmt)
{
    struct fx *x = fx_new(ATP_SV39, -1);
    for (unsigned level = 0; level < 3; level++) {
        uint64_t va = BIT(30) * (level + 1);
        for (int on = 0; on < 2; on++)
            for (uint64_t pbmt = 0; pbmt < 4; pbmt++) {
                x->c.pbmte = on;
                *fx_pte(x, 1, va, level) = pte_make(BIT(30), FX_FULL | pbmt << 61);
                if (on ? pbmt < 3 : !pbmt)
                    FX_MAPS(x, va, MMU_R, BIT(30));
                else
                    FX_FAULTS(x, va, MMU_R, 13);
            }
    }
    fx_free(x);
}
END_TEST

struct listener {
    struct mmu_observer o;
    struct mmu_step step[16];
    unsigned n;
};

static void listen(struct mmu_observer *o, const struct mmu_step *s)
{
    struct listener *l = (struct listener *)o;
    ck_assert_uint_lt(l->n, 16);
    l->step[l->n++] = *s;
}

/* Each PTE is told, with its address, level, value and verdict. */
START_TEST(observed)
{
    struct fx *x = mapped(FX_FULL & ~FX_AD);
    struct listener l = {.o = {listen}};
    uint64_t mid = pte_address(*fx_pte(x, 1, VA, 2)), last = pte_address(*fx_pte(x, 1, VA, 1));
    x->c.adue = true;
    ck_assert(mmu_translate(&x->c, VA, 8, MMU_W, false, &x->m, &x->f, &l.o));
    const struct mmu_step expected[] = {
        {1, 2, VA, atp_root(x->c.satp) + (VA >> 30 & 511) * 8, 0, pte_make(mid, PTE_V), PTE_POINTER},
        {1, 1, VA, mid + (VA >> 21 & 511) * 8, 0, pte_make(last, PTE_V), PTE_POINTER},
        {1, 0, VA, last + (VA >> 12 & 511) * 8, 0, pte_make(PA, FX_FULL & ~FX_AD), PTE_LEAF},
        {1, 0, VA, last + (VA >> 12 & 511) * 8, 0, pte_make(PA, FX_FULL), PTE_UPDATED_AD},
    };
    ck_assert_uint_eq(l.n, ARRAY_LEN(expected));
    for (unsigned i = 0; i < l.n; i++) {
        const struct mmu_step *s = &l.step[i], *e = &expected[i];
        ck_assert_uint_eq(s->stage, e->stage);
        ck_assert_int_eq(s->level, e->level);
        ck_assert_uint_eq(s->va, e->va);
        ck_assert_uint_eq(s->pte_gpa, e->pte_gpa);
        ck_assert_uint_eq(s->pte_hpa, e->pte_gpa);
        ck_assert_uint_eq(s->pte, e->pte);
        ck_assert_int_eq(s->verdict, e->verdict);
    }
    fx_free(x);
}
END_TEST

/* The verdict that stops a walk names the bit: for each row the last step told by a dry run. */
static const struct {
    uint64_t flags;
    unsigned level;
    enum mmu_access a;
    enum priv priv;
    enum pte_verdict verdict;
} verdicts[] = {
    {0, 0, MMU_R, PRIV_S, PTE_INVALID},
    {FX_FULL | BIT(54), 0, MMU_R, PRIV_S, PTE_RESERVED},
    {FX_FULL & ~PTE_R, 0, MMU_R, PRIV_S, PTE_RESERVED},
    {FX_FULL & ~PTE_X, 0, MMU_X, PRIV_S, PTE_NO_PERMISSION_X},
    {FX_FULL & ~PTE_W, 0, MMU_W, PRIV_S, PTE_NO_PERMISSION_W},
    {FX_FULL & ~(PTE_R | PTE_W), 0, MMU_R, PRIV_S, PTE_NO_PERMISSION_R},
    {FX_FULL, 0, MMU_R, PRIV_U, PTE_NOT_USER},
    {FX_FULL | PTE_U, 0, MMU_R, PRIV_S, PTE_USER_PAGE},
    {FX_FULL, 1, MMU_R, PRIV_S, PTE_MISALIGNED_SUPERPAGE},
    {PTE_V, 0, MMU_R, PRIV_S, PTE_NO_LEAF},
    {FX_FULL & ~PTE_A, 0, MMU_R, PRIV_S, PTE_A_CLEAR},
    {FX_FULL & ~PTE_D, 0, MMU_W, PRIV_S, PTE_D_CLEAR},
    {FX_FULL, 0, MMU_W, PRIV_S, PTE_LEAF},
};

START_TEST(explained)
{
    struct fx *x = fx_new(ATP_SV39, -1);
    struct listener l = {.o = {listen}};
    *fx_pte(x, 1, VA, verdicts[_i].level) = pte_make(PA + PAGE_SIZE, verdicts[_i].flags);
    x->c.priv = verdicts[_i].priv;
    bool ok = mmu_translate(&x->c, VA, 8, verdicts[_i].a, true, &x->m, &x->f, &l.o);
    ck_assert_int_eq(ok, verdicts[_i].verdict == PTE_LEAF);
    ck_assert_uint_eq(l.n, 3 - verdicts[_i].level);
    ck_assert_int_eq(l.step[l.n - 1].verdict, verdicts[_i].verdict);
    ck_assert_int_eq(l.step[l.n - 1].level, (int)verdicts[_i].level);

    /* Steps without a PTE. */
    l.n = 0;
    ck_assert(!mmu_translate(&x->c, BIT(40), 8, MMU_R, true, &x->m, &x->f, &l.o));
    ck_assert(l.n == 1 && l.step[0].verdict == PTE_NOT_CANONICAL && l.step[0].level == -1);
    if (ok) {
        restrict_page(x, PA + PAGE_SIZE, 0);
        l.n = 0;
        ck_assert(!mmu_translate(&x->c, VA, 8, MMU_R, true, &x->m, &x->f, &l.o));
        ck_assert(l.n == 4 && l.step[3].verdict == PTE_PMP_DENIED && l.step[3].level == -1);
        ck_assert_uint_eq(l.step[3].pte_hpa, PA_OF_VA + PAGE_SIZE);
    }
    fx_free(x);
}
END_TEST

Suite *mmu_suite(void);
Suite *mmu_suite(void)
{
    Suite *s = suite_create("mmu");
    TCase *t = tcase_create("one stage");
    tcase_add_test(t, bare_and_machine);
    tcase_add_loop_test(t, modes_and_levels, 0, 3);
    tcase_add_loop_test(t, canonical, 0, 3);
    tcase_add_test(t, invalid_and_reserved);
    tcase_add_test(t, pointers);
    tcase_add_test(t, no_leaf);
    tcase_add_test(t, misaligned_superpages);
    tcase_add_test(t, read_write_execute);
    tcase_add_test(t, user_bit);
    tcase_add_test(t, svade);
    tcase_add_test(t, svadu);
    tcase_add_test(t, no_update_without_permission);
    tcase_add_test(t, update_on_flagged_page);
    tcase_add_test(t, unreachable_tables);
    tcase_add_test(t, pmp_on_tables);
    tcase_add_test(t, table_in_rom);
    tcase_add_test(t, pmp_on_access);
    tcase_add_test(t, svnapot);
    tcase_add_test(t, svpbmt);
    tcase_add_test(t, observed);
    tcase_add_loop_test(t, explained, 0, ARRAY_LEN(verdicts));
    suite_add_tcase(s, t);
    return s;
}
