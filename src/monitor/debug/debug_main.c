/* SPDX-License-Identifier: MIT */
#include "monitor/debug/debug_main.h"

#include "monitor/debug/debug_vmm.h"
#include "monitor/debug/gdb_beside.h"
#include "monitor/debug/repl.h"
#include "monitor/vmm/fills.h"
#include "monitor/vmm/vmm_options.h"
#include "monitor/vmm/vmstat.h"
#include "monitor/watchers.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { STATUS_USAGE = 125, STATUS_STUCK = 126, STATUS_INSNS = 124 };

/* A command, or a file of them. */
struct todo {
    const char *text;
    bool file;
};

/* What stands beside the options of `run`. */
struct debug_args {
    char **rest; /* those */
    int nrest;
    struct todo *todo; /* -ex, -x in their order */
    unsigned ntodo;
    bool batch, help;
};

static int usage_error(const struct err *e)
{
    fprintf(stderr, "vitrine: %s\n", e->text);
    return STATUS_USAGE;
}

static int take_args(struct debug_args *a, int argc, char **argv, struct err *e)
{
    *a = (struct debug_args){0};
    a->rest = calloc((size_t)argc + 1, sizeof *a->rest);
    a->todo = calloc((size_t)argc + 1, sizeof *a->todo);
    if (!a->rest || !a->todo)
        return err_set(e, -ENOMEM, "out of memory");
    for (int i = 0; i < argc; i++) {
        const char *s = argv[i] + (argv[i][0] == '-' && argv[i][1] == '-');
        bool command = !strcmp(s, "-ex"), file = !strcmp(s, "-x") || !strcmp(s, "-command");
        if (!strcmp(s, "-batch")) {
            a->batch = true;
        } else if (!strcmp(s, "-help") || !strcmp(s, "-h")) {
            a->help = true;
        } else if (command || file) {
            if (i + 1 == argc)
                return err_set(e, -EINVAL, "%s: needs %s", argv[i], command ? "a command" : "a file");
            a->todo[a->ntodo].text = argv[++i];
            a->todo[a->ntodo++].file = file;
        } else {
            a->rest[a->nrest++] = argv[i];
        }
    }
    return 0;
}

static void print_help(void)
{
    printf("Usage: vitrine debug [-ex COMMAND] [-x FILE] [--batch] [OPTION...]\n"
           "Starts a machine as vitrine run does, stopped at its first instruction, with a debugger before it.\n\n"
           "  -ex COMMAND                    do this command first (several are done in turn)\n"
           "  -x FILE                        do the commands of a file\n"
           "  --batch                        end when these are done; the exit status is the guest's\n\n"
           "All other options are those of vitrine run. `help` at the prompt lists the commands. Ctrl-C stops the "
           "guest.\n");
}

/* $XDG_STATE_HOME/vitrine_history, or ~/.vitrine_history. NULL: there is no place for it. */
static const char *history_file(char *buf, size_t size)
{
    const char *state = getenv("XDG_STATE_HOME"), *home = getenv("HOME");
    struct stat st;
    if (state && *state && !stat(state, &st) && S_ISDIR(st.st_mode))
        snprintf(buf, size, "%s/vitrine_history", state);
    else if (home && *home)
        snprintf(buf, size, "%s/.vitrine_history", home);
    else
        return NULL;
    return buf;
}

static const char *program_of(const char *file)
{
    return file && strcmp(file, "default") && strcmp(file, "none") ? file : NULL;
}

/* Commands come on standard input, which the guest then does not see. NULL: a terminal, or none are read. */
static FILE *take_input(const struct debug_args *a)
{
    if (a->batch || isatty(STDIN_FILENO))
        return NULL;
    int fd = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3), null = open("/dev/null", O_RDONLY | O_CLOEXEC);
    if (fd < 0 || null < 0)
        return NULL;
    dup2(null, STDIN_FILENO);
    close(null);
    return fdopen(fd, "r");
}

static int end_status(const struct machine_result *r)
{
    switch (r->end) {
    case MACHINE_GUEST: return r->status;
    case MACHINE_STUCK: return STATUS_STUCK;
    case MACHINE_TRAP:
    case MACHINE_ERROR: return STATUS_USAGE;
    case MACHINE_RESET:
    case MACHINE_BUDGET:
    case MACHINE_STOP:
    case MACHINE_PAUSE:
    case MACHINE_BREAK:
    case MACHINE_MONITOR: break;
    }
    return 0;
}

static int push_todo(struct repl *r, const struct debug_args *a, struct err *e)
{
    int rc = 0;
    for (unsigned i = 0; i < a->ntodo && !rc; i++)
        rc = a->todo[i].file ? repl_push_file(r, a->todo[i].text, e) : repl_push_command(r, a->todo[i].text, e);
    return rc;
}

/* vmm: whose real machine m is; NULL: none's. */
static int debug_machine(struct machine *m, struct vmm *vmm, const struct options *o, const struct debug_args *a,
                         FILE *input, debug_signals_fn *signals)
{
    struct err e = {.text = ""};
    struct out_file out;
    char history[512];
    bool terminal = !a->batch && !input;
    struct debug_runner runner;
    struct vmstat *vmstat = vmm ? vmstat_open(vmm) : NULL;
    struct fills *fills = vmm ? fills_open(vmm) : NULL;
    out_file_init(&out, stdout, out_wants_colour(stdout));
    const struct repl_config config = {
        .vmm = vmm,
        .vmstat = vmstat,
        .fills = fills,
        .terminal = terminal,
        .input = terminal && !isatty(STDOUT_FILENO) ? stdin : input,
        .history = history_file(history, sizeof history),
        .max_insns = o->max_insns == UINT64_MAX ? 0 : o->max_insns,
        .program = program_of(o->machine.kernel),
        .more_programs = program_of(o->machine.bios),
    };
    struct debugger *d = debugger_new(m);
    if (d && vmm) {
        debug_vmm_runner(&runner, vmm);
        if (!debugger_set_runner(d, &runner)) {
            debugger_free(d);
            d = NULL;
        }
    }
    struct repl *r = d ? repl_new(d, &out.out, &config, &e) : NULL;
    struct gdb_beside *gdb = r && o->gdb ? gdb_beside_new(d, r, &out.out, o->gdb, &e) : NULL;
    struct repl *monitor = gdb ? debug_monitor_new(d, o, &e) : NULL;
    int status = STATUS_USAGE;
    if (monitor)
        gdb_set_monitor(gdb_beside_gdb(gdb), debug_monitor, monitor);
    if (!d)
        err_set(&e, -ENOMEM, "out of memory");
    if (!r || (o->gdb && !monitor) || push_todo(r, a, &e)) {
        usage_error(&e);
    } else {
        signals(r);
        if (terminal)
            printf("Vitrine %s: help lists the commands, quit ends. Ctrl-C stops the guest.\n", VITRINE_VERSION);
        if (gdb)
            printf("gdb: target remote %s\n", gdb_where(gdb_beside_gdb(gdb)));
        repl_greet(r);
        repl_loop(r);
        signals(NULL);
        status = repl_quit_status(r) >= 0 ? repl_quit_status(r)
                 : !a->batch              ? 0
                 : debugger_ended(d)      ? end_status(&debugger_last(d)->result)
                 : repl_limited(r)        ? STATUS_INSNS
                 : repl_failed(r)         ? STATUS_USAGE
                                          : 0;
    }
    fflush(stdout);
    gdb_beside_free(gdb);
    repl_free(monitor);
    repl_free(r);
    debugger_free(d);
    fills_close(fills);
    vmstat_close(vmstat);
    return status;
}

/* Ctrl-C is the debugger's, not the guest's. */
static void take_ctrl_c(const char **serial)
{
    if (*serial && (!strcmp(*serial, "mon:stdio") || !strcmp(*serial, "stdio")))
        *serial = "mon:stdio,signal=on";
}

static int run_vmm(struct options *o, const struct debug_args *a, debug_signals_fn *signals)
{
    struct err e = {.text = ""};
    struct vmm_setup s;
    FILE *input = take_input(a);
    take_ctrl_c(&o->machine.serial);
    for (size_t i = 0; o->notes[i] && !o->machine.quiet; i++)
        fprintf(stderr, "vitrine: %s\n", o->notes[i]);
    int rc = vmm_setup(&s, o, &e);
    for (unsigned i = 0; !rc && i < s.config.nvms; i++)
        take_ctrl_c(&s.config.vms[i].machine.serial);
    struct vmm *v = rc ? NULL : vmm_new(&s.config, &e);
    struct watchers *w = v ? watchers_open(v->machine, o, &e) : NULL;
    for (unsigned i = 0; w && i < v->nvms; i++)
        watchers_add_vm(w, v->vm[i]->number, machine_symbols(v->vm[i]->machine));
    int status = w ? debug_machine(v->machine, v, o, a, input, signals) : usage_error(&e);
    if (w && watchers_close(w, &(struct watchers_end){0}, &e))
        status = usage_error(&e);
    for (unsigned i = 0; w && i < v->nvms; i++)
        if (machine_write_signature(v->vm[i]->machine, &e))
            status = usage_error(&e);
    vmm_free(v);
    vmm_setup_free(&s);
    if (input)
        fclose(input);
    return status;
}

static int run(struct options *o, const struct debug_args *a, debug_signals_fn *signals)
{
    struct err e = {.text = ""};
    FILE *input = take_input(a);
    take_ctrl_c(&o->machine.serial);
    for (size_t i = 0; o->notes[i] && !o->machine.quiet; i++)
        fprintf(stderr, "vitrine: %s\n", o->notes[i]);
    struct machine *m = machine_new(&o->machine, &e);
    struct watchers *w = m ? watchers_open(m, o, &e) : NULL;
    int status = w ? debug_machine(m, NULL, o, a, input, signals) : usage_error(&e);
    if (w && watchers_close(w, &(struct watchers_end){0}, &e))
        status = usage_error(&e);
    if (w && machine_write_signature(m, &e))
        status = usage_error(&e);
    machine_free(m);
    if (input)
        fclose(input);
    return status;
}

int debug_command(int argc, char **argv, debug_signals_fn *signals)
{
    struct err e = {.text = ""};
    struct debug_args a;
    struct options o = {0};
    int status = 0;
    if (take_args(&a, argc, argv, &e)) {
        status = usage_error(&e);
    } else if (a.help) {
        print_help();
    } else if (options_parse(&o, a.nrest, (const char *const *)a.rest, &e)) {
        status = usage_error(&e);
    } else if (o.action != OPTIONS_RUN) {
        err_set(&e, -EINVAL, "debug: give that to vitrine run");
        status = usage_error(&e);
    } else if (o.gdb && !strncmp(o.gdb, "stdio", 5)) {
        err_set(&e, -EINVAL, "debug: -gdb stdio: the prompt is there: give -s, -gdb tcp::PORT or -gdb unix:PATH");
        status = usage_error(&e);
    } else if (o.vmm && !strcmp(o.vmm, "help")) {
        vmm_help(stdout);
    } else if (o.vmm && o.gdb) {
        err_set(&e, -EINVAL, "debug: --vmm with -s, -gdb: gdb has no words for virtual machines: leave it out");
        status = usage_error(&e);
    } else if (!o.vmm && (o.nvms || o.slice || o.check || o.check_shadow || o.vmstat)) {
        err_set(&e, -EINVAL, "debug: --vm, --slice, --check, --check-shadow, --vmstat: only with --vmm TECHNIQUE");
        status = usage_error(&e);
    } else if (o.vmm) {
        status = run_vmm(&o, &a, signals);
    } else {
        status = run(&o, &a, signals);
    }
    options_free(&o);
    free(a.rest);
    free(a.todo);
    return status;
}

/* The prompt of a run that goes on behind it. */
static void prompt(struct debugger *d, struct repl_config *config, debug_signals_fn *signals,
                   struct machine_result *result)
{
    struct err e = {.text = "out of memory"};
    struct out_file out;
    char history[512];
    out_file_init(&out, stdout, out_wants_colour(stdout));
    config->terminal = config->leave_at_end = true;
    config->history = history_file(history, sizeof history);
    struct repl *r = d ? repl_new(d, &out.out, config, &e) : NULL;
    *result = (struct machine_result){.end = MACHINE_STOP};
    if (r) {
        signals(r);
        repl_greet(r);
        repl_loop(r);
        signals(NULL);
        if (debugger_ended(d))
            *result = debugger_last(d)->result;
    } else {
        fprintf(stderr, "vitrine: the debugger: %s\n", e.text);
    }
    fflush(stdout);
    repl_free(r);
}

void debug_prompt(struct machine *m, const struct options *o, debug_signals_fn *signals, struct machine_result *r)
{
    struct repl_config config = {.program = program_of(o->machine.kernel),
                                 .more_programs = program_of(o->machine.bios)};
    struct debugger *d = debugger_new(m);
    prompt(d, &config, signals, r);
    debugger_free(d);
}

void debug_prompt_vmm(struct vmm *v, unsigned vm, struct vmstat *vmstat, const struct options *o,
                      debug_signals_fn *signals, struct machine_result *r)
{
    struct vmstat *own = vmstat ? NULL : vmstat_open(v);
    struct repl_config config = {.vmm = v, .vmstat = vmstat ? vmstat : own, .fills = fills_open(v)};
    struct debug_runner runner;
    struct debugger *d = debugger_new(v->machine);
    if (o->max_insns != UINT64_MAX)
        config.max_insns = o->max_insns;
    debug_vmm_runner(&runner, v);
    if (d && !debugger_set_runner(d, &runner)) {
        debugger_free(d);
        d = NULL;
    }
    if (d)
        debugger_select_vm(d, vm);
    prompt(d, &config, signals, r);
    debugger_free(d);
    fills_close(config.fills);
    vmstat_close(own);
}

struct repl *debug_monitor_new(struct debugger *d, const struct options *o, struct err *e)
{
    /* Whoever reaches the port is not this process's user: the host's files are none of its business. */
    const struct repl_config config = {
        .no_files = true, .program = program_of(o->machine.kernel), .more_programs = program_of(o->machine.bios)};
    return repl_new(d, NULL, &config, e); /* prints only where debug_monitor() is told to */
}

bool debug_monitor(void *repl, const char *line, struct out *out)
{
    repl_execute(repl, line, out);
    return repl_quits(repl);
}
