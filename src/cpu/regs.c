/* SPDX-License-Identifier: MIT */
#include "cpu/regs.h"

#include <ctype.h>
#include <string.h>

static const char regs[64][5] = {
    "zero", "ra",  "sp",  "gp",  "tp",  "t0",  "t1",  "t2",  "s0",  "s1",  "a0",   "a1",   "a2",  "a3",  "a4",   "a5",
    "a6",   "a7",  "s2",  "s3",  "s4",  "s5",  "s6",  "s7",  "s8",  "s9",  "s10",  "s11",  "t3",  "t4",  "t5",   "t6",
    "ft0",  "ft1", "ft2", "ft3", "ft4", "ft5", "ft6", "ft7", "fs0", "fs1", "fa0",  "fa1",  "fa2", "fa3", "fa4",  "fa5",
    "fa6",  "fa7", "fs2", "fs3", "fs4", "fs5", "fs6", "fs7", "fs8", "fs9", "fs10", "fs11", "ft8", "ft9", "ft10", "ft11",
};

const char *name_reg(unsigned n)
{
    return n < ARRAY_LEN(regs) ? regs[n] : "?";
}

int reg_by_name(const char *name)
{
    if (!strcmp(name, "fp"))
        return 8;
    /* x0..x31, f0..f31: one spelling for each number. */
    if ((name[0] == 'x' || name[0] == 'f') && isdigit((unsigned char)name[1])) {
        int n = name[1] - '0';
        if (n && isdigit((unsigned char)name[2]))
            n = n * 10 + name[2] - '0';
        if (n < 32 && !name[n < 10 ? 2 : 3])
            return name[0] == 'x' ? n : n + 32;
        return -1;
    }
    for (unsigned i = 0; i < ARRAY_LEN(regs); i++)
        if (!strcmp(regs[i], name))
            return (int)i;
    return -1;
}
