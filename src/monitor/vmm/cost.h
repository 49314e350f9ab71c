/* SPDX-License-Identifier: MIT */
/*
 * A model of time: how many cycles each thing that a run has counted would take. It is a model and no measurement: the figures are round ones from
 * published measurements of other processors (docs/costs.yaml names them), and caches, pipelines and overlap are nowhere in it.
 */
#ifndef VITRINE_COST_H
#define VITRINE_COST_H

#include "base/err.h"
#include "base/event.h"
#include "monitor/vmm/vmm.h"

#include <stdio.h>

enum cost_id {
#define COST(id, section, key, cycles, part, help) COST_##id,
#include "monitor/vmm/cost.def"
#undef COST
    COSTS
};

/* What the time goes to; cost_part_name() has a word for each. */
enum cost_part {
    PART_GUEST,     /* the guest's own instructions, on the real hart */
    PART_TRAPS,     /* its traps to itself */
    PART_WALKS,     /* the MMU's work for it */
    PART_DEVICES,   /* devices and firmware */
    PART_SWITCHES,  /* into the VMM and back */
    PART_EXITS,     /* what the VMM does by the reason of the exit */
    PART_STEPS,     /* and by its steps */
    PART_EMULATION, /* instructions interpreted, and the guest's tables walked by software */
    COST_PARTS
};

struct cost_model {
    double unit[COSTS];
    double exit[VM_EXIT_REASONS];
    double step[EV_KINDS]; /* of the group vmm */
};

/* What a run has counted. */
struct cost_counts {
    uint64_t unit[COSTS];
    uint64_t exit[VM_EXIT_REASONS];
    uint64_t step[EV_KINDS];
};

const char *cost_part_name(enum cost_part p);
void cost_default(struct cost_model *m);
/* Reads a file over what m holds already: keys that it does not have stay as they are. 0, or -errno with e naming file, line, key and a way out. */
MUST_USE int cost_load(struct cost_model *m, const char *file, struct err *e);
/* The model as such a file. */
void cost_write(const struct cost_model *m, FILE *f);
/* Cycles of each part; returns their sum. */
double cost_of(const struct cost_model *m, const struct cost_counts *n, double part[COST_PARTS]);
/* Is k a step of the VMM's that may have a cost? Exits and entries are charged for by themselves. */
bool cost_is_step(enum event_kind k);

/* For those who print tables of it: row n, false past the end. */
bool cost_row(enum cost_id n, const char **section, const char **key, const char **help);

#endif
