/* SPDX-License-Identifier: MIT */
#include "dev/sswi.h"

#include "dev/dev_fdt.h"

#include <errno.h>
#include <libfdt.h>
#include <stdlib.h>
#include <string.h>

/* 0x0000 + 4 * hart   setssip   a write of bit 0 = 1 makes the hart's SSIP pending; reads 0 */
enum { IRQ_S_SOFT = 1 }; /* number of the harts' local interrupt. Priv. 3.1.9 */

struct sswi {
    unsigned nharts;
    struct irq_line irq[SSWI_MAX_HARTS];
    uint32_t intc[SSWI_MAX_HARTS];
};

void *sswi_create(const struct dev_env *env, const struct sswi_config *cfg, struct err *e)
{
    (void)env;
    if (cfg->nharts < 1 || cfg->nharts > SSWI_MAX_HARTS) {
        err_set(e, -EINVAL, "sswi: %u harts, it serves 1 to %d", cfg->nharts, SSWI_MAX_HARTS);
        return NULL;
    }
    struct sswi *s = calloc(1, sizeof *s);
    if (!s) {
        err_set(e, -ENOMEM, "sswi: out of memory");
        return NULL;
    }
    s->nharts = cfg->nharts;
    memcpy(s->irq, cfg->irq, cfg->nharts * sizeof s->irq[0]);
    memcpy(s->intc, cfg->intc_phandle, cfg->nharts * sizeof s->intc[0]);
    return s;
}

static uint64_t sswi_read(void *dev, uint64_t off, unsigned size)
{
    (void)dev, (void)off, (void)size;
    return 0;
}

static void sswi_write(void *dev, uint64_t off, uint64_t val, unsigned size)
{
    (void)size;
    const struct sswi *s = dev;
    if (off / 4 >= s->nharts || !(val & 1))
        return;
    irq_set(&s->irq[off / 4], true);
    irq_set(&s->irq[off / 4], false);
}

static void sswi_reset(void *dev)
{
    (void)dev;
}

static void sswi_visit(void *dev, struct visitor *v)
{
    (void)dev, (void)v; /* what is pending is the harts' */
}

static int sswi_fdt(void *dev, const struct dev_place *place, void *fdt, int soc)
{
    const struct sswi *s = dev;
    fdt32_t cells[2 * SSWI_MAX_HARTS];
    int n, rc;
    for (unsigned h = 0; h < s->nharts; h++) {
        cells[2 * h] = cpu_to_fdt32(s->intc[h]);
        cells[2 * h + 1] = cpu_to_fdt32(IRQ_S_SOFT);
    }
    if ((rc = dev_fdt_node(fdt, soc, "sswi", place, &n)) ||
        (rc = fdt_setprop_string(fdt, n, "compatible", "riscv,aclint-sswi")) ||
        (rc = fdt_setprop(fdt, n, "interrupts-extended", cells, (int)(2 * s->nharts * sizeof cells[0]))) ||
        (rc = fdt_setprop(fdt, n, "interrupt-controller", "", 0)))
        return rc;
    return fdt_setprop_u32(fdt, n, "#interrupt-cells", 0);
}

const struct dev_class sswi_class = {
    .name = "sswi",
    .ops = {.read = sswi_read, .write = sswi_write, .min = 4, .max = 4},
    .reset = sswi_reset,
    .free = free,
    .visit = sswi_visit,
    .fdt = sswi_fdt,
};
