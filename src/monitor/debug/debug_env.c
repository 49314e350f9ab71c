/* SPDX-License-Identifier: MIT */
/* What expressions mean to the debugger: the selected hart's registers and memory, the guest's symbols, the arguments of an event. */
#include "monitor/debug/debugger_int.h"

#include "cpu/csr.h"
#include "monitor/debug/csr_view.h"
#include "monitor/names.h"
#include "symbols.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* What every event has. */
static bool find_common(const struct event *ev, const char *name, uint64_t *v)
{
    const struct {
        const char *name;
        uint64_t v;
    } common[] = {{"clock", ev->clock}, {"insn", ev->insn}, {"pc", ev->pc},
                  {"hart", ev->hart},   {"vm", ev->vm},     {"mode", ev->mode}};
    for (unsigned i = 0; i < ARRAY_LEN(common); i++)
        if (!strcmp(common[i].name, name))
            return *v = common[i].v, true;
    return false;
}

/* Modes (VS) and causes (load_page_fault) by name. */
static bool find_constant(const char *name, uint64_t *v)
{
    uint8_t mode;
    if (name_mode_find(name, &mode))
        return *v = mode, true;
    return name_cause_find(name, v);
}

/* What the event at hand calls by a name goes before the program's variables. */
static bool is_argument(const struct debugger *d, const char *name)
{
    uint64_t ignored;
    const struct event_row *row = d->event ? &event_rows[d->event->kind] : NULL;
    for (unsigned i = 0; row && i < row->nargs; i++)
        if (!strcmp(row->arg[i].name, name))
            return true;
    return row && find_common(d->event, name, &ignored);
}

static enum expr_found find_variable(void *ctx, const char *name, struct expr_variable *v, struct err *e)
{
    struct debugger *d = ctx;
    return !d->program || is_argument(d, name) ? EXPR_UNKNOWN : d->program->variable(d->program_ctx, name, v, e);
}

static const struct ctype *find_type(void *ctx, const char *name)
{
    struct debugger *d = ctx;
    return d->program ? d->program->type(d->program_ctx, name) : NULL;
}

static enum expr_found find_name(void *ctx, const char *name, struct expr_ref *ref, struct expr_value *v, struct err *e)
{
    struct debugger *d = ctx;
    const struct event_row *row = d->event ? &event_rows[d->event->kind] : NULL;
    (void)e;
    *v = (struct expr_value){.type = EXPR_TYPE_WORD};
    for (unsigned i = 0; row && i < row->nargs; i++) {
        if (strcmp(row->arg[i].name, name))
            continue;
        v->v = d->event->a[i];
        if (row->arg[i].type == ARG_SIGNED)
            v->type = EXPR_TYPE_LONG;
        return EXPR_FOUND;
    }
    if (row && find_common(d->event, name, &v->v))
        return EXPR_FOUND;
    /* The search among symbols is long: what it found holds as long as the table does. */
    const struct symbols *s = machine_symbols(d->machine);
    uint64_t table = (uintptr_t)s + symbols_count(s);
    if (ref->a && ref->a == table)
        return v->v = ref->b, EXPR_FOUND;
    if (!symbols_value(s, name, &v->v) && !find_constant(name, &v->v))
        return EXPR_UNKNOWN;
    *ref = (struct expr_ref){table, v->v};
    return EXPR_FOUND;
}

/* Where the name of a register was found: its number and 1, so that an unused reference is none. */
static int reg_number(const char *name, struct expr_ref *ref)
{
    if (!ref->a)
        ref->a = (uint64_t)(debugger_reg_number(name) + 1);
    return (int)ref->a - 1;
}

/* The field of a CSR, found once. */
static const struct csr_field *field_of(int n, const char *field, struct expr_ref *ref)
{
    if (!ref->b && n >= DEBUG_REG_CSR && n < DEBUG_REG_PRIV)
        ref->b = (uintptr_t)csr_field_find((unsigned)n - DEBUG_REG_CSR, field);
    return (const struct csr_field *)(uintptr_t)ref->b;
}

/* A register of a caller's frame. False: the hart's own is meant. */
static bool frame_reg(const struct debugger *d, int n, const char *name, uint64_t *v, enum expr_found *found,
                      struct err *e)
{
    if (!d->frame.shown || n > DEBUG_REG_PC)
        return false;
    *v = n == DEBUG_REG_PC ? d->frame.pc : d->frame.x[n];
    *found = EXPR_FOUND;
    if (n < DEBUG_REG_PC && n && !(d->frame.known >> n & 1)) {
        err_set(e, -EINVAL, "$%s: nothing tells what it was in this frame (frame 0 is the hart's own)", name);
        *found = EXPR_FAILED;
    }
    return true;
}

static enum expr_found get_reg(void *ctx, const char *name, const char *field, struct expr_ref *ref, uint64_t *v,
                               struct err *e)
{
    struct debugger *d = ctx;
    int n = reg_number(name, ref);
    if (n < 0)
        return EXPR_UNKNOWN;
    enum expr_found found;
    if (frame_reg(d, n, name, v, &found, e))
        return found;
    if (!debugger_reg_read(d, debugger_hart(d), (unsigned)n, v)) {
        err_set(e, -EINVAL, "$%s: this hart has no such register", name);
        return EXPR_FAILED;
    }
    if (!field)
        return EXPR_FOUND;
    const struct csr_field *f = field_of(n, field, ref);
    if (!f)
        return EXPR_UNKNOWN;
    *v = csr_field_get(f, *v);
    return EXPR_FOUND;
}

static enum expr_found set_reg(void *ctx, const char *name, const char *field, struct expr_ref *ref, uint64_t v,
                               struct err *e)
{
    struct debugger *d = ctx;
    int n = reg_number(name, ref);
    if (n < 0)
        return EXPR_UNKNOWN;
    if (d->frame.shown && n <= DEBUG_REG_PC) {
        err_set(e, -EINVAL, "$%s: a caller's registers cannot be written: frame 0 is the hart's own", name);
        return EXPR_FAILED;
    }
    const struct csr_field *f = field ? field_of(n, field, ref) : NULL;
    if (field && !f)
        return EXPR_UNKNOWN;
    if (f && v > MASK(f->hi, f->lo) >> f->lo) {
        err_set(e, -EINVAL, "$%s.%s: %" PRIu64 " does not fit: the field has %d bits", name, field, v,
                f->hi - f->lo + 1);
        return EXPR_FAILED;
    }
    if (f && !d->nested && csr_field_poke(debugger_hart(d), f, v)) {
        debugger_changed(d);
        return EXPR_FOUND;
    }
    if (!f && debugger_reg_write(d, debugger_hart(d), (unsigned)n, v))
        return EXPR_FOUND;
    err_set(e, -EINVAL,
            d->nested ? "$%s: nothing can be changed in the midst of an instruction: give stepi first"
                      : "$%s cannot be written",
            name);
    return EXPR_FAILED;
}

static enum debug_space space_of(enum expr_space space)
{
    switch (space) {
    case EXPR_HERE: return SPACE_GVA;
    case EXPR_GVA: return SPACE_PAGED;
    case EXPR_GPA: return SPACE_GPA;
    case EXPR_HPA: return SPACE_HPA;
    }
    return SPACE_GVA;
}

/* Why the bytes at addr cannot be reached. */
static void explain(struct debugger *d, enum expr_space space, uint64_t addr, bool write, struct err *e)
{
    uint64_t pa;
    const char *verb = write ? "write" : "read";
    if (d->nested && write) {
        err_set(e, -EFAULT, "nothing can be changed in the midst of an instruction: give stepi first");
        return;
    }
    if (!debugger_locate(debugger_hart(d), space_of(space), addr, &pa)) {
        err_set(e, -EFAULT, "cannot %s memory at 0x%" PRIx64 ": not mapped (walk 0x%" PRIx64 " tells why)", verb, addr,
                addr);
        return;
    }
    const char *name = bus_name_at(machine_bus(d->machine), pa);
    if (name && bus_memory_at(machine_bus(d->machine), pa))
        err_set(e, -EFAULT, "cannot %s memory at 0x%" PRIx64 ": %s cannot be written", verb, addr, name);
    else if (name)
        err_set(e, -EFAULT,
                "cannot %s memory at 0x%" PRIx64 ": device %s, whose registers are left alone (set mmio on)", verb,
                addr, name);
    else
        err_set(e, -EFAULT, "cannot %s memory at 0x%" PRIx64 ": nothing is at physical address 0x%" PRIx64, verb, addr,
                pa);
}

static bool get_memory(void *ctx, enum expr_space space, uint64_t addr, unsigned size, uint64_t *v, struct err *e)
{
    struct debugger *d = ctx;
    *v = 0;
    if (debugger_read(d, debugger_hart(d), space_of(space), addr, v, size) == size)
        return true;
    explain(d, space, addr, false, e);
    return false;
}

static bool set_memory(void *ctx, enum expr_space space, uint64_t addr, unsigned size, uint64_t v, struct err *e)
{
    struct debugger *d = ctx;
    if (debugger_write(d, debugger_hart(d), space_of(space), addr, &v, size) == size)
        return true;
    explain(d, space, addr, true, e);
    return false;
}

static const char *nearest(void *ctx, enum expr_name_kind kind, const char *name, const char *reg)
{
    struct debugger *d = ctx;
    struct expr_nearest n = {.name = name};
    int csr;
    switch (kind) {
    case EXPR_NAME:
        for (size_t i = 0; symbols_row(machine_symbols(d->machine), i, NULL, NULL, NULL); i++)
            expr_nearest_offer(&n, symbols_row(machine_symbols(d->machine), i, NULL, NULL, NULL));
        break;
    case EXPR_REGISTER:
        for (unsigned i = 0; i <= DEBUG_REG_PRIV; i++)
            if (debugger_reg_name(i))
                expr_nearest_offer(&n, debugger_reg_name(i));
        break;
    case EXPR_FIELD: csr = csr_number(reg); return csr < 0 ? NULL : csr_field_nearest((unsigned)csr, name);
    }
    return n.best;
}

static const char *symbol_at(void *ctx, uint64_t addr, uint64_t *offset)
{
    struct debugger *d = ctx;
    return symbols_at(machine_symbols(d->machine), addr, offset);
}

void debugger_expr_env(struct debugger *d, struct expr_env *env)
{
    *env = (struct expr_env){.name = find_name,
                             .reg = get_reg,
                             .set_reg = set_reg,
                             .read = get_memory,
                             .write = set_memory,
                             .nearest = nearest,
                             .symbol_at = symbol_at,
                             .ctx = d,
                             .vars = &d->vars,
                             .variable = find_variable,
                             .type = find_type,
                             .variable_ctx = d};
}
