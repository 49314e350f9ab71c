/* SPDX-License-Identifier: MIT */
#include "monitor/debug/why.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "cpu/csr_bits.h"
#include "cpu/trap.h"
#include "machine_look.h"
#include "monitor/debug/why_int.h"
#include "monitor/names.h"
#include "symbols.h"

enum { COLUMNS = 100, A0 = 10, A6 = 16, A7 = 17 };

/* ---- Text ---- */

void why_say(struct why *w, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    out_vprintf(&w->text.out, fmt, ap);
    va_end(ap);
}

void why_paragraph(struct why *w)
{
    const char *s = w->text.text ? w->text.text : "";
    size_t column = 0;
    while (*s) {
        size_t space = strspn(s, " "), n = strcspn(s + space, " ");
        if (column && column + space + n > COLUMNS) {
            out_puts(w->o, "\n");
            column = 0;
        } else if (column) {
            out_printf(w->o, "%*s", (int)space, "");
            column += space;
        }
        out_printf(w->o, "%.*s", (int)n, s + space);
        column += n;
        s += space + n;
    }
    if (column)
        out_puts(w->o, "\n");
    out_text_free(&w->text);
}

static bool symbol_at(const struct why *w, uint64_t va, char *buf, size_t size)
{
    if (w->helpers && w->helpers->symbol)
        return w->helpers->symbol(w->helpers->ctx, va, buf, size);
    uint64_t off;
    const char *name = symbols_at(machine_symbols(w->m), va, &off);
    if (name)
        snprintf(buf, size, off ? "%s+%#" PRIx64 : "%s", name, off);
    return name;
}

void why_say_place(struct why *w, uint64_t va)
{
    char name[160];
    why_say(w, "%s", text_hex(va).s);
    if (symbol_at(w, va, name, sizeof name))
        why_say(w, " <%s>", name);
}

void why_say_source(struct why *w, uint64_t pc)
{
    char place[256];
    if (w->helpers && w->helpers->source && w->helpers->source(w->helpers->ctx, pc, place, sizeof place))
        why_say(w, " (%s)", place);
}

/* One blank where a disassembler puts its operands into columns. */
static void squeeze(char *s)
{
    char *to = s;
    for (; *s; s++)
        if (*s != ' ' || s[1] != ' ')
            *to++ = *s;
    *to = 0;
}

void why_say_insn(struct why *w)
{
    char text[160];
    const struct why_ctx *k = w->helpers;
    if (w->insn.len && k && k->insn && k->insn(k->ctx, w->pc, w->insn.raw, text, sizeof text)) {
        squeeze(text);
        why_say(w, "`%s`", text);
    } else if (w->insn.len && w->insn.id != INSN_illegal) {
        why_say(w, "`%s`", insn_rows[w->insn.id].name);
    } else {
        why_say(w, "%0*" PRIx32, w->insn.len * 2, w->insn.raw);
    }
}

/* ---- Facts ---- */

/* The mode's translation with the page tables that were current when the trap was taken. */
static struct mmu_ctx context(const struct why *w, enum priv priv, bool virt)
{
    struct mmu_ctx c = hart_mode_ctx(w->h, priv, virt);
    c.satp = virt ? w->vsatp : w->satp;
    c.hgatp = w->hgatp;
    return c;
}

static void current_tables(struct why *w)
{
    w->satp = w->h->csr.satp;
    w->vsatp = w->h->csr.vsatp;
    w->hgatp = w->h->csr.hgatp;
}

/* What the page-table registers held at event e: the first load of one since then tells what it replaced. */
static void tables_at(struct why *w, const struct event *trap)
{
    enum { SATP = 0x180, VSATP = 0x280, HGATP = 0x680 };
    const struct event_hub *hub = machine_events(w->m);
    uint64_t first = hub->count > EVENT_RING ? hub->count - EVENT_RING : 0;
    current_tables(w);
    for (uint64_t n = hub->count; n > first; n--) {
        const struct event *e = &hub->ring[(n - 1) % EVENT_RING];
        if (e == trap)
            break;
        if (e->kind != EV_PTR || e->hart != w->h->id || why_foreign(w, e))
            continue;
        if (e->a[0] == SATP)
            w->satp = e->a[1];
        else if (e->a[0] == VSATP)
            w->vsatp = e->a[1];
        else if (e->a[0] == HGATP)
            w->hgatp = e->a[1];
    }
}

/* Reads the instruction at pc as its mode fetches it; a trap for the instruction itself carries its bits. */
static void find_insn(struct why *w)
{
    uint32_t raw = 0;
    struct mmu_ctx c = context(w, w->priv, w->virt);
    bool bits = (w->cause == CAUSE_ILLEGAL || w->cause == CAUSE_VIRTUAL_INSN) && w->tval;
    if (bits)
        raw = (uint32_t)w->tval;
    for (unsigned i = 0; !bits && i < (i ? insn_length(raw) / 2 : 1u); i++) {
        struct mmu_map m;
        struct mmu_fault f;
        uint32_t half = 0;
        if (!mmu_translate(&c, w->pc + 2 * i, 2, MMU_X, true, &m, &f, NULL) || !bus_dma_read(w->h->bus, m.pa, &half, 2))
            return;
        raw |= half << 16 * i;
    }
    if (w->decoder)
        w->insn = decode(w->decoder, raw);
}

static bool is_access_cause(uint64_t cause)
{
    const uint64_t causes = BIT(CAUSE_FETCH_ACCESS) | BIT(CAUSE_LOAD_ACCESS) | BIT(CAUSE_STORE_ACCESS) |
                            BIT(CAUSE_LOAD_MISALIGNED) | BIT(CAUSE_STORE_MISALIGNED) | BIT(CAUSE_FETCH_PAGE) |
                            BIT(CAUSE_LOAD_PAGE) | BIT(CAUSE_STORE_PAGE) | BIT(CAUSE_FETCH_GUEST_PAGE) |
                            BIT(CAUSE_LOAD_GUEST_PAGE) | BIT(CAUSE_STORE_GUEST_PAGE);
    return cause < 64 && causes >> cause & 1;
}

static enum mmu_access access_of(uint64_t cause)
{
    switch (cause) {
    case CAUSE_FETCH_ACCESS:
    case CAUSE_FETCH_PAGE:
    case CAUSE_FETCH_GUEST_PAGE: return MMU_X;
    case CAUSE_STORE_MISALIGNED:
    case CAUSE_STORE_ACCESS:
    case CAUSE_STORE_PAGE:
    case CAUSE_STORE_GUEST_PAGE: return MMU_W;
    default: return MMU_R;
    }
}

static enum insn_format format_of(const struct why *w)
{
    return w->insn.len ? insn_rows[w->insn.id].format : FMT_NONE;
}

/* Bytes that the instruction loads or stores; 0: not known. */
static unsigned access_size(const struct why *w)
{
    if (!w->insn.len)
        return 0;
    uint32_t match = insn_rows[w->insn.id].match;
    enum insn_format f = format_of(w);
    if (f == FMT_L || f == FMT_S || f == FMT_FL || f == FMT_FS || f == FMT_AMO)
        return 1u << (match >> 12 & 3);
    if (f == FMT_HLV || f == FMT_HSV)
        return 1u << (match >> 26 & 3);
    return 0;
}

static bool reproduces(struct why *w, const struct mmu_ctx *c, unsigned size)
{
    bool atomic = format_of(w) == FMT_AMO;
    enum mmu_access a = access_of(w->cause);
    walk_view_make(&w->walk, c, w->tval, a == MMU_X ? 2 : size, a, atomic);
    return !w->walk.ok && w->walk.fault.cause == w->cause && w->walk.fault.tval == w->tval &&
           w->walk.fault.tval2 << 2 == w->gpa;
}

/* Makes the access again, dry: in the mode that the trap came from; for HLV and HSV, and with MPRV, which the trap itself may have covered up, in
 * the mode that they stand for. */
static void find_walk(struct why *w)
{
    static const struct {
        enum priv priv;
        bool virt;
    } modes[] = {{PRIV_U, false}, {PRIV_S, false}, {PRIV_U, true}, {PRIV_S, true}};
    unsigned size = access_size(w);
    bool hyp = format_of(w) == FMT_HLV || format_of(w) == FMT_HSV;
    bool fetch = access_of(w->cause) == MMU_X;
    struct mmu_ctx c = context(w, w->priv, w->virt);
    if (hyp && !fetch) {
        c = context(w, w->h->csr.hstatus & HSTATUS_SPVP ? PRIV_S : PRIV_U, true);
        c.hlvx = w->insn.id == INSN_hlvx_hu || w->insn.id == INSN_hlvx_wu;
    }
    w->have_walk = (size && reproduces(w, &c, size)) || reproduces(w, &c, 1);
    for (unsigned i = 0; !w->have_walk && !fetch && w->priv == PRIV_M && i < ARRAY_LEN(modes); i++) {
        if (modes[i].virt && !w->h->isa.h)
            break;
        c = context(w, modes[i].priv, modes[i].virt);
        w->have_walk = (size && reproduces(w, &c, size)) || reproduces(w, &c, 1);
    }
    if (!w->have_walk) { /* for what is said of it */
        c = context(w, w->priv, w->virt);
        (void)reproduces(w, &c, size ? size : 1);
    }
}

/* The latest recorded event of this kind and of the hart; NULL: none is kept. */
static const struct event *last_event(const struct why *w, enum event_kind k)
{
    const struct event_hub *hub = machine_events(w->m);
    uint64_t first = hub->count > EVENT_RING ? hub->count - EVENT_RING : 0;
    for (uint64_t n = hub->count; n > first; n--) {
        const struct event *e = &hub->ring[(n - 1) % EVENT_RING];
        if (e->kind == k && e->hart == w->h->id && !why_foreign(w, e))
            return e;
    }
    return NULL;
}

static void take_event(struct why *w, const struct event *e)
{
    w->priv = (enum priv)(e->mode & 3);
    w->virt = e->mode >> 2 & 1;
    w->pc = e->pc;
    w->cause = e->a[0];
    w->tval = e->a[1];
    w->gpa = e->a[2];
    w->tinst = e->a[3];
    w->taken = true;
    w->to_priv = (enum priv)(e->a[4] & 3);
    w->to_virt = e->a[4] >> 2 & 1;
    w->handler = e->a[5];
    w->clock = e->clock;
    tables_at(w, e);
    w->fresh = hart_instret(w->h) == e->insn && w->h->pc == w->handler;
}

/* ---- A trap in words ---- */

/* `the instruction at 0x... <main+2> (main.c:7), "ld a0, 0(a1)",` */
static void say_instruction(struct why *w)
{
    why_say(w, "the instruction at ");
    why_say_place(w, w->pc);
    why_say_source(w, w->pc);
    if (w->insn.len) {
        why_say(w, ", ");
        why_say_insn(w);
        why_say(w, ",");
    }
}

static void say_access(struct why *w)
{
    unsigned size = access_size(w);
    enum mmu_access a = access_of(w->cause);
    why_say(w, "In %s mode ", name_priv(w->priv, w->virt));
    if (a == MMU_X) {
        why_say(w, "the hart was to fetch the instruction at ");
        why_say_place(w, w->pc);
        why_say_source(w, w->pc);
        if (w->tval != w->pc) {
            why_say(w, ", whose second half is at ");
            why_say_place(w, w->tval);
        }
        why_say(w, ".");
        return;
    }
    say_instruction(w);
    why_say(w, " was to %s%s ", format_of(w) == FMT_AMO ? "atomically " : "", a == MMU_W ? "store" : "load");
    if (size)
        why_say(w, "%u byte%s at ", size, size == 1 ? "" : "s");
    else
        why_say(w, "at ");
    why_say_place(w, w->tval);
    why_say(w, ".");
}

/* How addresses of this access are translated. */
static void say_regime(struct why *w)
{
    const struct mmu_ctx *c = &w->walk.c;
    if (c->priv != w->priv || c->virt != w->virt)
        why_say(w, " It accesses memory as %s mode does%s.", name_priv(c->priv, c->virt),
                format_of(w) == FMT_HLV || format_of(w) == FMT_HSV ? " (hstatus.SPVP)" : " (mstatus.MPRV)");
    if (w->walk.misaligned)
        return;
    if (c->priv == PRIV_M) {
        why_say(w, " Addresses of M mode are physical.");
        return;
    }
    bool one = c->satp >> 60, two = c->virt && c->hgatp >> 60;
    if (!one && !two) {
        why_say(w, " Its addresses are not translated: %s.", c->virt ? "vsatp and hgatp are Bare" : "satp is Bare");
        return;
    }
    why_say(w, " Its addresses are translated by ");
    if (one) {
        why_say(w, "%s: ", c->virt ? "vsatp" : "satp");
        walk_view_print_atp(&w->text.out, c->satp, 1);
    }
    if (two) {
        why_say(w, one ? "; and what comes out, as every address of a table, by hgatp: " : "hgatp (vsatp is Bare): ");
        walk_view_print_atp(&w->text.out, c->hgatp, 2);
    }
    why_say(w, ".");
}

/* The entries read, one line each; of stage two those alone that the walk ended with: `walk` shows the others. */
static void list_steps(struct why *w)
{
    if (w->walk.misaligned)
        return;
    const struct walk_part *p = &w->walk.part[w->walk.nparts - 1];
    unsigned ended = p->nsteps; /* stage two's last steps begin there */
    while (ended && p->step[ended - 1].stage == 2 && (ended == p->nsteps || p->step[ended - 1].verdict != PTE_LEAF))
        ended--;
    for (unsigned i = 0; i < p->nsteps; i++) {
        const struct mmu_step *s = &p->step[i];
        if (s->level < 0 || (s->stage == 2 && i < ended))
            continue;
        out_printf(w->o, "    %s", s->stage == 2 ? "stage two: " : "");
        walk_view_print_step(w->o, &w->walk.c, s);
        out_puts(w->o, "\n");
    }
}

/* The entries that the walk read then, if they were recorded (they are not unless somebody asks for it). */
static void list_recorded(struct why *w)
{
    const struct event_hub *hub = machine_events(w->m);
    uint64_t first = hub->count > EVENT_RING ? hub->count - EVENT_RING : 0;
    for (uint64_t n = first; n < hub->count; n++) {
        const struct event *e = &hub->ring[n % EVENT_RING];
        if (e->kind != EV_PTE || e->hart != w->h->id || why_foreign(w, e) || e->clock != w->clock || e->pc != w->pc)
            continue;
        const struct mmu_step s = {.stage = (unsigned)e->a[0],
                                   .level = (int)e->a[1],
                                   .va = e->a[2],
                                   .pte_gpa = e->a[3],
                                   .pte_hpa = e->a[4],
                                   .pte = e->a[5],
                                   .verdict = (enum pte_verdict)e->a[6]};
        out_printf(w->o, "    %s", s.stage == 2 ? "stage two: " : "");
        walk_view_print_step(w->o, &w->walk.c, &s);
        out_printf(w->o, " (%s)\n", name_verdict(s.verdict));
    }
}

/* What denied it: the last step of the walk, or what is at the physical address. */
static void say_denial(struct why *w)
{
    const struct walk_view *v = &w->walk;
    if (v->misaligned) {
        why_say(w, "An atomic access must be aligned to its size, and this address is not.");
        return;
    }
    const struct walk_part *p = &v->part[v->nparts - 1];
    if (!p->translated) {
        const struct mmu_step *s = &p->step[p->nsteps - 1];
        if (s->level >= 0)
            why_say(w, "The entry of level %d%s denies it: ", s->level, s->stage == 2 ? " of stage two" : "");
        else if (s->verdict == PTE_PMP_DENIED)
            why_say(w, "The physical address is %s, and ", text_hex(s->pte_hpa).s);
        else
            why_say(w, "It is denied: ");
        walk_view_print_denial(&w->text.out, &v->c, v->access, p->size, s);
        why_say(w, ".");
        if (v->fault.tinst)
            why_say(w, " What stage two was translating is the address of an entry of stage one, %s.",
                    text_hex(w->gpa).s);
        return;
    }
    const char *name = bus_name_at(v->c.bus, p->map.pa);
    why_say(w, "The physical address is %s, ", text_hex(p->map.pa).s);
    switch (p->place) {
    case PLACE_EMPTY: why_say(w, "where nothing answers: there is neither memory nor a device."); break;
    case PLACE_READONLY: why_say(w, "in %s, which cannot be written.", name); break;
    case PLACE_NO_MEMORY: why_say(w, "among the registers of %s: this access needs memory.", name); break;
    case PLACE_MISALIGNED: why_say(w, "among the registers of %s, which take aligned accesses only.", name); break;
    case PLACE_ANSWERS: break;
    }
}

static void explain_access(struct why *w)
{
    find_walk(w);
    say_access(w);
    if (!w->have_walk) {
        why_say(w, " The same access now would %s: the tables, or the bits that decide, have changed since.",
                w->walk.ok ? "succeed" : "end otherwise");
        why_paragraph(w);
        list_recorded(w);
        return;
    }
    say_regime(w);
    why_paragraph(w);
    list_steps(w);
    say_denial(w);
}

static void explain_ecall(struct why *w)
{
    why_say(w, "In %s mode ", name_priv(w->priv, w->virt));
    say_instruction(w);
    why_say(w, " asked %s for a service",
            w->cause == CAUSE_ECALL_U    ? "the kernel"
            : w->cause == CAUSE_ECALL_M  ? "the handler of M mode itself"
            : w->cause == CAUSE_ECALL_VS ? "the hypervisor"
                                         : "the firmware");
    uint64_t a7 = w->h->x[A7], a6 = w->h->x[A6];
    if (w->fresh && (w->cause == CAUSE_ECALL_S || w->cause == CAUSE_ECALL_VS))
        why_say(w, ": SBI %s %s (a7 = %s, a6 = %" PRIu64 ")", name_sbi_ext(a7), name_sbi_function(a7, a6),
                text_hex(a7).s, a6);
    else if (w->fresh)
        why_say(w, ": a7 = %" PRIu64 ", where its number stands by convention, a0 = %s", a7, text_hex(w->h->x[A0]).s);
    why_say(w, ". That is how it is meant to go, not an error.");
}

static void explain_other(struct why *w)
{
    why_say(w, "In %s mode ", name_priv(w->priv, w->virt));
    say_instruction(w);
    switch (w->cause) {
    case CAUSE_BREAKPOINT: why_say(w, " is a breakpoint that stands in the program."); return;
    case CAUSE_FETCH_MISALIGNED:
        why_say(w, " jumps to %s, which is no multiple of 4: this hart has no C extension.", text_hex(w->tval).s);
        return;
    case CAUSE_ILLEGAL:
        why_say(w, " is illegal: ");
        why_illegal(w);
        why_say(w, ".");
        return;
    case CAUSE_VIRTUAL_INSN:
        why_say(w, " is legal in HS mode, but not in %s: ", name_priv(w->priv, w->virt));
        why_illegal(w);
        why_say(w, ". The hypervisor is to emulate it.");
        return;
    default: why_say(w, " raised %s.", name_cause(w->cause)); return;
    }
}

/* ---- Where control went ---- */

/* By which bits; cause: exception or interrupt. */
static void say_delegation(struct why *w)
{
    const struct csrs *c = &w->h->csr;
    bool irq = w->cause & CAUSE_INTERRUPT;
    unsigned bit = (unsigned)(w->cause & 63);
    bool m = (irq ? c->mideleg : c->medeleg) >> bit & 1, hs = (irq ? c->hideleg : c->hedeleg) >> bit & 1;
    const char *mreg = irq ? "mideleg" : "medeleg", *hreg = irq ? "hideleg" : "hedeleg";
    if (w->priv == PRIV_M)
        why_say(w, ", because a trap in M mode stays there");
    else if (w->to_priv == PRIV_M)
        why_say(w, m ? ", as %s said then (bit %u is set now)" : ", because bit %2$u of %1$s is 0", mreg, bit);
    else if (!m)
        why_say(w,
                machine_look_sbi(w->m) ? ", where the built-in firmware sent it (bit %2$u of %1$s is 0)"
                                       : ", as %s said then (bit %u is 0 now)",
                mreg, bit);
    else if (!w->virt)
        why_say(w, ", because bit %u of %s is 1", bit, mreg);
    else
        why_say(w, ", because bit %u of %s is 1 and that of %s is %d", bit, mreg, hreg, hs);
}

/* The trap vector of the mode that took it: in vectored mode interrupts have handlers of their own. */
static bool is_vectored(const struct why *w)
{
    const struct csrs *c = &w->h->csr;
    return w->cause & CAUSE_INTERRUPT && (w->to_priv == PRIV_M ? c->mtvec : w->to_virt ? c->vstvec : c->stvec) & 1;
}

static void say_control(struct why *w)
{
    const char *to = w->to_priv == PRIV_M ? "m" : w->to_virt ? "vs" : "s";
    uint64_t cause = w->to_virt && w->cause & CAUSE_INTERRUPT ? w->cause - 1 : w->cause;
    if (!w->taken)
        return;
    why_say(w, " Control went to %s mode",
            w->to_priv == PRIV_S && !w->to_virt && w->virt ? "HS" : name_priv(w->to_priv, w->to_virt));
    say_delegation(w);
    why_say(w, ", at ");
    why_say_place(w, w->handler);
    why_say(w, " (%stvec%s), with %sepc = ", to, is_vectored(w) ? ", vectored" : "", to);
    why_say_place(w, w->pc);
    if (cause & CAUSE_INTERRUPT)
        why_say(w, ", %scause = interrupt %" PRIu64, to, cause & ~CAUSE_INTERRUPT);
    else
        why_say(w, ", %scause = %" PRIu64, to, cause);
    why_say(w, ", %stval = %s", to, text_hex(w->tval).s);
    if (w->gpa)
        why_say(w, ", %s = %s (the guest physical address %s, shifted by 2)", w->to_priv == PRIV_M ? "mtval2" : "htval",
                text_hex(w->gpa >> 2).s, text_hex(w->gpa).s);
    why_say(w, ".");
}

static void explain_trap(struct why *w)
{
    find_insn(w);
    if (w->cause & CAUSE_INTERRUPT)
        why_interrupt(w);
    else if (is_access_cause(w->cause))
        explain_access(w);
    else if (w->cause >= CAUSE_ECALL_U && w->cause <= CAUSE_ECALL_M)
        explain_ecall(w);
    else
        explain_other(w);
    say_control(w);
    why_paragraph(w);
}

/* ---- The whole ---- */

static void head(struct why *w, const char *what)
{
    out_style(w->o, OUT_HEAD);
    out_printf(w->o, "Hart %u: %s", w->h->id, what);
    out_style(w->o, OUT_PLAIN);
    out_puts(w->o, "\n");
}

static void explain_last_trap(struct why *w, const struct event *e)
{
    char what[160];
    uint64_t ago = hart_instret(w->h) - e->insn;
    take_event(w, e);
    snprintf(what, sizeof what, "%s%s in %s mode%s", name_cause(w->cause),
             w->cause & CAUSE_INTERRUPT ? " interrupt" : "", name_priv(w->priv, w->virt), ago ? "" : ", just now");
    if (ago)
        snprintf(what + strlen(what), sizeof what - strlen(what), ", %" PRIu64 " instruction%s ago", ago,
                 ago == 1 ? "" : "s");
    head(w, what);
    explain_trap(w);
}

/* The hart's latest trap that was taken elsewhere than where it stands. */
static const struct event *trap_elsewhere(const struct why *w)
{
    const struct event_hub *hub = machine_events(w->m);
    uint64_t first = hub->count > EVENT_RING ? hub->count - EVENT_RING : 0;
    for (uint64_t n = hub->count; n > first; n--) {
        const struct event *e = &hub->ring[(n - 1) % EVENT_RING];
        if (e->kind == EV_TRAP && e->hart == w->h->id && !why_foreign(w, e) && e->pc != w->h->pc)
            return e;
    }
    return NULL;
}

static void explain_stuck(struct why *w, const struct trap *t)
{
    head(w, "traps for ever");
    current_tables(w);
    w->priv = w->h->priv;
    w->virt = w->h->virt;
    w->pc = w->h->pc;
    w->cause = t->cause;
    w->tval = t->tval;
    w->gpa = t->tval2 << 2;
    w->tinst = t->tinst;
    why_say(w, "The first instruction of the trap handler raises %s itself, so that the hart never gets beyond it.",
            name_cause(t->cause));
    why_paragraph(w);
    explain_trap(w);
    /* The trap that first led there is what it died of. */
    const struct event *e = trap_elsewhere(w);
    char what[160];
    if (!e)
        return;
    take_event(w, e);
    snprintf(what, sizeof what, "what led there: %s%s in %s mode", name_cause(w->cause),
             w->cause & CAUSE_INTERRUPT ? " interrupt" : "", name_priv(w->priv, w->virt));
    head(w, what);
    explain_trap(w);
}

static void explain_others(struct why *w)
{
    const struct hart *other;
    for (unsigned n = 0; (other = machine_hart(w->m, n)); n++) {
        if (other == w->h)
            continue;
        why_waits(w, n);
        why_paragraph(w);
    }
}

void why_print(struct out *o, struct machine *m, struct hart *h, const struct why_ctx *helpers)
{
    struct why *w = calloc(1, sizeof *w);
    struct trap stuck;
    if (!w)
        return;
    *w = (struct why){.o = o, .m = m, .h = h, .helpers = helpers, .decoder = decode_table_new(&h->isa)};
    out_text_init(&w->text);
    enum look_state state = machine_look_state(m, h->id, &stuck);
    const struct event *e = last_event(w, EV_TRAP);
    switch (state) {
    case LOOK_STUCK: explain_stuck(w, &stuck); break;
    case LOOK_WAITS:
    case LOOK_STOPPED:
        head(w, state == LOOK_WAITS ? "waits" : "is stopped");
        why_waits(w, h->id);
        why_paragraph(w);
        explain_others(w);
        break;
    case LOOK_RUNS:
        if (e)
            explain_last_trap(w, e);
        else
            out_printf(o, "Hart %u runs; no trap of it is among the recorded events.\n", h->id);
        if (why_loop(w, h)) {
            why_paragraph(w);
            explain_others(w);
        }
        break;
    }
    decode_table_free(w->decoder);
    out_text_free(&w->text);
    free(w);
}
