/* SPDX-License-Identifier: MIT */
/*
 * Spike's log of commits (spike --log-commits, version 1.1), so that runs can be compared with other simulators' and with cores':
 *
 *     core   0: 3 0x0000000080000010 (0x30529073) c773_mtvec 0x0000000080000040
 *     core   0: 3 0x0000000080000014 (0x00513023) mem 0x0000000080001000 0x0000000000000007
 *
 *     core   0: 3 0x0000000080000018 (0x1a31f253) c1_fflags 0x0000000000000010 f4  0x7ff8000000000000
 *     core   0: 3 0x000000008000001c (0x30200073) c768_mstatus 0x0000000a00000080
 *
 * Instructions that retired, and no other events. Of each what it wrote: registers and CSRs in ascending order of number * 16 + kind (x, f,
 * and then CSRs), as Spike's map has them, then memory. A CSR that is a view of others is told by what holds its bits: sstatus as mstatus, sie
 * as mie, sip as mip, fcsr as fflags and frm.
 */
#include "monitor/trace/format.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "cpu/csr.h"
#include "monitor/trace/put.h"
#include "monitor/trace/render.h"

enum { LINE_ROOM = 1024, HARTS = 256, CSRS = 8 };
enum { KEY_X = 0, KEY_F = 1, KEY_CSR = 4 }; /* the kinds of keys */

struct spike {
    struct trace_coded coded; /* first */
    struct written {
        uint64_t pc; /* of the instruction that wrote them */
        unsigned n;
        struct {
            unsigned csr;
            uint64_t value;
        } csr[CSRS];  /* ascending */
    } written[HARTS]; /* CSRs, by the instruction that is about to retire */
    unsigned flen;    /* digits of an f register */
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

static char *put_register(char *p, const struct event *e, unsigned flen)
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
    return put_hex_digits(p, e->a[REG_NEW], e->a[REG] >= EVENT_REG_F ? flen : 16);
}

static unsigned register_key(const struct event *e)
{
    enum { REG = 1 };
    return ((unsigned)e->a[REG] & 31) << 4 | (e->a[REG] >= EVENT_REG_F ? KEY_F : KEY_X);
}

/* Those from *at on whose keys are below `limit`. */
static char *put_csrs(char *p, const struct written *w, unsigned *at, unsigned limit)
{
    for (; *at < w->n && (w->csr[*at].csr << 4 | KEY_CSR) < limit; ++*at) {
        const unsigned i = *at;
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

static void remember_csr(struct written *w, unsigned csr, uint64_t value)
{
    unsigned i = 0;
    while (i < w->n && w->csr[i].csr < csr)
        i++;
    const bool known = i < w->n && w->csr[i].csr == csr;
    if (!known && w->n == CSRS)
        return;
    if (!known) {
        memmove(&w->csr[i + 1], &w->csr[i], (w->n - i) * sizeof w->csr[0]);
        w->n++;
    }
    w->csr[i].csr = csr;
    w->csr[i].value = value;
}

static void remember(struct spike *t, const struct event *e)
{
    enum {
        FFLAGS = 1,
        FRM,
        FCSR,
        SSTATUS = 0x100,
        SIE = 0x104,
        SIP = 0x144,
        VSIE = 0x204,
        VSIP = 0x244,
        HIE = 0x604,
        HIP = 0x644
    };
    struct written *w = &t->written[e->hart];
    if (w->pc != e->pc)
        w->n = 0;
    w->pc = e->pc;
    switch (e->a[0]) {
    case SSTATUS:
    case SIE:
    case SIP:
    case VSIE:
    case VSIP:
    case HIE:
    case HIP: break; /* EV_CSR_SIDE has the other */
    case FCSR:
        remember_csr(w, FFLAGS, e->a[2] & 31);
        remember_csr(w, FRM, e->a[2] >> 5);
        break;
    default: remember_csr(w, (unsigned)e->a[0], e->a[2]);
    }
}

/* What the instruction wrote beside memory. */
static char *put_written(char *p, const struct spike *t, const struct event *e)
{
    enum { REG = 1 };
    const struct written *w = &t->written[e->hart];
    unsigned at = UNLIKELY(w->n) && w->pc == e->pc ? 0 : w->n;
    if (e->a[REG] != EVENT_REG_NONE) {
        p = put_csrs(p, w, &at, register_key(e));
        p = put_register(p, e, t->flen);
    }
    return put_csrs(p, w, &at, UINT_MAX);
}

static void event(struct trace_state *state, const struct event *e)
{
    enum { MEM_SIZE = 5 };
    struct spike *t = (struct spike *)state;
    if (e->kind == EV_CSR || e->kind == EV_CSR_SIDE)
        remember(t, e);
    if (e->kind != EV_INSN)
        return;
    const struct trace_piece *piece = trace_code_find(t->coded.code, e);
    char *p = trace_file_begin(state->file, LINE_ROOM);
    p = PUT_LITERAL(p, "core");
    p = put_dec_wide(p, e->hart, 4);
    p = PUT_LITERAL(p, ": ");
    *p++ = (char)('0' + (e->mode & 3));
    memcpy(p, piece->s, 48); /* a constant number of bytes, at least piece->n: no call */
    p += piece->n;
    p = put_written(p, t, e);
    t->written[e->hart].n = 0;
    if (e->a[MEM_SIZE])
        p = put_memory(p, e, piece);
    *p++ = '\n';
    trace_file_end(state->file, p);
}

static uint64_t also(uint64_t kinds)
{
    return kinds & BIT(EV_INSN) ? BIT(EV_CSR) | BIT(EV_CSR_SIDE) : 0;
}

static struct trace_state *open(const struct trace_source *source, struct trace_file *file, uint64_t kinds)
{
    struct spike *t = (struct spike *)trace_coded_open(sizeof(struct spike), source, file, kinds, make_piece);
    if (!t)
        return NULL;
    t->flen = source->isa.d ? 16 : 8;
    return &t->coded.state;
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
