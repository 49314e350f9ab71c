/* SPDX-License-Identifier: MIT */
/* Expressions of the debugger, on an environment of the test's own: registers, symbols, 256 bytes of memory in each space. */
#include <check.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "monitor/debug/expr.h"

Suite *expr_suite(void);

#define MEMORY UINT64_C(0x80000000)

struct world {
    struct expr_env env;
    struct expr_vars vars;
    uint64_t a0, sp, status;
    uint8_t mem[4][256]; /* by enum expr_space */
    unsigned searches;   /* names looked for from the start */
};

static enum expr_found get_name(void *ctx, const char *name, struct expr_ref *ref, struct expr_value *v, struct err *e)
{
    struct world *w = ctx;
    if (!ref->a) {
        w->searches++;
        ref->a = !strcmp(name, "main")         ? MEMORY + 0x40
                 : !strcmp(name, "foo.part.0") ? MEMORY + 0x80
                 : !strcmp(name, "cause")      ? 13
                                               : 0;
    }
    if (!strcmp(name, "absent")) {
        err_set(e, -1, "this event has no absent");
        return EXPR_FAILED;
    }
    v->v = ref->a;
    return ref->a ? EXPR_FOUND : EXPR_UNKNOWN;
}

static uint64_t *reg_at(struct world *w, const char *name)
{
    return !strcmp(name, "a0") ? &w->a0 : !strcmp(name, "sp") ? &w->sp : !strcmp(name, "status") ? &w->status : NULL;
}

/* $status.mode: bits 12:11. */
static enum expr_found get_reg(void *ctx, const char *name, const char *field, struct expr_ref *ref, uint64_t *v,
                               struct err *e)
{
    uint64_t *r = reg_at(ctx, name);
    (void)ref, (void)e;
    if (!r || (field && strcmp(field, "mode")))
        return EXPR_UNKNOWN;
    *v = field ? bits(*r, 12, 11) : *r;
    return EXPR_FOUND;
}

static enum expr_found set_reg(void *ctx, const char *name, const char *field, struct expr_ref *ref, uint64_t v,
                               struct err *e)
{
    uint64_t *r = reg_at(ctx, name);
    (void)ref, (void)e;
    if (!r || (field && strcmp(field, "mode")))
        return EXPR_UNKNOWN;
    *r = field ? merge_bits(*r, v << 11, MASK(12, 11)) : v;
    return EXPR_FOUND;
}

static uint8_t *memory(struct world *w, enum expr_space space, uint64_t addr, unsigned size, struct err *e)
{
    if (addr >= MEMORY && addr - MEMORY <= 256 - size)
        return &w->mem[space][addr - MEMORY];
    err_set(e, -1, "no memory at 0x%" PRIx64, addr);
    return NULL;
}

static bool read_memory(void *ctx, enum expr_space space, uint64_t addr, unsigned size, uint64_t *v, struct err *e)
{
    uint8_t *p = memory(ctx, space, addr, size, e);
    *v = 0;
    if (p)
        memcpy(v, p, size);
    return p;
}

static bool write_memory(void *ctx, enum expr_space space, uint64_t addr, unsigned size, uint64_t v, struct err *e)
{
    uint8_t *p = memory(ctx, space, addr, size, e);
    if (p)
        memcpy(p, &v, size);
    return p;
}

static const char *nearest(void *ctx, enum expr_name_kind kind, const char *name, const char *reg)
{
    static const char *const of[][3] = {[EXPR_NAME] = {"main", "cause", NULL},
                                        [EXPR_REGISTER] = {"a0", "sp", "status"},
                                        [EXPR_FIELD] = {"mode", NULL, NULL}};
    struct expr_nearest n = {.name = name};
    (void)ctx, (void)reg;
    for (unsigned i = 0; i < 3 && of[kind][i]; i++)
        expr_nearest_offer(&n, of[kind][i]);
    return n.best;
}

static const char *symbol_at(void *ctx, uint64_t addr, uint64_t *off)
{
    (void)ctx;
    *off = addr - (MEMORY + 0x40);
    return *off < 0x40 ? "main" : NULL;
}

static void world_init(struct world *w)
{
    *w = (struct world){.a0 = 0xffffffff80001234, .sp = MEMORY + 0x10, .status = 0x1800};
    w->env = (struct expr_env){get_name, get_reg, set_reg, read_memory, write_memory, nearest, symbol_at, w, &w->vars};
    for (unsigned s = 0; s < 4; s++)
        for (unsigned i = 0; i < 256; i++)
            w->mem[s][i] = (uint8_t)(i + 0x40 * s);
}

/* What it prints, naturally. */
static const char *print(struct world *w, const char *text, char buf[512])
{
    struct expr_value v;
    struct err e = {.text = ""};
    if (expr_once(text, &w->env, NULL, &v, &e))
        ck_assert_int_ge(expr_format(buf, 512, &v, 0, &w->env, &e), 0);
    else
        snprintf(buf, 512, "error: %.500s", e.text);
    return buf;
}

struct example {
    const char *text, *prints;
};

static void check_examples(const struct example *x, size_t n)
{
    struct world w;
    world_init(&w);
    for (size_t i = 0; i < n; i++) {
        char buf[512];
        ck_assert_msg(!strcmp(print(&w, x[i].text, buf), x[i].prints), "%s: %s, expected %s", x[i].text, buf,
                      x[i].prints);
    }
    expr_vars_free(&w.vars);
}
#define CHECK(...)                                                                                                     \
    do {                                                                                                               \
        static const struct example examples[] = {__VA_ARGS__};                                                        \
        check_examples(examples, ARRAY_LEN(examples));                                                                 \
    } while (0)

START_TEST(numbers)
{
    CHECK({"42", "42"}, {"0x2a", "42"}, {"052", "42"}, {"0b10_1010", "42"}, {"1_000_000", "1000000"}, {"0", "0"},
          {"00", "0"}, {"18446744073709551615", "18446744073709551615"}, {"0xffffffffffffffff", "18446744073709551615"},
          {"9223372036854775807", "9223372036854775807"}, {"7u - 8u", "18446744073709551615"}, {"7UL", "7"},
          {"7LLU", "7"}, {"'a'", "97 'a'"}, {"'\\n'", "10 '\\n'"}, {"'\\x41'", "65 'A'"}, {"'\\0'", "0 '\\000'"},
          {"'\\''", "39 '\\''"}, {"'a' + 1", "98"}, {"  1 ", "1"}, {"1 << 40", "1099511627776"},
          {"0xffffffff + 1", "4294967296"});
}
END_TEST

START_TEST(wrong_numbers)
{
    CHECK({"18446744073709551616", "error: column 1: a number of more than 64 bits"},
          {"089", "error: column 2: not a digit of an octal number (it begins with 0)"},
          {"3.5*2",
           "error: column 1: a floating-point number: such values can be printed (print/f), but not be reckoned with"},
          {"0b12", "error: column 4: not a digit of this number"}, {"0x", "error: column 1: expected digits"},
          {"12ab", "error: column 3: not a digit of this number"}, {"1_", "error: column 1: expected digits"},
          {"'ab'", "error: column 1: expected the closing ' of a character"},
          {"''", "error: column 1: expected a character in quotes, as in 'a'"},
          {"'", "error: column 1: expected a character in quotes, as in 'a'"});
}
END_TEST

START_TEST(operators_and_precedence)
{
    CHECK({"1 + 2 * 3", "7"}, {"(1 + 2) * 3", "9"}, {"10 - 4 - 3", "3"}, {"100 / 10 / 5", "2"}, {"7 % 4", "3"},
          {"-7 / 2", "-3"}, {"-7 % 2", "-1"}, {"1 << 2 + 1", "8"}, {"1 | 2 ^ 3 & 1", "3"}, {"5 & 3 == 3", "1"},
          {"1 < 2 == 1", "1"}, {"!0 + !5", "1"}, {"~0", "-1"}, {"- -3", "3"}, {"+3", "3"}, {"1 || 0 && 0", "1"},
          {"0 || 0 && 1", "0"}, {"2 && 3", "1"}, {"1 ? 2 : 3", "2"}, {"0 ? 2 : 0 ? 3 : 4", "4"},
          {"1 ? 0 ? 5 : 6 : 7", "6"}, {"(1 > 0) + (1 >= 1) + (0 <= 0) + (1 != 0)", "4"}, {"3 == 3 != 0", "1"},
          {"1 ? 2 : 1/0", "2"});
}
END_TEST

START_TEST(integer_semantics)
{
    CHECK({"-1 < 1", "1"}, {"-1 < 1u", "0"}, {"(int)-1 < (unsigned)1", "0"}, {"(int)-1 < (unsigned long)1", "0"},
          {"(long)-1 < (unsigned)1", "1"}, {"(uint32_t)0xffffffff + (uint32_t)1", "0"},
          {"(uint32_t)0xffffffff + 1", "4294967296"}, {"(uint8_t)255 + (uint8_t)1", "256"}, {"(uint8_t)256", "0"},
          {"(int8_t)0x80", "-128"}, {"(short)0x18000", "-32768"}, {"(int)0x80000000", "-2147483648"},
          {"(unsigned short)-1", "65535"}, {"(unsigned long long)-1", "18446744073709551615"},
          {"(char)200", "200 '\\310'"}, {"(signed char)200", "-56 '\\310'"}, {"(bool)7", "true"}, {"(bool)256", "true"},
          {"-9223372036854775807 - 1", "-9223372036854775808"},
          {"(-9223372036854775807 - 1) / -1", "-9223372036854775808"}, {"(-9223372036854775807 - 1) % -1", "0"},
          {"9223372036854775807 + 1", "-9223372036854775808"}, {"(int)-2147483648 / (int)-1", "-2147483648"},
          {"-8 >> 1", "-4"}, {"-8 >> 100", "-1"}, {"1 << 64", "0"}, {"1 << -1", "0"},
          {"0xffffffffffffffff >> 60", "15"}, {"(int)1 << 31", "-2147483648"}, {"(int)1 << 32", "0"},
          {"(unsigned)1 << 31 >> 31", "1"}, {"1 ? -1 : 1u", "18446744073709551615"},
          {"1 ? (int)-1 : (unsigned)1", "4294967295"}, {"1 ? (int)-1 : 1", "-1"},
          {"(uint64_t)(int32_t)0x80000000", "18446744071562067968"}, {"sizeof(int)", "4"}, {"sizeof(int *)", "8"},
          {"sizeof 1", "8"}, {"sizeof (short) + 1", "3"}, {"sizeof (1)", "8"}, {"sizeof *(uint16_t *)0", "2"},
          {"sizeof ((uint16_t *)0)[1]", "2"}, {"sizeof &*(uint16_t *)0", "8"});
}
END_TEST

START_TEST(registers)
{
    CHECK({"$a0", "0xffffffff80001234"}, {"$a0 & 0xfff", "0x234"}, {"(int)$a0", "-2147478988"},
          {"$sp == 0x80000010", "1"}, {"$status.mode", "0x3"}, {"$status.mode == 3 ? 1 : 2", "1"},
          {"$sp - 16", "0x80000000"}, {"$sp - $sp", "0"},
          {"$spp", "error: column 1: no register or variable $spp: did you mean $sp?"},
          {"$wombat", "error: column 1: no register or variable $wombat"},
          {"1 + $status.moed", "error: column 5: $status has no field moed: did you mean mode?"},
          {"$status.", "error: column 9: expected the name of a field behind the dot, as in $mstatus.MPP"},
          {"$a0 = 5", "5"}, {"$a0", "0x5"},
          {"$a0 += 3, 1", "error: column 9: expected an operator, or the end, found ,"}, {"$a0 += 3", "0x8"},
          {"$a0 <<= 4", "0x80"}, {"$a0 >>= 1", "0x40"}, {"$a0 |= 1", "0x41"}, {"$a0 &= 3", "0x1"}, {"$a0 ^= 3", "0x2"},
          {"$a0 *= 21", "42"}, {"$a0 /= 2", "21"}, {"$a0 %= 16", "5"}, {"$a0 -= 6", "0xffffffffffffffff"},
          {"$status.mode = 1", "1"}, {"$status", "0x800"}, {"$a0 = $sp = 7", "7"}, {"$a0 + $sp", "0xe"},
          {"$a0++", "0x7"}, {"++$a0", "0x9"}, {"$a0--", "0x9"}, {"--$a0", "0x7"},
          {"$nosuch.field = 1", "error: column 1: $nosuch has no field field"});
}
END_TEST

START_TEST(variables_and_history)
{
    struct world w;
    char buf[512];
    world_init(&w);
    ck_assert_str_eq(print(&w, "$", buf), "error: column 1: the history of values is empty");
    ck_assert_str_eq(print(&w, "$foo = (uint8_t)300", buf), "44");
    ck_assert_str_eq(print(&w, "$foo * 2", buf), "88");
    ck_assert_str_eq(print(&w, "$foo += 250", buf), "294");
    ck_assert_str_eq(print(&w, "$p = (uint16_t *)$sp", buf), "(uint16_t *) 0x80000010");
    ck_assert_str_eq(print(&w, "*++$p", buf), "4882");
    ck_assert_str_eq(print(&w, "$bar", buf), "error: column 1: no register or variable $bar");
    for (uint64_t i = 1; i <= 40; i++)
        ck_assert_uint_eq(expr_vars_keep(&w.vars, &(struct expr_value){.v = i * i, .type = EXPR_TYPE_LONG}), i);
    ck_assert_str_eq(print(&w, "$ + $$ + $$2 + $3", buf), "4574"); /* 1600 + 1521 + 1444 + 9 */
    ck_assert_str_eq(print(&w, "$40 - $$0", buf), "0");
    ck_assert_str_eq(print(&w, "$41", buf), "error: column 1: no such value in the history: it goes from $1 to $40");
    ck_assert_str_eq(print(&w, "$$40", buf), "error: column 1: no such value in the history: it goes from $1 to $40");
    ck_assert_str_eq(print(&w, "$99999999999999999999", buf),
                     "error: column 1: expected a register, a variable or the number of a value behind $");
    for (unsigned i = 0; i < 100; i++) {
        char name[16];
        snprintf(name, sizeof name, "v%u", i);
        ck_assert(expr_vars_set(&w.vars, name, &(struct expr_value){.v = i}));
    }
    ck_assert_str_eq(print(&w, "$v99 - $v1", buf), "98");
    ck_assert(!expr_vars_set(&w.vars, "a_name_of_more_than_thirty_one_characters", &(struct expr_value){0}));
    expr_vars_free(&w.vars);
}
END_TEST

START_TEST(memory_and_pointers)
{
    CHECK({"*(uint8_t *)0x80000001", "1"}, {"*(uint32_t *)0x80000004", "117835012"}, {"*main", "0x4746454443424140"},
          {"main", "0x80000040"}, {"&main", "0x80000040"}, {"main + 1", "0x80000041"}, {"foo.part.0", "0x80000080"},
          {"(uint8_t *)main + 2", "(uint8_t *) 0x80000042"}, {"(uint32_t *)main + 2", "(uint32_t *) 0x80000048"},
          {"2 + (uint32_t *)main", "(uint32_t *) 0x80000048"}, {"(uint32_t *)main - 1", "(uint32_t *) 0x8000003c"},
          {"((uint16_t *)main)[1]", "17218"}, {"1[(uint16_t *)main]", "17218"}, {"main[1]", "0x4f4e4d4c4b4a4948"},
          {"((uint64_t *)$sp)[2]", "2820983053732684064"}, {"$sp[0]", "0x1716151413121110"},
          {"*(int8_t *)0x800000ff", "-1"}, {"&((uint16_t *)main)[3]", "(uint16_t *) 0x80000046"},
          {"&*main", "(uint64_t *) 0x80000040"}, {"*&((uint16_t *)main)[3]", "18246"},
          {"(uint16_t *)main + 4 - (uint16_t *)main", "4"}, {"(uint16_t *)main == main", "1"},
          {"(char **)main", "(char **) 0x80000040"}, {"(char **)main + 1", "(char **) 0x80000048"},
          {"(void *)main + 1", "(void *) 0x80000041"}, {"*(bool *)0x80000001", "true"},
          {"*(char *)0x80000041", "65 'A'"}, {"(uint64_t)(uint8_t *)main", "2147483712"}, {"!(uint8_t *)main", "0"},
          {"(const unsigned char *const)main", "(char *) 0x80000040"},
          {"1 ? (uint8_t *)main : 0", "(uint8_t *) 0x80000040"}, {"0 ? 1 : (uint8_t *)main", "(uint8_t *) 0x80000040"},
          {"*0", "error: no memory at 0x0"}, {"1 ? 2 : *0", "0x2"}, {"0 && *0", "0"}, {"1 || *0", "1"},
          {"*(void *)main", "error: column 1: void has no value: cast the address to a pointer as (uint32_t *)"},
          {"(uint8_t *)1 + (uint8_t *)1",
           "error: column 14: two pointers cannot be added: cast one to an integer as (long)"},
          {"1 - (uint8_t *)1",
           "error: column 3: a pointer cannot be taken from a number: cast it to an integer as (long)"},
          {"(char *)1 - (int *)1",
           "error: column 11: pointers to types of different sizes have no distance: cast both to (char *)"});
}
END_TEST

START_TEST(spaces_and_stores)
{
    CHECK({"*(uint8_t *)gva:0x80000000", "64"}, {"*(uint8_t *)gpa:0x80000000", "128"},
          {"*(uint8_t *)hpa:0x80000000", "192"}, {"*(uint8_t *)0x80000000", "0"},
          {"*(uint8_t *)(gpa:0x80000000 + 1)", "129"}, {"((uint8_t *)gpa:main)[1]", "193"},
          {"1 ? gpa :0", "error: column 5: no symbol or value gpa"}, {"*(uint16_t *)main = 0x1234", "4660"},
          {"*(uint8_t *)main + *(uint8_t *)(main + 1)", "70"}, {"*(int8_t *)main = 0xff", "-1"},
          {"*(int8_t *)main += 2", "1"}, {"((uint8_t *)main)[2]++", "66"}, {"*main = main", "0x80000040"});
}
END_TEST

START_TEST(wrong_expressions)
{
    CHECK(
        {"", "error: column 1: expected a value, but the expression ends"},
        {"1 +", "error: column 4: expected a value, but the expression ends"},
        {"1 2", "error: column 3: expected an operator, or the end, found 2"},
        {"(1", "error: column 3: expected the ) that belongs to the ( in column 1"},
        {"1)", "error: column 2: expected an operator, or the end, found )"},
        {"main[1", "error: column 7: expected the ] that belongs to the [ in column 5"},
        {"1 ? 2", "error: column 6: expected the : that belongs to the ? in column 3"},
        {"1 = 2",
         "error: column 3: expected a register, a $variable or memory as in *(int *)ADDR on the left of an assignment"},
        {"main = 2", "error: column 1: main: no variable of that name is known: assign to memory, as in *(int *)ADDR"},
        {"++1", "error: column 1: expected a register, a $variable or memory as in *(int *)ADDR on the left of ++"},
        {"1/0", "error: column 2: division by zero"}, {"5 % (1 - 1)", "error: column 3: division by zero"},
        {"&1", "error: column 1: & takes the address of a symbol or of memory, and this has none"},
        {"&$a0", "error: column 1: & takes the address of a symbol or of memory, and this has none"},
        {"mian", "error: column 1: no symbol or value mian: did you mean main?"},
        {"xyzzy", "error: column 1: no symbol or value xyzzy"}, {"absent", "error: this event has no absent"},
        {"(unsigned signed)1", "error: column 2: no such type: give a cast to an integer type as (uint32_t), or to a "
                               "pointer as (uint32_t *)"},
        {"(long short)1", "error: column 2: no such type: give a cast to an integer type as (uint32_t), or to a "
                          "pointer as (uint32_t *)"},
        {"(int", "error: column 5: expected * or ) in the type of a cast, but the expression ends"},
        {"(void)1", "error: column 2: void has no value: cast to an integer type, or to a pointer as (void *)"},
        {"\"x\"", "error: column 1: expected a value, found \""},
        {"\001", "error: column 1: expected a value, found the byte 0x01"});
}
END_TEST

START_TEST(conditions_change_nothing)
{
    struct err e;
    ck_assert_ptr_null(expr_parse("$a0 = 3", EXPR_PURE, NULL, &e));
    ck_assert_str_eq(e.text, "column 5: a condition changes nothing, found an assignment: to compare, write ==");
    ck_assert_ptr_null(expr_parse("$a0++ > 3", EXPR_PURE, NULL, &e));
    ck_assert_ptr_null(expr_parse("*--$a0", EXPR_PURE, NULL, &e));
    struct expr *x = expr_parse("$a0 == 3", EXPR_PURE, NULL, &e);
    ck_assert_ptr_nonnull(x);
    expr_free(x);
}
END_TEST

START_TEST(ends_where_it_ends)
{
    static const struct {
        const char *text, *rest, *own;
    } cases[] = {{"$sp + 8 r as S", "r as S", "$sp + 8"},
                 {"cause == 13:out.txt", ":out.txt", "cause == 13"},
                 {"1 ? 2 : 3:out", ":out", "1 ? 2 : 3"},
                 {"main, 5", ", 5", "main"},
                 {"main", "", "main"},
                 {"main if $a0", "if $a0", "main"},
                 {"1 \"text\"", "\"text\"", "1"},
                 {"gpa:main x", "x", "gpa:main"},
                 {"1 + 2   ", "", "1 + 2"},
                 {"$a0 0b2", "0b2", "$a0"}};
    for (unsigned i = 0; i < ARRAY_LEN(cases); i++) {
        const char *end;
        struct expr *x = expr_parse(cases[i].text, 0, &end, NULL);
        ck_assert_msg(x != NULL, "%s", cases[i].text);
        ck_assert_str_eq(end, cases[i].rest);
        ck_assert_str_eq(expr_text(x), cases[i].own);
        expr_free(x);
    }
}
END_TEST

START_TEST(parsed_once)
{
    struct world w;
    struct expr_value v;
    bool truth;
    world_init(&w);
    struct expr *x = expr_parse("cause == 13 && $a0 < 100", EXPR_PURE, NULL, NULL);
    for (unsigned i = 0; i < 200; i++) {
        w.a0 = i;
        ck_assert(expr_test(x, &w.env, &truth, NULL));
        ck_assert_int_eq(truth, i < 100);
    }
    ck_assert_uint_eq(w.searches, 1);
    expr_free(x);
    /* Errors without somebody to tell; an environment that has nothing. */
    ck_assert(!expr_once("1/0", &w.env, NULL, &v, NULL));
    ck_assert(!expr_once("nosuch", &w.env, NULL, &v, NULL));
    struct expr_env none = {0};
    struct err e;
    static const char *const needy[] = {"$a0", "main", "*5", "$x = 1", "*5 = 1", "$1", "$a.b", "$a.b = 1"};
    for (unsigned i = 0; i < ARRAY_LEN(needy); i++) {
        e.text[0] = 0;
        ck_assert_msg(!expr_once(needy[i], &none, NULL, &v, &e) && e.text[0], "%s", needy[i]);
    }
    ck_assert(expr_once("1 + 1", &none, NULL, &v, &e));
    /* Reading only. */
    w.env.set_reg = NULL;
    ck_assert(!expr_once("$a0 = 1", &w.env, NULL, &v, &e));
    ck_assert_str_eq(e.text, "column 1: registers cannot be changed here");
    expr_vars_free(&w.vars);
}
END_TEST

/* A text of n times `again`, between two others. */
static char *repeat(const char *before, const char *again, unsigned n, const char *after)
{
    size_t each = strlen(again);
    char *s = malloc(strlen(before) + n * each + strlen(after) + 1), *p = s;
    p = stpcpy(p, before);
    while (n--)
        p = stpcpy(p, again);
    strcpy(p, after);
    return s;
}

START_TEST(hostile_depth)
{
    static const struct {
        const char *before, *again, *after;
    } cases[] = {{"", "(", "1"},      {"", "-", "1"},       {"1", "+1", ""},   {"1", "?1:1", ""}, {"1", "?1", ""},
                 {"main", "[1", ""},  {"main", "[1]", ""},  {"$a", "=$a", ""}, {"1", "&&1", ""},  {"", "(int)", "1"},
                 {"", "*", "1"},      {"", "sizeof ", "1"}, {"", "gpa:", "1"}, {"", "&*", "1"},   {"(int", "*", ")1"},
                 {"", "(((((-", "1"}, {"1", "*(1", ""},     {"", "!~", "1"}};
    for (unsigned i = 0; i < ARRAY_LEN(cases); i++) {
        struct err e = {.text = ""};
        char *s = repeat(cases[i].before, cases[i].again, 4000 / (unsigned)strlen(cases[i].again), cases[i].after);
        ck_assert_msg(!expr_parse(s, 0, NULL, &e) && e.text[0], "%s...", cases[i].again);
        free(s);
        s = repeat(cases[i].before, cases[i].again, 20000, cases[i].after);
        ck_assert(!expr_parse(s, 0, NULL, &e));
        ck_assert_msg(strstr(e.text, "at most 4096 are read") != NULL, "%s", e.text);
        free(s);
    }
    char *s = repeat("1", "+1", 100, ""), buf[512];
    struct world w;
    world_init(&w);
    ck_assert_str_eq(print(&w, s, buf), "101");
    free(s);
    s = repeat("", "(", 40, "5");
    char *t = repeat(s, ")", 40, "");
    ck_assert_str_eq(print(&w, t, buf), "5");
    free(s);
    free(t);
}
END_TEST

START_TEST(formats)
{
    struct world w;
    struct err e;
    static const struct {
        const char *text;
        char fmt;
        const char *prints;
    } cases[] = {{"-1", 'x', "0xffffffffffffffff"},
                 {"(int8_t)-1", 'x', "0xff"},
                 {"(int8_t)-1", 'u', "255"},
                 {"(uint8_t)255", 'd', "-1"},
                 {"8", 'o', "010"},
                 {"0", 'o', "0"},
                 {"10", 't', "1010"},
                 {"0", 't', "0"},
                 {"(uint16_t)0xab", 'z', "0x00ab"},
                 {"65", 'c', "65 'A'"},
                 {"main + 5", 'a', "0x80000045 <main+5>"},
                 {"main", 'a', "0x80000040 <main>"},
                 {"0x10", 'a', "0x10"},
                 {"main", 's', "\"\\001\\\"A\""},
                 {"main + 64", 's', "\"\""},
                 {"0x3f800000", 'f', "5.2635442471208903e-315"},
                 {"(int)0x3f800000", 'f', "1"},
                 {"0x3ff8000000000000", 'f', "1.5"},
                 {"(uint32_t *)main", 'd', "2147483712"}};
    world_init(&w);
    memcpy(&w.mem[EXPR_HERE][0x40], "\1\"A\0", 4);
    memset(&w.mem[EXPR_HERE][0x80], 0, 4);
    for (unsigned i = 0; i < ARRAY_LEN(cases); i++) {
        struct expr_value v;
        char buf[1024];
        ck_assert_msg(expr_once(cases[i].text, &w.env, NULL, &v, &e), "%s: %s", cases[i].text, e.text);
        int n = expr_format(buf, sizeof buf, &v, cases[i].fmt, &w.env, &e);
        ck_assert_msg(n == (int)strlen(buf), "%s /%c", cases[i].text, cases[i].fmt);
        ck_assert_msg(!strcmp(buf, cases[i].prints), "%s /%c: %s", cases[i].text, cases[i].fmt, buf);
    }
    struct expr_value v = {.v = 0, .type = EXPR_TYPE_LONG};
    char buf[8];
    ck_assert_int_eq(expr_format(buf, sizeof buf, &v, 'q', &w.env, &e), -1);
    ck_assert_str_eq(e.text, "no format /q: there are x d u o t z c a s f");
    ck_assert_int_eq(expr_format(buf, sizeof buf, &v, 's', &w.env, &e), -1);
    ck_assert_str_eq(e.text, "no memory at 0x0");
    ck_assert_int_eq(expr_format(buf, sizeof buf, &v, 's', NULL, &e), -1);
    v.v = UINT64_MAX;
    ck_assert_int_eq(expr_format(buf, sizeof buf, &v, 't', NULL, &e), 64);
    expr_vars_free(&w.vars);
}
END_TEST

START_TEST(near_names)
{
    static const struct {
        const char *typed, *near;
    } cases[] = {{"sapt", "satp"},
                 {"mstatsu", "mstatus"},
                 {"mstatu", "mstatus"},
                 {"MSTATUS", "mstatus"},
                 {"hgapt", "hgatp"},
                 {"x", NULL},
                 {"", NULL},
                 {"wombats", NULL}};
    static const char *const names[] = {"satp", "mstatus", "hgatp", "a0", "vsatp"};
    for (unsigned i = 0; i < ARRAY_LEN(cases); i++) {
        struct expr_nearest n = {.name = cases[i].typed};
        for (unsigned j = 0; j < ARRAY_LEN(names); j++)
            expr_nearest_offer(&n, names[j]);
        if (cases[i].near)
            ck_assert_pstr_eq(n.best, cases[i].near);
        else
            ck_assert_ptr_null(n.best);
    }
}
END_TEST

/* ---- the compiler as a judge: value, size and signedness of what it and we make of the same text; made at random, without overflow ---- */

static void check_same(const char *text, long long v, size_t size, bool is_signed)
{
    const struct expr_env none = {0};
    struct expr_value got;
    struct err e;
    ck_assert_msg(expr_once(text, &none, NULL, &got, &e), "%s: %s", text, e.text);
    ck_assert_msg((long long)got.v == v, "%s: %lld, the compiler says %lld", text, (long long)got.v, v);
    ck_assert_msg(got.type.size == size && got.type.is_signed == is_signed, "%s: %u bytes, signed %d", text,
                  got.type.size, got.type.is_signed);
}
#define SAME(x) check_same(#x, (long long)(x), sizeof(x), (__typeof__(x))-1 < (__typeof__(x))1)

/* clang-format off */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wparentheses"
START_TEST(as_the_compiler)
{
    SAME(((unsigned char)32767l | 31l));
    SAME((int16_t)((int32_t)0377l) + 65535ul | (signed char)255l);
    SAME((0x7fffl) < ~ ((int64_t)256ul) == - (0ul | 0x20l));
    SAME((2147483648l) == (128ul));
    SAME(+ (040000000000l >= (uint64_t)8ul));
    SAME(0x1l && 077777l < (unsigned long)0x0l <= (uint16_t)31ul);
    SAME(+ (((int)3l)));
    SAME(- ((long)255l * 040l == ((unsigned char)7l ? 0200l : (unsigned)128l)));
    SAME((int8_t)((127l ? (int)0x1l : (unsigned)7l)));
    SAME((uint8_t)((int8_t)((unsigned)0177777l)));
    SAME(037777777777l > (unsigned)0177l | (short)7ul <= 0x100000000l);
    SAME(~ (255l | 2147483648ul));
    SAME(((077777l ? (int16_t)0x100l : 040000000000l)));
    SAME(+ ((uint64_t)(07l)));
    SAME(((uint8_t)256ul > 037777777777l));
    SAME(((unsigned long)0x7l | 0177777l + 31ul < (uint16_t)0xffffffffl));
    SAME(0177l && 32l <= - (32767ul));
    SAME((int16_t)(- ((unsigned long)0x3l)));
    SAME(0200l & 0177777l - (unsigned long)2l | 0x2l);
    SAME(((unsigned long)0x7fffffffl) & ! ((uint64_t)1ul));
    SAME(((uint16_t)(2147483648ul)));
    SAME(+ (((int64_t)0x7fl ? (uint64_t)32l : (unsigned long)127ul)));
    SAME((int)(((unsigned long)(0ul) ? (0x7l) : (uint32_t)0x0l < 8l)));
    SAME(- (~ ((uint64_t)040000000000l)));
    SAME(((int64_t)(077777l) < (unsigned long)((uint16_t)31l)));
    SAME(256l && 0177l & ((0x100l) % (((short)2147483648l) | 1L)));
    SAME((uint16_t)0x1l < 0x100000000l & 020000000000l ^ 8ul);
    SAME(((uint64_t)32767ul || 1l ? (bool)0x20l >= 07l : ((0x20l) % ((01l) | 1L))));
    SAME(! ((uint8_t)((long)2147483647ul < 127ul)));
    SAME((uint32_t)0x1l > 7l - (short)0xffl * 020000000000l);
    SAME((~ ((long)0200l) == (signed char)1l == (int64_t)07l));
    SAME(((~ ((uint8_t)4294967295l)) / ((! (256l)) | 1L)));
    SAME(~ (((! ((int8_t)0x3l)) % ((0x7fffl > 2l) | 1L))));
    SAME((short)((uint8_t)0x20l) - 4294967296l | 256ul);
    SAME((((uint8_t)0x1fl & (long)0x80l) >> (((uint32_t)256l != 2ul) & 31)));
    SAME((65535ul) & ((0x1l) % (((unsigned char)0x7fffl) | 1L)));
    SAME((unsigned long)(128l + 01l));
    SAME(! ((((unsigned long)2l ? (int32_t)3l : (int8_t)31ul))));
    SAME((unsigned long)0x80000000l | (short)0x1fl - - (2ul));
    SAME(9223372036854775807ul ^ (bool)01l | (040000000000l));
    SAME((short)32ul | (unsigned char)037l > ~ ((int32_t)3ul));
    SAME((uint8_t)(- (010l)));
    SAME((unsigned char)((short)(4294967296ul)));
    SAME(32l > 7l >= ((040000000000l) % (((int16_t)037l) | 1L)));
    SAME((- ((unsigned long)01l * 3ul)));
    SAME(- (037777777777l <= 2147483647ul));
    SAME(((~ ((uint8_t)32767ul)) / ((((signed char)037777777777l)) | 1L)));
    SAME(2147483647ul >= 8l < (7l));
    SAME(+ (0l < (uint8_t)9223372036854775807l));
    SAME((((int32_t)0x7fl) >> ((0377l) & 31)) || ! (31ul));
    SAME((int8_t)(((0x20l) / ((0xffffffffl) | 1L))));
    SAME(0x7fffl && 0xffffffffl == (unsigned)((unsigned)1l));
    SAME(((uint32_t)9223372036854775807l) && 0x80l >= (short)2147483647l);
    SAME((int32_t)128ul - 31l ^ (((signed char)0400l) >> (((long)127l) & 31)));
    SAME(! ((0x7fffffffl)) + 0l || (int32_t)0xffl & (int64_t)0200l * 256ul);
    SAME(~ ((int)(1l)));
    SAME(- ((int16_t)((unsigned char)010l)));
    SAME(((0400l) << ((65535ul) & 31)) < (0377l));
    SAME((uint64_t)(- ((int8_t)2147483647l)));
    SAME(- (- ((signed char)0xffffffffl) >= (0177l ? (long)1l : (uint32_t)0x1fl)));
    SAME((unsigned char)02l || (int32_t)2147483647l > 4294967295ul * 255l);
    SAME((uint32_t)(((8l) << ((2147483648ul) & 31)) * + ((int8_t)2147483647ul)));
    SAME((int8_t)255ul == (long)0x8l >= 0x80l >= 0x8l);
    SAME((int64_t)(((65535l) >> (((int32_t)3l) & 31))));
    SAME(! ((int32_t)(3ul) != (uint32_t)(03l)));
    SAME((0x7fffl ^ (unsigned long)0x1fl));
    SAME(! ((((int64_t)256ul) >> ((00l) & 31)) + ~ (4294967296ul)));
    SAME(((int)((int16_t)01l)));
    SAME(((0ul) % ((0x7fffffffffffffffl) | 1L)) - (unsigned long)256l * 65535l);
    SAME(((int32_t)((uint64_t)31ul)));
}
END_TEST
#pragma GCC diagnostic pop
/* clang-format on */

Suite *expr_suite(void)
{
    Suite *s = suite_create("expr");
    TCase *t = tcase_create("expr");
    tcase_add_test(t, numbers);
    tcase_add_test(t, wrong_numbers);
    tcase_add_test(t, operators_and_precedence);
    tcase_add_test(t, integer_semantics);
    tcase_add_test(t, registers);
    tcase_add_test(t, variables_and_history);
    tcase_add_test(t, memory_and_pointers);
    tcase_add_test(t, spaces_and_stores);
    tcase_add_test(t, wrong_expressions);
    tcase_add_test(t, conditions_change_nothing);
    tcase_add_test(t, ends_where_it_ends);
    tcase_add_test(t, parsed_once);
    tcase_add_test(t, hostile_depth);
    tcase_add_test(t, formats);
    tcase_add_test(t, near_names);
    tcase_add_test(t, as_the_compiler);
    suite_add_tcase(s, t);
    return s;
}
