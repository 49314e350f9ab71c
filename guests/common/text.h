/* SPDX-License-Identifier: MIT */
/* Bytes, strings and formatted text, for kernels and programs alike. */
#ifndef GUEST_TEXT_H
#define GUEST_TEXT_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

void *memcpy(void *to, const void *from, size_t n);
void *memset(void *to, int c, size_t n);
int memcmp(const void *a, const void *b, size_t n);
size_t strlen(const char *s);
int strcmp(const char *a, const char *b);
/* Copies at most size - 1 characters and ends them. */
void str_copy(char *to, const char *from, size_t size);
/* A number, decimal or 0x...; false: not one. */
bool str_number(const char *s, uint64_t *v);

/* %s %c %d %u %x, with l, a width, 0 and - (left); everything goes to put, a character at a time. */
void format(void (*put)(void *ctx, char c), void *ctx, const char *fmt, va_list ap);

#endif
