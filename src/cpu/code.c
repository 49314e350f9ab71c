/* SPDX-License-Identifier: MIT */
/* The code cache: where decoded operations live, and how stores drop them. */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "cpu/op.h"

static void *reserve(size_t bytes)
{
    void *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    return p == MAP_FAILED ? NULL : p;
}

static size_t page_count(const struct mem_region *r)
{
    return r->size >> PAGE_SHIFT;
}

bool code_cache_can_tell(struct code_cache *c)
{
    if (!c->told)
        c->told = reserve(2 * (size_t)TOLD_HALF);
    return c->told;
}

/* The list of code pages of physical page pa, or NULL where there is no memory. */
static struct code_page **page_slot(struct code_cache *c, uint64_t pa)
{
    for (unsigned i = 0; i < c->regions; i++) {
        const struct mem_region *r = bus_memory(c->bus, i);
        if (pa - r->base < r->size)
            return &c->pages[i][(pa - r->base) >> PAGE_SHIFT];
    }
    return NULL;
}

/* The store [pa, pa + len), within one page, has happened. */
static void code_written(void *ctx, uint64_t pa, uint64_t len)
{
    struct code_cache *c = ctx;
    struct code_page **slot = page_slot(c, pa);
    uint64_t first = (pa & ~PAGE_MASK) / 64, last = ((pa & ~PAGE_MASK) + len - 1) / 64;
    uint64_t touched = MASK(last, first);
    bool dropped = false, left = false;
    for (struct code_page *p = slot ? *slot : NULL; p; p = p->next) {
        if (p->granules & touched) {
            memset(p->entry, 0, sizeof p->entry);
            p->granules = 0;
            dropped = true;
        }
        left |= p->granules != 0;
    }
    if (dropped && c->running)
        c->running->kick |= KICK_CODE;
    if (!left)
        bus_flag_page(c->bus, pa, PAGE_CODE, false);
}

static void page_protected(void *ctx, uint64_t page_pa)
{
    struct code_cache *c = ctx;
    for (unsigned i = 0; i < c->nharts; i++)
        hart_protect_page(c->harts[i], page_pa);
}

static const struct handler_table *host_handlers(void)
{
#ifdef VITRINE_RUN_V3
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi2") && __builtin_cpu_supports("fma"))
        return &handlers_v3;
#endif
    return &handlers_base;
}

/* Tables that fuse.c finds fused handlers by. False: no memory. */
static bool index_fusions(struct code_cache *c)
{
    const struct handler_table *t = c->handlers;
    c->fused = calloc(INSN_COUNT * INSN_COUNT, sizeof *c->fused);
    c->run_lengths = calloc(INSN_COUNT * INSN_COUNT, 1);
    c->runs = calloc(RUN_SLOTS, sizeof *c->runs);
    if (!c->fused || !c->run_lengths || !c->runs)
        return false;
    for (unsigned i = 0; i < t->nfusions; i++) {
        const struct fusion *f = &t->fusions[i];
        c->fused[f->a * INSN_COUNT + f->b][f->form] = f->fn;
    }
    fuse_init(c);
    c->nloops = t->nloops;
    for (unsigned i = 0; i < t->nruns; i++) {
        const struct run *r = &t->runs[i];
        const uint64_t ids = r->key & UINT64_C(0x00ff00ff00ff00ff);
        const unsigned at = run_slot(ids), n = r->key >> 48 ? 4 : r->key >> 32 ? 3 : 2;
        c->run_lengths[(ids & 0xff) * INSN_COUNT + (ids >> 16 & 0xff)] |= (uint8_t)BIT(n);
        c->run_ids[at / 64] |= BIT(at % 64);
        unsigned slot = run_slot(r->key);
        while (c->runs[slot].fn)
            slot = (slot + 1) % RUN_SLOTS;
        c->runs[slot] = *r;
    }
    return true;
}

struct code_cache *code_cache_new(struct bus *bus, const struct isa *isa)
{
    struct code_cache *c = calloc(1, sizeof *c);
    if (!c)
        return NULL;
    c->bus = bus;
    c->isa = *isa;
    c->max_pages = CODE_PAGES_MAX;
    c->handlers = host_handlers();
    c->decoder = decode_table_new(isa);
    c->ops = reserve(ARENA_OPS * sizeof *c->ops);
    c->offset = reserve(ARENA_OPS * sizeof *c->offset);
    c->used = 1;
    while (bus_memory(bus, c->regions))
        c->regions++;
    c->pages = calloc(c->regions + 1, sizeof *c->pages);
    bool ok = c->decoder && index_fusions(c) && c->ops && c->offset && c->pages;
    for (unsigned i = 0; ok && i < c->regions; i++) {
        c->pages[i] = reserve(page_count(bus_memory(bus, i)) * sizeof *c->pages[i]);
        ok = c->pages[i] != NULL;
    }
    if (!ok) {
        code_cache_free(c);
        return NULL;
    }
    bus_set_flag_owner(bus, PAGE_CODE, code_written, c);
    bus_set_protect_hook(bus, page_protected, c);
    return c;
}

void code_cache_free(struct code_cache *c)
{
    if (!c)
        return;
    for (struct code_page *p = c->all, *next; p; p = next) {
        next = p->next_of_all;
        free(p);
    }
    for (unsigned i = 0; c->pages && i < c->regions; i++)
        if (c->pages[i])
            munmap(c->pages[i], page_count(bus_memory(c->bus, i)) * sizeof *c->pages[i]);
    free(c->pages);
    if (c->ops)
        munmap(c->ops, ARENA_OPS * sizeof *c->ops);
    if (c->offset)
        munmap(c->offset, ARENA_OPS * sizeof *c->offset);
    decode_table_free(c->decoder);
    free(c->harts);
    free(c->fused);
    free(c->run_lengths);
    free(c->runs);
    free(c->breaks);
    free(c->observed);
    if (c->told)
        munmap(c->told, 2 * TOLD_HALF);
    free(c);
}

struct code_page *code_page_get(struct code_cache *c, uint64_t pa, enum fetch_context context)
{
    struct mem_region *r = bus_memory_at(c->bus, pa);
    struct code_page **slot = r ? page_slot(c, pa) : NULL;
    if (!slot)
        return NULL;
    for (struct code_page *p = *slot; p; p = p->next)
        if (p->context == context)
            return p;
    struct code_page *p = calloc(1, sizeof *p);
    if (!p)
        return NULL;
    p->pa = pa & PAGE_MASK;
    p->bytes = mem_host(r, p->pa - r->base);
    p->context = context;
    p->next = *slot;
    *slot = p;
    p->next_of_all = c->all;
    c->all = p;
    c->npages++;
    return p;
}

void code_cache_reset(struct code_cache *c)
{
    for (struct code_page *p = c->all; p; p = p->next_of_all) {
        if (!p->granules)
            continue;
        memset(p->entry, 0, sizeof p->entry);
        p->granules = 0;
    }
    c->used = 1;
    c->resets++;
}

static int by_address(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

bool code_set_breakpoints(struct code_cache *c, const uint64_t *va, unsigned n)
{
    uint64_t *breaks = malloc((n + 1) * sizeof *breaks);
    if (!breaks)
        return false;
    free(c->breaks);
    c->breaks = breaks;
    c->nbreaks = n;
    memset(c->break_offsets, 0, sizeof c->break_offsets);
    for (unsigned i = 0; i < n; i++) {
        unsigned half = (unsigned)(va[i] & ~PAGE_MASK) / 2;
        breaks[i] = va[i];
        c->break_offsets[half / 64] |= BIT(half % 64);
    }
    qsort(breaks, n, sizeof *breaks, by_address);
    code_cache_reset(c);
    return true;
}

bool code_has_breakpoint(const struct code_cache *c, uint64_t va)
{
    return c->nbreaks && bsearch(&va, c->breaks, c->nbreaks, sizeof va, by_address);
}

bool code_has_physical_breakpoints(const struct code_cache *c)
{
    for (unsigned i = 0; i < c->nbreaks; i++)
        if (c->breaks[i] >> 62 == HART_BREAK_PHYSICAL >> 62)
            return true;
    return false;
}

void code_cache_remapped(struct code_cache *c)
{
    for (struct code_page *p = c->all; p; p = p->next_of_all) {
        for (unsigned i = 0; i < c->regions; i++) {
            const struct mem_region *r = bus_memory(c->bus, i);
            if (r->readonly && p->pa - r->base < r->size) {
                memset(p->entry, 0, sizeof p->entry);
                p->granules = 0;
            }
        }
    }
    for (unsigned i = 0; i < c->nharts; i++)
        hart_flush_all(c->harts[i]);
}

void code_cache_trim(struct code_cache *c)
{
    enum { FEW = 2 }; /* what one fetch may add */
    if (LIKELY(c->npages + FEW <= c->max_pages))
        return;
    for (unsigned i = 0; i < c->nharts; i++)
        hart_forget_code(c->harts[i]);
    for (struct code_page *p = c->all, *next; p; p = next) {
        next = p->next_of_all;
        *page_slot(c, p->pa) = NULL;
        if (bus_memory_at(c->bus, p->pa)) /* else a flash chip that takes commands: a flag too many does no harm */
            bus_flag_page(c->bus, p->pa, PAGE_CODE, false);
        free(p);
    }
    c->all = NULL;
    c->npages = 0;
    c->used = 1;
    c->resets++;
}
