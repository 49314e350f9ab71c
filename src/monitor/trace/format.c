/* SPDX-License-Identifier: MIT */
#include "monitor/trace/format.h"

#include <string.h>

static const struct trace_format *const table[] = {
    &trace_format_text,   &trace_format_jsonl,  &trace_format_spike, &trace_format_perfetto,
    &trace_format_chrome, &trace_format_ftrace, &trace_format_pack,
};

const struct trace_format *trace_format(unsigned n)
{
    return n < ARRAY_LEN(table) ? table[n] : NULL;
}

const struct trace_format *trace_format_named(const char *name)
{
    for (unsigned i = 0; i < ARRAY_LEN(table); i++)
        if (!strcmp(table[i]->name, name) || (table[i]->other && !strcmp(table[i]->other, name)))
            return table[i];
    return NULL;
}

/* Does name[0..n) end in one of the suffixes? */
static bool ends_in(const char *name, size_t n, const char *suffixes)
{
    for (const char *s = suffixes; *s; s += strspn(s, " ")) {
        size_t length = strcspn(s, " ");
        if (n > length && !memcmp(name + n - length, s, length))
            return true;
        s += length;
    }
    return false;
}

const struct trace_format *trace_format_of_file(const char *file)
{
    size_t n = file ? strlen(file) : 0;
    if (n > 4 && !strcmp(file + n - 4, ".zst"))
        n -= 4;
    for (unsigned i = 0; i < ARRAY_LEN(table) && file; i++)
        if (ends_in(file, n, table[i]->suffixes))
            return table[i];
    return table[0];
}
