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

static const struct {
    enum event_kind kind;
    double cycles;
} step_cycles[] = {
    {EV_VM_EMULATE, 500},    {EV_VM_P2M, 10},      {EV_VM_GSTAGE, 40}, {EV_VM_HGATP, 40},  {EV_VM_ROOT, 20},
    {EV_VM_SHADOW_ROOT, 40}, {EV_VM_PROTECT, 150}, {EV_VM_SATP, 40},   {EV_VM_SHADOW, 60}, {EV_VM_SHADOW_DROP, 60},
    {EV_VM_REWRITE, 300},    {EV_VM_INJECT, 30},   {EV_VM_TURN, 500},  {EV_VM_END, 0},
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
    for (unsigned k = 0; k < EV_KINDS; k++)
        m->step[k] = cost_is_step((enum event_kind)k) ? STEP_CYCLES : 0;
    for (size_t i = 0; i < ARRAY_LEN(step_cycles); i++)
        m->step[step_cycles[i].kind] = step_cycles[i].cycles;
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
