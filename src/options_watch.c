/* SPDX-License-Identifier: MIT */
/* Options for those who look on: traces, gdb, how long a run may take, and the guests of a virtual-machine monitor. */
#include "options_int.h"

#include <errno.h>
#include <string.h>

static int add_trace(struct options *o, const char *opt, const char *what, struct err *e)
{
    if (o->ntraces == OPTIONS_TRACES)
        return err_set(e, -EINVAL, "%s: more than %d traces", opt, OPTIONS_TRACES);
    o->traces[o->ntraces].what = what;
    o->traces[o->ntraces++].format = o->trace_format;
    return 0;
}

/* QEMU's -d. Some of its words have no counterpart but lose nothing: there is always a message, or never one. */
int option_log(struct options *o, const char *opt, char *arg, struct err *e)
{
    bool insn = false, trap = false;
    char *k, *v;
    while (options_next(&arg, &k, &v)) {
        if (option_is(k, "help|?"))
            return option_ask_help(o, "log");
        if (!strcmp(k, "int"))
            trap = true;
        else if (option_is(k, "in_asm|exec|cpu|fpu"))
            insn = true;
        else if (!option_is(k, "guest_errors|unimp|mmu|page|nochain|cpu_reset|invalid_mem|plugin"))
            return err_set(e, -EINVAL, "%s %s: give int (traps) or exec (instructions), or use --trace", opt, k);
    }
    return insn || trap ? add_trace(o, opt, insn && trap ? "insn,trap" : insn ? "insn" : "trap", e) : 0;
}

int option_trace(struct options *o, const char *opt, char *arg, struct err *e)
{
    return *arg ? add_trace(o, opt, arg, e) : err_set(e, -EINVAL, "%s: no kinds: give e.g. insn, trap or all", opt);
}

/* Of the traces behind it, and of those before it that have none. */
int option_trace_format(struct options *o, const char *opt, char *arg, struct err *e)
{
    (void)opt, (void)e;
    o->trace_format = arg;
    for (unsigned i = 0; i < o->ntraces; i++)
        if (!o->traces[i].format)
            o->traces[i].format = arg;
    return 0;
}

int option_max_insns(struct options *o, const char *opt, char *arg, struct err *e)
{
    return option_number(opt, arg, 1, &o->max_insns, e);
}

int option_gdb(struct options *o, const char *opt, char *arg, struct err *e)
{
    if (o->gdb && strcmp(o->gdb, arg) != 0)
        return err_set(e, -EINVAL, "%s %s: there is one already, at %s: leave one out", opt, arg, o->gdb);
    o->gdb = arg;
    return 0;
}

int option_s(struct options *o, const char *opt, char *arg, struct err *e)
{
    (void)arg;
    char *port = option_keep(o, "tcp::1234");
    return port ? option_gdb(o, opt, port, e) : err_set(e, -ENOMEM, "%s: out of memory", opt);
}

int option_vm(struct options *o, const char *opt, char *arg, struct err *e)
{
    if (o->nvms == ARRAY_LEN(o->vms))
        return err_set(e, -EINVAL, "%s: more than %zu guests", opt, ARRAY_LEN(o->vms));
    o->vms[o->nvms++] = arg;
    return 0;
}

int option_slice(struct options *o, const char *opt, char *arg, struct err *e)
{
    return option_number(opt, arg, 1, &o->slice, e);
}
