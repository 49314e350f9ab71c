/* SPDX-License-Identifier: MIT */
/*
 * The check of equivalence (Popek and Goldberg): beside each guest runs an oracle, a machine made from the same options and interpreted. At every
 * exit the oracle is brought to the same instruction, and the whole state of both harts is compared; their memory now and then, and in the end.
 *
 * What comes from outside enters the oracle where it entered the guest: input to the serial port is fed to it at the same instruction.
 */
#include "monitor/vmm/coherent.h"
#include "monitor/vmm/gstage.h"
#include "monitor/vmm/report.h"
#include "monitor/vmm/vmm_int.h"

#include "base/text.h"
#include "cpu/csr.h"
#include "cpu/csr_bits.h"
#include "cpu/op.h"
#include "cpu/trap.h"
#include "dev/chardev.h"
#include "machine_int.h"
#include "monitor/names.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    FIELDS_MAX = 512,
    STEPS_MAX = 4096,      /* traps and firmware calls between two instructions */
    DIFFERENCES_SHOWN = 8, /* likewise */
};
#define MEMORY_EVERY UINT64_C(100000000) /* instructions between two comparisons of memory */

struct value {
    const char *name;
    unsigned index;
    uint64_t v;
};

/* A visitor that notes each field. */
struct noter {
    struct visitor visitor;
    unsigned n;
    struct value value[FIELDS_MAX];
};

struct vm_check {
    struct vm *vm;
    struct machine *oracle;
    struct hart *h;
    struct chardev *serial;   /* the oracle's */
    uint64_t compared;        /* how often */
    uint64_t next_memory;     /* instruction after which memory is compared again */
    char *report;             /* of the first difference */
    uint64_t same, different; /* instructions after which all was the same last, and after which it was not */
    /* With check_every 1, the instruction that runs. */
    struct place {
        uint64_t pc, native, exits;
        uint32_t insn;
        enum priv priv;
        bool stepped;
    } at;
    struct noter guest, expected;
    struct coherent guest_tlb, oracle_tlb;
};

/* Exits for another reason than that the VMM had wished for one. */
static uint64_t real_exits(const struct vm *vm)
{
    uint64_t n = 0;
    for (unsigned i = 0; i < VM_EXIT_REASONS; i++)
        n += i == VM_EXIT_BUDGET ? 0 : vm->stats.exits[i];
    return n;
}

/* ---- State as a list ---- */

/* Where a hart's turns begin says nothing of its state: only their sums do. */
static bool counts_apart(const char *name)
{
    return !strcmp(name, "clock") || !strcmp(name, "retired") || !strcmp(name, "turn_retired");
}

static void note(struct visitor *v, const char *name, void *p, size_t size, size_t count)
{
    struct noter *n = (struct noter *)v;
    if (counts_apart(name))
        return;
    if (!strcmp(name, "x"))
        count = 32; /* behind them lies what was written to x0 */
    for (size_t i = 0; i < count && n->n < FIELDS_MAX; i++) {
        uint64_t word = 0;
        memcpy(&word, (const char *)p + i * size, size);
        n->value[n->n++] = (struct value){name, (unsigned)i, word};
    }
}

static void note_group(struct visitor *v, const char *name, unsigned index)
{
    (void)v, (void)name, (void)index;
}

static void note_end(struct visitor *v)
{
    (void)v;
}

static void note_hart(struct noter *n, struct machine *m, struct hart *h)
{
    n->visitor = (struct visitor){note, note_group, note_end, true};
    n->n = 0;
    hart_visit(h, &n->visitor);
    n->value[n->n++] = (struct value){"instructions retired", 0, hart_instret(h)};
    n->value[n->n++] = (struct value){"slots", 0, machine_clock(m)};
    n->value[n->n++] = (struct value){"pending interrupts", 0, csr_mip(h)};
}

/* ---- The report ---- */

enum { REPORT_SIZE = 16384 };

/* Starts the report: true if there is room for one. */
static char *begin_report(struct vm_check *c, const struct hart *vh)
{
    vm_failed(c->vm);
    c->different = hart_instret(vh);
    c->report = calloc(1, REPORT_SIZE);
    if (c->report)
        report_add(c->report, REPORT_SIZE,
                   "vm %u (%s), --check: under %s it is not what it is when interpreted, after %" PRIu64
                   " instructions, in %s",
                   c->vm->number, c->vm->name, c->vm->technique->name, hart_instret(vh), name_priv(vh->priv, vh->virt));
    return c->report;
}

/* Where each instruction is compared: the one that came out differently, and why. */
static void append_culprit(struct vm_check *c, char *buf, const struct hart *vh)
{
    const struct vm *vm = c->vm;
    const struct place *p = &c->at;
    if (!p->stepped)
        report_add(buf, REPORT_SIZE,
                   "  (that is where it shows at an exit: vitrine compare --check finds the instruction that it began "
                   "with)\n");
    if (!p->stepped || hart_instret(vh) != c->same + 1)
        return;
    report_add(buf, REPORT_SIZE, "  the instruction that came out differently, in %s, at ", name_priv(p->priv, false));
    report_insn(vm, buf, REPORT_SIZE, p->pc, p->insn);
    report_add(buf, REPORT_SIZE, "\n");
    bool untrapped = real_exits(vm) == p->exits && vm->stats.native == p->native + 1;
    if (untrapped && p->priv != PRIV_U)
        report_add(
            buf, REPORT_SIZE,
            "  It ran on the real hart in user mode, where it does not trap, and did something else there than in "
            "kernel mode, in which the guest\n"
            "  believes itself to be: it is sensitive, but not privileged. This instruction breaks Popek and "
            "Goldberg's condition (each sensitive\n"
            "  instruction must be privileged): no monitor that only traps and emulates can be right on this "
            "machine. One that rewrites such\n"
            "  instructions (translate) is, or hardware that has a mode for guests (nested), or a guest that does "
            "without them (para).\n");
}

static void fail_fields(struct vm_check *c, struct hart *vh)
{
    unsigned shown = 0, all = 0;
    char *r = begin_report(c, vh);
    if (!r)
        return;
    report_add(r, REPORT_SIZE, ", before ");
    report_insn(c->vm, r, REPORT_SIZE, vh->pc, report_fetch(c->vm, vh->pc));
    report_add(r, REPORT_SIZE, "\n");
    append_culprit(c, r, vh);
    for (unsigned i = 0; i < c->guest.n; i++) {
        const struct value *g = &c->guest.value[i], *o = &c->expected.value[i];
        if (g->v == o->v)
            continue;
        all++;
        char name[64];
        if (!strcmp(g->name, "x") || !strcmp(g->name, "f"))
            snprintf(name, sizeof name, "%s (%s%u)", name_reg(g->index + (*g->name == 'f' ? EVENT_REG_F : 0)), g->name,
                     g->index);
        else
            snprintf(name, sizeof name, g->index ? "%s[%u]" : "%s", g->name, g->index);
        if (shown++ < DIFFERENCES_SHOWN)
            report_add(r, REPORT_SIZE, "  %-20s %s, expected %s\n", name, text_hex(g->v).s, text_hex(o->v).s);
    }
    if (all > DIFFERENCES_SHOWN)
        report_add(r, REPORT_SIZE, "  and %u more\n", all - DIFFERENCES_SHOWN);
    report_events(c->vm, r, REPORT_SIZE, c->at.stepped);
}

static void PRINTF_LIKE(3, 4) fail_otherwise(struct vm_check *c, const struct hart *vh, const char *fmt, ...)
{
    char text[512];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    char *r = begin_report(c, vh);
    if (!r)
        return;
    report_add(r, REPORT_SIZE, "\n  %s\n", text);
    report_events(c->vm, r, REPORT_SIZE, c->at.stepped);
}

/* ---- Memory ---- */

static bool same_page(const struct mem_region *a, const struct mem_region *b, uint64_t off)
{
    return !memcmp(mem_host(a, off), mem_host(b, off), PAGE_SIZE);
}

static void compare_memory(struct vm_check *c, const struct hart *vh)
{
    const struct mem_region *g = bus_memory_at(machine_bus(c->vm->machine), MACHINE_RAM_BASE);
    const struct mem_region *o = bus_memory_at(machine_bus(c->oracle), MACHINE_RAM_BASE);
    c->next_memory = hart_instret(vh) + MEMORY_EVERY;
    for (uint64_t off = 0; off < g->size; off += PAGE_SIZE) {
        if (same_page(g, o, off))
            continue;
        uint64_t at = 0, gv, ov;
        while (at < PAGE_SIZE - 8 && !memcmp(mem_host(g, off) + at, mem_host(o, off) + at, 8))
            at += 8;
        memcpy(&gv, mem_host(g, off) + at, 8);
        memcpy(&ov, mem_host(o, off) + at, 8);
        fail_otherwise(c, vh, "memory at %s: %s, expected %s", text_hex(g->base + off + at).s, text_hex(gv).s,
                       text_hex(ov).s);
        return;
    }
}

/* ---- Keeping step ---- */

/* Is the instruction at the oracle's pc an ecall? */
static bool at_ecall(struct hart *h)
{
    enum { ECALL = 0x73 };
    return fetch_raw(h) == ECALL;
}

/* Runs the oracle until so many instructions have retired, or it waits. */
static void advance(struct vm_check *c, uint64_t target, struct machine_result *r)
{
    uint64_t done = hart_instret(c->h);
    for (bool waits = false; done < target && r->end == MACHINE_BUDGET && !waits; done = hart_instret(c->h)) {
        machine_run(c->oracle, target - done, r);
        waits = machine_waits(c->oracle);
    }
}

/* Has the guest been found to trap for ever, and time been let go by until an interrupt ends that, while the oracle has yet to be found so? */
static bool gave_up(const struct hart *oracle, const struct hart *vh)
{
    return oracle->traps == vh->traps && oracle->traps_in_a_row && !vh->traps_in_a_row;
}

/* Brings the oracle to where the guest stands. False: it does not get there; a report is made. */
static bool follow(struct vm_check *c, const struct hart *vh)
{
    struct hart *o = c->h;
    struct machine_result r = {.end = MACHINE_BUDGET};
    uint64_t target = hart_instret(vh);
    advance(c, target, &r);
    machine_settle(c->oracle);
    for (unsigned i = 0; i < STEPS_MAX && r.end == MACHINE_BUDGET && hart_instret(o) == target; i++) {
        bool behind = o->traps < vh->traps || (o->traps == vh->traps && o->pc != vh->pc && at_ecall(o));
        if (behind)
            machine_step(c->oracle, 0, 1, &r);
        else if (gave_up(o, vh))
            machine_run(c->oracle, 1, &r);
        else
            return true;
        machine_settle(c->oracle);
    }
    if (r.end != MACHINE_BUDGET)
        fail_otherwise(c, vh, "the oracle has ended already, after %" PRIu64 " instructions%s%s", hart_instret(o),
                       r.why[0] ? ": " : "", r.why);
    else
        fail_otherwise(c, vh,
                       "the oracle took %" PRIu64 " traps and %" PRIu64
                       " instructions to come to where the guest took %" PRIu64 " and %" PRIu64,
                       o->traps, hart_instret(o), vh->traps, target);
    return false;
}

/*
 * An FP instruction makes FS Dirty before it is known whether it faults, as the specification allows (Priv. "Extension Context Status in mstatus
 * Register": the dirty state may be reported too often). One that the real hart has begun, and the oracle is about to, has got so far already.
 */
static bool fs_is_ahead(const struct vm_check *c, const struct hart *vh)
{
    uint64_t guest = vh->csr.mstatus & MSTATUS_FS, expected = c->h->csr.mstatus & MSTATUS_FS;
    if (guest != MSTATUS_FS || !expected || expected == guest)
        return false;
    uint32_t raw = report_fetch(c->vm, vh->pc);
    enum insn_id id = decode(vh->code->decoder, raw).id;
    enum { MADD = 0x43, OP_FP = 0x53 };
    bool computes = (raw & 0x73) == MADD || (raw & 0x7f) == OP_FP; /* madd, msub, nmsub, nmadd */
    return computes || id == INSN_fld || id == INSN_flw;
}

/* Are both harts' states the same? If not, a report is made. */
static bool compare_harts(struct vm_check *c, struct hart *vh)
{
    if (fs_is_ahead(c, vh)) {
        c->h->csr.mstatus |= MSTATUS_FS;
        hart_context_changed(c->h);
    }
    c->compared++;
    note_hart(&c->guest, c->vm->machine, vh);
    note_hart(&c->expected, c->oracle, c->h);
    for (unsigned i = 0; i < c->guest.n; i++)
        if (c->guest.value[i].v != c->expected.value[i].v) {
            fail_fields(c, vh);
            return false;
        }
    return true;
}

void vm_check_now(struct vm *vm, struct hart *vh)
{
    struct vm_check *c = vm->check;
    bool at_end = machine_slots_now(vm->machine) >= vm->machine->run_end;
    if (!c || at_end || vm->vmm->failed_check || !follow(c, vh) || !compare_harts(c, vh))
        return;
    if (hart_instret(vh) >= c->next_memory)
        compare_memory(c, vh);
    if (!c->report)
        c->same = hart_instret(vh);
}

/* Where the guest is before an instruction of its own. */
static void note_place(struct vm_check *c, struct hart *vh)
{
    c->at = (struct place){.pc = vh->pc,
                           .native = c->vm->stats.native,
                           .exits = real_exits(c->vm),
                           .insn = report_fetch(c->vm, vh->pc),
                           .priv = vh->priv,
                           .stepped = true};
}

struct exit vm_check_run(struct vm *vm, struct hart *vh, uint64_t n)
{
    const struct vmm_config *config = &vm->vmm->config;
    uint64_t end = vh->turn_retired + n;
    struct exit x = {.reason = EXIT_BUDGET};
    while (vh->turn_retired < end && x.reason == EXIT_BUDGET) {
        uint64_t now = hart_instret(vh), piece = end - vh->turn_retired;
        bool fine = now >= config->check_from;
        piece = min_u64(piece, fine ? config->check_every : config->check_from - now);
        if (fine && config->check_every == 1)
            note_place(vm->check, vh);
        else if (fine)
            vm->check->next_memory = 0;
        x = vm->technique->run(vm, vh, piece);
        if (fine && x.reason == EXIT_BUDGET)
            vm_check_now(vm, vh);
        if (vm->vmm->failed_check)
            x.reason = EXIT_EVENT;
    }
    return x;
}

void vm_check_before(struct vm *vm, struct hart *vh)
{
    if (vm->check && !vm->check->guest_tlb.hub)
        hart_flush_all(vh);
}

bool vm_check_window(const struct vm *vm, uint64_t *same, uint64_t *different)
{
    const struct vm_check *c = vm->check;
    if (!c || !c->report)
        return false;
    *same = c->same;
    *different = c->different;
    return true;
}

void vm_check_end(struct vm *vm)
{
    struct vm_check *c = vm->check;
    struct hart *vh = machine_hart(vm->machine, 0);
    struct machine_result r = {.end = MACHINE_BUDGET};
    if (!c || vm->vmm->failed_check)
        return;
    uint64_t target = hart_instret(vh);
    if (vm->ended && vm->result.end == MACHINE_STUCK)
        chardev_memory_end(c->serial); /* the guest's input has ended too */
    advance(c, target, &r);
    for (unsigned i = 0; i < STEPS_MAX && vm->ended && r.end == MACHINE_BUDGET && hart_instret(c->h) == target &&
                         !machine_waits(c->oracle);
         i++)
        machine_step(c->oracle, 0, 1, &r);
    if (vm->ended && (r.end != vm->result.end || r.status != vm->result.status || strcmp(r.why, vm->result.why)))
        fail_otherwise(c, vh, "it ended (%d, status %d%s%s) where the oracle did not do so (%d, status %d%s%s)",
                       (int)vm->result.end, vm->result.status, vm->result.why[0] ? ", " : "", vm->result.why,
                       (int)r.end, r.status, r.why[0] ? ", " : "", r.why);
    else if (!vm->ended || compare_harts(c, vh))
        compare_memory(c, vh);
}

const char *vm_check_report(const struct vm *vm, uint64_t *compared)
{
    *compared = vm->check ? vm->check->compared : 0;
    return vm->complaint[0] ? vm->complaint : vm->check ? vm->check->report : NULL;
}

/* ---- Making ---- */

/* Input that the guest gets now. */
static void input(void *ctx, const void *buf, size_t len)
{
    struct vm_check *c = ctx;
    if (!c->vm->vmm->failed_check && follow(c, machine_hart(c->vm->machine, 0)))
        (void)!chardev_memory_feed(c->serial, buf, len);
}

static void swallow(void *ctx, const void *buf, size_t len)
{
    (void)ctx, (void)buf, (void)len;
}

static struct chardev *make_serial(void *ctx, struct io_loop *loop, struct err *e)
{
    struct vm_check *c = ctx;
    c->serial = chardev_call_new(loop, "oracle", swallow, c);
    if (!c->serial)
        err_set(e, -ENOMEM, "no memory for the oracle's serial port");
    return c->serial;
}

int vm_check_options(struct machine_options *o, struct err *e)
{
    if (o->nnetdevs)
        return err_set(e, -EINVAL, "--check: what comes over a network does not come to the oracle: leave -netdev out");
    if (o->realtime)
        return err_set(e, -EINVAL,
                       "--check: the host's clock does not show two machines the same time: leave --realtime out");
    o->snapshot = true; /* the oracle starts from the same disks */
    return 0;
}

int vm_check_new(struct vm *vm, struct err *e)
{
    struct machine_options o = vm->opt;
    struct vm_check *c = calloc(1, sizeof *c);
    if (!c)
        return err_set(e, -ENOMEM, "vm %u: out of memory", vm->number);
    vm->check = c;
    c->vm = vm;
    o.window = NULL;
    o.quiet = true;
    o.make_serial = make_serial;
    o.make_serial_ctx = c;
    o.signature = NULL;
    for (unsigned i = 0; i < o.nchardevs; i++)
        o.chardevs[i].spec = "null";
    c->oracle = machine_new(&o, e);
    if (!c->oracle)
        return -EINVAL;
    c->h = machine_hart(c->oracle, 0);
    c->next_memory = MEMORY_EVERY;
    machine_set_yielding(c->oracle, true);
    coherent_begin(&c->oracle_tlb, c->oracle, c->h);
    if (vm_gstage(vm))
        coherent_begin_nested(&c->guest_tlb, vm);
    else if (!vm->technique->attach)
        coherent_begin(&c->guest_tlb, vm->machine, machine_hart(vm->machine, 0));
    chardev_set_tap(machine_serial(vm->machine), input, c);
    chardev_set_waiting(machine_serial(vm->machine)); /* a busy transmitter is nothing that the oracle would see */
    return 0;
}

void vm_check_free(struct vm *vm)
{
    struct vm_check *c = vm->check;
    if (!c)
        return;
    coherent_end(&c->guest_tlb);
    coherent_end(&c->oracle_tlb);
    machine_free(c->oracle);
    free(c->report);
    free(c);
    vm->check = NULL;
}
