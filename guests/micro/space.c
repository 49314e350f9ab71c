/* SPDX-License-Identifier: MIT */
/* Address spaces are built by their threads from each other's pages: map gives a page on and keeps it, grant gives it away, unmap takes back
 * what was given on, from everybody. So the kernel has to know who has a page from whom: the mapping database.
 *
 * For each frame it is a tree, written as a list in preorder with depths, all frames of one hash value in one list:
 *     root(0) pager(1) sh(2) ls(2) disk(1)      what pager gave on are the entries behind it with a greater depth */
#include "kern.h"

#define NSPACE    64
#define MAX_ORDER 16 /* of pages in one call: what the kernel does without looking up */

struct node {
    struct node *next;
    struct space *space;
    uint64_t va, pa;
    uint64_t depth;
};

static struct space spaces[NSPACE];
static const struct space *entered;
static struct node *lists[1024];
static struct node *free_nodes;

static struct node **list_of(uint64_t pa)
{
    return &lists[pa / PAGE % 1024];
}

static struct node *node_find(const struct space *s, uint64_t va, uint64_t pa)
{
    struct node *n = *list_of(pa);
    while (n && (n->space != s || n->va != va || n->pa != pa))
        n = n->next;
    return n;
}

/* Behind `parent`, or a new tree. NULL: no memory. */
static struct node *node_new(struct node *parent, struct space *s, uint64_t va, uint64_t pa)
{
    struct node *n = free_nodes, **link = parent ? &parent->next : list_of(pa);
    if (!n) {
        struct node *page = page_new();
        if (!page)
            return NULL;
        for (unsigned i = 0; i < PAGE / sizeof *page; i++) {
            page[i].next = free_nodes;
            free_nodes = &page[i];
        }
        n = free_nodes;
    }
    free_nodes = n->next;
    *n = (struct node){*link, s, va, pa, parent ? parent->depth + 1 : 0};
    *link = n;
    return n;
}

static void entry_clear(const struct space *s, uint64_t va)
{
    pte_t *e = table_walk(s->table, va, false);
    if (e)
        *e = 0;
    sfence_page(va);
}

static void node_free(struct node *n)
{
    n->next = free_nodes;
    free_nodes = n;
}

static void unmap_page(const struct space *s, uint64_t va, bool self)
{
    pte_t *e = va < USER_END ? table_walk(s->table, va, false) : NULL;
    struct node *n, **link;
    uint64_t pa;
    if (!e || !(*e & PTE_V))
        return;
    pa = pte_pa(*e);
    n = node_find(s, va, pa);
    while (n && n->next && n->next->depth > n->depth) {
        struct node *child = n->next;
        entry_clear(child->space, child->va);
        n->next = child->next;
        node_free(child);
    }
    if (!self)
        return;
    *e = 0;
    sfence_page(va);
    for (link = list_of(pa); n && *link; link = &(*link)->next) {
        if (*link == n) {
            *link = n->next;
            node_free(n);
            return;
        }
    }
}

void space_unmap(struct space *s, uint64_t pages)
{
    uint64_t order = pages >> 6 & 63;
    for (uint64_t i = 0; i < UINT64_C(1) << order && order < MAX_ORDER; i++)
        unmap_page(s, (pages & ~(PAGE - 1)) + i * PAGE, (pages & MAP_SELF) != 0);
}

static pte_t make_entry(uint64_t pa, uint64_t rights)
{
    return pte_make(pa, rights | PTE_V | PTE_U | PTE_A | (rights & PTE_W ? PTE_D : 0));
}

/* At the beginning: frames that nobody gave. */
bool space_give(struct space *s, uint64_t va, uint64_t pa, uint64_t flags)
{
    pte_t *e = table_walk(s->table, va, true);
    if (!e)
        panic("no memory for the root task's tables", NULL);
    *e = make_entry(pa, flags);
    return true;
}

static bool map_page(struct space *from, uint64_t va, struct space *to, uint64_t at, uint64_t rights, bool grant)
{
    pte_t *source = va < USER_END ? table_walk(from->table, va, false) : NULL, *e;
    struct node *parent;
    uint64_t pa;
    if (!source || !(*source & PTE_V) || at >= USER_END)
        return false;
    pa = pte_pa(*source);
    rights &= *source & PTE_RWX;
    if (!(rights & PTE_R) || !(e = table_walk(to->table, at, true)))
        return false;
    if ((*e & PTE_V) && pte_pa(*e) == pa) { /* it has the page: perhaps with fewer rights so far */
        *e |= make_entry(pa, rights);
        sfence_page(at);
        return true;
    }
    unmap_page(to, at, true);
    parent = node_find(from, va, pa);
    if (!parent)
        parent = node_new(NULL, from, va, pa);
    if (!parent)
        return false;
    if (grant) {
        parent->space = to;
        parent->va = at;
        *source = 0;
        sfence_page(va);
    } else if (!node_new(parent, to, at, pa)) {
        return false;
    }
    *e = make_entry(pa, rights);
    sfence_page(at);
    return true;
}

/* pages of `from` into the window of `to`: as many as both allow, with the rights that both and the sender's own have. */
bool space_map(struct space *from, uint64_t pages, struct space *to, uint64_t window)
{
    uint64_t mine = pages >> 6 & 63, theirs = window >> 6 & 63, order = mine < theirs ? mine : theirs;
    bool ok = true;
    for (uint64_t i = 0; i < UINT64_C(1) << order && order < MAX_ORDER; i++)
        ok &= map_page(from, (pages & ~(PAGE - 1)) + i * PAGE, to, (window & ~(PAGE - 1)) + i * PAGE,
                       ((pages & MAP_R) | (pages & MAP_W) | (pages & MAP_X)) << 1, (pages & MAP_GRANT) != 0);
    return ok;
}

/* Where the byte is that the space's threads may access so; NULL: they may not. */
char *space_byte(const struct space *s, uint64_t va, uint64_t need)
{
    pte_t *e = va < USER_END ? table_walk(s->table, va, false) : NULL;
    uint64_t want = PTE_V | PTE_U | need;
    return e && (*e & want) == want ? (char *)pa_va(pte_pa(*e)) + va % PAGE : NULL;
}

struct space *space_new(bool privileged)
{
    for (struct space *s = spaces; s < spaces + NSPACE; s++) {
        if (s->table)
            continue;
        s->table = table_new();
        s->privileged = privileged;
        s->threads = 0;
        return s->table ? s : NULL;
    }
    return NULL;
}

static void free_level(const struct space *s, pte_t *table, int level, uint64_t base, unsigned entries)
{
    for (uint64_t i = 0; i < entries; i++) {
        uint64_t va = base + (i << (12 + 9 * level));
        if (!(table[i] & PTE_V))
            continue;
        if (level == 0)
            unmap_page(s, va, true);
        else
            free_level(s, pa_va(pte_pa(table[i])), level - 1, va, 512);
    }
    page_free(table);
}

/* The frames stay with whoever mapped them here. */
void space_free(struct space *s)
{
    if (entered == s) {
        table_load(NULL);
        entered = NULL;
    }
    free_level(s, s->table, 2, 0, 256);
    s->table = NULL;
}

void space_enter(const struct space *s)
{
    if (entered != s)
        table_load(s->table);
    entered = s;
}
