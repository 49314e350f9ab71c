/* SPDX-License-Identifier: MIT */
/* Attacks with instructions, traps and time. */
#include "hostile.h"

typedef uint64_t function(uint64_t);

static uint32_t code[2048] __attribute__((aligned(4096)));

void attack_spin(void)
{
    csr_clear(sstatus, SSTATUS_SIE);
    for (;;)
        ;
}

void attack_exits(void)
{
    const unsigned times = 100000;
    volatile uint8_t *uart_lsr = (volatile uint8_t *)BOARD_UART + 5;
    paging_on();
    for (unsigned i = 0; i < times; i++)
        csr_write(sscratch, i);
    for (unsigned i = 0; i < times; i++)
        sbi_set_timer(~UINT64_C(0));
    for (unsigned i = 0; i < times; i++)
        (void)*uart_lsr;
    for (unsigned i = 0; i < times; i++)
        sfence_all();
    for (unsigned i = 0; i < times; i++)
        (void)try(load_at, UINT64_C(0xffffffff00000000)); /* a page fault each */
    survived("5 times %u exits", times);
}

static uint64_t call_code(uint64_t arg)
{
    return ((function *)code)(arg);
}

/* csrr a0, NUMBER; ret. What is there and what is not depends on the machine, so only the end is told. */
void attack_csrs(void)
{
    unsigned there = 0, refused = 0;
    for (uint32_t n = 0; n < 4096; n++) {
        uint64_t cause;
        code[0] = n << 20 | 0x2573;
        code[1] = 0x00008067;
        fence_i();
        cause = try(call_code, 0);
        if (cause == TRY_OK)
            there++;
        else if (cause == CAUSE_ILLEGAL)
            refused++;
        else
            failed("CSR 0x%x: scause 0x%lx", n, cause);
    }
    if (there < 10 || refused < 1000 || try_value == 0x123)
        failed("%u CSRs, %u refused", there, refused);
    survived("4096 numbers");
}

void attack_jump(void)
{
    static const struct {
        uint64_t va, cause; /* cause 0: what it is depends on the machine */
    } to[] = {
        {0xffffffff00000000, CAUSE_FETCH_PAGE}, {0x0000004000000000, CAUSE_FETCH_PAGE}, {0x7fffffffffffffff, 0},
        {BOARD_UART, CAUSE_FETCH_PAGE},         {0x0000000c00000000, CAUSE_FETCH_PAGE}, {0, CAUSE_FETCH_PAGE},
    };
    paging_on(); /* devices: read and write only */
    for (unsigned i = 0; i < sizeof to / sizeof *to; i++) {
        uint64_t cause = try(run_at, to[i].va);
        if (cause == TRY_OK || (to[i].cause && cause != to[i].cause))
            failed("a jump to 0x%lx: scause 0x%lx", to[i].va, cause);
    }
    memset(code, 0, 4096); /* all zeros is no instruction */
    fence_i();
    if (try(call_code, 0) != CAUSE_ILLEGAL)
        failed("zeros were executed");
    survived("%u jumps", (unsigned)(sizeof to / sizeof *to) + 1);
}

/* Anything may come of it: the machine goes off, stops, or traps for ever. Nothing outside of it may notice. */
void attack_garbage(void)
{
    uint64_t seed = 88172645463325252u;
    char text[24];
    uint64_t given;
    if (dt_arg(&board, "seed", text, sizeof text) && str_number(text, &given))
        seed += given * UINT64_C(0x9e3779b97f4a7c15);
    astray = true;
    for (unsigned round = 0; round < 2000; round++) {
        for (unsigned i = 0; i < 512; i++) {
            seed ^= seed << 13;
            seed ^= seed >> 7;
            seed ^= seed << 17;
            code[i] = (uint32_t)(seed >> 16) | (seed & 7 ? 3 : 0); /* mostly 32-bit encodings */
        }
        fence_i();
        csr_write(sie, SIE_TIMER);
        sbi_set_timer(csr_read(time) + 10000); /* out of endless loops */
        csr_set(sstatus, SSTATUS_SIE);
        (void)try(call_code, seed);
        csr_clear(sstatus, SSTATUS_SIE);
        csr_write(stvec, trap_entry);
        csr_write(satp, 0);
    }
    survived("2000 pages of random bits");
}

void attack_stvec(void)
{
    paging_on();
    csr_write(stvec, UINT64_C(0xffffffff00000000));
    (void)*(volatile uint64_t *)UINT64_C(0x7000000000);
}

static uint64_t interrupts_on(uint64_t arg)
{
    csr_set(sstatus, SSTATUS_SIE); /* it is due at once */
    __asm__ volatile("nop\n nop");
    return arg;
}

void attack_timer(void)
{
    const unsigned times = 100000;
    csr_write(sie, SIE_TIMER);
    sbi_set_timer(0);
    for (unsigned i = 0; i < times; i++) {
        uint64_t cause = try(interrupts_on, 0);
        if (cause != (CAUSE_INTERRUPT | IRQ_TIMER))
            failed("interrupt %u: scause 0x%lx", i, cause);
    }
    survived("%u interrupts", times);
}

void attack_wfi(void)
{
    csr_write(sie, 0);
    csr_clear(sstatus, SSTATUS_SIE);
    for (;;)
        __asm__ volatile("wfi");
}

/* li a0, VALUE (lui and addiw) at the end of one page and the beginning of the next, the lui lying across the boundary */
static void write_across(uint32_t value)
{
    uint16_t *at = (uint16_t *)code + 2047; /* two bytes before the boundary */
    uint32_t lui = ((value + 0x800) & 0xfffff000) | 0x537, addi = value << 20 | 0x5051b;
    at[0] = (uint16_t)lui;
    at[1] = (uint16_t)(lui >> 16);
    at[2] = (uint16_t)addi;
    at[3] = (uint16_t)(addi >> 16);
    at[4] = 0x8082; /* ret */
    fence_i();
}

void attack_smc(void)
{
    function *f = (function *)((uint16_t *)code + 2047);
    for (unsigned paged = 0; paged < 2; paged++) {
        if (paged)
            paging_on();
        for (uint32_t i = 0; i < 20000; i++) {
            uint32_t value = i * UINT32_C(2654435761) >> 1;
            write_across(value);
            if (f(0) != value)
                failed("round %u: old code was executed after FENCE.I", i);
        }
    }
    survived("40000 pieces of code");
}
