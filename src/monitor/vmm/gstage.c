/* SPDX-License-Identifier: MIT */
#include "monitor/vmm/gstage.h"

#include "cpu/csr_bits.h"
#include "mmu/pte.h"

#include <errno.h>
#include <stdlib.h>

enum { ROOT_FRAMES = 4 };

static struct bus *real_bus(const struct gstage *g)
{
    return machine_bus(g->vm->vmm->machine);
}

static uint64_t read_pte(const struct gstage *g, uint64_t at)
{
    uint64_t pte = 0;
    (void)!bus_dma_read(real_bus(g), at, &pte, sizeof pte);
    return pte;
}

static void write_pte(struct gstage *g, unsigned level, uint64_t gpa, uint64_t at, uint64_t pte)
{
    struct event *e = vm_event(g->vm, EV_VM_GSTAGE);
    if (e) {
        e->a[0] = level;
        e->a[1] = gpa;
        e->a[2] = at;
        e->a[3] = read_pte(g, at);
        e->a[4] = pte;
        vm_tell(g->vm, e);
    }
    (void)!bus_dma_write(real_bus(g), at, &pte, sizeof pte);
}

int gstage_init(struct gstage *g, struct vm *vm, struct err *e)
{
    const struct isa *isa = &vm->vmm->hart->isa;
    uint64_t mode = isa->sv39 ? ATP_SV39 : isa->sv48 ? ATP_SV48 : ATP_SV57;
    *g = (struct gstage){.vm = vm, .levels = atp_levels((unsigned)mode)};
    if (!isa->mmu || !(isa->sv39 || isa->sv48 || isa->sv57))
        return err_set(e, -EINVAL,
                       "the real machine's harts have no MMU to walk a second stage: leave mmu=false out of -cpu");
    if (!frames_take_aligned(vm->vmm->frames, ROOT_FRAMES, FRAME_TABLE, vm->number, &g->root))
        return err_set(e, -ENOMEM,
                       "vm %u: no frames are left for its second-stage table: give the real machine a larger -m",
                       vm->number);
    g->hgatp = mode << ATP_MODE_SHIFT | (uint64_t)vm->number << 44 | g->root >> PAGE_SHIFT;
    return 0;
}

static void give_tables(struct gstage *g)
{
    for (size_t i = 0; i < g->ntables; i++)
        frames_give(g->vm->vmm->frames, g->tables[i]);
    g->ntables = 0;
}

void gstage_free(struct gstage *g)
{
    give_tables(g);
    for (unsigned i = 0; g->root && i < ROOT_FRAMES; i++)
        frames_give(g->vm->vmm->frames, g->root + i * PAGE_SIZE);
    free(g->tables);
}

/* Where the entry of gpa stands in a table of that level. The root has two address bits more. */
static uint64_t entry_at(const struct gstage *g, uint64_t table, unsigned level, uint64_t gpa)
{
    unsigned wide = level == g->levels - 1 ? 2 : 0;
    return table + bits(gpa, PAGE_SHIFT + VPN_BITS * (level + 1) - 1 + wide, PAGE_SHIFT + VPN_BITS * level) * PTE_SIZE;
}

static bool new_table(struct gstage *g, uint64_t *hpa)
{
    if (g->ntables == g->tables_cap) {
        size_t cap = g->tables_cap ? 2 * g->tables_cap : 64;
        uint64_t *grown = realloc(g->tables, cap * sizeof *grown);
        if (!grown)
            return false;
        g->tables = grown;
        g->tables_cap = cap;
    }
    if (!frames_take(g->vm->vmm->frames, FRAME_TABLE, g->vm->number, hpa))
        return false;
    g->tables[g->ntables++] = *hpa;
    return true;
}

/* The address of gpa's leaf entry; 0: there is no table for it, and make is false or no frame is left. */
static uint64_t leaf_at(struct gstage *g, uint64_t gpa, bool make)
{
    uint64_t table = g->root;
    for (unsigned level = g->levels - 1; level > 0; level--) {
        uint64_t at = entry_at(g, table, level, gpa), pte = read_pte(g, at);
        if (!(pte & PTE_V)) {
            uint64_t next;
            if (!make || !new_table(g, &next))
                return 0;
            pte = next >> PAGE_SHIFT << PTE_PPN_SHIFT | PTE_V;
            write_pte(g, level, gpa, at, pte);
        }
        table = pte_address(pte);
    }
    return entry_at(g, table, 0, gpa);
}

bool gstage_set(struct gstage *g, uint64_t gpa, uint64_t hpa, uint64_t perm)
{
    const uint64_t rights = PTE_R | PTE_W | PTE_X;
    uint64_t at = leaf_at(g, gpa, perm != 0);
    if (!at)
        return perm == 0;
    uint64_t old = read_pte(g, at);
    /* Every access of the second stage counts as one of U; A and D are set at once: the VMM does not use them. */
    uint64_t pte = perm ? hpa >> PAGE_SHIFT << PTE_PPN_SHIFT | PTE_D | PTE_A | PTE_U | PTE_V | perm : 0;
    if (pte == old)
        return true;
    write_pte(g, 0, gpa, at, pte);
    g->vm->stats.fills += perm != 0;
    if (old & rights & ~perm)
        hart_hfence_gvma(g->vm->vmm->hart, true, gpa, g->vm->number);
    return true;
}

uint64_t gstage_leaf(const struct gstage *g, uint64_t gpa)
{
    uint64_t at = leaf_at((struct gstage *)g, gpa, false);
    return at ? read_pte(g, at) : 0;
}

void gstage_clear(struct gstage *g)
{
    for (unsigned i = 0; i < ROOT_FRAMES * PAGE_SIZE / PTE_SIZE; i++)
        if (read_pte(g, g->root + i * PTE_SIZE))
            write_pte(g, g->levels - 1, (uint64_t)i << (PAGE_SHIFT + VPN_BITS * (g->levels - 1)),
                      g->root + i * PTE_SIZE, 0);
    give_tables(g);
    hart_hfence_gvma(g->vm->vmm->hart, false, 0, g->vm->number);
}

/* Of the table at `table`, whose first entry stands for gpa. */
static int64_t verify(const struct gstage *g, uint64_t table, unsigned level, uint64_t gpa, struct err *e)
{
    unsigned n = (level == g->levels - 1 ? ROOT_FRAMES : 1) * PAGE_SIZE / PTE_SIZE;
    uint64_t entries[ROOT_FRAMES * PAGE_SIZE / PTE_SIZE];
    int64_t leaves = 0;
    if (!bus_dma_read(real_bus(g), table, entries, n * sizeof *entries))
        n = 0;
    for (unsigned i = 0; i < n; i++) {
        uint64_t pte = entries[i], to = pte_address(pte), expected = 0;
        uint64_t at = gpa + ((uint64_t)i << (PAGE_SHIFT + VPN_BITS * level));
        if (!(pte & PTE_V))
            continue;
        bool leaf = pte & (PTE_R | PTE_W | PTE_X);
        struct frame_owner o = frames_owner(g->vm->vmm->frames, to);
        bool ours = o.vm == g->vm->number && o.use == (leaf ? FRAME_GUEST : FRAME_TABLE);
        if (!ours || leaf != (level == 0) || (leaf && (!vm_frame(g->vm, at, &expected) || expected != to)))
            return err_set(e, -EINVAL,
                           "vm %u: the second-stage entry of level %u for 0x%llx shows 0x%llx, which is not its own",
                           g->vm->number, level, (unsigned long long)at, (unsigned long long)to),
                   -1;
        int64_t below = leaf ? 1 : verify(g, to, level - 1, at, e);
        if (below < 0)
            return -1;
        leaves += below;
    }
    return leaves;
}

int64_t gstage_verify(const struct gstage *g, struct err *e)
{
    return verify(g, g->root, g->levels - 1, 0, e);
}
