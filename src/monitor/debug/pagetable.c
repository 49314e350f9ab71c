/* SPDX-License-Identifier: MIT */
/* `pagetable`: the tree of a page table, as few lines as say it all. */
#include "monitor/debug/pagetable.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/text.h"
#include "cpu/trap.h"
#include "dev/bus_frames.h"
#include "mmu/pte.h"
#include "monitor/debug/walk_view.h"
#include "monitor/names.h"

/* ---- Reading ---- */

struct pt_reader pt_reader_make(const struct hart *h, unsigned stage, bool virt, uint64_t atp)
{
    struct pt_reader r = {.bus = h->bus, .stage = stage, .levels = atp_levels(atp_mode(atp))};
    r.c = hart_mode_ctx(h, PRIV_S, virt || stage == 2);
    r.c.sum = true;
    if (stage == 2) {
        r.c.satp = 0;
        r.c.hgatp = atp;
    } else {
        r.c.satp = atp;
    }
    r.behind = stage == 1 && virt && atp_levels(atp_mode(r.c.hgatp));
    return r;
}

unsigned pt_width(const struct pt_reader *r)
{
    return 12 + 9 * r->levels + (r->stage == 2 ? 2 : 0);
}

uint64_t pt_canonical(const struct pt_reader *r, uint64_t va)
{
    return r->stage == 1 ? (uint64_t)sign_extend(va, pt_width(r)) : va;
}

/* Where the table at `at` is: at itself, or through stage two as the walker goes to its entries. */
static bool table_pa(const struct pt_reader *r, uint64_t at, uint64_t *pa)
{
    *pa = bus_table_address(r->bus, at);
    if (!r->behind)
        return true;
    struct mmu_ctx c = r->c;
    struct mmu_map m;
    struct mmu_fault f;
    c.satp = 0;
    c.mxr = c.vmxr = false;
    if (!mmu_translate(&c, at, PTE_SIZE, MMU_R, true, &m, &f, NULL))
        return false;
    *pa = m.pa;
    return true;
}

unsigned pt_read(const struct pt_reader *r, uint64_t at, unsigned level, uint64_t pte[PT_ENTRIES_MAX])
{
    unsigned n = r->stage == 2 && level == r->levels - 1 ? 2048 : 512;
    for (unsigned i = 0; i < n; i += 512) {
        uint64_t pa;
        if (!table_pa(r, at + i * PTE_SIZE, &pa) || !bus_dma_read(r->bus, pa, pte + i, PAGE_SIZE))
            memset(pte + i, 0, PAGE_SIZE);
    }
    return n;
}

/* ---- Runs of entries ---- */

enum run_kind { RUN_LEAF, RUN_TABLE, RUN_FULL /* of tables, each full of pages in a row */, RUN_BAD };

#define PERMISSIONS (PTE_R | PTE_W | PTE_X | PTE_U | PTE_G | PTE_PBMT | PTE_N | PTE_RSW)
enum { SHORT_RUN = 4, LINES_PER_TABLE = 40, LINES_ALL = 600, SEEN = 1 << 13 };

struct run {
    enum run_kind kind;
    unsigned first, last;
    uint64_t pa;       /* of the first page; of the table */
    uint64_t pte;      /* PERMISSIONS of all of them */
    uint64_t all, any; /* A and D: which all of them, and which some have */
    uint64_t page;     /* bytes of each page */
    bool scattered;
    enum pte_verdict verdict; /* RUN_BAD */
};

struct tree {
    struct out *o;
    struct pt_reader r;
    unsigned lines;
    bool everything; /* no cuts */
    bool cut;
    uint64_t seen[SEEN]; /* tables drawn: address | level, hashed; 0: free */
    unsigned nseen;
};

static uint64_t span_of(unsigned level)
{
    return BIT(12 + 9 * level);
}

struct last_step {
    struct mmu_observer o;
    struct mmu_step s;
};

static void keep_last(struct mmu_observer *o, const struct mmu_step *s)
{
    if (s->level >= 0)
        ((struct last_step *)o)->s = *s;
}

/* Why the walker stops at this entry, whatever the access; PTE_LEAF or PTE_POINTER if it does not. */
static enum pte_verdict verdict_of(const struct tree *t, uint64_t va, unsigned level)
{
    struct last_step k = {.o = {keep_last}};
    struct mmu_map m;
    struct mmu_fault f;
    if (mmu_translate(&t->r.c, pt_canonical(&t->r, va), 1, MMU_R, true, &m, &f, &k.o) || k.s.stage != t->r.stage ||
        k.s.level != (int)level)
        return PTE_LEAF;
    enum pte_verdict v = k.s.verdict;
    return v == PTE_RESERVED || v == PTE_MISALIGNED_SUPERPAGE || v == PTE_NO_LEAF ? v : PTE_LEAF;
}

/* Whether an entry has bits that most have not: the walker is asked what it makes of them. */
static bool suspicious(uint64_t pte, unsigned level)
{
    bool pointer = !(pte & (PTE_R | PTE_X));
    return pte >> 54 || (pte & (PTE_R | PTE_W)) == PTE_W || (pointer && (!level || pte & (PTE_D | PTE_A | PTE_U))) ||
           (!pointer && level && bits(pte, PTE_PPN_SHIFT + VPN_BITS * level - 1, PTE_PPN_SHIFT));
}

static uint64_t leaf_pa(uint64_t pte, unsigned index)
{
    uint64_t pa = pte_address(pte);
    return pte & PTE_N ? merge_bits(pa, (uint64_t)index << 12, MASK(PTE_NAPOT_SHIFT - 1, 12)) : pa;
}

static void make_leaf(struct run *n, uint64_t pte, unsigned level, unsigned index)
{
    n->kind = RUN_LEAF;
    n->pa = leaf_pa(pte, index);
    n->pte = pte & PERMISSIONS;
    n->all = n->any = pte & (PTE_A | PTE_D);
    n->page = span_of(level);
}

static bool same_permissions(const struct run *a, const struct run *b)
{
    return a->kind == b->kind && a->pte == b->pte && a->page == b->page;
}

/* Takes b, which follows a, into a. size: bytes that a covers. */
static bool join(struct run *a, const struct run *b, uint64_t size)
{
    if (!same_permissions(a, b) || a->kind == RUN_TABLE || a->last + 1 != b->first || a->verdict != b->verdict)
        return false;
    if (a->kind != RUN_BAD && a->pa + size != b->pa)
        return false;
    a->last = b->last;
    a->all &= b->all;
    a->any |= b->any;
    return true;
}

/* Whether the table at `at` is full of pages in a row with the same permissions: then *n is one run of them. */
static bool full(const struct tree *t, uint64_t at, unsigned level, struct run *n)
{
    uint64_t *pte = malloc(PT_ENTRIES_MAX * sizeof *pte);
    bool ok = pte;
    unsigned count = ok ? pt_read(&t->r, at, level, pte) : 0;
    for (unsigned i = 0; ok && i < count; i++) {
        struct run one = {.first = i, .last = i};
        if (!(pte[i] & PTE_V) || suspicious(pte[i], level))
            ok = false;
        else if (pte[i] & (PTE_R | PTE_X))
            make_leaf(&one, pte[i], level, i);
        else
            ok = full(t, pte_address(pte[i]), level - 1, &one);
        one.kind = RUN_LEAF;
        one.first = one.last = i;
        if (!i)
            *n = one;
        else
            ok = ok && join(n, &one, span_of(level) * i);
    }
    free(pte);
    return ok;
}

/* The run that entry i alone is. False: none, V is 0. */
static bool classify(const struct tree *t, uint64_t pte, uint64_t va, unsigned level, unsigned i, struct run *n)
{
    *n = (struct run){.first = i, .last = i, .verdict = PTE_LEAF};
    if (!(pte & PTE_V))
        return false;
    if (suspicious(pte, level)) {
        n->verdict = verdict_of(t, va, level);
        if (n->verdict != PTE_LEAF) {
            n->kind = RUN_BAD;
            return true;
        }
    }
    if (pte & (PTE_R | PTE_X)) {
        make_leaf(n, pte, level, i);
    } else if (level && full(t, pte_address(pte), level - 1, n)) {
        n->kind = RUN_FULL;
        n->first = n->last = i;
        n->verdict = PTE_LEAF;
    } else {
        *n = (struct run){.kind = RUN_TABLE, .first = i, .last = i, .pa = pte_address(pte), .verdict = PTE_LEAF};
    }
    return true;
}

/* Short runs of pages with the same permissions next to each other become one, whose pages lie here and there. */
static unsigned gather(struct run *run, unsigned n)
{
    unsigned kept = 0;
    for (unsigned i = 0; i < n; i++) {
        struct run *a = kept ? &run[kept - 1] : NULL, *b = &run[i];
        bool small = b->last - b->first < SHORT_RUN - 1;
        bool takes = a && a->kind == RUN_LEAF && (a->scattered || a->last - a->first < SHORT_RUN - 1);
        if (takes && small && same_permissions(a, b) && a->last + 1 == b->first) {
            a->scattered = true;
            a->last = b->last;
            a->all &= b->all;
            a->any |= b->any;
        } else {
            run[kept++] = *b;
        }
    }
    return kept;
}

/* ---- Drawing ---- */

/* R W X U G A D, then what is rarer; a and d: some of the pages have it. */
static void print_permissions(struct out *o, const struct run *n)
{
    static const char *const pbmt[] = {"", " NC", " IO", " PBMT=3"};
    static const char names[] = "VRWXUG";
    out_style(o, OUT_GOOD);
    for (unsigned i = 1; i < 6; i++)
        out_printf(o, " %c", n->pte >> i & 1 ? names[i] : '.');
    for (unsigned i = 6; i < 8; i++)
        out_printf(o, " %c", n->all >> i & 1 ? "AD"[i - 6] : n->any >> i & 1 ? "ad"[i - 6] : '.');
    out_printf(o, "%s%s", pbmt[bits(n->pte, 62, 61)], n->pte & PTE_N ? " N" : "");
    if (n->pte & PTE_RSW)
        out_printf(o, " RSW=%u", (unsigned)bits(n->pte, 9, 8));
    out_style(o, OUT_PLAIN);
}

static bool seen(struct tree *t, uint64_t at, unsigned level)
{
    uint64_t key = at | (level + 1);
    unsigned slot = (unsigned)((key * UINT64_C(0x9e3779b97f4a7c15)) >> 51);
    for (; t->seen[slot]; slot = (slot + 1) % SEEN)
        if (t->seen[slot] == key)
            return true;
    if (t->nseen >= SEEN - 1)
        return true;
    t->seen[slot] = key;
    t->nseen++;
    return false;
}

static void draw_run(struct tree *t, const struct run *n, uint64_t va, unsigned level, unsigned depth)
{
    struct out *o = t->o;
    const char *kind = t->r.behind ? "gpa " : "";
    uint64_t first = pt_canonical(&t->r, va + n->first * span_of(level));
    uint64_t last = pt_canonical(&t->r, va + n->first * span_of(level)) + (n->last - n->first + 1) * span_of(level) - 1;
    unsigned count = n->last - n->first + 1;
    char index[16];
    snprintf(index, sizeof index, count > 1 ? "[%03x-%03x]" : "[%03x]", n->first, n->last);
    out_printf(o, "%*s%-9s ", (int)(2 * depth), "", index);
    out_styled(o, OUT_ADDR, "%016" PRIx64 "..%016" PRIx64, first, last);
    switch (n->kind) {
    case RUN_LEAF:
        print_permissions(o, n);
        if (n->scattered)
            out_printf(o, "  %u pages of %s, here and there", count, text_size(n->page).s);
        else
            out_printf(o, "  %u page%s of %s at %s%s", count, count > 1 ? "s" : "", text_size(n->page).s, kind,
                       text_hex(n->pa).s);
        break;
    case RUN_FULL:
        print_permissions(o, n);
        out_printf(o, "  %u table%s full of pages of %s, from %s%s on", count, count > 1 ? "s" : "",
                   text_size(n->page).s, kind, text_hex(n->pa).s);
        break;
    case RUN_TABLE: out_printf(o, "  table at %s%s", kind, text_hex(n->pa).s); break;
    case RUN_BAD: out_styled(o, OUT_BAD, "  %s: %s", name_verdict(n->verdict), name_verdict_why(n->verdict)); break;
    }
    t->lines++;
}

static void draw_table(struct tree *t, uint64_t at, uint64_t va, unsigned level, unsigned depth);

/* The runs of a table, and below each pointer the table that it leads to. */
static void draw_runs(struct tree *t, const struct run *run, unsigned n, uint64_t va, unsigned level, unsigned depth)
{
    for (unsigned i = 0; i < n && !out_cancelled(t->o); i++) {
        if (!t->everything && n > LINES_PER_TABLE && i == LINES_PER_TABLE - 4) {
            out_printf(t->o, "%*s... %u more\n", (int)(2 * depth), "", n - LINES_PER_TABLE);
            t->cut = true;
            i = n - 4;
        }
        if (!t->everything && t->lines >= LINES_ALL) {
            out_printf(t->o, "%*s... cut\n", (int)(2 * depth), "");
            t->cut = true;
            return;
        }
        draw_run(t, &run[i], va, level, depth);
        bool table = run[i].kind == RUN_TABLE, again = table && seen(t, run[i].pa, level - 1);
        out_puts(t->o, again ? ", drawn above\n" : "\n");
        if (table && !again)
            draw_table(t, run[i].pa, va + run[i].first * span_of(level), level - 1, depth + 1);
    }
}

static void draw_table(struct tree *t, uint64_t at, uint64_t va, unsigned level, unsigned depth)
{
    uint64_t *pte = malloc(PT_ENTRIES_MAX * sizeof *pte);
    struct run *run = malloc(PT_ENTRIES_MAX * sizeof *run);
    unsigned n = 0, count = pte && run ? pt_read(&t->r, at, level, pte) : 0;
    for (unsigned i = 0; i < count; i++) {
        struct run one;
        if (!classify(t, pte[i], va + i * span_of(level), level, i, &one))
            continue;
        uint64_t size = n ? (run[n - 1].last - run[n - 1].first + 1) * span_of(level) : 0;
        if (!n || !join(&run[n - 1], &one, size))
            run[n++] = one;
    }
    free(pte);
    n = gather(run, n);
    if (n)
        draw_runs(t, run, n, va, level, depth);
    else
        out_printf(t->o, "%*snothing is mapped\n", (int)(2 * depth), "");
    free(run);
}

/* ---- The command ---- */

struct request {
    int stage;     /* 0: not said */
    int virt;      /* -1: not said */
    unsigned mode; /* MODE of the atp; 0: not said */
    bool everything;
};

static bool read_mode(const char *word, struct request *q)
{
    static const struct {
        const char *name;
        enum atp_mode mode;
        int stage;
    } names[] = {{"sv39", ATP_SV39, 1},   {"sv48", ATP_SV48, 1},   {"sv57", ATP_SV57, 1},
                 {"sv39x4", ATP_SV39, 2}, {"sv48x4", ATP_SV48, 2}, {"sv57x4", ATP_SV57, 2}};
    for (unsigned i = 0; i < ARRAY_LEN(names); i++)
        if (!strcasecmp(word, names[i].name)) {
            q->mode = names[i].mode;
            q->stage = names[i].stage;
            return true;
        }
    return false;
}

static int read_words(const char *words, struct request *q, struct err *e)
{
    char word[32];
    bool as = false;
    uint8_t mode;
    *q = (struct request){.virt = -1};
    for (;;) {
        words += strspn(words, " \t");
        size_t n = strcspn(words, " \t");
        if (!n)
            break;
        snprintf(word, sizeof word, "%.*s", (int)(n < sizeof word ? n : sizeof word - 1), words);
        words += n;
        if (as) {
            as = false;
            if (!name_mode_find(word, &mode))
                return err_set(e, -EINVAL, "as %s: no such mode: give U, S, VU or VS", word);
            if ((mode & 3) == PRIV_M)
                return err_set(e, -EINVAL, "as M: addresses of M mode are physical: it has no page table");
            q->virt = mode >> 2;
        } else if (!strcmp(word, "as")) {
            as = true;
        } else if (!strcmp(word, "satp") || !strcmp(word, "vsatp")) {
            q->stage = 1;
            q->virt = *word == 'v';
        } else if (!strcmp(word, "hgatp")) {
            q->stage = 2;
        } else if (!strcmp(word, "all")) {
            q->everything = true;
        } else if (!read_mode(word, q)) {
            return err_set(e, -EINVAL,
                           "pagetable: %s is not known: give [ROOT] [satp|vsatp|hgatp] "
                           "[sv39|sv48|sv57|sv39x4|sv48x4|sv57x4] [as MODE] [all]",
                           word);
        }
    }
    return as ? err_set(e, -EINVAL, "as: give a mode: U, S, VU or VS") : 0;
}

int pagetable_command(struct out *o, const struct hart *h, const uint64_t *root, const char *words, struct err *e)
{
    struct request q;
    int rc = read_words(words, &q, e);
    if (rc)
        return rc;
    bool virt = q.virt < 0 ? h->virt : q.virt;
    unsigned stage = q.stage ? (unsigned)q.stage : 1;
    const char *name = stage == 2 ? "hgatp" : virt ? "vsatp" : "satp";
    uint64_t atp = stage == 2 ? h->csr.hgatp : virt ? h->csr.vsatp : h->csr.satp;
    if ((virt || stage == 2) && !h->isa.h)
        return err_set(e, -EINVAL, "%s: this hart has no hypervisor extension", name);
    if (root) {
        if (*root & ~PAGE_MASK || *root >> 56)
            return err_set(e, -EINVAL, "root table at %s: page tables lie at multiples of 0x1000 below 2^56",
                           text_hex(*root).s);
        atp = merge_bits(atp, *root >> 12, ATP_PPN);
    }
    if (q.mode)
        atp = merge_bits(atp, (uint64_t)q.mode << 60, MASK(63, 60));
    if (!atp_levels(atp_mode(atp)))
        return err_set(e, -EINVAL, "%s is Bare: nothing is translated%s", name,
                       root ? ": say sv39, sv48 or sv57 too" : "");
    struct tree *t = calloc(1, sizeof *t);
    if (!t)
        return err_set(e, -ENOMEM, "out of memory");
    t->o = o;
    t->r = pt_reader_make(h, stage, virt, atp);
    t->everything = q.everything;
    out_style(o, OUT_HEAD);
    out_printf(o, "%s: ", root ? "given" : name);
    walk_view_print_atp(o, atp, stage);
    out_printf(o, "%s", t->r.behind ? " (guest physical)" : "");
    out_style(o, OUT_PLAIN);
    out_puts(o, "\n");
    (void)seen(t, atp_root(atp), t->r.levels - 1);
    draw_table(t, atp_root(atp), 0, t->r.levels - 1, 1);
    if (t->cut)
        out_puts(o, "cut: `pagetable ... all` shows all of it\n");
    free(t);
    return 0;
}
