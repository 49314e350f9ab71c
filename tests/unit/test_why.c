/* SPDX-License-Identifier: MIT */
/* `why`: situations made on a board, one instruction at a time, and what is said of them. */
#include "monitor/debug/why.h"

#include "cpu/csr.h"
#include "cpu/csr_bits.h"
#include "cpu/decode.h"
#include "cpu/isa.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

Suite *why_suite(void);

#define CODE  UINT64_C(0x80000000) /* what runs */
#define TRAPS UINT64_C(0x80001000) /* handlers: nothing there is executed */
#define ROOT  UINT64_C(0x80010000) /* page tables from here on */
enum { TVEC_S = 0x100, TVEC_M = 0x200, TVEC_VS = 0x300 };
enum {
    STVEC = 0x105,
    SATP = 0x180,
    SSTATUS = 0x100,
    MSTATUS = 0x300,
    MEDELEG = 0x302,
    MIDELEG = 0x303,
    MIE = 0x304,
    MTVEC = 0x305,
    MCOUNTEREN = 0x306,
    MENVCFG = 0x30a,
    STIMECMP = 0x14d,
    HSTATUS = 0x600,
    HEDELEG = 0x602,
    HGATP = 0x680,
    VSTVEC = 0x205,
    VSATP = 0x280,
    CYCLE = 0xc00,
    FCSR = 3
};
enum { X_R = 2, X_W = 4, X_X = 8, X_U = 16, X_AD = 192 };

struct board {
    struct machine *m;
    struct hart *h;
    struct out_text t;
    uint64_t next; /* free page for tables */
};

static struct board *board_new(const char *cpu, unsigned harts)
{
    struct board *b = calloc(1, sizeof *b);
    struct machine_options o;
    struct err e;
    machine_options_default(&o);
    ck_assert_int_eq(isa_parse(&o.isa, cpu, &e), 0);
    o.bare = o.quiet = true;
    o.bios = "none";
    o.serial = "null";
    o.ram_size = 16 << 20;
    o.harts = harts;
    b->m = machine_new(&o, &e);
    ck_assert_msg(b->m, "%s", e.text);
    b->h = machine_hart(b->m, 0);
    b->next = ROOT;
    b->h->pc = CODE;
    out_text_init(&b->t);
    struct hart *h = b->h;
    ck_assert(csr_poke(h, 0x3b0, UINT64_MAX >> 10) && csr_poke(h, 0x3a0, 0x1f)); /* memory is open to all */
    ck_assert(csr_poke(h, MTVEC, TRAPS + TVEC_M));
    if (h->isa.s)
        ck_assert(csr_poke(h, STVEC, TRAPS + TVEC_S));
    if (h->isa.h)
        ck_assert(csr_poke(h, VSTVEC, TRAPS + TVEC_VS));
    return b;
}

static void board_free(struct board *b)
{
    out_text_free(&b->t);
    machine_free(b->m);
    free(b);
}

static void poke(struct board *b, unsigned csr, uint64_t v)
{
    ck_assert_msg(csr_poke(b->h, csr, v), "CSR %#x", csr);
}

static void put(struct board *b, uint64_t pa, uint64_t v, unsigned size)
{
    ck_assert(bus_dma_write(machine_bus(b->m), pa, &v, size));
}

static void mode(struct board *b, enum priv priv, bool virt)
{
    b->h->priv = priv;
    b->h->virt = virt;
    hart_flush_all(b->h);
    hart_context_changed(b->h);
}

static uint32_t insn(enum insn_id id, unsigned rd, unsigned rs1, unsigned upper)
{
    return insn_rows[id].match | rd << 7 | rs1 << 15 | upper << 20;
}

/* sd rs2, 0(rs1) */
static uint32_t sd(unsigned rs2, unsigned rs1)
{
    return insn_rows[INSN_sd].match | rs1 << 15 | rs2 << 20;
}

/* Executes one instruction, which is to end in a trap, or n steps. */
static void run(struct board *b, uint32_t word, unsigned steps)
{
    struct machine_result r;
    put(b, CODE, word, 4);
    machine_step(b->m, 0, steps, &r);
}

static const char *why(struct board *b)
{
    out_text_free(&b->t);
    why_print(&b->t.out, b->m, b->h, NULL);
    /* One line, so that what is looked for may be broken anywhere. */
    for (char *s = b->t.text; *s; s++)
        if (*s == '\n' && s[1])
            *s = ' ';
    return b->t.text;
}

#define SAYS(b, what)                                                                                                  \
    do {                                                                                                               \
        const char *said = why(b);                                                                                     \
        ck_assert_msg(strstr(said, what), "%s\nis not in: %s", what, said);                                            \
    } while (0)

#define SILENT(b, what)                                                                                                \
    do {                                                                                                               \
        const char *said = why(b);                                                                                     \
        ck_assert_msg(!strstr(said, what), "%s\nis in: %s", what, said);                                               \
    } while (0)

/* ---- page tables: 4 KiB pages of Sv39 ---- */

static uint64_t page(struct board *b, unsigned n)
{
    uint64_t size = n * UINT64_C(0x1000), pa = (b->next + size - 1) / size * size;
    b->next = pa + size;
    return pa;
}

static void map(struct board *b, uint64_t root, uint64_t va, uint64_t pa, uint64_t flags)
{
    uint64_t table = root, at, pte;
    for (unsigned level = 2; level; level--) {
        at = table + (va >> (12 + 9 * level) & (level == 2 ? 2047 : 511)) * 8;
        ck_assert(bus_dma_read(machine_bus(b->m), at, &pte, 8));
        if (!pte)
            put(b, at, pte = page(b, 1) >> 2 | 1, 8);
        table = pte >> 10 << 12;
    }
    put(b, table + (va >> 12 & 511) * 8, pa >> 2 | 1 | flags, 8);
}

/* S mode with satp: the code is mapped to itself, for U if user. */
static uint64_t translate(struct board *b, bool user)
{
    uint64_t root = page(b, 1);
    map(b, root, CODE, CODE, X_R | X_W | X_X | X_AD | (user ? X_U : 0));
    poke(b, SATP, UINT64_C(8) << 60 | root >> 12);
    mode(b, user ? PRIV_U : PRIV_S, false);
    return root;
}

/* ---- faults ---- */

#define CSRW_FROM(num, reg) insn(INSN_csrrw, 0, reg, num)

/* One instruction where the hart stands, untranslated there. */
static void machine_step_over(struct board *b, uint32_t word)
{
    struct machine_result r;
    put(b, TRAPS + TVEC_S, word, 4);
    mode(b, PRIV_S, false);
    machine_step(b->m, 0, 1, &r);
}

START_TEST(page_faults)
{
    struct board *b = board_new("rv64", 1);
    uint64_t root = translate(b, false);
    machine_events(b->m)->recorded |= BIT(EV_PTE);
    event_hub_update(machine_events(b->m));
    poke(b, MEDELEG, 0xffff);
    map(b, root, 0x5000, 0x80005000, X_R | X_AD);
    map(b, root, TRAPS, TRAPS, X_R | X_W | X_X | X_AD);
    b->h->x[10] = 0x4008;
    run(b, sd(11, 10), 1);
    SAYS(b, "Hart 0: store page fault in S mode, just now");
    SAYS(b, "In S mode the instruction at 0x8000_0000, `sd`, was to store 8 bytes at 0x4008.");
    SAYS(b, "by satp: Sv39, ASID 0, root table at 0x8001_0000.");
    SAYS(b, "level 2 entry at 0x8001_0000: ");
    SAYS(b, "The entry of level 0 denies it: V=0: ");
    SAYS(b, "Control went to S mode, because bit 15 of medeleg is 1, at 0x8000_1100 (stvec), with sepc = 0x8000_0000, "
            "scause = 15, stval = 0x4008.");

    /* The handler goes on with tables of its own: those of the trap are still the ones that count. */
    const uint64_t satp = b->h->csr.satp;
    b->h->x[12] = 0;
    machine_step_over(b, CSRW_FROM(SATP, 12));
    ck_assert_uint_eq(b->h->csr.satp, 0);
    SAYS(b, "store page fault in S mode, 1 instruction ago");
    SAYS(b, "by satp: Sv39, ASID 0, root table at 0x8001_0000.");
    poke(b, SATP, satp);

    /* The handler maps the page: then it is not as it was. */
    map(b, root, 0x4000, 0x80004000, X_R | X_W | X_AD);
    SAYS(b, "The same access now would succeed: the tables, or the bits that decide, have changed since.");
    SAYS(b, "level 0 entry at 0x8001_4020: 0000000000000000 . . . . . . . . (invalid)");

    b->h->pc = CODE;
    b->h->x[10] = 0x5000;
    mode(b, PRIV_S, false);
    run(b, sd(11, 10), 1);
    SAYS(b, "The entry of level 0 denies it: W=0: the page must not be written [Priv. \"Virtual Address Translation "
            "Process\", step 8].");

    /* Not delegated. */
    poke(b, MEDELEG, 0);
    b->h->pc = 0x7000;
    mode(b, PRIV_S, false);
    run(b, 0, 1);
    SAYS(b, "In S mode the hart was to fetch the instruction at 0x7000.");
    SAYS(b, "Control went to M mode, because bit 12 of medeleg is 0, at 0x8000_1200 (mtvec), with mepc = 0x7000, "
            "mcause = 12, mtval = 0x7000.");
    board_free(b);
}
END_TEST

START_TEST(user_and_supervisor)
{
    struct board *b = board_new("rv64", 1);
    uint64_t root = translate(b, true);
    map(b, root, 0x5000, 0x80005000, X_R | X_AD);
    b->h->x[10] = 0x5000;
    run(b, insn(INSN_ld, 11, 10, 0), 1);
    SAYS(b, "U=0: the page is not for U");
    /* M mode loads as U does, by MPRV; the trap hides what MPP was. */
    b->h->pc = CODE;
    poke(b, MSTATUS, MSTATUS_MPRV);
    mode(b, PRIV_M, false);
    run(b, insn(INSN_ld, 11, 10, 0), 1);
    SAYS(b, "load page fault in M mode");
    SAYS(b, "It accesses memory as U mode does (mstatus.MPRV).");
    SAYS(b, "Control went to M mode, because a trap in M mode stays there, at");
    board_free(b);
}
END_TEST

START_TEST(physical_memory)
{
    struct board *b = board_new("rv64", 1);
    mode(b, PRIV_M, false);
    b->h->x[10] = 0x40000000;
    run(b, insn(INSN_lw, 11, 10, 0), 1);
    SAYS(b, "load access fault in M mode");
    SAYS(b, "Addresses of M mode are physical.");
    SAYS(b, "The physical address is 0x4000_0000, where nothing answers: there is neither memory nor a device.");
    /* Entry 0 takes a page away from S. */
    poke(b, 0x3b1, UINT64_MAX >> 10);
    poke(b, 0x3b0, 0x80006000 >> 2 | 0x1ff);
    poke(b, 0x3a0, 0x1f18);
    b->h->pc = CODE;
    b->h->x[10] = 0x80006010;
    mode(b, PRIV_S, false);
    run(b, insn(INSN_ld, 11, 10, 0), 1);
    SAYS(b, "The physical address is 0x8000_6010, and PMP entry 0 (NAPOT 0x8000_6000..0x8000_6fff, ---) denies");
    /* A device takes no instruction fetches. */
    b->h->pc = 0x10000000;
    run(b, 0, 1);
    SAYS(b, "among the registers of uart: this access needs memory.");
    /* Atomics are aligned. */
    b->h->pc = CODE;
    mode(b, PRIV_M, false);
    b->h->x[10] = 0x80007004;
    run(b, insn(INSN_lr_d, 11, 10, 0), 1);
    SAYS(b, "load address misaligned in M mode");
    SAYS(b, "An atomic access must be aligned to its size, and this address is not.");
    board_free(b);
}
END_TEST

/* A guest whose physical pages 0x8000_0xxx and its tables stage two maps to themselves. */
START_TEST(two_stages)
{
    struct board *b = board_new("rv64", 1);
    uint64_t root2 = page(b, 4), root1 = page(b, 1);
    poke(b, MEDELEG, UINT64_C(0xffffff));
    map(b, root1, CODE, CODE, X_R | X_W | X_X | X_AD);
    map(b, root1, 0x5000, 0x90000000, X_R | X_W | X_AD);
    map(b, root2, CODE, CODE, X_R | X_X | X_U | X_AD);
    for (uint64_t pa = root1; pa < b->next; pa += 0x1000)
        map(b, root2, pa, pa, X_R | X_W | X_U | X_AD);
    poke(b, HGATP, UINT64_C(8) << 60 | root2 >> 12);
    poke(b, VSATP, UINT64_C(8) << 60 | root1 >> 12);
    mode(b, PRIV_S, true);
    b->h->x[10] = 0x5008;
    run(b, sd(11, 10), 1);
    SAYS(b, "store guest page fault in VS mode");
    SAYS(b, "translated by vsatp: Sv39, ASID 0, root table at 0x8001_4000; and what comes out, as every address of a "
            "table, by hgatp: Sv39x4");
    SAYS(b, "level 0 entry at gpa 0x");
    SAYS(b, "of stage two denies it: V=0");
    SAYS(b, "htval = 0x2400_0002 (the guest physical address 0x9000_0008, shifted by 2).");
    SAYS(b, "Control went to HS mode, because bit 23 of medeleg is 1 and that of hedeleg is 0");
    /* A stage-one fault that the hypervisor leaves to the guest. */
    poke(b, HEDELEG, 0xb1ff);
    b->h->pc = CODE;
    mode(b, PRIV_S, true);
    b->h->x[10] = 0x6000;
    run(b, sd(11, 10), 1);
    SAYS(b, "Control went to VS mode, because bit 15 of medeleg is 1 and that of hedeleg is 1, at 0x8000_1300 "
            "(vstvec), with vsepc = 0x8000_0000, vscause = 15");
    /* A table that stage two does not map. */
    put(b, root1, 0x12345 << 10 | 1, 8);
    b->h->pc = CODE;
    mode(b, PRIV_S, true);
    run(b, sd(11, 10), 1);
    SAYS(b, "What stage two was translating is the address of an entry of stage one, 0x1234_5000.");
    board_free(b);
}
END_TEST

/* ---- instructions ---- */

struct refusal {
    enum priv priv;
    bool virt;
    uint32_t insn;
    unsigned csr; /* set to value before; 0: none */
    uint64_t value;
    const char *says;
};

static void check_refusals(struct board *b, const struct refusal *r, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        uint64_t old = 0;
        if (r[i].csr) {
            ck_assert(csr_peek(b->h, r[i].csr, &old));
            poke(b, r[i].csr, r[i].value);
        }
        b->h->pc = CODE;
        mode(b, r[i].priv, r[i].virt);
        run(b, r[i].insn, 1);
        SAYS(b, r[i].says);
        ck_assert(strstr(b->t.text, "illegal instruction in ") || strstr(b->t.text, "virtual instruction in "));
        if (r[i].csr)
            poke(b, r[i].csr, old);
    }
}

#define CSRR(num) insn(INSN_csrrs, 11, 0, num)
#define CSRW(num) insn(INSN_csrrw, 0, 11, num)

START_TEST(illegal_instructions)
{
    const struct refusal all[] = {
        {PRIV_U, false, CSRR(MSTATUS), 0, 0,
         "`csrrs`, is illegal: CSR mstatus is for M mode alone, and this is U mode."},
        {PRIV_U, false, CSRR(SATP), 0, 0, "CSR satp is for S mode and above, and this is U mode"},
        {PRIV_S, false, CSRR(0x7ff), 0, 0, "there is no CSR 0x7ff"},
        {PRIV_M, false, CSRW(CYCLE), 0, 0, "CSR cycle is read-only, and the instruction writes it"},
        {PRIV_S, false, CSRR(SATP), MSTATUS, MSTATUS_TVM, "mstatus.TVM is 1: S may not touch satp"},
        {PRIV_S, false, CSRR(CYCLE), MCOUNTEREN, 0, "bit 0 of mcounteren is 0: S may not read cycle"},
        {PRIV_S, false, CSRR(STIMECMP), MENVCFG, 0, "menvcfg.STCE is 0: only M mode may touch stimecmp"},
        {PRIV_S, false, CSRR(FCSR), MSTATUS, 0, "sstatus.FS is Off (0)"},
        {PRIV_S, false, insn(INSN_fadd_d, 1, 2, 3), MSTATUS, 0, "sstatus.FS is Off (0)"},
        {PRIV_S, false, insn(INSN_fadd_d, 1, 2, 3) | 5 << 12, MSTATUS, MSTATUS_FS, "its rounding mode, 5, is none"},
        {PRIV_S, false, insn_rows[INSN_mret].match, 0, 0, "only M mode may execute mret, and this is S mode"},
        {PRIV_U, false, insn_rows[INSN_sret].match, 0, 0, "sret is for S mode and above, and this is U mode"},
        {PRIV_S, false, insn_rows[INSN_sret].match, MSTATUS, MSTATUS_TSR, "mstatus.TSR is 1, so that sret in S traps"},
        {PRIV_S, false, insn_rows[INSN_wfi].match, MSTATUS, MSTATUS_TW,
         "mstatus.TW is 1, so that wfi below M mode traps"},
        {PRIV_U, false, insn_rows[INSN_wfi].match, 0, 0, "wfi is for S mode and above, and this is U mode"},
        {PRIV_S, false, insn_rows[INSN_sfence_vma].match, MSTATUS, MSTATUS_TVM,
         "mstatus.TVM is 1, so that sfence.vma in S traps"},
        {PRIV_U, false, insn_rows[INSN_hlv_d].match, 0, 0, "hstatus.HU is 0: U mode may not execute hlv.d"},
        {PRIV_U, false, insn(INSN_cbo_zero, 0, 10, 0) | insn_rows[INSN_cbo_zero].match, MENVCFG, 0,
         "menvcfg.CBZE is 0"},
        {PRIV_M, false, 0, 0, 0, "all its bits are 0, which no instruction has"},
        {PRIV_M, false, 0xffffffff, 0, 0, "all its bits are 1, which no instruction has"},
        {PRIV_M, false, 0x0000207b, 0, 0, "no instruction is encoded so"},
        {PRIV_M, false, 0x0d007057, 0, 0, "one of the vector extension (V), which this hart does not have"},
        {PRIV_S, true, CSRR(HGATP), 0, 0,
         "is legal in HS mode, but not in VS: CSR hgatp is for HS mode and above, and this is VS mode"},
        {PRIV_S, true, CSRR(SATP), HSTATUS, HSTATUS_VTVM, "hstatus.VTVM is 1: VS may not touch satp"},
        {PRIV_S, true, insn_rows[INSN_sret].match, HSTATUS, HSTATUS_VTSR,
         "hstatus.VTSR is 1, so that sret in VS traps"},
        {PRIV_S, true, insn_rows[INSN_wfi].match, HSTATUS, HSTATUS_VTW, "hstatus.VTW is 1, so that wfi in VS traps"},
        {PRIV_S, true, insn_rows[INSN_hlv_d].match, 0, 0, "which only a host may, and this is VS mode"},
    };
    struct board *b = board_new("rv64", 1);
    poke(b, MSTATUS, MSTATUS_FS);
    poke(b, MCOUNTEREN, 7);
    check_refusals(b, all, ARRAY_LEN(all));
    board_free(b);
}
END_TEST

START_TEST(absent_extensions)
{
    const struct refusal all[] = {
        {PRIV_M, false, insn(INSN_sh1add, 1, 2, 3), 0, 0,
         "sh1add belongs to the extension zba, which this hart (see -cpu) does not have"},
        {PRIV_M, false, CSRR(HGATP), 0, 0,
         "this hart (see -cpu) has no CSR hgatp, which comes with the hypervisor extension"},
        {PRIV_M, false, CSRR(STIMECMP), 0, 0, "this hart (see -cpu) has no CSR stimecmp, which comes with sstc"},
        {PRIV_M, false, insn(INSN_fadd_d, 1, 2, 3), 0, 0, "fadd.d belongs to the extension d"},
    };
    struct board *b = board_new("rv64,h=off,zba=off,sstc=off,d=off", 1);
    check_refusals(b, all, ARRAY_LEN(all));
    board_free(b);
    b = board_new("rv64,c=off", 1);
    const struct refusal compressed = {
        PRIV_M, false, 0x00010001,
        0,      0,     "it is the compressed form of addi, and this hart (see -cpu) has no C extension"};
    check_refusals(b, &compressed, 1);
    board_free(b);
}
END_TEST

START_TEST(calls_and_breakpoints)
{
    struct board *b = board_new("rv64", 1);
    mode(b, PRIV_U, false);
    b->h->x[17] = 64;
    run(b, insn_rows[INSN_ecall].match, 1);
    SAYS(b, "ecall from U in U mode");
    SAYS(b, "asked the kernel for a service: a7 = 64, where its number stands by convention");
    b->h->pc = CODE;
    b->h->x[17] = 0x48534d;
    b->h->x[16] = 0;
    mode(b, PRIV_S, false);
    run(b, insn_rows[INSN_ecall].match, 1);
    SAYS(b, "asked the firmware for a service: SBI HSM hart_start (a7 = 0x48_534d, a6 = 0)");
    b->h->pc = CODE;
    run(b, insn_rows[INSN_ebreak].match, 1);
    SAYS(b, "`ebreak`, is a breakpoint that stands in the program.");
    board_free(b);
}
END_TEST

/* ---- interrupts and waiting ---- */

START_TEST(interrupts)
{
    struct board *b = board_new("rv64", 1);
    poke(b, MIDELEG, 0x222);
    poke(b, MENVCFG, ENVCFG_STCE);
    poke(b, STIMECMP, 0);
    poke(b, MIE, BIT(IRQ_STI));
    mode(b, PRIV_U, false);
    run(b, insn(INSN_addi, 0, 0, 0), 1);
    SAYS(b, "Hart 0: S timer interrupt in U mode");
    SAYS(b, "took the S timer interrupt (STI, bit 5 of mip)");
    SAYS(b, "It is pending while time has reached stimecmp (now 0x0, time ");
    SAYS(b, "let through by mie.STIE = 1, and because interrupts for S mode are always on in lower modes.");
    SAYS(b, "Control went to S mode, because bit 5 of mideleg is 1, at 0x8000_1100 (stvec), with sepc = 0x8000_0000, "
            "scause = interrupt 5, stval = 0x0.");
    /* From S itself, by SIE, and vectored. */
    poke(b, STVEC, TRAPS + 1);
    poke(b, SSTATUS, MSTATUS_SIE);
    b->h->pc = CODE;
    mode(b, PRIV_S, false);
    run(b, insn(INSN_addi, 0, 0, 0), 1);
    SAYS(b, "in S mode by sstatus.SIE = 1 (which the trap cleared, and kept in SPIE).");
    SAYS(b, "at 0x8000_1014 (stvec, vectored)");
    board_free(b);
}
END_TEST

START_TEST(waiting)
{
    struct board *b = board_new("rv64", 1);
    struct machine_result r;
    mode(b, PRIV_M, false);
    put(b, CODE, insn_rows[INSN_wfi].match, 4);
    machine_run(b->m, 10, &r);
    ck_assert_int_eq(r.end, MACHINE_STUCK);
    SAYS(b, "Hart 0: waits");
    SAYS(b, "Hart 0 waits (wfi) in M mode, to go on at 0x8000_0004. mie is 0: no interrupt is enabled, and it waits "
            "for ever.");
    board_free(b);

    b = board_new("rv64", 2);
    poke(b, MENVCFG, ENVCFG_STCE);
    poke(b, STIMECMP, UINT64_MAX);
    poke(b, MIE, BIT(IRQ_STI) | BIT(IRQ_SSI) | BIT(IRQ_SEI));
    machine_hart(b->m, 1)->pc = CODE;
    put(b, CODE, insn_rows[INSN_wfi].match, 4);
    machine_run(b->m, 10, &r);
    ck_assert_int_eq(r.end, MACHINE_STUCK);
    SAYS(b, "What mie enables can wake it: SSI, by another hart that sends it; STI, by stimecmp, which is not set: "
            "never; SEI, by a device, through the PLIC");
    SAYS(b, "Hart 1 waits (wfi) in M mode");
    poke(b, MIE, 0);
    poke(b, 0x344, BIT(IRQ_SSI));
    SAYS(b, "SSI is pending, but mie.SSIE is 0.");
    board_free(b);
}
END_TEST

START_TEST(stuck_and_looping)
{
    struct board *b = board_new("rv64", 1);
    struct machine_result r;
    poke(b, MTVEC, 0x40000000);
    mode(b, PRIV_M, false);
    put(b, CODE, 0, 4);
    machine_run(b->m, 10, &r);
    ck_assert_int_eq(r.end, MACHINE_STUCK);
    SAYS(b, "Hart 0: traps for ever");
    SAYS(b, "The first instruction of the trap handler raises instruction access fault itself");
    SAYS(b, "where nothing answers");
    board_free(b);

    b = board_new("rv64", 1);
    mode(b, PRIV_M, false);
    run(b, insn_rows[INSN_jal].match, 3);
    SAYS(b, "no trap of it is among the recorded events.");
    SAYS(b, "Now the hart runs an endless loop: the instruction at 0x8000_0000 jumps to itself.");
    board_free(b);
}
END_TEST

/* A spin lock's loop, which waits for somebody else; not a loop that counts, nor one that stores. */
START_TEST(loops_that_wait)
{
    enum { LW_A1_A0 = 0x00052583, BNEZ_A1_BACK_4 = 0xfe059ee3, ADDI_A1_A1_1 = 0xfff58593, SW_A1_A0 = 0x00b52023 };
    enum { MV_A5_S2 = 0x00090793, AMOSWAP_A5_S1 = 0x0cf4a7af, BNEZ_A5_BACK_8 = 0xfe079ce3 };
    struct board *b = board_new("rv64", 2);
    mode(b, PRIV_M, false);
    b->h->pc = CODE;
    b->h->x[10] = CODE + 0x100;
    put(b, CODE, LW_A1_A0, 4);
    put(b, CODE + 4, BNEZ_A1_BACK_4, 4);
    put(b, CODE + 0x100, 7, 4);
    SAYS(b,
         "Now the hart goes round a loop of 2 instructions, from 0x8000_0000 to 0x8000_0004, which changes nothing by "
         "itself: it reads 4 bytes at 0x8000_0100 (now 0x7)");
    b->h->pc = CODE + 4;
    SAYS(b, "a loop of 2 instructions, from 0x8000_0000 to 0x8000_0004");
    put(b, CODE, ADDI_A1_A1_1, 4);
    SILENT(b, "loop");
    put(b, CODE, SW_A1_A0, 4);
    SILENT(b, "loop");

    b->h->pc = CODE + 4;
    b->h->x[9] = CODE + 0x100;
    put(b, CODE, MV_A5_S2, 4);
    put(b, CODE + 4, AMOSWAP_A5_S1, 4);
    put(b, CODE + 8, BNEZ_A5_BACK_8, 4);
    SAYS(b, "a loop of 3 instructions, from 0x8000_0000 to 0x8000_0008");
    SAYS(b, "it reads 4 bytes at 0x8000_0100 (now 0x7, which it tries to change), and goes on until somebody else");
    board_free(b);
}
END_TEST

/* ---- helpers ---- */

static bool symbol(void *ctx, uint64_t va, char *buf, size_t size)
{
    ++*(unsigned *)ctx;
    snprintf(buf, size, "at%lx", (unsigned long)va & 0xffff);
    return true;
}

static bool source(void *ctx, uint64_t pc, char *buf, size_t size)
{
    ++*(unsigned *)ctx;
    snprintf(buf, size, "kernel.c:%lu", (unsigned long)(pc & 0xfff) + 7);
    return true;
}

static bool insn_text(void *ctx, uint64_t pc, uint32_t raw, char *buf, size_t size)
{
    ++*(unsigned *)ctx;
    snprintf(buf, size, "%08x   at %lx", (unsigned)raw, (unsigned long)pc);
    return true;
}

START_TEST(helpers_and_lines)
{
    struct board *b = board_new("rv64", 1);
    unsigned calls = 0;
    const struct why_ctx helpers = {&calls, symbol, source, insn_text};
    mode(b, PRIV_M, false);
    b->h->x[10] = 0x40000000;
    run(b, insn(INSN_lw, 11, 10, 0), 1);
    why_print(&b->t.out, b->m, b->h, &helpers);
    ck_assert_msg(strstr(b->t.text, "0x8000_0000 <at0> (kernel.c:7), `00052583 at"), "%s", b->t.text);
    ck_assert_uint_gt(calls, 3);
    for (const char *s = b->t.text; *s;) {
        size_t n = strcspn(s, "\n");
        ck_assert_msg(n <= 100, "%.*s", (int)n, s);
        s += n + (s[n] == '\n');
    }
    board_free(b);
}
END_TEST

Suite *why_suite(void)
{
    Suite *s = suite_create("why");
    TCase *t = tcase_create("why");
    tcase_add_test(t, page_faults);
    tcase_add_test(t, user_and_supervisor);
    tcase_add_test(t, physical_memory);
    tcase_add_test(t, two_stages);
    tcase_add_test(t, illegal_instructions);
    tcase_add_test(t, absent_extensions);
    tcase_add_test(t, calls_and_breakpoints);
    tcase_add_test(t, interrupts);
    tcase_add_test(t, waiting);
    tcase_add_test(t, stuck_and_looping);
    tcase_add_test(t, loops_that_wait);
    tcase_add_test(t, helpers_and_lines);
    suite_add_tcase(s, t);
    return s;
}
