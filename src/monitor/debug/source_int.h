/* SPDX-License-Identifier: MIT */
/* What the parts of source.h share. */
#ifndef VITRINE_SOURCE_INT_H
#define VITRINE_SOURCE_INT_H

#include "load.h"
#include "monitor/debug/source.h"

#include <elfutils/libdw.h>
#include <libelf.h>

/* A row of the line table: [addr, the next row's addr) */
struct line_row {
    uint64_t addr;
    uint32_t file; /* struct source.files[] */
    uint32_t line;
    uint32_t order; /* in the table as it was read; then its place in struct source.rows[] */
    uint16_t column;
    bool stmt, end, prologue_end;
};

/* A part of a function's code. */
struct func_range {
    uint64_t low, high;
    uint32_t func; /* struct source.funcs[] */
};

struct func {
    const char *name;   /* libdw's */
    uint64_t low, high; /* its first range: where it is entered */
    uint32_t object;    /* struct source.objects[] */
    uint32_t file, line;
    bool assembler; /* its code begins with its body */
    Dwarf_Off die;
};

struct segment {
    uint64_t low, high; /* code, bias not added */
};

struct object {
    char *path;
    struct file_data data; /* libelf reads from it */
    Elf *elf;
    Dwarf *dwarf; /* NULL: no debug information */
    Dwarf_CFI *frame, *eh_frame;
    bool frame_asked;
    uint64_t bias;
    uint64_t low, high; /* its addresses in memory, bias added */
    struct segment *code;
    size_t ncode;
};

struct text_file {
    char *name;
    struct file_data data;
    size_t *starts; /* of its lines, and one more: the end */
    size_t nlines;
    char *problem; /* why it cannot be read */
};

/* Of the beginning of files' names. */
struct substitution {
    char *from, *to;
};

struct source {
    struct object *objects;
    size_t nobjects;
    struct line_row *rows; /* all of them, by address */
    size_t nrows, cap_rows;
    struct line_row *at; /* one for each address: the one that counts there */
    size_t nat;
    char **files;
    size_t nfiles, cap_files;
    uint32_t *hash;   /* of names to files, open addressing, NO_FILE = free */
    size_t nhash;     /* a power of two, or 0 */
    uint32_t *sorted; /* the files with code, by name */
    size_t nsorted;
    struct func *funcs;
    size_t nfuncs, cap_funcs;
    struct func_range *ranges;
    size_t nranges, cap_ranges;
    struct text_file *texts;
    size_t ntexts;
    struct substitution *subst;
    size_t nsubst;
    struct source_name *names; /* source_names.c: sorted */
    size_t nnames, cap_names;
    size_t named_objects;     /* so many of the objects are in it */
    struct ctype_node *types; /* ctype.c: those that were asked for */
};

enum { NO_FILE = UINT32_MAX };

/* Makes room for one more element behind n. False: no memory. */
MUST_USE bool source_grow(void *array, size_t *cap, size_t n, size_t size);
/* The number of a file by its name, which is added if it is new; NO_FILE: no memory. *hint: an earlier answer. */
uint32_t source_intern(struct source *s, const char *name);
/* Can a terminal be shown this name? What a damaged file calls a name need not be one. */
bool source_is_name(const char *name);
/* Does addr (bias not added) lie in the object's code? */
bool source_is_code(const struct object *o, uint64_t addr);
/* The row that holds addr, of s->at; NULL: none. There is one behind it. */
const struct line_row *source_row_at(const struct source *s, uint64_t addr);

/* source_func.c. budget: how many more entries may be looked at. */
MUST_USE int source_read_functions(struct source *s, uint32_t object, size_t budget);
void source_sort_functions(struct source *s);
/* The entry of the function that holds addr. False: unknown. */
bool source_function_entry(const struct source *s, uint64_t addr, uint32_t *object, Dwarf_Off *die);
/* What tells apart the copies of a line: the innermost inlined call that holds addr, else the function, else 0. */
uint64_t source_block_at(struct source *s, uint64_t addr);

/* source_names.c: what units declare outside of functions, by name. */
enum source_name_kind {
    NAME_VARIABLE,
    NAME_STRUCT,
    NAME_UNION,
    NAME_ENUM,
    NAME_TYPE /* typedefs, base types */,
    NAME_CONSTANT,
    NAME_INLINE /* functions that are inlined */
};
struct source_name {
    const char *name; /* libdw's */
    Dwarf_Off die;
    uint32_t object;
    uint32_t kind;
};
/* The n-th of that name. False: there are no more. */
bool source_find_name(struct source *s, enum source_name_kind kind, const char *name, size_t n,
                      struct source_name *hit);

/* ctype.c. entry: a Dwarf_Die of that object, with a type. NULL: void. */
struct ctype;
const struct ctype *ctype_of(struct source *s, uint32_t object, void *entry);
void ctype_free_all(struct source *s);

/* source_text.c */
void source_free_texts(struct source *s);

#endif
