/* SPDX-License-Identifier: MIT */
/* M mode: give S mode what it needs, keep one page and the CLINT's interrupts, and go down. Then S mode's first steps. */
#include "kern.h"

struct boot boot;
struct cpu cpus[NHART];
struct info stats;
volatile uint32_t m_mail[NHART];

static volatile uint32_t arrived; /* harts that reached S mode */
static volatile uint32_t gate_m;  /* hart 0 has read the device tree */
static volatile uint32_t gate_s;  /* hart 0 has set the kernel up */
extern uint64_t m_save[NHART][5];

static _Noreturn void s_main(uint64_t hart);

/* Sstc: does menvcfg exist, does STCE hold, and does stimecmp exist? A trap in between is caught by m_probe_vec. */
static bool try_sstc(void)
{
    uint64_t trapped, v;
    CSR_WRITE(mtvec, m_probe_vec);
    __asm__ volatile("li t0, 0\n"
                     "csrs 0x30a, %2\n"
                     "csrr %1, 0x30a\n"
                     "csrw 0x14d, %3\n"
                     "mv %0, t0"
                     : "=&r"(trapped), "=&r"(v)
                     : "r"(MENVCFG_STCE), "r"(UINT64_C(-1))
                     : "t0", "memory");
    return !trapped && (v & MENVCFG_STCE);
}

void m_start(uint64_t hart, const void *dtb);
void m_start(uint64_t hart, const void *dtb)
{
    if (hart == 0) {
        dt_read(dtb);
        boot.asid = boot_word("asid");
        boot.sstc = !boot_word("timer=clint") && try_sstc();
        __asm__ volatile("fence rw, rw" ::: "memory");
        gate_m = 1;
    } else {
        while (!gate_m)
            ;
        __asm__ volatile("fence rw, rw" ::: "memory");
        if (boot.sstc && !try_sstc())
            hart = NHART; /* the harts differ: this one stays out, and hart 0 says so */
    }
    if (hart >= NHART)
        for (;;)
            __asm__ volatile("wfi");

    m_save[hart][2] = CLINT + 4 * hart;
    m_save[hart][3] = CLINT_CMP + 8 * hart;
    m_save[hart][4] = (uint64_t)&m_mail[hart];
    CSR_WRITE(mscratch, m_save[hart]);
    CSR_WRITE(mtvec, m_vec);

    /* Entry 0: M mode's page, nobody else's (NAPOT, 4 KiB). Entry 1: everything else is open. */
    CSR_WRITE(pmpaddr0, (uint64_t)m_private >> 2 | 0x1ff);
    CSR_WRITE(pmpaddr1, UINT64_C(0x3fffffffffffff));
    CSR_WRITE(pmpcfg0, 0x1f18);

    CSR_WRITE(medeleg, 0xb1ff); /* all but calls from S and M */
    CSR_WRITE(mideleg, IP_SSI | IP_STI | IP_SEI);
    CSR_WRITE(mcounteren, 7);
    CSR_WRITE(scounteren, 7);
    if (boot_word("adue")) { /* hardware sets A and D; without it the kernel is ready for either */
        CSR_WRITE(mtvec, m_probe_vec);
        __asm__ volatile("csrs 0x30a, %0" ::"r"(MENVCFG_ADUE) : "t0", "memory");
        CSR_WRITE(mtvec, m_vec);
    }
    CSR_WRITE(mie, IP_MSI | (boot.sstc ? 0 : IP_MTI));
    CSR_WRITE(satp, 0);
    CSR_WRITE(sie, 0);
    CSR_CLEAR(mstatus, MSTATUS_MPP);
    CSR_SET(mstatus, MSTATUS_MPP_S);
    CSR_WRITE(mepc, s_main);
    __asm__ volatile("mv a0, %0\n mret" ::"r"(hart) : "a0", "memory");
    __builtin_unreachable();
}

/* S mode, paging off, interrupts off. */
static _Noreturn void s_main(uint64_t hart)
{
    struct cpu *c = &cpus[hart];
    c->hart = (unsigned)hart;
    __asm__ volatile("mv tp, %0" ::"r"(c));
    lrsc_add(&arrived, 1);
    if (hart == 0) {
        uint64_t until = CSR_READ(time) + boot.timebase;
        console_init();
        printk("ukern: %u harts, %lu MiB, timer %s%s\n", boot.harts, boot.ram_size >> 20,
               boot.sstc ? "stimecmp" : "CLINT", boot.asid ? ", ASIDs" : "");
        while (arrived < boot.harts)
            if (CSR_READ(time) > until)
                panic("not all harts arrived", arrived);
        page_init();
        vm_init();
        vm_enter();
        proc_init();
        trap_init_hart();
        plic_init();
        plic_init_hart();
        blk_init();
        proc_first();
        __asm__ volatile("fence rw, rw" ::: "memory");
        gate_s = 1;
    } else {
        while (!gate_s)
            ;
        __asm__ volatile("fence rw, rw" ::: "memory");
        vm_enter();
        trap_init_hart();
        plic_init_hart();
    }
    timer_start();
    scheduler();
}
