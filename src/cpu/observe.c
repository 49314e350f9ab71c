/* SPDX-License-Identifier: MIT */
#include "cpu/observe.h"

#include <string.h>

#include "cpu/csr.h"
#include "cpu/op.h"
#include "cpu/trap.h"

/* The event, stamped by this hart. */
static struct event *begin(struct hart *h, enum event_kind k)
{
    struct event *e = event_slot(h->events, k);
    e->clock = hart_cycle(h);
    e->insn = hart_instret(h);
    e->pc = h->pc;
    e->hart = (uint8_t)h->id;
    e->mode = event_mode_of(h);
    return e;
}

/* ---- instructions ---- */

enum { CACHE_BLOCK = 64 };

/* Bytes that an instruction loads or stores; 0: it accesses no memory, or not by rs1 alone. */
static unsigned access_size(const struct insn *i)
{
    switch (insn_rows[i->id].format) {
    case FMT_L:
    case FMT_S:
    case FMT_FL:
    case FMT_FS: return 1u << (insn_rows[i->id].match >> 12 & 3); /* funct3's low bits, for x and f registers alike */
    case FMT_AMO: return 1u << (insn_rows[i->id].match >> 12 & 7);
    case FMT_CBO: return i->id == INSN_cbo_zero ? CACHE_BLOCK : 0;
    case FMT_HLV:
    case FMT_HSV: return 1u << (insn_rows[i->id].match >> 26 & 3);
    case FMT_R:
    case FMT_R1:
    case FMT_I:
    case FMT_SH:
    case FMT_B:
    case FMT_U:
    case FMT_J:
    case FMT_NONE:
    case FMT_FENCE:
    case FMT_CSR:
    case FMT_CSRI:
    case FMT_FVMA:
    case FMT_FR:
    case FMT_FRM:
    case FMT_F4:
    case FMT_FX:
    case FMT_FTOX:
    case FMT_XTOF:
    case FMT_XF: break;
    }
    return 0;
}

/* The register that an instruction writes, as ARG_REG. */
static uint8_t written_register(const struct insn *i)
{
    switch (insn_rows[i->id].format) {
    case FMT_FL:
    case FMT_FR:
    case FMT_FRM:
    case FMT_F4:
    case FMT_XTOF:
    case FMT_XF: return (uint8_t)(EVENT_REG_F + i->rd);
    case FMT_S:
    case FMT_B:
    case FMT_NONE:
    case FMT_FENCE:
    case FMT_CBO:
    case FMT_FVMA:
    case FMT_HSV:
    case FMT_FS: return EVENT_REG_NONE;
    case FMT_R:
    case FMT_R1:
    case FMT_I:
    case FMT_L:
    case FMT_SH:
    case FMT_U:
    case FMT_J:
    case FMT_CSR:
    case FMT_CSRI:
    case FMT_AMO:
    case FMT_HLV:
    case FMT_FX:
    case FMT_FTOX: break;
    }
    return i->rd ? i->rd : EVENT_REG_NONE;
}

static uint64_t register_value(const struct hart *h, uint8_t reg)
{
    return reg == EVENT_REG_NONE ? 0 : reg >= EVENT_REG_F ? h->f[reg - EVENT_REG_F] : h->x[reg];
}

static uint64_t bytes_at(const uint8_t *host, unsigned size)
{
    uint64_t v = 0;
    if (host)
        memcpy(&v, host, size < sizeof v ? size : sizeof v);
    return v;
}

/* Where the bytes of an access lie: memory within one page, or NULL. */
static const uint8_t *find_bytes(struct hart *h, const struct insn *i, uint64_t va, unsigned size)
{
    enum insn_format format = insn_rows[i->id].format;
    if (format != FMT_HLV && format != FMT_HSV) {
        const struct tlb_entry *e = &h->tlb->r[tlb_index(va)];
        if (va - e->page <= PAGE_SIZE - size)
            return e->host + (va - e->page);
    }
    if ((va & ~PAGE_MASK) + size > PAGE_SIZE)
        return NULL;
    struct mmu_ctx c = hart_data_ctx(h);
    struct mmu_map m;
    struct mmu_fault f;
    struct trap t;
    if ((format == FMT_HLV || format == FMT_HSV) && !hart_hyp_ctx(h, i->raw, false, &c, &t))
        return NULL;
    if (!mmu_translate(&c, va, size, MMU_R, true, &m, &f, NULL) &&
        !mmu_translate(&c, va, size, MMU_W, true, &m, &f, NULL))
        return NULL;
    const struct mem_region *r = bus_memory_at(h->bus, m.pa);
    return r ? mem_host(r, m.pa - r->base) : NULL;
}

void observe_before(struct hart *h, struct observed *o)
{
    o->pc = h->pc;
    o->insn = decode(h->code->decoder, fetch_raw(h));
    o->mode = event_mode_of(h);
    o->reg = written_register(&o->insn);
    o->reg_old = register_value(h, o->reg);
    o->size = (uint8_t)access_size(&o->insn);
    o->host = NULL;
    if (!o->size)
        return;
    enum insn_format format = insn_rows[o->insn.id].format;
    bool displaced = format == FMT_L || format == FMT_S || format == FMT_FL || format == FMT_FS;
    o->mem = h->x[o->insn.rs1] + (displaced ? (uint64_t)(int64_t)o->insn.imm : 0);
    if (format == FMT_CBO)
        o->mem &= ~(uint64_t)(CACHE_BLOCK - 1);
    o->host = find_bytes(h, &o->insn, o->mem, o->size);
    o->mem_old = bytes_at(o->host, o->size);
}

/* What lies there now; where that is no memory, what the register that went there or came from there holds. */
static uint64_t memory_now(const struct hart *h, const struct observed *o)
{
    enum insn_format format = insn_rows[o->insn.id].format;
    if (o->host)
        return bytes_at(o->host, o->size);
    uint64_t v = format == FMT_S || format == FMT_HSV ? h->x[o->insn.rs2]
                 : format == FMT_FS                   ? h->f[o->insn.rs2]
                                                      : register_value(h, o->reg);
    return o->size < 8 ? v & MASK(8 * o->size - 1, 0) : v;
}

void observe_retired(struct hart *h, const struct observed *o)
{
    struct event *e = begin(h, EV_INSN);
    e->pc = o->pc;
    e->mode = o->mode;
    e->insn--; /* before it */
    e->clock--;
    e->a[0] = o->insn.raw;
    e->a[1] = o->reg;
    e->a[2] = o->reg_old;
    e->a[3] = register_value(h, o->reg);
    e->a[4] = o->size ? o->mem : 0;
    e->a[5] = o->size;
    e->a[6] = o->size ? o->mem_old : 0;
    e->a[7] = o->size ? memory_now(h, o) : 0;
    event_end(h->events, e);
}

/* ---- the rest of the processor ---- */

void observe_mode(struct hart *h, uint64_t pc, uint8_t from)
{
    if (!event_wanted(h->events, EV_MODE) || from == event_mode_of(h))
        return;
    struct event *e = begin(h, EV_MODE);
    e->pc = pc;
    e->mode = from;
    e->a[0] = from;
    e->a[1] = event_mode_of(h);
    event_end(h->events, e);
}

void observe_trap(struct hart *h, const struct trap *t, uint64_t pc, uint8_t from)
{
    if (event_wanted(h->events, EV_TRAP)) {
        struct event *e = begin(h, EV_TRAP);
        e->pc = pc;
        e->mode = from;
        e->a[0] = t->cause;
        e->a[1] = t->tval;
        e->a[2] = t->tval2 << 2;
        e->a[3] = t->tinst;
        e->a[4] = event_mode_of(h);
        e->a[5] = h->pc;
        event_end(h->events, e);
    }
    observe_mode(h, pc, from);
}

void observe_return(struct hart *h, uint64_t pc, uint8_t from)
{
    if (event_wanted(h->events, EV_RET)) {
        struct event *e = begin(h, EV_RET);
        e->pc = pc;
        e->mode = from;
        e->a[0] = from;
        e->a[1] = event_mode_of(h);
        e->a[2] = h->pc;
        event_end(h->events, e);
    }
    observe_mode(h, pc, from);
}

void observe_sbi(struct hart *h)
{
    enum { A0 = 10, A6 = 16, A7 = 17 };
    struct event *e = begin(h, EV_SBI);
    e->a[0] = h->x[A7];
    e->a[1] = h->x[A6];
    for (unsigned i = 0; i < 3; i++)
        e->a[2 + i] = h->x[A0 + i];
    event_end(h->events, e);
}

void observe_mark(struct hart *h, int32_t number)
{
    struct event *e = begin(h, EV_MARK);
    e->a[0] = (uint64_t)(int64_t)number;
    event_end(h->events, e);
}

static void tell_csr(struct hart *h, enum event_kind k, unsigned csr, uint64_t old, uint64_t new)
{
    struct event *e = begin(h, k);
    e->a[0] = csr;
    e->a[1] = old;
    e->a[2] = new;
    event_end(h->events, e);
}

void observe_csr(struct hart *h, unsigned csr, uint64_t old, uint64_t new)
{
    enum { SATP = 0x180, VSATP = 0x280, HGATP = 0x680 };
    if (event_wanted(h->events, EV_CSR))
        tell_csr(h, EV_CSR, csr, old, new);
    if ((csr == SATP || csr == VSATP || csr == HGATP) && event_wanted(h->events, EV_PTR))
        tell_csr(h, EV_PTR, csr, old, new);
}

void observe_wire(struct hart *h, enum irq_bit bit, bool level)
{
    struct event *e = begin(h, EV_WIRE);
    e->a[0] = bit;
    e->a[1] = level;
    event_end(h->events, e);
}

/* ---- its MMU ---- */

void observe_fill(struct hart *h, uint64_t va, const struct mmu_map *m, enum mmu_access a)
{
    struct event *e = begin(h, EV_TLB_FILL);
    e->a[0] = va & PAGE_MASK;
    e->a[1] = m->pa & PAGE_MASK;
    e->a[2] = m->page_size;
    e->a[3] = a;
    event_end(h->events, e);
}

void observe_flush(struct hart *h, enum event_flush what, bool have_va, uint64_t va, int64_t asid, int64_t vmid)
{
    struct event *e = begin(h, EV_TLB_FLUSH);
    e->a[0] = what;
    e->a[1] = have_va ? va : UINT64_MAX;
    e->a[2] = (uint64_t)asid;
    e->a[3] = (uint64_t)vmid;
    event_end(h->events, e);
}

static void walked(struct mmu_observer *o, const struct mmu_step *s)
{
    struct hart *h = ((struct observed_walk *)o)->hart;
    enum event_kind k = s->verdict == PTE_UPDATED_AD ? EV_AD : EV_PTE;
    if (s->level < 0 || !event_wanted(h->events, k))
        return;
    struct event *e = begin(h, k);
    e->a[0] = s->stage;
    e->a[1] = (uint64_t)(int64_t)s->level;
    e->a[2] = s->va;
    e->a[3] = s->pte_gpa;
    e->a[4] = s->pte_hpa;
    e->a[5] = s->pte;
    e->a[6] = s->verdict;
    event_end(h->events, e);
}

struct mmu_observer *observe_walk(struct hart *h, struct observed_walk *w)
{
    if (LIKELY(!event_wanted_any(h->events, BIT(EV_PTE) | BIT(EV_AD))))
        return NULL;
    *w = (struct observed_walk){{walked}, h};
    return &w->observer;
}
