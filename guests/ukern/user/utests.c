/* SPDX-License-Identifier: MIT */
/* Tests of the kernel, and through it of the machine. Each runs in a process of its own; what it took of memory must
 * be back when it has ended. */
#include "u.h"

#define KERNEL_TEXT 0x80000000ul
#define TRAPFRAME   0x3fffffe000ul
#define TRAMPOLINE  0x3ffffff000ul
#define USER_TOP    0x40000000ul
#define GUARD       (USER_TOP - 5 * 4096) /* the page below the stack */
#define SKIP        77

#define CHECK(c) ((c) ? (void)0 : fail(#c, __LINE__))

static _Noreturn void fail(const char *what, int line)
{
    printf("# line %d: %s\n", line, what);
    exit(1);
}

static char page[4096] __attribute__((aligned(4096)));
static char buf[8192] __attribute__((aligned(4096)));
static uint64_t shared[512] __attribute__((aligned(4096)));

static struct info now(void)
{
    struct info i;
    CHECK(info(&i) == 0);
    return i;
}

static int reap(void)
{
    int status = -1;
    CHECK(wait(&status) > 0);
    return status;
}

/* Runs f in a child; its status. */
static int status_of(void (*f)(uint64_t), uint64_t arg)
{
    int pid = fork();
    CHECK(pid >= 0);
    if (pid == 0) {
        f(arg);
        exit(0);
    }
    return reap();
}

static void test_kernel_probes(void)
{
    CHECK(selftest(PROBE_OK) == 0);
    CHECK(selftest(PROBE_PMP) == 5);
    CHECK(selftest(PROBE_UNMAPPED) == 13);
    CHECK(selftest(PROBE_TEXT) == 15);
    CHECK(selftest(PROBE_USER) == 13);
    CHECK(selftest(PROBE_USER_SUM) == 0);
    CHECK(selftest(PROBE_CANONICAL) == 13);
}

static void test_exit_wait(void)
{
    int status;
    CHECK(wait(NULL) == -1);
    for (int i = 0; i < 20; i++) {
        int pid = fork();
        CHECK(pid >= 0);
        if (pid == 0)
            exit(i);
        CHECK(wait(&status) == pid && status == i);
    }
    CHECK(getpid() > 1);
    CHECK(sys3(999, 0, 0, 0) == -1);
}

static void test_fork_storm(void)
{
    int n = 0, pid;
    for (int round = 0; round < 3; round++) {
        for (n = 0; (pid = fork()) > 0; n++)
            ;
        if (pid == 0) {
            sleep(20);
            exit(0);
        }
        CHECK(n > 32);
        while (n--)
            CHECK(reap() == 0);
        CHECK(wait(NULL) == -1);
    }
}

static void test_orphans(void)
{
    for (int i = 0; i < 10; i++) {
        int pid = fork();
        CHECK(pid >= 0);
        if (pid == 0) {
            fork();
            fork();
            exit(0);
        }
        CHECK(reap() == 0);
    }
    sleep(50);
}

static void test_copy_on_write(void)
{
    uint64_t *w = (uint64_t *)buf;
    struct info a, b;
    int status;
    for (size_t i = 0; i < sizeof buf / 8; i++)
        w[i] = i;
    for (int round = 0; round < 4; round++) {
        int pid = fork();
        CHECK(pid >= 0);
        if (pid == 0) {
            for (size_t i = 0; i < sizeof buf / 8; i++)
                CHECK(w[i] == i);
            for (size_t i = 0; i < sizeof buf / 8; i++)
                w[i] = ~i;
            yield();
            for (size_t i = 0; i < sizeof buf / 8; i++)
                CHECK(w[i] == ~i);
            exit(7);
        }
        if (round & 1) /* this time both write */
            for (size_t i = 0; i < sizeof buf / 8; i += 64)
                w[i] = i;
        CHECK(wait(&status) == pid && status == 7);
        for (size_t i = 0; i < sizeof buf / 8; i++)
            CHECK(w[i] == i);
    }
    /* A large process forks: the child costs tables, not pages. */
    char *heap = sbrk(256 * 4096);
    for (int i = 0; i < 256; i++)
        heap[i * 4096] = (char)i;
    a = now();
    if (fork() == 0) {
        b = now();
        CHECK(a.free_pages - b.free_pages < 40);
        exit(0);
    }
    CHECK(reap() == 0);
}

/* On another hart the parent still writes to what it shares with us since the fork: those copies are nothing that we take. */
static struct info settled(void)
{
    sleep(10);
    return now();
}

static void test_lazy_heap(void)
{
    const long size = 32l << 20;
    struct info a = settled(), b;
    char *heap = sbrk(size);
    CHECK(heap != (char *)-1 && sbrk(0) == heap + size);
    CHECK(a.free_pages - now().free_pages == 0);
    for (long i = 0; i < size; i += size / 16) {
        CHECK(heap[i] == 0);
        heap[i] = (char)(i >> 20);
    }
    for (long i = 0; i < size; i += size / 16)
        CHECK(heap[i] == (char)(i >> 20));
    b = now();
    CHECK(a.free_pages - b.free_pages >= 16 && a.free_pages - b.free_pages < 64);
    CHECK(sbrk(-size) == heap + size && sbrk(0) == heap);
    CHECK(now().free_pages >= a.free_pages - 32);
    CHECK(sbrk(4096) == heap && heap[0] == 0); /* a fresh page, not the old one */
    CHECK(sbrk(-(1l << 40)) == (void *)-1);
    CHECK(sbrk(1l << 40) == (void *)-1);
}

static void eat_all(uint64_t arg)
{
    char *heap = sbrk(0x3f000000l - (long)sbrk(0));
    (void)arg;
    CHECK(heap != (char *)-1);
    for (char *p = heap; p < (char *)0x3f000000; p += 4096)
        *p = 1;
}

static void test_out_of_memory(void)
{
    struct info a = settled();
    int status = status_of(eat_all, 0);
    CHECK(status == (KILLED | 15) || (status == 0 && a.free_pages > 0x3f000));
    CHECK(now().free_pages == a.free_pages);
}

static void test_pipe(void)
{
    int fd[2], status;
    uint64_t sum = 0;
    long total = 0, n;
    CHECK(pipe(fd) == 0);
    int pid = fork();
    CHECK(pid >= 0);
    if (pid == 0) {
        close(fd[0]);
        for (int i = 0; i < 16; i++) {
            for (int k = 0; k < 4096; k++)
                buf[k] = (char)(i + k);
            CHECK(write(fd[1], buf, 4096 - (size_t)i) == 4096 - i);
        }
        exit(5);
    }
    close(fd[1]);
    while ((n = read(fd[0], buf, 1000)) > 0) {
        for (long k = 0; k < n; k++)
            sum += (uint8_t)buf[k];
        total += n;
    }
    CHECK(n == 0 && total == 16 * 4096 - 120);
    uint64_t want = 0;
    for (int i = 0; i < 16; i++)
        for (int k = 0; k < 4096 - i; k++)
            want += (uint8_t)(i + k);
    CHECK(sum == want);
    CHECK(wait(&status) == pid && status == 5);
    close(fd[0]);
    CHECK(pipe(fd) == 0); /* nobody reads */
    close(fd[0]);
    CHECK(write(fd[1], "x", 1) == -1);
    CHECK(read(fd[1], buf, 1) == -1);
    int d = dup(fd[1]);
    CHECK(d >= 0 && close(fd[1]) == 0 && close(d) == 0 && close(d) == -1);
}

static void test_ping_pong(void)
{
    int to[2], back[2];
    unsigned char c;
    CHECK(pipe(to) == 0 && pipe(back) == 0);
    if (fork() == 0) {
        while (read(to[0], &c, 1) == 1) {
            c++;
            CHECK(write(back[1], &c, 1) == 1);
            if (c == 200)
                exit(0);
        }
        exit(1);
    }
    for (unsigned i = 0; i < 200; i++) {
        c = (unsigned char)i;
        CHECK(write(to[1], &c, 1) == 1 && read(back[0], &c, 1) == 1 && c == i + 1);
    }
    CHECK(reap() == 0);
}

static void test_exec(void)
{
    const char *argv[] = {"hello", "-q", "a", "bc", "", NULL};
    const char *none[] = {"none", NULL};
    int status, pid = fork();
    CHECK(pid >= 0);
    if (pid == 0) {
        exec("hello", argv);
        exit(99);
    }
    CHECK(wait(&status) == pid && status == 5);
    CHECK(exec("none", none) == -1);
    CHECK(exec("hello", NULL) == -1);
}

static void test_preempt(void)
{
    unsigned n = 2 * (unsigned)now().harts + 1;
    int pid[20];
    bool all = false;
    CHECK(share(shared) == 0);
    for (unsigned i = 0; i < n; i++) {
        if ((pid[i] = fork()) == 0)
            for (;;) /* never calls the kernel */
                __atomic_fetch_add(&shared[i * 8], 1, __ATOMIC_RELAXED);
        CHECK(pid[i] > 0);
    }
    for (int round = 0; round < 200 && !all; round++) {
        sleep(10);
        all = true;
        for (unsigned i = 0; i < n; i++)
            all = all && __atomic_load_n(&shared[i * 8], __ATOMIC_RELAXED) > 1000;
    }
    for (unsigned i = 0; i < n; i++)
        CHECK(kill(pid[i]) == 0);
    for (unsigned i = 0; i < n; i++)
        CHECK(reap() == KILLED_BY_KILL);
    CHECK(all);
}

static void test_all_harts(void)
{
    unsigned n = (unsigned)now().harts;
    uint64_t all = (UINT64_C(1) << n) - 1;
    CHECK(share(shared) == 0);
    for (unsigned i = 0; i < 2 * n; i++) {
        if (fork() == 0) {
            uint64_t until = rdtime() + 5 * now().timebase;
            while (__atomic_load_n(&shared[0], __ATOMIC_SEQ_CST) != all && rdtime() < until)
                __atomic_fetch_or(&shared[0], UINT64_C(1) << hart(), __ATOMIC_SEQ_CST);
            exit(0);
        }
    }
    for (unsigned i = 0; i < 2 * n; i++)
        CHECK(reap() == 0);
    CHECK(shared[0] == all);
}

/* Locks of our own, one by lr/sc and one by amoswap, around counters that are not atomic. */
static void lock_lrsc(volatile uint32_t *l)
{
    for (unsigned spins = 1;; spins++) {
        uint32_t failed;
        __asm__ volatile("lr.w.aq %0, %1\n"
                         "bnez %0, 1f\n"
                         "sc.w.rl %0, %2, %1\n"
                         "1:"
                         : "=&r"(failed), "+A"(*l)
                         : "r"(1)
                         : "memory");
        if (!failed)
            return;
        if (spins % 64 == 0)
            yield();
    }
}

static void lock_amo(volatile uint32_t *l)
{
    for (unsigned spins = 1; __atomic_exchange_n(l, 1, __ATOMIC_ACQUIRE); spins++)
        if (spins % 64 == 0)
            yield();
}

static void test_lock_contention(void)
{
    enum { TIMES = 3000 };
    unsigned n = (unsigned)now().harts + 2;
    volatile uint64_t *v = shared;
    CHECK(share(shared) == 0);
    for (unsigned i = 0; i < n; i++) {
        int pid = fork();
        CHECK(pid >= 0);
        if (pid == 0) {
            for (unsigned k = 0; k < TIMES; k++) {
                lock_lrsc((volatile uint32_t *)&shared[0]);
                v[8]++;
                v[9] += v[8];
                __atomic_store_n((uint32_t *)&shared[0], 0, __ATOMIC_RELEASE);
                lock_amo((volatile uint32_t *)&shared[16]);
                v[24]++;
                v[25] += v[24];
                __atomic_store_n((uint32_t *)&shared[16], 0, __ATOMIC_RELEASE);
                __atomic_fetch_add(&shared[32], 3, __ATOMIC_RELAXED);
                __atomic_fetch_xor(&shared[40], UINT64_C(1) << i, __ATOMIC_RELAXED);
            }
            exit(0);
        }
    }
    for (unsigned i = 0; i < n; i++)
        CHECK(reap() == 0);
    uint64_t total = (uint64_t)n * TIMES;
    CHECK(v[8] == total && v[9] == total * (total + 1) / 2);
    CHECK(v[24] == total && v[25] == total * (total + 1) / 2);
    CHECK(v[32] == 3 * total && v[40] == 0);
}

static void test_sleep(void)
{
    uint64_t hz = now().timebase;
    for (int i = 0; i < 5; i++) {
        uint64_t t0 = rdtime(), t;
        CHECK(sleep(10) == 0);
        t = rdtime() - t0;
        CHECK(t >= hz / 100 && t < 2 * hz);
    }
    int pid = fork();
    CHECK(pid >= 0);
    if (pid == 0) {
        sleep(1000000);
        exit(0);
    }
    sleep(5);
    CHECK(kill(pid) == 0 && reap() == KILLED_BY_KILL && kill(pid) == -1);
}

static void bad_load(uint64_t a)
{
    (void)*(volatile char *)a;
}
static void bad_store(uint64_t a)
{
    *(volatile char *)a = 1;
}
static void bad_jump(uint64_t a)
{
    ((void (*)(void))a)();
}
static void bad_insn(uint64_t which)
{
    switch (which) {
    case 0: __asm__ volatile(".word 0"); break;
    case 1: __asm__ volatile("csrr t0, sstatus" ::: "t0"); break;
    case 2: __asm__ volatile("csrr t0, mstatus" ::: "t0"); break;
    case 3: __asm__ volatile("sret"); break;
    case 4: __asm__ volatile("mret"); break;
    case 5: __asm__ volatile("sfence.vma"); break;
    case 6: __asm__ volatile("csrw cycle, zero"); break;
    case 7: __asm__ volatile("ebreak"); break;
    case 8: __asm__ volatile("lr.w t0, (%0)" ::"r"(buf + 1) : "t0"); break;
    default: __asm__ volatile("amoadd.d t0, t0, (%0)" ::"r"(buf + 4) : "t0"); break;
    }
}

static void test_bad_access(void)
{
    static const uint64_t bad[] = {
        0,          8,          KERNEL_TEXT, TRAPFRAME, TRAMPOLINE, GUARD + 4088,      USER_TOP,
        0x10000000, 0x02000000, 1ul << 38,   1ul << 39, ~0ul - 7,   0xffffffc000000000};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        CHECK(status_of(bad_load, bad[i]) == (KILLED | 13));
        CHECK(status_of(bad_store, bad[i]) == (KILLED | 15));
        CHECK(status_of(bad_jump, bad[i] & ~3ul) == (KILLED | 12));
    }
    CHECK(status_of(bad_store, (uint64_t)test_exit_wait) == (KILLED | 15)); /* text */
    CHECK(status_of(bad_jump, (uint64_t)buf) == (KILLED | 12));             /* data */
    for (uint64_t i = 0; i < 7; i++)
        CHECK(status_of(bad_insn, i) == (KILLED | 2));
    CHECK(status_of(bad_insn, 7) == (KILLED | 3));
}

/* Misaligned atomics: the address-misaligned exceptions, or access faults, whichever the machine chooses. An AMO faults
 * as a store; QEMU with one hart says load, and that is not our kernel's concern. */
static void test_misaligned_atomics(void)
{
    int s = status_of(bad_insn, 8);
    CHECK(s == (KILLED | 4) || s == (KILLED | 5));
    s = status_of(bad_insn, 9);
    if (s == (KILLED | 4))
        exit(SKIP);
    CHECK(s == (KILLED | 6) || s == (KILLED | 7));
}

static __attribute__((noinline)) uint64_t deep(uint64_t n)
{
    volatile char frame[512];
    frame[0] = (char)n;
    return n == 0 ? 0 : deep(n - 1) + (uint8_t)frame[0];
}

static void recurse(uint64_t n)
{
    (void)(deep(n) == 1);
}

static void test_stack_guard(void)
{
    CHECK(status_of(recurse, 12) == 0);
    CHECK(status_of(recurse, 100000) == (KILLED | 15));
}

static void bad_pointer_calls(uint64_t bad)
{
    const char *argv[] = {"hello", (char *)bad, NULL};
    int fd[2];
    CHECK(pipe(fd) == 0);
    CHECK(write(fd[1], (void *)bad, 16) == -1);
    CHECK(write(fd[1], "abcdefgh", 8) == 8);
    CHECK(read(fd[0], (void *)bad, 8) == -1);
    CHECK(read(fd[0], buf, 8) == 8);
    CHECK(pipe((int *)bad) == -1);
    CHECK(info((struct info *)bad) == -1);
    CHECK(sys3(SYS_bootargs, (long)bad, 256, 0) == -1);
    CHECK(exec((char *)bad, argv) == -1);
    CHECK(exec("hello", (const char *const *)bad) == -1);
    if (bad)
        CHECK(exec("hello", argv) == -1);
    CHECK(disk_read(0, (void *)bad, 1) == -1);
    CHECK(disk_write(0, (void *)bad, 1) == -1);
    CHECK(share((void *)(bad & ~4095ul)) == -1);
    if (fork() == 0)
        exit(0);
    if (bad)
        CHECK(wait((int *)bad) == -1);
    else
        reap();
}

static void test_bad_pointers(void)
{
    static const uint64_t bad[] = {0,        16,        KERNEL_TEXT, TRAPFRAME, TRAMPOLINE, GUARD + 4080,
                                   USER_TOP, 1ul << 38, 1ul << 39,   ~0ul - 7,  1ul << 63,  0xffffffc000000000};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        CHECK(status_of(bad_pointer_calls, bad[i]) == 0);
    int fd[2];
    CHECK(pipe(fd) == 0);
    CHECK(write(fd[1], (void *)(USER_TOP - 8), 16) == -1); /* half good */
    CHECK(write(fd[1], "abcdefgh", 8) == 8);
    CHECK(read(fd[0], (void *)test_bad_pointers, 8) == -1); /* text is not writable, for the kernel neither */
    CHECK(read(99, buf, 1) == -1 && write(-1, buf, 1) == -1 && close(1000) == -1);
    char *heap = sbrk(3 * 4096); /* the kernel copies into pages that are not there yet */
    CHECK(read(fd[0], heap + 4092, 8) == 8);
    CHECK(heap[0] == 0);
}

static void test_misaligned(void)
{
    char *heap = sbrk(4 * 4096);
    uint64_t x;
    uint32_t y;
    heap[0] = 1; /* the second page is not there yet: the access faults half way, and happens once and whole */
    __asm__ volatile("sd %1, 0(%0)" ::"r"(heap + 4093), "r"(UINT64_C(0x1122334455667788)) : "memory");
    __asm__ volatile("ld %0, 0(%1)" : "=r"(x) : "r"(heap + 4093) : "memory");
    CHECK(x == UINT64_C(0x1122334455667788) && (uint8_t)heap[4095] == 0x66 && (uint8_t)heap[4096] == 0x55);
    __asm__ volatile("lw %0, 0(%1)" : "=r"(y) : "r"(heap + 8190) : "memory"); /* third page */
    CHECK(y == 0);
    __asm__ volatile("sw %1, 0(%0)" ::"r"(heap + 12287), "r"(0x0a0b0c0d) : "memory");
    CHECK(heap[12287] == 0x0d && heap[12288] == 0x0c && heap[12290] == 0x0a);
}

extern uint16_t jit[];
static void test_self_modifying(void)
{
    int (*f)(void) = (int (*)(void))jit;
    CHECK(f() == 1);
    for (uint32_t i = 0; i < 200; i++) {
        uint16_t insn = (uint16_t)(0x4501 | (i & 31) << 2); /* c.li a0, 0..31, sign left out */
        *(volatile uint16_t *)jit = insn;
        __asm__ volatile("fence.i" ::: "memory");
        CHECK(f() == (int)(i & 31));
        if (i % 20 == 0)
            yield(); /* perhaps to another hart, whose fence.i is the kernel's business */
    }
}

static void fp_child(uint64_t seed)
{
    uint64_t until = rdtime() + now().timebase / 50;
    unsigned long rm = seed % 4, got;
    union {
        double d;
        uint64_t u;
    } first = {.u = 0}, x;
    __asm__ volatile("fsrm %0" ::"r"(rm));
    for (unsigned rounds = 0; rounds == 0 || rdtime() < until; rounds++) {
        volatile double a = 1.0 + (double)seed, three = 3.0;
        double s = 0;
        for (int i = 1; i < 2000; i++)
            s += a / (three * i);
        x.d = s;
        if (rounds == 0)
            first = x;
        CHECK(x.u == first.u);
        __asm__ volatile("frrm %0" : "=r"(got));
        CHECK(got == rm);
    }
    if (fork() == 0) { /* the registers and the rounding mode are inherited */
        __asm__ volatile("frrm %0" : "=r"(got));
        CHECK(got == rm);
        exit(0);
    }
    CHECK(reap() == 0);
}

static void test_floating_point(void)
{
    unsigned n = 2 * (unsigned)now().harts + 1;
    for (unsigned i = 0; i < n; i++) {
        int pid = fork();
        CHECK(pid >= 0);
        if (pid == 0) {
            fp_child(i);
            exit(0);
        }
    }
    for (unsigned i = 0; i < n; i++)
        CHECK(reap() == 0);
}

static void test_counters(void)
{
    uint64_t t0, c0, i0, t1, c1, i1;
    __asm__ volatile("rdtime %0\n rdcycle %1\n rdinstret %2" : "=&r"(t0), "=&r"(c0), "=&r"(i0));
    for (volatile int i = 0; i < 20000; i++)
        ;
    __asm__ volatile("rdtime %0\n rdcycle %1\n rdinstret %2" : "=&r"(t1), "=&r"(c1), "=&r"(i1));
    CHECK(t1 > t0);
    (void)c0, (void)c1, (void)i0, (void)i1; /* harts differ in these, and we may have moved */
}

/* Sector 0 may say how to check what the host wrote: magic, number of sectors, their checksum (see README.md). */
static void test_disk_read(void)
{
    struct info a = now();
    uint64_t *w = (uint64_t *)buf, sum = 0xcbf29ce484222325, n, want;
    if (a.disk_sectors == 0)
        exit(SKIP);
    CHECK(disk_read(0, buf, 1) == 1);
    CHECK(disk_read(a.disk_sectors, page, 1) == -1);
    CHECK(disk_read(a.disk_sectors - 1, page, 1) == 1);
    CHECK(disk_read(0, page, 9) == -1 && disk_read(0, page, 0) == -1);
    CHECK(now().disk_irqs > a.disk_irqs);
    if (memcmp(buf, "UKDISK1\n", 8) != 0)
        return;
    n = w[1];
    want = w[2];
    CHECK(n < a.disk_sectors);
    for (uint64_t s = 1; s <= n; s++) {
        CHECK(disk_read(s, buf, 1) == 1);
        for (int i = 0; i < 64; i++)
            sum = (sum ^ w[i]) * 0x100000001b3;
    }
    CHECK(sum == want);
}

static uint64_t pattern(uint64_t sector, uint64_t word)
{
    return sector * 0x9e3779b97f4a7c15 + word;
}

static void disk_child(uint64_t i)
{
    uint64_t *w = (uint64_t *)buf;
    for (uint64_t s = 64 + 16 * i; s < 80 + 16 * i; s += 8) {
        for (uint64_t k = 0; k < 512; k++)
            w[k] = pattern(s + k / 64, k % 64);
        CHECK(disk_write(s, buf, 8) == 8);
    }
    for (uint64_t s = 64 + 16 * i; s < 80 + 16 * i; s++) {
        memset(buf, 0, 512);
        CHECK(disk_read(s, buf, 1) == 1);
        for (uint64_t k = 0; k < 64; k++)
            CHECK(w[k] == pattern(s, k));
    }
}

static void test_disk_write(void)
{
    if (now().disk_sectors < 512)
        exit(SKIP);
    for (int round = 0; round < 2; round++) {
        for (uint64_t i = 0; i < 12; i++) { /* more at once than the driver's queue holds */
            int pid = fork();
            CHECK(pid >= 0);
            if (pid == 0) {
                disk_child(i);
                exit(0);
            }
        }
        for (int i = 0; i < 12; i++)
            CHECK(reap() == 0);
    }
    CHECK(disk_write(now().disk_sectors, buf, 1) == -1);
}

static void test_interrupts(void)
{
    struct info a = now(), b;
    sleep(30);
    printf("# interrupts so far: console %lu, disk %lu, calls between harts %lu, timer %lu; faults repaired %lu\n",
           a.uart_irqs, a.disk_irqs, a.ipis, a.ticks, a.faults);
    sleep(10);
    b = now();
    CHECK(b.ticks > a.ticks && b.uart_irqs > a.uart_irqs);
    CHECK(b.harts == 1 || b.ipis > 0);
}

static const struct {
    const char *name;
    void (*run)(void);
} tests[] = {
    {"kernel_probes", test_kernel_probes},
    {"exit_wait", test_exit_wait},
    {"fork_storm", test_fork_storm},
    {"orphans", test_orphans},
    {"copy_on_write", test_copy_on_write},
    {"lazy_heap", test_lazy_heap},
    {"out_of_memory", test_out_of_memory},
    {"pipe", test_pipe},
    {"ping_pong", test_ping_pong},
    {"exec", test_exec},
    {"preempt", test_preempt},
    {"all_harts", test_all_harts},
    {"lock_contention", test_lock_contention},
    {"sleep", test_sleep},
    {"bad_access", test_bad_access},
    {"misaligned_atomics", test_misaligned_atomics},
    {"stack_guard", test_stack_guard},
    {"bad_pointers", test_bad_pointers},
    {"misaligned", test_misaligned},
    {"self_modifying", test_self_modifying},
    {"floating_point", test_floating_point},
    {"counters", test_counters},
    {"disk_read", test_disk_read},
    {"disk_write", test_disk_write},
    {"interrupts", test_interrupts},
};

int main(int argc, char **argv)
{
    int passed = 0, failed = 0, skipped = 0, status;
    for (size_t i = 0; i < sizeof tests / sizeof *tests; i++) {
        struct info a, b;
        int pid;
        if (argc > 1 && strcmp(argv[1], tests[i].name) != 0)
            continue;
        a = now();
        pid = fork();
        if (pid == 0) {
            tests[i].run();
            exit(0);
        }
        status = -1;
        while (pid > 0 && wait(&status) != pid)
            ;
        b = now();
        for (int n = 0; n < 50 && b.free_pages < a.free_pages; n++) { /* orphans end in their own time */
            sleep(10);
            b = now();
        }
        if (status == SKIP) {
            printf("skip %s\n", tests[i].name);
            skipped++;
        } else if (status != 0) {
            printf("not ok %s: status %d\n", tests[i].name, status);
            failed++;
        } else if (b.free_pages < a.free_pages) {
            printf("not ok %s: %lu pages are lost\n", tests[i].name, a.free_pages - b.free_pages);
            failed++;
        } else {
            printf("ok %s\n", tests[i].name);
            passed++;
        }
    }
    if (skipped)
        printf("utests: %d skipped\n", skipped);
    printf("utests: %d passed, %d failed\n", passed, failed);
    return failed ? failed : passed + skipped ? 0 : 1;
}
