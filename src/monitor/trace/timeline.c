/* SPDX-License-Identifier: MIT */
#include "monitor/trace/timeline.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cpu/stream.h"
#include "monitor/names.h"
#include "monitor/trace/render.h"
#include "symbols.h"

enum {
    NEST_MAX = 64,    /* traps within traps; deeper ones are taken for a guest that does not return */
    COUNT_NS = 50000, /* between two samples of a counter */
};

struct timeline_hart {
    bool known, mode_known;
    uint8_t mode;
    unsigned depth;
    struct {
        uint8_t to;
        uint64_t flow;
    } trap[NEST_MAX];
    const char *function; /* whose slice is open; NULL: none is */
    uint32_t named;       /* bit per enum timeline_slot: named tracks */
    uint64_t fills;
    uint64_t counted_ns, counted_insn, counted_fills; /* at the last sample */
    uint64_t ns, insn;                                /* latest */
};

/* A block, by its number and where it was found. */
struct timeline_block {
    const char *function; /* of the first instruction */
    uint64_t changes;     /* bit n: the n-th (of 64 at most) is another's than the one before it */
    uint64_t page;
    uint32_t id; /* and 1; 0: none */
};
enum { BLOCKS = 1 << 12 };

struct timeline {
    struct trace_state state; /* first */
    struct timeline_pen *pen;
    struct trace_code *code;         /* a piece's s holds the pointer to its symbol; NULL without EV_INSN */
    struct timeline_block *block;    /* BLOCKS of them, by their numbers; NULL without EV_INSN */
    struct timeline_hart *hart[256]; /* by machine, each of 256 */
    uint64_t flows;
};

static struct timeline_hart *hart_of(struct timeline *t, const struct event *e)
{
    if (!t->hart[e->vm])
        t->hart[e->vm] = calloc(256, sizeof **t->hart);
    return t->hart[e->vm] ? &t->hart[e->vm][e->hart] : NULL;
}

static uint32_t track_of(struct timeline *t, struct timeline_hart *h, const struct event *e, unsigned slot)
{
    uint32_t track = TIMELINE_TRACK(e->vm, e->hart, slot);
    if (h->named & BIT(slot))
        return track;
    h->named |= (uint32_t)BIT(slot);
    char name[64];
    if (slot == SLOT_HART)
        snprintf(name, sizeof name, "hart %u", e->hart);
    else if (slot == SLOT_FUNCTION)
        snprintf(name, sizeof name, "hart %u function", e->hart);
    else if (slot == SLOT_COUNT_INSNS)
        snprintf(name, sizeof name, "hart %u instructions", e->hart);
    else if (slot == SLOT_COUNT_MIPS)
        snprintf(name, sizeof name, "hart %u instructions per microsecond", e->hart);
    else if (slot == SLOT_COUNT_FILLS)
        snprintf(name, sizeof name, "hart %u TLB fills", e->hart);
    else
        snprintf(name, sizeof name, "hart %u %s", e->hart, name_mode((uint8_t)(slot - SLOT_MODE)));
    t->pen->track(t->pen, track, name);
    return track;
}

/* The first event of a hart: its machine and its own track. */
static void introduce(struct timeline *t, struct timeline_hart *h, const struct event *e)
{
    char name[64];
    h->known = true;
    h->counted_ns = h->ns;
    h->counted_insn = e->insn;
    struct timeline_hart *first = t->hart[e->vm];
    if (!(first->named & BIT(SLOT_MACHINE))) {
        first->named |= BIT(SLOT_MACHINE);
        if (e->vm)
            snprintf(name, sizeof name, "virtual machine %u", e->vm);
        else
            snprintf(name, sizeof name, "%s", t->state.source->name);
        t->pen->track(t->pen, TIMELINE_TRACK(e->vm, 0, SLOT_MACHINE), name);
    }
    (void)track_of(t, h, e, SLOT_HART);
}

/* The slice of the mode that the hart was in ends, that of `to` begins. name NULL: the mode's own. */
static void set_mode(struct timeline *t, struct timeline_hart *h, const struct event *e, uint8_t to, const char *name,
                     uint64_t flow, enum timeline_flow end)
{
    to &= 7;
    if (h->mode_known && h->mode == to && !name)
        return;
    if (h->mode_known)
        t->pen->end(t->pen, h->ns, track_of(t, h, e, SLOT_MODE + h->mode));
    t->pen->begin(t->pen, h->ns, track_of(t, h, e, SLOT_MODE + to), name ? name : name_mode(to), NULL, flow, end);
    h->mode_known = true;
    h->mode = to;
}

static void pop(struct timeline *t, struct timeline_hart *h, const struct event *e)
{
    h->depth--;
    t->pen->end(t->pen, h->ns, track_of(t, h, e, SLOT_HART));
}

static void trap(struct timeline *t, struct timeline_hart *h, const struct event *e)
{
    enum { CAUSE, TVAL, GPA, TINST, TO };
    /* Who traps out of a mode that the innermost handler does not run in has left that handler by another way. */
    while (h->depth && (h->trap[h->depth - 1].to != (e->mode & 7) || h->depth == NEST_MAX))
        pop(t, h, e);
    uint64_t flow = ++t->flows;
    uint8_t to = (uint8_t)e->a[TO] & 7;
    h->trap[h->depth].to = to;
    h->trap[h->depth++].flow = flow;
    t->pen->begin(t->pen, h->ns, track_of(t, h, e, SLOT_HART), name_cause(e->a[CAUSE]), e, flow, FLOW_START);
    set_mode(t, h, e, to, name_cause(e->a[CAUSE]), flow, FLOW_STEP);
}

static void back(struct timeline *t, struct timeline_hart *h, const struct event *e)
{
    enum { FROM, TO, TARGET };
    unsigned n = h->depth;
    uint64_t flow = 0, offset;
    while (n && h->trap[n - 1].to != (e->a[FROM] & 7))
        n--;
    if (n)
        flow = h->trap[n - 1].flow;
    while (n && h->depth >= n)
        pop(t, h, e);
    const char *symbol = trace_symbol(t->state.source, e->vm, e->a[TARGET], &offset);
    set_mode(t, h, e, (uint8_t)e->a[TO], symbol ? symbol : name_mode((uint8_t)e->a[TO]), flow, FLOW_END);
}

static void close_slices(struct timeline *t, struct timeline_hart *h, const struct event *e)
{
    while (h->depth)
        pop(t, h, e);
    if (h->mode_known)
        t->pen->end(t->pen, h->ns, track_of(t, h, e, SLOT_MODE + h->mode));
    h->mode_known = false;
    if (h->function)
        t->pen->end(t->pen, h->ns, track_of(t, h, e, SLOT_FUNCTION));
    h->function = NULL;
}

static void count(struct timeline *t, struct timeline_hart *h, const struct event *e)
{
    uint64_t ns = h->ns - h->counted_ns;
    if (!ns)
        return;
    t->pen->count(t->pen, h->ns, track_of(t, h, e, SLOT_COUNT_INSNS), h->insn);
    t->pen->count(t->pen, h->ns, track_of(t, h, e, SLOT_COUNT_MIPS), (h->insn - h->counted_insn) * 1000 / ns);
    if (t->state.kinds & BIT(EV_TLB_FILL))
        t->pen->count(t->pen, h->ns, track_of(t, h, e, SLOT_COUNT_FILLS), h->fills);
    h->counted_ns = h->ns;
    h->counted_insn = h->insn;
    h->counted_fills = h->fills;
}

static void keep_symbol(struct trace_piece *p, const char *disasm, const char *symbol, uint64_t offset)
{
    (void)disasm, (void)offset;
    memcpy(p->s, &symbol, sizeof symbol);
    p->n = sizeof symbol;
}

static void insn(struct timeline *t, struct timeline_hart *h, const struct event *e)
{
    const struct trace_piece *p = trace_code_find(t->code, e);
    const char *function;
    memcpy(&function, p->s, sizeof function);
    if (function == h->function)
        return;
    uint32_t track = track_of(t, h, e, SLOT_FUNCTION);
    if (h->function)
        t->pen->end(t->pen, h->ns, track);
    if (function)
        t->pen->begin(t->pen, h->ns, track, function, NULL, 0, FLOW_START);
    h->function = function;
}

/* An instant's name: what tells most of it. */
static const char *instant_name(const struct event *e, char *buf, size_t size)
{
    const char *name = event_rows[e->kind].name;
    if (e->kind == EV_MMIO)
        snprintf(buf, size, "%s %s", e->a[1] ? "write" : "read", e->text ? e->text : "?");
    else if (e->kind == EV_SBI || e->kind == EV_SBI_RET)
        snprintf(buf, size, "%s %s %s", name, name_sbi_ext(e->a[0]), name_sbi_function(e->a[0], e->a[1]));
    else if (e->kind == EV_MARK)
        snprintf(buf, size, "mark %lld", (long long)e->a[0]);
    else
        return name;
    return buf;
}

void timeline_event(struct trace_state *state, const struct event *e)
{
    struct timeline *t = (struct timeline *)state;
    struct timeline_hart *h = hart_of(t, e);
    if (!h)
        return;
    uint64_t ns = trace_ns(state->source, e->clock);
    h->ns = ns > h->ns ? ns : h->ns;
    h->insn = e->insn > h->insn ? e->insn : h->insn;
    if (UNLIKELY(!h->known))
        introduce(t, h, e);
    h->fills += e->kind == EV_TLB_FILL;
    if (e->kind == EV_RESET)
        close_slices(t, h, e);
    /* An instruction is told of after it retired, a change of mode after the trap or return that brought it: both name the mode before. */
    if (!h->mode_known || (e->kind != EV_INSN && e->kind != EV_MODE))
        set_mode(t, h, e, e->mode, NULL, 0, FLOW_START);
    if (e->kind == EV_TRAP)
        trap(t, h, e);
    else if (e->kind == EV_RET)
        back(t, h, e);
    else if (e->kind == EV_MODE)
        set_mode(t, h, e, (uint8_t)e->a[1], NULL, 0, FLOW_START);
    else if (e->kind == EV_INSN)
        insn(t, h, e);
    if (h->ns - h->counted_ns >= COUNT_NS)
        count(t, h, e);
    if (e->kind == EV_INSN || e->kind == EV_TRAP || e->kind == EV_MODE || !(state->kinds >> e->kind & 1))
        return;
    char buf[128];
    t->pen->instant(t->pen, h->ns, track_of(t, h, e, SLOT_HART), instant_name(e, buf, sizeof buf), e);
}

static const struct timeline_block *block_of(struct timeline *t, const struct stream_reader *r)
{
    struct stream_code *c = r->code;
    struct timeline_block *b = &t->block[c->id % BLOCKS];
    if (b->id == c->id + 1 && b->page == r->page && c->serial)
        return b;
    const char *last = NULL;
    uint64_t offset;
    c->serial = 1;
    *b = (struct timeline_block){.page = r->page, .id = c->id + 1};
    for (uint32_t i = 0; i < c->n; i++) {
        const char *function = trace_symbol(t->state.source, r->vm, r->page + c->insn[i].off, &offset);
        if (!i)
            b->function = function;
        else if (function != last)
            b->changes |= BIT(i);
        last = function;
    }
    return b;
}

/* How far the hart stays in the function it is in. stepped: that is the one of the run's instruction before this. */
static unsigned stays_until(struct timeline *t, const struct timeline_hart *h, const struct stream_reader *r,
                            bool stepped)
{
    const struct timeline_block *b = block_of(t, r);
    const uint64_t until_here = MASK(r->i, 0), behind = b->changes & ~until_here;
    if (stepped ? b->changes >> r->i & 1 : b->changes & until_here || b->function != h->function)
        return r->i;
    const unsigned next = behind ? (unsigned)__builtin_ctzll(behind) : r->end;
    return next < r->end ? next : r->end;
}

void timeline_run(struct trace_state *state, struct stream_reader *r)
{
    struct timeline *t = (struct timeline *)state;
    bool stepped = false;
    while (r->i != r->end) {
        struct timeline_hart *h = t->hart[r->vm] ? &t->hart[r->vm][r->hart] : NULL;
        const unsigned to = h && h->known && h->mode_known ? stays_until(t, h, r, stepped) : r->i;
        const uint64_t last = trace_ns(state->source, r->clock + to - r->i - 1);
        if (to != r->i && last >= h->ns && last - h->counted_ns < COUNT_NS) {
            h->ns = last;
            h->insn = r->insn + to - r->i - 1;
            stream_skip(r, to);
        } else {
            timeline_event(state, stream_event(r));
            stepped = true;
        }
    }
}

uint64_t timeline_also(uint64_t kinds)
{
    return kinds & (BIT(EV_TRAP) | BIT(EV_RET) | BIT(EV_MODE)) ? BIT(EV_TRAP) | BIT(EV_RET) | BIT(EV_RESET) : 0;
}

void timeline_close(struct trace_state *state)
{
    struct timeline *t = (struct timeline *)state;
    /* All that is open ends with the last thing that was heard of anybody. */
    uint64_t last = 0;
    for (unsigned i = 0; i < 256 * 256; i++)
        if (t->hart[i >> 8] && t->hart[i >> 8][i & 255].ns > last)
            last = t->hart[i >> 8][i & 255].ns;
    for (unsigned i = 0; i < 256 * 256; i++) {
        struct timeline_hart *h = t->hart[i >> 8] ? &t->hart[i >> 8][i & 255] : NULL;
        struct event e = {.vm = (uint8_t)(i >> 8), .hart = (uint8_t)i};
        if (!h || !h->known)
            continue;
        h->ns = last;
        count(t, h, &e);
        close_slices(t, h, &e);
    }
    t->pen->finish(t->pen);
    trace_code_free(t->code);
    free(t->block);
    for (unsigned i = 0; i < 256; i++)
        free(t->hart[i]);
    free(t);
}

struct trace_state *timeline_open(struct timeline_pen *pen, uint64_t kinds)
{
    struct timeline *t = pen ? calloc(1, sizeof *t) : NULL;
    if (!t) {
        free(pen);
        return NULL;
    }
    t->state = (struct trace_state){pen->source, pen->file, kinds};
    t->pen = pen;
    if (kinds & BIT(EV_INSN)) {
        t->code = trace_code_new(pen->source, keep_symbol);
        t->block = calloc(BLOCKS, sizeof *t->block);
        if (!t->code || !t->block) {
            pen->finish(pen);
            trace_code_free(t->code);
            free(t->block);
            free(t);
            return NULL;
        }
    }
    return &t->state;
}
