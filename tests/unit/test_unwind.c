/* SPDX-License-Identifier: MIT */
/* Backtraces: a program is stepped through, and at every instruction the chain is what its calls and returns say; with call frame information,
 * without it, with frame pointers, without symbols; across a trap; and with memory that holds nonsense. */
#include <inttypes.h>

#include "cpu/decode.h"
#include "cpu/hart.h"
#include "cpu/isa.h"
#include "cross.h"
#include "dev/bus.h"
#include "load.h"
#include "machine.h"
#include "monitor/debug/disasm.h"
#include "monitor/debug/unwind.h"

Suite *unwind_suite(void);

/* Calls of all kinds: deep, recursive, by pointers, last calls, early returns, large frames; then a trap, whose handler calls too. */
static const char program[] =
    "volatile long sink; volatile long big_index;\n"
    "#define NOINLINE __attribute__((noinline))\n"
    "NOINLINE long leaf(long a) { return a * 3 + sink; }\n"
    "NOINLINE long middle(long a, long b) { long t = leaf(a); sink += t; return leaf(b) + t; }\n"
    "NOINLINE long early(long a) { if (a < 3) return a; sink += leaf(a); return middle(a, a + 1); }\n"
    "NOINLINE long fib(long n) { return n < 2 ? n : fib(n - 1) + fib(n - 2); }\n"
    "NOINLINE long large(long n) { volatile long v[900]; for (long i = 0; i < 5; i++) v[i + big_index] = middle(i, n); "
    "return v[3]; }\n"
    "NOINLINE long many(long a, long b, long c, long d) {\n"
    "    long w = leaf(a), x = leaf(b), y = leaf(c), z = leaf(d);\n"
    "    for (long i = 0; i < 3; i++) { w += leaf(x); x += leaf(y); y += leaf(z); z += leaf(w + i); }\n"
    "    return w + x + y + z; }\n"
    "long (*volatile pointer)(long) = early;\n"
    "NOINLINE long last(long a) { sink++; return early(a + 5); }\n"
    "NOINLINE long choose(long a) { switch (a) { case 0: return leaf(1); case 1: return middle(1, 2); case 2: return "
    "fib(3);\n"
    "    case 3: return early(1); case 4: return last(2); case 5: return many(1, 2, 3, 4); case 6: return pointer(9); "
    "}\n"
    "    return large(a); }\n"
    "NOINLINE long handle(long cause) { return middle(cause, sink); }\n"
    "NOINLINE long trapping(long a) { long t = leaf(a); __asm__ volatile(\"ebreak\" ::: \"memory\"); return t + "
    "leaf(t); }\n"
    "NOINLINE long outer(long a) { return trapping(a) + leaf(a); }\n"
    "long go(void) { for (long i = 0; i < 9; i++) sink += choose(i); sink += outer(4); return 0; }\n";

static const char start[] =
    ".text\n"
    ".globl _start\n"
    ".type _start,@function\n"
    "_start:\n"
    "    .cfi_startproc\n"
    "    .cfi_undefined ra\n"
    ".option push\n"
    ".option norelax\n"
    "    la gp, __global_pointer$\n" /* a linker may use it for what is near */
    ".option pop\n"
    "    la sp, stack_top\n"
    "    la t0, trap_vector\n"
    "    csrw mtvec, t0\n"
    "    la t0, save_area\n"
    "    csrw mscratch, t0\n"
    "    call go\n"
    "    .globl done\n"
    "done: j done\n"
    "    .cfi_endproc\n"
    ".size _start, .-_start\n"
    ".text\n"
    ".balign 64\n"
    ".globl trap_vector\n"
    ".type trap_vector,@function\n"
    "trap_vector:\n"
    "#ifdef WITH_SCRATCH\n"
    "    csrrw sp, mscratch, sp\n"
    "    sd ra, 8(sp)\n"
    "    .irp n, 3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31\n"
    "    sd x\\n, 8*\\n(sp)\n"
    "    .endr\n"
    "    csrr t0, mscratch\n"
    "    sd t0, 16(sp)\n"
    "    csrw mscratch, sp\n"
    "    csrr t1, mepc\n"
    "    sd t1, 0(sp)\n"
    "    mv s0, sp\n"
    "    la sp, trap_stack_top\n"
    "    csrr a0, mcause\n"
    "    call handle\n"
    "    mv sp, s0\n"
    "    ld t1, 0(sp)\n"
    "    addi t1, t1, 2\n"
    "    csrw mepc, t1\n"
    "    ld ra, 8(sp)\n"
    "    .irp n, 3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31\n"
    "    ld x\\n, 8*\\n(sp)\n"
    "    .endr\n"
    "    ld sp, 16(sp)\n"
    "    mret\n"
    "#else\n"
    "    addi sp, sp, -256\n"
    "    sd ra, 8(sp)\n"
    "    .irp n, 5,6,7,10,11,12,13,14,15,16,17,28,29,30,31\n"
    "    sd x\\n, 8*\\n(sp)\n"
    "    .endr\n"
    "    csrr a0, mcause\n"
    "    call handle\n"
    "    csrr t1, mepc\n"
    "    addi t1, t1, 2\n"
    "    csrw mepc, t1\n"
    "    ld ra, 8(sp)\n"
    "    .irp n, 5,6,7,10,11,12,13,14,15,16,17,28,29,30,31\n"
    "    ld x\\n, 8*\\n(sp)\n"
    "    .endr\n"
    "    addi sp, sp, 256\n"
    "    mret\n"
    "#endif\n"
    ".size trap_vector, .-trap_vector\n"
    ".bss\n"
    ".balign 16\n"
    "save_area: .zero 256\n"
    "    .zero 16384\n"
    "trap_stack_top:\n"
    "    .zero 65536\n"
    "stack_top:\n";

static const struct variant {
    const char *flags;
    const char *after; /* a tool to be run on the result; NULL: none */
    /* strict: right at every instruction. Not so inside libgcc's __riscv_save_*, whose call frame information leaves out where ra is. */
    bool cfi, symbols, strict;
} variants[] = {
    {"-O0 -g", NULL, true, true, true},
    {"-O2 -g", NULL, true, true, true},
    {"-Os -g -msave-restore", NULL, true, true, false},
    {"-O2 -g -DWITH_SCRATCH", NULL, true, true, true},
    {"-O2 -fasynchronous-unwind-tables", NULL, true, true, true},
    {"-O0", NULL, false, true, true},
    {"-O1", NULL, false, true, true},
    {"-O2", NULL, false, true, true},
    {"-Os -DWITH_SCRATCH", NULL, false, true, true},
    {"-O1 -fno-omit-frame-pointer", NULL, false, true, true},
    {"-O1", "strip prog.elf", false, false, true},
    {"-O2", "strip prog.elf", false, false, true},
    {"-O2 -DWITH_SCRATCH", "strip prog.elf", false, false, true},
};

static struct bus *the_bus;

static bool read_memory(void *ctx, uint64_t addr, unsigned size, uint64_t *v)
{
    (void)ctx;
    *v = 0;
    return bus_dma_read(the_bus, addr, v, size);
}

/* The true chain: return addresses, pushed by calls and traps and popped by what goes back to them. */
struct truth {
    uint64_t pc[64]; /* where each goes on; for a trap: the pc that trapped */
    bool trap[64];
    unsigned n;
};

static char dir[64], elf[128];

static bool in_start(uint64_t pc)
{
    return pc >= 0x80001000 && pc < 0x80001040;
}

static struct machine *boot(const struct variant *v)
{
    char cmd[512];
    struct err e = {""};
    cross_dir(dir);
    cross_write(dir, "prog.c", program);
    cross_write(dir, "start.S", start);
    snprintf(cmd, sizeof cmd,
             "gcc %s %s -misa-spec=2.2 -march=rv64imac -mabi=lp64 -mcmodel=medany -ffreestanding -nostdlib -static "
             "-Wl,-e,_start "
             "-Wl,-Ttext=0x80001000 -Wl,--build-id=none "
             "-Wl,--no-warn-rwx-segments start.S prog.c "
             "-lgcc -o prog.elf",
             v->flags, strstr(v->flags, "tables") || v->cfi ? "" : "-fno-asynchronous-unwind-tables");
    cross_run(dir, cmd);
    if (!v->cfi) /* what start.S and libgcc have */
        cross_run(dir, "objcopy --remove-section=.eh_frame --remove-section=.debug_frame prog.elf");
    if (v->after)
        cross_run(dir, v->after);
    snprintf(elf, sizeof elf, "%s/prog.elf", dir);
    struct machine_options o;
    machine_options_default(&o);
    o.kernel = elf;
    o.bios = "none";
    o.ram_size = 16 << 20;
    o.quiet = true;
    o.serial = "none";
    struct machine *m = machine_new(&o, &e);
    ck_assert_msg(m != NULL, "%s", e.text);
    the_bus = machine_bus(m);
    return m;
}

static struct decode_table *decoder;

static void follow(struct truth *t, const struct hart *h, uint64_t pc, uint64_t traps)
{
    uint64_t raw = 0;
    ck_assert(bus_dma_read(the_bus, pc, &raw, 4));
    struct insn i = decode(decoder, (uint32_t)raw);
    if (h->traps != traps) {
        t->trap[t->n] = true;
        t->pc[t->n++] = pc;
    } else if (i.id == INSN_mret) {
        t->n--;
    } else if ((i.id == INSN_jal || i.id == INSN_jalr) && i.rd == 1) {
        t->trap[t->n] = false;
        t->pc[t->n++] = pc + i.len;
    } else if (i.id == INSN_jalr && !i.rd && i.rs1 == 1) {
        ck_assert_uint_eq(t->pc[--t->n], h->pc);
    }
    ck_assert_uint_lt(t->n, ARRAY_LEN(t->pc));
}

/* Compares; false: the unwinder's chain is not the true one. */
static bool same_chain(const struct truth *t, const struct unwind_frame *v, unsigned n)
{
    if (n != t->n + 1)
        return false;
    for (unsigned k = 1; k < n; k++)
        /* A trap's handler may have moved mepc behind the ebreak already. */
        if ((v[k].pc != t->pc[t->n - k] && !(t->trap[t->n - k] && v[k].pc == t->pc[t->n - k] + 2)) ||
            (v[k].how == UNWIND_TRAP) != t->trap[t->n - k])
            return false;
    return true;
}

START_TEST(every_instruction)
{
    const struct variant *v = &variants[_i];
    if (!cross_has("gcc"))
        return;
    struct machine *m = boot(v);
    struct hart *h = machine_hart(m, 0);
    struct source *s = source_new();
    struct err e;
    struct machine_result r;
    struct truth t = {.n = 0};
    static struct unwind_frame frames[UNWIND_FRAMES];
    unsigned steps = 0, wrong = 0, traps = 0, deepest = 0;
    ck_assert(!source_add(s, elf, 0, &e));
    decoder = decode_table_new(&h->isa);
    machine_run(m, 4, &r);
    while (!in_start(h->pc))
        machine_run(m, 1, &r);
    for (;; steps++) {
        uint64_t pc = h->pc, taken = h->traps, raw = 0;
        ck_assert(bus_dma_read(the_bus, pc, &raw, 4));
        if (in_start(pc) && (raw & 0xffff) == 0xa001) /* done: j done */
            break;
        struct unwind_env env = {.read = read_memory, .source = s, .symbols = v->symbols ? machine_symbols(m) : NULL};
        char why[200] = "";
        unwind_env_hart(&env, h);
        unsigned n = unwind(&env, frames, UNWIND_FRAMES, why, sizeof why);
        ck_assert(n && frames[0].pc == pc && *why);
        /* Inside _start there is no caller to be found, and before the stack is there, nothing. */
        if (!in_start(pc) && !same_chain(&t, frames, n)) {
            if (wrong++ < 5 && v->strict) {
                fprintf(stderr, "%s %s: step %u at 0x%" PRIx64 ", %u frames of %u: %s\n", v->flags,
                        v->after ? v->after : "", steps, pc, n, t.n + 1, why);
                for (unsigned k = 0; k < n && k < 12; k++) {
                    char text[400];
                    unwind_line(&frames[k], k, text, sizeof text);
                    fprintf(stderr, "  %s, truly 0x%" PRIx64 "\n", text, k && k <= t.n ? t.pc[t.n - k] : pc);
                }
            }
        }
        machine_run(m, 1, &r);
        ck_assert_int_eq(r.end, MACHINE_BUDGET);
        if (h->traps != taken)
            traps++;
        follow(&t, h, pc, taken);
        deepest = t.n > deepest ? t.n : deepest;
        ck_assert_uint_lt(steps, 20000);
    }
    ck_assert_uint_gt(steps, 800);
    ck_assert_uint_eq(traps, 1);
    ck_assert_uint_gt(deepest, 4);
    ck_assert_msg(v->strict ? !wrong : wrong < steps / 20, "%u of %u", wrong, steps);
    decode_table_free(decoder);
    source_free(s);
    machine_free(m);
    cross_clean(dir);
}
END_TEST

/* ---- What cannot be believed ---- */

static uint64_t random_state;
static uint32_t next_random(void)
{
    random_state = random_state * UINT64_C(6364136223846793005) + 1442695040888963407u;
    return (uint32_t)(random_state >> 32);
}

/* Memory from 0x80000000 on: the same nonsense each time, of numbers that look like addresses here. */
static bool read_nonsense(void *ctx, uint64_t addr, unsigned size, uint64_t *v)
{
    const uint64_t *memory = ctx;
    if (addr < 0x80000000 || addr - 0x80000000 > (1 << 16) - size)
        return false;
    *v = 0;
    memcpy(v, (const uint8_t *)memory + (addr - 0x80000000), size);
    return true;
}

/* Whatever memory, registers and debug information say, the chain ends, with a reason. */
START_TEST(nonsense)
{
    enum { ROUNDS = 1500 };
    static uint64_t memory[1 << 13];
    static struct unwind_frame frames[UNWIND_FRAMES];
    struct err e;
    char path[128] = "";
    struct file_data good = {NULL, 0};
    random_state = 5;
    if (cross_has("gcc")) {
        machine_free(boot(&variants[1]));
        ck_assert(!file_read(elf, &good, &e));
        snprintf(path, sizeof path, "%s/bad.elf", dir);
    }
    for (unsigned k = 0; k < ROUNDS; k++) {
        struct source *s = k % 3 ? NULL : source_new();
        if (s && good.data) {
            uint8_t *bad = malloc(good.size);
            memcpy(bad, good.data, good.size);
            for (unsigned c = next_random() % 40; c; c--)
                bad[64 + next_random() % (good.size - 64)] = (uint8_t)next_random();
            FILE *f = fopen(path, "wb");
            ck_assert(f && fwrite(bad, 1, good.size, f) == good.size && !fclose(f));
            (void)!source_add(s, path, 0, &e);
            free(bad);
        }
        for (size_t i = 0; i < ARRAY_LEN(memory); i++) /* addresses, calls and returns, anything */
            memory[i] = next_random() % 3   ? 0x80000000 + (next_random() & 0xfff8)
                        : next_random() % 2 ? UINT64_C(0x000080e78082640a) ^ (uint64_t)(next_random() & 1) << 40
                                            : (uint64_t)next_random() << 32 | next_random();
        struct unwind_env env = {.ctx = memory, .read = read_nonsense, .source = s};
        env.pc = 0x80000000 + (next_random() & 0xfffe);
        for (unsigned r = 1; r < 32; r++)
            env.x[r] = next_random() % 4 ? 0x80000000 + (next_random() & 0xfff8) : (uint64_t)next_random() << 32;
        env.trap[0] = (struct unwind_trap){0x80000000 + (next_random() & 0xfffc), 0x80000000 + (next_random() & 0xfffe),
                                           0x80000000 + (next_random() & 0xfff8), k & 1 ? "sepc" : NULL};
        char why[200] = "";
        unsigned max = k % 5 ? UNWIND_FRAMES : 1 + k % 7, n = unwind(&env, frames, max, why, sizeof why);
        ck_assert(n >= 1 && n <= max && *why && frames[0].pc == env.pc);
        source_free(s);
    }
    if (good.data) {
        file_release(&good);
        cross_clean(dir);
    }
}
END_TEST

/* A frame pointer that points to itself, in code that is nothing but calls. */
START_TEST(circle)
{
    static uint64_t memory[1 << 13];
    static struct unwind_frame frames[UNWIND_FRAMES];
    char why[200] = "", text[200];
    for (size_t i = 0; i < ARRAY_LEN(memory); i++)
        memory[i] = UINT64_C(0x000080e7000080e7); /* jalr ra */
    memory[0x1000 / 8 - 1] = 0x80000100;
    memory[0x1000 / 8 - 2] = 0x80001000;
    struct unwind_env env = {.ctx = memory, .read = read_nonsense, .pc = 0x80000200};
    env.x[2] = 0x80000f00;
    env.x[8] = 0x80001000;
    unsigned n = unwind(&env, frames, UNWIND_FRAMES, why, sizeof why);
    ck_assert_uint_le(n, 3);
    ck_assert_int_eq(frames[1].how, UNWIND_FP);
    ck_assert_uint_eq(frames[1].pc, 0x80000100);
    ck_assert_str_ne(why, "");
    unwind_line(&frames[1], 1, text, sizeof text);
    ck_assert_str_eq(text, "#1  0x0000000080000100 in ?, by fp");
    /* No more than asked for, and it says that there were more. */
    ck_assert_uint_eq(unwind(&env, frames, 1, why, sizeof why), 1);
    ck_assert_ptr_nonnull(strstr(why, "more than 1 frames"));
}
END_TEST

Suite *unwind_suite(void)
{
    Suite *s = suite_create("unwind");
    TCase *t = tcase_create("unwind");
    tcase_set_timeout(t, 120);
    tcase_add_loop_test(t, every_instruction, 0, ARRAY_LEN(variants));
    tcase_add_test(t, nonsense);
    tcase_add_test(t, circle);
    suite_add_tcase(s, t);
    return s;
}
