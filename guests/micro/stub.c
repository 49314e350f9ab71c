/* SPDX-License-Identifier: MIT */
#include "stub.h"

#define PAGE UINT64_C(4096)
#define LAST UINT64_C(0x3fffffffff) /* of Sv39's lower half */

uint64_t ipc_registers(struct ipc *m);

/* The kernel copies strings between pages that are there and asks no pager: touch them first. False: no program has such addresses. */
static bool touch(volatile char *p, uint64_t size, bool write)
{
    volatile char *end = p + size;
    if ((uint64_t)p > LAST || size > LAST - (uint64_t)p)
        return size == 0;
    for (; p < end; p = (volatile char *)(((uint64_t)p & ~(PAGE - 1)) + PAGE)) {
        char c = *p;
        if (write)
            *p = c;
    }
    return true;
}

uint64_t ipc(struct ipc *m)
{
    if (!touch((volatile char *)(uint64_t)m->send, m->send_size, false) || !touch(m->receive, m->room, true))
        return IPC_STRING;
    return ipc_registers(m);
}

uint64_t ipc_call(struct ipc *m, uint64_t to)
{
    m->to = m->from = to;
    return ipc(m);
}

uint64_t ipc_service(struct ipc *m, int service)
{
    static uint64_t known[SERVICES];
    uint64_t error = IPC_DEAD;
    for (int attempt = 0; attempt < 4 && error == IPC_DEAD; attempt++) { /* dead: the message has not been taken */
        if (!known[service]) {
            struct ipc ask = {.label = ROOT_LOOKUP, .word = {(uint64_t)service}};
            if (ipc_call(&ask, TID_ROOT))
                return IPC_DEAD;
            known[service] = ask.word[0];
        }
        error = ipc_call(m, known[service]);
        if (error == IPC_DEAD || error == IPC_LOST)
            known[service] = TID_NONE;
    }
    return error;
}
