/* SPDX-License-Identifier: MIT */
/* The device tree, as far as this kernel cares: memory size, number of harts, timebase, boot arguments.
 * The blob is big-endian: a header, then a stream of tokens (devicetree specification, chapter 5). */
#include "kern.h"

enum { FDT_BEGIN = 1, FDT_END = 2, FDT_PROP = 3, FDT_NOP = 4 };

static uint32_t be32(const uint8_t *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static bool starts(const char *s, const char *with)
{
    return memcmp(s, with, strlen(with)) == 0;
}

void dt_read(const void *dtb)
{
    const uint8_t *base = dtb, *p;
    const char *strings;
    const char *node[8] = {"", "", "", "", "", "", "", ""};
    unsigned depth = 0;

    boot.ram_size = UINT64_C(128) << 20;
    boot.timebase = 10000000;
    if (!base || be32(base) != 0xd00dfeed) {
        boot.harts = 1;
        return;
    }
    p = base + be32(base + 8);
    strings = (const char *)base + be32(base + 12);
    for (;;) {
        uint32_t token = be32(p);
        p += 4;
        if (token == FDT_BEGIN) {
            if (depth < 8)
                node[depth] = (const char *)p;
            if (depth == 2 && starts(node[1], "cpus") && starts(node[2], "cpu@"))
                boot.harts++;
            depth++;
            p += (strlen((const char *)p) + 4) & ~UINT64_C(3);
        } else if (token == FDT_END) {
            depth--;
        } else if (token == FDT_PROP) {
            uint32_t len = be32(p);
            const char *name = strings + be32(p + 4);
            const uint8_t *v = p + 8;
            if (depth == 2 && starts(node[1], "memory@") && strcmp(name, "reg") == 0 && len >= 16)
                boot.ram_size = (uint64_t)be32(v + 8) << 32 | be32(v + 12);
            if (depth == 2 && strcmp(node[1], "cpus") == 0 && strcmp(name, "timebase-frequency") == 0)
                boot.timebase = be32(v);
            if (depth == 2 && strcmp(node[1], "chosen") == 0 && strcmp(name, "bootargs") == 0)
                memcpy(boot.args, v, len < sizeof boot.args ? len : sizeof boot.args - 1);
            p = v + ((len + 3) & ~3u);
        } else if (token != FDT_NOP) {
            break;
        }
    }
    if (boot.harts > NHART)
        boot.harts = NHART;
}
