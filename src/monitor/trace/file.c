/* SPDX-License-Identifier: MIT */
#include "monitor/trace/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zstd.h>

/* One system call for so many bytes; small enough to stay in the host's second-level cache until then. */
enum { BUFFER = 1 << 18, ZSTD_LEVEL = 1 };

struct trace_file {
    struct trace_file_buffer b; /* first */
    char *buf;                  /* where it begins */
    int fd;                     /* -1: memory */
    int error;                  /* errno of the first write that failed; 0: none */
    bool live;
    ZSTD_CCtx *zstd;
    char *packed; /* what zstd makes */
    size_t packed_size;
    char **memory;
    size_t *memory_size;
    char name[256]; /* for messages */
};

static struct trace_file *make(void)
{
    struct trace_file *f = calloc(1, sizeof *f);
    if (!f)
        return NULL;
    f->buf = malloc(BUFFER);
    f->b.at = f->buf;
    f->b.end = f->buf + BUFFER;
    f->fd = -1;
    if (!f->buf) {
        free(f);
        return NULL;
    }
    return f;
}

static void release(struct trace_file *f)
{
    ZSTD_freeCCtx(f->zstd);
    free(f->packed);
    free(f->buf);
    free(f);
}

static bool start_zstd(struct trace_file *f)
{
    f->zstd = ZSTD_createCCtx();
    f->packed_size = ZSTD_CStreamOutSize();
    f->packed = malloc(f->packed_size);
    return f->zstd && f->packed &&
           !ZSTD_isError(ZSTD_CCtx_setParameter(f->zstd, ZSTD_c_compressionLevel, ZSTD_LEVEL)) &&
           !ZSTD_isError(ZSTD_CCtx_setParameter(f->zstd, ZSTD_c_checksumFlag, 1));
}

struct trace_file *trace_file_open(const char *name, const char *what, struct err *e)
{
    struct trace_file *f = make();
    size_t length = name ? strlen(name) : 0;
    bool zstd = length > 4 && !strcmp(name + length - 4, ".zst");
    if (!f || (zstd && !start_zstd(f))) {
        err_set(e, -ENOMEM, "%s: out of memory", what);
        if (f)
            release(f);
        return NULL;
    }
    f->live = !name || !strcmp(name, "-");
    if (!name)
        f->fd = STDERR_FILENO;
    else if (f->live)
        f->fd = STDOUT_FILENO;
    else
        f->fd = open(name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (f->fd < 0) {
        err_set(e, -errno, "%s: %s: %s: name a file that can be written", what, name, strerror(errno));
        release(f);
        return NULL;
    }
    size_t shown = name ? strnlen(name, sizeof f->name - 1) : 0;
    memcpy(f->name, name ? name : "standard error", name ? shown : sizeof "standard error");
    return f;
}

struct trace_file *trace_file_memory(char **data, size_t *size)
{
    struct trace_file *f = make();
    if (!f)
        return NULL;
    f->memory = data;
    f->memory_size = size;
    return f;
}

static size_t used(const struct trace_file *f)
{
    return (size_t)(f->b.at - f->buf);
}

static void write_out(struct trace_file *f, const char *p, size_t n)
{
    while (n && !f->error) {
        ssize_t done = write(f->fd, p, n);
        if (done < 0 && errno == EINTR)
            continue;
        if (done <= 0) {
            f->error = done < 0 ? errno : EIO;
            return;
        }
        p += done;
        n -= (size_t)done;
    }
}

/* How far zstd is to go with what it has got. */
static void compress(struct trace_file *f, ZSTD_EndDirective mode)
{
    ZSTD_inBuffer in = {.src = f->buf, .size = used(f)};
    size_t left;
    do {
        ZSTD_outBuffer out = {.dst = f->packed, .size = f->packed_size};
        left = ZSTD_compressStream2(f->zstd, &out, &in, mode);
        if (ZSTD_isError(left)) {
            f->error = f->error ? f->error : ENOMEM;
            return;
        }
        write_out(f, f->packed, out.pos);
    } while (mode == ZSTD_e_continue ? in.pos < in.size : left > 0);
}

static void empty(struct trace_file *f, ZSTD_EndDirective mode)
{
    if (f->zstd)
        compress(f, mode);
    else
        write_out(f, f->buf, used(f));
    f->b.at = f->buf;
}

/* A file in memory grows. */
static void grow(struct trace_file *f)
{
    size_t n = used(f), size = (size_t)(f->b.end - f->buf);
    char *more = realloc(f->buf, 2 * size);
    if (more) {
        f->buf = more;
        f->b.end = more + 2 * size;
    } else {
        f->error = ENOMEM;
    }
    f->b.at = f->buf + (more ? n : 0);
}

void trace_file_empty(struct trace_file *f, size_t n)
{
    if (!f->memory)
        empty(f, ZSTD_e_continue);
    while (f->memory && (size_t)(f->b.end - f->b.at) < n && !f->error)
        grow(f);
}

void trace_file_write(struct trace_file *f, const void *data, size_t n)
{
    const char *from = data;
    while (n) {
        size_t part = n < TRACE_FILE_ROOM ? n : TRACE_FILE_ROOM;
        char *to = trace_file_begin(f, part);
        memcpy(to, from, part);
        trace_file_end(f, to + part);
        from += part;
        n -= part;
    }
}

void trace_file_flush(struct trace_file *f)
{
    if (!f->memory)
        empty(f, ZSTD_e_flush);
}

bool trace_file_live(const struct trace_file *f)
{
    return f->live;
}

int trace_file_close(struct trace_file *f, struct err *e)
{
    int error;
    if (f->memory) {
        *f->memory = f->buf;
        *f->memory_size = used(f);
        error = f->error;
        f->buf = NULL;
        release(f);
        return error ? err_set(e, -error, "out of memory") : 0;
    }
    empty(f, ZSTD_e_end);
    if (!f->live && close(f->fd) < 0 && !f->error)
        f->error = errno;
    error = f->error;
    if (error)
        err_set(e, -error, "%s: not all could be written: %s", f->name, strerror(error));
    release(f);
    return -error;
}
