/* SPDX-License-Identifier: MIT */
/* A kernel that dies at boot, for docs/debugging.md: it turns paging on and never says another word. */
#include <stdint.h>

enum { PTE_V = 1, PTE_R = 2, PTE_W = 4, PTE_X = 8, PTE_A = 64, PAGE = 4096 };

extern char _start[], data_start[], data_end[];

static uint64_t root[512] __attribute__((aligned(PAGE)));
static uint64_t middle[512] __attribute__((aligned(PAGE)));
static uint64_t leaves[512] __attribute__((aligned(PAGE)));
static unsigned boots;

static void put(const char *s)
{
    for (; *s; s++) {
        register uint64_t a0 __asm__("a0") = (uint64_t)*s, a6 __asm__("a6") = 2, a7 __asm__("a7") = 0x4442434e;
        register uint64_t a1 __asm__("a1");
        __asm__ volatile("ecall" : "+r"(a0), "=r"(a1) : "r"(a6), "r"(a7) : "memory");
    }
}

static void power_off(void)
{
    register uint64_t a0 __asm__("a0") = 0, a1 __asm__("a1") = 0, a6 __asm__("a6") = 0, a7 __asm__("a7") = 0x53525354;
    __asm__ volatile("ecall" : "+r"(a0), "+r"(a1) : "r"(a6), "r"(a7) : "memory");
}

static void map(uint64_t from, uint64_t to, uint64_t permissions)
{
    for (uint64_t at = from; at < to; at += PAGE)
        leaves[at / PAGE % 512] = at / PAGE << 10 | permissions | PTE_V | PTE_A;
}

static void make_tables(void)
{
    uint64_t text = (uint64_t)_start;
    root[text >> 30] = (uint64_t)middle / PAGE << 10 | PTE_V;
    middle[text >> 21 & 511] = (uint64_t)leaves / PAGE << 10 | PTE_V;
    map(text, (uint64_t)data_start, PTE_R | PTE_X);
    map((uint64_t)data_start, (uint64_t)data_end, PTE_R | PTE_W);
}

static void paging_on(void)
{
    uint64_t satp = (uint64_t)8 << 60 | (uint64_t)root / PAGE;
    __asm__ volatile("sfence.vma\n\tcsrw satp, %0\n\tsfence.vma" ::"r"(satp) : "memory");
}

static void count_boot(void)
{
    boots++;
}

void kmain(void);
void kmain(void)
{
    put("stumble: page tables are made\n");
    make_tables();
    paging_on();
    count_boot();
    put("stumble: paging is on\n");
    power_off();
}
