/* SPDX-License-Identifier: MIT */
/* Traps: where they go, what they leave, the way back, interrupts, and instructions that may trap. Sections: privileged specification
 * unless another is named. */
#include <check.h>
#include <string.h>

#include "hart_rig.h"

Suite *trap_suite(void);

enum {
    EPC = 0x4560,
    TVAL = 0x7890,
    TVAL2 = 0x1230,
    TINST = 0x3020,
    M_BASE = 0x1000,
    S_BASE = 0x2000,
    VS_BASE = 0x3000
};

static const uint64_t exceptions[] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 12, 13, 15, 20, 21, 22, 23};

static uint64_t mpp(const struct hart *h)
{
    return bits(h->csr.mstatus, 12, 11);
}

static void set_vectors(struct rig *r, unsigned vectored)
{
    poke(r, 0x305, M_BASE | vectored);
    poke(r, 0x105, S_BASE | vectored);
    if (r->h->isa.h) {
        poke(r, 0x205, VS_BASE | vectored);
    }
}

static struct trap full(uint64_t cause)
{
    return (struct trap){.cause = cause, .tval = TVAL, .tval2 = TVAL2, .tinst = TINST, .gva = true};
}

/* 3.1.8, 18.2.2: each exception, from each mode, for each setting of its two delegation bits. What can be delegated at all is hedeleg's
 * and medeleg's own writable mask (test_csr.c). */
START_TEST(exceptions_route)
{
    struct rig *r = rig_new("rv64");
    for (size_t i = 0; i < ARRAY_LEN(exceptions); i++) {
        for (enum mode m = MO_M; m < MODES; m++) {
            for (unsigned d = 0; d < 4; d++) {
                uint64_t cause = exceptions[i];
                poke(r, 0x302, d & 1 ? BIT(cause) : ~BIT(cause));
                poke(r, 0x602, d & 2 ? BIT(cause) : ~BIT(cause));
                set_mode(r->h, m);
                bool never_vs = cause == 9 || cause == 10 || cause >= 20;
                struct trap_target t = trap_route(r->h, cause);
                bool to_s = m != MO_M && d & 1;
                bool to_vs = to_s && m >= MO_VS && d & 2 && !never_vs;
                ck_assert_int_eq(t.priv, to_s ? PRIV_S : PRIV_M);
                ck_assert_int_eq(t.virt, to_vs);
            }
        }
    }
    poke(r, 0x302, UINT64_MAX);
    set_mode(r->h, MO_HS);
    ck_assert_int_eq(trap_route(r->h, CAUSE_ECALL_M).priv, PRIV_M);
    rig_free(r);
}
END_TEST

/* 3.1.6.1, 18.6.2, table "value of mstatus.MPV and MPP after a trap into M-mode". */
START_TEST(into_m)
{
    static const unsigned want_mpp[] = {3, 1, 0, 1, 0};
    struct rig *r = rig_new("rv64");
    for (enum mode m = MO_M; m < MODES; m++) {
        for (unsigned ie = 0; ie < 2; ie++) {
            hart_reset(r->h);
            set_vectors(r, 0);
            poke(r, 0x300, (ie ? MSTATUS_MIE : MSTATUS_MPIE) | MSTATUS_SIE | MSTATUS_MPRV | MSTATUS_MPV);
            poke(r, 0x600, HSTATUS_SPV | HSTATUS_SPVP);
            set_mode(r->h, m);
            struct trap t = full(CAUSE_LOAD_GUEST_PAGE);
            trap_take(r->h, &t, EPC);
            ck_assert_int_eq(get_mode(r->h), MO_M);
            ck_assert_uint_eq(r->h->pc, M_BASE);
            ck_assert_uint_eq(peek(r, 0x341), EPC);
            ck_assert_uint_eq(peek(r, 0x342), 21);
            ck_assert_uint_eq(peek(r, 0x343), TVAL);
            ck_assert_uint_eq(peek(r, 0x34a), TINST);
            ck_assert_uint_eq(peek(r, 0x34b), TVAL2);
            uint64_t want = MSTATUS_SIE | MSTATUS_MPRV | MSTATUS_GVA | (ie ? MSTATUS_MPIE : 0) |
                            (uint64_t)want_mpp[m] << 11 | (m >= MO_VS ? MSTATUS_MPV : 0) | UINT64_C(0xa00000000);
            ck_assert_uint_eq(peek(r, 0x300), want);
            /* nothing of HS, VS moved */
            ck_assert_uint_eq(peek(r, 0x600), UINT64_C(0x200000000) | HSTATUS_SPV | HSTATUS_SPVP);
            ck_assert_uint_eq(peek(r, 0x142) | peek(r, 0x141) | peek(r, 0x643) | peek(r, 0x64a) | peek(r, 0x242), 0);
            /* GVA clears with the next */
            struct trap next = {.cause = CAUSE_ILLEGAL, .tval = 5};
            trap_take(r->h, &next, EPC + 4);
            ck_assert(!(peek(r, 0x300) & (MSTATUS_GVA | MSTATUS_MPV | MSTATUS_MPIE)));
            ck_assert_uint_eq(peek(r, 0x34a) | peek(r, 0x34b), 0);
            ck_assert_uint_eq(mpp(r->h), 3);
        }
    }
    rig_free(r);
}
END_TEST

/* 18.6.2, table "value of hstatus.SPV, SPVP and sstatus.SPP after a trap into HS-mode". */
START_TEST(into_hs)
{
    struct rig *r = rig_new("rv64");
    for (enum mode m = MO_HS; m < MODES; m++) {
        for (unsigned old = 0; old < 4; old++) {
            bool ie = old & 1, spvp = old & 2;
            hart_reset(r->h);
            set_vectors(r, 0);
            poke(r, 0x302, UINT64_MAX);
            poke(r, 0x300, (ie ? MSTATUS_SIE : MSTATUS_SPIE) | MSTATUS_MIE | MSTATUS_SUM);
            poke(r, 0x600, (spvp ? HSTATUS_SPVP : 0) | HSTATUS_VTW | HSTATUS_SPV);
            poke(r, 0x200, MSTATUS_SIE);
            set_mode(r->h, m);
            struct trap t = full(CAUSE_STORE_GUEST_PAGE);
            trap_take(r->h, &t, EPC);
            ck_assert_int_eq(get_mode(r->h), MO_HS);
            ck_assert_uint_eq(r->h->pc, S_BASE);
            ck_assert_uint_eq(peek(r, 0x141), EPC);
            ck_assert_uint_eq(peek(r, 0x142), 23);
            ck_assert_uint_eq(peek(r, 0x143), TVAL);
            ck_assert_uint_eq(peek(r, 0x643), TVAL2);
            ck_assert_uint_eq(peek(r, 0x64a), TINST);
            bool from_s = m == MO_HS || m == MO_VS;
            ck_assert_uint_eq(peek(r, 0x300), UINT64_C(0xa00000000) | MSTATUS_MIE | MSTATUS_SUM |
                                                  (ie ? MSTATUS_SPIE : 0) | (from_s ? MSTATUS_SPP : 0));
            bool want_spvp = m >= MO_VS ? m == MO_VS : spvp;
            ck_assert_uint_eq(peek(r, 0x600), UINT64_C(0x200000000) | HSTATUS_VTW | HSTATUS_GVA |
                                                  (m >= MO_VS ? HSTATUS_SPV : 0) | (want_spvp ? HSTATUS_SPVP : 0));
            ck_assert_uint_eq(peek(r, 0x200), UINT64_C(0x200000000) | MSTATUS_SIE);
            ck_assert_uint_eq(peek(r, 0x342) | peek(r, 0x34b) | peek(r, 0x34a) | peek(r, 0x242), 0);
        }
    }
    rig_free(r);
}
END_TEST

/* 18.6.2: into VS only vsstatus, vsepc, vscause, vstval change, and V stays. */
START_TEST(into_vs)
{
    struct rig *r = rig_new("rv64");
    for (enum mode m = MO_VS; m < MODES; m++) {
        for (unsigned ie = 0; ie < 2; ie++) {
            hart_reset(r->h);
            set_vectors(r, 0);
            poke(r, 0x302, UINT64_MAX);
            poke(r, 0x602, UINT64_MAX);
            poke(r, 0x200, ie ? MSTATUS_SIE : MSTATUS_SPIE);
            poke(r, 0x300, MSTATUS_SIE);
            set_mode(r->h, m);
            struct trap t = {.cause = CAUSE_STORE_PAGE, .tval = TVAL, .gva = true};
            trap_take(r->h, &t, EPC);
            ck_assert_int_eq(get_mode(r->h), MO_VS);
            ck_assert_uint_eq(r->h->pc, VS_BASE);
            ck_assert_uint_eq(peek(r, 0x241), EPC);
            ck_assert_uint_eq(peek(r, 0x242), 15);
            ck_assert_uint_eq(peek(r, 0x243), TVAL);
            ck_assert_uint_eq(peek(r, 0x200),
                              UINT64_C(0x200000000) | (ie ? MSTATUS_SPIE : 0) | (m == MO_VS ? MSTATUS_SPP : 0));
            ck_assert_uint_eq(peek(r, 0x300), UINT64_C(0xa00000000) | MSTATUS_SIE);
            ck_assert_uint_eq(peek(r, 0x600), UINT64_C(0x200000000));
            ck_assert_uint_eq(peek(r, 0x142) | peek(r, 0x342) | peek(r, 0x141) | peek(r, 0x143) | peek(r, 0x643), 0);
        }
    }
    rig_free(r);
}
END_TEST

/* Without H, MPV, GVA and the H registers do not come to life. */
START_TEST(without_h)
{
    struct rig *r = rig_new("rv64,h=false");
    struct trap t = full(CAUSE_LOAD_PAGE);
    set_mode(r->h, MO_U);
    trap_take(r->h, &t, EPC);
    ck_assert_uint_eq(peek(r, 0x300), UINT64_C(0xa00000000));
    ck_assert_uint_eq(r->h->csr.mtval2 | r->h->csr.mtinst, 0);
    poke(r, 0x302, UINT64_MAX);
    set_mode(r->h, MO_U);
    trap_take(r->h, &t, EPC);
    ck_assert_int_eq(get_mode(r->h), MO_HS);
    ck_assert_uint_eq(r->h->csr.hstatus | r->h->csr.htval | r->h->csr.htinst, 0);
    rig_free(r);
}
END_TEST

/* 3.1.7: interrupts to BASE + 4 * cause in vectored mode, exceptions to BASE. */
START_TEST(vectored)
{
    struct rig *r = rig_new("rv64");
    set_vectors(r, 1);
    poke(r, 0x302, UINT64_MAX);
    poke(r, 0x602, UINT64_MAX);
    poke(r, 0x303, 0x222);
    poke(r, 0x603, 0x444);
    static const struct {
        enum mode from;
        uint64_t cause, pc;
    } row[] = {
        {MO_M, CAUSE_INTERRUPT | 7, M_BASE + 28},
        {MO_U, CAUSE_INTERRUPT | 11, M_BASE + 44},
        {MO_U, CAUSE_INTERRUPT | 9, S_BASE + 36},
        {MO_VS, CAUSE_INTERRUPT | 5, S_BASE + 20},
        {MO_VS, CAUSE_INTERRUPT | 12, S_BASE + 48},
        {MO_VU, CAUSE_INTERRUPT | 10, VS_BASE + 36},
        {MO_VS, CAUSE_INTERRUPT | 6, VS_BASE + 20},
        {MO_M, 2, M_BASE},
        {MO_U, 2, S_BASE},
        {MO_VU, 2, VS_BASE},
    };
    for (size_t i = 0; i < ARRAY_LEN(row); i++) {
        struct trap t = {.cause = row[i].cause};
        set_mode(r->h, row[i].from);
        trap_take(r->h, &t, EPC);
        ck_assert_msg(r->h->pc == row[i].pc, "row %zu: %#lx", i, (unsigned long)r->h->pc);
    }
    rig_free(r);
}
END_TEST

/* 18.2.2: VS interrupts that hideleg gives away show S's causes; those that it does not keep their own in HS. */
START_TEST(vs_interrupts_are_renumbered)
{
    struct rig *r = rig_new("rv64");
    for (unsigned irq = 2; irq <= 10; irq += 4) {
        for (unsigned deleg = 0; deleg < 2; deleg++) {
            poke(r, 0x603, deleg ? 0x444 : 0);
            set_mode(r->h, MO_VU);
            struct trap t = {.cause = CAUSE_INTERRUPT | irq};
            trap_take(r->h, &t, EPC);
            ck_assert_int_eq(get_mode(r->h), deleg ? MO_VS : MO_HS);
            ck_assert_uint_eq(peek(r, deleg ? 0x242 : 0x142), CAUSE_INTERRUPT | (irq - deleg));
        }
    }
    rig_free(r);
}
END_TEST

/* ---- interrupts ---- */

static uint64_t pending(struct rig *r)
{
    struct trap t = {0};
    return trap_pending(r->h, &t) ? t.cause & ~CAUSE_INTERRUPT : 0;
}

/* All of them pending and enabled, none masked. */
static void raise_all(struct rig *r)
{
    poke(r, 0x304, UINT64_MAX);
    hart_set_irq(r->h, IRQ_MSI, true);
    hart_set_irq(r->h, IRQ_MTI, true);
    hart_set_irq(r->h, IRQ_MEI, true);
    poke(r, 0x344, UINT64_MAX);
    poke(r, 0x645, UINT64_MAX);
}

/* 3.1.9: MEI, MSI, MTI, SEI, SSI, STI; 18.4.3: then SGEI, VSEI, VSSI, VSTI; all that go to one level. */
START_TEST(priorities)
{
    static const unsigned order[] = {11, 3, 7, 9, 1, 5};
    static const unsigned vs_order[] = {10, 2, 6};
    struct rig *r = rig_new("rv64");
    raise_all(r);
    poke(r, 0x300, MSTATUS_MIE);
    for (size_t i = 0; i < ARRAY_LEN(order); i++) {
        ck_assert_uint_eq(pending(r), order[i]);
        poke(r, 0x304, peek(r, 0x304) & ~BIT(order[i]));
    }
    ck_assert_uint_eq(pending(r), 0); /* VS's are HS's or lower */
    set_mode(r->h, MO_U);
    for (size_t i = 0; i < ARRAY_LEN(vs_order); i++) {
        ck_assert_uint_eq(pending(r), vs_order[i]);
        poke(r, 0x304, peek(r, 0x304) & ~BIT(vs_order[i]));
    }
    ck_assert_uint_eq(pending(r), 0);
    rig_free(r);
}
END_TEST

/* 3.1.9: what goes to a higher level comes first, whatever the order of numbers: M, HS, VS. */
START_TEST(higher_level_first)
{
    struct rig *r = rig_new("rv64");
    raise_all(r);
    poke(r, 0x303, 0x200);
    poke(r, 0x304, BIT(9) | BIT(5)); /* SEI delegated, STI M's */
    set_mode(r->h, MO_U);
    ck_assert_uint_eq(pending(r), 5);
    poke(r, 0x303, 0x20);
    poke(r, 0x304, BIT(10) | BIT(5));
    poke(r, 0x603, 0x444);
    set_mode(r->h, MO_VU);
    ck_assert_uint_eq(pending(r), 5); /* HS's STI before VS's VSEI */
    poke(r, 0x304, BIT(10));
    ck_assert_uint_eq(pending(r), 10);
    rig_free(r);
}
END_TEST

/* 3.1.6.1, 3.1.9, 18.2.2: one interrupt of each level against each mode and xIE. */
START_TEST(enables_by_level)
{
    struct rig *r = rig_new("rv64");
    raise_all(r);
    for (unsigned ie = 0; ie < 8; ie++) {
        bool mie = ie & 1, sie = ie & 2, vsie = ie & 4;
        hart_reset(r->h);
        raise_all(r);
        poke(r, 0x303, 0x222);
        poke(r, 0x603, 0x444);
        poke(r, 0x300, (mie ? MSTATUS_MIE : 0) | (sie ? MSTATUS_SIE : 0));
        poke(r, 0x200, vsie ? MSTATUS_SIE : 0);
        for (enum mode m = MO_M; m < MODES; m++) {
            set_mode(r->h, m);
            poke(r, 0x304, 0x888);
            ck_assert_uint_eq(pending(r), m != MO_M || mie ? 11 : 0);
            poke(r, 0x304, 0x222);
            ck_assert_uint_eq(pending(r), m >= MO_U || (m == MO_HS && sie) ? 9 : 0);
            poke(r, 0x304, 0x444);
            ck_assert_uint_eq(pending(r), m == MO_VU || (m == MO_VS && vsie) ? 10 : 0);
            /* not delegated by hideleg they are HS's */
            poke(r, 0x603, 0);
            ck_assert_uint_eq(pending(r), m >= MO_U || (m == MO_HS && sie) ? 10 : 0);
            poke(r, 0x603, 0x444);
            poke(r, 0x304, 0);
            ck_assert_uint_eq(pending(r), 0);
            ck_assert(!trap_wfi_wakes(r->h));
        }
    }
    rig_free(r);
}
END_TEST

/* ---- returns ---- */

/* 3.1.6.1, 3.3.2, 18.6.3: MRET for each MPP, MPV, MPIE, MPRV. */
START_TEST(mret)
{
    static const enum priv privs[] = {PRIV_U, PRIV_S, PRIV_M};
    struct rig *r = rig_new("rv64");
    struct trap t;
    for (unsigned p = 0; p < 3; p++) {
        for (unsigned b = 0; b < 8; b++) {
            bool mpv = b & 1, mpie = b & 2, mprv = b & 4;
            hart_reset(r->h);
            poke(r, 0x341, EPC);
            poke(r, 0x300,
                 (uint64_t)privs[p] << 11 | (mpv ? MSTATUS_MPV : 0) | (mpie ? MSTATUS_MPIE : MSTATUS_MIE) |
                     (mprv ? MSTATUS_MPRV : 0) | MSTATUS_SPP | MSTATUS_GVA);
            ck_assert(trap_mret(r->h, 0x30200073, &t));
            ck_assert_uint_eq(r->h->pc, EPC);
            ck_assert_int_eq(r->h->priv, privs[p]);
            ck_assert_int_eq(r->h->virt, mpv && privs[p] != PRIV_M);
            ck_assert_uint_eq(peek(r, 0x300), UINT64_C(0xa00000000) | MSTATUS_MPIE | (mpie ? MSTATUS_MIE : 0) |
                                                  MSTATUS_SPP | MSTATUS_GVA |
                                                  (mprv && privs[p] == PRIV_M ? MSTATUS_MPRV : 0));
        }
    }
    for (enum mode m = MO_HS; m < MODES; m++) {
        set_mode(r->h, m);
        uint64_t before = peek(r, 0x300);
        ck_assert(!trap_mret(r->h, 0x30200073, &t));
        ck_assert_uint_eq(t.cause, CAUSE_ILLEGAL);
        ck_assert_uint_eq(t.tval, 0x30200073);
        ck_assert_int_eq(get_mode(r->h), m);
        ck_assert_uint_eq(peek(r, 0x300), before);
    }
    rig_free(r);
}
END_TEST

/* 3.3.2, 18.6.3: SRET from M and HS follows SPP and SPV and clears MPRV. */
START_TEST(sret_with_v_0)
{
    struct rig *r = rig_new("rv64");
    struct trap t;
    for (unsigned b = 0; b < 16; b++) {
        bool spp = b & 1, spv = b & 2, spie = b & 4, from_m = b & 8;
        hart_reset(r->h);
        poke(r, 0x141, EPC);
        poke(r, 0x300,
             (spp ? MSTATUS_SPP : 0) | (spie ? MSTATUS_SPIE : MSTATUS_SIE) | MSTATUS_MPRV | (from_m ? MSTATUS_TSR : 0));
        poke(r, 0x600, (spv ? HSTATUS_SPV : 0) | HSTATUS_SPVP | HSTATUS_GVA);
        set_mode(r->h, from_m ? MO_M : MO_HS);
        ck_assert(trap_sret(r->h, 0x10200073, &t));
        ck_assert_uint_eq(r->h->pc, EPC);
        ck_assert_int_eq(r->h->priv, spp ? PRIV_S : PRIV_U);
        ck_assert_int_eq(r->h->virt, spv);
        ck_assert_uint_eq(peek(r, 0x300),
                          UINT64_C(0xa00000000) | MSTATUS_SPIE | (spie ? MSTATUS_SIE : 0) | (from_m ? MSTATUS_TSR : 0));
        ck_assert_uint_eq(peek(r, 0x600), UINT64_C(0x200000000) | HSTATUS_SPVP | HSTATUS_GVA);
    }
    rig_free(r);
}
END_TEST

/* 18.6.3: SRET in VS follows vsstatus and vsepc; V stays, HS's registers too. */
START_TEST(sret_in_vs)
{
    struct rig *r = rig_new("rv64");
    struct trap t;
    for (unsigned b = 0; b < 4; b++) {
        bool spp = b & 1, spie = b & 2;
        hart_reset(r->h);
        poke(r, 0x241, EPC);
        poke(r, 0x141, 0x999);
        poke(r, 0x300, MSTATUS_TSR | MSTATUS_SPIE); /* TSR is HS's affair */
        poke(r, 0x200, (spp ? MSTATUS_SPP : 0) | (spie ? MSTATUS_SPIE : MSTATUS_SIE));
        poke(r, 0x600, HSTATUS_SPV);
        set_mode(r->h, MO_VS);
        ck_assert(trap_sret(r->h, 0x10200073, &t));
        ck_assert_int_eq(get_mode(r->h), spp ? MO_VS : MO_VU);
        ck_assert_uint_eq(r->h->pc, EPC);
        ck_assert_uint_eq(peek(r, 0x200), UINT64_C(0x200000000) | MSTATUS_SPIE | (spie ? MSTATUS_SIE : 0));
        ck_assert_uint_eq(peek(r, 0x300), UINT64_C(0xa00000000) | MSTATUS_TSR | MSTATUS_SPIE);
        ck_assert_uint_eq(peek(r, 0x600), UINT64_C(0x200000000) | HSTATUS_SPV);
    }
    rig_free(r);
}
END_TEST

/* Down and back: a trap from each mode to M, HS (and VS), undone by xRET, restores mode and enables. 18.6.2, 18.6.3 */
START_TEST(there_and_back)
{
    struct rig *r = rig_new("rv64");
    struct trap none;
    set_vectors(r, 0);
    for (enum mode m = MO_M; m < MODES; m++) {
        for (unsigned to = 0; to < 3; to++) { /* M, HS, VS */
            if ((to && m == MO_M) || (to == 2 && m < MO_VS)) {
                continue;
            }
            poke(r, 0x302, to ? UINT64_MAX : 0);
            poke(r, 0x602, to == 2 ? UINT64_MAX : 0);
            poke(r, 0x300, MSTATUS_MIE | MSTATUS_SIE);
            poke(r, 0x200, MSTATUS_SIE);
            set_mode(r->h, m);
            struct trap t = {.cause = CAUSE_LOAD_PAGE, .tval = TVAL};
            trap_take(r->h, &t, EPC);
            ck_assert_int_eq(get_mode(r->h), to == 0 ? MO_M : to == 1 ? MO_HS : MO_VS);
            ck_assert(to ? trap_sret(r->h, 0, &none) : trap_mret(r->h, 0, &none));
            ck_assert_int_eq(get_mode(r->h), m);
            ck_assert_uint_eq(r->h->pc, EPC);
            ck_assert_uint_eq(peek(r, 0x300) & (MSTATUS_MIE | MSTATUS_SIE), MSTATUS_MIE | MSTATUS_SIE);
            ck_assert_uint_eq(peek(r, 0x200) & MSTATUS_SIE, MSTATUS_SIE);
        }
    }
    rig_free(r);
}
END_TEST

/* 3.1.6.1: without U, MPP is always M. */
START_TEST(mret_without_u)
{
    struct rig *r = rig_new("rv64,s=false,u=false");
    struct trap t;
    poke(r, 0x300, 0);
    ck_assert_uint_eq(mpp(r->h), 3);
    ck_assert(trap_mret(r->h, 0, &t));
    ck_assert_uint_eq(mpp(r->h), 3);
    ck_assert_int_eq(get_mode(r->h), MO_M);
    ck_assert(!trap_sret(r->h, 0, &t)); /* no S: no SRET */
    rig_free(r);
}
END_TEST

/* ---- instructions that may trap: 3.1.6.5, 3.3.3, 10.2.1, 18.2.1, 18.3.2, 18.6.1, Svinval 7, CMO 2.5.2 ---- */

enum { IL = CAUSE_ILLEGAL, VI = CAUSE_VIRTUAL_INSN };

enum what { SRET, WFI, SFENCE, SINVAL, SFENCE_W, SFENCE_IR, HFENCE_V, HINVAL_V, HFENCE_G, HINVAL_G, HLV, HLVX };

static uint64_t cause_of(struct rig *r, enum what w)
{
    static const uint32_t word[] = {0x10200073, 0x10500073, 0x12000073, 0x16000073, 0x18000073, 0x18100073,
                                    0x22000073, 0x26000073, 0x62000073, 0x66000073, 0x6c05c573, 0x6435c573};
    struct trap t = {0};
    struct mmu_ctx c;
    bool ok;
    if (w == SRET) {
        ok = trap_sret(r->h, word[w], &t);
    } else if (w == WFI) {
        ok = trap_wfi(r->h, word[w], &t);
    } else if (w >= HLV) {
        ok = hart_hyp_ctx(r->h, word[w], w == HLVX, &c, &t);
        ck_assert(!ok || c.hlvx == (w == HLVX));
    } else {
        ok = trap_fence_vma(r->h, word[w], 0, 0, &t);
    }
    ck_assert(ok || t.tval == word[w]);
    return ok ? 0 : t.cause;
}

static const struct {
    enum what what;
    const char *when;
    uint64_t mstatus, hstatus;
    uint64_t cause[MODES]; /* M, HS, U, VS, VU */
} conditions[] = {
    {SRET, "", 0, 0, {0, 0, IL, 0, VI}},
    {SRET, "TSR", MSTATUS_TSR, 0, {0, IL, IL, 0, VI}},
    {SRET, "VTSR", 0, HSTATUS_VTSR, {0, 0, IL, VI, VI}},
    {WFI, "", 0, 0, {0, 0, IL, 0, VI}},
    {WFI, "TW", MSTATUS_TW, 0, {0, IL, IL, IL, IL}},
    {WFI, "VTW", 0, HSTATUS_VTW, {0, 0, IL, VI, VI}},
    {WFI, "TW VTW", MSTATUS_TW, HSTATUS_VTW, {0, IL, IL, IL, IL}},
    {SFENCE, "", 0, 0, {0, 0, IL, 0, VI}},
    {SFENCE, "TVM", MSTATUS_TVM, 0, {0, IL, IL, 0, VI}},
    {SFENCE, "VTVM", 0, HSTATUS_VTVM, {0, 0, IL, VI, VI}},
    {SINVAL, "", 0, 0, {0, 0, IL, 0, VI}},
    {SINVAL, "TVM", MSTATUS_TVM, 0, {0, IL, IL, 0, VI}},
    {SINVAL, "VTVM", 0, HSTATUS_VTVM, {0, 0, IL, VI, VI}},
    {SFENCE_W, "TVM VTVM", MSTATUS_TVM, HSTATUS_VTVM, {0, 0, IL, 0, VI}},
    {SFENCE_IR, "TVM VTVM", MSTATUS_TVM, HSTATUS_VTVM, {0, 0, IL, 0, VI}},
    {HFENCE_V, "", 0, 0, {0, 0, IL, VI, VI}},
    {HFENCE_V, "TVM VTVM", MSTATUS_TVM, HSTATUS_VTVM, {0, 0, IL, VI, VI}},
    {HINVAL_V, "TVM", MSTATUS_TVM, 0, {0, 0, IL, VI, VI}},
    {HFENCE_G, "", 0, 0, {0, 0, IL, VI, VI}},
    {HFENCE_G, "TVM", MSTATUS_TVM, 0, {0, IL, IL, VI, VI}},
    {HINVAL_G, "", 0, 0, {0, 0, IL, VI, VI}},
    {HINVAL_G, "TVM", MSTATUS_TVM, 0, {0, IL, IL, VI, VI}},
    {HLV, "", 0, 0, {0, 0, IL, VI, VI}},
    {HLV, "HU", 0, HSTATUS_HU, {0, 0, 0, VI, VI}},
    {HLVX, "", 0, 0, {0, 0, IL, VI, VI}},
    {HLVX, "HU", 0, HSTATUS_HU, {0, 0, 0, VI, VI}},
};

START_TEST(may_it_run)
{
    struct rig *r = rig_new("rv64");
    for (size_t i = 0; i < ARRAY_LEN(conditions); i++) {
        for (enum mode m = MO_M; m < MODES; m++) {
            poke(r, 0x300, conditions[i].mstatus);
            poke(r, 0x600, conditions[i].hstatus);
            set_mode(r->h, m);
            uint64_t got = cause_of(r, conditions[i].what);
            ck_assert_msg(got == conditions[i].cause[m], "row %zu (%s) in mode %d: cause %lu", i, conditions[i].when,
                          (int)m, (unsigned long)got);
            ck_assert(!got || get_mode(r->h) == m);
        }
    }
    rig_free(r);
}
END_TEST

/* 3.3.3: WFI waits only while nothing that is enabled pends, delegated or globally masked or not. */
START_TEST(wfi)
{
    struct rig *r = rig_new("rv64");
    r->h->kick = 0;
    ck_assert_uint_eq(cause_of(r, WFI), 0);
    ck_assert(r->h->kick & KICK_WFI);
    raise_all(r);
    poke(r, 0x303, 0x222);
    poke(r, 0x603, 0x444);
    for (unsigned irq = 1; irq <= 11; irq++) {
        bool exists = BIT(irq) & (INT_M | INT_S | INT_VS);
        poke(r, 0x304, BIT(irq));
        r->h->kick = 0;
        ck_assert_uint_eq(cause_of(r, WFI), 0);
        ck_assert_int_eq(!(r->h->kick & KICK_WFI), exists);
    }
    rig_free(r);
}
END_TEST

/* CMO 2.5.2, 18.6.1: each field of the three registers, for each instruction and mode. */
START_TEST(cbo)
{
    static const struct {
        uint32_t word;
        uint64_t field;
    } insn[] = {
        {0x0005200f, ENVCFG_CBIE}, {0x0015200f, ENVCFG_CBCFE}, {0x0025200f, ENVCFG_CBCFE}, {0x0045200f, ENVCFG_CBZE}};
    struct rig *r = rig_new("rv64");
    for (size_t i = 0; i < ARRAY_LEN(insn); i++) {
        for (unsigned b = 0; b < 8; b++) {
            bool menv = b & 1, henv = b & 2, senv = b & 4;
            poke(r, 0x30a, menv ? insn[i].field : ~insn[i].field);
            poke(r, 0x60a, henv ? insn[i].field : ~insn[i].field);
            poke(r, 0x10a, senv ? insn[i].field : ~insn[i].field);
            for (enum mode m = MO_M; m < MODES; m++) {
                uint64_t want = 0;
                bool flushes = true;
                struct trap t = {0};
                if (m != MO_M && !menv) {
                    want = IL;
                } else if (m == MO_U && !senv) {
                    want = IL;
                } else if (m == MO_VS && !henv) {
                    want = VI;
                } else if (m == MO_VU && (!henv || !senv)) {
                    want = VI;
                }
                set_mode(r->h, m);
                bool ok = trap_cbo_allowed(r->h, insn[i].word, &flushes, &t);
                ck_assert_msg((ok ? 0 : t.cause) == want, "insn %zu, fields %u, mode %d", i, b, (int)m);
                ck_assert(ok || t.tval == insn[i].word);
                ck_assert(!flushes || !ok);
            }
        }
    }
    /* CBIE = 01 anywhere on the way makes cbo.inval flush, M apart */
    for (unsigned which = 0; which < 3; which++) {
        static const unsigned envcfg[] = {0x30a, 0x60a, 0x10a};
        static const bool want[3][MODES] = {{0, 1, 1, 1, 1}, {0, 0, 0, 1, 1}, {0, 0, 1, 0, 1}};
        for (unsigned i = 0; i < 3; i++) {
            poke(r, envcfg[i], i == which ? 0x10 : 0x30);
        }
        for (enum mode m = MO_M; m < MODES; m++) {
            struct trap t;
            bool flushes;
            set_mode(r->h, m);
            ck_assert(trap_cbo_allowed(r->h, insn[0].word, &flushes, &t));
            ck_assert_int_eq(flushes, want[which][m]);
        }
    }
    rig_free(r);
}
END_TEST

/* 3.3.1, 18.6.1 */
START_TEST(ecall_causes)
{
    static const uint64_t cause[] = {11, 9, 8, 10, 8};
    struct rig *r = rig_new("rv64");
    for (enum mode m = MO_M; m < MODES; m++) {
        set_mode(r->h, m);
        ck_assert_uint_eq(trap_ecall_cause(r->h), cause[m]);
    }
    rig_free(r);
}
END_TEST

/* ---- contexts of translation ---- */

/* 3.1.6.3, 18.4.1: MPRV makes loads and stores of M those of MPP and MPV; fetches stay M's. */
START_TEST(mprv)
{
    static const enum priv privs[] = {PRIV_U, PRIV_S, PRIV_M};
    struct rig *r = rig_new("rv64");
    for (unsigned p = 0; p < 3; p++) {
        for (unsigned mpv = 0; mpv < 2; mpv++) {
            poke(r, 0x300, MSTATUS_MPRV | (uint64_t)privs[p] << 11 | (mpv ? MSTATUS_MPV : 0));
            struct mmu_ctx d = hart_data_ctx(r->h), f = hart_fetch_ctx(r->h);
            ck_assert_int_eq(d.priv, privs[p]);
            ck_assert_int_eq(d.virt, mpv && privs[p] != PRIV_M);
            ck_assert(f.priv == PRIV_M && !f.virt);
        }
    }
    rig_free(r);
}
END_TEST

/* 10.1.1, 18.2.11, 18.5: which SUM, MXR, satp, ADUE, PBMTE count at V=0 and V=1. */
START_TEST(context_fields)
{
    struct rig *r = rig_new("rv64");
    uint64_t satp = UINT64_C(0x8000000000000001), vsatp = UINT64_C(0x9000000000000002),
             hgatp = UINT64_C(0xa000000000000004);
    poke(r, 0x180, satp);
    poke(r, 0x280, vsatp);
    poke(r, 0x680, hgatp);
    poke(r, 0x30a, ENVCFG_ADUE | ENVCFG_PBMTE);
    poke(r, 0x60a, ENVCFG_PBMTE);
    for (unsigned b = 0; b < 16; b++) {
        poke(r, 0x300, (b & 1 ? MSTATUS_SUM : 0) | (b & 2 ? MSTATUS_MXR : 0));
        poke(r, 0x200, (b & 4 ? MSTATUS_SUM : 0) | (b & 8 ? MSTATUS_MXR : 0));
        set_mode(r->h, MO_HS);
        struct mmu_ctx c = hart_data_ctx(r->h);
        ck_assert(c.satp == satp && !c.virt && c.sum == !!(b & 1) && c.mxr == !!(b & 2) && !c.vmxr && c.adue &&
                  c.pbmte);
        set_mode(r->h, MO_VS);
        c = hart_data_ctx(r->h);
        ck_assert(c.satp == vsatp && c.hgatp == hgatp && c.virt && c.sum == !!(b & 4) && c.mxr == !!(b & 2) &&
                  c.vmxr == !!(b & 8));
        ck_assert(!c.adue && c.adue_g && c.pbmte && c.pbmte_g && c.svnapot);
    }
    /* 18.3.1: HLV acts at V=1 in the mode of SPVP, whatever the mode it runs in */
    for (unsigned spvp = 0; spvp < 2; spvp++) {
        struct mmu_ctx c;
        struct trap t;
        poke(r, 0x600, (spvp ? HSTATUS_SPVP : 0) | HSTATUS_HU);
        for (enum mode m = MO_M; m <= MO_U; m++) {
            set_mode(r->h, m);
            ck_assert(hart_hyp_ctx(r->h, 0, false, &c, &t));
            ck_assert(c.virt && c.priv == (spvp ? PRIV_S : PRIV_U) && c.satp == vsatp && c.sum && c.vmxr);
        }
    }
    rig_free(r);
}
END_TEST

/* ---- the state, named once ---- */

struct recorder {
    struct visitor v;
    bool restore;
    size_t at;
    unsigned fields;
    uint8_t bytes[8192];
};

static void record_field(struct visitor *v, const char *name, void *p, size_t size, size_t count)
{
    struct recorder *rec = (struct recorder *)(void *)v;
    (void)name;
    rec->fields++;
    ck_assert_uint_le(rec->at + size * count, sizeof(rec->bytes));
    if (rec->restore) {
        memcpy(p, rec->bytes + rec->at, size * count);
    } else {
        memcpy(rec->bytes + rec->at, p, size * count);
    }
    rec->at += size * count;
}

static void record_open(struct visitor *v, const char *name, unsigned index)
{
    (void)v;
    (void)name;
    (void)index;
}

static void record_close(struct visitor *v)
{
    (void)v;
}

/* Every CSR, register and mode that one hart has arrives in another. */
START_TEST(visit_carries_all)
{
    static struct recorder rec = {.v = {record_field, record_open, record_close}};
    struct rig *a = rig_new("rv64"), *b = rig_new("rv64");
    uint64_t va, vb;
    poke(a, 0x300, MSTATUS_FS);
    poke(a, 0x30a, UINT64_MAX);
    for (unsigned n = 1; n < 4096; n++) {
        if (csr_name(n) && n != 0x300 && n != 0x100 && n != 0x30a && n != 0x3a0 && n != 0x3a2) {
            csr_poke(a->h, n, n * UINT64_C(0x10001000100010) | 1);
        }
    }
    poke(a, 0x3a0, 0x1f1f);
    poke(a, 0x3a2, UINT64_C(0x0b00000000000000));
    poke(a, 0x180, UINT64_C(0x8000000000000123));
    hart_set_irq(a->h, IRQ_MEI, true);
    for (unsigned i = 1; i < 32; i++) {
        a->h->x[i] = i * 3;
        a->h->f[i] = i * 5;
    }
    a->h->pc = EPC;
    set_mode(a->h, MO_VS);
    hart_visit(a->h, &rec.v);
    rec.restore = true;
    rec.at = 0;
    hart_visit(b->h, &rec.v);
    ck_assert_int_eq(get_mode(b->h), MO_VS);
    ck_assert_uint_eq(b->h->pc, EPC);
    ck_assert(!memcmp(a->h->x, b->h->x, sizeof(a->h->x)) && !memcmp(a->h->f, b->h->f, sizeof(a->h->f)));
    for (unsigned n = 0; n < 4096; n++) {
        if (csr_peek(a->h, n, &va)) {
            ck_assert(csr_peek(b->h, n, &vb));
            ck_assert_msg(va == vb, "%s: %#lx, %#lx", csr_name(n), (unsigned long)va, (unsigned long)vb);
        }
    }
    rig_free(a);
    rig_free(b);
}
END_TEST

Suite *trap_suite(void)
{
    Suite *s = suite_create("trap");
    TCase *t = tcase_create("trap");
    tcase_set_timeout(t, 60);
    tcase_add_test(t, exceptions_route);
    tcase_add_test(t, into_m);
    tcase_add_test(t, into_hs);
    tcase_add_test(t, into_vs);
    tcase_add_test(t, without_h);
    tcase_add_test(t, vectored);
    tcase_add_test(t, vs_interrupts_are_renumbered);
    tcase_add_test(t, priorities);
    tcase_add_test(t, higher_level_first);
    tcase_add_test(t, enables_by_level);
    tcase_add_test(t, mret);
    tcase_add_test(t, sret_with_v_0);
    tcase_add_test(t, sret_in_vs);
    tcase_add_test(t, there_and_back);
    tcase_add_test(t, mret_without_u);
    tcase_add_test(t, may_it_run);
    tcase_add_test(t, wfi);
    tcase_add_test(t, cbo);
    tcase_add_test(t, ecall_causes);
    tcase_add_test(t, mprv);
    tcase_add_test(t, context_fields);
    tcase_add_test(t, visit_carries_all);
    suite_add_tcase(s, t);
    return s;
}
