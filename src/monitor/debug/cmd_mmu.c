/* SPDX-License-Identifier: MIT */
/* The MMU's commands, and traces: words for other modules. */
#include "monitor/debug/repl_int.h"

#include "monitor/debug/pagetable.h"
#include "monitor/debug/source.h"
#include "monitor/debug/walk_view.h"
#include "monitor/debug/why.h"
#include "monitor/trace/trace.h"
#include "symbols.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

/* The expression that args begin with, up to a blank outside of parentheses; *rest behind it. */
static int take_value(struct repl *r, const char *args, const char **rest, uint64_t *v, struct err *e)
{
    char text[256];
    size_t n = 0;
    int depth = 0;
    for (; args[n] && (depth || args[n] != ' '); n++)
        depth += args[n] == '(' ? 1 : args[n] == ')' ? -1 : 0;
    if (n >= sizeof text)
        return err_set(e, -EINVAL, "too long an address");
    memcpy(text, args, n);
    text[n] = 0;
    *rest = skip_blanks(args + n);
    return eval_address(r, text, v, e);
}

int cmd_walk(struct repl *r, const char *args, struct err *e)
{
    uint64_t va;
    if (!*args)
        return err_set(e, -EINVAL, "walk: give a virtual address: walk $sp w, walk main x as U");
    if (take_value(r, args, &args, &va, e))
        return -EINVAL;
    int rc = walk_command(r->out, debugger_hart(r->d), va, args, e);
    if (!rc && repl_vm(r))
        repl_show_shadow(r, repl_vm(r), va);
    return rc;
}

int cmd_pagetable(struct repl *r, const char *args, struct err *e)
{
    static const char *const words[] = {"sv39", "sv48",  "sv57",  "sv39x4", "sv48x4", "sv57x4",
                                        "satp", "vsatp", "hgatp", "as",     "all"};
    uint64_t root;
    bool given = *args != 0;
    size_t n = strcspn(args, " ");
    for (size_t i = 0; i < ARRAY_LEN(words); i++)
        given &= !(strlen(words[i]) == n && !strncmp(args, words[i], n));
    if (given && take_value(r, args, &args, &root, e))
        return -EINVAL;
    return pagetable_command(r->out, debugger_hart(r->d), given ? &root : NULL, args, e);
}

int cmd_info_mem(struct repl *r, const char *args, struct err *e)
{
    if (no_arguments(args, e))
        return -EINVAL;
    info_mem(r->out, debugger_hart(r->d));
    return 0;
}

int cmd_info_tlb(struct repl *r, const char *args, struct err *e)
{
    if (no_arguments(args, e))
        return -EINVAL;
    info_tlb(r->out, debugger_hart(r->d));
    return 0;
}

/* ---- why ---- */

static bool name_symbol(void *ctx, uint64_t va, char *buf, size_t size)
{
    struct repl *r = ctx;
    uint64_t off;
    const char *name = symbols_at(machine_symbols(debugger_machine(r->d)), va, &off);
    if (name)
        snprintf(buf, size, off ? "%s+0x%" PRIx64 : "%s", name, off);
    return name != NULL;
}

static bool name_source(void *ctx, uint64_t pc, char *buf, size_t size)
{
    struct repl *r = ctx;
    struct source_place p;
    if (!source_at(r->source, pc, &p))
        return false;
    const char *slash = strrchr(p.file, '/');
    snprintf(buf, size, "%s:%u", slash ? slash + 1 : p.file, p.line);
    return true;
}

static bool name_insn(void *ctx, uint64_t pc, uint32_t raw, char *buf, size_t size)
{
    struct repl *r = ctx;
    disasm(r->disasm, pc, raw, buf, size);
    return true;
}

int cmd_why(struct repl *r, const char *args, struct err *e)
{
    const struct why_ctx names = {r, name_symbol, name_source, name_insn};
    if (no_arguments(args, e))
        return -EINVAL;
    if (repl_vm(r))
        repl_show_exit(r, repl_vm(r));
    why_print(r->out, debugger_machine(r->d), debugger_hart(r->d), &names);
    return 0;
}

/* ---- trace ---- */

int cmd_trace(struct repl *r, const char *args, struct err *e)
{
    if (!*args)
        return err_set(e, -EINVAL, "trace: give kinds of events and a file (trace trap,mode:FILE), or off");
    if (!strcmp(args, "off")) {
        int rc = 0;
        while (r->ntraces)
            if (trace_close(r->traces[--r->ntraces], e))
                rc = -EIO;
        return rc;
    }
    if (r->ntraces == ARRAY_LEN(r->traces))
        return err_set(e, -EINVAL, "trace: %zu traces are on already: trace off ends them", ARRAY_LEN(r->traces));
    struct trace *t = trace_open(debugger_machine(r->d), &(struct trace_options){.what = args}, e);
    if (!t)
        return -EINVAL;
    r->traces[r->ntraces++] = t;
    return 0;
}
