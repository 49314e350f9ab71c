/* SPDX-License-Identifier: MIT */
/* Runs the suite of every tests/unit/test_*.c (suites.def is generated from their names). Arguments: names of suites to run; none = all.
 * CK_FORK=no runs in one process, e.g. under a debugger. */
#include <check.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SUITE(name) Suite *name##_suite(void);
#include "suites.def"
#undef SUITE

static const struct {
    const char *name;
    Suite *(*make)(void);
} suites[] = {
#define SUITE(name) {#name, name##_suite},
#include "suites.def"
#undef SUITE
    {NULL, NULL},
};

static bool chosen(const char *name, int argc, char **argv)
{
    for (int i = 1; i < argc; i++)
        if (!strcmp(argv[i], name))
            return true;
    return argc <= 1;
}

int main(int argc, char **argv)
{
    SRunner *runner = srunner_create(NULL);
    for (int i = 0; suites[i].name; i++)
        if (chosen(suites[i].name, argc, argv))
            srunner_add_suite(runner, suites[i].make());
    srunner_run_all(runner, CK_ENV);
    int run = srunner_ntests_run(runner);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    if (!run)
        fprintf(stderr, "unit-tests: no suite of that name; there are:\n");
    for (int i = 0; !run && suites[i].name; i++)
        fprintf(stderr, "  %s\n", suites[i].name);
    return run && !failed ? EXIT_SUCCESS : EXIT_FAILURE;
}
