/* SPDX-License-Identifier: MIT */
/* Values apart from expressions: how they print, convenience variables and history, and names that come near. */
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "monitor/debug/ctype.h"
#include "monitor/debug/expr.h"

/* ---- types ---- */

struct expr_type expr_type_of(const struct ctype *c)
{
    struct expr_type t = {0};
    for (; c && c->kind == CTYPE_POINTER && t.depth < 64; c = ctype_target(c))
        t.depth++;
    if (!c || c->kind == CTYPE_VOID || c->kind == CTYPE_POINTER)
        return t;
    t.c = c;
    bool fits = c->size == 1 || c->size == 2 || c->size == 4 || c->size == 8;
    switch (c->kind) {
    case CTYPE_CHAR:
    case CTYPE_INT:
    case CTYPE_ENUM:
    case CTYPE_FLOAT:
    case CTYPE_BOOL:
        t.is_char = c->kind == CTYPE_CHAR;
        t.is_bool = c->kind == CTYPE_BOOL;
        t.is_signed = c->is_signed;
        t.size = fits ? (uint8_t)c->size : 0;
        break;
    case CTYPE_VOID:
    case CTYPE_POINTER:
    case CTYPE_ARRAY:
    case CTYPE_STRUCT:
    case CTYPE_UNION:
    case CTYPE_FUNCTION: break;
    }
    return t;
}

uint64_t expr_type_size(const struct expr_type *t)
{
    return t->depth ? 8 : t->c ? ctype_size(t->c) : t->size;
}

bool expr_type_is_aggregate(const struct expr_type *t)
{
    return !t->depth && t->c &&
           (t->c->kind == CTYPE_STRUCT || t->c->kind == CTYPE_UNION || t->c->kind == CTYPE_ARRAY ||
            t->c->kind == CTYPE_FUNCTION);
}

/* ---- formats ---- */

/* Bytes of the value itself: a pointer's are 8. */
static unsigned width(const struct expr_value *v)
{
    return v->type.depth || !v->type.size ? 8 : v->type.size;
}

static uint64_t unsigned_bits(const struct expr_value *v)
{
    return v->v & MASK(8 * width(v) - 1, 0);
}

/* A character as C writes it, without quotes. */
static const char *escape(unsigned char c, char quote, char buf[8])
{
    static const char plain[] = "\a\b\f\n\r\t\v\\", written[] = "abfnrtv\\";
    const char *found = c ? strchr(plain, c) : NULL;
    if (found)
        snprintf(buf, 8, "\\%c", written[found - plain]);
    else if (c == (unsigned char)quote)
        snprintf(buf, 8, "\\%c", quote);
    else if (c >= 0x20 && c < 0x7f)
        snprintf(buf, 8, "%c", c);
    else
        snprintf(buf, 8, "\\%03o", c);
    return buf;
}

static int format_binary(char *buf, size_t size, uint64_t v)
{
    char digits[65], *s = digits + 64;
    *s = 0;
    do
        *--s = (char)('0' + (v & 1));
    while (v >>= 1);
    return snprintf(buf, size, "%s", s);
}

static int format_char(char *buf, size_t size, const struct expr_value *v)
{
    char c[8];
    return snprintf(buf, size, "%" PRId64 " '%s'", v->type.is_signed ? sign_extend(v->v, 8) : (int64_t)(v->v & 0xff),
                    escape((unsigned char)v->v, '\'', c));
}

static int format_address(char *buf, size_t size, const struct expr_value *v, const struct expr_env *env)
{
    uint64_t off = 0;
    const char *s = env && env->symbol_at ? env->symbol_at(env->ctx, v->v, &off) : NULL;
    if (!s)
        return snprintf(buf, size, "0x%" PRIx64, v->v);
    if (!off)
        return snprintf(buf, size, "0x%" PRIx64 " <%s>", v->v, s);
    return snprintf(buf, size, "0x%" PRIx64 " <%s+%" PRIu64 ">", v->v, s, off);
}

/* The string at the value: at most 200 characters of it, then "...". */
static int format_string(char *buf, size_t size, const struct expr_value *v, const struct expr_env *env, struct err *e)
{
    enum { LONGEST = 200 };
    char text[4 * LONGEST + 8] = "\"", c[8];
    size_t n = 1;
    uint64_t byte = 1;
    for (unsigned i = 0; i < LONGEST; i++) {
        if (!env || !env->read || !env->read(env->ctx, (enum expr_space)v->space, v->v + i, 1, &byte, i ? NULL : e)) {
            if (i)
                break;
            return !env || !env->read ? err_set(e, -1, "there is no memory to read a string from") : -1;
        }
        if (!byte)
            break;
        n += (size_t)snprintf(text + n, sizeof text - n, "%s", escape((unsigned char)byte, '"', c));
    }
    return snprintf(buf, size, "%s\"%s", text, byte ? "..." : "");
}

static int format_float(char *buf, size_t size, const struct expr_value *v, struct err *e)
{
    float f;
    double d;
    switch (width(v)) {
    case 4: memcpy(&f, &v->v, sizeof f); return snprintf(buf, size, "%.9g", (double)f);
    case 8: memcpy(&d, &v->v, sizeof d); return snprintf(buf, size, "%.17g", d);
    default: return err_set(e, -1, "/f shows values of 4 and 8 bytes: cast it to uint32_t or uint64_t");
    }
}

static int format_naturally(char *buf, size_t size, const struct expr_value *v)
{
    char name[64];
    const struct expr_type *t = &v->type;
    if (t->depth)
        return snprintf(buf, size, "(%s) 0x%" PRIx64, expr_type_name(t, name, sizeof name), v->v);
    if (t->is_bool)
        return snprintf(buf, size, "%s", v->v ? "true" : "false");
    if (t->is_char)
        return format_char(buf, size, v);
    if (t->hex)
        return snprintf(buf, size, "0x%" PRIx64, unsigned_bits(v));
    if (t->is_signed)
        return snprintf(buf, size, "%" PRId64, (int64_t)v->v);
    return snprintf(buf, size, "%" PRIu64, v->v);
}

int expr_format(char *buf, size_t size, const struct expr_value *v, char fmt, const struct expr_env *env, struct err *e)
{
    unsigned bytes = width(v);
    uint64_t u = unsigned_bits(v);
    switch (fmt) {
    case 0: return format_naturally(buf, size, v);
    case 'x': return snprintf(buf, size, "0x%" PRIx64, u);
    case 'z': return snprintf(buf, size, "0x%0*" PRIx64, (int)(2 * bytes), u);
    case 'd': return snprintf(buf, size, "%" PRId64, sign_extend(u, 8 * bytes));
    case 'u': return snprintf(buf, size, "%" PRIu64, u);
    case 'o': return snprintf(buf, size, "%#" PRIo64, u);
    case 't': return format_binary(buf, size, u);
    case 'c': return format_char(buf, size, v);
    case 'a': return format_address(buf, size, v, env);
    case 's': return format_string(buf, size, v, env, e);
    case 'f': return format_float(buf, size, v, e);
    default: return err_set(e, -1, "no format /%c: there are x d u o t z c a s f", fmt);
    }
}

const char *expr_type_name(const struct expr_type *t, char *buf, size_t size)
{
    const char *s = "void";
    char number[16], stars[16] = "", declared[96];
    if (t->c && t->depth && (t->c->kind == CTYPE_ARRAY || t->c->kind == CTYPE_FUNCTION)) {
        /* int (*)[4] */
        s = ctype_write(t->c, declared, sizeof declared);
        size_t at = strcspn(s, "[(");
        snprintf(buf, size, "%.*s(%.*s)%s", (int)at, s, t->depth, "********", s + at);
        return buf;
    }
    if (t->c) {
        s = ctype_write(t->c, declared, sizeof declared);
    } else if (t->is_bool) {
        s = "bool";
    } else if (t->is_char) {
        s = t->is_signed ? "signed char" : "char";
    } else if (t->size) {
        snprintf(number, sizeof number, "%sint%u_t", t->is_signed ? "" : "u", 8u * t->size);
        s = number;
    }
    for (unsigned i = 0; i < t->depth && i + 1 < sizeof stars; i++)
        stars[i] = '*', stars[i + 1] = 0;
    snprintf(buf, size, "%s%s%s", s, t->depth ? " " : "", stars);
    return buf;
}

/* ---- variables and history ---- */

enum { MAX_VARS = 4096, MAX_PAST = 1 << 20 };

void expr_vars_free(struct expr_vars *s)
{
    free(s->var);
    free(s->past);
    *s = (struct expr_vars){0};
}

static void forget_type(struct expr_value *v)
{
    if (v->type.c)
        v->type = EXPR_TYPE_WORD;
}

void expr_vars_forget_types(struct expr_vars *s)
{
    for (size_t i = 0; i < s->nvars; i++)
        forget_type(&s->var[i].value);
    for (size_t i = 0; i < s->npast; i++)
        forget_type(&s->past[i]);
}

static struct expr_var *find_var(const struct expr_vars *s, const char *name)
{
    for (size_t i = 0; i < s->nvars; i++)
        if (!strcmp(s->var[i].name, name))
            return &s->var[i];
    return NULL;
}

bool expr_vars_get(const struct expr_vars *s, const char *name, struct expr_value *v)
{
    const struct expr_var *found = find_var(s, name);
    if (found)
        *v = found->value;
    return found;
}

/* Room for one more of n things; capacities are powers of two, of 16 at least. */
static void *grow(void *p, size_t n, size_t each, size_t max)
{
    if (n >= max)
        return NULL;
    if (n && (n < 16 || !is_pow2(n)))
        return p;
    return realloc(p, (n ? 2 * n : 16) * each);
}

bool expr_vars_set(struct expr_vars *s, const char *name, const struct expr_value *v)
{
    struct expr_var *found = find_var(s, name);
    if (!found) {
        if (strlen(name) >= sizeof found->name || !(found = grow(s->var, s->nvars, sizeof *found, MAX_VARS)))
            return false;
        s->var = found;
        found += s->nvars++;
        strcpy(found->name, name);
    }
    found->value = *v;
    return true;
}

size_t expr_vars_keep(struct expr_vars *s, const struct expr_value *v)
{
    struct expr_value *past = grow(s->past, s->npast, sizeof *past, MAX_PAST);
    if (!past)
        return 0;
    s->past = past;
    past[s->npast] = *v;
    return ++s->npast;
}

/* ---- names that come near ---- */

enum { LONGEST_NAME = 40 };

/* How many characters must be put in, taken out, replaced or swapped with their neighbour to make b of a, case aside; lengths below LONGEST_NAME. */
static unsigned distance(const char *a, const char *b)
{
    unsigned char row[3][LONGEST_NAME + 1]; /* this row of the table of prefixes, and the two before it, in turns */
    size_t na = strlen(a), nb = strlen(b);
    for (size_t i = 0; i <= na; i++) {
        unsigned char *now = row[i % 3], *before = row[(i + 2) % 3], *earlier = row[(i + 1) % 3];
        now[0] = (unsigned char)i;
        for (size_t j = 1; j <= nb; j++) {
            if (!i) {
                now[j] = (unsigned char)j;
                continue;
            }
            char x = (char)tolower((unsigned char)a[i - 1]), y = (char)tolower((unsigned char)b[j - 1]);
            unsigned d = before[j - 1] + (x != y);
            d = before[j] + 1u < d ? before[j] + 1u : d;
            d = now[j - 1] + 1u < d ? now[j - 1] + 1u : d;
            if (i > 1 && j > 1 && x == tolower((unsigned char)b[j - 2]) && y == tolower((unsigned char)a[i - 2]) &&
                earlier[j - 2] + 1u < d)
                d = earlier[j - 2] + 1u;
            now[j] = (unsigned char)d;
        }
    }
    return row[na % 3][nb];
}

void expr_nearest_offer(struct expr_nearest *n, const char *candidate)
{
    size_t len = strlen(n->name), other = strlen(candidate);
    size_t gap = len > other ? len - other : other - len;
    if (!len || len >= LONGEST_NAME || other >= LONGEST_NAME || gap > 2)
        return;
    unsigned d = distance(n->name, candidate);
    /* A third of the name may be wrong: one letter of short ones. */
    if (d * 3 <= (len > 3 ? len : 3) && (!n->best || d < n->distance)) {
        n->best = candidate;
        n->distance = d;
    }
}
