/* SPDX-License-Identifier: MIT */
#include "monitor/vmm/rewrite.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { HASH = 256, C_EBREAK = 0x9002, EBREAK = 0x00100073 };
#define OWN_PAGE UINT64_MAX
#define NO_ROOM  UINT64_C(0)

/* A page that was looked through. */
struct page {
    uint64_t gpa;
    uint64_t copy; /* its frame; OWN_PAGE: nothing to rewrite */
    struct page *next;
};

struct rewriter {
    struct vm *vm;
    struct shadow *shadow;
    struct page *hash[HASH];
    bool heads; /* the first halfword of some copy is changed: then no instruction may be fetched across pages */
};

/* Sensitive, and no trap in U. All else that is sensitive on this architecture traps there: it would be virtualizable, were it not for these. */
static bool is_sensitive(uint32_t insn)
{
    enum { SYSTEM = 0x73, UK = 0xcc0, UKSET = 0x8c0 };
    unsigned csr = insn >> 20;
    return (insn & 0x7f) == SYSTEM && insn >> 12 & 3 && (csr == UK || csr == UKSET);
}

/* The same of one whose second half lies on the next page: it may be. And where next pages begin with what was changed, the second half of any other may
 * be that. */
static bool may_be_sensitive(const struct rewriter *r, uint16_t first_half)
{
    return r->heads ? (first_half & 3) == 3 : (first_half & 0x7f) == 0x73 && first_half >> 12 & 3;
}

static uint16_t half_at(const uint8_t *page, unsigned off)
{
    uint16_t h;
    memcpy(&h, page + off, sizeof h);
    return h;
}

static bool begins_here(const struct rewriter *r, const uint8_t *page, unsigned off)
{
    uint32_t word;
    if (off == PAGE_SIZE - 2)
        return may_be_sensitive(r, half_at(page, off));
    memcpy(&word, page + off, sizeof word);
    return is_sensitive(word);
}

static void tell(struct rewriter *r, uint64_t gpa, uint32_t insn, uint64_t copy)
{
    struct event *e = vm_event(r->vm, EV_VM_REWRITE);
    if (!e)
        return;
    e->a[0] = gpa;
    e->a[1] = insn;
    e->a[2] = copy;
    vm_tell(r->vm, e);
}

/* Puts a breakpoint at off, and before it as long as a 4-byte instruction could begin there that reaches into what was changed. */
static void rewrite(uint8_t *to, const uint8_t *from, unsigned off)
{
    const uint16_t brk = C_EBREAK;
    memcpy(to + off, &brk, sizeof brk);
    while (off >= 2 && (half_at(from, off - 2) & 3) == 3) {
        off -= 2;
        memcpy(to + off, &brk, sizeof brk);
    }
}

/* Without compressed instructions: each begins at a multiple of 4. */
static void rewrite_word(uint8_t *to, unsigned off)
{
    const uint32_t brk = EBREAK;
    memcpy(to + off, &brk, sizeof brk);
}

static uint8_t *host_of(const struct bus *b, uint64_t pa)
{
    const struct mem_region *r = bus_memory_at(b, pa);
    return r ? mem_host(r, pa - r->base) : NULL;
}

static struct page **find(struct rewriter *r, uint64_t gpa)
{
    struct page **at = &r->hash[(gpa >> PAGE_SHIFT) % HASH];
    while (*at && (*at)->gpa != gpa)
        at = &(*at)->next;
    return at;
}

static void forget(struct rewriter *r, struct page **at)
{
    struct page *p = *at;
    *at = p->next;
    if (p->copy != OWN_PAGE) {
        /* The real hart may hold operations decoded from the copy: they go with its bytes. */
        static const uint8_t zeros[PAGE_SIZE];
        if (bus_dma_write(machine_bus(r->vm->vmm->machine), p->copy, zeros, PAGE_SIZE))
            frames_give(r->vm->vmm->frames, p->copy);
    }
    free(p);
}

static void forget_page(struct rewriter *r, struct page **at)
{
    uint64_t gpa = (*at)->gpa;
    shadow_unmap(r->shadow, gpa, false);
    forget(r, at);
    bus_flag_page(machine_bus(r->vm->machine), gpa, PAGE_REWRITTEN, false);
}

/* The owner of PAGE_REWRITTEN: somebody wrote code. It is fetched again, and looked through again, at its next execution. */
static void code_written(void *ctx, uint64_t gpa, uint64_t len)
{
    struct rewriter *r = ctx;
    struct page **at = find(r, gpa & PAGE_MASK);
    (void)len;
    if (*at)
        forget_page(r, at);
}

void rewriter_clear(struct rewriter *r)
{
    for (unsigned i = 0; i < HASH; i++)
        while (r->hash[i])
            forget_page(r, &r->hash[i]);
}

/* From now on whatever may reach across the end of a page is rewritten, on pages that were looked through before, too. */
static void look_again(struct rewriter *r)
{
    r->heads = true;
    rewriter_clear(r);
}

/* Looks through the page, and makes its copy if there is something to rewrite. False: no frame is left. */
static bool look_through(struct rewriter *r, struct page *p)
{
    const uint8_t *from = host_of(machine_bus(r->vm->machine), p->gpa);
    bool c = machine_hart(r->vm->machine, 0)->isa.c;
    uint8_t *to = NULL;
    const unsigned last = PAGE_SIZE - 2;
    p->copy = OWN_PAGE;
    for (unsigned off = 0; off < PAGE_SIZE; off += c ? 2 : 4) {
        if (!begins_here(r, from, off))
            continue;
        if (!to) {
            if (!frames_take(r->vm->vmm->frames, FRAME_TABLE, r->vm->number, &p->copy))
                return false;
            to = host_of(machine_bus(r->vm->vmm->machine), p->copy);
            memcpy(to, from, PAGE_SIZE);
        }
        uint32_t insn = half_at(from, off);
        if (off < last)
            memcpy(&insn, from + off, sizeof insn);
        if (c)
            rewrite(to, from, off);
        else
            rewrite_word(to, off);
        tell(r, p->gpa + off, insn, p->copy);
    }
    if (c && to && !r->heads && half_at(to, 0) != half_at(from, 0)) {
        look_again(r);
        if (begins_here(r, from, last))
            rewrite(to, from, last);
    }
    return true;
}

uint64_t rewriter_code(struct rewriter *r, uint64_t gpa)
{
    struct page **at = find(r, gpa), *p = *at;
    if (p)
        return p->copy;
    p = calloc(1, sizeof *p);
    if (!p)
        return NO_ROOM;
    p->gpa = gpa;
    if (!look_through(r, p)) {
        free(p);
        return NO_ROOM;
    }
    at = find(r, gpa); /* the others may be gone */
    *at = p;
    bus_flag_page(machine_bus(r->vm->machine), gpa, PAGE_REWRITTEN, true);
    return p->copy;
}

struct rewriter *rewriter_new(struct vm *vm, struct shadow *s, struct err *e)
{
    struct rewriter *r = calloc(1, sizeof *r);
    if (!r) {
        err_set(e, -ENOMEM, "vm %u: out of memory", vm->number);
        return NULL;
    }
    r->vm = vm;
    r->shadow = s;
    bus_set_flag_owner(machine_bus(vm->machine), PAGE_REWRITTEN, code_written, r);
    return r;
}

void rewriter_free(struct rewriter *r)
{
    if (!r)
        return;
    bus_set_flag_owner(machine_bus(r->vm->machine), PAGE_REWRITTEN, NULL, NULL);
    for (unsigned i = 0; i < HASH; i++)
        while (r->hash[i])
            forget(r, &r->hash[i]);
    free(r);
}
