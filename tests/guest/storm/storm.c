/* SPDX-License-Identifier: MIT */
/*
 * A storm of what a monitor has to get right about address translation, traps and CSRs: random entries in tables that several roots share and that map
 * themselves, as they are, without or with fences, used by loads, stores, AMOs, fetches and fences of S and U, in Sv39, Sv48, Sv57 and Bare. Boot arguments:
 * seed=N, steps=N, fence=1 (each change is followed by a fence, so that machines must agree whatever their TLBs do). It prints a sum of what it saw.
 *
 * RAM: 0x8000_0000 firmware | 0x8020_0000 this program | 0x8040_0000 tables | 0x8060_0000 data, one page of 2 MiB. What is written into a table names nothing
 * but tables and data, so that the storm does not hit the program.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    TABLES = 16, /* that random entries point at, and change */
    ROOTS = 4,
    STUBS = 16, /* bytes for a piece of code */
    LOADS = 7,
    STORES = 4,
    AMOS = 6,
    LRSC = 3,
    BLOCKS = 3,
    FLOATS = 2,
    ACCESSES = LOADS + STORES + AMOS + LRSC + BLOCKS + FLOATS,
    OTHERS = 18,
    PAGE = 4096,
    ENTRIES = 512,
    CODE_AT = 0xf80 /* in each page of data: a function */
};
#define TABLE_BASE UINT64_C(0x80400000)
#define DATA_BASE  UINT64_C(0x80600000)
#define WINDOW     (UINT64_C(1) << 30)
#define USER_VA    (UINT64_C(3) << 30)
#define PLIC       UINT64_C(0x0c000000)
#define NOWHERE    UINT64_C(0x50000000)

enum { V = 1, R = 2, W = 4, X = 8, U = 16, G = 32, A = 64, D = 128 };
enum { SSTATUS_SIE = 2, SSTATUS_FS = 3 << 13, SSTATUS_SUM = 1 << 18, SSTATUS_MXR = 1 << 19 };

extern char kernel_code[], user_code[], vectors[];
struct result {
    uint64_t cause, value, tval, epc, status;
};
extern volatile struct result probe_result;
extern volatile uint64_t probe_open;
void probe(uint64_t f, uint64_t a, uint64_t b);
void probe_user(uint64_t f, uint64_t a, uint64_t b);
void spin(void);
_Noreturn void storm(const char *tree);
_Noreturn void astray(const struct result *r);

static uint64_t state, sum, counted[2];
static bool fences;

#define csr_read(csr)                                                                                                  \
    __extension__({                                                                                                    \
        uint64_t v_;                                                                                                   \
        __asm__ volatile("csrr %0, " #csr : "=r"(v_));                                                                 \
        v_;                                                                                                            \
    })
#define csr_write(csr, v) __asm__ volatile("csrw " #csr ", %0" ::"r"((uint64_t)(v)) : "memory")
#define csr_set(csr, v)   __asm__ volatile("csrs " #csr ", %0" ::"r"((uint64_t)(v)) : "memory")
#define csr_clear(csr, v) __asm__ volatile("csrc " #csr ", %0" ::"r"((uint64_t)(v)) : "memory")

static uint64_t sbi(uint64_t extension, uint64_t function, uint64_t arg0, uint64_t arg1)
{
    register uint64_t a0 __asm__("a0") = arg0, a1 __asm__("a1") = arg1, a6 __asm__("a6") = function,
                         a7 __asm__("a7") = extension;
    __asm__ volatile("ecall" : "+r"(a0), "+r"(a1) : "r"(a6), "r"(a7) : "memory");
    return a1;
}

static void print(const char *s)
{
    for (; *s; s++)
        sbi(1, 0, (uint8_t)*s, 0);
}

static void print_hex(const char *what, uint64_t v)
{
    static const char digits[] = "0123456789abcdef";
    print(what);
    for (int i = 60; i >= 0; i -= 4)
        sbi(1, 0, (uint8_t)digits[v >> i & 15], 0);
    print("\n");
}

static _Noreturn void off(bool well)
{
    sbi(0x53525354, 0, 0, !well);
    for (;;)
        ;
}

/* A trap that is no probe's. */
void astray(const struct result *r)
{
    csr_write(satp, 0);
    print_hex("storm: astray, cause ", r->cause);
    print_hex("tval ", r->tval);
    print_hex("epc ", r->epc);
    off(false);
}

static uint64_t draw(void)
{
    state += UINT64_C(0x9e3779b97f4a7c15);
    uint64_t z = state;
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

static uint64_t below(uint64_t n)
{
    return draw() % n;
}

static bool chance(unsigned percent)
{
    return below(100) < percent;
}

static void mix(uint64_t v)
{
    sum = (sum ^ v) * UINT64_C(0x100000001b3);
    sum ^= sum >> 29;
}

static uint64_t table(uint64_t n)
{
    return TABLE_BASE + n * PAGE;
}

static uint64_t root(uint64_t n)
{
    return table(TABLES + n);
}

static uint64_t to(uint64_t pa, uint64_t flags)
{
    return pa >> 12 << 10 | flags;
}

/* ---- Entries ---- */

static uint64_t flags(void)
{
    static const uint8_t rights[] = {R, R | W, X, R | X, R | W | X, R | W | X, R | W, R};
    if (chance(12))
        return below(1024);
    return V | rights[below(sizeof rights)] | (chance(50) ? U : 0) | (chance(10) ? G : 0) | (chance(85) ? A : 0) |
           (chance(75) ? D : 0);
}

static uint64_t leaf(void)
{
    uint64_t f = flags(), pa = DATA_BASE + below(16) * PAGE;
    if (chance(15))
        pa = table(below(TABLES));
    else if (chance(3))
        pa = chance(50) ? PLIC : NOWHERE;
    else if (chance(5))
        return to(DATA_BASE + below(4) * 16 * PAGE + 8 * PAGE, f) | UINT64_C(1) << 63; /* NAPOT, 64 KiB */
    if (chance(3))
        f |= (1 + below(3)) << 61; /* PBMT */
    if (chance(2))
        f |= UINT64_C(1) << (54 + below(7)); /* reserved */
    return to(pa, f);
}

/* Of a table whose entries stand for 2 MiB. */
static uint64_t middle(void)
{
    if (chance(65))
        return to(table(below(TABLES)), V | (chance(3) ? U : 0) | (chance(5) ? G : 0));
    return chance(80) ? to(DATA_BASE, flags()) : leaf();
}

static uint64_t any_entry(void)
{
    return chance(60) ? leaf() : middle();
}

static unsigned slot(void)
{
    return chance(12) ? (unsigned)(ENTRIES - 2 + below(2)) : (unsigned)below(8);
}

static void fence(void)
{
    __asm__ volatile("sfence.vma" ::: "memory");
}

static uint64_t address(void)
{
    static const uint16_t edges[] = {0, 8, 0xff8, 0xff0, 0x800};
    uint64_t va = WINDOW + (uint64_t)slot() * (UINT64_C(1) << 21) + (uint64_t)slot() * PAGE;
    if (chance(2))
        return chance(50) ? draw() : va | UINT64_C(1) << (38 + below(20));
    if (chance(2))
        return TABLE_BASE + below(16) * PAGE; /* the program's own page, which U may not see */
    return va + (chance(50) ? edges[below(5)] : slot() * 8);
}

/* ---- Steps ---- */

static void change_entry(void)
{
    volatile uint64_t *at = (volatile uint64_t *)table(below(TABLES)) + slot();
    *at = any_entry();
    if (fences || chance(60))
        fence();
}

static void change_root(void)
{
    volatile uint64_t *at = (volatile uint64_t *)root(below(ROOTS)) + 1;
    *at = chance(90) ? to(table(below(TABLES)), V) : to(UINT64_C(0x80000000), V | R | A | D | (chance(50) ? U : 0));
    if (fences || chance(60))
        fence();
}

static void change_satp(void)
{
    uint64_t mode = below(10), n = below(ROOTS), asid = below(4) << 44;
    uint64_t r = mode < 6 ? root(n) : root(ROOTS + (mode & 1));
    csr_write(satp, (mode < 6 ? UINT64_C(8) : mode == 9 ? 0 : UINT64_C(9) + (mode & 1)) << 60 | asid | r >> 12);
    if (fences || chance(30))
        fence();
    mix(csr_read(satp));
}

static void change_status(void)
{
    csr_clear(sstatus, SSTATUS_SUM | SSTATUS_MXR | SSTATUS_FS);
    csr_set(sstatus, (draw() & (SSTATUS_SUM | SSTATUS_MXR)) | (chance(85) ? SSTATUS_FS & (draw() | 1 << 13) : 0));
}

static void some_fence(void)
{
    uint64_t va = address(), asid = below(4);
    switch (below(5)) {
    case 0: __asm__ volatile("sfence.vma %0, zero" ::"r"(va) : "memory"); break;
    case 1: __asm__ volatile("sfence.vma zero, %0" ::"r"(asid) : "memory"); break;
    case 2: __asm__ volatile("sfence.vma %0, %1" ::"r"(va), "r"(asid) : "memory"); break;
    case 3:
        __asm__ volatile(".word 0x18000073; .insn r 0x73, 0, 0x0b, x0, %0, x0; .word 0x18100073" ::"r"(va) : "memory");
        break;
    default: fence();
    }
}

static void saw(void)
{
    struct result r = {probe_result.cause, probe_result.value, probe_result.tval, probe_result.epc,
                       probe_result.status};
    mix(r.cause);
    mix(r.value);
    mix(r.tval);
    mix(r.epc);
    mix(r.status);
    counted[r.cause != 0x7fff && r.cause != 8]++;
}

/* Runs piece n of the code, as S or as U. */
static void run(unsigned n, uint64_t a, uint64_t b)
{
    bool bare = !(csr_read(satp) >> 60);
    if (chance(55))
        probe((uint64_t)kernel_code + n * STUBS, a, b);
    else
        probe_user((bare ? (uint64_t)user_code : USER_VA) + n * STUBS, a, b);
    saw();
}

/* What a store may write without making an entry that points at the program. */
static void access(void)
{
    unsigned n = (unsigned)below(ACCESSES);
    uint64_t va = address(), v = any_entry();
    bool atomic = n >= LOADS + STORES;
    if (n < LOADS && chance(40))
        va += below(16);
    if (n >= LOADS && n < LOADS + STORES - 1) {
        v = 0; /* a part of an entry */
        va += chance(30) ? below(8) : 0;
    } else if (n == LOADS + STORES - 1 && chance(20)) {
        v = 0;
        va += below(8);
    } else if (atomic && n < LOADS + STORES + AMOS) {
        unsigned amo = n - LOADS - STORES;
        v = amo == 0 ? v : amo == 2 ? ~below(1024) : amo == 4 ? 0 : below(256);
        va += chance(5) ? 4 : 0;
        if (va & 4 && amo != 2)
            v = 0;
    }
    if (va % PAGE >= CODE_AT && va % PAGE < 0xff0)
        va -= 0x200;
    run(n, va, v);
}

static void other(void)
{
    unsigned n = (unsigned)below(OTHERS);
    if (n == 4) /* wfi: something must come */
        csr_set(sip, 2);
    csr_write(sie, n == 4 ? 2 : 0);
    if (n == 5) {
        /* sret in S: goes on behind it, in S */
        csr_write(sepc, (uint64_t)kernel_code + (ACCESSES + 5) * STUBS + 4);
        csr_set(sstatus, 0x100);
    }
    run(ACCESSES + n, draw(), draw());
    csr_write(sie, 0);
    csr_clear(sip, 2);
}

static void fetch(void)
{
    uint64_t va = (address() & ~(uint64_t)(PAGE - 1)) + CODE_AT;
    if (va - TABLE_BASE < TABLES * PAGE || va - WINDOW >= WINDOW)
        va = WINDOW + CODE_AT;
    if (chance(20)) {
        volatile uint32_t *code = (volatile uint32_t *)(DATA_BASE + below(16) * PAGE + CODE_AT);
        *code = 0x00050513 | (uint32_t)below(2048) << 20; /* addi a0, a0, n */
        __asm__ volatile("fence.i" ::: "memory");
    }
    if (chance(50))
        probe(va, 1, 0);
    else
        probe_user(va, 1, 0);
    saw();
}

static void interrupt(void)
{
    bool timer = chance(60);
    csr_write(stvec, (uint64_t)vectors | below(2));
    csr_write(sie, 0x222);
    if (timer)
        sbi(0x54494d45, 0, csr_read(time) + below(300), 0);
    else
        csr_set(sip, 2);
    probe_open = chance(60) ? SSTATUS_SIE : 0;
    if (chance(70))
        probe((uint64_t)spin, 1 + below(30000), 0);
    else
        run((unsigned)below(ACCESSES), address() & ~UINT64_C(7), 0);
    if (chance(70))
        saw();
    csr_write(sie, 0);
    csr_clear(sip, 2);
    sbi(0x54494d45, 0, UINT64_MAX, 0);
    probe_open = 0;
}

/* A CSR instruction, made on the spot. */
static void csr(void)
{
    static uint32_t code[2];
    static const uint16_t safe[] = {0x100, 0x106, 0x10a, 0x140, 0x141, 0x142, 0x143, 0x144, 0x001,
                                    0x002, 0x003, 0xc00, 0xc01, 0xc02, 0xc03, 0x14d, 0x104};
    bool writes = chance(60);
    uint32_t number = writes ? safe[below(sizeof safe / sizeof *safe)] : (uint32_t)below(4096);
    uint64_t v = number == 0x104   ? 0
                 : number == 0x100 ? draw() & (SSTATUS_SUM | SSTATUS_MXR | SSTATUS_FS | 0x120)
                                   : draw();
    if (!writes && number == 0x180) /* its address would be that of a page that is chosen at random */
        return;
    code[0] =
        number << 20 | 11 << 15 | (writes ? 1 + (uint32_t)below(3) : 2) << 12 | 10 << 7 | 0x73; /* csrrX a0, csr, a1 */
    if (!writes)
        code[0] &= ~(UINT32_C(31) << 15);
    if (number == 0x100)
        code[0] = (code[0] & ~(UINT32_C(7) << 12)) | 2 << 12;
    code[1] = 0x00008067;
    __asm__ volatile("fence.i" ::: "memory");
    probe((uint64_t)code, 0, v);
    saw();
}

/* ---- All of it ---- */

static void prepare(void)
{
    for (uint64_t pa = TABLE_BASE; pa < TABLE_BASE + (TABLES + ROOTS + 4) * PAGE; pa += 8)
        *(volatile uint64_t *)pa = 0;
    for (uint64_t n = 0; n < ENTRIES; n++) {
        volatile uint32_t *code = (volatile uint32_t *)(DATA_BASE + n * PAGE + CODE_AT);
        code[0] = 0x00050513 | (uint32_t)n << 20; /* addi a0, a0, n */
        code[1] = 0x00008067;                     /* ret */
        *(volatile uint64_t *)(DATA_BASE + n * PAGE) = n;
    }
    __asm__ volatile("fence.i" ::: "memory");
    uint64_t user1 = root(ROOTS + 2), user0 = root(ROOTS + 3);
    *(volatile uint64_t *)user1 = to(user0, V);
    *(volatile uint64_t *)user0 = to((uint64_t)user_code, V | R | X | U | A | D);
    for (uint64_t n = 0; n < ROOTS; n++) {
        volatile uint64_t *r = (volatile uint64_t *)root(n);
        r[1] = to(table(n), V);
        r[2] = to(UINT64_C(0x80000000), V | R | W | X | A | D | (n & 1 ? G : 0));
        r[3] = to(user1, V);
    }
    *(volatile uint64_t *)root(ROOTS) = to(root(0), V);         /* of Sv48 */
    *(volatile uint64_t *)root(ROOTS + 1) = to(root(ROOTS), V); /* of Sv57 */
    for (unsigned i = 0; i < TABLES * 8; i++)
        *((volatile uint64_t *)table(i % TABLES) + slot()) = any_entry();
    fence();
}

static uint64_t argument(const char *tree, const char *name, uint64_t otherwise)
{
    const uint8_t *t = (const uint8_t *)tree;
    uint32_t size = (uint32_t)t[4] << 24 | (uint32_t)t[5] << 16 | (uint32_t)t[6] << 8 | t[7];
    for (uint32_t i = 0; i + 32 < size; i++) {
        uint32_t k = 0;
        uint64_t v = 0;
        while (name[k] && tree[i + k] == name[k])
            k++;
        if (name[k])
            continue;
        for (; tree[i + k] >= '0' && tree[i + k] <= '9'; k++)
            v = v * 10 + (uint64_t)(tree[i + k] - '0');
        return v;
    }
    return otherwise;
}

void storm(const char *tree)
{
    static void (*const steps[])(void) = {access,       access,        access,     access, access, access,
                                          access,       fetch,         fetch,      other,  csr,    change_entry,
                                          change_entry, change_status, some_fence, other,  access, change_satp};
    uint64_t n = argument(tree, "steps=", 20000);
    state = argument(tree, "seed=", 1);
    fences = argument(tree, "fence=", 0);
    prepare();
    csr_write(scounteren, 7);
    for (uint64_t i = 0; i < n; i++) {
        uint64_t pick = below(sizeof steps / sizeof *steps + 1);
        if (pick < sizeof steps / sizeof *steps)
            steps[pick]();
        else if (chance(30))
            interrupt();
        else
            change_root();
    }
    csr_write(satp, 0);
    for (uint64_t pa = TABLE_BASE; pa < DATA_BASE + 64 * PAGE; pa += 8)
        mix(*(volatile uint64_t *)pa);
    print_hex("storm: sum ", sum);
    print_hex("storm: went well ", counted[0]);
    print_hex("storm: trapped ", counted[1]);
    off(true);
}
