/* SPDX-License-Identifier: MIT */
/*
 * Spike's log of commits (spike --log-commits, version 1.1), so that runs can be compared with other simulators' and with cores':
 *
 *     core   0: 3 0x0000000080000010 (0x30529073) c773_mtvec 0x0000000080000040
 *     core   0: 3 0x0000000080000014 (0x00513023) mem 0x0000000080001000 0x0000000000000007
 *
 * Instructions that retired, and no other events. What Spike tells beyond them and this does not: registers that change on the side
 * (mstatus by the first write to an f register, fflags by a computation).
 */
#include "monitor/trace/format.h"

#include <stdlib.h>
#include <string.h>

#include "cpu/csr.h"
#include "monitor/trace/put.h"
#include "monitor/trace/render.h"

enum { LINE_ROOM = 1024, HARTS = 256, CSRS = 4 };

struct spike {
    struct trace_coded coded; /* first */
    struct written {
        uint64_t pc; /* of the instruction that wrote them */
        unsigned n;
        struct {
            unsigned csr;
            uint64_t value;
        } csr[CSRS];
    } written[HARTS]; /* CSRs, by the instruction that is about to retire */
};

/* " 0x0000000080000000 (0x00000297)" */
static void make_piece(struct trace_piece *piece, const char *disasm, const char *symbol, uint64_t offset)
{
    (void)disasm, (void)symbol, (void)offset;
    char *p = piece->s;
    *p++ = ' ';
    p = put_hex_digits(p, piece->pc, 16);
    p = PUT_LITERAL(p, " (");
    p = put_hex_digits(p, piece->raw, 2u * piece->length);
    *p++ = ')';
    piece->n = (uint16_t)(p - piece->s);
}

static char *put_register(char *p, const struct event *e)
{
    enum { REG = 1, REG_NEW = 3 };
    unsigned n = (unsigned)e->a[REG] & 31;
    *p++ = ' ';
    *p++ = e->a[REG] >= EVENT_REG_F ? 'f' : 'x';
    if (n >= 10)
        *p++ = (char)('0' + n / 10);
    *p++ = (char)('0' + n % 10);
    if (n < 10)
        *p++ = ' ';
    *p++ = ' ';
    return put_hex_digits(p, e->a[REG_NEW], 16);
}

static char *put_csrs(char *p, struct written *w)
{
    for (unsigned i = w->n; i--;) { /* the last one first */
        const char *name = csr_name(w->csr[i].csr);
        p = PUT_LITERAL(p, " c");
        p = put_dec(p, w->csr[i].csr);
        *p++ = '_';
        p = put_string(p, name ? name : "unknown");
        *p++ = ' ';
        p = put_hex_digits(p, w->csr[i].value, 16);
    }
    return p;
}

static char *put_memory(char *p, const struct event *e, const struct trace_piece *piece)
{
    enum { REG_NEW = 3, MEM, MEM_SIZE, MEM_OLD, MEM_NEW };
    if (piece->load) {
        p = PUT_LITERAL(p, " mem ");
        p = put_hex_digits(p, e->a[MEM], 16);
    }
    /* cbo.zero tells nothing; an sc that failed neither. Its rd tells; where that is x0, the memory does. */
    bool failed = piece->sc && (e->a[1] == EVENT_REG_NONE ? e->a[MEM_OLD] == e->a[MEM_NEW] : e->a[REG_NEW] != 0);
    if (piece->store && !failed && e->a[MEM_SIZE] <= 8) {
        p = PUT_LITERAL(p, " mem ");
        p = put_hex_digits(p, e->a[MEM], 16);
        *p++ = ' ';
        p = put_hex_digits(p, e->a[MEM_NEW], 2 * (unsigned)e->a[MEM_SIZE]);
    }
    return p;
}

static void remember(struct spike *t, const struct event *e)
{
    struct written *w = &t->written[e->hart];
    if (w->pc != e->pc)
        w->n = 0;
    w->pc = e->pc;
    if (w->n < CSRS) {
        w->csr[w->n].csr = (unsigned)e->a[0];
        w->csr[w->n++].value = e->a[2];
    }
}

static void event(struct trace_state *state, const struct event *e)
{
    enum { REG = 1, MEM_SIZE = 5 };
    struct spike *t = (struct spike *)state;
    if (e->kind == EV_CSR)
        remember(t, e);
    if (e->kind != EV_INSN)
        return;
    struct written *w = &t->written[e->hart];
    const struct trace_piece *piece = trace_code_find(t->coded.code, e);
    char *p = trace_file_begin(state->file, LINE_ROOM);
    p = PUT_LITERAL(p, "core");
    p = put_dec_wide(p, e->hart, 4);
    p = PUT_LITERAL(p, ": ");
    *p++ = (char)('0' + (e->mode & 3));
    memcpy(p, piece->s, 48); /* a constant number of bytes, at least piece->n: no call */
    p += piece->n;
    if (e->a[REG] != EVENT_REG_NONE)
        p = put_register(p, e);
    if (UNLIKELY(w->n) && w->pc == e->pc)
        p = put_csrs(p, w);
    w->n = 0;
    if (e->a[MEM_SIZE])
        p = put_memory(p, e, piece);
    *p++ = '\n';
    trace_file_end(state->file, p);
}

static uint64_t also(uint64_t kinds)
{
    return kinds & BIT(EV_INSN) ? BIT(EV_CSR) : 0;
}

static struct trace_state *open(const struct trace_source *source, struct trace_file *file, uint64_t kinds)
{
    return trace_coded_open(sizeof(struct spike), source, file, kinds, make_piece);
}

const struct trace_format trace_format_spike = {
    .name = "spike",
    .help = "Spike's log of commits: instructions and what they wrote",
    .suffixes = ".spike .commits",
    .also = also,
    .open = open,
    .event = event,
    .close = trace_coded_close,
};
