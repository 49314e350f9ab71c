/* SPDX-License-Identifier: MIT */
/* A hart's TLB banks: which one the current mode uses, fetching through it, and flushing. */
#include "cpu/context.h"

#include <stdlib.h>
#include <string.h>

#include "cpu/csr_bits.h"
#include "cpu/observe.h"
#include "cpu/op.h"
#include "cpu/trap.h"

enum { DATA_BANKS = 24, FETCH_BANKS = 32, QUICK = 64 };

struct quick {
    uint64_t key; /* 0: free */
    struct tlb *data;
    struct fetch_tlb *fetch;
};

struct hart_banks {
    struct tlb *data[DATA_BANKS];
    struct fetch_tlb *fetch[FETCH_BANKS];
    uint64_t tick;
    /* Banks by the cheap part of what they depend on, valid while the rest is as noted here. */
    struct quick quick[QUICK];
    uint64_t satp, vsatp, hgatp, menvcfg, henvcfg;
};

static struct tlb_key key_of(const struct mmu_ctx *c)
{
    struct tlb_key k = {.virt = c->virt};
    bool bare_m = c->priv == PRIV_M && !c->virt;
    if (!bare_m)
        k.satp = c->satp;
    if (c->virt)
        k.hgatp = c->hgatp;
    k.flags = (uint32_t)c->priv | (uint32_t)c->virt << 2 | (uint32_t)c->sum << 3 | (uint32_t)c->mxr << 4 |
              (uint32_t)c->vmxr << 5 | (uint32_t)c->adue << 6 | (uint32_t)c->adue_g << 7 | (uint32_t)c->pbmte << 8 |
              (uint32_t)c->pbmte_g << 9 | (c->hlvx ? TLB_KEY_HLVX : 0);
    if (bare_m)
        k.flags = PRIV_M;
    return k;
}

static bool same_key(const struct tlb_key *a, const struct tlb_key *b)
{
    return a->satp == b->satp && a->hgatp == b->hgatp && a->flags == b->flags;
}

/* Initial and Clean count as one: what matters is whether the next FP write has to tell. Priv. 3.1.6.6 */
static enum fetch_context fp_context(const struct hart *h)
{
    uint64_t fs = h->csr.mstatus & MSTATUS_FS, vfs = h->virt ? h->csr.vsstatus & MSTATUS_FS : MSTATUS_FS;
    if (!fs || !vfs)
        return FETCH_FP_OFF;
    if (fs != MSTATUS_FS || vfs != MSTATUS_FS)
        return FETCH_FP_CLEAN;
    return h->csr.frm ? FETCH_FP_FRM : FETCH_FP_DIRTY;
}

static void clear_fetch(struct fetch_tlb *t)
{
    if (t->empty)
        return;
    for (unsigned i = 0; i < FETCH_ENTRIES; i++)
        t->entry[i] = (struct fetch_entry){.tag = FETCH_NO_TAG};
    t->empty = true;
    t->super = false;
}

static struct tlb *data_bank(struct hart *h, const struct tlb_key *key)
{
    struct hart_banks *b = h->banks;
    unsigned victim = DATA_BANKS; /* never the bank in use */
    for (unsigned i = 0; i < DATA_BANKS; i++) {
        if (!b->data[i]) {
            victim = i;
            break;
        }
        if (same_key(&b->data[i]->key, key)) {
            b->data[i]->used = ++b->tick;
            return b->data[i];
        }
        if (b->data[i] != h->tlb && (victim == DATA_BANKS || b->data[i]->used < b->data[victim]->used))
            victim = i;
    }
    if (!b->data[victim]) {
        b->data[victim] = aligned_alloc(64, (sizeof *b->data[victim] + 63) & ~(size_t)63);
        if (!b->data[victim])
            return NULL;
    } else {
        memset(b->quick, 0, sizeof b->quick);
    }
    tlb_init(b->data[victim], key);
    b->data[victim]->used = ++b->tick;
    return b->data[victim];
}

static struct fetch_tlb *fetch_bank(struct hart *h, const struct tlb_key *key, enum fetch_context context)
{
    struct hart_banks *b = h->banks;
    unsigned victim = 0;
    for (unsigned i = 0; i < FETCH_BANKS; i++) {
        if (!b->fetch[i]) {
            victim = i;
            break;
        }
        if (same_key(&b->fetch[i]->key, key) && b->fetch[i]->context == context) {
            b->fetch[i]->used = ++b->tick;
            return b->fetch[i];
        }
        if (b->fetch[i]->used < b->fetch[victim]->used)
            victim = i;
    }
    if (!b->fetch[victim]) {
        b->fetch[victim] = calloc(1, sizeof *b->fetch[victim]);
        if (!b->fetch[victim])
            return NULL;
    } else {
        memset(b->quick, 0, sizeof b->quick);
    }
    struct fetch_tlb *t = b->fetch[victim];
    t->key = *key;
    t->context = context;
    t->used = ++b->tick;
    t->empty = false;
    clear_fetch(t);
    return t;
}

/* The bits of state that choose among banks and change often, in one word. Never 0. */
static uint64_t quick_key(const struct hart *h)
{
    const uint64_t m = MSTATUS_MPRV | MSTATUS_MPP | MSTATUS_SUM | MSTATUS_MXR | MSTATUS_FS | MSTATUS_MPV;
    const uint64_t v = MSTATUS_SUM | MSTATUS_MXR | MSTATUS_FS;
    uint64_t k = h->csr.mstatus & m; /* bits 39, 19:17, 14:11 */
    if (h->virt || (h->csr.mstatus & MSTATUS_MPV))
        k |= (h->csr.vsstatus & v) << 24; /* to bits 43:42 and 38:37 */
    return k | (uint64_t)h->priv | (uint64_t)h->virt << 2 | (uint64_t)h->step << 3 | (uint64_t)(h->csr.frm != 0) << 4 |
           (uint64_t)h->tells << 5 /* to 6 */ | BIT(63);
}

static unsigned quick_slot(uint64_t key)
{
    return (unsigned)((key * UINT64_C(0x9e3779b97f4a7c15)) >> 58) % QUICK;
}

void hart_context_changed(struct hart *h)
{
    struct hart_banks *b = h->banks;
    const struct csrs *c = &h->csr;
    if (UNLIKELY(b->satp != c->satp || b->vsatp != c->vsatp || b->hgatp != c->hgatp || b->menvcfg != c->menvcfg ||
                 b->henvcfg != c->henvcfg)) {
        memset(b->quick, 0, sizeof b->quick);
        b->satp = c->satp;
        b->vsatp = c->vsatp;
        b->hgatp = c->hgatp;
        b->menvcfg = c->menvcfg;
        b->henvcfg = c->henvcfg;
    }
    uint64_t key = quick_key(h);
    struct quick *q = &b->quick[quick_slot(key)];
    if (UNLIKELY(q->key != key)) {
        struct mmu_ctx data = hart_data_ctx(h), fetch = hart_fetch_ctx(h);
        struct tlb_key dk = key_of(&data), fk = key_of(&fetch);
        fk.flags &= ~(uint32_t)(TLB_KEY_SUM | TLB_KEY_MXR | TLB_KEY_VMXR); /* SUM and MXR say nothing of fetches */
        struct tlb *t = data_bank(h, &dk);
        struct fetch_tlb *f = fetch_bank(h, &fk,
                                         fp_context(h) | (h->step ? FETCH_STEP : 0) | (h->tells ? FETCH_TELL : 0) |
                                             (h->tells == TELLS_BUT_FP ? FETCH_FP_ALONE : 0));
        if (!t || !f)
            abort(); /* out of memory for TLBs: nothing can run */
        *q = (struct quick){key, t, f};
    }
    if (h->tlb != q->data || h->fetch != q->fetch) {
        h->tlb = q->data;
        h->fetch = q->fetch;
        h->kick |= KICK_CODE;
    }
}

struct tlb *hart_bank_of(struct hart *h, const struct mmu_ctx *c)
{
    struct tlb_key k = key_of(c);
    return data_bank(h, &k);
}

int hart_banks_init(struct hart *h)
{
    h->banks = calloc(1, sizeof *h->banks);
    if (!h->banks)
        return -1;
    hart_context_changed(h);
    return 0;
}

void hart_banks_free(struct hart *h)
{
    if (!h->banks)
        return;
    for (unsigned i = 0; i < DATA_BANKS; i++)
        free(h->banks->data[i]);
    for (unsigned i = 0; i < FETCH_BANKS; i++)
        free(h->banks->fetch[i]);
    free(h->banks);
    h->banks = NULL;
}

const struct tlb *hart_data_bank(const struct hart *h, unsigned n)
{
    return n < DATA_BANKS ? h->banks->data[n] : NULL;
}

const struct fetch_tlb *hart_fetch_bank(const struct hart *h, unsigned n)
{
    return n < FETCH_BANKS ? h->banks->fetch[n] : NULL;
}

/* ---- fetching ---- */

static void fetch_fault(struct hart *h, const struct mmu_fault *f)
{
    h->last_trap =
        (struct trap){.cause = f->cause, .tval = f->tval, .tval2 = f->tval2, .tinst = f->tinst, .gva = f->gva};
}

/* Translates for fetching two bytes at va. On success *host is where they are. False: last_trap. */
static bool fetch_translate(struct hart *h, uint64_t va, struct mmu_map *m, const uint8_t **host)
{
    struct mmu_ctx c = hart_fetch_ctx(h);
    struct mmu_fault f;
    struct observed_walk w;
    if (!mmu_translate(&c, va, 2, MMU_X, false, m, &f, observe_walk(h, &w))) {
        fetch_fault(h, &f);
        return false;
    }
    const struct mem_region *r = bus_memory_at(h->bus, m->pa);
    if (!r) {
        h->last_trap = (struct trap){.cause = CAUSE_FETCH_ACCESS, .tval = va, .gva = h->virt};
        return false;
    }
    *host = mem_host(r, m->pa - r->base);
    return true;
}

/* What differs by context only is one TLB to whoever watches: the translation of va's page in a bank for another context is no new one, and a
 * new one drops what stands in its place there. NULL: there is none. */
static const struct code_page *known_elsewhere(struct hart *h, uint64_t va)
{
    struct fetch_tlb *t = h->fetch;
    struct hart_banks *b = h->banks;
    const unsigned at = (va >> PAGE_SHIFT) % FETCH_ENTRIES;
    const struct code_page *found = NULL;
    for (unsigned i = 0; i < FETCH_BANKS && b->fetch[i]; i++) {
        struct fetch_tlb *other = b->fetch[i];
        if (other == t || !same_key(&other->key, &t->key) || other->entry[at].tag == FETCH_NO_TAG)
            continue;
        if (other->entry[at].tag == (va & PAGE_MASK)) {
            found = other->entry[at].page;
            t->super |= other->super;
        } else {
            other->entry[at].tag = FETCH_NO_TAG;
        }
    }
    return found;
}

static void keep_page(struct hart *h, uint64_t va, struct code_page *page)
{
    struct fetch_entry *e = &h->fetch->entry[(va >> PAGE_SHIFT) % FETCH_ENTRIES];
    if (!page)
        abort(); /* out of memory */
    e->tag = va & PAGE_MASK;
    e->page = page;
    h->fetch->empty = false;
}

/* The code page for va's page, from the fetch TLB or by translation. False: last_trap. *page NULL: fetch it uncached from *host. */
static bool fetch_page(struct hart *h, uint64_t va, struct code_page **page, const uint8_t **host)
{
    struct fetch_entry *e = &h->fetch->entry[(va >> PAGE_SHIFT) % FETCH_ENTRIES];
    if (e->tag == (va & PAGE_MASK)) {
        *page = e->page;
        *host = e->page->bytes + (va & ~PAGE_MASK);
        return true;
    }
    const struct code_page *known = known_elsewhere(h, va);
    if (known) {
        *page = code_page_get(h->code, known->pa, h->fetch->context);
        keep_page(h, va, *page);
        *host = (*page)->bytes + (va & ~PAGE_MASK);
        return true;
    }
    struct mmu_map m;
    *page = NULL;
    if (!fetch_translate(h, va, &m, host))
        return false;
    if (!m.whole_page)
        return true;
    *page = code_page_get(h->code, m.pa, h->fetch->context);
    keep_page(h, va, *page);
    h->fetch->super |= m.fence_size > PAGE_SIZE;
    if (event_wanted(h->events, EV_TLB_FILL))
        observe_fill(h, va, &m, MMU_X);
    return true;
}

static uint16_t half_at(const uint8_t *host)
{
    uint16_t v;
    memcpy(&v, host, sizeof v);
    return v;
}

const struct op *fetch_lookup(struct hart *h)
{
    struct code_cache *c = h->code;
    struct code_page *page, *second = NULL;
    const uint8_t *host, *host2;
    uint64_t pc = h->pc;
    unsigned off = (unsigned)(pc & ~PAGE_MASK);
    code_cache_trim(c);
    if (!fetch_page(h, pc, &page, &host))
        return NULL;
    uint32_t raw = half_at(host);
    bool crosses = off == PAGE_SIZE - 2 && insn_length(raw) == 4;
    h->page_va = pc & PAGE_MASK;
    if (page && !crosses) {
        uint32_t at = page->entry[off / 2];
        return &c->ops[at ? at : block_form(c, page, off)];
    }
    if (insn_length(raw) == 4) {
        if (!fetch_page(h, pc + 2, &second, &host2))
            return NULL;
        raw |= (uint32_t)half_at(host2) << 16;
    }
    if (!page || (crosses && !second))
        return &c->ops[block_form_uncached(c, h->fetch->context, raw, off)];
    uint32_t at = page->entry[PAGE_HALVES - 1];
    if (!at || (uint32_t)c->ops[at].imm != raw)
        at = block_form_crossing(c, page, raw);
    return &c->ops[at];
}

/* Two bytes of code as the hart would fetch them, without a trace of it. False: it cannot. */
static bool peek_half(struct hart *h, uint64_t va, uint32_t *half)
{
    const struct fetch_entry *e = &h->fetch->entry[(va >> PAGE_SHIFT) % FETCH_ENTRIES];
    struct mmu_ctx c = hart_fetch_ctx(h);
    struct mmu_map m;
    struct mmu_fault f;
    if (e->tag == (va & PAGE_MASK)) {
        *half = half_at(e->page->bytes + (va & ~PAGE_MASK));
        return true;
    }
    const struct mem_region *r =
        mmu_translate(&c, va, 2, MMU_X, true, &m, &f, NULL) ? bus_memory_at(h->bus, m.pa) : NULL;
    if (r)
        *half = half_at(mem_host(r, m.pa - r->base));
    return r;
}

uint32_t fetch_raw(struct hart *h)
{
    uint32_t raw = 0, second;
    if (peek_half(h, h->pc, &raw) && insn_length(raw) == 4 && peek_half(h, h->pc + 2, &second))
        raw |= second << 16;
    return raw;
}

void fp_make_dirty(struct hart *h)
{
    enum { MSTATUS = 0x300, VSSTATUS = 0x200 };
    struct observed_csr m = observe_csr_before(h, MSTATUS), vs = observe_csr_before(h, VSSTATUS);
    h->csr.mstatus |= MSTATUS_FS;
    if (h->virt)
        h->csr.vsstatus |= MSTATUS_FS;
    hart_context_changed(h);
    observe_side(h, h->pc, event_mode_of(h), &m);
    if (h->virt)
        observe_side(h, h->pc, event_mode_of(h), &vs);
}

/* ---- flushing ---- */

static int64_t satp_asid(uint64_t satp)
{
    return (int64_t)bits(satp, 59, 44);
}

static int64_t hgatp_vmid(uint64_t hgatp)
{
    return (int64_t)bits(hgatp, 57, 44);
}

/* What a fence names; -1 and have_va = false stand for "all". */
struct flush {
    bool virt;
    bool have_va;
    uint64_t va;
    int64_t asid, vmid;
};

static bool flush_hits(const struct flush *f, const struct tlb_key *k)
{
    if (k->virt != f->virt)
        return false;
    if (f->vmid >= 0 && hgatp_vmid(k->hgatp) != f->vmid)
        return false;
    return f->asid < 0 || satp_asid(k->satp) == f->asid;
}

static void flush_fetch(struct fetch_tlb *t, bool have_va, uint64_t va)
{
    if (!have_va || t->super) {
        clear_fetch(t);
        return;
    }
    struct fetch_entry *e = &t->entry[(va >> PAGE_SHIFT) % FETCH_ENTRIES];
    if (e->tag == (va & PAGE_MASK))
        e->tag = FETCH_NO_TAG;
}

static void flush_banks(struct hart *h, const struct flush *f)
{
    struct hart_banks *b = h->banks;
    h->flushes++;
    for (unsigned i = 0; i < DATA_BANKS && b->data[i]; i++) {
        if (!flush_hits(f, &b->data[i]->key))
            continue;
        if (f->have_va)
            tlb_flush_page(b->data[i], f->va);
        else
            tlb_flush(b->data[i]);
    }
    for (unsigned i = 0; i < FETCH_BANKS && b->fetch[i]; i++)
        if (flush_hits(f, &b->fetch[i]->key))
            flush_fetch(b->fetch[i], f->have_va, f->va);
    h->kick |= KICK_CODE;
}

void hart_sfence_vma(struct hart *h, bool have_va, uint64_t va, int64_t asid)
{
    if (event_wanted(h->events, EV_TLB_FLUSH))
        observe_flush(h, FLUSH_SFENCE, have_va, va, asid, -1);
    flush_banks(h, &(struct flush){.have_va = have_va, .va = va, .asid = asid, .vmid = -1});
}

void hart_hfence_vvma(struct hart *h, bool have_va, uint64_t va, int64_t asid)
{
    if (event_wanted(h->events, EV_TLB_FLUSH))
        observe_flush(h, FLUSH_HFENCE_VVMA, have_va, va, asid, hgatp_vmid(h->csr.hgatp));
    flush_banks(
        h, &(struct flush){.virt = true, .have_va = have_va, .va = va, .asid = asid, .vmid = hgatp_vmid(h->csr.hgatp)});
}

void hart_hfence_gvma(struct hart *h, bool have_gpa, uint64_t gpa, int64_t vmid)
{
    /* Entries are by guest virtual address: all of the VMID go. */
    if (event_wanted(h->events, EV_TLB_FLUSH))
        observe_flush(h, FLUSH_HFENCE_GVMA, have_gpa, gpa, -1, vmid);
    flush_banks(h, &(struct flush){.virt = true, .asid = -1, .vmid = vmid});
}

void hart_flush_all(struct hart *h)
{
    struct hart_banks *b = h->banks;
    if (event_wanted(h->events, EV_TLB_FLUSH))
        observe_flush(h, FLUSH_ALL, false, 0, -1, -1);
    h->flushes++;
    for (unsigned i = 0; i < DATA_BANKS && b->data[i]; i++)
        tlb_flush(b->data[i]);
    for (unsigned i = 0; i < FETCH_BANKS && b->fetch[i]; i++)
        clear_fetch(b->fetch[i]);
    h->kick |= KICK_CODE;
}

void hart_forget_code(struct hart *h)
{
    struct hart_banks *b = h->banks;
    for (unsigned i = 0; i < FETCH_BANKS && b->fetch[i]; i++)
        clear_fetch(b->fetch[i]);
}

void hart_protect_page(struct hart *h, uint64_t page_pa)
{
    const struct mem_region *r = bus_memory_at(h->bus, page_pa);
    struct hart_banks *b = h->banks;
    if (!r)
        return;
    for (unsigned i = 0; i < DATA_BANKS && b->data[i]; i++)
        tlb_protect(b->data[i], mem_host(r, (page_pa & PAGE_MASK) - r->base),
                    r->flags[(page_pa - r->base) >> PAGE_SHIFT] >> PAGE_WATCH_READ & 1);
}
