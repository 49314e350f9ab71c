/* SPDX-License-Identifier: MIT */
#include "monitor/debug/debug_vmm.h"

#include "monitor/vmm/consoles.h"
#include "monitor/vmm/gstage.h"
#include "monitor/vmm/vmm_int.h"
#include "monitor/vmm/world.h"

#include <stdio.h>

struct vm *debug_vmm_find(struct vmm *v, unsigned number)
{
    return v && number && number <= v->nvms ? v->vm[number - 1] : NULL;
}

static struct machine *machine_of(void *ctx, unsigned n)
{
    struct vmm *v = ctx;
    struct vm *vm = debug_vmm_find(v, n);
    return vm ? vm->machine : v->machine;
}

/* The VMM itself gives up: a check found something. */
static void tell_failure(struct vmm *v, struct machine_result *r)
{
    for (unsigned i = 0; i < v->nvms; i++) {
        uint64_t compared;
        const char *report = vm_check_report(v->vm[i], &compared);
        if (report)
            snprintf(r->why, sizeof r->why, "%s", report);
    }
}

/* The real hart may have been told of a pause that came without it. */
static void begin(struct vmm *v)
{
    __atomic_fetch_and(&v->hart->kick, ~(uint32_t)KICK_EVENT, __ATOMIC_RELAXED);
}

static void run(void *ctx, uint64_t max_insns, struct machine_result *r, unsigned *n)
{
    struct vmm *v = ctx;
    struct vmm_result result;
    begin(v);
    vmm_run(v, max_insns, &result);
    *r = result.machine;
    r->end = result.end;
    if (result.vm)
        *n = result.vm;
    if (r->end == MACHINE_GUEST)
        r->status = vmm_status(v);
    if (r->end == MACHINE_ERROR)
        tell_failure(v, r);
}

static void step(void *ctx, unsigned n, uint64_t steps, struct machine_result *r)
{
    struct vmm *v = ctx;
    begin(v);
    vmm_step(v, debug_vmm_find(v, n), steps, r);
    if (v->failed_check) {
        r->end = MACHINE_ERROR;
        tell_failure(v, r);
    }
    if (r->end == MACHINE_STOP)
        vmm_stop_taken(v);
}

static void stop(void *ctx)
{
    vmm_stop(ctx);
}

/* Does the real hart hold a guest's state now? Techniques give it back to S when they leave. */
static bool in_guest(const struct vmm *v)
{
    return v->running && (v->hart->priv != PRIV_S || v->hart->virt);
}

static void pause_vm(void *ctx, unsigned n)
{
    struct vmm *v = ctx;
    struct vm *vm = debug_vmm_find(v, n) ? debug_vmm_find(v, n) : v->running;
    if (!vm)
        return;
    machine_pause(vm->machine);
    v->hart->kick |= KICK_EVENT; /* which runs the guest, or is about to */
}

static void listen(void *ctx)
{
    struct vmm *v = ctx;
    for (unsigned i = 0; i < v->nvms; i++)
        vm_follow_events(v->vm[i]);
}

static void sync(void *ctx, unsigned n)
{
    struct vmm *v = ctx;
    if (!in_guest(v) || v->running->number != n)
        return;
    if (v->hart->virt)
        nested_show(v->running);
    else
        world_save(machine_hart(v->running->machine, 0), v->hart);
}

static uint64_t insns(void *ctx)
{
    return vmm_insns(ctx);
}

static bool ended(void *ctx, unsigned n)
{
    struct vmm *v = ctx;
    bool all = true;
    for (unsigned i = 0; i < v->nvms; i++)
        all &= v->vm[i]->ended || v->failed_check;
    struct vm *vm = debug_vmm_find(v, n);
    return vm ? vm->ended : all;
}

void debug_vmm_runner(struct debug_runner *r, struct vmm *v)
{
    *r = (struct debug_runner){.ctx = v,
                               .nvms = v->nvms,
                               .machine = machine_of,
                               .run = run,
                               .step = step,
                               .stop = stop,
                               .pause = pause_vm,
                               .listen = listen,
                               .sync = sync,
                               .insns = insns,
                               .ended = ended};
}

/* ---- Consoles ---- */

bool debug_vmm_hold_consoles(struct vmm *v)
{
    bool whole = !v->consoles || consoles_hold(v->consoles);
    for (unsigned i = 0; i < v->nvms; i++)
        whole &= machine_hold_console(v->vm[i]->machine);
    return whole;
}

void debug_vmm_release_consoles(struct vmm *v)
{
    if (v->consoles)
        consoles_release(v->consoles);
    for (unsigned i = 0; i < v->nvms; i++)
        machine_release_console(v->vm[i]->machine);
}
