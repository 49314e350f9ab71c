/* SPDX-License-Identifier: MIT */
/* What Tab offers: commands, symbols, variables and their members, registers and their fields, files, kinds of events. */
#include "monitor/debug/repl_int.h"

#include "cpu/csr.h"
#include "machine_int.h"
#include "monitor/debug/csr_view.h"
#include "monitor/debug/ctype.h"
#include "monitor/debug/expr_scan.h"
#include "monitor/debug/source.h"
#include "monitor/debug/variables.h"
#include "monitor/names.h"
#include "symbols.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>

struct candidates {
    char **v;
    size_t n;
    const char *word;
    size_t length;
};

enum { MAX_CANDIDATES = 2000 };

static void offer(struct candidates *c, const char *prefix, const char *name, const char *suffix)
{
    char text[512];
    snprintf(text, sizeof text, "%s%s%s", prefix, name, suffix);
    if (strncmp(text, c->word, c->length) || c->n >= MAX_CANDIDATES)
        return;
    for (size_t i = 0; i < c->n; i++)
        if (!strcmp(c->v[i], text))
            return;
    char **more = realloc(c->v, (c->n + 2) * sizeof *more);
    if (!more)
        return;
    c->v = more;
    c->v[c->n] = strdup(text);
    c->n += c->v[c->n] != NULL;
    c->v[c->n] = NULL;
}

static void offer_registers(struct candidates *c, struct repl *r, const char *prefix)
{
    uint64_t v;
    for (unsigned n = 0; n <= DEBUG_REG_PRIV; n++)
        if (debugger_reg_name(n) && debugger_reg_read(r->d, debugger_hart(r->d), n, &v))
            offer(c, prefix, debugger_reg_name(n), "");
}

static void offer_symbols(struct candidates *c, struct repl *r)
{
    const char *name;
    const struct symbols *symbols = machine_symbols(debugger_machine(r->d));
    for (size_t i = 0; (name = symbols_row(symbols, i, NULL, NULL, NULL)); i++)
        offer(c, "", name, "");
}

static void offer_variables(struct candidates *c, struct repl *r)
{
    const struct expr_vars *vars = debugger_vars(r->d);
    for (size_t i = 0; i < vars->nvars; i++)
        offer(c, "$", vars->var[i].name, "");
}

/* $satp. and its fields. */
static void offer_fields(struct candidates *c)
{
    char name[64], prefix[80];
    const char *dot = memchr(c->word, '.', c->length);
    if (!dot || c->word[0] != '$')
        return;
    snprintf(name, sizeof name, "%.*s", (int)(dot - c->word - 1), c->word + 1);
    snprintf(prefix, sizeof prefix, "$%s.", name);
    int csr = csr_number(name);
    for (const struct csr_field *f = NULL; csr >= 0 && (f = csr_field_next((unsigned)csr, f));)
        offer(c, prefix, f->name, "");
}

static void offer_sources(struct candidates *c, struct repl *r)
{
    const char *file;
    for (size_t i = 0; (file = source_file(r->source, i)); i++) {
        const char *slash = strrchr(file, '/');
        offer(c, "", slash ? slash + 1 : file, ":");
    }
}

static void offer_commands(struct candidates *c)
{
    char first[64];
    for (unsigned i = 0; i < ncommands; i++) {
        snprintf(first, sizeof first, "%.*s", (int)strcspn(commands[i].name, " "), commands[i].name);
        offer(c, "", first, "");
    }
}

static void offer_files(struct candidates *c)
{
    char dir[512], prefix[512];
    snprintf(prefix, sizeof prefix, "%.*s", (int)min_u64(c->length, sizeof prefix - 1), c->word);
    char *slash = strrchr(prefix, '/');
    if (slash)
        slash[1] = 0;
    else
        prefix[0] = 0;
    snprintf(dir, sizeof dir, "%s", *prefix ? prefix : ".");
    DIR *d = opendir(dir);
    for (struct dirent *f; d && (f = readdir(d));)
        if (f->d_name[0] != '.')
            offer(c, prefix, f->d_name, f->d_type == DT_DIR ? "/" : "");
    if (d)
        closedir(d);
}

static void offer_kinds(struct candidates *c)
{
    for (unsigned k = 0; k < EV_KINDS; k++) {
        offer(c, "", event_rows[k].name, "");
        offer(c, "", event_rows[k].group, "");
    }
}

static void offer_stops(struct candidates *c, struct repl *r)
{
    char number[16];
    for (const struct stop *s = debugger_stops(r->d); s; s = s->next) {
        snprintf(number, sizeof number, "%d", s->number);
        if (!s->spec.hidden)
            offer(c, "", number, "");
    }
}

/* What an expression may name. */
static void offer_names(struct candidates *c, struct repl *r)
{
    if (c->word[0] != '$') {
        offer_symbols(c, r);
        return;
    }
    offer_registers(c, r, "$");
    offer_variables(c, r);
    offer_fields(c);
}

static bool offer_local(void *ctx, const struct variable *v)
{
    offer(ctx, "", v->name, "");
    return true;
}

static void offer_causes(struct candidates *c)
{
    for (unsigned i = 0; i < 128; i++) {
        char name[64];
        uint64_t cause = i < 64 ? i : CAUSE_INTERRUPT | (i - 64), found;
        snprintf(name, sizeof name, "%s", name_cause(cause));
        for (char *s = name; *s; s++)
            *s = *s == ' ' ? '-' : *s;
        if (name_cause_find(name, &found) && found == cause)
            offer(c, "", name, "");
    }
}

static void offer_devices(struct candidates *c, struct repl *r)
{
    const struct machine *m = debugger_machine(r->d);
    for (unsigned i = 0; i < m->ndev; i++)
        offer(c, "", m->dev[i].cls->name, "");
}

/* Behind p-> or proc[0]. come members: of what the expression before it is. False: the cursor is not there, or it is no struct. */
static bool offer_members(struct candidates *c, struct repl *r, const char *line, size_t begin, size_t cursor,
                          size_t *start)
{
    char base[256];
    size_t at = cursor, from;
    struct expr_value v;
    struct ctype_member m;
    struct expr_env env;
    while (at > begin && expr_name_char(line[at - 1]))
        at--;
    bool arrow = at > begin + 2 && line[at - 1] == '>' && line[at - 2] == '-';
    if (!arrow && (at <= begin + 1 || line[at - 1] != '.'))
        return false;
    size_t end = at - (arrow ? 2 : 1);
    for (from = end; from > begin; from--) {
        char ch = line[from - 1];
        bool sign = ch == '.' || ch == '[' || ch == ']' || ch == '$' || ch == '>' || (ch == '-' && line[from] == '>');
        if (!sign && !expr_name_char(ch))
            break;
    }
    if (end - from >= sizeof base)
        return false;
    memcpy(base, line + from, end - from);
    base[end - from] = 0;
    struct expr *x = expr_parse(base, EXPR_PURE, NULL, NULL);
    repl_env(r, &env);
    bool known = x && expr_eval(x, &env, &v, NULL) && v.type.c && v.type.depth <= 1 && ctype_member(v.type.c, 0, &m);
    expr_free(x);
    if (!known)
        return false;
    *start = at;
    c->word = line + at;
    c->length = cursor - at;
    for (unsigned i = 0; ctype_member(v.type.c, i, &m); i++)
        if (m.name)
            offer(c, "", m.name, "");
    return true;
}

static void offer_all(struct candidates *c, struct repl *r, enum completion what)
{
    switch (what) {
    case COMPLETE_NONE: break;
    case COMPLETE_PLACE:
        offer_sources(c, r);
        offer_names(c, r);
        break;
    case COMPLETE_EXPR:
        repl_offer_locals(r, offer_local, c);
        offer_names(c, r);
        break;
    case COMPLETE_CAUSE: offer_causes(c); break;
    case COMPLETE_DEVICE: offer_devices(c, r); break;
    case COMPLETE_COMMAND: offer_commands(c); break;
    case COMPLETE_FILE: offer_files(c); break;
    case COMPLETE_CSR:
        for (unsigned n = 0; n < 4096; n++)
            if (csr_name(n))
                offer(c, "", csr_name(n), "");
        break;
    case COMPLETE_REG: offer_registers(c, r, ""); break;
    case COMPLETE_KINDS: offer_kinds(c); break;
    case COMPLETE_STOP: offer_stops(c, r); break;
    }
}

char **command_complete(void *ctx, const char *line, size_t cursor, size_t *start)
{
    struct repl *r = ctx;
    struct err e;
    const char *args, *begin = skip_blanks(line);
    size_t first = (size_t)(begin - line), nfirst = command_word_length(begin);
    struct candidates c = {0};
    if (cursor <= first + nfirst) { /* the command's own name */
        *start = first;
        c.word = begin;
        c.length = cursor > first ? cursor - first : 0;
        offer_commands(&c);
        return c.v;
    }
    /* The word at the cursor. */
    size_t at = cursor;
    while (at > first + nfirst && !strchr(" \t,()*&!~+-/%<>=|^?[]{}", line[at - 1]))
        at--;
    *start = at;
    c.word = line + at;
    c.length = cursor - at;
    /* The second word of a name of two. */
    const char *second = skip_blanks(begin + nfirst);
    const struct command *found = command_find(line, &args, &e);
    if (found &&
        (found->completion == COMPLETE_FILE || found->completion == COMPLETE_CAUSE)) { /* words with / and - in them */
        while (at > first + nfirst && line[at - 1] != ' ' && line[at - 1] != '\t')
            at--;
        *start = at;
        c.word = line + at;
        c.length = cursor - at;
    }
    if ((size_t)(second - line) >= at) {
        char full[64];
        for (unsigned i = 0; i < ncommands; i++) {
            const char *blank = strchr(commands[i].name, ' ');
            if (!blank || !command_first_matches(&commands[i], begin, nfirst, false))
                continue;
            snprintf(full, sizeof full, "%s", blank + 1);
            offer(&c, "", full, "");
        }
        if (c.n && !(found && !command_has_two(found)))
            return c.v;
    }
    if (found && found->completion == COMPLETE_EXPR && offer_members(&c, r, line, first + nfirst, cursor, start))
        return c.v;
    if (found)
        offer_all(&c, r, found->completion);
    return c.v;
}
