/* SPDX-License-Identifier: MIT */
/*
 * The virtual-machine monitor: HS-mode software of a real machine, written natively.
 *
 * A virtual machine is a struct machine, with its own bus, devices, firmware and clock, of which two things are special: its RAM is a
 * window onto scattered frames of the real machine's RAM, and its virtual hart is run by a technique instead of by hart_run().
 * The technique may run any part of it on the real hart; what the real hart cannot do for the guest, the virtual hart does, by the
 * interpreter itself. Whatever it does, it must come out as hart_run() on the virtual hart would have.
 *
 * To add a technique: a row in technique.def, and the file that holds its functions.
 */
#ifndef VITRINE_VMM_H
#define VITRINE_VMM_H

#include "base/err.h"
#include "machine.h"
#include "monitor/vmm/frames.h"

enum { VMM_MAX_VMS = 64, VMM_SLICE = 100000 };

struct vm;
struct vmm;

/* Why the VMM got control: a word for each in vmm.c. */
enum vm_exit_reason {
    VM_EXIT_BUDGET,     /* the virtual machine's next deadline, or the end of its time slice */
    VM_EXIT_PAGE,       /* the second stage, or the shadow, has no entry for the page yet */
    VM_EXIT_MMIO,       /* an access to what is no RAM */
    VM_EXIT_PROTECTED,  /* an access that the VMM wants to see: a watched or write-protected page, PMP */
    VM_EXIT_PRIVILEGED, /* a privileged instruction, or a CSR */
    VM_EXIT_TIME,       /* one that reads time or a counter */
    VM_EXIT_WFI,        /* wfi */
    VM_EXIT_ECALL,      /* an ecall to the guest's M mode or firmware */
    VM_EXIT_EXCEPTION,  /* an exception that the guest gets itself */
    VM_EXIT_INTERRUPT,  /* an interrupt for the guest that the VMM has to deliver */
    VM_EXIT_REWRITTEN,  /* an instruction that the VMM has put a breakpoint in the place of */
    VM_EXIT_BREAK,      /* a breakpoint of the debugger's */
    VM_EXIT_OTHER,
    VM_EXIT_REASONS
};
const char *vm_exit_name(enum vm_exit_reason r);

struct technique {
    const char *name, *help;
    /* What the technique keeps for a VM: into vm->state. 0, or -errno with e set. NULL: nothing. */
    int (*attach)(struct vm *vm, struct err *e);
    void (*detach)(struct vm *vm);
    /* As hart_run(vh, n): the same state (turn_retired too), the same exit, exactly n instructions if nothing ends it earlier. */
    struct exit (*run)(struct vm *vm, struct hart *vh, uint64_t n);
    /* The flags (BIT(enum page_flag)) of a page of the guest's RAM changed: what is watched or tells of writes must not stay mapped past
     * that. NULL: the technique does not care. */
    void (*flagged)(struct vm *vm, uint64_t gpa, unsigned flags);
    /* Looks through every table that the real MMU walks for this VM: each entry follows from the guest's tables and the p2m, and shows nothing
     * that is not the guest's. Returns how many entries there are; -1 with e set: one is wrong. NULL: there are no tables. */
    int64_t (*verify)(struct vm *vm, struct err *e);
};
/* Row n of technique.def, NULL past the end; by name, NULL: none. */
const struct technique *technique_at(unsigned n);
const struct technique *technique_find(const char *name);

struct vm_stats {
    uint64_t exits[VM_EXIT_REASONS]; /* intercepts, by reason */
    uint64_t entries;                /* of the real hart into the guest */
    uint64_t emulated;               /* instructions of S and U that the virtual hart executed */
    uint64_t interpreted;            /* instructions in modes that the technique leaves to the virtual hart (M) */
    uint64_t native;                 /* instructions that the real hart executed for it */
    uint64_t fills;                  /* entries written into tables that the real hart walks */
    uint64_t turns;                  /* time slices */
};

struct vm_check;
struct write_log;

struct vm {
    struct vmm *vmm;
    unsigned number; /* from 1 */
    char name[64];   /* for people: the kernel's file name */
    struct machine *machine;
    struct machine_options opt;
    struct machine_window window;
    uint64_t *hpa; /* the p2m: frame of each page of RAM */
    uint64_t ram_base, ram_size;
    const struct technique *technique;
    void *state; /* the technique's own */
    struct vm_stats stats;
    struct event_sink forward; /* from the VM's hub to the real machine's */
    struct vm_check *check;    /* --check; NULL: none */
    uint64_t verified;         /* --check-shadow: how often; and what was wrong */
    char complaint[4096];
    struct write_log *writes; /* --check-shadow: who wrote the guest's page tables; NULL: not kept */
    bool ended, waits;        /* waits: for input from the host */
    struct machine_result result;
};

/* One guest, as the command line describes it. */
struct vm_config {
    struct machine_options machine;
    const char *name; /* NULL: after the kernel */
};

struct vmm_config {
    const struct technique *technique;
    struct machine_options real; /* ram_size 0: as much as the guests and the VMM's tables need */
    struct vm_config *vms;
    unsigned nvms;
    uint64_t slice; /* instructions in a VM's turn */
    bool check;
    /* --check, 0: only at exits. Else the guests run in pieces of so many instructions from the check_from-th on, and are compared after each: memory
     * too, but for pieces of one. */
    uint64_t check_every, check_from;
    bool check_shadow; /* technique.verify() before each entry */
    /* For a run in many pieces: when all guests wait for input, vmm_run() returns MACHINE_BUDGET instead of waiting with them; and --check leaves the
     * last comparison, at the end of the last piece, to the caller (vm_check_end()). */
    bool yields;
    bool share_terminal; /* guests whose serial port would be the terminal share it */
    /* Hears of each VM that ends, at once: vm_report() has the words. The terminal stands at the beginning of a line. NULL: nobody. */
    void (*on_end)(void *ctx, const struct vm *vm);
    void *on_end_ctx;
};

struct vmm {
    struct vmm_config config;
    struct machine *machine;  /* the real one */
    struct hart *hart;        /* its hart 0 */
    struct event_hub *events; /* the real machine's: all VMs' events go there too */
    struct frames *frames;
    struct vm *vm[VMM_MAX_VMS];
    unsigned nvms;
    unsigned turn;       /* whose turn it is: vm[turn] */
    uint64_t turn_left;  /* instructions */
    unsigned current;    /* number of the VM that had the last one; 0: none yet */
    struct vm *resident; /* whose state the real hart holds, for techniques that use it; NULL: nobody's */
    struct vm *running;  /* inside machine_run() */
    bool failed_check;
    int stop;            /* set by vmm_stop(), atomically */
    bool monitor_wanted; /* Ctrl-A c at the shared terminal */
    struct vm_consoles *consoles;
};

struct vmm_result {
    enum machine_end end; /* MACHINE_BUDGET, _GUEST (all have ended), _STOP, _PAUSE, _BREAK, _MONITOR, _ERROR */
    unsigned vm;          /* _PAUSE, _BREAK, _MONITOR: whose */
    struct machine_result machine; /* what that VM's machine_run() said */
};

/* NULL with e set. The config's strings must outlive the VMM. */
MUST_USE struct vmm *vmm_new(const struct vmm_config *c, struct err *e);
void vmm_free(struct vmm *v);
/* Runs the VMs in turns until max_insns instructions of all together have retired, all have ended, or one pauses. sched.c */
void vmm_run(struct vmm *v, uint64_t max_insns, struct vmm_result *r);
/* machine_step() for one VM, whoever's turn it is. */
void vmm_step(struct vmm *v, struct vm *vm, uint64_t steps, struct machine_result *r);
/* Makes vmm_run() return MACHINE_STOP soon. May be called from a signal handler. */
void vmm_stop(struct vmm *v);
/* The process's exit status once all have ended: 0 if every guest's is, else that of the first guest (by number) whose is not;
 * 126 stands for a guest that can never move again. */
int vmm_status(const struct vmm *v);
/* Instructions retired by all guests. */
uint64_t vmm_insns(const struct vmm *v);
/* How a VM ended, in a line for people; false: it has not. */
bool vm_report(const struct vm *vm, char *buf, size_t size);

/* What --check or --check-shadow found: the report of the first wrong thing, NULL: none; *compared: how often the whole state was compared. */
const char *vm_check_report(const struct vm *vm, uint64_t *compared);

/* What --check knows of the first difference: after *same instructions there was none that it looks for, after *different there was one. False: it
 * has found none. */
bool vm_check_window(const struct vm *vm, uint64_t *same, uint64_t *different);

/* ---- For techniques ---- */

/* The frame behind gpa: *hpa is gpa's own address in the real machine's RAM. False: gpa is no RAM. */
static inline bool vm_frame(const struct vm *vm, uint64_t gpa, uint64_t *hpa)
{
    uint64_t off = gpa - vm->ram_base;
    if (off >= vm->ram_size)
        return false;
    *hpa = vm->hpa[off >> PAGE_SHIFT] | (gpa & (PAGE_SIZE - 1));
    return true;
}

/* Tells EV_VM_P2M too. */
bool vm_lookup(struct vm *vm, uint64_t gpa, uint64_t *hpa);

/* An event of this VM's, stamped by its virtual hart; NULL: nobody wants the kind. Fill a[] and vm_tell() it. */
struct event *vm_event(struct vm *vm, enum event_kind k);
void vm_tell(struct vm *vm, struct event *e);

/* Counts an intercept and tells of it (EV_VM_EXIT). insn: the instruction's bytes, 0: not looked at. */
void vm_intercept(struct vm *vm, enum vm_exit_reason why, const struct trap *t, uint32_t insn, uint64_t gpa);
/* The same where no trap led to it but a wish of the VMM's or the debugger's: VM_EXIT_BUDGET, VM_EXIT_BREAK. */
void vm_intercept_wish(struct vm *vm, const struct hart *vh, enum vm_exit_reason why);
/* Tells EV_VM_ENTRY and counts it; with --check-shadow, verifies first. */
void vm_resume(struct vm *vm, const struct hart *real);

/* Must the virtual hart itself go on, whatever the technique: it is in M mode (which no hardware virtualizes) or V=1, an interrupt goes to
 * M, or somebody wants the run to end? */
bool vm_must_interpret(const struct hart *vh);
/* Lets the virtual hart go on by itself for at most n instructions: until it leaves M mode if it is there, else one instruction.
 * False: *x is what technique.run() must return. */
bool vm_interpret(struct vm *vm, struct hart *vh, uint64_t n, struct exit *x);
/* Lets the virtual hart execute one instruction, whatever comes of it (EV_VM_EMULATE). False: *x is what technique.run() must return. */
bool vm_emulate(struct vm *vm, struct hart *vh, uint32_t insn, struct exit *x);

/* check.c: compares with the oracle. To be called inside run(), at each exit, with the virtual hart up to date and before an instruction. (At the
 * end of n it does nothing: the machine is about to look at its timers, which the oracle has done already.) */
void vm_check_now(struct vm *vm, struct hart *vh);
/* The virtual hart is about to execute: under --check it must not use stale translations, as the oracle does not (coherent.h). */
void vm_check_before(struct vm *vm, struct hart *vh);

#endif
