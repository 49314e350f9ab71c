/* SPDX-License-Identifier: MIT */
/* Making virtual machines out of the real one, and what all techniques share. */
#include "monitor/vmm/vmm.h"

#include "base/text.h"
#include "cpu/csr.h"
#include "cpu/observe.h"
#include "cpu/op.h"
#include "cpu/trap.h"
#include "monitor/vmm/consoles.h"
#include "monitor/vmm/report.h"
#include "monitor/vmm/technique.h"
#include "monitor/vmm/vmm_int.h"
#include "monitor/vmm/world.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MIB (UINT64_C(1) << 20)
/* The first frames of the real RAM, where the real machine's firmware lies; and those kept for second-stage roots, 16 KiB each. */
#define VMM_RESERVED (1 * MIB)
#define VMM_ROOTS    (1 * MIB)

static const struct technique techniques[] = {
#define TECHNIQUE(nm, hlp, att, det, rn, flg, ver)                                                                     \
    {.name = #nm, .help = hlp, .attach = att, .detach = det, .run = rn, .flagged = flg, .verify = ver},
#include "monitor/vmm/technique.def"
#undef TECHNIQUE
};

const struct technique *technique_at(unsigned n)
{
    return n < ARRAY_LEN(techniques) ? &techniques[n] : NULL;
}

const struct technique *technique_find(const char *name)
{
    for (size_t i = 0; i < ARRAY_LEN(techniques); i++)
        if (!strcmp(techniques[i].name, name))
            return &techniques[i];
    return NULL;
}

const char *vm_exit_name(enum vm_exit_reason r)
{
    static const char *const names[VM_EXIT_REASONS] = {[VM_EXIT_BUDGET] = "budget",
                                                       [VM_EXIT_PAGE] = "page",
                                                       [VM_EXIT_MMIO] = "mmio",
                                                       [VM_EXIT_PROTECTED] = "protected",
                                                       [VM_EXIT_PRIVILEGED] = "privileged",
                                                       [VM_EXIT_TIME] = "time",
                                                       [VM_EXIT_WFI] = "wfi",
                                                       [VM_EXIT_ECALL] = "ecall",
                                                       [VM_EXIT_EXCEPTION] = "exception",
                                                       [VM_EXIT_INTERRUPT] = "interrupt",
                                                       [VM_EXIT_REWRITTEN] = "rewritten",
                                                       [VM_EXIT_BREAK] = "break",
                                                       [VM_EXIT_OTHER] = "other"};
    return r < VM_EXIT_REASONS ? names[r] : "?";
}

/* ---- Events ---- */

/* What a VM tells of itself is told in the real machine's stream too. */
static void forward(struct event_sink *s, const struct event *e)
{
    struct vm *vm = (struct vm *)((char *)s - offsetof(struct vm, forward));
    struct event_hub *hub = vm->vmm->events;
    if (!event_wanted(hub, (enum event_kind)e->kind))
        return;
    struct event *copy = event_begin(hub, (enum event_kind)e->kind);
    *copy = *e;
    event_end(hub, copy);
}

void vm_follow_events(struct vm *vm)
{
    if (vm->forward.kinds == vm->vmm->events->wanted)
        return;
    vm->forward.kinds = vm->vmm->events->wanted;
    event_hub_update(machine_events(vm->machine));
}

struct event *vm_event(struct vm *vm, enum event_kind k)
{
    struct event_hub *hub = machine_events(vm->machine);
    struct hart *vh = machine_hart(vm->machine, 0);
    if (!event_wanted(hub, k))
        return NULL;
    struct event *e = event_begin(hub, k);
    e->clock = hart_cycle(vh);
    e->insn = hart_instret(vh);
    e->pc = vh->pc;
    e->hart = (uint8_t)vh->id;
    e->mode = event_mode_of(vh);
    return e;
}

void vm_tell(struct vm *vm, struct event *e)
{
    event_end(machine_events(vm->machine), e);
}

bool vm_lookup(struct vm *vm, uint64_t gpa, uint64_t *hpa)
{
    if (!vm_frame(vm, gpa, hpa))
        return false;
    struct event *e = vm_event(vm, EV_VM_P2M);
    if (e) {
        e->a[0] = gpa;
        e->a[1] = *hpa;
        vm_tell(vm, e);
    }
    return true;
}

void vm_intercept(struct vm *vm, enum vm_exit_reason why, const struct trap *t, uint32_t insn, uint64_t gpa)
{
    vm->stats.exits[why]++;
    struct event *e = vm_event(vm, EV_VM_EXIT);
    if (!e)
        return;
    e->text = vm_exit_name(why);
    e->a[0] = why;
    e->a[1] = t->cause;
    e->a[2] = t->tval;
    e->a[3] = insn;
    e->a[4] = gpa;
    vm_tell(vm, e);
}

void vm_intercept_wish(struct vm *vm, const struct hart *vh, enum vm_exit_reason why)
{
    const struct trap t = {.cause = why == VM_EXIT_BREAK ? CAUSE_BREAKPOINT : 0,
                           .tval = why == VM_EXIT_BREAK ? vh->pc : 0};
    vm_intercept(vm, why, &t, 0, 0);
}

void vm_failed(struct vm *vm)
{
    vm->vmm->failed_check = true;
    machine_pause(vm->machine);
}

/* --check-shadow: nothing may be in the tables that should not be there. */
static void verify(struct vm *vm)
{
    struct err e = {.text = ""};
    vm->verified++;
    if (vm->technique->verify(vm, &e) >= 0)
        return;
    snprintf(vm->complaint, sizeof vm->complaint, "--check-shadow, after %" PRIu64 " instructions: %s\n",
             hart_instret(machine_hart(vm->machine, 0)), e.text);
    report_events(vm, vm->complaint, sizeof vm->complaint, false);
    vm_failed(vm);
}

void vm_resume(struct vm *vm, const struct hart *real)
{
    vm->stats.entries++;
    if (UNLIKELY(vm->vmm->config.check_shadow) && vm->technique->verify && !vm->vmm->failed_check)
        verify(vm);
    struct event *e = vm_event(vm, EV_VM_ENTRY);
    if (!e)
        return;
    e->a[0] = event_mode_of(real);
    e->a[1] = real->pc;
    vm_tell(vm, e);
}

/* ---- The virtual hart by itself ---- */

bool vm_must_interpret(const struct hart *vh)
{
    uint64_t m = vh->csr.mie & ~vh->csr.mideleg;
    return vh->priv == PRIV_M || vh->virt || vh->kick & (KICK_EVENT | KICK_WFI) || (m && csr_mip(vh) & m);
}

/* Has hart_run() stopped for nothing but our own wish, or run out of what we gave it? */
static bool goes_on(struct hart *vh, bool was_m, const struct exit *x)
{
    return x->reason == EXIT_BUDGET || (x->reason == EXIT_EVENT && was_m && vh->priv != PRIV_M);
}

bool vm_interpret(struct vm *vm, struct hart *vh, uint64_t n, struct exit *x)
{
    uint64_t before = vh->turn_retired;
    bool m = vh->priv == PRIV_M;
    vh->tell_leaving_m = m;
    vm_check_before(vm, vh);
    *x = hart_run(vh, m || vh->virt ? n : 1);
    vh->tell_leaving_m = false;
    vm->stats.interpreted += vh->turn_retired - before;
    return goes_on(vh, m, x);
}

bool vm_emulate(struct vm *vm, struct hart *vh, uint32_t insn, struct exit *x)
{
    uint64_t before = vh->turn_retired, traps = vh->traps;
    bool stepped = vh->stop_at_trap; /* by the debugger: then the end at a trap is its business */
    struct event *e = insn ? vm_event(vm, EV_VM_DECODE) : NULL;
    if (e) {
        e->text = insn_rows[decode(vh->code->decoder, insn).id].name;
        e->a[0] = 0;
        e->a[1] = insn;
        vm_tell(vm, e);
    }
    e = vm_event(vm, EV_VM_EMULATE);
    if (e) {
        e->a[0] = insn;
        e->a[1] = vh->pc;
        vm_tell(vm, e);
    }
    vh->stop_at_trap = true;
    /* Who asked for a pause meanwhile gets it behind this instruction: in its midst, it would begin anew with the same intercept. */
    uint32_t later = __atomic_fetch_and(&vh->kick, ~(uint32_t)KICK_EVENT, __ATOMIC_RELAXED) & KICK_EVENT;
    vm_check_before(vm, vh);
    *x = hart_run(vh, 1);
    __atomic_fetch_or(&vh->kick, later, __ATOMIC_RELAXED);
    vh->stop_at_trap = stepped;
    vm->stats.emulated += vh->turn_retired - before;
    return x->reason == EXIT_BUDGET || (x->reason == EXIT_EVENT && vh->traps != traps && !stepped);
}

/* ---- Making ---- */

static struct exit run_hart(void *ctx, struct hart *h, uint64_t n)
{
    struct vm *vm = ctx;
    return vm->vmm->config.check_every && vm->check ? vm_check_run(vm, h, n) : vm->technique->run(vm, h, n);
}

static void page_flagged(void *ctx, uint64_t gpa, unsigned flags)
{
    struct vm *vm = ctx;
    if (vm->technique->flagged)
        vm->technique->flagged(vm, gpa, flags);
}

static const char *base_name(const char *path)
{
    const char *slash = path ? strrchr(path, '/') : NULL;
    return slash ? slash + 1 : path ? path : "guest";
}

static int take_frames(struct vm *vm, struct err *e)
{
    uint64_t n = vm->ram_size >> PAGE_SHIFT;
    vm->hpa = calloc(n, sizeof *vm->hpa);
    if (!vm->hpa)
        return err_set(e, -ENOMEM, "vm %u: out of memory", vm->number);
    for (uint64_t i = 0; i < n; i++)
        if (!frames_take(vm->vmm->frames, FRAME_GUEST, vm->number, &vm->hpa[i]))
            return err_set(
                e, -ENOMEM,
                "vm %u (%s): its RAM of %s does not fit what is left of the real machine's: give a larger -m",
                vm->number, vm->name, text_size(vm->ram_size).s);
    return 0;
}

/* Ctrl-A x and Ctrl-A c at the shared terminal. */
static void escaped(void *ctx, enum chardev_escape what)
{
    struct vmm *v = ctx;
    switch (what) {
    case CHARDEV_ESC_QUIT: vmm_stop(v); break;
    case CHARDEV_ESC_MONITOR: v->monitor_wanted = true; break;
    }
}

/* A guest whose serial port would be the terminal gets its part of it, where several do. */
static int share_terminal(struct vmm *v, struct vm *vm, struct err *e)
{
    const char *serial = vm->opt.serial;
    if (!v->config.share_terminal || !serial || (strncmp(serial, "mon:stdio", 9) && strncmp(serial, "stdio", 5)))
        return 0;
    if (!v->consoles)
        v->consoles = consoles_new(serial, escaped, v, e);
    if (!v->consoles)
        return -EINVAL;
    vm->opt.make_serial = consoles_open;
    vm->opt.make_serial_ctx = consoles_port_of(v->consoles, vm->number);
    return 0;
}

static int make_vm(struct vmm *v, unsigned i, struct err *e)
{
    const struct vm_config *c = &v->config.vms[i];
    struct vm *vm = calloc(1, sizeof *vm);
    if (!vm)
        return err_set(e, -ENOMEM, "vm %u: out of memory", i + 1);
    v->vm[v->nvms++] = vm;
    vm->vmm = v;
    vm->number = i + 1;
    vm->technique = v->config.technique;
    vm->opt = c->machine;
    vm->ram_base = MACHINE_RAM_BASE;
    vm->ram_size = c->machine.ram_size;
    snprintf(vm->name, sizeof vm->name, "%s",
             c->name ? c->name : base_name(c->machine.kernel ? c->machine.kernel : c->machine.bios));
    if (c->machine.harts != 1)
        return err_set(e, -EINVAL, "vm %u (%s): -smp %u: a virtual machine has one hart: leave it out", vm->number,
                       vm->name, c->machine.harts);
    int rc = v->config.check ? vm_check_options(&vm->opt, e) : 0;
    if (!rc)
        rc = take_frames(vm, e);
    if (rc)
        return rc;
    rc = share_terminal(v, vm, e);
    if (rc)
        return rc;
    if (v->config.check_shadow && !(vm->writes = write_log_new()))
        return err_set(e, -ENOMEM, "vm %u: out of memory", vm->number);
    vm->window = (struct machine_window){machine_bus(v->machine), vm->hpa};
    vm->opt.window = &vm->window;
    struct err why = {.text = ""};
    vm->machine = machine_new(&vm->opt, &why);
    if (!vm->machine && v->config.nvms > 1)
        return err_set(e, -EINVAL, "vm %u (%s): %s", vm->number, vm->name, why.text);
    if (!vm->machine)
        return err_set(e, -EINVAL, "%s", why.text);
    vm->forward.emit = forward;
    machine_events(vm->machine)->vm = (uint8_t)vm->number;
    event_hub_add(machine_events(vm->machine), &vm->forward);
    rc = vm->technique->attach ? vm->technique->attach(vm, e) : 0;
    if (rc)
        return rc;
    bus_set_flags_hook(machine_bus(vm->machine), page_flagged, vm);
    machine_set_runner(vm->machine, run_hart, vm);
    return 0;
}

static void free_vm(struct vm *vm)
{
    if (!vm)
        return;
    vm_check_free(vm);
    if (vm->machine) {
        bus_set_flags_hook(machine_bus(vm->machine), NULL, NULL);
        if (vm->technique->detach)
            vm->technique->detach(vm);
    }
    if (vm->vmm->consoles)
        consoles_close(vm->vmm->consoles, vm->number);
    machine_free(vm->machine);
    write_log_free(vm->writes);
    free(vm->hpa);
    free(vm);
}

/* What tables the VMM may keep for a guest with so much RAM, at least. */
static uint64_t table_bytes(uint64_t ram_size)
{
    return ram_size / 32 + 4 * MIB;
}

/* Frames that no guest has are for their tables, and each has its share: one that wants ever more tables takes none from the others. */
static void share_tables(struct vmm *v)
{
    uint64_t frames = frames_left(v->frames), sum = 0;
    for (unsigned i = 0; i < v->nvms; i++) {
        frames += frames_count(v->frames, FRAME_TABLE, v->vm[i]->number);
        sum += table_bytes(v->vm[i]->ram_size) >> PAGE_SHIFT;
    }
    for (unsigned i = 0; i < v->nvms; i++)
        frames_share(v->frames, v->vm[i]->number, frames * (table_bytes(v->vm[i]->ram_size) >> PAGE_SHIFT) / sum);
}

/* What the real machine needs for all guests and for the tables that the VMM keeps for them. */
static uint64_t ram_needed(const struct vmm_config *c)
{
    uint64_t n = VMM_RESERVED + VMM_ROOTS;
    for (unsigned i = 0; i < c->nvms; i++)
        n += c->vms[i].machine.ram_size + table_bytes(c->vms[i].machine.ram_size);
    return (n + MIB - 1) & ~(MIB - 1);
}

static int make_real(struct vmm *v, struct err *e)
{
    struct machine_options o = v->config.real;
    uint64_t need = ram_needed(&v->config);
    if (!o.ram_size)
        o.ram_size = need;
    if (o.ram_size < need)
        return err_set(e, -EINVAL,
                       "the real machine's RAM of %s is too small for %u guest%s and the VMM's tables: give -m %lluM, "
                       "or leave it out",
                       text_size(o.ram_size).s, v->config.nvms, v->config.nvms == 1 ? "" : "s",
                       (unsigned long long)(need / MIB));
    if (o.ram_size > MACHINE_RAM_MAX)
        return err_set(
            e, -EINVAL,
            "%u guests and the VMM's tables need RAM of %s, more than a machine can have (%s): give the guests less",
            v->config.nvms, text_size(o.ram_size).s, text_size(MACHINE_RAM_MAX).s);
    o.harts = 1;
    o.bare = true;
    o.serial = "null";
    o.kernel = o.initrd = NULL;
    o.bios = "default";
    v->machine = machine_new(&o, e);
    if (!v->machine)
        return -EINVAL;
    v->hart = machine_hart(v->machine, 0);
    v->events = machine_events(v->machine);
    world_init(v->hart);
    v->frames = frames_new(machine_bus(v->machine), MACHINE_RAM_BASE, o.ram_size, VMM_RESERVED, VMM_ROOTS, e);
    if (!v->frames)
        return -ENOMEM;
    /* The real machine's own device tree lies below the end of its RAM, or below 3 GiB: see fdt_place(). */
    uint64_t end = min_u64(MACHINE_RAM_BASE + o.ram_size, UINT64_C(3) << 30);
    frames_soiled(v->frames, end - 4 * MIB, end);
    return 0;
}

struct vmm *vmm_new(const struct vmm_config *c, struct err *e)
{
    struct vmm *v = calloc(1, sizeof *v);
    if (!v) {
        err_set(e, -ENOMEM, "out of memory");
        return NULL;
    }
    v->config = *c;
    if (!v->config.slice)
        v->config.slice = VMM_SLICE;
    int rc = c->nvms < 1 || c->nvms > VMM_MAX_VMS
                 ? err_set(e, -EINVAL, "%u virtual machines: give 1 to %d", c->nvms, VMM_MAX_VMS)
                 : make_real(v, e);
    for (unsigned i = 0; !rc && i < c->nvms; i++) {
        rc = make_vm(v, i, e);
        if (!rc && c->check)
            rc = vm_check_new(v->vm[i], e);
    }
    if (!rc) {
        share_tables(v);
        return v;
    }
    vmm_free(v);
    return NULL;
}

void vmm_free(struct vmm *v)
{
    if (!v)
        return;
    for (unsigned i = 0; i < v->nvms; i++)
        free_vm(v->vm[i]);
    consoles_free(v->consoles);
    frames_free(v->frames);
    machine_free(v->machine);
    free(v);
}

/* ---- How it ended ---- */

int vm_status(const struct vm *vm)
{
    enum { STATUS_ERROR = 125, STATUS_STUCK = 126 };
    switch (vm->result.end) {
    case MACHINE_GUEST: return vm->result.status;
    case MACHINE_STUCK: return STATUS_STUCK;
    case MACHINE_ERROR:
    case MACHINE_TRAP: return STATUS_ERROR;
    case MACHINE_BUDGET:
    case MACHINE_STOP:
    case MACHINE_PAUSE:
    case MACHINE_BREAK:
    case MACHINE_MONITOR:
    case MACHINE_RESET: break;
    }
    return 0;
}

int vmm_status(const struct vmm *v)
{
    for (unsigned i = 0; i < v->nvms; i++)
        if (v->vm[i]->ended && vm_status(v->vm[i]))
            return vm_status(v->vm[i]);
    return 0;
}

uint64_t vmm_insns(const struct vmm *v)
{
    uint64_t n = 0;
    for (unsigned i = 0; i < v->nvms; i++)
        n += machine_stats(v->vm[i]->machine)->insns;
    return n;
}

bool vm_report(const struct vm *vm, char *buf, size_t size)
{
    unsigned long long insns = machine_stats(vm->machine)->insns;
    const struct machine_result *r = &vm->result;
    int n = snprintf(buf, size, "vm %u (%s): ", vm->number, vm->name);
    size_t used = n < 0 || (size_t)n >= size ? size : (size_t)n;
    buf += used;
    size -= used;
    if (!vm->ended)
        return false;
    if (r->end == MACHINE_GUEST)
        snprintf(buf, size, "ended with status %d after %llu instructions", r->status, insns);
    else if (r->end == MACHINE_RESET)
        snprintf(buf, size, "asked for a reset after %llu instructions", insns);
    else
        snprintf(buf, size, "%s (after %llu instructions)", r->why, insns);
    return true;
}
