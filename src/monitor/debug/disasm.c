/* SPDX-License-Identifier: MIT */
#include "monitor/debug/disasm.h"

#include "cpu/isa.h"
#include "monitor/debug/disasm_table.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifdef VITRINE_CAPSTONE
#include <capstone.h>
#endif

/* The cache: texts by the instruction's bits, each in one of two slots. Traces print the same few thousand instructions over and over. */
enum { SLOT_BITS = 13, SLOTS = 1 << SLOT_BITS };

struct slot {
    uint32_t raw;
    int32_t offset; /* of the target from pc */
    uint8_t len;    /* 0: the slot is free */
    uint8_t used;   /* characters of text */
    bool branch;    /* the target comes behind the text */
    bool call, ret;
    char text[8 + DISASM_TEXT];
};

struct disasm {
    struct decode_table *decoder;
    struct isa isa;
    disasm_symbol_fn *symbol;
    void *symbol_ctx;
#ifdef VITRINE_CAPSTONE
    csh capstone; /* 0: not used */
    cs_insn *scratch;
#endif
    struct slot slots[SLOTS];
};

/* ---- Capstone ---- */

#ifdef VITRINE_CAPSTONE
static void capstone_open(struct disasm *d)
{
    if (cs_open(CS_ARCH_RISCV, CS_MODE_RISCV64, &d->capstone) != CS_ERR_OK) {
        d->capstone = 0; /* built without RISC-V: the table does it all */
        return;
    }
    d->scratch = cs_malloc(d->capstone);
    if (!d->scratch)
        cs_close(&d->capstone);
}

static void capstone_close(struct disasm *d)
{
    if (d->scratch)
        cs_free(d->scratch, 1);
    if (d->capstone)
        cs_close(&d->capstone);
}

/* The text of the 32-bit instruction w; a branch's without its target. False: Capstone does not know it. */
static bool capstone_text(struct disasm *d, const struct insn *i, uint32_t w, struct disasm_text *t)
{
    uint8_t bytes[4] = {(uint8_t)w, (uint8_t)(w >> 8), (uint8_t)(w >> 16), (uint8_t)(w >> 24)};
    const uint8_t *at = bytes;
    size_t left = sizeof bytes;
    uint64_t address = 0;
    if (!d->capstone || disasm_table_knows_better(i, w) ||
        !cs_disasm_iter(d->capstone, &at, &left, &address, d->scratch) || left ||
        strlen(d->scratch->mnemonic) >= sizeof t->mnemonic || strlen(d->scratch->op_str) >= sizeof t->operands)
        return false;
    strcpy(t->mnemonic, d->scratch->mnemonic);
    strcpy(t->operands, d->scratch->op_str);
    enum insn_format format = insn_rows[i->id].format;
    if (format == FMT_B || format == FMT_J) {
        char *comma = strrchr(t->operands, ',');
        strcpy(comma ? comma : t->operands, comma ? ", " : "");
    }
    return true;
}

const char *disasm_capstone_version(void)
{
#define TEXT_(x) #x
#define TEXT(x)  TEXT_(x)
    return cs_support(CS_ARCH_RISCV) ? TEXT(CS_API_MAJOR) "." TEXT(CS_API_MINOR) : NULL;
}
#else
static void capstone_open(struct disasm *d)
{
    (void)d;
}

static void capstone_close(struct disasm *d)
{
    (void)d;
}

static bool capstone_text(struct disasm *d, const struct insn *i, uint32_t w, struct disasm_text *t)
{
    (void)d, (void)i, (void)w, (void)t;
    return false;
}

const char *disasm_capstone_version(void)
{
    return NULL;
}
#endif

/* ---- One instruction ---- */

struct disasm *disasm_new(enum disasm_engine engine)
{
    struct disasm *d = calloc(1, sizeof *d);
    if (!d)
        return NULL;
/* Everything that there is: what the hart at hand has not is still worth its name. */
#define ISA(field, name, on, dt) d->isa.field = true;
#include "cpu/isa.def"
#undef ISA
    d->decoder = decode_table_new(&d->isa);
    if (!d->decoder) {
        free(d);
        return NULL;
    }
    if (engine == DISASM_BEST)
        capstone_open(d);
    return d;
}

void disasm_free(struct disasm *d)
{
    if (!d)
        return;
    capstone_close(d);
    decode_table_free(d->decoder);
    free(d);
}

void disasm_set_symbols(struct disasm *d, disasm_symbol_fn *fn, void *ctx)
{
    d->symbol = fn;
    d->symbol_ctx = ctx;
}

static bool is_link(unsigned reg)
{
    return reg == 1 || reg == 5; /* ra, and t0 as the alternate link register. Unpriv. 2.5.1 */
}

static void slot_fill(struct disasm *d, struct slot *s, uint32_t raw)
{
    struct insn i = decode(d->decoder, raw);
    uint32_t w = i.len == 4 ? raw : i.id == INSN_illegal ? 0 : rvc_expand(&d->isa, (uint16_t)raw);
    struct disasm_text t;
    if (i.id == INSN_illegal || !capstone_text(d, &i, w, &t))
        disasm_table_text(&i, w, &t);
    enum insn_format format = insn_rows[i.id].format;
    s->raw = raw;
    s->len = i.len;
    s->branch = i.id != INSN_illegal && (format == FMT_B || format == FMT_J);
    s->offset = s->branch ? i.imm : 0;
    s->call = (i.id == INSN_jal || i.id == INSN_jalr) && is_link(i.rd);
    s->ret = i.id == INSN_jalr && !i.rd && is_link(i.rs1);
    int n = *t.operands || s->branch ? snprintf(s->text, sizeof s->text, "%-6s %s", t.mnemonic, t.operands)
                                     : snprintf(s->text, sizeof s->text, "%s", t.mnemonic);
    s->used = (uint8_t)((size_t)n < sizeof s->text ? (size_t)n : sizeof s->text - 1);
}

static const struct slot *slot_of(struct disasm *d, uint32_t raw)
{
    if (insn_length(raw) == 2)
        raw &= 0xffff;
    uint32_t k = raw * UINT32_C(0x9e3779b1) >> (32 - SLOT_BITS);
    struct slot *s = &d->slots[k], *other = &d->slots[k ^ 1];
    if (s->raw == raw && s->len)
        return s;
    if (other->raw == raw && other->len)
        return other;
    if (s->len && !other->len)
        s = other;
    slot_fill(d, s, raw);
    return s;
}

/* Appends 0x... to the n characters in buf, as far as it fits. Returns how many there are then. */
static size_t put_hex(char *buf, size_t size, size_t n, uint64_t v)
{
    char text[19];
    size_t at = sizeof text;
    do
        text[--at] = "0123456789abcdef"[v & 15];
    while (v >>= 4);
    text[--at] = 'x';
    text[--at] = '0';
    size_t length = min_u64(sizeof text - at, size - 1 - n);
    memcpy(buf + n, text + at, length);
    buf[n + length] = 0;
    return n + length;
}

unsigned disasm(struct disasm *d, uint64_t pc, uint32_t raw, char *buf, size_t size)
{
    const struct slot *s = slot_of(d, raw);
    if (!size)
        return s->len;
    size_t n = min_u64(s->used, size - 1);
    memcpy(buf, s->text, n);
    buf[n] = 0;
    if (!s->branch)
        return s->len;
    uint64_t target = pc + (uint64_t)(int64_t)s->offset, offset = 0;
    const char *name = d->symbol ? d->symbol(d->symbol_ctx, target, &offset) : NULL;
    n = put_hex(buf, size, n, target);
    if (name && offset)
        snprintf(buf + n, size - n, " <%s+0x%" PRIx64 ">", name, offset);
    else if (name)
        snprintf(buf + n, size - n, " <%s>", name);
    return s->len;
}

bool disasm_target(struct disasm *d, uint64_t pc, uint32_t raw, uint64_t *target)
{
    const struct slot *s = slot_of(d, raw);
    *target = pc + (uint64_t)(int64_t)s->offset;
    return s->branch;
}

bool disasm_is_call(struct disasm *d, uint32_t raw)
{
    return slot_of(d, raw)->call;
}

bool disasm_is_return(struct disasm *d, uint32_t raw)
{
    return slot_of(d, raw)->ret;
}
