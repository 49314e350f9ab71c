/* SPDX-License-Identifier: MIT */
/* Every trap arrives here, from programs and, in error or while it waits, from the kernel. */
#include "kern.h"
#include "para.h"

volatile struct para_shared para_shared __attribute__((aligned(4096)));
#define IS_AT(field, n)                                                                                                \
    _Static_assert(offsetof(struct para_shared, field) == (n), "entry.S knows another place of " #field)
IS_AT(epc, 16);
IS_AT(sp, 24);
IS_AT(kernel, 32);
IS_AT(was_enabled, 40);
IS_AT(kernel_sp, 64);
IS_AT(a6, 72);
IS_AT(a7, 80);
_Static_assert(PARA_RETURN == 7 && PARA_EXTENSION == 0x09566954, "entry.S calls something else");

void trap(struct frame *f);

void trap_init(void)
{
    csr_write(scounteren, 7); /* programs may read cycle, time and instret; the last CSR that is written */
    if (para_call(PARA_SET_TRAP, (uint64_t)trap_entry, va_pa((const void *)&para_shared), SIE_TIMER | SIE_EXTERNAL,
                  NULL) != PARA_OK)
        panic("the VMM takes no address for upcalls", NULL);
}

/* True: the time slice is over. */
static bool interrupt(uint64_t cause)
{
    switch (cause & ~CAUSE_INTERRUPT) {
    case IRQ_TIMER:
        counts.ticks++;
        uptime_set_timer();
        proc_tick();
        return true;
    case IRQ_EXTERNAL: device_interrupt(); return false;
    default: panic("an interrupt that nobody asked for", NULL);
    }
}

/* A program did what it must not: it ends, and says why. */
static _Noreturn void fatal(const struct frame *f, uint64_t cause)
{
    print("%s (process %d): %s at pc 0x%lx, address 0x%lx\n", current->name, current->pid, cause_name(cause), f->sepc,
          para_shared.tval);
    proc_exit(STATUS_FAULT + (int)cause);
}

static void exception(struct frame *f, uint64_t cause)
{
    uint64_t need = cause == CAUSE_FETCH_PAGE ? PTE_X : cause == CAUSE_LOAD_PAGE ? PTE_R : PTE_W;
    switch (cause) {
    case CAUSE_ECALL_U:
        f->sepc += 4;
        counts.calls++;
        f->x[REG_A0] = (uint64_t)syscall(f);
        break;
    case CAUSE_FETCH_PAGE:
    case CAUSE_LOAD_PAGE:
    case CAUSE_STORE_PAGE:
        if (!user_fault(current, para_shared.tval, need))
            fatal(f, cause);
        break;
    default: fatal(f, cause);
    }
}

void trap(struct frame *f)
{
    uint64_t cause = para_shared.cause;
    bool from_user = !(f->sstatus & SSTATUS_SPP);
    if (cause & CAUSE_INTERRUPT) {
        bool over = interrupt(cause);
        if (from_user && over && !current->killed)
            proc_yield();
    } else if (!from_user) {
        panic("the kernel itself made an exception", f);
    } else {
        exception(f, cause);
    }
    if (from_user && current->killed)
        proc_exit(STATUS_KILLED);
    console_flush(&console);
}
