/* SPDX-License-Identifier: MIT */
/* What the files of run control share: debugger.c (running), stops.c (what stops it), access.c (registers and memory). */
#ifndef VITRINE_DEBUGGER_INT_H
#define VITRINE_DEBUGGER_INT_H

#include "monitor/debug/debugger.h"
#include "monitor/debug/expr.h"

enum { GOAL_PLACES = 8 };

/* What the present run waits for beside the user's stops: that a hart stands at one of these addresses. */
struct goal {
    uint64_t va[GOAL_PLACES];
    unsigned n, vm;
    int hart;        /* STOP_ANY */
    uint8_t mode;    /* EVENT_MODE() in which sp_min and satp count */
    bool same_mode;  /* it must be that mode */
    bool same_space; /* satp must be what it was */
    uint64_t satp;
    uint64_t sp_min; /* 0: any depth */
};

/* Whose watched memory was touched. */
struct watch_ctx {
    struct debugger *d;
    unsigned vm;
};

struct debugger {
    const struct debug_program *program; /* NULL: nobody knows of variables */
    void *program_ctx;
    struct machine *real;    /* whose events it hears */
    struct machine *machine; /* looked at: the real one, or the selected VM's */
    unsigned vm;             /* the selected one, 0: the real machine */
    unsigned hart;
    const struct debug_runner *runner; /* NULL: there are no VMs */
    struct watch_ctx *watch_ctx;       /* by VM */
    struct debug_stop last;
    uint64_t epoch;
    bool mmio;
    bool ended;
    bool nested;
    bool writing; /* memory is written by hand: no watchpoint's business */
    int why;      /* of an interrupt that is on its way: enum debug_reason + 1, 0 = none; atomic */

    struct stop *stops;
    int next_number, next_hidden;
    bool breaks_stale; /* the machine's breakpoints are not those of stops and goal */
    struct goal goal;
    uint64_t goal_breaks[GOAL_PLACES]; /* those that were given to the machine */
    unsigned ngoal_breaks, goal_breaks_vm;

    struct event_sink sink;
    bool listening;      /* the sink is in the hub */
    uint64_t follows;    /* kinds of events that may change where a watched virtual address lies; 0: none does */
    uint64_t step_kinds; /* debugger_step_event() */

    struct expr_vars vars;
    struct {
        bool shown;
        uint64_t x[32], pc;
        uint32_t known;
    } frame;                   /* debugger_show_frame() */
    const struct event *event; /* whose arguments conditions may name; NULL: none */
    char condition_error[256];

    bool pending; /* something in the midst of an instruction wants to stop at its end */
    struct debug_stop found;

    bool (*nested_fn)(void *ctx, struct debug_stop *s, uint64_t *kinds);
    void *nested_ctx;
};

/* ---- stops.c ---- */

/* Takes what stops it to the machine: breakpoints of stops and goal, watched pages, kinds of events. */
void stops_arm(struct debugger *d);
/* Which events it hears of. */
void stops_listen(struct debugger *d);
void stops_free_all(struct debugger *d);
/* A hart stands at the address of one of the machine's breakpoints. True: a stop's own, which counts; *s tells. */
bool stops_break_hit(struct debugger *d, struct hart *h, struct debug_stop *s);
/* The event sink of debugger.c: this event is caught, d->found and d->pending are set. */
void stops_see_event(struct debugger *d, const struct event *e);
/* What machine_set_watcher() gets. */
void stops_watch_hook(void *ctx, uint64_t pa, uint64_t len, bool write);
/* Memory may have been written by hand: watchpoints look what is there, and where they lie if they did not know. */
void stops_refresh(struct debugger *d);
/* The hart's mappings may have changed: what is watched by virtual addresses of its address space, or was mapped nowhere yet, is looked for again. */
void stops_follow(struct debugger *d, struct hart *h);
/* The stop of d->found at the end of its instruction: false, it is none (a condition is not true). */
bool stops_confirm(struct debugger *d, struct debug_stop *s);
/* A stop did its work: temporary ones go. */
void stops_told(struct debugger *d, int number);

/* ---- debugger.c ---- */

struct machine *debugger_machine_of(struct debugger *d, unsigned vm);
/* Makes it the one that is looked at, and returns which was: for a moment, without any of debugger_select_vm()'s effects. */
unsigned debugger_look_at(struct debugger *d, unsigned vm);

/* The machine stops at the end of the instruction at work and tells *s, unless something earlier in it asked first. */
void debugger_stop_soon(struct debugger *d, const struct debug_stop *s);

/* ---- access.c ---- */

bool debugger_pc_pa(struct hart *h, uint64_t *pa); /* where the hart's pc lies; false: it cannot be fetched */

uint8_t debugger_mode(const struct hart *h); /* EVENT_MODE() */
/* The instruction at pc, 2 or 4 bytes; 0: it cannot be fetched. */
unsigned debugger_insn_at_pc(struct hart *h, uint32_t *raw);

#endif
