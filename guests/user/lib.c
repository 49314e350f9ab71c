/* SPDX-License-Identifier: MIT */
/* What does not depend on the kernel. */
#include "lib.h"

#define ARGS_MAX 24

struct out {
    char text[128];
    uint64_t n;
};

static void put(void *ctx, char c)
{
    struct out *o = ctx;
    o->text[o->n++] = c;
    if (o->n == sizeof o->text) {
        write(1, o->text, o->n);
        o->n = 0;
    }
}

void printf(const char *fmt, ...)
{
    struct out o = {.n = 0};
    va_list ap;
    va_start(ap, fmt);
    format(put, &o, fmt, ap);
    va_end(ap);
    if (o.n)
        write(1, o.text, o.n);
}

const char *error_text(int64_t error)
{
    switch (error) {
    case ERR_NOT_FOUND: return "no such thing";
    case ERR_IO: return "the disk failed";
    case ERR_KILLED: return "killed";
    case ERR_BAD: return "that makes no sense";
    case ERR_NO_SPACE: return "no space";
    case ERR_DIED: return "the server died before it answered";
    default: return "an unknown error";
    }
}

uint64_t pack_args(char *to, uint64_t size, const char *const *argv)
{
    uint64_t n = 0;
    for (; *argv && n + strlen(*argv) + 1 <= size; argv++) {
        memcpy(to + n, *argv, strlen(*argv) + 1);
        n += strlen(*argv) + 1;
    }
    return n;
}

/* From start.S: count strings one behind the other. */
_Noreturn void start(int count, char *packed, uint64_t out);
_Noreturn void start(int count, char *packed, uint64_t out)
{
    char *argv[ARGS_MAX + 1];
    int argc = 0;
    for (; argc < count && argc < ARGS_MAX; argc++) {
        argv[argc] = packed;
        packed += strlen(packed) + 1;
    }
    argv[argc] = NULL;
    lib_start(out);
    exit(main(argc, argv));
}
