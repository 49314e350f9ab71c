/* SPDX-License-Identifier: MIT */
#include <check.h>
#include <elf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "base/text.h"
#include "load.h"

Suite *load_suite(void);

enum { RAM = 4 << 20 };
#define BASE UINT64_C(0x80000000)

static struct bus *bus;
static struct err e;
static struct load_image img;

static void setup(void)
{
    bus = bus_new();
    ck_assert_ptr_nonnull(bus_add_memory(bus, "RAM", BASE, RAM, false, &e));
    e.text[0] = 0;
}

static void teardown(void)
{
    bus_free(bus);
}

static int load(const void *data, size_t size, struct symbols *syms)
{
    return load_image(bus, "file", data, size, BASE, BASE + 0x1000, &img, syms, &e);
}

static void refused(const void *data, size_t size, const char *why)
{
    ck_assert_int_lt(load(data, size, NULL), 0);
    ck_assert_msg(strstr(e.text, why) != NULL, "'%s' is not in '%s'", why, e.text);
}

static uint64_t word(uint64_t at)
{
    uint64_t v = 0;
    ck_assert(bus_dma_read(bus, at, &v, 8));
    return v;
}

/* An ELF file with one segment of 16 bytes, 24 with its zeros, linked at a virtual address; and two symbols. */
struct elf_file {
    Elf64_Ehdr eh;
    Elf64_Phdr ph;
    uint64_t text[2];
    Elf64_Sym sym[3];
    char strings[16];
    Elf64_Shdr sh[3];
};

static struct elf_file elf(void)
{
    struct elf_file f = {
        .eh = {.e_ident = {0x7f, 'E', 'L', 'F', ELFCLASS64, ELFDATA2LSB, EV_CURRENT},
               .e_type = ET_EXEC,
               .e_machine = EM_RISCV,
               .e_version = EV_CURRENT,
               .e_entry = 0xffffffff00000008,
               .e_phoff = offsetof(struct elf_file, ph),
               .e_shoff = offsetof(struct elf_file, sh),
               .e_ehsize = sizeof(Elf64_Ehdr),
               .e_phentsize = sizeof(Elf64_Phdr),
               .e_phnum = 1,
               .e_shentsize = sizeof(Elf64_Shdr),
               .e_shnum = 3},
        .ph = {.p_type = PT_LOAD,
               .p_offset = offsetof(struct elf_file, text),
               .p_vaddr = 0xffffffff00000000,
               .p_paddr = BASE + 0x2000,
               .p_filesz = 16,
               .p_memsz = 24},
        .text = {0x1111, 0x2222},
        .sym =
            {{0},
             {.st_name = 1,
              .st_info = ELF64_ST_INFO(STB_GLOBAL, STT_FUNC),
              .st_shndx = SHN_ABS,
              .st_value = 0x100,
              .st_size = 16},
             {.st_name = 6, .st_info = ELF64_ST_INFO(STB_GLOBAL, STT_NOTYPE), .st_shndx = SHN_ABS, .st_value = 0x200}},
        .strings = "\0start\0tohost",
        .sh = {{0},
               {.sh_type = SHT_SYMTAB,
                .sh_offset = offsetof(struct elf_file, sym),
                .sh_size = sizeof f.sym,
                .sh_link = 2,
                .sh_info = 1,
                .sh_addralign = 8,
                .sh_entsize = sizeof(Elf64_Sym)},
               {.sh_type = SHT_STRTAB, .sh_offset = offsetof(struct elf_file, strings), .sh_size = sizeof f.strings}},
    };
    f.sym[2].st_name = 7;
    return f;
}

/* Names that would fill the host's memory, or reach for its terminal, are left out; the rest of the file counts. */
START_TEST(hostile_names)
{
    enum { SYMBOLS = 1000, LONG = 3000 };
    struct {
        struct elf_file f;
        Elf64_Sym sym[SYMBOLS];
        char strings[LONG + 16];
    } *big = calloc(1, sizeof *big);
    struct symbols *syms = symbols_new();
    uint64_t v;
    ck_assert_ptr_nonnull(big);
    big->f = elf();
    for (unsigned i = 1; i < SYMBOLS; i++)
        big->sym[i] = (Elf64_Sym){
            .st_name = 7, .st_info = ELF64_ST_INFO(STB_GLOBAL, STT_FUNC), .st_shndx = SHN_ABS, .st_value = i};
    big->sym[1].st_name = 1;
    memcpy(big->strings + 1, "a\033[2J", 6);
    memset(big->strings + 7, 'n', LONG);
    big->f.sh[1].sh_offset = (Elf64_Off)((char *)big->sym - (char *)big);
    big->f.sh[1].sh_size = sizeof big->sym;
    big->f.sh[2].sh_offset = (Elf64_Off)((char *)big->strings - (char *)big);
    big->f.sh[2].sh_size = sizeof big->strings;
    ck_assert_msg(load(big, sizeof *big, syms) == 0, "%s", e.text);
    ck_assert_uint_gt(symbols_count(syms), 10);
    ck_assert_uint_lt(symbols_count(syms), 8 * sizeof *big / LONG + 1);
    ck_assert(!symbols_value(syms, "a\033[2J", &v));
    symbols_free(syms);
    free(big);
}
END_TEST

START_TEST(elf_goes_to_physical_addresses)
{
    struct elf_file f = elf();
    struct symbols *syms = symbols_new();
    uint64_t dirty = UINT64_MAX, v;
    ck_assert(bus_dma_write(bus, BASE + 0x2010, &dirty, 8));
    ck_assert_msg(load(&f, sizeof f, syms) == 0, "%s", e.text);
    ck_assert_int_eq(img.format, LOAD_ELF);
    ck_assert_uint_eq(img.entry, BASE + 0x2008);
    ck_assert_uint_eq(img.low, BASE + 0x2000);
    ck_assert_uint_eq(img.high, BASE + 0x2018);
    ck_assert_uint_eq(word(BASE + 0x2000), 0x1111);
    ck_assert_uint_eq(word(BASE + 0x2008), 0x2222);
    ck_assert_uint_eq(word(BASE + 0x2010), 0);
    ck_assert(symbols_value(syms, "tohost", &v) && v == 0x200);
    ck_assert_str_eq(symbols_at(syms, 0x10f, &v), "start");
    ck_assert_uint_eq(v, 15);
    ck_assert_ptr_null(symbols_at(syms, 0x110, &v)); /* start has 16 bytes */
    ck_assert_ptr_null(symbols_at(syms, 0xff, &v));
    ck_assert(!symbols_value(syms, "nothing", &v));
    symbols_free(syms);
}
END_TEST

START_TEST(position_independent_elf_is_moved)
{
    struct elf_file f = elf();
    struct symbols *syms = symbols_new();
    uint64_t v;
    f.eh.e_type = ET_DYN;
    f.ph.p_vaddr = f.ph.p_paddr = 0;
    f.eh.e_entry = 8;
    ck_assert_msg(load(&f, sizeof f, syms) == 0, "%s", e.text);
    ck_assert_uint_eq(img.low, BASE + 0x1000);
    ck_assert_uint_eq(img.entry, BASE + 0x1008);
    ck_assert_uint_eq(word(BASE + 0x1008), 0x2222);
    ck_assert(symbols_value(syms, "start", &v) && v == BASE + 0x1100);
    symbols_free(syms);
    f.ph.p_vaddr = f.ph.p_paddr = BASE; /* where memory is it stays */
    ck_assert_int_eq(load(&f, sizeof f, NULL), 0);
    ck_assert_uint_eq(img.low, BASE);
}
END_TEST

START_TEST(elf_refusals)
{
    struct elf_file f = elf();
    f.ph.p_paddr = BASE + RAM - 8;
    refused(&f, sizeof f, "segment 0 at 0x803f_fff8 (24 bytes) ends past RAM (4 MiB at 0x8000_0000): give -m 8M");
    f.ph.p_paddr = 0x1000;
    refused(&f, sizeof f, "segment 0 at 0x1000 (24 bytes) lies outside memory");
    f = elf();
    f.ph.p_memsz = UINT64_MAX;
    refused(&f, sizeof f, "ends past RAM");
    f = elf();
    f.ph.p_offset = UINT64_MAX - 4;
    refused(&f, sizeof f, "cut short or damaged");
    f = elf();
    f.ph.p_filesz = 32;
    refused(&f, sizeof f, "cut short or damaged");
    f = elf();
    f.ph.p_type = PT_NOTE;
    refused(&f, sizeof f, "no segment to load");
    f = elf();
    f.eh.e_machine = EM_X86_64;
    refused(&f, sizeof f, "give one for RISC-V");
    f = elf();
    f.eh.e_type = ET_REL;
    refused(&f, sizeof f, "linked executable");
    f = elf();
    f.eh.e_ident[EI_CLASS] = ELFCLASS32;
    refused(&f, sizeof f, "file: ");
    refused(&f, 20, "bad ELF header");
    refused(&f, 0, "empty");
}
END_TEST

/* Whatever is cut off or changed: refused or loaded, within memory. */
START_TEST(elf_damaged)
{
    struct elf_file f = elf();
    for (size_t n = 1; n < sizeof f; n++) {
        uint8_t *cut = malloc(n); /* so that a sanitizer sees reads beyond */
        memcpy(cut, &f, n);
        struct symbols *syms = symbols_new();
        (void)!load(cut, n, syms);
        symbols_free(syms);
        free(cut);
    }
    for (size_t i = 0; i < 8 * sizeof f; i++) {
        struct elf_file g = f;
        ((uint8_t *)&g)[i / 8] ^= (uint8_t)(1 << i % 8);
        struct symbols *syms = symbols_new();
        (void)!load(&g, sizeof g, syms);
        symbols_free(syms);
    }
}
END_TEST

START_TEST(flat_and_linux)
{
    uint8_t image[4096] = {0};
    memset(image + 64, 0x5a, sizeof image - 64);
    ck_assert_int_eq(load(image, 64, NULL), 0);
    ck_assert_int_eq(img.format, LOAD_FLAT);
    ck_assert_uint_eq(img.entry, BASE + 0x1000);
    const uint64_t offset = 0x200000, size = 0x10000;
    memcpy(image + 8, &offset, 8);
    memcpy(image + 16, &size, 8);
    memcpy(image + 48, "RISCV\0\0", 8);
    memcpy(image + 56, "RSC\x05", 4);
    ck_assert_int_eq(load(image, sizeof image, NULL), 0);
    ck_assert_int_eq(img.format, LOAD_LINUX);
    ck_assert_uint_eq(img.entry, BASE + offset);
    ck_assert_uint_eq(img.high, BASE + offset + size);
    ck_assert_uint_eq(word(BASE + offset + 64), 0x5a5a5a5a5a5a5a5a);
    image[18] = 0x30; /* image_size: 3 MiB */
    refused(image, sizeof image, "Linux image at 0x8020_0000");
    image[14] = 0xff;
    refused(image, sizeof image, "Linux image");
}
END_TEST

START_TEST(gzip)
{
    enum { BIG = 100000 };
    uint8_t *plain = calloc(1, BIG), *packed = malloc(BIG);
    plain[BIG - 1] = 77;
    z_stream z = {.next_in = plain, .avail_in = BIG, .next_out = packed, .avail_out = BIG};
    ck_assert_int_eq(deflateInit2(&z, 9, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
    ck_assert_int_eq(deflate(&z, Z_FINISH), Z_STREAM_END);
    size_t n = BIG - z.avail_out;
    deflateEnd(&z);
    ck_assert_msg(load(packed, n, NULL) == 0, "%s", e.text);
    ck_assert_uint_eq(img.high, BASE + 0x1000 + BIG);
    ck_assert_uint_eq(word(BASE + 0x1000 + BIG - 8), UINT64_C(77) << 56);
    refused(packed, n / 2, "cut short");
    packed[20] ^= 0xff;
    ck_assert_int_lt(load(packed, n, NULL), 0);
    free(plain);
    free(packed);
}
END_TEST

START_TEST(text_of_numbers)
{
    ck_assert_str_eq(text_hex(0).s, "0x0");
    ck_assert_str_eq(text_hex(0x80200000).s, "0x8020_0000");
    ck_assert_str_eq(text_hex(UINT64_MAX).s, "0xffff_ffff_ffff_ffff");
    ck_assert_str_eq(text_size(64 << 10).s, "64 KiB");
    ck_assert_str_eq(text_size(1536 << 10).s, "1.5 MiB");
    ck_assert_str_eq(text_size(17).s, "17 bytes");
}
END_TEST

Suite *load_suite(void)
{
    Suite *s = suite_create("load");
    TCase *t = tcase_create("load");
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_test(t, hostile_names);
    tcase_add_test(t, elf_goes_to_physical_addresses);
    tcase_add_test(t, position_independent_elf_is_moved);
    tcase_add_test(t, elf_refusals);
    tcase_add_test(t, elf_damaged);
    tcase_add_test(t, flat_and_linux);
    tcase_add_test(t, gzip);
    tcase_add_test(t, text_of_numbers);
    suite_add_tcase(s, t);
    return s;
}
