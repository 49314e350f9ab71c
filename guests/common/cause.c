/* SPDX-License-Identifier: MIT */
#include "riscv.h"

const char *cause_name(uint64_t cause)
{
    static const char *const exception[] = {
        "instruction address misaligned",
        "instruction access fault",
        "illegal instruction",
        "breakpoint",
        "load address misaligned",
        "load access fault",
        "store address misaligned",
        "store access fault",
        "environment call from U",
        "environment call from S",
        "?",
        "?",
        "instruction page fault",
        "load page fault",
        "?",
        "store page fault",
    };
    if (cause & CAUSE_INTERRUPT)
        return "interrupt";
    return cause < 16 ? exception[cause] : "?";
}
