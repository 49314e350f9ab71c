/* SPDX-License-Identifier: MIT */
/* Programs for the guest, compiled while a test runs. Without a cross compiler such a test cannot be made: it says so. */
#ifndef VITRINE_TESTS_CROSS_H
#define VITRINE_TESTS_CROSS_H

#include <check.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CROSS "riscv64-unknown-elf-"

static inline bool cross_has(const char *tool)
{
    char cmd[256];
    snprintf(cmd, sizeof cmd, "command -v %s%s >/dev/null 2>&1", CROSS, tool);
    bool found = system(cmd) == 0;
    if (!found)
        fprintf(stderr, "not tested: needs %s%s (package gcc-riscv64-unknown-elf)\n", CROSS, tool);
    return found;
}

/* A new directory; cross_clean() removes it with all that is in it. */
static inline void cross_dir(char dir[64])
{
    strcpy(dir, "/tmp/vitrine-test-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(dir));
}

static inline void cross_clean(const char *dir)
{
    char cmd[256];
    snprintf(cmd, sizeof cmd, "rm -rf %s", dir);
    ck_assert_int_eq(system(cmd), 0);
}

static inline void cross_write(const char *dir, const char *name, const char *text)
{
    char path[256];
    snprintf(path, sizeof path, "%s/%s", dir, name);
    FILE *f = fopen(path, "w");
    ck_assert_ptr_nonnull(f);
    ck_assert_int_ge(fputs(text, f), 0);
    ck_assert_int_eq(fclose(f), 0);
}

/* Runs a cross tool in dir: cross_run(dir, "gcc -O2 -c a.c"). */
static inline void cross_run(const char *dir, const char *command)
{
    char cmd[2048];
    ck_assert_int_lt(snprintf(cmd, sizeof cmd, "cd %s && %s%s", dir, CROSS, command), (int)sizeof cmd);
    ck_assert_msg(system(cmd) == 0, "%s", cmd);
}

#endif
