/* SPDX-License-Identifier: MIT */
/* A kernel that is all shell: it runs in S mode, with Sv39 on, and its commands show what the machine does. */
#include "shell.h"

enum { MAX_HARTS = 16, LINE = 80 };

struct command {
    const char *name, *args, *help;
    void (*run)(int argc, char **argv);
};

static uint64_t boot_hart, device_tree;
static volatile uint64_t ticks;
static volatile bool present[MAX_HARTS];
static volatile uint64_t probing; /* where to go on after an access that faults; 0 = a fault is a bug */

/* ---- Traps ---- */

static const char *const causes[] = {"instruction address misaligned",
                                     "instruction access fault",
                                     "illegal instruction",
                                     "breakpoint",
                                     "load address misaligned",
                                     "load access fault",
                                     "store address misaligned",
                                     "store access fault",
                                     "call from U mode",
                                     "call from S mode",
                                     "call from VS mode",
                                     "call from M mode",
                                     "instruction page fault",
                                     "load page fault",
                                     "reserved",
                                     "store page fault"};

void trap(struct frame *f);
void trap(struct frame *f)
{
    uint64_t cause = READ_CSR("scause");
    if (cause >> 63) { /* the timer: getc() asked to be woken */
        ticks++;
        sbi_call(SBI_TIME, 0, UINT64_MAX, 0, 0);
        return;
    }
    print("trap: scause %lu (%s), sepc %lx, stval %lx\n", cause, cause < 16 ? causes[cause] : "?", f->sepc,
          READ_CSR("stval"));
    if (!probing) {
        print("That was not expected. The machine stops.\n");
        sbi_call(SBI_SRST, 0, 0, 1, 0);
    }
    f->sepc = probing;
}

/* ---- Commands ---- */

static bool equal(const char *a, const char *b)
{
    while (*a && *a == *b)
        a++, b++;
    return *a == *b;
}

static uint64_t parse(const char *s)
{
    uint64_t v = 0;
    if (s[0] == '0' && s[1] == 'x')
        s += 2;
    for (; *s; s++) {
        unsigned d = *s >= '0' && *s <= '9'                 ? (unsigned)(*s - '0')
                     : (*s | 32) >= 'a' && (*s | 32) <= 'f' ? (unsigned)((*s | 32) - 'a' + 10)
                                                            : 16;
        if (d < 16)
            v = v * 16 + d;
    }
    return v;
}

/* Loads 8 bytes; false after a trap. */
static bool probe(uint64_t va, uint64_t *value)
{
    uint64_t ok;
    __asm__ volatile("   la   %1, 2f\n"
                     "   sd   %1, %2\n"
                     "   li   %1, 0\n"
                     "   ld   %0, 0(%3)\n"
                     "   li   %1, 1\n"
                     "2: \n"
                     : "=&r"(*value), "=&r"(ok), "=m"(probing)
                     : "r"(va)
                     : "memory");
    probing = 0;
    return ok;
}

static void cmd_mem(int argc, char **argv)
{
    uint64_t at = argc > 1 ? parse(argv[1]) & ~UINT64_C(7) : (uint64_t)(uintptr_t)cmd_mem & ~UINT64_C(7),
             n = argc > 2 ? parse(argv[2]) : 4, v;
    for (uint64_t i = 0; i < n; i++, at += 8) {
        if (!probe(at, &v))
            return;
        print("%016lx  %016lx  ", at, v);
        for (int b = 0; b < 8; b++) {
            char c = (char)(v >> (8 * b));
            putc(c >= ' ' && c < 127 ? c : '.');
        }
        print("\n");
    }
}

static void cmd_walk(int argc, char **argv)
{
    paging_walk(argc > 1 ? parse(argv[1]) : DEMO_VA);
}

static void cmd_harts(int argc, char **argv)
{
    static const char *const states[] = {"started",   "stopped",         "start pending", "stop pending",
                                         "suspended", "suspend pending", "resume pending"};
    (void)argc, (void)argv;
    for (uint64_t i = 0; i < MAX_HARTS; i++) {
        struct sbi_ret r = sbi_call(SBI_HSM, 2, i, 0, 0);
        if (r.error == 0)
            print("hart %lu: %s%s\n", i, r.value < 7 ? states[r.value] : "?",
                  i == boot_hart ? ", runs this shell" : "");
    }
}

static void cmd_start(int argc, char **argv)
{
    extern char _start[];
    uint64_t id = argc > 1 ? parse(argv[1]) : 1;
    struct sbi_ret r = sbi_call(SBI_HSM, 0, id, (uint64_t)(uintptr_t)_start, 0);
    if (r.error) {
        print("the firmware refuses: error -%lu\n", (uint64_t)-r.error);
        return;
    }
    while (!present[id])
        __asm__ volatile("nop");
    print("hart %lu says hello\n", id);
}

static void cmd_time(int argc, char **argv)
{
    (void)argc, (void)argv;
    uint64_t t = READ_CSR("time");
    print("time %lu (%lu.%03lu s), cycle %lu, instret %lu, timer interrupts %lu\n", t, t / 10000000, t / 10000 % 1000,
          READ_CSR("cycle"), READ_CSR("instret"), ticks);
}

static void cmd_csr(int argc, char **argv)
{
    (void)argc, (void)argv;
    print("sstatus %016lx  sie  %016lx  stvec %016lx\n", READ_CSR("sstatus"), READ_CSR("sie"), READ_CSR("stvec"));
    print("satp    %016lx  sip  %016lx\n", READ_CSR("satp"), READ_CSR("sip"));
}

static void cmd_sbi(int argc, char **argv)
{
    (void)argc, (void)argv;
    uint64_t v = sbi_call(SBI_BASE, 0, 0, 0, 0).value;
    print("SBI %lu.%lu, implementation %lx, version %lx\n", v >> 24, v & 0xffffff, sbi_call(SBI_BASE, 1, 0, 0, 0).value,
          sbi_call(SBI_BASE, 2, 0, 0, 0).value);
}

static void cmd_trap(int argc, char **argv)
{
    (void)argc, (void)argv;
    uint64_t t;
    __asm__ volatile("   la   %0, 2f\n"
                     "   sd   %0, %1\n"
                     "   .4byte 0\n"
                     "2: \n"
                     : "=&r"(t), "=m"(probing)
                     :
                     : "memory");
    probing = 0;
}

static void cmd_off(int argc, char **argv)
{
    (void)argv;
    sbi_call(SBI_SRST, 0, 0, argc > 1, 0);
}

static void cmd_reboot(int argc, char **argv)
{
    (void)argc, (void)argv;
    sbi_call(SBI_SRST, 0, 1, 0, 0);
}

static void cmd_help(int argc, char **argv);

static const struct command commands[] = {
    {"help", "", "this list", cmd_help},
    {"mem", "[ADDR [N]]", "N words of 8 bytes; hexadecimal, virtual", cmd_mem},
    {"walk", "[ADDR]", "how Sv39 translates an address", cmd_walk},
    {"harts", "", "the harts and their states", cmd_harts},
    {"start", "[N]", "start hart N", cmd_start},
    {"time", "", "the clocks", cmd_time},
    {"csr", "", "supervisor registers", cmd_csr},
    {"sbi", "", "the firmware", cmd_sbi},
    {"trap", "", "execute an illegal instruction and go on", cmd_trap},
    {"reboot", "", "start again", cmd_reboot},
    {"off", "[fail]", "switch off; with a word, as a failure", cmd_off},
};

static void cmd_help(int argc, char **argv)
{
    (void)argc, (void)argv;
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++)
        print("%-7s%-11s %s\n", commands[i].name, commands[i].args, commands[i].help);
}

/* ---- The line ---- */

static void read_line(char *line)
{
    int n = 0;
    for (;;) {
        int c = getc();
        if (c == '\r' || c == '\n')
            break;
        if ((c == 8 || c == 127) && n) {
            n--;
            print("\b \b");
        } else if (c >= ' ' && c < 127 && n < LINE - 1) {
            line[n++] = (char)c;
            putc((char)c);
        }
    }
    putc('\n');
    line[n] = 0;
}

static void run_line(char *line)
{
    char *argv[8];
    int argc = 0;
    for (char *p = line; *p && argc < 8;) {
        while (*p == ' ')
            *p++ = 0;
        if (*p)
            argv[argc++] = p;
        while (*p && *p != ' ')
            p++;
    }
    if (!argc)
        return;
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++)
        if (equal(argv[0], commands[i].name)) {
            commands[i].run(argc, argv);
            return;
        }
    print("%s: no such command; try help\n", argv[0]);
}

void kernel_main(uint64_t hart, uint64_t fdt);
void kernel_main(uint64_t hart, uint64_t fdt)
{
    enum { SIE_STIE = 1 << 5, SSTATUS_SIE = 1 << 1 };
    static char line[LINE];
    boot_hart = hart;
    device_tree = fdt;
    present[hart] = true;
    paging_start();
    SET_CSR("sie", SIE_STIE);
    SET_CSR("sstatus", SSTATUS_SIE);
    print("\nA shell in S mode, hart %lu, Sv39, device tree at %lx. Try help.\n", hart, device_tree);
    for (;;) {
        print("> ");
        read_line(line);
        run_line(line);
    }
}

void secondary_main(uint64_t hart);
void secondary_main(uint64_t hart)
{
    paging_on();
    present[hart] = true;
    for (;;)
        __asm__ volatile("wfi");
}
