/* SPDX-License-Identifier: MIT */
#include "machine_look.h"

#include "machine_int.h"

enum look_state machine_look_state(const struct machine *m, unsigned n, struct trap *stuck)
{
    switch (m->state[n]) {
    case HART_RUNS: break;
    case HART_WAITS: return LOOK_WAITS;
    case HART_STUCK:
        if (stuck)
            *stuck = m->stuck[n];
        return LOOK_STUCK;
    case HART_STOPPED: return LOOK_STOPPED;
    }
    return LOOK_RUNS;
}

bool machine_look_sbi(const struct machine *m)
{
    return m->boot == BOOT_SBI;
}

uint64_t machine_look_sbi_timer(const struct machine *m, unsigned n)
{
    return m->boot == BOOT_SBI ? m->sbi.timer[n] : DEV_NO_DEADLINE;
}

uint64_t machine_look_device(const struct machine *m, const char **name)
{
    uint64_t first = DEV_NO_DEADLINE;
    *name = NULL;
    for (unsigned i = 0; i < m->ndev; i++) {
        const struct dev_class *c = m->dev[i].cls;
        uint64_t at = c->deadline ? c->deadline(m->dev[i].dev) : DEV_NO_DEADLINE;
        if (at < first) {
            first = at;
            *name = c->name;
        }
    }
    return first;
}

bool machine_look_input(const struct machine *m)
{
    return io_can_progress(m->io);
}
