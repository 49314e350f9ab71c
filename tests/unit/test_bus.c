/* SPDX-License-Identifier: MIT */
#include <check.h>
#include <errno.h>
#include <string.h>

#include "dev/bus.h"

Suite *bus_suite(void);

static const uint64_t RAM = 0x80000000, RAM_SIZE = 4 << 20;
static const uint64_t GIB = 1 << 30;

/* A device of four-byte registers that remembers its last accesses. */
struct probe {
    uint64_t reg[16];
    unsigned reads, writes;
    uint64_t last_off, last_val;
    unsigned last_size;
};

static uint64_t probe_read(void *dev, uint64_t off, unsigned size)
{
    struct probe *p = dev;
    p->reads++;
    p->last_off = off;
    p->last_size = size;
    return p->reg[off / 4];
}

static void probe_write(void *dev, uint64_t off, uint64_t val, unsigned size)
{
    struct probe *p = dev;
    p->writes++;
    p->last_off = off;
    p->last_size = size;
    p->last_val = val;
    p->reg[off / 4] = val;
}

static const struct mmio_ops word_ops = {probe_read, probe_write, 4, 4};
static const struct mmio_ops byte_ops = {probe_read, probe_write, 1, 1};
static const struct mmio_ops any_ops = {probe_read, probe_write, 1, 8};

static struct bus *b;
static struct mem_region *ram;
static struct probe probe;

static void setup(void)
{
    b = bus_new();
    ck_assert_ptr_nonnull(b);
    ram = bus_add_memory(b, "ram", RAM, RAM_SIZE, false, NULL);
    ck_assert_ptr_nonnull(ram);
    memset(&probe, 0, sizeof probe);
    ck_assert_int_eq(bus_add_mmio(b, "probe", 0x10000000, 0x40, &word_ops, &probe, NULL), 0);
}

static void teardown(void)
{
    bus_free(b);
}

START_TEST(memory_all_sizes)
{
    uint64_t v;
    ck_assert(bus_read(b, RAM, 8, &v));
    ck_assert_uint_eq(v, 0);
    ck_assert(bus_write(b, RAM, 8, 0x1122334455667788));
    ck_assert(bus_read(b, RAM + 7, 1, &v) && v == 0x11);
    ck_assert(bus_read(b, RAM + 2, 2, &v) && v == 0x5566);
    ck_assert(bus_read(b, RAM + 4, 4, &v) && v == 0x11223344);
    ck_assert(bus_write(b, RAM + 1, 1, 0xffaa));
    ck_assert(bus_write(b, RAM + 2, 2, 0xffbbcc));
    ck_assert(bus_write(b, RAM + 4, 4, 0xffdeadbeef));
    ck_assert(bus_read(b, RAM, 8, &v));
    ck_assert_uint_eq(v, 0xdeadbeefbbccaa88);
    ck_assert_uint_eq(ram->host[0], 0x88);
}
END_TEST

START_TEST(edges_and_holes)
{
    uint64_t v;
    ck_assert(bus_write(b, RAM + RAM_SIZE - 8, 8, 1));
    ck_assert(!bus_write(b, RAM + RAM_SIZE, 8, 1));
    ck_assert(!bus_read(b, RAM + RAM_SIZE, 1, &v));
    ck_assert(!bus_read(b, RAM - 1, 1, &v));
    ck_assert(!bus_read(b, 0, 8, &v));
    ck_assert(!bus_read(b, UINT64_MAX, 1, &v));
    ck_assert(!bus_read(b, 0x10000040, 4, &v));
    ck_assert(!bus_read(b, 0x0ffffffc, 4, &v));
    ck_assert_ptr_null(bus_memory_at(b, 0x10000000));
    ck_assert_ptr_eq(bus_memory_at(b, RAM + 5), ram);
    ck_assert_ptr_eq(bus_memory(b, 0), ram);
    ck_assert_ptr_null(bus_memory(b, 1));
    ck_assert_str_eq(bus_name_at(b, RAM), "ram");
    ck_assert_str_eq(bus_name_at(b, 0x1000003f), "probe");
    ck_assert_ptr_null(bus_name_at(b, 0x10000040));
}
END_TEST

START_TEST(refuses_bad_places)
{
    struct err e = {""};
    ck_assert_ptr_null(bus_add_memory(b, "two", RAM + RAM_SIZE - 4096, 8192, false, &e));
    ck_assert_ptr_nonnull(strstr(e.text, "two"));
    ck_assert_ptr_nonnull(strstr(e.text, "ram"));
    ck_assert_ptr_null(bus_add_memory(b, "below", RAM - 4096, 8192, false, &e));
    ck_assert_ptr_null(bus_add_memory(b, "odd", 0x1800, 4096, false, &e));
    ck_assert_ptr_null(bus_add_memory(b, "empty", 0x1000, 0, false, &e));
    ck_assert_ptr_null(bus_add_memory(b, "end", UINT64_MAX - 4095, 8192, false, &e));
    ck_assert_int_eq(bus_add_mmio(b, "p2", 0x10000020, 0x40, &word_ops, &probe, &e), -EEXIST);
    ck_assert_int_eq(bus_add_mmio(b, "p3", 0x20000002, 0x40, &word_ops, &probe, &e), -EINVAL);
    ck_assert_int_eq(bus_add_mmio(b, "p4", 0x20000000, 0x42, &word_ops, &probe, &e), -EINVAL);
    ck_assert_int_eq(bus_add_mmio(b, "p5", UINT64_MAX - 7, 16, &word_ops, &probe, &e), -EINVAL);
}
END_TEST

START_TEST(sixty_four_gib)
{
    uint64_t v;
    struct mem_region *r = bus_add_memory(b, "big", 64 * GIB, 64 * GIB, false, NULL);
    ck_assert_ptr_nonnull(r);
    ck_assert_ptr_eq(bus_memory_at(b, RAM), ram); /* no longer the largest, still found */
    ck_assert(bus_write(b, 64 * GIB, 8, 1) && bus_write(b, 128 * GIB - 8, 8, 2));
    ck_assert(bus_read(b, 128 * GIB - 8, 8, &v) && v == 2);
    ck_assert(bus_read(b, 96 * GIB, 8, &v) && v == 0);
    ck_assert(!bus_read(b, 128 * GIB, 8, &v));
}
END_TEST

START_TEST(mmio_repairs_sizes)
{
    uint64_t v;
    probe.reg[0] = 0xffffffff11223344;
    probe.reg[1] = 0x55667788;
    ck_assert(bus_read(b, 0x10000000, 4, &v));
    ck_assert_uint_eq(v, 0x11223344); /* what lies above the access is cut off */
    ck_assert(bus_read(b, 0x10000002, 1, &v));
    ck_assert_uint_eq(v, 0x22);
    ck_assert_uint_eq(probe.last_off, 0);
    ck_assert_uint_eq(probe.last_size, 4);
    ck_assert(bus_read(b, 0x10000006, 2, &v));
    ck_assert_uint_eq(v, 0x5566);
    probe.reads = 0;
    ck_assert(bus_read(b, 0x10000000, 8, &v));
    ck_assert_uint_eq(v, 0x5566778811223344);
    ck_assert_uint_eq(probe.reads, 2);

    ck_assert(bus_write(b, 0x1000000a, 1, 0x123)); /* widened, zero-extended, at the aligned offset */
    ck_assert_uint_eq(probe.last_off, 8);
    ck_assert_uint_eq(probe.last_size, 4);
    ck_assert_uint_eq(probe.last_val, 0x23);
    ck_assert(bus_write(b, 0x10000010, 8, 0xaabbccdd00112233));
    ck_assert_uint_eq(probe.reg[4], 0x00112233);
    ck_assert_uint_eq(probe.reg[5], 0xaabbccdd);
}
END_TEST

START_TEST(mmio_bytes_and_any)
{
    uint64_t v;
    struct probe bytes = {.reads = 0}, any = {.reads = 0};
    ck_assert_int_eq(bus_add_mmio(b, "bytes", 0x2000, 0x3e, &byte_ops, &bytes, NULL), 0);
    ck_assert_int_eq(bus_add_mmio(b, "any", 0x3000, 0x40, &any_ops, &any, NULL), 0);
    bytes.reg[0] = 0x1234;
    ck_assert(bus_read(b, 0x2000, 4, &v)); /* four reads of one byte, all of register 0 here */
    ck_assert_uint_eq(v, 0x34343434);
    ck_assert_uint_eq(bytes.reads, 4);
    bytes.reads = 0;
    ck_assert(!bus_read(b, 0x203c, 4, &v)); /* ends past the region: nothing of it happens */
    ck_assert(!bus_write(b, 0x2038, 8, 0));
    ck_assert_uint_eq(bytes.reads + bytes.writes, 0);
    ck_assert(bus_write(b, 0x3008, 8, UINT64_MAX));
    ck_assert_uint_eq(any.last_val, UINT64_MAX);
    ck_assert_uint_eq(any.last_size, 8);
    ck_assert_uint_eq(any.writes, 1);
}
END_TEST

START_TEST(dma)
{
    uint8_t buf[3 * PAGE_SIZE], got[3 * PAGE_SIZE];
    for (size_t i = 0; i < sizeof buf; i++)
        buf[i] = (uint8_t)(i * 7);
    ck_assert(bus_dma_write(b, RAM + 100, buf, sizeof buf));
    ck_assert(bus_dma_read(b, RAM + 100, got, sizeof got));
    ck_assert_mem_eq(buf, got, sizeof buf);
    ck_assert(bus_dma_read(b, 0, got, 0)); /* nothing asked, nothing missing */

    uint64_t before, after;
    ck_assert(bus_read(b, RAM + RAM_SIZE - 8, 8, &before));
    ck_assert(!bus_dma_write(b, RAM + RAM_SIZE - 8, buf, 9));
    ck_assert(bus_read(b, RAM + RAM_SIZE - 8, 8, &after));
    ck_assert_uint_eq(before, after); /* not even the part that would fit */
    ck_assert(!bus_dma_read(b, 0x10000000, got, 4));
    ck_assert(!bus_dma_read(b, RAM, got, SIZE_MAX));
    ck_assert(!bus_dma_write(b, UINT64_MAX - 3, buf, 8));

    ck_assert_ptr_nonnull(bus_add_memory(b, "next", RAM + RAM_SIZE, PAGE_SIZE, false, NULL));
    ck_assert(bus_dma_write(b, RAM + RAM_SIZE - 8, buf, 16)); /* two regions side by side */
    ck_assert(bus_dma_read(b, RAM + RAM_SIZE - 8, got, 16));
    ck_assert_mem_eq(buf, got, 16);
}
END_TEST

START_TEST(rom_and_flash)
{
    uint64_t v;
    struct probe chip = {.reads = 0};
    struct mem_region *rom = bus_add_memory(b, "rom", 0x1000, PAGE_SIZE, true, NULL);
    ck_assert_ptr_nonnull(rom);
    ck_assert(bus_load(b, 0x1000, "\1\2\3\4", 4));
    ck_assert(bus_read(b, 0x1000, 4, &v) && v == 0x04030201);
    ck_assert(!bus_write(b, 0x1000, 4, 0));
    ck_assert(!bus_dma_write(b, 0x1000, &v, 4));
    ck_assert(bus_read(b, 0x1000, 4, &v) && v == 0x04030201);

    /* With registers behind it, as a flash chip has: stores go there, reads only while the memory is off. */
    ck_assert_int_eq(bus_add_mmio(b, "chip", 0x1000, 0x40, &word_ops, &chip, NULL), 0);
    chip.reg[0] = 77;
    ck_assert(bus_read(b, 0x1000, 4, &v) && v == 0x04030201);
    ck_assert(bus_write(b, 0x1004, 4, 88));
    ck_assert_uint_eq(chip.reg[1], 88);
    bus_enable_memory(b, rom, false);
    ck_assert(bus_read(b, 0x1000, 4, &v) && v == 77);
    ck_assert(!bus_read(b, 0x1040, 4, &v));
    ck_assert(!bus_load(b, 0x1000, &v, 4));
    ck_assert_str_eq(bus_name_at(b, 0x1000), "chip");
    bus_enable_memory(b, rom, true);
    ck_assert(bus_read(b, 0x1000, 4, &v) && v == 0x04030201);
}
END_TEST

struct heard {
    struct {
        uint64_t pa, len;
    } range[8];
    unsigned count;
    bool clear;
};

static void on_write(void *ctx, uint64_t pa, uint64_t len)
{
    struct heard *h = ctx;
    if (h->count < ARRAY_LEN(h->range)) {
        h->range[h->count].pa = pa;
        h->range[h->count].len = len;
    }
    h->count++;
    if (h->clear)
        bus_flag_page(b, pa, PAGE_CODE, false);
}

static void on_protect(void *ctx, uint64_t page)
{
    struct heard *h = ctx;
    h->range[h->count % ARRAY_LEN(h->range)].pa = page;
    h->count++;
}

START_TEST(flagged_pages)
{
    struct heard code = {.clear = true}, watch = {.count = 0}, protect = {.count = 0};
    uint8_t buf[3 * PAGE_SIZE] = {0};
    bus_set_flag_owner(b, PAGE_CODE, on_write, &code);
    bus_set_flag_owner(b, PAGE_WATCH, on_write, &watch);
    bus_set_protect_hook(b, on_protect, &protect);

    bus_flag_page(b, RAM + PAGE_SIZE + 5, PAGE_CODE, true);
    ck_assert_uint_eq(protect.count, 1);
    ck_assert_uint_eq(protect.range[0].pa, RAM + PAGE_SIZE);
    bus_flag_page(b, RAM + PAGE_SIZE, PAGE_WATCH, true); /* has a flag already: no TLB can hold it for writing */
    ck_assert_uint_eq(protect.count, 1);
    ck_assert_uint_eq(ram->flags[1], 1u << PAGE_CODE | 1u << PAGE_WATCH);

    ck_assert(bus_write(b, RAM, 8, 1));
    ck_assert(bus_write(b, RAM + 2 * PAGE_SIZE, 8, 1));
    ck_assert_uint_eq(code.count + watch.count, 0);
    ck_assert(bus_write(b, RAM + PAGE_SIZE + 8, 4, 1));
    ck_assert_uint_eq(code.count, 1);
    ck_assert_uint_eq(code.range[0].pa, RAM + PAGE_SIZE + 8);
    ck_assert_uint_eq(code.range[0].len, 4);
    ck_assert_uint_eq(watch.count, 1);
    ck_assert_uint_eq(ram->flags[1], 1u << PAGE_WATCH); /* the owner cleared its own */

    ck_assert(bus_write(b, RAM + PAGE_SIZE, 1, 1));
    ck_assert_uint_eq(code.count, 1);
    ck_assert_uint_eq(watch.count, 2);

    bus_flag_page(b, RAM + 2 * PAGE_SIZE, PAGE_WATCH, true);
    watch.count = 0;
    ck_assert(bus_dma_write(b, RAM + PAGE_SIZE - 4, buf, PAGE_SIZE + 12)); /* 4 + a page + 8 */
    ck_assert_uint_eq(watch.count, 2);
    ck_assert_uint_eq(watch.range[0].pa, RAM + PAGE_SIZE);
    ck_assert_uint_eq(watch.range[0].len, PAGE_SIZE);
    ck_assert_uint_eq(watch.range[1].pa, RAM + 2 * PAGE_SIZE);
    ck_assert_uint_eq(watch.range[1].len, 8);
    ck_assert(bus_load(b, RAM + PAGE_SIZE, buf, 1));
    ck_assert_uint_eq(watch.count, 3);
}
END_TEST

static void count_call(void *ctx)
{
    ++*(unsigned *)ctx;
}

START_TEST(remap_hook)
{
    unsigned calls = 0;
    bus_set_remap_hook(b, count_call, &calls);
    bus_enable_memory(b, ram, true);
    ck_assert_uint_eq(calls, 0); /* nothing changed */
    bus_enable_memory(b, ram, false);
    bus_enable_memory(b, ram, true);
    ck_assert_uint_eq(calls, 2);
}
END_TEST

START_TEST(many_regions)
{
    struct probe p[20];
    uint64_t v;
    memset(p, 0, sizeof p);
    for (unsigned i = 0; i < 20; i++) { /* added in no order */
        unsigned k = i * 7 % 20;
        ck_assert_int_eq(bus_add_mmio(b, "p", 0x40000000 + 0x1000 * k, 0x40, &word_ops, &p[k], NULL), 0);
        p[k].reg[3] = 100 + k;
    }
    for (unsigned k = 0; k < 20; k++) {
        ck_assert(bus_read(b, 0x40000000 + 0x1000 * k + 12, 4, &v));
        ck_assert_uint_eq(v, 100 + k);
        ck_assert(!bus_read(b, 0x40000000 + 0x1000 * k + 0x40, 4, &v));
    }
}
END_TEST

Suite *bus_suite(void)
{
    Suite *s = suite_create("bus");
    TCase *t = tcase_create("bus");
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_test(t, memory_all_sizes);
    tcase_add_test(t, edges_and_holes);
    tcase_add_test(t, refuses_bad_places);
    tcase_add_test(t, sixty_four_gib);
    tcase_add_test(t, mmio_repairs_sizes);
    tcase_add_test(t, mmio_bytes_and_any);
    tcase_add_test(t, dma);
    tcase_add_test(t, rom_and_flash);
    tcase_add_test(t, flagged_pages);
    tcase_add_test(t, remap_hook);
    tcase_add_test(t, many_regions);
    suite_add_tcase(s, t);
    return s;
}
