/* SPDX-License-Identifier: MIT */
/* Where a breakpoint, a list or a run is to go: as gdb's users write it. */
#include "monitor/debug/repl_int.h"

#include "symbols.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define NAME_CHARS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_"

static bool space_prefix(const char **s, enum debug_space *space)
{
    static const struct {
        const char *prefix;
        enum debug_space space;
    } spaces[] = {{"gva:", SPACE_GVA}, {"gpa:", SPACE_GPA}, {"hpa:", SPACE_HPA}};
    for (size_t i = 0; i < ARRAY_LEN(spaces); i++) {
        if (strncmp(*s, spaces[i].prefix, 4))
            continue;
        *s += 4;
        *space = spaces[i].space;
        return true;
    }
    return false;
}

/* Does what may follow a place begin here? */
static bool is_tail(const char *s)
{
    return !strncmp(s, "if ", 3) || !strncmp(s, "if(", 3) || !strncmp(s, "hart ", 5) || !strncmp(s, "thread ", 7);
}

/* The end of the part of text that names the place. */
static size_t place_length(const char *text)
{
    size_t n = 0;
    while (text[n] && !((!n || text[n - 1] == ' ') && is_tail(text + n)))
        n++;
    return n;
}

int parse_place(struct repl *r, const char *text, const char **end, struct place *p, struct err *e)
{
    struct hart *h = debugger_hart(r->d);
    *p = (struct place){.space = SPACE_GVA, .addr = h->pc};
    text = skip_blanks(text);
    size_t n = place_length(text);
    if (end)
        *end = skip_blanks(text + n);
    char *own = strndup(text, n);
    if (!own)
        return err_set(e, -ENOMEM, "out of memory");
    while (n && own[n - 1] == ' ')
        own[--n] = 0;
    const char *s = own;
    int rc = 0;
    bool found = !*s;
    if (!found && space_prefix(&s, &p->space)) {
        rc = eval_address(r, s, &p->addr, e);
        found = true;
    } else if (*s == '*') {
        rc = eval_address(r, s + 1, &p->addr, e);
        found = true;
    }
    if (!found) {
        rc = source_place(r, s, p, e); /* FILE:LINE, LINE, a function of the debug information (behind its prologue) */
        found = rc <= 0;
        rc = rc < 0 ? rc : 0;
    }
    if (!found && symbols_value(machine_symbols(debugger_machine(r->d)), s, &p->addr))
        found = true;
    if (!found) {
        rc = eval_u64(r, s, &p->addr, e); /* an address as such: 0x80000000, $pc + 4 */
        if (rc && !s[strspn(s, NAME_CHARS)])
            err_set(e, rc, "%s: no function, symbol or source line is called that: info functions lists them", s);
    }
    free(own);
    return rc;
}
