/* SPDX-License-Identifier: MIT */
/* The first process: starts what the boot arguments say, buries orphans, and ends the run with that program's status.
 *   (nothing)    utests       test=NAME  only that test
 *   bench[=N]    the load of N rounds
 *   sh           a prompt */
#include "u.h"

int main(void)
{
    const char *argv[3] = {"utests", NULL, NULL};
    const char *v;
    int pid, status = 0, got;
    if ((v = bootarg("test"))) {
        argv[1] = v;
    } else if ((v = bootarg("bench"))) {
        argv[0] = "bench";
        argv[1] = *v ? v : NULL;
    } else if (bootarg("sh")) {
        argv[0] = "sh";
    }
    pid = fork();
    if (pid == 0) {
        exec(argv[0], argv);
        exit(127);
    }
    do
        got = wait(&status);
    while (got != pid);
    if (status >= KILLED)
        printf("init: %s was killed, cause %d\n", argv[0], status & 0xff);
    return (int)sys3(SYS_poweroff, status >= KILLED ? 255 : status, 0, 0);
}
