/* SPDX-License-Identifier: MIT */
#include "dev/bus.h"
#include "dev/bus_frames.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

/* Host mappings start on a boundary of the host's huge pages, so that RAM can be backed by them. */
#define HUGE_ALIGN ((size_t)2 << 20)

/* What page of what bus shows, or is shown by, a page of ours. */
struct twin {
    struct bus *bus; /* NULL: none */
    uint64_t pa;
};

struct memory {
    struct mem_region r; /* first: a region's address is its memory's */
    struct twin *twin;   /* per page; NULL while no window is involved */
    bool window;
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
    void (*flagged)(void *ctx, uint64_t page_pa, unsigned flags);
    void *flagged_ctx;
    struct event_hub *events;
    struct bus *table_frames; /* see bus_frames.h */
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
    if (m->twin)
        munmap(m->twin, m->flags_len * sizeof *m->twin);
    if (m->r.pages)
        munmap(m->r.pages, m->flags_len * sizeof *m->r.pages);
    free(m);
}

static struct memory *memory_of(struct mem_region *r)
{
    return (struct memory *)r;
}

static struct twin *twin_at(const struct bus *b, uint64_t pa)
{
    struct mem_region *r = bus_memory_at(b, pa);
    struct memory *m = r ? memory_of(r) : NULL;
    return m && m->twin && m->twin[(pa - r->base) >> PAGE_SHIFT].bus ? &m->twin[(pa - r->base) >> PAGE_SHIFT] : NULL;
}

static void close_window(struct memory *m)
{
    for (uint64_t i = 0; m->twin && i < m->r.size >> PAGE_SHIFT; i++) {
        struct twin *t = m->twin[i].bus ? twin_at(m->twin[i].bus, m->twin[i].pa) : NULL;
        if (!t)
            continue;
        struct mem_region *r = bus_memory_at(m->twin[i].bus, m->twin[i].pa);
        r->flags[(m->twin[i].pa - r->base) >> PAGE_SHIFT] &= 0xff & ~(1u << PAGE_TWIN);
        t->bus = NULL;
    }
}

void bus_free(struct bus *b)
{
    if (!b)
        return;
    for (unsigned i = 0; i < b->nmem; i++) {
        if (b->mem[i]->window)
            close_window(b->mem[i]);
        memory_free(b->mem[i]);
    }
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

/* May memory lie there? */
static bool check_memory(struct bus *b, const char *name, uint64_t base, uint64_t size, struct err *e)
{
    if (check_place(name, base, size, e))
        return false;
    if ((base | size) & ~PAGE_MASK) {
        err_set(e, -EINVAL, "%s: base 0x%llx and size 0x%llx must be multiples of the page size, %d", name,
                (unsigned long long)base, (unsigned long long)size, PAGE_SIZE);
        return false;
    }
    for (unsigned i = 0; i < b->nmem; i++)
        if (overlap(base, size, b->mem[i]->r.base, b->mem[i]->r.size)) {
            err_set(e, -EEXIST, "%s: 0x%llx bytes at 0x%llx overlap %s", name, (unsigned long long)size,
                    (unsigned long long)base, b->mem[i]->name);
            return false;
        }
    return true;
}

/* A memory region that has no memory yet, with room for it in the bus. */
static struct memory *memory_new(struct bus *b, const char *name, uint64_t base, uint64_t size, struct err *e)
{
    struct memory *m = calloc(1, sizeof *m);
    if (!m || !grow_memory(b)) {
        free(m);
        err_set(e, -ENOMEM, "%s: out of memory", name);
        return NULL;
    }
    copy_name(m->name, name);
    m->r.name = m->name;
    m->r.base = base;
    m->r.size = size;
    m->r.enabled = true;
    m->flags_len = size >> PAGE_SHIFT;
    return m;
}

struct mem_region *bus_add_memory(struct bus *b, const char *name, uint64_t base, uint64_t size, bool readonly,
                                  struct err *e)
{
    if (!check_memory(b, name, base, size, e))
        return NULL;
    struct memory *m = memory_new(b, name, base, size, e);
    if (!m)
        return NULL;
    m->map_len = size + HUGE_ALIGN;
    m->map = m->map_len > size ? map_lazily(m->map_len) : NULL;
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
    m->r.readonly = readonly;
#ifdef MADV_HUGEPAGE
    (void)madvise(m->r.host, size, MADV_HUGEPAGE); /* a wish: hosts without huge pages refuse it */
#endif
    insert_memory(b, m);
    if (b->remap)
        b->remap(b->remap_ctx);
    return &m->r;
}

/* Ties page n of the window to the real page at hpa. */
static int tie(struct bus *b, struct memory *m, uint64_t n, struct bus *real, uint64_t hpa, struct err *e)
{
    uint64_t pa = m->r.base + (n << PAGE_SHIFT);
    struct mem_region *rr = bus_memory_at(real, hpa);
    struct memory *rm = rr ? memory_of(rr) : NULL;
    if (hpa & ~PAGE_MASK || !rm || rm->window)
        return err_set(e, -EINVAL, "%s: page 0x%llx: 0x%llx is no page of the other bus's memory", m->name,
                       (unsigned long long)pa, (unsigned long long)hpa);
    if (!rm->twin && !(rm->twin = map_lazily(rm->flags_len * sizeof *rm->twin)))
        return err_set(e, -ENOMEM, "%s: out of memory", m->name);
    struct twin *t = &rm->twin[(hpa - rr->base) >> PAGE_SHIFT];
    if (t->bus)
        return err_set(e, -EEXIST, "%s: page 0x%llx: a window shows 0x%llx already", m->name, (unsigned long long)pa,
                       (unsigned long long)hpa);
    *t = (struct twin){b, pa};
    m->twin[n] = (struct twin){real, hpa};
    m->r.pages[n] = rr->host + (hpa - rr->base);
    if (rr->flags[(hpa - rr->base) >> PAGE_SHIFT])
        m->r.flags[n] |= 1u << PAGE_TWIN;
    return 0;
}

struct mem_region *bus_add_window(struct bus *b, const char *name, uint64_t base, uint64_t size, struct bus *real,
                                  const uint64_t *hpa, struct err *e)
{
    if (!check_memory(b, name, base, size, e))
        return NULL;
    struct memory *m = memory_new(b, name, base, size, e);
    if (!m)
        return NULL;
    m->window = true;
    m->r.flags = map_lazily(m->flags_len);
    m->r.pages = map_lazily(m->flags_len * sizeof *m->r.pages);
    m->twin = map_lazily(m->flags_len * sizeof *m->twin);
    int rc = m->r.flags && m->r.pages && m->twin ? 0 : err_set(e, -ENOMEM, "%s: out of memory", name);
    for (uint64_t n = 0; !rc && n < size >> PAGE_SHIFT; n++)
        rc = tie(b, m, n, real, hpa[n], e);
    if (rc) {
        close_window(m);
        memory_free(m);
        return NULL;
    }
    insert_memory(b, m);
    if (b->remap)
        b->remap(b->remap_ctx);
    return &m->r;
}

bool bus_window_frame(const struct bus *b, uint64_t pa, uint64_t *hpa)
{
    const struct mem_region *r = bus_memory_at(b, pa);
    if (!r || !r->pages)
        return false;
    *hpa = twin_at(b, pa)->pa + (pa & ~PAGE_MASK);
    return true;
}

bool bus_window_at(const struct bus *real, uint64_t hpa, struct bus **other, uint64_t *pa)
{
    const struct twin *t = twin_at(real, hpa);
    if (!t)
        return false;
    *other = t->bus;
    *pa = t->pa + (hpa & ~PAGE_MASK);
    return true;
}

void bus_set_table_frames(struct bus *b, struct bus *real)
{
    b->table_frames = real;
}

const struct bus *bus_table_frames(const struct bus *b)
{
    return b->table_frames;
}

uint64_t bus_table_address(const struct bus *b, uint64_t at)
{
    struct bus *other;
    uint64_t own;
    if (!b->table_frames)
        return at;
    return bus_window_at(b->table_frames, at, &other, &own) && other == b ? own : MASK(55, 12) | (at & ~PAGE_MASK);
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

bool bus_region(const struct bus *b, unsigned n, struct bus_region *r)
{
    unsigned i = 0, k = 0; /* both lists are in order: merge them up to the n-th */
    while (i < b->nmem || k < b->nmmio) {
        bool mem = k == b->nmmio || (i < b->nmem && b->sorted[i]->r.base <= b->mmio[k].base);
        if (mem) {
            const struct mem_region *m = &b->sorted[i++]->r;
            *r = (struct bus_region){m->name, m->base, m->size, m};
        } else {
            const struct mmio_region *m = &b->mmio[k++];
            *r = (struct bus_region){m->name, m->base, m->size, NULL};
        }
        if (i + k > n)
            return true;
    }
    return false;
}

const char *bus_name_at(const struct bus *b, uint64_t pa)
{
    const struct mem_region *r = bus_memory_at(b, pa);
    if (r)
        return r->name;
    const struct mmio_region *m = mmio_at(b, pa);
    return m ? m->name : NULL;
}

static void notify_owners(struct bus *b, unsigned flags, uint64_t pa, uint64_t len)
{
    for (unsigned f = 0; f < PAGE_TWIN; f++)
        if ((flags & (1u << f)) && f != PAGE_WATCH_READ && b->owner[f].fn)
            b->owner[f].fn(b->owner[f].ctx, pa, len);
}

static uint8_t *flags_at(const struct bus *b, uint64_t pa)
{
    const struct mem_region *r = bus_memory_at(b, pa);
    return &r->flags[(pa - r->base) >> PAGE_SHIFT];
}

/* Tells the owners of the flags of one page that [pa, pa+len), within it, has changed: those on the other side of a window too. */
static void notify_page(struct bus *b, unsigned flags, uint64_t pa, uint64_t len)
{
    notify_owners(b, flags, pa, len);
    const struct twin *t = flags & (1u << PAGE_TWIN) ? twin_at(b, pa) : NULL;
    if (t)
        notify_owners(t->bus, *flags_at(t->bus, t->pa), t->pa + (pa & ~PAGE_MASK), len);
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

/* A write before it takes effect, a read when its value is known. */
static void tell_mmio(struct event_hub *events, const struct mmio_region *m, bool write, uint64_t pa, unsigned size,
                      uint64_t val)
{
    struct event *e = event_begin(events, EV_MMIO);
    e->text = m->name;
    e->a[0] = 0;
    e->a[1] = write;
    e->a[2] = pa;
    e->a[3] = size;
    e->a[4] = val;
    event_end(events, e);
}

bool bus_read(struct bus *b, uint64_t pa, unsigned size, uint64_t *val)
{
    const struct mem_region *r = bus_memory_at(b, pa);
    if (LIKELY(r)) {
        /* Regions are page aligned and the access is naturally aligned: it ends within the region. */
        const uint8_t *p = mem_host(r, pa - r->base);
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
    if (!m || !mmio_read(m, pa, size, val))
        return false;
    if (b->events && event_wanted(b->events, EV_MMIO))
        tell_mmio(b->events, m, false, pa, size, *val);
    return true;
}

bool bus_write(struct bus *b, uint64_t pa, unsigned size, uint64_t val)
{
    const struct mem_region *r = bus_memory_at(b, pa);
    if (LIKELY(r && !r->readonly)) {
        uint64_t off = pa - r->base;
        uint8_t *p = mem_host(r, off);
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
    if (!m)
        return false;
    if (b->events && event_wanted(b->events, EV_MMIO))
        tell_mmio(b->events, m, true, pa, size, val & size_mask(size));
    return mmio_write(m, pa, size, val);
}

void bus_set_events(struct bus *b, struct event_hub *events)
{
    b->events = events;
}

bool bus_answers(const struct bus *b, uint64_t pa, unsigned size, bool write)
{
    const struct mem_region *r = bus_memory_at(b, pa);
    if (r && !(write && r->readonly))
        return true;
    const struct mmio_region *m = mmio_at(b, pa);
    return m && size <= m->size - (pa - m->base);
}

enum direction { DMA_READ, DMA_WRITE, DMA_LOAD };

/* How many of the len bytes from pa on lie in host memory one after the other. */
static size_t stretch(const struct mem_region *r, uint64_t pa, size_t len)
{
    return min_u64(len, r->pages ? PAGE_SIZE - (pa & ~PAGE_MASK) : r->size - (pa - r->base));
}

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
        size_t n = stretch(r, pa, len);
        memcpy(to, mem_host(r, pa - r->base), n);
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
        size_t n = stretch(r, pa, len);
        uint8_t *to = mem_host(r, pa - r->base);
        if (from != to) /* equal: a device has changed its own memory and only tells */
            memcpy(to, from, n);
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

void bus_tell_read(struct bus *b, uint64_t pa, uint64_t len)
{
    if (b->owner[PAGE_WATCH_READ].fn)
        b->owner[PAGE_WATCH_READ].fn(b->owner[PAGE_WATCH_READ].ctx, pa, len);
}

/* One side's flag. Returns the page's flags, PAGE_TWIN aside. */
static unsigned flag_side(struct bus *b, uint64_t pa, enum page_flag f, bool on)
{
    uint8_t *flags = flags_at(b, pa), old = *flags;
    *flags = (uint8_t)(on ? old | (1u << f) : old & ~(1u << f));
    if (on && (!old || f == PAGE_WATCH_READ) && b->protect)
        b->protect(b->protect_ctx, pa & PAGE_MASK);
    return *flags & ~(1u << PAGE_TWIN);
}

void bus_flag_page(struct bus *b, uint64_t pa, enum page_flag f, bool on)
{
    struct mem_region *r = bus_memory_at(b, pa);
    assert(r);
    if (!r)
        return;
    unsigned flags = flag_side(b, pa, f, on);
    const struct twin *t = memory_of(r)->twin ? twin_at(b, pa) : NULL;
    if (t)
        flag_side(t->bus, t->pa, PAGE_TWIN, flags != 0);
    if (b->flagged)
        b->flagged(b->flagged_ctx, pa & PAGE_MASK, flags);
}

void bus_set_flags_hook(struct bus *b, void (*fn)(void *ctx, uint64_t page_pa, unsigned flags), void *ctx)
{
    b->flagged = fn;
    b->flagged_ctx = ctx;
}

void bus_set_protect_hook(struct bus *b, void (*fn)(void *ctx, uint64_t page_pa), void *ctx)
{
    b->protect = fn;
    b->protect_ctx = ctx;
}
