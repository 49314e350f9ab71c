/* SPDX-License-Identifier: MIT */
/* What a cache-block operation tells when it may not have its block. Unpriv. "CMO" */
#include "run_rig.h"

Suite *cbo_suite(void);

enum { C_MTVAL2 = 0x34b, C_HGATP = 0x680, C_VSATP = 0x280, HANDLER = 0x1000, G_TABLE = 0x14000 };

#define GUEST UINT64_C(0x40c00000)

static struct machine *as_guest(enum insn_id id, uint64_t at)
{
    struct machine *m = machine_make("rv64");
    set_csr(m, C_MTVEC, RAM + HANDLER);
    set_csr(m, C_HGATP, UINT64_C(8) << 60 | (RAM + G_TABLE) >> 12);
    set_csr(m, C_MSTATUS, MSTATUS_MPRV | MSTATUS_MPV | UINT64_C(1) << MSTATUS_MPP_SHIFT);
    m->h->x[5] = at;
    emit(m, insn_rows[id].match | 5 << 15);
    put(m, RAM + HANDLER, W_NOP, 4);
    return m;
}

/* Stage two has nothing there: mtval and mtval2 are of the byte at rs1, wherever in its block that is. */
START_TEST(guest_physical_address)
{
    static const enum insn_id ids[] = {INSN_cbo_zero, INSN_cbo_inval, INSN_cbo_clean, INSN_cbo_flush};
    for (unsigned i = 0; i < ARRAY_LEN(ids); i++)
        for (unsigned offset = 0; offset < 64; offset += 4) {
            struct machine *m = as_guest(ids[i], GUEST + 0x80 + offset);
            run_n(m, 1);
            ck_assert_uint_eq(csr(m, C_MCAUSE), CAUSE_STORE_GUEST_PAGE);
            ck_assert_uint_eq(csr(m, C_MTVAL), GUEST + 0x80 + offset);
            ck_assert_uint_eq(csr(m, C_MTVAL2), (GUEST + 0x80 + offset) >> 2);
            machine_unmake(m);
        }
}
END_TEST

/* The guest's own table out of reach: mtval2 is the PTE's address. */
START_TEST(of_the_guests_table)
{
    for (unsigned offset = 0; offset < 64; offset += 4) {
        struct machine *m = as_guest(INSN_cbo_zero, GUEST + offset);
        set_csr(m, C_VSATP, UINT64_C(8) << 60 | GUEST >> 12);
        run_n(m, 1);
        ck_assert_uint_eq(csr(m, C_MCAUSE), CAUSE_STORE_GUEST_PAGE);
        ck_assert_uint_eq(csr(m, C_MTVAL), GUEST + offset);
        ck_assert_uint_eq(csr(m, C_MTVAL2), (GUEST + 8 * (GUEST >> 30)) >> 2);
        machine_unmake(m);
    }
}
END_TEST

Suite *cbo_suite(void)
{
    Suite *s = suite_create("cbo");
    TCase *t = tcase_create("faults");
    tcase_add_test(t, guest_physical_address);
    tcase_add_test(t, of_the_guests_table);
    suite_add_tcase(s, t);
    return s;
}
