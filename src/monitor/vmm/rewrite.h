/* SPDX-License-Identifier: MIT */
/*
 * Binary translation, as little of it as does the work: what `translate` adds to `trap`. Instructions that are sensitive (they tell, or change, what
 * only the VMM may know) but do not trap in U are found when their page is first executed, and rewritten to breakpoints, which trap, in a copy of
 * the page. The copy is for fetching alone: the guest that reads its code sees its own bytes, and one that writes it has it looked through anew.
 *
 * Where an instruction begins is not known for sure, since they are of 2 or 4 bytes. So every place is rewritten where a sensitive one could begin,
 * and every place before it where one could begin that reaches into it, and so on: whatever turns out to begin there traps, and the virtual
 * hart does the guest's own instruction. What is rewritten in vain costs time and changes nothing.
 */
#ifndef VITRINE_REWRITE_H
#define VITRINE_REWRITE_H

#include "monitor/vmm/shadow.h"

struct rewriter;

/* NULL with e set. s must outlive its use. */
MUST_USE struct rewriter *rewriter_new(struct vm *vm, struct shadow *s, struct err *e);
/* Gives all copies back: each page is looked through again at its next execution. */
void rewriter_clear(struct rewriter *r);
void rewriter_free(struct rewriter *r); /* NULL is fine */
/* The frame that fetches of the guest's page at gpa must see; UINT64_MAX: the page itself, it holds nothing to rewrite; 0: no
 * memory or frame is left. */
uint64_t rewriter_code(struct rewriter *r, uint64_t gpa);

#endif
