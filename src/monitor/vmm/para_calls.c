/* SPDX-License-Identifier: MIT */
/* The hypercalls: each is a row of the table at the end and a handler. What they mean to a guest: docs/hypercalls.md. */
#include "monitor/vmm/para.h"

#include "cpu/csr_bits.h"
#include "dev/bus_frames.h"
#include "machine_int.h"
#include "mmu/pte.h"

#include <string.h>

enum { SP = 2, A0 = 10, A1 = 11, A6 = 16, A7 = 17, SATP = 0x180 };

/* One call in work. */
struct call {
    struct vm *vm;
    struct hart *vh;
    struct para *p;
    const uint64_t *a; /* a0 ... a2 */
    uint64_t value;    /* a1 of the answer */
    bool away;         /* the caller does not go on behind its ecall: its registers are set */
    bool waits;
};

/* Are the n bytes at gpa all in the guest's RAM? */
static bool in_ram(const struct vm *vm, uint64_t gpa, uint64_t n)
{
    uint64_t off = gpa - vm->ram_base;
    return off < vm->ram_size && n <= vm->ram_size - off;
}

static bool touches_table(const struct call *c, uint64_t gpa, uint64_t n)
{
    for (uint64_t at = gpa & PAGE_MASK; at < gpa + n; at += PAGE_SIZE)
        if (para_is_table(&c->p->tables, at))
            return true;
    return false;
}

static enum para_error features(struct call *c)
{
    c->value = PARA_VERSION;
    return PARA_OK;
}

static enum para_error p2m(struct call *c)
{
    uint64_t first = c->a[0], n = c->a[1], to = c->a[2], all = c->vm->ram_size >> PAGE_SHIFT;
    if (n > PARA_MAX_PAGES)
        return PARA_TOO_MUCH;
    if (first > all || n > all - first)
        return PARA_INVALID;
    if (to % sizeof(uint64_t) || !in_ram(c->vm, to, n * sizeof(uint64_t)))
        return PARA_ADDRESS;
    if (touches_table(c, to, n * sizeof(uint64_t)))
        return PARA_TYPE;
    for (uint64_t i = 0; i < n; i++)
        (void)!bus_dma_write(machine_bus(c->vm->machine), to + i * sizeof(uint64_t), &c->vm->hpa[first + i],
                             sizeof(uint64_t));
    c->value = n;
    return PARA_OK;
}

/* The shared page counts as one that the guest writes, so that it never becomes a table. */
static enum para_error set_trap(struct call *c)
{
    struct para *p = c->p;
    if (c->a[0] & 3 || c->a[2] & ~INT_S)
        return PARA_INVALID;
    if (c->a[1] & ~PAGE_MASK || !in_ram(c->vm, c->a[1], PAGE_SIZE))
        return PARA_ADDRESS;
    enum para_error error = para_use(&p->tables, c->a[1], PAGE_WRITABLE);
    if (error != PARA_OK)
        return error;
    if (p->shared)
        para_unuse(&p->tables, p->shared);
    p->shared = c->a[1];
    p->vector = c->a[0];
    c->vh->csr.mie = merge_bits(c->vh->csr.mie, c->a[2], INT_S);
    return PARA_OK;
}

static void tell_root(struct vm *vm, uint64_t gpa)
{
    uint64_t hpa = UINT64_MAX;
    struct event *e = vm_event(vm, EV_VM_ROOT);
    if (!e)
        return;
    (void)!vm_frame(vm, gpa, &hpa);
    e->a[0] = gpa;
    e->a[1] = hpa;
    vm_tell(vm, e);
}

static void tell_ptr(struct vm *vm, uint64_t old, uint64_t new)
{
    struct event *e = vm_event(vm, EV_PTR);
    if (!e)
        return;
    e->a[0] = SATP;
    e->a[1] = old;
    e->a[2] = new;
    vm_tell(vm, e);
}

static enum para_error use_root(struct call *c, uint64_t gpa)
{
    return gpa & ~PAGE_MASK || !in_ram(c->vm, gpa, PAGE_SIZE) ? PARA_ADDRESS
                                                              : para_use(&c->p->tables, gpa, PAGE_TABLE2);
}

/* Both roots are checked; so the old ones can go. */
static void load_roots(struct call *c, const uint64_t *root)
{
    struct para *p = c->p;
    uint64_t old = c->vh->csr.satp, hpa;
    for (unsigned i = 0; i < 2; i++) {
        if (p->root[i])
            para_unuse(&p->tables, p->root[i]);
        p->root[i] = root[i];
        p->satp[i] = 0;
        if (!root[i] || !vm_frame(c->vm, root[i], &hpa))
            continue;
        tell_root(c->vm, root[i]);
        p->satp[i] = (uint64_t)ATP_SV39 << 60 | hpa >> PAGE_SHIFT;
    }
    para_enter_mode(c->vm, c->vh, true);
    if (old != c->vh->csr.satp)
        tell_ptr(c->vm, old, c->vh->csr.satp);
}

static enum para_error set_ptr(struct call *c)
{
    struct para *p = c->p;
    const uint64_t root[2] = {c->a[1], c->a[0]};
    if (!p->shared)
        return PARA_STATE;
    if (!p->direct) { /* the shadows go, and with them their hold of the guest's tables */
        shadow_clear(p->trap.shadow);
        para_tables_listen(&p->tables);
    }
    enum para_error error = use_root(c, root[1]);
    if (error == PARA_OK && root[0]) {
        error = use_root(c, root[0]);
        if (error != PARA_OK)
            para_unuse(&p->tables, root[1]);
    }
    if (error != PARA_OK) {
        if (!p->direct)
            shadow_listen(p->trap.shadow);
        return error;
    }
    p->direct = true;
    bus_set_table_frames(machine_bus(c->vm->machine), machine_bus(c->vm->vmm->machine));
    load_roots(c, root);
    return PARA_OK;
}

static enum para_error pin(struct call *c)
{
    return c->a[1] >= PARA_LEVELS ? PARA_INVALID : para_pin(&c->p->tables, c->a[0], (unsigned)c->a[1]);
}

static enum para_error unpin(struct call *c)
{
    return para_unpin(&c->p->tables, c->a[0]);
}

static enum para_error update(struct call *c)
{
    struct para_update u[PARA_MAX_UPDATES];
    uint64_t n = c->a[1];
    unsigned wrong;
    if (n > PARA_MAX_UPDATES)
        return PARA_TOO_MUCH;
    if (c->a[0] % sizeof(uint64_t) || !in_ram(c->vm, c->a[0], n * sizeof u[0]) ||
        (n && !bus_dma_read(machine_bus(c->vm->machine), c->a[0], u, n * sizeof u[0])))
        return PARA_ADDRESS;
    enum para_error error = para_tables_update(&c->p->tables, u, (unsigned)n, &wrong);
    c->value = error == PARA_OK ? n : wrong;
    return error;
}

static enum para_error go_back(struct call *c)
{
    struct hart *h = c->vh;
    bool kernel = PARA_GET(c->vm, kernel) & 1;
    if (!kernel && !c->p->root[0])
        return PARA_STATE;
    h->pc = PARA_GET(c->vm, epc) & ~UINT64_C(1);
    h->x[SP] = PARA_GET(c->vm, sp);
    h->x[A6] = PARA_GET(c->vm, a6);
    h->x[A7] = PARA_GET(c->vm, a7);
    PARA_SET(c->vm, enabled, PARA_GET(c->vm, was_enabled) & 1);
    h->reservation = UINT64_MAX;
    c->away = true;
    struct event *e = vm_event(c->vm, EV_VM_RETURN);
    if (e) {
        e->a[0] = EVENT_MODE(kernel ? PRIV_S : PRIV_U, 0);
        e->a[1] = h->pc;
        vm_tell(c->vm, e);
    }
    para_enter_mode(c->vm, h, kernel);
    return PARA_OK;
}

static enum para_error console_write(struct call *c)
{
    uint8_t buf[PARA_MAX_BYTES];
    uint64_t n = c->a[1];
    if (n > PARA_MAX_BYTES)
        return PARA_TOO_MUCH;
    if (!in_ram(c->vm, c->a[0], n) || (n && !bus_dma_read(machine_bus(c->vm->machine), c->a[0], buf, n)))
        return PARA_ADDRESS;
    machine_console_write(c->vm->machine, buf, n);
    c->value = n;
    return PARA_OK;
}

static enum para_error set_timer(struct call *c)
{
    struct machine *m = c->vm->machine;
    if (c->vh->isa.sstc) {
        c->vh->csr.stimecmp = c->a[0];
        machine_timer_changed(m, c->vh);
        return PARA_OK;
    }
    c->vh->csr.mip &= ~BIT(IRQ_STI);
    m->sbi.timer[0] = c->a[0];
    m->deadlines_stale = true;
    c->vh->kick |= KICK_EVENT;
    return PARA_OK;
}

static enum para_error yield(struct call *c)
{
    if (c->a[0] > 1)
        return PARA_INVALID;
    if (c->a[0])
        PARA_SET(c->vm, enabled, 1);
    c->waits = true;
    return PARA_OK;
}

/* Is it one access to a device? RAM, which may hold tables, is not to be reached in this way, nor anything else that is memory. */
static bool is_device(const struct call *c, bool write)
{
    uint64_t at = c->a[0], size = c->a[1];
    struct bus *b = machine_bus(c->vm->machine);
    return (size == 1 || size == 2 || size == 4 || size == 8) && at % size == 0 && !bus_memory_at(b, at) &&
           bus_answers(b, at, (unsigned)size, write);
}

static enum para_error mmio_read(struct call *c)
{
    return is_device(c, false) && bus_read(machine_bus(c->vm->machine), c->a[0], (unsigned)c->a[1], &c->value)
               ? PARA_OK
               : PARA_ADDRESS;
}

static enum para_error mmio_write(struct call *c)
{
    return is_device(c, true) && bus_write(machine_bus(c->vm->machine), c->a[0], (unsigned)c->a[1], c->a[2])
               ? PARA_OK
               : PARA_ADDRESS;
}

static enum para_error shut_down(struct call *c)
{
    machine_end(c->vm->machine, MACHINE_GUEST, c->a[0] ? 1 : 0);
    c->vh->kick |= KICK_EVENT;
    return PARA_OK;
}

static const struct row {
    const char *name;
    enum para_error (*call)(struct call *c);
    bool direct; /* only in direct paging */
} table[PARA_FUNCTIONS] = {
    [PARA_FEATURES] = {"features", features, false},
    [PARA_P2M] = {"p2m", p2m, false},
    [PARA_SET_TRAP] = {"set trap", set_trap, false},
    [PARA_SET_PTR] = {"set ptr", set_ptr, false},
    [PARA_PIN] = {"pin", pin, true},
    [PARA_UNPIN] = {"unpin", unpin, true},
    [PARA_UPDATE] = {"update", update, true},
    [PARA_RETURN] = {"return", go_back, true},
    [PARA_CONSOLE_WRITE] = {"console write", console_write, false},
    [PARA_SET_TIMER] = {"set timer", set_timer, false},
    [PARA_YIELD] = {"yield", yield, true},
    [PARA_MMIO_READ] = {"mmio read", mmio_read, false},
    [PARA_MMIO_WRITE] = {"mmio write", mmio_write, false},
    [PARA_SHUTDOWN] = {"shutdown", shut_down, false},
};

static void tell(struct call *c, enum event_kind k, uint64_t fn, uint64_t a1, uint64_t a2, uint64_t a3)
{
    struct event *e = vm_event(c->vm, k);
    if (!e)
        return;
    e->text = fn < PARA_FUNCTIONS ? table[fn].name : "?";
    e->a[0] = fn;
    e->a[1] = a1;
    e->a[2] = a2;
    e->a[3] = a3;
    vm_tell(c->vm, e);
}

enum para_next para_hypercall(struct vm *vm, struct hart *vh)
{
    uint64_t fn = vh->x[A6], a[3];
    struct call c = {.vm = vm, .vh = vh, .p = para_of(vm), .a = a};
    enum para_error error = PARA_NOT_SUPPORTED;
    memcpy(a, &vh->x[A0], sizeof a);
    tell(&c, EV_VM_HYPERCALL, fn, a[0], a[1], a[2]);
    c.p->tables.allowance = PARA_MAX_TABLES;
    if (fn < PARA_FUNCTIONS)
        error = table[fn].direct && !c.p->direct ? PARA_STATE : table[fn].call(&c);
    if (c.p->tables.flush) {
        hart_sfence_vma(vm->vmm->hart, false, 0, -1);
        c.p->tables.flush = false;
    }
    if (c.away)
        return PARA_GO_ON;
    tell(&c, EV_VM_HYPERCALL_RET, fn, (uint64_t)(int64_t)error, c.value, 0);
    vh->pc += 4;
    vh->x[A0] = (uint64_t)(int64_t)error;
    vh->x[A1] = c.value;
    return c.waits && error == PARA_OK ? PARA_WAIT : PARA_GO_ON;
}
