/* SPDX-License-Identifier: MIT */
#include "pages.h"
#include "text.h"

struct free_page {
    struct free_page *next;
};

extern char text_start[], text_end[], kernel_end[];
extern pte_t boot_table[512]; /* start.S */
static struct free_page *free_pages;
static char *fresh, *end; /* frames never used so far: starting does not touch all of RAM */
static uint64_t in_use;

void *page_new(void)
{
    void *page = free_pages;
    if (page)
        free_pages = free_pages->next;
    else if (fresh < end)
        page = fresh, fresh += PAGE;
    else
        return NULL;
    in_use++;
    return memset(page, 0, PAGE);
}

void page_free(void *page)
{
    struct free_page *p = page;
    p->next = free_pages;
    free_pages = p;
    in_use--;
}

uint64_t pages_in_use(void)
{
    return in_use;
}

/* Pages of 2 MiB, so that the kernel's text can be closed for writing. */
void pages_init(uint64_t ram, uint64_t pool_end)
{
    const uint64_t giga = UINT64_C(1) << 30, mega = UINT64_C(1) << 21, leaf = PTE_V | PTE_A | PTE_G;
    fresh = kernel_end;
    end = pa_va(pool_end);
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

/* No ASIDs: after a change of satp everything but the global entries goes. */
void table_load(const pte_t *table)
{
    csr_write(satp, SATP_SV39 | va_pa(table ? table : boot_table) >> 12);
    sfence_all();
}

pte_t *table_walk(pte_t *table, uint64_t va, bool make)
{
    for (int level = 2; level > 0; level--) {
        pte_t *e = &table[va_index(va, level)];
        if (!(*e & PTE_V)) {
            void *next = make ? page_new() : NULL;
            if (!next)
                return NULL;
            *e = pte_make(va_pa(next), PTE_V);
        }
        if (*e & PTE_RWX)
            return NULL;
        table = pa_va(pte_pa(*e));
    }
    return &table[va_index(va, 0)];
}
