/* SPDX-License-Identifier: MIT */
/* exec: the programs are ELF files linked into the kernel (progs.S). */
#include "kern.h"

struct program {
    const char *name;
    const uint8_t *start, *end;
};
extern const struct program programs[];

struct elf_header {
    uint8_t ident[16];
    uint16_t type, machine;
    uint32_t version;
    uint64_t entry, phoff, shoff;
    uint32_t flags;
    uint16_t ehsize, phentsize, phnum, shentsize, shnum, shstrndx;
};
struct elf_segment {
    uint32_t type, flags;
    uint64_t offset, vaddr, paddr, filesz, memsz, align;
};

static bool load_segment(pte_t *pt, const uint8_t *file, const struct elf_segment *s)
{
    uint64_t flags = PTE_U | PTE_A;
    if ((s->vaddr & (PAGE - 1)) || s->vaddr + s->memsz > USER_HEAP_MAX || s->filesz > s->memsz)
        return false;
    flags |= s->flags & 4 ? PTE_R : 0;
    flags |= s->flags & 2 ? PTE_W : 0; /* D waits for the first write */
    flags |= s->flags & 1 ? PTE_X : 0;
    for (uint64_t at = 0; at < s->memsz; at += PAGE) {
        char *page = page_alloc();
        if (!page)
            return false;
        if (at < s->filesz)
            memcpy(page, file + s->offset + at, s->filesz - at < PAGE ? s->filesz - at : PAGE);
        if (!vm_map(pt, s->vaddr + at, (uint64_t)page, PAGE, flags)) {
            page_put((uint64_t)page);
            return false;
        }
    }
    return true;
}

/* The arguments go to the top of the stack: strings, then the array of pointers. args: argc strings of len bytes in
 * all, each with its NUL. */
static bool push_args(pte_t *pt, const char *args, int argc, uint64_t len, uint64_t *sp)
{
    char *page = page_alloc();
    uint64_t strings, array;
    const char *s = args;
    if (!page)
        return false;
    if (!vm_map(pt, USER_TOP - PAGE, (uint64_t)page, PAGE, PTE_U | PTE_R | PTE_W | PTE_A)) {
        page_put((uint64_t)page);
        return false;
    }
    strings = (PAGE - len) & ~UINT64_C(15);
    array = (strings - 8 * ((uint64_t)argc + 1)) & ~UINT64_C(15);
    memcpy(page + strings, args, len);
    for (int i = 0; i < argc; i++) {
        *(uint64_t *)(page + array + 8 * (uint64_t)i) = USER_TOP - PAGE + strings + (uint64_t)(s - args);
        s += strlen(s) + 1;
    }
    *sp = USER_TOP - PAGE + array;
    return true;
}

/* Replaces the process's program; args as in push_args, at most 1 KiB. -1: no such program, or no memory: the process
 * goes on as it was. Returns argc. */
int exec(const char *name, const char *args, int argc, uint64_t len)
{
    struct proc *p = myproc();
    const struct program *prog = programs;
    const struct elf_header *h;
    const struct elf_segment *s;
    uint64_t heap = 0, sp = 0;
    bool ok = true;
    pte_t *pt, *old;

    while (prog->name && strcmp(prog->name, name) != 0)
        prog++;
    if (!prog->name || !(pt = vm_user_new(p->tf)))
        return -1;
    h = (const struct elf_header *)prog->start;
    s = (const struct elf_segment *)(prog->start + h->phoff);
    for (unsigned i = 0; i < h->phnum && ok; i++) {
        if (s[i].type != 1 || s[i].memsz == 0)
            continue;
        ok = load_segment(pt, prog->start, &s[i]);
        if (s[i].vaddr + s[i].memsz > heap)
            heap = s[i].vaddr + s[i].memsz;
    }
    if (!ok || !push_args(pt, args, argc, len, &sp)) {
        vm_user_free(pt);
        return -1;
    }
    intr_push();
    old = p->pt;
    p->pt = pt;
    p->hart = p->fp_hart = -1; /* stale translations and instructions go before it runs */
    p->fp_on = false;
    intr_pop();
    p->heap = p->brk = (heap + PAGE - 1) & ~(PAGE - 1);
    memset(p->name, 0, sizeof p->name);
    memcpy(p->name, name, strlen(name) < sizeof p->name ? strlen(name) : sizeof p->name - 1);
    memset(p->tf->x, 0, sizeof p->tf->x);
    p->tf->epc = h->entry;
    p->tf->x[SP] = sp;
    p->tf->x[A1] = sp;
    vm_user_free(old);
    return argc;
}
