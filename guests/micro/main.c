/* SPDX-License-Identifier: MIT */
/* Start, traps, and the calls that are not IPC. */
#include "elf.h"
#include "kern.h"
#include "sbi.h"

struct board board;
struct counters counters;

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

void panic(const char *why, const struct frame *f)
{
    print("\nKERNEL PANIC: %s\n", why);
    if (f)
        print("  scause 0x%lx (%s)  stval 0x%lx  sepc 0x%lx  ra 0x%lx  sp 0x%lx\n", csr_read(scause),
              cause_name(csr_read(scause)), csr_read(stval), f->sepc, f->x[1], f->x[REG_SP]);
    print("The machine stops.\n");
    sbi_power_off(1);
}

/* A new thread in the caller's space or, for the privileged, in one of its own. */
static uint64_t sys_thread_new(struct thread *t)
{
    const uint64_t *a = &t->frame.x[REG_A0];
    struct space *s = t->space;
    struct thread *made;
    if (a[0] != SPACE_OWN) {
        if (!t->space->privileged || !(s = space_new(a[0] == SPACE_NEW_PRIVILEGED)))
            return TID_NONE;
    }
    made = thread_new(s, a[1], a[2], a[3]);
    if (!made) {
        if (s != t->space)
            space_free(s);
        return TID_NONE;
    }
    made->creator = t->id;
    for (unsigned i = 0; i < 3; i++)
        made->frame.x[REG_A0 + i] = a[4 + i];
    thread_ready(made, false);
    return made->id;
}

static uint64_t sys_thread_end(const struct thread *t, uint64_t id)
{
    struct thread *victim = thread_find(id);
    if (!victim || victim->creator != t->id)
        return IPC_DEAD;
    thread_end(victim);
    return IPC_OK;
}

static uint64_t sys_state(const struct thread *t, uint64_t id)
{
    const struct thread *other = thread_find(id);
    return other && other->creator == t->id ? other->state : THREAD_FREE;
}

static void sys_counts(uint64_t *a)
{
    const uint64_t v[] = {counters.calls,      counters.messages, counters.switches, counters.faults,
                          counters.interrupts, counters.ticks,    pages_in_use()};
    memcpy(a, v, sizeof v);
}

static void system_call(struct thread *t)
{
    uint64_t *a = &t->frame.x[REG_A0];
    bool privileged = t->space->privileged;
    counters.calls++;
    t->frame.sepc += 4;
    switch (a[7]) {
    case SYS_IPC: ipc_start(t); break;
    case SYS_UNMAP: space_unmap(t->space, a[0]); break;
    case SYS_THREAD_END: a[0] = sys_thread_end(t, a[0]); break;
    case SYS_SELF: a[0] = t->id, a[1] = t->pager, a[2] = t->creator; break;
    case SYS_IRQ: a[0] = privileged && irq_bind(a[0], thread_find(a[1])) ? IPC_OK : IPC_DEAD; break;
    case SYS_COUNTS: sys_counts(a); break;
    case SYS_THREAD_NEW: a[0] = sys_thread_new(t); break;
    case SYS_STATE: a[0] = sys_state(t, a[0]); break;
    case SYS_POWER_OFF:
        if (privileged)
            sbi_power_off(a[0] != 0);
        break;
    case SYS_PUT:
        if (privileged)
            put(NULL, (char)a[0]);
        break;
    default: ipc_fault(t, LABEL_EXCEPTION, CAUSE_ECALL_U, a[7], t->frame.sepc); break;
    }
}

struct frame *trap(struct frame *f);
struct frame *trap(struct frame *f)
{
    struct thread *t = (struct thread *)f;
    uint64_t cause = csr_read(scause), stval = csr_read(stval);
    if (cause == (CAUSE_INTERRUPT | IRQ_TIMER)) {
        thread_tick();
    } else if (cause == (CAUSE_INTERRUPT | IRQ_EXTERNAL)) {
        irq_take();
    } else if (cause == CAUSE_ECALL_U) {
        system_call(t);
    } else if (cause == CAUSE_FETCH_PAGE || cause == CAUSE_LOAD_PAGE || cause == CAUSE_STORE_PAGE) {
        uint64_t access = cause == CAUSE_FETCH_PAGE ? MAP_X : cause == CAUSE_LOAD_PAGE ? MAP_R : MAP_W;
        counters.faults++;
        ipc_fault(t, LABEL_PAGE_FAULT, stval, access, f->sepc);
    } else {
        ipc_fault(t, LABEL_EXCEPTION, cause, stval, f->sepc);
    }
    return thread_schedule();
}

_Noreturn void kernel_trap(const struct frame *f);
void kernel_trap(const struct frame *f)
{
    panic("the kernel itself made an exception", f);
}

/* The root task: its ELF file, a stack, and then all memory and all devices that are not the kernel's, each at its own physical address. */
static struct space *root_space(uint64_t memory, uint64_t end, uint64_t *entry)
{
    const struct elf_header *h = (const struct elf_header *)root_start;
    struct space *s = space_new(true);
    *entry = h->entry;
    for (unsigned i = 0; i < h->segments; i++) {
        const struct elf_segment *p = (const struct elf_segment *)(root_start + h->segment_offset) + i;
        for (uint64_t at = 0; p->type == ELF_LOAD && at < p->memsz; at += PAGE) {
            char *page = page_new();
            if (!page)
                panic("no memory for the root task", NULL);
            if (at < p->filesz)
                memcpy(page, root_start + p->offset + at, p->filesz - at < PAGE ? p->filesz - at : PAGE);
            space_give(s, p->vaddr + at, va_pa(page), (p->flags & ELF_W ? PTE_R | PTE_W : PTE_R | PTE_X));
        }
    }
    for (uint64_t pa = memory; pa < end; pa += PAGE)
        space_give(s, pa, pa, PTE_RWX);
    space_give(s, BOARD_RTC, BOARD_RTC, PTE_R | PTE_W);
    space_give(s, BOARD_UART, BOARD_UART, PTE_R | PTE_W);
    for (unsigned i = 0; i < 8; i++)
        space_give(s, BOARD_VIRTIO(i), BOARD_VIRTIO(i), PTE_R | PTE_W);
    return s;
}

void kernel_main(uint64_t hart, const void *tree);
void kernel_main(uint64_t hart, const void *tree)
{
    const uint64_t enough = UINT64_C(512) << 20, reserve = UINT64_C(4) << 20;
    uint64_t ram, pool, entry;
    struct thread *root;
    (void)hart;
    dt_read(tree, &board);
    ram = board.ram_size < enough ? board.ram_size : enough;
    pool = va_pa(kernel_end) + ram / 8; /* for tables and the like; the rest is root's */
    pages_init(ram, pool);
    print("micro: a microkernel, %lu MiB of memory\n", board.ram_size >> 20);
    csr_write(sie, SIE_TIMER | SIE_EXTERNAL);
    csr_write(scounteren, 7);
    irq_init();
    root = thread_new(root_space(pool, BOARD_RAM + ram - reserve, &entry), TID_NONE, entry, 0);
    root->frame.x[REG_A0] = pool;
    root->frame.x[REG_A0 + 1] = BOARD_RAM + ram - reserve;
    thread_ready(root, false);
    sbi_set_timer(csr_read(time) + board.timebase / HZ);
    csr_write(sscratch, 0);
    {
        struct frame *f = thread_schedule();
        __asm__ volatile("mv a0, %0\n j resume" ::"r"(f) : "a0", "memory");
    }
    __builtin_unreachable();
}
