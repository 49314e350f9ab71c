/* SPDX-License-Identifier: MIT */
#include "monitor/vmm/coherent.h"

/* A walk has read or changed an entry. */
static void walked(struct event_sink *s, const struct event *e)
{
    struct coherent *c = (struct coherent *)((char *)s - offsetof(struct coherent, sink));
    enum { STAGE = 0, GPA = 3, HPA = 4 };
    if (c->vm && (c->vm->vmm->running != c->vm || e->a[STAGE] != 1))
        return;
    uint64_t pa = c->vm ? e->a[GPA] : e->a[HPA];
    const struct mem_region *r = bus_memory_at(c->bus, pa);
    if (r && !(r->flags[(pa - r->base) >> PAGE_SHIFT] & BIT(PAGE_SHADOW)))
        bus_flag_page(c->bus, pa, PAGE_SHADOW, true);
}

/* The owner of PAGE_SHADOW. No TLB holds anything of the page afterwards, so it need not be told of until it is walked again. */
static void table_written(void *ctx, uint64_t pa, uint64_t len)
{
    struct coherent *c = ctx;
    (void)len;
    bus_flag_page(c->bus, pa, PAGE_SHADOW, false);
    for (unsigned i = 0; i < ARRAY_LEN(c->hart); i++)
        if (c->hart[i])
            hart_flush_all(c->hart[i]);
}

static void begin(struct coherent *c, struct event_hub *hub, struct bus *bus)
{
    c->sink = (struct event_sink){.emit = walked, .kinds = BIT(EV_PTE) | BIT(EV_AD)};
    c->hub = hub;
    c->bus = bus;
    bus_set_flag_owner(bus, PAGE_SHADOW, table_written, c);
    event_hub_add(hub, &c->sink);
}

void coherent_begin(struct coherent *c, struct machine *m, struct hart *h)
{
    *c = (struct coherent){.hart = {h}};
    begin(c, machine_events(m), machine_bus(m));
}

void coherent_begin_nested(struct coherent *c, struct vm *vm)
{
    *c = (struct coherent){.hart = {vm->vmm->hart, machine_hart(vm->machine, 0)}, .vm = vm};
    begin(c, vm->vmm->events, machine_bus(vm->machine));
}

void coherent_end(struct coherent *c)
{
    if (!c->hub)
        return;
    event_hub_remove(c->hub, &c->sink);
    bus_set_flag_owner(c->bus, PAGE_SHADOW, NULL, NULL);
    c->hub = NULL;
}
