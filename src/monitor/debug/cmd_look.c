/* SPDX-License-Identifier: MIT */
/* Values and memory: print, display, x, xp, set. */
#include "monitor/debug/repl_int.h"

#include "base/text.h"
#include "cpu/csr.h"
#include "monitor/debug/csr_view.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_UNITS = 1 << 20 };

/* ---- print ---- */

int cmd_print(struct repl *r, const char *args, struct err *e)
{
    struct print_format f;
    struct expr_value v;
    if (parse_format(&args, &f, e))
        return -EINVAL;
    if (f.letter == 'i' || f.counted || f.size)
        return err_set(e, -EINVAL, "print/%s: counts, sizes and i are for x", f.letter == 'i' ? "i" : "");
    if (!*args)
        args = "$";
    int rc = eval_value(r, args, NULL, &v, e);
    if (rc)
        return rc;
    size_t n = expr_vars_keep(debugger_vars(r->d), &v);
    out_printf(r->out, "$%zu = ", n);
    rc = show_value(r, &v, f.letter, true, e);
    out_puts(r->out, "\n");
    return rc;
}

int cmd_output(struct repl *r, const char *args, struct err *e)
{
    struct print_format f;
    struct expr_value v;
    if (parse_format(&args, &f, e) || eval_value(r, args, NULL, &v, e))
        return -EINVAL;
    return show_value(r, &v, f.letter, true, e);
}

/* ---- x ---- */

static enum debug_space space_of(const struct expr_value *v)
{
    switch ((enum expr_space)v->space) {
    case EXPR_HERE: return SPACE_GVA;
    case EXPR_GVA: return SPACE_PAGED;
    case EXPR_GPA: return SPACE_GPA;
    case EXPR_HPA: return SPACE_HPA;
    }
    return SPACE_GVA;
}

/* What cannot be read, and why: by the expression's own words for it. */
static int unreadable(struct repl *r, const struct expr_value *at, struct err *e)
{
    struct expr_env env;
    uint64_t v;
    repl_env(r, &env);
    if (env.read(env.ctx, (enum expr_space)at->space, at->v, 1, &v, e))
        return err_set(e, -EFAULT, "cannot read memory at 0x%" PRIx64, at->v);
    return -EFAULT;
}

static int examine_instructions(struct repl *r, uint64_t count, struct expr_value *at, struct err *e)
{
    for (; count && !out_cancelled(r->out); count--) {
        unsigned n = show_instruction(r, space_of(at), at->v);
        if (!n)
            return unreadable(r, at, e);
        r->x_last = at->v;
        at->v += n;
    }
    return 0;
}

/* A string up to its zero, at most so much of it. */
static int examine_strings(struct repl *r, uint64_t count, struct expr_value *at, struct err *e)
{
    for (; count && !out_cancelled(r->out); count--) {
        enum { MAX_STRING = 200 };
        char c = 0;
        unsigned n = 0;
        r->x_last = at->v;
        show_address(r, at->v);
        out_puts(r->out, ":\t");
        for (; n < MAX_STRING; n++, at->v++) {
            if (debugger_read(r->d, debugger_hart(r->d), space_of(at), at->v, &c, 1) != 1) {
                out_puts(r->out, n ? "\"\n" : "cannot be read\n");
                return unreadable(r, at, e);
            }
            out_puts(r->out, n ? "" : "\"");
            if (!c)
                break;
            if (c == '\n' || c == '\t' || c == '\r')
                out_printf(r->out, "\\%c", c == '\n' ? 'n' : c == '\t' ? 't' : 'r');
            else if (c == '"' || c == '\\')
                out_printf(r->out, "\\%c", c);
            else if (c < 32 || c == 127)
                out_printf(r->out, "\\%03o", (unsigned char)c);
            else
                out_printf(r->out, "%c", c);
        }
        out_puts(r->out, n == MAX_STRING ? "\"...\n" : "\"\n");
        if (n < MAX_STRING)
            at->v++;
    }
    return 0;
}

static struct expr_value unit_value(uint64_t v, const struct print_format *f)
{
    struct expr_value x = {.v = v,
                           .type = {.size = (uint8_t)f->size, .is_signed = f->letter == 'd' || f->letter == 'c'}};
    if (f->letter == 'd' || f->letter == 'c')
        x.v = (uint64_t)sign_extend(v, f->size * 8);
    return x;
}

static int examine_units(struct repl *r, const struct print_format *f, struct expr_value *at, struct err *e)
{
    static const char zeros[] = "0000000000000000000000000000000000000000000000000000000000000000";
    struct expr_env env;
    unsigned per_line = f->letter == 'c'                       ? 8
                        : f->letter == 'a' || f->letter == 'f' ? 2
                        : f->size == 8                         ? 2
                        : f->size == 4                         ? 4
                                                               : 8;
    if (f->letter == 't')
        per_line = f->size == 1 ? 8 : f->size == 2 ? 8 : f->size == 4 ? 2 : 1;
    repl_env(r, &env);
    for (uint64_t i = 0; i < f->count && !out_cancelled(r->out); i++) {
        uint64_t v = 0;
        char text[128];
        if (i % per_line == 0) {
            out_puts(r->out, i ? "\n" : "");
            show_address(r, at->v);
            out_puts(r->out, ":");
        }
        if (debugger_read(r->d, debugger_hart(r->d), space_of(at), at->v, &v, f->size) != f->size) {
            out_puts(r->out, "\n");
            return unreadable(r, at, e);
        }
        struct expr_value x = unit_value(v, f);
        char letter = f->letter == 'x' ? 'z' : f->letter; /* x pads to the size */
        if (expr_format(text, sizeof text, &x, letter, &env, e) < 0)
            return -EINVAL;
        int missing = f->letter == 't' ? (int)(8 * f->size - strlen(text)) : 0; /* t too */
        out_printf(r->out, "\t%.*s%s", missing, zeros, text);
        r->x_last = at->v;
        r->x_value = x;
        at->v += f->size;
    }
    out_puts(r->out, "\n");
    return 0;
}

static int examine(struct repl *r, const struct print_format *f, struct expr_value *at, struct err *e)
{
    if (f->count > MAX_UNITS)
        return err_set(e, -EINVAL, "x/%" PRIu64 ": more than %d units", f->count, MAX_UNITS);
    if (f->letter == 'i')
        return examine_instructions(r, f->count, at, e);
    if (f->letter == 's')
        return examine_strings(r, f->count, at, e);
    return examine_units(r, f, at, e);
}

/* What was not given is as it was the last time. */
static void complete_format(struct repl *r, struct print_format *f)
{
    if (!f->letter)
        f->letter = r->x_format.letter ? r->x_format.letter : 'x';
    if (!f->size)
        f->size = f->letter == 'a' ? 8 : f->letter == 'c' ? 1 : r->x_format.size ? r->x_format.size : 4;
    if (f->letter == 'a')
        f->size = 8;
    if (f->letter == 'f' && f->size < 4)
        f->size = 8;
    r->x_format = *f;
}

int cmd_x(struct repl *r, const char *args, struct err *e)
{
    struct print_format f;
    struct expr_value at = {.v = r->x_next, .type = EXPR_TYPE_WORD, .space = r->x_space};
    if (parse_format(&args, &f, e) || (*args && eval_at(r, args, &at, e)))
        return -EINVAL;
    complete_format(r, &f);
    int rc = examine(r, &f, &at, e);
    r->x_next = at.v;
    r->x_space = at.space;
    struct expr_value last = {.v = r->x_last, .type = EXPR_TYPE_WORD, .space = at.space};
    if (!expr_vars_set(debugger_vars(r->d), "_", &last) || !expr_vars_set(debugger_vars(r->d), "__", &r->x_value))
        rc = rc ? rc : err_set(e, -ENOMEM, "out of memory");
    return rc;
}

/* Physical memory in the layout of QEMU's monitor. */
int cmd_xp(struct repl *r, const char *args, struct err *e)
{
    struct print_format f;
    uint64_t addr = r->xp_next;
    if (parse_format(&args, &f, e) || (*args && eval_address(r, args, &addr, e)))
        return -EINVAL;
    complete_format(r, &f);
    if (f.count > MAX_UNITS)
        return err_set(e, -EINVAL, "xp/%" PRIu64 ": more than %d units", f.count, MAX_UNITS);
    struct expr_value at = {.v = addr, .type = EXPR_TYPE_WORD, .space = EXPR_HPA};
    if (f.letter == 'i' || f.letter == 's') {
        int rc = examine(r, &f, &at, e);
        r->xp_next = at.v;
        return rc;
    }
    unsigned line = f.size == 1 ? 8 : 16;
    for (uint64_t i = 0; i < f.count && !out_cancelled(r->out); i++) {
        uint64_t v = 0;
        if (i * f.size % line == 0)
            out_printf(r->out, "%s%016" PRIx64 ":", i ? "\n" : "", at.v);
        if (debugger_read(r->d, debugger_hart(r->d), SPACE_HPA, at.v, &v, f.size) != f.size) {
            out_puts(r->out, " Cannot access memory\n");
            return unreadable(r, &at, e);
        }
        int bits_of = (int)f.size * 8;
        switch (f.letter) {
        case 'o': out_printf(r->out, " %#*" PRIo64, (bits_of + 2) / 3, v); break;
        case 'd': out_printf(r->out, " %*" PRId64, (bits_of * 10 + 32) / 33, sign_extend(v, (unsigned)bits_of)); break;
        case 'u': out_printf(r->out, " %*" PRIu64, (bits_of * 10 + 32) / 33, v); break;
        case 'c': out_printf(r->out, v >= 32 && v < 127 ? " '%c'" : " '\\x%02x'", (unsigned char)v); break;
        default: out_printf(r->out, " 0x%0*" PRIx64, bits_of / 4, v); break;
        }
        at.v += f.size;
    }
    out_puts(r->out, "\n");
    r->xp_next = at.v;
    return 0;
}

/* ---- display ---- */

static void show_display(struct repl *r, struct display *x)
{
    struct err e = {.text = ""};
    struct expr_env env;
    struct expr_value v;
    char fmt[24] = "";
    int rc;
    repl_env(r, &env);
    if (x->format.letter || x->format.size)
        snprintf(fmt, sizeof fmt, "/%c", x->format.letter ? x->format.letter : 'x');
    if (x->memory && x->format.count > 1)
        snprintf(fmt, sizeof fmt, "/%" PRIu64 "%c", x->format.count, x->format.letter);
    out_printf(r->out, "%d: %s%s%s%s", x->number, x->memory ? "x" : "", fmt, x->memory || *fmt ? " " : "",
               expr_text(x->expr));
    if (!expr_eval(x->expr, &env, &v, &e)) {
        rc = -1;
    } else if (x->memory) {
        out_puts(r->out, "\n");
        rc = examine(r, &x->format, &v, &e);
    } else {
        out_puts(r->out, " = ");
        rc = show_value(r, &v, x->format.letter, true, &e);
        out_puts(r->out, "\n");
    }
    if (rc)
        out_printf(r->out, " (%s)\n", e.text);
}

void show_displays(struct repl *r)
{
    for (struct display *x = r->displays; x; x = x->next)
        if (x->enabled)
            show_display(r, x);
}

int cmd_display(struct repl *r, const char *args, struct err *e)
{
    struct print_format f;
    if (!*args) {
        show_displays(r);
        return 0;
    }
    if (parse_format(&args, &f, e))
        return -EINVAL;
    struct expr *x = expr_parse(args, EXPR_PURE, NULL, e);
    struct display *new = x ? calloc(1, sizeof *new) : NULL;
    if (!x)
        return -EINVAL;
    if (!new) {
        expr_free(x);
        return err_set(e, -ENOMEM, "out of memory");
    }
    bool memory = f.letter == 'i' || f.letter == 's' || f.size || f.counted;
    if (memory && !f.letter)
        f.letter = 'x';
    if (memory && !f.size)
        f.size = 4;
    *new = (struct display){.number = r->next_display++, .enabled = true, .format = f, .memory = memory, .expr = x};
    struct display **at = &r->displays;
    while (*at)
        at = &(*at)->next;
    *at = new;
    show_display(r, new);
    return 0;
}

int cmd_undisplay(struct repl *r, const char *args, struct err *e)
{
    char word[32];
    bool all = !*args;
    do {
        uint64_t n = 0;
        if (!all && (!take_word(&args, word, sizeof word) || eval_u64(r, word, &n, e)))
            return -EINVAL;
        bool found = all;
        for (struct display **at = &r->displays; *at;) {
            struct display *x = *at;
            if (!all && (uint64_t)x->number != n) {
                at = &x->next;
                continue;
            }
            found = true;
            *at = x->next;
            expr_free(x->expr);
            free(x);
        }
        if (!found)
            return err_set(e, -EINVAL, "no display number %s", word);
    } while (*args && !all);
    return 0;
}

int cmd_info_display(struct repl *r, const char *args, struct err *e)
{
    if (no_arguments(args, e))
        return -EINVAL;
    if (!r->displays)
        out_puts(r->out, "There are no displays.\n");
    for (const struct display *x = r->displays; x; x = x->next)
        out_printf(r->out, "%d:  %c  %s\n", x->number, x->enabled ? 'y' : 'n', expr_text(x->expr));
    return 0;
}

/* ---- set ---- */

/* One of gdb's settings of its own screen and questions, with which its scripts begin; no variable of that name is assigned to. */
static bool is_setting(const char *args)
{
    static const char *const words[] = {"pagination",
                                        "confirm",
                                        "height",
                                        "width",
                                        "style",
                                        "print",
                                        "logging",
                                        "verbose",
                                        "history",
                                        "listsize",
                                        "disassemble-next-line"};
    size_t n = strcspn(args, " \t");
    const char *rest = skip_blanks(args + n);
    for (size_t i = 0; i < ARRAY_LEN(words); i++)
        if (strlen(words[i]) == n && !strncmp(args, words[i], n))
            return *rest && *rest != '=' && !strchr("+-*/%&|^<>[.", *rest);
    return false;
}

/* An assignment: `$a0 = 3`, `*(int *)addr = 1`, `$satp.mode = 8`. */
int cmd_set_var(struct repl *r, const char *args, struct err *e)
{
    struct expr_value v;
    if (!*args)
        return err_set(e, -EINVAL,
                       "set: give an assignment: set $a0 = 1, set *(int *)0x80001000 = 2, set $mstatus.MIE = 0");
    return is_setting(args) ? 0 : eval_value(r, args, NULL, &v, e);
}

static int on_off(const char *args, bool *on, struct err *e)
{
    if (!strcmp(args, "on") || !*args)
        *on = true;
    else if (!strcmp(args, "off"))
        *on = false;
    else
        return err_set(e, -EINVAL, "'%s': give on or off", args);
    return 0;
}

int cmd_set_mmio(struct repl *r, const char *args, struct err *e)
{
    bool on = false;
    int rc = on_off(args, &on, e);
    if (!rc)
        debugger_set_mmio(r->d, on);
    return rc;
}

int cmd_show(struct repl *r, const char *args, struct err *e)
{
    bool all = !*args;
    if (all || !strcmp(args, "mmio"))
        out_printf(r->out, "mmio: %s\n",
                   debugger_mmio(r->d) ? "on: looking at memory reaches devices, with all effects"
                                       : "off: looking at memory leaves devices alone");
    if (all || !strcmp(args, "version"))
        out_printf(r->out, "vitrine %s\n", VITRINE_VERSION);
    if (all || !strcmp(args, "convenience")) {
        const struct expr_vars *vars = debugger_vars(r->d);
        for (size_t i = 0; i < vars->nvars; i++) {
            out_printf(r->out, "$%s = ", vars->var[i].name);
            if (show_value(r, &vars->var[i].value, 0, true, e))
                return -EINVAL;
            out_puts(r->out, "\n");
        }
    }
    if (!all && strcmp(args, "mmio") && strcmp(args, "version") && strcmp(args, "convenience"))
        return err_set(e, -EINVAL, "show %s: there are mmio, convenience and version", args);
    return 0;
}

/* ---- echo, source, csr ---- */

int cmd_echo(struct repl *r, const char *args, struct err *e)
{
    (void)e;
    for (const char *s = args; *s; s++) {
        if (*s != '\\' || !s[1]) {
            out_printf(r->out, "%c", *s);
            continue;
        }
        s++;
        out_printf(r->out, "%c", *s == 'n' ? '\n' : *s == 't' ? '\t' : *s);
    }
    return 0;
}

int cmd_source(struct repl *r, const char *args, struct err *e)
{
    if (!*args)
        return err_set(e, -EINVAL, "source: give a file of commands");
    return repl_source(r, args, e);
}

int cmd_csr(struct repl *r, const char *args, struct err *e)
{
    char word[32];
    if (!take_word(&args, word, sizeof word))
        return cmd_info_csr(r, "", e);
    do {
        const char *name = word[0] == '$' ? word + 1 : word;
        uint64_t n, v;
        int csr = csr_number(name);
        if (csr < 0 && text_parse_u64(name, &n) && n < 4096)
            csr = (int)n;
        if (csr < 0)
            return err_set(e, -EINVAL, "csr %s: no such CSR: info csr lists them", word);
        if (!csr_peek(debugger_hart(r->d), (unsigned)csr, &v))
            return err_set(e, -EINVAL, "csr %s: this hart does not have it", word);
        csr_view_print(r->out, debugger_hart(r->d), machine_symbols(debugger_machine(r->d)), (unsigned)csr);
    } while (take_word(&args, word, sizeof word));
    return 0;
}
