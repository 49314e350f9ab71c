/* SPDX-License-Identifier: MIT */
#include "monitor/debug/expr_scan.h"

#include <ctype.h>
#include <string.h>

static bool name_start(char c)
{
    return isalpha((unsigned char)c) || c == '_';
}

bool expr_name_char(char c)
{
    return isalnum((unsigned char)c) || c == '_';
}

static void bad(struct token *t, const char *why)
{
    t->kind = T_BAD;
    t->why = why;
}

static int digit_value(char c)
{
    if (isdigit((unsigned char)c))
        return c - '0';
    return isxdigit((unsigned char)c) ? tolower((unsigned char)c) - 'a' + 10 : 99;
}

/* Digits with _ between them, then suffixes u and l. */
static void scan_number(struct scanner *p, struct token *t)
{
    const char *s = p->text + t->at, *digits;
    int base = 10;
    uint64_t v = 0;
    bool is_unsigned = false;
    t->kind = T_NUMBER;
    if (s[0] == '0' && (s[1] == 'x' || s[1] == 'X'))
        base = 16, s += 2;
    else if (s[0] == '0' && (s[1] == 'b' || s[1] == 'B'))
        base = 2, s += 2;
    else if (s[0] == '0')
        base = 8;
    for (digits = s; digit_value(*s) < base || (*s == '_' && s > digits); s++) {
        uint64_t d = *s == '_' ? 0 : (uint64_t)digit_value(*s);
        if (*s != '_' && (__builtin_mul_overflow(v, base, &v) || __builtin_add_overflow(v, d, &v)))
            bad(t, "a number of more than 64 bits");
    }
    if (s == digits || s[-1] == '_')
        bad(t, "expected digits");
    for (; *s == 'u' || *s == 'U' || *s == 'l' || *s == 'L'; s++)
        is_unsigned |= *s == 'u' || *s == 'U';
    if (expr_name_char(*s) && t->kind != T_BAD)
        bad(t, base == 8 ? "not a digit of an octal number (it begins with 0)" : "not a digit of this number");
    if (*s == '.' && isdigit((unsigned char)s[1]) && t->kind != T_BAD)
        bad(t, "a floating-point number: such values can be printed (print/f), but not be reckoned with");
    if (t->kind == T_BAD && expr_name_char(*s))
        t->wrong = (unsigned)(s - p->text);
    t->type = (struct expr_type){.size = 8, .is_signed = !is_unsigned && v <= INT64_MAX};
    t->value = v;
    p->pos = (unsigned)(s - p->text) + (t->kind == T_BAD && *s);
}

/* One character between quotes, escaped or not. */
static void scan_char(struct scanner *p, struct token *t)
{
    static const char escapes[] = "abfnrtve\\'\"?", means[] = "\a\b\f\n\r\t\v\033\\'\"?";
    const char *s = p->text + t->at + 1, *found;
    unsigned v = (unsigned char)*s;
    if (!v || v == '\'') {
        p->pos = t->at + 1;
        bad(t, "expected a character in quotes, as in 'a'");
        return;
    }
    s++;
    if (v == '\\' && *s == 'x') {
        for (v = 0, s++; isxdigit((unsigned char)*s) && v < 16; s++)
            v = v * 16 + (unsigned)digit_value(*s);
    } else if (v == '\\' && *s >= '0' && *s <= '7') {
        for (v = 0; *s >= '0' && *s <= '7' && v < 32; s++)
            v = v * 8 + (unsigned)digit_value(*s);
    } else if (v == '\\' && *s && (found = strchr(escapes, *s))) {
        v = (unsigned char)means[found - escapes];
        s++;
    }
    t->kind = T_NUMBER;
    t->value = v;
    t->type = (struct expr_type){.size = 1, .is_char = true};
    if (*s != '\'')
        bad(t, "expected the closing ' of a character");
    p->pos = (unsigned)(s - p->text) + (*s == '\'');
}

static void scan_dollar(struct scanner *p, struct token *t)
{
    const char *s = p->text + t->at + 1;
    bool back = *s == '$';
    s += back;
    if (!back && name_start(*s)) {
        t->kind = T_REG;
        while (expr_name_char(*s))
            s++;
        p->pos = (unsigned)(s - p->text);
        return;
    }
    int64_t n = back ? -1 : 0;
    if (isdigit((unsigned char)*s)) {
        for (n = 0; isdigit((unsigned char)*s) && n < 1000000000; s++)
            n = n * 10 + (*s - '0');
        if ((!n && !back) || expr_name_char(*s))
            bad(t, "expected a register, a variable or the number of a value behind $");
        n = back ? -n : n;
    }
    p->pos = (unsigned)(s - p->text);
    t->value = (uint64_t)n;
    if (t->kind != T_BAD)
        t->kind = T_HISTORY;
}

/* Does the dot at s belong to a name, where a compiler made it part of a symbol's (f.constprop.0, buf.1)? Else a member follows it. */
static bool is_suffix(const char *s)
{
    static const char *const words[] = {"constprop", "isra", "part", "cold", "lto_priv", "llvm", "localalias"};
    if (isdigit((unsigned char)s[1]))
        return true;
    for (unsigned i = 0; i < ARRAY_LEN(words); i++) {
        size_t n = strlen(words[i]);
        if (!strncmp(s + 1, words[i], n) && !expr_name_char(s[1 + n]))
            return true;
    }
    return false;
}

/* gva: and the like are prefixes. */
static void scan_name(struct scanner *p, struct token *t)
{
    static const char *const spaces[] = {[EXPR_GVA] = "gva", [EXPR_GPA] = "gpa", [EXPR_HPA] = "hpa"};
    const char *start = p->text + t->at, *s = start;
    while (expr_name_char(*s) || (*s == '.' && is_suffix(s)))
        s++;
    t->kind = T_NAME;
    for (unsigned i = EXPR_GVA; i <= EXPR_HPA; i++)
        if (*s == ':' && s - start == 3 && !strncmp(start, spaces[i], 3)) {
            t->kind = T_SPACE;
            t->value = i;
            s++;
            break;
        }
    p->pos = (unsigned)(s - p->text);
}

static void scan_sign(struct scanner *p, struct token *t)
{
    static const char *const signs[] = {"<<=", ">>=", "<<", ">>", "<=", ">=", "==", "!=", "&&", "||", "++",
                                        "--",  "+=",  "-=", "*=", "/=", "%=", "&=", "|=", "^=", "->"};
    const char *s = p->text + t->at;
    for (unsigned i = 0; i < ARRAY_LEN(signs); i++) {
        size_t n = strlen(signs[i]);
        if (strncmp(s, signs[i], n))
            continue;
        t->kind = T_SIGN;
        t->value = SIGN3((unsigned char)s[0], (unsigned char)s[1], n == 3 ? (unsigned char)s[2] : 0);
        p->pos = t->at + (unsigned)n;
        return;
    }
    p->pos = t->at + 1;
    if (strchr("+-*/%&|^~!<>=?:()[].@", *s)) {
        t->kind = T_SIGN;
        t->value = (unsigned char)*s;
    } else {
        bad(t, NULL);
    }
}

void expr_scan(struct scanner *p, struct token *t)
{
    while (isspace((unsigned char)p->text[p->pos]))
        p->pos++;
    *t = (struct token){.kind = T_END, .at = p->pos, .wrong = p->pos};
    char c = p->text[p->pos];
    if (!c)
        return;
    if (isdigit((unsigned char)c))
        scan_number(p, t);
    else if (c == '\'')
        scan_char(p, t);
    else if (c == '$')
        scan_dollar(p, t);
    else if (name_start(c))
        scan_name(p, t);
    else
        scan_sign(p, t);
    t->len = p->pos > t->at ? p->pos - t->at : 1;
}
