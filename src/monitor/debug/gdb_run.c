/* SPDX-License-Identifier: MIT */
/* Resuming, why it stopped, breakpoints and watchpoints, and ways to part. */
#include "monitor/debug/gdb_int.h"

#include <inttypes.h>
#include <string.h>

/* ---- Why it stopped ---- */

static const struct stop *find_stop(struct gdb *g, int number)
{
    for (const struct stop *s = debugger_stops(g->d); s; s = s->next)
        if (s->number == number)
            return s;
    return NULL;
}

static void put_reason(struct gdb *g, const struct debug_stop *s)
{
    const struct stop *stop = s->number ? find_stop(g, s->number) : NULL;
    const struct stop_spec *spec = stop && stop->spec.hidden ? &stop->spec : NULL;
    if (!spec) /* a step, or a stop that is not the client's */
        return;
    if (s->reason == DEBUG_WATCH) {
        const char *kind = !(spec->access & DEBUG_READ) ? "watch" : spec->access == DEBUG_READ ? "rwatch" : "awatch";
        gdb_printf(g, "%s:%" PRIx64 ";", kind, s->addr);
    } else if (s->reason == DEBUG_BREAK) {
        if (spec->hardware ? g->hwbreak : g->swbreak)
            gdb_put(g, spec->hardware ? "hwbreak:;" : "swbreak:;");
    }
}

/* T: the signal, the hart, and the registers that every client asks for next. */
static void put_signal(struct gdb *g, const struct debug_stop *s, unsigned signal)
{
    static const unsigned char wanted[] = {1, 2, 8, DEBUG_REG_PC};
    struct hart *h = gdb_hart(g, s->hart);
    uint64_t v;
    gdb_printf(g, "T%02x", signal);
    for (size_t i = 0; h && i < ARRAY_LEN(wanted); i++) {
        if (!debugger_reg_read(g->d, h, wanted[i], &v))
            continue;
        gdb_printf(g, "%02x:", wanted[i]);
        gdb_put_hex(g, &v, sizeof v);
        gdb_put(g, ";");
    }
    gdb_printf(g, "thread:%x;", s->hart + 1);
    put_reason(g, s);
}

static void put_end(struct gdb *g, const struct debug_stop *s)
{
    switch (s->result.end) {
    case MACHINE_GUEST: gdb_printf(g, "W%02x", (unsigned)s->result.status & 0xff); break;
    case MACHINE_RESET: gdb_put(g, "W00"); break;
    case MACHINE_STUCK: put_signal(g, s, GDB_SIGABRT); break; /* it can be looked at */
    case MACHINE_BUDGET:
    case MACHINE_STOP:
    case MACHINE_PAUSE:
    case MACHINE_BREAK:
    case MACHINE_MONITOR: gdb_printf(g, "X%02x", GDB_SIGTERM); break;
    case MACHINE_TRAP:
    case MACHINE_ERROR: gdb_printf(g, "X%02x", GDB_SIGABRT); break;
    }
}

void gdb_put_stop(struct gdb *g, const struct debug_stop *s)
{
    switch (s->reason) {
    case DEBUG_STEPPED:
    case DEBUG_BREAK:
    case DEBUG_WATCH:
    case DEBUG_CATCH:
    case DEBUG_EVENT: put_signal(g, s, GDB_SIGTRAP); break;
    case DEBUG_INTERRUPT:
    case DEBUG_MONITOR: put_signal(g, s, GDB_SIGINT); break;
    case DEBUG_QUIT: gdb_printf(g, "X%02x", GDB_SIGTERM); break;
    case DEBUG_ENDED: put_end(g, s); break;
    }
}

/* Words to the client's user, in front of a stop. */
static void say(struct gdb *g, const char *text)
{
    char line[sizeof g->stop.result.why + 16];
    int n = snprintf(line, sizeof line, "vitrine: %s\n", text);
    gdb_put(g, "O");
    gdb_put_hex(g, line, min_u64((uint64_t)n, sizeof line - 1));
    gdb_flush(g);
}

static bool is_over(const struct debug_stop *s)
{
    return s->reason == DEBUG_QUIT || (s->reason == DEBUG_ENDED && s->result.end != MACHINE_STUCK);
}

void gdb_tell(struct gdb *g, const struct debug_stop *s)
{
    const struct stop *stop = s->reason == DEBUG_WATCH ? find_stop(g, s->number) : NULL;
    g->watched = stop && stop->spec.hidden ? s->number : 0;
    g->stop = *s;
    if (gdb_hart(g, s->hart))
        g->hart = s->hart;
    g->run_hart = GDB_ALL;
    if (g->state != GDB_RUNS)
        return;
    g->len = 0;
    if (s->reason == DEBUG_ENDED && s->result.why[0])
        say(g, s->result.why);
    gdb_put_stop(g, s);
    gdb_flush(g);
    g->state = is_over(s) && !g->extended ? GDB_AWAY : GDB_HOLDS;
}

/* ? */
void gdb_reason(struct gdb *g, const char *args, const char *end)
{
    (void)args, (void)end;
    if (g->killed)
        gdb_printf(g, "X%02x", GDB_SIGKILL);
    else
        gdb_put_stop(g, &g->stop);
}

/* ---- Resuming ---- */

/* The answer is the next stop. */
static void resume(struct gdb *g)
{
    if (g->killed) {
        gdb_error(g, GDB_E_REFUSED, "killed: run it again");
        return;
    }
    g->silent = true;
    g->held = false;
    g->watched = 0;
    g->state = GDB_RUNS;
}

static void resume_all(struct gdb *g, bool steps)
{
    unsigned chosen = g->run_hart >= 0 ? (unsigned)g->run_hart : g->hart;
    for (unsigned n = 0; n < MACHINE_MAX_HARTS; n++)
        g->action[n] = GDB_CONTINUES;
    g->steps = steps;
    g->step_hart = chosen;
    if (steps)
        g->action[chosen] = GDB_STEPS;
    g->lo = g->hi = 0;
    g->pretends = false;
    resume(g);
}

/* c, s: an address to go on at may follow. */
static void old_resume(struct gdb *g, const char *args, const char *end, bool steps)
{
    uint64_t pc;
    if (args != end) {
        struct hart *h = gdb_hart(g, g->run_hart >= 0 ? (unsigned)g->run_hart : g->hart);
        if (!gdb_hex_u64(&args, &pc) || args != end || !debugger_reg_write(g->d, h, DEBUG_REG_PC, pc)) {
            gdb_error(g, GDB_E_ARGUMENT, "not an address to go on at");
            return;
        }
    }
    resume_all(g, steps);
}

/* A guest has no signals: it goes on without. */
static bool skip_signal(const char **p)
{
    uint64_t signal;
    return gdb_hex_u64(p, &signal) && signal <= 0xff;
}

static void old_resume_signal(struct gdb *g, const char *args, const char *end, bool steps)
{
    if (!skip_signal(&args) || (args != end && !gdb_eat(&args, ';'))) {
        gdb_error(g, GDB_E_ARGUMENT, "not a signal");
        return;
    }
    old_resume(g, args, end, steps);
}

void gdb_continue(struct gdb *g, const char *args, const char *end)
{
    old_resume(g, args, end, false);
}

void gdb_continue_signal(struct gdb *g, const char *args, const char *end)
{
    old_resume_signal(g, args, end, false);
}

void gdb_step(struct gdb *g, const char *args, const char *end)
{
    old_resume(g, args, end, true);
}

void gdb_step_signal(struct gdb *g, const char *args, const char *end)
{
    old_resume_signal(g, args, end, true);
}

/* bc, bs: the place of reverse execution. An empty answer says that there is none. */
void gdb_reverse(struct gdb *g, const char *args, const char *end)
{
    (void)g, (void)args, (void)end;
}

void gdb_vcont_kinds(struct gdb *g, const char *args, const char *end)
{
    (void)args, (void)end;
    gdb_put(g, "vCont;c;C;s;S;t;r");
}

struct vcont {
    enum gdb_action action[MACHINE_MAX_HARTS];
    bool chosen[MACHINE_MAX_HARTS]; /* by an action further to the left */
    int step_hart;                  /* -1: none */
    uint64_t lo, hi;
};

/* One action, behind its semicolon: kind[signal | lo,hi][:thread]. */
static bool read_action(struct gdb *g, struct vcont *v, const char **p)
{
    enum gdb_action what = GDB_STAYS;
    uint64_t lo = 0, hi = 0;
    int hart = GDB_ALL;
    switch (*(*p)++) {
    case 'c': what = GDB_CONTINUES; break;
    case 'C':
        what = GDB_CONTINUES;
        if (!skip_signal(p))
            return false;
        break;
    case 's': what = GDB_STEPS; break;
    case 'S':
        what = GDB_STEPS;
        if (!skip_signal(p))
            return false;
        break;
    case 't': break; /* all is stopped already: it stays so */
    case 'r':
        what = GDB_STEPS;
        if (!gdb_hex_u64(p, &lo) || !gdb_eat(p, ',') || !gdb_hex_u64(p, &hi))
            return false;
        break;
    default: return false;
    }
    if (gdb_eat(p, ':') && !gdb_thread(g, p, &hart))
        return false;
    for (unsigned n = 0; gdb_hart(g, n); n++) {
        bool meant = hart == GDB_ALL || (int)n == hart || (hart == GDB_ANY && n == g->hart);
        if (!meant || v->chosen[n])
            continue;
        v->chosen[n] = true;
        v->action[n] = what;
        /* Of several that are to step, the selected one does. */
        if (what == GDB_STEPS && (v->step_hart < 0 || n == g->hart)) {
            v->step_hart = (int)n;
            v->lo = lo;
            v->hi = hi;
        }
    }
    return true;
}

/*
 * A watchpoint of RISC-V stops in front of the access, as gdb believes: it takes the watchpoint out and steps that hart over the instruction before
 * it looks at the value. Here the instruction is done by then, and that step would do the next one: it is owed, and answered at once.
 */
static bool is_owed_step(struct gdb *g)
{
    if (!g->watched || find_stop(g, g->watched) || !g->steps || g->hi > g->lo || g->step_hart != g->stop.hart)
        return false;
    for (unsigned n = 0; gdb_hart(g, n); n++)
        if (g->action[n] != (n == g->step_hart ? GDB_STEPS : GDB_STAYS))
            return false;
    return true;
}

/* vCont;action[:thread][;action[:thread]...]: of each hart the leftmost action that names it; those that none names stay. */
void gdb_vcont(struct gdb *g, const char *args, const char *end)
{
    struct vcont v = {.step_hart = -1};
    bool moves = false;
    if (args == end)
        goto bad;
    while (args < end)
        if (!gdb_eat(&args, ';') || !read_action(g, &v, &args))
            goto bad;
    for (unsigned n = 0; n < MACHINE_MAX_HARTS; n++)
        moves |= v.action[n] != GDB_STAYS;
    if (!moves)
        goto bad;
    memcpy(g->action, v.action, sizeof g->action);
    g->steps = v.step_hart >= 0;
    g->step_hart = g->steps ? (unsigned)v.step_hart : 0;
    g->lo = v.lo;
    g->hi = v.hi;
    g->pretends = is_owed_step(g);
    resume(g);
    return;
bad:
    gdb_error(g, GDB_E_ARGUMENT, "not a vCont of c, C, s, S, t and r with threads that there are");
}

/* The trap that the hart has just taken was an interrupt. */
static bool interrupted(const struct hart *h)
{
    uint64_t cause = h->priv == PRIV_M ? h->csr.mcause : h->virt ? h->csr.vscause : h->csr.scause;
    return cause & CAUSE_INTERRUPT;
}

/* One instruction. An interrupt in front of it is run through when the client wants none in its steps; not while other harts stay, for whom its
 * handler may wait. */
static void step_once(struct gdb *g, struct hart *h, bool alone, struct debug_stop *s)
{
    bool through = !alone && g->sstep & (SSTEP_NOIRQ | SSTEP_NOTIMER);
    for (;;) {
        uint64_t pc = h->pc;
        debugger_stepi(g->d, g->step_hart, 1, s);
        if (!through || s->reason != DEBUG_STEPPED || !s->trapped || !interrupted(h))
            return;
        debugger_until(g->d, g->step_hart, &pc, 1, 0, s);
        if (s->reason != DEBUG_STEPPED)
            return;
    }
}

static void run_once(struct gdb *g, uint64_t limit, struct debug_stop *s)
{
    struct hart *h = gdb_hart(g, g->step_hart);
    uint32_t stay = 0;
    if (g->state == GDB_RUNS && g->pretends) {
        *s = (struct debug_stop){.reason = DEBUG_STEPPED, .hart = g->step_hart, .pc = h->pc};
        return;
    }
    for (unsigned n = 0; gdb_hart(g, n) && g->state == GDB_RUNS; n++)
        stay |= (uint32_t)(g->action[n] == GDB_STAYS) << n;
    machine_hold(g->m, stay);
    if (g->state != GDB_RUNS || !g->steps || !h)
        debugger_continue(g->d, limit, s);
    else if (h->pc >= g->lo && h->pc < g->hi)
        debugger_step_range(g->d, g->step_hart, g->lo, g->hi, false, s);
    else
        step_once(g, h, stay != 0, s);
    machine_hold(g->m, 0);
}

void gdb_run(struct gdb *g, uint64_t limit, struct debug_stop *s)
{
    g->in_run = true;
    for (;;) {
        gdb_port_pump(g); /* what came behind the packet that resumes: it may be to stop */
        bool late = g->interrupted;
        run_once(g, limit, s);
        if (s->reason != DEBUG_INTERRUPT)
            break;
        g->interrupted = false;
        /* An interrupt of ours that met a run which had just ended for another reason ends the next one: it is none of its business. */
        if (!late || g->pending != WIRE_NONE || g->arrived || g->left)
            break;
    }
    g->in_run = false;
    gdb_tell(g, s);
    if (g->pending == WIRE_BREAK) /* it has its answer */
        g->pending = WIRE_NONE;
}

/* ---- Breakpoints and watchpoints ---- */

/* Z and z: type,address,kind. False: an answer was made. */
static bool read_place(struct gdb *g, const char *args, const char *end, struct stop_spec *spec)
{
    uint64_t type, addr, kind;
    if (!gdb_hex_u64(&args, &type) || !gdb_eat(&args, ',') || !gdb_hex_u64(&args, &addr) || !gdb_eat(&args, ',') ||
        !gdb_hex_u64(&args, &kind) || (args != end && *args != ';')) {
        gdb_error(g, GDB_E_ARGUMENT, "not a type, an address and a kind");
        return false;
    }
    if (type > 4) /* an empty answer: no such type here */
        return false;
    *spec = stop_spec_default(type < 2 ? STOP_BREAK : STOP_WATCH);
    spec->hidden = true;
    spec->addr = addr;
    spec->hardware = type == 1;
    if (type < 2)
        return true;
    static const unsigned access[] = {[2] = DEBUG_WRITE, [3] = DEBUG_READ, [4] = DEBUG_READ | DEBUG_WRITE};
    spec->space = g->physical ? SPACE_HPA : SPACE_GVA;
    spec->len = kind;
    spec->access = access[type];
    if (kind && kind <= PAGE_SIZE)
        return true;
    gdb_error(g, GDB_E_ARGUMENT, "a watchpoint has 1 to 4096 bytes");
    return false;
}

/* The client's own one that is the same. */
static struct stop *find_same(struct gdb *g, const struct stop_spec *want)
{
    for (struct stop *s = debugger_stops(g->d); s; s = s->next) {
        const struct stop_spec *have = &s->spec;
        if (have->hidden && have->kind == want->kind && have->addr == want->addr && have->hardware == want->hardware &&
            (want->kind == STOP_BREAK ||
             (have->len == want->len && have->access == want->access && have->space == want->space)))
            return s;
    }
    return NULL;
}

void gdb_insert(struct gdb *g, const char *args, const char *end)
{
    struct stop_spec spec;
    struct err e = {.text = ""};
    if (!read_place(g, args, end, &spec))
        return;
    if (find_same(g, &spec)) {
        gdb_put(g, "OK");
    } else if (g->nstops >= GDB_STOPS_MAX) {
        gdb_error(g, GDB_E_REFUSED, "too many breakpoints");
    } else if (!debugger_add(g->d, &spec, &e)) {
        gdb_error(g, GDB_E_REFUSED, e.text);
    } else {
        g->nstops++;
        gdb_put(g, "OK");
    }
}

void gdb_remove(struct gdb *g, const char *args, const char *end)
{
    struct stop_spec spec;
    if (!read_place(g, args, end, &spec))
        return;
    struct stop *s = find_same(g, &spec);
    if (s) {
        debugger_remove(g->d, s);
        g->nstops--;
    }
    gdb_put(g, "OK"); /* it is not there any more, or was not: the same to the client */
}

void gdb_forget_stops(struct gdb *g)
{
    debugger_remove_hidden(g->d);
    g->nstops = 0;
}

/* ---- Parting, and beginning again ---- */

/* The machine's end, unless the client stays to run it again. */
static void kill_machine(struct gdb *g)
{
    gdb_forget_stops(g);
    g->killed = true;
    if (!g->extended)
        g->state = GDB_KILLED;
}

void gdb_kill(struct gdb *g, const char *args, const char *end)
{
    (void)args, (void)end;
    g->silent = true;
    kill_machine(g);
}

void gdb_vkill(struct gdb *g, const char *args, const char *end)
{
    (void)args, (void)end;
    gdb_put(g, "OK");
    kill_machine(g);
}

/* The guest runs on without the client. */
void gdb_detach(struct gdb *g, const char *args, const char *end)
{
    (void)args, (void)end;
    gdb_forget_stops(g);
    g->held = false;
    g->state = GDB_AWAY;
    gdb_put(g, "OK");
}

/* False: an answer was made. */
static bool restart(struct gdb *g)
{
    struct err e = {.text = ""};
    if (debugger_reset(g->d, &e)) {
        gdb_error(g, GDB_E_REFUSED, e.text);
        return false;
    }
    g->stop = (struct debug_stop){.reason = DEBUG_STEPPED};
    g->hart = 0;
    g->killed = false;
    g->state = GDB_HOLDS;
    return true;
}

/* R: power-on, without an answer. */
void gdb_restart(struct gdb *g, const char *args, const char *end)
{
    (void)args, (void)end;
    (void)restart(g);
    g->silent = true;
}

/* vRun;file;arguments: there is one program, the machine. */
void gdb_run_program(struct gdb *g, const char *args, const char *end)
{
    (void)args, (void)end;
    if (restart(g))
        gdb_put_stop(g, &g->stop);
}

/* vAttach;pid: likewise. */
void gdb_attach(struct gdb *g, const char *args, const char *end)
{
    (void)args, (void)end;
    g->state = GDB_HOLDS;
    gdb_put_stop(g, &g->stop);
}
