/* SPDX-License-Identifier: MIT */
/*
 * A hart: the state that the specification gives it, and beside it what the interpreter caches.
 *
 * CSR storage holds each register's raw value, legal at any time. Registers that are views of others (sstatus, sie, sip, hie, vsie,
 * fcsr, ...) have no storage of their own. Two sets of S-level CSRs: s* (HS when H is on) and vs*.
 */
#ifndef VITRINE_HART_H
#define VITRINE_HART_H

#include "base/base.h"
#include "base/event.h"
#include "base/visit.h"
#include "mmu/mmu.h"

/* Which extensions a hart has: one bool per row of isa.def. */
struct isa {
#define ISA(field, name, on, dt) bool field;
#include "cpu/isa.def"
#undef ISA
};

/* What a trap carries. cause: as in mcause, bit 63 for interrupts. */
struct trap {
    uint64_t cause;
    uint64_t tval;
    uint64_t tval2; /* gpa >> 2 of a guest page fault */
    uint64_t tinst;
    bool gva; /* tval is a guest virtual address: mstatus.GVA, hstatus.GVA */
};
#define CAUSE_INTERRUPT BIT(63)
enum cause {
    CAUSE_FETCH_MISALIGNED = 0,
    CAUSE_FETCH_ACCESS = 1,
    CAUSE_ILLEGAL = 2,
    CAUSE_BREAKPOINT = 3,
    CAUSE_LOAD_MISALIGNED = 4,
    CAUSE_LOAD_ACCESS = 5,
    CAUSE_STORE_MISALIGNED = 6,
    CAUSE_STORE_ACCESS = 7,
    CAUSE_ECALL_U = 8,
    CAUSE_ECALL_S = 9,
    CAUSE_ECALL_VS = 10,
    CAUSE_ECALL_M = 11,
    CAUSE_FETCH_PAGE = 12,
    CAUSE_LOAD_PAGE = 13,
    CAUSE_STORE_PAGE = 15,
    CAUSE_FETCH_GUEST_PAGE = 20,
    CAUSE_LOAD_GUEST_PAGE = 21,
    CAUSE_VIRTUAL_INSN = 22,
    CAUSE_STORE_GUEST_PAGE = 23
};
enum irq_bit {
    IRQ_SSI = 1,
    IRQ_VSSI = 2,
    IRQ_MSI = 3,
    IRQ_STI = 5,
    IRQ_VSTI = 6,
    IRQ_MTI = 7,
    IRQ_SEI = 9,
    IRQ_VSEI = 10,
    IRQ_MEI = 11,
    IRQ_SGEI = 12
};

/* Raw CSR storage. */
struct csrs {
    /* M */
    uint64_t mstatus; /* with MPV, GVA; SD is computed on read */
    uint64_t medeleg, mideleg, mie, mtvec, mcounteren, mcountinhibit, mscratch, mepc, mcause, mtval, mtval2, mtinst,
        menvcfg;
    uint64_t mip;      /* bits that software wrote: SSIP, STIP, SEIP, and hvip's VSSIP, VSTIP, VSEIP */
    uint64_t mip_line; /* bits that wires drive: MSIP, MTIP, MEIP, SEIP, and STIP by stimecmp, VSTIP by vstimecmp */
    uint64_t mhpmevent[29];
    uint64_t cycle_offset, instret_offset;   /* mcycle = hart_cycle() + cycle_offset while it counts */
    uint64_t cycle_stopped, instret_stopped; /* the values while mcountinhibit stops them */
    /* S, or HS */
    uint64_t stvec, scounteren, senvcfg, sscratch, sepc, scause, stval, satp, stimecmp;
    /* H */
    uint64_t hstatus, hedeleg, hideleg, hgeie, hgeip, henvcfg, hcounteren, htimedelta, htval, htinst, hgatp;
    /* VS */
    uint64_t vsstatus, vstvec, vsscratch, vsepc, vscause, vstval, vsatp, vstimecmp;
    /* U */
    uint64_t frm; /* 0..7 */
};

/* Why hart_run() came back. */
enum exit_reason {
    EXIT_BUDGET, /* the instructions asked for have retired */
    EXIT_EVENT, /* something that the caller keeps changed: a timer compare, an interrupt line, another hart, a request to stop */
    EXIT_WFI, /* the hart waits and nothing is pending */
    EXIT_TRAP, /* a trap that would go to a mode the caller stands in for (hart.native); not taken, pc at the instruction */
    EXIT_STUCK, /* the hart traps into its own trap handler's first instruction for ever; trap tells */
    EXIT_BREAK  /* pc is at one of the code cache's breakpoints; the next hart_run() goes on from it */
};
struct exit {
    enum exit_reason reason;
    struct trap trap;
    enum priv to; /* EXIT_TRAP: the mode it would have gone to (with to_virt) */
    bool to_virt;
};

/* What hart code asks of the run loop at the next instruction boundary. */
enum hart_kick {
    KICK_IRQ = 1,   /* look at interrupts again */
    KICK_EVENT = 2, /* return EXIT_EVENT */
    KICK_WFI = 4,   /* return EXIT_WFI unless an interrupt is pending */
    KICK_CODE = 8   /* decoded code of the running page was dropped: find the next operation anew */
};

struct tlb;
struct code_cache;
struct fetch_tlb;
struct hart;

/* What the hart asks of the machine around it. */
struct hart_env {
    uint64_t (*time)(void *ctx);                      /* mtime now, 10 MHz ticks */
    void (*timer_changed)(void *ctx, struct hart *h); /* stimecmp, vstimecmp, htimedelta, STCE or mtime changed */
    void *ctx;
    struct event_hub *events; /* NULL: nobody ever listens */
    /* Xdisk's registers: enum xdisk_register. NULL: no disk. */
    uint64_t (*disk_read)(void *disk, unsigned reg);
    void (*disk_write)(void *disk, unsigned reg, uint64_t v);
    void *disk;
};

struct hart {
    /* Hot: what handlers touch stands first. */
    uint64_t x[33]; /* x[0] stays 0; x[32] swallows what is written to x0 */
    uint64_t f[32]; /* FLEN = 64, NaN-boxed */
    uint64_t pc;
    uint64_t page_va; /* the run loop's: virtual address of the page that the running code lies on */
    struct tlb *tlb;
    uint32_t kick;        /* enum hart_kick */
    uint32_t fflags;      /* accrued flags that have left the host's FPU */
    uint64_t reservation; /* physical address that LR reserved, or UINT64_MAX */
    uint64_t reservation_size;

    enum priv priv;
    bool virt; /* V */
    struct csrs csr;
    struct pmp pmp;
    struct isa isa;
    uint64_t misa;
    unsigned id; /* mhartid */

    /* Time. clock: instruction slots of the machine (idle time included) when this turn began. */
    uint64_t clock;
    uint64_t retired; /* instructions retired before this turn */
    /* In this turn, as far as the run loop has accounted: exact whenever csr, trap or mmio code runs. */
    uint64_t turn_retired;

    /* Bit per enum priv: a trap to that mode (V=0) leaves hart_run() as EXIT_TRAP instead of being taken. */
    unsigned native;
    struct trap last_trap; /* trap being raised by the running handler */

    struct bus *bus;
    const struct hart_env *env;
    struct event_hub *events; /* never NULL. While somebody wants EV_INSN the hart runs instruction by instruction. */
    uint64_t traps;           /* taken since power-on */
    bool stop_at_trap;        /* a trap taken ends the run as EXIT_EVENT, before its handler's first instruction */
    uint64_t passed_insn,
        passed_pc; /* the breakpoint to go on from: at passed_pc, when so many instructions have retired */
    struct code_cache *code;
    struct hart_banks *banks; /* TLBs, see context.c */
    struct fetch_tlb *fetch;
    bool step;     /* the run loop decodes instruction by instruction */
    uint8_t tells; /* enum hart_tells: ... or into blocks that put what they do into `stream` */
    struct event_stream *stream;
    uint64_t stored_over;   /* what stood in memory where the running store of such a block goes */
    bool drops_reservation; /* the trap being raised is an SC's: once it is taken the reservation is gone */
    bool trapped;           /* hart_run() must return `left` */
    struct exit left;
    unsigned traps_in_a_row; /* since the last instruction retired */
    uint64_t last_trap_retired;
    uint64_t
        flushes; /* how often cached translations were dropped: for those who keep translations of theirs beside it */
    bool
        tell_leaving_m; /* an mret out of M ends hart_run() as EXIT_EVENT: for those who run the lower modes otherwise */
    uint64_t out;       /* where callees of handlers leave a value */
    int64_t budget;     /* of the run loop, while handlers do not hold it */
    int64_t run_base;   /* turn_retired = run_base - budget at a block boundary */
};

/* Instructions retired, by this hart; and the machine's clock, in instruction slots: both exact inside CSR, trap and MMIO code. */
static inline uint64_t hart_instret(const struct hart *h)
{
    return h->retired + h->turn_retired;
}
static inline uint64_t hart_cycle(const struct hart *h)
{
    return h->clock + h->turn_retired;
}

/* A hart on a bus, reset. code, isa and env as they are for every hart of the machine; all must outlive it. NULL: no memory. */
struct hart *hart_new(unsigned id, const struct isa *isa, struct bus *bus, struct code_cache *code,
                      const struct hart_env *env);
void hart_free(struct hart *h);
/* To power-on state (Priv. 3.4), pc 0; time and wires into mip are the caller's. */
void hart_reset(struct hart *h);
/* Names the state (not what is cached of it); what the visitor replaced takes effect at once. */
void hart_visit(struct hart *h, struct visitor *v);

/* A privilege, V, satp, vsatp, hgatp, mstatus/vsstatus (MPRV, MPP, MPV, SUM, MXR, FS), menvcfg/henvcfg translation bit, frm or PMP changed:
 * recompute what the run loop caches of them (TLB bank, fetch context). Cheap; implemented with the run loop. */
void hart_context_changed(struct hart *h);

/* TLB invalidation, as the instructions ask (all idempotent). asid/vmid -1 = all; have_va false = all addresses. */
void hart_sfence_vma(struct hart *h, bool have_va, uint64_t va, int64_t asid);    /* of HS/S: V=0 stage one */
void hart_hfence_vvma(struct hart *h, bool have_va, uint64_t va, int64_t asid);   /* VS-stage of the current VMID */
void hart_hfence_gvma(struct hart *h, bool have_gpa, uint64_t gpa, int64_t vmid); /* G-stage */
void hart_flush_all(struct hart *h); /* everything, e.g. after PMP changes */

/* The accrued fflags, the host FPU's included; and setting them. */
unsigned hart_fflags(struct hart *h);
void hart_set_fflags(struct hart *h, unsigned fl);

/* Drives a wire into mip (MSIP, MTIP, SEIP, MEIP ...). */
void hart_set_irq(struct hart *h, enum irq_bit bit, bool level);

/* Takes a trap raised at h->pc (see trap_take()) and tells of it. For those who stand in for a mode too, and hand a trap on. */
void hart_take_trap(struct hart *h, const struct trap *t);

/* A breakpoint at a physical address: that, and this bit, which no virtual address has alone. */
#define HART_BREAK_PHYSICAL BIT(62)

/* Does not stop at a breakpoint before the next instruction, if there is one: to go on from it. */
static inline void hart_pass_breakpoint(struct hart *h)
{
    h->passed_insn = h->retired + h->turn_retired;
    h->passed_pc = h->pc;
}

/* Runs until n more instructions have retired (exactly) or something ends the run earlier. n >= 1. */
struct exit hart_run(struct hart *h, uint64_t n);

#endif
