/* SPDX-License-Identifier: MIT */
/* Floating-point instructions by softfp: any rounding mode, any host. Unpriv. "F", "D" */
#include "cpu/op.h"
#include "cpu/softfp.h"

#define BOX(v) (UINT64_C(0xffffffff00000000) | (v))

static uint32_t unboxed(uint64_t f)
{
    return f >> 32 == UINT32_MAX ? (uint32_t)f : SF32_NAN;
}

enum { DYNAMIC = 7 };
#define SIGN32 UINT32_C(0x80000000)
#define SIGN64 UINT64_C(0x8000000000000000)

bool fp_soft_execute(struct hart *h, enum insn_id id, unsigned rm, unsigned rd, unsigned rs1, unsigned rs2,
                     unsigned rs3)
{
    enum insn_format format = insn_rows[id].format;
    if (format == FMT_FRM || format == FMT_F4 || format == FMT_FTOX || format == FMT_XTOF) {
        if (rm == DYNAMIC)
            rm = (unsigned)h->csr.frm;
        if (rm > SF_RMM)
            return false;
    }
    uint32_t a = unboxed(h->f[rs1]), b = unboxed(h->f[rs2]), c = unboxed(h->f[rs3]);
    uint64_t A = h->f[rs1], B = h->f[rs2], C = h->f[rs3], X = rs1 < 32 ? h->x[rs1] : 0;
    unsigned fl = 0;
    uint64_t v = 0;

    /* clang-format off */
#define S(name, e) case INSN_##name##_s: v = BOX(e); break;
#define D(name, e) case INSN_##name##_d: v = (e); break;
#define I(name, e) case INSN_##name: v = (uint64_t)(e); break;
    switch ((unsigned)id) {
    S(fadd, sf32_add(a, b, rm, &fl))
    D(fadd, sf64_add(A, B, rm, &fl))
    S(fsub, sf32_sub(a, b, rm, &fl))
    D(fsub, sf64_sub(A, B, rm, &fl))
    S(fmul, sf32_mul(a, b, rm, &fl))
    D(fmul, sf64_mul(A, B, rm, &fl))
    S(fdiv, sf32_div(a, b, rm, &fl))
    D(fdiv, sf64_div(A, B, rm, &fl))
    S(fsqrt, sf32_sqrt(a, rm, &fl))
    D(fsqrt, sf64_sqrt(A, rm, &fl))
    S(fmadd, sf32_fma(a, b, c, rm, &fl))
    D(fmadd, sf64_fma(A, B, C, rm, &fl))
    S(fmsub, sf32_fma(a, b, c ^ SIGN32, rm, &fl))
    D(fmsub, sf64_fma(A, B, C ^ SIGN64, rm, &fl))
    S(fnmsub, sf32_fma(a ^ SIGN32, b, c, rm, &fl))
    D(fnmsub, sf64_fma(A ^ SIGN64, B, C, rm, &fl))
    S(fnmadd, sf32_fma(a ^ SIGN32, b, c ^ SIGN32, rm, &fl))
    D(fnmadd, sf64_fma(A ^ SIGN64, B, C ^ SIGN64, rm, &fl))
    S(fmin, sf32_min(a, b, &fl))
    D(fmin, sf64_min(A, B, &fl))
    S(fmax, sf32_max(a, b, &fl))
    D(fmax, sf64_max(A, B, &fl))
    I(feq_s, sf32_eq(a, b, &fl))
    I(feq_d, sf64_eq(A, B, &fl))
    I(flt_s, sf32_lt(a, b, &fl))
    I(flt_d, sf64_lt(A, B, &fl))
    I(fle_s, sf32_le(a, b, &fl))
    I(fle_d, sf64_le(A, B, &fl))
    I(fcvt_w_s, sf32_to_i32(a, rm, &fl))
    I(fcvt_w_d, sf64_to_i32(A, rm, &fl))
    I(fcvt_wu_s, sf32_to_u32(a, rm, &fl))
    I(fcvt_wu_d, sf64_to_u32(A, rm, &fl))
    I(fcvt_l_s, sf32_to_i64(a, rm, &fl))
    I(fcvt_l_d, sf64_to_i64(A, rm, &fl))
    I(fcvt_lu_s, sf32_to_u64(a, rm, &fl))
    I(fcvt_lu_d, sf64_to_u64(A, rm, &fl))
    I(fcvt_s_w, BOX(sf32_from_i32((int32_t)X, rm, &fl)))
    I(fcvt_d_w, sf64_from_i32((int32_t)X, rm, &fl))
    I(fcvt_s_wu, BOX(sf32_from_u32((uint32_t)X, rm, &fl)))
    I(fcvt_d_wu, sf64_from_u32((uint32_t)X, rm, &fl))
    I(fcvt_s_l, BOX(sf32_from_i64((int64_t)X, rm, &fl)))
    I(fcvt_d_l, sf64_from_i64((int64_t)X, rm, &fl))
    I(fcvt_s_lu, BOX(sf32_from_u64(X, rm, &fl)))
    I(fcvt_d_lu, sf64_from_u64(X, rm, &fl))
    I(fcvt_s_d, BOX(sf64_to_sf32(A, rm, &fl)))
    I(fcvt_d_s, sf32_to_sf64(a, rm, &fl))
        /* clang-format on */
    }
#undef S
#undef D
#undef I
    if (format == FMT_FX || format == FMT_FTOX)
        h->x[rd] = v;
    else
        h->f[rd] = v;
    if (fl) {
        h->fflags |= fl;
        if ((format == FMT_FX || format == FMT_FTOX) && (h->fetch->context & FETCH_FP_FRM) == FETCH_FP_CLEAN)
            fp_make_dirty(h);
    }
    return true;
}
