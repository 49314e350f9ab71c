/* SPDX-License-Identifier: MIT */
/*
 * The walker. One loop serves both stages: what differs is in struct stage and in the few places that ask for the stage's
 * number, which the compiler resolves because the loop is expanded once for each.
 *
 *   V=0:  va --stage one (satp)--> pa
 *   V=1:  gva --stage one (vsatp)--> gpa --stage two (hgatp)--> pa
 *                  |
 *                  each PTE of stage one lies at a gpa that goes through stage two by itself
 *
 * Priv. "Virtual Address Translation Process" (steps below are of that list), "Two-Stage Address Translation".
 */
#include "dev/bus_frames.h"
#include "mmu/mmu.h"
#include "mmu/pte.h"

#include <string.h>

#define ALWAYS_INLINE inline __attribute__((always_inline))
#define COLD          __attribute__((noinline, cold))

/* Bits that a pointer to a next table must not have. Priv. "Sv39", and "Svnapot", "Svpbmt" for the upper ones. */
#define POINTER_RESERVED (PTE_D | PTE_A | PTE_U | PTE_PBMT | PTE_N)

/* htinst, mtinst of a fault in the implicit access to a PTE. Priv. "Transformed Instruction or Pseudoinstruction". */
enum { TINST_READ_PTE = 0x3000, TINST_WRITE_PTE = 0x3020 };

struct stage {
    unsigned levels;   /* 0: this stage translates nothing */
    uint64_t root;     /* bytes */
    uint64_t reserved; /* bits that are reserved in every PTE */
    uint64_t u_care;   /* PTE_U if the U bit matters ... */
    uint64_t u_want;   /* ... and what it has to be */
    bool adue;
};

struct walk {
    const struct mmu_ctx *c;
    struct mmu_observer *o;
    const struct mem_region *memory; /* where the last PTE was: the next one is nearly always there too */
    struct mmu_fault *f;
    uint64_t va;
    enum mmu_access access; /* the original one, which chooses the cause of every fault */
    bool dry;
    bool foreign; /* entries hold addresses of another bus */
    struct stage two;
    uint32_t tinst; /* of the access that stage two is translating */
};

struct leaf {
    uint64_t pa;
    uint64_t span; /* bytes */
    uint64_t pte;
    uint64_t global; /* PTE_G if it is set on the path */
};

static COLD void tell(const struct walk *w, const struct mmu_step *s)
{
    if (w->o)
        w->o->step(w->o, s);
}

/* Fills *w->f. Stage 0: an access fault, else a page fault of that stage at va. Always false, for `return`. */
static COLD bool fault(const struct walk *w, unsigned stage, uint64_t va)
{
    static const uint8_t cause[3][3] = {
        {[MMU_R] = 5, [MMU_W] = 7, [MMU_X] = 1},
        {[MMU_R] = 13, [MMU_W] = 15, [MMU_X] = 12},
        {[MMU_R] = 21, [MMU_W] = 23, [MMU_X] = 20},
    };
    *w->f = (struct mmu_fault){
        .cause = cause[stage][w->access],
        .tval = w->va,
        .tval2 = stage == 2 ? va >> 2 : 0,
        .tinst = stage == 2 ? w->tinst : 0,
        .gva = w->c->virt,
    };
    return false;
}

/* Ends a walk at step s: an access fault if the PTE could not be reached (step 2), else a page fault. */
static COLD bool stop(const struct walk *w, const struct mmu_step *s)
{
    tell(w, s);
    bool unreachable = s->verdict == PTE_PMP_DENIED || s->verdict == PTE_NO_MEMORY;
    return fault(w, unreachable ? 0 : s->stage, s->va);
}

/* PMP for an implicit access to a PTE, made as if by S whatever the mode is. Priv. 3.7.2 */
static inline bool pmp_allows_pte(const struct walk *w, uint64_t pa, enum mmu_access a)
{
    return LIKELY(pmp_is_open(w->c->pmp, pa)) || pmp_allows(w->c->pmp, pa, PTE_SIZE, a, PRIV_S, NULL);
}

/* Where on the walk's own bus the address is that satp or an entry holds. */
static inline uint64_t own_address(const struct walk *w, uint64_t at)
{
    return LIKELY(!w->foreign) ? at : bus_table_address(w->c->bus, at);
}

/* The host's address of the PTE at pa, or NULL if no memory is there: tables in MMIO space are not supported (a PMA). */
static inline uint8_t *pte_host(struct walk *w, uint64_t pa)
{
    const struct mem_region *r = w->memory;
    if (UNLIKELY(!r || pa - r->base >= r->size)) {
        r = bus_memory_at(w->c->bus, pa);
        if (!r)
            return NULL;
        w->memory = r;
    }
    return mem_host(r, pa - r->base);
}

/* Steps 3 to 8 without A and D: what this PTE is for an access that any bit of permit allows. */
static ALWAYS_INLINE enum pte_verdict judge(const struct stage *s, unsigned level, uint64_t pte, enum mmu_access a,
                                            uint64_t permit)
{
    if (UNLIKELY(!(pte & PTE_V)))
        return PTE_INVALID;
    if (UNLIKELY((pte & s->reserved) || (pte & (PTE_R | PTE_W)) == PTE_W))
        return PTE_RESERVED;
    if (!(pte & (PTE_R | PTE_X))) {
        if (UNLIKELY(pte & POINTER_RESERVED))
            return PTE_RESERVED;
        return LIKELY(level) ? PTE_POINTER : PTE_NO_LEAF;
    }
    if (UNLIKELY(pte & (PTE_PBMT | PTE_N))) {
        if ((pte & PTE_PBMT) == PTE_PBMT)
            return PTE_RESERVED;
        if ((pte & PTE_N) && (level || bits(pte, PTE_PPN_SHIFT + 3, PTE_PPN_SHIFT) != PTE_NAPOT_PPN))
            return PTE_RESERVED;
    }
    if (UNLIKELY(level && bits(pte, PTE_PPN_SHIFT + VPN_BITS * level - 1, PTE_PPN_SHIFT)))
        return PTE_MISALIGNED_SUPERPAGE;
    if (UNLIKELY((pte ^ s->u_want) & s->u_care))
        return s->u_want ? PTE_NOT_USER : PTE_USER_PAGE;
    if (UNLIKELY(!(pte & permit)))
        return a == MMU_R ? PTE_NO_PERMISSION_R : a == MMU_W ? PTE_NO_PERMISSION_W : PTE_NO_PERMISSION_X;
    return PTE_LEAF;
}

/* The bits that made judge() say v, where v denies: the first of its tests that held. */
static uint64_t deciding_bits(const struct stage *s, unsigned level, uint64_t pte, uint64_t permit, enum pte_verdict v)
{
    switch (v) {
    case PTE_INVALID: return PTE_V;
    case PTE_RESERVED:
        if (pte & s->reserved)
            return pte & s->reserved;
        if ((pte & (PTE_R | PTE_W)) == PTE_W)
            return PTE_R | PTE_W;
        if (!(pte & (PTE_R | PTE_X)))
            return pte & POINTER_RESERVED;
        if ((pte & PTE_PBMT) == PTE_PBMT)
            return PTE_PBMT;
        return level ? PTE_N : MASK(PTE_PPN_SHIFT + 3, PTE_PPN_SHIFT);
    case PTE_MISALIGNED_SUPERPAGE: return pte & MASK(PTE_PPN_SHIFT + VPN_BITS * level - 1, PTE_PPN_SHIFT);
    case PTE_NOT_USER:
    case PTE_USER_PAGE: return PTE_U;
    case PTE_NO_PERMISSION_R:
    case PTE_NO_PERMISSION_W:
    case PTE_NO_PERMISSION_X: return permit;
    case PTE_NO_LEAF: return PTE_R | PTE_W | PTE_X;
    case PTE_A_CLEAR: return PTE_A;
    case PTE_D_CLEAR: return PTE_D;
    case PTE_POINTER:
    case PTE_LEAF:
    case PTE_PMP_DENIED:
    case PTE_NO_MEMORY:
    case PTE_NOT_CANONICAL:
    case PTE_UPDATED_AD: return 0;
    }
    return 0;
}

/* Ends a walk at a PTE that denies it, by stop(). */
static COLD bool deny(const struct walk *w, const struct stage *s, struct mmu_step *t, uint64_t permit)
{
    t->bits = deciding_bits(s, (unsigned)t->level, t->pte, permit, t->verdict);
    return stop(w, t);
}

static bool walk_pte(struct walk *w, uint64_t gpa, enum mmu_access a, uint64_t *hpa);

enum ad_result { AD_SET, AD_CHANGED, AD_FAULT };

/*
 * Step 9: sets bits (A, or A and D) in the leaf of step s. AD_CHANGED: the PTE is no longer what was judged (the write of
 * stage two's own A and D has changed it, which takes tables that contain themselves) and must be read again.
 */
static COLD enum ad_result set_ad(struct walk *w, const struct mmu_step *s, uint64_t set, bool nested)
{
    struct mmu_step t = *s;

    if (nested && !walk_pte(w, t.pte_gpa, MMU_W, &t.pte_hpa))
        return AD_FAULT;
    t.verdict = PTE_PMP_DENIED;
    if (!pmp_allows_pte(w, t.pte_hpa, MMU_W))
        return stop(w, &t), AD_FAULT;
    t.verdict = PTE_NO_MEMORY;
    uint8_t *host = pte_host(w, t.pte_hpa);
    if (!host || w->memory->readonly)
        return stop(w, &t), AD_FAULT;
    if (w->dry)
        return AD_SET;

    uint64_t now;
    memcpy(&now, host, sizeof now);
    if (now != t.pte)
        return AD_CHANGED;
    t.pte |= set;
    if (!w->memory->flags[(t.pte_hpa - w->memory->base) >> PAGE_SHIFT])
        memcpy(host, &t.pte, sizeof t.pte);
    else if (!bus_dma_write(w->c->bus, t.pte_hpa, &t.pte, sizeof t.pte))
        return stop(w, &t), AD_FAULT;
    t.verdict = PTE_UPDATED_AD;
    tell(w, &t);
    return AD_SET;
}

/* True if stage `number` can translate va at all. Stage one: sign-extended; stage two: zero above its 2 bits more. */
static ALWAYS_INLINE bool in_range(unsigned number, unsigned top, uint64_t va)
{
    if (number == 2)
        return !(va >> (top + 2));
    return (uint64_t)sign_extend(va, top) == va;
}

/* The PTE at hand in walk_stage(): put together only where it is told, so that the loop's values stay in registers. */
#define STEP(v)                                                                                                        \
    (struct mmu_step)                                                                                                  \
    {                                                                                                                  \
        .stage = number, .level = (int)level, .va = va, .pte_gpa = gpa, .pte_hpa = hpa, .pte = pte, .verdict = (v)     \
    }

/*
 * One stage: va (a gpa at stage two) for an access of kind a that any PTE bit of permit allows. False: *w->f is filled.
 * number is a constant where this is expanded; nested: the tables are themselves behind stage two.
 */
static ALWAYS_INLINE bool walk_stage(struct walk *w, const struct stage *s, const unsigned number, bool nested,
                                     uint64_t va, enum mmu_access a, uint64_t permit, struct leaf *out)
{
    unsigned level = s->levels - 1;
    unsigned shift = PAGE_SHIFT + VPN_BITS * level; /* of the level's VPN in va */

    if (UNLIKELY(!in_range(number, shift + VPN_BITS, va)))
        return stop(w, &(struct mmu_step){.stage = number, .level = -1, .va = va, .verdict = PTE_NOT_CANONICAL});

    uint64_t table = s->root;
    uint64_t vpn_mask = number == 2 ? MASK(VPN_BITS + 1, 0) : MASK(VPN_BITS - 1, 0);
    uint64_t need = a == MMU_W ? PTE_A | PTE_D : PTE_A;
    uint64_t global = 0, pte;

    for (;;) {
        uint64_t gpa = table + (va >> shift & vpn_mask) * PTE_SIZE, hpa = own_address(w, gpa);
        enum pte_verdict v;
        uint8_t *host;
        pte = 0;
        if (nested && !walk_pte(w, gpa, MMU_R, &hpa))
            return false;
        if (UNLIKELY(!pmp_allows_pte(w, hpa, MMU_R))) {
            v = PTE_PMP_DENIED;
        } else if (UNLIKELY(!(host = pte_host(w, hpa)))) {
            v = PTE_NO_MEMORY;
        } else {
            memcpy(&pte, host, sizeof pte);
            v = judge(s, level, pte, a, permit);
        }
        if (v == PTE_POINTER) {
            if (UNLIKELY(w->o))
                tell(w, &STEP(v));
            global |= pte;
            table = pte_address(pte);
            vpn_mask = MASK(VPN_BITS - 1, 0);
            shift -= VPN_BITS;
            level--;
            continue;
        }
        if (UNLIKELY(v != PTE_LEAF))
            return deny(w, s, &STEP(v), permit);

        uint64_t missing = need & ~pte;
        if (UNLIKELY(missing && !s->adue)) /* Svade */
            return deny(w, s, &STEP(missing & PTE_A ? PTE_A_CLEAR : PTE_D_CLEAR), permit);
        if (UNLIKELY(w->o))
            tell(w, &STEP(v));
        if (LIKELY(!missing))
            break;
        enum ad_result r = set_ad(w, &STEP(v), need, nested);
        if (r == AD_FAULT)
            return false;
        if (r == AD_SET)
            break;
    }
#undef STEP
    /* Step 10. A NAPOT leaf takes the four lowest bits of its PPN from va too. */
    out->span = BIT(pte & PTE_N ? PTE_NAPOT_SHIFT : shift);
    out->pa = merge_bits(own_address(w, pte_address(pte)), va, out->span - 1);
    out->pte = pte;
    out->global = (global | pte) & PTE_G;
    return true;
}

/* Which PTE bits allow an explicit access. MXR makes X stand for R as well; HLVX makes it stand instead. */
static inline uint64_t permit_bits(enum mmu_access a, bool mxr, bool hlvx)
{
    if (a != MMU_R)
        return a == MMU_W ? PTE_W : PTE_X;
    return hlvx ? PTE_X : mxr ? PTE_R | PTE_X : PTE_R;
}

static inline uint64_t reserved_bits(bool pbmte, bool svnapot)
{
    return PTE_MUST_BE_ZERO | (pbmte ? 0 : PTE_PBMT) | (svnapot ? 0 : PTE_N);
}

static __attribute__((noinline)) bool walk_two(struct walk *w, uint64_t gpa, enum mmu_access a, uint64_t permit,
                                               struct leaf *out)
{
    return walk_stage(w, &w->two, 2, false, gpa, a, permit, out);
}

/*
 * Where the PTE of stage one at gpa is. Permissions are those of an implicit load or store, which MXR (it speaks of explicit
 * loads) and HLVX do not touch. Priv. "Guest Physical Address Translation", "Two-Stage Address Translation".
 */
static bool walk_pte(struct walk *w, uint64_t gpa, enum mmu_access a, uint64_t *hpa)
{
    struct leaf l;

    w->tinst = a == MMU_W ? TINST_WRITE_PTE : TINST_READ_PTE;
    if (!walk_two(w, gpa, a, permit_bits(a, false, false), &l))
        return false;
    w->tinst = 0;
    *hpa = l.pa;
    return true;
}

/* Stage two: every access counts as made by U; its G bits mean nothing. Priv. "Guest Physical Address Translation" */
static void set_stage_two(struct stage *s, const struct mmu_ctx *c)
{
    s->levels = c->virt ? atp_levels(atp_mode(c->hgatp)) : 0;
    if (!s->levels)
        return;
    s->root = atp_root(c->hgatp);
    s->reserved = reserved_bits(c->pbmte_g, c->svnapot);
    s->u_care = s->u_want = PTE_U;
    s->adue = c->adue_g;
}

/* Stage one. U needs the U bit; S must not have it, but with SUM it does not care, except that it never executes there. */
static inline void set_stage_one(struct stage *s, const struct mmu_ctx *c, enum mmu_access a)
{
    s->levels = c->priv == PRIV_M ? 0 : atp_levels(atp_mode(c->satp));
    s->root = atp_root(c->satp);
    s->reserved = reserved_bits(c->pbmte, c->svnapot);
    s->u_want = c->priv == PRIV_U ? PTE_U : 0;
    s->u_care = c->priv != PRIV_U && c->sum && a != MMU_X ? 0 : PTE_U;
    s->adue = c->adue;
}

/* PMP for the access itself. HLVX asks for both R and X. Priv. "Hypervisor Virtual-Machine Load and Store Instructions" */
static COLD bool pmp_allows_access(const struct mmu_ctx *c, uint64_t pa, unsigned size, enum mmu_access a, bool *whole)
{
    bool ok = pmp_allows(c->pmp, pa, size, a, c->priv, whole); /* whole does not depend on the kind of access */
    return ok && (!c->hlvx || a != MMU_R || pmp_allows(c->pmp, pa, size, MMU_X, c->priv, NULL));
}

bool mmu_translate(const struct mmu_ctx *c, uint64_t va, unsigned size, enum mmu_access a, bool dry, struct mmu_map *m,
                   struct mmu_fault *f, struct mmu_observer *o)
{
    struct walk w = {.c = c, .o = o, .f = f, .va = va, .access = a, .dry = dry, .foreign = bus_table_frames(c->bus)};
    struct leaf l = {.pa = va, .span = BIT(63)};
    struct stage one;

    set_stage_one(&one, c, a);
    set_stage_two(&w.two, c);
    if (LIKELY(one.levels)) {
        uint64_t permit = permit_bits(a, c->mxr || (c->virt && c->vmxr), c->hlvx);
        bool ok = w.two.levels ? walk_stage(&w, &one, 1, true, va, a, permit, &l)
                               : walk_stage(&w, &one, 1, false, va, a, permit, &l);
        if (!ok)
            return false;
    }
    m->page_size = m->fence_size = l.span;
    m->user = l.pte & PTE_U;
    m->global = l.global;
    if (UNLIKELY(w.two.levels)) {
        if (!walk_two(&w, l.pa, a, permit_bits(a, c->mxr, c->hlvx), &l))
            return false;
        m->page_size = min_u64(m->page_size, l.span);
    }
    m->pa = l.pa;
    m->whole_page = true;
    /* Physical addresses have 56 bits; untranslated ones may come with more, and nothing is there. */
    bool beyond = l.pa >> 56;
    if (UNLIKELY(beyond) ||
        (UNLIKELY(!pmp_is_open(c->pmp, l.pa)) && !pmp_allows_access(c, l.pa, size, a, &m->whole_page))) {
        struct mmu_step t = {.stage = w.two.levels ? 2 : 1,
                             .level = -1,
                             .va = va,
                             .pte_gpa = l.pa,
                             .pte_hpa = l.pa,
                             .verdict = beyond ? PTE_NO_MEMORY : PTE_PMP_DENIED};
        return stop(&w, &t);
    }
    return true;
}
