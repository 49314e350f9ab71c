/* SPDX-License-Identifier: MIT */
/* SBI 2.0: each function is a row of the table at the end and a handler that returns the error code. */
#include "machine_int.h"

#include "cpu/csr.h"
#include "cpu/csr_bits.h"
#include "cpu/trap.h"
#include "dev/ns16550a.h"

#include <string.h>

enum sbi_error {
    SBI_SUCCESS = 0,
    SBI_FAILED = -1,
    SBI_NOT_SUPPORTED = -2,
    SBI_INVALID_PARAM = -3,
    SBI_INVALID_ADDRESS = -5,
    SBI_ALREADY_AVAILABLE = -6,
};

enum { A0 = 10, A1 = 11, A6 = 16, A7 = 17 };

/* One call in work. */
struct call {
    struct machine *m;
    struct hart *h; /* the caller, number n */
    unsigned n;
    const uint64_t *a; /* a0 ... a5 */
    uint64_t value;    /* a1 of the answer */
    bool away;         /* the caller does not go on behind its ecall: its registers are set */
    bool trapped;      /* the call's own memory access failed: trap is raised in the caller */
    struct trap trap;
};

/* ---- Harts ---- */

/* Does hart h enter S mode at pc as firmware lets harts enter: translation and interrupts off. */
static void enter(struct hart *h, uint64_t pc, uint64_t opaque)
{
    h->priv = PRIV_S;
    h->virt = false;
    h->csr.satp = 0;
    h->csr.mstatus &= ~(MSTATUS_SIE | MSTATUS_SPIE | MSTATUS_SPP);
    h->pc = pc;
    h->x[A0] = h->id;
    h->x[A1] = opaque;
    h->kick |= KICK_IRQ;
    hart_context_changed(h);
}

static void poke(struct hart *h, unsigned csr, uint64_t v)
{
    /* Registers that this hart does not have stay away. */
    (void)!csr_poke(h, csr, v);
}

/* What firmware sets up in M mode before a kernel starts. */
static void prepare(struct hart *h)
{
    enum {
        MSTATUS = 0x300,
        MEDELEG = 0x302,
        MIDELEG = 0x303,
        MCOUNTEREN = 0x306,
        MENVCFG = 0x30a,
        PMPCFG0 = 0x3a0,
        PMPADDR0 = 0x3b0,
        SCOUNTEREN = 0x106
    };
    enum { NAPOT = 0x18, RWX = 7 };
    const uint64_t counters = COUNTER_CY | COUNTER_TM | COUNTER_IR;
    /* Whatever firmware would only hand on goes to the kernel at once; calls from S mode do not. */
    poke(h, MEDELEG, UINT64_MAX & ~(BIT(CAUSE_ECALL_S) | BIT(CAUSE_ECALL_M)));
    poke(h, MIDELEG, INT_S);
    poke(h, MCOUNTEREN, UINT64_MAX);
    poke(h, SCOUNTEREN, counters);
    uint64_t env = (uint64_t)CBIE_INVAL << ENVCFG_CBIE_SHIFT | ENVCFG_CBCFE | ENVCFG_CBZE | ENVCFG_PBMTE | ENVCFG_STCE;
    poke(h, MENVCFG, env | csr_reset_adue(&h->isa));
    poke(h, MSTATUS, h->isa.f ? MSTATUS_FS : 0);
    if (h->isa.pmp) {
        poke(h, PMPADDR0,
             MACHINE_RAM_BASE >> 2 | (MACHINE_FIRMWARE_SIZE / 8 - 1)); /* the firmware's own: nobody else's */
        poke(h, PMPADDR0 + 1, UINT64_MAX);                             /* all the rest */
        poke(h, PMPCFG0, NAPOT | (NAPOT | RWX) << 8);
    }
    h->csr.stimecmp = UINT64_MAX; /* no timer interrupt before the kernel asks for one */
    hart_flush_all(h);
}

void sbi_boot(struct machine *m, uint64_t entry, uint64_t fdt)
{
    for (unsigned i = 0; i < m->nharts; i++) {
        struct hart *h = m->hart[i];
        prepare(h);
        h->native = 1u << PRIV_M;
        m->sbi.state[i] = i ? SBI_STOPPED : SBI_STARTED;
        m->sbi.resume[i].set = false;
        m->state[i] = i ? HART_STOPPED : HART_RUNS;
    }
    enter(m->hart[0], entry, fdt);
}

/* Can a kernel run at pa? */
static bool runs_at(struct machine *m, uint64_t pa)
{
    bool firmware = pa - MACHINE_RAM_BASE < MACHINE_FIRMWARE_SIZE;
    return !(pa & 1) && !firmware && bus_memory_at(m->bus, pa);
}

static enum sbi_error hart_start(struct call *c)
{
    struct machine *m = c->m;
    uint64_t id = c->a[0];
    if (id >= m->nharts)
        return SBI_INVALID_PARAM;
    if (!runs_at(m, c->a[1]))
        return SBI_INVALID_ADDRESS;
    if (m->sbi.state[id] != SBI_STOPPED)
        return SBI_ALREADY_AVAILABLE;
    struct hart *h = m->hart[id];
    hart_reset(h);
    prepare(h);
    h->native = 1u << PRIV_M;
    m->sbi.timer[id] = DEV_NO_DEADLINE;
    machine_timer_changed(m, h);
    enter(h, c->a[1], c->a[2]);
    m->sbi.state[id] = SBI_STARTED;
    m->state[id] = HART_RUNS;
    return SBI_SUCCESS;
}

static enum sbi_error hart_stop(struct call *c)
{
    c->away = true;
    c->m->sbi.state[c->n] = SBI_STOPPED;
    c->m->state[c->n] = HART_STOPPED;
    return SBI_SUCCESS;
}

static enum sbi_error hart_status(struct call *c)
{
    if (c->a[0] >= c->m->nharts)
        return SBI_INVALID_PARAM;
    c->value = c->m->sbi.state[c->a[0]];
    return SBI_SUCCESS;
}

static enum sbi_error hart_suspend(struct call *c)
{
    uint32_t type = (uint32_t)c->a[0];
    /* 31: registers are lost. 30:28: platform's own. The defaults, 0 and 0x8000_0000, are what there is. */
    bool lost = type >> 31;
    if (type & 0x7fffffff)
        return (type & 0x7fffffff) < 0x10000000 ? SBI_INVALID_PARAM : SBI_NOT_SUPPORTED;
    if (lost && !runs_at(c->m, c->a[1]))
        return SBI_INVALID_ADDRESS;
    c->m->sbi.resume[c->n].set = lost;
    c->m->sbi.resume[c->n].pc = c->a[1];
    c->m->sbi.resume[c->n].opaque = c->a[2];
    c->m->sbi.state[c->n] = SBI_SUSPENDED;
    c->m->state[c->n] = HART_WAITS;
    return SBI_SUCCESS;
}

void sbi_woken(struct machine *m, unsigned n)
{
    if (m->boot != BOOT_SBI || m->sbi.state[n] != SBI_SUSPENDED)
        return;
    m->sbi.state[n] = SBI_STARTED;
    if (m->sbi.resume[n].set)
        enter(m->hart[n], m->sbi.resume[n].pc, m->sbi.resume[n].opaque);
    m->sbi.resume[n].set = false;
}

/* ---- Base ---- */

static enum sbi_error base_version(struct call *c)
{
    c->value = 2 << 24;
    return SBI_SUCCESS;
}

static enum sbi_error base_impl_id(struct call *c)
{
    c->value = 0x56695472; /* "ViTr": not in the specification's list */
    return SBI_SUCCESS;
}

static enum sbi_error base_impl_version(struct call *c)
{
    c->value = 0x000100; /* 0.1.0 */
    return SBI_SUCCESS;
}

static enum sbi_error base_probe(struct call *c);

static enum sbi_error machine_csr(struct call *c, unsigned csr)
{
    return csr_peek(c->h, csr, &c->value) ? SBI_SUCCESS : SBI_FAILED;
}

static enum sbi_error base_mvendorid(struct call *c)
{
    return machine_csr(c, 0xf11);
}

static enum sbi_error base_marchid(struct call *c)
{
    return machine_csr(c, 0xf12);
}

static enum sbi_error base_mimpid(struct call *c)
{
    return machine_csr(c, 0xf13);
}

/* ---- Time ---- */

static enum sbi_error set_timer(struct call *c)
{
    if (c->h->isa.sstc) {
        c->h->csr.stimecmp = c->a[0];
        machine_timer_changed(c->m, c->h);
        return SBI_SUCCESS;
    }
    c->h->csr.mip &= ~BIT(IRQ_STI);
    c->m->sbi.timer[c->n] = c->a[0];
    c->m->deadlines_stale = true;
    return SBI_SUCCESS;
}

/* ---- What goes to many harts ---- */

/* The harts that mask and base name, as a set. False: one of them does not exist. SBI 2.0, 3.1 */
static bool harts_of(const struct call *c, uint64_t mask, uint64_t base, uint64_t *set)
{
    uint64_t all = MASK(c->m->nharts - 1, 0);
    *set = all;
    if (base == UINT64_MAX)
        return true;
    *set = base < 64 ? mask << base : 0;
    bool cut = base >= 64 ? mask != 0 : (*set >> base) != mask;
    return !cut && !(*set & ~all) && (mask || base < c->m->nharts);
}

static void raise_ipi(struct machine *m, uint64_t set)
{
    for (unsigned i = 0; i < m->nharts; i++) {
        if (!(set >> i & 1) || m->state[i] == HART_STOPPED)
            continue;
        m->hart[i]->csr.mip |= BIT(IRQ_SSI);
        m->hart[i]->kick |= KICK_IRQ;
    }
}

static enum sbi_error send_ipi(struct call *c)
{
    uint64_t set;
    if (!harts_of(c, c->a[0], c->a[1], &set))
        return SBI_INVALID_PARAM;
    raise_ipi(c->m, set);
    return SBI_SUCCESS;
}

enum fence { FENCE_I, FENCE_VMA, FENCE_VMA_ASID, FENCE_GVMA, FENCE_GVMA_VMID, FENCE_VVMA, FENCE_VVMA_ASID };

/* All addresses when have is false. */
static void fence_hart(const struct call *c, struct hart *h, enum fence f, bool have, uint64_t va, int64_t id)
{
    switch (f) {
    case FENCE_I: break; /* stores reach decoded code at once, whoever made them */
    case FENCE_VMA:
    case FENCE_VMA_ASID: hart_sfence_vma(h, have, va, id); break;
    case FENCE_GVMA:
    case FENCE_GVMA_VMID: hart_hfence_gvma(h, have, va, id); break;
    case FENCE_VVMA:
    case FENCE_VVMA_ASID: {
        /* It is about the caller's virtual machine, whatever runs on the other hart. */
        uint64_t own = h->csr.hgatp;
        h->csr.hgatp = merge_bits(own, c->h->csr.hgatp, HGATP_VMID);
        hart_hfence_vvma(h, have, va, id);
        h->csr.hgatp = own;
        break;
    }
    }
}

static void fence_range(const struct call *c, uint64_t set, enum fence f, uint64_t start, uint64_t size, int64_t id)
{
    enum { SINGLY = 64 }; /* pages; beyond that everything is dropped */
    bool all = (start == 0 && size == 0) || size == UINT64_MAX || size > (uint64_t)SINGLY << PAGE_SHIFT;
    for (unsigned i = 0; i < c->m->nharts; i++) {
        if (!(set >> i & 1))
            continue;
        if (all)
            fence_hart(c, c->m->hart[i], f, false, 0, id);
        for (uint64_t off = 0; !all && off < size + (start & (PAGE_SIZE - 1)); off += PAGE_SIZE)
            fence_hart(c, c->m->hart[i], f, true, (start & PAGE_MASK) + off, id);
    }
}

static enum sbi_error remote_fence(struct call *c, enum fence f, int64_t id)
{
    uint64_t set;
    if (!harts_of(c, c->a[0], c->a[1], &set))
        return SBI_INVALID_PARAM;
    if (f >= FENCE_GVMA && !c->h->isa.h)
        return SBI_NOT_SUPPORTED;
    if (f != FENCE_I && c->a[3] != UINT64_MAX && c->a[2] + c->a[3] < c->a[2])
        return SBI_INVALID_ADDRESS;
    fence_range(c, set, f, c->a[2], c->a[3], id);
    return SBI_SUCCESS;
}

static enum sbi_error rfence_i(struct call *c)
{
    return remote_fence(c, FENCE_I, -1);
}

static enum sbi_error rfence_vma(struct call *c)
{
    return remote_fence(c, FENCE_VMA, -1);
}

static enum sbi_error rfence_vma_asid(struct call *c)
{
    return remote_fence(c, FENCE_VMA_ASID, (int64_t)(c->a[4] & 0xffff));
}

static enum sbi_error rfence_gvma_vmid(struct call *c)
{
    return remote_fence(c, FENCE_GVMA_VMID, (int64_t)(c->a[4] & 0x3fff));
}

static enum sbi_error rfence_gvma(struct call *c)
{
    return remote_fence(c, FENCE_GVMA, -1);
}

static enum sbi_error rfence_vvma_asid(struct call *c)
{
    return remote_fence(c, FENCE_VVMA_ASID, (int64_t)(c->a[4] & 0xffff));
}

static enum sbi_error rfence_vvma(struct call *c)
{
    return remote_fence(c, FENCE_VVMA, -1);
}

/* ---- Reset and console ---- */

static enum sbi_error system_reset(struct call *c)
{
    enum { SHUTDOWN, COLD_REBOOT, WARM_REBOOT };
    enum { NO_REASON, SYSTEM_FAILURE };
    uint32_t type = (uint32_t)c->a[0], reason = (uint32_t)c->a[1];
    if (type > WARM_REBOOT || reason > SYSTEM_FAILURE)
        return SBI_INVALID_PARAM;
    c->away = true;
    if (type == SHUTDOWN)
        machine_end(c->m, MACHINE_GUEST, reason == SYSTEM_FAILURE ? 1 : 0);
    else
        c->m->reset_wanted = true;
    return SBI_SUCCESS;
}

/* a0 bytes of memory at a1 (low half) and a2 (high half, beyond 64 bits): may the caller's console use them? */
static bool console_memory(struct call *c)
{
    uint64_t at = c->a[1], n = c->a[0];
    const struct mem_region *r = bus_memory_at(c->m->bus, at);
    if (c->a[2] || !r || n > r->size - (at - r->base))
        return false;
    return at >= MACHINE_RAM_BASE + MACHINE_FIRMWARE_SIZE || at + n <= MACHINE_RAM_BASE;
}

static enum sbi_error console_write(struct call *c)
{
    enum { ONCE = 4096 };
    uint8_t buf[ONCE];
    if (!console_memory(c))
        return SBI_INVALID_PARAM;
    /* A part may be written, so that nobody holds up the other harts with a megabyte. */
    size_t n = (size_t)min_u64(c->a[0], ONCE);
    if (n && !bus_dma_read(c->m->bus, c->a[1], buf, n))
        return SBI_INVALID_PARAM;
    machine_console_write(c->m, buf, n);
    c->value = n;
    return SBI_SUCCESS;
}

static enum sbi_error console_read(struct call *c)
{
    if (!console_memory(c))
        return SBI_INVALID_PARAM;
    uint8_t byte;
    while (c->value < c->a[0] && ns16550a_getc(c->m->uart, &byte)) {
        if (!bus_dma_write(c->m->bus, c->a[1] + c->value, &byte, 1))
            return SBI_INVALID_PARAM;
        c->value++;
    }
    return SBI_SUCCESS;
}

static enum sbi_error console_byte(struct call *c)
{
    machine_console_write(c->m, &(uint8_t){(uint8_t)c->a[0]}, 1);
    return SBI_SUCCESS;
}

/* ---- Legacy calls: one register comes back, and masks lie in memory ---- */

static enum sbi_error legacy_getchar(struct call *c)
{
    uint8_t byte;
    return ns16550a_getc(c->m->uart, &byte) ? (enum sbi_error)byte : (enum sbi_error) - 1;
}

static enum sbi_error legacy_clear_ipi(struct call *c)
{
    c->h->csr.mip &= ~BIT(IRQ_SSI);
    return SBI_SUCCESS;
}

static enum sbi_error legacy_shutdown(struct call *c)
{
    c->away = true;
    machine_end(c->m, MACHINE_GUEST, 0);
    return SBI_SUCCESS;
}

/* The harts of the mask whose virtual address a0 holds; 0 = all. False: the access trapped. */
static bool legacy_harts(struct call *c, uint64_t *set)
{
    uint64_t all = MASK(c->m->nharts - 1, 0);
    *set = all;
    if (!c->a[0])
        return true;
    struct mmu_ctx ctx = hart_data_ctx(c->h);
    struct mmu_map map;
    struct mmu_fault f;
    uint64_t va = c->a[0] & ~UINT64_C(7);
    if (!mmu_translate(&ctx, va, 8, MMU_R, false, &map, &f, NULL)) {
        c->trapped = true;
        c->trap = (struct trap){.cause = f.cause, .tval = f.tval, .tval2 = f.tval2, .tinst = f.tinst, .gva = f.gva};
        return false;
    }
    if (!bus_dma_read(c->m->bus, map.pa, set, 8)) {
        c->trapped = true;
        c->trap = (struct trap){.cause = CAUSE_LOAD_ACCESS, .tval = va};
        return false;
    }
    *set &= all;
    return true;
}

static enum sbi_error legacy_send_ipi(struct call *c)
{
    uint64_t set;
    if (legacy_harts(c, &set))
        raise_ipi(c->m, set);
    return SBI_SUCCESS;
}

static enum sbi_error legacy_fence_i(struct call *c)
{
    uint64_t set;
    (void)legacy_harts(c, &set); /* only to raise its trap: fence.i needs nothing done */
    return SBI_SUCCESS;
}

static enum sbi_error legacy_vma(struct call *c)
{
    uint64_t set;
    if (legacy_harts(c, &set))
        fence_range(c, set, FENCE_VMA, c->a[1], c->a[2], -1);
    return SBI_SUCCESS;
}

static enum sbi_error legacy_vma_asid(struct call *c)
{
    uint64_t set;
    if (legacy_harts(c, &set))
        fence_range(c, set, FENCE_VMA_ASID, c->a[1], c->a[2], (int64_t)(c->a[3] & 0xffff));
    return SBI_SUCCESS;
}

/* ---- The table ---- */

enum {
    EID_LEGACY_MAX = 0xf,
    EID_BASE = 0x10,
    EID_TIME = 0x54494d45,
    EID_IPI = 0x735049,
    EID_RFENCE = 0x52464e43,
    EID_HSM = 0x48534d,
    EID_SRST = 0x53525354,
    EID_DBCN = 0x4442434e
};

static const struct row {
    uint64_t extension, function; /* legacy calls have no function number */
    enum sbi_error (*call)(struct call *c);
} table[] = {
    {0, 0, set_timer},
    {1, 0, console_byte},
    {2, 0, legacy_getchar},
    {3, 0, legacy_clear_ipi},
    {4, 0, legacy_send_ipi},
    {5, 0, legacy_fence_i},
    {6, 0, legacy_vma},
    {7, 0, legacy_vma_asid},
    {8, 0, legacy_shutdown},
    {EID_BASE, 0, base_version},
    {EID_BASE, 1, base_impl_id},
    {EID_BASE, 2, base_impl_version},
    {EID_BASE, 3, base_probe},
    {EID_BASE, 4, base_mvendorid},
    {EID_BASE, 5, base_marchid},
    {EID_BASE, 6, base_mimpid},
    {EID_TIME, 0, set_timer},
    {EID_IPI, 0, send_ipi},
    {EID_RFENCE, 0, rfence_i},
    {EID_RFENCE, 1, rfence_vma},
    {EID_RFENCE, 2, rfence_vma_asid},
    {EID_RFENCE, 3, rfence_gvma_vmid},
    {EID_RFENCE, 4, rfence_gvma},
    {EID_RFENCE, 5, rfence_vvma_asid},
    {EID_RFENCE, 6, rfence_vvma},
    {EID_HSM, 0, hart_start},
    {EID_HSM, 1, hart_stop},
    {EID_HSM, 2, hart_status},
    {EID_HSM, 3, hart_suspend},
    {EID_SRST, 0, system_reset},
    {EID_DBCN, 0, console_write},
    {EID_DBCN, 1, console_read},
    {EID_DBCN, 2, console_byte},
};

static enum sbi_error base_probe(struct call *c)
{
    for (size_t i = 0; i < ARRAY_LEN(table); i++)
        if (table[i].extension == c->a[0])
            c->value = 1;
    return SBI_SUCCESS;
}

/* As firmware hands a trap on: the kernel gets it as if it had come there at once. */
static void redirect(struct hart *h, const struct trap *t)
{
    uint64_t medeleg = h->csr.medeleg;
    if (!(t->cause & CAUSE_INTERRUPT))
        h->csr.medeleg |= BIT(t->cause);
    hart_take_trap(h, t);
    h->csr.medeleg = medeleg;
}

static void tell_return(struct hart *h, uint64_t eid, uint64_t fid, uint64_t error, uint64_t value)
{
    struct event *e = event_begin(h->events, EV_SBI_RET);
    e->a[0] = eid;
    e->a[1] = fid;
    e->a[2] = error;
    e->a[3] = value;
    event_end(h->events, e);
}

void sbi_trap(struct machine *m, unsigned n, const struct trap *t)
{
    struct hart *h = m->hart[n];
    if (t->cause != CAUSE_ECALL_S) {
        redirect(h, t);
        return;
    }
    uint64_t eid = h->x[A7], fid = h->x[A6], a[6];
    bool legacy = eid <= EID_LEGACY_MAX;
    memcpy(a, &h->x[A0], sizeof a);
    struct call c = {.m = m, .h = h, .n = n, .a = a};
    enum sbi_error error = SBI_NOT_SUPPORTED;
    m->stats.sbi_calls++;
    for (size_t i = 0; i < ARRAY_LEN(table); i++)
        if (table[i].extension == eid && (legacy || table[i].function == fid)) {
            error = table[i].call(&c);
            break;
        }
    if (c.trapped) {
        redirect(h, &c.trap);
        return;
    }
    if (event_wanted(h->events, EV_SBI_RET))
        tell_return(h, eid, fid, (uint64_t)(int64_t)error, c.value);
    if (c.away)
        return;
    h->pc += 4;
    h->x[A0] = (uint64_t)(int64_t)error;
    if (!legacy)
        h->x[A1] = error == SBI_SUCCESS ? c.value : 0;
}
