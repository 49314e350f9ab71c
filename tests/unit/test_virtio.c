/* SPDX-License-Identifier: MIT */
/* The virtio transport and the block device, as a driver sees them. */
#include <fcntl.h>
#include <libfdt.h>

#include "virtio_disk.h"

Suite *virtio_suite(void);

START_TEST(empty_slot)
{
    struct rig *r = rig_new(NULL);
    rig_plug(r, NULL);
    ck_assert_uint_eq(get32(r, 0), 0x74726976);
    ck_assert_uint_eq(get32(r, 4), 2);
    ck_assert_uint_eq(get32(r, 8), 0);
    for (uint64_t off = 0x10; off < 0x200; off += 4) {
        set32(r, off, 0xffffffff);
        ck_assert_uint_eq(get32(r, off), 0);
    }
    ck_assert(virtio_mmio_class.deadline(r->slot) == DEV_NO_DEADLINE);
    rig_free(r);
}
END_TEST

START_TEST(registers)
{
    struct rig *r = disk_rig(false, false);
    ck_assert_uint_eq(get32(r, 0), 0x74726976);
    ck_assert_uint_eq(get32(r, 4), 2);
    ck_assert_uint_eq(get32(r, 8), 2);
    ck_assert_uint_eq(get32(r, 0xc), 0x554d4551);
    ck_assert_uint_eq(rig_read(r, 0, 1), 0); /* registers are words */
    uint64_t f = rig_features(r);
    ck_assert_uint_eq(f, VERSION_1 | EVENT_IDX | INDIRECT | F_FLUSH | F_DISCARD | F_ZEROES | BIT(2) | BIT(6));
    set32(r, 0x14, 2);
    ck_assert_uint_eq(get32(r, 0x10), 0);
    ck_assert_uint_eq(get32(r, 0x34), 256);
    set32(r, 0x30, 1);
    ck_assert_uint_eq(get32(r, 0x34), 0); /* no such queue */
    set32(r, 0x44, 1);
    ck_assert_uint_eq(get32(r, 0x44), 0);
    for (uint64_t off = 0xb0; off <= 0xbc; off += 4)
        ck_assert_uint_eq(get32(r, off), 0xffffffff);
    /* configuration: capacity, in every size; seg_max, blk_size; nothing past the end */
    ck_assert_uint_eq(get32(r, 0x100), SECTORS);
    ck_assert_uint_eq(rig_read(r, 0x100, 1), SECTORS);
    ck_assert_uint_eq(rig_read(r, 0x100, 2), SECTORS);
    ck_assert_uint_eq(get32(r, 0x104), 0);
    ck_assert_uint_eq(get32(r, 0x10c), 254);
    ck_assert_uint_eq(get32(r, 0x114), 512);
    ck_assert_uint_eq(get32(r, 0x100 + 60), 0);
    ck_assert_uint_eq(get32(r, 0xffc), 0);
    set32(r, 0x100, 99);
    ck_assert_uint_eq(get32(r, 0x100), SECTORS);
    rig_free(r);
}
END_TEST

START_TEST(status_machine)
{
    struct rig *r = disk_rig(false, false);
    rig_negotiate(r, VERSION_1 | BIT(40)); /* not on offer */
    ck_assert_uint_eq(get32(r, 0x70), 3);
    rig_negotiate(r, VERSION_1 | F_RO);
    ck_assert_uint_eq(get32(r, 0x70), 3);
    rig_negotiate(r, VERSION_1);
    ck_assert_uint_eq(get32(r, 0x70), 0xb);
    set32(r, 0x24, 0); /* too late for more features */
    set32(r, 0x20, BIT(5));
    set32(r, 0x70, 0xf);
    ck_assert_uint_eq(get32(r, 0x70), 0xf);
    set32(r, 0x70, 0x40); /* the device's own bit */
    ck_assert_uint_eq(get32(r, 0x70), 0xf);
    set32(r, 0x70, 0x8f);
    ck_assert_uint_eq(get32(r, 0x70), 0x8f);
    set32(r, 0x70, 0);
    ck_assert_uint_eq(get32(r, 0x70), 0);

    /* a FAILED device stands still, and so does one before DRIVER_OK */
    uint32_t id, len;
    rig_start(r, VERSION_1, 1);
    set32(r, 0x70, 0x8f);
    blk_queue(r, 0, 0, 512, true);
    rig_kick(r, 0);
    ck_assert(!rig_used(r, 0, &id, &len));
    rig_negotiate(r, VERSION_1);
    rig_queue(r, 0, rig_desc_at(0), rig_avail_at(0), rig_used_at(0), r->qsize);
    blk_queue(r, 0, 0, 512, true);
    rig_kick(r, 0);
    ck_assert(!rig_used(r, 0, &id, &len));
    set32(r, 0x70, 0xf); /* now what waits is served */
    ck_assert(rig_used(r, 0, &id, &len));
    rig_free(r);
}
END_TEST

/* Small drivers never touch the upper half of the features, nor selectors. */
START_TEST(driver_without_version_1)
{
    struct rig *r = disk_rig(false, false);
    set32(r, 0x70, 0);
    set32(r, 0x70, 3);
    set32(r, 0x20, get32(r, 0x10) & ~(uint32_t)(EVENT_IDX | INDIRECT));
    set32(r, 0x70, 0xb);
    ck_assert_uint_eq(get32(r, 0x70), 0xb);
    rig_queue(r, 0, rig_desc_at(0), rig_avail_at(0), rig_used_at(0), r->qsize);
    set32(r, 0x70, 0xf);
    ck_assert_int_eq(blk_do(r, 0, 1, 512, true, NULL), 0);
    rig_free(r);
}
END_TEST

START_TEST(blk_read_write)
{
    struct rig *r = disk_rig(false, false);
    uint8_t buf[2048];
    uint32_t len;
    rig_start(r, VERSION_1 | F_FLUSH, 1);
    ck_assert_int_eq(blk_do(r, 0, 5, 1024, true, &len), 0);
    ck_assert_uint_eq(len, 1025);
    rig_load(r, RIG_BUF + 0x1000, buf, 1024);
    for (unsigned i = 0; i < 1024; i++)
        ck_assert_uint_eq(buf[i], disk_byte(5 * 512 + i));
    ck_assert(r->irq);
    ck_assert_uint_eq(get32(r, 0x60), 1);
    set32(r, 0x64, 1);
    ck_assert(!r->irq);
    ck_assert_uint_eq(get32(r, 0x60), 0);

    for (unsigned i = 0; i < 2048; i++)
        buf[i] = (uint8_t)(i * 3 + 1);
    rig_store(r, RIG_BUF + 0x1000, buf, 2048);
    ck_assert_int_eq(blk_do(r, 1, SECTORS - 4, 2048, false, &len), 0);
    ck_assert_uint_eq(len, 1);
    ck_assert_int_eq(blk_do(r, 4, 0, 0, false, &len), 0);
    int fd = open(image, O_RDONLY);
    uint8_t file[2048];
    ck_assert_int_eq(pread(fd, file, 2048, (SECTORS - 4) * 512), 2048);
    close(fd);
    ck_assert_mem_eq(buf, file, 2048);

    ck_assert_int_eq(blk_do(r, 8, 0, 20, true, &len), 0);
    ck_assert_uint_eq(len, 21);
    rig_load(r, RIG_BUF + 0x1000, buf, 20);
    ck_assert_mem_eq(buf, "a-serial-number\0\0\0\0\0", 20);
    ck_assert(!rig_needs_reset(r));
    rig_free(r);
}
END_TEST

START_TEST(blk_errors)
{
    struct rig *r = disk_rig(false, false);
    rig_start(r, VERSION_1 | F_FLUSH, 1);
    ck_assert_int_eq(blk_do(r, 0, SECTORS, 512, true, NULL), 1);
    ck_assert_int_eq(blk_do(r, 0, SECTORS - 1, 1024, true, NULL), 1);
    ck_assert_int_eq(blk_do(r, 0, UINT64_MAX, 512, true, NULL), 1);
    ck_assert_int_eq(blk_do(r, 0, UINT64_MAX / 512 + 1, 512, true, NULL), 1);
    ck_assert_int_eq(blk_do(r, 0, 0, 100, true, NULL), 1); /* half a sector */
    ck_assert_int_eq(blk_do(r, 1, SECTORS, 512, false, NULL), 1);
    ck_assert_int_eq(blk_do(r, 77, 0, 512, true, NULL), 2);
    ck_assert_int_eq(blk_do(r, 11, 0, 16, false, NULL), 2); /* DISCARD was not negotiated */
    ck_assert_int_eq(blk_do(r, 0, 0, 0, true, NULL), 0);    /* nothing to read is no error */
    ck_assert(!rig_needs_reset(r));
    rig_free(r);

    r = disk_rig(true, false);
    ck_assert(rig_features(r) & F_RO);
    ck_assert(!(rig_features(r) & (F_DISCARD | F_ZEROES)));
    rig_start(r, VERSION_1 | F_RO | F_FLUSH, 1);
    ck_assert_int_eq(blk_do(r, 1, 0, 512, false, NULL), 1);
    ck_assert_int_eq(blk_do(r, 0, 0, 512, true, NULL), 0);
    rig_free(r);
}
END_TEST

START_TEST(blk_discard_and_zeroes)
{
    struct rig *r = disk_rig(false, _i == 1);
    struct {
        uint64_t sector;
        uint32_t n, flags;
    } range = {2, 3, 0};
    uint8_t buf[512 * 5];
    rig_start(r, VERSION_1 | F_FLUSH | F_DISCARD | F_ZEROES, 1);
    rig_store(r, RIG_BUF + 0x1000, &range, sizeof range);
    ck_assert_int_eq(blk_do(r, 13, 0, 16, false, NULL), 0);
    ck_assert_int_eq(blk_do(r, 0, 1, sizeof buf, true, NULL), 0);
    rig_load(r, RIG_BUF + 0x1000, buf, sizeof buf);
    for (unsigned i = 0; i < sizeof buf; i++)
        ck_assert_uint_eq(buf[i], i >= 512 && i < 2048 ? 0 : disk_byte(512 + i));
    rig_store(r, RIG_BUF + 0x1000, &range, sizeof range);
    ck_assert_int_eq(blk_do(r, 11, 0, 16, false, NULL), 0);
    ck_assert_int_eq(blk_do(r, 11, 0, 15, false, NULL), 1);
    ck_assert_int_eq(blk_do(r, 11, 0, 32, false, NULL), 1); /* more ranges than max_discard_seg */
    range.flags = 1;
    rig_store(r, RIG_BUF + 0x1000, &range, sizeof range);
    ck_assert_int_eq(blk_do(r, 13, 0, 16, false, NULL), 0);
    ck_assert_int_eq(blk_do(r, 11, 0, 16, false, NULL), 2); /* unmap is for write zeroes only */
    range.flags = 2;
    rig_store(r, RIG_BUF + 0x1000, &range, sizeof range);
    ck_assert_int_eq(blk_do(r, 13, 0, 16, false, NULL), 2);
    range.flags = 0;
    range.n = SECTORS;
    rig_store(r, RIG_BUF + 0x1000, &range, sizeof range);
    ck_assert_int_eq(blk_do(r, 13, 0, 16, false, NULL), 1);
    rig_free(r);
}
END_TEST

/* A chain in an indirect table, with data and header in odd pieces. */
START_TEST(indirect_and_odd_pieces)
{
    struct rig *r = disk_rig(false, false);
    rig_start(r, VERSION_1 | INDIRECT | F_FLUSH, 1);
    struct {
        uint32_t type, reserved;
        uint64_t sector;
    } h = {0, 0, 7};
    rig_store(r, RIG_BUF, &h, sizeof h);
    struct rig_desc table[] = {
        {RIG_BUF, 3, D_NEXT, 4},
        {RIG_BUF + 0x1000 + 100, 0, D_NEXT | D_WRITE, 2}, /* empty */
        {RIG_BUF + 0x1000 + 100, 412, D_NEXT | D_WRITE, 3},
        {RIG_BUF + 0x10, 1, D_WRITE, 0},
        {RIG_BUF + 3, 13, D_NEXT, 5},
        {RIG_BUF + 0x1000, 100, D_NEXT | D_WRITE, 1},
    };
    rig_store(r, RIG_BUF + 0x2000, table, sizeof table);
    rig_desc(r, 0, 6, RIG_BUF + 0x2000, sizeof table, D_INDIRECT, 0);
    rig_offer(r, 0, 6);
    rig_kick(r, 0);
    uint32_t id, len;
    uint8_t buf[513];
    ck_assert(rig_used(r, 0, &id, &len));
    ck_assert_uint_eq(id, 6);
    ck_assert_uint_eq(len, 513);
    rig_load(r, RIG_BUF + 0x1000, buf, 512);
    for (unsigned i = 0; i < 512; i++)
        ck_assert_uint_eq(buf[i], disk_byte(7 * 512 + i));
    rig_load(r, RIG_BUF + 0x10, buf, 1);
    ck_assert_uint_eq(buf[0], 0);

    /* one ordinary descriptor, then a table (2.7.5.3.2) */
    struct rig_desc rest[] = {{RIG_BUF + 0x1000, 512, D_NEXT | D_WRITE, 1}, {RIG_BUF + 0x10, 1, D_WRITE, 0}};
    rig_store(r, RIG_BUF + 0x2000, rest, sizeof rest);
    rig_desc(r, 0, 0, RIG_BUF, 16, D_NEXT, 1);
    rig_desc(r, 0, 1, RIG_BUF + 0x2000, sizeof rest, D_INDIRECT, 0);
    rig_offer(r, 0, 0);
    rig_kick(r, 0);
    ck_assert(rig_used(r, 0, &id, &len));
    ck_assert_uint_eq(len, 513);
    rig_free(r);
}
END_TEST

/* The indices run on past 65535. */
START_TEST(index_wrap)
{
    struct rig *r = disk_rig(true, false);
    rig_start(r, VERSION_1 | F_RO | (_i ? EVENT_IDX : 0), 1);
    for (unsigned i = 0; i < 66000; i++) {
        uint16_t event = r->used[0]; /* interrupt at the next one */
        if (_i)
            rig_store(r, rig_avail_at(0) + 4 + 2u * r->qsize, &event, 2);
        if (blk_do(r, 0, 0, 0, true, NULL) != 0 || !r->irq)
            ck_abort_msg("request %u", i);
        set32(r, 0x64, 1);
    }
    rig_free(r);
}
END_TEST

START_TEST(interrupt_suppression)
{
    struct rig *r = disk_rig(false, false);
    uint16_t no_interrupt = 1, event;
    rig_start(r, VERSION_1, 1);
    rig_store(r, rig_avail_at(0), &no_interrupt, 2);
    ck_assert_int_eq(blk_do(r, 0, 0, 512, true, NULL), 0);
    ck_assert(!r->irq);

    rig_start(r, VERSION_1 | EVENT_IDX, 1);
    event = 0; /* tell when entry 0 is used */
    rig_store(r, rig_avail_at(0) + 4 + 2u * r->qsize, &event, 2);
    ck_assert_int_eq(blk_do(r, 0, 0, 512, true, NULL), 0);
    ck_assert(r->irq);
    set32(r, 0x64, 1);
    event = 3;
    rig_store(r, rig_avail_at(0) + 4 + 2u * r->qsize, &event, 2);
    for (unsigned i = 1; i <= 3; i++) {
        ck_assert_int_eq(blk_do(r, 0, 0, 512, true, NULL), 0);
        ck_assert_msg(r->irq == (i == 3), "entry %u", i);
    }
    /* avail_event: the device wants to hear of the entry after the ones it took */
    rig_load(r, rig_used_at(0) + 4 + 8u * r->qsize, &event, 2);
    ck_assert_uint_eq(event, 4);
    rig_free(r);
}
END_TEST

/* More work than one notification may do: the rest comes with run(). */
START_TEST(bounded_turn)
{
    struct rig *r = disk_rig(true, false);
    uint32_t id, len;
    struct {
        uint32_t type, reserved;
        uint64_t sector;
    } h = {0, 0, 0};
    r->qsize = 256;
    rig_start(r, VERSION_1 | F_RO | INDIRECT, 1);
    /* 256 reads of the disk's 32 KiB are 8 MiB: the bound on chains stops the device, not the one on bytes. */
    rig_store(r, RIG_BUF, &h, sizeof h);
    rig_desc(r, 0, 0, RIG_BUF, 16, D_NEXT, 1);
    rig_desc(r, 0, 1, RIG_BUF + 0x1000, SECTORS * 512, D_NEXT | D_WRITE, 2);
    rig_desc(r, 0, 2, RIG_BUF + 0x10, 1, D_WRITE, 0);
    for (unsigned i = 0; i < 256; i++)
        rig_offer(r, 0, 0);
    rig_kick(r, 0);
    uint16_t idx;
    rig_load(r, rig_used_at(0) + 2, &idx, 2);
    ck_assert_uint_eq(idx, VIRTIO_BUDGET_CHAINS);
    ck_assert(virtio_mmio_class.deadline(r->slot) == 0);
    rig_offer(r, 0, 0);
    virtio_mmio_class.run(r->slot);
    ck_assert(virtio_mmio_class.deadline(r->slot) == DEV_NO_DEADLINE);
    for (unsigned i = 0; i < 257; i++)
        ck_assert(rig_used(r, 0, &id, &len));
    ck_assert(!rig_used(r, 0, &id, &len));
    rig_free(r);
}
END_TEST

/* The same for bytes: a write-zeroes request counts by what it clears. */
START_TEST(bounded_bytes)
{
    ck_assert_int_eq(truncate(image, 64 << 20), 0);
    struct rig *r = disk_rig(false, false);
    struct {
        uint64_t sector;
        uint32_t n, flags;
    } range = {0, (16 << 20) / 512, 0};
    uint16_t idx;
    rig_start(r, VERSION_1 | F_ZEROES, 1);
    rig_store(r, RIG_BUF + 0x1000, &range, sizeof range);
    for (unsigned i = 0; i < 3; i++)
        blk_queue(r, 13, 0, 16, false);
    for (uint16_t turn = 1; turn <= 3; turn++) {
        if (turn == 1)
            rig_kick(r, 0);
        else
            virtio_mmio_class.run(r->slot);
        rig_load(r, rig_used_at(0) + 2, &idx, 2);
        ck_assert_uint_eq(idx, turn);
        ck_assert(virtio_mmio_class.deadline(r->slot) == 0);
    }
    virtio_mmio_class.run(r->slot);
    ck_assert(virtio_mmio_class.deadline(r->slot) == DEV_NO_DEADLINE);
    rig_free(r);
}
END_TEST

/* A visitor that counts, and finds the queue's position by name. */
struct counter {
    struct visitor v;
    unsigned fields, depth;
    uint16_t last_avail;
};

static void count_field(struct visitor *v, const char *name, void *p, size_t size, size_t count)
{
    struct counter *c = (struct counter *)v;
    ck_assert(size == 1 || size == 2 || size == 4 || size == 8);
    ck_assert(count > 0);
    c->fields++;
    if (strcmp(name, "last_avail") == 0)
        memcpy(&c->last_avail, p, sizeof c->last_avail);
}
static void count_open(struct visitor *v, const char *name, unsigned index)
{
    (void)name;
    (void)index;
    ((struct counter *)v)->depth++;
}
static void count_close(struct visitor *v)
{
    ((struct counter *)v)->depth--;
}

START_TEST(visit_names_the_state)
{
    struct rig *r = disk_rig(false, false);
    struct counter c = {.v = {count_field, count_open, count_close}};
    rig_start(r, VERSION_1 | F_FLUSH, 1);
    for (unsigned i = 0; i < 5; i++)
        blk_do(r, 0, 0, 512, true, NULL);
    virtio_mmio_class.visit(r->slot, &c.v);
    ck_assert_uint_eq(c.fields, 3 + 5 + 9);
    ck_assert_uint_eq(c.depth, 0);
    ck_assert_uint_eq(c.last_avail, 5);
    rig_free(r);
}
END_TEST

START_TEST(device_tree_node)
{
    struct rig *r = rig_new(NULL);
    struct dev_place place = {.base = 0x10008000, .size = 0x1000, .irq_number = 8, .plic_phandle = 3};
    uint8_t fdt[1024];
    int len;
    rig_plug(r, NULL);
    ck_assert_int_eq(fdt_create_empty_tree(fdt, sizeof fdt), 0);
    ck_assert_int_eq(virtio_mmio_class.fdt(r->slot, &place, fdt, 0), 0);
    int node = fdt_path_offset(fdt, "/virtio_mmio@10008000");
    ck_assert_int_gt(node, 0);
    ck_assert_str_eq(fdt_getprop(fdt, node, "compatible", &len), "virtio,mmio");
    const fdt64_t *reg = fdt_getprop(fdt, node, "reg", &len);
    ck_assert_int_eq(len, 16);
    ck_assert_uint_eq(fdt64_ld(reg), 0x10008000);
    ck_assert_uint_eq(fdt64_ld(reg + 1), 0x1000);
    ck_assert_uint_eq(fdt32_ld(fdt_getprop(fdt, node, "interrupts", &len)), 8);
    ck_assert_uint_eq(fdt32_ld(fdt_getprop(fdt, node, "interrupt-parent", &len)), 3);
    rig_free(r);
}
END_TEST

Suite *virtio_suite(void)
{
    Suite *s = suite_create("virtio");
    TCase *t = tcase_create("transport and block");
    tcase_add_checked_fixture(t, make_image, remove_image);
    tcase_set_timeout(t, 60);
    tcase_add_test(t, empty_slot);
    tcase_add_test(t, registers);
    tcase_add_test(t, status_machine);
    tcase_add_test(t, driver_without_version_1);
    tcase_add_test(t, blk_read_write);
    tcase_add_test(t, blk_errors);
    tcase_add_loop_test(t, blk_discard_and_zeroes, 0, 2);
    tcase_add_test(t, indirect_and_odd_pieces);
    tcase_add_loop_test(t, index_wrap, 0, 2);
    tcase_add_test(t, interrupt_suppression);
    tcase_add_test(t, bounded_turn);
    tcase_add_test(t, bounded_bytes);
    tcase_add_test(t, visit_names_the_state);
    tcase_add_test(t, device_tree_node);
    suite_add_tcase(s, t);
    return s;
}
