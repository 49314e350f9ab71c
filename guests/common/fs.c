/* SPDX-License-Identifier: MIT */
#include "fs.h"
#include "text.h"

int fs_mount(struct fs *f)
{
    static union {
        struct fs_super super;
        uint8_t bytes[FS_SECTOR];
    } first;
    const struct fs_super *s = &f->super;
    if (!f->io(0, first.bytes, false))
        return FS_IO;
    f->super = first.super;
    if (memcmp(s->magic, FS_MAGIC, 8) != 0 || s->sectors > FS_MAX_SECTORS || s->table_sectors * 128 != s->sectors ||
        s->dir_sectors * FS_SECTOR > sizeof f->dir)
        return FS_BAD;
    for (uint32_t i = 0; i < s->table_sectors; i++)
        if (!f->io(s->table + i, f->table + i * 128, false))
            return FS_IO;
    for (uint32_t i = 0; i < s->dir_sectors; i++)
        if (!f->io(s->dir + i, f->dir + i * 16, false))
            return FS_IO;
    return 0;
}

int fs_find(const struct fs *f, const char *name)
{
    for (int i = 0; i < (int)FS_MAX_FILES; i++)
        if (f->dir[i].name[0] && strcmp(f->dir[i].name, name) == 0)
            return i;
    return FS_NOT_FOUND;
}

static int dir_save(struct fs *f, int file)
{
    uint32_t sector = (uint32_t)file / 16;
    return f->io(f->super.dir + sector, f->dir + sector * 16, true) ? 0 : FS_IO;
}

static int table_set(struct fs *f, uint32_t sector, uint32_t next)
{
    f->table[sector] = next;
    return f->io(f->super.table + sector / 128, f->table + sector / 128 * 128, true) ? 0 : FS_IO;
}

/* Gives all of the file's sectors back. */
static int empty(struct fs *f, int file)
{
    struct fs_entry *e = &f->dir[file];
    uint32_t at = e->first;
    e->first = FS_LAST;
    e->size = 0;
    while (at < f->super.sectors && at >= f->super.data) {
        uint32_t next = f->table[at];
        if (table_set(f, at, FS_FREE))
            return FS_IO;
        at = next;
    }
    return 0;
}

int fs_create(struct fs *f, const char *name)
{
    int file = fs_find(f, name);
    if (!name[0] || strlen(name) >= FS_NAME)
        return FS_BAD;
    if (file < 0) {
        for (file = 0; file < (int)FS_MAX_FILES && f->dir[file].name[0]; file++)
            ;
        if (file == (int)FS_MAX_FILES)
            return FS_NO_SPACE;
        memset(&f->dir[file], 0, sizeof f->dir[file]);
        f->dir[file].first = FS_LAST;
        str_copy(f->dir[file].name, name, FS_NAME);
    } else if (empty(f, file)) {
        return FS_IO;
    }
    return dir_save(f, file) ? FS_IO : file;
}

int fs_unlink(struct fs *f, const char *name)
{
    int file = fs_find(f, name);
    if (file < 0)
        return FS_NOT_FOUND;
    if (empty(f, file))
        return FS_IO;
    f->dir[file].name[0] = 0;
    return dir_save(f, file);
}

/* The file's sector that holds byte `at`; with grow, sectors are added up to there. 0: none. */
static uint32_t sector_of(struct fs *f, unsigned file, uint64_t at, bool grow)
{
    uint32_t *link = &f->dir[file].first, before = 0;
    for (uint64_t n = at / FS_SECTOR;; n--) {
        if (*link == FS_LAST) {
            uint32_t free = f->super.data;
            while (free < f->super.sectors && f->table[free] != FS_FREE)
                free++;
            if (!grow || free == f->super.sectors || table_set(f, free, FS_LAST))
                return 0;
            *link = free;
            if (before && table_set(f, before, free))
                return 0;
        }
        if (*link >= f->super.sectors || *link < f->super.data)
            return 0; /* the table is damaged */
        if (n == 0)
            return *link;
        before = *link;
        link = &f->table[before];
    }
}

int64_t fs_read(struct fs *f, unsigned file, uint64_t at, void *to, uint64_t n)
{
    static uint8_t sector[FS_SECTOR] __attribute__((aligned(8)));
    uint64_t size, done = 0;
    if (file >= FS_MAX_FILES || !f->dir[file].name[0])
        return FS_NOT_FOUND;
    size = f->dir[file].size;
    n = at >= size ? 0 : n < size - at ? n : size - at;
    while (done < n) {
        uint64_t in = (at + done) % FS_SECTOR, part = FS_SECTOR - in;
        uint32_t where = sector_of(f, file, at + done, false);
        part = part < n - done ? part : n - done;
        if (!where || !f->io(where, sector, false))
            return FS_IO;
        memcpy((uint8_t *)to + done, sector + in, part);
        done += part;
    }
    return (int64_t)done;
}

int64_t fs_write(struct fs *f, unsigned file, uint64_t at, const void *from, uint64_t n)
{
    static uint8_t sector[FS_SECTOR] __attribute__((aligned(8)));
    uint64_t done = 0;
    if (file >= FS_MAX_FILES || !f->dir[file].name[0])
        return FS_NOT_FOUND;
    if (at > f->dir[file].size)
        return FS_BAD;
    while (done < n) {
        uint64_t in = (at + done) % FS_SECTOR, part = FS_SECTOR - in;
        uint32_t where = sector_of(f, file, at + done, true);
        part = part < n - done ? part : n - done;
        if (!where)
            return FS_NO_SPACE;
        if (part < FS_SECTOR && !f->io(where, sector, false))
            return FS_IO;
        memcpy(sector + in, (const uint8_t *)from + done, part);
        if (!f->io(where, sector, true))
            return FS_IO;
        done += part;
    }
    if (at + n > f->dir[file].size)
        f->dir[file].size = (uint32_t)(at + n);
    return dir_save(f, (int)file) ? FS_IO : (int64_t)n;
}
