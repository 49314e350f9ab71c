/* SPDX-License-Identifier: MIT */
/* Programs' memory, and what the kernel may touch of it. */
#include "kern.h"
#include "para.h"

void memory_init(void)
{
    const uint64_t enough = UINT64_C(1) << 30, reserve = UINT64_C(4) << 20;
    uint64_t ram = board.ram_size < enough ? board.ram_size : enough;
    pages_init(ram, BOARD_RAM + ram - reserve); /* the device tree lies at the end */
}

static void free_level(pte_t *table, int level, unsigned entries)
{
    for (unsigned i = 0; i < entries; i++) {
        if (!(table[i] & PTE_V))
            continue;
        if (table[i] & PTE_RWX)
            page_free(pte_page(table[i]));
        else
            free_level(pte_page(table[i]), level - 1, 512);
    }
    page_free(table);
}

void table_free(pte_t *table)
{
    table_retire(table);
    free_level(table, 2, 256);
}

/* The page at va, a new one if there is none. flags (R, W, X) are added to what it already has: two segments may share a page. */
bool user_page(pte_t *table, uint64_t va, uint64_t flags, void **page)
{
    pte_t *e = table_walk(table, va, true);
    if (!e)
        return false;
    if (*e & PTE_V) {
        pte_set(e, *e | flags);
    } else {
        void *new = page_new();
        if (!new)
            return false;
        pte_set(e, pte_to(new, PTE_V | PTE_U | flags));
    }
    *page = pte_page(*e);
    return true;
}

/* The program wants to access va; need: one of PTE_R, W, X. What is right about a page fault is repaired here: a page of the stack
 * that is touched for the first time. (A and D are set by the machine.) False: it had no right. */
bool user_fault(struct proc *p, uint64_t va, uint64_t need)
{
    pte_t *e;
    void *page;
    if (va < USER_START || va >= USER_TOP)
        return false;
    e = table_walk(p->table, va, false);
    if (!e || !(*e & PTE_V)) {
        if (va < USER_STACK || need == PTE_X || !user_page(p->table, va, PTE_R | PTE_W, &page))
            return false;
        e = table_walk(p->table, va, false);
    }
    if ((*e & (PTE_U | need)) != (PTE_U | need))
        return false;
    counts.page_faults++;
    return true;
}

/* May the kernel touch these bytes for the running program? Afterwards it can, without a fault. */
static bool user_range(uint64_t va, uint64_t n, uint64_t need)
{
    if (va >= USER_TOP || n > USER_TOP - va)
        return false;
    for (uint64_t at = va & ~(PAGE - 1); at < va + n; at += PAGE) {
        pte_t *e = table_walk(current->table, at, false);
        uint64_t want = PTE_V | PTE_U | need;
        if ((!e || (*e & want) != want) && !user_fault(current, at, need))
            return false;
    }
    return true;
}

bool copy_in(void *to, uint64_t from, uint64_t n)
{
    if (!user_range(from, n, PTE_R))
        return false;
    memcpy(to, (const void *)from, n);
    return true;
}

bool copy_out(uint64_t to, const void *from, uint64_t n)
{
    if (!user_range(to, n, PTE_W))
        return false;
    memcpy((void *)to, from, n);
    return true;
}

bool copy_in_string(char *to, uint64_t from, uint64_t size)
{
    for (uint64_t i = 0; i < size; i++) {
        if (!copy_in(to + i, from + i, 1))
            return false;
        if (!to[i])
            return true;
    }
    return false;
}
