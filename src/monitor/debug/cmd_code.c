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

enum { MAX_PLACES = STOP_PLACES + 1 };

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

void show_source_place(struct repl *r, uint64_t addr)
{
    struct source_place p;
    if (stands_before_call(r) && addr == r->before.pc)
        out_printf(r->out, " at %s:%u", base_name(r->before.file), r->before.line);
    else if (source_at(r->source, addr, &p))
        out_printf(r->out, " at %s:%u", base_name(p.file), p.line);
}

bool show_line(struct repl *r, const char *file, unsigned line, bool here)
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

bool stands_before_call(struct repl *r)
{
    return r->before.line && r->before.epoch == debugger_epoch(r->d) && r->before.pc == debugger_hart(r->d)->pc;
}

bool show_source_line(struct repl *r, uint64_t addr)
{
    if (stands_before_call(r) && addr == r->before.pc && !r->frame)
        return show_line(r, r->before.file, r->before.line, false);
    struct source_place p;
    return source_at(r->source, addr, &p) && show_line(r, p.file, p.line, false);
}

bool source_begins_line(struct repl *r, uint64_t addr)
{
    struct source_place p;
    return source_at(r->source, addr, &p) && p.low == addr;
}

/* ---- Places ---- */

bool source_function_place(struct repl *r, const char *text, struct source_function *f)
{
    char file[512];
    const char *colon = strrchr(text, ':'), *full;
    if (!colon)
        return source_function_named(r->source, text, 0, f);
    snprintf(file, sizeof file, "%.*s", (int)min_u64((uint64_t)(colon - text), sizeof file - 1), text);
    full = source_find_file(r->source, file);
    for (unsigned n = 0; full && source_function_named(r->source, colon + 1, n, f); n++)
        if (f->file && !strcmp(f->file, full))
            return true;
    return false;
}

int source_place(struct repl *r, const char *text, struct place *p, struct err *e)
{
    struct source_function f;
    uint64_t va[MAX_PLACES];
    char file[512];
    /* A function: behind its prologue, and where it was inlined. */
    bool function = source_function_place(r, text, &f);
    unsigned copies = source_inlined_copies(r->source, function ? f.name : text, va, MAX_PLACES);
    if (function || copies) {
        p->addr = function ? f.body : va[0];
        p->nalso = 0;
        for (unsigned i = !function; i < copies && p->nalso < STOP_PLACES; i++)
            p->also[p->nalso++] = va[i];
        return 0;
    }
    const char *colon = strrchr(text, ':'), *number = colon ? colon + 1 : text, *same;
    if (colon && isalpha((unsigned char)*number) && !strpbrk(text, " ?(*"))
        return err_set(e, -EINVAL, "%s: no such function: info functions and info sources list what there is", text);
    if (!isdigit((unsigned char)*number) || number[strspn(number, "0123456789")])
        return 1;
    unsigned line = (unsigned)strtoul(number, NULL, 10);
    if (colon)
        snprintf(file, sizeof file, "%.*s", (int)(colon - text), text);
    else if ((same = source_default_file(r)))
        snprintf(file, sizeof file, "%.511s", same);
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

/* ---- disassemble ---- */

/* The code of what holds addr, and its name. False: nothing is known to. */
static bool code_around(struct repl *r, uint64_t addr, uint64_t *lo, uint64_t *hi, const char **name)
{
    enum { MOST = 256 }; /* bytes of a symbol whose end is not known */
    struct source_function f;
    uint64_t off, next;
    const struct symbols *symbols = machine_symbols(debugger_machine(r->d));
    if (source_function_at(r->source, addr, &f)) {
        *lo = f.low;
        *hi = f.high;
        *name = f.name;
        return true;
    }
    if (!(*name = symbols_at(symbols, addr, &off)))
        return false;
    *lo = addr - off;
    *hi = *lo + MOST;
    for (size_t i = 0; symbols_row(symbols, i, &next, NULL, NULL); i++)
        if (next > addr) {
            *hi = min_u64(*hi, next);
            break;
        }
    if (*hi <= addr)
        *hi = addr + 4;
    return true;
}

/* FROM,TO or FROM,+LENGTH */
static int code_range(struct repl *r, const char *args, const char *comma, uint64_t *lo, uint64_t *hi, struct err *e)
{
    char from[256];
    const char *to = skip_blanks(comma + 1);
    bool plus = *to == '+';
    snprintf(from, sizeof from, "%.*s", (int)(comma - args), args);
    if (eval_u64(r, from, lo, e) || eval_u64(r, to + plus, hi, e))
        return -EINVAL;
    *hi += plus ? *lo : 0;
    return 0;
}

/* [/s] [PLACE | FROM,TO | FROM,+LENGTH] */
int cmd_disassemble(struct repl *r, const char *args, struct err *e)
{
    uint64_t lo = 0, hi = 0;
    bool lines = false;
    if (*args == '/') {
        lines = strchr(args, 's') || strchr(args, 'm');
        args = skip_blanks(args + strcspn(args, " \t"));
    }
    const char *comma = strchr(args, ','), *name;
    uint64_t addr = frame_pc(r);
    if (comma ? code_range(r, args, comma, &lo, &hi, e) : *args && eval_address(r, args, &addr, e))
        return -EINVAL;
    if (!comma && !code_around(r, addr, &lo, &hi, &name))
        return err_set(e, -EINVAL, "no function holds 0x%" PRIx64 ": give FROM,TO or FROM,+LENGTH", addr);
    if (!comma)
        out_printf(r->out, "Code of %s:\n", name);
    if (hi - lo > (1 << 20))
        return err_set(e, -EINVAL, "disassemble: 0x%" PRIx64 " to 0x%" PRIx64 " are more than 1 MiB", lo, hi);
    for (unsigned last = 0, n; lo < hi && !out_cancelled(r->out); lo += n) {
        struct source_place p;
        if (lines && source_at(r->source, lo, &p) && p.line != last) {
            show_line(r, p.file, p.line, false);
            last = p.line;
        }
        if (!(n = show_instruction(r, SPACE_GVA, lo)))
            return err_set(e, -EFAULT, "cannot read memory at 0x%" PRIx64, lo);
    }
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
