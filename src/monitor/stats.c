/* SPDX-License-Identifier: MIT */
#include "monitor/stats_int.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "monitor/trace/trace.h"

int stats_parse(struct stats_options *o, const char *text, struct err *e)
{
    *o = (struct stats_options){0};
    const char *p = text;
    while (*p && *p != ':') {
        size_t n = strcspn(p, ",:");
        if (n == 4 && !strncmp(p, "full", n))
            o->full = true;
        else if (n == 4 && !strncmp(p, "json", n))
            o->json = true;
        else if (n != 4 || strncmp(p, "text", n))
            return err_set(e, -EINVAL, "--stats=%s: no word '%.*s': give full, json or text, and :FILE", text, (int)n,
                           p);
        p += n + (p[n] == ',');
    }
    if (*p == ':')
        o->file = p + 1;
    return 0;
}

/* ---- Counting ---- */

static void count_insn(struct stats *s, const struct event *e)
{
    enum { MEM_SIZE = 5 };
    const struct trace_piece *p = trace_code_find(s->code, e);
    s->insns[e->mode & 7]++;
    s->classes[p->class]++;
    s->compressed += p->length == 2;
    s->data_accesses += e->a[MEM_SIZE] != 0;
}

static void count_step(struct stats *s, const struct event *e)
{
    enum { STAGE, VERDICT = 6, V = 4 };
    enum stats_regime r = e->a[STAGE] == 2 ? REGIME_G : e->mode & V ? REGIME_VS : REGIME_S;
    s->walk[r].reads++;
    if (e->a[VERDICT] == PTE_POINTER)
        return;
    s->walk[r].walks++;
    s->walk[r].faults += e->a[VERDICT] != PTE_LEAF;
}

static void count_device(struct stats *s, const struct event *e)
{
    enum { WRITE = 1 };
    unsigned i = 0;
    const char *name = e->text ? e->text : "?";
    while (i < s->ndevices && s->device[i].name != name && strcmp(s->device[i].name, name))
        i++;
    if (i == s->ndevices) {
        if (i == STATS_NAMES)
            return;
        s->device[s->ndevices++].name = name;
    }
    if (e->a[WRITE])
        s->device[i].writes++;
    else
        s->device[i].reads++;
}

static void count_sbi(struct stats *s, const struct event *e)
{
    unsigned i = 0;
    while (i < s->nsbi && (s->sbi[i].extension != e->a[0] || s->sbi[i].function != e->a[1]))
        i++;
    if (i == STATS_NAMES) {
        s->other_sbi++;
        return;
    }
    if (i == s->nsbi) {
        s->sbi[i].extension = e->a[0];
        s->sbi[i].function = e->a[1];
        s->nsbi++;
    }
    s->sbi[i].calls++;
}

void stats_event(struct stats *s, const struct event *e)
{
    enum { CAUSE = 0, TO = 4, STAGE = 0, ACCESS = 3, WHAT = 0, COMPLETE = 2, LEVEL = 1 };
    switch (e->kind) {
    case EV_INSN: count_insn(s, e); return;
    case EV_TRAP: s->traps[(e->a[CAUSE] & 63) | (e->a[CAUSE] >> 63) << 6][e->mode & 7][e->a[TO] & 7]++; return;
    case EV_RET: s->returns++; return;
    case EV_MODE: s->modes++; return;
    case EV_PTR: s->ptrs++; return;
    case EV_PTE: count_step(s, e); return;
    case EV_AD: s->walk[e->a[STAGE] == 2 ? REGIME_G : e->mode & 4 ? REGIME_VS : REGIME_S].updates++; return;
    case EV_TLB_FILL: s->fills[e->a[ACCESS] % ARRAY_LEN(s->fills)]++; return;
    case EV_TLB_FLUSH: s->flushes[e->a[WHAT] % ARRAY_LEN(s->flushes)]++; return;
    case EV_MMIO: count_device(s, e); return;
    case EV_IRQ: s->interrupts += e->a[LEVEL]; return;
    case EV_CLAIM: s->claims += !e->a[COMPLETE] && e->a[1]; return;
    case EV_SBI: count_sbi(s, e); return;
    case EV_MARK: s->marks++; return;
    case EV_RESET: s->resets++; return;
    default: return;
    }
}

static void emit(struct event_sink *sink, const struct event *e)
{
    stats_event((struct stats *)sink, e);
}

static void keep_class(struct trace_piece *p, const char *disasm, const char *symbol, uint64_t offset)
{
    (void)disasm, (void)symbol, (void)offset;
    p->n = 0;
}

struct stats *stats_open(struct machine *m, const struct stats_options *o)
{
    struct stats *s = calloc(1, sizeof *s);
    if (!s)
        return NULL;
    s->machine = m;
    s->options = *o;
    trace_source_init(&s->source, m);
    if (o->full && !(s->code = trace_code_new(&s->source, keep_class))) {
        free(s);
        return NULL;
    }
    s->sink.emit = emit;
    s->sink.kinds = BIT(EV_TRAP) | BIT(EV_RET) | BIT(EV_PTR) | BIT(EV_PTE) | BIT(EV_AD) | BIT(EV_TLB_FILL) |
                    BIT(EV_TLB_FLUSH) | BIT(EV_MMIO) | BIT(EV_IRQ) | BIT(EV_CLAIM) | BIT(EV_SBI) | BIT(EV_MARK) |
                    BIT(EV_RESET) | (o->full ? BIT(EV_INSN) : 0);
    event_hub_add(machine_events(m), &s->sink);
    return s;
}

void stats_close(struct stats *s)
{
    if (!s)
        return;
    event_hub_remove(machine_events(s->machine), &s->sink);
    trace_code_free(s->code);
    free(s);
}
