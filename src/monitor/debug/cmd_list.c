/* SPDX-License-Identifier: MIT */
/* list: source lines, and what names a line. */
#include "monitor/debug/repl_int.h"

#include "monitor/debug/source.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { LIST_LINES = 10 };

/* A line of a file, by source.h's name of it. */
struct list_place {
    const char *file;
    unsigned line;
};

const char *source_default_file(struct repl *r)
{
    struct source_place here;
    bool listed = r->list_file[0] && r->list_epoch == debugger_epoch(r->d);
    if (!listed && source_at(r->source, frame_pc(r), &here))
        return here.file;
    if (r->list_file[0])
        return r->list_file;
    struct source_function f;
    if (source_function_named(r->source, "main", 0, &f) && f.file)
        return f.file;
    return source_file(r->source, 0);
}

static int list_from(struct repl *r, const char *file, unsigned first, unsigned last, struct err *e)
{
    struct source_place here;
    bool same = source_at(r->source, frame_pc(r), &here) && !strcmp(here.file, file);
    size_t len;
    struct err why = {.text = ""};
    if (!source_text(r->source, file, first, &len, &why)) {
        const char *slash = strrchr(file, '/');
        return *why.text ? err_set(e, -ENOENT, "%s", why.text)
                         : err_set(e, -ERANGE, "%s has no line %u", slash ? slash + 1 : file, first);
    }
    if (file != r->list_file)
        snprintf(r->list_file, sizeof r->list_file, "%s", file);
    r->list_line = first;
    for (unsigned line = first; line >= first && line <= last && !out_cancelled(r->out); line++) {
        if (!show_line(r, r->list_file, line, same && line == here.line))
            break;
        r->list_line = line + 1;
    }
    r->list_first = first;
    r->list_epoch = debugger_epoch(r->d);
    return 0;
}

static int list_around(struct repl *r, const char *file, unsigned line, struct err *e)
{
    unsigned first = line > LIST_LINES / 2 ? line - LIST_LINES / 2 : 1;
    return list_from(r, file, first, first + LIST_LINES - 1, e);
}

/* LINE, FILE:LINE, FUNCTION, FILE:FUNCTION, *ADDRESS. file: where a LINE alone lies. */
static int find_place(struct repl *r, const char *text, const char *file, struct list_place *p, struct err *e)
{
    struct source_function f;
    struct source_place at;
    struct place code;
    const char *colon = strrchr(text, ':'), *number = colon ? colon + 1 : text;
    if (isdigit((unsigned char)*number) && !number[strspn(number, "0123456789")]) {
        char name[512];
        snprintf(name, sizeof name, "%.*s", colon ? (int)(colon - text) : 0, text);
        p->file = colon ? source_find_file(r->source, name) : file;
        p->line = (unsigned)strtoul(number, NULL, 10);
        return p->file ? 0 : err_set(e, -ENOENT, "%s: no such source file: info sources lists them", name);
    }
    if (source_function_place(r, text, &f) && f.file) {
        *p = (struct list_place){f.file, f.line};
        return 0;
    }
    if (parse_place(r, text, NULL, &code, e))
        return -EINVAL;
    if (!source_at(r->source, code.addr, &at))
        return err_set(e, -ENOENT, "list %s: no line is known at 0x%" PRIx64, text, code.addr);
    *p = (struct list_place){at.file, at.line};
    return 0;
}

/* FROM,TO with either left out. */
static int list_range(struct repl *r, const char *args, const char *comma, struct err *e)
{
    char from[256];
    struct list_place a = {0}, b = {0};
    const char *file = source_default_file(r), *to = skip_blanks(comma + 1);
    snprintf(from, sizeof from, "%.*s", (int)(comma - args), args);
    for (size_t n = strlen(from); n && from[n - 1] == ' ';)
        from[--n] = 0;
    if (*from && find_place(r, from, file, &a, e))
        return -EINVAL;
    if (*to && find_place(r, to, a.file ? a.file : file, &b, e))
        return -EINVAL;
    if (!a.file && !b.file)
        return err_set(e, -EINVAL, "list: give FROM,TO, FROM, or ,TO");
    if (!b.file)
        return list_from(r, a.file, a.line, a.line + LIST_LINES - 1, e);
    if (!a.file)
        return list_from(r, b.file, b.line >= LIST_LINES ? b.line - LIST_LINES + 1 : 1, b.line, e);
    if (strcmp(a.file, b.file))
        return err_set(e, -EINVAL, "list: %s and %s are of two files", from, to);
    if (b.line < a.line)
        return err_set(e, -EINVAL, "list: line %u comes before line %u", b.line, a.line);
    return list_from(r, a.file, a.line, b.line, e);
}

/* [PLACE | FROM,TO | -] */
int cmd_list(struct repl *r, const char *args, struct err *e)
{
    struct list_place p;
    struct source_place here;
    if (!source_has_lines(r->source))
        return err_set(e, -ENOENT,
                       "list: the guest has no debug information (compile it with -g); disassemble shows instructions");
    bool goes_on = r->list_file[0] && r->list_epoch == debugger_epoch(r->d);
    if (!strcmp(args, "-") && goes_on) {
        if (r->list_first <= 1)
            return err_set(e, -ERANGE, "list -: already at the beginning of %s", r->list_file);
        unsigned last = r->list_first - 1;
        return list_from(r, r->list_file, last >= LIST_LINES ? last - LIST_LINES + 1 : 1, last, e);
    }
    if (!*args && goes_on)
        return list_from(r, r->list_file, r->list_line, r->list_line + LIST_LINES - 1, e);
    if (!*args || !strcmp(args, "-")) {
        if (!source_at(r->source, frame_pc(r), &here))
            return err_set(e, -ENOENT, "list: no line is known at 0x%" PRIx64, frame_pc(r));
        if (stands_before_call(r) && !r->frame) {
            here.file = r->before.file;
            here.line = r->before.line;
        }
        if (!*args)
            return list_around(r, here.file, here.line, e);
        unsigned last = here.line > 1 ? here.line - 1 : 1;
        return list_from(r, here.file, last >= LIST_LINES ? last - LIST_LINES + 1 : 1, last, e);
    }
    const char *comma = strchr(args, ',');
    if (comma)
        return list_range(r, args, comma, e);
    if (find_place(r, args, source_default_file(r), &p, e))
        return -EINVAL;
    return list_around(r, p.file, p.line, e);
}
