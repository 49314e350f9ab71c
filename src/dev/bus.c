/* SPDX-License-Identifier: MIT */
#include "dev/bus.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

/* Host mappings start on a boundary of the host's huge pages, so that RAM can be backed by them. */
#define HUGE_ALIGN ((size_t)2 << 20)

struct memory {
    struct mem_region r;
    void *map; /* as mmap() gave it */
    size_t map_len;
    size_t flags_len;
    char name[32];
};

struct mmio_region {
    uint64_t base, size;
    const struct mmio_ops *ops;
    void *dev;
    char name[32];
};

struct bus {
    struct mem_region *ram; /* the largest memory region: looked at first */
    struct memory **mem;    /* in order of addition */
    struct memory **sorted; /* the same, by base */
    unsigned nmem;
    struct mmio_region *mmio; /* by base */
    unsigned nmmio;

    struct {
        void (*fn)(void *ctx, uint64_t pa, uint64_t len);
        void *ctx;
    } owner[PAGE_FLAGS];
    void (*remap)(void *ctx);
    void *remap_ctx;
    void (*protect)(void *ctx, uint64_t page_pa);
    void *protect_ctx;
};

struct bus *bus_new(void)
{
    return calloc(1, sizeof(struct bus));
}

static void memory_free(struct memory *m)
{
    if (m->map)
        munmap(m->map, m->map_len);
    if (m->r.flags)
        munmap(m->r.flags, m->flags_len);
    free(m);
}

void bus_free(struct bus *b)
{
    if (!b)
        return;
    for (unsigned i = 0; i < b->nmem; i++)
        memory_free(b->mem[i]);
    free(b->mem);
    free(b->sorted);
    free(b->mmio);
    free(b);
}

static void copy_name(char dst[32], const char *name)
{
    strncpy(dst, name, 31);
    dst[31] = 0;
}

static bool overlap(uint64_t a, uint64_t alen, uint64_t b, uint64_t blen)
{
    return a < b ? b - a < alen : a - b < blen;
}

/* Zero pages that cost nothing until touched, or NULL with errno set. */
static void *map_lazily(size_t len)
{
    void *p = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    return p == MAP_FAILED ? NULL : p;
}

static int check_place(const char *name, uint64_t base, uint64_t size, struct err *e)
{
    if (!size || base + (size - 1) < base)
        return err_set(e, -EINVAL, "%s: a region of 0x%llx bytes at 0x%llx does not fit the address space", name,
                       (unsigned long long)size, (unsigned long long)base);
    return 0;
}

/* Makes room for one more pointer in both arrays of memory regions. */
static bool grow_memory(struct bus *b)
{
    struct memory **mem = realloc(b->mem, (b->nmem + 1) * sizeof(struct memory *));
    if (mem)
        b->mem = mem;
    struct memory **sorted = realloc(b->sorted, (b->nmem + 1) * sizeof(struct memory *));
    if (sorted)
        b->sorted = sorted;
    return mem && sorted;
}

static void insert_memory(struct bus *b, struct memory *m)
{
    unsigned at = b->nmem;
    for (; at > 0 && b->sorted[at - 1]->r.base > m->r.base; at--)
        b->sorted[at] = b->sorted[at - 1];
    b->sorted[at] = m;
    b->mem[b->nmem++] = m;
    if (!b->ram || m->r.size > b->ram->size)
        b->ram = &m->r;
}

struct mem_region *bus_add_memory(struct bus *b, const char *name, uint64_t base, uint64_t size, bool readonly,
                                  struct err *e)
{
    if (check_place(name, base, size, e))
        return NULL;
    if ((base | size) & ~PAGE_MASK) {
        err_set(e, -EINVAL, "%s: base 0x%llx and size 0x%llx must be multiples of the page size, %d", name,
                (unsigned long long)base, (unsigned long long)size, PAGE_SIZE);
        return NULL;
    }
    for (unsigned i = 0; i < b->nmem; i++)
        if (overlap(base, size, b->mem[i]->r.base, b->mem[i]->r.size)) {
            err_set(e, -EEXIST, "%s: 0x%llx bytes at 0x%llx overlap %s", name, (unsigned long long)size,
                    (unsigned long long)base, b->mem[i]->name);
            return NULL;
        }

    struct memory *m = calloc(1, sizeof *m);
    if (!m || !grow_memory(b)) {
        free(m);
        err_set(e, -ENOMEM, "%s: out of memory", name);
        return NULL;
    }
    copy_name(m->name, name);
    m->map_len = size + HUGE_ALIGN;
    m->map = m->map_len > size ? map_lazily(m->map_len) : NULL;
    m->flags_len = size >> PAGE_SHIFT;
    m->r.flags = m->map ? map_lazily(m->flags_len) : NULL;
    if (!m->r.flags) {
        err_set(e, -ENOMEM,
                "%s: the host has no address space for %llu MiB (%s): ask for less, or raise `ulimit -v` or "
                "vm.overcommit_memory",
                name, (unsigned long long)(size >> 20), strerror(errno));
        memory_free(m);
        return NULL;
    }
    uintptr_t aligned = ((uintptr_t)m->map + HUGE_ALIGN - 1) & ~(uintptr_t)(HUGE_ALIGN - 1);
    m->r.host = (uint8_t *)aligned;
    m->r.name = m->name;
    m->r.base = base;
    m->r.size = size;
    m->r.readonly = readonly;
    m->r.enabled = true;
#ifdef MADV_HUGEPAGE
    (void)madvise(m->r.host, size, MADV_HUGEPAGE); /* a wish: hosts without huge pages refuse it */
#endif
    insert_memory(b, m);
    if (b->remap)
        b->remap(b->remap_ctx);
    return &m->r;
}

int bus_add_mmio(struct bus *b, const char *name, uint64_t base, uint64_t size, const struct mmio_ops *ops, void *dev,
                 struct err *e)
{
    assert(is_pow2(ops->min) && is_pow2(ops->max) && ops->min <= ops->max && ops->max <= 8);
    int rc = check_place(name, base, size, e);
    if (rc)
        return rc;
    if ((base | size) & (ops->max - 1))
        return err_set(e, -EINVAL, "%s: base 0x%llx and size 0x%llx must be multiples of its widest access, %u", name,
                       (unsigned long long)base, (unsigned long long)size, ops->max);
    for (unsigned i = 0; i < b->nmmio; i++)
        if (overlap(base, size, b->mmio[i].base, b->mmio[i].size))
            return err_set(e, -EEXIST, "%s: 0x%llx bytes at 0x%llx overlap %s", name, (unsigned long long)size,
                           (unsigned long long)base, b->mmio[i].name);
    struct mmio_region *grown = realloc(b->mmio, (b->nmmio + 1) * sizeof *grown);
    if (!grown)
        return err_set(e, -ENOMEM, "%s: out of memory", name);
    b->mmio = grown;

    unsigned at = b->nmmio++;
    for (; at > 0 && b->mmio[at - 1].base > base; at--)
        b->mmio[at] = b->mmio[at - 1];
    b->mmio[at] = (struct mmio_region){.base = base, .size = size, .ops = ops, .dev = dev};
    copy_name(b->mmio[at].name, name);
    return 0;
}

void bus_set_remap_hook(struct bus *b, void (*fn)(void *ctx), void *ctx)
{
    b->remap = fn;
    b->remap_ctx = ctx;
}

void bus_enable_memory(struct bus *b, struct mem_region *r, bool enabled)
{
    if (r->enabled == enabled)
        return;
    r->enabled = enabled;
    if (b->remap)
        b->remap(b->remap_ctx);
}

struct mem_region *bus_memory_at(const struct bus *b, uint64_t pa)
{
    struct mem_region *ram = b->ram;
    if (LIKELY(ram && pa - ram->base < ram->size))
        return ram->enabled ? ram : NULL;
    for (unsigned i = 0; i < b->nmem && b->sorted[i]->r.base <= pa; i++) {
        struct mem_region *r = &b->sorted[i]->r;
        if (pa - r->base < r->size)
            return r->enabled ? r : NULL;
    }
    return NULL;
}

struct mem_region *bus_memory(const struct bus *b, unsigned n)
{
    return n < b->nmem ? &b->mem[n]->r : NULL;
}

static const struct mmio_region *mmio_at(const struct bus *b, uint64_t pa)
{
    unsigned lo = 0, hi = b->nmmio; /* regions before lo start at or below pa, those from hi on above it */
    while (lo < hi) {
        unsigned mid = (lo + hi) / 2;
        if (b->mmio[mid].base <= pa)
            lo = mid + 1;
        else
            hi = mid;
    }
    if (lo && pa - b->mmio[lo - 1].base < b->mmio[lo - 1].size)
        return &b->mmio[lo - 1];
    return NULL;
}

const char *bus_name_at(const struct bus *b, uint64_t pa)
{
    const struct mem_region *r = bus_memory_at(b, pa);
    if (r)
        return r->name;
    const struct mmio_region *m = mmio_at(b, pa);
    return m ? m->name : NULL;
}

/* Tells the owners of the flags of one page that [pa, pa+len), within it, has changed. */
static void notify_page(struct bus *b, unsigned flags, uint64_t pa, uint64_t len)
{
    for (unsigned f = 0; f < PAGE_FLAGS; f++)
        if ((flags & (1u << f)) && b->owner[f].fn)
            b->owner[f].fn(b->owner[f].ctx, pa, len);
}

static void notify_range(struct bus *b, const struct mem_region *r, uint64_t pa, uint64_t len)
{
    while (len) {
        uint64_t n = min_u64(len, PAGE_SIZE - (pa & ~PAGE_MASK));
        unsigned flags = r->flags[(pa - r->base) >> PAGE_SHIFT];
        if (UNLIKELY(flags))
            notify_page(b, flags, pa, n);
        pa += n;
        len -= n;
    }
}

static uint64_t size_mask(unsigned size)
{
    return UINT64_MAX >> (64 - 8 * size);
}

static bool mmio_read(const struct mmio_region *m, uint64_t pa, unsigned size, uint64_t *val)
{
    uint64_t off = pa - m->base;
    if (size > m->size - off)
        return false;
    const struct mmio_ops *ops = m->ops;
    uint64_t v = 0;
    if (size < ops->min) {
        uint64_t aligned = off & ~(uint64_t)(ops->min - 1);
        v = ops->read(m->dev, aligned, ops->min) >> (8 * (off - aligned));
    } else if (size > ops->max) {
        for (unsigned i = 0; i < size; i += ops->max)
            v |= (ops->read(m->dev, off + i, ops->max) & size_mask(ops->max)) << (8 * i);
    } else {
        v = ops->read(m->dev, off, size);
    }
    *val = v & size_mask(size);
    return true;
}

static bool mmio_write(const struct mmio_region *m, uint64_t pa, unsigned size, uint64_t val)
{
    uint64_t off = pa - m->base;
    if (size > m->size - off)
        return false;
    const struct mmio_ops *ops = m->ops;
    val &= size_mask(size);
    if (size < ops->min) {
        ops->write(m->dev, off & ~(uint64_t)(ops->min - 1), val, ops->min);
    } else if (size > ops->max) {
        for (unsigned i = 0; i < size; i += ops->max)
            ops->write(m->dev, off + i, (val >> (8 * i)) & size_mask(ops->max), ops->max);
    } else {
        ops->write(m->dev, off, val, size);
    }
    return true;
}

bool bus_read(struct bus *b, uint64_t pa, unsigned size, uint64_t *val)
{
    const struct mem_region *r = bus_memory_at(b, pa);
    if (LIKELY(r)) {
        /* Regions are page aligned and the access is naturally aligned: it ends within the region. */
        const uint8_t *p = r->host + (pa - r->base);
        uint64_t v = 0;
        switch (size) {
        case 1: v = *p; break;
        case 2: memcpy(&v, p, 2); break;
        case 4: memcpy(&v, p, 4); break;
        default: memcpy(&v, p, 8); break;
        }
        *val = v;
        return true;
    }
    const struct mmio_region *m = mmio_at(b, pa);
    return m && mmio_read(m, pa, size, val);
}

bool bus_write(struct bus *b, uint64_t pa, unsigned size, uint64_t val)
{
    const struct mem_region *r = bus_memory_at(b, pa);
    if (LIKELY(r && !r->readonly)) {
        uint64_t off = pa - r->base;
        uint8_t *p = r->host + off;
        switch (size) {
        case 1: *p = (uint8_t)val; break;
        case 2: memcpy(p, &val, 2); break;
        case 4: memcpy(p, &val, 4); break;
        default: memcpy(p, &val, 8); break;
        }
        unsigned flags = r->flags[off >> PAGE_SHIFT];
        if (UNLIKELY(flags))
            notify_page(b, flags, pa, size);
        return true;
    }
    const struct mmio_region *m = mmio_at(b, pa);
    return m && mmio_write(m, pa, size, val);
}

enum direction { DMA_READ, DMA_WRITE, DMA_LOAD };

/* Is all of [pa, pa+len) memory that may be used in this direction? It may span adjacent regions. */
static bool dma_check(const struct bus *b, uint64_t pa, size_t len, enum direction dir)
{
    if (len && pa + (len - 1) < pa)
        return false;
    while (len) {
        const struct mem_region *r = bus_memory_at(b, pa);
        if (!r || (dir == DMA_WRITE && r->readonly))
            return false;
        uint64_t n = min_u64(len, r->size - (pa - r->base));
        pa += n;
        len -= n;
    }
    return true;
}

bool bus_dma_read(struct bus *b, uint64_t pa, void *buf, size_t len)
{
    if (!dma_check(b, pa, len, DMA_READ))
        return false;
    for (uint8_t *to = buf; len;) {
        const struct mem_region *r = bus_memory_at(b, pa);
        size_t n = min_u64(len, r->size - (pa - r->base));
        memcpy(to, r->host + (pa - r->base), n);
        to += n;
        pa += n;
        len -= n;
    }
    return true;
}

static bool dma_store(struct bus *b, uint64_t pa, const void *buf, size_t len, enum direction dir)
{
    if (!dma_check(b, pa, len, dir))
        return false;
    for (const uint8_t *from = buf; len;) {
        struct mem_region *r = bus_memory_at(b, pa);
        size_t n = min_u64(len, r->size - (pa - r->base));
        if (from != r->host + (pa - r->base)) /* equal: a device has changed its own memory and only tells */
            memcpy(r->host + (pa - r->base), from, n);
        notify_range(b, r, pa, n);
        from += n;
        pa += n;
        len -= n;
    }
    return true;
}

bool bus_dma_write(struct bus *b, uint64_t pa, const void *buf, size_t len)
{
    return dma_store(b, pa, buf, len, DMA_WRITE);
}

bool bus_load(struct bus *b, uint64_t pa, const void *buf, size_t len)
{
    return dma_store(b, pa, buf, len, DMA_LOAD);
}

void bus_set_flag_owner(struct bus *b, enum page_flag f, void (*fn)(void *ctx, uint64_t pa, uint64_t len), void *ctx)
{
    b->owner[f].fn = fn;
    b->owner[f].ctx = ctx;
}

void bus_flag_page(struct bus *b, uint64_t pa, enum page_flag f, bool on)
{
    struct mem_region *r = bus_memory_at(b, pa);
    assert(r);
    if (!r)
        return;
    uint8_t *flags = &r->flags[(pa - r->base) >> PAGE_SHIFT];
    uint8_t old = *flags;
    *flags = (uint8_t)(on ? old | (1u << f) : old & ~(1u << f));
    if (on && !old && b->protect)
        b->protect(b->protect_ctx, pa & PAGE_MASK);
}

void bus_set_protect_hook(struct bus *b, void (*fn)(void *ctx, uint64_t page_pa), void *ctx)
{
    b->protect = fn;
    b->protect_ctx = ctx;
}
