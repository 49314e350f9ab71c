/* SPDX-License-Identifier: MIT */
/* Page frames with reference counts (copy-on-write shares them). Frames never used lie above `fresh`, returned ones
 * in a list threaded through them, so that starting does not touch all of RAM. */
#include "kern.h"

static struct spinlock page_lock = {.name = "page"};
static uint64_t *free_list;
static uint64_t fresh, end;
static uint64_t free_count;
static volatile uint32_t *refs; /* one per frame of RAM */

void page_init(void)
{
    uint64_t frames = boot.ram_size / PAGE;
    refs = (volatile uint32_t *)kernel_end;
    fresh = ((uint64_t)kernel_end + frames * 4 + PAGE - 1) & ~(PAGE - 1);
    end = RAM + boot.ram_size;
    memset(kernel_end, 0, frames * 4);
    free_count = (end - fresh) / PAGE;
}

static volatile uint32_t *ref_of(uint64_t pa)
{
    if (pa < (uint64_t)kernel_end || pa >= end || (pa & (PAGE - 1)))
        panic("not a page frame", pa);
    return &refs[(pa - RAM) / PAGE];
}

void *page_alloc(void)
{
    uint64_t *p;
    lock(&page_lock);
    p = free_list;
    if (p) {
        free_list = (uint64_t *)*p;
    } else if (fresh < end) {
        p = (uint64_t *)fresh;
        fresh += PAGE;
    }
    if (p)
        free_count--;
    unlock(&page_lock);
    if (p) {
        if (lrsc_add(ref_of((uint64_t)p), 1) != 1)
            panic("page in use", (uint64_t)p);
        memset(p, 0, PAGE);
    }
    return p;
}

void page_ref(uint64_t pa)
{
    lrsc_add(ref_of(pa), 1);
}

uint32_t page_refs(uint64_t pa)
{
    return *ref_of(pa);
}

void page_put(uint64_t pa)
{
    uint32_t left = lrsc_add(ref_of(pa), -1u);
    if (left == -1u)
        panic("page not in use", pa);
    if (left)
        return;
    lock(&page_lock);
    *(uint64_t **)pa = free_list;
    free_list = (uint64_t *)pa;
    free_count++;
    unlock(&page_lock);
}

uint64_t page_free_count(void)
{
    return *(volatile uint64_t *)&free_count;
}
