/* SPDX-License-Identifier: MIT */
/*
 * Where the time goes: every PROFILE_STEP instructions the hart whose turn it is is looked at, and its stack. By instructions and not by
 * the host's clock, so the same run gives the same profile.
 */
#ifndef VITRINE_PROFILE_H
#define VITRINE_PROFILE_H

#include "base/err.h"
#include "machine.h"

#include <stdio.h>

/* Odd, and no multiple of what loops and timers like to be. */
enum { PROFILE_STEP = 50021 };

struct profile;

struct profile *profile_open(struct machine *m); /* NULL: out of memory */
void profile_close(struct profile *p);           /* NULL is fine */
/* To be called after each PROFILE_STEP instructions, between runs. */
void profile_sample(struct profile *p);
/* The functions with the most samples, at most `rows`: of their own, and with those that they called. */
void profile_print(const struct profile *p, FILE *f, unsigned rows);
/* A line for each stack that was seen, "S;main;work 12": outermost first, then the instructions' count, as flame graphs want it. */
void profile_write_folded(const struct profile *p, FILE *f);

/* For tests: one sample of n program counters, innermost first. False: out of memory. */
MUST_USE bool profile_add(struct profile *p, const char *mode, const uint64_t *pc, unsigned n);
/* For tests: without a machine. */
struct profile *profile_of_symbols(const struct symbols *s);

#endif
