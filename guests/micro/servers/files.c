/* SPDX-License-Identifier: MIT */
/* The file server: names and bytes, on sectors that it asks the disk server for. It keeps no state per client, so it can be started again. */
#include "../../common/fs.h"
#include "../stub.h"
#include "api.h"
#include "text.h"

static struct fs fs;

/* A sector may be asked for twice without harm, so a disk server that ended meanwhile is asked again. */
static bool ask_disk(uint64_t sector, void *data, bool write)
{
    for (int attempt = 0; attempt < 3; attempt++) {
        struct ipc m = {.label = write ? DISK_WRITE : DISK_READ, .word = {sector, FS_SECTOR}};
        if (write)
            m.send = data, m.send_size = FS_SECTOR;
        else
            m.receive = data, m.room = FS_SECTOR;
        if (ipc_service(&m, SERVICE_DISK) == IPC_OK)
            return (int64_t)m.word[0] >= 0;
    }
    return false;
}

static int64_t read_dir(uint64_t index, struct dir_entry *e)
{
    for (unsigned i = 0; i < FS_MAX_FILES; i++) {
        if (!fs.dir[i].name[0] || index--)
            continue;
        memset(e, 0, sizeof *e);
        str_copy(e->name, fs.dir[i].name, sizeof e->name);
        e->size = fs.dir[i].size;
        return 0;
    }
    return ERR_NOT_FOUND;
}

static int64_t serve(struct ipc *m, char *string)
{
    static struct dir_entry e;
    int64_t n;
    string[m->received] = 0; /* a name without an end gets one */
    switch (m->label) {
    case FILES_OPEN: return m->word[0] & OPEN_CREATE ? fs_create(&fs, string) : fs_find(&fs, string);
    case FILES_READ:
        n = fs_read(&fs, (unsigned)m->word[0], m->word[1], string, m->word[2] < STRING_MAX ? m->word[2] : STRING_MAX);
        m->send = string;
        m->send_size = n > 0 ? (uint64_t)n : 0;
        return n;
    case FILES_WRITE: return fs_write(&fs, (unsigned)m->word[0], m->word[1], string, m->received);
    case FILES_READDIR:
        m->send = &e;
        m->send_size = sizeof e;
        return read_dir(m->word[0], &e);
    case FILES_UNLINK: return fs_unlink(&fs, string);
    default: return ERR_BAD;
    }
}

_Noreturn void start(void);
_Noreturn void start(void)
{
    static char string[STRING_MAX + 1] __attribute__((aligned(8)));
    struct ipc m = {.to = TID_NONE};
    int error;
    fs.io = ask_disk;
    error = fs_mount(&fs);
    for (;;) {
        m.from = TID_ANY;
        m.receive = string;
        m.room = STRING_MAX;
        if (ipc(&m)) {
            m.to = TID_NONE;
            continue;
        }
        m.to = m.from;
        m.send_size = 0;
        m.word[0] = (uint64_t)(error ? error : serve(&m, string));
        m.label = IPC_NOWAIT;
    }
}
