/* SPDX-License-Identifier: MIT */
/* Virtual machines: which one is looked at, what each does, and the VMM's exits. */
#include "monitor/debug/repl_int.h"

#include "machine_look.h"
#include "monitor/debug/debug_vmm.h"
#include "monitor/debug/source.h"
#include "monitor/names.h"
#include "monitor/vmm/vmstat.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

struct vm *repl_vm(struct repl *r)
{
    return debug_vmm_find(r->config.vmm, debugger_vm(r->d));
}

int repl_want_vmm(struct repl *r, const char *what, struct err *e)
{
    return r->config.vmm
               ? 0
               : err_set(e, -EINVAL, "%s: there are no virtual machines here: vitrine debug --vmm TECHNIQUE", what);
}

/* ---- What follows the selected VM ---- */

/* Source lines are those of the guest at hand. */
void repl_follow_vm(struct repl *r)
{
    unsigned n = debugger_vm(r->d);
    struct vm *vm = repl_vm(r);
    if (!r->config.vmm || r->source_vm == n)
        return;
    struct source *s = source_new();
    if (!s)
        return;
    expr_vars_forget_types(debugger_vars(r->d));
    source_free(r->source);
    r->source = s;
    r->source_vm = n;
    if (vm)
        repl_add_files(r, vm->opt.kernel, vm->opt.bios);
}

/* VMs that ended since this was asked last. */
void repl_tell_ended(struct repl *r)
{
    char line[2400];
    for (unsigned i = 0; r->config.vmm && i < r->config.vmm->nvms; i++) {
        const struct vm *vm = r->config.vmm->vm[i];
        if (!vm->ended || r->told_ended >> i & 1)
            continue;
        r->told_ended |= BIT(i);
        if (vm_report(vm, line, sizeof line))
            out_printf(r->out, "[%s]\n", line);
    }
}

static void on_end(void *ctx, const struct vm *vm)
{
    (void)vm;
    repl_tell_ended(ctx);
    fflush(stdout);
}

/* A VM that ends is told of when it does, though the others go on. on: those that have ended by now are known. */
void repl_hear_ends(struct repl *r, bool on)
{
    struct vmm *v = r->config.vmm;
    if (!v)
        return;
    if (on) {
        for (unsigned i = 0; i < v->nvms; i++)
            r->told_ended |= v->vm[i]->ended ? BIT(i) : 0;
        r->on_end_before = v->config.on_end;
        r->on_end_ctx_before = v->config.on_end_ctx;
        v->config.on_end = on_end;
        v->config.on_end_ctx = r;
    } else if (v->config.on_end_ctx == r) {
        v->config.on_end = r->on_end_before;
        v->config.on_end_ctx = r->on_end_ctx_before;
    }
}

int repl_can_step(struct repl *r, struct err *e)
{
    const struct vm *vm = repl_vm(r);
    if (!r->config.vmm)
        return 0;
    if (!vm)
        return err_set(e, -EINVAL,
                       "the real hart runs what the virtual ones let it: give vm N first; continue and "
                       "stepx run from here too");
    if (vm->ended)
        return err_set(e, -ESRCH, "vm %u (%s) has ended: vm N chooses another, continue runs those that have not",
                       vm->number, vm->name);
    return 0;
}

/* ---- info vms, vm ---- */

static const char *state_of(const struct vm *vm, char *buf, size_t size)
{
    if (vm->ended) {
        const struct machine_result *m = &vm->result;
        if (m->end == MACHINE_GUEST)
            snprintf(buf, size, "ended: %d", m->status);
        else
            snprintf(buf, size, "%s",
                     m->end == MACHINE_STUCK   ? "stuck"
                     : m->end == MACHINE_RESET ? "ended: reset"
                                               : "failed");
    } else {
        bool waits = vm->waits || machine_look_state(vm->machine, 0, NULL) == LOOK_WAITS;
        snprintf(buf, size, "%s", waits ? "waits" : "runs");
    }
    return buf;
}

static void show_vm(struct repl *r, const struct vm *vm)
{
    char state[32];
    uint64_t exits = 0;
    struct hart *vh = machine_hart(vm->machine, 0);
    for (unsigned i = 0; i < VM_EXIT_REASONS; i++)
        exits += vm->stats.exits[i];
    out_printf(r->out, "%c %-3u %-14.14s %-10s %-12s %14" PRIu64 " %11" PRIu64 " %7" PRIu64 " %7" PRIu64 "  %s ",
               vm->number == debugger_vm(r->d) ? '*' : ' ', vm->number, vm->name, vm->technique->name,
               state_of(vm, state, sizeof state), machine_stats(vm->machine)->insns, exits,
               frames_count(vm->vmm->frames, FRAME_GUEST, vm->number),
               frames_count(vm->vmm->frames, FRAME_TABLE, vm->number), name_mode(EVENT_MODE(vh->priv, vh->virt)));
    out_styled(r->out, OUT_ADDR, "0x%" PRIx64, vh->pc);
    out_puts(r->out, "\n");
}

int cmd_info_vms(struct repl *r, const char *args, struct err *e)
{
    struct vmm *v = r->config.vmm;
    if (repl_want_vmm(r, "info vms", e) || no_arguments(args, e))
        return -EINVAL;
    out_styled(r->out, OUT_HEAD, "  %-3s %-14s %-10s %-12s %14s %11s %7s %7s  %s\n", "vm", "name", "technique", "state",
               "instructions", "exits", "frames", "tables", "stands at");
    for (unsigned i = 0; i < v->nvms; i++)
        show_vm(r, v->vm[i]);
    out_printf(r->out, "%c 0   the real machine: %" PRIu64 " frames left; its hart holds the state of %s\n",
               debugger_vm(r->d) ? ' ' : '*', frames_left(v->frames),
               v->running ? "the guest whose turn it is, while that runs on it" : "nobody: the VMM has it");
    return 0;
}

int cmd_vm(struct repl *r, const char *args, struct err *e)
{
    uint64_t n = debugger_vm(r->d);
    const char *s = args;
    if (repl_want_vmm(r, "vm", e))
        return -EINVAL;
    if (take_keyword(&s, "real", 1)) {
        n = 0;
        args = s;
        if (no_arguments(args, e))
            return -EINVAL;
    } else if (*args && eval_u64(r, args, &n, e)) {
        return -EINVAL;
    }
    if (n > UINT32_MAX || !debugger_select_vm(r->d, (unsigned)n))
        return err_set(e, -EINVAL, "vm %" PRIu64 ": there are 1 to %u, and 0 or real for the real machine", n,
                       r->config.vmm->nvms);
    repl_follow_vm(r);
    const struct vm *vm = repl_vm(r);
    if (vm)
        out_printf(r->out, "[vm %u, %s, under %s: the virtual hart]\n", vm->number, vm->name, vm->technique->name);
    else
        out_puts(r->out, "[the real machine: the hart that the guests run on]\n");
    show_place(r);
    return 0;
}

/* ---- catch exit ---- */

int cmd_catch_exit(struct repl *r, const char *args, struct err *e)
{
    struct stop_spec spec = stop_spec_default(STOP_CATCH);
    char known[256] = "", word[32], text[160];
    const char *s = args;
    if (repl_want_vmm(r, "catch exit", e))
        return -EINVAL;
    spec.kinds = BIT(EV_VM_EXIT);
    if (strncmp(s, "if ", 3) && take_word(&s, word, sizeof word)) {
        for (unsigned i = 0; i < VM_EXIT_REASONS; i++) {
            const char *name = vm_exit_name((enum vm_exit_reason)i);
            size_t n = strlen(known);
            if (!strcmp(word, name))
                spec.reason = (int)i;
            snprintf(known + n, sizeof known - n, "%s%s", i ? ", " : "", name);
        }
        if (spec.reason == STOP_ANY)
            return err_set(e, -EINVAL, "catch exit %s: there are %s", word, known);
    }
    if (!strncmp(s, "if ", 3))
        spec.condition = skip_blanks(s + 2);
    else if (*s)
        return err_set(e, -EINVAL, "catch exit: '%s': only if EXPRESSION may follow the reason", s);
    snprintf(text, sizeof text, "exit%s%s", spec.reason == STOP_ANY ? "" : " ",
             spec.reason == STOP_ANY ? "" : vm_exit_name((enum vm_exit_reason)spec.reason));
    spec.text = text;
    struct stop *stop = debugger_add(r->d, &spec, e);
    if (!stop)
        return -EINVAL;
    out_printf(r->out, "Catchpoint %d (%s)\n", stop->number, text);
    return 0;
}

/* ---- vmstat ---- */

/* [clear | N]: N rows. */
int cmd_vmstat(struct repl *r, const char *args, struct err *e)
{
    uint64_t rows = VMSTAT_TOP;
    if (repl_want_vmm(r, "vmstat", e))
        return -EINVAL;
    if (!r->config.vmstat)
        return err_set(e, -ENOMEM, "vmstat: it could not be started");
    if (!strcmp(args, "clear")) {
        vmstat_clear(r->config.vmstat);
        return 0;
    }
    if (eval_count(r, args, &rows, e))
        return -EINVAL;
    vmstat_print(r->config.vmstat, r->out, debugger_vm(r->d), (unsigned)min_u64(rows, 1000000));
    return 0;
}
