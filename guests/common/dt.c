/* SPDX-License-Identifier: MIT */
/* The blob: a big-endian header, then a stream of tokens (devicetree specification 0.4, chapter 5). */
#include "dt.h"
#include "text.h"

enum { TOKEN_BEGIN = 1, TOKEN_END = 2, TOKEN_PROP = 3, TOKEN_NOP = 4 };

static uint32_t be32(const uint8_t *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static bool starts(const char *s, const char *with)
{
    return memcmp(s, with, strlen(with)) == 0;
}

static bool contains(const char *s, const char *part)
{
    for (; *s; s++)
        if (starts(s, part))
            return true;
    return false;
}

static void property(struct board *b, const char *node, const char *name, const uint8_t *v, uint32_t len)
{
    if (starts(node, "memory@") && strcmp(name, "reg") == 0 && len >= 16)
        b->ram_size = (uint64_t)be32(v + 8) << 32 | be32(v + 12);
    else if (strcmp(node, "cpus") == 0 && strcmp(name, "timebase-frequency") == 0)
        b->timebase = be32(v);
    else if (strcmp(node, "cpus") == 0 && strcmp(name, "riscv,isa") == 0) /* of the nodes below, one for each hart */
        b->sstc = contains((const char *)v, "_sstc");
    else if (strcmp(node, "chosen") == 0 && strcmp(name, "bootargs") == 0)
        memcpy(b->args, v, len < sizeof b->args ? len : sizeof b->args - 1);
}

void dt_read(const void *tree, struct board *b)
{
    const uint8_t *base = tree, *p;
    const char *strings, *node = "";
    unsigned depth = 0;
    memset(b, 0, sizeof *b);
    b->ram_size = UINT64_C(128) << 20;
    b->timebase = 10000000;
    if (!base || be32(base) != 0xd00dfeed)
        return;
    p = base + be32(base + 8);
    strings = (const char *)base + be32(base + 12);
    for (;;) {
        uint32_t token = be32(p), len;
        p += 4;
        if (token == TOKEN_BEGIN) {
            if (++depth == 2)
                node = (const char *)p;
            p += (strlen((const char *)p) + 4) & ~UINT64_C(3);
        } else if (token == TOKEN_END) {
            depth--;
        } else if (token == TOKEN_PROP) {
            len = be32(p);
            if (depth == 2 || (depth == 3 && strcmp(node, "cpus") == 0))
                property(b, node, strings + be32(p + 4), p + 8, len);
            p += 8 + ((len + 3) & ~3u);
        } else if (token != TOKEN_NOP) {
            return;
        }
    }
}

int dt_arg(const struct board *b, const char *key, char *value, uint64_t size)
{
    size_t n = strlen(key);
    for (const char *s = b->args, *e; *s; s = e) {
        while (*s == ' ')
            s++;
        for (e = s; *e && *e != ' '; e++)
            ;
        if (memcmp(s, key, n) == 0 && (s + n == e || s[n] == '=')) {
            uint64_t len = s + n == e ? 0 : (uint64_t)(e - s) - n - 1;
            len = len < size ? len : size - 1;
            memcpy(value, e - len, len);
            value[len] = 0;
            return 1;
        }
    }
    return 0;
}
