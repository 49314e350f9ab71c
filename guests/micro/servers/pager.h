/* SPDX-License-Identifier: MIT */
#ifndef MICRO_PAGER_H
#define MICRO_PAGER_H

#include "../stub.h"
#include "api.h"

#include <stddef.h>

#define NPROCESS    32
#define IMAGE_PAGES 64
#define USER_START  UINT64_C(0x10000)
#define USER_TOP    UINT64_C(0x40000000)
#define USER_STACK  (USER_TOP - 8 * UINT64_C(4096))

/* What a program's address space has in it. */
struct image {
    struct {
        uint64_t va, at; /* in the program, and in the pager */
        uint64_t rights; /* MAP_* */
    } page[IMAGE_PAGES];
    unsigned pages;
    uint64_t entry, sp, argc;
};

struct process {
    enum { PROCESS_NONE, PROCESS_RUNS, PROCESS_ENDED } state;
    int pid, parent, status;
    bool waits; /* for a child's end */
    uint64_t tid;
    char name[NAME_MAX];
    struct image image;
};

extern uint64_t own_tid;

void say(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

struct text_out {
    char *text;
    size_t n, size;
};
static inline void text_put(void *ctx, char c)
{
    struct text_out *o = ctx;
    if (o->n < o->size)
        o->text[o->n++] = c;
}

/* image.c: loading, and page faults */
int image_load(struct image *i, const char *name, const char *args, uint64_t length);
void image_free(struct image *i);
/* The answer to a page fault: a page to map, 0: it has no right to it. */
uint64_t image_page(struct image *i, uint64_t va, uint64_t access);

#endif
