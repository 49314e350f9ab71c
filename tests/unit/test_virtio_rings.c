/* SPDX-License-Identifier: MIT */
/* Drivers that break the rules of the virtio rings. Each must find the device in need of a reset, which must cure it. */
#include "virtio_disk.h"

Suite *virtio_rings_suite(void);

static void bad_loop(struct rig *r)
{
    rig_desc(r, 0, 0, RIG_BUF, 16, D_NEXT, 1);
    rig_desc(r, 0, 1, RIG_BUF, 16, D_NEXT, 0);
}
static void bad_next(struct rig *r)
{
    rig_desc(r, 0, 0, RIG_BUF, 16, D_NEXT, RIG_QSIZE);
}
static void bad_head(struct rig *r)
{
    uint16_t head = 0xffff;
    rig_store(r, rig_avail_at(0) + 4, &head, 2);
}
static void bad_index_jump(struct rig *r)
{
    uint16_t idx = RIG_QSIZE + 1;
    rig_store(r, rig_avail_at(0) + 2, &idx, 2);
}
static void bad_read_address(struct rig *r)
{
    rig_desc(r, 0, 0, 0x1000, 16, D_NEXT, 2);
}
static void bad_read_wrap(struct rig *r)
{
    rig_desc(r, 0, 0, UINT64_MAX - 7, 16, D_NEXT, 2);
}
static void bad_write_address(struct rig *r)
{
    rig_desc(r, 0, 1, RIG_RAM + RIG_RAM_SIZE - 256, 512, D_NEXT | D_WRITE, 2);
}
static void bad_write_to_mmio(struct rig *r)
{
    rig_desc(r, 0, 1, RIG_SLOT, 512, D_NEXT | D_WRITE, 2);
}
static void bad_status_address(struct rig *r)
{
    rig_desc(r, 0, 2, RIG_RAM - 1, 1, D_WRITE, 0);
}
static void bad_total_length(struct rig *r)
{
    rig_desc(r, 0, 0, RIG_BUF, 16, D_NEXT, 3);
    rig_desc(r, 0, 3, RIG_BUF, 0xffffffff, D_NEXT | D_WRITE, 4);
    rig_desc(r, 0, 4, RIG_BUF, 0xffffffff, D_WRITE, 0);
}
static void bad_order(struct rig *r)
{
    rig_desc(r, 0, 1, RIG_BUF, 512, D_NEXT | D_WRITE, 3);
    rig_desc(r, 0, 3, RIG_BUF, 16, D_NEXT, 2);
}
static void bad_short_header(struct rig *r)
{
    rig_desc(r, 0, 0, RIG_BUF, 15, D_NEXT, 1);
}
static void bad_no_status(struct rig *r)
{
    rig_desc(r, 0, 0, RIG_BUF, 16, 0, 0);
}
static void bad_indirect_empty(struct rig *r)
{
    rig_desc(r, 0, 0, RIG_BUF + 0x2000, 0, D_INDIRECT, 0);
}
static void bad_indirect_part(struct rig *r)
{
    rig_desc(r, 0, 0, RIG_BUF + 0x2000, 24, D_INDIRECT, 0);
}
static void bad_indirect_next(struct rig *r)
{
    rig_desc(r, 0, 0, RIG_BUF + 0x2000, 32, D_INDIRECT | D_NEXT, 1);
}
static void bad_indirect_address(struct rig *r)
{
    rig_desc(r, 0, 0, 0x4000, 32, D_INDIRECT, 0);
}
static void bad_indirect_wrap(struct rig *r)
{
    rig_desc(r, 0, 0, UINT64_MAX - 15, 0xfffffff0, D_INDIRECT, 0);
}
static void bad_indirect_nested(struct rig *r)
{
    struct rig_desc t = {RIG_BUF + 0x2000, 16, D_INDIRECT, 0};
    rig_store(r, RIG_BUF + 0x2000, &t, sizeof t);
    rig_desc(r, 0, 0, RIG_BUF + 0x2000, 16, D_INDIRECT, 0);
}
static void bad_indirect_successor(struct rig *r)
{
    struct rig_desc t = {RIG_BUF, 16, D_NEXT, 1};
    rig_store(r, RIG_BUF + 0x2000, &t, sizeof t);
    rig_desc(r, 0, 0, RIG_BUF + 0x2000, 16, D_INDIRECT, 0);
}
static void bad_indirect_loop(struct rig *r)
{
    struct rig_desc t = {RIG_BUF, 16, D_NEXT, 0};
    rig_store(r, RIG_BUF + 0x2000, &t, sizeof t);
    rig_desc(r, 0, 0, RIG_BUF + 0x2000, 0x7ffffff0, D_INDIRECT, 0);
}

static const struct {
    const char *name;
    void (*spoil)(struct rig *r);
} bad[] = {
    {"loop", bad_loop},
    {"next past the table", bad_next},
    {"head past the table", bad_head},
    {"index jump", bad_index_jump},
    {"header not in RAM", bad_read_address},
    {"header wraps around", bad_read_wrap},
    {"data ends past RAM", bad_write_address},
    {"data in MMIO", bad_write_to_mmio},
    {"status before RAM", bad_status_address},
    {"8 GiB of data", bad_total_length},
    {"readable after writable", bad_order},
    {"short header", bad_short_header},
    {"no status", bad_no_status},
    {"empty table", bad_indirect_empty},
    {"part of a descriptor", bad_indirect_part},
    {"table with successor", bad_indirect_next},
    {"table not in RAM", bad_indirect_address},
    {"table wraps around", bad_indirect_wrap},
    {"nested table", bad_indirect_nested},
    {"successor outside table", bad_indirect_successor},
    {"loop in a huge table", bad_indirect_loop},
};

static void expect_broken(struct rig *r, const char *what)
{
    uint32_t id, len;
    rig_kick(r, 0);
    ck_assert_msg(rig_needs_reset(r), "%s: NEEDS_RESET", what);
    ck_assert_msg(get32(r, 0x60) & 2, "%s: configuration interrupt", what);
    ck_assert_msg(r->irq, "%s: line", what);
    ck_assert_msg(!rig_used(r, 0, &id, &len), "%s: not used", what);
    rig_kick(r, 0); /* stands still */
    ck_assert_msg(!rig_used(r, 0, &id, &len), "%s: not used later", what);
    rig_start(r, VERSION_1 | F_FLUSH, 1);
    ck_assert_msg(!r->irq, "%s: line after reset", what);
    ck_assert_msg(blk_do(r, 0, 3, 512, true, NULL) == 0, "%s: works after reset", what);
}

START_TEST(malformed_chain)
{
    struct rig *r = disk_rig(false, false);
    rig_start(r, VERSION_1 | INDIRECT | F_FLUSH, 1);
    blk_queue(r, 0, 0, 512, true);
    bad[_i].spoil(r);
    expect_broken(r, bad[_i].name);
    rig_free(r);
}
END_TEST

START_TEST(indirect_not_negotiated)
{
    struct rig *r = disk_rig(false, false);
    struct rig_desc t = {RIG_BUF, 16, 0, 0};
    rig_start(r, VERSION_1 | F_FLUSH, 1);
    blk_queue(r, 0, 0, 512, true);
    rig_store(r, RIG_BUF + 0x2000, &t, sizeof t);
    rig_desc(r, 0, 0, RIG_BUF + 0x2000, 16, D_INDIRECT, 0);
    expect_broken(r, "indirect");
    rig_free(r);
}
END_TEST

/* Areas of the ring that are not in memory show at the first use. */
START_TEST(rings_outside_ram)
{
    struct rig *r = disk_rig(false, false);
    for (unsigned i = 0; i < 4; i++) {
        uint64_t area[3] = {rig_desc_at(0), rig_avail_at(0), rig_used_at(0)};
        uint16_t zero = 0;
        rig_negotiate(r, VERSION_1 | F_FLUSH | EVENT_IDX);
        rig_store(r, rig_used_at(0) + 2, &zero, 2);
        /* the last time the descriptors begin in memory and end outside */
        area[i % 3] = i < 3 ? 0x1000 : RIG_RAM + RIG_RAM_SIZE - 16;
        if (i == 3)
            rig_store(r, area[0], &(struct rig_desc){RIG_BUF, 16, D_NEXT, 1}, 16);
        blk_queue(r, 0, 0, 512, true);
        rig_queue(r, 0, area[0], area[1], area[2], r->qsize);
        set32(r, 0x70, 0xf);
        expect_broken(r, "area");
    }
    rig_free(r);
}
END_TEST

START_TEST(bad_queue_setup)
{
    struct rig *r = disk_rig(false, false);
    static const uint32_t sizes[] = {0, 3, 7, 512, 1024, 2048, 65536 + 8, 0x80000000};
    for (unsigned i = 0; i < ARRAY_LEN(sizes); i++) {
        rig_negotiate(r, VERSION_1);
        rig_queue(r, 0, rig_desc_at(0), rig_avail_at(0), rig_used_at(0), sizes[i]);
        ck_assert_msg(get32(r, 0x44) == 0 && rig_needs_reset(r), "size %u", sizes[i]);
    }
    for (unsigned i = 0; i < 6; i++) {
        uint64_t area[3] = {rig_desc_at(0), rig_avail_at(0), rig_used_at(0)};
        area[i % 3] = i < 3 ? area[i % 3] + 1 : UINT64_MAX - 15;
        rig_negotiate(r, VERSION_1);
        rig_queue(r, 0, area[0], area[1], area[2], 8);
        ck_assert_msg(get32(r, 0x44) == 0 && rig_needs_reset(r), "area %u", i);
    }
    rig_negotiate(r, VERSION_1);
    set32(r, 0x30, 0xffffffff);
    set32(r, 0x38, 8);
    set32(r, 0x44, 1);
    set32(r, 0x50, 0xffffffff);
    ck_assert_uint_eq(get32(r, 0x70), 0xb);
    rig_free(r);
}
END_TEST

Suite *virtio_rings_suite(void)
{
    Suite *s = suite_create("virtio_rings");
    TCase *t = tcase_create("malformed rings");
    tcase_add_checked_fixture(t, make_image, remove_image);
    tcase_add_loop_test(t, malformed_chain, 0, (int)ARRAY_LEN(bad));
    tcase_add_test(t, indirect_not_negotiated);
    tcase_add_test(t, rings_outside_ram);
    tcase_add_test(t, bad_queue_setup);
    suite_add_tcase(s, t);
    return s;
}
