/* SPDX-License-Identifier: MIT */
/* Pieces of the reports of --check and --check-shadow. All append to a text in buf, of size bytes, and cut it where it is full. */
#ifndef VITRINE_VMM_REPORT_H
#define VITRINE_VMM_REPORT_H

#include "monitor/vmm/vmm.h"

void report_add(char *buf, size_t size, const char *fmt, ...) PRINTF_LIKE(3, 4);
/* The bytes of the instruction at pc as the guest stands; 0: there is none. No side effects. */
uint32_t report_fetch(const struct vm *vm, uint64_t pc);
/* "0x8020_0088 <kernel_uk+0x24>: csrr a0, uk (0xcc002573)" */
void report_insn(const struct vm *vm, char *buf, size_t size, uint64_t pc, uint32_t raw);
/* The last events, a line each. stepped: the guest runs an instruction at a time; what only that makes is left out. */
void report_events(const struct vm *vm, char *buf, size_t size, bool stepped);

/* ---- --check-shadow: who wrote the guest's page tables ---- */

struct write_log;
/* NULL: out of memory. */
MUST_USE struct write_log *write_log_new(void);
void write_log_free(struct write_log *l);
/* [gpa, gpa + len) of a page table of the guest's is being written: by a walk that sets A or D, or by what runs now. Nothing without a log. */
void write_log_note(struct vm *vm, uint64_t gpa, uint64_t len, bool by_walk);
/* Who wrote the entry at gpa last, and when. since: instructions after which the page was known to be a table. */
void report_writer(const struct vm *vm, char *buf, size_t size, uint64_t gpa, uint64_t since);

#endif
