/* SPDX-License-Identifier: MIT */
/* What is printed, and the end. */
#include "hyper.h"

#include <stdarg.h>

static void host_putc(struct vm *vm, char c)
{
    (void)vm;
    sbi_call(SBI_PUTCHAR, 0, (uint64_t)c, 0, 0);
}

void vm_putc(struct vm *vm, char c)
{
    if (vm->console_used < CONSOLE_SIZE - 1) {
        vm->console[vm->console_used++] = c;
    }
}

typedef void put_fn(struct vm *vm, char c);

static void put_number(put_fn *put, struct vm *vm, uint64_t v, unsigned base)
{
    char digits[24];
    unsigned n = 0;
    do {
        digits[n++] = "0123456789abcdef"[v % base];
        v /= base;
    } while (v);
    while (n) {
        put(vm, digits[--n]);
    }
}

static void put_format(put_fn *put, struct vm *vm, const char *f, va_list args)
{
    for (; *f; f++) {
        if (*f != '%') {
            put(vm, *f);
            continue;
        }
        switch (*++f) {
        case 'x': put_number(put, vm, va_arg(args, uint64_t), 16); break;
        case 'u': put_number(put, vm, va_arg(args, uint64_t), 10); break;
        case 's':
            for (const char *s = va_arg(args, const char *); *s; s++) {
                put(vm, *s);
            }
            break;
        default: put(vm, *f); break;
        }
    }
}

void print(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    put_format(host_putc, NULL, format, args);
    va_end(args);
}

void vm_print(struct vm *vm, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    put_format(vm_putc, vm, format, args);
    va_end(args);
}

void shutdown(bool failed)
{
    sbi_call(SBI_SRST, 0, 0 /* shut down */, failed, 0);
    for (;;) {
    }
}

void host_panic(uint64_t cause, uint64_t epc, uint64_t tval) __attribute__((noreturn));
void host_panic(uint64_t cause, uint64_t epc, uint64_t tval)
{
    print("hyper: unexpected trap: cause %x, pc %x, value %x\n", cause, epc, tval);
    shutdown(true);
}

void *memset(void *to, int c, size_t n)
{
    for (char *p = to; n; n--) {
        *p++ = (char)c;
    }
    return to;
}

void *memcpy(void *to, const void *from, size_t n)
{
    char *p = to;
    for (const char *q = from; n; n--) {
        *p++ = *q++;
    }
    return to;
}
