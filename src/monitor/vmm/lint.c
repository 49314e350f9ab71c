/* SPDX-License-Identifier: MIT */
/* The shadow lint: is every entry of the shadow tables what the guest's tables, as they are now, and the p2m make it? */
#include "monitor/vmm/report.h"
#include "monitor/vmm/shadow_int.h"

#include "base/text.h"

#include <errno.h>

struct lint {
    const struct shadow *s;
    const struct hart *vh;
    struct err *e;
    int64_t seen;
};

/* Who wrote the guest's entry behind entry index of sp. */
static void tell_writer(const struct lint *l, const struct sp *sp, unsigned index)
{
    while (sp && !sp->guest) { /* direct: the nearest above that stands for a table of the guest's */
        if (sp->bare || !sp->parents)
            return;
        index = sp->parents->index;
        sp = sp->parents->sp;
    }
    report_writer(l->s->vm, l->e->text, sizeof l->e->text, sp->t.gpa + index * PTE_SIZE, sp->t.since);
}

static bool wrong(const struct lint *l, const struct sp *sp, unsigned index, const char *what, uint64_t guest)
{
    uint64_t va = shadow_entry_va(sp, index);
    err_set(l->e, -EINVAL, "vm %u: the shadow entry at %s (level %u, role %u, for %s), %s, %s; the guest's entry is %s",
            l->s->vm->number, text_hex(sp->t.hpa + index * PTE_SIZE).s, sp->t.level, sp->t.role, text_hex(va).s,
            text_hex(sp->pte[index]).s, what, text_hex(guest).s);
    if (l->e)
        tell_writer(l, sp, index);
    return false;
}

static bool guest_entry(const struct shadow *s, const struct sp *sp, unsigned index, uint64_t *pte)
{
    return bus_dma_read(machine_bus(s->vm->machine), sp->t.gpa + index * PTE_SIZE, pte, sizeof *pte);
}

/* The guest's entry that a leaf comes from: in the table that sp shadows, or, for direct tables, in the nearest one above. False: there
 * is none (no translation). */
static bool leaf_source(const struct lint *l, const struct sp *sp, unsigned index, uint64_t *pte, unsigned *level,
                        bool *read)
{
    while (sp && !sp->guest) {
        if (sp->bare || !sp->parents)
            return false;
        index = sp->parents->index;
        sp = sp->parents->sp;
    }
    *level = sp->t.level;
    *read = guest_entry(l->s, sp, index, pte);
    return true;
}

static bool check_leaf(struct lint *l, const struct sp *sp, unsigned index)
{
    const struct shadow *s = l->s;
    uint64_t pte = sp->pte[index], guest = 0, gpa = s->vm->ram_base + ((uint64_t)sp->page[index] << PAGE_SHIFT),
             hpa = 0;
    unsigned level = 0;
    bool read = true, bare = !leaf_source(l, sp, index, &guest, &level, &read);
    if (!read || (!bare && (!(guest & PTE_V) || !(guest & (PTE_R | PTE_X)))))
        return wrong(l, sp, index, "comes from no leaf", guest);
    if (!bare) {
        unsigned span = guest & PTE_N ? PTE_NAPOT_SHIFT : PAGE_SHIFT + VPN_BITS * level;
        if ((pte_address(guest) ^ gpa) >> span)
            return wrong(l, sp, index, "stands for another page of the guest's", guest);
        if (!(guest & PTE_A))
            return wrong(l, sp, index, "is there though A is clear", guest);
    }
    struct frame_owner owner = frames_owner(s->vm->vmm->frames, pte_address(pte));
    bool own = vm_frame(s->vm, gpa, &hpa) && hpa == pte_address(pte);
    if (!own && !(s->hooks && owner.use == FRAME_TABLE && owner.vm == s->vm->number && !(pte & (PTE_R | PTE_W))))
        return wrong(l, sp, index, "shows a frame that the p2m does not name", guest);
    uint64_t rights = shadow_rights(s, l->vh, sp->t.role, guest, bare, gpa);
    if (pte & (PTE_R | PTE_W | PTE_X) & ~rights)
        return wrong(l, sp, index, "gives more than the guest's", guest);
    if (pte & PTE_W && shadow_protects(s, gpa))
        return wrong(l, sp, index, "lets the guest write a page table of its own unseen", guest);
    return true;
}

static bool check_pointer(struct lint *l, const struct sp *sp, unsigned index)
{
    const struct sp *child = sp->child[index];
    uint64_t guest = 0;
    if (!child || pte_address(sp->pte[index]) != child->t.hpa)
        return wrong(l, sp, index, "points at no shadow table", guest);
    if (!child->guest)
        return true; /* direct: its leaves are checked by the entry above */
    if (!sp->guest || !guest_entry(l->s, sp, index, &guest) || !(guest & PTE_V) || guest & (PTE_R | PTE_W | PTE_X) ||
        pte_address(guest) != child->t.gpa)
        return wrong(l, sp, index, "points at the shadow of another table", guest);
    return true;
}

int64_t shadow_verify(const struct shadow *s, const struct hart *vh, struct err *e)
{
    struct lint l = {s, vh, e, 0};
    for (const struct sp *sp = s->all; sp; sp = sp->next_all) {
        unsigned left = sp->t.filled;
        struct frame_owner owner = frames_owner(s->vm->vmm->frames, sp->t.hpa);
        if (owner.use != FRAME_TABLE || owner.vm != s->vm->number)
            return err_set(e, -EINVAL, "vm %u: the shadow table at %s is not the VMM's for this VM", s->vm->number,
                           text_hex(sp->t.hpa).s),
                   -1;
        for (unsigned i = 0; i < SHADOW_ENTRIES; i++) {
            if (!(sp->pte[i] & PTE_V))
                continue;
            left--;
            l.seen++;
            if (!(sp->t.level ? check_pointer(&l, sp, i) : check_leaf(&l, sp, i)))
                return -1;
        }
        if (left)
            return err_set(e, -EINVAL, "vm %u: the shadow table at %s counts %u entries too many", s->vm->number,
                           text_hex(sp->t.hpa).s, left),
                   -1;
    }
    return l.seen;
}
