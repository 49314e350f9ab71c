/* SPDX-License-Identifier: MIT */
/* A hart on an empty bus, for tests of CSRs and traps. Modes are named as the specification names them. */
#ifndef VITRINE_TESTS_HART_RIG_H
#define VITRINE_TESTS_HART_RIG_H

#include <check.h>
#include <stdlib.h>

#include "cpu/csr.h"
#include "cpu/csr_bits.h"
#include "cpu/isa.h"
#include "cpu/op.h"
#include "cpu/trap.h"

enum mode { MO_M, MO_HS, MO_U, MO_VS, MO_VU, MODES };

struct rig {
    struct hart *h;
    struct bus *bus;
    struct code_cache *code;
    struct hart_env env;
    uint64_t now;
    unsigned timer_changes;
};

static uint64_t rig_time(void *ctx)
{
    return ((struct rig *)ctx)->now;
}

static void rig_timer_changed(void *ctx, struct hart *h)
{
    (void)h;
    ((struct rig *)ctx)->timer_changes++;
}

static inline struct rig *rig_new(const char *cpu)
{
    struct rig *r = calloc(1, sizeof(*r));
    struct isa isa;
    struct err e;
    ck_assert_ptr_nonnull(r);
    ck_assert_int_eq(isa_parse(&isa, cpu, &e), 0);
    r->bus = bus_new();
    r->code = code_cache_new(r->bus, &isa);
    r->env = (struct hart_env){.time = rig_time, .timer_changed = rig_timer_changed, .ctx = r};
    r->h = hart_new(3, &isa, r->bus, r->code, &r->env);
    ck_assert_ptr_nonnull(r->h);
    return r;
}

static inline void rig_free(struct rig *r)
{
    hart_free(r->h);
    code_cache_free(r->code);
    bus_free(r->bus);
    free(r);
}

static inline void set_mode(struct hart *h, enum mode m)
{
    h->priv = m == MO_M ? PRIV_M : m == MO_HS || m == MO_VS ? PRIV_S : PRIV_U;
    h->virt = m == MO_VS || m == MO_VU;
    hart_context_changed(h);
}

static inline enum mode get_mode(const struct hart *h)
{
    switch (h->priv) {
    case PRIV_M: return h->virt ? MODES : MO_M;
    case PRIV_S: return h->virt ? MO_VS : MO_HS;
    case PRIV_U: break;
    }
    return h->virt ? MO_VU : MO_U;
}

static inline uint64_t peek(struct rig *r, unsigned num)
{
    uint64_t v = 0;
    ck_assert_msg(csr_peek(r->h, num, &v), "no CSR %#x", num);
    return v;
}

static inline void poke(struct rig *r, unsigned num, uint64_t v)
{
    ck_assert_msg(csr_poke(r->h, num, v), "CSR %#x not written", num);
}

enum { SOME_INSN = 0x30529073 };

/* One CSR instruction that must not trap; its old value. */
static inline uint64_t csr_does(struct rig *r, unsigned num, enum csr_op op, uint64_t src)
{
    uint64_t old = 0;
    struct trap t = {0};
    ck_assert_msg(csr_execute(r->h, num, op, src, true, true, SOME_INSN, &old, &t), "CSR %#x: cause %lu", num,
                  (unsigned long)t.cause);
    return old;
}

/* What a read by csrrs rd, num, x0 sees; must not trap. */
static inline uint64_t csr_sees(struct rig *r, unsigned num)
{
    uint64_t old = 0;
    struct trap t = {0};
    ck_assert_msg(csr_execute(r->h, num, CSR_RS, 0, true, false, SOME_INSN, &old, &t), "CSR %#x: cause %lu", num,
                  (unsigned long)t.cause);
    return old;
}

/* The cause that an access ends with; 0: none. */
static inline uint64_t csr_cause(struct rig *r, unsigned num, bool write)
{
    uint64_t old = 0;
    struct trap t = {0};
    if (csr_execute(r->h, num, CSR_RS, 0, true, write, SOME_INSN, &old, &t)) {
        return 0;
    }
    if (t.tval != SOME_INSN) {
        ck_abort_msg("CSR %#x: tval %#lx", num, (unsigned long)t.tval);
    }
    return t.cause;
}

#endif
