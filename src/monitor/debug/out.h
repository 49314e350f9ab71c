/* SPDX-License-Identifier: MIT */
/*
 * Where the debugger's parts print to: a terminal, a file, gdb's `monitor`, a test's buffer. Text and styles; the one that made it decides
 * whether styles show as colours.
 */
#ifndef VITRINE_DEBUG_OUT_H
#define VITRINE_DEBUG_OUT_H

#include "base/base.h"

#include <signal.h>
#include <stdarg.h>
#include <stdio.h>

enum out_style { OUT_PLAIN, OUT_ADDR, OUT_NAME, OUT_GOOD, OUT_BAD, OUT_DIM, OUT_HEAD };

struct out {
    void (*write)(struct out *o, const char *s, size_t n);
    bool colour;                         /* out_style() shows */
    const volatile sig_atomic_t *cancel; /* not 0: nobody wants to see the rest; NULL: nobody will say so */
};

/* Whoever waits for the output has given up: long loops end, and nothing is written any more. */
bool out_cancelled(const struct out *o);

PRINTF_LIKE(2, 3) void out_printf(struct out *o, const char *fmt, ...);
PRINTF_LIKE(2, 0) void out_vprintf(struct out *o, const char *fmt, va_list ap);
void out_puts(struct out *o, const char *s); /* adds no newline */
/* What follows is of this style, until the next call; OUT_PLAIN ends it. Nothing without colour. */
void out_style(struct out *o, enum out_style s);
/* A piece of one style, then plain again. */
PRINTF_LIKE(3, 4) void out_styled(struct out *o, enum out_style s, const char *fmt, ...);

/* To a stdio stream. */
struct out_file {
    struct out out; /* first: the others are found by it */
    FILE *file;
};
/* colour: as out_wants_colour() says, or what the caller decides. */
void out_file_init(struct out_file *o, FILE *f, bool colour);
/* Whether a stream is a terminal that shows colours and its user wants them (NO_COLOR, TERM=dumb). */
bool out_wants_colour(FILE *f);

/* Into memory that grows; never coloured. */
struct out_text {
    struct out out; /* first: the others are found by it */
    char *text;     /* NUL-terminated, or NULL while nothing was written; free it with out_text_free() */
    size_t size;
};
void out_text_init(struct out_text *o);
void out_text_free(struct out_text *o);

#endif
