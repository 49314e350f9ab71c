/* SPDX-License-Identifier: MIT */
/* From an ELF file to an address space. */
#include "elf.h"
#include "kern.h"

static int load_segment(unsigned file, const struct elf_segment *s, pte_t *table)
{
    uint64_t flags = (s->flags & ELF_R ? PTE_R : 0) | (s->flags & ELF_W ? PTE_W : 0) | (s->flags & ELF_X ? PTE_X : 0);
    if (s->vaddr < USER_START || s->vaddr + s->memsz > USER_STACK || s->vaddr + s->memsz < s->vaddr ||
        s->filesz > s->memsz)
        return ERR_BAD;
    for (uint64_t at = s->vaddr, end = s->vaddr + s->memsz; at < end;) {
        uint64_t in = at % PAGE, part = PAGE - in < end - at ? PAGE - in : end - at;
        uint64_t done = at - s->vaddr, data = s->filesz > done ? s->filesz - done : 0;
        void *page;
        if (!user_page(table, at, flags, &page))
            return ERR_NO_SPACE;
        data = data < part ? data : part;
        if (data && fs_read(&fs, file, s->offset + done, (char *)page + in, data) != (int64_t)data)
            return ERR_IO;
        at += part;
    }
    return 0;
}

static int load(unsigned file, pte_t *table, uint64_t *entry)
{
    struct elf_header h;
    struct elf_segment s;
    int error = 0;
    if (fs_read(&fs, file, 0, &h, sizeof h) != sizeof h || !elf_is_program(&h))
        return ERR_BAD;
    *entry = h.entry;
    for (unsigned i = 0; i < h.segments && !error; i++) {
        if (fs_read(&fs, file, h.segment_offset + i * sizeof s, &s, sizeof s) != sizeof s)
            return ERR_BAD;
        if (s.type == ELF_LOAD && s.memsz)
            error = load_segment(file, &s, table);
    }
    return error;
}

/* The arguments, as they came from the caller: strings one behind the other, at the top of the stack. */
static int push_args(pte_t *table, const char *args, uint64_t length, struct frame *f)
{
    void *page;
    unsigned count = 0;
    uint64_t at = PAGE - ((length + 15) & ~UINT64_C(15));
    if (length > ARGS_MAX || !user_page(table, USER_TOP - PAGE, PTE_R | PTE_W, &page))
        return ERR_NO_SPACE;
    memcpy((char *)page + at, args, length);
    for (uint64_t i = 0; i < length; i++)
        count += !args[i];
    f->x[REG_A0] = count;
    f->x[REG_A0 + 1] = f->x[REG_SP] = USER_TOP - PAGE + at;
    return 0;
}

/* *table: a new address space with the program in it, *f: the registers that it starts with. 0 or an error. */
int exec_load(const char *path, const char *args, uint64_t length, pte_t **table, struct frame *f)
{
    int error, file;
    memset(f, 0, sizeof *f);
    f->sstatus = SSTATUS_SPIE; /* SPP = 0: to U mode, with interrupts on */
    *table = table_new();
    if (!*table)
        return ERR_NO_SPACE;
    fs_lock();
    file = fs_find(&fs, path);
    error = file < 0 ? ERR_NOT_FOUND : load((unsigned)file, *table, &f->sepc);
    fs_unlock();
    if (!error)
        error = push_args(*table, args, length, f);
    if (error)
        table_free(*table);
    fence_i(); /* the processor may have fetched what lay in these frames before */
    return error;
}
