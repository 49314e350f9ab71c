/* SPDX-License-Identifier: MIT */
/* The guest's memory by its own virtual addresses: HLV, HSV and HLVX translate as the guest's access would, through both stages. */
#include "hyper.h"

/*
 * One instruction that may trap: stvec points behind it for that long, and scause, cleared before, says whether it did.
 * The trap leaves sstatus.SPP and hstatus.GVA as traps do; both are written again before the guest goes on.
 */
/* clang-format off */
#define TRY(insn, outputs, ...)                                                                                        \
    __asm__ volatile("csrw scause, zero\n la t0, 1f\n csrrw t0, stvec, t0\n" insn "\n .balign 4\n1: csrw stvec, t0"    \
                     : outputs : __VA_ARGS__                                                                           \
                     : "t0", "memory")
/* clang-format on */

static uint64_t outcome(uint64_t *gpa)
{
    uint64_t cause = CSR_READ(scause);
    if (cause) {
        *gpa = CSR_READ(HTVAL) << 2 | (CSR_READ(stval) & 3);
    }
    return cause;
}

uint64_t guest_load(uint64_t gva, uint64_t *value, uint64_t *gpa)
{
    uint64_t v = 0;
    TRY(".insn r 0x73, 4, 0x36, %0, %1, x0", "+r"(v), "r"(gva)); /* hlv.d */
    *value = v;
    return outcome(gpa);
}

uint64_t guest_store(uint64_t gva, uint64_t value, uint64_t *gpa)
{
    TRY(".insn r 0x73, 4, 0x37, x0, %1, %0", "+r"(value), "r"(gva)); /* hsv.d */
    return outcome(gpa);
}

static uint64_t fetch_half(uint64_t gva, uint64_t *value, uint64_t *gpa)
{
    uint64_t v = 0;
    TRY(".insn r 0x73, 4, 0x32, %0, %1, x3", "+r"(v), "r"(gva)); /* hlvx.hu: needs X where a load needs R */
    *value = v;
    return outcome(gpa);
}

/* In halves, since the second may lie on another page. */
uint64_t guest_fetch(uint64_t gva, uint32_t *insn, uint64_t *gpa)
{
    uint64_t low, high = 0, cause = fetch_half(gva, &low, gpa);
    if (!cause && (low & 3) == 3) {
        cause = fetch_half(gva + 2, &high, gpa);
    }
    *insn = (uint32_t)(high << 16 | low);
    return cause;
}

/* Bits 6:0 of a 32-bit load and store; bits 14:12 hold log2(size), and 4 more for an unsigned load. */
enum { OP_LOAD = 0x03, OP_STORE = 0x23 };

static bool decode_32(uint32_t insn, struct access *a)
{
    unsigned op = insn & 0x7f, width = insn >> 12 & 7;
    if ((op != OP_LOAD && op != OP_STORE) || width == 7 || (op == OP_STORE && width > 3)) {
        return false;
    }
    *a = (struct access){.store = op == OP_STORE, .is_signed = width < 3, .size = 1u << (width & 3), .length = 4};
    a->reg = a->store ? insn >> 20 & 31 : insn >> 7 & 31;
    return true;
}

/* Of the compressed ones: c.lw c.ld c.sw c.sd, with x8..x15 in bits 4:2. */
bool decode_access(uint32_t insn, struct access *a)
{
    if ((insn & 3) == 3) {
        return decode_32(insn, a);
    }
    unsigned funct = insn >> 13 & 7;
    if ((insn & 3) != 0 || !(funct & 2)) {
        return false;
    }
    *a = (struct access){.store = funct >= 4, .is_signed = true, .size = funct & 1 ? 8 : 4, .length = 2};
    a->reg = 8 + (insn >> 2 & 7);
    return true;
}

/* htinst: 0 when the machine does not tell; bit 0 clear in a pseudo-instruction; bit 1 clear when the original was compressed. */
bool decode_transformed(uint64_t htinst, struct access *a)
{
    if (!(htinst & 1) || !decode_32((uint32_t)htinst | 2, a)) {
        return false;
    }
    a->length = htinst & 2 ? 4 : 2;
    return true;
}
