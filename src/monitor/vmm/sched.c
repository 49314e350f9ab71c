/* SPDX-License-Identifier: MIT */
/* Which VM runs next and for how long: round robin. A VM's own time is the instructions that it has retired itself, so that neither its
 * neighbours nor the length of the slices change anything in it. */
#include "monitor/vmm/consoles.h"
#include "monitor/vmm/vmm_int.h"

#include <time.h>

enum { WAIT_MS = 5 }; /* between two looks at input when every VM waits for some */

static bool all_ended(const struct vmm *v)
{
    for (unsigned i = 0; i < v->nvms; i++)
        if (!v->vm[i]->ended)
            return false;
    return true;
}

/* The next VM in the round that may run, from vm[v->turn] on; NULL: all wait. */
static struct vm *next_vm(struct vmm *v)
{
    for (unsigned k = 0; k < v->nvms; k++) {
        struct vm *vm = v->vm[(v->turn + k) % v->nvms];
        if (!vm->ended && !vm->waits)
            return vm;
    }
    return NULL;
}

static void give_turn(struct vmm *v, struct vm *vm)
{
    unsigned from = v->current;
    v->turn_left = v->nvms > 1 ? v->config.slice : UINT64_MAX;
    v->turn = vm->number - 1;
    v->current = vm->number;
    vm->stats.turns++;
    struct event *e = from != vm->number ? vm_event(vm, EV_VM_TURN) : NULL;
    if (!e)
        return;
    e->a[0] = from;
    e->a[1] = vm->number;
    vm_tell(vm, e);
}

static void tell_end(struct vm *vm)
{
    struct vmm *v = vm->vmm;
    if (v->consoles)
        consoles_end_line(v->consoles);
    if (v->config.on_end)
        v->config.on_end(v->config.on_end_ctx, vm);
    if (v->consoles)
        consoles_ended(v->consoles, vm->number);
}

static void end_vm(struct vm *vm, const struct machine_result *r)
{
    vm->ended = true;
    vm->result = *r;
    vm_check_end(vm);
    tell_end(vm);
    struct event *e = vm_event(vm, EV_VM_END);
    if (!e)
        return;
    e->text = r->end == MACHINE_GUEST   ? "by itself"
              : r->end == MACHINE_RESET ? "by a reset"
              : r->end == MACHINE_STUCK ? "stuck"
                                        : "by an error";
    e->a[0] = r->end;
    e->a[1] = (uint64_t)vm_status(vm);
    vm_tell(vm, e);
}

static void wake_all(struct vmm *v)
{
    for (unsigned i = 0; i < v->nvms; i++)
        v->vm[i]->waits = false;
}

/* Everybody waits for the host: look again in a moment. */
static void wait_for_host(struct vmm *v)
{
    struct timespec t = {.tv_nsec = WAIT_MS * 1000000};
    if (v->consoles)
        consoles_poll(v->consoles, WAIT_MS);
    else
        nanosleep(&t, NULL);
    wake_all(v);
}

/* What is told of the real hart is told for vm; NULL: for nobody. */
static void work_for(struct vmm *v, struct vm *vm)
{
    if (vm)
        vm_follow_events(vm);
    __atomic_store_n(&v->running, vm, __ATOMIC_SEQ_CST);
    v->events->vm = vm ? (uint8_t)vm->number : 0;
}

/* Runs vm for at most n instructions. Returns how many it retired. */
static uint64_t run_vm(struct vmm *v, struct vm *vm, uint64_t n, struct machine_result *r)
{
    uint64_t before = machine_stats(vm->machine)->insns;
    work_for(v, vm);
    if (__atomic_load_n(&v->stop, __ATOMIC_SEQ_CST)) /* who wished so before it could see what runs */
        machine_stop(vm->machine);
    machine_run(vm->machine, n, r);
    work_for(v, NULL);
    uint64_t done = machine_stats(vm->machine)->insns - before;
    if (done) /* time for the others to look for input again */
        wake_all(v);
    vm->waits = machine_waits(vm->machine);
    return done;
}

/* Is this an end for the VM alone? */
static bool ends_vm(enum machine_end end)
{
    switch (end) {
    case MACHINE_GUEST:
    case MACHINE_STUCK:
    case MACHINE_RESET:
    case MACHINE_TRAP:
    case MACHINE_ERROR: return true;
    case MACHINE_BUDGET:
    case MACHINE_STOP:
    case MACHINE_PAUSE:
    case MACHINE_BREAK:
    case MACHINE_MONITOR: break;
    }
    return false;
}

static void run_turns(struct vmm *v, uint64_t max_insns, struct vmm_result *r)
{
    uint64_t left = max_insns;
    *r = (struct vmm_result){.end = MACHINE_BUDGET};
    for (unsigned i = 0; i < v->nvms; i++)
        machine_set_yielding(v->vm[i]->machine, v->nvms > 1 || v->config.yields);
    if (v->config.yields)
        wake_all(v);
    while (left && !v->failed_check) {
        if (__atomic_exchange_n(&v->stop, 0, __ATOMIC_RELAXED)) {
            r->end = MACHINE_STOP;
            return;
        }
        if (v->monitor_wanted) {
            v->monitor_wanted = false;
            r->end = MACHINE_MONITOR;
            r->vm = consoles_keys_to(v->consoles);
            return;
        }
        if (all_ended(v)) {
            r->end = MACHINE_GUEST;
            return;
        }
        struct vm *vm = next_vm(v);
        if (!vm && v->config.yields)
            return;
        if (!vm) {
            wait_for_host(v);
            continue;
        }
        if (vm != v->vm[v->turn] || !v->turn_left) {
            if (v->consoles)
                consoles_poll(v->consoles, 0);
            give_turn(v, vm);
        }
        uint64_t n = min_u64(v->turn_left, left), done = run_vm(v, vm, n, &r->machine);
        v->turn_left -= v->turn_left == UINT64_MAX ? 0 : done;
        left -= left == UINT64_MAX ? 0 : done;
        if (v->failed_check)
            break;
        if (ends_vm(r->machine.end)) {
            end_vm(vm, &r->machine);
        } else if (r->machine.end != MACHINE_BUDGET) {
            r->end = r->machine.end;
            r->vm = vm->number;
            return;
        }
        if (!v->turn_left || vm->ended || done < n) { /* a guest that waits (wfi) yields the rest of its turn */
            v->turn_left = 0;
            v->turn = (v->turn + 1) % v->nvms;
        }
    }
}

void vmm_stop_taken(struct vmm *v)
{
    __atomic_store_n(&v->stop, 0, __ATOMIC_SEQ_CST);
    for (unsigned i = 0; i < v->nvms; i++)
        machine_stop_taken(v->vm[i]->machine);
}

void vmm_run(struct vmm *v, uint64_t max_insns, struct vmm_result *r)
{
    run_turns(v, max_insns, r);
    if (r->end == MACHINE_STOP)
        vmm_stop_taken(v);
    if (v->consoles && (r->end == MACHINE_STOP || r->end == MACHINE_GUEST))
        consoles_end_line(v->consoles);
    else if (v->consoles)
        consoles_flush(v->consoles);
    for (unsigned i = 0; r->end == MACHINE_BUDGET && !v->config.yields && i < v->nvms; i++)
        if (!v->vm[i]->ended)
            vm_check_end(v->vm[i]);
    if (v->failed_check)
        r->end = MACHINE_ERROR;
}

void vmm_step(struct vmm *v, struct vm *vm, uint64_t steps, struct machine_result *r)
{
    work_for(v, vm);
    machine_step(vm->machine, 0, steps, r);
    work_for(v, NULL);
    if (ends_vm(r->end))
        end_vm(vm, r);
}

void vmm_stop(struct vmm *v)
{
    __atomic_store_n(&v->stop, 1, __ATOMIC_SEQ_CST);
    struct vm *vm = __atomic_load_n(&v->running, __ATOMIC_SEQ_CST);
    if (vm)
        machine_stop(vm->machine);
    __atomic_fetch_or(&v->hart->kick, KICK_EVENT, __ATOMIC_RELAXED);
}
