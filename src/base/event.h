/* SPDX-License-Identifier: MIT */
/*
 * Events: what a machine tells of itself, as plain data. event.def has the kinds.
 *
 * A machine has one hub. Whoever emits asks event_wanted() first, fills the record that event_begin() hands out, and event_end()s it.
 * Sinks (traces, statistics, the debugger, ...) hear of the kinds they asked for, in the order in which they were added, on the machine's
 * own thread and in the middle of what the event tells of: they must not change the machine.
 *
 * The hub's ring keeps the latest events of the kinds in `recorded`: the flight recorder.
 */
#ifndef VITRINE_EVENT_H
#define VITRINE_EVENT_H

#include "base/base.h"

enum event_kind {
#define EVENT(id, name, group, help, ...) EV_##id,
#include "base/event.def"
#undef EVENT
    EV_KINDS
};
_Static_assert(EV_KINDS <= 64, "a set of kinds is one word");

enum { EVENT_ARGS = 8, EVENT_RING = 4096 };

/* How an argument reads. */
enum event_arg_type {
    ARG_NONE,
    ARG_HEX,
    ARG_DEC,
    ARG_SIGNED,
    ARG_BOOL,
    ARG_VA,      /* an address that symbols may name */
    ARG_PA,      /* a physical address of the machine that tells */
    ARG_INSN,    /* the instruction's bytes: 2, or 4 */
    ARG_REG,     /* EVENT_REG_X + n, EVENT_REG_F + n, or EVENT_REG_NONE */
    ARG_CSR,     /* a CSR's number */
    ARG_CAUSE,   /* as in mcause, bit 63 for interrupts */
    ARG_IRQ,     /* a bit of mip */
    ARG_MODE,    /* EVENT_MODE(privilege, V) */
    ARG_ACCESS,  /* enum mmu_access: 0 read, 1 write, 2 execute */
    ARG_VERDICT, /* enum pte_verdict */
    ARG_FLUSH,   /* enum event_flush */
    ARG_DEVICE,  /* the event's text names it; the number is of no use to people */
    ARG_SBI,     /* an SBI extension's number */
    ARG_VMEXIT,  /* why a guest was left */
    ARG_TEXT     /* the event's text; the number is of no use to people */
};

enum { EVENT_REG_X = 0, EVENT_REG_F = 32, EVENT_REG_NONE = 255 };
/* A mode as one number: 1:0 privilege (0 U, 1 S, 3 M) | 2 V */
#define EVENT_MODE(priv, virt) ((uint8_t)((unsigned)(priv) | (unsigned)(virt) << 2))
enum event_flush { FLUSH_SFENCE, FLUSH_HFENCE_VVMA, FLUSH_HFENCE_GVMA, FLUSH_ALL };

/* Most have few arguments, and what those set lies together. */
struct event {
    uint64_t clock;   /* instruction slots of the machine */
    uint64_t insn;    /* instructions that the hart had retired */
    uint64_t pc;      /* of the instruction in whose course it happened */
    const char *text; /* what ARG_DEVICE and ARG_TEXT name; lives as long as the machine. NULL: none */
    uint8_t kind;     /* enum event_kind */
    uint8_t hart;
    uint8_t vm;   /* 0: the real machine; n: the n-th virtual machine, or the VMM at work for it */
    uint8_t mode; /* EVENT_MODE() before what the event tells of */
    uint64_t a[EVENT_ARGS];
};

struct event_row {
    const char *name, *group, *help;
    struct event_arg {
        const char *name;
        enum event_arg_type type;
    } arg[EVENT_ARGS];
    unsigned nargs;
};
extern const struct event_row event_rows[EV_KINDS];

struct event_stream;

struct event_sink {
    void (*emit)(struct event_sink *s, const struct event *e);
    uint64_t kinds;              /* BIT(enum event_kind): what it wants; event_hub_update() after a change */
    struct event_stream *stream; /* NULL; or where EV_INSN may be put instead of emit(), while nobody else wants them */
    struct event_sink *next;     /* the hub's */
};

struct event_hub {
    uint64_t wanted;    /* of somebody: the sinks and the recorder */
    uint64_t recorded;  /* kept in the ring */
    uint64_t heard;     /* of some sink */
    struct event *ring; /* EVENT_RING of them, then a scratch one */
    uint64_t count;     /* recorded so far; the next goes to ring[count % EVENT_RING] */
    struct event_sink *sinks;
    struct event_stream *stream; /* of the one that hears of EV_INSN; NULL: more than one does, or it has none */
    uint32_t serials;            /* of streams so far */
    uint8_t vm;                  /* whose hub it is, for the records */
    /* Fills clock, insn, pc, hart and mode by what runs now. */
    void (*stamp)(void *ctx, struct event *e);
    void *ctx;
};

MUST_USE bool event_hub_init(struct event_hub *h, void (*stamp)(void *ctx, struct event *e),
                             void *ctx); /* false: no memory */
void event_hub_free(struct event_hub *h);
/* The last one to be told. The sink must stay until it is removed. Between runs, or from emit(). */
void event_hub_add(struct event_hub *h, struct event_sink *s);
void event_hub_remove(struct event_hub *h, struct event_sink *s);
/* Sinks' kinds, or `recorded`, changed. */
void event_hub_update(struct event_hub *h);

static inline bool event_wanted(const struct event_hub *h, enum event_kind k)
{
    return h->wanted >> k & 1;
}

/* The same of a set of kinds. */
static inline bool event_wanted_any(const struct event_hub *h, uint64_t kinds)
{
    return h->wanted & kinds;
}

/* The record to fill, for those who stamp it themselves. Its a[] holds rubbish where the caller sets nothing. */
static inline struct event *event_slot(struct event_hub *h, enum event_kind k)
{
    struct event *e = &h->ring[h->recorded >> k & 1 ? h->count % EVENT_RING : EVENT_RING];
    e->kind = (uint8_t)k;
    e->vm = h->vm;
    e->text = NULL;
    return e;
}

/* The same, stamped. */
static inline struct event *event_begin(struct event_hub *h, enum event_kind k)
{
    struct event *e = event_slot(h, k);
    h->stamp(h->ctx, e);
    return e;
}

void event_tell(struct event_hub *h, const struct event *e);

static inline void event_end(struct event_hub *h, struct event *e)
{
    h->count += h->recorded >> e->kind & 1;
    if (UNLIKELY(h->heard >> e->kind & 1))
        event_tell(h, e);
}

/* The kinds that a list names: names, groups, "all", and globs with * and ?, comma separated, `-` before one takes it away. False: *bad
 * (of size bytes) is the word that names nothing. */
MUST_USE bool event_parse_kinds(const char *list, uint64_t *kinds, char *bad, size_t size);

#endif
