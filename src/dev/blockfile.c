/* SPDX-License-Identifier: MIT */
#include "dev/blockfile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { COPY_SHIFT = 16, COPY_SIZE = 1 << COPY_SHIFT }; /* the unit in which a snapshot keeps what was written */

struct blockfile {
    int fd;
    int overlay_fd; /* -1: not a snapshot. Same offsets as the image, sparse */
    uint64_t size;
    bool readonly;
    uint8_t *copied; /* bit per COPY_SIZE unit that lives in the overlay */
    uint8_t *unit;   /* COPY_SIZE bytes of scratch */
    char *path;
};

/* --- what kind of file --- */

struct magic {
    const char *format;
    unsigned off, len;
    const char *bytes;
};

static const struct magic magics[] = {
    {"qcow2", 0, 4, "QFI\xfb"},         {"vmdk", 0, 4, "KDMV"}, {"vhdx", 0, 8, "vhdxfile"}, {"vpc", 0, 8, "conectix"},
    {"vdi", 64, 4, "\x7f\x10\xda\xbe"}, {"qed", 0, 4, "QED"},
};

static int check_format(const struct blockfile_config *cfg, int fd, struct err *e)
{
    if (cfg->format) {
        if (strcmp(cfg->format, "raw") == 0)
            return 0;
        return err_set(
            e, -EINVAL,
            "%s: format=%s is not supported, only raw: convert it with `qemu-img convert -O raw %s disk.raw`",
            cfg->path, cfg->format, cfg->path);
    }
    char head[128] = {0};
    if (pread(fd, head, sizeof head, 0) < 0)
        return err_set(e, -errno, "%s: cannot read: %s", cfg->path, strerror(errno));
    for (unsigned i = 0; i < ARRAY_LEN(magics); i++) {
        const struct magic *m = &magics[i];
        if (memcmp(head + m->off, m->bytes, m->len) == 0)
            return err_set(
                e, -EINVAL,
                "%s: this is a %s image, and only raw ones are supported: convert it with `qemu-img convert -O raw "
                "%s disk.raw`, or give format=raw if the disk's own content begins like that",
                cfg->path, m->format, cfg->path);
    }
    return 0;
}

/* --- locks --- */

/*
 * QEMU's convention, so that the two keep off each other's images: a shared lock on byte 100+p says "I use permission p",
 * on 200+p "nobody else may use p". p 0: consistent reads, 1: writes, 3: resizing. A writer of ours locks all of the file for
 * itself, which covers these bytes; a reader says "I read" and "nobody may write", and looks whether somebody does.
 */
enum { LOCK_USES = 100, LOCK_FORBIDS = 200, PERM_READ = 0, PERM_WRITE = 1 };

static int lock_range(int fd, int cmd, short type, off_t start, off_t len)
{
    struct flock l = {.l_type = type, .l_whence = SEEK_SET, .l_start = start, .l_len = len};
    if (fcntl(fd, cmd, &l) < 0)
        return -errno;
    return cmd == F_OFD_GETLK && l.l_type != F_UNLCK ? -EAGAIN : 0;
}

static int lock_image(int fd, bool write)
{
    if (write)
        return lock_range(fd, F_OFD_SETLK, F_WRLCK, 0, 0);
    int r = lock_range(fd, F_OFD_SETLK, F_RDLCK, LOCK_USES + PERM_READ, 1);
    if (!r)
        r = lock_range(fd, F_OFD_SETLK, F_RDLCK, LOCK_FORBIDS + PERM_WRITE, 1);
    if (!r)
        r = lock_range(fd, F_OFD_GETLK, F_WRLCK, LOCK_USES + PERM_WRITE, 1);
    return r;
}

/* --- opening --- */

static int open_overlay(struct blockfile *b, struct err *e)
{
    const char *dir = getenv("TMPDIR");
    if (!dir || !*dir)
        dir = "/var/tmp";
    b->overlay_fd = open(dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (b->overlay_fd < 0) {
        char name[4096];
        int n = snprintf(name, sizeof name, "%s/vitrine-XXXXXX", dir);
        if (n > 0 && (size_t)n < sizeof name && (b->overlay_fd = mkostemp(name, O_CLOEXEC)) >= 0)
            unlink(name);
    }
    if (b->overlay_fd < 0)
        return err_set(e, -errno,
                       "%s: snapshot: cannot make a temporary file in %s: %s: set TMPDIR to a writable directory",
                       b->path, dir, strerror(errno));
    b->copied = calloc(((b->size >> COPY_SHIFT) >> 3) + 1, 1);
    b->unit = malloc(COPY_SIZE);
    if (!b->copied || !b->unit)
        return err_set(e, -ENOMEM, "%s: snapshot: out of memory", b->path);
    return 0;
}

static int open_image(struct blockfile *b, const struct blockfile_config *cfg, struct err *e)
{
    bool write = !cfg->readonly && !cfg->snapshot;
    struct stat st;
    /* O_NONBLOCK: a pipe without a writer must give a message and not hang. */
    b->fd = open(cfg->path, (write ? O_RDWR : O_RDONLY) | O_CLOEXEC | O_NONBLOCK);
    if (b->fd < 0) {
        bool denied = write && (errno == EACCES || errno == EROFS || errno == EPERM);
        if (errno == EISDIR)
            return err_set(e, -EISDIR, "%s: a directory: give an image file", cfg->path);
        return err_set(e, -errno, "%s: cannot open for %s: %s%s", cfg->path, write ? "writing" : "reading",
                       strerror(errno), denied ? ": give readonly=on or snapshot=on" : "");
    }
    if (fstat(b->fd, &st) < 0)
        return err_set(e, -errno, "%s: %s", cfg->path, strerror(errno));
    if (!S_ISREG(st.st_mode) && !S_ISBLK(st.st_mode))
        return err_set(e, -EINVAL, "%s: %s: give a regular file or a block device", cfg->path,
                       S_ISDIR(st.st_mode) ? "a directory" : "not a disk image");
    off_t end = lseek(b->fd, 0, SEEK_END);
    if (end < 0)
        return err_set(e, -errno, "%s: cannot tell its size: %s", cfg->path, strerror(errno));
    if (end > INT64_MAX - COPY_SIZE)
        return err_set(e, -EFBIG, "%s: %lld bytes is too large", cfg->path, (long long)end);
    b->size = ((uint64_t)end + BLOCK_SECTOR - 1) / BLOCK_SECTOR * BLOCK_SECTOR;
    if (!cfg->unlocked) {
        int r = lock_image(b->fd, write);
        if (r == -EAGAIN || r == -EACCES)
            return err_set(e, -EBUSY, "%s: %s: stop that one, or give readonly=on or snapshot=on %s", cfg->path,
                           write ? "in use by another machine" : "in use: another machine writes it",
                           write ? "to both" : "to it too");
        /* Any other answer: the file system has no locks. */
    }
    return check_format(cfg, b->fd, e);
}

struct blockfile *blockfile_open(const struct blockfile_config *cfg, struct err *e)
{
    struct blockfile *b = calloc(1, sizeof *b);
    if (!b) {
        err_set(e, -ENOMEM, "%s: out of memory", cfg->path);
        return NULL;
    }
    b->fd = b->overlay_fd = -1;
    b->readonly = cfg->readonly;
    b->path = strdup(cfg->path);
    if (!b->path)
        err_set(e, -ENOMEM, "%s: out of memory", cfg->path);
    else if (!open_image(b, cfg, e) && (!cfg->snapshot || cfg->readonly || !open_overlay(b, e)))
        return b;
    blockfile_close(b);
    return NULL;
}

void blockfile_close(struct blockfile *b)
{
    if (!b)
        return;
    if (b->fd >= 0)
        close(b->fd);
    if (b->overlay_fd >= 0)
        close(b->overlay_fd);
    free(b->copied);
    free(b->unit);
    free(b->path);
    free(b);
}

uint64_t blockfile_size(const struct blockfile *b)
{
    return b->size;
}

bool blockfile_readonly(const struct blockfile *b)
{
    return b->readonly;
}

/* --- transfers --- */

/* What lies past the end of the file reads as zeros: the padding of the last sector, the holes of an overlay. */
static int read_fd(int fd, uint64_t off, void *buf, size_t len)
{
    uint8_t *p = buf;
    while (len) {
        ssize_t n = pread(fd, p, len, (off_t)off);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -errno;
        if (n == 0) {
            memset(p, 0, len);
            return 0;
        }
        p += n;
        off += (size_t)n;
        len -= (size_t)n;
    }
    return 0;
}

static int write_fd(int fd, uint64_t off, const void *buf, size_t len)
{
    const uint8_t *p = buf;
    while (len) {
        ssize_t n = pwrite(fd, p, len, (off_t)off);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return n < 0 ? -errno : -ENOSPC;
        p += n;
        off += (size_t)n;
        len -= (size_t)n;
    }
    return 0;
}

static bool in_overlay(const struct blockfile *b, uint64_t unit)
{
    return b->overlay_fd >= 0 && (b->copied[unit >> 3] >> (unit & 7) & 1);
}

static bool in_range(const struct blockfile *b, uint64_t off, uint64_t len)
{
    return off <= b->size && len <= b->size - off;
}

/* The part of [off, off+len) that lies in the copy unit of off. */
static size_t unit_part(uint64_t off, uint64_t len)
{
    return (size_t)min_u64(len, COPY_SIZE - (off & (COPY_SIZE - 1)));
}

int blockfile_read(struct blockfile *b, uint64_t off, void *buf, size_t len)
{
    uint8_t *p = buf;
    if (!in_range(b, off, len))
        return -EINVAL;
    if (b->overlay_fd < 0)
        return read_fd(b->fd, off, buf, len);
    while (len) {
        size_t n = unit_part(off, len);
        int r = read_fd(in_overlay(b, off >> COPY_SHIFT) ? b->overlay_fd : b->fd, off, p, n);
        if (r)
            return r;
        p += n;
        off += n;
        len -= n;
    }
    return 0;
}

/* Writes n bytes within one unit; buf NULL writes zeros. */
static int write_unit(struct blockfile *b, uint64_t off, const uint8_t *buf, size_t n)
{
    uint64_t unit = off >> COPY_SHIFT;
    if (!in_overlay(b, unit)) {
        uint64_t start = unit << COPY_SHIFT;
        int r = 0;
        if (n < COPY_SIZE)
            r = read_fd(b->fd, start, b->unit, COPY_SIZE);
        if (r)
            return r;
        if (buf)
            memcpy(b->unit + (off - start), buf, n);
        else
            memset(b->unit + (off - start), 0, n);
        if (buf || n < COPY_SIZE) /* a unit of zeros only is a hole */
            r = write_fd(b->overlay_fd, start, b->unit, COPY_SIZE);
        if (r)
            return r;
        b->copied[unit >> 3] |= (uint8_t)(1u << (unit & 7));
        return 0;
    }
    if (!buf) {
        memset(b->unit, 0, n);
        buf = b->unit;
    }
    return write_fd(b->overlay_fd, off, buf, n);
}

static int write_overlay(struct blockfile *b, uint64_t off, const uint8_t *buf, uint64_t len)
{
    while (len) {
        size_t n = unit_part(off, len);
        int r = write_unit(b, off, buf, n);
        if (r)
            return r;
        if (buf)
            buf += n;
        off += n;
        len -= n;
    }
    return 0;
}

int blockfile_write(struct blockfile *b, uint64_t off, const void *buf, size_t len)
{
    if (b->readonly)
        return -EROFS;
    if (!in_range(b, off, len))
        return -EINVAL;
    return b->overlay_fd >= 0 ? write_overlay(b, off, buf, len) : write_fd(b->fd, off, buf, len);
}

int blockfile_flush(struct blockfile *b)
{
    if (b->readonly || b->overlay_fd >= 0)
        return 0;
    return fdatasync(b->fd) < 0 ? -errno : 0;
}

int blockfile_zero(struct blockfile *b, uint64_t off, uint64_t len, bool unmap)
{
    static const uint8_t zeros[COPY_SIZE];
    if (b->readonly)
        return -EROFS;
    if (!in_range(b, off, len))
        return -EINVAL;
    if (b->overlay_fd >= 0)
        return write_overlay(b, off, NULL, len);
    if (len == 0)
        return 0;
    int mode = unmap ? FALLOC_FL_PUNCH_HOLE : FALLOC_FL_ZERO_RANGE;
    if (fallocate(b->fd, mode | FALLOC_FL_KEEP_SIZE, (off_t)off, (off_t)len) == 0)
        return 0;
    if (errno != EOPNOTSUPP && errno != ENODEV && errno != ENOSYS && errno != EINVAL)
        return -errno;
    while (len) {
        size_t n = unit_part(off, len);
        int r = write_fd(b->fd, off, zeros, n);
        if (r)
            return r;
        off += n;
        len -= n;
    }
    return 0;
}

int blockfile_discard(struct blockfile *b, uint64_t off, uint64_t len)
{
    if (b->readonly)
        return -EROFS;
    if (!in_range(b, off, len))
        return -EINVAL;
    /* A hint: where the host cannot free the space (or the overlay would have to copy first), the content just stays. */
    if (b->overlay_fd < 0 && len &&
        fallocate(b->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)off, (off_t)len) < 0 &&
        errno != EOPNOTSUPP && errno != ENODEV && errno != ENOSYS && errno != EINVAL)
        return -errno;
    return 0;
}
