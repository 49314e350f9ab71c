/* SPDX-License-Identifier: MIT */
/* The pager: the user programs' memory and their lives. It has memory from root, loads programs from the file server into its own pages, and
 * maps them into an address space when a program touches them. */
#include "pager.h"
#include "../../common/elf.h"
#include "riscv.h"
#include "text.h"

static struct process processes[NPROCESS];
static int next_pid = 1;

static struct process *process_of_thread(uint64_t tid)
{
    for (struct process *p = processes; p < processes + NPROCESS; p++)
        if (p->state == PROCESS_RUNS && p->tid == tid)
            return p;
    return NULL;
}

static struct process *process_of_pid(int pid)
{
    for (struct process *p = processes; p < processes + NPROCESS; p++)
        if (p->state != PROCESS_NONE && p->pid == pid)
            return p;
    return NULL;
}

void say(const char *fmt, ...)
{
    static char text[256];
    struct text_out out = {text, 0, sizeof text};
    struct ipc m = {.label = CONSOLE_WRITE, .send = text};
    va_list ap;
    va_start(ap, fmt);
    format(text_put, &out, fmt, ap);
    va_end(ap);
    m.send_size = out.n;
    ipc_service(&m, SERVICE_CONSOLE);
}

static _Noreturn void power_off(uint64_t status)
{
    struct ipc m = {.label = ROOT_POWER_OFF, .word = {status}};
    for (;;)
        ipc_call(&m, TID_ROOT);
}

static void answer(uint64_t to, int64_t w0, uint64_t w1)
{
    struct ipc m = {.to = to, .label = IPC_NOWAIT, .word = {(uint64_t)w0, w1}};
    ipc(&m);
}

/* True: a child had ended, and its parent knows now. */
static bool tell_end(struct process *parent)
{
    for (struct process *p = processes; p < processes + NPROCESS; p++) {
        if (p->state != PROCESS_ENDED || p->parent != parent->pid)
            continue;
        p->state = PROCESS_NONE;
        parent->waits = false;
        answer(parent->tid, p->pid, (uint64_t)p->status);
        return true;
    }
    return false;
}

static void process_end(struct process *p, int status)
{
    struct process *parent = process_of_pid(p->parent);
    kernel_call(SYS_THREAD_END, p->tid, 0, 0, 0, 0, 0, 0);
    image_free(&p->image);
    p->state = PROCESS_ENDED;
    p->status = status;
    for (struct process *c = processes; c < processes + NPROCESS; c++)
        if (c->state != PROCESS_NONE && c->parent == p->pid)
            c->parent = 1;
    if (p->parent == 0) {
        say("micro: the first process ended with status %d\n", status);
        power_off(status != 0);
    }
    if (parent && parent->waits)
        tell_end(parent);
}

/* Its first instruction will be a page fault, and so comes here. */
static bool process_start(struct process *p, uint64_t out)
{
    const uint64_t args[3] = {p->image.argc, p->image.sp, out};
    p->tid = thread_new(SPACE_NEW, own_tid, p->image.entry, p->image.sp, args);
    return p->tid != TID_NONE;
}

static int spawn(const char *name, const char *args, uint64_t length, uint64_t out, int parent)
{
    struct process *p = processes;
    int error;
    while (p < processes + NPROCESS && p->state != PROCESS_NONE)
        p++;
    if (p == processes + NPROCESS)
        return ERR_NO_SPACE;
    error = image_load(&p->image, name, args, length);
    if (error)
        return error;
    if (!process_start(p, out)) {
        image_free(&p->image);
        return ERR_NO_SPACE;
    }
    p->state = PROCESS_RUNS;
    p->waits = false;
    p->pid = next_pid++;
    p->parent = parent;
    str_copy(p->name, name, sizeof p->name);
    return p->pid;
}

static int exec(struct process *p, const char *name, const char *args, uint64_t length, uint64_t out)
{
    static struct image new;
    int error = image_load(&new, name, args, length);
    if (error)
        return error;
    kernel_call(SYS_THREAD_END, p->tid, 0, 0, 0, 0, 0, 0);
    image_free(&p->image);
    p->image = new;
    str_copy(p->name, name, sizeof p->name);
    if (!process_start(p, out))
        process_end(p, STATUS_KILLED);
    return 0;
}

static void fault(struct process *p, struct ipc *m)
{
    uint64_t cause = m->label == LABEL_EXCEPTION ? m->word[0]
                     : m->word[1] == MAP_X       ? CAUSE_FETCH_PAGE
                     : m->word[1] == MAP_R       ? CAUSE_LOAD_PAGE
                                                 : CAUSE_STORE_PAGE;
    uint64_t address = m->label == LABEL_EXCEPTION ? m->word[1] : m->word[0];
    say("%s (process %d): %s at pc 0x%lx, address 0x%lx\n", p->name, p->pid, cause_name(cause), m->word[2], address);
    process_end(p, STATUS_FAULT + (int)cause);
}

static int64_t tell_process(const struct process *caller, uint64_t index, struct process_info *i)
{
    static const char *const state[] = {"none", "ready", "sending", "sleeping"};
    for (const struct process *p = processes; p < processes + NPROCESS; p++) {
        if (p->state == PROCESS_NONE || index--)
            continue;
        memset(i, 0, sizeof *i);
        i->pid = p->pid;
        i->parent = p->parent;
        str_copy(i->name, p->name, sizeof i->name);
        str_copy(i->state,
                 p->state == PROCESS_ENDED ? "zombie"
                 : p == caller             ? "running"
                                           : state[kernel_call(SYS_STATE, p->tid, 0, 0, 0, 0, 0, 0) & 3],
                 sizeof i->state);
        return 0;
    }
    return ERR_NOT_FOUND;
}

static bool any_child(const struct process *parent)
{
    for (const struct process *p = processes; p < processes + NPROCESS; p++)
        if (p->state != PROCESS_NONE && p->parent == parent->pid)
            return true;
    return false;
}

static int64_t kill(int pid)
{
    struct process *p = process_of_pid(pid);
    if (!p || p->state != PROCESS_RUNS)
        return ERR_NOT_FOUND;
    process_end(p, STATUS_KILLED);
    return 0;
}

/* False: no answer, or it has been given. */
static bool serve(struct process *p, struct ipc *m, char *string)
{
    static struct process_info info;
    uint64_t name = m->word[0];
    switch (m->label) {
    case LABEL_PAGE_FAULT:
        m->pages = image_page(&p->image, m->word[0], m->word[1]);
        if (m->pages)
            return true;
        fault(p, m);
        return false;
    case LABEL_EXCEPTION: fault(p, m); return false;
    case PAGER_SPAWN:
    case PAGER_EXEC:
        if (!name || name > m->received || string[name - 1]) {
            m->word[0] = (uint64_t)ERR_BAD;
        } else if (m->label == PAGER_SPAWN) {
            m->word[0] = (uint64_t)spawn(string, string + name, m->received - name, m->word[1], p->pid);
        } else {
            m->word[0] = (uint64_t)exec(p, string, string + name, m->received - name, m->word[1]);
            return m->word[0] != 0;
        }
        return true;
    case PAGER_EXIT: process_end(p, (int)m->word[0]); return false;
    case PAGER_WAIT:
        if (tell_end(p))
            return false;
        p->waits = any_child(p);
        m->word[0] = (uint64_t)ERR_NOT_FOUND;
        return !p->waits;
    case PAGER_KILL: m->word[0] = (uint64_t)kill((int)m->word[0]); return p->state == PROCESS_RUNS;
    case PAGER_GETPID: m->word[0] = (uint64_t)p->pid; return true;
    case PAGER_PROCESS:
        m->word[0] = (uint64_t)tell_process(p, m->word[0], &info);
        m->send = &info;
        m->send_size = sizeof info;
        return true;
    default: m->word[0] = (uint64_t)ERR_BAD; return true;
    }
}

uint64_t own_tid;

_Noreturn void start(void);
_Noreturn void start(void)
{
    static char string[STRING_MAX];
    struct ipc m = {.to = TID_NONE};
    uint64_t self[7];
    int error;
    kernel_call_out(SYS_SELF, self);
    own_tid = self[0];
    error = spawn("sh", "sh", 3, 0, 0);
    if (error < 0) {
        say("micro: cannot start sh: error %d\n", error);
        power_off(1);
    }
    for (;;) {
        struct process *p;
        m.from = TID_ANY;
        m.receive = string;
        m.room = sizeof string;
        if (ipc(&m)) {
            m.to = TID_NONE;
            continue;
        }
        m.to = m.from;
        m.send_size = m.pages = 0;
        p = process_of_thread(m.from);
        if (!p)
            m.word[0] = (uint64_t)ERR_BAD; /* not a process of ours */
        else if (!serve(p, &m, string))
            m.to = TID_NONE;
        m.label = IPC_NOWAIT;
    }
}
