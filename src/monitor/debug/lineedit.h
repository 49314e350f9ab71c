/* SPDX-License-Identifier: MIT */
/* A line from a terminal: libedit with history and completion. */
#ifndef VITRINE_LINEEDIT_H
#define VITRINE_LINEEDIT_H

#include "base/base.h"

struct lineedit;

enum lineedit_end {
    LINEEDIT_LINE,
    LINEEDIT_INTERRUPTED, /* Ctrl-C: the line was given up */
    LINEEDIT_EOF          /* Ctrl-D, a hangup, or lineedit_end() */
};

/* What the word that ends at the cursor may become: a malloc'd array of malloc'd strings, NULL-terminated; NULL: nothing. *start: where in the
 * line the word begins. A candidate that ends in a blank needs no other behind it. */
typedef char **lineedit_complete_fn(void *ctx, const char *line, size_t cursor, size_t *start);

/* On standard input and output, which must be a terminal. history: a file that is read now and written at the end; NULL: none. NULL: no memory, or
 * a terminal that cannot be used. */
struct lineedit *lineedit_new(const char *history, lineedit_complete_fn *complete, void *ctx);
void lineedit_free(struct lineedit *l);
/* The line without its newline, valid until the next call; NULL unless *end is LINEEDIT_LINE. */
const char *lineedit_read(struct lineedit *l, const char *prompt, enum lineedit_end *end);
/* Before each byte that is read fn is called, which returns when there is one; true: it has printed something, the line is drawn again. */
void lineedit_set_wait(struct lineedit *l, bool (*fn)(void *ctx, int fd), void *ctx);
/* In there: the terminal is somebody else's (on), or the line's again. */
void lineedit_lend(struct lineedit *l, bool on);
/* Adds a line to the history. */
void lineedit_remember(struct lineedit *l, const char *line);
/* Makes a lineedit_read() that waits return LINEEDIT_EOF. Async-signal-safe. */
void lineedit_stop(struct lineedit *l);

#endif
