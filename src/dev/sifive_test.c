/* SPDX-License-Identifier: MIT */
#include "dev/sifive_test.h"

#include "dev/dev_fdt.h"

#include <errno.h>
#include <libfdt.h>
#include <stdlib.h>
#include <string.h>

/* A store to offset 0: | 31:16 status | 15:0 command |. Everything else is ignored, all reads are 0. */
enum { CMD_FAIL = 0x3333, CMD_PASS = 0x5555, CMD_RESET = 0x7777 };

struct sifive_test {
    struct sifive_test_config cfg;
};

void *sifive_test_create(const struct dev_env *env, const struct sifive_test_config *cfg, struct err *e)
{
    (void)env;
    struct sifive_test *t = calloc(1, sizeof *t);
    if (!t) {
        err_set(e, -ENOMEM, "test: out of memory");
        return NULL;
    }
    t->cfg = *cfg;
    return t;
}

static uint64_t test_read(void *dev, uint64_t off, unsigned size)
{
    (void)dev, (void)off, (void)size;
    return 0;
}

static void test_write(void *dev, uint64_t off, uint64_t val, unsigned size)
{
    (void)size;
    struct sifive_test *t = dev;
    if (off != 0 || !t->cfg.finish)
        return;
    switch (val & 0xffff) {
    case CMD_PASS: t->cfg.finish(t->cfg.ctx, SIFIVE_TEST_PASS, 0); break;
    case CMD_FAIL: t->cfg.finish(t->cfg.ctx, SIFIVE_TEST_FAIL, (unsigned)bits(val, 31, 16)); break;
    case CMD_RESET: t->cfg.finish(t->cfg.ctx, SIFIVE_TEST_RESET, 0); break;
    }
}

static void test_reset(void *dev)
{
    (void)dev;
}

static void test_visit(void *dev, struct visitor *v)
{
    (void)dev, (void)v; /* no state */
}

static int add_syscon(void *fdt, int parent, const char *name, const char *compatible, uint32_t value, uint32_t phandle)
{
    int n = fdt_add_subnode(fdt, parent, name), rc;
    if (n < 0)
        return n;
    if ((rc = fdt_setprop(fdt, n, "compatible", compatible, (int)strlen(compatible) + 1)) ||
        (rc = fdt_setprop_u32(fdt, n, "regmap", phandle)) || (rc = fdt_setprop_u32(fdt, n, "offset", 0)) ||
        (rc = fdt_setprop_u32(fdt, n, "value", value)))
        return rc;
    return 0;
}

static int test_fdt(void *dev, const struct dev_place *place, void *fdt, int soc)
{
    static const char compatible[] = "sifive,test1\0sifive,test0\0syscon";
    const struct sifive_test *t = dev;
    int n, rc;

    /* Each node goes in front of its siblings: offsets of later nodes move, soc does not. */
    if (t->cfg.phandle && ((rc = add_syscon(fdt, soc, "reboot", "syscon-reboot", CMD_RESET, t->cfg.phandle)) ||
                           (rc = add_syscon(fdt, soc, "poweroff", "syscon-poweroff", CMD_PASS, t->cfg.phandle))))
        return rc;
    if ((rc = dev_fdt_node(fdt, soc, "test", place, &n)) ||
        (rc = fdt_setprop(fdt, n, "compatible", compatible, sizeof compatible)))
        return rc;
    return t->cfg.phandle ? fdt_setprop_u32(fdt, n, "phandle", t->cfg.phandle) : 0;
}

const struct dev_class sifive_test_class = {
    .name = "test",
    .ops = {.read = test_read, .write = test_write, .min = 4, .max = 4},
    .reset = test_reset,
    .free = free,
    .visit = test_visit,
    .fdt = test_fdt,
};
