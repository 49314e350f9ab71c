/* SPDX-License-Identifier: MIT */
/* Between the files of `why`: why.c (traps), why_illegal.c (instructions that a hart refuses), why_wait.c (interrupts and waiting),
 * why_loop.c (loops that wait). */
#ifndef VITRINE_WHY_INT_H
#define VITRINE_WHY_INT_H

#include "cpu/decode.h"
#include "monitor/debug/walk_view.h"
#include "monitor/debug/why.h"

/* What is being explained. */
struct why {
    struct out *o;        /* where the text ends up */
    struct out_text text; /* the paragraph being written */
    struct machine *m;
    struct hart *h;
    const struct why_ctx *helpers;
    struct decode_table *decoder; /* of this hart; NULL: no memory */

    /* The trap. */
    enum priv priv; /* where it came from */
    bool virt;
    uint64_t pc, cause, tval, gpa, tinst;
    uint64_t satp, vsatp, hgatp; /* as they were then */
    bool taken;                  /* control went to `to`, at handler; false: nobody took it */
    enum priv to_priv;
    bool to_virt;
    uint64_t handler;
    uint64_t clock;   /* of the machine, when it was taken */
    bool fresh;       /* the hart stands at the handler's first instruction: registers are as they were */
    struct insn insn; /* the instruction at pc; len 0: not known */
    bool have_walk;   /* walk: the access again, with the same outcome */
    struct walk_view walk;
};

/* Told of another machine: a virtual one's events are in the real one's stream too. */
static inline bool why_foreign(const struct why *w, const struct event *e)
{
    return e->vm != machine_events(w->m)->vm;
}

/* Adds to the paragraph. */
PRINTF_LIKE(2, 3) void why_say(struct why *w, const char *fmt, ...);
void why_say_place(struct why *w, uint64_t va);  /* 0x8000_1234 <main+0x12> */
void why_say_source(struct why *w, uint64_t pc); /* " (main.c:12)", or nothing */
void why_say_insn(struct why *w);                /* `ld a0, 0(a1)`, in quotes */
/* Prints the paragraph, its lines broken, and begins a new one. */
void why_paragraph(struct why *w);

/* Why the mode w->priv, w->virt must not execute w->insn: the end of a sentence. */
void why_illegal(struct why *w);
/* An interrupt that was taken: where it came from, which bits let it through. */
void why_interrupt(struct why *w);
/* What hart n waits for, or why it is stopped. */
void why_waits(struct why *w, unsigned n);

/* The loop that a hart goes round and does not leave by itself. False, and nothing said: it is in none. */
bool why_loop(struct why *w, const struct hart *h);

#endif
