/* SPDX-License-Identifier: MIT */
#include "monitor/debug/csr_view.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "cpu/csr.h"
#include "monitor/debug/expr.h"
#include "monitor/names.h"
#include "symbols.h"

/* Numbers by name: a row of csr_fields.def for a CSR that does not exist does not build. */
enum {
#define CSR(num, name, mode, need, check, vs, get, put) N_##name = (num),
#include "cpu/csr.def"
#undef CSR
};

enum kind {
    KIND_NONE,
    KIND_FLAG,
    KIND_DEC,
    KIND_HEX,
    KIND_CODE,
    KIND_DATA,
    KIND_GPA4,
    KIND_PPN,
    KIND_BASE4,
    KIND_CAUSE,
    KIND_LETTERS,
    KIND_PMPCFG,
    KIND_PMPADDR,
    KIND_FLAGS,
#define VALUES(kind) KIND_##kind,
#include "monitor/debug/csr_fields.def"
};

static const struct title {
    uint16_t csr;
    uint8_t kind;
    const char *text;
} titles[] = {
#define TITLE(name, kind, text) {N_##name, KIND_##kind, text},
#include "monitor/debug/csr_fields.def"
};

static const struct csr_field fields[] = {
#define FIELD(csr, hi, lo, name, kind, text) {N_##csr, hi, lo, KIND_##kind, #name, text},
#include "monitor/debug/csr_fields.def"
};

static const struct {
    uint8_t kind, value;
    const char *text;
} meanings[] = {
#define MEANS(kind, value, text) {KIND_##kind, value, text},
#include "monitor/debug/csr_fields.def"
};

/* ---- the tables ---- */

static const struct title *find_title(unsigned csr)
{
    for (unsigned i = 0; i < ARRAY_LEN(titles); i++)
        if (titles[i].csr == csr)
            return &titles[i];
    return NULL;
}

const char *csr_title(unsigned csr)
{
    const struct title *t = find_title(csr);
    return t ? t->text : "";
}

const struct csr_field *csr_field_next(unsigned csr, const struct csr_field *after)
{
    const struct csr_field *f = after ? after + 1 : fields;
    /* A CSR's rows stand together. */
    for (; f < fields + ARRAY_LEN(fields); f++)
        if (f->csr == csr)
            return f;
        else if (after)
            break;
    return NULL;
}

const struct csr_field *csr_field_find(unsigned csr, const char *name)
{
    for (const struct csr_field *f = NULL; (f = csr_field_next(csr, f));)
        if (!strcasecmp(f->name, name))
            return f;
    return NULL;
}

const char *csr_field_nearest(unsigned csr, const char *name)
{
    struct expr_nearest n = {.name = name};
    for (const struct csr_field *f = NULL; (f = csr_field_next(csr, f));)
        expr_nearest_offer(&n, f->name);
    return n.best;
}

bool csr_field_poke(struct hart *h, const struct csr_field *f, uint64_t v)
{
    uint64_t whole, mask = MASK(f->hi, f->lo);
    if (v > mask >> f->lo || !csr_peek(h, f->csr, &whole))
        return false;
    /* The bits that wires drive must not become software's. Priv. 3.1.9 */
    if (f->csr == N_mip)
        whole = h->csr.mip;
    return csr_poke(h, f->csr, merge_bits(whole, v << f->lo, mask));
}

/* ---- meanings ---- */

/* Text that is appended to; what does not fit is cut. */
struct line {
    char *buf;
    size_t size, n;
};

PRINTF_LIKE(2, 3) static void add(struct line *l, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(l->buf + l->n, l->size - l->n, fmt, ap);
    va_end(ap);
    if (n > 0)
        l->n = l->n + (size_t)n < l->size ? l->n + (size_t)n : l->size - 1;
}

static struct line line_to(char *buf, size_t size)
{
    buf[0] = 0;
    return (struct line){buf, size, 0};
}

/* A blank between two words. */
static void separate(struct line *l)
{
    if (l->n)
        add(l, " ");
}

static void add_symbol(struct line *l, uint64_t addr, const struct symbols *symbols)
{
    uint64_t off;
    const char *s = symbols ? symbols_at(symbols, addr, &off) : NULL;
    if (s && off)
        add(l, "<%s+%" PRIu64 ">", s, off);
    else if (s)
        add(l, "<%s>", s);
}

static void add_letters(struct line *l, uint64_t v)
{
    for (unsigned i = 0; i < 26; i++)
        if (v >> i & 1)
            add(l, "%c", 'A' + i);
}

/* One entry of pmpcfg: L 7 | A 4:3 | X 2 | W 1 | R 0. Priv. 3.7.1 */
static void add_pmpcfg(struct line *l, uint64_t v)
{
    static const char *const modes[] = {"OFF", "TOR", "NA4", "NAPOT"};
    add(l, "%s %c%c%c%s", modes[v >> 3 & 3], v & 1 ? 'r' : '-', v & 2 ? 'w' : '-', v & 4 ? 'x' : '-',
        v & 0x80 ? " locked" : "");
    if (v & 0x60)
        add(l, " reserved bits %#" PRIx64, v & 0x60);
}

static const char *enumerated(unsigned kind, uint64_t v)
{
    bool known = false;
    for (unsigned i = 0; i < ARRAY_LEN(meanings); i++) {
        if (meanings[i].kind != kind)
            continue;
        if (meanings[i].value == v)
            return meanings[i].text;
        known = true;
    }
    return known ? "reserved" : NULL;
}

/* v: of the field, or of the whole CSR where that has no fields; whole: the CSR. */
static void add_meaning(struct line *l, enum kind kind, uint64_t v, uint64_t whole, const struct symbols *symbols)
{
    const char *s;
    switch ((int)kind) {
    case KIND_FLAG: add(l, v ? "yes" : "no"); return;
    case KIND_CODE:
    case KIND_DATA: add_symbol(l, v, symbols); return;
    case KIND_BASE4:
        add(l, "0x%" PRIx64, v << 2);
        if (symbols && symbols_at(symbols, v << 2, &whole))
            add(l, " ");
        add_symbol(l, v << 2, symbols);
        return;
    case KIND_GPA4: add(l, "guest physical address 0x%" PRIx64, v << 2); return;
    case KIND_PPN: add(l, "table at 0x%" PRIx64, v << 12); return;
    case KIND_CAUSE: add(l, "%s", name_cause(v | (whole & CAUSE_INTERRUPT))); return;
    case KIND_LETTERS: add_letters(l, v); return;
    case KIND_PMPCFG: add_pmpcfg(l, v); return;
    case KIND_PMPADDR: add(l, "address 0x%" PRIx64, v << 2); return;
    default:
        if ((s = enumerated(kind, v)))
            add(l, "%s", s);
    }
}

const char *csr_field_meaning(char *buf, size_t size, const struct csr_field *f, uint64_t value,
                              const struct symbols *symbols)
{
    struct line l = line_to(buf, size);
    add_meaning(&l, (enum kind)f->kind, csr_field_get(f, value), value, symbols);
    return buf;
}

static bool shows_in_hex(unsigned kind)
{
    return kind == KIND_HEX || kind == KIND_CODE || kind == KIND_DATA || kind == KIND_PPN || kind == KIND_BASE4 ||
           kind == KIND_LETTERS || kind == KIND_PMPCFG || kind == KIND_PMPADDR;
}

/* ---- one line ---- */

static void add_atp(struct line *l, unsigned csr, uint64_t v)
{
    const struct csr_field *mode = csr_field_next(csr, NULL), *id = csr_field_next(csr, mode),
                           *ppn = csr_field_next(csr, id);
    add(l, "%s", enumerated(mode->kind, csr_field_get(mode, v)));
    if (v)
        add(l, " %s %" PRIu64 " ppn 0x%" PRIx64 " -> table at 0x%" PRIx64, csr == N_hgatp ? "vmid" : "asid",
            csr_field_get(id, v), csr_field_get(ppn, v), csr_field_get(ppn, v) << 12);
}

static void add_pmpcfgs(struct line *l, unsigned csr, uint64_t v)
{
    for (unsigned i = 0; i < 8; i++) {
        if (!(v >> 8 * i & 0xff))
            continue;
        add(l, "%s%u: ", l->n ? ", " : "", i + (csr - N_pmpcfg0) * 4);
        add_pmpcfg(l, v >> 8 * i & 0xff);
    }
}

/* What is not zero: flags by name, the others with their value. */
static void add_fields(struct line *l, unsigned csr, uint64_t v, const struct symbols *symbols)
{
    for (const struct csr_field *f = NULL; (f = csr_field_next(csr, f));) {
        uint64_t x = csr_field_get(f, v);
        if (!x)
            continue;
        separate(l);
        if (f->kind == KIND_PMPADDR) {
            add_meaning(l, KIND_PMPADDR, x, v, symbols);
            continue;
        }
        add(l, f->kind == KIND_FLAG ? "%s" : "%s=", f->name);
        if (f->kind == KIND_FLAG)
            continue;
        if (enumerated(f->kind, x) || f->kind == KIND_LETTERS || f->kind == KIND_BASE4)
            add_meaning(l, (enum kind)f->kind, x, v, symbols);
        else
            add(l, shows_in_hex(f->kind) ? "0x%" PRIx64 : "%" PRIu64, x);
    }
}

const char *csr_view_short(char *buf, size_t size, unsigned csr, uint64_t value, const struct symbols *symbols)
{
    struct line l = line_to(buf, size);
    const struct title *t = find_title(csr);
    switch (csr) {
    case N_satp:
    case N_vsatp:
    case N_hgatp: add_atp(&l, csr, value); return buf;
    case N_mcause:
    case N_scause:
    case N_vscause: add(&l, "%s%s", name_cause(value), value & CAUSE_INTERRUPT ? " interrupt" : ""); return buf;
    case N_mtvec:
    case N_stvec:
    case N_vstvec:
        add(&l, "%s", value & 3 ? "Vectored" : "Direct");
        if (symbols && symbols_at(symbols, value & ~UINT64_C(3), &(uint64_t){0}))
            separate(&l);
        add_symbol(&l, value & ~UINT64_C(3), symbols);
        return buf;
    case N_pmpcfg0:
    case N_pmpcfg2: add_pmpcfgs(&l, csr, value); return buf;
    default: break;
    }
    if (!t)
        return buf;
    if (csr_field_next(csr, NULL)) {
        add_fields(&l, csr, value, symbols);
        if (!l.n)
            add(&l, "none");
    } else if (t->kind == KIND_DEC) {
        add(&l, "%" PRIu64, value);
    } else if (value) {
        add_meaning(&l, (enum kind)t->kind, value, value, symbols);
    }
    return buf;
}

/* ---- all of it ---- */

static void print_field(struct out *o, struct hart *h, const struct csr_field *f, uint64_t value, unsigned width,
                        const struct symbols *symbols)
{
    char place[16], number[24], meaning[128];
    uint64_t v = csr_field_get(f, value), first, last;
    unsigned entry = 0;
    if (f->hi == f->lo)
        snprintf(place, sizeof place, "%u", f->hi);
    else
        snprintf(place, sizeof place, "%u:%u", f->hi, f->lo);
    snprintf(number, sizeof number, shows_in_hex(f->kind) ? "0x%" PRIx64 : "%" PRIu64, v);
    csr_field_meaning(meaning, sizeof meaning, f, value, symbols);
    out_printf(o, "  ");
    out_styled(o, OUT_NAME, "%-*s", (int)width, f->name);
    out_printf(o, " %5s = ", place);
    out_styled(o, v ? OUT_PLAIN : OUT_DIM, "%s", number);
    if (meaning[0])
        out_styled(o, v ? OUT_GOOD : OUT_DIM, " (%s)", meaning);
    if (f->kind == KIND_PMPCFG && sscanf(f->name, "pmp%u", &entry) == 1 && entry < PMP_ENTRIES &&
        pmp_range(&h->pmp, entry, &first, &last))
        out_printf(o, ": 0x%" PRIx64 "..0x%" PRIx64, first, last);
    else
        out_styled(o, OUT_DIM, "%s%s", f->text[0] ? ": " : "", f->text);
    out_puts(o, "\n");
}

void csr_view_print(struct out *o, struct hart *h, const struct symbols *symbols, unsigned csr)
{
    uint64_t value, covered = 0;
    unsigned width = 0;
    char meaning[128];
    const char *name = csr_name(csr);
    if (!name) {
        out_printf(o, "CSR 0x%03x: there is no such register\n", csr);
        return;
    }
    if (!csr_peek(h, csr, &value)) {
        out_printf(o, "%s: this hart has no such register (see -cpu)\n", name);
        return;
    }
    out_styled(o, OUT_NAME, "%s", name);
    out_printf(o, " 0x%" PRIx64, value);
    out_styled(o, OUT_DIM, "  %s", csr_title(csr));
    for (const struct csr_field *f = NULL; (f = csr_field_next(csr, f));) {
        covered |= MASK(f->hi, f->lo);
        width = strlen(f->name) > width ? (unsigned)strlen(f->name) : width;
    }
    if (!covered && csr_view_short(meaning, sizeof meaning, csr, value, symbols)[0])
        out_printf(o, ": %s", meaning);
    out_puts(o, "\n");
    for (const struct csr_field *f = NULL; (f = csr_field_next(csr, f));)
        print_field(o, h, f, value, width, symbols);
    if (covered && value & ~covered)
        out_styled(o, OUT_BAD, "  0x%" PRIx64 " is set where there is no field\n", value & ~covered);
}
