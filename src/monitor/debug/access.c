/* SPDX-License-Identifier: MIT */
/* Registers and memory as a debugger reaches them: whatever the hart's mode permits, and without side effects. */
#include "monitor/debug/debugger_int.h"

#include "base/text.h"
#include "cpu/csr.h"
#include "cpu/trap.h"
#include "dev/bus.h"
#include "monitor/names.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- Registers ---- */

int debugger_reg_number(const char *name)
{
    int n = reg_by_name(name);
    if (n >= 0)
        return n < EVENT_REG_F ? n : DEBUG_REG_F + n - EVENT_REG_F;
    if (!strcmp(name, "pc"))
        return DEBUG_REG_PC;
    if (!strcmp(name, "priv"))
        return DEBUG_REG_PRIV;
    n = csr_number(name);
    return n >= 0 ? DEBUG_REG_CSR + n : -1;
}

const char *debugger_reg_name(unsigned n)
{
    if (n < 32)
        return name_reg(EVENT_REG_X + n);
    if (n == DEBUG_REG_PC)
        return "pc";
    if (n < DEBUG_REG_CSR)
        return name_reg(EVENT_REG_F + n - DEBUG_REG_F);
    if (n == DEBUG_REG_PRIV)
        return "priv";
    return n < DEBUG_REG_PRIV ? csr_name(n - DEBUG_REG_CSR) : NULL;
}

uint8_t debugger_mode(const struct hart *h)
{
    return EVENT_MODE(h->priv, h->virt);
}

bool debugger_reg_read(struct debugger *d, struct hart *h, unsigned n, uint64_t *value)
{
    (void)d;
    if (n < 32)
        return *value = h->x[n], true;
    if (n == DEBUG_REG_PC)
        return *value = h->pc, true;
    if (n < DEBUG_REG_CSR)
        return *value = h->f[n - DEBUG_REG_F], h->isa.f;
    if (n == DEBUG_REG_PRIV)
        return *value = debugger_mode(h), true;
    return n < DEBUG_REG_PRIV && csr_peek(h, n - DEBUG_REG_CSR, value);
}

static bool set_mode(struct hart *h, uint64_t v)
{
    enum priv p = (enum priv)(v & 3);
    bool virt = v >> 2 & 1;
    if (v > 7 || (v & 3) == 2 || (virt && (!h->isa.h || p == PRIV_M)) || (p == PRIV_S && !h->isa.s) ||
        (p == PRIV_U && !h->isa.u))
        return false;
    h->priv = p;
    h->virt = virt;
    h->kick |= KICK_IRQ;
    hart_context_changed(h);
    return true;
}

bool debugger_reg_write(struct debugger *d, struct hart *h, unsigned n, uint64_t value)
{
    bool ok = true;
    if (d->nested || n > DEBUG_REG_PRIV)
        return false;
    if (n < 32)
        h->x[n] = n ? value : 0;
    else if (n == DEBUG_REG_PC)
        h->pc = value & (h->isa.c ? ~UINT64_C(1) : ~UINT64_C(3));
    else if (n < DEBUG_REG_CSR && h->isa.f)
        h->f[n - DEBUG_REG_F] = value;
    else if (n == DEBUG_REG_PRIV)
        ok = set_mode(h, value);
    else
        ok = n >= DEBUG_REG_CSR && csr_poke(h, n - DEBUG_REG_CSR, value);
    if (ok)
        debugger_changed(d);
    return ok;
}

/* ---- Addresses ---- */

/* No entries: everything is open. The walker only reads it. */
static const struct pmp open_pmp = {.open_size = UINT64_MAX};

/* What is there, not what may be done with it. */
static void permit(struct mmu_ctx *c)
{
    c->pmp = &open_pmp;
    c->sum = c->mxr = c->adue = c->adue_g = true;
    if (c->priv == PRIV_U)
        c->priv = PRIV_S;
}

struct mmu_ctx debugger_data_ctx(const struct hart *h)
{
    struct mmu_ctx c = hart_data_ctx(h);
    permit(&c);
    return c;
}

static bool translate(const struct mmu_ctx *c, uint64_t va, uint64_t *pa, struct mmu_fault *f)
{
    struct mmu_map m;
    struct mmu_fault own;
    if (!mmu_translate(c, va, 1, MMU_R, true, &m, f ? f : &own, NULL))
        return false;
    *pa = m.pa;
    return true;
}

bool debugger_translate(struct hart *h, uint64_t va, uint64_t *pa, struct mmu_fault *f)
{
    struct mmu_ctx c = debugger_data_ctx(h);
    return translate(&c, va, pa, f);
}

bool debugger_locate(struct hart *h, enum debug_space space, uint64_t addr, uint64_t *pa)
{
    switch (space) {
    case SPACE_GVA: return debugger_translate(h, addr, pa, NULL);
    case SPACE_GPA: {
        struct mmu_ctx c = debugger_data_ctx(h);
        if (!h->virt)
            return *pa = addr, true;
        c.satp = 0; /* stage two alone */
        return translate(&c, addr, pa, NULL);
    }
    case SPACE_HPA: return *pa = addr, true;
    case SPACE_PAGED: {
        struct mmu_ctx c = debugger_data_ctx(h);
        c.priv = PRIV_S;
        return translate(&c, addr, pa, NULL);
    }
    }
    return false;
}

bool debugger_pc_pa(struct hart *h, uint64_t *pa)
{
    struct mmu_ctx c = hart_fetch_ctx(h);
    permit(&c);
    return translate(&c, h->pc, pa, NULL);
}

unsigned debugger_insn_at_pc(struct hart *h, uint32_t *raw)
{
    struct mmu_ctx c = hart_fetch_ctx(h);
    uint16_t half[2] = {0, 0};
    permit(&c);
    for (unsigned i = 0; i < 2; i++) {
        uint64_t pa;
        if (!translate(&c, h->pc + 2 * i, &pa, NULL) || !bus_dma_read(h->bus, pa, &half[i], 2))
            return 0;
        if (i == 0 && (half[0] & 3) != 3)
            break;
    }
    *raw = half[0] | (uint32_t)half[1] << 16;
    return (half[0] & 3) == 3 ? 4 : 2;
}

/* ---- Memory ---- */

static size_t device_access(struct debugger *d, uint64_t pa, uint8_t *buf, size_t n, bool write)
{
    struct bus *b = machine_bus(d->machine);
    unsigned size = n >= 8 ? 8 : n >= 4 ? 4 : n >= 2 ? 2 : 1;
    uint64_t v = 0;
    if (!d->mmio || d->nested)
        return 0;
    while (pa % size)
        size /= 2;
    if (write) {
        memcpy(&v, buf, size);
        return bus_write(b, pa, size, v) ? size : 0;
    }
    if (!bus_read(b, pa, size, &v))
        return 0;
    memcpy(buf, &v, size);
    return size;
}

static size_t transfer(struct debugger *d, struct hart *h, enum debug_space space, uint64_t addr, uint8_t *buf,
                       size_t n, bool write)
{
    struct bus *b = machine_bus(d->machine);
    size_t done = 0;
    while (done < n) {
        uint64_t pa, at = addr + done;
        size_t part = min_u64(n - done, PAGE_SIZE - (at & (PAGE_SIZE - 1)));
        if (!debugger_locate(h, space, at, &pa))
            break;
        if (bus_memory_at(b, pa)) {
            if (write ? !bus_dma_write(b, pa, buf + done, part) : !bus_dma_read(b, pa, buf + done, part))
                break;
        } else {
            part = device_access(d, pa, buf + done, part, write);
            if (!part)
                break;
        }
        done += part;
    }
    return done;
}

size_t debugger_read(struct debugger *d, struct hart *h, enum debug_space space, uint64_t addr, void *buf, size_t n)
{
    return transfer(d, h, space, addr, buf, n, false);
}

size_t debugger_write(struct debugger *d, struct hart *h, enum debug_space space, uint64_t addr, const void *buf,
                      size_t n)
{
    if (d->nested)
        return 0;
    d->writing = true;
    size_t done = transfer(d, h, space, addr, (uint8_t *)(uintptr_t)buf, n, true);
    d->writing = false;
    debugger_changed(d);
    return done;
}

void debugger_set_mmio(struct debugger *d, bool on)
{
    d->mmio = on;
}

bool debugger_mmio(const struct debugger *d)
{
    return d->mmio;
}
