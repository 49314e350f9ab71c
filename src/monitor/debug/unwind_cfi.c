/* SPDX-License-Identifier: MIT */
/* Frames by DWARF's call frame information. libdw finds the rules; their expressions are evaluated here. DWARF 5, 2.5 and 6.4. */
#include "monitor/debug/unwind_int.h"

#include <dwarf.h>
#include <elfutils/libdw.h>
#include <stdlib.h>

enum { STACK = 32, STEPS = 1024 };

struct machine_state {
    const struct unwind_env *env;
    const struct unwind_frame *f;
    uint64_t cfa;
    bool has_cfa;
    const struct unwind_place *place; /* of a variable; NULL: rules of call frame information */
    uint64_t stack[STACK];
    unsigned depth;
};

static bool push(struct machine_state *m, uint64_t v)
{
    if (m->depth == STACK)
        return false;
    m->stack[m->depth++] = v;
    return true;
}

static bool push_reg(struct machine_state *m, uint64_t n, uint64_t offset)
{
    return n < 32 && m->f->known >> n & 1 && push(m, m->f->x[n] + offset);
}

/* Operations on the two upper values. */
static bool binary(struct machine_state *m, unsigned op)
{
    if (m->depth < 2)
        return false;
    uint64_t b = m->stack[--m->depth], *a = &m->stack[m->depth - 1];
    switch (op) {
    case DW_OP_plus: *a += b; return true;
    case DW_OP_minus: *a -= b; return true;
    case DW_OP_mul: *a *= b; return true;
    case DW_OP_and: *a &= b; return true;
    case DW_OP_or: *a |= b; return true;
    case DW_OP_xor: *a ^= b; return true;
    case DW_OP_shl: *a = b < 64 ? *a << b : 0; return true;
    case DW_OP_shr: *a = b < 64 ? *a >> b : 0; return true;
    case DW_OP_shra: *a = (uint64_t)((int64_t)*a >> (b < 64 ? b : 63)); return true;
    case DW_OP_eq: *a = *a == b; return true;
    case DW_OP_ne: *a = *a != b; return true;
    case DW_OP_lt: *a = (int64_t)*a < (int64_t)b; return true;
    case DW_OP_le: *a = (int64_t)*a <= (int64_t)b; return true;
    case DW_OP_gt: *a = (int64_t)*a > (int64_t)b; return true;
    case DW_OP_ge: *a = (int64_t)*a >= (int64_t)b; return true;
    default: return false;
    }
}

static bool load(struct machine_state *m, unsigned size)
{
    uint64_t v;
    if (!m->depth || (size != 2 && size != 4 && size != 8) ||
        !m->env->read(m->env->ctx, m->stack[m->depth - 1], size, &v))
        return false;
    m->stack[m->depth - 1] = v;
    return true;
}

static bool operation(struct machine_state *m, const Dwarf_Op *op)
{
    unsigned a = op->atom;
    if (a >= DW_OP_breg0 && a <= DW_OP_breg31)
        return push_reg(m, a - DW_OP_breg0, op->number);
    if (a >= DW_OP_lit0 && a <= DW_OP_lit31)
        return push(m, a - DW_OP_lit0);
    switch (a) {
    case DW_OP_addr: return push(m, op->number + (m->place ? m->place->bias : 0));
    case DW_OP_fbreg: return m->place && m->place->has_base && push(m, m->place->base + op->number);
    case DW_OP_const1u:
    case DW_OP_const1s:
    case DW_OP_const2u:
    case DW_OP_const2s:
    case DW_OP_const4u:
    case DW_OP_const4s:
    case DW_OP_const8u:
    case DW_OP_const8s:
    case DW_OP_constu:
    case DW_OP_consts: return push(m, op->number);
    case DW_OP_bregx: return push_reg(m, op->number, op->number2);
    case DW_OP_call_frame_cfa: return m->has_cfa && push(m, m->cfa);
    case DW_OP_plus_uconst:
        if (!m->depth)
            return false;
        m->stack[m->depth - 1] += op->number;
        return true;
    case DW_OP_deref: return load(m, 8);
    case DW_OP_deref_size: return load(m, (unsigned)op->number);
    case DW_OP_dup: return m->depth && push(m, m->stack[m->depth - 1]);
    case DW_OP_over: return m->depth > 1 && push(m, m->stack[m->depth - 2]);
    case DW_OP_drop: return m->depth && m->depth--;
    case DW_OP_neg:
        if (!m->depth)
            return false;
        m->stack[m->depth - 1] = -m->stack[m->depth - 1];
        return true;
    case DW_OP_not:
        if (!m->depth)
            return false;
        m->stack[m->depth - 1] = ~m->stack[m->depth - 1];
        return true;
    case DW_OP_nop: return true;
    default: return binary(m, a);
    }
}

/* The value that ops describe: that of a register, one computed, or one in memory. value_only: what is computed is the value itself (the CFA). */
static bool evaluate(struct machine_state *m, const Dwarf_Op *ops, size_t n, bool value_only, uint64_t *value)
{
    m->depth = 0;
    if (n == 1 && ((ops->atom >= DW_OP_reg0 && ops->atom <= DW_OP_reg31) || ops->atom == DW_OP_regx)) {
        uint64_t r = ops->atom == DW_OP_regx ? ops->number : (uint64_t)(ops->atom - DW_OP_reg0);
        if (r >= 32 || !(m->f->known >> r & 1))
            return false;
        *value = m->f->x[r];
        return true;
    }
    if (n > STEPS)
        return false;
    for (size_t i = 0; i < n; i++) {
        if (ops[i].atom == DW_OP_stack_value) {
            value_only = true;
            break;
        }
        if (!operation(m, &ops[i]))
            return false;
    }
    if (!m->depth)
        return false;
    *value = m->stack[m->depth - 1];
    return value_only || m->env->read(m->env->ctx, *value, 8, value);
}

bool unwind_evaluate(const struct unwind_env *env, const struct unwind_frame *f, const void *code, size_t n,
                     struct unwind_place *p)
{
    struct machine_state m = {.env = env, .f = f, .cfa = f->cfa, .has_cfa = f->cfa, .place = p};
    const Dwarf_Op *ops = code;
    struct unwind_regs r;
    p->where = UNWIND_MEMORY;
    if (n == 1 && ((ops->atom >= DW_OP_reg0 && ops->atom <= DW_OP_reg31) || ops->atom == DW_OP_regx)) {
        p->where = UNWIND_REGISTER;
        p->value = ops->atom == DW_OP_regx ? ops->number : (uint64_t)(ops->atom - DW_OP_reg0);
        return true;
    }
    for (size_t i = 0; i < n && n <= STEPS; i++) {
        if (ops[i].atom == DW_OP_stack_value) {
            p->where = UNWIND_VALUE;
            break;
        }
        if (ops[i].atom == DW_OP_call_frame_cfa && !m.has_cfa && unwind_by_cfi(env, f, &r) != CFI_NONE) {
            m.cfa = r.cfa;
            m.has_cfa = true;
        }
        if (!operation(&m, &ops[i]))
            return false;
    }
    p->value = m.depth ? m.stack[m.depth - 1] : 0;
    return m.depth && n <= STEPS;
}

/* What the rule of register n says. */
static void recover(struct machine_state *m, Dwarf_Frame *frame, unsigned n, struct unwind_regs *r)
{
    Dwarf_Op mem[3], *ops = NULL;
    size_t nops = 0;
    uint64_t v;
    if (dwarf_frame_register(frame, (int)n, mem, &ops, &nops))
        return;
    bool same = !nops && !ops, none = !nops && ops;
    if (none && (CALLEE_SAVED >> n & 1)) /* without a rule the ABI's holds */
        same = true;
    if (same) {
        if (n == REG_SP) {
            r->x[n] = m->cfa;
            r->known |= UINT32_C(1) << n;
        } else if (m->f->known >> n & 1) {
            r->x[n] = m->f->x[n];
            r->known |= UINT32_C(1) << n;
        }
    } else if (!none && evaluate(m, ops, nops, false, &v)) {
        r->x[n] = v;
        r->known |= UINT32_C(1) << n;
    }
}

/* Does the rule of the return address say that there is none? A leaf function has no rule at all, which libdw tells apart. */
static bool is_last(Dwarf_Frame *frame, int column)
{
    Dwarf_Op mem[3], *ops = NULL;
    size_t nops = 0;
    return !dwarf_frame_register(frame, column, mem, &ops, &nops) && !nops && ops;
}

static enum cfi_answer by_frame(const struct unwind_env *env, const struct unwind_frame *f, Dwarf_Frame *frame,
                                struct unwind_regs *r)
{
    struct machine_state m = {.env = env, .f = f};
    Dwarf_Op *ops;
    size_t nops;
    bool signal = false;
    int column = dwarf_frame_info(frame, NULL, NULL, &signal);
    *r = (struct unwind_regs){.known = 0};
    if (column < 0 || dwarf_frame_cfa(frame, &ops, &nops) || !nops || !evaluate(&m, ops, nops, true, &m.cfa))
        return CFI_NONE;
    m.has_cfa = true;
    r->cfa = m.cfa;
    for (unsigned n = 1; n < 32; n++)
        recover(&m, frame, n, r);
    if (column >= 32) { /* a column for the trap's pc */
        struct unwind_regs pc = {.known = 0};
        Dwarf_Op mem[3];
        if (!dwarf_frame_register(frame, column, mem, &ops, &nops) && nops && evaluate(&m, ops, nops, false, &pc.epc)) {
            r->epc = pc.epc;
            r->has_epc = true;
        }
        return signal ? CFI_SIGNAL : CFI_NONE;
    }
    if (!(r->known & BIT(REG_RA)) && is_last(frame, column))
        return CFI_LAST;
    if (signal && (r->known & BIT(REG_RA))) {
        r->epc = r->x[REG_RA];
        r->has_epc = true;
    }
    return signal ? CFI_SIGNAL : CFI_CALLER;
}

enum cfi_answer unwind_by_cfi(const struct unwind_env *env, const struct unwind_frame *f, struct unwind_regs *r)
{
    uint64_t bias;
    Dwarf_CFI *cfi;
    for (unsigned n = 0; (cfi = source_cfi(env->source, f->lookup, n, &bias)); n++) {
        Dwarf_Frame *frame;
        /* The rules that hold in the call: behind it another function may begin, where the callee never returns. */
        if (dwarf_cfi_addrframe(cfi, f->lookup - bias, &frame))
            continue;
        enum cfi_answer a = by_frame(env, f, frame, r);
        free(frame);
        if (a != CFI_NONE)
            return a;
    }
    return CFI_NONE;
}
