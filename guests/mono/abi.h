/* SPDX-License-Identifier: MIT */
/* System calls of mono: number in a7, arguments in a0.., result in a0; negative: an error of api.h. */
#ifndef MONO_ABI_H
#define MONO_ABI_H

enum {
    SYS_EXIT = 1, /* status */
    SYS_SPAWN,    /* path, args, length of args, descriptor that becomes the child's 1; the child's pid */
    SYS_EXEC,     /* path, args, length of args */
    SYS_WAIT,     /* int *status; a child's pid */
    SYS_KILL,     /* pid */
    SYS_GETPID,
    SYS_SLEEP,     /* milliseconds */
    SYS_OPEN,      /* path, flags */
    SYS_CLOSE,     /* descriptor */
    SYS_READ,      /* descriptor, to, bytes */
    SYS_WRITE,     /* descriptor, from, bytes */
    SYS_READDIR,   /* index, struct dir_entry * */
    SYS_UNLINK,    /* path */
    SYS_CONTROL,   /* device's name, operation, argument, int64_t *result */
    SYS_PROCESS,   /* index, struct process_info * */
    SYS_POWER_OFF, /* status */
    SYS_COUNTS,    /* struct counts * */
};

#endif
