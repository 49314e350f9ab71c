/* SPDX-License-Identifier: MIT */
/* Start, messages, and the end. */
#include "kern.h"
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
    csr_clear(sstatus, SSTATUS_SIE);
    print("\nKERNEL PANIC: %s\n", why);
    if (f) {
        uint64_t cause = csr_read(scause);
        print("  scause %lu (%s)  stval 0x%lx  sepc 0x%lx  sstatus 0x%lx  satp 0x%lx\n", cause, cause_name(cause),
              csr_read(stval), f->sepc, f->sstatus, csr_read(satp));
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
    uint64_t at = csr_read(time) + board.timebase / HZ;
    if (board.sstc)
        csr_write(0x14d, at); /* stimecmp; not all assemblers know the name */
    else
        sbi_set_timer(at);
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

void kernel_main(uint64_t hart, const void *tree);
void kernel_main(uint64_t hart, const void *tree)
{
    (void)hart;
    dt_read(tree, &board);
    console.reg = pa_va(BOARD_UART);
    memory_init();
    trap_init();
    print("mono: a monolithic kernel, %lu MiB of memory\n", board.ram_size >> 20);
    device_init();
    proc_init();
    start_init();
    uptime_set_timer();
    proc_schedule();
}
