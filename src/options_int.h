/* SPDX-License-Identifier: MIT */
/* What the files of the command line share: options.c (the table), options_board.c (the machine and its time), options_devices.c (drives,
 * devices and what they lead to), options_watch.c (who looks on, and for how long). */
#ifndef VITRINE_OPTIONS_INT_H
#define VITRINE_OPTIONS_INT_H

#include "options.h"

/* An option with more than a word to say. opt: as the user wrote it, for messages; arg: a copy that lives as long as the options and may be cut up. */
typedef int option_handler(struct options *o, const char *opt, char *arg, struct err *e);

option_handler option_machine, option_cpu, option_smp, option_memory, option_global, option_icount, option_rtc,
    option_seed, option_quantum, option_insns_per_tick, option_object, option_accel, option_display, option_action,
    option_semihosting;
option_handler option_drive, option_blockdev, option_pflash, option_hd, option_device, option_netdev, option_chardev,
    option_nic, option_net, option_serial, option_monitor, option_mon;
option_handler option_log, option_max_insns, option_trace, option_trace_format, option_gdb, option_s, option_vm,
    option_slice;

/* What can be said only when all options are known: which drives a device names, who has standard input and output. 0 or -EINVAL. */
MUST_USE int option_settle_devices(struct options *o, struct err *e);

/* A copy that lives as long as the options; NULL when out of memory. */
char *option_keep(struct options *o, const char *s);
/* For people: said before the machine starts. text is not copied. */
void option_note(struct options *o, const char *text);
/* Ends with options_help(what). 0. */
int option_ask_help(struct options *o, const char *what);
/* Is word one of names, as in "cache|aio|discard"? */
bool option_is(const char *word, const char *names);
/* on, true, yes or nothing; off, false or no. */
MUST_USE int option_onoff(const char *opt, const char *key, const char *value, bool *out, struct err *e);
MUST_USE int option_number(const char *opt, const char *arg, uint64_t min, uint64_t *to, struct err *e);

#endif
