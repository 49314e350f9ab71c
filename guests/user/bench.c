/* SPDX-License-Identifier: MIT */
/* What one call costs, in instructions that the processor retires between its two marks, the kernel's and the servers' included. */
#include "lib.h"

static uint64_t instret(void)
{
    uint64_t n;
    __asm__ volatile("rdinstret %0" : "=r"(n)::"memory");
    return n;
}

static uint64_t rounds = 10;
static struct counts before;
static uint64_t began;

static void begin(void)
{
    counts(&before);
    began = instret();
}

static void end(const char *what)
{
    uint64_t took = instret() - began;
    struct counts after;
    counts(&after);
    printf("%-18s %8lu instructions %4lu.%lu calls %4lu.%lu messages\n", what, took / rounds,
           (after.calls - before.calls) / rounds, (after.calls - before.calls) * 10 / rounds % 10,
           (after.messages - before.messages) / rounds, (after.messages - before.messages) * 10 / rounds % 10);
}

int main(int argc, char **argv)
{
    static char part[512];
    const char *const child[] = {"true", NULL};
    int fd, status;
    if (argc > 1 && (!str_number(argv[1], &rounds) || !rounds)) {
        printf("usage: bench [ROUNDS]\n");
        return 2;
    }
    printf("%s, each of these %lu times:\n", kernel_name(), rounds);
    begin();
    for (uint64_t i = 0; i < rounds; i++)
        getpid();
    end("getpid");
    begin();
    for (uint64_t i = 0; i < rounds; i++) {
        fd = open("motd", OPEN_READ);
        close(fd);
    }
    end("open, close");
    begin();
    for (uint64_t i = 0; i < rounds; i++) {
        fd = open("motd", OPEN_READ);
        read(fd, part, 64);
        close(fd);
    }
    end("open, read, close");
    begin();
    for (uint64_t i = 0; i < rounds; i++) {
        fd = open("bench.tmp", OPEN_CREATE);
        write(fd, part, sizeof part);
        close(fd);
    }
    end("create, write 512");
    unlink("bench.tmp");
    begin();
    for (uint64_t i = 0; i < rounds; i++) {
        spawn("true", child, 1);
        wait(&status);
    }
    end("spawn, wait");
    return 0;
}
