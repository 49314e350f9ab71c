/* SPDX-License-Identifier: MIT */
/* Files with symbols and debug information of code that comes into memory by other ways than -kernel: a kernel's programs, relocated code. */
#include "monitor/debug/repl_int.h"

#include "load.h"
#include "machine.h"
#include "monitor/debug/source.h"
#include "symbols.h"

#include <errno.h>
#include <gelf.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* Where the file's section .text was linked, or 0. */
static uint64_t text_address(const struct file_data *f)
{
    uint64_t at = 0;
    size_t names;
    Elf_Scn *scn = NULL;
    GElf_Shdr sh;
    Elf *elf = elf_version(EV_CURRENT) == EV_NONE ? NULL : elf_memory((char *)f->data, f->size);
    if (elf && !elf_getshdrstrndx(elf, &names))
        while ((scn = elf_nextscn(elf, scn)) && gelf_getshdr(scn, &sh)) {
            const char *name = elf_strptr(elf, names, sh.sh_name);
            if (name && !strcmp(name, ".text"))
                at = sh.sh_addr;
        }
    elf_end(elf);
    return at;
}

/* By how much the file's code was moved when its .text now lies at `text`. */
static int bias_of(const char *path, uint64_t text, uint64_t *bias, struct err *e)
{
    struct file_data f;
    int rc = file_read(path, &f, e);
    if (rc)
        return rc;
    uint64_t linked = f.size ? text_address(&f) : 0;
    file_release(&f);
    if (!linked)
        return err_set(e, -EINVAL, "%s: no section .text is in it: give -o OFFSET", path);
    *bias = text - linked;
    return 0;
}

void repl_add_files(struct repl *r, const char *program, const char *more)
{
    const char *path, *named[] = {program, more};
    uint64_t bias;
    struct err ignored; /* a file may be without debug information: then there are symbols only */
    const struct symbols *s = machine_symbols(debugger_machine(r->d));
    for (size_t i = 0; (path = symbols_object_row(s, i, &bias)); i++)
        if (!source_has_object(r->source, path, &bias, NULL))
            (void)!source_add(r->source, path, bias, &ignored);
    for (unsigned i = 0; i < ARRAY_LEN(named); i++) {
        path = named[i];
        if (path && strcmp(path, "default") && strcmp(path, "none") && !source_has_object(r->source, path, NULL, NULL))
            (void)!source_add(r->source, path, 0, &ignored);
    }
}

/* FILE [ADDRESS] [-o OFFSET] */
int cmd_add_symbol_file(struct repl *r, const char *args, struct err *e)
{
    char path[1024], word[64];
    uint64_t bias = 0, text = 0;
    bool offset = false, moved = false;
    while (take_keyword(&args, "-readnow", 3)) /* gdb's, and always so here */
        ;
    if (!take_word(&args, path, sizeof path))
        return err_set(
            e, -EINVAL,
            "add-symbol-file: give an ELF file; behind it the address of its .text, or -o OFFSET, where it was moved");
    while (take_word(&args, word, sizeof word)) {
        offset = !strcmp(word, "-o");
        if (offset && !take_word(&args, word, sizeof word))
            return err_set(e, -EINVAL, "add-symbol-file -o: give by how much the addresses were moved");
        if (eval_u64(r, word, offset ? &bias : &text, e))
            return -EINVAL;
        moved |= !offset;
    }
    if (moved && bias_of(path, text, &bias, e))
        return -EINVAL;
    size_t before = symbols_count(machine_symbols(debugger_machine(r->d)));
    int rc = machine_add_symbols(debugger_machine(r->d), path, bias, e);
    if (rc)
        return rc;
    bool debug = false;
    repl_add_files(r, NULL, NULL);
    (void)source_has_object(r->source, path, &bias, &debug);
    call_frames_free(r);
    out_printf(r->out, "%s: %zu symbols", path, symbols_count(machine_symbols(debugger_machine(r->d))) - before);
    if (bias)
        out_printf(r->out, ", moved by 0x%" PRIx64, bias);
    out_puts(r->out, debug ? "\n" : "; no debug information (compile it with -g)\n");
    return 0;
}

/* The files that names and lines come from. */
int cmd_info_files(struct repl *r, const char *args, struct err *e)
{
    const char *path;
    uint64_t bias;
    const struct symbols *s = machine_symbols(debugger_machine(r->d));
    if (no_arguments(args, e))
        return -EINVAL;
    for (size_t i = 0; (path = symbols_object_row(s, i, &bias)); i++) {
        out_printf(r->out, "%s", path);
        if (bias)
            out_printf(r->out, ", moved by 0x%" PRIx64, bias);
        out_puts(r->out, "\n");
    }
    return symbols_object_row(s, 0, &bias)
               ? 0
               : err_set(e, -ENOENT, "no ELF file with symbols was loaded: add-symbol-file FILE");
}
