/* SPDX-License-Identifier: MIT */
/* One guest, one way: what it is made of, the script of its input, and what is counted. */
#include "monitor/vmm/compare_int.h"

#include "dev/chardev.h"
#include "monitor/vmm/vmm_int.h"
#include "monitor/vmm/vmm_options.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* Instructions between two looks at a guest: whether it has taken its input and is silent, so that the next line may come, or nothing will. */
#define LOOK UINT64_C(100000)
enum { TICKS_PER_SECOND = 10000000 };

/* ---- Counting ---- */

struct tally {
    struct event_sink sink; /* first: what emit() gets */
    uint64_t n[EV_KINDS], walks[2];
};

static void count(struct event_sink *s, const struct event *e)
{
    enum { STAGE = 0, VERDICT = 6 };
    struct tally *t = (struct tally *)s;
    t->n[e->kind]++;
    if (e->kind == EV_PTE && e->a[VERDICT] != PTE_POINTER)
        t->walks[e->a[STAGE] == 2]++;
}

static void start_count(struct tally *t, struct machine *m, uint64_t kinds)
{
    *t = (struct tally){.sink = {.emit = count, .kinds = kinds}};
    event_hub_add(machine_events(m), &t->sink);
}

static const uint64_t hardware_kinds = BIT(EV_PTE) | BIT(EV_TLB_FILL) | BIT(EV_TLB_FLUSH) | BIT(EV_TRAP);
static const uint64_t device_kinds = BIT(EV_MMIO) | BIT(EV_SBI);

static uint64_t step_kinds(void)
{
    uint64_t kinds = 0;
    for (unsigned k = 0; k < EV_KINDS; k++)
        if (cost_is_step((enum event_kind)k))
            kinds |= BIT(k);
    return kinds;
}

static void take_hardware(struct compare_run *r, const struct tally *t)
{
    r->walks[0] = t->walks[0];
    r->walks[1] = t->walks[1];
    r->reads = t->n[EV_PTE];
    r->tlb_fills = t->n[EV_TLB_FILL];
    r->tlb_flushes = t->n[EV_TLB_FLUSH];
    r->traps = t->n[EV_TRAP];
}

static void take_devices(struct compare_run *r, const struct tally *t)
{
    r->mmio = t->n[EV_MMIO];
    r->firmware = t->n[EV_SBI];
}

static void take_vm(struct compare_run *r, const struct vm *vm, const struct tally *t)
{
    const struct vm_stats *s = &vm->stats;
    r->real_insns = s->native;
    r->interpreted = s->interpreted;
    r->emulated = s->emulated;
    r->entries = s->entries;
    r->fills = s->fills;
    r->verified = vm->verified;
    memcpy(r->exits, s->exits, sizeof r->exits);
    r->software_reads = t->n[EV_PTE];
    for (unsigned k = 0; k < EV_KINDS; k++)
        if (cost_is_step((enum event_kind)k))
            r->steps[k] = t->n[k];
}

static void charge(const struct cost_model *m, struct compare_run *r)
{
    struct cost_counts n = {
        .unit = {[COST_INSTRUCTION] = r->real_insns,
                 [COST_TRAP] = r->traps,
                 [COST_PTE_READ] = r->reads,
                 [COST_TLB_FILL] = r->tlb_fills,
                 [COST_TLB_FLUSH] = r->tlb_flushes,
                 [COST_MMIO] = r->mmio,
                 [COST_TRAP_HS] = r->entries,
                 [COST_WORLD_SWITCH] = r->entries,
                 [COST_INTERPRETED] = r->interpreted,
                 [COST_PTE_READ_SOFTWARE] = r->software_reads,
                 [COST_FIRMWARE] = r->firmware},
    };
    memcpy(n.exit, r->exits, sizeof n.exit);
    memcpy(n.step, r->steps, sizeof n.step);
    r->cycles = cost_of(m, &n, r->part);
}

/* ---- The console ---- */

struct console {
    struct chardev *c;
    uint64_t written, digest;
    const char *next, *end; /* of the script */
};

static void written(void *ctx, const void *buf, size_t len)
{
    struct console *s = ctx;
    s->written += len;
    for (size_t i = 0; i < len; i++) /* FNV-1a */
        s->digest = (s->digest ^ ((const uint8_t *)buf)[i]) * UINT64_C(0x100000001b3);
}

static struct chardev *open_console(void *ctx, struct io_loop *loop, struct err *e)
{
    struct console *s = ctx;
    s->c = chardev_call_new(loop, "script", written, s);
    if (!s->c)
        err_set(e, -ENOMEM, "no memory for the serial port");
    return s->c;
}

/* From the beginning. */
static void open_script(struct console *s, const struct compare *c)
{
    *s = (struct console){.digest = UINT64_C(0xcbf29ce484222325), .next = c->input, .end = c->input + c->input_size};
}

/* The next line of the script, as much of it as there is room for. False: there is none. */
static bool feed(struct console *s)
{
    const char *newline = s->next < s->end ? memchr(s->next, '\n', (size_t)(s->end - s->next)) : NULL;
    const char *to = newline ? newline + 1 : s->end;
    if (s->next >= s->end)
        return false;
    s->next += chardev_memory_feed(s->c, s->next, (size_t)(to - s->next));
    return true;
}

/* ---- Running ---- */

/* What runs, natively or not. */
struct guest {
    struct machine *machine; /* the guest's own */
    struct vmm *vmm;         /* NULL: natively */
    struct console console;
    struct machine_result result;
    bool ended;
    /* For whoever waits at a terminal: what is being run, and when that was told last. */
    const char *name, *how;
    double told;
};

/* At a terminal, a line that says how far it is, now and then. */
static void tell_progress(struct guest *g, uint64_t insns)
{
    const double pause = 0.2; /* seconds */
    struct timespec t;
    if (!g->name)
        return;
    clock_gettime(CLOCK_MONOTONIC, &t);
    double now = (double)t.tv_sec + (double)t.tv_nsec / 1e9;
    if (now < g->told + pause)
        return;
    if (g->told > 0) /* what is done at once needs no line */
        fprintf(stderr, "\r\033[K%s, %s: %.1f million instructions", g->name, g->how, (double)insns / 1e6);
    g->told = now;
}

static void end_progress(const struct guest *g)
{
    if (g->name)
        fprintf(stderr, "\r\033[K");
}

static void run(struct guest *g, uint64_t n)
{
    struct vmm_result r;
    if (!g->vmm) { /* which comes back whenever the guest waits, if only for a timer */
        uint64_t end = machine_stats(g->machine)->insns + n;
        do
            machine_run(g->machine, end - machine_stats(g->machine)->insns, &g->result);
        while (g->result.end == MACHINE_BUDGET && machine_stats(g->machine)->insns < end && !machine_waits(g->machine));
        g->ended = g->result.end != MACHINE_BUDGET;
        return;
    }
    vmm_run(g->vmm, n, &r);
    g->result = r.machine;
    if (r.end == MACHINE_GUEST) /* all of them have ended, each in its way */
        g->result = g->vmm->vm[0]->result;
    g->ended = r.end != MACHINE_BUDGET;
}

static enum compare_end end_of(const struct guest *g)
{
    if (g->vmm && g->vmm->failed_check)
        return COMPARE_CHECK;
    switch (g->result.end) {
    case MACHINE_GUEST: return COMPARE_ENDED;
    case MACHINE_RESET: return COMPARE_RESET;
    case MACHINE_STUCK: return COMPARE_STUCK;
    case MACHINE_BUDGET:
    case MACHINE_STOP:
    case MACHINE_PAUSE:
    case MACHINE_BREAK:
    case MACHINE_MONITOR:
    case MACHINE_TRAP:
    case MACHINE_ERROR: break;
    }
    return COMPARE_FAILED;
}

/* Runs to an end of some kind: for a guest that idles, that may be `patience` slots of its own time without input or output. All that is decided
 * by is the same whatever runs the guest. */
static enum compare_end drive(struct guest *g, uint64_t max, uint64_t patience)
{
    struct console *s = &g->console;
    const struct machine_stats *stats = machine_stats(g->machine);
    uint64_t heard = s->written, since = 0, idle_since = 0;
    while (stats->insns < max) {
        bool more = s->next < s->end;
        run(g, min_u64(max - stats->insns, LOOK));
        tell_progress(g, stats->insns);
        if (g->ended)
            return end_of(g);
        bool quiet = s->written == heard && !chardev_readable(s->c);
        if (machine_waits(g->machine) || (more && quiet && heard)) {
            if (!feed(s))
                return COMPARE_WAITS;
            quiet = false;
        }
        uint64_t now = machine_clock(g->machine), idle = stats->idle_slots;
        if (!quiet) {
            heard = s->written;
            since = now;
            idle_since = idle;
        }
        bool idles = (idle - idle_since) / 9 >= (now - since) / 10;
        if (!more && idles && now - since >= patience)
            return COMPARE_WAITS;
    }
    return COMPARE_LIMIT;
}

/* The same with a VMM, and with --check the last comparison of what has not ended by itself. */
static enum compare_end drive_vm(const struct compare *c, struct guest *g, uint64_t max)
{
    struct vm *vm = g->vmm->vm[0];
    enum compare_end end = drive(g, max, c->idle * TICKS_PER_SECOND * vm->opt.insns_per_tick);
    if (end == COMPARE_WAITS || end == COMPARE_LIMIT)
        vm_check_end(vm);
    return g->vmm->failed_check ? COMPARE_CHECK : end;
}

static void keep_why(struct compare_run *r, const char *why)
{
    if (why && *why && !r->why)
        r->why = strdup(why);
}

static void finish(const struct compare *c, struct compare_run *r, const struct guest *g)
{
    r->insns = machine_stats(g->machine)->insns;
    r->status = g->result.status;
    r->written = g->console.written;
    r->digest = g->console.digest;
    if (g->ended && r->end != COMPARE_CHECK)
        keep_why(r, g->result.why);
    charge(&c->model, r);
}

static void run_native(const struct compare *c, const struct machine_options *o, uint64_t max, struct guest *g,
                       struct compare_run *r)
{
    struct err e = {.text = ""};
    struct tally t;
    g->machine = machine_new(o, &e);
    if (!g->machine) {
        keep_why(r, e.text);
        return;
    }
    start_count(&t, g->machine, hardware_kinds | device_kinds);
    machine_set_yielding(g->machine, true);
    r->end = drive(g, max, c->idle * TICKS_PER_SECOND * o->insns_per_tick);
    r->real_insns = machine_stats(g->machine)->insns;
    take_hardware(r, &t);
    take_devices(r, &t);
    finish(c, r, g);
    machine_free(g->machine);
}

/* --check found a difference at an exit: runs the guest again and again, comparing ever more often where the difference came about, down to the
 * instruction. NULL: it did not show again, or memory is short; else the last report, to be freed. */
static char *pin_down(const struct compare *c, struct vmm_config config, uint64_t max, struct guest *g,
                      uint64_t different)
{
    enum { PIECES = 64, STEPS = 4096 };
    uint64_t same = 0, compared;
    char *report = NULL;
    g->how = "looking for the first instruction that differs";
    for (bool done = false; !done;) {
        struct err e;
        done = different - same <= STEPS;
        config.check_from = same;
        config.check_every = done ? 1 : (different - same) / PIECES + 1;
        open_script(&g->console, c);
        g->vmm = vmm_new(&config, &e);
        if (!g->vmm)
            return report;
        struct vm *vm = g->vmm->vm[0];
        g->machine = vm->machine;
        (void)drive_vm(c, g, max);
        uint64_t before = different;
        bool again = vm_check_window(vm, &same, &different);
        const char *said = again ? vm_check_report(vm, &compared) : NULL;
        if (said) {
            free(report);
            report = strdup(said);
        }
        done |= !again || different > before;
        vmm_free(g->vmm);
    }
    return report;
}

static void run_vm(const struct compare *c, const struct vmm_config *config, uint64_t max, struct guest *g,
                   struct compare_run *r)
{
    struct err e = {.text = ""};
    struct tally real, virtual;
    g->vmm = vmm_new(config, &e);
    if (!g->vmm) {
        keep_why(r, e.text);
        return;
    }
    struct vm *vm = g->vmm->vm[0];
    g->machine = vm->machine;
    /* The real hart's events are counted apart from the virtual one's: what that tells need not be told twice. */
    event_hub_remove(machine_events(vm->machine), &vm->forward);
    start_count(&real, g->vmm->machine, hardware_kinds);
    start_count(&virtual, vm->machine, BIT(EV_PTE) | device_kinds | step_kinds());
    r->end = drive_vm(c, g, max);
    take_hardware(r, &real);
    take_devices(r, &virtual);
    take_vm(r, vm, &virtual);
    finish(c, r, g);
    uint64_t same, different;
    bool differs = vm_check_window(vm, &same, &different);
    const char *report = vm_check_report(vm, &r->compared);
    char *first = report ? strdup(report) : NULL;
    vmm_free(g->vmm);
    if (differs)
        r->why = pin_down(c, *config, max, g, different);
    keep_why(r, first);
    free(first);
}

/* Options that would make two runs differ. */
static int check_options(const struct options *o, struct err *e)
{
    const char *bad = o->machine.nnetdevs   ? "-netdev: what comes over a network does not come at the same instruction"
                      : o->machine.realtime ? "--realtime: the host's clock does not show two machines the same time"
                      : o->action != OPTIONS_RUN ? "--help, --version and dumpdtb: they are options of `vitrine run`"
                      : o->ntraces || o->stats || o->profile
                          ? "--trace, --stats and --profile: they are options of `vitrine run`"
                      : o->gdb || o->vmm ? "-gdb and --vmm: they are options of `vitrine run`"
                                         : NULL;
    return bad ? err_set(e, -EINVAL, "%s: leave it out", bad) : 0;
}

/* The guest's own machine, as far as it is made for a comparison. */
static void prepare(struct machine_options *m, struct console *s)
{
    m->make_serial = open_console;
    m->make_serial_ctx = s;
    m->snapshot = true; /* each run starts from the same disks */
    m->quiet = true;
    m->signature = NULL;
    for (unsigned i = 0; i < m->nchardevs; i++)
        m->chardevs[i].spec = "null";
}

void compare_one(const struct compare *c, const struct compare_guest *cg, struct compare_run *r)
{
    enum { DEFAULT_LIMIT = 1000000000 };
    struct guest g = {
        .console = {.digest = UINT64_C(0xcbf29ce484222325), .next = c->input, .end = c->input + c->input_size}};
    struct options o;
    struct vmm_setup s = {0};
    struct err e = {.text = ""};
    if (isatty(STDERR_FILENO)) {
        g.name = cg->name;
        g.how = compare_run_name(r);
    }
    open_script(&g.console, c);
    r->end = COMPARE_NOT_RUN;
    int rc = options_parse(&o, cg->nwords, cg->words, &e);
    if (!rc)
        rc = check_options(&o, &e);
    if (!rc) {
        uint64_t max = o.max_insns == UINT64_MAX ? DEFAULT_LIMIT : o.max_insns;
        o.vmm = r->technique ? r->technique->name : "emulate";
        rc = vmm_setup(&s, &o, &e);
        s.config.yields = true;
        if (!rc) {
            prepare(&s.config.vms[0].machine, &g.console);
            if (r->technique)
                run_vm(c, &s.config, max, &g, r);
            else
                run_native(c, &s.config.vms[0].machine, max, &g, r);
        }
    }
    if (rc)
        keep_why(r, e.text);
    end_progress(&g);
    vmm_setup_free(&s);
    options_free(&o);
}

bool compare_same(const struct compare_run *native, const struct compare_run *r)
{
    if (native->end == COMPARE_NOT_RUN || r->end == COMPARE_NOT_RUN || r->end == COMPARE_CHECK)
        return true;
    return r->end == native->end && r->status == native->status && r->insns == native->insns &&
           r->written == native->written && r->digest == native->digest;
}

bool compare_ratio(const struct compare_run *native, const struct compare_run *r, double *ratio)
{
    if (native->end == COMPARE_NOT_RUN || r->end == COMPARE_NOT_RUN || r->end == COMPARE_CHECK || native->cycles <= 0 ||
        !compare_same(native, r))
        return false;
    *ratio = r->cycles / native->cycles;
    return true;
}
