/* SPDX-License-Identifier: MIT */
/*
 * The physical address space: RAM and MMIO regions, and the flags on pages of RAM.
 *
 * A region of memory (RAM, or ROM that stores cannot change) has a host mapping that is reserved at once and backed by
 * the host's kernel page by page when touched. Everything else is MMIO: a pair of functions.
 *
 * Flagged pages: each page of a memory region has a byte of flags. A page with any flag never gets a write entry in a
 * TLB, so that every store to it, and every DMA write, goes through bus_write() or bus_dma_write(), which tell the
 * owner of each flag after the bytes have changed. Owners: see enum page_flag.
 */
#ifndef VITRINE_BUS_H
#define VITRINE_BUS_H

#include "base/base.h"
#include "base/err.h"
#include "base/event.h"

enum { PAGE_SHIFT = 12, PAGE_SIZE = 1 << PAGE_SHIFT };
#define PAGE_MASK (~(uint64_t)(PAGE_SIZE - 1))

enum page_flag {
    PAGE_CODE = 0,   /* the interpreter holds decoded operations of it */
    PAGE_SHADOW = 1, /* a guest page table that the VMM shadows, or, under --check, of which a TLB holds something */
    PAGE_WATCH = 2,  /* a watchpoint lies on it */
    PAGE_CLEAN = 3,  /* not written since the last checkpoint or migration round */
    PAGE_HTIF = 4,   /* holds the guest's tohost word */
    PAGE_WATCH_READ = 5, /* a watchpoint for reads lies on it: it gets no read entry in a TLB either */
    PAGE_REWRITTEN = 6,  /* code that the VMM has looked through for instructions to rewrite */
    PAGE_TWIN = 7,       /* flagged on the other side of a window; set by the bus alone */
    PAGE_FLAGS
};

struct mem_region {
    const char *name;
    uint64_t base;   /* bytes, page aligned */
    uint64_t size;   /* bytes, page aligned */
    uint8_t *host;   /* of the first byte, the others follow it; NULL in a window: see mem_host() */
    uint8_t **pages; /* a window: where each page lies in host memory; NULL: host + offset */
    uint8_t *flags;  /* per page, bit per enum page_flag */
    /* A hart's store goes to the MMIO region behind it (a flash chip's commands), or is an access fault when there is none;
     * DMA writes fail. */
    bool readonly;
    bool enabled; /* false: the region answers as if absent (a flash chip in command mode) */
};

/* Where the byte off bytes into the region lies in host memory; only within its page do others surely follow it. */
static inline uint8_t *mem_host(const struct mem_region *r, uint64_t off)
{
    return LIKELY(!r->pages) ? r->host + off : r->pages[off >> PAGE_SHIFT] + (off & ~PAGE_MASK);
}

struct mmio_ops {
    /* off: bytes from the region's start. size: 1, 2, 4 or 8, within [min,max] below; always naturally aligned. */
    uint64_t (*read)(void *dev, uint64_t off, unsigned size);
    void (*write)(void *dev, uint64_t off, uint64_t val, unsigned size);
    unsigned min; /* smallest and largest access the device takes; the bus splits and widens others (a narrow write */
    unsigned max; /* to a wider register writes the value zero-extended at the aligned offset) */
};

struct bus;

struct bus *bus_new(void);
void bus_free(struct bus *b);

/* Maps size bytes (page multiple) of lazily backed zero memory at base. NULL with e set on overlap or no address space. */
MUST_USE struct mem_region *bus_add_memory(struct bus *b, const char *name, uint64_t base, uint64_t size, bool readonly,
                                           struct err *e);
/*
 * A window: memory at [base, base + size) whose page n is the page of another bus's memory at hpa[n], which is no window itself and which
 * no other window shows. Both sides see each other's writes. A page that is flagged on one side counts as flagged on the other
 * (PAGE_TWIN), so that whoever writes it, on either, the owners on both are told. b must be freed before real. NULL with e set.
 */
MUST_USE struct mem_region *bus_add_window(struct bus *b, const char *name, uint64_t base, uint64_t size,
                                           struct bus *real, const uint64_t *hpa, struct err *e);
/* The page of the real bus behind the window's page at pa: *hpa is pa's own address there. False: pa lies in no window. */
MUST_USE bool bus_window_frame(const struct bus *b, uint64_t pa, uint64_t *hpa);
/* Which window shows the page at hpa of this bus: *other's address *pa. False: none does. */
MUST_USE bool bus_window_at(const struct bus *real, uint64_t hpa, struct bus **other, uint64_t *pa);
/* Called when the flags of a page have changed (PAGE_TWIN aside): flags as they are now. */
void bus_set_flags_hook(struct bus *b, void (*fn)(void *ctx, uint64_t page_pa, unsigned flags), void *ctx);
/* ops and dev must outlive the bus. A memory region at the same place hides the MMIO region while it is enabled. */
MUST_USE int bus_add_mmio(struct bus *b, const char *name, uint64_t base, uint64_t size, const struct mmio_ops *ops,
                          void *dev, struct err *e);
/* Called when a region is enabled or disabled, so that TLBs and decoded code can be dropped. */
void bus_set_remap_hook(struct bus *b, void (*fn)(void *ctx), void *ctx);
void bus_enable_memory(struct bus *b, struct mem_region *r, bool enabled);

/* The enabled memory region that holds pa, or NULL. */
struct mem_region *bus_memory_at(const struct bus *b, uint64_t pa);
/* The n-th memory region (in order of addition), or NULL past the end. */
struct mem_region *bus_memory(const struct bus *b, unsigned n);
/* For people: the n-th region by address, memory before MMIO at the same place. False: past the end. */
struct bus_region {
    const char *name;
    uint64_t base, size;
    const struct mem_region *memory; /* NULL: MMIO */
};
bool bus_region(const struct bus *b, unsigned n, struct bus_region *r);
/* Name of whatever answers at pa (memory or MMIO), or NULL. */
const char *bus_name_at(const struct bus *b, uint64_t pa);

/* One access by a hart: size 1, 2, 4 or 8, naturally aligned. False: nothing answers there (an access fault). */
MUST_USE bool bus_read(struct bus *b, uint64_t pa, unsigned size, uint64_t *val);
MUST_USE bool bus_write(struct bus *b, uint64_t pa, unsigned size, uint64_t val);
/* Whether such an access would be answered, without making it. */
bool bus_answers(const struct bus *b, uint64_t pa, unsigned size, bool write);

/* Device and loader access to memory only; any length, may cross pages. False: some byte is not in memory (for writes: in
 * writable memory) and nothing was transferred. bus_load() writes ROM too (the loader's way in). */
MUST_USE bool bus_dma_read(struct bus *b, uint64_t pa, void *buf, size_t len);
MUST_USE bool bus_dma_write(struct bus *b, uint64_t pa, const void *buf, size_t len);
MUST_USE bool bus_load(struct bus *b, uint64_t pa, const void *buf, size_t len);

/* The owner of a flag hears of each write [pa, pa+len) to a page that carries it, after the bytes changed; len stays within
 * the page. The owner may clear the flag. */
void bus_set_flag_owner(struct bus *b, enum page_flag f, void (*fn)(void *ctx, uint64_t pa, uint64_t len), void *ctx);
/* A hart has read [pa, pa+len) of a page with PAGE_WATCH_READ: tells that flag's owner. */
void bus_tell_read(struct bus *b, uint64_t pa, uint64_t len);
/* Accesses to MMIO are told there; NULL: nowhere. */
void bus_set_events(struct bus *b, struct event_hub *events);
/* Sets or clears flag f on the page at pa (which must be in memory); setting also calls the protect hook below. */
void bus_flag_page(struct bus *b, uint64_t pa, enum page_flag f, bool on);
/* Called when a page gets its first flag, or PAGE_WATCH_READ: whoever caches access to it (the TLBs) must drop it. */
void bus_set_protect_hook(struct bus *b, void (*fn)(void *ctx, uint64_t page_pa), void *ctx);

#endif
