/* SPDX-License-Identifier: MIT */
/* The disassembler: texts, both engines against each other, and both against objdump, with each divergence pinned and its reason. */
#include <fnmatch.h>
#include <inttypes.h>

#include "cpu/decode.h"
#include "cross.h"
#include "monitor/debug/disasm.h"

Suite *disasm_suite(void);

static const struct {
    uint32_t raw;
    const char *text; /* at 0x80000000 */
} samples[] = {
    {0x00000013, "nop"},
    {0x00100513, "li     a0, 1"},
    {0x00050513, "mv     a0, a0"},
    {0xff010113, "addi   sp, sp, -0x10"},
    {0x00053503, "ld     a0, 0(a0)"},
    {0xfea53c23, "sd     a0, -8(a0)"},
    {0x800002b7, "lui    t0, 0x80000"},
    {0x00000517, "auipc  a0, 0"},
    {0x0080006f, "j      0x80000008"},
    {0xff9ff0ef, "jal    0x7ffffff8"},
    {0x00008067, "ret"},
    {0x000500e7, "jalr   a0"},
    {0x01050067, "jr     0x10(a0)"},
    {0x00b50463, "beq    a0, a1, 0x80000008"},
    {0x00051463, "bnez   a0, 0x80000008"},
    {0x1101, "addi   sp, sp, -0x20"},
    {0x8082, "ret"},
    {0xa001, "j      0x80000000"},
    {0x0001, "nop"},
    {0x0000, "unimp"},
    {0x852e, "mv     a0, a1"},
    {0x9002, "ebreak"},
    {0x30200073, "mret"},
    {0x10500073, "wfi"},
    {0x12000073, "sfence.vma"},
    {0x12b50073, "sfence.vma a0, a1"},
    {0x34202573, "csrr   a0, mcause"},
    {0x68002573, "csrr   a0, hgatp"},
    {0x28051073, "csrw   vsatp, a0"},
    {0x3002f073, "csrci  mstatus, 5"},
    {0xc0102573, "rdtime a0"},
    {0x3d602573, "csrr   a0, pmpaddr38"},
    {0x81202573, "csrr   a0, 0x812"},
    {0x6c05c573, "hlv.d  a0, (a1)"},
    {0x6ea5c073, "hsv.d  a0, (a1)"},
    {0x22000073, "hfence.vvma"},
    {0x20a52533, "sh1add a0, a0, a0"},
    {0x0e055533, "czero.eqz a0, a0, zero"},
    {0x00a5600f, ".4byte 0x00a5600f"},
    {0x0015200f, "cbo.clean (a0)"},
    {0x0205e013, "prefetch.i 0x20(a1)"},
    {0x0100000f, "pause"},
    {0x0ff0000f, "fence"},
    {0x0330000f, "fence  rw, rw"},
    {0x8330000f, "fence.tso"},
    {0x1605a52f, "lr.w.aqrl a0, (a1)"},
    {0x00a5b02f, "amoadd.d zero, a0, (a1)"},
    {0x02a57553, "fadd.d fa0, fa0, fa0"},
    {0xc2051553, "fcvt.w.d a0, fa0, rtz"},
    {0x20a50553, "fmv.s  fa0, fa0"},
    {0x0000000b, ".4byte 0x0000000b"},
    {0x9c01 | 3 << 5, NULL}, /* reserved: both engines must agree, whatever they say */
};

static void check_samples(enum disasm_engine engine)
{
    struct disasm *d = disasm_new(engine);
    char text[96];
    for (size_t i = 0; i < ARRAY_LEN(samples); i++) {
        unsigned n = disasm(d, 0x80000000, samples[i].raw, text, sizeof text);
        ck_assert_uint_eq(n, (samples[i].raw & 3) == 3 ? 4 : 2);
        if (samples[i].text)
            ck_assert_str_eq(text, samples[i].text);
    }
    disasm_free(d);
}

START_TEST(texts)
{
    check_samples(DISASM_BEST);
    check_samples(DISASM_TABLE);
    if (!disasm_capstone_version())
        fprintf(stderr, "not tested: this build has no Capstone with RISC-V\n");
}
END_TEST

/* ---- A sweep ---- */

enum { PER_ROW = 96, WORDS = INSN_COUNT * (PER_ROW + 2), HALVES = 49152 };

static uint64_t random_state;
static uint32_t next_random(void)
{
    random_state = random_state * UINT64_C(6364136223846793005) + 1442695040888963407u;
    return (uint32_t)(random_state >> 32);
}

/* Words of every row: the least, the greatest, random ones, and some with most registers zero, for the pseudo-instructions. */
static size_t make_words(uint32_t *w)
{
    size_t n = 0;
    random_state = 1;
    for (unsigned id = 1; id < INSN_COUNT; id++) {
        const struct insn_row *r = &insn_rows[id];
        w[n++] = r->match;
        w[n++] = r->match | ~r->mask;
        for (unsigned k = 0; k < PER_ROW; k++) {
            uint32_t v = next_random();
            if (k % 4 == 3)
                v &= (next_random() & 1 ? 0x00000f80 : 0) | (next_random() & 1 ? 0x000f8000 : 0) |
                     (next_random() & 1 ? 0x01f00000 : 0);
            w[n++] = r->match | (v & ~r->mask);
        }
    }
    return n;
}

START_TEST(engines_agree)
{
    struct disasm *best = disasm_new(DISASM_BEST), *table = disasm_new(DISASM_TABLE);
    uint32_t *words = malloc(WORDS * sizeof *words);
    size_t n = make_words(words);
    char a[96], b[96];
    for (size_t i = 0; i < n + 65536; i++) {
        uint32_t raw = i < n ? words[i] : (uint32_t)(i - n);
        ck_assert_uint_eq(disasm(best, i * 4, raw, a, sizeof a), disasm(table, i * 4, raw, b, sizeof b));
        ck_assert_msg(!strcmp(a, b), "%08x: best %s, table %s", raw, a, b);
    }
    free(words);
    disasm_free(best);
    disasm_free(table);
}
END_TEST

START_TEST(every_word_has_a_text)
{
    struct disasm *d = disasm_new(DISASM_BEST);
    char text[128];
    random_state = 7;
    for (unsigned i = 0; i < 100000; i++) {
        uint32_t raw = next_random();
        memset(text, 'x', sizeof text);
        unsigned n = disasm(d, next_random(), raw, text, 96);
        ck_assert_uint_eq(n, (raw & 3) == 3 ? 4 : 2);
        ck_assert(strlen(text) > 0 && strlen(text) < 95 && text[96] == 'x');
    }
    disasm_free(d);
}
END_TEST

/* ---- Against objdump ---- */

/* clang-format off */
#define IMMEDIATE(ours, theirs) {ours " *", theirs " *", true, "objdump names the immediate form as the register form", 0}
/* clang-format on */

/* Where the two differ, and why. Texts as normal() makes them; same: the operands must be equal. seen: found in the sweep. */
static struct pin {
    const char *ours, *theirs;
    bool same;
    const char *why;
    unsigned seen;
} pins[] = {
    IMMEDIATE("addi", "add"),
    IMMEDIATE("andi", "and"),
    IMMEDIATE("ori", "or"),
    IMMEDIATE("xori", "xor"),
    IMMEDIATE("slli", "sll"),
    IMMEDIATE("srli", "srl"),
    IMMEDIATE("srai", "sra"),
    IMMEDIATE("addiw", "addw"),
    IMMEDIATE("slliw", "sllw"),
    IMMEDIATE("srliw", "srlw"),
    IMMEDIATE("sraiw", "sraw"),
    IMMEDIATE("rori", "ror"),
    IMMEDIATE("roriw", "rorw"),
    IMMEDIATE("bclri", "bclr"),
    IMMEDIATE("bexti", "bext"),
    IMMEDIATE("binvi", "binv"),
    IMMEDIATE("bseti", "bset"),
    IMMEDIATE("csrrwi", "csrrw"),
    IMMEDIATE("csrrsi", "csrrs"),
    IMMEDIATE("csrrci", "csrrc"),
    IMMEDIATE("csrwi", "csrw"),
    IMMEDIATE("csrsi", "csrs"),
    IMMEDIATE("csrci", "csrc"),
#undef IMMEDIATE
    {"czero.eqz *", ".4byte *", false, "binutils 2.40 is older than Zicond", 0},
    {"czero.nez *", ".4byte *", false, "binutils 2.40 is older than Zicond", 0},
    {"fence *", ".4byte *", false, "rd and rs1 are reserved and ignored (Unpriv. 2.7): it is executed as this", 0},
    {"fence.i*", ".4byte *", false, "its fields are reserved and ignored (Unpriv. 6)", 0},
    {"fence *", "fence *unknown*", false, "an empty set, which we write 0", 0},
    {"fcvt.d.w *", ".4byte *", false, "exact: any rounding mode does", 0},
    {"fcvt.d.wu *", ".4byte *", false, "exact: any rounding mode does", 0},
    {"fcvt.d.s *", ".4byte *", false, "exact: any rounding mode does", 0},
    {"f*,rm5", "f*,unknown", false, "a reserved rounding mode", 0},
    {"f*,rm6", "f*,unknown", false, "a reserved rounding mode", 0},
    {"mv *", "add *,zero,*", false, "the same move as c.mv, which both call mv", 0},
    {"fsrmi *", "fsrmi zero,*", false, "rd = x0 is left out, as in fsrm", 0},
    {"csr* *,[0-9]*", "csr* *h", false, "the upper halves are RV32's", 0},
    {"csr* *,[0-9]*,*", "csr* *h,*", false, "the upper halves are RV32's", 0},
    {"csr* *,xd*", "csr* *", false, "Xdisk is ours", 0},
    {"csr* *,uk*", "csr* *", false, "Xuk is ours", 0},
    /* Hints and reserved encodings of C; what they stand for says it all. */
    {"li zero,*", "c.nop *", false, "a hint", 0},
    {"li zero,*", "c.li zero,*", false, "a hint", 0},
    {"nop ", "c.li zero,0", false, "a hint", 0},
    {"lui zero,*", "c.lui zero,*", true, "a hint", 0},
    {"slli zero,zero,*", "c.slli zero,*", false, "a hint", 0},
    {"slli *,0", "c.slli64 *", false, "a hint", 0},
    {"srli *,0", "c.srli64 *", false, "a hint", 0},
    {"srai *,0", "c.srai64 *", false, "a hint", 0},
    {"mv zero,*", "c.mv zero,*", true, "a hint", 0},
    {"mv zero,*", "c.add zero,*", false, "a hint", 0},
    {"mv *", "add *,0", false, "c.addi by nothing, a hint, is a move to itself", 0},
    {".2byte 24833", "add sp,sp,0", false, "c.addi16sp by nothing is reserved", 0},
};

/* Mnemonic, a blank, operands without blanks and comments, numbers in decimal: hexadecimal ones only where they have 0x, or where the text is
 * objdump's target of a branch. */
static void normal(const char *text, bool target_is_hex, char *out, size_t size)
{
    size_t n = 0;
    const char *p = text;
    while (*p && !strchr(" \t\n", *p) && n + 1 < size)
        out[n++] = *p++;
    out[n] = 0;
    static const char *const branches[] = {"j",    "jal",  "beq",  "bne",  "blt",  "bge",  "bltu",
                                           "bgeu", "beqz", "bnez", "blez", "bgez", "bltz", "bgtz"};
    bool branch = false;
    for (size_t k = 0; target_is_hex && k < ARRAY_LEN(branches); k++)
        branch = branch || !strcmp(out, branches[k]);
    out[n++] = ' ';
    while (*p && *p != '#' && *p != '<' && n + 24 < size) {
        bool start = out[n - 1] == ' ' || out[n - 1] == ',' || out[n - 1] == '-' || out[n - 1] == '(';
        char *end;
        if (*p == ' ' || *p == '\t' || *p == '\n') {
            p++;
        } else if (start && ((*p >= '0' && *p <= '9') || (branch && *p >= 'a' && *p <= 'f'))) {
            int base = branch && strncmp(p, "0x", 2) ? 16 : 0;
            unsigned long long v = strtoull(p, &end, base);
            if (branch && *end && *end != ' ' && *end != '\n' && *end != '\t') { /* a register: a0, fp */
                out[n++] = *p++;
                continue;
            }
            n += (size_t)snprintf(out + n, size - n, (long long)v < 0 ? "%lld" : "%llu", v);
            p = end;
        } else {
            out[n++] = *p++;
        }
    }
    out[n] = 0;
}

static bool pinned(const char *ours, const char *theirs)
{
    bool found = false;
    for (size_t i = 0; i < ARRAY_LEN(pins); i++) {
        struct pin *p = &pins[i];
        if (fnmatch(p->ours, ours, 0) || fnmatch(p->theirs, theirs, 0))
            continue;
        if (p->same && strcmp(strchr(ours, ' '), strchr(theirs, ' ')))
            continue;
        p->seen++;
        found = true;
    }
    return found;
}

/* Compares n instructions with objdump's reading of them. Returns how many differ without a pin. */
static unsigned sweep(const char *dir, const char *march, const uint32_t *raw, size_t n)
{
    char cmd[512], path[128], line[512], text[96], ours[256], theirs[256];
    snprintf(path, sizeof path, "%s/sweep.s", dir);
    FILE *f = fopen(path, "w");
    ck_assert_ptr_nonnull(f);
    for (size_t i = 0; i < n; i++)
        fprintf(f, (raw[i] & 3) == 3 ? ".insn 0x%08x\n" : ".insn 0x%04x\n", raw[i]);
    fclose(f);
    snprintf(cmd, sizeof cmd, "as -march=%s sweep.s -o sweep.o", march);
    cross_run(dir, cmd);
    snprintf(cmd, sizeof cmd, CROSS "objdump -d -z %s/sweep.o", dir);
    f = popen(cmd, "r");
    ck_assert_ptr_nonnull(f);
    struct disasm *d = disasm_new(DISASM_BEST);
    uint64_t pc = 0;
    unsigned different = 0;
    size_t i = 0;
    while (fgets(line, sizeof line, f)) {
        unsigned long long at, bits;
        int used = 0;
        if (sscanf(line, " %llx: %llx %n", &at, &bits, &used) != 2 || !used || strchr(line, '>') == line)
            continue;
        if (strstr(line, "file format") || at != pc)
            continue;
        ck_assert_uint_lt(i, n);
        ck_assert_uint_eq(bits, raw[i]);
        pc += disasm(d, pc, raw[i], text, sizeof text);
        normal(text, false, ours, sizeof ours);
        normal(line + used, true, theirs, sizeof theirs);
        if (strcmp(ours, theirs) && !pinned(ours, theirs)) {
            if (different++ < 20)
                fprintf(stderr, "objdump: %08x is \"%s\", here \"%s\"\n", raw[i], theirs, ours);
        }
        i++;
    }
    pclose(f);
    disasm_free(d);
    ck_assert_uint_eq(i, n);
    return different;
}

/* Only this version's divergences are known one by one; of others it is said how many there are. */
static bool is_known_objdump(void)
{
    char line[256] = "";
    FILE *f = popen(CROSS "objdump --version", "r");
    ck_assert_ptr_nonnull(f);
    bool known = fgets(line, sizeof line, f) && strstr(line, " 2.40");
    while (fgets(line, sizeof line, f))
        ;
    pclose(f);
    return known;
}

START_TEST(as_objdump)
{
    static const char march[] = "rv64gch_zba_zbb_zbc_zbs_zicbom_zicbop_zicboz_svinval_zicsr_zifencei_zihintpause";
    if (!cross_has("objdump") || !cross_has("as"))
        return;
    char dir[64];
    cross_dir(dir);
    uint32_t *raw = malloc((WORDS + HALVES + 4096 + 1) * sizeof *raw);
    size_t n = make_words(raw);
    for (uint32_t csr = 0; csr < 4096; csr++)
        raw[n++] = csr << 20 | 0x2573; /* csrr a0 */
    raw[n++] = 0x00205073;             /* fsrmi 0 */
    unsigned different = sweep(dir, march, raw, n);
    size_t swept = n;
    n = 0;
    for (uint32_t h = 0; h < 65536; h++)
        if ((h & 3) != 3)
            raw[n++] = h;
    ck_assert_uint_eq(n, HALVES);
    different += sweep(dir, march, raw, n);
    swept += n;
    free(raw);
    cross_clean(dir);
    if (!is_known_objdump()) {
        fprintf(stderr, "another objdump than 2.40: %u of %zu texts differ in ways that are not pinned\n", different,
                swept);
        ck_assert_uint_lt(different, swept / 20);
        return;
    }
    ck_assert_uint_eq(different, 0);
    for (size_t i = 0; i < ARRAY_LEN(pins); i++)
        ck_assert_msg(pins[i].seen, "no longer so: %s / %s (%s)", pins[i].ours, pins[i].theirs, pins[i].why);
}
END_TEST

/* ---- Targets ---- */

static const char *symbol(void *ctx, uint64_t addr, uint64_t *offset)
{
    (void)ctx;
    if (addr < 0x80000000 || addr >= 0x80001000)
        return NULL;
    *offset = addr & 0xff;
    return "a_function_with_quite_a_long_name";
}

START_TEST(targets)
{
    struct disasm *d = disasm_new(DISASM_BEST);
    char text[128];
    uint64_t target;
    disasm_set_symbols(d, symbol, NULL);
    disasm(d, 0x80000100, 0x0080006f, text, sizeof text);
    ck_assert_str_eq(text, "j      0x80000108 <a_function_with_quite_a_long_name+0x8>");
    disasm(d, 0x800000f8, 0x0080006f, text, sizeof text);
    ck_assert_str_eq(text, "j      0x80000100 <a_function_with_quite_a_long_name>");
    disasm(d, 0x90000000, 0x0080006f, text, sizeof text);
    ck_assert_str_eq(text, "j      0x90000008");
    disasm(d, 0, 0xfe000ee3, text, sizeof text); /* backwards across 0 */
    ck_assert_str_eq(text, "beqz   zero, 0xfffffffffffffffc");
    for (size_t size = 0; size < 40; size++) { /* cut wherever it may be */
        memset(text, 'x', sizeof text);
        ck_assert_uint_eq(disasm(d, 0x80000100, 0x0080006f, text, size), 4);
        ck_assert(!size || strlen(text) == size - 1);
        ck_assert_int_eq(text[size], 'x');
    }
    ck_assert(disasm_target(d, 0x80000100, 0xa001, &target) && target == 0x80000100);
    ck_assert(disasm_target(d, 0x80000100, 0xfe000ee3, &target) && target == 0x800000fc);
    ck_assert(!disasm_target(d, 0x80000100, 0x00008067, &target));
    ck_assert(disasm_is_return(d, 0x8082) && disasm_is_return(d, 0x00008067) && !disasm_is_return(d, 0x000500e7));
    ck_assert(disasm_is_call(d, 0x000500e7) && disasm_is_call(d, 0xff9ff0ef) && !disasm_is_call(d, 0x0080006f));
    disasm_free(d);
}
END_TEST

Suite *disasm_suite(void)
{
    Suite *s = suite_create("disasm");
    TCase *t = tcase_create("disasm");
    tcase_set_timeout(t, 120);
    tcase_add_test(t, texts);
    tcase_add_test(t, engines_agree);
    tcase_add_test(t, every_word_has_a_text);
    tcase_add_test(t, as_objdump);
    tcase_add_test(t, targets);
    suite_add_tcase(s, t);
    return s;
}
