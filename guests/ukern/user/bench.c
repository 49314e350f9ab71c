/* SPDX-License-Identifier: MIT */
/* The load of a busy small system, N rounds: fork, exec, page faults, pipes, the disk, waiting. */
#include "u.h"

#define WORKERS 4
#define BYTES   16384

static char buf[4096] __attribute__((aligned(8)));

static void fail(const char *what)
{
    printf("bench: %s failed\n", what);
    exit(1);
}

static void worker(int i, long round, int in, int out, bool disk)
{
    const char *argv[] = {"hello", "-q", "x", NULL};
    uint64_t sector = 256 + 8 * (uint64_t)i;
    int status, pid;
    long got = 0, n;
    uint64_t *w = (uint64_t *)buf;
    (void)in;
    for (size_t k = 0; k < sizeof buf / 8; k++)
        w[k] = (uint64_t)round * 1000003 + (uint64_t)i * 4099 + k;
    if (disk && (disk_write(sector, buf, 8) != 8 || disk_read(sector, buf, 8) != 8))
        fail("disk");
    for (size_t k = 0; k < sizeof buf / 8; k++)
        if (w[k] != (uint64_t)round * 1000003 + (uint64_t)i * 4099 + k)
            fail("read-back");
    while (got < BYTES) {
        n = write(out, buf, sizeof buf);
        if (n <= 0)
            fail("pipe write");
        got += n;
    }
    pid = fork();
    if (pid == 0) {
        exec("hello", argv);
        exit(99);
    }
    if (pid < 0 || wait(&status) != pid || status != 3)
        fail("exec");
    exit(0);
}

int main(int argc, char **argv)
{
    long rounds = argc > 1 ? number(argv[1]) : 20;
    struct info before, after;
    uint64_t t0, t1, sum = 0;
    bool disk;
    info(&before);
    disk = before.disk_sectors >= 512;
    t0 = rdtime();
    for (long r = 0; r < rounds; r++) {
        int fd[2], status;
        long got = 0, n;
        char *heap = sbrk(64 * 4096);
        if (pipe(fd) < 0)
            fail("pipe");
        for (int i = 0; i < WORKERS; i++) {
            int pid = fork();
            if (pid < 0)
                fail("fork");
            if (pid == 0) {
                close(fd[0]);
                worker(i, r, fd[0], fd[1], disk);
            }
        }
        close(fd[1]);
        for (int i = 0; i < 64; i++) /* demand-zero pages, while the workers run */
            heap[i * 4096] = (char)i;
        while ((n = read(fd[0], buf, sizeof buf)) > 0) {
            for (long k = 0; k < n; k++)
                sum += (uint8_t)buf[k];
            got += n;
        }
        close(fd[0]);
        if (got != WORKERS * BYTES)
            fail("pipe read");
        for (int i = 0; i < WORKERS; i++)
            if (wait(&status) < 0 || status != 0)
                fail("worker");
        sbrk(-64 * 4096);
    }
    t1 = rdtime();
    info(&after);
    printf("bench: rounds=%ld sum=%lx us=%lu faults=%lu disk_irqs=%lu\n", rounds, sum,
           (t1 - t0) / (before.timebase / 1000000), after.faults - before.faults, after.disk_irqs - before.disk_irqs);
    return 0;
}
