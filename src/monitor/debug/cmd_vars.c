/* SPDX-License-Identifier: MIT */
/* The program's variables and types: info locals, info args, ptype, whatis; and what a variable's name means in expressions. */
#include "monitor/debug/repl_int.h"

#include "monitor/debug/source.h"
#include "monitor/debug/variables.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* ---- For expressions ---- */

/* A variable as expressions take it. False: it is not to be had here. */
static bool to_expr(const struct variable *v, struct expr_variable *x)
{
    const unsigned base = 32; /* of the f registers */
    *x = (struct expr_variable){.at = v->at, .type = expr_type_of(v->type), .global = v->global};
    switch (v->where) {
    case VARIABLE_MEMORY: x->where = EXPR_IN_MEMORY; return true;
    case VARIABLE_VALUE: x->where = EXPR_AS_VALUE; return true;
    case VARIABLE_REGISTER:
        x->where = EXPR_IN_REGISTER;
        x->reg = debugger_reg_name(v->at < base ? (unsigned)v->at : DEBUG_REG_F + (unsigned)v->at - base);
        return x->reg;
    case VARIABLE_GONE: break;
    }
    return false;
}

static bool find(struct repl *r, const char *name, struct variable *v)
{
    struct unwind_env env;
    struct unwind_frame f;
    if (debugger_vm(r->d) != r->source_vm)
        return false;
    frame_now(r, &env, &f);
    return variable_find(&env, &f, name, v);
}

static enum expr_found find_variable(void *ctx, const char *name, struct expr_variable *x, struct err *e)
{
    struct variable v;
    struct repl *r = ctx;
    if (!find(r, name, &v)) {
        *x = (struct expr_variable){.where = EXPR_AS_VALUE, .type = EXPR_TYPE_LONG};
        return debugger_vm(r->d) == r->source_vm && ctype_constant_named(r->source, name, &x->at) ? EXPR_FOUND
                                                                                                  : EXPR_UNKNOWN;
    }
    if (to_expr(&v, x))
        return EXPR_FOUND;
    err_set(e, -EINVAL, "%s: the compiler did not keep it here (optimized out)", name);
    return EXPR_FAILED;
}

static const struct ctype *find_type(void *ctx, const char *name)
{
    struct repl *r = ctx;
    return debugger_vm(r->d) == r->source_vm ? ctype_named(r->source, name) : NULL;
}

const struct debug_program repl_program = {find_variable, find_type};

int eval_at(struct repl *r, const char *text, struct expr_value *v, struct err *e)
{
    struct variable x;
    struct expr *tree = expr_parse(text, 0, NULL, e);
    const char *name = tree ? expr_sole_name(tree) : NULL;
    bool whole = name && find(r, name, &x) && x.global && x.where == VARIABLE_MEMORY && x.type &&
                 (x.type->kind == CTYPE_INT || x.type->kind == CTYPE_CHAR || x.type->kind == CTYPE_BOOL ||
                  x.type->kind == CTYPE_ENUM || x.type->kind == CTYPE_FLOAT);
    expr_free(tree);
    if (!tree)
        return -EINVAL;
    if (!whole)
        return eval_value(r, text, NULL, v, e);
    *v = (struct expr_value){.v = x.at, .type = EXPR_TYPE_WORD};
    return 0;
}

int eval_address(struct repl *r, const char *text, uint64_t *addr, struct err *e)
{
    struct expr_value v;
    int rc = eval_at(r, text, &v, e);
    if (!rc)
        *addr = v.v;
    return rc;
}

/* ---- info locals, info args ---- */

struct teller {
    struct repl *r;
    bool brief; /* as backtrace has them, in one line */
    unsigned told;
};

static bool tell(void *ctx, const struct variable *v)
{
    struct teller *t = ctx;
    struct out *o = t->r->out;
    struct expr_variable x;
    struct expr_value value = {0};
    struct expr_env env;
    struct err e = {.text = ""};
    out_printf(o, t->brief ? "%s%s=" : "%s%s = ", t->brief && t->told ? ", " : "", v->name);
    t->told++;
    repl_env(t->r, &env);
    bool known = to_expr(v, &x);
    value.type = x.type;
    value.v = x.at;
    unsigned size = x.type.depth ? 8 : x.type.size;
    bool aggregate = known && expr_type_is_aggregate(&x.type);
    struct expr_ref ref = {0};
    if (known && (aggregate ? x.where != EXPR_IN_MEMORY : !size))
        out_puts(o, "<in several places>");
    else if (!known)
        out_puts(o, "<optimized out>");
    else if (aggregate && t->brief)
        out_puts(o, "...");
    else if ((!aggregate && x.where == EXPR_IN_MEMORY && !env.read(env.ctx, EXPR_HERE, x.at, size, &value.v, &e)) ||
             (x.where == EXPR_IN_REGISTER && env.reg(env.ctx, x.reg, NULL, &ref, &value.v, &e) != EXPR_FOUND))
        out_printf(o, "<%s>", e.text);
    else {
        if (!aggregate && size < 8 && size)
            value.v = x.type.is_signed ? (uint64_t)sign_extend(value.v, 8 * size) : value.v & MASK(8 * size - 1, 0);
        if (show_value(t->r, &value, 0, !t->brief, &e))
            out_printf(o, "<%s>", e.text);
    }
    out_puts(o, t->brief ? "" : "\n");
    return !out_cancelled(o);
}

static int tell_all(struct repl *r, bool arguments, struct err *e)
{
    struct unwind_env env;
    struct unwind_frame f;
    struct source_function function;
    struct source_place line;
    struct teller t = {.r = r};
    frame_now(r, &env, &f);
    if (!source_function_at(r->source, f.lookup, &function) && !source_at(r->source, f.lookup, &line))
        return err_set(e, -ENOENT, "no debug information tells of the code at 0x%" PRIx64 " (compile it with -g)",
                       f.pc);
    if (!variable_each(&env, &f, arguments, tell, &t))
        out_puts(r->out, arguments ? "No arguments.\n" : "No locals.\n");
    return 0;
}

int cmd_info_locals(struct repl *r, const char *args, struct err *e)
{
    return no_arguments(args, e) ? -EINVAL : tell_all(r, false, e);
}

int cmd_info_args(struct repl *r, const char *args, struct err *e)
{
    return no_arguments(args, e) ? -EINVAL : tell_all(r, true, e);
}

void show_arguments(struct repl *r, const struct unwind_env *env, const struct unwind_frame *f)
{
    struct teller t = {.r = r, .brief = true};
    out_puts(r->out, " (");
    (void)variable_each(env, f, true, tell, &t);
    out_puts(r->out, ")");
}

void repl_offer_locals(struct repl *r, bool (*fn)(void *ctx, const struct variable *v), void *ctx)
{
    struct unwind_env env;
    struct unwind_frame f;
    frame_now(r, &env, &f);
    (void)variable_each(&env, &f, false, fn, ctx);
    (void)variable_each(&env, &f, true, fn, ctx);
}

/* ---- Types ---- */

/* The type that args name, or that of the value. */
static int type_of(struct repl *r, const char *args, struct expr_type *t, struct err *e)
{
    char name[256];
    struct expr_value v;
    unsigned stars = 0;
    snprintf(name, sizeof name, "%s", args);
    for (size_t n = strlen(name); n && (name[n - 1] == '*' || name[n - 1] == ' '); name[--n] = 0)
        stars += name[n - 1] == '*';
    struct variable x;
    const struct ctype *c = find(r, args, &x) ? NULL : find_type(r, name);
    if (c) {
        *t = expr_type_of(c);
        t->depth = (uint8_t)(t->depth + min_u64(stars, 8));
        return 0;
    }
    if (eval_value(r, args, NULL, &v, e))
        return -EINVAL;
    *t = v.type;
    return 0;
}

static void print_type(struct repl *r, const struct expr_type *t)
{
    char name[160];
    out_puts(r->out, expr_type_name(t, name, sizeof name));
}

int cmd_whatis(struct repl *r, const char *args, struct err *e)
{
    struct expr_type t;
    if (type_of(r, *args ? args : "$", &t, e))
        return -EINVAL;
    out_puts(r->out, "type = ");
    print_type(r, &t);
    out_puts(r->out, "\n");
    return 0;
}

static void print_members(struct repl *r, const struct ctype *c, uint64_t base, unsigned indent)
{
    struct ctype_member m;
    char name[160];
    for (unsigned i = 0; ctype_member(c, i, &m) && !out_cancelled(r->out); i++) {
        out_printf(r->out, "/* %4" PRIu64 ": ", base + m.offset);
        if (m.bits)
            out_printf(r->out, "%2u bit%c */ %*s", m.bits, m.bits == 1 ? ' ' : 's', (int)indent, "");
        else
            out_printf(r->out, "%7" PRIu64 " */ %*s", ctype_size(m.type), (int)indent, "");
        if (!m.name && m.type && indent < 32) {
            out_printf(r->out, "%s {\n", m.type->kind == CTYPE_UNION ? "union" : "struct");
            print_members(r, m.type, base + m.offset, indent + 4);
            out_printf(r->out, "%18s%*s};\n", "", (int)indent, "");
            continue;
        }
        /* The name stands within the type: int (*f)(), char name[8]. */
        ctype_write(m.type, name, sizeof name);
        char *at = strstr(name, "(*");
        size_t cut = at ? (size_t)(at - name) + 1 + strspn(at + 1, "*") : strcspn(name, "[");
        while (!at && cut && name[cut] == '[' && name[cut - 1] == ' ')
            cut--;
        bool star = cut && name[cut - 1] == '*';
        out_printf(r->out, "%.*s%s%s%s", (int)cut, name, star ? "" : " ", m.name ? m.name : "",
                   name + cut + (!at && name[cut] == ' '));
        out_puts(r->out, ";\n");
    }
}

int cmd_ptype(struct repl *r, const char *args, struct err *e)
{
    struct expr_type t;
    const char *name;
    int64_t value;
    char text[160];
    if (*args == '/')
        args = skip_blanks(args + strcspn(args, " \t")); /* offsets are always told */
    if (type_of(r, *args ? args : "$", &t, e))
        return -EINVAL;
    out_puts(r->out, "type = ");
    bool body = t.c && (t.c->kind == CTYPE_STRUCT || t.c->kind == CTYPE_UNION || t.c->kind == CTYPE_ENUM);
    if (!body) {
        if (t.c && t.c->kind == CTYPE_INT) /* what a typedef stands for: uint64_t */
            t.c = NULL;
        print_type(r, &t);
        out_puts(r->out, "\n");
        return 0;
    }
    out_printf(r->out, "%s {\n", ctype_write(t.c, text, sizeof text));
    print_members(r, t.c, 0, 4);
    for (unsigned i = 0; ctype_constant(t.c, i, &name, &value); i++)
        out_printf(r->out, "    %s = %" PRId64 ",\n", name, value);
    out_puts(r->out, "}");
    for (unsigned i = 0; i < t.depth; i++)
        out_puts(r->out, i ? "*" : " *");
    if (t.c->kind != CTYPE_ENUM)
        out_printf(r->out, " /* %" PRIu64 " bytes; offset: size */", t.c->size);
    out_puts(r->out, "\n");
    return 0;
}
