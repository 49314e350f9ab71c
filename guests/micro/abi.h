/* SPDX-License-Identifier: MIT */
/* The microkernel's interface: ten calls, number in a7. Everything else is said in messages, whose meaning the kernel does not know.
 *
 * SYS_IPC sends one message, receives one, or both at once:
 *   in:   a0 to | a1 from | a2 label | a3..a6 four words | t0, t1 string to send: address, bytes | t2, t3 where to receive a string: address,
 *         room | t4 pages to map or grant | t5 where to receive pages | t6 longest wait for the answer, in ticks of `time`; 0: for ever
 *   out:  a0 from | a1 error | a2 label | a3..a6 words | t1 bytes of the string
 * It is synchronous: the sender waits until the receiver takes the message, and nothing is buffered in between. A call is a send and a
 * receive from the same thread: the answer cannot be lost, since the caller waits for it before the other can send it. */
#ifndef MICRO_ABI_H
#define MICRO_ABI_H

enum {
    SYS_IPC,
    SYS_UNMAP, /* a0: pages: all that was mapped on from them goes; with MAP_SELF they themselves too */
    SYS_THREAD_NEW, /* a0: SPACE_*, a1: its pager, a2: pc, a3: sp, a4..a7 -> its a0..a2; answers its id in a0 (0: no room or no right) */
    SYS_THREAD_END, /* a0: a thread that the caller made; answers 0 or an error */
    SYS_SELF,       /* a0: own id, a1: pager, a2: who made it */
    SYS_IRQ,        /* a0: interrupt source, a1: the thread that it becomes messages to (privileged) */
    SYS_COUNTS,     /* a0..a6: calls, messages, switches, page faults, device interrupts, ticks, kernel pages */
    SYS_POWER_OFF,  /* a0: status (privileged) */
    SYS_STATE, /* a0: a thread that the caller made; answers 0: none, 1: ready, 2: waits to send, 3: waits for a message */
    SYS_PUT, /* a0: a character, to the firmware's console: for what cannot rely on servers (privileged) */
};

/* Identifiers: a number that is never used again, or an interrupt source. 63:16 version, from 1 | 15:0 slot */
#define TID_NONE   0
#define TID_ANY    0xffffffffffffffff
#define TID_IRQ(n) (n)     /* 1 to 95, version 0: as sender an interrupt, as receiver its acknowledgement */
#define TID_ROOT   0x10000 /* the first thread */

/* In the place of a1 of SYS_THREAD_NEW: */
enum { SPACE_OWN, SPACE_NEW, SPACE_NEW_PRIVILEGED };

/* Flexible pages:  63:12 address | 11:6 log2 of their number | 5 SELF | 4 PRESENT | 3 GRANT | 2 X  1 W  0 R */
#define MAP_R            1
#define MAP_W            2
#define MAP_X            4
#define MAP_GRANT        8 /* the sender keeps nothing */
#define MAP_PRESENT      16
#define MAP_SELF         32
#define MAP_PAGES(order) ((order) << 6)

/* Labels of the messages that the kernel makes for a thread; they go to its pager, and the thread goes on when it is answered. */
#define LABEL_PAGE_FAULT 0xff000001 /* words: address, access (MAP_R, W, X), pc; the answer brings a page */
#define LABEL_EXCEPTION  0xff000002 /* words: scause, stval, pc */
#define LABEL_INTERRUPT  0xff000003 /* from TID_IRQ(n) */

/* Errors, in a1. */
#define IPC_OK      0
#define IPC_DEAD    1 /* there is no such thread (any more) */
#define IPC_TIMEOUT 2
#define IPC_STRING  3 /* the string is not in memory that may be accessed */
#define IPC_BUSY    4 /* IPC_NOWAIT, and the receiver does not wait */
#define IPC_LOST    5 /* it took the message and ended before it answered */

#define IPC_NOWAIT (1 << 16) /* in the label: do not wait for the receiver */

#endif
