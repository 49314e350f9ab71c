/* SPDX-License-Identifier: MIT */
/* The serial port's driver and the line editor, the same source in both kernels. What is typed waits unread in a ring; echo and
 * editing happen when somebody reads, so typing ahead never mixes with what a program prints. */
#ifndef GUEST_CONSOLE_H
#define GUEST_CONSOLE_H

#include <stdbool.h>
#include <stdint.h>

#define CONSOLE_RING 1024u
#define CONSOLE_LINE 128u

struct console {
    volatile uint8_t *reg; /* NS16550A */
    char ring[CONSOLE_RING];
    unsigned head, tail; /* free running */
    char line[CONSOLE_LINE];
    unsigned length; /* of the line */
    unsigned taken;  /* of it, by readers */
    bool complete;
};

void console_start(struct console *c);
void console_put(struct console *c, char ch); /* a \n becomes \r\n */
/* Takes what the port has received; to be called on its interrupt. */
void console_interrupt(struct console *c);
/* Up to n characters of a line, -1: no complete line yet, wait for an interrupt; 0: control-D on an empty line. */
int64_t console_take(struct console *c, char *to, uint64_t n);

#endif
