/* SPDX-License-Identifier: MIT */
#include "monitor/debug/source_int.h"

#include <elf.h>
#include <errno.h>
#include <gelf.h>
#include <stdlib.h>
#include <string.h>

/* ---- The set of files ---- */

struct source *source_new(void)
{
    return calloc(1, sizeof(struct source));
}

static void object_release(struct object *o)
{
    if (o->eh_frame)
        dwarf_cfi_end(o->eh_frame);
    if (o->dwarf)
        dwarf_end(o->dwarf); /* .debug_frame goes with it */
    if (o->elf)
        elf_end(o->elf);
    file_release(&o->data);
    free(o->code);
    free(o->path);
    *o = (struct object){0};
}

void source_free(struct source *s)
{
    if (!s)
        return;
    for (size_t i = 0; i < s->nobjects; i++)
        object_release(&s->objects[i]);
    for (size_t i = 0; i < s->nfiles; i++)
        free(s->files[i]);
    source_free_texts(s);
    free(s->objects);
    free(s->rows);
    free(s->at);
    free(s->files);
    free(s->hash);
    free(s->sorted);
    free(s->funcs);
    free(s->ranges);
    free(s->names);
    ctype_free_all(s);
    free(s);
}

bool source_grow(void *array, size_t *cap, size_t n, size_t size)
{
    void **v = array;
    if (n < *cap)
        return true;
    size_t more = *cap ? 2 * *cap : 64;
    void *grown = more > SIZE_MAX / size ? NULL : realloc(*v, more * size);
    if (!grown)
        return false;
    *v = grown;
    *cap = more;
    return true;
}

/* ---- Names of files ---- */

static size_t hash_of(const char *name)
{
    uint64_t h = UINT64_C(0xcbf29ce484222325);
    for (; *name; name++)
        h = (h ^ (unsigned char)*name) * UINT64_C(0x100000001b3);
    return (size_t)(h ^ h >> 32);
}

static bool rehash(struct source *s)
{
    size_t n = s->nhash ? 2 * s->nhash : 256;
    uint32_t *hash = malloc(n * sizeof *hash);
    if (!hash)
        return false;
    memset(hash, 0xff, n * sizeof *hash);
    for (size_t i = 0; i < s->nfiles; i++) {
        size_t k = hash_of(s->files[i]) & (n - 1);
        while (hash[k] != NO_FILE)
            k = (k + 1) & (n - 1);
        hash[k] = (uint32_t)i;
    }
    free(s->hash);
    s->hash = hash;
    s->nhash = n;
    return true;
}

bool source_is_name(const char *name)
{
    enum { LONGEST = 4096 };
    size_t n = 0;
    while (n <= LONGEST && (unsigned char)name[n] >= ' ' && name[n] != 0x7f)
        n++;
    return n && n <= LONGEST && !name[n];
}

uint32_t source_intern(struct source *s, const char *name)
{
    if (2 * s->nfiles >= s->nhash && !rehash(s))
        return NO_FILE;
    size_t k = hash_of(name) & (s->nhash - 1);
    for (; s->hash[k] != NO_FILE; k = (k + 1) & (s->nhash - 1))
        if (!strcmp(s->files[s->hash[k]], name))
            return s->hash[k];
    if (s->nfiles >= NO_FILE || !source_grow(&s->files, &s->cap_files, s->nfiles, sizeof *s->files))
        return NO_FILE;
    char *copy = strdup(name);
    if (!copy)
        return NO_FILE;
    s->files[s->nfiles] = copy;
    s->hash[k] = (uint32_t)s->nfiles;
    return (uint32_t)s->nfiles++;
}

/* Is file the end of path, from a slash on? */
static bool names_file(const char *path, const char *file)
{
    size_t n = strlen(path), m = strlen(file);
    return m && m <= n && !strcmp(path + n - m, file) && (m == n || file[0] == '/' || path[n - m - 1] == '/');
}

const char *source_file(struct source *s, size_t i)
{
    return s && i < s->nsorted ? s->files[s->sorted[i]] : NULL;
}

/* The file with code that a name means: the whole path before the end of one. */
static uint32_t find_file(const struct source *s, const char *file)
{
    uint32_t found = NO_FILE;
    for (size_t i = 0; i < s->nsorted; i++) {
        const char *path = s->files[s->sorted[i]];
        if (!strcmp(path, file))
            return s->sorted[i];
        if (found == NO_FILE && names_file(path, file))
            found = s->sorted[i];
    }
    return found;
}

const char *source_find_file(struct source *s, const char *file)
{
    uint32_t f = s ? find_file(s, file) : NO_FILE;
    return f == NO_FILE ? NULL : s->files[f];
}

/* ---- Reading an ELF file ---- */

bool source_is_code(const struct object *o, uint64_t addr)
{
    for (size_t i = 0; i < o->ncode; i++)
        if (addr >= o->code[i].low && addr < o->code[i].high)
            return true;
    return false;
}

/* Its segments: where its code is, and what it takes of the address space. */
static int read_segments(struct object *o)
{
    enum { SEGMENTS = 256 };
    size_t n;
    if (elf_getphdrnum(o->elf, &n))
        return -EINVAL;
    n = n < SEGMENTS ? n : SEGMENTS;
    o->code = calloc(n ? n : 1, sizeof *o->code);
    if (!o->code)
        return -ENOMEM;
    o->low = UINT64_MAX;
    for (size_t i = 0; i < n; i++) {
        GElf_Phdr ph;
        if (!gelf_getphdr(o->elf, (int)i, &ph) || ph.p_type != PT_LOAD || ph.p_vaddr + ph.p_memsz < ph.p_vaddr ||
            !ph.p_memsz)
            continue;
        o->low = min_u64(o->low, ph.p_vaddr + o->bias);
        if (ph.p_vaddr + ph.p_memsz + o->bias > o->high)
            o->high = ph.p_vaddr + ph.p_memsz + o->bias;
        if (ph.p_flags & PF_X)
            o->code[o->ncode++] = (struct segment){ph.p_vaddr, ph.p_vaddr + ph.p_memsz};
    }
    return 0;
}

static int add_row(struct source *s, const struct object *o, Dwarf_Line *line, const char **last, uint32_t *file)
{
    Dwarf_Addr addr;
    int number = 0, column = 0;
    bool stmt = false, end = false, prologue_end = false;
    const char *name = dwarf_linesrc(line, NULL, NULL);
    if (dwarf_lineaddr(line, &addr) || dwarf_lineno(line, &number) || dwarf_linebeginstatement(line, &stmt) ||
        dwarf_lineendsequence(line, &end) || dwarf_lineprologueend(line, &prologue_end) || !name ||
        !source_is_name(name))
        return 0;
    if (!source_is_code(o, addr) && !(end && addr && source_is_code(o, addr - 1)))
        return 0; /* of a function that the linker left out */
    if (dwarf_linecol(line, &column) || column < 0 || column > UINT16_MAX)
        column = 0;
    if (name != *last) {
        *file = source_intern(s, name);
        *last = name;
    }
    if (*file == NO_FILE || !source_grow(&s->rows, &s->cap_rows, s->nrows, sizeof *s->rows))
        return -ENOMEM;
    s->rows[s->nrows] = (struct line_row){
        .addr = addr + o->bias,
        .file = *file,
        .line = number > 0 ? (uint32_t)number : 0,
        .order = (uint32_t)s->nrows,
        .column = (uint16_t)column,
        .stmt = stmt,
        .end = end,
        .prologue_end = prologue_end,
    };
    s->nrows++;
    return 0;
}

/* Line tables of all compilation units. Several units may have one table; no more rows are taken than the file has bytes. */
static int read_lines(struct source *s, struct object *o)
{
    Dwarf_CU *cu = NULL;
    Dwarf_Die die;
    size_t budget = o->data.size;
    Dwarf_Lines *seen = NULL;
    while (!dwarf_get_units(o->dwarf, cu, &cu, NULL, NULL, &die, NULL)) {
        Dwarf_Lines *lines;
        size_t n;
        const char *last = NULL;
        uint32_t file = NO_FILE;
        if (!dwarf_tag(&die) || dwarf_getsrclines(&die, &lines, &n) || lines == seen)
            continue;
        seen = lines;
        for (size_t i = 0; i < n; i++) {
            if (!budget--)
                return 0;
            int rc = add_row(s, o, dwarf_onesrcline(lines, i), &last, &file);
            if (rc)
                return rc;
        }
    }
    return 0;
}

/* By address; at one address what ends a sequence comes first. */
static int by_address(const void *a, const void *b)
{
    const struct line_row *x = a, *y = b;
    if (x->addr != y->addr)
        return x->addr < y->addr ? -1 : 1;
    if (x->end != y->end)
        return x->end ? -1 : 1;
    return x->order < y->order ? -1 : x->order > y->order;
}

static int by_name(const void *a, const void *b, void *files)
{
    char *const *f = files;
    return strcmp(f[*(const uint32_t *)a], f[*(const uint32_t *)b]);
}

/* Of the rows at one address the last counts: the last statement's, if there is one. */
static int settle_rows(struct source *s)
{
    struct line_row *at = realloc(s->at, (s->nrows + 1) * sizeof *at);
    if (!at)
        return -ENOMEM;
    s->at = at;
    s->nat = 0;
    for (size_t i = 0; i < s->nrows; i++) {
        struct line_row *r = &s->rows[i], *known = s->nat ? &at[s->nat - 1] : NULL;
        r->order = (uint32_t)i; /* so that they stay as they are when more are added */
        if (!known || known->addr != r->addr)
            at[s->nat++] = *r;
        else if (known->end || r->stmt || !known->stmt)
            *known = *r;
    }
    return 0;
}

static int sort_all(struct source *s)
{
    if (s->nrows)
        qsort(s->rows, s->nrows, sizeof *s->rows, by_address);
    source_sort_functions(s);
    int rc = settle_rows(s);
    if (rc)
        return rc;
    bool *has_code = calloc(s->nfiles + 1, sizeof *has_code);
    uint32_t *sorted = realloc(s->sorted, (s->nfiles + 1) * sizeof *sorted);
    if (sorted)
        s->sorted = sorted;
    if (!has_code || !sorted) {
        free(has_code);
        return -ENOMEM;
    }
    for (size_t i = 0; i < s->nrows; i++)
        has_code[s->rows[i].file] = has_code[s->rows[i].file] || !s->rows[i].end;
    s->nsorted = 0;
    for (size_t i = 0; i < s->nfiles; i++)
        if (has_code[i])
            s->sorted[s->nsorted++] = (uint32_t)i;
    qsort_r(s->sorted, s->nsorted, sizeof *s->sorted, by_name, s->files);
    free(has_code);
    return 0;
}

static int open_object(struct object *o, const char *path, struct err *e)
{
    GElf_Ehdr eh;
    int rc = file_read(path, &o->data, e);
    if (rc)
        return rc;
    if (!(o->path = strdup(path)) || elf_version(EV_CURRENT) == EV_NONE)
        return err_set(e, -ENOMEM, "%s: no memory to read its debug information", path);
    o->elf = elf_memory((char *)o->data.data, o->data.size);
    if (!o->elf || elf_kind(o->elf) != ELF_K_ELF || !gelf_getehdr(o->elf, &eh))
        return err_set(e, -EINVAL,
                       "%s: is no ELF file: symbols and source lines come from the ELF file that was linked", path);
    if (eh.e_machine != EM_RISCV || eh.e_ident[EI_CLASS] != ELFCLASS64 || eh.e_ident[EI_DATA] != ELFDATA2LSB)
        return err_set(e, -EINVAL, "%s: is no ELF file for RISC-V with 64 bits", path);
    rc = read_segments(o);
    if (rc)
        return err_set(e, rc, "%s: its ELF program headers cannot be read", path);
    o->dwarf = dwarf_begin_elf(o->elf, DWARF_C_READ, NULL); /* NULL: none, or none that can be read */
    return 0;
}

int source_add(struct source *s, const char *path, uint64_t bias, struct err *e)
{
    struct object o = {.bias = bias};
    int rc = open_object(&o, path, e);
    struct object *grown = rc ? NULL : realloc(s->objects, (s->nobjects + 1) * sizeof *grown);
    if (!grown) {
        object_release(&o);
        return rc ? rc : err_set(e, -ENOMEM, "%s: no memory to read its debug information", path);
    }
    s->objects = grown;
    s->objects[s->nobjects++] = o;
    if (o.dwarf) {
        rc = read_lines(s, &s->objects[s->nobjects - 1]);
        if (!rc)
            rc = source_read_functions(s, (uint32_t)(s->nobjects - 1), o.data.size);
    }
    if (!rc)
        rc = sort_all(s);
    return rc ? err_set(e, rc, "%s: no memory to read its debug information", path) : 0;
}

const char *source_object(const struct source *s, uint64_t addr)
{
    for (size_t i = 0; s && i < s->nobjects; i++)
        if (addr >= s->objects[i].low && addr < s->objects[i].high)
            return s->objects[i].path;
    return NULL;
}

bool source_has_object(const struct source *s, const char *path, const uint64_t *bias, bool *debug)
{
    for (size_t i = 0; s && i < s->nobjects; i++) {
        const struct object *o = &s->objects[i];
        if (strcmp(o->path, path) || (bias && o->bias != *bias))
            continue;
        if (debug)
            *debug = o->dwarf != NULL;
        return true;
    }
    return false;
}

bool source_has_lines(const struct source *s)
{
    return s && s->nsorted;
}

/* ---- Addresses to lines ---- */

const struct line_row *source_row_at(const struct source *s, uint64_t addr)
{
    size_t lo = 0, hi = s->nat; /* the first row above addr lies in [lo, hi] */
    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        if (s->at[mid].addr <= addr)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo && lo < s->nat && !s->at[lo - 1].end ? &s->at[lo - 1] : NULL;
}

bool source_at(struct source *s, uint64_t addr, struct source_place *p)
{
    const struct line_row *r = s ? source_row_at(s, addr) : NULL;
    if (!r || !r->line)
        return false;
    *p = (struct source_place){s->files[r->file], r->line, r->column, r->stmt, r->addr, r[1].addr};
    return true;
}

static bool same_line(const struct line_row *a, const struct line_row *b)
{
    return a->line == b->line && a->file == b->file;
}

bool source_step_range(struct source *s, uint64_t addr, uint64_t *low, uint64_t *high)
{
    const struct line_row *r = s ? source_row_at(s, addr) : NULL;
    struct source_function f = {.low = 0, .high = UINT64_MAX};
    if (!r || !r->line)
        return false;
    if (!source_function_at(s, addr, &f))
        f = (struct source_function){.low = 0, .high = UINT64_MAX};
    const struct line_row *first = r, *next = r + 1, *end = s->at + s->nat;
    while (first > s->at && !first[-1].end && first[-1].addr >= f.low && (!first->stmt || same_line(first - 1, first)))
        first--;
    while (next + 1 < end && !next->end && next->addr < f.high && (!next->stmt || same_line(next, first)))
        next++;
    *low = first->addr;
    *high = next->addr;
    return true;
}

/* ---- Lines to addresses ---- */

bool source_line_limits(struct source *s, const char *file, unsigned *first, unsigned *last)
{
    uint32_t f = s ? find_file(s, file) : NO_FILE;
    *first = UINT32_MAX;
    *last = 0;
    for (size_t i = 0; f != NO_FILE && i < s->nrows; i++) {
        const struct line_row *r = &s->rows[i];
        if (r->file != f || r->end || !r->line)
            continue;
        *first = r->line < *first ? r->line : *first;
        *last = r->line > *last ? r->line : *last;
    }
    return *last != 0;
}

/* The first line from `line` on of which a statement begins; 0: none. */
static unsigned line_with_code(const struct source *s, uint32_t file, unsigned line)
{
    unsigned best = 0;
    for (size_t i = 0; i < s->nrows; i++) {
        const struct line_row *r = &s->rows[i];
        if (r->file == file && r->stmt && !r->end && r->line >= line && (!best || r->line < best))
            best = r->line;
    }
    return best;
}

/* Where a breakpoint goes that is meant for row r. */
static uint64_t behind_prologue(struct source *s, const struct line_row *r)
{
    struct source_function f;
    if (!source_function_at(s, r->addr, &f) || f.low != r->addr)
        return r->addr;
    const struct line_row *first = r;
    while (first > s->rows && first[-1].addr == r->addr && !first[-1].end)
        first--;
    return first->line == r->line && first->file == r->file ? f.body : r->addr;
}

unsigned source_find_line(struct source *s, const char *file, unsigned line, uint64_t *va, unsigned max,
                          unsigned *actual)
{
    enum { BLOCKS = 64 };
    uint64_t block[BLOCKS];
    uint32_t f = s ? find_file(s, file) : NO_FILE;
    unsigned n = 0, at = f == NO_FILE ? 0 : line_with_code(s, f, line);
    if (actual)
        *actual = at;
    for (size_t i = 0; at && i < s->nrows && n < BLOCKS; i++) {
        const struct line_row *r = &s->rows[i];
        if (r->file != f || r->line != at || !r->stmt || r->end)
            continue;
        uint64_t b = source_block_at(s, r->addr); /* rows come by address: the first of a block is its lowest */
        unsigned k = 0;
        while (k < n && block[k] != b)
            k++;
        if (k < n)
            continue;
        block[n] = b;
        if (n < max)
            va[n] = behind_prologue(s, r);
        n++;
    }
    return n;
}

/* ---- Call frames ---- */

struct Dwarf_CFI_s *source_cfi(struct source *s, uint64_t addr, unsigned n, uint64_t *bias)
{
    for (size_t i = 0; s && i < s->nobjects; i++) {
        struct object *o = &s->objects[i];
        if (!source_is_code(o, addr - o->bias))
            continue;
        if (!o->frame_asked) {
            o->frame_asked = true;
            o->frame = o->dwarf ? dwarf_getcfi(o->dwarf) : NULL;
            o->eh_frame = dwarf_getcfi_elf(o->elf);
        }
        *bias = o->bias;
        if (o->frame && n-- == 0)
            return o->frame;
        if (o->eh_frame && n-- == 0)
            return o->eh_frame;
    }
    return NULL;
}
