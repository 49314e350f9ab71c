/* SPDX-License-Identifier: MIT */
/* The file system on the disk: one directory, files as chains of sectors in one table, all of it within a few pages so that
 * both kernels can hold the tables in memory and write them through.
 *
 *   sector 0         struct fs_super
 *   table            32 bits per sector of the disk: FS_FREE, FS_LAST, or the next sector of the same file
 *   directory        struct fs_entry, 16 to a sector
 *   from data on     the files' sectors
 */
#ifndef GUEST_FS_H
#define GUEST_FS_H

#include <stdbool.h>
#include <stdint.h>

#define FS_MAGIC       "GLASSFS1"
#define FS_SECTOR      512u
#define FS_MAX_SECTORS 4096u /* a disk of 2 MiB */
#define FS_MAX_FILES   64u
#define FS_NAME        20u
#define FS_FREE        0u
#define FS_LAST        UINT32_C(0xffffffff)

struct fs_super {
    char magic[8];
    uint32_t sectors; /* of the disk, at most FS_MAX_SECTORS */
    uint32_t table;   /* first sector of the table, and how many */
    uint32_t table_sectors;
    uint32_t dir;
    uint32_t dir_sectors;
    uint32_t data;
};

struct fs_entry {
    char name[FS_NAME]; /* name[0] == 0: the entry is free */
    uint32_t first;     /* sector; FS_LAST: none yet */
    uint32_t size;      /* bytes */
    uint32_t unused;
};

struct fs {
    /* Moves one sector; false: the disk failed. */
    bool (*io)(uint64_t sector, void *data, bool write);
    struct fs_super super;
    uint32_t table[FS_MAX_SECTORS];
    struct fs_entry dir[FS_MAX_FILES];
};

enum { FS_NOT_FOUND = -2, FS_IO = -5, FS_NO_SPACE = -28, FS_BAD = -22 };

/* f->io set. 0, FS_IO, or FS_BAD: no such file system there. */
int fs_mount(struct fs *f);
/* The file's number, or FS_NOT_FOUND. */
int fs_find(const struct fs *f, const char *name);
/* An empty file of that name; what it held is gone. */
int fs_create(struct fs *f, const char *name);
int fs_unlink(struct fs *f, const char *name);
/* Bytes moved, 0 at the end of the file, or an error. */
int64_t fs_read(struct fs *f, unsigned file, uint64_t at, void *to, uint64_t n);
int64_t fs_write(struct fs *f, unsigned file, uint64_t at, const void *from, uint64_t n);

#endif
