/* SPDX-License-Identifier: MIT */
/* Attacks with page tables. */
#include "hostile.h"

#define TABLES 80
#define GIGA   (UINT64_C(1) << 30)
#define ALL    (PTE_V | PTE_R | PTE_W | PTE_X | PTE_A | PTE_D)
#define DATA   (PTE_V | PTE_R | PTE_W | PTE_A | PTE_D)

pte_t root[512] __attribute__((aligned(4096)));
static pte_t tables[TABLES][512] __attribute__((aligned(4096)));
static uint64_t page_a[512] __attribute__((aligned(4096))), page_b[512] __attribute__((aligned(4096)));
static unsigned used;

pte_t *table_new(void)
{
    if (used == TABLES)
        failed("no tables left");
    return tables[used++];
}

void load_satp(uint64_t root_pa)
{
    csr_write(satp, SATP_SV39 | root_pa >> 12);
    sfence_all();
}

static void fill_root(pte_t *table)
{
    for (unsigned i = 0; i < 8; i++)
        table[i] = pte_make(i * GIGA, i < 2 ? DATA : ALL);
}

void paging_on(void)
{
    fill_root(root);
    load_satp((uint64_t)root);
}

void attack_wipe(void)
{
    paging_on();
    /* Last the entry that it runs on; and from there to the fence nothing but registers is touched, in one page of code: until the fence a machine may
     * use the old entry or the new one. */
    for (unsigned i = 0; i < 512; i++)
        if (i != BOARD_RAM / GIGA)
            root[i] = 0;
    __asm__ volatile(".balign 32\n\t"
                     "sd zero, 0(%0)\n\t"
                     "sfence.vma\n"
                     "1:\tj 1b"
                     :
                     : "r"(&root[BOARD_RAM / GIGA])
                     : "memory");
}

void attack_satp_nothing(void)
{
    load_satp(UINT64_C(0x0f) << 48); /* no bus goes that far */
}

void attack_satp_mmio(void)
{
    load_satp(BOARD_UART);
}

void attack_satp_last(void)
{
    memset((void *)(BOARD_RAM + board.ram_size - PAGE), 0, PAGE);
    load_satp(BOARD_RAM + board.ram_size - PAGE);
}

void attack_satp_end(void)
{
    load_satp(BOARD_RAM + board.ram_size);
}

/* No entry is a leaf, so that no address has a translation, however long one walks. */
void attack_self(void)
{
    for (unsigned i = 0; i < 512; i++)
        tables[0][i] = pte_make((uint64_t)tables[0], PTE_V);
    load_satp((uint64_t)tables[0]);
}

/* Tables mapped where they can be written, by entries in themselves: entry 1 of the lowest table maps that table. */
void attack_recursive(void)
{
    const uint64_t window = 20 * GIGA, second = 40 * GIGA;
    volatile pte_t *root_seen = (volatile pte_t *)window, *low_seen = (volatile pte_t *)(window + PAGE);
    pte_t *mid = table_new(), *low = table_new();
    paging_on();
    root[20] = pte_make((uint64_t)mid, PTE_V);
    mid[0] = pte_make((uint64_t)low, PTE_V);
    low[0] = pte_make((uint64_t)root, DATA);
    low[1] = pte_make((uint64_t)low, DATA);
    sfence_all();
    for (unsigned i = 0; i < 1000; i++) {
        uint64_t *page = i % 2 ? page_a : page_b;
        if (root_seen[20] != root[20] || low_seen[1] != low[1])
            failed("round %u: the tables are not what they are", i);
        low_seen[2] = pte_make((uint64_t)page, DATA); /* written through itself */
        sfence_page(window + 2 * PAGE);
        *(volatile uint64_t *)(window + 2 * PAGE) = i;
        if (page[0] != i)
            failed("round %u: a store went to another page", i);
        root_seen[40] = pte_make((uint64_t)mid, PTE_V); /* and a second way to all of it */
        sfence_all();
        if (((volatile pte_t *)(second + PAGE))[1] != low[1])
            failed("round %u: the second way shows something else", i);
        root_seen[40] = 0;
        sfence_all();
        if (try(load_at, second) != CAUSE_LOAD_PAGE)
            failed("round %u: the second way is still there", i);
    }
    survived("1000 rounds through tables that contain themselves");
}

/* Three tables map one page at 2^27 addresses. A monitor that keeps a page for each piece of the address space is filled up by it. */
void attack_shadows(void)
{
    pte_t *mid = table_new(), *low = table_new();
    paging_on();
    for (unsigned i = 0; i < 512; i++) {
        mid[i] = pte_make((uint64_t)low, PTE_V);
        low[i] = pte_make((uint64_t)page_a, DATA);
        if (i >= 8)
            root[i] = pte_make((uint64_t)mid, PTE_V);
    }
    sfence_all();
    for (uint64_t i = 0; i < 65536; i++) {
        /* each step lies in another table of the lowest level */
        uint64_t va = 8 * GIGA + i * 0x200000 % (248 * GIGA);
        volatile uint64_t *p = (volatile uint64_t *)(va + i / 512 % 512 * PAGE);
        *p = i;
        if (page_a[0] != i)
            failed("address 0x%lx is not the page that the table says", (uint64_t)p);
    }
    survived("65536 pages");
}

void attack_roots(void)
{
    pte_t *many[64];
    volatile uint64_t *p = (volatile uint64_t *)(20 * GIGA);
    page_a[0] = 1;
    page_b[0] = 2;
    for (unsigned i = 0; i < 64; i++) {
        many[i] = table_new();
        fill_root(many[i]);
    }
    {
        pte_t *mid_a = table_new(), *low_a = table_new(), *mid_b = table_new(), *low_b = table_new();
        mid_a[0] = pte_make((uint64_t)low_a, PTE_V);
        mid_b[0] = pte_make((uint64_t)low_b, PTE_V);
        low_a[0] = pte_make((uint64_t)page_a, DATA);
        low_b[0] = pte_make((uint64_t)page_b, DATA);
        for (unsigned i = 0; i < 64; i++)
            many[i][20] = pte_make((uint64_t)(i % 2 ? mid_b : mid_a), PTE_V);
    }
    for (unsigned i = 0; i < 20000; i++) {
        load_satp((uint64_t)many[i * 7 % 64]);
        if (*p != 1 + i * 7 % 2)
            failed("change %u: the page of another table", i);
    }
    survived("20000 changes");
}

void attack_nofence(void)
{
    pte_t *mid = table_new(), *low = table_new();
    volatile uint64_t *p = (volatile uint64_t *)(20 * GIGA);
    paging_on();
    root[20] = pte_make((uint64_t)mid, PTE_V);
    mid[0] = pte_make((uint64_t)low, PTE_V);
    sfence_all();
    page_a[0] = 1;
    page_b[0] = 2;
    for (unsigned i = 0; i < 10000; i++) {
        uint64_t new = 1 + i % 2, seen;
        low[0] = pte_make((uint64_t)(i % 2 ? page_b : page_a), DATA);
        if (i) { /* before the fence there may be no entry at all */
            seen = *p;
            if (seen != 1 && seen != 2)
                failed("round %u: neither the old page nor the new one, but %lu", i, seen);
        }
        sfence_page((uint64_t)p);
        if (*p != new)
            failed("round %u: the old page after SFENCE.VMA", i);
    }
    survived("10000 changes of one entry");
}
