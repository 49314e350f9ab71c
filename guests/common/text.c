/* SPDX-License-Identifier: MIT */
#include "text.h"

/* The compiler would turn the loops of memcpy and memset into calls of themselves. */
#define NO_IDIOM __attribute__((optimize("no-tree-loop-distribute-patterns")))

NO_IDIOM void *memcpy(void *to, const void *from, size_t n)
{
    char *d = to;
    const char *s = from;
    if ((((uintptr_t)d | (uintptr_t)s) & 7) == 0)
        for (; n >= 8; n -= 8, d += 8, s += 8)
            *(uint64_t *)d = *(const uint64_t *)s;
    while (n--)
        *d++ = *s++;
    return to;
}

NO_IDIOM void *memset(void *to, int c, size_t n)
{
    char *d = to;
    uint64_t eight = (uint8_t)c * UINT64_C(0x0101010101010101);
    if (((uintptr_t)d & 7) == 0)
        for (; n >= 8; n -= 8, d += 8)
            *(uint64_t *)d = eight;
    while (n--)
        *d++ = (char)c;
    return to;
}

int memcmp(const void *a, const void *b, size_t n)
{
    const uint8_t *x = a, *y = b;
    for (; n; n--, x++, y++)
        if (*x != *y)
            return *x - *y;
    return 0;
}

NO_IDIOM size_t strlen(const char *s)
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

void str_copy(char *to, const char *from, size_t size)
{
    size_t n = strlen(from);
    if (n >= size)
        n = size - 1;
    memcpy(to, from, n);
    to[n] = 0;
}

bool str_number(const char *s, uint64_t *v)
{
    unsigned base = 10;
    if (s[0] == '0' && s[1] == 'x')
        base = 16, s += 2;
    *v = 0;
    if (!*s)
        return false;
    for (; *s; s++) {
        unsigned digit = *s >= '0' && *s <= '9'   ? (unsigned)(*s - '0')
                         : *s >= 'a' && *s <= 'f' ? (unsigned)(*s - 'a' + 10)
                                                  : 99;
        if (digit >= base)
            return false;
        *v = *v * base + digit;
    }
    return true;
}

struct field {
    void (*put)(void *ctx, char c);
    void *ctx;
    unsigned width;
    bool left, zero;
};

static void put_field(const struct field *f, const char *s, size_t n)
{
    size_t pad = f->width > n ? f->width - n : 0;
    for (size_t i = 0; !f->left && i < pad; i++)
        f->put(f->ctx, f->zero ? '0' : ' ');
    for (size_t i = 0; i < n; i++)
        f->put(f->ctx, s[i]);
    for (size_t i = 0; f->left && i < pad; i++)
        f->put(f->ctx, ' ');
}

static void put_number(const struct field *f, uint64_t v, unsigned base, bool negative)
{
    char text[24];
    size_t at = sizeof text;
    do
        text[--at] = "0123456789abcdef"[v % base];
    while (v /= base);
    if (negative)
        text[--at] = '-';
    put_field(f, text + at, sizeof text - at);
}

void format(void (*put)(void *ctx, char c), void *ctx, const char *fmt, va_list ap)
{
    for (; *fmt; fmt++) {
        struct field f = {put, ctx, 0, false, false};
        bool wide = false;
        int64_t d;
        char c;
        if (*fmt != '%') {
            put(ctx, *fmt);
            continue;
        }
        for (fmt++; *fmt == '-' || *fmt == '0'; fmt++)
            *(*fmt == '-' ? &f.left : &f.zero) = true;
        for (; *fmt >= '0' && *fmt <= '9'; fmt++)
            f.width = f.width * 10 + (unsigned)(*fmt - '0');
        if (*fmt == 'l')
            wide = true, fmt++;
        switch (*fmt) {
        case 's': {
            const char *s = va_arg(ap, const char *);
            put_field(&f, s, strlen(s));
            break;
        }
        case 'c':
            c = (char)va_arg(ap, int);
            put_field(&f, &c, 1);
            break;
        case 'd':
            d = wide ? va_arg(ap, int64_t) : va_arg(ap, int);
            put_number(&f, d < 0 ? -(uint64_t)d : (uint64_t)d, 10, d < 0);
            break;
        case 'u': put_number(&f, wide ? va_arg(ap, uint64_t) : va_arg(ap, unsigned), 10, false); break;
        case 'x': put_number(&f, wide ? va_arg(ap, uint64_t) : va_arg(ap, unsigned), 16, false); break;
        case 0: return;
        default: put(ctx, *fmt); break;
        }
    }
}
