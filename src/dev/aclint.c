/* SPDX-License-Identifier: MIT */
#include "dev/aclint.h"

#include "dev/dev_fdt.h"

#include <errno.h>
#include <libfdt.h>
#include <stdlib.h>
#include <string.h>

/*
 * 0x0000 + 4 * hart   msip       bit 0 = software interrupt pending
 * 0x4000 + 8 * hart   mtimecmp   timer interrupt pending while mtime >= mtimecmp
 * 0xbff8              mtime      one for all harts
 * The rest reads 0 and ignores writes. 4 and 8 bytes each.
 */
enum { MSIP = 0x0000, MTIMECMP = 0x4000, MTIME = 0xbff8 };
enum { IRQ_M_SOFT = 3, IRQ_M_TIMER = 7 }; /* numbers of the harts' local interrupts. Priv. 3.1.9 */

struct aclint {
    const struct dev_clock *clock;
    unsigned nharts;
    bool has_node;
    struct irq_line irq[2 * ACLINT_MAX_HARTS];
    uint32_t intc[ACLINT_MAX_HARTS];

    uint32_t msip[ACLINT_MAX_HARTS];
    uint64_t mtimecmp[ACLINT_MAX_HARTS];
    uint8_t mtip[ACLINT_MAX_HARTS]; /* the level last given to the line */
};

static void set_mtip(struct aclint *a, unsigned hart, uint64_t now)
{
    uint8_t level = now >= a->mtimecmp[hart];
    if (level != a->mtip[hart]) {
        a->mtip[hart] = level;
        irq_set(&a->irq[2 * hart + 1], level);
    }
}

static void aclint_run(void *dev)
{
    struct aclint *a = dev;
    uint64_t now = a->clock->now(a->clock->ctx);
    for (unsigned h = 0; h < a->nharts; h++)
        set_mtip(a, h, now);
}

static uint64_t aclint_deadline(void *dev)
{
    const struct aclint *a = dev;
    uint64_t next = DEV_NO_DEADLINE;
    for (unsigned h = 0; h < a->nharts; h++)
        if (!a->mtip[h])
            next = min_u64(next, a->mtimecmp[h]);
    return next;
}

static void aclint_reset(void *dev)
{
    struct aclint *a = dev;
    for (unsigned h = 0; h < a->nharts; h++) {
        a->msip[h] = 0;
        a->mtimecmp[h] = UINT64_MAX; /* undefined by the specification; no interrupt until it is set */
        a->mtip[h] = 0;
        irq_set(&a->irq[2 * h], false);
        irq_set(&a->irq[2 * h + 1], false);
    }
}

void *aclint_create(const struct dev_env *env, const struct aclint_config *cfg, struct err *e)
{
    if (cfg->nharts < 1 || cfg->nharts > ACLINT_MAX_HARTS) {
        err_set(e, -EINVAL, "clint: %u harts, it serves 1 to %d", cfg->nharts, ACLINT_MAX_HARTS);
        return NULL;
    }
    struct aclint *a = calloc(1, sizeof *a);
    if (!a) {
        err_set(e, -ENOMEM, "clint: out of memory");
        return NULL;
    }
    a->clock = env->clock;
    a->nharts = cfg->nharts;
    memcpy(a->irq, cfg->irq, 2 * cfg->nharts * sizeof a->irq[0]);
    if (cfg->intc_phandle) {
        a->has_node = true;
        memcpy(a->intc, cfg->intc_phandle, cfg->nharts * sizeof a->intc[0]);
    }
    aclint_reset(a);
    return a;
}

/* Bytes from..from+size of the 64-bit register reg, replaced by val. from is 0 or 4; 8 bytes only at 0. */
static uint64_t put_half(uint64_t reg, unsigned from, uint64_t val, unsigned size)
{
    if (size == 8)
        return val;
    return merge_bits(reg, val << (8 * from), (uint64_t)UINT32_MAX << (8 * from));
}

static uint64_t get_half(uint64_t reg, unsigned from, unsigned size)
{
    return size == 8 ? reg : (reg >> (8 * from)) & UINT32_MAX;
}

static uint64_t aclint_read(void *dev, uint64_t off, unsigned size)
{
    const struct aclint *a = dev;
    if (off < MSIP + 4 * (uint64_t)a->nharts) {
        uint64_t h = (off - MSIP) / 4;
        uint64_t v = a->msip[h];
        if (size == 8 && h + 1 < a->nharts)
            v |= (uint64_t)a->msip[h + 1] << 32;
        return v;
    }
    if (off >= MTIMECMP && off < MTIMECMP + 8 * (uint64_t)a->nharts)
        return get_half(a->mtimecmp[(off - MTIMECMP) / 8], off & 4, size);
    if (off >= MTIME && off < MTIME + 8)
        return get_half(a->clock->now(a->clock->ctx), off & 4, size);
    return 0;
}

static void write_msip(struct aclint *a, uint64_t hart, uint64_t val)
{
    if (hart >= a->nharts)
        return;
    a->msip[hart] = val & 1;
    irq_set(&a->irq[2 * hart], val & 1);
}

static void aclint_write(void *dev, uint64_t off, uint64_t val, unsigned size)
{
    struct aclint *a = dev;
    if (off < MSIP + 4 * (uint64_t)a->nharts) {
        uint64_t h = (off - MSIP) / 4;
        write_msip(a, h, val);
        if (size == 8)
            write_msip(a, h + 1, val >> 32);
    } else if (off >= MTIMECMP && off < MTIMECMP + 8 * (uint64_t)a->nharts) {
        unsigned h = (unsigned)(off - MTIMECMP) / 8;
        a->mtimecmp[h] = put_half(a->mtimecmp[h], off & 4, val, size);
        set_mtip(a, h, a->clock->now(a->clock->ctx));
        a->clock->changed(a->clock->ctx);
    } else if (off >= MTIME && off < MTIME + 8) {
        a->clock->set(a->clock->ctx, put_half(a->clock->now(a->clock->ctx), off & 4, val, size));
        aclint_run(a);
        a->clock->changed(a->clock->ctx);
    }
}

static void aclint_visit(void *dev, struct visitor *v)
{
    struct aclint *a = dev;
    v->field(v, "msip", a->msip, sizeof a->msip[0], a->nharts);
    v->field(v, "mtimecmp", a->mtimecmp, sizeof a->mtimecmp[0], a->nharts);
    v->field(v, "mtip", a->mtip, sizeof a->mtip[0], a->nharts);
}

static int aclint_fdt(void *dev, const struct dev_place *place, void *fdt, int soc)
{
    static const char compatible[] = "sifive,clint0\0riscv,clint0";
    const struct aclint *a = dev;
    int n, rc;
    if (!a->has_node)
        return 0;
    if ((rc = dev_fdt_node(fdt, soc, "clint", place, &n)) ||
        (rc = fdt_setprop(fdt, n, "compatible", compatible, sizeof compatible)))
        return rc;
    return dev_fdt_hart_interrupts(fdt, n, a->intc, a->nharts, IRQ_M_SOFT, IRQ_M_TIMER);
}

const struct dev_class aclint_class = {
    .name = "clint",
    .ops = {.read = aclint_read, .write = aclint_write, .min = 4, .max = 8},
    .reset = aclint_reset,
    .free = free,
    .visit = aclint_visit,
    .fdt = aclint_fdt,
    .deadline = aclint_deadline,
    .run = aclint_run,
};
