/* SPDX-License-Identifier: MIT */
#include "dev/plic.h"

#include "dev/dev_fdt.h"

#include <errno.h>
#include <libfdt.h>
#include <stdlib.h>
#include <string.h>

/*
 * 0x000000 + 4 * source                    priority, 0 (never) .. 7
 * 0x001000 + 4 * word                      pending, bit source % 32
 * 0x002000 + 0x80 * context + 4 * word     enable, bit source % 32
 * 0x200000 + 0x1000 * context              threshold, 0 .. 7
 * 0x200004 + 0x1000 * context              claim (read) and complete (write)
 * Context 2 * hart is the hart's M mode, 2 * hart + 1 its S mode. PLIC specification 1.0.0, "Memory Map".
 */
enum { PRIORITY = 0, PENDING = 0x1000, ENABLE = 0x2000, CONTEXT = 0x200000 };
enum { ENABLE_STRIDE = 0x80, CONTEXT_STRIDE = 0x1000 };
enum { MAX_PRIORITY = 7, WORDS = (PLIC_SOURCES + 1 + 31) / 32, MAX_CONTEXTS = 2 * PLIC_MAX_HARTS };
enum { IRQ_S_EXT = 9, IRQ_M_EXT = 11 }; /* numbers of the harts' local interrupts. Priv. 3.1.9 */

struct plic {
    unsigned ncontexts;
    bool has_node;
    struct irq_line irq[MAX_CONTEXTS];
    uint32_t intc[PLIC_MAX_HARTS];

    uint8_t priority[PLIC_SOURCES + 1];
    uint32_t level[WORDS];   /* the devices' wires */
    uint32_t pending[WORDS]; /* requests that the gateways have let through */
    uint32_t claimed[WORDS]; /* taken and not completed: the gateway lets nothing more through */
    uint32_t enable[MAX_CONTEXTS][WORDS];
    uint8_t threshold[MAX_CONTEXTS];
    uint8_t out[MAX_CONTEXTS]; /* the level last given to the line */
    struct event_hub *events;  /* NULL: nobody listens */
};

/* The pending and enabled source of highest priority (the lowest number among equals), 0 when there is none. */
static unsigned best_source(const struct plic *p, unsigned context)
{
    unsigned best = 0, best_priority = 0;
    for (unsigned w = 0; w < WORDS; w++) {
        for (uint32_t m = p->pending[w] & p->enable[context][w]; m; m &= m - 1) {
            unsigned s = 32 * w + (unsigned)__builtin_ctz(m);
            if (p->priority[s] > best_priority) {
                best = s;
                best_priority = p->priority[s];
            }
        }
    }
    return best;
}

static void update_context(struct plic *p, unsigned context)
{
    unsigned s = best_source(p, context);
    uint8_t level = s && p->priority[s] > p->threshold[context];
    if (level != p->out[context]) {
        p->out[context] = level;
        irq_set(&p->irq[context], level);
    }
}

static void update_all(struct plic *p)
{
    for (unsigned c = 0; c < p->ncontexts; c++)
        update_context(p, c);
}

/* Level-triggered gateway: a raised wire becomes a request, once, until the request before it is completed. A request that
 * was let through stays, even if the wire drops ("Interrupt Gateways"). */
static void gateway(struct plic *p, unsigned source)
{
    unsigned w = source / 32;
    uint32_t bit = 1u << (source % 32);
    if ((p->level[w] & bit) && !(p->claimed[w] & bit) && !(p->pending[w] & bit)) {
        p->pending[w] |= bit;
        update_all(p);
    }
}

static void tell(const struct plic *p, enum event_kind k, uint64_t a0, uint64_t a1, uint64_t a2)
{
    if (!p->events || !event_wanted(p->events, k))
        return;
    struct event *e = event_begin(p->events, k);
    e->a[0] = a0;
    e->a[1] = a1;
    e->a[2] = a2;
    event_end(p->events, e);
}

static void set_level(void *ctx, unsigned source, bool level)
{
    struct plic *p = ctx;
    uint32_t bit = 1u << (source % 32);
    if (source < 1 || source > PLIC_SOURCES)
        return;
    if (level != ((p->level[source / 32] & bit) != 0))
        tell(p, EV_IRQ, source, level, 0);
    if (level) {
        p->level[source / 32] |= bit;
        gateway(p, source);
    } else {
        p->level[source / 32] &= ~bit;
    }
}

struct irq_line plic_source(void *plic, unsigned source)
{
    return (struct irq_line){.set = set_level, .ctx = plic, .n = source};
}

static uint32_t claim(struct plic *p, unsigned context)
{
    unsigned s = best_source(p, context);
    if (s) {
        p->pending[s / 32] &= ~(1u << (s % 32));
        p->claimed[s / 32] |= 1u << (s % 32);
        update_all(p);
        tell(p, EV_CLAIM, context, s, false);
    }
    return s;
}

/* "If the completion ID does not match an interrupt source that is currently enabled for the target, the completion is
 * silently ignored." */
static void complete(struct plic *p, unsigned context, uint64_t source)
{
    if (source < 1 || source > PLIC_SOURCES)
        return;
    uint32_t bit = 1u << (source % 32);
    if (!(p->enable[context][source / 32] & bit))
        return;
    p->claimed[source / 32] &= ~bit;
    tell(p, EV_CLAIM, context, source, true);
    gateway(p, (unsigned)source);
}

static uint64_t plic_read(void *dev, uint64_t off, unsigned size)
{
    (void)size;
    struct plic *p = dev;
    if (off < PRIORITY + 4 * (PLIC_SOURCES + 1))
        return p->priority[off / 4];
    if (off >= PENDING && off < PENDING + 4 * WORDS)
        return p->pending[(off - PENDING) / 4];
    if (off >= ENABLE && off < ENABLE + ENABLE_STRIDE * (uint64_t)p->ncontexts) {
        uint64_t word = (off - ENABLE) % ENABLE_STRIDE / 4;
        return word < WORDS ? p->enable[(off - ENABLE) / ENABLE_STRIDE][word] : 0;
    }
    if (off >= CONTEXT && off < CONTEXT + CONTEXT_STRIDE * (uint64_t)p->ncontexts) {
        unsigned c = (unsigned)(off - CONTEXT) / CONTEXT_STRIDE;
        switch ((off - CONTEXT) % CONTEXT_STRIDE) {
        case 0: return p->threshold[c];
        case 4: return claim(p, c);
        }
    }
    return 0;
}

static void write_enable(struct plic *p, uint64_t off, uint32_t val)
{
    unsigned c = (unsigned)(off / ENABLE_STRIDE);
    uint64_t word = off % ENABLE_STRIDE / 4;
    if (word >= WORDS)
        return;
    p->enable[c][word] = word == 0 ? val & ~1u : val; /* source 0 does not exist */
    update_context(p, c);
}

static void plic_write(void *dev, uint64_t off, uint64_t val, unsigned size)
{
    (void)size;
    struct plic *p = dev;
    if (off < PRIORITY + 4 * (PLIC_SOURCES + 1)) {
        if (off >= 4) {
            p->priority[off / 4] = val & MAX_PRIORITY;
            update_all(p);
        }
    } else if (off >= ENABLE && off < ENABLE + ENABLE_STRIDE * (uint64_t)p->ncontexts) {
        write_enable(p, off - ENABLE, (uint32_t)val);
    } else if (off >= CONTEXT && off < CONTEXT + CONTEXT_STRIDE * (uint64_t)p->ncontexts) {
        unsigned c = (unsigned)(off - CONTEXT) / CONTEXT_STRIDE;
        switch ((off - CONTEXT) % CONTEXT_STRIDE) {
        case 0:
            p->threshold[c] = val & MAX_PRIORITY;
            update_context(p, c);
            break;
        case 4: complete(p, c, val); break;
        }
    }
}

/* The devices' wires keep their levels: they belong to the devices, which are reset on their own. */
static void plic_reset(void *dev)
{
    struct plic *p = dev;
    memset(p->priority, 0, sizeof p->priority);
    memset(p->pending, 0, sizeof p->pending);
    memset(p->claimed, 0, sizeof p->claimed);
    memset(p->enable, 0, sizeof p->enable);
    memset(p->threshold, 0, sizeof p->threshold);
    for (unsigned c = 0; c < p->ncontexts; c++) {
        p->out[c] = 0;
        irq_set(&p->irq[c], false);
    }
    for (unsigned s = 1; s <= PLIC_SOURCES; s++)
        gateway(p, s);
}

void *plic_create(const struct dev_env *env, const struct plic_config *cfg, struct err *e)
{
    if (cfg->nharts < 1 || cfg->nharts > PLIC_MAX_HARTS) {
        err_set(e, -EINVAL, "plic: %u harts, it serves 1 to %d", cfg->nharts, PLIC_MAX_HARTS);
        return NULL;
    }
    struct plic *p = calloc(1, sizeof *p);
    if (!p) {
        err_set(e, -ENOMEM, "plic: out of memory");
        return NULL;
    }
    p->ncontexts = 2 * cfg->nharts;
    p->events = env->events;
    memcpy(p->irq, cfg->irq, p->ncontexts * sizeof p->irq[0]);
    if (cfg->intc_phandle) {
        p->has_node = true;
        memcpy(p->intc, cfg->intc_phandle, cfg->nharts * sizeof p->intc[0]);
    }
    plic_reset(p);
    return p;
}

static void plic_visit(void *dev, struct visitor *v)
{
    struct plic *p = dev;
    VISIT_ARRAY(v, p, priority);
    VISIT_ARRAY(v, p, level);
    VISIT_ARRAY(v, p, pending);
    VISIT_ARRAY(v, p, claimed);
    for (unsigned c = 0; c < p->ncontexts; c++) {
        v->open(v, "context", c);
        v->field(v, "enable", p->enable[c], sizeof p->enable[c][0], WORDS);
        v->field(v, "threshold", &p->threshold[c], sizeof p->threshold[c], 1);
        v->field(v, "out", &p->out[c], sizeof p->out[c], 1);
        v->close(v);
    }
}

static int plic_fdt(void *dev, const struct dev_place *place, void *fdt, int soc)
{
    static const char compatible[] = "sifive,plic-1.0.0\0riscv,plic0";
    const struct plic *p = dev;
    int n, rc;
    if (!p->has_node)
        return 0;
    if ((rc = dev_fdt_node(fdt, soc, "plic", place, &n)) ||
        (rc = fdt_setprop(fdt, n, "compatible", compatible, sizeof compatible)) ||
        (rc = fdt_setprop_u32(fdt, n, "riscv,ndev", PLIC_SOURCES)) ||
        (rc = fdt_setprop(fdt, n, "interrupt-controller", "", 0)) ||
        (rc = fdt_setprop_u32(fdt, n, "#interrupt-cells", 1)) || (rc = fdt_setprop_u32(fdt, n, "#address-cells", 0)) ||
        (rc = fdt_setprop_u32(fdt, n, "phandle", place->plic_phandle)))
        return rc;
    return dev_fdt_hart_interrupts(fdt, n, p->intc, p->ncontexts / 2, IRQ_M_EXT, IRQ_S_EXT);
}

const struct dev_class plic_class = {
    .name = "plic",
    .ops = {.read = plic_read, .write = plic_write, .min = 4, .max = 4},
    .reset = plic_reset,
    .free = free,
    .visit = plic_visit,
    .fdt = plic_fdt,
};
