/* SPDX-License-Identifier: MIT */
/*
 * The hypercalls of `--vmm para`, as guest and VMM both see them; docs/hypercalls.md is their manual. An ecall from the guest's kernel with
 *   a7 = PARA_EXTENSION, a6 = a function, a0... = its arguments; back come a0 = an error, a1 = a value, as from the SBI.
 * Plain C for both sides: guests include it too.
 */
#ifndef VITRINE_PARA_ABI_H
#define VITRINE_PARA_ABI_H

#include <stdint.h>

/* In the SBI's space for vendors, 0x09000000 to 0x09ffffff: "ViT". */
#define PARA_EXTENSION UINT64_C(0x09566954)
#define PARA_VERSION   1

enum para_function {
    PARA_FEATURES, /* a1: PARA_VERSION */
    PARA_P2M, /* a0 first page of RAM, a1 how many, a2 to (guest physical): the machine address of each, 8 bytes; a1: how many */
    PARA_SET_TRAP, /* a0 upcalls go to (virtual), a1 struct para_shared (guest physical), a2 interrupts that may come, as in sie */
    PARA_SET_PTR, /* a0 the kernel's root table, a1 the user's or 0 (guest physical) */
    PARA_PIN,     /* a0 table (guest physical), a1 level: 0 of leaves, 2 a root */
    PARA_UNPIN,   /* a0 table */
    PARA_UPDATE,  /* a0 array of struct para_update (guest physical), a1 how many; a1: which one is wrong, if one is */
    PARA_RETURN,  /* to where struct para_shared says */
    PARA_CONSOLE_WRITE, /* a0 bytes (guest physical), a1 how many; a1: how many were written */
    PARA_SET_TIMER,     /* a0: the value of time at which the interrupt comes */
    PARA_YIELD,         /* a0 = 1: with interrupts enabled. Comes back when an interrupt is pending */
    PARA_MMIO_READ,     /* a0 guest physical, a1 size; a1: what was read */
    PARA_MMIO_WRITE,    /* a0 guest physical, a1 size, a2 value */
    PARA_SHUTDOWN,      /* a0 = 0: all is well */
    PARA_FUNCTIONS
};

enum para_error {
    PARA_OK = 0,
    PARA_NOT_SUPPORTED = -2, /* no such function */
    PARA_INVALID = -3,       /* an argument is out of its range */
    PARA_ADDRESS = -5,       /* no RAM (or device) of the guest's there, or not aligned */
    PARA_STATE = -32, /* not before PARA_SET_PTR; PARA_SET_PTR not before PARA_SET_TRAP; no user's root to return to */
    PARA_FOREIGN = -33,   /* an entry names a frame that is not the guest's */
    PARA_TYPE = -34,      /* a page would be a table and writable at once, or a table of two levels */
    PARA_BITS = -35,      /* an entry's bits: reserved, G, N, PBMT, W without R, a leaf without U or above level 0 */
    PARA_TOO_MUCH = -36,  /* more at once than PARA_MAX_* */
    PARA_NOT_TABLE = -37, /* what is to be changed or unpinned is no table, or not pinned */
    PARA_MEMORY = -38     /* the VMM has no memory */
};

enum {
    PARA_MAX_PAGES = 4096,  /* per PARA_P2M */
    PARA_MAX_UPDATES = 512, /* per PARA_UPDATE: a page of 12 KiB */
    PARA_MAX_BYTES = 4096,  /* per PARA_CONSOLE_WRITE */
    PARA_MAX_TABLES = 1024  /* that one call makes tables of */
};

struct para_update {
    uint64_t table; /* guest physical */
    uint64_t index; /* 0 to 511 */
    uint64_t value; /* the entry, with machine addresses */
};

/* One page (its first bytes) that guest and VMM share: in it an upcall tells what a trap would tell in CSRs, and PARA_RETURN finds where to go. */
struct para_shared {
    uint64_t cause, tval; /* as in scause, stval */
    uint64_t epc;         /* where it happened; PARA_RETURN: the pc to go to */
    uint64_t sp;          /* sp there; PARA_RETURN: the sp to have */
    uint64_t kernel;      /* 1: it happened in the kernel; PARA_RETURN: goes to the kernel */
    uint64_t was_enabled; /* `enabled` before the upcall; PARA_RETURN: after it */
    uint64_t
        enabled; /* 1: interrupts may come while the kernel runs (they always may while a program does); an upcall clears it */
    uint64_t pending;   /* interrupts that wait, as in sip: for a kernel that has just set `enabled` */
    uint64_t kernel_sp; /* the sp that an upcall from a program gives */
    uint64_t a6, a7;    /* PARA_RETURN: the values of the two registers that the call itself takes */
};

#endif
