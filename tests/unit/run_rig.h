/* SPDX-License-Identifier: MIT */
/* A hart with RAM and an assembler that knows no more than insn.def, for tests of the run loop. */
#ifndef VITRINE_TESTS_RUN_RIG_H
#define VITRINE_TESTS_RUN_RIG_H

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "cpu/csr.h"
#include "cpu/csr_bits.h"
#include "cpu/decode.h"
#include "cpu/isa.h"
#include "cpu/op.h"
#include "cpu/trap.h"

#define RAM      UINT64_C(0x80000000)
#define RAM_SIZE UINT64_C(0x40000)

/* CSR numbers */
enum {
    C_FFLAGS = 0x001,
    C_FRM = 0x002,
    C_FCSR = 0x003,
    C_SSTATUS = 0x100,
    C_SATP = 0x180,
    C_MSTATUS = 0x300,
    C_MEDELEG = 0x302,
    C_MIE = 0x304,
    C_MTVEC = 0x305,
    C_MCOUNTEREN = 0x306,
    C_MENVCFG = 0x30a,
    C_MSCRATCH = 0x340,
    C_MEPC = 0x341,
    C_MCAUSE = 0x342,
    C_MTVAL = 0x343,
    C_MIP = 0x344,
    C_MTINST = 0x34a,
    C_CYCLE = 0xc00,
    C_INSTRET = 0xc02
};

/* The low bits of a page-table entry; csr_bits.h and mmu/pte.h cannot both be included. */
enum { P_V = 1, P_R = 2, P_W = 4, P_X = 8, P_U = 16, P_G = 32, P_A = 64, P_D = 128, P_RWX = 14, P_AD = 192 };

struct machine {
    struct isa isa;
    struct bus *bus;
    struct mem_region *ram;
    struct code_cache *code;
    struct hart *h;
    struct hart_env env;
    uint64_t at; /* where emit() puts the next instruction */
};

static inline uint64_t machine_time(void *ctx)
{
    (void)ctx;
    return 12345;
}

static inline void machine_timer_changed(void *ctx, struct hart *h)
{
    (void)ctx, (void)h;
}

static inline struct machine *machine_make(const char *cpu)
{
    struct machine *m = calloc(1, sizeof *m);
    struct err e;
    ck_assert_ptr_nonnull(m);
    ck_assert_int_eq(isa_parse(&m->isa, cpu, &e), 0);
    m->bus = bus_new();
    m->ram = bus_add_memory(m->bus, "ram", RAM, RAM_SIZE, false, &e);
    ck_assert_ptr_nonnull(m->ram);
    m->code = code_cache_new(m->bus, &m->isa);
    m->env = (struct hart_env){.time = machine_time, .timer_changed = machine_timer_changed};
    m->h = hart_new(0, &m->isa, m->bus, m->code, &m->env);
    ck_assert_ptr_nonnull(m->h);
    /* All memory open to S and U: pmp entry 0 is NAPOT over everything. */
    ck_assert(csr_poke(m->h, 0x3b0, UINT64_MAX >> 10) && csr_poke(m->h, 0x3a0, 0x1f));
    m->at = m->h->pc = RAM;
    return m;
}

static inline void machine_unmake(struct machine *m)
{
    hart_free(m->h);
    code_cache_free(m->code);
    bus_free(m->bus);
    free(m);
}

static inline void put(struct machine *m, uint64_t pa, uint64_t val, unsigned size)
{
    ck_assert(bus_dma_write(m->bus, pa, &val, size));
}

static inline uint64_t get(const struct machine *m, uint64_t pa, unsigned size)
{
    uint64_t v = 0;
    memcpy(&v, m->ram->host + (pa - RAM), size);
    return v;
}

static inline void set_csr(struct machine *m, unsigned num, uint64_t val)
{
    ck_assert_msg(csr_poke(m->h, num, val), "CSR %#x", num);
}

static inline uint64_t csr(struct machine *m, unsigned num)
{
    uint64_t v = 0;
    ck_assert_msg(csr_peek(m->h, num, &v), "CSR %#x", num);
    return v;
}

static inline void set_priv(struct machine *m, enum priv p)
{
    m->h->priv = p;
    hart_context_changed(m->h);
}

/* ---- instruction words ---- */
static inline uint32_t w_r(enum insn_id id, unsigned rd, unsigned rs1, unsigned rs2)
{
    return insn_rows[id].match | rd << 7 | rs1 << 15 | rs2 << 20;
}

static inline uint32_t w_i(enum insn_id id, unsigned rd, unsigned rs1, int32_t imm)
{
    return insn_rows[id].match | rd << 7 | rs1 << 15 | (uint32_t)imm << 20;
}

static inline uint32_t w_s(enum insn_id id, unsigned rs2, unsigned rs1, int32_t imm)
{
    return insn_rows[id].match | ((uint32_t)imm & 31) << 7 | rs1 << 15 | rs2 << 20 | ((uint32_t)imm >> 5 & 127) << 25;
}

static inline uint32_t w_b(enum insn_id id, unsigned rs1, unsigned rs2, int32_t imm)
{
    uint32_t u = (uint32_t)imm;
    return insn_rows[id].match | rs1 << 15 | rs2 << 20 | (u >> 11 & 1) << 7 | (u >> 1 & 15) << 8 | (u >> 5 & 63) << 25 |
           (u >> 12 & 1) << 31;
}

static inline uint32_t w_u(enum insn_id id, unsigned rd, uint32_t imm)
{
    return insn_rows[id].match | rd << 7 | (imm & 0xfffff000);
}

static inline uint32_t w_j(unsigned rd, int32_t imm)
{
    uint32_t u = (uint32_t)imm;
    return 0x6f | rd << 7 | (u & 0xff000) | (u >> 11 & 1) << 20 | (u >> 1 & 0x3ff) << 21 | (u >> 20 & 1) << 31;
}

static inline uint32_t w_csr(enum insn_id id, unsigned rd, unsigned num, unsigned rs1)
{
    return insn_rows[id].match | rd << 7 | rs1 << 15 | num << 20;
}

#define W_ADDI(rd, rs1, imm) w_i(INSN_addi, rd, rs1, imm)
#define W_NOP                W_ADDI(0, 0, 0)
#define W_ECALL              insn_rows[INSN_ecall].match

/* ---- emitting ---- */
static inline void emit(struct machine *m, uint32_t w)
{
    put(m, m->at, w, 4);
    m->at += 4;
}

static inline void emit_half(struct machine *m, uint32_t w)
{
    put(m, m->at, w, 2);
    m->at += 2;
}

/* rd = address, which lies within 2 GiB: two instructions. */
static inline void emit_la(struct machine *m, unsigned rd, uint64_t address)
{
    int32_t off = (int32_t)(address - m->at);
    uint32_t high = ((uint32_t)off + 0x800) & 0xfffff000;
    emit(m, w_u(INSN_auipc, rd, high));
    emit(m, W_ADDI(rd, rd, off - (int32_t)high));
}

/* Runs exactly n instructions. */
static inline void run_n(struct machine *m, uint64_t n)
{
    uint64_t before = hart_instret(m->h);
    struct exit e = hart_run(m->h, n);
    ck_assert_msg(e.reason == EXIT_BUDGET, "exit %d at %lx", e.reason, (unsigned long)m->h->pc);
    ck_assert_uint_eq(hart_instret(m->h) - before, n);
}

#endif
