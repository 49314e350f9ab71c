/* SPDX-License-Identifier: MIT */
/* A program's pages, in the pager's memory. */
#include "../../common/elf.h"
#include "pager.h"
#include "riscv.h"
#include "text.h"

#define CHUNK_ORDER 6 /* 64 pages at a time from root */

struct free_page {
    struct free_page *next;
};
static struct free_page *free_pages;
static uint64_t next_chunk = 0x60000000; /* where the next ones will be */

static uint64_t page_take(void)
{
    struct free_page *p;
    if (!free_pages) {
        struct ipc m = {
            .label = ROOT_MEMORY, .word = {CHUNK_ORDER}, .window = next_chunk | MAP_PAGES(CHUNK_ORDER) | MAP_PRESENT};
        if (ipc_call(&m, TID_ROOT) || !m.word[0])
            return 0;
        for (uint64_t i = 0; i < 1 << CHUNK_ORDER; i++, next_chunk += PAGE) {
            p = (struct free_page *)next_chunk;
            p->next = free_pages;
            free_pages = p;
        }
    }
    p = free_pages;
    free_pages = p->next;
    memset(p, 0, PAGE);
    return (uint64_t)p;
}

/* The program is gone, but it may have mapped its pages on: take them back from everybody before they are used again. */
void image_free(struct image *i)
{
    for (unsigned k = 0; k < i->pages; k++) {
        struct free_page *p = (struct free_page *)i->page[k].at;
        kernel_call(SYS_UNMAP, i->page[k].at, 0, 0, 0, 0, 0, 0);
        p->next = free_pages;
        free_pages = p;
    }
    i->pages = 0;
}

/* The page at va, a new one if there is none; NULL: no room. */
static char *page_at(struct image *i, uint64_t va, uint64_t rights)
{
    uint64_t new;
    for (unsigned k = 0; k < i->pages; k++) {
        if (i->page[k].va == (va & ~(PAGE - 1))) {
            i->page[k].rights |= rights;
            return (char *)i->page[k].at;
        }
    }
    new = i->pages < IMAGE_PAGES ? page_take() : 0;
    if (!new)
        return NULL;
    i->page[i->pages].va = va & ~(PAGE - 1);
    i->page[i->pages].at = new;
    i->page[i->pages++].rights = rights;
    return (char *)new;
}

static bool file_read(uint64_t file, uint64_t at, void *to, uint64_t n)
{
    struct ipc m = {.label = FILES_READ, .word = {file, at, n}, .receive = to, .room = n};
    return ipc_service(&m, SERVICE_FILES) == IPC_OK && m.word[0] == n;
}

static int load_segment(struct image *i, uint64_t file, const struct elf_segment *s)
{
    uint64_t rights = (s->flags & ELF_R ? MAP_R : 0) | (s->flags & ELF_W ? MAP_W : 0) | (s->flags & ELF_X ? MAP_X : 0);
    if (s->vaddr < USER_START || s->vaddr + s->memsz > USER_STACK || s->vaddr + s->memsz < s->vaddr ||
        s->filesz > s->memsz)
        return ERR_BAD;
    for (uint64_t at = s->vaddr, end = s->vaddr + s->memsz; at < end;) {
        uint64_t in = at % PAGE, part = PAGE - in < end - at ? PAGE - in : end - at;
        uint64_t done = at - s->vaddr, data = s->filesz > done ? s->filesz - done : 0;
        char *page = page_at(i, at, rights);
        if (!page)
            return ERR_NO_SPACE;
        data = data < part ? data : part;
        if (data && !file_read(file, s->offset + done, page + in, data))
            return ERR_IO;
        at += part;
    }
    return 0;
}

static int load(struct image *i, uint64_t file)
{
    struct elf_header h;
    struct elf_segment s;
    int error = 0;
    if (!file_read(file, 0, &h, sizeof h) || !elf_is_program(&h))
        return ERR_BAD;
    i->entry = h.entry;
    for (unsigned k = 0; k < h.segments && !error; k++) {
        if (!file_read(file, h.segment_offset + k * sizeof s, &s, sizeof s))
            return ERR_BAD;
        if (s.type == ELF_LOAD && s.memsz)
            error = load_segment(i, file, &s);
    }
    return error;
}

int image_load(struct image *i, const char *name, const char *args, uint64_t length)
{
    struct ipc m = {.label = FILES_OPEN, .word = {OPEN_READ}, .send = name, .send_size = strlen(name)};
    uint64_t at = PAGE - ((length + 15) & ~UINT64_C(15));
    char *stack;
    int error;
    if (ipc_service(&m, SERVICE_FILES))
        return ERR_DIED;
    if ((int64_t)m.word[0] < 0)
        return (int)m.word[0];
    i->pages = 0;
    error = load(i, m.word[0]);
    stack = page_at(i, USER_TOP - PAGE, MAP_R | MAP_W);
    if (!error && (!stack || length > 512))
        error = ERR_NO_SPACE;
    if (error) {
        image_free(i);
        return error;
    }
    memcpy(stack + at, args, length);
    i->argc = 0;
    for (uint64_t k = 0; k < length; k++)
        i->argc += !args[k];
    i->sp = USER_TOP - PAGE + at;
    return 0;
}

uint64_t image_page(struct image *i, uint64_t va, uint64_t access)
{
    if (va >= USER_STACK && va < USER_TOP && !page_at(i, va, MAP_R | MAP_W))
        return 0;
    for (unsigned k = 0; k < i->pages; k++)
        if (i->page[k].va == (va & ~(PAGE - 1)))
            return i->page[k].rights & access ? i->page[k].at | i->page[k].rights | MAP_PRESENT : 0;
    return 0;
}
