/* SPDX-License-Identifier: MIT */
/* Sv39: the kernel's table, a table per process, and what a page fault may repair. */
#include "kern.h"

pte_t *kernel_pt;

/* The entry that maps va at level 0; with make, tables on the way are added. NULL: no such table (or no memory), or a
 * larger page is in the way. */
pte_t *vm_walk(pte_t *pt, uint64_t va, bool make)
{
    for (int level = 2; level > 0; level--) {
        pte_t *e = &pt[va >> (12 + 9 * level) & 0x1ff];
        if (!(*e & PTE_V)) {
            void *t = make ? page_alloc() : NULL;
            if (!t)
                return NULL;
            *e = PA_PTE(t) | PTE_V;
        } else if (*e & (PTE_R | PTE_W | PTE_X)) {
            return NULL;
        }
        pt = (pte_t *)PTE_PA(*e);
    }
    return &pt[va >> 12 & 0x1ff];
}

/* va, pa and size are whole pages. Two-megabyte pages are used for the kernel where everything is aligned. */
bool vm_map(pte_t *pt, uint64_t va, uint64_t pa, uint64_t size, uint64_t flags)
{
    const uint64_t mega = UINT64_C(1) << 21;
    while (size) {
        if (!(flags & PTE_U) && ((va | pa) & (mega - 1)) == 0 && size >= mega) {
            pte_t *e = &pt[va >> 30 & 0x1ff];
            if (!(*e & PTE_V)) {
                void *t = page_alloc();
                if (!t)
                    return false;
                *e = PA_PTE(t) | PTE_V;
            }
            ((pte_t *)PTE_PA(*e))[va >> 21 & 0x1ff] = PA_PTE(pa) | flags | PTE_V;
            va += mega, pa += mega, size -= mega;
        } else {
            pte_t *e = vm_walk(pt, va, true);
            if (!e)
                return false;
            if (*e & PTE_V)
                panic("mapped twice", va);
            *e = PA_PTE(pa) | flags | PTE_V;
            va += PAGE, pa += PAGE, size -= PAGE;
        }
    }
    return true;
}

void vm_init(void)
{
    const uint64_t rw = PTE_R | PTE_W | PTE_A | PTE_D;
    uint64_t text = (uint64_t)text_end, ro = (uint64_t)rodata_end;
    bool ok = (kernel_pt = page_alloc()) != NULL;
    ok = ok && vm_map(kernel_pt, FINISHER, FINISHER, PAGE, rw);
    ok = ok && vm_map(kernel_pt, CLINT, CLINT, 0x10000, rw);
    ok = ok && vm_map(kernel_pt, PLIC, PLIC, 0x400000, rw);
    ok = ok && vm_map(kernel_pt, UART, UART, 9 * PAGE, rw); /* and the virtio slots */
    ok = ok && vm_map(kernel_pt, RAM, RAM, text - RAM, PTE_R | PTE_X | PTE_A);
    ok = ok && vm_map(kernel_pt, text, text, ro - text, PTE_R | PTE_A);
    ok = ok && vm_map(kernel_pt, ro, ro, RAM + boot.ram_size - ro, rw);
    ok = ok && vm_map(kernel_pt, TRAMPOLINE, (uint64_t)trampoline, PAGE, PTE_R | PTE_X | PTE_A | PTE_G);
    ok = ok && vm_map(kernel_pt, USER_PROBE, (uint64_t)page_alloc(), PAGE, rw | PTE_U);
    for (unsigned i = 0; i < NPROC; i++) {
        for (unsigned n = 0; n < 2; n++) {
            void *page = page_alloc();
            ok = ok && page && vm_map(kernel_pt, KSTACK(i) + n * PAGE, (uint64_t)page, PAGE, rw);
        }
    }
    if (!ok)
        panic("no memory for the kernel's page table", 0);
}

void vm_enter(void)
{
    sfence_all();
    CSR_WRITE(satp, SATP_SV39 | (uint64_t)kernel_pt >> 12);
    sfence_all();
}

uint64_t vm_asid(const struct proc *p)
{
    return boot.asid ? p->slot + 1 : 0;
}

pte_t *vm_user_new(struct trapframe *tf)
{
    pte_t *pt = page_alloc();
    if (!pt)
        return NULL;
    if (!vm_map(pt, TRAMPOLINE, (uint64_t)trampoline, PAGE, PTE_R | PTE_X | PTE_A | PTE_G) ||
        !vm_map(pt, TRAPFRAME, (uint64_t)tf, PAGE, PTE_R | PTE_W | PTE_A | PTE_D)) {
        vm_user_free(pt);
        return NULL;
    }
    return pt;
}

/* Every user page of `from`, mapped in `to` as well: shared for good, or until one of the two writes. */
static bool copy_level(pte_t *from, pte_t *to, int level, uint64_t va)
{
    for (unsigned i = 0; i < 512; i++) {
        uint64_t at = va + ((uint64_t)i << (12 + 9 * level));
        pte_t *e = &from[i];
        if (!(*e & PTE_V))
            continue;
        if (!(*e & (PTE_R | PTE_W | PTE_X))) {
            if (!copy_level((pte_t *)PTE_PA(*e), to, level - 1, at))
                return false;
        } else if (*e & PTE_U) {
            pte_t *copy = vm_walk(to, at, true);
            if (!copy)
                return false;
            if ((*e & PTE_W) && !(*e & PTE_SHARED))
                *e = (*e & ~(pte_t)(PTE_W | PTE_D)) | PTE_COW;
            page_ref(PTE_PA(*e));
            *copy = *e;
        }
    }
    return true;
}

bool vm_user_copy(pte_t *from, pte_t *to)
{
    return copy_level(from, to, 2, 0);
}

static void free_level(pte_t *pt, int level)
{
    for (unsigned i = 0; i < 512; i++) {
        if (!(pt[i] & PTE_V))
            continue;
        if (!(pt[i] & (PTE_R | PTE_W | PTE_X)))
            free_level((pte_t *)PTE_PA(pt[i]), level - 1);
        else if (pt[i] & PTE_U)
            page_put(PTE_PA(pt[i]));
    }
    page_put((uint64_t)pt);
}

void vm_user_free(pte_t *pt)
{
    free_level(pt, 2);
}

void vm_user_unmap(pte_t *pt, uint64_t from, uint64_t to)
{
    for (uint64_t va = from; va < to; va += PAGE) {
        pte_t *e = vm_walk(pt, va, false);
        if (e && (*e & PTE_V)) {
            page_put(PTE_PA(*e));
            *e = 0;
        }
    }
}

static bool demand_zero(const struct proc *p, uint64_t va)
{
    return (va >= p->heap && va < p->brk) || (va >= USER_STACK && va < USER_TOP);
}

/* The process wants to access va; need is one of PTE_R, PTE_W, PTE_X. Repairs what can be: a page of the heap or
 * stack that is not there yet, a shared page to copy, A and D bits that hardware does not set by itself.
 * False: the process has no right to it (or there is no memory). */
bool vm_fault(struct proc *p, uint64_t va, unsigned need)
{
    pte_t *e, old;
    if (va >= USER_TOP)
        return false;
    va &= ~(PAGE - 1);
    e = vm_walk(p->pt, va, false);
    if (!e || !(*e & PTE_V)) {
        void *page;
        if (!demand_zero(p, va) || need == PTE_X || !(page = page_alloc()))
            return false;
        if (!(e = vm_walk(p->pt, va, true))) {
            page_put((uint64_t)page);
            return false;
        }
        *e = PA_PTE(page) | PTE_U | PTE_R | PTE_W | PTE_A | PTE_V;
    }
    old = *e;
    if (!(old & PTE_U))
        return false;
    if (need == PTE_W && (old & PTE_COW)) {
        if (page_refs(PTE_PA(old)) > 1) {
            void *page = page_alloc();
            if (!page)
                return false;
            memcpy(page, (void *)PTE_PA(old), PAGE);
            page_put(PTE_PA(old));
            old = PA_PTE(page) | (old & PTE_FLAGS);
        }
        old = (old & ~(pte_t)PTE_COW) | PTE_W;
        *e = old;
    }
    if (!(old & need))
        return false;
    *e = old | PTE_A | (need == PTE_W ? PTE_D : 0);
    sfence_page(va, vm_asid(p));
    amo_add64((volatile uint64_t *)&stats.faults, 1);
    return true;
}

bool vm_share(struct proc *p, uint64_t va)
{
    pte_t *e;
    if ((va & (PAGE - 1)) || !vm_fault(p, va, PTE_W))
        return false;
    e = vm_walk(p->pt, va, false);
    *e |= PTE_SHARED;
    return true;
}

/* Where the process's byte at va is, if it may access it so; NULL if not. */
static char *user_byte(struct proc *p, uint64_t va, unsigned need)
{
    pte_t *e;
    if (va >= USER_TOP)
        return NULL;
    e = vm_walk(p->pt, va, false);
    if (!e || !(*e & PTE_V) || !(*e & need) || (need == PTE_W && !(*e & PTE_D))) {
        if (!vm_fault(p, va, need))
            return NULL;
        e = vm_walk(p->pt, va, false);
    }
    if (!(*e & PTE_U))
        return NULL;
    return (char *)PTE_PA(*e) + (va & (PAGE - 1));
}

bool copyout(struct proc *p, uint64_t uva, const void *from, uint64_t n)
{
    const char *s = from;
    while (n) {
        uint64_t k = PAGE - (uva & (PAGE - 1));
        char *d = user_byte(p, uva, PTE_W);
        if (!d)
            return false;
        k = k < n ? k : n;
        memcpy(d, s, k);
        uva += k, s += k, n -= k;
    }
    return true;
}

bool copyin(struct proc *p, void *to, uint64_t uva, uint64_t n)
{
    char *d = to;
    while (n) {
        uint64_t k = PAGE - (uva & (PAGE - 1));
        char *s = user_byte(p, uva, PTE_R);
        if (!s)
            return false;
        k = k < n ? k : n;
        memcpy(d, s, k);
        uva += k, d += k, n -= k;
    }
    return true;
}

int copyinstr(struct proc *p, char *to, uint64_t uva, int max)
{
    for (int i = 0; i < max; i++, uva++) {
        char *s = user_byte(p, uva, PTE_R);
        if (!s)
            return -1;
        to[i] = *s;
        if (!*s)
            return i;
    }
    return -1;
}
