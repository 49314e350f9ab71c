/* SPDX-License-Identifier: MIT */
#include "monitor/debug/walk_view.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "cpu/trap.h"
#include "mmu/pte.h"
#include "monitor/names.h"

/* ---- Finding out ---- */

struct collector {
    struct mmu_observer o;
    struct walk_part *p;
};

static void collect(struct mmu_observer *o, const struct mmu_step *s)
{
    struct walk_part *p = ((struct collector *)o)->p;
    if (p->nsteps < WALK_STEPS)
        p->step[p->nsteps++] = *s;
}

static bool translate(struct walk_view *w, uint64_t va, unsigned size)
{
    struct walk_part *p = &w->part[w->nparts++];
    struct collector k = {{collect}, p};
    p->va = va;
    p->size = size;
    p->translated = mmu_translate(&w->c, va, size, w->access, true, &p->map, &w->fault, &k.o);
    return p->translated;
}

/* The trap of an access that nothing at its physical address takes. */
static bool refused(struct walk_view *w, struct walk_part *p, enum walk_place why, uint64_t va)
{
    static const uint8_t cause[] = {
        [MMU_R] = CAUSE_LOAD_ACCESS, [MMU_W] = CAUSE_STORE_ACCESS, [MMU_X] = CAUSE_FETCH_ACCESS};
    p->place = why;
    w->fault = (struct mmu_fault){.cause = cause[w->access], .tval = va, .gva = w->c.virt};
    return false;
}

/* Whether the part's bytes are taken, in accesses of `unit` bytes. */
static bool answered(struct walk_view *w, struct walk_part *p, unsigned unit)
{
    bool write = w->access == MMU_W;
    p->place = PLACE_ANSWERS;
    for (unsigned i = 0; i < p->size; i += unit) {
        uint64_t pa = p->map.pa + i;
        const struct mem_region *r = bus_memory_at(w->c.bus, pa);
        if (r && !(write && r->readonly))
            continue;
        if (w->access == MMU_X || w->c.hlvx || w->atomic)
            return refused(w, p, bus_name_at(w->c.bus, pa) ? PLACE_NO_MEMORY : PLACE_EMPTY,
                           w->c.hlvx ? w->va : p->va + i);
        if (pa & (unit - 1))
            return refused(w, p,
                           bus_answers(w->c.bus, pa, 1, write) ? PLACE_MISALIGNED
                           : r                                 ? PLACE_READONLY
                                                               : PLACE_EMPTY,
                           p->va + i);
        if (!bus_answers(w->c.bus, pa, unit, write))
            return refused(w, p, r ? PLACE_READONLY : PLACE_EMPTY, p->va + i);
    }
    return true;
}

/* A fetch looks at two bytes at a time; at the second half only where it may have another answer than the first. */
static bool make_fetch(struct walk_view *w)
{
    if (!translate(w, w->va, 2) || !answered(w, &w->part[0], 2))
        return false;
    bool apart = (w->va & ~PAGE_MASK) == PAGE_SIZE - 2 || !w->part[0].map.whole_page;
    return w->size <= 2 || !apart || (translate(w, w->va + 2, 2) && answered(w, &w->part[1], 2));
}

/* Loads and stores are translated whole before the first byte moves; what crosses a page goes byte by byte. */
static bool make_data(struct walk_view *w)
{
    uint64_t room = PAGE_SIZE - (w->va & ~PAGE_MASK);
    if (room >= w->size)
        return translate(w, w->va, w->size) && answered(w, &w->part[0], w->size);
    unsigned first = (unsigned)room;
    return translate(w, w->va, first) && translate(w, w->va + first, w->size - first) && answered(w, &w->part[0], 1) &&
           answered(w, &w->part[1], 1);
}

void walk_view_make(struct walk_view *w, const struct mmu_ctx *c, uint64_t va, unsigned size, enum mmu_access a,
                    bool atomic)
{
    *w = (struct walk_view){.c = *c, .va = va, .size = size, .access = a, .atomic = atomic};
    if (atomic && va & (size - 1)) {
        w->misaligned = true;
        w->fault = (struct mmu_fault){
            .cause = a == MMU_W ? CAUSE_STORE_MISALIGNED : CAUSE_LOAD_MISALIGNED, .tval = va, .gva = c->virt};
        return;
    }
    w->ok = a == MMU_X ? make_fetch(w) : make_data(w);
}

/* ---- Drawing ---- */

static void print_access(struct out *o, enum mmu_access a, unsigned size, bool atomic)
{
    static const char *const names[] = {[MMU_R] = "load", [MMU_W] = "store", [MMU_X] = "fetch"};
    out_printf(o, "%s%s of %u byte%s", atomic ? "atomic " : "", names[a], size, size == 1 ? "" : "s");
}

static bool denies(enum pte_verdict v)
{
    return v != PTE_POINTER && v != PTE_LEAF && v != PTE_UPDATED_AD;
}

/* Bytes that a leaf of this level maps. */
static uint64_t leaf_size(const struct mmu_step *s)
{
    return s->pte & PTE_N ? BIT(PTE_NAPOT_SHIFT) : BIT(12 + 9 * s->level);
}

void walk_view_print_step(struct out *o, const struct mmu_ctx *c, const struct mmu_step *s)
{
    bool behind = c->virt && atp_levels(atp_mode(c->hgatp));
    const char *kind = s->stage == 1 && behind ? "gpa " : "";
    if (s->level < 0) {
        out_printf(o, "%s%s: ", s->verdict == PTE_NOT_CANONICAL ? "" : "physical address ",
                   text_hex(s->verdict == PTE_NOT_CANONICAL ? s->va : s->pte_hpa).s);
        return;
    }
    out_printf(o, "level %d entry at %s", s->level, kind);
    out_styled(o, OUT_ADDR, "%s", text_hex(s->pte_gpa).s);
    if (s->stage == 1 && behind) {
        out_puts(o, " = hpa ");
        out_styled(o, OUT_ADDR, "%s", text_hex(s->pte_hpa).s);
    }
    if (s->pte || (s->verdict != PTE_PMP_DENIED && s->verdict != PTE_NO_MEMORY)) {
        out_printf(o, ": %016" PRIx64 " ", s->pte);
        walk_view_print_bits(o, s->pte, s->bits);
    }
    if (s->verdict == PTE_POINTER)
        out_printf(o, " -> table at %s%s", kind, text_hex(pte_address(s->pte)).s);
    else if (s->verdict == PTE_LEAF) {
        uint64_t size = leaf_size(s);
        out_printf(o, " -> %s page at %s%s", text_size(size).s, kind, text_hex(pte_address(s->pte) & ~(size - 1)).s);
    }
}

/* The bits that the hardware would set in a leaf it uses for this access. */
static uint64_t to_set(const struct mmu_step *s, enum mmu_access a)
{
    return s->verdict == PTE_LEAF ? (a == MMU_W ? PTE_A | PTE_D : PTE_A) & ~s->pte : 0;
}

struct drawing {
    struct out *o;
    const struct walk_view *w;
    const struct walk_part *p;
    unsigned at;
    bool two; /* stage two translates */
};

static void indent(struct drawing *d, unsigned n)
{
    out_printf(d->o, "%*s", (int)(2 * n), "");
}

static void draw_step(struct drawing *d, const struct mmu_step *s, unsigned depth, enum mmu_access a)
{
    unsigned levels = atp_levels(atp_mode(s->stage == 1 ? d->w->c.satp : d->w->c.hgatp));
    indent(d, depth);
    if (s->level >= 0) {
        bool top = s->stage == 2 && s->level == (int)levels - 1;
        out_printf(d->o, "VPN[%d]=0x%03" PRIx64 "  ", s->level, s->va >> (12 + 9 * s->level) & (top ? 0x7ff : 0x1ff));
    }
    walk_view_print_step(d->o, &d->w->c, s);
    uint64_t set = to_set(s, a);
    if (set)
        out_printf(d->o, ", %s set by the hardware (ADUE=1)",
                   set == PTE_A   ? "A is"
                   : set == PTE_D ? "D is"
                                  : "A and D are");
    if (denies(s->verdict)) {
        if (s->level >= 0) {
            out_puts(d->o, "\n");
            indent(d, depth + 1);
        }
        out_style(d->o, OUT_BAD);
        out_puts(d->o, "DENIED: ");
        out_style(d->o, OUT_PLAIN);
        walk_view_print_denial(d->o, &d->w->c, a, d->p->size, s);
    }
    out_puts(d->o, "\n");
}

/* The steps of one walk by stage two; what for: the access to an entry of stage one, or the access itself. */
static void draw_stage_two(struct drawing *d, unsigned depth, enum mmu_access a)
{
    uint64_t gpa = d->p->step[d->at].va;
    uint64_t leaf = UINT64_MAX, hpa = 0;
    indent(d, depth);
    out_printf(d->o, "stage two translates gpa %s for a %s:\n", text_hex(gpa).s,
               a == MMU_R   ? "read"
               : a == MMU_W ? "write"
                            : "fetch");
    for (; d->at < d->p->nsteps; d->at++) {
        const struct mmu_step *s = &d->p->step[d->at];
        /* The walk ends behind its leaf, but for the write of A and D that PMP may deny. */
        if (s->stage != 2 || (leaf != UINT64_MAX && s->pte_hpa != leaf) ||
            (s->level < 0 && s->verdict != PTE_NOT_CANONICAL))
            break;
        if (leaf != UINT64_MAX && !denies(s->verdict))
            break;
        draw_step(d, s, depth + 1, a);
        if (s->verdict == PTE_LEAF) {
            leaf = s->pte_hpa;
            hpa = merge_bits(pte_address(s->pte), gpa, leaf_size(s) - 1);
        }
    }
    if (leaf != UINT64_MAX && !(d->at == d->p->nsteps && denies(d->p->step[d->at - 1].verdict))) {
        indent(d, depth + 1);
        out_printf(d->o, "gpa %s = hpa %s\n", text_hex(gpa).s, text_hex(hpa).s);
    }
}

/* Stage one, and in it what stage two does for the address of each entry. */
static void draw_stage_one(struct drawing *d)
{
    const struct walk_part *p = d->p;
    enum mmu_access a = d->w->access;
    int level = (int)atp_levels(atp_mode(d->w->c.satp)) - 1;
    while (d->at < p->nsteps) {
        const struct mmu_step *s = &p->step[d->at];
        if (s->stage == 2 && !(s->level < 0 && s->verdict != PTE_NOT_CANONICAL)) {
            indent(d, 1);
            out_printf(d->o, "VPN[%d]=0x%03" PRIx64 "  level %d entry at gpa %s\n", level,
                       p->va >> (12 + 9 * level) & 0x1ff, level, text_hex(s->va).s);
            draw_stage_two(d, 2, MMU_R);
            continue;
        }
        if (s->level < 0 && s->verdict != PTE_NOT_CANONICAL)
            return; /* the access itself */
        d->at++;
        draw_step(d, s, 1, a);
        level--;
        if (s->verdict != PTE_LEAF)
            continue;
        if (to_set(s, a) && d->two && d->at < p->nsteps && p->step[d->at].stage == 2) {
            indent(d, 1);
            out_puts(d->o, "to set them, the entry's address once more:\n");
            draw_stage_two(d, 2, MMU_W);
        }
        if (d->at < p->nsteps && p->step[d->at].stage == 1 && p->step[d->at].level >= 0)
            draw_step(d, &p->step[d->at++], 1, a); /* the entry cannot be written */
        return;
    }
}

static void draw_place(struct drawing *d)
{
    const struct walk_part *p = d->p;
    const struct walk_view *w = d->w;
    static const char *const why[] = {
        [PLACE_EMPTY] = "nothing answers at this physical address",
        [PLACE_READONLY] = "this memory cannot be written",
        [PLACE_NO_MEMORY] = "a device's registers are there, where only memory will do",
        [PLACE_MISALIGNED] = "a device takes aligned accesses only",
    };
    const char *name = bus_name_at(w->c.bus, p->map.pa);
    indent(d, 1);
    out_puts(d->o, "physical address ");
    out_styled(d->o, OUT_ADDR, "%s", text_hex(p->map.pa).s);
    out_printf(d->o, " (%s); ", name ? name : "nothing there");
    walk_view_print_pmp(d->o, w->c.pmp, p->map.pa, p->size, w->access, w->c.priv);
    out_puts(d->o, "\n");
    if (p->place != PLACE_ANSWERS) {
        indent(d, 1);
        out_styled(d->o, OUT_BAD, "DENIED: ");
        out_printf(d->o, "%s", why[p->place]);
        out_styled(d->o, OUT_DIM, " [Priv. \"Physical Memory Attributes\"]");
        out_puts(d->o, "\n");
    }
}

static void draw_part(struct out *o, const struct walk_view *w, const struct walk_part *p)
{
    const struct mmu_ctx *c = &w->c;
    struct drawing d = {.o = o, .w = w, .p = p, .two = c->virt && atp_levels(atp_mode(c->hgatp))};
    bool one = c->priv != PRIV_M && atp_levels(atp_mode(c->satp));
    if (w->nparts > 1)
        out_printf(o, "%u byte%s at %s:\n", p->size, p->size == 1 ? "" : "s", text_hex(p->va).s);
    if (one)
        draw_stage_one(&d);
    if (d.two && d.at < p->nsteps && p->step[d.at].stage == 2 &&
        (p->step[d.at].level >= 0 || p->step[d.at].verdict == PTE_NOT_CANONICAL))
        draw_stage_two(&d, 1, w->access);
    for (; d.at < p->nsteps; d.at++)
        draw_step(&d, &p->step[d.at], 1, w->access);
    if (p->translated)
        draw_place(&d);
}

static void print_regime(struct out *o, const struct mmu_ctx *c)
{
    if (c->priv == PRIV_M) {
        out_puts(o, "  M mode: addresses are physical\n");
        return;
    }
    out_printf(o, "  %s %016" PRIx64 ": ", c->virt ? "stage one, vsatp" : "satp", c->satp);
    walk_view_print_atp(o, c->satp, 1);
    out_puts(o, "\n");
    if (c->virt) {
        out_printf(o, "  stage two, hgatp %016" PRIx64 ": ", c->hgatp);
        walk_view_print_atp(o, c->hgatp, 2);
        out_puts(o, "\n");
    }
}

static void print_outcome(struct out *o, const struct walk_view *w)
{
    if (w->ok) {
        out_puts(o, "=> ");
        for (unsigned i = 0; i < w->nparts; i++) {
            const struct walk_part *p = &w->part[i];
            const char *name = bus_name_at(w->c.bus, p->map.pa);
            out_printf(o, "%sphysical address ", i ? ", then " : "");
            out_styled(o, OUT_GOOD, "%s", text_hex(p->map.pa).s);
            out_printf(o, " in %s", name ? name : "nothing");
        }
        out_puts(o, "\n");
        return;
    }
    out_puts(o, "=> ");
    out_styled(o, OUT_BAD, "%s", name_cause(w->fault.cause));
    out_printf(o, ": cause %" PRIu64 ", tval %s, tval2 %s", w->fault.cause, text_hex(w->fault.tval).s,
               text_hex(w->fault.tval2).s);
    if (w->fault.cause >= CAUSE_FETCH_GUEST_PAGE)
        out_printf(o, " (gpa %s >> 2%s)", text_hex(w->fault.tval2 << 2).s,
                   w->fault.tinst == 0x3000   ? ", of an entry of stage one"
                   : w->fault.tinst == 0x3020 ? ", of an entry of stage one whose A or D was to be set"
                                              : "");
    out_puts(o, "\n");
}

void walk_view_print(struct out *o, const struct walk_view *w)
{
    out_style(o, OUT_HEAD);
    print_access(o, w->access, w->size, w->atomic);
    out_printf(o, " at %s in %s mode", text_hex(w->va).s, name_priv(w->c.priv, w->c.virt));
    if (w->c.hlvx)
        out_puts(o, ", as HLVX reads");
    out_style(o, OUT_PLAIN);
    out_puts(o, "\n");
    print_regime(o, &w->c);
    if (w->misaligned)
        out_printf(o, "  an atomic access must be aligned to its %u bytes [Unpriv. \"Zalrsc\", \"Zaamo\"]\n", w->size);
    for (unsigned i = 0; i < w->nparts; i++)
        draw_part(o, w, &w->part[i]);
    print_outcome(o, w);
}

/* ---- The command ---- */

/* The next word of *s in buf; false: there is none. */
static bool next_word(const char **s, char *buf, size_t size)
{
    *s += strspn(*s, " \t");
    size_t n = strcspn(*s, " \t");
    snprintf(buf, size, "%.*s", (int)(n < size ? n : size - 1), *s);
    *s += n;
    return n > 0;
}

int walk_args_parse(const char *words, struct walk_args *a, struct err *e)
{
    char word[32];
    bool sized = false;
    *a = (struct walk_args){.access = MMU_R, .mode = WALK_OWN_MODE, .size = 1};
    while (next_word(&words, word, sizeof word)) {
        uint8_t mode;
        uint64_t size;
        if (!strcmp(word, "r") || !strcmp(word, "w") || !strcmp(word, "x")) {
            a->access = *word == 'r' ? MMU_R : *word == 'w' ? MMU_W : MMU_X;
        } else if (!strcmp(word, "as")) {
            if (!next_word(&words, word, sizeof word) || !name_mode_find(word, &mode))
                return err_set(e, -EINVAL, "as %s: no such mode: give U, S, M, VU or VS", word);
            a->mode = mode;
        } else if (!strcmp(word, "size")) {
            if (!next_word(&words, word, sizeof word) || !text_parse_u64(word, &size) || !is_pow2(size) || size > 8)
                return err_set(e, -EINVAL, "size %s: an access has 1, 2, 4 or 8 bytes", word);
            a->size = (unsigned)size;
            sized = true;
        } else {
            return err_set(e, -EINVAL,
                           "walk: %s is not known: give walk ADDRESS [r|w|x] [as U|S|M|VU|VS] [size 1|2|4|8]", word);
        }
    }
    if (a->access == MMU_X && !sized)
        a->size = 2;
    if (a->access == MMU_X && (a->size == 1 || a->size == 8))
        return err_set(e, -EINVAL, "size %u: a fetch has 2 or 4 bytes", a->size);
    return 0;
}

int walk_args_ctx(const struct hart *h, const struct walk_args *a, struct mmu_ctx *c, struct err *e)
{
    if (a->mode == WALK_OWN_MODE) {
        *c = a->access == MMU_X ? hart_fetch_ctx(h) : hart_data_ctx(h);
        return 0;
    }
    enum priv priv = (enum priv)(a->mode & 3);
    bool virt = a->mode >> 2 & 1;
    if ((virt && !h->isa.h) || (priv == PRIV_S && !h->isa.s) || (priv == PRIV_U && !h->isa.u))
        return err_set(e, -EINVAL, "as %s: this hart has no such mode", name_priv(priv, virt));
    *c = hart_mode_ctx(h, priv, virt);
    return 0;
}

int walk_command(struct out *o, const struct hart *h, uint64_t va, const char *words, struct err *e)
{
    struct walk_args a;
    struct mmu_ctx c;
    int r = walk_args_parse(words, &a, e);
    if (!r)
        r = walk_args_ctx(h, &a, &c, e);
    if (r)
        return r;
    struct walk_view *w = malloc(sizeof *w);
    if (!w)
        return err_set(e, -ENOMEM, "out of memory");
    walk_view_make(w, &c, va, a.size, a.access, false);
    walk_view_print(o, w);
    free(w);
    return 0;
}
