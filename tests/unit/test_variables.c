/* SPDX-License-Identifier: MIT */
/* Variables and types from DWARF: against the compiler's own offsetof, in frames of every optimisation, and in damaged files. */
#include <stddef.h>

#include "cross.h"
#include "load.h"
#include "monitor/debug/variables.h"

Suite *variables_suite(void);

/* The same text for both compilers: layouts are alike on the two machines. */
#define TYPES                                                                                                          \
    enum colour { RED, GREEN = 5, BLUE = -2 };                                                                         \
    typedef unsigned long word;                                                                                        \
    struct leaf {                                                                                                      \
        char tag;                                                                                                      \
        short small[3];                                                                                                \
        double real;                                                                                                   \
        enum colour colour;                                                                                            \
    };                                                                                                                 \
    struct tree {                                                                                                      \
        struct tree *next;                                                                                             \
        struct leaf leaf[2];                                                                                           \
        unsigned flags : 3, rest : 7;                                                                                  \
        union {                                                                                                        \
            word bits;                                                                                                 \
            _Bool yes;                                                                                                 \
        };                                                                                                             \
        int (*call)(int);                                                                                              \
        word grid[2][5];                                                                                               \
    };
TYPES

#define TEXT_(...) #__VA_ARGS__
#define TEXT(...)  TEXT_(__VA_ARGS__)
static const char program[] = TEXT(TYPES) "\nstruct tree root; static word count = 3;\n"
                                          "__attribute__((noinline)) long grow(struct tree *t, int n) { long sum = n; "
                                          "for (int i = 0; i < n; i++) { word each "
                                          "= t->grid[0][i]; sum += (long)each; count++; } return sum; }\n"
                                          "void _start(void) { root.flags = 5; grow(&root, (int)count); for (;;) ; }\n";

static const char *const variants[] = {"-O0 -gdwarf-5", "-O1 -gdwarf-4", "-O2 -gdwarf-5", "-Os -gdwarf-5 -gz"};
static char dir[64], elf[128];

static bool build(const char *flags)
{
    char cmd[512];
    if (!cross_has("gcc"))
        return false;
    cross_dir(dir);
    cross_write(dir, "prog.c", program);
    snprintf(cmd, sizeof cmd,
             "gcc %s -march=rv64imac -mabi=lp64 -mcmodel=medany -ffreestanding -nostdlib -static "
             "-Wl,-Ttext=0x80200000 -Wl,--build-id=none prog.c -o prog.elf",
             flags);
    cross_run(dir, cmd);
    snprintf(elf, sizeof elf, "%s/prog.elf", dir);
    return true;
}

static struct source *open_source(const char *path)
{
    struct source *s = source_new();
    struct err e;
    if (!source_add(s, path, 0, &e))
        return s;
    source_free(s);
    return NULL;
}

static void check_member(const struct ctype *t, const char *name, size_t offset, const char *type)
{
    struct ctype_member m;
    char text[128];
    ck_assert_msg(ctype_find_member(t, name, &m), "%s", name);
    ck_assert_uint_eq(m.offset, offset);
    ck_assert_str_eq(ctype_write(m.type, text, sizeof text), type);
}

START_TEST(types)
{
    struct ctype_member m;
    const char *name;
    int64_t value;
    uint64_t constant;
    if (!build(variants[_i]))
        return;
    struct source *s = open_source(elf);
    const struct ctype *tree = ctype_named(s, "struct tree"), *leaf = ctype_named(s, "struct leaf");
    ck_assert(tree && leaf);
    ck_assert_uint_eq(ctype_size(tree), sizeof(struct tree));
    ck_assert_uint_eq(ctype_size(leaf), sizeof(struct leaf));
    check_member(tree, "next", offsetof(struct tree, next), "struct tree *");
    check_member(tree, "leaf", offsetof(struct tree, leaf), "struct leaf [2]");
    check_member(tree, "bits", offsetof(struct tree, bits), "word");
    check_member(tree, "yes", offsetof(struct tree, yes), "_Bool");
    check_member(tree, "call", offsetof(struct tree, call), "int (*)()");
    check_member(tree, "grid", offsetof(struct tree, grid), "word [2][5]");
    check_member(leaf, "small", offsetof(struct leaf, small), "short int [3]");
    check_member(leaf, "real", offsetof(struct leaf, real), "double");
    check_member(leaf, "colour", offsetof(struct leaf, colour), "enum colour");
    ck_assert(ctype_find_member(tree, "rest", &m));
    ck_assert_uint_eq(8 * m.offset + m.bit, 8 * offsetof(struct tree, leaf) + 8 * sizeof(struct leaf[2]) + 3);
    ck_assert_uint_eq(m.bits, 7);
    ck_assert(!ctype_find_member(tree, "nothing", &m));
    ck_assert(ctype_constant(ctype_named(s, "enum colour"), 2, &name, &value));
    ck_assert_str_eq(name, "BLUE");
    ck_assert_int_eq(value, -2);
    ck_assert(ctype_constant_named(s, "GREEN", &constant) && constant == 5);
    ck_assert(!ctype_named(s, "struct nothing") && !ctype_named(s, "tree"));
    ck_assert_uint_eq(ctype_size(ctype_named(s, "word")), 8);
    source_free(s);
    cross_clean(dir);
}
END_TEST

static bool no_memory(void *ctx, uint64_t addr, unsigned size, uint64_t *value)
{
    (void)ctx;
    *value = addr;
    return size <= 8;
}

static bool count_one(void *ctx, const struct variable *v)
{
    char text[64];
    ck_assert(v->name && *v->name);
    ctype_write(v->type, text, sizeof text);
    ctype_size(v->type);
    ++*(unsigned *)ctx;
    return true;
}

/* A frame in which every register is its number times 0x1000. */
static void frame_at(struct unwind_env *env, struct unwind_frame *f, struct source *s, uint64_t pc)
{
    *env = (struct unwind_env){.read = no_memory, .source = s, .pc = pc};
    *f = (struct unwind_frame){.pc = pc, .lookup = pc, .known = UINT32_MAX};
    for (unsigned i = 0; i < 32; i++)
        env->x[i] = f->x[i] = i * UINT64_C(0x1000);
}

START_TEST(in_frames)
{
    struct source_function grow;
    struct unwind_env env;
    struct unwind_frame f;
    struct variable v;
    unsigned n = 0;
    if (!build(variants[_i]))
        return;
    struct source *s = open_source(elf);
    ck_assert(source_function_named(s, "grow", 0, &grow));
    frame_at(&env, &f, s, grow.low);
    ck_assert(variable_find(&env, &f, "n", &v) && !v.global);
    if (strstr(variants[_i], "-O0")) {
        ck_assert_int_eq(v.where, VARIABLE_MEMORY); /* in the frame, below the caller's stack pointer */
        ck_assert(v.at < 2 * 0x1000 && v.at > 2 * 0x1000 - 128);
    } else {
        ck_assert(v.where == VARIABLE_REGISTER && v.at == 11); /* a1, at the function's beginning */
    }
    ck_assert(variable_find(&env, &f, "root", &v) && v.global && v.where == VARIABLE_MEMORY && v.at > 0x80200000);
    ck_assert(variable_find(&env, &f, "count", &v) && v.global);
    ck_assert(!variable_find(&env, &f, "nothing", &v));
    ck_assert_uint_eq(variable_each(&env, &f, true, count_one, &n), 2);
    ck_assert_uint_eq(n, 2);
    frame_at(&env, &f, s, 0x80300000);
    ck_assert(!variable_find(&env, &f, "n", &v));
    ck_assert(variable_find(&env, &f, "count", &v) && v.global);
    ck_assert_uint_eq(variable_each(&env, &f, true, count_one, &n), 0);
    source_free(s);
    cross_clean(dir);
}
END_TEST

static uint64_t random_state;

static uint64_t next_random(void)
{
    random_state = random_state * UINT64_C(6364136223846793005) + 1442695040888963407;
    return random_state >> 33;
}

/* Follows a type as far as a reader would. */
static void follow(const struct ctype *t, unsigned depth)
{
    struct ctype_member m;
    char text[160];
    const char *name;
    int64_t value;
    ctype_write(t, text, sizeof text);
    ctype_size(t);
    if (!t || !depth)
        return;
    follow(ctype_target(t), depth - 1);
    for (unsigned i = 0; i < 8 && ctype_member(t, i, &m); i++)
        follow(m.type, depth - 1);
    for (unsigned i = 0; i < 8 && ctype_constant(t, i, &name, &value); i++)
        ;
}

/* Whatever a file says, nothing goes wrong in here. */
START_TEST(damaged)
{
    enum { FILES = 300 };
    static const char *const names[] = {"root", "n", "t", "each", "count", "sum"};
    static const char *const kinds[] = {"struct tree", "struct leaf", "enum colour", "word", "union u"};
    struct file_data good;
    struct err e;
    char path[128];
    unsigned taken = 0, n = 0;
    if (!build(variants[_i]))
        return;
    ck_assert(!file_read(elf, &good, &e));
    snprintf(path, sizeof path, "%s/bad.elf", dir);
    uint8_t *bad = malloc(good.size);
    random_state = (uint64_t)_i + 1;
    for (unsigned k = 0; k < FILES; k++) {
        memcpy(bad, good.data, good.size);
        for (unsigned changes = 1 + (unsigned)next_random() % 24; changes; changes--) {
            size_t at = 64 + next_random() % (good.size - 64);
            bad[at] = next_random() & 1 ? (uint8_t)next_random() : (uint8_t)(bad[at] ^ 1u << next_random() % 8);
        }
        FILE *f = fopen(path, "wb");
        ck_assert(f && fwrite(bad, 1, good.size, f) == good.size && !fclose(f));
        struct source *s = open_source(path);
        taken += s != NULL;
        for (uint64_t pc = 0x80200000; s && pc < 0x80200080; pc += 6) {
            struct unwind_env env;
            struct unwind_frame frame;
            struct variable v;
            frame_at(&env, &frame, s, pc);
            variable_each(&env, &frame, true, count_one, &n);
            variable_each(&env, &frame, false, count_one, &n);
            for (size_t i = 0; i < ARRAY_LEN(names); i++)
                if (variable_find(&env, &frame, names[i], &v))
                    follow(v.type, 4);
        }
        for (size_t i = 0; s && i < ARRAY_LEN(kinds); i++)
            follow(ctype_named(s, kinds[i]), 4);
        source_free(s);
    }
    ck_assert_uint_gt(taken, FILES / 2);
    ck_assert_uint_gt(n, FILES);
    free(bad);
    file_release(&good);
    cross_clean(dir);
}
END_TEST

Suite *variables_suite(void)
{
    Suite *s = suite_create("variables");
    TCase *t = tcase_create("variables");
    tcase_set_timeout(t, 120);
    tcase_add_loop_test(t, types, 0, ARRAY_LEN(variants));
    tcase_add_loop_test(t, in_frames, 0, ARRAY_LEN(variants));
    tcase_add_loop_test(t, damaged, 0, ARRAY_LEN(variants));
    suite_add_tcase(s, t);
    return s;
}
