/* SPDX-License-Identifier: MIT */
/*
 * One terminal for several guests: what each prints stands behind its number, and what is typed goes to one of them. Ctrl-A and a digit
 * chooses which, Ctrl-A n the next.
 *
 *   [1] login: root
 *   [2] Hello from a RISC-V machine behind glass.
 */
#ifndef VITRINE_CONSOLES_H
#define VITRINE_CONSOLES_H

#include "dev/chardev.h"
#include "monitor/vmm/vmm.h"

struct vm_consoles;

/* spec: the terminal, as in chardev_open(). escaped: called for Ctrl-A x and Ctrl-A c. NULL with e set. */
MUST_USE struct vm_consoles *consoles_new(const char *spec, void (*escaped)(void *ctx, enum chardev_escape what),
                                          void *ctx, struct err *e);
/* After the machines whose ports lead here are gone. NULL is fine. */
void consoles_free(struct vm_consoles *c);

/* The port of VM number n; machine_options.make_serial's contract, ctx as consoles_port_of() gives it. */
struct chardev *consoles_open(void *port, struct io_loop *loop, struct err *e);
void *consoles_port_of(struct vm_consoles *c, unsigned n);
/* The VM's machine is about to be freed, and its end of the port with it. */
void consoles_close(struct vm_consoles *c, unsigned n);

/* Who gets what is typed. */
unsigned consoles_keys_to(const struct vm_consoles *c);
/* Somebody else is about to print to the terminal: an unfinished line ends. */
void consoles_end_line(struct vm_consoles *c);
/* VM number n has ended: whoever types at it types at the next one. */
void consoles_ended(struct vm_consoles *c, unsigned n);

/* Looks for keys, waiting up to timeout_ms for them. True: some came. */
bool consoles_poll(struct vm_consoles *c, int timeout_ms);
void consoles_flush(struct vm_consoles *c);
/* For a debugger that shares the terminal: see machine_hold_console(). */
bool consoles_hold(struct vm_consoles *c);
void consoles_release(struct vm_consoles *c);

#endif
