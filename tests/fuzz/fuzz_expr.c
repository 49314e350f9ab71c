/* SPDX-License-Identifier: MIT */
/*
 * The debugger's expressions: the input is one, behind a byte of flags. Names, registers and memory answer from a world of the target's own, some with an
 * error. What is parsed must parse again from its own text to the same value; a condition must change nothing; values are extended by their types.
 */
#include "fuzz.h"

#include "monitor/debug/expr.h"

enum { MEMORY = 64 };

struct world {
    uint64_t reg[2];
    uint8_t mem[MEMORY];
    unsigned writes;
    bool refuses; /* every other access fails */
    unsigned accesses;
};

static bool refused(struct world *w, struct err *e)
{
    if (!w->refuses || w->accesses++ % 2)
        return false;
    err_set(e, -1, "refused");
    return true;
}

static enum expr_found get_name(void *ctx, const char *name, struct expr_ref *ref, struct expr_value *v, struct err *e)
{
    ref->a++;
    if (refused(ctx, e))
        return EXPR_FAILED;
    if (name[0] == 'p')
        v->type = (struct expr_type){.size = 4, .depth = 1};
    v->v = name[0] * 3u;
    return name[0] == 'u' ? EXPR_UNKNOWN : EXPR_FOUND;
}

static enum expr_found get_reg(void *ctx, const char *name, const char *field, struct expr_ref *ref, uint64_t *v,
                               struct err *e)
{
    struct world *w = ctx;
    ref->b++;
    if (name[0] != 'a' || (field && field[0] != 'f'))
        return EXPR_UNKNOWN;
    if (refused(w, e))
        return EXPR_FAILED;
    *v = field ? w->reg[1] & 15 : w->reg[1];
    return EXPR_FOUND;
}

static enum expr_found set_reg(void *ctx, const char *name, const char *field, struct expr_ref *ref, uint64_t v,
                               struct err *e)
{
    struct world *w = ctx;
    uint64_t old;
    enum expr_found found = get_reg(ctx, name, field, ref, &old, e);
    if (found == EXPR_FOUND) {
        w->reg[1] = v;
        w->writes++;
    }
    return found;
}

static bool read_memory(void *ctx, enum expr_space space, uint64_t addr, unsigned size, uint64_t *v, struct err *e)
{
    struct world *w = ctx;
    FUZZ_CHECK(size == 1 || size == 2 || size == 4 || size == 8, "%u bytes", size);
    FUZZ_CHECK(space <= EXPR_HPA, "space %u", (unsigned)space);
    *v = 0;
    if (refused(w, e))
        return false;
    for (unsigned i = 0; i < size; i++)
        *v |= (uint64_t)w->mem[(addr + i + space) % MEMORY] << 8 * i;
    return true;
}

static bool write_memory(void *ctx, enum expr_space space, uint64_t addr, unsigned size, uint64_t v, struct err *e)
{
    struct world *w = ctx;
    uint64_t old;
    if (!read_memory(ctx, space, addr, size, &old, e))
        return false;
    for (unsigned i = 0; i < size; i++)
        w->mem[(addr + i + space) % MEMORY] = (uint8_t)(v >> 8 * i);
    w->writes++;
    return true;
}

static const char *nearest(void *ctx, enum expr_name_kind kind, const char *name, const char *reg)
{
    struct expr_nearest n = {.name = name};
    (void)ctx, (void)kind;
    expr_nearest_offer(&n, "mstatus");
    expr_nearest_offer(&n, "a0");
    expr_nearest_offer(&n, reg);
    return n.best;
}

static const char *symbol_at(void *ctx, uint64_t addr, uint64_t *offset)
{
    (void)ctx;
    *offset = addr % 16;
    return addr % 3 ? "symbol" : NULL;
}

static void check_value(const struct expr_value *v, const struct expr_env *env)
{
    static const char formats[] = "\0xduotzcasfq";
    const struct expr_type *t = &v->type;
    FUZZ_CHECK(t->depth || t->size == 1 || t->size == 2 || t->size == 4 || t->size == 8, "a value of %u bytes",
               t->size);
    FUZZ_CHECK(v->space <= EXPR_HPA, "space %u", v->space);
    if (!t->depth && !v->count) { /* the value of a @ b is where they lie */
        uint64_t extended = t->is_signed ? (uint64_t)sign_extend(v->v, 8u * t->size) : v->v & MASK(8 * t->size - 1, 0);
        FUZZ_CHECK(v->v == extended, "%llx of %u bytes", (unsigned long long)v->v, t->size);
        FUZZ_CHECK(!t->is_bool || v->v <= 1, "a bool of %llx", (unsigned long long)v->v);
    }
    for (unsigned i = 0; i + 1 < sizeof formats; i++) {
        char buf[1024], tiny[4];
        struct err e = {.text = ""};
        int n = expr_format(buf, sizeof buf, v, formats[i], env, &e);
        FUZZ_CHECK(n >= 0 ? n == (int)strlen(buf) : e.text[0] != 0, "/%c: %d", formats[i], n);
        (void)expr_format(tiny, sizeof tiny, v, formats[i], env, NULL);
    }
}

static bool same(const struct expr_value *a, const struct expr_value *b)
{
    const struct expr_type *s = &a->type, *t = &b->type;
    return a->v == b->v && a->space == b->space && a->count == b->count && s->c == t->c && s->size == t->size &&
           s->depth == t->depth && s->is_signed == t->is_signed && s->is_bool == t->is_bool &&
           s->is_char == t->is_char && s->hex == t->hex;
}

/* Twice on the same world, then from its own text. */
static void check_condition(struct expr *x, struct expr_env *env, struct world *w)
{
    struct expr_value v, again;
    bool truth;
    struct err e = {.text = ""};
    bool ok = expr_eval(x, env, &v, &e);
    FUZZ_CHECK(ok || e.text[0], "failed without a word why: %s", expr_text(x));
    FUZZ_CHECK(!w->writes, "a condition wrote: %s", expr_text(x));
    if (w->refuses)
        return;
    FUZZ_CHECK(expr_test(x, env, &truth, NULL) == ok && (!ok || truth == (v.v != 0)), "%s", expr_text(x));
    struct expr *y = expr_parse(expr_text(x), EXPR_PURE, NULL, &e);
    FUZZ_CHECK(y, "%s: does not parse again: %s", expr_text(x), e.text);
    FUZZ_CHECK(expr_eval(y, env, &again, NULL) == ok && (!ok || same(&v, &again)), "%s", expr_text(x));
    expr_free(y);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct world w = {.reg = {7, 0x1234567890}};
    struct expr_vars vars = {0};
    struct expr_env env = {get_name, get_reg, set_reg, read_memory, write_memory, nearest, symbol_at, &w, &vars};
    struct err e = {.text = ""};
    if (!size)
        return 0;
    unsigned flags = data[0];
    char *text = malloc(size);
    if (!text)
        return 0;
    memcpy(text, data + 1, size - 1);
    text[size - 1] = 0;
    for (unsigned i = 0; i < MEMORY; i++)
        w.mem[i] = (uint8_t)(i * 7);
    w.refuses = flags & 2;
    (void)expr_vars_keep(&vars, &(struct expr_value){.v = 5, .type = EXPR_TYPE_LONG});
    const char *end = NULL;
    struct expr *x = expr_parse(text, flags & 1 ? EXPR_PURE : 0, flags & 4 ? &end : NULL, &e);
    FUZZ_CHECK(x || e.text[0], "refused without a word why");
    if (x) {
        FUZZ_CHECK(!end || (end >= text && end <= text + strlen(text)), "ends outside its text");
        if (flags & 1)
            check_condition(x, &env, &w);
        for (unsigned i = 0; i < 3; i++) {
            struct expr_value v;
            e.text[0] = 0;
            if (expr_eval(x, &env, &v, &e))
                check_value(&v, &env);
            else
                FUZZ_CHECK(e.text[0], "failed without a word why: %s", expr_text(x));
        }
    }
    expr_free(x);
    expr_vars_free(&vars);
    free(text);
    return 0;
}
