/* SPDX-License-Identifier: MIT */
/* The bytes-and-strings functions that a freestanding compiler expects, and the words of the boot arguments. */
#include "kern.h"

void *memcpy(void *d, const void *s, size_t n)
{
    char *a = d;
    const char *b = s;
    if ((((uintptr_t)a | (uintptr_t)b) & 7) == 0)
        for (; n >= 8; n -= 8, a += 8, b += 8)
            *(uint64_t *)a = *(const uint64_t *)b;
    for (; n; n--)
        *a++ = *b++;
    return d;
}

void *memset(void *d, int c, size_t n)
{
    char *a = d;
    uint64_t v = (uint8_t)c * UINT64_C(0x0101010101010101);
    if (((uintptr_t)a & 7) == 0)
        for (; n >= 8; n -= 8, a += 8)
            *(uint64_t *)a = v;
    for (; n; n--)
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

/* Is this one of the space-separated words of the boot arguments? */
bool boot_word(const char *word)
{
    size_t n = strlen(word);
    const char *s = boot.args;
    while (*s) {
        const char *e = s;
        while (*e && *e != ' ')
            e++;
        if ((size_t)(e - s) == n && memcmp(s, word, n) == 0)
            return true;
        s = *e ? e + 1 : e;
    }
    return false;
}
