/* SPDX-License-Identifier: MIT */
#include "cpu/csr.h"
#include "cpu/decode.h"
#include "monitor/debug/unwind_int.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

const char *unwind_how_name(enum unwind_how how)
{
    switch (how) {
    case UNWIND_PC: return "";
    case UNWIND_CFI: return "cfi";
    case UNWIND_CODE: return "code";
    case UNWIND_FP: return "fp";
    case UNWIND_RA: return "ra";
    case UNWIND_TRAP: return "trap";
    }
    return "";
}

/* A mode's trap registers by their numbers. */
static struct unwind_trap trap_of(struct hart *h, unsigned tvec)
{
    /* In each mode's block: tvec at 5, scratch at 0x40, epc at 0x41. Priv. 2.2 */
    unsigned scratch = (tvec & 0xf00) + 0x40, epc = scratch + 1;
    struct unwind_trap t = {.epc_name = csr_name(epc)};
    if (!csr_peek(h, tvec, &t.tvec) || !csr_peek(h, epc, &t.epc) || !csr_peek(h, scratch, &t.scratch))
        t.epc_name = NULL;
    return t;
}

void unwind_env_hart(struct unwind_env *env, struct hart *h)
{
    struct unwind_trap m = trap_of(h, 0x305), s = trap_of(h, 0x105);
    env->pc = h->pc;
    memcpy(env->x, h->x, sizeof env->x);
    env->x[0] = 0;
    env->trap[0] = h->virt ? trap_of(h, 0x205) : h->priv == PRIV_M ? m : s;
    env->trap[1] = h->virt ? s : h->priv == PRIV_M ? s : m;
}

/* One backtrace in the making. */
struct unwinder {
    const struct unwind_env *env;
    const struct decode_table *decoder;
    bool used[2]; /* env->trap[].epc was gone on at: a second trap into that mode has overwritten it */
    char *why;
    size_t size;
};

static bool end(struct unwinder *u, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* Says why there is no further frame; false, so that it may be returned. */
static bool end(struct unwinder *u, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    if (u->size)
        vsnprintf(u->why, u->size, fmt, args);
    va_end(args);
    return false;
}

/* ---- What a frame is called ---- */

/* The beginning of the function that holds addr. */
static bool function_low(const struct unwind_env *env, uint64_t addr, const char **name, uint64_t *low)
{
    struct source_function f;
    struct symbol_info info;
    bool symbol = symbols_find(env->symbols, addr, &info);
    if (source_function_at(env->source, addr, &f) && (!symbol || info.kind != SYMBOL_FUNCTION || info.value <= f.low)) {
        *name = f.name;
        *low = f.low;
        return true;
    }
    if (!symbol)
        return false;
    *name = info.name;
    *low = info.value;
    return true;
}

static void name_frame(const struct unwind_env *env, struct unwind_frame *f)
{
    struct source_place p;
    uint64_t low;
    f->function = NULL;
    if (function_low(env, f->lookup, &f->function, &low))
        f->offset = f->pc - low;
    if (source_at(env->source, f->lookup, &p)) {
        f->file = p.file;
        f->line = p.line;
    }
}

/* Names that kernels give to their trap entries, for those that stvec and mtvec do not tell: the table of a vectored stvec jumps there. */
static bool is_entry_name(const char *name)
{
    static const char *const names[] = {"trap_entry", "trap_vector", "kernelvec",  "kernel_vec",       "uservec",
                                        "user_vec",   "m_vec",       "s_vec",      "handle_exception", "_trap_handler",
                                        "trap_vec",   "_trap_entry", "__alltraps", "alltraps",         "trapvec",
                                        "timervec",   "_start_trap"};
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        if (!strcmp(name, names[i]))
            return true;
    return false;
}

/* Which of env->trap[] came in by this function; -1: it is no trap's entry. */
static int entry_of(const struct unwind_env *env, const struct unwind_frame *f)
{
    enum { UNNAMED = 512 }; /* bytes from tvec on that are its entry where no symbol tells */
    uint64_t low = f->pc - f->offset, base_low;
    const char *name;
    for (int t = 0; t < 2; t++) {
        uint64_t base = env->trap[t].tvec & ~UINT64_C(3);
        if (!env->trap[t].epc_name || !base)
            continue;
        bool named = function_low(env, base, &name, &base_low);
        if (f->function ? named && base_low == low && f->pc >= base : f->pc - base < UNNAMED)
            return t;
    }
    return f->function && env->trap[0].epc_name && is_entry_name(f->function) ? 0 : -1;
}

/* ---- From frame to frame ---- */

/* Does the hart stand where tvec leads, and no code is there? A kernel took a trap before it had a handler. The registers are those of the trap. */
static bool at_bare_vector(const struct unwind_env *env, const struct unwind_frame *f)
{
    const struct unwind_trap *t = &env->trap[0];
    uint64_t v;
    return t->epc_name && f->pc == (t->tvec & ~UINT64_C(3)) && t->epc != f->pc && !env->read(env->ctx, f->pc, 2, &v);
}

/* Could code be there? */
static bool is_code(const struct unwind_env *env, uint64_t pc)
{
    uint64_t v;
    return pc && !(pc & 1) && env->read(env->ctx, pc, 2, &v);
}

/* Is there a call right before pc? Its return address would be pc. */
static bool behind_call(struct unwinder *u, uint64_t pc)
{
    const struct unwind_env *env = u->env;
    uint64_t low, high;
    struct insn i;
    if (!is_code(env, pc) || !env->read(env->ctx, pc - 2, 2, &high))
        return false;
    i = decode(u->decoder, (uint32_t)high & 0xffff);
    if (i.len == 2 && i.id == INSN_jalr && i.rd == REG_RA)
        return true;
    if (!env->read(env->ctx, pc - 4, 2, &low))
        return false;
    i = decode(u->decoder, (uint32_t)(low & 0xffff) | (uint32_t)high << 16);
    return i.len == 4 && (i.id == INSN_jal || i.id == INSN_jalr) && (i.rd == REG_RA || i.rd == 5);
}

/* The chain of frame pointers: -8(s0) the return address, -16(s0) the caller's s0. */
static bool by_frame_pointer(struct unwinder *u, const struct unwind_frame *f, struct unwind_regs *r)
{
    enum { LARGEST = 1 << 20 }; /* bytes of a frame */
    const struct unwind_env *env = u->env;
    uint64_t fp = f->x[REG_FP], sp = f->x[REG_SP], ra, caller_fp;
    if (!(f->known & BIT(REG_FP)) || !(f->known & BIT(REG_SP)) || fp % 8 || fp - sp < 16 || fp - sp > LARGEST ||
        !env->read(env->ctx, fp - 8, 8, &ra) || !env->read(env->ctx, fp - 16, 8, &caller_fp) || !behind_call(u, ra))
        return false;
    *r = (struct unwind_regs){.cfa = fp, .known = (uint32_t)(BIT(REG_RA) | BIT(REG_SP) | BIT(REG_FP))};
    r->x[REG_RA] = ra;
    r->x[REG_SP] = fp;
    r->x[REG_FP] = caller_fp;
    return true;
}

/* What a function leaves as it was, when nothing better is known. */
static void by_return_address(const struct unwind_frame *f, struct unwind_regs *r)
{
    *r = (struct unwind_regs){.known = f->known & (uint32_t)(CALLEE_SAVED | BIT(REG_RA))};
    memcpy(r->x, f->x, sizeof r->x);
    r->cfa = f->x[REG_SP];
}

/* Fills next with a frame at pc and the registers of r. */
static void set_frame(const struct unwind_env *env, struct unwind_frame *next, enum unwind_how how, uint64_t pc,
                      const struct unwind_regs *r)
{
    bool called = how != UNWIND_TRAP && how != UNWIND_PC;
    *next = (struct unwind_frame){.pc = pc, .lookup = called ? pc - 1 : pc, .how = how, .known = r->known | 1};
    memcpy(next->x, r->x, sizeof next->x);
    next->x[0] = 0;
    if (called) /* the call's callee did with the others as it liked */
        next->known &= CALLEE_SAVED | 1;
    name_frame(env, next);
}

/* The frame that a trap interrupted; f is its entry, of mode t, and r what the registers were at the entry. */
static bool across_trap(struct unwinder *u, struct unwind_frame *f, const struct unwind_regs *r, int t,
                        struct unwind_frame *next)
{
    const struct unwind_env *env = u->env;
    f->trap_entry = true;
    f->cfa = r->cfa;
    uint64_t pc = r->epc;
    if (!r->has_epc) {
        if (t < 0)
            return end(u, "%s+0x%" PRIx64 " is a trap's frame that does not tell where the trap was taken",
                       f->function ? f->function : "this", f->offset);
        if (u->used[t])
            return end(u, "a second trap came in here, and %s tells of the later one only", env->trap[t].epc_name);
        pc = env->trap[t].epc;
    }
    if (t >= 0)
        u->used[t] = true;
    set_frame(env, next, UNWIND_TRAP, pc, r);
    return true;
}

/* Can the caller at r's return address be believed? */
static bool credible(struct unwinder *u, const struct unwind_regs *r, enum unwind_how how)
{
    if (!(r->known & BIT(REG_RA)))
        return false;
    return how == UNWIND_CFI ? is_code(u->env, r->x[REG_RA]) : behind_call(u, r->x[REG_RA]);
}

/* What f's instructions tell, where there is no call frame information: those ahead, else those behind. entry: whose trap's entry it is,
 * of env->trap[]; -1: none's. */
static bool by_code(struct unwinder *u, const struct unwind_frame *f, int entry, struct unwind_regs *r)
{
    enum ahead_answer ahead = unwind_by_ahead(u->env, u->decoder, f, r);
    if (entry >= 0 ? ahead == AHEAD_TRAP : ahead == AHEAD_CALLER && credible(u, r, UNWIND_CODE))
        return true;
    if (!f->function && entry < 0)
        return false;
    uint64_t low = f->function ? f->pc - f->offset : u->env->trap[entry].tvec & ~UINT64_C(3);
    return unwind_by_code(u->env, u->decoder, f, low, r) && (entry >= 0 || credible(u, r, UNWIND_CODE));
}

/* The caller of f, which is no trap's entry, without call frame information. False: the reason is told. */
static bool by_other_means(struct unwinder *u, const struct unwind_frame *f, const char *name, struct unwind_regs *r,
                           enum unwind_how *how)
{
    *how = UNWIND_CODE;
    if (by_code(u, f, -1, r))
        return true;
    *how = UNWIND_FP;
    if (by_frame_pointer(u, f, r))
        return true;
    if (f->how != UNWIND_PC && f->how != UNWIND_TRAP)
        return end(u, "nothing tells who called %s", name);
    by_return_address(f, r);
    *how = UNWIND_RA;
    return true;
}

static bool step(struct unwinder *u, struct unwind_frame *f, struct unwind_frame *next)
{
    const struct unwind_env *env = u->env;
    struct unwind_regs r;
    const char *name = f->function ? f->function : "the code here";
    int entry = entry_of(env, f);
    if (f->how == UNWIND_PC && at_bare_vector(env, f)) {
        r = (struct unwind_regs){.known = f->known, .cfa = f->x[REG_SP]};
        memcpy(r.x, f->x, sizeof r.x);
        return across_trap(u, f, &r, 0, next);
    }
    if (entry >= 0 && !f->function && unwind_by_ahead(env, u->decoder, f, &r) == AHEAD_CALLER)
        entry = -1; /* only near an entry: it returns to a caller */
    enum cfi_answer cfi = unwind_by_cfi(env, f, &r);
    if (cfi == CFI_SIGNAL)
        return across_trap(u, f, &r, entry, next);
    if (entry >= 0) {
        if (cfi != CFI_CALLER && !by_code(u, f, entry, &r))
            by_return_address(f, &r);
        return across_trap(u, f, &r, entry, next);
    }
    if (cfi == CFI_LAST)
        return end(u, "%s has no caller: so says its call frame information", name);
    enum unwind_how how = UNWIND_CFI;
    if (cfi == CFI_NONE && !by_other_means(u, f, name, &r, &how))
        return false;
    f->cfa = r.cfa;
    if (!(r.known & BIT(REG_RA)))
        return end(u, "the return address of %s is neither in a register nor in memory that can be read", name);
    if (!r.x[REG_RA])
        return end(u, "the return address of %s is 0: it was not called", name);
    if (!credible(u, &r, how))
        return end(u,
                   "the return address of %s, 0x%" PRIx64
                   ", is not behind a call: it was jumped to, or its frame is damaged",
                   name, r.x[REG_RA]);
    set_frame(env, next, how, r.x[REG_RA], &r);
    return true;
}

/* Does the chain go on upwards in the stack? A trap may have switched to another. */
static bool goes_up(struct unwinder *u, const struct unwind_frame *v, unsigned n)
{
    const struct unwind_frame *f = &v[n - 1], *before = n > 1 ? &v[n - 2] : NULL;
    if (!before || f->how == UNWIND_TRAP || f->trap_entry || !f->cfa || !before->cfa)
        return true;
    if (f->cfa < before->cfa)
        return end(u, "the stack goes down, from 0x%" PRIx64 " to 0x%" PRIx64 ": it is damaged, or another one",
                   before->cfa, f->cfa);
    if (f->cfa == before->cfa && f->pc == before->pc)
        return end(u, "frame %u is the same as the one before it", n - 1);
    return true;
}

struct decode_table *unwind_decoder(void)
{
    struct isa isa = {0};
#define ISA(field, name, on, dt) isa.field = true;
#include "cpu/isa.def"
#undef ISA
    return decode_table_new(&isa);
}

unsigned unwind(const struct unwind_env *env, struct unwind_frame *v, unsigned max, char *why, size_t size)
{
    struct unwinder u = {.env = env, .why = why, .size = size};
    struct unwind_regs r = {.known = UINT32_MAX};
    memcpy(r.x, env->x, sizeof r.x);
    unsigned n = 1, most = max < UNWIND_FRAMES ? max : UNWIND_FRAMES;
    set_frame(env, &v[0], UNWIND_PC, env->pc, &r);
    struct decode_table *own = env->decoder ? NULL : unwind_decoder();
    u.decoder = env->decoder ? env->decoder : own;
    if (!u.decoder) {
        end(&u, "no memory");
        return n;
    }
    for (;;) {
        struct unwind_frame next;
        if (!step(&u, &v[n - 1], &next) || !goes_up(&u, v, n))
            break;
        if (n == most) {
            end(&u, "there are more than %u frames", most);
            break;
        }
        v[n++] = next;
    }
    decode_table_free(own);
    return n;
}

void unwind_line(const struct unwind_frame *f, unsigned n, char *buf, size_t size)
{
    char where[32] = "", how[16] = "";
    if (f->function)
        snprintf(where, sizeof where, "+0x%" PRIx64, f->offset);
    if (f->how != UNWIND_PC)
        snprintf(how, sizeof how, ", by %s", unwind_how_name(f->how));
    if (f->file)
        snprintf(buf, size, "#%-2u 0x%016" PRIx64 " in %s%s at %s:%u%s", n, f->pc, f->function ? f->function : "?",
                 where, f->file, f->line, how);
    else
        snprintf(buf, size, "#%-2u 0x%016" PRIx64 " in %s%s%s", n, f->pc, f->function ? f->function : "?", where, how);
}
