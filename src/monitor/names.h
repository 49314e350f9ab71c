/* SPDX-License-Identifier: MIT */
/* Numbers of the specifications as the words that people read: traces, the debugger, reports. Constant strings, never NULL. */
#ifndef VITRINE_NAMES_H
#define VITRINE_NAMES_H

#include "base/event.h"
#include "cpu/regs.h"
#include "mmu/mmu.h"

/* As in mcause, bit 63 for interrupts: "load page fault", "S timer"; "reserved cause". Priv. 3.1.15, 18.6.1 */
const char *name_cause(uint64_t cause);
/* The cause that a word names, as in mcause: name_cause()'s words, with - or _ for spaces too; or a name of irq_short (STI). False: none. */
MUST_USE bool name_cause_find(const char *word, uint64_t *cause);
/* A bit of mip: "S timer"; and "STI", as the specification composes STIP, STIE of. "?" where there is none. */
const char *name_irq(unsigned bit);
const char *name_irq_short(unsigned bit);
/* U, S, M, VU, VS: a privilege with V, and EVENT_MODE() of them. "?" for what is none. */
const char *name_priv(enum priv priv, bool virt);
const char *name_mode(uint8_t event_mode);
/* The event mode that a name of these means, HS for S too, case as it comes. False: none. */
MUST_USE bool name_mode_find(const char *word, uint8_t *event_mode);
/* enum pte_verdict: a word or two ("leaf", "no write permission"), and the whole of it in a sentence's part. */
const char *name_verdict(enum pte_verdict v);
const char *name_verdict_why(enum pte_verdict v);
/* enum mmu_access: "read", "write", "execute". */
const char *name_access(unsigned access);
/* enum event_flush: the instruction that asks for it. */
const char *name_flush(unsigned flush);
/* An SBI extension's number: "TIME"; "?" for one that is not known. SBI 2.0, and the legacy calls. */
const char *name_sbi_ext(uint64_t eid);
/* A function of it: "hart_start"; "?" likewise. */
const char *name_sbi_function(uint64_t eid, uint64_t fid);
/* SBI 2.0, chapter 3: 0 "success", -1 "failed", ... */
const char *name_sbi_error(int64_t error);

#endif
