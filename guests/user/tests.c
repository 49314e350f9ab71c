/* SPDX-License-Identifier: MIT */
/* The library's promises, tried out; the same under both kernels. */
#include "lib.h"

static int passed, failed;

static void check(bool ok, const char *what)
{
    printf("%s %s\n", ok ? "ok    " : "NOT OK", what);
    *(ok ? &passed : &failed) += 1;
}

static void test_files(void)
{
    char text[600], back[600];
    int fd = open("t.tmp", OPEN_CREATE);
    uint64_t got = 0;
    int64_t n;
    for (unsigned i = 0; i < sizeof text; i++)
        text[i] = (char)('a' + i % 23);
    check(fd >= 3, "a file is created");
    check(write(fd, text, 100) == 100 && write(fd, text + 100, 500) == 500, "and written in two parts");
    check(close(fd) == 0 && close(fd) < 0, "and closed once");
    fd = open("t.tmp", OPEN_READ);
    while ((n = read(fd, back + got, 77)) > 0)
        got += (uint64_t)n;
    check(n == 0 && got == sizeof text && memcmp(text, back, got) == 0, "what is read is what was written");
    check(write(fd, text, 1) < 0, "a file opened for reading is not written");
    close(fd);
    check(unlink("t.tmp") == 0 && open("t.tmp", OPEN_READ) == ERR_NOT_FOUND, "it is removed");
    check(open("a-name-that-is-much-too-long", OPEN_CREATE) < 0, "a long name is refused");
    check(read(77, back, 1) < 0 && read(-1, back, 1) < 0, "a descriptor that is none is refused");
}

static void test_many_sectors(void)
{
    char part[300];
    int fd = open("big.tmp", OPEN_CREATE);
    bool same = true;
    for (int i = 0; i < 100; i++) {
        memset(part, i, sizeof part);
        same &= write(fd, part, sizeof part) == sizeof part;
    }
    close(fd);
    fd = open("big.tmp", OPEN_READ);
    for (int i = 0; i < 100; i++) {
        same &= read(fd, part, sizeof part) == sizeof part && part[0] == (char)i && part[299] == (char)i;
    }
    close(fd);
    check(same, "30000 bytes over many sectors");
    unlink("big.tmp");
}

static int run(const char *a, const char *b, int *status)
{
    const char *const argv[] = {a, b, NULL};
    int pid = spawn(a, argv, 1), ended;
    if (pid < 0)
        return pid;
    ended = wait(status);
    return ended == pid ? pid : -1;
}

static void test_processes(void)
{
    const char *const spin[] = {"spin", NULL};
    int status = -1, first, second;
    check(run("true", NULL, &status) > 0 && status == 0, "a child ends with 0");
    check(run("cat", "no-such-file", &status) > 0 && status == 1, "another with 1");
    check(spawn("no-such-program", spin, 1) == ERR_NOT_FOUND, "a program that is not there is not started");
    check(wait(&status) < 0, "nobody to wait for");
    check(run("crash", "read", &status) > 0 && status == STATUS_FAULT + 13, "a null pointer: load page fault");
    check(run("crash", "write", &status) > 0 && status == STATUS_FAULT + 15, "its own text: store page fault");
    check(run("crash", "jump", &status) > 0 && status == STATUS_FAULT + 12,
          "a jump to nowhere: instruction page fault");
    check(run("crash", "illegal", &status) > 0 && status == STATUS_FAULT + 2,
          "a supervisor's CSR: illegal instruction");
    check(run("crash", "kernel", &status) > 0 && status == STATUS_FAULT + 13, "the kernel's memory: load page fault");
    check(run("crash", "stack", &status) > 0 && status == STATUS_FAULT + 15,
          "a stack that overflows: store page fault");
    first = spawn("spin", spin, 1);
    second = spawn("spin", spin, 1);
    sleep(50);
    check(first > 0 && second > first && second != getpid(), "two that compute for ever leave us time");
    check(kill(first) == 0 && wait(&status) == first && status == STATUS_KILLED, "one is killed");
    check(kill(second) == 0 && wait(&status) == second && status == STATUS_KILLED, "the other is killed");
    check(kill(first) < 0, "a process that is gone cannot be killed");
}

static void test_memory(void)
{
    static char zeros[3 * 4096];
    volatile char stack[5 * 4096];
    bool ok = true;
    for (unsigned i = 0; i < sizeof zeros; i++)
        ok &= zeros[i] == 0;
    stack[0] = 7;
    stack[sizeof stack - 1] = 8;
    check(ok, "what has no value in the program is zero");
    check(stack[0] == 7 && stack[sizeof stack - 1] == 8, "the stack grows when it is touched");
    check(write(1, (void *)0xffffffc080200000, 1) < 0, "a pointer into the kernel is refused");
}

int main(int argc, char **argv)
{
    (void)argc, (void)argv;
    test_files();
    test_many_sectors();
    test_processes();
    test_memory();
    printf("%d passed, %d failed\n", passed, failed);
    return failed != 0;
}
