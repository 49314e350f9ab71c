/* SPDX-License-Identifier: MIT */
/* Start, messages, and the end. */
#include "kern.h"
#include "para.h"
#include "sbi.h"

struct board board;
struct console console;
struct counts counts;

static void put(void *ctx, char c)
{
    console_put(ctx, c);
}

void print(const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    format(put, &console, fmt, ap);
    va_end(ap);
}

/* A kernel that follows a wild pointer has nobody to turn to: everything in it may be wrong by now. */
void panic(const char *why, const struct frame *f)
{
    static const char *const name[32] = {"",   "ra", "sp", "gp", "tp",  "t0",  "t1", "t2", "s0", "s1", "a0",
                                         "a1", "a2", "a3", "a4", "a5",  "a6",  "a7", "s2", "s3", "s4", "s5",
                                         "s6", "s7", "s8", "s9", "s10", "s11", "t3", "t4", "t5", "t6"};
    para_shared.enabled = 0;
    print("\nKERNEL PANIC: %s\n", why);
    if (f) {
        uint64_t cause = para_shared.cause;
        print("  cause %lu (%s)  tval 0x%lx  epc 0x%lx  status 0x%lx\n", cause, cause_name(cause), para_shared.tval,
              f->sepc, f->sstatus);
        for (int i = 1; i < 32; i++)
            print("%s%-3s 0x%016lx%s", i % 4 == 1 ? "  " : "", name[i], f->x[i], i % 4 == 0 || i == 31 ? "\n" : "  ");
    }
    if (current)
        print("  in the kernel on behalf of process %d (%s)\n", current->pid, current->name);
    print("The machine stops.\n");
    sbi_power_off(1);
}

/* The next tick: by the hart's own register where it has one, else by the firmware, which has the machine's. */
void uptime_set_timer(void)
{
    para_call(PARA_SET_TIMER, csr_read(time) + board.timebase / HZ, 0, 0, NULL);
}

/* The first process; a name after -append init= replaces the shell. */
static void start_init(void)
{
    static const struct file out = {.kind = FILE_CONSOLE, .write = true};
    char path[FS_NAME] = "sh";
    char args[ARGS_MAX];
    int error;
    dt_arg(&board, "init", path, sizeof path);
    str_copy(args, path, sizeof args);
    error = proc_spawn(path, args, strlen(args) + 1, &out);
    if (error < 0) {
        print("mono: cannot start %s: error %d\n", path, error);
        panic("no first process", NULL);
    }
}

static void sbi_print(const char *s)
{
    while (*s)
        sbi_putchar(*s++);
}

void kernel_main(uint64_t hart, const void *tree);
void kernel_main(uint64_t hart, const void *tree)
{
    (void)hart;
    dt_read(tree, &board);
    console.reg = pa_va(BOARD_UART);
    if (para_call(PARA_FEATURES, 0, 0, 0, NULL) != PARA_OK) {
        sbi_print("para: this kernel needs a VMM with hypercalls: vitrine run --vmm para\n");
        sbi_power_off(1);
    }
    trap_init();
    memory_init();
    print("mono: a monolithic kernel, %lu MiB of memory\n", board.ram_size >> 20);
    device_init();
    proc_init();
    start_init();
    uptime_set_timer();
    proc_schedule();
}
