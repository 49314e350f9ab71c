/* SPDX-License-Identifier: MIT */
/* What a kernel may expect of the SBI, call by call: one line for each, "ok" or "NOT OK", and a status of 0 if all are ok. Four harts. */
#include <stdbool.h>
#include <stdint.h>

enum {
    BASE = 0x10,
    TIME = 0x54494d45,
    IPI = 0x735049,
    RFENCE = 0x52464e43,
    HSM = 0x48534d,
    SRST = 0x53525354,
    DBCN = 0x4442434e
};
enum { NOT_SUPPORTED = -2, INVALID_PARAM = -3, INVALID_ADDRESS = -5, ALREADY_AVAILABLE = -6 };
enum { STARTED, STOPPED, SUSPENDED = 4 };
enum { HARTS = 4, SSIP = 1 << 1, STIP = 1 << 5, SIE = 1 << 1 };
#define ALL UINT64_MAX

#define READ(csr)                                                                                                      \
    ({                                                                                                                 \
        uint64_t csr_value;                                                                                            \
        __asm__ volatile("csrr %0, " #csr : "=r"(csr_value));                                                          \
        csr_value;                                                                                                     \
    })
#define SET(csr, v)   __asm__ volatile("csrs " #csr ", %0" ::"r"((uint64_t)(v)) : "memory")
#define CLEAR(csr, v) __asm__ volatile("csrc " #csr ", %0" ::"r"((uint64_t)(v)) : "memory")

void main(uint64_t hart, uint64_t fdt);
void secondary(uint64_t hart, uint64_t opaque, uint64_t satp, uint64_t sstatus);
void resumed_main(uint64_t hart, uint64_t opaque, uint64_t satp, uint64_t sstatus);
void trap(uint64_t *frame);
extern char started[], resumed[];

struct ret {
    int64_t error;
    uint64_t value;
};

static struct ret sbi(uint64_t eid, uint64_t fid, uint64_t x0, uint64_t x1, uint64_t x2, uint64_t x3, uint64_t x4)
{
    register uint64_t a0 __asm__("a0") = x0;
    register uint64_t a1 __asm__("a1") = x1;
    register uint64_t a2 __asm__("a2") = x2;
    register uint64_t a3 __asm__("a3") = x3;
    register uint64_t a4 __asm__("a4") = x4;
    register uint64_t a6 __asm__("a6") = fid;
    register uint64_t a7 __asm__("a7") = eid;
    __asm__ volatile("ecall" : "+r"(a0), "+r"(a1) : "r"(a2), "r"(a3), "r"(a4), "r"(a6), "r"(a7) : "memory");
    return (struct ret){(int64_t)a0, a1};
}

static unsigned failures;

static void print(const char *s)
{
    while (*s)
        sbi(1, 0, (uint8_t)*s++, 0, 0, 0, 0);
}

static void check(bool ok, const char *what)
{
    print(ok ? "ok     " : "NOT OK ");
    print(what);
    print("\n");
    failures += !ok;
}

static void expect(struct ret r, int64_t error, const char *what)
{
    check(r.error == error, what);
}

/* What happened on each hart; each is written by that hart only. */
static volatile uint64_t timer_traps[HARTS], ipi_traps[HARTS], page_faults[HARTS];
static volatile uint64_t seen_opaque[HARTS], seen_satp[HARTS], seen_sie[HARTS], arrived[HARTS];
static volatile struct ret suspended[HARTS];
static volatile enum order { WAIT, STOP, SLEEP, SLEEP_DEEP, SLEEP_HIGH_BIT } order[HARTS];

void trap(uint64_t *frame)
{
    (void)frame;
    uint64_t hart, cause = READ(scause);
    __asm__ volatile("mv %0, tp" : "=r"(hart));
    if (cause == (1ull << 63 | 5)) {
        timer_traps[hart]++;
        sbi(TIME, 0, ALL, 0, 0, 0, 0);
    } else if (cause == (1ull << 63 | 1)) {
        ipi_traps[hart]++;
        CLEAR(sip, SSIP);
    } else if (cause == 13 || cause == 5) {
        page_faults[hart]++;
        __asm__ volatile("csrw sepc, %0" ::"r"(READ(sepc) + 4));
    } else {
        print("unexpected trap\n");
        sbi(SRST, 0, 0, 1, 0, 0, 0);
    }
}

/* Other harts: do as they are told, waiting for interrupts. */
static void obey(uint64_t hart)
{
    SET(sie, SSIP);
    SET(sstatus, SIE);
    arrived[hart]++;
    for (;;) {
        enum order o = order[hart];
        if (o == WAIT) /* nothing is written: an order may come at any moment */
            continue;
        order[hart] = WAIT;
        struct ret r = {0, 0};
        switch (o) {
        case WAIT: break;
        case STOP: sbi(HSM, 1, 0, 0, 0, 0, 0); break;
        case SLEEP: r = sbi(HSM, 3, 0, 0, 0, 0, 0); break;
        case SLEEP_HIGH_BIT: r = sbi(HSM, 3, 1ull << 63, 0, 0, 0, 0); break;
        case SLEEP_DEEP: r = sbi(HSM, 3, 0x80000000, (uint64_t)(uintptr_t)resumed, 0x5e5e0000 + hart, 0, 0); break;
        }
        suspended[hart].error = r.error;
        arrived[hart]++;
    }
}

void secondary(uint64_t hart, uint64_t opaque, uint64_t satp, uint64_t sstatus)
{
    seen_opaque[hart] = opaque;
    seen_satp[hart] = satp;
    seen_sie[hart] = sstatus & SIE;
    obey(hart);
}

void resumed_main(uint64_t hart, uint64_t opaque, uint64_t satp, uint64_t sstatus)
{
    seen_opaque[hart] = opaque;
    seen_satp[hart] = satp;
    seen_sie[hart] = sstatus & SIE;
    obey(hart);
}

static bool becomes(uint64_t hart, uint64_t state)
{
    for (int i = 0; i < 100000; i++)
        if (sbi(HSM, 2, hart, 0, 0, 0, 0).value == state)
            return true;
    return false;
}

static bool counts(volatile uint64_t *counter, uint64_t to)
{
    for (int i = 0; i < 1000000 && *counter < to; i++)
        __asm__ volatile("nop");
    return *counter == to;
}

static void test_base(void)
{
    struct ret r = sbi(BASE, 0, 0, 0, 0, 0, 0);
    check(r.error == 0 && r.value >> 24 == 2 && !(r.value >> 31), "base: specification 2.x");
    static const struct {
        uint64_t eid;
        const char *what;
    } all[] = {{BASE, "base: BASE is there"},     {TIME, "base: TIME is there"},  {IPI, "base: IPI is there"},
               {RFENCE, "base: RFENCE is there"}, {HSM, "base: HSM is there"},    {SRST, "base: SRST is there"},
               {DBCN, "base: DBCN is there"},     {0, "base: legacy 0 is there"}, {8, "base: legacy 8 is there"}};
    for (unsigned i = 0; i < sizeof all / sizeof all[0]; i++) {
        r = sbi(BASE, 3, all[i].eid, 0, 0, 0, 0);
        check(r.error == 0 && r.value, all[i].what);
    }
    r = sbi(BASE, 3, 0xb000000, 0, 0, 0, 0);
    check(r.error == 0 && r.value == 0, "base: what is not there is not");
    for (uint64_t fid = 4; fid <= 6; fid++)
        expect(sbi(BASE, fid, 0, 0, 0, 0, 0), 0, "base: vendor, architecture, implementation");
    static const uint64_t eids[] = {BASE, TIME, IPI, RFENCE, HSM, SRST, DBCN, 0xb000000, 0xf};
    for (unsigned i = 0; i < sizeof eids / sizeof eids[0]; i++)
        expect(sbi(eids[i], 0xbad, 0, 0, 0, 0, 0), NOT_SUPPORTED, "base: an unknown function");
}

static void test_time(uint64_t me)
{
    uint64_t begin = READ(time);
    SET(sie, STIP);
    SET(sstatus, SIE);
    expect(sbi(TIME, 0, begin + 20000, 0, 0, 0, 0), 0, "time: set");
    check(timer_traps[me] == 0, "time: not yet");
    while (READ(time) < begin + 40000 && !timer_traps[me])
        ;
    check(timer_traps[me] == 1 && READ(time) >= begin + 20000, "time: fires once, and not early");
    CLEAR(sie, STIP);
    sbi(TIME, 0, 0, 0, 0, 0, 0);
    check(READ(sip) & STIP, "time: pending at once when set to 0");
    sbi(TIME, 0, ALL, 0, 0, 0, 0);
    check(!(READ(sip) & STIP), "time: cleared while masked");
    sbi(0, 0, READ(time) + 1000, 0, 0, 0, 0);
    SET(sie, STIP);
    __asm__ volatile("wfi");
    while (timer_traps[me] < 2)
        ;
    check(timer_traps[me] == 2, "time: by the legacy call, out of wfi");
    CLEAR(sie, STIP);
}

static void test_start(uint64_t me)
{
    uint64_t at = (uint64_t)(uintptr_t)started;
    check(becomes(me, STARTED), "hsm: this hart is started");
    expect(sbi(HSM, 2, HARTS, 0, 0, 0, 0), INVALID_PARAM, "hsm: status of no hart");
    expect(sbi(HSM, 0, ALL, at, 0, 0, 0), INVALID_PARAM, "hsm: start no hart");
    expect(sbi(HSM, 0, me, at, 0, 0, 0), ALREADY_AVAILABLE, "hsm: start a started hart");
    uint64_t other = (me + 1) % HARTS;
    expect(sbi(HSM, 0, other, ALL, 0, 0, 0), INVALID_ADDRESS, "hsm: start at no memory");
    expect(sbi(HSM, 0, other, 0x80000000, 0, 0, 0), INVALID_ADDRESS, "hsm: start in the firmware");
    for (uint64_t h = 0; h < HARTS; h++) {
        if (h == me)
            continue;
        check(becomes(h, STOPPED), "hsm: other harts are stopped");
        expect(sbi(HSM, 0, h, at, 0x1234500 + h, 0, 0), 0, "hsm: start");
        check(becomes(h, STARTED) && counts(&arrived[h], 1), "hsm: it runs");
        check(seen_opaque[h] == 0x1234500 + h && !seen_satp[h] && !seen_sie[h],
              "hsm: a1, satp and sstatus.SIE at the start");
    }
}

static void test_ipi(uint64_t me)
{
    uint64_t next = (me + 1) % HARTS;
    expect(sbi(IPI, 0, 1, next, 0, 0, 0), 0, "ipi: to one");
    check(counts(&ipi_traps[next], 1), "ipi: it comes");
    expect(sbi(IPI, 0, 0xf & ~(1u << me), 0, 0, 0, 0), 0, "ipi: to three");
    for (uint64_t h = 0; h < HARTS; h++)
        check(counts(&ipi_traps[h], h == me ? 0 : h == next ? 2 : 1), "ipi: each has it");
    SET(sie, SSIP);
    expect(sbi(IPI, 0, 0, ALL, 0, 0, 0), 0, "ipi: to all");
    for (uint64_t h = 0; h < HARTS; h++)
        check(counts(&ipi_traps[h], h == me ? 1 : h == next ? 3 : 2), "ipi: each has it");
    expect(sbi(IPI, 0, 0, 0, 0, 0, 0), 0, "ipi: to nobody");
    expect(sbi(IPI, 0, 0, 1, 0, 0, 0), 0, "ipi: to nobody from 1 on");
    expect(sbi(IPI, 0, 2, HARTS - 1, 0, 0, 0), INVALID_PARAM, "ipi: mask beyond the last hart");
    expect(sbi(IPI, 0, 1, HARTS, 0, 0, 0), INVALID_PARAM, "ipi: base beyond the last hart");
    expect(sbi(IPI, 0, 1, 1ull << 40, 0, 0, 0), INVALID_PARAM, "ipi: base far beyond");
    CLEAR(sie, SSIP);
    static uint64_t mask;
    mask = 1u << next;
    sbi(4, 0, (uint64_t)(uintptr_t)&mask, 0, 0, 0, 0);
    check(counts(&ipi_traps[next], 4), "ipi: by the legacy call");
    sbi(4, 0, 0, 0, 0, 0, 0);
    check(READ(sip) & SSIP, "ipi: legacy to all");
    sbi(3, 0, 0, 0, 0, 0, 0);
    check(!(READ(sip) & SSIP), "ipi: legacy clear");
    SET(sstatus, SIE);
    uint64_t faults = page_faults[me];
    sbi(4, 0, 0x7000000000, 0, 0, 0, 0);
    check(page_faults[me] == faults + 1, "ipi: a mask that is not in memory traps");
}

static void test_fences(void)
{
    expect(sbi(RFENCE, 0, 0xf, 0, 0, 0, 0), 0, "rfence: fence.i");
    expect(sbi(RFENCE, 1, 0xf, 0, 0x80200000, 0x3000, 0), 0, "rfence: sfence.vma");
    expect(sbi(RFENCE, 1, 0, ALL, 0, ALL, 0), 0, "rfence: sfence.vma, everything everywhere");
    expect(sbi(RFENCE, 2, 0xe, 0, 0, 0, 3), 0, "rfence: sfence.vma of an ASID");
    expect(sbi(RFENCE, 1, 0x10, 0, 0, 0, 0), INVALID_PARAM, "rfence: no such hart");
    expect(sbi(RFENCE, 1, 1, 0, ~0xfffull, 0x2000, 0), INVALID_ADDRESS, "rfence: a range that wraps");
    sbi(5, 0, 0, 0, 0, 0, 0);
    expect(sbi(6, 0, 0, 0, 0, 0, 0), 0, "rfence: legacy sfence.vma");
    expect(sbi(7, 0, 0, 0x80200000, 0x1000, 1, 0), 0, "rfence: legacy sfence.vma of an ASID");
}

static void sleep_test(uint64_t h, enum order o, const char *what)
{
    uint64_t before = arrived[h];
    seen_opaque[h] = 0;
    suspended[h].error = -99;
    order[h] = o;
    check(becomes(h, SUSPENDED), what);
    expect(sbi(HSM, 0, h, (uint64_t)(uintptr_t)started, 0, 0, 0), ALREADY_AVAILABLE,
           "hsm: a suspended hart cannot be started");
    sbi(IPI, 0, 1, h, 0, 0, 0);
    check(becomes(h, STARTED) && counts(&arrived[h], before + 1), "hsm: it goes on");
    if (o == SLEEP_DEEP)
        check(seen_opaque[h] == 0x5e5e0000 + h && !seen_satp[h] && !seen_sie[h],
              "hsm: a1, satp and sstatus.SIE when it resumes");
    else
        check(suspended[h].error == 0, "hsm: hart_suspend returns 0");
}

static void test_suspend(uint64_t me)
{
    uint64_t h = (me + 2) % HARTS;
    sleep_test(h, SLEEP, "hsm: suspended, retentive");
    sleep_test(h, SLEEP_HIGH_BIT, "hsm: suspended, bits above 31 of the type ignored");
    sleep_test(h, SLEEP_DEEP, "hsm: suspended, non-retentive");
    expect(sbi(HSM, 3, 1, 0, 0, 0, 0), INVALID_PARAM, "hsm: a reserved type");
    expect(sbi(HSM, 3, 0x10000000, 0, 0, 0, 0), NOT_SUPPORTED, "hsm: a platform's type");
    expect(sbi(HSM, 3, 0x80000000, ALL, 0, 0, 0), INVALID_ADDRESS, "hsm: resume at no memory");
    order[h] = STOP;
    check(becomes(h, STOPPED), "hsm: a hart stops itself");
    uint64_t before = arrived[h];
    expect(sbi(HSM, 0, h, (uint64_t)(uintptr_t)started, 9, 0, 0), 0, "hsm: and is started again");
    check(counts(&arrived[h], before + 1) && seen_opaque[h] == 9, "hsm: and runs");
}

static void write_all(const char *s, uint64_t n)
{
    while (n) {
        struct ret r = sbi(DBCN, 0, n, (uint64_t)(uintptr_t)s, 0, 0, 0);
        if (r.error || !r.value) {
            check(false, "dbcn: write");
            return;
        }
        s += r.value;
        n -= r.value;
    }
}

static void test_console(void)
{
    static const char text[] = "written by dbcn\n";
    static volatile char buf[8];
    write_all(text, sizeof text - 1);
    expect(sbi(DBCN, 0, 1, ALL, 0, 0, 0), INVALID_PARAM, "dbcn: write from no memory");
    expect(sbi(DBCN, 0, 1, (uint64_t)(uintptr_t)text, 1, 0, 0), INVALID_PARAM, "dbcn: an address beyond 64 bits");
    expect(sbi(DBCN, 0, 1, 0x80000000, 0, 0, 0), INVALID_PARAM, "dbcn: write from the firmware");
    expect(sbi(DBCN, 0, ALL, (uint64_t)(uintptr_t)text, 0, 0, 0), INVALID_PARAM, "dbcn: a size beyond memory");
    expect(sbi(DBCN, 1, 8, 0x10000000, 0, 0, 0), INVALID_PARAM, "dbcn: read to a device");
    struct ret r = sbi(DBCN, 2, 0x6463620a, 0, 0, 0, 0);
    check(r.error == 0 && r.value == 0, "dbcn: write a byte, the low one");
    uint64_t n = 0;
    while (n < 5) {
        r = sbi(DBCN, 1, 5 - n, (uint64_t)(uintptr_t)(buf + n), 0, 0, 0);
        n += r.error ? 99 : r.value;
    }
    check(n == 5 && buf[0] == 'i' && buf[4] == 't', "dbcn: read");
    int64_t c;
    while ((c = sbi(2, 0, 0, 0, 0, 0, 0).error) < 0)
        ;
    check(c == '!', "legacy getchar");
    check(sbi(2, 0, 0, 0, 0, 0, 0).error == -1, "legacy getchar has no more");
}

static void test_reset(void)
{
    expect(sbi(SRST, 0, 3, 0, 0, 0, 0), INVALID_PARAM, "srst: a reserved type");
    expect(sbi(SRST, 0, 0, 2, 0, 0, 0), INVALID_PARAM, "srst: a reserved reason");
    expect(sbi(SRST, 0, 0xf0000000, 0, 0, 0, 0), INVALID_PARAM, "srst: a vendor's type");
}

void main(uint64_t hart, uint64_t fdt)
{
    check(fdt % 8 == 0 && *(const uint32_t *)(uintptr_t)fdt == 0xedfe0dd0, "a1 is the device tree");
    check(READ(satp) == 0 && !(READ(sstatus) & SIE) && READ(sie) == 0, "satp, sstatus.SIE and sie are 0");
    test_base();
    test_time(hart);
    test_start(hart);
    test_ipi(hart);
    test_fences();
    test_suspend(hart);
    test_console();
    test_reset();
    print(failures ? "some failed\n" : "all passed\n");
    sbi(SRST, 0, 0, failures != 0, 0, 0, 0);
}
