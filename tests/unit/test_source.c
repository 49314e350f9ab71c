/* SPDX-License-Identifier: MIT */
/* Source lines and functions from DWARF: against addr2line, by hand where a breakpoint belongs, and with damaged files. */
#include <inttypes.h>

#include "cross.h"
#include "load.h"
#include "monitor/debug/source.h"
#include "symbols.h"

Suite *source_suite(void);

static const char program[] = "static inline __attribute__((always_inline)) int twice(int x)\n" /* 1 */
                              "{\n"
                              "    int y = x * 2;\n" /* 3 */
                              "    return y + 1;\n"
                              "}\n"
                              "static inline __attribute__((always_inline)) int thrice(int x)\n"
                              "{\n"
                              "    return twice(x) + x;\n" /* 8 */
                              "}\n"
                              "volatile int g;\n"
                              "__attribute__((noinline)) int work(int a)\n" /* 11 */
                              "{\n"
                              "    int b = a + 3;\n" /* 13 */
                              "    for (int i = 0; i < a; i++)\n"
                              "        g += twice(i);\n" /* 15 */
                              "    return b;\n"
                              "}\n"
                              "int main(void)\n" /* 18 */
                              "{\n"
                              "    g = thrice(g);\n" /* 20 */
                              "    return work(g) + twice(7 + g);\n"
                              "}\n"
                              "/* nothing more */\n";
static const char assembly[] = ".text\n"
                               ".globl entry\n"
                               ".type entry, @function\n"
                               "entry:\n" /* 4 */
                               "    addi sp, sp, -16\n"
                               "    call main\n" /* 6 */
                               "    ret\n"
                               ".size entry, .-entry\n";

static const char *const variants[] = {"-O0 -gdwarf-5", "-O1 -gdwarf-4", "-O2 -gdwarf-5", "-O2 -gdwarf-4",
                                       "-Os -gdwarf-5 -gz"};

static char dir[64], elf[128];

static bool build(const char *flags)
{
    char cmd[512];
    if (!cross_has("gcc"))
        return false;
    cross_dir(dir);
    cross_write(dir, "prog.c", program);
    cross_write(dir, "start.S", assembly);
    snprintf(cmd, sizeof cmd,
             "gcc %s -march=rv64imac -mabi=lp64 -mcmodel=medany -ffreestanding -nostdlib -static -Wl,-e,entry "
             "-Wl,-Ttext=0x80200000 -Wl,--build-id=none prog.c start.S -o prog.elf",
             flags);
    cross_run(dir, cmd);
    snprintf(elf, sizeof elf, "%s/prog.elf", dir);
    return true;
}

static struct source *open_source(uint64_t bias)
{
    struct err e = {""};
    struct source *s = source_new();
    ck_assert_ptr_nonnull(s);
    ck_assert_msg(!source_add(s, elf, bias, &e), "%s", e.text);
    return s;
}

/* The rows of prog.c's line table as objdump reads it. */
static struct row {
    uint64_t addr;
    unsigned line;
    bool stmt;
} rows[512];
static unsigned nrows;

static void read_rows(void)
{
    char cmd[256], text[512], number[32], first[32], second[32];
    snprintf(cmd, sizeof cmd, CROSS "objdump --dwarf=decodedline %s", elf);
    FILE *o = popen(cmd, "r");
    ck_assert_ptr_nonnull(o);
    nrows = 0;
    while (fgets(text, sizeof text, o)) {
        unsigned long long addr;
        first[0] = second[0] = 0; /* the view's number, x for a statement */
        if (sscanf(text, "prog.c %31s 0x%llx %31s %31s", number, &addr, first, second) < 2)
            continue;
        ck_assert_uint_lt(nrows, ARRAY_LEN(rows));
        rows[nrows++] =
            (struct row){addr, (unsigned)strtoul(number, NULL, 10), !strcmp(first, "x") || !strcmp(second, "x")};
    }
    pclose(o);
    ck_assert_uint_gt(nrows, 10);
}

/* The line that gdb tells: of the rows at the nearest address at or before addr the last statement's, else the last. */
static unsigned line_of(uint64_t addr)
{
    const struct row *best = NULL;
    for (unsigned i = 0; i < nrows; i++)
        if (rows[i].addr <= addr &&
            (!best || rows[i].addr > best->addr || (rows[i].addr == best->addr && (rows[i].stmt || !best->stmt))))
            best = &rows[i];
    ck_assert_ptr_nonnull(best);
    return best->line;
}

/* Functions and calls by addr2line -f -i: pairs of lines, function and file:line, innermost first. The line itself by the table: addr2line takes
 * the last row of an address even if it is no statement. */
static void check_address(struct source *s, uint64_t addr)
{
    char cmd[256], function[256], place[512];
    struct source_inline in[SOURCE_INLINES];
    struct source_function f;
    struct source_place p;
    snprintf(cmd, sizeof cmd, CROSS "addr2line -f -i -e %s 0x%" PRIx64, elf, addr);
    FILE *o = popen(cmd, "r");
    ck_assert_ptr_nonnull(o);
    unsigned n = source_inlines_at(s, addr, in), depth = 0;
    ck_assert(source_at(s, addr, &p) && source_function_at(s, addr, &f));
    while (fgets(function, sizeof function, o) && fgets(place, sizeof place, o)) {
        function[strcspn(function, "\n")] = 0;
        char *colon = strrchr(place, ':');
        ck_assert_ptr_nonnull(colon);
        unsigned line = (unsigned)strtoul(colon + 1, NULL, 10);
        *colon = 0;
        ck_assert_msg(!strcmp(function, depth < n ? in[depth].name : f.name), "0x%" PRIx64 ": %s", addr, function);
        if (depth)
            ck_assert_msg(line == in[depth - 1].call_line, "0x%" PRIx64 " %s: line %u", addr, function, line);
        ck_assert_str_eq(place, depth ? in[depth - 1].call_file : p.file);
        depth++;
    }
    pclose(o);
    ck_assert_uint_eq(depth, n + 1);
    ck_assert_msg(p.line == line_of(addr), "0x%" PRIx64 ": line %u, not %u", addr, p.line, line_of(addr));
}

START_TEST(as_addr2line)
{
    if (!build(variants[_i]))
        return;
    struct source *s = open_source(0);
    struct source_function f;
    static const char *const names[] = {"work", "main"};
    read_rows();
    unsigned checked = 0;
    for (size_t k = 0; k < ARRAY_LEN(names); k++) {
        ck_assert(source_function_named(s, names[k], 0, &f) && !source_function_named(s, names[k], 1, &f));
        ck_assert(source_function_named(s, names[k], 0, &f));
        ck_assert_uint_eq(f.line, k ? 18 : 11);
        for (uint64_t a = f.low; a < f.high; a += 2, checked++)
            check_address(s, a);
    }
    ck_assert_uint_gt(checked, 30);
    source_free(s);
    cross_clean(dir);
}
END_TEST

/* ---- Where breakpoints go ---- */

START_TEST(breakpoints)
{
    if (!build("-O0 -g"))
        return;
    struct source *s = open_source(0);
    struct source_function f, work;
    struct source_place p;
    uint64_t va[8];
    unsigned line;
    ck_assert(source_function_named(s, "work", 0, &work));
    ck_assert(work.low < work.body && work.body < work.high);
    ck_assert(source_at(s, work.body, &p) && p.line == 13 && p.low == work.body && p.stmt);
    ck_assert(source_function_at(s, work.high - 1, &f) && f.low == work.low);
    ck_assert(!source_function_at(s, work.low - 0x1000, &f));
    /* A line of a function that was inlined into several. */
    ck_assert_uint_eq(source_find_line(s, "prog.c", 3, va, 8, &line), 3);
    ck_assert_uint_eq(line, 3);
    for (unsigned i = 0; i < 3; i++) {
        struct source_inline in[SOURCE_INLINES];
        ck_assert(source_at(s, va[i], &p) && p.line == 3 && p.low == va[i]);
        ck_assert(source_inlines_at(s, va[i], in) >= 1 && !strcmp(in[0].name, "twice"));
    }
    /* The line of the function's brace: behind the prologue. */
    ck_assert(source_find_line(s, "prog.c", 12, va, 8, &line) == 1 && line == 12 && va[0] == work.body);
    /* A line without code, the end, no such file; fewer places than there are. */
    ck_assert(source_find_line(s, "prog.c", 10, va, 8, &line) == 1 && line == 12);
    ck_assert(!source_find_line(s, "prog.c", 23, va, 8, &line) && !line);
    ck_assert(!source_find_line(s, "rog.c", 3, va, 8, &line) && !source_find_line(s, "", 3, va, 8, &line));
    va[1] = 1234;
    ck_assert(source_find_line(s, "prog.c", 3, va, 1, NULL) == 3 && va[1] == 1234);
    char path[128];
    snprintf(path, sizeof path, "%s/prog.c", dir);
    ck_assert_str_eq(source_find_file(s, "prog.c"), path);
    ck_assert(source_find_line(s, path, 20, va, 8, &line) == 1 && line == 20);
    unsigned first, last;
    ck_assert(source_line_limits(s, "prog.c", &first, &last) && first == 3 && last == 22);
    ck_assert(!source_line_limits(s, "other.c", &first, &last));
    /* Assembly has no prologue. */
    ck_assert(source_find_line(s, "start.S", 5, va, 8, &line) == 1 && line == 5);
    ck_assert(source_at(s, va[0], &p) && p.line == 5);
    if (source_function_named(s, "entry", 0, &f))
        ck_assert_uint_eq(f.body, f.low);
    ck_assert_ptr_nonnull(source_file(s, 0));
    ck_assert_ptr_nonnull(source_file(s, 1));
    ck_assert_ptr_null(source_file(s, 2));
    ck_assert_str_eq(source_object(s, work.low), elf);
    ck_assert_ptr_null(source_object(s, 0x1000));
    source_free(s);
    cross_clean(dir);
}
END_TEST

/* From any instruction of a function, the range to step through holds it, stays in the function, and ends where another line begins. */
START_TEST(step_ranges)
{
    if (!build(variants[_i]))
        return;
    struct source *s = open_source(0);
    struct source_function f;
    struct source_place p, q;
    uint64_t low, high;
    ck_assert(source_function_named(s, "work", 0, &f));
    for (uint64_t a = f.low; a < f.high; a += 2) {
        ck_assert(source_step_range(s, a, &low, &high) && source_at(s, a, &p));
        ck_assert(f.low <= low && low <= a && a < high && high <= f.high);
        ck_assert(p.low >= low && p.high <= high);
        if (high < f.high)
            ck_assert(source_at(s, high, &q) && q.stmt && q.low == high);
        ck_assert(source_at(s, low, &p));
        if (high < f.high)
            ck_assert(q.line != p.line || strcmp(q.file, p.file));
    }
    source_free(s);
    cross_clean(dir);
}
END_TEST

START_TEST(biased)
{
    if (!build("-O2 -g"))
        return;
    struct source *s = open_source(0x7000000000), *plain = open_source(0);
    struct source_function f, g;
    struct source_place p, q;
    struct source_inline in[SOURCE_INLINES];
    ck_assert(source_function_named(s, "main", 0, &f) && source_function_named(plain, "main", 0, &g));
    ck_assert(f.low == g.low + 0x7000000000 && f.body == g.body + 0x7000000000 && f.high - f.low == g.high - g.low);
    for (uint64_t a = 0; a < f.high - f.low; a += 2) {
        ck_assert(source_at(s, f.low + a, &p) && source_at(plain, g.low + a, &q) && p.line == q.line);
        ck_assert_uint_eq(source_inlines_at(s, f.low + a, in), source_inlines_at(plain, g.low + a, in));
    }
    ck_assert(!source_at(s, g.low, &p));
    source_free(s);
    source_free(plain);
    cross_clean(dir);
}
END_TEST

/* ---- Text ---- */

START_TEST(text_of_lines)
{
    if (!build("-O0 -g"))
        return;
    struct source *s = open_source(0);
    struct err e = {""};
    size_t n;
    char path[128], from[128], cmd[300];
    snprintf(path, sizeof path, "%s", source_find_file(s, "prog.c"));
    const char *t = source_text(s, path, 13, &n, &e);
    ck_assert(t && n == strlen("    int b = a + 3;") && !strncmp(t, "    int b = a + 3;", n));
    ck_assert(source_text(s, path, 2, &n, &e) && n == 1);
    ck_assert(!source_text(s, path, 0, &n, &e) && !*e.text);
    ck_assert(!source_text(s, path, 24, &n, &e) && !*e.text);
    ck_assert(!source_text(s, "/dev/zero", 1, &n, &e) && strstr(e.text, "/dev/zero"));
    ck_assert(!source_text(s, "/no/such", 1, &n, &e) && strstr(e.text, "/no/such"));
    source_free(s);
    /* Moved away: found by a substitution only. */
    s = open_source(0);
    snprintf(cmd, sizeof cmd, "mkdir %s/moved && mv %s/prog.c %s/moved", dir, dir, dir);
    ck_assert_int_eq(system(cmd), 0);
    ck_assert(!source_text(s, path, 13, &n, &e) && strstr(e.text, "prog.c"));
    snprintf(from, sizeof from, "%s/moved", dir);
    ck_assert(source_substitute(s, "/no", "/where") && source_substitute(s, dir, from));
    t = source_text(s, path, 13, &n, &e);
    ck_assert(t && !strncmp(t, "    int b = a + 3;", n));
    source_free(s);
    cross_clean(dir);
}
END_TEST

/* ---- What is missing, and what is damaged ---- */

START_TEST(without_dwarf)
{
    if (!build("-O2 -g"))
        return;
    struct source_function f;
    struct source_place p;
    struct source_inline in[SOURCE_INLINES];
    uint64_t low, high, va[2];
    cross_run(dir, "strip -g prog.elf");
    struct source *s = open_source(0);
    ck_assert(!source_has_lines(s) && !source_file(s, 0) && !source_at(s, 0x80200000, &p));
    ck_assert(!source_function_at(s, 0x80200000, &f) && !source_function_named(s, "main", 0, &f));
    ck_assert(!source_step_range(s, 0x80200000, &low, &high) && !source_inlines_at(s, 0x80200000, in));
    ck_assert(!source_find_line(s, "prog.c", 1, va, 2, NULL));
    ck_assert_str_eq(source_object(s, 0x80200000), elf);
    source_free(s);
    /* And of no source at all. */
    ck_assert(!source_at(NULL, 0, &p) && !source_function_at(NULL, 0, &f) && !source_has_lines(NULL));
    ck_assert(!source_object(NULL, 0) && !source_file(NULL, 0) && !source_inlines_at(NULL, 0, in));
    cross_clean(dir);
}
END_TEST

START_TEST(wrong_files)
{
    struct source *s = source_new();
    struct err e;
    ck_assert(source_add(s, "/no/such/file", 0, &e) && strstr(e.text, "/no/such/file"));
    ck_assert(source_add(s, "/tmp", 0, &e) && strstr(e.text, "directory"));
    ck_assert(source_add(s, "/dev/null", 0, &e) && strstr(e.text, "no ELF"));
    ck_assert(source_add(s, "/proc/self/exe", 0, &e) && strstr(e.text, "RISC-V"));
    ck_assert(!source_has_lines(s));
    source_free(s);
}
END_TEST

static uint64_t random_state;
static uint32_t next_random(void)
{
    random_state = random_state * UINT64_C(6364136223846793005) + 1442695040888963407u;
    return (uint32_t)(random_state >> 32);
}

/* Asks all there is to ask. */
static void ask(struct source *s)
{
    struct source_function f;
    struct source_place p;
    struct source_inline in[SOURCE_INLINES];
    uint64_t low, high, va[8], bias;
    unsigned first, last;
    for (uint64_t a = 0x80200000; a < 0x80200100; a += 6) {
        if (source_at(s, a, &p))
            ck_assert(p.low <= a && a < p.high && p.file);
        if (source_step_range(s, a, &low, &high))
            ck_assert(low <= a && a < high);
        if (source_function_at(s, a, &f))
            ck_assert(f.low <= a && a < f.high && f.name);
        source_inlines_at(s, a, in);
        source_cfi(s, a, 0, &bias);
    }
    for (unsigned line = 1; line < 24; line++)
        source_find_line(s, "prog.c", line, va, 8, NULL);
    for (size_t i = 0; source_file(s, i); i++)
        if (source_line_limits(s, source_file(s, i), &first,
                               &last)) /* no line at all: a damaged table has them all 0 */
            ck_assert(first && first <= last);
    for (unsigned n = 0; source_function_named(s, "work", n, &f); n++)
        ck_assert(f.low < f.high && f.body >= f.low && f.body < f.high);
}

/* Files with bytes changed, and cut short. Whatever they say, nothing goes wrong in here. */
START_TEST(damaged_files)
{
    enum { FILES = 400 };
    if (!build(variants[_i]))
        return;
    struct file_data good;
    struct err e;
    unsigned taken = 0;
    char path[128];
    ck_assert(!file_read(elf, &good, &e));
    snprintf(path, sizeof path, "%s/bad.elf", dir);
    uint8_t *bad = malloc(good.size);
    random_state = (uint64_t)_i + 1;
    for (unsigned k = 0; k < FILES; k++) {
        memcpy(bad, good.data, good.size);
        unsigned changes = 1 + next_random() % 12;
        while (changes--) {
            size_t at = 64 + next_random() % (good.size - 64);
            bad[at] = next_random() & 1 ? (uint8_t)next_random() : (uint8_t)(bad[at] ^ 1u << next_random() % 8);
        }
        size_t size = k % 8 ? good.size : 64 + next_random() % (good.size - 64);
        FILE *f = fopen(path, "wb");
        ck_assert(f && fwrite(bad, 1, size, f) == size && !fclose(f));
        struct source *s = source_new();
        if (!source_add(s, path, 0, &e)) {
            taken++;
            ask(s);
        }
        source_free(s);
    }
    ck_assert_uint_gt(taken, FILES / 2);
    free(bad);
    file_release(&good);
    cross_clean(dir);
}
END_TEST

/* ---- Symbols of several files ---- */

START_TEST(symbols_of_files)
{
    if (!build("-O2 -g"))
        return;
    struct symbols *s = symbols_new();
    struct symbol_info i, j;
    struct err e;
    uint64_t b;
    ck_assert(symbols_add(s, "zz_own", 0x1000, 16, SYMBOL_DATA));
    ck_assert(!load_symbols_file(elf, 0, s, &e) && !load_symbols_file(elf, 0x10000000, s, &e));
    ck_assert(load_symbols_file("/no/such", 0, s, &e) && load_symbols_file("/dev/null", 0, s, &e));
    ck_assert(symbols_named(s, "main", 0, &i) && symbols_named(s, "main", 1, &j) && !symbols_named(s, "main", 2, &j));
    ck_assert(symbols_named(s, "main", 1, &j) && j.value == i.value + 0x10000000 && i.kind == SYMBOL_FUNCTION &&
              i.size);
    ck_assert_str_eq(i.object, elf);
    ck_assert(symbols_named(s, "g", 0, &i) && i.kind == SYMBOL_DATA && i.size == 4);
    ck_assert(symbols_find(s, 0x100f, &i) && !strcmp(i.name, "zz_own") && !i.object && !symbols_find(s, 0x1010, &i));
    ck_assert(symbols_prefixed(s, "wor", 0, &i) && symbols_prefixed(s, "wor", 1, &j) &&
              !symbols_prefixed(s, "wor", 2, &j));
    ck_assert_str_eq(i.name, "work");
    ck_assert(!symbols_prefixed(s, "worka", 0, &i) && !symbols_named(s, "wor", 0, &i) &&
              !symbols_named(NULL, "a", 0, &i));
    size_t n = 0;
    char before[64] = "";
    for (; symbols_prefixed(s, "", n, &i); n++) {
        ck_assert_int_le(strcmp(before, i.name), 0);
        snprintf(before, sizeof before, "%s", i.name);
    }
    ck_assert_uint_eq(n, symbols_count(s));
    ck_assert_str_eq(symbols_object_row(s, 1, &b), elf);
    ck_assert(b == 0x10000000 && !symbols_object_row(s, 2, &b));
    symbols_free(s);
    cross_clean(dir);
}
END_TEST

Suite *source_suite(void)
{
    Suite *s = suite_create("source");
    TCase *t = tcase_create("source");
    tcase_set_timeout(t, 120);
    tcase_add_loop_test(t, as_addr2line, 0, ARRAY_LEN(variants));
    tcase_add_test(t, breakpoints);
    tcase_add_loop_test(t, step_ranges, 0, ARRAY_LEN(variants));
    tcase_add_test(t, biased);
    tcase_add_test(t, text_of_lines);
    tcase_add_test(t, without_dwarf);
    tcase_add_test(t, wrong_files);
    tcase_add_loop_test(t, damaged_files, 0, ARRAY_LEN(variants));
    tcase_add_test(t, symbols_of_files);
    suite_add_tcase(s, t);
    return s;
}
