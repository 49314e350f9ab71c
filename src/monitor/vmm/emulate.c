/* SPDX-License-Identifier: MIT */
/* The lecture's first attempt, and the oracle of the others: the virtual hart runs, the real one does nothing. */
#include "monitor/vmm/technique.h"

struct exit emulate_run(struct vm *vm, struct hart *vh, uint64_t n)
{
    uint64_t before = vh->turn_retired;
    vm_check_now(vm, vh);
    struct exit x = hart_run(vh, n);
    vm->stats.interpreted += vh->turn_retired - before;
    return x;
}
