/* SPDX-License-Identifier: MIT */
#include "para.h"
#include "text.h"

struct free_page {
    struct free_page *next;
};

extern char text_start[], text_end[], kernel_end[];
static pte_t *kernel_root;
static struct free_page *free_pages;
static char *fresh, *end; /* frames never used so far: starting does not touch all of RAM */
static uint64_t in_use;

/* "Physical" addresses are the guest's own idea: page n of its RAM lies in some frame of the machine, and that is what entries must name. */
static uint64_t *frames;  /* by page: its machine address */
static uint32_t *page_at; /* by frame, from BOARD_RAM: the page */
static uint64_t nframes;  /* that page_at knows */
static pte_t *linear;     /* the leaves for all of RAM in the kernel's half, one after the other */

struct frame;
_Noreturn void panic(const char *why, const struct frame *f);

static uint64_t page_number(const void *page)
{
    return (va_pa(page) - BOARD_RAM) / PAGE;
}

pte_t pte_to(const void *page, uint64_t flags)
{
    return pte_make(frames[page_number(page)], flags);
}

void *pte_page(pte_t e)
{
    return pa_va(BOARD_RAM + page_at[(pte_pa(e) - BOARD_RAM) / PAGE] * PAGE);
}

bool pte_is_ours(pte_t e)
{
    uint64_t frame = (pte_pa(e) - BOARD_RAM) / PAGE;
    return frame < nframes && frames[page_at[frame]] == pte_pa(e);
}

/* ---- Changes of tables ---- */

#define QUEUE 128u
static struct para_update queue[QUEUE];
static uint64_t queued;

static void flush(void)
{
    if (queued && para_call(PARA_UPDATE, va_pa(queue), queued, 0, NULL) != PARA_OK)
        panic("the VMM refuses a change of page tables", NULL);
    queued = 0;
}

static void change(pte_t *e, pte_t value)
{
    uint64_t at = va_pa(e);
    if (queued == QUEUE)
        flush();
    queue[queued++] = (struct para_update){at & ~(PAGE - 1), at % PAGE / sizeof(pte_t), value};
}

/* A page that is a table in use is one that the kernel itself cannot write. */
static bool in_table(const void *at)
{
    return !(linear[page_number(at)] & PTE_W);
}

static void close_page(const void *page)
{
    change(&linear[page_number(page)], pte_to(page, PTE_V | PTE_U | PTE_R));
}

static void open_page(const void *page)
{
    change(&linear[page_number(page)], pte_to(page, PTE_V | PTE_U | PTE_R | PTE_W));
}

/* Each address space has two roots: what the kernel sees, and the program's half of that, for the program has no other mode to run in. */
#define ROOTS 64
static struct {
    pte_t *kernel, *user;
} roots[ROOTS];

static pte_t *user_root(const pte_t *table)
{
    for (int i = 0; i < ROOTS; i++)
        if (roots[i].kernel == table)
            return roots[i].user;
    return NULL;
}

static void set(pte_t *e, pte_t value)
{
    if (in_table(e))
        change(e, value);
    else
        *e = value;
}

void pte_set(pte_t *e, pte_t value)
{
    pte_t *table = (pte_t *)((uint64_t)e & ~(PAGE - 1)), *user = user_root(table);
    set(e, value);
    if (user && e - table < 256)
        set(user + (e - table), value);
    flush();
}

/* ---- Pages ---- */

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

static void *take(uint64_t bytes)
{
    void *at = fresh;
    fresh += (bytes + PAGE - 1) & ~(PAGE - 1);
    in_use += (bytes + PAGE - 1) / PAGE;
    return memset(at, 0, bytes);
}

/* Which frames are ours: until the tables are handed over they are ordinary memory, and this runs behind the shadows that the VMM keeps. */
static void learn_frames(uint64_t pages)
{
    const uint64_t once = PARA_MAX_PAGES;
    frames = take(pages * sizeof *frames);
    for (uint64_t i = 0; i < pages; i += once)
        if (para_call(PARA_P2M, i, pages - i < once ? pages - i : once, va_pa(frames + i), NULL) != PARA_OK)
            panic("the VMM does not tell where memory is", NULL);
    for (uint64_t i = 0; i < pages; i++)
        if (frames[i] - BOARD_RAM >= nframes * PAGE)
            nframes = (frames[i] - BOARD_RAM) / PAGE + 1;
    page_at = take(nframes * sizeof *page_at);
    for (uint64_t i = 0; i < pages; i++)
        page_at[(frames[i] - BOARD_RAM) / PAGE] = (uint32_t)i;
}

/* Frames that follow each other are nowhere to be had: each page of RAM has its own entry. Devices have none. */
void pages_init(uint64_t ram, uint64_t pool_end)
{
    const uint64_t pages = ram / PAGE, tables = (pages + 511) / 512, leaf = PTE_V | PTE_U | PTE_R;
    pte_t *table;
    fresh = kernel_end;
    end = pa_va(pool_end);
    learn_frames(pages);
    linear = take(tables * PAGE);
    kernel_root = take(PAGE);
    table = take(PAGE);
    for (uint64_t i = 0; i < pages; i++) {
        char *va = pa_va(BOARD_RAM + i * PAGE);
        bool text = va >= text_start && va < text_end;
        linear[i] = pte_to(va, leaf | (text ? PTE_X : PTE_W));
    }
    for (uint64_t i = 0; i < tables; i++) {
        table[i] = pte_to(linear + 512 * i, PTE_V);
        linear[page_number(linear + 512 * i)] &= ~PTE_W;
    }
    kernel_root[258] = pte_to(table, PTE_V);
    linear[page_number(table)] &= ~PTE_W;
    linear[page_number(kernel_root)] &= ~PTE_W;
    if (para_call(PARA_SET_PTR, va_pa(kernel_root), 0, 0, NULL) != PARA_OK ||
        para_call(PARA_PIN, va_pa(kernel_root), 2, 0, NULL) != PARA_OK)
        panic("the VMM refuses the kernel's page tables", NULL);
}

/* ---- Tables ---- */

pte_t *table_new(void)
{
    pte_t *table = page_new(), *user = table ? page_new() : NULL;
    for (int i = 0; user && i < ROOTS; i++) {
        if (roots[i].kernel)
            continue;
        roots[i].kernel = table;
        roots[i].user = user;
        memcpy(table + 256, kernel_root + 256, 256 * sizeof(pte_t));
        return table;
    }
    if (user)
        page_free(user);
    if (table)
        page_free(table);
    return NULL;
}

/* fn for each table of the program's half, the root last. */
static void each_table(pte_t *table, int level, unsigned entries, void (*fn)(const void *page))
{
    for (unsigned i = 0; i < entries && level > 0; i++)
        if (table[i] & PTE_V)
            each_table(pte_page(table[i]), level - 1, 512, fn);
    fn(table);
}

/* A table that was built in memory becomes one that the machine may walk. */
static void publish(pte_t *table)
{
    each_table(table, 2, 256, close_page);
    close_page(user_root(table));
    flush();
    if (para_call(PARA_PIN, va_pa(table), 2, 0, NULL) != PARA_OK ||
        para_call(PARA_PIN, va_pa(user_root(table)), 2, 0, NULL) != PARA_OK)
        panic("the VMM refuses a page table", NULL);
}

void table_retire(pte_t *table)
{
    for (int i = 0; i < ROOTS; i++) {
        if (roots[i].kernel != table)
            continue;
        if (in_table(table)) {
            para_call(PARA_UNPIN, va_pa(table), 0, 0, NULL);
            para_call(PARA_UNPIN, va_pa(roots[i].user), 0, 0, NULL);
            each_table(table, 2, 256, open_page);
            open_page(roots[i].user);
            flush();
        }
        page_free(roots[i].user);
        roots[i].kernel = roots[i].user = NULL;
    }
}

/* Both roots at once; what a change of them must drop the VMM drops. */
void table_load(const pte_t *table)
{
    if (table && !in_table(table))
        publish((pte_t *)table);
    para_call(PARA_SET_PTR, va_pa(table ? table : kernel_root), table ? va_pa(user_root(table)) : 0, 0, NULL);
}

pte_t *table_walk(pte_t *table, uint64_t va, bool make)
{
    bool live = in_table(table);
    for (int level = 2; level > 0; level--) {
        pte_t *e = &table[va_index(va, level)];
        if (!(*e & PTE_V)) {
            void *next = make ? page_new() : NULL;
            if (!next)
                return NULL;
            if (live)
                close_page(next);
            pte_set(e, pte_to(next, PTE_V));
        }
        if (*e & PTE_RWX)
            return NULL;
        table = pte_page(*e);
    }
    return &table[va_index(va, 0)];
}
