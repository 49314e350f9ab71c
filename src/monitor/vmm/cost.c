/* SPDX-License-Identifier: MIT */
#include "monitor/vmm/cost.h"

#include <string.h>

static const struct {
    const char *section, *key, *help;
    double cycles;
    enum cost_part part;
} rows[COSTS] = {
#define COST(id, sec, ky, cyc, prt, hlp) [COST_##id] = {sec, ky, hlp, cyc, PART_##prt},
#include "monitor/vmm/cost.def"
#undef COST
};

/* Cycles for what the VMM does on an exit besides its steps: finding out what happened, and the bookkeeping. */
static const double exit_cycles[VM_EXIT_REASONS] = {
    [VM_EXIT_BUDGET] = 50,     [VM_EXIT_PAGE] = 200,      [VM_EXIT_MMIO] = 480,     [VM_EXIT_PROTECTED] = 200,
    [VM_EXIT_PRIVILEGED] = 50, [VM_EXIT_TIME] = 50,       [VM_EXIT_WFI] = 100,      [VM_EXIT_ECALL] = 50,
    [VM_EXIT_EXCEPTION] = 100, [VM_EXIT_INTERRUPT] = 100, [VM_EXIT_REWRITTEN] = 50, [VM_EXIT_BREAK] = 0,
    [VM_EXIT_OTHER] = 100,
};

enum { STEP_CYCLES = 20 }; /* of a step that has no row here: a few loads and stores */

/* By event, as it is called. */
static const struct {
    const char *name;
    double cycles;
} step_cycles[] = {
    {"vm_decode", 60},      {"vm_emulate", 440},      {"vm_p2m", 10},      {"vm_gstage", 40}, {"vm_hgatp", 40},
    {"vm_root", 20},        {"vm_shadow_root", 40},   {"vm_protect", 150}, {"vm_satp", 40},   {"vm_shadow", 60},
    {"vm_shadow_drop", 60}, {"vm_rewrite", 300},      {"vm_inject", 30},   {"vm_turn", 500},  {"vm_end", 0},
    {"vm_hypercall", 50},   {"vm_hypercall_ret", 20}, {"vm_validate", 30}, {"vm_table", 100}, {"vm_upcall", 150},
    {"vm_return", 50},
};

const char *cost_part_name(enum cost_part p)
{
    static const char *const names[COST_PARTS] = {
        [PART_GUEST] = "guest",     [PART_TRAPS] = "guest traps",   [PART_WALKS] = "page walks",
        [PART_DEVICES] = "devices", [PART_SWITCHES] = "switches",   [PART_EXITS] = "exits",
        [PART_STEPS] = "VMM steps", [PART_EMULATION] = "emulation",
    };
    return names[p];
}

bool cost_is_step(enum event_kind k)
{
    return k != EV_VM_EXIT && k != EV_VM_ENTRY && !strcmp(event_rows[k].group, "vmm");
}

bool cost_row(enum cost_id n, const char **section, const char **key, const char **help)
{
    if (n >= COSTS)
        return false;
    *section = rows[n].section;
    *key = rows[n].key;
    *help = rows[n].help;
    return true;
}

void cost_default(struct cost_model *m)
{
    *m = (struct cost_model){0};
    for (unsigned i = 0; i < COSTS; i++)
        m->unit[i] = rows[i].cycles;
    memcpy(m->exit, exit_cycles, sizeof m->exit);
    for (unsigned k = 0; k < EV_KINDS; k++) {
        m->step[k] = cost_is_step((enum event_kind)k) ? STEP_CYCLES : 0;
        for (size_t i = 0; m->step[k] > 0 && i < ARRAY_LEN(step_cycles); i++)
            if (!strcmp(event_rows[k].name, step_cycles[i].name)) {
                m->step[k] = step_cycles[i].cycles;
                break;
            }
    }
}

double cost_of(const struct cost_model *m, const struct cost_counts *n, double part[COST_PARTS])
{
    double sum = 0;
    memset(part, 0, COST_PARTS * sizeof *part);
    for (unsigned i = 0; i < COSTS; i++)
        part[rows[i].part] += m->unit[i] * (double)n->unit[i];
    for (unsigned i = 0; i < VM_EXIT_REASONS; i++)
        part[PART_EXITS] += m->exit[i] * (double)n->exit[i];
    for (unsigned k = 0; k < EV_KINDS; k++)
        if (cost_is_step((enum event_kind)k))
            part[PART_STEPS] += m->step[k] * (double)n->step[k];
    for (unsigned p = 0; p < COST_PARTS; p++)
        sum += part[p];
    return sum;
}
