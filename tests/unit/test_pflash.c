/* SPDX-License-Identifier: MIT */
#include <sys/stat.h>
#include <unistd.h>

#include "dev/pflash.h"
#include "dev_rig.h"

Suite *pflash_suite(void);

static const uint64_t BASE = 0x20000000;
static struct rig rig;
static void *chip;
static char path[64];
static unsigned remaps;

static void count_remap(void *ctx)
{
    (void)ctx;
    remaps++;
}

static void setup(void)
{
    rig_init(&rig);
    rig.env.bus = bus_new();
    remaps = 0;
    strcpy(path, "/tmp/vitrine-test-XXXXXX");
    int fd = mkstemp(path);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(write(fd, "\x13\x00\x00\x00 firmware", 13), 13);
    close(fd);
}

static void teardown(void)
{
    if (chip)
        pflash_class.free(chip);
    chip = NULL;
    bus_free(rig.env.bus);
    unlink(path);
}

static void plug_in(struct pflash_config cfg)
{
    struct err e = {""};
    cfg.name = "pflash0";
    cfg.base = BASE;
    chip = pflash_create(&rig.env, &cfg, &e);
    ck_assert_msg(chip != NULL, "%s", e.text);
    ck_assert_int_eq(bus_add_mmio(rig.env.bus, "pflash0", BASE, PFLASH_SIZE, &pflash_class.ops, chip, NULL), 0);
    bus_set_remap_hook(rig.env.bus, count_remap, NULL);
}

static uint64_t rd(uint64_t off, unsigned size)
{
    uint64_t v;
    ck_assert(bus_read(rig.env.bus, BASE + off, size, &v));
    return v;
}

static void wr(uint64_t off, uint64_t val, unsigned size)
{
    ck_assert(bus_write(rig.env.bus, BASE + off, size, val));
}

/* A command for both chips, as drivers write it. */
static void cmd(uint64_t off, uint8_t c)
{
    wr(off, c | (uint32_t)c << 16, 4);
}

static bool in_file(uint64_t off, const void *want, size_t n)
{
    uint8_t got[64];
    FILE *f = fopen(path, "rb");
    ck_assert(f && n <= sizeof got);
    size_t r = fseek(f, (long)off, SEEK_SET) ? 0 : fread(got, 1, n, f);
    fclose(f);
    return r == n && !memcmp(got, want, n);
}

START_TEST(reads_file_in_place)
{
    plug_in((struct pflash_config){.file = path});
    struct mem_region *r = bus_memory_at(rig.env.bus, BASE);
    ck_assert(r && r->readonly && r->enabled);
    ck_assert_uint_eq(rd(0, 4), 0x13);
    ck_assert_uint_eq(rd(5, 1), 'f');
    ck_assert_uint_eq(rd(PFLASH_SIZE - 8, 8), UINT64_MAX); /* past the file: erased */
    wr(0, 0xffffffff, 4);                                  /* read array again: no change, nothing to remap */
    ck_assert_uint_eq(remaps, 0);
    ck_assert_uint_eq(rd(0, 4), 0x13);
}
END_TEST

START_TEST(blank_without_file)
{
    plug_in((struct pflash_config){.file = NULL});
    ck_assert_uint_eq(rd(0, 8), UINT64_MAX);
    ck_assert_uint_eq(rd(3, 1), 0xff);
    cmd(0, 0x40);
    wr(0x1004, 0x12345678, 4);
    ck_assert_uint_eq(rd(0, 4), 0x00800080);
    cmd(0, 0xff);
    ck_assert_uint_eq(rd(0x1000, 8), 0x12345678ffffffff);
    ck_assert_ptr_nonnull(bus_memory_at(rig.env.bus, BASE)); /* now it is memory */
}
END_TEST

START_TEST(identity_and_cfi)
{
    plug_in((struct pflash_config){.file = path});
    cmd(0, 0x90);
    ck_assert_uint_eq(remaps, 1);
    ck_assert_ptr_null(bus_memory_at(rig.env.bus, BASE));
    ck_assert_uint_eq(rd(0, 4), 0x00890089);
    ck_assert_uint_eq(rd(4, 4), 0x00180018);
    ck_assert_uint_eq(rd(8, 4), 0);
    cmd(0x55 * 4, 0x98);
    ck_assert_uint_eq(rd(0x10 * 4, 4), 0x00510051);
    ck_assert_uint_eq(rd(0x11 * 4, 2), 'R');
    ck_assert_uint_eq(rd(0x12 * 4 + 2, 2), 'Y');
    ck_assert_uint_eq(rd(0x12 * 4 + 3, 1), 0);
    ck_assert_uint_eq(rd(0x27 * 4, 1), 24);
    /* What a driver works out from the table: blocks of 128 KiB per chip, 128 of them; 2 KiB of buffer per chip. */
    ck_assert_uint_eq((rd(0x2f * 4, 1) | rd(0x30 * 4, 1) << 8) * 256 * 2, PFLASH_BLOCK);
    ck_assert_uint_eq(rd(0x2d * 4, 1) + 1, PFLASH_SIZE / PFLASH_BLOCK);
    ck_assert_uint_eq(1u << rd(0x2a * 4, 1), 2048);
    for (unsigned i = 0; i < 256; i++)
        rd(i * 4, 4);
    cmd(0, 0xff);
    ck_assert_uint_eq(rd(0, 4), 0x13);
    ck_assert_uint_eq(remaps, 2);
}
END_TEST

START_TEST(erase_and_program)
{
    plug_in((struct pflash_config){.file = path});
    cmd(0x40, 0x40);
    wr(0x40, 0x0ff0ffff, 4);
    ck_assert_uint_eq(rd(0x40, 4), 0x00800080);
    cmd(0x40, 0x10);
    wr(0x40, 0xff00ff0f, 4);
    cmd(0, 0xff);
    ck_assert_uint_eq(rd(0x40, 4), 0x0f00ff0f); /* bits only fall */
    ck_assert(in_file(0x40, "\x0f\xff\x00\x0f", 4));
    ck_assert(in_file(0x10, "\xff\xff", 2)); /* the file has grown with erased bytes, not zeros */
    ck_assert(in_file(5, "firmware", 8));

    cmd(PFLASH_BLOCK - 4, 0x20);
    cmd(PFLASH_BLOCK - 4, 0xd0);
    ck_assert_uint_eq(rd(0, 4), 0x00800080);
    cmd(0, 0xff);
    ck_assert_uint_eq(rd(0, 8), UINT64_MAX);
    ck_assert_uint_eq(rd(0x40, 4), 0xffffffff);
    ck_assert(in_file(0, "\xff\xff\xff\xff", 4));

    cmd(0, 0x20); /* not confirmed */
    cmd(0, 0x70);
    ck_assert_uint_eq(rd(0, 4), 0x00b000b0);
    cmd(0, 0x50);
    cmd(0, 0x70);
    ck_assert_uint_eq(rd(0, 4), 0x00800080);
    cmd(0, 0x60);
    cmd(0, 0xd0);
    ck_assert_uint_eq(rd(0, 4), 0x00800080);
    cmd(0, 0x60);
    cmd(0, 0x99);
    ck_assert_uint_eq(rd(0, 4), 0x00b000b0);
}
END_TEST

START_TEST(buffered_write)
{
    plug_in((struct pflash_config){.file = path});
    cmd(0x2000, 0xe8);
    ck_assert_uint_eq(rd(0x2000, 4), 0x00800080);
    cmd(0x2000, 3 - 1);
    wr(0x2008, 0x11111111, 4);
    wr(0x200c, 0x22222222, 4);
    wr(0x2014, 0x33333333, 4);
    cmd(0x2000, 0xd0);
    ck_assert_uint_eq(rd(0, 4), 0x00800080);
    cmd(0, 0xff);
    ck_assert_uint_eq(rd(0x2008, 8), 0x2222222211111111);
    ck_assert_uint_eq(rd(0x2010, 8), 0x33333333ffffffff);
    ck_assert(in_file(0x2014, "\x33\x33\x33\x33", 4));

    cmd(0x3000, 0xe8); /* a whole buffer */
    wr(0x3000, 0x03ff03ff, 4);
    for (unsigned i = 0; i < 1024; i++)
        wr(0x3000 + 4 * i, i, 4);
    cmd(0x3000, 0xd0);
    cmd(0, 0xff);
    for (unsigned i = 0; i < 1024; i++)
        ck_assert_uint_eq(rd(0x3000 + 4 * i, 4), i);

    cmd(0x4000, 0xe8); /* one word too many */
    wr(0x4000, 0x04000400, 4);
    ck_assert_uint_eq(rd(0, 4), 0x00b000b0);
    cmd(0, 0x50);
    cmd(0x4ffc, 0xe8); /* across the end of the buffer */
    cmd(0x4ffc, 1);
    wr(0x4ffc, 0, 4);
    wr(0x5000, 0, 4);
    ck_assert_uint_eq(rd(0, 4), 0x00b000b0);
    cmd(0, 0x50);
    cmd(0x4000, 0xe8); /* not confirmed */
    cmd(0x4000, 0);
    wr(0x4000, 0, 4);
    cmd(0, 0xff);
    ck_assert_uint_eq(rd(0, 4), 0x00b000b0);
    cmd(0, 0xff);
    ck_assert_uint_eq(rd(0x4000, 8), UINT64_MAX);
    ck_assert_uint_eq(rd(0x4ffc, 4), 0xffffffff);
}
END_TEST

START_TEST(readonly_and_snapshot)
{
    chmod(path, 0400);
    plug_in((struct pflash_config){.file = path, .readonly = true});
    cmd(0, 0x40);
    wr(0, 0, 4);
    ck_assert_uint_eq(rd(0, 4), 0x00920092);
    cmd(0, 0x50);
    cmd(0, 0x20);
    cmd(0, 0xd0);
    ck_assert_uint_eq(rd(0, 4), 0x00a200a2);
    cmd(0, 0xff);
    ck_assert_uint_eq(rd(0, 4), 0x13);
    pflash_class.free(chip);
    bus_free(rig.env.bus);
    rig.env.bus = bus_new();
    plug_in((struct pflash_config){.file = path, .snapshot = true});
    cmd(0, 0x40);
    wr(0, 0, 4);
    cmd(0, 0xff);
    ck_assert_uint_eq(rd(0, 4), 0);
    ck_assert(in_file(0, "\x13\0\0\0", 4));
}
END_TEST

START_TEST(bad_files)
{
    struct err e = {""};
    struct pflash_config cfg = {.name = "pflash1", .base = BASE, .file = "/nonexistent/vars.fd"};
    ck_assert_ptr_null(pflash_create(&rig.env, &cfg, &e));
    ck_assert_ptr_nonnull(strstr(e.text, "/nonexistent/vars.fd"));
    cfg.base += PFLASH_SIZE;
    cfg.file = "/tmp";
    cfg.readonly = true;
    ck_assert_ptr_null(pflash_create(&rig.env, &cfg, &e));
    ck_assert_ptr_nonnull(strstr(e.text, "regular"));
    cfg.base += PFLASH_SIZE;
    cfg.file = path;
    ck_assert_int_eq(truncate(path, PFLASH_SIZE + 1), 0);
    ck_assert_ptr_null(pflash_create(&rig.env, &cfg, &e));
    ck_assert_ptr_nonnull(strstr(e.text, "33554433"));
}
END_TEST

static void on_code(void *ctx, uint64_t pa, uint64_t len)
{
    uint64_t *sum = ctx;
    ck_assert(pa >= BASE);
    *sum += len;
}

START_TEST(flagged_pages_hear)
{
    uint64_t heard = 0;
    plug_in((struct pflash_config){.file = path});
    bus_set_flag_owner(rig.env.bus, PAGE_CODE, on_code, &heard);
    bus_flag_page(rig.env.bus, BASE + 0x1000, PAGE_CODE, true);
    cmd(0, 0x40);
    wr(0x1010, 0, 4);
    cmd(0, 0xff);
    ck_assert_uint_eq(heard, 4);
    cmd(0, 0x90);
    cmd(0, 0xff);
    ck_assert_uint_eq(heard, 4);
    cmd(0, 0x20);
    cmd(0, 0xd0);
    cmd(0, 0xff);
    ck_assert_uint_eq(heard, 4 + 0x1000);
}
END_TEST

START_TEST(odd_accesses)
{
    plug_in((struct pflash_config){.file = path, .snapshot = true});
    for (unsigned seed = 1; seed < 10; seed++) {
        rig_hammer(&pflash_class, chip, PFLASH_SIZE, 5000, seed);
        uint64_t s = seed; /* and mostly commands */
        for (unsigned i = 0; i < 2000; i++) {
            static const uint8_t c[] = {0x40, 0xe8, 0xd0, 0x20, 0x60, 0xff, 0x01, 0x00, 0x98, 0x90, 0x50};
            uint64_t r = rig_random(&s);
            wr(r % 64 * 4 + (r >> 8 & 1 ? PFLASH_SIZE - 256 : 0), c[(r >> 16) % sizeof c], 1u << (r >> 32 & 1 ? 2 : 0));
        }
    }
    pflash_class.reset(chip);
    rd(0, 8);

    struct rig other_rig = rig;
    other_rig.env.bus = bus_new();
    void *other = pflash_create(&other_rig.env, &(struct pflash_config){.name = "two", .base = BASE}, NULL);
    cmd(0, 0xe8);
    cmd(0, 4);
    wr(0, 1, 4);
    rig_check_visit(&pflash_class, chip, other);
    ck_assert_uint_eq(pflash_class.ops.read(other, 0, 4), 0x00800080);
    pflash_class.free(other);
    bus_free(other_rig.env.bus);
}
END_TEST

Suite *pflash_suite(void)
{
    Suite *s = suite_create("pflash");
    TCase *t = tcase_create("pflash");
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_set_timeout(t, 30);
    tcase_add_test(t, reads_file_in_place);
    tcase_add_test(t, blank_without_file);
    tcase_add_test(t, identity_and_cfi);
    tcase_add_test(t, erase_and_program);
    tcase_add_test(t, buffered_write);
    tcase_add_test(t, readonly_and_snapshot);
    tcase_add_test(t, bad_files);
    tcase_add_test(t, flagged_pages_hear);
    tcase_add_test(t, odd_accesses);
    suite_add_tcase(s, t);
    return s;
}
