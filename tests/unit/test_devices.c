/* SPDX-License-Identifier: MIT */
#include <libfdt.h>

#include "dev/aclint.h"
#include "dev/chardev.h"
#include "dev/goldfish_rtc.h"
#include "dev/ns16550a.h"
#include "dev/plic.h"
#include "dev/sifive_test.h"
#include "dev/sswi.h"
#include "dev_rig.h"

Suite *devices_suite(void);

static struct rig rig;
static void *dev;
static const struct dev_class *cls;

static uint64_t rd(uint64_t off, unsigned size)
{
    return cls->ops.read(dev, off, size);
}

static void wr(uint64_t off, uint64_t val, unsigned size)
{
    cls->ops.write(dev, off, val, size);
}

static void teardown(void)
{
    cls->free(dev);
}

/* --- aclint --- */

static const uint32_t intc[4] = {10, 11, 12, 13};

static void aclint_setup(void)
{
    rig_init(&rig);
    cls = &aclint_class;
    dev = aclint_create(&rig.env, &(struct aclint_config){.nharts = 4, .irq = rig.irq, .intc_phandle = intc}, NULL);
    ck_assert_ptr_nonnull(dev);
}

START_TEST(aclint_msip)
{
    wr(4, 0xffffffff, 4);
    ck_assert(rig.level[2] && !rig.level[0] && !rig.level[4]);
    ck_assert_uint_eq(rd(4, 4), 1);
    wr(4, 0xfffffffe, 4);
    ck_assert(!rig.level[2]);
    wr(8, UINT64_C(1) << 32 | 1, 8); /* harts 2 and 3 at once */
    ck_assert(rig.level[4] && rig.level[6]);
    ck_assert_uint_eq(rd(8, 8), UINT64_C(1) << 32 | 1);
    wr(16, 1, 4); /* hart 4 does not exist */
    ck_assert_uint_eq(rd(16, 4), 0);
    cls->reset(dev);
    ck_assert(!rig.level[4] && !rig.level[6] && rd(8, 8) == 0);
}
END_TEST

START_TEST(aclint_timer)
{
    rig.ticks = 1000;
    ck_assert_uint_eq(cls->deadline(dev), DEV_NO_DEADLINE);
    wr(0x4008, 1500, 8);
    wr(0x4010, 1200, 8);
    ck_assert_uint_eq(rig.changed, 2);
    ck_assert_uint_eq(cls->deadline(dev), 1200);
    ck_assert(!rig.level[3] && !rig.level[5]);
    rig.ticks = 1199;
    cls->run(dev);
    ck_assert(!rig.level[5]);
    rig.ticks = 1200;
    cls->run(dev);
    ck_assert(rig.level[5] && !rig.level[3]);
    ck_assert_uint_eq(cls->deadline(dev), 1500);
    wr(0x4014, 1, 4); /* upper half alone: far in the future */
    ck_assert(!rig.level[5]);
    ck_assert_uint_eq(rd(0x4010, 8), UINT64_C(1) << 32 | 1200);
    ck_assert_uint_eq(rd(0x4014, 4), 1);
    ck_assert_uint_eq(rd(0x4010, 4), 1200);
    wr(0x4010, 0, 8); /* in the past: at once */
    ck_assert(rig.level[5]);
    wr(0x4020, 0, 8); /* hart 4 does not exist */
    ck_assert_uint_eq(rd(0x4020, 8), 0);
}
END_TEST

START_TEST(aclint_mtime)
{
    rig.ticks = UINT64_C(0x123456789a);
    ck_assert_uint_eq(rd(0xbff8, 8), UINT64_C(0x123456789a));
    ck_assert_uint_eq(rd(0xbff8, 4), 0x3456789a);
    ck_assert_uint_eq(rd(0xbffc, 4), 0x12);
    wr(0x4000, UINT64_C(0x2000000000), 8);
    ck_assert(!rig.level[1]);
    wr(0xbffc, 0x20, 4);
    ck_assert_uint_eq(rig.ticks, UINT64_C(0x203456789a));
    ck_assert(rig.level[1]); /* setting the clock past mtimecmp is enough */
    wr(0xbff8, 5, 8);
    ck_assert_uint_eq(rig.ticks, 5);
    ck_assert(!rig.level[1]);
}
END_TEST

START_TEST(sswi_pulses)
{
    struct rig own;
    rig_init(&own);
    void *s = sswi_create(&own.env, &(struct sswi_config){.nharts = 4, .irq = own.irq, .intc_phandle = intc}, NULL);
    ck_assert_ptr_nonnull(s);
    sswi_class.ops.write(s, 4, 3, 4);
    ck_assert(own.edges[1] == 2 && !own.level[1]); /* up and down */
    sswi_class.ops.write(s, 8, 2, 4);              /* bit 0 alone counts */
    sswi_class.ops.write(s, 16, 1, 4);             /* hart 4 does not exist */
    ck_assert(!own.edges[0] && !own.edges[2] && !own.edges[4]);
    ck_assert_uint_eq(sswi_class.ops.read(s, 4, 4), 0);
    sswi_class.free(s);
    struct err e = {""};
    ck_assert_ptr_null(sswi_create(&own.env, &(struct sswi_config){.nharts = 17, .irq = own.irq}, &e));
    ck_assert_ptr_nonnull(strstr(e.text, "17 harts"));
}
END_TEST

START_TEST(aclint_odd)
{
    struct err e = {""};
    ck_assert_ptr_null(aclint_create(&rig.env, &(struct aclint_config){.nharts = 17, .irq = rig.irq}, &e));
    ck_assert_ptr_nonnull(strstr(e.text, "17"));
    ck_assert_ptr_null(aclint_create(&rig.env, &(struct aclint_config){.nharts = 0, .irq = rig.irq}, NULL));
    rig_hammer(cls, dev, ACLINT_SIZE, 20000, 1);
    void *other = aclint_create(&rig.env, &(struct aclint_config){.nharts = 4, .irq = rig.irq}, NULL);
    rig_check_visit(cls, dev, other);
    cls->free(other);
}
END_TEST

/* --- plic --- */

enum { ENABLE = 0x2000, THRESHOLD = 0x200000, CLAIM = 0x200004, CONTEXT = 0x1000 };

static void pull(unsigned source, bool level)
{
    struct irq_line l = plic_source(dev, source);
    irq_set(&l, level);
}

static void plic_setup(void)
{
    rig_init(&rig);
    cls = &plic_class;
    dev = plic_create(&rig.env, &(struct plic_config){.nharts = 4, .irq = rig.irq, .intc_phandle = intc}, NULL);
    ck_assert_ptr_nonnull(dev);
}

START_TEST(plic_claim_and_complete)
{
    wr(4 * 10, 1, 4);
    wr(ENABLE + 0x80, 1 << 10, 4); /* hart 0, S mode */
    pull(10, true);
    ck_assert(rig.level[1] && !rig.level[0]);
    ck_assert_uint_eq(rd(0x1000, 4), 1 << 10);
    ck_assert_uint_eq(rd(CLAIM, 4), 0); /* not enabled for M mode */
    ck_assert_uint_eq(rd(CLAIM + CONTEXT, 4), 10);
    ck_assert(!rig.level[1]);
    ck_assert_uint_eq(rd(0x1000, 4), 0);
    ck_assert_uint_eq(rd(CLAIM + CONTEXT, 4), 0);

    wr(CLAIM + CONTEXT, 10, 4); /* the wire is still up: again */
    ck_assert(rig.level[1]);
    ck_assert_uint_eq(rd(CLAIM + CONTEXT, 4), 10);
    pull(10, false);
    wr(CLAIM + CONTEXT, 10, 4);
    ck_assert(!rig.level[1]);

    pull(10, true); /* raised again while claimed: comes with the completion */
    ck_assert_uint_eq(rd(CLAIM + CONTEXT, 4), 10);
    pull(10, false);
    pull(10, true);
    ck_assert_uint_eq(rd(0x1000, 4), 0);
    wr(CLAIM + CONTEXT, 10, 4);
    ck_assert_uint_eq(rd(0x1000, 4), 1 << 10);
    pull(10, false); /* let through before: stays */
    ck_assert_uint_eq(rd(CLAIM + CONTEXT, 4), 10);
}
END_TEST

START_TEST(plic_completion_rules)
{
    wr(4 * 3, 1, 4);
    wr(ENABLE, 1 << 3, 4);
    pull(3, true);
    ck_assert_uint_eq(rd(CLAIM, 4), 3);
    wr(CLAIM + CONTEXT, 3, 4); /* a context that has it not enabled */
    ck_assert_uint_eq(rd(0x1000, 4), 0);
    wr(CLAIM, 0, 4);
    wr(CLAIM, 96, 4);
    wr(CLAIM, 0xffffffff, 4);
    ck_assert_uint_eq(rd(0x1000, 4), 0);
    wr(CLAIM, 3, 4);
    ck_assert_uint_eq(rd(0x1000, 4), 1 << 3);
}
END_TEST

START_TEST(plic_priorities)
{
    for (unsigned s = 1; s <= PLIC_SOURCES; s++) {
        wr(4 * s, 0xfffffff8 | (s == 40 || s == 70 ? 5 : 2), 4);
        ck_assert_uint_eq(rd(4 * s, 4), s == 40 || s == 70 ? 5 : 2);
    }
    for (unsigned w = 0; w < 4; w++)
        wr(ENABLE + 2 * 0x80 + 4 * w, 0xffffffff, 4); /* hart 1, M mode */
    ck_assert_uint_eq(rd(ENABLE + 2 * 0x80, 4), 0xfffffffe);
    ck_assert_uint_eq(rd(ENABLE + 2 * 0x80 + 4 * 2, 4), 0xffffffff);
    ck_assert_uint_eq(rd(ENABLE + 2 * 0x80 + 4 * 3, 4), 0);
    pull(95, true);
    pull(70, true);
    pull(6, true);
    pull(40, true);
    pull(5, true);
    pull(0, true);  /* there is no source 0 */
    pull(96, true); /* nor 96 */
    ck_assert_uint_eq(rd(0x1000, 4), 1 << 5 | 1 << 6);
    wr(THRESHOLD + 2 * CONTEXT, 5, 4);
    ck_assert(!rig.level[2]);
    ck_assert_uint_eq(rd(THRESHOLD + 2 * CONTEXT, 4), 5);
    wr(THRESHOLD + 2 * CONTEXT, 4, 4);
    ck_assert(rig.level[2]);
    static const unsigned order[] = {40, 70, 5, 6, 95, 0};
    for (unsigned i = 0; i < ARRAY_LEN(order); i++) {
        ck_assert_uint_eq(rd(CLAIM + 2 * CONTEXT, 4), order[i]);
        ck_assert_uint_eq(rig.level[2], i == 0); /* what is left is below the threshold, but can be claimed */
    }
}
END_TEST

START_TEST(plic_priority_zero_never)
{
    wr(ENABLE, 1 << 7, 4);
    pull(7, true);
    ck_assert(!rig.level[0]);
    ck_assert_uint_eq(rd(CLAIM, 4), 0);
    wr(4 * 7, 1, 4);
    ck_assert(rig.level[0]);
    wr(ENABLE, 0, 4);
    ck_assert(!rig.level[0]);
}
END_TEST

START_TEST(plic_reset_keeps_wires)
{
    wr(4 * 7, 1, 4);
    wr(ENABLE, 1 << 7, 4);
    pull(7, true);
    ck_assert_uint_eq(rd(CLAIM, 4), 7);
    cls->reset(dev);
    ck_assert_uint_eq(rd(4 * 7, 4), 0);
    ck_assert_uint_eq(rd(0x1000, 4), 1 << 7);
}
END_TEST

START_TEST(plic_odd)
{
    struct err e = {""};
    ck_assert_ptr_null(plic_create(&rig.env, &(struct plic_config){.nharts = 17, .irq = rig.irq}, &e));
    ck_assert_ptr_nonnull(strstr(e.text, "17"));
    for (unsigned s = 1; s < 96; s += 3)
        pull(s, true);
    rig_hammer(cls, dev, PLIC_SIZE, 20000, 2);
    for (uint64_t c = 0; c < 10; c++) /* contexts of harts that are not there */
        wr(CLAIM + c * CONTEXT, 5, 4), rd(CLAIM + c * CONTEXT, 4), wr(ENABLE + c * 0x80, UINT32_MAX, 4);
    ck_assert_uint_eq(rd(ENABLE + 8 * 0x80, 4), 0);
    void *other = plic_create(&rig.env, &(struct plic_config){.nharts = 4, .irq = rig.irq}, NULL);
    rig_check_visit(cls, dev, other);
    cls->free(other);
}
END_TEST

/* --- ns16550a --- */

enum { RBR, IER, IIR, LCR, MCR, LSR, MSR, SCR };

static struct chardev *chr;

static void uart_setup(void)
{
    rig_init(&rig);
    cls = &ns16550a_class;
    chr = chardev_memory_new(NULL);
    dev = ns16550a_create(&rig.env, &(struct ns16550a_config){.chr = chr, .irq = rig.irq[0]}, NULL);
    ck_assert_ptr_nonnull(dev);
}

static void uart_teardown(void)
{
    cls->free(dev);
    chardev_free(chr);
}

START_TEST(uart_transmits)
{
    ck_assert_uint_eq(rd(LSR, 1), 0x60);
    ck_assert_uint_eq(rd(IIR, 1), 1);
    for (const char *p = "hello\n"; *p; p++)
        wr(RBR, (uint8_t)*p, 1);
    ck_assert_str_eq(chardev_memory_output(chr, NULL), "hello\n");
    ck_assert_uint_eq(rd(LSR, 1), 0x60);
    ck_assert(!rig.level[0]);
}
END_TEST

START_TEST(uart_thre_interrupt)
{
    wr(IER, 2, 1); /* enabled while empty: tells at once */
    ck_assert(rig.level[0]);
    ck_assert_uint_eq(rd(IIR, 1), 2);
    ck_assert(!rig.level[0]); /* reading the cause clears it */
    ck_assert_uint_eq(rd(IIR, 1), 1);
    wr(RBR, 'x', 1);
    ck_assert(rig.level[0]);
    wr(IER, 0, 1);
    ck_assert(!rig.level[0]);
    wr(IER, 2, 1);
    ck_assert(rig.level[0]);
}
END_TEST

START_TEST(uart_receives_without_fifo)
{
    wr(IER, 1, 1);
    ck_assert_uint_eq(chardev_memory_feed(chr, "abc", 3), 3);
    ck_assert(rig.level[0]);
    ck_assert_uint_eq(rd(IIR, 1), 4);
    ck_assert_uint_eq(rd(LSR, 1), 0x61); /* no overrun: the line waits */
    ck_assert_uint_eq(rd(RBR, 1), 'a');
    ck_assert(rig.level[0]);
    ck_assert_uint_eq(rd(RBR, 1), 'b');
    ck_assert_uint_eq(rd(RBR, 1), 'c');
    ck_assert(!rig.level[0]);
    ck_assert_uint_eq(rd(LSR, 1), 0x60);
    ck_assert_uint_eq(rd(RBR, 1), 'c'); /* nothing new */
}
END_TEST

START_TEST(uart_fifo_trigger_and_timeout)
{
    wr(IIR, 0x81, 1); /* FIFO on, trigger at 8 */
    wr(IER, 1, 1);
    ck_assert_uint_eq(rd(IIR, 1), 0xc1);
    chardev_memory_feed(chr, "1234567", 7);
    ck_assert(rig.level[0]);
    ck_assert_uint_eq(rd(IIR, 1), 0xcc);
    chardev_memory_feed(chr, "8", 1);
    ck_assert_uint_eq(rd(IIR, 1), 0xc4);
    ck_assert_uint_eq(rd(RBR, 1), '1');
    ck_assert_uint_eq(rd(IIR, 1), 0xcc);
    chardev_memory_feed(chr, "abcdefghijklmnopqrst", 20);
    for (const char *p = "2345678abcdefghijklmnopqrst"; *p; p++) {
        ck_assert_uint_eq(rd(LSR, 1), 0x61);
        ck_assert_uint_eq(rd(RBR, 1), (uint8_t)*p);
    }
    ck_assert_uint_eq(rd(LSR, 1), 0x60);
    ck_assert(!rig.level[0]);
    chardev_memory_feed(chr, "zz", 2);
    wr(IIR, 0x83, 1); /* clear the receiver */
    ck_assert_uint_eq(rd(LSR, 1), 0x60);
    wr(IIR, 0x00, 1);
    ck_assert_uint_eq(rd(IIR, 1), 1);
}
END_TEST

START_TEST(uart_priorities)
{
    wr(IIR, 0x01, 1);
    wr(MCR, 0x10, 1); /* loop: modem lines drop, which they tell */
    rd(MSR, 1);
    for (unsigned i = 0; i < 17; i++)
        wr(RBR, i, 1); /* the 17th overruns */
    wr(MCR, 0x12, 1);  /* RTS -> CTS changes */
    wr(IER, 0x0f, 1);
    ck_assert(rig.level[0]);
    ck_assert_uint_eq(rd(IIR, 1), 0xc6);
    ck_assert_uint_eq(rd(LSR, 1), 0x63);
    ck_assert_uint_eq(rd(LSR, 1), 0x61); /* overrun cleared by reading */
    ck_assert_uint_eq(rd(IIR, 1), 0xc4);
    for (unsigned i = 0; i < 16; i++)
        ck_assert_uint_eq(rd(RBR, 1), i);
    ck_assert_uint_eq(rd(IIR, 1), 0xc2);
    ck_assert_uint_eq(rd(IIR, 1), 0xc0);
    ck_assert_uint_eq(rd(MSR, 1), 0x11);
    ck_assert_uint_eq(rd(IIR, 1), 0xc1);
    ck_assert(!rig.level[0]);
    ck_assert_str_eq(chardev_memory_output(chr, NULL), "");
}
END_TEST

/* A byte that nobody fetched: the FIFO keeps it, a receiver without FIFO has the next one in its place. */
START_TEST(uart_overrun)
{
    wr(MCR, 0x10, 1);
    wr(RBR, 'a', 1);
    wr(RBR, 'b', 1);
    ck_assert_uint_eq(rd(LSR, 1), 0x63);
    ck_assert_uint_eq(rd(LSR, 1), 0x61); /* told once */
    ck_assert_uint_eq(rd(RBR, 1), 'b');
    ck_assert_uint_eq(rd(LSR, 1), 0x60);
    wr(IIR, 1, 1);
    for (unsigned i = 0; i < 17; i++)
        wr(RBR, i, 1);
    ck_assert_uint_eq(rd(LSR, 1), 0x63);
    for (unsigned i = 0; i < 16; i++)
        ck_assert_uint_eq(rd(RBR, 1), i);
    ck_assert_uint_eq(rd(LSR, 1), 0x60);
}
END_TEST

START_TEST(uart_modem_and_loop)
{
    ck_assert_uint_eq(rd(MSR, 1), 0xb0);
    wr(MCR, 0xff, 1);
    ck_assert_uint_eq(rd(MCR, 1), 0x1f);
    ck_assert_uint_eq(rd(MSR, 1), 0xf0); /* the same three, and RI came, which is not told */
    wr(MCR, 0x1b, 1);
    ck_assert_uint_eq(rd(MSR, 1), 0xb4); /* RI went */
    ck_assert_uint_eq(rd(MSR, 1), 0xb0);
    wr(MCR, 0x10, 1);
    ck_assert_uint_eq(rd(MSR, 1), 0x0b);
    chardev_memory_feed(chr, "q", 1); /* the outside is cut off */
    ck_assert_uint_eq(rd(LSR, 1), 0x60);
    wr(MCR, 0x00, 1);
    ck_assert_uint_eq(rd(LSR, 1), 0x61);
    ck_assert_uint_eq(rd(RBR, 1), 'q');
}
END_TEST

START_TEST(uart_divisor_and_scratch)
{
    wr(LCR, 0x83, 1);
    wr(RBR, 0x34, 1);
    wr(IER, 0x12, 1);
    ck_assert_uint_eq(rd(RBR, 1), 0x34);
    ck_assert_uint_eq(rd(IER, 1), 0x12);
    wr(LCR, 0x03, 1);
    ck_assert_uint_eq(rd(IER, 1), 0);
    wr(IER, 0xff, 1);
    ck_assert_uint_eq(rd(IER, 1), 0x0f);
    wr(SCR, 0xa5, 1);
    ck_assert_uint_eq(rd(SCR, 1), 0xa5);
    ck_assert_uint_eq(rd(8, 1), 0);
    wr(200, 1, 1);
    ck_assert_str_eq(chardev_memory_output(chr, NULL), "");
}
END_TEST

START_TEST(uart_back_pressure)
{
    char want[CHARDEV_TX_SIZE + 100];
    size_t n = 0, len;
    chardev_memory_allow(chr, 0);
    wr(IIR, 1, 1);
    while (rd(LSR, 1) & 0x20) { /* as a driver does: look, then write one */
        ck_assert_uint_lt(n, sizeof want);
        want[n] = (char)('a' + n % 26);
        wr(RBR, (uint8_t)want[n++], 1);
    }
    ck_assert_uint_eq(n, CHARDEV_TX_SIZE + 1);
    ck_assert_uint_eq(rd(LSR, 1), 0);
    wr(IER, 2, 1);
    ck_assert(!rig.level[0]);
    chardev_memory_allow(chr, 10); /* the host has room again, for a few */
    ck_assert(rig.level[0]);
    ck_assert_uint_eq(rd(IIR, 1), 0xc2);
    ck_assert_uint_eq(rd(LSR, 1), 0x60);
    chardev_memory_allow(chr, SIZE_MAX);
    const char *got = chardev_memory_output(chr, &len);
    ck_assert_uint_eq(len, n);
    ck_assert_mem_eq(got, want, n);
}
END_TEST

START_TEST(uart_firmware_calls)
{
    uint8_t c;
    ck_assert(!ns16550a_getc(dev, &c));
    chardev_memory_feed(chr, "ab", 2);
    ck_assert(ns16550a_getc(dev, &c) && c == 'a');
    ck_assert_uint_eq(rd(RBR, 1), 'b');
    ck_assert_uint_eq(ns16550a_write_out(dev, "out\n", 4), 4);
    wr(RBR, 'x', 1);
    ck_assert_str_eq(chardev_memory_output(chr, NULL), "out\nx");
}
END_TEST

START_TEST(uart_odd)
{
    for (unsigned seed = 1; seed < 20; seed++) {
        char junk[100] = {0};
        chardev_memory_feed(chr, junk, sizeof junk);
        chardev_memory_allow(chr, seed % 3 ? 50 : SIZE_MAX);
        rig_hammer(cls, dev, 0x100, 2000, seed);
    }
    struct chardev *chr2 = chardev_memory_new(NULL);
    void *other = ns16550a_create(&rig.env, &(struct ns16550a_config){.chr = chr2, .irq = rig.irq[1]}, NULL);
    rig_check_visit(cls, dev, other);
    cls->free(other);
    chardev_free(chr2);
    cls->reset(dev);
    ck_assert_uint_eq(rd(LSR, 1) & 0x60, 0x60);
}
END_TEST

/* --- goldfish rtc --- */

static const uint64_t EPOCH = UINT64_C(1700000000000000000);

static void rtc_setup(void)
{
    rig_init(&rig);
    cls = &goldfish_rtc_class;
    dev = goldfish_rtc_create(&rig.env, &(struct goldfish_rtc_config){.epoch_ns = EPOCH, .irq = rig.irq[0]}, NULL);
    ck_assert_ptr_nonnull(dev);
}

static uint64_t rtc_time(void)
{
    uint64_t low = rd(0, 4);
    return low | rd(4, 4) << 32;
}

START_TEST(rtc_tells_and_takes_time)
{
    ck_assert_uint_eq(rtc_time(), EPOCH);
    rig.ticks = 25;
    ck_assert_uint_eq(rtc_time(), EPOCH + 2500);
    rd(0, 4);
    rig.ticks += UINT64_C(1) << 33;
    ck_assert_uint_eq(rd(4, 4), EPOCH >> 32); /* latched with the lower half */
    wr(4, 0x100, 4);
    wr(0, 0x2000, 4);
    ck_assert_uint_eq(rtc_time(), UINT64_C(0x10000002000));
    rig.ticks += 3;
    ck_assert_uint_eq(rtc_time(), UINT64_C(0x10000002000) + 300);
    cls->reset(dev);
    ck_assert_uint_eq(rtc_time(), UINT64_C(0x10000002000) + 300);
}
END_TEST

START_TEST(rtc_alarm)
{
    uint64_t at = EPOCH + 1050; /* between ticks 10 and 11 */
    ck_assert_uint_eq(cls->deadline(dev), DEV_NO_DEADLINE);
    wr(0x10, 1, 4);
    wr(0x0c, at >> 32, 4);
    ck_assert_uint_eq(rd(0x18, 4), 0);
    wr(0x08, at & UINT32_MAX, 4);
    ck_assert_uint_eq(rd(0x18, 4), 1);
    ck_assert_uint_eq(rd(0x08, 4) | rd(0x0c, 4) << 32, at);
    ck_assert_uint_eq(cls->deadline(dev), 11);
    ck_assert_uint_gt(rig.changed, 0);
    rig.ticks = 10;
    cls->run(dev);
    ck_assert(!rig.level[0]);
    rig.ticks = 11;
    cls->run(dev);
    ck_assert(rig.level[0]);
    ck_assert_uint_eq(rd(0x18, 4), 0);
    ck_assert_uint_eq(cls->deadline(dev), DEV_NO_DEADLINE);
    wr(0x1c, 1, 4);
    ck_assert(!rig.level[0]);

    wr(0x08, 0, 4); /* in the past: at once */
    ck_assert(rig.level[0]);
    wr(0x10, 0, 4);
    ck_assert(!rig.level[0]);
    wr(0x1c, 1, 4);
    wr(0x0c, UINT32_MAX, 4);
    wr(0x08, UINT32_MAX, 4);
    ck_assert_uint_eq(rd(0x18, 4), 1);
    wr(0x14, 1, 4);
    ck_assert_uint_eq(rd(0x18, 4), 0);
    ck_assert_uint_eq(cls->deadline(dev), DEV_NO_DEADLINE);
}
END_TEST

START_TEST(rtc_odd)
{
    for (unsigned seed = 1; seed < 20; seed++) {
        rig.ticks = seed * UINT64_C(0x123456789abcde);
        rig_hammer(cls, dev, 0x1000, 1000, seed);
    }
    void *other = goldfish_rtc_create(&rig.env, &(struct goldfish_rtc_config){.irq = rig.irq[1]}, NULL);
    rig_check_visit(cls, dev, other);
    ck_assert_uint_eq(cls->ops.read(other, 0, 4), rd(0, 4));
    cls->free(other);
}
END_TEST

/* --- sifive test --- */

static struct {
    unsigned calls, code;
    enum sifive_test_action what;
} finished;

static void finish(void *ctx, enum sifive_test_action what, unsigned code)
{
    ck_assert_ptr_eq(ctx, &finished);
    finished.calls++;
    finished.what = what;
    finished.code = code;
}

static void test_setup(void)
{
    rig_init(&rig);
    memset(&finished, 0, sizeof finished);
    cls = &sifive_test_class;
    dev = sifive_test_create(&rig.env, &(struct sifive_test_config){.finish = finish, .ctx = &finished, .phandle = 77},
                             NULL);
    ck_assert_ptr_nonnull(dev);
}

START_TEST(test_finishes)
{
    wr(0, 0x5555, 4);
    ck_assert(finished.calls == 1 && finished.what == SIFIVE_TEST_PASS && finished.code == 0);
    wr(0, 0x00073333, 4);
    ck_assert(finished.calls == 2 && finished.what == SIFIVE_TEST_FAIL && finished.code == 7);
    wr(0, 0xffff3333, 4);
    ck_assert_uint_eq(finished.code, 0xffff);
    wr(0, 0x7777, 4);
    ck_assert(finished.calls == 4 && finished.what == SIFIVE_TEST_RESET);
    wr(0, 0x1234, 4);
    wr(4, 0x5555, 4);
    ck_assert_uint_eq(finished.calls, 4);
    ck_assert_uint_eq(rd(0, 4), 0);
}
END_TEST

/* --- device tree --- */

static char fdt[16384];
static int soc;

static void tree_begin(void)
{
    ck_assert_int_eq(fdt_create_empty_tree(fdt, sizeof fdt), 0);
    ck_assert_int_eq(fdt_setprop_u32(fdt, 0, "#address-cells", 2), 0);
    ck_assert_int_eq(fdt_setprop_u32(fdt, 0, "#size-cells", 2), 0);
    soc = fdt_add_subnode(fdt, 0, "soc");
    ck_assert_int_ge(soc, 0);
}

static uint32_t cell(const char *path, const char *prop, int index)
{
    int len, n = fdt_path_offset(fdt, path);
    ck_assert_msg(n >= 0, "no node %s", path);
    const fdt32_t *p = fdt_getprop(fdt, n, prop, &len);
    ck_assert_msg(p && len >= 4 * (index + 1), "no cell %d in %s of %s", index, prop, path);
    return fdt32_to_cpu(p[index]);
}

static bool compatible(const char *path, const char *with)
{
    int n = fdt_path_offset(fdt, path);
    ck_assert_msg(n >= 0, "no node %s", path);
    return fdt_node_check_compatible(fdt, n, with) == 0;
}

START_TEST(tree_of_clint)
{
    tree_begin();
    struct dev_place place = {.base = 0x2000000, .size = 0x10000};
    ck_assert_int_eq(cls->fdt(dev, &place, fdt, soc), 0);
    ck_assert(compatible("/soc/clint@2000000", "riscv,clint0") && compatible("/soc/clint@2000000", "sifive,clint0"));
    ck_assert_uint_eq(cell("/soc/clint@2000000", "reg", 1), 0x2000000);
    ck_assert_uint_eq(cell("/soc/clint@2000000", "reg", 3), 0x10000);
    ck_assert_uint_eq(cell("/soc/clint@2000000", "interrupts-extended", 12), 13);
    ck_assert_uint_eq(cell("/soc/clint@2000000", "interrupts-extended", 13), 3);
    ck_assert_uint_eq(cell("/soc/clint@2000000", "interrupts-extended", 14), 13);
    ck_assert_uint_eq(cell("/soc/clint@2000000", "interrupts-extended", 15), 7);
}
END_TEST

START_TEST(tree_of_plic)
{
    tree_begin();
    struct dev_place place = {.base = 0xc000000, .size = PLIC_SIZE, .plic_phandle = 99};
    ck_assert_int_eq(cls->fdt(dev, &place, fdt, soc), 0);
    ck_assert(compatible("/soc/plic@c000000", "riscv,plic0") && compatible("/soc/plic@c000000", "sifive,plic-1.0.0"));
    ck_assert_uint_eq(cell("/soc/plic@c000000", "riscv,ndev", 0), 95);
    ck_assert_uint_eq(cell("/soc/plic@c000000", "phandle", 0), 99);
    ck_assert_uint_eq(cell("/soc/plic@c000000", "#interrupt-cells", 0), 1);
    ck_assert_uint_eq(cell("/soc/plic@c000000", "interrupts-extended", 1), 11);
    ck_assert_uint_eq(cell("/soc/plic@c000000", "interrupts-extended", 3), 9);
}
END_TEST

START_TEST(tree_of_uart)
{
    tree_begin();
    struct dev_place place = {.base = 0x10000000, .size = 0x100, .irq_number = 10, .plic_phandle = 99};
    ck_assert_int_eq(cls->fdt(dev, &place, fdt, soc), 0);
    ck_assert(compatible("/soc/serial@10000000", "ns16550a"));
    ck_assert_uint_eq(cell("/soc/serial@10000000", "clock-frequency", 0), 3686400);
    ck_assert_uint_eq(cell("/soc/serial@10000000", "interrupts", 0), 10);
    ck_assert_uint_eq(cell("/soc/serial@10000000", "interrupt-parent", 0), 99);
}
END_TEST

START_TEST(tree_of_test)
{
    tree_begin();
    struct dev_place place = {.base = 0x100000, .size = 0x1000};
    ck_assert_int_eq(cls->fdt(dev, &place, fdt, soc), 0);
    ck_assert(compatible("/soc/test@100000", "sifive,test0") && compatible("/soc/test@100000", "syscon"));
    ck_assert_uint_eq(cell("/soc/test@100000", "phandle", 0), 77);
    ck_assert(compatible("/soc/poweroff", "syscon-poweroff") && compatible("/soc/reboot", "syscon-reboot"));
    ck_assert_uint_eq(cell("/soc/poweroff", "value", 0), 0x5555);
    ck_assert_uint_eq(cell("/soc/reboot", "value", 0), 0x7777);
    ck_assert_uint_eq(cell("/soc/reboot", "regmap", 0), 77);
    static char small[256]; /* a tree without room: an error, no crash */
    ck_assert_int_eq(fdt_create_empty_tree(small, sizeof small), 0);
    ck_assert_int_eq(cls->fdt(dev, &place, small, 0), -FDT_ERR_NOSPACE);
}
END_TEST

START_TEST(tree_of_rtc)
{
    tree_begin();
    struct dev_place place = {.base = 0x101000, .size = 0x1000, .irq_number = 11, .plic_phandle = 99};
    ck_assert_int_eq(cls->fdt(dev, &place, fdt, soc), 0);
    ck_assert(compatible("/soc/rtc@101000", "google,goldfish-rtc"));
    ck_assert_uint_eq(cell("/soc/rtc@101000", "interrupts", 0), 11);
}
END_TEST

static TCase *add_case(Suite *s, const char *name, void (*up)(void), void (*down)(void))
{
    TCase *t = tcase_create(name);
    tcase_add_checked_fixture(t, up, down);
    suite_add_tcase(s, t);
    return t;
}

Suite *devices_suite(void)
{
    Suite *s = suite_create("devices");
    TCase *t = add_case(s, "aclint", aclint_setup, teardown);
    tcase_add_test(t, aclint_msip);
    tcase_add_test(t, aclint_timer);
    tcase_add_test(t, aclint_mtime);
    tcase_add_test(t, aclint_odd);
    tcase_add_test(t, sswi_pulses);
    tcase_add_test(t, tree_of_clint);
    t = add_case(s, "plic", plic_setup, teardown);
    tcase_add_test(t, plic_claim_and_complete);
    tcase_add_test(t, plic_completion_rules);
    tcase_add_test(t, plic_priorities);
    tcase_add_test(t, plic_priority_zero_never);
    tcase_add_test(t, plic_reset_keeps_wires);
    tcase_add_test(t, plic_odd);
    tcase_add_test(t, tree_of_plic);
    t = add_case(s, "uart", uart_setup, uart_teardown);
    tcase_add_test(t, uart_transmits);
    tcase_add_test(t, uart_thre_interrupt);
    tcase_add_test(t, uart_receives_without_fifo);
    tcase_add_test(t, uart_fifo_trigger_and_timeout);
    tcase_add_test(t, uart_priorities);
    tcase_add_test(t, uart_overrun);
    tcase_add_test(t, uart_modem_and_loop);
    tcase_add_test(t, uart_divisor_and_scratch);
    tcase_add_test(t, uart_back_pressure);
    tcase_add_test(t, uart_firmware_calls);
    tcase_add_test(t, uart_odd);
    tcase_add_test(t, tree_of_uart);
    t = add_case(s, "rtc", rtc_setup, teardown);
    tcase_add_test(t, rtc_tells_and_takes_time);
    tcase_add_test(t, rtc_alarm);
    tcase_add_test(t, rtc_odd);
    tcase_add_test(t, tree_of_rtc);
    t = add_case(s, "test", test_setup, teardown);
    tcase_add_test(t, test_finishes);
    tcase_add_test(t, tree_of_test);
    return s;
}
