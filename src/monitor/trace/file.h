/* SPDX-License-Identifier: MIT */
/* Where a trace's bytes go: a file or a stream, through one large buffer, compressed where the name asks for it. */
#ifndef VITRINE_TRACE_FILE_H
#define VITRINE_TRACE_FILE_H

#include "base/err.h"

struct trace_file;

/* name: a file that is replaced, "-" standard output, NULL standard error. *.zst is compressed. NULL with e set (what: whose file it is). */
struct trace_file *trace_file_open(const char *name, const char *what, struct err *e);
/* Bytes in memory instead, for tests: the caller frees *data, which is set by trace_file_close(). */
struct trace_file *trace_file_memory(char **data, size_t *size);
/* 0, or -errno when not all could be written. Frees f in either case. */
MUST_USE int trace_file_close(struct trace_file *f, struct err *e);

enum { TRACE_FILE_ROOM = 1 << 16 };
/* The buffer, which every file begins with. */
struct trace_file_buffer {
    char *at, *end;
};
/* Makes room for n bytes, at most TRACE_FILE_ROOM, at `at`. */
void trace_file_empty(struct trace_file *f, size_t n);

/* Where the next bytes go: room for n, at most TRACE_FILE_ROOM; trace_file_end() says up to where they were written. */
static inline char *trace_file_begin(struct trace_file *f, size_t n)
{
    struct trace_file_buffer *b = (struct trace_file_buffer *)f;
    if (UNLIKELY((size_t)(b->end - b->at) < n))
        trace_file_empty(f, n);
    return b->at;
}

static inline void trace_file_end(struct trace_file *f, char *end)
{
    ((struct trace_file_buffer *)f)->at = end;
}

/* Any number of bytes. */
void trace_file_write(struct trace_file *f, const void *data, size_t n);
/* What was written so far can be read by others. */
void trace_file_flush(struct trace_file *f);
/* Is it a stream that people and other programs watch: standard error or output? */
bool trace_file_live(const struct trace_file *f);

#endif
