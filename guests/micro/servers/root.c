/* SPDX-License-Identifier: MIT */
/* The root task, the first program. All memory and all devices are its own at the start, each page at its physical address, and everybody else
 * has them from it. It starts the servers, is their pager, tells who serves what, and when one of them does what it must not, ends it and
 * starts it again. */
#include "root.h"
#include "../../common/disk.h"
#include "../../common/elf.h"
#include "../stub.h"
#include "riscv.h"
#include "text.h"

static struct service services[SERVICES] = {
    [SERVICE_CONSOLE] = {.name = "console", .elf = console_elf, .device = BOARD_UART, .irq = BOARD_UART_IRQ},
    [SERVICE_DISK] = {.name = "disk", .elf = disk_elf},
    [SERVICE_CLOCK] = {.name = "clock", .elf = clock_elf, .device = BOARD_RTC},
    [SERVICE_FILES] = {.name = "files", .elf = files_elf},
    [SERVICE_PAGER] = {.name = "pager", .elf = pager_elf, .privileged = true},
};
static uint64_t memory, memory_end; /* not given out so far */
static uint64_t free_list[1024];    /* pages of servers that ended */
static unsigned free_count;

static void put(void *ctx, char c)
{
    (void)ctx;
    kernel_call(SYS_PUT, (uint8_t)c, 0, 0, 0, 0, 0, 0);
}

/* By the firmware: the console server may be what failed. */
static void __attribute__((format(printf, 1, 2))) say(const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    format(put, NULL, fmt, ap);
    va_end(ap);
}

static _Noreturn void power_off(uint64_t status)
{
    for (;;)
        kernel_call(SYS_POWER_OFF, status, 0, 0, 0, 0, 0, 0);
}

/* 2^order pages, aligned to their size; 0: none left. */
static uint64_t memory_take(uint64_t order)
{
    uint64_t size = PAGE << order, at;
    if (order == 0 && free_count)
        return free_list[--free_count];
    at = (memory + size - 1) & ~(size - 1);
    if (order > 12 || at + size > memory_end)
        return 0;
    memory = at + size;
    return at;
}

static struct page *page_of(struct service *s, uint64_t va)
{
    for (unsigned i = 0; i < s->pages; i++)
        if (s->page[i].va == (va & ~(PAGE - 1)))
            return &s->page[i];
    return NULL;
}

static struct page *page_add(struct service *s, uint64_t va, uint64_t rights)
{
    uint64_t at = s->pages < SERVICE_PAGES ? memory_take(0) : 0;
    if (!at)
        return NULL;
    memset((void *)at, 0, PAGE);
    s->page[s->pages] = (struct page){va & ~(PAGE - 1), at, rights};
    return &s->page[s->pages++];
}

/* A page of the server's program, with what its file has for it. */
static struct page *page_from_file(struct service *s, uint64_t va)
{
    const struct elf_header *h = (const struct elf_header *)s->elf;
    uint64_t at = va & ~(PAGE - 1);
    for (unsigned i = 0; i < h->segments; i++) {
        const struct elf_segment *p = (const struct elf_segment *)(s->elf + h->segment_offset) + i;
        struct page *page;
        uint64_t offset = at - p->vaddr;
        if (p->type != ELF_LOAD || at + PAGE <= p->vaddr || at >= p->vaddr + p->memsz)
            continue;
        page = page_add(s, at, p->flags & ELF_W ? MAP_R | MAP_W : MAP_R | MAP_X);
        if (page && offset < p->filesz)
            memcpy((void *)page->pa, s->elf + p->offset + offset,
                   p->filesz - offset < PAGE ? p->filesz - offset : PAGE);
        return page;
    }
    return NULL;
}

static void service_start(struct service *s)
{
    const struct elf_header *h = (const struct elf_header *)s->elf;
    s->pages = 0;
    s->tid = thread_new(s->privileged ? SPACE_NEW_PRIVILEGED : SPACE_NEW, TID_ROOT, h->entry, STACK_TOP, s->args);
    if (!s->tid) {
        say("root: cannot start %s\n", s->name);
        power_off(1);
    }
    if (s->irq)
        kernel_call(SYS_IRQ, s->irq, s->tid, 0, 0, 0, 0, 0);
}

/* What a server must not do ends it alone: its thread, its memory, and its clients' calls, which learn that it died. */
static void service_failed(struct service *s, const struct ipc *m)
{
    uint64_t cause = m->label == LABEL_EXCEPTION ? m->word[0]
                     : m->word[1] == MAP_X       ? CAUSE_FETCH_PAGE
                     : m->word[1] == MAP_R       ? CAUSE_LOAD_PAGE
                                                 : CAUSE_STORE_PAGE;
    uint64_t address = m->label == LABEL_EXCEPTION ? m->word[1] : m->word[0], old = s->tid;
    static struct service before;
    say("root: the %s server: %s at pc 0x%lx, address 0x%lx\n", s->name, cause_name(cause), m->word[2], address);
    if (s == &services[SERVICE_PAGER]) { /* the programs' memory goes with it */
        say("root: nothing goes on without the pager\n");
        power_off(1);
    }
    before = *s;
    s->restarts++;
    service_start(s);
    say("root: the %s server starts again: it was thread 0x%lx and is thread 0x%lx\n", s->name, old, s->tid);
    /* Only now its clients learn that it is gone. */
    kernel_call(SYS_THREAD_END, old, 0, 0, 0, 0, 0, 0);
    for (unsigned i = 0; i < before.pages && free_count < sizeof free_list / sizeof *free_list; i++) {
        kernel_call(SYS_UNMAP, before.page[i].pa, 0, 0, 0, 0, 0, 0);
        free_list[free_count++] = before.page[i].pa;
    }
}

/* True: the answer in m maps a page. */
static bool page_fault(struct service *s, struct ipc *m)
{
    uint64_t va = m->word[0], access = m->word[1];
    struct page *page = page_of(s, va);
    if ((s->device && (va & ~(PAGE - 1)) == s->device)) {
        m->pages = s->device | MAP_R | MAP_W | MAP_PRESENT;
        return true;
    }
    if (s == &services[SERVICE_DISK] && va - DISK_IMAGE_VA < (uint64_t)(disk_image_end - disk_image)) {
        m->pages = (((uint64_t)disk_image + va - DISK_IMAGE_VA) & ~(PAGE - 1)) | MAP_R | MAP_W | MAP_PRESENT;
        return true;
    }
    if (!page && va >= STACK_TOP - STACK_SIZE && va < STACK_TOP)
        page = page_add(s, va, MAP_R | MAP_W);
    if (!page)
        page = page_from_file(s, va);
    if (!page || !(page->rights & access))
        return false;
    m->pages = page->pa | page->rights | MAP_PRESENT;
    return true;
}

static void find_disk(void)
{
    struct service *s = &services[SERVICE_DISK];
    s->args[1] = DISK_IMAGE_VA;
    s->args[2] = (uint64_t)(disk_image_end - disk_image) / 512;
    for (unsigned slot = 0; slot < 8; slot++) {
        if (disk_probe((volatile uint32_t *)BOARD_VIRTIO(slot))) {
            s->device = s->args[0] = BOARD_VIRTIO(slot);
            s->irq = BOARD_VIRTIO_IRQ + slot;
            s->args[2] = (uint64_t)s->irq << 32;
            say("micro: virtio disk\n");
            return;
        }
    }
    say("micro: disk in memory of %lu sectors\n", s->args[2]);
}

static struct service *service_of(uint64_t tid)
{
    for (struct service *s = services; s < services + SERVICES; s++)
        if (s->tid == tid)
            return s;
    return NULL;
}

static void give_memory(struct service *s, struct ipc *m)
{
    uint64_t order = m->word[0], at;
    if (!s) {
        m->word[0] = 0;
        return;
    }
    if (order == 0) {
        struct page *page = page_add(s, 0, MAP_R | MAP_W);
        if (page)
            page->va = page->pa;
        m->word[0] = page ? page->pa : 0;
        return;
    }
    at = memory_take(order);
    m->word[0] = at;
    if (at)
        m->pages = at | MAP_PAGES(order) | MAP_R | MAP_W | MAP_X | MAP_PRESENT;
}

static void tell_server(struct ipc *m)
{
    static struct server_info info;
    uint64_t i = m->word[0];
    m->word[0] = (uint64_t)ERR_NOT_FOUND;
    if (i >= SERVICES)
        return;
    str_copy(info.name, services[i].name, sizeof info.name);
    info.thread = services[i].tid;
    info.restarts = services[i].restarts;
    m->word[0] = 0;
    m->send = &info;
    m->send_size = sizeof info;
}

/* False: no answer. */
static bool serve(struct ipc *m)
{
    struct service *s = service_of(m->from);
    switch (m->label) {
    case LABEL_PAGE_FAULT:
        if (s && page_fault(s, m))
            return true;
        /* fall through: nobody else but servers has root as pager */
        __attribute__((fallthrough));
    case LABEL_EXCEPTION:
        if (s)
            service_failed(s, m);
        return false;
    case ROOT_LOOKUP: m->word[0] = m->word[0] < SERVICES ? services[m->word[0]].tid : TID_NONE; return true;
    case ROOT_MEMORY: give_memory(s, m); return true;
    case ROOT_POWER_OFF: power_off(m->word[0]);
    case ROOT_SERVER: tell_server(m); return true;
    default: m->word[0] = (uint64_t)ERR_BAD; return true;
    }
}

_Noreturn void root_main(uint64_t from, uint64_t to);
_Noreturn void root_main(uint64_t from, uint64_t to)
{
    struct ipc m = {.to = TID_NONE};
    memory = from;
    memory_end = to;
    find_disk();
    for (struct service *s = services; s < services + SERVICES; s++)
        service_start(s);
    for (;;) {
        m.from = TID_ANY;
        if (ipc(&m)) {
            m.to = TID_NONE;
            continue;
        }
        m.to = m.from;
        m.send_size = m.pages = 0;
        if (!serve(&m))
            m.to = TID_NONE;
        m.label = IPC_NOWAIT;
    }
}
