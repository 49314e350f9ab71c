/* SPDX-License-Identifier: MIT */
/* What the servers understand: labels and their words (w0..w3); "string" is the message's. Answers have label 0 and, in w0, a result or a
 * negative error of api.h. */
#ifndef MICRO_PROTO_H
#define MICRO_PROTO_H

#include "abi.h"

enum { SERVICE_CONSOLE, SERVICE_DISK, SERVICE_CLOCK, SERVICE_FILES, SERVICE_PAGER, SERVICES };

enum {
    /* root, TID_ROOT */
    ROOT_LOOKUP = 1, /* w0: service; answers w0: its thread */
    ROOT_MEMORY, /* w0: log2 of pages; answers w0: their physical address, and maps them; a single one comes by page fault at that address */
    ROOT_POWER_OFF, /* w0: status */
    ROOT_SERVER,    /* w0: index; answers string: struct server_info */
    /* console */
    CONSOLE_WRITE = 16, /* string */
    CONSOLE_READ,       /* w0: room; answers string when there is a line */
    /* disk */
    DISK_READ = 32, /* w0: sector, w1: bytes; answers string */
    DISK_WRITE,     /* w0: sector; string */
    /* clock, disk */
    DRIVER_CONTROL = 48, /* w0: operation, w1: argument; answers w1: result */
    /* files */
    FILES_OPEN = 64, /* w0: flags; string: name; answers w0: number */
    FILES_READ,      /* w0: number, w1: first byte, w2: bytes; answers string */
    FILES_WRITE,     /* w0: number, w1: first byte; string */
    FILES_READDIR,   /* w0: index; answers string: struct dir_entry */
    FILES_UNLINK,    /* string: name */
    /* pager */
    PAGER_SPAWN =
        80, /* w0: length of the name, w1: what standard output is (OUT_*); string: name, arguments, each with its 0 */
    PAGER_EXEC, /* the same */
    PAGER_EXIT, /* w0: status */
    PAGER_WAIT, /* answers w0: pid, w1: status */
    PAGER_KILL, /* w0: pid */
    PAGER_GETPID,
    PAGER_PROCESS, /* w0: index; answers string: struct process_info */
};

#define STRING_MAX 4096

/* A program's standard output, in its a2: 0: the console; else 63: 1 | 47:32 number of the file | 31:0 next byte */
#define OUT_FILE(number, at) (UINT64_C(1) << 63 | (uint64_t)(number) << 32 | (uint32_t)(at))

#endif
