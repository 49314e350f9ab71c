/* SPDX-License-Identifier: MIT */
#include "monitor/vmm/world.h"

#include "cpu/csr.h"
#include "cpu/csr_bits.h"

#include <string.h>

/* LR's reservation is by physical address: the same bytes have another one on the other bus. What is no RAM (a ROM) the guest cannot reach on the real
 * hart: there the guest's own address, which is none of real RAM, is as good a sign that there is one. */
static uint64_t real_reservation(const struct hart *vh)
{
    uint64_t hpa;
    return vh->reservation != UINT64_MAX && bus_window_frame(vh->bus, vh->reservation, &hpa) ? hpa : vh->reservation;
}

static uint64_t virtual_reservation(const struct hart *real, const struct hart *vh)
{
    uint64_t gpa;
    struct bus *bus;
    if (real->reservation == UINT64_MAX || !bus_window_at(real->bus, real->reservation, &bus, &gpa))
        return real->reservation;
    return bus == vh->bus ? gpa : UINT64_MAX;
}

static void copy_common(struct hart *to, const struct hart *from)
{
    memcpy(to->x, from->x, sizeof to->x);
    memcpy(to->f, from->f, sizeof to->f);
    to->pc = from->pc;
    to->fflags = from->fflags;
    to->csr.frm = from->csr.frm;
    to->reservation_size = from->reservation_size;
    to->clock = from->clock;
    to->retired = from->retired;
    to->turn_retired = from->turn_retired;
    to->traps = from->traps;
    to->traps_in_a_row = from->traps_in_a_row;
    to->last_trap_retired = from->last_trap_retired;
    to->passed_insn = from->passed_insn;
    to->passed_pc = from->passed_pc;
    to->stop_at_trap = from->stop_at_trap;
}

void world_load(struct hart *real, const struct hart *vh)
{
    copy_common(real, vh);
    real->reservation = real_reservation(vh);
}

void world_save(struct hart *vh, struct hart *real)
{
    copy_common(vh, real);
    vh->reservation = virtual_reservation(real, vh);
}

void world_init(struct hart *h)
{
    enum {
        MSTATUS = 0x300,
        MEDELEG = 0x302,
        MIDELEG = 0x303,
        MCOUNTEREN = 0x306,
        MENVCFG = 0x30a,
        PMPCFG0 = 0x3a0,
        PMPADDR0 = 0x3b0
    };
    enum { NAPOT = 0x18, RWX = 7 };
    const struct {
        unsigned csr;
        uint64_t value;
    } setup[] = {
        {MSTATUS, h->isa.f ? MSTATUS_FS : 0},
        {MEDELEG, UINT64_MAX},
        {MIDELEG, INT_S},
        {MCOUNTEREN, UINT64_MAX},
        {MENVCFG, (uint64_t)CBIE_INVAL << ENVCFG_CBIE_SHIFT | ENVCFG_CBCFE | ENVCFG_CBZE | ENVCFG_ADUE | ENVCFG_PBMTE |
                      ENVCFG_STCE},
        {PMPADDR0, UINT64_MAX},
        {PMPADDR0 + 1, 0},
        {PMPCFG0, NAPOT | RWX},
    };
    hart_reset(h);
    for (size_t i = 0; i < ARRAY_LEN(setup); i++)
        (void)!csr_poke(h, setup[i].csr, setup[i].value); /* registers that this hart does not have stay away */
    h->csr.stimecmp = h->csr.vstimecmp = UINT64_MAX;
    h->native = 1u << PRIV_S | 1u << PRIV_M;
    h->priv = PRIV_S;
    hart_context_changed(h);
}
