/* SPDX-License-Identifier: MIT */
/* Xuk, Xdisk and marks: docs/extensions.md. */
#include <stdio.h>
#include <unistd.h>

#include "dev/xdisk.h"
#include "hart_rig.h"

Suite *custom_suite(void);

enum { UK = 0xcc0, UKSET = 0x8c0, SECTOR = 0x5c0, ADDRESS = 0x5c1, COMMAND = 0x5c2, STATUS = 0xdc0, SECTORS = 0xdc1 };
enum { OK = -1 }; /* no trap */

static int access_csr(struct hart *h, unsigned num, bool write, uint64_t v, uint64_t *old)
{
    struct trap t;
    return csr_execute(h, num, write ? CSR_RW : CSR_RS, v, true, write, 0, old, &t) ? OK : (int)t.cause;
}

START_TEST(absent_by_default)
{
    static const unsigned all[] = {UK, UKSET, SECTOR, ADDRESS, COMMAND, STATUS, SECTORS};
    struct rig *r = rig_new("rv64");
    uint64_t v;
    for (unsigned i = 0; i < ARRAY_LEN(all); i++)
        ck_assert_int_eq(access_csr(r->h, all[i], false, 0, &v), CAUSE_ILLEGAL);
    rig_free(r);
}
END_TEST

START_TEST(uk_tells)
{
    static const struct {
        enum mode mode;
        uint64_t bit;
    } rows[] = {{MO_M, 1}, {MO_HS, 1}, {MO_U, 0}, {MO_VS, 1}, {MO_VU, 0}};
    struct rig *r = rig_new("rv64,xuk=true");
    uint64_t v;
    for (unsigned i = 0; i < ARRAY_LEN(rows); i++) {
        set_mode(r->h, rows[i].mode);
        ck_assert_int_eq(access_csr(r->h, UK, false, 0, &v), OK);
        ck_assert_uint_eq(v, rows[i].bit);
        ck_assert_int_eq(access_csr(r->h, UKSET, false, 0, &v), OK);
        ck_assert_uint_eq(v, rows[i].bit);
        ck_assert_int_eq(access_csr(r->h, UK, true, 0, &v), CAUSE_ILLEGAL);
    }
    rig_free(r);
}
END_TEST

START_TEST(ukset_drops)
{
    struct rig *r = rig_new("rv64,xuk=true");
    struct hart *h = r->h;
    uint64_t v;
    for (unsigned m = MO_M; m < MODES; m++) {
        bool virt = m == MO_VS || m == MO_VU;
        set_mode(h, (enum mode)m);
        enum priv before = h->priv;
        ck_assert_int_eq(access_csr(h, UKSET, true, 1, &v), OK);
        ck_assert_int_eq(h->priv, before);
        ck_assert_int_eq(access_csr(h, UKSET, true, 0, &v), OK);
        ck_assert_int_eq(h->priv, PRIV_U);
        ck_assert_int_eq(h->virt, virt);
    }
    rig_free(r);
}
END_TEST

START_TEST(xdisk_by_mode)
{
    static const int expected[MODES] = {
        [MO_M] = OK, [MO_HS] = OK, [MO_U] = CAUSE_ILLEGAL, [MO_VS] = CAUSE_VIRTUAL_INSN, [MO_VU] = CAUSE_VIRTUAL_INSN};
    struct rig *r = rig_new("rv64,xdisk=true");
    uint64_t v;
    for (unsigned m = MO_M; m < MODES; m++) {
        set_mode(r->h, (enum mode)m);
        ck_assert_int_eq(access_csr(r->h, SECTOR, true, 1, &v), expected[m]);
        ck_assert_int_eq(access_csr(r->h, STATUS, false, 0, &v), expected[m]);
        /* Read-only stays illegal, whoever asks. */
        ck_assert_int_eq(access_csr(r->h, STATUS, true, 0, &v), CAUSE_ILLEGAL);
    }
    rig_free(r);
}
END_TEST

/* The device itself, on an image of three sectors. */
START_TEST(xdisk_moves_sectors)
{
    char path[] = "/tmp/vitrine-test-XXXXXX";
    struct err e;
    uint8_t image[3 * 512], seen[512];
    struct bus *bus = bus_new();
    ck_assert_ptr_nonnull(bus_add_memory(bus, "RAM", 0x80000000, 0x2000, false, &e));
    for (unsigned i = 0; i < sizeof image; i++)
        image[i] = (uint8_t)(i / 512 * 16 + i);
    int fd = mkstemp(path);
    ck_assert_int_eq(write(fd, image, sizeof image), sizeof image);
    close(fd);
    struct blockfile_config file = {.path = path, .format = "raw"};
    struct xdisk_config cfg = {blockfile_open(&file, &e)};
    ck_assert_ptr_nonnull(cfg.disk);
    struct dev_env env = {.bus = bus};
    void *d = xdisk_create(&env, &cfg, &e);
    static const struct {
        uint64_t sector, address, command, status;
    } rows[] = {
        {1, 0x80000100, XDISK_READ, XDISK_OK},
        {0, 0x80000100, XDISK_WRITE, XDISK_OK},
        {0, 0x80000101, XDISK_FLUSH, XDISK_OK},
        {3, 0x80000000, XDISK_READ, XDISK_BAD_SECTOR},
        {UINT64_MAX, 0x80000000, XDISK_WRITE, XDISK_BAD_SECTOR},
        {0, 0x80001e01, XDISK_READ, XDISK_BAD_ADDRESS},
        {0, 0x1000, XDISK_WRITE, XDISK_BAD_ADDRESS},
        {0, UINT64_MAX - 100, XDISK_READ, XDISK_BAD_ADDRESS},
        {0, 0x80000000, 7, XDISK_BAD_COMMAND},
    };
    ck_assert_uint_eq(xdisk_read(d, XDISK_SECTORS), 3);
    for (unsigned i = 0; i < ARRAY_LEN(rows); i++) {
        xdisk_write(d, XDISK_SECTOR, rows[i].sector);
        xdisk_write(d, XDISK_ADDRESS, rows[i].address);
        xdisk_write(d, XDISK_COMMAND, rows[i].command);
        ck_assert_msg(xdisk_read(d, XDISK_STATUS) == rows[i].status, "row %u", i);
    }
    ck_assert(bus_dma_read(bus, 0x80000100, seen, sizeof seen));
    ck_assert_mem_eq(seen, image + 512, sizeof seen);
    xdisk_class.free(d);
    FILE *f = fopen(path, "rb");
    ck_assert_uint_eq(fread(seen, 1, sizeof seen, f), sizeof seen);
    ck_assert_mem_eq(seen, image + 512, sizeof seen);
    fclose(f);
    unlink(path);
    bus_free(bus);
}
END_TEST

Suite *custom_suite(void)
{
    Suite *s = suite_create("custom");
    TCase *t = tcase_create("extensions");
    tcase_add_test(t, absent_by_default);
    tcase_add_test(t, uk_tells);
    tcase_add_test(t, ukset_drops);
    tcase_add_test(t, xdisk_by_mode);
    tcase_add_test(t, xdisk_moves_sectors);
    suite_add_tcase(s, t);
    return s;
}
