/* SPDX-License-Identifier: MIT */
/* Windows: memory of one bus whose pages lie in another bus's memory, and what flags on either side do. */
#include <check.h>
#include <errno.h>
#include <string.h>

#include "dev/bus.h"

Suite *window_suite(void);

enum { PAGES = 4 };
static const uint64_t RAM = 0x80000000, REAL_SIZE = 64 << 12, WINDOW = 0x80000000;
static const uint64_t frame[PAGES] = {0x80007000, 0x80003000, 0x8003f000, 0x80000000};

static struct bus *real, *vm;
static struct mem_region *window;

/* What the owner of a flag heard last. */
struct heard {
    unsigned times;
    uint64_t pa, len;
};
static struct heard by_code, by_real, protected_vm, protected_real, flags_vm;

static void hear(void *ctx, uint64_t pa, uint64_t len)
{
    struct heard *h = ctx;
    *h = (struct heard){h->times + 1, pa, len};
}

static void hear_page(void *ctx, uint64_t pa)
{
    hear(ctx, pa, 0);
}

static void hear_flags(void *ctx, uint64_t pa, unsigned flags)
{
    hear(ctx, pa, flags);
}

static void setup(void)
{
    real = bus_new();
    vm = bus_new();
    ck_assert_ptr_nonnull(bus_add_memory(real, "RAM", RAM, REAL_SIZE, false, NULL));
    window = bus_add_window(vm, "window", WINDOW, (uint64_t)PAGES << PAGE_SHIFT, real, frame, NULL);
    ck_assert_ptr_nonnull(window);
    by_code = by_real = protected_vm = protected_real = flags_vm = (struct heard){0, 0, 0};
    bus_set_flag_owner(vm, PAGE_CODE, hear, &by_code);
    bus_set_flag_owner(real, PAGE_CODE, hear, &by_real);
    bus_set_protect_hook(vm, hear_page, &protected_vm);
    bus_set_protect_hook(real, hear_page, &protected_real);
    bus_set_flags_hook(vm, hear_flags, &flags_vm);
}

static void teardown(void)
{
    bus_free(vm);
    bus_free(real);
}

START_TEST(shows_the_frames)
{
    uint64_t v;
    for (unsigned i = 0; i < PAGES; i++) {
        ck_assert(bus_write(vm, WINDOW + i * PAGE_SIZE + 8, 8, 0x1000 + i));
        ck_assert(bus_read(real, frame[i] + 8, 8, &v));
        ck_assert_uint_eq(v, 0x1000 + i);
        ck_assert(bus_write(real, frame[i] + 16, 4, 0x2000 + i));
        ck_assert(bus_read(vm, WINDOW + i * PAGE_SIZE + 16, 4, &v));
        ck_assert_uint_eq(v, 0x2000 + i);
        ck_assert_ptr_eq(mem_host(window, i * PAGE_SIZE + 5), mem_host(bus_memory(real, 0), frame[i] - RAM + 5));
    }
    ck_assert(!bus_read(vm, WINDOW + PAGES * PAGE_SIZE, 1, &v));
    ck_assert(!bus_read(vm, WINDOW - 1, 1, &v));
}
END_TEST

START_TEST(dma_crosses_frames)
{
    uint8_t out[PAGES * PAGE_SIZE], in[sizeof out];
    for (size_t i = 0; i < sizeof out; i++)
        out[i] = (uint8_t)(i * 7 + (i >> 12));
    ck_assert(bus_dma_write(vm, WINDOW + 100, out, sizeof out - 200));
    ck_assert(bus_dma_read(vm, WINDOW + 100, in, sizeof out - 200));
    ck_assert_mem_eq(in, out, sizeof out - 200);
    ck_assert(bus_dma_read(real, frame[1], in, 16));
    ck_assert_mem_eq(in, out + PAGE_SIZE - 100, 16);
    ck_assert(!bus_dma_write(vm, WINDOW + 100, out, sizeof out));
}
END_TEST

START_TEST(addresses_both_ways)
{
    uint64_t hpa, pa;
    struct bus *other;
    ck_assert(bus_window_frame(vm, WINDOW + 2 * PAGE_SIZE + 0x123, &hpa));
    ck_assert_uint_eq(hpa, frame[2] + 0x123);
    ck_assert(bus_window_at(real, frame[2] + 0x123, &other, &pa));
    ck_assert_ptr_eq(other, vm);
    ck_assert_uint_eq(pa, WINDOW + 2 * PAGE_SIZE + 0x123);
    ck_assert(!bus_window_at(real, 0x80001000, &other, &pa));
    ck_assert(!bus_window_frame(real, RAM, &hpa));
}
END_TEST

START_TEST(refuses_bad_frames)
{
    struct err e = {""};
    const uint64_t outside[] = {RAM + REAL_SIZE}, odd[] = {RAM + 0x1008}, taken[] = {frame[1]},
                   twice[] = {0x80005000, 0x80005000}, free_one[] = {0x80005000};
    ck_assert_ptr_null(bus_add_window(vm, "w", 0x90000000, PAGE_SIZE, real, outside, &e));
    ck_assert_ptr_null(bus_add_window(vm, "w", 0x90000000, PAGE_SIZE, real, odd, &e));
    ck_assert_ptr_null(bus_add_window(vm, "w", 0x90000000, PAGE_SIZE, real, taken, &e));
    ck_assert_ptr_nonnull(strstr(e.text, "0x80003000"));
    ck_assert_ptr_null(bus_add_window(vm, "w", 0x90000000, 2 * PAGE_SIZE, real, twice, &e));
    ck_assert_ptr_null(bus_add_window(vm, "w", WINDOW, PAGE_SIZE, real, free_one, &e)); /* overlaps */
    /* What failed has left nothing behind. */
    ck_assert_ptr_nonnull(bus_add_window(vm, "w", 0x90000000, PAGE_SIZE, real, free_one, &e));
}
END_TEST

START_TEST(flag_of_the_window)
{
    bus_flag_page(vm, WINDOW + PAGE_SIZE, PAGE_CODE, true);
    ck_assert_uint_eq(protected_vm.times, 1);
    ck_assert_uint_eq(protected_vm.pa, WINDOW + PAGE_SIZE);
    ck_assert_uint_eq(protected_real.times, 1);
    ck_assert_uint_eq(protected_real.pa, frame[1]);
    ck_assert_uint_eq(flags_vm.pa, WINDOW + PAGE_SIZE);
    ck_assert_uint_eq(flags_vm.len, 1u << PAGE_CODE);

    /* A write on the real side is told to the window's owner, at the window's address. */
    ck_assert(bus_write(real, frame[1] + 24, 4, 1));
    ck_assert_uint_eq(by_code.times, 1);
    ck_assert_uint_eq(by_code.pa, WINDOW + PAGE_SIZE + 24);
    ck_assert_uint_eq(by_code.len, 4);
    ck_assert_uint_eq(by_real.times, 0);
    uint8_t bytes[PAGE_SIZE] = {0};
    ck_assert(bus_dma_write(real, frame[1] + 8, bytes, 16));
    ck_assert_uint_eq(by_code.times, 2);
    ck_assert(bus_write(vm, WINDOW + PAGE_SIZE, 1, 1));
    ck_assert_uint_eq(by_code.times, 3);

    bus_flag_page(vm, WINDOW + PAGE_SIZE, PAGE_CODE, false);
    ck_assert_uint_eq(bus_memory(real, 0)->flags[3], 0);
    ck_assert(bus_write(real, frame[1], 4, 1));
    ck_assert_uint_eq(by_code.times, 3);
}
END_TEST

START_TEST(flag_of_the_frame)
{
    bus_flag_page(real, frame[0], PAGE_CODE, true);
    ck_assert_uint_eq(protected_vm.times, 1);
    ck_assert_uint_eq(protected_vm.pa, WINDOW);
    ck_assert_uint_eq(window->flags[0], 1u << PAGE_TWIN);
    /* A store and a device's DMA through the window, the second over two pages. */
    ck_assert(bus_write(vm, WINDOW + 40, 8, 1));
    ck_assert_uint_eq(by_real.times, 1);
    ck_assert_uint_eq(by_real.pa, frame[0] + 40);
    uint8_t bytes[64] = {0};
    ck_assert(bus_dma_write(vm, WINDOW + PAGE_SIZE - 32, bytes, sizeof bytes));
    ck_assert_uint_eq(by_real.times, 2);
    ck_assert_uint_eq(by_real.pa, frame[0] + PAGE_SIZE - 32);
    ck_assert_uint_eq(by_real.len, 32);
    ck_assert_uint_eq(by_code.times, 0);
    bus_flag_page(real, frame[0], PAGE_CODE, false);
    ck_assert_uint_eq(window->flags[0], 0);
}
END_TEST

START_TEST(flags_of_both)
{
    bus_flag_page(real, frame[0], PAGE_CODE, true);
    bus_flag_page(vm, WINDOW, PAGE_CODE, true);
    ck_assert(bus_write(vm, WINDOW, 8, 1));
    ck_assert_uint_eq(by_real.times, 1);
    ck_assert_uint_eq(by_code.times, 1);
    ck_assert(bus_write(real, frame[0], 8, 1));
    ck_assert_uint_eq(by_real.times, 2);
    ck_assert_uint_eq(by_code.times, 2);
    /* One side's flag going leaves the other's. */
    bus_flag_page(vm, WINDOW, PAGE_CODE, false);
    ck_assert_uint_eq(window->flags[0], 1u << PAGE_TWIN);
    ck_assert_uint_eq(bus_memory(real, 0)->flags[7], 1u << PAGE_CODE);
}
END_TEST

START_TEST(flagged_before_and_after)
{
    const uint64_t later[] = {0x80009000};
    bus_flag_page(real, later[0], PAGE_CODE, true);
    struct bus *other = bus_new();
    struct mem_region *w = bus_add_window(other, "w", 0x1000, PAGE_SIZE, real, later, NULL);
    ck_assert_ptr_nonnull(w);
    ck_assert_uint_eq(w->flags[0], 1u << PAGE_TWIN);
    bus_flag_page(other, 0x1000, PAGE_WATCH, true);
    ck_assert_uint_eq(bus_memory(real, 0)->flags[9], 1u << PAGE_CODE | 1u << PAGE_TWIN);
    bus_free(other);
    ck_assert_uint_eq(bus_memory(real, 0)->flags[9], 1u << PAGE_CODE);
    ck_assert(bus_write(real, later[0], 8, 1));
    ck_assert_uint_eq(by_real.times, 1);
}
END_TEST

Suite *window_suite(void)
{
    Suite *s = suite_create("window");
    TCase *t = tcase_create("window");
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_test(t, shows_the_frames);
    tcase_add_test(t, dma_crosses_frames);
    tcase_add_test(t, addresses_both_ways);
    tcase_add_test(t, refuses_bad_frames);
    tcase_add_test(t, flag_of_the_window);
    tcase_add_test(t, flag_of_the_frame);
    tcase_add_test(t, flags_of_both);
    tcase_add_test(t, flagged_before_and_after);
    suite_add_tcase(s, t);
    return s;
}
