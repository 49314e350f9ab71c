/* SPDX-License-Identifier: MIT */
/*
 * JSON Lines: one object for each event, {"clock":10,"insn":10,"hart":0,"vm":0,"mode":"S","pc":"0x80000000","kind":"csr","csr":...}.
 * docs/event.schema.json is made from the same rows (schema.c) and says what each member holds.
 */
#include "monitor/trace/format.h"

#include <stdlib.h>
#include <string.h>

#include "monitor/names.h"
#include "monitor/trace/json.h"
#include "monitor/trace/put.h"
#include "monitor/trace/render.h"
#include "symbols.h"

enum { LINE_ROOM = 8192, DISASM_MAX = 64 };

/* pc to disasm: what is the same each time an instruction runs. */
static void make_piece(struct trace_piece *piece, const char *disasm, const char *symbol, uint64_t offset)
{
    char text[4096], *p = text;
    p = PUT_LITERAL(p, ",\"pc\":");
    p = put_json_hex(p, piece->pc);
    char *short_of_symbol = p;
    if (symbol)
        p = put_json_symbol(p, "pc", symbol, offset);
    for (bool whole = true;; whole = false, p = short_of_symbol) {
        p = PUT_LITERAL(p, ",\"kind\":\"insn\",\"raw\":");
        *p++ = '"';
        p = put_hex_digits(p, piece->raw, 2u * piece->length);
        *p++ = '"';
        if (whole || strlen(disasm) < DISASM_MAX) {
            p = PUT_LITERAL(p, ",\"disasm\":\"");
            p = put_json(p, disasm);
            *p++ = '"';
        }
        if (p - text <= TRACE_PIECE || !whole)
            break;
    }
    piece->n = (uint16_t)(p - text);
    memcpy(piece->s, text, piece->n);
}

static void event(struct trace_state *state, const struct event *e)
{
    struct trace_coded *t = (struct trace_coded *)state;
    char *p = trace_file_begin(state->file, LINE_ROOM);
    p = PUT_LITERAL(p, "{\"clock\":");
    p = put_dec(p, e->clock);
    p = PUT_LITERAL(p, ",\"insn\":");
    p = put_dec(p, e->insn);
    p = PUT_LITERAL(p, ",\"hart\":");
    p = put_dec(p, e->hart);
    p = PUT_LITERAL(p, ",\"vm\":");
    p = put_dec(p, e->vm);
    p = PUT_LITERAL(p, ",\"mode\":\"");
    p = put_string(p, name_mode(e->mode));
    *p++ = '"';
    unsigned i = 0;
    if (e->kind == EV_INSN) {
        const struct trace_piece *piece = trace_code_find(t->code, e);
        p = put_bytes(p, piece->s, piece->n);
        i = 1; /* raw is told */
    } else {
        uint64_t offset = 0;
        const char *symbol = trace_symbol(state->source, e->vm, e->pc, &offset);
        p = put_json_hex(PUT_LITERAL(p, ",\"pc\":"), e->pc);
        if (symbol)
            p = put_json_symbol(p, "pc", symbol, offset);
        p = PUT_LITERAL(p, ",\"kind\":\"");
        p = put_string(p, event_rows[e->kind].name);
        *p++ = '"';
    }
    p = put_json_args(p, state->source, e, i);
    p = PUT_LITERAL(p, "}\n");
    trace_file_end(state->file, p);
}

static struct trace_state *open(const struct trace_source *source, struct trace_file *file, uint64_t kinds)
{
    return trace_coded_open(sizeof(struct trace_coded), source, file, kinds, make_piece);
}

const struct trace_format trace_format_jsonl = {
    .name = "jsonl",
    .other = "json-lines",
    .help = "JSON Lines: an object for each event, as docs/event.schema.json has it",
    .suffixes = ".jsonl .ndjson",
    .open = open,
    .event = event,
    .close = trace_coded_close,
};
