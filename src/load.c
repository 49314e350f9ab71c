/* SPDX-License-Identifier: MIT */
#include "load.h"

#include "base/text.h"

#include <errno.h>
#include <fcntl.h>
#include <gelf.h>
#include <libelf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

/* Nothing that a guest of this machine boots from is larger; what is unpacked may not grow beyond it either. */
#define FILE_MAX (UINT64_C(4) << 30)

int file_read(const char *path, struct file_data *f, struct err *e)
{
    struct stat st;
    *f = (struct file_data){NULL, 0};
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return err_set(e, -errno, "%s: %s", path, strerror(errno));
    int rc = 0;
    size_t cap = 1 << 16;
    if (fstat(fd, &st) == 0 && S_ISDIR(st.st_mode)) {
        rc = err_set(e, -EISDIR, "%s: is a directory: give a file", path);
        goto out;
    }
    if (S_ISREG(st.st_mode) && st.st_size > 0)
        cap = (size_t)st.st_size + 1;
    for (;;) {
        if (cap > FILE_MAX) {
            rc = err_set(e, -EFBIG, "%s: larger than %s", path, text_size(FILE_MAX).s);
            goto out;
        }
        uint8_t *grown = realloc(f->data, cap);
        if (!grown) {
            rc = err_set(e, -ENOMEM, "%s: no memory for %s", path, text_size(cap).s);
            goto out;
        }
        f->data = grown;
        ssize_t n = read(fd, f->data + f->size, cap - f->size);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0) {
            rc = err_set(e, -errno, "%s: %s", path, strerror(errno));
            goto out;
        }
        if (n == 0)
            break;
        f->size += (size_t)n;
        if (f->size == cap)
            cap *= 2;
    }
out:
    close(fd);
    if (rc)
        file_release(f);
    return rc;
}

void file_release(struct file_data *f)
{
    free(f->data);
    *f = (struct file_data){NULL, 0};
}

/* ---- Placing bytes ---- */

/* Why [at, at + size) cannot be loaded, and what helps. what: "segment 2", "initrd". */
static int place_error(struct bus *b, const char *name, const char *what, uint64_t at, uint64_t size, struct err *e)
{
    const struct mem_region *r = bus_memory_at(b, at);
    if (!r)
        return err_set(e, -EINVAL,
                       "%s: %s at %s (%s) lies outside memory (RAM is at 0x8000_0000): link it for 0x8000_0000 or "
                       "above, or give more with -m",
                       name, what, text_hex(at).s, text_size(size).s);
    uint64_t need = (size + (at - r->base) + (UINT64_C(1) << 20) - 1) >> 20, give = 1;
    while (give < need)
        give *= 2;
    if (r->readonly || give << 20 > UINT64_C(64) << 30 || size > UINT64_MAX / 2)
        return err_set(e, -EINVAL, "%s: %s at %s (%s) ends past %s (%s at %s)", name, what, text_hex(at).s,
                       text_size(size).s, r->name, text_size(r->size).s, text_hex(r->base).s);
    return err_set(e, -EINVAL, "%s: %s at %s (%s) ends past RAM (%s at %s): give -m %lluM", name, what, text_hex(at).s,
                   text_size(size).s, text_size(r->size).s, text_hex(r->base).s, (unsigned long long)give);
}

static bool fits(struct bus *b, uint64_t at, uint64_t size)
{
    const struct mem_region *r = bus_memory_at(b, at);
    return r && size <= r->size - (at - r->base);
}

int load_bytes(struct bus *b, const char *name, const char *what, uint64_t at, const void *data, uint64_t size,
               struct err *e)
{
    if (!size)
        return 0;
    if (!fits(b, at, size) || !bus_load(b, at, data, size))
        return place_error(b, name, what, at, size, e);
    return 0;
}

/* Zeroes [at, at + size), which fits; pages that are zero already stay untouched, so that they need no host memory. */
static bool load_zeros(struct bus *b, uint64_t at, uint64_t size)
{
    static const uint8_t zeros[PAGE_SIZE];
    uint8_t now[PAGE_SIZE];
    while (size) {
        size_t n = (size_t)min_u64(size, PAGE_SIZE - (at & (PAGE_SIZE - 1)));
        if (!bus_dma_read(b, at, now, n) || (memcmp(now, zeros, n) && !bus_load(b, at, zeros, n)))
            return false;
        at += n;
        size -= n;
    }
    return true;
}

/* ---- ELF ---- */

/* Is it a name that a terminal may be shown? Its length is at most max. */
static bool plain_name(const char *name, size_t max)
{
    size_t n = strnlen(name, max + 1);
    for (size_t i = 0; i < n; i++)
        if ((unsigned char)name[i] < ' ' || name[i] == 0x7f)
            return false;
    return n <= max;
}

/* file_size: bytes. Any number of symbols may share one long name in the file; the names kept are no more than a few times its size. */
static int load_symbols(Elf *elf, const char *file, size_t file_size, uint64_t bias, struct symbols *syms)
{
    enum { NAME_MAX_LENGTH = 4096, SHARED = 8 };
    if (!symbols_object(syms, file, bias))
        return -ENOMEM;
    size_t room = file_size > SIZE_MAX / SHARED ? SIZE_MAX : file_size * SHARED;
    for (Elf_Scn *scn = NULL; (scn = elf_nextscn(elf, scn));) {
        GElf_Shdr sh;
        if (!gelf_getshdr(scn, &sh) || sh.sh_type != SHT_SYMTAB || sh.sh_entsize == 0)
            continue;
        Elf_Data *d = elf_getdata(scn, NULL);
        for (size_t i = 0; d && i < d->d_size / sizeof(Elf64_Sym) && i < INT32_MAX; i++) {
            GElf_Sym s;
            if (!gelf_getsym(d, (int)i, &s) || s.st_shndx == SHN_UNDEF)
                continue;
            unsigned type = GELF_ST_TYPE(s.st_info);
            if (type != STT_NOTYPE && type != STT_OBJECT && type != STT_FUNC)
                continue;
            const char *name = elf_strptr(elf, sh.sh_link, s.st_name);
            /* Mapping symbols ($x, $d) and the assembler's local labels name nothing. */
            if (!name || !*name || *name == '$' || !strncmp(name, ".L", 2) ||
                !plain_name(name, min_u64(room, NAME_MAX_LENGTH)))
                continue;
            room -= strlen(name);
            enum symbol_kind kind = type == STT_FUNC     ? SYMBOL_FUNCTION
                                    : type == STT_OBJECT ? SYMBOL_DATA
                                                         : SYMBOL_LABEL;
            if (!symbols_add(syms, name, s.st_value + bias, s.st_size, kind))
                return -ENOMEM;
        }
    }
    symbols_sort(syms);
    return 0;
}

/* What to add to a position-independent file's addresses: nothing where they are in memory, else what brings the lowest to base. */
static uint64_t choose_bias(struct bus *b, Elf *elf, uint64_t base)
{
    size_t count;
    uint64_t low = UINT64_MAX;
    GElf_Phdr ph;
    if (elf_getphdrnum(elf, &count))
        return 0;
    for (size_t i = 0; i < count && i < INT32_MAX; i++)
        if (gelf_getphdr(elf, (int)i, &ph) && ph.p_type == PT_LOAD && ph.p_memsz)
            low = min_u64(low, ph.p_paddr);
    const struct mem_region *r = low == UINT64_MAX ? NULL : bus_memory_at(b, low);
    return low == UINT64_MAX || (r && !r->readonly) ? 0 : base - (low & PAGE_MASK);
}

static int load_segments(struct bus *b, const char *name, Elf *elf, const uint8_t *data, size_t size,
                         struct load_image *img, struct err *e)
{
    size_t count;
    bool entry_found = false;
    uint64_t entry = img->entry;
    if (elf_getphdrnum(elf, &count))
        return err_set(e, -EINVAL, "%s: bad ELF program headers: %s", name, elf_errmsg(-1));
    img->low = UINT64_MAX;
    img->high = 0;
    for (size_t i = 0; i < count && i < INT32_MAX; i++) {
        GElf_Phdr ph;
        char what[32];
        if (!gelf_getphdr(elf, (int)i, &ph))
            return err_set(e, -EINVAL, "%s: bad ELF program header %zu: %s", name, i, elf_errmsg(-1));
        if (ph.p_type != PT_LOAD || !ph.p_memsz)
            continue;
        snprintf(what, sizeof what, "segment %zu", i);
        ph.p_paddr += img->bias;
        if (ph.p_offset > size || ph.p_filesz > size - ph.p_offset || ph.p_filesz > ph.p_memsz)
            return err_set(e, -EINVAL,
                           "%s: %s claims %s at file offset %s, and the file has %s: it is cut short or damaged", name,
                           what, text_size(ph.p_filesz).s, text_hex(ph.p_offset).s, text_size(size).s);
        if (!fits(b, ph.p_paddr, ph.p_memsz))
            return place_error(b, name, what, ph.p_paddr, ph.p_memsz, e);
        if ((ph.p_filesz && !bus_load(b, ph.p_paddr, data + ph.p_offset, ph.p_filesz)) ||
            !load_zeros(b, ph.p_paddr + ph.p_filesz, ph.p_memsz - ph.p_filesz))
            return place_error(b, name, what, ph.p_paddr, ph.p_memsz, e);
        img->low = min_u64(img->low, ph.p_paddr);
        if (ph.p_paddr + ph.p_memsz > img->high)
            img->high = ph.p_paddr + ph.p_memsz;
        /* A kernel linked at its virtual addresses enters at the physical place of its entry. */
        if (!entry_found && entry - ph.p_vaddr < ph.p_memsz) {
            img->entry = entry - ph.p_vaddr + ph.p_paddr;
            entry_found = true;
        }
    }
    if (!img->high)
        return err_set(e, -EINVAL, "%s: the ELF file has no segment to load: give an executable, not an object file",
                       name);
    return 0;
}

/* Opens what data holds; it must be a linked RISC-V program. libelf may change its memory image (it does not ask for a const one): it gets
 * *copy, to be freed behind elf_end(). */
static int open_elf(const char *name, const uint8_t *data, size_t size, Elf **elf, char **copy, GElf_Ehdr *eh,
                    struct err *e)
{
    *elf = NULL;
    *copy = NULL;
    if (elf_version(EV_CURRENT) == EV_NONE)
        return err_set(e, -EINVAL, "%s: libelf is too old", name);
    *copy = malloc(size);
    if (!*copy)
        return err_set(e, -ENOMEM, "%s: no memory for %s", name, text_size(size).s);
    memcpy(*copy, data, size);
    *elf = elf_memory(*copy, size);
    if (!*elf || elf_kind(*elf) != ELF_K_ELF || !gelf_getehdr(*elf, eh))
        return err_set(e, -EINVAL, "%s: bad ELF header: %s", name, elf_errmsg(-1));
    if (eh->e_machine != EM_RISCV || eh->e_ident[EI_CLASS] != ELFCLASS64 || eh->e_ident[EI_DATA] != ELFDATA2LSB)
        return err_set(e, -EINVAL,
                       "%s: an ELF file for %s machine %u, %s, %s-endian: give one for RISC-V, 64 bits, little-endian",
                       name, eh->e_machine == EM_RISCV ? "RISC-V," : "another,", eh->e_machine,
                       eh->e_ident[EI_CLASS] == ELFCLASS64 ? "64 bits" : "32 bits",
                       eh->e_ident[EI_DATA] == ELFDATA2LSB ? "little" : "big");
    if (eh->e_type != ET_EXEC && eh->e_type != ET_DYN)
        return err_set(e, -EINVAL, "%s: an ELF file of type %u: give a linked executable", name, eh->e_type);
    return 0;
}

static int load_elf(struct bus *b, const char *name, const uint8_t *data, size_t size, uint64_t base,
                    struct load_image *img, struct symbols *syms, struct err *e)
{
    GElf_Ehdr eh;
    Elf *elf;
    char *copy;
    int rc = open_elf(name, data, size, &elf, &copy, &eh, e);
    if (!rc) {
        img->format = LOAD_ELF;
        img->entry = eh.e_entry;
        img->bias = eh.e_type == ET_DYN ? choose_bias(b, elf, base) : 0;
        rc = load_segments(b, name, elf, data, size, img, e);
        if (!rc && syms && (rc = load_symbols(elf, name, size, img->bias, syms)))
            err_set(e, rc, "%s: no memory for its symbols", name);
    }
    elf_end(elf);
    free(copy);
    return rc;
}

int load_symbols_file(const char *path, uint64_t bias, struct symbols *syms, struct err *e)
{
    struct file_data f;
    GElf_Ehdr eh;
    Elf *elf = NULL;
    char *copy = NULL;
    int rc = file_read(path, &f, e);
    if (!rc && !f.size)
        rc = err_set(e, -EINVAL, "%s: the file is empty", path);
    if (!rc)
        rc = open_elf(path, f.data, f.size, &elf, &copy, &eh, e);
    if (!rc && (rc = load_symbols(elf, path, f.size, bias, syms)))
        err_set(e, rc, "%s: no memory for its symbols", path);
    elf_end(elf);
    free(copy);
    file_release(&f);
    return rc;
}

/* ---- Linux images ---- */

static uint64_t le(const uint8_t *p, unsigned bytes)
{
    uint64_t v = 0;
    for (unsigned i = 0; i < bytes; i++)
        v |= (uint64_t)p[i] << (8 * i);
    return v;
}

/* The image header of Linux, Documentation/arch/riscv/boot-image-header.rst: 8 text_offset | 16 image_size | 24 flags | 48 "RISCV" | 56 "RSC\5" */
static bool is_linux_image(const uint8_t *d, size_t n)
{
    return n >= 64 && (!memcmp(d + 48, "RISCV\0\0", 8) || !memcmp(d + 56, "RSC\x05", 4));
}

static int load_linux(struct bus *b, const char *name, const uint8_t *d, size_t n, uint64_t ram_base,
                      struct load_image *img, struct err *e)
{
    uint64_t offset = le(d + 8, 8), size = le(d + 16, 8);
    if (size < n)
        size = n;
    img->format = LOAD_LINUX;
    img->low = img->entry = ram_base + offset;
    img->high = img->low + size;
    if (offset >= FILE_MAX || !fits(b, img->low, size))
        return place_error(b, name, "Linux image", img->low, size, e);
    return load_bytes(b, name, "Linux image", img->low, d, n, e);
}

/* Unpacks the gzip stream d into out. */
static int gunzip(const char *name, const uint8_t *d, size_t n, struct file_data *out, struct err *e)
{
    z_stream z = {0};
    size_t cap = n < FILE_MAX / 8 ? n * 4 + 4096 : FILE_MAX;
    *out = (struct file_data){malloc(cap), 0};
    if (!out->data || inflateInit2(&z, 15 + 16) != Z_OK) { /* 15: the largest window, + 16: gzip's header */
        file_release(out);
        return err_set(e, -ENOMEM, "%s: no memory to unpack it", name);
    }
    size_t in = 0;
    int zrc = Z_OK, rc = 0;
    while (zrc != Z_STREAM_END && !rc) {
        if (out->size == cap) {
            uint8_t *grown = cap >= FILE_MAX ? NULL : realloc(out->data, cap *= 2);
            if (!grown) {
                rc = err_set(e, -EFBIG, "%s: unpacks to more than %s", name, text_size(out->size).s);
                break;
            }
            out->data = grown;
        }
        size_t give = min_u64(n - in, 1 << 30), room = min_u64(cap - out->size, 1 << 30);
        z.next_in = (Bytef *)(uintptr_t)(d + in);
        z.avail_in = (uInt)give;
        z.next_out = out->data + out->size;
        z.avail_out = (uInt)room;
        zrc = inflate(&z, Z_NO_FLUSH);
        in += give - z.avail_in;
        out->size += room - z.avail_out;
        if (zrc != Z_OK && zrc != Z_STREAM_END)
            rc = err_set(e, -EINVAL, "%s: its gzip data is %s", name, zrc == Z_BUF_ERROR ? "cut short" : "damaged");
    }
    inflateEnd(&z);
    if (rc)
        file_release(out);
    return rc;
}

/* An EFI image that unpacks itself: 0 "MZ" | 4 "zimg" | 8 offset | 12 size of the payload | 24 name of the compression. */
static bool is_zboot(const uint8_t *d, size_t n)
{
    return n >= 64 && !memcmp(d, "MZ", 2) && !memcmp(d + 4, "zimg", 4);
}

static bool is_gzip(const uint8_t *d, size_t n)
{
    return n >= 18 && d[0] == 0x1f && d[1] == 0x8b;
}

/* Loads what is not compressed. */
static bool is_elf(const uint8_t *d, size_t n)
{
    return n >= 4 && !memcmp(d, "\177ELF", 4);
}

static int load_plain(struct bus *b, const char *name, const uint8_t *d, size_t n, uint64_t ram_base,
                      uint64_t flat_base, struct load_image *img, struct symbols *syms, struct err *e)
{
    if (is_elf(d, n))
        return load_elf(b, name, d, n, flat_base, img, syms, e);
    if (is_linux_image(d, n))
        return load_linux(b, name, d, n, ram_base, img, e);
    if (n >= 4 && !memcmp(d, "\x28\xb5\x2f\xfd", 4))
        return err_set(e, -EINVAL, "%s: compressed by zstd: unpack it first (zstd -d %s)", name, name);
    if (n >= 6 && !memcmp(d,
                          "\xfd"
                          "7zXZ",
                          6))
        return err_set(e, -EINVAL, "%s: compressed by xz: unpack it first (xz -d %s)", name, name);
    *img = (struct load_image){LOAD_FLAT, flat_base, flat_base, flat_base + n, 0};
    return load_bytes(b, name, "flat binary", flat_base, d, n, e);
}

int load_image(struct bus *b, const char *name, const void *data, size_t size, uint64_t ram_base, uint64_t flat_base,
               struct load_image *img, struct symbols *syms, struct err *e)
{
    const uint8_t *d = data;
    *img = (struct load_image){LOAD_FLAT, 0, 0, 0, 0};
    if (!size)
        return err_set(e, -EINVAL, "%s: the file is empty", name);
    if (is_zboot(d, size)) {
        uint64_t at = le(d + 8, 4), n = le(d + 12, 4);
        if (at > size || n > size - at)
            return err_set(e, -EINVAL, "%s: its EFI zboot payload lies past the end of the file: it is cut short",
                           name);
        if (strncmp((const char *)d + 24, "gzip", 4))
            return err_set(e, -EINVAL, "%s: an EFI zboot image compressed by %.6s: give the Image inside it, unpacked",
                           name, (const char *)d + 24);
        d += at;
        size = n;
    }
    if (!is_gzip(d, size))
        return load_plain(b, name, d, size, ram_base, flat_base, img, syms, e);
    struct file_data plain;
    int rc = gunzip(name, d, size, &plain, e);
    if (rc)
        return rc;
    rc = plain.size ? load_plain(b, name, plain.data, plain.size, ram_base, flat_base, img, syms, e)
                    : err_set(e, -EINVAL, "%s: unpacks to nothing", name);
    file_release(&plain);
    return rc;
}

int load_extra(struct bus *b, const char *path, uint64_t at, bool raw, struct load_image *img, struct symbols *syms,
               struct err *e)
{
    struct file_data f;
    int rc = file_read(path, &f, e);
    if (rc)
        return rc;
    *img = (struct load_image){LOAD_FLAT, at, at, at + f.size, 0};
    if (!raw && is_elf(f.data, f.size))
        rc = load_elf(b, path, f.data, f.size, at, img, syms, e);
    else
        rc = load_bytes(b, path, "raw image", at, f.data, f.size, e);
    file_release(&f);
    return rc;
}
