/* SPDX-License-Identifier: MIT */
/* A kernel that does not know that it is a guest: Sv39, three processes in U mode, a timer. It tells what it sees. */
#include "../csr.h"

#define UART   UINT64_C(0x10000000)
#define INFO   UINT64_C(0x70000000)
#define RAM    UINT64_C(0x80000000)
#define USER   UINT64_C(0x10000)
#define STACK  UINT64_C(0x20000) /* one page, mapped when touched */
#define NOBODY UINT64_C(0x90000000)

enum { NPROCS = 3, TICK = 5000 /* 0.5 ms at 10 MHz */ };

struct frame {
    uint64_t x[32];
    uint64_t pc, status;
};

static struct process {
    struct frame f;
    uint64_t *root;
    bool over;
    uint64_t result, fault, tval;
} procs[NPROCS];

void user_run(struct frame *f);
void kernel_main(uint64_t id, const uint64_t *info);
void kernel_trapped(void);
extern char trap_entry[], user_start[], user_end[], bss_end[], user_work[], user_bad[];

static uint64_t next_page, ticks, page_faults, preempted, soft_irqs;
static uint64_t seen_cause, seen_tval; /* of the last exception in the kernel */
static bool use_stimecmp;

/* ---- two consoles: SBI's, and the UART's, whose registers are no memory at all ---- */

static void sbi_putc(char c)
{
    sbi_call(SBI_PUTCHAR, 0, (uint64_t)c, 0, 0);
}

static void uart_putc(char c)
{
    volatile uint8_t *uart = (volatile uint8_t *)UART;
    while (!(uart[5] & 0x20)) {
    }
    uart[0] = (uint8_t)c;
}

static void (*putc_now)(char) = sbi_putc;

static void put(const char *s)
{
    while (*s) {
        putc_now(*s++);
    }
}

static void put_hex(uint64_t v)
{
    for (int shift = 60; shift >= 0; shift -= 4) {
        if (v >> shift || !shift) {
            putc_now("0123456789abcdef"[v >> shift & 15]);
        }
    }
}

static void tell(const char *what, uint64_t v)
{
    put(what);
    put_hex(v);
    put("\n");
}

static void fail(const char *what, uint64_t v)
{
    tell(what, v);
    sbi_call(SBI_SRST, 0, 0, 1, 0);
}

/* ---- memory ---- */

static uint64_t page_new(void)
{
    uint64_t p = next_page;
    next_page += PAGE;
    for (uint64_t *w = (uint64_t *)p; w < (uint64_t *)(p + PAGE); w++) {
        *w = 0;
    }
    return p;
}

static void map(uint64_t *root, uint64_t va, uint64_t pa, unsigned flags)
{
    uint64_t *table = root;
    for (int shift = 30; shift > 12; shift -= 9) {
        uint64_t *pte = &table[va >> shift & 511];
        if (!*pte) {
            *pte = PA_PTE(page_new()) | PTE_V;
        }
        table = (uint64_t *)PTE_PA(*pte);
    }
    table[va >> 12 & 511] = PA_PTE(pa) | PTE_V | PTE_A | PTE_D | flags;
}

static uint64_t *new_space(uint64_t ram_size)
{
    uint64_t *root = (uint64_t *)page_new();
    map(root, UART, UART, PTE_R | PTE_W | PTE_G);
    map(root, INFO, INFO, PTE_R | PTE_W | PTE_G); /* stage one lets it write, stage two does not */
    map(root, NOBODY, NOBODY, PTE_R | PTE_W | PTE_X | PTE_G);
    for (uint64_t pa = RAM; pa < RAM + ram_size; pa += PAGE) {
        map(root, pa, pa, PTE_R | PTE_W | PTE_X | PTE_G);
    }
    for (uint64_t pa = (uint64_t)user_start, va = USER; pa < (uint64_t)user_end; pa += PAGE, va += PAGE) {
        map(root, va, pa, PTE_R | PTE_X | PTE_U);
    }
    return root;
}

static void use_space(const uint64_t *root, uint64_t asid)
{
    CSR_WRITE(satp, MODE_SV39 | asid << 44 | (uint64_t)root >> 12);
    __asm__ volatile("sfence.vma" ::: "memory");
}

/* ---- traps ---- */

static void next_tick(void)
{
    uint64_t at = CSR_READ(time) + TICK;
    if (use_stimecmp) {
        CSR_WRITE(STIMECMP, at);
    } else {
        sbi_call(SBI_TIME, 0, at, 0, 0);
    }
}

static bool interrupted(uint64_t cause)
{
    if (cause == (INTERRUPT | IRQ_STI)) {
        ticks++;
        next_tick();
    } else if (cause == (INTERRUPT | IRQ_SSI)) {
        soft_irqs++;
        CSR_CLEAR(sip, BIT(IRQ_SSI)); /* this clears hvip.VSSIP */
    } else {
        return false;
    }
    return true;
}

void kernel_trapped(void)
{
    uint64_t cause = CSR_READ(scause);
    if (interrupted(cause)) {
        return;
    }
    if (seen_cause != 0) {
        fail("guest: unexpected exception ", cause);
    }
    seen_cause = cause;
    seen_tval = CSR_READ(stval);
    CSR_WRITE(sepc, CSR_READ(sepc) + 4); /* none of the instructions that show_faults() provokes with is compressed */
}

/* An access that is expected to trap: says how. */
static void provoke(const char *what)
{
    put(what);
    put(": exception ");
    put_hex(seen_cause);
    tell(", value ", seen_tval);
    seen_cause = 0;
}

static void process_trapped(struct process *p)
{
    uint64_t cause = CSR_READ(scause), tval = CSR_READ(stval);
    if (interrupted(cause)) {
        preempted++;
    } else if (cause == CAUSE_ECALL_U) {
        p->f.pc += 4;
        if (p->f.x[17] == 1) {
            p->f.x[10] = ticks;
        } else {
            p->over = true;
            p->result = p->f.x[10];
        }
    } else if ((cause == CAUSE_STORE_PAGE || cause == CAUSE_LOAD_PAGE) && tval >> 12 == STACK >> 12) {
        page_faults++;
        map(p->root, STACK, page_new(), PTE_R | PTE_W | PTE_U);
        __asm__ volatile("sfence.vma" ::: "memory");
    } else {
        p->over = true;
        p->fault = cause;
        p->tval = tval;
    }
}

static void run_processes(uint64_t ram_size)
{
    for (unsigned i = 0; i < NPROCS; i++) {
        struct process *p = &procs[i];
        p->root = new_space(ram_size);
        p->f.pc = USER + (uint64_t)((i == 2 ? user_bad : user_work) - user_start);
        p->f.x[2] = STACK + PAGE;
        p->f.x[10] = i;
        p->f.status = (CSR_READ(sstatus) & ~(SSTATUS_SPP | SSTATUS_SIE)) | SSTATUS_SPIE;
    }
    for (unsigned over = 0; over < NPROCS;) {
        over = 0;
        for (unsigned i = 0; i < NPROCS; i++) {
            struct process *p = &procs[i];
            uint64_t before = preempted;
            use_space(p->root, i + 1);
            while (!p->over && preempted == before) { /* round robin, by the timer */
                user_run(&p->f);
                process_trapped(p);
            }
            over += p->over;
        }
    }
}

/* ---- what it shows ---- */

static void show_sbi(void)
{
    tell("guest: SBI version ", sbi_call(SBI_BASE, 0, 0, 0, 0).value);
    tell("guest: SBI implementation ", sbi_call(SBI_BASE, 1, 0, 0, 0).value);
    tell("guest: has TIME ", sbi_call(SBI_BASE, 3, SBI_TIME, 0, 0).value);
    tell("guest: no such call: error ", (uint64_t)-sbi_call(0x123, 0, 0, 0, 0).error);
    static const char text[] = "guest: a string by its guest physical address\n";
    sbi_call(SBI_DBCN, 0, sizeof(text) - 1, (uint64_t)text, 0);
}

static void show_uart(void)
{
    putc_now = uart_putc;
    put("guest: this line went through the UART, byte by byte\n");
    volatile uint8_t *uart = (volatile uint8_t *)UART;
    uart[7] = 0xa5;
    uint64_t u = uart[7];
    int64_t s;
    __asm__ volatile("lb %0, 7(%1)" : "=r"(s) : "r"(UART));
    uint64_t w;
    __asm__ volatile("mv a4, %1\n li a5, 0x37\n c.sw a5, 0(a4)\n c.lw a5, 4(a4)\n mv %0, a5"
                     : "=r"(w)
                     : "r"(UART)
                     : "a4", "a5", "memory");
    putc_now = sbi_putc;
    put("\n");
    tell("guest: UART scratch, unsigned ", u);
    tell("guest: UART scratch, signed ", (uint64_t)s);
    tell("guest: a compressed store and load of the UART ", w);
}

static void show_faults(void)
{
    __asm__ volatile(".option push\n.option norvc\n sd zero, 0(%0)\n.option pop" ::"r"(INFO) : "memory");
    provoke("guest: store to the read-only page");
    uint64_t x;
    __asm__ volatile(".option push\n.option norvc\n ld %0, 0(%1)\n.option pop" : "=r"(x) : "r"(NOBODY) : "memory");
    provoke("guest: load where there is nothing");
    __asm__ volatile(".insn r 0x73, 4, 0x36, %0, %1, x0" : "=r"(x) : "r"(RAM)); /* hlv.d */
    provoke("guest: hlv.d");
    x = CSR_READ(HSTATUS);
    provoke("guest: csrr hstatus");
}

static void show_looking(void)
{
    static volatile uint64_t word = UINT64_C(0x1122334455667788);
    uint64_t at = (uint64_t)&word;
    tell("guest: the hypervisor read ", sbi_call(SBI_HYPER, HYPER_LOOK, at, 0, 0).value);
    sbi_call(SBI_HYPER, HYPER_PATCH, at, 0x99, 0);
    tell("guest: the hypervisor wrote ", word);
    struct sbi_result r = sbi_call(SBI_HYPER, HYPER_LOOK, 0x5000, 0, 0); /* not mapped by stage one */
    tell("guest: where I have no page it got exception ", r.value);
    r = sbi_call(SBI_HYPER, HYPER_PATCH, INFO, 0, 0); /* read-only in stage two */
    tell("guest: on the read-only page it got exception ", r.value);
}

static void show_interrupts(void)
{
    CSR_WRITE(sie, BIT(IRQ_SSI) | BIT(IRQ_STI));
    CSR_SET(sstatus, SSTATUS_SIE);
    sbi_call(SBI_HYPER, HYPER_IRQ, 0, 0, 0);
    tell("guest: software interrupts from the hypervisor ", soft_irqs);
    CSR_SET(sip, BIT(IRQ_SSI));
    tell("guest: and one of my own ", soft_irqs);
    next_tick();
    while (ticks < 2) {
        __asm__ volatile("wfi");
    }
    CSR_CLEAR(sstatus, SSTATUS_SIE);
    put("guest: two ticks waited for with wfi\n");
    ticks = 0;
}

void kernel_main(uint64_t id, const uint64_t *info)
{
    next_page = (uint64_t)bss_end;
    CSR_WRITE(stvec, (uint64_t)trap_entry);
    CSR_WRITE(sscratch, 0);
    tell("guest: number ", id);
    if (info[0] != id) {
        fail("guest: the information page is another's: ", info[0]);
    }
    if (CSR_READ(time) > 1000000000) {
        fail("guest: time did not begin near 0: ", CSR_READ(time));
    }
    use_stimecmp = info[2];
    use_space(new_space(info[1]), 0);
    put("guest: paging is on\n");
    show_sbi();
    show_uart();
    show_faults();
    show_looking();
    show_interrupts();
    run_processes(info[1]);
    for (unsigned i = 0; i < NPROCS; i++) {
        tell("guest: process ", i);
        if (procs[i].fault) {
            tell("  ended by exception ", procs[i].fault);
        } else {
            tell("  result ", procs[i].result);
        }
    }
    tell("guest: page faults of processes ", page_faults);
    put(preempted >= 3 ? "guest: processes took turns\n" : "guest: processes took NO turns\n");
    put("guest: done\n");
    sbi_call(SBI_SRST, 0, 0, preempted < 3, 0);
}
