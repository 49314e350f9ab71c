/* SPDX-License-Identifier: MIT */
/* Which operations get one handler for several of them: pairs and runs (fuse.inc), and whole loops (loops.inc). */
#include <string.h>

#include "cpu/op.h"

/* The files of registers that an instruction writes and reads: 'x', 'f', or 0 for neither; and whether it may stop before it is done. */
struct shape {
    char result, from[3];
    bool stops;
};

static struct shape shape_of(enum insn_id id)
{
    switch (insn_rows[id].format) {
    case FMT_R: return (struct shape){'x', {'x', 'x'}, false};
    case FMT_R1:
    case FMT_I:
    case FMT_SH: return (struct shape){'x', {'x'}, false};
    case FMT_L: return (struct shape){'x', {'x'}, true};
    case FMT_U: return (struct shape){'x', {0}, false};
    case FMT_S:
    case FMT_B: return (struct shape){0, {'x', 'x'}, true};
    case FMT_FL: return (struct shape){'f', {'x'}, true};
    case FMT_FS: return (struct shape){0, {'x', 'f'}, true};
    case FMT_FR:
    case FMT_FRM: return (struct shape){'f', {'f', 'f'}, false};
    case FMT_F4: return (struct shape){'f', {'f', 'f', 'f'}, false};
    case FMT_J:
    case FMT_FENCE:
    case FMT_FVMA:
    case FMT_NONE:
    case FMT_AMO:
    case FMT_HLV:
    case FMT_HSV:
    case FMT_CBO:
    case FMT_CSR:
    case FMT_CSRI:
    case FMT_FX:
    case FMT_FTOX:
    case FMT_XTOF:
    case FMT_XF: break;
    }
    return (struct shape){0, {0}, false};
}

/* The same for x registers alone, as far as runs go. */
enum uses { USES_RS1 = 1, USES_RS2 = 2, WRITES_RD = 4, MAY_STOP = 8 };

void fuse_init(struct code_cache *c)
{
    for (unsigned id = 0; id < INSN_COUNT; id++) {
        struct shape s = shape_of((enum insn_id)id);
        c->run_uses[id] = (uint8_t)((s.from[0] == 'x' ? USES_RS1 : 0) | (s.from[1] == 'x' ? USES_RS2 : 0) |
                                    (s.result == 'x' ? WRITES_RD : 0) | (s.stops ? MAY_STOP : 0));
    }
}

static unsigned source_of(const struct op *run, const unsigned *uses, unsigned k, uint8_t reg)
{
    while (k--)
        if (uses[k] & WRITES_RD && run[k].rd == reg)
            return RUN_FROM_A + k;
    return RUN_FROM_M;
}

/* The longest fused run that the operations begin with, of a length that is set in lengths; its length in *len. NULL: none. */
static handler *find_run(const struct code_cache *c, const struct op *run, const uint8_t *ids, unsigned lengths,
                         unsigned *len)
{
    unsigned uses[RUN_MAX], from1[RUN_MAX];
    uint64_t key = 0, keys[RUN_MAX];
    unsigned n = 31 - (unsigned)__builtin_clz(lengths);
    for (unsigned k = 0; k < n; k++) {
        const struct op *op = &run[k];
        unsigned from2 = RUN_FROM_N, u = uses[k] = c->run_uses[ids[k]];
        from1[k] = u & USES_RS1 ? source_of(run, uses, k, op->rs1) : RUN_FROM_N;
        if (from1[k] == RUN_FROM_M && u & WRITES_RD && op->rs1 == op->rd)
            from1[k] = RUN_FROM_P;
        if (u & USES_RS2)
            from2 = source_of(run, uses, k, op->rs2);
        /* Earlier results that this one replaces are not written, if no one could come to see them. */
        for (unsigned j = k; u & WRITES_RD && j--;) {
            if (uses[j] & WRITES_RD && run[j].rd == op->rd && (!(u & MAY_STOP) || from1[k] == RUN_FROM_A + j))
                key = (key & ~((uint64_t)3 << (16 * j + 14))) | (uint64_t)RUN_RESULT_D << (16 * j + 14);
            if (uses[j] & MAY_STOP)
                break;
        }
        key |= (uint64_t)RUN_KEY(ids[k], from1[k], from2, u & WRITES_RD ? RUN_RESULT_W : RUN_RESULT_N) << 16 * k;
        keys[k] = key;
    }
    for (; n >= 2; n--) {
        if (!(lengths & BIT(n)))
            continue;
        for (unsigned slot = run_slot(keys[n - 1]); c->runs[slot].fn; slot = (slot + 1) % RUN_SLOTS) {
            if (c->runs[slot].key == keys[n - 1]) {
                *len = n;
                return c->runs[slot].fn;
            }
        }
    }
    return NULL;
}

/* The lengths of the runs that these instructions may begin: few sequences of them begin one, so the operands need not be looked at. */
static unsigned run_lengths(const struct code_cache *c, const uint8_t *ids, unsigned count)
{
    unsigned lengths = c->run_lengths[ids[0] * INSN_COUNT + ids[1]];
    uint64_t key = ids[0] | (uint64_t)ids[1] << 16;
    for (unsigned n = 3; n <= RUN_MAX && lengths >> n; n++) {
        if (n > count)
            return lengths & ((1u << n) - 1);
        key |= (uint64_t)ids[n - 1] << 16 * (n - 1);
        unsigned at = run_slot(key);
        if (!(c->run_ids[at / 64] & BIT(at % 64)))
            lengths &= ~(1u << n);
    }
    return lengths;
}

void fuse_ops(const struct code_cache *c, struct op *ops, const uint8_t *ids, unsigned n)
{
    for (unsigned k = 0; k + 1 < n; k++) {
        struct op *op = &ops[k];
        unsigned lengths = run_lengths(c, ids + k, n - k), len = 0;
        handler *run = lengths ? find_run(c, op, ids + k, lengths, &len) : NULL;
        if (run) {
            op->fn = run;
            k += len - 1;
            continue;
        }
        handler **f = c->fused[ids[k] * INSN_COUNT + ids[k + 1]];
        if (!f[0])
            continue;
        op->fn = f[1] && op[1].rs1 == op->rd ? f[1] : f[2] && op[1].rs2 == op->rd ? f[2] : f[0];
        k++;
    }
}

/* ---- loops ---- */

static bool commutes(enum insn_id id)
{
    return id == INSN_beq || id == INSN_bne || id == INSN_add || id == INSN_addw || id == INSN_and || id == INSN_or ||
           id == INSN_xor || id == INSN_mul || id == INSN_mulw;
}

/* The letter of a register: that of the first operation that writes it. */
static uint8_t letter(const struct op *ops, const struct shape *shapes, unsigned n, char file, unsigned reg)
{
    if (!file)
        return LOOP_N;
    for (unsigned k = 0; k < n; k++)
        if (shapes[k].result == file && ops[k].rd == reg)
            return (uint8_t)(LOOP_A + k);
    return LOOP_M;
}

bool fuse_loop(const struct code_cache *c, struct op *ops, const uint8_t *ids, unsigned n)
{
    struct shape shapes[LOOP_MAX];
    struct loop_op key[LOOP_MAX] = {0};
    bool exchanged[LOOP_MAX] = {false};
    if (n > LOOP_MAX)
        return false;
    for (unsigned k = 0; k < n; k++)
        shapes[k] = shape_of(ids[k]);
    for (unsigned k = 0; k < n; k++) {
        const unsigned regs[] = {ops[k].rs1, ops[k].rs2, (unsigned)ops[k].imm & 31};
        key[k] = (struct loop_op){ids[k], letter(ops, shapes, n, shapes[k].result, ops[k].rd), {0}};
        for (unsigned i = 0; i < 3; i++)
            key[k].from[i] = letter(ops, shapes, n, shapes[k].from[i], regs[i]);
        if (commutes(ids[k]) && key[k].from[0] > key[k].from[1]) {
            uint8_t first = key[k].from[0];
            key[k].from[0] = key[k].from[1];
            key[k].from[1] = first;
            exchanged[k] = true;
        }
    }
    for (unsigned i = 0; i < c->nloops; i++) {
        const struct loop *l = &c->handlers->loops[i];
        if (memcmp(l->op, key, sizeof key) != 0)
            continue;
        for (unsigned k = 0; k < n; k++) {
            if (exchanged[k]) {
                uint8_t first = ops[k].rs1;
                ops[k].rs1 = ops[k].rs2;
                ops[k].rs2 = first;
            }
        }
        ops[0].fn = l->fn;
        return true;
    }
    return false;
}
