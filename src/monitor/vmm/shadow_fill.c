/* SPDX-License-Identifier: MIT */
/* From the guest's tables to the shadow's: roots, and entries on demand. */
#include "monitor/vmm/shadow_int.h"

#include "cpu/csr_bits.h"
#include "cpu/observe.h"
#include "cpu/trap.h"

#include <string.h>

/* Pages of the guest's RAM that the virtual hart itself must write, or read, since somebody hears of it in the course of the instruction. */
#define TELLS_OF_WRITES (BIT(PAGE_SHADOW) | BIT(PAGE_WATCH) | BIT(PAGE_HTIF))
#define TELLS_OF_READS  BIT(PAGE_WATCH_READ)

unsigned shadow_role_of(const struct hart *vh)
{
    uint64_t m = vh->csr.mstatus;
    unsigned mxr = m & MSTATUS_MXR ? SHADOW_MXR : 0;
    if (!atp_mode(vh->csr.satp))
        return SHADOW_S; /* no translation: one view for all */
    return vh->priv == PRIV_U ? mxr : SHADOW_S | (m & MSTATUS_SUM ? SHADOW_SUM : 0) | mxr;
}

unsigned shadow_guest_levels(const struct hart *vh)
{
    return atp_levels(atp_mode(vh->csr.satp));
}

/* PMP's part, for the page at gpa: what it allows to S and U of PTE_R, W, X; nothing where it divides the page. */
static uint64_t pmp_rights(const struct hart *vh, uint64_t gpa)
{
    static const uint64_t bit[] = {[MMU_R] = PTE_R, [MMU_W] = PTE_W, [MMU_X] = PTE_X};
    uint64_t rights = 0;
    if (pmp_is_open(&vh->pmp, gpa))
        return PTE_R | PTE_W | PTE_X;
    for (unsigned a = MMU_R; a <= MMU_X; a++) {
        bool whole = true;
        if (pmp_allows(&vh->pmp, gpa & PAGE_MASK, 1, (enum mmu_access)a, PRIV_S, &whole))
            rights |= bit[a];
        if (!whole)
            return 0;
    }
    return rights;
}

uint64_t shadow_rights(const struct shadow *s, const struct hart *vh, unsigned role, uint64_t g, bool bare,
                       uint64_t gpa)
{
    const struct mem_region *r = bus_memory_at(machine_bus(s->vm->machine), gpa);
    unsigned flags = r->flags[(gpa - r->base) >> PAGE_SHIFT];
    uint64_t rights = PTE_R | PTE_W | PTE_X;
    if (!bare) {
        rights &= g | (role & SHADOW_MXR && g & PTE_X ? PTE_R : 0);
        if (!(g & PTE_D))
            rights &= ~PTE_W; /* so that the first write is seen, and D set */
        bool user = g & PTE_U;
        if (role & SHADOW_S && user)
            rights &= role & SHADOW_SUM ? ~PTE_X : 0;
        if (!(role & SHADOW_S) && !user)
            rights = 0;
    }
    if (flags & TELLS_OF_READS)
        return 0;
    if (flags & TELLS_OF_WRITES)
        rights &= ~PTE_W;
    return rights & pmp_rights(vh, gpa);
}

/* ---- roots ---- */

static void tell_root(struct shadow *s, uint64_t root)
{
    uint64_t hpa;
    struct event *e = vm_event(s->vm, EV_VM_ROOT);
    if (!e)
        return;
    e->a[0] = root;
    e->a[1] = vm_frame(s->vm, root, &hpa) ? hpa : UINT64_MAX;
    vm_tell(s->vm, e);
}

static void tell_shadow_root(struct shadow *s, const struct sp *sp, bool known)
{
    struct event *e = vm_event(s->vm, EV_VM_SHADOW_ROOT);
    if (!e)
        return;
    e->a[0] = sp->t.hpa;
    e->a[1] = sp->t.role;
    e->a[2] = known;
    vm_tell(s->vm, e);
}

static uint64_t find_root(struct shadow *s, struct hart *vh)
{
    unsigned levels = shadow_guest_levels(vh);
    unsigned used = levels ? levels : SHADOW_BARE_LEVELS;
    uint64_t root = levels ? atp_root(vh->csr.satp) : SHADOW_NO_GPA;
    if (levels)
        tell_root(s, root);
    struct sp *sp = shadow_find(s, root, used - 1, s->role);
    bool known = sp != NULL;
    if (!sp)
        sp = shadow_make(s, root, used - 1, s->role);
    if (!sp)
        return 0;
    sp->root = true;
    tell_shadow_root(s, sp, known);
    if (!shadow_adopt(s, sp))
        return 0;
    return (uint64_t)(ATP_SV39 + used - 3) << 60 | sp->t.hpa >> PAGE_SHIFT;
}

static void make_room(struct shadow *s)
{
    shadow_clear(s);
    if (s->hooks)
        s->hooks->clear(s->vm);
}

uint64_t shadow_satp(struct shadow *s, struct hart *vh)
{
    unsigned role = shadow_role_of(vh);
    if (s->menvcfg != vh->csr.menvcfg || memcmp(s->pmp.cfg, vh->pmp.cfg, sizeof s->pmp.cfg) ||
        memcmp(s->pmp.addr, vh->pmp.addr, sizeof s->pmp.addr)) {
        shadow_clear(s);
        s->pmp = vh->pmp;
        s->menvcfg = vh->csr.menvcfg;
    }
    if (s->fresh && s->guest_satp == vh->csr.satp && s->role == role)
        return s->satp;
    s->guest_satp = vh->csr.satp;
    s->role = role;
    s->satp = find_root(s, vh);
    if (!s->satp) {
        make_room(s);
        s->satp = find_root(s, vh);
    }
    s->fresh = s->satp != 0;
    return s->satp;
}

/* ---- entries ---- */

/* The guest's entries that a walk went through. */
struct path {
    struct mmu_observer observer;
    struct mmu_observer *next; /* who else listens */
    unsigned n;
    struct path_step {
        unsigned level;
        uint64_t table, pte;
    } step[5];
};

static void walked(struct mmu_observer *o, const struct mmu_step *t)
{
    struct path *p = (struct path *)o;
    if (p->next)
        p->next->step(p->next, t);
    if (t->level < 0)
        return;
    if (t->verdict == PTE_UPDATED_AD && p->n)
        p->n--; /* the leaf again, as it is now */
    else if (p->n && p->step[p->n - 1].level <= (unsigned)t->level)
        p->n = 0; /* the walk began anew */
    if (p->n < ARRAY_LEN(p->step))
        p->step[p->n++] = (struct path_step){(unsigned)t->level, t->pte_gpa & PAGE_MASK, t->pte};
}

/* Goes down from the root to the table of leaves, making what is missing. NULL: no room. */
static struct sp *descend(struct shadow *s, struct sp *sp, const struct path *p, uint64_t va)
{
    for (unsigned i = 0; sp && sp->t.level; i++) {
        unsigned index = shadow_index(va, sp->t.level);
        bool pointer = i + 1 < p->n;
        struct sp *child = pointer ? shadow_get(s, pte_address(p->step[i].pte), sp->t.level - 1, sp->t.role)
                                   : shadow_get_direct(s, sp, index);
        if (sp->guest)
            sp->guest->writes = 0;
        sp = child && shadow_point(s, sp, index, child) ? child : NULL;
    }
    if (sp && sp->guest)
        sp->guest->writes = 0;
    return sp;
}

/* Does the instruction at the guest's pc lie on the page at gpa, with any of its bytes? */
static bool executes_from(const struct hart *vh, uint64_t gpa)
{
    struct mmu_ctx c = hart_fetch_ctx(vh);
    struct mmu_map m;
    struct mmu_fault f;
    for (unsigned i = 0; i < 4; i += 2)
        if (mmu_translate(&c, vh->pc + i, 2, MMU_X, true, &m, &f, NULL) && !((m.pa ^ gpa) & PAGE_MASK))
            return true;
    return false;
}

/*
 * What an access to the guest's page at gpa comes to, by the guest's leaf g and what somebody wants of the page. Where code is rewritten, who executes from
 * the page gets its copy, and who reads or writes it the guest's own bytes, which cannot be executed; what executes from the page and reads it, too, is left
 * to the virtual hart.
 */
static enum shadow_result judge(const struct shadow *s, const struct hart *vh, enum mmu_access a, uint64_t gpa,
                                uint64_t g, uint64_t *hpa, uint64_t *rights)
{
    static const uint64_t bit[] = {[MMU_R] = PTE_R, [MMU_W] = PTE_W, [MMU_X] = PTE_X};
    if (!vm_frame(s->vm, gpa, hpa))
        return SHADOW_MMIO;
    *rights = shadow_rights(s, vh, shadow_role_of(vh), g, !shadow_guest_levels(vh), gpa);
    if (s->hooks && a != MMU_X) {
        *rights &= PTE_R | PTE_W;
        if (executes_from(vh, gpa))
            return SHADOW_PROTECTED;
    }
    return *rights & bit[a] ? SHADOW_FILLED : SHADOW_PROTECTED;
}

static enum shadow_result fill(struct shadow *s, struct hart *vh, uint64_t va, enum mmu_access a, uint64_t gpa,
                               const struct path *p)
{
    uint64_t hpa, rights, g = p->n ? p->step[p->n - 1].pte : 0, fills = s->vm->stats.fills;
    if (!vm_lookup(s->vm, gpa, &hpa))
        return SHADOW_MMIO;
    uint64_t satp = shadow_satp(s, vh), table = shadow_guest_levels(vh) ? atp_root(vh->csr.satp) : SHADOW_NO_GPA;
    struct sp *root = satp ? shadow_find(s, table, atp_levels(atp_mode(satp)) - 1, s->role) : NULL;
    struct sp *sp = root ? descend(s, root, p, va) : NULL;
    if (!sp)
        return SHADOW_NO_ROOM;
    /* Now that the tables on the way are protected: the page may be one of them. */
    enum shadow_result r = judge(s, vh, a, gpa, g, &hpa, &rights);
    if (r != SHADOW_FILLED)
        return r;
    if (s->hooks && a == MMU_X) {
        uint64_t code = s->hooks->code(s->vm, gpa & PAGE_MASK);
        if (!code)
            return SHADOW_NO_ROOM;
        rights &= code == SHADOW_NO_GPA ? PTE_R | PTE_X : PTE_X;
        hpa = code == SHADOW_NO_GPA ? hpa : code;
    }
    uint64_t pte = pte_make(hpa & PAGE_MASK, PTE_V | PTE_U | PTE_A | PTE_D | rights);
    unsigned index = shadow_index(va, 0);
    if (sp->pte[index] ==
        pte) /* it was missing a way to it; else the real hart faults all the same, and the virtual one finds out why */
        return s->vm->stats.fills != fills ? SHADOW_FILLED : SHADOW_PROTECTED;
    return shadow_leaf(s, sp, index, gpa & PAGE_MASK, pte) ? SHADOW_FILLED : SHADOW_NO_ROOM;
}

enum shadow_result shadow_foresee(const struct shadow *s, struct hart *vh, uint64_t va, enum mmu_access a,
                                  uint64_t *gpa)
{
    struct mmu_ctx c = a == MMU_X ? hart_fetch_ctx(vh) : hart_data_ctx(vh);
    struct path p = {.observer = {walked}};
    struct mmu_map m;
    struct mmu_fault f;
    uint64_t hpa, rights;
    *gpa = 0;
    if (!mmu_translate(&c, va, 1, a, true, &m, &f, &p.observer))
        return SHADOW_FAULT;
    *gpa = m.pa;
    uint64_t g = p.n ? p.step[p.n - 1].pte : 0; /* the walk of the fill sets A and D where they are missing */
    return judge(s, vh, a, m.pa, g | PTE_A | (a == MMU_W ? PTE_D : 0), &hpa, &rights);
}

enum shadow_result shadow_fill(struct shadow *s, struct hart *vh, uint64_t va, enum mmu_access a)
{
    struct mmu_ctx c = a == MMU_X ? hart_fetch_ctx(vh) : hart_data_ctx(vh);
    struct observed_walk w;
    struct path p = {.observer = {walked}, .next = observe_walk(vh, &w)};
    struct mmu_map m;
    struct mmu_fault f;
    s->filling = true;
    bool ok = mmu_translate(&c, va, 1, a, false, &m, &f, &p.observer);
    s->filling = false;
    if (!ok)
        return SHADOW_FAULT;
    enum shadow_result r = fill(s, vh, va, a, m.pa, &p);
    if (r != SHADOW_NO_ROOM)
        return r;
    make_room(s);
    return fill(s, vh, va, a, m.pa, &p);
}

bool shadow_entry(const struct shadow *s, const struct hart *vh, uint64_t va, unsigned level, uint64_t *at,
                  uint64_t *pte)
{
    unsigned levels = shadow_guest_levels(vh), used = levels ? levels : SHADOW_BARE_LEVELS;
    const struct sp *sp = shadow_find(s, levels ? atp_root(vh->csr.satp) : SHADOW_NO_GPA, used - 1, shadow_role_of(vh));
    while (sp && sp->t.level > level)
        sp = sp->child[shadow_index(va, sp->t.level)];
    if (!sp || sp->t.level != level)
        return false;
    *at = sp->t.hpa + shadow_index(va, level) * PTE_SIZE;
    *pte = sp->pte[shadow_index(va, level)];
    return true;
}
