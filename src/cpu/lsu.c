/* SPDX-License-Identifier: MIT */
/* Loads and stores that missed the TLB: translation, MMIO, misaligned accesses that cross pages, flagged pages; atomics; cbo; HLV and HSV. */
#include <string.h>

#include "cpu/context.h"
#include "cpu/observe.h"
#include "cpu/op.h"
#include "cpu/trap.h"

/* Where an access of up to 8 bytes within one page goes. */
struct place {
    uint64_t pa;
    uint8_t *host; /* NULL: MMIO, or nothing */
    struct mem_region *region;
};

static bool fault(struct hart *h, uint64_t cause, uint64_t va)
{
    h->last_trap = (struct trap){.cause = cause, .tval = va, .gva = hart_data_ctx(h).virt};
    return false;
}

/* The access at va by the instruction at pc did not come off: last_trap gets the instruction's transformed form. */
static bool failed_access(struct hart *h, uint64_t va)
{
    if (h->isa.h && !h->last_trap.tinst)
        h->last_trap.tinst = tinst_transform(&h->isa, fetch_raw(h), (unsigned)(h->last_trap.tval - va));
    return false;
}

static uint64_t access_cause(enum mmu_access a)
{
    return a == MMU_W ? CAUSE_STORE_ACCESS : CAUSE_LOAD_ACCESS;
}

static bool find(struct hart *h, const struct mmu_ctx *c, uint64_t va, unsigned size, enum mmu_access a,
                 struct mmu_map *m, struct place *p)
{
    struct mmu_fault f;
    struct observed_walk w;
    if (!mmu_translate(c, va, size, a, false, m, &f, observe_walk(h, &w))) {
        h->last_trap =
            (struct trap){.cause = f.cause, .tval = f.tval, .tval2 = f.tval2, .tinst = f.tinst, .gva = f.gva};
        return false;
    }
    p->pa = m->pa;
    p->region = bus_memory_at(h->bus, m->pa);
    p->host = p->region ? mem_host(p->region, m->pa - p->region->base) : NULL;
    if (p->region && a == MMU_W && p->region->readonly)
        p->host = NULL; /* the bus knows: a flash chip takes commands there, a ROM nothing */
    return true;
}

/* Flags that keep a page out of the TLB: any for writing, those that want to hear of reads for reading. */
enum { PAGE_NO_WRITE = 0xff, PAGE_NO_READ = 1 << PAGE_WATCH_READ };

static unsigned flags_at(const struct place *p)
{
    return p->region->flags[(p->pa - p->region->base) >> PAGE_SHIFT];
}

/* Keeps what find() found in the bank t, where that may be. */
static void keep(struct hart *h, struct tlb *t, uint64_t va, enum mmu_access a, const struct mmu_map *m,
                 const struct place *p)
{
    if (p->host && m->whole_page && !(flags_at(p) & (a == MMU_W ? PAGE_NO_WRITE : PAGE_NO_READ))) {
        tlb_fill(t, a == MMU_W, va, p->host - (va & ~PAGE_MASK), m->fence_size);
        if (event_wanted(h->events, EV_TLB_FILL))
            observe_fill(h, va, m, a);
    }
}

/* Translates for the current data regime. */
static bool find_data(struct hart *h, uint64_t va, unsigned size, enum mmu_access a, struct place *p)
{
    struct mmu_ctx c = hart_data_ctx(h);
    struct mmu_map m;
    if (!find(h, &c, va, size, a, &m, p))
        return false;
    keep(h, h->tlb, va, a, &m, p);
    return true;
}

static bool load_place(struct hart *h, const struct place *p, uint64_t va, unsigned size, uint64_t *val)
{
    *val = 0;
    if (p->host) {
        memcpy(val, p->host, size);
        if (UNLIKELY(flags_at(p) & PAGE_NO_READ))
            bus_tell_read(h->bus, p->pa, size);
        return true;
    }
    h->reservation = UINT64_MAX;
    if (p->pa & (size - 1))
        return fault(h, CAUSE_LOAD_ACCESS, va);
    return bus_read(h->bus, p->pa, size, val) || fault(h, CAUSE_LOAD_ACCESS, va);
}

static bool store_place(struct hart *h, const struct place *p, uint64_t va, unsigned size, uint64_t val)
{
    if (p->host && !flags_at(p)) {
        memcpy(p->host, &val, size);
        return true;
    }
    if (p->host)
        return bus_dma_write(h->bus, p->pa, &val, size) || fault(h, CAUSE_STORE_ACCESS, va);
    h->reservation = UINT64_MAX;
    if (p->pa & (size - 1))
        return fault(h, CAUSE_STORE_ACCESS, va);
    return bus_write(h->bus, p->pa, size, val) || fault(h, CAUSE_STORE_ACCESS, va);
}

/* Bytes of [va, va + size) that lie on va's page. */
static unsigned first_part(uint64_t va, unsigned size)
{
    uint64_t room = PAGE_SIZE - (va & ~PAGE_MASK);
    return room < size ? (unsigned)room : size;
}

static bool load_bytes(struct hart *h, const struct place *p, uint64_t va, unsigned n, uint8_t *out)
{
    for (unsigned i = 0; i < n; i++) {
        struct place b = {p->pa + i, p->host ? p->host + i : NULL, p->region};
        uint64_t v;
        if (!load_place(h, &b, va + i, 1, &v))
            return false;
        out[i] = (uint8_t)v;
    }
    return true;
}

static bool load(struct hart *h, uint64_t va, unsigned size, uint64_t *val)
{
    struct place a, b;
    unsigned n = first_part(va, size);
    if (!find_data(h, va, n, MMU_R, &a))
        return false;
    if (n == size)
        return load_place(h, &a, va, size, val);
    uint8_t bytes[8] = {0};
    if (!find_data(h, va + n, size - n, MMU_R, &b) || !load_bytes(h, &a, va, n, bytes) ||
        !load_bytes(h, &b, va + n, size - n, bytes + n))
        return false;
    memcpy(val, bytes, sizeof bytes);
    return true;
}

bool lsu_load(struct hart *h, uint64_t va, unsigned size, uint64_t *val)
{
    return load(h, va, size, val) || failed_access(h, va);
}

static bool store_bytes(struct hart *h, const struct place *p, uint64_t va, unsigned n, uint64_t val)
{
    for (unsigned i = 0; i < n; i++, val >>= 8) {
        struct place b = {p->pa + i, p->host ? p->host + i : NULL, p->region};
        if (!store_place(h, &b, va + i, 1, val & 0xff))
            return false;
    }
    return true;
}

static bool store(struct hart *h, uint64_t va, unsigned size, uint64_t val)
{
    struct place a, b;
    unsigned n = first_part(va, size);
    if (!find_data(h, va, n, MMU_W, &a))
        return false;
    if (n == size)
        return store_place(h, &a, va, size, val);
    return find_data(h, va + n, size - n, MMU_W, &b) && store_bytes(h, &a, va, n, val) &&
           store_bytes(h, &b, va + n, size - n, val >> 8 * n);
}

bool lsu_store(struct hart *h, uint64_t va, unsigned size, uint64_t val)
{
    return store(h, va, size, val) || failed_access(h, va);
}

/* ---- atomics: naturally aligned, in memory only ---- */

static bool find_atomic(struct hart *h, uint64_t va, unsigned size, enum mmu_access a, struct place *p)
{
    if (va & (size - 1))
        return fault(h, a == MMU_W ? CAUSE_STORE_MISALIGNED : CAUSE_LOAD_MISALIGNED, va);
    if (!find_data(h, va, size, a, p))
        return false;
    return p->host || fault(h, access_cause(a), va);
}

uint64_t amo_compute(enum insn_id id, uint64_t old, uint64_t src)
{
    int64_t so = (int64_t)old, ss = (int64_t)src;
    if (id == INSN_amomin_w || id == INSN_amomax_w) {
        so = (int32_t)old;
        ss = (int32_t)src;
    }
    if (id == INSN_amominu_w || id == INSN_amomaxu_w) {
        old = (uint32_t)old;
        src = (uint32_t)src;
    }
    if (id == INSN_amoswap_w || id == INSN_amoswap_d)
        return src;
    if (id == INSN_amoadd_w || id == INSN_amoadd_d)
        return old + src;
    if (id == INSN_amoxor_w || id == INSN_amoxor_d)
        return old ^ src;
    if (id == INSN_amoand_w || id == INSN_amoand_d)
        return old & src;
    if (id == INSN_amoor_w || id == INSN_amoor_d)
        return old | src;
    if (id == INSN_amomin_w || id == INSN_amomin_d)
        return so < ss ? old : src;
    if (id == INSN_amomax_w || id == INSN_amomax_d)
        return so > ss ? old : src;
    if (id == INSN_amominu_w || id == INSN_amominu_d)
        return old < src ? old : src;
    return old > src ? old : src; /* amomaxu */
}

bool lsu_amo(struct hart *h, uint64_t va, unsigned size, enum insn_id id, uint64_t src, uint64_t *old)
{
    struct place p;
    return (find_atomic(h, va, size, MMU_W, &p) && load_place(h, &p, va, size, old) &&
            store_place(h, &p, va, size, amo_compute(id, *old, src))) ||
           failed_access(h, va);
}

bool lsu_lr(struct hart *h, uint64_t va, unsigned size, uint64_t *val)
{
    struct place p;
    if (!find_atomic(h, va, size, MMU_R, &p))
        return failed_access(h, va);
    h->reservation = p.pa;
    h->reservation_size = size;
    return load_place(h, &p, va, size, val);
}

/* Fails unless this hart's last LR was of the same bytes and nothing dropped the reservation since. One that faults drops it when the hart takes the
 * trap: until then it has not executed, and who stands in for the trap's target may have it tried again. Unpriv. "Zalrsc" */
bool lsu_sc(struct hart *h, uint64_t va, unsigned size, uint64_t val, uint64_t *failed)
{
    struct place p;
    uint64_t reserved = h->reservation;
    *failed = 1;
    h->drops_reservation = true; /* if it faults */
    if (va & (size - 1)) {
        fault(h, CAUSE_STORE_MISALIGNED, va);
        return failed_access(h, va);
    }
    if (reserved != UINT64_MAX && !find_atomic(h, va, size, MMU_W, &p))
        return failed_access(h, va);
    h->drops_reservation = false;
    h->reservation = UINT64_MAX;
    if (reserved == UINT64_MAX || p.pa != reserved || size != h->reservation_size)
        return true;
    *failed = 0;
    return store_place(h, &p, va, size, val);
}

/* ---- cache-block operations; a block is 64 bytes. Unpriv. "CMO" ---- */
enum { CACHE_BLOCK = 64 };

/* A fault tells rs1, unlike the block that was tried; the guest physical address is that of the same byte, but for a PTE's. */
static bool failed_cbo(struct hart *h, uint64_t va)
{
    struct trap *t = &h->last_trap;
    if (t->cause == CAUSE_STORE_GUEST_PAGE && !t->tinst)
        t->tval2 += (va - t->tval) >> 2;
    t->tval = va;
    return failed_access(h, va);
}

bool lsu_cbo(struct hart *h, enum insn_id id, uint32_t insn, uint64_t va)
{
    static const uint8_t zeros[CACHE_BLOCK];
    bool inval_flushes;
    struct place p;
    uint64_t block = va & ~(uint64_t)(CACHE_BLOCK - 1);
    if (!trap_cbo_allowed(h, insn, &inval_flushes, &h->last_trap))
        return false;
    struct mmu_ctx c = hart_data_ctx(h);
    struct mmu_map m;
    if (id == INSN_cbo_zero) {
        if (!find(h, &c, block, CACHE_BLOCK, MMU_W, &m, &p))
            return failed_cbo(h, va);
        return (p.host && bus_dma_write(h->bus, p.pa, zeros, CACHE_BLOCK)) || fault(h, CAUSE_STORE_ACCESS, va) ||
               failed_access(h, va);
    }
    /* The others need either permission; memory here has no caches to manage. */
    if (find(h, &c, block, CACHE_BLOCK, MMU_R, &m, &p))
        return true;
    struct trap read = h->last_trap;
    if (find(h, &c, block, CACHE_BLOCK, MMU_W, &m, &p))
        return true;
    /* Where stage one lets it be read and not written, it is stage two that denies it, whatever it says of writes. */
    if (read.cause == CAUSE_LOAD_GUEST_PAGE && h->last_trap.cause == CAUSE_STORE_PAGE) {
        h->last_trap = read;
        h->last_trap.cause = CAUSE_STORE_GUEST_PAGE;
    }
    return failed_cbo(h, va);
}

/* ---- hypervisor loads and stores. Priv. 18.3.1 ---- */

static unsigned hyp_size(enum insn_id id)
{
    if (id == INSN_hlv_b || id == INSN_hlv_bu || id == INSN_hsv_b)
        return 1;
    if (id == INSN_hlv_h || id == INSN_hlv_hu || id == INSN_hlvx_hu || id == INSN_hsv_h)
        return 2;
    return id == INSN_hlv_d || id == INSN_hsv_d ? 8 : 4;
}

static bool hyp_store(struct hart *h, const struct place p[2], uint64_t va, unsigned size, uint64_t val)
{
    unsigned n = first_part(va, size);
    if (n == size)
        return store_place(h, &p[0], va, size, val);
    return store_bytes(h, &p[0], va, n, val) && store_bytes(h, &p[1], va + n, size - n, val >> 8 * n);
}

static bool hyp_load(struct hart *h, const struct place p[2], uint64_t va, unsigned size, uint64_t *val)
{
    unsigned n = first_part(va, size);
    uint8_t bytes[8] = {0};
    if (n == size)
        return load_place(h, &p[0], va, size, val);
    if (!load_bytes(h, &p[0], va, n, bytes) || !load_bytes(h, &p[1], va + n, size - n, bytes + n))
        return false;
    memcpy(val, bytes, sizeof bytes);
    return true;
}

/* The same by the bank alone. */
static bool hyp_hit(const struct tlb *t, uint64_t va, unsigned size, bool stores, uint64_t *val)
{
    const struct tlb_entry *e = stores ? &t->w[tlb_index(va)] : &t->r[tlb_index(va)];
    uint64_t at = va - e->page;
    if (at > (uint64_t)PAGE_SIZE - size)
        return false;
    if (stores) {
        memcpy(e->host + at, val, size);
    } else {
        *val = 0;
        memcpy(val, e->host + at, size);
    }
    return true;
}

bool lsu_hyp(struct hart *h, enum insn_id id, uint32_t insn, uint64_t va, uint64_t *val)
{
    struct mmu_ctx c;
    bool stores = id == INSN_hsv_b || id == INSN_hsv_h || id == INSN_hsv_w || id == INSN_hsv_d;
    bool hlvx = id == INSN_hlvx_hu || id == INSN_hlvx_wu;
    unsigned size = hyp_size(id), n = first_part(va, size);
    enum mmu_access a = stores ? MMU_W : MMU_R;
    struct place p[2];
    struct mmu_map m;
    if (!hart_hyp_ctx(h, insn, hlvx, &c, &h->last_trap))
        return false;
    struct tlb *t = hart_bank_of(h, &c);
    if (t && hyp_hit(t, va, size, stores, val))
        return true;
    if (find(h, &c, va, n, a, &m, &p[0]) && (n == size || find(h, &c, va + n, size - n, a, &m, &p[1]))) {
        if (t && n == size)
            keep(h, t, va, a, &m, &p[0]);
        bool executable = p[0].host && (n == size || p[1].host); /* MMIO is not */
        if (hlvx && !executable)
            fault(h, CAUSE_LOAD_ACCESS, va);
        else if (stores ? hyp_store(h, p, va, size, *val) : hyp_load(h, p, va, size, val))
            return true;
        h->last_trap.gva = c.virt;
    }
    return failed_access(h, va);
}
