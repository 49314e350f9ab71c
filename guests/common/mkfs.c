/* SPDX-License-Identifier: MIT */
/* Runs on the host: makes a disk image with the file system of fs.h.
 *   mkfs IMAGE SECTORS [NAME=]FILE... */
#include "fs.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* fs.c wants this one of text.c, which would bring a memcpy of its own. */
void str_copy(char *to, const char *from, size_t size);
void str_copy(char *to, const char *from, size_t size)
{
    snprintf(to, size, "%s", from);
}

static uint8_t disk[FS_MAX_SECTORS * FS_SECTOR];
static uint32_t sectors;
static struct fs fs;

static bool memory_io(uint64_t sector, void *data, bool write)
{
    if (sector >= sectors)
        return false;
    if (write)
        memcpy(disk + sector * FS_SECTOR, data, FS_SECTOR);
    else
        memcpy(data, disk + sector * FS_SECTOR, FS_SECTOR);
    return true;
}

static void layout(void)
{
    struct fs_super s = {
        .sectors = sectors, .table = 1, .table_sectors = sectors / 128, .dir_sectors = FS_MAX_FILES / 16};
    uint32_t used = FS_LAST;
    memcpy(s.magic, FS_MAGIC, sizeof s.magic);
    s.dir = s.table + s.table_sectors;
    s.data = s.dir + s.dir_sectors;
    memcpy(disk, &s, sizeof s);
    for (uint32_t i = 0; i < s.data; i++)
        memcpy(disk + s.table * FS_SECTOR + i * 4, &used, 4);
}

/* 0, or 1 with a message. */
static int add(const char *arg)
{
    static uint8_t data[FS_MAX_SECTORS * FS_SECTOR];
    const char *equals = strchr(arg, '='), *path = equals ? equals + 1 : arg, *slash = strrchr(path, '/');
    char name[FS_NAME + 1] = "";
    FILE *in = fopen(path, "rb");
    size_t n;
    int file;
    if (!in) {
        perror(path);
        return 1;
    }
    n = fread(data, 1, sizeof data, in);
    fclose(in);
    if (equals)
        snprintf(name, sizeof name, "%.*s", (int)(equals - arg), arg);
    else
        snprintf(name, sizeof name, "%s", slash ? slash + 1 : path);
    file = fs_create(&fs, name);
    if (file < 0 || fs_write(&fs, (unsigned)file, 0, data, n) != (int64_t)n) {
        fprintf(stderr, "mkfs: %s (%zu bytes) does not fit: names have at most %u characters, the disk %u sectors\n",
                name, n, FS_NAME - 1, sectors);
        return 1;
    }
    return 0;
}

int main(int argc, char **argv)
{
    FILE *out;
    sectors = argc > 2 ? (uint32_t)strtoul(argv[2], NULL, 0) : 0;
    if (argc < 3 || sectors < 128 || sectors > FS_MAX_SECTORS || sectors % 128) {
        fprintf(stderr, "usage: mkfs IMAGE SECTORS [NAME=]FILE...   SECTORS: a multiple of 128 up to %u\n",
                FS_MAX_SECTORS);
        return 2;
    }
    fs.io = memory_io;
    layout();
    if (fs_mount(&fs))
        return 1;
    for (int i = 3; i < argc; i++)
        if (add(argv[i]))
            return 1;
    out = fopen(argv[1], "wb");
    if (!out || fwrite(disk, FS_SECTOR, sectors, out) != sectors || fclose(out)) {
        perror(argv[1]);
        return 1;
    }
    return 0;
}
