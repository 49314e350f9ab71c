/* SPDX-License-Identifier: MIT */
#include "bench.h"

/* crt.S and boot_*.S own these. */
extern uint64_t bench_insns_at_reset;
extern const char bench_variant[];

static volatile uint8_t *const uart = (volatile uint8_t *)0x10000000; /* NS16550: 0 THR, 5 LSR (bit 5: THR empty) */

static void put_char(char c)
{
    while (!(uart[5] & 0x20))
        ;
    uart[0] = (uint8_t)c;
}

static void put_str(const char *s)
{
    while (*s)
        put_char(*s++);
}

static void put_hex(uint64_t v)
{
    for (int shift = 60; shift >= 0; shift -= 4)
        put_char("0123456789abcdef"[(v >> shift) & 15]);
}

static void put_dec(uint64_t v)
{
    char digits[20];
    int n = 0;
    do
        digits[n++] = (char)('0' + v % 10);
    while (v /= 10);
    while (n)
        put_char(digits[--n]);
}

void bench_done(const char *name, uint64_t checksum, uint64_t expected, uint64_t ops)
{
    uint64_t now;
    __asm__ volatile("csrr %0, instret" : "=r"(now));
    put_str(name);
    put_str(bench_variant);
    put_str(checksum == expected ? " ok checksum=" : " WRONG checksum=");
    put_hex(checksum);
    if (checksum != expected) {
        put_str(" expected=");
        put_hex(expected);
    }
    put_str(" insns=");
    put_dec(now - bench_insns_at_reset);
    put_str(" ops=");
    put_dec(ops);
    put_char('\n');
    bench_exit(checksum == expected ? 0 : 2);
}

void bench_fail(const char *what, uint32_t code)
{
    put_str("WRONG: ");
    put_str(what);
    put_char('\n');
    bench_exit(code);
}

/* crt.S comes here with a trap that no guest asked for. */
void bench_bad_trap(uint64_t cause, uint64_t epc, uint64_t tval)
{
    put_str("WRONG: trap mcause=");
    put_hex(cause);
    put_str(" mepc=");
    put_hex(epc);
    put_str(" mtval=");
    put_hex(tval);
    put_char('\n');
    bench_exit(99);
}

void *memcpy(void *dst, const void *src, size_t n)
{
    uint8_t *d = dst;
    const uint8_t *s = src;
    if ((((uintptr_t)d | (uintptr_t)s) & 7) == 0) {
        for (; n >= 64; n -= 64, d += 64, s += 64) {
            uint64_t *dw = (uint64_t *)(void *)d;
            const uint64_t *sw = (const uint64_t *)(const void *)s;
            uint64_t a = sw[0], b = sw[1], c = sw[2], e = sw[3];
            uint64_t f = sw[4], g = sw[5], h = sw[6], i = sw[7];
            dw[0] = a, dw[1] = b, dw[2] = c, dw[3] = e;
            dw[4] = f, dw[5] = g, dw[6] = h, dw[7] = i;
        }
    }
    while (n--)
        *d++ = *s++;
    return dst;
}

void *memset(void *dst, int c, size_t n)
{
    uint8_t *d = dst;
    while (n--)
        *d++ = (uint8_t)c;
    return dst;
}

int strcmp(const char *a, const char *b)
{
    while (*a && *a == *b)
        a++, b++;
    return (uint8_t)*a - (uint8_t)*b;
}

char *strcpy(char *dst, const char *src)
{
    char *d = dst;
    while ((*d++ = *src++))
        ;
    return dst;
}
