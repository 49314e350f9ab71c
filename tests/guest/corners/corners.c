/* SPDX-License-Identifier: MIT */
/*
 * Corners of the privileged architecture that a monitor may get wrong, one by one and not by chance (as storm does): what CSRs keep of what is written to them,
 * what is illegal where, FS, interrupts in all their orders, entries of each kind, misaligned accesses and instructions across pages, tables that are code, that
 * map themselves, that several roots share. Each line that is printed is one observation; the same must come out on any machine with these extensions.
 */
#include "s.h"

#define PIECE PIECE_CODE
#include "pieces.def"
#undef PIECE

static uint64_t err_;
static uint64_t sbi(uint64_t ext, uint64_t fn, uint64_t x, uint64_t y, uint64_t z, uint64_t w)
{
    register uint64_t a0 __asm__("a0") = x, a1 __asm__("a1") = y, a2 __asm__("a2") = z, a3 __asm__("a3") = w,
                         a4 __asm__("a4") = 0, a6 __asm__("a6") = fn, a7 __asm__("a7") = ext;
    __asm__ volatile("ecall" : "+r"(a0), "+r"(a1) : "r"(a2), "r"(a3), "r"(a4), "r"(a6), "r"(a7) : "memory");
    err_ = a0;
    return a1;
}

void put(char c)
{
    sbi(1, 0, (uint8_t)c, 0, 0, 0);
}

void show(const char *what)
{
    print(what);
    put(' ');
    if (seen.cause == 0x7fff) {
        print("ok ");
        hex(seen.value);
    } else {
        print("cause ");
        hex(seen.cause);
        print("tval ");
        hex(seen.tval);
        print("epc ");
        hex(seen.epc);
        print("st ");
        hex(seen.status & 0x80000000000c6120);
    }
    put('\n');
}

void see_s(const char *what, uint64_t f, uint64_t a, uint64_t b)
{
    try_s(f, a, b);
    show(what);
}

void see_u(const char *what, uint64_t f, uint64_t a, uint64_t b)
{
    try_u(f, a, b);
    show(what);
}

uint64_t next_page = ARENA;

uint64_t root, l1, l0, d;

void on(unsigned mode, uint64_t r, uint64_t asid)
{
    CSRW(satp, (uint64_t)mode << 60 | asid << 44 | r >> 12);
}

void space(uint64_t *r, uint64_t *m, uint64_t *l)
{
    *r = page();
    *m = page();
    *l = page();
    AT(*r, 1) = pte(*m, V);
    AT(*r, 2) = pte(0x80000000, RWX);
    AT(*r, 3) = pte(0x80000000, RWX | U); /* the same for U at 3 GiB */
    AT(*m, 0) = pte(*l, V);
}

static void warl(void)
{
    static const uint64_t pat[] = {
        ~0ull, 0, 0x5555555555555555, 0xaaaaaaaaaaaaaaaa, 0x8000000000000001, 0x7ffffffffffffffe};
#define EACH(n)                                                                                                        \
    for (unsigned i = 0; i < 6; i++) {                                                                                 \
        CSRW(n, pat[i]);                                                                                               \
        print(#n " ");                                                                                                 \
        hex(CSRR(n));                                                                                                  \
        put('\n');                                                                                                     \
    }
    CSRW(sie, 0);
    EACH(scounteren) EACH(sscratch) EACH(sepc) EACH(scause) EACH(stval) EACH(senvcfg) EACH(sip) CSRW(sip, 0);
    for (unsigned i = 0; i < 6; i++) {
        CSRW(sie, pat[i]);
        print("sie ");
        hex(CSRR(sie));
        put('\n');
    }
    CSRW(sie, 0);
    uint64_t st = CSRR(sstatus);
    for (unsigned i = 0; i < 6; i++) {
        uint64_t x;
        __asm__ volatile("csrw sstatus,%1\ncsrr %0,sstatus\n" : "=r"(x) : "r"(pat[i] & ~2ull));
        CSRW(sstatus, st);
        print("sstatus ");
        hex(x);
        put('\n');
    }
    uint64_t tv = CSRR(stvec);
    for (unsigned i = 0; i < 6; i++) {
        uint64_t x;
        __asm__ volatile("csrw stvec,%1\ncsrr %0,stvec\n" : "=r"(x) : "r"(pat[i]));
        CSRW(stvec, tv);
        print("stvec ");
        hex(x);
        put('\n');
    }
    for (uint64_t m = 0; m < 16; m++) {
        uint64_t x;
        if (m >= 8 && m <= 10)
            continue;
        __asm__ volatile("csrw satp,%1\ncsrr %0,satp\ncsrw satp,zero" : "=&r"(x) : "r"(m << 60 | 0x1234));
        print("satp ");
        hex(m);
        hex(x);
        put('\n');
    }
    space(&root, &l1, &l0);
    uint64_t r4 = page(), r5 = page();
    AT(r4, 0) = pte(root, V);
    AT(r5, 0) = pte(r4, V);
    on(8, root, 0xffff);
    line("asid39", CSRR(satp));
    on(9, r4, 0x5555);
    line("asid48", CSRR(satp));
    on(10, r5, 0xaaaa);
    line("asid57", CSRR(satp));
    CSRW(satp, UINT64_C(7) << 60 | 5);
    line("bad mode keeps", CSRR(satp));
    CSRW(satp, 0);
    CSRW(scounteren, 7);
    CSRW(senvcfg, 0);
    CSRW(sscratch, 0);
}

static void illegal(void)
{
    static const struct {
        const char *n;
        char *p;
    } t[] = {{"wfi", p_wfi},      {"mret", p_mret},      {"sfence", p_sfence},     {"sinval", p_sinval},
             {"sfwi", p_sfwi},    {"ecall", p_ecall},    {"ebreak", p_ebreak},     {"cebreak", p_cebreak},
             {"ill16", p_ill16},  {"ill16b", p_ill16b},  {"ill32", p_ill32},       {"csrw time", p_illcsr},
             {"no csr", p_nocsr}, {"mstatus", p_mcsr},   {"hstatus", p_hcsr},      {"vsstatus", p_vscsr},
             {"hlv", p_hlv},      {"hfence", p_hfence},  {"sscratch", p_sscratch}, {"satp", p_satp},
             {"stimecmp", p_stc}, {"fence.i", p_fencei}, {"pause", p_pause},       {"mark", p_mark},
             {"cycle", p_cyc},    {"time", p_time},      {"instret", p_ins},       {"hpm5", p_hpm}};
    space(&root, &l1, &l0);
    for (unsigned round = 0; round < 3; round++) {
        if (round)
            on(8, root, round);
        else
            CSRW(satp, 0);
        CSRW(scounteren, round == 1 ? 0xffffffff : round == 2 ? 2 : 0);
        line("round", round);
        for (unsigned i = 0; i < sizeof t / sizeof *t; i++) {
            CSRW(sip, 2); /* something for wfi */
            CSRW(sie, 2);
            try_s((uint64_t)t[i].p, ARENA, 0);
            CSRW(sie, 0);
            CSRW(sip, 0);
            print("S ");
            show(t[i].n);
            if (round) {
                try_u(USER(t[i].p), ARENA, 0);
            } else
                try_u((uint64_t)t[i].p, ARENA, 0);
            print("U ");
            show(t[i].n);
        }
    }
    CSRW(satp, 0);
    CSRW(scounteren, 7);
}

static void floats(void)
{
    static const struct {
        const char *n;
        char *p;
    } t[] = {{"fadd", p_fadd}, {"fld", p_fld}, {"fsd", p_fsd}, {"frcsr", p_frcsr}, {"fscsr", p_fscsr}, {"feq", p_feq}};
    for (uint64_t fs = 0; fs < 4; fs++)
        for (unsigned i = 0; i < 6; i++) {
            CSRC(sstatus, 3 << 13);
            CSRS(sstatus, fs << 13);
            uint64_t a = i == 4 ? 0 : ARENA;
            try_s((uint64_t)t[i].p, a, 0);
            uint64_t s = CSRR(sstatus);
            hex(fs);
            hex(s & 0x8000000000006000);
            print("S ");
            show(t[i].n);
            CSRC(sstatus, 3 << 13);
            CSRS(sstatus, fs << 13);
            try_u((uint64_t)t[i].p, a, 0);
            s = CSRR(sstatus);
            hex(fs);
            hex(s & 0x8000000000006000);
            print("U ");
            show(t[i].n);
        }
    CSRS(sstatus, 1 << 13);
    on(8, root, 0);
    CSRC(sstatus, 3 << 13);
    CSRS(sstatus, 1 << 13);
    see_s("fld fault", (uint64_t)p_fld, WIN + 0x5000, 0);
    line("fs", CSRR(sstatus) & 0x8000000000006000);
    see_s("fsd fault", (uint64_t)p_fsd, WIN + 0x5000, 0);
    line("fs", CSRR(sstatus) & 0x8000000000006000);
    CSRW(satp, 0);
}

static void interrupts(void)
{
    CSRW(sie, 2);
    see_s("ssip, SIE off", (uint64_t)p_ssip, 0, 0);
    line("sip", CSRR(sip));
    see_s("SIE on", (uint64_t)p_sstatuson, 0, 0);
    line("vector", vectored);
    CSRC(sstatus, 2);
    CSRW(sie, 0);
    CSRS(sstatus, 0);
    see_u("U, sie off", (uint64_t)p_sscratch, 0, 0);
    CSRW(sie, 2);
    see_u("U, sie on, SIE off", (uint64_t)p_fencei, 0, 0);
    line("vector", vectored);
    CSRC(sip, 2);
    CSRW(stvec, (uint64_t)vectors | 1);
    CSRS(sip, 2);
    see_s("vectored", (uint64_t)p_wfion, 0, 0);
    line("vector", vectored);
    CSRC(sstatus, 2);
    CSRC(sip, 2);
    /* the timer, in the past */
    CSRW(sie, 0x20);
    sbi(0x54494d45, 0, 0, 0, 0, 0);
    line("sip", CSRR(sip));
    see_s("timer", (uint64_t)p_wfion, 0, 0);
    line("vector", vectored);
    CSRC(sstatus, 2);
    CSRS(sip, 2);
    CSRW(sie, 0x22);
    see_s("both", (uint64_t)p_sstatuson, 0, 0);
    line("vector", vectored);
    CSRC(sstatus, 2);
    CSRC(sip, 2);
    see_s("wfi, masked by SIE", (uint64_t)p_wfi, 0, 0);
    sbi(0x54494d45, 0, ~0ull, 0, 0, 0);
    line("sip", CSRR(sip));
    CSRW(sip, 0x222);
    line("sip all", CSRR(sip));
    CSRW(sip, 0);
    /* far, then near */
    sbi(0x54494d45, 0, CSRR(time) + 1000, 0, 0, 0);
    CSRW(sie, 0x20);
    __asm__ volatile("wfi");
    line("after wfi sip", CSRR(sip));
    sbi(0x54494d45, 0, ~0ull, 0, 0, 0);
    CSRW(sie, 0);
    /* stimecmp itself, if we have it */
    try_s((uint64_t)p_stc, 0, 0);
    if (seen.cause == 0x7fff) {
        __asm__ volatile("csrw 0x14d, zero");
        line("stimecmp 0: sip", CSRR(sip));
        __asm__ volatile("csrw 0x14d, %0" ::"r"(~0ull));
        line("stimecmp -1: sip", CSRR(sip));
    }
    /* ipi to myself */
    sbi(0x735049, 0, 1, 0, 0, 0);
    line("ipi", err_);
    line("sip", CSRR(sip));
    CSRW(sip, 0);
    sbi(0x735049, 0, 0, ~0ull, 0, 0);
    line("ipi all", err_);
    line("sip", CSRR(sip));
    CSRW(sip, 0);
    sbi(0x735049, 0, 2, 0, 0, 0);
    line("ipi 1", err_);
    sbi(0x52464e43, 0, 1, 0, 0, 0);
    line("fence.i", err_);
    sbi(0x52464e43, 1, 1, 0, 0, ~0ull);
    line("sfence", err_);
    sbi(0x52464e43, 1, 2, 0, 0, ~0ull);
    line("sfence 1", err_);
    line("hsm status", sbi(0x48534d, 2, 0, 0, 0, 0));
    line("err", err_);
    sbi(0x48534d, 0, 0, ARENA, 0, 0);
    line("hsm start self", err_);
    CSRW(sie, 2);
    CSRS(sip, 2);
    sbi(0x48534d, 3, 0, 0, 0, 0);
    line("hsm suspend", err_);
    CSRW(sip, 0);
    CSRW(sie, 0);
    CSRW(stvec, (uint64_t)vectors);
}

static void env(void)
{
    space(&root, &l1, &l0);
    d = page();
    AT(l0, 0) = pte(d, RW | U);
    on(8, root, 0);
    FENCE();
    static const struct {
        const char *n;
        char *p;
    } t[] = {{"zero", p_zero}, {"clean", p_clean}, {"inval", p_inval}, {"flush", p_flush}};
    for (uint64_t e = 0; e < 256; e += 16) {
        CSRW(senvcfg, e);
        line("senvcfg", CSRR(senvcfg));
        for (unsigned i = 0; i < 4; i++) {
            AT(d, 8) = 5;
            try_u(USER(t[i].p), WIN + 0x47, 0);
            show(t[i].n);
            line("d", AT(d, 8));
            try_s((uint64_t)t[i].p, WIN + 0x47, 0);
            print("S ");
            show(t[i].n);
            try_u(USER(t[i].p), WIN + 0x1047, 0);
            show(t[i].n);
        }
    }
    CSRW(senvcfg, 0);
    CSRW(satp, 0);
}

static void sretting(void)
{
    /* sret from S to S, SPP and SPIE */
    uint64_t s0;
    CSRS(sstatus, 0x120);
    CSRW(sepc, (uint64_t)landing);
    try_s((uint64_t)p_sret, 0, 0);
    s0 = CSRR(sstatus);
    show("sret");
    line("st", s0 & 0x122);
    CSRC(sstatus, 2);
    CSRC(sstatus, 0x20);
    CSRS(sstatus, 0x100);
    CSRW(sepc, (uint64_t)landing);
    try_s((uint64_t)p_sret, 0, 0);
    s0 = CSRR(sstatus);
    show("sret");
    line("st", s0 & 0x122);
}

void corners(void);
void corners(void)
{
    warl();
    illegal();
    floats();
    interrupts();
    tables();
    env();
    sretting();
    print("corners: done\n");
    line("pages", (next_page - ARENA) >> 12);
    sbi(0x53525354, 0, 0, 0, 0, 0);
    for (;;)
        ;
}
