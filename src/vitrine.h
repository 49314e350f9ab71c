/* SPDX-License-Identifier: MIT */
/*
 * Vitrine as a library: machines made from a command line, run for so many instructions, looked into and changed between runs.
 *
 *     const char *argv[] = {"-kernel", "hello.elf", "-serial", "null"};
 *     char why[1024];
 *     struct vitrine *v = vitrine_new(4, argv, why, sizeof why);
 *     struct vitrine_result r;
 *     if (v)
 *         vitrine_run(v, 1000000, &r);
 *     vitrine_free(v);
 *
 * Link with what `pkg-config --libs --static vitrine` says. Any number of machines may live in a process; each is used by one thread at a time. The library
 * never ends the process, and keeps nothing outside its machines.
 */
#ifndef VITRINE_H
#define VITRINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct vitrine;

enum vitrine_end {
    VITRINE_BUDGET, /* max_insns have retired: it can go on */
    VITRINE_GUEST,  /* the guest ended it, with a status */
    VITRINE_STUCK,  /* it can never move again: why */
    VITRINE_STOP,   /* vitrine_stop(): it can go on */
    VITRINE_RESET,  /* the guest asked for a reset, under -no-reboot */
    VITRINE_ERROR   /* the host failed: why */
};

struct vitrine_result {
    enum vitrine_end end;
    int status; /* VITRINE_GUEST: 0 = pass, else 1..255 */
    char why[2048];
};

/* "0.1.0" */
const char *vitrine_version(void);

/* A machine from the arguments of `vitrine run`, e.g. "-kernel", "hello.elf". NULL: why says what is wrong. */
struct vitrine *vitrine_new(int argc, const char *const *argv, char *why, size_t size);
/* NULL is fine. */
void vitrine_free(struct vitrine *v);

/* Runs until exactly max_insns more instructions have retired, of all harts together (UINT64_MAX: for ever), or it ends. */
void vitrine_run(struct vitrine *v, uint64_t max_insns, struct vitrine_result *r);
/* Ends a vitrine_run() soon. From a signal handler or another thread. */
void vitrine_stop(struct vitrine *v);

/* Instructions retired by all harts, and mtime (10 MHz). */
uint64_t vitrine_insns(struct vitrine *v);
uint64_t vitrine_time(struct vitrine *v);
unsigned vitrine_harts(struct vitrine *v);

/* A register of a hart by name: pc, x0..x31 or their ABI names, f0..f31 (raw bits), any CSR. False: no such hart or register, or it
 * cannot be written. */
bool vitrine_read_register(struct vitrine *v, unsigned hart, const char *name, uint64_t *value);
bool vitrine_write_register(struct vitrine *v, unsigned hart, const char *name, uint64_t value);

/* Physical memory (RAM and ROM, no devices). False: some byte is not in memory, and nothing was transferred. */
bool vitrine_read_memory(struct vitrine *v, uint64_t address, void *buf, size_t size);
bool vitrine_write_memory(struct vitrine *v, uint64_t address, const void *buf, size_t size);

#ifdef __cplusplus
}
#endif
#endif
