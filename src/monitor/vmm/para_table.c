/* SPDX-License-Identifier: MIT */
#include "monitor/vmm/para_table.h"

#include "base/text.h"
#include "mmu/pte.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define PTE_RWX (PTE_R | PTE_W | PTE_X)

static struct para_page *page_of(const struct para_tables *t, uint64_t gpa)
{
    return &t->page[(gpa - t->vm->ram_base) >> PAGE_SHIFT];
}

static unsigned level_of(const struct para_page *p)
{
    return p->use - PAGE_TABLE0;
}

bool para_is_table(const struct para_tables *t, uint64_t gpa)
{
    const struct para_page *p = page_of(t, gpa);
    return p->count && p->use >= PAGE_TABLE0;
}

/* The guest's page that an entry names. False: the frame is not its own. */
static bool page_named(const struct para_tables *t, uint64_t pte, uint64_t *gpa)
{
    struct bus *bus;
    struct vm *vm = t->vm;
    return bus_window_at(machine_bus(vm->vmm->machine), pte_address(pte), &bus, gpa) && bus == machine_bus(vm->machine);
}

/* ---- Events ---- */

static void tell_table(struct para_tables *t, uint64_t gpa, unsigned level, bool on)
{
    uint64_t hpa = 0;
    struct event *e = vm_event(t->vm, EV_VM_TABLE);
    if (!e)
        return;
    (void)!vm_frame(t->vm, gpa, &hpa);
    e->a[0] = gpa;
    e->a[1] = hpa;
    e->a[2] = level;
    e->a[3] = on;
    vm_tell(t->vm, e);
}

static const char *verdict_text(enum para_error error)
{
    switch (error) {
    case PARA_OK: return "let in";
    case PARA_FOREIGN: return "refused: names a frame that is not the guest's";
    case PARA_TYPE: return "refused: the page has another use";
    case PARA_BITS: return "refused: its bits";
    case PARA_TOO_MUCH: return "refused: too many tables at once";
    case PARA_NOT_TABLE: return "refused: not in a table";
    case PARA_MEMORY: return "refused: the VMM has no memory";
    case PARA_INVALID: return "refused: no such entry";
    case PARA_ADDRESS: return "refused: the table is not in RAM";
    case PARA_NOT_SUPPORTED:
    case PARA_STATE: break;
    }
    return "refused";
}

static void tell_verdict(struct para_tables *t, uint64_t table, unsigned level, unsigned index, uint64_t pte,
                         enum para_error error)
{
    struct event *e = vm_event(t->vm, EV_VM_VALIDATE);
    if (!e)
        return;
    e->text = verdict_text(error);
    e->a[0] = level;
    e->a[1] = table;
    e->a[2] = index;
    e->a[3] = pte;
    e->a[4] = (uint64_t)(int64_t)error;
    vm_tell(t->vm, e);
}

/* ---- Uses ---- */

static enum para_error let_in(struct para_tables *t, unsigned level, uint64_t pte);
static void let_go(struct para_tables *t, unsigned level, uint64_t pte);

static void read_table(const struct para_tables *t, uint64_t gpa, uint64_t *entries)
{
    (void)!bus_dma_read(machine_bus(t->vm->machine), gpa, entries, PAGE_SIZE);
}

/* The page is free, and becomes a table: the use is set before its entries are looked at, so that a table that leads to itself is found. */
static enum para_error make_table(struct para_tables *t, uint64_t gpa, struct para_page *p, enum page_use use)
{
    unsigned level = use - PAGE_TABLE0;
    enum para_error error = PARA_OK;
    if (!t->allowance)
        return PARA_TOO_MUCH;
    p->copy = malloc(PAGE_SIZE);
    if (!p->copy)
        return PARA_MEMORY;
    t->allowance--;
    t->ntables++;
    p->use = (uint8_t)use;
    p->count = 1;
    read_table(t, gpa, p->copy);
    unsigned i = 0;
    for (; i < PARA_ENTRIES && error == PARA_OK; i++) {
        error = let_in(t, level, p->copy[i]);
        if (p->copy[i] & PTE_V)
            tell_verdict(t, gpa, level, i, p->copy[i], error);
    }
    if (error == PARA_OK) {
        bus_flag_page(machine_bus(t->vm->machine), gpa, PAGE_SHADOW, true);
        tell_table(t, gpa, level, true);
        return PARA_OK;
    }
    for (i--; i-- > 0;)
        let_go(t, level, p->copy[i]);
    free(p->copy);
    t->ntables--;
    *p = (struct para_page){0};
    return error;
}

enum para_error para_use(struct para_tables *t, uint64_t gpa, enum page_use use)
{
    struct para_page *p = page_of(t, gpa);
    if (p->count && p->use != use)
        return PARA_TYPE;
    if (!p->count && use >= PAGE_TABLE0)
        return make_table(t, gpa & PAGE_MASK, p, use);
    p->use = (uint8_t)use;
    p->count++;
    return PARA_OK;
}

void para_unuse(struct para_tables *t, uint64_t gpa)
{
    struct para_page *p = page_of(t, gpa);
    if (--p->count)
        return;
    if (p->use >= PAGE_TABLE0) {
        unsigned level = level_of(p);
        for (unsigned i = 0; i < PARA_ENTRIES; i++)
            let_go(t, level, p->copy[i]);
        free(p->copy);
        t->ntables--;
        t->flush = true;
        bus_flag_page(machine_bus(t->vm->machine), gpa & PAGE_MASK, PAGE_SHADOW, false);
        tell_table(t, gpa & PAGE_MASK, level, false);
    }
    *p = (struct para_page){0};
}

/* ---- Entries ---- */

/* Counts what an entry of a table of that level names, if it may stand there. */
static enum para_error let_in(struct para_tables *t, unsigned level, uint64_t pte)
{
    uint64_t gpa;
    if (!(pte & PTE_V))
        return PARA_OK;
    bool leaf = pte & PTE_RWX;
    if (pte & (PTE_N | PTE_PBMT | PTE_MUST_BE_ZERO | PTE_G) || leaf != !level)
        return PARA_BITS;
    if (leaf ? !(pte & PTE_U) || (pte & (PTE_R | PTE_W)) == PTE_W : pte & (PTE_U | PTE_A | PTE_D))
        return PARA_BITS;
    if (!page_named(t, pte, &gpa))
        return PARA_FOREIGN;
    if (!leaf)
        return para_use(t, gpa, (enum page_use)(PAGE_TABLE0 + level - 1));
    return pte & PTE_W ? para_use(t, gpa, PAGE_WRITABLE) : PARA_OK;
}

/* The entry, which was let in, goes. */
static void let_go(struct para_tables *t, unsigned level, uint64_t pte)
{
    uint64_t gpa;
    if (!(pte & PTE_V) || (!level && !(pte & PTE_W)) || !page_named(t, pte, &gpa))
        return;
    para_unuse(t, gpa);
}

static void write_entry(struct para_tables *t, uint64_t table, unsigned index, uint64_t value)
{
    t->changing = true;
    (void)!bus_write(machine_bus(t->vm->machine), table + index * PTE_SIZE, PTE_SIZE, value);
    t->changing = false;
}

/* The new entry is counted before the old one goes, so that what both need stays. */
static enum para_error change(struct para_tables *t, const struct para_update *u, uint64_t *old)
{
    uint64_t hpa;
    if (u->table & ~PAGE_MASK || !vm_frame(t->vm, u->table, &hpa))
        return PARA_ADDRESS;
    if (u->index >= PARA_ENTRIES)
        return PARA_INVALID;
    if (!para_is_table(t, u->table))
        return PARA_NOT_TABLE;
    struct para_page *p = page_of(t, u->table);
    unsigned level = level_of(p), index = (unsigned)u->index;
    *old = p->copy[index];
    enum para_error error = let_in(t, level, u->value);
    tell_verdict(t, u->table, level, index, u->value, error);
    if (error != PARA_OK)
        return error;
    p->copy[index] = u->value;
    write_entry(t, u->table, index, u->value);
    t->flush |= *old & PTE_V;
    let_go(t, level, *old);
    return PARA_OK;
}

/* Backwards, each step finds the uses as they were when it was done. Only want of memory can prevent it. */
static void undo(struct para_tables *t, const struct para_update *u, const uint64_t *old, unsigned n)
{
    uint64_t was;
    t->allowance = UINT32_MAX;
    while (n-- > 0) {
        struct para_update back = {u[n].table, u[n].index, old[n]};
        if (change(t, &back, &was) != PARA_OK)
            t->broken = true;
    }
}

enum para_error para_tables_update(struct para_tables *t, const struct para_update *u, unsigned n, unsigned *wrong)
{
    uint64_t old[PARA_MAX_UPDATES];
    *wrong = 0;
    if (n > PARA_MAX_UPDATES)
        return PARA_TOO_MUCH;
    for (unsigned i = 0; i < n; i++) {
        enum para_error error = change(t, &u[i], &old[i]);
        if (error == PARA_OK)
            continue;
        undo(t, u, old, i);
        *wrong = i;
        return error;
    }
    return PARA_OK;
}

/* ---- Pins ---- */

enum para_error para_pin(struct para_tables *t, uint64_t gpa, unsigned level)
{
    uint64_t hpa;
    if (level >= PARA_LEVELS)
        return PARA_INVALID;
    if (gpa & ~PAGE_MASK || !vm_frame(t->vm, gpa, &hpa))
        return PARA_ADDRESS;
    if (page_of(t, gpa)->pinned)
        return level == level_of(page_of(t, gpa)) ? PARA_OK : PARA_TYPE;
    enum para_error error = para_use(t, gpa, (enum page_use)(PAGE_TABLE0 + level));
    if (error == PARA_OK)
        page_of(t, gpa)->pinned = true;
    return error;
}

enum para_error para_unpin(struct para_tables *t, uint64_t gpa)
{
    uint64_t hpa;
    if (gpa & ~PAGE_MASK || !vm_frame(t->vm, gpa, &hpa))
        return PARA_ADDRESS;
    if (!page_of(t, gpa)->pinned)
        return PARA_NOT_TABLE;
    page_of(t, gpa)->pinned = false;
    para_unuse(t, gpa);
    return PARA_OK;
}

/* ---- Who else writes ---- */

/* The owner of PAGE_SHADOW. The real MMU sets A and D, which it may; a device, or whoever wrote anything else, has broken the guest's table. */
static void written(void *ctx, uint64_t gpa, uint64_t len)
{
    struct para_tables *t = ctx;
    uint64_t now[PARA_ENTRIES];
    if (t->changing || !para_is_table(t, gpa))
        return;
    struct para_page *p = page_of(t, gpa);
    unsigned first = (unsigned)(gpa & ~PAGE_MASK) / PTE_SIZE,
             last = (unsigned)((gpa & ~PAGE_MASK) + len - 1) / PTE_SIZE;
    read_table(t, gpa & PAGE_MASK, now);
    for (unsigned i = first; i <= last; i++) {
        uint64_t allowed = !level_of(p) && p->copy[i] & PTE_V ? PTE_A | PTE_D : 0;
        if ((now[i] ^ p->copy[i]) & ~allowed) {
            t->broken = true;
            t->written_gpa = (gpa & PAGE_MASK) + i * PTE_SIZE;
            return;
        }
        p->copy[i] = now[i];
    }
}

/* ---- Making ---- */

bool para_tables_init(struct para_tables *t, struct vm *vm)
{
    *t = (struct para_tables){.vm = vm, .npages = vm->ram_size >> PAGE_SHIFT};
    t->page = calloc(t->npages, sizeof *t->page);
    return t->page;
}

void para_tables_listen(struct para_tables *t)
{
    bus_set_flag_owner(machine_bus(t->vm->machine), PAGE_SHADOW, written, t);
}

void para_tables_drop(struct para_tables *t)
{
    for (uint64_t i = 0; i < t->npages; i++) {
        if (t->page[i].copy)
            bus_flag_page(machine_bus(t->vm->machine), t->vm->ram_base + (i << PAGE_SHIFT), PAGE_SHADOW, false);
        free(t->page[i].copy);
        t->page[i] = (struct para_page){0};
    }
    t->ntables = 0;
    t->flush = true;
}

void para_tables_free(struct para_tables *t)
{
    if (t->page)
        para_tables_drop(t);
    free(t->page);
}

/* ---- Verifying ---- */

struct recount {
    const struct para_tables *t;
    uint32_t *count; /* by page: uses found */
    int64_t seen;
    struct err *e;
};

static bool wrong(struct recount *r, uint64_t gpa, const char *what, uint64_t value)
{
    err_set(r->e, -EINVAL, "vm %u: direct paging: the page at %s %s (%s)", r->t->vm->number, text_hex(gpa).s, what,
            text_hex(value).s);
    return false;
}

static bool count_use(struct recount *r, uint64_t gpa, enum page_use use)
{
    const struct para_page *p = page_of(r->t, gpa);
    r->count[p - r->t->page]++;
    return p->use == use || wrong(r, gpa, "is used otherwise than its use says", p->use);
}

/* An entry as it lies in memory. */
static bool check_entry(struct recount *r, uint64_t table, unsigned level, uint64_t pte)
{
    uint64_t gpa, hpa;
    const struct vm *vm = r->t->vm;
    r->seen++;
    bool leaf = pte & PTE_RWX;
    uint64_t never = PTE_N | PTE_PBMT | PTE_MUST_BE_ZERO | PTE_G | (leaf ? 0 : PTE_U | PTE_A | PTE_D);
    if (leaf != !level || pte & never || (leaf && !(pte & PTE_U)))
        return wrong(r, table, "holds an entry with bits that it must not have", pte);
    struct frame_owner owner = frames_owner(vm->vmm->frames, pte_address(pte));
    if (owner.use != FRAME_GUEST || owner.vm != vm->number || !page_named(r->t, pte, &gpa) ||
        !vm_frame(vm, gpa, &hpa) || hpa != pte_address(pte))
        return wrong(r, table, "holds an entry for a frame that is not this VM's", pte);
    if (!leaf)
        return count_use(r, gpa, (enum page_use)(PAGE_TABLE0 + level - 1));
    return !(pte & PTE_W) || count_use(r, gpa, PAGE_WRITABLE);
}

static bool check_table(struct recount *r, uint64_t i)
{
    const struct para_page *p = &r->t->page[i];
    uint64_t gpa = r->t->vm->ram_base + (i << PAGE_SHIFT), now[PARA_ENTRIES];
    const struct mem_region *m = bus_memory_at(machine_bus(r->t->vm->machine), gpa);
    if (!(m->flags[(gpa - m->base) >> PAGE_SHIFT] & BIT(PAGE_SHADOW)))
        return wrong(r, gpa, "is a table, and may be written unseen", p->use);
    read_table(r->t, gpa, now);
    r->count[i] += p->pinned;
    for (unsigned k = 0; k < PARA_ENTRIES; k++) {
        if (now[k] != p->copy[k])
            return wrong(r, gpa + k * PTE_SIZE, "holds an entry that was never let in", now[k]);
        if (now[k] & PTE_V && !check_entry(r, gpa, level_of(p), now[k]))
            return false;
    }
    return true;
}

static bool check_all(struct recount *r, const uint64_t *roots, unsigned nroots, const uint64_t *written_pages,
                      unsigned nwritten)
{
    const struct para_tables *t = r->t;
    for (unsigned i = 0; i < nroots; i++)
        if (!count_use(r, roots[i], PAGE_TABLE2))
            return false;
    for (unsigned i = 0; i < nwritten; i++)
        if (!count_use(r, written_pages[i], PAGE_WRITABLE))
            return false;
    for (uint64_t i = 0; i < t->npages; i++)
        if (t->page[i].count && t->page[i].use >= PAGE_TABLE0 && !check_table(r, i))
            return false;
    for (uint64_t i = 0; i < t->npages; i++)
        if (t->page[i].count != r->count[i])
            return wrong(r, t->vm->ram_base + (i << PAGE_SHIFT), "is not used as often as it is counted", r->count[i]);
    return true;
}

int64_t para_tables_verify(const struct para_tables *t, const uint64_t *roots, unsigned nroots,
                           const uint64_t *written_pages, unsigned nwritten, struct err *e)
{
    struct recount r = {t, calloc(t->npages, sizeof *r.count), 0, e};
    if (!r.count)
        return err_set(e, -ENOMEM, "vm %u: out of memory", t->vm->number), -1;
    bool ok = check_all(&r, roots, nroots, written_pages, nwritten);
    free(r.count);
    return ok ? r.seen : -1;
}
