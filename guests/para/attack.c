/* SPDX-License-Identifier: MIT */
/* para-attack.elf: a kernel behind direct paging that asks the VMM for what it must not get. -append attack=NAME; without one it tries every call that
 * can be refused, and every access that must fault, and tells what came of each. The others end the machine, or try to. */
#include "console.h"
#include "dt.h"
#include "para.h"
#include "sbi.h"
#include "text.h"

volatile struct para_shared para_shared __attribute__((aligned(4096)));
char scratch[3 * PAGE] __attribute__((aligned(4096))); /* arguments */

struct frame {
    uint64_t x[32], sepc, sstatus;
};
enum { REG_RA = 1, KERNEL = 1 << 8 };

struct board board;
static struct console console;
static volatile uint64_t trapped; /* cause + 1 of the latest exception; 0: none */
static uint64_t tree_pa;
static uint64_t wrong; /* attacks that got what they must not get */

void kernel_main(uint64_t hart, const void *tree);
_Noreturn void panic(const char *why, const struct frame *f);
void trap(struct frame *f);
void trap_entry(void);
void print(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

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

void panic(const char *why, const struct frame *f)
{
    (void)f;
    print("attack: %s\n", why);
    sbi_power_off(1);
}

/* What raised the exception is skipped; where a fetch did, the function that jumped there goes on. From a program: back to the kernel. */
void trap(struct frame *f)
{
    uint64_t cause = para_shared.cause;
    trapped = cause + 1;
    if (cause & CAUSE_INTERRUPT)
        para_call(PARA_SET_TIMER, UINT64_MAX, 0, 0, NULL);
    else if (cause == CAUSE_FETCH_PAGE || !(f->sstatus & KERNEL))
        f->sepc = f->x[REG_RA];
    else
        f->sepc += (*(const uint16_t *)f->sepc & 3) == 3 ? 4 : 2;
    f->sstatus = KERNEL;
}

/* ---- Calls ---- */

static void expect(const char *what, int64_t got, int64_t want)
{
    print("%s: %ld%s\n", what, got, got == want ? "" : "  WRONG");
    wrong += got != want;
}

static void call(const char *what, enum para_function fn, uint64_t a0, uint64_t a1, uint64_t a2, enum para_error want)
{
    expect(what, para_call(fn, a0, a1, a2, NULL), want);
}

static enum para_error update(pte_t *e, pte_t value)
{
    struct para_update *u = (struct para_update *)scratch;
    *u = (struct para_update){va_pa(e) & ~(PAGE - 1), va_pa(e) % PAGE / 8, value};
    return para_call(PARA_UPDATE, va_pa(u), 1, 0, NULL);
}

static pte_t *table; /* of an address space: kernel root */

/* The leaf that maps a page of ours at 0x10000. */
static pte_t *leaf(void)
{
    return table_walk(table, 0x10000, false);
}

static void try_calls(void)
{
    pte_t *e = leaf(), good = *e, *root = table;
    void *page = pte_page(good);
    uint64_t last = BOARD_RAM + board.ram_size;
    expect("a device's registers as a page", update(e, pte_make(BOARD_UART, PTE_V | PTE_U | PTE_R)), PARA_FOREIGN);
    expect("the VMM's own memory", update(e, pte_make(BOARD_RAM, PTE_V | PTE_U | PTE_R)), PARA_FOREIGN);
    expect("address zero", update(e, pte_make(0, PTE_V | PTE_U | PTE_R | PTE_W)), PARA_FOREIGN);
    uint64_t foreign = 0; /* a frame of the real machine that the VMM has not told us of */
    for (uint64_t pa = BOARD_RAM + (2 << 20); !foreign; pa += PAGE)
        if (!pte_is_ours(pte_make(pa, 0)))
            foreign = pa;
    expect("somebody else's frame", update(e, pte_make(foreign, PTE_V | PTE_U | PTE_R)), PARA_FOREIGN);
    expect("the same as a table", update(&root[1], pte_make(foreign, PTE_V)), PARA_FOREIGN);
    expect("our root, to be written", update(e, pte_to(root, PTE_V | PTE_U | PTE_R | PTE_W)), PARA_TYPE);
    expect("our root, to be read", update(e, pte_to(root, PTE_V | PTE_U | PTE_R)), PARA_OK);
    expect("a page for the kernel alone", update(e, pte_to(page, PTE_V | PTE_R)), PARA_BITS);
    expect("a global page", update(e, pte_to(page, PTE_V | PTE_U | PTE_R | PTE_G)), PARA_BITS);
    expect("a large page", update(&root[1], pte_to(page, PTE_V | PTE_U | PTE_R)), PARA_BITS);
    expect("a table within itself", update(&root[1], pte_to(root, PTE_V)), PARA_TYPE);
    expect("a page that we write as a table", update(&root[1], pte_to(scratch, PTE_V)), PARA_TYPE);
    expect("the shared page as a table", update(&root[1], pte_to((const void *)&para_shared, PTE_V)), PARA_TYPE);
    expect("what was there", update(e, good), PARA_OK);
    expect("an entry of no table", update((pte_t *)(void *)scratch, 0), PARA_NOT_TABLE);
    call("update, outside RAM", PARA_UPDATE, last, 1, 0, PARA_ADDRESS);
    call("update, a million", PARA_UPDATE, va_pa(scratch), 1000000, 0, PARA_TOO_MUCH);
    call("pin a page that we write", PARA_PIN, va_pa(scratch), 2, 0, PARA_TYPE);
    call("pin a root as a leaf table", PARA_PIN, va_pa(root), 0, 0, PARA_TYPE);
    call("pin outside RAM", PARA_PIN, last, 0, 0, PARA_ADDRESS);
    call("unpin what is not pinned", PARA_UNPIN, va_pa(scratch), 0, 0, PARA_NOT_TABLE);
    call("a root that is none", PARA_SET_PTR, va_pa(scratch), 0, 0, PARA_TYPE);
    call("a root in a device", PARA_SET_PTR, BOARD_UART & ~(PAGE - 1), 0, 0, PARA_ADDRESS);
    call("upcalls to a table", PARA_SET_TRAP, (uint64_t)trap_entry, va_pa(root), 0, PARA_TYPE);
    call("frames into a table", PARA_P2M, 0, 4, va_pa(root), PARA_TYPE);
    call("frames outside RAM", PARA_P2M, 0, 4, last - 8, PARA_ADDRESS);
    call("frames that there are not", PARA_P2M, board.ram_size / PAGE, 1, va_pa(scratch), PARA_INVALID);
    call("memory as a device", PARA_MMIO_WRITE, va_pa(root), 8, 0, PARA_ADDRESS);
    call("console from outside RAM", PARA_CONSOLE_WRITE, last - 1, 2, 0, PARA_ADDRESS);
    call("a call that there is not", (enum para_function)99, 0, 0, 0, PARA_NOT_SUPPORTED);
}

/* ---- Accesses ---- */

static uint64_t fault_of(void (*f)(uint64_t), uint64_t arg)
{
    trapped = 0;
    f(arg);
    return trapped - 1;
}

static __attribute__((noinline)) void store(uint64_t at)
{
    *(volatile uint64_t *)at = 0;
}
static __attribute__((noinline)) void load(uint64_t at)
{
    *(volatile uint64_t *)at;
}
static __attribute__((noinline)) void jump(uint64_t at)
{
    ((void (*)(void))at)();
}
static __attribute__((noinline)) void write_satp(uint64_t v)
{
    csr_write(satp, v);
}
static __attribute__((noinline)) void read_sstatus(uint64_t v)
{
    (void)v;
    (void)csr_read(sstatus);
}
static __attribute__((noinline)) void sret(uint64_t v)
{
    (void)v;
    __asm__ volatile("sret");
}

/* Returns to a program at 0x10000, behind the user's root; the upcall that ends it comes back here. */
static uint64_t run_program(const uint32_t *code, unsigned words)
{
    pte_t *e = leaf();
    uint32_t *page = pte_page(*e);
    static uint64_t saved[16] __attribute__((used));
    memcpy(page, code, words * sizeof *code);
    fence_i();
    trapped = 0;
    para_shared.kernel = 0;
    para_shared.epc = 0x10000;
    para_shared.was_enabled = 1;
    para_shared.a7 = 0;
    /* The program gets our registers, ra among them; sp comes back from kernel_sp. */
    __asm__ volatile("la t0, 1f\n mv ra, t0\n la t1, para_shared\n sd sp, 64(t1)\n sd sp, 24(t1)\n li a6, 7\n li a7, "
                     "0x09566954\n ecall\n 1:\n"
                     :
                     :
                     : "ra", "t0", "t1", "t2", "t3", "t4", "t5", "t6", "a0", "a1", "a2", "a3", "a4", "a5", "a6", "a7",
                       "memory");
    return trapped - 1;
}

static void try_accesses(void)
{
    static const uint32_t touch_kernel[] = {0xfff00513 /* li a0, -1 */,
                                            0x02651513 /* slli a0, a0, 38: the kernel's half */,
                                            0x00053503 /* ld a0, (a0) */},
                          make_ecall[] = {0x095678b7, 0x9548889b /* a7 = the extension */,
                                          0x00d00813 /* a6 = shutdown */, 0x00000073},
                          read_satp[] = {0x18002573};
    expect("store to a root", (int64_t)fault_of(store, (uint64_t)table), 15);
    expect("store to the kernel's text", (int64_t)fault_of(store, (uint64_t)trap_entry), 15);
    expect("load from a device", (int64_t)fault_of(load, (uint64_t)pa_va(BOARD_UART)), 13);
    expect("jump to data", (int64_t)fault_of(jump, (uint64_t)scratch), 12);
    expect("write satp", (int64_t)fault_of(write_satp, 0), 2);
    expect("read sstatus", (int64_t)fault_of(read_sstatus, 0), 2);
    expect("sret", (int64_t)fault_of(sret, 0), 2);
    expect("a program reads the kernel", (int64_t)run_program(touch_kernel, 3), 13);
    expect("a program makes a hypercall", (int64_t)run_program(make_ecall, 4), 8);
    expect("a program reads satp", (int64_t)run_program(read_satp, 1), 2);
}

/* ---- What ends the machine ---- */

static void firmware(uint64_t extension, uint64_t function, uint64_t arg0, uint64_t arg1, uint64_t arg2)
{
    register uint64_t a0 __asm__("a0") = arg0;
    register uint64_t a1 __asm__("a1") = arg1;
    register uint64_t a2 __asm__("a2") = arg2;
    register uint64_t a6 __asm__("a6") = function;
    register uint64_t a7 __asm__("a7") = extension;
    __asm__ volatile("ecall" : "+r"(a0), "+r"(a1) : "r"(a2), "r"(a6), "r"(a7) : "memory");
}

static void attack(const char *name)
{
    enum { DBCN = 0x4442434e, WARM_REBOOT = 2, SUSPEND = 3 };
    const uint64_t lose_all = 0x80000000, start = 0x80200000;
    uint64_t *mark = pa_va(BOARD_RAM + board.ram_size - (8 << 20)); /* outlives a reset */
    if (strcmp(name, "dma") == 0) { /* the firmware's console writes a key into a table for us */
        firmware(DBCN, 1, 1, va_pa(table), 0);
    } else if (strcmp(name, "vector") == 0) {
        para_call(PARA_SET_TRAP, 0x40000000, va_pa((const void *)&para_shared), 0, NULL);
        store(0);
    } else if (strcmp(name, "wipe") == 0) {
        table_load(table);
        for (unsigned i = 256; i < 512; i++)
            update(&table[i], 0);
    } else if (strcmp(name, "return") == 0) { /* for ever to the call itself */
        para_shared.kernel = 1;
        para_shared.a6 = PARA_RETURN;
        para_shared.a7 = PARA_EXTENSION;
        __asm__ volatile("la t1, para_shared\n la t0, 1f\n sd t0, 16(t1)\n sd sp, 24(t1)\n li a6, 7\n li a7, "
                         "0x09566954\n 1: ecall" ::
                             : "memory");
    } else if (strcmp(name, "flood") == 0) {
        for (uint64_t i = 0;; i++)
            update(leaf(), i & 1 ? 0 : pte_to(pa_va(BOARD_RAM + (4 << 20)), PTE_V | PTE_U | PTE_R));
    } else if (strcmp(name, "reset") == 0) {
        print("before: mark %lu\n", *mark);
        if (*mark == 1)
            sbi_power_off(0);
        *mark = 1;
        sbi_call(SBI_RESET, 0, WARM_REBOOT, 0);
    } else if (strcmp(name, "suspend") == 0) { /* and resume at the physical address where it all began */
        print("before: mark %lu\n", *mark);
        if (*mark == 1)
            sbi_power_off(0);
        *mark = 1;
        para_call(PARA_SET_TIMER, csr_read(time) + 1000, 0, 0, NULL);
        firmware(SBI_HSM, SUSPEND, lose_all, start, tree_pa);
    }
    panic("nothing came of it", NULL);
}

void kernel_main(uint64_t hart, const void *tree)
{
    void *page;
    char name[16];
    (void)hart;
    tree_pa = va_pa(tree);
    dt_read(tree, &board);
    console.reg = pa_va(BOARD_UART);
    call("pin before the tables are handed over", PARA_PIN, va_pa(scratch), 0, 0, PARA_STATE);
    call("tables before upcalls", PARA_SET_PTR, va_pa(scratch), 0, 0, PARA_STATE);
    if (para_call(PARA_SET_TRAP, (uint64_t)trap_entry, va_pa((const void *)&para_shared), SIE_TIMER, NULL) != PARA_OK)
        panic("no upcalls", NULL);
    pages_init(board.ram_size, BOARD_RAM + board.ram_size - (16 << 20));
    table = table_new();
    page = page_new();
    pte_set(table_walk(table, 0x10000, true), pte_to(page, PTE_V | PTE_U | PTE_R | PTE_X));
    table_load(table);
    if (dt_arg(&board, "attack", name, sizeof name))
        attack(name);
    try_calls();
    try_accesses();
    print("attack: %lu went wrong\n", wrong);
    sbi_power_off(wrong != 0);
}
