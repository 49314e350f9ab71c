/* SPDX-License-Identifier: MIT */
/* Code: source lines and instructions. */
#include "monitor/debug/repl_int.h"

#include "monitor/debug/source.h"
#include "symbols.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { LIST_LINES = 10, MAX_PLACES = STOP_PLACES + 1 };

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

void show_source_place(struct repl *r, uint64_t addr)
{
    struct source_place p;
    if (source_at(r->source, addr, &p))
        out_printf(r->out, " at %s:%u", base_name(p.file), p.line);
}

static bool show_line(struct repl *r, const char *file, unsigned line, bool here)
{
    size_t len;
    struct err e = {.text = ""};
    const char *text = source_text(r->source, file, line, &len, &e);
    if (!text)
        return false;
    out_styled(r->out, here ? OUT_HEAD : OUT_DIM, "%u", line);
    out_printf(r->out, "\t%.*s\n", (int)len, text);
    return true;
}

bool show_source_line(struct repl *r, uint64_t addr)
{
    struct source_place p;
    return source_at(r->source, addr, &p) && show_line(r, p.file, p.line, false);
}

bool source_begins_line(struct repl *r, uint64_t addr)
{
    struct source_place p;
    return source_at(r->source, addr, &p) && p.low == addr;
}

/* ---- Places ---- */

int source_place(struct repl *r, const char *text, struct place *p, struct err *e)
{
    struct source_function f;
    struct source_place here;
    uint64_t va[MAX_PLACES];
    char file[512];
    if (source_function_named(r->source, text, 0, &f))
        return p->addr = f.body, 0;
    const char *colon = strrchr(text, ':'), *number = colon ? colon + 1 : text;
    if (!isdigit((unsigned char)*number) || number[strspn(number, "0123456789")])
        return 1;
    unsigned line = (unsigned)strtoul(number, NULL, 10);
    if (colon)
        snprintf(file, sizeof file, "%.*s", (int)(colon - text), text);
    else if (r->list_file[0])
        snprintf(file, sizeof file, "%.511s", r->list_file);
    else if (source_at(r->source, debugger_hart(r->d)->pc, &here))
        snprintf(file, sizeof file, "%.511s", here.file);
    else
        return 1;
    if (!source_find_file(r->source, file))
        return colon ? err_set(e, -EINVAL, "%s: no source file of that name has code: info sources lists them", file)
                     : 1;
    unsigned n = source_find_line(r->source, file, line, va, MAX_PLACES, NULL);
    if (!n)
        return err_set(e, -EINVAL, "%s: no code from line %u on", file, line);
    p->addr = va[0];
    for (p->nalso = 0; p->nalso + 1 < n && p->nalso + 1 < MAX_PLACES; p->nalso++)
        p->also[p->nalso] = va[p->nalso + 1];
    return 0;
}

/* ---- list ---- */

static int list_from(struct repl *r, const char *file, unsigned first, unsigned last, struct err *e)
{
    struct source_place here;
    bool same = source_at(r->source, debugger_hart(r->d)->pc, &here) && !strcmp(here.file, file);
    size_t len;
    struct err why = {.text = ""};
    if (!source_text(r->source, file, first, &len, &why))
        return *why.text ? err_set(e, -ENOENT, "%s", why.text)
                         : err_set(e, -ERANGE, "%s has no line %u", base_name(file), first);
    snprintf(r->list_file, sizeof r->list_file, "%s", file);
    for (unsigned line = first; line <= last && show_line(r, file, line, same && line == here.line); line++)
        r->list_line = line + 1;
    r->list_first = first;
    return 0;
}

static unsigned around(unsigned line)
{
    return line > LIST_LINES / 2 ? line - LIST_LINES / 2 : 1;
}

/* [PLACE | LINE,LINE | -] */
int cmd_list(struct repl *r, const char *args, struct err *e)
{
    struct source_place p;
    struct place at;
    uint64_t pc = frame_pc(r);
    if (!source_has_lines(r->source))
        return err_set(e, -ENOENT,
                       "list: the guest has no debug information (compile it with -g); disassemble shows instructions");
    if (!strcmp(args, "-")) {
        unsigned last = r->list_first > 1 ? r->list_first - 1 : 1;
        return list_from(r, r->list_file, last >= LIST_LINES ? last - LIST_LINES + 1 : 1, last, e);
    }
    if (!*args && r->list_file[0] && r->list_epoch == debugger_epoch(r->d))
        return list_from(r, r->list_file, r->list_line, r->list_line + LIST_LINES - 1, e);
    r->list_epoch = debugger_epoch(r->d);
    if (!*args) {
        if (!source_at(r->source, pc, &p))
            return err_set(e, -ENOENT, "list: no line is known at 0x%" PRIx64, pc);
        return list_from(r, p.file, around(p.line), around(p.line) + LIST_LINES - 1, e);
    }
    char *end;
    unsigned long first = strtoul(args, &end, 10), last;
    if (end != args && (!*end || *end == ',')) {
        last = *end && end[1] ? strtoul(end + 1, &end, 10) : 0;
        if (!r->list_file[0] && source_at(r->source, pc, &p))
            snprintf(r->list_file, sizeof r->list_file, "%s", p.file);
        if (!last) {
            first = around((unsigned)first);
            last = first + LIST_LINES - 1;
        }
        return list_from(r, r->list_file, (unsigned)first, (unsigned)last, e);
    }
    if (parse_place(r, args, NULL, &at, e))
        return -EINVAL;
    if (!source_at(r->source, at.addr, &p))
        return err_set(e, -ENOENT, "list %s: no line is known at 0x%" PRIx64, args, at.addr);
    return list_from(r, p.file, around(p.line), around(p.line) + LIST_LINES - 1, e);
}

/* ---- disassemble ---- */

/* [/s] [PLACE | FROM,TO | FROM,+LENGTH] */
int cmd_disassemble(struct repl *r, const char *args, struct err *e)
{
    uint64_t lo = 0, hi = 0, off, size;
    bool lines = false, whole = true;
    if (*args == '/') {
        lines = strchr(args, 's') || strchr(args, 'm');
        args = skip_blanks(args + strcspn(args, " \t"));
    }
    const char *comma = strchr(args, ',');
    if (comma) {
        char from[256];
        snprintf(from, sizeof from, "%.*s", (int)(comma - args), args);
        bool plus = *skip_blanks(comma + 1) == '+';
        if (eval_u64(r, from, &lo, e) || eval_u64(r, skip_blanks(comma + 1) + plus, &hi, e))
            return -EINVAL;
        hi += plus ? lo : 0;
        whole = false;
    } else {
        struct place p = {.addr = frame_pc(r)};
        struct source_function f;
        if (*args && eval_u64(r, args, &p.addr, e))
            return -EINVAL;
        const struct symbols *symbols = machine_symbols(debugger_machine(r->d));
        const char *name = symbols_at(symbols, p.addr, &off);
        if (source_function_at(r->source, p.addr, &f)) {
            lo = f.low;
            hi = f.high;
            name = f.name;
        } else if (name) {
            lo = p.addr - off;
            hi = lo + 256;
            for (size_t i = 0; symbols_row(symbols, i, &size, NULL, NULL); i++)
                if (size > p.addr) {
                    hi = min_u64(hi, size);
                    break;
                }
            if (hi <= p.addr)
                hi = p.addr + 4;
        } else {
            return err_set(e, -EINVAL, "no function holds 0x%" PRIx64 ": give FROM,TO or FROM,+LENGTH", p.addr);
        }
        out_printf(r->out, "Code of %s:\n", name);
    }
    if (hi - lo > (1 << 20))
        return err_set(e, -EINVAL, "disassemble: 0x%" PRIx64 " to 0x%" PRIx64 " are more than 1 MiB", lo, hi);
    unsigned last = 0;
    while (lo < hi) {
        struct source_place p;
        if (lines && source_at(r->source, lo, &p) && p.line != last) {
            show_line(r, p.file, p.line, false);
            last = p.line;
        }
        unsigned n = show_instruction(r, SPACE_GVA, lo);
        if (!n)
            return err_set(e, -EFAULT, "cannot read memory at 0x%" PRIx64, lo);
        lo += n;
    }
    (void)whole;
    return 0;
}

/* ---- info ---- */

int cmd_info_line(struct repl *r, const char *args, struct err *e)
{
    struct place at = {.addr = frame_pc(r)};
    struct source_place p;
    if (*args && parse_place(r, args, NULL, &at, e))
        return -EINVAL;
    if (!source_at(r->source, at.addr, &p))
        return err_set(e, -ENOENT, "no line is known at 0x%" PRIx64, at.addr);
    out_printf(r->out, "Line %u of \"%s\" begins at ", p.line, p.file);
    show_address(r, p.low);
    out_puts(r->out, " and ends at ");
    show_address(r, p.high);
    out_puts(r->out, ".\n");
    return 0;
}

int cmd_info_source(struct repl *r, const char *args, struct err *e)
{
    struct source_place p;
    uint64_t pc = frame_pc(r);
    if (no_arguments(args, e))
        return -EINVAL;
    if (!source_at(r->source, pc, &p))
        return err_set(e, -ENOENT, "no source file is known for 0x%" PRIx64, pc);
    const char *object = source_object(r->source, pc);
    out_printf(r->out, "Source file %s, line %u; in %s\n", p.file, p.line, object ? object : "?");
    return 0;
}

int cmd_info_sources(struct repl *r, const char *args, struct err *e)
{
    const char *file;
    if (no_arguments(args, e))
        return -EINVAL;
    for (size_t i = 0; (file = source_file(r->source, i)); i++)
        out_printf(r->out, "%s\n", file);
    return source_file(r->source, 0) ? 0
                                     : err_set(e, -ENOENT, "the guest has no debug information (compile it with -g)");
}

/* FROM TO: source files are looked for elsewhere than where they were compiled. */
int cmd_set_substitute_path(struct repl *r, const char *args, struct err *e)
{
    char from[512], to[512];
    if (!take_word(&args, from, sizeof from) || !take_word(&args, to, sizeof to))
        return err_set(
            e, -EINVAL,
            "set substitute-path: give the directory it was compiled in and the one where the files are now");
    return source_substitute(r->source, from, to) ? 0 : err_set(e, -ENOMEM, "out of memory");
}
