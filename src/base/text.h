/* SPDX-License-Identifier: MIT */
/* Numbers as people read them. */
#ifndef VITRINE_TEXT_H
#define VITRINE_TEXT_H

#include "base/base.h"

struct text {
    char s[32];
};

/* 0x8020_0000: groups of four digits, at least one group. */
struct text text_hex(uint64_t v);
/* 64 KiB, 1.5 GiB, 17 bytes. */
struct text text_size(uint64_t bytes);
/* "128M", "0x1000", "4G", "12": bytes, with K, M, G or T as powers of 1024; unit multiplies a bare number. False: not a size. */
MUST_USE bool text_parse_size(const char *s, uint64_t unit, uint64_t *bytes);
/* Decimal or 0x, nothing after it. False: not a number or too large. */
MUST_USE bool text_parse_u64(const char *s, uint64_t *v);

#endif
