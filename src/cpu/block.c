/* SPDX-License-Identifier: MIT */
/* From bytes of a page to a block of operations. */
#include <string.h>

#include "cpu/observe.h"
#include "cpu/op.h"

enum { CALL_DEPTH = 4, OPS_MAX = 5 * BLOCK_MAX + 4 };

/* The block being formed. */
struct former {
    struct code_cache *c;
    const struct handler_table *t;
    enum fetch_context fp;
    bool linkable;   /* branches within the page may be linked: the block is entered in the page's map */
    bool hot;        /* worth unrolling */
    unsigned n;      /* instructions so far */
    unsigned start;  /* byte offset of the first */
    unsigned looped; /* operations at the beginning that are a loop with a handler of its own */
    uint32_t first;
    enum insn_id now; /* the instruction being emitted */
    struct {
        uint8_t reg;
        uint16_t to;
    } calls[CALL_DEPTH]; /* calls that the block followed: the link register and where it points */
    unsigned ncalls;
    uint8_t
        ids[OPS_MAX]; /* per operation: the instruction it is, or INSN_illegal where fusing is out of the question */
    struct stream_code *told; /* FETCH_TELL: what the stream is told of the block, so far; else NULL */
};

static struct op *emit(struct former *b, handler *fn, unsigned off, unsigned len)
{
    struct code_cache *c = b->c;
    struct op *op = &c->ops[c->used];
    b->ids[c->used - b->first] = (uint8_t)(fn == b->t->link           ? INSN_auipc
                                           : fn == b->t->insn[b->now] ? b->now
                                                                      : INSN_illegal);
    c->offset[c->used] = (uint16_t)(off | (len == 2));
    c->used++;
    *op = (struct op){.fn = fn, .n = (uint8_t)b->n};
    return op;
}

/* Before the instruction at off, where a breakpoint may lie. */
static struct op *emit_break(struct former *b, unsigned off)
{
    const struct code_cache *c = b->c;
    if (!c->nbreaks || !(c->break_offsets[off / 2 / 64] & BIT(off / 2 % 64)))
        return NULL;
    b->now = INSN_illegal;
    struct op *op = emit(b, b->t->brk, off, 4);
    op->n = (uint8_t)(b->n + 1); /* of the instruction that follows it */
    return op;
}

static uint8_t dest(uint8_t rd)
{
    return rd ? rd : 32;
}

static bool on_page(int32_t target)
{
    return target >= 0 && target < PAGE_SIZE;
}

/* Behind a jump through the fetch TLB: never run, it keeps where that led the last time. */
static void emit_slot(struct former *b, unsigned off)
{
    (void)emit(b, b->t->end, off, 4);
}

/* Ends the block: execution goes on at target, relative to the page. */
static void emit_end(struct former *b, unsigned off, int32_t target)
{
    const bool far = !b->linkable || !on_page(target);
    struct op *op = emit(b, far ? b->t->far : b->t->end, off, 4);
    op->imm = target;
    if (far)
        emit_slot(b, off);
}

static bool misaligned_target(const struct former *b, int32_t target)
{
    return (target & 2) && !b->c->isa.c;
}

/* The operations so far and a branch back to the first: true when a handler does the whole loop. The block goes on behind it. */
static bool close_loop(struct former *b, const struct insn *i, unsigned off, unsigned order)
{
    struct code_cache *c = b->c;
    struct op *first = &c->ops[b->first], *op = emit(b, b->t->insn[i->id], off, i->len);
    op->rs1 = i->rs1;
    op->rs2 = i->rs2;
    if (!fuse_loop(c, first, b->ids, c->used - b->first)) {
        c->used--;
        return false;
    }
    op->fn = b->t->branch_linked[order];
    op->rd = BRANCH_LINKED;
    op->imm = (int32_t)((const char *)first - (const char *)op);
    b->looped = c->used - b->first;
    return true;
}

/* A conditional branch at off. Returns where the block goes on: behind it, or, where a hot block meets a loop's closing branch, at its
 * target, leaving by the opposite condition: that unrolls the loop. */
static unsigned emit_branch(struct former *b, const struct insn *branch, unsigned off)
{
    struct insn turned = *branch, *i = &turned;
    unsigned next = off + branch->len;
    static const uint8_t order[] = {[INSN_beq - INSN_beq] = 0, [INSN_bne - INSN_beq] = 1,  [INSN_blt - INSN_beq] = 2,
                                    [INSN_bge - INSN_beq] = 3, [INSN_bltu - INSN_beq] = 4, [INSN_bgeu - INSN_beq] = 5};
    static const enum insn_id opposite[] = {INSN_bne, INSN_beq, INSN_bge, INSN_blt, INSN_bgeu, INSN_bltu};
    int32_t target = (int32_t)off + i->imm;
    if (b->hot && i->imm < 0 && on_page(target) && next < PAGE_SIZE && b->n + UNROLL_ROOM <= BLOCK_MAX &&
        !misaligned_target(b, target)) {
        if (target == (int32_t)b->start && !b->told && close_loop(b, i, off, order[i->id - INSN_beq]))
            return next;
        i->id = opposite[order[i->id - INSN_beq]];
        b->now = i->id;
        next = (unsigned)target;
        target = (int32_t)(off + branch->len);
    }
    handler *fn = b->linkable && on_page(target) ? b->t->insn[i->id] : b->t->branch_far[order[i->id - INSN_beq]];
    if (misaligned_target(b, target))
        fn = b->t->branch_misaligned[order[i->id - INSN_beq]];
    struct op *op = emit(b, fn, off, i->len);
    op->rs1 = i->rs1;
    op->rs2 = i->rs2;
    op->imm = target;
    return next;
}

static bool rm_is_nearest_even(const struct former *b, const struct insn *i)
{
    return i->rm == 0 || (i->rm == 7 && b->fp == FETCH_FP_DIRTY);
}

static void emit_fp(struct former *b, const struct insn *i, unsigned off)
{
    const struct handler_table *t = b->t;
    enum insn_format format = insn_rows[i->id].format;
    handler *fn = t->insn[i->id];
    bool writes_f = format == FMT_FL || format == FMT_FR || format == FMT_FRM || format == FMT_F4 ||
                    format == FMT_XTOF || format == FMT_XF;
    bool rounds = format == FMT_FRM || format == FMT_F4 || format == FMT_FTOX || format == FMT_XTOF;
    bool computes = rounds || i->id == INSN_fmin_s || i->id == INSN_fmax_s || i->id == INSN_fmin_d ||
                    i->id == INSN_fmax_d || i->id == INSN_feq_s || i->id == INSN_flt_s || i->id == INSN_fle_s ||
                    i->id == INSN_feq_d || i->id == INSN_flt_d || i->id == INSN_fle_d;
    if (b->fp == FETCH_FP_OFF) {
        struct op *op = emit(b, t->insn[INSN_illegal], off, i->len);
        op->imm = (int32_t)i->raw;
        return;
    }
    if (b->fp == FETCH_FP_CLEAN && writes_f) {
        emit(b, t->fp_dirty, off, i->len);
        return;
    }
    bool soft = computes && (!t->fp_to_int_rtz[0] || b->fp == FETCH_FP_CLEAN || (rounds && !rm_is_nearest_even(b, i)));
    if (format == FMT_FTOX) {
        soft = true;
        if (i->rm == 1 && t->fp_to_int_rtz[0] && b->fp != FETCH_FP_CLEAN) {
            static const uint8_t kind[][2] = {{INSN_fcvt_w_s, 0},  {INSN_fcvt_wu_s, 1}, {INSN_fcvt_l_s, 2},
                                              {INSN_fcvt_lu_s, 3}, {INSN_fcvt_w_d, 4},  {INSN_fcvt_wu_d, 5},
                                              {INSN_fcvt_l_d, 6},  {INSN_fcvt_lu_d, 7}};
            for (unsigned k = 0; k < ARRAY_LEN(kind); k++)
                if (kind[k][0] == i->id)
                    fn = t->fp_to_int_rtz[kind[k][1]];
            soft = false;
        }
    }
    struct op *op = emit(b, soft ? t->fp_soft : fn, off, i->len);
    op->rd = format == FMT_FX || format == FMT_FTOX ? dest(i->rd) : i->rd;
    op->rs1 = i->rs1;
    op->rs2 = i->rs2;
    op->imm = soft               ? (int32_t)(i->id | (uint32_t)i->rm << 8 | (uint32_t)i->rs3 << 16)
              : format == FMT_F4 ? i->rs3
                                 : i->imm;
}

/* An instruction that does nothing but count. It needs an operation only where a block starts: links lead to a block's first
 * operation, whose offset must be that of the block. */
static bool emit_nothing(struct former *b, unsigned off, unsigned len)
{
    if (b->c->used == b->first)
        emit(b, b->t->insn[INSN_fence], off, len);
    return true;
}

static void push_call(struct former *b, uint8_t reg, unsigned to)
{
    if (b->ncalls == CALL_DEPTH)
        memmove(b->calls, b->calls + 1, --b->ncalls * sizeof b->calls[0]);
    b->calls[b->ncalls].reg = reg;
    b->calls[b->ncalls++].to = (uint16_t)to;
}

/* A jump to a target known now, with its link. Returns false when it ends the block. */
static bool emit_jump(struct former *b, uint8_t rd, int32_t target, unsigned at, unsigned len, unsigned *off)
{
    if (rd) {
        struct op *op = emit(b, b->t->link, at, len);
        op->rd = rd;
        op->imm = (int32_t)(at + len);
        push_call(b, rd, at + len);
    }
    if (on_page(target) && b->linkable && b->n < BLOCK_MAX) {
        *off = (unsigned)target; /* the block follows the jump */
        return rd ? true : emit_nothing(b, at, len);
    }
    emit_end(b, at, target);
    return false;
}

static bool emit_jalr(struct former *b, const struct insn *i, unsigned at, unsigned *off)
{
    const struct op *last = &b->c->ops[b->c->used - 1];
    bool is_return = !i->rd && !i->imm;
    if (is_return && b->linkable && b->ncalls && b->calls[b->ncalls - 1].reg == i->rs1 &&
        b->calls[b->ncalls - 1].to < PAGE_SIZE) {
        /* Back from a call that this block followed: go on inline, if the register still says so when it runs. */
        struct op *op = emit(b, b->t->ret_inline, at, i->len);
        op->rs1 = i->rs1;
        op->imm = b->calls[--b->ncalls].to;
        *off = (unsigned)op->imm;
        return true;
    }
    if (b->c->used > b->first && last->fn == b->t->link && last->rd == i->rs1 && last->n + 1u == b->n && b->c->isa.c) {
        /* auipc and jalr together are a call to a known place. */
        int64_t target = ((int64_t)last->imm + i->imm) & ~INT64_C(1);
        if (target == (int32_t)target)
            return emit_jump(b, i->rd, (int32_t)target, at, i->len, off);
    }
    bool to_register = !i->imm && b->c->isa.c;
    struct op *op = emit(b, to_register ? (i->rd ? b->t->call : b->t->ret) : b->t->insn[INSN_jalr], at, i->len);
    op->rd = dest(i->rd);
    op->rs1 = i->rs1;
    op->imm = to_register ? (int32_t)(at + i->len) : i->imm;
    if (i->rd || !to_register)
        emit_slot(b, at); /* `ret` keeps it in its own imm */
    return false;
}

/* Emits one instruction. False: it ends the block. */
static bool emit_insn(struct former *b, const struct insn *i, unsigned *off)
{
    const struct handler_table *t = b->t;
    unsigned at = *off;
    struct op *op;
    b->n++;
    b->now = i->id;
    *off += i->len;
    switch (insn_rows[i->id].format) {
    case FMT_R:
    case FMT_R1:
    case FMT_I:
    case FMT_SH:
        if (i->id == INSN_jalr)
            break;
        if (i->id == INSN_slti && !i->rd && !i->rs1) {
            op = emit(b, t->mark, at, i->len);
            op->imm = i->imm;
            return true;
        }
        if (!i->rd)
            return emit_nothing(b, at, i->len); /* a hint */
        op = emit(b, t->insn[i->id], at, i->len);
        op->rd = i->rd;
        op->rs1 = i->rs1;
        op->rs2 = i->rs2;
        op->imm = i->imm;
        return true;
    case FMT_U:
        if (!i->rd)
            return emit_nothing(b, at, i->len);
        op = emit(b, t->insn[i->id], at, i->len);
        op->rd = i->rd;
        op->imm = i->id == INSN_auipc ? i->imm + (int32_t)at : i->imm;
        return true;
    case FMT_L:
    case FMT_S:
    case FMT_AMO:
    case FMT_HLV:
    case FMT_HSV:
    case FMT_CBO:
    case FMT_CSR:
    case FMT_CSRI:
        op = emit(b, t->insn[i->id], at, i->len);
        op->rd = dest(i->rd);
        op->rs1 = i->rs1;
        op->rs2 = i->rs2;
        op->imm = insn_rows[i->id].format == FMT_HLV || insn_rows[i->id].format == FMT_HSV ||
                          insn_rows[i->id].format == FMT_CBO
                      ? (int32_t)i->raw
                      : i->imm;
        return true;
    case FMT_FENCE: return emit_nothing(b, at, i->len);
    case FMT_B: *off = emit_branch(b, i, at); return true;
    case FMT_J:
        if (misaligned_target(b, (int32_t)at + i->imm)) {
            op = emit(b, t->jump_misaligned, at, i->len);
            op->imm = (int32_t)at + i->imm;
            return false;
        }
        return emit_jump(b, i->rd, (int32_t)at + i->imm, at, i->len, off);
    case FMT_FVMA:
        op = emit(b, t->insn[i->id], at, i->len);
        op->rs1 = i->rs1;
        op->rs2 = i->rs2;
        op->imm = (int32_t)i->raw;
        return false;
    case FMT_NONE:
        op = emit(b, t->insn[i->id], at, i->len);
        op->imm = (int32_t)i->raw;
        return i->id == INSN_wfi;
    case FMT_FL:
    case FMT_FS:
    case FMT_FR:
    case FMT_FRM:
    case FMT_F4:
    case FMT_FX:
    case FMT_FTOX:
    case FMT_XTOF:
    case FMT_XF: emit_fp(b, i, at); return true;
    }
    return emit_jalr(b, i, at, off);
}

static struct former begin(struct code_cache *c, enum fetch_context context, bool linkable)
{
    if (c->used > ARENA_OPS - OPS_MAX || c->told_used % TOLD_HALF > TOLD_HALF - STREAM_MAX)
        code_cache_reset(c);
    if (c->told_resets != c->resets) {
        c->told_resets = c->resets;
        c->told_used = c->told_used < TOLD_HALF ? TOLD_HALF : 0;
    }
    return (struct former){
        .c = c, .t = c->handlers, .fp = context & 3, .linkable = linkable && !(context & FETCH_STEP), .first = c->used};
}

static uint64_t granules(unsigned off, unsigned len)
{
    return BIT(off / 64 % 64) | BIT((off + len - 1) / 64 % 64);
}

/* ---- blocks that tell ---- */

/* The block's first operation, and room for what it is about. */
static void begin_told(struct former *b, unsigned off)
{
    struct code_cache *c = b->c;
    b->told = (struct stream_code *)(void *)(c->told + c->told_used);
    *b->told = (struct stream_code){.serial = 0};
    struct op *op = emit(b, b->t->tell_block, off, 4);
    op->imm = (int32_t)(c->told_used / 16);
}

static void end_told(struct former *b)
{
    struct stream_insn *last = &b->told->insn[b->told->n];
    uint8_t words = b->told->n ? (uint8_t)(last[-1].words + stream_has_word(&last[-1])) : 0;
    *last = (struct stream_insn){.words = words};
    b->c->told_used += (uint32_t)(sizeof *b->told + (b->told->n + 1) * sizeof *last);
}

static bool takes_f(const struct insn *i)
{
    return insn_rows[i->id].format == FMT_FL || insn_rows[i->id].format == FMT_FS;
}

/* An instruction, and what tells of it. In front of loads and stores stands one operation that is all of them, where the TLB knows the page. */
static bool emit_told(struct former *b, const struct insn *i, unsigned *off)
{
    struct stream_insn *t = &b->told->insn[b->told->n++];
    unsigned at = *off;
    observe_describe(i, at, t);
    t->words = b->told->n > 1 ? (uint8_t)(t[-1].words + stream_has_word(&t[-1])) : 0;
    if (b->t->told[i->id] && (!takes_f(i) || b->fp >= FETCH_FP_DIRTY)) {
        b->now = INSN_illegal;
        struct op *op = emit(b, b->t->told[i->id], at, i->len);
        op->rd = takes_f(i) ? i->rd : dest(i->rd);
        op->rs1 = i->rs1;
        op->rs2 = i->rs2;
        op->imm = i->imm;
    }
    if (t->how == STREAM_STORE) {
        struct op *op = emit(b, b->t->tell_stored[__builtin_ctz(t->size)], at, i->len);
        op->rs1 = t->rs1;
        op->imm = t->imm;
        op->rd = (uint8_t)__builtin_ctz(t->size);
    }
    bool open = emit_insn(b, i, off);
    if (stream_has_word(t)) {
        b->now = INSN_illegal;
        struct op *op = emit(b, b->t->tell, at, i->len);
        op->imm = (int32_t)observe_word(t);
    }
    return open;
}

/* The block is one instruction that must be observed alone. */
static void emit_alone(struct former *b, unsigned off, uint32_t raw)
{
    struct op *op = emit(b, b->t->tell_alone, off, 4);
    op->imm = (int32_t)raw;
}

static uint32_t form(struct code_cache *c, struct code_page *page, unsigned off, bool hot)
{
    struct former b = begin(c, page->context, true);
    const bool tells = page->context & FETCH_TELL;
    b.hot = hot;
    b.start = off;
    unsigned limit = page->context & FETCH_STEP ? 1 : BLOCK_MAX;
    bool open = true;
    while (open && b.n < limit) {
        uint16_t half[2] = {0, 0};
        memcpy(half, page->bytes + off, 2);
        if (off + 2 < PAGE_SIZE)
            memcpy(half + 1, page->bytes + off + 2, 2);
        if (off + insn_length(half[0]) > PAGE_SIZE)
            break; /* it goes on on the next page: fetch_lookup() deals with it */
        struct insn i = decode(c->decoder, half[0] | (uint32_t)half[1] << 16);
        page->granules |= granules(off, i.len);
        if (tells && !observe_in_blocks(&i, page->context & FETCH_FP_ALONE)) {
            if (b.n)
                break;
            emit_alone(&b, off, i.raw);
            open = false;
            break;
        }
        if (tells && !b.n)
            begin_told(&b, off);
        emit_break(&b, off);
        open = tells ? emit_told(&b, &i, &off) : emit_insn(&b, &i, &off);
        if (off >= PAGE_SIZE)
            break;
    }
    if (open)
        emit_end(&b, off < PAGE_SIZE ? off : PAGE_SIZE - 2, (int32_t)off);
    page->granules |= granules(b.start, 2);
    if (b.told)
        end_told(&b);
    if (limit > 1)
        fuse_ops(c, &c->ops[b.first + b.looped], b.ids + b.looped, c->used - b.first - b.looped);
    page->entry[b.start / 2] = b.first;
    bus_flag_page(c->bus, page->pa, PAGE_CODE, true);
    return b.first;
}

uint32_t block_form(struct code_cache *c, struct code_page *page, unsigned off)
{
    return form(c, page, off, false);
}

uint32_t block_form_hot(struct code_cache *c, struct code_page *page, unsigned off)
{
    uint32_t at = page->entry[off / 2];
    if (at && (c->offset[at] & OFFSET_HOT || off == PAGE_SIZE - 2))
        return at; /* at the page's end an instruction may go on on the next page: form() cannot follow it */
    at = form(c, page, off, true);
    c->offset[at] |= OFFSET_HOT;
    return at;
}

uint32_t block_form_uncached(struct code_cache *c, enum fetch_context context, uint32_t raw, unsigned off)
{
    struct former b = begin(c, context, false);
    struct insn i = decode(c->decoder, raw);
    emit_break(&b, off);
    if (emit_insn(&b, &i, &off))
        emit_end(&b, (off - i.len) & (PAGE_SIZE - 1), (int32_t)off);
    return b.first;
}

uint32_t block_form_crossing(struct code_cache *c, struct code_page *page, uint32_t raw)
{
    struct former b = begin(c, page->context, false);
    unsigned off = PAGE_SIZE - 2;
    if (page->context & FETCH_TELL) {
        emit_alone(&b, off, raw);
    } else {
        struct op *brk = emit_break(&b, off);
        if (brk)
            brk->imm = (int32_t)raw; /* what fetch_lookup() knows the entry by */
        struct op *op = emit(&b, b.t->cross, off, 4);
        op->n = 1;
        op->imm = (int32_t)raw;
        struct insn i = decode(c->decoder, raw);
        if (emit_insn(&b, &i, &off))
            emit_end(&b, PAGE_SIZE - 2, (int32_t)off);
    }
    page->entry[PAGE_HALVES - 1] = b.first;
    page->granules |= BIT(63);
    bus_flag_page(c->bus, page->pa, PAGE_CODE, true);
    return b.first;
}
