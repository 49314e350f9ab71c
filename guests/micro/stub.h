/* SPDX-License-Identifier: MIT */
/* The kernel's calls as functions, for servers and programs. */
#ifndef MICRO_STUB_H
#define MICRO_STUB_H

#include "proto.h"

#include <stdbool.h>
#include <stdint.h>

struct ipc { /* stub.S knows the offsets */
    uint64_t to, from, label, word[4];
    const void *send;
    uint64_t send_size;
    void *receive;
    uint64_t room;
    uint64_t pages, window, timeout;
    uint64_t received; /* bytes of the string that came */
};

/* SYS_IPC; in: all but received; out: from, label, word, received. IPC_OK or an error. */
uint64_t ipc(struct ipc *m);
/* A call: send, and wait for the answer of the same thread. */
uint64_t ipc_call(struct ipc *m, uint64_t to);
/* A call to a service, whose thread root is asked for when it is not known or has ended in between. */
uint64_t ipc_service(struct ipc *m, int service);

/* The other calls: a0 comes back. */
uint64_t kernel_call(uint64_t number, uint64_t a0, uint64_t a1, uint64_t a2, uint64_t a3, uint64_t a4, uint64_t a5,
                     uint64_t a6);
/* SYS_COUNTS and SYS_SELF: several come back, in out[7]. */
void kernel_call_out(uint64_t number, uint64_t *out);
uint64_t thread_new(uint64_t space, uint64_t pager, uint64_t pc, uint64_t sp, const uint64_t args[3]);

#endif
