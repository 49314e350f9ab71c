/* SPDX-License-Identifier: MIT */
#ifndef HOSTILE_H
#define HOSTILE_H

#include "dt.h"
#include "riscv.h"
#include "sbi.h"
#include "text.h"

extern struct board board;
extern bool astray;

void print(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* How an attack that comes to its end ends: the machine goes off with status 0, or 1. */
_Noreturn void survived(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
_Noreturn void failed(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* start.S. Calls f(arg) with traps caught: TRY_OK, or scause of the trap that it made (an interrupt too); stval in try_tval. */
#define TRY_OK UINT64_C(0x7fffffffffffffff)
uint64_t try(uint64_t (*f)(uint64_t arg), uint64_t arg);
extern volatile uint64_t try_tval, try_value; /* try_value: what f gave */
uint64_t load_at(uint64_t va);
uint64_t store_at(uint64_t va); /* a zero */
uint64_t run_at(uint64_t va);   /* jumps there; code there may `ret` */
extern char trap_entry[], image_end[];

/* tables.c. Sv39 with all of the lower 8 GiB where it is, in pages of 1 GiB; root: the table. */
extern pte_t root[512];
void paging_on(void);
void load_satp(uint64_t root_pa);
/* 4 KiB page tables to use, zeroed; they stay below the image's end. */
pte_t *table_new(void);

/* The attacks, each with its name in main.c. */
void attack_wipe(void);
void attack_satp_nothing(void);
void attack_satp_mmio(void);
void attack_satp_last(void);
void attack_satp_end(void);
void attack_self(void);
void attack_recursive(void);
void attack_shadows(void);
void attack_roots(void);
void attack_nofence(void);
void attack_spin(void);
void attack_exits(void);
void attack_csrs(void);
void attack_jump(void);
void attack_garbage(void);
void attack_stvec(void);
void attack_smc(void);
void attack_timer(void);
void attack_wfi(void);
void attack_memory(void);
void attack_dma(void);
void attack_ipi(void);
void attack_firmware(void);

#endif
