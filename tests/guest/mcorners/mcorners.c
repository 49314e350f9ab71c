/* SPDX-License-Identifier: MIT */
/*
 * Corners of machine mode that show below it: each delegation, TVM, TW and TSR, counters and environments, MPRV, PMP on data, on code and on page tables, M's
 * interrupts in S and U. A trap that S gets is recorded there, and then S raises M's software interrupt; a trap that M gets ends the try.
 */
#include "../corners/corners.h"

#define PIECE PIECE_CODE
#include "../corners/pieces.def"
#undef PIECE

/* f(a, b) in S (mode 1) or U (0), and what trap M got that ended it. */
void enter(uint64_t f, uint64_t a, uint64_t b, uint64_t mode);
extern volatile struct seen sseen;
extern char svec[];

void put(char c)
{
    while (!(*(volatile uint8_t *)0x10000005 & 0x20))
        ;
    *(volatile uint8_t *)0x10000000 = (uint8_t)c;
}

uint64_t next_page = ARENA;

static uint64_t root, l1, l0; /* 1 GiB at 0x4000_0000 */
static const struct {
    const char *n;
    char *p;
} T[] = {{"ld", p_ld},         {"sd", p_sd},
         {"amo", p_amo},       {"lrsc", p_scd},
         {"zero", p_zero},     {"inval", p_inval},
         {"clean", p_clean},   {"ld+1", p_ldu},
         {"fld", p_fld},       {"fadd", p_fadd},
         {"wfi", p_wfi},       {"sret", p_sret},
         {"mret", p_mret},     {"sfence", p_sfence},
         {"sinval", p_sinval}, {"ecall", p_ecall},
         {"ebreak", p_ebreak}, {"ill16", p_ill16},
         {"ill32", p_ill32},   {"time", p_time},
         {"cycle", p_cyc},     {"instret", p_ins},
         {"hpm", p_hpm},       {"mstatus", p_mcsr},
         {"hstatus", p_hcsr},  {"sscratch", p_sscratch},
         {"satp", p_satp},     {"satpw", p_satpw},
         {"stc", p_stc},       {"stcw", p_stcw},
         {"sie1", p_sie1},     {"sip", p_sipr},
         {"sie", p_sier},      {"senv", p_senv},
         {"hlv", p_hlv},       {"nocsr", p_nocsr},
         {"uk", p_nocsr}};
#define N (sizeof T / sizeof *T)
static uint64_t d, satp;
static void show(const char *what)
{
    print(what);
    put(' ');
    print("m ");
    hex(seen.cause);
    hex(seen.tval);
    hex(seen.epc);
    hex(seen.status & 0x7ffe60faaull);
    hex(seen.value);
    if (sseen.cause) {
        print("s ");
        hex(sseen.cause - 1);
        hex(sseen.tval);
        hex(sseen.epc);
        hex(sseen.status & 0xc6122);
        hex(sseen.value);
    }
    put('\n');
}

static void run(const char *n, char *p, uint64_t mode, uint64_t a, uint64_t b)
{
    sseen.cause = 0;
    CSRW(sie, 0);
    CSRW(mip, 0);
    CSRW(sepc, (uint64_t)p_ld + 4);
    CSRW(0x14d, ~0ull);
    __asm__ volatile("csrc sstatus, 2");
    *(volatile uint64_t *)0x02004000 = *(volatile uint64_t *)0x0200bff8 + 3000;
    CSRW(mie, 0x88);
    enter((uint64_t)p, a, b, mode);
    *(volatile uint64_t *)0x02004000 = ~0ull;
    *(volatile uint32_t *)0x02000000 = 0;
    CSRW(mie, 0);
    hex(mode);
    show(n);
}

static void all(uint64_t a)
{
    for (unsigned mode = 0; mode < 2; mode++)
        for (unsigned i = 0; i < N; i++)
            run(T[i].n, T[i].p, mode, T[i].p == p_satpw ? 0 : T[i].p == p_stcw ? ~0ull : a, 0);
}

static uint64_t space_(void)
{
    root = page();
    l1 = page();
    l0 = page();
    AT(root, 1) = pte(l1, V);
    AT(l1, 0) = pte(l0, V);
    AT(root, 0) = pte(0, RWX);
    AT(root, 2) = pte(0x80000000, RWX);
    return 8ull << 60 | root >> 12;
}

static void pmp_all(void)
{
    CSRW(pmpcfg0, 0);
    CSRW(pmpaddr0, ~0ull);
    CSRW(pmpcfg0, 0x1f);
    __asm__ volatile("sfence.vma");
}

static void prepare(void)
{
    d = page();
    CSRW(mcounteren, 7);
    CSRW(scounteren, 7);
    CSRW(medeleg, 0);
    CSRW(mideleg, 0);
    CSRW(stvec, svec);
    pmp_all();
    CSRS(mstatus, 1 << 13);
}

/* Everything in S and U, under each configuration. */
static void configurations(void)
{
    static const struct {
        const char *n;
        uint64_t set, clear, medeleg, mideleg, mcounteren, menvcfg;
    } conf[] = {{"plain", 0, 0, 0, 0, 7, 0},
                {"delegated", 0, 0, 0xb1ff, 0x222, 7, 0},
                {"tvm", 1 << 20, 0, 0xb1ff, 0x222, 7, 1ull << 63},
                {"tw", 1 << 21, 0, 0xb1ff, 0x222, 0, 1ull << 63 | 0xf0},
                {"tsr", 1 << 22, 0, 0xb1ff, 0x222, 2, 3ull << 62 | 0x10},
                {"half", 0, 0, 0x8105, 2, 5, 0x50 | 1ull << 61},
                {"all", 7 << 20, 0, 0xb100, 0x20, ~0ull, ~0ull},
                {"noill", 0, 0, 0xb1fb, 0x202, 7, ~0ull},
                {"odd", 0, 0, 0xffffffffffffffff, ~0ull, 7, 0}};
    satp = space_();
    AT(l0, 0) = pte(d, RW);
    AT(l0, 1) = pte(d, RW | U);
    for (unsigned i = 0; i < sizeof conf / sizeof *conf; i++) {
        print(conf[i].n);
        put('\n');
        CSRC(mstatus, 7 << 20);
        CSRS(mstatus, conf[i].set);
        CSRW(medeleg, conf[i].medeleg);
        CSRW(mideleg, conf[i].mideleg);
        CSRW(mcounteren, conf[i].mcounteren);
        CSRW(menvcfg, conf[i].menvcfg);
        line("medeleg", CSRR(medeleg));
        line("mideleg", CSRR(mideleg));
        line("mcounteren", CSRR(mcounteren));
        line("menvcfg", CSRR(menvcfg));
        CSRW(satp, 0);
        all(d + 64);
        CSRW(satp, satp);
        __asm__ volatile("sfence.vma");
        AT(root, 2) = pte(0x80000000, RWX);
        for (unsigned k = 0; k < N; k++)
            run(T[k].n, T[k].p, 1, T[k].p == p_satpw ? satp : T[k].p == p_stcw ? ~0ull : WIN + 64, 0);
        AT(root, 2) = pte(0x80000000, RWX | U);
        __asm__ volatile("sfence.vma");
        for (unsigned k = 0; k < N; k++)
            run(T[k].n, T[k].p, 0, T[k].p == p_satpw ? satp : T[k].p == p_stcw ? ~0ull : WIN + 4096 + 64, 0);
        AT(root, 2) = pte(0x80000000, RWX);
        __asm__ volatile("sfence.vma");
    }
}

/* Loads and stores of M by MPRV. */
static void mprv(void)
{
    CSRC(mstatus, 7 << 20);
    CSRW(medeleg, 0);
    CSRW(menvcfg, 0);
    for (unsigned mpp = 0; mpp < 4; mpp++)
        for (unsigned sm = 0; sm < 4; sm++) {
            if (mpp == 2)
                continue;
            AT(l0, 2) = pte(d, V | X | A | D);
            AT(l0, 3) = pte(d, V | R | U | A);
            AT(l0, 4) = pte(d, V | R | W | A);
            __asm__ volatile("sfence.vma");
            for (unsigned e = 0; e < 6; e++) {
                uint64_t v = 0, a = WIN + e * 4096, m = 1 << 17 | mpp << 11 | sm << 18;
                seen.cause = 0x7fff;
                __asm__ volatile("csrs mstatus, %1\n la t1, 1f\n csrw mtvec, t1\n ld %0, 0(%2)\n .balign 4\n1: csrc "
                                 "mstatus, %3\n la t1, mvec\ncsrw mtvec, t1"
                                 : "=&r"(v)
                                 : "r"(m), "r"(a), "r"(1 << 17 | 3 << 18 | 3 << 11)
                                 : "t1", "memory");
                hex(mpp);
                hex(sm);
                hex(e);
                hex(CSRR(mcause));
                hex(CSRR(mtval));
                hex(v);
                put('\n');
                CSRW(mcause, 0);
                CSRW(mtval, 0);
                __asm__ volatile("csrc mstatus, %1\ncsrs mstatus, %0\n la t1, 1f\n csrw mtvec, t1\n sd zero, 0(%2)\n "
                                 ".balign 4\n1: csrc mstatus, %1\n la t1, mvec\ncsrw mtvec, t1" ::"r"(m),
                                 "r"(1 << 17 | 3 << 18 | 3 << 11), "r"(a)
                                 : "t1", "memory");
                hex(CSRR(mcause));
                hex(CSRR(mtval));
                hex(AT(l0, e) & 0xff);
                put('\n');
                CSRW(mcause, 0);
                CSRW(mtval, 0);
            }
        }
}

/* Regions over data, page tables and code. */
static void pmp(void)
{
    static const struct {
        const char *n;
        uint64_t cfg, a0, a1, a2, a3;
    } pm[] = {{"d read only", 0x1f19, 0x80800000 >> 2 | 0x1ff, ~0ull, 0, 0},
              {"d write only: reserved", 0x1f1a, 0x80800000 >> 2 | 0x1ff, ~0ull, 0, 0},
              {"d nothing", 0x1f18, 0x80800000 >> 2 | 0x1ff, ~0ull, 0, 0},
              {"64 bytes of d", 0x1f18, 0x80800040 >> 2 | 7, ~0ull, 0, 0},
              {"na4", 0x1f11, 0x80800040 >> 2, ~0ull, 0, 0},
              {"tor", 0x1f090800, 0x80800010 >> 2, 0x80800030 >> 2, 0x80800044 >> 2, ~0ull},
              {"root read only", 0x1f19, 0x80801000 >> 2 | 0x1ff, ~0ull, 0, 0},
              {"l1 nothing", 0x1f18, 0x80802000 >> 2 | 0x1ff, ~0ull, 0, 0},
              {"l0 read only", 0x1f19, 0x80803000 >> 2 | 0x1ff, ~0ull, 0, 0},
              {"l0 half", 0x1f18, 0x80803800 >> 2 | 0xff, ~0ull, 0, 0},
              {"program not executable", 0x1f1b, 0x80000000 >> 2 | 0xffff, ~0ull, 0, 0},
              {"nothing at all", 0, 0, 0, 0, 0}};
    CSRW(medeleg, 0xb1ff);
    CSRW(mideleg, 0x222);
    CSRW(menvcfg, 1ull << 61);
    for (unsigned i = 0; i < sizeof pm / sizeof *pm; i++) {
        CSRW(pmpcfg0, 0);
        CSRW(pmpaddr0, pm[i].a0);
        CSRW(pmpaddr1, pm[i].a1);
        CSRW(pmpaddr2, pm[i].a2);
        CSRW(pmpaddr3, pm[i].a3);
        CSRW(pmpcfg0, pm[i].cfg);
        print(pm[i].n);
        put('\n');
        line("cfg", CSRR(pmpcfg0));
        __asm__ volatile("sfence.vma");
        static const uint64_t off[] = {0, 0x38, 0x3c, 0x40, 0x44, 0x7c, 0x80, 0xff8};
        for (unsigned sat = 0; sat < 2; sat++)
            for (unsigned o = 0; o < 8; o++)
                for (unsigned k = 0; k < 8; k++) {
                    CSRW(satp, sat ? satp : 0);
                    AT(l0, 1) = pte(d, V | R | W | U);
                    AT(l0, 0) = pte(d, V | R | W);
                    __asm__ volatile("sfence.vma");
                    run(T[k].n, T[k].p, 1, (sat ? WIN : d) + off[o], 0);
                    hex(AT(l0, 0) & 0xff);
                }
        run("spin", p_spin, 1, 0, 0);
        CSRW(satp, 0);
        run("spin", p_spin, 0, 0, 0);
    }
    pmp_all();
}

/* M's timer and software interrupts in S and U, and those of S. */
static void interrupts(void)
{
    for (unsigned mode = 0; mode < 2; mode++) {
        sseen.cause = 0;
        *(volatile uint64_t *)0x02004000 = *(volatile uint64_t *)0x0200bff8 + 100;
        CSRW(mie, 0x80);
        enter((uint64_t)p_spin, 0, 0, mode);
        CSRW(mie, 0);
        *(volatile uint64_t *)0x02004000 = ~0ull;
        show("timer");
        CSRW(mideleg, 0x222);
        CSRW(menvcfg, 1ull << 63);
        CSRW(0x14d, CSRR(time) + 100);
        CSRW(mie, 0x28);
        CSRS(sstatus, 2);
        enter((uint64_t)p_spin, 0, 0, mode);
        CSRW(mie, 0);
        *(volatile uint32_t *)0x02000000 = 0;
        CSRW(0x14d, ~0ull);
        show("stimer");
        CSRW(mip, 0x20);
        CSRW(mie, 0x28);
        sseen.cause = 0;
        CSRW(menvcfg, 0);
        CSRW(mip, 0x222);
        line("mip", CSRR(mip));
        CSRS(sstatus, 2);
        enter((uint64_t)p_spin, 0, 0, mode);
        CSRW(mie, 0);
        *(volatile uint32_t *)0x02000000 = 0;
        show("stip by M");
        CSRW(mip, 0);
    }
}

/* Counters that M writes and inhibits. */
static void counters(void)
{
    CSRW(mcountinhibit, 5);
    CSRW(minstret, 1000);
    CSRW(mcycle, 5000);
    run("spin", p_spin, 1, 0, 0);
    line("instret", CSRR(minstret));
    line("cycle", CSRR(mcycle));
    CSRW(mcountinhibit, 4);
    run("spin", p_spin, 1, 0, 0);
    line("instret", CSRR(minstret));
    CSRW(mcountinhibit, 0);
    CSRW(minstret, ~0ull - 1000);
    run("spin", p_spin, 0, 0, 0);
    line("instret", CSRR(minstret));
    CSRW(mcountinhibit, 1);
    run("spin", p_spin, 0, 0, 0);
    line("instret", CSRR(minstret));
    line("cycle", CSRR(mcycle));
}

/* A locked region, which holds for M too. */
static void locked(void)
{
    CSRW(pmpaddr1, ~0ull);
    CSRW(pmpaddr0, 0x80810000 >> 2 | 0x1ff);
    CSRW(pmpcfg0, 0x1f98);
    CSRW(pmpcfg0, 0x1f1f);
    line("locked", CSRR(pmpcfg0));
    CSRW(pmpaddr0, 0);
    line("locked", CSRR(pmpaddr0));
    run("ld", p_ld, 1, 0x80810000, 0);
    run("sd", p_sd, 0, 0x80810000, 0);
    run("ld", p_ld, 3, 0x80810008, 0);
}

void corners(void);
void corners(void)
{
    prepare();
    configurations();
    mprv();
    pmp();
    interrupts();
    counters();
    locked();
    print("done\n");
    *(volatile uint32_t *)0x100000 = 0x5555;
    for (;;)
        ;
}
