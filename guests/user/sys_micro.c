/* SPDX-License-Identifier: MIT */
/* The library's way to micro: each function is one message, or a few, to the server that does the work. Descriptors are the library's own: a
 * server knows no clients, only file numbers. */
#include "../micro/stub.h"
#include "lib.h"

#define NFD         8
#define WRITE_CHUNK 1024

static struct {
    enum { FD_CLOSED, FD_CONSOLE, FD_FILE } kind;
    uint64_t number; /* of the file */
    uint64_t at;
    bool write;
} fds[NFD];
static uint64_t pager;

#define MARKED(name, expression)                                                                                       \
    __extension__({                                                                                                    \
        int64_t result_;                                                                                               \
        MARK(MARK_BEGIN + CALL_##name);                                                                                \
        result_ = (expression);                                                                                        \
        MARK(MARK_END + CALL_##name);                                                                                  \
        result_;                                                                                                       \
    })

void lib_start(uint64_t out)
{
    uint64_t self[7];
    kernel_call_out(SYS_SELF, self);
    pager = self[1];
    for (int i = 0; i < 3; i++) {
        fds[i].kind = FD_CONSOLE;
        fds[i].write = i > 0;
    }
    if (out) {
        fds[1].kind = FD_FILE;
        fds[1].number = out >> 32 & 0x7fffffff;
        fds[1].at = (uint32_t)out;
    }
}

/* The answer's w0, or an error of the kernel's as one of ours. */
static int64_t answer(const struct ipc *m, uint64_t error)
{
    return error == IPC_OK ? (int64_t)m->word[0] : error == IPC_STRING ? ERR_BAD : ERR_DIED;
}

static int64_t ask(struct ipc *m, int service)
{
    return answer(m, ipc_service(m, service));
}

static int64_t ask_thread(struct ipc *m, uint64_t thread)
{
    return answer(m, ipc_call(m, thread));
}

void exit(int status)
{
    struct ipc m = {.label = PAGER_EXIT, .word = {(uint64_t)status}};
    for (;;)
        ipc_call(&m, pager);
}

/* Name and arguments in one string; out: a descriptor. */
static int64_t start_program(uint64_t label, const char *path, const char *const *argv, int out)
{
    char string[NAME_MAX + 512];
    uint64_t name = strlen(path) + 1;
    struct ipc m = {.label = label, .word = {name}, .send = string};
    if (out < 0 || out >= NFD || !fds[out].write || name > NAME_MAX)
        return name > NAME_MAX ? ERR_NOT_FOUND : ERR_BAD;
    memcpy(string, path, name);
    m.send_size = name + pack_args(string + name, sizeof string - name, argv);
    m.word[1] = fds[out].kind == FD_FILE ? OUT_FILE(fds[out].number, fds[out].at) : 0;
    return ask_thread(&m, pager);
}

int spawn(const char *path, const char *const *argv, int out)
{
    return (int)MARKED(SPAWN, start_program(PAGER_SPAWN, path, argv, out));
}

int exec(const char *path, const char *const *argv)
{
    return (int)MARKED(EXEC, start_program(PAGER_EXEC, path, argv, 1));
}

int wait(int *status)
{
    struct ipc m = {.label = PAGER_WAIT};
    int pid = (int)MARKED(WAIT, ask_thread(&m, pager));
    if (pid > 0 && status)
        *status = (int)m.word[1];
    return pid;
}

int kill(int pid)
{
    struct ipc m = {.label = PAGER_KILL, .word = {(uint64_t)pid}};
    return (int)MARKED(KILL, ask_thread(&m, pager));
}

int getpid(void)
{
    struct ipc m = {.label = PAGER_GETPID};
    return (int)MARKED(GETPID, ask_thread(&m, pager));
}

/* Nobody will send: the time passes. */
int sleep(uint64_t milliseconds)
{
    uint64_t self[7];
    struct ipc m = {.timeout = milliseconds * 10000 + 1};
    kernel_call_out(SYS_SELF, self);
    m.from = self[0];
    return (int)MARKED(SLEEP, ipc(&m) == IPC_TIMEOUT ? 0 : ERR_BAD);
}

static int64_t open_file(const char *path, int flags)
{
    struct ipc m = {.label = FILES_OPEN, .word = {(uint64_t)flags}, .send = path, .send_size = strlen(path)};
    int fd = 0;
    int64_t number;
    while (fd < NFD && fds[fd].kind != FD_CLOSED)
        fd++;
    if (fd == NFD)
        return ERR_NO_SPACE;
    number = ask(&m, SERVICE_FILES);
    if (number < 0)
        return number;
    fds[fd].kind = FD_FILE;
    fds[fd].number = (uint64_t)number;
    fds[fd].at = 0;
    fds[fd].write = flags & OPEN_CREATE;
    return fd;
}

int open(const char *path, int flags)
{
    return (int)MARKED(OPEN, open_file(path, flags));
}

static bool is_open(int fd)
{
    return fd >= 0 && fd < NFD && fds[fd].kind != FD_CLOSED;
}

int close(int fd)
{
    if (!is_open(fd))
        return ERR_BAD;
    fds[fd].kind = FD_CLOSED;
    return 0;
}

static int64_t read_some(int fd, void *to, uint64_t n)
{
    struct ipc m = {.receive = to, .room = n};
    int64_t got;
    if (!is_open(fd))
        return ERR_BAD;
    if (fds[fd].kind == FD_CONSOLE) {
        m.label = CONSOLE_READ;
        m.word[0] = n;
        return ask(&m, SERVICE_CONSOLE);
    }
    m.label = FILES_READ;
    m.word[0] = fds[fd].number;
    m.word[1] = fds[fd].at;
    m.word[2] = n;
    got = ask(&m, SERVICE_FILES);
    if (got > 0)
        fds[fd].at += (uint64_t)got;
    return got;
}

int64_t read(int fd, void *to, uint64_t n)
{
    return MARKED(READ, read_some(fd, to, n));
}

static int64_t write_all(int fd, const void *from, uint64_t n)
{
    bool file;
    if (!is_open(fd) || !fds[fd].write)
        return ERR_BAD;
    file = fds[fd].kind == FD_FILE;
    for (uint64_t done = 0; done < n;) {
        uint64_t part = n - done < WRITE_CHUNK ? n - done : WRITE_CHUNK;
        struct ipc m = {.label = file ? FILES_WRITE : CONSOLE_WRITE,
                        .word = {fds[fd].number, fds[fd].at},
                        .send = (const char *)from + done,
                        .send_size = part};
        int64_t put = ask(&m, file ? SERVICE_FILES : SERVICE_CONSOLE);
        if (put < 0)
            return put;
        fds[fd].at += part;
        done += part;
    }
    return (int64_t)n;
}

int64_t write(int fd, const void *from, uint64_t n)
{
    return MARKED(WRITE, write_all(fd, from, n));
}

int readdir(unsigned index, struct dir_entry *e)
{
    struct ipc m = {.label = FILES_READDIR, .word = {index}, .receive = e, .room = sizeof *e};
    return (int)MARKED(READDIR, ask(&m, SERVICE_FILES));
}

int unlink(const char *path)
{
    struct ipc m = {.label = FILES_UNLINK, .send = path, .send_size = strlen(path)};
    return (int)MARKED(UNLINK, ask(&m, SERVICE_FILES));
}

int control(const char *device, int64_t op, int64_t arg, int64_t *result)
{
    struct ipc m = {.label = DRIVER_CONTROL, .word = {(uint64_t)op, (uint64_t)arg}};
    int service = strcmp(device, "clock") == 0 ? SERVICE_CLOCK : strcmp(device, "disk") == 0 ? SERVICE_DISK : -1;
    int error;
    if (service < 0)
        return ERR_NOT_FOUND;
    error = (int)MARKED(CONTROL, ask(&m, service));
    *result = (int64_t)m.word[1];
    return error;
}

int process(unsigned index, struct process_info *p)
{
    struct ipc m = {.label = PAGER_PROCESS, .word = {index}, .receive = p, .room = sizeof *p};
    return (int)MARKED(PROCESS, ask_thread(&m, pager));
}

static int64_t get_counts(struct counts *c)
{
    uint64_t v[7];
    kernel_call_out(SYS_COUNTS, v);
    *c = (struct counts){v[0], v[1], v[2], v[3], v[4], v[5], v[6]};
    return 0;
}

int counts(struct counts *c)
{
    return (int)MARKED(COUNTS, get_counts(c));
}

int server(unsigned index, struct server_info *s)
{
    struct ipc m = {.label = ROOT_SERVER, .word = {index}, .receive = s, .room = sizeof *s};
    return (int)MARKED(SERVER, ask_thread(&m, TID_ROOT));
}

void power_off(int status)
{
    struct ipc m = {.label = ROOT_POWER_OFF, .word = {(uint64_t)status}};
    for (;;)
        ipc_call(&m, TID_ROOT);
}

const char *kernel_name(void)
{
    return "micro";
}
