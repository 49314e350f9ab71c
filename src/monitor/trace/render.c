/* SPDX-License-Identifier: MIT */
#include "monitor/trace/render.h"

#include <stdlib.h>
#include <string.h>

#include "cpu/csr.h"
#include "cpu/decode.h"
#include "monitor/debug/disasm.h"
#include "monitor/names.h"
#include "monitor/vmm/vmm.h"
#include "symbols.h"

/* Places in EV_INSN's, EV_TLB_FLUSH's and EV_VM_EXIT's arguments. */
enum {
    INSN_REG = 1,
    INSN_REG_NEW = 3,
    INSN_MEM = 4,
    INSN_SIZE = 5,
    FLUSH_WHAT = 0,
    EXIT_REASON = 0,
    EXIT_INSN = 3 /* and the one after it: 0 is what nobody has looked at */
};

bool trace_arg_shown(const struct event *e, unsigned i)
{
    if (e->kind == EV_INSN && i >= INSN_REG && i <= INSN_REG_NEW)
        return e->a[INSN_REG] != EVENT_REG_NONE;
    if (e->kind == EV_INSN && i >= INSN_MEM)
        return e->a[INSN_SIZE] != 0;
    if (e->kind == EV_TLB_FLUSH && i != FLUSH_WHAT)
        return e->a[i] != UINT64_MAX;
    if (e->kind == EV_VM_EXIT && e->a[EXIT_REASON] == VM_EXIT_BUDGET)
        return i == EXIT_REASON; /* no trap led to it */
    if (e->kind == EV_VM_EXIT && i >= EXIT_INSN)
        return e->a[i] != 0;
    return true;
}

const char *trace_arg_word(const struct event *e, unsigned i)
{
    uint64_t v = e->a[i];
    switch (event_rows[e->kind].arg[i].type) {
    case ARG_BOOL: return v ? "true" : "false";
    case ARG_REG: return v == EVENT_REG_NONE ? NULL : name_reg((unsigned)v);
    case ARG_CSR: return v < 4096 ? csr_name((unsigned)v) : NULL;
    case ARG_CAUSE: return name_cause(v);
    case ARG_IRQ: return name_irq_short((unsigned)v);
    case ARG_MODE: return name_mode((uint8_t)v);
    case ARG_ACCESS: return name_access((unsigned)v);
    case ARG_VERDICT: return name_verdict((enum pte_verdict)v);
    case ARG_FLUSH: return name_flush((unsigned)v);
    case ARG_SBI: return name_sbi_ext(v);
    case ARG_DEVICE:
    case ARG_VMEXIT:
    case ARG_TEXT: return e->text ? e->text : "?";
    case ARG_NONE:
    case ARG_HEX:
    case ARG_DEC:
    case ARG_SIGNED:
    case ARG_VA:
    case ARG_PA:
    case ARG_INSN: break;
    }
    return NULL;
}

const char *trace_arg_symbol(const struct trace_source *s, const struct event *e, unsigned i, uint64_t *offset)
{
    return event_rows[e->kind].arg[i].type == ARG_VA ? trace_symbol(s, e->vm, e->a[i], offset) : NULL;
}

const char *trace_symbol(const struct trace_source *s, unsigned vm, uint64_t addr, uint64_t *offset)
{
    return vm < TRACE_VMS ? symbols_at(s->symbols[vm], addr, offset) : NULL;
}

/* ---- Pieces ---- */

static const char *symbol_at(void *ctx, uint64_t addr, uint64_t *offset)
{
    const struct trace_code *c = ctx;
    return trace_symbol(c->source, c->vm, addr, offset);
}

struct trace_code *trace_code_new(const struct trace_source *s, trace_piece_fn *make)
{
    struct trace_code *c = calloc(1, sizeof *c);
    if (!c)
        return NULL;
    c->source = s;
    c->make = make;
    c->pieces = calloc(TRACE_PIECES, sizeof *c->pieces);
    c->decoder = decode_table_new(&s->isa);
    c->disasm = disasm_new(DISASM_BEST);
    if (!c->pieces || !c->decoder || !c->disasm) {
        trace_code_free(c);
        return NULL;
    }
    disasm_set_symbols(c->disasm, symbol_at, c);
    return c;
}

void trace_code_free(struct trace_code *c)
{
    if (!c)
        return;
    disasm_free(c->disasm);
    decode_table_free(c->decoder);
    free(c->pieces);
    free(c);
}

struct trace_state *trace_coded_open(size_t size, const struct trace_source *source, struct trace_file *file,
                                     uint64_t kinds, trace_piece_fn *make)
{
    struct trace_coded *t = calloc(1, size);
    if (!t)
        return NULL;
    t->state = (struct trace_state){source, file, kinds};
    t->code = trace_code_new(source, make);
    if (!t->code) {
        free(t);
        return NULL;
    }
    return &t->state;
}

void trace_coded_close(struct trace_state *state)
{
    struct trace_coded *t = (struct trace_coded *)state;
    trace_code_free(t->code);
    free(t);
}

static enum trace_class class_of(const struct insn *i)
{
    unsigned opcode = insn_rows[i->id].match & 0x7f, funct7 = insn_rows[i->id].match >> 25;
    enum { JAL = 0x6f, JALR = 0x67, OP = 0x33, OP_32 = 0x3b, MULDIV = 1 };
    switch (insn_rows[i->id].format) {
    case FMT_L:
    case FMT_FL:
    case FMT_HLV: return CLASS_LOAD;
    case FMT_S:
    case FMT_FS:
    case FMT_HSV: return CLASS_STORE;
    case FMT_AMO: return CLASS_ATOMIC;
    case FMT_B: return CLASS_BRANCH;
    case FMT_FR:
    case FMT_FRM:
    case FMT_F4:
    case FMT_FX:
    case FMT_FTOX:
    case FMT_XTOF:
    case FMT_XF: return CLASS_FP;
    case FMT_CSR:
    case FMT_CSRI: return CLASS_CSR;
    case FMT_NONE:
    case FMT_FENCE:
    case FMT_CBO:
    case FMT_FVMA: return CLASS_SYSTEM;
    case FMT_R:
    case FMT_R1:
    case FMT_I:
    case FMT_SH:
    case FMT_U:
    case FMT_J: break;
    }
    if (opcode == JAL || opcode == JALR)
        return CLASS_JUMP;
    return (opcode == OP || opcode == OP_32) && funct7 == MULDIV ? CLASS_MULDIV : CLASS_ALU;
}

static void classify(struct trace_piece *p, const struct insn *i)
{
    p->load = p->store = p->sc = false;
    p->class = class_of(i);
    switch (insn_rows[i->id].format) {
    case FMT_L:
    case FMT_FL:
    case FMT_HLV: p->load = true; return;
    case FMT_S:
    case FMT_FS:
    case FMT_HSV:
    case FMT_CBO: p->store = true; return;
    case FMT_AMO:
        p->sc = i->id == INSN_sc_w || i->id == INSN_sc_d;
        p->load = !p->sc;
        p->store = i->id != INSN_lr_w && i->id != INSN_lr_d;
        return;
    case FMT_R:
    case FMT_R1:
    case FMT_I:
    case FMT_SH:
    case FMT_B:
    case FMT_U:
    case FMT_J:
    case FMT_NONE:
    case FMT_FENCE:
    case FMT_CSR:
    case FMT_CSRI:
    case FMT_FVMA:
    case FMT_FR:
    case FMT_FRM:
    case FMT_F4:
    case FMT_FX:
    case FMT_FTOX:
    case FMT_XTOF:
    case FMT_XF: return;
    }
}

const struct trace_piece *trace_code_make(struct trace_code *c, struct trace_piece *p, const struct event *e)
{
    char text[128];
    uint64_t offset = 0;
    uint32_t raw = (uint32_t)e->a[0];
    struct insn i = decode(c->decoder, raw);
    p->pc = e->pc;
    p->raw = raw;
    p->vm = e->vm;
    p->reg = (uint8_t)e->a[INSN_REG];
    c->vm = e->vm;
    p->length = (uint8_t)insn_length(raw);
    classify(p, &i);
    disasm(c->disasm, e->pc, raw, text, sizeof text);
    const char *symbol = trace_symbol(c->source, e->vm, e->pc, &offset);
    c->make(p, text, symbol, offset);
    return p;
}
