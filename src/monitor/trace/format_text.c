/* SPDX-License-Identifier: MIT */
/*
 * For people: a line for each event, in columns.
 *
 *      clock hart mode address          <symbol+offset>            what happened
 *      10423 h0 S 0000000080200014 <start+0x14>               00008067 ret                    ra 0x0 -> 0x8020_0000
 */
#include "monitor/trace/format.h"

#include <stdlib.h>
#include <string.h>

#include "monitor/names.h"
#include "monitor/trace/put.h"
#include "monitor/trace/render.h"
#include "symbols.h"

enum {
    CLOCK_WIDTH = 10,
    PLACE_WIDTH = 44, /* the address and its symbol */
    DISASM_WIDTH = 34,
    KIND_WIDTH = 10,
    SYMBOL_MAX = 80, /* of a longer name, so much is shown */
    LINE_ROOM = 2048,
    SAID = 64
};

/* What was said of an event: of the next that differs in no more than time, hart and mode it is the same. */
struct said {
    struct event e;
    size_t n; /* 0: nothing yet */
    char s[LINE_ROOM];
};

struct text {
    struct trace_coded coded; /* first */
    struct said said[SAID];
};

static char *put_symbol(char *p, const char *symbol, uint64_t offset)
{
    *p++ = '<';
    p = put_bytes(p, symbol, strnlen(symbol, SYMBOL_MAX));
    *p++ = '+';
    p = put_hex(p, offset);
    *p++ = '>';
    return p;
}

/* The address and its symbol, padded. */
static char *put_place(char *p, uint64_t pc, const char *symbol, uint64_t offset)
{
    const char *from = p;
    p = put_hex64(p, pc);
    *p++ = ' ';
    if (symbol)
        p = put_symbol(p, symbol, offset);
    return put_pad(p, from, PLACE_WIDTH);
}

/* Address, symbol, bytes, disassembly, and the register that changes: what is the same each time an instruction runs. */
static void make_piece(struct trace_piece *piece, const char *disasm, const char *symbol, uint64_t offset)
{
    char text[512], *p = put_place(text, piece->pc, symbol, offset), *from;
    if (piece->length == 4) {
        p = put_hex32(p, piece->raw);
    } else {
        p = put_hex32(p, piece->raw << 16) - 4;
        p = put_bytes(p, "    ", 4);
    }
    *p++ = ' ';
    from = p;
    p = put_bytes(p, disasm, strnlen(disasm, 128));
    p = put_pad(p, from, DISASM_WIDTH);
    if (piece->reg != EVENT_REG_NONE) {
        p = put_string(p, name_reg(piece->reg));
        *p++ = ' ';
    }
    size_t n = (size_t)(p - text);
    piece->n = (uint16_t)(n < TRACE_PIECE ? n : TRACE_PIECE);
    memcpy(piece->s, text, piece->n);
}

static char *put_changes(char *p, const struct event *e, const struct trace_piece *piece)
{
    enum { REG = 1, REG_OLD, REG_NEW, MEM, MEM_SIZE, MEM_OLD, MEM_NEW };
    if (e->a[REG] != EVENT_REG_NONE) {
        if (e->a[REG_OLD] != e->a[REG_NEW]) {
            p = put_hex(p, e->a[REG_OLD]);
            p = PUT_LITERAL(p, " -> ");
        }
        p = put_hex(p, e->a[REG_NEW]);
        *p++ = ' ';
    }
    if (e->a[MEM_SIZE]) {
        *p++ = '[';
        p = put_hex(p, e->a[MEM]);
        *p++ = ' ';
        p = put_dec(p, e->a[MEM_SIZE]);
        p = PUT_LITERAL(p, "] ");
        if (piece->store && e->a[MEM_OLD] != e->a[MEM_NEW]) {
            p = put_hex(p, e->a[MEM_OLD]);
            p = PUT_LITERAL(p, " -> ");
        }
        p = put_hex(p, e->a[MEM_NEW]);
        *p++ = ' ';
    }
    return p;
}

static char *put_value(char *p, const struct trace_coded *t, const struct event *e, unsigned i)
{
    uint64_t v = e->a[i], offset;
    const char *word = trace_arg_word(e, i), *symbol;
    switch (event_rows[e->kind].arg[i].type) {
    case ARG_DEC: return put_dec(p, v);
    case ARG_SIGNED: return put_signed(p, (int64_t)v);
    case ARG_CAUSE:
        p = put_string(p, word);
        p = PUT_LITERAL(p, " (");
        if (v & CAUSE_INTERRUPT)
            p = PUT_LITERAL(p, "interrupt ");
        p = put_dec(p, v & ~CAUSE_INTERRUPT);
        *p++ = ')';
        return p;
    case ARG_SBI:
        if (!word || *word == '?')
            return put_hex(p, v);
        return put_string(p, word);
    case ARG_VA:
        p = put_hex(p, v);
        symbol = trace_arg_symbol(t->state.source, e, i, &offset);
        if (symbol) {
            *p++ = ' ';
            p = put_symbol(p, symbol, offset);
        }
        return p;
    case ARG_NONE:
    case ARG_HEX:
    case ARG_BOOL:
    case ARG_PA:
    case ARG_INSN:
    case ARG_REG:
    case ARG_CSR:
    case ARG_IRQ:
    case ARG_MODE:
    case ARG_ACCESS:
    case ARG_VERDICT:
    case ARG_FLUSH:
    case ARG_DEVICE:
    case ARG_VMEXIT:
    case ARG_TEXT: break;
    }
    return word ? put_bytes(p, word, strnlen(word, SYMBOL_MAX)) : put_hex(p, v);
}

/* "mtval 0x10, to S": any kind but an instruction. */
static char *put_args(char *p, const struct trace_coded *t, const struct event *e)
{
    const struct event_row *row = &event_rows[e->kind];
    bool first = true;
    for (unsigned i = 0; i < row->nargs; i++) {
        const char *name = row->arg[i].name;
        bool change = !strcmp(name, "old") && i + 1 < row->nargs && !strcmp(row->arg[i + 1].name, "new");
        if (!trace_arg_shown(e, i))
            continue;
        if (!first)
            p = PUT_LITERAL(p, ", ");
        first = false;
        if (change) {
            p = put_value(p, t, e, i++);
            p = PUT_LITERAL(p, " -> ");
        } else {
            p = put_string(p, name);
            *p++ = ' ';
        }
        p = put_value(p, t, e, i);
        if (e->kind == EV_SBI && i == 1) {
            *p++ = ' ';
            p = put_string(p, name_sbi_function(e->a[0], e->a[1]));
        }
    }
    return p;
}

static bool says_the_same(const struct event *a, const struct event *b)
{
    bool same = a->kind == b->kind && a->pc == b->pc && a->vm == b->vm && a->text == b->text;
    for (unsigned i = 0; same && i < event_rows[a->kind].nargs; i++)
        same = a->a[i] == b->a[i];
    return same;
}

/* Address, symbol, kind and arguments. */
static const struct said *say(struct text *t, const struct event *e)
{
    struct said *s = &t->said[(e->pc >> 1 ^ e->kind) % SAID];
    if (s->n && says_the_same(&s->e, e))
        return s;
    uint64_t offset = 0;
    const char *symbol = trace_symbol(t->coded.state.source, e->vm, e->pc, &offset);
    char *p = put_place(s->s, e->pc, symbol, offset);
    const char *from = p;
    p = put_pad(put_string(p, event_rows[e->kind].name), from, KIND_WIDTH);
    p = put_args(p, &t->coded, e);
    s->e = *e;
    s->n = (size_t)(p - s->s);
    return s;
}

static void event(struct trace_state *state, const struct event *e)
{
    struct text *t = (struct text *)state;
    char *p = trace_file_begin(state->file, 2 * LINE_ROOM);
    p = put_dec_wide(p, e->clock, CLOCK_WIDTH);
    if (UNLIKELY(e->vm)) {
        p = PUT_LITERAL(p, " vm");
        p = put_dec(p, e->vm);
    }
    p = PUT_LITERAL(p, " h");
    p = put_dec(p, e->hart);
    *p++ = ' ';
    const char *mode = name_mode(e->mode);
    *p++ = mode[0];
    *p++ = mode[0] && mode[1] ? mode[1] : ' ';
    *p++ = ' ';
    if (LIKELY(e->kind == EV_INSN)) {
        const struct trace_piece *piece = trace_code_find(t->coded.code, e);
        memcpy(p, piece->s, TRACE_PIECE); /* a constant number of bytes: no call */
        p = put_changes(p + piece->n, e, piece);
    } else {
        const struct said *said = say(t, e);
        p = put_bytes(p, said->s, said->n);
    }
    while (p[-1] == ' ')
        p--;
    *p++ = '\n';
    trace_file_end(state->file, p);
}

static struct trace_state *open(const struct trace_source *source, struct trace_file *file, uint64_t kinds)
{
    return trace_coded_open(sizeof(struct text), source, file, kinds, make_piece);
}

const struct trace_format trace_format_text = {
    .name = "text",
    .help = "for people: a line for each event, with symbols and disassembly",
    .suffixes = ".txt .log",
    .open = open,
    .event = event,
    .close = trace_coded_close,
};
