/* SPDX-License-Identifier: MIT */
/* Harts: making, resetting, freeing. */
#include <stdlib.h>
#include <string.h>

#include "cpu/context.h"
#include "cpu/csr.h"
#include "cpu/op.h"

static struct event_hub nobody; /* who listens to a hart that tells nobody: never changes */

struct hart *hart_new(unsigned id, const struct isa *isa, struct bus *bus, struct code_cache *code,
                      const struct hart_env *env)
{
    struct hart *h = calloc(1, sizeof *h);
    struct hart **all = realloc(code->harts, (code->nharts + 1) * sizeof *all);
    if (all)
        code->harts = all;
    if (!h || !all) {
        free(h);
        return NULL;
    }
    h->id = id;
    h->isa = *isa;
    h->bus = bus;
    h->code = code;
    h->env = env;
    h->events = env->events ? env->events : &nobody;
    h->passed_insn = UINT64_MAX;
    h->priv = PRIV_M;
    csr_reset(h);
    if (hart_banks_init(h) < 0) {
        free(h);
        return NULL;
    }
    code->harts[code->nharts++] = h;
    hart_reset(h);
    return h;
}

void hart_free(struct hart *h)
{
    if (!h)
        return;
    struct code_cache *c = h->code;
    for (unsigned i = 0; i < c->nharts; i++)
        if (c->harts[i] == h)
            c->harts[i] = c->harts[--c->nharts];
    hart_banks_free(h);
    free(h);
}

void hart_reset(struct hart *h)
{
    memset(h->x, 0, sizeof h->x);
    memset(h->f, 0, sizeof h->f);
    h->pc = 0;
    h->fflags = 0;
    h->kick = 0;
    h->reservation = UINT64_MAX;
    h->priv = PRIV_M;
    h->virt = false;
    h->traps_in_a_row = 0;
    csr_reset(h);
    hart_flush_all(h);
    hart_context_changed(h);
}
