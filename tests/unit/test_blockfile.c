/* SPDX-License-Identifier: MIT */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "dev/blockfile.h"

Suite *blockfile_suite(void);

enum { SIZE = 200 * 1024 }; /* three copy units and a part */

static char image[64];

static void make_image(void)
{
    snprintf(image, sizeof image, "/tmp/vitrine-image-XXXXXX");
    int fd = mkstemp(image);
    ck_assert_int_ge(fd, 0);
    for (unsigned i = 0; i < SIZE / 4; i++)
        ck_assert_int_eq(write(fd, &i, 4), 4);
    close(fd);
}

static void remove_image(void)
{
    unlink(image);
}

static struct blockfile *open_it(bool readonly, bool snapshot)
{
    struct err e = {""};
    struct blockfile_config cfg = {.path = image, .readonly = readonly, .snapshot = snapshot};
    struct blockfile *b = blockfile_open(&cfg, &e);
    ck_assert_msg(b != NULL, "%s", e.text);
    return b;
}

static void refused(const struct blockfile_config *cfg, const char *word)
{
    struct err e = {""};
    struct blockfile *b = blockfile_open(cfg, &e);
    ck_assert_ptr_null(b);
    ck_assert_msg(strstr(e.text, word) != NULL, "\"%s\" does not say \"%s\"", e.text, word);
}

/* Random reads and writes against a plain array; then the file must hold the array, or, with a snapshot, what it held. */
START_TEST(same_as_memory)
{
    bool snapshot = _i;
    struct blockfile *b = open_it(false, snapshot);
    uint8_t *model = malloc(SIZE), *before = malloc(SIZE), *buf = malloc(SIZE);
    uint32_t x = 12345;
    ck_assert_int_eq(blockfile_read(b, 0, model, SIZE), 0);
    memcpy(before, model, SIZE);
    for (unsigned i = 0; i < 400; i++) {
        x = x * 1664525 + 1013904223;
        size_t off = (x >> 8) % SIZE, len = (x >> 4) % (i % 8 ? 5000 : SIZE);
        if (len > SIZE - off)
            len = SIZE - off;
        switch (x >> 30) {
        case 0:
            memset(buf, (int)i, len);
            ck_assert_int_eq(blockfile_write(b, off, buf, len), 0);
            memcpy(model + off, buf, len);
            break;
        case 1:
            ck_assert_int_eq(blockfile_zero(b, off, len, i & 1), 0);
            memset(model + off, 0, len);
            break;
        default:
            ck_assert_int_eq(blockfile_read(b, off, buf, len), 0);
            ck_assert_mem_eq(buf, model + off, len);
            break;
        }
    }
    ck_assert_int_eq(blockfile_read(b, 0, buf, SIZE), 0);
    ck_assert_mem_eq(buf, model, SIZE);
    ck_assert_int_eq(blockfile_flush(b), 0);
    blockfile_close(b);
    b = open_it(true, false);
    ck_assert_int_eq(blockfile_read(b, 0, buf, SIZE), 0);
    ck_assert_mem_eq(buf, snapshot ? before : model, SIZE);
    blockfile_close(b);
    free(model);
    free(before);
    free(buf);
}
END_TEST

START_TEST(ranges)
{
    struct blockfile *b = open_it(false, _i);
    uint8_t buf[1024];
    ck_assert_uint_eq(blockfile_size(b), SIZE);
    ck_assert_int_eq(blockfile_read(b, SIZE - 512, buf, 1024), -EINVAL);
    ck_assert_int_eq(blockfile_write(b, SIZE, buf, 1), -EINVAL);
    ck_assert_int_eq(blockfile_read(b, UINT64_MAX, buf, 2), -EINVAL);
    ck_assert_int_eq(blockfile_zero(b, 512, UINT64_MAX, false), -EINVAL);
    ck_assert_int_eq(blockfile_discard(b, UINT64_MAX - 1, 8), -EINVAL);
    ck_assert_int_eq(blockfile_discard(b, 0, SIZE), 0);
    ck_assert_int_eq(blockfile_read(b, SIZE, buf, 0), 0);
    blockfile_close(b);
}
END_TEST

START_TEST(readonly)
{
    struct blockfile *b = open_it(true, _i);
    uint8_t buf[4] = {0};
    ck_assert(blockfile_readonly(b));
    ck_assert_int_eq(blockfile_write(b, 0, buf, 4), -EROFS);
    ck_assert_int_eq(blockfile_zero(b, 0, 4, false), -EROFS);
    ck_assert_int_eq(blockfile_discard(b, 0, 4), -EROFS);
    ck_assert_int_eq(blockfile_flush(b), 0);
    blockfile_close(b);
}
END_TEST

/* A file that ends inside a sector has that sector, padded with zeros. */
START_TEST(odd_tail)
{
    uint8_t buf[512], expect[512] = {0};
    ck_assert_int_eq(truncate(image, 1025), 0);
    struct blockfile *b = open_it(false, _i);
    ck_assert_uint_eq(blockfile_size(b), 1536);
    ck_assert_int_eq(blockfile_read(b, 1024, buf, 512), 0);
    ck_assert_mem_eq(buf, expect, 512); /* 256 = 00 01 00 00: its first byte is 0 */
    memset(buf, 0x5a, sizeof buf);
    ck_assert_int_eq(blockfile_write(b, 1024, buf, 512), 0);
    ck_assert_int_eq(blockfile_read(b, 1024, expect, 512), 0);
    ck_assert_mem_eq(buf, expect, 512);
    blockfile_close(b);
}
END_TEST

START_TEST(locks)
{
    struct blockfile *w = open_it(false, false);
    refused(&(struct blockfile_config){.path = image}, "in use");
    refused(&(struct blockfile_config){.path = image, .readonly = true}, "in use");
    refused(&(struct blockfile_config){.path = image, .snapshot = true}, "in use");
    struct err e = {""};
    struct blockfile *u = blockfile_open(&(struct blockfile_config){.path = image, .unlocked = true}, &e);
    ck_assert_msg(u != NULL, "%s", e.text);
    blockfile_close(u);
    blockfile_close(w);
    struct blockfile *r1 = open_it(true, false), *r2 = open_it(false, true);
    refused(&(struct blockfile_config){.path = image}, "in use");
    blockfile_close(r1);
    blockfile_close(r2);
    blockfile_close(open_it(false, false));
    /* a QEMU that writes holds shared locks on bytes 100, 101, 201 and 203 */
    int fd = open(image, O_RDWR);
    struct flock l = {.l_type = F_RDLCK, .l_whence = SEEK_SET, .l_start = 101, .l_len = 1};
    ck_assert_int_eq(fcntl(fd, F_OFD_SETLK, &l), 0);
    refused(&(struct blockfile_config){.path = image}, "in use");
    refused(&(struct blockfile_config){.path = image, .readonly = true}, "in use");
    close(fd);
}
END_TEST

START_TEST(refusals)
{
    refused(&(struct blockfile_config){.path = "/nonexistent/disk.raw"}, "/nonexistent/disk.raw: cannot open");
    refused(&(struct blockfile_config){.path = "/tmp"}, "directory");
    refused(&(struct blockfile_config){.path = "/tmp", .readonly = true}, "directory");
    refused(&(struct blockfile_config){.path = "/dev/null"}, "regular file");
    refused(&(struct blockfile_config){.path = image, .format = "qcow2"}, "qemu-img convert");
    static const struct {
        const char *bytes;
        int off, len;
        const char *name;
    } kinds[] = {{"QFI\xfb", 0, 4, "qcow2"},
                 {"KDMV", 0, 4, "vmdk"},
                 {"vhdxfile", 0, 8, "vhdx"},
                 {"\x7f\x10\xda\xbe", 64, 4, "vdi"}};
    for (unsigned i = 0; i < ARRAY_LEN(kinds); i++) {
        char head[128] = {0};
        int fd = open(image, O_RDWR);
        memcpy(head + kinds[i].off, kinds[i].bytes, (size_t)kinds[i].len);
        ck_assert_int_eq(pwrite(fd, head, sizeof head, 0), sizeof head);
        close(fd);
        refused(&(struct blockfile_config){.path = image}, kinds[i].name);
        struct err e = {""};
        struct blockfile *b = blockfile_open(&(struct blockfile_config){.path = image, .format = "raw"}, &e);
        ck_assert_msg(b != NULL, "%s", e.text);
        blockfile_close(b);
    }
    if (geteuid() != 0) { /* root may write anything */
        ck_assert_int_eq(chmod(image, 0400), 0);
        refused(&(struct blockfile_config){.path = image}, "readonly=on");
    }
}
END_TEST

START_TEST(snapshot_needs_a_place)
{
    setenv("TMPDIR", "/nonexistent", 1);
    refused(&(struct blockfile_config){.path = image, .snapshot = true}, "TMPDIR");
    unsetenv("TMPDIR");
}
END_TEST

Suite *blockfile_suite(void)
{
    Suite *s = suite_create("blockfile");
    TCase *t = tcase_create("blockfile");
    tcase_add_checked_fixture(t, make_image, remove_image);
    tcase_add_loop_test(t, same_as_memory, 0, 2);
    tcase_add_loop_test(t, ranges, 0, 2);
    tcase_add_loop_test(t, readonly, 0, 2);
    tcase_add_loop_test(t, odd_tail, 0, 2);
    tcase_add_test(t, locks);
    tcase_add_test(t, refusals);
    tcase_add_test(t, snapshot_needs_a_place);
    suite_add_tcase(s, t);
    return s;
}
