/* SPDX-License-Identifier: MIT */
/* The CSRs that are ours: Xuk and Xdisk, docs/extensions.md. */
#include "base/xdisk.h"
#include "cpu/csr.h"
#include "cpu/csr_row.h"
#include "cpu/observe.h"

/* The U/K bit: 1 in S and M, 0 in U. Never traps. */
uint64_t csr_get_uk(struct hart *h)
{
    return h->priv != PRIV_U;
}

/* In K, 0 drops to U at the next instruction. In U nothing happens, and nobody is told: that is the leak. */
void csr_put_ukset(struct hart *h, uint64_t v)
{
    if (h->priv == PRIV_U || v)
        return;
    uint8_t from = event_mode_of(h);
    h->priv = PRIV_U;
    csr_kick_irq(h); /* which are on in U */
    hart_context_changed(h);
    if (event_wanted(h->events, EV_MODE))
        observe_mode(h, h->pc, from);
}

static uint64_t disk_read(struct hart *h, enum xdisk_register r)
{
    return h->env->disk ? h->env->disk_read(h->env->disk, r) : 0;
}

static void disk_write(struct hart *h, enum xdisk_register r, uint64_t v)
{
    if (h->env->disk)
        h->env->disk_write(h->env->disk, r, v);
}

uint64_t csr_get_xdsector(struct hart *h)
{
    return disk_read(h, XDISK_SECTOR);
}

void csr_put_xdsector(struct hart *h, uint64_t v)
{
    disk_write(h, XDISK_SECTOR, v);
}

uint64_t csr_get_xdaddress(struct hart *h)
{
    return disk_read(h, XDISK_ADDRESS);
}

void csr_put_xdaddress(struct hart *h, uint64_t v)
{
    disk_write(h, XDISK_ADDRESS, v);
}

void csr_put_xdcommand(struct hart *h, uint64_t v)
{
    disk_write(h, XDISK_COMMAND, v);
}

uint64_t csr_get_xdstatus(struct hart *h)
{
    return disk_read(h, XDISK_STATUS);
}

uint64_t csr_get_xdsectors(struct hart *h)
{
    return disk_read(h, XDISK_SECTORS);
}
