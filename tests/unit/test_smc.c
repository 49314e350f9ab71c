/* SPDX-License-Identifier: MIT */
/* Code that changes under the run loop: what a store writes is what the very next fetch sees, without fence.i. */
#include "run_rig.h"

Suite *smc_suite(void);

/* Stores are of x6 (an instruction word) to the address in x5; x7 counts. */
static struct machine *rig(uint64_t target, uint32_t word)
{
    struct machine *m = machine_make("rv64");
    m->h->x[5] = target;
    m->h->x[6] = word;
    return m;
}

/* The store changes the instruction i places behind it, in the block that runs. */
START_TEST(later_in_this_block)
{
    static const uint64_t starts[] = {0, 56, PAGE_SIZE - 8, PAGE_SIZE - 6, PAGE_SIZE - 2, PAGE_SIZE - 4};
    for (unsigned s = 0; s < ARRAY_LEN(starts); s++)
        for (unsigned i = 0; i < 4; i++)
            for (unsigned how = 0; how < 3; how++) {
                uint64_t at = RAM + starts[s], target = at + 4 + 4 * i;
                if (how && target & 3)
                    continue; /* atomics are aligned */
                struct machine *m = rig(target, W_ADDI(7, 7, 100));
                m->at = m->h->pc = at;
                emit(m, how == 0   ? w_s(INSN_sw, 6, 5, 0)
                        : how == 1 ? w_r(INSN_amoswap_w, 0, 5, 6)
                                   : w_r(INSN_amoxor_w, 0, 5, 6));
                if (how == 2)
                    m->h->x[6] = W_ADDI(7, 7, 1) ^ W_ADDI(7, 7, 100);
                for (unsigned k = 0; k < 5; k++)
                    emit(m, W_ADDI(7, 7, 1));
                emit(m, w_j(0, (int32_t)(at - m->at)));
                run_n(m, 200 * 7); /* decoded and linked; only how == 2 changes it to and fro */
                uint64_t want = how == 2 ? 200 * 4 + 100 * 101 : 200 * 104;
                ck_assert_uint_eq(m->h->x[7], want);
                ck_assert_uint_eq(m->h->pc, at);
                machine_unmake(m);
            }
}
END_TEST

/* A loop that is linked and unrolled, then rewritten by its own store. */
START_TEST(linked_loop)
{
    struct machine *m = rig(RAM, W_ADDI(7, 7, 1000));
    m->h->x[10] = 500;
    emit(m, W_ADDI(7, 7, 1)); /* the target */
    emit(m, W_ADDI(10, 10, -1));
    emit(m, w_b(INSN_bne, 10, 0, -8));
    emit(m, w_s(INSN_sw, 6, 5, 0));
    emit(m, W_ADDI(10, 0, 500));
    emit(m, w_j(0, (int32_t)(RAM - m->at)));
    run_n(m, 1503 + 1500);
    ck_assert_uint_eq(m->h->x[7], 500 + 500 * 1000);
    machine_unmake(m);
}
END_TEST

/* A device writes code between two runs; and the second half of an instruction that crosses pages. */
START_TEST(by_dma)
{
    for (unsigned off = 0; off < 2; off++) {
        struct machine *m = machine_make("rv64");
        uint64_t at = RAM + PAGE_SIZE - 2 * off;
        m->at = m->h->pc = at;
        emit(m, W_ADDI(7, 7, 1));
        emit(m, w_j(0, -4));
        run_n(m, 1000);
        ck_assert_uint_eq(m->h->x[7], 500);
        put(m, at + 2, W_ADDI(7, 7, 64) >> 16, 2);
        run_n(m, 1000);
        ck_assert_uint_eq(m->h->x[7], 500 + 500 * 64);
        machine_unmake(m);
    }
}
END_TEST

/* cbo.zero on the code that follows it: zero is an illegal instruction. */
START_TEST(by_cbo_zero)
{
    struct machine *m = rig(RAM + 64, 0);
    set_csr(m, C_MTVEC, RAM + 0x2000);
    m->at = RAM + 0x2000;
    emit(m, w_j(0, 0));
    m->at = m->h->pc = RAM + 64 - 4;
    emit(m, insn_rows[INSN_cbo_zero].match | 5 << 15);
    emit(m, W_ADDI(7, 7, 1));
    emit(m, w_j(0, -8));
    run_n(m, 10);
    ck_assert_uint_eq(m->h->x[7], 0);
    ck_assert_uint_eq(csr(m, C_MEPC), RAM + 64);
    ck_assert_uint_eq(csr(m, C_MCAUSE), CAUSE_ILLEGAL);
    machine_unmake(m);
}
END_TEST

/* An instruction that crosses pages, reached by a link when only its first page is in the fetch TLB, retires once. */
START_TEST(crossing_after_fence)
{
    struct machine *m = machine_make("rv64");
    uint64_t start = RAM + PAGE_SIZE - 2 - 8;
    m->at = m->h->pc = start;
    emit(m, insn_rows[INSN_sfence_vma].match);
    emit(m, W_ADDI(7, 7, 1));
    emit(m, W_ADDI(7, 7, 1)); /* crosses */
    emit(m, w_j(0, (int32_t)(start - m->at)));
    for (unsigned i = 1; i < 10; i++) {
        run_n(m, 400);
        ck_assert_uint_eq(m->h->x[7], 200 * i);
        ck_assert_uint_eq(m->h->pc, start);
    }
    machine_unmake(m);
}
END_TEST

static void set_and_check_sc(struct machine *m, unsigned lr, unsigned sc, uint64_t sc_at, uint64_t want)
{
    m->at = m->h->pc = RAM;
    m->h->x[5] = RAM + 0x8000;
    m->h->x[8] = RAM + 0x8000 + sc_at;
    emit(m, w_r((enum insn_id)lr, 10, 5, 0));
    emit(m, w_r((enum insn_id)sc, 11, 8, 6));
    emit(m, w_r((enum insn_id)sc, 12, 8, 6));
    run_n(m, 3);
    ck_assert_uint_eq(m->h->x[11], want);
    ck_assert_uint_eq(m->h->x[12], 1); /* no second SC without another LR */
}

START_TEST(lr_sc)
{
    struct machine *m = machine_make("rv64");
    m->h->x[6] = 42;
    set_and_check_sc(m, INSN_lr_d, INSN_sc_d, 0, 0);
    ck_assert_uint_eq(get(m, RAM + 0x8000, 8), 42);
    m->h->x[6] = 43;
    set_and_check_sc(m, INSN_lr_w, INSN_sc_w, 0, 0);
    ck_assert_uint_eq(get(m, RAM + 0x8000, 8), 43);
    set_and_check_sc(m, INSN_lr_d, INSN_sc_d, 8, 1);
    set_and_check_sc(m, INSN_lr_d, INSN_sc_w, 0, 1);
    ck_assert_uint_eq(get(m, RAM + 0x8008, 8), 0);
    machine_unmake(m);
}
END_TEST

/* A misaligned store over a page boundary whose second page is not mapped: tval there, and not a byte stored. */
START_TEST(half_of_a_store_faults)
{
    struct machine *m = machine_make("rv64");
    uint64_t root = RAM + 0x20000, mid = RAM + 0x21000, low = RAM + 0x22000, leaf = P_V | P_RWX | P_AD;
    put(m, root + 2 * 8, mid >> 12 << 10 | P_V, 8);
    put(m, mid, low >> 12 << 10 | P_V, 8);
    for (unsigned page = 0; page < 16; page++)
        if (page != 9)
            put(m, low + 8 * page, (RAM + page * PAGE_SIZE) >> 12 << 10 | leaf, 8);
    set_csr(m, C_MTVEC, RAM + 0x3000);
    set_csr(m, C_SATP, (uint64_t)ATP_SV39 << 60 | root >> 12);
    for (unsigned second = 0; second < 2; second++) {
        uint64_t va = RAM + (second ? 9 : 10) * PAGE_SIZE - 3;
        put(m, va, 0, 8);
        m->at = m->h->pc = RAM;
        emit(m, w_s(INSN_sd, 6, 5, 0));
        m->at = RAM + 0x3000;
        emit(m, w_j(0, 0));
        m->h->x[5] = va;
        m->h->x[6] = UINT64_MAX;
        set_priv(m, PRIV_S);
        run_n(m, 1);
        ck_assert_uint_eq(csr(m, C_MCAUSE), CAUSE_STORE_PAGE);
        ck_assert_uint_eq(csr(m, C_MTVAL), second ? va + 3 : va);
        ck_assert_uint_eq(get(m, va, 8), 0);
    }
    machine_unmake(m);
}
END_TEST

START_TEST(exits)
{
    struct machine *m = machine_make("rv64");
    emit(m, insn_rows[INSN_wfi].match);
    emit(m, W_ECALL);
    ck_assert_int_eq(hart_run(m->h, 100).reason, EXIT_WFI);
    ck_assert_uint_eq(m->h->pc, RAM + 4);
    m->h->native = 1u << PRIV_M;
    struct exit e = hart_run(m->h, 100);
    ck_assert(e.reason == EXIT_TRAP && e.trap.cause == CAUSE_ECALL_M && e.to == PRIV_M);
    ck_assert_uint_eq(m->h->pc, RAM + 4);
    ck_assert_uint_eq(hart_instret(m->h), 1);
    m->h->native = 0;
    set_csr(m, C_MTVEC, RAM + 0x1000); /* zeros: illegal */
    e = hart_run(m->h, 100);
    ck_assert(e.reason == EXIT_STUCK && e.trap.cause == CAUSE_ILLEGAL);
    m->at = m->h->pc = RAM;
    emit(m, w_j(0, 0));
    m->h->kick |= KICK_EVENT;
    ck_assert_int_eq(hart_run(m->h, 100).reason, EXIT_EVENT);
    run_n(m, 1000);
    machine_unmake(m);
}
END_TEST

/* The interrupt is taken right behind the CSR write that enables it. */
START_TEST(interrupt_boundary)
{
    struct machine *m = machine_make("rv64");
    set_csr(m, C_MTVEC, RAM + 0x1000);
    set_csr(m, C_MIE, BIT(IRQ_MTI));
    hart_set_irq(m->h, IRQ_MTI, true);
    emit(m, W_ADDI(7, 7, 1));
    emit(m, w_csr(INSN_csrrsi, 0, C_MSTATUS, MSTATUS_MIE));
    emit(m, W_ADDI(7, 7, 1));
    m->at = RAM + 0x1000;
    emit(m, w_j(0, 0));
    run_n(m, 500);
    ck_assert_uint_eq(m->h->x[7], 1);
    ck_assert_uint_eq(csr(m, C_MEPC), RAM + 8);
    ck_assert_uint_eq(csr(m, C_MCAUSE), CAUSE_INTERRUPT | IRQ_MTI);
    machine_unmake(m);
}
END_TEST

START_TEST(transformed_instructions)
{
    struct isa isa;
    isa_default(&isa);
    ck_assert_uint_eq(tinst_transform(&isa, w_i(INSN_ld, 7, 5, 100), 3), insn_rows[INSN_ld].match | 7 << 7 | 3 << 15);
    ck_assert_uint_eq(tinst_transform(&isa, w_s(INSN_sd, 7, 5, 100), 0), insn_rows[INSN_sd].match | 7 << 20);
    ck_assert_uint_eq(tinst_transform(&isa, w_i(INSN_fld, 7, 5, -1), 0), insn_rows[INSN_fld].match | 7 << 7);
    ck_assert_uint_eq(tinst_transform(&isa, w_r(INSN_amoadd_d, 7, 5, 6), 0), w_r(INSN_amoadd_d, 7, 0, 6));
    ck_assert_uint_eq(tinst_transform(&isa, w_r(INSN_hlv_w, 7, 5, 0), 0), w_r(INSN_hlv_w, 7, 0, 0));
    ck_assert_uint_eq(tinst_transform(&isa, 0x4004, 1),
                      (insn_rows[INSN_lw].match | 9 << 7 | 1 << 15) & ~2u); /* c.lw x9, 0(x8) */
    ck_assert_uint_eq(tinst_transform(&isa, 0xe004, 0), (insn_rows[INSN_sd].match | 9 << 20) & ~2u); /* c.sd */
    ck_assert_uint_eq(tinst_transform(&isa, W_ADDI(1, 1, 1), 0), 0);
}
END_TEST

Suite *smc_suite(void)
{
    Suite *s = suite_create("smc");
    TCase *tc = tcase_create("smc");
    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, later_in_this_block);
    tcase_add_test(tc, linked_loop);
    tcase_add_test(tc, by_dma);
    tcase_add_test(tc, by_cbo_zero);
    tcase_add_test(tc, crossing_after_fence);
    tcase_add_test(tc, lr_sc);
    tcase_add_test(tc, half_of_a_store_faults);
    tcase_add_test(tc, exits);
    tcase_add_test(tc, interrupt_boundary);
    tcase_add_test(tc, transformed_instructions);
    suite_add_tcase(s, tc);
    return s;
}
