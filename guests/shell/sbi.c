/* SPDX-License-Identifier: MIT */
/* The kernel's way to the firmware, and printing. */
#include <stdarg.h>

#include "shell.h"

struct sbi_ret sbi_call(uint64_t extension, uint64_t function, uint64_t arg0, uint64_t arg1, uint64_t arg2)
{
    register uint64_t a0 __asm__("a0") = arg0;
    register uint64_t a1 __asm__("a1") = arg1;
    register uint64_t a2 __asm__("a2") = arg2;
    register uint64_t a6 __asm__("a6") = function;
    register uint64_t a7 __asm__("a7") = extension;
    __asm__ volatile("ecall" : "+r"(a0), "+r"(a1) : "r"(a2), "r"(a6), "r"(a7) : "memory");
    return (struct sbi_ret){(int64_t)a0, a1};
}

/* Older firmware has no debug console, and every one the legacy calls. */
static bool has_dbcn(void)
{
    enum { PROBE = 3 };
    static int known; /* 0: not asked yet */
    if (!known)
        known = sbi_call(SBI_BASE, PROBE, SBI_DBCN, 0, 0).value ? 2 : 1;
    return known == 2;
}

static void put_byte(uint8_t c)
{
    enum { LEGACY_PUTCHAR = 1, WRITE_BYTE = 2 };
    if (has_dbcn())
        sbi_call(SBI_DBCN, WRITE_BYTE, c, 0, 0);
    else
        sbi_call(LEGACY_PUTCHAR, 0, c, 0, 0);
}

void putc(char c)
{
    if (c == '\n')
        put_byte('\r');
    put_byte((uint8_t)c);
}

/* A byte of input, or -1. */
static int poll_byte(void)
{
    enum { LEGACY_GETCHAR = 2, READ = 1 };
    static volatile uint8_t c;
    if (!has_dbcn())
        return (int)sbi_call(LEGACY_GETCHAR, 0, 0, 0, 0).error;
    struct sbi_ret r = sbi_call(SBI_DBCN, READ, 1, (uint64_t)(uintptr_t)&c, 0);
    return r.error == 0 && r.value == 1 ? c : -1;
}

int getc(void)
{
    int c;
    while ((c = poll_byte()) < 0) {
        /* Nobody tells when a key comes: look again after a hundredth of a second. */
        sbi_call(SBI_TIME, 0, READ_CSR("time") + 100000, 0, 0);
        __asm__ volatile("wfi");
    }
    return c;
}

static void number(uint64_t v, unsigned base, int width, char pad)
{
    char digits[24];
    int n = 0;
    do
        digits[n++] = "0123456789abcdef"[v % base];
    while (v /= base);
    while (width-- > n)
        putc(pad);
    while (n)
        putc(digits[--n]);
}

void print(const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    for (; *fmt; fmt++) {
        if (*fmt != '%') {
            putc(*fmt);
            continue;
        }
        fmt++;
        char pad = *fmt == '0' ? '0' : ' ';
        int width = 0;
        bool wide = false, left = *fmt == '-';
        fmt += left;
        for (; *fmt >= '0' && *fmt <= '9'; fmt++)
            width = width * 10 + *fmt - '0';
        for (; *fmt == 'l'; fmt++)
            wide = true;
        switch (*fmt) {
        case 's': {
            const char *s = va_arg(ap, const char *);
            for (; *s; s++, width--)
                putc(*s);
            while (left && width-- > 0)
                putc(' ');
            break;
        }
        case 'c': putc((char)va_arg(ap, int)); break;
        case 'd': {
            int v = va_arg(ap, int);
            if (v < 0)
                putc('-');
            number(v < 0 ? -(uint64_t)v : (uint64_t)v, 10, width, pad);
            break;
        }
        case 'x':
        case 'u': number(wide ? va_arg(ap, uint64_t) : va_arg(ap, unsigned), *fmt == 'x' ? 16 : 10, width, pad); break;
        default: putc('%'); break;
        }
    }
    va_end(ap);
}
