/* SPDX-License-Identifier: MIT */
/*
 * Events as bytes in memory, on the way from the machine's thread to one that writes them. With hundreds of millions of instructions a second,
 * what moves between two processors' caches is the cost: so of an instruction only that goes over which the reader cannot work out. Both
 * sides know the block that it is in (told once), and the reader keeps the hart's registers and computes with integers as the hart does: what is
 * left is what was loaded, what a store overwrote, what a CSR held, and the results of floating point, 8 bytes each.
 *
 *   state   which hart runs from here on, its counters and registers
 *   code    a block of instructions, by a number
 *   run     so many instructions of a block have retired, from the first-th one on: then their words
 *   whole   any event: of another kind, or of an instruction that no block tells
 */
#ifndef VITRINE_STREAM_H
#define VITRINE_STREAM_H

#include "base/event.h"
#include "cpu/alu.h"

#include <string.h>

/* What an instruction changes, and how the reader comes to know it. Each that is marked has a word in the run. */
enum stream_how {
    STREAM_NOTHING,
    STREAM_WORD,     /* *: reg becomes the word */
    STREAM_LOAD,     /* *: and the word came from memory at x[rs1] + imm */
    STREAM_STORE,    /* *: register rs2 goes to memory at x[rs1] + imm, where the word stood */
    STREAM_CONSTANT, /* reg becomes imm */
    STREAM_NEAR,     /* reg becomes the instruction's address + imm */
/* STREAM_add, ...: reg becomes what that row of alu.def makes of rs1 and rs2 + imm. */
#define ALU(id, format, expression) STREAM_##id,
#include "cpu/alu.def"
};
struct stream_insn {
    uint32_t raw; /* the instruction's bytes */
    int32_t imm;
    uint16_t off;     /* of its address, in its page */
    uint8_t reg;      /* as ARG_REG */
    uint8_t size;     /* bytes of memory */
    uint8_t how;      /* enum stream_how */
    uint8_t words;    /* of the block's instructions before this one */
    uint8_t rs1, rs2; /* as ARG_REG */
};
_Static_assert(sizeof(struct stream_insn) == 16, "four to a line of the host's cache");

static inline bool stream_has_word(const struct stream_insn *i)
{
    return i->how == STREAM_WORD || i->how == STREAM_LOAD || i->how == STREAM_STORE;
}

/* A block. */
struct stream_code {
    uint32_t serial; /* the stream that was told of it; at the reading end 0, until who reads has seen to it */
    uint32_t id;     /* and by which number */
    uint32_t n;
    uint32_t unused;
    struct stream_insn insn[]; /* n, and one more for its `words` */
};

/* Records. Each begins with a word, `what`: 7:0 enum stream_kind, and
 *   state  15:8 hart | 23:16 machine
 *   code   23:8 n | 63:32 id
 *   run    15:8 first | 23:16 n | 31:24 mode | 63:32 id */
enum stream_kind { STREAM_STATE = 1, STREAM_CODE, STREAM_RUN, STREAM_WHOLE };
enum { STREAM_REGS = 64, STREAM_MAX = 4096 /* bytes: more than a state, or a code and its run, ever has */ };
struct stream_state {
    uint64_t what, clock, insn;
    uint64_t reg[STREAM_REGS]; /* as ARG_REG */
};
struct stream_run {
    uint64_t what;
    uint64_t page; /* the address of the block's page */
};
struct stream_whole {
    uint64_t what;
    struct event e;
};

/* ---- The writing end ---- */

struct event_stream {
    char *at;
    char *limit; /* beyond it there may be no room for another STREAM_MAX: full() makes some, or puts `at` elsewhere */
    char *words; /* where the open run's would begin, if it began with the block */
    struct stream_run *open;        /* its n is not yet in it; NULL: none is open */
    const struct stream_code *code; /* its block */
    uint64_t from;                  /* *retired when it began */
    const uint64_t *retired;        /* the hart's count of instructions */
    uint32_t first;
    uint32_t serial;   /* from *serials: other than 0, and than any stream's before on this machine */
    uint32_t ids;      /* given so far */
    uint32_t *serials; /* the hub's count */
    void (*full)(struct event_stream *s);
};

/* To be called after each record that may follow others; no run may be open. */
static inline void stream_check(struct event_stream *s)
{
    if (UNLIKELY(s->at > s->limit))
        s->full(s);
}

/* Begins a run with the first-th instruction of a block that the stream was told of. */
static inline void stream_open(struct event_stream *s, const struct stream_code *c, unsigned first, unsigned mode,
                               uint64_t page, uint64_t retired)
{
    struct stream_run *r = (struct stream_run *)(void *)s->at;
    r->what = STREAM_RUN | first << 8 | mode << 24 | (uint64_t)c->id << 32;
    r->page = page;
    s->open = r;
    s->code = c;
    s->first = first;
    s->from = retired;
    s->at = (char *)(r + 1);
    s->words = s->at - 8 * c->insn[first].words;
}

/* Have the words of as many instructions been put as have retired? */
static inline bool stream_complete(const struct event_stream *s, uint64_t retired)
{
    return s->at == s->words + 8 * s->code->insn[s->first + (retired - s->from)].words;
}

static inline void stream_close(struct event_stream *s, uint64_t retired)
{
    s->open->what |= (retired - s->from) << 16;
    s->open = NULL;
}

static inline void stream_put_word(struct event_stream *s, uint64_t v)
{
    memcpy(s->at, &v, sizeof v);
    s->at += sizeof v;
}

void stream_put_state(struct event_stream *s, uint32_t hart, uint32_t vm, uint64_t clock, uint64_t insn,
                      const uint64_t x[32], const uint64_t f[32]);
/* Tells of a block, once. */
void stream_put_code(struct event_stream *s, struct stream_code *c);
/* Puts any event, in the midst of a run too. */
void stream_put(struct event_stream *s, const struct event *e);

/* ---- The reading end ---- */

struct stream_reader {
    /* The run at hand: its i-th instruction is the next. */
    struct stream_code *code;
    const char *word;
    uint64_t page;
    unsigned i, end;
    uint8_t mode, hart, vm;
    bool fresh;                       /* reg holds what no instruction has told; for those who care, to reset */
    uint64_t clock, insn;             /* of that instruction */
    uint64_t reg[EVENT_REG_NONE + 1]; /* as ARG_REG; of NONE 0 */
    struct event last;                /* an event that is told as a whole, or that stream_event() made */
    struct stream_code **codes;       /* by their ids */
    uint32_t room;                    /* for so many of them */
};
enum stream_found { STREAM_END, STREAM_EVENT, STREAM_INSNS, STREAM_NO_MEMORY };

void stream_reader_init(struct stream_reader *r);
void stream_reader_free(struct stream_reader *r);
/* Takes the record at *p, which moves on behind it, up to `end`. EVENT: r->last is one. INSNS: stream_step() gives them, one by one; what lies
 * at *p must stay until then. */
enum stream_found stream_next(struct stream_reader *r, const char **p, const char *end);

/* What one instruction did. */
struct stream_step {
    const struct stream_insn *t;
    uint64_t pc, reg_old, reg_new, mem, mem_old, mem_new;
};

/* The next instruction of the run; r->i < r->end. r->clock and r->insn are its own until stream_stepped(). */
static inline __attribute__((always_inline)) void stream_step(struct stream_reader *r, struct stream_step *s)
{
    const struct stream_insn *t = &r->code->insn[r->i++];
    uint64_t word, mask;
    s->t = t;
    s->pc = r->page + t->off;
    s->reg_new = s->reg_old = r->reg[t->reg];
    s->mem = s->mem_old = s->mem_new = 0;
    switch ((enum stream_how)t->how) {
    case STREAM_NOTHING: return;
    case STREAM_WORD:
        memcpy(&s->reg_new, r->word, 8);
        r->word += 8;
        break;
    case STREAM_LOAD:
        memcpy(&word, r->word, 8);
        r->word += 8;
        s->mem = r->reg[t->rs1] + (uint64_t)(int64_t)t->imm;
        s->mem_old = s->mem_new = word & ~UINT64_C(0) >> (64 - 8 * t->size);
        s->reg_new = t->reg == EVENT_REG_NONE ? 0 : word;
        break;
    case STREAM_STORE:
        memcpy(&s->mem_old, r->word, 8);
        r->word += 8;
        mask = ~UINT64_C(0) >> (64 - 8 * t->size);
        s->mem = r->reg[t->rs1] + (uint64_t)(int64_t)t->imm;
        s->mem_new = r->reg[t->rs2] & mask;
        return;
        /* clang-format off */
    case STREAM_CONSTANT: s->reg_new = (uint64_t)(int64_t)t->imm; break;
    case STREAM_NEAR: s->reg_new = s->pc + (uint64_t)(int64_t)t->imm; break;
#define ALU(id, format, expression) \
    case STREAM_##id: s->reg_new = alu_##id(r->reg[t->rs1], r->reg[t->rs2] + (uint64_t)(int64_t)t->imm); break;
#include "cpu/alu.def"
    }
    /* clang-format on */
    r->reg[t->reg] = s->reg_new;
}

static inline void stream_stepped(struct stream_reader *r)
{
    r->clock++;
    r->insn++;
}

/* On to the run's i-th instruction, for those who do not follow the registers. */
static inline void stream_skip(struct stream_reader *r, unsigned i)
{
    r->clock += i - r->i;
    r->insn += i - r->i;
    r->i = i;
}

/* The same as an event, in r->last; NULL: the run is at its end. */
const struct event *stream_event(struct stream_reader *r);

#endif
