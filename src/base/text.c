/* SPDX-License-Identifier: MIT */
#include "base/text.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

struct text text_hex(uint64_t v)
{
    struct text t;
    int groups = 1, n = 2;
    while (groups < 4 && v >> (16 * groups))
        groups++;
    snprintf(t.s, sizeof t.s, "0x");
    for (int g = groups - 1; g >= 0; g--)
        n += snprintf(t.s + n, sizeof t.s - (size_t)n, g == groups - 1 ? "%x" : "_%04x",
                      (unsigned)(v >> (16 * g) & 0xffff));
    return t;
}

struct text text_size(uint64_t bytes)
{
    static const char *const units[] = {"bytes", "KiB", "MiB", "GiB", "TiB"};
    struct text t;
    size_t u = 0;
    while (u + 1 < ARRAY_LEN(units) && bytes >> (10 * (u + 1)))
        u++;
    uint64_t one = BIT(10 * u);
    if (bytes % one == 0)
        snprintf(t.s, sizeof t.s, "%llu %s", (unsigned long long)(bytes / one), units[u]);
    else
        snprintf(t.s, sizeof t.s, "%.1f %s", (double)bytes / (double)one, units[u]);
    return t;
}

static bool parse(const char *s, uint64_t *v, const char **end)
{
    char *stop;
    if (!isdigit((unsigned char)*s))
        return false;
    errno = 0;
    *v = strtoull(s, &stop, s[0] == '0' && (s[1] == 'x' || s[1] == 'X') ? 16 : 10);
    *end = stop;
    return !errno && stop != s;
}

bool text_parse_u64(const char *s, uint64_t *v)
{
    const char *end;
    return parse(s, v, &end) && !*end;
}

/* As many decimal places as decide about bytes. */
#define FRACTION_MAX UINT64_C(1000000000)

bool text_parse_size(const char *s, uint64_t unit, uint64_t *bytes)
{
    const char *end;
    uint64_t v, whole, part = 0, scale = 1;
    if (!parse(s, &v, &end))
        return false;
    if (*end == '.' && s[1] != 'x' && s[1] != 'X') {
        for (end++; isdigit((unsigned char)*end); end++, scale = min_u64(scale * 10, FRACTION_MAX * 10))
            part = scale < FRACTION_MAX ? part * 10 + (uint64_t)(*end - '0') : part;
        if (scale == 1)
            return false;
    }
    switch (toupper((unsigned char)*end)) {
    case 0: break;
    case 'B': unit = 1; break;
    case 'K': unit = BIT(10); break;
    case 'M': unit = BIT(20); break;
    case 'G': unit = BIT(30); break;
    case 'T': unit = BIT(40); break;
    default: return false;
    }
    if (*end && end[1])
        return false;
    scale = min_u64(scale, FRACTION_MAX);
    return !__builtin_mul_overflow(v, unit, &whole) &&
           !__builtin_add_overflow(whole, (uint64_t)((double)part / (double)scale * (double)unit), bytes);
}
