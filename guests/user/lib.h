/* SPDX-License-Identifier: MIT */
/* The programs' library. Functions that fail give a negative error (api.h). */
#ifndef USER_LIB_H
#define USER_LIB_H

#include "api.h"
#include "text.h"

/* A mark in the machine's trace: a HINT, slti x0, x0, number, that every other machine ignores. Each call below is between two:
 * MARK_BEGIN + n and MARK_END + n, so that what lies between them can be counted. */
#define MARK(number) __asm__ volatile("slti x0, x0, %0" ::"i"(number) : "memory")
enum { MARK_BEGIN = 0x100, MARK_END = 0x180 };
enum {
    CALL_SPAWN = 1,
    CALL_EXEC,
    CALL_WAIT,
    CALL_KILL,
    CALL_GETPID,
    CALL_SLEEP,
    CALL_OPEN,
    CALL_CLOSE,
    CALL_READ,
    CALL_WRITE,
    CALL_READDIR,
    CALL_UNLINK,
    CALL_CONTROL,
    CALL_PROCESS,
    CALL_COUNTS,
    CALL_SERVER,
};

_Noreturn void exit(int status);
/* Starts a program; argv ends with NULL; out: the descriptor that becomes its 1. Its pid. */
int spawn(const char *path, const char *const *argv, int out);
/* Becomes another program; comes back only with an error. */
int exec(const char *path, const char *const *argv);
/* Waits until a child ends; its pid. */
int wait(int *status);
int kill(int pid);
int getpid(void);
int sleep(uint64_t milliseconds);
int open(const char *path, int flags);
int close(int fd);
int64_t read(int fd, void *to, uint64_t n);
int64_t write(int fd, const void *from, uint64_t n);
int readdir(unsigned index, struct dir_entry *e);
int unlink(const char *path);
/* Asks the driver of a device ("clock", "disk") for something; its answer is in *result. */
int control(const char *device, int64_t op, int64_t arg, int64_t *result);
int process(unsigned index, struct process_info *p);
int counts(struct counts *c);
int server(unsigned index, struct server_info *s);
_Noreturn void power_off(int status);
/* Which kernel this is: "mono" or "micro". */
const char *kernel_name(void);

void printf(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
const char *error_text(int64_t error);
/* argv as strings one behind the other; their length. */
uint64_t pack_args(char *to, uint64_t size, const char *const *argv);
/* What the kernel's side of the library does before main; out: the program's a2 at its start. */
void lib_start(uint64_t out);

int main(int argc, char **argv);

#endif
