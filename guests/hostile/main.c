/* SPDX-License-Identifier: MIT */
/* One attack, named by the boot argument attack=NAME. Each says first how it should end. */
#include "hostile.h"

struct board board;
bool astray; /* random bits have been executed: what comes afterwards says nothing about the machine */

static const struct attack {
    const char *name;
    void (*run)(void);
    const char *expected;
} attacks[] = {
    {"spin", attack_spin, "never, but for the time it is given: it computes with interrupts off"},
    {"exits", attack_exits, "off, after 100000 of each thing that a monitor has to see"},
    {"csrs", attack_csrs, "off, after it has read all 4096 CSR numbers"},
    {"memory", attack_memory, "off, after stores to everywhere that is not its own"},
    {"dma", attack_dma, "off, after disk requests to everywhere that is not its own"},
    {"ipi", attack_ipi, "off: calls to harts that are not there wake nobody"},
    {"firmware", attack_firmware, "off: calls to the firmware with bad pointers and numbers are refused"},
    {"timer", attack_timer, "off, after 100000 timer interrupts that are always due"},
    {"wfi", attack_wfi, "never: it waits, and nothing can wake it"},
    {"stvec", attack_stvec, "never: its trap handler is at an address that is not mapped"},
    {"jump", attack_jump, "off, after jumps to where no code is"},
    {"garbage", attack_garbage, "somehow: it executes random bits"},
    {"smc", attack_smc, "off, after rewriting its own code across a page boundary"},
    {"wipe", attack_wipe, "never: its page table is gone while it runs on it"},
    {"satp-nothing", attack_satp_nothing, "never: its page table is where nothing is"},
    {"satp-mmio", attack_satp_mmio, "never: its page table is the serial port"},
    {"satp-last", attack_satp_last, "never: its page table is the last page of its memory, and empty"},
    {"satp-end", attack_satp_end, "never: its page table begins where its memory ends"},
    {"self", attack_self, "never: each entry of its page table points at the table itself"},
    {"recursive", attack_recursive, "off: a table that contains itself is allowed, and works"},
    {"shadows", attack_shadows, "off, after touching 65536 pages by the entries of three tables"},
    {"roots", attack_roots, "off, after 20000 changes between 64 page tables"},
    {"nofence", attack_nofence, "off: without SFENCE.VMA the old or the new page, after it the new one"},
};

static void put(void *ctx, char c)
{
    (void)ctx;
    if (c == '\n')
        sbi_putchar('\r');
    sbi_putchar(c);
}

void print(const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    format(put, NULL, fmt, ap);
    va_end(ap);
}

void survived(const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    format(put, NULL, fmt, ap);
    va_end(ap);
    print("\nhostile: off\n");
    sbi_power_off(0);
}

void failed(const char *fmt, ...)
{
    va_list ap;
    if (astray) {
        print("hostile: went astray\n");
        sbi_power_off(0);
    }
    va_start(ap, fmt);
    format(put, NULL, fmt, ap);
    va_end(ap);
    print("\nhostile: THE MACHINE DID WHAT IT MUST NOT\n");
    sbi_power_off(1);
}

_Noreturn void unexpected_trap(uint64_t cause, uint64_t tval, uint64_t epc);
void unexpected_trap(uint64_t cause, uint64_t tval, uint64_t epc)
{
    failed("a trap where none belongs: scause 0x%lx (%s), stval 0x%lx, sepc 0x%lx", cause, cause_name(cause), tval,
           epc);
}

_Noreturn void hostile_main(uint64_t hart, const void *tree);
void hostile_main(uint64_t hart, const void *tree)
{
    char name[24] = "";
    (void)hart;
    dt_read(tree, &board);
    dt_arg(&board, "attack", name, sizeof name);
    for (const struct attack *a = attacks; a < attacks + sizeof attacks / sizeof *attacks; a++) {
        if (strcmp(a->name, name) == 0) {
            print("hostile: %s. It ends %s.\n", name, a->expected);
            a->run();
            failed("the attack came back");
        }
    }
    print("hostile: give -append attack=NAME, with one of\n");
    for (const struct attack *a = attacks; a < attacks + sizeof attacks / sizeof *attacks; a++)
        print("  %-13s ends %s\n", a->name, a->expected);
    sbi_power_off(0);
}
