/* SPDX-License-Identifier: MIT */
/* The functions that the rows of technique.def name: each is declared because a row names it, so one that no row names does not build. */
#ifndef VITRINE_TECHNIQUE_H
#define VITRINE_TECHNIQUE_H

#include "monitor/vmm/vmm.h"

#define TECHNIQUE(name, help, attach, detach, run, flagged) struct exit run(struct vm *vm, struct hart *vh, uint64_t n);
#include "monitor/vmm/technique.def"
#undef TECHNIQUE

#endif
