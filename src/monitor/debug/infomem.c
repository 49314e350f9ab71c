/* SPDX-License-Identifier: MIT */
/* `info mem`, `info tlb`, `info mtree`: lists. */
#include <inttypes.h>
#include <stdlib.h>

#include "base/text.h"
#include "cpu/context.h"
#include "cpu/op.h"
#include "mmu/pte.h"
#include "monitor/debug/pagetable.h"
#include "monitor/debug/walk_view.h"
#include "monitor/names.h"

/* ---- info mem ---- */

/* Tables that are read before a tree that leads to itself is given up. */
enum { TABLES_MAX = 1 << 16 };

/* What QEMU prints as one line: pages of one table whose virtual and physical addresses follow each other, with the same eight low bits. */
struct block {
    bool any;
    uint64_t va, pa, size;
    unsigned attr;
};

struct mem_list {
    struct out *o;
    struct pt_reader r;
    struct block b;
    unsigned tables;
};

static void print_block(const struct mem_list *l)
{
    const struct block *b = &l->b;
    static const char names[] = "vrwxugad";
    char attr[8] = "";
    if (!b->any)
        return;
    for (unsigned i = 1; i < 8; i++)
        attr[i - 1] = b->attr >> i & 1 ? names[i] : '-';
    out_printf(l->o, "%016" PRIx64 " %016" PRIx64 " %016" PRIx64 " %s\n", pt_canonical(&l->r, b->va), b->pa, b->size,
               attr);
}

/* behind: the entry before it in the same table is a leaf. QEMU goes on with a line only then. */
static void list_leaf(struct mem_list *l, bool behind, uint64_t va, uint64_t pa, uint64_t size, unsigned attr)
{
    struct block *b = &l->b;
    if (behind && b->attr == attr && b->pa + b->size == pa) {
        b->size += size;
        return;
    }
    print_block(l);
    *b = (struct block){true, va, pa, size, attr};
}

static void list_table(struct mem_list *l, uint64_t at, uint64_t va, unsigned level)
{
    uint64_t *pte = malloc(PT_ENTRIES_MAX * sizeof *pte), size = BIT(12 + 9 * level);
    unsigned n = pte && l->tables++ < TABLES_MAX ? pt_read(&l->r, at, level, pte) : 0;
    bool behind = false;
    for (unsigned i = 0; i < n && !out_cancelled(l->o); i++, va += size) {
        bool valid = pte[i] & PTE_V, leaf = valid && pte[i] & (PTE_R | PTE_W | PTE_X);
        if (leaf)
            list_leaf(l, behind, va, pte_address(pte[i]), size, pte[i] & 0xff);
        else if (valid && level)
            list_table(l, pte_address(pte[i]), va, level - 1);
        behind = leaf;
    }
    free(pte);
}

void info_mem(struct out *o, const struct hart *h)
{
    uint64_t atp = h->virt ? h->csr.vsatp : h->csr.satp;
    if (!h->isa.mmu || !h->isa.s) {
        out_puts(o, "S-mode MMU unavailable\n");
        return;
    }
    if (!atp_levels(atp_mode(atp))) {
        out_puts(o, "No translation or protection\n");
        return;
    }
    struct mem_list l = {.o = o, .r = pt_reader_make(h, 1, h->virt, atp)};
    out_puts(o, "vaddr            paddr            size             attr\n"
                "---------------- ---------------- ---------------- -------\n");
    list_table(&l, atp_root(atp), 0, l.r.levels - 1);
    print_block(&l);
    if (l.tables > TABLES_MAX)
        out_printf(o, "(cut after %d tables)\n", TABLES_MAX);
}

/* ---- info tlb ---- */

struct entry {
    uint64_t va, pa;
    unsigned access; /* 1 read, 2 write, 4 execute */
};

/* The physical address of a byte of host memory that belongs to the bus. */
static bool pa_of(const struct bus *b, const uint8_t *host, uint64_t *pa)
{
    const struct mem_region *r;
    for (unsigned n = 0; (r = bus_memory(b, n)); n++)
        for (uint64_t off = 0; off < r->size; off += r->pages ? PAGE_SIZE : r->size) {
            uint64_t size = r->pages ? PAGE_SIZE : r->size;
            const uint8_t *first = mem_host(r, off);
            if (host >= first && host < first + size) {
                *pa = r->base + off + (uint64_t)(host - first);
                return true;
            }
        }
    return false;
}

static int by_va(const void *a, const void *b)
{
    uint64_t x = ((const struct entry *)a)->va, y = ((const struct entry *)b)->va;
    return x < y ? -1 : x > y;
}

/* What decoded instructions depend on beside the address: the banks of fetches differ in it. */
static void print_context(struct out *o, enum fetch_context c)
{
    static const char *const fs[] = {"off", "clean", "dirty", "dirty, rounding by frm"};
    out_printf(o, "; FS %s%s", fs[c & 3], c & FETCH_STEP ? ", one by one" : "");
}

static void print_bank(struct out *o, const struct tlb_key *k, bool fetch)
{
    enum priv priv = (enum priv)(k->flags & TLB_KEY_PRIV);
    out_style(o, OUT_HEAD);
    out_printf(o, "%s in %s mode", fetch ? "fetches" : "loads and stores", name_priv(priv, k->virt));
    out_style(o, OUT_PLAIN);
    if (k->flags & TLB_KEY_SUM)
        out_puts(o, ", SUM");
    if (k->flags & (TLB_KEY_MXR | TLB_KEY_VMXR))
        out_puts(o, ", MXR");
    if (k->flags & TLB_KEY_HLVX)
        out_puts(o, ", by HLVX");
    if (priv != PRIV_M) {
        out_printf(o, "; %s ", k->virt ? "vsatp" : "satp");
        walk_view_print_atp(o, k->satp, 1);
    }
    if (k->virt) {
        out_puts(o, "; hgatp ");
        walk_view_print_atp(o, k->hgatp, 2);
    }
}

/* Entries in the order of their addresses, those that continue each other in one line. */
static void print_entries(struct out *o, struct entry *e, unsigned n)
{
    qsort(e, n, sizeof *e, by_va);
    out_printf(o, ": %u page%s\n", n, n == 1 ? "" : "s");
    for (unsigned i = 0, k; i < n; i = k) {
        for (k = i + 1; k < n && e[k].access == e[i].access && e[k].va - e[i].va == e[k].pa - e[i].pa &&
                        e[k].va - e[k - 1].va == PAGE_SIZE;
             k++)
            ;
        out_printf(o, "  ");
        out_styled(o, OUT_ADDR, "%016" PRIx64 "..%016" PRIx64, e[i].va, e[k - 1].va + PAGE_SIZE - 1);
        out_printf(o, " -> %s %c%c%c\n", text_hex(e[i].pa).s, e[i].access & 1 ? 'r' : '-', e[i].access & 2 ? 'w' : '-',
                   e[i].access & 4 ? 'x' : '-');
    }
}

static unsigned data_entries(const struct hart *h, const struct tlb *t, struct entry *e)
{
    unsigned n = 0;
    for (unsigned i = 0; i < TLB_ENTRIES; i++) {
        const struct tlb_entry *r = &t->r[i], *w = &t->w[i];
        uint64_t pa;
        if (r->host && pa_of(h->bus, r->host, &pa))
            e[n++] = (struct entry){r->page, pa, w->host && w->page == r->page ? 3 : 1};
        if (w->host && !(r->host && w->page == r->page) && pa_of(h->bus, w->host, &pa))
            e[n++] = (struct entry){w->page, pa, 2};
    }
    return n;
}

static unsigned fetch_entries(const struct fetch_tlb *f, struct entry *e)
{
    unsigned n = 0;
    for (unsigned i = 0; i < FETCH_ENTRIES; i++)
        if (f->entry[i].tag != FETCH_NO_TAG)
            e[n++] = (struct entry){f->entry[i].tag, f->entry[i].page->pa, 4};
    return n;
}

void info_tlb(struct out *o, const struct hart *h)
{
    struct entry *e = malloc(2 * TLB_ENTRIES * sizeof *e);
    const struct tlb *t;
    const struct fetch_tlb *f;
    unsigned shown = 0;
    for (unsigned i = 0; e && (t = hart_data_bank(h, i)); i++) {
        unsigned n = data_entries(h, t, e);
        if (!n)
            continue;
        print_bank(o, &t->key, false);
        print_entries(o, e, n);
        shown++;
    }
    for (unsigned i = 0; e && (f = hart_fetch_bank(h, i)); i++) {
        unsigned n = fetch_entries(f, e);
        if (!n)
            continue;
        print_bank(o, &f->key, true);
        print_context(o, f->context);
        print_entries(o, e, n);
        shown++;
    }
    if (!shown)
        out_puts(o, "the TLB is empty\n");
    free(e);
}

/* ---- info mtree ---- */

void info_mtree(struct out *o, const struct bus *b)
{
    struct bus_region r;
    for (unsigned n = 0; bus_region(b, n, &r); n++) {
        const struct mem_region *m = r.memory;
        const char *kind = !m ? "i/o" : m->readonly ? "rom" : "ram";
        out_printf(o, "%016" PRIx64 "-%016" PRIx64 " (%s): ", r.base, r.base + (r.size - 1), kind);
        out_styled(o, OUT_NAME, "%s", r.name);
        out_printf(o, "%s%s\n", m && m->pages ? ", a window on another machine's memory" : "",
                   m && !m->enabled ? ", disabled" : "");
    }
}
