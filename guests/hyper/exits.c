/* SPDX-License-Identifier: MIT */
/* VM exits: each trap that the guest's own kernel does not take by hedeleg and hideleg. */
#include "hyper.h"

extern const uint8_t guest_image[], guest_image_end[];

enum { IMPLEMENTATION = 0x56, UART_DATA = 0, UART_LSR = 5, UART_SCRATCH = 7, LSR_IDLE = 0x60 };

static void fail(struct vm *vm, const char *why, uint64_t value)
{
    vm_print(vm, "hyper: stopped: %s %x at %x\n", why, value, vm->pc);
    vm->over = vm->failed = true;
}

/* What the guest's own hart would have done: a trap into VS. Priv. "Trap entry", with vs* in place of s*. */
void vm_inject(uint64_t cause, uint64_t tval, struct vm *vm)
{
    uint64_t s = CSR_READ(VSSTATUS);
    bool sie = s & SSTATUS_SIE, from_s = vm->sstatus & SSTATUS_SPP;
    s &= ~(SSTATUS_SIE | SSTATUS_SPIE | SSTATUS_SPP);
    CSR_WRITE(VSSTATUS, s | (sie ? SSTATUS_SPIE : 0) | (from_s ? SSTATUS_SPP : 0));
    CSR_WRITE(VSEPC, vm->pc);
    CSR_WRITE(VSCAUSE, cause);
    CSR_WRITE(VSTVAL, tval);
    vm->pc = CSR_READ(VSTVEC) & ~UINT64_C(3);
    vm->sstatus |= SSTATUS_SPP;
}

/* Demand: a page of guest RAM gets a frame when it is touched; if it is part of the kernel's image, with that in it. */
bool vm_map_page(struct vm *vm, uint64_t gpa)
{
    uint64_t offset = (gpa & ~(PAGE - 1)) - GUEST_RAM;
    if (offset >= GUEST_RAM_SIZE || stage2_pte(vm->root, gpa)) {
        return false;
    }
    uint64_t frame = frame_new(vm->id + 1), size = (uint64_t)(guest_image_end - guest_image);
    if (offset < size) {
        memcpy((void *)frame, guest_image + offset, size - offset < PAGE ? size - offset : PAGE);
        __asm__ volatile("fence.i" ::: "memory");
    }
    stage2_map(vm->root, vm->id + 1, gpa, frame, PTE_V | PTE_R | PTE_W | PTE_X | PTE_U | PTE_A | PTE_D);
    hfence_gvma(gpa, vm->id + 1);
    vm->n.mapped++;
    return true;
}

/* hlv, hsv and hlvx of a page that has no frame yet: give it one and try again. */
static uint64_t settled(struct vm *vm, uint64_t cause, uint64_t gpa, bool *again)
{
    bool stage2 = cause == CAUSE_FETCH_GUEST_PAGE || cause == CAUSE_LOAD_GUEST_PAGE || cause == CAUSE_STORE_GUEST_PAGE;
    *again = stage2 && vm_map_page(vm, gpa);
    return cause;
}

static uint64_t fetch(struct vm *vm, uint64_t gva, uint32_t *insn)
{
    bool again;
    uint64_t cause, gpa = 0;
    do {
        cause = settled(vm, guest_fetch(gva, insn, &gpa), gpa, &again);
    } while (again);
    return cause;
}

static uint64_t uart_read(struct vm *vm, uint64_t offset)
{
    return offset == UART_LSR ? LSR_IDLE : offset == UART_SCRATCH ? vm->uart_scratch : 0;
}

static void uart_write(struct vm *vm, uint64_t offset, uint64_t value)
{
    if (offset == UART_DATA) {
        vm_putc(vm, (char)value);
    } else if (offset == UART_SCRATCH) {
        vm->uart_scratch = (uint8_t)value;
    }
}

static uint64_t extend(uint64_t v, const struct access *a)
{
    unsigned shift = 64 - 8 * a->size;
    return a->is_signed ? (uint64_t)((int64_t)(v << shift) >> shift) : v << shift >> shift;
}

/* The instruction twice where the machine tells: transformed in htinst, and as it lies in the guest's memory. They must agree. */
static void mmio(struct vm *vm, uint64_t gpa)
{
    uint64_t htinst = CSR_READ(HTINST);
    uint32_t insn = 0;
    struct access a, told;
    uint64_t cause = fetch(vm, vm->pc, &insn);
    if (cause || !decode_access(insn, &a)) {
        fail(vm, "cannot emulate", insn);
        return;
    }
    if (htinst) {
        vm->n.by_htinst++;
        if (!decode_transformed(htinst, &told) || told.store != a.store || told.size != a.size ||
            told.length != a.length || told.reg != a.reg || told.is_signed != a.is_signed) {
            fail(vm, "htinst does not fit the instruction:", htinst);
            return;
        }
    }
    vm->n.mmio++;
    if (a.store) {
        uart_write(vm, gpa - GUEST_UART, vm->x[a.reg]);
    } else if (a.reg) {
        vm->x[a.reg] = extend(uart_read(vm, gpa - GUEST_UART), &a);
    }
    vm->pc += a.length;
}

static void guest_page_fault(struct vm *vm, uint64_t cause)
{
    uint64_t gpa = CSR_READ(HTVAL) << 2 | (CSR_READ(stval) & 3);
    if (vm_map_page(vm, gpa)) {
        return;
    }
    if (gpa >> 12 == GUEST_UART >> 12 && cause != CAUSE_FETCH_GUEST_PAGE) {
        mmio(vm, gpa);
        return;
    }
    /* Neither memory nor a device: what a machine's bus would answer. */
    uint64_t access = cause == CAUSE_FETCH_GUEST_PAGE  ? CAUSE_FETCH_ACCESS
                      : cause == CAUSE_LOAD_GUEST_PAGE ? CAUSE_LOAD_ACCESS
                                                       : CAUSE_STORE_ACCESS;
    vm_print(vm, "hyper: no %s at %x: exception %u sent up\n", cause == CAUSE_STORE_GUEST_PAGE ? "store" : "access",
             gpa, access);
    vm_inject(access, CSR_READ(stval), vm);
}

/* DBCN: the guest names its string by guest physical address; each page of it is found through stage two. */
static int64_t console_write(struct vm *vm, uint64_t n, uint64_t gpa)
{
    for (uint64_t i = 0; i < n; i++) {
        uint64_t at = gpa + i;
        uint64_t pte = stage2_pte(vm->root, at);
        if (!pte && vm_map_page(vm, at)) {
            pte = stage2_pte(vm->root, at);
        }
        if (!pte) {
            return -5; /* SBI_ERR_INVALID_ADDRESS */
        }
        vm_putc(vm, *(const char *)(PTE_PA(pte) + at % PAGE));
    }
    return 0;
}

/* Ours: the hypervisor looks at and changes a word of the guest by its virtual address, and raises an interrupt for the asking. */
static int64_t hyper_call(struct vm *vm, uint64_t *value)
{
    uint64_t gpa = 0, cause = 0;
    bool again;
    switch (vm->x[16]) {
    case HYPER_LOOK: do { cause = settled(vm, guest_load(vm->x[10], value, &gpa), gpa, &again);
        } while (again);
        break;
    case HYPER_PATCH: do { cause = settled(vm, guest_store(vm->x[10], vm->x[11], &gpa), gpa, &again);
        } while (again);
        break;
    case HYPER_IRQ: CSR_SET(HVIP, BIT(IRQ_VSSI)); break;
    default: return -2;
    }
    if (cause) {
        *value = cause;
        return -1;
    }
    return 0;
}

static void sbi(struct vm *vm)
{
    uint64_t ext = vm->x[17], fn = vm->x[16], value = 0;
    int64_t error = 0;
    vm->n.sbi++;
    vm->pc += 4;
    switch (ext) {
    case SBI_PUTCHAR: /* legacy: changes a0 only */
        vm_putc(vm, (char)vm->x[10]);
        vm->x[10] = 0;
        return;
    case SBI_BASE:
        switch (fn) {
        case 0: value = 2 << 24; break; /* SBI 2.0 */
        case 1: value = IMPLEMENTATION; break;
        case 2: value = 1; break;
        case 3:
            value = vm->x[10] == SBI_BASE || vm->x[10] == SBI_TIME || vm->x[10] == SBI_SRST || vm->x[10] == SBI_DBCN ||
                    vm->x[10] == SBI_PUTCHAR || vm->x[10] == SBI_HYPER;
            break;
        default: break; /* mvendorid, marchid, mimpid: 0 */
        }
        break;
    case SBI_TIME:
        vm->n.timers_set++;
        vm->deadline = vm->x[10] == UINT64_MAX ? UINT64_MAX : vm->x[10] - vm->htimedelta;
        CSR_CLEAR(HVIP, BIT(IRQ_VSTI));
        break;
    case SBI_DBCN: error = fn == 0 ? console_write(vm, vm->x[10], vm->x[11]) : -2; break;
    case SBI_SRST:
        vm->over = true;
        vm->failed = vm->x[11] != 0;
        break;
    case SBI_HYPER: error = hyper_call(vm, &value); break;
    default: error = -2; break; /* SBI_ERR_NOT_SUPPORTED */
    }
    vm->x[10] = (uint64_t)error;
    vm->x[11] = value;
}

static void virtual_instruction(struct vm *vm, bool *yield)
{
    enum { WFI = 0x10500073 };
    uint32_t word;
    if (fetch(vm, vm->pc, &word)) { /* stval may be zero, and is something else on a machine or two */
        fail(vm, "cannot fetch", 0);
        return;
    }
    if (word != WFI) {
        vm_print(vm, "hyper: virtual instruction %x: exception %u sent up\n", (uint64_t)word, (uint64_t)CAUSE_ILLEGAL);
        vm_inject(CAUSE_ILLEGAL, word, vm);
        return;
    }
    vm->n.wfi++;
    vm->pc += 4;
    /* An interrupt that is pending and enabled ends the wait at once, whatever sstatus.SIE says. */
    if (!(CSR_READ(VSIP) & CSR_READ(VSIE))) {
        vm->waits = true;
        *yield = true;
    }
}

void vm_exit(struct vm *vm, uint64_t cause, bool *yield)
{
    switch (cause) {
    case CAUSE_ECALL_VS: sbi(vm); break;
    case CAUSE_FETCH_GUEST_PAGE:
    case CAUSE_LOAD_GUEST_PAGE:
    case CAUSE_STORE_GUEST_PAGE: guest_page_fault(vm, cause); break;
    case CAUSE_VIRTUAL_INSN: virtual_instruction(vm, yield); break;
    default: fail(vm, "unexpected cause", cause); break;
    }
}
