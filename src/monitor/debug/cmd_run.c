/* SPDX-License-Identifier: MIT */
/* Commands that run the machine. */
#include "monitor/debug/repl_int.h"

#include "machine_int.h"
#include "monitor/debug/ctype.h"
#include "monitor/debug/source.h"
#include "monitor/debug/variables.h"
#include "symbols.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* ---- What follows a run ---- */

/* The breakpoint's own commands are done next. */
static void push_commands(struct repl *r, const struct stop *s)
{
    size_t n = 0;
    while (s->commands[n])
        n++;
    char **lines = calloc(n + 1, sizeof *lines);
    for (size_t i = 0; lines && i < n; i++)
        lines[i] = strdup(s->commands[i]);
    if (lines)
        repl_push_lines(r, lines);
}

static void told(struct repl *r, const struct debug_stop *s)
{
    repl_follow_vm(r);
    repl_tell_ended(r);
    const struct stop *stop = s->number ? debugger_find(r->d, s->number) : NULL;
    bool silent = stop && stop->commands && stop->commands[0] && !strcmp(stop->commands[0], "silent");
    if (!silent)
        show_stop(r, s);
    if (s->reason == DEBUG_INTERRUPT && r->config.terminal)
        repl_drop_inputs(r); /* Ctrl-C comes back to the prompt, not to the next command of a file */
    if (s->reason == DEBUG_QUIT || (s->reason == DEBUG_ENDED && r->config.leave_at_end))
        r->quit = true;
    if (s->reason != DEBUG_ENDED && !silent)
        show_displays(r);
    r->by_insn = false;
    if (stop && stop->commands && !r->borrowed)
        push_commands(r, stop);
    if (stop && stop->spec.temporary)
        debugger_remove(r->d, debugger_find(r->d, s->number));
    /* What was asked for in the midst of an instruction. */
    if (r->queued && !r->quit) {
        char **lines = calloc(2, sizeof *lines);
        if (lines) {
            lines[0] = r->queued;
            r->queued = NULL;
            repl_push_lines(r, lines);
        }
    }
}

/* Is it ours to say what the machine does? */
static int has_turn(struct repl *r, struct err *e)
{
    const char *why = r->partner.refuses ? r->partner.refuses(r->partner.ctx) : NULL;
    return why ? err_set(e, -EBUSY, "%s", why) : 0;
}

static int can_run(struct repl *r, struct err *e)
{
    if (debugger_ended(r->d))
        return err_set(e, -ESRCH, "the guest has ended: run or reset start it again");
    return has_turn(r, e);
}

/* ---- continue, run, reset ---- */

int cmd_continue(struct repl *r, const char *args, struct err *e)
{
    struct debug_stop s;
    uint64_t n = 1;
    if (can_run(r, e) || eval_count(r, args, &n, e))
        return -EINVAL;
    struct stop *at = debugger_find(r->d, debugger_last(r->d)->number);
    if (n > 1 && at) {
        at->spec.ignore = n - 1;
        out_printf(r->out, "Will ignore the next %" PRIu64 " hits of %d.\n", n - 1, at->number);
    }
    uint64_t max = r->config.max_insns, done = debugger_insns(r->d);
    repl_run_begin(r);
    debugger_continue(r->d, !max ? UINT64_MAX : max > done ? max - done : 1, &s);
    repl_run_end(r);
    r->limited = s.reason == DEBUG_STEPPED;
    if (r->limited)
        out_printf(r->out, "Stopped after %" PRIu64 " instructions (--max-insns).\n", debugger_insns(r->d));
    told(r, &s);
    return 0;
}

int cmd_reset(struct repl *r, const char *args, struct err *e)
{
    int rc = no_arguments(args, e);
    if (!rc)
        rc = has_turn(r, e);
    if (!rc)
        rc = debugger_reset(r->d, e);
    if (!rc)
        show_place(r);
    return rc;
}

int cmd_run(struct repl *r, const char *args, struct err *e)
{
    if (no_arguments(args, e) || has_turn(r, e))
        return -EINVAL;
    if (debugger_ended(r->d) || machine_stats(debugger_machine(r->d))->insns != r->insns_at_reset) {
        if (debugger_reset(r->d, e))
            return -EIO;
        out_puts(r->out, "The machine starts again.\n");
    }
    r->insns_at_reset = machine_stats(debugger_machine(r->d))->insns;
    return cmd_continue(r, "", e);
}

int cmd_kill(struct repl *r, const char *args, struct err *e)
{
    int rc = no_arguments(args, e);
    if (!rc)
        rc = has_turn(r, e);
    if (!rc)
        rc = debugger_reset(r->d, e);
    r->insns_at_reset = machine_stats(debugger_machine(r->d))->insns;
    if (!rc)
        out_puts(r->out, "The guest is gone; run starts it again.\n");
    return rc;
}

int cmd_quit(struct repl *r, const char *args, struct err *e)
{
    uint64_t status = 0;
    if (*args && eval_u64(r, args, &status, e))
        return -EINVAL;
    r->quit = true;
    r->quit_status = *args ? (int)(status & 0xff) : -1;
    return 0;
}

/* ---- By instructions ---- */

/* A hart that the firmware holds stopped cannot be stepped before another starts it. */
static void tell_if_stopped(struct repl *r)
{
    const struct machine *m = debugger_machine(r->d);
    unsigned n = debugger_hart(r->d)->id;
    if (m->state[n] == HART_STOPPED)
        out_printf(r->out,
                   "Hart %u is stopped: this waits until another hart has the firmware start it (Ctrl-C ends that).\n",
                   n);
}

typedef void step_fn(struct debugger *d, unsigned hart, uint64_t n, struct debug_stop *s);

static int step_insns(struct repl *r, const char *args, step_fn *fn, struct err *e)
{
    struct debug_stop s;
    uint64_t n = 1;
    if (can_run(r, e) || repl_can_step(r, e) || eval_count(r, args, &n, e))
        return -EINVAL;
    tell_if_stopped(r);
    r->by_insn = true;
    repl_run_begin(r);
    fn(r->d, debugger_hart(r->d)->id, n, &s);
    repl_run_end(r);
    told(r, &s);
    return 0;
}

int cmd_stepi(struct repl *r, const char *args, struct err *e)
{
    return step_insns(r, args, debugger_stepi, e);
}

int cmd_nexti(struct repl *r, const char *args, struct err *e)
{
    return step_insns(r, args, debugger_nexti, e);
}

/* ---- By source lines ---- */

/* The code of the line at pc; without one, of the whole function. False: neither is known. */
static bool line_range(struct repl *r, uint64_t pc, uint64_t *lo, uint64_t *hi, bool *has_line)
{
    const struct symbols *symbols = machine_symbols(debugger_machine(r->d));
    uint64_t off;
    *has_line = source_step_range(r->source, pc, lo, hi);
    if (*has_line)
        return true;
    if (!symbols_at(symbols, pc, &off))
        return false;
    *lo = pc - off;
    for (size_t i = 0; symbols_row(symbols, i, hi, NULL, NULL); i++)
        if (*hi > pc)
            return true;
    return false;
}

/* A step went into a function: goes on behind its prologue, or out again if its lines are not known. True: *s says what else ended it. */
static bool entered(struct repl *r, uint64_t sp, struct debug_stop *s)
{
    struct hart *h = debugger_hart(r->d);
    struct source_function f;
    if (source_function_at(r->source, h->pc, &f)) {
        if (f.low != h->pc || f.body <= f.low)
            return false;
        debugger_until(r->d, (int)h->id, &f.body, 1, 0, s);
        return s->reason != DEBUG_STEPPED;
    }
    uint64_t ra = h->x[1], lo, hi;
    if (!source_step_range(r->source, ra, &lo, &hi))
        return false;
    debugger_until(r->d, (int)h->id, &ra, 1, sp, s);
    return s->reason != DEBUG_STEPPED;
}

/* The inlined calls that code lies in. */
struct inlines {
    struct source_inline v[SOURCE_INLINES]; /* the innermost first */
    unsigned n;
};

static void find_inlines(struct repl *r, uint64_t pc, struct inlines *in)
{
    in->n = source_inlines_at(r->source, pc, in->v);
}

/* Those that begin there are not entered yet: leaves them out and returns the outermost of them; NULL: there is none. */
static const struct source_inline *drop_entered(struct inlines *in, struct inlines *all)
{
    unsigned k = 0;
    *all = *in;
    while (k < in->n && in->v[k].begins)
        k++;
    in->n -= k;
    memmove(in->v, in->v + k, in->n * sizeof in->v[0]);
    return k ? &all->v[k - 1] : NULL;
}

/* Is this code of a function that was called, by inlining, from what `from` is in? */
static bool is_within(const struct inlines *from, const struct inlines *now)
{
    if (now->n <= from->n)
        return false;
    for (unsigned i = 0; i < from->n; i++) {
        const struct source_inline *a = &from->v[i], *b = &now->v[now->n - from->n + i];
        if (a->call_line != b->call_line || strcmp(a->name, b->name) || a->call_file != b->call_file)
            return false;
    }
    return true;
}

/* next has come into code that is inlined into what it began in. Does it stop there? It does before a call in another line. */
static bool stops_before_call(struct repl *r, const struct inlines *from, const struct source_place *line, uint64_t pc,
                              struct inlines *now)
{
    struct inlines all;
    const struct source_inline *call = drop_entered(now, &all);
    if (!call || is_within(from, now) || !call->call_file || !call->call_line ||
        (call->call_line == line->line && !strcmp(call->call_file, line->file)))
        return false;
    r->before.pc = pc;
    r->before.epoch = debugger_epoch(r->d);
    r->before.file = call->call_file;
    r->before.line = call->call_line;
    return true;
}

/* One line. True: *s says what else ended it. */
static bool step_line(struct repl *r, bool over, struct debug_stop *s)
{
    struct hart *h = debugger_hart(r->d);
    uint64_t lo, hi, sp = h->x[2];
    uint8_t mode = EVENT_MODE(h->priv, h->virt);
    bool has_line;
    struct source_place at, from = {.file = ""};
    if (!line_range(r, h->pc, &lo, &hi, &has_line)) {
        debugger_stepi(r->d, h->id, 1, s); /* nothing is known of this code */
        return s->reason != DEBUG_STEPPED;
    }
    if (!source_at(r->source, h->pc, &from))
        from.file = "";
    struct inlines in, all, now;
    find_inlines(r, h->pc, &in);
    if (stands_before_call(r)) {
        drop_entered(&in, &all);
        from.file = r->before.file;
        from.line = r->before.line;
    }
    for (;;) {
        uint64_t ra = h->x[1];
        debugger_step_range(r->d, h->id, lo, hi, over, s);
        if (s->reason != DEBUG_STEPPED)
            return true;
        h = debugger_hart(r->d);
        if (!has_line || EVENT_MODE(h->priv, h->virt) != mode)
            return false; /* left what has no lines; or a trap's handler, or out of it */
        bool called = !over && h->x[1] != ra && h->x[1] - lo <= hi - lo;
        if (called && entered(r, sp, s))
            return true;
        h = debugger_hart(r->d);
        bool known = source_at(r->source, h->pc, &at);
        /* Another part of the line that it comes from, as a loop's condition, is not yet another line. */
        bool same = known && h->x[2] == sp && at.line == from.line && !strcmp(at.file, from.file);
        find_inlines(r, h->pc, &now);
        bool inlined = over && known && h->x[2] == sp && is_within(&in, &now);
        if (inlined && stops_before_call(r, &in, &from, h->pc, &now))
            return false;
        if (!known || (at.stmt && at.low == h->pc && !same && !inlined) || called)
            if (!called || h->pc - lo >= hi - lo)
                return false;
        /* In the midst of a line: back in a caller. To the end of that line. */
        if (!source_step_range(r->source, h->pc, &lo, &hi))
            return false;
    }
}

static int step_lines(struct repl *r, const char *args, bool over, struct err *e)
{
    struct debug_stop s = {.reason = DEBUG_STEPPED};
    uint64_t n = 1, lo, hi;
    bool has_line;
    if (can_run(r, e) || repl_can_step(r, e) || eval_count(r, args, &n, e))
        return -EINVAL;
    uint64_t pc = debugger_hart(r->d)->pc;
    if (line_range(r, pc, &lo, &hi, &has_line) && !has_line)
        out_puts(r->out,
                 "No line is known here: stepping until another function (stepi and nexti step instructions).\n");
    if (!over && stands_before_call(r)) { /* into it: nothing needs to run */
        r->before.line = 0;
        n--;
    }
    repl_run_begin(r);
    while (n && !step_line(r, over, &s))
        n--;
    repl_run_end(r);
    told(r, &s);
    return 0;
}

int cmd_step(struct repl *r, const char *args, struct err *e)
{
    return step_lines(r, args, false, e);
}

int cmd_next(struct repl *r, const char *args, struct err *e)
{
    return step_lines(r, args, true, e);
}

/* ---- To a place ---- */

/* The count behind a place, as in `advance fib 3`: text is cut before it. 1 when there is none. */
static uint64_t take_count(char *text)
{
    char *end = text + strlen(text), *digits = end;
    while (digits > text && isdigit((unsigned char)digits[-1]))
        digits--;
    char *before = digits;
    while (before > text && before[-1] == ' ')
        before--;
    /* Behind a blank, and not the right side of an operator. */
    if (digits == end || before == digits || before == text ||
        (!isalnum((unsigned char)before[-1]) && !strchr("_)]", before[-1])))
        return 1;
    uint64_t n = strtoull(digits, NULL, 10);
    *before = 0;
    return n;
}

/* N times to the place; also when the present function comes to its end, where that is no other hart's business. */
static int advance_to(struct repl *r, const struct place *p, uint64_t count, struct debug_stop *s)
{
    bool alone = !machine_hart(debugger_machine(r->d), 1);
    uint64_t va[2] = {p->addr}, sp = 0;
    unsigned n = alone && count == 1 && frame_return(r, &va[1], &sp) ? 2 : 1;
    repl_run_begin(r);
    do
        debugger_until(r->d, STOP_ANY, va, n, 0, s);
    while (--count && s->reason == DEBUG_STEPPED);
    repl_run_end(r);
    told(r, s);
    return 0;
}

/* PLACE [N] */
int cmd_advance(struct repl *r, const char *args, struct err *e)
{
    struct debug_stop s;
    struct place p;
    if (!*args)
        return err_set(e, -EINVAL, "advance: give a place: advance main, advance *0x80000000");
    if (can_run(r, e) || repl_can_step(r, e))
        return -EINVAL;
    char *place = strdup(args);
    if (!place)
        return err_set(e, -ENOMEM, "out of memory");
    uint64_t n = take_count(place);
    int rc = n ? parse_place(r, place, NULL, &p, e) : err_set(e, -EINVAL, "advance: give a count from 1");
    free(place);
    return rc ? rc : advance_to(r, &p, n, &s);
}

/* PLACE: goes on from there, whatever the code did before. */
int cmd_jump(struct repl *r, const char *args, struct err *e)
{
    struct place p;
    if (!*args)
        return err_set(e, -EINVAL, "jump: give a place: jump main, jump trap.c:12, jump *0x80000000");
    if (can_run(r, e) || repl_can_step(r, e) || parse_place(r, args, NULL, &p, e))
        return -EINVAL;
    if (p.space != SPACE_GVA || p.nalso)
        return err_set(e, -EINVAL, "jump %s: %s", args,
                       p.nalso ? "there are several such places: give *ADDRESS" : "give a virtual address");
    if (!debugger_reg_write(r->d, debugger_hart(r->d), DEBUG_REG_PC, p.addr))
        return err_set(e, -EINVAL, "jump %s: pc cannot be 0x%" PRIx64, args, p.addr);
    out_puts(r->out, "Continuing at ");
    show_address(r, p.addr);
    out_puts(r->out, ".\n");
    return cmd_continue(r, "", e);
}

/* One line on, but not back: a loop is run through. True: *s says what else ended it. */
static bool until_line(struct repl *r, struct debug_stop *s)
{
    uint64_t lo, hi;
    struct source_function f;
    struct hart *h = debugger_hart(r->d);
    if (!source_step_range(r->source, h->pc, &lo, &hi)) {
        debugger_nexti(r->d, h->id, 1, s);
        return s->reason != DEBUG_STEPPED;
    }
    if (source_function_at(r->source, h->pc, &f))
        lo = f.low; /* a jump back does not end it */
    debugger_step_range(r->d, h->id, lo, hi, true, s);
    return s->reason != DEBUG_STEPPED;
}

/* [N]: so many lines, or PLACE [N] as advance. Where lines are known, a number alone is one of them, as in gdb. */
int cmd_until(struct repl *r, const char *args, struct err *e)
{
    struct debug_stop s;
    struct source_place here;
    uint64_t n = 1;
    bool count = args[strspn(args, "0123456789")] == 0 && !source_at(r->source, debugger_hart(r->d)->pc, &here);
    if (*args && !count)
        return cmd_advance(r, args, e);
    if (can_run(r, e) || repl_can_step(r, e) || eval_count(r, args, &n, e))
        return -EINVAL;
    repl_run_begin(r);
    while (n-- && !until_line(r, &s))
        ;
    repl_run_end(r);
    told(r, &s);
    return 0;
}

/* What the function that has just returned has left in a0 or fa0. typed: its type is known, and NULL is void. */
static void show_returned(struct repl *r, bool typed, const struct ctype *type)
{
    struct hart *h = debugger_hart(r->d);
    struct expr_value v = {.v = h->x[10], .type = EXPR_TYPE_LONG};
    struct err e = {.text = ""};
    if (typed && !type)
        return;
    if (typed)
        v.type = expr_type_of(type);
    if (typed && !expr_type_is_aggregate(&v.type) && (v.type.depth || v.type.size)) {
        bool real = !v.type.depth && type->kind == CTYPE_FLOAT;
        unsigned bits_of = v.type.depth ? 64 : 8u * v.type.size;
        if (real && !debugger_reg_read(r->d, h, DEBUG_REG_F + 10, &v.v))
            return;
        v.v = v.type.is_signed && bits_of < 64 ? (uint64_t)sign_extend(v.v, bits_of) : v.v & MASK(bits_of - 1, 0);
        out_printf(r->out, "Value returned is $%zu = ", expr_vars_keep(debugger_vars(r->d), &v));
        if (show_value(r, &v, 0, true, &e))
            out_printf(r->out, "<%s>", e.text);
        out_puts(r->out, "\n");
        return;
    }
    v.type = EXPR_TYPE_LONG;
    size_t number = expr_vars_keep(debugger_vars(r->d), &v);
    out_printf(r->out, "a0 is $%zu = %" PRId64 " (0x%" PRIx64 ")\n", number, (int64_t)v.v, v.v);
}

/* [N]: out of so many frames. */
int cmd_finish(struct repl *r, const char *args, struct err *e)
{
    struct debug_stop s = {.reason = DEBUG_STEPPED};
    const struct ctype *type = NULL;
    bool typed = false;
    uint64_t ra = 0, sp, n = 1;
    if (can_run(r, e) || repl_can_step(r, e) || eval_count(r, args, &n, e))
        return -EINVAL;
    if (!frame_return(r, &ra, &sp))
        return err_set(e, -EINVAL, "finish: the return address is not known here");
    if (n == 1) {
        out_puts(r->out, "Run until the return to ");
        show_address(r, ra);
        out_puts(r->out, "\n");
    }
    repl_run_begin(r);
    for (; n && s.reason == DEBUG_STEPPED && frame_return(r, &ra, &sp); n--) {
        typed = function_returns(r->source, frame_pc(r), &type);
        debugger_until(r->d, (int)debugger_hart(r->d)->id, &ra, 1, sp, &s);
    }
    repl_run_end(r);
    told(r, &s);
    if (s.reason == DEBUG_STEPPED && debugger_hart(r->d)->pc == ra)
        show_returned(r, typed, type);
    return 0;
}

/* ---- By events ---- */

/* [KINDS] [N] */
int stepx_args(struct repl *r, const char *args, uint64_t *kinds, uint64_t *n, struct err *e)
{
    char bad[64], word[256];
    *n = 1;
    *kinds = BIT(EV_TRAP) | BIT(EV_RET) | BIT(EV_MODE) | BIT(EV_PTR) | BIT(EV_PTE) | BIT(EV_AD);
    for (unsigned k = 0; k < EV_KINDS; k++)
        if (!strcmp(event_rows[k].group, "vmm"))
            *kinds |= BIT(k);
    while (take_word(&args, word, sizeof word)) {
        if (word[0] >= '0' && word[0] <= '9') {
            if (eval_count(r, word, n, e))
                return -EINVAL;
        } else if (!event_parse_kinds(word, kinds, bad, sizeof bad)) {
            return err_set(e, -EINVAL, "stepx %s: no kind of event is called that: help events lists them", bad);
        }
    }
    return 0;
}

int cmd_stepx(struct repl *r, const char *args, struct err *e)
{
    struct debug_stop s;
    uint64_t kinds;
    if (can_run(r, e) || stepx_args(r, args, &kinds, &r->events_left, e))
        return -EINVAL;
    r->by_insn = true;
    repl_run_begin(r);
    debugger_step_event(r->d, kinds, &s);
    repl_run_end(r);
    told(r, &s);
    return 0;
}
