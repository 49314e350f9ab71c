/* SPDX-License-Identifier: MIT */
/* What walks are told with: page-table registers, PTEs, PMP entries, and why a step denies. */
#include "monitor/debug/walk_view.h"

#include <inttypes.h>

#include "base/text.h"
#include "mmu/pte.h"
#include "monitor/names.h"

void walk_view_print_atp(struct out *o, uint64_t atp, unsigned stage)
{
    unsigned levels = atp_levels(atp_mode(atp));
    if (!levels) {
        out_puts(o, "Bare: addresses pass unchanged");
        return;
    }
    out_printf(o, "Sv%u%s, %s %" PRIu64 ", root table at %s", 9 * levels + 12, stage == 2 ? "x4" : "",
               stage == 2 ? "VMID" : "ASID", stage == 2 ? bits(atp, 57, 44) : bits(atp, 59, 44),
               text_hex(atp_root(atp)).s);
}

void walk_view_print_bits(struct out *o, uint64_t pte, uint64_t bad)
{
    static const char names[] = "VRWXUGAD";
    for (unsigned i = 0; i < 8; i++) {
        if (bad >> i & 1)
            out_style(o, OUT_BAD);
        out_printf(o, "%s%c", i ? " " : "", pte >> i & 1 ? names[i] : '.');
        if (bad >> i & 1)
            out_style(o, OUT_PLAIN);
    }
    static const char *const pbmt[] = {"", "NC", "IO", "3"};
    if (pte & PTE_PBMT)
        out_printf(o, " PBMT=%s", pbmt[bits(pte, 62, 61)]);
    if (pte & PTE_N)
        out_puts(o, " N");
    if (pte & PTE_RSW)
        out_printf(o, " RSW=%u", (unsigned)bits(pte, 9, 8));
    if (pte & PTE_MUST_BE_ZERO)
        out_printf(o, " 60:54=%#x", (unsigned)bits(pte, 60, 54));
}

void walk_view_print_pmp(struct out *o, const struct pmp *p, uint64_t pa, unsigned size, enum mmu_access a,
                         enum priv priv)
{
    static const char *const matching[] = {"OFF", "TOR", "NA4", "NAPOT"};
    bool all, allows = pmp_allows(p, pa, size, a, priv, NULL);
    uint64_t first = 0, last = 0;
    int n = pmp_entry(p, pa, size, &all);
    if (!p->count) {
        out_puts(o, "this hart has no PMP");
        return;
    }
    if (n < 0) {
        out_printf(o, "no PMP entry matches: M may, %s", priv == PRIV_M ? "and this is M" : "S and U may not");
        return;
    }
    unsigned cfg = p->cfg[n];
    (void)pmp_range(p, (unsigned)n, &first, &last);
    out_printf(o, "PMP entry %d (%s ", n, matching[cfg >> 3 & 3]);
    if (!first && last >= MASK(55, 0))
        out_puts(o, "of all addresses");
    else
        out_printf(o, "%s..%s", text_hex(first).s, text_hex(last).s);
    out_printf(o, ", %c%c%c%s) ", cfg & 1 ? 'R' : '-', cfg & 2 ? 'W' : '-', cfg & 4 ? 'X' : '-',
               cfg & 0x80 ? ", locked" : "");
    if (!all)
        out_puts(o, "matches some of these bytes only, and denies");
    else if (allows && priv == PRIV_M && !(cfg >> a & 1))
        out_puts(o, "is not locked: it does not bind M");
    else
        out_puts(o, allows ? "allows" : "denies");
}

/* Which of the reserved combinations this is; the walker says which bits. */
static void print_reserved(struct out *o, const struct mmu_ctx *c, const struct mmu_step *s)
{
    bool pbmte = s->stage == 1 ? c->pbmte : c->pbmte_g;
    if (s->bits & PTE_MUST_BE_ZERO)
        out_puts(o, "bits 60:54 are reserved and must be 0");
    else if (s->bits == PTE_PBMT && pbmte)
        out_puts(o, "PBMT=3 is reserved");
    else if (s->bits & PTE_PBMT && !pbmte && (s->bits & ~(PTE_PBMT | PTE_N)) == 0)
        out_printf(o, "PBMT is reserved while %s.PBMTE=0", s->stage == 1 && c->virt ? "henvcfg" : "menvcfg");
    else if (s->bits == PTE_N && !c->svnapot)
        out_puts(o, "N is reserved: this hart has no Svnapot");
    else if (s->bits == PTE_N)
        out_puts(o, "N=1 above level 0 is reserved");
    else if (s->bits == (PTE_R | PTE_W))
        out_puts(o, "W=1 with R=0 is reserved");
    else if (s->bits & (PTE_D | PTE_A | PTE_U | PTE_PBMT | PTE_N))
        out_printf(o, "R=W=X=0 makes it a pointer, where%s%s%s%s%s must be 0", s->bits & PTE_D ? " D" : "",
                   s->bits & PTE_A ? " A" : "", s->bits & PTE_U ? " U" : "", s->bits & PTE_PBMT ? " PBMT" : "",
                   s->bits & PTE_N ? " N" : "");
    else
        out_printf(o, "N=1 needs PPN[3:0]=8, which is %u here", (unsigned)bits(s->pte, 13, 10));
}

/* Where the SUM that counts stands. */
static void print_user_page(struct out *o, const struct mmu_ctx *c, enum mmu_access a)
{
    if (a == MMU_X)
        out_printf(o, "U=1: %s never executes a user page", c->virt ? "VS" : "S");
    else
        out_printf(o, "U=1: %s may not touch a user page while %s.SUM=0", c->virt ? "VS" : "S",
                   c->virt ? "vsstatus" : "sstatus");
}

static void print_not_user(struct out *o, const struct mmu_ctx *c, const struct mmu_step *s)
{
    if (s->stage == 2)
        out_puts(o, "U=0: to stage two every access of the guest is one of U");
    else
        out_printf(o, "U=0: the page is not for %s", c->virt ? "VU" : "U");
}

static void print_no_permission(struct out *o, const struct mmu_ctx *c, const struct mmu_step *s)
{
    if (s->bits == PTE_W)
        out_puts(o, "W=0: the page must not be written");
    else if (s->bits == PTE_X && s->verdict == PTE_NO_PERMISSION_X)
        out_puts(o, "X=0: the page must not be executed");
    else if (s->bits == PTE_X)
        out_puts(o, "X=0: HLVX reads only what may be executed");
    else if (s->bits == (PTE_R | PTE_X))
        out_puts(o, "R=0 and X=0: the page must not be read, not even with MXR=1");
    else if (s->pte & PTE_X && !c->mxr)
        out_puts(o, "R=0: the page may be executed, and with MXR=0 not read");
    else
        out_puts(o, "R=0: the page must not be read");
}

static void print_ad(struct out *o, const struct mmu_ctx *c, const struct mmu_step *s)
{
    out_printf(o, "%s=0%s, and with %s.ADUE=0 software has to set it", s->verdict == PTE_A_CLEAR ? "A" : "D",
               s->verdict == PTE_D_CLEAR ? " at a write" : "",
               s->stage == 1 && c->virt && c->adue_g ? "henvcfg" : "menvcfg");
}

static void print_range(struct out *o, const struct mmu_ctx *c, const struct mmu_step *s)
{
    unsigned width = 12 + 9 * atp_levels(atp_mode(s->stage == 1 ? c->satp : c->hgatp));
    if (s->stage == 1)
        out_printf(o, "not an address of Sv%u: bits 63:%u must all equal bit %u", width, width, width - 1);
    else
        out_printf(o, "not an address of Sv%ux4: bits 63:%u must be 0", width, width + 2);
}

/* The step of "Virtual Address Translation Process" that a verdict belongs to; 0: another section. */
static unsigned spec_step(enum pte_verdict v)
{
    switch (v) {
    case PTE_PMP_DENIED:
    case PTE_NO_MEMORY: return 2;
    case PTE_INVALID:
    case PTE_RESERVED: return 3;
    case PTE_NO_LEAF: return 4;
    case PTE_MISALIGNED_SUPERPAGE: return 5;
    case PTE_NOT_USER:
    case PTE_USER_PAGE: return 6;
    case PTE_NO_PERMISSION_R:
    case PTE_NO_PERMISSION_W:
    case PTE_NO_PERMISSION_X: return 8;
    case PTE_A_CLEAR:
    case PTE_D_CLEAR: return 9;
    case PTE_POINTER:
    case PTE_LEAF:
    case PTE_NOT_CANONICAL:
    case PTE_UPDATED_AD: return 0;
    }
    return 0;
}

static void print_section(struct out *o, const struct mmu_step *s)
{
    unsigned step = s->level < 0 ? 0 : spec_step(s->verdict);
    out_style(o, OUT_DIM);
    if (s->verdict == PTE_NOT_CANONICAL)
        out_printf(o, " [Priv. \"%s\"]",
                   s->stage == 1 ? "Addressing and Memory Protection" : "Guest Physical Address Translation");
    else if (s->verdict == PTE_NOT_USER && s->stage == 2)
        out_puts(o, " [Priv. \"Guest Physical Address Translation\"]");
    else if (s->verdict == PTE_PMP_DENIED)
        out_puts(o, " [Priv. \"Physical Memory Protection\", \"Priority and Matching Logic\"]");
    else if (s->verdict == PTE_NO_MEMORY && s->level < 0)
        out_puts(o, " [Priv. \"Physical Memory Attributes\"]");
    else if (step)
        out_printf(o, " [Priv. \"Virtual Address Translation Process\", step %u]", step);
    out_style(o, OUT_PLAIN);
}

/* PMP on the access itself (HLVX asks for X too), or on that of the walker to an entry, which is one of S. */
static void print_pmp_denial(struct out *o, const struct mmu_ctx *c, enum mmu_access a, unsigned size,
                             const struct mmu_step *s)
{
    if (s->level < 0) {
        bool x = c->hlvx && pmp_allows(c->pmp, s->pte_hpa, size, a, c->priv, NULL);
        walk_view_print_pmp(o, c->pmp, s->pte_hpa, size, x ? MMU_X : a, c->priv);
        return;
    }
    out_printf(o, "the walker may not %s the entry: ", s->pte ? "write" : "read");
    walk_view_print_pmp(o, c->pmp, s->pte_hpa, PTE_SIZE, s->pte ? MMU_W : MMU_R, PRIV_S);
}

void walk_view_print_denial(struct out *o, const struct mmu_ctx *c, enum mmu_access a, unsigned size,
                            const struct mmu_step *s)
{
    switch (s->verdict) {
    case PTE_POINTER:
    case PTE_LEAF:
    case PTE_UPDATED_AD: return;
    case PTE_RESERVED: print_reserved(o, c, s); break;
    case PTE_USER_PAGE: print_user_page(o, c, a); break;
    case PTE_NOT_USER: print_not_user(o, c, s); break;
    case PTE_NO_PERMISSION_R:
    case PTE_NO_PERMISSION_W:
    case PTE_NO_PERMISSION_X: print_no_permission(o, c, s); break;
    case PTE_MISALIGNED_SUPERPAGE:
        out_printf(o, "a leaf of level %d needs PPN[%d:0]=0, which is %#" PRIx64 " here", s->level, 9 * s->level - 1,
                   s->bits >> PTE_PPN_SHIFT);
        break;
    case PTE_A_CLEAR:
    case PTE_D_CLEAR: print_ad(o, c, s); break;
    case PTE_NOT_CANONICAL: print_range(o, c, s); break;
    case PTE_PMP_DENIED: print_pmp_denial(o, c, a, size, s); break;
    case PTE_NO_MEMORY:
        if (s->level < 0)
            out_puts(o, "physical addresses have 56 bits");
        else
            out_printf(o, "no %smemory at the entry's address", s->pte ? "writable " : "");
        break;
    case PTE_INVALID:
    case PTE_NO_LEAF: out_puts(o, name_verdict_why(s->verdict)); break;
    }
    print_section(o, s);
}
