/* SPDX-License-Identifier: MIT */
/* Breakpoints and watchpoints. */
#include "monitor/debug/repl_int.h"

#include "dev/bus.h"
#include "symbols.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* What may follow a place: [hart N|thread N] [if EXPR]. */
static int parse_tail(struct repl *r, const char *s, struct stop_spec *spec, struct err *e)
{
    if (take_keyword(&s, "hart", 4) || take_keyword(&s, "thread", 6)) {
        char word[16];
        uint64_t n;
        if (!take_word(&s, word, sizeof word) || eval_u64(r, word, &n, e))
            return err_set(e, -EINVAL, "hart: give its number");
        if (n >= MACHINE_MAX_HARTS || !machine_hart(debugger_machine(r->d), (unsigned)n))
            return err_set(e, -EINVAL, "no hart %" PRIu64 ": info harts lists them", n);
        spec->hart = (int)n;
    }
    if (!*s)
        return 0;
    if (strncmp(s, "if", 2) || !strchr(" (", s[2]))
        return err_set(e, -EINVAL, "'%s': after a place come hart N and if EXPRESSION", s);
    spec->condition = skip_blanks(s + 2);
    return 0;
}

static const char *space_name(enum debug_space s)
{
    return s == SPACE_GPA ? "gpa:" : s == SPACE_HPA ? "hpa:" : "";
}

static int add_break(struct repl *r, const char *args, bool temporary, bool hardware, struct err *e)
{
    struct stop_spec spec = stop_spec_default(STOP_BREAK);
    struct place p;
    const char *tail;
    if (parse_place(r, args, &tail, &p, e) || parse_tail(r, tail, &spec, e))
        return -EINVAL;
    char *text = strndup(args, (size_t)(tail - args));
    if (!text)
        return err_set(e, -ENOMEM, "out of memory");
    spec.text = text;
    spec.space = p.space;
    spec.addr = p.addr;
    memcpy(spec.also, p.also, sizeof spec.also);
    spec.nalso = p.nalso;
    spec.temporary = temporary;
    spec.hardware = hardware;
    struct stop *s = debugger_add(r->d, &spec, e);
    free(text);
    if (!s)
        return -EINVAL;
    out_printf(r->out, "%sreakpoint %d at %s", temporary ? "Temporary b" : "B", s->number, space_name(p.space));
    show_address(r, p.addr);
    show_source_place(r, p.addr);
    if (p.nalso)
        out_printf(r->out, " and %u more place%s", p.nalso, p.nalso == 1 ? "" : "s");
    out_puts(r->out, "\n");
    return 0;
}

int cmd_break(struct repl *r, const char *args, struct err *e)
{
    return add_break(r, args, false, false, e);
}

int cmd_tbreak(struct repl *r, const char *args, struct err *e)
{
    return add_break(r, args, true, false, e);
}

int cmd_hbreak(struct repl *r, const char *args, struct err *e)
{
    return add_break(r, args, false, true, e);
}

/* ---- Watchpoints ---- */

/* How many bytes the symbol at addr has; 8 when that is not known. */
static uint64_t symbol_size(struct repl *r, uint64_t addr)
{
    uint64_t value, size;
    const struct symbols *symbols = machine_symbols(debugger_machine(r->d));
    for (size_t i = 0; symbols_row(symbols, i, &value, &size, NULL); i++)
        if (value == addr && size)
            return min_u64(size, PAGE_SIZE);
    return 8;
}

/* Whether the expression names a variable of the function. One in a register is an error. */
static int find_local(struct repl *r, const char *s, bool *local, struct err *e)
{
    struct expr_env env;
    struct expr_variable v;
    struct expr *x = expr_parse(s, 0, NULL, e);
    if (!x)
        return -EINVAL;
    repl_env(r, &env);
    *local = expr_names_local(x, &env, &v);
    bool in_memory = !*local || !expr_sole_name(x) || v.where == EXPR_IN_MEMORY;
    expr_free(x);
    if (in_memory)
        return 0;
    return v.where == EXPR_IN_REGISTER
               ? err_set(e, -EINVAL, "%s is in register %s here: only memory can be watched", s, v.reg)
               : err_set(e, -EINVAL, "%s has no place in memory here: only memory can be watched", s);
}

/* SYMBOL, [SPACE:]ADDRESS, *(TYPE *)ADDRESS, each with an optional ",LENGTH" behind it. The text up to `if` is in s. */
static int parse_watched(struct repl *r, char *s, struct stop_spec *spec, struct err *e)
{
    char *comma = strrchr(s, ',');
    struct expr_value v;
    struct expr_env env;
    uint64_t len = 0;
    if (comma) {
        *comma = 0;
        if (eval_u64(r, comma + 1, &len, e))
            return -EINVAL;
        if (!len)
            return err_set(e, -EINVAL, "a watchpoint of no bytes: give 1 to %" PRIu64, (uint64_t)PAGE_SIZE);
    }
    bool local;
    if (find_local(r, s, &local, e))
        return -EINVAL;
    /* Something that lies in memory: its address, and how long it is. Else its value is the address. */
    char address_of[512];
    snprintf(address_of, sizeof address_of, "&(%.500s)", s);
    repl_env(r, &env);
    struct err not_memory;
    bool is_memory = expr_once(address_of, &env, NULL, &v, &not_memory) && v.type.depth;
    if (!is_memory && eval_value(r, s, NULL, &v, e))
        return -EINVAL;
    uint64_t size = 0;
    if (is_memory) {
        v.type.depth--;
        size = expr_type_size(&v.type);
    }
    if (size > PAGE_SIZE && !len)
        return err_set(e, -EINVAL,
                       "%s has %" PRIu64 " bytes, and at most %u can be watched: name a part, or give ,LENGTH", s, size,
                       (unsigned)PAGE_SIZE);
    spec->addr = v.v;
    switch ((enum expr_space)v.space) {
    case EXPR_HERE: spec->space = SPACE_GVA; break;
    case EXPR_GVA: spec->space = SPACE_PAGED; break;
    case EXPR_GPA: spec->space = SPACE_GPA; break;
    case EXPR_HPA: spec->space = SPACE_HPA; break;
    }
    if (local && spec->space == SPACE_GVA)
        (void)frame_holds(r, v.v, &spec->frame);
    spec->len = len ? len : is_memory && size ? size : symbol_size(r, v.v);
    return 0;
}

static int add_watch(struct repl *r, const char *args, unsigned access, struct err *e)
{
    struct stop_spec spec = stop_spec_default(STOP_WATCH);
    bool location = take_keyword(&args, "-location", 2);
    args = skip_blanks(args);
    size_t n = 0;
    while (args[n] && strncmp(args + n, " if ", 4) && strncmp(args + n, " if(", 4) && strncmp(args + n, " hart ", 6) &&
           strncmp(args + n, " thread ", 8))
        n++;
    if (!n)
        return err_set(
            e, -EINVAL,
            "give what to watch: a symbol, an address, *(int *)0x80001000, or gpa:ADDRESS; ,LENGTH may follow");
    char *text = strndup(args, n), *copy = strndup(args, n);
    struct stop *s = NULL;
    spec.access = access;
    spec.text = text;
    if (!text || !copy)
        err_set(e, -ENOMEM, "out of memory");
    else if (!parse_watched(r, copy, &spec, e) && !parse_tail(r, skip_blanks(args + n), &spec, e)) {
        if (location)
            spec.frame.pc = 0;
        s = debugger_add(r->d, &spec, e);
    }
    if (s) {
        uint64_t pa;
        const char *kind = access == DEBUG_CHANGE ? "Watchpoint"
                           : access == DEBUG_READ ? "Read watchpoint"
                                                  : "Access watchpoint";
        out_printf(r->out, "%s %d: %s (%" PRIu64 " byte%s at %s", kind, s->number, text, spec.len,
                   spec.len == 1 ? "" : "s", space_name(spec.space));
        show_address(r, spec.addr);
        if (!debugger_locate(debugger_hart(r->d), spec.space, spec.addr, &pa) ||
            !bus_memory_at(machine_bus(debugger_machine(r->d)), pa))
            out_puts(r->out, ", not mapped now: watched once it is");
        out_puts(r->out, ")\n");
    }
    free(text);
    free(copy);
    return s ? 0 : -EINVAL;
}

int cmd_watch(struct repl *r, const char *args, struct err *e)
{
    return add_watch(r, args, DEBUG_CHANGE, e);
}

int cmd_rwatch(struct repl *r, const char *args, struct err *e)
{
    return add_watch(r, args, DEBUG_READ, e);
}

int cmd_awatch(struct repl *r, const char *args, struct err *e)
{
    return add_watch(r, args, DEBUG_READ | DEBUG_WRITE, e);
}

/* ---- The list ---- */

typedef int each_fn(struct repl *r, struct stop *s, struct err *e);

static struct display *find_display(struct repl *r, uint64_t number)
{
    struct display *x = r->displays;
    while (x && (uint64_t)x->number != number)
        x = x->next;
    return x;
}

/* Does fn to each stop named in args: "1 3-5"; to all when there are none and `all`. */
static int for_each(struct repl *r, const char *args, bool all, each_fn *fn, struct err *e)
{
    char word[32];
    if (!*args && !all)
        return err_set(e, -EINVAL, "give the numbers of breakpoints: info breakpoints lists them");
    if (!*args) {
        for (struct stop *s = debugger_stops(r->d), *next; s; s = next) {
            next = s->next;
            if (!s->spec.hidden && fn(r, s, e))
                return -EINVAL;
        }
        return 0;
    }
    while (take_word(&args, word, sizeof word)) {
        uint64_t from, to;
        char *dash = strchr(word, '-');
        if (dash)
            *dash = 0;
        if (eval_u64(r, word, &from, e) || (dash && eval_u64(r, dash + 1, &to, e)))
            return -EINVAL;
        to = dash ? to : from;
        if (to - from > INT32_MAX)
            return err_set(e, -EINVAL, "%" PRIu64 "-%" PRIu64 ": no such numbers", from, to);
        bool found = false;
        for (struct stop *s = debugger_stops(r->d), *next; s; s = next) {
            next = s->next;
            if (s->spec.hidden || (uint64_t)s->number < from || (uint64_t)s->number > to)
                continue;
            found = true;
            if (fn(r, s, e))
                return -EINVAL;
        }
        if (!found)
            return err_set(e, -EINVAL, "no breakpoint number %" PRIu64, from);
    }
    return 0;
}

static int delete_one(struct repl *r, struct stop *s, struct err *e)
{
    (void)e;
    debugger_remove(r->d, s);
    return 0;
}

static int enable_one(struct repl *r, struct stop *s, struct err *e)
{
    (void)e;
    debugger_enable(r->d, s, true);
    return 0;
}

static int disable_one(struct repl *r, struct stop *s, struct err *e)
{
    (void)e;
    debugger_enable(r->d, s, false);
    return 0;
}

int cmd_delete(struct repl *r, const char *args, struct err *e)
{
    take_keyword(&args, "breakpoints", 1);
    if (take_keyword(&args, "display", 3))
        return cmd_undisplay(r, args, e);
    return for_each(r, args, true, delete_one, e);
}

static int enable_display(struct repl *r, const char *args, bool on, struct err *e)
{
    char word[32];
    uint64_t n;
    if (!*args)
        for (struct display *x = r->displays; x; x = x->next)
            x->enabled = on;
    while (take_word(&args, word, sizeof word)) {
        struct display *x = eval_u64(r, word, &n, e) ? NULL : find_display(r, n);
        if (!x)
            return err_set(e, -EINVAL, "no display number %s", word);
        x->enabled = on;
    }
    return 0;
}

int cmd_enable(struct repl *r, const char *args, struct err *e)
{
    take_keyword(&args, "breakpoints", 1);
    if (take_keyword(&args, "display", 3))
        return enable_display(r, args, true, e);
    return for_each(r, args, true, enable_one, e);
}

int cmd_disable(struct repl *r, const char *args, struct err *e)
{
    take_keyword(&args, "breakpoints", 1);
    if (take_keyword(&args, "display", 3))
        return enable_display(r, args, false, e);
    return for_each(r, args, true, disable_one, e);
}

/* The stop whose number begins args. */
static struct stop *take_stop(struct repl *r, const char **args, struct err *e)
{
    char word[32];
    uint64_t n;
    if (!take_word(args, word, sizeof word)) {
        err_set(e, -EINVAL, "give the number of a breakpoint: info breakpoints lists them");
        return NULL;
    }
    if (eval_u64(r, word, &n, e))
        return NULL;
    struct stop *s = n <= INT32_MAX ? debugger_find(r->d, (int)n) : NULL;
    if (!s)
        err_set(e, -EINVAL, "no breakpoint number %" PRIu64, n);
    return s;
}

int cmd_ignore(struct repl *r, const char *args, struct err *e)
{
    uint64_t n;
    struct stop *s = take_stop(r, &args, e);
    if (!s || eval_u64(r, args, &n, e))
        return -EINVAL;
    s->spec.ignore = n;
    out_printf(r->out, "Will ignore the next %" PRIu64 " hits of %d.\n", n, s->number);
    return 0;
}

int cmd_condition(struct repl *r, const char *args, struct err *e)
{
    struct stop *s = take_stop(r, &args, e);
    if (!s)
        return -EINVAL;
    int rc = debugger_set_condition(r->d, s, *args ? args : NULL, e);
    if (!rc && !*args)
        out_printf(r->out, "%d stops without a condition now.\n", s->number);
    return rc;
}

int cmd_commands(struct repl *r, const char *args, struct err *e)
{
    struct stop *s = NULL;
    if (*args)
        s = take_stop(r, &args, e);
    else
        for (struct stop *x = debugger_stops(r->d); x; x = x->next)
            s = x->spec.hidden ? s : x;
    if (!s)
        return *e->text ? -EINVAL : err_set(e, -EINVAL, "there is no breakpoint to give commands to");
    int number = s->number;
    char **lines = calloc(1, sizeof *lines);
    size_t n = 0;
    const char *line;
    if (!r->inputs && r->config.terminal)
        out_printf(r->out, "Commands for when %d is hit, one on a line; end with a line that says end.\n", number);
    while (lines && (line = repl_read(r, "> ")) && strcmp(skip_blanks(line), "end")) {
        char **more = realloc(lines, (n + 2) * sizeof *more);
        if (!more)
            break;
        lines = more;
        lines[n] = strdup(skip_blanks(line));
        n += lines[n] != NULL;
        lines[n] = NULL;
    }
    s = debugger_find(r->d, number);
    for (char **c = s ? s->commands : NULL; c && *c; c++)
        free(*c);
    if (s)
        free(s->commands);
    if (s && n) {
        s->commands = lines;
        return 0;
    }
    free(lines);
    if (s)
        s->commands = NULL;
    return 0;
}

static const char *kind_name(const struct stop *s)
{
    switch (s->spec.kind) {
    case STOP_BREAK: return s->spec.hardware ? "hw breakpoint" : "breakpoint";
    case STOP_WATCH:
        return s->spec.access == DEBUG_CHANGE ? "watchpoint"
               : s->spec.access == DEBUG_READ ? "read watchpoint"
                                              : "acc watchpoint";
    case STOP_CATCH: return "catchpoint";
    }
    return "?";
}

/* [N]: of one, or of all; of watchpoints alone. */
static int list_stops(struct repl *r, const char *args, bool watches, struct err *e)
{
    bool any = false;
    uint64_t number = 0;
    if (*args && eval_u64(r, args, &number, e))
        return -EINVAL;
    for (const struct stop *s = debugger_stops(r->d); s; s = s->next) {
        if (s->spec.hidden || (watches && s->spec.kind != STOP_WATCH) || (*args && (uint64_t)s->number != number))
            continue;
        if (!any)
            out_styled(r->out, OUT_HEAD, "%-4s %-16s %-4s %-3s %s\n", "Num", "Type", "Disp", "Enb", "What");
        any = true;
        out_printf(r->out, "%-4d %-16s %-4s %-3s ", s->number, kind_name(s), s->spec.temporary ? "del" : "keep",
                   s->enabled ? "y" : "n");
        if (s->spec.kind == STOP_BREAK) {
            out_puts(r->out, space_name(s->spec.space));
            show_address(r, s->spec.addr);
            show_source_place(r, s->spec.addr);
            for (unsigned i = 0; i < s->spec.nalso; i++) {
                out_printf(r->out, "\n%31s", "");
                show_address(r, s->spec.also[i]);
            }
        } else {
            out_puts(r->out, s->spec.text ? s->spec.text : "");
        }
        out_puts(r->out, "\n");
        if (s->spec.hart != STOP_ANY)
            out_printf(r->out, "     only on hart %d\n", s->spec.hart);
        if (s->spec.condition)
            out_printf(r->out, "     stop only if %s\n", s->spec.condition);
        if (s->hits)
            out_printf(r->out, "     %s already hit %" PRIu64 " time%s\n",
                       s->spec.kind == STOP_BREAK ? "breakpoint" : kind_name(s), s->hits, s->hits == 1 ? "" : "s");
        if (s->spec.ignore)
            out_printf(r->out, "     ignore next %" PRIu64 " hits\n", s->spec.ignore);
        for (char **c = s->commands; c && *c; c++)
            out_printf(r->out, "        %s\n", *c);
    }
    if (!any && *args)
        return err_set(e, -EINVAL, "no %s number %" PRIu64, watches ? "watchpoint" : "breakpoint", number);
    if (!any)
        out_puts(r->out, watches ? "No watchpoints.\n" : "No breakpoints, watchpoints or catchpoints.\n");
    return 0;
}

int cmd_info_breakpoints(struct repl *r, const char *args, struct err *e)
{
    return list_stops(r, args, false, e);
}

int cmd_info_watchpoints(struct repl *r, const char *args, struct err *e)
{
    return list_stops(r, args, true, e);
}
