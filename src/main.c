/* SPDX-License-Identifier: MIT */
/* The command line: vitrine run, and what it prints. */
#include "base/text.h"
#include "machine.h"
#include "monitor/debug/debug_main.h"
#include "monitor/debug/gdb.h"
#include "monitor/debug/repl.h"
#include "monitor/recorder.h"
#include "monitor/trace/command.h"
#include "monitor/vmm/compare.h"
#include "monitor/vmm/vmm_options.h"
#include "monitor/vmm/vmstat.h"
#include "monitor/watchers.h"
#include "options.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { STATUS_CHECK = 123, STATUS_INSNS = 124, STATUS_USAGE = 125, STATUS_STUCK = 126 };

/* The one machine that signals end; a process that runs several handles signals in its own way. */
static struct machine *signalled;
static struct vmm *signalled_vmm;

static void on_signal(int sig)
{
    (void)sig;
    if (signalled)
        machine_stop(signalled);
    if (signalled_vmm)
        vmm_stop(signalled_vmm);
}

/* The same for a debugger: Ctrl-C stops the guest, not the program. */
static struct repl *signalled_repl;

static void on_repl_signal(int sig)
{
    if (signalled_repl && sig == SIGINT)
        repl_interrupt(signalled_repl);
    else if (signalled_repl)
        repl_stop(signalled_repl);
}

static void catch_repl_signals(struct repl *r)
{
    struct sigaction sa = {.sa_handler = r ? on_repl_signal : SIG_DFL};
    signalled_repl = r;
    sigaction(SIGINT, &sa, NULL);
    sigaction(SIGTERM, &sa, NULL);
    sigaction(SIGHUP, &sa, NULL);
    signal(SIGPIPE, SIG_IGN);
}

static void catch_signals(struct machine *m, struct vmm *v)
{
    struct sigaction sa = {.sa_handler = m || v ? on_signal : SIG_DFL};
    signalled = m;
    signalled_vmm = v;
    sigaction(SIGINT, &sa, NULL);
    sigaction(SIGTERM, &sa, NULL);
    sigaction(SIGHUP, &sa, NULL);
    signal(SIGPIPE, SIG_IGN);
}

static double seconds(clockid_t clock)
{
    struct timespec ts;
    clock_gettime(clock, &ts);
    return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static int usage_error(const struct err *e)
{
    fprintf(stderr, "vitrine: %s\n", e->text);
    return STATUS_USAGE;
}

static int dump_dtb(struct options *o)
{
    struct err e = {.text = ""};
    size_t size;
    o->machine.serial = "null";
    o->machine.bare = true;
    struct machine *m = machine_new(&o->machine, &e);
    if (!m)
        return usage_error(&e);
    const void *fdt = machine_fdt(m, &size);
    FILE *f = fopen(o->dumpdtb, "wb");
    bool ok = f && fwrite(fdt, 1, size, f) == size;
    if (f && fclose(f))
        ok = false;
    if (!ok)
        fprintf(stderr, "vitrine: -machine dumpdtb=%s: %s\n", o->dumpdtb, strerror(errno));
    machine_free(m);
    return ok ? 0 : STATUS_USAGE;
}

static int end_status(struct machine *m, const struct options *o, const struct machine_result *r)
{
    switch (r->end) {
    case MACHINE_GUEST: return r->status;
    case MACHINE_RESET: return 0;
    case MACHINE_BUDGET:
        if (!o->machine.quiet)
            fprintf(stderr, "vitrine: stopped after %" PRIu64 " instructions (--max-insns)\n", machine_stats(m)->insns);
        return STATUS_INSNS;
    case MACHINE_STUCK: fprintf(stderr, "vitrine: %s\n", r->why); return STATUS_STUCK;
    case MACHINE_STOP:
    case MACHINE_PAUSE:
    case MACHINE_BREAK:
    case MACHINE_MONITOR: return 0;
    case MACHINE_TRAP:
    case MACHINE_ERROR: fprintf(stderr, "vitrine: %s\n", r->why); return STATUS_USAGE;
    }
    return STATUS_USAGE;
}

/* With -gdb: its port, and the debugger behind it. */
struct gdb_port_of_run {
    struct debugger *d;
    struct gdb *g;
    struct repl *monitor; /* who does what gdb's `monitor` says */
};

static int open_gdb(struct gdb_port_of_run *p, struct machine *m, const struct options *o, struct err *e)
{
    *p = (struct gdb_port_of_run){0};
    if (!o->gdb)
        return o->hold ? err_set(e, -EINVAL, "-S: nobody could ever let the machine run: give -s or -gdb DEV too") : 0;
    p->d = debugger_new(m);
    if (!p->d)
        return err_set(e, -ENOMEM, "-gdb %s: out of memory", o->gdb);
    p->g = gdb_open(p->d, o->gdb, o->hold, e);
    p->monitor = p->g ? debug_monitor_new(p->d, o, e) : NULL;
    if (!p->monitor) {
        gdb_close(p->g);
        debugger_free(p->d);
        return -EINVAL;
    }
    gdb_set_monitor(p->g, debug_monitor, p->monitor);
    if (!o->machine.quiet)
        fprintf(stderr, "vitrine: gdb: target remote %s%s\n", gdb_where(p->g),
                o->hold ? " (the machine waits for it)" : "");
    return 0;
}

static void close_gdb(struct gdb_port_of_run *p)
{
    gdb_close(p->g);
    repl_free(p->monitor);
    debugger_free(p->d);
}

static void run_machine(struct machine *m, const struct options *o, struct gdb *g, struct watchers *w,
                        struct machine_result *r)
{
    if (g) {
        gdb_serve(g, o->max_insns, r);
        return;
    }
    do
        watchers_run(w, o->max_insns == UINT64_MAX ? UINT64_MAX : o->max_insns - machine_stats(m)->insns, r);
    while (r->end == MACHINE_MONITOR && !isatty(STDIN_FILENO));
    if (r->end == MACHINE_MONITOR)
        debug_prompt(m, o, catch_repl_signals, r);
}

static int run(struct options *o)
{
    struct err e = {.text = ""};
    struct machine_result r;
    double cpu = seconds(CLOCK_PROCESS_CPUTIME_ID), wall = seconds(CLOCK_MONOTONIC);
    for (size_t i = 0; o->notes[i] && !o->machine.quiet; i++)
        fprintf(stderr, "vitrine: %s\n", o->notes[i]);
    struct machine *m = machine_new(&o->machine, &e);
    if (!m)
        return usage_error(&e);
    struct gdb_port_of_run gdb;
    if (open_gdb(&gdb, m, o, &e)) {
        machine_free(m);
        return usage_error(&e);
    }
    struct watchers *watchers = watchers_open(m, o, &e);
    if (!watchers) {
        close_gdb(&gdb);
        machine_free(m);
        return usage_error(&e);
    }
    catch_signals(m, NULL);
    run_machine(m, o, gdb.g, watchers, &r);
    catch_signals(NULL, NULL);
    close_gdb(&gdb);
    cpu = seconds(CLOCK_PROCESS_CPUTIME_ID) - cpu;
    wall = seconds(CLOCK_MONOTONIC) - wall;
    int status = end_status(m, o, &r);
    const struct watchers_end end = {.badly = r.end == MACHINE_STUCK || (r.end == MACHINE_GUEST && r.status),
                                     .unfinished = r.end == MACHINE_BUDGET,
                                     .cpu = cpu,
                                     .wall = wall};
    if (watchers_close(watchers, &end, &e)) {
        fprintf(stderr, "vitrine: %s\n", e.text);
        status = STATUS_USAGE;
    }
    if (machine_write_signature(m, &e)) {
        fprintf(stderr, "vitrine: %s\n", e.text);
        status = STATUS_USAGE;
    }
    machine_free(m);
    return status;
}

/* ---- With a VMM ---- */

static void print_vmm_stats(const struct vmm *v, double cpu, double wall)
{
    uint64_t insns = 0;
    for (unsigned i = 0; i < v->nvms; i++) {
        const struct vm *vm = v->vm[i];
        const struct vm_stats *s = &vm->stats;
        uint64_t n = machine_stats(vm->machine)->insns;
        insns += n;
        fprintf(stderr, "vm %-2u             %s, by %s\n", vm->number, vm->name, vm->technique->name);
        fprintf(stderr,
                "  instructions    %" PRIu64 ": %" PRIu64 " on the real hart, %" PRIu64 " interpreted, %" PRIu64
                " emulated\n",
                n, s->native, s->interpreted, s->emulated);
        fprintf(stderr, "  entries         %" PRIu64 ", table entries filled %" PRIu64 ", turns %" PRIu64 "\n",
                s->entries, s->fills, s->turns);
        for (unsigned r = 0; r < VM_EXIT_REASONS; r++)
            if (s->exits[r])
                fprintf(stderr, "  exits %-9s %" PRIu64 "\n", vm_exit_name((enum vm_exit_reason)r), s->exits[r]);
    }
    fprintf(stderr, "host time         %.3f s CPU, %.3f s in all\n", cpu, wall);
    fprintf(stderr, "speed             %.1f million instructions per CPU second\n",
            cpu > 0 ? (double)insns / cpu / 1e6 : 0);
    fprintf(stderr, "the real machine, and what its guests did with it\n"); /* the watchers go on */
}

/* How a VM ended: told when it does, though others go on. Of one that is alone, only what is no ordinary end. */
static void tell_end(void *ctx, const struct vm *vm)
{
    const struct options *o = ctx;
    char line[2400];
    bool plain = vm->vmm->nvms == 1 && (vm->result.end == MACHINE_GUEST || vm->result.end == MACHINE_RESET);
    if (!plain && !o->machine.quiet && vm_report(vm, line, sizeof line))
        fprintf(stderr, "vitrine: %s\n", line);
}

static int end_vmm(struct vmm *v, const struct options *o, const struct vmm_result *r)
{
    for (unsigned i = 0; i < v->nvms && (o->check || o->check_shadow); i++) {
        uint64_t compared;
        const char *report = vm_check_report(v->vm[i], &compared);
        if (report)
            fprintf(stderr, "vitrine: %s", report);
        else if (o->check && !v->failed_check && !o->machine.quiet)
            fprintf(stderr, "vitrine: vm %u (%s), --check: no difference in %" PRIu64 " comparisons\n",
                    v->vm[i]->number, v->vm[i]->name, compared);
    }
    if (v->failed_check)
        return STATUS_CHECK;
    if (r->end == MACHINE_BUDGET) {
        if (!o->machine.quiet)
            fprintf(stderr, "vitrine: stopped after %" PRIu64 " instructions of all guests (--max-insns)\n",
                    o->max_insns);
        return STATUS_INSNS;
    }
    return vmm_status(v);
}

/* --vmstat: NULL with e set when it cannot be; *rows: of its tables. */
static struct vmstat *open_vmstat(struct vmm *v, const struct options *o, uint64_t *rows, struct err *e)
{
    *rows = VMSTAT_TOP;
    if (*o->vmstat && (!text_parse_u64(o->vmstat, rows) || *rows > 1000000)) {
        err_set(e, -EINVAL, "--vmstat=%s: give how many functions and instructions to print", o->vmstat);
        return NULL;
    }
    struct vmstat *s = vmstat_open(v);
    if (!s)
        err_set(e, -ENOMEM, "--vmstat: out of memory");
    return s;
}

static void print_vmstat(const struct vmstat *s, uint64_t rows)
{
    struct out_file out;
    out_file_init(&out, stderr, out_wants_colour(stderr));
    vmstat_print(s, &out.out, 0, (unsigned)rows);
}

/* The last events of each guest that ended badly. Who ends the run by hand has seen enough. */
static void print_last_events(const struct vmm *v, const struct options *o, const struct vmm_result *r)
{
    char whose[96];
    for (unsigned i = 0; i < v->nvms && r->end == MACHINE_GUEST && !o->machine.quiet && !o->post_mortem; i++) {
        const struct vm *vm = v->vm[i];
        snprintf(whose, sizeof whose, "vm %u (%s), ", vm->number, vm->name);
        bool well = vm->result.end == MACHINE_RESET || (vm->result.end == MACHINE_GUEST && !vm->result.status);
        if (!well)
            recorder_print(vm->machine, v->nvms > 1 ? whose : "", RECORDER_LAST);
    }
}

static void run_guests(struct vmm *v, const struct options *o, struct vmstat *vmstat, struct vmm_result *r)
{
    uint64_t left = o->max_insns;
    catch_signals(NULL, v);
    do {
        uint64_t before = vmm_insns(v);
        vmm_run(v, left, r);
        left -= left == UINT64_MAX ? 0 : vmm_insns(v) - before;
    } while (r->end == MACHINE_MONITOR && !isatty(STDIN_FILENO));
    if (r->end == MACHINE_MONITOR) {
        debug_prompt_vmm(v, r->vm, vmstat, o, catch_repl_signals, &r->machine);
        r->end = r->machine.end;
    }
    catch_signals(NULL, NULL);
}

static int run_vmm(struct options *o)
{
    struct err e = {.text = ""};
    struct vmm_setup s;
    struct vmm_result r;
    double cpu = seconds(CLOCK_PROCESS_CPUTIME_ID), wall = seconds(CLOCK_MONOTONIC);
    int status = STATUS_USAGE;
    for (size_t i = 0; o->notes[i] && !o->machine.quiet; i++)
        fprintf(stderr, "vitrine: %s\n", o->notes[i]);
    struct vmm *v = vmm_setup(&s, o, &e) ? NULL : vmm_new(&s.config, &e);
    uint64_t rows = 0;
    struct vmstat *vmstat = v && o->vmstat ? open_vmstat(v, o, &rows, &e) : NULL;
    struct watchers *watchers = v && (vmstat || !o->vmstat) ? watchers_open(v->machine, o, &e) : NULL;
    if (watchers) {
        v->config.on_end = tell_end;
        v->config.on_end_ctx = o;
        for (unsigned i = 0; i < v->nvms; i++)
            watchers_add_vm(watchers, v->vm[i]->number, machine_symbols(v->vm[i]->machine));
        run_guests(v, o, vmstat, &r);
        cpu = seconds(CLOCK_PROCESS_CPUTIME_ID) - cpu;
        wall = seconds(CLOCK_MONOTONIC) - wall;
        status = end_vmm(v, o, &r);
        print_last_events(v, o, &r);
        for (unsigned i = 0; i < v->nvms; i++)
            if (machine_write_signature(v->vm[i]->machine, &e))
                status = usage_error(&e);
        if (o->stats)
            print_vmm_stats(v, cpu, wall);
        if (vmstat)
            print_vmstat(vmstat, rows);
    } else {
        usage_error(&e);
    }
    const struct watchers_end end = {.badly = watchers && status && r.end != MACHINE_BUDGET && r.end != MACHINE_ERROR,
                                     .told = true,
                                     .unfinished = watchers && r.end == MACHINE_BUDGET,
                                     .cpu = cpu,
                                     .wall = wall};
    if (watchers_close(watchers, &end, &e))
        status = usage_error(&e);
    vmstat_close(vmstat);
    vmm_free(v);
    vmm_setup_free(&s);
    return status;
}

static int run_any(struct options *o)
{
    struct err e;
    if (!o->vmm && (o->nvms || o->slice || o->check || o->check_shadow || o->vmstat)) {
        err_set(&e, -EINVAL, "--%s: only with --vmm TECHNIQUE",
                o->nvms           ? "vm"
                : o->slice        ? "slice"
                : o->check        ? "check"
                : o->check_shadow ? "check-shadow"
                                  : "vmstat");
        return usage_error(&e);
    }
    if (o->vmm && !strcmp(o->vmm, "help")) {
        vmm_help(stdout);
        return 0;
    }
    if (o->vmm && (o->gdb || o->hold)) {
        err_set(&e, -EINVAL,
                "-gdb, -s, -S: not with --vmm: run the guest without it, or debug virtual machines with vitrine debug "
                "--vmm");
        return usage_error(&e);
    }
    return o->vmm ? run_vmm(o) : run(o);
}

/* -pidfile: for scripts that end the run by its number. */
static int write_pidfile(const char *path)
{
    FILE *f = fopen(path, "w");
    bool ok = f && fprintf(f, "%ld\n", (long)getpid()) > 0;
    if (f && fclose(f))
        ok = false;
    if (!ok)
        fprintf(stderr, "vitrine: -pidfile %s: %s\n", path, strerror(errno));
    return ok ? 0 : STATUS_USAGE;
}

static int run_with_pidfile(struct options *o)
{
    int status = o->pidfile ? write_pidfile(o->pidfile) : 0;
    if (status)
        return status;
    status = run_any(o);
    if (o->pidfile)
        unlink(o->pidfile);
    return status;
}

static void print_commands(FILE *out)
{
    fprintf(out,
            "Usage: vitrine [run] [OPTION...]\n\nCommands:\n"
            "  run      start a RISC-V machine (vitrine run --help)\n"
            "  debug    the same, stopped at its first instruction, with a debugger (vitrine debug --help)\n"
            "  compare  a guest natively and under each way to virtualize it, side by side (vitrine compare --help)\n"
            "  trace    turn a packed trace into another format (vitrine trace --help)\n"
            "  help     this text; help events: what can be traced, and the formats\n"
            "  version  the version\n\n"
            "A first argument with a dash means run: vitrine -kernel FILE\n");
}

static void print_version(void)
{
    printf("vitrine %s\n", VITRINE_VERSION);
}

static int run_command(int argc, char **argv)
{
    struct options o;
    struct err e = {.text = ""};
    int status = 0;
    if (options_parse(&o, argc, (const char *const *)argv, &e)) {
        status = usage_error(&e);
    } else {
        switch (o.action) {
        case OPTIONS_RUN: status = run_with_pidfile(&o); break;
        case OPTIONS_HELP: options_help(o.help, stdout); break;
        case OPTIONS_VERSION: print_version(); break;
        case OPTIONS_DUMP_DTB: status = dump_dtb(&o); break;
        }
    }
    options_free(&o);
    return status;
}

int main(int argc, char **argv)
{
    if (argc < 2) {
        print_commands(stderr);
        return STATUS_USAGE;
    }
    const char *command = argv[1];
    if (!strcmp(command, "help") || !strcmp(command, "--help") || !strcmp(command, "-help") || !strcmp(command, "-h")) {
        if (argc > 2 && trace_help(argv[2]) == 0)
            return 0;
        print_commands(stdout);
        return 0;
    }
    if (!strcmp(command, "trace"))
        return trace_command(argc - 2, argv + 2);
    if (!strcmp(command, "version") || !strcmp(command, "--version") || !strcmp(command, "-version")) {
        print_version();
        return 0;
    }
    if (!strcmp(command, "run"))
        return run_command(argc - 2, argv + 2);
    if (!strcmp(command, "debug"))
        return debug_command(argc - 2, argv + 2, catch_repl_signals);
    if (!strcmp(command, "compare"))
        return compare_command(argc - 2, argv + 2);
    if (command[0] == '-')
        return run_command(argc - 1, argv + 1);
    if (access(command, R_OK) == 0)
        fprintf(stderr, "vitrine: no command '%s': to run that file, give -kernel %s\n", command, command);
    else
        fprintf(stderr, "vitrine: no command '%s': see vitrine help\n", command);
    return STATUS_USAGE;
}
