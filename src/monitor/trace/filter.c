/* SPDX-License-Identifier: MIT */
#include "monitor/trace/filter.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cpu/csr.h"
#include "monitor/debug/csr_view.h"
#include "monitor/debug/expr.h"
#include "monitor/names.h"
#include "symbols.h"

enum { NAMES = 24, ABSENT = 255 };

/* A name in the condition, looked up once: where each kind of event has it. */
struct name {
    char text[32];
    uint8_t at[EV_KINDS]; /* index of the argument, or ABSENT */
};

struct filter {
    uint64_t kinds;
    struct expr *condition; /* NULL: none */
    struct machine *machine;
    const struct event *event; /* being looked at */
    struct name names[NAMES];
    unsigned nnames;
    bool trying, unknown; /* try_condition() is at work, and met a name that nothing has */
};

/* expr_ref.a: what a name turned out to be; b: its value, or the number of the entry in names[]. */
enum { REF_NEW, REF_CONSTANT, REF_ARGUMENT, REF_CLOCK, REF_INSN, REF_PC, REF_HART, REF_VM, REF_MODE, REF_KIND };

static const struct {
    const char *name;
    unsigned ref;
} fields[] = {
    {"clock", REF_CLOCK}, {"insn", REF_INSN}, {"pc", REF_PC},     {"hart", REF_HART},
    {"vm", REF_VM},       {"mode", REF_MODE}, {"kind", REF_KIND},
};

/* Enters an argument's name. False: no kind of event has it, or there are too many. */
static bool enter_argument(struct filter *f, const char *name, uint64_t *entry)
{
    bool any = false;
    if (f->nnames == NAMES || strlen(name) >= sizeof f->names->text)
        return false;
    struct name *n = &f->names[f->nnames];
    for (unsigned k = 0; k < EV_KINDS; k++) {
        n->at[k] = ABSENT;
        for (unsigned i = 0; i < event_rows[k].nargs; i++)
            if (!strcmp(event_rows[k].arg[i].name, name))
                n->at[k] = (uint8_t)i, any = true;
    }
    if (any)
        *entry = f->nnames++;
    return any;
}

static bool is_upper_case_of(const char *name, const char *lower)
{
    while (*name && *name == toupper((unsigned char)*lower))
        name++, lower++;
    return !*name && !*lower;
}

/* Kinds, modes and causes as constants, and symbols. */
static bool find_constant(const struct filter *f, const char *name, uint64_t *v)
{
    uint8_t mode;
    for (unsigned k = 0; k < EV_KINDS; k++)
        if (is_upper_case_of(name, event_rows[k].name))
            return *v = k, true;
    if (name_mode_find(name, &mode))
        return *v = mode, true;
    if (name_cause_find(name, v))
        return true;
    return f->machine && symbols_value(machine_symbols(f->machine), name, v);
}

static void resolve(struct filter *f, const char *name, struct expr_ref *ref)
{
    for (unsigned i = 0; i < ARRAY_LEN(fields); i++)
        if (!strcmp(fields[i].name, name))
            ref->a = fields[i].ref;
    if (ref->a == REF_NEW && enter_argument(f, name, &ref->b))
        ref->a = REF_ARGUMENT;
    if (ref->a == REF_NEW && find_constant(f, name, &ref->b))
        ref->a = REF_CONSTANT;
}

/* Does one of the kinds that are wanted have this argument? */
static bool somebody_has(const struct filter *f, const struct name *n)
{
    for (unsigned k = 0; k < EV_KINDS; k++)
        if (f->kinds >> k & 1 && n->at[k] != ABSENT)
            return true;
    return false;
}

static enum expr_found find_name(void *ctx, const char *name, struct expr_ref *ref, struct expr_value *v, struct err *e)
{
    struct filter *f = ctx;
    const struct event *ev = f->event;
    if (ref->a == REF_NEW)
        resolve(f, name, ref);
    *v = (struct expr_value){.type = EXPR_TYPE_WORD};
    switch (ref->a) {
    case REF_CONSTANT: v->v = ref->b; return EXPR_FOUND;
    case REF_CLOCK: v->v = ev->clock; return EXPR_FOUND;
    case REF_INSN: v->v = ev->insn; return EXPR_FOUND;
    case REF_PC: v->v = ev->pc; return EXPR_FOUND;
    case REF_HART: v->v = ev->hart; return EXPR_FOUND;
    case REF_VM: v->v = ev->vm; return EXPR_FOUND;
    case REF_MODE: v->v = ev->mode; return EXPR_FOUND;
    case REF_KIND: v->v = ev->kind; return EXPR_FOUND;
    default: break;
    }
    if (ref->a != REF_ARGUMENT) {
        f->unknown = true;
        return EXPR_UNKNOWN;
    }
    uint8_t at = f->names[ref->b].at[ev->kind];
    if (at == ABSENT && f->trying && somebody_has(f, &f->names[ref->b])) {
        v->v = 1;
        return EXPR_FOUND;
    }
    if (at == ABSENT) {
        f->unknown = true;
        err_set(e, -ENOENT, "an event of kind %s has no %s", event_rows[ev->kind].name, name);
        return EXPR_FAILED;
    }
    v->v = ev->a[at];
    if (event_rows[ev->kind].arg[at].type == ARG_SIGNED)
        v->type = EXPR_TYPE_LONG;
    return EXPR_FOUND;
}

/* expr_ref.a of a register: 1 + its number as in name_reg(), or 1 + CSRS + its number as a CSR; b: the field. */
enum { CSRS = 64 };

static enum expr_found find_register(void *ctx, const char *name, const char *field, struct expr_ref *ref, uint64_t *v,
                                     struct err *e)
{
    struct filter *f = ctx;
    struct hart *h = f->machine ? machine_hart(f->machine, f->event->hart) : NULL;
    (void)e;
    if (!ref->a) {
        int n = reg_by_name(name), csr = csr_number(name);
        ref->a = n >= 0 ? 1 + (uint64_t)n : csr >= 0 ? 1 + CSRS + (uint64_t)csr : 0;
        if (csr >= 0 && field)
            ref->b = (uintptr_t)csr_field_find((unsigned)csr, field);
    }
    if (!ref->a || (field && !ref->b)) {
        f->unknown = true;
        return EXPR_UNKNOWN;
    }
    unsigned n = (unsigned)ref->a - 1;
    *v = 0;
    if (!h)
        return EXPR_FOUND;
    if (n < CSRS)
        *v = n < EVENT_REG_F ? h->x[n] : h->f[n - EVENT_REG_F];
    else if (!csr_peek(h, n - CSRS, v))
        return EXPR_UNKNOWN;
    if (field)
        *v = csr_field_get((const struct csr_field *)(uintptr_t)ref->b, *v);
    return EXPR_FOUND;
}

static bool test(struct filter *f, const struct event *ev, bool *truth, struct err *e)
{
    const struct expr_env env = {.name = find_name, .reg = find_register, .ctx = f};
    f->event = ev;
    return expr_test(f->condition, &env, truth, e);
}

bool filter_passes(struct filter *f, const struct event *e)
{
    bool truth;
    return !f->condition || (test(f, e, &truth, NULL) && truth);
}

/* Tries the condition on an event of each kind: names that none of them has, and what can never be computed, are mistakes. */
static bool try_condition(struct filter *f, const char *what, struct err *e)
{
    struct err why = {.text = ""};
    bool truth, computed = false;
    f->trying = true;
    f->unknown = false;
    for (unsigned k = 0; k < EV_KINDS && !f->unknown; k++) {
        struct event ev = {.kind = (uint8_t)k};
        for (unsigned i = 0; i < EVENT_ARGS; i++)
            ev.a[i] = 1; /* something to divide by */
        if (f->kinds >> k & 1)
            computed |= test(f, &ev, &truth, &why);
    }
    f->trying = false;
    if (!computed || f->unknown)
        err_set(e, -EINVAL, "%s: if=%s: %s", what, expr_text(f->condition), why.text);
    return computed && !f->unknown;
}

static bool parse(struct filter *f, const char *what, const char *text, const char **rest, struct err *e)
{
    static const char word_if[] = "if=";
    char bad[64];
    size_t n = 0;
    while (text[n] && text[n] != ':' && ((n && text[n - 1] != ',') || strncmp(text + n, word_if, 3)))
        n++;
    bool conditional = !strncmp(text + n, word_if, 3) && (n == 0 || text[n - 1] == ',');
    char *kinds = strndup(text, conditional && n ? n - 1 : n);
    if (!kinds)
        return err_set(e, -ENOMEM, "%s: out of memory", what), false;
    bool ok = event_parse_kinds(*kinds ? kinds : "all", &f->kinds, bad, sizeof bad);
    free(kinds);
    if (!ok)
        return err_set(e, -EINVAL, "%s: no kind '%s': see vitrine help events", what, bad), false;
    *rest = text + n;
    if (!conditional)
        return true;
    struct err why = {.text = ""};
    f->condition = expr_parse(text + n + 3, EXPR_PURE, rest, &why);
    if (!f->condition || (**rest && **rest != ':'))
        return err_set(e, -EINVAL, "%s: if=%s: %s", what, text + n + 3,
                       f->condition ? "only :FILE may follow the expression" : why.text),
               false;
    return try_condition(f, what, e);
}

struct filter *filter_new(struct machine *m, const char *what, const char *text, const char **rest, struct err *e)
{
    struct filter *f = calloc(1, sizeof *f);
    if (!f) {
        err_set(e, -ENOMEM, "%s: out of memory", what);
        return NULL;
    }
    f->machine = m;
    if (!parse(f, what, text, rest, e)) {
        filter_free(f);
        return NULL;
    }
    return f;
}

void filter_free(struct filter *f)
{
    if (!f)
        return;
    expr_free(f->condition);
    free(f);
}

uint64_t filter_kinds(const struct filter *f)
{
    return f->kinds;
}

bool filter_has_condition(const struct filter *f)
{
    return f->condition;
}

bool filter_has_registers(const struct filter *f)
{
    return f->condition && strchr(expr_text(f->condition), '$');
}
