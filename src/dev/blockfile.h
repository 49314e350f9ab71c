/* SPDX-License-Identifier: MIT */
/* A raw disk image on the host: a file or a block device, read or written in place, or with all writes kept apart. */
#ifndef VITRINE_BLOCKFILE_H
#define VITRINE_BLOCKFILE_H

#include "base/base.h"
#include "base/err.h"

enum { BLOCK_SECTOR = 512 };

struct blockfile;

struct blockfile_config {
    const char *path;
    const char *format; /* "raw", or NULL: raw unless the file begins as another known format does */
    bool readonly;      /* writes fail, and the file is opened for reading only */
    bool snapshot;      /* writes go to an unlinked temporary file and are gone with it; the image stays as it is */
    bool unlocked;      /* do not lock the image (QEMU's file.locking=off) */
};

/* NULL with e set. The image is locked, also against QEMU: one writer, or any number of readers. */
MUST_USE struct blockfile *blockfile_open(const struct blockfile_config *cfg, struct err *e);
/* Does not flush. NULL is fine. */
void blockfile_close(struct blockfile *b);

/* Bytes, a multiple of BLOCK_SECTOR: an odd tail of the file counts as a whole sector, padded with zeros. */
uint64_t blockfile_size(const struct blockfile *b);
bool blockfile_readonly(const struct blockfile *b);

/* All of these: 0 or a negative errno; -EINVAL past the end, -EROFS on a read-only image. off and len in bytes. */
MUST_USE int blockfile_read(struct blockfile *b, uint64_t off, void *buf, size_t len);
MUST_USE int blockfile_write(struct blockfile *b, uint64_t off, const void *buf, size_t len);
/* What was written is on the host's disk when this returns (snapshot: nothing needs to be). */
MUST_USE int blockfile_flush(struct blockfile *b);
/* Reads as zeros afterwards. unmap: the host may free the space. */
MUST_USE int blockfile_zero(struct blockfile *b, uint64_t off, uint64_t len, bool unmap);
/* The content no longer matters; the host may free the space. */
MUST_USE int blockfile_discard(struct blockfile *b, uint64_t off, uint64_t len);

#endif
