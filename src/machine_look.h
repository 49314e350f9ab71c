/* SPDX-License-Identifier: MIT */
/* What stands still in a machine and why, for those who explain it: between runs, and without changing anything. */
#ifndef VITRINE_MACHINE_LOOK_H
#define VITRINE_MACHINE_LOOK_H

#include "machine.h"

enum look_state {
    LOOK_RUNS,
    LOOK_WAITS,  /* in WFI */
    LOOK_STUCK,  /* traps into its own trap handler for ever */
    LOOK_STOPPED /* by SBI's hart_stop, or not started yet */
};

/* What hart n does. stuck (may be NULL): the trap that a stuck one takes for ever. */
enum look_state machine_look_state(const struct machine *m, unsigned n, struct trap *stuck);
/* Whether the built-in firmware stands in for M mode. */
bool machine_look_sbi(const struct machine *m);
/* The tick at which the firmware's timer for hart n fires (set_timer without Sstc); UINT64_MAX: not set. */
uint64_t machine_look_sbi_timer(const struct machine *m, unsigned n);
/* The earliest tick at which a device (the CLINT's mtimecmp is one's) is due, and its name; UINT64_MAX: none is. */
uint64_t machine_look_device(const struct machine *m, const char **name);
/* Whether the host's input (a terminal, a socket, ...) can still come and wake somebody. */
bool machine_look_input(const struct machine *m);

#endif
