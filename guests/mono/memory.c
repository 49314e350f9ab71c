/* SPDX-License-Identifier: MIT */
/* Frames, Sv39 tables, and what the kernel may touch of a program's memory. */
#include "kern.h"

struct free_page {
    struct free_page *next;
};

extern pte_t boot_table[512];
static struct free_page *free_pages;
static char *fresh, *end; /* frames never used so far: starting does not touch all of RAM */

void *page_new(void)
{
    void *page = free_pages;
    if (page)
        free_pages = free_pages->next;
    else if (fresh < end)
        page = fresh, fresh += PAGE;
    else
        return NULL;
    counts.pages++;
    return memset(page, 0, PAGE);
}

void page_free(void *page)
{
    struct free_page *p = page;
    p->next = free_pages;
    free_pages = p;
    counts.pages--;
}

/* The upper half as it stays: RAM in pages of 2 MiB, so that the kernel's text can be closed for writing. */
void memory_init(void)
{
    const uint64_t giga = UINT64_C(1) << 30, mega = UINT64_C(1) << 21, leaf = PTE_V | PTE_A | PTE_G;
    uint64_t ram = board.ram_size < 2 * giga ? board.ram_size : 2 * giga; /* more than enough for this kernel */
    fresh = kernel_end;
    end = (char *)pa_va(BOARD_RAM + ram) -
          2 * mega; /* the device tree is near the end; nobody needs it any more, but firmware may */
    boot_table[256] |= PTE_G;
    for (uint64_t gib = 0; gib < ram; gib += giga) {
        pte_t *table = page_new();
        for (uint64_t at = 0; at < giga && gib + at < ram; at += mega) {
            uint64_t pa = BOARD_RAM + gib + at;
            bool text = pa_va(pa) >= (void *)text_start && pa_va(pa) < (void *)text_end;
            table[at / mega] = pte_make(pa, leaf | (text ? PTE_R | PTE_X : PTE_R | PTE_W | PTE_D));
        }
        boot_table[258 + gib / giga] = pte_make(va_pa(table), PTE_V);
    }
    boot_table[2] = 0; /* the way in, at its physical address, is not needed again */
    sfence_all();
}

pte_t *table_new(void)
{
    pte_t *table = page_new();
    if (table)
        memcpy(table + 256, boot_table + 256, 256 * sizeof(pte_t));
    return table;
}

static void free_level(pte_t *table, int level, unsigned entries)
{
    for (unsigned i = 0; i < entries; i++) {
        if (!(table[i] & PTE_V))
            continue;
        if (table[i] & PTE_RWX)
            page_free(pa_va(pte_pa(table[i])));
        else
            free_level(pa_va(pte_pa(table[i])), level - 1, 512);
    }
    page_free(table);
}

void table_free(pte_t *table)
{
    free_level(table, 2, 256);
}

/* No ASIDs: after a change of satp everything but the global entries goes. */
void table_load(const pte_t *table)
{
    csr_write(satp, SATP_SV39 | va_pa(table ? table : boot_table) >> 12);
    sfence_all();
}

/* The entry for va at level 0. make: tables on the way are added. NULL: there is none. */
static pte_t *walk(pte_t *table, uint64_t va, bool make)
{
    for (int level = 2; level > 0; level--) {
        pte_t *e = &table[va_index(va, level)];
        if (!(*e & PTE_V)) {
            void *next = make ? page_new() : NULL;
            if (!next)
                return NULL;
            *e = pte_make(va_pa(next), PTE_V);
        }
        table = pa_va(pte_pa(*e));
    }
    return &table[va_index(va, 0)];
}

/* The page at va, a new one if there is none. flags (R, W, X) are added to what it already has: two segments may share a page. */
bool user_page(pte_t *table, uint64_t va, uint64_t flags, void **page)
{
    pte_t *e = walk(table, va, true);
    if (!e)
        return false;
    if (!(*e & PTE_V)) {
        void *new = page_new();
        if (!new)
            return false;
        *e = pte_make(va_pa(new), PTE_V | PTE_U);
    }
    *e |= flags;
    *page = pa_va(pte_pa(*e));
    return true;
}

/* The program wants to access va; need: one of PTE_R, W, X. What is right about a page fault is repaired here: a page of the stack
 * that is touched for the first time, and the bits A and D, which hardware may leave to software (Svade). False: it had no right. */
bool user_fault(struct proc *p, uint64_t va, uint64_t need)
{
    pte_t *e;
    void *page;
    if (va < USER_START || va >= USER_TOP)
        return false;
    e = walk(p->table, va, false);
    if (!e || !(*e & PTE_V)) {
        if (va < USER_STACK || need == PTE_X || !user_page(p->table, va, PTE_R | PTE_W, &page))
            return false;
        e = walk(p->table, va, false);
    }
    if ((*e & (PTE_U | need)) != (PTE_U | need))
        return false;
    *e |= PTE_A | (need == PTE_W ? PTE_D : 0);
    sfence_page(va);
    counts.page_faults++;
    return true;
}

/* May the kernel touch these bytes for the running program? Afterwards it can, without a fault. */
static bool user_range(uint64_t va, uint64_t n, uint64_t need)
{
    if (va >= USER_TOP || n > USER_TOP - va)
        return false;
    for (uint64_t at = va & ~(PAGE - 1); at < va + n; at += PAGE) {
        pte_t *e = walk(current->table, at, false);
        uint64_t want = PTE_V | PTE_U | PTE_A | need | (need == PTE_W ? PTE_D : 0);
        if ((!e || (*e & want) != want) && !user_fault(current, at, need))
            return false;
    }
    return true;
}

bool copy_in(void *to, uint64_t from, uint64_t n)
{
    if (!user_range(from, n, PTE_R))
        return false;
    csr_set(sstatus, SSTATUS_SUM); /* S mode may touch pages with U set while this is on */
    memcpy(to, (const void *)from, n);
    csr_clear(sstatus, SSTATUS_SUM);
    return true;
}

bool copy_out(uint64_t to, const void *from, uint64_t n)
{
    if (!user_range(to, n, PTE_W))
        return false;
    csr_set(sstatus, SSTATUS_SUM);
    memcpy((void *)to, from, n);
    csr_clear(sstatus, SSTATUS_SUM);
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
