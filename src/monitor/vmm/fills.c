/* SPDX-License-Identifier: MIT */
#include "monitor/vmm/fills.h"

#include <stdlib.h>

enum { FIRST_SIZE = 256 };
#define OF_GSTAGE BIT(63) /* keys are addresses of host memory, or these */

/* What is kept of one VM: a hash table by key. */
struct changes {
    struct event_sink sink; /* first: what emit() gets */
    struct vm *vm;
    uint64_t cause; /* of the last intercept */
    struct fill *of;
    size_t size, used;
};

struct fills {
    unsigned n;
    struct changes vm[];
};

static struct fill *slot_of(struct fill *table, size_t size, uint64_t key)
{
    size_t i = (size_t)((key >> 3) * UINT64_C(0x9e3779b97f4a7c15) >> 32);
    while (table[i & (size - 1)].key && table[i & (size - 1)].key != key)
        i++;
    return &table[i & (size - 1)];
}

static bool grow(struct changes *c)
{
    size_t size = c->size ? 2 * c->size : FIRST_SIZE;
    struct fill *table = calloc(size, sizeof *table);
    if (!table)
        return false;
    for (size_t i = 0; i < c->size; i++)
        if (c->of[i].key)
            *slot_of(table, size, c->of[i].key) = c->of[i];
    free(c->of);
    c->of = table;
    c->size = size;
    return true;
}

/* An entry that there is no memory for stays unknown. */
static void note(struct changes *c, uint64_t key, const struct event *e, const char *drop)
{
    if (c->used + 1 > c->size / 2 && !grow(c))
        return;
    struct fill *f = slot_of(c->of, c->size, key);
    c->used += !f->key;
    *f = (struct fill){.key = key, .insn = e->insn, .pc = e->pc, .cause = c->cause, .drop = drop};
}

static void emit(struct event_sink *sink, const struct event *e)
{
    /* Places of arguments in event.def. */
    enum { EXIT_CAUSE = 1, SHADOW_AT = 2, GSTAGE_LEVEL = 0, GSTAGE_GPA = 1, GSTAGE_NEW = 4 };
    struct changes *c = (struct changes *)sink;
    if (e->kind == EV_VM_EXIT)
        c->cause = e->a[EXIT_CAUSE];
    else if (e->kind == EV_VM_SHADOW)
        note(c, e->a[SHADOW_AT], e, NULL);
    else if (e->kind == EV_VM_SHADOW_DROP)
        note(c, e->a[SHADOW_AT], e, e->text ? e->text : "");
    else if (e->kind == EV_VM_GSTAGE && !e->a[GSTAGE_LEVEL])
        note(c, OF_GSTAGE | (e->a[GSTAGE_GPA] & PAGE_MASK), e,
             e->a[GSTAGE_NEW] ? NULL : "the page is watched now, or was");
}

struct fills *fills_open(struct vmm *v)
{
    struct fills *f = calloc(1, sizeof *f + v->nvms * sizeof f->vm[0]);
    if (!f)
        return NULL;
    f->n = v->nvms;
    for (unsigned i = 0; i < f->n; i++) {
        f->vm[i].vm = v->vm[i];
        f->vm[i].sink = (struct event_sink){
            .emit = emit, .kinds = BIT(EV_VM_EXIT) | BIT(EV_VM_SHADOW) | BIT(EV_VM_SHADOW_DROP) | BIT(EV_VM_GSTAGE)};
        event_hub_add(machine_events(v->vm[i]->machine), &f->vm[i].sink);
    }
    return f;
}

void fills_close(struct fills *f)
{
    for (unsigned i = 0; f && i < f->n; i++) {
        event_hub_remove(machine_events(f->vm[i].vm->machine), &f->vm[i].sink);
        free(f->vm[i].of);
    }
    free(f);
}

static const struct fill *find(const struct fills *f, unsigned vm, uint64_t key)
{
    const struct changes *c = f && vm && vm <= f->n ? &f->vm[vm - 1] : NULL;
    const struct fill *found = c && c->size ? slot_of(c->of, c->size, key) : NULL;
    return found && found->key ? found : NULL;
}

const struct fill *fills_of_shadow(const struct fills *f, unsigned vm, uint64_t hpa)
{
    return find(f, vm, hpa);
}

const struct fill *fills_of_gstage(const struct fills *f, unsigned vm, uint64_t gpa)
{
    return find(f, vm, OF_GSTAGE | (gpa & PAGE_MASK));
}
