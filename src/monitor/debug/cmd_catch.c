/* SPDX-License-Identifier: MIT */
/* Catchpoints: events that stop. */
#include "monitor/debug/repl_int.h"

#include "base/text.h"
#include "cpu/csr.h"
#include "dev/bus.h"
#include "monitor/names.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

/* Where `if EXPR` or `if(EXPR)` begins; NULL: nowhere. */
static const char *find_if(const char *args)
{
    for (const char *s = args; (s = strstr(s, "if")); s++)
        if ((s == args || s[-1] == ' ') && (s[2] == ' ' || s[2] == '('))
            return s;
    return NULL;
}

/* The words before `if`, and the condition behind it. */
static void split_condition(const char *args, char *words, size_t size, struct stop_spec *spec)
{
    const char *at = find_if(args);
    size_t n = at ? (size_t)(at - args) : strlen(args);
    snprintf(words, size, "%.*s", (int)min_u64(n, size), args);
    if (at)
        spec->condition = skip_blanks(at + 2);
}

static int add(struct repl *r, const char *name, const char *args, struct stop_spec *spec, struct err *e)
{
    char text[160];
    snprintf(text, sizeof text, "%s%s%.120s", name, *args ? " " : "", args);
    char *at = (char *)(uintptr_t)find_if(text);
    while (at && at > text && at[-1] == ' ')
        at--;
    if (at)
        *at = 0;
    spec->text = text;
    struct stop *s = debugger_add(r->d, spec, e);
    if (!s)
        return -EINVAL;
    out_printf(r->out, "Catchpoint %d (%s)\n", s->number, text);
    return 0;
}

/* The cause of an ecall from EVENT_MODE() mode. */
static uint64_t ecall_cause(int mode)
{
    enum { MACHINE = 3, VS = 5, ECALL_U = 8, ECALL_S, ECALL_VS, ECALL_M };
    return (mode & 3) == 0 ? ECALL_U : mode == MACHINE ? ECALL_M : mode == VS ? ECALL_VS : ECALL_S;
}

/* [CAUSE] [from MODE] [if EXPR] */
int cmd_catch_trap(struct repl *r, const char *args, struct err *e)
{
    struct stop_spec spec = stop_spec_default(STOP_CATCH);
    char words[128], cause[128];
    spec.kinds = BIT(EV_TRAP);
    split_condition(args, words, sizeof words, &spec);
    char *from = !strncmp(words, "from ", 5) ? words : strstr(words, " from ");
    if (from) {
        uint8_t mode;
        const char *name = skip_blanks(from + (*from == ' ') + 4);
        char word[16];
        if (!take_word(&name, word, sizeof word) || !name_mode_find(word, &mode))
            return err_set(e, -EINVAL, "catch trap from %s: give a mode: U, S, M, VU or VS", word);
        if (*skip_blanks(name))
            return err_set(e, -EINVAL, "catch trap ... from %s %s: only if EXPRESSION may follow", word, name);
        spec.from = mode;
        *from = 0;
    }
    const char *s = skip_blanks(words);
    snprintf(cause, sizeof cause, "%s", s);
    for (size_t n = strlen(cause); n && cause[n - 1] == ' ';)
        cause[--n] = 0;
    if (!strcmp(cause, "ecall")) {
        if (!from)
            return err_set(e, -EINVAL, "catch trap ecall: from which mode? ecall-from-U, or catch trap ecall from U");
        spec.cause = ecall_cause(spec.from);
    } else if (*cause && !name_cause_find(cause, &spec.cause)) {
        struct err ignored;
        if (eval_u64(r, cause, &spec.cause, &ignored))
            return err_set(e, -EINVAL,
                           "catch trap %s: no such cause: give its number, or a name as load-page-fault or S-timer",
                           cause);
    }
    return add(r, "trap", args, &spec, e);
}

int cmd_catch_csr(struct repl *r, const char *args, struct err *e)
{
    struct stop_spec spec = stop_spec_default(STOP_CATCH);
    char words[128], name[32];
    spec.kinds = BIT(EV_CSR);
    split_condition(args, words, sizeof words, &spec);
    const char *s = words;
    if (take_word(&s, name, sizeof name)) {
        uint64_t n;
        spec.csr = csr_number(name[0] == '$' ? name + 1 : name);
        if (spec.csr < 0 && text_parse_u64(name, &n) && n < 4096)
            spec.csr = (int)n;
        if (spec.csr < 0)
            return err_set(e, -EINVAL, "catch csr %s: no such CSR: info csr lists them", name);
        if (*skip_blanks(s))
            return err_set(e, -EINVAL, "catch csr %s %s: only if EXPRESSION may follow", name, s);
    }
    return add(r, "csr", args, &spec, e);
}

/* Kinds without arguments of their own. */
static int catch_kinds(struct repl *r, const char *name, uint64_t kinds, const char *args, struct err *e)
{
    struct stop_spec spec = stop_spec_default(STOP_CATCH);
    char words[128];
    spec.kinds = kinds;
    split_condition(args, words, sizeof words, &spec);
    if (*skip_blanks(words))
        return err_set(e, -EINVAL, "catch %s %s: only if EXPRESSION may follow", name, words);
    return add(r, name, args, &spec, e);
}

int cmd_catch_mode(struct repl *r, const char *args, struct err *e)
{
    return catch_kinds(r, "mode", BIT(EV_MODE), args, e);
}

int cmd_catch_sbi(struct repl *r, const char *args, struct err *e)
{
    return catch_kinds(r, "sbi", BIT(EV_SBI), args, e);
}

static bool is_device(struct repl *r, const char *name)
{
    struct bus_region region;
    for (unsigned n = 0; bus_region(machine_bus(debugger_machine(r->d)), n, &region); n++)
        if (region.name && !strncmp(region.name, name, strlen(name)))
            return true;
    return false;
}

int cmd_catch_mmio(struct repl *r, const char *args, struct err *e)
{
    struct stop_spec spec = stop_spec_default(STOP_CATCH);
    char words[128];
    spec.kinds = BIT(EV_MMIO);
    split_condition(args, words, sizeof words, &spec);
    for (size_t n = strlen(words); n && words[n - 1] == ' ';)
        words[--n] = 0;
    spec.device = *words ? words : NULL;
    if (spec.device && !is_device(r, spec.device))
        return err_set(e, -EINVAL, "catch mmio %s: no device's name begins so: info devices lists them", spec.device);
    return add(r, "mmio", args, &spec, e);
}

int cmd_catch_irq(struct repl *r, const char *args, struct err *e)
{
    struct stop_spec spec = stop_spec_default(STOP_CATCH);
    char words[128], word[32];
    uint64_t n;
    spec.kinds = BIT(EV_IRQ) | BIT(EV_CLAIM);
    split_condition(args, words, sizeof words, &spec);
    const char *s = words;
    if (take_word(&s, word, sizeof word)) {
        if (eval_u64(r, word, &n, e) || !n || n > 95)
            return err_set(e, -EINVAL, "catch irq %s: give a source of the PLIC, 1 to 95", word);
        if (*skip_blanks(s))
            return err_set(e, -EINVAL, "catch irq %s %s: only if EXPRESSION may follow", word, s);
        spec.source = (int)n;
    }
    return add(r, "irq", args, &spec, e);
}

/* Any kinds of events, by name, group or glob. */
int cmd_catch_event(struct repl *r, const char *args, struct err *e)
{
    struct stop_spec spec = stop_spec_default(STOP_CATCH);
    char words[128], word[128], bad[64];
    split_condition(args, words, sizeof words, &spec);
    const char *s = words;
    if (!take_word(&s, word, sizeof word))
        return err_set(e, -EINVAL, "catch event: give kinds of events: help events lists them");
    if (!event_parse_kinds(word, &spec.kinds, bad, sizeof bad))
        return err_set(e, -EINVAL, "catch event %s: no kind of event is called that: help events lists them", bad);
    if (*skip_blanks(s))
        return err_set(e, -EINVAL, "catch event %s %s: kinds are separated by commas, and if EXPRESSION may follow",
                       word, s);
    return add(r, "event", args, &spec, e);
}
