/* SPDX-License-Identifier: MIT */
/*
 * Run control: what the REPL and the gdb stub share. A debugger stands beside one machine, runs it for a while, and tells why it stopped.
 *
 * A machine may have one debugger. It owns the machine's breakpoints and watch hook and adds a sink to its events while something is to be
 * caught. Everything here runs on the machine's thread, between runs, unless it says otherwise.
 *
 * Stops (breakpoints, watchpoints, catchpoints) are numbered from 1; the hidden ones (gdb's) have numbers below 0 and are listed by nobody.
 */
#ifndef VITRINE_DEBUGGER_H
#define VITRINE_DEBUGGER_H

#include "base/err.h"
#include "base/event.h"
#include "machine.h"
#include "monitor/debug/expr.h"

struct debugger;

/* ---- Why it stopped ---- */

enum debug_reason {
    DEBUG_STEPPED,   /* what was asked for is done: steps, finish, until, a limit of instructions */
    DEBUG_BREAK,     /* a breakpoint: number */
    DEBUG_WATCH,     /* a watchpoint: number, access, addr, len, old, new */
    DEBUG_CATCH,     /* a catchpoint: number, event */
    DEBUG_EVENT,     /* the event that debugger_step_event() waited for */
    DEBUG_INTERRUPT, /* debugger_interrupt() */
    DEBUG_MONITOR,   /* Ctrl-A c on the guest's console */
    DEBUG_QUIT,      /* Ctrl-A x there, or machine_stop() by somebody else */
    DEBUG_ENDED      /* the machine ended: result. It can be looked at; only debugger_reset() lets it run again */
};

enum { STOP_ANY = -1 };
enum debug_access {
    DEBUG_READ = 1,
    DEBUG_WRITE = 2,
    DEBUG_CHANGE = 4 /* a write that changes the value; with no other */
};

struct debug_stop {
    enum debug_reason reason;
    unsigned vm;                  /* of which virtual machine, 0: the real one; debugger_vm() is set to it */
    unsigned hart;                /* which stopped; debugger_hart() is set to it */
    int number;                   /* of the stop, else 0 */
    uint64_t pc;                  /* DEBUG_WATCH: of the instruction that did it. Else where the hart stands */
    unsigned access;              /* enum debug_access: what the watchpoint saw */
    uint64_t addr, len;           /* DEBUG_WATCH: as the watchpoint was set, in its space */
    uint64_t old, new;            /* DEBUG_WATCH: the value, its first 8 bytes at most, before and after */
    bool by_device;               /* DEBUG_WATCH: DMA, no instruction */
    bool left;                    /* DEBUG_BREAK: a watchpoint's frame is gone; it is temporary now */
    bool trapped;                 /* DEBUG_STEPPED: by a trap into its handler */
    bool told;                    /* DEBUG_EVENT: debugger_set_nested()'s function saw it already */
    struct event event;           /* DEBUG_CATCH, DEBUG_EVENT */
    struct machine_result result; /* DEBUG_ENDED */
};

/* ---- Its life ---- */

/* m: must outlive it. NULL: no memory. */
MUST_USE struct debugger *debugger_new(struct machine *m);
void debugger_free(struct debugger *d); /* takes all breakpoints off the machine; NULL is fine */

/*
 * Virtual machines. The debugger of a machine on which a VMM runs several looks at one of them at a time: its machine is debugger_machine(), its
 * virtual hart debugger_hart(). Stops belong to the machine that was selected when they were set. VM 0 is the real machine.
 */
struct debug_runner {
    void *ctx;
    unsigned nvms; /* numbers from 1 to this */
    struct machine *(*machine)(void *ctx, unsigned vm);
    /* As machine_run() and machine_step(), for all of them in their turns, and for one; *vm: whose end r tells. MACHINE_GUEST: all have ended. */
    void (*run)(void *ctx, uint64_t max_insns, struct machine_result *r, unsigned *vm);
    void (*step)(void *ctx, unsigned vm, uint64_t steps, struct machine_result *r);
    void (*stop)(void *ctx);               /* as machine_stop() */
    void (*pause)(void *ctx, unsigned vm); /* as machine_pause(), in the midst of what that VM does */
    void (*listen)(void *ctx);             /* the real machine's hub has other kinds wanted */
    void (*sync)(void *ctx, unsigned vm); /* in the midst of a run: the virtual hart is to show the guest's registers */
    uint64_t (*insns)(void *ctx);
    bool (*ended)(void *ctx, unsigned vm);
};
/* Right after debugger_new() of the real machine. r must outlive d. False: no memory. */
MUST_USE bool debugger_set_runner(struct debugger *d, const struct debug_runner *r);
unsigned debugger_vm(const struct debugger *d);
bool debugger_select_vm(struct debugger *d, unsigned vm); /* false: no such one */
uint64_t debugger_insns(struct debugger *d);              /* retired, by all VMs */

struct machine *debugger_machine(struct debugger *d);
/* The selected hart: whose registers and addresses are meant when nothing else is said. Each stop selects the hart that stopped. */
struct hart *debugger_hart(struct debugger *d);
bool debugger_select(struct debugger *d, unsigned hart); /* false: no such hart */
/* The last stop; before the first: DEBUG_STEPPED on hart 0. */
const struct debug_stop *debugger_last(const struct debugger *d);
/* Counts up whenever the machine ran or its state was changed by hand: what was cached of it is stale. */
uint64_t debugger_epoch(const struct debugger *d);
void debugger_changed(struct debugger *d); /* to be called after a change made past this interface */

/* ---- Running: each returns when something stops it. Others harts run in their turns meanwhile. ---- */

/* Until a stop; at most `limit` instructions of all harts (UINT64_MAX = for ever; DEBUG_STEPPED when they are done). */
void debugger_continue(struct debugger *d, uint64_t limit, struct debug_stop *s);
/* n >= 1 instructions of that hart. A trap counts as one step and ends at the first instruction of its handler. A hart that waits in WFI
 * goes on when it is woken. */
void debugger_stepi(struct debugger *d, unsigned hart, uint64_t n, struct debug_stop *s);
/* n instructions, but what a call, an ecall, an exception or an interrupt leads to is run through as one: until the hart (or, from U mode, any
 * hart in the same address space) stands behind it in the same mode and at the same depth of stack. */
void debugger_nexti(struct debugger *d, unsigned hart, uint64_t n, struct debug_stop *s);
/* Until pc leaves [lo, hi). over: calls and traps are run through as by debugger_nexti(); else calls and exceptions end it at the first
 * instruction elsewhere. Interrupts are run through in either case. */
void debugger_step_range(struct debugger *d, unsigned hart, uint64_t lo, uint64_t hi, bool over, struct debug_stop *s);
/* Until the hart (STOP_ANY: some hart) stands at one of the addresses (gva) with its stack pointer at or above sp_min (0: any), in the mode it is in now, or not in a
 * deeper one. n <= 8. */
void debugger_until(struct debugger *d, int hart, const uint64_t *va, unsigned n, uint64_t sp_min,
                    struct debug_stop *s);
/* Until the next event of these kinds, on any hart. Stops in its midst when debugger_set_nested() gave somebody to stop for, else behind it. */
void debugger_step_event(struct debugger *d, uint64_t kinds, struct debug_stop *s);

/* Ends the present or the next run with DEBUG_INTERRUPT. Async-signal-safe; also for any thread. */
void debugger_interrupt(struct debugger *d);
/* The same with another reason (DEBUG_MONITOR, DEBUG_QUIT); from I/O callbacks on the machine's thread. */
void debugger_interrupt_for(struct debugger *d, enum debug_reason why);

/* To power-on; stops and selected settings stay. Also after the machine ended. */
MUST_USE int debugger_reset(struct debugger *d, struct err *e);
bool debugger_ended(const struct debugger *d);

/* Called in the midst of an instruction when debugger_step_event() finds its event: the machine may be looked at, not changed, nor run. True: run
 * on (with *kinds as the next to wait for, 0 = none: the run ends at the next boundary). NULL: nobody. */
void debugger_set_nested(struct debugger *d, bool (*fn)(void *ctx, struct debug_stop *s, uint64_t *kinds), void *ctx);
/* In the midst of an instruction, by the above: no changes. */
bool debugger_is_nested(const struct debugger *d);

/* ---- Expressions ---- */

/* What names, registers and memory mean in expressions: those of the selected hart, and of the event at hand. Valid as long as d. */
void debugger_expr_env(struct debugger *d, struct expr_env *env);
/* From now on x registers and pc in expressions are those of a caller's frame (known: bit n: x[n] is); NULL: the hart's own again, which every run and
 * change brings back too. */
void debugger_show_frame(struct debugger *d, const uint64_t *x, uint32_t known, uint64_t pc);
bool debugger_shows_frame(const struct debugger *d);
/* Who knows the variables and types of what runs on the selected hart: expressions ask it, conditions too. As in struct expr_env. */
struct debug_program {
    enum expr_found (*variable)(void *ctx, const char *name, struct expr_variable *v, struct err *e);
    const struct ctype *(*type)(void *ctx, const char *name);
};
/* The first one stays until it is taken back: p NULL, with the same ctx. */
void debugger_set_program(struct debugger *d, const struct debug_program *p, void *ctx);
struct expr_vars *debugger_vars(struct debugger *d); /* convenience variables and the history of values */
/* Why the condition of the last stop could not be evaluated; "": it could, or there was none. */
const char *debugger_condition_error(const struct debugger *d);

/* ---- Stops ---- */

enum { STOP_PLACES = 15 };
enum stop_kind { STOP_BREAK, STOP_WATCH, STOP_CATCH };
/* Which addresses: a hart's virtual ones, the physical ones of its machine (of a guest under H: the guest's), the real machine's physical ones. */
enum debug_space { SPACE_GVA, SPACE_GPA, SPACE_HPA, SPACE_PAGED /* virtual, through page tables even from M mode */ };

struct stop_spec {
    enum stop_kind kind;
    const char *text;      /* as the user wrote it, for lists; NULL: made from the rest */
    const char *condition; /* an expression, true when not 0; NULL: none */
    int hart;              /* only this one; STOP_ANY */
    bool
        temporary; /* goes away once it stopped something: before the next run, or when whoever told of it removes it */
    bool hidden;
    bool hardware;   /* as hbreak says: the same thing here */
    uint64_t ignore; /* hits that do not count */
    /* STOP_BREAK, STOP_WATCH */
    enum debug_space space;
    uint64_t addr;
    uint64_t also[STOP_PLACES]; /* STOP_BREAK: other places of the same line */
    unsigned nalso;
    uint64_t len;    /* STOP_WATCH: bytes, at most a page */
    unsigned access; /* STOP_WATCH: enum debug_access */
    struct stop_frame {
        /* pc 0: none. Once its hart stands there with its stack pointer at or above sp, in the same address space and mode */
        uint64_t pc, sp, satp;
        uint8_t hart, mode;
    } frame; /* STOP_WATCH: ... the frame is gone in which the bytes lie, and the watchpoint with it */
    /* STOP_CATCH: an event of these kinds that fits all of the rest */
    uint64_t kinds;
    uint64_t cause;     /* EV_TRAP: as in mcause; UINT64_MAX = any */
    int from;           /* EV_TRAP: EVENT_MODE(), or STOP_ANY */
    int csr;            /* EV_CSR, EV_PTR: its number, or STOP_ANY */
    const char *device; /* EV_MMIO: the device's name or the beginning of it; NULL = any */
    int source;         /* EV_IRQ, EV_CLAIM: the PLIC's source, EV_WIRE: the bit of mip; STOP_ANY */
    int reason;         /* EV_VM_EXIT: enum vm_exit_reason, or STOP_ANY */
};

struct stop {
    struct stop *next;
    int number;
    bool enabled;
    unsigned vm;           /* whose it is */
    uint64_t hits;         /* with a true condition */
    struct stop_spec spec; /* its strings are the stop's own */
    char **commands;       /* NULL-terminated, run by the REPL when it stops here; NULL: none */
    /* The rest is stops.c's. */
    struct expr *expr;        /* of spec.condition */
    struct stop_watch *watch; /* STOP_WATCH: where it lies and what is there */
};

/* A spec with nothing special in it. */
struct stop_spec stop_spec_default(enum stop_kind kind);
/* Adds one; NULL with e set: a condition that does not read, an address that cannot be watched, no memory. */
MUST_USE struct stop *debugger_add(struct debugger *d, const struct stop_spec *spec, struct err *e);
void debugger_remove(struct debugger *d, struct stop *s);
void debugger_remove_hidden(struct debugger *d);            /* all of them: gdb has gone */
struct stop *debugger_find(struct debugger *d, int number); /* NULL: none */
struct stop *debugger_stops(struct debugger *d);            /* the first; then ->next */
void debugger_enable(struct debugger *d, struct stop *s, bool on);
/* expr: NULL takes the condition away. */
MUST_USE int debugger_set_condition(struct debugger *d, struct stop *s, const char *expr, struct err *e);

/* ---- Registers, by gdb's numbers: x0..x31, pc, f0..f31, CSRs from 65 on, and the mode ---- */

enum { DEBUG_REG_PC = 32, DEBUG_REG_F = 33, DEBUG_REG_CSR = 65, DEBUG_REG_PRIV = 65 + 4096 };

/* By name: ABI names, x0, pc, f0, fa0, CSRs, fflags..., priv. -1: none. No leading $. */
int debugger_reg_number(const char *name);
const char *debugger_reg_name(unsigned n); /* ABI names; NULL: none */
/* False: this hart has none. Never a side effect. priv: 0 U, 1 S, 3 M; +4 with V. */
bool debugger_reg_read(struct debugger *d, struct hart *h, unsigned n, uint64_t *value);
/* False: no such register, read-only, or nested. CSRs are written as M mode would, priv within what the hart has. */
bool debugger_reg_write(struct debugger *d, struct hart *h, unsigned n, uint64_t value);

/* ---- Memory ---- */

/* What a debugger's access at a virtual address of this hart depends on: its data context, but permissions, A and D deny nothing. */
struct mmu_ctx debugger_data_ctx(const struct hart *h);
/* Virtual to physical, without side effects. False: not mapped; *f (may be NULL) says why. */
bool debugger_translate(struct hart *h, uint64_t va, uint64_t *pa, struct mmu_fault *f);
/* An address of a space to the machine's physical one. */
bool debugger_locate(struct hart *h, enum debug_space space, uint64_t addr, uint64_t *pa);
/* How many of the n bytes from addr could be read (written): all, or those before the first that is not mapped, is no memory, or is a device's
 * register (devices are not touched unless debugger_set_mmio() said so). Writes drop decoded code and trip no watchpoint. h is ignored by
 * physical addresses. */
size_t debugger_read(struct debugger *d, struct hart *h, enum debug_space space, uint64_t addr, void *buf, size_t n);
size_t debugger_write(struct debugger *d, struct hart *h, enum debug_space space, uint64_t addr, const void *buf,
                      size_t n);
/* Whether debugger_read() and debugger_write() reach devices: aligned accesses of 1, 2, 4 or 8 bytes, with all their effects. */
void debugger_set_mmio(struct debugger *d, bool on);
bool debugger_mmio(const struct debugger *d);

#endif
