/* SPDX-License-Identifier: MIT */
/* The VMM's side of an address: p2m, shadow tables, second stage. */
#include "monitor/debug/repl_int.h"

#include "base/text.h"
#include "cpu/trap.h"
#include "monitor/debug/debug_vmm.h"
#include "monitor/debug/walk_view.h"
#include "monitor/vmm/fills.h"
#include "monitor/vmm/gstage.h"
#include "monitor/vmm/shadow_int.h"
#include "monitor/vmm/trap.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* The selected VM. NULL with e set: there is none. */
static struct vm *want_vm(struct repl *r, const char *what, struct err *e)
{
    struct vm *vm = repl_want_vmm(r, what, e) ? NULL : repl_vm(r);
    if (!vm && r->config.vmm)
        err_set(e, -EINVAL, "%s: the real machine has no tables behind its own: give vm N first", what);
    return vm;
}

static unsigned flags_of(struct vm *vm, uint64_t gpa)
{
    const struct mem_region *m = bus_memory_at(machine_bus(vm->machine), gpa);
    return m ? m->flags[(gpa - m->base) >> PAGE_SHIFT] : 0;
}

/* "S", "S+SUM", "U+MXR" */
static const char *role_name(unsigned role)
{
    static const char *const names[] = {"U", "S", "U+SUM", "S+SUM", "U+MXR", "S+MXR", "U+SUM+MXR", "S+SUM+MXR"};
    return names[role & 7];
}

/* Why there is nothing to show. */
static void say_none(struct repl *r, const struct vm *vm)
{
    if (!strcmp(vm->technique->name, "para"))
        out_puts(r->out, "Direct paging: the real MMU walks the guest's own tables, whose entries hold real addresses. "
                         "There are no others.\n");
    else
        out_printf(r->out, "Under %s the interpreter walks the guest's tables: the VMM keeps none for it.\n",
                   vm->technique->name);
}

/* ---- One address ---- */

/* What the guest's own walk found, by level; have: bit n: level n. */
struct guest_walk {
    unsigned have, leaf; /* leaf: level of it, where ok */
    bool ok, bare;
    uint64_t pa, at[5], pte[5];
    struct walk_view view;
};

static void walk_guest(struct guest_walk *g, const struct hart *vh, uint64_t va)
{
    struct mmu_ctx c = hart_data_ctx(vh);
    walk_view_make(&g->view, &c, va, 1, MMU_R, false);
    const struct walk_part *p = &g->view.part[0];
    g->have = g->leaf = 0;
    g->bare = !shadow_guest_levels(vh);
    /* Where the leaf lets the role not read, the page is still found. */
    g->ok = debugger_translate((struct hart *)(uintptr_t)vh, va, &g->pa, NULL);
    for (unsigned i = 0; i < p->nsteps; i++) {
        const struct mmu_step *s = &p->step[i];
        if (s->stage != 1 || s->level < 0 || s->level > 4)
            continue;
        g->leaf = (unsigned)s->level;
        g->have |= 1u << s->level;
        g->at[s->level] = s->pte_gpa;
        g->pte[s->level] = s->pte;
    }
}

static bool is_leaf(uint64_t pte)
{
    return pte & (PTE_R | PTE_W | PTE_X);
}

static void show_entry(struct repl *r, const char *whose, const char *space, uint64_t at, uint64_t pte)
{
    out_printf(r->out, "  %-7s %s ", whose, space);
    out_styled(r->out, OUT_ADDR, "%s", text_hex(at).s);
    out_printf(r->out, ": 0x%016" PRIx64 "  ", pte);
    walk_view_print_bits(r->out, pte, 0);
    if (pte & PTE_V)
        out_printf(r->out, "  -> %s %s %s", is_leaf(pte) ? "page" : "table", space, text_hex(pte_address(pte)).s);
    out_puts(r->out, "\n");
}

static void note(struct repl *r, const char *text)
{
    out_styled(r->out, OUT_DIM, "          %s\n", text);
}

static const char *access_word(uint64_t cause)
{
    switch (cause) {
    case CAUSE_FETCH_PAGE:
    case CAUSE_FETCH_GUEST_PAGE: return "a fetch";
    case CAUSE_LOAD_PAGE:
    case CAUSE_LOAD_GUEST_PAGE: return "a load";
    case CAUSE_STORE_PAGE:
    case CAUSE_STORE_GUEST_PAGE: return "a store";
    default: return "an intercept";
    }
}

/* Who changed an entry last, and when. */
static void show_fill(struct repl *r, const struct fill *f)
{
    if (!f)
        return;
    out_styled(r->out, OUT_DIM, "          %s after %" PRIu64 " instructions, ", f->drop ? "dropped" : "filled",
               f->insn);
    out_styled(r->out, OUT_DIM, "%s%sfor %s at ", f->drop ? f->drop : "", f->drop ? ": " : "", access_word(f->cause));
    show_address(r, f->pc);
    out_puts(r->out, "\n");
}

/* Why rights that the guest's leaf gives are not in the shadow's. */
static void explain_missing(struct repl *r, struct vm *vm, const struct hart *vh, unsigned role, uint64_t g, bool bare,
                            uint64_t gpa, uint64_t missing)
{
    unsigned flags = flags_of(vm, gpa);
    const struct shadow *s = vm_shadow(vm);
    bool said = false;
    if (!bare && missing & PTE_W && !(g & PTE_D)) {
        note(r, "no W: D is clear in the guest's entry: its first write must be seen, so that D can be set there");
        said = true;
    }
    if (missing & PTE_W && flags & BIT(PAGE_SHADOW)) {
        note(r, shadow_protects(s, gpa & PAGE_MASK)
                    ? "no W: the page holds a page table of the guest's: its writes there must be seen"
                    : "no W: the page is protected by the VMM");
        said = true;
    }
    if (missing & PTE_W && flags & (BIT(PAGE_WATCH) | BIT(PAGE_HTIF))) {
        note(r, flags & BIT(PAGE_WATCH) ? "no W: a watchpoint lies on the page"
                                        : "no W: the page holds the guest's tohost word");
        said = true;
    }
    if (flags & BIT(PAGE_WATCH_READ)) {
        note(r, "no rights at all: a watchpoint for reads lies on the page");
        said = true;
    }
    if (!bare && role & SHADOW_S && g & PTE_U) {
        note(r, role & SHADOW_SUM ? "no X: the page is for U, and S never executes from such"
                                  : "no rights: the page is for U, and SUM is 0: the guest's S may not touch it");
        said = true;
    }
    if (!bare && !(role & SHADOW_S) && !(g & PTE_U)) {
        note(r, "no rights: the page is for S, and the guest is in U");
        said = true;
    }
    if (!pmp_is_open(&vh->pmp, gpa) && !said) {
        note(r, "less than the guest's entry: the guest's PMP closes the page, or divides it");
        said = true;
    }
    if (!said)
        note(r, "less than the guest's entry: it was filled for another access; the next fault widens it");
}

static void explain_leaf(struct repl *r, struct vm *vm, const struct hart *vh, const struct guest_walk *g, uint64_t pte)
{
    const uint64_t rwx = PTE_R | PTE_W | PTE_X;
    unsigned role = shadow_role_of(vh);
    uint64_t hpa, own = g->bare ? rwx : g->pte[g->leaf];
    char text[160];
    if (!vm_frame(vm, g->pa, &hpa))
        return;
    if (pte_address(pte) == (hpa & PAGE_MASK))
        snprintf(text, sizeof text, "the frame hpa %s, where the guest means gpa %s: see p2m",
                 text_hex(hpa & PAGE_MASK).s, text_hex(g->pa & PAGE_MASK).s);
    else
        snprintf(text, sizeof text, "a copy of the page with rewritten instructions, for fetching alone");
    note(r, text);
    if (!(own & PTE_U) || g->bare)
        note(r, "U: the guest really runs in U, whatever mode it believes in");
    if (role & SHADOW_MXR && !(own & PTE_R) && pte & PTE_R)
        note(r, "R: the guest's MXR lets it read what it may execute");
    uint64_t missing = own & rwx & ~pte;
    if (missing)
        explain_missing(r, vm, vh, role, own, g->bare, g->pa, missing);
    if (!g->bare && (pte & ~own) & (PTE_A | PTE_D))
        note(r, "A and D: always set here; those of the guest's entry are the VMM's to keep");
    if (own & PTE_G)
        note(r, "no G: another guest's address may be the same");
}

static void explain_pointer(struct repl *r, const struct guest_walk *g, unsigned level)
{
    bool own = !g->bare && g->have >> level & 1 && !is_leaf(g->pte[level]);
    if (own)
        note(r, "the shadow of the table that the guest's entry names");
    else if (g->bare)
        note(r, "a direct table: the guest translates nothing, and has none of its own");
    else
        note(r, "a direct table: the guest has one large page here, whose frames lie scattered");
}

static void show_level(struct repl *r, struct vm *vm, const struct guest_walk *g, const struct hart *vh, uint64_t va,
                       unsigned level)
{
    const struct shadow *s = vm_shadow(vm);
    uint64_t at, pte, hpa;
    out_styled(r->out, OUT_HEAD, "level %u\n", level);
    if (g->have >> level & 1)
        show_entry(r, "guest", "gpa", g->at[level], g->pte[level]);
    else
        out_printf(r->out, "  %-7s none\n", "guest");
    if (!shadow_entry(s, vh, va, level, &at, &pte)) {
        out_printf(r->out, "  %-7s no table yet\n", "shadow");
        return;
    }
    show_entry(r, "shadow", "hpa", at, pte);
    if (!(pte & PTE_V)) {
        bool ram = g->ok && vm_frame(vm, g->pa, &hpa);
        note(r, g->ok && !ram ? "empty; this address never gets an entry: no RAM of the guest's is there, every access "
                                "is an exit (mmio)"
                : g->ok       ? "not filled yet: the next access faults, and the VMM fills it"
                              : "empty, as the guest's own tables lead nowhere");
    } else if (level) {
        explain_pointer(r, g, level);
    } else {
        explain_leaf(r, vm, vh, g, pte);
    }
    show_fill(r, fills_of_shadow(r->config.fills, vm->number, at));
}

static void show_p2m(struct repl *r, struct vm *vm, const struct guest_walk *g)
{
    uint64_t hpa;
    out_styled(r->out, OUT_HEAD, "p2m     ");
    if (!g->ok)
        out_puts(r->out, "the guest's own tables do not map the address\n");
    else if (vm_frame(vm, g->pa, &hpa))
        out_printf(r->out, "gpa %s -> hpa %s\n", text_hex(g->pa).s, text_hex(hpa).s);
    else
        out_printf(r->out, "gpa %s is no RAM: %s\n", text_hex(g->pa).s,
                   bus_name_at(machine_bus(vm->machine), g->pa) ? bus_name_at(machine_bus(vm->machine), g->pa)
                                                                : "nothing answers there");
}

static void show_gstage(struct repl *r, struct vm *vm, const struct guest_walk *g)
{
    uint64_t pte = g->ok ? gstage_leaf(vm_gstage(vm), g->pa & PAGE_MASK) : 0, hpa;
    if (!g->ok)
        return;
    out_styled(r->out, OUT_HEAD, "second stage");
    out_printf(r->out, "  leaf for gpa %s: 0x%016" PRIx64 "  ", text_hex(g->pa & PAGE_MASK).s, pte);
    walk_view_print_bits(r->out, pte, 0);
    if (pte & PTE_V)
        out_printf(r->out, "  -> hpa %s", text_hex(pte_address(pte)).s);
    out_puts(r->out, "\n");
    if (!(pte & PTE_V))
        note(r, vm_frame(vm, g->pa, &hpa) ? "not filled yet: the next access is an exit (page)"
                                          : "empty for ever: every access is an exit (MMIO)");
    else if (!(pte & PTE_W) && flags_of(vm, g->pa) & (BIT(PAGE_WATCH) | BIT(PAGE_HTIF)))
        note(r, "no W: the page is watched");
    else
        note(r, "the guest's own table is walked by the real MMU, each of its entries through this stage");
    show_fill(r, fills_of_gstage(r->config.fills, vm->number, g->pa));
}

void repl_show_shadow(struct repl *r, struct vm *vm, uint64_t va)
{
    const struct hart *vh = machine_hart(vm->machine, 0);
    struct guest_walk *g = calloc(1, sizeof *g);
    if (!g)
        return;
    walk_guest(g, vh, va);
    show_p2m(r, vm, g);
    if (vm_gstage(vm))
        show_gstage(r, vm, g);
    if (vm_shadow(vm) && vh->priv == PRIV_M) {
        out_puts(r->out, "In M mode the virtual hart is interpreted: no shadow table is walked.\n");
    } else if (vm_shadow(vm)) {
        unsigned levels = g->bare ? SHADOW_BARE_LEVELS : shadow_guest_levels(vh);
        out_printf(r->out, "shadow tables of %s for the guest's %s:\n", g->bare ? "no translation" : "its satp",
                   role_name(shadow_role_of(vh)));
        while (levels--)
            show_level(r, vm, g, vh, va, levels);
    }
    if (!vm_shadow(vm) && !vm_gstage(vm))
        say_none(r, vm);
    free(g);
}

int cmd_shadow(struct repl *r, const char *args, struct err *e)
{
    uint64_t va;
    struct vm *vm = want_vm(r, "shadow", e);
    if (!vm)
        return -EINVAL;
    if (!*args)
        return err_set(e, -EINVAL, "shadow: give a virtual address of the guest's: shadow $sp");
    if (eval_u64(r, args, &va, e))
        return -EINVAL;
    repl_show_shadow(r, vm, va);
    return 0;
}

/* ---- info shadow ---- */

static void show_table(struct repl *r, const struct shadow_table *t)
{
    const struct sp *sp = (const struct sp *)t;
    out_printf(r->out, "hpa %-14s %-6s %5u  %-10s %6u %14" PRIu64 "  ", text_hex(t->hpa).s, sp->root ? "root" : "",
               t->level, role_name(t->role), t->filled, t->since);
    if (t->gpa != SHADOW_NO_GPA)
        out_printf(r->out, "gpa %s\n", text_hex(t->gpa).s);
    else
        out_printf(r->out, "direct%s\n", sp->bare ? ", no translation" : "");
}

static void info_shadow(struct repl *r, const struct shadow *s)
{
    unsigned tables = 0, roots = 0, filled = 0, direct = 0;
    out_styled(r->out, OUT_HEAD, "%-18s %-6s %5s  %-10s %6s %14s  %s\n", "table", "", "level", "role", "filled",
               "since insn", "stands for the guest's table at");
    for (const struct shadow_table *t = shadow_next(s, NULL); t; t = shadow_next(s, t)) {
        show_table(r, t);
        tables++;
        roots += ((const struct sp *)t)->root;
        direct += t->gpa == SHADOW_NO_GPA;
        filled += t->filled;
    }
    out_puts(r->out, "write-protected pages of the guest's, which hold its tables:");
    unsigned pages = 0;
    for (unsigned i = 0; i < SHADOW_HASH; i++)
        for (const struct guest_table *g = s->guest[i]; g; g = g->next_hash)
            out_printf(r->out, "%s%s", pages++ % 8 ? " " : "\n  ", text_hex(g->gpa).s);
    out_printf(r->out, "%s\n%u tables (%u of them roots, %u direct), %u entries, %u page%s write-protected\n",
               pages ? "" : " none", tables, roots, direct, filled, pages, pages == 1 ? "" : "s");
}

/* The entries of one table, each with who filled it. hpa: anywhere in its frame. */
static bool info_entries(struct repl *r, const struct vm *vm, uint64_t hpa)
{
    const struct shadow_table *t = shadow_next(vm_shadow(vm), NULL);
    while (t && t->hpa != (hpa & PAGE_MASK))
        t = shadow_next(vm_shadow(vm), t);
    const struct sp *sp = (const struct sp *)t;
    for (unsigned i = 0; t && i < SHADOW_ENTRIES; i++) {
        const struct fill *f = fills_of_shadow(r->config.fills, vm->number, t->hpa + 8 * i);
        if (!(sp->pte[i] & PTE_V) && !(f && f->drop))
            continue;
        out_printf(r->out, "[%03u] %-21s ", i, text_hex(shadow_entry_va(sp, i)).s);
        walk_view_print_bits(r->out, sp->pte[i], 0);
        if (sp->pte[i] & PTE_V)
            out_printf(r->out, " -> hpa %s", text_hex(pte_address(sp->pte[i])).s);
        out_puts(r->out, "\n");
        show_fill(r, f);
    }
    return t;
}

static void info_gstage(struct repl *r, struct vm *vm, const struct gstage *g)
{
    uint64_t leaves = 0, first = 0, n = 0, shown = 0;
    const uint64_t most = 32;
    out_printf(r->out, "root at hpa %s (hgatp 0x%" PRIx64 "), %zu tables below it\n", text_hex(g->root).s, g->hgatp,
               g->ntables);
    for (uint64_t off = 0; off <= vm->ram_size; off += PAGE_SIZE) {
        bool there = off < vm->ram_size && gstage_leaf(g, vm->ram_base + off) & PTE_V;
        leaves += there;
        if (there && !n++)
            first = vm->ram_base + off;
        if (there || !n)
            continue;
        if (shown++ < most)
            out_printf(r->out, "  gpa %s .. %s: %" PRIu64 " pages\n", text_hex(first).s,
                       text_hex(vm->ram_base + off - 1).s, n);
        n = 0;
    }
    if (shown > most)
        out_printf(r->out, "  and %" PRIu64 " ranges more\n", shown - most);
    out_printf(r->out, "%" PRIu64 " of %" PRIu64 " pages of RAM have a leaf\n", leaves, vm->ram_size >> PAGE_SHIFT);
}

int cmd_info_shadow(struct repl *r, const char *args, struct err *e)
{
    struct vm *vm = want_vm(r, "info shadow", e);
    uint64_t hpa = 0;
    if (!vm || (*args && eval_u64(r, args, &hpa, e)))
        return -EINVAL;
    if (*args && (!vm_shadow(vm) || !info_entries(r, vm, hpa)))
        return err_set(e, -EINVAL, "info shadow %s: no shadow table lies there: info shadow lists them", args);
    if (*args)
        return 0;
    if (vm_gstage(vm))
        info_gstage(r, vm, vm_gstage(vm));
    else if (vm_shadow(vm))
        info_shadow(r, vm_shadow(vm));
    else
        say_none(r, vm);
    out_printf(r->out, "written so far: %" PRIu64 " entries; %" PRIu64 " frames are tables for this VM\n",
               vm->stats.fills, frames_count(vm->vmm->frames, FRAME_TABLE, vm->number));
    return 0;
}
