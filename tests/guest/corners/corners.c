/* SPDX-License-Identifier: MIT */
/*
 * Corners of the privileged architecture that a monitor may get wrong, one by one and not by chance (as storm does): what CSRs keep of what is written to them,
 * what is illegal where, FS, interrupts in all their orders, entries of each kind, misaligned accesses and instructions across pages, tables that are code, that
 * map themselves, that several roots share. Each line that is printed is one observation; the same must come out on any machine with these extensions.
 */
#include <stdint.h>

#define V     1u
#define R     2u
#define W     4u
#define X     8u
#define U     16u
#define G     32u
#define A     64u
#define D     128u
#define PAGE  4096u
#define RW    (V | R | W | A | D)
#define RX    (V | R | X | A | D)
#define RWX   (V | R | W | X | A | D)
#define ARENA UINT64_C(0x80800000)

struct seen {
    uint64_t cause, tval, epc, status, value;
};
extern volatile struct seen seen;
extern char vectors[], user_stub[], landing[];
extern volatile uint64_t vectored;
/* f(a, b) in S, in U; what trap came of it, cause 0x7fff: none. The handler returns to the caller. */
void try_s(uint64_t f, uint64_t a, uint64_t b);
void try_u(uint64_t f, uint64_t a, uint64_t b);

#define CSRR(n)                                                                                                        \
    ({                                                                                                                 \
        uint64_t v_;                                                                                                   \
        __asm__ volatile("csrr %0, " #n : "=r"(v_)::"memory");                                                         \
        v_;                                                                                                            \
    })
#define CSRW(n, v) __asm__ volatile("csrw " #n ", %0" ::"r"((uint64_t)(v)) : "memory")
#define CSRS(n, v) __asm__ volatile("csrs " #n ", %0" ::"r"((uint64_t)(v)) : "memory")
#define CSRC(n, v) __asm__ volatile("csrc " #n ", %0" ::"r"((uint64_t)(v)) : "memory")
#define FENCE()    __asm__ volatile("sfence.vma" ::: "memory")

static uint64_t err_;
static uint64_t sbi(uint64_t ext, uint64_t fn, uint64_t x, uint64_t y, uint64_t z, uint64_t w)
{
    register uint64_t a0 __asm__("a0") = x, a1 __asm__("a1") = y, a2 __asm__("a2") = z, a3 __asm__("a3") = w,
                         a4 __asm__("a4") = 0, a6 __asm__("a6") = fn, a7 __asm__("a7") = ext;
    __asm__ volatile("ecall" : "+r"(a0), "+r"(a1) : "r"(a2), "r"(a3), "r"(a4), "r"(a6), "r"(a7) : "memory");
    err_ = a0;
    return a1;
}

static void put(char c)
{
    sbi(1, 0, (uint8_t)c, 0, 0, 0);
}

static void print(const char *s)
{
    while (*s)
        put(*s++);
}

static void hex(uint64_t v)
{
    int i = 60;
    while (i && !(v >> i & 15))
        i -= 4;
    for (; i >= 0; i -= 4)
        put("0123456789abcdef"[v >> i & 15]);
    put(' ');
}

static void show(const char *what)
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

static void line(const char *what, uint64_t v)
{
    print(what);
    put(' ');
    hex(v);
    put('\n');
}

static void see_s(const char *what, uint64_t f, uint64_t a, uint64_t b)
{
    try_s(f, a, b);
    show(what);
}

static void see_u(const char *what, uint64_t f, uint64_t a, uint64_t b)
{
    try_u(f, a, b);
    show(what);
}

/* Pieces of code, for S and U. */
#define PIECE(name, ...)                                                                                               \
    extern char name[];                                                                                                \
    __asm__(".pushsection .pieces,\"ax\"\n.balign 16\n.option arch, +d\n" #name ":\n" __VA_ARGS__ "\n.popsection\n")
PIECE(p_ld, "ld a0,0(a0)\nret");
PIECE(p_sd, "sd a1,0(a0)\nret");
PIECE(p_amo, "amoadd.d a0,a1,(a0)\nret");
PIECE(p_scd, "lr.d t0,(a0)\nsc.d a0,a1,(a0)\nret");
PIECE(p_lrx, "lr.d t0,(a0)\nsd a1,8(a0)\nsc.d a0,a1,(a0)\nret");
PIECE(p_lrsame, "lr.d t0,(a0)\nsd a1,0(a0)\nsc.d a0,a1,(a0)\nret");
PIECE(p_lrcsr, "lr.d t0,(a0)\ncsrr t1,sscratch\nsc.d a0,a1,(a0)\nret");
PIECE(p_lrfar, "lr.d t0,(a0)\nli t1,4096\nadd t1,t1,a0\nsc.d a0,a1,(t1)\nret");
PIECE(p_lrw, "lr.d t0,(a0)\nsc.w a0,a1,(a0)\nret");
PIECE(p_zero, ".word 0x0045200f\nret");
PIECE(p_clean, ".word 0x0015200f\nret");
PIECE(p_inval, ".word 0x0005200f\nret");
PIECE(p_flush, ".word 0x0025200f\nret");
PIECE(p_fadd, "fadd.d f0,f0,f1\nret");
PIECE(p_fld, "fld f0,0(a0)\nret");
PIECE(p_fsd, "fsd f0,0(a0)\nret");
PIECE(p_frcsr, "frcsr a0\nret");
PIECE(p_fscsr, "fscsr a0\nret");
PIECE(p_feq, "feq.d a0,f0,f0\nret");
PIECE(p_cyc, "rdcycle a0\nli a0,0\nret");
PIECE(p_time, "rdtime a0\nli a0,0\nret");
PIECE(p_ins, "rdinstret a0\nli a0,0\nret");
PIECE(p_hpm, "csrr a0,hpmcounter5\nret");
PIECE(p_wfi, "wfi\nret");
PIECE(p_sret, "sret\nret");
PIECE(p_mret, "mret\nret");
PIECE(p_sfence, "sfence.vma\nret");
PIECE(p_sinval, ".word 0x16000073\nret");
PIECE(p_sfwi, ".word 0x18000073\nret");
PIECE(p_ecall, "li a7,0x10\nli a6,3\necall\nret");
PIECE(p_ebreak, "ebreak\nret");
PIECE(p_cebreak, "c.ebreak\nret");
PIECE(p_ill16, ".half 0\nret");
PIECE(p_ill16b, ".half 0x9c41+0x20\nret");
PIECE(p_ill32, ".word 0xffffffff\nret");
PIECE(p_illcsr, "csrw time,a0\nret");
PIECE(p_nocsr, "csrr a0,0x5a8\nret");
PIECE(p_mcsr, "csrr a0,mstatus\nret");
PIECE(p_hcsr, "csrr a0,0x600\nret");
PIECE(p_vscsr, "csrr a0,0x200\nret");
PIECE(p_hlv, ".word 0x6c054573\nret");
PIECE(p_hfence, ".word 0x22000073\nret");
PIECE(p_sscratch, "csrr a0,sscratch\nret");
PIECE(p_satp, "csrr a0,satp\nret");
PIECE(p_stc, "csrr a0,0x14d\nli a0,0\nret");
PIECE(p_fencei, "fence.i\nli a0,7\nret");
PIECE(p_pause, ".word 0x0100000f\nli a0,8\nret");
PIECE(p_mark, "slti x0,x0,77\nli a0,8\nret");
PIECE(p_ssip, "csrsi sip,2\nnop\nnop\nli a0,1\nret");
PIECE(p_sstatuson, "csrsi sstatus,2\nnop\nnop\nli a0,1\nret");
PIECE(p_wfion, "csrsi sstatus,2\nwfi\nnop\nli a0,1\nret");
PIECE(p_ldu, "ld a0,1(a0)\nret");
PIECE(p_sdm, "sd a1,0(a0)\nld a0,0(a0)\nret");

static uint64_t next_page = ARENA;
static uint64_t page(void)
{
    uint64_t p = next_page;
    next_page += PAGE;
    for (unsigned i = 0; i < PAGE / 8; i++)
        ((volatile uint64_t *)p)[i] = 0;
    return p;
}

static uint64_t pte(uint64_t pa, uint64_t f)
{
    return pa >> 12 << 10 | f;
}

#define AT(t, i) (((volatile uint64_t *)(t))[i])
static uint64_t root, l1, l0; /* 1 GiB at 0x4000_0000 */
#define WIN UINT64_C(0x40000000)
static void on(unsigned mode, uint64_t r, uint64_t asid)
{
    CSRW(satp, (uint64_t)mode << 60 | asid << 44 | r >> 12);
}

static void space(uint64_t *r, uint64_t *m, uint64_t *l)
{
    *r = page();
    *m = page();
    *l = page();
    AT(*r, 1) = pte(*m, V);
    AT(*r, 2) = pte(0x80000000, RWX);
    AT(*r, 3) = pte(0x80000000, RWX | U); /* the same for U at 3 GiB */
    AT(*m, 0) = pte(*l, V);
}

#define USER(f) ((uint64_t)(f)-0x80000000 + 0xc0000000)

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

static uint64_t d, d2, code, code2;
static void prepare(void)
{
    space(&root, &l1, &l0);
    d = page(), d2 = page(), code = page(), code2 = page();
    AT(l0, 0) = pte(d, RW);
    AT(l0, 1) = pte(d2, RW | U);
    AT(l0, 2) = pte(l0, RW);
    AT(l0, 3) = pte(d, V | R | W);
    AT(l0, 4) = pte(d, V | R | A);
    AT(l0, 5) = 0;
    AT(l0, 6) = pte(code, RX);
    AT(l0, 7) = pte(code2, V | R | A);
    AT(l0, 8) = pte(code, RX | U);
    AT(l0, 9) = pte(code2, V | X | A);
    AT(l0, 10) = pte(l1, RW);
    AT(l0, 11) = pte(root, RW);
    AT(l0, 12) = pte(l0, RWX);
    AT(l0, 13) = pte(d, V | W | A | D);
    AT(l0, 14) = pte(d, V | W | X | A | D);
    AT(l0, 15) = pte(d, V | R | W | D);
    on(8, root, 1);
    FENCE();
}

/* Each kind of entry, each kind of access, by S and U, SUM and MXR. */
static void rights(void)
{
    static const struct {
        const char *n;
        char *p;
    } t[] = {{"ld", p_ld},
             {"sd", p_sd},
             {"amo", p_amo},
             {"lrsc", p_scd},
             {"lr/sc same", p_lrsame},
             {"lr/sc +8", p_lrx},
             {"lr csr sc", p_lrcsr},
             {"lr sc far", p_lrfar},
             {"lr.d sc.w", p_lrw},
             {"zero", p_zero},
             {"clean", p_clean},
             {"inval", p_inval},
             {"flush", p_flush},
             {"ld+1", p_ldu}};
    for (unsigned sum = 0; sum < 4; sum++) {
        CSRC(sstatus, 3 << 18);
        CSRS(sstatus, sum << 18);
        for (unsigned e = 0; e < 16; e++)
            for (unsigned i = 0; i < sizeof t / sizeof *t; i++) {
                uint64_t off = e == 2 || e == 12 || e == 10 || e == 11 ? 0x800 : 0x100;
                AT(l0, 3) = pte(d, V | R | W);
                AT(l0, 4) = pte(d, V | R | A);
                AT(l0, 15) = pte(d, V | R | W | D);
                FENCE();
                try_s((uint64_t)t[i].p, WIN + e * PAGE + off, 0);
                hex(sum);
                hex(e);
                print("S ");
                show(t[i].n);
                uint64_t ad = AT(l0, e) & 0xff;
                AT(l0, 3) = pte(d, V | R | W);
                AT(l0, 4) = pte(d, V | R | A);
                AT(l0, 15) = pte(d, V | R | W | D);
                FENCE();
                try_u(USER(t[i].p), WIN + e * PAGE + off, 0);
                hex(ad);
                hex(AT(l0, e) & 0xff);
                print("U ");
                show(t[i].n);
            }
    }
    CSRC(sstatus, 3 << 18);
}

/* Accesses across the end of a page. */
static void misaligned(void)
{
    AT(l0, 16) = pte(d, RW);
    AT(l0, 17) = pte(d2, RW);
    AT(l0, 18) = 0;
    AT(l0, 19) = pte(d, RW);
    AT(l0, 20) = pte(l0, RW);
    AT(l0, 21) = pte(d2, V | R | A | D);
    AT(l0, 22) = pte(d, RW);
    AT(l0, 23) = UINT64_C(0x50000000) >> 12 << 10 | RW;
    FENCE();
    for (unsigned k = 15; k <= 23; k++) {
        AT(d, 511) = 0x1111111111111111;
        AT(d2, 0) = 0x2222222222222222;
        AT(d2, 511) = 0x3333333333333333;
        AT(l0, 511) = 0;
        for (unsigned o = 1; o < 8; o += 3) {
            uint64_t save = AT(l0, 0);
            try_s((uint64_t)p_sdm, WIN + k * PAGE + PAGE - o, 0x0807060504030201);
            hex(k);
            hex(o);
            show("sd over");
            hex(AT(d, 511));
            hex(AT(d2, 0));
            hex(AT(l0, 0));
            hex(AT(l0, 511));
            put('\n');
            AT(l0, 0) = save;
            AT(d, 0) = 0;
        }
    }
    AT(l0, 0) = pte(d, RW);
    FENCE();
}

/* An instruction across the end of a page: lui a0, 0x12345. */
static void fetches(void)
{
    AT(l0, 24) = pte(code, RX);
    *(volatile uint16_t *)(code + 4094) = 0x5537;
    *(volatile uint16_t *)code2 = 0x1234;
    *(volatile uint16_t *)(code2 + 2) = 0x8082;
    *(volatile uint16_t *)(code + 4092) = 0x0001;
    *(volatile uint16_t *)code = 0x8082;
    __asm__ volatile("fence.i");
    static const unsigned second[] = {0, RX, V | R | A, V | X | A, RX | U, V | X, 0x3ff, RWX};
    for (unsigned i = 0; i < 8; i++) {
        AT(l0, 25) = pte(i == 7 ? l0 : code2, second[i]);
        FENCE();
        try_s(WIN + 24 * PAGE + 4094, 0, 0);
        hex(i);
        show("S fetch over");
        try_s(WIN + 24 * PAGE + 4092, 0, 0);
        hex(i);
        show("S fetch over, nop before");
        AT(l0, 24) = pte(code, RX | U);
        FENCE();
        try_u(WIN + 24 * PAGE + 4094, 0, 0);
        hex(i);
        show("U fetch over");
        try_s(WIN + 24 * PAGE + 4094, 0, 0);
        hex(i);
        show("S fetch of U over");
        AT(l0, 24) = pte(code, RX);
        FENCE();
        hex(AT(l0, 25) & 0xff);
        put('\n');
    }
}

/* Code on a page of page tables, which it changes. */
static void code_on_tables(void)
{
    AT(l0, 26) = pte(l0, RWX);
    AT(l0, 27) = pte(d, RW);
    FENCE();
    volatile uint32_t *pc = (volatile uint32_t *)(l0 + 0x800);
    pc[0] = 0x00b53023; /* sd a1,0(a0) */
    pc[1] = 0x00053503; /* ld a0,0(a0) */
    pc[2] = 0x00008067;
    __asm__ volatile("fence.i");
    see_s("code on a table", WIN + 26 * PAGE + 0x800, WIN + 26 * PAGE + 28 * 8, pte(d2, RW));
    line("entry", AT(l0, 28));
    see_s("through it", (uint64_t)p_ld, WIN + 28 * PAGE, 0);
    /* it changes itself: the store makes the next instruction li a0,5 / ret */
    see_s("code that writes itself", WIN + 26 * PAGE + 0x800, WIN + 26 * PAGE + 0x800, 0x8082450500b53023);
    pc[1] = 0x00053503;
    pc[2] = 0x00008067;
    __asm__ volatile("fence.i");
    /* a table that denies its own page */
    try_s((uint64_t)p_sd, WIN + 26 * PAGE + 26 * 8, 0);
    FENCE();
    see_s("it denied itself", (uint64_t)p_ld, WIN + 26 * PAGE, 0);
}

/* Superpages: misaligned, split, joined, and through which tables are written. */
static void superpages(void)
{
    AT(l1, 1) = pte(0x80801000, RW);
    FENCE();
    see_s("misaligned superpage", (uint64_t)p_ld, WIN + 0x200000, 0);
    AT(l1, 1) = pte(0x80800000, RW);
    FENCE();
    see_s("superpage", (uint64_t)p_sd, WIN + 0x200000 + (d - ARENA), 77);
    line("d", AT(d, 0));
    uint64_t split = page();
    for (unsigned i = 0; i < 512; i++)
        AT(split, i) = pte(ARENA + i * PAGE, V | R | A);
    AT(l1, 1) = pte(split, V);
    FENCE();
    see_s("split, write", (uint64_t)p_sd, WIN + 0x200000 + (d - ARENA), 78);
    line("d", AT(d, 0));
    see_s("split, read", (uint64_t)p_ld, WIN + 0x200000 + (d - ARENA), 78);
    AT(l1, 1) = pte(0x80800000, V | R | W);
    FENCE();
    see_s("joined", (uint64_t)p_sd, WIN + 0x200000 + (d - ARENA), 79);
    line("d", AT(d, 0));
    line("ad", AT(l1, 1) & 0xff);
    /* a superpage through which its own tables are written */
    AT(l1, 1) = pte(0x80800000, RW);
    FENCE();
    see_s("table written through a superpage", (uint64_t)p_sd, WIN + 0x200000 + (l0 + 30 * 8 - ARENA), pte(d, RW));
    line("entry", AT(l0, 30));
    see_s("through it", (uint64_t)p_ld, WIN + 30 * PAGE, 0);
    see_s("amo on the entry", (uint64_t)p_amo, WIN + 0x200000 + (l0 + 30 * 8 - ARENA), (uint64_t)-0x400);
    FENCE();
    see_s("through it", (uint64_t)p_ld, WIN + 30 * PAGE, 0);
}

/* The root as a leaf table of itself. */
static void self_mapped(void)
{
    AT(root, 4) = pte(root, V);
    FENCE();
    see_s("the root through itself", (uint64_t)p_ld, UINT64_C(4) << 30 | 4ull << 21 | 4 << 12 | 2 * 8, 0);
    see_s("the root writes itself", (uint64_t)p_sd, UINT64_C(4) << 30 | 4ull << 21 | 4 << 12 | 5 * 8,
          pte(0x80000000, RW));
    see_s("through it", (uint64_t)p_ld, (UINT64_C(5) << 30) + (d - 0x80000000), 0);
    try_s((uint64_t)p_sd, UINT64_C(4) << 30 | 4ull << 21 | 4 << 12 | 4 * 8, 0);
    FENCE();
    see_s("no more", (uint64_t)p_ld, UINT64_C(4) << 30 | 4ull << 21 | 4 << 12 | 2 * 8, 0);
}

/* Roots that share tables; one ASID for several roots. */
static void shared_roots(void)
{
    uint64_t root2 = page();
    for (unsigned i = 0; i < 512; i++)
        AT(root2, i) = AT(root, i);
    AT(l0, 31) = pte(d, RW);
    AT(l0, 32) = pte(d2, RW);
    FENCE();
    AT(d, 0) = 1;
    AT(d2, 0) = 2;
    for (unsigned i = 0; i < 4; i++) {
        on(8, i & 1 ? root2 : root, i >> 1);
        try_s((uint64_t)p_ld, WIN + 31 * PAGE, 0);
        hex(i);
        show("shared table");
        AT(l0, 31) = pte(i & 1 ? d : d2, RW);
        FENCE();
        try_s((uint64_t)p_ld, WIN + 31 * PAGE, 0);
        hex(i);
        show("changed");
    }
    uint64_t m2 = page(), o2 = page();
    AT(root2, 1) = pte(m2, V);
    AT(m2, 0) = pte(o2, V);
    AT(o2, 31) = pte(d2, RW);
    for (unsigned i = 0; i < 4; i++) {
        on(8, i & 1 ? root2 : root, 3);
        FENCE();
        try_s((uint64_t)p_ld, WIN + 31 * PAGE, 0);
        hex(i);
        show("one asid, two roots");
    }
}

/* Svnapot, Svpbmt, reserved bits, tables where no memory is. */
static void odd_entries(void)
{
    on(8, root, 0);
    uint64_t big = (next_page + 0xffff) & ~0xffffull;
    next_page = big;
    for (unsigned i = 0; i < 16; i++) {
        uint64_t p = page();
        AT(p, 0) = 0x100 + i;
        AT(l0, 48 + i) = pte(big + 0x8000, RW) | 1ull << 63;
    }
    FENCE();
    for (unsigned i = 0; i < 16; i += 5) {
        try_s((uint64_t)p_ld, WIN + (48 + i) * PAGE, 0);
        hex(i);
        show("napot");
    }
    AT(l0, 50) = pte(big + 0x8000, V | R | W) | 1ull << 63;
    FENCE();
    see_s("napot, clear A and D", (uint64_t)p_sd, WIN + 50 * PAGE, 9);
    line("entry", AT(l0, 50) & 0xff);
    line("other", AT(l0, 51) & 0xff);
    line("page", AT(big + 2 * PAGE, 0));
    AT(l0, 49) = pte(big + 0x4000, RW) | 1ull << 63;
    FENCE();
    see_s("napot, reserved size", (uint64_t)p_ld, WIN + 49 * PAGE, 0);
    AT(l1, 2) = pte(0x80800000, RW) | 1ull << 63;
    FENCE();
    see_s("napot superpage", (uint64_t)p_ld, WIN + 0x400000, 0);
    for (uint64_t b = 1; b < 4; b++) {
        AT(l0, 33) = pte(d, RW) | b << 61;
        FENCE();
        try_s((uint64_t)p_ld, WIN + 33 * PAGE, 0);
        hex(b);
        show("pbmt");
    }
    for (uint64_t b = 54; b < 61; b++) {
        AT(l0, 33) = pte(d, RW) | 1ull << b;
        FENCE();
        try_s((uint64_t)p_ld, WIN + 33 * PAGE, 0);
        hex(b);
        show("reserved");
    }
    AT(l1, 2) = pte(l0, V | A);
    FENCE();
    see_s("pointer with A", (uint64_t)p_ld, WIN + 0x400000, 0);
    AT(l1, 2) = pte(l0, V | U);
    FENCE();
    see_s("pointer with U", (uint64_t)p_ld, WIN + 0x400000, 0);
    AT(l1, 2) = pte(l0, V) | 1ull << 61;
    FENCE();
    see_s("pointer with pbmt", (uint64_t)p_ld, WIN + 0x400000, 0);
    AT(l1, 2) = pte(0x0c000000, V);
    FENCE();
    see_s("table in the PLIC", (uint64_t)p_ld, WIN + 0x400000, 0);
    AT(l1, 2) = pte(0x50000000, V);
    FENCE();
    see_s("table nowhere", (uint64_t)p_ld, WIN + 0x400000, 0);
    AT(l1, 2) = pte(0xfffffffffff000, V);
    FENCE();
    see_s("table far away", (uint64_t)p_sd, WIN + 0x400000, 0);
    AT(l1, 2) = 0;
}

/* Addresses that are not canonical, with and without translation. */
static void addresses(void)
{
    static const uint64_t va[] = {0x4000000000,       0x3fffffffff,       0xffffffc000000000,
                                  0x8000000040000000, 0xffffffffffffffff, 0xfffffffffffffffc};
    for (unsigned i = 0; i < 6; i++) {
        see_s("ld", (uint64_t)p_ld, va[i], 0);
        see_s("jump", va[i] & ~1ull, 0, 0);
        see_u("jump U", va[i] & ~1ull, 0, 0);
    }
    CSRW(satp, 0);
    for (unsigned i = 0; i < 6; i++) {
        see_s("bare ld", (uint64_t)p_ld, va[i], 0);
        see_s("bare sd", (uint64_t)p_sd, va[i] & ~7ull, 0);
        see_s("bare amo", (uint64_t)p_amo, va[i] & ~7ull, 0);
        see_s("bare jump", va[i] & ~1ull, 0, 0);
    }
}

static void levels(void)
{
    space(&root, &l1, &l0);
    uint64_t r4 = page(), r5 = page();
    d = page();
    AT(l0, 0) = pte(d, RW);
    AT(d, 0) = 0xd;
    AT(r4, 0) = pte(root, V);
    AT(r4, 511) = pte(root, V);
    AT(r5, 0) = pte(r4, V);
    AT(r5, 511) = pte(r4, V);
    AT(r4, 5) = pte(0, RW);
    AT(r5, 5) = pte(0, RW);
    for (unsigned m = 8; m < 11; m++) {
        on(m, m == 8 ? root : m == 9 ? r4 : r5, 0);
        FENCE();
        hex(m);
        put('\n');
        see_s("low", (uint64_t)p_ld, WIN, 0);
        see_s("high48", (uint64_t)p_ld, WIN | 0xffffff8000000000, 0);
        see_s("between", (uint64_t)p_ld, WIN | 0xffffff8000000000 | 1ull << 38, 0);
        see_s("48", (uint64_t)p_ld, WIN | 0xffff800000000000, 0);
        see_s("not canonical", (uint64_t)p_ld, WIN | 0xffffff8000000000 >> 1, 0);
        see_s("57?", (uint64_t)p_ld, WIN | 0xffffff8000000000 << 1, 0);
        see_s("512 GiB page", (uint64_t)p_ld, (5ull << 39) + d, 0);
        see_s("256 TiB page", (uint64_t)p_ld, (5ull << 48) + d, 0);
        see_u("U", USER(p_ld), WIN, 0);
    }
    CSRW(satp, 0);
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
    prepare();
    rights();
    misaligned();
    fetches();
    code_on_tables();
    superpages();
    self_mapped();
    shared_roots();
    odd_entries();
    addresses();
    levels();
    env();
    sretting();
    print("corners: done\n");
    line("pages", (next_page - ARENA) >> 12);
    sbi(0x53525354, 0, 0, 0, 0, 0);
    for (;;)
        ;
}
