/* SPDX-License-Identifier: MIT */
/* Guests that would keep the emulator to themselves: its time with devices, its memory with code. */
#include "cpu/isa.h"
#include "cpu/op.h"
#include "virtio_disk.h"

Suite *hostile_suite(void);

static unsigned looked;

static void machine_looks(void *ctx)
{
    (void)ctx;
    looked++;
}

/* A request that costs much ends the hart's turn, so that the machine hears of the user between two of them. */
START_TEST(long_requests_yield)
{
    make_image();
    struct rig *r = disk_rig(false, true);
    r->clock.changed = machine_looks;
    rig_start(r, VERSION_1 | F_FLUSH, 1);
    looked = 0;
    blk_queue(r, 0, 0, 512, true);
    rig_kick(r, 0);
    ck_assert_uint_eq(looked, 0);
    blk_queue(r, 4, 0, 0, false);
    rig_kick(r, 0);
    ck_assert_uint_eq(looked, 1);
    /* The identity, 20 bytes, into 2 MiB of buffers. */
    uint32_t head[4] = {8, 0, 0, 0};
    rig_store(r, RIG_BUF, head, sizeof head);
    rig_desc(r, 0, 0, RIG_BUF, sizeof head, D_NEXT, 1);
    for (unsigned i = 1; i < 7; i++)
        rig_desc(r, 0, i, RIG_BUF, 0x60000, D_WRITE | (i < 6 ? D_NEXT : 0), i + 1);
    rig_offer(r, 0, 0);
    rig_kick(r, 0);
    ck_assert(!rig_needs_reset(r));
    ck_assert_uint_eq(looked, 2);
    /* Many short ones come to the same. */
    for (unsigned i = 0; i < 64; i++) {
        blk_queue(r, 0, 0, 32 << 10, true);
        rig_kick(r, 0);
    }
    ck_assert(!rig_needs_reset(r));
    ck_assert_uint_ge(looked, 3);
    rig_free(r);
    remove_image();
}
END_TEST

static uint64_t no_time(void *ctx)
{
    (void)ctx;
    return 0;
}

static void no_timer(void *ctx, struct hart *h)
{
    (void)ctx;
    (void)h;
}

/* Code on more pages than the cache may know: it forgets and goes on, and stores to code still count. */
START_TEST(code_pages_are_bounded)
{
    enum { PAGES = 32, MAX = 8 };
    static const struct hart_env env = {no_time, no_timer, NULL};
    const uint64_t ram = 0x80000000;
    struct isa isa;
    struct err e;
    isa_default(&isa);
    struct bus *bus = bus_new();
    ck_assert_ptr_nonnull(bus_add_memory(bus, "ram", ram, PAGES * PAGE_SIZE, false, &e));
    for (unsigned i = 0; i < PAGES; i++) {
        uint32_t code[] = {0x00150513 /* addi a0, a0, 1 */, 0x7fd0006f /* j +0xffc: the next page */};
        if (i == PAGES - 1)
            code[1] = 0x0000006f; /* j . */
        ck_assert(bus_load(bus, ram + i * PAGE_SIZE, code, sizeof code));
    }
    struct code_cache *c = code_cache_new(bus, &isa);
    struct hart *h = hart_new(0, &isa, bus, c, &env);
    ck_assert_ptr_nonnull(h);
    c->max_pages = MAX;
    for (unsigned round = 1; round <= 3; round++) {
        uint32_t add = 0x00050513 | round << 20; /* addi a0, a0, round */
        ck_assert(bus_dma_write(bus, ram + 5 * PAGE_SIZE, &add, 4));
        h->pc = ram;
        h->x[10] = 0;
        struct exit x = hart_run(h, 2 * PAGES + 100);
        ck_assert_int_eq(x.reason, EXIT_BUDGET);
        ck_assert_uint_eq(h->x[10], PAGES - 1 + round);
        ck_assert_uint_le(c->npages, MAX);
        ck_assert_uint_gt(c->resets, 0);
    }
    hart_free(h);
    code_cache_free(c);
    bus_free(bus);
}
END_TEST

Suite *hostile_suite(void)
{
    Suite *s = suite_create("hostile");
    TCase *t = tcase_create("hostile");
    tcase_add_test(t, long_requests_yield);
    tcase_add_test(t, code_pages_are_bounded);
    suite_add_tcase(s, t);
    return s;
}
