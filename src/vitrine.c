/* SPDX-License-Identifier: MIT */
#include "vitrine.h"

#include "cpu/csr.h"
#include "cpu/regs.h"
#include "dev/bus.h"
#include "machine.h"
#include "options.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct vitrine {
    struct options options; /* the machine's strings live here */
    struct machine *machine;
};

const char *vitrine_version(void)
{
    return VITRINE_VERSION;
}

struct vitrine *vitrine_new(int argc, const char *const *argv, char *why, size_t size)
{
    struct err e = {.text = "out of memory"};
    struct vitrine *v = calloc(1, sizeof *v);
    if (v && options_parse(&v->options, argc, argv, &e) == 0) {
        if (v->options.action != OPTIONS_RUN)
            snprintf(e.text, sizeof e.text, "the arguments ask for a text, not for a machine");
        else
            v->machine = machine_new(&v->options.machine, &e);
    }
    if (v && v->machine)
        return v;
    if (size)
        snprintf(why, size, "%s", e.text);
    vitrine_free(v);
    return NULL;
}

void vitrine_free(struct vitrine *v)
{
    if (!v)
        return;
    machine_free(v->machine);
    options_free(&v->options);
    free(v);
}

void vitrine_run(struct vitrine *v, uint64_t max_insns, struct vitrine_result *r)
{
    struct machine_result m;
    uint64_t begin = vitrine_insns(v);
    do
        machine_run(v->machine, max_insns == UINT64_MAX ? UINT64_MAX : max_insns - (vitrine_insns(v) - begin), &m);
    while (m.end == MACHINE_MONITOR); /* nobody who uses the library stands there */
    memset(r, 0, sizeof *r);
    switch (m.end) {
    case MACHINE_BUDGET: r->end = VITRINE_BUDGET; break;
    case MACHINE_GUEST: r->end = VITRINE_GUEST; break;
    case MACHINE_STUCK: r->end = VITRINE_STUCK; break;
    case MACHINE_STOP:
    case MACHINE_PAUSE:
    case MACHINE_BREAK:
    case MACHINE_MONITOR: r->end = VITRINE_STOP; break;
    case MACHINE_RESET: r->end = VITRINE_RESET; break;
    case MACHINE_TRAP:
    case MACHINE_ERROR: r->end = VITRINE_ERROR; break;
    }
    r->status = m.status;
    snprintf(r->why, sizeof r->why, "%s", m.why);
}

void vitrine_stop(struct vitrine *v)
{
    machine_stop(v->machine);
}

uint64_t vitrine_insns(struct vitrine *v)
{
    return machine_stats(v->machine)->insns;
}

uint64_t vitrine_time(struct vitrine *v)
{
    return machine_time(v->machine);
}

unsigned vitrine_harts(struct vitrine *v)
{
    return v->options.machine.harts;
}

/* Where a register of the general or the FP file lies; NULL: it is none of these. */
static uint64_t *find_register(struct hart *h, const char *name)
{
    if (!strcmp(name, "pc"))
        return &h->pc;
    int n = reg_by_name(name);
    return n < 0 ? NULL : n < 32 ? &h->x[n] : &h->f[n - 32];
}

bool vitrine_read_register(struct vitrine *v, unsigned hart, const char *name, uint64_t *value)
{
    struct hart *h = machine_hart(v->machine, hart);
    const uint64_t *r = h ? find_register(h, name) : NULL;
    if (r)
        return *value = *r, true;
    int csr = csr_number(name);
    return h && csr >= 0 && csr_peek(h, (unsigned)csr, value);
}

bool vitrine_write_register(struct vitrine *v, unsigned hart, const char *name, uint64_t value)
{
    struct hart *h = machine_hart(v->machine, hart);
    uint64_t *r = h ? find_register(h, name) : NULL;
    if (r) {
        if (r != &h->x[0])
            *r = r == &h->pc ? value & ~UINT64_C(1) : value;
        return true;
    }
    int csr = csr_number(name);
    return h && csr >= 0 && csr_poke(h, (unsigned)csr, value);
}

bool vitrine_read_memory(struct vitrine *v, uint64_t address, void *buf, size_t size)
{
    return bus_dma_read(machine_bus(v->machine), address, buf, size);
}

bool vitrine_write_memory(struct vitrine *v, uint64_t address, const void *buf, size_t size)
{
    return bus_dma_write(machine_bus(v->machine), address, buf, size);
}
