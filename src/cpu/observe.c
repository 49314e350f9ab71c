/* SPDX-License-Identifier: MIT */
#include "cpu/observe.h"

#include <stdlib.h>
#include <string.h>

#include "cpu/csr.h"
#include "cpu/op.h"
#include "cpu/stream.h"
#include "cpu/trap.h"

/* The event, stamped by this hart. */
static inline struct event *begin(struct hart *h, enum event_kind k)
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

const struct observed_op *observe_find_out(struct hart *h, const struct op *op, struct observed_op *room)
{
    struct code_cache *c = h->code;
    if (!c->observed)
        c->observed = calloc(ARENA_OPS, sizeof *c->observed);
    struct observed_op *o = c->observed ? &c->observed[op - c->ops] : room;
    struct insn i = decode(c->decoder, fetch_raw(h));
    enum insn_format format = insn_rows[i.id].format;
    bool load = format == FMT_L || format == FMT_FL, store = format == FMT_S || format == FMT_FS;
    o->resets = (uint32_t)c->resets + 1;
    o->raw = i.raw;
    o->rs1 = i.rs1;
    o->imm = load || store ? (int16_t)i.imm : 0;
    o->reg = written_register(&i);
    o->slot = (uint16_t)(o->reg == EVENT_REG_NONE ? offsetof(struct hart, x)
                         : o->reg >= EVENT_REG_F  ? offsetof(struct hart, f) + 8u * (o->reg - EVENT_REG_F)
                                                  : offsetof(struct hart, x) + 8u * o->reg);
    o->size = (uint8_t)access_size(&i);
    o->access = !o->size ? OBSERVE_NO_MEMORY : load ? OBSERVE_LOAD : store ? OBSERVE_STORE : OBSERVE_OTHER;
    return o;
}

const uint8_t *observe_search(struct hart *h, const struct observed_op *o, uint64_t *va)
{
    struct mmu_ctx c = hart_data_ctx(h);
    struct mmu_map m;
    struct mmu_fault f;
    struct trap t;
    if (o->access == OBSERVE_OTHER) {
        struct insn i = decode(h->code->decoder, o->raw);
        enum insn_format format = insn_rows[i.id].format;
        *va = h->x[o->rs1];
        if (format == FMT_CBO)
            *va &= ~(uint64_t)(CACHE_BLOCK - 1);
        if ((format == FMT_HLV || format == FMT_HSV) && !hart_hyp_ctx(h, i.raw, false, &c, &t))
            return NULL;
    }
    if ((*va & ~PAGE_MASK) + o->size > PAGE_SIZE)
        return NULL;
    if (!mmu_translate(&c, *va, o->size, MMU_R, true, &m, &f, NULL) &&
        !mmu_translate(&c, *va, o->size, MMU_W, true, &m, &f, NULL))
        return NULL;
    const struct mem_region *r = bus_memory_at(h->bus, m.pa);
    return r ? mem_host(r, m.pa - r->base) : NULL;
}

uint64_t observe_moved(const struct hart *h, uint32_t raw, unsigned size, uint64_t reg_new)
{
    struct insn i = decode(h->code->decoder, raw);
    enum insn_format format = insn_rows[i.id].format;
    uint64_t v = format == FMT_S || format == FMT_HSV ? h->x[i.rs2] : format == FMT_FS ? h->f[i.rs2] : reg_new;
    return size < 8 ? v & MASK(8 * size - 1, 0) : v;
}

uint64_t observe_stored_over(struct hart *h, uint64_t va, unsigned size)
{
    const struct observed_op o = {.size = (uint8_t)size, .access = OBSERVE_STORE};
    const uint8_t *host = observe_search(h, &o, &va);
    uint64_t v = 0;
    if (host)
        memcpy(&v, host, size);
    return v;
}

/* ---- blocks that tell ---- */

bool observe_raises(uint32_t raw)
{
    enum { MADD = 0x43, MSUB = 0x47, NMSUB = 0x4b, NMADD = 0x4f, OP_FP = 0x53 };
    unsigned opcode = raw & 0x7f;
    return opcode == OP_FP || opcode == MADD || opcode == MSUB || opcode == NMSUB || opcode == NMADD;
}

bool observe_in_blocks(const struct insn *i, bool fp_alone)
{
    enum insn_format format = insn_rows[i->id].format;
    if (fp_alone && observe_raises(i->raw))
        return false;
    return format != FMT_AMO && format != FMT_CBO && format != FMT_HLV && format != FMT_HSV;
}

void observe_describe(const struct insn *i, unsigned off, struct stream_insn *t)
{
    static const uint8_t computed[INSN_COUNT] = {
#define ALU(id, format, expression) [INSN_##id] = STREAM_##id,
#include "cpu/alu.def"
    };
    enum insn_format format = insn_rows[i->id].format;
    *t = (struct stream_insn){.raw = i->raw, .imm = i->imm, .off = (uint16_t)off};
    t->reg = written_register(i);
    t->size = (uint8_t)access_size(i);
    t->rs1 = i->rs1;
    t->rs2 = (uint8_t)(format == FMT_FS ? EVENT_REG_F + i->rs2 : i->rs2);
    if (format == FMT_L || format == FMT_FL)
        t->how = STREAM_LOAD;
    else if (format == FMT_S || format == FMT_FS)
        t->how = STREAM_STORE;
    else if (t->reg == EVENT_REG_NONE)
        t->how = STREAM_NOTHING;
    else if (i->id == INSN_lui)
        t->how = STREAM_CONSTANT;
    else if (i->id == INSN_auipc || format == FMT_J || i->id == INSN_jalr)
        t->how = STREAM_NEAR;
    else if (computed[i->id])
        t->how = computed[i->id];
    else
        t->how = STREAM_WORD;
    if (format == FMT_J || i->id == INSN_jalr)
        t->imm = i->len;
    if (format == FMT_R || format == FMT_R1)
        t->imm = 0;
    else if (format == FMT_I || format == FMT_SH)
        t->rs2 = EVENT_REG_NONE;
}

size_t observe_word(const struct stream_insn *t)
{
    enum { X0_SWALLOWS = 32 };
    if (t->how == STREAM_STORE)
        return offsetof(struct hart, stored_over);
    if (t->reg == EVENT_REG_NONE)
        return offsetof(struct hart, x) + 8 * X0_SWALLOWS;
    if (t->reg >= EVENT_REG_F)
        return offsetof(struct hart, f) + 8u * (t->reg - EVENT_REG_F);
    return offsetof(struct hart, x) + 8u * t->reg;
}

void observe_begin(struct hart *h)
{
    struct event_stream *s = h->stream;
    s->open = NULL;
    s->retired = &h->turn_retired;
    stream_put_state(s, h->id, h->events->vm, hart_cycle(h), hart_instret(h), h->x, h->f);
}

/* Closes the run. An instruction that left the block as it retired has not put its word. */
void observe_leave(struct hart *h)
{
    struct event_stream *s = h->stream;
    if (!s->open)
        return;
    if (!stream_complete(s, h->turn_retired)) {
        const struct stream_insn *t = &s->code->insn[s->first + (h->turn_retired - s->from) - 1];
        stream_put_word(s, *(const uint64_t *)(const void *)((const char *)h + observe_word(t)));
    }
    stream_close(s, h->turn_retired);
}

bool observe_enter(struct hart *h, struct stream_code *c)
{
    struct event_stream *s = h->stream;
    observe_leave(h);
    if (h->events->stream != s)
        return false;
    stream_check(s);
    if (c->serial != s->serial) {
        stream_put_code(s, c);
        stream_check(s);
    }
    stream_open(s, c, 0, event_mode_of(h), h->page_va, h->turn_retired);
    return true;
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

bool observe_look(struct hart *h, unsigned csr, uint64_t *old)
{
    return csr_peek(h, csr, old);
}

void observe_tell_side(struct hart *h, uint64_t pc, uint8_t mode, const struct observed_csr *o)
{
    /* Between runs it is the debugger who changes CSRs. */
    if (h->code->running != h)
        return;
    uint64_t new;
    (void)csr_peek(h, o->csr, &new);
    struct event *e = begin(h, EV_CSR_SIDE);
    e->pc = pc;
    e->mode = mode;
    e->a[0] = o->csr;
    e->a[1] = o->old;
    e->a[2] = new;
    event_end(h->events, e);
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
