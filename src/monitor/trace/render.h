/* SPDX-License-Identifier: MIT */
/* Events' arguments as words and numbers: what all formats share. */
#ifndef VITRINE_TRACE_RENDER_H
#define VITRINE_TRACE_RENDER_H

#include "monitor/trace/format.h"

/* Does argument i of the event mean anything? An instruction may change no register and no memory; a flush may be of all addresses. */
bool trace_arg_shown(const struct event *e, unsigned i);
/* The word for an argument's value (a cause's name, "S", "write"), or NULL where it is a number only. */
const char *trace_arg_word(const struct event *e, unsigned i);
/* The symbol at an ARG_VA argument and the distance from it, or NULL. */
const char *trace_arg_symbol(const struct trace_source *s, const struct event *e, unsigned i, uint64_t *offset);

/* ---- What an instruction's address and bytes tell, made once for each ---- */

enum trace_class {
    CLASS_ALU,
    CLASS_MULDIV,
    CLASS_LOAD,
    CLASS_STORE,
    CLASS_ATOMIC,
    CLASS_BRANCH,
    CLASS_JUMP,
    CLASS_FP,
    CLASS_CSR,
    CLASS_SYSTEM, /* fences, returns, cache operations, wfi, ... */
    TRACE_CLASSES
};
enum { TRACE_PIECE = 226 };
struct trace_piece {
    uint64_t pc;
    uint32_t raw;
    uint8_t vm;
    bool load, store; /* memory: by its bits; an sc is a store whether it succeeds or not */
    bool sc;
    uint8_t class;       /* enum trace_class */
    uint8_t length;      /* of the instruction */
    uint8_t reg;         /* that it changes, as ARG_REG */
    uint16_t n;          /* bytes of s */
    char s[TRACE_PIECE]; /* what the format makes of it */
};
struct trace_code;
/* make(): writes at most TRACE_PIECE bytes to p->s and sets p->n; disasm: the instruction as text; symbol NULL: none. NULL: no memory. */
typedef void trace_piece_fn(struct trace_piece *p, const char *disasm, const char *symbol, uint64_t offset);
struct trace_code *trace_code_new(const struct trace_source *s, trace_piece_fn *make);
void trace_code_free(struct trace_code *c);
const struct trace_piece *trace_code_make(struct trace_code *c, struct trace_piece *p, const struct event *e);

enum { TRACE_PIECES = 1 << 13 };
struct trace_code {
    struct trace_piece *pieces; /* TRACE_PIECES of them, by address */
    const struct trace_source *source;
    struct decode_table *decoder;
    struct disasm *disasm;
    trace_piece_fn *make;
    unsigned vm; /* whose symbols name targets */
};

/* The piece for an EV_INSN. */
static inline const struct trace_piece *trace_code_find(struct trace_code *c, const struct event *e)
{
    struct trace_piece *p = &c->pieces[e->pc >> 1 & (TRACE_PIECES - 1)];
    return LIKELY(p->pc == e->pc && p->raw == (uint32_t)e->a[0] && p->reg == e->a[1] && p->vm == e->vm && p->length)
               ? p
               : trace_code_make(c, p, e);
}

/* The state of a format that has pieces; more may stand behind it. */
struct trace_coded {
    struct trace_state state; /* first */
    struct trace_code *code;
};
/* What open() and close() of such a format do. size: of the whole state, whose rest is zero. NULL: no memory. */
struct trace_state *trace_coded_open(size_t size, const struct trace_source *source, struct trace_file *file,
                                     uint64_t kinds, trace_piece_fn *make);
void trace_coded_close(struct trace_state *state);

#endif
