/* SPDX-License-Identifier: MIT */
/* The shadow tables themselves: making, linking, dropping. What goes into them: shadow_fill.c. */
#include "monitor/vmm/report.h"
#include "monitor/vmm/shadow_int.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static unsigned hash_of(uint64_t gpa, unsigned level, unsigned role)
{
    uint64_t k = (gpa >> PAGE_SHIFT) * 64 + level * 8 + role;
    return (unsigned)((k * UINT64_C(0x9e3779b97f4a7c15)) >> 54) % SHADOW_HASH;
}

static unsigned hash_of_page(uint64_t gpa)
{
    return hash_of(gpa, 0, 0);
}

/* ---- links ---- */

static bool add_link(struct shadow *s, struct sp_link **list, struct sp *sp, unsigned index)
{
    struct sp_link *l = s->spare ? s->spare : malloc(sizeof *l);
    if (!l)
        return false;
    if (l == s->spare)
        s->spare = l->next;
    *l = (struct sp_link){sp, index, *list};
    *list = l;
    return true;
}

static void remove_link(struct shadow *s, struct sp_link **list, const struct sp *sp, unsigned index)
{
    for (struct sp_link **at = list; *at; at = &(*at)->next) {
        struct sp_link *l = *at;
        if (l->sp != sp || l->index != index)
            continue;
        *at = l->next;
        l->next = s->spare;
        s->spare = l;
        return;
    }
}

static struct sp_link **leaves_of(struct shadow *s, uint64_t gpa)
{
    return &s->rmap[(gpa - s->vm->ram_base) >> PAGE_SHIFT];
}

/* ---- guest tables ---- */

static struct guest_table *find_guest(const struct shadow *s, uint64_t gpa)
{
    struct guest_table *g = s->guest[hash_of_page(gpa)];
    while (g && g->gpa != gpa)
        g = g->next_hash;
    return g;
}

static void tell_protect(struct shadow *s, uint64_t gpa, bool on)
{
    uint64_t hpa;
    struct event *e = vm_frame(s->vm, gpa, &hpa) ? vm_event(s->vm, EV_VM_PROTECT) : NULL;
    if (!e)
        return;
    e->a[0] = gpa;
    e->a[1] = hpa;
    e->a[2] = on;
    vm_tell(s->vm, e);
}

/* From now on every write to the page comes to table_written(); the bus has the leaves that show it lose their W. */
static struct guest_table *protect(struct shadow *s, uint64_t gpa)
{
    struct guest_table *g = find_guest(s, gpa);
    uint64_t hpa;
    if (g)
        return g;
    g = calloc(1, sizeof *g);
    if (!g)
        return NULL;
    g->gpa = gpa;
    g->next_hash = s->guest[hash_of_page(gpa)];
    s->guest[hash_of_page(gpa)] = g;
    if (vm_frame(s->vm, gpa, &hpa)) /* a root may point at nothing */
        bus_flag_page(machine_bus(s->vm->machine), gpa, PAGE_SHADOW, true);
    tell_protect(s, gpa, true);
    return g;
}

static void unprotect(struct shadow *s, struct guest_table *g)
{
    struct guest_table **at = &s->guest[hash_of_page(g->gpa)];
    uint64_t hpa;
    while (*at != g)
        at = &(*at)->next_hash;
    *at = g->next_hash;
    if (vm_frame(s->vm, g->gpa, &hpa))
        bus_flag_page(machine_bus(s->vm->machine), g->gpa, PAGE_SHADOW, false);
    tell_protect(s, g->gpa, false);
    free(g);
}

bool shadow_protects(const struct shadow *s, uint64_t gpa)
{
    return find_guest(s, gpa & PAGE_MASK) != NULL;
}

/* ---- dropping ---- */

/* The address that an entry is for; a root's upper half is that of the address space. */
uint64_t shadow_entry_va(const struct sp *sp, unsigned index)
{
    unsigned shift = PAGE_SHIFT + VPN_BITS * sp->t.level;
    uint64_t va = sp->va + ((uint64_t)index << shift);
    return sp->root ? (uint64_t)sign_extend(va, shift + VPN_BITS) : va;
}

static void forget_translation(struct shadow *s, const struct sp *sp, unsigned index)
{
    bool one = !sp->many && sp->t.level == 0;
    hart_sfence_vma(s->real, one, sp->va + ((uint64_t)index << PAGE_SHIFT), -1);
}

static void free_sp(struct shadow *s, struct sp *sp);

void shadow_drop(struct shadow *s, struct sp *sp, unsigned index, const char *why)
{
    uint64_t old = sp->pte[index];
    if (!(old & PTE_V))
        return;
    struct event *e = vm_event(s->vm, EV_VM_SHADOW_DROP);
    if (e) {
        e->text = why;
        e->a[0] = sp->t.level;
        e->a[1] = shadow_entry_va(sp, index);
        e->a[2] = sp->t.hpa + index * PTE_SIZE;
        e->a[3] = old;
        vm_tell(s->vm, e);
    }
    sp->pte[index] = 0;
    sp->t.filled--;
    struct sp *child = sp->child ? sp->child[index] : NULL;
    if (child) {
        sp->child[index] = NULL;
        remove_link(s, &child->parents, sp, index);
    } else {
        remove_link(s, &s->rmap[sp->page[index]], sp, index);
    }
    forget_translation(s, sp, index);
    if (child && !child->guest && !child->bare)
        free_sp(s, child); /* a direct table stands for this entry alone */
}

static void free_sp(struct shadow *s, struct sp *sp)
{
    if (sp->parents && !sp->guest && !sp->bare) { /* which frees it */
        shadow_drop(s, sp->parents->sp, sp->parents->index, "its table is let go");
        return;
    }
    while (sp->parents)
        shadow_drop(s, sp->parents->sp, sp->parents->index, "its table is let go");
    for (unsigned i = 0; sp->t.filled && i < SHADOW_ENTRIES; i++)
        shadow_drop(s, sp, i, "its table is let go");
    if (sp->guest) {
        struct sp **at = &sp->guest->shadows;
        while (*at != sp)
            at = &(*at)->next_guest;
        *at = sp->next_guest;
        if (!sp->guest->shadows)
            unprotect(s, sp->guest);
    }
    if (sp->guest || sp->bare) {
        struct sp **at = &s->hash[hash_of(sp->t.gpa, sp->t.level, sp->t.role)];
        while (*at != sp)
            at = &(*at)->next_hash;
        *at = sp->next_hash;
    }
    *(sp->prev_all ? &sp->prev_all->next_all : &s->all) = sp->next_all;
    if (sp->next_all)
        sp->next_all->prev_all = sp->prev_all;
    frames_give(s->vm->vmm->frames, sp->t.hpa);
    s->fresh = false;
    free(sp->child);
    free(sp->page);
    free(sp);
}

/* All shadows of a guest table, which is none any more, or is written too often to be followed. */
static void let_go(struct shadow *s, struct guest_table *g)
{
    for (struct sp *sp = g->shadows, *next; sp; sp = next) {
        next = sp->next_guest;
        free_sp(s, sp); /* the last one frees g */
    }
}

/* The owner of PAGE_SHADOW: [gpa, gpa + len) of a guest table was written, by whomever. */
static void table_written(void *ctx, uint64_t gpa, uint64_t len)
{
    struct shadow *s = ctx;
    struct guest_table *g = find_guest(s, gpa & PAGE_MASK);
    unsigned first = (unsigned)(gpa & ~PAGE_MASK) / PTE_SIZE,
             last = (unsigned)((gpa & ~PAGE_MASK) + len - 1) / PTE_SIZE;
    if (!g)
        return;
    write_log_note(s->vm, gpa, len, s->filling);
    for (struct sp *sp = g->shadows; sp; sp = sp->next_guest)
        for (unsigned i = first; i <= last; i++)
            shadow_drop(s, sp, i, "the guest's entry was written");
    if (!s->filling && ++g->writes > SHADOW_PATIENCE)
        let_go(s, g);
}

void shadow_unmap(struct shadow *s, uint64_t gpa, bool writes_only)
{
    uint64_t hpa;
    if (!vm_frame(s->vm, gpa, &hpa))
        return;
    struct sp_link **list = leaves_of(s, gpa);
    for (struct sp_link *l = *list, *next; l; l = next) {
        next = l->next;
        if (!writes_only) {
            shadow_drop(s, l->sp, l->index, "its page is watched");
        } else if (l->sp->pte[l->index] & PTE_W) {
            l->sp->pte[l->index] &= ~PTE_W;
            forget_translation(s, l->sp, l->index);
        }
    }
}

void shadow_clear(struct shadow *s)
{
    while (s->all)
        free_sp(s, s->all);
}

/* ---- making ---- */

static struct sp *new_sp(struct shadow *s, uint64_t gpa, unsigned level, unsigned role)
{
    struct sp *sp = calloc(1, sizeof *sp);
    if (!sp || !frames_take(s->vm->vmm->frames, FRAME_TABLE, s->vm->number, &sp->t.hpa)) {
        free(sp);
        return NULL;
    }
    if (level)
        sp->child = calloc(SHADOW_ENTRIES, sizeof *sp->child);
    else
        sp->page = calloc(SHADOW_ENTRIES, sizeof *sp->page);
    if (!sp->child && !sp->page) {
        frames_give(s->vm->vmm->frames, sp->t.hpa);
        free(sp);
        return NULL;
    }
    struct mem_region *r = bus_memory_at(s->real->bus, sp->t.hpa);
    sp->pte = (uint64_t *)(void *)mem_host(r, sp->t.hpa - r->base);
    sp->t.gpa = gpa;
    sp->t.level = level;
    sp->t.role = role;
    sp->t.since = hart_instret(machine_hart(s->vm->machine, 0));
    sp->next_all = s->all;
    if (s->all)
        s->all->prev_all = sp;
    s->all = sp;
    return sp;
}

static void enter_hash(struct shadow *s, struct sp *sp)
{
    struct sp **at = &s->hash[hash_of(sp->t.gpa, sp->t.level, sp->t.role)];
    sp->next_hash = *at;
    *at = sp;
}

struct sp *shadow_find(const struct shadow *s, uint64_t gpa, unsigned level, unsigned role)
{
    struct sp *sp = s->hash[hash_of(gpa, level, role)];
    while (sp && (sp->t.gpa != gpa || sp->t.level != level || sp->t.role != role))
        sp = sp->next_hash;
    return sp;
}

struct sp *shadow_make(struct shadow *s, uint64_t gpa, unsigned level, unsigned role)
{
    struct sp *sp = new_sp(s, gpa, level, role);
    if (!sp)
        return NULL;
    sp->bare = true; /* of no guest table, until it is adopted */
    enter_hash(s, sp);
    return sp;
}

bool shadow_adopt(struct shadow *s, struct sp *sp)
{
    if (sp->guest || sp->t.gpa == SHADOW_NO_GPA)
        return true;
    sp->guest = protect(s, sp->t.gpa);
    if (!sp->guest) {
        free_sp(s, sp);
        return false;
    }
    sp->bare = false;
    sp->next_guest = sp->guest->shadows;
    sp->guest->shadows = sp;
    return true;
}

struct sp *shadow_get(struct shadow *s, uint64_t gpa, unsigned level, unsigned role)
{
    struct sp *sp = shadow_find(s, gpa, level, role);
    if (sp)
        return sp;
    sp = shadow_make(s, gpa, level, role);
    return sp && shadow_adopt(s, sp) ? sp : NULL;
}

struct sp *shadow_get_direct(struct shadow *s, struct sp *parent, unsigned index)
{
    if (parent->child[index])
        return parent->child[index];
    struct sp *sp = new_sp(s, SHADOW_NO_GPA, parent->t.level - 1, parent->t.role);
    if (sp && !shadow_point(s, parent, index, sp)) {
        free_sp(s, sp);
        return NULL;
    }
    return sp;
}

static void tell_entry(struct shadow *s, const struct sp *sp, unsigned index, uint64_t gpa)
{
    struct event *e = vm_event(s->vm, EV_VM_SHADOW);
    if (!e)
        return;
    e->a[0] = sp->t.level;
    e->a[1] = shadow_entry_va(sp, index);
    e->a[2] = sp->t.hpa + index * PTE_SIZE;
    e->a[3] = sp->pte[index];
    e->a[4] = gpa;
    vm_tell(s->vm, e);
}

static void set_entry(struct shadow *s, struct sp *sp, unsigned index, uint64_t pte, uint64_t gpa)
{
    sp->pte[index] = pte;
    sp->t.filled++;
    s->vm->stats.fills++;
    tell_entry(s, sp, index, gpa);
}

static void found_at_many(struct sp *sp)
{
    if (sp->many)
        return;
    sp->many = true;
    for (unsigned i = 0; sp->child && i < SHADOW_ENTRIES; i++)
        if (sp->child[i])
            found_at_many(sp->child[i]);
}

bool shadow_point(struct shadow *s, struct sp *sp, unsigned index, struct sp *child)
{
    if (sp->child[index] == child)
        return true;
    shadow_drop(s, sp, index, "the guest's entry points elsewhere");
    if (!add_link(s, &child->parents, sp, index))
        return false;
    uint64_t va = shadow_entry_va(sp, index);
    if (sp->many || child->parents->next || (child->t.filled && child->va != va))
        found_at_many(child);
    child->va = va;
    sp->child[index] = child;
    set_entry(s, sp, index, pte_make(child->t.hpa, PTE_V), child->t.gpa);
    return true;
}

bool shadow_leaf(struct shadow *s, struct sp *sp, unsigned index, uint64_t gpa, uint64_t pte)
{
    shadow_drop(s, sp, index, "it has other rights now");
    if (!add_link(s, leaves_of(s, gpa), sp, index))
        return false;
    sp->page[index] = (uint32_t)((gpa - s->vm->ram_base) >> PAGE_SHIFT);
    set_entry(s, sp, index, pte, gpa);
    return true;
}

struct shadow *shadow_new(struct vm *vm, const struct shadow_hooks *hooks, struct err *e)
{
    struct shadow *s = calloc(1, sizeof *s);
    if (s)
        s->rmap = calloc(vm->ram_size >> PAGE_SHIFT, sizeof *s->rmap);
    if (!s || !s->rmap) {
        free(s);
        err_set(e, -ENOMEM, "vm %u: out of memory", vm->number);
        return NULL;
    }
    s->vm = vm;
    s->hooks = hooks;
    s->real = vm->vmm->hart;
    shadow_listen(s);
    return s;
}

void shadow_listen(struct shadow *s)
{
    bus_set_flag_owner(machine_bus(s->vm->machine), PAGE_SHADOW, table_written, s);
}

void shadow_free(struct shadow *s)
{
    if (!s)
        return;
    shadow_clear(s);
    bus_set_flag_owner(machine_bus(s->vm->machine), PAGE_SHADOW, NULL, NULL);
    for (struct sp_link *l = s->spare, *next; l; l = next) {
        next = l->next;
        free(l);
    }
    free(s->rmap);
    free(s);
}

/* ---- looking ---- */

const struct shadow_table *shadow_next(const struct shadow *s, const struct shadow_table *t)
{
    const struct sp *sp = t ? ((const struct sp *)t)->next_all : s->all;
    return sp ? &sp->t : NULL;
}
