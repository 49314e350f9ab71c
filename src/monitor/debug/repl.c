/* SPDX-License-Identifier: MIT */
/* The loop: lines in, commands done; who has the terminal. */
#include "monitor/debug/repl_int.h"

#include "monitor/debug/debug_vmm.h"
#include "monitor/debug/source.h"
#include "monitor/trace/trace.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static bool nested_prompt(void *ctx, struct debug_stop *s, uint64_t *kinds);

static const char *symbol_at(void *ctx, uint64_t addr, uint64_t *offset)
{
    struct repl *r = ctx;
    struct expr_env env;
    debugger_expr_env(r->d, &env);
    return env.symbol_at(env.ctx, addr, offset);
}

struct repl *repl_new(struct debugger *d, struct out *out, const struct repl_config *c, struct err *e)
{
    struct repl *r = calloc(1, sizeof *r);
    if (r) {
        r->d = d;
        r->out = out;
        r->config = *c;
        r->next_display = 1;
        r->quit_status = -1;
        r->insns_at_reset = machine_stats(debugger_machine(d))->insns;
        r->disasm = disasm_new(DISASM_BEST);
        r->source = source_new();
    }
    if (!r || !r->disasm || !r->source) {
        err_set(e, -ENOMEM, "out of memory");
        repl_free(r);
        return NULL;
    }
    if (out)     /* a monitor for gdb has one per command */
        if (out) /* the one behind gdb's `monitor` has one for each command */
            out->cancel = &r->interrupted;
    if (!c->vmm)
        repl_add_files(r, c->program, c->more_programs);
    debugger_set_program(d, &repl_program, r);
    repl_follow_vm(r);
    repl_hear_ends(r, true);
    disasm_set_symbols(r->disasm, symbol_at, r);
    if (c->terminal) {
        repl_run_end(r); /* the line editor takes the terminal's settings for its user's */
        r->edit = lineedit_new(c->history, command_complete, r); /* without it lines are read plainly */
    }
    return r;
}

static void pop_input(struct repl *r)
{
    struct input *in = r->inputs;
    r->inputs = in->below;
    for (size_t i = 0; in->lines && in->lines[i]; i++)
        free(in->lines[i]);
    free(in->lines);
    if (in->file)
        fclose(in->file);
    free(in->name);
    free(in);
}

void repl_drop_inputs(struct repl *r)
{
    while (r->inputs)
        pop_input(r);
}

void repl_free(struct repl *r)
{
    if (!r)
        return;
    if (r->out)
        if (r->out)
            r->out->cancel = NULL;
    repl_drop_inputs(r);
    while (r->displays) {
        struct display *x = r->displays;
        r->displays = x->next;
        expr_free(x->expr);
        free(x);
    }
    while (r->ntraces) {
        struct err e;
        if (trace_close(r->traces[--r->ntraces], &e))
            fprintf(stderr, "vitrine: %s\n", e.text);
    }
    repl_hear_ends(r, false);
    debugger_set_program(r->d, NULL, r);
    call_frames_free(r);
    source_free(r->source);
    lineedit_free(r->edit);
    disasm_free(r->disasm);
    free(r->buffer);
    free(r->last_line);
    free(r->queued);
    free(r);
}

bool repl_failed(const struct repl *r)
{
    return r->failed;
}

bool repl_quits(const struct repl *r)
{
    return r->quit;
}

bool repl_limited(const struct repl *r)
{
    return r->limited;
}

int repl_quit_status(const struct repl *r)
{
    return r->quit_status;
}

void repl_interrupt(struct repl *r)
{
    if (r->running)
        debugger_interrupt(r->d);
    else
        r->interrupted = 1;
}

void repl_stop(struct repl *r)
{
    r->stopped_by_signal = true;
    if (r->edit)
        lineedit_stop(r->edit);
    if (r->running)
        debugger_interrupt_for(r->d, DEBUG_QUIT);
}

void repl_env(struct repl *r, struct expr_env *env)
{
    debugger_expr_env(r->d, env);
}

/* ---- Where lines come from ---- */

static struct input *push_input(struct repl *r)
{
    struct input *in = calloc(1, sizeof *in);
    if (in) {
        in->below = r->inputs;
        r->inputs = in;
    }
    return in;
}

/* Lines that are to be done next. They and the array are malloc'd. */
void repl_push_lines(struct repl *r, char **lines)
{
    struct input *in = push_input(r);
    if (in)
        in->lines = lines;
}

/* Puts an input below those that are there: it comes last. */
static void sink_input(struct repl *r)
{
    struct input *in = r->inputs, **at = &r->inputs;
    *at = in->below;
    while (*at)
        at = &(*at)->below;
    *at = in;
    in->below = NULL;
}

int repl_push_command(struct repl *r, const char *line, struct err *e)
{
    struct input *in = push_input(r);
    char **lines = in ? calloc(2, sizeof *lines) : NULL;
    if (lines)
        lines[0] = strdup(line);
    if (!lines || !lines[0])
        return err_set(e, -ENOMEM, "out of memory");
    in->lines = lines;
    sink_input(r);
    return 0;
}

int repl_source(struct repl *r, const char *path, struct err *e)
{
    FILE *f = r->config.no_files ? NULL : fopen(path, "r");
    if (r->config.no_files)
        return err_set(e, -EPERM, "%s: files are not read here", path);
    if (!f)
        return err_set(e, -errno, "%s: %s", path, strerror(errno));
    struct input *in = push_input(r);
    if (!in) {
        fclose(f);
        return err_set(e, -ENOMEM, "out of memory");
    }
    in->file = f;
    in->name = strdup(path);
    return 0;
}

int repl_push_file(struct repl *r, const char *path, struct err *e)
{
    int rc = repl_source(r, path, e);
    if (!rc)
        sink_input(r);
    return rc;
}

/* A line of a stream, without its end. NULL at its end. */
static const char *read_stream(struct repl *r, FILE *f)
{
    ssize_t n = getline(&r->buffer, &r->buffer_size, f);
    if (n < 0)
        return NULL;
    while (n > 0 && (r->buffer[n - 1] == '\n' || r->buffer[n - 1] == '\r'))
        r->buffer[--n] = 0;
    return r->buffer;
}

static const char *read_terminal(struct repl *r, const char *prompt)
{
    enum lineedit_end end;
    const char *line;
    do
        line = lineedit_read(r->edit, prompt, &end);
    while (end == LINEEDIT_INTERRUPTED && !r->stopped_by_signal);
    if (end == LINEEDIT_EOF && !r->stopped_by_signal)
        out_puts(r->out, "quit\n");
    if (line && *skip_blanks(line))
        lineedit_remember(r->edit, line);
    return line;
}

const char *repl_read(struct repl *r, const char *prompt)
{
    while (r->inputs) {
        struct input *in = r->inputs;
        const char *line = NULL;
        if (in->file)
            line = read_stream(r, in->file);
        else if (in->lines && in->lines[in->next])
            line = in->lines[in->next++];
        if (line) {
            in->line++;
            return line;
        }
        pop_input(r);
    }
    if (r->edit)
        return read_terminal(r, prompt);
    if (!r->config.input)
        return NULL;
    if (r->config.terminal) {
        out_puts(r->out, prompt);
        fflush(stdout);
    }
    if (r->partner.wait && !r->nested)
        r->partner.wait(r->partner.ctx, fileno(r->config.input));
    return r->stopped_by_signal ? NULL : read_stream(r, r->config.input);
}

/* ---- Who has the terminal ---- */

void repl_run_begin(struct repl *r)
{
    r->running = true;
    if (r->partner.running)
        r->partner.running(r->partner.ctx, true);
    if (r->borrowed)
        return;
    fflush(stdout);
    if (r->held && r->config.vmm)
        debug_vmm_release_consoles(r->config.vmm);
    else if (r->held)
        machine_release_console(debugger_machine(r->d));
    r->held = false;
}

void repl_run_end(struct repl *r)
{
    r->running = false;
    if (r->partner.running)
        r->partner.running(r->partner.ctx, false);
    if (r->borrowed)
        return;
    if (!r->held &&
        !(r->config.vmm ? debug_vmm_hold_consoles(r->config.vmm) : machine_hold_console(debugger_machine(r->d))))
        out_puts(r->out, "\n");
    r->held = true;
}

void repl_set_partner(struct repl *r, const struct repl_partner *p)
{
    r->partner = p ? *p : (struct repl_partner){0};
    if (r->edit)
        lineedit_set_wait(r->edit, r->partner.wait, r->partner.ctx);
    else if (p && r->config.input)
        setvbuf(r->config.input, NULL, _IONBF, 0); /* what was read ahead would be waited for in vain */
}

/* A prompt in the midst of an instruction is only for commands given at the prompt. */
void repl_partner_begins(struct repl *r)
{
    debugger_set_nested(r->d, NULL, NULL);
    if (r->edit)
        lineedit_lend(r->edit, true);
    fflush(stdout);
    machine_release_console(debugger_machine(r->d));
    r->held = false;
    r->running = true;
}

void repl_partner_ends(struct repl *r)
{
    r->running = false;
    if (!machine_hold_console(debugger_machine(r->d)))
        out_puts(r->out, "\n");
    r->held = true;
    if (r->edit)
        lineedit_lend(r->edit, false);
    debugger_set_nested(r->d, nested_prompt, r);
}

bool repl_is_stopped(const struct repl *r)
{
    return r->stopped_by_signal;
}

/* ---- Commands ---- */

/* A failed command of a file or of a breakpoint's commands ends that file. */
static void fail(struct repl *r, const struct err *e)
{
    struct input *in = r->inputs;
    r->failed = true;
    if (in && in->name && in->line)
        out_printf(r->out, "%s:%u: ", in->name, in->line);
    out_styled(r->out, OUT_BAD, "%s", e->text);
    out_puts(r->out, "\n");
    if (in && (in->file || (in->lines && in->next > 1)))
        pop_input(r);
}

int repl_do(struct repl *r, const char *line, struct err *e)
{
    const char *args;
    line = skip_blanks(line);
    if (!*line || *line == '#')
        return 0;
    const struct command *c = command_find(line, &args, e);
    if (!c)
        return -EINVAL;
    if ((c->flags & CMD_FILES) && r->config.no_files)
        return err_set(e, -EPERM, "%s: files are not read here", c->name);
    if (r->borrowed && (c->flags & CMD_RUNS) && c->fn != cmd_reset && c->fn != cmd_quit)
        return err_set(e, -EBUSY, "%s: whoever sent this runs the machine", c->name);
    if (r->nested && (c->flags & CMD_CHANGES))
        return err_set(e, -EBUSY, "%s: nothing can be changed in the midst of an instruction: give stepi first",
                       c->name);
    return c->fn(r, args, e);
}

/* In the midst of an instruction a command that runs the machine ends the prompt: stepx and continue go on from here, the others are done once the
 * instruction is. True: it was such a command. */
static bool leave_nested(struct repl *r, const char *line)
{
    const char *args;
    struct err e;
    const struct command *c = command_find(line, &args, &e);
    if (!c || !(c->flags & CMD_RUNS))
        return false;
    r->resume = c->fn == cmd_stepx || (c->fn == cmd_continue && !*args);
    r->resume_kinds = 0;
    if (c->fn == cmd_stepx && stepx_args(r, args, &r->resume_kinds, &r->events_left, &e)) {
        fail(r, &e);
        return false;
    }
    free(r->queued);
    /* stepi: the end of this instruction is its step. */
    r->queued = r->resume || (c->fn == cmd_stepi && !*args) ? NULL : strdup(line);
    return true;
}

/* What Enter does after this line: x and list go on from where they came to, the others do the same once more. */
static char *again(const struct command *c, const char *line, const char *args)
{
    if (c->fn != cmd_x && c->fn != cmd_xp && c->fn != cmd_list)
        return strdup(line);
    size_t n = (size_t)(args - line);
    if (*args == '/')
        n += strcspn(args, " \t");
    return strndup(line, n);
}

/* Reads and does one line. False: no more, or the prompt is to be left. */
static bool turn(struct repl *r)
{
    struct err e = {.text = ""};
    const char *prompt = r->nested ? "(vitrine, mid-instruction) " : "(vitrine) ";
    bool from_user = !r->inputs;
    r->interrupted = 0; /* from here on: Ctrl-C right behind Enter counts */
    const char *read = repl_read(r, prompt);
    if (!read || r->stopped_by_signal) {
        r->quit = true;
        return false;
    }
    char *line = strdup(skip_blanks(read));
    if (!line)
        return false;
    for (size_t n = strlen(line); n && (line[n - 1] == ' ' || line[n - 1] == '\t');)
        line[--n] = 0;
    if (!*line && from_user && r->last_line) {
        free(line);
        line = strdup(r->last_line);
    } else if (from_user && *line) {
        const char *args;
        const struct command *c = command_find(line, &args, &e);
        free(r->last_line);
        r->last_line = c && c->flags & CMD_REPEATS ? again(c, line, args) : NULL;
    }
    bool more = line != NULL;
    if (line && *line && *line != '#') {
        if (r->nested && leave_nested(r, line)) {
            more = false;
        } else {
            r->failed = false;
            int rc = repl_do(r, line, &e);
            if (r->interrupted) { /* it ran nothing, but took long */
                r->interrupted = 0;
                repl_drop_inputs(r);
                out_puts(r->out, "\nInterrupted.\n");
                r->failed = true;
            } else if (rc) {
                fail(r, &e);
            }
        }
    }
    free(line);
    fflush(stdout);
    return more && !r->quit;
}

static bool nested_prompt(void *ctx, struct debug_stop *s, uint64_t *kinds)
{
    struct repl *r = ctx;
    if (r->events_left > 1) {
        r->events_left--;
        return true;
    }
    repl_run_end(r);
    r->nested = true;
    r->resume = false;
    r->resume_kinds = 0;
    repl_follow_vm(r);
    show_stop(r, s);
    show_displays(r);
    while (turn(r))
        ;
    r->nested = false;
    *kinds = r->resume_kinds;
    bool on = r->resume && !r->quit;
    repl_run_begin(r);
    return on;
}

void repl_loop(struct repl *r)
{
    repl_run_end(r);
    debugger_set_nested(r->d, nested_prompt, r);
    while (!r->quit && turn(r))
        ;
    debugger_set_nested(r->d, NULL, NULL);
}

void repl_greet(struct repl *r)
{
    repl_run_end(r);
    show_place(r);
}

bool repl_execute(struct repl *r, const char *line, struct out *out)
{
    struct err e = {.text = ""};
    struct out *before = r->out;
    r->out = out;
    r->borrowed = true;
    bool ok = repl_do(r, line, &e) == 0;
    if (!ok)
        out_printf(out, "%s\n", e.text);
    r->borrowed = false;
    r->out = before;
    return ok;
}

/* ---- Words ---- */

const char *skip_blanks(const char *s)
{
    while (*s == ' ' || *s == '\t')
        s++;
    return s;
}

bool take_word(const char **s, char *buf, size_t size)
{
    const char *from = skip_blanks(*s);
    size_t n = strcspn(from, " \t");
    if (n)
        snprintf(buf, size, "%.*s", (int)min_u64(n, size), from);
    *s = skip_blanks(from + n);
    return n != 0;
}

bool take_keyword(const char **s, const char *word, unsigned least)
{
    const char *from = skip_blanks(*s);
    size_t n = strcspn(from, " \t");
    if (n < least || n > strlen(word) || strncmp(from, word, n))
        return false;
    *s = skip_blanks(from + n);
    return true;
}

int no_arguments(const char *args, struct err *e)
{
    return *args ? err_set(e, -EINVAL, "'%s': this command takes no argument", args) : 0;
}

int eval_value(struct repl *r, const char *text, const char **end, struct expr_value *v, struct err *e)
{
    struct expr_env env;
    repl_env(r, &env);
    return expr_once(text, &env, end, v, e) ? 0 : -EINVAL;
}

int eval_u64(struct repl *r, const char *text, uint64_t *v, struct err *e)
{
    struct expr_value x;
    int rc = eval_value(r, text, NULL, &x, e);
    if (!rc)
        *v = x.v;
    return rc;
}

int eval_count(struct repl *r, const char *args, uint64_t *n, struct err *e)
{
    if (!*args)
        return 0;
    int rc = eval_u64(r, args, n, e);
    if (!rc && (*n == 0 || *n > INT64_MAX))
        return err_set(e, -EINVAL, "%s: give a number from 1", args);
    return rc;
}

int parse_format(const char **text, struct print_format *f, struct err *e)
{
    const char *s = skip_blanks(*text);
    *f = (struct print_format){.count = 1};
    if (*s != '/')
        return 0;
    s++;
    if (isdigit((unsigned char)*s)) {
        char *end;
        f->count = strtoull(s, &end, 10);
        f->counted = true;
        s = end;
    }
    for (; *s && *s != ' ' && *s != '\t'; s++) {
        static const char sizes[] = "bhwg";
        const char *size = strchr(sizes, *s);
        if (size)
            f->size = 1u << (size - sizes);
        else if (strchr("xduotacfsiz", *s))
            f->letter = *s;
        else
            return err_set(
                e, -EINVAL,
                "/%c: a format is made of a count, one of x d u o t a c f s i z, and a size: b 1, h 2, w 4, g 8 bytes",
                *s);
    }
    *text = skip_blanks(s);
    return 0;
}
