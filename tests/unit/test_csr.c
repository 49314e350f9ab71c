/* SPDX-License-Identifier: MIT */
/* CSRs: who may touch them, what they hold, what a write leaves. Sections: privileged specification unless another is named. */
#include <check.h>
#include <string.h>

#include "hart_rig.h"

Suite *csr_suite(void);

#define ALL       UINT64_MAX
#define XS_UXL_64 UINT64_C(0x200000000)

/* ---- access: a second statement of the rules, by number ---- */

struct setup {
    uint64_t mcounteren, hcounteren, scounteren;
    bool stce, hstce, tvm, vtvm, fs, vfs;
};

static uint64_t next_random(uint64_t *s)
{
    *s ^= *s << 13;
    *s ^= *s >> 7;
    *s ^= *s << 17;
    return *s;
}

static bool in_list(unsigned n, const uint16_t *list, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (list[i] == n) {
            return true;
        }
    }
    return false;
}

/* Which CSRs there are, by the specification's tables (2.2) less what this machine lacks. */
static bool exists(unsigned n, const struct isa *isa)
{
    static const uint16_t s[] = {0x100, 0x104, 0x105, 0x106, 0x10a, 0x140, 0x141, 0x142, 0x143, 0x144, 0x180};
    static const uint16_t hyp[] = {0x600, 0x602, 0x603, 0x604, 0x605, 0x606, 0x607, 0x60a, 0x643,
                                   0x644, 0x645, 0x64a, 0x680, 0xe12, 0x200, 0x204, 0x205, 0x240,
                                   0x241, 0x242, 0x243, 0x244, 0x280, 0x34a, 0x34b};
    static const uint16_t m[] = {0xf11, 0xf12, 0xf13, 0xf14, 0xf15, 0x300, 0x301, 0x304, 0x305,
                                 0x340, 0x341, 0x342, 0x343, 0x344, 0x320, 0xb00, 0xb02};
    if (n >= 0x001 && n <= 0x003) {
        return isa->f;
    }
    if (n >= 0xc00 && n <= 0xc02) {
        return isa->zicntr;
    }
    if (n >= 0xc03 && n <= 0xc1f) {
        return isa->zihpm;
    }
    if ((n >= 0xb03 && n <= 0xb1f) || (n >= 0x323 && n <= 0x33f)) {
        return true;
    }
    if (n == 0x3a0 || n == 0x3a2 || (n >= 0x3b0 && n <= 0x3bf)) {
        return isa->pmp;
    }
    if (n == 0x14d || n == 0x24d) {
        return isa->sstc && (n == 0x14d ? isa->s : isa->h);
    }
    if (n >= 0x7a0 && n <= 0x7a3) {
        return isa->debug;
    }
    if (n == 0x302 || n == 0x303) {
        return isa->s;
    }
    if (n == 0x306 || n == 0x30a) {
        return isa->u;
    }
    return in_list(n, m, ARRAY_LEN(m)) || (isa->s && in_list(n, s, ARRAY_LEN(s))) ||
           (isa->h && in_list(n, hyp, ARRAY_LEN(hyp)));
}

/* Could HS, with TVM=0, do it? (The condition of 18.6.1.) */
static bool hs_could(unsigned n, bool write, const struct setup *s, const struct isa *isa)
{
    if (!exists(n, isa) || (write && n >= 0xc00) || (n >> 8 & 3) == 3) {
        return false;
    }
    if (n <= 0x003) {
        return s->fs;
    }
    if (n >= 0xc00 && n <= 0xc1f) {
        return s->mcounteren >> (n & 31) & 1;
    }
    if (n == 0x14d || n == 0x24d) {
        return s->stce && (s->mcounteren & 2);
    }
    return true;
}

static uint64_t cause_of(unsigned n, enum mode m, bool write, const struct setup *s, const struct isa *isa)
{
    unsigned level = n >> 8 & 3;
    bool counter = n >= 0xc00 && n <= 0xc1f;
    uint64_t bit = BIT(n & 31);
    if (!exists(n, isa) || (write && n >= 0xc00)) {
        return CAUSE_ILLEGAL;
    }
    if (m == MO_M) {
        return n <= 0x003 && !s->fs ? CAUSE_ILLEGAL : 0;
    }
    if (!hs_could(n, write, s, isa)) {
        return CAUSE_ILLEGAL;
    }
    switch (m) {
    case MO_HS: /* 3.1.6.5: TVM guards satp and hgatp, 18.2.1 */
        return s->tvm && (n == 0x180 || n == 0x680) ? CAUSE_ILLEGAL : 0;
    case MO_U: return level > 0 || (counter && isa->s && !(s->scounteren & bit)) ? CAUSE_ILLEGAL : 0;
    case MO_VS: /* 18.6.1 */
        if (n <= 0x003) {
            return s->vfs ? 0 : CAUSE_ILLEGAL; /* 18.2.11 */
        }
        if (level == 2 || (counter && !(s->hcounteren & bit)) || (n == 0x180 && s->vtvm)) {
            return CAUSE_VIRTUAL_INSN;
        }
        return n == 0x14d && (!s->hstce || !(s->hcounteren & 2)) ? CAUSE_VIRTUAL_INSN : 0; /* Sstc 2.1 */
    case MO_VU:
        if (n <= 0x003) {
            return s->vfs ? 0 : CAUSE_ILLEGAL;
        }
        return level > 0 || (counter && !(s->hcounteren & s->scounteren & bit)) ? CAUSE_VIRTUAL_INSN : 0;
    case MO_M:
    case MODES: break;
    }
    return CAUSE_ILLEGAL;
}

static void apply(struct rig *r, const struct setup *s)
{
    const struct isa *isa = &r->h->isa;
    struct csrs *c = &r->h->csr;
    c->mcounteren = s->mcounteren;
    c->scounteren = isa->s ? s->scounteren : 0;
    c->hcounteren = isa->h ? s->hcounteren : 0;
    c->menvcfg = s->stce && isa->sstc ? ENVCFG_STCE : 0;
    c->henvcfg = s->hstce && isa->sstc ? ENVCFG_STCE : 0;
    c->mstatus = (c->mstatus & ~(MSTATUS_TVM | MSTATUS_FS)) | (s->tvm ? MSTATUS_TVM : 0) | (s->fs ? BIT(13) : 0);
    c->vsstatus = (c->vsstatus & ~MSTATUS_FS) | (s->vfs ? BIT(13) : 0);
    c->hstatus = (c->hstatus & ~HSTATUS_VTVM) | (s->vtvm ? HSTATUS_VTVM : 0);
}

static const char *const cpus[] = {"rv64",
                                   "rv64,h=false",
                                   "rv64,s=false",
                                   "rv64,f=false",
                                   "rv64,sstc=false",
                                   "rv64,pmp=false",
                                   "rv64,zicntr=false,zihpm=false"};

/* Every number, from every mode, reading and writing, under random settings of all that decides. 2.1, 2.2, 18.6.1 */
START_TEST(access_by_mode)
{
    struct rig *r = rig_new(cpus[_i]);
    uint64_t seed = UINT64_C(0x9e3779b97f4a7c15) + (unsigned)_i;
    for (unsigned round = 0; round < 24; round++) {
        uint64_t b = next_random(&seed);
        struct setup s = {next_random(&seed) & MASK(31, 0),
                          next_random(&seed) & MASK(31, 0),
                          next_random(&seed) & MASK(31, 0),
                          b & 1,
                          b & 2,
                          b & 4,
                          b & 8,
                          b & 16,
                          b & 32};
        s.fs = s.fs && r->h->isa.f;
        s.hstce = s.hstce && s.stce;
        for (enum mode m = MO_M; m < MODES; m++) {
            if ((m != MO_M && !r->h->isa.u) || (m == MO_HS && !r->h->isa.s) || (m >= MO_VS && !r->h->isa.h)) {
                continue;
            }
            for (unsigned n = 0; n < 4096; n++) {
                for (unsigned write = 0; write < 2; write++) {
                    apply(r, &s); /* each time: writing FP state makes FS dirty */
                    r->h->priv = m == MO_M ? PRIV_M : m == MO_HS || m == MO_VS ? PRIV_S : PRIV_U;
                    r->h->virt = m >= MO_VS;
                    uint64_t want = cause_of(n, m, write, &s, &r->h->isa), got = csr_cause(r, n, write);
                    if (got != want) { /* without Check's mark for each of a million */
                        ck_abort_msg("%s: CSR %#x (%s) mode %d %s: cause %lu, expected %lu", cpus[_i], n,
                                     csr_name(n) ? csr_name(n) : "-", (int)m, write ? "write" : "read",
                                     (unsigned long)got, (unsigned long)want);
                    }
                }
            }
        }
    }
    rig_free(r);
}
END_TEST

/* ---- values ---- */

struct value {
    const char *name;
    uint64_t v;
};

/* 3.4, and what the fixed fields hold. */
START_TEST(reset_values)
{
    static const struct value special[] = {
        {"mstatus", UINT64_C(0xa00000000)},
        {"sstatus", XS_UXL_64},
        {"vsstatus", XS_UXL_64},
        {"hstatus", XS_UXL_64},
        {"misa", UINT64_C(0x80000000001411ad)},
        {"mideleg", 0x1444},
        {"mhartid", 3},
        {"menvcfg", ENVCFG_ADUE},
    };
    struct rig *r = rig_new("rv64");
    for (unsigned n = 0; n < 4096; n++) {
        uint64_t want = 0, got;
        if (!csr_peek(r->h, n, &got)) {
            ck_assert(!exists(n, &r->h->isa));
            continue;
        }
        for (size_t i = 0; i < ARRAY_LEN(special); i++) {
            want = strcmp(csr_name(n), special[i].name) ? want : special[i].v;
        }
        ck_assert_msg(got == want, "%s: %#lx", csr_name(n), (unsigned long)got);
    }
    ck_assert_int_eq(get_mode(r->h), MO_M);
    rig_free(r);
}
END_TEST

/* What all ones leave, then what zero leaves. Fields that other writes decide come below. */
static const struct {
    const char *name;
    uint64_t ones, zero;
    const char *section;
} writable[] = {
    {"mstatus", UINT64_C(0x800000ca007e79aa), UINT64_C(0xa00000000), "3.1.6"},
    {"sstatus", UINT64_C(0x80000002000c6122), XS_UXL_64, "10.1.1"},
    {"vsstatus", UINT64_C(0x80000002000c6122), XS_UXL_64, "18.2.11"},
    {"hstatus", UINT64_C(0x2007003c0), XS_UXL_64, "18.2.1"},
    {"misa", UINT64_C(0x80000000001411ad), UINT64_C(0x80000000001411ad), "3.1.1"},
    {"medeleg", 0xf0b7ff, 0, "3.1.8: not ecall from M"},
    {"mideleg", 0x1666, 0x1444, "3.1.8, 18.4.2"},
    {"hedeleg", 0xb1ff, 0, "18.2.2"},
    {"hideleg", 0x444, 0, "18.2.2"},
    {"mie", 0x1eee, 0, "3.1.9, 18.4.3"},
    {"hie", 0x1444, 0, "18.2.4"},
    {"mip", 0x226, 0, "3.1.9: SEIP, STIP, SSIP, and VSSIP (18.4.3)"},
    {"hvip", 0x444, 0, "18.2.3"},
    {"hgeie", 0, 0, "18.2.4: GEILEN = 0"},
    {"mcounteren", 0xffffffff, 0, "3.1.11"},
    {"scounteren", 0xffffffff, 0, "10.1.5"},
    {"hcounteren", 0xffffffff, 0, "18.2.6"},
    {"mcountinhibit", 0xfffffffd, 0, "3.1.12"},
    {"mhpmcounter3", 0, 0, "3.1.10"},
    {"mhpmcounter31", 0, 0, "3.1.10"},
    {"mhpmevent3", 0, 0, "3.1.10"},
    {"mhpmevent31", 0, 0, "3.1.10"},
    {"mscratch", ALL, 0, "3.1.13"},
    {"sscratch", ALL, 0, "10.1.6"},
    {"vsscratch", ALL, 0, "18.2.14"},
    {"mepc", ~UINT64_C(1), 0, "3.1.14"},
    {"sepc", ~UINT64_C(1), 0, "10.1.7"},
    {"vsepc", ~UINT64_C(1), 0, "18.2.15"},
    {"mcause", ALL, 0, "3.1.15"},
    {"scause", ALL, 0, "10.1.8"},
    {"vscause", ALL, 0, "18.2.16"},
    {"mtval", ALL, 0, "3.1.16"},
    {"stval", ALL, 0, "10.1.9"},
    {"vstval", ALL, 0, "18.2.17"},
    {"htval", ALL, 0, "18.2.8"},
    {"htinst", ALL, 0, "18.2.9"},
    {"mtval2", ALL, 0, "18.4.5"},
    {"mtinst", ALL, 0, "18.4.4"},
    {"htimedelta", ALL, 0, "18.2.7"},
    {"stimecmp", ALL, 0, "Sstc 2.1.1"},
    {"vstimecmp", ALL, 0, "Sstc 3.1.1"},
    {"menvcfg", UINT64_C(0xe0000000000000f1), 0, "3.1.18"},
    {"senvcfg", 0xf1, 0, "10.1.10"},
    {"henvcfg", UINT64_C(0x20000000000000f1), 0, "18.2.5: of the bits above menvcfg has only ADUE after a reset"},
    {"tselect", 0, 0, "Debug, Sdtrig: no triggers"},
    {"tdata1", 0, 0, "Debug, Sdtrig: type 0"},
    {"mtvec", 0, 0, "3.1.7: mode 3 is not taken"},
    {"stvec", 0, 0, "10.1.2"},
    {"vstvec", 0, 0, "18.2.13"},
    {"satp", 0, 0, "10.1.11: mode 15 changes nothing"},
    {"vsatp", 0, 0, "18.2.18"},
    {"hgatp", UINT64_C(0x03fffffffffffffc), 0, "18.2.10: all but MODE"},
    {"fflags", 31, 0, "F 20.2"},
    {"frm", 7, 0, "F 20.2"},
    {"fcsr", 255, 0, "F 20.2"},
    {"pmpaddr0", MASK(53, 0), 0, "3.7.1"},
    {"pmpaddr15", MASK(53, 0), 0, "3.7.1"},
};

START_TEST(writable_bits)
{
    struct rig *r = rig_new("rv64");
    int n = csr_number(writable[_i].name);
    ck_assert_int_ge(n, 0);
    poke(r, 0x300, BIT(13)); /* FP on */
    poke(r, (unsigned)n, ALL);
    ck_assert_msg(peek(r, (unsigned)n) == writable[_i].ones, "%s <- ones: %#lx (%s)", writable[_i].name,
                  (unsigned long)peek(r, (unsigned)n), writable[_i].section);
    poke(r, (unsigned)n, 0);
    ck_assert_msg(peek(r, (unsigned)n) == writable[_i].zero, "%s <- 0: %#lx (%s)", writable[_i].name,
                  (unsigned long)peek(r, (unsigned)n), writable[_i].section);
    rig_free(r);
}
END_TEST

/* Writes in order, each with what then reads. cpu NULL: rv64. */
static const struct {
    const char *cpu, *name;
    uint64_t write, read;
} sequence[] = {
    /* 3.1.6.1: MPP holds S, U, M; 2 leaves it */
    {NULL, "mstatus", 0x800, UINT64_C(0xa00000800)},
    {NULL, "mstatus", 0x1000, UINT64_C(0xa00000000)},
    {"rv64,s=false", "mstatus", 0x1800, UINT64_C(0x200001800)},
    {"rv64,s=false", "mstatus", 0x800, UINT64_C(0x200000000)},
    {"rv64,s=false", "mstatus", ALL, UINT64_C(0x8000000200227888)},
    {"rv64,f=false", "mstatus", 0x6000, UINT64_C(0xa00000000)},
    {"rv64,h=false", "mstatus", ALL, UINT64_C(0x8000000a007e79aa)},
    {"rv64,h=false", "mideleg", ALL, 0x222},
    {"rv64,h=false", "medeleg", ALL, 0xb3ff},
    {"rv64,h=false", "mie", ALL, 0xaaa},
    {"rv64,h=false", "mip", ALL, 0x222},
    {"rv64,s=false", "mie", ALL, 0x888},
    {"rv64,s=false", "mip", ALL, 0},
    /* 3.1.6.6: SD is FS = Dirty */
    {NULL, "mstatus", 0x2000, UINT64_C(0xa00002000)},
    {NULL, "mstatus", 0x4000, UINT64_C(0xa00004000)},
    {NULL, "mstatus", 0x6000, UINT64_C(0x8000000a00006000)},
    /* 3.1.7 */
    {NULL, "mtvec", 0x80000101, 0x80000101},
    {NULL, "mtvec", 0x1002, 0},
    {NULL, "stvec", 0x1001, 0x1001},
    {NULL, "vstvec", 0x1003, 0},
    /* 3.1.14: IALIGN */
    {NULL, "mepc", 0x1003, 0x1002},
    {"rv64,c=false", "mepc", 0x1003, 0x1000},
    {"rv64,c=false", "sepc", 0x1007, 0x1004},
    {"rv64,c=false", "vsepc", 0x1002, 0x1000},
    /* 10.1.11 */
    {NULL, "satp", UINT64_C(0x8fffffffffffffff), UINT64_C(0x8fffffffffffffff)},
    {NULL, "satp", UINT64_C(0x9000100000000005), UINT64_C(0x9000100000000005)},
    {NULL, "satp", UINT64_C(0xafffffffffffffff), UINT64_C(0xafffffffffffffff)},
    {NULL, "satp", UINT64_C(0xb000000000000005), 0},
    {NULL, "satp", UINT64_C(0x5000000000000005), 0},
    {NULL, "satp", UINT64_C(0x0000000000000005), 5},
    {"rv64,sv48=false", "satp", UINT64_C(0x9000000000000005), 0},
    {"rv64,sv57=false", "satp", UINT64_C(0xa000000000000005), 0},
    {"rv64,mmu=false", "satp", UINT64_C(0x8000000000000005), 0},
    {"rv64,mmu=false", "satp", 5, 0},
    {NULL, "vsatp", UINT64_C(0x9123400000000005), UINT64_C(0x9123400000000005)},
    {NULL, "vsatp", UINT64_C(0xb123400000000005), 0},
    /* 18.2.10 */
    {NULL, "hgatp", UINT64_C(0x8000000000000007), UINT64_C(0x8000000000000004)},
    {NULL, "hgatp", UINT64_C(0x9fffffffffffffff), UINT64_C(0x93fffffffffffffc)},
    {NULL, "hgatp", UINT64_C(0xa000000000000004), UINT64_C(0xa000000000000004)},
    {"rv64,sv57=false", "hgatp", UINT64_C(0xa000000000000004), 4},
    /* CMO 2.5.2: CBIE = 10 is reserved */
    {NULL, "menvcfg", 0x10, 0x10},
    {NULL, "menvcfg", 0x30, 0x30},
    {NULL, "menvcfg", 0x28, 0},
    {NULL, "senvcfg", 0x21, 1},
    {"rv64,zicbom=false,zicboz=false", "menvcfg", ALL, UINT64_C(0xe000000000000001)},
    {"rv64,sstc=false", "menvcfg", ALL, UINT64_C(0x60000000000000f1)},
    {"rv64,svpbmt=false", "menvcfg", ALL, UINT64_C(0xa0000000000000f1)},
    {"rv64,svadu=false", "menvcfg", ALL, UINT64_C(0xc0000000000000f1)},
    {"rv64,svadu=false", "henvcfg", ALL, 0xf1},
    /* 3.7.1: bits 6:5 zero, W without R reserved, all A modes (granularity 4) */
    {NULL, "pmpcfg0", UINT64_C(0x60), 0},
    {NULL, "pmpcfg0", 0x0206, 0x0004},
    {NULL, "pmpcfg0", UINT64_C(0x1f171b130f070b03), UINT64_C(0x1f171b130f070b03)},
    {NULL, "pmpcfg2", UINT64_C(0x0907050301000000), UINT64_C(0x0907050301000000)},
};

START_TEST(legal_values)
{
    struct rig *r = rig_new(sequence[_i].cpu ? sequence[_i].cpu : "rv64");
    unsigned n = (unsigned)csr_number(sequence[_i].name);
    poke(r, n, sequence[_i].write);
    ck_assert_msg(peek(r, n) == sequence[_i].read, "%s <- %#lx: %#lx, expected %#lx", sequence[_i].name,
                  (unsigned long)sequence[_i].write, (unsigned long)peek(r, n), (unsigned long)sequence[_i].read);
    rig_free(r);
}
END_TEST

/* WARL fields keep what they had when the write is not legal. */
START_TEST(illegal_values_keep_the_old)
{
    static const struct {
        const char *name;
        uint64_t first, second, read;
    } row[] = {
        {"mstatus", 0x1800, 0x1000, UINT64_C(0xa00001800)},
        {"mtvec", 0x1001, 0x2002, 0x1001},
        {"satp", UINT64_C(0x8000000000000123), UINT64_C(0x5fffffffffffffff), UINT64_C(0x8000000000000123)},
        {"vsatp", UINT64_C(0x8000000000000123), UINT64_C(0x5fffffffffffffff), UINT64_C(0x8000000000000123)},
        {"hgatp", UINT64_C(0x8000000000000120), UINT64_C(0x5000100000000200), UINT64_C(0x8000100000000200)},
        {"menvcfg", 0x30, 0xa1, 0xb1},
    };
    struct rig *r = rig_new("rv64");
    for (size_t i = 0; i < ARRAY_LEN(row); i++) {
        unsigned n = (unsigned)csr_number(row[i].name);
        poke(r, n, row[i].first);
        poke(r, n, row[i].second);
        ck_assert_msg(peek(r, n) == row[i].read, "%s: %#lx", row[i].name, (unsigned long)peek(r, n));
    }
    rig_free(r);
}
END_TEST

/* ---- PMP locks (3.7.1.2) ---- */

START_TEST(pmp_locks)
{
    struct rig *r = rig_new("rv64");
    unsigned addr0 = 0x3b0;
    poke(r, addr0, 0x10);
    poke(r, 0x3a0, 0x8800); /* entry 1: locked TOR: entry 0's address is its lower bound */
    poke(r, addr0, 0x20);
    poke(r, addr0 + 1, 0x30);
    ck_assert_uint_eq(peek(r, addr0), 0x10);
    ck_assert_uint_eq(peek(r, addr0 + 1), 0);
    poke(r, 0x3a0, 0x1f1f1f);
    ck_assert_uint_eq(peek(r, 0x3a0), 0x1f881f);
    poke(r, addr0 + 2, 0x40);
    ck_assert_uint_eq(peek(r, addr0 + 2), 0x40);
    poke(r, 0x3a2, UINT64_C(0x9800000000000000)); /* entry 15: locked NAPOT: 14 stays free */
    poke(r, addr0 + 14, 0x50);
    poke(r, addr0 + 15, 0x60);
    ck_assert_uint_eq(peek(r, addr0 + 14), 0x50);
    ck_assert_uint_eq(peek(r, addr0 + 15), 0);
    poke(r, 0x3a2, 0);
    ck_assert_uint_eq(peek(r, 0x3a2), UINT64_C(0x9800000000000000));
    /* across the two registers: entry 8 locked TOR guards pmpaddr7 */
    poke(r, 0x3a2, 0x88);
    poke(r, addr0 + 7, 0x70);
    ck_assert_uint_eq(peek(r, addr0 + 7), 0);
    hart_reset(r->h);
    ck_assert_uint_eq(peek(r, 0x3a0), 0);
    rig_free(r);
}
END_TEST

/* ---- views and substitution ---- */

/* 18.2: in VS the numbers of S reach vs*, and only those. */
START_TEST(vs_substitution)
{
    static const uint16_t both[][2] = {{0x100, 0x200}, {0x105, 0x205}, {0x140, 0x240}, {0x141, 0x241},
                                       {0x142, 0x242}, {0x143, 0x243}, {0x180, 0x280}};
    struct rig *r = rig_new("rv64");
    for (size_t i = 0; i < ARRAY_LEN(both); i++) {
        uint64_t s_before = peek(r, both[i][0]);
        uint64_t fixed = i ? 0 : XS_UXL_64;
        set_mode(r->h, MO_VS);
        csr_does(r, both[i][0], CSR_RW, 0x100);
        ck_assert_uint_eq(csr_sees(r, both[i][0]), 0x100 | fixed);
        ck_assert_uint_eq(peek(r, both[i][1]), 0x100 | fixed);
        ck_assert_uint_eq(peek(r, both[i][0]), s_before);
        set_mode(r->h, MO_HS);
        csr_does(r, both[i][0], CSR_RW, 0x20);
        ck_assert_uint_eq(peek(r, both[i][1]), 0x100 | fixed);
        csr_does(r, both[i][1], CSR_RW, 0x120);
        ck_assert_uint_eq(peek(r, both[i][1]), 0x120 | fixed);
    }
    /* scounteren and senvcfg have no counterpart: 18.2 */
    set_mode(r->h, MO_VS);
    csr_does(r, 0x106, CSR_RW, 7);
    csr_does(r, 0x10a, CSR_RW, 1);
    ck_assert_uint_eq(peek(r, 0x106), 7);
    ck_assert_uint_eq(peek(r, 0x10a), 1);
    rig_free(r);
}
END_TEST

/* 3.1.6, 10.1.1: sstatus is a view of mstatus. */
START_TEST(sstatus_is_a_view)
{
    struct rig *r = rig_new("rv64");
    poke(r, 0x300, UINT64_C(0x7e79aa));
    ck_assert_uint_eq(peek(r, 0x100), UINT64_C(0x80000002000c6122));
    poke(r, 0x100, 0);
    ck_assert_uint_eq(peek(r, 0x300), UINT64_C(0xa00721888) | BIT(17));
    rig_free(r);
}
END_TEST

/* 3.1.9, 10.1.3: sie and sip show what mideleg gives; sip's SSIP alone is writable. */
START_TEST(sie_sip)
{
    struct rig *r = rig_new("rv64");
    poke(r, 0x304, ALL);
    ck_assert_uint_eq(peek(r, 0x104), 0);
    poke(r, 0x303, 0x22);
    ck_assert_uint_eq(peek(r, 0x104), 0x22);
    poke(r, 0x104, 0);
    ck_assert_uint_eq(peek(r, 0x304), 0x1ecc);
    poke(r, 0x344, 0x222);
    ck_assert_uint_eq(peek(r, 0x144), 0x22);
    poke(r, 0x144, 0);
    ck_assert_uint_eq(peek(r, 0x344), 0x220);
    poke(r, 0x303, 0);
    poke(r, 0x144, 2);
    ck_assert_uint_eq(peek(r, 0x344), 0x220);
    rig_free(r);
}
END_TEST

/* 3.1.9: a wire's SEIP is seen, and not swallowed into the software bit by read-modify-write. */
START_TEST(mip_software_and_wire)
{
    struct rig *r = rig_new("rv64");
    hart_set_irq(r->h, IRQ_SEI, true);
    hart_set_irq(r->h, IRQ_MTI, true);
    hart_set_irq(r->h, IRQ_MSI, true);
    hart_set_irq(r->h, IRQ_MEI, true);
    ck_assert_uint_eq(csr_does(r, 0x344, CSR_RS, 2), 0xa88);
    ck_assert_uint_eq(peek(r, 0x344), 0xa8a);
    csr_does(r, 0x344, CSR_RC, 0x888);
    ck_assert_uint_eq(peek(r, 0x344), 0xa8a);
    hart_set_irq(r->h, IRQ_SEI, false);
    ck_assert_uint_eq(peek(r, 0x344), 0x88a);
    csr_does(r, 0x344, CSR_RS, 0x200);
    ck_assert_uint_eq(peek(r, 0x344), 0xa8a);
    hart_set_irq(r->h, IRQ_SEI, true);
    hart_set_irq(r->h, IRQ_SEI, false);
    ck_assert_uint_eq(peek(r, 0x344), 0xa8a);
    csr_does(r, 0x344, CSR_RC, 0x200);
    ck_assert_uint_eq(peek(r, 0x344), 0x88a);
    rig_free(r);
}
END_TEST

/* Sstc 2.1, 2.2: STIP is software's while STCE=0, the compare's while STCE=1. */
START_TEST(stip_and_stce)
{
    struct rig *r = rig_new("rv64");
    hart_set_irq(r->h, IRQ_STI, true);
    ck_assert_uint_eq(peek(r, 0x344), 0);
    poke(r, 0x30a, ENVCFG_STCE);
    ck_assert_uint_eq(r->timer_changes, 1);
    ck_assert_uint_eq(peek(r, 0x344), 0x20);
    poke(r, 0x344, 0);
    ck_assert_uint_eq(peek(r, 0x344), 0x20);
    hart_set_irq(r->h, IRQ_STI, false);
    poke(r, 0x344, 0x20);
    ck_assert_uint_eq(peek(r, 0x344), 0);
    poke(r, 0x14d, 5);
    ck_assert_uint_eq(r->timer_changes, 2);
    /* 3.1, 3.2: vstimecmp counts with henvcfg.STCE too, and or-s into VSTIP */
    hart_set_irq(r->h, IRQ_VSTI, true);
    ck_assert_uint_eq(peek(r, 0x644), 0);
    poke(r, 0x60a, ENVCFG_STCE);
    ck_assert_uint_eq(peek(r, 0x644), 0x40);
    ck_assert_uint_eq(peek(r, 0x645), 0);
    poke(r, 0x645, 0x40);
    hart_set_irq(r->h, IRQ_VSTI, false);
    ck_assert_uint_eq(peek(r, 0x644), 0x40);
    unsigned before = r->timer_changes;
    poke(r, 0x24d, 1);
    poke(r, 0x605, 1);
    ck_assert_uint_eq(r->timer_changes, before + 2);
    set_mode(r->h, MO_VS);
    poke(r, 0x306, 2);
    poke(r, 0x606, 2);
    csr_does(r, 0x14d, CSR_RW, 77);
    ck_assert_uint_eq(peek(r, 0x24d), 77);
    ck_assert_uint_eq(peek(r, 0x14d), 5);
    rig_free(r);
}
END_TEST

/* 18.2.3, 18.2.4, 18.2.12, 18.4.3: mip, hip, hvip, vsip and the enables are one state seen from four sides. */
START_TEST(hypervisor_interrupt_views)
{
    struct rig *r = rig_new("rv64");
    poke(r, 0x645, 0x444);
    ck_assert_uint_eq(peek(r, 0x644), 0x444);
    ck_assert_uint_eq(peek(r, 0x344), 0x444);
    ck_assert_uint_eq(peek(r, 0x244), 0);
    poke(r, 0x603, 0x444);
    ck_assert_uint_eq(peek(r, 0x244), 0x222);
    poke(r, 0x644, 0); /* only VSSIP is writable here */
    ck_assert_uint_eq(peek(r, 0x645), 0x440);
    poke(r, 0x344, 4); /* and here, as an alias; VSTIP and VSEIP stay */
    ck_assert_uint_eq(peek(r, 0x645), 0x444);
    poke(r, 0x344, 0);
    ck_assert_uint_eq(peek(r, 0x645), 0x440);
    set_mode(r->h, MO_VS);
    csr_does(r, 0x144, CSR_RS, 0x222);
    ck_assert_uint_eq(csr_sees(r, 0x144), 0x222);
    csr_does(r, 0x144, CSR_RC, 0x222);
    ck_assert_uint_eq(csr_sees(r, 0x144), 0x220);
    csr_does(r, 0x104, CSR_RW, ALL);
    ck_assert_uint_eq(csr_sees(r, 0x104), 0x222);
    ck_assert_uint_eq(peek(r, 0x604), 0x444);
    ck_assert_uint_eq(peek(r, 0x304), 0x444);
    poke(r, 0x603, 0x40);
    ck_assert_uint_eq(csr_sees(r, 0x104), 0x20);
    csr_does(r, 0x104, CSR_RW, 0);
    csr_does(r, 0x144, CSR_RW, 2);
    ck_assert_uint_eq(peek(r, 0x604), 0x404);
    ck_assert_uint_eq(peek(r, 0x645), 0x440);
    rig_free(r);
}
END_TEST

/* 18.2.5: bits above are henvcfg's only while menvcfg has them. */
START_TEST(henvcfg_under_menvcfg)
{
    struct rig *r = rig_new("rv64");
    poke(r, 0x30a, ALL);
    poke(r, 0x60a, ALL);
    ck_assert_uint_eq(peek(r, 0x60a), UINT64_C(0xe0000000000000f1));
    poke(r, 0x30a, ENVCFG_PBMTE);
    ck_assert_uint_eq(peek(r, 0x60a), UINT64_C(0x40000000000000f1));
    ck_assert(!hart_fetch_ctx(r->h).adue && hart_fetch_ctx(r->h).pbmte);
    poke(r, 0x60a, 0);
    poke(r, 0x60a, ENVCFG_ADUE | ENVCFG_STCE);
    poke(r, 0x30a, ALL);
    ck_assert_uint_eq(peek(r, 0x60a), 0);
    rig_free(r);
}
END_TEST

/* ---- floating point: FS (3.1.6.6, 18.2.11) and fcsr (F 20.2) ---- */

START_TEST(fcsr_and_fs)
{
    struct rig *r = rig_new("rv64");
    poke(r, 0x300, BIT(13));
    set_mode(r->h, MO_HS);
    csr_does(r, 0x003, CSR_RW, 0xa5);
    ck_assert_uint_eq(csr_sees(r, 0x001), 5);
    ck_assert_uint_eq(csr_sees(r, 0x002), 5);
    ck_assert_uint_eq(peek(r, 0x300) & MSTATUS_FS, MSTATUS_FS);
    csr_does(r, 0x001, CSR_RC, 4);
    csr_does(r, 0x002, CSR_RW, 3);
    ck_assert_uint_eq(csr_sees(r, 0x003), 0x61);
    poke(r, 0x300, BIT(13));
    ck_assert_uint_eq(csr_sees(r, 0x003), 0x61);
    ck_assert_uint_eq(peek(r, 0x300) & MSTATUS_FS, BIT(13)); /* a read dirties nothing */
    poke(r, 0x200, BIT(13));
    set_mode(r->h, MO_VU);
    csr_does(r, 0x002, CSR_RW, 1);
    ck_assert_uint_eq(peek(r, 0x300) & MSTATUS_FS, MSTATUS_FS);
    ck_assert_uint_eq(peek(r, 0x200) & MSTATUS_FS, MSTATUS_FS);
    rig_free(r);
}
END_TEST

/* ---- counters (3.1.10-3.1.12, 18.2.7) ---- */

START_TEST(counters)
{
    struct rig *r = rig_new("rv64");
    struct hart *h = r->h;
    h->turn_retired = 10;
    ck_assert_uint_eq(peek(r, 0xb02), 10);
    csr_does(r, 0xb02, CSR_RW, 100); /* instruction 10; number 11 reads what it wrote */
    csr_does(r, 0xb00, CSR_RW, 200);
    h->turn_retired = 11;
    ck_assert_uint_eq(csr_sees(r, 0xb02), 100);
    ck_assert_uint_eq(csr_sees(r, 0xc00), 200);
    h->turn_retired = 13;
    ck_assert_uint_eq(csr_sees(r, 0xc02), 102);
    csr_does(r, 0x320, CSR_RW, 4); /* instret stops, cycle goes on */
    h->turn_retired = 20;
    ck_assert_uint_eq(csr_sees(r, 0xc02), 103);
    ck_assert_uint_eq(csr_sees(r, 0xc00), 209);
    csr_does(r, 0xb02, CSR_RW, 7);
    h->turn_retired = 25;
    ck_assert_uint_eq(csr_sees(r, 0xc02), 7);
    csr_does(r, 0x320, CSR_RW, 1);
    h->turn_retired = 26;
    ck_assert_uint_eq(csr_sees(r, 0xc02), 7);
    h->turn_retired = 30;
    ck_assert_uint_eq(csr_sees(r, 0xc02), 11);
    ck_assert_uint_eq(csr_sees(r, 0xc00), 215);
    poke(r, 0xb02, 1000); /* from outside: the next instruction reads it */
    ck_assert_uint_eq(csr_sees(r, 0xc02), 1000);
    ck_assert_uint_eq(h->turn_retired, 30);
    rig_free(r);
}
END_TEST

START_TEST(time_and_htimedelta)
{
    struct rig *r = rig_new("rv64");
    r->now = 1000;
    poke(r, 0x605, (uint64_t)-300);
    poke(r, 0x306, 2);
    poke(r, 0x606, 2);
    poke(r, 0x106, 2);
    for (enum mode m = MO_M; m < MODES; m++) {
        set_mode(r->h, m);
        ck_assert_uint_eq(csr_sees(r, 0xc01), m >= MO_VS ? 700 : 1000);
    }
    ck_assert_uint_eq(peek(r, 0xc01), 1000);
    rig_free(r);
}
END_TEST

/* ---- the instructions (Zicsr) ---- */

START_TEST(read_modify_write)
{
    struct rig *r = rig_new("rv64");
    uint64_t old = 1;
    struct trap t;
    csr_does(r, 0x340, CSR_RW, 0xf0f0);
    ck_assert_uint_eq(csr_does(r, 0x340, CSR_RS, 0x0f), 0xf0f0);
    ck_assert_uint_eq(csr_does(r, 0x340, CSR_RC, 0xf000), 0xf0ff);
    ck_assert_uint_eq(peek(r, 0x340), 0xff);
    /* csrrw x0 does not read; csrrs with x0 does not write, not even a read-only one */
    ck_assert(csr_execute(r->h, 0x340, CSR_RW, 5, false, true, 0, &old, &t));
    ck_assert_uint_eq(peek(r, 0x340), 5);
    ck_assert_uint_eq(csr_sees(r, 0xf14), 3);
    /* a trap leaves all as it was */
    set_mode(r->h, MO_U);
    ck_assert(!csr_execute(r->h, 0x340, CSR_RW, 6, true, true, 0x1234, &old, &t));
    ck_assert_uint_eq(t.cause, CAUSE_ILLEGAL);
    ck_assert_uint_eq(t.tval, 0x1234);
    ck_assert_uint_eq(peek(r, 0x340), 5);
    rig_free(r);
}
END_TEST

/* What can unmask a pending interrupt asks the run loop to look; what cannot leaves it alone. */
START_TEST(kicks)
{
    static const struct {
        unsigned num;
        uint64_t v;
    } unmask[] = {{0x300, 8}, {0x300, 2},     {0x100, 2}, {0x304, 2}, {0x104, 2}, {0x344, 2},
                  {0x144, 2}, {0x303, 0x222}, {0x303, 0}, {0x603, 0}, {0x200, 2}};
    struct rig *r = rig_new("rv64");
    for (size_t i = 0; i < ARRAY_LEN(unmask); i++) {
        hart_reset(r->h);
        r->h->kick = 0;
        poke(r, unmask[i].num, unmask[i].v);
        ck_assert_msg(!(r->h->kick & KICK_IRQ), "row %zu kicks for nothing", i);
        hart_reset(r->h);
        r->h->csr.mideleg |= INT_S;
        r->h->csr.mip = r->h->csr.mie = 2;
        if (unmask[i].num == 0x304 || unmask[i].num == 0x104) {
            r->h->csr.mie = 0;
        } else if (unmask[i].num == 0x344 || unmask[i].num == 0x144) {
            r->h->csr.mip = 0;
        }
        r->h->kick = 0;
        poke(r, unmask[i].num, unmask[i].v);
        ck_assert_msg(r->h->kick & KICK_IRQ, "row %zu does not kick", i);
    }
    rig_free(r);
}
END_TEST

START_TEST(names)
{
    ck_assert_int_eq(csr_number("hgatp"), 0x680);
    ck_assert_int_eq(csr_number("nosuch"), -1);
    ck_assert_str_eq(csr_name(0xc1f), "hpmcounter31");
    ck_assert_ptr_null(csr_name(0x7a4));
    ck_assert_ptr_null(csr_name(5000));
    struct rig *r = rig_new("rv64");
    uint64_t v;
    for (unsigned n = 0; n < 4096; n++) {
        ck_assert_msg(csr_peek(r->h, n, &v) == exists(n, &r->h->isa), "CSR %#x", n);
        ck_assert(!csr_name(n) || csr_number(csr_name(n)) == (int)n);
    }
    rig_free(r);
}
END_TEST

Suite *csr_suite(void)
{
    Suite *s = suite_create("csr");
    TCase *t = tcase_create("csr");
    tcase_set_timeout(t, 60);
    tcase_add_loop_test(t, access_by_mode, 0, (int)ARRAY_LEN(cpus));
    tcase_add_test(t, reset_values);
    tcase_add_loop_test(t, writable_bits, 0, (int)ARRAY_LEN(writable));
    tcase_add_loop_test(t, legal_values, 0, (int)ARRAY_LEN(sequence));
    tcase_add_test(t, illegal_values_keep_the_old);
    tcase_add_test(t, pmp_locks);
    tcase_add_test(t, vs_substitution);
    tcase_add_test(t, sstatus_is_a_view);
    tcase_add_test(t, sie_sip);
    tcase_add_test(t, mip_software_and_wire);
    tcase_add_test(t, stip_and_stce);
    tcase_add_test(t, hypervisor_interrupt_views);
    tcase_add_test(t, henvcfg_under_menvcfg);
    tcase_add_test(t, fcsr_and_fs);
    tcase_add_test(t, counters);
    tcase_add_test(t, time_and_htimedelta);
    tcase_add_test(t, read_modify_write);
    tcase_add_test(t, kicks);
    tcase_add_test(t, names);
    suite_add_tcase(s, t);
    return s;
}
