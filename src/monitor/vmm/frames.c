/* SPDX-License-Identifier: MIT */
#include "monitor/vmm/frames.h"

#include <errno.h>
#include <stdlib.h>

struct frames {
    struct bus *bus;
    uint64_t base, n, left;
    uint64_t first;        /* of those that are scattered; the ones below are for frames_take_aligned() */
    uint64_t next, stride; /* the k-th frame looked at is k * stride mod n: coprime, so that each comes up once */
    struct frame_owner *owner;
    uint8_t *used; /* has been handed out before: holds old bytes */
    struct {
        uint64_t tables, limit;
    } share[UINT8_MAX + 1]; /* by VM: scattered frames for its tables */
};

static uint64_t gcd(uint64_t a, uint64_t b)
{
    while (b) {
        uint64_t t = a % b;
        a = b;
        b = t;
    }
    return a;
}

/* Near the golden section of n, so that neighbours lie far apart, and coprime to it. */
static uint64_t stride_for(uint64_t n)
{
    uint64_t s = (uint64_t)((double)n * 0.6180339887) | 1;
    while (n > 1 && gcd(s, n) != 1)
        s++;
    return s;
}

struct frames *frames_new(struct bus *b, uint64_t base, uint64_t size, uint64_t reserved, uint64_t kept, struct err *e)
{
    struct frames *f = calloc(1, sizeof *f);
    uint64_t n = size >> PAGE_SHIFT, first = min_u64(n, (reserved + kept) >> PAGE_SHIFT);
    if (f) {
        *f = (struct frames){
            .bus = b, .base = base, .n = n, .left = n - first, .first = first, .stride = stride_for(n - first)};
        f->owner = calloc(n, sizeof *f->owner);
        f->used = calloc(n, 1);
    }
    if (!f || !f->owner || !f->used) {
        frames_free(f);
        err_set(e, -ENOMEM, "no memory for the table of the real machine's frames");
        return NULL;
    }
    for (uint64_t i = 0; i < n && i << PAGE_SHIFT < reserved; i++)
        f->owner[i].use = FRAME_VMM;
    for (size_t i = 0; i < ARRAY_LEN(f->share); i++)
        f->share[i].limit = UINT64_MAX;
    return f;
}

void frames_free(struct frames *f)
{
    if (!f)
        return;
    free(f->owner);
    free(f->used);
    free(f);
}

void frames_soiled(struct frames *f, uint64_t from, uint64_t to)
{
    for (uint64_t i = 0; i < f->n; i++)
        if (f->base + (i << PAGE_SHIFT) < to && f->base + ((i + 1) << PAGE_SHIFT) > from)
            f->used[i] = 1;
}

void frames_share(struct frames *f, unsigned vm, uint64_t tables)
{
    f->share[vm].limit = tables;
}

static uint64_t take(struct frames *f, uint64_t i, enum frame_use use, unsigned vm)
{
    static const uint8_t zeros[PAGE_SIZE];
    uint64_t hpa = f->base + (i << PAGE_SHIFT);
    if (f->used[i])
        (void)!bus_dma_write(f->bus, hpa, zeros, sizeof zeros);
    f->used[i] = 1;
    f->owner[i] = (struct frame_owner){(uint8_t)use, (uint8_t)vm};
    f->left -= i >= f->first;
    f->share[vm].tables += use == FRAME_TABLE && i >= f->first;
    return hpa;
}

bool frames_take(struct frames *f, enum frame_use use, unsigned vm, uint64_t *hpa)
{
    if (use == FRAME_TABLE && f->share[vm].tables >= f->share[vm].limit)
        return false;
    for (uint64_t k = 0; f->left && k < f->n - f->first; k++) {
        uint64_t i = f->first + f->next;
        f->next = (f->next + f->stride) % (f->n - f->first);
        if (f->owner[i].use == FRAME_FREE) {
            *hpa = take(f, i, use, vm);
            return true;
        }
    }
    return false;
}

bool frames_take_aligned(struct frames *f, unsigned n, enum frame_use use, unsigned vm, uint64_t *hpa)
{
    uint64_t first = f->base >> PAGE_SHIFT;
    for (uint64_t i = (n - first % n) % n; i + n <= f->first; i += n) {
        unsigned k = 0;
        while (k < n && f->owner[i + k].use == FRAME_FREE)
            k++;
        if (k < n)
            continue;
        for (k = 0; k < n; k++)
            (void)take(f, i + k, use, vm);
        *hpa = f->base + (i << PAGE_SHIFT);
        return true;
    }
    return false;
}

void frames_give(struct frames *f, uint64_t hpa)
{
    uint64_t i = (hpa - f->base) >> PAGE_SHIFT;
    if (hpa < f->base || i >= f->n || f->owner[i].use == FRAME_FREE)
        return;
    f->share[f->owner[i].vm].tables -= f->owner[i].use == FRAME_TABLE && i >= f->first;
    f->owner[i] = (struct frame_owner){FRAME_FREE, 0};
    f->left += i >= f->first;
}

struct frame_owner frames_owner(const struct frames *f, uint64_t hpa)
{
    uint64_t i = (hpa - f->base) >> PAGE_SHIFT;
    return hpa >= f->base && i < f->n ? f->owner[i] : (struct frame_owner){FRAME_FREE, 0};
}

uint64_t frames_left(const struct frames *f)
{
    return f->left;
}

uint64_t frames_count(const struct frames *f, enum frame_use use, unsigned vm)
{
    uint64_t n = 0;
    for (uint64_t i = 0; i < f->n; i++)
        n += f->owner[i].use == use && f->owner[i].vm == vm;
    return n;
}
