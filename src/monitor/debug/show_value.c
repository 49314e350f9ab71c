/* SPDX-License-Identifier: MIT */
/* How values of the program's types look: structs and arrays in braces, strings, names of an enum, what a pointer leads to. */
#include "monitor/debug/repl_int.h"

#include "monitor/debug/ctype.h"
#include "symbols.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum {
    ELEMENTS = 200, /* of arrays, strings and structs in one value */
    REPEATS = 10,   /* so many equal elements are told once */
    DEPTH = 12
};

struct shower {
    struct repl *r;
    struct expr_env env;
    char letter;
    unsigned left; /* elements that may still be shown */
};

static int show(struct shower *s, const struct expr_value *v, bool top, unsigned depth, struct err *e);

/* The value of that type at an address. */
static int fetch_as(struct shower *s, uint64_t addr, uint8_t space, const struct expr_type *t, struct expr_value *v,
                    struct err *e)
{
    *v = (struct expr_value){.v = addr, .type = *t, .space = space};
    uint64_t size = t->depth ? 8 : t->size, word = 0;
    if (expr_type_is_aggregate(t) || !size)
        return 0;
    if (!s->env.read(s->env.ctx, (enum expr_space)space, addr, (unsigned)size, &word, e))
        return -EFAULT;
    v->v = !t->depth && t->is_signed && size < 8 ? (uint64_t)sign_extend(word, (unsigned)(8 * size)) : word;
    return 0;
}

/* The same of a member, which may be a bit-field. */
static int fetch(struct shower *s, uint64_t addr, uint8_t space, const struct ctype_member *m, struct expr_value *v,
                 struct err *e)
{
    struct expr_type t = expr_type_of(m->type);
    uint64_t word = 0;
    if (!m->bits)
        return fetch_as(s, addr, space, &t, v, e);
    *v = (struct expr_value){.v = addr, .type = t, .space = space};
    for (unsigned i = 0; i < m->bits; i++) {
        uint64_t byte;
        if (!s->env.read(s->env.ctx, (enum expr_space)space, addr + (m->bit + i) / 8, 1, &byte, e))
            return -EFAULT;
        word |= (byte >> (m->bit + i) % 8 & 1) << i;
    }
    v->v = t.is_signed ? (uint64_t)sign_extend(word, m->bits) : word;
    return 0;
}

static void show_char(struct shower *s, unsigned char c)
{
    static const char plain[] = "\a\b\f\n\r\t\v\\\"", written[] = "abfnrtv\\\"";
    const char *found = c ? strchr(plain, c) : NULL;
    if (found)
        out_printf(s->r->out, "\\%c", written[found - plain]);
    else if (c >= 0x20 && c < 0x7f)
        out_printf(s->r->out, "%c", c);
    else
        out_printf(s->r->out, "\\%03o", c);
}

/* An array of characters, without the zeros at its end. */
static int show_text(struct shower *s, uint64_t addr, uint8_t space, uint64_t count, struct err *e)
{
    uint8_t text[ELEMENTS];
    uint64_t n = min_u64(count, sizeof text), used = 0;
    for (uint64_t i = 0; i < n; i++) {
        uint64_t byte;
        if (!s->env.read(s->env.ctx, (enum expr_space)space, addr + i, 1, &byte, e))
            return -EFAULT;
        text[i] = (uint8_t)byte;
        used = byte ? i + 1 : used;
    }
    out_puts(s->r->out, "\"");
    for (uint64_t i = 0; i < used; i++)
        show_char(s, text[i]);
    out_puts(s->r->out, count > n ? "\"..." : "\"");
    return 0;
}

/* So many values of that type, one behind the other. */
static int show_elements(struct shower *s, uint64_t addr, uint8_t space, const struct expr_type *t, uint64_t count,
                         unsigned depth, struct err *e)
{
    uint64_t size = expr_type_size(t);
    struct expr_value x, next;
    struct err ignored;
    if (t->is_char && !t->depth && !s->letter)
        return show_text(s, addr, space, count, e);
    out_puts(s->r->out, "{");
    for (uint64_t i = 0; i < count && size && !out_cancelled(s->r->out); i++) {
        if (!s->left) {
            out_puts(s->r->out, "...");
            break;
        }
        s->left--;
        out_puts(s->r->out, i ? ", " : "");
        if (fetch_as(s, addr + i * size, space, t, &x, e) || show(s, &x, false, depth, e))
            return -EFAULT;
        if (expr_type_is_aggregate(t))
            continue;
        uint64_t same = 1;
        while (i + same < count && !out_cancelled(s->r->out) &&
               !fetch_as(s, addr + (i + same) * size, space, t, &next, &ignored) && next.v == x.v)
            same++;
        if (same >= REPEATS) {
            out_printf(s->r->out, " <repeats %" PRIu64 " times>", same);
            i += same - 1;
        }
    }
    out_puts(s->r->out, "}");
    return 0;
}

static int show_array(struct shower *s, const struct expr_value *v, unsigned depth, struct err *e)
{
    struct expr_type t = expr_type_of(ctype_target(v->type.c));
    return show_elements(s, v->v, v->space, &t, v->type.c->count, depth, e);
}

static int show_struct(struct shower *s, const struct expr_value *v, unsigned depth, struct err *e)
{
    struct ctype_member m;
    out_puts(s->r->out, "{");
    for (unsigned i = 0; ctype_member(v->type.c, i, &m); i++) {
        struct expr_value x;
        if (!s->left) {
            out_puts(s->r->out, "...");
            break;
        }
        s->left--;
        out_printf(s->r->out, "%s%s%s", i ? ", " : "", m.name ? m.name : "", m.name ? " = " : "");
        if (fetch(s, v->v + m.offset, v->space, &m, &x, e) || show(s, &x, false, depth, e))
            return -EFAULT;
    }
    out_puts(s->r->out, "}");
    return 0;
}

static void show_enum(struct shower *s, const struct expr_value *v)
{
    const char *name;
    int64_t value;
    unsigned n = 8u * v->type.size;
    for (unsigned i = 0; ctype_constant(v->type.c, i, &name, &value); i++)
        if (((uint64_t)value & MASK(n - 1, 0)) == (v->v & MASK(n - 1, 0))) {
            out_puts(s->r->out, name);
            return;
        }
    out_printf(s->r->out, v->type.is_signed ? "%" PRId64 : "%" PRIu64, v->v);
}

static int show_pointer(struct shower *s, const struct expr_value *v, bool top, struct err *e)
{
    char name[128], text[900];
    struct expr_value byte;
    struct err ignored;
    const struct expr_type *t = &v->type;
    bool text_follows = t->depth == 1 && t->is_char && v->v;
    if (top && !text_follows)
        out_printf(s->r->out, "(%s) ", expr_type_name(t, name, sizeof name));
    show_address(s->r, v->v);
    const struct ctype_member first = {.type = t->c};
    if (text_follows && t->c && !fetch(s, v->v, v->space, &first, &byte, &ignored) &&
        expr_format(text, sizeof text, v, 's', &s->env, e) > 0)
        out_printf(s->r->out, " %s", text);
    return 0;
}

static void show_code_symbol(struct repl *r, uint64_t addr)
{
    struct symbol_info info;
    if (symbols_find(machine_symbols(debugger_machine(r->d)), addr, &info) && info.kind == SYMBOL_FUNCTION)
        show_symbol(r, addr);
}

static int show(struct shower *s, const struct expr_value *v, bool top, unsigned depth, struct err *e)
{
    char text[512];
    const struct expr_type *t = &v->type;
    if (out_cancelled(s->r->out))
        return 0;
    if (expr_type_is_aggregate(t)) {
        if (!depth)
            return out_puts(s->r->out, "{...}"), 0;
        if (t->c->kind == CTYPE_FUNCTION)
            return show_address(s->r, v->v), 0;
        return t->c->kind == CTYPE_ARRAY ? show_array(s, v, depth - 1, e) : show_struct(s, v, depth - 1, e);
    }
    if (!t->depth && !t->size)
        return out_puts(s->r->out, "?"), 0;
    if (!s->letter && t->depth)
        return show_pointer(s, v, top, e);
    if (!s->letter && t->c && t->c->kind == CTYPE_ENUM)
        return show_enum(s, v), 0;
    bool real = !s->letter && t->c && t->c->kind == CTYPE_FLOAT;
    if (expr_format(text, sizeof text, v, real ? 'f' : s->letter, &s->env, e) < 0)
        return -EINVAL;
    out_puts(s->r->out, text);
    if (top && !s->letter && t->hex) /* $pc, $ra, $stvec: an address of code */
        show_code_symbol(s->r, v->v);
    return 0;
}

int show_value(struct repl *r, const struct expr_value *v, char letter, bool top, struct err *e)
{
    const bool many = v->count || expr_type_is_aggregate(&v->type);
    /* s asks for strings where there are any: all else as it is. */
    struct shower s = {.r = r, .letter = letter == 's' && many ? 0 : letter, .left = ELEMENTS};
    repl_env(r, &s.env);
    if (v->count)
        return show_elements(&s, v->v, v->space, &v->type, v->count, DEPTH, e);
    return show(&s, v, top, DEPTH, e);
}
