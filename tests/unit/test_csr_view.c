/* SPDX-License-Identifier: MIT */
/* csr_fields.def against csr.def and against what harts do; and how CSRs print. */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "hart_rig.h"
#include "monitor/debug/csr_view.h"
#include "monitor/names.h"
#include "symbols.h"

Suite *csr_view_suite(void);

#define EVERYTHING "rv64,xuk=true,xdisk=true"

static const struct {
    unsigned num;
    const char *name;
    bool writable;
} csrs[] = {
#define CSR(num, name, mode, need, check, vs, get, put) {(num), #name, (num) >> 10 != 3},
#include "cpu/csr.def"
#undef CSR
};

enum { N = sizeof csrs / sizeof *csrs };

static uint64_t covered(unsigned csr)
{
    uint64_t mask = 0;
    for (const struct csr_field *f = NULL; (f = csr_field_next(csr, f));)
        mask |= MASK(f->hi, f->lo);
    return mask;
}

START_TEST(tables_agree)
{
    for (unsigned i = 0; i < N; i++)
        ck_assert_msg(csr_title(csrs[i].num)[0], "%s has no row TITLE", csrs[i].name);
    ck_assert_str_eq(csr_title(0x7c0), "");
    ck_assert_ptr_null(csr_field_next(0x7c0, NULL));
}
END_TEST

START_TEST(each_csr_has_one_title)
{
    static const char *const titles[] = {
#define TITLE(csr, kind, text) #csr,
#include "monitor/debug/csr_fields.def"
    };
    ck_assert_uint_eq(ARRAY_LEN(titles), N);
    for (unsigned i = 0; i < ARRAY_LEN(titles); i++) {
        ck_assert_msg(csr_number(titles[i]) >= 0, "%s", titles[i]);
        for (unsigned j = 0; j < i; j++)
            ck_assert_msg(strcmp(titles[i], titles[j]) != 0, "%s twice", titles[i]);
    }
}
END_TEST

START_TEST(fields_are_sound)
{
    static const struct {
        const char *csr;
        int hi, lo;
        const char *name, *kind, *text;
    } rows[] = {
#define FIELD(csr, hi, lo, name, kind, text) {#csr, hi, lo, #name, #kind, text},
#include "monitor/debug/csr_fields.def"
    };
    unsigned found = 0;
    for (unsigned i = 0; i < ARRAY_LEN(rows); i++) {
        int num = csr_number(rows[i].csr);
        ck_assert_msg(num >= 0, "%s", rows[i].csr);
        ck_assert_msg(rows[i].lo >= 0 && rows[i].hi >= rows[i].lo && rows[i].hi <= 63, "%s.%s", rows[i].csr,
                      rows[i].name);
        ck_assert_msg(rows[i].text[0], "%s.%s has no text", rows[i].csr, rows[i].name);
        ck_assert_msg(strcmp(rows[i].kind, "FLAG") != 0 || rows[i].hi == rows[i].lo, "%s.%s", rows[i].csr,
                      rows[i].name);
        /* Found by its name, and by that alone. */
        const struct csr_field *f = csr_field_find((unsigned)num, rows[i].name);
        ck_assert_ptr_nonnull(f);
        ck_assert_msg(f->hi == rows[i].hi && f->lo == rows[i].lo, "%s has two fields %s", rows[i].csr, rows[i].name);
    }
    for (unsigned i = 0; i < N; i++) {
        int below = 64;
        for (const struct csr_field *f = NULL; (f = csr_field_next(csrs[i].num, f)); found++) {
            ck_assert_msg(f->hi < below, "%s.%s overlaps, or is out of order", csrs[i].name, f->name);
            below = f->lo;
        }
    }
    ck_assert_uint_eq(found, ARRAY_LEN(rows)); /* a CSR's rows stand together, or some would not be found */
    ck_assert_uint_gt(found, 200);
}
END_TEST

static uint64_t random64(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

/* Every bit that a write of any kind makes read as 1, on a hart with everything, belongs to a field. */
START_TEST(writable_bits_have_fields)
{
    uint64_t seed = 88172645463325252u;
    unsigned tried = 0;
    for (unsigned i = 0; i < N; i++) {
        uint64_t fields = covered(csrs[i].num), seen = 0;
        if (!fields)
            continue;
        struct rig *r = rig_new(EVERYTHING);
        seen |= peek(r, csrs[i].num);
        /* what depends on other registers: views, and enables that enable */
        poke(r, 0x303, UINT64_MAX);
        poke(r, 0x603, UINT64_MAX);
        poke(r, 0x30a, ENVCFG_ADUE | ENVCFG_PBMTE);
        for (unsigned k = 0; csrs[i].writable && k < 3000; k++) {
            uint64_t v = random64(&seed) & random64(&seed);
            bool pmpcfg = csrs[i].num >> 4 == 0x3a;
            if (pmpcfg && k < 2999)
                v &= ~UINT64_C(0x8080808080808080); /* a locked entry would stay */
            if (k < 64 && !pmpcfg)
                v = BIT(k);
            if (k == 64)
                v = pmpcfg ? 0x7f7f7f7f7f7f7f7f : UINT64_MAX;
            poke(r, csrs[i].num, v);
            seen |= peek(r, csrs[i].num);
        }
        ck_assert_msg(!(seen & ~fields), "%s: bits 0x%llx have no field", csrs[i].name,
                      (unsigned long long)(seen & ~fields));
        tried += csrs[i].writable;
        rig_free(r);
    }
    ck_assert_uint_gt(tried, 40);
}
END_TEST

/* The names of causes and interrupts are those of names.c. */
START_TEST(names_agree)
{
    static const unsigned delegations[] = {0x302, 0x602},
                          bits_of[] = {0x303, 0x603, 0x344, 0x304, 0x644, 0x604, 0x645, 0x144, 0x104, 0x244, 0x204};
    for (unsigned i = 0; i < ARRAY_LEN(delegations); i++)
        for (const struct csr_field *f = NULL; (f = csr_field_next(delegations[i], f));)
            ck_assert_str_eq(f->text, name_cause(f->lo));
    for (unsigned i = 0; i < ARRAY_LEN(bits_of); i++)
        for (const struct csr_field *f = NULL; (f = csr_field_next(bits_of[i], f));) {
            const char *name = name_irq_short(f->lo);
            ck_assert_str_eq(f->text, name_irq(f->lo));
            ck_assert_msg(!strncmp(f->name, name, strlen(name)) && strlen(f->name) <= strlen(name) + 1, "%s", f->name);
        }
}
END_TEST

START_TEST(every_value_means_something)
{
    char buf[128];
    for (unsigned i = 0; i < N; i++)
        for (const struct csr_field *f = NULL; (f = csr_field_next(csrs[i].num, f));)
            for (uint64_t v = 0; f->hi - f->lo < 4 && v < BIT(f->hi - f->lo + 1); v++)
                ck_assert_msg(csr_field_meaning(buf, sizeof buf, f, v << f->lo, NULL)[0], "%s.%s = %u", csrs[i].name,
                              f->name, (unsigned)v);
}
END_TEST

static char *view(struct hart *h, const struct symbols *s, unsigned csr)
{
    struct out_text o;
    out_text_init(&o);
    csr_view_print(&o.out, h, s, csr);
    char *text = strdup(o.text);
    out_text_free(&o);
    return text;
}

START_TEST(hides_nothing)
{
    struct rig *r = rig_new(EVERYTHING), *small = rig_new("rv64,h=false,f=false,d=false");
    for (unsigned i = 0; i < N; i++) {
        char *text = view(r->h, NULL, csrs[i].num), place[64];
        ck_assert_msg(!strncmp(text, csrs[i].name, strlen(csrs[i].name)), "%s", text);
        ck_assert_msg(!strstr(text, "no field"), "%s", text);
        for (const struct csr_field *f = NULL; (f = csr_field_next(csrs[i].num, f));) {
            if (f->hi == f->lo)
                snprintf(place, sizeof place, " %u = ", f->hi);
            else
                snprintf(place, sizeof place, " %u:%u = ", f->hi, f->lo);
            ck_assert_msg(strstr(text, f->name) && strstr(text, place), "%s: %s\n%s", f->name, place, text);
        }
        free(text);
        free(view(small->h, NULL, csrs[i].num));
    }
    char *text = view(small->h, NULL, 0x680);
    ck_assert_str_eq(text, "hgatp: this hart has no such register (see -cpu)\n");
    free(text);
    text = view(small->h, NULL, 0x7c0);
    ck_assert_str_eq(text, "CSR 0x7c0: there is no such register\n");
    free(text);
    rig_free(r);
    rig_free(small);
}
END_TEST

START_TEST(prints)
{
    struct rig *r = rig_new(EVERYTHING);
    struct symbols *s = symbols_new();
    ck_assert(symbols_add(s, "trap", 0x80200100, 64, SYMBOL_FUNCTION));
    symbols_sort(s);
    poke(r, 0x300, 0x6000 | 3 << 11 | 1 << 18);
    poke(r, 0x180, UINT64_C(8) << 60 | UINT64_C(5) << 44 | 0x80234);
    poke(r, 0x105, 0x80200101);
    poke(r, 0x142, CAUSE_INTERRUPT | 5);
    poke(r, 0x3b0, 0x80000000 >> 2);
    poke(r, 0x3b1, (0x80200000 >> 2) | 0xff);
    poke(r, 0x3a0, 0x9f08);
    static const struct {
        unsigned csr;
        const char *text;
    } cases[] = {
        {0x180, "satp 0x8000500000080234  the page-table register of S and U mode\n"
                "  MODE 63:60 = 8 (Sv39): translation\n"
                "  ASID 59:44 = 5: address space\n"
                "  PPN   43:0 = 0x80234 (table at 0x80234000): root of the page tables\n"},
        {0x105, "stvec 0x80200101  supervisor trap vector\n"
                "  BASE  63:2 = 0x20080040 (0x80200100 <trap>): the trap handler\n"
                "  MODE   1:0 = 1 (Vectored): Vectored: interrupts go to BASE + 4 * cause\n"},
        {0x142, "scause 0x8000000000000005  cause of the last trap to S mode\n"
                "  Interrupt    63 = 1 (interrupt): what it was\n"
                "  Code       62:0 = 5 (S timer): which\n"},
        {0x141, "sepc 0x0  where the last trap to S mode came from; sret goes there\n"},
        {0x3b1, "pmpaddr1 0x200800ff  physical memory protection, address of entry 1\n"
                "  address  53:0 = 0x200800ff (address 0x802003fc): bits 55:2\n"},
    };
    for (unsigned i = 0; i < ARRAY_LEN(cases); i++) {
        char *text = view(r->h, s, cases[i].csr);
        ck_assert_str_eq(text, cases[i].text);
        free(text);
    }
    static const struct {
        unsigned csr;
        const char *line;
    } lines[] = {
        {0x300, "  MPP  12:11 = 3 (M): "},
        {0x300, "  SD      63 = 1 (yes): FS, VS or XS is Dirty\n"},
        {0x300, "  FS   14:13 = 3 (Dirty): state of the floating-point unit\n"},
        {0x300, "  MIE      3 = 0 (no): interrupts are enabled in M mode\n"},
        {0x3a0, "  pmp0cfg   7:0 = 0x8 (TOR ---): 0x0..0x7fffffff\n"},
        {0x3a0, "  pmp1cfg  15:8 = 0x9f (NAPOT rwx locked): 0x80200000..0x802007ff\n"},
        {0x3a0, "  pmp2cfg 23:16 = 0x0 (OFF ---): entry 2\n"},
        {0x301, "  Extensions  25:0 = 0x1411ad (ACDFHIMSU): one bit for each letter\n"},
    };
    for (unsigned i = 0; i < ARRAY_LEN(lines); i++) {
        char *text = view(r->h, s, lines[i].csr);
        const char *line = lines[i].line;
        ck_assert_msg(strstr(text, line) != NULL, "%s in\n%s", line, text);
        free(text);
    }
    symbols_free(s);
    rig_free(r);
}
END_TEST

START_TEST(in_one_line)
{
    struct symbols *s = symbols_new();
    ck_assert(symbols_add(s, "trap", 0x80200100, 64, SYMBOL_FUNCTION));
    symbols_sort(s);
    static const struct {
        const char *csr;
        uint64_t value;
        const char *text;
    } cases[] = {
        {"satp", UINT64_C(8) << 60 | 0x80234, "Sv39 asid 0 ppn 0x80234 -> table at 0x80234000"},
        {"satp", 0, "Bare"},
        {"satp", UINT64_C(3) << 60, "reserved asid 0 ppn 0x0 -> table at 0x0"},
        {"hgatp", UINT64_C(9) << 60 | UINT64_C(7) << 44 | 0x80400, "Sv48x4 vmid 7 ppn 0x80400 -> table at 0x80400000"},
        {"mcause", 13, "load page fault"},
        {"scause", CAUSE_INTERRUPT | 9, "S external interrupt"},
        {"vscause", 14, "reserved cause"},
        {"stvec", 0x80200100, "Direct <trap>"},
        {"mtvec", 0x101, "Vectored"},
        {"sepc", 0x80200104, "<trap+4>"},
        {"sepc", 0x10, ""},
        {"mstatus", 0x8000000a00006102, "SD SXL=64 bits UXL=64 bits FS=Dirty SPP=S SIE"},
        {"medeleg", 0xb100, "store_page load_page fetch_page ecall_u"},
        {"mie", 0x222, "SEIE STIE SSIE"},
        {"mip", 0, "none"},
        {"mcounteren", 7, "IR TM CY"},
        {"menvcfg", UINT64_C(0xe0000000000000f0), "STCE PBMTE ADUE CBZE CBCFE CBIE=cbo.inval invalidates"},
        {"misa", UINT64_C(2) << 62 | 0x105, "MXL=64 bits Extensions=ACI"},
        {"pmpcfg0", 0x9f08, "0: TOR ---, 1: NAPOT rwx locked"},
        {"pmpcfg2", 0x1f, "8: NAPOT rwx"},
        {"pmpaddr3", 0x20000000, "address 0x80000000"},
        {"htval", 0x20080040, "guest physical address 0x80200100"},
        {"instret", 123, "123"},
        {"fcsr", 0x21, "FRM=RTZ NX"},
        {"xdstatus", 2, "Status=no such sector"},
        {"sscratch", 0x80200101, "<trap+1>"},
    };
    for (unsigned i = 0; i < ARRAY_LEN(cases); i++) {
        char buf[256], tiny[8];
        unsigned num = (unsigned)csr_number(cases[i].csr);
        csr_view_short(buf, sizeof buf, num, cases[i].value, s);
        ck_assert_msg(!strcmp(buf, cases[i].text), "%s: %s, expected %s", cases[i].csr, buf, cases[i].text);
        csr_view_short(tiny, sizeof tiny, num, cases[i].value, s);
        ck_assert(!strncmp(tiny, buf, sizeof tiny - 1) && strlen(tiny) < sizeof tiny);
    }
    symbols_free(s);
}
END_TEST

START_TEST(writes_fields)
{
    struct rig *r = rig_new(EVERYTHING);
    const struct csr_field *mpp = csr_field_find(0x300, "mpp"), *ssip = csr_field_find(0x344, "SSIP"),
                           *sd = csr_field_find(0x300, "SD"), *id = csr_field_find(0xf11, "Bank");
    ck_assert_ptr_nonnull(mpp);
    uint64_t before = peek(r, 0x300);
    ck_assert(csr_field_poke(r->h, mpp, 1));
    ck_assert_uint_eq(csr_field_get(mpp, peek(r, 0x300)), 1);
    ck_assert_uint_eq(peek(r, 0x300), merge_bits(before, 1 << 11, 3 << 11));
    ck_assert(!csr_field_poke(r->h, mpp, 4));
    ck_assert(csr_field_poke(r->h, sd, 1)); /* computed: the write is legal and changes nothing */
    ck_assert_uint_eq(csr_field_get(sd, peek(r, 0x300)), 0);
    ck_assert(!csr_field_poke(r->h, id, 0));
    /* A wire that is up while a field beside it is written does not become software's. */
    hart_set_irq(r->h, IRQ_SEI, true);
    ck_assert(csr_field_poke(r->h, ssip, 1));
    hart_set_irq(r->h, IRQ_SEI, false);
    ck_assert_uint_eq(peek(r, 0x344), BIT(IRQ_SSI));
    ck_assert_pstr_eq(csr_field_nearest(0x300, "mmp"), "MPP");
    ck_assert_ptr_null(csr_field_find(0x300, "mmp"));
    rig_free(r);
}
END_TEST

Suite *csr_view_suite(void)
{
    Suite *s = suite_create("csr_view");
    TCase *t = tcase_create("csr_view");
    tcase_add_test(t, tables_agree);
    tcase_add_test(t, each_csr_has_one_title);
    tcase_add_test(t, fields_are_sound);
    tcase_add_test(t, writable_bits_have_fields);
    tcase_add_test(t, names_agree);
    tcase_add_test(t, every_value_means_something);
    tcase_add_test(t, hides_nothing);
    tcase_add_test(t, prints);
    tcase_add_test(t, in_one_line);
    tcase_add_test(t, writes_fields);
    suite_add_tcase(s, t);
    return s;
}
