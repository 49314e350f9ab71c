/* SPDX-License-Identifier: MIT */
#include "monitor/vmm/vmm_options.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { WORDS_MAX = 256 };

int vmm_split(char *text, const char **words, int max)
{
    char *from = text, *to = text;
    int n = 0;
    for (;;) {
        while (isspace((unsigned char)*from))
            from++;
        if (!*from)
            return n;
        if (n == max)
            return -1;
        words[n++] = to;
        char quote = 0;
        while (*from && (quote || !isspace((unsigned char)*from))) {
            if (quote ? *from == quote : *from == '\'' || *from == '"') {
                quote = quote ? 0 : *from;
                from++;
                continue;
            }
            if (*from == '\\' && quote != '\'' && from[1])
                from++;
            *to++ = *from++;
        }
        if (quote)
            return -1;
        bool more = *from != 0;
        from += more;
        *to++ = 0; /* at most where the blank was */
        if (!more)
            return n;
    }
}

void vmm_help(FILE *out)
{
    fprintf(out, "Ways to run a guest, as in --vmm emulate:\n");
    for (unsigned i = 0; technique_at(i); i++)
        fprintf(out, "  %-12s %s\n", technique_at(i)->name, technique_at(i)->help);
}

/* Does -cpu say anything of H? */
static bool speaks_of_h(const char *cpu)
{
    return cpu && (strstr(cpu, ",h=") || strstr(cpu, ",+h") || strstr(cpu, ",-h"));
}

static int find_technique(struct vmm_setup *s, const char *name, struct err *e)
{
    s->config.technique = technique_find(name);
    if (s->config.technique)
        return 0;
    char known[256] = "";
    for (unsigned i = 0; technique_at(i); i++) {
        size_t n = strlen(known);
        snprintf(known + n, sizeof known - n, "%s%s", i ? ", " : "", technique_at(i)->name);
    }
    return err_set(e, -EINVAL, "--vmm %s: no such technique: there are %s", name, known);
}

/* The one guest that the options are about. */
static int single(struct vmm_setup *s, struct options *o, struct err *e)
{
    struct vmm_config *c = &s->config;
    c->vms = calloc(1, sizeof *c->vms);
    if (!c->vms)
        return err_set(e, -ENOMEM, "out of memory");
    c->nvms = 1;
    c->vms[0].machine = o->machine;
    if (!speaks_of_h(o->cpu))
        c->vms[0].machine.isa.h = false;
    machine_options_default(&c->real);
    c->real.isa = o->machine.isa;
    c->real.isa.h = true;
    c->real.quantum = o->machine.quantum;
    c->real.insns_per_tick = o->machine.insns_per_tick;
    c->real.quiet = o->machine.quiet;
    c->real.ram_size = 0;
    return 0;
}

/* A guest has options of a machine only: the rest belongs to the command. */
static int check_guest(const struct options *g, unsigned i, struct err *e)
{
    const char *bad = g->action != OPTIONS_RUN ? "--help, --version and dumpdtb"
                      : g->vmm || g->nvms || g->slice || g->check || g->check_shadow || g->vmstat
                          ? "--vmm, --vm, --slice, --check, --check-shadow and --vmstat"
                      : g->ntraces || g->trace_format || g->trace_file || g->stats
                          ? "--trace, its format and file, and --stats"
                      : g->profile || g->post_mortem ? "--profile and --post-mortem"
                      : g->gdb || g->hold            ? "-gdb, -s and -S"
                      : g->pidfile                   ? "-pidfile"
                      : g->max_insns != UINT64_MAX   ? "--max-insns"
                                                     : NULL;
    return bad ? err_set(e, -EINVAL, "--vm (guest %u): %s belong%s outside of it", i + 1, bad,
                         g->pidfile || strstr(bad, "max") ? "s" : "")
               : 0;
}

static int add_guest(struct vmm_setup *s, const struct options *o, unsigned i, struct err *e)
{
    const char *words[WORDS_MAX];
    s->texts[i] = strdup(o->vms[i]);
    if (!s->texts[i])
        return err_set(e, -ENOMEM, "out of memory");
    int n = vmm_split(s->texts[i], words, WORDS_MAX);
    if (n < 0)
        return err_set(e, -EINVAL, "--vm \"%s\": a quote is not closed, or there are more than %d words", o->vms[i],
                       WORDS_MAX);
    struct options *g = &s->guests[i];
    struct err why = {.text = ""};
    if (options_parse(g, n, words, &why))
        return err_set(e, -EINVAL, "--vm (guest %u): %s", i + 1, why.text);
    int rc = check_guest(g, i, e);
    if (rc)
        return rc;
    if (!g->cpu)
        g->machine.isa = o->machine.isa;
    if (!speaks_of_h(g->cpu))
        g->machine.isa.h = false;
    g->machine.quiet |= o->machine.quiet;
    s->config.vms[i].machine = g->machine;
    return 0;
}

/* Options that make sense for a guest only. */
static int check_real(const struct options *o, struct err *e)
{
    const struct machine_options *m = &o->machine;
    struct machine_options plain;
    machine_options_default(&plain);
    bool serial = strncmp(m->serial, "mon:stdio", 9) && !o->gdb; /* where nothing was said there is that one */
    const char *bad = m->kernel                     ? "-kernel"
                      : m->initrd                   ? "-initrd"
                      : m->append                   ? "-append"
                      : m->dtb                      ? "-dtb"
                      : strcmp(m->bios, plain.bios) ? "-bios"
                      : m->ndrives                  ? "-drive"
                      : m->nnetdevs                 ? "-netdev"
                      : m->nchardevs                ? "-chardev"
                      : m->ndevices || m->nloaders  ? "-device"
                      : serial                      ? "-serial"
                      : m->signature                ? "-signature"
                      : m->snapshot                 ? "-snapshot"
                      : m->no_reboot                ? "-no-reboot"
                      : m->seed != plain.seed       ? "-seed"
                                                    : NULL;
    if (m->harts != 1)
        return err_set(e, -EINVAL, "-smp %u with --vm: the VMM uses one hart of the real machine: leave it out",
                       m->harts);
    return bad ? err_set(e, -EINVAL, "%s with --vm: the real machine runs the VMM only: give it inside of a --vm", bad)
               : 0;
}

/* Xuk's instructions trap nowhere on a hart that has them: a guest without them would find them there, but for techniques that look at each
 * instruction. */
static int check_xuk(const struct vmm_config *c, struct err *e)
{
    bool looks = !strcmp(c->technique->name, "emulate") || !strcmp(c->technique->name, "translate");
    for (unsigned i = 0; i < c->nvms && c->real.isa.xuk && !looks; i++)
        if (!c->vms[i].machine.isa.xuk)
            return err_set(
                e, -EINVAL,
                "--vm (guest %u): it is without Xuk, and the real machine has it for another, which --vmm %s "
                "cannot hide: give all guests the same xuk, or --vmm translate",
                i + 1, c->technique->name);
    return 0;
}

static int several(struct vmm_setup *s, struct options *o, struct err *e)
{
    struct vmm_config *c = &s->config;
    int rc = check_real(o, e);
    if (rc)
        return rc;
    c->vms = calloc(o->nvms, sizeof *c->vms);
    s->guests = calloc(o->nvms, sizeof *s->guests);
    s->texts = calloc(o->nvms, sizeof *s->texts);
    if (!c->vms || !s->guests || !s->texts)
        return err_set(e, -ENOMEM, "out of memory");
    c->real = o->machine;
    c->real.serial = NULL;
    if (!o->ram_given)
        c->real.ram_size = 0;
    for (unsigned i = 0; !rc && i < o->nvms; i++) {
        rc = add_guest(s, o, i, e);
        c->nvms = i + 1;
        /* What a guest may do in any mode must be there on the hart that it runs on. */
        c->real.isa.xuk |= c->vms[i].machine.isa.xuk;
        c->real.isa.xdisk |= c->vms[i].machine.isa.xdisk;
    }
    c->share_terminal = o->nvms > 1;
    return rc ? rc : check_xuk(c, e);
}

int vmm_setup(struct vmm_setup *s, struct options *o, struct err *e)
{
    *s = (struct vmm_setup){.config = {.slice = o->slice, .check = o->check, .check_shadow = o->check_shadow}};
    int rc = find_technique(s, o->vmm, e);
    return rc ? rc : o->nvms ? several(s, o, e) : single(s, o, e);
}

void vmm_setup_free(struct vmm_setup *s)
{
    for (unsigned i = 0; i < s->config.nvms && s->guests; i++) {
        options_free(&s->guests[i]);
        free(s->texts[i]);
    }
    free(s->guests);
    free(s->texts);
    free(s->config.vms);
}
