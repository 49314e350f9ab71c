/* SPDX-License-Identifier: MIT */
#include "u.h"

#include <stdarg.h>

void *memcpy(void *d, const void *s, size_t n)
{
    char *a = d;
    const char *b = s;
    while (n--)
        *a++ = *b++;
    return d;
}

void *memset(void *d, int c, size_t n)
{
    char *a = d;
    while (n--)
        *a++ = (char)c;
    return d;
}

int memcmp(const void *a, const void *b, size_t n)
{
    const uint8_t *x = a, *y = b;
    for (; n; n--, x++, y++)
        if (*x != *y)
            return *x - *y;
    return 0;
}

size_t strlen(const char *s)
{
    size_t n = 0;
    while (s[n])
        n++;
    return n;
}

int strcmp(const char *a, const char *b)
{
    while (*a && *a == *b)
        a++, b++;
    return (uint8_t)*a - (uint8_t)*b;
}

long number(const char *s)
{
    long v = 0;
    while (*s >= '0' && *s <= '9')
        v = v * 10 + (*s++ - '0');
    return v;
}

struct out {
    char buf[256];
    size_t n;
};

static void put(struct out *o, char c)
{
    if (o->n == sizeof o->buf) {
        write(1, o->buf, o->n);
        o->n = 0;
    }
    o->buf[o->n++] = c;
}

static void put_number(struct out *o, uint64_t v, unsigned base)
{
    char digits[24];
    int n = 0;
    do
        digits[n++] = "0123456789abcdef"[v % base];
    while (v /= base);
    while (n)
        put(o, digits[--n]);
}

void printf(const char *fmt, ...)
{
    struct out o = {.n = 0};
    va_list ap;
    va_start(ap, fmt);
    for (; *fmt; fmt++) {
        bool wide = false;
        int64_t d;
        if (*fmt != '%') {
            put(&o, *fmt);
            continue;
        }
        if (*++fmt == 'l')
            wide = true, fmt++;
        switch (*fmt) {
        case 's':
            for (const char *s = va_arg(ap, const char *); *s; s++)
                put(&o, *s);
            break;
        case 'd':
            d = wide ? va_arg(ap, int64_t) : va_arg(ap, int);
            if (d < 0)
                put(&o, '-');
            put_number(&o, d < 0 ? -(uint64_t)d : (uint64_t)d, 10);
            break;
        case 'u': put_number(&o, wide ? va_arg(ap, uint64_t) : va_arg(ap, unsigned), 10); break;
        case 'x': put_number(&o, wide ? va_arg(ap, uint64_t) : va_arg(ap, unsigned), 16); break;
        default: put(&o, *fmt); break;
        }
    }
    va_end(ap);
    write(1, o.buf, o.n);
}

const char *bootarg(const char *key)
{
    static char args[256];
    size_t n = strlen(key);
    if (sys3(SYS_bootargs, P(args), sizeof args, 0) < 0)
        return NULL;
    for (char *s = args, *e; *s; s = e) {
        while (*s == ' ')
            s++;
        for (e = s; *e && *e != ' '; e++)
            ;
        if (*e)
            *e++ = 0;
        if (memcmp(s, key, n) == 0 && (s[n] == 0 || s[n] == '='))
            return s[n] ? s + n + 1 : s + n;
    }
    return NULL;
}
