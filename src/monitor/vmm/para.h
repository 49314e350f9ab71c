/* SPDX-License-Identifier: MIT */
/*
 * Paravirtualization. A guest boots as under `trap`; once it has handed its page tables over by a hypercall (PARA_SET_PTR), the real satp points at the
 * tables of the guest's own, and nothing of it is emulated any more: exceptions and interrupts come to its kernel as upcalls, what it wants of the
 * machine it asks for by hypercalls. docs/hypercalls.md
 *
 *   before   trap.c, which leaves the hypercalls to us
 *   direct   the real hart is in U, behind the kernel's root or the user's. vh->priv tells which: S while the guest's kernel runs.
 */
#ifndef VITRINE_PARA_H
#define VITRINE_PARA_H

#include "monitor/vmm/para_table.h"
#include "monitor/vmm/trap.h"

struct para {
    struct deprivileged trap; /* first: for trap.c */
    struct para_tables tables;
    bool direct;
    uint64_t root[2]; /* guest physical: of the user, of the kernel; 0: none */
    uint64_t satp[2]; /* real, likewise */
    uint64_t
        believed; /* the virtual hart's satp as we left it, with a machine address as in its tables: another one means that firmware began the guest anew */
    uint64_t vector;    /* of upcalls, virtual */
    uint64_t shared;    /* guest physical; 0: none yet */
    uint64_t upcall_at; /* instructions retired at the latest upcall */
};

/* How the guest goes on after a hypercall. */
enum para_next {
    PARA_GO_ON,
    PARA_WAIT /* until an interrupt is pending */
};

static inline struct para *para_of(const struct vm *vm)
{
    return vm->state;
}

/* A word of struct para_shared, by its offset. */
uint64_t para_shared_get(struct vm *vm, uint64_t offset);
void para_shared_set(struct vm *vm, uint64_t offset, uint64_t v);
#define PARA_GET(vm, field)    para_shared_get(vm, offsetof(struct para_shared, field))
#define PARA_SET(vm, field, v) para_shared_set(vm, offsetof(struct para_shared, field), v)

/* The kernel runs (true), or a program. */
void para_enter_mode(struct vm *vm, struct hart *vh, bool kernel);

/* para_calls.c: does the hypercall in the virtual hart's registers, which then stands behind the ecall. */
enum para_next para_hypercall(struct vm *vm, struct hart *vh);

#endif
