/* SPDX-License-Identifier: MIT */
/* `why` of a virtual machine: whose fault its last exit is, the guest's or the VMM's. */
#include "monitor/debug/repl_int.h"

#include "base/text.h"
#include "cpu/trap.h"
#include "mmu/pte.h"
#include "monitor/debug/walk_view.h"
#include "monitor/names.h"
#include "monitor/vmm/trap.h"

#include <inttypes.h>
#include <stdlib.h>

static unsigned flags_of(struct vm *vm, uint64_t gpa)
{
    const struct mem_region *m = bus_memory_at(machine_bus(vm->machine), gpa);
    return m ? m->flags[(gpa - m->base) >> PAGE_SHIFT] : 0;
}

/* The guest's table entry that decides of an access at va, as the guest stood at e. */
static void say_entry(struct repl *r, const struct hart *vh, const struct event *e, uint64_t va, enum mmu_access a)
{
    struct walk_view *w = malloc(sizeof *w);
    struct mmu_ctx c = hart_mode_ctx(vh, (enum priv)(e->mode & 3), false);
    if (!w)
        return;
    walk_view_make(w, &c, va, a == MMU_X ? 2 : 1, a, false);
    const struct walk_part *p = &w->part[w->nparts ? w->nparts - 1 : 0];
    const struct mmu_step *s = NULL;
    for (unsigned i = 0; i < p->nsteps; i++)
        if (p->step[i].level >= 0)
            s = &p->step[i];
    if (!s) {
        out_puts(r->out, atp_mode(c.satp) && c.priv != PRIV_M ? "The guest's walk came to no entry.\n"
                                                              : "The guest translates nothing there.\n");
    } else {
        out_puts(r->out, "The guest's ");
        walk_view_print_step(r->out, &c, s);
        if (!p->translated) {
            out_puts(r->out, ": ");
            walk_view_print_denial(r->out, &c, a, 1, s);
        }
        out_puts(r->out, ".\n");
    }
    free(w);
}

static enum mmu_access access_of(uint64_t cause)
{
    switch (cause) {
    case CAUSE_FETCH_PAGE:
    case CAUSE_FETCH_GUEST_PAGE:
    case CAUSE_FETCH_ACCESS: return MMU_X;
    case CAUSE_STORE_PAGE:
    case CAUSE_STORE_GUEST_PAGE:
    case CAUSE_STORE_ACCESS: return MMU_W;
    default: return MMU_R;
    }
}

static bool is_access(uint64_t cause)
{
    return cause == CAUSE_FETCH_PAGE || cause == CAUSE_LOAD_PAGE || cause == CAUSE_STORE_PAGE ||
           cause == CAUSE_FETCH_GUEST_PAGE || cause == CAUSE_LOAD_GUEST_PAGE || cause == CAUSE_STORE_GUEST_PAGE;
}

/* What the guest's tables make of va, as the guest stood at e. False: they deny it. */
static bool guest_allows(const struct hart *vh, const struct event *e, uint64_t va, uint64_t *gpa)
{
    struct mmu_ctx c = hart_mode_ctx(vh, (enum priv)(e->mode & 3), false);
    struct mmu_map m;
    struct mmu_fault f;
    bool ok = mmu_translate(&c, va, 1, access_of(e->a[1]), true, &m, &f, NULL);
    *gpa = ok ? m.pa : 0;
    return ok;
}

static void say_protected(struct repl *r, struct vm *vm, uint64_t gpa, enum mmu_access a)
{
    const struct pmp *pmp = &machine_hart(vm->machine, 0)->pmp;
    bool whole, open = pmp_allows(pmp, gpa & PAGE_MASK, 1, a, PRIV_S, &whole) && whole;
    unsigned flags = flags_of(vm, gpa);
    const struct shadow *s = vm_shadow(vm);
    const char *why = s && shadow_protects(s, gpa & PAGE_MASK)
                          ? "holds a page table of the guest's, and is write-protected so that no shadow gets stale"
                      : flags & (BIT(PAGE_WATCH) | BIT(PAGE_WATCH_READ)) ? "is watched by the debugger"
                      : flags & BIT(PAGE_HTIF)                           ? "holds the guest's tohost word"
                      : !open                                            ? "is closed or divided by the guest's PMP"
                      : flags & BIT(PAGE_REWRITTEN)                      ? "holds rewritten code that is read, too"
                                                                         : NULL;
    if (!why) {
        out_puts(r->out, "The VMM's business: the entry is there by now, and the virtual hart does the instruction for "
                         "once.\n");
        return;
    }
    out_printf(r->out,
               "The VMM's business: the guest may do that, but the page at gpa %s %s. The virtual hart does the access "
               "for it.\n",
               text_hex(gpa & PAGE_MASK).s, why);
}

static void say_reason(struct repl *r, struct vm *vm, const struct event *e)
{
    const struct hart *vh = machine_hart(vm->machine, 0);
    uint64_t gpa = e->a[4], hpa, va = e->a[2];
    const char *device;
    bool access = is_access(e->a[1]), allows = access && guest_allows(vh, e, va, &gpa);
    switch ((enum vm_exit_reason)e->a[0]) {
    case VM_EXIT_PAGE:
        if (!allows)
            out_puts(r->out, "The guest's own fault: its tables deny the access, so it takes the trap itself.\n");
        else if (!vm_frame(vm, gpa, &hpa))
            out_printf(r->out, "The VMM's business: gpa %s is no RAM: the virtual hart does the access.\n",
                       text_hex(gpa).s);
        else
            out_printf(r->out,
                       "Nobody's fault: the guest may do that, but the VMM's table had no entry for it yet. It fills "
                       "one on demand: gpa %s lies in the frame hpa %s.\n",
                       text_hex(gpa & PAGE_MASK).s, text_hex(hpa & PAGE_MASK).s);
        return;
    case VM_EXIT_MMIO:
        device = bus_name_at(machine_bus(vm->machine), gpa);
        out_printf(r->out,
                   "The VMM's business: gpa %s is no RAM but %s, which is never mapped. The virtual hart does the "
                   "access, to the guest's own device.\n",
                   text_hex(gpa).s, device ? device : "nothing");
        return;
    case VM_EXIT_PROTECTED: say_protected(r, vm, gpa, access_of(e->a[1])); return;
    case VM_EXIT_PRIVILEGED:
        out_puts(r->out, "The VMM's business: a privileged instruction, in a guest that has no privilege on the real "
                         "hart. The virtual hart executes it; what it may not do there either is the guest's trap.\n");
        return;
    case VM_EXIT_TIME:
        out_puts(r->out, "The VMM's business: the guest reads a clock or counter, and gets its own.\n");
        return;
    case VM_EXIT_WFI: out_puts(r->out, "The VMM's business: the guest waits, and others may run.\n"); return;
    case VM_EXIT_ECALL:
        out_puts(r->out, "The guest's own call: the virtual hart takes it to whom it is for.\n");
        return;
    case VM_EXIT_EXCEPTION:
        out_puts(r->out, "The guest's own fault: a real machine would trap too. Its virtual hart takes the trap.\n");
        return;
    case VM_EXIT_INTERRUPT: out_puts(r->out, "An interrupt for the guest: its virtual hart takes it.\n"); return;
    case VM_EXIT_REWRITTEN:
        out_puts(r->out, "The VMM's business: it has put a breakpoint in the place of this instruction, which would "
                         "not trap in U but do something else there.\n");
        return;
    case VM_EXIT_BUDGET: out_puts(r->out, "Nobody's fault: the time slice, or the time to a timer, is over.\n"); return;
    case VM_EXIT_BREAK: out_puts(r->out, "The debugger's breakpoint.\n"); return;
    case VM_EXIT_OTHER:
    case VM_EXIT_REASONS: break;
    }
    out_puts(r->out, "The VMM had no room for a table, or the real hart something that has no name here.\n");
}

/* The last exit of a VM in its ring. False: it has none. */
static bool last_exit(struct vm *vm, struct event *e)
{
    const struct event_hub *hub = machine_events(vm->machine);
    for (uint64_t i = 0; i < EVENT_RING && i < hub->count; i++) {
        *e = hub->ring[(hub->count - 1 - i) % EVENT_RING];
        if (e->kind == EV_VM_EXIT)
            return true;
    }
    return false;
}

void repl_show_exit(struct repl *r, struct vm *vm)
{
    struct event e;
    char text[160];
    if (!last_exit(vm, &e)) {
        out_printf(r->out, "vm %u has had no exit: it runs as if it were alone.\n", vm->number);
        return;
    }
    out_printf(r->out, "The last exit of vm %u: ", vm->number);
    out_styled(r->out, OUT_HEAD, "%s", vm_exit_name((enum vm_exit_reason)e.a[0]));
    out_printf(r->out, ", after %" PRIu64 " instructions, in the guest's %s at ", e.insn, name_mode(e.mode));
    show_address(r, e.pc);
    if (e.a[3]) {
        disasm(r->disasm, e.pc, (uint32_t)e.a[3], text, sizeof text);
        for (char *t = text; *t; t++)
            *t = *t == '\t' ? ' ' : *t;
        out_printf(r->out, ", `%s`", text);
    }
    if (is_access(e.a[1]) && e.a[0] != VM_EXIT_BUDGET)
        out_printf(r->out, " (%s at %s)", name_cause(e.a[1]), text_hex(e.a[2]).s);
    out_puts(r->out, ".\n");
    say_reason(r, vm, &e);
    if (is_access(e.a[1]) && e.a[0] != VM_EXIT_BUDGET)
        say_entry(r, machine_hart(vm->machine, 0), &e, e.a[2], access_of(e.a[1]));
    out_puts(r->out, "\n");
}
